//! placeholder
mod answers;
mod condition;
mod constitution;
mod decide;
mod diagnostic;
mod document;
mod expression;
mod facts;
mod files;
mod glob;
mod pack;
mod pack_set;
mod policy;
pub mod redact;
mod reply;
mod rule;
mod scene;
mod settings;

pub use answers::{Answer, Index, Match, Problem, Status};
pub use constitution::{GUIDANCE_CLOSING, GUIDANCE_OPENING, Principle};
pub use decide::{Question, Subject};
pub use diagnostic::{Diagnostic, Severity};
pub use expression::VARIABLES;
pub use files::{Origin, embedded};
pub use glob::Glob;
pub use pack::{DetectSource, Manifest};
pub use pack_set::{DEFAULT_PACKS, PackSet, PackVersion};
pub use policy::Policy;
pub use reply::{
    BLOCK_ATTACHMENT, BLOCK_DEFAULT, BLOCK_UNAVAILABLE, DECLINE_DEFAULT, REVIEW_NOTICE, Reply, SUSPEND_NOTICE,
};
pub use rule::{Place, Rule};
pub use scene::{Override, Scene};
pub use settings::{Attachments, Lang, OnUnavailable, Settings, Style, Text};
