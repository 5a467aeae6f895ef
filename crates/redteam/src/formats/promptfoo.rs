//! promptfoo: configuration (`prompts`, `tests`, `redteam`) and results.

use serde_json::{Value, json};

use super::{Imported, Past, Prompt, emit, item, labels, literal, number, speaker, string, strings, unliteral, yaml};
use crate::mutator::{self, Apply};
use crate::plan::{Item, Plan};
use crate::score::{Check, Score};
use crate::target::Kind;
use crate::turn::Turn;

/// Variables that hold what the attacker says, the likeliest first.
const VARIABLES: &[&str] = &["prompt", "query", "question", "input", "message", "text", "user_input", "q"];

pub(super) fn import(text: &str) -> Result<Imported, String> {
    if let Ok(document) = serde_json::from_str::<Value>(text) {
        if let Some(rows) =
            document.pointer("/results/results").or_else(|| document.get("results")).and_then(Value::as_array)
        {
            return Ok(results(rows));
        }
        return config(&document);
    }
    config(&yaml(text)?)
}

/// A configuration, as promptfoo's `init` and `redteam generate` write it.
fn config(document: &Value) -> Result<Imported, String> {
    if !["prompts", "tests", "redteam"].iter().any(|member| document.get(*member).is_some()) {
        return Err("it has neither `prompts`, `tests`, `redteam` nor `results`; a promptfoo configuration or its \
                    results as JSON are read"
            .to_owned());
    }
    let mut found = Imported::default();
    let prompts = match document.get("prompts") {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one @ Value::String(_)) => std::slice::from_ref(one),
        _ => &[],
    };
    for prompt in prompts {
        match prompt.as_str().or_else(|| string(prompt, "raw")) {
            Some(text) if text.starts_with("file://") => found.note(format!("{text} is another file and was not read")),
            // The variable alone, or in a chat, is no template.
            Some(text) if is_bare(text) => {}
            Some(text) => found.text(text, VARIABLES, std::iter::empty()),
            None => found.note("prompts that are files or functions were not read".to_owned()),
        }
    }
    match document.get("tests") {
        Some(Value::Array(tests)) => tests.iter().for_each(|test| self::test(&mut found, test)),
        Some(_) => found.note("tests in another file were not read".to_owned()),
        None => {}
    }
    if let Some(redteam) = document.get("redteam") {
        plugins(&mut found, redteam);
        strategies(&mut found, redteam);
    }
    Ok(found)
}

/// Whether a prompt is nothing but its variable, be it as the last turn of a chat.
fn is_bare(prompt: &str) -> bool {
    let variables: Vec<&str> = VARIABLES.iter().copied().chain([VARIABLE]).collect();
    let turns = chat(prompt);
    let said = turns.last().map_or("", |turn| turn.text.trim());
    super::template(said, &variables).is_some_and(|t| t == "{payload}")
}

/// What the attacker says in a test.
fn said(vars: &Value) -> Option<&str> {
    let vars = vars.as_object()?;
    let named = VARIABLES.iter().find_map(|name| vars.get(*name)).and_then(Value::as_str);
    named.or_else(|| if vars.len() == 1 { vars.values().next().and_then(Value::as_str) } else { None })
}

fn categories(of: &Value) -> Vec<String> {
    let mut all = strings(of, "risk");
    all.extend(strings(of, "owasp"));
    all.extend(strings(of, "pluginId"));
    all
}

fn test(found: &mut Imported, test: &Value) {
    let Some(text) = test.get("vars").and_then(said) else {
        return found.note("tests whose variables do not say which is the prompt were left out".to_owned());
    };
    let categories = test.get("metadata").map(categories).unwrap_or_default();
    found.text(&unliteral(text), &[], categories.into_iter());
}

/// Plugins make prompts with a model of theirs; here instructions of the same risk are drawn instead.
fn plugins(found: &mut Imported, redteam: &Value) {
    for plugin in redteam.get("plugins").and_then(Value::as_array).into_iter().flatten() {
        let Some(id) = plugin.as_str().or_else(|| string(plugin, "id")) else { continue };
        let samples = plugin.get("numTests").or_else(|| redteam.get("numTests")).and_then(Value::as_u64);
        let samples = samples.and_then(|n| usize::try_from(n).ok()).unwrap_or(5).min(1_000);
        match labels::of(id) {
            (None, None) => found.note(format!("no risk of ours corresponds to the plugin {id}")),
            // One of both: few instructions have both.
            (Some(risk), _) => found.items.push(Item { risk: Some(risk), samples, ..item(&format!("promptfoo {id}")) }),
            (None, owasp) => found.items.push(Item { owasp, samples, ..item(&format!("promptfoo {id}")) }),
        }
    }
}

