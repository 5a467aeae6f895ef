//! Evidence that a text hides from its readers or its checkers.

use menshen_verdict::Span;

use crate::folder::Folder;
use crate::han::is_han;
use crate::invisible::{self, Invisible, is_stackable_mark};
use crate::table::Fold;

/// What a text does to look other than it is. Spans are in the text itself, in order, neighbors merged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Obfuscation {
    /// Zero-width and other invisible characters where no script or emoji needs them, and stacked variation selectors.
    pub invisible: Vec<Span>,
    /// Embeddings, overrides and isolates of direction, and direction marks beside other than right-to-left letters.
    pub bidi: Vec<Span>,
    /// Characters of the tag block (an invisible copy of ASCII) outside of flag emoji.
    pub tags: Vec<Span>,
    /// Words that mix Latin letters with their look-alikes from Greek, Cyrillic and others, or are made of
    /// look-alikes alone in a text that has no other use for that script.
    pub homoglyphs: Vec<Span>,
    /// Words of three and more letters in mathematical, enclosed, squared or small-capital alphabets.
    pub styled: Vec<Span>,
    /// Letters under three and more stacked marks.
    pub zalgo: Vec<Span>,
}

impl Obfuscation {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many places were found, of all kinds.
    pub fn count(&self) -> usize {
        let kinds = [&self.invisible, &self.bidi, &self.tags, &self.homoglyphs, &self.styled, &self.zalgo];
        kinds.iter().map(|spans| spans.len()).sum()
    }
}

fn add(spans: &mut Vec<Span>, span: Span) {
    match spans.last_mut() {
        Some(last) if last.end == span.start => last.end = span.end,
        _ => spans.push(span),
    }
}

/// Scripts that are spelled with joiners (Arabic, Syriac, N'Ko, Mongolian, Indic, Khmer …) or written right to left.
fn uses_joiners(c: char) -> bool {
    matches!(u32::from(c), 0x590..=0x8FF | 0x900..=0xDFF | 0xE00..=0x109F | 0x1780..=0x18AF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFC)
}

fn is_pictograph(c: char) -> bool {
    matches!(u32::from(c), 0x200D | 0x20E3 | 0xFE0F | 0x2190..=0x2BFF | 0x3030 | 0x303D | 0x3297 | 0x3299 | 0x1F000..=0x1FAFF | 0xA9 | 0xAE | 0x203C | 0x2049 | 0x2122 | 0x2139)
}

/// The foreign alphabets whose letters pass for Latin ones.
fn is_foreign(c: char) -> bool {
    matches!(
        u32::from(c),
        0x370..=0x3FF | 0x400..=0x52F | 0x531..=0x587 | 0x13A0..=0x13FF | 0x1C80..=0x1C8F | 0x1F00..=0x1FFF
            | 0x2C80..=0x2CFF | 0xA4D0..=0xA4FF | 0xA640..=0xA69F | 0xAB70..=0xABBF | 0x10400..=0x1044F
    )
}

fn is_styled(c: char) -> bool {
    matches!(
        u32::from(c),
        0x1D400..=0x1D7FF | 0x24B6..=0x24E9 | 0x1F110..=0x1F12B | 0x1F130..=0x1F149 | 0x1F150..=0x1F169
            | 0x1F170..=0x1F189 | 0x1D00..=0x1D22 | 0xA730 | 0xA731 | 0x2102..=0x2134
    )
}

