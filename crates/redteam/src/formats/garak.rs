//! garak: report and hit log (one JSON document a line), lists of prompts; a probe and a REST configuration.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Imported, Past, Prompt, number, speaker, string};
use crate::plan::Plan;
use crate::score::Score;
use crate::target::Kind;
use crate::turn::{Speaker, Turn};

const VARIABLES: &[&str] = &["prompt"];
/// From here on a detector's value is a hit (garak's `eval_threshold`, unless a run says otherwise).
const THRESHOLD: f32 = 0.5;

pub(super) fn import(text: &str) -> Result<Imported, String> {
    let mut found = Imported::default();
    if let Ok(Value::Array(prompts)) = serde_json::from_str::<Value>(text) {
        for prompt in &prompts {
            if let Some(prompt) = prompt_text(prompt) {
                found.text(&prompt, VARIABLES, std::iter::empty());
            }
        }
        return Ok(found);
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if !matches!(serde_json::from_str::<Value>(first), Ok(Value::Object(_))) {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            found.text(line, VARIABLES, std::iter::empty());
        }
        return Ok(found);
    }
    // By uuid: garak writes an attempt when it was answered and again when it was judged.
    let mut attempts: Vec<Value> = Vec::new();
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    let (mut broken, mut evals, mut threshold) = (0_usize, Vec::new(), THRESHOLD);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Ok(row) = serde_json::from_str::<Value>(line) else {
            broken += 1;
            continue;
        };
        match string(&row, "entry_type") {
            Some("attempt") => {
                let uuid = string(&row, "uuid").unwrap_or_default().to_owned();
                match at.get(&uuid).and_then(|at| attempts.get_mut(*at)).filter(|_| !uuid.is_empty()) {
                    Some(slot) => *slot = row,
                    None => {
                        at.insert(uuid, attempts.len());
                        attempts.push(row);
                    }
                }
            }
            Some("eval") => evals.push(row),
            Some("start_run setup") => {
                threshold = row.get("run.eval_threshold").and_then(number).unwrap_or(threshold);
            }
            Some(_) => {}
            None if row.get("detector").is_some() => hit(&mut found, &row, threshold),
            None => broken += 1,
        }
    }
    for row in &attempts {
        attempt(&mut found, row, threshold);
    }
    if broken > 0 {
        found.note(format!("{broken} lines are no entries of garak and were left out"));
    }
    for row in evals.iter().take(200) {
        let count = |member: &str| row.get(member).and_then(Value::as_u64);
        let name = |member: &str| string(row, member).unwrap_or("?");
        if let (Some(passed), Some(total)) = (count("passed"), count("total_evaluated").or_else(|| count("total"))) {
            found.note(format!(
                "{} by {}: {passed} of {total} resisted, as garak counted",
                name("probe"),
                name("detector")
            ));
        }
    }
    if !found.attempts.is_empty() {
        found.note("garak's OWASP tags are those of the 2023 edition, whose numbers mean other things; they are not carried over".to_owned());
    }
    Ok(found)
}

/// The words of a message, turn or conversation, whichever version of garak wrote it.
fn prompt_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(_) => string(value, "text").map(str::to_owned).or_else(|| {
            let turns = turns(value);
            turns.into_iter().rev().find(|t| t.speaker == Speaker::User).map(|t| t.text)
        }),
        _ => None,
    }
}

/// The turns of a conversation; a message is one turn of the attacker.
fn turns(value: &Value) -> Vec<Turn> {
    if let Some(turns) = value.get("turns").and_then(Value::as_array) {
        return turns
            .iter()
            .filter_map(|turn| {
                let text = match turn.get("content") {
                    Some(Value::String(text)) => text.clone(),
                    Some(content) => string(content, "text").unwrap_or_default().to_owned(),
                    None => return None,
                };
                Some(Turn { speaker: speaker(string(turn, "role").unwrap_or("user")), text, files: Vec::new() })
            })
            .collect();
    }
    match value {
        Value::String(text) => vec![Turn::user(text.clone())],
        _ => string(value, "text").map(Turn::user).into_iter().collect(),
    }
}

