//! Loads every pack of the workspace (or of the folders given) and prints what is wrong with them.
//!
//! `cargo run -p menshen-policy --example check_packs [FOLDER…]`; exit code 1 when there are errors.

use std::path::PathBuf;
use std::process::ExitCode;

use menshen_policy::{Origin, PackSet, Severity};

#[expect(clippy::print_stdout, reason = "an example that reports to its user")]
fn main() -> ExitCode {
    let given: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let folders =
        if given.is_empty() { vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packs"))] } else { given };
    let origins: Vec<Origin> = folders.into_iter().map(|f| Origin::Folder(f.canonicalize().unwrap_or(f))).collect();
    let ids = PackSet::discover(&origins);
    if ids.is_empty() {
        println!("no pack found (a pack is a folder with a pack.toml)");
        return ExitCode::FAILURE;
    }
    let (packs, diagnostics) = PackSet::load(&origins, &ids);
    for diagnostic in &diagnostics {
        println!("{diagnostic}");
    }
    for version in packs.versions() {
        let rules = packs.rules().filter(|(p, _)| *p == version.id).count();
        let answers = packs.answers().filter(|(p, _)| *p == version.id).count();
        let principles = packs.principles().iter().filter(|p| p.pack == version.id).count();
        let replies = packs.replies().filter(|r| r.pack == version.id).count();
        let scenes = packs.scenes().filter(|s| s.pack == version.id).count();
        let sources = packs.detect_sources().iter().filter(|s| s.pack == version.id).count();
        println!(
            "{} {} ({}…): {rules} rules, {principles} principles, {replies} replies, {scenes} scenes, {answers} answers, {sources} detector files",
            version.id,
            version.version,
            &version.hash[..12],
        );
    }
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    println!("{errors} errors, {} warnings", diagnostics.len() - errors);
    if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
