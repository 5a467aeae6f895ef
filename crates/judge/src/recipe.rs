//! The recipe: which texts a model is made from, what their labels mean, how they are divided, and how it is trained.
//! A recipe is a TOML file; with the same recipe, data and build, training gives the same model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use menshen_verdict::Topic;
use serde::{Deserialize, Serialize};

use crate::calibrate::Evidence;
use crate::seeds::grow::Growth;
use crate::train;

/// A recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What the model is called, such as `menshen-judge`.
    pub name: String,
    /// The seed of everything random.
    pub seed: u64,
    /// The list of general topics, beside the recipe.
    pub topics: PathBuf,
    /// A folder of seeds to train on, beside the recipe.
    pub seeds: PathBuf,
    /// A folder of seeds that are only ever evaluated on.
    pub evaluation: PathBuf,
    /// Share of families of each source, in 0..1, kept for choosing thresholds.
    #[serde(default = "tenth")]
    pub dev: f32,
    /// Share of families of each source, in 0..1, kept for evaluation. The project's own seeds keep none: their
    /// evaluation split is written apart.
    #[serde(default = "share")]
    pub test: f32,
    /// How training texts are grown.
    #[serde(default)]
    pub growth: Growth,
    /// How the first stage is trained.
    #[serde(default)]
    pub fast: train::fast::Settings,

    /// How the second stage is trained; without it there is none.
    #[serde(default)]
    pub encoder: Option<train::encoder::Settings>,
    /// What counts beside `P(risky)` when a request is called risky.
    #[serde(default)]
    pub evidence: Evidence,
    /// False-positive rates at which thresholds are set.
    #[serde(default)]
    pub thresholds: Rates,
    /// Further texts, from files in the data folder.
    #[serde(default, rename = "source")]
    pub sources: Vec<Source>,
}

/// False-positive rates at which decisions are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Harmless texts that are called risky.
    pub risky: f32,
    /// Harmless texts that are called attacks.
    pub attack: f32,
}

impl Default for Rates {
    fn default() -> Self {
        Rates { risky: 0.01, attack: 0.01 }
    }
}

const fn tenth() -> f32 {
    0.1
}

const fn share() -> f32 {
    0.2
}

/// A file of JSON objects, one a line, and what its fields mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A short stable name.
    pub name: String,
    /// The file, in the data folder.
    pub file: PathBuf,
    /// Who owns it and under which licence; the card repeats it.
    pub licence: String,
    /// Only records whose fields have these values.
    #[serde(default)]
    pub select: BTreeMap<String, String>,
    /// Labels of every record, in the words of a section of seeds (see [`crate::seeds`]).
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Labels by the value of a field; later ones add to earlier ones.
    #[serde(default)]
    pub when: Vec<When>,
    /// Fields whose values make a family, such as the template a text was made with.
    #[serde(default)]
    pub family: Vec<String>,
    /// Whether records that are alike are one family beyond what `family` says. Where one template was filled with many
    /// questions they are all alike, and the template is what must not be divided.
    #[serde(default = "yes")]
    pub alike: bool,
    /// How much a record counts in training.
    #[serde(default = "one")]
    pub weight: f32,
    /// At most this many records, drawn evenly.
    #[serde(default)]
    pub limit: Option<usize>,
    /// Only evaluated on.
    #[serde(default)]
    pub held_out: bool,
    /// What the texts stand for when false positives are counted: `ordinary`, `sensitive`, or nothing.
    #[serde(default)]
    pub harmless: Option<String>,
}

const fn yes() -> bool {
    true
}

const fn one() -> f32 {
    1.0
}

/// Labels for records whose field has a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The field.
    pub field: String,
    /// Its value; a record's numbers and truth values are compared as they are written.
    #[serde(default)]
    pub is: Option<String>,
    /// Or: labels by value.
    #[serde(default)]
    pub risk: BTreeMap<String, String>,
    /// The labels, as in [`Source::labels`].
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Why a recipe or its data cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {reason}; check the path and the --data folder", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// A recipe or topic list is not what it should be.
    #[error("{path}: {reason}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its place.
        reason: String,
    },
    /// A record of a source is not what the recipe says.
    #[error("{path}:{line}: {reason}", path = path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// There is nothing to train or evaluate on.
    #[error("the recipe yields no {0} texts; look at its sources and seeds")]
    Empty(&'static str),
}

impl Recipe {
    /// Reads a recipe; its relative paths are made to lie beside it.
    ///
    /// # Errors
    /// When it cannot be read or is malformed.
    pub fn load(path: &Path) -> Result<Recipe, RecipeError> {
        let mut recipe: Recipe = toml::from_str(&read(path)?)
            .map_err(|e| RecipeError::Malformed { path: path.to_path_buf(), reason: e.to_string() })?;
        let beside = path.parent().unwrap_or(Path::new("."));
        for place in [&mut recipe.topics, &mut recipe.seeds, &mut recipe.evaluation] {
            *place = beside.join(&*place);
        }
        let bad = |reason: &str| Err(RecipeError::Malformed { path: path.to_path_buf(), reason: reason.to_owned() });
        let shares = [recipe.dev, recipe.test, recipe.thresholds.risky, recipe.thresholds.attack];
        if shares.iter().any(|s| !(0.0..1.0).contains(s)) || recipe.dev + recipe.test >= 1.0 {
            return bad(
                "dev, test and the false-positive rates lie in 0..1, and dev and test leave something to train on",
            );
        }
        if !(1..=1 << 24).contains(&recipe.fast.rows)
            || !(1..=1024).contains(&recipe.fast.width)
            || recipe.fast.epochs == 0
        {
            return bad("[fast] wants 1 to 16,777,216 rows, a width of 1 to 1024 and at least one epoch");
        }
        if let Some(encoder) = &recipe.encoder {
            if let Some(problem) = encoder.shape(1).problem() {
                return bad(&format!("[encoder]: {problem}"));
            }
            let mut dropouts = encoder.members.iter().map(|m| m.dropout).chain([encoder.dropout]);
            if dropouts.any(|d| !(0.0..1.0).contains(&d)) {
                return bad("[encoder]: a dropout lies in 0..1, such as 0.3");
            }
        }
        if [recipe.evidence.malicious, recipe.evidence.harmless].iter().any(|e| !(0.0..=10.0).contains(e)) {
            return bad("[evidence]: malicious and harmless lie in 0 to 10, such as 0.5");
        }
        Ok(recipe)
    }

    /// A hash of everything that the recipe says, paths aside.
    pub fn hash(&self) -> String {
        let mut same = self.clone();
        for place in [&mut same.topics, &mut same.seeds, &mut same.evaluation] {
            *place = PathBuf::new();
        }
        let body = toml::to_string(&same).unwrap_or_else(|e| e.to_string());
        blake3::hash(body.as_bytes()).to_hex().to_string()
    }

    /// The general topics.
    ///
    /// # Errors
    /// When the list cannot be read or is malformed.
    pub fn topics(&self) -> Result<Vec<Topic>, RecipeError> {
        #[derive(Deserialize)]
        struct List {
            topic: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            id: String,
        }
        let list: List = toml::from_str(&read(&self.topics)?)
            .map_err(|e| RecipeError::Malformed { path: self.topics.clone(), reason: e.to_string() })?;
        Ok(list.topic.into_iter().map(|t| Topic::new(t.id)).collect())
    }
}

pub(crate) fn read(path: &Path) -> Result<String, RecipeError> {
    std::fs::read_to_string(path).map_err(|reason| RecipeError::Unreadable { path: path.to_path_buf(), reason })
}
