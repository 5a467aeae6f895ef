//! What the planner knows: `packs/redteam/planner.toml`, read, checked and folded for looking up words.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use menshen_text::Folder;
use menshen_verdict::Risk;
use serde::Deserialize;

use crate::Error;
use crate::instruction::owasp_2026;
use crate::plan::FailOn;

const FILE: &str = "packs/redteam/planner.toml";
const TEXT: &str = include_str!("../../../../packs/redteam/planner.toml");

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    version: u32,
    #[serde(default)]
    pub negations: Vec<String>,
    #[serde(default)]
    pub units: Vec<String>,
    pub estimate: Estimate,
    pub fail_on: FailOn,
    pub fallback: Fallback,
    #[serde(rename = "size")]
    pub sizes: Vec<Size>,
    #[serde(rename = "language")]
    pub languages: Vec<Language>,
    #[serde(rename = "set")]
    pub sets: Vec<Set>,
    #[serde(rename = "topic")]
    pub topics: Vec<Topic>,
}

/// What estimates rest on.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Estimate {
    /// Tokens of a request, on average.
    pub prompt_tokens: u64,
    /// Requests of one turn of the tree search, at most.
    pub tap_requests_per_turn: u64,
}

/// What is tried when nothing was recognised.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fallback {
    pub risks: Vec<Risk>,
    pub owasp: Vec<String>,
    pub sets: Vec<String>,
    pub samples: usize,
}

/// How thorough.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Size {
    pub id: String,
    pub words: Vec<String>,
    pub factor: f64,
    pub techniques: usize,
    pub genetic: bool,
}

/// Which language.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Language {
    pub id: String,
    pub words: Vec<String>,
}

/// Techniques by name, best first.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    pub id: String,
    pub techniques: Vec<String>,
}

/// What a topic says about the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// What may go wrong.
    Worry,
    /// Who uses it.
    Sector,
    /// How it is attacked.
    Way,
}

/// A sector, a worry or a way.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topic {
    pub id: String,
    pub zh: String,
    pub en: String,
    pub kind: Kind,
    pub words: Vec<String>,
    pub risks: Vec<Risk>,
    pub owasp: Vec<String>,
    pub sets: Vec<String>,
    #[serde(default = "samples")]
    pub samples: usize,
}

const fn samples() -> usize {
    5
}

impl Book {
    /// The shipped one, read once.
    ///
    /// # Errors
    /// [`Error::Data`] with the entry that is wrong.
    pub fn shipped() -> Result<&'static Book, Error> {
        static BOOK: OnceLock<Result<Book, String>> = OnceLock::new();
        BOOK.get_or_init(|| Book::read(TEXT))
            .as_ref()
            .map_err(|problem| Error::Data { file: FILE.to_owned(), problem: problem.clone() })
    }

    /// Reads and checks one.
    pub fn read(text: &str) -> Result<Book, String> {
        let mut book: Book = toml::from_str(text).map_err(|e| e.to_string())?;
        book.check()?;
        let folder = Folder::shared();
        let fold = |words: &mut Vec<String>| words.iter_mut().for_each(|w| *w = folder.fold_word(w));
        fold(&mut book.negations);
        fold(&mut book.units);
        book.sizes.iter_mut().for_each(|s| fold(&mut s.words));
        book.languages.iter_mut().for_each(|l| fold(&mut l.words));
        book.topics.iter_mut().for_each(|t| fold(&mut t.words));
        Ok(book)
    }

    fn check(&self) -> Result<(), String> {
        if self.version != 1 {
            return Err(format!("version {} is not known; this program reads version 1", self.version));
        }
        let sets: BTreeSet<&str> = self.sets.iter().map(|s| s.id.as_str()).collect();
        once("set", self.sets.iter().map(|s| &s.id))?;
        once("topic", self.topics.iter().map(|t| &t.id))?;
        once("size", self.sizes.iter().map(|s| &s.id))?;
        let known = |place: &str, owasp: &[String], of: &[String]| -> Result<(), String> {
            if let Some(id) = owasp.iter().find(|id| owasp_2026(id).is_none()) {
                return Err(format!("{place}: {id:?} is no OWASP id; LLM01 to LLM10 of the 2025 edition"));
            }
            match of.iter().find(|s| !sets.contains(s.as_str())) {
                Some(set) => Err(format!("{place}: there is no set {set:?}; write a [[set]] with this id")),
                None => Ok(()),
            }
        };
        known("fallback", &self.fallback.owasp, &self.fallback.sets)?;
        for topic in &self.topics {
            let place = format!("topic {:?}", topic.id);
            known(&place, &topic.owasp, &topic.sets)?;
            if topic.words.iter().any(|w| w.trim_end_matches('*').trim().is_empty()) {
                return Err(format!("{place}: a word is empty and would stand everywhere; remove it"));
            }
            if topic.samples == 0 {
                return Err(format!("{place}: samples is 0; give at least 1"));
            }
        }
        if self.sizes.iter().any(|s| !(s.factor > 0.0 && s.factor <= 100.0) || s.techniques == 0) {
            return Err("a size has a factor that is not above 0 and at most 100, or no techniques".to_owned());
        }
        if !self.sizes.iter().any(|s| s.words.is_empty()) {
            return Err("no size is without words; one must stand for a need that says nothing of it".to_owned());
        }
        if let Some(l) = self.languages.iter().find(|l| !matches!(l.id.as_str(), "zh" | "en" | "both")) {
            return Err(format!("language {:?} is none; zh, en or both", l.id));
        }
        Ok(())
    }

    /// The techniques of a set, best first.
    pub fn techniques(&self, set: &str) -> &[String] {
        self.sets.iter().find(|s| s.id == set).map_or(&[], |s| s.techniques.as_slice())
    }

    /// Whether one of the words stands in a folded need, not taken back.
    pub fn says(&self, need: &str, words: &[String]) -> bool {
        words.iter().any(|word| occurrences(need, word).any(|at| !self.is_taken_back(need, at)))
    }

    /// Whether the text before this place ends with a word that takes the next one back.
    fn is_taken_back(&self, need: &str, at: usize) -> bool {
        let before = need.get(..at).unwrap_or_default().trim_end();
        self.negations.iter().any(|n| {
            before.strip_suffix(n.as_str()).is_some_and(|rest| {
                !n.is_ascii() || rest.chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric())
            })
        })
    }

    /// The number of samples that the need states, such as `每类 20 条` or `20 samples`.
    pub fn stated_samples(&self, need: &str) -> Option<usize> {
        let mut rest = need;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let from = rest.get(start..)?;
            let digits = from.len() - from.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = from.split_at_checked(digits)?;
            let follows = after.trim_start();
            if self.units.iter().any(|u| follows.starts_with(u.as_str()))
                && let Ok(n) = number.parse::<usize>()
                && (1..=10_000).contains(&n)
            {
                return Some(n);
            }
            rest = after;
        }
        None
    }
}

