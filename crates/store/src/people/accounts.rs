//! Making, changing and removing accounts.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::rows::PeopleChange;
use super::sign_on::Link;
use super::{Held, MOST_PEOPLE, Person, Role, checked_name, password, totp};
use crate::changes::Change;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::keys::check_id;
use crate::store::Store;

/// The most characters of what people are called.
const LONGEST_DISPLAY: usize = 100;

/// What a new account is to be.
#[derive(Clone)]
pub struct NewPerson {
    /// What they sign in with.
    pub name: String,
    /// What people call them; the name where it is empty.
    pub display: String,
    /// Their roles; at least one.
    pub roles: Vec<Role>,
    /// The one tenant they may see; none for all.
    pub tenant: Option<String>,
    /// Their password.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for NewPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewPerson").field("name", &self.name).field("roles", &self.roles).finish_non_exhaustive()
    }
}

/// What is to change about an account; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonChange {
    /// What people call them.
    pub display: Option<String>,
    /// Their roles.
    pub roles: Option<Vec<Role>>,
    /// The one tenant they may see; `Some(None)` for all.
    pub tenant: Option<Option<String>>,
    /// Whether they may not sign in.
    pub disabled: Option<bool>,
}

/// A new secret of a second factor: shown once, to whom it belongs.
pub struct TotpSecret {
    /// In base 32, to be typed.
    pub secret: Zeroizing<String>,
    /// `otpauth://…`, to be shown as a QR code.
    pub uri: Zeroizing<String>,
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret")
    }
}

fn checked_display(display: &str, name: &str) -> Result<String, Error> {
    let display = display.trim();
    if display.chars().count() > LONGEST_DISPLAY || display.chars().any(char::is_control) {
        let problem = format!("at most {LONGEST_DISPLAY} characters, and no control characters");
        return Err(Error::Invalid { what: "display", problem });
    }
    Ok(if display.is_empty() { name } else { display }.to_owned())
}

fn checked_roles(roles: &[Role]) -> Result<Vec<Role>, Error> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() {
        return Err(Error::Invalid { what: "roles", problem: "an account needs at least one".into() });
    }
    Ok(roles)
}

/// A new account, as far as it can be told to do.
pub(super) fn described(
    name: &str,
    display: &str,
    roles: &[Role],
    tenant: Option<String>,
    now_us: i64,
) -> Result<Person, Error> {
    let name = checked_name(name)?;
    if let Some(tenant) = &tenant {
        check_id("tenant", tenant)?;
    }
    Ok(Person {
        id: format!("psn_{}", uuid::Uuid::now_v7().simple()),
        display: checked_display(display, &name)?,
        roles: checked_roles(roles)?,
        tenant,
        disabled: false,
        totp: false,
        security_keys: 0,
        sign_on: false,
        created_us: now_us,
        seen_us: None,
        name,
    })
}

pub(super) fn event(event: &str, person: &Person, detail: &Value, by: &str, now_us: i64) -> Entry {
    let mut told = json!({ "id": person.id, "name": person.name });
    if let (Some(told), Some(detail)) = (told.as_object_mut(), detail.as_object()) {
        told.extend(detail.iter().map(|(k, v)| (k.clone(), v.clone())));
    }
    let mut entry = Entry::event(EntryKind::Admin, event, now_us, told);
    entry.key_id = Some(by.to_owned());
    entry.tenant.clone_from(&person.tenant);
    entry
}

pub(super) fn boxed(change: PeopleChange) -> Change {
    Change::People(Box::new(change))
}

impl Store {
    /// Everybody, by name.
    pub fn people(&self) -> Vec<Arc<Person>> {
        let mut list: Vec<Arc<Person>> = self.inner.people.all().values().map(|h| Arc::clone(&h.person)).collect();
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list
    }

    /// The account of an id.
    pub fn person(&self, id: &str) -> Option<Arc<Person>> {
        self.inner.people.all().get(id).map(|h| Arc::clone(&h.person))
    }

