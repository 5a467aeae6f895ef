//! From an attack that succeeded to what closes the hole: a rule, seeds for the judge, a standard answer.
//!
//! All are drafts for a person: a rule from one attack is narrow, and a frame that harmless texts share is no rule.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use menshen_text::Folder;
use menshen_verdict::{Attack, Risk};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::attempt::Attempt;
use crate::knowledge::Knowledge;
use crate::range::Submission;
use crate::turn::Speaker;

/// The least units of a piece that tells a frame: a Chinese character is one, a Latin word three.
const LEAST_UNITS: usize = 8;
/// The most pieces of a rule.
const MOST_PIECES: usize = 3;
/// The most characters of a piece: a longer one would be missed once a word of it is changed.
const MOST_PIECE_CHARS: usize = 40;
/// The most characters of a seed (`seeds/README.md`).
const MOST_SEED_CHARS: usize = 2_000;
/// Stands for the request in the rule's example, which is to hold nothing harmful.
const HARMLESS_ZH: &str = "介绍一下春天的天气";
const HARMLESS_EN: &str = "describe the weather in spring";

/// What is proposed because of one attack. Every part is a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What it is named after: files and ids begin with it.
    pub id: String,
    /// An entry of a pattern file, as in `packs/base/patterns`. `None`: the attack has no frame of its own.
    pub rule: Option<String>,
    /// Sections of a seed file.
    pub seeds: String,
    /// An entry of a file of standard answers, with the status `draft`.
    pub answer: Option<String>,
    /// What the person who decides should know.
    pub notes: Vec<String>,
}

/// What is known of an attack.
struct Of<'a> {
    id: String,
    goal: &'a str,
    lang: String,
    risk: Option<Risk>,
    attack: Option<Attack>,
    turns: Vec<&'a str>,
    template: Option<&'a str>,
}

/// From an attempt of a campaign.
pub fn from_attempt(attempt: &Attempt) -> Proposal {
    of(&Of {
        id: attempt.key.clone(),
        goal: &attempt.goal,
        lang: attempt.lang.clone(),
        risk: attempt.risk,
        attack: attempt.attacks.first().copied(),
        turns: attempt.transcript.iter().filter(|t| t.speaker == Speaker::User).map(|t| t.text.as_str()).collect(),
        template: attempt.lineage.as_ref().and_then(|l| l.template.as_deref()),
    })
}

/// From a submission to the range.
pub fn from_submission(submission: &Submission) -> Proposal {
    let finding = &submission.finding;
    let mut proposal = of(&Of {
        id: submission.id.clone(),
        goal: &finding.goal,
        lang: crate::instruction::Instruction::written(&finding.goal, None, None).lang,
        risk: finding.risk,
        attack: Some(finding.attack),
        turns: finding.turns.iter().map(String::as_str).collect(),
        template: None,
    });
    if submission.grade.is_none() {
        proposal
            .notes
            .push("the submission is not graded yet; have it reproduced before a rule is taken over".to_owned());
    }
    proposal
}

impl Proposal {
    /// Writes `ID.rule.toml`, `ID.seeds`, `ID.answer.toml` and `ID.notes.md` into a folder; what is absent is not written.
    ///
    /// # Errors
    /// [`Error::File`] when the folder or a file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<Vec<PathBuf>, Error> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::File { path, doing: "written", source }
        };
        std::fs::create_dir_all(dir).map_err(failed(dir))?;
        let notes: String = self.notes.iter().map(|n| format!("- {n}\n")).collect();
        let notes = (!notes.is_empty()).then(|| format!("# {}\n\n{notes}", self.id));
        let parts = [
            ("rule.toml", self.rule.as_ref()),
            ("seeds", Some(&self.seeds).filter(|s| !s.is_empty())),
            ("answer.toml", self.answer.as_ref()),
            ("notes.md", notes.as_ref()),
        ];
        let mut written = Vec::new();
        for (ending, text) in parts {
            let Some(text) = text else { continue };
            let path = dir.join(format!("{}.{ending}", self.id));
            std::fs::write(&path, text).map_err(failed(&path))?;
            written.push(path);
        }
        Ok(written)
    }
}

