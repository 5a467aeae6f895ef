//! What the operators draw from: synonyms, frames of clauses, sentences, prompts for an attacker's model.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

use super::prose::PAYLOAD;
use super::words::Synonyms;
use crate::Error;

const SYNONYMS: (&str, &str) =
    ("packs/redteam/genetic/synonyms.toml", include_str!("../../../../packs/redteam/genetic/synonyms.toml"));
const FRAMES: (&str, &str) =
    ("packs/redteam/genetic/frames.toml", include_str!("../../../../packs/redteam/genetic/frames.toml"));
const SENTENCES: (&str, &str) =
    ("packs/redteam/genetic/sentences.toml", include_str!("../../../../packs/redteam/genetic/sentences.toml"));
const PROMPTS: (&str, &str) =
    ("packs/redteam/prompts/genetic.toml", include_str!("../../../../packs/redteam/prompts/genetic.toml"));

/// The model-driven operators, each with a prompt in both languages.
pub(super) const MODEL_OPERATORS: &[&str] = &["similar", "crossover", "expand", "shorten", "rephrase"];

/// What belongs to one language.
#[derive(Debug)]
pub(super) struct Language {
    pub(super) synonyms: Synonyms,
    /// Beginnings of clauses, longest first, each with its group.
    pub(super) frames: Vec<(String, usize)>,
    /// The same by group.
    pub(super) frame_groups: Vec<Vec<String>>,
    pub(super) sentences: Vec<String>,
    /// Operator to prompt.
    pub(super) prompts: BTreeMap<String, String>,
}

/// The data of both languages.
#[derive(Debug)]
pub(super) struct Data {
    zh: Language,
    en: Language,
}

