//! The register: what is in it is one tenant's, votes and ticks stay as they were given, and what a review comes to follows
//! from its votes alone.

use menshen_store::{
    Ballot, Error, EthicsReview, FilingItem, NewAsset, NewReviewOf, Options, Registered, Standing, Store, Terms, Tick,
    Vote,
};
use proptest::prelude::*;
use serde_json::json;
use sqlx::Connection as _;

use crate::folder::raw;

const DAY_US: i64 = 86_400_000_000;
const TERMS: Terms = Terms { quorum: 2, approve_percent: 67, reject_stops: false, again_months: 12 };

fn entry(tenant: &str, name: &str) -> Registered {
    Registered {
        id: String::new(),
        tenant: tenant.into(),
        name: name.into(),
        app: Some("shop".into()),
        owner: "wei".into(),
        facts: json!({"purpose": "answers"}),
        profile: json!({"reach": ["public"]}),
        grading: json!({"level": "general", "path": "regular"}),
        level: "general".into(),
        launch: Some("2026-10-01".into()),
        created_us: 0,
        created_by: String::new(),
        updated_us: 0,
        updated_by: String::new(),
        retired_us: None,
    }
}

fn vote(member: &str, vote: Ballot, at_us: i64) -> Vote {
    let conditions = if vote == Ballot::Conditional { "watch it" } else { "" };
    Vote { member: member.into(), vote, reason: "because".into(), conditions: conditions.into(), at_us }
}

async fn opened(store: &Store, entry: &Registered, members: &[&str]) -> Result<EthicsReview, Error> {
    let members = members.iter().map(|m| (*m).to_owned()).collect();
    let new = NewReviewOf {
        entry: entry.clone(),
        path: "regular".into(),
        terms: TERMS,
        members,
        note: String::new(),
        days: 10,
    };
    store.open_review(new, "person:opener", 100).await
}

fn invalid<T: std::fmt::Debug>(result: Result<T, Error>, words: &str) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }) && error.to_string().contains(words), "{error}");
}

