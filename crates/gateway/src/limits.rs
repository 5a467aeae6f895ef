//! Requests and tokens a minute, tokens a day, a caller at a time.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use menshen_store::Store;
use moka::sync::Cache;

use crate::auth::Caller;
use crate::error::{Failure, GatewayError};

/// Counts requests and tokens. Memory is bounded: idle callers are forgotten.
pub struct Limiter {
    rates: Cache<(String, u32), Arc<DefaultDirectRateLimiter>>,
    store: Store,
}

fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

fn meter(caller: &Caller) -> String {
    caller.key_id.clone().unwrap_or_else(|| format!("open:{}", caller.subject.app))
}

impl Limiter {
    /// A limiter whose token counts live in `store`.
    pub fn new(store: Store) -> Self {
        let rates = Cache::builder().max_capacity(100_000).time_to_idle(Duration::from_secs(600)).build();
        Limiter { rates, store }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// When the caller's requests or tokens are used up; the error says when to come back.
    pub fn admit(&self, caller: &Caller) -> Result<(), GatewayError> {
        let refused = |message: &'static str, wait_s: u64| {
            Err(GatewayError::new(Failure::RateLimited, message).retry_after(wait_s))
        };
        if let Some(per_minute) = NonZeroU32::new(caller.requests_per_minute) {
            let limiter = self.rates.get_with((meter(caller), per_minute.get()), || {
                Arc::new(RateLimiter::direct(Quota::per_minute(per_minute)))
            });
            if let Err(not_yet) = limiter.check() {
                let wait = not_yet.wait_time_from(DefaultClock::default().now());
                return refused("too many requests a minute; wait and try again", wait.as_secs() + 1);
            }
        }
        if caller.tokens_per_minute == 0 && caller.tokens_per_day == 0 {
            return Ok(());
        }
        let (name, now) = (meter(caller), now_us());
        if caller.tokens_per_minute > 0
            && self.store.tokens_last_minute(&name, now) >= u64::from(caller.tokens_per_minute)
        {
            return refused("this minute's tokens are used up; wait and try again", 60);
        }
        if caller.tokens_per_day > 0 && self.store.usage_today(&name, now).tokens() >= caller.tokens_per_day {
            return refused("today's tokens are used up; come back tomorrow", 3_600);
        }
        Ok(())
    }

    /// Adds what a request used.
    pub fn spend(&self, caller: &Caller, tokens: u64) {
        self.store.add_usage(&meter(caller), 0, tokens, now_us());
    }
}
