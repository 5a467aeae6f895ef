//! Writings in which a letter is not one letter: syllables, names, words, Arabic, marks, look-alikes.

use std::collections::HashMap;
use std::sync::OnceLock;

use fastrand::Rng;
use menshen_text::is_han;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{compose, is_combining_mark};
use unicode_security::confusable_detection::skeleton;

use super::super::encodings::latin::{place, romanise};
use super::tables::WIDE;

/// Syllables of Hepburn and Kunrei, the longest first; a lone consonant gets u.
const KANA: &[(&str, &str)] = &[
    ("kya", "きゃ"),
    ("kyu", "きゅ"),
    ("kyo", "きょ"),
    ("gya", "ぎゃ"),
    ("gyu", "ぎゅ"),
    ("gyo", "ぎょ"),
    ("sha", "しゃ"),
    ("shi", "し"),
    ("shu", "しゅ"),
    ("sho", "しょ"),
    ("cha", "ちゃ"),
    ("chi", "ち"),
    ("chu", "ちゅ"),
    ("cho", "ちょ"),
    ("nya", "にゃ"),
    ("nyu", "にゅ"),
    ("nyo", "にょ"),
    ("hya", "ひゃ"),
    ("hyu", "ひゅ"),
    ("hyo", "ひょ"),
    ("mya", "みゃ"),
    ("myu", "みゅ"),
    ("myo", "みょ"),
    ("rya", "りゃ"),
    ("ryu", "りゅ"),
    ("ryo", "りょ"),
    ("tsu", "つ"),
    ("ka", "か"),
    ("ki", "き"),
    ("ku", "く"),
    ("ke", "け"),
    ("ko", "こ"),
    ("ga", "が"),
    ("gi", "ぎ"),
    ("gu", "ぐ"),
    ("ge", "げ"),
    ("go", "ご"),
    ("sa", "さ"),
    ("si", "し"),
    ("su", "す"),
    ("se", "せ"),
    ("so", "そ"),
    ("za", "ざ"),
    ("zi", "じ"),
    ("zu", "ず"),
    ("ze", "ぜ"),
    ("zo", "ぞ"),
    ("ja", "じゃ"),
    ("ji", "じ"),
    ("ju", "じゅ"),
    ("jo", "じょ"),
    ("ta", "た"),
    ("ti", "ち"),
    ("tu", "つ"),
    ("te", "て"),
    ("to", "と"),
    ("da", "だ"),
    ("di", "ぢ"),
    ("du", "づ"),
    ("de", "で"),
    ("do", "ど"),
    ("na", "な"),
    ("ni", "に"),
    ("nu", "ぬ"),
    ("ne", "ね"),
    ("no", "の"),
    ("ha", "は"),
    ("hi", "ひ"),
    ("hu", "ふ"),
    ("fu", "ふ"),
    ("he", "へ"),
    ("ho", "ほ"),
    ("ba", "ば"),
    ("bi", "び"),
    ("bu", "ぶ"),
    ("be", "べ"),
    ("bo", "ぼ"),
    ("pa", "ぱ"),
    ("pi", "ぴ"),
    ("pu", "ぷ"),
    ("pe", "ぺ"),
    ("po", "ぽ"),
    ("ma", "ま"),
    ("mi", "み"),
    ("mu", "む"),
    ("me", "め"),
    ("mo", "も"),
    ("ya", "や"),
    ("yu", "ゆ"),
    ("yo", "よ"),
    ("ra", "ら"),
    ("ri", "り"),
    ("ru", "る"),
    ("re", "れ"),
    ("ro", "ろ"),
    ("wa", "わ"),
    ("wi", "うぃ"),
    ("we", "うぇ"),
    ("wo", "を"),
    ("sh", "しゅ"),
    ("ch", "ち"),
    ("a", "あ"),
    ("i", "い"),
    ("u", "う"),
    ("e", "え"),
    ("o", "お"),
    ("n", "ん"),
    ("k", "く"),
    ("g", "ぐ"),
    ("s", "す"),
    ("z", "ず"),
    ("j", "じ"),
    ("t", "と"),
    ("d", "ど"),
    ("h", "ふ"),
    ("f", "ふ"),
    ("b", "ぶ"),
    ("p", "ぷ"),
    ("m", "む"),
    ("y", "い"),
    ("r", "る"),
    ("w", "う"),
];

