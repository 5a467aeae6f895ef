//! TAP (Mehrotra et al. 2023, arXiv 2312.02119): PAIR as a tree. Each leaf branches, branches that left the topic are
//! pruned before the target is asked, and of the answers the best survive.

use super::pair::without_attacker;
use super::reply;
use super::stage::Stage;
use crate::turn::Turn;

/// Branches of a leaf.
const BRANCHING: usize = 3;
/// Leaves that survive a round.
const WIDTH: usize = 4;

/// A prompt that is not said yet, with the talk with the attacker's model that led to it.
struct Branch {
    notes: Vec<Turn>,
    words: String,
    /// What the evaluator said of it; unknown is kept, but behind what is surely on topic.
    on_topic: Option<bool>,
}

pub(super) async fn run(mut stage: Stage) {
    let root = vec![Turn::user(stage.prompt("tap", &[]))];
    let mut leaves = vec![root.clone()];
    for round in 0..stage.max_turns {
        let mut branches = Vec::new();
        for leaf in &leaves {
            grow(&mut stage, leaf, &mut branches).await;
        }
        if !stage.has_attacker() && branches.is_empty() {
            let left = (stage.max_turns - round) * WIDTH;
            return without_attacker(stage, left).await;
        }
        branches.sort_by_key(|b| b.on_topic != Some(true));
        branches.truncate(WIDTH);
        let mut grown: Vec<(f32, Vec<Turn>)> = Vec::new();
        for branch in branches {
            let mut notes = branch.notes;
            let said = stage.say(&[], &branch.words).await;
            let value = match &said {
                Some(said) => stage.judge(said).await,
                None => 0.0,
            };
            notes.push(stage.feedback(said.as_ref(), value));
            grown.push((value, notes));
        }
        grown.sort_by(|a, b| b.0.total_cmp(&a.0));
        grown.truncate(WIDTH);
        leaves = grown.into_iter().map(|(_, notes)| notes).collect();
        if leaves.is_empty() {
            leaves.push(root.clone());
        }
    }
}

/// The branches of a leaf that do not leave the topic.
async fn grow(stage: &mut Stage, leaf: &[Turn], branches: &mut Vec<Branch>) {
    for approach in stage.data.approaches.iter().take(BRANCHING) {
        let mut notes = leaf.to_vec();
        // Each branch is asked for another approach: a model without sampling would say the same three times.
        if let Some(last) = notes.last_mut() {
            last.text.push_str("\n\n");
            last.text.push_str(&stage.prompt("branch", &[("approach", approach.of(&stage.words.lang))]));
        }
        let Some(words) = stage.consult_words(&mut notes).await else { return };
        if branches.iter().any(|b| b.words == words) {
            continue;
        }
        let question = stage.prompt("on_topic", &[("prompt", &words)]);
        let on_topic = stage.wonder(question, reply::on_topic).await;
        if on_topic != Some(false) {
            branches.push(Branch { notes, words, on_topic });
        }
    }
}
