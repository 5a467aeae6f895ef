//! Sessions: what a browser holds after somebody signed in.
//!
//! A token is 32 random bytes, made here and never taken from a client; only its SHA-256 is kept, which suffices for a
//! secret nobody can guess. The token against forged requests follows from the session's, so that nothing has to be kept
//! for it either.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Person;
use super::rows::PeopleChange;
use crate::chain::Hash;
use crate::changes::Change;
use crate::cipher;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::keys::{ApiKey, digits, hash_of};
use crate::store::Store;

/// The use of a session is written this often at most.
const WRITTEN_EVERY_US: i64 = 60_000_000;
/// A use that lies further ahead than this was before the clock was set back.
const SET_BACK_US: i64 = 60_000_000;
/// So much of a browser's name is kept.
const AGENT_CHARS: usize = 200;
/// So many sessions an owner has at most; the one unused for longest ends first.
const MOST_PER_OWNER: usize = 20;
/// Longer ones are not ours.
const LONGEST_TOKEN: usize = 128;

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimes {
    /// Without a request, in seconds.
    pub idle_s: u32,
    /// However it is used, in seconds.
    pub most_s: u32,
}

impl Default for SessionTimes {
    fn default() -> Self {
        SessionTimes { idle_s: 3_600, most_s: 43_200 }
    }
}

/// Whose a session is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Owner {
    /// The id of an account.
    Person(String),
    /// The id of an administrator's API key.
    Key(String),
}

impl Owner {
    pub(super) fn person(&self) -> Option<&str> {
        if let Owner::Person(id) = self { Some(id) } else { None }
    }

    pub(super) fn key(&self) -> Option<&str> {
        if let Owner::Key(id) = self { Some(id) } else { None }
    }
}

/// A session, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its public id.
    pub id: String,
    pub(crate) owner: Owner,
    /// The browser, as it names itself; at most 200 characters.
    pub agent: String,
    /// When it began, in microseconds since 1970 UTC.
    pub created_us: i64,
    /// When it was used last.
    pub used_us: i64,
    /// When it ends however it is used.
    pub expires_us: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct HeldSession {
    pub(crate) session: Session,
    /// The last use that is on disk.
    pub(crate) written_us: i64,
}

/// A session with whose it is.
#[derive(Debug, Clone)]
pub struct OpenSession {
    /// The session.
    pub session: Session,
    /// The person who signed in; none where an administrator's key did.
    pub person: Option<Arc<Person>>,
    /// The administrator's key; `admin` for the one that the operator set.
    pub key_id: Option<String>,
    /// The key where it is one of the store's.
    pub key: Option<Arc<ApiKey>>,
}

/// Whose session begins, and where.
pub(super) struct Start<'a> {
    pub(super) owner: Owner,
    /// The hash of the password that was checked, where one was.
    pub(super) proved: Option<&'a Arc<str>>,
    /// Who, for the audit.
    pub(super) by: &'a str,
    pub(super) agent: &'a str,
    /// The token that the browser held before.
    pub(super) replaced: Option<&'a str>,
    /// The second factor that was shown, for the audit.
    pub(super) factor: Option<&'static str>,
    /// What else is told with it.
    pub(super) told: Vec<Entry>,
}

impl<'a> Start<'a> {
    /// Without a password or a second factor.
    pub(super) const fn plain(owner: Owner, by: &'a str, agent: &'a str, replaced: Option<&'a str>) -> Self {
        Start { owner, proved: None, by, agent, replaced, factor: None, told: Vec::new() }
    }
}

/// A session as it begins. The token is nowhere else.
pub struct StartedSession {
    /// The session.
    pub open: OpenSession,
    /// What the browser presents.
    pub token: Zeroizing<String>,
}

impl fmt::Debug for StartedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedSession").field("open", &self.open).finish_non_exhaustive()
    }
}

/// The token against forged requests of the session with this token: whoever knows it has read an answer of ours.
pub fn csrf_of(token: &str) -> String {
    let mut hasher = Sha256::new_with_prefix(b"menshen csrf v1\0");
    hasher.update(token.as_bytes());
    digits(&hasher.finalize()).to_string()
}

impl Session {
    fn stands(&self, idle_s: u32, now_us: i64) -> bool {
        now_us < self.expires_us && now_us.saturating_sub(self.used_us) < i64::from(idle_s) * 1_000_000
    }
}

impl HeldSession {
    fn is_ahead(&self, now_us: i64) -> bool {
        self.session.used_us > now_us.saturating_add(SET_BACK_US)
    }
}

/// After the clock was set back: sessions that were used under the later time move back with it, all by as much. Else they
/// would neither be idle nor end until the clock is there again.
fn set_back(sessions: &mut HashMap<Hash, HeldSession>, now_us: i64) {
    let Some(latest) = sessions.values().filter(|h| h.is_ahead(now_us)).map(|h| h.session.used_us).max() else {
        return;
    };
    let by = latest.saturating_sub(now_us);
    for HeldSession { session, written_us } in sessions.values_mut().filter(|h| h.session.used_us > now_us) {
        for time in [&mut session.created_us, &mut session.used_us, &mut session.expires_us, written_us] {
            *time = time.saturating_sub(by);
        }
    }
}

