//! Letters as signals, words and numbers: Morse, Braille, the spelling alphabet, taps, flags.

use pinyin::ToPinyin;

use super::latin::{kept, letter, place, romanise, spell, unspell};
use super::{Apply, Mutator, ROW, Reverse};

/// The rows of this file.
pub(super) const ROWS: &[Mutator] = &[
    Mutator {
        id: "rot47",
        zh: "可见 ASCII 循环移 47 位，汉字先写成拼音",
        en: "Visible ASCII turned by 47. Han goes as pinyin.",
        source: "common use",
        peers: &["aig:rot_encoding"],
        apply: Apply::Text(|t, _| rot47(t)),
        reverse: Reverse::Folded { read: |t| rot47(t).or_else(|| Some(t.to_owned())), fold: romanise },
        ..ROW
    },
    Mutator {
        id: "morse",
        zh: "写成莫尔斯电码，汉字先写成拼音",
        en: "Morse code, what it lacks left out. Han goes as pinyin.",
        source: "ITU-R M.1677-1",
        peers: &["pyrit:Morse", "garak:encoding.InjectMorse", "promptfoo:morse", "aig:morse"],
        apply: Apply::Text(|t, _| spell(t, morse, " ", " / ")),
        reverse: Reverse::Folded { read: |t| unspell(t, morse, " ", " / "), fold: |t| kept(t, morse) },
        ..ROW
    },
    Mutator {
        id: "braille",
        zh: "写成英文盲文，汉字先写成拼音",
        en: "Unified English Braille, uncontracted. Han goes as pinyin.",
        source: "Rules of Unified English Braille, 2013",
        peers: &["pyrit:Braille", "garak:encoding.InjectBraille", "aig:braille"],
        apply: Apply::Text(|t, _| braille(t)),
        reverse: Reverse::Folded { read: read_braille, fold: romanise },
        ..ROW
    },
    Mutator {
        id: "braille_zh",
        zh: "汉字写成现行盲文；没有汉字则不动",
        en: "Han in current Chinese Braille, without tones; nothing without Han",
        source: "GB/T 15720",
        apply: Apply::Text(|t, _| braille_zh(t)),
        ..ROW
    },
    Mutator {
        id: "nato",
        zh: "写成北约拼读词，汉字先写成拼音",
        en: "The spelling alphabet, words divided by a slash. Han goes as pinyin.",
        source: "ICAO Annex 10, volume II",
        peers: &["pyrit:Nato", "garak:encoding.InjectNato", "aig:nato"],
        apply: Apply::Text(|t, _| spell(t, nato, " ", " / ")),
        reverse: Reverse::Folded { read: |t| unspell(t, nato, " ", " / "), fold: |t| kept(t, nato) },
        ..ROW
    },
    Mutator {
        id: "tap_code",
        zh: "写成敲击码，K 作 C，汉字先写成拼音",
        en: "Tap code of letters, K as C. Han goes as pinyin.",
        source: "common use; five rows of five",
        peers: &["aig:tap_code"],
        apply: Apply::Text(|t, _| spell(&k_as_c(t), tap_code, "  ", "   ")),
        reverse: Reverse::Folded { read: |t| unspell(t, tap_code, "  ", "   "), fold: tap_letters },
        ..ROW
    },
    Mutator {
        id: "semaphore",
        zh: "字母写成旗语双臂方向的箭头，汉字先写成拼音",
        en: "Flag semaphore as two arrows a letter, digits behind #. Han goes as pinyin.",
        source: "common use; International Code of Signals",
        peers: &["aig:semaphore"],
        apply: Apply::Text(|t, _| spell(t, semaphore, " ", " / ")),
        reverse: Reverse::Folded { read: |t| unspell(t, semaphore, " ", " / "), fold: |t| kept(t, semaphore) },
        ..ROW
    },
    Mutator {
        id: "a1z26",
        zh: "字母写成序号，汉字先写成拼音",
        en: "Letters by their place, 1 to 26, digits behind #. Han goes as pinyin.",
        source: "common use",
        peers: &["aig:a1z26"],
        apply: Apply::Text(|t, _| spell(t, a1z26, "-", " ")),
        reverse: Reverse::Folded { read: |t| unspell(t, a1z26, "-", " "), fold: |t| kept(t, a1z26) },
        ..ROW
    },
    Mutator {
        id: "roman_numerals",
        zh: "字母序号写成罗马数字，汉字先写成拼音",
        en: "Letters by their place in Roman numerals, digits behind #. Han goes as pinyin.",
        source: "common use",
        peers: &["aig:roman_numerals"],
        apply: Apply::Text(|t, _| spell(t, roman_numerals, "-", " ")),
        reverse: Reverse::Folded { read: |t| unspell(t, roman_numerals, "-", " "), fold: |t| kept(t, roman_numerals) },
        ..ROW
    },
    Mutator {
        id: "multi_tap",
        zh: "写成电话键盘的连按，汉字先写成拼音",
        en: "Letters by presses of a telephone key, digits behind #. Han goes as pinyin.",
        source: "ITU-T E.161",
        apply: Apply::Text(|t, _| spell(t, multi_tap, " ", " / ")),
        reverse: Reverse::Folded { read: |t| unspell(t, multi_tap, " ", " / "), fold: |t| kept(t, multi_tap) },
        ..ROW
    },
];

