//! Each condition of a rule: what satisfies it, and what does not.

use menshen_policy::{Lang, Question, Settings, Subject};
use menshen_verdict::{
    Action, Attachment, Attack, Conversation, Family, Finding, Intent, Kind, Level, Media, Risk, Role, Scored, Segment,
    Sentiment, Side, Span, Topic, Unavailable, Verdict,
};

use crate::policy_of;

/// A conversation with everything in it, to be changed by each case.
struct Case {
    side: Side,
    conversation: Conversation,
    verdict: Verdict,
    subject: Subject,
    guided: bool,
    lang: Option<Lang>,
}

fn segment(message: usize, role: Role, text: &str) -> Segment {
    Segment { path: String::new(), message, role, side: role.side(), kind: Kind::Text, text: text.to_owned() }
}

fn case() -> Case {
    let conversation = Conversation {
        segments: vec![
            segment(0, Role::User, "早先的话"),
            segment(1, Role::Tool, "工具"),
            segment(2, Role::User, "现在"),
        ],
        attachments: vec![Attachment { path: String::new(), role: Role::User, media: Media::Image, source: None }],
    };
    let mut verdict = Verdict::default();
    verdict.labels.note_risk(Risk::A1d, 0.6);
    verdict.labels.note_attack(Attack::H1, 0.7);
    verdict.labels.level = Some(Scored::new(Level::Related, 0.9));
    verdict.labels.intent = Some(Scored::new(Intent::Help, 0.9));
    verdict.labels.topic = Some(Scored::new(Topic::new("health.medicine"), 0.9));
    verdict.labels.sentiment = Some(Scored::new(Sentiment::Negative, 0.9));
    verdict.labels.unsafe_answer = Some(0.6);
    verdict.labels.refusal = Some(0.3);
    let mut first = Finding::new("pii.cn.mobile", "mobile", Family::Pii, Span::new(0, 3), 0.8);
    first.risk = Some(Risk::A4f);
    let mut second = Finding::new("attack.h2", "injection", Family::Attack, Span::new(0, 3), 0.9);
    second.attack = Some(Attack::H2);
    second.segment = 1;
    verdict.findings = vec![first, second];
    let subject = Subject {
        app: "bank-app".to_owned(),
        tenant: "north".to_owned(),
        user: Some("u1".to_owned()),
        tier: Some("gold".to_owned()),
        scene: Some("medical".to_owned()),
        minor: true,
    };
    Case { side: Side::Input, conversation, verdict, subject, guided: false, lang: None }
}

fn holds(when: &str, case: &Case) -> bool {
    let settings = Settings { attachments: menshen_policy::Attachments::Pass, ..Settings::default() };
    let policy = policy_of(&format!("[[rule]]\nid = \"r\"\nthen = \"block\"\nwhen = {{ {when} }}\n"), settings);
    let mut question = Question::new(case.side, &case.conversation, &case.verdict, &case.subject);
    (question.guided, question.lang) = (case.guided, case.lang);
    let disposition = policy.decide(&question);
    assert_eq!(disposition.rule.is_some(), disposition.action == Action::Block);
    disposition.rule.is_some_and(|r| r.rule == "r")
}

