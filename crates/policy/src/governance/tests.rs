use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn shipped() -> Governance {
    let (all, said) = governance(None);
    assert!(said.is_empty(), "{}", said.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    all
}

fn profile(pairs: &[(&str, &[&str])]) -> Profile {
    pairs.iter().map(|(f, o)| ((*f).to_owned(), o.iter().map(|o| (*o).to_owned()).collect())).collect()
}

fn harmless() -> Profile {
    profile(&[
        ("industry", &["general"]),
        ("sensitivity", &["public"]),
        ("technique", &["assist"]),
        ("audience", &["staff"]),
        ("reach", &["internal"]),
    ])
}

#[test]
fn what_is_shipped_is_whole_and_in_both_languages() {
    let all = shipped();
    let value = toml::Value::try_from(&all).unwrap();
    fn walk(at: &str, value: &toml::Value) {
        match value {
            toml::Value::Table(t) => {
                if let (Some(zh), Some(en)) = (t.get("zh"), t.get("en")) {
                    assert!(!zh.as_str().unwrap().trim().is_empty(), "{at}");
                    let en = en.as_str().unwrap();
                    assert!(!en.trim().is_empty() && !en.chars().any(crate::settings::is_han), "{at}: {en}");
                }
                t.iter().for_each(|(k, v)| walk(&format!("{at}.{k}"), v));
            }
            toml::Value::Array(a) => a.iter().enumerate().for_each(|(i, v)| walk(&format!("{at}[{i}]"), v)),
            _ => {}
        }
    }
    walk("governance", &value);
    assert_eq!(all.stages.len(), 3);
    for template in &all.templates {
        assert!(template.text.zh.contains("草稿") && template.text.en.contains("Draft"), "{}", template.id);
    }
}

#[test]
fn the_cell_gives_the_level_and_says_which_options_decided() {
    let all = shipped();
    let grading = all.grade(&harmless()).unwrap();
    assert_eq!((grading.level.as_str(), grading.row, grading.column), ("low", 1, 1));
    assert!(grading.raised.is_empty());
    let mut more = harmless();
    more.insert("sensitivity".into(), vec!["public".into(), "personal".into()]);
    more.insert("reach".into(), vec!["public".into()]);
    let grading = all.grade(&more).unwrap();
    assert_eq!((grading.row, grading.column, grading.cell.as_str()), (3, 3, "relatively_major"));
    let deciding: Vec<&str> = grading.chosen.iter().filter(|c| c.decides).map(|c| c.option.as_str()).collect();
    assert_eq!(deciding, ["personal", "public"]);
    assert!(grading.chosen.iter().all(|c| !c.source.is_empty()));
}

#[test]
fn a_rule_raises_the_level_and_is_named_with_its_source() {
    let all = shipped();
    let mut minors = harmless();
    minors.insert("reach".into(), vec!["opinion".into()]);
    let grading = all.grade(&minors).unwrap();
    assert_eq!((grading.cell.as_str(), grading.level.as_str()), ("relatively_major", "major"));
    assert_eq!(grading.path, "committee");
    let rule = grading.raised.iter().find(|r| r.rule == "opinion").unwrap();
    assert!(rule.decides && rule.source.contains("17"));
    // The same rule decides nothing where the cell is as high.
    minors.insert("sensitivity".into(), vec!["sensitive".into()]);
    let grading = all.grade(&minors).unwrap();
    assert_eq!(grading.level, "particularly_major");
    assert!(!grading.raised[0].decides);
}

#[test]
fn what_is_not_answered_is_not_low() {
    let all = shipped();
    let mut open = harmless();
    open.remove("reach");
    assert_eq!(all.grade(&open), Err(ProfileProblem::Unanswered("reach".into())));
    let mut many = harmless();
    many.insert("reach".into(), vec!["internal".into(), "public".into()]);
    assert_eq!(all.grade(&many), Err(ProfileProblem::OnlyOne("reach".into())));
    let mut wrong = harmless();
    wrong.insert("audience".into(), vec!["martians".into()]);
    assert!(matches!(all.grade(&wrong), Err(ProfileProblem::UnknownOption { .. })));
    wrong.insert("colour".into(), vec![]);
    assert_eq!(all.grade(&wrong), Err(ProfileProblem::UnknownFactor("colour".into())));
}

fn edited(name: &str, from: &str, to: &str) -> (Governance, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let body = crate::files::embedded_file(&format!("governance/{name}")).unwrap();
    assert!(body.contains(from), "{from}");
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, body.replacen(from, to, 1)).unwrap();
    let (all, said) = governance(Some(folder.path()));
    (all, said.iter().map(ToString::to_string).collect())
}

