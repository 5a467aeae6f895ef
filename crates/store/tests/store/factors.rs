//! Security keys and recovery codes beside a password.

use menshen_store::{
    Assertion, Credentials, Error, FactorNeeded, Filter, NewPerson, NewSecurityKey, Role, SecondFactor, SecurityKey,
    SignInRefusal, Site, StartedSession, Store,
};

use crate::folder::{NOW, open};
use soft_key::{Handed, SoftKey};

#[path = "soft_key.rs"]
mod soft_key;

const PASSWORD: &str = "tall trees at dusk";
const MINUTE: i64 = 60_000_000;
const ORIGIN: &str = "http://localhost:8080";

fn site() -> Site {
    Site { host: "localhost".into(), origins: vec![ORIGIN.into()] }
}

fn soft() -> SoftKey {
    SoftKey::es256("localhost", ORIGIN)
}

async fn person(store: &Store, name: &str) -> String {
    let new = NewPerson {
        name: name.into(),
        display: String::new(),
        roles: vec![Role::Owner],
        tenant: None,
        password: PASSWORD.to_owned().into(),
    };
    store.add_person(new, "test", NOW).await.unwrap().id.clone()
}

async fn sign_in(
    store: &Store,
    name: &str,
    second: Option<SecondFactor<'_>>,
    now: i64,
) -> Result<StartedSession, SignInRefusal> {
    let site = site();
    let given =
        Credentials { name, password: PASSWORD, second, site: Some(&site), address: None, agent: "", replaced: None };
    store.sign_in(given, now).await
}

async fn needed(store: &Store, name: &str, now: i64) -> FactorNeeded {
    match sign_in(store, name, None, now).await {
        Err(SignInRefusal::SecondFactor(needed)) => *needed,
        other => panic!("{other:?}"),
    }
}

async fn challenge(store: &Store, name: &str, now: i64) -> [u8; 32] {
    needed(store, name, now).await.security_keys.unwrap().0
}

async fn add(store: &Store, id: &str, key: &SoftKey, now: i64) -> Result<SecurityKey, Error> {
    let wanted = store.ask_security_key(id, &site(), now).unwrap();
    let handed = key.create(&wanted.challenge);
    store.add_security_key(id, &site(), "blue key", handed.new_key(), "wei", now).await
}

async fn with(store: &Store, name: &str, handed: &Handed, now: i64) -> Result<StartedSession, SignInRefusal> {
    let site = site();
    sign_in(store, name, Some(SecondFactor::Key(handed.assertion(&site))), now).await
}

async fn with_code(store: &Store, code: &str, now: i64) -> Result<StartedSession, SignInRefusal> {
    sign_in(store, "wei", Some(SecondFactor::Recovery(code)), now).await
}

fn wrong<T: std::fmt::Debug>(result: Result<T, SignInRefusal>) -> bool {
    matches!(result, Err(SignInRefusal::Wrong))
}

async fn events(store: &Store, event: &str) -> Vec<serde_json::Value> {
    store.flush().await.unwrap();
    let page = store.records(&Filter::default(), None, 1000).await.unwrap();
    page.into_iter().filter(|r| r.event.as_deref() == Some(event)).map(|r| r.verdict.clone()).collect()
}

