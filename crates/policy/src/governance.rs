//! How applications are classified and graded, and what follows from it: data of `packs/governance`, read with
//! diagnostics, and evaluated as pure functions.
//!
//! An application has a *profile*: for each factor the options that fit. Every option has a grade on one of two axes; the
//! worst of each axis name a cell of the matrix, the cell names a level, and rules can raise it. [`Governance::grade`]
//! says which options, which cell and which rules did so, each with its source.

mod check;
mod grade;
mod load;
mod template;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::settings::Lang;

pub use grade::{Chosen, Grading, Profile, ProfileProblem, RaisedBy};
pub use load::{FILES, governance};
pub use template::{Filled, PLACEHOLDERS};

/// A text in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Words {
    /// The text of a language.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }
}

/// One of the two sides of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Words,
    /// The names of its grades, from 1 on.
    pub grades: Vec<Words>,
}

/// What an application is looked at for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// Its id.
    pub id: String,
    /// The axis its options count on.
    pub axis: String,
    /// Its name.
    pub title: Words,
    /// What is asked.
    pub about: Words,
    /// Whether several options can fit at once.
    #[serde(default)]
    pub many: bool,
    /// The answers.
    pub option: Vec<Choice>,
}

/// An answer to a factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Its id, unique within the factor.
    pub id: String,
    /// Its name.
    pub title: Words,
    /// Its grade on the factor's axis, from 1.
    pub grade: usize,
    /// Where the grade comes from.
    pub source: String,
}

/// Grades of both axes → level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// The axis of the rows.
    pub rows: String,
    /// The axis of the columns.
    pub columns: String,
    /// Where the matrix comes from.
    pub source: String,
    /// One list of level ids a grade of `rows`, one id a grade of `columns`.
    pub cells: Vec<Vec<String>>,
}

/// A level of risk, lowest first in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskLevel {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Words,
    /// What it means.
    pub about: Words,
    /// The path of review that it asks for.
    pub path: String,
}

/// Which profiles something is for: every factor that is named must have one of the options.
pub type When = BTreeMap<String, Vec<String>>;

/// Raises the level of what it fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raise {
    /// Its id.
    pub id: String,
    /// Why.
    pub title: Words,
    /// What it fits.
    pub when: When,
    /// The level that such an application has at least.
    pub at_least: String,
    /// Where the rule comes from.
    pub source: String,
}

/// Something that must be in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its id.
    pub id: String,
    /// What must be.
    pub title: Words,
    /// What shows that it is.
    pub about: Words,
    /// From this level on.
    pub from: String,
    /// Only for what this fits.
    #[serde(default)]
    pub when: When,
    /// What the program looks at by itself; without it, a person ticks it with evidence.
    #[serde(default)]
    pub check: Option<String>,
    /// How old what was found, or ticked, may be.
    #[serde(default)]
    pub valid_days: Option<u32>,
    /// Where it comes from.
    pub source: String,
}

/// How an application is reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Words,
    /// When it is taken and how it goes.
    pub about: Words,
    /// The fewest members.
    pub members: u32,
    /// The fewest votes that make a decision, recusals not counted.
    pub quorum: u32,
    /// The share of approvals among approvals and rejections, in hundredths.
    pub approve_percent: u32,
    /// Whether one rejection rejects.
    #[serde(default)]
    pub reject_stops: bool,
    /// How long members have.
    pub days: u32,
    /// When it has to be reviewed again.
    pub again_months: u32,
    /// What members must have read or answered.
    #[serde(default)]
    pub questions: Vec<Words>,
}

/// A duty to file, with the material for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duty {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Words,
    /// Who must, and by when.
    pub about: Words,
    /// What it is for.
    #[serde(default)]
    pub when: When,
    /// So many working days after launch, at the latest; none where it must be done before.
    #[serde(default)]
    pub working_days: Option<u32>,
    /// Where it comes from.
    pub source: String,
    /// The material.
    pub item: Vec<Material>,
}

/// A piece of material.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Material {
    /// Its id, unique within the duty.
    pub id: String,
    /// Its name.
    pub title: Words,
    /// What it holds, and what of it the program can make.
    pub about: Words,
}

/// A stage of life of assets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Words,
    /// What belongs to it.
    pub about: Words,
    /// Members of an asset that must be filled in at this stage.
    #[serde(default)]
    pub needs: Vec<String>,
}

/// A kind of asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Words,
}

/// A document for users, to be filled in from the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Template {
    /// Its id: the file's name before the language.
    pub id: String,
    /// Chinese, then English: Markdown with `{{placeholders}}`.
    #[serde(skip)]
    pub text: Words,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Governance {
    /// The axes of the matrix.
    pub axes: Vec<Axis>,
    /// What is asked about an application.
    pub factors: Vec<Factor>,
    /// The matrix; none where it could not be read: then nothing can be graded.
    pub matrix: Option<Matrix>,
    /// Levels, lowest first.
    pub levels: Vec<RiskLevel>,
    /// What raises a level.
    pub rules: Vec<Raise>,
    /// What must be in place.
    pub controls: Vec<Control>,
    /// How applications are reviewed.
    pub paths: Vec<Path>,
    /// What must be filed.
    pub duties: Vec<Duty>,
    /// States of filing material, first to last.
    pub filing_states: Vec<Kind>,
    /// Stages of life.
    pub stages: Vec<Stage>,
    /// Kinds of assets.
    pub kinds: Vec<Kind>,
    /// Documents for users.
    pub templates: Vec<Template>,
}

impl Governance {
    /// The place of a level, from 0.
    pub fn rank(&self, level: &str) -> Option<usize> {
        self.levels.iter().position(|l| l.id == level)
    }

    /// The path of review of this id.
    pub fn path(&self, id: &str) -> Option<&Path> {
        self.paths.iter().find(|p| p.id == id)
    }

    /// What must be in place for an application.
    pub fn controls_of(&self, profile: &Profile, level: &str) -> impl Iterator<Item = &Control> {
        let rank = self.rank(level);
        self.controls.iter().filter(move |c| self.rank(&c.from) <= rank && fits(&c.when, profile))
    }

    /// What must be filed for an application.
    pub fn duties_of(&self, profile: &Profile) -> impl Iterator<Item = &Duty> {
        self.duties.iter().filter(move |d| fits(&d.when, profile))
    }
}

/// Whether a profile has, for every factor that is named, one of its options.
pub(crate) fn fits(when: &When, profile: &Profile) -> bool {
    when.iter().all(|(factor, options)| profile.get(factor).is_some_and(|has| has.iter().any(|o| options.contains(o))))
}

#[cfg(test)]
mod tests;
