//! How rules make a decision together.

use menshen_policy::{Attachments, Lang, OnUnavailable, Question, Settings, Subject};
use menshen_verdict::{
    Action, Attachment, Conversation, Family, Finding, Media, Outcome, Risk, Role, Scored, Side, Span, Topic,
    Unavailable, Verdict,
};
use proptest::prelude::*;

use crate::{PRINCIPLES, REPLIES, decide, policy_of, sound};

fn risky(risk: Risk, score: f32) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.labels.note_risk(risk, score);
    verdict
}

fn unavailable(mut verdict: Verdict) -> Verdict {
    verdict.unavailable.push(Unavailable { detector: "judge.remote".into(), reason: "timeout".to_owned() });
    verdict
}

#[test]
fn the_highest_priority_decides_and_ties_go_to_the_stricter() {
    let policy = policy_of(
        r#"
        [[rule]]
        id = "low"
        priority = 1
        when = {}
        then = "suspend"
        [[rule]]
        id = "mild"
        priority = 5
        when = { risk = ["A1*"] }
        then = "pass"
        [[rule]]
        id = "strict"
        version = 4
        priority = 5
        when = { risk = ["A1d"] }
        then = "decline"
        reply = "custom"
        "#,
        Settings::default(),
    );
    let decision = decide(&policy, &risky(Risk::A1d, 0.9));
    assert_eq!(decision.rule.as_ref().unwrap().to_string(), "p/strict@4");
    assert_eq!((decision.action, decision.reply.as_deref()), (Action::Decline, Some("自定义")));
    let hits: Vec<_> = decision.hits.iter().map(|h| h.rule.rule.as_ref()).collect();
    assert_eq!(hits, ["strict", "mild", "low"]);
    assert_eq!(decide(&policy, &risky(Risk::A1a, 0.9)).action, Action::Pass);
}

#[test]
fn nothing_matched_is_a_pass() {
    let policy = policy_of("", Settings::default());
    let decision = decide(&policy, &risky(Risk::A1d, 1.0));
    assert_eq!((decision.action, decision.rule.as_ref(), decision.outcome()), (Action::Pass, None, Outcome::Allowed));
}

#[test]
fn monitor_mode_records_and_does_not_act() {
    let rule = "[[rule]]\nid = \"r\"\nwhen = {}\nthen = \"block\"\n";
    let by_rule = policy_of(&format!("{rule}monitor = true\n"), Settings::default());
    let by_app = policy_of(rule, Settings { monitor: true, ..Settings::default() });
    let by_pack = sound(&[("p/pack.toml", "id = \"p\"\nversion = \"1\"\nmonitor = true\n"), ("p/rules/r.toml", rule)])
        .policy(&Settings::default());
    for policy in [by_rule, by_app, by_pack] {
        let decision = decide(&policy, &Verdict::default());
        assert_eq!(decision.action, Action::Pass);
        assert!(decision.hits[0].monitor && decision.hits[0].action == Action::Block);
    }
}

#[test]
fn disabled_rules_do_not_exist() {
    let rules = "[[rule]]\nid = \"r\"\nwhen = {}\nthen = \"block\"\n";
    let settings = Settings { disabled_rules: vec!["p/r*".to_owned()], ..Settings::default() };
    assert!(decide(&policy_of(rules, settings), &Verdict::default()).hits.is_empty());
    let switched_off = policy_of(&format!("{rules}enabled = false\n"), Settings::default());
    assert!(decide(&switched_off, &Verdict::default()).hits.is_empty());
}

#[test]
fn closed_unless_somebody_says_open() {
    let none = policy_of("", Settings::default());
    let decision = decide(&none, &unavailable(Verdict::default()));
    assert_eq!(
        (decision.action, decision.unavailable, decision.outcome()),
        (Action::Block, true, Outcome::Unavailable)
    );
    assert_eq!(decision.rule.unwrap().to_string(), "settings/on_unavailable@1");
    assert_eq!(decision.reply.as_deref(), Some("暂不可用"));

    let open = policy_of("", Settings { on_unavailable: OnUnavailable::Open, ..Settings::default() });
    assert_eq!(decide(&open, &unavailable(Verdict::default())).action, Action::Pass);

    let by_rule =
        policy_of("[[rule]]\nid = \"open\"\nwhen = { unavailable = true }\nthen = \"pass\"\n", Settings::default());
    let decision = decide(&by_rule, &unavailable(Verdict::default()));
    assert_eq!((decision.action, decision.unavailable), (Action::Pass, false));

    let closed_by_rule = policy_of(
        "[[rule]]\nid = \"closed\"\nwhen = { unavailable = true }\nthen = \"review\"\n",
        Settings { on_unavailable: OnUnavailable::Open, ..Settings::default() },
    );
    let decision = decide(&closed_by_rule, &unavailable(Verdict::default()));
    assert_eq!((decision.action, decision.unavailable), (Action::Review, true));
}

