//! What a teacher has answered, by request; what it cost; and what may still be spent.
//!
//! The ledger is the only state of a step. A request is known by the hash of its body and its number among the draws
//! of the same question, so an answer is found again whatever the order of asking was, and never asked for twice.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::Allowance;
use super::{DistillError, from_jsonl};

/// A request as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What it is known by.
    pub key: String,
    /// The body of `POST …/chat/completions`.
    pub body: Value,
}

impl Request {
    /// A body as the `draw`-th asking of the same question.
    pub fn new(body: Value, draw: u32) -> Self {
        let key = super::hash(format!("{body}\0{draw}").as_bytes());
        Request { key, body }
    }

    /// An upper estimate of what it costs: a token for each character of the messages (Chinese runs at about one, English
    /// well below), and all that the answer may have.
    pub fn most_tokens(&self) -> u64 {
        let messages = self.body.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let chars: usize = messages.iter().filter_map(|m| m.get("content")?.as_str()).map(|c| c.chars().count()).sum();
        let answer = self.body.get("max_tokens").and_then(Value::as_u64).unwrap_or(0);
        chars as u64 + answer
    }

    /// One line of a batch file, as the batch APIs of OpenAI and others take it.
    pub fn batch_line(&self) -> Value {
        serde_json::json!({
            "custom_id": self.key, "method": "POST", "url": "/v1/chat/completions", "body": self.body,
        })
    }
}

/// A line of a ledger: an answer, or a request that failed for now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The request.
    pub key: String,
    /// What the teacher said; absent when the request failed, and will be sent again by a later run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The teacher's provider filtered the request or the answer: a refusal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub filtered: bool,
    /// Attempts that it took.
    #[serde(default)]
    pub requests: u64,
    /// Tokens of the prompt, as the teacher counts them.
    #[serde(default)]
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    #[serde(default)]
    pub completion_tokens: u64,
    /// The teacher did not count; the numbers are estimates.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

impl Entry {
    /// Prompt and answer together.
    pub const fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Requests, each attempt counted.
    pub requests: u64,
    /// Answers.
    pub answers: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// Answers whose tokens are estimates, because the teacher did not count them.
    pub estimated: u64,
}

/// The answers of a step.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    entries: HashMap<String, Entry>,
    totals: Totals,
}

impl Ledger {
    /// Reads the file of a ledger. Gives also how many of its bytes are whole: the caller cuts the rest off before it
    /// appends.
    ///
    /// # Errors
    /// When a whole line is no entry.
    pub fn read(file: &str, bytes: &[u8]) -> Result<(Ledger, usize), DistillError> {
        let (entries, whole) = from_jsonl::<Entry>(file, bytes)?;
        let mut ledger = Ledger::default();
        for entry in entries {
            ledger.add(entry);
        }
        Ok((ledger, whole))
    }

    /// Takes an entry in.
    pub fn add(&mut self, entry: Entry) {
        self.totals.requests += entry.requests;
        self.totals.prompt_tokens += entry.prompt_tokens;
        self.totals.completion_tokens += entry.completion_tokens;
        if entry.answer.is_some() {
            self.totals.answers += 1;
            self.totals.estimated += u64::from(entry.estimated);
            // The first answer stands: what was computed from it must not change.
            self.entries.entry(entry.key.clone()).or_insert(entry);
        }
    }

    /// The answer to a request.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// What was spent so far.
    pub const fn totals(&self) -> Totals {
        self.totals
    }
}

/// Answers that were recorded elsewhere, by request: a ledger of an earlier run, or the output of a batch API.
#[derive(Debug, Clone, Default)]
pub struct Recording(HashMap<String, Entry>);

impl Recording {
    /// Reads recorded answers: lines `{"key","answer"}`, or of a batch API `{"custom_id","response":{"body":…}}`.
    ///
    /// # Errors
    /// When a line is neither.
    pub fn read(file: &str, body: &str) -> Result<Recording, DistillError> {
        let mut found = HashMap::new();
        for (i, line) in body.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            let bad = |reason: String| DistillError::Line { file: file.to_owned(), line: i + 1, reason };
            let value: Value = serde_json::from_str(line).map_err(|e| bad(format!("not a JSON object: {e}")))?;
            let entry = match value.get("custom_id").and_then(Value::as_str) {
                Some(key) => match value.pointer("/response/body").and_then(|b| read_completion(key, b)) {
                    Some(entry) => entry,
                    // A request of the batch that failed; it is simply not there.
                    None => continue,
                },
                None => serde_json::from_value::<Entry>(value)
                    .map_err(|e| bad(format!("neither {{\"key\",\"answer\"}} nor a batch API's line: {e}")))?,
            };
            if entry.answer.is_some() {
                found.entry(entry.key.clone()).or_insert(entry);
            }
        }
        Ok(Recording(found))
    }

    /// The recorded answer to a request.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.0.get(key)
    }

    /// How many answers there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads a chat completion's body; `None` when it is none.