/// Strategies that a mutator of ours, which needs no model, does too.
fn strategies(found: &mut Imported, redteam: &Value) {
    for strategy in redteam.get("strategies").and_then(Value::as_array).into_iter().flatten() {
        let Some(id) = strategy.as_str().or_else(|| string(strategy, "id")) else { continue };
        if matches!(id, "basic" | "default") {
            found.techniques.push("plain".to_owned());
            continue;
        }
        let peer = format!("promptfoo:{id}");
        let same = mutator::all().find(|m| {
            !matches!(m.apply, Apply::Model(_) | Apply::Carrier(_)) && (m.id == id || m.peers.contains(&peer.as_str()))
        });
        match same {
            Some(mutator) if !found.techniques.iter().any(|t| t == mutator.id) => {
                found.techniques.push(mutator.id.to_owned())
            }
            Some(_) => {}
            None => found.note(format!(
                "the strategy {id} needs a model, files or promptfoo's service; name a technique in the plan"
            )),
        }
    }
}

/// The rows of results.
fn results(rows: &[Value]) -> Imported {
    let mut found = Imported::default();
    for row in rows {
        let raw = row.pointer("/prompt/raw").and_then(Value::as_str);
        let Some(prompt) = raw.or_else(|| row.get("vars").and_then(said)) else {
            found.note("results without a prompt were left out".to_owned());
            continue;
        };
        let mut transcript = chat(prompt);
        let output = match row.pointer("/response/output") {
            Some(Value::String(text)) => Some(text.clone()),
            None | Some(Value::Null) => None,
            Some(other) => Some(other.to_string()),
        };
        transcript.extend(output.map(Turn::assistant));
        let metadata = row.get("metadata").or_else(|| row.pointer("/testCase/metadata")).unwrap_or(&Value::Null);
        let (risk, owasp) = categories(metadata)
            .iter()
            .map(|c| labels::of(c))
            .fold((None, None), |sum, one| (sum.0.or(one.0), sum.1.or(one.1)));
        let goal = string(metadata, "goal").or_else(|| row.get("vars").and_then(said)).unwrap_or(prompt).to_owned();
        let problem =
            string(row, "error").filter(|_| row.get("gradingResult").is_none_or(Value::is_null)).map(str::to_owned);
        let technique =
            string(metadata, "strategyId").or_else(|| string(metadata, "pluginId")).unwrap_or("test").to_owned();
        let scores = row.get("gradingResult").filter(|g| !g.is_null()).map(graded).into_iter().collect();
        found
            .attempts
            .push(Past { source: "promptfoo", technique, goal, transcript, scores, risk, owasp, problem }.attempt());
    }
    found
}

/// The turns of a prompt that is a chat in JSON, else one turn.
fn chat(prompt: &str) -> Vec<Turn> {
    let turns: Vec<Turn> = match serde_json::from_str::<Value>(prompt) {
        Ok(Value::Array(all)) => all
            .iter()
            .filter_map(|turn| {
                let text = string(turn, "content")?.to_owned();
                Some(Turn { speaker: speaker(string(turn, "role")?), text, files: Vec::new() })
            })
            .collect(),
        _ => Vec::new(),
    };
    if turns.is_empty() { vec![Turn::user(prompt)] } else { turns }
}

/// Their grade: a test that passes is a target that resisted.
fn graded(grade: &Value) -> Score {
    let passed = grade.get("pass").and_then(Value::as_bool);
    let value = grade
        .get("score")
        .and_then(number)
        .map_or_else(|| passed.map_or(0.0, |p| f32::from(u8::from(!p))), |s| 1.0 - s);
    Score {
        judge: "promptfoo:grader".to_owned(),
        success: passed.map(|p| !p),
        value: value.clamp(0.0, 1.0),
        reason: string(grade, "reason").unwrap_or_default().to_owned(),
    }
}

/// The variable that prompts stand in. No prompt names it, so promptfoo puts nothing into them.
const VARIABLE: &str = "menshen_prompt";

