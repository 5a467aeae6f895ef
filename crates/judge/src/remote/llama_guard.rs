//! Llama Guard 3 and 4: one word, and for `unsafe` a line of MLCommons hazard codes (model cards).

use menshen_verdict::{Labels, Level, Scored, maps};

use crate::JudgeError;
use crate::remote::Format;

/// Score for `unsafe`; the model card reports an F1 of about 0.94 for Llama Guard 3 8B.
const UNSAFE: f32 = 0.94;
/// Score for `safe`.
const SAFE: f32 = 0.03;

pub(super) fn parse(answer: &str) -> Result<Labels, JudgeError> {
    let mut lines = answer.lines().map(str::trim).filter(|l| !l.is_empty());
    match (lines.next(), lines.next(), lines.next()) {
        (Some("safe"), None, _) => {
            Ok(Labels { risk_score: SAFE, level: Some(Scored::new(Level::None, 1.0 - SAFE)), ..Labels::default() })
        }
        (Some("unsafe"), codes, None) => {
            let mut labels =
                Labels { risk_score: UNSAFE, level: Some(Scored::new(Level::Risky, UNSAFE)), ..Labels::default() };
            for code in codes.into_iter().flat_map(|c| c.split(',')).map(str::trim) {
                if !is_code(code) {
                    return Err(garbled("the second line is not a list of hazard codes"));
                }
                // Later model versions may know more hazards than our map: unsafe all the same.
                for risk in maps::llama_guard(code).unwrap_or_default() {
                    labels.note_risk(*risk, UNSAFE);
                }
            }
            Ok(labels)
        }
        _ => Err(garbled("neither `safe` alone nor `unsafe` and its codes")),
    }
}

fn is_code(code: &str) -> bool {
    code.strip_prefix('S').is_some_and(|n| !n.is_empty() && n.len() <= 2 && n.bytes().all(|b| b.is_ascii_digit()))
}

const fn garbled(why: &'static str) -> JudgeError {
    JudgeError::Garbled { format: Format::LlamaGuard, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menshen_verdict::Risk;

    #[test]
    fn the_two_answers_of_the_model_card() {
        assert_eq!(parse("safe").unwrap().level.unwrap().id, Level::None);
        let labels = parse("unsafe\nS1,S9").unwrap();
        assert_eq!(labels.risks.iter().map(|r| r.id).collect::<Vec<_>>(), [Risk::A1f, Risk::A1d]);
        assert_eq!(labels.risk_score, UNSAFE);
    }

    #[test]
    fn unsafe_without_codes_is_unsafe() {
        let labels = parse("unsafe").unwrap();
        assert_eq!((labels.risk_score, labels.risks.len()), (UNSAFE, 0));
    }

    #[test]
    fn anything_else_is_an_error() {
        for answer in ["safe\nS1", "unsafe\nbecause", "unsafe\nS1\nS2", "Unsafe: S1", "unsafe\nS", "safe safe"] {
            assert!(parse(answer).is_err(), "{answer}");
        }
    }
}
