//! Rewritten by a model: the rows, and the prompts of `packs/redteam/prompts`.

use std::sync::LazyLock;

use menshen_verdict::Attack;
use serde::Deserialize;

use super::words::tool;
use super::{Apply, Group, Mutator, Reverse};

/// Where the text goes.
const TEXT: &str = "{text}";
/// Where the second text goes.
const OTHER: &str = "{other}";

const FILE: &str = include_str!("../../../../packs/redteam/prompts/mutators.toml");

/// What a model is asked for a rewriting, in both languages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// The id in [`Apply::Model`].
    pub id: String,
    /// For Chinese texts.
    pub zh: String,
    /// For other texts.
    pub en: String,
}

impl Prompt {
    /// The prompt in the language of a text, with the text in it, and the other where the prompt takes two.
    pub fn fill(&self, text: &str, other: Option<&str>) -> String {
        let prompt = tool::pick(text, &self.zh, &self.en);
        // The text goes in last, so that nothing within it is taken for a place.
        let (before, after) = prompt.split_once(TEXT).unwrap_or((prompt, ""));
        let put = |part: &str| part.replace(OTHER, other.unwrap_or_default());
        format!("{}{text}{}", put(before), put(after))
    }

    /// Whether it takes two texts.
    pub fn crosses(&self) -> bool {
        self.en.contains(OTHER)
    }
}

/// What stands between the tags of an answer, the last pair if there are several. `None`: there is none.
pub fn rewritten(answer: &str) -> Option<&str> {
    let (before, _) = answer.rsplit_once("</rewrite>")?;
    let (_, text) = before.rsplit_once("<rewrite>")?;
    Some(text.trim()).filter(|text| !text.is_empty())
}

#[derive(Deserialize)]
struct File {
    prompt: Vec<Prompt>,
}

/// All prompts. A file that cannot be read holds none; the tests read it.
pub fn prompts() -> &'static [Prompt] {
    static PROMPTS: LazyLock<Vec<Prompt>> =
        LazyLock::new(|| toml::from_str::<File>(FILE).map(|file| file.prompt).unwrap_or_default());
    &PROMPTS
}

/// The one with this id.
pub fn prompt(id: &str) -> Option<&'static Prompt> {
    prompts().iter().find(|prompt| prompt.id == id)
}

