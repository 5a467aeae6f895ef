//! From alarms to measures, and from measures to what a request meets.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::HeaderMap;
use menshen_store::{Behaving, Level, Measure, NewAlarm, NewMeasure, Store, SubjectKind};
use menshen_verdict::{Attack, Labels};
use moka::sync::Cache;
use serde_json::json;

use super::origin::{Origin, Origins};
use super::{Alarm, Asked, Rules, Standing, Watch, What, Who};
use crate::auth::Caller;
use crate::config::{self, Config};
use crate::error::{Failure, GatewayError};

/// From this score on a class of attack counts as found.
pub(super) const SURE: f64 = 0.5;

/// A clock that is off by more than this was set.
const CLOCK_SET_US: i64 = 60_000_000;

/// The bit of a class of attack.
pub(super) fn bit(attack: Attack) -> u64 {
    1 << (attack.index() & 63)
}

/// Whether an id is that of a key of ours, and no administrator's or person's.
pub(super) fn is_key(id: &str) -> bool {
    id != "admin" && !id.starts_with("person:")
}

/// A time that only goes forward, and no faster than time: windows would stand empty, or still, for as long as somebody set
/// the clock forth and back.
struct Steady {
    from_us: i64,
    since: Instant,
}

impl Steady {
    fn begin() -> Self {
        Steady { from_us: now_us(), since: Instant::now() }
    }

    fn now_us(&self) -> i64 {
        self.from_us.saturating_add(i64::try_from(self.since.elapsed().as_micros()).unwrap_or(i64::MAX))
    }
}

/// Holds callers to what they did.
pub struct Conduct {
    watch: Option<Watch>,
    /// The time of figures. What is kept in the store bears the time of day.
    steady: Steady,
    store: Store,
    origins: Origins,
    config: config::Behaviour,
    slowed: Cache<(Behaving, u32), Arc<DefaultDirectRateLimiter>>,
}

impl Conduct {
    /// Reads the rules and takes over the marks of false alarms.
    ///
    /// # Errors
    /// When the rules or a setting are wrong.
    pub fn new(config: &Config, store: Store) -> Result<Self, GatewayError> {
        let wrong = |e: String| GatewayError::new(Failure::InvalidRequest, e);
        let settings = config.behaviour.clone();
        let rules = match &settings.rules {
            None => Rules::shipped(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|e| format!("behaviour.rules: {} cannot be read: {e}", path.display()))
                .and_then(|text| Rules::read(&text).map_err(|e| format!("behaviour.rules: {}: {e}", path.display()))),
        };
        let rules = rules.map_err(wrong)?;
        let watch = settings.enabled.then(|| Watch::new(rules, settings.most_subjects, settings.again_s));
        let conduct = Conduct {
            watch,
            steady: Steady::begin(),
            origins: Origins::new(&settings).map_err(wrong)?,
            slowed: Cache::builder().max_capacity(100_000).time_to_idle(Duration::from_secs(600)).build(),
            config: settings,
            store,
        };
        conduct.learn(now_us());
        Ok(conduct)
    }

    /// Whether anything is counted.
    pub fn watches(&self) -> bool {
        self.watch.is_some()
    }

    /// The watch, where behaviour is watched.
    pub fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    /// Takes over which signals count less.
    pub fn learn(&self, now_us: i64) {
        if let Some(watch) = &self.watch {
            watch.damp(&self.store.dampings(now_us));
        }
    }

