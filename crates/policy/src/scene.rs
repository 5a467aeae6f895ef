//! Scenes: what holds differently where minors, patients or citizens are served.

use menshen_verdict::Action;

use crate::document::{At, Fields};
use crate::glob::Glob;
use crate::rule::{Place, Reference, Rule, action, item_id, text_table};
use crate::settings::Text;

/// A scene of one pack. Packs may write scenes of the same id: all of them hold.
#[derive(Debug)]
pub struct Scene {
    /// The id, such as `minors`.
    pub id: String,
    /// The pack it comes from.
    pub pack: String,
    /// What people call it.
    pub title: Text,
    /// Packs that the scene needs.
    pub packs: Vec<String>,
    /// Changes to rules that exist.
    pub overrides: Vec<Override>,
    /// Rules that hold in this scene only.
    pub(crate) rules: Vec<std::sync::Arc<Rule>>,
}

/// A change to one rule within a scene: what is written replaces, what is not stays.
#[derive(Debug, Clone, Default)]
pub struct Override {
    /// The rule, as `pack/rule`.
    pub rule: String,
    /// What is done instead.
    pub then: Option<Action>,
    /// The reply to give instead.
    pub reply: Option<String>,
    /// Principles instead of the rule's.
    pub principles: Option<Vec<Glob>>,
    /// Another priority.
    pub priority: Option<i32>,
    /// Monitor mode on or off.
    pub monitor: Option<bool>,
    /// Switched on or off.
    pub enabled: Option<bool>,
    /// Where it was written.
    pub place: Place,
}

/// A scene as read, with what is still to be resolved.
pub(crate) struct Read {
    pub(crate) scene: Scene,
    pub(crate) references: Vec<Reference>,
    pub(crate) rule_references: Vec<At<String>>,
    pub(crate) pack_references: Vec<At<String>>,
    /// Byte offsets of the scene's own rules, for complaints about duplicates.
    pub(crate) rule_places: Vec<usize>,
}

/// Reads a scene; `None` when its head has errors. Rules and overrides with errors are left out alone.
pub(crate) fn read(mut fields: Fields<'_, '_>, pack: &str) -> Option<Read> {
    let id = item_id(&mut fields);
    let title = text_table(&mut fields, "title");
    let packs = fields.strings("packs");
    let mut references = Vec::new();
    let mut rule_references = Vec::new();
    let mut overrides = Vec::new();
    for entry in fields.tables("overrides") {
        overrides.extend(read_override(entry, pack, &mut references, &mut rule_references));
    }
    let mut rules = Vec::new();
    let mut rule_places = Vec::new();
    for entry in fields.tables("rule") {
        let at = entry.at();
        if let Some((rule, names)) = crate::rule::read(entry) {
            references.extend(names);
            rules.push(std::sync::Arc::new(rule));
            rule_places.push(at);
        }
    }
    fields.finish();
    let pack_names = packs.iter().map(|p| p.value.clone()).collect();
    let scene = Scene { id: id?, pack: pack.to_owned(), title, packs: pack_names, overrides, rules };
    Some(Read { scene, references, rule_references, pack_references: packs, rule_places })
}

fn read_override(
    mut fields: Fields<'_, '_>,
    pack: &str,
    references: &mut Vec<Reference>,
    rule_references: &mut Vec<At<String>>,
) -> Option<Override> {
    let file = fields.file();
    let before = file.errors();
    let rule = fields.required("rule");
    let mut change = Override::default();
    if fields.is_string("then") {
        change.then = action(&mut fields);
    } else {
        let _ = fields.string("then");
    }
    let reply = fields.string("reply");
    change.reply = reply.as_ref().map(|r| r.value.clone());
    let principles = fields.globs("principles");
    if !principles.is_empty() {
        change.principles = Some(principles.iter().map(|p| p.value.clone()).collect());
    }
    change.priority = fields.integer("priority", -1_000_000..=1_000_000).and_then(|p| i32::try_from(p).ok());
    change.monitor = fields.boolean("monitor");
    change.enabled = fields.boolean("enabled");
    let (line, column) = file.place(fields.at());
    change.place = Place { path: file.path().to_owned(), line, column };
    fields.finish();
    let rule = rule?;
    change.rule = if rule.value.contains('/') { rule.value.clone() } else { format!("{pack}/{}", rule.value) };
    if file.errors() > before {
        return None;
    }
    references.extend(reply.map(Reference::Reply));
    references.extend(principles.into_iter().map(Reference::Principles));
    rule_references.push(At { value: change.rule.clone(), at: rule.at });
    Some(change)
}
