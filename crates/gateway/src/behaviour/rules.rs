//! What is counted, how much it weighs, and what follows: data, read from `packs/behaviour/behaviour.toml` or the
//! operator's own file.

use menshen_store::{DampingRule, Level, SubjectKind};
use serde::{Deserialize, Serialize};

/// The shipped rules.
const SHIPPED: &str = include_str!("../../../../packs/behaviour/behaviour.toml");
/// The most signals: each takes memory for every subject.
const MOST_SIGNALS: usize = 32;
/// The longest window: thirty days.
const LONGEST_S: u32 = 2_592_000;

/// The rules.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The format's version: 1.
    pub version: u32,
    /// What follows from a score, from mild to strict.
    #[serde(rename = "grade")]
    pub grades: Vec<Grade>,
    /// What is counted.
    #[serde(rename = "signal")]
    pub signals: Vec<Signal>,
    /// What is learned from marks.
    pub learning: Learning,
}

/// What follows from a score.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grade {
    /// Its id.
    pub id: String,
    /// From which score on.
    pub score: u32,
    /// What is done.
    pub level: GradeLevel,
    /// How many percent of the usual rate are left where the rate is throttled.
    #[serde(default = "whole")]
    pub percent: u8,
    /// When it ends by itself, in seconds.
    pub lasts_s: u32,
    /// Whether somebody has to decide.
    #[serde(default)]
    pub human: bool,
    /// Its name in Chinese.
    pub zh: String,
    /// Its name in English.
    pub en: String,
}

fn whole() -> u8 {
    100
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GradeLevel {
    /// The alarm is kept; nothing else.
    Observe,
    /// The subject is told.
    Warn,
    /// Fewer requests a minute.
    Throttle,
    /// No requests.
    Suspend,
}

impl GradeLevel {
    /// The measure; none where it is only observed.
    pub fn measure(self) -> Option<Level> {
        match self {
            GradeLevel::Observe => None,
            GradeLevel::Warn => Some(Level::Warn),
            GradeLevel::Throttle => Some(Level::Throttle),
            GradeLevel::Suspend => Some(Level::Suspend),
        }
    }
}

/// Something that is counted.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Its id.
    pub id: String,
    /// What is counted.
    pub measure: Counted,
    /// Whose.
    pub subjects: Vec<Whose>,
    /// Within how many seconds.
    pub window_s: u32,
    /// The value from which on it speaks.
    pub at_least: f64,
    /// Its points there.
    pub points: u32,
    /// Below so many events it does not speak.
    #[serde(default)]
    pub floor: u32,
    /// Before so many periods it does not speak.
    #[serde(default)]
    pub warm_up: u16,
    /// Applications in which it does not speak.
    #[serde(default)]
    pub except_apps: Vec<String>,
    /// What it says, in Chinese; `{value}` and `{window}` are filled in.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

/// What can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is described at the head of packs/behaviour/behaviour.toml")]
pub enum Counted {
    RiskyRun,
    Risky,
    RiskyShare,
    Attacks,
    AttackKinds,
    Networks,
    Agents,
    Regions,
    Travel,
    Requests,
    Burst,
    Cost,
}

/// Whose behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    /// An end user's.
    User,
    /// A key's.
    Key,
}

impl Whose {
    fn is(self, kind: SubjectKind) -> bool {
        matches!((self, kind), (Whose::User, SubjectKind::User) | (Whose::Key, SubjectKind::Key))
    }
}

/// What is learned from marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Learning {
    /// How many percent of its points a signal keeps after each mark.
    pub step_percent: u8,
    /// How many percent it keeps at least.
    pub least_percent: u8,
    /// The same where a mark is for a whole application.
    pub app_least_percent: u8,
    /// How long that holds, in seconds.
    pub lasts_s: u32,
}

impl Learning {
    /// As the store takes it.
    pub fn rule(self, whole_app: bool) -> DampingRule {
        DampingRule {
            whole_app,
            step_percent: self.step_percent,
            least_percent: if whole_app { self.app_least_percent } else { self.least_percent },
            lasts_s: self.lasts_s,
        }
    }
}

