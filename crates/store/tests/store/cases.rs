//! Cases: what is kept of them, and that it stays.

use menshen_store::{
    CaseBody, CaseDecision, CaseFamily, CaseFilter, CaseSource, CaseState, CaseStep, Due, Error, Filter, NewCase,
    Options, Store,
};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::folder::{DAY, NOW, open};

const HOUR: i64 = 3_600_000_000;

fn new(tenant: &str, family: CaseFamily) -> NewCase {
    NewCase {
        tenant: tenant.into(),
        app: "shop".into(),
        user: Some("u1".into()),
        family,
        kind: format!("{}.test", family.id()),
        category: None,
        source: CaseSource::App,
        lang: "zh".into(),
        once: None,
        request_id: None,
        body: CaseBody {
            text: "这条内容不实".into(), contact: Some("li@example.cn".into()), ..CaseBody::default()
        },
        ack_due_us: NOW + HOUR,
        soon_us: NOW + 20 * HOUR,
        due_us: NOW + 24 * HOUR,
    }
}

async fn opened(store: &Store, tenant: &str, family: CaseFamily) -> String {
    store.open_case(new(tenant, family), "key:k1", NOW).await.unwrap().0.id
}

async fn step(store: &Store, id: &str, step: CaseStep, by: &str) -> Result<CaseState, Error> {
    store.step_case(id, None, step, by, NOW + 1).await.map(|case| case.state)
}

fn words() -> String {
    "已收到您的投诉".into()
}

async fn begun(store: &Store, id: &str, by: &str) {
    step(store, id, CaseStep::Acknowledge { text: words() }, by).await.unwrap();
    step(store, id, CaseStep::Start, by).await.unwrap();
}

fn decide(decision: CaseDecision, four_eyes: bool) -> CaseStep {
    CaseStep::Decide { decision, reason: "经核查".into(), four_eyes }
}

#[tokio::test]
async fn a_report_goes_its_way_and_every_step_stands() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let id = opened(&store, "acme", CaseFamily::Report).await;
    assert!(matches!(step(&store, &id, CaseStep::Start, "a").await, Err(Error::Conflict { .. })));
    begun(&store, &id, "a").await;
    let evidence =
        CaseStep::Evidence { url: "https://x.example/1".into(), content: "谣言全文".into(), seen_us: NOW };
    step(&store, &id, evidence, "a").await.unwrap();
    step(&store, &id, decide(CaseDecision::TakeDown, true), "a").await.unwrap();
    let done = CaseStep::Effect { effect: "taken_down".into(), done_us: NOW, note: None };
    for (refused, by) in [
        (CaseStep::Approve, "a"),
        (CaseStep::Answer { text: words() }, "b"),
        (done.clone(), "b"),
        (decide(CaseDecision::NoAction, false), "b"),
    ] {
        let error = step(&store, &id, refused, by).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { .. }), "{error}");
    }
    step(&store, &id, CaseStep::Approve, "b").await.unwrap();
    step(&store, &id, done, "a").await.unwrap();
    assert_eq!(step(&store, &id, CaseStep::Answer { text: words() }, "a").await.unwrap(), CaseState::Answered);
    assert_eq!(step(&store, &id, CaseStep::Close, "a").await.unwrap(), CaseState::Closed);
    let file = store.case_file(&id, Some("acme")).await.unwrap();
    let steps: Vec<&str> = file.events.iter().map(|e| e.step.id()).collect();
    let expected =
        ["open", "acknowledge", "start", "evidence", "decide", "approve", "effect", "answer", "close"].to_vec();
    assert_eq!((steps, file.whole), (expected, true), "refused steps leave nothing");
    assert_eq!((file.body.text.as_str(), file.case.approved_by.as_deref()), ("这条内容不实", Some("b")));
    assert_eq!(file.events[3].detail["content"], "谣言全文");
    // The audit tells of every step, with the hash of what was said and none of it.
    let audit = store.records(&Filter::default(), None, 100).await.unwrap();
    for event in &file.events {
        let told = audit.iter().find(|r| r.verdict["event"] == event.id.as_str()).unwrap();
        assert_eq!(told.verdict["sha256"], event.sha256.as_str());
        assert_eq!(told.event.as_deref(), Some(format!("case.{}", event.step.id()).as_str()));
    }
    store.close().await.unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for text in ["这条内容不实", "li@example.cn", "谣言全文", "经核查"] {
            assert!(!bytes.windows(text.len()).any(|w| w == text.as_bytes()), "{text} is readable on disk");
        }
    }
}

