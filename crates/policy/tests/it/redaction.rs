//! Out and back again: whatever is redacted is restored, however the answer is cut.

use std::sync::Arc;

use menshen_policy::redact::{Restorer, Vault, apply};
use menshen_policy::{Policy, Question, Settings, Style, Subject};
use menshen_verdict::{Conversation, Disposition, Family, Finding, Kind, Role, Segment, Side, Span, Verdict};
use proptest::prelude::*;

use crate::policy_of;

const RULES: &str = r#"
[[rule]]
id = "pii"
when = { family = ["pii", "secret"] }
then = "redact"
redact = ["pii.*", "secret.*"]
restore = true
"#;

fn conversation(texts: &[String]) -> Conversation {
    let segments = texts.iter().enumerate().map(|(message, text)| Segment {
        path: format!("/messages/{message}/content"),
        message,
        role: Role::User,
        side: Side::Input,
        kind: Kind::Text,
        text: text.clone(),
    });
    Conversation { segments: segments.collect(), attachments: Vec::new() }
}

fn ask(policy: &Policy, conversation: &Conversation, findings: Vec<Finding>) -> Disposition {
    let verdict = Verdict { findings, ..Verdict::default() };
    policy.decide(&Question::new(Side::Input, conversation, &verdict, &Subject::default()))
}

fn finding(segment: usize, label: &'static str, start: usize, end: usize) -> Finding {
    let mut finding = Finding::new(format!("pii.{label}"), label, Family::Pii, Span::new(start, end), 0.9);
    finding.segment = segment;
    finding
}

#[test]
fn the_same_value_has_the_same_placeholder_everywhere() {
    let conversation = conversation(&["甲13800138000".to_owned(), "乙13900139000，甲13800138000，a@b.cn".to_owned()]);
    let policy = policy_of(RULES, Settings::default());
    let decision = ask(
        &policy,
        &conversation,
        vec![
            finding(1, "email", 34, 40),
            finding(1, "mobile", 20, 31),
            finding(1, "mobile", 3, 14),
            finding(0, "mobile", 3, 14),
        ],
    );
    assert_eq!(apply(&conversation.segments[0].text, 0, &decision.redactions), "甲[手机号#1]");
    assert_eq!(apply(&conversation.segments[1].text, 1, &decision.redactions), "乙[手机号#2]，甲[手机号#1]，[邮箱#1]");
}

#[test]
fn a_placeholder_that_is_already_there_is_not_reused() {
    let conversation = conversation(&["［ 手机号 ＃1 ］是什么？我的是13800138000".to_owned()]);
    let at = conversation.segments[0].text.find("138").unwrap();
    let decision = ask(&policy_of(RULES, Settings::default()), &conversation, vec![finding(0, "mobile", at, at + 11)]);
    assert_eq!(decision.redactions[0].replacement, "[手机号#2]");
}

#[test]
fn overlapping_findings_leave_nothing_between_them() {
    let conversation = conversation(&["0123456789".to_owned()]);
    let policy = policy_of(RULES, Settings::default());
    let decision = ask(&policy, &conversation, vec![finding(0, "mobile", 0, 6), finding(0, "email", 4, 10)]);
    assert_eq!(decision.redactions.len(), 1);
    assert_eq!(apply(&conversation.segments[0].text, 0, &decision.redactions), "[EMAIL#1]");
}

#[test]
fn masks_are_not_restored() {
    let conversation = conversation(&["电话13800138000".to_owned()]);
    let policy = policy_of(RULES, Settings { redaction: Style::Mask, ..Settings::default() });
    let decision = ask(&policy, &conversation, vec![finding(0, "mobile", 6, 17)]);
    assert_eq!(decision.redactions[0].replacement, "138****8000");
    assert!(Vault::new(&conversation, &decision.redactions).is_empty());
}

#[test]
fn placeholders_are_found_as_models_write_them() {
    let conversation = conversation(&["13800138000".to_owned()]);
    let decision = ask(&policy_of(RULES, Settings::default()), &conversation, vec![finding(0, "mobile", 0, 11)]);
    assert_eq!(decision.redactions[0].replacement, "[MOBILE#1]");
    let vault = Arc::new(Vault::new(&conversation, &decision.redactions));
    for (written, restored) in [
        ("call [MOBILE#1].", "call 13800138000."),
        ("call [mobile#1].", "call 13800138000."),
        ("call ［MOBILE＃1］。", "call 13800138000。"),
        ("call 【MOBILE #1】。", "call 13800138000。"),
        (r"call \[MOBILE#1\].", "call 13800138000."),
        (r"C:\[MOBILE#1]\x", r"C:\13800138000\x"),
        ("call [MOBILE #01 ].", "call 13800138000."),
        ("call [[MOBILE#1]].", "call [13800138000]."),
        ("call [MOBILE#2] or [EMAIL#1] or [MOBILE].", "call [MOBILE#2] or [EMAIL#1] or [MOBILE]."),
        ("a[0] = [1, 2]; \\n [mob", "a[0] = [1, 2]; \\n [mob"),
    ] {
        let mut restorer = Restorer::new(vault.clone());
        let answer = restorer.write(written) + &restorer.end();
        assert_eq!(answer, restored);
    }
    assert_eq!(format!("{vault:?}"), "Vault(1 placeholders)");
}

