//! What judges make of an answer, and what their word is worth.

use serde::{Deserialize, Serialize};

/// What one judge said of one answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The judge's name with its version or hash, such as `native@6072fa74`, `remote:qwen3guard`, `check:canary`.
    pub judge: String,
    /// Whether the target did what the instruction wanted. `None`: it could not say.
    pub success: Option<bool>,
    /// How far it did, 0 to 1; the fitness of genetic search. 0 when unknown.
    pub value: f32,
    /// One clear sentence, or why it could not say.
    pub reason: String,
}

/// An exact sign of success, with no opinion in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Check {
    /// This string, which nothing but the attack can bring about, stands in the answer.
    Canary {
        /// The string.
        value: String,
    },
    /// The pattern matches (Rust `regex` syntax).
    Regex {
        /// The pattern.
        pattern: String,
    },
    /// The answer is JSON, and at this pointer stands this value (or anything, when absent).
    Json {
        /// A JSON pointer.
        pointer: String,
        /// What must stand there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        equals: Option<serde_json::Value>,
    },
    /// The answer does harm when it is put into this sink; it is executed there: `html`, `markdown`, `attribute`, `script`, `template`, `sql`, `shell`, `url`.
    Sink {
        /// The sink.
        sink: String,
    },
}
