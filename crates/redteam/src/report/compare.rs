//! Two campaigns side by side: before and after a change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use menshen_judge::metrics::Rate;
use serde::Serialize;

use super::stats::{Difference, difference, matched};
use super::text::markdown as escape;
use super::view::outcome;
use super::{Group, Report, risk_of};
use crate::attempt::{Attempt, Outcome};

/// Flips that Markdown lists.
const MOST_FLIPS: usize = 50;

/// What changed from one campaign to another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The campaign before: id, name and target.
    pub before: [String; 3],
    /// The campaign after.
    pub after: [String; 3],
    /// All attempts.
    pub total: Change,
    /// By risk.
    pub risks: Vec<Change>,
    /// By technique.
    pub techniques: Vec<Change>,
    /// Cases that both campaigns tried, by key.
    pub matched: usize,
    /// Of those: no longer a success.
    pub mended: usize,
    /// Of those: a success now.
    pub broken: usize,
    /// The chance of so uneven flips when nothing changed (exact test of McNemar, two-sided), 0..=1.
    pub p: f64,
    /// Matched cases whose outcome differs.
    pub flips: Vec<Flip>,
    /// What makes the two hard to compare.
    pub notes: Vec<Note>,
}

/// A rate before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The risk, the technique, or `all`.
    pub id: String,
    /// Its Chinese name.
    pub zh: String,
    /// Its English name.
    pub en: String,
    /// Before.
    pub before: Rate,
    /// After.
    pub after: Rate,
    /// Without score or answer before and after: in neither rate, and not safe.
    pub unknown: [usize; 2],
    /// The difference with its interval (Newcombe 1998); absent when one side rests on nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// A case that ended differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flip {
    /// Its key.
    pub key: String,
    /// The risk or OWASP id.
    pub risk: String,
    /// The technique.
    pub technique: String,
    /// What was tried to get.
    pub goal: String,
    /// Before.
    pub before: Outcome,
    /// After.
    pub after: Outcome,
}

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Puts two campaigns side by side. Cases are matched by key, which follows from the plan and not from the target.
pub fn compare(a: &Report, b: &Report) -> Comparison {
    let of = |r: &Report| [r.id.clone(), r.name.clone(), r.target.clone()];
    let before: BTreeMap<&str, &Attempt> = a.attempts.iter().map(|x| (x.key.as_str(), x)).collect();
    let mut flips = Vec::new();
    let (mut both, mut mended, mut broken) = (0, 0, 0);
    for after in &b.attempts {
        let Some(before) = before.get(after.key.as_str()) else { continue };
        both += 1;
        if before.outcome == after.outcome {
            continue;
        }
        match (before.outcome, after.outcome) {
            (Outcome::Success, Outcome::Resisted) => mended += 1,
            (Outcome::Resisted, Outcome::Success) => broken += 1,
            _ => {}
        }
        flips.push(Flip {
            key: after.key.clone(),
            risk: risk_of(after),
            technique: after.technique.clone(),
            goal: after.goal.clone(),
            before: before.outcome,
            after: after.outcome,
        });
    }
    // What broke is read first, then what is not known any more.
    flips.sort_by(|x, y| {
        (x.after, x.before, &x.risk, &x.technique, &x.key).cmp(&(y.after, y.before, &y.risk, &y.technique, &y.key))
    });
    let all = |r: &Report| Group {
        id: "all".into(),
        zh: "全部".into(),
        en: "all".into(),
        owasp_2026: None,
        tally: r.total.clone(),
    };
    let total = change(Some(&all(a)), Some(&all(b)));
    Comparison {
        before: of(a),
        after: of(b),
        total: total.unwrap_or_else(|| Change {
            id: "all".into(),
            zh: "全部".into(),
            en: "all".into(),
            before: a.total.rate,
            after: b.total.rate,
            unknown: [0, 0],
            difference: None,
        }),
        risks: changes(&a.risks, &b.risks),
        techniques: changes(&a.techniques, &b.techniques),
        matched: both,
        mended,
        broken,
        p: matched(mended, broken),
        flips,
        notes: notes(a, b, both),
    }
}

fn changes(a: &[Group], b: &[Group]) -> Vec<Change> {
    let ids: BTreeSet<&str> = a.iter().chain(b).map(|g| g.id.as_str()).collect();
    let find = |groups: &[Group], id: &str| groups.iter().find(|g| g.id == id).cloned();
    ids.into_iter().filter_map(|id| change(find(a, id).as_ref(), find(b, id).as_ref())).collect()
}

fn change(a: Option<&Group>, b: Option<&Group>) -> Option<Change> {
    let named = a.or(b)?;
    let rate = |g: Option<&Group>| g.map_or_else(|| Rate::new(0, 0), |g| g.tally.rate);
    let unknown = |g: Option<&Group>| g.map_or(0, |g| g.tally.unscored + g.tally.failed);
    let (before, after) = (rate(a), rate(b));
    Some(Change {
        id: named.id.clone(),
        zh: named.zh.clone(),
        en: named.en.clone(),
        before,
        after,
        unknown: [unknown(a), unknown(b)],
        difference: difference(before, after),
    })
}

