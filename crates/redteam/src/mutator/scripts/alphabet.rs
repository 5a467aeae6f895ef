//! One letter for another, and back.

use fastrand::Rng;

use super::super::encodings::latin::romanise;

/// Letters and what is written for each, in the same order.
pub(super) struct Alphabet {
    /// Plain characters; of two that are written alike the first is read.
    pub(super) from: &'static str,
    /// What is written.
    pub(super) to: &'static str,
}

impl Alphabet {
    fn put(&self, c: char) -> char {
        self.from.chars().zip(self.to.chars()).find(|(from, _)| *from == c).map_or(c, |(_, to)| to)
    }

    fn get(&self, c: char) -> char {
        self.from.chars().zip(self.to.chars()).find(|(_, to)| *to == c).map_or(c, |(from, _)| from)
    }

    /// Writes a romanised text; nothing if no character is in the alphabet.
    pub(super) fn write(&self, text: &str) -> Option<String> {
        let plain = romanise(text);
        let out: String = plain.chars().map(|c| self.put(c)).collect();
        (out != plain && out != text).then_some(out)
    }

    /// Writes a text as it is, for alphabets of other languages.
    pub(super) fn write_as_is(&self, text: &str) -> Option<String> {
        let out: String = text.chars().map(|c| self.put(c)).collect();
        (out != text).then_some(out)
    }

    /// Reads what was written.
    pub(super) fn read(&self, text: &str) -> String {
        text.chars().map(|c| self.get(c)).collect()
    }

    /// What is left of a text: romanised, and plain where it had characters of this writing.
    pub(super) fn fold(&self, text: &str) -> String {
        self.fold_as_is(&romanise(text))
    }

    /// The same without romanising.
    pub(super) fn fold_as_is(&self, text: &str) -> String {
        text.chars().map(|c| if self.put(c) == c { self.get(c) } else { self.get(self.put(c)) }).collect()
    }

    /// Writes from the end to the beginning.
    pub(super) fn write_back(&self, text: &str) -> Option<String> {
        let plain = romanise(text);
        let out: String = plain.chars().rev().map(|c| self.put(c)).collect();
        (out != text).then_some(out)
    }

    /// Reads what [`Self::write_back`] wrote.
    pub(super) fn read_back(&self, text: &str) -> String {
        text.chars().rev().map(|c| self.get(c)).collect()
    }
}

/// Each letter in one of several alphabets.
pub(super) fn one_of(alphabets: &[&Alphabet], text: &str, rng: &mut Rng) -> Option<String> {
    let plain = romanise(text);
    let out: String = plain.chars().map(|c| rng.choice(alphabets).map_or(c, |a| a.put(c))).collect();
    (out != plain && out != text).then_some(out)
}

/// Reads a text in any of several alphabets.
pub(super) fn read_any(alphabets: &[&Alphabet], text: &str) -> String {
    alphabets.iter().fold(text.to_owned(), |text, alphabet| alphabet.read(&text))
}

/// What is left of a text in any of several alphabets.
pub(super) fn fold_any(alphabets: &[&Alphabet], text: &str) -> String {
    alphabets.iter().fold(romanise(text), |text, alphabet| alphabet.fold_as_is(&text))
}
