//! Clause by clause, examples, advice, other frameworks, disclosures, and the appendix.

use super::super::Error;
use super::super::clean::{clean, clip, count, interval, line, rate, ratio};
use super::super::document::{Align, Cell, Style};
use super::{Builder, filled};
use crate::result::{ClauseResult, CrosswalkRow};

/// Characters of a question or answer that an example shows.
const SHOWN: usize = 300;

impl Builder<'_> {
    pub(super) fn clauses(&mut self) -> Result<(), Error> {
        self.chapter("clauses.title")?;
        self.note("clauses.text")?;
        let rows = self.a.clauses.iter().map(|clause| self.clause_row(clause)).collect();
        self.table(
            "clauses.caption",
            &[
                ("clause", 8, Align::Left),
                ("demand", 24, Align::Left),
                ("force", 8, Align::Center),
                ("conclusion", 13, Align::Center),
                ("reason", 24, Align::Left),
                ("evidence", 23, Align::Left),
            ],
            rows,
        )
    }

    fn clause_row(&self, clause: &ClauseResult) -> Vec<Cell> {
        let mut conclusion = self.concluded(clause.conclusion);
        if !clause.by.is_empty() {
            conclusion.text = format!("{}\n{}", conclusion.text, self.words.named("by", &clause.by));
        }
        let mut title = self.words.both(&clause.title);
        if clause.certainty == "recalled" {
            title = format!("{title}\n{}", self.words.named("certainty", "recalled"));
        }
        let evidence: Vec<String> = clause.evidence.iter().map(|e| line(e)).collect();
        vec![
            Cell::new(line(&clause.number)),
            Cell::new(title),
            Cell::new(self.force(clause.force)),
            conclusion,
            Cell::new(self.words.both(&clause.reason)),
            Cell::new(if evidence.is_empty() { "–".to_owned() } else { evidence.join("\n") }),
        ]
    }

    pub(super) fn failures(&mut self) -> Result<(), Error> {
        self.chapter("failures.title")?;
        self.note("failures.text")?;
        let rows = self
            .a
            .failures
            .iter()
            .map(|example| {
                let group = self.group_name(&example.group);
                vec![
                    Cell::new(format!("{}\n{group}", line(&example.question))),
                    Cell::new(clip(&clean(&example.asked), SHOWN)),
                    Cell::new(clip(&clean(&example.answer), SHOWN)),
                    Cell::new(self.words.both(&example.why)),
                ]
            })
            .collect();
        self.table(
            "failures.caption",
            &[
                ("question", 17, Align::Left),
                ("asked_text", 25, Align::Left),
                ("answer", 36, Align::Left),
                ("why", 22, Align::Left),
            ],
            rows,
        )
    }

    pub(super) fn advice(&mut self) -> Result<(), Error> {
        self.chapter("advice.title")?;
        let items: Vec<String> = self.a.advice.iter().map(|text| self.words.both(text)).collect();
        if items.is_empty() {
            return self.note("advice.none");
        }
        self.list(true, items);
        Ok(())
    }

    pub(super) fn crosswalk(&mut self) -> Result<(), Error> {
        self.chapter("crosswalk.title")?;
        self.note("crosswalk.text")?;
        let rows = self.a.crosswalk.iter().map(|row| self.crosswalk_row(row)).collect();
        self.table(
            "crosswalk.caption",
            &[
                ("framework", 16, Align::Left),
                ("entry", 30, Align::Left),
                ("measured", 20, Align::Right),
                ("note", 34, Align::Left),
            ],
            rows,
        )
    }

    fn crosswalk_row(&self, row: &CrosswalkRow) -> Vec<Cell> {
        let measured = match row.share.as_ref().filter(|share| share.of > 0) {
            Some(share) => format!("{} ({})\n{}", rate(share), ratio(share), interval(share)),
            None => self.words.named("document", "unmeasured"),
        };
        vec![
            Cell::new(line(&row.framework)),
            Cell::new(format!("{}\n{}", line(&row.id), self.words.both(&row.name))),
            Cell::new(measured),
            Cell::new(self.words.both(&row.note)),
        ]
    }

    pub(super) fn disclosures(&mut self) -> Result<(), Error> {
        self.chapter("disclosures.title")?;
        let mut items: Vec<String> = self.a.disclosures.iter().map(|text| self.words.both(text)).collect();
        for key in ["sample", "judges", "text", "advice"] {
            items.push(self.words.word(&format!("disclosures.{key}"))?);
        }
        self.list(true, items);
        Ok(())
    }

    pub(super) fn appendix(&mut self) -> Result<(), Error> {
        let (text, number) = (self.words.word("appendix.title")?, self.words.word("appendix.number")?);
        self.appendix = true;
        self.section = 0;
        self.push_heading(1, number, text, "appendix".to_owned());
        self.section("appendix.hashes")?;
        self.text(self.words.word("appendix.hashes_text")?, Style::Body);
        let rows =
            self.a.hashes.iter().map(|(name, hash)| vec![Cell::new(line(name)), Cell::new(line(hash))]).collect();
        self.table("appendix.hashes_caption", &[("input", 34, Align::Left), ("sha256", 66, Align::Left)], rows)?;
        self.section("appendix.spend")?;
        let s = &self.a.spend;
        let number = |value: f64, digits: usize| {
            if value.is_finite() { format!("{value:.digits$}") } else { "–".to_owned() }
        };
        let figures = [
            ("requests", count(s.requests)),
            ("tokens", count(s.tokens)),
            ("cost", s.cost.map_or_else(|| self.words.named("document", "unknown"), |cost| number(cost, 2))),
            ("seconds", number(s.seconds, 1)),
            ("latency", format!("{} / {} ms", count(s.latency_p50_ms), count(s.latency_p95_ms))),
            ("run", filled(&self.a.run)),
            ("times", format!("{} – {}", filled(&self.a.began), filled(&self.a.ended))),
            ("state", self.words.named("states", &self.a.state)),
            ("version", filled(&self.a.version)),
        ];
        let facts = figures
            .into_iter()
            .map(|(key, value)| Ok((self.words.word(&format!("appendix.{key}"))?, value)))
            .collect::<Result<Vec<_>, Error>>()?;
        self.facts("appendix.spend_caption", facts)
    }
}