#[tokio::test]
async fn a_key_is_added_asked_for_and_opens_once_for_each_question() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let wei = person(&store, "wei").await;
    let mut key = soft();
    let added = add(&store, &wei, &key, NOW).await.unwrap();
    assert_eq!(
        (added.name.as_str(), added.host.as_str(), &added.transports[..]),
        ("blue key", "localhost", &["usb".to_owned()][..])
    );
    assert_eq!(store.person(&wei).unwrap().security_keys, 1);
    let asked = needed(&store, "wei", NOW).await;
    assert!(!asked.totp && !asked.recovery && asked.elsewhere.is_empty());
    let (challenge, keys) = asked.security_keys.unwrap();
    assert_eq!(keys.as_slice(), std::slice::from_ref(&added));
    let handed = key.get(&challenge);
    let session = with(&store, "wei", &handed, NOW).await.unwrap();
    assert!(store.session(&session.token, NOW).is_some());
    assert!(wrong(with(&store, "wei", &handed, NOW).await), "an answer opened twice");
    // Two who send the same answer at the same moment.
    let handed = key.get(&self::challenge(&store, "wei", NOW).await);
    let (one, two) = tokio::join!(with(&store, "wei", &handed, NOW), with(&store, "wei", &handed, NOW));
    assert!(one.is_ok() != two.is_ok(), "one answer opened twice");
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    let kept = store.factors(&wei).unwrap().security_keys;
    assert_eq!((kept[0].used_us, &kept[0].credential), (Some(NOW), &key.id));
    // What was asked before a restart is asked again.
    let handed = key.get(&challenge);
    assert!(wrong(with(&store, "wei", &handed, NOW).await));
    let handed = key.get(&self::challenge(&store, "wei", NOW).await);
    with(&store, "wei", &handed, NOW).await.unwrap();
    store.rename_security_key(&wei, &added.id, " red key ", "wei", NOW).await.unwrap();
    assert!(store.rename_security_key(&wei, "sky_none", "x", "wei", NOW).await.is_err());
    assert!(store.rename_security_key(&wei, &added.id, "\u{7}", "wei", NOW).await.is_err());
    assert_eq!(store.factors(&wei).unwrap().security_keys[0].name, "red key");
    assert_eq!(events(&store, "person.security_key").await.len(), 1);
    let begun = events(&store, "session.begin").await;
    assert!(begun.iter().all(|d| d["factor"] == "security_key_verified"), "{begun:?}");
    assert!(store.verify().await.unwrap().is_whole());
}

#[tokio::test]
async fn what_was_not_asked_of_this_person_here_and_now_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (wei, li) = (person(&store, "wei").await, person(&store, "li").await);
    let (mut weis, mut lis) = (soft(), SoftKey::ed25519("localhost", ORIGIN));
    add(&store, &wei, &weis, NOW).await.unwrap();
    add(&store, &li, &lis, NOW).await.unwrap();
    let mut now = NOW;
    // Each failure is followed by a success, which forgets it: nobody waits.
    let again = async |weis: &mut SoftKey, now: i64| {
        let handed = weis.get(&challenge(&store, "wei", now).await);
        with(&store, "wei", &handed, now).await.unwrap();
    };
    // Another person's key, with their own question and with wei's.
    let handed = lis.get(&challenge(&store, "li", now).await);
    assert!(wrong(with(&store, "wei", &handed, now).await));
    let handed = lis.get(&challenge(&store, "wei", now).await);
    assert!(wrong(with(&store, "wei", &handed, now).await));
    again(&mut weis, now).await;
    // Too late, and before it was asked.
    let asked = challenge(&store, "wei", now).await;
    now += 5 * MINUTE;
    assert!(wrong(with(&store, "wei", &weis.get(&asked), now).await));
    again(&mut weis, now).await;
    // A question for registering, and one that nobody asked.
    let asked = store.ask_security_key(&wei, &site(), now).unwrap().challenge;
    assert!(wrong(with(&store, "wei", &weis.get(&asked), now).await));
    assert!(wrong(with(&store, "wei", &weis.get(&[9; 32]), now).await));
    again(&mut weis, now).await;
    // A page of another address, and another host.
    for (host, origin) in [("localhost", "http://localhost:9090"), ("evil.example", ORIGIN)] {
        let asked = challenge(&store, "wei", now).await;
        (weis.host, weis.origin) = (host.to_owned(), origin.to_owned());
        assert!(wrong(with(&store, "wei", &weis.get(&asked), now).await), "{host} {origin}");
        (weis.host, weis.origin) = ("localhost".to_owned(), ORIGIN.to_owned());
    }
    again(&mut weis, now).await;
    // A bent signature, and one of another key.
    let mut handed = weis.get(&challenge(&store, "wei", now).await);
    handed.signature[10] ^= 1;
    assert!(wrong(with(&store, "wei", &handed, now).await));
    let mut handed = weis.get(&challenge(&store, "wei", now).await);
    handed.signature = lis.sign(b"anything");
    assert!(wrong(with(&store, "wei", &handed, now).await));
    again(&mut weis, now).await;
    // The questions of a page at another host are not this one's, and it is told where there are keys.
    let other = Site { host: "console.example".into(), origins: vec!["https://console.example".into()] };
    let given = Credentials {
        name: "wei",
        password: PASSWORD,
        second: None,
        site: Some(&other),
        address: None,
        agent: "",
        replaced: None,
    };
    let Err(SignInRefusal::SecondFactor(told)) = store.sign_in(given, now).await else { panic!("let in") };
    assert_eq!((told.security_keys, told.elsewhere), (None, vec!["localhost".to_owned()]));
    // Whoever does not know the password learns nothing of keys.
    let given = Credentials { password: "not the password", site: Some(&other), ..given };
    assert!(wrong(store.sign_in(given, now).await));
    // A key belongs to one account; and a registration is as careful.
    let known = add(&store, &li, &weis, now).await.unwrap_err().to_string();
    assert!(known.contains("known already"), "{known}");
    let mine = store.ask_security_key(&wei, &site(), now).unwrap().challenge;
    let new = SoftKey::es256("localhost", ORIGIN).create(&mine);
    let theirs = store.add_security_key(&li, &site(), "k", new.new_key(), "li", now).await;
    assert!(theirs.is_err(), "a question for wei was answered by li");
    assert!(store.add_security_key(&wei, &site(), "k", new.new_key(), "wei", now).await.is_err(), "and then by wei");
    let mine = store.ask_security_key(&wei, &site(), now).unwrap().challenge;
    let new = SoftKey::es256("localhost", ORIGIN).create(&mine);
    let late = store.add_security_key(&wei, &site(), "k", new.new_key(), "wei", now + 5 * MINUTE).await;
    assert!(late.is_err(), "a registration took too long");
}

