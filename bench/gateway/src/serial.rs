//! No two texts alike: a gateway that remembers what it has judged must not be measured on its memory.
//!
//! A text that is to vary holds [`MARK`]; each sending writes another number over it, in characters that no pattern
//! for phone numbers, keys or words takes for its own.

use std::cell::Cell;

use bytes::Bytes;

/// Digits of base 16, all of three bytes in UTF-8 and none of them remarkable.
const DIGITS: [&str; 16] =
    ["东", "南", "西", "北", "春", "夏", "秋", "冬", "风", "花", "雪", "月", "山", "水", "云", "雨"];

/// The number zero.
pub const MARK: &str = "东东东东东东";

/// Hands out `template` with another number in it every time.
pub struct Serial {
    template: Bytes,
    at: Option<usize>,
    next: Cell<usize>,
}

impl Serial {
    pub fn new(template: Bytes) -> Self {
        let at = template.windows(MARK.len()).position(|w| w == MARK.as_bytes());
        Self { template, at, next: Cell::new(0) }
    }

    /// The same every time: for answers that say their text twice, where the two must agree.
    pub fn constant(template: Bytes) -> Self {
        Self { template, at: None, next: Cell::new(0) }
    }

    pub fn varies(&self) -> bool {
        self.at.is_some()
    }

    pub fn next(&self) -> Bytes {
        let Some(at) = self.at else { return self.template.clone() };
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        let mut bytes = self.template.to_vec();
        for (place, digit) in bytes[at..at + MARK.len()].chunks_exact_mut(3).rev().enumerate() {
            digit.copy_from_slice(DIGITS[number >> (4 * place) & 15].as_bytes());
        }
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_differ_and_nothing_else_does() {
        let serial = Serial::new(Bytes::from(format!("头{MARK}尾")));
        let many: Vec<Bytes> = (0..300).map(|_| serial.next()).collect();
        let distinct: std::collections::HashSet<_> = many.iter().collect();
        assert_eq!(distinct.len(), 300);
        assert_eq!(many[0], format!("头{MARK}尾"));
        assert_eq!(many[0x12b], "头东东东南西月尾");
        assert!(many.iter().all(|m| m.starts_with("头".as_bytes()) && m.ends_with("尾".as_bytes())));
    }

    #[test]
    fn what_has_no_mark_stays() {
        let serial = Serial::new(Bytes::from_static(b"plain"));
        assert!(!serial.varies());
        assert_eq!(serial.next(), "plain");
    }
}
