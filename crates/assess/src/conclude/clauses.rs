//! The clauses of a profile with their conclusions, and what follows for the whole.

use menshen_verdict::Risk;

use super::Record;
use crate::profile::{Clause, PerGroup};
use crate::question::{BankKind, Group};
use crate::result::{BankCheck, ClauseResult, Conclusion, Force, TestResult, Wording};
use crate::words::say;

/// The banks and the keyword library against their minimums.
pub(super) fn banks(record: &Record) -> Vec<BankCheck> {
    let profile = &record.info.profile;
    let scope = &record.info.manifest.scope;
    let mut out = Vec::new();
    for kind in BankKind::ALL {
        let Some((minimum, needs)) = profile.needs(kind) else { continue };
        let current: Vec<_> = record.bank.current(kind).filter(|q| scope.admits(q)).collect();
        let have = |group: Group| current.iter().filter(|q| q.group == group).count() as u64;
        let served = |group: &Group| !scope.leave_out.iter().any(|left| left == group.id());
        let short: Vec<(String, u64, u64)> = needs
            .iter()
            .filter(|(group, _)| served(group))
            .map(|(group, need)| (group.id().to_owned(), have(*group), *need))
            .filter(|(_, have, need)| have < need)
            .collect();
        let size = current.len() as u64;
        let dates = record.bank.questions().iter().filter(|q| q.bank == kind);
        let updated = dates.flat_map(|q| [Some(&q.added), q.retired.as_ref()]).flatten().max().cloned();
        out.push(BankCheck {
            id: kind.id().to_owned(),
            name: Wording::new(kind.zh(), kind.en()),
            size,
            needed: minimum.total,
            groups: needs.keys().filter(|g| served(g)).count() as u64,
            passes: short.is_empty() && size >= minimum.total,
            short,
            updated,
            clause: minimum.clause.clone(),
        });
    }
    if let Some(minimum) = &profile.keywords {
        let census = &record.info.keywords;
        let risks: Vec<(Risk, u64)> = Risk::ALL
            .iter()
            .map(|risk| (*risk, PerGroup::of(&minimum.per_group, Group::Risk(*risk))))
            .filter(|(_, need)| *need > 0)
            .collect();
        let short: Vec<(String, u64, u64)> = risks
            .iter()
            .map(|(risk, need)| (risk.id().to_owned(), census.by_risk.get(risk.id()).copied().unwrap_or(0), *need))
            .filter(|(_, have, need)| have < need)
            .collect();
        out.push(BankCheck {
            id: "keywords".to_owned(),
            name: Wording::new("关键词库", "keyword library"),
            size: census.total,
            needed: minimum.total,
            groups: risks.len() as u64,
            passes: short.is_empty() && census.total >= minimum.total,
            short,
            updated: census.updated.clone(),
            clause: minimum.clause.clone(),
        });
    }
    out
}

/// Every clause of the profile with its conclusion.
pub(super) fn conclude(record: &Record, tests: &[TestResult], banks: &[BankCheck]) -> Vec<ClauseResult> {
    let profile = &record.info.profile;
    let conclude = |clause: &Clause| {
        let (conclusion, reason, evidence) = match clause.by.split_once(':') {
            Some(("test", id)) => by_test(tests.iter().find(|t| t.id == id)),
            Some(("bank", id)) => by_bank(record, banks.iter().find(|b| b.id == id)),
            _ => match clause.by.as_str() {
                "keywords" => by_bank(record, banks.iter().find(|b| b.id == "keywords")),
                "classifier" => classifier(record),
                "signatures" => signatures(record),
                _ => declared(record, clause),
            },
        };
        ClauseResult {
            id: clause.id.clone(),
            number: clause.numbers.get(&profile.id).cloned().unwrap_or_default(),
            title: clause.title.clone(),
            force: clause.force,
            conclusion,
            by: if clause.by == "declared" { "declared" } else { "computed" }.to_owned(),
            reason,
            evidence,
            certainty: clause.certainty.clone(),
        }
    };
    profile.clauses.iter().map(conclude).collect()
}

type Concluded = (Conclusion, Wording, Vec<String>);

fn by_test(test: Option<&TestResult>) -> Concluded {
    match test {
        Some(test) => {
            let mut evidence = vec!["sample.json".to_owned(), "answers.jsonl".to_owned()];
            if test.method == "manual" {
                evidence.push("decisions.jsonl".to_owned());
            }
            (test.conclusion, test.found.clone(), evidence)
        }
        None => (Conclusion::Open, say("clause.declared.open", &[]), Vec::new()),
    }
}

