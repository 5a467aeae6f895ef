//! Qwen3Guard-Gen's three lines (Qwen3Guard technical report, section 3; model card).

use menshen_verdict::{Labels, Level, Scored, maps};

use crate::JudgeError;
use crate::remote::Format;

/// Score for `Unsafe`: the word is certain, the model's F1 of about 0.9 on its own test sets is not 1.
const UNSAFE: f32 = 0.95;
/// Score for `Controversial`: the report uses it for what strict and loose policies judge differently.
const CONTROVERSIAL: f32 = 0.6;
/// Score for `Safe`: small, but "judged", which is not the same as absent.
const SAFE: f32 = 0.02;

pub(super) fn parse(answer: &str) -> Result<Labels, JudgeError> {
    let mut safety = None;
    let mut categories: Vec<&str> = Vec::new();
    let mut refusal = None;
    for line in answer.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let (key, value) = line.split_once(':').ok_or(garbled("a line has no colon"))?;
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "safety" if safety.is_none() => safety = Some(value),
            "safety" => return Err(garbled("two safety lines")),
            "categories" => categories.extend(value.split(',').map(str::trim).filter(|c| !c.is_empty())),
            "refusal" => {
                refusal = Some(match value.to_ascii_lowercase().as_str() {
                    "yes" => true,
                    "no" => false,
                    _ => return Err(garbled("refusal is neither Yes nor No")),
                });
            }
            _ => return Err(garbled("a line of another format")),
        }
    }
    let (score, level) = match safety.map(str::to_ascii_lowercase).as_deref() {
        Some("unsafe") => (UNSAFE, Scored::new(Level::Risky, UNSAFE)),
        Some("controversial") => (CONTROVERSIAL, Scored::new(Level::Related, CONTROVERSIAL)),
        Some("safe") => (SAFE, Scored::new(Level::None, 1.0 - SAFE)),
        Some(_) => return Err(garbled("safety is not Safe, Controversial or Unsafe")),
        None => return Err(garbled("no safety line")),
    };
    let mut labels = Labels { risk_score: score, level: Some(level), ..Labels::default() };
    if score > SAFE {
        for category in categories {
            // "Jailbreak" is an attack, but not one of our sub-classes alone.
            if category.eq_ignore_ascii_case("jailbreak") {
                labels.attack_score = score;
            }
            for risk in maps::qwen3guard(category).unwrap_or_default() {
                labels.note_risk(*risk, score);
            }
        }
    }
    // Only judgments of answers carry the line, so its presence says which side was judged.
    if let Some(refused) = refusal {
        labels.refusal = Some(if refused { UNSAFE } else { SAFE });
        labels.unsafe_answer = Some(score);
    }
    Ok(labels)
}

const fn garbled(why: &'static str) -> JudgeError {
    JudgeError::Garbled { format: Format::Qwen3Guard, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menshen_verdict::Risk;

    #[test]
    fn unsafe_prompts_name_their_risks() {
        let labels = parse("Safety: Unsafe\nCategories: Violent, Non-violent Illegal Acts").unwrap();
        assert_eq!(labels.risks.iter().map(|r| r.id).collect::<Vec<_>>(), [Risk::A1f, Risk::A1h]);
        assert_eq!(labels.risk_score, UNSAFE);
        assert_eq!(labels.refusal, None);
    }

    #[test]
    fn answers_carry_refusal_and_their_own_safety() {
        let labels = parse("Safety: Safe\nCategories: None\nRefusal: Yes\n").unwrap();
        assert_eq!((labels.refusal, labels.unsafe_answer), (Some(UNSAFE), Some(SAFE)));
        assert!(labels.risks.is_empty());
    }

    #[test]
    fn controversial_is_related_and_jailbreak_is_an_attack() {
        let labels = parse("Safety: Controversial\nCategories: Politically Sensitive Topics").unwrap();
        assert_eq!(labels.level.unwrap().id, Level::Related);
        let labels = parse("Safety: Unsafe\nCategories: Jailbreak").unwrap();
        assert_eq!((labels.attack_score, labels.risks.len()), (UNSAFE, 0));
    }

    #[test]
    fn contradictions_and_strangers_are_errors() {
        for answer in [
            "Safety: Safe\nSafety: Unsafe",
            "Safety: Fine",
            "Categories: None",
            "Safety: Safe\nNote: ok",
            "Refusal: No",
        ] {
            assert!(parse(answer).is_err(), "{answer}");
        }
    }
}
