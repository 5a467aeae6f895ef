//! The rules: read once, checked, and asked.

use std::collections::BTreeSet;
use std::path::PathBuf;

use menshen_policy::Glob;
use menshen_store::{Grading, Incident, NewTask, NewTimer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::config::Operator;

/// The file within a pack folder.
const FILE: &str = "governance/incidents.toml";
const SHIPPED: &str = include_str!("../../../../packs/governance/incidents.toml");
const MINUTE_US: i64 = 60_000_000;
/// The largest number an answer may be.
const MOST: f64 = 1e15;

/// What is wrong with the rules.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// The file cannot be read.
    #[error("{} cannot be read: {problem}; correct its rights or take it away", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The file is not of the right shape.
    #[error("{place} is wrong: {problem}")]
    Wrong {
        /// The file, or `packs/governance/incidents.toml` for the shipped one.
        place: String,
        /// What is wrong, and where.
        problem: String,
    },
    /// An answer does not fit its question.
    #[error("the answer to '{question}' must be {must}")]
    Answer {
        /// The question.
        question: String,
        /// What it must be.
        must: String,
    },
    /// Something has no such id in the rules.
    #[error("there is no {what} '{id}' in the rules; GET /admin/incidents/rules lists them")]
    Unknown {
        /// What was named.
        what: &'static str,
        /// The id.
        id: String,
    },
}

/// An id in two languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    /// The id.
    pub id: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// Where it stands.
    #[serde(default)]
    pub clause: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grade {
    pub(crate) id: String,
    pub(crate) zh: String,
    pub(crate) en: String,
    /// Whether it has to be reported.
    #[serde(default)]
    pub(crate) reported: bool,
    /// Whether two people close it.
    #[serde(default)]
    pub(crate) two: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Number,
    Yes,
    Choice,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    id: String,
    kind: Kind,
    zh: String,
    en: String,
    #[serde(default, rename = "option", skip_serializing_if = "Vec::is_empty")]
    options: Vec<Bilingual>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    grade: String,
    question: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_least: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is: Option<Value>,
    zh: String,
    en: String,
    clause: String,
    basis: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum From {
    Aware,
    Contained,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Timer {
    id: String,
    from: From,
    due_min: u32,
    soon_min: u32,
    #[serde(default)]
    classes: Vec<String>,
    #[serde(default)]
    grades: Vec<String>,
    #[serde(default)]
    operators: Vec<Operator>,
    zh: String,
    en: String,
    clause: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    id: String,
    role: String,
    #[serde(default)]
    classes: Vec<String>,
    #[serde(default)]
    grades: Vec<String>,
    #[serde(default)]
    within_min: Option<u32>,
    zh: String,
    en: String,
    clause: String,
}

/// A report: what it asks for, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Its id.
    pub id: String,
    /// The timers that handing it in meets.
    #[serde(default)]
    pub timers: Vec<String>,
    /// Whether it is for drills only.
    #[serde(default)]
    pub drill: bool,
    /// Its title in Chinese.
    pub zh: String,
    /// Its title in English.
    pub en: String,
    /// Where it stands.
    pub clause: String,
    /// Its parts.
    pub(crate) parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) zh: String,
    pub(crate) en: String,
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) needed: bool,
}

/// What a signal counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Requests that ended unavailable, with certain statuses.
    Statuses,
    /// Requests that certain rules decided.
    Rules,
    /// Requests with an attack.
    Attacks,
    /// People who said that a decision missed something.
    Missed,
    /// The audit is broken or cannot be written.
    Audit,
}