fn notes(a: &Report, b: &Report, both: usize) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut say = |zh: &str, en: &str| notes.push(Note { zh: zh.to_owned(), en: en.to_owned() });
    let names =
        |r: &Report| r.judges.iter().filter(|j| j.decided > 0).map(|j| j.judge.clone()).collect::<BTreeSet<_>>();
    if names(a) != names(b) {
        say("两次的判定者不同，成功率之差可能来自判定者。", "The judges differ: a difference may be theirs.");
    }
    if a.bank != b.bank {
        say("两次的指令集不同。", "The instructions differ.");
    }
    if both == 0 {
        say("没有相同的用例，只能比较总体比例。", "No case is the same: only shares can be compared.");
    } else if both < a.attempts.len().max(b.attempts.len()) {
        say("只有一部分用例相同。", "Only some of the cases are the same.");
    }
    let unknown = |r: &Report| r.total.unscored + r.total.failed;
    if unknown(a) != unknown(b) {
        say(
            "未判定或无回答的数目不同，它们不在比例之内。",
            "The numbers without score or answer differ; they are in no rate.",
        );
    }
    notes
}

impl Comparison {
    /// One JSON document.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_else(|e| serde_json::json!({"error": e.to_string()}).to_string())
    }

    /// Markdown.
    pub fn markdown(&self, chinese: bool) -> String {
        let say = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
        let mut out = format!("# {}\n\n", say("两次测评的对比", "Two campaigns side by side"));
        for (name, side) in [(say("之前", "Before"), &self.before), (say("之后", "After"), &self.after)] {
            let [id, title, target] = side;
            let _ = writeln!(out, "- {name}: {} · {} · {}", escape(title), escape(target), escape(id));
        }
        out.push('\n');
        for note in &self.notes {
            let _ = writeln!(out, "> {}\n", if chinese { &note.zh } else { &note.en });
        }
        let tables = [
            (say("总体", "In all"), std::slice::from_ref(&self.total)),
            (say("按风险", "By risk"), self.risks.as_slice()),
            (say("按手法", "By technique"), self.techniques.as_slice()),
        ];
        for (title, changes) in tables {
            if !changes.is_empty() {
                table(&mut out, title, changes, chinese);
            }
        }
        let _ = writeln!(out, "## {}\n", say("相同的用例", "Matched cases"));
        let _ = match chinese {
            true => writeln!(
                out,
                "{} 个用例两次都试过：{} 个由成功变为抵住，{} 个由抵住变为成功（McNemar 精确检验 p = {:.4}）。\n",
                self.matched, self.mended, self.broken, self.p
            ),
            false => writeln!(
                out,
                "{} cases were tried in both: {} went from success to resisted, {} from resisted to success (exact McNemar test, p = {:.4}).\n",
                self.matched, self.mended, self.broken, self.p
            ),
        };
        if !self.flips.is_empty() {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} |\n|---|---|---|---|",
                say("变化", "Change"),
                say("风险", "Risk"),
                say("手法", "Technique"),
                say("目的", "Aim")
            );
            for flip in self.flips.iter().take(MOST_FLIPS) {
                let _ = writeln!(
                    out,
                    "| {} → {} | {} | {} | {} |",
                    outcome(flip.before, chinese),
                    outcome(flip.after, chinese),
                    escape(&flip.risk),
                    escape(&flip.technique),
                    escape(&super::text::clip(&flip.goal, 80))
                );
            }
            if self.flips.len() > MOST_FLIPS {
                let _ =
                    writeln!(out, "\n{} +{}", say("其余见 JSON：", "More in the JSON:"), self.flips.len() - MOST_FLIPS);
            }
        }
        out
    }
}

fn table(out: &mut String, title: &str, changes: &[Change], chinese: bool) {
    let say = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
    let _ = writeln!(
        out,
        "## {title}\n\n| | {} | {} | {} | {} |\n|---|---|---|---|---|",
        say("之前", "Before"),
        say("之后", "After"),
        say("差（95 % 区间）", "Difference (95 % interval)"),
        say("显著", "Significant")
    );
    for change in changes {
        let name = if chinese { &change.zh } else { &change.en };
        let (difference, significant) = match &change.difference {
            Some(d) => (
                format!("{:+.1} ({:+.1} – {:+.1})", d.value * 100.0, d.low * 100.0, d.high * 100.0),
                match (d.significant, d.value < 0.0) {
                    (false, _) => say("否", "no"),
                    (true, true) => say("是，更安全", "yes, safer"),
                    (true, false) => say("是，更不安全", "yes, less safe"),
                },
            ),
            None => ("–".to_owned(), "–"),
        };
        let side =
            |rate: Rate, unknown: usize| if unknown > 0 { format!("{rate} +{unknown}?") } else { rate.to_string() };
        let [before, after] = change.unknown;
        let _ = writeln!(
            out,
            "| {} {} | {} | {} | {difference} | {significant} |",
            escape(&change.id),
            escape(name),
            side(change.before, before),
            side(change.after, after)
        );
    }
    out.push('\n');
}
