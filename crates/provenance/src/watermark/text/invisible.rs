//! A short payload in characters that are not seen.
//!
//! A frame is a byte of magic and length, the payload and its CRC-16; it stands as one run of invisible characters, again
//! and again along the text, so that any passage that holds one whole frame carries the payload. NFC and NFKC keep these
//! characters. Removing format characters and variation selectors removes the mark, and so does every editor that does it:
//! the absence of a mark says nothing.

use crate::Error;

/// The longest payload, in bytes.
pub const LONGEST: usize = 16;
/// The high bits of the first byte of a frame; the low five are the payload's length.
const MAGIC: u8 = 0b1010_0000;

/// Which characters carry the bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Two bits a character: U+200B, U+200C, U+200D, U+2060. Survives most copying; the joiners have an effect between
    /// letters of Arabic and Indic scripts, so no mark is put there.
    ZeroWidth,
    /// Four bits a character: variation selectors U+E0100 … U+E010F. Fewer characters; they stand after letters and
    /// punctuation for which no sequence is registered, never after ideographs (Unicode Ideographic Variation Database) or
    /// emoji.
    VariationSelector,
}

const ZERO_WIDTH: [char; 4] = ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}'];
const SELECTORS: u32 = 0xe0100;

impl Scheme {
    fn bits(self) -> u32 {
        match self {
            Scheme::ZeroWidth => 2,
            Scheme::VariationSelector => 4,
        }
    }

    fn character(self, symbol: u8) -> char {
        match self {
            Scheme::ZeroWidth => ZERO_WIDTH.get(usize::from(symbol)).copied().unwrap_or('\u{200b}'),
            Scheme::VariationSelector => char::from_u32(SELECTORS + u32::from(symbol)).unwrap_or('\u{e0100}'),
        }
    }

    fn symbol(self, c: char) -> Option<u8> {
        match self {
            Scheme::ZeroWidth => ZERO_WIDTH.iter().position(|known| *known == c).and_then(|at| u8::try_from(at).ok()),
            Scheme::VariationSelector => {
                u32::from(c).checked_sub(SELECTORS).filter(|at| *at < 16).and_then(|at| u8::try_from(at).ok())
            }
        }
    }
}

/// Puts a mark into text as it streams by.
#[derive(Debug, Clone)]
pub struct Marker {
    frame: String,
    scheme: Scheme,
    interval: usize,
    /// Visible characters since the last mark.
    since: usize,
    last: Option<char>,
    /// Backticks in a row, and how many opened the code that runs.
    ticks: usize,
    code: usize,
    marked: usize,
}

impl Marker {
    /// `payload` of 1 to 16 bytes; a mark is put about every `interval` characters (at least 8), the first after the first
    /// place that can take one.
    ///
    /// # Errors
    /// When the payload is empty or too long.
    pub fn new(payload: &[u8], scheme: Scheme, interval: usize) -> Result<Marker, Error> {
        let length = u8::try_from(payload.len()).ok().filter(|length| (1..=LONGEST).contains(&usize::from(*length)));
        let Some(length) = length else {
            return Err(Error::Label(format!("a text mark holds 1 to {LONGEST} bytes, not {}", payload.len())));
        };
        let mut bytes = vec![MAGIC | length];
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(&crc(&bytes).to_be_bytes());
        let bits = scheme.bits();
        let mask = u8::MAX >> (8 - bits);
        let frame =
            bytes.iter().flat_map(|byte| (0..8 / bits).rev().map(move |i| scheme.character(byte >> (i * bits) & mask)));
        let interval = interval.max(8);
        Ok(Marker {
            frame: frame.collect(),
            scheme,
            interval,
            since: interval,
            last: None,
            ticks: 0,
            code: 0,
            marked: 0,
        })
    }

    /// The text with marks in it. Pieces may be cut anywhere; code between backticks is left alone.
    pub fn push(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + self.frame.len());
        let mut done = 0;
        for place in self.places(text) {
            out.push_str(text.get(done..place).unwrap_or_default());
            out.push_str(&self.frame);
            done = place;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        out
    }

    /// Where marks go in the next piece of a text, in bytes from the piece's beginning: for callers that edit the text
    /// themselves. What is to stand there is [`Marker::run`].
    pub fn places(&mut self, text: &str) -> Vec<usize> {
        let mut places = Vec::new();
        for (at, c) in text.char_indices() {
            self.fence(c);
            let quiet = self.code == 0 && self.ticks == 0;
            if quiet && self.since >= self.interval && self.last.is_some_and(|last| takes(self.scheme, last, c)) {
                places.push(at);
                self.since = 0;
                self.marked += 1;
            }
            self.since += 1;
            self.last = Some(c);
        }
        places
    }

    /// The invisible characters of one mark.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.frame
    }

    /// How many marks were put so far. None at all where the text is too short, or all code.
    #[must_use]
    pub fn marks(&self) -> usize {
        self.marked
    }

    fn fence(&mut self, c: char) {
        if c == '`' {
            self.ticks += 1;
        } else if self.ticks > 0 {
            if self.code == 0 {
                self.code = self.ticks;
            } else if self.code == self.ticks {
                self.code = 0;
            }
            self.ticks = 0;
        }
    }
}

