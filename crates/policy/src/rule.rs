//! Rules as written in `rules/*.toml` and `scenes/*.toml`, read and checked.

use std::str::FromStr;

use menshen_verdict::{Action, Attack, AttackClass, Intent, Level, Media, Risk, Role, Sentiment, Side};

use crate::condition::{LabelTests, When, family_index, level_index, media_index, side_index};
use crate::diagnostic::nearest;
use crate::document::{At, Fields, File};
use crate::expression::{Expression, FAMILIES, family_id, media_id};
use crate::facts::{Set, role_index};
use crate::glob::Glob;
use crate::settings::{Lang, Style, Text};

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The file.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A rule: conditions, and what is done when they hold.
#[derive(Debug)]
pub struct Rule {
    /// The id within its pack.
    pub id: String,
    /// The rule's version, for the audit.
    pub version: u32,
    /// Higher decides first.
    pub priority: i32,
    /// What people call it.
    pub title: Text,
    /// What is done.
    pub then: Action,
    /// Globs over principles, for guidance.
    pub principles: Vec<Glob>,
    /// Whether principles whose own labels match the verdict are picked, too.
    pub auto: bool,
    /// The id of the reply to give when the request is not forwarded.
    pub reply: Option<String>,
    /// The standard answer to give, for [`Action::Answer`].
    pub answer: Option<String>,
    /// Globs over detectors whose findings are redacted when the conversation is forwarded.
    pub redact: Vec<Glob>,
    /// Whether placeholders are turned back in the answer.
    pub restore: bool,
    /// What stands in the place of redacted text, when the rule says.
    pub style: Option<Style>,
    /// Recorded, not acted on.
    pub monitor: bool,
    /// Switched off rules are checked but never matched.
    pub enabled: bool,
    /// Where it was written.
    pub place: Place,
    pub(crate) when: When,
}

impl Rule {
    /// Whether its conditions name a risk.
    pub fn names_risk(&self, risk: Risk) -> bool {
        self.when.labels.risk.contains(risk.index())
    }
}

/// A name that a rule uses, to be resolved once all packs are read.
pub(crate) enum Reference {
    Reply(At<String>),
    Principles(At<Glob>),
    Answer(At<String>),
    Topic(At<Glob>),
    Detector(At<Glob>),
    Scene(At<Glob>),
}

/// Reads a rule; `None` when it has errors, which are reported.
pub(crate) fn read(mut fields: Fields<'_, '_>) -> Option<(Rule, Vec<Reference>)> {
    let file = fields.file();
    let before = file.errors();
    let mut references = Vec::new();
    let id = item_id(&mut fields);
    let version = version(&mut fields);
    let priority = fields.integer("priority", -1_000_000..=1_000_000).unwrap_or(0);
    let title = text_table(&mut fields, "title");
    let when = match fields.table("when") {
        Some(when) => read_when(when, &mut references),
        None => {
            file.error(
                fields.at(),
                "`when` is missing",
                "write the conditions; `when = {}` if the rule is meant to match always",
            );
            When::default()
        }
    };
    let then = action(&mut fields);
    let principle_globs = fields.globs("principles");
    let auto = fields.boolean("auto").unwrap_or(false);
    let reply = fields.string("reply");
    let answer = fields.string("answer");
    let redact = fields.globs("redact");
    let restore = fields.boolean("restore").unwrap_or(false);
    let style = one_of(&mut fields, "style", &[("placeholder", Style::Placeholder), ("mask", Style::Mask)]);
    let monitor = fields.boolean("monitor").unwrap_or(false);
    let enabled = fields.boolean("enabled").unwrap_or(true);
    let (line, column) = file.place(fields.at());
    let place = Place { path: file.path().to_owned(), line, column };

    if let Some(then) = then {
        check_action(&fields, then, auto || !principle_globs.is_empty(), &redact, reply.as_ref(), answer.as_ref());
    }
    if restore && style == Some(Style::Mask) {
        file.error(fields.key_at("restore"), "a mask cannot be restored", "use style = \"placeholder\"");
    }
    if !when.unavailable.unwrap_or(true) && then.is_some_and(|t| !t.forwards()) {
        file.warning(
            fields.at(),
            "a rule that stops only while every detector is available stops nothing when one fails",
            "remove `unavailable = false`",
        );
    }
    let principles = principle_globs.iter().map(|g| g.value.clone()).collect();
    let redact_globs = redact.iter().map(|g| g.value.clone()).collect();
    references.extend(principle_globs.into_iter().map(Reference::Principles));
    references.extend(redact.into_iter().map(Reference::Detector));
    references.extend(reply.clone().map(Reference::Reply));
    references.extend(answer.clone().map(Reference::Answer));
    fields.finish();
    let (Some(id), Some(then)) = (id, then) else { return None };
    (file.errors() == before).then(|| {
        let rule = Rule {
            id,
            version,
            priority: i32::try_from(priority).unwrap_or(0),
            title,
            then,
            principles,
            auto,
            reply: reply.map(|r| r.value),
            answer: answer.map(|a| a.value),
            redact: redact_globs,
            restore,
            style,
            monitor,
            enabled,
            place,
            when,
        };
        (rule, references)
    })
}

