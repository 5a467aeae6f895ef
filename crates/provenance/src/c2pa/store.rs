//! A manifest store taken apart: which manifest counts, who made it, what it says was done (C2PA 2.2 §§10, 11, 18).

use std::collections::HashSet;

use serde_json::Value;

use super::jumbf::{self, Superbox};
use super::{Action, Generator, Manifest, cbor};

/// Most manifests that are followed from the active one to its parents.
const MOST_PARENTS: usize = 256;
/// Most actions that are answered.
const MOST_ACTIONS: usize = 4_096;
/// The longest text that is answered, in characters.
const LONGEST_TEXT: usize = 1_000;
/// The longest JSON assertion that is read.
const LONGEST_JSON: usize = 4 << 20;

/// The active manifest of these stores, the newest store last.
pub(super) fn active(stores: &[Vec<u8>]) -> Result<Manifest, String> {
    let mut manifests = Vec::new();
    for store in stores {
        let outer = jumbf::boxes(store)?;
        let outer = outer.first().map(Superbox::of).transpose()?.flatten();
        let outer = outer.filter(|outer| &outer.kind == b"c2pa").ok_or("it is no C2PA manifest store")?;
        let inner = outer.superboxes()?;
        manifests.extend(inner.into_iter().filter(|one| matches!(&one.kind, b"c2ma" | b"c2um" | b"c2cm")));
    }
    let active = manifests.last().ok_or("it holds no manifest")?;
    let mut found = Manifest {
        label: short(&active.label),
        generator: None,
        title: None,
        actions: Vec::new(),
        generated: false,
        aigc: None,
        manifests: manifests.len(),
        size: stores.iter().map(|store| store.len() as u64).sum(),
        unread: None,
    };
    let mut seen = HashSet::new();
    let mut waiting = vec![active];
    while let Some(manifest) = waiting.pop() {
        if seen.len() == MOST_PARENTS || !seen.insert(manifest.label.as_str()) {
            continue;
        }
        if &manifest.kind == b"c2cm" {
            let reason = format!("the manifest {} is compressed; verify the file to read it", short(&manifest.label));
            found.unread.get_or_insert(reason);
            continue;
        }
        let parents = read(manifest, &mut found, seen.len() == 1)?;
        waiting.extend(manifests.iter().filter(|one| parents.contains(&one.label)));
    }
    found.generated = found.actions.iter().any(|action| action.generated());
    Ok(found)
}

/// Reads one manifest, and answers the labels of its parents.
fn read(manifest: &Superbox<'_>, found: &mut Manifest, active: bool) -> Result<Vec<String>, String> {
    let mut parents = Vec::new();
    let mut claims = 0;
    for one in manifest.superboxes()? {
        match &one.kind {
            b"c2cl" if active => {
                claims += 1;
                claim(&content(&one)?.ok_or("its claim has no content")?, found);
            }
            b"c2as" => {
                for assertion in one.superboxes()? {
                    let base = assertion.label.split("__").next().unwrap_or_default();
                    match base {
                        "c2pa.actions" | "c2pa.actions.v2" => {
                            actions(&content(&assertion)?.unwrap_or_default(), &manifest.label, found);
                        }
                        "c2pa.ingredient" | "c2pa.ingredient.v2" | "c2pa.ingredient.v3" => {
                            parents.extend(parent(&content(&assertion)?.unwrap_or_default()));
                        }
                        super::AIGC_ASSERTION if active => found.aigc = content(&assertion)?.map(|it| it.to_string()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if active && claims != 1 {
        return Err(format!("its active manifest has {claims} claims, and not one"));
    }
    Ok(parents)
}

/// The content of a claim or an assertion. Nothing where it is neither CBOR nor JSON.
fn content(one: &Superbox<'_>) -> Result<Option<Value>, String> {
    for inner in one.boxes()? {
        match &inner.kind {
            b"cbor" => return cbor::value(inner.data).map(Some),
            b"json" if inner.data.len() <= LONGEST_JSON => {
                return serde_json::from_slice(inner.data)
                    .map(Some)
                    .map_err(|error| format!("its JSON is none: {error}"));
            }
            _ => {}
        }
    }
    Ok(None)
}

fn claim(claim: &Value, found: &mut Manifest) {
    found.title = text(claim, "dc:title");
    // A map in claims of version 2, a list of maps in those of version 1.
    let info = claim.get("claim_generator_info");
    let info = info.and_then(|info| info.get(0)).or(info);
    let named = info.and_then(|info| Some(Generator { name: text(info, "name")?, version: text(info, "version") }));
    found.generator = named.or_else(|| text(claim, "claim_generator").map(|agent| from_agent(&agent)));
}

/// The first product of a user agent's text, such as `Adobe_Photoshop/22.5 c2pa-rs/0.7`.
pub(super) fn from_agent(agent: &str) -> Generator {
    let first = agent.split_whitespace().next().unwrap_or(agent);
    match first.split_once('/') {
        Some((name, version)) => Generator { name: name.to_owned(), version: Some(version.to_owned()) },
        None => Generator { name: agent.to_owned(), version: None },
    }
}

pub(super) fn actions(assertion: &Value, manifest: &str, found: &mut Manifest) {
    let list = assertion.get("actions").and_then(Value::as_array);
    for action in list.into_iter().flatten() {
        let Some(name) = text(action, "action") else { continue };
        if found.actions.len() == MOST_ACTIONS {
            found.unread.get_or_insert(format!("it lists more than {MOST_ACTIONS} actions"));
            return;
        }
        let agent = action.get("softwareAgent");
        let agent = agent.and_then(|agent| agent.as_str().map(short).or_else(|| text(agent, "name")));
        found.actions.push(Action {
            action: name,
            digital_source_type: text(action, "digitalSourceType"),
            software: agent,
            when: text(action, "when"),
            manifest: short(manifest),
        });
    }
}

/// The label of the manifest that an ingredient points to, where it is what this content was made from.
fn parent(ingredient: &Value) -> Option<String> {
    if ingredient.get("relationship")?.as_str()? != "parentOf" {
        return None;
    }
    let reference = ingredient.get("activeManifest").or_else(|| ingredient.get("c2pa_manifest"))?;
    let url = reference.get("url")?.as_str()?;
    let (_, behind) = url.split_once("/c2pa/")?;
    behind.split('/').next().map(str::to_owned)
}

fn text(map: &Value, key: &str) -> Option<String> {
    map.get(key)?.as_str().map(short)
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}
