//! Numbers and tokens in use everywhere.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use super::Candidate;

/// Whether the day exists and its year is in `years`.
pub(super) fn is_date(year: u32, month: u32, day: u32, years: RangeInclusive<u32>) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    years.contains(&year) && (1..=days).contains(&day)
}

/// ISO/IEC 7812-1 check; a number of one repeated digit is refused.
pub(super) fn luhn_holds(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| match (i % 2, u32::from(*d)) {
            (0, d) => d,
            (_, d) if d > 4 => d * 2 - 9,
            (_, d) => d * 2,
        })
        .sum();
    digits.len() > 1 && digits.iter().any(|d| *d != digits[0]) && sum.is_multiple_of(10)
}

/// Any number of 12 to 19 digits that satisfies Luhn.
pub(super) fn luhn(c: &Candidate<'_>) -> bool {
    let digits = c.digits();
    (12..=19).contains(&digits.len()) && c.is_whole_number() && luhn_holds(&digits)
}

/// A payment card of a known scheme with the scheme's length, and Luhn.
pub(super) fn credit_card(c: &Candidate<'_>) -> bool {
    let digits = c.digits();
    let length_fits = match digits.as_slice() {
        [4, ..] => matches!(digits.len(), 13 | 16 | 19),
        [5, 1..=5, ..] | [2, 2..=7, ..] => digits.len() == 16,
        [3, 4 | 7, ..] => digits.len() == 15,
        [3, 0 | 6 | 8, ..] => digits.len() == 14,
        [3, 5, ..] | [6, ..] => (16..=19).contains(&digits.len()),
        _ => false,
    };
    length_fits && c.is_whole_number() && luhn_holds(&digits)
}

/// ISO 13616: two letters, two check digits, at most 30 more; the whole rotated is 1 modulo 97.
pub(super) fn iban(c: &Candidate<'_>) -> bool {
    let chars = c.alphanumerics();
    if !(15..=34).contains(&chars.len()) || !c.stands_alone() {
        return false;
    }
    let shaped = chars[..2].iter().all(u8::is_ascii_uppercase) && chars[2..4].iter().all(u8::is_ascii_digit);
    let rotated = chars[4..].iter().chain(&chars[..4]);
    let remainder = rotated.fold(0u32, |r, b| {
        if b.is_ascii_digit() { (r * 10 + u32::from(b - b'0')) % 97 } else { (r * 100 + u32::from(b - b'A' + 10)) % 97 }
    });
    shaped && remainder == 1
}

/// United States social security number: the ranges that were never issued are refused.
pub(super) fn ssn(c: &Candidate<'_>) -> bool {
    let d = c.digits();
    let number = |r: &[u8]| r.iter().fold(0u32, |n, d| n * 10 + u32::from(*d));
    d.len() == 9
        && c.is_whole_number()
        && !matches!(number(&d[..3]), 0 | 666 | 900..=999)
        && number(&d[3..5]) != 0
        && number(&d[5..]) != 0
        && !matches!(number(&d), 78_051_120 | 219_099_999)
}

fn parse_ipv4(c: &Candidate<'_>) -> Option<Ipv4Addr> {
    // A fifth number or a digit next to it makes it a version or an OID.
    let edged = c.before == Some('.') || !c.stands_alone();
    if edged { None } else { c.text.parse().ok() }
}

/// An IPv4 address that is not unspecified or broadcast.
pub(super) fn ipv4(c: &Candidate<'_>) -> bool {
    parse_ipv4(c).is_some_and(|ip| !ip.is_unspecified() && !ip.is_broadcast())
}

/// An IPv4 address that is routed on the Internet.
pub(super) fn ipv4_public(c: &Candidate<'_>) -> bool {
    let private = |ip: Ipv4Addr| {
        ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_documentation() || ip.octets()[0] == 0
    };
    parse_ipv4(c).is_some_and(|ip| !private(ip) && !ip.is_broadcast() && !ip.is_multicast())
}

/// An IPv6 address with at least two groups, not loopback.
pub(super) fn ipv6(c: &Candidate<'_>) -> bool {
    let groups = c.text.split(':').filter(|g| !g.is_empty()).count();
    c.stands_alone() && groups >= 2 && c.text.parse::<Ipv6Addr>().is_ok_and(|ip| !ip.is_loopback())
}

/// An e-mail address whose parts are not empty, whose dots are not doubled and whose top-level domain is letters.
pub(super) fn email(c: &Candidate<'_>) -> bool {
    let Some((local, domain)) = c.text.rsplit_once('@') else { return false };
    let dots_fit = |s: &str| !s.is_empty() && !s.starts_with('.') && !s.ends_with('.') && !s.contains("..");
    let top = domain.rsplit('.').next().unwrap_or_default();
    // `icon@2x.png` and its kind are file names.
    let file = matches!(top, "png" | "jpg" | "jpeg" | "gif" | "webp" | "svg" | "css" | "js" | "html");
    dots_fit(local)
        && dots_fit(domain)
        && domain.contains('.')
        && top.len() >= 2
        && top.bytes().all(|b| b.is_ascii_alphabetic())
        && !file
        && c.stands_alone()
}

