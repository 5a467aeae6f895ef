//! Labels in audio and video: any bytes are read or refused, and what is written reads as that one label.
#![no_main]

mod carriers;

use std::io::Cursor;

use carriers::VALUE;
use libfuzzer_sys::fuzz_target;
use menshen_provenance::carrier::mp4;

fuzz_target!(|input: &[u8]| {
    let Some((carrier, file)) = carriers::chosen(input, &["audio", "video"]) else { return };
    carriers::hold(carrier, file);
    if carrier.id != mp4::MP4.id {
        return;
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
