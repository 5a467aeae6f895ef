//! Opening, changing and closing incidents.

use serde_json::{Map, Value, json};

use super::rows::IncidentWrite;
use super::{Incident, IncidentFile, IncidentFolder, IncidentState, IncidentTask, IncidentTimer, TimerStage};
use crate::changes::Change;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::outbox::NewMessage;
use crate::store::Store;

/// The longest title, in bytes.
const LONGEST_TITLE: usize = 300;
/// The longest free text, in bytes.
const LONGEST_TEXT: usize = 20_000;
/// The most bytes of answers, facts, roles or lessons of one incident.
const MOST_MEMBERS: usize = 200_000;
/// The most tasks or timers of one incident.
const MOST_ITEMS: usize = 200;
/// The most bytes of one evidence snapshot: 64 MiB.
const MOST_FILE: usize = 64 << 20;
/// The most evidence snapshots of one incident.
const MOST_FILES: usize = 50;

/// What a new task says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    /// Its id within the rules.
    pub id: String,
    /// What is to be done, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// Where that stands.
    pub clause: String,
    /// Whose it is.
    pub role: String,
    /// By when.
    pub due_us: Option<i64>,
}

/// What a new timer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTimer {
    /// Its id within the rules.
    pub id: String,
    /// What is due, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// Where that stands.
    pub clause: String,
    /// When it is due, in microseconds since 1970 UTC.
    pub due_us: i64,
    /// From when on it is due soon.
    pub soon_us: i64,
}

/// What the rules say of an incident: its grade, and what follows from it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grading {
    /// The class.
    pub class: String,
    /// The grade.
    pub grade: String,
    /// The answers it was made from.
    pub answers: Map<String, Value>,
    /// Why it is so.
    pub reasons: Value,
    /// What is to be done; empty for what was only proposed.
    pub tasks: Vec<NewTask>,
    /// What is due; empty for what was only proposed.
    pub timers: Vec<NewTimer>,
}

/// What a new incident is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewIncident {
    /// The tenant; none for the whole house.
    pub tenant: Option<String>,
    /// Whether it is a drill.
    pub drill: bool,
    /// Whether people outside are told.
    pub announce: bool,
    /// What it is called.
    pub title: String,
    /// What the rules say of it.
    pub grading: Grading,
    /// What reports need.
    pub facts: Map<String, Value>,
    /// The signal that proposes it; none where a person opens it.
    pub signal: Option<String>,
    /// When it happened.
    pub occurred_us: Option<i64>,
    /// When somebody became aware of it.
    pub aware_us: i64,
}

/// What somebody says of a proposal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProposalDecision<'a> {
    /// What the rules make of it, where it is an incident; none where it is none.
    pub grading: Option<Grading>,
    /// Why; needed where it is none.
    pub reason: &'a str,
}

/// That a task was done, or is to be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskTick<'a> {
    /// The task's id.
    pub task: &'a str,
    /// Whether it is done.
    pub done: bool,
    /// What is to be known about it.
    pub note: &'a str,
}

/// What is to change about an incident; what is absent stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IncidentChange {
    /// What it is called.
    pub title: Option<String>,
    /// What the rules say of it now.
    pub grading: Option<Grading>,
    /// Facts to set; an empty text takes one away.
    pub facts: Option<Map<String, Value>>,
    /// Roles to set; an empty name takes one away.
    pub roles: Option<Map<String, Value>>,
    /// What was learnt, in the place of what was there.
    pub lessons: Option<Value>,
    /// When it happened.
    pub occurred_us: Option<i64>,
    /// When somebody became aware of it.
    pub aware_us: Option<i64>,
}

/// An evidence snapshot to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// What it is called.
    pub name: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many audit records it holds.
    pub records: i64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

fn invalid(what: &'static str, problem: impl Into<String>) -> Error {
    Error::Invalid { what, problem: problem.into() }
}

fn checked(what: &'static str, text: &str, most: usize) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() || text.len() > most {
        return Err(invalid(what, format!("1 to {most} bytes are allowed")));
    }
    Ok(text.to_owned())
}

fn bounded(what: &'static str, value: &Value) -> Result<(), Error> {
    if value.to_string().len() > MOST_MEMBERS {
        return Err(invalid(
            what,
            format!("more than {MOST_MEMBERS} bytes; put long texts into a document of their own"),
        ));
    }
    Ok(())
}

