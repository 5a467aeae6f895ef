//! A step of a case with what is said in it.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::flow::{Asked, CaseDecision, CaseFlow};
use super::{MOST_NAME, MOST_TEXT, MOST_URL, bounded, bounded_if};
use crate::error::Error;
use crate::time;

/// What is done with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseStep {
    /// Whoever complains is told that it came in: in these words.
    Acknowledge {
        /// The words.
        text: String,
    },
    /// Somebody begins; it is theirs, if it is nobody's.
    Start,
    /// It is given to somebody, or to nobody.
    Assign {
        /// To whom.
        to: Option<String>,
    },
    /// Something is noted, for the staff.
    Note {
        /// The note.
        text: String,
    },
    /// What it is about. What is given replaces what was named.
    Link {
        /// A request.
        request_id: Option<Uuid>,
        /// A review.
        review: Option<i64>,
        /// The end user, whom somebody has made sure of.
        user: Option<String>,
    },
    /// A copy of published content, as somebody saw it.
    Evidence {
        /// Where: an address or an identifier.
        url: String,
        /// The copy.
        content: String,
        /// When it was seen, in microseconds since 1970 UTC.
        seen_us: i64,
    },
    /// What was found out about the content.
    Assess {
        /// Which risk it is, as an id of the taxonomy.
        risk: Option<String>,
        /// Whether it is what it was reported as.
        confirmed: bool,
        /// In words.
        text: String,
    },
    /// A decision; with four eyes a proposal.
    Decide {
        /// What.
        decision: CaseDecision,
        /// Why.
        reason: String,
        /// Whether a second person must approve.
        four_eyes: bool,
    },
    /// A second person approves.
    Approve,
    /// The proposal is taken back.
    Disapprove {
        /// Why.
        reason: String,
    },
    /// Something was carried out.
    Effect {
        /// What, as an id.
        effect: String,
        /// When it was done, in microseconds since 1970 UTC.
        done_us: i64,
        /// In words.
        note: Option<String>,
    },
    /// A notice was made.
    Notice {
        /// From which template.
        template: String,
        /// For whom, as an id.
        audience: String,
        /// To which address, if one is known.
        to: Option<String>,
        /// Its words.
        text: String,
    },
    /// The answer.
    Answer {
        /// Its words.
        text: String,
    },
    /// It is over.
    Close,
    /// It is not taken up.
    Reject {
        /// Why, as an id.
        reason: String,
        /// What whoever complains is told.
        text: String,
    },
    /// Whoever complains is not content.
    Reopen {
        /// Why.
        text: String,
        /// From when on the new answer is due soon.
        soon_us: i64,
        /// Until when it must be given.
        due_us: i64,
    },
}

impl CaseStep {
    /// What it does.
    pub const fn flow(&self) -> CaseFlow {
        match self {
            CaseStep::Acknowledge { .. } => CaseFlow::Acknowledge,
            CaseStep::Start => CaseFlow::Start,
            CaseStep::Assign { .. } => CaseFlow::Assign,
            CaseStep::Note { .. } => CaseFlow::Note,
            CaseStep::Link { .. } => CaseFlow::Link,
            CaseStep::Evidence { .. } => CaseFlow::Evidence,
            CaseStep::Assess { .. } => CaseFlow::Assess,
            CaseStep::Decide { .. } => CaseFlow::Decide,
            CaseStep::Approve => CaseFlow::Approve,
            CaseStep::Disapprove { .. } => CaseFlow::Disapprove,
            CaseStep::Effect { .. } => CaseFlow::Effect,
            CaseStep::Notice { .. } => CaseFlow::Notice,
            CaseStep::Answer { .. } => CaseFlow::Answer,
            CaseStep::Close => CaseFlow::Close,
            CaseStep::Reject { .. } => CaseFlow::Reject,
            CaseStep::Reopen { .. } => CaseFlow::Reopen,
        }
    }

    pub(super) const fn asked(&self) -> Asked {
        match self {
            CaseStep::Decide { decision, four_eyes, .. } => Some((*decision, *four_eyes)),
            _ => None,
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        match self {
            CaseStep::Start | CaseStep::Approve | CaseStep::Close => Ok(()),
            CaseStep::Assign { to } => bounded_if("to", to.as_ref(), MOST_NAME),
            CaseStep::Acknowledge { text } | CaseStep::Note { text } | CaseStep::Answer { text } => {
                bounded("text", text, MOST_TEXT)
            }
            CaseStep::Reopen { text, .. } => bounded("text", text, MOST_TEXT),
            CaseStep::Link { request_id: None, review: None, user: None } => {
                Err(Error::Invalid { what: "link", problem: "name a request, a review or a user".to_owned() })
            }
            CaseStep::Link { user, .. } => bounded_if("user", user.as_ref(), MOST_NAME),
            CaseStep::Evidence { url, content, .. } => {
                bounded("url", url, MOST_URL)?;
                bounded("content", content, MOST_TEXT)
            }
            CaseStep::Assess { risk, text, .. } => {
                bounded_if("risk", risk.as_ref(), MOST_NAME)?;
                bounded("text", text, MOST_TEXT)
            }
            CaseStep::Decide { reason, .. } | CaseStep::Disapprove { reason } => bounded("reason", reason, MOST_TEXT),
            CaseStep::Effect { effect, note, .. } => {
                bounded("effect", effect, MOST_NAME)?;
                bounded_if("note", note.as_ref(), MOST_TEXT)
            }
            CaseStep::Notice { template, audience, to, text } => {
                bounded("template", template, MOST_NAME)?;
                bounded("audience", audience, MOST_NAME)?;
                bounded_if("to", to.as_ref(), MOST_URL)?;
                bounded("text", text, MOST_TEXT)
            }
            CaseStep::Reject { reason, text } => {
                bounded("reason", reason, MOST_NAME)?;
                bounded("text", text, MOST_TEXT)
            }
        }
    }

    /// What is kept of it.
    pub(super) fn detail(&self) -> Value {
        match self {
            CaseStep::Start | CaseStep::Approve | CaseStep::Close => json!({}),
            CaseStep::Assign { to } => json!({ "to": to }),
            CaseStep::Acknowledge { text } | CaseStep::Note { text } | CaseStep::Answer { text } => {
                json!({ "text": text })
            }
            CaseStep::Link { request_id, review, user } => {
                json!({ "request_id": request_id.map(|id| id.to_string()), "review": review, "user": user })
            }
            CaseStep::Evidence { url, content, seen_us } => json!({
                "url": url, "content": content, "seen_at": time::rfc3339(*seen_us),
                "sha256": crate::hex::encode(&Sha256::digest(content.as_bytes())),
            }),
            CaseStep::Assess { risk, confirmed, text } => json!({ "risk": risk, "confirmed": confirmed, "text": text }),
            CaseStep::Decide { decision, reason, four_eyes } => {
                json!({ "decision": decision, "reason": reason, "four_eyes": four_eyes })
            }
            CaseStep::Disapprove { reason } => json!({ "reason": reason }),
            CaseStep::Effect { effect, done_us, note } => {
                json!({ "effect": effect, "done_at": time::rfc3339(*done_us), "note": note })
            }
            CaseStep::Notice { template, audience, to, text } => {
                json!({ "template": template, "audience": audience, "to": to, "text": text })
            }
            CaseStep::Reject { reason, text } => json!({ "reason": reason, "text": text }),
            CaseStep::Reopen { text, due_us, .. } => json!({ "text": text, "due_at": time::rfc3339(*due_us) }),
        }
    }
}