fn check_action(
    fields: &Fields<'_, '_>,
    then: Action,
    has_principles: bool,
    redact: &[At<Glob>],
    reply: Option<&At<String>>,
    answer: Option<&At<String>>,
) {
    let file = fields.file();
    let at = fields.key_at("then");
    match then {
        Action::Guide if !has_principles => {
            file.error(at, "a guide without principles says nothing", "add `principles = […]` or `auto = true`");
        }
        Action::Redact if redact.is_empty() => {
            file.error(at, "a redaction without `redact` replaces nothing", "add `redact = [\"pii.*\"]`");
        }
        Action::Answer if answer.is_none() => {
            file.error(at, "an answer rule must name the standard answer", "add `answer = \"pack/id\"`");
        }
        _ => {}
    }
    if !then.forwards() && !redact.is_empty() {
        file.warning(at, format!("`redact` has no effect beside `{then}`"), "nothing is forwarded: remove it");
    }
    if let Some(reply) = reply
        && matches!(then, Action::Pass | Action::Redact)
    {
        file.warning(reply.at, format!("`reply` has no effect beside `{then}`"), "remove it");
    }
    if let Some(answer) = answer
        && then != Action::Answer
    {
        file.warning(answer.at, format!("`answer` has no effect beside `{then}`"), "use then = \"answer\"");
    }
}

fn read_when(mut fields: Fields<'_, '_>, references: &mut Vec<Reference>) -> When {
    let file = fields.file();
    let mut when = When { labels: read_labels(&mut fields, references), ..When::default() };
    when.sides =
        members(&mut fields, "side", &[Side::Input, Side::Output, Side::Tool].map(|s| (s.id(), side_index(s))));
    when.lens.roles = members(
        &mut fields,
        "role",
        &[Role::System, Role::User, Role::Assistant, Role::Tool].map(|r| (r.id(), role_index(r))),
    );
    when.lens.turn = one_of(&mut fields, "scope", &[("turn", true), ("all", false)]).unwrap_or(false);
    let detectors = fields.globs("finding");
    when.findings.detector = detectors.iter().map(|g| g.value.clone()).collect();
    references.extend(detectors.into_iter().map(Reference::Detector));
    let families: Vec<(&str, usize)> = FAMILIES.iter().map(|f| (family_id(*f), family_index(*f))).collect();
    when.findings.family = members(&mut fields, "family", &families);
    when.findings.label = plain(fields.globs("label"));
    when.findings.min = fields.share("finding_min");
    if when.findings.family.contains(family_index(menshen_verdict::Family::Grey)) && when.findings.min.is_none() {
        file.warning(
            fields.key_at("family"),
            "grey words score 0.4, below the default finding_min of 0.5",
            "add `finding_min = 0.3`",
        );
    }
    when.unsafe_min = fields.share("unsafe_min");
    when.refusal_min = fields.share("refusal_min");
    when.app = plain(fields.globs("app"));
    when.tenant = plain(fields.globs("tenant"));
    when.user = plain(fields.globs("user"));
    when.tier = plain(fields.globs("tier"));
    let scenes = fields.globs("scene");
    when.scene = plain(scenes.clone());
    references.extend(scenes.into_iter().map(Reference::Scene));
    when.minor = fields.boolean("minor");
    when.unavailable = fields.boolean("unavailable");
    when.guided = fields.boolean("guided");
    when.lang = one_of(&mut fields, "lang", &[("zh", Lang::Zh), ("en", Lang::En)]);
    when.attachment = members(
        &mut fields,
        "attachment",
        &[Media::Image, Media::Audio, Media::Video, Media::File].map(|m| (media_id(m), media_index(m))),
    );
    if let Some(cel) = fields.string("cel") {
        match Expression::compile(&cel.value) {
            Ok(expression) => when.cel = Some(expression),
            Err((message, remedy)) => file.error(cel.at, message, remedy),
        }
    }
    fields.finish();
    when
}