/// Looks at each character for itself; answers whether there are letters that could pose as others.
fn unseen(text: &str, found: &mut Obfuscation) -> bool {
    let mut posing = false;
    let mut before: Option<char> = None;
    let mut flag = false;
    let mut marks = 0_usize;
    let mut letter = 0;
    for (at, c) in text.char_indices() {
        // Han and printable ASCII, nearly all of every text, are what they look like.
        if matches!(c, ' '..='~' | '\u{3400}'..='\u{9FFF}') {
            (before, flag, marks, letter) = (Some(c), false, 0, at);
            continue;
        }
        posing |= is_foreign(c) || is_styled(c);
        let end = at + c.len_utf8();
        let span = Span::new(at, end);
        let after = || text.get(end..).and_then(|rest| rest.chars().next());
        if is_stackable_mark(c) {
            marks += 1;
            if marks == 3 {
                found.zalgo.push(Span::new(letter, end));
            } else if marks > 3
                && let Some(last) = found.zalgo.last_mut()
            {
                last.end = end;
            }
        } else {
            marks = 0;
            letter = at;
        }
        match invisible::kind(c) {
            None => flag = c == '\u{1F3F4}',
            Some(Invisible::Tag) => {
                if !flag {
                    add(&mut found.tags, span);
                }
            }
            Some(Invisible::Bidi) => {
                let is_mark = matches!(c, '\u{200E}' | '\u{200F}' | '\u{61C}');
                let needed = is_mark && (before.is_some_and(uses_joiners) || after().is_some_and(uses_joiners));
                if !needed {
                    add(&mut found.bidi, span);
                }
            }
            Some(Invisible::Joiner) => {
                let spelled = before.is_some_and(uses_joiners);
                let emoji = before.is_some_and(is_pictograph) && after().is_some_and(is_pictograph);
                if !(spelled || emoji) {
                    add(&mut found.invisible, span);
                }
            }
            Some(Invisible::Selector) => {
                let on_symbol = before.is_some_and(|b| {
                    is_pictograph(b) && b != '\u{FE0F}' && b != '\u{200D}'
                        || b.is_ascii_digit()
                        || matches!(b, '#' | '*')
                        || is_han(b)
                        || uses_joiners(b)
                        || !b.is_alphanumeric() && !b.is_ascii() && invisible::kind(b).is_none()
                });
                if !on_symbol {
                    add(&mut found.invisible, span);
                }
            }
            Some(Invisible::Plain) => {
                let typeset = c == '\u{AD}' && before.is_some_and(|b| b.is_ascii_alphabetic());
                let mark_at_start = c == '\u{FEFF}' && at == 0;
                if !(typeset || mark_at_start) {
                    add(&mut found.invisible, span);
                }
            }
        }
        before = Some(c);
    }
    posing
}

impl Folder {
    /// What a text does to look other than it is: evidence for attack E3. Uses of the same characters that a script,
    /// an emoji or a typesetter needs are left out: joiners in Arabic, Indic and emoji sequences, one variation
    /// selector after a symbol or an ideograph, the tags of a flag, the byte order mark at the start.
    ///
    /// ```
    /// use menshen_text::Folder;
    /// let folder = Folder::shared();
    /// assert_eq!(folder.obfuscation("坏\u{200b}词 pаypal").count(), 2);
    /// assert!(folder.obfuscation("家庭👨\u{200d}👩\u{200d}👧 ☀\u{fe0f} Привет").is_empty());
    /// ```
    pub fn obfuscation(&self, text: &str) -> Obfuscation {
        let mut found = Obfuscation::default();
        if text.is_ascii() && !text.bytes().any(|b| b < 0x20 && !b.is_ascii_whitespace() || b == 0x7F) {
            return found;
        }
        if unseen(text, &mut found) {
            self.disguised(text, &mut found);
        }
        found
    }

    fn disguised(&self, text: &str, found: &mut Obfuscation) {
        let reads_ascii = |c: char| match self.fold_char(c) {
            Fold::One(one) => one.is_ascii_alphanumeric(),
            Fold::Many(many) => many.is_ascii(),
            Fold::Keep | Fold::Drop => false,
        };
        // A text that really uses the script has letters in it that pass for nothing Latin.
        let at_home = text.chars().any(|c| is_foreign(c) && !reads_ascii(c));
        let mut words = Words { text, at: 0 };
        while let Some(span) = words.next() {
            let (mut latin, mut foreign, mut posing, mut styled, mut letters) = (0, 0, 0, 0, 0);
            for c in span.of(text).chars() {
                letters += usize::from(c.is_alphabetic());
                latin += usize::from(c.is_ascii_alphabetic());
                if is_foreign(c) {
                    foreign += 1;
                    posing += usize::from(reads_ascii(c));
                }
                styled += usize::from(is_styled(c));
            }
            let mixed = latin > 0 && posing > 0 && posing == foreign && letters >= 3;
            let posed = latin == 0 && !at_home && posing >= 4 && posing == letters;
            if mixed || posed {
                found.homoglyphs.push(span);
            }
            if styled >= 3 {
                found.styled.push(span);
            }
        }
    }
}

/// Runs of letters, digits, joined invisible characters and enclosed letters that are not Han.
struct Words<'t> {
    text: &'t str,
    at: usize,
}

impl Words<'_> {
    fn next(&mut self) -> Option<Span> {
        let part = |c: char| !is_han(c) && (c.is_alphanumeric() || is_styled(c) || is_stackable_mark(c));
        let rest = self.text.get(self.at..)?;
        let start = self.at + rest.find(part)?;
        let word = self.text.get(start..)?;
        let len = word.find(|c| !part(c) && invisible::kind(c).is_none()).unwrap_or(word.len());
        self.at = start + len;
        let trimmed = word.get(..len)?.trim_end_matches(|c| invisible::kind(c).is_some());
        Some(Span::new(start, start + trimmed.len()))
    }
}
