//! Signatures over the label, in its reserved members (TC260-PG-202511A, SM3withSM2).
//!
//! `ReservedCode1` (producer) and `ReservedCode2` (propagator) may hold
//! `{"SecurityData":{"Type":"TC260PG","PubSD":[{"Type":"DS",…},{"Type":"PubKey",…}],"Bindings":[…]}}`. The signed message
//! (A.1) is the text `"Label":"1","ContentProducer":"…","ProduceID":"…"`; for the propagator
//! `"Label":"1","ContentPropagator":"…","PropagateID":"…"`.
//!
//! The key travels with the label that it signs: a signature that holds says that the members were not altered since, by
//! whom it does not say, unless the key is one that the caller knows ([`check`]'s `pinned`). Signatures that bind the
//! content itself (`Bindings`) are not made and not verified here. What follows another scheme, or none that is known, is
//! reported as unknown and not as wrong: real files hold RSA signatures and opaque codes in these members.

mod key;

#[cfg(test)]
mod tests;

pub use key::{Key, Signer, USER_ID};

use serde_json::{Value, json};

use crate::Error;
use crate::label::{Aigc, Member, Reading};

/// SM3 with SM2 (GM/T 0006).
pub const ALGORITHM: &str = "1.2.156.10197.1.501";
/// The type of the scheme.
const TYPE: &str = "TC260PG";
/// What is signed: the metadata.
const METADATA: &str = "Md";
/// The spelling of a writer whose labels are common.
const METADATA_ELSEWHERE: &str = "LabelMataData";
/// The most items of `PubSD` that are looked at.
const MOST: usize = 32;

/// Whose members are signed, and where the signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The production members, in `ReservedCode1`.
    Producer,
    /// The propagation members, in `ReservedCode2`.
    Propagator,
}

impl Slot {
    /// Where the signature stands.
    #[must_use]
    pub fn reserved(self) -> Member {
        match self {
            Slot::Producer => Member::ReservedCode1,
            Slot::Propagator => Member::ReservedCode2,
        }
    }

    fn signed(self) -> [Member; 3] {
        match self {
            Slot::Producer => [Member::Label, Member::ContentProducer, Member::ProduceID],
            Slot::Propagator => [Member::Label, Member::ContentPropagator, Member::PropagateID],
        }
    }

    /// The signed message (A.1).
    fn message<'a>(self, get: impl Fn(Member) -> &'a str) -> String {
        self.signed().map(|member| format!("\"{}\":{}", member.name(), Value::from(get(member)))).join(",")
    }
}

/// What a reserved member turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is empty or not there, or holds security data without a signature of the label.
    Absent,
    /// The signature holds.
    Valid {
        /// The key that signed.
        key: Key,
        /// Whether that key is one of those that the caller knows.
        pinned: bool,
        /// In what the writer differs from the guide.
        notes: Vec<&'static str>,
    },
    /// It follows the guide, and does not hold.
    Invalid {
        /// Why.
        problem: String,
    },
    /// It follows another scheme, which is not wrong.
    Unknown {
        /// What could be told of it.
        scheme: String,
    },
}

/// Signs the production or propagation members; what their reserved member held before is replaced.
///
/// # Errors
/// When signing fails, which it does for one nonce in 2^256.
pub fn sign(aigc: &Aigc, slot: Slot, signer: &Signer, key_id: &str) -> Result<Aigc, Error> {
    let message = slot.message(|member| aigc.get(member));
    let signature = signer.sign(message.as_bytes())?;
    let data = json!({"SecurityData": {
        "Type": TYPE,
        "PubSD": [
            {"Type": "DS", "AlgID": ALGORITHM, "TBSData": {"Type": METADATA}, "Signature": signature, "KeyID": key_id},
            {"Type": "PubKey", "AlgID": ALGORITHM, "KeyValue": signer.key().to_hex(), "KeyID": key_id},
        ],
    }});
    aigc.with_reserved(slot.reserved(), &data.to_string())
}

