//! What every form of a report promises.

use menshen_store::CampaignRow;
use serde_json::{Value, json};

use super::*;
use crate::attempt::Lineage;
use crate::score::Score;
use crate::turn::Turn;

/// Everything that could break out of some form.
const HOSTILE: &str = "</script><script>alert('x')</script><img src=x onerror=alert(1)>]]>&amp;\"'`|*_[l](javascript:1){0}\u{2028}\u{2029}\u{202e}\u{200b}\u{0}\u{1b}[31m\u{ffff}{{ 7*7 }}{% for x in y %}";

fn row(text: &str) -> CampaignRow {
    CampaignRow {
        id: "0123456789ab".to_owned(),
        created_us: 1_789_000_000_000_000,
        name: format!("minors{text}"),
        state: "complete".to_owned(),
        plan: json!({
            "version": 1, "name": "minors", "need": format!("教育助手{text}"),
            "target": {"kind": "openai", "url": "http://127.0.0.1:1/v1", "model": "m", "limits": {"price_prompt": 2.0, "price_completion": 8.0}},
            "items": [{"risk": "A4a"}],
        }),
        summary: json!({
            "target": format!("m @ 127.0.0.1{text}"), "bank": "b0", "progress": {"of": 60},
            "judges": [{"judge": "native", "hash": "6072fa74", "task": "objective", "sensitivity": 0.9, "specificity": 0.9,
                        "n": 400, "positives": 200, "measured_on": "labelled answers, zh", "source": "command"}],
        }),
    }
}

fn attempt(n: usize, technique: &str, outcome: Outcome, text: &str) -> Attempt {
    let success = match outcome {
        Outcome::Success => Some(true),
        Outcome::Resisted => Some(false),
        _ => None,
    };
    let risk = if n.is_multiple_of(2) { Risk::A4a } else { Risk::A1f };
    Attempt {
        key: format!("{n:016x}"),
        at_us: 1_789_000_000_000_000 + n as i64,
        instruction: format!("{}-{}", risk.id(), n / 4),
        goal: format!("the aim {n}{text}"),
        lang: if n.is_multiple_of(3) { "en" } else { "zh" }.to_owned(),
        risk: Some(risk),
        owasp: vec!["LLM01".to_owned(), "LLM05".to_owned()],
        harm: if n.is_multiple_of(5) { Harm::H4 } else { Harm::H2 },
        technique: technique.to_owned(),
        attacks: if technique == "plain" { Vec::new() } else { vec![Attack::E1, Attack::S6] },
        transcript: vec![Turn::user(format!("asked{text}")), Turn::assistant(format!("answered{text}"))],
        stopped: (outcome == Outcome::Resisted && n.is_multiple_of(7)).then(|| format!("policy{text}")),
        outcome,
        scores: vec![Score {
            judge: "native@6072fa74".to_owned(),
            success,
            value: if success == Some(true) { 0.8 } else { 0.1 },
            reason: format!("because{text}"),
        }],
        requests: 1,
        usage: Usage { prompt: 100, completion: 50, estimated: false },
        took_ms: 12,
        problem: (outcome == Outcome::Failed).then(|| format!("timeout{text}")),
        lineage: (technique == "genetic").then(|| Lineage {
            parents: vec![format!("seed{text}")],
            operator: format!("crossover{text}"),
            generation: (n / 10) as u32,
            template: Some(format!("{text} {{payload}}")),
        }),
    }
}

fn campaign(text: &str) -> Report {
    let mut attempts = Vec::new();
    for n in 0..40 {
        let outcome = match n % 8 {
            0 | 1 => Outcome::Success,
            2 => Outcome::Unscored,
            3 => Outcome::Failed,
            _ => Outcome::Resisted,
        };
        let technique = ["plain", "base64+decode_base64", "scripted", "genetic"][n / 3 % 4];
        attempts.push(attempt(n, technique, outcome, text));
    }
    Report::of(&row(text), &attempts)
}

