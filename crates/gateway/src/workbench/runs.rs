//! Trying a change: on saved cases, and on recent requests in the shadow of what is in force.
//!
//! Both sides of every comparison are decided here and now, with the same models, so what differs is the change. What is
//! kept with the change is counts and ids, never a text.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use menshen_policy::Subject;
use menshen_store::{Entry, EntryKind, Filter, PolicyCase, RecordText};
use menshen_verdict::{Conversation, Role, Side};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::stored;
use crate::error::{Failure, GatewayError};
use crate::gateway::Gateway;
use crate::guard::{Ruling, Snapshot};

/// Larger texts are not decided again in a shadow run.
const LARGEST_TEXT: usize = 256 << 10;
/// Records that are read at a time.
const PAGE: u32 = 20;
/// Examples that are kept of each kind of difference.
const EXAMPLES: usize = 20;
/// Kinds of differences that are kept.
const MOST_KINDS: usize = 200;

/// What a version makes of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Outcome {
    action: &'static str,
    rule: Option<String>,
    answer: Option<String>,
    labels: Vec<String>,
    /// Whether this is what is expected.
    fits: bool,
}

fn decided(ruling: &Ruling) -> (&'static str, Option<String>, Option<String>) {
    let d = &ruling.disposition;
    let answer = d.answer.as_ref().map(|a| format!("{}@{}", a.id, a.version));
    (d.action.id(), d.rule.as_ref().map(ToString::to_string), answer)
}

/// What was found, by every name that a case may expect it under.
fn found(ruling: &Ruling) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for finding in &ruling.verdict.findings {
        names.push(finding.detector.to_string());
        names.push(finding.label.to_string());
    }
    // As rules see it: from one half on a label is taken to be there.
    let labels = &ruling.verdict.labels;
    names.extend(labels.risks.iter().filter(|r| r.score >= 0.5).map(|r| r.id.id().to_owned()));
    names.extend(labels.attacks.iter().filter(|a| a.score >= 0.5).map(|a| a.id.id().to_owned()));
    names.sort();
    names.dedup();
    names.truncate(40);
    names
}

fn role(side: Side) -> Role {
    match side {
        Side::Input => Role::User,
        Side::Output => Role::Assistant,
        Side::Tool => Role::Tool,
    }
}

fn outcome(gateway: &Gateway, snapshot: &Snapshot, case: &PolicyCase) -> Outcome {
    let side = [Side::Input, Side::Output, Side::Tool].into_iter().find(|s| s.id() == case.side).unwrap_or(Side::Input);
    let conversation = crate::api::bare(role(side), side, case.text.clone());
    let subject = subject(case.app.clone(), case.scene.clone());
    let ruling = gateway.guard.rehearse(snapshot, &conversation, side, &subject);
    let (action, rule, answer) = decided(&ruling);
    let labels = found(&ruling);
    let rule_fits =
        |wanted: &String| rule.as_ref().is_some_and(|r| r == wanted || r.split('@').next() == Some(wanted.as_str()));
    let fits = case.action.as_ref().is_none_or(|a| a == action)
        && case.rule.as_ref().is_none_or(rule_fits)
        && case.label.as_ref().is_none_or(|l| labels.contains(l));
    Outcome { action, rule, answer, labels, fits }
}

fn subject(app: Option<String>, scene: Option<String>) -> Subject {
    Subject {
        app: app.unwrap_or_else(|| "default".to_owned()),
        tenant: "default".to_owned(),
        scene,
        ..Subject::default()
    }
}

/// All cases under what is in force and, where there is one, under a change.
pub(crate) async fn cases(
    gateway: &Arc<Gateway>,
    live: Arc<Snapshot>,
    trial: Option<Arc<Snapshot>>,
    version: Option<i64>,
) -> Result<Value, GatewayError> {
    let cases = stored(gateway.store.policy_cases().await)?;
    let budget = Duration::from_millis(gateway.config.workbench.run_budget_ms);
    let gateway_ = Arc::clone(gateway);
    let _turn = gateway.workbench.turn().await?;
    let run = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        let mut rows = Vec::with_capacity(cases.len());
        let (mut failed, mut changed, mut reached) = (0_usize, 0_usize, 0_usize);
        for case in &cases {
            if began.elapsed() > budget {
                break;
            }
            reached += 1;
            let now = outcome(&gateway_, &live, case);
            let then = trial.as_ref().map(|trial| outcome(&gateway_, trial, case));
            let judged = then.as_ref().unwrap_or(&now);
            failed += usize::from(!judged.fits);
            let differs =
                then.as_ref().is_some_and(|t| (t.action, &t.rule, &t.answer) != (now.action, &now.rule, &now.answer));
            changed += usize::from(differs);
            rows.push(json!({"id": case.id, "name": case.name, "now": now, "then": then, "changed": differs}));
        }
        json!({
            "version": version, "cases": cases.len(), "reached": reached, "failed": failed, "changed": changed,
            "took_ms": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX), "rows": rows,
        })
    });
    let stopped = |e| GatewayError::new(Failure::Internal, "the run of the cases stopped").detail(e);
    let mut report = run.await.map_err(stopped)?;
    report["at"] = json!(jiff::Timestamp::now().to_string());
    Ok(report)
}

/// Whether a report says that every case was tried and is as expected.
pub(crate) fn all_fit(report: &Value) -> bool {
    let number = |key: &str| report.get(key).and_then(Value::as_u64);
    number("failed") == Some(0) && number("reached").is_some() && number("reached") == number("cases")
}