impl Store {
    /// The session of a token. Waits on nothing. Its use is noted, on disk once a minute.
    pub fn session(&self, token: &str, now_us: i64) -> Option<OpenSession> {
        if token.is_empty() || token.len() > LONGEST_TOKEN {
            return None;
        }
        let hash = hash_of(token);
        let idle_s = self.inner.options.sessions.idle_s;
        let (session, write) = {
            let mut sessions = self.inner.people.open();
            if sessions.get(&hash)?.is_ahead(now_us) {
                set_back(&mut sessions, now_us);
            }
            let held = sessions.get_mut(&hash)?;
            if !held.session.stands(idle_s, now_us) {
                // Its row goes with the next session that begins.
                sessions.remove(&hash);
                return None;
            }
            held.session.used_us = held.session.used_us.max(now_us);
            let write = now_us.saturating_sub(held.written_us) >= WRITTEN_EVERY_US;
            if write {
                held.written_us = now_us;
            }
            (held.session.clone(), write)
        };
        let open = self.with_owner(session, now_us)?;
        if write {
            self.note_use(&open, now_us);
        }
        Some(open)
    }

    /// A session with its owner, if the owner may still sign in.
    fn with_owner(&self, session: Session, now_us: i64) -> Option<OpenSession> {
        let (mut person, mut key, mut key_id) = (None, None, None);
        match &session.owner {
            Owner::Person(id) => {
                let known = self.inner.people.all().get(id).map(|h| Arc::clone(&h.person));
                person = Some(known.filter(|p| !p.disabled)?);
            }
            Owner::Key(id) => {
                if id != SET_KEY {
                    let known = self.inner.keys.get(id)?;
                    let ended = known.revoked_us.is_some() || known.expires_us.is_some_and(|end| end <= now_us);
                    key = Some(Some(known).filter(|_| !ended)?);
                }
                key_id = Some(id.clone());
            }
        }
        Some(OpenSession { session, person, key_id, key })
    }

    fn note_use(&self, open: &OpenSession, now_us: i64) {
        let id = open.person.as_ref().map(|p| p.id.clone());
        if let Some(id) = &id
            && let Some(held) = self.inner.people.all().get_mut(id)
        {
            Arc::make_mut(&mut held.person).seen_us = Some(now_us);
        }
        if open.key_id.as_deref() == Some(SET_KEY) {
            return;
        }
        let change = PeopleChange::Touch { id: open.session.id.clone(), person: id, at_us: now_us };
        // Not waited for: a full queue costs no more than a minute of idle time.
        drop(self.enqueue_change(vec![Change::People(Box::new(change))], Vec::new()));
    }

    /// Begins a session of an administrator's key, which the caller has checked. `replaced` is the token that the browser
    /// held before: it ends.
    ///
    /// # Errors
    /// [`Error::NoRandom`]; [`Error::QueueFull`] and the database's failures, and then no session began.
    pub async fn begin_key_session(
        &self,
        key_id: &str,
        agent: &str,
        replaced: Option<&str>,
        now_us: i64,
    ) -> Result<StartedSession, Error> {
        let start = Start::plain(Owner::Key(key_id.to_owned()), key_id, agent, replaced);
        self.begin(start, Vec::new(), now_us).await
    }

    /// Begins a session of an account whose owner has just proved who they are: by making it, or by their password.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none that may sign in; [`Error::NoRandom`]; [`Error::QueueFull`] and the
    /// database's failures, and then no session began.
    pub async fn begin_session_of(
        &self,
        id: &str,
        agent: &str,
        replaced: Option<&str>,
        now_us: i64,
    ) -> Result<StartedSession, Error> {
        let person = self.inner.people.by_id(id)?.person;
        let by = format!("person:{}", person.name);
        let start = Start::plain(Owner::Person(person.id.clone()), &by, agent, replaced);
        self.begin(start, Vec::new(), now_us).await
    }

