//! Checks seeds before anything is trained on them: duplicates, lengths, balance, and leakage into the evaluation
//! split.

use std::collections::BTreeMap;

use menshen_verdict::{Attack, Intent, Level, Risk, Side};

use super::{Problem, Seeds};
use crate::near_duplicates::{jaccard, pairs, shingles};

/// Texts alike to this degree say the same.
pub const DUPLICATE: f32 = 0.85;
/// A training text alike to an evaluation text to this degree leaks it.
pub const LEAK: f32 = 0.7;
/// The most characters of a seed: requests as users type them, not documents.
pub const MAX_CHARS: usize = 2_000;

/// Least numbers of texts, from the standard's banks (TC260-003 8.2, which asks 50 questions for each A.1 and A.2 risk
/// and 20 for each other) and the project's own aim of 8,000 seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minimums {
    /// Texts in all.
    pub texts: usize,
    /// Risky texts of each risk.
    pub risky: usize,
    /// Texts of each risk that only concern it.
    pub related: usize,
    /// Texts of each attack sub-class.
    pub attack: usize,
    /// Texts of each topic.
    pub topic: usize,
}

impl Minimums {
    /// What the shipped seeds are held to.
    pub const SHIPPED: Minimums = Minimums { texts: 8_000, risky: 60, related: 40, attack: 25, topic: 10 };
}

/// How many texts there are of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Texts.
    pub texts: usize,
    /// Sections.
    pub families: usize,
    /// By language.
    pub lang: BTreeMap<String, usize>,
    /// By risk and level, such as `A1a risky`.
    pub risk: BTreeMap<String, usize>,
    /// By level.
    pub level: BTreeMap<String, usize>,
    /// By intent.
    pub intent: BTreeMap<String, usize>,
    /// By attack.
    pub attack: BTreeMap<String, usize>,
    /// By place in the list of topics.
    pub topic: BTreeMap<u16, usize>,
    /// By side.
    pub side: BTreeMap<String, usize>,
}

/// Counts seeds by their labels.
pub fn count(seeds: &Seeds) -> Counts {
    let mut counts = Counts { texts: seeds.seeds.len(), families: seeds.sections.len(), ..Counts::default() };
    let add = |map: &mut BTreeMap<String, usize>, key: String| *map.entry(key).or_default() += 1;
    for section in seeds.seeds.iter().filter_map(|s| seeds.section(s)) {
        let t = &section.targets;
        add(&mut counts.lang, section.lang.clone());
        add(&mut counts.side, section.side.id().to_owned());
        if let Some(level) = t.level {
            add(&mut counts.level, level.id().to_owned());
            for risk in t.risk_list() {
                add(&mut counts.risk, format!("{} {}", risk.id(), level.id()));
            }
        }
        if let Some(intent) = t.intent {
            add(&mut counts.intent, intent.id().to_owned());
        }
        for attack in t.attack_list() {
            add(&mut counts.attack, attack.id().to_owned());
        }
        if let Some(topic) = t.topic {
            *counts.topic.entry(topic).or_default() += 1;
        }
    }
    counts
}

/// Everything that is wrong with training seeds, given those kept for evaluation.
pub fn lint(seeds: &Seeds, evaluation: &Seeds, topics: usize, minimums: &Minimums) -> Vec<Problem> {
    let mut problems = seeds.problems.clone();
    problems.extend(evaluation.problems.iter().cloned());
    let mut name = |seeds: &Seeds, at: usize, message: String| {
        if let Some(seed) = seeds.seeds.get(at) {
            let file = seeds.section(seed).map(|s| s.file.clone()).unwrap_or_default();
            problems.push(Problem { file, line: seed.line, message });
        }
    };
    for (at, seed) in seeds.seeds.iter().enumerate() {
        let chars = seed.text.chars().count();
        if chars < 2 {
            name(seeds, at, "a text of one character teaches nothing; remove it".to_owned());
        } else if chars > MAX_CHARS {
            name(seeds, at, format!("{chars} characters; seeds have at most {MAX_CHARS}, cut it"));
        }
    }
    for (a, b) in pairs(seeds.seeds.iter().map(|s| s.text.as_str()), DUPLICATE) {
        let other =
            seeds.seeds.get(a).and_then(|s| seeds.section(s).map(|section| format!("{}:{}", section.file, s.line)));
        let same_labels = match (seeds.seeds.get(a), seeds.seeds.get(b)) {
            (Some(a), Some(b)) => seeds.section(a).map(|s| s.targets) == seeds.section(b).map(|s| s.targets),
            _ => true,
        };
        // Texts that differ in a letter on purpose, to teach a border, have different labels.
        if same_labels {
            name(seeds, b, format!("says the same as {}; keep one", other.unwrap_or_default()));
        }
    }
    let held: Vec<Vec<u32>> = evaluation.seeds.iter().map(|s| shingles(&s.text)).collect();
    let n = held.len();
    let both = evaluation.seeds.iter().chain(&seeds.seeds).map(|s| s.text.as_str());
    for (a, b) in pairs(both, LEAK) {
        if a < n && b >= n {
            let text = seeds.seeds.get(b - n).map(|s| shingles(&s.text)).unwrap_or_default();
            let alike = held.get(a).map_or(0.0, |h| jaccard(h, &text));
            let at = evaluation.seeds.get(a).map_or(0, |s| s.line);
            name(seeds, b - n, format!("leaks line {at} of the evaluation split ({alike:.2} alike); remove it"));
        }
    }
    problems.extend(balance(&count(seeds), topics, minimums));
    problems
}

