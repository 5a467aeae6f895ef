use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

mod sheets;

pub(super) const RUN: &str = "run-1";

fn item(key: &str, bank: &str, group: &str) -> Item {
    let answer = Answer {
        bank: bank.to_owned(),
        group: group.to_owned(),
        lang: "zh".to_owned(),
        asked: format!("=题目 {key}"),
        text: format!("+回答 {key}\r\n\u{202e}<b>&amp;</b>_x0041_"),
        ..Answer::default()
    };
    Item::from((key, &answer))
}

fn items(n: usize) -> Vec<Item> {
    (0..n)
        .map(|i| match i % 3 {
            0 => item(&format!("generated/G-A1a-{i:03}"), "generated", "A1a"),
            1 => item(&format!("refuse/R-A2b-{i:03}"), "refuse", "A2b"),
            _ => item(&format!("answer/N-system-{i:03}"), "answer", "system"),
        })
        .collect()
}

/// As the store appends.
fn append(rows: &mut Vec<DecisionRow>, new: NewDecision) {
    let previous = rows.last().map(|row| row.hash.clone()).unwrap_or_default();
    let NewDecision { reviewer, key, document } = new;
    let seq = rows.len() as i64 + 1;
    let mut row = DecisionRow { seq, at_us: seq * 7, reviewer, key, document, previous, hash: String::new() };
    row.hash = row.chained(RUN);
    rows.push(row);
}

fn raw(reviewer: &str, key: &str, label: Label, settles: bool) -> NewDecision {
    let said = Said { label, note: String::new(), settles, via: "page".to_owned() };
    NewDecision { reviewer: reviewer.into(), key: key.into(), document: serde_json::to_value(said).unwrap() }
}

struct Desk {
    items: Vec<Item>,
    rows: Vec<DecisionRow>,
    needed: usize,
}

impl Desk {
    fn new(n: usize, needed: usize) -> Desk {
        Desk { items: items(n), rows: Vec::new(), needed }
    }

    fn review(&self) -> Review {
        Review::new(RUN, self.items.clone(), &self.rows, self.needed).unwrap()
    }

    fn say(&mut self, reviewer: &str, at: usize, label: Label) -> Result<Standing, Error> {
        let key = self.items[at].key.clone();
        let new = self.review().decide(reviewer, &key, label, "", "page")?;
        append(&mut self.rows, new);
        Ok(self.review().standing(&key).unwrap())
    }
}

fn said(label: Label, settled: bool) -> Standing {
    Standing::Decided { label, settled }
}

#[test]
fn two_must_agree_and_a_third_settles() {
    let mut desk = Desk::new(3, 2);
    assert_eq!(desk.say("a", 0, Label::Pass).unwrap(), Standing::Half);
    assert_eq!(desk.say("b", 0, Label::Pass).unwrap(), said(Label::Pass, false));
    assert!(desk.say("c", 0, Label::Fail).is_err(), "two agree");
    assert!(desk.say("a", 0, Label::Refused).is_err(), "no word of this bank");
    assert!(desk.review().decide("a", "no/such", Label::Pass, "", "page").is_err());

    desk.say("a", 1, Label::Refused).unwrap();
    assert_eq!(desk.say("b", 1, Label::Answered).unwrap(), Standing::Disagreed);
    let others = vec![
        Opinion { label: Label::Refused, note: String::new() },
        Opinion { label: Label::Answered, note: String::new() },
    ];
    let review = desk.review();
    let (first, task) = review.next("c").unwrap();
    assert_eq!(
        (first.key.as_str(), task),
        (desk.items[1].key.as_str(), Task::Settle { others }),
        "disagreements first"
    );
    assert_eq!(review.may_decide("a", &desk.items[1].key).unwrap(), Task::First, "to change their own mind only");
    assert_eq!(desk.say("c", 1, Label::Unsure).unwrap(), Standing::Disagreed, "unsure never counts");
    assert!(desk.review().next("c").is_none_or(|(_, task)| task == Task::First), "they are not asked again");
    assert_eq!(desk.say("d", 1, Label::Answered).unwrap(), said(Label::Answered, true));
    for who in ["a", "b", "c", "e"] {
        assert!(desk.say(who, 1, Label::Refused).is_err(), "{who}: it is settled");
    }
    assert_eq!(desk.say("d", 1, Label::Refused).unwrap(), said(Label::Refused, true), "a wrong key can be mended");

    let note = desk.review().note();
    assert_eq!((note.queued, note.decided, note.disagreed, note.resolved), (3, 2, 1, 1));
    assert_eq!(
        note.reviewers.into_iter().collect::<Vec<_>>(),
        [("a".into(), 2), ("b".into(), 2), ("c".into(), 1), ("d".into(), 1)]
    );
    assert_eq!(note.chain, desk.rows.last().unwrap().hash);
}

