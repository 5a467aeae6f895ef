//! What the teacher wrote, and which of it is refused, and why.
//!
//! Filters run in the order of the plan, not of arrival, so that the same answers always leave the same candidates.

use std::collections::{BTreeMap, HashSet};

use menshen_verdict::{Intent, Level, Risk};
use serde::{Deserialize, Serialize};

use super::answer::{is_refusal, texts};
use super::config::{Config, Filter};
use super::ledger::Ledger;
use super::plan::Plan;
use super::questions::{Course, Next};
use super::{is_in, section, short_id};
use crate::near_duplicates::{jaccard, pairs, shingles};
use crate::seeds::{Seeds, expand};

/// Alternatives of a seed that candidates are compared with.
const ALTERNATIVES: usize = 4;

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// Fewer characters than wanted.
    TooShort,
    /// More characters than wanted.
    TooLong,
    /// Not in the language of its cell.
    WrongLanguage,
    /// The teacher's refusal, not a text.
    Refusal,
    /// It would be read as something else in a seed file.
    Unwritable,
    /// Alike to a text of the evaluation split.
    LeaksEvaluation,
    /// Alike to an existing seed.
    LikeSeed,
    /// Alike to an earlier candidate.
    LikeCandidate,
}

impl Rejection {
    /// The stable name.
    pub const fn id(self) -> &'static str {
        match self {
            Rejection::TooShort => "too_short",
            Rejection::TooLong => "too_long",
            Rejection::WrongLanguage => "wrong_language",
            Rejection::Refusal => "refusal",
            Rejection::Unwritable => "unwritable",
            Rejection::LeaksEvaluation => "leaks_evaluation",
            Rejection::LikeSeed => "like_seed",
            Rejection::LikeCandidate => "like_candidate",
        }
    }
}

/// A text that the teacher wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// A hash of language and text.
    pub id: String,
    /// The text.
    pub text: String,
    /// `zh` or `en`.
    pub lang: String,
    /// The risk that it was asked for.
    pub risk: Risk,
    /// The level that it was asked for.
    pub level: Level,
    /// The intent that it was asked for.
    pub intent: Intent,
    /// The attributes that it was asked for.
    pub attributes: BTreeMap<String, String>,
    /// The labels as an `@` line.
    pub labels: String,
    /// Why it is refused, if it is.
    #[serde(default)]
    pub rejected: Option<Rejection>,
    /// What it is alike to: a seed's file and line, or a candidate's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
}

/// How a plan came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Harvest {
    /// All texts, the refused ones too, in the order of the plan.
    pub candidates: Vec<Candidate>,
    /// Cells that the teacher answered.
    pub answered: usize,
    /// Cells given up, by reason.
    pub given_up: BTreeMap<String, usize>,
    /// Cells that are still to be asked.
    pub open: usize,
}

impl Harvest {
    /// Texts that passed.
    pub fn kept(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|c| c.rejected.is_none())
    }

    /// Refused texts by reason.
    pub fn rejections(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for reason in self.candidates.iter().filter_map(|c| c.rejected) {
            *counts.entry(reason.id().to_owned()).or_default() += 1;
        }
        counts
    }
}

/// How the cells of a plan are asked and their answers read.
pub fn course<'a>(config: &'a Config, plan: &'a Plan) -> Course<'a, Vec<String>> {
    Course {
        len: plan.questions.len(),
        ask: Box::new(|at| plan.questions.get(at).cloned()),
        redraws: config.asking.redraws,
        seed: config.asking.send_seed.then_some(config.seed),
        read: Box::new(|answer| texts(answer, &config.filter.refusals)),
    }
}

/// Collects what the teacher wrote and filters it.
pub fn harvest(config: &Config, plan: &Plan, ledger: &Ledger, seeds: &Seeds, evaluation: &Seeds) -> Harvest {
    let course = course(config, plan);
    let mut harvest = Harvest::default();
    let mut seen = HashSet::new();
    for (at, cell) in plan.cells.iter().enumerate() {
        let found = match course.next(at, ledger) {
            Some(Next::Answered(found)) => found,
            Some(Next::GivenUp(why)) => {
                *harvest.given_up.entry(why.to_string()).or_default() += 1;
                continue;
            }
            Some(Next::Ask(_)) | None => {
                harvest.open += 1;
                continue;
            }
        };
        harvest.answered += 1;
        let labels = cell.words().to_string();
        // A teacher that does not stop must not drown the other cells.
        for text in found.into_iter().take(config.plan.per_cell * 2) {
            let text = text.replace("\\n", "\n").trim().to_owned();
            let id = short_id(&[&cell.lang, &text]);
            let twice = !seen.insert(id.clone());
            let rejected = unfit(&text, &cell.lang, &config.filter).or(twice.then_some(Rejection::LikeCandidate));
            harvest.candidates.push(Candidate {
                like: twice.then(|| id.clone()),
                id,
                text,
                lang: cell.lang.clone(),
                risk: cell.risk,
                level: cell.level,
                intent: cell.intent,
                attributes: cell.attributes.clone(),
                labels: labels.clone(),
                rejected,
            });
        }
    }
    refuse_alike(&mut harvest.candidates, &config.filter, seeds, evaluation);
    harvest
}