#[test]
fn a_forwarding_rule_does_not_open_what_is_closed() {
    let rules = "[[rule]]\nid = \"allow\"\npriority = 900\nwhen = { risk = [\"A1*\"] }\nthen = \"pass\"\n";
    let decision = decide(&policy_of(rules, Settings::default()), &unavailable(risky(Risk::A1d, 0.9)));
    assert_eq!((decision.action, decision.unavailable), (Action::Block, true));
}

#[test]
fn a_stopping_rule_decides_even_when_something_is_unavailable() {
    let rules = "[[rule]]\nid = \"stop\"\nwhen = { risk = [\"A1*\"] }\nthen = \"decline\"\n";
    let decision = decide(&policy_of(rules, Settings::default()), &unavailable(risky(Risk::A1d, 0.9)));
    assert_eq!((decision.action, decision.unavailable), (Action::Decline, false));
}

#[test]
fn an_expression_that_fails_is_never_an_allow() {
    // True at load, where the sample has a finding; fails without one.
    let rules = "[[rule]]\nid = \"cel\"\nwhen = { cel = \"findings[0].score > 0.0\" }\nthen = \"pass\"\n";
    let decision = decide(&policy_of(rules, Settings::default()), &Verdict::default());
    assert_eq!((decision.action, decision.unavailable), (Action::Block, true));
    assert_eq!(decision.hits[0].action, Action::Block);
    let open = policy_of(rules, Settings { on_unavailable: OnUnavailable::Open, ..Settings::default() });
    let decision = decide(&open, &Verdict::default());
    assert_eq!(decision.action, Action::Pass);
    assert!(decision.hits[0].monitor, "the failure is recorded");
    let higher = format!("{rules}[[rule]]\nid = \"top\"\npriority = 1\nwhen = {{}}\nthen = \"decline\"\n");
    let decision = decide(&policy_of(&higher, Settings::default()), &Verdict::default());
    assert_eq!((decision.action, decision.unavailable), (Action::Decline, false));
}

#[test]
fn guidance_names_explicit_principles_first_then_matching_ones() {
    let policy = policy_of(
        "[[rule]]\nid = \"g\"\nwhen = {}\nthen = \"guide\"\nprinciples = [\"medicine.b\"]\nauto = true\n",
        Settings::default(),
    );
    let mut verdict = risky(Risk::A1d, 0.9);
    verdict.labels.topic = Some(Scored::new(Topic::new("health.medicine"), 0.9));
    let decision = decide(&policy, &verdict);
    assert_eq!(decision.principles, ["medicine.b", "a1d", "medicine.a"]);
    assert_eq!(decision.guidance.as_deref(), Some("1. 劝就医。\n2. 不宣扬。\n3. 讲常识。"));
    assert_eq!(decision.outcome(), Outcome::Intervened);
}

#[test]
fn a_guide_falls_back_and_otherwise_declines() {
    let rules = "[[rule]]\nid = \"g\"\nwhen = {}\nthen = \"guide\"\nauto = true\n";
    let decision = decide(&policy_of(rules, Settings::default()), &Verdict::default());
    assert_eq!(decision.principles, ["general"]);
    let bare = sound(&[("p/rules/r.toml", rules), ("p/replies/r.toml", REPLIES)]).policy(&Settings::default());
    let decision = decide(&bare, &Verdict::default());
    assert_eq!((decision.action, decision.reply.as_deref()), (Action::Decline, Some("抱歉")));
}

#[test]
fn a_second_guide_is_a_decline() {
    let policy = policy_of(
        "[[rule]]\nid = \"g\"\nwhen = {}\nthen = \"guide\"\nauto = true\nreply = \"custom\"\n",
        Settings::default(),
    );
    let (conversation, subject) = (Conversation::of_text(Role::Assistant, "answer"), Subject::default());
    let verdict = Verdict::default();
    let mut question = Question::new(Side::Output, &conversation, &verdict, &subject);
    question.guided = true;
    let decision = policy.decide(&question);
    assert_eq!((decision.action, decision.reply.as_deref()), (Action::Decline, Some("Custom")));
    question.lang = Some(Lang::Zh);
    assert_eq!(policy.decide(&question).reply.as_deref(), Some("自定义"));
}