#[test]
fn each_condition_holds_and_fails() {
    for (yes, no) in [
        (r#"side = ["input", "output"]"#, r#"side = ["output"]"#),
        (r#"risk = ["A1*"]"#, r#"risk = ["A2*"]"#),
        (r#"risk = ["A1d"], risk_min = 0.6"#, r#"risk = ["A1d"], risk_min = 0.61"#),
        (r#"risk_min = 0.6"#, r#"risk_min = 0.7"#),
        (r#"attack = ["H*"]"#, r#"attack = ["S*"]"#),
        (r#"attack = ["hijacking"]"#, r#"attack = ["encoding"]"#),
        (r#"attack_min = 0.7"#, r#"attack_min = 0.71"#),
        (r#"level = ["related", "risky"]"#, r#"level = ["risky"]"#),
        (r#"intent = ["help"]"#, r#"intent = ["malicious"]"#),
        (r#"topic = ["health.*"]"#, r#"topic = ["law.*"]"#),
        (r#"sentiment = ["negative"]"#, r#"sentiment = ["positive"]"#),
        (r#"finding = ["pii.*"]"#, r#"finding = ["secret.*"]"#),
        (r#"finding = ["pii.*"], finding_min = 0.8"#, r#"finding = ["pii.*"], finding_min = 0.81"#),
        (r#"family = ["pii"]"#, r#"family = ["secret"]"#),
        (r#"label = ["mob*"]"#, r#"label = ["email"]"#),
        (r#"family = ["pii"], label = ["mobile"]"#, r#"family = ["attack"], label = ["mobile"]"#),
        (r#"unsafe_min = 0.6"#, r#"unsafe_min = 0.61"#),
        (r#"refusal_min = 0.3"#, r#"refusal_min = 0.31"#),
        (r#"app = ["bank-*"]"#, r#"app = ["school"]"#),
        (r#"tenant = ["north"]"#, r#"tenant = ["south"]"#),
        (r#"user = ["u1"]"#, r#"user = ["u2"]"#),
        (r#"tier = ["gold"]"#, r#"tier = ["minor"]"#),
        (r#"scene = ["medical"]"#, r#"scene = ["finance"]"#),
        (r#"minor = true"#, r#"minor = false"#),
        (r#"guided = false"#, r#"guided = true"#),
        (r#"unavailable = false"#, r#"unavailable = true"#),
        (r#"lang = "zh""#, r#"lang = "en""#),
        (r#"attachment = ["image"]"#, r#"attachment = ["video"]"#),
        (r#"role = ["user"], family = ["pii"]"#, r#"role = ["tool"], family = ["pii"]"#),
        (r#"scope = "all", family = ["pii"]"#, r#"scope = "turn", family = ["pii"]"#),
        (r#"side = ["tool"], attack = ["H2"]"#, r#"side = ["tool"], attack = ["H1"]"#),
        (r#"cel = "risk.score > 0.5 && size(findings) == 2""#, r#"cel = "risk.score > 0.9""#),
        (r#"risk = ["A1d"], topic = ["health.*"]"#, r#"risk = ["A1d"], topic = ["law.*"]"#),
    ] {
        assert!(holds(yes, &case()), "{yes}");
        assert!(!holds(no, &case()), "{no}");
    }
}

#[test]
fn what_was_not_judged_satisfies_nothing() {
    let mut case = case();
    case.verdict = Verdict::default();
    for when in [
        r#"level = ["none", "related", "risky"]"#,
        r#"intent = ["*"]"#,
        r#"topic = ["*"]"#,
        r#"sentiment = ["*"]"#,
        r#"risk = ["*"], risk_min = 0.0"#,
        r#"unsafe_min = 0.0"#,
        r#"refusal_min = 0.0"#,
    ] {
        assert!(!holds(when, &case), "{when}");
    }
    assert!(holds("", &case), "no condition holds always");
}

#[test]
fn a_label_counts_from_one_half_unless_said_otherwise() {
    let mut case = case();
    case.verdict = Verdict::default();
    case.verdict.labels.note_risk(Risk::A2d, 0.49);
    assert!(!holds(r#"risk = ["A2d"]"#, &case));
    assert!(holds(r#"risk = ["A2d"], risk_min = 0.4"#, &case));
}

#[test]
fn unavailability_and_language_come_with_the_question() {
    let mut case = case();
    case.verdict.unavailable.push(Unavailable { detector: "judge".into(), reason: String::new() });
    assert!(holds("unavailable = true", &case));
    assert!(holds(r#"cel = "'judge' in unavailable""#, &case));
    case.lang = Some(Lang::En);
    assert!(holds(r#"lang = "en""#, &case));
    case.guided = true;
    assert!(holds("guided = true", &case));
}

#[test]
fn the_turn_starts_with_the_last_user_message() {
    let mut case = case();
    let mut late = Finding::new("kw.x", "x", Family::Keyword, Span::new(0, 3), 0.9);
    (late.segment, late.risk) = (2, Some(Risk::A1f));
    case.verdict.findings.push(late);
    assert!(holds(r#"scope = "turn", risk = ["A1f"]"#, &case));
    assert!(!holds(r#"scope = "turn", risk = ["A4f"]"#, &case), "an old turn does not brick the conversation");
}
