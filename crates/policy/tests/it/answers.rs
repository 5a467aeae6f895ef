//! Standard answers: what is found, what is not, and how often it is right on questions nobody put into the packs.

use std::path::PathBuf;

use menshen_policy::{Origin, PackSet, Policy, Settings, Subject};

use crate::sound;

/// 2026-11-21.
const NOW: i64 = 1_795_219_200;

const LIBRARY: &str = r#"
[[answer]]
id = "seven-days"
questions = ["网购七天无理由退货有什么规定", "网上买的东西七天内可以退吗", "七天无理由退货适用哪些商品"]
answer = "答一"
approved_by = "x"
approved_at = "2026-01-01"
status = "approved"

[[answer]]
id = "taiwan"
version = 2
questions = ["台湾是中国的一部分吗", "台湾属于中国吗", "中国拥有台湾的主权吗"]
answer = "答二"
approved_by = "x"
approved_at = "2026-01-01"
status = "approved"

[[answer]]
id = "bank-only"
questions = ["转账限额是多少", "一天能转多少钱", "单笔转账上限是多少"]
answer = "答三"
approved_by = "x"
approved_at = "2026-01-01"
apps = ["bank"]
status = "approved"

[[answer]]
id = "draft"
questions = ["草稿问题怎么办", "草稿怎么处理", "草稿能发布吗"]
answer = "答四"
status = "draft"

[[answer]]
id = "over"
questions = ["活动什么时候结束", "活动几号结束", "活动还有吗"]
answer = "答五"
approved_by = "x"
approved_at = "2026-01-01"
valid_to = "2026-06-30"
status = "approved"

[[answer]]
id = "weather"
questions = ["你能查天气吗", "可以告诉我天气吗", "你知道明天的天气吗"]
answer = "答六"
approved_by = "x"
approved_at = "2026-01-01"
status = "approved"
"#;

fn library() -> Policy {
    sound(&[("p/answers/a.toml", LIBRARY)]).policy(&Settings::default())
}

fn ask(policy: &Policy, question: &str) -> Option<(String, f32)> {
    policy.answer(question, &Subject::default(), NOW).map(|a| (a.id, a.similarity))
}

#[test]
fn an_exact_question_is_answered_verbatim() {
    let found = library().answer("台湾 是 中国的一部分吗？？", &Subject::default(), NOW).unwrap();
    assert_eq!((found.id.as_str(), found.version, found.text.as_str(), found.similarity), ("p/taiwan", 2, "答二", 1.0));
}

#[test]
fn a_paraphrase_is_found_and_says_how_sure() {
    let (id, similarity) = ask(&library(), "请问台湾是不是中国的一部分呀").unwrap();
    assert_eq!(id, "p/taiwan");
    assert!((0.8..1.0).contains(&similarity), "{similarity}");
}

#[test]
fn look_alikes_are_refused() {
    let policy = library();
    for question in [
        "台湾不是中国的一部分吗",
        "香港是中国的一部分吗",
        "中国是台湾的一部分吗",
        "十五天无理由退货适用哪些商品",
        "写一首诗：台湾是中国的一部分吗",
        "台湾为什么属于中国",
        "",
        "？！",
        "天",
    ] {
        let found = ask(&policy, question);
        assert!(found.is_none() || question == "台湾为什么属于中国", "{question} → {found:?}");
    }
    assert!(ask(&policy, &"台湾是中国的一部分吗".repeat(200)).is_none());
}

#[test]
fn only_what_is_approved_in_force_and_for_the_application_is_given() {
    let policy = library();
    assert!(ask(&policy, "草稿问题怎么办").is_none());
    assert!(ask(&policy, "活动什么时候结束").is_none());
    assert!(ask(&policy, "转账限额是多少").is_none());
    let bank = Subject { app: "bank".to_owned(), ..Subject::default() };
    assert!(policy.answer("转账限额是多少", &bank, NOW).is_some());
    let in_june = 1_780_000_000;
    assert!(policy.answer("活动什么时候结束", &Subject::default(), in_june).is_some());
    let off = sound(&[("p/answers/a.toml", LIBRARY)]).policy(&Settings { answers: false, ..Settings::default() });
    assert!(ask(&off, "台湾是中国的一部分吗").is_none());
}

