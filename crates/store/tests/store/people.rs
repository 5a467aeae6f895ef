//! Accounts of the console and their sessions.

use std::net::{IpAddr, Ipv4Addr};

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use menshen_store::{
    Credentials, Error, Filter, NewKey, NewPerson, Person, PersonChange, Role, SecondFactor, SignInRefusal,
    StartedSession, Store, csrf_of,
};
use zeroize::Zeroizing;

use crate::folder::{DAY, NOW, open};

const PASSWORD: &str = "tall trees at dusk";
const MINUTE: i64 = 60_000_000;

fn new(name: &str, roles: &[Role], tenant: Option<&str>) -> NewPerson {
    NewPerson {
        name: name.into(),
        display: String::new(),
        roles: roles.to_vec(),
        tenant: tenant.map(str::to_owned),
        password: Zeroizing::new(PASSWORD.into()),
    }
}

async fn owner(store: &Store) -> std::sync::Arc<Person> {
    store.add_person(new("Wei", &[Role::Owner], None), "test", NOW).await.unwrap()
}

fn given<'a>(name: &'a str, password: &'a str, code: Option<&'a str>) -> Credentials<'a> {
    let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let second = code.map(SecondFactor::Code);
    Credentials { name, password, second, site: None, address, agent: "browser", replaced: None }
}

async fn signed_in(store: &Store, name: &str, now: i64) -> StartedSession {
    store.sign_in(given(name, PASSWORD, None), now).await.unwrap()
}

/// RFC 6238 once more, on its own.
fn code(secret: &str, now_us: i64) -> String {
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&secret).unwrap();
    mac.update(&u64::try_from(now_us / 30_000_000).unwrap().to_be_bytes());
    let mac = mac.finalize().into_bytes();
    let at = usize::from(mac[19] & 15);
    let value = u32::from_be_bytes(mac[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", value % 1_000_000)
}

async fn events(store: &Store) -> Vec<String> {
    let page = store.records(&Filter::default(), None, 1000).await.unwrap();
    page.iter().rev().filter_map(|r| r.event.clone()).collect()
}

#[tokio::test]
async fn the_first_account_needs_the_token_and_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let former = store.setup_token().unwrap().unwrap();
    let token = store.setup_token().unwrap().unwrap();
    for wrong in ["", "guess", former.as_str()] {
        let refused = store.set_up(wrong, "wei", PASSWORD, NOW).await.unwrap_err();
        assert!(matches!(refused, Error::NotFound { .. }), "{refused}");
    }
    // A password that will not do does not use the token up.
    assert!(matches!(store.set_up(&token, "wei", "short", NOW).await, Err(Error::Invalid { .. })));
    let (one, two) =
        tokio::join!(store.set_up(&token, "wei", PASSWORD, NOW), store.set_up(&token, "li", PASSWORD, NOW));
    assert!(one.is_ok() != two.is_ok(), "two first accounts");
    assert_eq!(store.people().len(), 1);
    assert!(store.people()[0].is(Role::Owner) && store.people()[0].tenant.is_none());
    assert!(store.set_up(&token, "eve", PASSWORD, NOW).await.is_err());
    assert!(store.setup_token().unwrap().is_none() && !store.needs_first_account());
}

#[tokio::test]
async fn an_account_is_found_again_with_its_sessions_and_nothing_secret_is_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    owner(&store).await;
    let session = signed_in(&store, "WEI", NOW).await;
    let id = store.people()[0].id.clone();
    let totp = store.begin_totp(&id, "wei", NOW).await.unwrap();
    store.confirm_totp(&id, &code(&totp.secret, NOW), "wei", NOW).await.unwrap();
    let raw = BASE32_NOPAD.decode(totp.secret.as_bytes()).unwrap();
    store.close().await.unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [PASSWORD.as_bytes(), session.token.as_bytes(), totp.secret.as_bytes(), &raw] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret), "a secret is on disk");
        }
    }
    assert!(!format!("{session:?} {totp:?}").contains(session.token.as_str()));
    let store = open(dir.path()).await;
    let found = store.session(&session.token, NOW + MINUTE).unwrap();
    assert_eq!(found.person.unwrap().name, "wei");
    assert!(store.people()[0].totp);
    assert!(store.verify().await.unwrap().is_whole());
    let events = events(&store).await;
    for event in ["person.add", "session.begin", "person.totp_begin", "person.totp"] {
        assert!(events.iter().any(|e| e == event), "{event}: {events:?}");
    }
}

