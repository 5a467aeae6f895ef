//! Reviews by people: who may vote, and what their votes come to.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rows::{self, RegisterChange};
use super::{MOST_NAME, MOST_TEXT, bounded, document, event, named};
use crate::error::Error;
use crate::store::Store;

/// The most members.
const MOST_MEMBERS: usize = 50;

/// What a member says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ballot {
    /// Yes.
    Approve,
    /// Yes, if.
    Conditional,
    /// No.
    Reject,
    /// Neither.
    Abstain,
    /// Has an interest in it: counts for nothing, not even for the quorum.
    Recuse,
}

impl Ballot {
    /// All of them.
    pub const ALL: &'static [Ballot] =
        &[Ballot::Approve, Ballot::Conditional, Ballot::Reject, Ballot::Abstain, Ballot::Recuse];

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Ballot::Approve => "approve",
            Ballot::Conditional => "conditional",
            Ballot::Reject => "reject",
            Ballot::Abstain => "abstain",
            Ballot::Recuse => "recuse",
        }
    }

    /// The ballot of an id.
    pub fn of_id(id: &str) -> Option<Self> {
        Ballot::ALL.iter().copied().find(|b| b.id() == id)
    }
}

/// A vote that was cast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vote {
    /// Whose.
    pub member: String,
    /// What they say.
    pub vote: Ballot,
    /// Why.
    pub reason: String,
    /// What must be done, for a conditional approval.
    pub conditions: String,
    /// When.
    pub at_us: i64,
}

/// On which terms a review decides; what was in force when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The fewest votes that make a decision.
    pub quorum: u32,
    /// The share of approvals among approvals and rejections, in hundredths.
    pub approve_percent: u32,
    /// Whether one rejection rejects.
    pub reject_stops: bool,
    /// After so many months it has to be reviewed again.
    pub again_months: u32,
}

/// What a review comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Votes are missing, and there is time.
    Open,
    /// Approved.
    Approved,
    /// Approved, on conditions.
    Conditional,
    /// Rejected.
    Rejected,
    /// It cannot decide any more: too many recused, or the time ended without enough votes. Open another.
    Inquorate,
    /// Taken back.
    Withdrawn,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EthicsReview {
    /// Its id: `rvw_` and a UUID.
    pub id: String,
    /// The application.
    pub entry: String,
    /// Whose it is.
    pub tenant: String,
    /// The path.
    pub path: String,
    /// The level that the application had when it was opened.
    pub level: String,
    /// Its classification then: an approval is of this one and of no other.
    pub profile: Value,
    /// On which terms it decides.
    pub terms: Terms,
    /// Who votes, as the audit names them.
    pub members: Vec<String>,
    /// What it is about.
    pub note: String,
    /// When it was opened, in microseconds since 1970 UTC.
    pub opened_us: i64,
    /// By whom.
    pub opened_by: String,
    /// Until when members can vote.
    pub due_us: i64,
    /// When it was taken back.
    pub withdrawn_us: Option<i64>,
    /// By whom.
    pub withdrawn_by: Option<String>,
    /// The votes, oldest first.
    pub votes: Vec<Vote>,
}