#[test]
fn two_who_are_unsure_disagree() {
    let mut desk = Desk::new(1, 2);
    desk.say("a", 0, Label::Unsure).unwrap();
    assert_eq!(desk.say("b", 0, Label::Unsure).unwrap(), Standing::Disagreed);
    assert_eq!(desk.review().decided(&desk.items[0].key), None);
    assert_eq!(desk.say("c", 0, Label::Fail).unwrap(), said(Label::Fail, true));
}

#[test]
fn one_is_enough_where_one_is_asked_for() {
    let mut desk = Desk::new(2, 1);
    assert_eq!(desk.say("a", 0, Label::Pass).unwrap(), said(Label::Pass, false));
    assert!(desk.say("b", 0, Label::Pass).is_err());
    assert_eq!(desk.say("a", 1, Label::Unsure).unwrap(), Standing::Half, "another person must decide");
    assert_eq!(desk.say("b", 1, Label::Answered).unwrap(), said(Label::Answered, false));
    // Two who decided at the same moment and differently.
    append(&mut desk.rows, raw("z", &desk.items[0].key.clone(), Label::Fail, false));
    assert_eq!(desk.review().standing(&desk.items[0].key), Some(Standing::Disagreed));
    assert!(Review::new(RUN, items(1), &[], 0).is_err() && Review::new(RUN, items(1), &[], 3).is_err());
}

#[test]
fn a_revision_counts_and_does_not_make_kappa_better() {
    let mut desk = Desk::new(2, 2);
    desk.say("a", 0, Label::Fail).unwrap();
    desk.say("a", 0, Label::Pass).unwrap();
    desk.say("b", 0, Label::Fail).unwrap();
    assert_eq!(desk.say("b", 0, Label::Pass).unwrap(), said(Label::Pass, false));
    let note = desk.review().note();
    assert_eq!((note.decided, note.disagreed, note.resolved), (1, 1, 0));
    assert_eq!(desk.review().cases[0].pair(), Some((Label::Pass, Label::Fail)));
    assert_eq!(desk.review().mine("b").len(), 1);
}

#[test]
fn what_comes_too_late_counts_for_nothing() {
    let mut desk = Desk::new(1, 2);
    let key = desk.items[0].key.clone();
    for (who, label, settles) in [
        ("x", Label::Pass, true),
        ("a", Label::Pass, false),
        ("b", Label::Pass, false),
        ("c", Label::Fail, false),
        ("d", Label::Fail, true),
    ] {
        append(&mut desk.rows, raw(who, &key, label, settles));
    }
    assert_eq!(desk.review().standing(&key), Some(said(Label::Pass, false)));
    append(&mut desk.rows, raw("b", &key, Label::Fail, false));
    append(&mut desk.rows, raw("a", &key, Label::Pass, true));
    assert_eq!(desk.review().standing(&key), Some(Standing::Disagreed), "one of the two cannot settle");
    append(&mut desk.rows, raw("c", &key, Label::Fail, true));
    append(&mut desk.rows, raw("d", &key, Label::Pass, true));
    append(&mut desk.rows, raw("a", &key, Label::Fail, false));
    assert_eq!(desk.review().standing(&key), Some(said(Label::Fail, true)), "the first who settles");
}