impl Rules {
    /// The shipped rules.
    ///
    /// # Errors
    /// Never for what is shipped; a test reads it.
    pub fn shipped() -> Result<Self, String> {
        Rules::read(SHIPPED)
    }

    /// Reads rules.
    ///
    /// # Errors
    /// A sentence that names what is wrong.
    pub fn read(text: &str) -> Result<Self, String> {
        let rules: Rules = toml::from_str(text).map_err(|e| e.to_string())?;
        rules.check()?;
        Ok(rules)
    }

    fn check(&self) -> Result<(), String> {
        if self.version != 1 {
            return Err(format!("version {} is not known; this program reads version 1", self.version));
        }
        if self.grades.is_empty() || self.grades.len() > 16 {
            return Err("1 to 16 grades are allowed".to_owned());
        }
        if self.signals.len() > MOST_SIGNALS {
            return Err(format!("at most {MOST_SIGNALS} signals are allowed"));
        }
        for pair in self.grades.windows(2) {
            if pair[0].score >= pair[1].score || pair[0].level as u8 > pair[1].level as u8 {
                return Err(format!(
                    "grade {:?} must have a higher score and no milder level than the one before",
                    pair[1].id
                ));
            }
        }
        for grade in &self.grades {
            if grade.score == 0
                || grade.lasts_s == 0
                || grade.lasts_s > LONGEST_S
                || !(1..=100).contains(&grade.percent)
            {
                return Err(format!(
                    "grade {:?}: score from 1, lasts_s from 1 to {LONGEST_S}, percent from 1 to 100",
                    grade.id
                ));
            }
        }
        let mut ids: Vec<&str> = self.signals.iter().map(|s| s.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() != self.signals.len() {
            return Err("every signal needs an id of its own".to_owned());
        }
        for signal in &self.signals {
            let whole = signal.at_least.is_finite() && signal.at_least > 0.0;
            if !whole || signal.window_s == 0 || signal.window_s > LONGEST_S || signal.points > 1_000 {
                return Err(format!(
                    "signal {:?}: at_least above 0, window_s from 1 to {LONGEST_S}, points up to 1000",
                    signal.id
                ));
            }
        }
        let learning = self.learning;
        if [learning.step_percent, learning.least_percent, learning.app_least_percent]
            .iter()
            .any(|p| !(1..=100).contains(p))
        {
            return Err("learning: percents from 1 to 100".to_owned());
        }
        Ok(())
    }

    /// The signals of a kind of subject.
    pub fn of(&self, kind: SubjectKind) -> impl Iterator<Item = &Signal> {
        self.signals.iter().filter(move |s| s.subjects.iter().any(|w| w.is(kind)))
    }

    /// The grade of a score, with its place.
    pub fn grade(&self, score: u32) -> Option<(usize, &Grade)> {
        self.grades.iter().enumerate().rev().find(|(_, g)| score >= g.score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_can_be_read_and_says_what_its_sentences_need() {
        let rules = Rules::shipped().unwrap();
        for signal in &rules.signals {
            assert!(signal.zh.contains("{value}") && signal.en.contains("{value}"), "{}", signal.id);
        }
        assert!(rules.grades.last().unwrap().human);
        assert!(rules.of(SubjectKind::Key).count() >= 5 && rules.of(SubjectKind::User).count() >= 8);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (from, to, said) in [
            ("version = 1", "version = 2", "version 2"),
            ("score = 55", "score = 25", "\"throttle\""),
            ("at_least = 2", "at_least = 0", "\"risky-run\""),
            ("at_least = 2", "at_least = nan", "\"risky-run\""),
            ("id = \"risky-often\"", "id = \"risky-run\"", "an id of its own"),
            ("step_percent = 60", "step_percent = 0", "learning"),
            ("measure = \"risky_run\"", "measure = \"luck\"", "luck"),
        ] {
            let text = SHIPPED.replacen(from, to, 1);
            assert_ne!(text, SHIPPED, "{from}");
            let error = Rules::read(&text).unwrap_err();
            assert!(error.contains(said), "{to}: {error}");
        }
    }
}
