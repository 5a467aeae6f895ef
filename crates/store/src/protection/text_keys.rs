//! Keys of texts: each end user's texts are sealed with keys of their own, so that destroying these destroys the texts
//! while the sealed bytes, which the chain covers, stay where they are (crypto-erasure, NIST SP 800-88r1 §2.5).
//!
//! A key is made the first time that a text of a user is sealed in this process, and written in the transaction of the
//! record that needs it: nothing is looked up in the request path. A user therefore has several keys in the course of
//! time. How many are remembered is bounded; whose key was forgotten gets another one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use zeroize::Zeroizing;

use crate::cipher::{self, Ring};
use crate::error::Error;
use crate::hex;

/// The first byte of a text that is sealed with a key of its user; `1` is the root key's own.
const FORMAT: u8 = 2;
const ID: usize = 16;
/// Keys that are remembered in each of two generations: about 400 bytes each.
const MOST: usize = 4096;
/// So long is one key used, in microseconds. Retention removes keys that are older than the oldest text by more.
pub(crate) const LONGEST_US: i64 = 7 * 86_400_000_000;

type Owner = (Option<String>, Option<String>);

/// A key of one user's texts.
pub(crate) struct TextKey {
    pub(crate) id: [u8; ID],
    pub(crate) tenant: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) made_us: i64,
    key: Zeroizing<[u8; 32]>,
    /// Whether it is on disk.
    stored: AtomicBool,
}

impl std::fmt::Debug for TextKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TextKey({})", hex::encode(&self.id))
    }
}

impl TextKey {
    fn make(ring: &Ring, owner: &Owner, now_us: i64) -> Result<Self, Error> {
        let (mut id, mut key) = ([0; ID], Zeroizing::new([0; 32]));
        cipher::random(&mut id)?;
        cipher::random(&mut *key)?;
        let wrapped = ring.encrypt(&place(&id), &*key)?;
        let (tenant, user) = owner.clone();
        Ok(TextKey { id, tenant, user, wrapped, made_us: now_us, key, stored: AtomicBool::new(false) })
    }

    /// Encrypts a text that opens only in its place.
    pub(crate) fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        cipher::encrypt(&self.key, &head(&self.id), place, plain)
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.stored.load(Ordering::Acquire)
    }

    /// Says that the transaction that wrote it is on disk.
    pub(crate) fn set_stored(&self) {
        self.stored.store(true, Ordering::Release);
    }
}

fn head(id: &[u8]) -> Vec<u8> {
    [&[FORMAT], id].concat()
}

/// Where a wrapped key belongs.
pub(crate) fn place(id: &[u8]) -> String {
    format!("text key/{}", hex::encode(id))
}

/// Whether a text is sealed with a key of its user.
pub(crate) fn has_own_key(sealed: &[u8]) -> bool {
    sealed.first() == Some(&FORMAT) && sealed.len() > ID
}

/// Opens a text: with the root keys, or with its user's key as `wrapped` in the table.
pub(crate) fn open(
    ring: &Ring,
    wrapped: Option<&[u8]>,
    what: &'static str,
    place_of_text: &str,
    sealed: &[u8],
) -> Result<Vec<u8>, Error> {
    if !has_own_key(sealed) {
        return ring.decrypt(what, place_of_text, sealed);
    }
    let id = sealed.get(1..=ID).ok_or(Error::Sealed { what })?;
    let key = Zeroizing::new(ring.decrypt(what, &place(id), wrapped.ok_or(Error::Sealed { what })?)?);
    let key = <&[u8; 32]>::try_from(key.as_slice()).map_err(|_| Error::Sealed { what })?;
    cipher::decrypt(key, &head(id), what, place_of_text, sealed)
}

/// The keys in use.
#[derive(Default)]
pub(crate) struct TextKeys {
    generations: Mutex<[HashMap<Owner, Arc<TextKey>>; 2]>,
    /// Read while a text is sealed and queued, written while a user's keys are destroyed: no text can be sealed with a
    /// key before its destruction and be queued behind it.
    gate: RwLock<()>,
}

