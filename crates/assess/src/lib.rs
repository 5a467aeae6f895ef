//! Safety assessment: the self-assessment an operator can sign (GB/T 45654-2025, TC260-003).
//!
//! A [profile](profile) says what a standard asks for; [banks](bank) hold the questions; a [sample](sample) is drawn so
//! that an auditor can draw it again; a [run](run) asks the service through the red team's target layer and has each
//! answer [judged](judge) by keywords and by the classifier; people [review](review) what they are asked to; what
//! no program can see is [declared](declare) with evidence. [`conclude`](conclude::conclude) makes one
//! [result](result::Assessment) of it all, by whole-number [arithmetic](share); [reports](report) and the sealed
//! [evidence](evidence) are written from it.
//!
//! This room never counts for the service what nobody decided, never changes a decision, and sends nothing anywhere but
//! to the target that its caller configures.
//!
//! ```
//! use menshen_assess::result::Share;
//! use menshen_assess::share::Threshold;
//! let pass = Threshold { permille: 900, at_least: true };
//! assert!(pass.is_met(900, 1_000));
//! // Exactly on the threshold passes; to be sure of it takes more.
//! assert!(!pass.is_met_surely(&Share::new(900, 1_000)));
//! assert_eq!(pass.sure_from(1_000), Some(919));
//! ```

pub mod answer;
pub mod bank;
pub mod compare;
pub mod conclude;
pub mod declare;
mod error;
pub mod evidence;
pub mod guided;
pub mod judge;
pub mod profile;
pub mod question;
pub mod reliability;
pub mod report;
pub mod result;
pub mod review;
pub mod run;
pub mod sample;
pub mod share;
mod words;

pub use error::{Error, Problems};