#[tokio::test]
async fn an_application_is_one_tenants_and_no_change_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    let made = store.register(entry("acme", "Star"), "person:lin", 10).await.unwrap();
    store.register(entry("rival", "Star"), "person:xu", 10).await.unwrap();
    assert!(store.register(entry("acme", "Star"), "person:lin", 11).await.is_err(), "the name is taken");
    assert_eq!(store.registered(Some("acme")).await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(store.registered(None).await.unwrap().len(), 2);
    assert!(matches!(store.registered_as(&made.id, Some("rival")).await, Err(Error::NotFound { .. })));

    let first = store.reregister(Registered { owner: "an".into(), ..made.clone() }, "person:lin", 20).await.unwrap();
    invalid(store.reregister(Registered { owner: "bo".into(), ..made.clone() }, "x", 30).await, "meanwhile");
    assert_eq!(store.registered_as(&made.id, None).await.unwrap(), first);
    invalid(store.register(Registered { launch: Some("soon".into()), ..entry("acme", "b") }, "x", 1).await, "YYYY");
    invalid(store.register(entry("acme", "\u{1b}[2J"), "x", 1).await, "control");
    invalid(store.register(entry("acme", &"x".repeat(300)), "x", 1).await, "200");
    store.close().await.unwrap();

    // It is there after a new start, and the audit tells of each change.
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    assert_eq!(store.registered_as(&made.id, Some("acme")).await.unwrap(), first);
    assert!(store.verify().await.unwrap().is_whole());
    let mut out = Vec::new();
    store.export(&menshen_store::Filter::default(), false, &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!((text.matches("register.add").count(), text.matches("register.change").count()), (2, 1));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_vote_is_cast_once_by_members_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    let made = store.register(entry("acme", "Star"), "person:lin", 10).await.unwrap();
    invalid(opened(&store, &made, &["person:a", "person:opener"]).await, "interest");
    invalid(opened(&store, &made, &["person:a", "person:lin"]).await, "interest");
    invalid(opened(&store, &made, &["person:a", "person:wei"]).await, "interest");
    invalid(opened(&store, &made, &["person:a", "person:a"]).await, "members");
    let review = opened(&store, &made, &["person:a", "person:b", "person:c"]).await.unwrap();
    invalid(opened(&store, &made, &["person:a", "person:b"]).await, "another review");

    let cast = |who: &str, ballot, at| {
        let (store, id, vote) = (store.clone(), review.id.clone(), vote(who, ballot, at));
        async move { store.vote(&id, "acme", vote).await }
    };
    invalid(cast("person:stranger", Ballot::Approve, 200).await, "only members");
    invalid(cast("person:opener", Ballot::Approve, 200).await, "only members");
    let bare = Vote { conditions: String::new(), ..vote("person:a", Ballot::Conditional, 200) };
    invalid(store.vote(&review.id, "acme", bare).await, "conditions");
    let silent = Vote { reason: " ".into(), ..vote("person:a", Ballot::Approve, 200) };
    invalid(store.vote(&review.id, "acme", silent).await, "reason");
    cast("person:a", Ballot::Approve, 200).await.unwrap();
    invalid(cast("person:a", Ballot::Reject, 210).await, "is cast");
    let standing = cast("person:b", Ballot::Conditional, 220).await.unwrap().standing(230).0;
    assert_eq!(standing, Standing::Open, "one vote is missing, and there is time");
    let done = cast("person:c", Ballot::Recuse, 240).await.unwrap();
    assert_eq!(done.standing(250), (Standing::Conditional, Some(240)));
    assert!(done.holds_until(250).unwrap() > 360 * DAY_US);
    invalid(store.withdraw_review(&done, "person:opener", 260).await, "decided");
    // Of another tenant there is none.
    assert!(matches!(store.review_of(&review.id, Some("rival")).await, Err(Error::NotFound { .. })));
    assert!(store.ethics_reviews(Some("rival"), None).await.unwrap().is_empty());
    // A new one can be opened now, and be taken back.
    let second = opened(&store, &made, &["person:a", "person:b"]).await.unwrap();
    store.withdraw_review(&second, "person:opener", 300).await.unwrap();
    invalid(store.vote(&second.id, "acme", vote("person:a", Ballot::Approve, 310)).await, "closed");
    // After its time nobody votes.
    let third = opened(&store, &made, &["person:a", "person:b"]).await.unwrap();
    invalid(store.vote(&third.id, "acme", vote("person:a", Ballot::Approve, third.due_us)).await, "closed");
    assert_eq!(third.standing(third.due_us).0, Standing::Inquorate);
    store.close().await.unwrap();

    let mut conn = raw(dir.path()).await;
    for sql in [
        "UPDATE register_votes SET vote = 'approve'",
        "DELETE FROM register_votes",
        "UPDATE register_ticks SET met = 1",
    ] {
        let changed = sqlx::query(sql).execute(&mut conn).await;
        assert!(changed.is_err() || changed.unwrap().rows_affected() == 0, "{sql}");
    }
    assert!(sqlx::query("UPDATE register_votes SET vote = 'approve'").execute(&mut conn).await.is_err());
    conn.close().await.unwrap();
}

#[tokio::test]
async fn ticks_material_and_assets_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    let made = store.register(entry("acme", "Star"), "person:lin", 10).await.unwrap();
    let tick = |met, at_us| Tick {
        entry: made.id.clone(),
        control: "disclosure".into(),
        met,
        evidence: "https://example.com".into(),
        hash: Some("a".repeat(64)),
        by: "person:lin".into(),
        at_us,
        expires_us: Some(at_us + DAY_US),
    };
    store.tick(tick(true, 20), "acme").await.unwrap();
    store.tick(tick(false, 30), "acme").await.unwrap();
    invalid(store.tick(Tick { hash: Some("xyz".into()), ..tick(true, 40) }, "acme").await, "SHA-256");
    invalid(store.tick(Tick { evidence: " ".into(), ..tick(true, 40) }, "acme").await, "shows");
    invalid(store.tick(Tick { expires_us: Some(40), ..tick(true, 40) }, "acme").await, "ended");
    assert_eq!(store.ticks(&made.id).await.unwrap(), [tick(true, 20), tick(false, 30)]);

    let item = |state: &str| FilingItem {
        entry: made.id.clone(),
        duty: "algorithm".into(),
        item: "subject".into(),
        state: state.into(),
        responsible: "wei".into(),
        due: Some("2026-10-15".into()),
        note: String::new(),
        file_name: Some("subject.docx".into()),
        file_hash: Some("0".repeat(64)),
        by: "person:lin".into(),
        at_us: 50,
    };
    store.file(item("draft"), "acme").await.unwrap();
    store.file(item("ready"), "acme").await.unwrap();
    assert_eq!(store.filing(&made.id).await.unwrap(), [item("ready")]);
    invalid(store.file(FilingItem { due: Some("2026-13-01".into()), ..item("ready") }, "acme").await, "YYYY");

    let asset = |name: &str| NewAsset {
        kind: "model".into(),
        name: name.into(),
        version: "1".into(),
        stage: "operation".into(),
        entries: vec![made.id.clone()],
        ..NewAsset::default()
    };
    let kept = store.keep_assets("acme", vec![asset("m")], false, "person:lin", 60).await.unwrap();
    assert!(store.keep_assets("acme", vec![asset("m")], false, "person:lin", 61).await.is_err());
    // All or nothing: the second of these is there already.
    assert!(store.keep_assets("acme", vec![asset("n"), asset("m")], false, "person:lin", 62).await.is_err());
    assert_eq!(store.assets(Some("acme")).await.unwrap(), kept);
    // What was found before is passed over, and what somebody wrote there stays.
    let new = store.keep_assets("acme", vec![asset("m"), asset("o")], true, "person:lin", 63).await.unwrap();
    assert_eq!(new.iter().map(|a| a.of.name.as_str()).collect::<Vec<_>>(), ["o"]);
    assert!(store.assets(Some("rival")).await.unwrap().is_empty());
    let mut changed = kept[0].clone();
    changed.of.owner = "lin".into();
    let changed = store.change_asset(changed, "person:lin", 70).await.unwrap();
    invalid(store.change_asset(kept[0].clone(), "person:lin", 80).await, "meanwhile");
    assert!(store.assets(None).await.unwrap().contains(&changed));
    store.close().await.unwrap();
}

