//! Keyed pseudo-random functions: HMAC-SM3 to derive keys, SipHash-2-4 where millions of values are wanted.

use std::fmt;

use sm3::{Digest, Sm3};

use crate::Error;

/// The shortest secret, in bytes.
const SHORTEST: usize = 16;
/// The block of SM3 (GB/T 32905).
const BLOCK: usize = 64;

/// A secret that marks are made and found with. Whoever holds it can do both.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Of random bytes.
    ///
    /// # Errors
    /// When there are fewer than 16.
    pub fn new(bytes: &[u8]) -> Result<Secret, Error> {
        if bytes.len() < SHORTEST {
            return Err(Error::Label(format!("a watermark's secret has at least {SHORTEST} bytes")));
        }
        Ok(Secret(bytes.to_vec()))
    }

    /// From the hexadecimal digits that a key file holds; white space around them is left out.
    ///
    /// # Errors
    /// When it is not hexadecimal, or fewer than 16 bytes.
    pub fn from_hex(text: &str) -> Result<Secret, Error> {
        let wrong = || {
            let how = "two hexadecimal digits a byte and nothing else; `menshen label watermark key -o FILE` makes one";
            Error::Label(format!("a watermark's key file holds {how}"))
        };
        let digit = |c: char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digits: Vec<u8> = text.trim().chars().map(digit).collect::<Option<_>>().ok_or_else(wrong)?;
        let (pairs, []) = digits.as_chunks::<2>() else { return Err(wrong()) };
        Secret::new(&pairs.iter().map(|[high, low]| high << 4 | low).collect::<Vec<u8>>())
    }

    /// HMAC-SM3 (RFC 2104 with SM3) of a message.
    pub(super) fn hmac(&self, message: &[u8]) -> [u8; 32] {
        hmac(&self.0, message)
    }

    /// A fast function of its own for a purpose.
    pub(super) fn derive(&self, purpose: &[u8]) -> Sip {
        Sip::of(&self.hmac(purpose))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block.iter_mut().zip(Sm3::digest(key)).for_each(|(slot, byte)| *slot = byte);
    } else {
        block.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
    }
    let inner = Sm3::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sm3::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

/// SipHash-2-4 (Aumasson and Bernstein 2012).
#[derive(Debug, Clone, Copy)]
pub(super) struct Sip {
    k0: u64,
    k1: u64,
}

impl Sip {
    fn of(bytes: &[u8; 32]) -> Sip {
        let half = |from: usize| {
            bytes.iter().skip(from).take(8).enumerate().fold(0, |sum, (i, byte)| sum | u64::from(*byte) << (8 * i))
        };
        Sip { k0: half(0), k1: half(8) }
    }

    /// Of whole 64-bit words (little-endian, so of 8 bytes each).
    pub(super) fn of_words(self, words: &[u64]) -> u64 {
        let mut v = [
            self.k0 ^ 0x736f_6d65_7073_6575,
            self.k1 ^ 0x646f_7261_6e64_6f6d,
            self.k0 ^ 0x6c79_6765_6e65_7261,
            self.k1 ^ 0x7465_6462_7974_6573,
        ];
        // The last word holds the length in bytes, modulo 256, in its highest byte.
        let last = (words.len() as u64 * 8) << 56;
        for word in words.iter().copied().chain([last]) {
            v[3] ^= word;
            round(&mut v);
            round(&mut v);
            v[0] ^= word;
        }
        v[2] ^= 0xff;
        for _ in 0..4 {
            round(&mut v);
        }
        v[0] ^ v[1] ^ v[2] ^ v[3]
    }

    /// A number in [0, 1).
    pub(super) fn unit(self, words: &[u64]) -> f64 {
        (self.of_words(words) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siphash_is_that_of_its_authors() {
        // Their vectors: key 00 … 0f, input 00, 01, … of 0 and 8 bytes.
        let key: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let sip = Sip::of(&key);
        assert_eq!(sip.of_words(&[]), 0x726f_db47_dd0e_0e31);
        assert_eq!(sip.of_words(&[0x0706_0504_0302_0100]), 0x93f5_f579_9a93_2462);
        assert_eq!(sip.of_words(&[0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]), 0x3f2a_cc7f_57c2_9bdb);
    }

    #[test]
    fn hmac_sm3_is_that_of_openssl() {
        // printf 'message digest' | openssl dgst -sm3 -hmac 0123456789abcdef
        let hex: String =
            hmac(b"0123456789abcdef", b"message digest").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "c4a6c63944dacdae936238d781e591ece2f991f83080f10907052442992cf5e7");
        let long: String = hmac(&[b'k'; 100], b"message digest").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(long, "285e7e8ba1b71c2d500f765101bddd365fe3453c60cf917f7709547fb6590f13");
    }

    #[test]
    fn key_files_are_hexadecimal() {
        let secret = Secret::from_hex("30313233343536373839616263646566\n").unwrap();
        assert_eq!(secret, Secret::new(b"0123456789abcdef").unwrap());
        assert_eq!(Secret::from_hex(" FF0aff0aff0aff0aff0aff0aff0aff0a ").unwrap().0[..2], [255, 10]);
        for wrong in ["", "3031", "3031323334353637383961626364656", "zz313233343536373839616263646566", "门门门门门门"]
        {
            assert!(Secret::from_hex(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn secrets_are_long_and_not_shown() {
        assert!(Secret::new(b"short").is_err());
        let secret = Secret::new(b"0123456789abcdef").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_ne!(secret.derive(b"a").of_words(&[1]), secret.derive(b"b").of_words(&[1]));
        assert!((0.0..1.0).contains(&secret.derive(b"a").unit(&[1])));
    }
}