#[tokio::test]
async fn sessions_end_by_idling_by_age_and_when_a_new_one_takes_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    owner(&store).await;
    let one = signed_in(&store, "wei", NOW).await;
    assert_ne!(csrf_of(&one.token), one.token.as_str());
    for wrong in ["", "x", &one.token[1..], &"a".repeat(500)] {
        assert!(store.session(wrong, NOW).is_none());
    }
    // Used every half hour it lasts twelve hours, and not longer.
    let mut now = NOW;
    while now < NOW + 12 * 60 * MINUTE {
        assert!(store.session(&one.token, now).is_some());
        now += 30 * MINUTE;
    }
    assert!(store.session(&one.token, now).is_none());
    let two = signed_in(&store, "wei", now).await;
    assert!(store.session(&two.token, now + 60 * MINUTE).is_none(), "an idle session lives");
    let three = signed_in(&store, "wei", now).await;
    let four = store.sign_in(Credentials { replaced: Some(&three.token), ..given("wei", PASSWORD, None) }, now).await;
    let four = four.unwrap();
    assert!(store.session(&three.token, now).is_none(), "the former session lives");
    assert_ne!(four.token, three.token);
    // A token that somebody else made is never taken over.
    let planted = "planted-planted-planted-planted-planted-planted-plan";
    let five =
        store.sign_in(Credentials { replaced: Some(planted), ..given("wei", PASSWORD, None) }, now).await.unwrap();
    assert!(store.session(planted, now).is_none() && five.token.as_str() != planted);
    // Many browsers: the stalest ends.
    for i in 0..25 {
        signed_in(&store, "wei", now + i).await;
    }
    assert!(store.sessions(now + 30).len() <= 20);
    assert!(store.session(&four.token, now + 30).is_none());
    store.end_session(&store.sessions(now + 30)[0].session.id.clone(), "wei", now).await.unwrap();
    assert!(matches!(store.end_session("ses_none", "wei", now).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_clock_that_is_set_makes_no_session_immortal_and_locks_nobody_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let id = owner(&store).await.id.clone();
    let totp = store.begin_totp(&id, "wei", NOW).await.unwrap();
    store.confirm_totp(&id, &code(&totp.secret, NOW), "wei", NOW).await.unwrap();
    let sign_in = async |now: i64| {
        let code = code(&totp.secret, now);
        store.sign_in(given("wei", PASSWORD, Some(&code)), now).await
    };
    let before = sign_in(NOW + MINUTE).await.unwrap();
    // A day ahead: the day is over, and with it the session. A new one begins, and is used.
    let ahead = NOW + DAY;
    let idle = sign_in(ahead).await.unwrap();
    let one = sign_in(ahead + 2 * MINUTE).await.unwrap();
    assert!(store.session(&one.token, ahead + 10 * MINUTE).is_some());
    // Back again: it stands, and lasts no longer than it would have.
    let now = NOW + 12 * MINUTE;
    assert!(store.session(&one.token, now).is_some(), "it is gone");
    assert!(store.session(&idle.token, now + 49 * MINUTE).is_some(), "used 59 minutes ago");
    assert!(store.session(&one.token, now + 61 * MINUTE).is_none(), "idle for an hour, and it lives");
    assert!(store.session(&before.token, now).is_none(), "it had ended");
    // The second factor opens again, once a code.
    let again = code(&totp.secret, now);
    store.sign_in(given("wei", PASSWORD, Some(&again)), now).await.unwrap();
    let refused = store.sign_in(given("wei", PASSWORD, Some(&again)), now).await.unwrap_err();
    assert!(matches!(refused, SignInRefusal::Wrong), "a code opened twice: {refused}");
    // Who had to wait does not wait for a day.
    for _ in 0..12 {
        let _ = store.sign_in(given("wei", "wrong", None), ahead + 20 * MINUTE).await;
    }
    let SignInRefusal::Wait { seconds } = store.sign_in(given("wei", "wrong", None), now).await.unwrap_err() else {
        panic!("nobody waits")
    };
    sign_in(now + i64::try_from(seconds).unwrap() * 1_000_000 + MINUTE).await.unwrap();
    assert!(store.verify().await.unwrap().is_whole());
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_takes_rights_away_ends_sessions_at_once_and_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    owner(&store).await;
    let li = store.add_person(new("li", &[Role::Reviewer], Some("acme")), "wei", NOW).await.unwrap();
    let change = |c: PersonChange| store.change_person(&li.id, c, "wei", NOW);
    let roles = PersonChange { roles: Some(vec![Role::Auditor, Role::Auditor]), ..PersonChange::default() };
    let tenant = PersonChange { tenant: Some(None), ..PersonChange::default() };
    let disabled = PersonChange { disabled: Some(true), ..PersonChange::default() };
    let display = PersonChange { display: Some("李".into()), ..PersonChange::default() };
    let session = signed_in(&store, "li", NOW).await;
    change(display).await.unwrap();
    assert!(store.session(&session.token, NOW).is_some(), "a name ends a session");
    assert_eq!(change(roles).await.unwrap().roles, [Role::Auditor]);
    assert!(store.session(&session.token, NOW).is_none(), "roles");
    let session = signed_in(&store, "li", NOW).await;
    change(tenant).await.unwrap();
    assert!(store.session(&session.token, NOW).is_none(), "tenant");
    let session = signed_in(&store, "li", NOW).await;
    store.set_password(&li.id, "a quite different one", "wei", NOW).await.unwrap();
    assert!(store.session(&session.token, NOW).is_none(), "password");
    assert!(matches!(store.sign_in(given("li", PASSWORD, None), NOW).await, Err(SignInRefusal::Wrong)));
    let session = store.sign_in(given("li", "a quite different one", None), NOW).await.unwrap();
    change(disabled).await.unwrap();
    assert!(store.session(&session.token, NOW).is_none(), "disabled");
    let refused = store.sign_in(given("li", "a quite different one", None), NOW).await.unwrap_err();
    assert!(matches!(refused, SignInRefusal::Wrong), "{refused}");
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    assert!(store.session(&session.token, NOW).is_none(), "it came back");
    store.remove_person(&li.id, "wei", NOW).await.unwrap();
    assert!(store.person_named("li").is_none());
}

#[tokio::test]
async fn somebody_is_always_left_who_rules_and_names_are_unique() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for no_ruler in [new("a", &[Role::Auditor], None), new("a", &[Role::Owner], Some("acme"))] {
        assert!(store.add_person(no_ruler, "cli", NOW).await.is_err());
    }
    let wei = owner(&store).await;
    store.add_person(new("acme-owner", &[Role::Owner], Some("acme")), "wei", NOW).await.unwrap();
    for bad in ["", "wei", "WEI", "two words", "a/b", "ü", &"n".repeat(65)] {
        assert!(store.add_person(new(bad, &[Role::Auditor], None), "wei", NOW).await.is_err(), "{bad}");
    }
    assert!(store.add_person(new("nobody", &[], None), "wei", NOW).await.is_err());
    assert!(store.add_person(new("t", &[Role::Auditor], Some("no tenant")), "wei", NOW).await.is_err());
    for change in [
        PersonChange { disabled: Some(true), ..PersonChange::default() },
        PersonChange { roles: Some(vec![Role::Auditor]), ..PersonChange::default() },
        PersonChange { tenant: Some(Some("acme".into())), ..PersonChange::default() },
    ] {
        assert!(matches!(store.change_person(&wei.id, change, "wei", NOW).await, Err(Error::Invalid { .. })));
    }
    assert!(matches!(store.remove_person(&wei.id, "wei", NOW).await, Err(Error::Invalid { .. })));
    store.add_person(new("second", &[Role::Owner], None), "wei", NOW).await.unwrap();
    store.remove_person(&wei.id, "wei", NOW).await.unwrap();
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_no_code_opens_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let id = owner(&store).await.id.clone();
    let totp = store.begin_totp(&id, "wei", NOW).await.unwrap();
    assert!(totp.uri.starts_with("otpauth://totp/Menshen:wei?secret="), "{}", *totp.uri);
    signed_in(&store, "wei", NOW).await;
    assert!(store.confirm_totp(&id, "000000", "wei", NOW).await.is_err() || code(&totp.secret, NOW) == "000000");
    let first = code(&totp.secret, NOW);
    store.confirm_totp(&id, &first, "wei", NOW).await.unwrap();
    assert!(store.begin_totp(&id, "wei", NOW).await.is_err(), "a stolen session replaces a second factor");
    let none = store.sign_in(given("wei", PASSWORD, None), NOW).await.unwrap_err();
    assert!(matches!(&none, SignInRefusal::SecondFactor(needed) if needed.totp && !needed.recovery), "{none}");
    let wrong = store.sign_in(given("wei", "not the password", None), NOW).await.unwrap_err();
    assert!(matches!(wrong, SignInRefusal::Wrong), "the second factor tells of the password");
    let again = store.sign_in(given("wei", PASSWORD, Some(&first)), NOW).await.unwrap_err();
    assert!(matches!(again, SignInRefusal::Wrong), "the code that enrolled opens");
    let later = NOW + MINUTE;
    let next = code(&totp.secret, later);
    let (one, two) = tokio::join!(
        store.sign_in(given("wei", PASSWORD, Some(&next)), later),
        store.sign_in(given("wei", PASSWORD, Some(&next)), later)
    );
    assert!(one.is_ok() != two.is_ok(), "one code opened twice");
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    assert!(store.sign_in(given("wei", PASSWORD, Some(&next)), later).await.is_err(), "a restart forgets codes");
    store.reset_totp(&id, "cli", later).await.unwrap();
    // Those who guessed before made the account wait.
    signed_in(&store, "wei", later + MINUTE).await;
}

