//! The wire: what a request may say, checked member by member, and the shapes of the answers.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::{Ending, Finish, Sampling, Turn};
use crate::watermark::FALSE_ALARMS;

/// The only model served; requests name it.
pub const MODEL: &str = "smollm2-135m-instruct";

/// Answer length when the request sets none: enough for a paragraph, seconds rather than minutes on one core.
const DEFAULT_MAX_TOKENS: usize = 128;

#[derive(Deserialize)]
struct Body {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    temperature: Option<f64>,
    #[serde(default)]
    top_p: Option<f64>,
    #[serde(default)]
    seed: Option<i64>,
    #[serde(default)]
    max_tokens: Option<usize>,
    #[serde(default)]
    max_completion_tokens: Option<usize>,
    #[serde(default)]
    stop: Option<Value>,
    #[serde(default)]
    n: Option<u64>,
    #[serde(default)]
    tools: Option<Vec<Value>>,
    #[serde(default)]
    logprobs: Option<bool>,
}

#[derive(Deserialize)]
struct TextBody {
    text: String,
    #[serde(default)]
    false_alarms: Option<f64>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Value,
}

/// A request that can be served.
pub struct Request {
    pub turns: Vec<Turn>,
    pub sampling: Sampling,
    pub stream: bool,
    pub include_usage: bool,
}

/// A refusal in OpenAI's error shape.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
    pub param: Option<&'static str>,
    pub code: Option<&'static str>,
}

impl Refusal {
    pub fn invalid(param: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, message: message.into(), param: Some(param), code: None }
    }

    pub fn body(&self) -> Value {
        let kind = match self.status {
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}})
    }
}

pub fn parse(bytes: &[u8]) -> Result<Request, Refusal> {
    let body: Body = serde_json::from_slice(bytes).map_err(|e| Refusal {
        status: 400,
        message: format!("the body is not a chat completion request: {e}"),
        param: None,
        code: None,
    })?;
    if body.model != MODEL {
        return Err(Refusal {
            status: 404,
            message: format!("the model {:?} does not exist here; this server has {MODEL:?}", body.model),
            param: Some("model"),
            code: Some("model_not_found"),
        });
    }
    if body.messages.is_empty() {
        return Err(Refusal::invalid("messages", "messages must hold at least one message"));
    }
    if body.n.is_some_and(|n| n != 1) {
        return Err(Refusal::invalid("n", "n must be 1"));
    }
    if body.tools.is_some_and(|t| !t.is_empty()) {
        return Err(Refusal::invalid("tools", "this model cannot call tools"));
    }
    let temperature = body.temperature.unwrap_or(0.0);
    if !(0.0..=2.0).contains(&temperature) {
        return Err(Refusal::invalid("temperature", "temperature must lie in 0..=2"));
    }
    if body.top_p.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
        return Err(Refusal::invalid("top_p", "top_p must lie in 0 (exclusive) to 1"));
    }
    let max_tokens = body.max_completion_tokens.or(body.max_tokens).unwrap_or(DEFAULT_MAX_TOKENS);
    if max_tokens == 0 {
        return Err(Refusal::invalid("max_tokens", "max_tokens must be at least 1"));
    }
    Ok(Request {
        turns: body.messages.into_iter().map(turn).collect::<Result<_, _>>()?,
        sampling: Sampling {
            temperature,
            top_p: body.top_p,
            seed: body.seed.unwrap_or(0).cast_unsigned(),
            max_tokens,
            stop: stop(body.stop)?,
            // In streams they stay null, as they always were.
            logprobs: body.logprobs.unwrap_or(false) && !body.stream.unwrap_or(false),
        },
        stream: body.stream.unwrap_or(false),
        include_usage: body.stream_options.is_some_and(|o| o.include_usage),
    })
}

/// The text of a question about tokens or the watermark, and the rate of false alarms that it accepts.
pub fn parse_text(bytes: &[u8]) -> Result<(String, f64), Refusal> {
    let body: TextBody = serde_json::from_slice(bytes)
        .map_err(|e| Refusal::invalid("text", format!("the body is not of the form {{\"text\": …}}: {e}")))?;
    let rate = body.false_alarms.unwrap_or(FALSE_ALARMS);
    if !(rate > 0.0 && rate < 1.0) {
        return Err(Refusal::invalid("false_alarms", "false_alarms must lie between 0 and 1"));
    }
    Ok((body.text, rate))
}