impl TextKeys {
    /// Held from sealing a text until it is queued.
    pub(crate) fn sealing(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held while a destruction is queued.
    pub(crate) fn destroying(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key for a user's next text.
    pub(crate) fn of(
        &self,
        ring: &Ring,
        tenant: Option<&str>,
        user: Option<&str>,
        now_us: i64,
    ) -> Result<Arc<TextKey>, Error> {
        let owner = (tenant.map(str::to_owned), user.map(str::to_owned));
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &mut *generations;
        let known = young.get(&owner).cloned().or_else(|| old.remove(&owner));
        let fresh = |key: &Arc<TextKey>| now_us.saturating_sub(key.made_us).unsigned_abs() < LONGEST_US.unsigned_abs();
        let key = match known.filter(fresh) {
            Some(key) => key,
            None => Arc::new(TextKey::make(ring, &owner, now_us)?),
        };
        if young.len() >= MOST && !young.contains_key(&owner) {
            *old = std::mem::take(young);
        }
        young.insert(owner, Arc::clone(&key));
        Ok(key)
    }

    /// Forgets a user's key: the next text gets another one.
    pub(crate) fn forget(&self, tenant: &str, user: &str) {
        let owner = (Some(tenant.to_owned()), Some(user.to_owned()));
        for generation in self.generations.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            generation.remove(&owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::Key;

    #[test]
    fn a_text_opens_with_its_users_key_only() {
        let ring = Key::generate().unwrap().ring();
        let keys = TextKeys::default();
        let of = |user| keys.of(&ring, Some("t"), Some(user), 0).unwrap();
        let (a, b) = (of("a"), of("b"));
        assert!(Arc::ptr_eq(&a, &of("a")), "a second text took a second key");
        let sealed = a.seal("p", b"x").unwrap();
        assert!(has_own_key(&sealed));
        assert_eq!(open(&ring, Some(&a.wrapped), "text", "p", &sealed).unwrap(), b"x");
        assert!(open(&ring, Some(&b.wrapped), "text", "p", &sealed).is_err());
        assert!(open(&ring, None, "text", "p", &sealed).is_err());
        assert!(open(&ring, Some(&a.wrapped), "text", "q", &sealed).is_err());
        let old = ring.encrypt("p", b"y").unwrap();
        assert_eq!(open(&ring, None, "text", "p", &old).unwrap(), b"y");
        keys.forget("t", "a");
        assert!(!Arc::ptr_eq(&a, &of("a")));
        assert!(Arc::ptr_eq(&b, &of("b")));
    }

    #[test]
    fn every_cut_and_altered_byte_is_noticed() {
        let ring = Key::generate().unwrap().ring();
        let key = TextKeys::default().of(&ring, None, None, 0).unwrap();
        let sealed = key.seal("p", b"text").unwrap();
        for i in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[i] ^= 1;
            assert!(open(&ring, Some(&key.wrapped), "text", "p", &bent).is_err(), "byte {i}");
            assert!(open(&ring, Some(&key.wrapped), "text", "p", &sealed[..i]).is_err(), "cut {i}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded_and_keys_grow_old() {
        let ring = Key::generate().unwrap().ring();
        let keys = TextKeys::default();
        for n in 0..3 * MOST {
            keys.of(&ring, Some("t"), Some(&n.to_string()), 0).unwrap();
        }
        let held: usize = keys.generations.lock().unwrap().iter().map(HashMap::len).sum();
        assert!(held <= 2 * MOST, "{held}");
        let first = keys.of(&ring, None, None, 0).unwrap();
        assert!(!Arc::ptr_eq(&first, &keys.of(&ring, None, None, LONGEST_US).unwrap()));
        // A clock that was set back by years does not keep a key for ever.
        assert!(!Arc::ptr_eq(&first, &keys.of(&ring, None, None, -LONGEST_US).unwrap()));
    }
}
