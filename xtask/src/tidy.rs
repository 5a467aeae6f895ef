//! The house's dependency edges (ARCHITECTURE.md), asserted from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Which rooms a room may know.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("menshen-verdict", &[]),
    ("menshen-text", &["menshen-verdict"]),
    ("menshen-judge", &["menshen-verdict", "menshen-text"]),
    ("menshen-detect", &["menshen-verdict", "menshen-text", "menshen-judge"]),
    ("menshen-policy", &["menshen-verdict", "menshen-text"]),
    ("menshen-store", &["menshen-verdict"]),
    (
        "menshen-gateway",
        &[
            "menshen-verdict",
            "menshen-text",
            "menshen-judge",
            "menshen-detect",
            "menshen-policy",
            "menshen-provenance",
            "menshen-store",
        ],
    ),
    ("menshen-redteam", &["menshen-verdict", "menshen-text", "menshen-judge", "menshen-detect", "menshen-store"]),
    (
        "menshen-assess",
        &["menshen-verdict", "menshen-text", "menshen-judge", "menshen-detect", "menshen-store", "menshen-redteam"],
    ),
    ("menshen-console", &["menshen-redteam", "menshen-assess", "menshen-store"]),
    (
        "menshen",
        &[
            "menshen-verdict",
            "menshen-text",
            "menshen-judge",
            "menshen-detect",
            "menshen-policy",
            "menshen-provenance",
            "menshen-store",
            "menshen-gateway",
            "menshen-redteam",
            "menshen-assess",
            "menshen-console",
        ],
    ),
    ("menshen-provenance", &[]),
    ("menshen-testkit", &[]),
    ("xtask", &[]),
];

/// Dependencies that one room alone may name, and that room.
const ONLY: &[(&str, &[&str])] = &[
    ("sqlx", &["menshen-store"]),
    ("axum", &["menshen-gateway", "menshen-console", "menshen-testkit"]),
    ("anyhow", &["menshen"]),
    ("daachorse", &["menshen-detect"]),
    ("cel", &["menshen-policy"]),
    ("jieba-rs", &["menshen-policy", "menshen-redteam"]),
];

/// Source files longer than this are cut.
const MAX_LINES: usize = 1_200;

/// Everything that is not as the house wants it.
///
/// # Errors
/// When `cargo metadata` cannot be read.
pub fn check() -> Result<Vec<String>, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask lies in no workspace")?;
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cargo metadata cannot be run: {e}"))?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata cannot be read: {e}"))?;
    let mut problems = edges(&metadata);
    lengths(&root.join("crates"), &mut problems);
    Ok(problems)
}

fn edges(metadata: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: BTreeSet<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let rooms: BTreeMap<&str, &[&str]> = MAY_KNOW.iter().copied().collect();
    for package in packages {
        let Some(name) = package["name"].as_str() else { continue };
        let Some(allowed) = rooms.get(name) else {
            problems.push(format!("{name} is a new room: add it to xtask/src/tidy.rs and ARCHITECTURE.md"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let Some(other) = dependency["name"].as_str() else { continue };
            // Tests may know more than what they test.
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            if names.contains(other) && !allowed.contains(&other) {
                problems.push(format!("{name} must not know {other}"));
            }
            if let Some((_, owners)) = ONLY.iter().find(|(d, _)| *d == other)
                && !owners.contains(&name)
            {
                problems.push(format!("{name} names {other}, which only {} may", owners.join(", ")));
            }
        }
    }
    problems
}

fn lengths(folder: &Path, problems: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            lengths(&path, problems);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let lines = std::fs::read_to_string(&path).map_or(0, |text| text.lines().count());
            if lines > MAX_LINES {
                problems.push(format!("{} has {lines} lines; cut it", path.display()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        assert_eq!(check().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_forbidden_edge_is_named() {
        let metadata = serde_json::json!({"packages": [
            {"name": "menshen-verdict", "dependencies": [{"name": "menshen-text", "kind": null}]},
            {"name": "menshen-text", "dependencies": [{"name": "sqlx", "kind": null}, {"name": "axum", "kind": "dev"}]},
        ]});
        assert_eq!(
            edges(&metadata),
            ["menshen-verdict must not know menshen-text", "menshen-text names sqlx, which only menshen-store may"]
        );
    }
}
