//! Decides, never observes.
//!
//! This room turns a [`Verdict`](menshen_verdict::Verdict) (what is in a conversation) into a
//! [`Disposition`](menshen_verdict::Disposition) (what is done about it), by rules that are data. It loads **packs**
//! ([`PackSet::load`]) from the binary or from folders and says, for each mistake in them, file, line, column and a
//! remedy ([`Diagnostic`]). From a pack set and an application's [`Settings`] it makes a [`Policy`], which
//!
//! - gives **standard answers** verbatim ([`Policy::answer`], before anything is detected),
//! - **decides** ([`Policy::decide`]): rules by priority, strictness on ties, scenes, monitor mode, open or closed
//!   when a detector is unavailable,
//! - composes **guidance** from the constitution's principles,
//! - plans **redactions** ([`redact`]), and finds placeholders in a streamed answer to put the originals back.
//!
//! It never looks for anything in a text, opens no socket, and holds no rule in code: the one thing it decides by
//! itself is that an error of ours is no "allow". An expression that cannot be evaluated, a detector that is
//! unavailable and a guide without guidance all stop the conversation unless a setting says open.
//!
//! ```
//! use menshen_policy::{Origin, PackSet, Question, Settings, Subject, embedded};
//! use menshen_verdict::{Action, Conversation, Role, Side, Unavailable, Verdict};
//!
//! let (packs, diagnostics) = PackSet::load(&[embedded()], &[]);
//! for diagnostic in &diagnostics {
//!     eprintln!("{diagnostic}");
//! }
//! let policy = packs.policy(&Settings::default());
//! let (conversation, subject) = (Conversation::of_text(Role::User, "你好"), Subject::default());
//! let mut verdict = Verdict::default();
//! let ask = |verdict: &Verdict| policy.decide(&Question::new(Side::Input, &conversation, verdict, &subject));
//! assert_eq!(ask(&verdict).action, Action::Pass);
//! verdict.unavailable.push(Unavailable { detector: "judge.remote".into(), reason: "timeout".to_owned() });
//! assert!(ask(&verdict).unavailable, "what could not be checked does not pass");
//! ```
//!
//! The formats of packs are described in `FORMAT.md` beside this crate.

mod answers;
mod condition;
mod constitution;
mod decide;
mod diagnostic;
mod document;
mod edits;
mod error;
mod expression;
mod facts;
mod files;
mod forms;
mod glob;
pub mod governance;
mod pack;
mod pack_set;
mod policy;
pub mod redact;
mod reply;
mod rule;
mod scene;
mod settings;

pub use answers::{Answer, Index, Match, Problem, Status, table};
pub use constitution::{GUIDANCE_CLOSING, GUIDANCE_OPENING, Principle};
pub use decide::{Question, Subject};
pub use diagnostic::{Diagnostic, Severity};
pub use edits::{BadName, Edits, FileName, PackText, text_hash};
pub use error::{Error, RowProblem};
pub use expression::VARIABLES;
pub use files::{Origin, embedded};
pub use forms::{FormEntry, FormError, FormKind, KeywordForm, form_entries, put_form_entry};
pub use glob::Glob;
pub use pack::{DetectSource, Manifest, TopicName};
pub use pack_set::{DEFAULT_PACKS, PackSet, PackVersion};
pub use policy::Policy;
pub use reply::{
    BLOCK_ATTACHMENT, BLOCK_DEFAULT, BLOCK_UNAVAILABLE, DECLINE_DEFAULT, REVIEW_NOTICE, Reply, SUSPEND_NOTICE,
};
pub use rule::{Place, Rule};
pub use scene::{Override, Scene};
pub use settings::{Attachments, Lang, OnUnavailable, Settings, Style, Text};
