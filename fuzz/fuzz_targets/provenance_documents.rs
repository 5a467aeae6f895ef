//! Any bytes are a document, a page or a text: they are read or refused, and what could be labelled holds one label.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use menshen_provenance::carrier::ALL;
use menshen_provenance::explicit::text;

const LABEL: &str = r#"{"Label":"1","ContentProducer":"A","ProduceID":"p"}"#;

fuzz_target!(|bytes: &[u8]| {
    for carrier in ALL.iter().filter(|carrier| matches!(carrier.kind, "document" | "text")) {
        let _ = (carrier.read)(&mut Cursor::new(bytes));
        let mut new = Vec::new();
        if (carrier.write)(&mut Cursor::new(bytes), &mut new, LABEL).is_ok() {
            let found = (carrier.read)(&mut Cursor::new(&new)).expect("what was written is read");
            assert_eq!(found.len(), 1, "{}", carrier.id);
            assert_eq!(found[0].value, LABEL, "{}", carrier.id);
        }
    }
    if let Ok(plain) = std::str::from_utf8(bytes) {
        for mark in text::find(plain, &[]) {
            assert!(!plain[mark.range].is_empty());
        }
    }
});
