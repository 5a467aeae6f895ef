//! One attempt to sign on, from the way out to the way back.
//!
//! The browser keeps 32 random bytes and when they were made; state, nonce and the verifier of PKCE are their digests, each
//! under a name of its own. Whoever sees one of them in an address learns neither the others nor the secret, and the
//! program keeps nothing that strangers could fill.

use data_encoding::BASE64URL_NOPAD;
use menshen_store::same_secret;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Somebody may take so long at the provider.
pub(crate) const LASTS_S: u32 = 600;
const SECRET: usize = 32;

/// An attempt.
pub(crate) struct Attempt {
    /// As the browser keeps it: the second it began, a dot, the secret.
    kept: Zeroizing<String>,
}

impl Attempt {
    /// A new one from random bytes.
    pub(crate) fn begin(random: &[u8; SECRET], now_s: i64) -> Self {
        Attempt { kept: Zeroizing::new(format!("{now_s}.{}", BASE64URL_NOPAD.encode(random))) }
    }

    /// The one that a browser kept, if it is whole and not too old.
    pub(crate) fn kept(text: &str, now_s: i64) -> Option<Self> {
        let (began, secret) = text.split_once('.')?;
        let began: i64 = began.parse().ok()?;
        let age = now_s.checked_sub(began)?;
        let whole = BASE64URL_NOPAD.decode(secret.as_bytes()).is_ok_and(|bytes| bytes.len() == SECRET);
        // A clock that was set back a little must not lose what is under way.
        let fresh = (-60..i64::from(LASTS_S)).contains(&age);
        (whole && fresh).then(|| Attempt { kept: Zeroizing::new(text.to_owned()) })
    }

    /// For the cookie.
    pub(crate) fn cookie(&self) -> &str {
        &self.kept
    }

    fn part(&self, name: &str) -> String {
        let mut hasher = Sha256::new_with_prefix(b"menshen sign-on v1\0");
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(self.kept.as_bytes());
        BASE64URL_NOPAD.encode(&hasher.finalize())
    }

    pub(crate) fn state(&self) -> String {
        self.part("state")
    }

    pub(crate) fn is_state(&self, given: &str) -> bool {
        same_secret(given, &self.state())
    }

    pub(crate) fn nonce(&self) -> String {
        self.part("nonce")
    }

    /// 43 characters, as RFC 7636 §4.1 recommends.
    pub(crate) fn verifier(&self) -> String {
        self.part("verifier")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_attempt_comes_back_whole_or_not_at_all() {
        let begun = Attempt::begin(&[7; SECRET], 1_000);
        let back = Attempt::kept(begun.cookie(), 1_000 + 599).unwrap();
        assert!(back.is_state(&begun.state()));
        assert_eq!((back.nonce(), back.verifier()), (begun.nonce(), begun.verifier()));
        let (state, nonce, verifier) = (begun.state(), begun.nonce(), begun.verifier());
        assert!(state != nonce && nonce != verifier && state != verifier && verifier.len() == 43);
        assert!(Attempt::kept(begun.cookie(), 1_600).is_none(), "too old");
        assert!(Attempt::kept(begun.cookie(), 900).is_none(), "from the future");
        let later = begun.cookie().replacen("1000.", "1500.", 1);
        let moved = Attempt::kept(&later, 1_700).unwrap();
        assert!(!moved.is_state(&begun.state()), "the time was moved");
        for broken in ["", ".", "1000.", "x.y", "1000.AAAA", &begun.cookie()[..20]] {
            assert!(Attempt::kept(broken, 1_000).is_none(), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn what_strangers_keep_is_read_without_trouble(text in "\\PC{0,80}", now in any::<i64>()) {
            let _ = Attempt::kept(&text, now);
        }

        #[test]
        fn no_two_attempts_share_a_state(a in any::<[u8; 32]>(), b in any::<[u8; 32]>()) {
            prop_assume!(a != b);
            prop_assert!(!Attempt::begin(&a, 5).is_state(&Attempt::begin(&b, 5).state()));
        }
    }
}
