//! The rules of this repository's packs: they compile, and every pattern finds its examples and no counter-example.

use std::fs;
use std::path::{Path, PathBuf};

use menshen_detect::{Engine, Options, Severity, Source, SourceKind, examples};
use menshen_verdict::Role;

fn packs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs")
}

/// Every keyword list and pattern file, by path.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for pack in fs::read_dir(packs()).into_iter().flatten().flatten() {
        for (folder, extension, kind) in
            [("keywords", "txt", SourceKind::Keywords), ("patterns", "toml", SourceKind::Patterns)]
        {
            for file in fs::read_dir(pack.path().join(folder)).into_iter().flatten().flatten() {
                if file.path().extension().is_some_and(|e| e == extension) {
                    let name = pack.file_name().to_string_lossy().into_owned();
                    sources.push(Source {
                        path: format!("packs/{name}/{folder}/{}", file.file_name().to_string_lossy()),
                        pack: name,
                        body: fs::read_to_string(file.path()).unwrap_or_default(),
                        kind,
                    });
                }
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

#[test]
fn every_rule_of_the_packs_compiles() {
    let (_, diagnostics) = Engine::compile(&sources(), &Options::default());
    let errors: Vec<String> =
        diagnostics.iter().filter(|d| d.severity == Severity::Error).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn every_pattern_finds_its_examples_and_no_counterexample() {
    let sources: Vec<Source> = sources().into_iter().filter(|s| s.kind == SourceKind::Patterns).collect();
    let (engine, _) = Engine::compile(&sources, &Options::default());
    let mut wrong = Vec::new();
    for source in &sources {
        for example in examples(source) {
            let verdict = engine.inspect(&example.text, example.side, Role::User);
            let found = verdict.findings.iter().any(|f| f.detector == example.id);
            if found != example.matches {
                let what = if example.matches { "misses its example" } else { "finds its counter-example" };
                wrong.push(format!("{}: {} {what} {:?}", source.path, example.id, example.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of the packs' examples fail:\n{}", wrong.len(), wrong.join("\n"));
}
