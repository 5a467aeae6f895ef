//! Tiers of end users: what a user must be known by, and what they may; and what holds for minors.
//!
//! The table is data (`packs/tiers/tiers.toml`, or the operator's own). What is known of a user is their profile in the
//! store, which an application vouches for with a key of its own, or staff. Where the store cannot say who somebody is,
//! nobody is let through: an outage makes no minor an adult.

mod table;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use menshen_policy::Subject;
use menshen_store::{Profile, RealName, Store};
use moka::sync::Cache;

use crate::config::Config;
use crate::error::{Failure, GatewayError};

pub use table::{Check, GrantedBy, Minors, Table, Tier};

type Who = (String, String, String);

/// Holds end users to their tiers.
pub struct Tiers {
    table: Table,
    unknown: Option<String>,
    store: Store,
    rates: Cache<(Who, u32), Arc<DefaultDirectRateLimiter>>,
    days: Cache<(Who, i64), Arc<std::sync::atomic::AtomicU32>>,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// The API family.
    pub(crate) api: &'a str,
    /// The model; empty where none is named.
    pub(crate) model: &'a str,
    /// Where the request comes from, as a named proxy says.
    pub(crate) region: Option<&'a str>,
    pub(crate) now_us: i64,
}

impl Tiers {
    /// Reads the table.
    ///
    /// # Errors
    /// When the table or a setting is wrong.
    pub fn new(config: &Config, store: Store) -> Result<Self, GatewayError> {
        let wrong = |e: String| GatewayError::new(Failure::InvalidRequest, e);
        let table = match &config.tiers.table {
            None => Table::shipped(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|e| format!("tiers.table: {} cannot be read: {e}", path.display()))
                .and_then(|text| Table::read(&text).map_err(|e| format!("tiers.table: {}: {e}", path.display()))),
        };
        let table = table.map_err(wrong)?;
        let unknown = config.tiers.unknown.clone();
        if let Some(id) = &unknown
            && table.tier(id).is_none()
        {
            return Err(wrong(format!("tiers.unknown: {id:?} is no tier of the table")));
        }
        let day = Duration::from_secs(86_400);
        Ok(Tiers {
            table,
            unknown,
            store,
            rates: Cache::builder().max_capacity(100_000).time_to_idle(Duration::from_secs(600)).build(),
            days: Cache::builder().max_capacity(200_000).time_to_live(day).build(),
        })
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The tier of users without a profile.
    pub fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }

    /// What is known of the subject's user.
    ///
    /// # Errors
    /// When the store cannot say.
    pub(crate) async fn profile(&self, subject: &Subject) -> Result<Option<Arc<Profile>>, GatewayError> {
        let Some(user) = subject.user.as_deref() else { return Ok(None) };
        self.store.profile(&subject.tenant, &subject.app, user).await.map_err(|e| {
            GatewayError::new(Failure::AuditUnavailable, "this user's profile cannot be read at the moment; try again")
                .detail(e)
        })
    }

    /// What a profile says of a subject, for rules and scenes. A minor stays one whatever a header says, and the minors'
    /// scene takes the place of every other.
    pub(crate) fn describe(&self, subject: &mut Subject, profile: Option<&Profile>) {
        if let Some(profile) = profile {
            subject.minor |= profile.minor;
            if profile.tier.is_some() {
                subject.tier.clone_from(&profile.tier);
            }
        }
        if subject.minor && profile.is_some_and(|p| p.minor) {
            subject.scene = Some(self.table.minors.scene.clone());
        }
    }

    /// Lets a user on, or not, by their profile and its tier.
    ///
    /// # Errors
    /// When their tier, their profile, the hour or the day's minutes do not allow it; the message says what to do.
    pub(crate) async fn admit(
        &self,
        subject: &Subject,
        profile: Option<&Profile>,
        wish: Wish<'_>,
    ) -> Result<(), GatewayError> {
        let Some(user) = subject.user.as_deref() else { return Ok(()) };
        if let Some(profile) = profile.filter(|p| p.minor) {
            self.admit_minor(profile, wish).await?;
        }
        let id = profile.and_then(|p| p.tier.as_deref()).or(self.unknown.as_deref());
        let Some(id) = id else { return Ok(()) };
        // A tier that has gone from the table lets nobody through.
        let tier = self.table.tier(id).ok_or_else(|| {
            refused("this user's tier is not in force here; the operator has to give them another")
                .detail(format!("tier {id:?} is not in the table"))
        })?;
        self.known_enough(tier, profile, wish.now_us)?;
        let region = profile.and_then(|p| p.region.as_deref());
        for region in [region, wish.region].into_iter().flatten() {
            if !tier.serves(region) {
                return Err(refused("this service is not offered to this user in this region"));
            }
        }
        if !tier.regions.is_empty() && region.is_none() && wish.region.is_none() {
            return Err(refused("this user's region is not known; the application has to state it in the profile"));
        }
        if !tier.purposes.is_empty() {
            let stated = profile.and_then(|p| p.purpose.as_ref());
            if !stated.is_some_and(|p| tier.purposes.contains(p)) {
                return Err(refused("this user's tier is for purposes that their profile does not state"));
            }
        }
        if !tier.allows_api(wish.api) {
            return Err(refused("this user's tier does not include this API"));
        }
        if !wish.model.is_empty() && !tier.allows_model(wish.model) {
            return Err(refused("this user's tier does not include this model").param("model"));
        }
        self.rates(tier, subject, user, wish.now_us).await
    }

