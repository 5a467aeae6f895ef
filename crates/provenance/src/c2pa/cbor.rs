//! CBOR (RFC 8949) read as JSON values: claims and assertions are maps of texts and numbers.
//!
//! What has no counterpart in JSON (byte strings: hashes, thumbnails) becomes `null`; tags are passed over, as what they
//! stand before is what counts here.

use serde_json::{Map, Number, Value};

/// Deepest nesting.
const DEEPEST: usize = 32;
/// Most items of one document.
const MOST_ITEMS: usize = 200_000;

/// Reads the item that `bytes` begin with; what follows it (padding) is not looked at.
pub(super) fn value(bytes: &[u8]) -> Result<Value, String> {
    Reader { bytes, at: 0, items: 0 }.item(0)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    items: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(count).ok_or("its CBOR is cut off")?;
        let taken = self.bytes.get(self.at..end).ok_or("its CBOR is cut off")?;
        self.at = end;
        Ok(taken)
    }

    /// The major type, and the number that stands with it: none where the length is not told.
    fn head(&mut self) -> Result<(u8, u8, Option<u64>), String> {
        let first = self.take(1)?.first().copied().unwrap_or_default();
        let (major, low) = (first >> 5, first & 0x1F);
        let number = match low {
            0..24 => Some(u64::from(low)),
            24..28 => {
                let bytes = self.take(1 << (low - 24))?;
                Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
            }
            31 => None,
            _ => return Err("its CBOR has a length that is reserved".into()),
        };
        Ok((major, low, number))
    }

    /// Whether the list without a length ends here.
    fn ends(&mut self) -> bool {
        let ends = self.bytes.get(self.at) == Some(&0xFF);
        self.at += usize::from(ends);
        ends
    }

    fn item(&mut self, depth: usize) -> Result<Value, String> {
        self.items += 1;
        if depth > DEEPEST || self.items > MOST_ITEMS {
            return Err("its CBOR is nested too deep or has too many items".into());
        }
        let (major, low, number) = self.head()?;
        match (major, number) {
            (0, Some(number)) => Ok(Value::from(number)),
            (1, Some(number)) => Ok(i64::try_from(number).map_or(Value::Null, |number| Value::from(-1 - number))),
            (2, _) => self.string(2, number).map(|_| Value::Null),
            (3, _) => {
                let text = self.string(3, number)?;
                String::from_utf8(text).map(Value::String).map_err(|_| "a text of its CBOR is no UTF-8".to_owned())
            }
            (4, _) => {
                let mut list = Vec::new();
                while number.map_or_else(|| !self.ends(), |count| (list.len() as u64) < count) {
                    list.push(self.item(depth + 1)?);
                }
                Ok(Value::Array(list))
            }
            (5, _) => {
                let mut map = Map::new();
                let mut read = 0_u64;
                while number.map_or_else(|| !self.ends(), |count| read < count) {
                    let key = match self.item(depth + 1)? {
                        Value::String(key) => key,
                        other => other.to_string(),
                    };
                    map.insert(key, self.item(depth + 1)?);
                    read += 1;
                }
                Ok(Value::Object(map))
            }
            (6, Some(_)) => self.item(depth + 1),
            (7, Some(bits)) => Ok(simple(low, bits)),
            _ => Err("its CBOR has an end where nothing began".into()),
        }
    }

    /// A string, of one piece or of several.
    fn string(&mut self, major: u8, length: Option<u64>) -> Result<Vec<u8>, String> {
        let whole = |length: u64| usize::try_from(length).map_err(|_| "its CBOR is cut off".to_owned());
        if let Some(length) = length {
            let piece = self.take(whole(length)?)?;
            return Ok(if major == 2 { Vec::new() } else { piece.to_vec() });
        }
        let mut all = Vec::new();
        while !self.ends() {
            let (Some(length), true) = self.head().map(|(kind, _, length)| (length, kind == major))? else {
                return Err("a string of its CBOR has pieces of another kind".into());
            };
            let piece = self.take(whole(length)?)?;
            if major == 3 {
                all.extend_from_slice(piece);
            }
        }
        Ok(all)
    }
}

/// Booleans, null and floating point numbers.
fn simple(low: u8, bits: u64) -> Value {
    let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    match low {
        20 => Value::Bool(false),
        21 => Value::Bool(true),
        26 => float(f64::from(f32::from_bits(u32::try_from(bits).unwrap_or_default()))),
        27 => float(f64::from_bits(bits)),
        // Half precision is not used by manifests for anything that is read here.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn examples_of_the_rfc() {
        // RFC 8949 Appendix A.
        let cases: [(&[u8], Value); 14] = [
            (b"\x00", json!(0)),
            (b"\x18\x64", json!(100)),
            (b"\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00", json!(1_000_000_000_000_u64)),
            (b"\x38\x63", json!(-100)),
            (b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a", json!(1.1)),
            (b"\xf5", json!(true)),
            (b"\xf6", json!(null)),
            (b"\xc1\x1a\x51\x4b\x67\xb0", json!(1_363_896_240)),
            (b"\x44\x01\x02\x03\x04", json!(null)),
            (b"\x62\xc3\xbc", json!("\u{fc}")),
            (b"\x83\x01\x82\x02\x03\x82\x04\x05", json!([1, [2, 3], [4, 5]])),
            (b"\x7f\x65strea\x64ming\xff", json!("streaming")),
            (b"\xbf\x61a\x01\x61b\x9f\x02\x03\xff\xff", json!({"a": 1, "b": [2, 3]})),
            (b"\xa2\x61a\x01\x61b\x82\x02\x03", json!({"a": 1, "b": [2, 3]})),
        ];
        for (bytes, expected) in cases {
            assert_eq!(value(bytes), Ok(expected), "{bytes:02x?}");
        }
    }

    #[test]
    fn what_asks_for_too_much_is_refused() {
        for bytes in [
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(),
            b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
            &[0x81; 200],
            &[0x9F; 200],
            &[0xC1; 200],
            b"\xff",
            b"\x1c",
            b"\x61\xff",
            b"\x7f\x41a\xff",
            b"",
        ] {
            assert!(value(bytes).is_err(), "{bytes:02x?}");
        }
        let wide = [[0x9A, 0, 0x10, 0, 0].as_slice(), &vec![0; 1 << 20]].concat();
        assert!(value(&wide).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = value(&bytes);
        }
    }
}