/// Sets what is given and takes away what is empty.
fn merged(what: &'static str, into: &mut Map<String, Value>, new: Map<String, Value>) -> Result<(), Error> {
    for (name, value) in new {
        if value.as_str().is_some_and(|v| v.trim().is_empty()) || value.is_null() {
            into.remove(&name);
        } else {
            into.insert(name, value);
        }
    }
    bounded(what, &json!(into))
}

fn tasks_of(new: &[NewTask]) -> Vec<IncidentTask> {
    let one = |t: &NewTask| IncidentTask {
        id: t.id.clone(),
        zh: t.zh.clone(),
        en: t.en.clone(),
        clause: t.clause.clone(),
        role: t.role.clone(),
        due_us: t.due_us,
        done_us: None,
        done_by: None,
        note: String::new(),
    };
    new.iter().map(one).collect()
}

fn timers_of(incident: &str, new: &[NewTimer]) -> Vec<IncidentTimer> {
    let one = |t: &NewTimer| IncidentTimer {
        incident: incident.to_owned(),
        id: t.id.clone(),
        zh: t.zh.clone(),
        en: t.en.clone(),
        clause: t.clause.clone(),
        due_us: t.due_us,
        soon_us: t.soon_us,
        told: 0,
        met_us: None,
        met_by: None,
    };
    new.iter().map(one).collect()
}

impl Grading {
    fn check(&self) -> Result<(), Error> {
        checked("class", &self.class, 64)?;
        checked("grade", &self.grade, 64)?;
        bounded("answers", &json!(self.answers))?;
        if self.tasks.len() > MOST_ITEMS || self.timers.len() > MOST_ITEMS {
            return Err(invalid("rules", format!("more than {MOST_ITEMS} tasks or timers for one incident")));
        }
        Ok(())
    }

    fn writes(&self, incident: &str) -> [IncidentWrite; 2] {
        [
            IncidentWrite::Tasks { incident: incident.to_owned(), tasks: tasks_of(&self.tasks) },
            IncidentWrite::Timers { incident: incident.to_owned(), timers: timers_of(incident, &self.timers) },
        ]
    }
}

/// A step: its writes, and what the timeline and the audit say of it.
struct Step<'a> {
    incident: &'a Incident,
    kind: &'static str,
    detail: Value,
    writes: Vec<IncidentWrite>,
    messages: Vec<NewMessage>,
}

impl Store {
    /// Makes a step, its place in the timeline and its record, all or nothing.
    async fn step(&self, step: Step<'_>, by: &str, now_us: i64) -> Result<i64, Error> {
        let incident = step.incident;
        let event = IncidentWrite::Event {
            incident: incident.id.clone(),
            at_us: now_us,
            by: by.to_owned(),
            kind: step.kind.to_owned(),
            detail: step.detail.clone(),
        };
        let mut told = json!({ "id": incident.id, "drill": incident.drill });
        if let (Some(told), Some(detail)) = (told.as_object_mut(), step.detail.as_object()) {
            told.extend(detail.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
        let mut entry = Entry::event(EntryKind::Admin, &format!("incident.{}", step.kind), now_us, told);
        entry.key_id = Some(by.to_owned());
        entry.tenant.clone_from(&incident.tenant);
        let mut changes: Vec<Change> =
            step.writes.into_iter().chain([event]).map(|w| Change::Incident(Box::new(w))).collect();
        changes.extend(self.queued(step.messages, by, now_us)?.into_iter().map(|m| Change::Message(Box::new(m))));
        let done = self.change(changes, vec![entry]).await?;
        Ok(done.effects.first().map_or(0, |e| e.number))
    }

    /// Opens an incident, or proposes one where `signal` is given: a proposal has neither tasks nor timers until somebody
    /// confirms it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a title, class or grade that is empty or too long, or a moment of awareness that lies ahead;
    /// the database's failures.
    pub async fn open_incident(
        &self,
        new: NewIncident,
        messages: impl FnOnce(&Incident) -> Vec<NewMessage> + Send,
        by: &str,
        now_us: i64,
    ) -> Result<Incident, Error> {
        let title = checked("title", &new.title, LONGEST_TITLE)?;
        new.grading.check()?;
        bounded("facts", &json!(new.facts))?;
        check_moments(new.occurred_us, new.aware_us, now_us)?;
        let proposed = new.signal.is_some();
        let mut incident = Incident {
            number: 0,
            id: format!("inc_{}", uuid::Uuid::now_v7().simple()),
            tenant: new.tenant,
            drill: new.drill,
            announce: new.announce,
            state: if proposed { IncidentState::Proposed } else { IncidentState::Open },
            title,
            class: new.grading.class.clone(),
            grade: new.grading.grade.clone(),
            answers: new.grading.answers.clone(),
            reasons: new.grading.reasons.clone(),
            facts: new.facts,
            roles: Map::new(),
            lessons: json!({}),
            signal: new.signal,
            occurred_us: new.occurred_us,
            aware_us: new.aware_us,
            contained_us: None,
            closed_us: None,
            close_by: None,
            close_us: None,
            created_us: now_us,
            by: by.to_owned(),
        };
        let mut writes = vec![IncidentWrite::Put(Box::new(incident.clone()))];
        if !proposed {
            writes.extend(new.grading.writes(&incident.id));
        }
        let detail = json!({ "title": incident.title, "class": incident.class, "grade": incident.grade, "signal": incident.signal });
        let kind = if proposed { "proposed" } else { "opened" };
        let messages = messages(&incident);
        let _one_after_another = self.inner.incidents.lock().await;
        incident.number = self.step(Step { incident: &incident, kind, detail, writes, messages }, by, now_us).await?;
        Ok(incident)
    }

    /// Whether a signal should propose: nothing of it waits or is under way, and nothing of it ended after `since_us`.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn signal_is_free(&self, signal: &str, since_us: i64) -> Result<bool, Error> {
        const TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM incidents WHERE signal = ?1 AND
            (state IN ('proposed', 'open', 'contained') OR created_us >= ?2 OR COALESCE(closed_us, 0) >= ?2))";
        let taken: bool = sqlx::query_scalar(TAKEN)
            .bind(signal)
            .bind(since_us)
            .fetch_one(self.archive().pool())
            .await
            .map_err(|e| self.archive().failed("reading incidents", e))?;
        Ok(!taken)
    }

