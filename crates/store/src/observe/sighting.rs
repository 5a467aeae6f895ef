//! What one request counts for.

use menshen_verdict::{Action, Attack, Outcome, Risk};
use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::entry::{Entry, EntryKind};

/// A risk or an attack counts from this score on: what a judge thinks less likely than not is in the record, not in the
/// counts.
const LEAST: f64 = 0.5;

/// What of a request is listed and counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sighting {
    pub(crate) at_us: i64,
    pub(crate) request_id: String,
    pub(crate) tenant: Option<String>,
    pub(crate) app: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) api: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) action: Option<Action>,
    pub(crate) rule: Option<String>,
    pub(crate) status: Option<i64>,
    /// Highest score first.
    pub(crate) risks: Vec<Risk>,
    pub(crate) attacks: Vec<Attack>,
    pub(crate) total_us: Option<i64>,
    pub(crate) input_us: Option<i64>,
    pub(crate) output_us: Option<i64>,
    pub(crate) tokens: i64,
    /// Whether a model was reached.
    pub(crate) attempted: bool,
}

impl Sighting {
    /// What an entry counts for; nothing where it is no request.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        if entry.kind != EntryKind::Request {
            return None;
        }
        let mut sighting = Sighting {
            at_us: entry.at_us,
            request_id: entry.request_id.to_string(),
            tenant: entry.tenant.clone(),
            app: entry.app.clone(),
            user: entry.user.clone(),
            api: entry.api.clone(),
            model: entry.model.clone(),
            outcome: entry.outcome,
            action: entry.action,
            rule: entry.rule.clone(),
            status: entry.status.map(i64::from),
            attempted: !entry.attempts.is_null(),
            ..Sighting::default()
        };
        sighting.read_verdict(&entry.verdict);
        sighting.read_timings(&entry.timings);
        Some(sighting)
    }

    /// The columns of [`Sighting::from_sql`].
    pub(crate) const SELECT: &'static str = "SELECT seq, at_us, request_id, tenant, app, user, api, model, outcome, \
        action, rule, status, verdict, timings, attempts IS NOT NULL FROM audit \
        WHERE seq >= ?1 AND seq <= ?2 AND kind = 'request' ORDER BY seq DESC LIMIT ?3";

    /// The same from a row of the audit. What cannot be read in it counts for nothing.
    pub(crate) fn from_sql(row: &SqliteRow) -> Result<(u64, Self), sqlx::Error> {
        let seq: i64 = row.try_get(0)?;
        let outcome: Option<&str> = row.try_get(8)?;
        let action: Option<&str> = row.try_get(9)?;
        let mut sighting = Sighting {
            at_us: row.try_get(1)?,
            request_id: row.try_get(2)?,
            tenant: row.try_get(3)?,
            app: row.try_get(4)?,
            user: row.try_get(5)?,
            api: row.try_get(6)?,
            model: row.try_get(7)?,
            outcome: outcome.and_then(|id| {
                [Outcome::Allowed, Outcome::Intervened, Outcome::Unavailable, Outcome::Invalid]
                    .into_iter()
                    .find(|o| o.id() == id)
            }),
            action: action.and_then(|id| Action::ALL.iter().copied().find(|a| a.id() == id)),
            rule: row.try_get(10)?,
            status: row.try_get(11)?,
            attempted: row.try_get(14)?,
            ..Sighting::default()
        };
        let json = |text: Option<&str>| text.and_then(|t| serde_json::from_str::<Value>(t).ok()).unwrap_or_default();
        sighting.read_verdict(&json(row.try_get(12)?));
        sighting.read_timings(&json(row.try_get(13)?));
        Ok((u64::try_from(seq).unwrap_or(u64::MAX), sighting))
    }

    /// A verdict holds one summary a side: `{"input": {"risk": {"topics": [{"id", "score"}]}, "attack": {"classes": […]}}}`.
    fn read_verdict(&mut self, verdict: &Value) {
        let mut risks: Vec<(Risk, f64)> = Vec::new();
        let mut attacks: Vec<(Attack, f64)> = Vec::new();
        for side in verdict.as_object().into_iter().flat_map(|sides| sides.values()) {
            note(&mut risks, side.pointer("/risk/topics"));
            note(&mut attacks, side.pointer("/attack/classes"));
        }
        self.risks = ranked(risks);
        self.attacks = ranked(attacks);
    }

    fn read_timings(&mut self, timings: &Value) {
        let number =
            |name: &str| timings.get(name).and_then(Value::as_u64).map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        self.total_us = number("total_us");
        self.input_us = number("input_us");
        self.output_us = number("output_us");
        // A total that overflows would stop the counting for good: no request uses so many.
        self.tokens = number("tokens").unwrap_or(0).min(1 << 40);
    }

    /// A request that was stopped before a model was asked. Checks never ask one: they have no time in total.
    pub(crate) fn declined(&self) -> bool {
        self.total_us.is_some()
            && !self.attempted
            && self.outcome == Some(Outcome::Intervened)
            && self.action.is_some_and(|a| !a.forwards() && a != Action::Answer)
    }
}

fn note<T: std::str::FromStr + PartialEq>(into: &mut Vec<(T, f64)>, list: Option<&Value>) {
    for scored in list.and_then(Value::as_array).into_iter().flatten() {
        let id = scored.get("id").and_then(Value::as_str).and_then(|id| id.parse::<T>().ok());
        let score = scored.get("score").and_then(Value::as_f64).unwrap_or(0.0);
        let Some(id) = id.filter(|_| score >= LEAST) else { continue };
        match into.iter_mut().find(|(known, _)| *known == id) {
            Some(known) => known.1 = known.1.max(score),
            None => into.push((id, score)),
        }
    }
}

fn ranked<T: Ord + Copy>(mut scored: Vec<(T, f64)>) -> Vec<T> {
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored.into_iter().map(|(id, _)| id).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn both_sides_count_once_and_what_is_unlikely_does_not() {
        let mut entry = Entry::request(Uuid::now_v7(), 1);
        entry.verdict = json!({
            "input": {"risk": {"topics": [{"id": "A1d", "score": 0.6}, {"id": "A2a", "score": 0.2}, {"id": "zz", "score": 1}]},
                      "attack": {"classes": [{"id": "S1", "score": 0.9}]}},
            "output": {"risk": {"topics": [{"id": "A1a", "score": 0.7}, {"id": "A1d", "score": 0.9}]}},
            "label": {"code": 1}, "unchecked": ["x"],
        });
        let sighting = Sighting::of(&entry).unwrap();
        assert_eq!(sighting.risks, [Risk::A1d, Risk::A1a]);
        assert_eq!(sighting.attacks, [Attack::S1]);
    }

    #[test]
    fn odd_json_counts_for_nothing_and_events_are_no_requests() {
        let mut entry = Entry::request(Uuid::now_v7(), 1);
        for odd in
            [json!(null), json!([]), json!("x"), json!({"input": null}), json!({"input": {"risk": {"topics": 7}}})]
        {
            entry.verdict = odd.clone();
            entry.timings = odd;
            let sighting = Sighting::of(&entry).unwrap();
            assert_eq!((sighting.risks.len(), sighting.total_us, sighting.tokens), (0, None, 0));
        }
        assert_eq!(Sighting::of(&Entry::event(EntryKind::Admin, "key.create", 1, json!({}))), None);
    }
}
