//! Other alphabets and styles: what looks like the letter, sounds like it, or stands for it.

use menshen_verdict::Attack;

use super::encodings::latin::{kept, spell, unspell};
use super::invisible::marks::evaded;
use super::{Apply, Group, Mutator, Reverse, joined};
use alphabet::{fold_any, one_of, read_any};

mod alphabet;
mod letters;
mod others;
mod tables;

/// What the rows have in common.
const ROW: Mutator = Mutator { group: Group::Script, attack: Attack::E3, ..super::ROW };

/// The rows.
pub(super) const ALL: &[Mutator] = &joined::<{ ROWS.len() + letters::ROWS.len() }>(ROWS, letters::ROWS);

/// The rows of this file.
const ROWS: &[Mutator] = &[
    Mutator {
        id: "full_width",
        zh: "ASCII 写成全角；没有则不动",
        en: "ASCII as full-width forms; nothing without",
        source: "The Unicode Standard, §18.5",
        peers: &["aig:fullwidth"],
        apply: Apply::Text(|t, rng| evaded("full_width", t, rng)),
        reverse: Reverse::Folded { read: |t| Some(tables::WIDE.read(t)), fold: |t| tables::WIDE.fold_as_is(t) },
        ..ROW
    },
    Mutator {
        id: "emoji_letters",
        zh: "字母随机写进圆圈或方框表情，汉字先写成拼音",
        en: "Letters as circled or squared signs at random, one case. Han goes as pinyin.",
        source: "The Unicode Standard, §22.10",
        peers: &["pyrit:Emoji", "aig:emoji"],
        apply: Apply::Text(|t, rng| {
            one_of(&[&tables::CIRCLED_BLACK, &tables::SQUARED, &tables::SQUARED_BLACK], t, rng)
        }),
        reverse: Reverse::Folded {
            read: |t| Some(read_any(&[&tables::CIRCLED_BLACK, &tables::SQUARED, &tables::SQUARED_BLACK], t)),
            fold: |t| fold_any(&[&tables::CIRCLED_BLACK, &tables::SQUARED, &tables::SQUARED_BLACK], t),
        },
        ..ROW
    },
    Mutator {
        id: "regional_indicator",
        zh: "字母写成区域指示符，数字写成键帽，其余略去，汉字先写成拼音",
        en: "Regional indicators with spaces between, digits as keycaps, the rest left out. Han goes as pinyin.",
        source: "The Unicode Standard, §22.10",
        peers: &["aig:regional_indicator"],
        apply: Apply::Text(|t, _| spell(t, others::regional, " ", "   ")),
        reverse: Reverse::Folded {
            read: |t| unspell(t, others::regional, " ", "   "),
            fold: |t| kept(t, others::regional),
        },
        ..ROW
    },
    Mutator {
        id: "homoglyph",
        zh: "随机小写字母换成西里尔同形字",
        en: "Some small letters as Cyrillic look-alikes at random",
        source: "UTS 39",
        peers: &["pyrit:UnicodeConfusable", "promptfoo:homoglyph"],
        apply: Apply::Text(|t, rng| evaded("homoglyph", t, rng)),
        reverse: Reverse::Folded {
            read: |t| Some(tables::CYRILLIC_LIKE.read(t)),
            fold: |t| tables::CYRILLIC_LIKE.fold_as_is(t),
        },
        ..ROW
    },
    Mutator {
        id: "confusables",
        zh: "字母与汉字随机换成 UTS 39 的易混字符",
        en: "Letters and Han as random characters that UTS 39 takes for them",
        source: "UTS 39",
        peers: &["pyrit:UnicodeConfusable"],
        apply: Apply::Text(others::confusables),
        reverse: Reverse::Folded { read: |t| Some(others::seen(t)), fold: others::seen },
        ..ROW
    },
    Mutator {
        id: "vaporwave",
        zh: "全角字母之间加空格，汉字先写成拼音",
        en: "Full-width letters with spaces between. Han goes as pinyin.",
        source: "common use",
        peers: &["aig:vaporwave"],
        apply: Apply::Text(|t, _| others::vaporwave(t)),
        reverse: Reverse::Folded { read: others::read_vaporwave, fold: |t| tables::WIDE.fold(t) },
        ..ROW
    },
    Mutator {
        id: "diacritics",
        zh: "元音加锐音符，汉字先写成拼音",
        en: "An acute accent on every vowel. Han goes as pinyin.",
        source: "The Unicode Standard, §7.1",
        peers: &["pyrit:Diacritic"],
        apply: Apply::Text(|t, _| others::diacritics(t)),
        reverse: Reverse::Folded { read: |t| Some(others::unaccented(t)), fold: others::bare },
        ..ROW
    },
    Mutator {
        id: "arabic_forms",
        zh: "阿拉伯字母写成独立形；没有则不动",
        en: "Arabic letters as isolated presentation forms; nothing without",
        source: "The Unicode Standard, §9.2",
        peers: &["pyrit:ArabicPresentationForm", "promptfoo:arabicPresentationForms"],
        apply: Apply::Text(|t, _| others::arabic_forms(t)),
        reverse: Reverse::Folded { read: |t| Some(others::read_arabic_forms(t)), fold: others::read_arabic_forms },
        ..ROW
    },
    Mutator {
        id: "tatweel",
        zh: "阿拉伯字母之间加连接线；没有则不动",
        en: "A tatweel between Arabic letters; nothing without",
        source: "The Unicode Standard, §9.2",
        peers: &["pyrit:Tatweel"],
        apply: Apply::Text(|t, _| others::tatweel(t)),
        reverse: Reverse::Exact(|t| Some(t.replace('\u{640}', ""))),
        ..ROW
    },
    Mutator {
        id: "arabizi",
        attack: Attack::E5,
        zh: "阿拉伯字母写成聊天拉丁拼写；没有则不动",
        en: "Arabic as chat Latin with digits, of the Gulf; nothing without",
        source: "common use",
        peers: &["pyrit:Arabizi"],
        apply: Apply::Text(|t, _| others::arabizi(t)),
        ..ROW
    },
    Mutator {
        id: "ogham",
        attack: Attack::E5,
        zh: "字母写成欧甘文，不分大小写，其余略去，汉字先写成拼音",
        en: "Ogham, one case; J and Y as I, K as C, V and W as F, the rest left out. Han goes as pinyin.",
        source: "The Unicode Standard, §8.6",
        peers: &["aig:ogham"],
        apply: Apply::Text(|t, _| spell(&others::ogham_letters(t), others::ogham, "", " ")),
        reverse: Reverse::Folded {
            read: |t| unspell(t, others::ogham, "", " "),
            fold: |t| kept(&others::ogham_letters(t), others::ogham),
        },
        ..ROW
    },
    Mutator {
        id: "hiragana",
        attack: Attack::E5,
        zh: "按罗马字音节写成平假名，汉字先写成拼音",
        en: "Hiragana by romaji syllables. Han goes as pinyin.",
        source: "Hepburn romanisation",
        peers: &["aig:hiragana"],
        apply: Apply::Text(|t, _| others::hiragana(t)),
        ..ROW
    },
    Mutator {
        id: "katakana",
        attack: Attack::E5,
        zh: "按罗马字音节写成片假名，汉字先写成拼音",
        en: "Katakana by romaji syllables. Han goes as pinyin.",
        source: "Hepburn romanisation",
        peers: &["aig:katakana"],
        apply: Apply::Text(|t, _| others::katakana(t)),
        ..ROW
    },
    Mutator {
        id: "aurebesh",
        attack: Attack::E2,
        zh: "字母写成 Aurebesh 字母名，汉字先写成拼音",
        en: "Letters by their Aurebesh names, words divided by a slash. Han goes as pinyin.",
        source: "common use",
        peers: &["aig:aurebesh"],
        apply: Apply::Text(|t, _| spell(t, others::aurebesh, " ", " / ")),
        reverse: Reverse::Folded {
            read: |t| unspell(t, others::aurebesh, " ", " / "),
            fold: |t| kept(t, others::aurebesh),
        },
        ..ROW
    },
    Mutator {
        id: "chemical",
        attack: Attack::E2,
        zh: "单词拼成元素符号，拼不出的字母放进括号，汉字先写成拼音",
        en: "Words as symbols of elements, other letters in brackets. Han goes as pinyin.",
        source: "IUPAC periodic table",
        peers: &["aig:chemical"],
        apply: Apply::Text(|t, _| others::chemical(t)),
        reverse: Reverse::Folded { read: others::read_chemical, fold: others::spaced_lower },
        ..ROW
    },
];

#[cfg(test)]
super::trial::chapter!(ALL, "scripts.tsv");