#[test]
fn what_is_not_scored_is_in_no_rate_and_never_safe() {
    let report = campaign("");
    let total = &report.total;
    assert_eq!((total.attempts, total.successes, total.resisted, total.unscored, total.failed), (40, 10, 20, 5, 5));
    assert_eq!((total.rate.hits, total.rate.of), (10, 30));
    assert!((total.at_most - 0.5).abs() < 1e-9);
    let summed: usize = report.risks.iter().map(|g| g.tally.attempts).sum();
    assert_eq!(summed, 40);
    assert_eq!(report.cells.iter().map(|c| c.tally.attempts).sum::<usize>(), 40);
    for text in [report.summary(true), report.markdown(true), report.html(true)] {
        assert!(text.contains("50.0 %"), "the worst case is told");
    }
}

#[test]
fn every_rate_has_its_judge_and_its_correction() {
    let report = campaign("");
    let corrected = report.total.corrected.expect("the judge was measured");
    assert!((corrected.rate - (1.0 / 3.0 + 0.9 - 1.0) / 0.8).abs() < 1e-9, "{corrected:?}");
    assert!(corrected.low < corrected.rate && corrected.rate < corrected.high);
    assert_eq!(report.judges.len(), 1);
    assert_eq!(report.judges[0].decided, 30);
    assert!(report.judges[0].standing.is_some());
    let mut unmeasured = row("");
    unmeasured.summary = json!({});
    let plain = Report::of(&unmeasured, &report.attempts);
    assert_eq!(plain.total.corrected, None);
    assert!(plain.summary(false).contains("not measured"));
}

#[test]
fn exact_checks_need_no_correction() {
    let mut attempts = campaign("").attempts;
    for attempt in &mut attempts {
        attempt.scores.iter_mut().for_each(|s| s.judge = "check:canary".to_owned());
    }
    let mut bare = row("");
    bare.summary = json!({});
    let report = Report::of(&bare, &attempts);
    let corrected = report.total.corrected.expect("nobody's opinion was asked");
    assert!((corrected.rate - report.total.rate.rate).abs() < 1e-12);
    assert!(report.judges[0].exact);
}

#[test]
fn owasp_numbers_of_both_editions_stand_together() {
    let report = campaign("");
    let of = |id: &str| report.owasp.iter().find(|g| g.id == id).and_then(|g| g.owasp_2026.clone());
    assert_eq!((of("LLM01").as_deref(), of("LLM05").as_deref()), (Some("LLM01"), Some("LLM10")));
    assert!(report.markdown(false).contains("LLM05 → LLM10"));
}

#[test]
fn the_gravest_success_of_each_instruction_comes_first() {
    let report = campaign("");
    let top: Vec<&Attempt> = report.top.iter().filter_map(|k| report.attempt(k)).collect();
    assert_eq!(top.len(), 10);
    assert_eq!(top[0].harm, Harm::H4);
    assert!(top.iter().all(|a| a.outcome == Outcome::Success));
}

#[test]
fn the_page_holds_nothing_of_ours_that_is_not_ours() {
    for chinese in [true, false] {
        let page = campaign(HOSTILE).html(chinese);
        assert!(page.starts_with("<!DOCTYPE html>") || page.trim_start().starts_with("<!DOCTYPE html>"));
        assert_eq!(page.matches("<script").count(), 1, "ours only");
        assert_eq!(page.matches("</script").count(), 1);
        assert!(!page.contains("<img") && !page.contains("javascript:1){0}\u{2028}"));
        assert!(
            !page.contains(['\u{2028}', '\u{2029}', '\u{202e}', '\u{200b}', '\0', '\u{1b}']),
            "what hides is spelt"
        );
        assert!(page.contains("‹U+2028›") && page.contains("&lt;script&gt;"));
        assert!(page.contains("{{ 7*7 }}"), "texts are no templates");
        assert!(page.contains("default-src 'none'") && page.contains("script-src 'sha256-"));
        assert!(!page.contains("http://") || !page.contains("src=\"http"), "nothing is fetched");
        for must in ["<svg", "<details", "prefers-color-scheme", "@media print", "class=\"whisker\"", "class=\"heat\""]
        {
            assert!(page.contains(must), "{must}");
        }
        assert!(page.contains(if chinese { "红队测评报告" } else { "Red team report" }));
    }
}