    /// Says of a proposal that it is an incident (with what the rules make of it), or that it is none.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for one that was decided or a reason that is missing; the database's failures.
    pub async fn decide_incident(
        &self,
        id: &str,
        tenant: Option<&str>,
        decision: ProposalDecision<'_>,
        messages: impl FnOnce(&Incident) -> Vec<NewMessage> + Send,
        by: &str,
        now_us: i64,
    ) -> Result<Incident, Error> {
        let ProposalDecision { grading, reason } = decision;
        let _one_after_another = self.inner.incidents.lock().await;
        let mut incident = self.incident(id, tenant).await?;
        if incident.state != IncidentState::Proposed {
            return Err(invalid("decision", "this incident was decided on already"));
        }
        let (kind, mut writes, detail) = match grading {
            Some(grading) => {
                grading.check()?;
                incident.state = IncidentState::Open;
                (incident.class, incident.grade) = (grading.class.clone(), grading.grade.clone());
                (incident.answers, incident.reasons) = (grading.answers.clone(), grading.reasons.clone());
                let detail = json!({ "class": incident.class, "grade": incident.grade, "reason": reason });
                ("confirmed", Vec::from(grading.writes(&incident.id)), detail)
            }
            None => {
                let reason = checked("reason", reason, LONGEST_TEXT)?;
                incident.state = IncidentState::Dismissed;
                incident.closed_us = Some(now_us);
                ("dismissed", Vec::new(), json!({ "reason": reason }))
            }
        };
        writes.insert(0, IncidentWrite::Update(Box::new(incident.clone())));
        let messages = messages(&incident);
        self.step(Step { incident: &incident, kind, detail, writes, messages }, by, now_us).await?;
        Ok(incident)
    }

