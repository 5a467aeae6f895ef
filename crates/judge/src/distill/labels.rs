//! Mass data labelled by the teacher: several votes a text, and how far they agree, head by head.
//!
//! A teacher's single answer says nothing about its own noise. With more votes (self-consistency, Wang et al. 2022,
//! arXiv 2203.11171) the share of votes for the winning label does, and a head without agreement is left out: absent
//! means "not known", and is neither trained on nor evaluated.

use std::collections::BTreeSet;

use menshen_verdict::{Attack, Intent, Labels, Level, Risk, Sentiment, Side, Topic};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Unusable, object, without_thinking};
use super::config::Config;
use super::ledger::Ledger;
use super::questions::{Course, Next, Question};
use super::{DistillError, lang_of, short_id};
use crate::JudgeInput;
use crate::remote::{Format, RemoteModel, parse, request};

/// From this score on, a vote counts as yes.
const YES: f32 = 0.5;

/// A text to be labelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    /// A hash of language, side and text.
    pub id: String,
    /// The text.
    pub text: String,
    /// `zh` or `en`.
    pub lang: String,
    /// Which way it travels.
    pub side: Side,
}

/// Reads texts from JSON Lines: `text`, and optionally `lang` and `side`. The same text counts once; candidates that were
/// refused are left out. Gives also how many lines were left out.
///
/// # Errors
/// When a line has no text: it is named.
pub fn material(file: &str, body: &str) -> Result<(Vec<Material>, usize), DistillError> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut left_out = 0;
    for (i, line) in body.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let bad = |reason: &str| DistillError::Line { file: file.to_owned(), line: i + 1, reason: reason.to_owned() };
        let value: Value = serde_json::from_str(line).map_err(|_| bad("not a JSON object"))?;
        let text = value.get("text").and_then(Value::as_str).ok_or_else(|| bad("there is no \"text\""))?.trim();
        let side = match value.get("side") {
            Some(side) => serde_json::from_value(side.clone()).map_err(|_| bad("\"side\" is input, output or tool"))?,
            None => Side::Input,
        };
        let lang = match value.get("lang").and_then(Value::as_str) {
            Some(lang @ ("zh" | "en")) => lang,
            _ => lang_of(text),
        };
        // As a candidate's, so that labels find their candidates.
        let id = match side {
            Side::Input => short_id(&[lang, text]),
            _ => short_id(&[lang, text, side.id()]),
        };
        let refused = value.get("rejected").is_some_and(|r| !r.is_null());
        if text.is_empty() || refused || !seen.insert(id.clone()) {
            left_out += 1;
            continue;
        }
        found.push(Material { id, text: text.to_owned(), lang: lang.to_owned(), side });
    }
    Ok((found, left_out))
}

/// Texts on which votes are cast.
pub struct Ballot<'a> {
    config: &'a Config,
    topics: &'a [Topic],
    material: &'a [Material],
    votes: u32,
    remote: RemoteModel,
    /// What the teacher is told beyond the label tables.
    more: String,
}

impl<'a> Ballot<'a> {
    /// `votes` on each text.
    pub fn new(config: &'a Config, model: &str, votes: u32, topics: &'a [Topic], material: &'a [Material]) -> Self {
        let mut more = String::from("\nTopics (the narrowest that fits):\n");
        more.push_str(&topics.iter().map(Topic::id).collect::<Vec<_>>().join(", "));
        if !config.label.note.is_empty() {
            more.push_str(&format!("\n\n{}", config.label.note));
        }
        let remote = RemoteModel { model: model.to_owned(), max_tokens: config.label.max_tokens };
        Ballot { config, topics, material, votes: votes.max(1), remote, more }
    }

    /// The question at a place: the votes on one text follow each other.
    pub fn question(&self, at: usize) -> Option<Question> {
        let per_text = self.votes as usize;
        let material = self.material.get(at / per_text)?;
        let vote = u32::try_from(at % per_text).ok()?;
        let input = JudgeInput::of_text(&material.text, material.side, role(material.side));
        let mut body = request(Format::JsonSchema, &self.remote, &input);
        if let Some(Value::String(system)) = body.pointer_mut("/messages/0/content") {
            system.push_str(&self.more);
        }
        // The first vote is the teacher's most likely answer; the others must be able to differ from it.
        if let Some(members) = body.as_object_mut().filter(|_| vote > 0) {
            members.insert("temperature".to_owned(), json!(super::plan::rounded(self.config.asking.temperature)));
        }
        Some(Question { id: format!("{}#{}", material.id, vote + 1), body, salt: vote })
    }

    /// A hash of what the teacher is told beside the text.
    pub fn prompt_hash(&self) -> String {
        let system = self.question(0).and_then(|q| Some(q.body.pointer("/messages/0/content")?.to_string()));
        super::hash(system.unwrap_or_default().as_bytes())
    }

