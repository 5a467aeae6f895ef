//! Keys and what they do: sealing rows, encrypting texts.
//!
//! One 256-bit key is the root of three, each HMAC-SHA-256 of the root over a name: one seals rows, head and anchor,
//! one encrypts texts, one only yields the key's public id. Every text gets a cipher key of its own, derived from a
//! random 16-byte salt, so the limit of 2³² messages under one AES-GCM key with random nonces (NIST SP 800-38D §8.3)
//! is never near, however long a gateway runs.

use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::hex;

const FORMAT: u8 = 1;
const SALT: usize = 16;
const NONCE: usize = 12;

/// The root key of a data folder. `Debug` shows its id, never the key; memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// A fresh key from the operating system's random source.
    ///
    /// # Errors
    /// [`Error::NoRandom`].
    pub fn generate() -> Result<Self, Error> {
        let mut key = Key(Zeroizing::new([0; 32]));
        random(&mut *key.0)?;
        Ok(key)
    }

    /// Reads 64 hexadecimal digits; surrounding blanks are ignored.
    ///
    /// # Errors
    /// [`Error::BadKey`], which never repeats the text.
    pub fn from_hex(text: &str) -> Result<Self, Error> {
        let bad = |problem: &str| Error::BadKey { origin: "configuration".into(), problem: problem.into() };
        let mut key = Key(Zeroizing::new([0; 32]));
        hex::decode(text.trim(), &mut *key.0).ok_or_else(|| bad("it must be 64 hexadecimal digits"))?;
        if *key.0 == [0; 32] {
            return Err(bad("it is all zeros; make one with `openssl rand -hex 32`"));
        }
        Ok(key)
    }

    /// The key as 64 hexadecimal digits, wiped when dropped.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(&*self.0))
    }

    /// A public id of the key: 16 hexadecimal digits that say nothing about the key itself.
    pub fn id(&self) -> String {
        hex::encode(&hmac(&self.0, &[b"menshen key id v1"])[..8])
    }

    /// The key alone, as if it had been in force from the first record on.
    pub(crate) fn ring(&self) -> Ring {
        Ring(vec![self.era(0)])
    }

    pub(crate) fn era(&self, from_seq: u64) -> Era {
        Era {
            from_seq,
            seal: Zeroizing::new(hmac(&self.0, &[b"menshen audit seal v1"])),
            text: Zeroizing::new(hmac(&self.0, &[b"menshen text v1"])),
        }
    }

    /// The bytes, to be wrapped by another key.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From bytes that were wrapped by another key.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Key(Zeroizing::new(bytes.try_into().ok()?)))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

/// What is derived from a root key, and the record from which on it is in force.
#[derive(Clone)]
pub(crate) struct Era {
    pub(crate) from_seq: u64,
    seal: Zeroizing<[u8; 32]>,
    text: Zeroizing<[u8; 32]>,
}

/// The derived keys: those in force, and before them those of earlier root keys, oldest first.
#[derive(Clone)]
pub(crate) struct Ring(Vec<Era>);

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ring")
    }
}

impl Ring {
    /// The key in force with those before it, in any order.
    pub(crate) fn of(mut eras: Vec<Era>) -> Self {
        eras.sort_by_key(|era| era.from_seq);
        Ring(eras)
    }

    /// Seals `parts` under a purpose with the key in force. The parts must have fixed lengths, or be told apart by the
    /// caller.
    pub(crate) fn seal(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        seal(self.0.last(), purpose, parts)
    }

    /// The same with the key that is in force at a place of the chain.
    pub(crate) fn seal_at(&self, seq: u64, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let after = self.0.partition_point(|era| era.from_seq <= seq);
        seal(self.0.get(after.saturating_sub(1)), purpose, parts)
    }

    /// Encrypts `plain` so that it opens only with the same `place` (which row, which field).
    pub(crate) fn encrypt(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let era = self.0.last().ok_or(Error::Sealed { what: "text" })?;
        encrypt(&era.text, &[FORMAT], place, plain)
    }

    /// Opens what [`Ring::encrypt`] made for the same `place`, with whichever root key.
    pub(crate) fn decrypt(&self, what: &'static str, place: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let opened = self.0.iter().rev().map(|era| decrypt(&era.text, &[FORMAT], what, place, sealed));
        opened.reduce(Result::or).unwrap_or(Err(Error::Sealed { what }))
    }
}