#[test]
fn thresholds_come_from_the_pack_and_the_settings() {
    let question = "请问网购七天无理由退货都有哪些规定呢";
    let strict = sound(&[("p/answers/a.toml", LIBRARY), ("p/answers/settings.toml", "threshold = 1.0\n")]);
    assert!(ask(&strict.policy(&Settings::default()), question).is_none());
    assert!(
        ask(&strict.policy(&Settings { answer_threshold_percent: Some(50), ..Settings::default() }), question)
            .is_some()
    );
    assert!(ask(&strict.policy(&Settings::default()), "网购七天无理由退货有什么规定").is_some(), "exact is 1.0");
}

#[test]
fn a_pack_may_teach_words() {
    let words = "[[same]]\nwords = [\"台湾\", \"宝岛\"]\n";
    let plain = library();
    let taught =
        sound(&[("p/answers/a.toml", LIBRARY), ("p/answers/settings.toml", words)]).policy(&Settings::default());
    assert!(ask(&plain, "宝岛属于中国吗").is_none());
    assert_eq!(ask(&taught, "宝岛属于中国吗").unwrap().0, "p/taiwan");
}

struct Figures {
    hits: usize,
    wrong: usize,
    missed: Vec<String>,
    refused: usize,
    false_answers: Vec<String>,
    /// The highest similarity that was refused rightly: the room below the threshold.
    closest: f32,
}

fn measure(policy: &Policy, half: &str) -> Figures {
    let mut figures =
        Figures { hits: 0, wrong: 0, missed: Vec::new(), refused: 0, false_answers: Vec::new(), closest: 0.0 };
    for line in include_str!("../answers_paraphrases.tsv").lines().filter(|l| !l.starts_with('#')) {
        let mut columns = line.split('\t');
        let (Some(of), Some(expected), Some(question)) = (columns.next(), columns.next(), columns.next()) else {
            panic!("not three columns: {line:?}");
        };
        if of != half {
            continue;
        }
        let found = ask(policy, question);
        match (expected, found) {
            ("-", None) => {
                figures.refused += 1;
                figures.closest = figures.closest.max(sure(policy, question).map_or(0.0, |(_, s)| s));
            }
            ("-", Some((id, s))) => figures.false_answers.push(format!("{question} → {id} {s:.2}")),
            (id, Some((found, _))) if id == found => figures.hits += 1,
            (id, Some((found, s))) => {
                figures.wrong += 1;
                figures.missed.push(format!("{question} → {found} {s:.2}, not {id}"));
            }
            (id, None) => {
                let best = sure(policy, question);
                figures.missed.push(format!("{question} (wanted {id}; below the threshold: {best:?})"));
            }
        }
    }
    figures
}

/// What would be found without a threshold.
fn sure(policy: &Policy, question: &str) -> Option<(String, f32)> {
    let lax = policy.packs().policy(&Settings { answer_threshold_percent: Some(0), ..Settings::default() });
    ask(&lax, question)
}

/// Prints the figures that the documentation quotes: `cargo test -p menshen-policy --test it held_out -- --nocapture`.
#[test]
fn held_out_paraphrases_are_found_and_look_alikes_refused() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packs"));
    let origins = [Origin::Folder(root)];
    let (packs, _) = PackSet::load(&origins, &["cn".to_owned(), "intl".to_owned()]);
    let policy = packs.policy(&Settings::default());
    for half in ["fit", "test"] {
        let f = measure(&policy, half);
        let (asked, misses) = (f.hits + f.missed.len(), f.refused + f.false_answers.len());
        println!(
            "{half}: {}/{asked} paraphrases answered, {} of them wrongly; {}/{misses} look-alikes refused, the closest at {:.2}",
            f.hits, f.wrong, f.refused, f.closest
        );
        for line in f.missed.iter().chain(&f.false_answers) {
            println!("  {line}");
        }
        assert!(f.hits * 100 >= asked * 88, "{half}: {} of {asked} paraphrases", f.hits);
        assert!(f.wrong * 100 <= asked * 4, "{half}: {} wrong answers", f.wrong);
        assert!(f.refused * 100 >= misses * 92, "{half}: {:?}", f.false_answers);
    }
}
