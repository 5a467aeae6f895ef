//! How a case goes: which step may follow, and whose it may be. Pure, so that it can be proved by trying.
//!
//! ```text
//! received ─▶ acknowledged ─▶ in_progress ─▶ answered ─▶ closed
//!     └────────────┴──▶ rejected ◀──┘            │          │
//!                           └─────── reopened, once ────────┘─▶ in_progress
//! ```
//!
//! Who proposed a decision that needs four eyes never approves it, and a case that was reopened is decided by somebody else
//! than before.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $id:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$each])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The stable id.
            pub const fn id(self) -> &'static str {
                match self { $($name::$variant => $id,)+ }
            }

            /// The one of this id.
            pub fn of_id(id: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.id() == id)
            }
        }
    };
}

ids! {
    /// What sort of case it is.
    CaseFamily {
        /// Against a refusal or a suspension.
        Appeal = "appeal",
        /// About the service (Interim Measures for generative AI, article 15).
        Complaint = "complaint",
        /// Of content that was published.
        Report = "report",
    }
}

ids! {
    /// Who opened it.
    CaseSource {
        /// An application, on behalf of its end user.
        App = "app",
        /// The public form.
        Public = "public",
        /// Somebody of the staff, from a letter or a call.
        Staff = "staff",
    }
}

ids! {
    /// Where a case stands.
    CaseState {
        /// It came in.
        Received = "received",
        /// Whoever complains was told that it came in.
        Acknowledged = "acknowledged",
        /// Somebody works on it.
        InProgress = "in_progress",
        /// Whoever complains has the answer.
        Answered = "answered",
        /// Done.
        Closed = "closed",
        /// Not taken up, with the reason.
        Rejected = "rejected",
    }
}

ids! {
    /// What was decided.
    CaseDecision {
        /// An appeal is right.
        Upheld = "upheld",
        /// An appeal is not right.
        Dismissed = "dismissed",
        /// A complaint is right.
        Justified = "justified",
        /// A complaint is right in part.
        Partly = "partly",
        /// A complaint is not right.
        Unjustified = "unjustified",
        /// Published content is taken down.
        TakeDown = "take_down",
        /// Published content gets a label.
        Label = "label",
        /// A rumour is refuted (辟谣; 互联网信息服务深度合成管理规定, article 11).
        Refute = "refute",
        /// Nothing is done about published content.
        NoAction = "no_action",
        /// Somebody else is competent, and has it now.
        Forward = "forward",
    }
}

impl CaseDecision {
    /// The family whose cases are decided so.
    pub const fn family(self) -> CaseFamily {
        match self {
            CaseDecision::Upheld | CaseDecision::Dismissed => CaseFamily::Appeal,
            CaseDecision::Justified | CaseDecision::Partly | CaseDecision::Unjustified => CaseFamily::Complaint,
            _ => CaseFamily::Report,
        }
    }
}

ids! {
    /// What is done with a case, without what is said with it.
    CaseFlow {
        /// It comes in. Only ever the first.
        Open = "open",
        /// Whoever complains is told that it came in.
        Acknowledge = "acknowledge",
        /// Somebody begins.
        Start = "start",
        /// It is given to somebody.
        Assign = "assign",
        /// Something is noted.
        Note = "note",
        /// A record, a review or a user is named that it is about.
        Link = "link",
        /// A copy of published content is kept.
        Evidence = "evidence",
        /// What was found out about the content.
        Assess = "assess",
        /// It is decided, or a decision is proposed that needs four eyes.
        Decide = "decide",
        /// A second person approves.
        Approve = "approve",
        /// The proposed decision is taken back.
        Disapprove = "disapprove",
        /// Something that was decided was carried out.
        Effect = "effect",
        /// A notice is made.
        Notice = "notice",
        /// Whoever complains is answered.
        Answer = "answer",
        /// It is over.
        Close = "close",
        /// It is not taken up.
        Reject = "reject",
        /// Whoever complains is not content; once.
        Reopen = "reopen",
    }
}

/// What the flow looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) family: CaseFamily,
    pub(crate) state: CaseState,
    pub(crate) decision: Option<CaseDecision>,
    /// The decision waits for a second person.
    pub(crate) pending: bool,
    pub(crate) decided_by: Option<String>,
    pub(crate) approved_by: Option<String>,
    /// Who decided before it was reopened.
    pub(crate) former_by: Option<String>,
    pub(crate) reopened: bool,
}

