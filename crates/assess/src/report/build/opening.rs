//! The cover, the signatures, and chapters 1 to 3: overview, conclusion, method.

use minijinja::context;

use super::super::Error;
use super::super::clean::{count, interval, line, percent, permille, rate, ratio};
use super::super::document::{Align, Block, Callout, Cell, Cover, Style, Table, Tone};
use super::{BLANK, Builder, Plan, filled, named, standing, tone};
use crate::result::{Conclusion, Force, JudgeNote, TestResult};

/// The columns of a table that people sign in.
const SIGNED: [Plan; 4] =
    [("role", 30, Align::Left), ("name", 20, Align::Left), ("signature", 28, Align::Left), ("date", 22, Align::Left)];

/// The day of an RFC 3339 time.
fn day(time: &str) -> String {
    line(time.split('T').next().unwrap_or_default())
}

impl Builder<'_> {
    fn fact(&self, key: &str, value: String) -> Result<(String, String), Error> {
        Ok((self.words.word(&format!("facts.{key}"))?, value))
    }

    /// From when to when.
    fn period(&self) -> String {
        let (from, to) = (day(&self.a.began), day(&self.a.ended));
        match (from.is_empty(), to.is_empty()) {
            (true, true) => BLANK.to_owned(),
            (false, true) => from,
            (true, false) => to,
            (false, false) if from == to => from,
            (false, false) => format!("{from} – {to}"),
        }
    }

    fn model(&self) -> String {
        let o = &self.a.operator;
        let (model, version) = (line(&o.model), line(&o.model_version));
        match (model.is_empty(), version.is_empty()) {
            (true, true) => BLANK.to_owned(),
            (false, true) => model,
            _ => format!("{model} {version}"),
        }
    }

    /// The conclusion in plain words, for the cover and for chapter 2.
    pub(super) fn verdict(&self) -> Result<Callout, Error> {
        let standing = standing(self.a);
        let key = match standing {
            Conclusion::Conforms => "pass",
            Conclusion::Fails => "fail",
            Conclusion::Open | Conclusion::NotApplicable => "open",
        };
        let mut text = vec![self.words.word(&format!("verdict.{key}_text"))?, self.words.both(&self.a.because)];
        if self.a.state != "complete" {
            let state = self.words.named("states", &self.a.state);
            text.push(self.words.say("verdict.unfinished", context! { state })?);
        }
        if self.a.overall == Some(Conclusion::Conforms)
            && standing != Conclusion::Conforms
            && self.a.state == "complete"
        {
            text.push(self.words.word("verdict.contradiction")?);
        }
        text.retain(|part| !part.is_empty());
        Ok(Callout {
            tone: tone(standing),
            label: self.words.word("verdict.label")?,
            title: self.words.word(&format!("verdict.{key}"))?,
            text: text.join(if self.words.chinese { "" } else { " " }),
        })
    }

    pub(super) fn cover(&mut self) -> Result<Cover, Error> {
        let o = &self.a.operator;
        Ok(Cover {
            kicker: self.words.both(&self.a.profile.standard),
            title: self.words.word("document.title")?,
            subtitle: named(o),
            facts: vec![
                self.fact("company", filled(&o.company))?,
                self.fact("uscc", filled(&o.uscc))?,
                self.fact("service", filled(&o.service))?,
                self.fact("model", self.model())?,
                self.fact("target", filled(&self.a.target))?,
                self.fact("period", self.period())?,
                self.fact("run", filled(&self.a.run))?,
            ],
            verdict: self.verdict()?,
            foot: self.words.say("document.foot", context! { version => line(&self.a.version) })?,
        })
    }

    pub(super) fn signatures(&mut self) -> Result<(), Error> {
        let o = &self.a.operator;
        let title = self.words.word("signatures.title")?;
        self.push_heading(1, String::new(), title, "signatures".to_owned());
        let service = if named(o).is_empty() { BLANK.to_owned() } else { named(o) };
        let conclusion = standing(self.a).word(self.words.chinese);
        self.say("signatures.statement", context! { service, conclusion })?;
        let columns = self.columns(&SIGNED)?;
        let people = [
            ("legal_representative", &o.legal_representative),
            ("assessment_lead", &o.assessment_lead),
            ("legality_lead", &o.legality_lead),
        ];
        let mut rows = Vec::new();
        for (role, name) in people {
            let role = self.words.word(&format!("signatures.{role}"))?;
            rows.push(vec![Cell::strong(role), Cell::new(line(name)), Cell::default(), Cell::default()]);
        }
        let caption = self.words.word("signatures.caption")?;
        self.blocks.push(Block::Table(Table { caption, columns, rows, head: true, side: true, tall: Some(54) }));
        let role = self.words.word("signatures.assessor")?;
        let mut members: Vec<String> = o.assessors.iter().map(|name| line(name)).collect();
        members.resize(members.len().max(3), String::new());
        let rows = members
            .into_iter()
            .map(|name| vec![Cell::strong(role.clone()), Cell::new(name), Cell::default(), Cell::default()])
            .collect();
        let columns = self.columns(&SIGNED)?;
        let caption = self.words.word("signatures.team")?;
        self.blocks.push(Block::Table(Table { caption, columns, rows, head: true, side: true, tall: Some(34) }));
        let seal = self.words.say("signatures.seal", context! { company => filled(&o.company) })?;
        self.text(seal, Style::Strong);
        Ok(())
    }

    pub(super) fn overview(&mut self) -> Result<(), Error> {
        self.chapter("overview.title")?;
        self.section("overview.basis")?;
        let standard = self.words.both(&self.a.profile.standard);
        let profile = self.words.both(&self.a.profile.name);
        let id = format!("{}@{}", line(&self.a.profile.id), self.a.profile.version);
        self.say("overview.basis_text", context! { standard, profile, id })?;
        self.section("overview.scope")?;
        let asked: u64 = self.a.sample.drawn.values().sum();
        let (clauses, tests) = (self.a.clauses.len(), self.a.tests.len());
        let (risks, aspects, asked) = (self.a.risks.len(), self.a.aspects.len(), count(asked));
        self.say("overview.scope_text", context! { clauses, tests, risks, aspects, asked })?;
        self.section("overview.object")?;
        let o = &self.a.operator;
        let facts = vec![
            self.fact("company", filled(&o.company))?,
            self.fact("uscc", filled(&o.uscc))?,
            self.fact("service", filled(&o.service))?,
            self.fact("model", self.model())?,
            self.fact("base_model", filled(&o.base_model))?,
            self.fact("audience", filled(&o.audience))?,
            self.fact("purpose", filled(&o.purpose))?,
            self.fact("access", filled(&o.access))?,
            self.fact("complaints", filled(&o.complaints))?,
            self.fact("target", filled(&self.a.target))?,
        ];
        self.facts("overview.object_caption", facts)?;
        self.section("overview.team")?;
        let names: Vec<String> = o.assessors.iter().map(|name| line(name)).filter(|name| !name.is_empty()).collect();
        let members =
            if names.is_empty() { BLANK.to_owned() } else { names.join(if self.words.chinese { "、" } else { ", " }) };
        let (lead, legality, period) = (filled(&o.assessment_lead), filled(&o.legality_lead), self.period());
        self.say("overview.team_text", context! { lead, legality, members, period })
    }

    /// How many binding clauses have each conclusion.
    fn tally(&self, force: Force) -> [usize; 4] {
        [Conclusion::Conforms, Conclusion::Fails, Conclusion::NotApplicable, Conclusion::Open]
            .map(|c| self.a.clauses.iter().filter(|clause| clause.force == force && clause.conclusion == c).count())
    }

    pub(super) fn conclusion(&mut self) -> Result<(), Error> {
        self.chapter("conclusion.title")?;
        let verdict = self.verdict()?;
        self.blocks.push(Block::Callout(verdict));
        if !self.a.clauses.is_empty() {
            let (shall, should) = (self.tally(Force::Shall), self.tally(Force::Should));
            let (shalls, shoulds) = (shall.iter().sum::<usize>(), should.iter().sum::<usize>());
            self.say("conclusion.tally", context! { shall, should, shalls, shoulds })?;
        }
        let failed = self.missed(Conclusion::Fails);
        if !failed.is_empty() {
            self.text(self.words.word("conclusion.failed")?, Style::Strong);
            self.list(false, failed);
        }
        let open = self.missed(Conclusion::Open);
        if !open.is_empty() {
            self.text(self.words.word("conclusion.open")?, Style::Strong);
            self.list(false, open);
        }
        self.section("conclusion.tests")?;
        let rows = self.a.tests.iter().map(|test| self.test_row(test)).collect::<Result<Vec<_>, _>>()?;
        self.table(
            "conclusion.tests_caption",
            &[
                ("requirement", 27, Align::Left),
                ("force", 8, Align::Center),
                ("threshold", 12, Align::Center),
                ("result", 12, Align::Right),
                ("interval", 20, Align::Center),
                ("undecided", 7, Align::Right),
                ("conclusion", 14, Align::Center),
            ],
            rows,
        )?;
        self.note("conclusion.tests_note")?;
        let found: Vec<String> =
            self.a.tests.iter().map(|t| self.words.both(&t.found)).filter(|text| !text.is_empty()).collect();
        self.list(false, found);
        Ok(())
    }

    /// Binding clauses and measured requirements with this conclusion, by name.
    fn missed(&self, conclusion: Conclusion) -> Vec<String> {
        let tests = self.a.tests.iter().filter(|t| t.force == Force::Shall && t.conclusion == conclusion);
        let tests = tests.map(|t| (line(&t.clause), self.words.both(&t.name)));
        let clauses = self.a.clauses.iter().filter(|c| c.force == Force::Shall && c.conclusion == conclusion);
        let clauses = clauses.map(|c| (line(&c.number), self.words.both(&c.title)));
        let mut seen = Vec::new();
        for (number, title) in tests.chain(clauses) {
            let entry = format!("{number} {title}").trim().to_owned();
            if !seen.contains(&entry) {
                seen.push(entry);
            }
        }
        let more = seen.len().saturating_sub(40);
        seen.truncate(40);
        if more > 0 {
            seen.push(format!("… +{more}"));
        }
        seen
    }

    fn test_row(&self, test: &TestResult) -> Result<Vec<Cell>, Error> {
        let sign = if test.at_least { "≥" } else { "≤" };
        let needed = self.words.say("conclusion.needed", context! { needed => count(test.needed) })?;
        let mut conclusion = self.concluded(test.conclusion);
        if test.conclusion == Conclusion::Conforms {
            let key = if test.confident { "conclusion.confident" } else { "conclusion.unsure" };
            conclusion.text = format!("{}\n{}", conclusion.text, self.words.word(key)?);
        }
        Ok(vec![
            Cell::new(format!("{}\n{}", self.words.both(&test.name), line(&test.clause))),
            Cell::new(self.force(test.force)),
            Cell::new(format!("{sign}{}\n{needed}", permille(test.threshold_permille))),
            Cell::new(format!("{}\n{}", rate(&test.share), ratio(&test.share))),
            Cell::new(interval(&test.share)),
            Cell::new(count(test.undecided)),
            conclusion,
        ])
    }

    pub(super) fn method(&mut self) -> Result<(), Error> {
        self.chapter("method.title")?;
        self.section("method.sampling")?;
        let how = self.words.both(&self.a.sample.method);
        self.text(how, Style::Body);
        let s = &self.a.sample;
        self.say("method.sampling_text", context! { seed => filled(&s.seed) })?;
        let mut banks: Vec<&String> = s.available.keys().chain(s.drawn.keys()).collect();
        let place = |id: &str| ["generated", "refuse", "answer"].iter().position(|known| *known == id).unwrap_or(9);
        banks.sort_by_key(|id| (place(id.as_str()), id.as_str()));
        banks.dedup();
        let figure = |map: &std::collections::BTreeMap<String, u64>, id: &String| {
            map.get(id).map_or_else(|| "–".to_owned(), |n| count(*n))
        };
        let rows = banks
            .into_iter()
            .map(|id| {
                let name = self.words.named("banks", id);
                vec![Cell::new(name), Cell::new(figure(&s.available, id)), Cell::new(figure(&s.drawn, id))]
            })
            .collect();
        self.table(
            "method.sampling_caption",
            &[("bank", 50, Align::Left), ("available", 25, Align::Right), ("drawn", 25, Align::Right)],
            rows,
        )?;
        let facts = vec![self.fact("seed", filled(&s.seed))?, self.fact("manifest", filled(&s.manifest_sha256))?];
        self.facts("method.seed_caption", facts)?;
        self.section("method.judging")?;
        self.say("method.judging_text", context! {})?;
        let ways = ["manual", "keyword", "classifier"]
            .iter()
            .map(|id| self.words.word(&format!("method.{id}")))
            .collect::<Result<Vec<_>, _>>()?;
        self.list(false, ways);
        self.section("method.errors")?;
        if self.a.judges.is_empty() {
            self.say("method.no_judges", context! {})?;
        } else {
            self.say("method.errors_text", context! {})?;
            let rows = self.a.judges.iter().map(|judge| self.judge_row(judge)).collect();
            self.table(
                "method.judges_caption",
                &[
                    ("judge", 29, Align::Left),
                    ("task", 16, Align::Left),
                    ("sensitivity", 13, Align::Right),
                    ("specificity", 13, Align::Right),
                    ("measured_on", 11, Align::Right),
                    ("source", 18, Align::Left),
                ],
                rows,
            )?;
        }
        let corrected: Vec<Vec<Cell>> = self
            .a
            .tests
            .iter()
            .filter_map(|test| {
                let share = test.corrected.as_ref()?;
                let cells = [self.words.both(&test.name), rate(&test.share), rate(share), interval(share)];
                Some(cells.into_iter().map(Cell::new).collect())
            })
            .collect();
        if !corrected.is_empty() {
            self.table(
                "method.corrected_caption",
                &[
                    ("requirement", 46, Align::Left),
                    ("raw", 15, Align::Right),
                    ("corrected", 15, Align::Right),
                    ("interval", 24, Align::Center),
                ],
                corrected,
            )?;
        }
        self.section("method.confident")?;
        self.say("method.confident_text", context! {})?;
        let needs: Vec<String> = self
            .a
            .tests
            .iter()
            .filter_map(|t| t.confident_from.map(|from| (t, from)))
            .map(|(t, from)| {
                let least = t.at_least;
                let (name, from, of) = (self.words.both(&t.name), count(from), count(t.share.of));
                self.words.say("method.confident_from", context! { name, from, of, least })
            })
            .collect::<Result<_, _>>()?;
        self.list(false, needs);
        Ok(())
    }

    fn judge_row(&self, judge: &JudgeNote) -> Vec<Cell> {
        let mut task = self.words.named("tasks", &judge.task);
        if !judge.lang.is_empty() {
            task = format!("{task} ({})", line(&judge.lang));
        }
        let share = |value: Option<f64>| match value {
            Some(value) => Cell::new(percent(value, 1)),
            None => Cell::toned(self.words.named("document", "unmeasured"), Tone::Open),
        };
        vec![
            Cell::new(line(&judge.name)),
            Cell::new(task),
            share(judge.sensitivity),
            share(judge.specificity),
            Cell::new(count(judge.measured_on)),
            Cell::new(line(&judge.source)),
        ]
    }
}
