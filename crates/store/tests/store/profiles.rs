//! Profiles of end users, reviews, and minutes of minors.

use menshen_store::{Error, Filter, NewDiligence, NewProfile, ProfileFilter, RealName, Store};

use crate::folder::{DAY, NOW, open};

const MINUTE: i64 = 60_000_000;

fn new(tenant: &str, user: &str) -> NewProfile {
    NewProfile {
        tenant: tenant.into(),
        app: "shop".into(),
        user: user.into(),
        tier: Some("identified".into()),
        real_name: RealName::Id,
        minor: user == "kid",
        region: Some("CN-31".into()),
        purpose: None,
    }
}

fn review(passed: bool, days: i64) -> NewDiligence {
    let note = Some("看过营业执照".to_owned());
    NewDiligence { passed, checks: vec!["identity".into()], note, until_us: NOW + days * DAY }
}

async fn events(store: &Store) -> Vec<String> {
    let mut page = store.records(&Filter::default(), None, 1000).await.unwrap();
    page.reverse();
    page.into_iter().filter_map(|r| r.event).filter(|e| e.starts_with("profile.")).collect()
}

#[tokio::test]
async fn a_profile_is_made_changed_reviewed_and_removed_and_each_step_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    assert_eq!(store.profile("acme", "shop", "ann").await.unwrap(), None);
    store.put_profile(new("acme", "ann"), "key1", NOW).await.unwrap();
    let known = store.profile("acme", "shop", "ann").await.unwrap().unwrap();
    assert_eq!((known.real_name, known.by.as_str(), known.diligence.clone()), (RealName::Id, "key1", None));
    for (tenant, app, user) in [("rival", "shop", "ann"), ("acme", "desk", "ann"), ("acme", "shop", "bob")] {
        assert_eq!(store.profile(tenant, app, user).await.unwrap(), None);
    }
    store.add_diligence("acme", "shop", "ann", review(false, 10), "wei", NOW + 1).await.unwrap();
    store.add_diligence("acme", "shop", "ann", review(true, 30), "wei", NOW + 2).await.unwrap();
    let passed = store.profile("acme", "shop", "ann").await.unwrap().unwrap().diligence.clone().unwrap();
    assert_eq!((passed.passed, passed.until_us, passed.note), (true, NOW + 30 * DAY, None));
    // A change keeps the reviews and the beginning.
    let changed = NewProfile { tier: Some("professional".into()), ..new("acme", "ann") };
    store.put_profile(changed, "wei", NOW + 3).await.unwrap();
    store.close().await.unwrap();

    let store = open(dir.path()).await;
    let known = store.profile("acme", "shop", "ann").await.unwrap().unwrap();
    assert_eq!((known.created_us, known.updated_us, known.tier.as_deref()), (NOW, NOW + 3, Some("professional")));
    let reviews = store.diligence("acme", "shop", "ann").await.unwrap();
    assert_eq!(reviews.iter().map(|r| r.passed).collect::<Vec<_>>(), [true, false]);
    assert_eq!(reviews[0].note.as_deref(), Some("看过营业执照"));
    store.remove_profile("acme", "shop", "ann", "wei", NOW + 4).await.unwrap();
    assert_eq!(store.profile("acme", "shop", "ann").await.unwrap(), None);
    assert!(store.diligence("acme", "shop", "ann").await.unwrap().is_empty());
    assert!(matches!(
        store.add_diligence("acme", "shop", "ann", review(true, 1), "wei", NOW).await,
        Err(Error::NotFound { .. })
    ));
    assert_eq!(
        events(&store).await,
        ["profile.put", "profile.review", "profile.review", "profile.put", "profile.remove"]
    );
    store.close().await.unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(12).any(|w| w == "营业执照".as_bytes()), "a note lies there in the clear");
    }
}

#[tokio::test]
async fn profiles_are_listed_by_page_and_tenant_and_bad_ones_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in 0..7 {
        store.put_profile(new("acme", &format!("u{n}")), "k", NOW).await.unwrap();
    }
    store.put_profile(new("rival", "kid"), "k", NOW).await.unwrap();
    let acme = ProfileFilter { tenant: Some("acme".into()), ..ProfileFilter::default() };
    let first = store.profiles(&acme, 5).await.unwrap();
    let last = first.last().map(|p| (p.tenant.clone(), p.app.clone(), p.user.clone()));
    let rest = store.profiles(&ProfileFilter { after: last, ..acme.clone() }, 5).await.unwrap();
    let users: Vec<_> = first.iter().chain(&rest).map(|p| p.user.as_str()).collect();
    assert_eq!(users, ["u0", "u1", "u2", "u3", "u4", "u5", "u6"]);
    let minors = store.profiles(&ProfileFilter { minor: Some(true), ..ProfileFilter::default() }, 9).await.unwrap();
    assert_eq!(minors.iter().map(|p| p.user.as_str()).collect::<Vec<_>>(), ["kid"]);
    let named = store.profiles(&ProfileFilter { holds: Some("3".into()), ..acme }, 9).await.unwrap();
    assert_eq!(named.len(), 1);
    for bad in [
        NewProfile { user: String::new(), ..new("acme", "x") },
        NewProfile { user: "x".repeat(513), ..new("acme", "x") },
        NewProfile { tier: Some("a b".into()), ..new("acme", "x") },
        NewProfile { region: Some("x".repeat(65)), ..new("acme", "x") },
        NewProfile { purpose: Some("为了学习".into()), ..new("acme", "x") },
    ] {
        assert!(matches!(store.put_profile(bad, "k", NOW).await, Err(Error::Invalid { .. })));
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn minutes_of_minors_outlive_a_restart_and_begin_anew_each_day() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let at = |minute: i64| NOW + minute * MINUTE;
    assert_eq!(store.attend("acme", "shop", "kid", 5, at(0)).await.unwrap(), 1);
    assert_eq!(store.attend("acme", "shop", "kid", 5, at(4)).await.unwrap(), 5);
    assert_eq!(store.attend("acme", "shop", "kid", 5, at(4) + 1).await.unwrap(), 5);
    assert_eq!(store.attend("rival", "shop", "kid", 5, at(4)).await.unwrap(), 1);
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    assert_eq!(store.attend("acme", "shop", "kid", 5, at(30)).await.unwrap(), 6);
    assert_eq!(store.attend("acme", "shop", "kid", 5, NOW + DAY).await.unwrap(), 1);
    store.close().await.unwrap();
}