/// Letters that kana lack, by the nearest that they have.
fn kana_letters(text: &str) -> String {
    let text = romanise(text).to_ascii_lowercase();
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            'l' => out.push('r'),
            'v' => out.push('b'),
            'q' => out.push('k'),
            'x' => out.push_str("ks"),
            'c' if chars.peek() != Some(&'h') => out.push('k'),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn hiragana(text: &str) -> Option<String> {
    let letters = kana_letters(text);
    let mut rest = letters.as_str();
    let mut out = String::new();
    let mut any = false;
    while let Some(c) = rest.chars().next() {
        let found = KANA.iter().find(|(latin, _)| rest.starts_with(latin));
        any |= found.is_some();
        let (length, kana) = found.map_or((c.len_utf8(), None), |(latin, kana)| (latin.len(), Some(kana)));
        match kana {
            Some(kana) => out.push_str(kana),
            None => out.push(c),
        }
        rest = rest.get(length..)?;
    }
    any.then_some(out)
}

pub(super) fn katakana(text: &str) -> Option<String> {
    let other = |c| match c {
        'ぁ'..='ゖ' => char::from_u32(u32::from(c) + 0x60).unwrap_or(c),
        _ => c,
    };
    Some(hiragana(text)?.chars().map(other).collect())
}

/// The names of the Aurebesh's letters.
const AUREBESH: [&str; 26] = [
    "Aurek", "Besh", "Cresh", "Dorn", "Esk", "Forn", "Grek", "Herf", "Isk", "Jenth", "Krill", "Leth", "Mern", "Nern",
    "Osk", "Peth", "Qek", "Resh", "Senth", "Trill", "Usk", "Vev", "Wesk", "Xesh", "Yirt", "Zerek",
];

pub(super) fn aurebesh(c: char) -> Option<String> {
    let letter = place(c).and_then(|at| AUREBESH.get(usize::from(at))).map(|name| (*name).to_owned());
    letter.or_else(|| (c.is_ascii_graphic() && c != '/').then(|| c.to_string()))
}

/// The letters that flags are made of, and keycaps for digits.
pub(super) fn regional(c: char) -> Option<String> {
    let flag = || place(c).and_then(|at| char::from_u32(0x1F1E6 + u32::from(at))).map(String::from);
    flag().or_else(|| c.is_ascii_digit().then(|| format!("{c}\u{FE0F}\u{20E3}")))
}

/// Ogham of the Book of Ballymote, with the letters that it lacks by the nearest that it has.
pub(super) fn ogham(c: char) -> Option<String> {
    let c = match c {
        'J' | 'Y' => 'I',
        'K' => 'C',
        'V' | 'W' => 'F',
        c => c,
    };
    let at = "BLFSNHDTCQMGGZRAOUEI".chars().position(|l| l == c && c != 'P' && c != 'X');
    // NG has the place of the second G.
    let sign = match (c, at) {
        ('P', _) => Some('\u{169A}'),
        ('X', _) => Some('\u{1695}'),
        (_, Some(at)) => u32::try_from(at).ok().and_then(|at| char::from_u32(0x1681 + at)),
        _ => None,
    };
    sign.map(String::from)
}

/// What Ogham leaves of a text.
pub(super) fn ogham_letters(text: &str) -> String {
    romanise(text).to_ascii_uppercase().replace(['J', 'Y'], "I").replace('K', "C").replace(['V', 'W'], "F")
}

/// Symbols of chemical elements that words can be spelled with.
const ELEMENTS: &str = "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br \
Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re \
Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl \
Mc Lv Ts Og";

/// Words as symbols of elements, the longest first; letters of no element in brackets.
pub(super) fn chemical(text: &str) -> Option<String> {
    let plain = romanise(text);
    let spell = |word: &str| {
        let mut signs: Vec<String> = Vec::new();
        let mut rest = word;
        while let Some(c) = rest.chars().next() {
            let fits = |symbol: &&str| rest.get(..symbol.len()).is_some_and(|head| head.eq_ignore_ascii_case(symbol));
            let symbol = ELEMENTS.split(' ').filter(fits).max_by_key(|symbol| symbol.len());
            signs.push(symbol.map_or_else(|| format!("({c})"), str::to_owned));
            rest = rest.get(symbol.map_or(c.len_utf8(), str::len)..).unwrap_or_default();
        }
        signs.join("-")
    };
    let words: Vec<String> = plain.split_whitespace().map(spell).collect();
    let written = words.join(" ");
    let spelled = plain.contains(|c: char| c.is_ascii_alphabetic()) && !plain.contains(['(', ')', '-']);
    // "F" is written as it is.
    (spelled && written != text).then_some(written)
}

pub(super) fn read_chemical(text: &str) -> Option<String> {
    Some(text.replace(['-', '(', ')'], "").to_lowercase())
}

/// What is left of a text in element symbols.
pub(super) fn spaced_lower(text: &str) -> String {
    romanise(text).to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Chat Arabic of the Gulf: Arabic letters and what is typed for each.
const ARABIZI: &[(char, &str)] = &[
    ('ا', "a"),
    ('ب', "b"),
    ('ت', "t"),
    ('ث', "th"),
    ('ج', "j"),
    ('ح', "7"),
    ('خ', "5"),
    ('د', "d"),
    ('ذ', "th"),
    ('ر', "r"),
    ('ز', "z"),
    ('س', "s"),
    ('ش', "sh"),
    ('ص', "9"),
    ('ض', "d"),
    ('ط', "6"),
    ('ظ', "z"),
    ('ع', "3"),
    ('غ', "gh"),
    ('ف', "f"),
    ('ق', "8"),
    ('ك', "k"),
    ('ل', "l"),
    ('م', "m"),
    ('ن', "n"),
    ('ه', "h"),
    ('و', "w"),
    ('ي', "y"),
    ('ء', "2"),
    ('آ', "2a"),
    ('أ', "a"),
    ('إ', "a"),
    ('ؤ', "2"),
    ('ئ', "2"),
    ('ة', "a"),
    ('ى', "a"),
];

pub(super) fn arabizi(text: &str) -> Option<String> {
    let mut out = String::new();
    for c in text.chars() {
        match ARABIZI.iter().find(|(arabic, _)| *arabic == c) {
            Some((_, latin)) => out.push_str(latin),
            // Short vowels and the connector are not typed.
            None if matches!(c, '\u{640}' | '\u{64B}'..='\u{652}') => {}
            None => out.push(c),
        }
    }
    (out != text).then_some(out)
}

/// Letters by the code points of their isolated forms, from the compatibility decompositions.
fn isolated() -> &'static HashMap<char, char> {
    static FORMS: OnceLock<HashMap<char, char>> = OnceLock::new();
    FORMS.get_or_init(|| {
        let mut forms = HashMap::new();
        // The isolated form comes first of the forms of a letter; ligatures decompose to more than one.
        for form in '\u{FE80}'..='\u{FEF4}' {
            let mut plain = std::iter::once(form).nfkc();
            if let (Some(letter), None) = (plain.next(), plain.next()) {
                forms.entry(letter).or_insert(form);
            }
        }
        forms
    })
}

pub(super) fn arabic_forms(text: &str) -> Option<String> {
    let out: String = text.chars().map(|c| isolated().get(&c).copied().unwrap_or(c)).collect();
    (out != text).then_some(out)
}

pub(super) fn read_arabic_forms(text: &str) -> String {
    text.chars().flat_map(|c| if matches!(c, '\u{FE80}'..='\u{FEF4}') { c.nfkc().next() } else { Some(c) }).collect()
}

fn arabic_letter(c: char) -> bool {
    matches!(c, '\u{620}'..='\u{63F}' | '\u{641}'..='\u{64A}' | '\u{66E}'..='\u{66F}' | '\u{671}'..='\u{6D3}')
        || matches!(c, '\u{6D5}' | '\u{6EE}'..='\u{6EF}' | '\u{6FA}'..='\u{6FC}' | '\u{6FF}')
}

pub(super) fn tatweel(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut before = false;
    for c in text.chars() {
        out.extend((before && arabic_letter(c)).then_some('\u{640}'));
        before = arabic_letter(c);
        out.push(c);
    }
    (out != text && !text.contains('\u{640}')).then_some(out)
}

/// An acute accent on every vowel, composed where Unicode has the letter.
pub(super) fn diacritics(text: &str) -> Option<String> {
    let plain = romanise(text);
    let accent = |c: char| if "aeiouAEIOU".contains(c) { compose(c, '\u{301}').unwrap_or(c) } else { c };
    let out: String = plain.chars().map(accent).collect();
    (out != plain && out != text).then_some(out)
}

/// What is left of a text without marks.
pub(super) fn bare(text: &str) -> String {
    unaccented(&romanise(&unaccented(text)))
}

/// Without marks.
pub(super) fn unaccented(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).collect()
}

