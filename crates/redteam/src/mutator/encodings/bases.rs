//! Bytes in other number bases than those that `data-encoding` has.

use std::collections::HashMap;
use std::sync::OnceLock;

const B45: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const B58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const B85: &[u8; 85] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
const A85: &[u8; 85] = b"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstu";
/// The 1,024 signs of Ecoji 1.0, in order.
const ECOJI: &str = include_str!("ecoji.txt");
/// Ecoji's padding, by what it stands for: an absent sign, and a fourth byte's last two bits.
const PAD: char = '☕';
const PADS: [char; 4] = ['⚜', '🏍', '📑', '🙋'];
/// The sign of the byte 0 in base100.
const B100: u32 = 0x1F3F7;

/// Bytes as text.
pub(super) fn utf8(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok()
}

fn sign(digits: &[u8], at: u32) -> char {
    char::from(usize::try_from(at).ok().and_then(|at| digits.get(at)).copied().unwrap_or(b'?'))
}

fn digit(digits: &[u8], c: u8) -> Option<u32> {
    digits.iter().position(|d| *d == c).and_then(|at| u32::try_from(at).ok())
}

pub(super) fn base45(text: &str) -> String {
    let mut out = String::new();
    for pair in text.as_bytes().chunks(2) {
        let mut number = pair.iter().fold(0, |n, b| n * 256 + u32::from(*b));
        for _ in 0..=pair.len() {
            out.push(sign(B45, number % 45));
            number /= 45;
        }
    }
    out
}

pub(super) fn read_base45(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    for group in text.as_bytes().chunks(3) {
        let mut number = 0_u32;
        for c in group.iter().rev() {
            number = number * 45 + digit(B45, *c)?;
        }
        let [.., high, low] = number.to_be_bytes();
        bytes.extend((group.len() == 3).then_some(high));
        bytes.push(low);
    }
    utf8(bytes)
}

pub(super) fn base58(text: &str) -> String {
    // The digits of the whole text as one number, the least first.
    let mut digits: Vec<u32> = Vec::new();
    for byte in text.bytes() {
        let mut carry = u32::from(byte);
        for d in &mut digits {
            carry += *d * 256;
            *d = carry % 58;
            carry /= 58;
        }
        while carry > 0 {
            digits.push(carry % 58);
            carry /= 58;
        }
    }
    let zeros = text.bytes().take_while(|b| *b == 0).count();
    "1".repeat(zeros) + &digits.iter().rev().map(|d| sign(B58, *d)).collect::<String>()
}

pub(super) fn read_base58(text: &str) -> Option<String> {
    let mut bytes: Vec<u8> = Vec::new();
    for c in text.bytes() {
        let mut carry = digit(B58, c)?;
        for b in &mut bytes {
            carry += u32::from(*b) * 58;
            let [.., low] = carry.to_be_bytes();
            *b = low;
            carry >>= 8;
        }
        while carry > 0 {
            let [.., low] = carry.to_be_bytes();
            bytes.push(low);
            carry >>= 8;
        }
    }
    bytes.extend(text.bytes().take_while(|c| *c == b'1').map(|_| 0));
    bytes.reverse();
    utf8(bytes)
}

fn groups_of_85(text: &str, digits: &[u8], zero: Option<char>) -> String {
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(4) {
        let mut word = [0_u8; 4];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        let mut number = u32::from_be_bytes(word);
        if let (0, 4, Some(zero)) = (number, chunk.len(), zero) {
            out.push(zero);
            continue;
        }
        let mut group = [' '; 5];
        for place in group.iter_mut().rev() {
            *place = sign(digits, number % 85);
            number /= 85;
        }
        out.extend(group.iter().take(chunk.len() + 1));
    }
    out
}

fn read_groups_of_85(text: &str, digits: &[u8]) -> Option<String> {
    let mut bytes = Vec::new();
    for group in text.as_bytes().chunks(5) {
        let mut number = 0_u64;
        for at in 0..5 {
            let d = group.get(at).map_or(Some(84), |c| digit(digits, *c))?;
            number = number * 85 + u64::from(d);
        }
        let word = u32::try_from(number).ok()?.to_be_bytes();
        bytes.extend(word.iter().take(group.len().saturating_sub(1)));
    }
    utf8(bytes)
}

pub(super) fn base85(text: &str) -> String {
    groups_of_85(text, B85, None)
}

pub(super) fn read_base85(text: &str) -> Option<String> {
    read_groups_of_85(text, B85)
}

pub(super) fn ascii85(text: &str) -> String {
    groups_of_85(text, A85, Some('z'))
}

pub(super) fn read_ascii85(text: &str) -> Option<String> {
    read_groups_of_85(&text.replace('z', "!!!!!"), A85)
}

pub(super) fn read_base2048(text: &str) -> Option<String> {
    // The crate's table ends here; it indexes past it for what no encoder wrote.
    text.chars().all(|c| u32::from(c) < 4340).then(|| base2048::decode(text)).flatten().and_then(utf8)
}

pub(super) fn base100(text: &str) -> String {
    text.bytes().filter_map(|b| char::from_u32(B100 + u32::from(b))).collect()
}

pub(super) fn read_base100(text: &str) -> Option<String> {
    let byte = |c| u32::from(c).checked_sub(B100).and_then(|b| u8::try_from(b).ok());
    utf8(text.chars().map(byte).collect::<Option<_>>()?)
}

fn ecoji_signs() -> &'static (Vec<char>, HashMap<char, u64>) {
    static SIGNS: OnceLock<(Vec<char>, HashMap<char, u64>)> = OnceLock::new();
    SIGNS.get_or_init(|| {
        let signs: Vec<char> = ECOJI.chars().filter(|c| !c.is_ascii()).collect();
        let places = signs.iter().copied().zip(0..).collect();
        (signs, places)
    })
}

pub(super) fn ecoji(text: &str) -> String {
    let (signs, _) = ecoji_signs();
    let at = |n: u64| usize::try_from(n & 0x3FF).ok().and_then(|n| signs.get(n)).copied().unwrap_or(PAD);
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(5) {
        let bits = (0..5).fold(0_u64, |n, i| n << 8 | u64::from(chunk.get(i).copied().unwrap_or(0)));
        let four = [30, 20, 10, 0].map(|shift| at(bits >> shift));
        out.extend(four.iter().take(chunk.len().min(4)));
        match chunk.len() {
            4 => {
                out.pop();
                let last = usize::try_from(bits >> 8 & 3).unwrap_or(0);
                out.extend(PADS.get(last));
            }
            5 => {}
            short => out.extend(std::iter::repeat_n(PAD, 4 - short)),
        }
    }
    out
}

pub(super) fn read_ecoji(text: &str) -> Option<String> {
    let (_, places) = ecoji_signs();
    let signs: Vec<char> = text.chars().collect();
    let mut bytes = Vec::new();
    for group in signs.chunks(4) {
        if group.len() < 4 {
            return None;
        }
        let mut bits = 0_u64;
        let mut length = 5;
        for (i, c) in group.iter().enumerate() {
            let pad = PADS.iter().position(|p| p == c).and_then(|at| u64::try_from(at).ok());
            let value = match (pad, *c == PAD) {
                (Some(last), _) => {
                    length = 4;
                    last << 8
                }
                (None, true) => {
                    length = length.min(i);
                    0
                }
                (None, false) => *places.get(c)?,
            };
            bits = bits << 10 | value;
        }
        bytes.extend(bits.to_be_bytes().iter().skip(3).take(length));
    }
    utf8(bytes)
}
