//! What a target may be asked and may cost: rate, concurrency, attempts, tokens, money.
//!
//! Before anything is sent, the most that the exchange can take is set aside; when it ended, what it took is counted
//! and the rest is freed. So the sum never goes above a budget, however many exchanges are under way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Failure;
use super::body::estimate;
use crate::turn::{Turn, Usage};

/// Rates and budget of one target. What is absent is not limited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Exchanges under way at once. 4.
    pub concurrency: u16,
    /// Requests a minute, evenly spaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Requests in all, each retry counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u64>,
    /// Tokens in all, sent and received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Money in all, in the currency of the prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<f64>,
    /// Price of a million tokens sent.
    pub price_prompt: f64,
    /// Price of a million tokens received.
    pub price_completion: f64,
    /// A name for the currency. `CNY`.
    pub currency: String,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            concurrency: 4,
            requests_per_minute: None,
            max_requests: None,
            max_tokens: None,
            max_cost: None,
            price_prompt: 0.0,
            price_completion: 0.0,
            currency: "CNY".to_owned(),
        }
    }
}

impl Limits {
    /// What tokens cost.
    pub fn cost(&self, usage: Usage) -> f64 {
        (usage.prompt as f64 * self.price_prompt + usage.completion as f64 * self.price_completion) / 1e6
    }
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Requests, retries counted.
    pub requests: u64,
    /// Tokens.
    pub usage: Usage,
    /// Money.
    pub cost: f64,
}

#[derive(Debug, Default)]
struct Account {
    spent: Spent,
    /// Set aside for exchanges under way.
    held: Usage,
    under_way: u64,
    next: Option<Instant>,
}

/// A target's account.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    account: Arc<Mutex<Account>>,
    seats: Arc<Semaphore>,
    settled: Arc<Notify>,
}

/// Leave to send one request. What is dropped unsettled is counted as if all that was set aside had been used.
#[derive(Debug)]
pub struct Admission {
    account: Arc<Mutex<Account>>,
    settled: Arc<Notify>,
    limits: Limits,
    held: Usage,
    done: bool,
    _seat: OwnedSemaphorePermit,
}