impl EthicsReview {
    /// What it comes to at this moment, and since when. Nothing but the votes, the terms and the clock decide.
    pub fn standing(&self, now_us: i64) -> (Standing, Option<i64>) {
        if let Some(at) = self.withdrawn_us {
            return (Standing::Withdrawn, Some(at));
        }
        let count = |ballot: Ballot| self.votes.iter().filter(|v| v.vote == ballot).count() as u64;
        let last = self.votes.iter().map(|v| v.at_us).max();
        let (yes, on_conditions) = (count(Ballot::Approve), count(Ballot::Conditional));
        let (no, abstained) = (count(Ballot::Reject), count(Ballot::Abstain));
        if self.terms.reject_stops && no > 0 {
            let first = self.votes.iter().filter(|v| v.vote == Ballot::Reject).map(|v| v.at_us).min();
            return (Standing::Rejected, first);
        }
        let eligible = (self.members.len() as u64).saturating_sub(count(Ballot::Recuse));
        let quorum = u64::from(self.terms.quorum.max(1));
        if eligible < quorum {
            return (Standing::Inquorate, last);
        }
        let cast = yes + on_conditions + no + abstained;
        let over = now_us >= self.due_us;
        if cast < eligible && !over {
            return (Standing::Open, None);
        }
        let since = if cast < eligible { Some(self.due_us) } else { last };
        if cast < quorum {
            return (Standing::Inquorate, since);
        }
        let agreed = yes + on_conditions;
        let enough = agreed > 0 && agreed * 100 >= u64::from(self.terms.approve_percent) * (agreed + no);
        let standing = match (enough, on_conditions) {
            (false, _) => Standing::Rejected,
            (true, 0) => Standing::Approved,
            (true, _) => Standing::Conditional,
        };
        (standing, since)
    }

    /// Until when an approval holds; nothing where it is none.
    pub fn holds_until(&self, now_us: i64) -> Option<i64> {
        let (Standing::Approved | Standing::Conditional, Some(since)) = self.standing(now_us) else { return None };
        let since = jiff::Timestamp::from_microsecond(since).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
        let months = jiff::Span::new().try_months(self.terms.again_months).ok()?;
        since.checked_add(months).ok().map(|end| end.timestamp().as_microsecond())
    }

    /// Why somebody may not vote now; nothing where they may.
    pub(super) fn refuses(&self, member: &str, now_us: i64) -> Option<&'static str> {
        if !self.members.iter().any(|m| m == member) {
            return Some("only members of the review vote");
        }
        // They cannot have become members by the ordinary way; an imported row is no excuse.
        if self.opened_by == member {
            return Some("whoever opened a review does not vote in it");
        }
        if self.votes.iter().any(|v| v.member == member) {
            return Some("your vote is cast; votes are not changed");
        }
        if self.standing(now_us).0 != Standing::Open {
            return Some("the review is closed");
        }
        None
    }
}

/// A review to be opened.
#[derive(Debug, Clone)]
pub struct NewReviewOf {
    /// The application.
    pub entry: super::Registered,
    /// The path.
    pub path: String,
    /// On which terms it decides.
    pub terms: Terms,
    /// Who votes.
    pub members: Vec<String>,
    /// What it is about.
    pub note: String,
    /// How many days members have.
    pub days: u32,
}

impl Store {
    /// Opens a review of an application as it is classified now. Whoever opens it, registered the application or is
    /// responsible for it can be no member, and an application has one open review at a time.
    ///
    /// # Errors
    /// [`Error::Invalid`] for members that will not do or too few of them, or another that is open; the database's
    /// failures.
    pub async fn open_review(&self, new: NewReviewOf, by: &str, now_us: i64) -> Result<EthicsReview, Error> {
        let invalid = |what, problem: String| Err(Error::Invalid { what, problem });
        bounded("note", &new.note, MOST_TEXT)?;
        document("profile", &new.entry.profile)?;
        let mut members = new.members;
        members.sort();
        members.dedup();
        if members.len() > MOST_MEMBERS || (members.len() as u64) < u64::from(new.terms.quorum.max(1)) {
            return invalid("members", format!("{} to {MOST_MEMBERS} members are needed", new.terms.quorum.max(1)));
        }
        for member in &members {
            named("members", member)?;
            // Account names are lower-case, whatever was typed.
            let owner = format!("person:{}", new.entry.owner.to_ascii_lowercase());
            if *member == by || *member == new.entry.created_by || *member == owner {
                let problem = format!(
                    "{member} has an interest in it: whoever opens the review, registered the application or is \
                     responsible for it can be no member"
                );
                return invalid("members", problem);
            }
        }
        let review = EthicsReview {
            id: format!("rvw_{}", uuid::Uuid::now_v7().simple()),
            entry: new.entry.id.clone(),
            tenant: new.entry.tenant.clone(),
            path: new.path,
            level: new.entry.level.clone(),
            profile: new.entry.profile.clone(),
            terms: new.terms,
            members,
            note: new.note,
            opened_us: now_us,
            opened_by: by.to_owned(),
            due_us: now_us.saturating_add(i64::from(new.days.max(1)) * 86_400_000_000),
            withdrawn_us: None,
            withdrawn_by: None,
            votes: Vec::new(),
        };
        let detail = json!({
            "id": review.id, "entry": review.entry, "path": review.path, "level": review.level,
            "members": review.members, "terms": review.terms, "profile": review.profile,
        });
        let entry = event("register.review.open", &review.tenant, detail, by, now_us);
        self.put(RegisterChange::Open(review.clone()), entry).await?;
        Ok(review)
    }