/// ITU-R M.1677-1; `!`, `&` and `;`, `$`, `_` by common use.
const MORSE: &[(char, &str)] = &[
    ('A', ".-"),
    ('B', "-..."),
    ('C', "-.-."),
    ('D', "-.."),
    ('E', "."),
    ('F', "..-."),
    ('G', "--."),
    ('H', "...."),
    ('I', ".."),
    ('J', ".---"),
    ('K', "-.-"),
    ('L', ".-.."),
    ('M', "--"),
    ('N', "-."),
    ('O', "---"),
    ('P', ".--."),
    ('Q', "--.-"),
    ('R', ".-."),
    ('S', "..."),
    ('T', "-"),
    ('U', "..-"),
    ('V', "...-"),
    ('W', ".--"),
    ('X', "-..-"),
    ('Y', "-.--"),
    ('Z', "--.."),
    ('0', "-----"),
    ('1', ".----"),
    ('2', "..---"),
    ('3', "...--"),
    ('4', "....-"),
    ('5', "....."),
    ('6', "-...."),
    ('7', "--..."),
    ('8', "---.."),
    ('9', "----."),
    ('.', ".-.-.-"),
    (',', "--..--"),
    (':', "---..."),
    ('?', "..--.."),
    ('\'', ".----."),
    ('-', "-....-"),
    ('/', "-..-."),
    ('(', "-.--."),
    (')', "-.--.-"),
    ('"', ".-..-."),
    ('=', "-...-"),
    ('+', ".-.-."),
    ('@', ".--.-."),
    ('!', "-.-.--"),
    ('&', ".-..."),
    (';', "-.-.-."),
    ('$', "...-..-"),
    ('_', "..--.-"),
];

const NATO: [&str; 26] = [
    "Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "India", "Juliett", "Kilo", "Lima",
    "Mike", "November", "Oscar", "Papa", "Quebec", "Romeo", "Sierra", "Tango", "Uniform", "Victor", "Whiskey", "Xray",
    "Yankee", "Zulu",
];
const DIGITS: [&str; 10] = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];

/// The two arms of each letter as directions, seen by the reader.
const FLAGS: [&str; 26] = [
    "↓↙", "↓←", "↓↖", "↓↑", "↓↗", "↓→", "↓↘", "↙←", "↙↖", "↑→", "↙↑", "↙↗", "↙→", "↙↘", "←↖", "←↑", "←↗", "←→", "←↘",
    "↖↑", "↖↗", "↑↘", "↗→", "↗↘", "↖→", "→↘",
];
const TENS: [&str; 3] = ["", "X", "XX"];
const ONES: [&str; 10] = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"];
const KEYS: [&str; 8] = ["ABC", "DEF", "GHI", "JKL", "MNO", "PQRS", "TUV", "WXYZ"];

/// The letters a to z in Braille.
const CELLS: &str = "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵";
/// Signs of Unified English Braille.
const CELL_SIGNS: &[(char, &str)] = &[
    (',', "⠂"),
    (';', "⠆"),
    (':', "⠒"),
    ('.', "⠲"),
    ('!', "⠖"),
    ('?', "⠦"),
    ('\'', "⠄"),
    ('-', "⠤"),
    ('(', "⠐⠣"),
    (')', "⠐⠜"),
    ('"', "⠠⠶"),
    ('/', "⠸⠌"),
    ('[', "⠨⠣"),
    (']', "⠨⠜"),
    ('{', "⠸⠣"),
    ('}', "⠸⠜"),
    ('<', "⠈⠣"),
    ('>', "⠈⠜"),
    ('=', "⠐⠶"),
    ('+', "⠐⠖"),
    ('*', "⠐⠔"),
    ('%', "⠨⠴"),
    ('&', "⠈⠯"),
    ('@', "⠈⠁"),
    ('#', "⠸⠹"),
    ('_', "⠨⠤"),
    ('\\', "⠸⠡"),
];
const NUMBER: char = '⠼';
const LETTER: char = '⠰';
const CAPITAL: char = '⠠';

