//! What is written into the audit, and what comes back out.

use std::fmt;
use std::sync::Arc;

use menshen_verdict::{Action, Outcome, Side};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::chain::Row;
use crate::cipher::Ring;
use crate::error::Error;
use crate::observe::Sighting;
use crate::options::TextRetention;
use crate::protection::text_keys::{self, TextKey};
use crate::time;
use crate::writer::NotedRow;

/// What an audit record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A request and how it ended.
    Request,
    /// Somebody with rights changed something: a key, a suspension, a review.
    Admin,
    /// Menshen itself did something: start, retention, a suspension by the limits.
    System,
}

impl EntryKind {
    /// The stable id: `request`, `admin` or `system`.
    pub const fn id(self) -> &'static str {
        match self {
            EntryKind::Request => "request",
            EntryKind::Admin => "admin",
            EntryKind::System => "system",
        }
    }
}

/// The texts of a request. `Debug` shows lengths only.
#[derive(Clone, PartialEq, Eq)]
pub enum Text {
    /// As the client and the model wrote them. Kept encrypted, or not at all.
    Plain {
        /// What was asked.
        input: String,
        /// What was answered.
        output: String,
    },
    /// With everything that must not be kept replaced by the caller. May be kept readable.
    Redacted {
        /// What was asked.
        input: String,
        /// What was answered.
        output: String,
    },
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, input, output) = match self {
            Text::Plain { input, output } => ("Plain", input, output),
            Text::Redacted { input, output } => ("Redacted", input, output),
        };
        write!(f, "{name} {{ input: {} bytes, output: {} bytes }}", input.len(), output.len())
    }
}

/// One record to be appended. Build it with [`Entry::request`] or [`Entry::event`] and fill what is known; JSON members
/// left [`Value::Null`] are stored as absent. Nothing in it but `text` may hold what users or models wrote.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The request's id (UUID version 7).
    pub request_id: Uuid,
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// What the record is about.
    pub kind: EntryKind,
    /// What happened, for admin and system records, such as `key.create`.
    pub event: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// The application.
    pub app: Option<String>,
    /// The API key's id; for admin records, who acted.
    pub key_id: Option<String>,
    /// The end user, as the application names them.
    pub user: Option<String>,
    /// The API family, such as `chat`.
    pub api: Option<String>,
    /// The model asked for.
    pub model: Option<String>,
    /// The side that decided.
    pub side: Option<Side>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// What was done.
    pub action: Option<Action>,
    /// The rule that decided, as `pack/rule@version`.
    pub rule: Option<String>,
    /// The standard answer given, as `pack/id@version`.
    pub answer_ref: Option<String>,
    /// The HTTP status answered.
    pub status: Option<u16>,
    /// Packs and their versions.
    pub packs: Value,
    /// The verdict, without evidence.
    pub verdict: Value,
    /// Upstream attempts.
    pub attempts: Value,
    /// What the steps took.
    pub timings: Value,
    /// The texts, kept as [`TextRetention`] says.
    pub text: Option<Text>,
    /// What failed, for operators.
    pub error: Option<String>,
}

impl Entry {
    /// A request's record, to be filled.
    pub fn request(request_id: Uuid, at_us: i64) -> Self {
        Entry {
            request_id,
            at_us,
            kind: EntryKind::Request,
            event: None,
            tenant: None,
            app: None,
            key_id: None,
            user: None,
            api: None,
            model: None,
            side: None,
            outcome: None,
            action: None,
            rule: None,
            answer_ref: None,
            status: None,
            packs: Value::Null,
            verdict: Value::Null,
            attempts: Value::Null,
            timings: Value::Null,
            text: None,
            error: None,
        }
    }

    /// An admin or system record. `detail` is kept in the verdict column.
    pub fn event(kind: EntryKind, event: &str, at_us: i64, detail: Value) -> Self {
        let mut entry = Entry::request(Uuid::now_v7(), at_us);
        entry.kind = kind;
        entry.event = Some(event.to_owned());
        entry.verdict = detail;
        entry
    }

    /// The row, and what it counts for.
    pub(crate) fn into_noted(self, retention: TextRetention, key: Option<&TextKey>) -> Result<NotedRow, Error> {
        let sighting = Sighting::of(&self).map(Arc::new);
        Ok((self.into_row(retention, key)?, sighting))
    }

    /// The row. Without a key, no text is kept encrypted.
    pub(crate) fn into_row(self, retention: TextRetention, key: Option<&TextKey>) -> Result<Row, Error> {
        let request_id = self.request_id.to_string();
        let (text_mode, input, output) = match (retention, self.text, key) {
            (
                TextRetention::Encrypted,
                Some(Text::Plain { input, output } | Text::Redacted { input, output }),
                Some(key),
            ) => (
                ENCRYPTED,
                Some(key.seal(&place(&request_id, "input"), input.as_bytes())?),
                Some(key.seal(&place(&request_id, "output"), output.as_bytes())?),
            ),
            (TextRetention::Redacted, Some(Text::Redacted { input, output }), _) => {
                (REDACTED, Some(input.into_bytes()), Some(output.into_bytes()))
            }
            _ => (OMITTED, None, None),
        };
        Ok(Row {
            at_us: self.at_us,
            kind: self.kind.id().to_owned(),
            request_id,
            event: self.event,
            tenant: self.tenant,
            app: self.app,
            key_id: self.key_id,
            user: self.user,
            api: self.api,
            model: self.model,
            side: self.side.map(|s| s.id().to_owned()),
            outcome: self.outcome.map(|o| o.id().to_owned()),
            action: self.action.map(|a| a.id().to_owned()),
            rule: self.rule,
            answer_ref: self.answer_ref,
            status: self.status.map(i64::from),
            packs: json(&self.packs),
            verdict: json(&self.verdict),
            attempts: json(&self.attempts),
            timings: json(&self.timings),
            error: self.error,
            text_mode,
            input,
            output,
        })
    }
}