fn ballots() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0u8..5, 0..8)
}

proptest! {
    #[test]
    fn the_order_of_votes_decides_nothing(
        ballots in ballots(), extra in 0usize..3, quorum in 1u32..6, percent in 1u32..=100, stops in any::<bool>(),
        over in any::<bool>(), seed in any::<u64>(),
    ) {
        let votes: Vec<Vote> = ballots
            .iter()
            .enumerate()
            .map(|(at, b)| vote(&format!("m{at}"), Ballot::ALL[usize::from(*b)], 1000))
            .collect();
        let terms = Terms { quorum, approve_percent: percent, reject_stops: stops, again_months: 12 };
        let review = EthicsReview {
            id: "r".into(), entry: "e".into(), tenant: "t".into(), path: "p".into(), level: "l".into(),
            profile: json!({}), terms, members: (0..votes.len() + extra).map(|m| format!("m{m}")).collect(),
            note: String::new(), opened_us: 0, opened_by: "o".into(), due_us: 5000, withdrawn_us: None,
            withdrawn_by: None, votes: votes.clone(),
        };
        let now = if over { 6000 } else { 2000 };
        let standing = review.standing(now);
        let mut other = review.clone();
        let len = other.votes.len().max(1);
        other.votes.rotate_left((seed as usize) % len);
        prop_assert_eq!(standing, other.standing(now));
        let count = |b: Ballot| votes.iter().filter(|v| v.vote == b).count() as u32;
        let (yes, no) = (count(Ballot::Approve) + count(Ballot::Conditional), count(Ballot::Reject));
        if matches!(standing.0, Standing::Approved | Standing::Conditional) {
            // Nothing is approved without the quorum, without the share, or against a rejection that stops.
            prop_assert!(yes > 0 && yes + no + count(Ballot::Abstain) >= quorum);
            prop_assert!(yes * 100 >= percent * (yes + no) && !(stops && no > 0));
            prop_assert_eq!(standing.0 == Standing::Conditional, count(Ballot::Conditional) > 0);
        }
        prop_assert!(!(over && standing.0 == Standing::Open), "time is over");
    }
}