/// A decision as it comes in: what, and whether it needs a second person.
pub(crate) type Asked = Option<(CaseDecision, bool)>;

/// How the case stands after a step; in words why it cannot be.
pub(crate) fn next(was: &Standing, step: CaseFlow, asked: Asked, by: &str) -> Result<Standing, &'static str> {
    use CaseFlow as F;
    use CaseState as S;
    let over = matches!(was.state, S::Closed | S::Rejected);
    let mut now = was.clone();
    match step {
        F::Open => return Err("a case is opened once"),
        F::Acknowledge if was.state == S::Received => now.state = S::Acknowledged,
        F::Acknowledge => return Err("it was acknowledged already"),
        F::Start if was.state == S::Acknowledged => now.state = S::InProgress,
        F::Start if was.state == S::Received => return Err("acknowledge it first"),
        F::Start => return Err("work on it has begun already"),
        F::Assign | F::Note | F::Link | F::Evidence if over => return Err("it is over; only reopening it goes on"),
        F::Assign | F::Note | F::Link | F::Evidence => {}
        F::Assess | F::Decide | F::Approve | F::Disapprove | F::Answer if was.state != S::InProgress => {
            return Err("it is not being worked on; start it first");
        }
        F::Assess => {}
        F::Decide => {
            let Some((decision, four_eyes)) = asked else { return Err("a decision is missing") };
            if decision.family() != was.family {
                return Err("cases of this family are not decided so");
            }
            if was.decision.is_some() {
                return Err("it is decided, or a decision waits for approval; take that one back first");
            }
            if was.former_by.as_deref() == Some(by) {
                return Err("you decided it before it was reopened; somebody else must decide now");
            }
            (now.decision, now.pending) = (Some(decision), four_eyes);
            (now.decided_by, now.approved_by) = (Some(by.to_owned()), None);
        }
        F::Approve | F::Disapprove if !was.pending => return Err("no decision waits for approval"),
        F::Approve => {
            if was.decided_by.as_deref() == Some(by) {
                return Err("you proposed this decision; somebody else must approve it");
            }
            if was.former_by.as_deref() == Some(by) {
                return Err("you decided it before it was reopened; somebody else must approve now");
            }
            (now.pending, now.approved_by) = (false, Some(by.to_owned()));
        }
        F::Disapprove => (now.decision, now.pending, now.decided_by) = (None, false, None),
        F::Effect | F::Notice | F::Answer if was.pending => return Err("the decision waits for approval"),
        F::Effect if was.decision.is_none() => return Err("nothing is decided that could be carried out"),
        F::Effect | F::Notice if over => return Err("it is over; only reopening it goes on"),
        F::Effect | F::Notice => {}
        F::Answer => {
            if was.family != CaseFamily::Complaint && was.decision.is_none() {
                return Err("decide it before you answer");
            }
            now.state = S::Answered;
            if now.decided_by.is_none() {
                if was.former_by.as_deref() == Some(by) {
                    return Err("you answered it before it was reopened; somebody else must answer now");
                }
                now.decided_by = Some(by.to_owned());
            }
        }
        F::Close if was.state == S::Answered => now.state = S::Closed,
        F::Close => return Err("answer it before you close it"),
        F::Reject => {
            if !matches!(was.state, S::Received | S::Acknowledged | S::InProgress) {
                return Err("it is answered or over");
            }
            if was.decision.is_some() {
                return Err("it is decided, or a decision waits for approval; answer it instead");
            }
            now.state = S::Rejected;
            now.decided_by = Some(by.to_owned());
        }
        F::Reopen => {
            if !(over || was.state == S::Answered) {
                return Err("it is still open");
            }
            if was.reopened {
                return Err("it was reopened once; a new case can be opened");
            }
            now.state = S::InProgress;
            now.reopened = true;
            now.former_by = was.decided_by.clone();
            (now.decision, now.pending, now.decided_by, now.approved_by) = (None, false, None, None);
        }
    }
    Ok(now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fresh(family: CaseFamily) -> Standing {
        Standing {
            family,
            state: CaseState::Received,
            decision: None,
            pending: false,
            decided_by: None,
            approved_by: None,
            former_by: None,
            reopened: false,
        }
    }

    #[test]
    fn the_usual_way_of_each_family() {
        for (family, decision) in [
            (CaseFamily::Appeal, CaseDecision::Upheld),
            (CaseFamily::Complaint, CaseDecision::Justified),
            (CaseFamily::Report, CaseDecision::TakeDown),
        ] {
            let mut at = fresh(family);
            for (step, asked, by) in [
                (CaseFlow::Acknowledge, None, "a"),
                (CaseFlow::Start, None, "a"),
                (CaseFlow::Decide, Some((decision, true)), "a"),
                (CaseFlow::Approve, None, "b"),
                (CaseFlow::Effect, None, "a"),
                (CaseFlow::Answer, None, "a"),
                (CaseFlow::Close, None, "a"),
            ] {
                at = next(&at, step, asked, by).unwrap();
            }
            assert_eq!((at.state, at.decision), (CaseState::Closed, Some(decision)));
            let again = next(&at, CaseFlow::Reopen, None, "c").unwrap();
            assert_eq!((again.state, again.former_by.as_deref()), (CaseState::InProgress, Some("a")));
            assert!(next(&again, CaseFlow::Decide, Some((decision, false)), "a").is_err());
        }
    }

    fn steps() -> impl Strategy<Value = Vec<(CaseFlow, Asked, &'static str)>> {
        let decision = prop::option::of((prop::sample::select(CaseDecision::ALL), any::<bool>()));
        let one = (prop::sample::select(CaseFlow::ALL), decision, prop::sample::select(&["a", "b", "c"][..]));
        prop::collection::vec(one, 0..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn whatever_is_tried_the_promises_hold(steps in steps(), family in prop::sample::select(CaseFamily::ALL)) {
            let mut at = fresh(family);
            let (mut reopened, mut acknowledged) = (0, 0);
            for (step, asked, by) in steps {
                let Ok(then) = next(&at, step, asked, by) else { continue };
                // A refused step changes nothing; a taken one keeps to the picture above.
                let way = match (at.state, then.state) {
                    (a, b) if a == b => step != CaseFlow::Answer && step != CaseFlow::Close,
                    (CaseState::Received, CaseState::Acknowledged) => { acknowledged += 1; step == CaseFlow::Acknowledge }
                    (CaseState::Acknowledged, CaseState::InProgress) => step == CaseFlow::Start,
                    (CaseState::InProgress, CaseState::Answered) => step == CaseFlow::Answer,
                    (CaseState::Answered, CaseState::Closed) => step == CaseFlow::Close,
                    (CaseState::Received | CaseState::Acknowledged | CaseState::InProgress, CaseState::Rejected) => {
                        step == CaseFlow::Reject
                    }
                    (CaseState::Answered | CaseState::Closed | CaseState::Rejected, CaseState::InProgress) => {
                        reopened += 1;
                        step == CaseFlow::Reopen
                    }
                    _ => false,
                };
                prop_assert!(way, "{step:?}: {at:?} -> {then:?}");
                prop_assert!(reopened <= 1 && acknowledged <= 1);
                prop_assert_eq!(then.family, family);
                // Nothing leaves while a decision waits for its second person.
                if at.pending {
                    prop_assert!(!matches!(step, CaseFlow::Answer | CaseFlow::Effect | CaseFlow::Notice | CaseFlow::Reject));
                }
                if step == CaseFlow::Approve {
                    prop_assert_ne!(at.decided_by.as_deref(), Some(by));
                }
                if then.former_by.is_some() && then.decision.is_some() && !then.pending {
                    prop_assert_ne!(&then.decided_by, &then.former_by);
                    prop_assert_ne!(&then.approved_by, &then.former_by);
                }
                if let Some(decision) = then.decision {
                    prop_assert_eq!(decision.family(), family);
                }
                if then.state == CaseState::Answered && family != CaseFamily::Complaint {
                    prop_assert!(then.decision.is_some());
                }
                at = then;
            }
        }
    }

    #[test]
    fn ids_are_what_serde_writes() {
        for flow in CaseFlow::ALL {
            assert_eq!(serde_json::json!(flow), flow.id());
            assert_eq!(CaseFlow::of_id(flow.id()), Some(*flow));
        }
        for decision in CaseDecision::ALL {
            assert_eq!(serde_json::json!(decision), decision.id());
        }
        for state in CaseState::ALL {
            assert_eq!(serde_json::json!(state), state.id());
        }
    }
}
