//! Counting again after a restart what the audit knows.

use std::sync::Arc;

use menshen_store::{Filter, Record, SubjectKind};
use menshen_verdict::{Action, Attack};
use serde_json::Value;

use super::{Asked, Conduct, What, Who};
use crate::gateway::Gateway;

/// How far back, in microseconds: a day, the longest window that is shipped.
const BACK_US: i64 = 86_400_000_000;
/// The most requests that are read.
const MOST: usize = 20_000;
const PAGE: u32 = 500;

/// Counts the audit's newest requests again, oldest first: risky inputs, attacks and tokens. No alarm comes of it. Networks,
/// programs and places are not in the audit and begin anew. Gives how many requests were counted.
pub async fn rebuild(gateway: &Arc<Gateway>, now_us: i64) -> usize {
    if !gateway.conduct.watches() {
        return 0;
    }
    let filter =
        Filter { from_us: Some(now_us.saturating_sub(BACK_US)), kind: Some("request".to_owned()), ..Filter::default() };
    let mut records: Vec<Record> = Vec::new();
    while records.len() < MOST {
        match gateway.store.records(&filter, records.last().map(|r| r.seq), PAGE).await {
            Ok(page) if page.is_empty() => break,
            Ok(page) => records.extend(page),
            Err(e) => {
                tracing::warn!(error = %e, "behaviour: the newest records could not be read; figures begin anew");
                break;
            }
        }
    }
    for record in records.iter().rev() {
        recall(&gateway.conduct, record, now_us);
    }
    records.len()
}

fn recall(conduct: &Conduct, record: &Record, now_us: i64) {
    let (Some(tenant), Some(app)) = (&record.tenant, &record.app) else { return };
    let Ok(at) = record.at.parse::<jiff::Timestamp>() else { return };
    // Written while the clock was ahead: no window may begin at a time that is still to come.
    if at.as_microsecond() > now_us {
        return;
    }
    let input = &record.verdict["input"];
    let Ok(action) = serde_json::from_value::<Action>(input["action"].clone()) else { return };
    let classes = input["attack"]["classes"].as_array().into_iter().flatten();
    let bits = classes.filter(|c| c["score"].as_f64().is_some_and(|s| s >= super::guard::SURE));
    let attacks =
        bits.filter_map(|c| c["id"].as_str()?.parse::<Attack>().ok()).fold(0, |all, a| all | super::guard::bit(a));
    let asked = Asked { risky: !action.forwards() && action != Action::Answer, attacks, ..Asked::default() };
    let tokens = record.timings.get("tokens").and_then(Value::as_u64).unwrap_or(0);
    let user = record.user.as_deref().map(|u| (SubjectKind::User, u));
    let key = record.key_id.as_deref().filter(|k| super::guard::is_key(k)).map(|k| (SubjectKind::Key, k));
    // What a key asked on behalf of a user is the user's.
    let key = key.filter(|_| user.is_none());
    for (kind, subject) in user.into_iter().chain(key) {
        let who = Who { tenant, app, kind, subject, vouched: false };
        let at_us = at.as_microsecond();
        conduct.recall(&who, &What::Asked(asked), at_us);
        if tokens > 0 {
            conduct.recall(&who, &What::Spent { tokens }, at_us);
        }
    }
}