#[tokio::test]
async fn what_was_done_cannot_be_changed_and_what_is_changed_anyway_shows() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let id = opened(&store, "acme", CaseFamily::Complaint).await;
    begun(&store, &id, "a").await;
    store.close().await.unwrap();
    let path = dir.path().join("menshen.db");
    let mut conn = SqliteConnectOptions::new().filename(&path).foreign_keys(true).connect().await.unwrap();
    for refused in [
        "UPDATE case_events SET by = 'x'",
        "DELETE FROM case_events",
        "INSERT INTO case_events SELECT 'x', case_id, 9, at_us, by, step, before, after, detail, sha256, hash FROM case_events LIMIT 1",
        "UPDATE cases SET created_us = 0",
        "UPDATE cases SET tenant = 'rival'",
        "DELETE FROM cases",
    ] {
        assert!(sqlx::query(refused).execute(&mut conn).await.is_err(), "{refused}");
    }
    sqlx::raw_sql("DROP TRIGGER case_events_no_update; UPDATE case_events SET by = 'x' WHERE n = 2")
        .execute(&mut conn)
        .await
        .unwrap();
    drop(conn);
    let store = open(dir.path()).await;
    assert!(!store.case_file(&id, None).await.unwrap().whole);
}

#[tokio::test]
async fn one_tenant_sees_nothing_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let id = opened(&store, "rival", CaseFamily::Appeal).await;
    let own = opened(&store, "acme", CaseFamily::Appeal).await;
    let foreign = [
        store.case(&id, Some("acme")).await.map(drop),
        store.case_file(&id, Some("acme")).await.map(drop),
        store.step_case(&id, Some("acme"), CaseStep::Note { text: words() }, "a", NOW).await.map(drop),
    ];
    for result in foreign {
        assert!(matches!(result, Err(Error::NotFound { .. })));
    }
    let filter = CaseFilter { tenant: Some("acme".into()), all: true, ..CaseFilter::default() };
    let page = store.cases(&filter, None, 50, NOW).await.unwrap();
    assert_eq!(page.cases.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), [own.as_str()]);
    let figures = store.case_statistics(Some("acme"), 0, NOW + DAY, NOW).await.unwrap();
    assert_eq!((figures.open, figures.kinds[0].received), (1, 1));
    assert_eq!(store.case_file(&id, None).await.unwrap().events.len(), 1, "nothing happened to it");
}

#[tokio::test]
async fn the_same_complaint_twice_is_one_case() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let once = || NewCase { once: Some("o-1".into()), ..new("acme", CaseFamily::Complaint) };
    let (one, two) = tokio::join!(store.open_case(once(), "k", NOW), store.open_case(once(), "k", NOW));
    let ((one, fresh_one), (two, fresh_two)) = (one.unwrap(), two.unwrap());
    assert!(one.id == two.id && (fresh_one != fresh_two), "{fresh_one} {fresh_two}");
    assert_eq!(store.case_secret(&one), store.case_secret(&two));
    assert!(store.case_secret(&one).len() >= 32);
    let mut other = once();
    other.body.text = "something else".into();
    assert!(matches!(store.open_case(other, "k", NOW).await, Err(Error::Conflict { .. })));
    let elsewhere = NewCase { app: "mail".into(), ..once() };
    let (elsewhere, _) = store.open_case(elsewhere, "k", NOW).await.unwrap();
    assert!(elsewhere.id != one.id && elsewhere.number != one.number);
    assert_ne!(store.case_secret(&elsewhere), store.case_secret(&one));
    assert_eq!(store.case_of_number(&one.number).await.unwrap().unwrap().id, one.id);
    assert!(store.case_of_number("C20260101-NOTHING").await.unwrap().is_none());
}