/// An attempt, one row for each of its answers.
fn attempt(found: &mut Imported, row: &Value, threshold: f32) {
    let prompt = row.get("prompt").map(turns).unwrap_or_default();
    let Some(goal) = prompt.iter().rev().find(|t| t.speaker == Speaker::User).map(|t| t.text.clone()) else {
        return found.note("attempts without a prompt were left out".to_owned());
    };
    let outputs = row.get("outputs").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let probe = string(row, "probe_classname").unwrap_or("probe");
    for (at, output) in outputs.iter().enumerate() {
        let mut transcript = prompt.clone();
        let said = match output {
            Value::String(text) => Some(text.as_str()),
            other => string(other, "text"),
        };
        transcript.extend(said.map(Turn::assistant));
        let results = row.get("detector_results").and_then(Value::as_object);
        let scores = results
            .into_iter()
            .flatten()
            .map(|(detector, values)| score(detector, values.get(at).and_then(number), threshold))
            .collect();
        let technique = probe.strip_prefix("probes.").unwrap_or(probe).to_owned();
        let goal = goal.clone();
        let past =
            Past { source: "garak", technique, goal, transcript, scores, risk: None, owasp: None, problem: None };
        found.attempts.push(past.attempt());
    }
    if outputs.is_empty() {
        found.text(&goal, VARIABLES, std::iter::empty());
        found.note("attempts without an answer were read as prompts".to_owned());
    }
}

/// A row of the hit log.
fn hit(found: &mut Imported, row: &Value, threshold: f32) {
    let mut transcript = row.get("prompt").map(turns).unwrap_or_default();
    let Some(goal) = transcript.iter().rev().find(|t| t.speaker == Speaker::User).map(|t| t.text.clone()) else {
        return found.note("hits without a prompt were left out".to_owned());
    };
    transcript.extend(row.get("output").and_then(prompt_text).map(Turn::assistant));
    let score = score(string(row, "detector").unwrap_or("detector"), row.get("score").and_then(number), threshold);
    let technique = string(row, "probe").unwrap_or("probe").to_owned();
    let scores = vec![score];
    let past = Past { source: "garak", technique, goal, transcript, scores, risk: None, owasp: None, problem: None };
    found.attempts.push(past.attempt());
}

fn score(detector: &str, value: Option<f32>, threshold: f32) -> Score {
    let detector = detector.strip_prefix("detector.").unwrap_or(detector);
    Score {
        judge: format!("garak:{detector}"),
        success: value.map(|v| v >= threshold),
        value: value.unwrap_or_default().clamp(0.0, 1.0),
        reason: value.map_or_else(
            || "the detector gave no value".to_owned(),
            |v| format!("the detector gave {v}; {threshold} and above is a hit"),
        ),
    }
}

/// A probe that says the prompts of the list beside it.
const PROBE: &str = r#"# Says the prompts of menshen_prompts.json. Copy both files into the folder of garak's probes and run:
#   garak --probes menshen --target_type rest -G garak_rest.json
# (--target_type was called --model_type before garak 0.13). The answers of garak's own detectors are its own.
"""Prompts of a plan of menshen."""

import json
from pathlib import Path

import garak.probes


class Plan(garak.probes.Probe):
    """Prompts of a plan, as they are"""

    lang = "*"
    goal = "get the model to do what a plan's instructions want"
    doc_uri = ""
    tags = []
    active = True
    primary_detector = "mitigation.MitigationBypass"
    prompts = json.loads(Path(__file__).with_name("menshen_prompts.json").read_text(encoding="utf-8"))
"#;

