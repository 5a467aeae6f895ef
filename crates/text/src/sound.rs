//! 同音: the view by sound, so that 发伦工, `fa lun gong` and `fǎlúngōng` read like 法轮功.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use pinyin::ToPinyin;

use crate::folder::Folder;
use crate::han::is_han;
use crate::view::{Derive, Gap, View};

/// The sound alphabet: one private-use character per toneless syllable, in alphabetical order from here.
const FIRST: u32 = 0xE000;

/// The dense part of the table: extension A and the unified ideographs.
const DENSE: Range<u32> = 0x3400..0xA000;

/// Syllables that only interjections and dialects have; as Latin letters they are words of other languages.
const NOT_SPELLED: &[&str] = &["m", "n", "hm", "lo", "wong", "bong", "fiao", "cei", "nun", "den", "ei"];

/// Longer runs of letters are no pinyin that anybody typed.
const LONGEST_RUN: usize = 48;

/// Longest syllable in letters: `zhuang`.
const LONGEST_SYLLABLE: usize = 6;

/// Slots of the table of spellings.
const SLOTS: usize = 2048;

/// Adds a lower-case letter to a key of up to six, five bits each.
fn pack(key: u32, letter: u8) -> u32 {
    key << 5 | u32::from(letter & 0x1F)
}

fn slot(key: u32) -> usize {
    (key.wrapping_mul(0x9E37_79B1) >> 21) as usize
}

/// The syllables, and which character has which.
pub(crate) struct Syllables {
    /// By code point from [`DENSE`]: the syllable's number plus one, or 0.
    dense: Vec<u16>,
    /// By spelling in ASCII letters (`v` for ü), packed by [`pack`]: open addressing, key 0 is empty.
    spelled: Vec<(u32, u16)>,
    count: u16,
    /// By name in the source.
    numbers: HashMap<&'static str, u16>,
}

impl Syllables {
    pub(crate) fn load() -> Self {
        let mut by_name: BTreeMap<&'static str, Vec<u32>> = BTreeMap::new();
        for code in DENSE.chain(std::iter::once(0x3007)) {
            if let Some(sound) = char::from_u32(code).and_then(|c| c.to_pinyin()) {
                by_name.entry(sound.plain()).or_default().push(code);
            }
        }
        let mut syllables =
            Syllables { dense: vec![0; DENSE.len()], spelled: vec![(0, 0); SLOTS], count: 0, numbers: HashMap::new() };
        for (name, codes) in by_name {
            let number = syllables.count;
            syllables.count += 1;
            syllables.numbers.insert(name, number);
            for code in codes {
                if let Some(slot) = code.checked_sub(DENSE.start).and_then(|at| syllables.dense.get_mut(at as usize)) {
                    *slot = number + 1;
                }
            }
            if !NOT_SPELLED.contains(&name) && name.is_ascii() {
                syllables.spell(name, number);
            }
        }
        for (name, spellings) in
            [("lü", &["lv", "lyu"][..]), ("nü", &["nv", "nyu"]), ("lüe", &["lve", "lue"]), ("nüe", &["nve", "nue"])]
        {
            if let Some(number) = syllables.numbers.get(name).copied() {
                for spelling in spellings {
                    syllables.spell(spelling, number);
                }
            }
        }
        syllables
    }

    fn spell(&mut self, name: &str, number: u16) {
        let key = name.bytes().fold(0, pack);
        let mut at = slot(key);
        // The table is several times as large as the list, so there is always room.
        while let Some(place) = self.spelled.get_mut(at % SLOTS) {
            if place.0 == 0 {
                *place = (key, number);
                return;
            }
            at += 1;
        }
    }

    fn spelled(&self, key: u32) -> Option<u16> {
        let mut at = slot(key);
        loop {
            match self.spelled.get(at % SLOTS) {
                Some((found, number)) if *found == key => return Some(*number),
                Some((0, _)) | None => return None,
                Some(_) => at += 1,
            }
        }
    }

    fn of_char(&self, c: char) -> Option<u16> {
        let code = u32::from(c);
        if DENSE.contains(&code) {
            return self.dense.get((code - DENSE.start) as usize).and_then(|slot| slot.checked_sub(1));
        }
        if !is_han(c) {
            return None;
        }
        c.to_pinyin().and_then(|sound| self.numbers.get(sound.plain())).copied()
    }