#[test]
fn junit_is_xml_whatever_was_said_and_tells_failures_errors_and_skips() {
    let xml = campaign(HOSTILE).junit();
    check_xml(&xml);
    assert!(!xml.contains("]]>") && !xml.contains('\0') && !xml.contains('\u{ffff}'));
    let report = campaign("");
    let xml = report.junit();
    assert_eq!(xml.matches("<testcase ").count(), report.cells.len());
    let failing = report.cells.iter().filter(|c| c.tally.successes > 0).count();
    assert_eq!(xml.matches("<failure ").count(), failing);
    let ended = |outcome| Report::of(&row(""), &[attempt(1, "plain", outcome, "")]).junit();
    assert!(ended(Outcome::Failed).contains("<error ") && ended(Outcome::Unscored).contains("<skipped "));
    assert!(!ended(Outcome::Unscored).contains("name=\"plain\" time=\"0.012\"/>"), "what is not known does not pass");
    assert!(ended(Outcome::Resisted).contains("name=\"plain\" time=\"0.012\"/>"));
}

/// Tags are balanced and nothing stands in them that XML does not allow.
fn check_xml(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in xml.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "{text}");
        let name = tag.split([' ', '/', '?']).find(|n| !n.is_empty()).expect("a name");
        if tag.starts_with('?') || tag.ends_with('/') {
            continue;
        }
        match tag.strip_prefix('/') {
            Some(_) => assert_eq!(open.pop(), Some(name)),
            None => open.push(name),
        }
    }
    assert!(open.is_empty());
    assert!(xml.chars().all(|c| matches!(c, '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)));
}

#[test]
fn sarif_has_a_rule_for_each_sub_class_and_a_result_for_each_success() {
    let report = campaign(HOSTILE);
    let sarif: Value = serde_json::from_str(&report.sarif()).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), 1 + Attack::ALL.len());
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), 10);
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(matches!(result["level"].as_str(), Some("warning" | "error")));
        assert_eq!(result["partialFingerprints"]["menshenRedteamCase/v1"].as_str().map(str::len), Some(32));
        let text = result["message"]["text"].as_str().expect("a text");
        assert!(!text.replace("{{", "").contains('{') && text.contains("\\[l\\]"), "{text}");
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().expect("a URI");
        assert!(uri.is_ascii() && !uri.contains(' '));
        assert_eq!(result["codeFlows"][0]["threadFlows"][0]["locations"].as_array().map(Vec::len), Some(2));
    }
    let told = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str();
    assert!(told.is_some_and(|t| t.contains("not known to be safe")));
}

#[test]
fn fingerprints_stay_the_same_from_run_to_run() {
    let (a, b) = (campaign(""), campaign(""));
    assert_eq!(a.sarif(), b.sarif());
    assert_eq!(a.html(true), b.html(true));
}

#[test]
fn markdown_and_terminal_hold_no_markup_or_control_of_others() {
    let report = campaign(HOSTILE);
    for chinese in [true, false] {
        let text = report.markdown(chinese);
        assert!(!text.contains("<script") && !text.contains("](javascript") && !text.contains('\u{2028}'));
        let text = report.summary(chinese);
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    }
}

#[test]
fn the_forms_are_what_they_were() {
    let report = campaign("");
    insta::assert_snapshot!("summary_zh", report.summary(true));
    insta::assert_snapshot!("summary_en", report.summary(false));
    insta::assert_snapshot!("markdown_zh", report.markdown(true));
    insta::assert_snapshot!("junit", report.junit());
    let sarif: Value = serde_json::from_str(&report.sarif()).expect("JSON");
    insta::assert_json_snapshot!("sarif_result", sarif["runs"][0]["results"][0]);
}

#[test]
fn a_campaign_fails_by_rate_by_harm_and_by_what_is_not_known() {
    let report = campaign("");
    assert_eq!(report.failures(&FailOn::default(), false), Vec::<String>::new());
    let fail = |json: Value| report.failures(&serde_json::from_value(json).expect("fail_on"), false);
    assert_eq!(fail(json!({"rate_above": 0.05})).len(), 1);
    assert_eq!(fail(json!({"rate_above": 0.9})).len(), 0);
    assert_eq!(fail(json!({"harm": {"H4": 1}})).len(), 1);
    assert_eq!(fail(json!({"harm": {"H4": 100}})).len(), 0);
    assert_eq!(fail(json!({"unscored_above": 0.2})).len(), 1);
    let nothing = Report::of(&row(""), &[]);
    assert_eq!(nothing.failures(&FailOn::default(), false).len(), 1, "nothing attempted is no pass");
    for chinese in [true, false] {
        assert!(nothing.html(chinese).contains("</html>") && !nothing.summary(chinese).is_empty());
    }
    check_xml(&nothing.junit());
    let unscored: Vec<Attempt> = (0..4).map(|n| attempt(n, "plain", Outcome::Unscored, "")).collect();
    let unscored = Report::of(&row(""), &unscored);
    let why = unscored.failures(&serde_json::from_value(json!({"rate_above": 0.9})).expect("fail_on"), false);
    assert_eq!(why.len(), 2, "not known is no pass: {why:?}");
}

