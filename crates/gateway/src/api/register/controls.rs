//! Controls: what the program sees by itself, and what people tick with evidence.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_policy::governance::{Control, Profile, Words};
use menshen_store::{EthicsReview, Registered, Standing, Tick};
use serde::{Deserialize, Serialize};

use super::{PATH, known, profile, shown, written};
use crate::api::admin::{by, now_us, stored};
use crate::api::{App, answer};
use crate::auth::Caller;
use crate::config::{Explicit, OnFailure};
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;
use crate::witness::Testimony;

const DAY_US: i64 = 86_400_000_000;
/// Six months, as a whole number of days that is never too small.
const SIX_MONTHS: u32 = 183;

/// How a control stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Holds {
    /// It is met.
    Met,
    /// It is not.
    Unmet,
    /// It was, but too long ago.
    Expired,
    /// Nobody has looked, or said, yet.
    Unknown,
}

/// A control with how it stands.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Evaluated {
    pub(super) id: String,
    pub(super) title: Words,
    about: Words,
    source: String,
    /// The check of the program's; nothing where people tick it.
    check: Option<String>,
    pub(super) state: Holds,
    /// What the program found.
    pub(super) says: Option<Words>,
    /// What a person said.
    pub(super) evidence: Option<String>,
    pub(super) hash: Option<String>,
    pub(super) by: Option<String>,
    pub(super) at: Option<String>,
    pub(super) until: Option<String>,
    /// The console's page about it.
    page: Option<String>,
}

/// What a check of the program's found.
struct Found {
    met: Option<bool>,
    at_us: Option<i64>,
    says: Words,
    page: Option<String>,
}

fn words(zh: impl Into<String>, en: impl Into<String>) -> Words {
    Words { zh: zh.into(), en: en.into() }
}

fn found(met: bool, zh: impl Into<String>, en: impl Into<String>) -> Found {
    Found { met: Some(met), at_us: None, says: words(zh, en), page: None }
}

fn either(met: bool, yes: (&str, &str), no: (&str, &str)) -> Found {
    let (zh, en) = if met { yes } else { no };
    found(met, zh, en)
}

/// What the program sees of a check, now.
fn look(
    gateway: &Gateway,
    check: &str,
    entry: &Registered,
    reviews: &[EthicsReview],
    testimony: &[Testimony],
    now: i64,
) -> Found {
    let config = &gateway.config;
    let named = entry.app.as_deref().and_then(|app| config.apps.get(app));
    let app = named.or_else(|| config.apps.get("default"));
    match check {
        "owner.named" => either(
            !entry.owner.trim().is_empty(),
            ("登记了责任人", "somebody is named"),
            ("没有登记责任人", "nobody is named"),
        ),
        "guard.enforcing" => match (config.guard.enabled, config.guard.monitor || app.is_some_and(|a| a.monitor)) {
            (false, _) => found(false, "护栏已关闭（guard.enabled）", "the guard is off (guard.enabled)"),
            (true, true) => found(false, "护栏只监测不处置（monitor）", "the guard only watches (monitor)"),
            (true, false) => found(true, "护栏开启并处置", "the guard is on and acts"),
        },
        "guard.judge" => either(
            gateway.guard.snapshot().judge.is_some(),
            ("分类模型已加载", "the classifier is loaded"),
            ("没有加载分类模型（guard.judge）", "no classifier is loaded (guard.judge)"),
        ),
        "guard.closed" => either(
            matches!(config.guard.on_unavailable, OnFailure::Closed),
            ("检测不可用时不放行", "nothing passes when a detector is unavailable"),
            ("检测不可用时仍放行（guard.on_unavailable）", "requests pass unchecked (guard.on_unavailable)"),
        ),
        "labels.on" => {
            let explicit = app.and_then(|a| a.label.explicit).or(config.label.explicit);
            match (gateway.labels.is_some(), explicit) {
                (false, _) => {
                    found(false, "没有设置标识的提供者（label.producer）", "no producer is set (label.producer)")
                }
                (true, Some(Explicit::None)) => {
                    let en = "metadata labels are on; the explicit one is left to the application (label.explicit)";
                    found(false, "隐式标识已开启，显式标识交由应用自己显示（label.explicit）", en)
                }
                (true, _) => found(true, "显式与隐式标识均已开启", "explicit and implicit labels are on"),
            }
        }
        "audit.whole" => match gateway.store.last_verified() {
            None => Found {
                met: None,
                at_us: None,
                says: words("启动以来没有通读核验过", "it was not read through since the start"),
                page: None,
            },
            Some((seq, whole, at)) => {
                let (zh, en) = if whole { ("完整", "whole") } else { ("有问题", "NOT whole") };
                let says = words(format!("核验到第 {seq} 条：{zh}"), format!("read through to record {seq}: {en}"));
                Found { met: Some(whole), at_us: Some(at), says, page: None }
            }
        },
        "audit.retention" => {
            let days = config.audit.retention_days;
            found(days >= SIX_MONTHS, format!("保存 {days} 天"), format!("kept for {days} days"))
        }
        "keys.required" => either(
            !gateway.door.open(),
            ("调用须凭密钥", "callers need a key"),
            ("不用密钥也能调用（auth.mode）", "callers need no key (auth.mode)"),
        ),
        "users.limited" => {
            let (row, day) = (config.limits.strikes_in_a_row, config.limits.strikes_per_day);
            let met = (1..=3).contains(&row) && (1..=5).contains(&day);
            let zh = format!("连续 {row} 次或一日 {day} 次即暂停（0 为不限）");
            found(met, zh, format!("suspended after {row} in a row or {day} a day (0: never)"))
        }
        "review.approved" => approved(entry, reviews, now),
        other => match testimony.iter().find(|t| t.check == other) {
            Some(t) => Found { met: t.met, at_us: t.at_us, says: t.says.clone(), page: t.page.clone() },
            None => Found {
                met: None,
                at_us: None,
                says: words("没有部件能够说明这一项", "nothing in this program can show it"),
                page: None,
            },
        },
    }
}

