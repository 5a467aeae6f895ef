//! Crescendo (Russinovich et al. 2024, arXiv 2404.01833): small steps, each resting on what the target said before; a
//! refusal is taken back and the step is tried in other words.

use super::data::{Script, Text};
use super::stage::{Stage, thin, turns};
use crate::turn::Turn;

/// So many refusals are taken back, as in the paper's tool.
const MOST_BACK: usize = 10;

pub(super) async fn run(mut stage: Stage) {
    let at = stage.rng.usize(..stage.data.ladders.len().max(1));
    let Some(ladder) = stage.data.ladders.get(at) else { return };
    let mut climb = Climb::new(&mut stage, ladder);
    let limit = stage.max_turns.to_string();
    let mut notes = vec![Turn::user(stage.prompt("crescendo", &[("turns", &limit)]))];
    let mut talk: Vec<Turn> = Vec::new();
    let mut back = 0;
    while turns(&talk) < stage.max_turns && back <= MOST_BACK {
        let asked = stage.consult_words(&mut notes).await;
        let by_model = asked.is_some();
        let Some(words) = asked.or_else(|| climb.next(&stage, turns(&talk))) else { return };
        let said = stage.say(&talk, &words).await;
        let value = match &said {
            Some(said) => stage.judge(said).await,
            None => 0.0,
        };
        notes.push(stage.feedback(said.as_ref(), value));
        let accepted = said.filter(|s| !s.refused);
        if !by_model {
            climb.came_of(accepted.is_some());
        }
        match accepted {
            Some(said) => talk = said.turns,
            None => back += 1,
        }
    }
}

/// The way up a ladder of the pack.
#[derive(Debug)]
pub(super) struct Climb {
    rungs: Vec<Vec<Text>>,
    at: usize,
    /// Which words of the rung come next.
    wording: usize,
    bridges: Vec<Text>,
    on_bridge: bool,
}

impl Climb {
    pub(super) fn new(stage: &mut Stage, ladder: &Script) -> Climb {
        let rungs = thin(ladder.turns.iter().map(super::data::Line::wordings).collect(), stage.max_turns);
        let mut bridges = stage.data.bridges.clone();
        stage.rng.shuffle(&mut bridges);
        Climb { rungs, at: 0, wording: 0, bridges, on_bridge: false }
    }

    /// What to say after `taken` turns. `None`: it is at the top, or all of it was refused.
    pub(super) fn next(&mut self, stage: &Stage, taken: usize) -> Option<String> {
        let left = stage.max_turns.saturating_sub(taken);
        let lowest = self.rungs.len().saturating_sub(left);
        if self.at < lowest {
            (self.at, self.wording) = (lowest, 0);
        }
        self.on_bridge = false;
        if self.rungs.get(self.at)?.get(self.wording).is_none() {
            // A little more talk may make the rung acceptable, if there is talk already and room for more.
            let room = left > self.rungs.len() - self.at;
            match self.bridges.pop().filter(|_| room && taken > 0) {
                Some(bridge) => {
                    self.on_bridge = true;
                    return Some(stage.write(&bridge));
                }
                None => (self.at, self.wording) = (self.at + 1, 0),
            }
        }
        let text = self.rungs.get(self.at)?.get(self.wording)?;
        Some(stage.write(text))
    }

    pub(super) fn came_of(&mut self, accepted: bool) {
        match (self.on_bridge, accepted) {
            (true, true) => self.wording = 0,
            (true, false) => {}
            (false, true) => (self.at, self.wording) = (self.at + 1, 0),
            (false, false) => self.wording += 1,
        }
    }
}
