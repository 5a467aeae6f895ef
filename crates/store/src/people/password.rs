//! Passwords: what will do, and their hashes.
//!
//! argon2id with the parameters that OWASP's Password Storage Cheat Sheet recommends first: 19 MiB, two passes, one lane.
//! A hash takes tens of milliseconds of one core and its memory, so that it is computed on a blocking thread, and only so
//! many at once.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::error::Error;

/// The fewest characters of a password (NIST SP 800-63B asks for 8 at least beside a second factor; the console may be
/// used without one).
pub const SHORTEST: usize = 12;
/// The most bytes: hashing takes time by length.
const LONGEST: usize = 1_024;
/// Hashes at once.
const AT_ONCE: usize = 2;
/// Those that may wait for one.
const WAITING: usize = 32;
/// Memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (19 * 1_024, 2, 1);

#[derive(Debug)]
pub(super) struct Hasher {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for Hasher {
    fn default() -> Self {
        Hasher { slots: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicUsize::new(0) }
    }
}

fn argon2() -> Result<Argon2<'static>, Error> {
    let params = Params::new(COST.0, COST.1, COST.2, None).map_err(cannot)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn cannot(error: impl std::fmt::Display) -> Error {
    Error::Unreadable { what: "password hash", problem: error.to_string() }
}

fn hash_now(password: &[u8]) -> Result<String, Error> {
    Ok(argon2()?.hash_password(password).map_err(cannot)?.to_string())
}

/// What an unknown name is compared with, so that it takes as long as a known one.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_now(b"nobody has this password").ok());

/// Counts down when dropped: callers may go away while they wait.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Hasher {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waits = Waits(&self.waiting);
        if before >= WAITING {
            return Err(Error::Busy { what: "sign-in" });
        }
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| Error::Closed)?;
        tokio::task::spawn_blocking(move || {
            // Held by the work itself: a caller that goes away must not make room for another hash.
            let _slot = slot;
            work()
        })
        .await
        .map_err(cannot)?
    }

    /// The hash of a password, as a PHC string.
    pub(super) async fn hash(&self, password: &str) -> Result<String, Error> {
        let password = Zeroizing::new(password.as_bytes().to_vec());
        self.run(move || hash_now(&password)).await
    }

    /// Whether it is the password; takes the same time for nobody, and is then false.
    pub(super) async fn verify(&self, password: &str, hash: Option<Arc<str>>) -> Result<bool, Error> {
        if password.len() > LONGEST {
            return Ok(false);
        }
        let password = Zeroizing::new(password.as_bytes().to_vec());
        self.run(move || {
            let known = hash.is_some();
            let expected = match &hash {
                Some(hash) => hash.as_ref(),
                None => NOBODY.as_deref().unwrap_or_default(),
            };
            let parsed = PasswordHash::new(expected).map_err(cannot)?;
            Ok(argon2()?.verify_password(&password, &parsed).is_ok() && known)
        })
        .await
    }
}

/// Refuses passwords that are guessed first.
pub(super) fn check(password: &str, name: &str) -> Result<(), Error> {
    let refuse = |problem: String| Err(Error::Invalid { what: "password", problem });
    if password.chars().count() < SHORTEST {
        return refuse(format!("at least {SHORTEST} characters are needed"));
    }
    if password.len() > LONGEST {
        return refuse(format!("at most {LONGEST} bytes are allowed"));
    }
    let lower = password.to_lowercase();
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    let steps: Vec<u32> = lower.chars().map(u32::from).collect();
    // Rows of the keyboard or the alphabet: hardly a character that is not beside the one before it.
    let jumps = steps.windows(2).filter(|w| matches!(w, [a, b] if a.abs_diff(*b) > 1)).count();
    let run = jumps * 6 <= steps.len();
    if different.len() < 5 || run {
        return refuse("use more different characters, such as four words".into());
    }
    if name.len() >= 3 && lower.contains(&name.to_lowercase()) {
        return refuse("it must not hold the name".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_argon2id_with_the_recommended_cost_and_opens_for_its_password_only() {
        let hasher = Hasher::default();
        let hash = hasher.hash("correct horse battery").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hasher.hash("correct horse battery").await.unwrap(), "no salt");
        let hash: Arc<str> = hash.into();
        assert!(hasher.verify("correct horse battery", Some(Arc::clone(&hash))).await.unwrap());
        assert!(!hasher.verify("correct horse batterx", Some(hash)).await.unwrap());
        assert!(!hasher.verify("nobody has this password", None).await.unwrap(), "nobody signed in");
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for bad in
            ["short", "aaaaaaaaaaaaaaaa", "123456789012", "abcdefghijklmnop", "alice-is-the-best", &"长".repeat(400)]
        {
            assert!(check(bad, "alice").is_err(), "{bad}");
        }
        check("tall trees at dusk", "alice").unwrap();
        check("门神守护千家万户平安喜乐的", "alice").unwrap();
    }

    #[tokio::test]
    async fn only_so_many_wait() {
        let hasher = Arc::new(Hasher::default());
        let tasks: Vec<_> = (0..WAITING + 8)
            .map(|_| {
                let hasher = Arc::clone(&hasher);
                tokio::spawn(async move {
                    let work = || {
                        std::thread::sleep(std::time::Duration::from_millis(5));
                        Ok(())
                    };
                    hasher.run(work).await
                })
            })
            .collect();
        let mut refused = 0;
        for task in tasks {
            refused += usize::from(matches!(task.await.unwrap(), Err(Error::Busy { .. })));
        }
        assert!(refused > 0, "nobody was refused");
        assert_eq!(hasher.waiting.load(Ordering::Acquire), 0, "somebody waits for ever");
    }
}
