//! The texts of a recipe, labelled and divided by family.

use std::collections::BTreeMap;
use std::path::Path;

use menshen_verdict::Topic;
use serde_json::Value;

use crate::near_duplicates::{Clusters, pairs};
use crate::reading::{hash_bytes, mix};
use crate::recipe::{Recipe, RecipeError, Source, read};
use crate::seeds::{Seeds, expand, parse_labels};
use crate::train::Example;

/// Texts alike to this degree are one family.
const SAME_FAMILY: f32 = 0.6;

/// What a text is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// To learn from.
    Train,
    /// To calibrate and to choose thresholds.
    Dev,
    /// To evaluate; nothing else.
    Test,
}

/// A text with where it comes from.
#[derive(Debug, Clone)]
pub struct Record {
    /// The text and its labels.
    pub example: Example,
    /// The source's name; `seeds` and `evaluation` for the project's own.
    pub source: String,
    /// `zh` or `en`.
    pub lang: String,
    /// A number that its family shares.
    pub family: u64,
    /// What it is used for.
    pub split: Split,
    /// A template for payloads; only ever in the training split.
    pub template: bool,
    /// What kind of harmless text it is: `ordinary`, `sensitive`, `near_miss`, or nothing.
    pub harmless: Option<String>,
    /// For answers scored by people: the set and the score in 0..=1.
    pub human: Option<(String, f32)>,
}

/// The texts of a recipe.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// All of them.
    pub records: Vec<Record>,
    /// The general topics, by place.
    pub topics: Vec<Topic>,
    /// A hash of every text, label and split, for the manifest.
    pub hash: String,
    /// Sources whose file is not there, left out.
    pub absent: Vec<String>,
}

impl Dataset {
    /// Reads seeds and sources and divides them. Without a data folder, or where a file is not there, the sources are
    /// left out and named in [`Dataset::absent`].
    ///
    /// # Errors
    /// When a file cannot be read or a record is not what the recipe says.
    pub fn load(recipe: &Recipe, data: Option<&Path>) -> Result<Dataset, RecipeError> {
        let topics = recipe.topics()?;
        let mut records = Vec::new();
        for (folder, source) in [(&recipe.seeds, "seeds"), (&recipe.evaluation, "evaluation")] {
            let seeds = Seeds::load(folder, &topics)
                .map_err(|reason| RecipeError::Unreadable { path: folder.clone(), reason })?;
            if let Some(problem) = seeds.problems.first() {
                return Err(RecipeError::Malformed { path: folder.clone(), reason: problem.to_string() });
            }
            // The evaluation folder may lie inside the folder of seeds.
            let inside =
                recipe.evaluation.strip_prefix(&recipe.seeds).ok().map(|p| format!("{}/", p.to_string_lossy()));
            let skip = inside.filter(|_| source == "seeds");
            own(&seeds, source, skip.as_deref(), recipe, &mut records);
        }
        let mut absent = Vec::new();
        for source in &recipe.sources {
            let path = data.map(|d| d.join(&source.file));
            match path.filter(|p| p.exists()) {
                Some(path) => foreign(source, &path, &topics, &mut records)?,
                None => absent.push(source.name.clone()),
            }
        }
        divide(&mut records, recipe);
        let hash = fingerprint(&records);
        Ok(Dataset { records, topics, hash, absent })
    }

    /// The records of a split.
    pub fn of(&self, split: Split) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |r| r.split == split)
    }

    /// How many records each source has in each split.
    pub fn counts(&self) -> BTreeMap<(String, Split), usize> {
        let mut counts = BTreeMap::new();
        for record in &self.records {
            *counts.entry((record.source.clone(), record.split)).or_default() += 1;
        }
        counts
    }
}