/// Writes proposals into a folder. A rule that an earlier proposal already makes is left out.
///
/// # Errors
/// [`Error::File`] when the folder or a file cannot be written.
pub fn write_all(proposals: &[Proposal], dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut seen = std::collections::HashSet::new();
    let mut written = Vec::new();
    for proposal in proposals {
        let mut proposal = proposal.clone();
        let body = |rule: &String| rule.lines().filter(|l| l.starts_with("regexes")).collect::<String>();
        if proposal.rule.as_ref().is_some_and(|rule| !seen.insert(body(rule))) {
            proposal.rule = None;
            proposal.notes.push("an earlier proposal makes the same rule".to_owned());
        }
        written.extend(proposal.write(dir)?);
    }
    Ok(written)
}

fn of(attack: &Of<'_>) -> Proposal {
    // An id names files: whatever it was, letters and digits remain.
    let id: String = attack.id.chars().filter(char::is_ascii_alphanumeric).take(24).collect::<String>().to_lowercase();
    let id = if id.is_empty() { "attack".to_owned() } else { id };
    let mut notes = Vec::new();
    let frame = frame(attack);
    let rule = match &frame {
        Some(frame) => rule(&id, attack, frame),
        None => None,
    };
    match (&frame, &rule) {
        (None, _) => notes.push(
            "the request stands in the prompt as it is or rewritten, with no frame around it; no rule can tell it, teach the judge".to_owned(),
        ),
        (Some(_), None) => notes.push("the frame has no piece long enough to be told from harmless texts".to_owned()),
        (Some(_), Some(_)) => notes.push("try the rule on harmless traffic before it blocks: `menshen packs check`, then monitor mode".to_owned()),
    }
    if attack.turns.len() > 1 {
        notes.push("the attack takes several turns; a rule sees one, the judge the conversation".to_owned());
    }
    if attack.risk.is_none() {
        notes.push("the attack names no risk, so there is no seed of the request and no answer".to_owned());
    }
    Proposal { seeds: seeds(attack, frame.as_deref()), answer: answer(&id, attack), id, rule, notes }
}

/// The prompt around the request, with `{payload}`. `None`: there is none.
fn frame(attack: &Of<'_>) -> Option<String> {
    let goal = attack.goal.trim();
    let found = match attack.template {
        Some(template) => template.to_owned(),
        None => {
            let turn = attack.turns.iter().rev().find(|t| !goal.is_empty() && t.contains(goal) && t.trim() != goal)?;
            turn.replacen(goal, "{payload}", 1)
        }
    };
    (found.contains("{payload}") && found.replace("{payload}", "").chars().any(char::is_alphanumeric)).then_some(found)
}

/// How much a piece tells.
fn units(piece: &str) -> usize {
    let han = piece.chars().filter(|c| menshen_text::is_han(*c)).count();
    han + 3 * piece.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| w.len() > 1).count()
}

/// The longest pieces of a frame between the ends of its sentences and lines, in their order.
fn pieces(frame: &str) -> Vec<String> {
    let mut all: Vec<(usize, String)> = Vec::new();
    for part in frame.split("{payload}") {
        for piece in part.split(['\n', '。', '！', '？', '；', '!', '?', ';', '.', '：', ':', '{', '}', '<', '>', '"'])
        {
            let piece: String =
                piece.trim_matches(|c: char| !c.is_alphanumeric()).chars().take(MOST_PIECE_CHARS).collect();
            if units(&piece) >= LEAST_UNITS && !all.iter().any(|(_, p)| *p == piece) {
                all.push((all.len(), piece));
            }
        }
    }
    all.sort_by_key(|(at, piece)| (std::cmp::Reverse(units(piece)), *at));
    all.truncate(MOST_PIECES);
    all.sort();
    all.into_iter().map(|(_, piece)| piece).collect()
}

