//! The checking APIs: ours, and those of others, so that they call us without new code.
//!
//! One table ([`ROUTES`]) lists every path. The router and the OpenAPI document are both made from it, so the document
//! cannot miss a route.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::MethodRouter;
use http::{HeaderMap, HeaderValue, Uri, header};
use menshen_verdict::{Action, Conversation, Outcome, Report, Role, Side};
use serde_json::{Value, json};

use crate::auth::{Caller, Permission};
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::REQUEST_ID;
use crate::family::Family;
use crate::family::chat::Chat;
use crate::family::messages::Messages;
use crate::gateway::Gateway;
use crate::guard::{Inquiry, Ruling};

pub mod admin;
pub mod agentgateway;
pub mod behaviour;
pub mod cases;
pub mod factors;
pub mod fms;
pub mod guard;
pub mod health;
pub mod incidents;
pub mod labels;
pub mod litellm;
pub mod models;
pub mod moderations;
pub mod notifications;
pub mod observe;
pub mod openapi;
pub mod openguardrails;
pub mod people;
pub mod protection;
pub mod register;
pub mod session;
pub mod setup;
pub mod sign_on;
pub mod users;
pub(crate) mod workbench;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// A caller with a key, where keys are required.
    Caller,
    /// An administrator's key, or somebody who is signed in and may do this.
    May(Permission),
    /// A key with this scope, or an administrator's; nobody who is signed in.
    Scope(&'static str),
}

/// A path, what it is for, and who may call it.
pub struct Route {
    /// The method, upper-case.
    pub method: &'static str,
    /// The path, in axum's and OpenAPI's common syntax.
    pub path: &'static str,
    /// One line for the document.
    pub summary: &'static str,
    /// Who may call it.
    pub access: Access,
    /// The request's schema within the document, when it has a body.
    pub request: Option<&'static str>,
    /// The answer's schema within the document.
    pub response: &'static str,
    handler: Option<fn() -> MethodRouter<Arc<Gateway>>>,
}

macro_rules! route {
    ($method:ident $path:literal, $summary:literal, scope $scope:ident, $request:expr => $response:literal, $handler:path) => {
        Route {
            method: stringify!($method),
            path: $path,
            summary: $summary,
            access: Access::Scope(crate::auth::$scope),
            request: $request,
            response: $response,
            handler: Some(|| axum::routing::on(axum::routing::MethodFilter::$method, $handler)),
        }
    };
    ($method:ident $path:literal, $summary:literal, may $permission:ident, $request:expr => $response:literal, $handler:path) => {
        Route {
            method: stringify!($method),
            path: $path,
            summary: $summary,
            access: Access::May(Permission::$permission),
            request: $request,
            response: $response,
            handler: Some(|| axum::routing::on(axum::routing::MethodFilter::$method, $handler)),
        }
    };
    ($method:ident $path:literal, $summary:literal, $access:ident, $request:expr => $response:literal, $handler:path) => {
        Route {
            method: stringify!($method),
            path: $path,
            summary: $summary,
            access: Access::$access,
            request: $request,
            response: $response,
            handler: Some(|| axum::routing::on(axum::routing::MethodFilter::$method, $handler)),
        }
    };
    ($method:ident $path:literal, $summary:literal, $request:expr => $response:literal) => {
        Route {
            method: stringify!($method),
            path: $path,
            summary: $summary,
            access: Access::Caller,
            request: $request,
            response: $response,
            handler: None,
        }
    };
}

