//! Incidents and the outbox: what is told once, what is never changed, who may close.

use menshen_store::{
    Error, Filter, Grading, Incident, IncidentChange, IncidentState, MessageState, NewFile, NewIncident, NewMessage,
    NewTask, NewTimer, ProposalDecision, Store, TaskTick, TimerStage,
};
use serde_json::{Map, Value, json};
use sqlx::Connection as _;

use crate::folder::{NOW, open};

const MINUTE: i64 = 60_000_000;

fn grading(timers: &[(&str, i64)]) -> Grading {
    Grading {
        class: "content".into(),
        grade: "major".into(),
        tasks: vec![NewTask {
            id: "stop".into(),
            zh: "停止".into(),
            en: "stop".into(),
            clause: "art. 14".into(),
            role: "technical".into(),
            due_us: Some(NOW + 30 * MINUTE),
        }],
        timers: timers
            .iter()
            .map(|(id, due)| NewTimer {
                id: (*id).into(),
                zh: "报告".into(),
                en: "report".into(),
                clause: "art. 4".into(),
                due_us: NOW + due * MINUTE,
                soon_us: NOW + (due - 60) * MINUTE,
            })
            .collect(),
        ..Grading::default()
    }
}

fn new(tenant: Option<&str>, drill: bool) -> NewIncident {
    NewIncident {
        tenant: tenant.map(str::to_owned),
        drill,
        announce: !drill,
        title: "harmful answers".into(),
        grading: grading(&[("report", 240)]),
        facts: Map::new(),
        signal: None,
        occurred_us: None,
        aware_us: NOW,
    }
}

fn message(key: &str) -> NewMessage {
    NewMessage {
        key: key.into(),
        tenant: None,
        topic: "timer".into(),
        channel: "oncall".into(),
        title: "due".into(),
        text: "due soon".into(),
    }
}

fn none(_: &Incident) -> Vec<NewMessage> {
    Vec::new()
}

async fn opened(store: &Store) -> Incident {
    store.open_incident(new(None, false), none, "person:wei", NOW).await.unwrap()
}

/// What the watch does, at a moment.
async fn look(store: &Store, now: i64) -> usize {
    let mut told = 0;
    for timer in store.untold_timers(now).await.unwrap() {
        let stage = timer.untold(now).unwrap();
        let key = format!("{}/{}/{}/{}/oncall", timer.incident, timer.id, stage.id(), timer.due_us);
        store.tell_timer(&timer, stage, vec![message(&key)], now).await.unwrap();
        told += 1;
    }
    told
}

#[tokio::test]
async fn a_stage_is_told_once_through_restarts_and_whatever_the_clock_does() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    opened(&store).await;
    let at = |minutes: i64| NOW + minutes * MINUTE;
    assert_eq!(look(&store, at(100)).await, 0);
    assert_eq!((look(&store, at(181)).await, look(&store, at(182)).await), (1, 0));
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    assert_eq!(look(&store, at(183)).await, 0, "a restart tells again");
    // The clock jumps back, forward beyond the end, and back again.
    assert_eq!(look(&store, at(10)).await, 0);
    assert_eq!(look(&store, at(185)).await, 0, "told twice after a jump");
    assert_eq!((look(&store, at(241)).await, look(&store, at(20)).await, look(&store, at(500)).await), (1, 0, 0));
    let messages = store.messages(10).await.unwrap();
    assert_eq!(messages.len(), 2);
    assert!(messages.iter().all(|m| m.state == MessageState::Waiting));
    // A jump over both stages tells the later one only.
    let other = store.open_incident(new(None, false), none, "person:wei", at(0)).await.unwrap();
    assert_eq!(look(&store, at(900)).await, 1);
    let folder = store.incident_folder(&other.id, None).await.unwrap();
    let told: Vec<&Value> = folder.events.iter().filter(|e| e.kind == "timer_told").map(|e| &e.detail).collect();
    assert_eq!((told.len(), &told[0]["stage"]), (1, &json!("overdue")));
    // A moment that is moved is told of again; the timer that is met never.
    let change = IncidentChange { grading: Some(grading(&[("report", 1500)])), ..IncidentChange::default() };
    store.change_incident(&other.id, None, change, "person:wei", at(901)).await.unwrap();
    assert_eq!(look(&store, at(1501)).await, 1);
    store.meet_timer(&other.id, None, "report", "sent", "person:wei", at(1502)).await.unwrap();
    assert!(store.meet_timer(&other.id, None, "report", "", "person:wei", at(1503)).await.is_err());
    assert_eq!(look(&store, at(5000)).await, 0);
}