fn approved(entry: &Registered, reviews: &[EthicsReview], now: i64) -> Found {
    let path = entry.grading.get("path").and_then(serde_json::Value::as_str).unwrap_or_default();
    let Some(last) = reviews.iter().find(|r| r.withdrawn_us.is_none()) else {
        return found(false, "还没有审查过", "it was not reviewed yet");
    };
    let page = Some(format!("/ethics/{}", last.id));
    let of = |met, zh: &str, en: &str| Found { page: page.clone(), ..found(met, zh, en) };
    match last.standing(now).0 {
        Standing::Approved | Standing::Conditional => {}
        Standing::Open => return of(false, "审查正在进行", "the review is under way"),
        Standing::Rejected => return of(false, "最近一次审查未通过", "the latest review rejected it"),
        Standing::Inquorate => return of(false, "最近一次审查未达到法定人数", "the latest review had no quorum"),
        Standing::Withdrawn => return of(false, "还没有审查过", "it was not reviewed yet"),
    }
    if last.profile != entry.profile || last.level != entry.level {
        return of(false, "审查之后分类有变化，须重新审查", "the classification changed since; review it again");
    }
    if last.path != path {
        return of(false, "审查走的不是本级别的路径", "it was reviewed on another path than this level asks for");
    }
    match last.holds_until(now) {
        Some(end) if end > now => of(true, "审查通过", "the review approved it"),
        _ => of(false, "审查已过有效期", "the approval has run out"),
    }
}

fn evaluate(control: &Control, found: Option<Found>, tick: Option<&Tick>, now: i64) -> Evaluated {
    let valid_us = control.valid_days.map(|days| i64::from(days) * DAY_US);
    let mut out = Evaluated {
        id: control.id.clone(),
        title: control.title.clone(),
        about: control.about.clone(),
        source: control.source.clone(),
        check: control.check.clone(),
        state: Holds::Unknown,
        says: None,
        evidence: None,
        hash: None,
        by: None,
        at: None,
        until: None,
        page: None,
    };
    if let Some(found) = found {
        // What was found at a moment grows old; what holds now does not.
        let end = found.at_us.and_then(|at| valid_us.map(|v| at.saturating_add(v)));
        out.state = match found.met {
            None => Holds::Unknown,
            Some(false) => Holds::Unmet,
            Some(true) if end.is_some_and(|end| end <= now) => Holds::Expired,
            Some(true) => Holds::Met,
        };
        (out.says, out.page) = (Some(found.says), found.page);
        (out.at, out.until) = (found.at_us.map(written), end.map(written));
    } else if let Some(tick) = tick {
        let ends = [tick.expires_us, valid_us.map(|v| tick.at_us.saturating_add(v))];
        let end = ends.into_iter().flatten().min();
        out.state = match tick.met {
            false => Holds::Unmet,
            true if end.is_some_and(|end| end <= now) => Holds::Expired,
            true => Holds::Met,
        };
        (out.evidence, out.hash, out.by) = (Some(tick.evidence.clone()), tick.hash.clone(), Some(tick.by.clone()));
        (out.at, out.until) = (Some(written(tick.at_us)), end.map(written));
    }
    out
}