#[test]
fn ordinary_brackets_are_not_held_back() {
    let conversation = conversation(&["13800138000".to_owned()]);
    let decision = ask(&policy_of(RULES, Settings::default()), &conversation, vec![finding(0, "mobile", 0, 11)]);
    let mut restorer = Restorer::new(Arc::new(Vault::new(&conversation, &decision.redactions)));
    assert_eq!(restorer.write("see [link"), "see [link");
    assert_eq!(restorer.push(" [MOB").safe, "see [link ".len());
}

/// Pieces of a text: plain words and values to be redacted.
fn pieces() -> impl Strategy<Value = Vec<(bool, String)>> {
    let plain = prop_oneof![
        "[a-z 中文，。\\[\\]#\\\\]{0,8}",
        Just("[手机号#1]".to_owned()),
        Just("[MOBILE#1".to_owned()),
        Just("【".to_owned()),
    ];
    let value = prop_oneof!["1[3-9][0-9]{9}", Just("13800138000".to_owned()), "[一-龥]{2,3}"];
    proptest::collection::vec((any::<bool>(), plain, value), 1..8)
        .prop_map(|list| list.into_iter().map(|(is_value, p, v)| (is_value, if is_value { v } else { p })).collect())
}

/// A redacted text and the vault to restore it with.
fn redacted(pieces: &[(bool, String)]) -> (String, String, Arc<Vault>) {
    let (mut text, mut findings) = (String::new(), Vec::new());
    for (is_value, piece) in pieces {
        let start = text.len();
        text.push_str(piece);
        if *is_value {
            findings.push(finding(0, "mobile", start, text.len()));
        }
    }
    let conversation = conversation(std::slice::from_ref(&text));
    let decision = ask(&policy_of(RULES, Settings::default()), &conversation, findings);
    let sent = apply(&text, 0, &decision.redactions);
    (text, sent, Arc::new(Vault::new(&conversation, &decision.redactions)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A model that repeats what it was sent is restored to what the client sent, for every way to cut the stream.
    #[test]
    fn what_goes_out_comes_back_for_every_cut(pieces in pieces(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let (text, sent, vault) = redacted(&pieces);
        let chars: Vec<char> = sent.chars().collect();
        // Every single cut, and one random cut into many.
        let mut ways: Vec<Vec<usize>> = (0..=chars.len()).map(|at| vec![at]).collect();
        ways.push((0..=chars.len()).collect());
        if !chars.is_empty() {
            let mut many: Vec<usize> = cuts.iter().map(|c| c.index(chars.len())).collect();
            many.sort_unstable();
            ways.push(many);
        }
        for way in ways {
            let mut restorer = Restorer::new(vault.clone());
            let (mut answer, mut at) = (String::new(), 0);
            for cut in way {
                answer += &restorer.write(&chars[at..cut].iter().collect::<String>());
                at = cut;
            }
            answer += &restorer.write(&chars[at..].iter().collect::<String>());
            answer += &restorer.end();
            prop_assert_eq!(&answer, &text);
        }
    }

    /// Edits are the same for every cut, never touch what was declared safe, and nothing of a value is sent out.
    #[test]
    fn edits_do_not_depend_on_the_cut(pieces in pieces(), cut in any::<prop::sample::Index>()) {
        let (_, sent, vault) = redacted(&pieces);
        let mut whole = Restorer::new(vault.clone());
        let mut expected = whole.push(&sent).edits;
        expected.extend(whole.finish().edits);
        let at = (0..=cut.index(sent.len() + 1)).rev().find(|i| sent.is_char_boundary(*i)).unwrap();
        let mut parts = Restorer::new(vault);
        let first = parts.push(&sent[..at]);
        let second = parts.push(&sent[at..]);
        let third = parts.finish();
        for edit in second.edits.iter().chain(&third.edits) {
            prop_assert!(edit.span.start >= first.safe);
        }
        prop_assert_eq!(third.safe, sent.len());
        let edits: Vec<_> = [first.edits, second.edits, third.edits].concat();
        prop_assert_eq!(edits, expected);
    }
}
