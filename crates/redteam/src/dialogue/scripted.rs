//! A conversation by a script of the pack.

use super::data::{Line, Script};
use super::stage::{Stage, thin, turns};

pub(super) async fn run(mut stage: Stage) {
    let Some(script) = draw(&mut stage) else { return };
    play(stage, script).await;
}

/// A script that has room, drawn by the seed; where none has, one that can be shortened.
fn draw(stage: &mut Stage) -> Option<&'static Script> {
    let most = stage.max_turns;
    let fit: Vec<&Script> = stage.data.scripts.iter().filter(|s| s.turns.len() <= most).collect();
    let pool = if fit.is_empty() { stage.data.scripts.iter().filter(|s| !s.whole).collect() } else { fit };
    let at = stage.rng.usize(..pool.len().max(1));
    pool.get(at).copied()
}

/// Says its turns. A refused turn is said in its other words; when all are refused it is left out.
pub(super) async fn play(mut stage: Stage, script: &Script) {
    let lines: Vec<&Line> = thin(script.turns.iter().collect(), stage.max_turns);
    let mut talk = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let mut accepted = false;
        for text in line.wordings() {
            let words = stage.write(&text);
            let Some(said) = stage.say(&talk, &words).await else { continue };
            if line.asks() {
                stage.judge(&said).await;
            }
            // An argument about a refusal must leave room for the turns that follow.
            let room = turns(&said.turns) + (lines.len() - at) <= stage.max_turns;
            accepted = !said.refused;
            if accepted || (line.keep && room) {
                talk = said.turns;
            }
            if accepted {
                break;
            }
        }
        at = match &line.then {
            Some(to) if !accepted => {
                let next = lines.iter().position(|l| l.id.as_ref() == Some(to));
                next.filter(|next| *next > at).unwrap_or(lines.len())
            }
            _ => at + 1,
        };
    }
}
