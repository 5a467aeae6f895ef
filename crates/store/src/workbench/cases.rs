//! Cases: a text, and what policy shall make of it.

use menshen_verdict::{Action, Side};
use serde::Serialize;
use serde_json::json;
use sqlx::Row as _;

use super::{WorkbenchChange, boxed, checked, entry};
use crate::error::Error;
use crate::store::Store;

/// The most characters of a case's text.
const LONGEST_TEXT: usize = 20_000;
/// The most characters of its other members.
const LONGEST: usize = 200;

/// A case.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PolicyCase {
    /// Its id: `cas_` and a UUID.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The text.
    pub text: String,
    /// `input`, `output` or `tool`.
    pub side: String,
    /// The application on whose behalf; the default one without it.
    pub app: Option<String>,
    /// The scene; the application's without it.
    pub scene: Option<String>,
    /// What shall be done, as [`Action::id`]; none where it does not matter.
    pub action: Option<String>,
    /// Which rule shall decide, as `pack/rule` with or without `@version`.
    pub rule: Option<String>,
    /// What shall be found: a detector, a label, or the id of a risk.
    pub label: Option<String>,
    /// Who wrote it last.
    pub by: String,
    /// When, in microseconds since 1970 UTC.
    pub updated_us: i64,
}

impl std::fmt::Debug for PolicyCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicyCase").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a case is to be.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NewPolicyCase {
    /// What it is called.
    pub name: String,
    /// The text.
    pub text: String,
    /// `input`, `output` or `tool`.
    pub side: String,
    /// The application on whose behalf.
    pub app: Option<String>,
    /// The scene.
    pub scene: Option<String>,
    /// What shall be done.
    pub action: Option<String>,
    /// Which rule shall decide.
    pub rule: Option<String>,
    /// What shall be found.
    pub label: Option<String>,
}

impl std::fmt::Debug for NewPolicyCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPolicyCase").finish_non_exhaustive()
    }
}

/// A case as a row.
#[derive(Debug, Clone)]
pub(crate) struct SealedCase {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) text: Vec<u8>,
    pub(crate) side: String,
    pub(crate) app: Option<String>,
    pub(crate) scene: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) by: String,
    pub(crate) updated_us: i64,
}

const LIST: &str = "SELECT id, name, text, side, app, scene, action, rule, label, by, updated_us FROM policy_cases
    ORDER BY name, id";

fn place(id: &str) -> String {
    format!("policy case {id}")
}

impl Store {
    /// Writes a case: a new one, or in place of the one of this id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this id; [`Error::Invalid`] for members that will not do, or when nothing
    /// is expected; the database's failures.
    pub async fn put_policy_case(
        &self,
        id: Option<&str>,
        new: NewPolicyCase,
        by: &str,
        now_us: i64,
    ) -> Result<PolicyCase, Error> {
        let id = match id {
            Some(id) if !self.policy_cases().await?.iter().any(|c| c.id == id) => {
                return Err(Error::NotFound { what: "case", id: id.to_owned() });
            }
            Some(id) => id.to_owned(),
            None => format!("cas_{}", uuid::Uuid::now_v7().simple()),
        };
        let invalid = |what, problem: &str| Err(Error::Invalid { what, problem: problem.to_owned() });
        if new.text.trim().is_empty() || new.text.chars().count() > LONGEST_TEXT {
            return invalid("text", &format!("1 to {LONGEST_TEXT} characters"));
        }
        if ![Side::Input, Side::Output, Side::Tool].iter().any(|s| s.id() == new.side) {
            return invalid("side", "use input, output or tool");
        }
        let short = |what, value: Option<String>| {
            let value = value.map(|v| checked(what, &v, 0, LONGEST)).transpose()?;
            Ok::<_, Error>(value.filter(|v| !v.is_empty()))
        };
        let case = PolicyCase {
            name: checked("name", &new.name, 1, LONGEST)?,
            text: new.text,
            side: new.side,
            app: short("app", new.app)?,
            scene: short("scene", new.scene)?,
            action: short("action", new.action)?,
            rule: short("rule", new.rule)?,
            label: short("label", new.label)?,
            by: by.to_owned(),
            updated_us: now_us,
            id,
        };
        if let Some(action) = &case.action
            && !Action::ALL.iter().any(|a| a.id() == action)
        {
            return invalid("action", "use pass, guide, redact, answer, decline, review, block or suspend");
        }
        if case.action.is_none() && case.rule.is_none() && case.label.is_none() {
            return invalid("action", "say what is expected: an action, a rule or a label");
        }
        let sealed = SealedCase {
            text: self.inner.ring().encrypt(&place(&case.id), case.text.as_bytes())?,
            id: case.id.clone(),
            name: case.name.clone(),
            side: case.side.clone(),
            app: case.app.clone(),
            scene: case.scene.clone(),
            action: case.action.clone(),
            rule: case.rule.clone(),
            label: case.label.clone(),
            by: case.by.clone(),
            updated_us: case.updated_us,
        };
        let told = entry("policy.case.put", json!({ "id": case.id, "name": case.name }), by, now_us);
        self.change(vec![boxed(WorkbenchChange::PutCase(Box::new(sealed)))], vec![told]).await?;
        Ok(case)
    }

    /// Removes a case.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures.
    pub async fn remove_policy_case(&self, id: &str, by: &str, now_us: i64) -> Result<(), Error> {
        let told = entry("policy.case.remove", json!({ "id": id }), by, now_us);
        let change = WorkbenchChange::RemoveCase { id: id.to_owned() };
        self.change(vec![boxed(change)], vec![told]).await.map(drop)
    }

    /// All cases, by name.
    ///
    /// # Errors
    /// [`Error::Sealed`] when a text does not open; the database's failures.
    pub async fn policy_cases(&self) -> Result<Vec<PolicyCase>, Error> {
        let failed = |e| self.archive().failed("listing cases", e);
        let rows = sqlx::query(LIST).fetch_all(self.archive().pool()).await.map_err(failed)?;
        let mut cases = Vec::with_capacity(rows.len());
        for row in rows {
            let read = || {
                let id: String = row.try_get(0)?;
                let sealed: Vec<u8> = row.try_get(2)?;
                let case = PolicyCase {
                    id,
                    name: row.try_get(1)?,
                    text: String::new(),
                    side: row.try_get(3)?,
                    app: row.try_get(4)?,
                    scene: row.try_get(5)?,
                    action: row.try_get(6)?,
                    rule: row.try_get(7)?,
                    label: row.try_get(8)?,
                    by: row.try_get(9)?,
                    updated_us: row.try_get(10)?,
                };
                Ok((case, sealed))
            };
            let (mut case, sealed) = read().map_err(failed)?;
            let text = self.inner.ring().decrypt("case", &place(&case.id), &sealed)?;
            case.text = String::from_utf8(text).map_err(|_| Error::Sealed { what: "case" })?;
            cases.push(case);
        }
        Ok(cases)
    }
}