/// Wide letters with spaces between.
pub(super) fn vaporwave(text: &str) -> Option<String> {
    let chars: Vec<String> = romanise(text).chars().map(|c| if c == ' ' { ' '.into() } else { wide(c) }).collect();
    let out = chars.join(" ");
    (out != text && !text.is_empty()).then_some(out)
}

fn wide(c: char) -> String {
    let out = WIDE.write_as_is(c.encode_utf8(&mut [0; 4]));
    out.unwrap_or_else(|| c.into())
}

pub(super) fn read_vaporwave(text: &str) -> Option<String> {
    let every_other: String = text.chars().step_by(2).collect();
    Some(WIDE.read(&every_other))
}

/// The characters that UTS 39 takes for a Latin letter or a Han.
fn lookalikes() -> &'static HashMap<char, Vec<char>> {
    static LIKE: OnceLock<HashMap<char, Vec<char>>> = OnceLock::new();
    LIKE.get_or_init(|| {
        let mut groups: HashMap<char, Vec<char>> = HashMap::new();
        let candidates = ('\u{A1}'..='\u{33FF}').chain('\u{A000}'..='\u{FFFF}').chain('\u{10000}'..='\u{1F1FF}');
        for c in candidates.filter(|c| c.is_alphanumeric() || ('\u{2E80}'..='\u{2FDF}').contains(c)) {
            let text = c.to_string();
            let mut like = skeleton(&text);
            if let (Some(first), None) = (like.next(), like.next())
                && first != c
                && (first.is_ascii_alphabetic() || is_han(first))
            {
                groups.entry(first).or_default().push(c);
            }
        }
        groups
    })
}

pub(super) fn confusables(text: &str, rng: &mut Rng) -> Option<String> {
    let mut like = |c: char| {
        let own = c.to_string();
        let mut own = skeleton(&own);
        // What looks like two letters, such as m like rn, has no one character for it.
        let (Some(first), None) = (own.next(), own.next()) else { return None };
        lookalikes().get(&first).and_then(|all| rng.choice(all)).copied()
    };
    let out: String =
        text.chars().map(|c| if c.is_ascii_alphabetic() || is_han(c) { like(c).unwrap_or(c) } else { c }).collect();
    (out != text).then_some(out)
}

/// The skeleton of UTS 39: the same for texts that look the same.
pub(super) fn seen(text: &str) -> String {
    skeleton(text).collect()
}
