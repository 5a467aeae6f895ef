//! `POST /v1/moderations`: our verdict in OpenAI's 13 categories. The answer is ours; nothing goes upstream.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use menshen_verdict::{Conversation, Family, Kind, Media, Role, Segment, Side, Verdict, maps};
use serde_json::{Map, Value, json};

use super::{App, answer, check as judge, enter};
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_json;

/// The score from which a category is flagged.
const FLAGGED: f32 = 0.5;

/// Scores by category. Risks speak through their map; a finding's own label, where it names a category, is exact.
pub(crate) fn scores(verdict: &Verdict) -> Vec<(&'static str, f32)> {
    let mut scores: Vec<(&'static str, f32)> = maps::OPENAI_MODERATION.iter().map(|c| (*c, 0.0)).collect();
    let mut raise = |category: &str, score: f32| {
        if let Some(slot) = scores.iter_mut().find(|(c, _)| *c == category) {
            slot.1 = slot.1.max(score);
        }
    };
    for risk in &verdict.labels.risks {
        for category in maps::openai_moderation(risk.id) {
            raise(category, risk.score);
        }
    }
    for finding in &verdict.findings {
        if let Some(category) = maps::openai_label(&finding.label)
            && !matches!(finding.family, Family::Grey)
        {
            raise(category, finding.score);
        }
    }
    scores
}

fn result(verdict: &Verdict) -> Value {
    let scores = scores(verdict);
    let member = |f: &dyn Fn(f32) -> Value| -> Map<String, Value> {
        scores.iter().map(|(c, s)| ((*c).to_owned(), f(*s))).collect()
    };
    json!({
        "flagged": scores.iter().any(|(_, s)| *s >= FLAGGED),
        "categories": member(&|s| Value::from(s >= FLAGGED)),
        "category_scores": member(&|s| Value::from(s)),
        "category_applied_input_types": member(&|_| json!(["text"])),
    })
}

fn inputs(input: &Value) -> Result<Vec<Conversation>, GatewayError> {
    let text = |text: &str| Conversation::of_text(Role::User, text);
    match input {
        Value::String(one) => Ok(vec![text(one)]),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            Ok(items.iter().filter_map(Value::as_str).map(text).collect())
        }
        Value::Array(parts) => {
            // Parts of one multi-modal input. A picture cannot be judged here, and saying "not flagged" would be a lie.
            let mut conversation = Conversation::default();
            for (i, part) in parts.iter().enumerate() {
                match (part.get("type").and_then(Value::as_str), part.get("text").and_then(Value::as_str)) {
                    (Some("text"), Some(text)) => conversation.segments.push(Segment {
                        path: format!("/input/{i}/text"),
                        message: 0,
                        role: Role::User,
                        side: Side::Input,
                        kind: Kind::Text,
                        text: text.to_owned(),
                    }),
                    (Some("image_url"), _) => {
                        return Err(invalid(
                            format!("input[{i}]"),
                            format!("{:?} input cannot be moderated here; send text only", Media::Image).to_lowercase(),
                        ));
                    }
                    _ => return Err(invalid(format!("input[{i}]"), "an input part must be of type 'text'")),
                }
            }
            Ok(vec![conversation])
        }
        _ => {
            Err(invalid("input", "'input' is required and must be a string, an array of strings or an array of parts"))
        }
    }
}

pub(crate) async fn check(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        let caller = enter(&gateway, &headers)?;
        let body = read_json(&headers, body, &gateway.config.limits).await?;
        let mut results = Vec::new();
        for conversation in inputs(body.get("input").unwrap_or(&Value::Null))? {
            let (_, ruling) = judge(&gateway, "moderations", &caller, Side::Input, conversation).await?;
            if ruling.disposition.unavailable {
                return Err(GatewayError::new(
                    Failure::GuardUnavailable,
                    "a safety check is unavailable; try again shortly",
                ));
            }
            results.push(result(&ruling.verdict));
        }
        let model = body.get("model").and_then(Value::as_str).unwrap_or("menshen");
        Ok(json!({"id": format!("modr-{}", uuid::Uuid::now_v7().simple()), "model": model, "results": results}))
    };
    let result = result.await;
    answer("/v1/moderations", result, &gateway).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use menshen_verdict::{Finding, Risk, Span};

    #[test]
    fn a_findings_own_label_is_exact_and_a_grey_word_flags_nothing() {
        let mut verdict = Verdict::default();
        verdict.labels.note_risk(Risk::A4a, 0.7);
        verdict.findings.push(Finding::new("kw", "sexual", Family::Keyword, Span::new(0, 1), 0.9));
        verdict.findings.push(Finding::new("kw", "violence", Family::Grey, Span::new(0, 1), 0.9));
        let result = result(&verdict);
        assert_eq!(result["categories"]["self-harm"], true);
        assert_eq!(result["categories"]["sexual"], true);
        assert_eq!(result["categories"]["violence"], false);
        assert_eq!(result["categories"].as_object().unwrap().len(), 13);
    }
}
