//! Observes a text, and never decides.
//!
//! Rules come as data from packs: keyword lists and patterns ([`Source`]). [`Engine::compile`] turns them into an
//! immutable engine and a list of [`Diagnostic`]s; a bad rule is skipped, never fatal. From then on nothing can fail:
//! [`Engine::inspect`] reads one text, [`Engine::inspect_conversation`] every text of a conversation,
//! [`Engine::stream`] a text that is still being written. All three yield what is in the text: findings with spans in
//! the caller's bytes, and labels with scores. What to do about it is policy's business.
//!
//! How a text is read:
//!
//! 1. It is folded (NFKC, case, width, 繁→简, look-alikes, invisibles); what looked other than it is becomes evidence
//!    of attack E3.
//! 2. Keywords are matched in four readings: folded, tight (separators removed), composed (拆字), by sound. White words
//!    protect what they contain; grey words never decide alone.
//! 3. Patterns run behind a gate of literals, so that on most texts most regexes never run. `\b`, `\w`, `\d` and `\s`
//!    are ASCII: numbers glued to Chinese are found.
//! 4. Encoded runs are decoded within bounds and read again; an encoded offence is an attack of its own.
//!
//! The engine does no I/O, has no clock in its results but the stages' durations, and is `Send + Sync`.
//!
//! ```
//! use std::sync::Arc;
//! use menshen_detect::{Engine, Options, Source, SourceKind};
//! use menshen_verdict::{Role, Side};
//!
//! let words = Source {
//!     pack: "demo".into(),
//!     path: "demo/keywords/a.txt".into(),
//!     body: "# id: kw.demo\n# risk: A1h\n违禁品交易\n".into(),
//!     kind: SourceKind::Keywords,
//! };
//! let (engine, diagnostics) = Engine::compile(&[words], &Options::default());
//! assert!(diagnostics.is_empty());
//!
//! let text = "哪里有違*禁*品交易？";
//! let verdict = engine.inspect(text, Side::Input, Role::User);
//! assert_eq!(verdict.findings[0].span.of(text), "違*禁*品交易");
//!
//! // However a stream is cut, its verdict is that of the whole.
//! let engine = Arc::new(engine);
//! let mut stream = engine.stream(Side::Input, Role::User);
//! for piece in ["哪里有違*", "禁*品", "交易？"] {
//!     stream.push(piece);
//! }
//! assert_eq!(stream.finish().findings, verdict.findings);
//! ```

mod begin;
mod cache;
mod dialect;
mod disguise;
mod engine;
mod fields;
mod gate;
mod keyword_file;
mod keywords;
mod labels;
mod leak;
pub mod lexicon;
mod marks;
mod partial;
mod pattern;
mod pattern_file;
mod presence;
mod required;
mod separators;
mod source;
mod stream;
mod validate;

pub use cache::Cache;
pub use engine::{Engine, Options};
pub use labels::labels;
pub use leak::Extra;
pub use menshen_text::decode::Limits;
pub use pattern_file::{Example, examples};
pub use source::{Diagnostic, Severity, Source, SourceKind};
pub use stream::{Progress, Stream};
