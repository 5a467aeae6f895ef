//! Characters that a reader takes for an ASCII one: letters of Greek, Cyrillic, Cherokee, Lisu and phonetic alphabets,
//! enclosed and squared letters, digits of other scripts, typographic punctuation. Han is never among them.

use std::collections::{BTreeMap, HashMap};

/// Target ⇥ characters. See the file's head for what is in it and why.
const LOOK_ALIKES: &str = include_str!("../data/look_alikes.tsv");

/// The zeros of the decimal digits of other scripts (general category Nd, ten in a row each).
const ZEROS: &[u32] = &[
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20,
    0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
    0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0x104A0, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0,
    0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1E140,
    0x1E2F0, 0x1E4F0, 0x1E950,
];

/// The letter A of enclosed alphabets that have no compatibility mapping: negative circled, negative squared and
/// regional indicators.
const ENCLOSED_A: &[u32] = &[0x1F150, 0x1F170, 0x1F1E6];

/// Every look-alike with what it is read as.
pub(crate) fn all() -> HashMap<char, String> {
    let lines = LOOK_ALIKES.lines().filter(|line| !line.starts_with("# "));
    let table = lines
        .filter_map(|line| line.split_once('\t'))
        .flat_map(|(to, from)| from.chars().filter(|c| *c != ' ').map(move |c| (c, to.to_owned())));
    let run = |first: u32, ascii: u8, count: u32| {
        (0..count)
            .filter_map(move |i| Some((char::from_u32(first + i)?, char::from_u32(u32::from(ascii) + i)?.to_string())))
    };
    let digits = ZEROS.iter().flat_map(move |zero| run(*zero, b'0', 10));
    let letters = ENCLOSED_A.iter().flat_map(move |a| run(*a, b'a', 26));
    // ➀ and ❶, ➊ and ⓵ count from one; their tens become two digits.
    let counted = [0x2776_u32, 0x2780, 0x278A, 0x24F5]
        .into_iter()
        .flat_map(|one| (0..10).filter_map(move |i| Some((char::from_u32(one + i)?, (i + 1).to_string()))));
    let listed: BTreeMap<char, String> = table.chain(digits).chain(letters).chain(counted).collect();
    let other_case = |c: char| {
        let (mut lower, mut upper) = (c.to_lowercase(), c.to_uppercase());
        let lower = lower.next().filter(|_| lower.next().is_none());
        let upper = upper.next().filter(|_| upper.next().is_none());
        [lower, upper].into_iter().flatten().filter(move |other| *other != c && !other.is_ascii())
    };
    let mut all = HashMap::new();
    for (c, to) in &listed {
        all.extend(other_case(*c).filter(|other| !listed.contains_key(other)).map(|other| (other, to.clone())));
    }
    all.extend(listed);
    all
}
