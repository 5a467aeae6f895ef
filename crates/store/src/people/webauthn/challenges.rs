//! Challenges that were given out: each for one person and one purpose at one host, good once, for five minutes. In memory
//! only: whoever was asked before a restart is asked again.

use std::collections::HashMap;

use super::Challenge;
use crate::cipher;
use crate::error::Error;

/// How long somebody may look for their key.
pub(in crate::people) const LASTS_US: i64 = 5 * 60_000_000;
/// So many are open in all.
const MOST: usize = 4_096;
/// So many are open for one person; the oldest makes room. Whoever gets one knows the password already.
const MOST_EACH: usize = 8;

/// What an answer may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::people) enum Purpose {
    Register,
    SignIn,
}

#[derive(Debug)]
struct Open {
    person: String,
    purpose: Purpose,
    host: String,
    since_us: i64,
}

impl Open {
    /// Also where the clock was set back: a challenge never lives longer than that.
    const fn stands(&self, now_us: i64) -> bool {
        now_us.saturating_sub(self.since_us).saturating_abs() < LASTS_US
    }
}

/// Those that are open.
#[derive(Debug, Default)]
pub(in crate::people) struct Challenges(HashMap<Challenge, Open>);

impl Challenges {
    /// A new one.
    ///
    /// # Errors
    /// [`Error::NoRandom`].
    pub(in crate::people) fn give(
        &mut self,
        person: &str,
        purpose: Purpose,
        host: &str,
        now_us: i64,
    ) -> Result<Challenge, Error> {
        let mut challenge = Challenge::default();
        cipher::random(&mut challenge)?;
        self.0.retain(|_, open| open.stands(now_us));
        self.make_room(MOST_EACH, |open| open.person == person && open.purpose == purpose);
        self.make_room(MOST, |_| true);
        let open = Open { person: person.to_owned(), purpose, host: host.to_owned(), since_us: now_us };
        self.0.insert(challenge, open);
        Ok(challenge)
    }

    fn make_room(&mut self, most: usize, of: impl Fn(&Open) -> bool) {
        while self.0.values().filter(|open| of(open)).count() >= most {
            let oldest = self.0.iter().filter(|(_, open)| of(open)).min_by_key(|(_, open)| open.since_us);
            let Some(oldest) = oldest.map(|(challenge, _)| *challenge) else { return };
            self.0.remove(&oldest);
        }
    }

    /// Takes one back: true once, and for whom and what it was given.
    pub(in crate::people) fn take(
        &mut self,
        challenge: &Challenge,
        person: &str,
        purpose: Purpose,
        host: &str,
        now_us: i64,
    ) -> bool {
        let taken = self.0.remove(challenge);
        taken.is_some_and(|open| {
            open.person == person && open.purpose == purpose && open.host == host && open.stands(now_us)
        })
    }

    /// Nothing that was asked of somebody is answered any more: their factors changed.
    pub(in crate::people) fn forget(&mut self, person: &str) {
        self.0.retain(|_, open| open.person != person);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_good_once_for_whom_and_what_it_was_given_and_for_five_minutes() {
        let mut all = Challenges::default();
        let give = |all: &mut Challenges| all.give("a", Purpose::SignIn, "host", 0).unwrap();
        let one = give(&mut all);
        assert_ne!(one, give(&mut all));
        assert!(all.take(&one, "a", Purpose::SignIn, "host", LASTS_US - 1));
        assert!(!all.take(&one, "a", Purpose::SignIn, "host", 0), "twice");
        for (person, purpose, host, now) in [
            ("b", Purpose::SignIn, "host", 0),
            ("a", Purpose::Register, "host", 0),
            ("a", Purpose::SignIn, "other", 0),
            ("a", Purpose::SignIn, "host", LASTS_US),
            ("a", Purpose::SignIn, "host", -LASTS_US),
        ] {
            let one = give(&mut all);
            assert!(!all.take(&one, person, purpose, host, now), "{person} {purpose:?} {host} {now}");
            assert!(!all.take(&one, "a", Purpose::SignIn, "host", 0), "a wrong use leaves it open");
        }
        let one = give(&mut all);
        all.forget("a");
        assert!(!all.take(&one, "a", Purpose::SignIn, "host", 0));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut all = Challenges::default();
        let first = all.give("a", Purpose::SignIn, "host", 0).unwrap();
        for i in 1..=i64::try_from(MOST_EACH).unwrap() {
            all.give("a", Purpose::SignIn, "host", i).unwrap();
        }
        assert_eq!(all.0.len(), MOST_EACH);
        assert!(!all.0.contains_key(&first), "the oldest stays");
        for i in 0..MOST + 10 {
            all.give(&format!("p{i}"), Purpose::Register, "host", 20).unwrap();
        }
        assert_eq!(all.0.len(), MOST);
        all.give("z", Purpose::Register, "host", 20 + LASTS_US).unwrap();
        assert_eq!(all.0.len(), 1, "those that ended stay");
    }
}
