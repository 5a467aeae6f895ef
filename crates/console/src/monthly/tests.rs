use std::collections::BTreeMap;

use menshen_store::{
    CaseBody, CaseFamily, CaseSource, Entry, Grading, NewCase, NewIncident, Opinion, Options, Store, SubmissionRow,
};
use serde_json::json;

use super::*;

const DAY_US: i64 = 86_400_000_000;

fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

fn read<T: serde::de::DeserializeOwned>(id: &str) -> T {
    serde_json::from_value(json!(id)).unwrap()
}

/// A store with a script of requests; gives what was written, by month and tenant, counted by hand.
async fn scripted(store: &Store) -> BTreeMap<(&'static str, &'static str, &'static str), u64> {
    let mut counted = BTreeMap::new();
    let actions = ["pass", "guide", "answer", "redact", "decline", "review", "block", "suspend"];
    // The month begins in the house's zone: with no offset, at midnight UTC.
    for (month, from, days) in [("09", at("2026-09-01T00:00:00Z"), 30), ("10", at("2026-10-01T00:00:00Z"), 31)] {
        for n in 0..97i64 {
            let tenant = ["acme", "rival"][usize::from(n % 3 == 0)];
            let action = actions[(n * n + if month == "10" { n } else { 0 }) as usize % actions.len()];
            // The first and the last microsecond of the month are in it.
            let when = match n {
                0 => from,
                1 => from + days * DAY_US - 1,
                n => from + (n * 7_919 % (days * 24)) * (DAY_US / 24),
            };
            let mut entry = Entry::request(uuid(n, month), when);
            entry.tenant = Some(tenant.to_owned());
            entry.app = Some("shop".to_owned());
            let outcome = if action == "pass" { "allowed" } else { "intervened" };
            entry.outcome = Some(read(outcome));
            entry.action = Some(read(action));
            entry.timings = json!({"total_us": 1000 * n, "tokens": 10});
            store.record(entry).await.unwrap();
            for name in ["all", tenant] {
                *counted.entry((month, name, action)).or_default() += 1;
            }
        }
    }
    counted
}

fn uuid(n: i64, month: &str) -> uuid::Uuid {
    let text = format!("00000000-0000-7000-80{month}-{n:012}");
    text.parse().unwrap()
}

async fn house() -> (tempfile::TempDir, Store, Arc<Reports>) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { day_offset_min: 0, retention_days: 3650, ..Options::default() };
    let store = Store::open(dir.path(), options).await.unwrap();
    let campaigns = Campaigns::open(dir.path()).await.unwrap();
    let reports = Reports::new(store.clone(), campaigns);
    (dir, store, reports)
}

