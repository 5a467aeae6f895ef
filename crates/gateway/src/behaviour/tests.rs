use super::*;
use proptest::prelude::*;

const NOW: i64 = 1_735_689_600_000_000;
const SECOND: i64 = 1_000_000;

fn watch(most: usize) -> Watch {
    Watch::new(Rules::shipped().unwrap(), most, 3_600)
}

fn user(subject: &str) -> Who<'_> {
    Who { tenant: "acme", app: "shop", kind: SubjectKind::User, subject, vouched: true }
}

fn risky() -> What {
    What::Asked(Asked { risky: true, ..Asked::default() })
}

fn harmless() -> What {
    What::Asked(Asked::default())
}

#[test]
fn repeated_risk_climbs_the_grades_and_each_step_explains_itself() {
    let watch = watch(1_000);
    let mut grades = Vec::new();
    for n in 0..12 {
        if let Some(alarm) = watch.observe(&user("ann"), &risky(), NOW + n * 20 * SECOND) {
            assert_eq!(alarm.score, alarm.reasons.iter().map(|r| r.points).sum::<u32>());
            assert!(alarm.reasons[0].en.chars().any(|c| c.is_ascii_digit()), "{:?}", alarm.reasons);
            grades.push(alarm.grade.id);
        }
    }
    // A score may leap over a grade, never back.
    assert_eq!(grades, ["warn", "throttle", "suspend", "decide"]);
    assert!(watch.observe(&user("bob"), &risky(), NOW).is_none(), "one risky input is no alarm, and nobody else's");
    let standing = watch.standing(&user("ann"), NOW + 240 * SECOND).unwrap();
    assert!(standing.score >= 130 && standing.hours.last().unwrap().1 >= 130, "{standing:?}");
    let later = watch.standing(&user("ann"), NOW + 200_000 * SECOND).unwrap();
    assert_eq!((later.score, later.reasons.len()), (0, 0), "it passes by itself");
}

#[test]
fn a_name_that_nobody_vouches_for_gets_no_more_than_a_warning() {
    let watch = watch(1_000);
    let who = Who { vouched: false, ..user("victim") };
    for n in 0..50 {
        if let Some(alarm) = watch.observe(&who, &risky(), NOW + n * SECOND) {
            assert_eq!(alarm.grade.id, "warn");
        }
    }
}

#[test]
fn users_of_other_applications_and_tenants_are_others() {
    let watch = watch(1_000);
    for n in 0..20 {
        watch.observe(&user("ann"), &risky(), NOW + n * SECOND);
    }
    for other in [Who { app: "desk", ..user("ann") }, Who { tenant: "rival", ..user("ann") }] {
        assert!(watch.standing(&other, NOW + 20 * SECOND).is_none());
    }
    let key = Who { kind: SubjectKind::Key, ..user("ann") };
    assert!(watch.standing(&key, NOW).is_none());
}

#[test]
fn marks_of_false_alarms_make_a_signal_count_less_for_whom_they_are_and_end() {
    let damping = |subject: &str, percent| Damping {
        id: "d".into(),
        tenant: "acme".into(),
        app: "shop".into(),
        kind: SubjectKind::User,
        subject: subject.into(),
        signal: "risky-run".into(),
        percent,
        marks: 1,
        since_us: NOW,
        until_us: NOW + 100 * SECOND,
        by: "test".into(),
    };
    let first = |watch: &Watch, who: &str, at: i64| {
        watch.observe(&user(who), &risky(), at);
        watch.observe(&user(who), &risky(), at + SECOND).map(|a| a.score)
    };
    let watch = watch(1_000);
    watch.damp(&[damping("ann", 50)]);
    assert_eq!(first(&watch, "ann", NOW), None);
    assert_eq!(watch.standing(&user("ann"), NOW + SECOND).unwrap().score, 15);
    assert_eq!(watch.standing(&user("ann"), NOW + SECOND).unwrap().reasons[0].percent, 50);
    assert_eq!(first(&watch, "bob", NOW), Some(30));
    watch.damp(&[damping("", 50)]);
    assert_eq!(first(&watch, "eve", NOW), None, "the whole application");
    assert_eq!(first(&watch, "dan", NOW + 200 * SECOND), Some(30), "it has ended");
    watch.damp(&[]);
    assert_eq!(first(&watch, "fay", NOW), Some(30), "it was taken back");
}

#[test]
fn a_shared_key_shows_by_its_networks_and_a_busy_one_does_not() {
    let watch = watch(1_000);
    let key = Who { kind: SubjectKind::Key, ..user("k1") };
    for n in 0..500 {
        let asked = Asked { network: Some(watch.hash(n % 3)), agent: Some(7), ..Asked::default() };
        assert_eq!(watch.observe(&key, &What::Asked(asked), NOW + n * SECOND), None);
    }
    let mut alarms = Vec::new();
    for n in 0..40u64 {
        let asked = Asked { network: Some(watch.hash(("network", n))), ..Asked::default() };
        alarms.extend(watch.observe(&key, &What::Asked(asked), NOW + 600 * SECOND + n as i64 * SECOND));
    }
    assert!(alarms.iter().all(|a| a.reasons.iter().any(|r| r.signal == "shared-key")) && !alarms.is_empty());
}

