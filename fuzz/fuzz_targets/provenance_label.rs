//! Any value is read as a label or left, judged and mended without panic; what is written comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use menshen_provenance::carrier::Found;
use menshen_provenance::inspect::{Evidence, inspect};
use menshen_provenance::label::{self, Fault, Kind, ProviderCode};
use menshen_provenance::watermark::text::invisible;

fuzz_target!(|input: (bool, &str, &str)| {
    let (by_the_book, value, code) = input;
    let found = Found { place: "fuzz".to_owned(), by_the_book, value: value.to_owned(), offset: None };
    let verdict = label::verify(&[found.clone(), found]);
    assert!(verdict.state.exit_code() < label::USAGE_EXIT);
    for fault in &verdict.faults {
        assert!(!fault.to_string().is_empty() && !fault.zh().is_empty() && !fault.clause().is_empty());
    }
    if let Some(reading) = label::read(value) {
        let mended = reading.mended(Kind::Suspected).expect("what was read can be mended");
        let again = label::read(&mended.to_value()).expect("what is written is read");
        assert_eq!(again.aigc().expect("and without fault"), mended);
        assert!(again.faults.iter().all(|fault| !fault.is_breach() || matches!(fault, Fault::Code(..))));
        let evidence = Evidence { labels: vec![reading], ..Evidence::default() };
        let inspection = inspect(&evidence, "platform", "1").expect("the platform's values are right");
        assert!(inspection.label.is_some() && inspection.notice.is_some());
    }
    if let Ok(code) = ProviderCode::parse(code) {
        let made = ProviderCode::new(code.uscc(), code.service(), code.extension());
        assert_eq!(made.ok(), Some(code));
    }
    let _ = invisible::detect(value);
    assert!(invisible::strip(value).len() <= value.len());
});