    /// How labels are asked for and read.
    pub fn course(&self) -> Course<'_, Labels> {
        Course {
            len: self.material.len() * self.votes as usize,
            ask: Box::new(|at| self.question(at)),
            redraws: self.config.asking.redraws,
            seed: self.config.asking.send_seed.then_some(self.config.seed),
            read: Box::new(read),
        }
    }

    /// Counts the votes.
    pub fn count(&self, ledger: &Ledger) -> Outcome {
        let course = self.course();
        let mut outcome = Outcome::default();
        let per_text = self.votes as usize;
        for (i, material) in self.material.iter().enumerate() {
            let mut cast = Vec::new();
            let mut open = false;
            for at in i * per_text..(i + 1) * per_text {
                match course.next(at, ledger) {
                    Some(Next::Answered(labels)) => cast.push(labels),
                    Some(Next::GivenUp(_)) => outcome.given_up += 1,
                    Some(Next::Ask(_)) | None => open = true,
                }
            }
            if open {
                outcome.open += 1;
            } else {
                outcome.labelled.push(labelled(material, self.votes, self.topics, &cast));
            }
        }
        outcome
    }
}

fn read(answer: &str) -> Result<Labels, Unusable> {
    let answer = without_thinking(answer);
    let read = parse(Format::JsonSchema, answer);
    // Without schema support, some teachers explain themselves around the object.
    read.or_else(|e| object(answer).map_or(Err(e), |o| parse(Format::JsonSchema, o))).map_err(|_| Unusable::Malformed)
}

const fn role(side: Side) -> menshen_verdict::Role {
    match side {
        Side::Output => menshen_verdict::Role::Assistant,
        Side::Tool => menshen_verdict::Role::Tool,
        _ => menshen_verdict::Role::User,
    }
}

/// A head on which votes were cast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head<T> {
    /// What most votes say; on a tie, what was said first.
    pub value: T,
    /// The share of the votes asked for that say so, 0..=1.
    pub agreement: f32,
    /// The mean score of those votes, 0..=1.
    pub score: f32,
}

/// A text with what the votes say of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Labelled {
    /// The text.
    #[serde(flatten)]
    pub material: Material,
    /// Votes asked for.
    pub votes: u32,
    /// Votes that could be read.
    pub usable: u32,
    /// How it stands to the risk.
    pub level: Option<Head<Level>>,
    /// The risks that it concerns.
    pub risks: Option<Head<Vec<Risk>>>,
    /// Why somebody asks.
    pub intent: Option<Head<Intent>>,
    /// The general topic.
    pub topic: Option<Head<Topic>>,
    /// The mood.
    pub sentiment: Option<Head<Sentiment>>,
    /// Whether it is a prompt attack.
    pub attack: Option<Head<bool>>,
    /// The sub-classes of the attack.
    pub attacks: Option<Head<Vec<Attack>>>,
    /// Answer side: whether it is unsafe.
    pub unsafe_answer: Option<Head<bool>>,
    /// Answer side: whether it is a refusal.
    pub refusal: Option<Head<bool>>,
}

/// How labelling came out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Texts whose votes are all in, in the order of the input.
    pub labelled: Vec<Labelled>,
    /// Texts with votes that are still to be asked for.
    pub open: usize,
    /// Votes given up.
    pub given_up: usize,
}

fn labelled(material: &Material, votes: u32, topics: &[Topic], cast: &[Labels]) -> Labelled {
    let known = |t: &Topic| topics.contains(t);
    let answer = material.side == Side::Output;
    let of = |p: f32| (p >= YES, if p >= YES { p } else { 1.0 - p });
    Labelled {
        material: material.clone(),
        votes,
        usable: u32::try_from(cast.len()).unwrap_or(u32::MAX),
        level: poll(votes, cast.iter().map(|l| l.level.as_ref().map(|s| (s.id, s.score)))),
        risks: poll(votes, cast.iter().map(|l| Some(set(l.risks.iter().map(|s| (s.id, s.score)))))),
        intent: poll(votes, cast.iter().map(|l| l.intent.as_ref().map(|s| (s.id, s.score)))),
        topic: poll(
            votes,
            cast.iter().map(|l| l.topic.as_ref().filter(|s| known(&s.id)).map(|s| (s.id.clone(), s.score))),
        ),
        sentiment: poll(votes, cast.iter().map(|l| l.sentiment.as_ref().map(|s| (s.id, s.score)))),
        attack: poll(votes, cast.iter().map(|l| Some(of(l.attack_score)))),
        attacks: poll(votes, cast.iter().map(|l| Some(set(l.attacks.iter().map(|s| (s.id, s.score)))))),
        unsafe_answer: poll(votes, cast.iter().map(|l| l.unsafe_answer.filter(|_| answer).map(of))),
        refusal: poll(votes, cast.iter().map(|l| l.refusal.filter(|_| answer).map(of))),
    }
}

