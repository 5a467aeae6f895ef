//! What a policy owner decides about distillation: prompts, attributes, filters and budgets, as one TOML file
//! (`models/judge/distill.toml`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use menshen_verdict::{Intent, Level, Risk, Topic};
use serde::{Deserialize, Serialize};

use super::DistillError;

/// Words that a prompt may hold in braces besides the names of attributes.
const PLACEHOLDERS: [&str; 8] = ["risk_id", "risk", "brief", "level", "intent", "task", "count", "examples"];

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The list of general topics, beside this file.
    pub topics: PathBuf,
    /// The folder of seeds that examples are drawn from, beside this file.
    pub seeds: PathBuf,
    /// The seeds that are only ever evaluated on; they may lie inside the folder of seeds. Never shown to the teacher.
    pub evaluation: PathBuf,
    /// The seed of everything random.
    pub seed: u64,
    /// How the teacher is asked.
    #[serde(default)]
    pub asking: Asking,
    /// What a run may cost at most; flags override it.
    #[serde(default)]
    pub budget: Allowance,
    /// How much is asked for.
    #[serde(default)]
    pub plan: Planning,
    /// What is refused.
    #[serde(default)]
    pub filter: Filter,
    /// How mass data is labelled.
    #[serde(default)]
    pub label: Labelling,
    /// The most lines under one `@` line of what is written; a section is never divided between splits.
    #[serde(default = "twelve")]
    pub section_lines: usize,
    /// Which levels and intents are asked for, and in which words.
    #[serde(rename = "cell")]
    pub cells: Vec<CellKind>,
    /// What is varied from request to request.
    #[serde(default, rename = "attribute")]
    pub attributes: Vec<Attribute>,
    /// What a risk is about, by risk id and language.
    #[serde(default)]
    pub brief: BTreeMap<String, BTreeMap<String, String>>,
    /// The prompt, by language.
    pub prompt: BTreeMap<String, Prompt>,
}

const fn twelve() -> usize {
    12
}

/// How the teacher is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Asking {
    /// Sampling temperature of seeds and of votes beyond the first.
    pub temperature: f32,
    /// The most tokens of one answer.
    pub max_tokens: u32,
    /// How often an answer that cannot be used is asked for again.
    pub redraws: u32,
    /// How often a request that failed (429, 5xx, time-out, broken connection) is sent again.
    pub retries: u32,
    /// The first pause before sending again, in milliseconds; it doubles each time, up to a minute.
    pub backoff_ms: u64,
    /// How long one request may take, in milliseconds.
    pub timeout_ms: u64,
    /// Whether the `seed` member of the chat API is sent; a few servers refuse it.
    pub send_seed: bool,
}

impl Default for Asking {
    fn default() -> Self {
        Asking {
            temperature: 0.9,
            max_tokens: 2048,
            redraws: 2,
            retries: 5,
            backoff_ms: 1_000,
            timeout_ms: 120_000,
            send_seed: true,
        }
    }
}

/// What a run may cost at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allowance {
    /// Requests, each attempt counted.
    pub max_requests: Option<u64>,
    /// Tokens of prompts and answers.
    pub max_tokens: Option<u64>,
}

/// How much is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Planning {
    /// Texts for each cell: a risk, level, intent, language and combination of attributes.
    pub per_cell: usize,
    /// Combinations of attributes drawn for each risk, level, intent and language; 0 means all.
    pub combinations: usize,
    /// Existing seeds shown as examples.
    pub examples: usize,
}

impl Default for Planning {
    fn default() -> Self {
        Planning { per_cell: 8, combinations: 6, examples: 4 }
    }
}

/// What is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// The fewest characters of a text.
    pub min_chars: usize,
    /// The most characters of a text.
    pub max_chars: usize,
    /// Texts alike to this degree (Jaccard over character trigrams) say the same.
    pub duplicate: f32,
    /// Texts alike to this degree to an evaluation text leak it.
    pub leak: f32,
    /// How a teacher begins when it refuses. Compared in lower case with the beginning of an answer or text.
    pub refusals: Vec<String>,
}

impl Default for Filter {
    fn default() -> Self {
        // 0.6 is where the data set joins texts to one family, so nothing that passes is moved to evaluation later.
        Filter { min_chars: 4, max_chars: 600, duplicate: 0.7, leak: 0.6, refusals: Vec::new() }
    }
}

/// How mass data is labelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Labelling {
    /// Votes for each text.
    pub votes: u32,
    /// The least share of votes that a label needs to be exported.
    pub agreement: f32,
    /// The least mean score that a label needs to be exported.
    pub score: f32,
    /// The most tokens of one answer.
    pub max_tokens: u32,
    /// What the owner wants to say to the teacher beyond the label tables.
    pub note: String,
}

impl Default for Labelling {
    fn default() -> Self {
        Labelling { votes: 1, agreement: 0.67, score: 0.5, max_tokens: 512, note: String::new() }
    }
}

/// A level and an intent that are asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellKind {
    /// How the texts stand to the risk; `none` means near misses, which only look like it.
    pub level: Level,
    /// Why somebody asks.
    pub intent: Intent,
    /// What to write, by language.
    pub task: BTreeMap<String, String>,
}

/// Something that is varied, such as `scene`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Its name, which is also its placeholder in prompts.
    pub name: String,
    /// Its values.
    pub values: Vec<Value>,
}

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// A short name without blanks; it stands in the files.
    pub id: String,
    /// The words of the prompt in Chinese; without them, Chinese prompts do not use the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zh: Option<String>,
    /// The same in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
    /// Beginnings of the risk ids that it suits; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
}