fn seal(era: Option<&Era>, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    // A ring is never empty; were it, what it seals must open with no key at all.
    let mut mac = mac(era.map_or(&[0; 32], |era| &era.seal));
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Encrypts under a key of its own for each text: `head`, salt, nonce, sealed bytes.
pub(crate) fn encrypt(key: &[u8; 32], head: &[u8], place: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
    let (salt, nonce) = (head.len(), head.len() + SALT);
    let mut out = vec![0; nonce + NONCE];
    out[..salt].copy_from_slice(head);
    random(&mut out[salt..])?;
    let body = cipher(key, &out[salt..nonce])
        .encrypt(
            &Nonce::try_from(&out[nonce..]).map_err(|_| Error::Sealed { what: "text" })?,
            Payload { msg: plain, aad: place.as_bytes() },
        )
        .map_err(|_| Error::Invalid { what: "text", problem: "too long to encrypt".into() })?;
    out.extend_from_slice(&body);
    Ok(out)
}

/// Opens what [`encrypt`] made with the same key, head and place.
pub(crate) fn decrypt(
    key: &[u8; 32],
    head: &[u8],
    what: &'static str,
    place: &str,
    sealed: &[u8],
) -> Result<Vec<u8>, Error> {
    let rest = sealed.strip_prefix(head).ok_or(Error::Sealed { what })?;
    let (salt, rest) = rest.split_at_checked(SALT).ok_or(Error::Sealed { what })?;
    let (nonce, body) = rest.split_at_checked(NONCE).ok_or(Error::Sealed { what })?;
    let nonce = Nonce::try_from(nonce).map_err(|_| Error::Sealed { what })?;
    cipher(key, salt).decrypt(&nonce, Payload { msg: body, aad: place.as_bytes() }).map_err(|_| Error::Sealed { what })
}

fn cipher(key: &[u8; 32], salt: &[u8]) -> Aes256Gcm {
    let key = Zeroizing::new(hmac(key, &[salt]));
    Aes256Gcm::new(&(*key).into())
}

fn mac(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC takes a key of any length; the array conversion is the infallible way to say so.
    <Hmac<Sha256> as KeyInit>::new(&block(key))
}

/// HMAC-SHA-256 pads keys to its block of 64 bytes with zeros (RFC 2104), so padding here changes nothing.
fn block(key: &[u8; 32]) -> hmac::digest::Key<Hmac<Sha256>> {
    let mut padded = hmac::digest::Key::<Hmac<Sha256>>::default();
    padded[..32].copy_from_slice(key);
    padded
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = mac(key);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Fills `bytes` from the operating system's random source.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|_| Error::NoRandom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> Ring {
        Key::from_hex(&"5a".repeat(32)).unwrap().ring()
    }

    #[test]
    fn hmac_is_the_published_one() {
        // RFC 4231, test case 2 with its key padded by zeros, which RFC 2104 makes equal.
        let mut key = [0u8; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mac = hmac(&key, &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex::encode(&mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_text_opens_only_in_its_place() {
        let ring = ring();
        let sealed = ring.encrypt("row 1 input", "你好".as_bytes()).unwrap();
        assert_eq!(ring.decrypt("text", "row 1 input", &sealed).unwrap(), "你好".as_bytes());
        assert!(ring.decrypt("text", "row 2 input", &sealed).is_err());
        assert!(Key::generate().unwrap().ring().decrypt("text", "row 1 input", &sealed).is_err());
        assert!(!sealed.windows(6).any(|w| w == "你好".as_bytes()));
    }

    #[test]
    fn every_altered_byte_and_every_cut_is_noticed() {
        let ring = ring();
        let sealed = ring.encrypt("p", b"some text").unwrap();
        for i in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[i] ^= 1;
            assert!(ring.decrypt("text", "p", &bent).is_err(), "byte {i}");
            assert!(ring.decrypt("text", "p", &sealed[..i]).is_err(), "cut {i}");
        }
    }

    #[test]
    fn a_later_key_opens_what_an_earlier_one_sealed_and_each_seals_its_own_records() {
        let (old, new) = (Key::generate().unwrap(), Key::generate().unwrap());
        let both = Ring::of(vec![new.era(10), old.era(0)]);
        let before = old.ring().encrypt("p", b"x").unwrap();
        assert_eq!(both.decrypt("text", "p", &before).unwrap(), b"x");
        assert!(old.ring().decrypt("text", "p", &both.encrypt("p", b"y").unwrap()).is_err());
        assert_eq!(both.seal_at(9, "row", &[b"h"]), old.ring().seal("row", &[b"h"]));
        assert_eq!(both.seal_at(10, "row", &[b"h"]), new.ring().seal("row", &[b"h"]));
        assert_eq!(both.seal("row", &[b"h"]), new.ring().seal("row", &[b"h"]));
    }

    #[test]
    fn equal_texts_look_different() {
        let ring = ring();
        assert_ne!(ring.encrypt("p", b"x").unwrap(), ring.encrypt("p", b"x").unwrap());
    }

    #[test]
    fn keys_do_not_show_themselves() {
        let key = Key::from_hex(&"5a".repeat(32)).unwrap();
        assert!(!format!("{key:?}").contains("5a5a"));
        assert_eq!(Key::from_hex(&key.to_hex()).unwrap().id(), key.id());
        assert!(Key::from_hex("00").is_err());
        assert!(Key::from_hex(&"00".repeat(32)).is_err());
        let error = Key::from_hex(&"zz".repeat(32)).unwrap_err().to_string();
        assert!(!error.contains("zz"));
    }
}