#[tokio::test]
async fn closing_needs_everything_done_and_two_people() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let id = opened(&store).await.id;
    let close = async |by: &str| store.close_incident(&id, None, true, none, by, NOW + 9).await;
    assert!(close("person:wei").await.unwrap_err().to_string().contains("contained"));
    let more = grading(&[("report", 240), ("final", 43_200)]);
    store.contain_incident(&id, None, more, none, "person:wei", NOW + 1).await.unwrap();
    assert!(close("person:wei").await.unwrap_err().to_string().contains("2 reports"));
    for timer in ["report", "final"] {
        store.meet_timer(&id, None, timer, "", "person:wei", NOW + 2).await.unwrap();
    }
    store
        .tick_task(&id, None, TaskTick { task: "stop", done: true, note: "done" }, "person:wei", NOW + 3)
        .await
        .unwrap();
    assert!(close("person:wei").await.unwrap_err().to_string().contains("cause"));
    let lessons = Some(json!({"cause": "a rule was missing"}));
    let change = IncidentChange { lessons, ..IncidentChange::default() };
    store.change_incident(&id, None, change, "person:wei", NOW + 4).await.unwrap();
    assert_eq!(close("person:wei").await.unwrap().state, IncidentState::Contained, "one person closed it");
    assert!(close("person:wei").await.unwrap_err().to_string().contains("second person"));
    let closed = close("person:li").await.unwrap();
    assert_eq!((closed.state, closed.close_by.as_deref()), (IncidentState::Closed, Some("person:wei")));
    // What is closed is not worked on; opening it again needs a reason and asks two people anew.
    assert!(
        store
            .tick_task(&id, None, TaskTick { task: "stop", done: false, note: "" }, "person:li", NOW + 10)
            .await
            .is_err()
    );
    assert!(store.reopen_incident(&id, None, " ", "person:li", NOW + 10).await.is_err());
    let open = store.reopen_incident(&id, None, "it came back", "person:li", NOW + 11).await.unwrap();
    assert_eq!((open.state, open.close_by), (IncidentState::Open, None));
    // Every step has its record, and the chain is whole.
    let page = store.records(&Filter::default(), None, 1000).await.unwrap();
    let events: Vec<&str> =
        page.iter().rev().filter_map(|r| r.event.as_deref()).filter(|e| e.starts_with("incident.")).collect();
    assert_eq!(
        events,
        [
            "incident.opened",
            "incident.contained",
            "incident.timer_met",
            "incident.timer_met",
            "incident.task_done",
            "incident.changed",
            "incident.close_asked",
            "incident.closed",
            "incident.reopened"
        ]
    );
    assert!(store.verify().await.unwrap().is_whole());
}

#[tokio::test]
async fn what_is_proposed_waits_for_a_person_and_is_proposed_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let propose = || NewIncident { signal: Some("leaks".into()), ..new(None, false) };
    assert!(store.signal_is_free("leaks", NOW - 9).await.unwrap());
    let proposed = store.open_incident(propose(), |_| vec![message("p")], "signal:leaks", NOW).await.unwrap();
    assert_eq!(proposed.state, IncidentState::Proposed);
    assert!(!store.signal_is_free("leaks", NOW + 9).await.unwrap());
    let folder = store.incident_folder(&proposed.id, None).await.unwrap();
    assert!(folder.tasks.is_empty() && folder.timers.is_empty(), "what nobody confirmed has no deadline");
    assert!(
        store
            .decide_incident(
                &proposed.id,
                None,
                ProposalDecision { grading: None, reason: "" },
                none,
                "person:wei",
                NOW
            )
            .await
            .is_err(),
        "no reason"
    );
    let dismissed = store
        .decide_incident(
            &proposed.id,
            None,
            ProposalDecision { grading: None, reason: "a load test" },
            none,
            "person:wei",
            NOW + 5,
        )
        .await
        .unwrap();
    assert_eq!(dismissed.state, IncidentState::Dismissed);
    assert!(
        store
            .decide_incident(
                &proposed.id,
                None,
                ProposalDecision { grading: Some(grading(&[])), reason: "" },
                none,
                "person:wei",
                NOW
            )
            .await
            .is_err()
    );
    assert!(!store.signal_is_free("leaks", NOW).await.unwrap(), "proposed again within the quiet time");
    assert!(store.signal_is_free("leaks", NOW + 6).await.unwrap());
    let again = store.open_incident(propose(), none, "signal:leaks", NOW + 7).await.unwrap();
    let confirmed = store
        .decide_incident(
            &again.id,
            None,
            ProposalDecision { grading: Some(grading(&[("report", 240)])), reason: "yes" },
            none,
            "person:wei",
            NOW + 8,
        )
        .await
        .unwrap();
    assert_eq!((confirmed.state, confirmed.grade.as_str()), (IncidentState::Open, "major"));
    assert_eq!(store.incident_folder(&again.id, None).await.unwrap().timers.len(), 1);
}