/// A URL (or host) that points inside: private and link-local addresses, metadata services, `localhost`, `.internal`.
pub(super) fn url_internal(c: &Candidate<'_>) -> bool {
    let rest = c.text.split_once("://").map_or(c.text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if let Some(bracketed) = host.strip_prefix('[') {
        let ip = bracketed.split(']').next().unwrap_or_default().parse::<Ipv6Addr>();
        return ip.is_ok_and(|ip| ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local());
    }
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    // Browsers and curl read one number, octal and hexadecimal parts as addresses too.
    let numeric = host.parse::<u32>().ok().map(Ipv4Addr::from);
    let hex = host.strip_prefix("0x").and_then(|h| u32::from_str_radix(h, 16).ok()).map(Ipv4Addr::from);
    match host.parse::<Ipv4Addr>().ok().or(numeric).or(hex) {
        Some(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        None => {
            let inside = [".internal", ".local", ".localhost", ".lan", ".intranet", ".corp", ".svc"];
            host == "localhost" || host.starts_with("metadata.") || inside.iter().any(|suffix| host.ends_with(suffix))
        }
    }
}

/// A token that looks drawn at random: enough different characters, letters and digits both, no placeholder words.
///
/// Shannon entropy of at least 3.0 bits a character from 16 characters on (English words and identifiers have about
/// 2.5 to 3.5, random base64 of 32 characters about 4.5), 2.75 where the alphabet is hexadecimal.
pub(super) fn entropy(c: &Candidate<'_>) -> bool {
    const PLACEHOLDERS: &[&str] = &["xxxx", "0000", "1234567890", "your", "changeme", "placeholder"];
    let token = c.text.trim_matches(['"', '\'', '`', ' ']);
    let lower = token.to_ascii_lowercase();
    if token.len() < 12 || PLACEHOLDERS.iter().any(|p| lower.contains(p)) {
        return false;
    }
    let mut counts = [0u32; 256];
    for byte in token.bytes() {
        counts[usize::from(byte)] += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "a token's length is far below 2^52")]
    let total = token.len() as f64;
    let bits: f64 = counts
        .iter()
        .filter(|n| **n > 0)
        .map(|n| {
            let p = f64::from(*n) / total;
            -p * p.log2()
        })
        .sum();
    let hexadecimal = token.bytes().all(|b| b.is_ascii_hexdigit());
    let mixed = token.bytes().any(|b| b.is_ascii_digit()) && token.bytes().any(|b| b.is_ascii_alphabetic());
    mixed && bits >= if hexadecimal { 2.75 } else { 3.0 }
}

/// A JSON web token: three base64url parts of which the first decodes to a JSON object's opening (`eyJ` is `{"`).
pub(super) fn jwt(c: &Candidate<'_>) -> bool {
    let part = |p: &str| p.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'='));
    let parts: Vec<&str> = c.text.split('.').collect();
    // The folded view is lower case.
    parts.len() >= 2
        && parts.iter().all(|p| part(p))
        && parts.iter().take(2).all(|p| p.len() >= 8 && p.get(..3).is_some_and(|h| h.eq_ignore_ascii_case("eyj")))
}

/// A date that exists: year, month and day in this order, or day and month before the year.
pub(super) fn date(c: &Candidate<'_>) -> bool {
    let parts: Vec<u32> = c
        .text
        .split(|ch: char| !ch.is_ascii_digit())
        .filter(|p| !p.is_empty())
        .filter_map(|p| p.parse().ok())
        .collect();
    match parts.as_slice() {
        [y, m, d] if *y > 31 => is_date(*y, *m, *d, 1850..=2100),
        [a, b, y] => is_date(*y, *b, *a, 1850..=2100) || is_date(*y, *a, *b, 1850..=2100),
        [n] if (18_500_101..=21_001_231).contains(n) => is_date(n / 10_000, n / 100 % 100, n % 100, 1850..=2100),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::validate::accepts;

    #[test]
    fn each_accepts_its_kind_and_refuses_the_near_miss() {
        for (name, good, bad) in [
            ("credit_card", "4111111111111111", "4111111111111112"),
            ("credit_card", "3782 822463 10005", "3782 822463 1000"),
            ("iban", "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 33"),
            ("iban", "de89370400440532013000", "de89370400440532013001"),
            ("ssn", "536-90-4399", "666-90-4399"),
            ("ipv4", "192.168.1.1", "192.168.1.256"),
            ("ipv4_public", "8.8.8.8", "10.0.0.1"),
            ("ipv6", "2001:db8::8a2e:370:7334", "::1"),
            ("email", "zhang.san@example.com", "zhang..san@example.com"),
            ("email", "a@b.cn", "icon@2x.png"),
            ("url_internal", "http://169.254.169.254/latest/meta-data", "http://example.com/169.254.169.254"),
            ("url_internal", "http://user@2130706433/", "https://internal.example.com/"),
            ("url_internal", "http://[fd00::1]:8080/x", "http://[2001:db8::1]/"),
            ("entropy", "q8Zt2LwP0vXn4RkYs7Bd", "your_api_key_goes_here_1"),
            ("entropy", "9f86d081884c7d659a2feaa0", "aaaaaaaaaaaaaaaaaaaaaaa1"),
            ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "abc.def.ghi"),
            ("date", "1990年2月28日", "1990年2月30日"),
            ("date", "2000-02-29", "1900-02-29"),
        ] {
            assert!(accepts(name, good), "{name} {good}");
            assert!(!accepts(name, bad), "{name} {bad}");
        }
    }
}
