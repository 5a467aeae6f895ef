//! OpenAI-compatible chat completions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::body::{self, estimate, usage, words};
use super::{Failure, Target};
use crate::turn::{File, Reply, Speaker, Turn};

pub(super) async fn ask(
    target: &Target,
    url: &str,
    model: &str,
    stream: bool,
    extra: &BTreeMap<String, Value>,
    turns: &[Turn],
) -> Result<Reply, Failure> {
    let messages = messages(target.spec.system.as_deref(), turns, target.spec.multimodal)?;
    let mut request =
        json!({ "model": model, "messages": messages, "max_tokens": target.spec.max_tokens, "stream": stream });
    if let Some(members) = request.as_object_mut() {
        if let Some(temperature) = target.spec.temperature {
            members.insert("temperature".to_owned(), json!(temperature));
        }
        if stream {
            members.insert("stream_options".to_owned(), json!({ "include_usage": true }));
        }
        members.extend(extra.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    let url = format!("{}/chat/completions", url.trim_end_matches('/').trim_end_matches("/chat/completions"));
    let mut call = target.client.post(url).json(&request);
    if let Some(key) = &target.key {
        call = call.bearer_auth(key);
    }
    let fetched = body::fetch(call, target.key.as_deref()).await?;
    let sent = turns.iter().map(|t| estimate(&t.text)).sum();
    if let Some(code) = fetched.stopped.clone() {
        let usage = usage(None, ("", ""), sent, "");
        return Ok(Reply { text: String::new(), stopped: Some(code), usage, took: fetched.took });
    }
    let (text, stopped, stated) = if stream { streamed(&fetched)? } else { whole(&fetched.json()?)? };
    let usage = usage(stated.as_ref(), ("prompt_tokens", "completion_tokens"), sent, &text);
    Ok(Reply { text, stopped: stopped.or(fetched.guarded), usage, took: fetched.took })
}

type Said = (String, Option<String>, Option<Value>);

fn whole(answer: &Value) -> Result<Said, Failure> {
    let choice = body::at(answer, "choices.0")
        .ok_or_else(|| Failure::Garbled("it holds no choices; is url the base URL of such an API?".to_owned()))?;
    let message = choice.get("message").unwrap_or(&Value::Null);
    let mut text = message.get("content").and_then(words).unwrap_or_default();
    if let Some(refusal) = message.get("refusal").and_then(Value::as_str) {
        text.push_str(refusal);
    }
    // What a tool would be called with is what the target says, too.
    for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        text.push_str(&format!("\n{}", call.get("function").unwrap_or(call)));
    }
    let stopped = choice.get("finish_reason").and_then(Value::as_str).filter(|r| *r == "content_filter");
    Ok((text, stopped.map(str::to_owned), answer.get("usage").cloned()))
}

fn streamed(fetched: &body::Fetched) -> Result<Said, Failure> {
    let (mut text, mut stopped, mut stated) = (String::new(), None, None);
    let mut ended = false;
    for event in fetched.events()? {
        let chunk: Value = serde_json::from_str(&event)
            .map_err(|e| Failure::Garbled(format!("an event of its stream is no JSON: {e}")))?;
        if let Some(error) = chunk.get("error") {
            let message = error.get("message").and_then(Value::as_str).unwrap_or("no reason");
            return Err(Failure::Garbled(format!("its stream ended in an error: {message}")));
        }
        if let Some(piece) = body::at(&chunk, "choices.0.delta.content").and_then(words) {
            text.push_str(&piece);
        }
        if let Some(reason) = body::at(&chunk, "choices.0.finish_reason").and_then(Value::as_str) {
            ended = true;
            stopped = (reason == "content_filter").then(|| reason.to_owned());
        }
        if chunk.get("usage").is_some_and(Value::is_object) {
            stated = chunk.get("usage").cloned();
        }
    }
    // A stream that was cut is not a short answer.
    if !ended {
        return Err(Failure::Garbled("its stream ended before the answer did".to_owned()));
    }
    Ok((text, stopped, stated))
}

/// The messages of a conversation; files become the parts that the API has for them.
pub(super) fn messages(system: Option<&str>, turns: &[Turn], multimodal: bool) -> Result<Vec<Value>, Failure> {
    let mut messages: Vec<Value> = system.map(|s| json!({ "role": "system", "content": s })).into_iter().collect();
    for turn in turns {
        let role = match turn.speaker {
            Speaker::System => "system",
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
        };
        if turn.files.is_empty() {
            messages.push(json!({ "role": role, "content": turn.text }));
            continue;
        }
        if !multimodal {
            return Err(Failure::Unsendable(
                "the target is not said to be multimodal, and a file is to be sent".to_owned(),
            ));
        }
        let mut parts = vec![json!({ "type": "text", "text": turn.text })];
        parts.extend(turn.files.iter().map(part));
        messages.push(json!({ "role": role, "content": parts }));
    }
    Ok(messages)
}

fn part(file: &File) -> Value {
    let data = || format!("data:{};base64,{}", file.media_type, file.base64);
    match file.media_type.as_str() {
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/svg+xml" => {
            json!({ "type": "image_url", "image_url": { "url": data() } })
        }
        "audio/wav" => json!({ "type": "input_audio", "input_audio": { "data": file.base64, "format": "wav" } }),
        _ => json!({ "type": "file", "file": { "filename": file.name, "file_data": data() } }),
    }
}
