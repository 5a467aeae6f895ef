//! Pictures are read and labelled, or refused; what is labelled has exactly the one label, by the book.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use menshen_provenance::carrier;

const VALUE: &str = r#"{"Label":"1","ContentProducer":"001191110102MACQD9K64010000","ProduceID":"p"}"#;

fuzz_target!(|input: (u8, &[u8])| {
    let (which, bytes) = input;
    let mut pictures = carrier::ALL.iter().filter(|carrier| carrier.kind == "image").cycle();
    let Some(carrier) = pictures.nth(usize::from(which)) else { return };
    let _ = (carrier.sniff)(bytes);
    let _ = (carrier.read)(&mut Cursor::new(bytes));
    let mut out = Vec::new();
    if (carrier.write)(&mut Cursor::new(bytes), &mut out, VALUE).is_err() {
        return;
    }
    let found = (carrier.read)(&mut Cursor::new(&out)).unwrap_or_default();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found.iter().all(|one| one.by_the_book && one.value == VALUE), "{found:?}");
});
