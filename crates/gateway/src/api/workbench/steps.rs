//! The steps of a change's way into force.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_store::{FullChange, Step};
use serde::Deserialize;
use serde_json::{Value, json};

use super::changes::{open, shown};
use super::{App, PATH, answer};
use crate::api::admin::{by, now_us};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;
use crate::workbench::{answers, broken, conflicting, conflicts, runs, stored};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepRequest {
    step: String,
    version: i64,
    #[serde(default)]
    note: Option<String>,
    /// For `schedule`.
    #[serde(default)]
    at: Option<String>,
    /// For `approve`: although cases are not as expected. Then the note says why.
    #[serde(default)]
    accept_failures: bool,
}

const STEPS: &str = "submit, approve, reject, reopen, withdraw, schedule, unschedule or publish";

pub(crate) async fn step(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let full = open(&gateway, &id).await?;
        let asked: StepRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let (who, now) = (by(&caller), now_us());
        if asked.version != full.change.version {
            return Err(invalid("version", "the change was edited meanwhile; load it again, and look at it again"));
        }
        let step = match asked.step.as_str() {
            "submit" => Step::Submit { cases: held(&gateway, &full).await?.0 },
            "approve" => approval(&gateway, &caller, &full, &asked, now).await?,
            "reject" => Step::Reject,
            "reopen" => Step::Reopen,
            "withdraw" => Step::Withdraw,
            "unschedule" => Step::Unschedule,
            "schedule" => {
                let at = asked.at.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
                let at = at.ok_or_else(|| invalid("at", "'at' must be a time such as 2026-11-22T08:00:00Z"))?;
                Step::Schedule { at_us: at.as_microsecond() }
            }
            "publish" => {
                let revision = gateway.publish(&id, asked.version, who, now).await?;
                let mut told = shown(&open(&gateway, &id).await?.change);
                told["revision"] = json!(revision);
                return Ok(told);
            }
            _ => return Err(invalid("step", format!("'step' must be {STEPS}"))),
        };
        stored(gateway.store.step_policy(&id, asked.version, step, asked.note.as_deref(), who, now).await)?;
        Ok(shown(&open(&gateway, &id).await?.change))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// The run of all cases of a change that compiles and fits what is in force.
async fn held(
    gateway: &std::sync::Arc<Gateway>,
    full: &FullChange,
) -> Result<(Value, Vec<answers::Touched>), GatewayError> {
    let (trial, live) = gateway.trial(full).await?;
    if let Some(note) = trial.notes.iter().find(|n| n.error) {
        return Err(broken(trial.errors, note));
    }
    if let Some(conflict) = conflicts(&full.files, &live).first() {
        return Err(conflicting(conflict));
    }
    let touched = answers::touched(&live, &trial);
    let report = runs::cases(gateway, live, Some(trial), Some(full.change.version)).await?;
    Ok((report, touched))
}

/// Approval: by somebody who wrote nothing in it, with every case as expected, or with a reason why not.
async fn approval(
    gateway: &std::sync::Arc<Gateway>,
    caller: &Caller,
    full: &FullChange,
    asked: &StepRequest,
    now: i64,
) -> Result<Step, GatewayError> {
    // The store says so too, in the transaction; here it is said before anything is compiled.
    let refused = |why: &'static str| Err(GatewayError::new(Failure::Forbidden, why));
    let Some(person) = &caller.person else {
        return refused("an API key approves nothing; sign in with an account of your own");
    };
    if full.authors.iter().any(|a| a == by(caller)) {
        return refused("you wrote in this change; somebody else must approve it");
    }
    let (cases, touched) = held(gateway, full).await?;
    let reason = asked.note.as_deref().is_some_and(|n| !n.trim().is_empty());
    if !(runs::all_fit(&cases) || asked.accept_failures && reason) {
        let failed = cases["failed"].as_u64().unwrap_or(0);
        let message = format!(
            "{failed} of {} cases are not as expected, or were not reached in time; correct the change or the cases, or \
             approve with 'accept_failures' and a note that says why",
            cases["cases"]
        );
        return Err(invalid("accept_failures", message));
    }
    let day = answers::today(now).ok_or_else(|| GatewayError::new(Failure::Internal, "the clock cannot be read"))?;
    let stamped = answers::stamped(&full.files, &touched, &person.display, day);
    Ok(Step::Approve { cases, stamped })
}
