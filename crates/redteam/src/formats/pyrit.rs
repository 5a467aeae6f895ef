//! PyRIT: `SeedDataset` and `SeedPrompt` YAML, and message pieces as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Imported, Past, Prompt, emit, literal, number, speaker, string, strings, template, unliteral, yaml};
use crate::plan::Plan;
use crate::score::Score;
use crate::turn::{Speaker, Turn};

/// The variable of their jailbreak templates.
const VARIABLES: &[&str] = &["prompt"];

pub(super) fn import(text: &str) -> Result<Imported, String> {
    if let Ok(document) = serde_json::from_str::<Value>(text)
        && (document.is_array() || document.get("messages").is_some() || document.get("message_pieces").is_some())
    {
        return Ok(conversations(&document));
    }
    let document = yaml(text)?;
    let mut found = Imported::default();
    let seeds = ["seeds", "prompts"].iter().find_map(|member| document.get(*member)).and_then(Value::as_array);
    match seeds {
        Some(seeds) => {
            for one in seeds {
                match one {
                    Value::String(value) => {
                        found.text(value, VARIABLES, strings(&document, "harm_categories").into_iter())
                    }
                    _ => seed(&mut found, one, &document),
                }
            }
        }
        None if document.get("value").is_some() => seed(&mut found, &document, &Value::Null),
        None => {
            return Err("it has neither `seeds`, `prompts` nor `value`; a PyRIT seed dataset, a template or exported \
                        conversations are read"
                .to_owned());
        }
    }
    Ok(found)
}

/// One seed; what it does not say its dataset says.
fn seed(found: &mut Imported, one: &Value, dataset: &Value) {
    let say = |member| string(one, member).or_else(|| string(dataset, member));
    if let Some(kind) = say("data_type").filter(|kind| *kind != "text") {
        return found.note(format!("seeds of the data type {kind} are files elsewhere and were left out"));
    }
    if let Some(role) = string(one, "role").filter(|role| *role != "user") {
        return found.note(format!("seeds that the {role} says were left out"));
    }
    if say("seed_type") == Some("simulated_conversation") {
        return found.note("simulated conversations need PyRIT's own models and were left out".to_owned());
    }
    let Some(value) = string(one, "value") else {
        return found.note("a seed without `value` was left out".to_owned());
    };
    if one.get("sequence").and_then(Value::as_u64).is_some_and(|n| n > 0) {
        found.note("later turns of seed groups were read as prompts of their own".to_owned());
    }
    let unknown = strings(one, "parameters").into_iter().find(|p| !VARIABLES.contains(&p.as_str()));
    if let Some(unknown) = unknown {
        return found.note(format!("templates with the parameter {unknown:?} were left out"));
    }
    let mut categories = strings(one, "harm_categories");
    categories.extend(strings(dataset, "harm_categories"));
    if template(value, VARIABLES).is_some() {
        return found.text(value, VARIABLES, categories.into_iter());
    }
    // What is meant as it is: in their marks, or as we write it.
    let raw = value.trim().strip_prefix("{% raw %}").and_then(|v| v.strip_suffix("{% endraw %}"));
    found.text(&raw.map_or_else(|| unliteral(value), str::to_owned), &[], categories.into_iter());
}

