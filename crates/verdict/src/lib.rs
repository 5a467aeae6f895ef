//! The language of the house.
//!
//! Every other room speaks in these words: a [`Conversation`] is what somebody wrote, a [`Verdict`] is what is in
//! it (data, with calibrated scores), a [`Disposition`] is what policy makes of it (a decision). The two are never
//! mixed. Here are also the taxonomies ([`Risk`], [`Attack`], [`Intent`], [`Level`], [`Sentiment`], [`Topic`]) with
//! their maps to the taxonomies of others ([`maps`]), and the one JSON shape, [`Report`], that `menshen check` and
//! `POST /v1/guard` share.
//!
//! This crate does no I/O, knows no async and has no dependency but `serde`.
//!
//! ```
//! use menshen_verdict::{Risk, Span};
//! let risk: Risk = "A4e".parse().unwrap();
//! assert_eq!(risk.zh(), "侵害他人隐私权");
//! // A span counts bytes of the text the caller gave; characters are derived from it.
//! let text = "电话13800138000";
//! assert_eq!(Span::new(6, 17).chars(text), (2, 13));
//! ```

mod conversation;
mod disposition;
mod finding;
mod labels;
pub mod maps;
mod report;
mod taxonomy;

pub use conversation::{Attachment, Conversation, Kind, Media, Role, Segment, Side};
pub use disposition::{Action, AnswerRef, Disposition, Outcome, Redaction, RuleHit, RuleRef};
pub use finding::{Evidence, Family, Finding, Span, Transform};
pub use labels::{Labels, Scored, Stage, Unavailable, Verdict, rounded};
pub use report::{Report, ReportAttack, ReportFinding, ReportLabel, ReportRisk};
pub use taxonomy::{Attack, AttackClass, Intent, Level, ParseLabelError, Risk, RiskGroup, Sentiment, Topic};