/// Verifies the signature over the production or propagation members.
///
/// With `pinned` keys, those alone can make [`Outcome::Valid`]'s `pinned` true; a signature by another key still holds, and
/// proves integrity alone. A label that brings no key is verified with the pinned ones.
#[must_use]
pub fn check(reading: &Reading, slot: Slot, pinned: &[Key]) -> Outcome {
    let text = reading.get(slot.reserved()).unwrap_or_default().trim();
    if text.is_empty() {
        return Outcome::Absent;
    }
    let mut notes = Vec::new();
    let data = match security_data(text, &mut notes) {
        Ok(data) => data,
        Err(scheme) => return Outcome::Unknown { scheme },
    };
    let items = match data.get("PubSD").or_else(|| data.get("PubSd")) {
        Some(Value::Array(items)) => items,
        _ => return Outcome::Unknown { scheme: "SecurityData without the list PubSD".to_owned() },
    };
    if data.get("PubSD").is_none() {
        note(&mut notes, "PubSD is spelled PubSd");
    }
    if data.get("Bindings").is_none() && data.get("Binding").is_some() {
        note(&mut notes, "Bindings is spelled Binding");
    }
    let message = slot.message(|member| reading.get(member).unwrap_or_default());
    let mut outcome = Outcome::Absent;
    for item in items.iter().take(MOST).filter(|item| text_of(item, "Type") == "DS") {
        let signed = item.get("TBSData").map(|signed| text_of(signed, "Type")).unwrap_or_default();
        if signed == "Bnd" {
            // It binds the content, and says nothing of the label.
            continue;
        }
        if text_of(item, "AlgID") != ALGORITHM {
            outcome = Outcome::Unknown { scheme: format!("algorithm {:?}", short(text_of(item, "AlgID"))) };
            continue;
        }
        if signed == METADATA_ELSEWHERE {
            note(&mut notes, "the type Md is spelled LabelMataData");
        } else if signed != METADATA {
            outcome = Outcome::Unknown { scheme: format!("signed data of type {:?}", short(signed)) };
            continue;
        }
        let keys = match keys(items, text_of(item, "KeyID"), &mut notes) {
            Ok(keys) if keys.is_empty() && pinned.is_empty() => {
                outcome = Outcome::Unknown { scheme: "a signature without its key".to_owned() };
                continue;
            }
            Ok(keys) if keys.is_empty() => pinned.to_vec(),
            Ok(keys) => keys,
            Err(problem) => return Outcome::Invalid { problem },
        };
        let Some(signature) = key::bytes(text_of(item, "Signature")) else {
            return Outcome::Invalid { problem: "the signature is not hexadecimal".to_owned() };
        };
        return match keys.into_iter().find(|key| key.verifies(message.as_bytes(), &signature)) {
            Some(key) => {
                let pinned = pinned.contains(&key);
                Outcome::Valid { key, pinned, notes }
            }
            // Its writers have no message that is published: one family of files holds by that of the guide, another by none
            // that was tried.
            None if signed == METADATA_ELSEWHERE => {
                Outcome::Unknown { scheme: format!("signed data of type {METADATA_ELSEWHERE}") }
            }
            None => Outcome::Invalid { problem: format!("it is not a signature of {message} by the key it names") },
        };
    }
    outcome
}

/// The object `SecurityData` of the scheme, or what stands there instead.
fn security_data(text: &str, notes: &mut Vec<&'static str>) -> Result<Value, String> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        // Escaped once more than the container undoes.
        Err(_) => match serde_json::from_str(&text.replace("\\\"", "\"")) {
            Ok(value) => {
                note(notes, "quotes are escaped once too often");
                value
            }
            Err(_) => return Err("a code that its writer alone can read".to_owned()),
        },
    };
    let Some(data) = value.get("SecurityData") else { return Err("JSON without SecurityData".to_owned()) };
    match text_of(data, "Type") {
        TYPE => Ok(data.clone()),
        other => Err(format!("SecurityData of type {:?}", short(other))),
    }
}

/// The keys that a key value may mean: one, or two when the value is an x coordinate alone.
fn keys(items: &[Value], id: &str, notes: &mut Vec<&'static str>) -> Result<Vec<Key>, String> {
    for item in items.iter().take(MOST).filter(|item| text_of(item, "Type") == "PubKey") {
        if text_of(item, "KeyID") != id {
            continue;
        }
        let keys = Key::candidates(text_of(item, "KeyValue"));
        if keys.is_empty() {
            return Err("its key is not a point of the SM2 curve".to_owned());
        }
        if keys.len() > 1 {
            note(notes, "the key is an x coordinate alone");
        }
        return Ok(keys);
    }
    Ok(Vec::new())
}

fn note(notes: &mut Vec<&'static str>, text: &'static str) {
    if !notes.contains(&text) {
        notes.push(text);
    }
}

fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