const OMITTED: i64 = 0;
const ENCRYPTED: i64 = 1;
const REDACTED: i64 = 2;

fn place(request_id: &str, field: &str) -> String {
    format!("audit/{request_id}/{field}")
}

fn json(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| value.to_string())
}

/// What [`crate::Store::record`] promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// The row is on disk.
    Durable {
        /// Its place in the chain.
        seq: u64,
        /// Its hash.
        hash: [u8; 32],
    },
    /// The row waits for its commit (windowed durability).
    Queued,
}

/// Text of a record as it is read back.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "mode", rename_all = "lowercase")]
pub enum RecordText {
    /// None was kept.
    Omitted,
    /// Kept encrypted; its key was destroyed, and nobody can open it any more.
    Erased,
    /// Kept encrypted, and not opened.
    Encrypted {
        /// Size of the sealed texts together, in bytes.
        bytes: usize,
    },
    /// Kept encrypted, and opened.
    Decrypted {
        /// What was asked.
        input: String,
        /// What was answered.
        output: String,
    },
    /// Kept redacted.
    Redacted {
        /// What was asked.
        input: String,
        /// What was answered.
        output: String,
    },
}

impl fmt::Debug for RecordText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecordText::Omitted => "Omitted",
            RecordText::Erased => "Erased",
            RecordText::Encrypted { .. } => "Encrypted",
            RecordText::Decrypted { .. } => "Decrypted(…)",
            RecordText::Redacted { .. } => "Redacted(…)",
        })
    }
}

/// One audit record as it is read back; its JSON is a line of the export.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// Its place in the chain.
    pub seq: u64,
    /// When, RFC 3339 in UTC with microseconds.
    pub at: String,
    /// `request`, `admin` or `system`.
    pub kind: String,
    /// The request's id.
    pub request_id: String,
    /// What happened, for admin and system records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The API key's id; for admin records, who acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The end user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The API family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The side that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<String>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// What was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The standard answer given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_ref: Option<String>,
    /// The HTTP status answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<i64>,
    /// Packs and their versions.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub packs: Value,
    /// The verdict, or the detail of an event.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub verdict: Value,
    /// Upstream attempts.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub attempts: Value,
    /// What the steps took.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub timings: Value,
    /// What failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The texts.
    pub text: RecordText,
    /// The row's hash, in hexadecimal.
    pub hash: String,
}

impl Record {
    /// With a ring, encrypted texts are opened; `wrapped` is the key of a text that has one of its own.
    pub(crate) fn from_row(
        seq: u64,
        hash: &[u8],
        row: Row,
        ring: Option<&Ring>,
        wrapped: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let request_id = row.request_id.clone();
        let opened = |what: &'static str, sealed: &[u8], ring: &Ring| {
            utf8(text_keys::open(ring, wrapped, what, &place(&request_id, what), sealed)?)
        };
        let text = match (row.text_mode, row.input, row.output) {
            (ENCRYPTED, Some(input), Some(_)) if wrapped.is_none() && text_keys::has_own_key(&input) => {
                RecordText::Erased
            }
            (ENCRYPTED, Some(input), Some(output)) => match ring {
                None => RecordText::Encrypted { bytes: input.len() + output.len() },
                Some(ring) => RecordText::Decrypted {
                    input: opened("input", &input, ring)?,
                    output: opened("output", &output, ring)?,
                },
            },
            (REDACTED, Some(input), Some(output)) => {
                RecordText::Redacted { input: utf8(input)?, output: utf8(output)? }
            }
            _ => RecordText::Omitted,
        };
        Ok(Record {
            seq,
            at: time::rfc3339(row.at_us),
            kind: row.kind,
            request_id: row.request_id,
            event: row.event,
            tenant: row.tenant,
            app: row.app,
            key_id: row.key_id,
            user: row.user,
            api: row.api,
            model: row.model,
            side: row.side,
            outcome: row.outcome,
            action: row.action,
            rule: row.rule,
            answer_ref: row.answer_ref,
            status: row.status,
            packs: parsed(row.packs),
            verdict: parsed(row.verdict),
            attempts: parsed(row.attempts),
            timings: parsed(row.timings),
            error: row.error,
            text,
            hash: crate::hex::encode(hash),
        })
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|_| Error::Unreadable { what: "text", problem: "it is not UTF-8".into() })
}

/// An altered JSON column is still shown, as the string it is: the export must not hide it.
fn parsed(column: Option<String>) -> Value {
    column.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
