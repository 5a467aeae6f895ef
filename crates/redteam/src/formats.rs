//! Instructions, templates and results of PyRIT, garak and promptfoo, read and written.
//!
//! What is read is somebody else's: nothing in it is executed or fetched, templates are kept as text, and what is not
//! understood is said in a note, never dropped in silence.

use std::collections::BTreeMap;
use std::str::FromStr;

use menshen_verdict::Risk;
use serde_json::Value;

use crate::Error;
use crate::attempt::{Attempt, Outcome};
use crate::instruction::Instruction;
use crate::plan::{FailOn, Genetic, Item, Plan, VERSION};
use crate::score::Score;
use crate::target::Spec;
use crate::turn::{Speaker, Turn, Usage};

mod emit;
mod garak;
mod labels;
mod promptfoo;
mod pyrit;

/// The most bytes of a file.
const MOST_BYTES: usize = 64 << 20;
/// The most characters of a text that becomes an instruction.
const MOST_CHARS: usize = 20_000;

/// Whose format it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// PyRIT 1.1: seed datasets and templates (YAML), exported conversations (JSON).
    Pyrit,
    /// garak 0.17: report and hit log (JSONL), lists of prompts (text or JSON).
    Garak,
    /// promptfoo 0.121: configuration (YAML) and results (JSON).
    Promptfoo,
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "pyrit" => Ok(Format::Pyrit),
            "garak" => Ok(Format::Garak),
            "promptfoo" => Ok(Format::Promptfoo),
            _ => Err(Error::Unknown {
                what: "format",
                name: name.to_owned(),
                remedy: "pyrit, garak or promptfoo".to_owned(),
            }),
        }
    }
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    /// Texts that can be tried, each once.
    pub instructions: Vec<Instruction>,
    /// Templates with `{payload}`.
    pub templates: Vec<String>,
    /// What somebody tried already. Their time is not known (0), and their key follows from their words.
    pub attempts: Vec<Attempt>,
    /// What was not taken over, and why.
    pub notes: Vec<String>,
    /// Items of a plan that the file asks for without giving texts: promptfoo's plugins.
    items: Vec<Item>,
    /// Techniques that the file asks for: promptfoo's strategies.
    techniques: Vec<String>,
}

/// Reads a file of this format. `file` is its name, for messages.
///
/// # Errors
/// [`Error::Data`] with the file, what is wrong, and what is read instead.
pub fn import(format: Format, file: &str, text: &str) -> Result<Imported, Error> {
    let bad = |problem: String| Error::Data { file: file.to_owned(), problem };
    if text.len() > MOST_BYTES {
        return Err(bad(format!("it has more than {MOST_BYTES} bytes; split it")));
    }
    let text = text.trim_start_matches('\u{feff}');
    let mut found = match format {
        Format::Pyrit => pyrit::import(text),
        Format::Garak => garak::import(text),
        Format::Promptfoo => promptfoo::import(text),
    }
    .map_err(bad)?;
    found.finish();
    if found == Imported::default() {
        return Err(bad("there is nothing to try in it: no prompt, no template, no result".to_owned()));
    }
    Ok(found)
}

/// Writes a plan's prompts, each with its instruction and technique, as files of this format: name and content.
///
/// # Errors
/// [`Error::Plan`] when there is no prompt or a value cannot be written.
pub fn export(
    format: Format,
    plan: &Plan,
    prompts: &[(Instruction, String, Vec<Turn>)],
) -> Result<Vec<(String, String)>, Error> {
    let bad = |problem: String| Error::Plan { origin: plan.name.clone(), problem };
    let prompts: Vec<Prompt<'_>> = prompts.iter().filter_map(Prompt::of).collect();
    if prompts.is_empty() {
        return Err(bad("it has no prompt that is text, so there is nothing to write".to_owned()));
    }
    match format {
        Format::Pyrit => pyrit::export(plan, &prompts),
        Format::Garak => garak::export(plan, &prompts),
        Format::Promptfoo => promptfoo::export(plan, &prompts),
    }
    .map_err(bad)
}

/// A prompt to write: turns that are text. Files have no place in these formats.
struct Prompt<'a> {
    instruction: &'a Instruction,
    technique: &'a str,
    turns: Vec<&'a Turn>,
}