/// The controls that an application needs, each with how it stands.
pub(super) fn evaluated(
    gateway: &Gateway,
    entry: &Registered,
    profile: &Profile,
    reviews: &[EthicsReview],
    ticks: &[Tick],
    testimony: &[Testimony],
    now: i64,
) -> Vec<Evaluated> {
    let governed = gateway.governed();
    let one = |control: &Control| {
        let found = control.check.as_deref().map(|check| look(gateway, check, entry, reviews, testimony, now));
        // The last thing that was said counts.
        let tick = ticks.iter().rev().find(|t| t.control == control.id);
        evaluate(control, found, tick, now)
    };
    governed.data.controls_of(profile, &entry.level).map(one).collect()
}

pub(super) async fn of(
    gateway: &Gateway,
    entry: &Registered,
    profile: &Profile,
    reviews: &[EthicsReview],
    now: i64,
) -> Result<Vec<Evaluated>, GatewayError> {
    let ticks = stored(gateway.store.ticks(&entry.id).await)?;
    let testimony = gateway.testimony().await;
    Ok(evaluated(gateway, entry, profile, reviews, &ticks, &testimony, now))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TickRequest {
    control: String,
    met: bool,
    evidence: String,
    #[serde(default)]
    hash: Option<String>,
    #[serde(default)]
    expires: Option<String>,
}

/// Ticks a control. What the program looks at by itself can be ticked by nobody.
pub(crate) async fn tick(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: TickRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let entry = known(&gateway, &caller, &id).await?;
        let governed = gateway.governed();
        let profile = profile(&entry);
        let control = governed.data.controls_of(&profile, &entry.level).find(|c| c.id == asked.control);
        let control = control.ok_or_else(|| {
            GatewayError::new(Failure::NotFound, "this application needs no control of this id").param("control")
        })?;
        if control.check.is_some() {
            return Err(invalid("control", "the program looks at this one by itself; nobody can tick it"));
        }
        let expires_us = match asked.expires.filter(|e| !e.is_empty()) {
            None => None,
            Some(text) => {
                let date: jiff::civil::Date =
                    text.parse().map_err(|_| invalid("expires", "'expires' must be a date: YYYY-MM-DD"))?;
                let at = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|e| invalid("expires", e.to_string()))?;
                Some(at.timestamp().as_microsecond())
            }
        };
        let tick = Tick {
            entry: entry.id.clone(),
            control: control.id.clone(),
            met: asked.met,
            evidence: asked.evidence.trim().to_owned(),
            hash: asked.hash.filter(|h| !h.is_empty()).map(|h| h.to_ascii_lowercase()),
            by: by(&caller).to_owned(),
            at_us: now_us(),
            expires_us,
        };
        shown(stored(gateway.store.tick(tick, &entry.tenant).await)?)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

impl Evaluated {
    /// For a table: what, how it stands, what shows it, where it comes from.
    pub(super) fn row(&self, lang: menshen_policy::Lang) -> Vec<String> {
        let zh = lang == menshen_policy::Lang::Zh;
        let state = match (self.state, zh) {
            (Holds::Met, true) => "满足",
            (Holds::Met, false) => "met",
            (Holds::Unmet, true) => "不满足",
            (Holds::Unmet, false) => "not met",
            (Holds::Expired, true) => "已过期",
            (Holds::Expired, false) => "expired",
            (Holds::Unknown, true) => "未确认",
            (Holds::Unknown, false) => "unknown",
        };
        let said = self.says.as_ref().map(|s| s.get(lang)).or(self.evidence.as_deref()).unwrap_or_default();
        let more = [self.hash.as_deref(), self.by.as_deref(), self.at.as_deref()];
        let shown: Vec<&str> =
            std::iter::once(said).chain(more.into_iter().flatten()).filter(|t| !t.is_empty()).collect();
        vec![self.title.get(lang).to_owned(), state.to_owned(), shown.join(" · "), self.source.clone()]
    }
}
