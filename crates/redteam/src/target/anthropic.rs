//! The Anthropic messages API.

use serde_json::{Value, json};

use super::body::{self, estimate, usage, words};
use super::{Failure, Target};
use crate::turn::{Reply, Speaker, Turn};

/// The version of the API that is spoken.
const VERSION: &str = "2023-06-01";

pub(super) async fn ask(
    target: &Target,
    url: &str,
    model: &str,
    stream: bool,
    turns: &[Turn],
) -> Result<Reply, Failure> {
    let mut system: Vec<&str> = target.spec.system.as_deref().into_iter().collect();
    system.extend(turns.iter().filter(|t| t.speaker == Speaker::System).map(|t| t.text.as_str()));
    let mut messages = Vec::new();
    for turn in turns.iter().filter(|t| t.speaker != Speaker::System) {
        let role = if turn.speaker == Speaker::User { "user" } else { "assistant" };
        if turn.files.is_empty() {
            messages.push(json!({ "role": role, "content": turn.text }));
            continue;
        }
        if !target.spec.multimodal {
            return Err(Failure::Unsendable(
                "the target is not said to be multimodal, and a file is to be sent".to_owned(),
            ));
        }
        let mut parts = Vec::new();
        for file in &turn.files {
            let kind = match file.media_type.as_str() {
                "image/png" | "image/jpeg" | "image/gif" | "image/webp" => "image",
                "application/pdf" => "document",
                other => return Err(Failure::Unsendable(format!("this API takes no {other} files"))),
            };
            parts.push(json!({
                "type": kind,
                "source": { "type": "base64", "media_type": file.media_type, "data": file.base64 },
            }));
        }
        parts.push(json!({ "type": "text", "text": turn.text }));
        messages.push(json!({ "role": role, "content": parts }));
    }
    let mut request =
        json!({ "model": model, "messages": messages, "max_tokens": target.spec.max_tokens, "stream": stream });
    if let Some(members) = request.as_object_mut() {
        if !system.is_empty() {
            members.insert("system".to_owned(), json!(system.join("\n\n")));
        }
        if let Some(temperature) = target.spec.temperature {
            members.insert("temperature".to_owned(), json!(temperature));
        }
    }
    let url = format!("{}/messages", url.trim_end_matches('/').trim_end_matches("/messages"));
    let mut call = target.client.post(url).header("anthropic-version", VERSION).json(&request);
    if let Some(key) = &target.key {
        call = call.header("x-api-key", key);
    }
    let fetched = body::fetch(call, target.key.as_deref()).await?;
    let sent = turns.iter().map(|t| estimate(&t.text)).sum();
    if let Some(code) = fetched.stopped.clone() {
        return Ok(Reply {
            text: String::new(),
            stopped: Some(code),
            usage: usage(None, ("", ""), sent, ""),
            took: fetched.took,
        });
    }
    let (text, reason, stated) = if stream {
        streamed(&fetched)?
    } else {
        let answer = fetched.json()?;
        let text = answer
            .get("content")
            .and_then(words)
            .or_else(|| answer.get("content").and_then(Value::as_array).is_some_and(Vec::is_empty).then(String::new));
        let text = text
            .ok_or_else(|| Failure::Garbled("it holds no content; is url the base URL of such an API?".to_owned()))?;
        let reason = answer.get("stop_reason").and_then(Value::as_str).unwrap_or_default().to_owned();
        (text, reason, answer.get("usage").cloned())
    };
    let stopped = (reason == "refusal").then_some(reason);
    let usage = usage(stated.as_ref(), ("input_tokens", "output_tokens"), sent, &text);
    Ok(Reply { text, stopped: stopped.or(fetched.guarded), usage, took: fetched.took })
}

fn streamed(fetched: &body::Fetched) -> Result<(String, String, Option<Value>), Failure> {
    let (mut text, mut reason, mut stated) = (String::new(), String::new(), json!({}));
    let mut ended = false;
    let mut keep = |usage: Option<&Value>| {
        if let (Some(all), Some(usage)) = (stated.as_object_mut(), usage.and_then(Value::as_object)) {
            all.extend(usage.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
    };
    for event in fetched.events()? {
        let event: Value = serde_json::from_str(&event)
            .map_err(|e| Failure::Garbled(format!("an event of its stream is no JSON: {e}")))?;
        match event.get("type").and_then(Value::as_str).unwrap_or_default() {
            "message_start" => keep(body::at(&event, "message.usage")),
            "content_block_delta" => text.push_str(
                &body::at(&event, "delta.text")
                    .or_else(|| body::at(&event, "delta.partial_json"))
                    .and_then(words)
                    .unwrap_or_default(),
            ),
            "message_delta" => {
                keep(event.get("usage"));
                reason = body::at(&event, "delta.stop_reason").and_then(Value::as_str).unwrap_or_default().to_owned();
            }
            "message_stop" => ended = true,
            "error" => {
                let message = body::at(&event, "error.message").and_then(Value::as_str).unwrap_or("no reason");
                return Err(Failure::Garbled(format!("its stream ended in an error: {message}")));
            }
            _ => {}
        }
    }
    if !ended {
        return Err(Failure::Garbled("its stream ended before the answer did".to_owned()));
    }
    Ok((text, reason, Some(stated)))
}
