//! Any bytes are a document, a page or a text: they are read or refused, and what could be labelled holds one label.
#![no_main]

mod carriers;

use libfuzzer_sys::fuzz_target;
use menshen_provenance::explicit::text;

fuzz_target!(|input: &[u8]| {
    let Some((carrier, file)) = carriers::chosen(input, &["document", "text"]) else { return };
    carriers::hold(carrier, file);
    if carrier.kind == "text"
        && let Ok(plain) = std::str::from_utf8(file)
    {
        for mark in text::find(plain, &[]) {
            assert!(!plain[mark.range].is_empty());
        }
    }
});
