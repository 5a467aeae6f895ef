//! Taking personal data and secrets out of what is forwarded, and putting them back into the answer.
//!
//! [`plan`](crate::Policy::decide) yields [`Redaction`]s; [`apply`] makes the redacted text of a segment; the
//! [`Vault`] remembers what each placeholder stands for, within one request; a [`Restorer`] finds placeholders in the
//! answer, also when they are cut across chunks, and says what to put there.

mod mask;
mod plan;
mod restore;
mod vault;

pub use mask::mask;
pub(crate) use plan::{Order, plan};
pub use restore::{Edit, Progress, Restorer};
pub use vault::Vault;

use menshen_verdict::Redaction;

/// The text of one segment with its redactions made. Redactions that do not fit the text are passed over.
///
/// ```
/// use menshen_policy::redact;
/// use menshen_verdict::{Redaction, Span};
/// let redaction = Redaction {
///     segment: 0,
///     span: Span::new(6, 17),
///     label: "mobile".into(),
///     replacement: "[手机号#1]".to_owned(),
///     restore: true,
/// };
/// assert_eq!(redact::apply("电话13800138000", 0, &[redaction]), "电话[手机号#1]");
/// ```
pub fn apply(text: &str, segment: usize, redactions: &[Redaction]) -> String {
    let mut own: Vec<&Redaction> = redactions.iter().filter(|r| r.segment == segment).collect();
    own.sort_by_key(|r| r.span);
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for redaction in own {
        let span = redaction.span;
        if span.start < at || text.get(span.start..span.end).is_none() {
            continue;
        }
        result.push_str(&text[at..span.start]);
        result.push_str(&redaction.replacement);
        at = span.end;
    }
    result.push_str(&text[at..]);
    result
}