#[test]
fn attachments_are_never_silently_unchecked() {
    let mut conversation = Conversation::of_text(Role::User, "look");
    let picture = |media| Attachment { path: String::new(), role: Role::User, media, source: None };
    conversation.attachments.push(picture(Media::Image));
    let (verdict, subject) = (Verdict::default(), Subject::default());
    let ask = |rules: &str, attachments, conversation: &Conversation| {
        let policy = policy_of(rules, Settings { attachments, ..Settings::default() });
        policy.decide(&Question::new(Side::Input, conversation, &verdict, &subject))
    };
    let decision = ask("", Attachments::Block, &conversation);
    assert_eq!((decision.action, decision.reply.as_deref()), (Action::Block, Some("No attachments")));
    assert_eq!(decision.rule.unwrap().to_string(), "settings/attachments@1");
    assert_eq!(ask("", Attachments::Pass, &conversation).action, Action::Pass);
    let images = "[[rule]]\nid = \"i\"\nwhen = { attachment = [\"image\"] }\nthen = \"pass\"\n";
    assert_eq!(ask(images, Attachments::Block, &conversation).action, Action::Pass);
    conversation.attachments.push(picture(Media::Video));
    assert_eq!(ask(images, Attachments::Block, &conversation).action, Action::Block, "nobody spoke about the video");
}

#[test]
fn a_scene_changes_rules_and_adds_its_own() {
    let scenes = r#"
        [[scene]]
        id = "minors"
        title = { zh = "未成年人", en = "minors" }
        packs = ["p"]
        overrides = [{ rule = "p/medical", then = "decline", reply = "custom" }]
        [[scene.rule]]
        id = "no-lottery"
        priority = 9
        when = { topic = ["lottery.*"] }
        then = "block"
    "#;
    let rules = "[[rule]]\nid = \"medical\"\nwhen = { topic = [\"health.*\"] }\nthen = \"guide\"\nauto = true\n";
    let packs = sound(&[
        ("p/rules/r.toml", rules),
        ("p/scenes/s.toml", scenes),
        ("p/replies/r.toml", REPLIES),
        ("p/principles/p.toml", PRINCIPLES),
    ]);
    let about = |topic: &'static str| {
        let mut verdict = Verdict::default();
        verdict.labels.topic = Some(Scored::new(Topic::new(topic), 0.9));
        verdict
    };
    let plain = packs.policy(&Settings::default());
    assert_eq!(decide(&plain, &about("health.x")).action, Action::Guide);
    assert_eq!(decide(&plain, &about("lottery.x")).action, Action::Pass);
    let by_settings = packs.policy(&Settings { scene: Some("minors".to_owned()), ..Settings::default() });
    let decision = decide(&by_settings, &about("health.x"));
    assert_eq!((decision.action, decision.reply.as_deref()), (Action::Decline, Some("自定义")));
    assert_eq!(decide(&by_settings, &about("lottery.x")).action, Action::Block);
    let (conversation, verdict) = (Conversation::of_text(Role::User, "你好"), about("lottery.x"));
    let subject = Subject { scene: Some("minors".to_owned()), ..Subject::default() };
    let decision = plain.decide(&Question::new(Side::Input, &conversation, &verdict, &subject));
    assert_eq!(decision.action, Action::Block, "the subject's scene goes before the settings'");
    assert_eq!(packs.check_settings(&Settings { scene: Some("minor".to_owned()), ..Settings::default() }).len(), 1);
}

#[test]
fn later_packs_replace_replies_and_a_pin_does_not_care() {
    let own = "[[reply]]\nid = \"custom\"\nzh = \"后来的\"\nen = \"Later\"\n";
    let rules = "[[rule]]\nid = \"r\"\nwhen = {}\nthen = \"decline\"\nreply = \"custom\"\n";
    let packs = sound(&[
        ("p/replies/r.toml", REPLIES),
        ("p/rules/r.toml", rules),
        ("q/pack.toml", "id = \"q\"\nversion = \"1\"\nrequires = [\"p\"]\n"),
        ("q/replies/r.toml", own),
    ]);
    let policy = packs.policy(&Settings::default());
    assert_eq!(decide(&policy, &Verdict::default()).reply.as_deref(), Some("后来的"));
    assert_eq!(policy.reply("p/custom", Lang::En), Some("Custom"));
    assert_eq!(packs.versions().len(), 2);
}

