//! An authenticator in software: keys of ring, answers as a browser hands them over. It can be told to lie.

use ciborium::Value;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};

// Of whoever takes this file in: tests of the store from inside and outside, and the gateway's.
use super::{Assertion, NewSecurityKey, Site};

/// Present, verified.
pub const TOUCHED: u8 = 0b101;
const MADE: u8 = 0b0100_0000;

pub enum Signer {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

pub struct SoftKey {
    pub id: Vec<u8>,
    pub signer: Signer,
    pub counter: u32,
    pub flags: u8,
    /// The host that it says it answers for.
    pub host: String,
    /// The page that the browser says asked.
    pub origin: String,
    /// What stands in the client data beside.
    pub more: String,
    pub format: &'static str,
}

/// What a browser hands over, owned.
#[derive(Clone)]
pub struct Handed {
    pub id: Vec<u8>,
    pub client_data: Vec<u8>,
    /// The attestation, or the authenticator's data.
    pub said: Vec<u8>,
    pub signature: Vec<u8>,
    pub user: Option<Vec<u8>>,
    pub transports: Vec<String>,
}

impl Handed {
    pub fn new_key(&self) -> NewSecurityKey<'_> {
        NewSecurityKey {
            id: &self.id,
            client_data: &self.client_data,
            attestation: &self.said,
            transports: &self.transports,
        }
    }

    pub fn assertion<'a>(&'a self, site: &'a Site) -> Assertion<'a> {
        Assertion {
            site,
            id: &self.id,
            client_data: &self.client_data,
            authenticator_data: &self.said,
            signature: &self.signature,
            user: self.user.as_deref(),
        }
    }
}

fn int(n: i64) -> Value {
    Value::Integer(n.into())
}

pub fn cbor(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

pub fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

impl SoftKey {
    pub fn es256(host: &str, origin: &str) -> Self {
        let (algorithm, random) = (&signature::ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        SoftKey::with(Signer::Es256(pair), host, origin)
    }

    pub fn ed25519(host: &str, origin: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        SoftKey::with(Signer::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap()), host, origin)
    }

    fn with(signer: Signer, host: &str, origin: &str) -> Self {
        let mut key = SoftKey {
            id: Vec::new(),
            signer,
            counter: 0,
            flags: TOUCHED,
            host: host.to_owned(),
            origin: origin.to_owned(),
            more: String::new(),
            format: "none",
        };
        key.id = Sha256::digest(key.cose()).to_vec();
        key
    }

    pub fn cose(&self) -> Vec<u8> {
        let map = match &self.signer {
            Signer::Es256(pair) => {
                let point = pair.public_key().as_ref();
                vec![
                    (int(1), int(2)),
                    (int(3), int(-7)),
                    (int(-1), int(1)),
                    (int(-2), Value::Bytes(point[1..33].to_vec())),
                    (int(-3), Value::Bytes(point[33..].to_vec())),
                ]
            }
            Signer::Ed25519(pair) => vec![
                (int(1), int(1)),
                (int(3), int(-8)),
                (int(-1), int(6)),
                (int(-2), Value::Bytes(pair.public_key().as_ref().to_vec())),
            ],
        };
        cbor(&Value::Map(map))
    }

    pub fn client_data(&self, kind: &str, challenge: &[u8]) -> Vec<u8> {
        let (challenge, origin, more) = (base64(challenge), &self.origin, &self.more);
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"{more}}}"#).into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(self.host.as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    pub fn made_data(&self) -> Vec<u8> {
        let mut data = self.data(self.flags | MADE);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose());
        data
    }

    pub fn attestation(&self, data: Vec<u8>) -> Vec<u8> {
        let statement = if self.format == "none" { Vec::new() } else { vec![(Value::Text("x".into()), int(1))] };
        cbor(&Value::Map(vec![
            (Value::Text("fmt".into()), Value::Text(self.format.into())),
            (Value::Text("attStmt".into()), Value::Map(statement)),
            (Value::Text("authData".into()), Value::Bytes(data)),
        ]))
    }

    /// `navigator.credentials.create()`.
    pub fn create(&self, challenge: &[u8]) -> Handed {
        Handed {
            id: self.id.clone(),
            client_data: self.client_data("webauthn.create", challenge),
            said: self.attestation(self.made_data()),
            signature: Vec::new(),
            user: None,
            transports: vec!["usb".to_owned(), "telepathy".to_owned()],
        }
    }

    /// `navigator.credentials.get()`.
    pub fn get(&mut self, challenge: &[u8]) -> Handed {
        self.counter += 1;
        self.get_as_it_is(challenge)
    }

    /// The same without counting.
    pub fn get_as_it_is(&self, challenge: &[u8]) -> Handed {
        let (client_data, said) = (self.client_data("webauthn.get", challenge), self.data(self.flags));
        let signature = self.sign(&[said.as_slice(), &Sha256::digest(&client_data)].concat());
        Handed { id: self.id.clone(), client_data, said, signature, user: None, transports: Vec::new() }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.signer {
            Signer::Es256(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Signer::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}
