//! CEL where a table of conditions is not enough: compiled at load, tried on a sample, evaluated on bounded input.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, Program, Value};
use menshen_verdict::{
    Attachment, Attack, Conversation, Family, Finding, Intent, Level, Media, Risk, Role, Scored, Sentiment, Span,
    Topic, Unavailable, Verdict,
};

use crate::decide::{Question, Subject};
use crate::facts::{Facts, Lens};

/// The longest expression, in bytes.
const MAX_EXPRESSION_BYTES: usize = 1_000;
/// The deepest nesting of brackets.
const MAX_DEPTH: usize = 16;
/// How many loops (`all`, `exists`, `map`, `filter`, …) one expression holds at most: cost grows with the findings to
/// the power of the loops that are nested.
const MAX_LOOPS: usize = 2;
/// How many findings, the highest scores first, an expression sees.
const MAX_FINDINGS: usize = 64;
/// The longest string that an expression sees, in bytes; ids come from clients.
const MAX_STRING_BYTES: usize = 256;

/// The variables that an expression may name, with their types. The documentation's table.
pub const VARIABLES: &[(&str, &str)] = &[
    ("side", "string: input, output or tool"),
    ("risk", "map: risk.score (double), risk.topics (map of all 31 ids to double)"),
    (
        "attack",
        "map: attack.score (double), attack.classes (map of all 19 ids and setting, encoding, hijacking to double)",
    ),
    ("level", "string: none, related, risky, or \"\" when not judged"),
    ("intent", "string: knowledge, professional, help, other, malicious, or \"\""),
    ("topic", "string: a topic id, or \"\""),
    ("sentiment", "string: negative, neutral, positive, or \"\""),
    ("answer", "map: answer.unsafe and answer.refusal (double), -1.0 when not judged"),
    (
        "findings",
        "list of at most 64 maps, highest score first: detector, label, family, score, risk, attack, role, segment",
    ),
    ("app", "string"),
    ("tenant", "string"),
    ("user", "string, \"\" when unknown"),
    ("tier", "string, \"\" when unknown"),
    ("scene", "string, \"\" without one"),
    ("minor", "bool"),
    ("guided", "bool: whether this is the second look at a guided answer"),
    ("lang", "string: zh or en"),
    ("unavailable", "list of strings: detectors that could not do their work"),
    ("attachments", "list of strings: image, audio, video, file"),
    ("roles", "map: number of segments (int) by role: system, user, assistant, tool"),
    ("turns", "int: number of user messages"),
    ("chars", "int: characters in the whole conversation"),
];

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// An evaluation went wrong. The text is for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) String);

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Expression {
    program: Program,
}

/// Variables for one look at the facts, built when the first expression asks.
#[derive(Default)]
pub(crate) struct Lazy(OnceCell<Context<'static, 'static>>);

impl Lazy {
    pub(crate) fn get(&self, facts: &Facts<'_>) -> &Context<'static, 'static> {
        self.0.get_or_init(|| context(facts))
    }
}

impl Expression {
    /// Compiles an expression and tries it on a sample.
    ///
    /// # Errors
    /// What is wrong and a remedy.
    pub(crate) fn compile(source: &str) -> Result<Self, (String, String)> {
        bounds(source)?;
        let program = match catch_unwind(AssertUnwindSafe(|| ENVIRONMENT.compile(source))) {
            Ok(Ok(program)) => program,
            Ok(Err(errors)) => {
                let what = match errors.errors.first() {
                    Some(e) if e.pos.0 > 0 => format!("{} at {}:{} of the expression", e.msg, e.pos.0, e.pos.1),
                    Some(e) => e.msg.clone(),
                    None => "syntax error".to_owned(),
                };
                return Err((format!("bad CEL: {what}"), "see the expression syntax in FORMAT.md".to_owned()));
            }
            Err(_) => return Err(("bad CEL: the parser gave up".to_owned(), "simplify the expression".to_owned())),
        };
        let unknown = unknown_variables(&program, source);
        if let Some(name) = unknown.first() {
            let names: Vec<&str> = VARIABLES.iter().map(|(n, _)| *n).collect();
            let remedy = match crate::diagnostic::nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known variables: {}", names.join(", ")),
            };
            return Err((format!("bad CEL: unknown variable `{name}`"), remedy));
        }
        let expression = Expression { program };
        with_sample(|facts| expression.holds(&context(facts))).map_err(|Failure(why)| {
            (format!("bad CEL: {why}"), "guard what may be absent; compare like with like".to_owned())
        })?;
        Ok(expression)
    }

    /// Evaluates to true or false, or says why it could not.
    pub(crate) fn holds(&self, context: &Context<'_, '_>) -> Result<bool, Failure> {
        match catch_unwind(AssertUnwindSafe(|| self.program.execute(context))) {
            Ok(Ok(Value::Bool(b))) => Ok(b),
            Ok(Ok(other)) => Err(Failure(format!("the expression is {:?}, not true or false", other.type_of()))),
            Ok(Err(error)) => Err(Failure(shorten(&error.to_string(), MAX_STRING_BYTES).to_owned())),
            Err(_) => Err(Failure("the evaluator gave up".to_owned())),
        }
    }
}

