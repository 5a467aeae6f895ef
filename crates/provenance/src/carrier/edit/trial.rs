//! What every carrier of pictures is put through.

use std::io::Cursor;

use crate::Error;
use crate::carrier::{Carrier, Found};

/// A label as the program writes it.
pub(crate) const VALUE: &str = r#"{"Label":"1","ContentProducer":"001191110102MACQD9K64010000","ProduceID":"p-0001","ReservedCode1":"","ContentPropagator":"001191110102MACQD9K64010000","PropagateID":"p-0001","ReservedCode2":""}"#;
/// Another, longer.
pub(crate) const OTHER: &str = r#"{"Label":"2","ContentProducer":"001191330106MA2CFLDG4R10001","ProduceID":"0123456789-0123456789","ReservedCode1":"<&>'x","ContentPropagator":"","PropagateID":"","ReservedCode2":""}"#;

/// What is found in `bytes`.
pub(crate) fn found(carrier: &Carrier, bytes: &[u8]) -> Result<Vec<Found>, Error> {
    (carrier.read)(&mut Cursor::new(bytes))
}

/// The values found in `bytes`.
pub(crate) fn values(carrier: &Carrier, bytes: &[u8]) -> Vec<String> {
    found(carrier, bytes).unwrap().into_iter().map(|found| found.value).collect()
}

/// `bytes` with a label.
pub(crate) fn labelled(carrier: &Carrier, bytes: &[u8], value: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    (carrier.write)(&mut Cursor::new(bytes), &mut out, value)?;
    Ok(out)
}

/// Labels a sound file, and checks what holds for every one: one label by the book, written again the same, replaced by
/// another and back. Answers the file with [`VALUE`].
pub(crate) fn hold(carrier: &Carrier, bytes: &[u8]) -> Vec<u8> {
    assert!((carrier.sniff)(&bytes[..bytes.len().min(4096)]));
    let new = labelled(carrier, bytes, VALUE).unwrap();
    let all = found(carrier, &new).unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].value, VALUE);
    assert!(all[0].by_the_book, "{all:?}");
    assert!((carrier.sniff)(&new[..new.len().min(4096)]));
    assert!(labelled(carrier, &new, VALUE).unwrap() == new, "written again it changes");
    let other = labelled(carrier, &new, OTHER).unwrap();
    assert_eq!(values(carrier, &other), [OTHER]);
    let back = labelled(carrier, &other, VALUE).unwrap();
    assert_eq!(values(carrier, &back), [VALUE]);
    new
}

/// Damages a file at some places: it is read and written or refused, and what is written has one label.
pub(crate) fn endure(carrier: &Carrier, bytes: &[u8], damage: &[(usize, u8)], cut: usize) {
    let mut bytes = bytes.to_vec();
    for (at, byte) in damage {
        let at = at % bytes.len();
        bytes[at] = *byte;
    }
    for part in [&bytes[..], &bytes[..cut % bytes.len()]] {
        let read = found(carrier, part);
        match labelled(carrier, part, VALUE) {
            Ok(new) => assert_eq!(values(carrier, &new), [VALUE], "{read:?}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// A small picture of many colours.
pub(crate) fn picture() -> image::RgbImage {
    image::RgbImage::from_fn(61, 43, |x, y| image::Rgb([(x * 4) as u8, (y * 5) as u8, (x * y) as u8]))
}

/// The picture in a format of the crate `image`.
pub(crate) fn encoded(format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The pixels of a file.
pub(crate) fn pixels(bytes: &[u8]) -> image::DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

/// A block of EXIF: an `ImageDescription` in the first directory, a `UserComment` in the second.
pub(crate) fn exif(little: bool, description: &[u8], comment: &[u8]) -> Vec<u8> {
    let n2 = |n: u16| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let n4 = |n: usize| if little { (n as u32).to_le_bytes() } else { (n as u32).to_be_bytes() };
    let mut all = if little { b"II".to_vec() } else { b"MM".to_vec() };
    all.extend(n2(42));
    all.extend(n4(8));
    let second = 8 + 2 + 24 + 4;
    let texts = second + 2 + 12 + 4;
    all.extend(n2(2));
    for (tag, kind, count, value) in [(0x010E, 2, description.len(), texts), (0x8769, 4, 1, second)] {
        all.extend(n2(tag));
        all.extend(n2(kind));
        all.extend(n4(count));
        all.extend(n4(value));
    }
    all.extend(n4(0));
    all.extend(n2(1));
    all.extend(n2(0x9286));
    all.extend(n2(7));
    all.extend(n4(comment.len()));
    all.extend(n4(texts + description.len()));
    all.extend(n4(0));
    all.extend(description);
    all.extend(comment);
    all
}
