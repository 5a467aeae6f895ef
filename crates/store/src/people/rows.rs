//! People and sessions as rows.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::recovery::Recovery;
use super::session::{HeldSession, Owner, Session};
use super::sign_on::Link;
use super::{Held, Person, Role, SecurityKey};
use crate::chain::Hash;

/// A change of accounts or sessions.
#[derive(Debug, Clone)]
pub(crate) enum PeopleChange {
    Put(Box<Held>),
    Update(Arc<Person>),
    Password {
        id: String,
        hash: Arc<str>,
    },
    Totp {
        id: String,
        totp: Option<Vec<u8>>,
        pending: Option<Vec<u8>>,
        step: i64,
    },
    AddKey {
        person: String,
        key: Box<SecurityKey>,
    },
    /// It let somebody in.
    UseKey {
        id: String,
        counter: u32,
        backed_up: bool,
        at_us: i64,
    },
    RenameKey {
        id: String,
        name: String,
    },
    RemoveKey {
        id: String,
    },
    RemoveKeys {
        person: String,
    },
    /// In the place of those that were there.
    Recovery {
        person: String,
        codes: Vec<Recovery>,
    },
    SpendCode {
        person: String,
        hash: Hash,
        at_us: i64,
    },
    Failures {
        id: String,
        failures: u32,
        at_us: i64,
    },
    Remove {
        id: String,
    },
    Link {
        person: String,
        link: Link,
        at_us: i64,
    },
    Begin {
        session: Session,
        hash: Hash,
    },
    Touch {
        id: String,
        person: Option<String>,
        at_us: i64,
    },
    End {
        id: String,
    },
    EndAll {
        person: String,
    },
}

const PEOPLE: &str = "SELECT id, name, display, roles, tenant, password, totp, totp_pending, totp_step, disabled,
    failures, failed_us, created_us, seen_us FROM people";
const SESSIONS: &str = "SELECT id, hash, person, key_id, agent, created_us, used_us, expires_us FROM sessions";
const PUT: &str = "INSERT INTO people (id, name, display, roles, tenant, password, created_us) VALUES (?,?,?,?,?,?,?)";
const UPDATE: &str = "UPDATE people SET display = ?2, roles = ?3, tenant = ?4, disabled = ?5 WHERE id = ?1";
const PASSWORD: &str = "UPDATE people SET password = ?2, failures = 0 WHERE id = ?1";
const TOTP: &str = "UPDATE people SET totp = ?2, totp_pending = ?3, totp_step = ?4 WHERE id = ?1";
const FAILURES: &str = "UPDATE people SET failures = ?2, failed_us = ?3 WHERE id = ?1";
const LINK: &str = "INSERT INTO sign_on (issuer, subject, person, created_us) VALUES (?,?,?,?)";
const LINKS: &str = "SELECT person, issuer, subject FROM sign_on";
const KEYS: &str =
    "SELECT person, id, credential, name, host, public_key, algorithm, counter, transports, backup_eligible,
    backed_up, created_us, used_us FROM security_keys ORDER BY created_us, id";
const ADD_KEY: &str =
    "INSERT INTO security_keys (person, id, credential, name, host, public_key, algorithm, counter, transports,
    backup_eligible, backed_up, created_us) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)";
const USE_KEY: &str = "UPDATE security_keys SET counter = ?2, backed_up = ?3, used_us = ?4 WHERE id = ?1";
const RENAME_KEY: &str = "UPDATE security_keys SET name = ?2 WHERE id = ?1";
const REMOVE_KEY: &str = "DELETE FROM security_keys WHERE id = ?1";
const REMOVE_KEYS: &str = "DELETE FROM security_keys WHERE person = ?1";
const CODES: &str = "SELECT person, hash, created_us, used_us FROM recovery_codes ORDER BY created_us, hash";
const NO_CODES: &str = "DELETE FROM recovery_codes WHERE person = ?1";
const ADD_CODE: &str = "INSERT INTO recovery_codes (person, hash, created_us) VALUES (?,?,?)";
const SPEND_CODE: &str = "UPDATE recovery_codes SET used_us = ?3 WHERE person = ?1 AND hash = ?2 AND used_us IS NULL";
const REMOVE: &str = "DELETE FROM people WHERE id = ?1";
const FORGET_ENDED: &str = "DELETE FROM sessions WHERE expires_us <= ?1";
const BEGIN: &str = "INSERT INTO sessions (id, hash, person, key_id, agent, created_us, used_us, expires_us)
    VALUES (?,?,?,?,?,?,?,?)";
