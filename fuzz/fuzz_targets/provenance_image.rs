//! Pictures are read and labelled, or refused; what is labelled has exactly the one label, by the book.
#![no_main]

mod carriers;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Some((carrier, file)) = carriers::chosen(input, &["image"]) {
        carriers::hold(carrier, file);
    }
});