/// The rows.
pub(super) const ALL: &[Mutator] = &[
    Mutator {
        id: "translate_model",
        group: Group::Model,
        attack: Attack::E5,
        zh: "译成另一种大语种（由模型改写）",
        en: "Translated into another widely spoken language, by a model",
        source: "MultiJail (arXiv 2310.06474)",
        peers: &["pyrit:Translation", "promptfoo:multilingual", "aig:multilingual", "easyjailbreak:Translate"],
        apply: Apply::Model("translate_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "low_resource_model",
        group: Group::Model,
        attack: Attack::E5,
        zh: "译成资源少的语言（由模型改写）",
        en: "Translated into a low-resource language, by a model",
        source: "Low-resource jailbreak (arXiv 2310.02446)",
        peers: &["promptfoo:multilingual", "deepteam:multilingual", "aig:multilingual", "easyjailbreak:Translate"],
        apply: Apply::Model("low_resource_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "word_by_word_languages",
        group: Group::Model,
        attack: Attack::E5,
        zh: "每个词换一种语言（由模型改写）",
        en: "Each word in another language, by a model",
        source: "random translation by word",
        peers: &["pyrit:RandomTranslation"],
        apply: Apply::Model("word_by_word_languages"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "dialect_model",
        group: Group::Model,
        attack: Attack::E5,
        zh: "改写成地道方言（由模型改写）",
        en: "Rewritten in a genuine dialect, by a model",
        source: "common use",
        peers: &["aig:multilingual"],
        apply: Apply::Model("dialect_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "classical_model",
        group: Group::Model,
        attack: Attack::E5,
        zh: "改写成文言（由模型改写）",
        en: "Rewritten in the classical form of the language, by a model",
        source: "common use",
        peers: &[],
        apply: Apply::Model("classical_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "tense_past_model",
        group: Group::Model,
        attack: Attack::S5,
        zh: "改成过去时的提问（由模型改写）",
        en: "Moved to the past, by a model",
        source: "Past tense (arXiv 2407.11969)",
        peers: &["pyrit:Tense", "garak:phrasing.PastTense", "aig:past_tense"],
        apply: Apply::Model("tense_past_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "tense_future_model",
        group: Group::Model,
        attack: Attack::S5,
        zh: "改成将来时的提问（由模型改写）",
        en: "Moved to the future, by a model",
        source: "Past tense (arXiv 2407.11969)",
        peers: &["pyrit:Tense", "garak:phrasing.FutureTense"],
        apply: Apply::Model("tense_future_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "tone_model",
        group: Group::Model,
        attack: Attack::S4,
        zh: "换一种语气（由模型改写）",
        en: "In another tone, by a model",
        source: "common use",
        peers: &["pyrit:Tone"],
        apply: Apply::Model("tone_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "persuasion_model",
        group: Group::Model,
        attack: Attack::S4,
        zh: "加上一种说服手法（由模型改写）",
        en: "With one technique of persuasion, by a model",
        source: "PAP (arXiv 2401.06373)",
        peers: &["pyrit:Persuasion", "deepteam:emotional_manipulation", "promptfoo:citation"],
        apply: Apply::Model("persuasion_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "paraphrase_model",
        group: Group::Model,
        attack: Attack::E4,
        zh: "换一种说法（由模型改写）",
        en: "In other words, by a model",
        source: "variation",
        peers: &["pyrit:Variation", "easyjailbreak:Rephrase", "garak:buffs.paraphrase"],
        apply: Apply::Model("paraphrase_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "noise_model",
        group: Group::Model,
        attack: Attack::E4,
        zh: "加上打字错误（由模型改写）",
        en: "With slips of typing, by a model",
        source: "noise converter",
        peers: &["pyrit:Noise"],
        apply: Apply::Model("noise_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "euphemism_model",
        group: Group::Model,
        attack: Attack::E4,
        zh: "敏感词换成委婉的同义说法（由模型改写）",
        en: "Sensitive words replaced by mild synonyms, by a model",
        source: "denylist converter",
        peers: &["pyrit:Denylist", "aig:input_bypass", "easyjailbreak:ReplaceWordsWithSynonyms"],
        apply: Apply::Model("euphemism_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "scientific_model",
        group: Group::Model,
        attack: Attack::S5,
        zh: "改成学术措辞（由模型改写）",
        en: "In scientific terms, by a model",
        source: "scientific framing",
        peers: &["pyrit:ScientificTranslation", "promptfoo:citation"],
        apply: Apply::Model("scientific_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "decomposition_model",
        group: Group::Model,
        attack: Attack::E6,
        zh: "拆成几个单独看无害的小问（由模型改写）",
        en: "Parted into questions harmless in themselves, by a model",
        source: "DrAttack (arXiv 2402.16914)",
        peers: &["pyrit:Decomposition", "aig:sequential_break"],
        apply: Apply::Model("decomposition_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "math_model",
        group: Group::Model,
        attack: Attack::E7,
        zh: "改写成数学题（由模型改写）",
        en: "As a problem of mathematics, by a model",
        source: "MathPrompt (arXiv 2409.11445)",
        peers: &["pyrit:MathPrompt", "promptfoo:math-prompt", "deepteam:math_problem", "aig:math_problem"],
        apply: Apply::Model("math_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "code_model",
        group: Group::Model,
        attack: Attack::E7,
        zh: "改写成编程题（由模型改写）",
        en: "As a programming task, by a model",
        source: "CodeAttack (arXiv 2403.07865)",
        peers: &["pyrit:CodeAttack"],
        apply: Apply::Model("code_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "question_generation_model",
        group: Group::Model,
        attack: Attack::S6,
        zh: "围绕主题生成一个更有针对性的问题（由模型改写）",
        en: "A sharper question on the same subject, by a model",
        source: "malicious question generation",
        peers: &["pyrit:MaliciousQuestionGenerator"],
        apply: Apply::Model("question_generation_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "ipa_model",
        group: Group::Model,
        attack: Attack::E1,
        zh: "转写成国际音标（由模型改写）",
        en: "In the International Phonetic Alphabet, by a model",
        source: "IPA Handbook, 1999",
        peers: &["pyrit:IPA"],
        apply: Apply::Model("ipa_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "toxic_starter_model",
        group: Group::Model,
        attack: Attack::H4,
        zh: "写一个会诱出有害续写的半句（由模型改写）",
        en: "Half a sentence whose continuation would be harmful, by a model",
        source: "continuation probes",
        peers: &["pyrit:ToxicSentenceGenerator", "garak:continuation", "garak:realtoxicityprompts"],
        apply: Apply::Model("toxic_starter_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "expand_model",
        group: Group::Model,
        attack: Attack::H5,
        zh: "在前面加三句（由模型改写）",
        en: "Three sentences before it, by a model",
        source: "GPTFuzzer (arXiv 2309.10253)",
        peers: &["pyrit:fuzzer_expand", "easyjailbreak:Expand"],
        apply: Apply::Model("expand_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "shorten_model",
        group: Group::Model,
        attack: Attack::H5,
        zh: "压缩过长的句子（由模型改写）",
        en: "Long sentences condensed, by a model",
        source: "GPTFuzzer (arXiv 2309.10253)",
        peers: &["pyrit:fuzzer_shorten", "easyjailbreak:Shorten"],
        apply: Apply::Model("shorten_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "rephrase_model",
        group: Group::Model,
        attack: Attack::H5,
        zh: "逐句重写模板（由模型改写）",
        en: "Every sentence of a template rewritten, by a model",
        source: "GPTFuzzer (arXiv 2309.10253)",
        peers: &["pyrit:fuzzer_rephrase", "easyjailbreak:Rephrase"],
        apply: Apply::Model("rephrase_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "crossover_model",
        group: Group::Model,
        attack: Attack::H5,
        zh: "与另一个模板杂交（由模型改写）",
        en: "Crossed with another template, by a model",
        source: "GPTFuzzer (arXiv 2309.10253)",
        peers: &["pyrit:fuzzer_crossover", "easyjailbreak:CrossOver"],
        apply: Apply::Model("crossover_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "similar_model",
        group: Group::Model,
        attack: Attack::H5,
        zh: "生成同风格、不同场景的模板（由模型改写）",
        en: "A template of the same style in another scene, by a model",
        source: "GPTFuzzer (arXiv 2309.10253)",
        peers: &["pyrit:fuzzer_similar", "easyjailbreak:GenerateSimilar"],
        apply: Apply::Model("similar_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "metaphor_model",
        group: Group::Model,
        attack: Attack::S5,
        zh: "用比喻和影射改写（由模型改写）",
        en: "By metaphor and allusion, by a model",
        source: "common use",
        peers: &["deepteam:adversarial_poetry", "aig:semantic_manipulation"],
        apply: Apply::Model("metaphor_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "poem_model",
        group: Group::Model,
        attack: Attack::S2,
        zh: "改写成诗（由模型改写）",
        en: "As a poem, by a model",
        source: "Adversarial poetry (arXiv 2511.15304)",
        peers: &["deepteam:adversarial_poetry"],
        apply: Apply::Model("poem_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "role_play_model",
        group: Group::Model,
        attack: Attack::S1,
        zh: "按请求量身写一个角色场景（由模型改写）",
        en: "A role and scene made for the request, by a model",
        source: "persona modulation (arXiv 2311.03348)",
        peers: &["aig:roleplay", "deepteam:roleplay", "pyrit:role_play_trivia_game"],
        apply: Apply::Model("role_play_model"),
        reverse: Reverse::No,
    },
    Mutator {
        id: "image_style_model",
        group: Group::Model,
        attack: Attack::E7,
        zh: "扩写成图像生成提示（由模型改写）",
        en: "As a prompt for an image, by a model",
        source: "image prompt style",
        peers: &["pyrit:ImagePromptStyle"],
        apply: Apply::Model("image_style_model"),
        reverse: Reverse::No,
    },
];

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;

    #[test]
    fn rows_are_tidy() {
        trial::tidy(ALL);
    }

    #[test]
    fn every_row_has_its_prompt_and_every_prompt_its_places() {
        toml::from_str::<File>(FILE).unwrap();
        assert_eq!(prompts().len(), ALL.len());
        for row in ALL {
            let prompt = prompt(row.id).unwrap();
            assert!(matches!(row.apply, Apply::Model(id) if id == row.id));
            for body in [&prompt.zh, &prompt.en] {
                assert_eq!(body.matches(TEXT).count(), 1, "{}", row.id);
                assert!(body.contains("<rewrite></rewrite>"), "{}", row.id);
                assert_eq!(body.contains(OTHER), row.id == "crossover_model", "{}", row.id);
            }
            assert!(tool::chinese(&prompt.zh) && !tool::chinese(&prompt.en));
        }
    }

    #[test]
    fn texts_go_where_they_belong() {
        let crossover = prompt("crossover_model").unwrap();
        assert!(crossover.crosses() && !prompt("noise_model").unwrap().crosses());
        let filled = crossover.fill("one {other}", Some("two {text}"));
        assert!(filled.contains("<text>\none {other}\n</text>") && filled.contains("two {text}"));
        assert_eq!(rewritten("Here: <rewrite> a\nb </rewrite>."), Some("a\nb"));
        assert_eq!(rewritten("<rewrite></rewrite>"), None);
        assert_eq!(rewritten("no tags"), None);
    }
}