#[derive(Default)]
struct Tally {
    count: u64,
    examples: Vec<String>,
}

#[derive(Default)]
struct Shadow {
    read: u64,
    decided: u64,
    without_text: u64,
    too_large: u64,
    same: u64,
    changed: BTreeMap<(String, &'static str, &'static str), Tally>,
    rules: BTreeMap<String, (u64, u64)>,
    first: Option<String>,
    last: Option<String>,
}

/// Recent requests whose text is kept, newest first, decided under what is in force and under a change.
pub(crate) async fn shadow(
    gateway: &Arc<Gateway>,
    live: &Arc<Snapshot>,
    trial: &Arc<Snapshot>,
    version: i64,
    by: &str,
) -> Result<Value, GatewayError> {
    let most = u64::from(gateway.config.workbench.shadow_records);
    let budget = Duration::from_millis(gateway.config.workbench.run_budget_ms);
    let _turn = gateway.workbench.turn().await?;
    // Texts of people are read here, if only by the program: that leaves its record first.
    let mut entry = Entry::event(EntryKind::Admin, "policy.shadow", crate::api::admin::now_us(), json!({"most": most}));
    entry.key_id = Some(by.to_owned());
    stored(gateway.store.record(entry).await)?;
    let began = Instant::now();
    let mut run = Shadow::default();
    let filter = Filter { kind: Some("request".to_owned()), ..Filter::default() };
    let (mut before, mut timed_out) = (None, false);
    'pages: while run.read < most {
        let page = stored(gateway.store.records(&filter, before, PAGE).await)?;
        let Some(last) = page.last() else { break };
        before = Some(last.seq);
        for record in page {
            if began.elapsed() > budget {
                timed_out = true;
                break 'pages;
            }
            if run.read >= most {
                break 'pages;
            }
            run.read += 1;
            let bytes = match record.text {
                RecordText::Encrypted { bytes } => bytes,
                _ => {
                    run.without_text += 1;
                    continue;
                }
            };
            if bytes > LARGEST_TEXT {
                run.too_large += 1;
                continue;
            }
            let Ok(id) = Uuid::parse_str(&record.request_id) else { continue };
            let opened = stored(gateway.store.archive().request(id, true).await)?;
            let Some(opened) = opened.into_iter().find(|r| r.seq == record.seq) else { continue };
            let RecordText::Decrypted { input, output } = opened.text else { continue };
            run.last.get_or_insert_with(|| record.at.clone());
            run.first = Some(record.at);
            let (gateway, live, trial) = (Arc::clone(gateway), Arc::clone(live), Arc::clone(trial));
            let subject = subject(record.app, None);
            let decided = tokio::task::spawn_blocking(move || {
                let sides = [(Side::Input, input), (Side::Output, output)];
                sides
                    .into_iter()
                    .filter(|(_, text)| !text.trim().is_empty())
                    .map(|(side, text)| {
                        let conversation: Conversation = crate::api::bare(role(side), side, text);
                        let one = |s: &Snapshot| decided(&gateway.guard.rehearse(s, &conversation, side, &subject));
                        (side, one(&live), one(&trial))
                    })
                    .collect::<Vec<_>>()
            });
            let stopped = |e| GatewayError::new(Failure::Internal, "the shadow run stopped").detail(e);
            run.note(id, decided.await.map_err(stopped)?);
        }
    }
    Ok(run.report(version, most, timed_out, began.elapsed()))
}

type Decided = (&'static str, Option<String>, Option<String>);

impl Shadow {
    fn note(&mut self, id: Uuid, sides: Vec<(Side, Decided, Decided)>) {
        self.decided += 1;
        let mut same = true;
        for (side, now, then) in sides {
            if now.1 != then.1 {
                for (rule, at) in [(&now.1, 0), (&then.1, 1)] {
                    let Some(rule) = rule else { continue };
                    if self.rules.len() >= MOST_KINDS && !self.rules.contains_key(rule) {
                        continue;
                    }
                    let counts = self.rules.entry(rule.clone()).or_default();
                    if at == 0 { counts.0 += 1 } else { counts.1 += 1 }
                }
            }
            if now == then {
                continue;
            }
            same = false;
            let key = (side.id().to_owned(), now.0, then.0);
            let tally = self.changed.entry(key).or_default();
            tally.count += 1;
            if tally.examples.len() < EXAMPLES {
                tally.examples.push(id.to_string());
            }
        }
        self.same += u64::from(same);
    }

    fn report(self, version: i64, most: u64, timed_out: bool, took: Duration) -> Value {
        let changed: Vec<Value> = self
            .changed
            .into_iter()
            .map(|((side, from, to), tally)| {
                json!({"side": side, "from": from, "to": to, "count": tally.count, "examples": tally.examples})
            })
            .collect();
        let rules: Vec<Value> =
            self.rules.into_iter().map(|(rule, (now, then))| json!({"rule": rule, "now": now, "then": then})).collect();
        json!({
            "version": version, "at": jiff::Timestamp::now().to_string(), "most": most, "read": self.read,
            "decided": self.decided, "without_text": self.without_text, "too_large": self.too_large, "same": self.same,
            "changed": changed, "rules": rules, "timed_out": timed_out, "from": self.first, "to": self.last,
            "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}
