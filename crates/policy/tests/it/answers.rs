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

#[derive(Default)]
struct Figures {
    hits: usize,
    wrong: Vec<String>,
    missed: Vec<String>,
    refused: usize,
    false_answers: Vec<String>,
    /// The highest similarity that was refused rightly: the room below the threshold.
    closest: f32,
}

impl Figures {
    fn asked(&self) -> usize {
        self.hits + self.wrong.len() + self.missed.len()
    }

    fn look_alikes(&self) -> usize {
        self.refused + self.false_answers.len()
    }

    fn add(&mut self, other: Figures) {
        self.hits += other.hits;
        self.refused += other.refused;
        self.wrong.extend(other.wrong);
        self.missed.extend(other.missed);
        self.false_answers.extend(other.false_answers);
        self.closest = self.closest.max(other.closest);
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let share = |n: usize, of: usize| n as f64 * 100.0 / of.max(1) as f64;
        write!(
            f,
            "{}/{} paraphrases answered rightly ({:.1} %), {} wrongly; {}/{} look-alikes answered ({:.2} %), the closest \
             refused at {:.2}",
            self.hits,
            self.asked(),
            share(self.hits, self.asked()),
            self.wrong.len(),
            self.false_answers.len(),
            self.look_alikes(),
            share(self.false_answers.len(), self.look_alikes()),
            self.closest
        )
    }
}

fn measure(policy: &Policy, half: &str) -> Figures {
    let lax = policy.packs().policy(&Settings { answer_threshold_percent: Some(0), ..Settings::default() });
    let mut figures = Figures::default();
    for line in include_str!("../answers_paraphrases.tsv").lines().filter(|l| !l.starts_with('#')) {
        let mut columns = line.split('\t');
        let (Some(of), Some(expected), Some(question)) = (columns.next(), columns.next(), columns.next()) else {
            panic!("not three columns: {line:?}");
        };
        if of != half {
            continue;
        }
        match (expected, ask(policy, question)) {
            ("-", None) => {
                figures.refused += 1;
                figures.closest = figures.closest.max(ask(&lax, question).map_or(0.0, |(_, s)| s));
            }
            ("-", Some((id, s))) => figures.false_answers.push(format!("{question} → {id} {s:.2}")),
            (id, Some((found, _))) if id == found => figures.hits += 1,
            (id, Some((found, s))) => figures.wrong.push(format!("{question} → {found} {s:.2}, not {id}")),
            (id, None) => {
                figures
                    .missed
                    .push(format!("{question} (wanted {id}; without a threshold: {:?})", ask(&lax, question)));
            }
        }
    }
    figures
}

/// Of the look-alikes, how many per thousand may be answered, at most. An answer goes out without a model's or a
/// person's second look, so what is held here is precision; recall is what that leaves.
const FALSE_PER_MILLE: usize = 3;

/// Prints the figures that the documentation quotes: `cargo test -p menshen-policy --test it held_out -- --nocapture`.
/// Single questions are listed for the calibration halves only: whoever has seen the others has none held out.
#[test]
fn held_out_paraphrases_are_found_and_look_alikes_refused() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packs"));
    let origins = [Origin::Folder(root)];
    let (packs, _) = PackSet::load(&origins, &["cn".to_owned(), "intl".to_owned()]);
    let policy = packs.policy(&Settings::default());
    let mut held_out = Figures::default();
    for (half, least_percent) in [("fit", 70), ("test", 70), ("wide-fit", 40), ("wide-test", 35)] {
        let figures = measure(&policy, half);
        println!("{half}: {figures}");
        if half.ends_with("fit") {
            for line in figures.false_answers.iter().chain(&figures.wrong) {
                println!("  {line}");
            }
        }
        assert!(figures.hits * 100 >= figures.asked() * least_percent, "{half}: {figures}");
        assert!(figures.wrong.is_empty(), "{half}: {figures}");
        if !half.ends_with("fit") {
            held_out.add(figures);
        }
    }
    println!("held out: {held_out}");
    assert!(held_out.false_answers.len() * 1000 <= held_out.look_alikes() * FALSE_PER_MILLE, "held out: {held_out}");
}

#[test]
fn short_and_foreign_questions_get_no_answer() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packs"));
    let (packs, _) = PackSet::load(&[Origin::Folder(root)], &["cn".to_owned(), "intl".to_owned()]);
    let policy = packs.policy(&Settings::default());
    for question in [
        "我不想知道。",
        "你没有意义",
        "你会死",
        "机器人应该死",
        "机器人笑",
        "请问vue是谁开发的？",
        "微信是谁开发的",
        "抑郁症会遗传吗？",
        "抑郁症可以吃什么药？",
        "我的生日是几月几号",
        "我想死你了",
        "哪个软件最好",
        "他是机器人吗",
        "我死了",
        "死",
        "I don't want to live in Texas anymore",
    ] {
        assert_eq!(ask(&policy, question), None, "{question}");
    }
    for (question, id) in [
        ("我不想活了！", "cn/crisis.suicide-self"),
        ("请问你是真人吗？", "cn/ai.human"),
        ("請問香港是什麼時候回歸的", "cn/sovereignty.hk-return"),
        ("非法集资是什么", "cn/finance.illegal-fundraising"),
    ] {
        assert_eq!(ask(&policy, question).map(|(id, _)| id).as_deref(), Some(id), "{question}");
    }
}
