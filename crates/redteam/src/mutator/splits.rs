//! Cut up, hidden in puzzles, put together again.

use menshen_verdict::Attack;

use super::{Apply, Group, Mutator, Reverse};

mod cut;
mod font;
mod riddles;

/// The rows.
pub(super) const ALL: &[Mutator] = &[
    Mutator {
        id: "payload_split",
        group: Group::Split,
        attack: Attack::E6,
        zh: "载荷拆成几个变量，末尾相加",
        en: "The text cut into variables that are added up at the end",
        source: "Kang et al. (arXiv 2302.05733)",
        peers: &["pyrit:TemplateSegment", "easyjailbreak:Jailbroken", "garak:promptinject"],
        apply: Apply::Text(cut::variables),
        reverse: Reverse::No,
    },
    Mutator {
        id: "payload_split_messages",
        group: Group::Split,
        attack: Attack::E6,
        zh: "拆成两条消息的两个半句",
        en: "Halves in two messages",
        source: "Kang et al. (arXiv 2302.05733)",
        peers: &["pyrit:TemplateSegment"],
        apply: Apply::Text(cut::messages),
        reverse: Reverse::No,
    },
    Mutator {
        id: "token_fragments",
        group: Group::Split,
        attack: Attack::E6,
        zh: "拆成碎片列表",
        en: "A list of fragments of two or three characters",
        source: "DRA (arXiv 2402.18104)",
        peers: &["deepteam:character_stream"],
        apply: Apply::Text(cut::fragments),
        reverse: Reverse::Exact(cut::read_fragments),
    },
    Mutator {
        id: "acrostic",
        group: Group::Split,
        attack: Attack::E6,
        zh: "每行首字符连成原文；中文另见 hidden_heads",
        en: "The first characters of lines spell the text; for Chinese verse see hidden_heads",
        source: "common form",
        peers: &["pyrit:Acrostic"],
        apply: Apply::Text(cut::acrostic),
        reverse: Reverse::Folded { read: cut::read_acrostic, fold: cut::solid },
    },
    Mutator {
        id: "mask_and_guess",
        group: Group::Split,
        attack: Attack::E6,
        zh: "遮住实词，附释义猜词",
        en: "Content words masked, to be guessed from definitions",
        source: "SATA (arXiv 2412.15289)",
        peers: &["pyrit:SATAMasking"],
        apply: Apply::Text(riddles::mask_and_guess),
        reverse: Reverse::No,
    },
    Mutator {
        id: "word_game",
        group: Group::Split,
        attack: Attack::E6,
        zh: "先猜谜再作答",
        en: "Riddles first, the question with their answers second",
        source: "WordGame (arXiv 2405.14023)",
        peers: &["fuzzyai:WordGame"],
        apply: Apply::Text(riddles::word_game),
        reverse: Reverse::No,
    },
    Mutator {
        id: "fill_the_blank",
        group: Group::Split,
        attack: Attack::E6,
        zh: "选词填空，附答案键",
        en: "Gaps, a word bank and a key",
        source: "common form",
        peers: &["pyrit:SATAMasking"],
        apply: Apply::Text(riddles::fill_the_blank),
        reverse: Reverse::No,
    },
    Mutator {
        id: "redacted",
        group: Group::Split,
        attack: Attack::E6,
        zh: "实词只留首尾字符",
        en: "Content words with only their ends left",
        source: "common form",
        peers: &["pyrit:SATAMasking"],
        apply: Apply::Text(riddles::redacted),
        reverse: Reverse::No,
    },
    Mutator {
        id: "puzzle_anagram",
        group: Group::Split,
        attack: Attack::E6,
        zh: "实词写成打乱字序的字谜",
        en: "Content words as anagrams",
        source: "PUZZLED (arXiv 2508.01306)",
        peers: &["pyrit:Puzzled"],
        apply: Apply::Text(riddles::anagram),
        reverse: Reverse::No,
    },
    Mutator {
        id: "puzzle_word_search",
        group: Group::Split,
        attack: Attack::E6,
        zh: "实词藏在字母（汉字）方阵里",
        en: "Content words in a grid of letters or characters",
        source: "PUZZLED (arXiv 2508.01306)",
        peers: &["pyrit:Puzzled"],
        apply: Apply::Text(riddles::word_search),
        reverse: Reverse::No,
    },
    Mutator {
        id: "puzzle_crossword",
        group: Group::Split,
        attack: Attack::E6,
        zh: "填字：相同符号代表相同字母，中文用拼音",
        en: "Shared letters as signs, as where words cross; Chinese by pinyin",
        source: "PUZZLED (arXiv 2508.01306)",
        peers: &["pyrit:Puzzled"],
        apply: Apply::Text(riddles::crossword),
        reverse: Reverse::No,
    },
    Mutator {
        id: "ascii_art",
        group: Group::Split,
        attack: Attack::E6,
        zh: "一个实词用点阵字母画出，中文画拼音",
        en: "One content word drawn in dot letters; of Chinese, its pinyin",
        source: "ArtPrompt (arXiv 2402.11753)",
        peers: &["pyrit:AsciiArt", "promptfoo:artprompt", "fuzzyai:ArtPrompt"],
        apply: Apply::Text(riddles::ascii_art),
        reverse: Reverse::No,
    },
    Mutator {
        id: "shuffled_words",
        group: Group::Split,
        attack: Attack::E6,
        zh: "词序打乱，附位置",
        en: "Words out of order, with their places",
        source: "SI-Attack (arXiv 2501.04931)",
        peers: &["fuzzyai:SI-attack"],
        apply: Apply::Text(cut::shuffled_words),
        reverse: Reverse::Exact(cut::read_shuffled),
    },
    Mutator {
        id: "shuffled_characters",
        group: Group::Split,
        attack: Attack::E6,
        zh: "字符打乱，附位置",
        en: "Characters out of order, with their places",
        source: "SI-Attack (arXiv 2501.04931)",
        peers: &["fuzzyai:SI-attack"],
        apply: Apply::Text(cut::shuffled_characters),
        reverse: Reverse::Exact(cut::read_shuffled),
    },
    Mutator {
        id: "matrix_columns",
        group: Group::Split,
        attack: Attack::E6,
        zh: "按列写进矩阵，按行给出",
        en: "Written down the columns of a matrix that is shown by rows",
        source: "classical transposition",
        peers: &[],
        apply: Apply::Text(cut::columns),
        reverse: Reverse::Exact(cut::read_columns),
    },
    Mutator {
        id: "odd_even",
        group: Group::Split,
        attack: Attack::E6,
        zh: "奇数位与偶数位分开",
        en: "Odd and even characters apart",
        source: "CodeChameleon (arXiv 2402.16717), as text",
        peers: &["aig:code_chameleon"],
        apply: Apply::Text(cut::odd_even),
        reverse: Reverse::Exact(cut::read_odd_even),
    },
    Mutator {
        id: "code_book",
        group: Group::Split,
        attack: Attack::E6,
        zh: "密码本加编号序列",
        en: "A book of words, and their numbers",
        source: "classical code book",
        peers: &[],
        apply: Apply::Text(cut::code_book),
        reverse: Reverse::Exact(cut::read_code_book),
    },
    Mutator {
        id: "third_of_four",
        group: Group::Split,
        attack: Attack::E6,
        zh: "每行四词只取第三个",
        en: "Each word the third of four",
        source: "classical null cipher",
        peers: &[],
        apply: Apply::Text(cut::third_of_four),
        reverse: Reverse::Exact(cut::read_third),
    },
    Mutator {
        id: "phrase_list",
        group: Group::Split,
        attack: Attack::E6,
        zh: "短语表加重组式，附无害示范",
        en: "Phrases under letters, a formula and a harmless example",
        source: "DrAttack (arXiv 2402.16914)",
        peers: &["pyrit:Decomposition"],
        apply: Apply::Text(cut::phrases),
        reverse: Reverse::No,
    },
    Mutator {
        id: "keyed_box",
        group: Group::Split,
        attack: Attack::E6,
        zh: "带密钥的凯撒方格（列换位）",
        en: "Caesar's box with a key: columns in the order of its letters",
        source: "classical columnar transposition",
        peers: &["easyjailbreak:Cipher"],
        apply: Apply::Text(cut::keyed_box),
        reverse: Reverse::Exact(cut::read_keyed_box),
    },
];

#[cfg(test)]
mod tests {
    use super::super::words::check;
    use super::ALL;

    #[test]
    fn rows_are_tidy() {
        check::tidy(ALL);
    }

    #[test]
    fn golden() {
        check::golden(ALL, include_str!("../../tests/golden/splits.tsv"));
    }

    #[test]
    fn properties() {
        check::properties(ALL);
    }
}