pub(super) fn export(plan: &Plan, prompts: &[Prompt<'_>]) -> Result<Vec<(String, String)>, String> {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).map_err(|e| format!("it cannot be written: {e}"));
    let words: Vec<&str> = prompts.iter().map(Prompt::last).collect();
    // A line is a prompt, so what has several lines stands in the JSON list only.
    let lines: String = words.iter().filter(|w| !w.contains(['\n', '\r'])).map(|w| format!("{w}\n")).collect();
    let mut files = vec![
        ("menshen_prompts.json".to_owned(), pretty(&json!(words))?),
        ("menshen_prompts.txt".to_owned(), lines),
        ("menshen.py".to_owned(), PROBE.to_owned()),
    ];
    if let Some(generator) = generator(plan) {
        files.push(("garak_rest.json".to_owned(), pretty(&json!({"rest": {"RestGenerator": generator}}))?));
    }
    Ok(files)
}

/// The options of `rest.RestGenerator`. `None` for programs, which garak does not start.
fn generator(plan: &Plan) -> Option<Value> {
    let target = &plan.target;
    let mut messages = Vec::new();
    if let Some(system) = &target.system {
        messages.push(json!({"role": "system", "content": system}));
    }
    messages.push(json!({"role": "user", "content": "$INPUT"}));
    let mut headers = json!({"Content-Type": "application/json"});
    let mut add = |name: &str, value: &str| {
        if let Some(headers) = headers.as_object_mut() {
            headers.insert(name.to_owned(), json!(value));
        }
    };
    let (uri, template, field) = match &target.kind {
        Kind::Openai { url, model, extra, .. } => {
            if target.key_env.is_some() {
                add("Authorization", "Bearer $KEY");
            }
            let mut body = json!({"model": model, "messages": messages, "max_tokens": target.max_tokens});
            if let Some(body) = body.as_object_mut() {
                body.extend(extra.iter().map(|(k, v)| (k.clone(), v.clone())));
            }
            (format!("{}/chat/completions", url.trim_end_matches('/')), body, "$.choices[0].message.content".to_owned())
        }
        Kind::Anthropic { url, model, .. } => {
            add("anthropic-version", "2023-06-01");
            if target.key_env.is_some() {
                add("x-api-key", "$KEY");
            }
            let said = json!([{"role": "user", "content": "$INPUT"}]);
            let mut body = json!({"model": model, "messages": said, "max_tokens": target.max_tokens});
            if let (Some(system), Some(body)) = (&target.system, body.as_object_mut()) {
                body.insert("system".to_owned(), json!(system));
            }
            (format!("{}/messages", url.trim_end_matches('/')), body, "$.content[0].text".to_owned())
        }
        Kind::Http { url, method, headers: own, body, answer, .. } => {
            for (name, value) in own {
                add(name, value);
            }
            let template = body.as_deref().unwrap_or("{{prompt}}").replace("{{prompt}}", "$INPUT");
            let mut options = json!({
                "uri": url.replace("{{prompt}}", "$INPUT"),
                "method": method.to_lowercase(),
                "headers": headers,
                "req_template": template,
                "response_json": answer.is_some(),
                "request_timeout": target.timeout_ms.div_ceil(1000),
            });
            if let (Some(answer), Some(options)) = (answer, options.as_object_mut()) {
                options.insert("response_json_field".to_owned(), json!(json_path(answer)));
            }
            return Some(with_key(options, target.key_env.as_deref()));
        }
        // Programs, and kinds that only this program speaks.
        _ => return None,
    };
    let options = json!({
        "uri": uri,
        "method": "post",
        "headers": headers,
        "req_template_json_object": template,
        "response_json": true,
        "response_json_field": field,
        "request_timeout": target.timeout_ms.div_ceil(1000),
    });
    Some(with_key(options, target.key_env.as_deref()))
}

fn with_key(mut options: Value, key_env: Option<&str>) -> Value {
    if let (Some(key), Some(options)) = (key_env, options.as_object_mut()) {
        options.insert("key_env_var".to_owned(), json!(key));
    }
    options
}

/// A JSON pointer or dotted path as JSONPath.
fn json_path(path: &str) -> String {
    let parts: Vec<&str> = match path.strip_prefix('/') {
        Some(pointer) => pointer.split('/').collect(),
        None => path.split('.').collect(),
    };
    parts.iter().filter(|p| !p.is_empty()).fold("$".to_owned(), |mut out, part| {
        if part.bytes().all(|b| b.is_ascii_digit()) {
            out.push_str(&format!("[{part}]"));
        } else {
            out.push_str(&format!("['{}']", part.replace("~1", "/").replace("~0", "~").replace('\'', "\\'")));
        }
        out
    })
}
