//! Any HTTP interface, by a template and the place of the answer.

use super::body::{self, estimate, usage, words};
use super::template::{Filling, json_escaped, percent_escaped};
use super::{Failure, Kind, Target};
use crate::turn::{Reply, Turn};

pub(super) async fn ask(target: &Target, turns: &[Turn]) -> Result<Reply, Failure> {
    let Kind::Http { url, method, headers, body, answer, sse } = &target.spec.kind else {
        return Err(Failure::Unsendable("this is no HTTP target".to_owned()));
    };
    if turns.iter().any(|t| !t.files.is_empty()) {
        return Err(Failure::Unsendable("an HTTP target by template takes no files".to_owned()));
    }
    let filling = Filling::of(target.spec.system.as_deref(), turns);
    let method = reqwest::Method::from_bytes(method.as_bytes())
        .map_err(|_| Failure::Unsendable(format!("its method {method:?} is none")))?;
    let mut call = target.client.request(method, filling.fill(url, percent_escaped));
    let mut typed = false;
    for (name, value) in headers {
        typed |= name.eq_ignore_ascii_case("content-type");
        call = call.header(name, value);
    }
    if let Some(key) = &target.key
        && !headers.keys().any(|n| n.eq_ignore_ascii_case("authorization"))
    {
        call = call.bearer_auth(key);
    }
    if let Some(body) = body {
        // A form has its own escaping, everything that begins like JSON has JSON's, and plain text has none.
        let form = headers.iter().any(|(n, v)| n.eq_ignore_ascii_case("content-type") && v.contains("form-urlencoded"));
        let json = body.trim_start().starts_with(['{', '[']);
        let filled = if form {
            filling.fill(body, percent_escaped)
        } else if json {
            filling.fill(body, json_escaped)
        } else {
            filling.fill(body, str::to_owned)
        };
        if json && !typed {
            call = call.header("content-type", "application/json");
        }
        call = call.body(filled);
    }
    let fetched = body::fetch(call, target.key.as_deref()).await?;
    let sent = turns.iter().map(|t| estimate(&t.text)).sum();
    let text = if let Some(code) = fetched.stopped.clone() {
        let usage = usage(None, ("", ""), sent, "");
        return Ok(Reply { text: String::new(), stopped: Some(code), usage, took: fetched.took });
    } else if *sse {
        let mut text = String::new();
        for event in fetched.events()? {
            match (answer, serde_json::from_str::<serde_json::Value>(&event)) {
                (Some(path), Ok(value)) => text.push_str(&body::at(&value, path).and_then(words).unwrap_or_default()),
                (Some(_), Err(e)) => return Err(Failure::Garbled(format!("an event of its stream is no JSON: {e}"))),
                (None, _) => text.push_str(&event),
            }
        }
        text
    } else if let Some(path) = answer {
        let value = fetched.json()?;
        body::at(&value, path)
            .and_then(words)
            .ok_or_else(|| Failure::Garbled(format!("it holds no text at {path}; correct `answer` of the target")))?
    } else {
        String::from_utf8_lossy(&fetched.bytes).into_owned()
    };
    let usage = usage(None, ("", ""), sent, &text);
    Ok(Reply { text, stopped: fetched.guarded, usage, took: fetched.took })
}
