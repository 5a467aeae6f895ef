//! The packs that we ship hold together.

use std::path::PathBuf;

use menshen_policy::{Origin, PackSet, Severity};
use menshen_verdict::Risk;

fn origins() -> Vec<Origin> {
    vec![Origin::Folder(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packs")))]
}

fn load(ids: &[&str]) -> PackSet {
    let ids: Vec<String> = ids.iter().map(|s| (*s).to_owned()).collect();
    let (packs, diagnostics) = PackSet::load(&origins(), &ids);
    let errors: Vec<String> =
        diagnostics.iter().filter(|d| d.severity == Severity::Error).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{} errors:\n{}", errors.len(), errors.join("\n"));
    packs
}

#[test]
fn every_pack_loads_without_errors() {
    let ids = PackSet::discover(&origins());
    assert_eq!(ids, ["base", "cn", "intl"]);
    load(&["base", "cn", "intl"]);
}

#[test]
fn each_default_loads_on_its_own() {
    load(&["base"]);
    load(&["base", "cn"]);
    load(&["base", "intl"]);
}

#[test]
fn every_risk_has_a_principle_and_a_rule() {
    let packs = load(&["base", "cn"]);
    let mut lacking = Vec::new();
    for risk in Risk::ALL {
        if !packs.principles().iter().any(|p| p.names_risk(*risk)) {
            lacking.push(format!("{risk} {} has no principle", risk.zh()));
        }
        if !packs.rules().any(|(_, r)| r.enabled && r.names_risk(*risk)) {
            lacking.push(format!("{risk} {} has no rule", risk.zh()));
        }
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}