fn turn(message: Message) -> Result<Turn, Refusal> {
    let role = match message.role.as_str() {
        "system" | "developer" => "system",
        "user" => "user",
        "assistant" => "assistant",
        "tool" => "tool",
        other => return Err(Refusal::invalid("messages", format!("unknown role {other:?}"))),
    };
    let content = match message.content {
        Value::Null => String::new(),
        Value::String(text) => text,
        Value::Array(parts) => {
            let mut text = String::new();
            for part in parts {
                match (part["type"].as_str(), part["text"].as_str()) {
                    (Some("text"), Some(t)) => text.push_str(t),
                    (kind, _) => {
                        return Err(Refusal::invalid(
                            "messages",
                            format!("content parts must be text, not {}", kind.unwrap_or("untyped")),
                        ));
                    }
                }
            }
            text
        }
        _ => return Err(Refusal::invalid("messages", "content must be a string or an array of parts")),
    };
    Ok(Turn { role, content })
}

fn stop(given: Option<Value>) -> Result<Vec<String>, Refusal> {
    let refuse = || Refusal::invalid("stop", "stop must be a non-empty string or up to four of them");
    let strings = match given {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(one @ Value::String(_)) => vec![one],
        Some(Value::Array(many)) if many.len() <= 4 => many,
        Some(_) => return Err(refuse()),
    };
    strings
        .into_iter()
        .map(|s| match s {
            Value::String(s) if !s.is_empty() => Ok(s),
            _ => Err(refuse()),
        })
        .collect()
}

/// What every object of one answer shares.
pub struct Answer {
    pub id: String,
    pub created: u64,
    pub prompt_tokens: usize,
}

impl Answer {
    pub fn usage(&self, completion: usize) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
        })
    }

    pub fn whole(&self, text: &str, ending: &Ending, logprobs: bool) -> Value {
        let tokens = |(token, logprob): &(String, f64)| json!({"token": token, "logprob": logprob, "bytes": null, "top_logprobs": []});
        let logprobs = logprobs.then(|| json!({"content": ending.logprobs.iter().map(tokens).collect::<Vec<_>>()}));
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": MODEL,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": null},
                "logprobs": logprobs,
                "finish_reason": name(ending.finish),
            }],
            "usage": self.usage(ending.generated),
        })
    }

    pub fn chunk(&self, delta: &Value, finish: Option<Finish>) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": MODEL,
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish.map(name)}],
        })
    }

    pub fn usage_chunk(&self, completion: usize) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": MODEL,
            "choices": [], "usage": self.usage(completion),
        })
    }
}

fn name(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &Value) -> Refusal {
        match parse(body.to_string().as_bytes()) {
            Ok(_) => panic!("accepted {body}"),
            Err(refusal) => refusal,
        }
    }

    fn with(member: &str, value: Value) -> Value {
        let mut body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
        body[member] = value;
        body
    }

    #[test]
    fn each_bad_member_is_named() {
        for (member, value) in [
            ("messages", json!([])),
            ("messages", json!([{"role": "wizard", "content": "hi"}])),
            ("messages", json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}])),
            ("messages", json!([{"role": "user", "content": 7}])),
            ("temperature", json!(2.5)),
            ("top_p", json!(0)),
            ("n", json!(2)),
            ("tools", json!([{"type": "function"}])),
            ("max_tokens", json!(0)),
            ("stop", json!("")),
            ("stop", json!(["a", "b", "c", "d", "e"])),
        ] {
            let refusal = refused(&with(member, value));
            assert_eq!((refusal.status, refusal.param), (400, Some(member)), "{}", refusal.message);
        }
    }

    #[test]
    fn questions_about_text_are_read() {
        assert_eq!(parse_text(br#"{"text": "a"}"#).unwrap(), ("a".to_owned(), FALSE_ALARMS));
        assert_eq!(parse_text(br#"{"text": "a", "false_alarms": 0.01}"#).unwrap().1, 0.01);
        for wrong in
            [r#"{"text": 1}"#, "{}", r#"{"text": "a", "false_alarms": 0}"#, r#"{"text": "a", "false_alarms": 1}"#]
        {
            assert_eq!(parse_text(wrong.as_bytes()).unwrap_err().status, 400, "{wrong}");
        }
    }

    #[test]
    fn log_probabilities_come_when_asked_for() {
        let answer = Answer { id: "c-1".into(), created: 0, prompt_tokens: 1 };
        let ending = Ending { finish: Finish::Length, generated: 1, logprobs: vec![(" a".into(), -0.5)] };
        assert_eq!(answer.whole(" a", &ending, false)["choices"][0]["logprobs"], Value::Null);
        assert_eq!(answer.whole(" a", &ending, true)["choices"][0]["logprobs"]["content"][0]["logprob"], -0.5);
    }

    #[test]
    fn an_unknown_model_is_not_found() {
        let refusal = refused(&with("model", json!("gpt-9")));
        assert_eq!((refusal.status, refusal.code), (404, Some("model_not_found")));
    }

    #[test]
    fn text_parts_are_joined_and_developer_means_system() {
        let body = with(
            "messages",
            json!([{"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]),
        );
        let request = parse(body.to_string().as_bytes()).unwrap();
        assert_eq!((request.turns[0].role, request.turns[0].content.as_str()), ("system", "ab"));
    }
}