#[tokio::test]
async fn a_key_that_counts_backwards_is_refused_and_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let wei = person(&store, "wei").await;
    let mut key = soft();
    add(&store, &wei, &key, NOW).await.unwrap();
    key.counter = 40;
    let handed = key.get(&challenge(&store, "wei", NOW).await);
    with(&store, "wei", &handed, NOW).await.unwrap();
    for counter in [41, 7, 0] {
        key.counter = counter;
        let handed = key.get_as_it_is(&challenge(&store, "wei", NOW).await);
        assert!(wrong(with(&store, "wei", &handed, NOW).await), "{counter}");
    }
    let told = events(&store, "person.security_key_counter").await;
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().all(|d| d["last"] == 41 && d["name"] == "wei"), "{told:?}");
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    key.counter = 40;
    let handed = key.get(&challenge(&store, "wei", NOW).await);
    assert!(wrong(with(&store, "wei", &handed, NOW).await), "a restart forgets the counter");
    let handed = key.get(&challenge(&store, "wei", NOW).await);
    with(&store, "wei", &handed, NOW).await.unwrap();
}

#[tokio::test]
async fn recovery_codes_stand_beside_a_factor_and_open_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let wei = person(&store, "wei").await;
    assert!(store.make_recovery_codes(&wei, "wei", NOW).await.is_err(), "codes beside nothing");
    let key = soft();
    let added = add(&store, &wei, &key, NOW).await.unwrap();
    assert!(!needed(&store, "wei", NOW).await.recovery);
    let former = store.make_recovery_codes(&wei, "wei", NOW).await.unwrap();
    let codes = store.make_recovery_codes(&wei, "wei", NOW + 1).await.unwrap();
    assert_eq!((codes.len(), store.factors(&wei).unwrap().recovery_left), (10, 10));
    assert!(needed(&store, "wei", NOW).await.recovery);
    assert!(wrong(with_code(&store, &former[0], NOW).await), "a former code opens");
    assert!(wrong(with_code(&store, "0000-0000-0000-0000", NOW).await));
    with_code(&store, &codes[0].to_uppercase(), NOW).await.unwrap();
    assert!(wrong(with_code(&store, &codes[0], NOW).await), "a code opened twice");
    let (one, two) = tokio::join!(with_code(&store, &codes[1], NOW), with_code(&store, &codes[1], NOW));
    assert!(one.is_ok() != two.is_ok(), "one code opened twice");
    store.close().await.unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let plain = codes[2].replace('-', "");
        for secret in [codes[2].as_bytes(), plain.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret), "a code is on disk");
        }
    }
    let store = open(dir.path()).await;
    assert_eq!(store.factors(&wei).unwrap().recovery_left, 8);
    assert!(wrong(with_code(&store, &codes[0], NOW + MINUTE).await), "a restart forgets codes");
    with_code(&store, &codes[2], NOW + MINUTE).await.unwrap();
    assert_eq!(events(&store, "person.recovery_codes").await.len(), 2);
    let used = events(&store, "person.recovery_used").await;
    let left: Vec<_> = used.iter().filter_map(|d| d["left"].as_u64()).collect();
    assert_eq!(left.iter().copied().min(), Some(7), "{left:?}");
    // Guessing at codes waits as guessing at passwords does.
    for _ in 0..5 {
        assert!(wrong(with_code(&store, "0000-0000-0000-0000", NOW + MINUTE).await));
    }
    let waits = with_code(&store, &codes[3], NOW + MINUTE).await;
    assert!(matches!(waits, Err(SignInRefusal::Wait { .. })), "{waits:?}");
    // With the last factor the codes go.
    let here = with_code(&store, &codes[3], NOW + 60 * MINUTE).await.unwrap();
    let there = with_code(&store, &codes[4], NOW + 60 * MINUTE).await.unwrap();
    let now = NOW + 60 * MINUTE;
    store.remove_security_key(&wei, &added.id, Some(&here.open.session.id), "wei", now).await.unwrap();
    assert!(store.session(&here.token, now).is_some() && store.session(&there.token, now).is_none());
    assert_eq!(store.factors(&wei).unwrap().recovery_left, 0);
    sign_in(&store, "wei", None, now).await.unwrap();
    add(&store, &wei, &soft(), now).await.unwrap();
    assert!(wrong(with_code(&store, &codes[5], now).await), "codes came back with a new factor");
}

