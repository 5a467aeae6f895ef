//! What comes back over HTTP, read with limits.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::target::Failure;
use crate::turn::Usage;

/// The most bytes of an answer that are read.
pub(super) const MOST_BYTES: usize = 8 << 20;

/// Sends and reads the whole body. A status that is no success becomes a [`Failure`], or the code under which a
/// filter stopped the exchange.
pub(super) async fn fetch(call: reqwest::RequestBuilder, key: Option<&str>) -> Result<Fetched, Failure> {
    let began = Instant::now();
    let mut response = call.send().await.map_err(unreachable_because)?;
    let status = response.status();
    let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let (wait, media_type) = (header("retry-after"), header("content-type"));
    // Our own gateway says what it did; an answer in the model's place is the gateway's, not the model's.
    let guarded = header("x-menshen-disposition")
        .filter(|d| matches!(d.as_str(), "answer" | "decline" | "review" | "block" | "suspend"));
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable_because)? {
        if bytes.len() + chunk.len() > MOST_BYTES {
            return Err(Failure::TooLong(MOST_BYTES));
        }
        bytes.extend_from_slice(&chunk);
    }
    let fetched = Fetched { bytes, media_type, took: began.elapsed(), stopped: None, guarded };
    if status.is_success() {
        return Ok(fetched);
    }
    if status.as_u16() == 429 {
        return Err(Failure::RateLimited(wait.and_then(|w| w.trim().parse().ok()).map(Duration::from_secs)));
    }
    let body: Value = serde_json::from_slice(&fetched.bytes).unwrap_or_default();
    let error = body.get("error").unwrap_or(&body);
    let said = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    // A filter of the provider, or our own gateway: the target is guarded, nothing failed.
    let filtered = |code: &&str| {
        ["content_filter", "content_policy", "data_inspection", "moderation", "policy_violation"]
            .iter()
            .any(|w| code.contains(w))
    };
    if status.is_client_error()
        && let Some(code) = [said("code"), said("type")].into_iter().find(filtered)
    {
        return Ok(Fetched { stopped: Some(code.to_owned()), ..fetched });
    }
    let mut message: String = said("message").chars().filter(|c| !c.is_control()).take(200).collect();
    if let Some(key) = key {
        message = message.replace(key, "[key]");
    }
    if message.is_empty() {
        message = status.canonical_reason().unwrap_or("no reason").to_owned();
    }
    Err(Failure::Status { status: status.as_u16(), message })
}

/// A body that came back.
pub(super) struct Fetched {
    pub(super) bytes: Vec<u8>,
    pub(super) media_type: Option<String>,
    pub(super) took: Duration,
    /// A filter stopped the exchange: its code.
    pub(super) stopped: Option<String>,
    /// Our own gateway answered in the model's place: its disposition.
    pub(super) guarded: Option<String>,
}

impl Fetched {
    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.bytes).map_err(|e| {
            let kind = self.media_type.as_deref().unwrap_or("without a type");
            Failure::Garbled(format!("it is no JSON ({kind}, {} bytes): {e}", self.bytes.len()))
        })
    }

    /// The data of each server-sent event, in order (WHATWG HTML 9.2), without the closing `[DONE]`.
    ///
    /// A stream that holds no event at all is garbled: HTML, or a body of another API.
    pub(super) fn events(&self) -> Result<Vec<String>, Failure> {
        let text =
            std::str::from_utf8(&self.bytes).map_err(|_| Failure::Garbled("its stream is no UTF-8".to_owned()))?;
        let mut events = Vec::new();
        let mut data: Option<String> = None;
        // A line ends with CR LF, LF or CR.
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        for line in text.split(['\n', '\r']).chain(std::iter::once("")) {
            if line.is_empty() {
                events.extend(data.take());
            } else if let Some(rest) = line.strip_prefix("data:") {
                let rest = rest.strip_prefix(' ').unwrap_or(rest);
                match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(rest);
                    }
                    None => data = Some(rest.to_owned()),
                }
            }
        }
        if events.is_empty() {
            return Err(Failure::Garbled("its stream holds no event".to_owned()));
        }
        events.retain(|e| e != "[DONE]");
        Ok(events)
    }
}

fn unreachable_because(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if error.is_builder() {
        return Failure::Unsendable(chain(&error));
    }
    Failure::Unreachable(chain(&error))
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// What stands at `path`: a JSON pointer (`/a/0/b`) or dotted (`a.0.b`, `$.a[0].b`).
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() || path.starts_with('/') {
        return value.pointer(path);
    }
    let path = path.strip_prefix("$").unwrap_or(path).replace('[', ".").replace(']', "");
    path.split('.').filter(|p| !p.is_empty()).try_fold(value, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    })
}

/// The words of a JSON value: a string, or the texts of its parts.
pub(super) fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Array(parts) => {
            let texts: Vec<String> = parts
                .iter()
                .filter_map(|p| p.get("text").and_then(words).or_else(|| p.as_str().map(str::to_owned)))
                .collect();
            (!texts.is_empty()).then(|| texts.concat())
        }
        Value::Object(_) => value.get("text").and_then(words),
        Value::Null => None,
    }
}

/// Tokens of a text when nobody says: a token for each Han character, one for four bytes of the rest.
pub(super) fn estimate(text: &str) -> u64 {
    let han = text.chars().filter(|c| menshen_text::is_han(*c)).count() as u64;
    let rest = text.chars().filter(|c| !menshen_text::is_han(*c)).map(|c| c.len_utf8() as u64).sum::<u64>();
    han + rest.div_ceil(4)
}

/// The usage that a body states, or an estimate.
pub(super) fn usage(stated: Option<&Value>, names: (&str, &str), sent: u64, text: &str) -> Usage {
    let number = |name: &str| stated.and_then(|u| u.get(name)).and_then(Value::as_u64);
    match (number(names.0), number(names.1)) {
        (Some(prompt), Some(completion)) => Usage { prompt, completion, estimated: false },
        (prompt, completion) => Usage {
            prompt: prompt.unwrap_or(sent),
            completion: completion.unwrap_or_else(|| estimate(text)),
            estimated: true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fetched(text: &str) -> Fetched {
        Fetched {
            bytes: text.as_bytes().to_vec(),
            media_type: None,
            took: Duration::ZERO,
            stopped: None,
            guarded: None,
        }
    }

    #[test]
    fn paths_are_pointers_or_dotted() {
        let body = json!({"choices": [{"message": {"content": "hi"}}]});
        for path in ["/choices/0/message/content", "choices.0.message.content", "$.choices[0].message.content"] {
            assert_eq!(at(&body, path).and_then(words).as_deref(), Some("hi"), "{path}");
        }
        assert_eq!(at(&body, "choices.1"), None);
        assert_eq!(at(&body, "choices.x.y"), None);
    }

    #[test]
    fn a_stream_is_its_events_and_html_is_none() {
        let events = fetched(": hello\r\ndata: a\r\ndata: b\r\n\r\nevent: x\ndata:c\n\ndata: [DONE]\n\n").events();
        assert_eq!(events, Ok(vec!["a\nb".to_owned(), "c".to_owned()]));
        assert!(matches!(fetched("<html>down</html>").events(), Err(Failure::Garbled(_))));
        assert_eq!(fetched("data: cut off").events(), Ok(vec!["cut off".to_owned()]));
    }

    #[test]
    fn tokens_are_estimated_by_script() {
        assert_eq!(estimate("你好"), 2);
        assert_eq!(estimate("hello world!"), 3);
        assert_eq!(estimate(""), 0);
    }
}