fn bounds(source: &str) -> Result<(), (String, String)> {
    if source.len() > MAX_EXPRESSION_BYTES {
        let message = format!("the expression has {} bytes, more than {MAX_EXPRESSION_BYTES}", source.len());
        return Err((message, "split the rule".to_owned()));
    }
    let mut depth = 0_usize;
    for c in source.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err((format!("brackets nest deeper than {MAX_DEPTH}"), "split the rule".to_owned()));
        }
    }
    let loops: usize =
        [".all(", ".exists(", ".exists_one(", ".map(", ".filter("].iter().map(|m| source.matches(m).count()).sum();
    if loops > MAX_LOOPS {
        return Err((format!("{loops} loops, more than {MAX_LOOPS}"), "split the rule".to_owned()));
    }
    // Runs of unary or infix operators make the parser recurse as brackets do.
    if source.contains("!!!!") || source.contains("----") || source.matches('?').count() > 8 {
        return Err(("operators nest too deep".to_owned(), "split the rule".to_owned()));
    }
    Ok(())
}

/// Variables that are neither ours nor bound by a loop within the expression.
fn unknown_variables(program: &Program, source: &str) -> Vec<String> {
    let bound = loop_variables(source);
    let references = program.references();
    let mut unknown: Vec<String> = references
        .variables()
        .into_iter()
        .filter(|v| !v.starts_with('@') && !v.starts_with("__") && !bound.contains(v))
        .filter(|v| !VARIABLES.iter().any(|(name, _)| name == v))
        .filter(|v| {
            !["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"].contains(v)
        })
        .map(str::to_owned)
        .collect();
    unknown.sort();
    unknown
}

fn loop_variables(source: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for name in [".all(", ".exists(", ".exists_one(", ".map(", ".filter("] {
        for (at, _) in source.match_indices(name) {
            if let Some((variable, _)) = source[at + name.len()..].split_once(',') {
                names.push(variable.trim());
            }
        }
    }
    names
}

fn shorten(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    &text[..end]
}

fn string(text: &str) -> Value {
    Value::from(shorten(text, MAX_STRING_BYTES))
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::from(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<HashMap<String, Value>>())
}

/// A score as people write it: `0.8_f32` is `0.8`, not `0.800000011920929`.
fn score(score: f32) -> Value {
    Value::Float((f64::from(score) * 1e6).round() / 1e6)
}