impl<'a> Prompt<'a> {
    fn of((instruction, technique, turns): &'a (Instruction, String, Vec<Turn>)) -> Option<Self> {
        let usable = !turns.is_empty() && turns.iter().all(|t| t.files.is_empty());
        usable.then(|| Prompt { instruction, technique, turns: turns.iter().collect() })
    }

    /// The attacker's last words: all there is where a format knows single prompts only.
    fn last(&self) -> &str {
        self.turns.iter().rev().find(|t| t.speaker == Speaker::User).map_or("", |t| t.text.as_str())
    }

    /// Risk and OWASP ids.
    fn categories(&self) -> Vec<String> {
        let risk = self.instruction.risk.map(|r| r.id().to_owned());
        risk.into_iter().chain(self.instruction.owasp.iter().cloned()).collect()
    }
}

impl Imported {
    /// A plan that tries what was read on this target: each text once, plain or with the techniques that the file
    /// asks for. Prompts of attempts are tried again. Templates stay out of it; a note says where they belong.
    ///
    /// # Errors
    /// [`Error::Plan`] when nothing in it can be tried.
    pub fn plan(self, target: Spec) -> Result<Plan, Error> {
        let mut groups: BTreeMap<(Option<Risk>, Option<String>), Vec<String>> = BTreeMap::new();
        let mut add = |risk: Option<Risk>, owasp: &[String], text: String| {
            let texts = groups.entry((risk, owasp.first().cloned())).or_default();
            if !texts.contains(&text) {
                texts.push(text);
            }
        };
        for instruction in self.instructions {
            add(instruction.risk, &instruction.owasp, instruction.text);
        }
        for attempt in self.attempts {
            let mut said = attempt.transcript.iter().filter(|t| t.speaker == Speaker::User);
            if let (Some(turn), None) = (said.next(), said.next()) {
                add(attempt.risk, &attempt.owasp, turn.text.clone());
            }
        }
        let mut items: Vec<Item> = groups
            .into_iter()
            .map(|((risk, owasp), texts)| Item {
                risk,
                owasp,
                texts,
                // The texts only, and nothing drawn from the bank.
                samples: 0,
                techniques: self.techniques.clone(),
                ..item("imported")
            })
            .collect();
        items.extend(self.items.into_iter().map(|item| Item { techniques: self.techniques.clone(), ..item }));
        if items.is_empty() {
            return Err(Error::Plan {
                origin: "imported".to_owned(),
                problem: "it holds templates only; put them into a folder of templates and name instructions in a plan"
                    .to_owned(),
            });
        }
        let plan = Plan {
            version: VERSION,
            name: "imported".to_owned(),
            need: None,
            seed: 1,
            target,
            attacker: None,
            judge: None,
            items,
            genetic: Genetic::default(),
            max_turns: 6,
            fail_on: FailOn::default(),
        };
        plan.check()?;
        Ok(plan)
    }

    /// A text: an instruction, or a template where one of these variables stands in it.
    fn text(&mut self, text: &str, variables: &[&str], category: impl Iterator<Item = String>) {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MOST_CHARS {
            self.note(format!("a text that is empty or has more than {MOST_CHARS} characters was left out"));
            return;
        }
        if let Some(template) = template(text, variables) {
            if !self.templates.contains(&template) {
                self.templates.push(template);
            }
            return;
        }
        let mut made = Instruction::written(text, None, None);
        let mut strange = Vec::new();
        for category in category {
            match labels::of(&category) {
                (None, None) => strange.push(category),
                (risk, owasp) => {
                    made.risk = made.risk.or(risk);
                    made.owasp.extend(owasp.filter(|id| !made.owasp.contains(id)));
                }
            }
        }
        made.harm = made.risk.map_or(made.harm, Instruction::harm_of);
        if !strange.is_empty() {
            self.note(format!("no risk of ours corresponds to {}", strange.join(", ")));
        }
        self.instructions.push(made);
    }

    /// Says something once.
    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Texts once, and a word on templates.
    fn finish(&mut self) {
        let mut seen = std::collections::HashSet::new();
        self.instructions.retain(|i| seen.insert(i.id.clone()));
        if !self.templates.is_empty() {
            self.note(format!(
                "{} templates with {{payload}} were read; they are tried once they stand in a folder of templates",
                self.templates.len()
            ));
        }
    }
}

/// An item with nothing in it yet.
fn item(why: &str) -> Item {
    Item {
        risk: None,
        owasp: None,
        instructions: Vec::new(),
        texts: Vec::new(),
        lang: None,
        samples: 5,
        techniques: Vec::new(),
        repeats: 1,
        why: Some(why.to_owned()),
    }
}

