use proptest::prelude::*;

use super::*;
use crate::carrier::Found;

/// Codes seen in public files; the last is of a Markdown file.
const REAL: [&str; 6] = [
    "001191110102MACQD9K64010000",
    "001191440300708461136T1XGW3",
    "001191440300708461136T1308L",
    "001191330106MA2CFLDG4R10001",
    "001191110102MAD55U9H0F10002",
    "001191310104MACE0YX63918020",
];

fn label() -> Aigc {
    Aigc::generated(REAL[0], "id-1", Kind::Generated).unwrap()
}

fn found(place: &str, value: &str) -> Found {
    Found { place: place.to_owned(), by_the_book: true, value: value.to_owned(), offset: None }
}

#[test]
fn real_codes_pass_and_any_altered_credit_code_does_not() {
    for code in REAL {
        let parsed = ProviderCode::parse(code).unwrap();
        assert_eq!(parsed.as_str(), code);
        assert_eq!(parsed.service(), Service::Generation);
        let made = ProviderCode::new(parsed.uscc(), Service::Generation, parsed.extension()).unwrap();
        assert_eq!(made, parsed);
        for i in 4..22 {
            for c in "0123456789ABCDEFGHJKLMNPQRTUWXYIOSVZ".chars() {
                let altered: String = code.chars().enumerate().map(|(at, old)| if at == i { c } else { old }).collect();
                assert_eq!(ProviderCode::parse(&altered).is_ok(), altered == code, "{altered}");
            }
        }
    }
    assert_eq!(ProviderCode::parse(REAL[0]).unwrap().uscc(), "91110102MACQD9K640");
    assert_eq!(ProviderCode::parse(REAL[1]).unwrap().extension(), "XGW3");
}

#[test]
fn wrong_codes_are_refused_with_the_reason() {
    for (code, reason) in [
        ("", "0 characters"),
        ("001191110102MACQD9K6401000", "26 characters"),
        ("001191110102macqd9k64010000", "upper-case"),
        ("豆包", "upper-case"),
        ("011191110102MACQD9K64010000", "begins with 0111"),
        ("001191110102MACQD9K64030000", "character 23 is 3"),
        ("001191110102MACQD9K64000001", "0000"),
        ("001191110102MACQD9K65010000", "should end with 3"),
    ] {
        let error = ProviderCode::parse(code).unwrap_err().to_string();
        assert!(error.contains(reason), "{code}: {error}");
    }
    let none = ProviderCode::new("91110102MACQD9K640", Service::Unsaid, "0000").unwrap();
    assert_eq!(none.as_str(), "001191110102MACQD9K64000000");
    assert_eq!(
        ProviderCode::new("91110102MACQD9K640", Service::Propagation, "0001").unwrap().service(),
        Service::Propagation
    );
    assert!(ProviderCode::new("91110102MACQD9K640", Service::Propagation, "abcd").is_err());
}

#[test]
fn a_label_is_written_to_the_letter() {
    assert_eq!(
        label().to_value(),
        "{\"Label\":\"1\",\"ContentProducer\":\"001191110102MACQD9K64010000\",\"ProduceID\":\"id-1\",\"ReservedCode1\":\"\",\
         \"ContentPropagator\":\"001191110102MACQD9K64010000\",\"PropagateID\":\"id-1\",\"ReservedCode2\":\"\"}"
    );
    assert_eq!(label().to_wrapped(), format!("{{\"AIGC\":{}}}", label().to_value()));
    let spread = label().propagated("example-platform", "p-1").unwrap();
    assert_eq!(spread.get(Member::ContentProducer), REAL[0]);
    assert_eq!(spread.get(Member::ContentPropagator), "example-platform");
    assert_eq!(spread.get(Member::PropagateID), "p-1");
    let observed = Aigc::observed("example-platform", "p-2", Kind::Suspected).unwrap();
    assert_eq!(observed.get(Member::Label), "3");
    assert_eq!(observed.get(Member::ContentProducer), UNKNOWN);
}

