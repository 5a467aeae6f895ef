//! Labels in audio and video: any bytes are read or refused, and what is written reads as that one label.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use menshen_provenance::carrier::{ALL, mp4};

/// The label that is written.
const VALUE: &str = r#"{"Label":"1","ContentProducer":"001191110102MACQD9K64010000","ProduceID":"abc-1"}"#;

fuzz_target!(|file: &[u8]| {
    let head = &file[..file.len().min(4096)];
    for carrier in ALL.iter().filter(|carrier| matches!(carrier.kind, "audio" | "video")) {
        let _known = (carrier.sniff)(head);
        let before = (carrier.read)(&mut Cursor::new(file));
        let mut out = Vec::new();
        if (carrier.write)(&mut Cursor::new(file), &mut out, VALUE).is_err() {
            continue;
        }
        assert!(before.is_ok(), "{}: written, and not read before", carrier.id);
        let found = (carrier.read)(&mut Cursor::new(&out)).expect(carrier.id);
        assert_eq!(found.len(), 1, "{}: {found:?}", carrier.id);
        assert_eq!(found[0].value, VALUE, "{}", carrier.id);
        let mut again = Vec::new();
        (carrier.write)(&mut Cursor::new(&out), &mut again, VALUE).expect(carrier.id);
        assert!(again == out, "{}: written again, it changes", carrier.id);
    }
    let mut own = Cursor::new(file.to_vec());
    match mp4::in_place(&mut own, VALUE) {
        Ok(true) => {
            let found = (mp4::MP4.read)(&mut own).expect("read after writing in place");
            assert_eq!((found.len(), found[0].value.as_str()), (1, VALUE));
        }
        Ok(false) | Err(_) => assert!(own.get_ref() == file, "left half written"),
    }
});