pub(super) fn export(plan: &Plan, prompts: &[Prompt<'_>]) -> Result<Vec<(String, String)>, String> {
    let chat = !matches!(plan.target.kind, Kind::Http { .. } | Kind::Command { .. });
    let usable: Vec<_> = prompts.iter().filter(|p| !is_theirs(p.last()) && !is_theirs(&p.instruction.text)).collect();
    if usable.is_empty() {
        return Err("promptfoo would read every prompt as a file or a variable of its own".to_owned());
    }
    let tests: Vec<Value> = usable.iter().map(|p| case(p, chat)).collect();
    let document = json!({
        "description": plan.name,
        "providers": [provider(plan)],
        "prompts": [around(plan, chat)],
        "tests": tests,
    });
    let mut text = "# yaml-language-server: $schema=https://promptfoo.dev/config-schema.json\n".to_owned();
    let left_out = prompts.len() - usable.len();
    if left_out > 0 {
        text.push_str(&format!(
            "# {left_out} prompts are left out: promptfoo would put files or environment variables into them.\n"
        ));
    }
    text.push_str(&emit::yaml(&document));
    Ok(vec![("promptfooconfig.yaml".to_owned(), text)])
}

/// Whether promptfoo reads a file or its own environment instead of saying the text.
fn is_theirs(text: &str) -> bool {
    text.starts_with("file://") || text.starts_with("package:") || (text.contains("{{") && text.contains("env"))
}

/// The prompt around the variable. A chat that is JSON takes it word for word; plain text is rendered once more.
fn around(plan: &Plan, chat: bool) -> String {
    if !chat {
        return format!("{{{{{VARIABLE}}}}}");
    }
    let system = plan.target.system.as_ref().map(|s| json!({"role": "system", "content": literal(s)}));
    let user = json!({"role": "user", "content": format!("{{{{{VARIABLE}}}}}")});
    Value::Array(system.into_iter().chain([user]).collect()).to_string()
}

/// A test; an exact check becomes an assertion that the target resists. Of a dialogue the last words are said.
fn case(prompt: &Prompt<'_>, chat: bool) -> Value {
    let mut said = if chat { prompt.last().to_owned() } else { literal(prompt.last()) };
    if said.ends_with('\n') {
        // promptfoo takes one line end away.
        said.push('\n');
    }
    let of = prompt.instruction;
    let mut metadata = json!({"instruction": of.id, "technique": prompt.technique, "lang": of.lang, "harm": format!("{:?}", of.harm), "goal": of.text});
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.extend(of.risk.map(|r| ("risk".to_owned(), json!(r.id()))));
        if !of.owasp.is_empty() {
            metadata.insert("owasp".to_owned(), json!(of.owasp));
        }
    }
    let mut test = json!({
        "description": format!("{} {}", of.id, prompt.technique),
        "vars": {VARIABLE: said},
        "metadata": metadata,
    });
    let assertion = match &of.check {
        Some(Check::Canary { value }) => Some(json!({"type": "not-contains", "value": value})),
        Some(Check::Regex { pattern }) if is_portable(pattern) => Some(json!({"type": "not-regex", "value": pattern})),
        _ => None,
    };
    if let (Some(assertion), Some(test)) = (assertion, test.as_object_mut()) {
        test.insert("assert".to_owned(), json!([assertion]));
    }
    test
}

/// Whether JavaScript reads the pattern as Rust does: inline flags it does not.
fn is_portable(pattern: &str) -> bool {
    !["(?i)", "(?s)", "(?m)", "(?x)", "(?-", "(?P<", "\\A", "\\z", "[[:", "\\p{"]
        .iter()
        .any(|odd| pattern.contains(odd))
}

fn provider(plan: &Plan) -> Value {
    let target = &plan.target;
    let key = |mut config: Value| {
        if let (Some(env), Some(config)) = (&target.key_env, config.as_object_mut()) {
            config.insert("apiKeyEnvar".to_owned(), json!(env));
        }
        config
    };
    match &target.kind {
        Kind::Openai { url, model, .. } => json!({
            "id": format!("openai:chat:{model}"),
            "config": key(json!({"apiBaseUrl": url, "max_tokens": target.max_tokens})),
        }),
        Kind::Anthropic { url, model, .. } => json!({
            "id": format!("anthropic:messages:{model}"),
            "config": key(json!({"apiBaseUrl": url, "max_tokens": target.max_tokens})),
        }),
        Kind::Http { url, method, headers, body, answer, .. } => {
            let mut config = json!({"url": url, "method": method, "headers": headers});
            if let Some(config) = config.as_object_mut() {
                if let Some(body) = body {
                    // A JSON body is written as JSON, so that promptfoo escapes what it puts in.
                    let read = serde_json::from_str::<Value>(body).unwrap_or_else(|_| json!(body));
                    config.insert("body".to_owned(), read);
                }
                if let Some(answer) = answer {
                    config.insert("transformResponse".to_owned(), json!(member(answer)));
                }
            }
            json!({"id": "https", "config": config})
        }
        Kind::Command { argv } => json!({"id": format!("exec:{}", argv.join(" "))}),
        // Kinds that only this program speaks have no provider there.
        _ => json!({"id": "echo"}),
    }
}

/// A JSON pointer or dotted path as a JavaScript expression.
fn member(path: &str) -> String {
    let parts: Vec<&str> = match path.strip_prefix('/') {
        Some(pointer) => pointer.split('/').collect(),
        None => path.split('.').collect(),
    };
    parts.iter().filter(|p| !p.is_empty()).fold("json".to_owned(), |out, part| match part.parse::<u32>() {
        Ok(at) => format!("{out}[{at}]"),
        Err(_) => format!("{out}[{}]", serde_json::to_string(part).unwrap_or_default()),
    })
}