    /// The account of a name.
    pub fn person_named(&self, name: &str) -> Option<Arc<Person>> {
        self.inner.people.by_name(name).map(|h| h.person)
    }

    /// Makes an account. `by` says who did it, for the audit.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that will not do or is taken, a password that is guessed first, no role, an unusable
    /// tenant, or a first account that rules nothing; [`Error::Busy`]; the database's failures.
    pub async fn add_person(&self, new: NewPerson, by: &str, now_us: i64) -> Result<Arc<Person>, Error> {
        self.add(new, by, false, Value::Null, now_us).await
    }

    pub(super) async fn add(
        &self,
        new: NewPerson,
        by: &str,
        first: bool,
        detail: Value,
        now_us: i64,
    ) -> Result<Arc<Person>, Error> {
        let password = new.password;
        let person = described(&new.name, &new.display, &new.roles, new.tenant, now_us)?;
        password::check(&password, &person.name)?;
        let hash: Arc<str> = self.inner.people.hasher.hash(&password).await?.into();
        let _changing = self.inner.people.changing.lock().await;
        if first && !self.inner.people.all().is_empty() {
            return Err(Error::NotFound { what: "open set-up with this", id: "token".to_owned() });
        }
        self.place(person, hash, None, by, detail, now_us).await
    }

