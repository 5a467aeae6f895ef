//! How often strangers may use the public form: an address, and all together.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::sync::Cache;

use crate::config::Cases;
use crate::error::{Failure, GatewayError};

/// Looking up may be done so many times as often as sending.
const LOOKS: u32 = 10;

type Each = Cache<IpAddr, Arc<DefaultDirectRateLimiter>>;

/// Counts strangers. Memory is bounded: addresses that are quiet are forgotten.
pub(crate) struct Strangers {
    sends: (Each, Quota, DefaultDirectRateLimiter),
    looks: (Each, Quota, DefaultDirectRateLimiter),
}

fn quota(per_hour: u32) -> Quota {
    Quota::per_hour(NonZeroU32::new(per_hour).unwrap_or(NonZeroU32::MIN))
}

fn limits(each: u32, all: u32) -> (Each, Quota, DefaultDirectRateLimiter) {
    let cache = Cache::builder().max_capacity(100_000).time_to_idle(Duration::from_secs(3_600)).build();
    (cache, quota(each), RateLimiter::direct(quota(all)))
}

/// Somebody with an IPv6 network has 2⁶⁴ addresses of it at least.
fn network(address: Option<IpAddr>) -> IpAddr {
    match address.map(|a| a.to_canonical()) {
        Some(IpAddr::V6(v6)) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        Some(v4) => v4,
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

impl Strangers {
    pub(crate) fn new(config: &Cases) -> Self {
        let (each, all) = (config.public_per_hour, config.public_per_hour_all);
        Strangers { sends: limits(each, all), looks: limits(each.saturating_mul(LOOKS), all.saturating_mul(LOOKS)) }
    }

    /// Counts something that is sent.
    pub(crate) fn send(&self, address: Option<IpAddr>) -> Result<(), GatewayError> {
        admit(&self.sends, address)
    }

    /// Counts a look at how something stands.
    pub(crate) fn look(&self, address: Option<IpAddr>) -> Result<(), GatewayError> {
        admit(&self.looks, address)
    }
}

fn admit(
    (each, quota, all): &(Each, Quota, DefaultDirectRateLimiter),
    address: Option<IpAddr>,
) -> Result<(), GatewayError> {
    let own = each.get_with(network(address), || Arc::new(RateLimiter::direct(*quota)));
    // An address of its own first: one that asks too often takes nothing from the others.
    for limiter in [&*own, all] {
        if let Err(not_yet) = limiter.check() {
            let seconds = not_yet.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
            let message =
                "too many of these were sent from here or by all together; wait, or use another way to reach us";
            return Err(GatewayError::new(Failure::RateLimited, message).retry_after(seconds));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_all_together_have_their_ends() {
        let config = Cases { public_per_hour: 2, public_per_hour_all: 3, ..Cases::default() };
        let strangers = Strangers::new(&config);
        let from = |n: u8| Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, n)));
        assert!(strangers.send(from(1)).is_ok() && strangers.send(from(1)).is_ok());
        let refused = strangers.send(from(1)).unwrap_err();
        assert!(refused.failure == Failure::RateLimited && refused.retry_after_s.is_some_and(|s| s > 0));
        assert!(strangers.send(from(2)).is_ok());
        assert!(strangers.send(from(3)).is_err(), "all together");
        assert!(strangers.look(from(1)).is_ok(), "looking is counted apart");
        let in_one_net = |last| Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last)));
        let strangers = Strangers::new(&Cases { public_per_hour: 1, ..Cases::default() });
        assert!(strangers.send(in_one_net(1)).is_ok() && strangers.send(in_one_net(2)).is_err());
    }
}