    /// Changes an incident under way.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for one that is not under way, and for what will not do; the database's
    /// failures.
    pub async fn change_incident(
        &self,
        id: &str,
        tenant: Option<&str>,
        change: IncidentChange,
        by: &str,
        now_us: i64,
    ) -> Result<Incident, Error> {
        let _one_after_another = self.inner.incidents.lock().await;
        let mut incident = self.under_way(id, tenant).await?;
        let mut changed = Vec::new();
        if let Some(title) = &change.title {
            incident.title = checked("title", title, LONGEST_TITLE)?;
            changed.push("title");
        }
        if change.occurred_us.is_some() || change.aware_us.is_some() {
            incident.occurred_us = change.occurred_us.or(incident.occurred_us);
            incident.aware_us = change.aware_us.unwrap_or(incident.aware_us);
            check_moments(incident.occurred_us, incident.aware_us, now_us)?;
            changed.push("moments");
        }
        if let Some(facts) = change.facts {
            merged("facts", &mut incident.facts, facts)?;
            changed.push("facts");
        }
        if let Some(roles) = change.roles {
            merged("roles", &mut incident.roles, roles)?;
            changed.push("roles");
        }
        if let Some(lessons) = change.lessons {
            bounded("lessons", &lessons)?;
            incident.lessons = lessons;
            changed.push("lessons");
        }
        let mut detail = json!({ "changed": changed });
        if changed.contains(&"roles") {
            detail["roles"] = json!(incident.roles);
        }
        let mut writes = Vec::new();
        if let Some(grading) = change.grading {
            grading.check()?;
            if incident.class != grading.class || incident.grade != grading.grade {
                detail["class"] = json!(grading.class);
                detail["grade"] = json!(grading.grade);
                detail["was"] = json!({ "class": incident.class, "grade": incident.grade });
            }
            (incident.class, incident.grade) = (grading.class.clone(), grading.grade.clone());
            (incident.answers, incident.reasons) = (grading.answers.clone(), grading.reasons.clone());
            writes.extend(grading.writes(&incident.id));
        }
        writes.insert(0, IncidentWrite::Update(Box::new(incident.clone())));
        self.step(Step { incident: &incident, kind: "changed", detail, writes, messages: Vec::new() }, by, now_us)
            .await?;
        Ok(incident)
    }

    /// Ticks a task, or takes the tick away.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], the database's failures.
    pub async fn tick_task(
        &self,
        id: &str,
        tenant: Option<&str>,
        tick: TaskTick<'_>,
        by: &str,
        now_us: i64,
    ) -> Result<(), Error> {
        let TaskTick { task, done, note } = tick;
        let _one_after_another = self.inner.incidents.lock().await;
        let folder = self.folder_under_way(id, tenant).await?;
        let found = folder.tasks.into_iter().find(|t| t.id == task);
        let mut task = found.ok_or_else(|| Error::NotFound { what: "task of the incident", id: task.to_owned() })?;
        if note.len() > LONGEST_TEXT {
            return Err(invalid("note", format!("at most {LONGEST_TEXT} bytes are allowed")));
        }
        task.done_us = done.then_some(now_us);
        task.done_by = done.then(|| by.to_owned());
        task.note = note.trim().to_owned();
        let detail = json!({ "task": task.id, "zh": task.zh, "en": task.en, "note": task.note });
        let kind = if done { "task_done" } else { "task_undone" };
        let writes = vec![IncidentWrite::Task { incident: folder.incident.id.clone(), task: Box::new(task) }];
        let step = Step { incident: &folder.incident, kind, detail, writes, messages: Vec::new() };
        self.step(step, by, now_us).await.map(drop)
    }

    /// Says that what a timer stands for was done: the report was handed in.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such timer or it was met; the database's failures.
    pub async fn meet_timer(
        &self,
        id: &str,
        tenant: Option<&str>,
        timer: &str,
        note: &str,
        by: &str,
        now_us: i64,
    ) -> Result<(), Error> {
        let _one_after_another = self.inner.incidents.lock().await;
        let folder = self.folder_under_way(id, tenant).await?;
        let found = folder.timers.into_iter().find(|t| t.id == timer && t.met_us.is_none());
        let timer =
            found.ok_or_else(|| Error::NotFound { what: "open timer of the incident", id: timer.to_owned() })?;
        if note.len() > LONGEST_TEXT {
            return Err(invalid("note", format!("at most {LONGEST_TEXT} bytes are allowed")));
        }
        let detail = json!({
            "timer": timer.id, "zh": timer.zh, "en": timer.en, "note": note.trim(), "in_time": now_us <= timer.due_us,
            "due": crate::time::rfc3339(timer.due_us),
        });
        let incident = folder.incident.id.clone();
        let writes = vec![IncidentWrite::Met { incident, timer: timer.id, at_us: now_us, by: by.to_owned() }];
        let step = Step { incident: &folder.incident, kind: "timer_met", detail, writes, messages: Vec::new() };
        self.step(step, by, now_us).await.map(drop)
    }