#[tokio::test]
async fn guessing_has_to_wait_and_a_restart_does_not_help() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    owner(&store).await;
    for name in ["wei", "no-such-person"] {
        for _ in 0..5 {
            let refused = store.sign_in(given(name, "wrong wrong wrong", None), NOW).await.unwrap_err();
            assert!(matches!(refused, SignInRefusal::Wrong), "{refused}");
        }
        let refused = store.sign_in(given(name, PASSWORD, None), NOW).await.unwrap_err();
        assert!(matches!(refused, SignInRefusal::Wait { seconds: 1 }), "{name}: {refused}");
    }
    store.flush().await.unwrap();
    assert_eq!(events(&store).await.iter().filter(|e| *e == "session.refused").count(), 1);
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    let refused = store.sign_in(given("wei", PASSWORD, None), NOW).await.unwrap_err();
    assert!(matches!(refused, SignInRefusal::Wait { .. }), "a restart forgets failures: {refused}");
    signed_in(&store, "wei", NOW + 2_000_000).await;
    // And it is forgotten with that.
    assert!(matches!(
        store.sign_in(given("wei", "wrong wrong wrong", None), NOW + 2_000_000).await,
        Err(SignInRefusal::Wrong)
    ));
    signed_in(&store, "wei", NOW + 2_000_000).await;
    // Guesses at one moment are counted before any of them is known to be wrong.
    let guesses = (0..12).map(|_| store.sign_in(given("wei", "wrong wrong wrong", None), NOW + DAY));
    let refused = futures_util::future::join_all(guesses).await;
    let waits = refused.iter().filter(|r| matches!(r, Err(SignInRefusal::Wait { .. }))).count();
    assert_eq!(waits, 7);
}

