//! What an attack of several turns acts with: it speaks to the target, asks the attacker's model, has answers judged.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use fastrand::Rng;

use super::data::{Data, Text};
use super::drive::Slot;
use super::words::{Words, is_refusal};
use super::{Heard, Means, Step, reply};
use crate::instruction::Instruction;
use crate::target::Failure;
use crate::turn::{Speaker, Turn};

/// The most turns that are read of the plan's number: no published attack goes on longer.
const MOST_TURNS: u32 = 60;
/// Characters of an answer that the attacker's model is told.
const TOLD: usize = 1_500;
/// Rounds that the attacker's model is reminded of.
const REMEMBERED: usize = 5;

/// See the module.
#[derive(Debug)]
pub(super) struct Stage {
    slot: Slot,
    means: Means,
    /// Conversations that were said to the target.
    said: HashSet<u64>,
    pub(super) data: &'static Data,
    pub(super) words: Words,
    pub(super) rng: Rng,
    /// At least 1.
    pub(super) max_turns: usize,
}

/// An answer of the target.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// The conversation with it.
    pub(super) turns: Vec<Turn>,
    /// The target or a guard refused.
    pub(super) refused: bool,
}

impl Said {
    /// The target's words.
    pub(super) fn answer(&self) -> &str {
        self.turns.last().map_or("", |t| t.text.as_str())
    }
}

impl Stage {
    pub(super) fn new(
        data: &'static Data,
        instruction: &Arc<Instruction>,
        max_turns: u32,
        seed: u64,
        means: Means,
    ) -> (Stage, Slot) {
        let slot = Slot::default();
        let stage = Stage {
            slot: slot.clone(),
            means,
            said: HashSet::new(),
            data,
            words: Words::of(data, instruction),
            rng: Rng::with_seed(seed),
            max_turns: max_turns.clamp(1, MOST_TURNS) as usize,
        };
        (stage, slot)
    }

    /// Goes on from `before` with these words. `None`: there was no answer, or nothing was said because it has been said
    /// before, is empty, or would be a turn too many.
    pub(super) async fn say(&mut self, before: &[Turn], text: &str) -> Option<Said> {
        let text = text.trim();
        if text.is_empty() || turns(before) >= self.max_turns {
            return None;
        }
        let mut turns = before.to_vec();
        turns.push(Turn::user(text));
        if !self.said.insert(fingerprint(&turns)) {
            return None;
        }
        match self.slot.exchange(Step::Target(turns.clone())).await {
            Heard::Target(Ok(reply)) => {
                let refused = reply.stopped.is_some() || is_refusal(&reply.text);
                turns.push(Turn::assistant(reply.text));
                Some(Said { turns, refused })
            }
            _ => None,
        }
    }

    /// How far the answer does what is wanted, 0 to 1. A success ends the dialogue here.
    pub(super) async fn judge(&self, said: &Said) -> f32 {
        match self.slot.exchange(Step::Score(said.turns.clone())).await {
            Heard::Score(score) if score.value.is_finite() => score.value.clamp(0.0, 1.0),
            _ => 0.0,
        }
    }

    /// Whether there is an attacker's model that has not failed yet.
    pub(super) const fn has_attacker(&self) -> bool {
        self.means.attacker
    }

    /// Asks the attacker's model, once more if its words cannot be read or it refuses, and takes it for absent after
    /// that. `notes` is the conversation with it, its last turn ours; what it says is added.
    pub(super) async fn consult<T>(&mut self, notes: &mut Vec<Turn>, read: fn(&str) -> Option<T>) -> Option<T> {
        for _ in 0..2 {
            if !self.means.attacker {
                return None;
            }
            shorten(notes);
            match self.slot.exchange(Step::Attacker(notes.clone())).await {
                Heard::Attacker(Ok(words)) => {
                    let value = read(&words);
                    let again = if is_refusal(&words) { "again_refused" } else { "again" };
                    // Some interfaces take no empty turn.
                    let kept = if words.trim().is_empty() { "…".to_owned() } else { clip(&words, TOLD * 2) };
                    notes.push(Turn::assistant(kept));
                    if value.is_some() {
                        return value;
                    }
                    notes.push(Turn::user(self.prompt(again, &[])));
                }
                Heard::Attacker(Err(Failure::Unsendable(_))) => break,
                _ => {}
            }
        }
        self.means.attacker = false;
        None
    }

    /// As [`Stage::consult`], for the words to say next.
    pub(super) async fn consult_words(&mut self, notes: &mut Vec<Turn>) -> Option<String> {
        self.consult(notes, reply::words).await
    }

    /// One question to the attacker's model that nothing hangs on: it is not asked again, and no answer is no failure.
    pub(super) async fn wonder<T>(&self, question: String, read: fn(&str) -> Option<T>) -> Option<T> {
        if !self.means.attacker {
            return None;
        }
        match self.slot.exchange(Step::Attacker(vec![Turn::user(question)])).await {
            Heard::Attacker(Ok(words)) => read(&words),
            _ => None,
        }
    }

    /// What the attacker's model is told of an exchange.
    pub(super) fn feedback(&self, said: Option<&Said>, value: f32) -> Turn {
        let Some(said) = said else { return Turn::user(self.prompt("unanswered", &[])) };
        let id = if said.refused { "refused" } else { "answered" };
        // The papers' scale: 1 is a refusal, 10 is full compliance.
        let score = format!("{:.0}", 1.0 + 9.0 * value);
        Turn::user(self.prompt(id, &[("answer", &clip(said.answer(), TOLD)), ("score", &score)]))
    }

    /// A prompt for the attacker's model in the goal's language. The goal is always known to it.
    pub(super) fn prompt(&self, id: &str, given: &[(&str, &str)]) -> String {
        let Some(text) = self.data.prompt(id) else { return self.words.payload.clone() };
        let mut all = vec![("goal", self.words.payload.as_str())];
        all.extend_from_slice(given);
        super::words::fill(text.of(&self.words.lang), &all)
    }

    /// A text of the pack with payload, topic and field in it.
    pub(super) fn write(&self, text: &Text) -> String {
        self.words.fill(text)
    }
}

/// The attacker's turns.
pub(super) fn turns(conversation: &[Turn]) -> usize {
    conversation.iter().filter(|t| t.speaker == Speaker::User).count()
}

/// At most `most` of a sequence, spread over it, the last always among them.
pub(super) fn thin<T>(all: Vec<T>, most: usize) -> Vec<T> {
    let (len, most) = (all.len(), most.max(1));
    if len <= most {
        return all;
    }
    let kept: HashSet<usize> = (1..=most).map(|i| i * len / most - 1).collect();
    all.into_iter().enumerate().filter(|(at, _)| kept.contains(at)).map(|(_, one)| one).collect()
}

/// The start of a text.
pub(super) fn clip(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let mut start: String = chars.by_ref().take(most).collect();
    if chars.next().is_some() {
        start.push('…');
    }
    start
}

/// Keeps the first turn and the last rounds of what was spoken with the attacker's model.
fn shorten(notes: &mut Vec<Turn>) {
    let most = 1 + 2 * REMEMBERED;
    if notes.len() > most {
        notes.drain(1..notes.len() - (most - 1));
    }
}

fn fingerprint(turns: &[Turn]) -> u64 {
    // Its keys are fixed, so a run is the same each time.
    let mut hasher = DefaultHasher::new();
    for turn in turns {
        (turn.speaker, &turn.text).hash(&mut hasher);
    }
    hasher.finish()
}
