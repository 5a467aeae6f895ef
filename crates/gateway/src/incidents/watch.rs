//! What is looked at now and then: timers, messages that wait, and what may be an incident. Never on the way of a request.

use std::sync::Arc;
use std::time::Duration;

use menshen_store::{Bucket, NewIncident, OverviewFilter};
use serde_json::{Map, json};

use super::rules::{Measure, Signal};
use super::told;
use crate::gateway::Gateway;

/// How often timers and the outbox are looked at.
const TICK: Duration = Duration::from_secs(5);
/// Every so many ticks the signals are.
const SIGNALS_EVERY: u64 = 12;
const MINUTE_US: i64 = 60_000_000;
/// How much later than its time a look may come.
const LOOK_US: i64 = 2 * MINUTE_US;

/// Looks until the program ends. One task does it: nothing is told or sent by two.
pub async fn watch(gateway: Arc<Gateway>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut ticks: u64 = 0;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = gateway.notifier.woken() => {}
        }
        let now = crate::api::admin::now_us();
        timers(&gateway, now).await;
        gateway.notifier.send_due(&gateway.store, now).await;
        if ticks % SIGNALS_EVERY == 1 && gateway.config.incidents.propose {
            signals(&gateway, now).await;
        }
        ticks += 1;
    }
}

/// Tells people of what is due soon or overdue, once.
pub async fn timers(gateway: &Gateway, now_us: i64) {
    let due = match gateway.store.untold_timers(now_us).await {
        Ok(due) => due,
        Err(e) => return tracing::error!(error = %e, "the timers of incidents could not be read"),
    };
    for timer in due {
        let Some(stage) = timer.untold(now_us) else { continue };
        let incident = match gateway.store.incident(&timer.incident, None).await {
            Ok(incident) => incident,
            Err(e) => {
                tracing::error!(error = %e, "an incident could not be read");
                continue;
            }
        };
        let messages = told::timer(gateway, &gateway.incident_rules, &incident, &timer, stage);
        if let Err(e) = gateway.store.tell_timer(&timer, stage, messages, now_us).await {
            tracing::error!(error = %e, "a timer could not be told; it is tried again");
        }
    }
}

/// What a signal counts now: so many, of so many requests.
async fn measured(gateway: &Gateway, signal: &Signal, now_us: i64) -> Result<(u64, u64), menshen_store::Error> {
    let from_us = now_us - i64::from(signal.window_min) * MINUTE_US;
    let store = &gateway.store;
    if signal.measure == Measure::Audit {
        let health = store.health();
        let broken = store.last_verified().is_some_and(|(_, whole, _)| !whole)
            || health.failing.is_some()
            // While nothing can be written no proposal can either: what is over by now is proposed then.
            || health.failed_us.is_some_and(|at| at >= from_us - LOOK_US && at <= now_us + LOOK_US)
            || health.head_failing.is_some();
        return Ok((u64::from(broken), 1));
    }
    // Kept within what is counted by minute.
    let from_us = from_us.max(now_us - 2_870 * MINUTE_US);
    let filter = OverviewFilter { from_us, to_us: now_us + 1, bucket: Bucket::Minute, tenant: None, app: None };
    let seen = store.overview(&filter).await?;
    let count = match signal.measure {
        Measure::Statuses => {
            let unavailable = store.unavailable_since(from_us).await?;
            unavailable.iter().filter(|(s, _)| signal.statuses.contains(s)).map(|(_, n)| n.unsigned_abs()).sum()
        }
        Measure::Rules => {
            let named = |rule: &str| signal.rules.iter().any(|glob| glob.matches(rule));
            seen.rules.iter().filter(|r| named(&r.rule)).map(|r| r.count).sum()
        }
        Measure::Attacks => seen.attacks.iter().map(|a| a.count).max().unwrap_or(0),
        Measure::Missed => seen.feedback.get("missed").copied().unwrap_or(0),
        Measure::Audit => 0,
    };
    Ok((count, seen.requests))
}

/// Proposes incidents from what the gateway sees.
pub async fn signals(gateway: &Gateway, now_us: i64) {
    let rules = &gateway.incident_rules;
    for signal in &rules.signals {
        let proposed = async {
            let (count, of) = measured(gateway, signal, now_us).await?;
            // Shares of small numbers are exact enough in an f64.
            if count < signal.at_least || (count as f64) < signal.share * of as f64 {
                return Ok(());
            }
            if !gateway.store.signal_is_free(&signal.id, now_us - i64::from(signal.quiet_min) * MINUTE_US).await? {
                return Ok(());
            }
            let operator = gateway.config.incidents.operator;
            let grading = rules.grading(&signal.class, Map::new(), operator, now_us, None).unwrap_or_default();
            let facts = json!({ "place": format!(
                "{} / {}: {count} ({} min, {of} requests)", signal.zh, signal.en, signal.window_min
            )});
            let new = NewIncident {
                tenant: None,
                drill: false,
                announce: true,
                title: format!("{} / {}", signal.zh, signal.en),
                grading,
                facts: facts.as_object().cloned().unwrap_or_default(),
                signal: Some(signal.id.clone()),
                occurred_us: None,
                aware_us: now_us,
            };
            let told = |incident: &menshen_store::Incident| told::step(gateway, rules, incident, "proposed");
            let by = format!("signal:{}", signal.id);
            gateway.store.open_incident(new, told, &by, now_us).await.map(drop)
        };
        if let Err(e) = proposed.await {
            tracing::error!(signal = signal.id, error = %e, "a signal could not be looked at");
        }
    }
}