/// What is wrong with a text by itself.
fn unfit(text: &str, lang: &str, filter: &Filter) -> Option<Rejection> {
    let chars = text.chars().count();
    if chars < filter.min_chars {
        Some(Rejection::TooShort)
    } else if chars > filter.max_chars {
        Some(Rejection::TooLong)
    } else if is_refusal(text, &filter.refusals) {
        Some(Rejection::Refusal)
    } else if !is_in(lang, text) {
        Some(Rejection::WrongLanguage)
    } else if section::line(text).is_none() {
        Some(Rejection::Unwritable)
    } else {
        None
    }
}

/// Refuses what is alike to the evaluation split, to a seed, or to an earlier text that was kept.
fn refuse_alike(candidates: &mut [Candidate], filter: &Filter, seeds: &Seeds, evaluation: &Seeds) {
    let known = |seeds: &Seeds| -> Vec<(String, String)> {
        let place = |s: &crate::seeds::Seed| {
            format!("{}:{}", seeds.section(s).map(|section| section.file.as_str()).unwrap_or_default(), s.line)
        };
        let texts = |s: &crate::seeds::Seed| expand(&s.text, ALTERNATIVES);
        seeds.seeds.iter().flat_map(|s| texts(s).into_iter().map(move |t| (t, place(s)))).collect()
    };
    let (held, own) = (known(evaluation), known(seeds));
    let open: Vec<usize> =
        candidates.iter().enumerate().filter(|(_, c)| c.rejected.is_none()).map(|(i, _)| i).collect();
    let known: Vec<&(String, String)> = held.iter().chain(&own).collect();
    let (n_held, n_known) = (held.len(), known.len());
    let mut found: Vec<(usize, usize)> = {
        let new = open.iter().filter_map(|i| candidates.get(*i)).map(|c| c.text.as_str());
        pairs(known.iter().map(|(t, _)| t.as_str()).chain(new), filter.duplicate.min(filter.leak))
    };
    // In the order of the later text; for each, evaluation before seeds before candidates.
    found.retain(|(_, b)| *b >= n_known);
    found.sort_unstable_by_key(|(a, b)| (*b, *a));
    for (a, b) in found {
        let new = open.get(b - n_known).copied();
        let Some(text) = new.and_then(|i| candidates.get(i)).filter(|c| c.rejected.is_none()) else { continue };
        let mine = shingles(&text.text);
        let alike = |other: &str, least: f32| jaccard(&mine, &shingles(other)) >= least;
        let verdict = match known.get(a) {
            Some((t, place)) if a < n_held => {
                alike(t, filter.leak).then(|| (Rejection::LeaksEvaluation, format!("evaluation {place}")))
            }
            Some((t, place)) => alike(t, filter.duplicate).then(|| (Rejection::LikeSeed, place.clone())),
            None => open
                .get(a - n_known)
                .and_then(|i| candidates.get(*i))
                .filter(|c| c.rejected.is_none() && alike(&c.text, filter.duplicate))
                .map(|c| (Rejection::LikeCandidate, c.id.clone())),
        };
        if let (Some((reason, like)), Some(candidate)) = (verdict, new.and_then(|i| candidates.get_mut(i))) {
            candidate.rejected = Some(reason);
            candidate.like = Some(like);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Entry;
    use super::super::plan::tests::{config, plan};
    use super::super::to_jsonl;
    use super::*;
    use serde_json::Value;

    /// A teacher that is a function of the request: good arrays, lists, refusals and nonsense.
    fn teacher(body: &Value) -> String {
        let key = crate::distill::hash(body.to_string().as_bytes());
        let zh = body["messages"][0]["content"] == "标注员";
        let number = u64::from_str_radix(&key[..6], 16).unwrap();
        let word = |i: u64| {
            if zh {
                format!("第{}个关于{}的问题怎么办", number + i, &key[6..12])
            } else {
                format!("{} question {}", &key[6..16], number + i)
            }
        };
        match number % 5 {
            0 => "抱歉，我不能。".to_owned(),
            1 => format!("1. {}\n2. {}", word(0), word(3_000)),
            2 => "好的！".to_owned(),
            _ => serde_json::to_string(&[word(0), word(0), word(7_000), "短".to_owned(), "bad words here".to_owned()])
                .unwrap(),
        }
    }

    /// Asks everything that is open, in an order that `rng` makes up, and appends to the bytes of a ledger.
    fn run(config: &Config, plan: &Plan, bytes: &mut Vec<u8>, rng: &mut fastrand::Rng, most: usize) -> usize {
        let (mut ledger, whole) = Ledger::read("l", bytes).unwrap();
        bytes.truncate(whole);
        let course = course(config, plan);
        let mut asked = 0;
        loop {
            let mut order: Vec<usize> = (0..plan.questions.len()).collect();
            rng.shuffle(&mut order);
            let mut open = 0;
            for at in order {
                if let Some(Next::Ask(request)) = course.next(at, &ledger) {
                    if asked == most {
                        return asked;
                    }
                    open += 1;
                    asked += 1;
                    let entry = Entry {
                        key: request.key,
                        answer: Some(teacher(&request.body)),
                        requests: 1,
                        ..Entry::default()
                    };
                    bytes.extend(to_jsonl([&entry]).unwrap().into_bytes());
                    ledger.add(entry);
                }
            }
            if open == 0 {
                return asked;
            }
        }
    }

    fn outcome(config: &Config, plan: &Plan, bytes: &[u8]) -> String {
        let ledger = Ledger::read("l", bytes).unwrap().0;
        let harvest = harvest(config, plan, &ledger, &Seeds::default(), &Seeds::default());
        to_jsonl(&harvest.candidates).unwrap()
    }

    #[test]
    fn a_ledger_that_is_cut_anywhere_ends_with_the_same_candidates() {
        let config = config();
        let plan = plan(&config);
        let mut rng = fastrand::Rng::with_seed(1);
        let mut whole = Vec::new();
        let asked = run(&config, &plan, &mut whole, &mut rng, usize::MAX);
        let expected = outcome(&config, &plan, &whole);
        assert!(expected.lines().count() > 20, "{expected}");
        assert_eq!(
            run(&config, &plan, &mut whole.clone(), &mut rng, usize::MAX),
            0,
            "what is there is not asked again"
        );
        for cut in (0..=whole.len()).step_by(37) {
            let mut bytes = whole[..cut].to_vec();
            let kept = bytes.iter().filter(|b| **b == b'\n').count();
            // Killed once more on the way.
            let first = run(&config, &plan, &mut bytes, &mut rng, 3);
            let second = run(&config, &plan, &mut bytes, &mut rng, usize::MAX);
            assert_eq!(outcome(&config, &plan, &bytes), expected, "cut at {cut}");
            assert_eq!(kept + first + second, asked, "nothing is asked twice, cut at {cut}");
        }
    }

    #[test]
    fn every_filter_gives_its_reason() {
        let config = config();
        let plan = plan(&config);
        let answer = serde_json::to_string(&[
            "短",
            "抱歉，这个不行",
            "all english here",
            "{左|右}边的路怎么走",
            "怎么种好阳台上的番茄呢",
            "下个月去成都旅游三天怎么安排",
        ])
        .unwrap();
        let again =
            serde_json::to_string(&["今天晚上吃点什么比较好呀", "今天晚上吃点什么比较好", &"长句子不停".repeat(200)])
                .unwrap();
        let course = course(&config, &plan);
        let mut ledger = Ledger::default();
        assert_eq!((plan.cells[0].lang.as_str(), plan.cells[1].lang.as_str()), ("zh", "zh"));
        for (at, answer) in [(0, answer), (1, again)] {
            let Some(Next::Ask(request)) = course.next(at, &ledger) else { panic!() };
            ledger.add(Entry { key: request.key, answer: Some(answer), ..Entry::default() });
        }
        let read = |body: &str| {
            let mut seeds = Seeds::default();
            seeds.read("f", body, &[]);
            seeds
        };
        let seeds = read("@ level=none risk=none\n怎么种好阳台上的{番茄|辣椒}\n");
        let held = read("@ level=none risk=none\n下个月去成都旅游三天怎么安排呢\n");
        let harvest = harvest(&config, &plan, &ledger, &seeds, &held);
        let reasons: Vec<Option<Rejection>> = harvest.candidates.iter().map(|c| c.rejected).collect();
        use Rejection::{
            LeaksEvaluation, LikeCandidate, LikeSeed, Refusal, TooLong, TooShort, Unwritable, WrongLanguage,
        };
        assert_eq!(
            reasons,
            [
                Some(TooShort),
                Some(Refusal),
                Some(WrongLanguage),
                Some(Unwritable),
                Some(LikeSeed),
                Some(LeaksEvaluation),
                None,
                Some(LikeCandidate),
                Some(TooLong),
            ]
        );
        assert_eq!(harvest.candidates[4].like.as_deref(), Some("f:2"));
        assert_eq!((harvest.answered, harvest.open), (2, plan.cells.len() - 2));
    }
}
