//! Grows seeds and other training texts: alternatives, templates with payloads, frames that say nothing, evasions.
//! What is grown stays in the family of its parents, and only training texts are grown.

use fastrand::Rng;
use menshen_verdict::{Intent, Level, Side};

use super::PAYLOAD;
use crate::evasion;
use crate::train::Example;

/// How far texts are grown.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Growth {
    /// The most texts that one seed with alternatives becomes.
    pub alternatives: usize,
    /// Payloads that each template takes.
    pub payloads: usize,
    /// Share of those payloads that are risky.
    pub risky_payloads: f32,
    /// Share of texts that are also written with a frame: a greeting, a reason, a thank-you.
    pub framed: f32,
    /// Share of texts that are also written with an evasion.
    pub evaded: f32,
}

impl Default for Growth {
    fn default() -> Self {
        Growth { alternatives: 4, payloads: 4, risky_payloads: 0.7, framed: 0.25, evaded: 0.2 }
    }
}

/// Frames stand around risky and harmless texts alike, so that a model learns that they mean nothing.
const FRAMES_ZH: &[(&str, &str)] = &[
    ("请问", ""),
    ("你好，", ""),
    ("您好，想咨询一下，", ""),
    ("", "，谢谢"),
    ("", "，在线等"),
    ("帮我看看，", ""),
    ("我想知道", ""),
    ("麻烦告诉我，", ""),
    ("", "？请详细说明"),
    ("求助：", ""),
    ("", "，急"),
    ("问个问题，", ""),
    ("我朋友问我，", ""),
    ("老师让我查一下，", ""),
    ("", "，请分点回答"),
    ("", "，简单说就行"),
    ("小助手，", ""),
    ("", "，有人知道吗"),
    ("随便问问，", ""),
    ("", "。用通俗的话讲"),
    ("最近在想，", ""),
    ("我是一名学生，", ""),
    ("作为一个普通人，", ""),
    ("", "，不要太长"),
    ("听说", "，是这样吗"),
    ("嗨，", ""),
    ("哈喽，", "，拜托了"),
    ("", "，给我举几个例子"),
];
const FRAMES_EN: &[(&str, &str)] = &[
    ("Hi, ", ""),
    ("Please, ", ""),
    ("Quick question: ", ""),
    ("", " Thanks!"),
    ("I was wondering, ", ""),
    ("", " Please explain step by step."),
    ("Hello there. ", ""),
    ("", " Keep it short."),
    ("My friend asked me: ", ""),
    ("As a student, ", ""),
    ("Could you help? ", ""),
    ("", " Give me a few examples."),
];

/// Puts a frame around a text, or swaps common question words.
fn framed(example: &Example, rng: &mut Rng) -> Example {
    let text = example.text.trim_end_matches(['。', '？', '?', '!', '！']);
    let han = text.chars().any(menshen_text::is_han);
    let (before, after) = rng.choice(if han { FRAMES_ZH } else { FRAMES_EN }).copied().unwrap_or_default();
    let mut text = format!("{before}{text}{after}");
    if han && rng.bool() {
        for (from, to) in [
            ("如何", "怎么"),
            ("怎样", "如何"),
            ("怎么", "怎样"),
            ("帮我", "替我"),
            ("有没有办法", "有什么办法"),
            ("为什么", "为何"),
            ("哪里", "哪儿"),
        ] {
            if text.contains(from) {
                text = text.replacen(from, to, 1);
                break;
            }
        }
    }
    Example { text, weight: example.weight * 0.7, ..example.clone() }
}

/// Writes a text with an evasion. A disguised risk is an attack; a disguised harmless text is only odd, so whether it
/// is one stays unknown.
pub fn evaded(example: &Example, evasion: &evasion::Evasion, rng: &mut Rng) -> Option<Example> {
    let text = (evasion.apply)(&example.text, rng)?;
    let mut targets = example.targets;
    if targets.level == Some(Level::Risky)
        && evasion.name != "typo"
        && evasion.name != "full_width"
        && evasion.name != "traditional"
    {
        targets.attack = Some(true);
        targets.attacks = targets.attacks.map(|bits| bits | crate::heads::bit(evasion.attack.index()));
    } else if targets.attack == Some(false) {
        (targets.attack, targets.attacks) = (None, None);
    }
    Some(Example { text, targets, weight: example.weight * 0.7, ..example.clone() })
}