/// Every route of the gateway.
pub static ROUTES: &[Route] = &[
    route!(POST "/v1/chat/completions", "OpenAI chat completions, guarded", Some("OpenAiChatRequest") => "OpenAiChatResponse"),
    route!(POST "/v1/responses", "OpenAI responses, guarded", Some("OpenAiResponsesRequest") => "OpenAiResponse"),
    route!(POST "/v1/messages", "Anthropic messages, guarded", Some("AnthropicMessagesRequest") => "AnthropicMessage"),
    route!(POST "/v1/embeddings", "OpenAI embeddings, guarded", Some("OpenAiEmbeddingsRequest") => "OpenAiEmbeddings"),
    route!(POST "/v1/images/generations", "OpenAI images, guarded and labelled", Some("OpenAiImagesRequest") => "OpenAiImages"),
    route!(POST "/v1/audio/speech", "OpenAI speech, guarded and labelled", Some("OpenAiSpeechRequest") => "Sound"),
    route!(GET "/v1/models", "Models of the upstreams", Caller, None => "OpenAiModels", models::list),
    route!(POST "/v1/moderations", "Our verdict in OpenAI's 13 categories", Caller, Some("ModerationRequest") => "Moderation", moderations::check),
    route!(POST "/v1/guard", "Our full verdict and disposition", Caller, Some("GuardRequest") => "Report", guard::check),
    route!(POST "/v1/guardrails", "OpenGuardrails' check", Caller, Some("OpenGuardrailsRequest") => "OpenGuardrailsResult", openguardrails::check),
    route!(POST "/v1/guardrails/input", "OpenGuardrails' input check", Caller, Some("OpenGuardrailsInput") => "OpenGuardrailsResult", openguardrails::check_input),
    route!(POST "/v1/guardrails/output", "OpenGuardrails' output check", Caller, Some("OpenGuardrailsOutput") => "OpenGuardrailsResult", openguardrails::check_output),
    route!(POST "/beta/litellm_basic_guardrail_api", "LiteLLM's generic guardrail", Caller, Some("LiteLlmRequest") => "LiteLlmResult", litellm::check),
    route!(POST "/api/v1/text/contents", "fms detector: contents", Caller, Some("FmsContents") => "FmsContentsResult", fms::contents),
    route!(POST "/api/v1/text/generation", "fms detector: generation", Caller, Some("FmsGeneration") => "FmsResult", fms::generation),
    route!(POST "/api/v1/text/chat", "fms detector: chat", Caller, Some("FmsChat") => "FmsResult", fms::chat),
    route!(POST "/api/v1/text/context/doc", "fms detector: text against a context", Caller, Some("FmsContext") => "FmsResult", fms::context),
    route!(POST "/request", "agentgateway's request webhook", Caller, Some("WebhookRequest") => "WebhookAction", agentgateway::request),
    route!(POST "/response", "agentgateway's response webhook", Caller, Some("WebhookResponse") => "WebhookAction", agentgateway::response),
    route!(POST "/v1/labels/add", "Label a file as generated (GB 45438-2025)", Caller, Some("File") => "File", labels::add),
    route!(POST "/v1/labels/read", "What label a file carries, judged", Caller, Some("File") => "FileLabels", labels::read),
    route!(POST "/v1/labels/inspect", "What an upload is taken for, and what its public is told (Measures for labelling, article 6)", Caller, Some("File") => "UploadDecision", labels::inspect),
    route!(POST "/v1/labels/propagate", "The same, answered with the file that carries the platform's propagation members", Caller, Some("File") => "File", labels::propagate),
    route!(GET "/healthz", "Whether the program runs", Open, None => "Health", health::live),
    route!(GET "/health", "Whether the program runs (fms detector API)", Open, None => "Health", health::live),
    route!(GET "/readyz", "Whether requests can be served", Open, None => "Readiness", health::ready),
    route!(GET "/metrics", "Prometheus metrics", Open, None => "Text", health::metrics),
    route!(GET "/openapi.json", "This document", Open, None => "OpenApi", openapi::document),
    route!(GET "/", "Where to go from here", Open, None => "Text", health::welcome),
    route!(GET "/admin/keys", "Keys, without their secrets", may KeysRead, None => "Keys", admin::list_keys),
    route!(POST "/admin/keys", "Make a key; its secret is shown once", may Keys, Some("NewKey") => "NewKeyMade", admin::create_key),
    route!(DELETE "/admin/keys/{id}", "Revoke a key", may Keys, None => "Done", admin::revoke_key),
    route!(POST "/admin/reload", "Load the packs again", may Packs, None => "Packs", admin::reload),
    route!(GET "/admin/packs", "Packs in force and what is wrong with them", may PacksRead, None => "Packs", admin::packs),
    route!(GET "/admin/audit/verify", "Prove the audit chain", may AuditRead, None => "AuditReport", admin::verify),
    route!(GET "/admin/reviews", "Requests that wait for a human", may ReviewsRead, None => "Reviews", admin::reviews),
    route!(POST "/admin/reviews/{id}", "Decide a review", may Reviews, Some("ReviewDecision") => "Done", admin::resolve_review),
    route!(GET "/admin/agreements", "Who may be given content without explicit label, and who might", may AgreementsRead, None => "Agreements", admin::agreements),
    route!(POST "/admin/agreements", "Record that a user agreed to label such content themselves", may Agreements, Some("NewAgreement") => "Agreement", admin::agree),
    route!(DELETE "/admin/agreements/{id}", "End an agreement", may Agreements, None => "Done", admin::withdraw),
    route!(GET "/admin/overview", "What happened in a time, counted", may Observe, None => "Overview", observe::overview),
    route!(GET "/admin/records", "Requests, newest first", may Observe, None => "RecordPage", observe::records),
    route!(GET "/admin/records/live", "Requests as they end, as server-sent events: one RecordRow each", may Observe, None => "EventStream", observe::live),
    route!(GET "/admin/records/{request_id}", "A request's records and their place in the chain", may Observe, None => "RecordDetail", observe::record),
    route!(POST "/admin/records/{request_id}/feedback", "Say what you think of a decision", may Feedback, Some("NewFeedback") => "Feedback", observe::put_feedback),
    route!(GET "/admin/feedback", "What people said of decisions, newest first", may Observe, None => "FeedbackList", observe::feedback),
    route!(GET "/admin/taxonomy", "What labels are called", may Account, None => "Taxonomy", observe::taxonomy),
    route!(DELETE "/admin/suspensions/{tenant}/{user}", "Lift a suspension", may Suspensions, None => "Done", admin::lift),
    route!(GET "/console/api/session", "Who is signed in", Open, None => "Session", session::current),
    route!(POST "/console/api/session", "Sign in, with name and password or with an admin key", Open, Some("SignIn") => "Session", session::sign_in),
    route!(DELETE "/console/api/session", "Sign out", Open, None => "Done", session::sign_out),
    route!(GET "/console/api/setup", "Whether the first account is to be made, and what else is", Open, None => "Setup", session::setup),
    route!(POST "/console/api/setup/owner", "Make the first account, with the token that the program printed", Open, Some("FirstOwner") => "Session", session::first_owner),
    route!(GET "/console/api/choices", "Scenes and applications to try things out with", may Try, None => "Choices", setup::choices),
    route!(GET "/console/api/upstreams", "Models behind the gateway, as configured, without secrets", may Upstreams, None => "Upstreams", setup::upstreams),
    route!(POST "/console/api/upstreams/test", "Ask every upstream for its models", may Upstreams, None => "UpstreamsTried", setup::try_upstreams),
    route!(GET "/admin/people", "Accounts", may PeopleRead, None => "People", people::list),
    route!(POST "/admin/people", "Make an account", may People, Some("NewPerson") => "Person", people::add),
    route!(PATCH "/admin/people/{id}", "Change an account; its sessions end where its rights change", may People, Some("PersonChange") => "Person", people::change),
    route!(DELETE "/admin/people/{id}", "Remove an account", may People, None => "Done", people::remove),
    route!(POST "/admin/people/{id}/password", "Set a password; one's own with the current one. 'me' is oneself", may Account, Some("NewPassword") => "PasswordSet", people::password),
    route!(POST "/admin/people/me/totp", "Begin the enrolment of a second factor", may Account, None => "TotpSecret", people::begin_totp),
    route!(POST "/admin/people/me/totp/confirm", "End the enrolment with a code", may Account, Some("TotpCode") => "Done", people::confirm_totp),
    route!(GET "/admin/sessions", "Sessions: one's own, or all for those who see accounts", may Account, None => "Sessions", people::sessions),
    route!(DELETE "/admin/sessions/{id}", "End a session: one's own, or any for owners", may Account, None => "Done", people::end_session),
    // Signing on, and ending sessions.
    route!(GET "/admin/register/governance", "How applications are graded, and what follows: the data in force", may RegisterRead, None => "Governance", register::governance),
    route!(POST "/admin/register/grade", "What a classification would come to, with the reason; nothing is kept", may RegisterRead, Some("GradeRequest") => "Graded", register::grade),
    route!(GET "/admin/register/apps", "Applications of the register", may RegisterRead, None => "RegisterApps", register::list),
    route!(POST "/admin/register/apps", "Register an application", may Register, Some("RegisterEntry") => "RegisterApp", register::add),
    route!(GET "/admin/register/apps/{id}", "An application with its grade, controls, reviews, filing and assets", may RegisterRead, None => "RegisterApp", register::one),
    route!(PATCH "/admin/register/apps/{id}", "Change it, or take it out of the register", may Register, Some("RegisterEntry") => "RegisterApp", register::change),
    route!(POST "/admin/register/apps/{id}/controls", "Tick a control with evidence, or say that it is not met", may Register, Some("ControlTick") => "Done", register::tick),
    route!(POST "/admin/register/apps/{id}/filing", "Note how a piece of material to be filed stands", may Register, Some("FilingNote") => "Done", register::put_filing),
    route!(GET "/admin/register/apps/{id}/document", "User agreement or privacy policy, filled in: a draft for counsel", may RegisterRead, None => "Filled", register::document),
    route!(GET "/admin/register/apps/{id}/export", "Everything about it, as an archive of texts or one page", may RegisterRead, None => "File", register::export),
    route!(POST "/admin/register/apps/{id}/reviews", "Open an ethics review", may RegisterReview, Some("NewEthicsReview") => "EthicsReview", register::open_review),
    route!(GET "/admin/register/reviews", "Ethics reviews, latest first", may RegisterRead, None => "EthicsReviews", register::reviews),
    route!(GET "/admin/register/reviews/{id}", "An ethics review with its votes", may RegisterRead, None => "EthicsReview", register::review),
    route!(DELETE "/admin/register/reviews/{id}", "Take an open review back", may RegisterReview, None => "Done", register::withdraw_review),
    route!(POST "/admin/register/reviews/{id}/votes", "Vote, as a member who is signed in", may RegisterVote, Some("NewVote") => "EthicsReview", register::vote),
    route!(GET "/admin/register/assets", "Data sets, models, plugins, endpoints", may RegisterRead, None => "Assets", register::assets),
    route!(POST "/admin/register/assets", "Keep an asset", may Register, Some("AssetEntry") => "Asset", register::add_asset),
    route!(PATCH "/admin/register/assets/{id}", "Change an asset", may Register, Some("AssetEntry") => "Asset", register::change_asset),
    route!(POST "/admin/register/assets/import", "Bring in what the program knows by itself", may Register, Some("AssetImport") => "Done", register::import_assets),
    route!(GET "/admin/behaviour", "How behaviour is watched: grades, signals, limits", may BehaviourRead, None => "BehaviourRules", behaviour::rules),
    route!(GET "/admin/behaviour/alarms", "Alarms about unusual behaviour, newest first", may BehaviourRead, None => "Alarms", behaviour::alarms),
    route!(GET "/admin/behaviour/alarms/{id}", "An alarm and what its score is the sum of", may BehaviourRead, None => "Alarm", behaviour::alarm),
    route!(POST "/admin/behaviour/alarms/{id}/decision", "Say that an alarm was right, false or settled", may Behaviour, Some("AlarmDecision") => "AlarmDecided", behaviour::decide),
    route!(GET "/admin/behaviour/subject", "How a user or a key stands, and what was done", may BehaviourRead, None => "BehaviourSubject", behaviour::subject),
    route!(GET "/admin/behaviour/measures", "What is in force against users and keys", may BehaviourRead, None => "Measures", behaviour::measures),
    route!(POST "/admin/behaviour/measures", "Warn, slow or suspend a user or a key for a time", may Behaviour, Some("NewMeasure") => "Measure", behaviour::impose),
    route!(DELETE "/admin/behaviour/measures/{id}", "End a measure early", may Behaviour, None => "Done", behaviour::end),
    route!(GET "/admin/behaviour/dampings", "Signals that count less after marks of false alarms", may BehaviourRead, None => "Dampings", behaviour::dampings),
    route!(DELETE "/admin/behaviour/dampings/{id}", "Let a signal count in full again", may Behaviour, None => "Done", behaviour::undamp),
    route!(GET "/admin/tiers", "Tiers of end users, and what holds for minors", may UsersRead, None => "Tiers", users::table),
    route!(GET "/admin/users", "Profiles of end users", may UsersRead, None => "UserProfiles", users::list),
    route!(PUT "/admin/users", "Make or change an end user's profile", may Users, Some("NewUserProfile") => "UserProfile", users::put_by_staff),
    route!(GET "/admin/users/{tenant}/{user}", "An end user's profile and reviews", may UsersRead, None => "UserProfile", users::one),
    route!(DELETE "/admin/users/{tenant}/{user}", "Remove an end user's profile and reviews", may Users, None => "Done", users::remove),
    route!(POST "/admin/users/{tenant}/{user}/reviews", "Note who looked into an end user, and what came of it", may Users, Some("NewUserReview") => "UserReview", users::review),
    route!(PUT "/v1/users/{id}/profile", "An application vouches for its end user", scope PROFILES, Some("OwnUserProfile") => "UserProfile", users::put_own),
    route!(GET "/v1/users/{id}/profile", "What an application vouched for", scope PROFILES, None => "UserProfile", users::own),
    route!(GET "/admin/incidents", "Incidents, newest first, and how many there are", may IncidentsRead, None => "Incidents", incidents::list),
    route!(POST "/admin/incidents", "Open an incident, or a drill", may Incidents, Some("NewIncident") => "Incident", incidents::open),
    route!(GET "/admin/incidents/rules", "Classes, questions, grades, timers, tasks and reports of incidents", may IncidentsRead, None => "IncidentRules", incidents::rules),
    route!(POST "/admin/incidents/grade", "The grade that answers make, and why; nothing is kept", may Incidents, Some("IncidentAnswers") => "IncidentGrade", incidents::grade),
    route!(GET "/admin/incidents/{id}", "An incident with its tasks, timers, timeline and evidence", may IncidentsRead, None => "IncidentFolder", incidents::one),
    route!(PATCH "/admin/incidents/{id}", "Change an incident under way", may Incidents, Some("IncidentChange") => "IncidentFolder", incidents::change),
    route!(POST "/admin/incidents/{id}/decision", "Confirm what was proposed, or dismiss it", may Incidents, Some("IncidentDecision") => "IncidentFolder", incidents::decide),
    route!(POST "/admin/incidents/{id}/tasks", "Tick a task", may Incidents, Some("IncidentTick") => "IncidentFolder", incidents::tick),
    route!(POST "/admin/incidents/{id}/timers", "Say that what was due was done", may Incidents, Some("IncidentMet") => "IncidentFolder", incidents::meet),
    route!(POST "/admin/incidents/{id}/notes", "Add a line to the timeline", may Incidents, Some("IncidentNote") => "IncidentFolder", incidents::note),
    route!(POST "/admin/incidents/{id}/state", "Contain, close (with a second person where the grade asks for it) or open again", may Incidents, Some("IncidentState") => "IncidentFolder", incidents::state),
    route!(POST "/admin/incidents/{id}/evidence", "Take a sealed snapshot of the audit", may Incidents, Some("IncidentEvidence") => "IncidentFile", incidents::take_evidence),
    route!(GET "/admin/incidents/{id}/evidence", "A snapshot, as a ZIP file", may IncidentsRead, None => "File", incidents::evidence),
    route!(GET "/admin/incidents/{id}/report", "A draft of a report, with what is missing marked", may IncidentsRead, None => "IncidentDraft", incidents::report),
    route!(GET "/admin/notifications", "Channels to people outside, and the messages that went by them", may NotificationsRead, None => "Notifications", notifications::list),
    route!(POST "/admin/notifications/test", "Send a test by a channel, at once", may Notifications, Some("ChannelTest") => "ChannelTested", notifications::test),
    route!(POST "/admin/notifications/retry", "Let a message that was given up wait again", may Notifications, Some("MessageRetry") => "Done", notifications::retry),
    route!(GET "/admin/protection", "What protects stored data: keys, retention, backups", may ProtectionRead, None => "Protection", protection::protection),
    route!(POST "/admin/protection/backups", "Make a backup in the folder that is set for it", may Protection, None => "BackupManifest", protection::make_backup),
    route!(GET "/admin/subjects", "What users asked about themselves, open requests first", may SubjectsRead, None => "SubjectRequests", protection::subjects),
    route!(POST "/admin/subjects", "Record that a user asks for a copy, or for destruction", may Subjects, Some("NewSubjectRequest") => "SubjectRequest", protection::ask),
    route!(POST "/admin/subjects/{id}/export", "The copy that a request asks for; ends the request", may Subjects, None => "SubjectCopy", protection::export),
    route!(POST "/admin/subjects/{id}/erase", "Destroy what a request asks to; answers with the proof", may Subjects, None => "SubjectRequest", protection::erase),
    route!(POST "/admin/subjects/{id}/refuse", "End a request without doing what it asks", may Subjects, Some("SubjectRefusal") => "Done", protection::refuse),
    route!(GET "/admin/workbench", "The packs in force, their files, and what lies over them", may PacksRead, None => "WorkbenchState", workbench::state),
    route!(GET "/admin/workbench/file", "A file's text", may PacksRead, None => "WorkbenchFile", workbench::files::file),
    route!(GET "/admin/workbench/entries", "A file's answers, principles or words, as forms edit them", may PacksRead, None => "WorkbenchEntries", workbench::files::entries),
    route!(GET "/admin/workbench/changes", "Changes, last touched first", may PacksRead, None => "PolicyChanges", workbench::changes::list),
    route!(POST "/admin/workbench/changes", "Begin a change", may Packs, Some("NewPolicyChange") => "PolicyChange", workbench::changes::begin),
    route!(GET "/admin/workbench/changes/{id}", "A change: its edits, what they compile to, its history and its runs", may PacksRead, None => "FullPolicyChange", workbench::changes::one),
    route!(PATCH "/admin/workbench/changes/{id}", "Give a change another title and note", may Packs, Some("NewPolicyChange") => "PolicyChange", workbench::changes::retitle),
    route!(PUT "/admin/workbench/changes/{id}/file", "Save a file's text in a draft, or take the file away", may Packs, Some("PolicyFile") => "PolicySaved", workbench::files::put),
    route!(DELETE "/admin/workbench/changes/{id}/file", "Take an edit out of a draft", may Packs, None => "PolicySaved", workbench::files::drop_edit),
    route!(POST "/admin/workbench/changes/{id}/entry", "Save an answer, a principle or a keyword list in a draft, from a form", may Packs, Some("PolicyEntry") => "PolicySaved", workbench::files::put_entry),
    route!(GET "/admin/workbench/changes/{id}/diff", "What a change alters, line by line", may PacksRead, None => "PolicyDiff", workbench::changes::diff),
    route!(POST "/admin/workbench/changes/{id}/cases", "Run all cases under what is in force and under a change", may Packs, None => "PolicyRun", workbench::cases::run_change),
    route!(POST "/admin/workbench/changes/{id}/shadow", "Decide recent requests again, under what is in force and under a change", may Packs, None => "PolicyRun", workbench::cases::shadow),
    route!(POST "/admin/workbench/changes/{id}/step", "Submit, approve, reject, reopen, withdraw, schedule, unschedule or publish a change", may Packs, Some("PolicyStep") => "PolicyChange", workbench::steps::step),
    route!(GET "/admin/workbench/cases", "Saved cases", may PacksRead, None => "PolicyCases", workbench::cases::list),
    route!(POST "/admin/workbench/cases", "Save a case", may Packs, Some("NewPolicyCase") => "PolicyCase", workbench::cases::add),
    route!(POST "/admin/workbench/cases/run", "Run all cases under what is in force", may Packs, None => "PolicyRun", workbench::cases::run),
    route!(PUT "/admin/workbench/cases/{id}", "Change a case", may Packs, Some("NewPolicyCase") => "PolicyCase", workbench::cases::put),
    route!(DELETE "/admin/workbench/cases/{id}", "Remove a case", may Packs, None => "Done", workbench::cases::remove),
    route!(GET "/admin/workbench/revisions", "What was put in force, newest first", may PacksRead, None => "PolicyRevisions", workbench::history::list),
    route!(GET "/admin/workbench/revisions/{id}/diff", "What a revision altered, or what going back to it would", may PacksRead, None => "PolicyDiff", workbench::history::diff),
    route!(POST "/admin/workbench/rollback", "Put an earlier revision in force again; 0 is the packs without any edit", may Packs, Some("PolicyRollback") => "PolicyRolledBack", workbench::history::roll_back),
    route!(POST "/v1/complaints", "Send an appeal, a complaint or a report on behalf of an end user; the same idempotency-key, the same receipt", Caller, Some("NewComplaint") => "ComplaintReceipt", cases::complaints::send),
    route!(GET "/v1/complaints/{number}", "How a complaint of this application stands, and its answer", Caller, None => "ComplaintStanding", cases::complaints::look),
    route!(POST "/v1/complaints/{number}/appeal", "Go on with it: once, after its answer", Caller, Some("ComplaintAppeal") => "ComplaintStanding", cases::complaints::appeal_own),
    route!(GET "/v1/complaints/public/form", "Whether anybody may send a complaint, and of which kinds", Open, None => "ComplaintForm", cases::complaints::form),
    route!(POST "/v1/complaints/public", "Send a complaint without a key, where the operator allows it", Open, Some("NewComplaint") => "ComplaintReceipt", cases::complaints::send_public),
    route!(POST "/v1/complaints/public/standing", "How the complaint of a receipt stands, and its answer", Open, Some("ReceiptShown") => "ComplaintStanding", cases::complaints::look_public),
    route!(POST "/v1/complaints/public/appeal", "Go on with the complaint of a receipt: once, after its answer", Open, Some("ReceiptShown") => "ComplaintStanding", cases::complaints::appeal_public),
    route!(GET "/admin/cases", "Appeals, complaints and reports, what is due first before the rest", may CasesRead, None => "CasePage", cases::list),
    route!(POST "/admin/cases", "Write down a case that came in another way", may Cases, Some("NewStaffCase") => "ComplaintReceipt", cases::open),
    route!(GET "/admin/cases/book", "Kinds, decisions, effects, templates, and who may be given a case", may CasesRead, None => "CaseBook", cases::book),
    route!(GET "/admin/cases/statistics", "What there is to do, and how it went", may CasesRead, None => "CaseStatistics", cases::statistics),
    route!(GET "/admin/cases/{id}", "A case with everything in it", may CasesRead, None => "CaseFile", cases::one),
    route!(POST "/admin/cases/{id}/steps", "Take a step in a case", may Cases, Some("CaseStep") => "Case", cases::steps::take),
    route!(POST "/admin/cases/{id}/preview", "The words of a notice, before it is made", may Cases, Some("NoticeAsked") => "NoticeWords", cases::steps::preview),
    // Signing on, and the second factor.
    route!(POST "/console/api/oidc", "Begin to sign on at the configured provider", Open, None => "SignOnBegun", sign_on::begin),
    route!(GET "/console/api/oidc/callback", "Where the provider sends browsers back to", Open, None => "Redirect", sign_on::callback),
    route!(GET "/admin/people/me/factors", "One's own second factors: authenticator app, security keys, recovery codes", may Account, None => "OwnFactors", factors::list),
    route!(POST "/admin/people/me/security-keys", "What to ask the browser for (navigator.credentials.create), to add a security key; with the present password", may Account, Some("CurrentPassword") => "SecurityKeyOptions", factors::ask_key),
    route!(POST "/admin/people/me/security-keys/confirm", "Add the security key that the browser made", may Account, Some("NewSecurityKey") => "SecurityKey", factors::add_key),
    route!(PATCH "/admin/people/me/security-keys/{id}", "Give a security key another name", may Account, Some("SecurityKeyName") => "SecurityKey", factors::rename_key),
    route!(POST "/admin/people/me/security-keys/{id}/remove", "Remove a security key, with the present password; other sessions end", may Account, Some("CurrentPassword") => "Done", factors::remove_key),
    route!(POST "/admin/people/me/totp/remove", "Remove the authenticator app, with the present password; other sessions end", may Account, Some("CurrentPassword") => "Done", factors::remove_totp),
    route!(POST "/admin/people/me/recovery-codes", "Make recovery codes in the place of the former ones, with the present password; they are shown once", may Account, Some("CurrentPassword") => "RecoveryCodes", factors::make_codes),
    route!(DELETE "/admin/people/{id}/sessions", "End all sessions of an account. 'me' is oneself, and this session stays", may Account, None => "SessionsEnded", people::end_sessions),
];

