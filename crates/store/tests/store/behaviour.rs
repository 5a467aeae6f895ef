//! Alarms, measures, and what is learned from marks.

use menshen_store::{
    AlarmDecision, AlarmFilter, Behaving, DampingRule, Error, Filter, Level, NewAlarm, NewMeasure, Store, SubjectKind,
};
use serde_json::json;

use crate::folder::{DAY, NOW, open};

const MINUTE: i64 = 60_000_000;
const RULE: DampingRule = DampingRule { whole_app: false, step_percent: 60, least_percent: 25, lasts_s: 86_400 };

fn ann() -> Behaving {
    Behaving { tenant: "acme".into(), app: "shop".into(), kind: SubjectKind::User, subject: "ann".into() }
}

fn alarm(grade: &str, score: u32) -> NewAlarm {
    NewAlarm {
        who: ann(),
        grade: grade.into(),
        score,
        reasons: json!([{"signal": "risky-run", "points": score}]),
        request_id: Some("r".into()),
        human: grade == "decide",
    }
}

fn measure(level: Level, minutes: i64) -> NewMeasure {
    NewMeasure { level, percent: 50, until_us: NOW + minutes * MINUTE, reason: "test".into() }
}

async fn events(store: &Store) -> Vec<String> {
    let mut page = store.records(&Filter::default(), None, 1000).await.unwrap();
    page.reverse();
    page.into_iter().filter_map(|r| r.event).filter(|e| e.starts_with("behaviour.")).collect()
}

