//! Files of packs, as texts and as forms.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_policy::{FileName, FormKind, KeywordForm, form_entries, put_form_entry, text_hash};
use menshen_store::{ChangeFile, FullChange};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use toml::Table;

use super::changes::open;
use super::{App, PATH, Params, answer, asked, diagnostics};
use crate::api::admin::{by, now_us};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;
use crate::guard::Snapshot;
use crate::workbench::{file_name, stored};

fn not_there(path: &FileName) -> GatewayError {
    GatewayError::new(Failure::NotFound, format!("no pack in force has a file {path}"))
}

/// A file's text in what is in force.
fn text_of(live: &Snapshot, path: &FileName) -> Option<Arc<str>> {
    live.packs.texts().find(|t| t.name == path.as_str()).map(|t| Arc::clone(&t.body))
}

/// The text in what is in force, and the text in the change, if it edits the file.
async fn texts(
    gateway: &Gateway,
    path: &FileName,
    change: &str,
) -> Result<(Option<Arc<str>>, Option<Option<String>>), GatewayError> {
    let live = text_of(&gateway.guard.snapshot(), path);
    if change.is_empty() {
        return Ok((live, None));
    }
    let full = stored(gateway.store.policy_change(change).await)?;
    Ok((live, full.files.into_iter().find(|f| f.path == path.as_str()).map(|f| f.body)))
}

