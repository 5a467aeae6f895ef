//! From a profile to a level, with the reason.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Governance, Words, fits};

/// The options of an application, by factor.
pub type Profile = BTreeMap<String, Vec<String>>;

/// Why a profile cannot be graded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileProblem {
    /// The matrix is missing or broken.
    #[error("there is no usable risk matrix; correct packs/governance and start again")]
    NoMatrix,
    /// A factor that nobody knows.
    #[error("'{0}' is not a factor of the risk matrix; see /admin/register/governance")]
    UnknownFactor(String),
    /// An option that the factor does not have.
    #[error("'{option}' is not an option of '{factor}'; see /admin/register/governance")]
    UnknownOption {
        /// The factor.
        factor: String,
        /// The option.
        option: String,
    },
    /// A factor without an option: an unknown risk is not a low one.
    #[error("'{0}' is not answered; choose at least one option")]
    Unanswered(String),
    /// More than one option where only one can fit.
    #[error("'{0}' takes one option only")]
    OnlyOne(String),
}

/// An option that was chosen, with what it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chosen {
    /// The factor.
    pub factor: String,
    /// The option.
    pub option: String,
    /// The axis it counts on.
    pub axis: String,
    /// Its grade.
    pub grade: usize,
    /// Where the grade comes from.
    pub source: String,
    /// Whether it is what gave the axis its grade.
    pub decides: bool,
}

/// A rule that raised the level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RaisedBy {
    /// The rule.
    pub rule: String,
    /// Why.
    pub title: Words,
    /// The level it asks for.
    pub at_least: String,
    /// Where it comes from.
    pub source: String,
    /// Whether the level would be lower without any such rule.
    pub decides: bool,
}

/// The level of an application and what gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grading {
    /// The level.
    pub level: String,
    /// The path of review that it asks for.
    pub path: String,
    /// The grade on the axis of the rows, from 1.
    pub row: usize,
    /// The grade on the axis of the columns, from 1.
    pub column: usize,
    /// The level of the cell.
    pub cell: String,
    /// Where the matrix comes from.
    pub source: String,
    /// What was chosen.
    pub chosen: Vec<Chosen>,
    /// The rules that fit.
    pub raised: Vec<RaisedBy>,
}

impl Governance {
    /// Grades a profile.
    ///
    /// # Errors
    /// When a factor is unknown or unanswered, an option is unknown, or there is no matrix.
    pub fn grade(&self, profile: &Profile) -> Result<Grading, ProfileProblem> {
        let matrix = self.matrix.as_ref().ok_or(ProfileProblem::NoMatrix)?;
        if let Some(unknown) = profile.keys().find(|id| !self.factors.iter().any(|f| f.id == **id)) {
            return Err(ProfileProblem::UnknownFactor(unknown.clone()));
        }
        let mut chosen = Vec::new();
        for factor in &self.factors {
            let options = profile.get(&factor.id).filter(|o| !o.is_empty());
            let options = options.ok_or_else(|| ProfileProblem::Unanswered(factor.id.clone()))?;
            if options.len() > 1 && !factor.many {
                return Err(ProfileProblem::OnlyOne(factor.id.clone()));
            }
            for id in options {
                let option = factor
                    .option
                    .iter()
                    .find(|o| o.id == *id)
                    .ok_or_else(|| ProfileProblem::UnknownOption { factor: factor.id.clone(), option: id.clone() })?;
                chosen.push(Chosen {
                    factor: factor.id.clone(),
                    option: id.clone(),
                    axis: factor.axis.clone(),
                    grade: option.grade,
                    source: option.source.clone(),
                    decides: false,
                });
            }
        }
        let worst = |axis: &str| chosen.iter().filter(|c| c.axis == axis).map(|c| c.grade).max().unwrap_or(1);
        let (row, column) = (worst(&matrix.rows), worst(&matrix.columns));
        for one in &mut chosen {
            one.decides = one.grade == if one.axis == matrix.rows { row } else { column };
        }
        let cell = matrix.cells.get(row - 1).and_then(|r| r.get(column - 1)).ok_or(ProfileProblem::NoMatrix)?.clone();
        let mut raised: Vec<RaisedBy> = self
            .rules
            .iter()
            .filter(|rule| fits(&rule.when, profile))
            .map(|rule| RaisedBy {
                rule: rule.id.clone(),
                title: rule.title.clone(),
                at_least: rule.at_least.clone(),
                source: rule.source.clone(),
                decides: false,
            })
            .collect();
        let by_cell = self.rank(&cell).ok_or(ProfileProblem::NoMatrix)?;
        let rank = raised.iter().filter_map(|r| self.rank(&r.at_least)).chain([by_cell]).max().unwrap_or(by_cell);
        for one in &mut raised {
            one.decides = rank > by_cell && self.rank(&one.at_least) == Some(rank);
        }
        let level = self.levels.get(rank).ok_or(ProfileProblem::NoMatrix)?;
        Ok(Grading {
            level: level.id.clone(),
            path: level.path.clone(),
            row,
            column,
            cell,
            source: matrix.source.clone(),
            chosen,
            raised,
        })
    }
}