#[test]
fn a_key_of_many_users_is_judged_by_the_share_of_what_is_risky() {
    let watch = watch(1_000);
    let key = Who { kind: SubjectKind::Key, ..user("k1") };
    for n in 0..2_000 {
        let what = if n % 10 == 0 { risky() } else { harmless() };
        assert_eq!(watch.observe(&key, &what, NOW + n * SECOND / 10), None);
    }
    let alarm = (0..2_000).find_map(|n| watch.observe(&key, &risky(), NOW + 200 * SECOND + n * SECOND / 10)).unwrap();
    assert_eq!(alarm.reasons[0].signal, "risky-share");
}

#[test]
fn users_cannot_get_the_key_of_their_application_suspended() {
    let watch = watch(1_000);
    let key = Who { kind: SubjectKind::Key, ..user("k1") };
    for n in 0..2_000 {
        let asked = Asked { on_behalf: true, risky: true, attacks: u64::MAX, network: Some(7), ..Asked::default() };
        assert_eq!(watch.observe(&key, &What::Asked(asked), NOW + n * SECOND / 10), None);
    }
    assert_eq!(watch.standing(&key, NOW + 200 * SECOND).unwrap().score, 0);
}

#[test]
fn tokens_far_beyond_the_usual_are_an_alarm() {
    let watch = watch(1_000);
    let hour = 3_600 * SECOND;
    let begin = NOW.div_euclid(hour) * hour;
    let spent = |tokens| What::Spent { tokens };
    for n in 0..10 {
        assert_eq!(watch.observe(&user("ann"), &spent(20_000), begin + n * hour), None);
    }
    let alarm = watch.observe(&user("ann"), &spent(600_000), begin + 10 * hour).unwrap();
    assert_eq!(alarm.reasons[0].signal, "cost");
}

#[test]
fn memory_is_bounded_under_a_million_subjects() {
    let watch = watch(10_000);
    for n in 0..6 {
        watch.observe(&user("the-risky-one"), &risky(), NOW + n * SECOND);
    }
    for n in 0..1_000_000i64 {
        let name = n.to_string();
        watch.observe(&user(&name), &harmless(), NOW + n * 10);
    }
    assert!(watch.subjects() <= 10_000, "{}", watch.subjects());
    assert!(watch.bytes_each() < 1_024, "{}", watch.bytes_each());
    // Somebody who was seen in between is still known; one who is never seen again is not held for ever.
    watch.observe(&user("regular"), &harmless(), NOW);
    assert!(watch.standing(&user("regular"), NOW).is_some());
    assert!(watch.standing(&user("0"), NOW).is_none());
}

#[test]
fn who_gave_cause_outlives_a_flood_of_new_names() {
    let watch = watch(1_600);
    for n in 0..6 {
        watch.observe(&user("the-risky-one"), &risky(), NOW + n * SECOND);
    }
    // As many new names as there are places: each turns out one who gave no cause.
    for n in 0..1_600 {
        let name = format!("flood-{n}");
        watch.observe(&user(&name), &harmless(), NOW);
    }
    assert!(watch.standing(&user("the-risky-one"), NOW + 6 * SECOND).unwrap().score > 0);
}

proptest! {
    #[test]
    fn whatever_happens_the_score_is_the_sum_of_its_reasons_and_the_bound_holds(
        events in prop::collection::vec(
            (0u8..40, any::<bool>(), any::<u64>(), prop::option::of(any::<u64>()),
             prop::option::of((-200f32..200.0, -400f32..400.0)), any::<i64>(), any::<bool>()), 0..300),
    ) {
        let watch = watch(16);
        for (who, risky, attacks, network, place, at, spend) in events {
            let subject = who.to_string();
            let kind = if who % 2 == 0 { SubjectKind::User } else { SubjectKind::Key };
            let who = Who { kind, ..user(&subject) };
            let what = match spend {
                true => What::Spent { tokens: attacks },
                false => What::Asked(Asked { risky, attacks, network, agent: network, region: network, place, on_behalf: attacks % 3 == 0 }),
            };
            // Any time at all: clocks jump.
            let alarm = watch.observe(&who, &what, at / 4);
            if let Some(alarm) = alarm {
                prop_assert_eq!(alarm.score, alarm.reasons.iter().map(|r| r.points).sum::<u32>());
            }
            watch.standing(&who, at / 4);
            prop_assert!(watch.subjects() <= 16);
        }
    }
}
