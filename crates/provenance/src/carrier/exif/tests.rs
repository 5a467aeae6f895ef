use std::io::Cursor;

use proptest::prelude::*;

use super::super::edit::trial::{VALUE, exif};
use super::*;

fn blocks(bytes: &[u8]) -> (Vec<(String, String)>, Vec<u8>) {
    let mut file = Cursor::new(bytes.to_vec());
    let mut source = Source::new(&mut file, "EXIF").unwrap();
    let mut trace = Trace::default();
    block(&mut source, 0, bytes.len() as u64, "x", true, &mut trace).unwrap();
    let mut out = Vec::new();
    let found = trace.found.into_iter().map(|found| (found.place, found.value)).collect();
    trace.edits.apply(&mut source, &mut out).unwrap();
    (found, out)
}

#[test]
fn both_fields_are_read_in_both_orders_and_blanked() {
    for little in [true, false] {
        let wrapped = format!("{{\"AIGC\":{VALUE}}}");
        let mut utf16 = b"UNICODE\0".to_vec();
        utf16.extend(wrapped.encode_utf16().flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() }));
        let tencent = "{\"ServiceProvider\":\"a\",\"ServiceUser\":\"b\",\"Time\":\"c\",\"ContentId\":\"d\"}";
        for comment in [format!("ASCII\0\0\0{wrapped}").into_bytes(), utf16, wrapped.clone().into_bytes()] {
            let bytes = exif(little, format!("{tencent}\0").as_bytes(), &comment);
            let (found, out) = blocks(&bytes);
            assert_eq!(
                found,
                [("x ImageDescription".to_owned(), tencent.to_owned()), ("x UserComment".to_owned(), wrapped.clone())]
            );
            assert_eq!(out.len(), bytes.len());
            assert_eq!(blocks(&out).0, []);
        }
    }
}

#[test]
fn a_label_anywhere_in_a_damaged_block_is_found() {
    let mut bytes = vec![0; 40];
    bytes.extend(format!("AIGC{VALUE}").into_bytes());
    assert_eq!(blocks(&bytes).0, [("x EXIF".to_owned(), VALUE.to_owned())]);
}

#[test]
fn a_circle_of_directories_is_walked_once() {
    let mut bytes = exif(true, b"ab\0\0", b"");
    bytes[34..38].copy_from_slice(&8_u32.to_le_bytes());
    assert_eq!(blocks(&bytes).0, []);
}

proptest! {
    #[test]
    fn any_bytes_are_read(head in any::<bool>(), mut bytes in proptest::collection::vec(any::<u8>(), 8..200)) {
        bytes[..4].copy_from_slice(if head { b"II*\0" } else { b"MM\0*" });
        blocks(&bytes);
    }
}