    /// Where a request came from, as far as a named proxy says it.
    pub(crate) fn region(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<String> {
        self.origins.of(peer, headers).region
    }

    /// Who is behind a request: its key, and its end user.
    fn who<'a>(caller: &'a Caller, vouched: bool) -> impl Iterator<Item = Who<'a>> {
        let of = move |kind, subject: &'a str| Who {
            tenant: &caller.subject.tenant,
            app: &caller.subject.app,
            kind,
            subject,
            vouched,
        };
        // An administrator's key is nobody's to lose by accident, and staff who try things out are no end users.
        let key = caller.key_id.as_deref().filter(|id| !caller.admin && is_key(id));
        let user = caller.subject.user.as_deref().filter(|u| !u.is_empty() && u.len() <= 512);
        key.map(move |k| of(SubjectKind::Key, k)).into_iter().chain(user.map(move |u| of(SubjectKind::User, u)))
    }

    /// Lets a request on, or not, by what stands against its key and its user; gives the mildest thing to tell them.
    ///
    /// # Errors
    /// When one of them is suspended, or slowed and too fast.
    pub(crate) fn admit(&self, caller: &Caller, now_us: i64) -> Result<Option<Level>, Refused> {
        if !self.config.act || !self.store.any_measure() {
            return Ok(None);
        }
        let mut told = None;
        for who in Self::who(caller, true) {
            let Some(measure) = self.store.measure(&who.behaving(), now_us) else { continue };
            match measure.level {
                Level::Suspend => return Err(Refused::Suspended(Box::new(measure))),
                Level::Throttle => self.slow(&measure, caller)?,
                Level::Warn => {}
            }
            told = told.max(Some(measure.level));
        }
        Ok(told)
    }

    fn slow(&self, measure: &Measure, caller: &Caller) -> Result<(), Refused> {
        let usual = match measure.who.kind {
            SubjectKind::Key if caller.requests_per_minute > 0 => caller.requests_per_minute,
            _ => self.config.usual_per_minute,
        };
        let left = (u64::from(usual) * u64::from(measure.percent) / 100).max(1);
        let left = NonZeroU32::new(u32::try_from(left).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        let limiter = self
            .slowed
            .get_with((measure.who.clone(), left.get()), || Arc::new(RateLimiter::direct(Quota::per_minute(left))));
        limiter
            .check()
            .map_err(|not_yet| Refused::Slowed(not_yet.wait_time_from(DefaultClock::default().now()).as_secs() + 1))
    }

    /// Counts a request that was looked at, keeps the alarms that it makes, and puts their measures in force unless only
    /// `monitor`ed. Gives the strictest thing that was put in force.
    pub(crate) async fn asked(&self, caller: &Caller, event: Event<'_>) -> Option<Level> {
        let watch = self.watch.as_ref()?;
        let origin = self.origins.of(event.peer, event.headers);
        let asked = facts(watch, &event, &origin);
        let mut done = None;
        for who in Self::who(caller, event.vouched) {
            let asked = Asked { on_behalf: on_behalf(&who, caller), ..asked };
            let alarm = watch.observe(&who, &What::Asked(asked), self.steady.now_us());
            if let Some(alarm) = alarm {
                done = done.max(self.raise(&who, alarm, event.request_id, event.monitor, event.at_us).await);
            }
        }
        done
    }

    /// Counts an answer's tokens.
    pub(crate) async fn spent(
        &self,
        caller: &Caller,
        tokens: u64,
        vouched: bool,
        monitor: bool,
        request_id: uuid::Uuid,
        at_us: i64,
    ) {
        let Some(watch) = self.watch.as_ref().filter(|_| tokens > 0) else { return };
        for who in Self::who(caller, vouched).filter(|who| !on_behalf(who, caller)) {
            if let Some(alarm) = watch.observe(&who, &What::Spent { tokens }, self.steady.now_us()) {
                self.raise(&who, alarm, request_id, monitor, at_us).await;
            }
        }
    }

    /// Counts what happened before this process began.
    pub(crate) fn recall(&self, who: &Who<'_>, what: &What, at_us: i64) {
        if let Some(watch) = &self.watch {
            watch.recall(who, what, at_us);
        }
    }

    async fn raise(
        &self,
        who: &Who<'_>,
        alarm: Alarm,
        request_id: uuid::Uuid,
        monitor: bool,
        now_us: i64,
    ) -> Option<Level> {
        let acts = self.config.act && !monitor;
        let level = alarm.grade.level.measure().filter(|_| acts);
        let measure = level.map(|level| NewMeasure {
            level,
            percent: alarm.grade.percent,
            until_us: now_us.saturating_add(i64::from(alarm.grade.lasts_s) * 1_000_000),
            reason: alarm.grade.id.clone(),
        });
        let new = NewAlarm {
            who: who.behaving(),
            grade: alarm.grade.id,
            score: alarm.score,
            reasons: json!(alarm.reasons),
            request_id: Some(request_id.to_string()),
            human: alarm.grade.human && acts,
        };
        if let Err(e) = self.store.raise(new, measure, now_us).await {
            tracing::error!(error = %e, "an alarm about behaviour was not stored");
        }
        level
    }

    /// How somebody stands now.
    pub fn standing(&self, who: &Behaving, now_us: i64) -> Option<Standing> {
        let steady_us = self.steady.now_us();
        let mut standing = self.watch.as_ref()?.standing(&of(who), steady_us)?;
        let off_us = now_us.saturating_sub(steady_us);
        if off_us.abs() > CLOCK_SET_US {
            standing.hours.iter_mut().for_each(|(begins_us, _)| *begins_us = begins_us.saturating_add(off_us));
        }
        Some(standing)
    }

    /// Begins anew with what raised somebody's score.
    pub fn forgive(&self, who: &Behaving) {
        if let Some(watch) = &self.watch {
            watch.forgive(&of(who));
        }
    }

    /// A sentence of suspension, with where to appeal.
    pub(crate) fn with_appeal(&self, text: &str, frame: Option<&str>) -> String {
        match &self.config.appeal_url {
            None => text.to_owned(),
            Some(url) => {
                let frame = frame.filter(|f| f.contains("{url}")).unwrap_or("To appeal: {url}");
                format!("{text} {}", frame.replace("{url}", url))
            }
        }
    }
}

/// Whether somebody is a key that asks on behalf of a user.
fn on_behalf(who: &Who<'_>, caller: &Caller) -> bool {
    who.kind == SubjectKind::Key && caller.subject.user.is_some()
}

fn of(who: &Behaving) -> Who<'_> {
    Who { tenant: &who.tenant, app: &who.app, kind: who.kind, subject: &who.subject, vouched: true }
}

fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// A request that was looked at.
pub(crate) struct Event<'a> {
    pub(crate) peer: Option<IpAddr>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) labels: &'a Labels,
    pub(crate) risky: bool,
    pub(crate) vouched: bool,
    pub(crate) monitor: bool,
    pub(crate) request_id: uuid::Uuid,
    pub(crate) at_us: i64,
}

fn facts(watch: &Watch, event: &Event<'_>, origin: &Origin) -> Asked {
    let agent = event.headers.get(http::header::USER_AGENT).map(|v| v.as_bytes()).filter(|v| v.len() <= 512);
    let sure = event.labels.attacks.iter().filter(|a| f64::from(a.score) >= SURE);
    Asked {
        on_behalf: false,
        risky: event.risky,
        attacks: sure.fold(0, |all, a| all | bit(a.id)),
        network: origin.network.map(|n| watch.hash(n)),
        agent: agent.map(|v| watch.hash(v)),
        region: origin.region.as_deref().map(|r| watch.hash(r)),
        place: origin.place,
    }
}

/// Why a request does not go on.
pub(crate) enum Refused {
    /// Somebody is suspended.
    Suspended(Box<Measure>),
    /// Somebody is slowed and came too soon: when to come back, in seconds.
    Slowed(u64),
}