fn own(seeds: &Seeds, source: &str, skip: Option<&str>, recipe: &Recipe, records: &mut Vec<Record>) {
    let held = source == "evaluation";
    for seed in &seeds.seeds {
        let Some(section) = seeds.section(seed) else { continue };
        if skip.is_some_and(|folder| section.file.starts_with(folder)) {
            continue;
        }
        let family = u64::from(hash_bytes(section.file.as_bytes())) << 32 | section.line as u64;
        let none = section.targets.level == Some(menshen_verdict::Level::None);
        let clean = none && section.targets.attack == Some(false) && section.side == menshen_verdict::Side::Input;
        let near = section.near_miss || section.file.contains("near-miss");
        let harmless = match (clean, section.targets.level) {
            (true, _) if near => Some("near_miss"),
            (true, _) if section.file.contains("risk") => Some("near_miss"),
            (true, _) => Some("ordinary"),
            (_, Some(menshen_verdict::Level::Related)) => Some("sensitive"),
            _ => None,
        };
        let most = if held { 1 } else { recipe.growth.alternatives };
        let texts = expand(&seed.text, most);
        let weight = 1.0 / (texts.len() as f32).sqrt();
        for text in texts {
            records.push(Record {
                example: Example { text, side: section.side, targets: section.targets, weight },
                source: source.to_owned(),
                lang: section.lang.clone(),
                family,
                split: if held { Split::Test } else { Split::Train },
                template: section.template && !held,
                harmless: harmless.map(str::to_owned),
                human: None,
            });
        }
    }
}

fn foreign(source: &Source, path: &Path, topics: &[Topic], records: &mut Vec<Record>) -> Result<(), RecipeError> {
    let body = read(path)?;
    let mut found = Vec::new();
    for (i, line) in body.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let bad = |reason: String| RecipeError::Record { path: path.to_path_buf(), line: i + 1, reason };
        let value: Value = serde_json::from_str(line).map_err(|e| bad(format!("not a JSON object: {e}")))?;
        let field = |name: &str| -> Option<String> {
            match value.get(name)? {
                Value::String(s) => Some(s.clone()),
                Value::Null => None,
                other => Some(other.to_string()),
            }
        };
        if !source.select.iter().all(|(k, v)| field(k).as_ref() == Some(v)) {
            continue;
        }
        let Some(text) = field("text").filter(|t| !t.trim().is_empty()) else { continue };
        let mut labels = source.labels.clone();
        let mut known = true;
        for when in &source.when {
            let Some(has) = field(&when.field) else { continue };
            if when.is.as_ref().is_some_and(|is| *is == has) {
                labels.extend(when.labels.iter().map(|(k, v)| (k.clone(), v.clone())));
            } else if when.is.is_none() {
                // A value may name several risks, and one that the recipe does not name leaves the risk unknown.
                let ids: Vec<&str> = has.split('|').filter_map(|v| when.risk.get(v).map(String::as_str)).collect();
                if ids.is_empty() {
                    known = false;
                } else {
                    labels.insert("risk".to_owned(), ids.join(","));
                }
            }
        }
        let words: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let targets = labels_of(&words.join(" "), topics, known).map_err(bad)?;
        let family = if source.family.is_empty() {
            u64::from(hash_bytes(text.as_bytes())) | 1 << 63
        } else {
            let key: Vec<String> = source.family.iter().map(|f| field(f).unwrap_or_default()).collect();
            u64::from(hash_bytes(format!("{}|{}", source.name, key.join("|")).as_bytes())) | 1 << 62
        };
        let human = value.get("human").and_then(human_score);
        found.push(Record {
            example: Example { text, side: targets.1, targets: targets.0, weight: source.weight },
            source: source.name.clone(),
            lang: field("lang").unwrap_or_else(|| "zh".to_owned()),
            family,
            split: if source.held_out { Split::Test } else { Split::Train },
            template: false,
            harmless: source.harmless.clone(),
            human: human.map(|h| (field("set").unwrap_or_default(), h)),
        });
    }
    let step = source.limit.filter(|l| *l > 0 && *l < found.len()).map_or(1.0, |l| found.len() as f64 / l as f64);
    let mut next = 0.0;
    for (i, record) in found.into_iter().enumerate() {
        if i as f64 >= next {
            next += step;
            records.push(record);
        }
    }
    Ok(())
}