const TOUCH: &str = "UPDATE sessions SET used_us = ?2 WHERE id = ?1";
const SEEN: &str = "UPDATE people SET seen_us = ?2 WHERE id = ?1";
const END: &str = "DELETE FROM sessions WHERE id = ?1";
const END_ALL: &str = "DELETE FROM sessions WHERE person = ?1";

/// Makes a change; gives the rows that were touched.
pub(crate) async fn apply(conn: &mut SqliteConnection, change: &PeopleChange) -> Result<u64, sqlx::Error> {
    let done = match change {
        PeopleChange::Put(held) => {
            let person = &held.person;
            sqlx::query(PUT)
                .bind(&person.id)
                .bind(&person.name)
                .bind(&person.display)
                .bind(json!(person.roles).to_string())
                .bind(&person.tenant)
                .bind(held.password.as_ref())
                .bind(person.created_us)
                .execute(conn)
                .await?
        }
        PeopleChange::Update(person) => {
            sqlx::query(UPDATE)
                .bind(&person.id)
                .bind(&person.display)
                .bind(json!(person.roles).to_string())
                .bind(&person.tenant)
                .bind(person.disabled)
                .execute(conn)
                .await?
        }
        PeopleChange::Password { id, hash } => sqlx::query(PASSWORD).bind(id).bind(hash.as_ref()).execute(conn).await?,
        PeopleChange::Totp { id, totp, pending, step } => {
            sqlx::query(TOTP).bind(id).bind(totp).bind(pending).bind(step).execute(conn).await?
        }
        PeopleChange::AddKey { person, key } => {
            sqlx::query(ADD_KEY)
                .bind(person)
                .bind(&key.id)
                .bind(&key.credential)
                .bind(&key.name)
                .bind(&key.host)
                .bind(&key.public_key)
                .bind(key.algorithm)
                .bind(key.counter)
                .bind(json!(key.transports).to_string())
                .bind(key.backup_eligible)
                .bind(key.backed_up)
                .bind(key.created_us)
                .execute(conn)
                .await?
        }
        PeopleChange::UseKey { id, counter, backed_up, at_us } => {
            sqlx::query(USE_KEY).bind(id).bind(counter).bind(backed_up).bind(at_us).execute(conn).await?
        }
        PeopleChange::RenameKey { id, name } => sqlx::query(RENAME_KEY).bind(id).bind(name).execute(conn).await?,
        PeopleChange::RemoveKey { id } => sqlx::query(REMOVE_KEY).bind(id).execute(conn).await?,
        PeopleChange::RemoveKeys { person } => sqlx::query(REMOVE_KEYS).bind(person).execute(conn).await?,
        PeopleChange::Recovery { person, codes } => {
            let mut done = sqlx::query(NO_CODES).bind(person).execute(&mut *conn).await?;
            for code in codes {
                let add = sqlx::query(ADD_CODE).bind(person).bind(code.hash.to_vec()).bind(code.created_us);
                done = add.execute(&mut *conn).await?;
            }
            done
        }
        PeopleChange::SpendCode { person, hash, at_us } => {
            sqlx::query(SPEND_CODE).bind(person).bind(hash.to_vec()).bind(at_us).execute(conn).await?
        }
        PeopleChange::Failures { id, failures, at_us } => {
            sqlx::query(FAILURES).bind(id).bind(failures).bind(at_us).execute(conn).await?
        }
        PeopleChange::Remove { id } => sqlx::query(REMOVE).bind(id).execute(conn).await?,
        PeopleChange::Link { person, link, at_us } => {
            sqlx::query(LINK).bind(&link.issuer).bind(&link.subject).bind(person).bind(at_us).execute(conn).await?
        }
        PeopleChange::Begin { session, hash } => {
            sqlx::query(FORGET_ENDED).bind(session.created_us).execute(&mut *conn).await?;
            sqlx::query(BEGIN)
                .bind(&session.id)
                .bind(hash.to_vec())
                .bind(session.owner.person())
                .bind(session.owner.key())
                .bind(&session.agent)
                .bind(session.created_us)
                .bind(session.used_us)
                .bind(session.expires_us)
                .execute(conn)
                .await?
        }
        PeopleChange::Touch { id, person, at_us } => {
            if let Some(person) = person {
                sqlx::query(SEEN).bind(person).bind(at_us).execute(&mut *conn).await?;
            }
            sqlx::query(TOUCH).bind(id).bind(at_us).execute(conn).await?
        }
        PeopleChange::End { id } => sqlx::query(END).bind(id).execute(conn).await?,
        PeopleChange::EndAll { person } => sqlx::query(END_ALL).bind(person).execute(conn).await?,
    };
    Ok(done.rows_affected())
}