#[test]
fn the_character_set_is_that_of_e_j() {
    for byte in 0_u8..=0x7f {
        let value = format!("a{}", char::from(byte));
        let allowed = matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert_eq!(Aigc::generated("doubao", &value, Kind::Generated).is_ok(), allowed, "{byte:#x}");
        let reserved = label().with_reserved(Member::ReservedCode1, &value).is_ok();
        assert_eq!(reserved, allowed || byte == 0x22, "{byte:#x}");
    }
    assert!(Aigc::generated("豆包", "1", Kind::Generated).unwrap_err().to_string().contains("E.j"));
    assert!(Aigc::generated("", "1", Kind::Generated).is_err());
    assert!(Aigc::generated("doubao", "", Kind::Generated).is_err());
    assert!(Aigc::generated("doubao", &"x".repeat(LONGEST + 1), Kind::Generated).is_err());
    assert!(
        Aigc::generated("001191110102MACQD9K65010000", "1", Kind::Generated).is_err(),
        "a wrong code is not a name"
    );
    assert!(label().with_reserved(Member::ProduceID, "x").is_err());
}

#[test]
fn what_is_written_is_read_without_fault() {
    for (value, form) in [(label().to_value(), Form::Bare), (label().to_wrapped(), Form::Wrapped)] {
        let reading = read(&value).unwrap();
        assert_eq!(reading.form, form);
        assert_eq!(reading.faults, []);
        assert_eq!(reading.aigc().unwrap(), label());
        let verdict = verify(&[found("png:tEXt AIGC", &value)]);
        assert_eq!((verdict.state, verdict.state.exit_code(), verdict.faults), (State::Compliant, 0, vec![]));
    }
}

#[test]
fn variants_in_the_wild_are_read() {
    let plain = label().to_value();
    let doubled = serde_json::to_string(&plain).unwrap();
    let wrapped_text = format!("{{\"AIGC\":{doubled}}}");
    let thrice = serde_json::to_string(&wrapped_text).unwrap();
    let cases: Vec<(String, Form, Fault)> = vec![
        (format!("AIGC{plain}"), Form::Glued, Fault::Form("glued to the name AIGC")),
        (format!("Exif\0\0AIGC{plain}\0\0junk"), Form::Glued, Fault::Form("glued to the name AIGC")),
        (doubled, Form::Bare, Fault::Encoded),
        (wrapped_text, Form::Wrapped, Fault::Encoded),
        (thrice, Form::Wrapped, Fault::Encoded),
        (plain.replace('"', "'"), Form::Bare, Fault::Form("quotes that JSON does not have")),
        (format!("made by us {plain} thanks"), Form::Bare, Fault::Form("other text around it")),
        (plain.replace("\"1\"", "1"), Form::Bare, Fault::NotText(Member::Label)),
        (plain.replace("Label", "label"), Form::Bare, Fault::Spelling(Member::Label, "label".to_owned())),
        (
            plain.replace("ProduceID", "produce_id"),
            Form::Bare,
            Fault::Spelling(Member::ProduceID, "produce_id".to_owned()),
        ),
        (plain.replace("\"1\"", "\"AIGC\""), Form::Bare, Fault::Kind("AIGC".to_owned())),
        (
            plain.replace("{\"Label\":\"1\",", "{\"Label\":\"1\",\"Label\":\"2\","),
            Form::Bare,
            Fault::Twice(Member::Label),
        ),
        (
            format!("Label: '1'\nContentProducer: '{}'\nProduceID: 'id-1'\nReservedCode1: ''", REAL[0]),
            Form::Lines,
            Fault::Form("lines of text"),
        ),
        (
            r#"{"Label":"1","ContentProducer":"豆包","ProduceID":"1"}"#.to_owned(),
            Form::Bare,
            Fault::Character(Member::ContentProducer, '豆'),
        ),
        (
            r#"{"AIGC":{"Label":"1","ContentProducer":"picwish","ProduceID":""}}"#.to_owned(),
            Form::Wrapped,
            Fault::Missing(Member::ProduceID),
        ),
        (
            r#"{"ServiceProvider":"Tencent","ServiceUser":"u","Time":"t","ContentId":"c-1"}"#.to_owned(),
            Form::ServiceProvider,
            Fault::Scheme("ServiceProvider, ContentId (Tencent Cloud)"),
        ),
        (plain.replace("K640", "K650"), Form::Bare, {
            let Err(Error::Label(problem)) = ProviderCode::parse("001191110102MACQD9K65010000") else { panic!() };
            Fault::Code(Member::ContentProducer, problem)
        }),
    ];
    for (value, form, fault) in cases {
        let reading = read(&value).unwrap_or_else(|| panic!("not read: {value}"));
        assert_eq!(reading.form, form, "{value}");
        assert!(reading.faults.contains(&fault), "{value}: {:?}", reading.faults);
        assert!(fault.is_breach(), "{fault}");
        assert_eq!(reading.kind(), Some(Kind::Generated), "{value}");
        let mended = reading.mended(Kind::Generated).unwrap();
        assert_eq!(mended.kind(), Kind::Generated);
        assert!(
            read(&mended.to_value())
                .unwrap()
                .faults
                .iter()
                .all(|fault| !fault.is_breach() || matches!(fault, Fault::Code(..)))
        );
        assert_eq!(verify(&[found("x", &value)]).state, State::Noncompliant, "{value}");
    }
}

