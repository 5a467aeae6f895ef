//! The chain: how a row becomes bytes, how the bytes become a hash, and how the hash is sealed.
//!
//! `hash(n) = SHA-256("menshen audit row v1" ‖ 0x00 ‖ hash(n−1) ‖ seq(n) ‖ fields)`. `hash(−1)` is 32 zero bytes; `seq` is
//! eight bytes, little-endian. The fields stand in the order of the table's columns, each with a tag byte and its
//! value: `0` nothing; `1` and an integer as eight bytes little-endian; `2` and a text, `3` and a blob, each with its
//! length as eight bytes little-endian and then its bytes. Every field says where it ends, so two different rows never
//! have the same bytes.
//!
//! Anyone can recompute the hashes. So could somebody who rewrites the table, all the way to its end: therefore each
//! row also carries `seal(n) = HMAC-SHA-256(key, "row" ‖ 0x00 ‖ seq ‖ hash(n))`, which only the holder of the key can make.

use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row as _, Sqlite};

use crate::cipher::Ring;

pub(crate) type Hash = [u8; 32];

/// What the first row follows.
pub(crate) const GENESIS: Hash = [0; 32];

/// The stored fields of an audit row but for its place, hash and seal, in the order of the columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Row {
    pub(crate) at_us: i64,
    pub(crate) kind: String,
    pub(crate) request_id: String,
    pub(crate) event: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) app: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) api: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) side: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) answer_ref: Option<String>,
    pub(crate) status: Option<i64>,
    pub(crate) packs: Option<String>,
    pub(crate) verdict: Option<String>,
    pub(crate) attempts: Option<String>,
    pub(crate) timings: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) text_mode: i64,
    pub(crate) input: Option<Vec<u8>>,
    pub(crate) output: Option<Vec<u8>>,
}

/// One field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl<'a> From<&'a Option<String>> for Field<'a> {
    fn from(value: &'a Option<String>) -> Self {
        value.as_deref().map_or(Field::Null, Field::Text)
    }
}

impl<'a> From<&'a Option<Vec<u8>>> for Field<'a> {
    fn from(value: &'a Option<Vec<u8>>) -> Self {
        value.as_deref().map_or(Field::Null, Field::Blob)
    }
}

pub(crate) const INSERT: &str = "INSERT INTO audit (seq, at_us, kind, request_id, event, tenant, app, key_id, user, \
    api, model, side, outcome, action, rule, answer_ref, status, packs, verdict, attempts, timings, error, text_mode, \
    input, output, hash, seal) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

/// Column order of every query that yields whole rows: place, fields, hash, seal.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT seq, at_us, kind, request_id, event, tenant, app, key_id, user, api, model, side, outcome, action, \
             rule, answer_ref, status, packs, verdict, attempts, timings, error, text_mode, input, output, hash, seal \
             FROM audit ",
            $rest
        )
    };
}
pub(crate) use select;

impl Row {
    pub(crate) fn fields(&self) -> [Field<'_>; 24] {
        [
            Field::Int(self.at_us),
            Field::Text(&self.kind),
            Field::Text(&self.request_id),
            (&self.event).into(),
            (&self.tenant).into(),
            (&self.app).into(),
            (&self.key_id).into(),
            (&self.user).into(),
            (&self.api).into(),
            (&self.model).into(),
            (&self.side).into(),
            (&self.outcome).into(),
            (&self.action).into(),
            (&self.rule).into(),
            (&self.answer_ref).into(),
            self.status.map_or(Field::Null, Field::Int),
            (&self.packs).into(),
            (&self.verdict).into(),
            (&self.attempts).into(),
            (&self.timings).into(),
            (&self.error).into(),
            Field::Int(self.text_mode),
            (&self.input).into(),
            (&self.output).into(),
        ]
    }

