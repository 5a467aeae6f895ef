//! The monthly report over REST. Whoever is bound to a tenant gets that tenant's figures, without what concerns the whole
//! house: the red team and the audit chain.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use jiff::civil::Date;
use menshen_assess::report::{self, ChainMonth, Format, Look, Monthly, OtherCount, RedTeamMonth};
use menshen_store::{Bucket, Campaigns, KindFigures, OverviewFilter, Person, Store};
use serde::Deserialize;

use crate::{Answer, Problem, Route, said};

/// What reports are made of.
pub struct Reports {
    store: Store,
    campaigns: Campaigns,
}

impl std::fmt::Debug for Reports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reports")
    }
}

/// Every path.
pub const ROUTES: &[Route<Reports>] = &[
    route!(GET "/admin/reports/monthly", "The figures of a month; month=YYYY-MM, lang=zh|en, format=html|pdf|docx|json, tenant=…", false, monthly),
];

/// The month of a text `YYYY-MM`, and the first days of it, of the next and of the one before.
fn months(text: &str) -> Option<(Date, Date, Date)> {
    let first: Date = format!("{text}-01").parse().ok().filter(|_| text.len() == 7)?;
    let month = jiff::Span::new().try_months(1).ok()?;
    Some((first, first.checked_add(month).ok()?, first.checked_sub(month).ok()?))
}

/// When a day begins, in a zone so many minutes east of UTC; in microseconds since 1970.
fn begin(day: Date, offset_min: i32) -> Option<i64> {
    let at = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond();
    at.checked_sub(i64::from(offset_min) * 60_000_000).filter(|at| *at >= 0)
}

impl Reports {
    /// Reports over this store; findings from these campaigns.
    pub fn new(store: Store, campaigns: Campaigns) -> Arc<Self> {
        Arc::new(Reports { store, campaigns })
    }

    /// Its routes.
    pub fn router(self: &Arc<Self>) -> Router {
        let router = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
        router.with_state(Arc::clone(self))
    }

    /// The figures of a month: exactly those of the overview's queries. `bound` is for a reader of one tenant.
    ///
    /// # Errors
    /// When the month is none, or the store fails.
    pub async fn month(
        &self,
        month: &str,
        tenant: Option<&str>,
        bound: bool,
        now: jiff::Timestamp,
    ) -> Result<Monthly, menshen_store::Error> {
        let wrong =
            || menshen_store::Error::Invalid { what: "month", problem: "write YYYY-MM, from 1970-02 on".to_owned() };
        let (first, next, before) = months(month).ok_or_else(wrong)?;
        let offset = self.store.options().day_offset_min;
        let at = |day| begin(day, offset).ok_or_else(wrong);
        let (from_us, to_us, before_us) = (at(first)?, at(next)?, at(before)?);
        let filter = |from_us, to_us| OverviewFilter {
            from_us,
            to_us,
            bucket: Bucket::Day,
            tenant: tenant.map(str::to_owned),
            app: None,
        };
        let whole = !bound && tenant.is_none();
        Ok(Monthly {
            month: month.to_owned(),
            before_month: before.strftime("%Y-%m").to_string(),
            tenant: tenant.map(str::to_owned),
            made: format!("{now:.0}"),
            unfinished: now.as_microsecond() < to_us,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: self.store.overview(&filter(from_us, to_us)).await?,
            before: self.store.overview(&filter(before_us, from_us)).await?,
            redteam: if whole { Some(self.redteam([(from_us, to_us), (before_us, from_us)]).await?) } else { None },
            chain: if whole { Some(self.chain(to_us).await?) } else { None },
            others: self.others(tenant, [(from_us, to_us), (before_us, from_us)], now.as_microsecond()).await?,
        })
    }

    /// What came in from people outside and how it went, and incidents.
    async fn others(
        &self,
        tenant: Option<&str>,
        months: [(i64, i64); 2],
        now_us: i64,
    ) -> Result<Vec<OtherCount>, menshen_store::Error> {
        const IDS: [&str; 7] = ["received", "answered", "in_time", "granted", "incidents", "closed", "drills"];
        let mut counts = IDS.map(|id| OtherCount { id, count: [0; 2] });
        for (place, (from_us, to_us)) in months.into_iter().enumerate() {
            let cases = self.store.case_statistics(tenant, from_us, to_us, now_us).await?.kinds;
            let sum = |of: fn(&KindFigures) -> i64| cases.iter().map(of).sum::<i64>();
            let month = self.store.incidents_between(tenant, from_us, to_us).await?;
            let figures = [
                sum(|k| k.received),
                sum(|k| k.answered),
                sum(|k| k.in_time),
                sum(|k| k.granted),
                month.opened,
                month.closed,
                month.drills,
            ];
            for (count, figure) in counts.iter_mut().zip(figures) {
                if let Some(slot) = count.count.get_mut(place) {
                    *slot = u64::try_from(figure).unwrap_or_default();
                }
            }
        }
        Ok(counts.to_vec())
    }

