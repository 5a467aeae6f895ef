//! GOAT (Pavlova et al. 2024, arXiv 2410.01606): at each turn the attacker's model observes the last answer, thinks about
//! the goal, chooses from a box of tactics and replies. The conversation only ever grows.

use super::stage::Stage;
use crate::turn::Turn;

pub(super) async fn run(mut stage: Stage) {
    let lang = stage.words.lang.clone();
    let mut tactics: Vec<_> = stage.data.tactics.iter().collect();
    stage.rng.shuffle(&mut tactics);
    let shown: Vec<String> = tactics.iter().map(|t| format!("- {}: {}", t.id, t.is.of(&lang))).collect();
    let limit = stage.max_turns.to_string();
    let given = [("turns", limit.as_str()), ("tactics", &shown.join("\n"))];
    let mut notes = vec![Turn::user(stage.prompt("goat", &given))];
    let mut own = tactics.into_iter();
    let mut talk: Vec<Turn> = Vec::new();
    // A turn without an answer is a turn that was taken, so that the attack ends.
    for _ in 0..stage.max_turns {
        let words = match stage.consult_words(&mut notes).await {
            Some(words) => words,
            None => match own.next() {
                Some(tactic) => stage.write(&tactic.say),
                None => return,
            },
        };
        let said = stage.say(&talk, &words).await;
        let value = match &said {
            Some(said) => stage.judge(said).await,
            None => 0.0,
        };
        notes.push(stage.feedback(said.as_ref(), value));
        if let Some(said) = said {
            talk = said.turns;
        }
    }
}
