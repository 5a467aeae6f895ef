//! Any bytes are a pack file: whatever is wrong with them is said with a place, and what was loaded can decide.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use menshen_policy::{Origin, PackSet, Question, Settings, Subject, table};
use menshen_verdict::{Attack, Conversation, Family, Finding, Risk, Role, Side, Span, Verdict};

/// What a file of a pack can be, by the first byte of the input.
const FILES: &[&str] = &[
    "rules/f.toml",
    "principles/f.toml",
    "replies/f.toml",
    "scenes/f.toml",
    "answers/f.toml",
    "answers/settings.toml",
    "labels.toml",
    "topics.toml",
    "pack.toml",
];

/// A folder of this process' own.
fn root() -> &'static PathBuf {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let root = std::env::temp_dir().join(format!("menshen-fuzz-policy-{}", std::process::id()));
        for folder in ["rules", "principles", "replies", "scenes", "answers"] {
            fs::create_dir_all(root.join("p").join(folder)).expect("a temporary folder");
        }
        root
    })
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, body)) = data.split_first() else { return };
    let _ = table::from_csv(body);
    let _ = table::from_xlsx(body);

    let root = root();
    let name = FILES[usize::from(*kind) % FILES.len()];
    let file = root.join("p").join(name);
    fs::write(root.join("p/pack.toml"), "id = \"p\"\nversion = \"1\"\n").expect("a file");
    fs::write(&file, body).expect("a file");
    let (packs, diagnostics) = PackSet::load(&[Origin::Folder(root.clone())], &["p".to_owned()]);
    let _ = fs::remove_file(&file);

    let lines = body.split(|b| *b == b'\n').count();
    for diagnostic in &diagnostics {
        assert!(diagnostic.line <= lines, "{diagnostic}");
        assert_eq!(diagnostic.line == 0, diagnostic.column == 0, "{diagnostic}");
    }

    let conversation = Conversation::of_text(Role::User, "电话13800138000");
    let mut verdict = Verdict::default();
    verdict.labels.note_risk(Risk::A4f, 0.9);
    verdict.labels.note_attack(Attack::H1, 0.9);
    verdict.findings.push(Finding::new("pii.cn.mobile", "mobile", Family::Pii, Span::new(6, 17), 0.9));
    let subject = Subject::default();
    let policy = packs.policy(&Settings::default());
    let question = Question::new(Side::Input, &conversation, &verdict, &subject);
    assert_eq!(policy.decide(&question), policy.decide(&question), "deciding twice is deciding once");
    let _ = policy.answer("台湾是中国的一部分吗", &subject, 0);
});