/// The mean of a record's human scores, each 0..=1 or a truth value.
fn human_score(value: &Value) -> Option<f32> {
    let scores: Vec<f32> = value
        .as_object()?
        .values()
        .filter_map(|v| match v {
            Value::String(s) => s.parse().ok().or_else(|| s.parse::<bool>().ok().map(|b| f32::from(u8::from(b)))),
            Value::Number(n) => n.as_f64().map(|n| n as f32),
            Value::Bool(b) => Some(f32::from(u8::from(*b))),
            _ => None,
        })
        .collect();
    (!scores.is_empty()).then(|| scores.iter().sum::<f32>() / scores.len() as f32)
}

fn labels_of(
    words: &str,
    topics: &[Topic],
    risk_known: bool,
) -> Result<(crate::heads::Targets, menshen_verdict::Side), String> {
    let section = parse_labels("recipe", 1, words, topics)?;
    let mut targets = section.targets;
    if !risk_known {
        targets.risks = None;
    }
    if targets.level == Some(menshen_verdict::Level::None) {
        targets.risks = Some(0);
    }
    Ok((targets, section.side))
}

/// Joins near-duplicates into families and gives each family to one split.
fn divide(records: &mut [Record], recipe: &Recipe) {
    let mut clusters = Clusters::new(records.len());
    // The evaluation split is fixed; whatever else is alike to a text of it goes there too, so that nothing of it is
    // learnt.
    let mut leaked = Vec::new();
    let told_apart: Vec<&str> = recipe.sources.iter().filter(|s| !s.alike).map(|s| s.name.as_str()).collect();
    let apart = |a: usize, b: usize| match (records.get(a), records.get(b)) {
        (Some(a), Some(b)) => a.source == b.source && told_apart.contains(&a.source.as_str()),
        _ => false,
    };
    for (a, b) in pairs(records.iter().map(|r| r.example.text.as_str()), SAME_FAMILY) {
        if !apart(a, b) {
            clusters.join(a, b);
        }
        let fixed = |i: usize| records.get(i).is_some_and(|r| r.split == Split::Test);
        leaked.extend((fixed(a) && !fixed(b)).then_some(b));
        leaked.extend((fixed(b) && !fixed(a)).then_some(a));
    }
    for at in leaked {
        if let Some(record) = records.get_mut(at) {
            record.split = Split::Test;
        }
    }
    let mut first: BTreeMap<u64, usize> = BTreeMap::new();
    for (i, record) in records.iter().enumerate() {
        // Records of one own section, or of one named template, are a family whether alike or not.
        if record.family & 1 << 63 == 0 {
            match first.get(&record.family) {
                Some(other) => clusters.join(*other, i),
                None => drop(first.insert(record.family, i)),
            }
        }
    }
    let roots: Vec<usize> = (0..records.len()).map(|i| clusters.root(i)).collect();
    let keys: Vec<u32> =
        roots.iter().map(|root| records.get(*root).map_or(0, |r| hash_bytes(r.example.text.as_bytes()))).collect();
    for ((record, root), key) in records.iter_mut().zip(&roots).zip(keys) {
        record.family = *root as u64;
        let draw = mix(key ^ mix(recipe.seed as u32)) as f32 / u32::MAX as f32;
        let own = matches!(record.source.as_str(), "seeds" | "evaluation");
        record.split = match record.split {
            Split::Test => Split::Test,
            _ if draw < recipe.dev => Split::Dev,
            _ if draw < recipe.dev + recipe.test && !own => Split::Test,
            _ => Split::Train,
        };
    }
}

fn fingerprint(records: &[Record]) -> String {
    let mut hasher = blake3::Hasher::new();
    for record in records {
        hasher.update(format!("{:?}\0{:?}\0{}\0", record.split, record.example.targets, record.source).as_bytes());
        hasher.update(record.example.text.as_bytes());
        hasher.update(&[0]);
    }
    hasher.finalize().to_hex().to_string()
}
