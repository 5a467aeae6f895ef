//! The rows that write one letter for another.

use menshen_verdict::Attack;

use super::{ROW, tables};
use crate::mutator::{Apply, Mutator, Reverse};

/// The rows of this file.
pub(super) const ROWS: &[Mutator] = &[
    Mutator {
        id: "half_width",
        zh: "全角标点、字母与片假名写成半角；没有则不动",
        en: "Full-width punctuation, letters and katakana as half-width; nothing without",
        source: "The Unicode Standard, §18.5",
        apply: Apply::Text(|t, _| tables::HALF.write_as_is(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::HALF.read(t)), fold: |t| tables::HALF.fold_as_is(t) },
        ..ROW
    },
    Mutator {
        id: "math_bold",
        zh: "字母写成数学粗体，汉字先写成拼音",
        en: "Mathematical bold letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:mathematical"],
        apply: Apply::Text(|t, _| tables::BOLD.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::BOLD.read(t)), fold: |t| tables::BOLD.fold(t) },
        ..ROW
    },
    Mutator {
        id: "math_italic",
        zh: "字母写成数学斜体，汉字先写成拼音",
        en: "Mathematical italic letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:mathematical"],
        apply: Apply::Text(|t, _| tables::ITALIC.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::ITALIC.read(t)), fold: |t| tables::ITALIC.fold(t) },
        ..ROW
    },
    Mutator {
        id: "math_bold_italic",
        zh: "字母写成数学粗斜体，汉字先写成拼音",
        en: "Mathematical bold italic letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:mathematical"],
        apply: Apply::Text(|t, _| tables::BOLD_ITALIC.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::BOLD_ITALIC.read(t)), fold: |t| tables::BOLD_ITALIC.fold(t) },
        ..ROW
    },
    Mutator {
        id: "math_script",
        zh: "字母写成数学花体，汉字先写成拼音",
        en: "Mathematical script letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:cursive"],
        apply: Apply::Text(|t, _| tables::SCRIPT.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::SCRIPT.read(t)), fold: |t| tables::SCRIPT.fold(t) },
        ..ROW
    },
    Mutator {
        id: "math_bold_script",
        zh: "字母写成数学粗花体，汉字先写成拼音",
        en: "Mathematical bold script letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:cursive"],
        apply: Apply::Text(|t, _| tables::BOLD_SCRIPT.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::BOLD_SCRIPT.read(t)), fold: |t| tables::BOLD_SCRIPT.fold(t) },
        ..ROW
    },
    Mutator {
        id: "math_fraktur",
        zh: "字母写成数学哥特体，汉字先写成拼音",
        en: "Mathematical fraktur letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:fraktur"],
        apply: Apply::Text(|t, _| tables::FRAKTUR.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::FRAKTUR.read(t)), fold: |t| tables::FRAKTUR.fold(t) },
        ..ROW
    },
    Mutator {
        id: "math_bold_fraktur",
        zh: "字母写成数学粗哥特体，汉字先写成拼音",
        en: "Mathematical bold fraktur letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:medieval"],
        apply: Apply::Text(|t, _| tables::BOLD_FRAKTUR.write(t)),
        reverse: Reverse::Folded {
            read: |t| Some(tables::BOLD_FRAKTUR.read(t)),
            fold: |t| tables::BOLD_FRAKTUR.fold(t),
        },
        ..ROW
    },
    Mutator {
        id: "math_double_struck",
        zh: "字母写成数学空心体，汉字先写成拼音",
        en: "Mathematical double-struck letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:doubleStruck"],
        apply: Apply::Text(|t, _| tables::DOUBLE_STRUCK.write(t)),
        reverse: Reverse::Folded {
            read: |t| Some(tables::DOUBLE_STRUCK.read(t)),
            fold: |t| tables::DOUBLE_STRUCK.fold(t),
        },
        ..ROW
    },
    Mutator {
        id: "math_sans",
        zh: "字母写成数学无衬线体，汉字先写成拼音",
        en: "Mathematical sans-serif letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:mathematical"],
        apply: Apply::Text(|t, _| tables::SANS.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::SANS.read(t)), fold: |t| tables::SANS.fold(t) },
        ..ROW
    },
    Mutator {
        id: "math_sans_bold",
        zh: "字母写成数学无衬线粗体，汉字先写成拼音",
        en: "Mathematical sans-serif bold letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:mathematical"],
        apply: Apply::Text(|t, _| tables::SANS_BOLD.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::SANS_BOLD.read(t)), fold: |t| tables::SANS_BOLD.fold(t) },
        ..ROW
    },
    Mutator {
        id: "math_sans_italic",
        zh: "字母写成数学无衬线斜体，汉字先写成拼音",
        en: "Mathematical sans-serif italic letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:mathematical"],
        apply: Apply::Text(|t, _| tables::SANS_ITALIC.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::SANS_ITALIC.read(t)), fold: |t| tables::SANS_ITALIC.fold(t) },
        ..ROW
    },
    Mutator {
        id: "math_sans_bold_italic",
        zh: "字母写成数学无衬线粗斜体，汉字先写成拼音",
        en: "Mathematical sans-serif bold italic letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:mathematical"],
        apply: Apply::Text(|t, _| tables::SANS_BOLD_ITALIC.write(t)),
        reverse: Reverse::Folded {
            read: |t| Some(tables::SANS_BOLD_ITALIC.read(t)),
            fold: |t| tables::SANS_BOLD_ITALIC.fold(t),
        },
        ..ROW
    },
    Mutator {
        id: "math_monospace",
        zh: "字母写成数学等宽体，汉字先写成拼音",
        en: "Mathematical monospace letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.2",
        peers: &["aig:monospace"],
        apply: Apply::Text(|t, _| tables::MONOSPACE.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::MONOSPACE.read(t)), fold: |t| tables::MONOSPACE.fold(t) },
        ..ROW
    },
    Mutator {
        id: "small_caps",
        zh: "小写字母写成小型大写，汉字先写成拼音",
        en: "Small letters as small capitals. Han goes as pinyin.",
        source: "The Unicode Standard, §7.1",
        peers: &["aig:small_caps"],
        apply: Apply::Text(|t, _| tables::SMALL_CAPS.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::SMALL_CAPS.read(t)), fold: |t| tables::SMALL_CAPS.fold(t) },
        ..ROW
    },
    Mutator {
        id: "superscript",
        zh: "字母与数字写成上标，汉字先写成拼音",
        en: "Superscripts and modifier letters. Han goes as pinyin.",
        source: "The Unicode Standard, §22.4",
        peers: &["pyrit:Superscript", "aig:superscript"],
        apply: Apply::Text(|t, _| tables::SUPERSCRIPT.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::SUPERSCRIPT.read(t)), fold: |t| tables::SUPERSCRIPT.fold(t) },
        ..ROW
    },
    Mutator {
        id: "subscript",
        zh: "字母与数字写成下标，汉字先写成拼音",
        en: "Subscripts, where Unicode has them. Han goes as pinyin.",
        source: "The Unicode Standard, §22.4",
        peers: &["aig:subscript"],
        apply: Apply::Text(|t, _| tables::SUBSCRIPT.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::SUBSCRIPT.read(t)), fold: |t| tables::SUBSCRIPT.fold(t) },
        ..ROW
    },
    Mutator {
        id: "circled",
        zh: "字母与数字写进圆圈，汉字先写成拼音",
        en: "Circled letters and digits. Han goes as pinyin.",
        source: "The Unicode Standard, §22.10",
        peers: &["aig:bubble"],
        apply: Apply::Text(|t, _| tables::CIRCLED.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::CIRCLED.read(t)), fold: |t| tables::CIRCLED.fold(t) },
        ..ROW
    },
    Mutator {
        id: "circled_black",
        zh: "字母写进黑圆圈，不分大小写，汉字先写成拼音",
        en: "White on black circled letters, one case. Han goes as pinyin.",
        source: "The Unicode Standard, §22.10",
        peers: &["aig:bubble"],
        apply: Apply::Text(|t, _| tables::CIRCLED_BLACK.write(t)),
        reverse: Reverse::Folded {
            read: |t| Some(tables::CIRCLED_BLACK.read(t)),
            fold: |t| tables::CIRCLED_BLACK.fold(t),
        },
        ..ROW
    },
    Mutator {
        id: "squared",
        zh: "字母写进方框，不分大小写，汉字先写成拼音",
        en: "Squared letters, one case. Han goes as pinyin.",
        source: "The Unicode Standard, §22.10",
        apply: Apply::Text(|t, _| tables::SQUARED.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::SQUARED.read(t)), fold: |t| tables::SQUARED.fold(t) },
        ..ROW
    },
    Mutator {
        id: "squared_black",
        zh: "字母写进黑方框，不分大小写，汉字先写成拼音",
        en: "White on black squared letters, one case. Han goes as pinyin.",
        source: "The Unicode Standard, §22.10",
        apply: Apply::Text(|t, _| tables::SQUARED_BLACK.write(t)),
        reverse: Reverse::Folded {
            read: |t| Some(tables::SQUARED_BLACK.read(t)),
            fold: |t| tables::SQUARED_BLACK.fold(t),
        },
        ..ROW
    },
    Mutator {
        id: "parenthesised",
        zh: "字母与数字写进圆括号，汉字先写成拼音",
        en: "Letters and digits in parentheses. Han goes as pinyin.",
        source: "The Unicode Standard, §22.10",
        apply: Apply::Text(|t, _| tables::PARENTHESISED.write(t)),
        reverse: Reverse::Folded {
            read: |t| Some(tables::PARENTHESISED.read(t)),
            fold: |t| tables::PARENTHESISED.fold(t),
        },
        ..ROW
    },
    Mutator {
        id: "upside_down",
        zh: "上下颠倒的字形，从右往左，汉字先写成拼音",
        en: "Letters turned upside down, in reverse order. Han goes as pinyin.",
        source: "common use",
        peers: &["aig:upside_down"],
        apply: Apply::Text(|t, _| tables::UPSIDE_DOWN.write_back(t)),
        reverse: Reverse::Folded {
            read: |t| Some(tables::UPSIDE_DOWN.read_back(t)),
            fold: |t| tables::UPSIDE_DOWN.fold(t),
        },
        ..ROW
    },
    Mutator {
        id: "mirror",
        zh: "左右镜像的字形，从右往左，汉字先写成拼音",
        en: "Mirrored letters, in reverse order. Han goes as pinyin.",
        source: "common use",
        peers: &["aig:mirror"],
        apply: Apply::Text(|t, _| tables::MIRROR.write_back(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::MIRROR.read_back(t)), fold: |t| tables::MIRROR.fold(t) },
        ..ROW
    },
    Mutator {
        id: "cyrillic_lookalike",
        zh: "字母换成形近的西里尔字母，汉字先写成拼音",
        en: "Every letter that has a Cyrillic look-alike. Han goes as pinyin.",
        source: "UTS 39",
        peers: &["promptfoo:homoglyph"],
        apply: Apply::Text(|t, _| tables::CYRILLIC_LIKE.write(t)),
        reverse: Reverse::Folded {
            read: |t| Some(tables::CYRILLIC_LIKE.read(t)),
            fold: |t| tables::CYRILLIC_LIKE.fold(t),
        },
        ..ROW
    },
    Mutator {
        id: "greek_lookalike",
        zh: "字母换成形近的希腊字母，汉字先写成拼音",
        en: "Every letter that has a Greek look-alike. Han goes as pinyin.",
        source: "UTS 39",
        apply: Apply::Text(|t, _| tables::GREEK_LIKE.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::GREEK_LIKE.read(t)), fold: |t| tables::GREEK_LIKE.fold(t) },
        ..ROW
    },
    Mutator {
        id: "cherokee_lookalike",
        zh: "字母换成形近的切罗基字母，不分大小写，汉字先写成拼音",
        en: "Letters as Cherokee look-alikes of capitals, one case. Han goes as pinyin.",
        source: "UTS 39",
        apply: Apply::Text(|t, _| tables::CHEROKEE_LIKE.write(t)),
        reverse: Reverse::Folded {
            read: |t| Some(tables::CHEROKEE_LIKE.read(t)),
            fold: |t| tables::CHEROKEE_LIKE.fold(t),
        },
        ..ROW
    },
    Mutator {
        id: "faux_cyrillic",
        zh: "用西里尔字母装饰的假俄文，汉字先写成拼音",
        en: "Faux Cyrillic: letters of a like shape and another sound. Han goes as pinyin.",
        source: "common use in titles and logos",
        peers: &["aig:cyrillic_stylized"],
        apply: Apply::Text(|t, _| tables::FAUX_CYRILLIC.write(t)),
        reverse: Reverse::Folded {
            read: |t| Some(tables::FAUX_CYRILLIC.read(t)),
            fold: |t| tables::FAUX_CYRILLIC.fold(t),
        },
        ..ROW
    },
    Mutator {
        id: "medieval",
        zh: "字母写成中世纪海岛体，汉字先写成拼音",
        en: "Insular letters of medieval manuscripts, where Unicode has them. Han goes as pinyin.",
        source: "The Unicode Standard, §7.1",
        peers: &["aig:medieval"],
        apply: Apply::Text(|t, _| tables::INSULAR.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::INSULAR.read(t)), fold: |t| tables::INSULAR.fold(t) },
        ..ROW
    },
    Mutator {
        id: "currency",
        zh: "字母写成货币符号，不分大小写，汉字先写成拼音",
        en: "Currency signs and crossed letters, one case. Han goes as pinyin.",
        source: "common use",
        apply: Apply::Text(|t, _| tables::CURRENCY.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::CURRENCY.read(t)), fold: |t| tables::CURRENCY.fold(t) },
        ..ROW
    },
    Mutator {
        id: "wingdings",
        attack: Attack::E2,
        zh: "字母写成 Wingdings 字体的符号，汉字先写成拼音",
        en: "The signs that the Wingdings font has for letters. Han goes as pinyin.",
        source: "Unicode document L2/12-368",
        peers: &["aig:wingdings"],
        apply: Apply::Text(|t, _| tables::WINGDINGS.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::WINGDINGS.read(t)), fold: |t| tables::WINGDINGS.fold(t) },
        ..ROW
    },
    Mutator {
        id: "elder_futhark",
        attack: Attack::E5,
        zh: "字母写成老弗萨克卢恩文，不分大小写，汉字先写成拼音",
        en: "Elder Futhark by sound, one case; C, K and Q are one rune. Han goes as pinyin.",
        source: "The Unicode Standard, §8.7",
        peers: &["aig:elder_futhark"],
        apply: Apply::Text(|t, _| tables::RUNES.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::RUNES.read(t)), fold: |t| tables::RUNES.fold(t) },
        ..ROW
    },
    Mutator {
        id: "gothic",
        attack: Attack::E5,
        zh: "字母写成哥特字母，不分大小写，汉字先写成拼音",
        en: "The Gothic alphabet by transliteration, hwair as V, one case. Han goes as pinyin.",
        source: "The Unicode Standard, §8.9",
        apply: Apply::Text(|t, _| tables::GOTHIC.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::GOTHIC.read(t)), fold: |t| tables::GOTHIC.fold(t) },
        ..ROW
    },
    Mutator {
        id: "greek",
        attack: Attack::E5,
        zh: "字母按 Beta Code 写成希腊字母，汉字先写成拼音",
        en: "Greek letters by Beta Code. Han goes as pinyin.",
        source: "TLG Beta Code Manual",
        peers: &["aig:greek"],
        apply: Apply::Text(|t, _| tables::BETA_CODE.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::BETA_CODE.read(t)), fold: |t| tables::BETA_CODE.fold(t) },
        ..ROW
    },
    Mutator {
        id: "cyrillic",
        attack: Attack::E5,
        zh: "字母按 ЯВЕРТЫ 音位键盘写成西里尔字母，汉字先写成拼音",
        en: "Cyrillic letters by the phonetic keyboard ЯВЕРТЫ. Han goes as pinyin.",
        source: "ЯВЕРТЫ keyboard layout",
        apply: Apply::Text(|t, _| tables::PHONETIC_CYRILLIC.write(t)),
        reverse: Reverse::Folded {
            read: |t| Some(tables::PHONETIC_CYRILLIC.read(t)),
            fold: |t| tables::PHONETIC_CYRILLIC.fold(t),
        },
        ..ROW
    },
    Mutator {
        id: "hieroglyphs",
        attack: Attack::E5,
        zh: "字母写成单音圣书字，不分大小写，汉字先写成拼音",
        en: "Uniliteral hieroglyphs by sound, one case. Han goes as pinyin.",
        source: "The Unicode Standard, §11.4; Gardiner sign list",
        peers: &["aig:hieroglyphics"],
        apply: Apply::Text(|t, _| tables::HIEROGLYPHS.write(t)),
        reverse: Reverse::Folded { read: |t| Some(tables::HIEROGLYPHS.read(t)), fold: |t| tables::HIEROGLYPHS.fold(t) },
        ..ROW
    },
];