/// Everybody by id, and the failures that are known of their names.
pub(super) async fn people(
    conn: &mut SqliteConnection,
) -> Result<(HashMap<String, Held>, Vec<(String, u32, i64)>), sqlx::Error> {
    let (mut people, mut failures) = (HashMap::new(), Vec::new());
    for row in sqlx::query(PEOPLE).fetch_all(&mut *conn).await? {
        let held = read(&row)?;
        let count: u32 = row.try_get(10)?;
        if count > 0 {
            failures.push((held.person.name.clone(), count, row.try_get(11)?));
        }
        people.insert(held.person.id.clone(), held);
    }
    for row in sqlx::query(KEYS).fetch_all(&mut *conn).await? {
        let Some(held) = people.get_mut(row.try_get::<&str, _>(0)?) else { continue };
        held.keys.push(read_key(&row)?);
        Arc::make_mut(&mut held.person).security_keys = held.keys.len();
    }
    for row in sqlx::query(CODES).fetch_all(&mut *conn).await? {
        let Some(held) = people.get_mut(row.try_get::<&str, _>(0)?) else { continue };
        let hash: &[u8] = row.try_get(1)?;
        let hash: Hash = hash.try_into().map_err(|_| sqlx::Error::Protocol("a recovery code's hash".into()))?;
        held.recovery.push(Recovery { hash, created_us: row.try_get(2)?, used_us: row.try_get(3)? });
    }
    for row in sqlx::query(LINKS).fetch_all(conn).await? {
        let Some(held) = people.get_mut(row.try_get::<&str, _>(0)?) else { continue };
        held.links.push(Link { issuer: row.try_get(1)?, subject: row.try_get(2)? });
        Arc::make_mut(&mut held.person).sign_on = true;
    }
    Ok((people, failures))
}

fn read(row: &SqliteRow) -> Result<Held, sqlx::Error> {
    let roles: &str = row.try_get(3)?;
    let roles: Vec<Role> = serde_json::from_str(roles).map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
    let totp: Option<Vec<u8>> = row.try_get(6)?;
    let person = Person {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        display: row.try_get(2)?,
        roles,
        tenant: row.try_get(4)?,
        disabled: row.try_get(9)?,
        totp: totp.is_some(),
        security_keys: 0,
        sign_on: false,
        created_us: row.try_get(12)?,
        seen_us: row.try_get(13)?,
    };
    Ok(Held {
        person: Arc::new(person),
        password: row.try_get::<&str, _>(5)?.into(),
        links: Vec::new(),
        totp,
        pending: row.try_get(7)?,
        step: row.try_get(8)?,
        keys: Vec::new(),
        recovery: Vec::new(),
    })
}

fn read_key(row: &SqliteRow) -> Result<SecurityKey, sqlx::Error> {
    let transports: &str = row.try_get(8)?;
    Ok(SecurityKey {
        id: row.try_get(1)?,
        credential: row.try_get(2)?,
        name: row.try_get(3)?,
        host: row.try_get(4)?,
        public_key: row.try_get(5)?,
        algorithm: row.try_get(6)?,
        counter: row.try_get(7)?,
        transports: serde_json::from_str(transports).map_err(|e| sqlx::Error::Decode(Box::new(e)))?,
        backup_eligible: row.try_get(9)?,
        backed_up: row.try_get(10)?,
        created_us: row.try_get(11)?,
        used_us: row.try_get(12)?,
    })
}

/// The sessions. Whether they have ended is asked when they are used: a clock that is wrong for a moment ends none.
pub(super) async fn sessions(conn: &mut SqliteConnection) -> Result<HashMap<Hash, HeldSession>, sqlx::Error> {
    let mut sessions = HashMap::new();
    for row in sqlx::query(SESSIONS).fetch_all(conn).await? {
        let hash: &[u8] = row.try_get(1)?;
        let hash: Hash = hash.try_into().map_err(|_| sqlx::Error::Protocol("a session's hash".into()))?;
        let (person, key): (Option<String>, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
        let owner = match (person, key) {
            (Some(person), _) => Owner::Person(person),
            (None, Some(key)) => Owner::Key(key),
            (None, None) => continue,
        };
        let used_us: i64 = row.try_get(6)?;
        let session = Session {
            id: row.try_get(0)?,
            owner,
            agent: row.try_get(4)?,
            created_us: row.try_get(5)?,
            used_us,
            expires_us: row.try_get(7)?,
        };
        sessions.insert(hash, HeldSession { session, written_us: used_us });
    }
    Ok(sessions)
}