fn balance(counts: &Counts, topics: usize, minimums: &Minimums) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut at_least = |what: String, have: usize, want: usize| {
        if have < want {
            let message = format!("{have} texts of {what}, {want} are wanted; write {} more", want - have);
            problems.push(Problem { file: "seeds".to_owned(), line: 0, message });
        }
    };
    at_least("all kinds".to_owned(), counts.texts, minimums.texts);
    for risk in Risk::ALL {
        for (level, want) in [(Level::Risky, minimums.risky), (Level::Related, minimums.related)] {
            let key = format!("{} {}", risk.id(), level.id());
            at_least(key.clone(), counts.risk.get(&key).copied().unwrap_or(0), want);
        }
    }
    for attack in Attack::ALL {
        at_least(
            format!("attack {}", attack.id()),
            counts.attack.get(attack.id()).copied().unwrap_or(0),
            minimums.attack,
        );
    }
    for topic in 0..topics {
        let have = u16::try_from(topic).ok().and_then(|t| counts.topic.get(&t)).copied().unwrap_or(0);
        at_least(format!("topic number {topic}"), have, minimums.topic);
    }
    let risky = counts.level.get(Level::Risky.id()).copied().unwrap_or(0);
    let others = [Level::Related, Level::None].iter().filter_map(|l| counts.level.get(l.id())).sum::<usize>();
    at_least("levels related and none, as many as risky ones".to_owned(), others, risky);
    for intent in Intent::ALL {
        at_least(
            format!("intent {}", intent.id()),
            counts.intent.get(intent.id()).copied().unwrap_or(0),
            minimums.texts / 50,
        );
    }
    if counts.texts > 0 && minimums.texts > 0 {
        at_least("answers".to_owned(), counts.side.get(Side::Output.id()).copied().unwrap_or(0), minimums.texts / 40);
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Minimums = Minimums { texts: 0, risky: 0, related: 0, attack: 0, topic: 0 };

    fn seeds(body: &str) -> Seeds {
        let mut seeds = Seeds::default();
        seeds.read("f", body, &[]);
        seeds
    }

    #[test]
    fn duplicates_and_leaks_are_named() {
        let train = seeds(
            "@ level=none risk=none\n怎么种好阳台上的番茄\n怎么种好阳台上的番茄？\n下个月去成都旅游三天怎么安排\n",
        );
        let test = seeds("@ level=none risk=none\n下个月去成都旅游三天怎么安排呢\n");
        let messages: Vec<String> = lint(&train, &test, 0, &NONE).iter().map(ToString::to_string).collect();
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert!(messages[0].starts_with("f:3: says the same as f:2"));
        assert!(messages[1].starts_with("f:4: leaks line 2"));
    }

    #[test]
    fn what_is_missing_is_counted() {
        let train = seeds("@ level=risky risk=A1a intent=malicious\n一句有风险的话\n");
        let minimums = Minimums { risky: 2, ..NONE };
        let problems = lint(&train, &Seeds::default(), 0, &minimums);
        assert!(problems.iter().any(|p| p.message.starts_with("1 texts of A1a risky, 2 are wanted")));
    }
}
