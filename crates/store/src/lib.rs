//! The house's memory.
//!
//! What happened stands in the **audit**: one record a decision, appended and chained, so that a record that was
//! altered, removed, moved or cut off is named by [`Store::verify`]. Texts are kept encrypted, redacted or not at all
//! ([`TextRetention`]). Records share commits: in strict mode [`Store::record`] resolves once the record is on disk, and
//! a `kill -9` at any moment loses none that was acknowledged. Beside the audit stand [API keys](ApiKey) and their tenants,
//! [strikes](Strikes) and [suspensions](Suspension) of end users, [agreements](Agreement)
//! on unlabelled content, the [review](Review) queue, [usage](Usage), the [people](Person) who use the console with their
//! [sessions](Session), [alarms](Alarm) about unusual behaviour with the [measures](Measure) that were taken, and the
//! [profiles](Profile) of end users. What they look at ([overviews](Overview), [lists of requests](RowPage)) is counted and listed from the
//! on unlabelled content, the [review](Review) queue, [cases](Case) (appeals, complaints, reports), [usage](Usage), and the [people](Person) who use the console with their
//! [sessions](Session). What they look at ([overviews](Overview), [lists of requests](RowPage)) is counted and listed from the
//! audit as it is written.
//! The red team's [campaigns](Campaigns) and [assessments](Assessments) lie in files of their own.
//!
//! What a request needs (is this key good, is this user suspended, how many tokens were used) is held in memory and
//! waits on nothing. What must be written goes through one bounded queue to one writer; when the queue is full that is an
//! [error](Error::QueueFull), and what then happens is policy's to say. Every change by an administrator is written in one
//! transaction with the record that tells of it.
//!
//! This room never decides anything about a text, never shows a secret or a text in an error or in `Debug`, never changes
//! an audit row, and removes one only when its retention has ended, leaving an anchor. It is the only room that speaks SQL.
//!
//! What the chain cannot show: somebody who puts back an older copy of the *whole* folder, head file included. Keep
//! [`Archive::head`] elsewhere now and then. And somebody who has the key can write what they like: keep it on another
//! disk, or in the environment.
//!
//! ```
//! use menshen_store::{Entry, Options, Receipt, Store, Text};
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! let store = Store::open(dir, Options::default()).await?;
//! let mut entry = Entry::request(uuid::Uuid::now_v7(), 1_700_000_000_000_000);
//! entry.api = Some("chat".into());
//! entry.text = Some(Text::Plain { input: "你好".into(), output: "您好".into() });
//! let receipt = store.record(entry).await?;
//! assert!(matches!(receipt, Receipt::Durable { seq: 1, .. })); // record 0 is the folder's beginning
//! assert!(store.verify().await?.is_whole());
//! store.close().await?;
//! # Ok(())
//! # }
//! ```

mod agreements;
mod archive;
mod assessments;
mod behaviour;
mod campaigns;
mod cases;
mod chain;
mod changes;
mod cipher;
mod entry;
mod error;
mod feedback;
mod files;
mod hex;
mod incidents;
mod keys;
mod observe;
mod options;
mod outbox;
mod people;
mod place;
mod profiles;
mod protection;
mod register;
mod reviews;
mod schema;
mod sqlite;
mod store;
mod time;
mod usage;
mod users;
mod verify;
mod workbench;
mod writer;

pub use agreements::{Agreement, NewAgreement};
pub use archive::{Archive, Filter};
pub use assessments::{AnswerRow, Assessments, DecisionRow, NewDecision, RunRow};
pub use behaviour::{
    Alarm, AlarmDecision, AlarmFilter, Behaving, Damping, DampingRule, Level, Measure, NewAlarm, NewMeasure,
    SubjectKind,
};
pub use campaigns::{AttemptRow, CampaignRow, Campaigns, SessionRow, SubmissionEvent, SubmissionRow};
pub use cases::{
    Case, CaseBody, CaseDecision, CaseEvent, CaseFamily, CaseFile, CaseFilter, CaseFlow, CasePage, CaseSource,
    CaseState, CaseStatistics, CaseStep, Due, KindFigures, NewCase,
};
pub use cipher::Key;
pub use entry::{Entry, EntryKind, Receipt, Record, RecordText, Text};
pub use error::Error;
pub use feedback::{Feedback, Opinion};
pub use files::{Head, read_key as read_key_file};
pub use incidents::{
    Grading, Incident, IncidentChange, IncidentEvent, IncidentFigures, IncidentFile, IncidentFolder, IncidentMonth,
    IncidentState, IncidentTask, IncidentTimer, NewFile, NewIncident, NewTask, NewTimer, ProposalDecision, TaskTick,
    TimerStage,
};
pub use keys::{ApiKey, App, CreatedKey, KeyRefusal, NewKey, Tenant, same_secret};
pub use observe::{
    Bucket, ChainEnd, Count, Latency, Overview, OverviewFilter, Percentiles, Point, Proof, RecordRow, RiskCount,
    RowFilter, RowPage, RuleCount, Saved, Watched,
};
pub use options::{Durability, KeySource, MIN_RETENTION_DAYS, Options, StrikeLimits, TextRetention};
pub use outbox::{Message, MessageState, NewMessage};
pub use people::{
    Assertion, Credentials, FactorNeeded, Factors, KeyWanted, NewPerson, NewSecurityKey, OpenSession, Outside, Person,
    PersonChange, Role, SHORTEST_PASSWORD, SecondFactor, SecurityKey, Session, SessionTimes, SignInRefusal,
    SignOnRefusal, Site, StartedSession, TotpSecret, csrf_of,
};
pub use profiles::{Diligence, NewDiligence, NewProfile, Profile, ProfileFilter, RealName};
pub use protection::{
    BackupFile, BackupManifest, BackupNote, BackupReport, KeyEra, KeyState, NewSubjectRequest, RetentionClock,
    RetentionDays, RetentionRun, Rotated, SectionSum, SubjectAsks, SubjectManifest, SubjectRequest, backup,
    note_backup, restore, rotate, verify_backup,
};
pub use register::{
    Asset, Ballot, EthicsReview, FilingItem, NewAsset, NewReviewOf, Registered, Standing, Terms, Tick, Vote,
};
pub use reviews::{Decision, NewReview, Review, ReviewState};
pub use store::{Health, Pruned, Store};
pub use usage::{DayUsage, Usage};
pub use users::{Strikes, Suspension};
pub use verify::{Broken, Reason, VerifyReport};
pub use workbench::{
    ChangeEvent, ChangeFile, ChangeState, FullChange, LARGEST_POLICY_FILE, NewPolicyCase, NewRevision, PolicyCase,
    PolicyChange, Revision, RevisionFile, Step,
};
