//! The monthly report: what the overview's queries say of a month and of the one before, side by side, with the query
//! under each figure. Nothing is computed here but sums that their note names.

use menshen_store::{ChainEnd, Overview};
use minijinja::{Value, context};
use serde::Serialize;

use super::document::{Align, Bar, Block, Cell, Chart, Column, Document, Style, Table, Tone};
use super::words::Words;
use super::{Error, Format, Look, clean, docx, html, pdf};

const WORDS: &str = include_str!("../../../../packs/governance/report.toml");
/// So many rows of a list are shown.
const MOST: usize = 20;

/// What the red team found and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RedTeamMonth {
    /// Campaigns that began, this month and before.
    pub campaigns: [u64; 2],
    /// Vulnerabilities that were handed in.
    pub submitted: [u64; 2],
    /// Confirmed and not fixed, changed last in the month.
    pub open: [u64; 2],
    /// Fixed, changed last in the month.
    pub fixed: [u64; 2],
    /// Back after a fix, changed last in the month.
    pub regressed: [u64; 2],
    /// What was fixed this month: number and target.
    pub list: Vec<(String, String)>,
}

/// A count that another part of the program keeps: incidents, complaints.
#[derive(Debug, Clone, Serialize)]
pub struct OtherCount {
    /// What is counted; its name is `more_` and this in `packs/governance/report.toml`.
    pub id: &'static str,
    /// This month and the one before.
    pub count: [u64; 2],
}

/// The state of the audit chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainMonth {
    /// The last request record of the month.
    pub end: Option<ChainEnd>,
    /// When the chain was last read through, to which record, and whether it was whole.
    pub verified: Option<(String, u64, bool)>,
}

/// Everything about a month.
#[derive(Debug, Clone, Serialize)]
pub struct Monthly {
    /// `YYYY-MM`.
    pub month: String,
    /// The month before.
    pub before_month: String,
    /// The one tenant that it is of; none for all.
    pub tenant: Option<String>,
    /// When it was made, RFC 3339 in UTC.
    pub made: String,
    /// Whether the month had not ended then.
    pub unfinished: bool,
    /// This program's version.
    pub version: String,
    /// The month.
    pub now: Overview,
    /// The one before.
    pub before: Overview,
    /// The red team; none where the reader may not see it.
    pub redteam: Option<RedTeamMonth>,
    /// The audit chain; none where the reader may not see it.
    pub chain: Option<ChainMonth>,
    /// What other parts count.
    pub others: Vec<OtherCount>,
}

/// What stopped a request.
const STOPPED: &[&str] = &["decline", "review", "block", "suspend"];
/// What answered it safely.
const ANSWERED: &[&str] = &["guide", "answer"];

fn of(map: &std::collections::BTreeMap<String, u64>, ids: &[&str]) -> u64 {
    ids.iter().filter_map(|id| map.get(*id)).sum()
}

impl Monthly {
    /// Requests that were stopped, in a month's overview.
    pub fn stopped(overview: &Overview) -> u64 {
        of(&overview.actions, STOPPED)
    }

    /// Requests that were answered safely instead of refused.
    pub fn answered(overview: &Overview) -> u64 {
        of(&overview.actions, ANSWERED)
    }
}

struct Builder<'a> {
    of: &'a Monthly,
    words: Words,
    blocks: Vec<Block>,
    section: u8,
}

/// The change from one figure to the other, as people read it.
fn change(now: u64, before: u64) -> String {
    match (now, before) {
        (now, before) if now == before => "=".to_owned(),
        (_, 0) => "+".to_owned(),
        (now, before) => {
            let share = (now as f64 - before as f64) / before as f64 * 100.0;
            format!("{share:+.1} %")
        }
    }
}

fn milliseconds(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.1}"))
}