/// The routes that are not conversations.
///
/// Who may call is decided here, from the table: a handler cannot forget it.
pub(crate) fn routes(gateway: &Arc<Gateway>) -> Router<Arc<Gateway>> {
    let mut router = Router::new();
    for route in ROUTES {
        let Some(handler) = route.handler else { continue };
        let mut handler = handler();
        if let Access::May(permission) = route.access {
            let state = (Arc::clone(gateway), permission);
            handler = handler.layer(middleware::from_fn_with_state(state, permitted));
        }
        if let Access::Scope(scope) = route.access {
            let state = (Arc::clone(gateway), scope);
            handler = handler.layer(middleware::from_fn_with_state(state, scoped));
        }
        router = router.route(route.path, handler);
    }
    router
}

/// Lets keys with a scope through; the handler finds them in the request.
async fn scoped(
    State((gateway, scope)): State<(Arc<Gateway>, &'static str)>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let entered = gateway.door.scoped(request.method(), request.headers(), scope);
    let entered = entered.and_then(|caller| gateway.limiter.admit(&caller).map(|()| caller));
    let response = match entered {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => answer(&path, Err(error), &gateway).await,
    };
    unstored(response)
}

/// What people and keys with a scope see stays out of shared and of disk caches.
pub(crate) fn unstored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Lets those through who may; the handler finds them in the request.
async fn permitted(
    State((gateway, permission)): State<(Arc<Gateway>, Permission)>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let response = match gateway.door.permitted(request.method(), request.headers(), Some(permission)) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => answer(&path, Err(error), &gateway).await,
    };
    unstored(response)
}