#[test]
fn what_is_no_label_is_not_read() {
    for value in [
        "",
        "{}",
        "AIGC",
        "hello",
        r#"{"label":"cat","score":0.9}"#,
        r#"{"AIGC":{}}"#,
        r#"{"AIGC":{"a":1}}"#,
        r#"{"title":"ContentProducer of the year"}"#,
        r#"["ContentProducer"]"#,
        "ContentProducer",
        "\"ContentProducer",
        "{\"ContentProducer\":",
        r#"{"ServiceProvider":"x"}"#,
    ] {
        assert_eq!(read(value), None, "{value}");
    }
}

#[test]
fn bare_names_and_missing_propagators_are_worth_knowing_and_no_breach() {
    let value = r#"{"Label":"1","ContentProducer":"MiniMax","ProduceID":"42"}"#;
    let reading = read(value).unwrap();
    assert!(reading.faults.contains(&Fault::Name(Member::ContentProducer, "MiniMax".to_owned())));
    assert!(reading.faults.contains(&Fault::Absent(Member::PropagateID)));
    assert_eq!(verify(&[found("x", value)]).state, State::Compliant);
    // Propagating fills the gaps with the values of production, as at first write.
    let aigc = reading.aigc().unwrap();
    assert_eq!((aigc.get(Member::ContentPropagator), aigc.get(Member::PropagateID)), ("MiniMax", "42"));
}

#[test]
fn verdicts_of_files() {
    let value = label().to_value();
    assert_eq!(verify(&[]).state, State::NotFound);
    let two = verify(&[found("a", &value), found("b", &value)]);
    assert_eq!(two.state.exit_code(), 1);
    assert_eq!(two.faults[0].clause(), "GB 45438-2025 6.1 c)");
    assert!(two.faults[0].to_string().contains("a; b"));
    let mut stray = found("png:tEXt Description", &value);
    stray.by_the_book = false;
    assert_eq!(verify(std::slice::from_ref(&stray)).faults, [Fault::Place("png:tEXt Description".to_owned())]);
    assert_eq!(verify(std::slice::from_ref(&stray)).state, State::Noncompliant);
    // Where no guide names a place, there is no wrong one: said, and no breach.
    let page = Found { place: "html:meta AIGC".to_owned(), ..stray.clone() };
    assert_eq!(verify(&[page]).state, State::Compliant);
    stray.value = "a nice picture".to_owned();
    assert_eq!(verify(std::slice::from_ref(&stray)).state, State::NotFound);
    assert_eq!(verify(&[found("png:tEXt AIGC", "made by a machine")]).state, State::Noncompliant);
    let unread = Verdict::unreadable(&Error::UnknownFormat);
    assert_eq!((unread.state.exit_code(), unread.state.id()), (3, "inconclusive"));
    for state in [State::Compliant, State::Noncompliant, State::NotFound, State::Inconclusive] {
        assert!(state.exit_code() < USAGE_EXIT && !state.id().is_empty());
    }
}

