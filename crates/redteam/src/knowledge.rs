//! What is known of each risk: law, typical cases, words to look for, what a safe answer does.

use std::collections::BTreeMap;

use menshen_verdict::Risk;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The files that are shipped.
const SHIPPED: &[(&str, &str)] = &[
    ("packs/redteam/knowledge/a1.toml", include_str!("../../../packs/redteam/knowledge/a1.toml")),
    ("packs/redteam/knowledge/a2.toml", include_str!("../../../packs/redteam/knowledge/a2.toml")),
    ("packs/redteam/knowledge/a3.toml", include_str!("../../../packs/redteam/knowledge/a3.toml")),
    ("packs/redteam/knowledge/a4.toml", include_str!("../../../packs/redteam/knowledge/a4.toml")),
    ("packs/redteam/knowledge/a5.toml", include_str!("../../../packs/redteam/knowledge/a5.toml")),
];

/// The same in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Both {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Both {
    /// The one that is asked for.
    pub fn in_lang(&self, chinese: bool) -> &str {
        if chinese { &self.zh } else { &self.en }
    }
}

/// A statute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Law {
    /// Its name with the article, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// What it says, in Chinese.
    pub about_zh: String,
    /// The same in English.
    pub about_en: String,
    /// Whether the article has to be looked up before it is quoted: its number is not certain or not given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub check: bool,
}

/// What is known of one risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The risk.
    pub id: Risk,
    /// The law.
    pub laws: Vec<Law>,
    /// What typically happens, one line each.
    pub cases: Vec<Both>,
    /// Chinese words to look for; none is an offence by itself.
    pub terms_zh: Vec<String>,
    /// English words to look for.
    pub terms_en: Vec<String>,
    /// What a safe answer does.
    pub answer: Both,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    risk: Vec<Entry>,
}

/// What is known of the 31 risks.
#[derive(Debug, Clone)]
pub struct Knowledge(BTreeMap<Risk, Entry>);

impl Knowledge {
    /// What is shipped: all 31 risks.
    ///
    /// # Errors
    /// [`Error::Data`] with file, risk and remedy, when a shipped file has been damaged.
    pub fn shipped() -> Result<Knowledge, Error> {
        Knowledge::read(SHIPPED)
    }

    /// Reads files; together they say something of every risk, each once.
    ///
    /// # Errors
    /// [`Error::Data`] with file, risk and remedy.
    pub fn read(files: &[(&str, &str)]) -> Result<Knowledge, Error> {
        let mut all = BTreeMap::new();
        let mut last = "knowledge";
        for (file, text) in files {
            last = file;
            let bad = |problem: String| Error::Data { file: (*file).to_owned(), problem };
            let document: File = toml::from_str(text).map_err(|e| bad(e.to_string()))?;
            for entry in document.risk {
                if let Some(problem) = entry.problem() {
                    return Err(bad(format!("{}: {problem}", entry.id)));
                }
                let id = entry.id;
                if all.insert(id, entry).is_some() {
                    return Err(bad(format!("{id} is there twice; put both together")));
                }
            }
        }
        match Risk::ALL.iter().find(|risk| !all.contains_key(risk)) {
            Some(missing) => {
                Err(Error::Data { file: last.to_owned(), problem: format!("nothing is said of {missing}; add it") })
            }
            None => Ok(Knowledge(all)),
        }
    }

    /// What is known of a risk.
    pub fn of(&self, risk: Risk) -> Option<&Entry> {
        self.0.get(&risk)
    }

    /// Risks whose words stand in a text, the most words first: what a need in plain words is about.
    pub fn found_in(&self, text: &str) -> Vec<(Risk, usize)> {
        let folded = text.to_lowercase();
        let words: Vec<&str> = folded.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
        let padded = format!(" {} ", words.join(" "));
        let mut found: Vec<(Risk, usize)> = self
            .0
            .values()
            .map(|entry| {
                // A single Chinese character says too little; English stands as whole words.
                let zh = entry.terms_zh.iter().filter(|t| t.chars().count() > 1 && folded.contains(&t.to_lowercase()));
                let en = entry
                    .terms_en
                    .iter()
                    .filter(|t| padded.contains(&format!(" {} ", t.to_lowercase().replace('-', " "))));
                (entry.id, zh.count() + en.count())
            })
            .filter(|(_, n)| *n > 0)
            .collect();
        found.sort_by_key(|(risk, n)| (std::cmp::Reverse(*n), *risk));
        found
    }
}

impl Entry {
    fn problem(&self) -> Option<String> {
        let empty = |list: &[String]| list.is_empty() || list.iter().any(|t| t.trim().is_empty());
        let blank = |both: &Both| both.zh.trim().is_empty() || both.en.trim().is_empty();
        if self.laws.is_empty() || self.laws.iter().any(|l| l.zh.trim().is_empty() || l.en.trim().is_empty()) {
            Some("it needs at least one law, in Chinese and English".to_owned())
        } else if self.cases.is_empty() || self.cases.iter().any(blank) {
            Some("it needs at least one case, in Chinese and English".to_owned())
        } else if empty(&self.terms_zh) || empty(&self.terms_en) {
            Some("it needs words in both languages, and none of them empty".to_owned())
        } else if blank(&self.answer) {
            Some("it needs what a safe answer does, in Chinese and English".to_owned())
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_known_of_every_risk() {
        let known = Knowledge::shipped().expect("the shipped knowledge");
        for risk in Risk::ALL {
            let entry = known.of(*risk).expect("an entry");
            assert!(entry.laws.iter().any(|law| !law.check), "{risk} has no law that is certain");
            assert!(entry.cases.len() >= 2, "{risk}");
        }
    }

    #[test]
    fn a_need_is_about_the_risks_whose_words_it_uses() {
        let known = Knowledge::shipped().expect("the shipped knowledge");
        assert_eq!(known.found_in("担心有人问杀猪盘话术和跑分").first().map(|(r, _)| *r), Some(Risk::A1h));
        assert_eq!(known.found_in("deepfake and face swap").first().map(|(r, _)| *r), Some(Risk::A4b));
        assert!(known.found_in("请介绍苏州园林").is_empty());
    }

    #[test]
    fn mistakes_name_file_and_risk() {
        let (file, text) = SHIPPED.first().copied().expect("a file");
        let said = |text: &str| Knowledge::read(&[(file, text)]).expect_err("a mistake").to_string();
        assert!(said(text).contains("A2a"), "a risk that is missing is named");
        assert!(said(&text.replace("id = \"A1b\"", "id = \"A1a\"")).contains("twice"));
        assert!(said("risk = 1").contains(file));
    }
}
