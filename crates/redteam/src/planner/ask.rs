//! Asking a model for JSON, checking it, and asking once more with what was wrong.

use serde_json::Value;

use crate::reply_json;
use crate::target::{Failure, Target};
use crate::turn::Turn;

/// Somebody who can be asked. A target is one; tests have others.
pub(super) trait Model {
    /// The words that answer these turns.
    async fn say(&self, turns: &[Turn]) -> Result<String, Failure>;
}

impl Model for Target {
    async fn say(&self, turns: &[Turn]) -> Result<String, Failure> {
        let reply = self.ask(turns).await?;
        match reply.stopped {
            Some(code) if reply.text.trim().is_empty() => {
                Err(Failure::Unsendable(format!("its filter stopped the answer: {code}")))
            }
            _ => Ok(reply.text),
        }
    }
}

/// What was read out of a reply: what can be used, and what cannot with the reason.
#[derive(Debug, Clone)]
pub(super) struct Read<T> {
    pub kept: Option<T>,
    pub problems: Vec<String>,
}

/// Asks, and once more when there was a problem. What is still wrong then is dropped and told.
///
/// # Errors
/// A sentence that says why there is nothing to use.
pub(super) async fn ask<T>(
    model: &impl Model,
    prompt: &str,
    again: &str,
    read: impl Fn(&Value) -> Read<T>,
) -> Result<(T, Vec<String>), String> {
    let mut turns = vec![Turn::user(prompt)];
    let mut best: Option<Read<T>> = None;
    let mut why = String::new();
    for round in 0..2 {
        let said = match model.say(&turns).await {
            Ok(said) => said,
            Err(failure) => {
                why = failure.to_string();
                break;
            }
        };
        let problems = match reply_json::object(&said) {
            None => vec!["it holds no JSON object".to_owned()],
            Some(value) => {
                let found = read(&value);
                let problems = found.problems.clone();
                if found.kept.is_some() {
                    let clean = problems.is_empty();
                    best = Some(found);
                    if clean {
                        break;
                    }
                }
                problems
            }
        };
        why = problems.join("; ");
        if round == 0 {
            let told: String = why.chars().take(1_500).collect();
            let echoed: String = said.chars().take(4_000).collect();
            turns.push(Turn::assistant(echoed));
            turns.push(Turn::user(again.replace("{{error}}", &told)));
        }
    }
    match best {
        Some(Read { kept: Some(kept), problems }) => Ok((kept, problems)),
        _ => Err(if why.is_empty() { "it chose nothing that can be used".to_owned() } else { why }),
    }
}
