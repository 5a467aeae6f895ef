//! What every carrier of audio and video is held to in tests.

use std::io::Cursor;

use crate::Error;
use crate::carrier::{Carrier, Found};

/// A label with members of Annex E.
pub(crate) const VALUE: &str = r#"{"Label":"1","ContentProducer":"001191110102MACQD9K64010000","ProduceID":"abc-1","ReservedCode1":"","ContentPropagator":"001191110102MACQD9K64010000","PropagateID":"abc-1","ReservedCode2":""}"#;
/// A label of another writer.
pub(crate) const OTHER: &str = r#"{"Label":"2","ContentProducer":"other","ProduceID":"9"}"#;

pub(crate) fn read(carrier: &Carrier, file: &[u8]) -> Result<Vec<Found>, Error> {
    (carrier.read)(&mut Cursor::new(file))
}

pub(crate) fn write(carrier: &Carrier, file: &[u8], value: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    (carrier.write)(&mut Cursor::new(file), &mut out, value).map(|()| out)
}

/// The file with the label, which stands alone and at the place of the guides; written again, nothing changes.
pub(crate) fn labelled(carrier: &Carrier, file: &[u8]) -> Vec<u8> {
    for value in [OTHER, VALUE] {
        let out = write(carrier, file, value).unwrap();
        let found = read(carrier, &out).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].value, value);
        assert!(found[0].by_the_book, "{found:?}");
        assert_eq!(write(carrier, &out, value).unwrap(), out, "written again");
        // A longer or shorter label over another: again one.
        for next in [VALUE, OTHER] {
            let over = write(carrier, &out, next).unwrap();
            let found = read(carrier, &over).unwrap();
            assert_eq!((found.len(), found[0].value.as_str()), (1, next));
        }
    }
    assert!((carrier.sniff)(&file[..file.len().min(4096)]));
    for bad in ["", " ", "a\0b", &"x".repeat(70_000)] {
        assert!(matches!(write(carrier, file, bad), Err(Error::Label(_))));
    }
    write(carrier, file, VALUE).unwrap()
}

/// The places of what is found.
pub(crate) fn places(carrier: &Carrier, file: &[u8]) -> Vec<String> {
    read(carrier, file).unwrap().into_iter().map(|found| found.place).collect()
}

/// Cut off everywhere, and changed in a thousand ways: nothing panics, and what is written reads as one label.
pub(crate) fn hostile(carrier: &Carrier, seed: &[u8]) {
    let step = (seed.len() / 600).max(1);
    for cut in (0..seed.len()).step_by(step) {
        holds(carrier, &seed[..cut]);
    }
    for round in 1..1500_u64 {
        let mut state = round.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut random = |most: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % most.max(1) as u64).unwrap()
        };
        let mut file = seed.to_vec();
        for _ in 0..=random(3) {
            let length = file.len().max(1);
            let at = random(length);
            let end = (at + 1 + random(40)).min(file.len());
            match random(6) {
                0 => file[at..end][..1].fill([0, 1, 127, 128, 255][random(5)]),
                1 => file[at..end].fill(0),
                2 => {
                    let number = [0, 1, 7, 8, 0x7FFF_FFFF, u32::MAX][random(6)].to_be_bytes();
                    let end = (at + 4).min(file.len());
                    file[at..end].copy_from_slice(&number[..end - at]);
                }
                3 => drop(file.drain(at..end)),
                4 => {
                    let copy = file[at..end].to_vec();
                    let to = random(length);
                    file.splice(to..to, copy);
                }
                _ => drop(file.splice(at..at, *b"AIGC{\"ProduceID\":\"x\"}")),
            }
            if file.is_empty() {
                break;
            }
        }
        holds(carrier, &file);
    }
}

fn holds(carrier: &Carrier, file: &[u8]) {
    let before = read(carrier, file);
    (carrier.sniff)(&file[..file.len().min(4096)]);
    if let Ok(out) = write(carrier, file, VALUE) {
        assert!(before.is_ok(), "written, and not read before: {before:?}");
        let found = read(carrier, &out).unwrap();
        assert_eq!((found.len(), found[0].value.as_str()), (1, VALUE), "{found:?}");
        assert!(out.len() <= file.len() + 16_384);
    }
}