/// The labels that a vote says yes to, and its score: that of the least certain member, or how certain it is of none.
fn set<T: Ord + Copy>(scored: impl Iterator<Item = (T, f32)>) -> (Vec<T>, f32) {
    let (mut yes, mut least, mut most_no) = (Vec::new(), 1.0_f32, 0.0_f32);
    for (id, score) in scored {
        if score >= YES {
            yes.push(id);
            least = least.min(score);
        } else {
            most_no = most_no.max(score);
        }
    }
    yes.sort_unstable();
    let score = if yes.is_empty() { 1.0 - most_no } else { least };
    (yes, score)
}

fn poll<T: PartialEq>(asked: u32, votes: impl Iterator<Item = Option<(T, f32)>>) -> Option<Head<T>> {
    let mut tally: Vec<(T, f32, f32)> = Vec::new();
    for (value, score) in votes.flatten() {
        match tally.iter_mut().find(|(v, ..)| *v == value) {
            Some((_, n, sum)) => (*n, *sum) = (*n + 1.0, *sum + score),
            None => tally.push((value, 1.0, score)),
        }
    }
    let most = tally.iter().map(|(_, n, _)| *n).fold(0.0, f32::max);
    let (value, n, sum) = tally.into_iter().find(|(_, n, _)| *n >= most)?;
    let cents = |v: f32| (v * 10_000.0).round() / 10_000.0;
    Some(Head { value, agreement: cents(n / asked as f32), score: cents(sum / n) })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::ledger::Entry;
    use super::super::plan::tests::config;
    use super::*;

    pub(in crate::distill) fn answer(level: &str, risk: &str, attack: f32) -> String {
        let risks = if risk.is_empty() { json!([]) } else { json!([{"id": risk, "score": 0.9}]) };
        json!({
            "risk_score": 0.1, "risks": risks, "level": {"id": level, "score": 0.8}, "intent": {"id": "help", "score": 0.7},
            "topic": {"id": "health", "score": 0.9}, "sentiment": {"id": "neutral", "score": 0.6},
            "attack_score": attack, "attacks": [], "unsafe_answer": null, "refusal": null,
        })
        .to_string()
    }

    pub(in crate::distill) fn label(answers: &[String]) -> Labelled {
        let config = config();
        let topics = [Topic::new("health")];
        let (material, _) = material("f", "{\"text\":\"头疼怎么办\"}").unwrap();
        let votes = answers.len() as u32;
        let ballot = Ballot::new(&config, "t", votes, &topics, &material);
        let course = ballot.course();
        let mut ledger = Ledger::default();
        for (at, answer) in answers.iter().enumerate() {
            while let Some(Next::Ask(request)) = course.next(at, &ledger) {
                ledger.add(Entry { key: request.key, answer: Some(answer.clone()), ..Entry::default() });
            }
        }
        let outcome = ballot.count(&ledger);
        assert_eq!(outcome.open, 0);
        outcome.labelled.into_iter().next().unwrap()
    }

    #[test]
    fn votes_are_different_questions_with_the_topics_and_the_note() {
        let mut config = config();
        config.label.note = "从严".to_owned();
        let (material, left_out) =
            material("f", "{\"text\":\"a b\"}\n{\"text\":\"a b\"}\n{\"text\":\"x\",\"rejected\":\"too_short\"}\n")
                .unwrap();
        assert_eq!((material.len(), left_out), (1, 2));
        let topics = [Topic::new("health.medicine")];
        let ballot = Ballot::new(&config, "t", 3, &topics, &material);
        let course = ballot.course();
        let keys: BTreeSet<String> = (0..3)
            .map(|at| match course.next(at, &Ledger::default()) {
                Some(Next::Ask(request)) => request.key,
                _ => panic!(),
            })
            .collect();
        assert_eq!(keys.len(), 3);
        let first = ballot.question(0).unwrap();
        let system = first.body["messages"][0]["content"].as_str().unwrap();
        assert!(system.contains("health.medicine") && system.ends_with("从严"));
        assert!(crate::distill::labels::material("f", "{\"txt\":1}").unwrap_err().to_string().starts_with("f:1: "));
    }

    #[test]
    fn agreement_is_a_share_of_the_votes_asked_for() {
        let unsure =
            [answer("related", "A4a", 0.1), format!("好的：{}", answer("related", "A4a", 0.2)), "nonsense".to_owned()];
        let labelled = label(&unsure);
        assert_eq!((labelled.votes, labelled.usable), (3, 2));
        assert_eq!(labelled.level.as_ref().map(|h| (h.value, h.agreement)), Some((Level::Related, 0.6667)));
        let words = labelled.words(0.6, 0.5).unwrap().to_string();
        assert_eq!(words, "lang=zh risk=A4a level=related intent=help sentiment=neutral topic=health attack=none");
        assert!(labelled.words(0.9, 0.5).is_none());
        assert!(labelled.words(2.0 / 3.0, 0.5).is_some(), "two of three are two thirds");
        let less = labelled.words(0.6, 0.65).unwrap().to_string();
        assert!(!less.contains("sentiment"), "a head below the score is left out: {less}");
    }
}