    /// Marks a stage of a timer as told, and queues what is told, in one transaction: either both are on disk or neither.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it was met meanwhile; the database's failures.
    pub async fn tell_timer(
        &self,
        timer: &IncidentTimer,
        stage: TimerStage,
        messages: Vec<NewMessage>,
        now_us: i64,
    ) -> Result<(), Error> {
        let _one_after_another = self.inner.incidents.lock().await;
        let folder = self.incident_folder(&timer.incident, None).await?;
        let found = folder.timers.iter().find(|t| t.id == timer.id && t.met_us.is_none());
        let now = found.ok_or_else(|| Error::NotFound { what: "open timer of the incident", id: timer.id.clone() })?;
        if now.told >= stage.bit() || now.due_us != timer.due_us {
            return Ok(());
        }
        let detail = json!({
            "timer": timer.id, "zh": timer.zh, "en": timer.en, "stage": stage,
            "due": crate::time::rfc3339(timer.due_us), "messages": messages.len(),
        });
        // Whoever is told that it is overdue needs no word that it is due soon.
        let bit = if stage == TimerStage::Overdue { 3 } else { stage.bit() };
        let writes = vec![IncidentWrite::Told { incident: timer.incident.clone(), timer: timer.id.clone(), bit }];
        let step = Step { incident: &folder.incident, kind: "timer_told", detail, writes, messages };
        self.step(step, "timer", now_us).await.map(drop)
    }

    /// Adds a line to the timeline.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], the database's failures.
    pub async fn note_incident(
        &self,
        id: &str,
        tenant: Option<&str>,
        text: &str,
        by: &str,
        now_us: i64,
    ) -> Result<(), Error> {
        let text = checked("text", text, LONGEST_TEXT)?;
        let incident = self.incident(id, tenant).await?;
        let detail = json!({ "text": text });
        let step = Step { incident: &incident, kind: "noted", detail, writes: Vec::new(), messages: Vec::new() };
        self.step(step, by, now_us).await.map(drop)
    }

    /// Says that what happened has stopped. `grading` holds the timers that begin now, beside those that are there.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for one that is not open; the database's failures.
    pub async fn contain_incident(
        &self,
        id: &str,
        tenant: Option<&str>,
        grading: Grading,
        messages: impl FnOnce(&Incident) -> Vec<NewMessage> + Send,
        by: &str,
        now_us: i64,
    ) -> Result<Incident, Error> {
        let _one_after_another = self.inner.incidents.lock().await;
        let mut incident = self.under_way(id, tenant).await?;
        if incident.state != IncidentState::Open {
            return Err(invalid("state", "this incident is contained already"));
        }
        grading.check()?;
        incident.state = IncidentState::Contained;
        incident.contained_us = Some(now_us);
        let mut writes = vec![IncidentWrite::Update(Box::new(incident.clone()))];
        writes.extend(grading.writes(&incident.id));
        let messages = messages(&incident);
        let step = Step { incident: &incident, kind: "contained", detail: json!({}), writes, messages };
        self.step(step, by, now_us).await?;
        Ok(incident)
    }

    /// Closes an incident that is contained. Where `two` people are needed the first call only asks, and the second must
    /// come from somebody else.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for one that is not contained, has open timers or tasks, or was asked for by
    /// the same person; the database's failures.
    pub async fn close_incident(
        &self,
        id: &str,
        tenant: Option<&str>,
        two: bool,
        messages: impl FnOnce(&Incident) -> Vec<NewMessage> + Send,
        by: &str,
        now_us: i64,
    ) -> Result<Incident, Error> {
        let _one_after_another = self.inner.incidents.lock().await;
        let folder = self.folder_under_way(id, tenant).await?;
        ready(&folder)?;
        let mut incident = folder.incident;
        let asked = incident.close_by.clone();
        let kind = match asked {
            Some(first) if two && first == by => {
                return Err(invalid("state", "you asked to close it; a second person has to agree"));
            }
            None if two => {
                (incident.close_by, incident.close_us) = (Some(by.to_owned()), Some(now_us));
                "close_asked"
            }
            _ => {
                (incident.state, incident.closed_us) = (IncidentState::Closed, Some(now_us));
                "closed"
            }
        };
        let detail = json!({ "asked_by": incident.close_by });
        let writes = vec![IncidentWrite::Update(Box::new(incident.clone()))];
        let messages = if kind == "closed" { messages(&incident) } else { Vec::new() };
        self.step(Step { incident: &incident, kind, detail, writes, messages }, by, now_us).await?;
        Ok(incident)
    }

