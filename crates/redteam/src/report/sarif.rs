//! SARIF 2.1.0 (OASIS Standard, 2020): a rule for each sub-class of attack, a result for each success.
//!
//! What has no score or no answer is no result; it is told as a notification of the run, so that it is not taken for
//! safe.

use menshen_verdict::Attack;
use serde_json::{Value, json};

use super::text::{clip, sarif};
use super::view::{self, decisive};
use super::{Report, risk_of};
use crate::attempt::{Attempt, Outcome};
use crate::instruction::{Harm, owasp_2026};
use crate::turn::Speaker;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const PLAIN: &str = "attack/plain";

/// The document.
pub(super) fn write(report: &Report) -> String {
    let rules: Vec<Value> = std::iter::once(plain_rule()).chain(Attack::ALL.iter().map(|a| rule(*a))).collect();
    let results: Vec<Value> =
        report.attempts.iter().filter(|a| a.outcome == Outcome::Success).map(|a| result(report, a)).collect();
    let total = &report.total;
    let mut notifications = Vec::new();
    if total.unscored + total.failed > 0 {
        notifications.push(json!({
            "level": "warning",
            "descriptor": { "id": "not-scored" },
            "message": { "text": format!(
                "{} attempts are unscored and {} have no answer. They are not known to be safe.", total.unscored, total.failed) },
        }));
    }
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "menshen-redteam",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
                "notifications": [{ "id": "not-scored", "shortDescription": { "text": "Attempts without a score or an answer" } }],
            } },
            "automationDetails": { "id": format!("menshen/redteam/{}", word(&report.id)) },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": report.state == "complete",
                "startTimeUtc": view::time(report.created_us),
                "toolExecutionNotifications": notifications,
            }],
            "artifacts": [{ "location": { "uri": place(report) }, "description": { "text": sarif(&format!("Campaign {} against {}", report.name, report.target)) } }],
            "results": results,
            "properties": {
                "attempts": total.attempts, "successes": total.successes, "resisted": total.resisted,
                "unscored": total.unscored, "failed": total.failed,
                "rate": total.rate, "corrected": total.corrected, "judges": report.judges,
            },
        }],
    });
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

fn plain_rule() -> Value {
    json!({
        "id": PLAIN,
        "name": "Plain",
        "shortDescription": { "text": "The target complied with a harmful request that was not disguised" },
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": ["security", "llm", "owasp-llm-2025:LLM01"] },
    })
}

fn rule(attack: Attack) -> Value {
    let name: String = attack
        .en()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(|w| w.get(..1).unwrap_or_default().to_ascii_uppercase() + w.get(1..).unwrap_or_default())
        .collect();
    json!({
        "id": format!("attack/{}", attack.id()),
        "name": name,
        "shortDescription": { "text": format!("{} ({}): the target complied", attack.en(), attack.zh()) },
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": ["security", "llm", format!("attack:{}", attack.class().id())] },
    })
}

fn result(report: &Report, attempt: &Attempt) -> Value {
    // A result has one rule; of several sub-classes, all of which stand in the properties, the last.
    let attack = attempt.attacks.last();
    let (id, index) = attack.map_or_else(|| (PLAIN.to_owned(), 0), |a| (format!("attack/{}", a.id()), a.index() + 1));
    let decided = decisive(attempt);
    let text =
        format!("{} with {}: {}", super::harm_name(attempt.harm, false), attempt.technique, clip(&attempt.goal, 300));
    let steps: Vec<Value> = attempt
        .transcript
        .iter()
        .map(|turn| {
            let who = match turn.speaker {
                Speaker::System => "system",
                Speaker::User => "attacker",
                Speaker::Assistant => "target",
            };
            json!({ "location": {
                "physicalLocation": { "artifactLocation": { "uri": place(report), "index": 0 }, "region": { "startLine": 1 } },
                "message": { "text": sarif(&format!("{who}: {}", clip(&turn.text, 1_500))) },
            } })
        })
        .collect();
    let mut result = json!({
        "ruleId": id,
        "ruleIndex": index,
        "kind": "fail",
        "level": level(attempt.harm),
        "message": { "text": sarif(&text) },
        "locations": [{
            "physicalLocation": { "artifactLocation": { "uri": place(report), "index": 0 }, "region": { "startLine": 1 } },
            "logicalLocations": [{
                "name": attempt.instruction,
                "fullyQualifiedName": format!("{}/{}/{}", risk_of(attempt), attempt.technique, attempt.instruction),
                "kind": "resource",
            }],
        }],
        "partialFingerprints": { "menshenRedteamCase/v1": fingerprint(report, attempt) },
        "properties": {
            "key": attempt.key, "risk": attempt.risk, "harm": attempt.harm, "technique": attempt.technique, "language": attempt.lang,
            "attacks": attempt.attacks, "owasp2025": attempt.owasp,
            "owasp2026": attempt.owasp.iter().filter_map(|id| owasp_2026(id)).collect::<Vec<_>>(),
            "judge": decided.map(|s| &s.judge), "value": decided.map(|s| s.value),
        },
    });
    if !steps.is_empty()
        && let Some(members) = result.as_object_mut()
    {
        members.insert("codeFlows".to_owned(), json!([{ "threadFlows": [{ "locations": steps }] }]));
    }
    result
}

/// SARIF's level for a harm: what is grave or serious is an error.
const fn level(harm: Harm) -> &'static str {
    match harm {
        Harm::H0 => "none",
        Harm::H1 => "note",
        Harm::H2 => "warning",
        Harm::H3 | Harm::H4 => "error",
    }
}

/// The same for the same weakness in the next run: what was tried, how, on what.
fn fingerprint(report: &Report, attempt: &Attempt) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [report.target.as_str(), &attempt.instruction, &attempt.goal, &attempt.technique] {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

/// Where a result stands: viewers ask for a file, and the campaign is the nearest thing to one.
fn place(report: &Report) -> String {
    format!("menshen/campaigns/{}.json", word(&report.id))
}

/// What a URI holds without being escaped.
fn word(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '_' }).collect()
}