    fn letter(number: u16) -> char {
        char::from_u32(FIRST + u32::from(number)).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// Whether a character of the input would be taken for one of ours.
    fn is_letter(&self, c: char) -> bool {
        (FIRST..FIRST + u32::from(self.count)).contains(&u32::from(c))
    }

    /// A run of ASCII letters, each syllable with an optional tone digit, as syllables: number and bytes taken.
    /// `None` when the run is not wholly pinyin. Fewest syllables first, then the longest first.
    fn parse(&self, run: &str) -> Option<Vec<(u16, usize)>> {
        let n = run.len();
        if !(2..=LONGEST_RUN).contains(&n) {
            return None;
        }
        let bytes = run.as_bytes();
        // Every syllable ends in a vowel, n, ng or r, or is followed by its tone.
        if !bytes
            .last()
            .is_some_and(|b| matches!(b, b'a' | b'e' | b'i' | b'o' | b'u' | b'v' | b'n' | b'g' | b'r' | b'0'..=b'5'))
        {
            return None;
        }
        // best[i]: (syllables to the end, number of the first, bytes of the first)
        let mut best: Vec<Option<(usize, u16, usize)>> = vec![None; n + 1];
        *best.last_mut()? = Some((0, 0, 0));
        for i in (0..n).rev() {
            let mut key = 0;
            for (more, letter) in bytes.get(i..).unwrap_or_default().iter().take(LONGEST_SYLLABLE).enumerate() {
                if !letter.is_ascii_lowercase() {
                    break;
                }
                key = pack(key, *letter);
                let len = more + 1;
                let Some(number) = self.spelled(key) else { continue };
                let tone = usize::from(bytes.get(i + len).is_some_and(|b| (b'0'..=b'5').contains(b)));
                let Some((rest, ..)) = best.get(i + len + tone).copied().flatten() else { continue };
                if best.get(i).copied().flatten().is_none_or(|(known, ..)| rest < known)
                    && let Some(slot) = best.get_mut(i)
                {
                    *slot = Some((rest + 1, number, len + tone));
                }
            }
        }
        let mut parsed = Vec::new();
        let mut at = 0;
        while at < n {
            let (_, number, len) = best.get(at).copied().flatten()?;
            parsed.push((number, len));
            at += len;
        }
        Some(parsed)
    }
}

/// What ended right before the place being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Other,
    Han,
    Spelled,
}

struct Sounding<'v> {
    derive: Derive<'v>,
    before: Before,
    /// Separators not yet written: they vanish between syllables of which one is spelled.
    held: Option<Range<usize>>,
    found: bool,
}

impl Sounding<'_> {
    fn syllable(&mut self, number: u16, range: Range<usize>, kind: Before) {
        let spelled = kind == Before::Spelled || self.before == Before::Spelled;
        match self.held.take() {
            Some(held) if spelled && self.before != Before::Other => {
                let spaces = held.len() == 1;
                self.derive.view.push_gap(if spaces { Gap::Spaces } else { Gap::Mixed });
            }
            Some(held) => self.derive.copy(held),
            None => self.derive.carry_gap(range.start),
        }
        self.derive.put(Syllables::letter(number), range);
        self.before = kind;
        self.found = true;
    }

    fn other(&mut self, range: Range<usize>) {
        if let Some(held) = self.held.take() {
            self.derive.copy(held);
        }
        self.derive.copy_with_gaps(range);
        self.before = Before::Other;
    }
}

impl Folder {
    /// The view by sound: each Han character becomes the private-use character of its toneless syllable (the first
    /// reading), and so does each syllable of a run of Latin letters that is pinyin from end to end, with or without
    /// tone digits, spaces or apostrophes. Everything else stays. `None` when there is nothing to sound.
    ///
    /// ```
    /// use menshen_text::Folder;
    /// let folder = Folder::shared();
    /// let sound = |text: &str| folder.sound(&folder.fold(text)).unwrap().text;
    /// assert_eq!(sound("发伦工"), sound("Fǎ lún-gōng"));
    /// assert_eq!(sound("法lun功"), folder.sound_word("法轮功").unwrap());
    /// ```
    pub fn sound(&self, folded: &View) -> Option<View> {
        let text = folded.text.as_str();
        let mut out = Sounding { derive: folded.derive(), before: Before::Other, held: None, found: false };
        let mut at = 0;
        while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let end = at + c.len_utf8();
            if let Some(number) = self.syllables.of_char(c) {
                out.syllable(number, at..end, Before::Han);
            } else if c.is_ascii_alphanumeric() {
                let rest = text.get(at..).unwrap_or_default();
                let len = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                match self.syllables.parse(rest.get(..len).unwrap_or_default()) {
                    Some(parsed) => {
                        let mut from = at;
                        for (number, taken) in parsed {
                            out.syllable(number, from..from + taken, Before::Spelled);
                            from += taken;
                        }
                    }
                    None => out.other(at..at + len),
                }
                at += len;
                continue;
            } else if self.syllables.is_letter(c) {
                out.other(at..at);
                out.derive.put(char::REPLACEMENT_CHARACTER, at..end);
            } else if matches!(c, ' ' | '\'' | '-') && out.before != Before::Other && out.held.is_none() {
                out.held = Some(at..end);
            } else {
                out.other(at..end);
            }
            at = end;
        }
        out.other(at..at);
        out.found.then_some(out.derive.view)
    }

    /// A dictionary word in the sound alphabet; `None` when nothing in it has a sound.
    pub fn sound_word(&self, word: &str) -> Option<String> {
        self.sound(&self.fold(word)).map(|view| view.text)
    }
}