    pub(super) async fn begin(
        &self,
        start: Start<'_>,
        mut changes: Vec<Change>,
        now_us: i64,
    ) -> Result<StartedSession, Error> {
        let Start { owner, proved, by, agent, replaced, factor, told } = start;
        let gone = || Error::NotFound { what: "account that may sign in", id: by.to_owned() };
        // Nobody changes the account between here and the end: a password that was changed while its former one was being
        // checked opens nothing.
        let _changing = self.inner.people.changing.lock().await;
        if let (Owner::Person(id), Some(proved)) = (&owner, proved)
            && !Arc::ptr_eq(&self.inner.people.by_id(id)?.password, proved)
        {
            return Err(gone());
        }
        let (mut id, mut token) = ([0_u8; 10], Zeroizing::new([0_u8; 32]));
        cipher::random(&mut id)?;
        cipher::random(&mut *token)?;
        let token = digits(&*token);
        let session = Session {
            id: format!("ses_{}", *digits(&id)),
            owner,
            agent: agent.chars().filter(|c| !c.is_control()).take(AGENT_CHARS).collect(),
            created_us: now_us,
            used_us: now_us,
            expires_us: now_us.saturating_add(i64::from(self.inner.options.sessions.most_s) * 1_000_000),
        };
        let hash = hash_of(&token);
        for ended in self.make_room(&session.owner, replaced, now_us) {
            changes.push(Change::People(Box::new(PeopleChange::End { id: ended })));
        }
        // The operator's key is known to this process only, and so are its sessions.
        if session.owner.key() != Some(SET_KEY) {
            changes.push(Change::People(Box::new(PeopleChange::Begin { session: session.clone(), hash })));
        }
        let mut detail = json!({ "session": session.id, "agent": session.agent });
        if let (Some(factor), Some(detail)) = (factor, detail.as_object_mut()) {
            detail.insert("factor".to_owned(), factor.into());
        }
        let mut entry = Entry::event(EntryKind::Admin, "session.begin", now_us, detail);
        entry.key_id = Some(by.to_owned());
        let entries = told.into_iter().chain([entry]).collect();
        self.change(changes, entries).await?;
        // An account that was disabled in the meantime has no session that it could be given.
        let open = self.with_owner(session.clone(), now_us).ok_or_else(gone)?;
        self.inner.people.open().insert(hash, HeldSession { session, written_us: now_us });
        Ok(StartedSession { open, token })
    }

    /// Ends what a new session takes the place of; gives the ids.
    fn make_room(&self, owner: &Owner, replaced: Option<&str>, now_us: i64) -> Vec<String> {
        let idle_s = self.inner.options.sessions.idle_s;
        let mut sessions = self.inner.people.open();
        set_back(&mut sessions, now_us);
        sessions.retain(|_, held| held.session.stands(idle_s, now_us));
        let mut ended = Vec::new();
        if let Some(held) = replaced.and_then(|token| sessions.remove(&hash_of(token))) {
            ended.push(held.session.id);
        }
        let mut own: Vec<(i64, Hash)> =
            sessions.iter().filter(|(_, h)| h.session.owner == *owner).map(|(k, h)| (h.session.used_us, *k)).collect();
        own.sort_unstable();
        let surplus = (own.len() + 1).saturating_sub(MOST_PER_OWNER);
        for (_, hash) in own.into_iter().take(surplus) {
            ended.extend(sessions.remove(&hash).map(|held| held.session.id));
        }
        ended
    }

    /// All sessions that stand, latest first.
    pub fn sessions(&self, now_us: i64) -> Vec<OpenSession> {
        let idle_s = self.inner.options.sessions.idle_s;
        let held: Vec<Session> = {
            let mut sessions = self.inner.people.open();
            set_back(&mut sessions, now_us);
            sessions.values().map(|h| h.session.clone()).collect()
        };
        let stand = held.into_iter().filter(|s| s.stands(idle_s, now_us));
        let mut list: Vec<OpenSession> = stand.filter_map(|s| self.with_owner(s, now_us)).collect();
        list.sort_by(|a, b| (b.session.created_us, &b.session.id).cmp(&(a.session.created_us, &a.session.id)));
        list
    }

    /// Ends a session, at once and in this process even when the disk refuses.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this id; the database's failures.
    pub async fn end_session(&self, id: &str, by: &str, now_us: i64) -> Result<(), Error> {
        let before = {
            let mut sessions = self.inner.people.open();
            let before = sessions.len();
            sessions.retain(|_, held| held.session.id != id);
            before - sessions.len()
        };
        if before == 0 {
            return Err(Error::NotFound { what: "session", id: id.to_owned() });
        }
        let mut entry = Entry::event(EntryKind::Admin, "session.end", now_us, json!({ "session": id }));
        entry.key_id = Some(by.to_owned());
        let change = Change::People(Box::new(PeopleChange::End { id: id.to_owned() }));
        self.change(vec![change], vec![entry]).await.map(drop)
    }

    /// The same but for one, with the ids of those that ended.
    pub(super) fn take_sessions_of(&self, person: &str, but: Option<&str>) -> Vec<String> {
        let mut ended = Vec::new();
        self.inner.people.open().retain(|_, held| {
            let session = &held.session;
            let stays = session.owner.person() != Some(person) || but == Some(session.id.as_str());
            if !stays {
                ended.push(session.id.clone());
            }
            stays
        });
        ended
    }

    /// In memory; the rows are the caller's.
    pub(super) fn forget_sessions_of(&self, person: &str) {
        self.inner.people.open().retain(|_, held| held.session.owner.person() != Some(person));
    }
}

/// The id that stands for the key which the operator set in the environment.
const SET_KEY: &str = "admin";