impl Builder<'_> {
    fn say(&self, key: &str) -> Result<String, Error> {
        self.words.say(&format!("monthly.{key}"), self.values())
    }

    fn values(&self) -> Value {
        context! { from => self.of.now.from, to => self.of.now.to, month => self.of.month, before => self.of.before_month,
        made => self.of.made, version => self.of.version, count => self.of.now.uncounted }
    }

    fn heading(&mut self, key: &str) -> Result<(), Error> {
        self.section += 1;
        let (number, text) = (self.section.to_string(), self.say(key)?);
        self.blocks.push(Block::Heading { level: 1, id: format!("s{number}"), number, text });
        Ok(())
    }

    fn note(&mut self, key: &str) -> Result<(), Error> {
        let text = self.say(key)?;
        self.blocks.push(Block::Paragraph { text, style: Style::Note });
        Ok(())
    }

    /// A table of figures of both months.
    fn compared(&mut self, first: &str, rows: Vec<Vec<Cell>>) -> Result<(), Error> {
        let column = |title: String, weight, align| Column { title, weight, align };
        let columns = vec![
            column(self.say(first)?, 46, Align::Left),
            column(self.say("this")?, 18, Align::Right),
            column(self.say("last")?, 18, Align::Right),
            column(self.say("change")?, 18, Align::Right),
        ];
        self.blocks.push(Block::Table(Table { columns, rows, head: true, side: true, ..Table::default() }));
        Ok(())
    }

    fn counted(name: String, now: u64, before: u64) -> Vec<Cell> {
        vec![
            Cell::new(name),
            Cell::strong(clean::count(now)),
            Cell::new(clean::count(before)),
            Cell::new(change(now, before)),
        ]
    }

    fn glance(&mut self) -> Result<(), Error> {
        self.heading("glance")?;
        let (now, before) = (&self.of.now, &self.of.before);
        let action = |o: &Overview, id: &str| of(&o.actions, &[id]);
        let feedback = |o: &Overview, id: &str| of(&o.feedback, &[id]);
        let figures: [(&str, [u64; 2]); 11] = [
            ("requests", [now.requests, before.requests]),
            ("stopped", [Monthly::stopped(now), Monthly::stopped(before)]),
            ("answered", [Monthly::answered(now), Monthly::answered(before)]),
            ("redacted", [action(now, "redact"), action(before, "redact")]),
            ("passed", [action(now, "pass"), action(before, "pass")]),
            ("unavailable", [of(&now.outcomes, &["unavailable"]), of(&before.outcomes, &["unavailable"])]),
            ("false_positive", [feedback(now, "false_positive"), feedback(before, "false_positive")]),
            ("missed", [feedback(now, "missed"), feedback(before, "missed")]),
            ("right", [feedback(now, "right"), feedback(before, "right")]),
            ("tokens", [now.tokens, before.tokens]),
            ("saved", [now.saved.tokens_estimated, before.saved.tokens_estimated]),
        ];
        let mut rows = Vec::new();
        for (key, [now, before]) in figures {
            rows.push(Self::counted(self.say(key)?, now, before));
        }
        let (a, b) = (&now.latency, &before.latency);
        for (key, now, before) in [
            ("p50", a.total.map(|p| p.p50_ms), b.total.map(|p| p.p50_ms)),
            ("p95", a.total.map(|p| p.p95_ms), b.total.map(|p| p.p95_ms)),
            ("input_p95", a.input.map(|p| p.p95_ms), b.input.map(|p| p.p95_ms)),
            ("output_p95", a.output.map(|p| p.p95_ms), b.output.map(|p| p.p95_ms)),
        ] {
            let share = now.zip(before).filter(|(_, before)| *before > 0.0);
            let share = share.map_or_else(|| "–".to_owned(), |(n, b)| format!("{:+.1} %", (n - b) / b * 100.0));
            let cells = [self.say(key)?, milliseconds(now), milliseconds(before), share];
            rows.push(cells.into_iter().map(Cell::new).collect());
        }
        self.compared("figure", rows)?;
        self.note("glance_note")
    }

    fn chart(&mut self, title: &str, about: &str, bars: Vec<Bar>) -> Result<(), Error> {
        let (title, about) = (self.say(title)?, self.say(about)?);
        self.blocks.push(Block::Chart(Chart { series: title.clone(), title, about, bars, limit: None }));
        Ok(())
    }

    fn charts(&mut self) -> Result<(), Error> {
        let now = &self.of.now;
        if now.requests == 0 {
            let text = self.say("none")?;
            self.blocks.push(Block::Paragraph { text, style: Style::Strong });
            return Ok(());
        }
        let bar = |label: String, n: u64, all: u64, text: String, tone| {
            let share = if all == 0 { 0.0 } else { n as f64 / all as f64 };
            Bar { label, text, value: Some(share), low: share, high: share, tone }
        };
        self.heading("actions")?;
        let order = ["pass", "guide", "answer", "redact", "decline", "review", "block", "suspend"];
        let bars = order.iter().map(|id| {
            let n = of(&now.actions, &[id]);
            let tone = if STOPPED.contains(id) { Tone::Bad } else { Tone::Plain };
            bar(self.words.named("action", id), n, now.requests, clean::count(n), tone)
        });
        let bars = bars.collect();
        self.chart("actions", "actions_about", bars)?;
        self.note("actions_note")?;
        self.heading("days")?;
        // Days that have not begun are no days without requests.
        let bars = now.series.iter().filter(|point| point.at.as_str() <= self.of.made.as_str()).map(|point| {
            let all = point.outcomes.values().sum();
            let n = of(&point.outcomes, &["intervened"]);
            let day = self.day(&point.at);
            bar(day, n, all, format!("{n} / {all}"), Tone::Plain)
        });
        let bars = bars.collect();
        self.chart("days", "days_about", bars)?;
        self.note("days_note")
    }

    /// The day that begins at a moment, in the zone that days are counted in: a day's middle is in it wherever it begins.
    fn day(&self, at: &str) -> String {
        let read = at.parse::<jiff::Timestamp>().ok();
        let middle = read.and_then(|t| t.checked_add(jiff::SignedDuration::from_hours(12)).ok());
        middle.map_or_else(|| clean::line(at), |t| t.to_zoned(jiff::tz::TimeZone::UTC).date().to_string())
    }

    fn ranked(&mut self, part: [&str; 3], now: Vec<(String, u64)>, before: &[(String, u64)]) -> Result<(), Error> {
        if now.is_empty() {
            return Ok(());
        }
        self.heading(part[0])?;
        let was = |id: &str| before.iter().find(|(b, _)| b == id).map_or(0, |(_, n)| *n);
        let rows = now.iter().take(MOST).map(|(id, n)| Self::counted(clean::line(id), *n, was(id))).collect();
        self.compared(part[1], rows)?;
        self.note(part[2])
    }

    fn redteam(&mut self, team: &RedTeamMonth) -> Result<(), Error> {
        self.heading("redteam")?;
        let mut rows = Vec::new();
        for (key, [now, before]) in [
            ("campaigns", team.campaigns),
            ("submitted", team.submitted),
            ("open_findings", team.open),
            ("fixed", team.fixed),
            ("regressed", team.regressed),
        ] {
            rows.push(Self::counted(self.say(key)?, now, before));
        }
        self.compared("figure", rows)?;
        if !team.list.is_empty() {
            let column = |title: String| Column { title, weight: 50, align: Align::Left };
            let columns = vec![column(self.say("finding")?), column(self.say("where")?)];
            let row = |(id, at): &(String, String)| vec![Cell::new(clean::line(id)), Cell::new(clean::line(at))];
            let rows = team.list.iter().take(MOST).map(row).collect();
            let caption = self.say("fixed_list")?;
            self.blocks.push(Block::Table(Table { caption, columns, rows, head: true, ..Table::default() }));
        }
        self.note("redteam_note")
    }

    fn chain(&mut self, chain: &ChainMonth) -> Result<(), Error> {
        self.heading("audit")?;
        let none = self.say("audit_none")?;
        let end = chain.end.as_ref();
        let checked = match &chain.verified {
            None => self.say("audit_never")?,
            Some((at, seq, whole)) => {
                let key = if *whole { "monthly.audit_whole" } else { "monthly.audit_broken" };
                self.words.say(key, context! { at, seq })?
            }
        };
        let tone = match &chain.verified {
            Some((.., true)) => Tone::Good,
            Some((.., false)) => Tone::Bad,
            None => Tone::Open,
        };
        let rows = vec![
            vec![
                Cell::new(self.say("audit_at")?),
                Cell::new(end.map_or_else(|| none.clone(), |e| format!("{} ({})", e.seq, e.at))),
            ],
            vec![Cell::new(self.say("audit_hash")?), Cell::new(end.map_or(none, |e| e.hash.clone()))],
            vec![Cell::new(self.say("audit_checked")?), Cell::toned(checked, tone)],
        ];
        let column = |weight| Column { title: String::new(), weight, align: Align::Left };
        let columns = vec![column(30), column(70)];
        self.blocks.push(Block::Table(Table { columns, rows, side: true, ..Table::default() }));
        self.note("audit_note")
    }
}

