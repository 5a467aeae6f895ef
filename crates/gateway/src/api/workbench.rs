//! The policy workbench: what is in force, changes to it and their way into force, its history.
//!
//! Packs are of the whole house: whoever is bound to a tenant is refused at the door. The rules of the way are the
//! store's (`menshen_store::Step`), the compiling and the trying is [`crate::workbench`]'s.

pub(crate) mod cases;
pub(crate) mod changes;
pub(crate) mod files;
pub(crate) mod history;
pub(crate) mod steps;

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use menshen_store::ChangeFile;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, answer, asked};
use crate::guard::Snapshot;

pub(crate) const PATH: &str = "/admin/workbench";

/// The query parameters of these routes, for the document: path, name, type, what it is.
pub(crate) const PARAMETERS: &[(&str, &str, &str, &str)] = &[
    ("/admin/workbench/file", "path", "string", "The file, as pack/path"),
    ("/admin/workbench/file", "change", "string", "As it is in this change; without it, in what is in force"),
    ("/admin/workbench/entries", "path", "string", "The file, as pack/path"),
    ("/admin/workbench/entries", "change", "string", "As it is in this change; without it, in what is in force"),
    ("/admin/workbench/changes", "state", "string", "Only changes of this state"),
    ("/admin/workbench/changes/{id}/file", "path", "string", "The file, as pack/path"),
    ("/admin/workbench/changes/{id}/file", "version", "integer", "The change's version that was looked at"),
    ("/admin/workbench/revisions/{id}/diff", "with", "string", "current (what a rollback would do) or previous"),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    path: String,
    change: String,
    state: String,
    version: String,
    with: String,
}

pub(crate) type Params = super::Params<Asked>;

/// RFC 3339.
fn at(us: i64) -> Value {
    jiff::Timestamp::from_microsecond(us).map_or(Value::Null, |t| Value::from(t.to_string()))
}

/// The most diagnostics that an answer lists.
const MOST_NOTES: usize = 300;

/// What is wrong, errors first, with the file's name where it is a pack's; `fresh` where it is not so already in what is
/// in force.
fn diagnostics(trial: &Snapshot, live: &Snapshot, files: &[ChangeFile]) -> Vec<Value> {
    let names: HashMap<&str, &str> = trial.packs.texts().map(|t| (t.shown.as_str(), t.name.as_str())).collect();
    let old: std::collections::HashSet<&str> = live.notes.iter().map(|n| n.shown.as_str()).collect();
    let own = |path: &str| files.iter().find(|f| f.path == path).map(|f| f.path.as_str());
    let mut notes: Vec<(bool, bool, Value)> = trial
        .notes
        .iter()
        .map(|n| {
            let file = names.get(n.path.as_str()).copied().or_else(|| own(&n.path));
            let fresh = !old.contains(n.shown.as_str());
            let shown = json!({
                "severity": if n.error { "error" } else { "warning" }, "file": file, "path": n.path, "line": n.line,
                "column": n.column, "message": n.message, "remedy": n.remedy, "fresh": fresh,
            });
            (!n.error, !fresh, shown)
        })
        .collect();
    notes.sort_by_key(|(warning, old, _)| (*warning, *old));
    notes.truncate(MOST_NOTES);
    notes.into_iter().map(|(_, _, shown)| shown).collect()
}

/// What is in force, and the files of its packs.
pub(crate) async fn state(State(gateway): App) -> Response {
    let live = gateway.guard.snapshot();
    let mut packs: Vec<Value> = Vec::new();
    for version in live.packs.versions() {
        let prefix = format!("{}/", version.id);
        let files: Vec<Value> = live
            .packs
            .texts()
            .filter(|t| t.name.starts_with(&prefix))
            .map(
                |t| json!({"path": t.name, "bytes": t.body.len(), "lines": t.body.lines().count(), "edited": t.edited}),
            )
            .collect();
        packs.push(json!({"id": version.id, "version": version.version, "hash": version.hash, "files": files}));
    }
    let taken_away: Vec<String> =
        live.published.edits.iter().filter(|(_, text)| text.is_none()).map(|(name, _)| name.to_string()).collect();
    let shown = json!({
        "revision": live.published.revision, "alone": live.published.whole.is_some(), "packs": packs,
        "removed": taken_away, "errors": live.errors, "diagnostics": diagnostics(&live, &live, &[]),
        "keeps_text": gateway.config.audit.text == crate::config::KeepText::Encrypted,
        "shadow_records": gateway.config.workbench.shadow_records,
    });
    answer(PATH, Ok(shown), &gateway).await
}