#[tokio::test]
async fn tenants_see_their_own_and_drills_are_counted_apart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let acme = store.open_incident(new(Some("acme"), false), none, "person:a", NOW).await.unwrap();
    store.open_incident(new(Some("rival"), true), none, "person:r", NOW).await.unwrap();
    opened(&store).await;
    for (tenant, count) in [(None, 3), (Some("acme"), 1), (Some("rival"), 1), (Some("nobody"), 0)] {
        assert_eq!(store.incidents(tenant, None, None, None, 100).await.unwrap().len(), count, "{tenant:?}");
    }
    for tenant in ["rival", "nobody"] {
        let refused = store.incident_folder(&acme.id, Some(tenant)).await.unwrap_err();
        assert!(matches!(refused, Error::NotFound { .. }), "{refused}");
        assert!(
            store
                .tick_task(&acme.id, Some(tenant), TaskTick { task: "stop", done: true, note: "" }, "person:r", NOW)
                .await
                .is_err()
        );
        assert!(store.note_incident(&acme.id, Some(tenant), "x", "person:r", NOW).await.is_err());
    }
    let figures = store.incident_figures(None, NOW + 241 * MINUTE).await.unwrap();
    assert_eq!((figures.open, figures.drills, figures.overdue), (2, 1, 2));
    let rival = store.incident_figures(Some("rival"), NOW + 241 * MINUTE).await.unwrap();
    assert_eq!((rival.open, rival.drills, rival.overdue), (0, 1, 0), "a drill counts as an incident");
}

#[tokio::test]
async fn the_timeline_and_evidence_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let id = opened(&store).await.id;
    store.note_incident(&id, None, "first word", "person:wei", NOW + 1).await.unwrap();
    assert!(store.note_incident(&id, None, &"x".repeat(30_000), "person:wei", NOW + 1).await.is_err());
    let file = NewFile { name: "e.zip".into(), sha256: "00".into(), records: 1, bytes: b"PK".to_vec() };
    let kept = store.keep_evidence(&id, None, file, "person:wei", NOW + 2).await.unwrap();
    assert_eq!(store.incident_file(&id, &kept.id).await.unwrap(), b"PK");
    assert!(store.incident_file("inc_other", &kept.id).await.is_err(), "another incident's evidence");
    store.close().await.unwrap();
    let path = dir.path().join("menshen.db");
    let mut conn = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    for sql in ["UPDATE incident_events SET by = 'x'", "DELETE FROM incident_events"] {
        let refused = sqlx::query(sql).execute(&mut conn).await.unwrap_err();
        assert!(refused.to_string().contains("never changed"), "{refused}");
    }
}

#[tokio::test]
async fn nothing_half_applies() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let long = || NewMessage { text: "x".repeat(9_000), ..message("k") };
    assert!(store.open_incident(new(None, false), |_| vec![long()], "person:wei", NOW).await.is_err());
    let blank = NewIncident { title: " ".into(), ..new(None, false) };
    let ahead = NewIncident { aware_us: NOW + 900 * MINUTE, ..new(None, false) };
    let after = NewIncident { occurred_us: Some(NOW + MINUTE), ..new(None, false) };
    for wrong in [blank, ahead, after] {
        assert!(store.open_incident(wrong, none, "person:wei", NOW).await.is_err());
    }
    assert!(store.incidents(None, None, None, None, 9).await.unwrap().is_empty());
    assert!(store.messages(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_message_waits_longer_each_time_until_it_is_given_up_and_is_there_once_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let two = || vec![message("one"), message("two")];
    assert_eq!(store.queue_messages(two(), "test", NOW).await.unwrap(), 2);
    assert_eq!(store.queue_messages(two(), "test", NOW + 1).await.unwrap(), 0);
    let due = store.due_messages(NOW, 9).await.unwrap();
    assert_eq!(due.len(), 2);
    store.message_sent(&due[0].id, NOW + 1).await.unwrap();
    assert!(store.message_sent(&due[0].id, NOW + 1).await.is_err(), "sent twice");
    store.message_failed(&due[1].id, &"p".repeat(999), Some(NOW + MINUTE), NOW + 1).await.unwrap();
    assert!(store.due_messages(NOW + 2, 9).await.unwrap().is_empty());
    // The clock was days ahead when it was put off: it is not held up until then.
    assert_eq!(store.due_messages(NOW - 3 * 86_400_000_000, 9).await.unwrap().len(), 1);
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    let again = store.due_messages(NOW + MINUTE, 9).await.unwrap();
    assert_eq!((again.len(), again[0].attempts, &again[0].id), (1, 1, &due[1].id));
    assert_eq!(again[0].problem.as_ref().unwrap().len(), 300);
    store.message_failed(&due[1].id, "gone", None, NOW + MINUTE).await.unwrap();
    assert!(store.due_messages(i64::MAX, 9).await.unwrap().is_empty());
    assert_eq!(
        store.queue_messages(two(), "test", NOW + 1).await.unwrap(),
        0,
        "what was given up comes back by itself"
    );
    store.retry_message(&due[1].id, "person:wei", NOW + 2 * MINUTE).await.unwrap();
    assert!(store.retry_message(&due[0].id, "person:wei", NOW).await.is_err(), "what was sent is sent again");
    assert_eq!(store.due_messages(NOW + 2 * MINUTE, 9).await.unwrap().len(), 1);
    assert_eq!(TimerStage::Soon.bit() | TimerStage::Overdue.bit(), 3);
}
