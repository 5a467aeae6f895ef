//! What is not seen: zero-width characters, tags, selectors, directions, marks, controls.

use menshen_verdict::Attack;

use super::{Apply, Group, Mutator, Reverse};

mod hidden;
pub(super) mod marks;

/// What the rows have in common.
const ROW: Mutator = Mutator { group: Group::Invisible, attack: Attack::E3, ..super::ROW };

/// The rows.
pub(super) const ALL: &[Mutator] = &[
    Mutator {
        id: "zero_width",
        zh: "随机字后插入零宽字符",
        en: "Zero-width characters after some letters and Han",
        source: "The Unicode Standard, ch. 23",
        peers: &["pyrit:ZeroWidth", "aig:zerowidth"],
        apply: Apply::Text(|t, rng| marks::evaded("zero_width", t, rng)),
        reverse: Reverse::Folded {
            read: |t| Some(marks::without(t, &['\u{200B}', '\u{200C}', '\u{2060}'])),
            fold: |t| marks::without(t, &['\u{200B}', '\u{200C}', '\u{2060}']),
        },
        ..ROW
    },
    Mutator {
        id: "zero_width_space",
        zh: "每两字之间插入零宽空格",
        en: "A zero-width space, between any two characters",
        source: "The Unicode Standard, §23.2",
        peers: &["pyrit:ZeroWidth"],
        apply: Apply::Text(|t, _| marks::between(t, '\u{200B}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{200B}']))),
        ..ROW
    },
    Mutator {
        id: "word_joiner",
        zh: "每两字之间插入词连接符",
        en: "A word joiner, between any two characters",
        source: "The Unicode Standard, §23.2",
        apply: Apply::Text(|t, _| marks::between(t, '\u{2060}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{2060}']))),
        ..ROW
    },
    Mutator {
        id: "byte_order_mark",
        zh: "每两字之间插入零宽不换行空格",
        en: "A zero-width no-break space, between any two characters",
        source: "The Unicode Standard, §23.8",
        apply: Apply::Text(|t, _| marks::between(t, '\u{FEFF}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{FEFF}']))),
        ..ROW
    },
    Mutator {
        id: "soft_hyphen",
        zh: "每两字之间插入软连字符",
        en: "A soft hyphen, between any two characters",
        source: "The Unicode Standard, §23.2",
        apply: Apply::Text(|t, _| marks::between(t, '\u{AD}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{AD}']))),
        ..ROW
    },
    Mutator {
        id: "grapheme_joiner",
        zh: "每两字之间插入组合字素连接符",
        en: "A combining grapheme joiner, between any two characters",
        source: "The Unicode Standard, §23.2",
        apply: Apply::Text(|t, _| marks::between(t, '\u{34F}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{34F}']))),
        ..ROW
    },
    Mutator {
        id: "invisible_times",
        zh: "每两字之间插入不可见乘号",
        en: "An invisible times, between any two characters",
        source: "The Unicode Standard, §22.6",
        apply: Apply::Text(|t, _| marks::between(t, '\u{2062}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{2062}']))),
        ..ROW
    },
    Mutator {
        id: "hangul_filler",
        zh: "每两字之间插入谚文填充符",
        en: "A Hangul filler, between any two characters",
        source: "The Unicode Standard, §18.6",
        apply: Apply::Text(|t, _| marks::between(t, '\u{3164}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{3164}']))),
        ..ROW
    },
    Mutator {
        id: "vowel_separator",
        zh: "每两字之间插入蒙古文元音分隔符",
        en: "A Mongolian vowel separator, between any two characters",
        source: "The Unicode Standard, §13.5",
        apply: Apply::Text(|t, _| marks::between(t, '\u{180E}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{180E}']))),
        ..ROW
    },
    Mutator {
        id: "text_selector",
        zh: "每两字之间插入变体选择符",
        en: "A variation selector, between any two characters",
        source: "The Unicode Standard, §23.4",
        apply: Apply::Text(|t, _| marks::between(t, '\u{FE0E}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{FE0E}']))),
        ..ROW
    },
    Mutator {
        id: "zero_width_bits",
        zh: "全文的比特写成两种零宽字符，看不见",
        en: "The bits of the bytes as zero-width space and non-joiner, unseen",
        source: "common use",
        peers: &["aig:zerowidth", "aig:invisible_text"],
        apply: Apply::Text(|t, _| hidden::bits(t, ['\u{200B}', '\u{200C}'], "")),
        reverse: Reverse::Exact(|t| hidden::read_bits(t, ['\u{200B}', '\u{200C}'])),
        ..ROW
    },
    Mutator {
        id: "sneaky_bits",
        zh: "全文的比特写成不可见乘号与加号",
        en: "The bits of the bytes as invisible times and invisible plus",
        source: "Rehberger 2025, Sneaky Bits",
        peers: &["pyrit:SneakyBitsSmuggler", "garak:encoding.InjectSneakyBits"],
        apply: Apply::Text(|t, _| hidden::bits(t, ['\u{2062}', '\u{2064}'], "")),
        reverse: Reverse::Exact(|t| hidden::read_bits(t, ['\u{2062}', '\u{2064}'])),
        ..ROW
    },
    Mutator {
        id: "whitespace_bits",
        zh: "全文的比特写成空格与制表符，一字节一行",
        en: "The bits of the bytes as space and tab, a line each byte",
        source: "common use: whitespace steganography",
        apply: Apply::Text(|t, _| hidden::bits(t, [' ', '\t'], "\n")),
        reverse: Reverse::Exact(|t| hidden::read_bits(t, [' ', '\t'])),
        ..ROW
    },
    Mutator {
        id: "tags",
        zh: "写成不可见的标签字符，汉字先写成拼音",
        en: "ASCII as tag characters, unseen, the rest left out. Han goes as pinyin.",
        source: "The Unicode Standard, §23.9; Goodside 2024",
        peers: &[
            "pyrit:AsciiSmuggler",
            "garak:encoding.InjectUnicodeTagChars",
            "promptfoo:ascii-smuggling",
            "aig:ascii_smuggling",
        ],
        apply: Apply::Text(|t, _| hidden::tags(t)),
        reverse: Reverse::Folded { read: hidden::read_tags, fold: hidden::printable },
        ..ROW
    },
    Mutator {
        id: "tags_marked",
        zh: "标签字符前后加语言标签与取消标签，汉字先写成拼音",
        en: "Tag characters between language tag and cancel tag. Han goes as pinyin.",
        source: "The Unicode Standard, §23.9",
        peers: &["pyrit:AsciiSmuggler"],
        apply: Apply::Text(|t, _| hidden::tags_marked(t)),
        reverse: Reverse::Folded { read: hidden::read_tags_marked, fold: hidden::printable },
        ..ROW
    },
    Mutator {
        id: "tags_utf8",
        zh: "百分号编码后写成标签字符，汉字也不丢",
        en: "The percent-encoded bytes as tag characters, so that Han is carried",
        source: "The Unicode Standard, §23.9",
        apply: Apply::Text(|t, _| hidden::tags_utf8(t)),
        reverse: Reverse::Exact(hidden::read_tags_utf8),
        ..ROW
    },
    Mutator {
        id: "unicode_offset",
        zh: "码点整体加 0xE0000",
        en: "Every code point plus 0xE0000; nothing if one would leave Unicode",
        source: "common use",
        peers: &["pyrit:UnicodeSubstitution"],
        apply: Apply::Text(|t, _| hidden::offset(t)),
        reverse: Reverse::Exact(hidden::read_tags),
        ..ROW
    },
    Mutator {
        id: "variation_selectors",
        zh: "每个字节写成变体选择符，藏在一个表情后",
        en: "The bytes as variation selectors behind an emoji",
        source: "Butler 2025, Smuggling arbitrary data through an emoji",
        peers: &["pyrit:VariationSelectorSmuggler", "garak:encoding.InjectUnicodeVariantSelectors", "promptfoo:emoji"],
        apply: Apply::Text(|t, _| hidden::variation_selectors(t)),
        reverse: Reverse::Exact(hidden::read_variation_selectors),
        ..ROW
    },
    Mutator {
        id: "bidi_override",
        zh: "从右到左强制显示，看起来是倒的",
        en: "Right-to-left override: shown backwards",
        source: "UAX #9; Boucher and Anderson 2021",
        peers: &["pyrit:Bidi"],
        apply: Apply::Text(|t, _| marks::around(t, "\u{202E}", "\u{202C}")),
        reverse: Reverse::Exact(|t| marks::inside(t, "\u{202E}", "\u{202C}")),
        ..ROW
    },
    Mutator {
        id: "bidi_embedding",
        zh: "从右到左嵌入",
        en: "Right-to-left embedding",
        source: "UAX #9",
        peers: &["pyrit:Bidi"],
        apply: Apply::Text(|t, _| marks::around(t, "\u{202B}", "\u{202C}")),
        reverse: Reverse::Exact(|t| marks::inside(t, "\u{202B}", "\u{202C}")),
        ..ROW
    },
    Mutator {
        id: "bidi_isolate",
        zh: "从右到左隔离",
        en: "Right-to-left isolate",
        source: "UAX #9",
        peers: &["pyrit:Bidi"],
        apply: Apply::Text(|t, _| marks::around(t, "\u{2067}", "\u{2069}")),
        reverse: Reverse::Exact(|t| marks::inside(t, "\u{2067}", "\u{2069}")),
        ..ROW
    },
    Mutator {
        id: "bidi_reversed",
        zh: "字序倒写，再用强制显示转回来，看起来不变",
        en: "Written backwards under an override, so that it is shown as it was",
        source: "UAX #9; Boucher and Anderson 2021",
        apply: Apply::Text(|t, _| hidden::bidi_reversed(t)),
        reverse: Reverse::Exact(hidden::read_bidi_reversed),
        ..ROW
    },
    Mutator {
        id: "bidi_marks",
        zh: "随机插入方向标记",
        en: "Left-to-right and right-to-left marks at random places",
        source: "UAX #9",
        apply: Apply::Text(|t, rng| marks::sprinkle(t, ['\u{200E}', '\u{200F}'], rng)),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{200E}', '\u{200F}']))),
        ..ROW
    },
    Mutator {
        id: "interlinear",
        zh: "写成行间注释的注文",
        en: "As the annotation of an interlinear annotation",
        source: "The Unicode Standard, §23.8",
        apply: Apply::Text(|t, _| marks::around(t, "\u{FFF9}OK\u{FFFA}", "\u{FFFB}")),
        reverse: Reverse::Exact(|t| marks::inside(t, "\u{FFF9}OK\u{FFFA}", "\u{FFFB}")),
        ..ROW
    },
    Mutator {
        id: "odd_spaces",
        zh: "空格换成别的宽度；没有空格则不动",
        en: "Spaces of other widths; nothing without spaces",
        source: "The Unicode Standard, §6.2",
        apply: Apply::Text(marks::odd_spaces),
        reverse: Reverse::Folded { read: |t| Some(marks::plain_spaces(t)), fold: marks::plain_spaces },
        ..ROW
    },
    Mutator {
        id: "strikethrough",
        zh: "每字加删除线",
        en: "A long stroke overlay on each character",
        source: "The Unicode Standard, §7.9",
        peers: &["aig:strikethrough"],
        apply: Apply::Text(|t, _| marks::on_each(t, '\u{336}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{336}']))),
        ..ROW
    },
    Mutator {
        id: "slashed",
        zh: "每字加斜线",
        en: "A long solidus overlay on each character",
        source: "The Unicode Standard, §7.9",
        apply: Apply::Text(|t, _| marks::on_each(t, '\u{338}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{338}']))),
        ..ROW
    },
    Mutator {
        id: "underline",
        zh: "每字加下划线",
        en: "A low line on each character",
        source: "The Unicode Standard, §7.9",
        peers: &["aig:underline"],
        apply: Apply::Text(|t, _| marks::on_each(t, '\u{332}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{332}']))),
        ..ROW
    },
    Mutator {
        id: "double_underline",
        zh: "每字加双下划线",
        en: "A double low line on each character",
        source: "The Unicode Standard, §7.9",
        peers: &["aig:underline"],
        apply: Apply::Text(|t, _| marks::on_each(t, '\u{333}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{333}']))),
        ..ROW
    },
    Mutator {
        id: "overline",
        zh: "每字加上划线",
        en: "An overline on each character",
        source: "The Unicode Standard, §7.9",
        apply: Apply::Text(|t, _| marks::on_each(t, '\u{305}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{305}']))),
        ..ROW
    },
    Mutator {
        id: "encircled",
        zh: "每字加圆圈",
        en: "An enclosing circle on each character",
        source: "The Unicode Standard, §7.9",
        apply: Apply::Text(|t, _| marks::on_each(t, '\u{20DD}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{20DD}']))),
        ..ROW
    },
    Mutator {
        id: "keycap",
        zh: "每字加键帽",
        en: "An enclosing keycap on each character",
        source: "The Unicode Standard, §7.9",
        apply: Apply::Text(|t, _| marks::on_each(t, '\u{20E3}')),
        reverse: Reverse::Exact(|t| Some(marks::without(t, &['\u{20E3}']))),
        ..ROW
    },
    Mutator {
        id: "zalgo",
        zh: "每个字母或汉字叠加一至五个组合符号",
        en: "One to five combining marks on each letter, digit and Han",
        source: "The Unicode Standard, §7.9; common use",
        peers: &["pyrit:Zalgo", "garak:encoding.InjectZalgo", "aig:zalgo"],
        apply: Apply::Text(marks::zalgo),
        reverse: Reverse::Exact(|t| Some(marks::read_zalgo(t))),
        ..ROW
    },
    Mutator {
        id: "backspace",
        zh: "随机字前插入错字和退格",
        en: "A wrong letter and a backspace before some characters",
        source: "Boucher et al. 2021, arXiv 2106.09898",
        apply: Apply::Text(|t, rng| marks::deleted(t, '\u{8}', rng)),
        reverse: Reverse::Exact(|t| Some(marks::read_deleted(t, '\u{8}'))),
        ..ROW
    },
    Mutator {
        id: "delete",
        zh: "随机字前插入错字和删除符",
        en: "A wrong letter and a delete before some characters",
        source: "Boucher et al. 2021, arXiv 2106.09898",
        apply: Apply::Text(|t, rng| marks::deleted(t, '\u{7F}', rng)),
        reverse: Reverse::Exact(|t| Some(marks::read_deleted(t, '\u{7F}'))),
        ..ROW
    },
    Mutator {
        id: "carriage_return",
        zh: "无害的一行加回车，终端上被覆盖",
        en: "A harmless line and a carriage return: overwritten on a terminal",
        source: "Boucher et al. 2021, arXiv 2106.09898",
        apply: Apply::Text(|t, rng| marks::overwritten(t, "\r", rng)),
        reverse: Reverse::Exact(|t| marks::read_overwritten(t, "\r")),
        ..ROW
    },
    Mutator {
        id: "ansi_erase",
        zh: "无害的一行加清行转义，终端上被抹去",
        en: "A harmless line and the escape that erases it",
        source: "ECMA-48",
        peers: &["pyrit:AnsiAttack"],
        apply: Apply::Text(|t, rng| marks::overwritten(t, "\u{1b}[2K\r", rng)),
        reverse: Reverse::Exact(|t| marks::read_overwritten(t, "\u{1b}[2K\r")),
        ..ROW
    },
    Mutator {
        id: "ansi_conceal",
        zh: "终端隐藏转义之间",
        en: "Between the escapes that conceal on a terminal",
        source: "ECMA-48 §8.3.117",
        peers: &["pyrit:AnsiAttack", "garak:ansiescape.AnsiRaw"],
        apply: Apply::Text(|t, _| marks::around(t, "\u{1b}[8m", "\u{1b}[28m")),
        reverse: Reverse::Exact(|t| marks::inside(t, "\u{1b}[8m", "\u{1b}[28m")),
        ..ROW
    },
    Mutator {
        id: "ansi_escaped",
        zh: "终端隐藏转义写成可见的 \\x1b",
        en: "The escapes that conceal, written out as \\x1b",
        source: "ECMA-48 §8.3.117",
        peers: &["pyrit:AnsiAttack", "garak:ansiescape.AnsiEscaped"],
        apply: Apply::Text(|t, _| marks::around(t, "\\x1b[8m", "\\x1b[28m")),
        reverse: Reverse::Exact(|t| marks::inside(t, "\\x1b[8m", "\\x1b[28m")),
        ..ROW
    },
    Mutator {
        id: "ansi_letters",
        zh: "每字一种终端颜色",
        en: "A colour of the terminal before each character",
        source: "ECMA-48 §8.3.117",
        peers: &["pyrit:AnsiAttack"],
        apply: Apply::Text(hidden::ansi_letters),
        reverse: Reverse::Exact(hidden::read_ansi),
        ..ROW
    },
];

#[cfg(test)]
super::trial::chapter!(ALL, "invisible.tsv");