#[tokio::test]
async fn late_and_soon_and_the_figures() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let due_us = NOW + 24 * HOUR + n;
        let (case, _) =
            store.open_case(NewCase { due_us, ..new("acme", CaseFamily::Complaint) }, "k", NOW).await.unwrap();
        ids.push(case.id);
    }
    for (n, id) in ids.iter().take(3).enumerate() {
        begun(&store, id, "a").await;
        let at = NOW + (n as i64 + 1) * HOUR;
        store.step_case(id, None, CaseStep::Answer { text: words() }, "a", at).await.unwrap();
    }
    let at = NOW + 21 * HOUR;
    let list = |due: Option<Due>, at: i64| {
        let (store, filter) = (store.clone(), CaseFilter { due, ..CaseFilter::default() });
        async move { store.cases(&filter, None, 50, at).await.unwrap().cases }
    };
    // Two were never acknowledged: they are late although the answer is not.
    assert_eq!(list(Some(Due::Overdue), at).await.len(), 2);
    for id in &ids[3..] {
        begun(&store, id, "a").await;
    }
    let soon = list(Some(Due::Soon), at).await;
    assert_eq!((soon.len(), soon[0].due(at), list(Some(Due::Overdue), at).await.len()), (2, Due::Soon, 0));
    assert_eq!(list(Some(Due::Overdue), NOW + 25 * HOUR).await.len(), 2);
    let figures = store.case_statistics(None, NOW, NOW + DAY, at).await.unwrap();
    assert_eq!((figures.open, figures.soon, figures.overdue, figures.unassigned), (2, 2, 0, 0));
    let kind = &figures.kinds[0];
    assert_eq!((kind.received, kind.answered, kind.in_time, kind.rejected), (5, 3, 3, 0));
    assert_eq!((kind.median_answer_s, figures.median_answer_s), (Some(7_200), Some(7_200)));
    assert_eq!(store.case_statistics(None, NOW + DAY, NOW + 2 * DAY, at).await.unwrap().median_answer_s, None);
    // Pages hang together.
    let all = CaseFilter { all: true, ..CaseFilter::default() };
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.cases(&all, after.as_deref(), 2, NOW).await.unwrap();
        seen.extend(page.cases.into_iter().map(|c| c.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    for wrong in ["", "1", "a.b", "1.2.3", "99999999999999999999.1"] {
        assert!(matches!(store.cases(&all, Some(wrong), 2, NOW).await, Err(Error::Invalid { .. })), "{wrong}");
    }
}

#[tokio::test]
async fn what_is_over_goes_with_its_retention_and_what_is_open_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    let open_id = opened(&store, "acme", CaseFamily::Complaint).await;
    let over = opened(&store, "acme", CaseFamily::Complaint).await;
    let reject = CaseStep::Reject { reason: "not_ours".into(), text: "请向平台反映".into() };
    step(&store, &over, reject, "a").await.unwrap();
    store.prune(NOW + 400 * DAY).await.unwrap();
    assert!(matches!(store.case(&over, None).await, Err(Error::NotFound { .. })));
    assert_eq!(store.case_file(&open_id, None).await.unwrap().events.len(), 1);
    assert!(store.verify().await.unwrap().is_whole());
}

#[tokio::test]
async fn overlong_and_empty_texts_are_refused_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let long = "长".repeat(30_000);
    for body in [
        CaseBody { text: String::new(), ..CaseBody::default() },
        CaseBody { text: long.clone(), ..CaseBody::default() },
        CaseBody { text: "x".into(), url: Some("u".repeat(5_000)), ..CaseBody::default() },
        CaseBody { text: "x".into(), content: Some(long), ..CaseBody::default() },
    ] {
        let new = NewCase { body, ..new("acme", CaseFamily::Report) };
        assert!(matches!(store.open_case(new, "k", NOW).await, Err(Error::Invalid { .. })));
    }
    let all = CaseFilter { all: true, ..CaseFilter::default() };
    assert!(store.cases(&all, None, 50, NOW).await.unwrap().cases.is_empty());
}