pub fn read_completion(key: &str, body: &Value) -> Option<Entry> {
    let choice = body.pointer("/choices/0")?;
    let message = choice.get("message")?;
    let filtered = choice.get("finish_reason").and_then(Value::as_str) == Some("content_filter")
        || message.get("refusal").is_some_and(|r| r.as_str().is_some_and(|r| !r.is_empty()));
    let content = message.get("content").and_then(Value::as_str);
    let answer = match content {
        Some(content) => content.to_owned(),
        None if filtered || message.get("content").is_some_and(Value::is_null) => String::new(),
        None => return None,
    };
    let usage = |name: &str| body.pointer(&format!("/usage/{name}")).and_then(Value::as_u64);
    let counted = (usage("prompt_tokens"), usage("completion_tokens"));
    Some(Entry {
        key: key.to_owned(),
        completion_tokens: counted.1.unwrap_or(answer.chars().count() as u64),
        prompt_tokens: counted.0.unwrap_or(0),
        estimated: counted.0.is_none() || counted.1.is_none(),
        answer: Some(answer),
        filtered,
        requests: 1,
    })
}

/// Whether the next request may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Yes; its most is set aside until it is settled.
    Go,
    /// Not until a request under way has shown what it really costs.
    Wait,
    /// No.
    Spent,
}

/// What may still be spent in this run. What requests under way may cost at most is set aside, so that concurrency
/// cannot overdraw it; only a teacher that counts more tokens for a prompt than it has characters can.
#[derive(Debug, Clone)]
pub struct Budget {
    allowance: Allowance,
    requests: u64,
    tokens: u64,
    aside: u64,
    under_way: u64,
}

impl Budget {
    /// A fresh one.
    pub const fn new(allowance: Allowance) -> Self {
        Budget { allowance, requests: 0, tokens: 0, aside: 0, under_way: 0 }
    }

    /// Asks for leave to send a request.
    pub fn admit(&mut self, request: &Request) -> Admission {
        let most = request.most_tokens();
        let tokens = self.tokens.saturating_add(self.aside).saturating_add(most);
        let over_tokens = self.allowance.max_tokens.is_some_and(|max| tokens > max);
        let over_requests = self.allowance.max_requests.is_some_and(|max| self.requests >= max);
        if over_requests || over_tokens && self.under_way == 0 {
            return Admission::Spent;
        }
        if over_tokens {
            return Admission::Wait;
        }
        self.requests += 1;
        self.aside += most;
        self.under_way += 1;
        Admission::Go
    }

    /// Asks for leave to send a request under way once more.
    pub fn again(&mut self) -> bool {
        let leave = self.allowance.max_requests.is_none_or(|max| self.requests < max);
        self.requests += u64::from(leave);
        leave
    }

    /// A request came to its end and cost this many tokens.
    pub fn settle(&mut self, request: &Request, tokens: u64) {
        self.aside = self.aside.saturating_sub(request.most_tokens());
        self.under_way = self.under_way.saturating_sub(1);
        self.tokens = self.tokens.saturating_add(tokens);
    }

    /// Requests and tokens of this run so far.
    pub const fn spent(&self) -> (u64, u64) {
        (self.requests, self.tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(text: &str, max: u64) -> Request {
        Request::new(json!({"messages": [{"role": "user", "content": text}], "max_tokens": max}), 0)
    }

    #[test]
    fn a_request_is_known_by_its_body_and_draw() {
        let body = json!({"a": 1});
        assert_eq!(Request::new(body.clone(), 0), Request::new(body.clone(), 0));
        assert_ne!(Request::new(body.clone(), 0).key, Request::new(body, 1).key);
    }

    #[test]
    fn both_kinds_of_recordings_are_read() {
        let body = "{\"key\":\"k1\",\"answer\":\"x\"}\n\n{\"custom_id\":\"k2\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[{\"message\":{\"content\":\"y\"}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}}}\n{\"custom_id\":\"k3\",\"response\":null}";
        let recording = Recording::read("f", body).unwrap();
        assert_eq!(recording.len(), 2);
        assert_eq!(recording.get("k2").map(Entry::tokens), Some(7));
        assert!(Recording::read("f", "{}\n").unwrap_err().to_string().starts_with("f:1: "));
    }

    #[test]
    fn failures_cost_and_answer_nothing() {
        let lines = "{\"key\":\"k\",\"requests\":3}\n{\"key\":\"k\",\"answer\":\"a\",\"requests\":1,\"prompt_tokens\":2,\"completion_tokens\":5}\n{\"key\":\"k\",\"answer\":\"b\",\"requests\":1}\n{\"key\":";
        let (ledger, whole) = Ledger::read("f", lines.as_bytes()).unwrap();
        assert_eq!(ledger.get("k").and_then(|e| e.answer.as_deref()), Some("a"));
        assert_eq!((ledger.totals().requests, ledger.totals().answers), (5, 2));
        assert_eq!(whole, lines.len() - "{\"key\":".len());
    }

    #[test]
    fn a_budget_is_never_overdrawn_by_what_is_under_way() {
        let mut budget = Budget::new(Allowance { max_requests: None, max_tokens: Some(100) });
        let (a, b) = (request("四个字吗", 56), request("四个字吗", 56));
        assert_eq!(budget.admit(&a), Admission::Go);
        assert_eq!(budget.admit(&b), Admission::Wait);
        budget.settle(&a, 30);
        assert_eq!(budget.admit(&b), Admission::Go);
        budget.settle(&b, 60);
        assert_eq!(budget.admit(&a), Admission::Spent);
        assert_eq!(budget.spent(), (2, 90));
        let mut two = Budget::new(Allowance { max_requests: Some(2), max_tokens: None });
        assert_eq!(two.admit(&a), Admission::Go);
        assert!(two.again() && !two.again());
        assert_eq!(two.admit(&b), Admission::Spent);
    }
}
