//! The same operators by an attacker's model, for runners that have one.

use fastrand::Rng;

use super::data::{Language, MODEL_OPERATORS};
use super::operators::pick;
use super::prose::PAYLOAD;

/// What a runner may ask an attacker's model for, instead of the candidate's own template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRewrite {
    /// `similar`, `crossover`, `expand`, `shorten` or `rephrase`.
    pub operator: &'static str,
    /// The prompt; the answer goes to [`super::Search::rewritten`].
    pub prompt: String,
}

impl ModelRewrite {
    /// A prompt for one of the operators, drawn evenly; without a partner none that needs one.
    pub(super) fn draw(language: &Language, template: &str, partner: Option<&str>, rng: &mut Rng) -> Option<Self> {
        let usable: Vec<&'static str> =
            MODEL_OPERATORS.iter().copied().filter(|id| partner.is_some() || *id != "crossover").collect();
        let operator = pick(&usable, rng).copied()?;
        let frame = language.prompts.get(operator)?;
        // A template may hold "{other}" itself, so each place is filled where the frame has it.
        let filled: Vec<String> = frame.split("{other}").map(|part| part.replace("{template}", template)).collect();
        Some(ModelRewrite { operator, prompt: filled.join(partner.unwrap_or_default()) })
    }
}

/// The template in a model's answer: between `<template>` tags, or all of it. `None` when the request's place was lost
/// or doubled, or the answer is longer than `most` characters.
pub(super) fn read(answer: &str, most: usize) -> Option<String> {
    let after = answer.split_once("<template>").map_or(answer, |(_, after)| after);
    let text = after.split_once("</template>").map_or(after, |(before, _)| before).trim();
    let usable = text.matches(PAYLOAD).count() == 1 && text.chars().count() <= most && text != PAYLOAD;
    usable.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::data::Data;
    use super::*;

    #[test]
    fn a_prompt_holds_the_templates_and_an_answer_is_read_back() {
        let data = Data::shipped().expect("data");
        for lang in ["zh", "en"] {
            for seed in 0..40 {
                let rng = &mut Rng::with_seed(seed);
                let made =
                    ModelRewrite::draw(data.of(lang), "A {payload}", Some("B {payload}"), rng).expect("a prompt");
                assert!(made.prompt.contains("A {payload}") && !made.prompt.contains("{template}"));
                assert_eq!(made.operator == "crossover", made.prompt.contains("B {payload}"));
                let alone = ModelRewrite::draw(data.of(lang), "A {payload}", None, rng).expect("a prompt");
                assert_ne!(alone.operator, "crossover");
            }
        }
        assert_eq!(read("Sure:\n<template>\nDo {payload}.\n</template> Done", 99).as_deref(), Some("Do {payload}."));
        assert_eq!(read("Do {payload}.", 99).as_deref(), Some("Do {payload}."));
        for useless in ["", "I cannot help.", "{payload}", "{payload} {payload}", "</template>"] {
            assert_eq!(read(useless, 99), None, "{useless}");
        }
        assert_eq!(read("Do {payload}.", 5), None);
    }
}