/// What the gateway sees that may be an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Its id.
    pub id: String,
    /// What is counted.
    pub measure: Measure,
    /// HTTP statuses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<i64>,
    /// Globs of `pack/rule`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Glob>,
    /// Over so many minutes, at most two days.
    pub window_min: u32,
    /// At least so many.
    pub at_least: u64,
    /// And at least this share of all requests.
    pub share: f64,
    /// No second proposal for so long.
    pub quiet_min: u32,
    /// The class of what it proposes.
    pub class: String,
    /// What it proposes, in Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// The rules of incidents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    version: u32,
    #[serde(rename = "class")]
    pub(crate) classes: Vec<Bilingual>,
    /// Lowest first.
    #[serde(rename = "grade")]
    pub(crate) grades: Vec<Grade>,
    #[serde(rename = "role")]
    pub(crate) roles: Vec<Bilingual>,
    #[serde(rename = "question")]
    questions: Vec<Question>,
    #[serde(rename = "rule")]
    rules: Vec<Rule>,
    #[serde(rename = "timer")]
    timers: Vec<Timer>,
    #[serde(rename = "task")]
    tasks: Vec<Task>,
    #[serde(rename = "fact")]
    pub(crate) facts: Vec<Bilingual>,
    #[serde(rename = "report")]
    pub(crate) reports: Vec<Report>,
    #[serde(rename = "lesson")]
    pub(crate) lessons: Vec<Bilingual>,
    #[serde(rename = "signal")]
    pub(crate) signals: Vec<Signal>,
}

impl Rules {
    /// The rules of the first pack folder that has them, else the shipped ones.
    ///
    /// # Errors
    /// [`RulesError`], which says what to correct where.
    pub fn load(folders: &[PathBuf]) -> Result<Self, RulesError> {
        for folder in folders {
            let path = folder.join(FILE);
            match std::fs::read_to_string(&path) {
                Ok(text) => return Rules::parse(&text, &path.display().to_string()),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(RulesError::Unreadable { path, problem: e.to_string() }),
            }
        }
        Rules::parse(SHIPPED, "packs/governance/incidents.toml")
    }

    /// Reads rules. `place` is what an error calls them.
    ///
    /// # Errors
    /// [`RulesError::Wrong`] where the text is no TOML of this shape, or names what it does not define.
    pub fn parse(text: &str, place: &str) -> Result<Self, RulesError> {
        let wrong = |problem: String| RulesError::Wrong { place: place.to_owned(), problem };
        let rules: Rules = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        rules.check().map_err(wrong)?;
        Ok(rules)
    }

