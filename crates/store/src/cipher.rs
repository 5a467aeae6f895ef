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

    pub(crate) fn ring(&self) -> Ring {
        Ring {
            seal: Zeroizing::new(hmac(&self.0, &[b"menshen audit seal v1"])),
            text: Zeroizing::new(hmac(&self.0, &[b"menshen text v1"])),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

/// The derived keys.
#[derive(Clone)]
pub(crate) struct Ring {
    seal: Zeroizing<[u8; 32]>,
    text: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ring")
    }
}

impl Ring {
    /// Seals `parts` under a purpose. The parts must have fixed lengths, or be told apart by the caller.
    pub(crate) fn seal(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = mac(&self.seal);
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Encrypts `plain` so that it opens only with the same `place` (which row, which field).
    pub(crate) fn encrypt(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = vec![0; 1 + SALT + NONCE];
        out[0] = FORMAT;
        random(&mut out[1..])?;
        let nonce = Nonce::try_from(&out[1 + SALT..]).map_err(|_| Error::Sealed { what: "text" })?;
        let body = self
            .cipher(&out[1..=SALT])
            .encrypt(&nonce, Payload { msg: plain, aad: place.as_bytes() })
            .map_err(|_| Error::Invalid { what: "text", problem: "too long to encrypt".into() })?;
        out.extend_from_slice(&body);
        Ok(out)
    }

    /// Opens what [`Ring::encrypt`] made for the same `place`.
    pub(crate) fn decrypt(&self, what: &'static str, place: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (head, body) = sealed.split_at_checked(1 + SALT + NONCE).ok_or(Error::Sealed { what })?;
        if head[0] != FORMAT {
            return Err(Error::Sealed { what });
        }
        let nonce = Nonce::try_from(&head[1 + SALT..]).map_err(|_| Error::Sealed { what })?;
        self.cipher(&head[1..=SALT])
            .decrypt(&nonce, Payload { msg: body, aad: place.as_bytes() })
            .map_err(|_| Error::Sealed { what })
    }

    fn cipher(&self, salt: &[u8]) -> Aes256Gcm {
        let key = Zeroizing::new(hmac(&self.text, &[salt]));
        Aes256Gcm::new(&(*key).into())
    }
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