/// Current Chinese Braille: initials, then finals.
const INITIALS: &[(&str, &str)] = &[
    ("zh", "⠌"),
    ("ch", "⠟"),
    ("sh", "⠱"),
    ("b", "⠃"),
    ("p", "⠏"),
    ("m", "⠍"),
    ("f", "⠋"),
    ("d", "⠙"),
    ("t", "⠞"),
    ("n", "⠝"),
    ("l", "⠇"),
    ("g", "⠛"),
    ("k", "⠅"),
    ("h", "⠓"),
    ("j", "⠛"),
    ("q", "⠅"),
    ("x", "⠓"),
    ("r", "⠚"),
    ("z", "⠵"),
    ("c", "⠉"),
    ("s", "⠎"),
];
const FINALS: &[(&str, &str)] = &[
    ("a", "⠔"),
    ("o", "⠢"),
    ("e", "⠢"),
    ("i", "⠊"),
    ("u", "⠥"),
    ("v", "⠬"),
    ("er", "⠗"),
    ("ai", "⠪"),
    ("ao", "⠖"),
    ("ei", "⠮"),
    ("ou", "⠷"),
    ("ia", "⠫"),
    ("iao", "⠜"),
    ("ie", "⠑"),
    ("iu", "⠳"),
    ("ua", "⠿"),
    ("uai", "⠽"),
    ("ui", "⠺"),
    ("uo", "⠕"),
    ("ve", "⠾"),
    ("an", "⠧"),
    ("ang", "⠦"),
    ("en", "⠴"),
    ("eng", "⠼"),
    ("ian", "⠩"),
    ("iang", "⠭"),
    ("in", "⠣"),
    ("ing", "⠡"),
    ("uan", "⠻"),
    ("uang", "⠶"),
    ("un", "⠒"),
    ("ong", "⠲"),
    ("van", "⠯"),
    ("vn", "⠸"),
    ("iong", "⠹"),
];

fn of_letter(c: char, table: &[&str; 26]) -> Option<String> {
    place(c).and_then(|at| table.get(usize::from(at))).map(|s| (*s).to_owned())
}

/// A digit as it is, behind a mark that no letter's sign has.
fn marked_digit(c: char) -> Option<String> {
    c.is_ascii_digit().then(|| format!("#{c}"))
}

/// The dots and dashes of a character; letters in upper case.
pub(in crate::mutator) fn morse(c: char) -> Option<String> {
    MORSE.iter().find(|(of, _)| *of == c).map(|(_, sign)| (*sign).to_owned())
}

pub(super) fn nato(c: char) -> Option<String> {
    let digit = || c.to_digit(10).and_then(|d| DIGITS.get(usize::try_from(d).ok()?)).map(|s| (*s).to_owned());
    let other = || (c.is_ascii_punctuation() && c != '/').then(|| c.to_string());
    of_letter(c, &NATO).or_else(digit).or_else(other)
}

pub(super) fn semaphore(c: char) -> Option<String> {
    of_letter(c, &FLAGS).or_else(|| marked_digit(c))
}

pub(super) fn a1z26(c: char) -> Option<String> {
    place(c).map(|at| (at + 1).to_string()).or_else(|| marked_digit(c))
}

pub(super) fn roman_numerals(c: char) -> Option<String> {
    let number = |at: u8| {
        let n = usize::from(at) + 1;
        format!("{}{}", TENS.get(n / 10).unwrap_or(&""), ONES.get(n % 10).unwrap_or(&""))
    };
    place(c).map(number).or_else(|| marked_digit(c))
}

/// Five rows of five, K in the place of C.
pub(super) fn tap_code(c: char) -> Option<String> {
    let at = "ABCDEFGHIJLMNOPQRSTUVWXYZ".chars().position(|l| l == c)?;
    Some(format!("{} {}", ".".repeat(at / 5 + 1), ".".repeat(at % 5 + 1)))
}

/// What [`tap_code`] leaves of a text.
pub(super) fn tap_letters(text: &str) -> String {
    kept(&k_as_c(text), tap_code)
}

pub(super) fn k_as_c(text: &str) -> String {
    romanise(text).to_ascii_uppercase().replace('K', "C")
}

/// The key of a telephone, pressed as often as the letter's place on it.
pub(super) fn multi_tap(c: char) -> Option<String> {
    let key = KEYS.iter().zip(2..).find_map(|(letters, key)| Some((key, letters.chars().position(|l| l == c)?)));
    key.map(|(key, at)| key.to_string().repeat(at + 1)).or_else(|| marked_digit(c))
}

pub(super) fn rot47(text: &str) -> Option<String> {
    let turn = |b: u8| if (33..127).contains(&b) { 33 + (b - 33 + 47) % 94 } else { b };
    let text = romanise(text);
    let out: String =
        text.chars().map(|c| u8::try_from(c).ok().filter(u8::is_ascii).map_or(c, |b| turn(b).into())).collect();
    (out != text).then_some(out)
}