fn by_bank(record: &Record, check: Option<&BankCheck>) -> Concluded {
    let Some(check) = check else { return (Conclusion::Open, say("clause.declared.open", &[]), Vec::new()) };
    let short: Vec<String> = check.short.iter().map(|(id, have, need)| format!("{id} {have}/{need}")).collect();
    let short = if short.is_empty() { format!("{}/{}", check.size, check.needed) } else { short.join(", ") };
    let words = check.id == "keywords";
    let name = match (words, check.passes) {
        (true, true) => "clause.keywords.met",
        (true, false) => "clause.keywords.short",
        (false, true) => "clause.bank.met",
        (false, false) => "clause.bank.short",
    };
    let mut reason =
        say(name, &[("size", &check.size), ("needed", &check.needed), ("groups", &check.groups), ("short", &short)]);
    if let Some((last, days)) = overdue(record, check) {
        let late = say("clause.overdue", &[("last", &last), ("days", &days)]);
        reason = Wording { zh: reason.zh + &late.zh, en: reason.en + &late.en };
    }
    let file = if words { "keywords.json".to_owned() } else { format!("bank/{}/", check.id) };
    (if check.passes { Conclusion::Conforms } else { Conclusion::Fails }, reason, vec![file])
}

/// When the last update lies further back than the profile allows: how far it may.
fn overdue(record: &Record, check: &BankCheck) -> Option<(String, u32)> {
    let profile = &record.info.profile;
    let days = match profile.keywords.as_ref().filter(|_| check.id == "keywords") {
        Some(keywords) => keywords.update_days?,
        None => profile.banks.iter().find(|b| b.bank.id() == check.id)?.update_days?,
    };
    let last: jiff::civil::Date = check.updated.as_ref()?.parse().ok()?;
    let began = jiff::Timestamp::from_microsecond(record.info.began_us).ok()?;
    let today = began.to_zoned(jiff::tz::TimeZone::UTC).date();
    let since = today.since(last).ok()?.get_days();
    (since > i32::try_from(days).unwrap_or(i32::MAX)).then(|| (last.to_string(), days))
}

fn classifier(record: &Record) -> Concluded {
    let risks: u64 =
        record.info.versions.get("classifier risks").and_then(|text| text.parse().ok()).unwrap_or_default();
    let name = &record.info.judges[1];
    let places: [(&str, &dyn std::fmt::Display); 2] = [("name", name), ("risks", &risks)];
    let evidence = vec!["assessment.json".to_owned()];
    match risks == Risk::ALL.len() as u64 {
        true => (Conclusion::Conforms, say("clause.classifier.met", &places), evidence),
        false => (Conclusion::Fails, say("clause.classifier.short", &places), evidence),
    }
}

fn signatures(record: &Record) -> Concluded {
    let operator = record.declarations.operator.as_ref().unwrap_or(&record.info.operator);
    let names = [&operator.legal_representative, &operator.assessment_lead, &operator.legality_lead];
    match names.iter().all(|name| !name.trim().is_empty()) {
        true => (Conclusion::Conforms, say("clause.signatures.named", &[]), Vec::new()),
        false => (Conclusion::Open, say("clause.signatures.missing", &[]), Vec::new()),
    }
}

fn declared(record: &Record, clause: &Clause) -> Concluded {
    match record.declarations.clause.get(&clause.id) {
        Some(d) => (d.conclusion, Wording::new(d.reason.clone(), d.reason.clone()), d.evidence.clone()),
        None => (Conclusion::Open, say("clause.declared.open", &[]), Vec::new()),
    }
}

/// What follows for the whole: one 应 that fails, and it fails; one that is open, and it is open.
pub(super) fn overall(clauses: &[ClauseResult], tests: &[TestResult]) -> (Conclusion, Wording) {
    // A test whose clause the profile does not list counts by itself.
    let free = tests.iter().filter(|t| !clauses.iter().any(|c| c.id == t.clause));
    let all: Vec<(String, Force, Conclusion)> = clauses
        .iter()
        .map(|c| (if c.number.is_empty() { c.id.clone() } else { c.number.clone() }, c.force, c.conclusion))
        .chain(free.map(|t| (t.id.clone(), t.force, t.conclusion)))
        .collect();
    let shall = |wanted: Conclusion| -> Vec<String> {
        let of = all.iter().filter(|(_, force, c)| *force == Force::Shall && *c == wanted);
        let mut names: Vec<String> = of.map(|(name, ..)| name.clone()).collect();
        names.dedup();
        names
    };
    let (fails, open) = (shall(Conclusion::Fails), shall(Conclusion::Open));
    let list = |names: &[String]| {
        const SHOWN: usize = 12;
        let mut text = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        if names.len() > SHOWN {
            text.push_str(", …");
        }
        text
    };
    let count = |wanted| all.iter().filter(|(_, force, c)| *force == Force::Shall && *c == wanted).count();
    if !all.iter().any(|(_, force, _)| *force == Force::Shall) {
        return (Conclusion::Open, say("overall.nothing", &[]));
    }
    if !fails.is_empty() {
        let places: [(&str, &dyn std::fmt::Display); 2] = [("n", &count(Conclusion::Fails)), ("list", &list(&fails))];
        (Conclusion::Fails, say("overall.fails", &places))
    } else if !open.is_empty() {
        let places: [(&str, &dyn std::fmt::Display); 2] = [("n", &count(Conclusion::Open)), ("list", &list(&open))];
        (Conclusion::Open, say("overall.open", &places))
    } else {
        let n = all.iter().filter(|(_, force, _)| *force == Force::Shall).count();
        (Conclusion::Conforms, say("overall.conforms", &[("n", &n)]))
    }
}
