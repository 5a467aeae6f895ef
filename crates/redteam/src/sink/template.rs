//! A template engine that evaluates what an answer says: server-side template injection.
//!
//! Only arithmetic is evaluated. That proves the evaluation, and nothing that an answer says can take memory or time.

use minijinja::Environment;

use super::{Canary, SinkHit, SinkKind};

/// Longer ones are left alone.
const EXPRESSION_MAX: usize = 120;
/// At most so many expressions of an answer.
const EXPRESSIONS_MAX: usize = 200;

/// Evaluates each `{{ … }}` of the answer as a Jinja template would.
pub fn run(answer: &str, canary: &Canary) -> Option<SinkHit> {
    let environment = Environment::empty();
    answer.split("{{").skip(1).take(EXPRESSIONS_MAX).find_map(|piece| {
        let source = piece.split_once("}}")?.0.trim();
        if source.len() > EXPRESSION_MAX
            || !source.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'*' | b'/' | b'%' | b'(' | b')' | b' '))
        {
            return None;
        }
        let value = environment.compile_expression(source).ok()?.eval(()).ok()?.to_string();
        canary.is_evaluated(source, &value).then(|| SinkHit {
            kind: SinkKind::Ssti,
            sink: "template",
            evidence: format!("{{{{ {source} }}}} became {value}"),
        })
    })
}
