//! What slows guessing down: after some failures an account, and an address, have to wait, twice as long after each
//! further one.
//!
//! An attempt counts as failed when it begins and is taken back when it succeeds, so that guesses at the same moment do
//! not all pass before the first is counted. Unknown names are counted like known ones: nobody learns from the waiting
//! which names exist. Accounts' counts are kept on disk, the rest in memory; all of it is bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Failures that cost nothing: people mistype.
const FREE_BY_NAME: u32 = 5;
/// Many may share an address.
const FREE_BY_ADDRESS: u32 = 30;
/// The longest wait for an account: longer would let strangers lock people out.
const LONGEST_BY_NAME_US: i64 = 15 * 60_000_000;
/// The longest wait for an address.
const LONGEST_BY_ADDRESS_US: i64 = 60_000_000;
/// Failures are forgotten after a day without one.
const MEMORY_US: i64 = 86_400_000_000;
/// So many names and so many addresses are remembered; beyond it the stalest tenth is forgotten.
const MOST: usize = 20_000;

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    failures: u32,
    last_us: i64,
}

impl Count {
    fn wait_us(self, free: u32, longest_us: i64, now_us: i64) -> i64 {
        if self.failures < free || self.forgotten(now_us) {
            return 0;
        }
        let wait = 1_000_000_i64.checked_shl((self.failures - free).min(40)).unwrap_or(longest_us).min(longest_us);
        self.last_us.saturating_add(wait).saturating_sub(now_us).clamp(0, wait)
    }

    /// A failure that lies ahead was before the clock was set back: it counts as of now. Else the wait would begin anew at
    /// every attempt until the clock is where it was.
    fn not_ahead(mut self, now_us: i64) -> Self {
        self.last_us = self.last_us.min(now_us);
        self
    }

    fn forgotten(self, now_us: i64) -> bool {
        now_us.saturating_sub(self.last_us) >= MEMORY_US
    }

    fn add(&mut self, now_us: i64) {
        if self.forgotten(now_us) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.last_us = now_us;
    }
}

/// The failures of names and addresses.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    names: HashMap<String, Count>,
    addresses: HashMap<IpAddr, Count>,
}

/// Somebody with an IPv6 network has 2⁶⁴ addresses of it at least.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 => v4,
    }
}

fn make_room<K: Clone + Eq + std::hash::Hash>(counts: &mut HashMap<K, Count>, now_us: i64) {
    if counts.len() < MOST {
        return;
    }
    counts.retain(|_, c| !c.forgotten(now_us));
    if counts.len() < MOST {
        return;
    }
    let mut times: Vec<i64> = counts.values().map(|c| c.last_us).collect();
    let tenth = times.len() / 10;
    let (_, &mut limit, _) = times.select_nth_unstable(tenth);
    counts.retain(|_, c| c.last_us > limit);
}

impl Throttle {
    /// With what is known of accounts: name, failures, when the last was.
    pub(super) fn with(known: Vec<(String, u32, i64)>) -> Self {
        let names = known.into_iter().map(|(name, failures, last_us)| (name, Count { failures, last_us })).collect();
        Throttle { names, addresses: HashMap::new() }
    }

    /// Begins an attempt; gives the account's failures with it.
    ///
    /// # Errors
    /// How many seconds to wait, and then nothing was counted.
    pub(super) fn begin(&mut self, name: Option<&str>, address: Option<IpAddr>, now_us: i64) -> Result<u32, u64> {
        let address = address.map(network);
        let of_name = name.and_then(|n| self.names.get_mut(n));
        let of_address = address.and_then(|a| self.addresses.get_mut(&a));
        let [of_name, of_address] = [of_name, of_address].map(|count| {
            count.map_or_else(Count::default, |count| {
                *count = count.not_ahead(now_us);
                *count
            })
        });
        let wait = of_name.wait_us(FREE_BY_NAME, LONGEST_BY_NAME_US, now_us).max(of_address.wait_us(
            FREE_BY_ADDRESS,
            LONGEST_BY_ADDRESS_US,
            now_us,
        ));
        if wait > 0 {
            return Err(u64::try_from(wait).unwrap_or_default().div_ceil(1_000_000));
        }
        make_room(&mut self.names, now_us);
        make_room(&mut self.addresses, now_us);
        if let Some(address) = address {
            self.addresses.entry(address).or_default().add(now_us);
        }
        let Some(name) = name else { return Ok(0) };
        let count = self.names.entry(name.to_owned()).or_default();
        count.add(now_us);
        Ok(count.failures)
    }