/// Message pieces, by conversation.
fn conversations(document: &Value) -> Imported {
    let mut found = Imported::default();
    let pieces = match document {
        Value::Array(pieces) => pieces.as_slice(),
        _ => ["messages", "message_pieces"]
            .iter()
            .find_map(|member| document.get(*member))
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice),
    };
    let mut by_conversation: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for piece in pieces {
        by_conversation.entry(string(piece, "conversation_id").unwrap_or_default()).or_default().push(piece);
    }
    for mut pieces in by_conversation.into_values() {
        pieces.sort_by_key(|p| p.get("sequence").and_then(Value::as_i64).unwrap_or_default());
        let mut transcript = Vec::new();
        let (mut scores, mut problem, mut goal) = (Vec::new(), None, None);
        for piece in pieces {
            let kind = string(piece, "converted_value_data_type").or_else(|| string(piece, "original_value_data_type"));
            if let Some(kind) = kind.filter(|k| !matches!(*k, "text" | "error")) {
                found.note(format!("pieces of the data type {kind} were left out"));
                continue;
            }
            let role = string(piece, "role").unwrap_or("user");
            let text = string(piece, "converted_value").or_else(|| string(piece, "original_value")).unwrap_or_default();
            if role == "user" && goal.is_none() {
                goal = string(piece, "original_value").map(str::to_owned);
            }
            match string(piece, "response_error") {
                None | Some("none" | "") => {
                    transcript.push(Turn { speaker: speaker(role), text: text.to_owned(), files: Vec::new() })
                }
                Some("blocked") => {
                    transcript.push(Turn::assistant(""));
                    found.note("answers that a filter blocked are kept as empty answers".to_owned());
                }
                Some(error) => problem = Some(format!("PyRIT recorded {error}")),
            }
            for given in piece.get("scores").and_then(Value::as_array).into_iter().flatten() {
                scores.push(score(given));
            }
        }
        let Some(goal) = goal else { continue };
        if !transcript.iter().any(|t| t.speaker == Speaker::User) {
            continue;
        }
        let technique = "conversation".to_owned();
        let past = Past { source: "pyrit", technique, goal, transcript, scores, risk: None, owasp: None, problem };
        found.attempts.push(past.attempt());
    }
    if !found.attempts.is_empty() {
        found.note(
            "PyRIT's true/false scores count as success only where the scorer asks whether an objective was reached"
                .to_owned(),
        );
    }
    found
}

/// A score. Only a scorer of true or false that asks for an objective says whether an attack succeeded.
fn score(given: &Value) -> Score {
    let scorer = given
        .get("scorer_class_identifier")
        .and_then(|id| string(id, "class_name").or_else(|| string(id, "__type__")))
        .unwrap_or("scorer");
    let said = match given.get("score_value") {
        Some(Value::String(said)) => said.to_lowercase(),
        Some(Value::Bool(said)) => said.to_string(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let refusal = scorer.to_lowercase().contains("refusal");
    let success = match said.as_str() {
        "true" => Some(!refusal),
        "false" if !refusal => Some(false),
        _ => None,
    };
    let value = match success {
        Some(yes) => f32::from(u8::from(yes)),
        None => said
            .parse::<f32>()
            .ok()
            .or_else(|| given.get("score_value").and_then(number))
            .unwrap_or_default()
            .clamp(0.0, 1.0),
    };
    let value = if value.is_finite() { value } else { 0.0 };
    Score {
        judge: format!("pyrit:{scorer}"),
        success,
        value,
        reason: string(given, "score_rationale").unwrap_or_default().to_owned(),
    }
}

pub(super) fn export(plan: &Plan, prompts: &[Prompt<'_>]) -> Result<Vec<(String, String)>, String> {
    let mut seeds = Vec::new();
    let mut objectives: BTreeMap<&str, Value> = BTreeMap::new();
    for (at, prompt) in prompts.iter().enumerate() {
        let alias = format!("{}-{}", prompt.instruction.id, at + 1);
        for (sequence, turn) in prompt.turns.iter().enumerate() {
            let role = match turn.speaker {
                Speaker::System => "system",
                Speaker::User => "user",
                Speaker::Assistant => "assistant",
            };
            seeds.push(json!({
                "value": literal(&turn.text),
                "data_type": "text",
                "seed_type": "prompt",
                "role": role,
                "sequence": sequence,
                "prompt_group_alias": alias,
                "harm_categories": prompt.categories(),
                "metadata": {
                    "instruction": prompt.instruction.id,
                    "lang": prompt.instruction.lang,
                    "harm": format!("{:?}", prompt.instruction.harm),
                    "technique": prompt.technique,
                },
            }));
        }
        objectives.entry(&prompt.instruction.id).or_insert_with(|| {
            json!({
                "value": literal(&prompt.instruction.text),
                "seed_type": "objective",
                "harm_categories": prompt.categories(),
            })
        });
    }
    let dataset = |kind: &str, seeds: Vec<Value>| {
        emit::yaml(&json!({
            "name": format!("{} ({kind})", plan.name),
            "description": format!("{kind} of the plan {:?}", plan.name),
            "source": "menshen",
            "seeds": seeds,
        }))
    };
    Ok(vec![
        ("pyrit_seeds.yaml".to_owned(), dataset("prompts", seeds)),
        ("pyrit_objectives.yaml".to_owned(), dataset("objectives", objectives.into_values().collect())),
    ])
}
