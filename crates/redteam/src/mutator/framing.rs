//! Code, mathematics, roles, persuasion, forged context around a text. Most are data, in `packs/redteam/templates`; the few
//! that compute are rows here.

use std::sync::LazyLock;

use menshen_verdict::Attack;

use super::{Apply, Group, Mutator, Reverse};

mod programs;
mod template;

pub use template::{Escape, PAYLOAD, Template, templates};

/// The rows, those of the templates included.
pub(super) fn all() -> &'static [Mutator] {
    static ROWS: LazyLock<Vec<Mutator>> =
        LazyLock::new(|| COMPUTED.iter().copied().chain(templates().iter().map(template::row)).collect());
    &ROWS
}

/// The rows that compute.
const COMPUTED: &[Mutator] = &[
    Mutator {
        id: "chameleon_reverse",
        group: Group::Formal,
        attack: Attack::E2,
        zh: "词序倒置的列表加 Python 解密函数",
        en: "Words in reverse order and the Python function that restores them",
        source: "CodeChameleon (arXiv 2402.16717)",
        peers: &["pyrit:CodeChameleon", "easyjailbreak:CodeChameleon", "aig:code_chameleon"],
        apply: Apply::Text(programs::backwards),
        reverse: Reverse::Exact(programs::read_backwards),
    },
    Mutator {
        id: "chameleon_odd_even",
        group: Group::Formal,
        attack: Attack::E2,
        zh: "奇偶位分开的列表加 Python 解密函数",
        en: "Odd words before even ones and the Python function that restores them",
        source: "CodeChameleon (arXiv 2402.16717)",
        peers: &["pyrit:CodeChameleon", "easyjailbreak:CodeChameleon", "aig:code_chameleon"],
        apply: Apply::Text(programs::odd_even),
        reverse: Reverse::Exact(programs::read_odd_even),
    },
    Mutator {
        id: "chameleon_length",
        group: Group::Formal,
        attack: Attack::E2,
        zh: "按词长排序的列表加 Python 解密函数",
        en: "Words by length, with their places, and the Python function that restores them",
        source: "CodeChameleon (arXiv 2402.16717)",
        peers: &["pyrit:CodeChameleon", "easyjailbreak:CodeChameleon", "aig:code_chameleon"],
        apply: Apply::Text(programs::by_length),
        reverse: Reverse::Exact(programs::read_by_length),
    },
    Mutator {
        id: "chameleon_tree",
        group: Group::Formal,
        attack: Attack::E2,
        zh: "二叉树加 Python 解密函数",
        en: "Words in a binary tree and the Python function that restores them",
        source: "CodeChameleon (arXiv 2402.16717)",
        peers: &["pyrit:CodeChameleon", "easyjailbreak:CodeChameleon", "aig:code_chameleon"],
        apply: Apply::Text(programs::tree),
        reverse: Reverse::Exact(programs::read_tree),
    },
    Mutator {
        id: "code_words_python",
        group: Group::Formal,
        attack: Attack::E7,
        zh: "Python 逐词 append，再补全输出",
        en: "Words appended one by one in Python, the output to be completed",
        source: "CodeAttack (arXiv 2403.07865)",
        peers: &["pyrit:CodeAttack"],
        apply: Apply::Text(programs::python_list),
        reverse: Reverse::No,
    },
    Mutator {
        id: "code_words_cpp",
        group: Group::Formal,
        attack: Attack::E7,
        zh: "C++ 逐词压栈，再补全输出",
        en: "Words pushed on a stack in C++, the output to be completed",
        source: "CodeAttack (arXiv 2403.07865)",
        peers: &["pyrit:CodeAttack"],
        apply: Apply::Text(programs::cpp_stack),
        reverse: Reverse::No,
    },
    Mutator {
        id: "code_words_go",
        group: Group::Formal,
        attack: Attack::E7,
        zh: "Go 切片逐词，再补全输出",
        en: "Words in a slice of Go, the output to be completed",
        source: "CodeAttack (arXiv 2403.07865)",
        peers: &["pyrit:CodeAttack"],
        apply: Apply::Text(programs::go_slice),
        reverse: Reverse::No,
    },
    Mutator {
        id: "many_shot_8",
        group: Group::Context,
        attack: Attack::H3,
        zh: "八轮无害问答示例后提问",
        en: "Eight harmless questions answered at once, then the text",
        source: "Many-shot jailbreaking (Anthropic, 2024)",
        peers: &["pyrit:many_shot", "aig:many-shot"],
        apply: Apply::Text(programs::shots_8),
        reverse: Reverse::No,
    },
    Mutator {
        id: "many_shot_32",
        group: Group::Context,
        attack: Attack::H3,
        zh: "三十二轮无害问答示例后提问",
        en: "Thirty-two harmless questions answered at once, then the text",
        source: "Many-shot jailbreaking (Anthropic, 2024)",
        peers: &["pyrit:many_shot", "aig:many-shot"],
        apply: Apply::Text(programs::shots_32),
        reverse: Reverse::No,
    },
    Mutator {
        id: "repeated_token",
        group: Group::Context,
        attack: Attack::H5,
        zh: "末尾重复同一个词元 64 次",
        en: "One token repeated 64 times at the end",
        source: "repeated-token attacks, public notes of 2023 and 2024",
        peers: &["pyrit:RepeatToken"],
        apply: Apply::Text(programs::repeated_token),
        reverse: Reverse::No,
    },
    Mutator {
        id: "noise_suffix",
        group: Group::Context,
        attack: Attack::H5,
        zh: "末尾附加无意义片段，作为搜索的起点",
        en: "Meaningless pieces at the end, where a search begins",
        source: "after GCG (arXiv 2307.15043), unoptimised",
        peers: &["pyrit:SuffixAppend", "promptfoo:gcg", "garak:suffix"],
        apply: Apply::Text(programs::noise_suffix),
        reverse: Reverse::No,
    },
];

#[cfg(test)]
super::trial::chapter!(all(), "framing.tsv");