impl Data {
    /// The data that is built in.
    pub(super) fn shipped() -> Result<&'static Data, Error> {
        static DATA: LazyLock<Result<Data, (String, String)>> =
            LazyLock::new(|| Data::parse(SYNONYMS, FRAMES, SENTENCES, PROMPTS));
        DATA.as_ref().map_err(|(file, problem)| Error::Data { file: file.clone(), problem: problem.clone() })
    }

    /// The data of `zh`, else of English.
    pub(super) fn of(&self, lang: &str) -> &Language {
        if lang == "zh" { &self.zh } else { &self.en }
    }

    /// Reads the four files, each given with its name.
    fn parse(
        synonyms: (&str, &str),
        frames: (&str, &str),
        sentences: (&str, &str),
        prompts: (&str, &str),
    ) -> Result<Data, (String, String)> {
        let words: Lists<Vec<String>> = read(synonyms)?;
        let clauses: Lists<Vec<String>> = read(frames)?;
        let lines: Lists<String> = read(sentences)?;
        let asked: BTreeMap<String, Prompt> = read(prompts)?;
        let language = |lang: &str| -> Result<Language, (String, String)> {
            let of = |file: (&str, &str), problem: Result<(), String>| {
                problem.map_err(|p| (file.0.to_owned(), format!("{lang}: {p}")))
            };
            let groups = words.of(lang);
            of(synonyms, check_words(lang, groups))?;
            of(frames, check_frames(clauses.of(lang)))?;
            of(sentences, check_sentences(lines.of(lang)))?;
            of(prompts, check_prompts(lang, &asked))?;
            let frame_groups: Vec<Vec<String>> = clauses
                .of(lang)
                .iter()
                .map(|g| g.iter().map(|f| f.trim_end_matches('*').to_owned()).collect())
                .collect();
            let mut frames: Vec<(String, usize)> = frame_groups
                .iter()
                .enumerate()
                .flat_map(|(at, group)| group.iter().map(move |f| (f.to_lowercase(), at)))
                .collect();
            frames.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
            Ok(Language {
                synonyms: Synonyms::new(groups.clone()),
                frames,
                frame_groups,
                sentences: lines.of(lang).clone(),
                prompts: asked.iter().map(|(id, p)| (id.clone(), p.of(lang).to_owned())).collect(),
            })
        };
        Ok(Data { zh: language("zh")?, en: language("en")? })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists<T> {
    zh: Vec<T>,
    en: Vec<T>,
}

impl<T> Lists<T> {
    fn of(&self, lang: &str) -> &Vec<T> {
        if lang == "zh" { &self.zh } else { &self.en }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prompt {
    zh: String,
    en: String,
}

impl Prompt {
    fn of(&self, lang: &str) -> &str {
        if lang == "zh" { &self.zh } else { &self.en }
    }
}

fn read<T: serde::de::DeserializeOwned>((file, text): (&str, &str)) -> Result<T, (String, String)> {
    toml::from_str(text).map_err(|e| (file.to_owned(), e.to_string()))
}

/// Groups have two words or more, and no word stands twice.
fn check_words(lang: &str, groups: &[Vec<String>]) -> Result<(), String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (at, group) in groups.iter().enumerate() {
        let entry = at + 1;
        if group.len() < 2 {
            return Err(format!("group {entry} {group:?} has fewer than two words; add one or delete it"));
        }
        for word in group {
            if word.trim() != word || word.is_empty() || word.contains(['{', '}', '\n']) {
                return Err(format!("group {entry}: {word:?} is no word; no spaces around it, no braces"));
            }
            if lang == "zh" && word.chars().count() < 2 {
                return Err(format!(
                    "group {entry}: {word:?} has one character; words of two or more are found safely"
                ));
            }
            if let Some(other) = seen.insert(word.to_lowercase(), entry) {
                return Err(format!("group {entry}: {word:?} stands in group {other} too; keep it in one"));
            }
        }
    }
    Ok(())
}

fn check_frames(groups: &[Vec<String>]) -> Result<(), String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (at, group) in groups.iter().enumerate() {
        let entry = at + 1;
        if group.len() < 2 {
            return Err(format!("group {entry} {group:?} has fewer than two frames; add one or delete it"));
        }
        for frame in group {
            let opening = frame.strip_suffix('*').unwrap_or_default();
            if opening.trim().is_empty() || opening.contains(['*', '{', '}', '\n']) {
                return Err(format!("group {entry}: {frame:?} is no frame; write the words and one `*` at the end"));
            }
            if let Some(other) = seen.insert(opening.to_lowercase(), entry) {
                return Err(format!("group {entry}: {frame:?} stands in group {other} too; keep it in one"));
            }
        }
    }
    Ok(())
}

fn check_sentences(lines: &[String]) -> Result<(), String> {
    if lines.is_empty() {
        return Err("there is no sentence; give at least one".to_owned());
    }
    match lines.iter().position(|l| l.trim().is_empty() || l.contains(['{', '}', '\n'])) {
        Some(at) => Err(format!("sentence {} is empty or has braces or line ends; write one plain sentence", at + 1)),
        None => Ok(()),
    }
}

fn check_prompts(lang: &str, asked: &BTreeMap<String, Prompt>) -> Result<(), String> {
    for id in MODEL_OPERATORS {
        let Some(prompt) = asked.get(*id) else { return Err(format!("there is no [{id}]; add it")) };
        let text = prompt.of(lang);
        if !text.contains(PAYLOAD) || !text.contains("{template}") {
            return Err(format!("[{id}] must name {PAYLOAD} and {{template}}"));
        }
        if (*id == "crossover") != text.contains("{other}") {
            return Err(format!("[{id}]: {{other}} stands in [crossover] and nowhere else"));
        }
    }
    match asked.keys().find(|id| !MODEL_OPERATORS.contains(&id.as_str())) {
        Some(id) => Err(format!("[{id}] is no operator; {}", MODEL_OPERATORS.join(", "))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_data_is_valid_and_large_enough() {
        let data = Data::shipped().expect("valid");
        assert!(data.of("zh").synonyms.groups() >= 250, "{}", data.of("zh").synonyms.groups());
        assert!(data.of("en").synonyms.groups() >= 150, "{}", data.of("en").synonyms.groups());
        assert!(data.of("zh").sentences.len() >= 30 && data.of("en").sentences.len() >= 30);
        assert!(data.of("zh").frame_groups.len() >= 40 && data.of("en").frame_groups.len() >= 40);
    }

    #[test]
    fn a_bad_file_is_named_with_its_entry_and_a_remedy() {
        let bad = |synonyms: &str, frames: &str, sentences: &str| {
            let (file, problem) =
                Data::parse(("s.toml", synonyms), ("f.toml", frames), ("t.toml", sentences), ("p.toml", PROMPTS.1))
                    .expect_err("bad data");
            format!("{file}: {problem}")
        };
        let (s, f, t) = (SYNONYMS.1, FRAMES.1, SENTENCES.1);
        let twice = "zh = [[\"回答\", \"答复\"], [\"回答\", \"作答\"]]\nen = []";
        assert_eq!(bad(twice, f, t), "s.toml: zh: group 2: \"回答\" stands in group 1 too; keep it in one");
        assert!(bad("zh = [[\"答\", \"复\"]]\nen = []", f, t).contains("one character"));
        assert!(bad("zh = []", f, t).starts_with("s.toml: "), "a missing list");
        assert!(bad(s, "zh = [[\"请*\", \"*请\"]]\nen = []", t).contains("is no frame"));
        assert!(bad(s, f, "zh = [\"{payload}\"]\nen = []").contains("sentence 1"));
    }
}