fn lock(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Budget {
    /// A fresh account.
    pub fn new(limits: Limits) -> Self {
        Budget {
            seats: Arc::new(Semaphore::new(usize::from(limits.concurrency.max(1)))),
            account: Arc::default(),
            settled: Arc::default(),
            limits,
        }
    }

    /// The limits.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What was spent so far.
    pub fn spent(&self) -> Spent {
        lock(&self.account).spent
    }

    /// Counts what an earlier, interrupted run spent.
    pub fn carry(&self, spent: Spent) {
        let mut account = lock(&self.account);
        account.spent.requests += spent.requests;
        account.spent.usage += spent.usage;
        account.spent.cost += spent.cost;
    }

    /// Waits for a seat, the rate and the budget.
    ///
    /// # Errors
    /// [`Failure::Spent`] when the budget has no room for the request.
    pub async fn admit(&self, turns: &[Turn], system: Option<&str>, max_tokens: u32) -> Result<Admission, Failure> {
        let Ok(seat) = Arc::clone(&self.seats).acquire_owned().await else { return Err(Failure::Spent) };
        // An estimate of a prompt can be too low by a third where a tokenizer is poor at a script; a quarter more and
        // some for the wrapping is set aside.
        let prompt = turns.iter().map(|t| estimate(&t.text)).sum::<u64>() + system.map_or(0, estimate);
        let held = Usage {
            prompt: prompt + prompt.div_ceil(4) + 16 * (turns.len() as u64 + 1),
            completion: u64::from(max_tokens),
            estimated: true,
        };
        loop {
            let freed = self.settled.notified();
            match self.reserve(held) {
                Room::Granted(wait) => {
                    if let Some(until) = wait {
                        tokio::time::sleep_until(until).await;
                    }
                    return Ok(Admission {
                        account: Arc::clone(&self.account),
                        settled: Arc::clone(&self.settled),
                        limits: self.limits.clone(),
                        held,
                        done: false,
                        _seat: seat,
                    });
                }
                Room::None => return Err(Failure::Spent),
                // What is under way may leave something over. Whoever settles says so; the timeout is only a net.
                Room::Perhaps => {
                    let _ = tokio::time::timeout(Duration::from_millis(200), freed).await;
                }
            }
        }
    }

    fn reserve(&self, held: Usage) -> Room {
        let mut account = lock(&self.account);
        let l = &self.limits;
        let mut both = account.held;
        both += held;
        let requests = account.spent.requests + account.under_way + 1;
        let over = |spent_only: bool| {
            let mut usage = account.spent.usage;
            usage += if spent_only { held } else { both };
            let cost = account.spent.cost + l.cost(if spent_only { held } else { both });
            l.max_tokens.is_some_and(|most| usage.total() > most) || l.max_cost.is_some_and(|most| cost > most)
        };
        if l.max_requests.is_some_and(|most| requests > most) || over(true) {
            return Room::None;
        }
        if over(false) {
            return Room::Perhaps;
        }
        account.held = both;
        account.under_way += 1;
        let wait = l.requests_per_minute.map(|per_minute| {
            let apart = Duration::from_secs(60) / per_minute.max(1);
            let now = Instant::now();
            let at = account.next.map_or(now, |next| next.max(now));
            account.next = Some(at + apart);
            at
        });
        Room::Granted(wait)
    }
}

enum Room {
    Granted(Option<Instant>),
    Perhaps,
    None,
}

impl Admission {
    /// The exchange took this.
    pub fn settle(mut self, usage: Usage) {
        self.close(usage);
    }

    /// The exchange failed. What cannot have reached the target costs nothing; for the rest the prompt is counted.
    pub fn fail(mut self, failure: &Failure) {
        let usage = match failure {
            Failure::Unsendable(_) | Failure::Spent | Failure::RateLimited(_) => Usage::default(),
            Failure::Status { status, .. } if *status < 500 => Usage::default(),
            _ => Usage { completion: 0, ..self.held },
        };
        self.close(usage);
    }

    fn close(&mut self, usage: Usage) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        let mut account = lock(&self.account);
        account.held.prompt = account.held.prompt.saturating_sub(self.held.prompt);
        account.held.completion = account.held.completion.saturating_sub(self.held.completion);
        account.under_way = account.under_way.saturating_sub(1);
        account.spent.requests += 1;
        account.spent.usage += usage;
        account.spent.cost += self.limits.cost(usage);
        drop(account);
        self.settled.notify_waiters();
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.close(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
        let mut limits = Limits { price_prompt: 1.0, price_completion: 2.0, ..Limits::default() };
        change(&mut limits);
        limits
    }

    #[tokio::test]
    async fn no_request_is_sent_that_could_go_above_the_budget() {
        let budget = Budget::new(limits(|l| l.max_tokens = Some(300)));
        let turn = [Turn::user("hi")];
        let first = budget.admit(&turn, None, 100).await;
        let second = budget.admit(&turn, None, 100).await;
        assert!(first.is_ok() && second.is_ok(), "two worst cases of 134 tokens fit into 300");
        // A third might fit once the others have used less than was set aside.
        let waiting = budget.admit(&turn, None, 100);
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.is_err());
        for admission in [first, second].into_iter().flatten() {
            admission.settle(Usage { prompt: 1, completion: 1, estimated: false });
        }
        assert!(waiting.await.is_ok());
    }

    #[tokio::test]
    async fn what_cannot_fit_is_refused_at_once() {
        let budget = Budget::new(limits(|l| l.max_cost = Some(0.000_1)));
        assert_eq!(budget.admit(&[Turn::user("hi")], None, 100).await.err(), Some(Failure::Spent));
        assert_eq!(budget.spent(), Spent::default());
    }

    #[tokio::test]
    async fn requests_are_counted_while_under_way() {
        let budget = Budget::new(limits(|l| l.max_requests = Some(1)));
        let one = budget.admit(&[], None, 1).await;
        assert!(one.is_ok());
        assert_eq!(budget.admit(&[], None, 1).await.err(), Some(Failure::Spent));
        drop(one);
        assert_eq!(budget.spent().requests, 1);
        assert_eq!(budget.spent().usage.completion, 1, "what was dropped counts as used");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_spaced() {
        let budget = Budget::new(limits(|l| l.requests_per_minute = Some(60)));
        let began = Instant::now();
        for _ in 0..4 {
            let admitted = budget.admit(&[], None, 1).await;
            assert!(admitted.is_ok());
        }
        assert_eq!(began.elapsed(), Duration::from_secs(3));
    }
}