fn context(facts: &Facts<'_>) -> Context<'static, 'static> {
    let question = facts.question;
    let subject = question.subject;
    let conversation = question.conversation;
    let mut context = Context::with_env(ENVIRONMENT.clone());
    let topics: HashMap<&str, Value> = Risk::ALL.iter().map(|r| (r.id(), score(facts.risks[r.index()]))).collect();
    let mut classes: HashMap<&str, Value> =
        Attack::ALL.iter().map(|a| (a.id(), score(facts.attacks[a.index()]))).collect();
    for class in menshen_verdict::AttackClass::ALL {
        let members = Attack::ALL.iter().filter(|a| a.class() == *class);
        classes.insert(class.id(), score(members.map(|a| facts.attacks[a.index()]).fold(0.0, f32::max)));
    }
    let mut findings = facts.findings.clone();
    findings.sort_by(|a, b| b.score.total_cmp(&a.score).then((a.segment, a.span).cmp(&(b.segment, b.span))));
    findings.truncate(MAX_FINDINGS);
    let findings: Vec<Value> = findings.into_iter().map(|f| finding(f, conversation)).collect();
    let mut set = |name: &str, value: Value| context.add_variable_from_value(name, value);
    set("side", string(question.side.id()));
    set("risk", map([("score", score(facts.risk_score)), ("topics", Value::from(topics))]));
    set("attack", map([("score", score(facts.attack_score)), ("classes", Value::from(classes))]));
    set("level", string(facts.level.map_or("", Level::id)));
    set("intent", string(facts.intent.map_or("", |(i, _)| i.id())));
    set("topic", string(facts.topic.map_or("", |(t, _)| t)));
    set("sentiment", string(facts.sentiment.map_or("", Sentiment::id)));
    set(
        "answer",
        map([
            ("unsafe", score(facts.unsafe_answer.unwrap_or(-1.0))),
            ("refusal", score(facts.refusal.unwrap_or(-1.0))),
        ]),
    );
    set("findings", Value::from(findings));
    set("app", string(&subject.app));
    set("tenant", string(&subject.tenant));
    set("user", string(subject.user.as_deref().unwrap_or_default()));
    set("tier", string(subject.tier.as_deref().unwrap_or_default()));
    set("scene", string(question.scene().unwrap_or_default()));
    set("minor", Value::Bool(subject.minor));
    set("guided", Value::Bool(question.guided));
    set("lang", string(question.language().id()));
    set(
        "unavailable",
        Value::from(
            question.verdict.unavailable.iter().take(MAX_FINDINGS).map(|u| string(&u.detector)).collect::<Vec<_>>(),
        ),
    );
    set(
        "attachments",
        Value::from(
            conversation.attachments.iter().take(MAX_FINDINGS).map(|a| string(media_id(a.media))).collect::<Vec<_>>(),
        ),
    );
    let count = |role: Role| Value::Int(i64_of(conversation.segments.iter().filter(|s| s.role == role).count()));
    set("roles", map([Role::System, Role::User, Role::Assistant, Role::Tool].map(|r| (r.id(), count(r)))));
    let mut turns: Vec<usize> =
        conversation.segments.iter().filter(|s| s.role == Role::User).map(|s| s.message).collect();
    turns.dedup();
    set("turns", Value::Int(i64_of(turns.len())));
    set("chars", Value::Int(i64_of(conversation.segments.iter().map(|s| s.text.chars().count()).sum())));
    context
}

fn finding(finding: &Finding, conversation: &Conversation) -> Value {
    let role = conversation.segments.get(finding.segment).map_or("", |s| s.role.id());
    map([
        ("detector", string(&finding.detector)),
        ("label", string(&finding.label)),
        ("family", string(family_id(finding.family))),
        ("score", score(finding.score)),
        ("risk", string(finding.risk.map_or("", Risk::id))),
        ("attack", string(finding.attack.map_or("", Attack::id))),
        ("role", string(role)),
        ("segment", Value::Int(i64_of(finding.segment))),
    ])
}

fn i64_of(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(crate) const fn media_id(media: Media) -> &'static str {
    match media {
        Media::Image => "image",
        Media::Audio => "audio",
        Media::Video => "video",
        Media::File => "file",
    }
}

pub(crate) const FAMILIES: &[Family] = &[
    Family::Keyword,
    Family::Grey,
    Family::Pii,
    Family::Secret,
    Family::Attack,
    Family::UnsafeOutput,
    Family::Leak,
    Family::Cue,
    Family::Model,
    Family::External,
];

pub(crate) const fn family_id(family: Family) -> &'static str {
    family.id()
}