pub(crate) async fn file(State(gateway): App, params: Params) -> Response {
    let result = async {
        let asked = asked(params)?;
        let path = file_name(&asked.path)?;
        let (live, edit) = texts(&gateway, &path, &asked.change).await?;
        if live.is_none() && edit.is_none() {
            return Err(not_there(&path));
        }
        let (edited, removed) = (edit.is_some(), edit == Some(None));
        let text = edit.flatten().or_else(|| live.as_deref().map(str::to_owned)).unwrap_or_default();
        Ok(json!({
            "path": path.as_str(), "text": text, "edited": edited, "removed": removed, "in_force": live.is_some(),
            "hash": live.as_deref().map(text_hash),
        }))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// What a form edits in a file.
fn kind(path: &FileName) -> Result<Option<FormKind>, GatewayError> {
    let folder = path.relative().split('/').next().unwrap_or_default();
    match FormKind::of_folder(folder) {
        Some(kind) if !path.relative().ends_with("settings.toml") => Ok(Some(kind)),
        _ if folder == "keywords" => Ok(None),
        _ => Err(invalid("path", "forms are for answers/, principles/ and keywords/; edit the file's text instead")),
    }
}

pub(crate) async fn entries(State(gateway): App, params: Params) -> Response {
    let result = async {
        let asked = asked(params)?;
        let path = file_name(&asked.path)?;
        let kind = kind(&path)?;
        let (live, edit) = texts(&gateway, &path, &asked.change).await?;
        let text = match edit {
            Some(edit) => edit.unwrap_or_default(),
            None => live.as_deref().map(str::to_owned).unwrap_or_default(),
        };
        let Some(kind) = kind else {
            let form = KeywordForm::of(&text);
            let header: Map<String, Value> =
                form.header.into_iter().filter(|(k, _)| !k.is_empty()).map(|(k, v)| (k, Value::from(v))).collect();
            return Ok(
                json!({"path": path.as_str(), "kind": "keywords", "entries": [], "header": header, "words": form.words}),
            );
        };
        let entries = form_entries(&text, kind).map_err(|e| invalid("path", e.to_string()))?;
        let entries: Vec<Value> =
            entries.into_iter().map(|e| json!({"id": e.id, "line": e.line, "members": e.members})).collect();
        Ok(json!({"path": path.as_str(), "kind": kind.table(), "entries": entries, "header": {}, "words": ""}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// Saves an edit and says what it compiles to.
async fn save(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    full: &FullChange,
    version: i64,
    (path, body): (&FileName, Option<String>),
    take_over: bool,
) -> Result<Value, GatewayError> {
    let live = gateway.guard.snapshot();
    if !live.packs.manifests().any(|m| m.id == path.pack()) {
        let known: Vec<&str> = live.packs.manifests().map(|m| m.id.as_str()).collect();
        let message = format!("the pack {:?} is not enabled; the enabled ones are {}", path.pack(), known.join(", "));
        return Err(invalid("path", message));
    }
    let in_force = text_of(&live, path);
    if body.is_none() && in_force.is_none() {
        return Err(not_there(path));
    }
    let former = full.files.iter().find(|f| f.path == path.as_str()).filter(|_| !take_over);
    let base = former.map_or_else(|| in_force.as_deref().map(text_hash), |f| f.base.clone());
    let file = ChangeFile { path: path.to_string(), body, base };
    let saved = gateway.store.save_policy_file(&full.change.id, version, file, by(caller), now_us());
    let version = stored(saved.await)?;
    compiled(gateway, &full.change.id, version, path.as_str()).await
}

/// What a change compiles to after an edit.
async fn compiled(gateway: &Arc<Gateway>, id: &str, version: i64, path: &str) -> Result<Value, GatewayError> {
    let full = stored(gateway.store.policy_change(id).await)?;
    let (trial, live) = gateway.trial(&full).await?;
    Ok(json!({
        "version": version, "path": path, "errors": trial.errors,
        "diagnostics": diagnostics(&trial, &live, &full.files),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRequest {
    version: i64,
    path: String,
    /// Null takes the file away.
    text: Option<String>,
    /// What is in force by now was looked at: the edit is one of that.
    #[serde(default)]
    take_over: bool,
}

pub(crate) async fn put(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let full = open(&gateway, &id).await?;
        let asked: FileRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let path = file_name(&asked.path)?;
        save(&gateway, &caller, &full, asked.version, (&path, asked.text), asked.take_over).await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn drop_edit(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    params: Params,
) -> Response {
    let result = async {
        open(&gateway, &id).await?;
        let asked = asked(params)?;
        let path = file_name(&asked.path)?;
        let version = asked.version.parse().map_err(|_| invalid("version", "'version' must be a whole number"))?;
        let dropped = gateway.store.drop_policy_file(&id, version, path.as_str(), by(&caller), now_us());
        let version = stored(dropped.await)?;
        compiled(&gateway, &id, version, path.as_str()).await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryRequest {
    version: i64,
    path: String,
    /// Of an answer or a principle; null takes a member away.
    #[serde(default)]
    members: Map<String, Value>,
    /// Of a keyword list; an empty one is taken away.
    #[serde(default)]
    header: Map<String, Value>,
    /// One word a line.
    #[serde(default)]
    words: Option<String>,
}

pub(crate) async fn put_entry(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let full = open(&gateway, &id).await?;
        let asked: EntryRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let path = file_name(&asked.path)?;
        let kind = kind(&path)?;
        let live = text_of(&gateway.guard.snapshot(), &path);
        let edit = full.files.iter().find(|f| f.path == path.as_str()).map(|f| f.body.clone().unwrap_or_default());
        let now = edit.unwrap_or_else(|| live.as_deref().map(str::to_owned).unwrap_or_default());
        let text = match kind {
            Some(kind) => with_members(&now, live.as_deref().unwrap_or_default(), kind, asked.members)?,
            None => {
                let mut form = KeywordForm::of(&now);
                for (key, value) in &asked.header {
                    if !key.bytes().all(|b| b.is_ascii_lowercase()) || key.is_empty() {
                        return Err(invalid("header", "names of headers are of lower-case letters"));
                    }
                    form.set(key, value.as_str().unwrap_or_default());
                }
                if let Some(words) = asked.words {
                    form.words = words;
                }
                form.text()
            }
        };
        save(&gateway, &caller, &full, asked.version, (&path, Some(text)), false).await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// How deep members nest.
const DEEPEST: usize = 4;

fn to_toml(value: &Value, depth: usize) -> Option<toml::Value> {
    let deeper = depth.checked_sub(1)?;
    Some(match value {
        Value::Null => return None,
        Value::Bool(b) => (*b).into(),
        Value::Number(n) => match n.as_i64() {
            Some(n) => n.into(),
            None => n.as_f64()?.into(),
        },
        Value::String(s) => s.as_str().into(),
        Value::Array(items) => toml::Value::Array(items.iter().filter_map(|i| to_toml(i, deeper)).collect()),
        Value::Object(members) => {
            let members = members.iter().filter_map(|(k, v)| Some((k.clone(), to_toml(v, deeper)?)));
            toml::Value::Table(members.collect())
        }
    })
}

/// The text with an entry's members put in. Its version rises where it says something else than what is in force.
fn with_members(now: &str, live: &str, kind: FormKind, given: Map<String, Value>) -> Result<String, GatewayError> {
    let unreadable = |e: menshen_policy::FormError| invalid("path", e.to_string());
    let id = given.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let find = |text: &str| {
        let entries = form_entries(text, kind).map_err(unreadable)?;
        Ok::<_, GatewayError>(entries.into_iter().find(|e| e.id == id).map(|e| e.members))
    };
    let mut members: Table = find(now)?.unwrap_or_default();
    for (key, value) in given {
        match to_toml(&value, DEEPEST) {
            Some(value) => drop(members.insert(key, value)),
            None => drop(members.remove(&key)),
        }
    }
    let version = |t: &Table| t.get("version").and_then(toml::Value::as_integer).unwrap_or(1);
    // A live file that is not TOML has no versions to rise above.
    if let Some(former) = find(live).unwrap_or_default() {
        let said = |t: &Table| {
            let mut said = t.clone();
            said.retain(|key, _| !matches!(key, "version" | "status" | "approved_by" | "approved_at"));
            said
        };
        if said(&former) != said(&members) && version(&members) <= version(&former) {
            members.insert("version".to_owned(), version(&former).saturating_add(1).into());
        }
    } else if !members.contains_key("version") {
        members.insert("version".to_owned(), 1.into());
    }
    put_form_entry(now, kind, &members).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_raises_the_version_of_what_it_alters_and_keeps_the_rest() {
        let live = "# Head.\n[[answer]]\nid = \"a\"\nversion = 3\nanswer = \"x\"\ntopic = \"law\"\n";
        let put = |members: Value| {
            let Value::Object(members) = members else { return String::new() };
            with_members(live, live, FormKind::Answer, members).unwrap()
        };
        let same = put(json!({"id": "a", "answer": "x", "status": "review"}));
        assert!(same.contains("version = 3") && same.contains("status = \"review\"") && same.starts_with("# Head.\n"));
        let altered = put(json!({"id": "a", "answer": "y", "topic": null}));
        assert!(altered.contains("version = 4") && !altered.contains("topic"), "{altered}");
        let new = put(json!({"id": "b", "answer": "y", "questions": ["1", "2"]}));
        assert!(new.starts_with(live.trim_end()) && new.contains("version = 1"), "{new}");
        let Value::Object(nameless) = json!({"answer": "y"}) else { return };
        assert!(with_members(live, live, FormKind::Answer, nameless).is_err());
    }
}