/// Query parameters, or what is wrong with them.
pub(crate) type Params<T> = Result<Query<T>, QueryRejection>;

/// What was asked for.
///
/// # Errors
/// When a parameter is not known, is there twice or has the wrong shape.
pub(crate) fn asked<T>(params: Params<T>) -> Result<T, GatewayError> {
    let wrong = |e: QueryRejection| {
        invalid("", "a query parameter is not known here, is there twice or has the wrong shape").detail(e)
    };
    params.map(|Query(asked)| asked).map_err(wrong)
}

/// An error in the format that callers of `path` expect.
pub(crate) fn error_for(path: &str, error: &GatewayError) -> Response {
    error_with_id(path, error, uuid::Uuid::now_v7())
}

fn error_with_id(path: &str, error: &GatewayError, id: uuid::Uuid) -> Response {
    let id = id.to_string();
    let mut body = if path.starts_with("/v1/messages") {
        Messages.error(error, &id)
    } else if path.starts_with("/api/v1/text/") {
        json!({"code": error.http_status().as_u16(), "message": error.message})
    } else {
        Chat.error(error, &id)
    };
    if let (Some(factors), Some(told)) = (&error.factors, body.get_mut("error").and_then(Value::as_object_mut)) {
        told.insert("second_factor".to_owned(), (**factors).clone());
    }
    let mut response = json_response(&body);
    *response.status_mut() = error.http_status();
    if let Some(seconds) = error.retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    // An error is of this moment; a 404 may be kept by caches without being asked to.
    unstored(response)
}

