//! What was measured: banks, generated content by risk, refusals, people's review, reliability, guided answers.

use minijinja::context;

use super::super::Error;
use super::super::clean::{count, interval, line, percent, rate, ratio};
use super::super::document::{Align, Bar, Cell, Chart, Tone};
use super::{Builder, filled};
use crate::result::{BankCheck, Conclusion, Share};

/// A bar for a share; without answers, no bar.
fn bar(label: String, share: Option<&Share>, bad: impl Fn(f64) -> bool, missing: &str) -> Bar {
    match share.filter(|s| s.of > 0 && s.rate.is_finite()) {
        Some(s) => {
            let value = s.rate.clamp(0.0, 1.0);
            let ends = |end: f64| if end.is_finite() { end.clamp(0.0, 1.0) } else { value };
            let tone = if bad(value) { Tone::Bad } else { Tone::Good };
            let (low, high) = (ends(s.low).min(value), ends(s.high).max(value));
            Bar { label, text: percent(value, 1), value: Some(value), low, high, tone }
        }
        None => Bar { label, text: missing.to_owned(), tone: Tone::Open, ..Bar::default() },
    }
}

/// `A1a` as the standard writes it.
fn risk_id(id: &str) -> String {
    line(id)
}

impl Builder<'_> {
    /// The threshold of a bank's leading test: people before classifier before keywords.
    fn limit(&self, bank: &str) -> Option<f64> {
        let rank = |method: &str| ["manual", "classifier", "keyword"].iter().position(|m| *m == method).unwrap_or(9);
        let tests = self.a.tests.iter().filter(|t| t.bank == bank);
        let permille = tests.min_by_key(|t| rank(&t.method))?.threshold_permille;
        u32::try_from(permille).ok().map(|p| f64::from(p) / 1000.0)
    }

    fn limit_line(&self, bank: &str) -> Result<Option<(f64, String)>, Error> {
        match self.limit(bank) {
            Some(limit) => {
                let text = self.words.say("charts.limit", context! { limit => percent(limit, 0) })?;
                Ok(Some((limit, text)))
            }
            None => Ok(None),
        }
    }

    fn show_chart(&mut self, key: &str, bank: &str, bars: Vec<Bar>) -> Result<(), Error> {
        let chart = Chart {
            title: self.words.word(&format!("charts.{key}"))?,
            about: self.words.word("charts.about")?,
            series: self.words.word(&format!("charts.{key}_series"))?,
            limit: self.limit_line(bank)?,
            bars,
        };
        self.chart(chart);
        Ok(())
    }

    pub(super) fn banks(&mut self) -> Result<(), Error> {
        self.chapter("banks_chapter.title")?;
        self.say("banks_chapter.text", context! {})?;
        let rows = self.a.banks.iter().map(|bank| self.bank_row(bank)).collect();
        self.table(
            "banks_chapter.caption",
            &[
                ("bank", 24, Align::Left),
                ("clause", 17, Align::Left),
                ("size", 11, Align::Right),
                ("needed", 11, Align::Right),
                ("groups", 10, Align::Right),
                ("updated", 14, Align::Center),
                ("conclusion", 13, Align::Center),
            ],
            rows,
        )?;
        let mut short = Vec::new();
        for bank in &self.a.banks {
            for (id, has, needs) in &bank.short {
                let cells = [self.words.both(&bank.name), risk_id(id), self.group_name(id), count(*has), count(*needs)];
                short.push(cells.into_iter().map(Cell::new).collect());
            }
        }
        if !short.is_empty() {
            self.section("banks_chapter.short")?;
            self.table(
                "banks_chapter.short_caption",
                &[
                    ("bank", 26, Align::Left),
                    ("id", 12, Align::Left),
                    ("group", 36, Align::Left),
                    ("has", 13, Align::Right),
                    ("needed", 13, Align::Right),
                ],
                short,
            )?;
        }
        Ok(())
    }

    /// The name of a risk or aspect by its id.
    pub(super) fn group_name(&self, id: &str) -> String {
        let risk = self.a.risks.iter().find(|r| r.id == id).map(|r| &r.name);
        let name = risk.or_else(|| self.a.aspects.iter().find(|a| a.id == id).map(|a| &a.name));
        name.map_or_else(|| self.words.named("groups", id), |name| self.words.both(name))
    }

    fn bank_row(&self, bank: &BankCheck) -> Vec<Cell> {
        let conclusion = if bank.passes { Conclusion::Conforms } else { Conclusion::Fails };
        let updated = bank.updated.as_deref().map_or_else(|| self.words.named("document", "unknown"), line);
        vec![
            Cell::new(self.words.both(&bank.name)),
            Cell::new(line(&bank.clause)),
            Cell::new(count(bank.size)),
            Cell::new(count(bank.needed)),
            Cell::new(count(bank.groups)),
            Cell::new(updated),
            self.concluded(conclusion),
        ]
    }

    pub(super) fn content(&mut self) -> Result<(), Error> {
        self.chapter("content.title")?;
        self.say("content.text", context! { risks => self.a.risks.len() })?;
        let missing = self.words.word("document.unmeasured")?;
        let rows = self
            .a
            .risks
            .iter()
            .map(|risk| {
                let passed = (risk.passed.of > 0).then_some(&risk.passed);
                vec![
                    Cell::new(risk_id(&risk.id)),
                    Cell::new(self.words.both(&risk.name)),
                    Cell::new(count(risk.asked)),
                    Cell::new(passed.map_or_else(|| "–".to_owned(), ratio)),
                    passed.map_or_else(|| Cell::toned(missing.clone(), Tone::Open), |share| Cell::new(rate(share))),
                    Cell::new(passed.map_or_else(|| "–".to_owned(), interval)),
                    undecided(risk.undecided),
                ]
            })
            .collect();
        self.table(
            "content.caption",
            &[
                ("id", 7, Align::Left),
                ("risk", 32, Align::Left),
                ("asked", 8, Align::Right),
                ("passed", 13, Align::Right),
                ("pass_rate", 11, Align::Right),
                ("interval", 21, Align::Center),
                ("undecided", 8, Align::Right),
            ],
            rows,
        )?;
        self.note("content.note")?;
        let limit = self.limit("generated");
        let bars = self
            .a
            .risks
            .iter()
            .map(|risk| {
                let label = format!("{} {}", risk_id(&risk.id), self.words.both(&risk.name));
                bar(label, Some(&risk.passed), |v| limit.is_some_and(|l| v < l), &missing)
            })
            .collect();
        self.show_chart("risks", "generated", bars)
    }

    pub(super) fn refusals(&mut self) -> Result<(), Error> {
        self.chapter("refusals.title")?;
        self.say("refusals.text", context! {})?;
        self.section("refusals.should")?;
        let missing = self.words.word("document.unmeasured")?;
        let asked: Vec<_> = self.a.risks.iter().filter_map(|r| r.refused.as_ref().map(|share| (r, share))).collect();
        let rows = asked
            .iter()
            .map(|(risk, share)| {
                vec![
                    Cell::new(risk_id(&risk.id)),
                    Cell::new(self.words.both(&risk.name)),
                    Cell::new(ratio(share)),
                    Cell::new(rate(share)),
                    Cell::new(interval(share)),
                ]
            })
            .collect();
        let plan = [
            ("id", 8, Align::Left),
            ("risk", 42, Align::Left),
            ("refused", 15, Align::Right),
            ("refusal_rate", 14, Align::Right),
            ("interval", 21, Align::Center),
        ];
        self.table("refusals.should_caption", &plan, rows)?;
        let limit = self.limit("refuse");
        let bars = asked
            .iter()
            .map(|(risk, share)| {
                let label = format!("{} {}", risk_id(&risk.id), self.words.both(&risk.name));
                bar(label, Some(share), |v| limit.is_some_and(|l| v < l), &missing)
            })
            .collect();
        self.show_chart("refuse", "refuse", bars)?;
        self.section("refusals.should_not")?;
        let rows = self
            .a
            .aspects
            .iter()
            .map(|aspect| {
                vec![
                    Cell::new(self.words.both(&aspect.name)),
                    Cell::new(ratio(&aspect.refused)),
                    Cell::new(rate(&aspect.refused)),
                    Cell::new(interval(&aspect.refused)),
                ]
            })
            .collect();
        let plan = [
            ("aspect", 40, Align::Left),
            ("refused", 20, Align::Right),
            ("refusal_rate", 20, Align::Right),
            ("interval", 20, Align::Center),
        ];
        self.table("refusals.should_not_caption", &plan, rows)?;
        let limit = self.limit("answer");
        let bars = self
            .a
            .aspects
            .iter()
            .map(|aspect| {
                let label = self.words.both(&aspect.name);
                bar(label, Some(&aspect.refused), |v| limit.is_some_and(|l| v > l), &missing)
            })
            .collect();
        self.show_chart("answer", "answer", bars)
    }

    pub(super) fn review(&mut self) -> Result<(), Error> {
        self.chapter("review.title")?;
        let r = &self.a.review;
        if r.queued == 0 && r.decided == 0 {
            return self.say("review.none", context! {});
        }
        let open = r.queued.saturating_sub(r.decided);
        self.say(
            "review.text",
            context! { queued => count(r.queued), decided => count(r.decided), open => count(open) },
        )?;
        let kappa = match r.kappa {
            Some(kappa) if kappa.is_finite() => format!("{kappa:.3}"),
            _ => self.words.word("review.no_kappa")?,
        };
        let unsettled = r.disagreed.saturating_sub(r.resolved);
        let figures = [
            ("queued", count(r.queued)),
            ("decided", count(r.decided)),
            ("open", count(open)),
            ("disagreed", count(r.disagreed)),
            ("resolved", count(r.resolved)),
            ("unsettled", count(unsettled)),
            ("kappa", kappa),
            ("chain", filled(&r.chain)),
        ];
        let facts = figures
            .into_iter()
            .map(|(key, value)| Ok((self.words.word(&format!("review.{key}"))?, value)))
            .collect::<Result<Vec<_>, Error>>()?;
        self.facts("review.caption", facts)?;
        self.note("review.kappa_note")?;
        let rows =
            r.reviewers.iter().map(|(name, n)| vec![Cell::new(line(name)), Cell::new(count(*n))]).collect::<Vec<_>>();
        if rows.is_empty() {
            return Ok(());
        }
        self.table("review.reviewers_caption", &[("reviewer", 60, Align::Left), ("decisions", 40, Align::Right)], rows)
    }

    pub(super) fn reliability(&mut self) -> Result<(), Error> {
        if self.a.reliability.is_empty() {
            return Ok(());
        }
        self.chapter("reliability.title")?;
        self.say("reliability.text", context! {})?;
        let rows = self
            .a
            .reliability
            .iter()
            .map(|m| {
                let better = if m.higher_is_better { "higher" } else { "lower" };
                let cells = [
                    self.words.both(&m.name),
                    self.words.named("reliability", better),
                    ratio(&m.share),
                    rate(&m.share),
                    interval(&m.share),
                ];
                cells.into_iter().map(Cell::new).collect()
            })
            .collect();
        self.table(
            "reliability.caption",
            &[
                ("measure", 38, Align::Left),
                ("better", 14, Align::Center),
                ("of", 14, Align::Right),
                ("share", 14, Align::Right),
                ("interval", 20, Align::Center),
            ],
            rows,
        )
    }

    pub(super) fn guided(&mut self) -> Result<(), Error> {
        if self.a.guided.is_empty() {
            return Ok(());
        }
        self.chapter("guided.title")?;
        self.say("guided.text", context! {})?;
        let rows = self
            .a
            .guided
            .iter()
            .map(|g| {
                let [better, equal, worse] = g.wins;
                let p = match g.p {
                    p if !p.is_finite() => "–".to_owned(),
                    p if p < 0.001 => "<0.001".to_owned(),
                    p => format!("{p:.3}"),
                };
                let mean = |v: f64| if v.is_finite() { format!("{v:.3}") } else { "–".to_owned() };
                vec![
                    Cell::new(self.words.both(&g.name)),
                    Cell::new(mean(g.plain)),
                    Cell::new(mean(g.guided)),
                    Cell::new(count(g.pairs)),
                    Cell::new(format!("{better} / {equal} / {worse}")),
                    Cell::new(p),
                ]
            })
            .collect();
        self.table(
            "guided.caption",
            &[
                ("quality", 26, Align::Left),
                ("plain", 14, Align::Right),
                ("guided", 14, Align::Right),
                ("pairs", 12, Align::Right),
                ("wins", 22, Align::Center),
                ("p", 12, Align::Right),
            ],
            rows,
        )
    }
}

/// Answers that nobody decided stand out.
fn undecided(n: u64) -> Cell {
    if n == 0 { Cell::new("0") } else { Cell::toned(count(n), Tone::Open) }
}
