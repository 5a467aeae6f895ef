//! Labelled texts as training data: which of them can be used, as seeds or as a source of a recipe.

use std::collections::{BTreeMap, BTreeSet};

use menshen_verdict::{Level, Side};
use serde_json::Value;

use super::labels::{Head, Labelled};
use super::section::Words;

impl Labelled {
    /// The labels with enough agreement and score. `None` when the text cannot be used: how it stands to the risk is
    /// not agreed on (for answers: nothing is), or the labels contradict each other.
    pub fn words(&self, agreement: f32, score: f32) -> Option<Words> {
        fn sure<T>(head: &Option<Head<T>>, agreement: f32, score: f32) -> Option<&T> {
            // Shares of votes such as 2/3 are written with four decimals.
            head.as_ref().filter(|h| h.agreement + 1e-4 >= agreement && h.score >= score).map(|h| &h.value)
        }
        let m = &self.material;
        let mut words = Words::new(&m.lang, m.side);
        let level = sure(&self.level, agreement, score).copied();
        let mut risks = sure(&self.risks, agreement, score).cloned();
        match level {
            Some(Level::None) => risks = Some(Vec::new()),
            // A grave level without a risk is a contradiction; with a risk that is not agreed on, nobody could say which.
            Some(_) if risks.as_ref().is_none_or(Vec::is_empty) => return None,
            None if m.side == Side::Input => return None,
            _ => {}
        }
        if let Some(risks) = &risks {
            words.risks(risks);
        }
        let sentiment = sure(&self.sentiment, agreement, score).copied();
        words.heads(level, sure(&self.intent, agreement, score).copied(), sentiment);
        if let Some(topic) = sure(&self.topic, agreement, score) {
            words.put("topic", topic.id());
        }
        match sure(&self.attack, agreement, score) {
            Some(false) => words.attacks(false, &[]),
            Some(true) => words.attacks(true, sure(&self.attacks, agreement, score).map_or(&[], Vec::as_slice)),
            // A seed file takes silence for "no attack", so a text on which the votes differ is of no use.
            None => return None,
        }
        let (bad, refusal) = (sure(&self.unsafe_answer, agreement, score), sure(&self.refusal, agreement, score));
        if m.side == Side::Output && level.is_none() && bad.is_none() && refusal.is_none() {
            return None;
        }
        for (key, value) in [("unsafe", bad), ("refusal", refusal)] {
            if let Some(value) = value {
                words.put(key, if *value { "1" } else { "0" });
            }
        }
        Some(words)
    }

    /// The least agreement among the heads that decide what is done with a text.
    pub fn agreement(&self) -> f32 {
        let of = [
            self.level.as_ref().map(|h| h.agreement),
            self.risks.as_ref().map(|h| h.agreement),
            self.attack.as_ref().map(|h| h.agreement),
        ];
        of.into_iter().map(|a| a.unwrap_or(0.0)).fold(1.0, f32::min)
    }
}

/// A record of an exported JSONL file: flat strings, as the sources of a recipe select on.
pub fn record(labelled: &Labelled, words: &Words) -> BTreeMap<String, String> {
    let mut record: BTreeMap<String, String> = words.pairs().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    record.insert("text".to_owned(), labelled.material.text.clone());
    record.insert("source".to_owned(), "distilled".to_owned());
    record
}

/// The `[[source]]` that a recipe needs to train on exported records: every value that appears, and what it means.
pub fn recipe_source(file: &str, licence: &str, records: &[BTreeMap<String, String>]) -> String {
    let mut values: BTreeSet<(&str, &str)> = BTreeSet::new();
    for record in records {
        let labels = record.iter().filter(|(k, _)| !matches!(k.as_str(), "text" | "source" | "lang"));
        values.extend(labels.map(|(k, v)| (k.as_str(), v.as_str())));
    }
    let quoted = |text: &str| Value::from(text).to_string();
    let mut out = format!(
        "[[source]]\nname = \"distilled\"\nfile = {}\nlicence = {}\nselect = {{ source = \"distilled\" }}\n# A teacher's \
         labels weigh less than people's.\nweight = 0.5\n",
        quoted(file),
        quoted(licence),
    );
    for (key, value) in values {
        let (key_text, value) = (quoted(key), quoted(value));
        out.push_str(&format!("[[source.when]]\nfield = {key_text}\nis = {value}\nlabels = {{ {key} = {value} }}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::labels::tests::{answer, label};
    use super::*;
    use serde::Deserialize;

    #[test]
    fn contradictions_are_not_exported() {
        assert!(label(&[answer("risky", "", 0.1)]).words(0.5, 0.5).is_none());
        let none = label(&[answer("none", "A4a", 0.1)]).words(0.5, 0.5).unwrap().to_string();
        assert!(none.contains("risk=none level=none"), "{none}");
        let attack = label(&[answer("none", "", 0.9)]).words(0.5, 0.5).unwrap().to_string();
        assert!(attack.ends_with("attack=any"), "{attack}");
    }

    #[test]
    fn the_recipe_source_names_every_value() {
        let labelled = label(&[answer("related", "A4a", 0.1)]);
        let words = labelled.words(0.5, 0.5).unwrap();
        let source = recipe_source("d.jsonl", "own", &[record(&labelled, &words)]);
        #[derive(Deserialize)]
        struct Sources {
            source: Vec<crate::recipe::Source>,
        }
        let read: Sources = toml::from_str(&source).unwrap();
        let fields: Vec<&str> = read.source[0].when.iter().map(|w| w.field.as_str()).collect();
        assert_eq!(fields, ["attack", "intent", "level", "risk", "sentiment", "topic"]);
    }
}
