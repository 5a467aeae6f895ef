//! Public keys as authenticators write them (RFC 9052, RFC 9053, RFC 8230), of the algorithms that are offered.

use ciborium::Value;
use ring::agreement::{self, EphemeralPrivateKey};
use ring::rand::SystemRandom;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};

use super::{Fault, cbor};

const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;
/// What is offered, best first: ES256, EdDSA with Ed25519, RS256.
pub(in crate::people) const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];
/// The exponent that every authenticator uses.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A key of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// An uncompressed point of P-256.
    Es256(Vec<u8>),
    /// A point of Ed25519.
    Ed25519(Vec<u8>),
    /// A modulus of 2048 to 4096 bits.
    Rs256(Vec<u8>),
}

fn bytes(map: &[(Value, Value)], number: i64, length: std::ops::RangeInclusive<usize>) -> Result<&[u8], Fault> {
    let bytes = cbor::numbered(map, number)?.as_bytes().ok_or(Fault::Unreadable)?;
    if length.contains(&bytes.len()) { Ok(bytes) } else { Err(Fault::Impossible) }
}

fn number(map: &[(Value, Value)], of: i64) -> Result<i64, Fault> {
    cbor::integer(cbor::numbered(map, of)?).ok_or(Fault::Unreadable)
}

/// Whether it lies on the curve: an agreement with a throw-away key looks, where ring has no other way to ask.
fn on_p256(point: &[u8]) -> bool {
    EphemeralPrivateKey::generate(&agreement::ECDH_P256, &SystemRandom::new()).is_ok_and(|own| {
        agreement::agree_ephemeral(own, &agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, point), |_| ())
            .is_ok()
    })
}

impl PublicKey {
    pub(super) fn read(cose: &[u8]) -> Result<Self, Fault> {
        let Value::Map(map) = cbor::only(cose)? else { return Err(Fault::Unreadable) };
        let (kind, algorithm) = (number(&map, 1)?, number(&map, 3)?);
        match (kind, algorithm) {
            (2, ES256) => {
                if number(&map, -1)? != 1 {
                    return Err(Fault::Algorithm);
                }
                let point = [&[4], bytes(&map, -2, 32..=32)?, bytes(&map, -3, 32..=32)?].concat();
                if on_p256(&point) { Ok(PublicKey::Es256(point)) } else { Err(Fault::Impossible) }
            }
            (1, EDDSA) => {
                if number(&map, -1)? != 6 {
                    return Err(Fault::Algorithm);
                }
                Ok(PublicKey::Ed25519(bytes(&map, -2, 32..=32)?.to_vec()))
            }
            (3, RS256) => {
                let modulus = bytes(&map, -1, 256..=512)?;
                let whole = modulus.first().is_some_and(|b| *b >= 0x80) && modulus.last().is_some_and(|b| b & 1 == 1);
                if !whole || bytes(&map, -2, 3..=3)? != EXPONENT {
                    return Err(Fault::Impossible);
                }
                Ok(PublicKey::Rs256(modulus.to_vec()))
            }
            _ => Err(Fault::Algorithm),
        }
    }

    pub(super) const fn algorithm(&self) -> i64 {
        match self {
            PublicKey::Es256(_) => ES256,
            PublicKey::Ed25519(_) => EDDSA,
            PublicKey::Rs256(_) => RS256,
        }
    }

    /// Whether it signed this.
    pub(super) fn signed(&self, message: &[u8], signed: &[u8]) -> bool {
        match self {
            PublicKey::Es256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point).verify(message, signed)
            }
            PublicKey::Ed25519(point) => UnparsedPublicKey::new(&signature::ED25519, point).verify(message, signed),
            PublicKey::Rs256(modulus) => RsaPublicKeyComponents { n: modulus.as_slice(), e: EXPONENT.as_slice() }
                .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signed),
        }
        .is_ok()
    }
}