fn rule(id: &str, attack: &Of<'_>, frame: &str) -> Option<String> {
    let pieces = pieces(frame);
    let (harmless, other) = if attack.lang == "zh" { (HARMLESS_ZH, "请") } else { (HARMLESS_EN, "Please ") };
    let example = frame.replace("{payload}", harmless);
    let folder = Folder::shared();
    let regexes: Vec<String> = pieces
        .iter()
        .map(|piece| {
            let words: Vec<String> = folder.fold_word(piece).split_whitespace().map(regex::escape).collect();
            words.join(r"\s+")
        })
        .filter(|r| !r.is_empty())
        .collect();
    if regexes.is_empty() {
        return None;
    }
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let list = |texts: &[String]| texts.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(", ");
    // One piece of several is no attack; nor is a harmless request without the frame.
    let mut harmless_texts = vec![format!("{other}{harmless}")];
    if let (Some(first), true) = (pieces.first(), pieces.len() > 1) {
        harmless_texts.push(first.clone());
    }
    let mut out = format!(
        "# Draft from {id}. One attack made it: generalise it, and add texts that look like it and are harmless.\n[[pattern]]\n"
    );
    let _ = writeln!(out, "id = \"attack.proposed.x{id}\"\nlabel = \"proposed\"\nfamily = \"attack\"");
    let _ = writeln!(out, "regexes = [{}]", list(&regexes));
    let _ = writeln!(out, "within_chars = {}\nscore = 0.7", (example.chars().count() + 400).min(4_000));
    if let Some(attack) = attack.attack {
        let _ = writeln!(out, "attack = \"{attack}\"");
    }
    let _ = writeln!(out, "sides = [\"input\", \"tool\"]\nexamples = [{}]", quoted(&example));
    let _ = writeln!(out, "counterexamples = [{}]", list(&harmless_texts));
    Some(out)
}

/// One line of a seed file.
fn line(text: &str) -> Option<String> {
    if text.trim().chars().count() < 2 || text.chars().count() > MOST_SEED_CHARS {
        return None;
    }
    // Alternatives are written `{a|b}`; a bar of a text is none.
    let text = text.trim().replace("\r\n", "\n").replace(['\n', '\r'], "\\n").replace('|', "｜");
    Some(if text.starts_with(['#', '@']) { format!("“{text}”") } else { text })
}

fn seeds(attack: &Of<'_>, frame: Option<&str>) -> String {
    let class = attack.attack.map_or_else(|| "any".to_owned(), |a| a.id().to_owned());
    let lang = if attack.lang == "en" { "en" } else { "zh" };
    let mut out = String::new();
    let mut section = |labels: &str, text: Option<String>| {
        if let Some(text) = text {
            let _ = writeln!(out, "@ lang={lang} {labels}\n{text}");
        }
    };
    let template = frame.filter(|f| f.matches("{payload}").count() == 1).map(|f| f.replace("{payload}", "<payload>"));
    section(
        &format!("attack={class} kind=template risk=none level=none intent=malicious"),
        template.as_deref().and_then(line),
    );
    if let Some(risk) = attack.risk {
        section(&format!("risk={risk} level=risky intent=malicious"), line(attack.goal));
        let tried = attack.turns.iter().rev().find(|t| t.trim() != attack.goal.trim()).filter(|_| template.is_none());
        section(&format!("risk={risk} level=risky attack={class} intent=malicious"), tried.and_then(|t| line(t)));
    }
    out
}

/// A draft of a standard answer, from what a safe answer does.
fn answer(id: &str, attack: &Of<'_>) -> Option<String> {
    let knowledge = Knowledge::shipped().ok()?;
    let entry = knowledge.of(attack.risk?)?;
    let zh = attack.lang != "en";
    let goal = attack.goal.trim();
    if goal.is_empty() {
        return None;
    }
    let law = entry.laws.iter().find(|l| !l.check)?;
    let text = if zh {
        format!(
            "这个请求我不能协助，它涉及{}，参见{}。如果您是为了学习、防范或者维权，我可以介绍相关规定和求助渠道。",
            entry.id.zh(),
            law.zh
        )
    } else {
        format!(
            "I cannot help with this: it concerns {} ({}). I can explain the rules, prevention and where to get help.",
            entry.id.en(),
            law.en
        )
    };
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut out = format!(
        "# Draft. A safe answer here: {}\n[[answer]]\nid = \"draft.{id}\"\nversion = 1\n",
        entry.answer.in_lang(zh)
    );
    let _ = writeln!(out, "questions = [{}]\nanswer = {}", quoted(goal), quoted(&text));
    let _ = writeln!(out, "lang = \"{}\"\napps = []\nstatus = \"draft\"", if zh { "zh" } else { "en" });
    Some(out)
}

#[cfg(test)]
mod tests;
