//! PAIR (Chao et al. 2023, arXiv 2310.08419): an attacker's model rewrites one prompt by the score of the last answer, in
//! several streams.

use super::stage::Stage;
use crate::turn::Turn;

/// Streams, each with an approach of its own. The paper runs twenty of three rounds; here the rounds are the plan's.
const STREAMS: usize = 3;

pub(super) async fn run(mut stage: Stage) {
    let approaches = stage.data.approaches.iter().take(STREAMS);
    let mut streams: Vec<Vec<Turn>> =
        approaches.map(|a| vec![Turn::user(stage.prompt("pair", &[("approach", a.of(&stage.words.lang))]))]).collect();
    for round in 0..stage.max_turns {
        for notes in &mut streams {
            let Some(words) = stage.consult_words(notes).await else {
                let left = (stage.max_turns - round) * STREAMS;
                return without_attacker(stage, left).await;
            };
            let said = stage.say(&[], &words).await;
            let value = match &said {
                Some(said) => stage.judge(said).await,
                None => 0.0,
            };
            notes.push(stage.feedback(said.as_ref(), value));
        }
    }
}

/// Single prompts from the pack's tactics, at most so many, in the order of the seed.
pub(super) async fn without_attacker(mut stage: Stage, most: usize) {
    let mut tactics: Vec<_> = stage.data.tactics.iter().collect();
    stage.rng.shuffle(&mut tactics);
    for tactic in tactics.into_iter().take(most) {
        let words = stage.write(&tactic.say);
        if let Some(said) = stage.say(&[], &words).await {
            stage.judge(&said).await;
        }
    }
}
