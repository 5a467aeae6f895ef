use super::*;
use crate::label::{UNKNOWN, read};

const PLATFORM: &str = "001191440300708461136T2XGW3";

fn label(value: &str) -> Reading {
    read(&format!(r#"{{"Label":"{value}","ContentProducer":"doubao","ProduceID":"42","ReservedCode1":"L-1"}}"#))
        .unwrap()
}

fn of(labels: Vec<Reading>, declared: bool, traces: Vec<Trace>) -> Inspection {
    inspect(&Evidence { labels, declared, traces }, PLATFORM, "p-1").unwrap()
}

#[test]
fn the_four_outcomes_of_article_6() {
    let trace = || vec![Trace::Watermark("ours".to_owned())];
    let cases = [
        (of(vec![], false, vec![]), Decision::None, None),
        (of(vec![], false, trace()), Decision::Suspected, Some("3")),
        (of(vec![], true, vec![]), Decision::Possible, Some("2")),
        (of(vec![], true, trace()), Decision::Possible, Some("2")),
        (of(vec![label("1")], false, vec![]), Decision::Confirmed, Some("1")),
        (of(vec![label("1")], true, trace()), Decision::Confirmed, Some("1")),
        (of(vec![label("AIGC")], false, vec![]), Decision::Confirmed, Some("1")),
        (of(vec![label("2")], false, trace()), Decision::Possible, Some("2")),
        (of(vec![label("3")], false, vec![]), Decision::Suspected, Some("3")),
        (of(vec![label("3")], true, vec![]), Decision::Possible, Some("2")),
        (of(vec![label("yes")], false, vec![]), Decision::Suspected, Some("3")),
        (of(vec![label("3"), label("1")], false, vec![]), Decision::Confirmed, Some("1")),
    ];
    for (inspection, decision, value) in cases {
        assert_eq!(inspection.decision, decision, "{inspection:?}");
        assert_eq!(inspection.notice, decision.notice());
        let written = inspection.label.as_ref();
        assert_eq!(written.map(|label| label.get(Member::Label)), value);
        assert_eq!(decision.kind().map(Kind::value), value);
        assert_eq!(decision.clause().is_some(), value.is_some());
        if let Some(label) = written {
            assert_eq!((label.get(Member::ContentPropagator), label.get(Member::PropagateID)), (PLATFORM, "p-1"));
            assert!(read(&label.to_value()).unwrap().faults.iter().all(|fault| !fault.is_breach()));
        }
    }
}

#[test]
fn the_producer_is_kept_and_where_unknown_not_invented() {
    let kept = of(vec![label("1")], false, vec![]).label.unwrap();
    assert_eq!((kept.get(Member::ContentProducer), kept.get(Member::ProduceID)), ("doubao", "42"));
    assert_eq!(kept.get(Member::ReservedCode1), "L-1");
    let none = of(vec![], true, vec![]).label.unwrap();
    assert_eq!((none.get(Member::ContentProducer), none.get(Member::ProduceID)), (UNKNOWN, UNKNOWN));
    let chinese = read(r#"{"Label":"1","ContentProducer":"豆包","ProduceID":"4 2"}"#).unwrap();
    let mended = of(vec![chinese], false, vec![]).label.unwrap();
    assert_eq!(mended.get(Member::ContentProducer), "%E8%B1%86%E5%8C%85");
    assert_eq!(mended.get(Member::ProduceID), "4%202");
    // What was signed is altered, so the signature goes.
    let raised = of(vec![label("3")], true, vec![]).label.unwrap();
    assert_eq!(raised.get(Member::ReservedCode1), "");
}

#[test]
fn all_grounds_are_told() {
    let traces = vec![Trace::ExplicitLabel("AI生成".to_owned()), Trace::C2pa("x".to_owned())];
    let inspection = of(vec![label("1"), label("no")], true, traces.clone());
    let [one, two] = <[Trace; 2]>::try_from(traces).unwrap();
    let wanted = [
        Ground::Label(Kind::Generated),
        Ground::Unclear("no".to_owned()),
        Ground::Declared,
        Ground::Trace(one),
        Ground::Trace(two),
    ];
    assert_eq!(inspection.grounds, wanted);
}

#[test]
fn a_wrong_platform_is_refused() {
    let evidence = Evidence { declared: true, ..Evidence::default() };
    assert!(inspect(&evidence, "平台", "1").is_err());
    assert!(inspect(&evidence, "platform", "").is_err());
    assert!(inspect(&Evidence::default(), "", "").is_ok(), "nothing is written");
}

#[test]
fn notices_are_explicit_labels_themselves() {
    for decision in [Decision::Suspected, Decision::Possible, Decision::Confirmed] {
        let notice = decision.notice().unwrap();
        assert!(text::has_elements(notice.zh) && text::has_elements(notice.en), "{notice:?}");
    }
    assert_eq!(Decision::None.notice(), None);
}

#[test]
fn a_label_in_a_text_is_a_trace() {
    let labelled = "第一段。\n\n第二段。\n\n本内容由AI生成";
    assert_eq!(Trace::in_text(labelled, &[]), Some(Trace::ExplicitLabel("本内容由AI生成".to_owned())));
    assert_eq!(Trace::in_text("近年来，人工智能生成内容的监管日益严格。", &[]), None);
    let traces = Trace::in_text(labelled, &[]).into_iter().collect();
    assert_eq!(of(vec![], false, traces).decision, Decision::Suspected);
}
