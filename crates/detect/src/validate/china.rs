//! Numbers of the Chinese mainland, Hong Kong, Macau and Taiwan.

use super::Candidate;
use super::general::{is_date, luhn_holds};

/// Weights of GB 11643-1999: 2^(17−i) mod 11.
const ID_WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const ID_CHECKS: &[u8; 11] = b"10X98765432";

/// Province codes of GB/T 2260 that open a resident's number.
const PROVINCES: &[u32] = &[
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63,
    64, 65, 71, 81, 82,
];

/// The 18 characters with a right check character, or `None`.
fn checked_18(c: &Candidate<'_>) -> Option<Vec<u8>> {
    let chars = c.alphanumerics();
    let (check, body) = chars.split_last()?;
    if body.len() != 17 || !body.iter().all(u8::is_ascii_digit) || !c.stands_alone() {
        return None;
    }
    let sum: u32 = body.iter().zip(ID_WEIGHTS).map(|(d, w)| u32::from(d - b'0') * w).sum();
    (ID_CHECKS.get((sum % 11) as usize) == Some(check)).then_some(chars)
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |n, d| n * 10 + u32::from(d.wrapping_sub(b'0')))
}

fn has_birthday(chars: &[u8]) -> bool {
    is_date(number(&chars[6..10]), number(&chars[10..12]), number(&chars[12..14]), 1850..=2100)
}

/// 18-digit resident identity number: area, date and check character.
pub(super) fn resident_id(c: &Candidate<'_>) -> bool {
    checked_18(c).is_some_and(|n| PROVINCES.contains(&number(&n[..2])) && has_birthday(&n))
}

/// 15-digit resident identity number, in use until 2012: area and date, no check.
pub(super) fn resident_id_15(c: &Candidate<'_>) -> bool {
    let n = c.alphanumerics();
    n.len() == 15
        && n.iter().all(u8::is_ascii_digit)
        && c.is_whole_number()
        && PROVINCES.contains(&number(&n[..2]))
        && is_date(1900 + number(&n[6..8]), number(&n[8..10]), number(&n[10..12]), 1900..=1999)
}

/// Residence permit of Hong Kong, Macau and Taiwan residents (since 2018): prefixes 810000, 820000, 830000.
pub(super) fn residence_permit(c: &Candidate<'_>) -> bool {
    checked_18(c).is_some_and(|n| matches!(&n[..6], b"810000" | b"820000" | b"830000") && has_birthday(&n))
}

/// Foreign permanent resident's card of 2023: 18 digits from 9, same check as the resident number.
pub(super) fn foreign_permit(c: &Candidate<'_>) -> bool {
    checked_18(c).is_some_and(|n| n[0] == b'9' && has_birthday(&n))
}

/// Unified social credit code (GB 32100-2015): weights 3^i mod 31 over an alphabet without I, O, S, V and Z.
pub(super) fn uscc(c: &Candidate<'_>) -> bool {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let chars = c.alphanumerics();
    let values: Option<Vec<usize>> = chars.iter().map(|b| ALPHABET.iter().position(|a| a == b)).collect();
    let Some(values) = values.filter(|v| v.len() == 18 && c.stands_alone()) else { return false };
    let mut weight = 1;
    let mut sum = 0;
    for value in &values[..17] {
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    // A number of one repeated digit passes no registry but can pass a checksum.
    (31 - sum % 31) % 31 == values[17] && chars[2..8].iter().all(u8::is_ascii_digit)
}

/// Organization code (GB 11714): 8 characters and a check character modulo 11.
pub(super) fn org_code(c: &Candidate<'_>) -> bool {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let chars = c.alphanumerics();
    if chars.len() != 9 || !c.stands_alone() {
        return false;
    }
    let value = |b: &u8| u32::from(if b.is_ascii_digit() { b - b'0' } else { b - b'A' + 10 });
    let sum: u32 = chars[..8].iter().zip(WEIGHTS).map(|(b, w)| value(b) * w).sum();
    let expected = match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        #[expect(clippy::cast_possible_truncation, reason = "between 1 and 9")]
        digit => b'0' + digit as u8,
    };
    chars[8] == expected
}

/// Mobile number: an optional 86, then `1[3-9]` and nine digits, standing alone.
pub(super) fn mobile(c: &Candidate<'_>) -> bool {
    let digits = c.digits();
    let local = match digits.len() {
        11 => &digits[..],
        13 if digits.starts_with(&[8, 6]) => &digits[2..],
        15 if digits.starts_with(&[0, 0, 8, 6]) => &digits[4..],
        _ => return false,
    };
    let varied = local[1..].iter().any(|d| *d != local[1]);
    local[0] == 1 && (3..=9).contains(&local[1]) && varied && c.is_whole_number()
}