#[tokio::test]
async fn a_measure_holds_until_its_end_and_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    assert!(!store.any_measure());
    let raised = store.raise(alarm("throttle", 60), Some(measure(Level::Throttle, 10)), NOW).await.unwrap();
    assert_eq!(store.measure(&ann(), NOW).unwrap().alarm, Some(raised.id.clone()));
    // What is milder changes nothing, what is stricter takes its place.
    store.raise(alarm("warn", 30), Some(measure(Level::Warn, 90)), NOW + 1).await.unwrap();
    assert_eq!(store.measure(&ann(), NOW + 1).unwrap().level, Level::Throttle);
    store.raise(alarm("suspend", 90), Some(measure(Level::Suspend, 20)), NOW + 2).await.unwrap();
    assert_eq!(store.measure(&ann(), NOW + 2).unwrap().level, Level::Suspend);
    let slower = NewMeasure { percent: 10, ..measure(Level::Throttle, 90) };
    store.raise(alarm("throttle", 75), Some(slower), NOW + 3).await.unwrap();
    assert_eq!(store.measure(&ann(), NOW + 3).unwrap().level, Level::Suspend);
    let others = [
        Behaving { app: "desk".into(), ..ann() },
        Behaving { tenant: "rival".into(), ..ann() },
        Behaving { kind: SubjectKind::Key, ..ann() },
    ];
    for other in &others {
        assert_eq!(store.measure(other, NOW + 2), None);
    }
    store.close().await.unwrap();
    let store = Store::open(dir.path(), menshen_store::Options::default()).await.unwrap();
    // What has ended by the clock is not loaded; the tests' clock stands in the past.
    assert_eq!(store.measure(&ann(), NOW + 20 * MINUTE), None);
    let past = store.measures_of(&ann(), 10).await.unwrap();
    assert_eq!(past.iter().map(|m| m.level).collect::<Vec<_>>(), [Level::Suspend, Level::Throttle]);
    assert_eq!(past[1].ended_by.as_deref(), Some("behaviour"));
    let now = jiff::Timestamp::now().as_microsecond();
    let long = NewMeasure { until_us: now + DAY, ..measure(Level::Suspend, 0) };
    let held = store.impose(&ann(), long, "person:wei", now).await.unwrap();
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    assert_eq!(store.measure(&ann(), now + 1), Some(held.clone()));
    assert_eq!(store.measure(&ann(), now + DAY), None, "it ends by itself");
    let held = store.impose(&ann(), NewMeasure { until_us: now + DAY, ..measure(Level::Warn, 0) }, "wei", now).await;
    let ended = store.end_measure(&held.unwrap().id, "wei", now + 3).await.unwrap();
    assert!(matches!(store.end_measure(&ended.id, "wei", now + 4).await, Err(Error::NotFound { .. })));
    assert_eq!(
        events(&store).await,
        [
            "behaviour.alarm",
            "behaviour.alarm",
            "behaviour.alarm",
            "behaviour.alarm",
            "behaviour.measure",
            "behaviour.measure",
            "behaviour.end"
        ]
    );
    assert!(store.verify().await.unwrap().is_whole());
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_false_alarm_ends_what_was_done_and_is_learned_from_boundedly_and_can_be_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut percents = Vec::new();
    for n in 0..4 {
        let at = NOW + n * 10;
        let raised = store.raise(alarm("suspend", 90), Some(measure(Level::Suspend, 60)), at).await.unwrap();
        assert!(store.measure(&ann(), at).is_some());
        let note = Some("其实是安全研究员".to_owned());
        let decide =
            |decision, tenant| store.decide_alarm(&raised.id, tenant, decision, note.clone(), RULE, "wei", at + 1);
        assert!(matches!(decide(AlarmDecision::FalseAlarm, Some("rival")).await, Err(Error::NotFound { .. })));
        let (decided, learned) = decide(AlarmDecision::FalseAlarm, Some("acme")).await.unwrap();
        assert_eq!((decided.decision, decided.note), (Some(AlarmDecision::FalseAlarm), note.clone()));
        assert_eq!(store.measure(&ann(), at + 1), None);
        assert!(matches!(decide(AlarmDecision::Confirmed, None).await, Err(Error::NotFound { .. })), "decided twice");
        percents.push((learned[0].percent, learned[0].marks));
    }
    assert_eq!(percents, [(60, 1), (36, 2), (25, 3), (25, 4)]);
    let held = store.dampings(NOW + 100);
    assert_eq!((held.len(), held[0].subject.as_str()), (1, "ann"));
    assert!(store.dampings(NOW + 2 * DAY).is_empty(), "it ends by itself");
    store.undamp(&held[0].id, "wei", NOW + 100).await.unwrap();
    assert!(store.dampings(NOW + 100).is_empty());
    assert!(matches!(store.undamp(&held[0].id, "wei", NOW + 101).await, Err(Error::NotFound { .. })));

    // A settled one ends what was done and teaches nothing; a confirmed one does neither.
    for (decision, stands) in [(AlarmDecision::Settled, false), (AlarmDecision::Confirmed, true)] {
        let raised = store.raise(alarm("decide", 140), Some(measure(Level::Suspend, 60)), NOW + 200).await.unwrap();
        let (_, learned) = store.decide_alarm(&raised.id, None, decision, None, RULE, "wei", NOW + 201).await.unwrap();
        assert_eq!((learned.len(), store.measure(&ann(), NOW + 201).is_some()), (0, stands));
    }
    let all = store.alarms(&AlarmFilter::default(), 100).await.unwrap();
    assert_eq!(all.len(), 6);
    assert!(store.alarms(&AlarmFilter { open: true, ..AlarmFilter::default() }, 100).await.unwrap().is_empty());
    let rival = AlarmFilter { tenant: Some("rival".into()), ..AlarmFilter::default() };
    assert!(store.alarms(&rival, 100).await.unwrap().is_empty());
    store.close().await.unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(9).any(|w| w == "研究员".as_bytes()), "a note lies there in the clear");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let long = Behaving { subject: "x".repeat(513), ..ann() };
    for (who, new) in [
        (long, measure(Level::Warn, 1)),
        (ann(), measure(Level::Warn, 0)),
        (ann(), NewMeasure { percent: 0, ..measure(Level::Throttle, 1) }),
        (ann(), NewMeasure { reason: " ".into(), ..measure(Level::Warn, 1) }),
    ] {
        assert!(matches!(store.impose(&who, new, "wei", NOW).await, Err(Error::Invalid { .. })));
    }
    let huge = NewAlarm { reasons: json!("x".repeat(20_000)), ..alarm("warn", 30) };
    assert!(matches!(store.raise(huge, None, NOW).await, Err(Error::Invalid { .. })));
    assert!(!store.any_measure() && events(&store).await.is_empty());
    assert!(matches!(store.alarm("alm_none").await, Err(Error::NotFound { .. })));
    store.close().await.unwrap();
}
