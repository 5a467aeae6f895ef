//! One raw entry of a list → a word, or why it is none.

use menshen_text::{Folder, is_han};

/// Words of more characters than this are sentences; no text holds them as they stand.
pub(super) const MAX_CHARS: usize = 30;

/// Why an entry is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Nothing is left of it.
    Empty,
    /// It holds characters that could not be decoded.
    Undecodable,
    /// It is one character.
    OneCharacter,
    /// It has more than 30 characters.
    TooLong,
    /// It holds nothing but digits and ASCII signs.
    DigitsOrSigns,
    /// It is an address on the web.
    Link,
    /// It is an e-mail address.
    Email,
    /// It is a regular expression, or somebody masked it.
    Pattern,
    /// It wants several words at once (`a+b`), which a keyword cannot say.
    Combination,
    /// Another word is the same after folding.
    Duplicate,
}

impl Reason {
    /// The stable id in reports.
    pub const fn id(self) -> &'static str {
        match self {
            Reason::Empty => "empty",
            Reason::Undecodable => "undecodable",
            Reason::OneCharacter => "one_character",
            Reason::TooLong => "too_long",
            Reason::DigitsOrSigns => "digits_or_signs",
            Reason::Link => "link",
            Reason::Email => "email",
            Reason::Pattern => "pattern",
            Reason::Combination => "combination",
            Reason::Duplicate => "duplicate",
        }
    }

    /// In a few words.
    pub const fn title(self) -> &'static str {
        match self {
            Reason::Empty => "nothing left of it",
            Reason::Undecodable => "characters that cannot be decoded",
            Reason::OneCharacter => "one character",
            Reason::TooLong => "more than 30 characters",
            Reason::DigitsOrSigns => "digits or signs only",
            Reason::Link => "web address",
            Reason::Email => "e-mail address",
            Reason::Pattern => "regular expression or masked",
            Reason::Combination => "several words at once (a+b)",
            Reason::Duplicate => "same as another after folding",
        }
    }
}

/// The word and its fold. What it yields, it yields unchanged again.
pub(super) fn clean(raw: &str, keep_links: bool) -> Result<(String, String), Reason> {
    if raw.contains(char::REPLACEMENT_CHARACTER) {
        return Err(Reason::Undecodable);
    }
    let mut word = raw.to_owned();
    loop {
        let next = step(&word);
        if next == word {
            break;
        }
        word = next;
    }
    let folded = Folder::shared().fold_word(&word).trim().to_owned();
    match refusal(&word, &folded, keep_links) {
        Some(reason) => Err(reason),
        None => Ok((word, folded)),
    }
}

/// Each change makes the word shorter (or only turns white space into blanks), so that repeating it ends.
fn step(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut blank = false;
    for c in word.chars().filter(|c| !is_noise(*c)) {
        if c.is_whitespace() {
            blank = true;
            continue;
        }
        // `6 肖` is one word with a blank in it, `死难 者` one that somebody broke: only there is it noise.
        if blank && !out.is_empty() && !(is_han(c) && out.chars().next_back().is_some_and(is_han)) {
            out.push(' ');
        }
        blank = false;
        out.push(c);
    }
    // Stars between Han characters are how lists disguise their own words; runs of them hide something.
    if out.contains('*') && !out.contains("**") && out.chars().any(is_han) {
        out.retain(|c| c != '*');
    }
    let mut word = out.as_str();
    // Our own files write a leading # so.
    if word.starts_with("\\#") {
        word = &word[1..];
    }
    word = word.trim_matches([',', '，', '、', ';', '；', '|', ' ']);
    for (open, close) in QUOTES {
        if let Some(inner) = word.strip_prefix(*open).and_then(|w| w.strip_suffix(*close)) {
            word = inner;
        }
    }
    word.to_owned()
}

const QUOTES: &[(char, char)] = &[('"', '"'), ('\'', '\''), ('“', '”'), ('‘', '’'), ('「', '」'), ('`', '`')];

/// Characters that nobody sees.
fn is_noise(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
}

fn refusal(word: &str, folded: &str, keep_links: bool) -> Option<Reason> {
    let first = folded.chars().next();
    if first.is_none() {
        return Some(Reason::Empty);
    }
    if folded.chars().nth(1).is_none() {
        return Some(Reason::OneCharacter);
    }
    if folded.chars().all(|c| c.is_ascii() && !c.is_ascii_alphabetic()) {
        return Some(Reason::DigitsOrSigns);
    }
    if !keep_links {
        if is_email(folded) {
            return Some(Reason::Email);
        }
        if is_link(folded) {
            return Some(Reason::Link);
        }
    }
    if word.chars().nth(MAX_CHARS).is_some() {
        return Some(Reason::TooLong);
    }
    if PATTERNS.iter().any(|p| word.contains(p)) {
        return Some(Reason::Pattern);
    }
    let parts = || word.split(['+', '&']).map(str::trim);
    let combined = parts().nth(1).is_some() && parts().all(|p| p.chars().nth(1).is_some());
    (combined && word.chars().any(is_han)).then_some(Reason::Combination)
}

const PATTERNS: &[&str] = &[".*", ".{", ".+", "[^", "(?", "\\d", "\\w", "\\s", "**", "??", "××"];

fn is_email(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !name.contains(' ') && is_host(host))
}

fn is_link(word: &str) -> bool {
    let host = word.split(['/', '?', ':']).next().unwrap_or_default();
    word.contains("://") || word.starts_with("www.") || is_host(host)
}

fn is_host(text: &str) -> bool {
    let label = |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let (mut labels, mut last) = (0, "");
    for part in text.split('.') {
        if !label(part) {
            return false;
        }
        labels += 1;
        last = part;
    }
    // G.M.D and 5.9 are no hosts.
    labels > 1 && (2..=6).contains(&last.len()) && last.bytes().all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cleaned() {
        for (raw, word) in [
            (" \u{feff}甲词\r", "甲词"),
            ("“甲词”，", "甲词"),
            ("\"甲,词\",", "甲,词"),
            ("\\#话题", "#话题"),
            ("*李*某*某", "李某某"),
            ("64死难 者", "64死难者"),
            ("54 式", "54 式"),
            ("kill\t\u{3000}him", "kill him"),
            ("K+粉", "K+粉"),
            ("C++", "C++"),
        ] {
            assert_eq!(clean(raw, false).map(|w| w.0).as_deref(), Ok(word), "{raw}");
        }
    }

    #[test]
    fn what_is_no_word_is_refused_with_its_reason() {
        for (raw, reason) in [
            ("", Reason::Empty),
            ("\u{200b}", Reason::Empty),
            ("坏\u{fffd}", Reason::Undecodable),
            ("淫", Reason::OneCharacter),
            ("１９８９", Reason::DigitsOrSigns),
            ("3+1+4", Reason::DigitsOrSigns),
            ("010268.com", Reason::Link),
            ("http://例子/a", Reason::Link),
            ("bbs.example.com/x?y", Reason::Link),
            ("someone@example.com", Reason::Email),
            ("上海+背景+药物", Reason::Combination),
            ("法.{0,3}轮", Reason::Pattern),
            ("法**", Reason::Pattern),
        ] {
            assert_eq!(clean(raw, false), Err(reason), "{raw}");
        }
        assert_eq!(clean(&"长".repeat(31), false), Err(Reason::TooLong));
        assert!(clean("010268.com", true).is_ok());
    }
}