fn document(monthly: &Monthly, chinese: bool) -> Result<Document, Error> {
    let mut b = Builder { of: monthly, words: Words::of(WORDS, chinese)?, blocks: Vec::new(), section: 0 };
    let title = format!("{} {}", b.say("title")?, clean::line(&monthly.month));
    b.blocks.push(Block::Paragraph { text: title.clone(), style: Style::Title });
    let scope = match &monthly.tenant {
        Some(tenant) => b.words.say("monthly.scope", context! { tenant })?,
        None => b.say("scope_all")?,
    };
    let values = context! { from => monthly.now.from, to => monthly.now.to, before => monthly.before_month, scope };
    let text = b.words.say("monthly.facts", values)?;
    b.blocks.push(Block::Paragraph { text, style: Style::Note });
    for (shown, key) in [(monthly.unfinished, "unfinished"), (monthly.now.uncounted > 0, "uncounted")] {
        if shown {
            let text = b.say(key)?;
            b.blocks.push(Block::Paragraph { text, style: Style::Strong });
        }
    }
    b.glance()?;
    b.charts()?;
    let risks = |o: &Overview| o.risks.iter().map(|r| (r.id.clone(), r.count)).collect::<Vec<_>>();
    let attacks = |o: &Overview| o.attacks.iter().map(|a| (a.id.clone(), a.count)).collect::<Vec<_>>();
    let rules = |o: &Overview| o.rules.iter().map(|r| (r.rule.clone(), r.count)).collect::<Vec<_>>();
    let (now, before) = (&monthly.now, &monthly.before);
    b.ranked(["risks", "risk", "risks_note"], risks(now), &risks(before))?;
    b.ranked(["attacks", "attack", "attacks_note"], attacks(now), &attacks(before))?;
    b.ranked(["rules", "rule", "rules_note"], rules(now), &rules(before))?;
    if let Some(team) = &monthly.redteam {
        b.redteam(team)?;
    }
    if !monthly.others.is_empty() {
        b.heading("more")?;
        let mut rows = Vec::with_capacity(monthly.others.len());
        for other in &monthly.others {
            let [now, before] = other.count;
            rows.push(Builder::counted(b.say(&format!("more_{}", other.id))?, now, before));
        }
        b.compared("figure", rows)?;
        b.note("more_note")?;
    }
    if let Some(chain) = &monthly.chain {
        b.chain(chain)?;
    }
    b.note("made")?;
    Ok(Document {
        chinese,
        running: title.clone(),
        title,
        subject: clean::line(&monthly.month),
        date: clean::line(&monthly.made),
        page_of: [b.say("page")?, b.say("of")?, b.say("pages")?],
        blocks: b.blocks,
        ..Document::default()
    })
}

/// The monthly report in the form asked for. The same figures always give the same bytes.
///
/// # Errors
/// When the font cannot be used, or a wording of `packs/governance/report.toml` is missing or wrong.
pub fn monthly(monthly: &Monthly, format: Format, look: &Look<'_>) -> Result<Vec<u8>, Error> {
    let document = document(monthly, look.chinese)?;
    match format {
        Format::Docx => docx::write(&document),
        Format::Pdf => pdf::write(&document, look.font),
        Format::Html => html::write(&document).map(String::into_bytes),
    }
}