    fn check(&self) -> Result<(), String> {
        if self.version != 1 {
            return Err(format!("version is {}; this program reads version 1", self.version));
        }
        let ids = |what: &str, list: Vec<&str>| -> Result<BTreeSet<String>, String> {
            let mut known = BTreeSet::new();
            for id in &list {
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
                    return Err(format!("{what} id {id:?}: 1 to 64 of a-z 0-9 - _ are allowed"));
                }
                if !known.insert((*id).to_owned()) {
                    return Err(format!("{what} {id:?} is there twice"));
                }
            }
            if known.is_empty() { Err(format!("there is no [[{what}]]")) } else { Ok(known) }
        };
        let classes = ids("class", self.classes.iter().map(|c| c.id.as_str()).collect())?;
        let grades = ids("grade", self.grades.iter().map(|g| g.id.as_str()).collect())?;
        let roles = ids("role", self.roles.iter().map(|r| r.id.as_str()).collect())?;
        let facts = ids("fact", self.facts.iter().map(|f| f.id.as_str()).collect())?;
        let timers = ids("timer", self.timers.iter().map(|t| t.id.as_str()).collect())?;
        ids("question", self.questions.iter().map(|q| q.id.as_str()).collect())?;
        ids("task", self.tasks.iter().map(|t| t.id.as_str()).collect())?;
        ids("report", self.reports.iter().map(|r| r.id.as_str()).collect())?;
        ids("lesson", self.lessons.iter().map(|l| l.id.as_str()).collect())?;
        ids("signal", self.signals.iter().map(|s| s.id.as_str()).collect())?;
        let known = |what: &str, set: &BTreeSet<String>, id: &str| {
            if set.contains(id) { Ok(()) } else { Err(format!("{what} {id:?} is not defined")) }
        };
        for rule in &self.rules {
            known("grade", &grades, &rule.grade)?;
            let question = self.questions.iter().find(|q| q.id == rule.question);
            let question = question.ok_or_else(|| format!("question {:?} is not defined", rule.question))?;
            let fits = match question.kind {
                Kind::Number => rule.at_least.is_some_and(|n| n > 0.0) && rule.is.is_none(),
                Kind::Yes => rule.is == Some(Value::Bool(true)) && rule.at_least.is_none(),
                Kind::Choice => {
                    let option = rule.is.as_ref().and_then(Value::as_str);
                    rule.at_least.is_none() && option.is_some_and(|o| question.options.iter().any(|q| q.id == o))
                }
            };
            if !fits {
                return Err(format!("a rule of {:?} does not fit its question", rule.question));
            }
        }
        let within = |of: &str, c: &[String], g: &[String]| -> Result<(), String> {
            c.iter().try_for_each(|id| known(&format!("{of}: class"), &classes, id))?;
            g.iter().try_for_each(|id| known(&format!("{of}: grade"), &grades, id))
        };
        for timer in &self.timers {
            within(&timer.id, &timer.classes, &timer.grades)?;
            if timer.due_min == 0 || timer.soon_min >= timer.due_min {
                return Err(format!("timer {:?}: soon_min must be less than due_min", timer.id));
            }
        }
        for task in &self.tasks {
            within(&task.id, &task.classes, &task.grades)?;
            known(&format!("task {}: role", task.id), &roles, &task.role)?;
        }
        for report in &self.reports {
            report.timers.iter().try_for_each(|id| known(&format!("report {}: timer", report.id), &timers, id))?;
            for part in &report.parts {
                match part.value.split_once(':') {
                    Some(("fact", id)) => known(&format!("report {}: fact", report.id), &facts, id)?,
                    None if super::draft::VALUES.contains(&part.value.as_str()) => {}
                    _ => return Err(format!("report {}: there is no value {:?}", report.id, part.value)),
                }
            }
        }
        for signal in &self.signals {
            known(&format!("signal {}: class", signal.id), &classes, &signal.class)?;
            let window = (1..=2_880).contains(&signal.window_min);
            if !window || signal.at_least == 0 || !(0.0..=1.0).contains(&signal.share) {
                return Err(format!(
                    "signal {:?}: window_min is 1 to 2880, at_least 1 or more, share 0 to 1",
                    signal.id
                ));
            }
        }
        Ok(())
    }

    /// The lowest grade.
    pub(crate) fn lowest(&self) -> &str {
        self.grades.first().map_or("", |g| g.id.as_str())
    }

    pub(crate) fn class(&self, id: &str) -> Result<&Bilingual, RulesError> {
        let found = self.classes.iter().find(|c| c.id == id);
        found.ok_or_else(|| RulesError::Unknown { what: "class", id: id.to_owned() })
    }

    pub(crate) fn grade_of(&self, id: &str) -> Option<&Grade> {
        self.grades.iter().find(|g| g.id == id)
    }

    /// The report of an id.
    ///
    /// # Errors
    /// [`RulesError::Unknown`].
    pub fn report(&self, id: &str) -> Result<&Report, RulesError> {
        let found = self.reports.iter().find(|r| r.id == id);
        found.ok_or_else(|| RulesError::Unknown { what: "report", id: id.to_owned() })
    }

    /// Whether closing an incident of this grade needs two people. A grade that is not known any more does.
    pub fn needs_two(&self, grade: &str) -> bool {
        self.grade_of(grade).is_none_or(|g| g.two)
    }

    /// The grade that answers make, and the rules that say so.
    ///
    /// # Errors
    /// [`RulesError::Answer`] and [`RulesError::Unknown`] for answers that do not fit the questions.
    pub fn grade(&self, answers: &Map<String, Value>) -> Result<(String, Value), RulesError> {
        for (id, answer) in answers {
            let question = self.questions.iter().find(|q| q.id == *id);
            let question = question.ok_or_else(|| RulesError::Unknown { what: "question", id: id.clone() })?;
            let must = |must: String| Err(RulesError::Answer { question: id.clone(), must });
            match question.kind {
                Kind::Number if !answer.as_f64().is_some_and(|n| (0.0..=MOST).contains(&n)) => {
                    return must("a number that is not negative".to_owned());
                }
                Kind::Yes if !answer.is_boolean() => return must("true or false".to_owned()),
                Kind::Choice if !question.options.iter().any(|o| answer.as_str() == Some(&o.id)) => {
                    let known: Vec<&str> = question.options.iter().map(|o| o.id.as_str()).collect();
                    return must(format!("one of {}", known.join(", ")));
                }
                _ => {}
            }
        }
        let fits = |rule: &&Rule| {
            let Some(answer) = answers.get(&rule.question) else { return false };
            match (rule.at_least, &rule.is) {
                (Some(least), _) => answer.as_f64().is_some_and(|n| n >= least),
                (None, Some(is)) => answer == is,
                (None, None) => false,
            }
        };
        let height = |id: &str| self.grades.iter().position(|g| g.id == id).unwrap_or(0);
        let mut fitting: Vec<&Rule> = self.rules.iter().filter(fits).collect();
        fitting.sort_by_key(|rule| std::cmp::Reverse(height(&rule.grade)));
        let grade = fitting.first().map_or_else(|| self.lowest(), |rule| rule.grade.as_str()).to_owned();
        // Of one question only the highest rule is told: the lower ones follow from it.
        let mut asked = BTreeSet::new();
        fitting.retain(|rule| asked.insert(rule.question.clone()));
        Ok((grade, json!(fitting)))
    }

    /// What follows for an incident: its grade, tasks and timers.
    ///
    /// # Errors
    /// Those of [`Rules::grade`], and for an unknown class.
    pub fn grading(
        &self,
        class: &str,
        answers: Map<String, Value>,
        operator: Operator,
        aware_us: i64,
        contained_us: Option<i64>,
    ) -> Result<Grading, RulesError> {
        self.class(class)?;
        let (grade, reasons) = self.grade(&answers)?;
        let concerns = |classes: &[String], grades: &[String]| {
            (classes.is_empty() || classes.iter().any(|c| c == class)) && (grades.is_empty() || grades.contains(&grade))
        };
        let after = |from: i64, min: u32| from.saturating_add(i64::from(min) * MINUTE_US);
        let tasks = self.tasks.iter().filter(|t| concerns(&t.classes, &t.grades));
        let tasks = tasks.map(|t| NewTask {
            id: t.id.clone(),
            zh: t.zh.clone(),
            en: t.en.clone(),
            clause: t.clause.clone(),
            role: t.role.clone(),
            due_us: t.within_min.map(|min| after(aware_us, min)),
        });
        let timers = self
            .timers
            .iter()
            .filter(|t| concerns(&t.classes, &t.grades) && (t.operators.is_empty() || t.operators.contains(&operator)));
        let timers = timers.filter_map(|t| {
            let from = match t.from {
                From::Aware => aware_us,
                From::Contained => contained_us?,
            };
            Some(NewTimer {
                id: t.id.clone(),
                zh: t.zh.clone(),
                en: t.en.clone(),
                clause: t.clause.clone(),
                due_us: after(from, t.due_min),
                soon_us: after(from, t.due_min - t.soon_min),
            })
        });
        let (tasks, timers) = (tasks.collect(), timers.collect());
        Ok(Grading { class: class.to_owned(), grade, answers, reasons, tasks, timers })
    }

    /// The same for an incident as it stands.
    ///
    /// # Errors
    /// Those of [`Rules::grading`].
    pub fn regrading(&self, incident: &Incident, operator: Operator) -> Result<Grading, RulesError> {
        let answers = incident.answers.clone();
        self.grading(&incident.class, answers, operator, incident.aware_us, incident.contained_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shipped() -> Rules {
        Rules::load(&[]).unwrap()
    }

    fn answers(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_shipped_rules_are_whole_and_grade_by_the_guide() {
        let rules = shipped();
        for (given, grade, count) in [
            (json!({}), "general", 0),
            (json!({"people": 999_999, "loss": 4_999_999}), "general", 0),
            (json!({"people": 1_000_000}), "considerable", 1),
            (json!({"people": 10_000_000, "loss": 5_000_000}), "major", 2),
            (json!({"people": 100_000_000}), "extraordinary", 1),
            (json!({"cii_whole": 9}), "general", 0),
            (json!({"cii_whole": 10}), "considerable", 1),
            (json!({"system": "extraordinary", "threat": "none"}), "extraordinary", 1),
        ] {
            let (found, reasons) = rules.grade(&answers(given.clone())).unwrap();
            assert_eq!((found.as_str(), reasons.as_array().unwrap().len()), (grade, count), "{given}");
            for reason in reasons.as_array().unwrap() {
                assert!(
                    !reason["clause"].as_str().unwrap().is_empty() && !reason["basis"].as_str().unwrap().is_empty()
                );
            }
        }
        assert!(rules.needs_two("considerable") && !rules.needs_two("general") && rules.needs_two("gone"));
    }

    #[test]
    fn what_is_due_depends_on_grade_and_operator_and_counts_from_awareness() {
        let rules = shipped();
        let due = |operator, given: Value, contained| -> Vec<(String, i64)> {
            let grading = rules.grading("outage", answers(given), operator, 0, contained).unwrap();
            grading.timers.iter().map(|t| (t.id.clone(), t.due_us / MINUTE_US)).collect()
        };
        let major = || json!({"people": 10_000_000});
        assert_eq!(due(Operator::Other, major(), None), [("report".to_owned(), 240), ("follow-up".to_owned(), 1440)]);
        assert_eq!(due(Operator::Cii, major(), None)[0], ("report-cii".to_owned(), 60));
        assert_eq!(due(Operator::Central, major(), None)[0], ("report-central".to_owned(), 120));
        let first = due(Operator::Other, json!({"people": 100_000_000}), None);
        assert_eq!(first[0], ("report-first".to_owned(), 60));
        assert_eq!(due(Operator::Other, json!({}), None), []);
        let after = due(Operator::Other, major(), Some(1000 * MINUTE_US));
        assert!(after.contains(&("final".to_owned(), 1000 + 43_200)), "{after:?}");
    }

    #[test]
    fn answers_that_do_not_fit_are_refused_in_words() {
        let rules = shipped();
        for (given, word) in [
            (json!({"people": -1}), "not negative"),
            (json!({"people": "many"}), "number"),
            (json!({"people": 1e300}), "number"),
            (json!({"system": "bad"}), "one of"),
            (json!({"unheard": 1}), "question"),
        ] {
            let refused = rules.grade(&answers(given.clone())).unwrap_err().to_string();
            assert!(refused.contains(word), "{given}: {refused}");
        }
        assert!(rules.grading("none", Map::new(), Operator::Other, 0, None).is_err());
    }

    #[test]
    fn rules_that_name_what_is_not_there_are_refused() {
        for (from, to, word) in [
            ("role = \"commander\"", "role = \"nobody\"", "nobody"),
            ("value = \"fact:unit\"", "value = \"fact:gone\"", "gone"),
            ("value = \"moments\"", "value = \"secrets\"", "secrets"),
            ("grade = \"major\"", "grade = \"huge\"", "huge"),
            ("soon_min = 30", "soon_min = 60", "soon_min"),
            ("window_min = 15", "window_min = 0", "window_min"),
            ("version = 1", "version = 2", "version"),
            ("question = \"people\"", "question = \"threat\"", "fit"),
        ] {
            assert!(SHIPPED.contains(from));
            let refused = Rules::parse(&SHIPPED.replacen(from, to, 1), "here").unwrap_err().to_string();
            assert!(refused.contains(word) && refused.contains("here"), "{to}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_rules_or_an_error(text in ".{0,400}") {
            let _ = Rules::parse(&text, "here");
        }

        #[test]
        fn more_harm_never_lowers_the_grade(people in 0u64..1_000_000_000, more in 0u64..1_000_000_000) {
            let rules = shipped();
            let height = |n: u64| {
                let (grade, _) = rules.grade(&answers(json!({"people": n}))).unwrap();
                rules.grades.iter().position(|g| g.id == grade).unwrap()
            };
            prop_assert!(height(people) <= height(people + more));
        }
    }
}