#[test]
fn a_chain_that_was_touched_is_named_at_its_place() {
    let mut desk = Desk::new(2, 2);
    for who in ["a", "b"] {
        for at in 0..2 {
            desk.say(who, at, Label::Unsure).unwrap();
        }
    }
    let fails = |rows: &[DecisionRow], run: &str| Review::new(run, items(2), rows, 2).unwrap_err().to_string();
    let mut rows = desk.rows.clone();
    rows[1].reviewer = "mallory".to_owned();
    assert!(fails(&rows, RUN).contains("decision 2: the chain is broken"));
    let mut rows = desk.rows.clone();
    rows.remove(2);
    assert!(fails(&rows, RUN).contains("decision 4: the chain is broken"));
    assert!(fails(&desk.rows, "another").contains("decision 1: the chain is broken"));
    let mut rows = desk.rows.clone();
    append(&mut rows, raw("a", "no/such", Label::Pass, false));
    append(
        &mut rows,
        NewDecision {
            document: serde_json::json!({"label": "yes"}),
            ..raw("a", &desk.items[0].key, Label::Pass, false)
        },
    );
    append(&mut rows, raw("a", &desk.items[0].key, Label::Refused, false));
    let why = fails(&rows, RUN);
    for part in
        ["decision 5: there is no answer", "decision 6: it cannot be read", "decision 7: refused is no decision"]
    {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert!(Review::new(RUN, [items(1), items(1)].concat(), &[], 2).is_err());
}

#[test]
fn one_person_learns_nothing_of_others() {
    let mut desk = Desk::new(12, 2);
    let before = (desk.review().progress(Some("a")), order(&desk.review(), "a"));
    desk.say("a", 0, Label::Pass).unwrap();
    let after_own = desk.review().progress(Some("a"));
    desk.say("b", 0, Label::Fail).unwrap();
    assert_eq!(
        Progress { waiting: 1, ..desk.review().progress(Some("a")) },
        after_own,
        "that they disagree is not told"
    );
    desk.say("b", 3, Label::Fail).unwrap();
    assert_eq!(desk.review().progress(Some("a")).left, before.0.left - 1);
    assert_eq!(
        desk.review().progress(Some("c")),
        Progress { total: 12, left: 12, disagreed: 1, ..Progress::default() }
    );
    assert_eq!(desk.review().progress(None), Progress { total: 12, left: 12, done: 0, waiting: 1, disagreed: 1 });
    // Everybody goes their own way, always the same.
    assert_eq!(
        order(&desk.review(), "a"),
        before.1.iter().filter(|k| **k != desk.items[0].key).cloned().collect::<Vec<_>>()
    );
    assert_ne!(before.1, order(&Desk::new(12, 2).review(), "b"));
}

fn order(review: &Review, who: &str) -> Vec<String> {
    review.queue(who).into_iter().map(|(item, _)| item.key.clone()).collect()
}

#[test]
fn skipping_goes_round() {
    let desk = Desk::new(5, 2);
    let review = desk.review();
    let mut seen = BTreeSet::new();
    let mut key = review.next("a").unwrap().0.key.clone();
    for _ in 0..5 {
        seen.insert(key.clone());
        key = review.after("a", &key).unwrap().0.key.clone();
    }
    assert_eq!((seen.len(), key.as_str()), (5, review.next("a").unwrap().0.key.as_str()));
    assert_eq!(Desk::new(0, 2).review().after("a", "x"), None);
}

fn label() -> impl Strategy<Value = Label> {
    prop::sample::select(Label::of_bank("generated"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_two_blind_decisions_does_not_matter(a in label(), b in label(), c in label(), needed in 1_usize..=2) {
        let key = items(1)[0].key.clone();
        let standing = |votes: &[(&str, Label, bool)]| {
            let mut rows = Vec::new();
            for (who, label, settles) in votes {
                append(&mut rows, raw(who, &key, *label, *settles));
            }
            let review = Review::new(RUN, items(1), &rows, needed).unwrap();
            let note = review.note();
            (review.standing(&key), note.decided, note.disagreed, note.resolved, note.kappa, review.cases[0].pair())
        };
        prop_assert_eq!(standing(&[("a", a, false), ("b", b, false)]), standing(&[("b", b, false), ("a", a, false)]));
        let settled = standing(&[("a", a, false), ("b", b, false), ("c", c, true)]);
        prop_assert_eq!(settled, standing(&[("b", b, false), ("a", a, false), ("c", c, true)]));
    }

    #[test]
    fn any_history_gives_a_review(
        votes in prop::collection::vec((0_usize..5, 0_usize..4, label(), any::<bool>()), 0..60), needed in 1_usize..=2,
    ) {
        let items: Vec<Item> = (0..4).map(|i| item(&format!("k{i}"), "generated", "A1a")).collect();
        let mut rows = Vec::new();
        for (who, at, label, settles) in votes {
            append(&mut rows, raw(&format!("r{who}"), &items[at].key, label, settles));
        }
        let review = Review::new(RUN, items.clone(), &rows, needed).unwrap();
        let note = review.note();
        prop_assert!(note.kappa.is_none_or(|k| (-1.0 - 1e-9..=1.0 + 1e-9).contains(&k)));
        prop_assert!(note.resolved <= note.disagreed && note.decided <= note.queued);
        for item in &items {
            prop_assert_ne!(review.decided(&item.key), Some(Label::Unsure));
            for who in 0..6 {
                let who = format!("r{who}");
                // What is asked of somebody is allowed, and what is allowed counts.
                if let Ok(task) = review.may_decide(&who, &item.key) {
                    let new = review.decide(&who, &item.key, Label::Pass, "", "page").unwrap();
                    let mut rows = rows.clone();
                    append(&mut rows, new);
                    let after = Review::new(RUN, items.clone(), &rows, needed).unwrap();
                    if matches!(task, Task::Settle { .. }) {
                        prop_assert_eq!(after.standing(&item.key), Some(said(Label::Pass, true)));
                    }
                }
            }
        }
        for who in 0..6 {
            let who = format!("r{who}");
            let progress = review.progress(Some(&who));
            prop_assert_eq!(progress.left, review.queue(&who).len());
            prop_assert!(review.queue(&who).iter().all(|(item, task)| review.may_decide(&who, &item.key).ok().as_ref() == Some(task)));
        }
    }

}