impl Value {
    /// The words of the prompt in a language.
    pub fn say(&self, lang: &str) -> Option<&str> {
        if lang == "zh" { self.zh.as_deref() } else { self.en.as_deref() }
    }
}

/// The two messages of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// Who the teacher is and what the texts are for.
    pub system: String,
    /// The request, with placeholders.
    pub user: String,
}

impl Config {
    /// Reads a configuration; its relative paths are made to lie beside it.
    ///
    /// # Errors
    /// When it is malformed; the message says where and what to write.
    pub fn read(file: &Path, body: &str) -> Result<Config, DistillError> {
        let bad = |reason: String| DistillError::Config { file: file.display().to_string(), reason };
        let mut config: Config = toml::from_str(body).map_err(|e| bad(e.to_string()))?;
        let beside = file.parent().unwrap_or(Path::new("."));
        for place in [&mut config.topics, &mut config.seeds, &mut config.evaluation] {
            *place = beside.join(&*place);
        }
        config.check().map_err(bad)?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let share = |what: &str, value: f32| {
            if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(format!("{what} is {value}; write 0 to 1")) }
        };
        share("filter.duplicate", self.filter.duplicate)?;
        share("filter.leak", self.filter.leak)?;
        share("label.agreement", self.label.agreement)?;
        share("label.score", self.label.score)?;
        if !(0.0..=2.0).contains(&self.asking.temperature) {
            return Err("asking.temperature lies in 0 to 2".to_owned());
        }
        if !(1..=100).contains(&self.plan.per_cell) {
            return Err("plan.per_cell is 1 to 100: more does not fit one answer; draw more combinations".to_owned());
        }
        if !(1..=15).contains(&self.label.votes) {
            return Err("label.votes is 1 to 15".to_owned());
        }
        if self.section_lines == 0 || self.cells.is_empty() || self.filter.min_chars > self.filter.max_chars {
            return Err(
                "wanted: section_lines above 0, at least one [[cell]], min_chars not above max_chars".to_owned()
            );
        }
        for attribute in &self.attributes {
            if PLACEHOLDERS.contains(&attribute.name.as_str()) {
                return Err(format!("attribute {:?} has the name of a placeholder; choose another", attribute.name));
            }
            let blank = |id: &str| id.is_empty() || id.contains(char::is_whitespace);
            if let Some(value) = attribute.values.iter().find(|v| blank(&v.id)) {
                return Err(format!("value {:?} of {}: an id is one word without blanks", value.id, attribute.name));
            }
        }
        if let Some(id) = self.brief.keys().find(|id| id.parse::<Risk>().is_err()) {
            return Err(format!("[brief.{id}]: {id} is no risk; write A1a to A5b"));
        }
        for (lang, prompt) in &self.prompt {
            if !matches!(lang.as_str(), "zh" | "en") {
                return Err(format!("[prompt.{lang}]: seeds are written in zh or en"));
            }
            for name in placeholders(&prompt.system).chain(placeholders(&prompt.user)) {
                if !PLACEHOLDERS.contains(&name) && !self.attributes.iter().any(|a| a.name == name) {
                    return Err(format!("[prompt.{lang}] names {{{name}}}, which is no placeholder and no attribute"));
                }
            }
        }
        Ok(())
    }

    /// A hash of everything that changes what the teacher is asked for seeds.
    ///
    /// # Errors
    /// Never in practice: the type is JSON.
    pub fn prompts_hash(&self) -> Result<String, DistillError> {
        let said = (&self.cells, &self.attributes, &self.brief, &self.prompt, &self.label.note);
        Ok(super::hash(serde_json::to_string(&said)?.as_bytes()))
    }
}

/// The names in braces.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
}

/// Fills a prompt in one pass: what is put in is not read for placeholders again.
pub(super) fn fill(template: &str, words: &BTreeMap<&str, String>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}').and_then(|(name, tail)| Some((words.get(name)?, tail))) {
            Some((word, tail)) => {
                out.push_str(word);
                rest = tail;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Reads a list of general topics.
///
/// # Errors
/// When it is malformed.
pub fn topics(file: &Path, body: &str) -> Result<Vec<Topic>, DistillError> {
    #[derive(Deserialize)]
    struct List {
        topic: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        id: String,
    }
    let list: List = toml::from_str(body)
        .map_err(|e| DistillError::Config { file: file.display().to_string(), reason: e.to_string() })?;
    Ok(list.topic.into_iter().map(|t| Topic::new(t.id)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_filled_once_and_other_braces_stand() {
        let words = BTreeMap::from([("a", "{b}".to_owned()), ("b", "x".to_owned())]);
        assert_eq!(fill("{a}{b} {\"k\": {c}} {", &words), "{b}x {\"k\": {c}} {");
    }

    #[test]
    fn the_shipped_file_reads_and_mistakes_say_what_to_write() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/judge/distill.toml"));
        let body = std::fs::read_to_string(file).unwrap();
        let config = Config::read(file, &body).unwrap();
        assert!(Risk::ALL.iter().all(|r| config.brief.contains_key(r.id())), "every risk has its brief");
        assert!(config.seeds.is_dir() && config.evaluation.is_dir() && config.topics.is_file());
        let wrong = body.replace("{brief}", "{breif}");
        let error = Config::read(file, &wrong).unwrap_err().to_string();
        assert!(error.contains("{breif}"), "{error}");
    }
}