    /// The attempt succeeded: the account's failures are forgotten, and the address' are one fewer. Not all of them: one's
    /// own account must not be a way to go on guessing at those of others.
    pub(super) fn succeeded(&mut self, name: Option<&str>, address: Option<IpAddr>) {
        if let Some(name) = name {
            self.names.remove(name);
        }
        self.take_back(address);
    }

    /// The attempt was neither right nor wrong: it is taken back.
    pub(super) fn undecided(&mut self, name: &str, address: Option<IpAddr>) {
        if let Some(count) = self.names.get_mut(name) {
            count.failures = count.failures.saturating_sub(1);
        }
        self.take_back(address);
    }

    fn take_back(&mut self, address: Option<IpAddr>) {
        if let Some(count) = address.and_then(|a| self.addresses.get_mut(&network(a))) {
            count.failures = count.failures.saturating_sub(1);
        }
    }

    /// An account's failures are forgotten: its password was set anew.
    pub(super) fn forget(&mut self, name: &str) {
        self.names.remove(name);
    }
}

/// Whether an account with so many failures has to wait: then its failures are recorded.
pub(super) const fn is_slowed(failures: u32) -> bool {
    failures >= FREE_BY_NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_end() {
        let mut throttle = Throttle::default();
        let mut now = 1_000_000_000_000;
        for _ in 0..FREE_BY_NAME {
            throttle.begin(Some("a"), None, now).unwrap();
        }
        let mut waits = Vec::new();
        for _ in 0..14 {
            let wait = throttle.begin(Some("a"), None, now).unwrap_err();
            waits.push(wait);
            assert!(throttle.begin(Some("a"), None, now + i64::try_from(wait).unwrap() * 1_000_000 - 1).is_err());
            now += i64::try_from(wait).unwrap() * 1_000_000;
            throttle.begin(Some("a"), None, now).unwrap();
        }
        assert_eq!(waits[..5], [1, 2, 4, 8, 16]);
        assert_eq!(waits[13], 900);
        assert!(throttle.begin(Some("b"), None, now).is_ok(), "another account waits too");
        throttle.begin(Some("a"), None, now + MEMORY_US).unwrap();
        throttle.succeeded(Some("a"), None);
        throttle.begin(Some("a"), None, now + MEMORY_US).unwrap();
        // A clock that was set back by a year.
        for _ in 0..20 {
            let _ = throttle.begin(Some("c"), None, now);
        }
        let before = now - 365 * MEMORY_US;
        let wait = throttle.begin(Some("c"), None, before).unwrap_err();
        assert!(wait <= 900);
        throttle.begin(Some("c"), None, before + i64::try_from(wait).unwrap() * 1_000_000).unwrap();
    }

    #[test]
    fn an_address_waits_whatever_names_it_tries_and_a_success_does_not_clear_it() {
        let mut throttle = Throttle::default();
        let at = |last: u16| Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, last)));
        for i in 0..FREE_BY_ADDRESS {
            throttle.begin(Some(&format!("n{i}")), at(u16::try_from(i).unwrap()), 0).unwrap();
            if i == 20 {
                throttle.succeeded(Some("n20"), at(3));
            }
        }
        throttle.begin(Some("once more"), at(1), 0).unwrap();
        assert!(throttle.begin(Some("any"), at(9), 0).is_err());
        assert!(throttle.begin(Some("any"), None, 0).is_ok());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut throttle = Throttle::default();
        for i in 0..MOST + 500 {
            let address = IpAddr::from(u32::try_from(i).unwrap().to_be_bytes());
            let _ = throttle.begin(Some(&format!("n{i}")), Some(address), i64::try_from(i).unwrap());
        }
        assert!(throttle.names.len() <= MOST && throttle.addresses.len() <= MOST);
        assert!(throttle.names.contains_key(&format!("n{}", MOST + 499)), "the newest was forgotten");
    }
}
