//! CBOR of authenticators, read with bounds: depth by a limit, size by what came in.

use ciborium::Value;

use super::Fault;

/// Attestation statements nest lists of certificates, and nothing deeper.
const DEEPEST: usize = 16;

/// The first item, and what follows it.
pub(super) fn first(bytes: &[u8]) -> Result<(Value, &[u8]), Fault> {
    let mut rest = bytes;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEEPEST).map_err(|_| Fault::Unreadable)?;
    Ok((value, rest))
}

/// The only item.
pub(super) fn only(bytes: &[u8]) -> Result<Value, Fault> {
    let (value, rest) = first(bytes)?;
    if rest.is_empty() { Ok(value) } else { Err(Fault::Unreadable) }
}

/// The value of a key that a map must have once: of two, readers could take different ones.
fn once(map: &[(Value, Value)], is: impl Fn(&Value) -> bool) -> Result<&Value, Fault> {
    let mut found = map.iter().filter(|(key, _)| is(key));
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Ok(value),
        _ => Err(Fault::Unreadable),
    }
}

pub(super) fn named<'a>(map: &'a [(Value, Value)], name: &str) -> Result<&'a Value, Fault> {
    once(map, |key| key.as_text() == Some(name))
}

pub(super) fn numbered(map: &[(Value, Value)], number: i64) -> Result<&Value, Fault> {
    once(map, |key| integer(key) == Some(number))
}

pub(super) fn integer(value: &Value) -> Option<i64> {
    value.as_integer().and_then(|n| i64::try_from(n).ok())
}