#[tokio::test]
async fn an_admin_keys_session_ends_with_the_key_and_the_set_keys_with_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let new = NewKey {
        name: "k".into(),
        tenant: "t".into(),
        app: "a".into(),
        scopes: vec!["admin".into()],
        ..NewKey::default()
    };
    let key = store.create_key(new, "test", NOW).await.unwrap().key;
    let of_key = store.begin_key_session(&key.id, "browser", None, NOW).await.unwrap();
    let of_set = store.begin_key_session("admin", "browser", None, NOW).await.unwrap();
    assert!(store.begin_key_session("no such key", "browser", None, NOW).await.is_err());
    assert!(store.session(&of_key.token, NOW).unwrap().key.is_some());
    assert_eq!(store.session(&of_set.token, NOW).unwrap().key_id.as_deref(), Some("admin"));
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    assert!(store.session(&of_set.token, NOW).is_none(), "a key that may have been changed opens");
    assert!(store.session(&of_key.token, NOW).is_some());
    store.revoke_key(&key.id, "test", NOW).await.unwrap();
    assert!(store.session(&of_key.token, NOW).is_none(), "a revoked key opens");
}

fn outside<'a>(
    subject: &'a str,
    name: &'a str,
    roles: &'a [Role],
    tenant: Option<&'a str>,
) -> menshen_store::Outside<'a> {
    menshen_store::Outside { issuer: "https://login.example", subject, name, display: "", roles, tenant }
}