#[test]
fn a_rule_may_name_a_standard_answer() {
    let answers = r#"
        [[answer]]
        id = "hours"
        version = 7
        questions = ["几点开门", "营业时间", "什么时候开门"]
        answer = "九点。"
        approved_by = "x"
        approved_at = "2026-01-01"
        valid_to = "2026-12-31"
        status = "approved"
    "#;
    let rules = "[[rule]]\nid = \"r\"\nwhen = {}\nthen = \"answer\"\nanswer = \"hours\"\n";
    let packs = sound(&[("p/answers/a.toml", answers), ("p/rules/r.toml", rules), ("p/replies/r.toml", REPLIES)]);
    let policy = packs.policy(&Settings::default());
    let (conversation, verdict, subject) =
        (Conversation::of_text(Role::User, "你好"), Verdict::default(), Subject::default());
    let mut question = Question::new(Side::Input, &conversation, &verdict, &subject);
    question.now_unix_s = 1_780_000_000; // 2026-05-28
    let answer = policy.decide(&question).answer.unwrap();
    assert_eq!((answer.id.as_str(), answer.version, answer.text.as_str()), ("p/hours", 7, "九点。"));
    question.now_unix_s = 1_830_000_000; // 2027-12-28
    assert_eq!(policy.decide(&question).action, Action::Decline, "an answer that is no longer in force is not given");
}

#[test]
fn redactions_of_every_acting_rule_apply_beside_guidance() {
    let policy = policy_of(
        r#"
        [[rule]]
        id = "redact"
        when = { family = ["pii"] }
        then = "redact"
        redact = ["pii.*"]
        restore = true
        [[rule]]
        id = "guide"
        priority = 9
        when = { family = ["pii"] }
        then = "guide"
        auto = true
        "#,
        Settings::default(),
    );
    let conversation = Conversation::of_text(Role::User, "电话13800138000");
    let mut verdict = Verdict::default();
    verdict.findings.push(Finding::new("pii.cn.mobile", "mobile", Family::Pii, Span::new(6, 17), 1.0));
    let subject = Subject::default();
    let decision = policy.decide(&Question::new(Side::Input, &conversation, &verdict, &subject));
    assert_eq!(decision.action, Action::Guide);
    assert_eq!(decision.redactions[0].replacement, "[手机号#1]");
    assert!(decision.redactions[0].restore);
}

proptest! {
    /// The order in which rules are written, and over how many files, plays no part.
    #[test]
    fn the_order_of_files_decides_nothing(
        rules in proptest::collection::vec((0_u8..3, 0_usize..8, 0_usize..3), 1..8),
        seed in any::<u64>(),
    ) {
        const THEN: [&str; 8] = ["pass", "guide", "redact", "decline", "review", "block", "suspend", "pass"];
        let written: Vec<String> = rules.iter().enumerate().map(|(i, (priority, then, risk))| format!(
            "[[rule]]\nid = \"r{i}\"\npriority = {priority}\nwhen = {{ risk = [\"{}\"] }}\nthen = \"{}\"\nauto = true\nredact = [\"pii.*\"]\n",
            ["A1d", "A1*", "A2*"][*risk], THEN[*then],
        )).collect();
        let mut shuffled = written.clone();
        let mut state = seed;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(i, usize::try_from(state >> 33).unwrap() % (i + 1));
        }
        let half = shuffled.len() / 2;
        let one = policy_of(&written.concat(), Settings::default());
        let many = sound(&[
            ("p/rules/a.toml", &shuffled[..half].concat()),
            ("p/rules/b.toml", &shuffled[half..].concat()),
            ("p/replies/r.toml", REPLIES),
            ("p/principles/p.toml", PRINCIPLES),
        ]).policy(&Settings::default());
        let verdict = risky(Risk::A1d, 0.9);
        let (a, b) = (decide(&one, &verdict), decide(&many, &verdict));
        prop_assert_eq!(&a, &b);
        // And the winner is the maximum of (priority, strictness) among what matched.
        let best = rules.iter().filter(|r| r.2 != 2).map(|r| (r.0, THEN[r.1])).max_by_key(|(p, then)| {
            (*p, Action::ALL.iter().position(|a| a.id() == *then))
        });
        let decided = a.hits.first().map(|h| h.action.id());
        prop_assert_eq!(decided, best.map(|b| b.1));
    }
}
