//! Recovery codes: for whoever lost the second factor. Ten of them, shown once, each good once.
//!
//! A code has 80 random bits. Only its SHA-256 is kept, and that suffices: a slow hash protects what people choose, and nobody
//! goes through 2⁸⁰ of anything. The hash is taken with whose code it is, so that nothing fits another account.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::chain::Hash;
use crate::cipher;
use crate::error::Error;
use crate::keys::digits;

/// So many are made at once.
pub(super) const CODES: usize = 10;
/// 80 bits: sixteen digits of base 32.
const BYTES: usize = 10;
const DIGITS: usize = 16;

/// A code as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recovery {
    pub(crate) hash: Hash,
    pub(crate) created_us: i64,
    pub(crate) used_us: Option<i64>,
}

/// A new code, in four groups.
pub(super) fn code() -> Result<Zeroizing<String>, Error> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    cipher::random(&mut *bytes)?;
    let mut code = Zeroizing::new(String::with_capacity(DIGITS + 3));
    for (at, digit) in digits(&*bytes).chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            code.push('-');
        }
        code.push(digit);
    }
    Ok(code)
}

/// The hash of a code as somebody typed it: however it is grouped, and whichever of two digits that look alike; none for what
/// cannot be a code.
pub(super) fn hash_of(person: &str, typed: &str) -> Option<Hash> {
    if typed.len() > 4 * DIGITS {
        return None;
    }
    let mut plain = Zeroizing::new(String::with_capacity(DIGITS));
    for c in typed.chars() {
        match c.to_ascii_lowercase() {
            ' ' | '-' | '\t' | '–' => {}
            'o' => plain.push('0'),
            'i' | 'l' => plain.push('1'),
            digit if digit.is_ascii_alphanumeric() => plain.push(digit),
            _ => return None,
        }
    }
    if plain.len() != DIGITS {
        return None;
    }
    let mut hasher = Sha256::new_with_prefix(b"menshen recovery code v1\0");
    hasher.update(person.as_bytes());
    hasher.update(b"\0");
    hasher.update(plain.as_bytes());
    Some(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed_and_is_one_persons() {
        let one = code().unwrap();
        assert_eq!((one.len(), one.matches('-').count()), (19, 3), "{}", *one);
        assert_ne!(one, code().unwrap());
        let hash = hash_of("a", &one).unwrap();
        for typed in [one.to_uppercase(), one.replace('-', ""), one.replace('-', " "), format!(" {} ", *one)] {
            assert_eq!(hash_of("a", &typed), Some(hash), "{typed}");
        }
        assert_eq!(hash_of("a", &one.replace('0', "O").replace('1', "l")), Some(hash));
        assert_ne!(hash_of("b", &one), Some(hash));
        for wrong in ["", "0", &one[1..], &format!("{}0", *one), "öööö-öööö-öööö-öööö", &"-".repeat(500)]
        {
            assert_eq!(hash_of("a", wrong), None, "{wrong}");
        }
    }
}