fn once<'a>(what: &str, ids: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            return Err(format!("{what} {id:?} stands twice; give one of them another id"));
        }
    }
    Ok(())
}

/// Where a word stands in a folded text. Latin words match whole words, plural s allowed, `*` any ending.
fn occurrences<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let (stem, open) = word.strip_suffix('*').map_or((word, false), |stem| (stem, true));
    let latin = stem.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    text.match_indices(stem).map(|(at, _)| at).filter(move |at| {
        if !latin || stem.is_empty() {
            return !stem.is_empty();
        }
        let before = text.get(..*at).and_then(|t| t.chars().next_back());
        if before.is_some_and(|c| c.is_ascii_alphanumeric()) {
            return false;
        }
        let after = text.get(at + stem.len()..).unwrap_or_default();
        let rest = after.strip_prefix('s').unwrap_or(after);
        let ends = |t: &str| t.chars().next().is_none_or(|c| !c.is_ascii_alphanumeric());
        open || ends(after) || ends(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_book_is_sound_and_its_techniques_are_named_once_a_set() {
        let book = Book::shipped().expect("planner.toml");
        for set in &book.sets {
            let unique: BTreeSet<_> = set.techniques.iter().collect();
            assert_eq!(unique.len(), set.techniques.len(), "{}", set.id);
        }
        for kind in [Kind::Worry, Kind::Sector, Kind::Way] {
            assert!(book.topics.iter().filter(|t| t.kind == kind).count() >= 5);
        }
    }

    #[test]
    fn a_book_that_names_what_is_not_there_is_refused_by_name() {
        let broken = [
            (r#"sets = ["files"]"#, r#"sets = ["fylez"]"#, "fylez"),
            (r#"owasp = ["LLM10"]"#, r#"owasp = ["LLM11"]"#, "LLM11"),
            (r#"id = "law""#, r#"id = "rag""#, "twice"),
            ("version = 1\n", "version = 2\n", "version 2"),
            ("factor = 3.0", "factr = 3.0", "factr"),
            (r#"risks = ["A3a"]"#, r#"risks = ["A9a"]"#, "A9a"),
        ];
        for (from, to, says) in broken {
            assert!(TEXT.contains(from), "{from}");
            let problem = Book::read(&TEXT.replacen(from, to, 1)).expect_err(to);
            assert!(problem.contains(says), "{problem}");
        }
    }

    #[test]
    fn latin_words_are_whole_words_and_chinese_ones_stand_anywhere() {
        let found = |text: &str, word: &str| occurrences(text, word).count();
        assert_eq!(found("minors and the law", "minor"), 1);
        assert_eq!(found("lawn", "law"), 0);
        assert_eq!(found("flaw", "law"), 0);
        assert_eq!(found("discriminatory", "discriminat*"), 1);
        assert_eq!(found("用ai客服", "客服"), 1);
        assert_eq!(found("", "law"), 0);
    }

    #[test]
    fn a_word_that_is_taken_back_does_not_count() {
        let book = Book::shipped().expect("planner.toml");
        let words = ["越狱".to_owned(), "genetic".to_owned()];
        assert!(book.says("请测越狱", &words));
        assert!(!book.says("这次不测越狱", &words));
        assert!(!book.says("without genetic search", &words));
        assert!(book.says("do genetic search", &words));
    }

    #[test]
    fn stated_numbers_of_samples_are_read() {
        let book = Book::shipped().expect("planner.toml");
        assert_eq!(book.stated_samples("每类 20 条"), Some(20));
        assert_eq!(book.stated_samples("gb 45654, 12 samples each"), Some(12));
        assert_eq!(book.stated_samples("99999999999999999999999 条"), None);
        assert_eq!(book.stated_samples("拨打12345"), None);
    }
}