    /// Opens an incident again that was contained or closed, or for which closing was asked: a reason is needed.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], the database's failures.
    pub async fn reopen_incident(
        &self,
        id: &str,
        tenant: Option<&str>,
        reason: &str,
        by: &str,
        now_us: i64,
    ) -> Result<Incident, Error> {
        let reason = checked("reason", reason, LONGEST_TEXT)?;
        let _one_after_another = self.inner.incidents.lock().await;
        let mut incident = self.incident(id, tenant).await?;
        if !matches!(incident.state, IncidentState::Contained | IncidentState::Closed) {
            return Err(invalid("state", "only what is contained or closed can be opened again"));
        }
        incident.state = IncidentState::Open;
        (incident.contained_us, incident.closed_us) = (None, None);
        (incident.close_by, incident.close_us) = (None, None);
        let writes = vec![IncidentWrite::Update(Box::new(incident.clone()))];
        let detail = json!({ "reason": reason });
        let step = Step { incident: &incident, kind: "reopened", detail, writes, messages: Vec::new() };
        self.step(step, by, now_us).await?;
        Ok(incident)
    }

    /// Keeps an evidence snapshot. It is never changed or removed.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for one that is too large or one too many; the database's failures.
    pub async fn keep_evidence(
        &self,
        id: &str,
        tenant: Option<&str>,
        new: NewFile,
        by: &str,
        now_us: i64,
    ) -> Result<IncidentFile, Error> {
        if new.bytes.len() > MOST_FILE {
            return Err(invalid(
                "evidence",
                format!("more than {} MiB; narrow the time or the filter", MOST_FILE >> 20),
            ));
        }
        let _one_after_another = self.inner.incidents.lock().await;
        let folder = self.incident_folder(id, tenant).await?;
        if folder.files.len() >= MOST_FILES {
            return Err(invalid("evidence", format!("an incident has at most {MOST_FILES} snapshots")));
        }
        let file = IncidentFile {
            id: format!("evd_{}", uuid::Uuid::now_v7().simple()),
            name: checked("name", &new.name, LONGEST_TITLE)?,
            sha256: new.sha256,
            size: i64::try_from(new.bytes.len()).unwrap_or(i64::MAX),
            records: new.records,
            created_us: now_us,
            by: by.to_owned(),
        };
        let detail = json!({ "file": file.id, "name": file.name, "sha256": file.sha256, "records": file.records });
        let incident = folder.incident.id.clone();
        let writes = vec![IncidentWrite::File { incident, file: Box::new(file.clone()), bytes: new.bytes }];
        let step = Step { incident: &folder.incident, kind: "evidence", detail, writes, messages: Vec::new() };
        self.step(step, by, now_us).await?;
        Ok(file)
    }

    async fn under_way(&self, id: &str, tenant: Option<&str>) -> Result<Incident, Error> {
        let incident = self.incident(id, tenant).await?;
        if incident.state.under_way() {
            return Ok(incident);
        }
        Err(invalid("incident", format!("it is {}; only what is open or contained is worked on", incident.state.id())))
    }

    async fn folder_under_way(&self, id: &str, tenant: Option<&str>) -> Result<IncidentFolder, Error> {
        self.under_way(id, tenant).await?;
        self.incident_folder(id, tenant).await
    }
}

fn check_moments(occurred_us: Option<i64>, aware_us: i64, now_us: i64) -> Result<(), Error> {
    /// A clock beside ours may be ahead by so much.
    const SLACK_US: i64 = 300_000_000;
    if aware_us < 0 || aware_us > now_us.saturating_add(SLACK_US) {
        return Err(invalid("aware", "the moment of awareness must not lie ahead"));
    }
    if occurred_us.is_some_and(|at| at < 0 || at > aware_us) {
        return Err(invalid("occurred", "it must have happened before somebody became aware of it"));
    }
    Ok(())
}

/// Whether an incident may be closed: what happened has stopped, and nothing is open.
fn ready(folder: &IncidentFolder) -> Result<(), Error> {
    if folder.incident.state != IncidentState::Contained {
        return Err(invalid("state", "say first that it is contained"));
    }
    let timers = folder.timers.iter().filter(|t| t.met_us.is_none()).count();
    let tasks = folder.tasks.iter().filter(|t| t.done_us.is_none()).count();
    if timers > 0 || tasks > 0 {
        return Err(invalid(
            "state",
            format!("{timers} reports are due and {tasks} tasks are not done; see to them first"),
        ));
    }
    let cause = folder.incident.lessons.get("cause").and_then(Value::as_str).unwrap_or_default();
    if cause.trim().is_empty() {
        return Err(invalid("lessons", "write down the cause first: the post-mortem is part of closing"));
    }
    Ok(())
}