pub(crate) fn json_response(body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) async fn not_found(uri: Uri) -> Response {
    let known = "see /openapi.json for the paths of this gateway";
    let message = format!("there is no {} here; {known}", uri.path().chars().take(120).collect::<String>());
    error_for(uri.path(), &GatewayError::new(Failure::NotFound, message))
}

pub(crate) async fn method_not_allowed(uri: Uri) -> Response {
    error_for(uri.path(), &GatewayError::new(Failure::MethodNotAllowed, "this path does not take this method"))
}

#[expect(clippy::needless_pass_by_value, reason = "the layer's handler takes the payload by value")]
pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let what = payload.downcast_ref::<&str>().map_or("a panic", |s| *s);
    tracing::error!(what, "a request made the program panic; please report this");
    error_for("", &GatewayError::new(Failure::Internal, "an internal error; the operator's log has the details"))
}

/// A caller who was let in and counted.
pub(crate) fn enter(gateway: &Gateway, headers: &HeaderMap) -> Result<Caller, GatewayError> {
    let caller = gateway.door.caller(headers)?;
    gateway.limiter.admit(&caller)?;
    Ok(caller)
}

/// The same for a request that only reads.
pub(crate) fn enter_reading(gateway: &Gateway, headers: &HeaderMap) -> Result<Caller, GatewayError> {
    let caller = gateway.door.caller_for(&http::Method::GET, headers)?;
    gateway.limiter.admit(&caller)?;
    Ok(caller)
}