    /// The row's canonical bytes, in pieces.
    pub(crate) fn canonical(&self, mut sink: impl FnMut(&[u8])) {
        for field in self.fields() {
            match field {
                Field::Null => sink(&[0]),
                Field::Int(value) => {
                    sink(&[1]);
                    sink(&value.to_le_bytes());
                }
                Field::Text(value) => {
                    sink(&[2]);
                    sink(&(value.len() as u64).to_le_bytes());
                    sink(value.as_bytes());
                }
                Field::Blob(value) => {
                    sink(&[3]);
                    sink(&(value.len() as u64).to_le_bytes());
                    sink(value);
                }
            }
        }
    }

    /// About how much memory the row takes while it waits.
    pub(crate) fn bytes(&self) -> usize {
        let mut bytes = size_of::<Row>();
        self.canonical(|piece| bytes += piece.len());
        bytes
    }

    /// Reads the fields of a row that a `select!` query gave.
    pub(crate) fn from_sql(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Row {
            at_us: row.try_get(1)?,
            kind: row.try_get(2)?,
            request_id: row.try_get(3)?,
            event: row.try_get(4)?,
            tenant: row.try_get(5)?,
            app: row.try_get(6)?,
            key_id: row.try_get(7)?,
            user: row.try_get(8)?,
            api: row.try_get(9)?,
            model: row.try_get(10)?,
            side: row.try_get(11)?,
            outcome: row.try_get(12)?,
            action: row.try_get(13)?,
            rule: row.try_get(14)?,
            answer_ref: row.try_get(15)?,
            status: row.try_get(16)?,
            packs: row.try_get(17)?,
            verdict: row.try_get(18)?,
            attempts: row.try_get(19)?,
            timings: row.try_get(20)?,
            error: row.try_get(21)?,
            text_mode: row.try_get(22)?,
            input: row.try_get(23)?,
            output: row.try_get(24)?,
        })
    }

    /// The row's insertion at its place in the chain.
    pub(crate) fn insert(&self, seq: u64, hash: &Hash, seal: &Hash) -> sqlx::query::Query<'_, Sqlite, SqliteArguments> {
        let mut query = sqlx::query(INSERT).bind(seq as i64);
        for field in self.fields() {
            query = match field {
                Field::Null => query.bind(None::<i64>),
                Field::Int(value) => query.bind(value),
                Field::Text(value) => query.bind(value),
                Field::Blob(value) => query.bind(value),
            };
        }
        query.bind(hash.to_vec()).bind(seal.to_vec())
    }
}

/// The hash of a row at its place.
pub(crate) fn link(previous: &Hash, seq: u64, row: &Row) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(b"menshen audit row v1\0");
    hasher.update(previous);
    hasher.update(seq.to_le_bytes());
    row.canonical(|piece| hasher.update(piece));
    hasher.finalize().into()
}

/// The seal of a row, with the key in force at its place.
pub(crate) fn seal(ring: &Ring, seq: u64, hash: &Hash) -> Hash {
    ring.seal_at(seq, "row", &[&seq.to_le_bytes(), hash])
}

