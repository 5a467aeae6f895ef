//! The packs of the workspace, and the promises of the crate, from outside.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod answers;
mod conditions;
mod decisions;
mod diagnostics;
mod redaction;
mod shipped;

use std::fs;

use menshen_policy::{Diagnostic, Origin, PackSet, Policy, Question, Settings, Subject};
use menshen_verdict::{Conversation, Disposition, Role, Side, Verdict};

/// Loads packs from files written for a test: `("p/rules/a.toml", "…")`. Each folder gets a `pack.toml` unless given.
fn load(files: &[(&str, &str)]) -> (PackSet, Vec<Diagnostic>) {
    let dir = tempfile::tempdir().unwrap();
    let mut ids = Vec::new();
    for (path, body) in files {
        let path_on_disk = dir.path().join(path);
        fs::create_dir_all(path_on_disk.parent().unwrap()).unwrap();
        fs::write(path_on_disk, body).unwrap();
        let id = path.split('/').next().unwrap().to_owned();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    for id in &ids {
        let manifest = dir.path().join(id).join("pack.toml");
        if !manifest.exists() {
            fs::write(manifest, format!("id = \"{id}\"\nversion = \"1\"\n")).unwrap();
        }
    }
    let (packs, mut diagnostics) = PackSet::load(&[Origin::Folder(dir.path().to_owned())], &ids);
    let root = format!("{}/", dir.path().display());
    for diagnostic in &mut diagnostics {
        diagnostic.path = diagnostic.path.replace(&root, "");
    }
    (packs, diagnostics)
}

/// A pack set that must load without errors.
fn sound(files: &[(&str, &str)]) -> PackSet {
    let (packs, diagnostics) = load(files);
    let errors: Vec<String> = diagnostics.iter().filter(|d| d.is_error()).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    packs
}

/// The policy of one file of rules, with a few replies and principles to refer to.
fn policy_of(rules: &str, settings: Settings) -> Policy {
    sound(&[("p/rules/r.toml", rules), ("p/replies/r.toml", REPLIES), ("p/principles/p.toml", PRINCIPLES)])
        .policy(&settings)
}

const REPLIES: &str = r#"
[[reply]]
id = "decline.default"
zh = "抱歉"
en = "Sorry"
[[reply]]
id = "custom"
zh = "自定义"
en = "Custom"
[[reply]]
id = "block.unavailable"
zh = "暂不可用"
en = "Unavailable"
[[reply]]
id = "block.attachment"
zh = "附件不支持"
en = "No attachments"
"#;

const PRINCIPLES: &str = r#"
[[principle]]
id = "medicine.a"
zh = "讲常识。"
en = "Common knowledge only."
applies = { topic = ["health.*"] }
[[principle]]
id = "medicine.b"
zh = "劝就医。"
en = "See a doctor."
[[principle]]
id = "a1d"
zh = "不宣扬。"
en = "Do not promote."
applies = { risk = ["A1d"] }
[[principle]]
id = "general"
zh = "谨慎作答。"
en = "Answer with care."
fallback = true
"#;

/// Decides on a bare user text.
fn decide(policy: &Policy, verdict: &Verdict) -> Disposition {
    let (conversation, subject) = (Conversation::of_text(Role::User, "你好"), Subject::default());
    policy.decide(&Question::new(Side::Input, &conversation, verdict, &subject))
}