/// Judges a conversation for a checking API and records it.
pub(crate) async fn check(
    gateway: &Arc<Gateway>,
    api: &'static str,
    caller: &Caller,
    side: Side,
    conversation: Conversation,
) -> Result<(Arc<Conversation>, Ruling), GatewayError> {
    judge(gateway, api, caller, side, conversation, false).await
}

/// The same for APIs that can carry a standard answer.
pub(crate) async fn check_with_answers(
    gateway: &Arc<Gateway>,
    api: &'static str,
    caller: &Caller,
    side: Side,
    conversation: Conversation,
) -> Result<(Arc<Conversation>, Ruling), GatewayError> {
    judge(gateway, api, caller, side, conversation, true).await
}

async fn judge(
    gateway: &Arc<Gateway>,
    api: &'static str,
    caller: &Caller,
    side: Side,
    conversation: Conversation,
    answers: bool,
) -> Result<(Arc<Conversation>, Ruling), GatewayError> {
    let mut caller = caller.clone();
    let profile = gateway.tiers.profile(&caller.subject).await?;
    gateway.tiers.describe(&mut caller.subject, profile.as_deref());
    let caller = &caller;
    let snapshot = gateway.guard.snapshot();
    let conversation = Arc::new(conversation);
    let started = std::time::Instant::now();
    let inquiry = Inquiry {
        side,
        subject: &caller.subject,
        extra: &menshen_detect::Extra::default(),
        guided: false,
        lang: crate::guard::language(&conversation),
    };
    let mut ruling = gateway.guard.rule(&snapshot, &conversation, inquiry).await;
    let answer = match side {
        Side::Input if answers && !ruling.disposition.unavailable => {
            gateway.guard.answer(&snapshot, &conversation, &caller.subject)
        }
        _ => None,
    };
    if let Some(answer) = answer {
        ruling.disposition.action = Action::Answer;
        ruling.disposition.answer = Some(answer);
        ruling.disposition.rule = None;
    }
    gateway.metrics.judged(&ruling.verdict);
    let outcome = ruling.disposition.outcome();
    gateway.metrics.ended(api, outcome, Some(ruling.disposition.action), started.elapsed().as_secs_f64());
    admin::record_check(gateway, api, caller, side, &conversation, &ruling, &snapshot).await?;
    Ok((conversation, ruling))
}

