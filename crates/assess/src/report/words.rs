//! The wordings of reports: sentences and headings of both languages, from `packs/assess/report`.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior, Value};

use super::Error;
use super::clean::clean;
use crate::result::Wording;

const WORDS: &str = include_str!("../../../../packs/assess/report/words.toml");

/// Wordings of one language.
pub(super) struct Words {
    pub chinese: bool,
    entries: BTreeMap<String, BTreeMap<String, Wording>>,
    environment: Environment<'static>,
}

impl Words {
    pub(super) fn open(chinese: bool) -> Result<Words, Error> {
        Words::of(WORDS, chinese)
    }

    /// The wordings of another file.
    pub(super) fn of(text: &str, chinese: bool) -> Result<Words, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        Ok(Words { chinese, entries: toml::from_str(text)?, environment })
    }

    fn entry(&self, key: &str) -> Option<&Wording> {
        let (group, name) = key.split_once('.')?;
        self.entries.get(group)?.get(name)
    }

    /// A wording without figures.
    pub(super) fn word(&self, key: &str) -> Result<String, Error> {
        match self.entry(key) {
            Some(wording) => Ok(wording.get(self.chinese).to_owned()),
            None => Err(Error::Wording(key.to_owned())),
        }
    }

    /// The wording of an id that comes from data; an unknown id stands for itself.
    pub(super) fn named(&self, group: &str, id: &str) -> String {
        match self.entries.get(group).and_then(|names| names.get(id)) {
            Some(wording) => wording.get(self.chinese).to_owned(),
            None => clean(id),
        }
    }

    /// A wording with figures in it.
    pub(super) fn say(&self, key: &str, values: Value) -> Result<String, Error> {
        let wording = self.entry(key).ok_or_else(|| Error::Wording(key.to_owned()))?;
        Ok(clean(&self.environment.render_str(wording.get(self.chinese), values)?))
    }

    /// A wording of the assessment itself; where its language is missing, the other one.
    pub(super) fn both(&self, wording: &Wording) -> String {
        let text = wording.get(self.chinese);
        clean(if text.is_empty() { wording.get(!self.chinese) } else { text })
    }

    /// A template's text with its values, for documents that are templates as a whole.
    pub(super) fn fill(&self, template: &str, values: Value) -> Result<String, Error> {
        Ok(self.environment.render_str(template, values)?)
    }
}
