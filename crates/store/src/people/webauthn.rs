//! Security keys and passkeys beside a password: what an authenticator says is checked here, by the steps of Web
//! Authentication Level 2, §7.1 (registration) and §7.2 (assertion), with the refinements of Level 3 on backup flags and
//! embedded pages.
//!
//! Attestation is not asked for and never trusted: who makes a key is not what we decide by. Everything that comes in is a
//! stranger's until the signature fits, so that sizes, depths and lengths are bounded before anything is read.

mod authenticator;
mod cbor;
pub(super) mod challenges;
mod client;
mod cose;
#[cfg(test)]
mod tests;

use ciborium::Value;
use sha2::{Digest as _, Sha256};

use self::authenticator::AuthenticatorData;
pub(super) use self::client::challenge_of;
use self::client::{ClientData, Kind};
pub(super) use self::cose::ALGORITHMS;
use self::cose::PublicKey;

/// Longer answers are no authenticator's: client data have some hundred bytes, attestations without certificates too.
const LONGEST: usize = 16 << 10;
/// Level 2, §4: credential ids have at most 1023 bytes.
const LONGEST_ID: usize = 1023;
/// A challenge: Level 2, §13.4.3 asks for 16 random bytes at least.
pub(super) type Challenge = [u8; 32];

/// The page that asks, as the request established it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The host name that keys are bound to: the relying party's id.
    pub host: String,
    /// The origins that a page of it may have: the exact text that browsers write.
    pub origins: Vec<String>,
}

/// A new key, as the browser hands it over.
#[derive(Debug, Clone, Copy)]
pub struct NewSecurityKey<'a> {
    /// The credential's id.
    pub id: &'a [u8],
    /// What the browser says it asked: JSON.
    pub client_data: &'a [u8],
    /// What the authenticator says it made: CBOR.
    pub attestation: &'a [u8],
    /// How it can be reached: hints for the browser.
    pub transports: &'a [String],
}

/// The answer of a key at a sign-in, as the browser hands it over.
#[derive(Debug, Clone, Copy)]
pub struct Assertion<'a> {
    /// The page that asked.
    pub site: &'a Site,
    /// The credential's id.
    pub id: &'a [u8],
    /// What the browser says it asked: JSON.
    pub client_data: &'a [u8],
    /// What the authenticator says.
    pub authenticator_data: &'a [u8],
    /// Its signature.
    pub signature: &'a [u8],
    /// Whose the authenticator says the key is, where it says so.
    pub user: Option<&'a [u8]>,
}

/// Why a key's answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("what the browser sent cannot be read; try again, or with another browser")]
    Unreadable,
    #[error("the key answered another kind of question; begin again")]
    Kind,
    #[error("this was not asked for, was answered already, or took longer than five minutes; begin again")]
    Challenge,
    #[error("the key answered a page of another address; open the console at its own address")]
    Origin,
    #[error("the console is shown within a page of somebody else; open it on its own")]
    Embedded,
    #[error("the key answered for another host; open the console at its own address")]
    Host,
    #[error("nobody touched the key; touch it when it asks")]
    NotPresent,
    #[error("the key says of itself what cannot be; use another key")]
    Impossible,
    #[error("the key uses an algorithm that was not offered; use another key")]
    Algorithm,
    #[error("the key is not the one that the browser named; begin again")]
    OtherKey,
    #[error("the signature does not fit; begin again")]
    Signature,
}

/// A key that was registered as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Registered {
    pub(super) credential: Vec<u8>,
    /// COSE, as the authenticator wrote it.
    pub(super) public_key: Vec<u8>,
    pub(super) algorithm: i64,
    pub(super) counter: u32,
    pub(super) backup_eligible: bool,
    pub(super) backed_up: bool,
    /// Whether the authenticator itself asked who is there.
    pub(super) verified: bool,
}

/// What is known of a key when it answers.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) credential: &'a [u8],
    pub(super) public_key: &'a [u8],
    pub(super) backup_eligible: bool,
    /// Whose it is: the handle that was given at registration.
    pub(super) user: &'a [u8],
}

/// An answer that holds. The counter is the caller's to compare: under the lock that guards it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) counter: u32,
    pub(super) backed_up: bool,
    pub(super) verified: bool,
}