    /// Casts a vote. Whether the member may is looked at in the same transaction.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a reason, without conditions where they are promised, or from whoever may not vote;
    /// [`Error::NotFound`]; the database's failures.
    pub async fn vote(&self, review: &str, tenant: &str, vote: Vote) -> Result<EthicsReview, Error> {
        bounded("reason", &vote.reason, MOST_TEXT)?;
        bounded("conditions", &vote.conditions, MOST_TEXT)?;
        bounded("member", &vote.member, MOST_NAME)?;
        if vote.reason.trim().is_empty() {
            return Err(Error::Invalid { what: "reason", problem: "a vote has its reason".to_owned() });
        }
        if (vote.vote == Ballot::Conditional) == vote.conditions.trim().is_empty() {
            let problem = "say the conditions with a conditional approval, and only there".to_owned();
            return Err(Error::Invalid { what: "conditions", problem });
        }
        let detail = json!({
            "id": review, "vote": vote.vote, "reason": vote.reason, "conditions": vote.conditions,
        });
        let entry = event("register.review.vote", tenant, detail, &vote.member, vote.at_us);
        self.put(RegisterChange::Vote { review: review.to_owned(), vote }, entry).await?;
        self.review_of(review, Some(tenant)).await
    }

    /// Takes an open review back.
    ///
    /// # Errors
    /// [`Error::NotFound`] when none of this id is open; the database's failures.
    pub async fn withdraw_review(&self, review: &EthicsReview, by: &str, now_us: i64) -> Result<(), Error> {
        if !matches!(review.standing(now_us).0, Standing::Open | Standing::Inquorate) {
            return Err(Error::Invalid { what: "review", problem: "it has decided; its votes stand".to_owned() });
        }
        let detail = json!({ "id": review.id, "entry": review.entry });
        let entry = event("register.review.withdraw", &review.tenant, detail, by, now_us);
        self.put(RegisterChange::WithdrawReview { id: review.id.clone(), by: by.to_owned(), at_us: now_us }, entry)
            .await
    }

    /// Reviews, latest first; of one tenant and of one application where these are given; at most 500.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn ethics_reviews(&self, tenant: Option<&str>, entry: Option<&str>) -> Result<Vec<EthicsReview>, Error> {
        let read = rows::reviews(self.archive().pool(), tenant, entry).await;
        read.map_err(|e| self.archive().failed("listing reviews", e))
    }

    /// One review; of one tenant where it is given.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none; the database's failures.
    pub async fn review_of(&self, id: &str, tenant: Option<&str>) -> Result<EthicsReview, Error> {
        let failed = |e| self.archive().failed("reading a review", e);
        let mut conn = self.archive().pool().acquire().await.map_err(failed)?;
        let read = rows::review(&mut conn, id, tenant).await.map_err(failed)?;
        read.ok_or_else(|| Error::NotFound { what: "review", id: id.to_owned() })
    }
}