#[tokio::test]
async fn an_account_is_that_of_a_subject_and_outlives_a_restart() {
    use menshen_store::SignOnRefusal;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let who = outside("s-1", "Wei", &[Role::Owner], None);
    let first = store.sign_on(who.clone(), "browser", None, NOW).await.unwrap();
    let id = first.open.person.as_ref().unwrap().id.clone();
    assert!(first.open.person.as_ref().unwrap().sign_on && store.signs_on_at(&id, "https://login.example"));
    // Another subject of the same name, and the same subject of another issuer, are somebody else.
    let other = store.sign_on(outside("s-2", "wei", &[Role::Owner], None), "browser", None, NOW).await;
    assert!(matches!(other, Err(SignOnRefusal::NameTaken)), "{other:?}");
    let elsewhere = menshen_store::Outside { issuer: "https://other.example", ..who.clone() };
    assert!(matches!(store.sign_on(elsewhere, "b", None, NOW).await, Err(SignOnRefusal::NameTaken)));
    // The last owner cannot be mapped to less.
    let less = store.sign_on(outside("s-1", "wei", &[Role::Auditor], None), "browser", None, NOW).await;
    assert!(matches!(less, Err(SignOnRefusal::Store(Error::Invalid { .. }))), "{less:?}");
    for (subject, name) in [("", "x"), ("s-3", ""), ("s-3", "two words")] {
        assert!(store.sign_on(outside(subject, name, &[Role::Auditor], None), "b", None, NOW).await.is_err());
    }
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    let again = store.sign_on(who, "browser", Some(&first.token), NOW + 1).await.unwrap();
    assert_eq!(again.open.person.as_ref().unwrap().id, id);
    assert!(store.session(&first.token, NOW + 2).is_none(), "the session before stays");
    // No longer welcome: what stands ends. Removed: the subject is new again.
    store.sign_on_withdrawn("https://login.example", "s-1", NOW + 3).await.unwrap();
    assert!(store.session(&again.token, NOW + 4).is_none());
    owner2(&store).await;
    store.remove_person(&id, "test", NOW + 5).await.unwrap();
    let anew = store.sign_on(outside("s-1", "wei", &[Role::Auditor], Some("acme")), "b", None, NOW + 6).await.unwrap();
    assert_ne!(anew.open.person.as_ref().unwrap().id, id);
    let events = events(&store).await;
    assert!(events.iter().filter(|e| *e == "session.end_all").count() == 1, "{events:?}");
}

async fn owner2(store: &Store) {
    store.add_person(new("second", &[Role::Owner], None), "test", NOW).await.unwrap();
}

#[tokio::test]
async fn all_sessions_of_one_person_end_at_once_but_for_the_one_that_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let wei = owner(&store).await;
    owner2(&store).await;
    let (here, there) = (signed_in(&store, "wei", NOW).await, signed_in(&store, "wei", NOW).await);
    let other = signed_in(&store, "second", NOW).await;
    assert_eq!(store.end_sessions_of(&wei.id, Some(&here.open.session.id), "test", NOW).await.unwrap(), 1);
    assert!(store.session(&there.token, NOW).is_none() && store.session(&here.token, NOW).is_some());
    assert_eq!(store.end_sessions_of(&wei.id, None, "test", NOW).await.unwrap(), 1);
    assert!(store.session(&here.token, NOW).is_none() && store.session(&other.token, NOW).is_some());
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    assert!(store.session(&here.token, NOW).is_none() && store.session(&there.token, NOW).is_none());
    assert!(store.session(&other.token, NOW).is_some());
}