#[test]
fn a_signature_that_does_not_hold_is_a_breach() {
    let signer = crate::security::Signer::from_bytes(&[7; 32]).unwrap();
    let signed = crate::security::sign(&label(), crate::security::Slot::Producer, &signer, "k").unwrap();
    assert_eq!(verify(&[found("x", &signed.to_value())]).state, State::Compliant);
    let altered = signed.to_value().replace("id-1", "id-2");
    let verdict = verify(&[found("x", &altered)]);
    assert_eq!(verdict.state, State::Noncompliant);
    assert_eq!(verdict.faults[0].clause(), "TC260-PG-202511A");
    let strange = label().with_reserved(Member::ReservedCode2, "L-1f2e").unwrap();
    let verdict = verify(&[found("x", &strange.to_value())]);
    assert_eq!((verdict.state, verdict.faults), (State::Compliant, vec![Fault::Strange(Member::ReservedCode2)]));
}

#[test]
fn every_fault_has_words_and_a_clause() {
    let value = r#"{"aigc":"{\"label\":7,\"Label\":\"x\",\"ProduceID\":null,\"ContentProducer\":\"豆 包\",\"Zz\":1}"}"#;
    let verdict = verify(&[found("a", value), found("b", value), found("c", "?")]);
    assert!(verdict.faults.len() > 8, "{:?}", verdict.faults);
    for fault in &verdict.faults {
        assert!(fault.to_string().is_ascii() || fault.to_string().contains(['豆', '包', ' ']), "{fault}");
        assert!(fault.zh().chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{fault}");
        assert!(!fault.clause().is_empty());
    }
}

#[test]
fn deep_and_long_values_are_left() {
    let deep = format!("{{\"ContentProducer\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(read(&deep), None);
    let long = format!("{{\"ContentProducer\":\"{}\"}}", "x".repeat(1 << 20));
    assert_eq!(read(&long), None);
    let wide = format!("{{\"ContentProducer\":\"x\"{}}}", ",\"a\":1".repeat(50_000));
    assert!(read(&wide).unwrap().faults.len() < 32);
    let mut nested = label().to_value();
    for _ in 0..12 {
        nested = format!("{{\"AIGC\":{nested}}}");
    }
    assert_eq!(read(&nested), None, "one outer object is enough");
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,200}") {
        if let Some(reading) = read(&text) {
            let _ = reading.mended(Kind::Suspected);
        }
        let _ = verify(&[found("x", &text)]);
    }

    #[test]
    fn mutated_labels_are_read_without_panic(at in 0_usize..200, byte in any::<u8>(), cut in 0_usize..200) {
        let mut bytes = label().to_wrapped().into_bytes();
        let length = bytes.len();
        bytes[at % length] = byte;
        bytes.truncate(length - cut % length);
        let text = String::from_utf8_lossy(&bytes);
        if let Some(reading) = read(&text) {
            // Whatever was read can be written again, and is read as it was written.
            let mended = reading.mended(Kind::Suspected).unwrap();
            prop_assert_eq!(read(&mended.to_value()).unwrap().aigc().unwrap(), mended);
        }
        let _ = verify(&[found("x", &text)]);
    }

    #[test]
    fn labels_come_back(producer in "[!#-\\[\\]-~]{1,40}", id in "[!#-\\[\\]-~]{1,40}", platform in "[!#-\\[\\]-~]{1,40}",
        reserved in "[!-\\[\\]-~]{0,40}") {
        let label = Aigc::generated(&producer, &id, Kind::Generated).unwrap().propagated(&platform, &id).unwrap();
        let label = label.with_reserved(Member::ReservedCode1, &reserved).unwrap();
        prop_assert_eq!(read(&label.to_value()).unwrap().aigc().unwrap(), label.clone());
        prop_assert_eq!(read(&label.to_wrapped()).unwrap().aigc().unwrap(), label);
    }
}
