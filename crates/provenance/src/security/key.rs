//! SM2 keys (GB/T 32918) in the forms that labels hold.

use sm2::dsa::signature::{Signer as _, Verifier as _};
use sm2::dsa::{Signature, SigningKey, VerifyingKey};
use sm2::elliptic_curve::sec1::ToSec1Point as _;
use sm2::pkcs8::DecodePrivateKey as _;
use sm2::{PublicKey, SecretKey};

use crate::Error;

/// The user id that signatures are made with where none is agreed (GM/T 0009).
pub const USER_ID: &str = "1234567812345678";

/// The head of a SubjectPublicKeyInfo (RFC 5280) of a key on the SM2 curve; the uncompressed point follows.
const INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf,
    0x55, 0x01, 0x82, 0x2d, 0x03, 0x42, 0x00,
];

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(PublicKey);

impl Key {
    /// Reads a public key in hexadecimal: SubjectPublicKeyInfo, an uncompressed or compressed point, or its two coordinates.
    ///
    /// # Errors
    /// When it is none of those, or not on the curve.
    pub fn parse(hex: &str) -> Result<Key, Error> {
        let mut keys = Self::candidates(hex);
        match (keys.pop(), keys.is_empty()) {
            (Some(key), true) => Ok(key),
            _ => Err(Error::Label(
                "this is not an SM2 public key in hexadecimal (65 bytes, beginning with 04)".to_owned(),
            )),
        }
    }

    /// All keys that a value may mean: two when it is an x coordinate alone, which some writers leave.
    pub(super) fn candidates(hex: &str) -> Vec<Key> {
        let Some(bytes) = bytes(hex) else { return Vec::new() };
        let point = |head: &[u8], rest: &[u8]| PublicKey::from_sec1_bytes(&[head, rest].concat()).ok().map(Key);
        let one = |key: Option<Key>| key.into_iter().collect();
        match (bytes.len(), bytes.as_slice()) {
            (91, bytes) => one(bytes.strip_prefix(&INFO).and_then(|rest| point(&[], rest))),
            (65, all @ [4, ..]) | (33, all @ [2 | 3, ..]) => one(point(&[], all)),
            (64, all) => one(point(&[4], all)),
            (33, [0, x @ ..]) | (32, x) => [2, 3].iter().filter_map(|head| point(&[*head], x)).collect(),
            _ => Vec::new(),
        }
    }

    /// SubjectPublicKeyInfo in hexadecimal, as `KeyValue` is written in the files that hold one.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex(&[&INFO[..], self.0.to_sec1_point(false).as_bytes()].concat())
    }

    /// Whether the signature (DER, or r and s) is one of the message.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Some(signature) = signature_of(signature) else { return false };
        let key = VerifyingKey::new(USER_ID, self.0);
        key.is_ok_and(|key| key.verify(message, &signature).is_ok())
    }
}

/// A private key.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
    public: PublicKey,
}

impl Signer {
    /// Of the 32 bytes of a private key.
    ///
    /// # Errors
    /// When the number is not a private key of the curve (zero, or not below its order).
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Signer, Error> {
        Self::of(&SecretKey::from_slice(bytes).map_err(|_| wrong_key())?)
    }

    /// Of a private key in PKCS #8 PEM, as `openssl genpkey -algorithm SM2` writes it.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_pem(pem: &str) -> Result<Signer, Error> {
        Self::of(&SecretKey::from_pkcs8_pem(pem).map_err(|_| wrong_key())?)
    }

    fn of(secret: &SecretKey) -> Result<Signer, Error> {
        let key = SigningKey::new(USER_ID, secret).map_err(|_| wrong_key())?;
        Ok(Signer { key, public: secret.public_key() })
    }

    /// Its public key.
    #[must_use]
    pub fn key(&self) -> Key {
        Key(self.public)
    }

    /// The signature of a message: DER (GM/T 0009) in hexadecimal. The nonce is that of RFC 6979 with SM3: the same message
    /// has the same signature.
    pub(super) fn sign(&self, message: &[u8]) -> Result<String, Error> {
        let signature = self.key.try_sign(message).map_err(|_| Error::Label("signing failed".to_owned()))?;
        Ok(hex(signature.to_der().as_ref()))
    }
}

fn wrong_key() -> Error {
    Error::Label("this is not an SM2 private key".to_owned())
}

/// DER, or r and s one after the other.
fn signature_of(bytes: &[u8]) -> Option<Signature> {
    if bytes.len() == 64 {
        return Signature::from_slice(bytes).ok();
    }
    Signature::from_der(bytes).ok()
}

pub(super) fn bytes(hex: &str) -> Option<Vec<u8>> {
    let hex = hex.trim();
    if !hex.len().is_multiple_of(2) || hex.len() > 1024 || !hex.is_ascii() {
        return None;
    }
    hex.as_bytes()
        .chunks(2)
        .map(|pair| {
            let [high, low] = pair else { return None };
            let digit = |c: u8| char::from(c).to_digit(16);
            u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