    async fn chain(&self, to_us: i64) -> Result<ChainMonth, menshen_store::Error> {
        let written =
            |us: i64| jiff::Timestamp::from_microsecond(us).map_or_else(|_| String::new(), |t| format!("{t:.0}"));
        let verified = self.store.last_verified().map(|(seq, whole, at)| (written(at), seq, whole));
        Ok(ChainMonth { end: self.store.chain_end(to_us).await?, verified })
    }

    async fn redteam(&self, months: [(i64, i64); 2]) -> Result<RedTeamMonth, menshen_store::Error> {
        let mut team = RedTeamMonth::default();
        let place = |at: i64| months.iter().position(|(from, to)| (*from..*to).contains(&at));
        for campaign in self.campaigns.campaigns().await? {
            if let Some(at) = place(campaign.created_us) {
                team.campaigns[at] += 1;
            }
        }
        for row in self.campaigns.submissions(None).await? {
            if let Some(at) = place(row.created_us) {
                team.submitted[at] += 1;
            }
            let Some(at) = place(row.updated_us) else { continue };
            match row.state.as_str() {
                "confirmed" => team.open[at] += 1,
                "regressed" => team.regressed[at] += 1,
                "fixed" => {
                    team.fixed[at] += 1;
                    if at == 0 {
                        team.list.push((row.id, row.range));
                    }
                }
                _ => {}
            }
        }
        Ok(team)
    }
}

/// Sets a report; fonts are looked for where the system has them.
///
/// # Errors
/// With a sentence for operators when it cannot be set.
pub fn set(monthly: &Monthly, format: Format, chinese: bool) -> Result<Vec<u8>, String> {
    let font = report::find_font().filter(|_| format == Format::Pdf).and_then(|file| std::fs::read(file).ok());
    report::monthly(monthly, format, &Look { chinese, font: font.as_deref() }).map_err(|e| e.to_string())
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    month: String,
    lang: String,
    format: String,
    tenant: String,
}

async fn monthly(
    State(reports): State<Arc<Reports>>,
    // Whoever let the request in says who it is of; without it nobody gets anything.
    Extension(person): Extension<Option<Arc<Person>>>,
    Query(asked): Query<Asked>,
) -> Answer {
    let wrong = |what: &str| Problem(StatusCode::BAD_REQUEST, what.to_owned());
    let bound = person.as_ref().and_then(|p| p.tenant.clone());
    let tenant = match (bound.clone(), Some(asked.tenant).filter(|t| !t.is_empty())) {
        (Some(own), Some(other)) if own != other => {
            return Err(Problem(StatusCode::FORBIDDEN, "this belongs to another tenant".to_owned()));
        }
        (Some(own), _) => Some(own),
        (None, asked) => asked,
    };
    let chinese = match asked.lang.as_str() {
        "" | "zh" => true,
        "en" => false,
        _ => return Err(wrong("'lang' must be zh or en")),
    };
    let format = match asked.format.as_str() {
        "" | "html" => Some((Format::Html, "text/html; charset=utf-8", "html")),
        "pdf" => Some((Format::Pdf, "application/pdf", "pdf")),
        "docx" => {
            let kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
            Some((Format::Docx, kind, "docx"))
        }
        "json" => None,
        _ => return Err(wrong("'format' must be html, pdf, docx or json")),
    };
    let now = jiff::Timestamp::now();
    let made = reports.month(&asked.month, tenant.as_deref(), bound.is_some(), now).await;
    let made = made.map_err(|e| match e {
        menshen_store::Error::Invalid { .. } => wrong(&e.to_string()),
        other => other.into(),
    })?;
    let Some((format, kind, ending)) = format else { return said(&made) };
    let name = format!("attachment; filename=\"menshen-{}.{ending}\"", made.month);
    let written = tokio::task::spawn_blocking(move || set(&made, format, chinese)).await;
    let failed = |why: String| {
        tracing::error!(why, "a report cannot be written");
        Problem(StatusCode::INTERNAL_SERVER_ERROR, "the report cannot be written; see the log".to_owned())
    };
    let bytes = written.map_err(|e| failed(e.to_string()))?.map_err(failed)?;
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox".to_owned(),
        ),
    ];
    Ok((headers, bytes).into_response())
}

#[cfg(test)]
mod tests;
