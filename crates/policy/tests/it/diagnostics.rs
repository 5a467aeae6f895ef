//! Mistakes in packs are named with line, column and remedy.

use proptest::prelude::*;

use crate::load;

fn complaints(files: &[(&str, &str)]) -> Vec<String> {
    load(files).1.iter().map(ToString::to_string).filter(|d| !d.starts_with("enabled packs: warning")).collect()
}

fn only(files: &[(&str, &str)]) -> String {
    let mut found = complaints(files);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn rule(line: &str) -> String {
    format!("[[rule]]\nid = \"r\"\nthen = \"block\"\nwhen = {{}}\n{line}\n")
}

#[test]
fn unknown_keys_and_wrong_types() {
    assert_eq!(
        only(&[("p/rules/r.toml", &rule("priorty = 3"))]),
        "p/rules/r.toml:5:1: error: unknown key `priorty` (did you mean `priority`?)"
    );
    assert_eq!(
        only(&[("p/rules/r.toml", &rule("priority = \"high\""))]),
        "p/rules/r.toml:5:12: error: `priority` is a string, not an integer (write an integer)"
    );
    assert_eq!(
        only(&[("p/rules/r.toml", "[[rule]]\nid = \"r\"\nthen = \"blok\"\nwhen = {}\n")]),
        "p/rules/r.toml:3:8: error: \"blok\" is not a `then` (one of pass, guide, redact, answer, decline, review, block, suspend)"
    );
    assert_eq!(
        only(&[("p/rules/r.toml", "[[rule]]\nid = \"r\"\nthen = \"block\"\nwhen = { minor = 1 }\n")]),
        "p/rules/r.toml:4:18: error: `minor` is an integer, not true or false (write true or false)"
    );
}

#[test]
fn unknown_ids() {
    let when = |w: &str| format!("[[rule]]\nid = \"r\"\nthen = \"block\"\nwhen = {{ {w} }}\n");
    for (rules, expected) in [
        (when("risk = [\"A1a\", \"A9z\"]"), "4:25: error: unknown risk \"A9z\""),
        (when("attack = [\"S7\"]"), "4:20: error: unknown attack \"S7\""),
        (when("level = [\"rissky\"]"), "4:19: error: unknown level \"rissky\" (did you mean `risky`?)"),
        (when("side = [\"in\"]"), "4:18: error: unknown side \"in\" (one of input, output, tool)"),
        (when("finding = [\"pii.**\"]"), "4:21: error: bad glob \"pii.**\": `**` is not supported"),
        (when("risk_min = 1.5"), "4:21: error: `risk_min` is not within 0..=1"),
        (when("cel = \"riskk.score > 0.5\""), "4:16: error: bad CEL: unknown variable `riskk` (did you mean `risk`?)"),
        (rule("reply = \"declin\""), "5:9: error: unknown reply \"declin\""),
        (rule("principles = [\"a.*\"]"), "5:15: error: no principle matches \"a.*\""),
        (rule("answer = \"x\""), "5:10: error: unknown standard answer \"x\""),
        ("[[rule]]\nid = \"r\"\nthen = \"guide\"\nwhen = {}\n".to_owned(), "3:1: error: a guide without principles"),
        ("[[rule]]\nid = \"r\"\nthen = \"block\"\n".to_owned(), "1:1: error: `when` is missing"),
        ("[[rule]]\nthen = \"block\"\nwhen = {}\n".to_owned(), "1:1: error: `id` is missing"),
    ] {
        let found = complaints(&[("p/rules/r.toml", &rules)]);
        assert!(found.iter().any(|d| d.starts_with(&format!("p/rules/r.toml:{expected}"))), "{expected}\n{found:#?}");
    }
}

#[test]
fn duplicates_point_to_the_first() {
    let twice = format!("{}{}", rule(""), rule(""));
    let found = only(&[("p/rules/r.toml", &twice)]);
    assert!(found.starts_with("p/rules/r.toml:6:1: error: duplicate rule id \"r\" (the first one is at "), "{found}");
    assert!(found.ends_with("p/rules/r.toml:1)"), "{found}");
}

#[test]
fn broken_toml_names_the_place_and_the_rest_loads() {
    let broken = "[[rule]]\nid = \"a\"\nthen = \"block\"\nwhen = {}\n\n[[rule]]\nid = = \"b\"\n";
    let (packs, found) = load(&[("p/rules/r.toml", broken)]);
    assert!(found.iter().any(|d| d.is_error() && d.line == 7), "{found:?}");
    assert_eq!(packs.rules().count(), 1);
    let (packs, found) =
        load(&[("p/rules/r.toml", &rule("priorty = 3")), ("p/rules/s.toml", &rule("").replace("\"r\"", "\"s\""))]);
    assert_eq!((packs.rules().count(), found.iter().filter(|d| d.is_error()).count()), (1, 1));
}

#[test]
fn packs_that_do_not_fit_together() {
    let requires = "id = \"p\"\nversion = \"1\"\nrequires = [\"q\"]\n";
    let found = complaints(&[("p/pack.toml", requires)]);
    assert!(found.iter().any(|d| d.contains("error: unknown pack \"q\"")), "{found:?}");
    let circle = "id = \"q\"\nversion = \"1\"\nrequires = [\"p\"]\n";
    let found = complaints(&[("p/pack.toml", requires), ("q/pack.toml", circle)]);
    assert!(found.iter().any(|d| d.contains("packs require each other: p → q → p")), "{found:?}");
    let scene = "[[scene]]\nid = \"s\"\npacks = [\"none\"]\noverrides = [{ rule = \"p/none\", then = \"block\" }]\n";
    let found = complaints(&[("p/scenes/s.toml", scene)]);
    assert!(found.iter().any(|d| d.starts_with("p/scenes/s.toml:3:10: error: unknown pack \"none\"")), "{found:?}");
    assert!(found.iter().any(|d| d.starts_with("p/scenes/s.toml:4:23: error: unknown rule \"p/none\"")), "{found:?}");
}

#[test]
fn answers_are_checked_at_their_fields() {
    let answers = "[[answer]]\nid = \"a\"\nquestions = [\"一\", \"二\", \"三\"]\nanswer = \"答\"\nstatus = \"approved\"\napproved_at = \"2026-13-01\"\n";
    let found = complaints(&[("p/answers/a.toml", answers)]);
    assert!(found[0].starts_with("p/answers/a.toml:6:15: error: \"2026-13-01\" is not a date"), "{found:?}");
    let unapproved = answers.replace("2026-13-01", "2026-12-01");
    let found = complaints(&[("p/answers/a.toml", &unapproved)]);
    assert!(found[0].contains("error: an approved answer must say who approved it"), "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any text is a pack file: it loads, and every complaint has its place within the text.
    #[test]
    fn any_text_is_a_pack_file(
        kind in proptest::sample::select(vec![
            "rules/f.toml", "principles/f.toml", "replies/f.toml", "scenes/f.toml", "answers/f.toml", "answers/settings.toml",
            "labels.toml", "topics.toml", "pack.toml",
        ]),
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "[[rule]]\n", "[[principle]]\n", "[[reply]]\n", "[[scene]]\n", "[[scene.rule]]\n", "[[answer]]\n", "[label]\n", "id = \"a\"\n",
            "when = {}\n", "when = { risk = [\"A1*\"], cel = \"risk.score > 0.1\" }\n", "then = \"guide\"\n", "then = 3\n", "zh = \"一\"\n", "en = 1\n",
            "questions = [\"一\", 2]\n", "answer = \"\"\n", "x = [[[[[[\n", "\"", "'", "= ", "{", "[", "险", "\r\n", "\u{0}", "priority = 99999999999999999999\n",
        ]), 0..24),
    ) {
        let body = parts.concat();
        let (_, diagnostics) = load(&[(&format!("p/{kind}"), &body)]);
        let lines = body.split('\n').count();
        for diagnostic in diagnostics {
            prop_assert!(diagnostic.line <= lines, "{diagnostic}");
            prop_assert!(!diagnostic.message.is_empty());
        }
    }
}