/// What both ceremonies ask of client and authenticator data.
fn common(data: &ClientData, kind: Kind, site: &Site, challenge: &Challenge) -> Result<(), Fault> {
    if !data.is(kind) {
        return Err(Fault::Kind);
    }
    if data.challenge()? != *challenge {
        return Err(Fault::Challenge);
    }
    if !site.origins.iter().any(|origin| data.comes_from(origin)) {
        return Err(Fault::Origin);
    }
    if data.embedded() { Err(Fault::Embedded) } else { Ok(()) }
}

fn of_site(data: &AuthenticatorData<'_>, site: &Site) -> Result<(), Fault> {
    if data.host_hash != <[u8; 32]>::from(Sha256::digest(site.host.as_bytes())) {
        return Err(Fault::Host);
    }
    if !data.present() {
        return Err(Fault::NotPresent);
    }
    // Backed up without being eligible for it: Level 3, §6.1.3.
    if data.backed_up() && !data.backup_eligible() { Err(Fault::Impossible) } else { Ok(()) }
}

fn short(parts: &[&[u8]]) -> Result<(), Fault> {
    if parts.iter().all(|part| !part.is_empty() && part.len() <= LONGEST) { Ok(()) } else { Err(Fault::Unreadable) }
}

/// §7.1. That nobody else has the credential is the caller's to see.
pub(super) fn register(site: &Site, challenge: &Challenge, given: NewSecurityKey<'_>) -> Result<Registered, Fault> {
    short(&[given.id, given.client_data, given.attestation])?;
    common(&ClientData::read(given.client_data)?, Kind::Create, site, challenge)?;
    let object = cbor::only(given.attestation)?;
    let Value::Map(object) = &object else { return Err(Fault::Unreadable) };
    let (format, statement, data) =
        (cbor::named(object, "fmt")?, cbor::named(object, "attStmt")?, cbor::named(object, "authData")?);
    let (Value::Text(format), Value::Map(statement), Value::Bytes(data)) = (format, statement, data) else {
        return Err(Fault::Unreadable);
    };
    // No attestation was asked for: another format's statement is neither read nor trusted.
    if format == "none" && !statement.is_empty() {
        return Err(Fault::Unreadable);
    }
    let data = AuthenticatorData::read(data)?;
    of_site(&data, site)?;
    let made = data.made.as_ref().ok_or(Fault::Impossible)?;
    if made.credential.is_empty() || made.credential.len() > LONGEST_ID {
        return Err(Fault::Impossible);
    }
    if made.credential != given.id {
        return Err(Fault::OtherKey);
    }
    let key = PublicKey::read(made.public_key)?;
    Ok(Registered {
        credential: made.credential.to_vec(),
        public_key: made.public_key.to_vec(),
        algorithm: key.algorithm(),
        counter: data.counter,
        backup_eligible: data.backup_eligible(),
        backed_up: data.backed_up(),
        verified: data.verified(),
    })
}

/// §7.2, but for the counter.
pub(super) fn answer(challenge: &Challenge, known: Known<'_>, given: Assertion<'_>) -> Result<Answered, Fault> {
    short(&[given.id, given.client_data, given.authenticator_data, given.signature])?;
    if known.credential != given.id || given.user.is_some_and(|user| !user.is_empty() && user != known.user) {
        return Err(Fault::OtherKey);
    }
    common(&ClientData::read(given.client_data)?, Kind::Get, given.site, challenge)?;
    let data = AuthenticatorData::read(given.authenticator_data)?;
    of_site(&data, given.site)?;
    // Whether a key can be copied to other devices never changes (Level 3, §6.1.3); and none is made at a sign-in.
    if data.backup_eligible() != known.backup_eligible || data.made.is_some() {
        return Err(Fault::Impossible);
    }
    let mut signed = given.authenticator_data.to_vec();
    signed.extend_from_slice(&Sha256::digest(given.client_data));
    if !PublicKey::read(known.public_key)?.signed(&signed, given.signature) {
        return Err(Fault::Signature);
    }
    Ok(Answered { counter: data.counter, backed_up: data.backed_up(), verified: data.verified() })
}

/// Whether a counter may follow another: it grows, or the authenticator has none (§7.2, step 21).
pub(super) const fn follows(counter: u32, last: u32) -> bool {
    (counter == 0 && last == 0) || counter > last
}