    fn known_enough(&self, tier: &Tier, profile: Option<&Profile>, now_us: i64) -> Result<(), GatewayError> {
        let known = profile.map_or(RealName::None, |p| p.real_name);
        if known < tier.level() {
            return Err(refused(match tier.level() {
                RealName::Phone => "this needs a user whose telephone number was verified",
                RealName::Id => "this needs a user whose identity was verified",
                _ => "this needs a user whose enterprise was verified",
            }));
        }
        if tier.due_diligence {
            let review = profile.and_then(|p| p.diligence.as_ref());
            if !review.is_some_and(|d| d.passed && now_us < d.until_us) {
                return Err(refused(
                    "this user's review is missing, was not passed or has expired; staff have to renew it",
                ));
            }
        }
        Ok(())
    }

    async fn admit_minor(&self, profile: &Profile, wish: Wish<'_>) -> Result<(), GatewayError> {
        let minors = &self.table.minors;
        if !minors.apis.is_empty() && !minors.apis.iter().any(|a| a.matches(wish.api)) {
            return Err(GatewayError::new(Failure::MinorMode, "this is not offered in minors' mode"));
        }
        let offset = i64::from(self.store.options().day_offset_min);
        let minute = (wish.now_us.div_euclid(60_000_000) + offset).rem_euclid(1_440);
        let minute = u32::try_from(minute).unwrap_or(0);
        if let Some(wait) = minors.night_left(minute) {
            let message =
                format!("minors' mode rests from {} to {}; come back then", minors.night_from, minors.night_to);
            return Err(GatewayError::new(Failure::MinorMode, message).retry_after(u64::from(wait) * 60));
        }
        if minors.minutes_per_day > 0 {
            let unknown = |e| {
                GatewayError::new(
                    Failure::AuditUnavailable,
                    "the day's minutes cannot be counted at the moment; try again",
                )
                .detail(e)
            };
            let (tenant, app, user) = (&profile.tenant, &profile.app, &profile.user);
            let used = self.store.attend(tenant, app, user, minors.pause_min, wish.now_us).await.map_err(unknown)?;
            if used > minors.minutes_per_day {
                let message = format!(
                    "the {} minutes of minors' mode are used up for today; come back tomorrow",
                    minors.minutes_per_day
                );
                return Err(GatewayError::new(Failure::MinorMode, message).retry_after(u64::from(1_440 - minute) * 60));
            }
        }
        Ok(())
    }

    async fn rates(&self, tier: &Tier, subject: &Subject, user: &str, now_us: i64) -> Result<(), GatewayError> {
        let who = || (subject.tenant.clone(), subject.app.clone(), user.to_owned());
        if let Some(per_minute) = NonZeroU32::new(tier.requests_per_minute) {
            let make = || Arc::new(RateLimiter::direct(Quota::per_minute(per_minute)));
            let limiter = self.rates.get_with((who(), per_minute.get()), make);
            if let Err(not_yet) = limiter.check() {
                let wait = not_yet.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
                let message = "too many requests a minute for this user's tier; wait and try again";
                return Err(GatewayError::new(Failure::RateLimited, message).retry_after(wait));
            }
        }
        if tier.requests_per_day > 0 {
            let day = (who(), self.store.day(now_us));
            let count = match self.days.get(&day) {
                Some(count) => count,
                // Before this process began, or so long ago that it was let go of.
                None => {
                    let before = self.store.requests_on_day(&subject.tenant, &subject.app, user, now_us).await;
                    let before = before.map_err(|e| {
                        let message = "this user's requests of today cannot be counted at the moment; try again";
                        GatewayError::new(Failure::AuditUnavailable, message).detail(e)
                    })?;
                    self.days.get_with(day, || Arc::new(before.into()))
                }
            };
            if count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= tier.requests_per_day {
                let message = "this user's requests are used up for today; come back tomorrow";
                return Err(GatewayError::new(Failure::RateLimited, message).retry_after(3_600));
            }
        }
        Ok(())
    }
}

fn refused(message: &'static str) -> GatewayError {
    GatewayError::new(Failure::Tier, message)
}