#[test]
fn every_mistake_is_placed_on_its_line() {
    let (all, said) = edited("matrix.toml", "[\"low\", \"low\", \"general\"", "[\"low\", \"low\", \"generall\"");
    assert!(all.matrix.is_none(), "a broken matrix grades nothing");
    assert!(said[0].contains("matrix.toml:") && said[0].contains("did you mean 'general'?"), "{said:?}");
    assert!(matches!(all.grade(&harmless()), Err(ProfileProblem::NoMatrix)));
    let (_, said) = edited("matrix.toml", "grade = 4", "grade = 9");
    assert!(said[0].contains("use 1 to 4"), "{said:?}");
    let (all, said) = edited("controls.toml", "check = \"guard.enforcing\"", "check = \"guard.enforcin\"");
    assert!(all.matrix.is_some() && said[0].contains("did you mean 'guard.enforcing'?"), "{said:?}");
    let (all, said) = edited("reviews.toml", "quorum = 3", "quorum = 4");
    assert!(all.matrix.is_none() && said[0].contains("can never decide"), "{said:?}");
    let (_, said) = edited("controls.toml", "from = \"low\"", "form = \"low\"");
    assert!(said[0].contains("controls.toml:") && said[0].contains("form"), "{said:?}");
    let (_, said) = edited("templates/privacy.en.md", "{{provider}}", "{{providr}}");
    assert!(said[0].contains("privacy.en.md:") && said[0].contains("{{provider}}"), "{said:?}");
    let (_, said) = edited("lifecycle.toml", "\"hash\"", "\"hsah\"");
    assert!(said[0].contains("did you mean 'hash'?"), "{said:?}");
    let (_, said) = edited("filing.toml", "reach = [\"opinion\"]", "reach = [\"opinions\"]");
    assert!(said[0].contains("did you mean 'opinion'?"), "{said:?}");
}

#[test]
fn a_template_is_filled_and_says_what_is_open() {
    let all = shipped();
    let template = all.templates.iter().find(|t| t.id == "privacy").unwrap();
    let values = BTreeMap::from([("name", "星问".to_owned()), ("provider", " ".to_owned())]);
    let filled = template.fill(Lang::Zh, &values);
    assert!(filled.text.starts_with("# 星问 隐私政策"));
    assert!(filled.open.contains(&"provider".to_owned()) && !filled.open.contains(&"name".to_owned()));
    assert!(!filled.text.contains("{{"));
}

proptest! {
    #[test]
    fn any_text_is_a_governance_file(body in "(?s).{0,200}", at in 0usize..5) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILES[at]), body).unwrap();
        let (all, _) = governance(Some(folder.path()));
        let _ = all.grade(&harmless());
    }

    #[test]
    fn any_text_is_a_template(text in "(?s).{0,80}(\\{\\{.{0,9}\\}?\\}?){0,3}") {
        let template = Template { id: "t".into(), text: Words { zh: text.clone(), en: text } };
        let _ = template.fill(Lang::En, &BTreeMap::from([("name", "{{name}}".to_owned())]));
    }

    #[test]
    fn more_answers_never_lower_the_level(mask in proptest::collection::vec(any::<bool>(), 28), extra in 0usize..28) {
        let all = shipped();
        let build = |mask: &[bool]| {
            let mut at = 0;
            let mut profile = harmless();
            for factor in &all.factors {
                let mut options = Vec::new();
                for option in &factor.option {
                    if mask.get(at).copied().unwrap_or(false) { options.push(option.id.clone()); }
                    at += 1;
                }
                if factor.many && !options.is_empty() { profile.insert(factor.id.clone(), options); }
            }
            profile
        };
        let mut more = mask.clone();
        more[extra] = true;
        let before = build(&mask);
        let after = build(&more);
        // Only where something was added: an unanswered factor stands for its harmless answer here.
        let superset = before.iter().all(|(f, o)| o.iter().all(|o| after[f].contains(o)));
        if superset {
            let rank = |p: &Profile| all.rank(&all.grade(p).unwrap().level);
            prop_assert!(rank(&after) >= rank(&before));
        }
    }
}