/// Runs a check on a verdict in which everything is filled in.
fn with_sample<T>(check: impl FnOnce(&Facts<'_>) -> T) -> T {
    let mut verdict = Verdict::default();
    verdict.labels.note_risk(Risk::A1a, 0.9);
    verdict.labels.note_attack(Attack::H1, 0.9);
    verdict.labels.level = Some(Scored::new(Level::Risky, 0.9));
    verdict.labels.intent = Some(Scored::new(Intent::Malicious, 0.9));
    verdict.labels.topic = Some(Scored::new(Topic::new("health.medicine"), 0.9));
    verdict.labels.sentiment = Some(Scored::new(Sentiment::Negative, 0.9));
    verdict.labels.unsafe_answer = Some(0.9);
    verdict.labels.refusal = Some(0.1);
    let mut finding = Finding::new("pii.cn.mobile", "mobile", Family::Pii, Span::new(0, 1), 0.9);
    finding.risk = Some(Risk::A4f);
    finding.attack = Some(Attack::H1);
    verdict.findings.push(finding);
    verdict.unavailable.push(Unavailable { detector: "judge.sample".into(), reason: String::new() });
    let mut conversation = Conversation::of_text(Role::User, "sample");
    conversation.attachments.push(Attachment {
        path: String::new(),
        role: Role::User,
        media: Media::Image,
        source: None,
    });
    let subject = Subject {
        app: "app".to_owned(),
        tenant: "tenant".to_owned(),
        user: Some("user".to_owned()),
        tier: Some("tier".to_owned()),
        scene: Some("scene".to_owned()),
        minor: true,
    };
    let question = Question::new(menshen_verdict::Side::Input, &conversation, &verdict, &subject);
    check(&Facts::new(&question, Lens::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// Whatever is written, compiling ends with an expression or a reason; an expression that compiled evaluates.
        #[test]
        fn any_text_is_an_expression_or_a_reason(parts in proptest::collection::vec(proptest::sample::select(vec![
            "risk", ".score", "findings", ".exists(f, ", "f.score", " > ", "0.5", "'x'", "(", ")", "[", "]", "{", "}", "!", "-", "?", ":",
            " && ", " || ", " in ", ".matches(", "size(", "\"", "'", "\\", "0x", "1u", "9999999999999999999", " ", ",", "险", "null", "b'", "//", "\n", "has(", ".all(x, ",
        ]), 0..40)) {
            let source = parts.concat();
            match Expression::compile(&source) {
                Ok(expression) => with_sample(|facts| { let _ = expression.holds(&context(facts)); }),
                Err((message, remedy)) => assert!(!message.is_empty() && !remedy.is_empty()),
            }
        }
    }

    #[test]
    fn what_nests_without_brackets_is_bounded_too() {
        for unit in ["! ", "- ", "true ? ", "1 + ", "a.", "true && "] {
            let _ = Expression::compile(&unit.repeat(MAX_EXPRESSION_BYTES / unit.len()));
        }
    }

    fn sample(source: &str) -> Result<bool, (String, String)> {
        let expression = Expression::compile(source)?;
        with_sample(|facts| expression.holds(&context(facts))).map_err(|Failure(why)| (why, String::new()))
    }

    #[test]
    fn every_variable_has_its_documented_shape() {
        for (source, expected) in [
            ("side == 'input'", true),
            ("risk.score > 0.8 && risk.topics.A1a == 0.9 && risk.topics['A5b'] == 0.0", true),
            ("attack.classes.hijacking == attack.classes.H1 && attack.classes.setting == 0.0", true),
            (
                "level == 'risky' && intent == 'malicious' && topic.startsWith('health') && sentiment == 'negative'",
                true,
            ),
            ("answer.unsafe > 0.8 && answer.refusal < 0.5", true),
            ("findings.exists(f, f.family == 'pii' && f.label == 'mobile' && f.score > 0.5 && f.role == 'user')", true),
            ("size(findings) > 1", false),
            ("app == 'app' && tenant == 'tenant' && user != '' && tier == 'tier' && scene == 'scene'", true),
            ("minor && !guided && lang == 'en'", true),
            ("'judge.sample' in unavailable && 'image' in attachments", true),
            ("roles.user == 1 && roles.tool == 0 && turns == 1 && chars == 6", true),
            ("app.matches('^a.p$')", true),
        ] {
            assert_eq!(sample(source), Ok(expected), "{source}");
        }
    }

    #[test]
    fn bad_expressions_are_refused_with_a_reason() {
        for (source, reason) in [
            ("risk.score >", "bad CEL"),
            ("riskk.score > 0.5", "unknown variable `riskk`"),
            ("risk.score", "not true or false"),
            ("risk.scor > 0.5", "No such key"),
            ("size(side, 3) > 1", "bad CEL"),
            ("level > 3", "bad CEL"),
            ("findings.all(a, findings.all(b, findings.all(c, a == b && b == c)))", "loops"),
            (&"(".repeat(200), "nest deeper"),
            (&"a".repeat(2_000), "bytes"),
        ] {
            let (message, remedy) = Expression::compile(source).map(|_| ()).unwrap_err();
            assert!(message.contains(reason), "{source} → {message}");
            assert!(!remedy.is_empty());
        }
        let (_, remedy) = Expression::compile("riskk.score > 0.5").map(|_| ()).unwrap_err();
        assert_eq!(remedy, "did you mean `risk`?");
    }
}