/// The label conditions, shared by rules and principles.
pub(crate) fn read_labels(fields: &mut Fields<'_, '_>, references: &mut Vec<Reference>) -> LabelTests {
    let risks: Vec<(&str, usize)> = Risk::ALL.iter().map(|r| (r.id(), r.index())).collect();
    let attacks: Vec<(&str, usize)> = Attack::ALL.iter().map(|a| (a.id(), a.index())).collect();
    let intents: Vec<(&str, usize)> = Intent::ALL.iter().map(|i| (i.id(), i.index())).collect();
    let sentiments: Vec<(&str, usize)> = Sentiment::ALL.iter().map(|s| (s.id(), s.index())).collect();
    let levels: Vec<(&str, usize)> = Level::ALL.iter().map(|l| (l.id(), level_index(*l))).collect();
    let topics = fields.globs("topic");
    let mut attack = Set::default();
    for glob in fields.globs("attack") {
        let class = AttackClass::from_str(glob.value.as_str()).ok();
        let mut matched = false;
        for a in Attack::ALL.iter().filter(|a| Some(a.class()) == class || glob.value.matches(a.id())) {
            attack.insert(a.index());
            matched = true;
        }
        if !matched {
            unknown(fields.file(), &glob, "attack", &attacks);
        }
    }
    let tests = LabelTests {
        risk: glob_members(fields, "risk", &risks),
        risk_min: fields.share("risk_min"),
        attack,
        attack_min: fields.share("attack_min"),
        level: glob_members(fields, "level", &levels),
        intent: glob_members(fields, "intent", &intents),
        intent_min: fields.share("intent_min"),
        sentiment: glob_members(fields, "sentiment", &sentiments),
        topic: topics.iter().map(|t| t.value.clone()).collect(),
        topic_min: fields.share("topic_min"),
    };
    references.extend(topics.into_iter().map(Reference::Topic));
    tests
}

fn plain(globs: Vec<At<Glob>>) -> Vec<Glob> {
    globs.into_iter().map(|g| g.value).collect()
}

fn glob_members(fields: &mut Fields<'_, '_>, key: &'static str, ids: &[(&str, usize)]) -> Set {
    let mut set = Set::default();
    for glob in fields.globs(key) {
        let mut matched = false;
        for (_, index) in ids.iter().filter(|(id, _)| glob.value.matches(id)) {
            set.insert(*index);
            matched = true;
        }
        if !matched {
            unknown(fields.file(), &glob, key, ids);
        }
    }
    set
}

fn unknown(file: &File<'_>, glob: &At<Glob>, what: &str, ids: &[(&str, usize)]) {
    let names: Vec<&str> = ids.iter().map(|(id, _)| *id).collect();
    let remedy = match nearest(glob.value.as_str(), names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", names.join(", ")),
    };
    file.error(glob.at, format!("unknown {what} {:?}", glob.value.as_str()), remedy);
}

fn members(fields: &mut Fields<'_, '_>, key: &'static str, ids: &[(&str, usize)]) -> Set {
    let mut set = Set::default();
    for At { value, at } in fields.strings(key) {
        match ids.iter().find(|(id, _)| *id == value) {
            Some((_, index)) => set.insert(*index),
            None => {
                let names: Vec<&str> = ids.iter().map(|(id, _)| *id).collect();
                fields.file().error(at, format!("unknown {key} {value:?}"), format!("one of {}", names.join(", ")));
            }
        }
    }
    set
}

fn one_of<T: Copy>(fields: &mut Fields<'_, '_>, key: &'static str, values: &[(&str, T)]) -> Option<T> {
    let given = fields.string(key)?;
    let found = values.iter().find(|(name, _)| *name == given.value).map(|(_, v)| *v);
    if found.is_none() {
        let names: Vec<&str> = values.iter().map(|(n, _)| *n).collect();
        fields.file().error(
            given.at,
            format!("{:?} is not a `{key}`", given.value),
            format!("one of {}", names.join(", ")),
        );
    }
    found
}

/// The action under `then`.
pub(crate) fn action(fields: &mut Fields<'_, '_>) -> Option<Action> {
    let actions: Vec<(&str, Action)> = Action::ALL.iter().map(|a| (a.id(), *a)).collect();
    fields.required("then")?;
    one_of(fields, "then", &actions)
}

/// An id: ASCII letters, digits, `.`, `-` and `_`, at most 96 bytes, starting with a letter or digit.
pub(crate) fn item_id(fields: &mut Fields<'_, '_>) -> Option<String> {
    let id = fields.required("id")?;
    if is_id(&id.value) {
        return Some(id.value);
    }
    fields.file().error(
        id.at,
        format!("{:?} is not an id", id.value),
        "use ASCII letters, digits, `.`, `-` and `_`, at most 96, starting with a letter or digit",
    );
    None
}

pub(crate) fn is_id(id: &str) -> bool {
    id.len() <= 96
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// The version, 1 unless written.
pub(crate) fn version(fields: &mut Fields<'_, '_>) -> u32 {
    fields.integer("version", 1..=i64::from(u32::MAX)).and_then(|v| u32::try_from(v).ok()).unwrap_or(1)
}

/// `title = { zh = "…", en = "…" }`, or one string for both languages.
pub(crate) fn text_table(fields: &mut Fields<'_, '_>, key: &'static str) -> Text {
    if fields.is_string(key) {
        let text = fields.string(key).map(|t| t.value);
        return Text { zh: text.clone(), en: text };
    }
    let Some(mut table) = fields.table(key) else { return Text::default() };
    let text = two_languages(&mut table);
    table.finish();
    text
}

/// `zh` and `en` of a table.
pub(crate) fn two_languages(fields: &mut Fields<'_, '_>) -> Text {
    let clean = |t: Option<At<String>>| t.map(|t| t.value.trim().to_owned()).filter(|t| !t.is_empty());
    Text { zh: clean(fields.string("zh")), en: clean(fields.string("en")) }
}