/// The text with `{payload}` where the only variable of a Jinja-like template stands: `{{ prompt }}`, `{{prompt}}`.
/// `None`: it is no template of one of these variables.
fn template(text: &str, variables: &[&str]) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut filled = false;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        match after.split_once("}}") {
            Some((name, after)) if variables.contains(&name.trim_matches([' ', '-', '\n'])) => {
                out.push_str("{payload}");
                filled = true;
                rest = after;
            }
            _ => {
                out.push_str("{{");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    filled.then_some(out)
}

/// What stands for a character that a template would not leave as it is, in Jinja and Nunjucks alike.
const STAND_INS: [(char, &str); 4] =
    [('{', "{{ \"{\" }}"), ('#', "{{ \"#\" }}"), ('\n', "{{ \"\\n\" }}"), ('\r', "{{ \"\\r\" }}")];

/// The text as a Jinja or Nunjucks template that yields it unchanged: what would begin a tag or end a
/// comment, a line end at the end, which Jinja drops, and carriage returns, which it rewrites, are written as strings.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let changes = matches!(
            (c, rest.peek()),
            ('{', Some('{' | '%' | '#' | '\r' | '\n')) | ('#', Some('}')) | ('\n', None) | ('\r', _)
        );
        match STAND_INS.iter().find(|(from, _)| changes && *from == c) {
            Some((_, stand_in)) => out.push_str(stand_in),
            None => out.push(c),
        }
    }
    out
}

/// What [`literal`] made a template of.
fn unliteral(template: &str) -> String {
    STAND_INS.iter().fold(template.to_owned(), |text, (c, stand_in)| text.replace(stand_in, &c.to_string()))
}

/// Somebody else's attempt.
struct Past {
    source: &'static str,
    technique: String,
    goal: String,
    transcript: Vec<Turn>,
    scores: Vec<Score>,
    risk: Option<Risk>,
    owasp: Option<String>,
    problem: Option<String>,
}

impl Past {
    /// As a row. The outcome is what their scores say: one that succeeded is a success, none that could say is none.
    fn attempt(self) -> Attempt {
        let of = Instruction::written(&self.goal, self.risk, self.owasp.as_deref());
        let answered = self.transcript.iter().any(|t| t.speaker == Speaker::Assistant);
        let outcome = if !answered || self.problem.is_some() {
            Outcome::Failed
        } else if self.scores.iter().any(|s| s.success == Some(true)) {
            Outcome::Success
        } else if self.scores.iter().any(|s| s.success == Some(false)) {
            Outcome::Resisted
        } else {
            Outcome::Unscored
        };
        let words =
            serde_json::to_string(&(self.source, &self.technique, &self.goal, &self.transcript)).unwrap_or_default();
        Attempt {
            key: blake3::hash(words.as_bytes()).to_hex().chars().take(16).collect(),
            at_us: 0,
            instruction: of.id,
            goal: of.text,
            lang: of.lang,
            risk: of.risk,
            owasp: of.owasp,
            harm: of.harm,
            technique: format!("{}:{}", self.source, self.technique),
            attacks: Vec::new(),
            requests: u32::from(answered),
            transcript: self.transcript,
            stopped: None,
            outcome,
            scores: self.scores,
            usage: Usage::default(),
            took_ms: 0,
            problem: self.problem.or_else(|| (!answered).then(|| "there was no answer".to_owned())),
            lineage: None,
        }
    }
}

/// A member that is a string.
fn string<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member).and_then(Value::as_str)
}

/// A member that is a string or several.
fn strings(value: &Value, member: &str) -> Vec<String> {
    match value.get(member) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// A number as f32, 0 when there is none.
fn number(value: &Value) -> Option<f32> {
    value.as_f64().map(|n| n as f32).filter(|n| n.is_finite())
}

/// Who speaks, by the role that chats name.
fn speaker(role: &str) -> Speaker {
    match role {
        "assistant" => Speaker::Assistant,
        "system" | "developer" => Speaker::System,
        _ => Speaker::User,
    }
}

/// YAML as a value. Depth and aliases are limited by the parser.
fn yaml(text: &str) -> Result<Value, String> {
    serde_norway::from_str(text).map_err(|e| format!("it is no YAML: {e}"))
}

#[cfg(test)]
mod tests;