/// Judges a conversation and puts the result in the shared shape.
pub(crate) async fn report(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    side: Side,
    id: Option<String>,
    conversation: Conversation,
) -> Result<Report, GatewayError> {
    let (conversation, ruling) = check_with_answers(gateway, "guard", caller, side, conversation).await?;
    Ok(Report::new(id, side, &conversation, &ruling.verdict, &ruling.disposition))
}

/// A list of `{role, content}` messages as a conversation, in the chat format.
pub(crate) fn conversation_of(messages: &Value) -> Result<Conversation, GatewayError> {
    let body = json!({"model": "none", "messages": messages});
    Ok(Chat.read_request(&body)?.conversation)
}

pub(crate) fn bare(role: Role, side: Side, text: impl Into<String>) -> Conversation {
    let mut conversation = Conversation::of_text(role, text);
    for segment in &mut conversation.segments {
        segment.side = side;
    }
    conversation
}

/// Turns a handler's result into a response, with errors in the format of `path`. What is wrong with a request to a
/// checking API is recorded; what was judged has its record already.
pub(crate) async fn answer(path: &str, result: Result<Value, GatewayError>, gateway: &Gateway) -> Response {
    match result {
        Ok(body) => json_response(&body),
        Err(error) => {
            gateway.metrics.failed(error.failure.code());
            let id = uuid::Uuid::now_v7();
            if error.failure.outcome() == Outcome::Invalid && !error.failure.only_counted() {
                admin::record_refusal(gateway, path, id, &error).await;
            }
            error_with_id(path, &error, id)
        }
    }
}

/// The name of a path's API in metrics and the audit.
fn api_of(path: &str) -> &'static str {
    match path {
        "/v1/guard" => "guard",
        "/v1/moderations" => "moderations",
        "/v1/models" => "models",
        "/beta/litellm_basic_guardrail_api" => "litellm",
        "/request" | "/response" => "agentgateway",
        p if p.starts_with("/v1/labels") => "labels",
        p if p.starts_with("/v1/users") => "users",
        p if p.starts_with("/v1/complaints") => "complaints",
        p if p.starts_with("/v1/guardrails") => "openguardrails",
        p if p.starts_with("/api/v1/text/") => "fms",
        p if p.starts_with("/admin/") || p.starts_with("/console/") => "admin",
        _ => "other",
    }
}

/// The gateway as handlers take it.
pub(crate) type App = State<Arc<Gateway>>;