/// Whether a mark may stand between two characters: between ideographs, after punctuation, or after the space between two
/// words. Not within Latin words, numbers and addresses, nor at what combines.
fn takes(scheme: Scheme, before: char, after: char) -> bool {
    let ideograph = |c: char| matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}');
    let stop = |c: char| matches!(c, '，' | '。' | '！' | '？' | '；' | '：' | '、' | '）' | '”' | '》');
    let letter = |c: char| c.is_ascii_alphabetic() || ideograph(c);
    let before_holds = match scheme {
        Scheme::ZeroWidth => ideograph(before) || stop(before) || before == ' ',
        // A space is stripped with what hangs on it; letters hold. The mark then stands at the end of a word.
        Scheme::VariationSelector => stop(before) || before.is_ascii_alphabetic(),
    };
    let after_holds = match scheme {
        Scheme::ZeroWidth => letter(after) || stop(after),
        Scheme::VariationSelector => ideograph(after) || after == ' ' && before.is_ascii_alphabetic(),
    };
    before_holds && after_holds
}

/// A mark that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// What it says.
    pub payload: Vec<u8>,
    /// How it was written.
    pub scheme: Scheme,
    /// How many whole frames say the same.
    pub copies: usize,
}

/// What [`detect`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detection {
    /// The marks, the most frequent first. More than one: texts were put together.
    pub marks: Vec<Mark>,
    /// Runs of four and more such characters that are no whole frame: a mark that was cut, or characters smuggled for
    /// another end.
    pub broken: usize,
}

/// Looks for marks. A frame counts when its magic, length and CRC-16 are right: chance passes for 1 run in 2^19.
#[must_use]
pub fn detect(text: &str) -> Detection {
    let mut detection = Detection::default();
    for scheme in [Scheme::ZeroWidth, Scheme::VariationSelector] {
        let mut run = Vec::new();
        for c in text.chars().chain(['\n']) {
            match scheme.symbol(c) {
                Some(symbol) => run.push(symbol),
                None => {
                    frames(scheme, &run, &mut detection);
                    run.clear();
                }
            }
        }
    }
    detection.marks.sort_by_key(|mark| std::cmp::Reverse(mark.copies));
    detection
}

/// The text without the characters of both schemes. Joiners between other characters than ours are kept: emoji and several
/// scripts need them.
#[must_use]
pub fn strip(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars().chain(['\n']) {
        if [Scheme::ZeroWidth, Scheme::VariationSelector].iter().any(|scheme| scheme.symbol(c).is_some()) {
            run.push(c);
            continue;
        }
        // One or two may be meant; a frame has no fewer than eight.
        if run.chars().count() < 4 {
            out.push_str(&run);
        }
        run.clear();
        out.push(c);
    }
    out.pop();
    out
}

fn frames(scheme: Scheme, run: &[u8], detection: &mut Detection) {
    let each = 8 / scheme.bits() as usize;
    let mut at = 0;
    let mut whole = false;
    // A run may begin within a frame, or with a joiner of the text before it.
    while let Some(rest) = run.get(at..).filter(|rest| rest.len() >= 4 * each) {
        if let Some((payload, length)) = frame(scheme, rest) {
            whole = true;
            at += length;
            match detection.marks.iter_mut().find(|mark| mark.scheme == scheme && mark.payload == payload) {
                Some(mark) => mark.copies += 1,
                None => detection.marks.push(Mark { payload, scheme, copies: 1 }),
            }
        } else {
            at += 1;
        }
    }
    if run.len() >= 4 && !whole {
        detection.broken += 1;
    }
}

/// The payload of the frame that the symbols begin with, and how many symbols it takes.
fn frame(scheme: Scheme, symbols: &[u8]) -> Option<(Vec<u8>, usize)> {
    let bits = scheme.bits();
    let each = 8 / bits as usize;
    let byte = |i: usize| {
        let symbols = symbols.get(i * each..(i + 1) * each)?;
        Some(symbols.iter().fold(0_u8, |sum, symbol| sum << bits | symbol))
    };
    let head = byte(0)?;
    let length = usize::from(head & 0x1f);
    if head & 0xe0 != MAGIC || !(1..=LONGEST).contains(&length) {
        return None;
    }
    let bytes: Vec<u8> = (0..length + 3).map(byte).collect::<Option<_>>()?;
    let (body, check) = bytes.split_at_checked(length + 1)?;
    (check == crc(body).to_be_bytes()).then(|| (body.iter().skip(1).copied().collect(), (length + 3) * each))
}

/// CRC-16/IBM-3740 (CCITT, initial value FFFF).
pub(in crate::watermark) fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |mut crc, byte| {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
        }
        crc
    })
}

#[cfg(test)]
mod tests;