/// The seal of the retention anchor.
pub(crate) fn anchor_seal(ring: &Ring, through: u64, hash: &Hash, pruned: u64, pruned_us: i64) -> Hash {
    ring.seal("anchor", &[&through.to_le_bytes(), hash, &pruned.to_le_bytes(), &pruned_us.to_le_bytes()])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads canonical bytes back: if this inverts the encoding, no two rows share their bytes.
    fn decode(mut bytes: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
        let mut fields = Vec::new();
        while let Some((&tag, rest)) = bytes.split_first() {
            let (value, rest) = match tag {
                0 => (&rest[..0], rest),
                1 => rest.split_at_checked(8)?,
                2 | 3 => {
                    let (length, rest) = rest.split_at_checked(8)?;
                    let length = u64::from_le_bytes(length.try_into().ok()?);
                    rest.split_at_checked(usize::try_from(length).ok()?)?
                }
                _ => return None,
            };
            fields.push((tag, value.to_vec()));
            bytes = rest;
        }
        Some(fields)
    }

    fn bytes(row: &Row) -> Vec<u8> {
        let mut out = Vec::new();
        row.canonical(|piece| out.extend_from_slice(piece));
        out
    }

    fn text() -> impl Strategy<Value = Option<String>> {
        // Short texts out of few characters, so that two rows are often near each other.
        proptest::option::of(
            proptest::collection::vec(prop_oneof!["a", "\0", "是", "\u{2}"], 0..3).prop_map(|v| v.concat()),
        )
    }

    fn blob() -> impl Strategy<Value = Option<Vec<u8>>> {
        proptest::option::of(proptest::collection::vec(0u8..4, 0..10))
    }

    prop_compose! {
        fn row()(
            (at_us, status, text_mode) in (-2i64..3, proptest::option::of(-1i64..2), 0i64..3),
            t in proptest::collection::vec(text(), 19),
            (input, output) in (blob(), blob()),
        ) -> Row {
            let mut t = t.into_iter();
            let mut next = || t.next().flatten();
            Row {
                at_us, status, text_mode, input, output,
                kind: next().unwrap_or_default(),
                request_id: next().unwrap_or_default(),
                event: next(), tenant: next(), app: next(), key_id: next(), user: next(), api: next(), model: next(),
                side: next(), outcome: next(), action: next(), rule: next(), answer_ref: next(), packs: next(),
                verdict: next(), attempts: next(), timings: next(), error: next(),
            }
        }
    }

    proptest! {
        #[test]
        fn canonical_bytes_read_back(row in row()) {
            let expected: Vec<(u8, Vec<u8>)> = row.fields().iter().map(|field| match field {
                Field::Null => (0, Vec::new()),
                Field::Int(value) => (1, value.to_le_bytes().to_vec()),
                Field::Text(value) => (2, value.as_bytes().to_vec()),
                Field::Blob(value) => (3, value.to_vec()),
            }).collect();
            prop_assert_eq!(decode(&bytes(&row)), Some(expected));
        }

        #[test]
        fn different_rows_have_different_bytes_and_hashes(a in row(), b in row()) {
            prop_assert_eq!(a == b, bytes(&a) == bytes(&b));
            prop_assert_eq!(a == b, link(&GENESIS, 1, &a) == link(&GENESIS, 1, &b));
        }

        /// What moves from one field into its neighbor moves the bytes too.
        #[test]
        fn shifting_text_between_fields_shows(text in "[a-z]{1,12}", cut in 0usize..12, row in row()) {
            let cut = cut.min(text.len());
            let whole = Row { tenant: Some(text.clone()), app: Some(String::new()), ..row.clone() };
            let split = Row { tenant: Some(text[..cut].into()), app: Some(text[cut..].into()), ..row };
            prop_assert_eq!(cut == text.len(), bytes(&whole) == bytes(&split));
        }

        #[test]
        fn place_and_predecessor_are_part_of_the_hash(row in row(), seq in 0u64..9, other in 0u64..9, p in any::<[u8; 32]>()) {
            prop_assert_eq!(seq == other, link(&GENESIS, seq, &row) == link(&GENESIS, other, &row));
            prop_assert_eq!(p == GENESIS, link(&GENESIS, seq, &row) == link(&p, seq, &row));
        }
    }

    #[test]
    fn the_encoding_never_changes() {
        // A change here would break every chain already written: it needs a new version in the hash's prefix.
        let row = Row {
            at_us: 1,
            kind: "request".into(),
            request_id: "r".into(),
            status: Some(200),
            input: Some(vec![7]),
            ..Row::default()
        };
        assert_eq!(bytes(&row).len(), 9 + 16 + 10 + 12 + 9 + 5 + 9 + 10 + 1);
        assert_eq!(
            crate::hex::encode(&link(&GENESIS, 0, &row)),
            "7566e6d5d80dda3c9c807fd180a2193680c7b2598f40d3de39c5b058918c5b95"
        );
    }
}
