//! Material to be filed: which duties an application has, and how each piece stands.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use jiff::civil::{Date, Weekday};
use menshen_policy::governance::{Duty, Profile};
use menshen_store::{FilingItem, Registered};
use serde_json::{Value, json};

use super::{PATH, known, profile, shown};
use crate::api::admin::{by, now_us, stored};
use crate::api::{App, answer};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;

/// States that need nothing more.
const DONE: &[&str] = &["accepted", "not_needed"];

/// So many working days after a day: Mondays to Fridays. Public holidays are not known here.
pub(super) fn working_days_after(from: Date, days: u32) -> Option<Date> {
    let mut at = from;
    let mut left = days.min(1000);
    while left > 0 {
        at = at.tomorrow().ok()?;
        if !matches!(at.weekday(), Weekday::Saturday | Weekday::Sunday) {
            left -= 1;
        }
    }
    Some(at)
}

/// The last day on which a duty is fulfilled in time, where the launch is known.
fn last_day(duty: &Duty, entry: &Registered) -> Option<String> {
    let launch: Date = entry.launch.as_deref()?.parse().ok()?;
    let day = match duty.working_days {
        Some(days) => working_days_after(launch, days)?,
        // It has to be there before.
        None => launch,
    };
    Some(day.to_string())
}

/// The duties with their pieces.
pub(super) async fn of(gateway: &Gateway, entry: &Registered, profile: &Profile) -> Result<Value, GatewayError> {
    let governed = gateway.governed();
    let kept = stored(gateway.store.filing(&entry.id).await)?;
    let first = governed.data.filing_states.first().map_or("missing", |s| s.id.as_str());
    let duties = governed.data.duties_of(profile).map(|duty| {
        let last = last_day(duty, entry);
        let items: Vec<Value> = duty
            .item
            .iter()
            .map(|material| {
                let found = kept.iter().find(|k| k.duty == duty.id && k.item == material.id);
                let due = found.and_then(|f| f.due.clone()).or_else(|| last.clone());
                json!({
                    "id": material.id, "title": material.title, "about": material.about,
                    "state": found.map_or(first, |f| f.state.as_str()),
                    "responsible": found.map_or("", |f| f.responsible.as_str()),
                    "due": due, "note": found.map_or("", |f| f.note.as_str()),
                    "file_name": found.and_then(|f| f.file_name.as_ref()),
                    "file_hash": found.and_then(|f| f.file_hash.as_ref()),
                    "by": found.map(|f| &f.by), "at": found.map(|f| super::written(f.at_us)),
                })
            })
            .collect();
        json!({
            "id": duty.id, "title": duty.title, "about": duty.about, "source": duty.source, "last_day": last,
            "items": items,
        })
    });
    Ok(Value::from(duties.collect::<Vec<_>>()))
}

/// How much is done, and what is due next.
pub(super) async fn summary(gateway: &Gateway, entry: &Registered, profile: &Profile) -> Result<Value, GatewayError> {
    let duties = of(gateway, entry, profile).await?;
    let (mut all, mut done, mut next) = (0, 0, None::<String>);
    for item in duties.as_array().into_iter().flatten().filter_map(|d| d["items"].as_array()).flatten() {
        all += 1;
        if DONE.contains(&item["state"].as_str().unwrap_or_default()) {
            done += 1;
        } else if let Some(due) = item["due"].as_str()
            && next.as_deref().is_none_or(|n| due < n)
        {
            next = Some(due.to_owned());
        }
    }
    Ok(json!({ "done": done, "all": all, "next_due": next }))
}

pub(crate) async fn put(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: FilingItem = read_as(&headers, body, &gateway.config.limits).await?;
        let entry = known(&gateway, &caller, &id).await?;
        let governed = gateway.governed();
        let profile = profile(&entry);
        let duty = governed.data.duties_of(&profile).find(|d| d.id == asked.duty);
        if !duty.is_some_and(|d| d.item.iter().any(|i| i.id == asked.item)) {
            let message = "this application has no such piece to file; see its 'filing'";
            return Err(GatewayError::new(Failure::NotFound, message).param("item"));
        }
        if !governed.data.filing_states.iter().any(|s| s.id == asked.state) {
            let known: Vec<&str> = governed.data.filing_states.iter().map(|s| s.id.as_str()).collect();
            return Err(invalid("state", format!("'state' must be one of {}", known.join(", "))));
        }
        let filled = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        let item = FilingItem {
            entry: entry.id.clone(),
            responsible: asked.responsible.trim().to_owned(),
            note: asked.note.trim().to_owned(),
            due: filled(asked.due),
            file_name: filled(asked.file_name),
            file_hash: filled(asked.file_hash).map(|h| h.to_ascii_lowercase()),
            by: by(&caller).to_owned(),
            at_us: now_us(),
            ..asked
        };
        shown(stored(gateway.store.file(item, &entry.tenant).await)?)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_days_leave_out_weekends() {
        let from = |text: &str, days| working_days_after(text.parse().unwrap(), days).unwrap().to_string();
        assert_eq!(from("2026-10-01", 10), "2026-10-15"); // a Thursday
        assert_eq!(from("2026-10-03", 1), "2026-10-05"); // a Saturday
        assert_eq!(from("2026-10-02", 0), "2026-10-02");
        assert!(working_days_after(Date::MAX, 3).is_none());
    }
}
