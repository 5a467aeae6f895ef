//! Time-based one-time passwords (RFC 6238 over RFC 4226): HMAC-SHA-1, six digits, steps of 30 seconds, which is what every
//! authenticator app speaks. SHA-1's weakness is in collisions and does not touch HMAC.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::cipher;
use crate::error::Error;

/// A step, in microseconds.
const STEP_US: i64 = 30_000_000;
/// RFC 4226 §4 R6 asks for 128 bits at least and recommends 160.
const SECRET: usize = 20;
/// Steps before and after the present that are taken too: for clocks that differ and people who type slowly.
const WINDOW: i64 = 1;

/// A new secret.
pub(super) fn secret() -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut secret = Zeroizing::new(vec![0; SECRET]);
    cipher::random(&mut secret)?;
    Ok(secret)
}

/// As authenticator apps take it.
pub(super) fn written(secret: &[u8]) -> String {
    BASE32_NOPAD.encode(secret)
}

/// The address that authenticator apps read from a QR code (`otpauth`, Google's Key URI Format). Names are of plain
/// characters; `@` stands as it is.
pub(super) fn uri(secret: &[u8], name: &str) -> String {
    format!("otpauth://totp/Menshen:{name}?secret={}&issuer=Menshen&algorithm=SHA1&digits=6&period=30", written(secret))
}

/// HOTP's truncated value (RFC 4226 §5.3) of a counter.
fn value(secret: &[u8], counter: u64) -> u32 {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return u32::MAX };
    mac.update(&counter.to_be_bytes());
    let mac = mac.finalize().into_bytes();
    let at = usize::from(mac[mac.len() - 1] & 0x0f);
    let four = mac.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok()).unwrap_or_default();
    u32::from_be_bytes(four) & 0x7fff_ffff
}

/// The step that a code is right for: within the window around now, and later than `last`. A last step that lies beyond the
/// window ahead is from before the clock was set back: nobody could sign in until the clock is there again, so it counts no
/// more.
pub(super) fn step_of(secret: &[u8], code: &str, last: i64, now_us: i64) -> Option<i64> {
    let code = code.trim();
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let now = now_us.div_euclid(STEP_US);
    let last = if ahead(last, now) { i64::MIN } else { last };
    let mut found = None;
    // Every step of the window is compared, so that the time tells nothing.
    for step in now - WINDOW..=now + WINDOW {
        let Ok(counter) = u64::try_from(step) else { continue };
        let expected = format!("{:06}", value(secret, counter) % 1_000_000);
        if bool::from(expected.as_bytes().ct_eq(code.as_bytes())) && step > last {
            found = Some(step);
        }
    }
    found
}

const fn ahead(last: i64, now: i64) -> bool {
    last > now + WINDOW
}

/// The last step that opened something, of the one that is known and one that just did.
pub(super) const fn latest(known: i64, step: i64) -> i64 {
    // The step just used lies within the window, the known one may lie as far on its other side.
    if known > step && !ahead(known, step + WINDOW) { known } else { step }
}

/// The code of a moment, for tests of whoever has the secret.
#[cfg(test)]
pub(super) fn code(secret: &[u8], now_us: i64) -> String {
    format!("{:06}", value(secret, u64::try_from(now_us.div_euclid(STEP_US)).unwrap_or_default()) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC: &[u8] = b"12345678901234567890";

    #[test]
    fn values_are_those_of_rfc_6238() {
        // Appendix B, SHA-1: seconds since 1970 and eight digits.
        for (seconds, digits) in [
            (59_i64, 94_287_082_u32),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            let step = u64::try_from(seconds / 30).unwrap();
            assert_eq!(value(RFC, step) % 100_000_000, digits, "{seconds}");
            let code = format!("{:06}", digits % 1_000_000);
            assert_eq!(step_of(RFC, &code, 0, seconds * 1_000_000), Some(seconds / 30));
        }
    }

    #[test]
    fn values_are_those_of_rfc_4226() {
        // Appendix D: the first ten counters.
        let codes = [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489];
        for (counter, code) in codes.into_iter().enumerate() {
            assert_eq!(value(RFC, counter as u64) % 1_000_000, code, "{counter}");
        }
    }

    #[test]
    fn a_code_is_good_for_one_step_either_side_and_once() {
        let now = 1_234_567_890_000_000;
        let right = code(RFC, now);
        let step = now / STEP_US;
        for (at, good) in
            [(now - 2 * STEP_US, false), (now - STEP_US, true), (now + STEP_US, true), (now + 2 * STEP_US, false)]
        {
            assert_eq!(step_of(RFC, &right, 0, at).is_some(), good, "{at}");
        }
        assert_eq!(step_of(RFC, &right, step, now), None, "a code opened twice");
        assert_eq!(step_of(RFC, &right, step - 1, now), Some(step));
        let ahead = step + 2_880;
        assert_eq!(step_of(RFC, &right, ahead, now), Some(step), "locked out after the clock was set back by a day");
        assert_eq!(step_of(RFC, &code(RFC, now + STEP_US), step + 1, now), None, "a code of the window opened twice");
        for wrong in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert_eq!(step_of(RFC, wrong, 0, now), None, "{wrong}");
        }
    }
}