#[tokio::test]
async fn the_figures_are_those_of_the_records() {
    let (_dir, store, reports) = house().await;
    let counted = scripted(&store).await;
    let opinion =
        store.put_feedback(uuid(5, "10"), None, Opinion::FalsePositive, None, "person:a", at("2026-11-02T00:00:00Z"));
    opinion.await.unwrap();
    let row = |id: &str, state: &str, updated: &str| SubmissionRow {
        id: id.to_owned(),
        created_us: at("2026-09-20T00:00:00Z"),
        updated_us: at(updated),
        state: state.to_owned(),
        range: "shop".to_owned(),
        reporter: "red".to_owned(),
        fingerprint: id.to_owned(),
        score: None,
        document: json!({}),
    };
    for row in [
        row("v1", "fixed", "2026-10-05T00:00:00Z"),
        row("v2", "fixed", "2026-09-25T00:00:00Z"),
        row("v3", "confirmed", "2026-10-06T00:00:00Z"),
    ] {
        reports.campaigns.submit(&row, "red", "submitted", &json!({})).await.unwrap();
    }
    let now = "2026-11-03T00:00:00Z".parse().unwrap();
    for (name, tenant) in [("all", None), ("acme", Some("acme")), ("rival", Some("rival"))] {
        let month = reports.month("2026-10", tenant, tenant.is_some(), now).await.unwrap();
        for (figures, of) in [(&month.now, "10"), (&month.before, "09")] {
            let sum = |ids: &[&'static str]| ids.iter().filter_map(|id| counted.get(&(of, name, *id))).sum::<u64>();
            let all = ["pass", "guide", "answer", "redact", "decline", "review", "block", "suspend"];
            assert_eq!(figures.requests, sum(&all), "{name} {of}");
            assert_eq!(Monthly::stopped(figures), sum(&["decline", "review", "block", "suspend"]), "{name} {of}");
            assert_eq!(Monthly::answered(figures), sum(&["guide", "answer"]), "{name} {of}");
            assert_eq!(figures.actions["redact"], sum(&["redact"]));
            let by_day: u64 = figures.series.iter().flat_map(|p| p.outcomes.values()).sum();
            assert_eq!(by_day, figures.requests, "the days add up to the month");
        }
        assert_eq!(month.redteam.is_some(), tenant.is_none());
        assert_eq!(month.chain.is_some(), tenant.is_none());
        assert!(!month.unfinished);
        // Whatever is written says the same figures.
        for chinese in [true, false] {
            let html = String::from_utf8(set(&month, Format::Html, chinese).unwrap()).unwrap();
            assert!(html.contains(&format!("{}", Monthly::stopped(&month.now))) && html.contains("<svg"));
            let other = if tenant == Some("acme") { "rival" } else { "acme" };
            assert!(tenant.is_none() || !html.contains(other));
            assert!(!html.contains("<script"));
        }
        for format in [Format::Pdf, Format::Docx] {
            assert!(set(&month, format, true).unwrap().len() > 1000);
        }
    }
    let month = reports.month("2026-10", None, false, now).await.unwrap();
    let team = month.redteam.unwrap();
    assert_eq!((team.submitted, team.fixed, team.open), ([0, 3], [1, 1], [1, 0]));
    assert_eq!(team.list, [("v1".to_owned(), "shop".to_owned())]);
    assert_eq!(month.now.feedback["false_positive"], 1, "it is of the month of its record");
    // The chain's end: the last record before November, with the hash that the record's own proof names.
    let end = month.chain.unwrap().end.unwrap();
    let proof = store.proof(uuid(96, "10"), None).await.unwrap().unwrap();
    assert_eq!((end.seq, end.hash), (proof.seq, proof.hash));
}

#[tokio::test]
async fn cases_and_incidents_are_counted_by_month_and_tenant() {
    let (_dir, store, reports) = house().await;
    let incident = |tenant: Option<&str>, drill, signal: Option<&str>| NewIncident {
        tenant: tenant.map(str::to_owned),
        drill,
        announce: false,
        title: "harmful answers".to_owned(),
        grading: Grading { class: "content".to_owned(), grade: "general".to_owned(), ..Grading::default() },
        facts: serde_json::Map::new(),
        signal: signal.map(str::to_owned),
        occurred_us: None,
        aware_us: at("2026-09-10T00:00:00Z"),
    };
    for (new, when) in [
        (incident(None, false, None), "2026-10-01T00:00:00Z"),
        (incident(Some("acme"), false, None), "2026-10-31T23:59:59Z"),
        (incident(Some("acme"), false, None), "2026-09-30T23:59:59Z"),
        (incident(Some("rival"), true, None), "2026-10-10T00:00:00Z"),
        (incident(Some("acme"), false, Some("leaks")), "2026-10-11T00:00:00Z"),
    ] {
        store.open_incident(new, |_| Vec::new(), "person:a", at(when)).await.unwrap();
    }
    for (tenant, when) in [("acme", "2026-10-02T00:00:00Z"), ("rival", "2026-09-02T00:00:00Z")] {
        let due_us = at(when) + DAY_US;
        let case = NewCase {
            tenant: tenant.to_owned(),
            app: "shop".to_owned(),
            user: None,
            family: CaseFamily::Complaint,
            kind: "generated".to_owned(),
            category: None,
            source: CaseSource::App,
            lang: "zh".to_owned(),
            once: None,
            request_id: None,
            body: CaseBody { text: "不准确".to_owned(), ..CaseBody::default() },
            ack_due_us: due_us,
            soon_us: due_us,
            due_us,
        };
        store.open_case(case, "key", at(when)).await.unwrap();
    }
    let now = "2026-11-03T00:00:00Z".parse().unwrap();
    for (tenant, received, incidents, drills) in [
        (None, [1, 1], [2, 1], [1, 0]),
        (Some("acme"), [1, 0], [1, 1], [0, 0]),
        (Some("rival"), [0, 1], [0, 0], [1, 0]),
    ] {
        let month = reports.month("2026-10", tenant, tenant.is_some(), now).await.unwrap();
        let count = |id: &str| month.others.iter().find(|o| o.id == id).unwrap().count;
        assert_eq!(
            (count("received"), count("incidents"), count("drills")),
            (received, incidents, drills),
            "{tenant:?}"
        );
        assert_eq!((count("answered"), count("closed")), ([0, 0], [0, 0]));
        for (chinese, title) in [(true, "收到的申诉、投诉与举报"), (false, "Incidents opened")] {
            let html = String::from_utf8(set(&month, Format::Html, chinese).unwrap()).unwrap();
            assert!(html.contains(title));
        }
    }
}

#[tokio::test]
async fn a_month_is_a_month() {
    let (_dir, _store, reports) = house().await;
    let now = "2026-11-03T00:00:00Z".parse().unwrap();
    for month in ["", "2026", "2026-13", "2026-1", "2026-10-01", "1969-12", "9999-12", "１２３４-01"] {
        assert!(reports.month(month, None, false, now).await.is_err(), "{month}");
    }
    let empty = reports.month("2026-11", None, false, now).await.unwrap();
    assert!(empty.unfinished && empty.now.requests == 0);
    assert!(set(&empty, Format::Html, false).is_ok());
}