/// A template with a payload: what the payload concerns, in the form of the template.
pub fn filled(template: &Example, payload: &Example) -> Example {
    let mut targets = payload.targets;
    targets.attack = template.targets.attack;
    targets.attacks = template.targets.attacks;
    if template.targets.attack == Some(true) {
        // A harmless payload inside an attack is still an attack; why somebody would do that is unknown.
        targets.intent = (targets.level == Some(Level::Risky)).then_some(Intent::Malicious);
        targets.topic = None;
    }
    targets.sentiment = None;
    let text = template.text.replacen(PAYLOAD, &payload.text, 1);
    Example { text, side: template.side, targets, weight: (template.weight * payload.weight).min(1.0) }
}

/// Grows training texts: `plain` as they are and framed or evaded, `templates` with payloads drawn from `plain` of the
/// same language. Deterministic for a seed.
pub fn grow(plain: &[Example], templates: &[Example], growth: &Growth, seed: u64) -> Vec<Example> {
    let mut rng = Rng::with_seed(seed ^ 0x6707);
    let mut out = Vec::with_capacity(plain.len() * 3 / 2 + templates.len() * growth.payloads);
    let han = |e: &Example| e.text.chars().any(menshen_text::is_han);
    let usable =
        |e: &&Example| e.side == Side::Input && e.targets.attack != Some(true) && e.text.chars().count() <= 160;
    let of = |zh: bool, risky: bool| -> Vec<&Example> {
        plain
            .iter()
            .filter(usable)
            .filter(|e| han(e) == zh && e.targets.level.is_some() && (e.targets.level == Some(Level::Risky)) == risky)
            .collect()
    };
    let payloads = [[of(false, false), of(false, true)], [of(true, false), of(true, true)]];
    for template in templates {
        let zh = usize::from(han(template));
        for _ in 0..growth.payloads {
            let risky = usize::from(rng.f32() < growth.risky_payloads);
            let attack = template.targets.attack == Some(true);
            // A harmless frame stays harmless only around a harmless payload.
            let pool = payloads.get(zh).and_then(|p| p.get(if attack { risky } else { 0 }));
            if let Some(payload) = pool.and_then(|pool| rng.choice(pool)) {
                out.push(filled(template, payload));
            }
        }
    }
    for example in plain {
        if example.side != Side::Output && rng.f32() < growth.framed && example.text.chars().count() < 120 {
            out.push(framed(example, &mut rng));
        }
        if example.side != Side::Output && rng.f32() < growth.evaded && example.text.chars().count() < 400 {
            let evasion = rng.choice(evasion::ALL);
            out.extend(evasion.and_then(|evasion| evaded(example, evasion, &mut rng)));
        }
    }
    out.extend_from_slice(plain);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::Targets;

    fn example(text: &str, level: Level) -> Example {
        let targets =
            Targets { level: Some(level), attack: Some(false), attacks: Some(0), risks: Some(0), ..Targets::default() };
        Example { text: text.to_owned(), side: Side::Input, targets, weight: 1.0 }
    }

    #[test]
    fn a_template_takes_the_risk_of_its_payload_and_keeps_its_attack() {
        let mut template = example("扮演：<payload>", Level::None);
        (template.targets.attack, template.targets.attacks) = (Some(true), Some(1));
        let filled = filled(&template, &example("怎么办", Level::Risky));
        assert_eq!(filled.text, "扮演：怎么办");
        assert_eq!((filled.targets.level, filled.targets.attack), (Some(Level::Risky), Some(true)));
        assert_eq!(filled.targets.intent, Some(Intent::Malicious));
    }

    #[test]
    fn growing_is_deterministic_and_keeps_the_originals() {
        let plain: Vec<Example> =
            (0..40).map(|i| example(&format!("第{i}个问题怎么解决比较好"), Level::None)).collect();
        let a = grow(&plain, &[], &Growth::default(), 5);
        let b = grow(&plain, &[], &Growth::default(), 5);
        assert!(a.len() > plain.len());
        assert_eq!(a.iter().map(|e| &e.text).collect::<Vec<_>>(), b.iter().map(|e| &e.text).collect::<Vec<_>>());
        assert!(plain.iter().all(|p| a.iter().any(|e| e.text == p.text)));
    }

    #[test]
    fn an_evaded_risk_is_an_attack_and_an_evaded_harmless_text_is_unknown() {
        let base64 = evasion::ALL.iter().find(|e| e.name == "base64").unwrap();
        let mut rng = Rng::with_seed(1);
        let risky = evaded(&example("怎么办呢", Level::Risky), base64, &mut rng).unwrap();
        assert_eq!(risky.targets.attack, Some(true));
        let harmless = evaded(&example("怎么办呢", Level::None), base64, &mut rng).unwrap();
        assert_eq!(harmless.targets.attack, None);
    }
}