#[tokio::test]
async fn an_owner_takes_all_factors_away_and_what_was_asked_is_void() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let wei = person(&store, "wei").await;
    let mut key = soft();
    add(&store, &wei, &key, NOW).await.unwrap();
    let codes = store.make_recovery_codes(&wei, "wei", NOW).await.unwrap();
    store.reset_totp(&wei, "cli", NOW).await.unwrap();
    assert_eq!(store.factors(&wei).unwrap().recovery_left, 10, "the app's reset took what is the key's");
    let session = with_code(&store, &codes[0], NOW).await.unwrap();
    let asked = challenge(&store, "wei", NOW).await;
    store.reset_factors(&wei, "cli", NOW).await.unwrap();
    assert!(store.session(&session.token, NOW).is_none(), "a session outlived its factors");
    sign_in(&store, "wei", None, NOW).await.unwrap();
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    let none = store.factors(&wei).unwrap();
    assert_eq!((none.security_keys.len(), none.recovery_left, none.totp), (0, 0, false));
    // The very same key can be added anew, and what was asked of it before is void.
    add(&store, &wei, &key, NOW).await.unwrap();
    assert!(wrong(with(&store, "wei", &key.get(&asked), NOW).await));
    // Who is removed leaves no key behind that somebody else could not use.
    person(&store, "li").await;
    store.remove_person(&wei, "cli", NOW).await.unwrap();
    let li = store.person_named("li").unwrap().id.clone();
    add(&store, &li, &key, NOW).await.unwrap();
    assert!(store.remove_totp(&li, None, "li", NOW).await.is_err());
}