/// Landline: an area code of three or four digits from 0 and seven or eight digits that open with 2 to 9.
pub(super) fn landline(c: &Candidate<'_>) -> bool {
    let digits = c.digits();
    if !(10..=16).contains(&digits.len()) || digits[0] != 0 || !c.is_whole_number() {
        return false;
    }
    let area = if digits[1] <= 2 { 3 } else { 4 };
    (2..=9).contains(&digits[area]) && (1..=9).contains(&digits[1])
}

/// Bank card: 16 to 19 digits that satisfy Luhn, opened by an issuer in use (UnionPay 62 and 60, Visa, Mastercard,
/// American Express has 15 and belongs to `credit_card`).
pub(super) fn bank_card(c: &Candidate<'_>) -> bool {
    let digits = c.digits();
    let known = matches!(digits.as_slice(), [6, 0 | 2, ..] | [4, ..] | [5, 1..=5, ..] | [9, ..] | [3, 5, ..]);
    (16..=19).contains(&digits.len()) && known && c.is_whole_number() && luhn_holds(&digits)
}

/// Hong Kong identity card: letter(s) 10…35, space 36, weights 9…2, remainder 10 written A.
pub(super) fn hk_id(c: &Candidate<'_>) -> bool {
    let chars = c.alphanumerics();
    let letters = chars.iter().take_while(|b| b.is_ascii_uppercase()).count();
    if !(1..=2).contains(&letters) || chars.len() != letters + 7 || !c.stands_alone() {
        return false;
    }
    let value = |b: u8| u32::from(if b.is_ascii_digit() { b - b'0' } else { b - b'A' + 10 });
    let (body, check) = chars.split_at(chars.len() - 1);
    if !body[letters..].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let padded = (letters == 1).then_some(36).into_iter().chain(body.iter().map(|b| value(*b)));
    let sum: u32 = padded.zip((2..=9).rev()).map(|(v, w)| v * w).sum();
    let check = match check[0] {
        b'A' => 10,
        digit if digit.is_ascii_digit() => value(digit),
        _ => return false,
    };
    (sum + check).is_multiple_of(11)
}

/// Taiwan identity card: letter to two digits, weights 1 9 8 7 6 5 4 3 2 1 1, sum a multiple of ten.
pub(super) fn tw_id(c: &Candidate<'_>) -> bool {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let chars = c.alphanumerics();
    if chars.len() != 10 || !chars[1..].iter().all(u8::is_ascii_digit) || !c.stands_alone() {
        return false;
    }
    let Some(letter) = LETTERS.iter().position(|l| *l == chars[0]) else { return false };
    let letter = letter + 10;
    let digits = chars[1..].iter().map(|b| usize::from(b - b'0'));
    let rest: usize = digits.zip([8, 7, 6, 5, 4, 3, 2, 1, 1]).map(|(d, w)| d * w).sum();
    matches!(chars[1], b'1' | b'2' | b'8' | b'9') && (letter / 10 + letter % 10 * 9 + rest).is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use crate::validate::accepts;

    #[test]
    fn published_numbers_pass_and_their_neighbors_fail() {
        // Vectors: python-stdnum's documentation and the public examples for Hong Kong and Taiwan.
        for (name, good, bad) in [
            ("cn_resident_id", "11010519491231002X", "110105194912310021"),
            ("cn_resident_id", "11010119900307002x", "11010119900308002x"),
            ("cn_resident_id", "360426199101010071", "360426199113010071"),
            ("cn_resident_id_15", "110105491231002", "110105491331002"),
            ("cn_residence_permit", "810000199001010019", "810000199001010018"),
            ("cn_residence_permit", "830000199001010012", "360426199101010071"),
            ("cn_uscc", "91110000600037341L", "91110000600037342L"),
            ("cn_uscc", "91440300708461136t", "91440300708461136I"),
            ("cn_uscc", "91110102MACQD9K640", "91110102MACQD9K641"),
            ("cn_bank_card", "6222021234567890128", "6222021234567890129"),
            ("cn_bank_card", "6228480402564890018", "7228480402564890018"),
            ("luhn", "4111 1111 1111 1111", "4111 1111 1111 1112"),
            ("hk_id", "A123456(3)", "A123456(4)"),
            ("tw_id", "A123456789", "A123456788"),
            ("cn_mobile", "+86 138-0013-8000", "12800138000"),
            ("cn_landline", "010-62770000", "010-12770000"),
            ("cn_org_code", "60003734-1", "60003734-2"),
        ] {
            assert!(accepts(name, good), "{name} {good}");
            assert!(!accepts(name, bad), "{name} {bad}");
        }
    }
}
