//! ActorAttack (Ren et al. 2024, arXiv 2410.10700): a net of people and things around the goal, of six types, and from one
//! of them a chain of questions that leads to it. A refused question is asked in other words.

use super::crescendo::Climb;
use super::reply::{self, Actor};
use super::stage::{Stage, clip, thin, turns};
use crate::turn::Turn;

/// So many actors are followed, each in a conversation of its own.
const MOST_ACTORS: usize = 3;
/// Characters of an answer that the attacker's model is told when it rewords a question.
const TOLD: usize = 600;

pub(super) async fn run(mut stage: Stage) {
    let mut notes = vec![Turn::user(stage.prompt("actor_net", &[]))];
    let mut actors = stage.consult(&mut notes, reply::actors).await.unwrap_or_default();
    stage.rng.shuffle(&mut actors);
    let mut followed = 0;
    for actor in actors.iter().take(MOST_ACTORS) {
        let Some(questions) = chain(&mut stage, actor).await else { break };
        follow(&mut stage, questions).await;
        followed += 1;
    }
    // What the model did not do is done with the pack's actors.
    if followed == 0 || !stage.has_attacker() {
        let mut own: Vec<_> = stage.data.actors.iter().collect();
        stage.rng.shuffle(&mut own);
        for actor in own.into_iter().take(MOST_ACTORS.saturating_sub(followed).max(1)) {
            let mut climb = Climb::new(&mut stage, actor);
            let mut talk = Vec::new();
            while let Some(words) = climb.next(&stage, turns(&talk)) {
                let said = stage.say(&talk, &words).await;
                if let Some(said) = &said {
                    stage.judge(said).await;
                }
                let accepted = said.filter(|s| !s.refused);
                climb.came_of(accepted.is_some());
                if let Some(said) = accepted {
                    talk = said.turns;
                }
            }
        }
    }
}

/// The questions from an actor to the goal.
async fn chain(stage: &mut Stage, actor: &Actor) -> Option<Vec<String>> {
    let limit = stage.max_turns.to_string();
    let given = [("actor", actor.name.as_str()), ("relation", &actor.relation), ("turns", &limit)];
    let mut notes = vec![Turn::user(stage.prompt("actor_questions", &given))];
    let questions = stage.consult(&mut notes, reply::questions).await?;
    Some(thin(questions, stage.max_turns))
}

async fn follow(stage: &mut Stage, questions: Vec<String>) {
    let mut talk: Vec<Turn> = Vec::new();
    for question in questions {
        let mut said = stage.say(&talk, &question).await;
        if let Some(refused) = said.take_if(|s| s.refused) {
            stage.judge(&refused).await;
            let given = [("question", question.as_str()), ("answer", &clip(refused.answer(), TOLD))];
            let mut notes = vec![Turn::user(stage.prompt("actor_reword", &given))];
            if let Some(words) = stage.consult_words(&mut notes).await {
                said = stage.say(&talk, &words).await;
            }
        }
        let Some(said) = said else { continue };
        stage.judge(&said).await;
        if !said.refused {
            talk = said.turns;
        }
    }
}