#[test]
fn every_reason_of_a_failure_is_told_in_both_languages() {
    let of = |json: Value| serde_json::from_value::<FailOn>(json).expect("fail_on");
    let report = campaign("");
    let nothing = Report::of(&row(""), &[]);
    let unscored: Vec<Attempt> = (0..4).map(|n| attempt(n, "plain", Outcome::Unscored, "")).collect();
    let unscored = Report::of(&row(""), &unscored);
    let all = of(json!({"rate_above": 0.05, "harm": {"H4": 1}, "unscored_above": 0.2}));
    let told = |chinese: bool| {
        let mut told = report.failures(&all, chinese);
        told.extend(nothing.failures(&all, chinese));
        told.extend(unscored.failures(&all, chinese));
        told
    };
    let (zh, en) = (told(true), told(false));
    assert_eq!((zh.len(), en.len()), (6, 6), "{zh:?} {en:?}");
    for (zh, en) in zh.iter().zip(&en) {
        assert!(en.is_ascii() && !zh.is_ascii() && !zh.contains("attempt"), "{zh} / {en}");
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>().len();
        assert_eq!(digits(zh), digits(en), "{zh} / {en}");
    }
}

#[test]
fn a_comparison_finds_what_was_mended_and_what_broke() {
    let before = campaign("");
    let mut after = before.attempts.clone();
    for attempt in &mut after {
        if attempt.outcome == Outcome::Success {
            attempt.outcome = Outcome::Resisted;
            attempt.scores[0].success = Some(false);
        }
    }
    after[4].outcome = Outcome::Success;
    after[4].scores[0].success = Some(true);
    let after = Report::of(&row(""), &after);
    let comparison = compare(&before, &after);
    assert_eq!((comparison.matched, comparison.mended, comparison.broken), (40, 10, 1));
    assert!(comparison.p < 0.05 && comparison.total.difference.is_some_and(|d| d.significant && d.value < 0.0));
    assert_eq!(comparison.flips[0].after, Outcome::Success, "what broke is read first");
    assert!(comparison.notes.is_empty(), "{:?}", comparison.notes);
    let parsed: Value = serde_json::from_str(&comparison.json()).expect("JSON");
    assert_eq!(parsed["matched"], 40);
    assert!(comparison.markdown(true).contains("更安全") && comparison.markdown(false).contains("safer"));
    let same = compare(&before, &before);
    assert!(same.flips.is_empty() && (same.p - 1.0).abs() < 1e-12);
    let hostile = compare(&campaign(HOSTILE), &after).markdown(false);
    assert!(!hostile.contains("<script"));
}

#[test]
fn genetic_search_is_told_generation_by_generation() {
    let report = campaign("");
    let searched = report.attempts.iter().filter(|a| a.technique == "genetic").count();
    assert_eq!(report.generations.iter().map(|g| g.attempts).sum::<usize>(), searched);
    assert!(report.generations.windows(2).all(|w| w[0].generation < w[1].generation));
    assert!(report.html(false).contains("crossover"));
}

#[test]
fn everything_is_in_the_json() {
    let report = campaign(HOSTILE);
    let parsed: Value = serde_json::from_str(&report.json()).expect("JSON");
    assert_eq!(parsed["attempts"].as_array().map(Vec::len), Some(40));
    assert_eq!(parsed["attempts"][0]["transcript"][0]["text"], format!("asked{HOSTILE}"));
    assert!(parsed["spend"]["cost"].as_f64().is_some_and(|c| c > 0.0));
}