    /// Puts a new account in its place; administrators wait meanwhile.
    pub(super) async fn place(
        &self,
        mut person: Person,
        password: Arc<str>,
        link: Option<Link>,
        by: &str,
        detail: Value,
        now_us: i64,
    ) -> Result<Arc<Person>, Error> {
        let invalid = |what, problem: &str| Err(Error::Invalid { what, problem: problem.to_owned() });
        {
            let all = self.inner.people.all();
            if all.values().any(|h| h.person.name == person.name) {
                return invalid("name", "somebody has this name already");
            }
            if all.len() >= MOST_PEOPLE {
                return invalid("account", "there are too many");
            }
            if all.is_empty() && !person.rules_all() {
                return invalid("roles", "the first account must be an owner's, of no tenant");
            }
        }
        person.sign_on = link.is_some();
        let mut told = json!({ "roles": person.roles });
        if let (Some(told), Some(detail)) = (told.as_object_mut(), detail.as_object()) {
            told.extend(detail.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
        let person = Arc::new(person);
        let links: Vec<Link> = link.into_iter().collect();
        let held = Held {
            person: Arc::clone(&person),
            password,
            links: links.clone(),
            totp: None,
            pending: None,
            step: 0,
            keys: Vec::new(),
            recovery: Vec::new(),
        };
        let entry = event("person.add", &person, &told, by, now_us);
        let mut changes = vec![boxed(PeopleChange::Put(Box::new(held.clone())))];
        let linked = |link| PeopleChange::Link { person: person.id.clone(), link, at_us: now_us };
        changes.extend(links.into_iter().map(linked).map(boxed));
        self.change(changes, vec![entry]).await?;
        self.inner.people.all().insert(person.id.clone(), held);
        self.inner.people.setup().take();
        Ok(person)
    }

    /// Somebody must be left who can make accounts.
    fn someone_rules_without(&self, id: &str) -> Result<(), Error> {
        if self.inner.people.all().values().any(|h| h.person.id != id && h.person.rules_all()) {
            return Ok(());
        }
        let problem = "this is the last owner who can sign in; make another first".to_owned();
        Err(Error::Invalid { what: "account", problem })
    }

    /// Changes an account. Other roles, another tenant and disabling end all of its sessions, at once.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for what will not do, and where nobody would be left who rules; the
    /// database's failures, and then the account is as it was and its sessions have ended.
    pub async fn change_person(
        &self,
        id: &str,
        change: PersonChange,
        by: &str,
        now_us: i64,
    ) -> Result<Arc<Person>, Error> {
        let _changing = self.inner.people.changing.lock().await;
        let before = self.inner.people.by_id(id)?.person;
        let mut person = (*before).clone();
        if let Some(display) = &change.display {
            person.display = checked_display(display, &person.name)?;
        }
        if let Some(roles) = &change.roles {
            person.roles = checked_roles(roles)?;
        }
        if let Some(tenant) = change.tenant {
            if let Some(tenant) = &tenant {
                check_id("tenant", tenant)?;
            }
            person.tenant = tenant;
        }
        person.disabled = change.disabled.unwrap_or(person.disabled);
        if before.rules_all() && !person.rules_all() {
            self.someone_rules_without(id)?;
        }
        let ends = person.roles != before.roles || person.tenant != before.tenant || person.disabled;
        let person = Arc::new(person);
        let mut changes = vec![boxed(PeopleChange::Update(Arc::clone(&person)))];
        if ends {
            self.forget_sessions_of(id);
            changes.push(boxed(PeopleChange::EndAll { person: id.to_owned() }));
        }
        let detail = json!({ "roles": person.roles, "disabled": person.disabled, "tenant": person.tenant });
        self.change(changes, vec![event("person.change", &person, &detail, by, now_us)]).await?;
        if let Some(held) = self.inner.people.all().get_mut(id) {
            // What may have changed beside it stays.
            let Person { totp, security_keys, sign_on, seen_us, .. } = *held.person;
            held.person = Arc::new(Person { totp, security_keys, sign_on, seen_us, ..(*person).clone() });
        }
        if ends {
            // One that began while this was written.
            self.forget_sessions_of(id);
        }
        self.inner.people.by_id(id).map(|h| h.person)
    }

    /// Removes an account with its sessions. What it did stays in the audit.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] where nobody would be left who rules; the database's failures.
    pub async fn remove_person(&self, id: &str, by: &str, now_us: i64) -> Result<(), Error> {
        let _changing = self.inner.people.changing.lock().await;
        let person = self.inner.people.by_id(id)?.person;
        if person.rules_all() {
            self.someone_rules_without(id)?;
        }
        self.forget_sessions_of(id);
        let change = boxed(PeopleChange::Remove { id: id.to_owned() });
        self.change(vec![change], vec![event("person.remove", &person, &Value::Null, by, now_us)]).await?;
        self.inner.people.all().remove(id);
        self.forget_sessions_of(id);
        Ok(())
    }

    /// Sets a password; all sessions of the account end.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for one that is guessed first; [`Error::Busy`]; the database's failures, and
    /// then the old one stays and the sessions have ended.
    pub async fn set_password(&self, id: &str, password: &str, by: &str, now_us: i64) -> Result<(), Error> {
        let person = self.inner.people.by_id(id)?.person;
        password::check(password, &person.name)?;
        let hash: Arc<str> = self.inner.people.hasher.hash(password).await?.into();
        let _changing = self.inner.people.changing.lock().await;
        self.forget_sessions_of(id);
        let changes = vec![
            boxed(PeopleChange::Password { id: id.to_owned(), hash: Arc::clone(&hash) }),
            boxed(PeopleChange::EndAll { person: id.to_owned() }),
        ];
        self.change(changes, vec![event("person.password", &person, &Value::Null, by, now_us)]).await?;
        if let Some(held) = self.inner.people.all().get_mut(id) {
            held.password = hash;
        }
        self.inner.people.throttle().forget(&person.name);
        self.forget_sessions_of(id);
        Ok(())
    }

    /// Begins the enrolment of a second factor: nothing is asked for before [`Store::confirm_totp`].
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] where there is one already, so that a stolen session cannot replace it;
    /// the database's failures.
    pub async fn begin_totp(&self, id: &str, by: &str, now_us: i64) -> Result<TotpSecret, Error> {
        let _changing = self.inner.people.changing.lock().await;
        let held = self.inner.people.by_id(id)?;
        if held.totp.is_some() {
            let problem = "there is one already; an owner can take it away".to_owned();
            return Err(Error::Invalid { what: "second factor", problem });
        }
        let secret = totp::secret()?;
        let pending = self.inner.ring.encrypt(&totp_place(id), &secret)?;
        let change =
            PeopleChange::Totp { id: id.to_owned(), totp: None, pending: Some(pending.clone()), step: held.step };
        let entry = event("person.totp_begin", &held.person, &Value::Null, by, now_us);
        self.change(vec![boxed(change)], vec![entry]).await?;
        if let Some(held) = self.inner.people.all().get_mut(id) {
            held.pending = Some(pending);
        }
        Ok(TotpSecret {
            secret: Zeroizing::new(totp::written(&secret)),
            uri: Zeroizing::new(totp::uri(&secret, &held.person.name)),
        })
    }

    /// Ends the enrolment: from now on signing in needs the second factor.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] when none was begun or the code is not right; the database's failures.
    pub async fn confirm_totp(&self, id: &str, code: &str, by: &str, now_us: i64) -> Result<(), Error> {
        let _changing = self.inner.people.changing.lock().await;
        let held = self.inner.people.by_id(id)?;
        let refuse = |problem: &str| Error::Invalid { what: "second factor", problem: problem.to_owned() };
        let sealed = held.pending.ok_or_else(|| refuse("none was begun"))?;
        let secret = self.open_totp(id, &sealed)?;
        let step = totp::step_of(&secret, code, held.step, now_us)
            .ok_or_else(|| refuse("the code is not right; check the clock of the device"))?;
        let change = PeopleChange::Totp { id: id.to_owned(), totp: Some(sealed.clone()), pending: None, step };
        let entry = event("person.totp", &held.person, &Value::Null, by, now_us);
        self.change(vec![boxed(change)], vec![entry]).await?;
        self.with_held(id, |held| {
            (held.totp, held.pending, held.step) = (Some(sealed), None, totp::latest(held.step, step))
        });
        Ok(())
    }

    /// Takes an authenticator app away: for devices that were lost. All sessions of the account end; where no security key is
    /// left, its recovery codes go too. For all factors at once see [`Store::reset_factors`].
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures.
    pub async fn reset_totp(&self, id: &str, by: &str, now_us: i64) -> Result<(), Error> {
        let _changing = self.inner.people.changing.lock().await;
        let held = self.inner.people.by_id(id)?;
        self.forget_sessions_of(id);
        let last = held.keys.is_empty();
        let mut changes = vec![
            boxed(PeopleChange::Totp { id: id.to_owned(), totp: None, pending: None, step: held.step }),
            boxed(PeopleChange::EndAll { person: id.to_owned() }),
        ];
        if last {
            changes.push(boxed(PeopleChange::Recovery { person: id.to_owned(), codes: Vec::new() }));
        }
        self.change(changes, vec![event("person.totp_reset", &held.person, &Value::Null, by, now_us)]).await?;
        self.with_held(id, |held| {
            (held.totp, held.pending) = (None, None);
            if last {
                held.recovery.clear();
            }
        });
        Ok(())
    }

    /// Ends all sessions of an account, but for one that is named; gives how many there were. At once and in this process
    /// even when the disk refuses.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures.
    pub async fn end_sessions_of(&self, id: &str, but: Option<&str>, by: &str, now_us: i64) -> Result<usize, Error> {
        let person = self.inner.people.by_id(id)?.person;
        let ended = self.take_sessions_of(id, but);
        let mut changes: Vec<Change> =
            ended.iter().map(|session| boxed(PeopleChange::End { id: session.clone() })).collect();
        if but.is_none() {
            changes.push(boxed(PeopleChange::EndAll { person: id.to_owned() }));
        }
        let detail = json!({ "sessions": ended.len() });
        self.change(changes, vec![event("session.end_all", &person, &detail, by, now_us)]).await?;
        Ok(ended.len())
    }

    pub(super) fn open_totp(&self, id: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.inner.ring.decrypt("second factor", &totp_place(id), sealed).map(Zeroizing::new)
    }
}

fn totp_place(id: &str) -> String {
    format!("person/{id}/totp")
}
