//! Sentences of the result: data (`packs/assess/sentences.toml`), with figures put into their places.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::result::{Share, Wording};

static SENTENCES: LazyLock<BTreeMap<String, Wording>> = LazyLock::new(|| {
    // A test holds that the file can be read and has every sentence that is asked for.
    toml::from_str(include_str!("../../../packs/assess/sentences.toml")).unwrap_or_default()
});

/// A sentence with figures in its places. One that is missing shows its name: it never passes for another.
pub(crate) fn say(name: &str, places: &[(&str, &dyn std::fmt::Display)]) -> Wording {
    let Some(sentence) = SENTENCES.get(name) else { return Wording::new(name, name) };
    let fill = |text: &str| {
        places
            .iter()
            .fold(text.to_owned(), |text, (place, value)| text.replace(&format!("{{{place}}}"), &value.to_string()))
    };
    Wording { zh: fill(&sentence.zh), en: fill(&sentence.en) }
}

/// As [`say`], with places that are worded in each language.
pub(crate) fn say_with(name: &str, places: &[(&str, &dyn std::fmt::Display)], worded: &[(&str, &Wording)]) -> Wording {
    let filled = say(name, places);
    let put = |text: String, chinese: bool| {
        worded.iter().fold(text, |text, (place, value)| text.replace(&format!("{{{place}}}"), value.get(chinese)))
    };
    Wording { zh: put(filled.zh, true), en: put(filled.en, false) }
}

/// A share as people write it: `91.3%`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// A threshold in parts of a thousand: `90%`, `97.5%`.
pub(crate) fn permille(value: u64) -> String {
    if value.is_multiple_of(10) { format!("{}%", value / 10) } else { format!("{}.{}%", value / 10, value % 10) }
}

/// The two ends of an interval.
pub(crate) fn ends(share: &Share) -> (String, String) {
    (percent(share.low), percent(share.high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_that_is_asked_for_is_there() {
        let sources =
            [include_str!("conclude.rs"), include_str!("conclude/clauses.rs"), include_str!("conclude/tests_of.rs")];
        let asked = regex_free(sources.concat().as_str());
        assert!(asked.len() > 20, "{asked:?}");
        for name in asked {
            assert!(SENTENCES.contains_key(&name), "{name} is not in packs/assess/sentences.toml");
        }
        for (name, sentence) in SENTENCES.iter() {
            let places = |text: &str| {
                let mut all: Vec<String> = text
                    .split('{')
                    .skip(1)
                    .filter_map(|rest| rest.split_once('}'))
                    .map(|(p, _)| p.to_owned())
                    .collect();
                all.sort();
                all.dedup();
                all
            };
            assert_eq!(places(&sentence.zh), places(&sentence.en), "{name}");
        }
    }

    /// The names in `say("…"` and `say_with("…"`.
    fn regex_free(source: &str) -> Vec<String> {
        let mut names = Vec::new();
        for call in ["say(", "say_with("] {
            for (at, _) in source.match_indices(call) {
                let rest = source[at + call.len()..].trim_start();
                if let Some(name) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                    names.push(name.to_owned());
                }
            }
        }
        names
    }

    #[test]
    fn figures_are_written_as_people_write_them() {
        assert_eq!((permille(900), permille(975), percent(0.9134)), ("90%".into(), "97.5%".into(), "91.3%".into()));
        assert_eq!(say("no.such", &[]).zh, "no.such");
        assert_eq!(
            say("test.small", &[("have", &3), ("need", &5)]).en,
            "3 questions were drawn, fewer than the 5 that are required"
        );
    }
}