fn cell(c: char) -> Option<char> {
    place(c).and_then(|at| CELLS.chars().nth(usize::from(at)))
}

/// The letter a to j whose cell also stands for a digit.
fn digit_letter(c: char) -> Option<char> {
    c.to_digit(10).and_then(|d| "jabcdefghi".chars().nth(usize::try_from(d).ok()?))
}

pub(super) fn braille(text: &str) -> Option<String> {
    if text.chars().any(|c| matches!(c, '⠀'..='⣿')) {
        return None;
    }
    let text = romanise(text);
    let mut out = String::new();
    let mut number = false;
    for c in text.chars() {
        let stays = matches!(c, '.' | ',');
        if let Some(letter) = digit_letter(c) {
            out.extend((!number).then_some(NUMBER));
            out.extend(cell(letter));
            number = true;
            continue;
        }
        if let Some(cell) = cell(c) {
            out.extend(c.is_ascii_uppercase().then_some(CAPITAL));
            out.extend((number && matches!(c, 'a'..='j')).then_some(LETTER));
            out.push(cell);
        } else if let Some((_, sign)) = CELL_SIGNS.iter().find(|(of, _)| *of == c) {
            out.push_str(sign);
        } else {
            out.push(c);
        }
        number = number && stays;
    }
    (out != text).then_some(out)
}

pub(super) fn read_braille(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut number = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let sign = CELL_SIGNS.iter().find(|(_, sign)| rest.starts_with(sign));
        rest = rest.get(c.len_utf8()..)?;
        let read = CELLS.chars().position(|cell| cell == c).and_then(|at| u8::try_from(at).ok());
        if let Some((of, sign)) = sign {
            rest = rest.get(sign.len() - c.len_utf8()..)?;
            number = number && matches!(of, '.' | ',');
            out.push(*of);
        } else if c == NUMBER || c == LETTER {
            number = c == NUMBER;
        } else if c == CAPITAL {
            number = false;
            let next = rest.chars().next()?;
            rest = rest.get(next.len_utf8()..)?;
            let at = CELLS.chars().position(|cell| cell == next).and_then(|at| u8::try_from(at).ok())?;
            out.push(letter(at, 'A'));
        } else if let Some(at) = read {
            number = number && at < 10;
            out.push(if number { char::from(b'0' + (at + 1) % 10) } else { letter(at, 'a') });
        } else {
            number = false;
            out.push(c);
        }
    }
    Some(out)
}

/// A syllable's initial and final in Chinese Braille; y and w only begin syllables that have none.
fn syllable(sound: &str) -> Option<String> {
    let sound = sound.replace('ü', "v");
    let (head, tail) = INITIALS
        .iter()
        .find_map(|(initial, cell)| sound.strip_prefix(initial).map(|tail| (*cell, (*initial, tail))))
        .map_or(("", ("", sound.as_str())), |found| found);
    let (initial, tail) = tail;
    let full = match (initial, tail) {
        ("", "yi") => "i".to_owned(),
        ("", "wu") => "u".to_owned(),
        ("", "yu") => "v".to_owned(),
        ("", "you") => "iu".to_owned(),
        ("", "wei") => "ui".to_owned(),
        ("", "wen") => "un".to_owned(),
        ("", "weng") => "ong".to_owned(),
        ("", "yong") => "iong".to_owned(),
        ("", t) if t.starts_with("yu") => format!("v{}", t.get(2..)?),
        ("", t) if t.starts_with("yi") => t.get(1..)?.to_owned(),
        ("", t) if t.starts_with('y') => format!("i{}", t.get(1..)?),
        ("", t) if t.starts_with('w') => format!("u{}", t.get(1..)?),
        ("j" | "q" | "x", t) if t.starts_with('u') => format!("v{}", t.get(1..)?),
        // The vowel after these is not written.
        ("zh" | "ch" | "sh" | "r" | "z" | "c" | "s", "i") => return Some(head.to_owned()),
        (_, t) => t.to_owned(),
    };
    FINALS.iter().find(|(f, _)| *f == full).map(|(_, cell)| format!("{head}{cell}"))
}

pub(super) fn braille_zh(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut changed = false;
    for c in text.chars() {
        let written = c.to_pinyin().and_then(|sound| syllable(sound.plain()));
        changed |= written.is_some();
        match (written, c) {
            (Some(cells), _) => out.push_str(&cells),
            (None, '，') => out.push('⠐'),
            (None, '。') => out.push_str("⠐⠆"),
            (None, '？') => out.push_str("⠐⠄"),
            (None, '！') => out.push_str("⠰⠂"),
            (None, c) => out.push(c),
        }
    }
    changed.then_some(out)
}
