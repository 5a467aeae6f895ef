//! The table of tiers: data, read from `packs/tiers/tiers.toml` or the operator's own file.

use menshen_policy::Glob;
use menshen_store::RealName;
use serde::{Deserialize, Serialize};

/// The shipped table.
const SHIPPED: &str = include_str!("../../../../packs/tiers/tiers.toml");

/// The table.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The format's version: 1.
    pub version: u32,
    /// The tiers.
    #[serde(rename = "tier")]
    pub tiers: Vec<Tier>,
    /// How users are looked into.
    pub diligence: Diligence,
    /// What holds for minors.
    pub minors: Minors,
}

/// A tier.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Its id.
    pub id: String,
    /// Its name in Chinese.
    pub zh: String,
    /// Its name in English.
    pub en: String,
    /// How well a user must be known at least: `none`, `phone`, `id`, `enterprise`.
    pub real_name: String,
    /// Who may give it.
    pub granted_by: GrantedBy,
    /// Whether a review must have passed, and still hold.
    #[serde(default)]
    pub due_diligence: bool,
    /// Regions that are served; empty for any. `CN` holds `CN-31`.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Purposes it is for; empty for any.
    #[serde(default)]
    pub purposes: Vec<String>,
    /// APIs, with `*` for anything; empty for any.
    #[serde(default)]
    pub apis: Vec<Glob>,
    /// Models, with `*` for anything; empty for any.
    #[serde(default)]
    pub models: Vec<Glob>,
    /// Requests a minute of one user; 0 for no limit.
    #[serde(default)]
    pub requests_per_minute: u32,
    /// Requests a day of one user; 0 for no limit. Counted in memory, and after a restart from the audit.
    #[serde(default)]
    pub requests_per_day: u32,
}

/// Who may give a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GrantedBy {
    /// An application, with a key that has the scope `profiles`; and staff.
    App,
    /// Staff only.
    Staff,
}

/// How users are looked into.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Diligence {
    /// How many days a review holds at most.
    pub most_days: u32,
    /// What is looked at.
    #[serde(rename = "check", default)]
    pub checks: Vec<Check>,
}

/// Something that is looked at.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its id.
    pub id: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// What holds for minors.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Minors {
    /// Their scene.
    pub scene: String,
    /// APIs they may use, with `*` for anything; empty for any.
    #[serde(default)]
    pub apis: Vec<Glob>,
    /// When the night begins, as `22:00`; the same as `night_to` for no night.
    pub night_from: String,
    /// When it ends.
    pub night_to: String,
    /// Minutes of use a day; 0 for no limit.
    pub minutes_per_day: u32,
    /// The longest pause that counts as use.
    pub pause_min: u32,
}

fn minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

impl Minors {
    /// How many minutes of the night are left at a minute of the day; none by day.
    pub fn night_left(&self, now: u32) -> Option<u32> {
        let (from, to) = (minute(&self.night_from)?, minute(&self.night_to)?);
        let length = (to + 1_440 - from) % 1_440;
        let past = (now + 1_440 - from) % 1_440;
        (past < length).then(|| length - past)
    }
}

impl Tier {
    /// How well a user must be known. What the table cannot mean is the best.
    pub fn level(&self) -> RealName {
        RealName::of(&self.real_name).unwrap_or(RealName::Enterprise)
    }

    pub(crate) fn serves(&self, region: &str) -> bool {
        let within =
            |r: &String| region.strip_prefix(r.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        self.regions.is_empty() || self.regions.iter().any(within)
    }

    pub(crate) fn allows_api(&self, api: &str) -> bool {
        self.apis.is_empty() || self.apis.iter().any(|a| a.matches(api))
    }

    pub(crate) fn allows_model(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|m| m.matches(model))
    }
}

impl Table {
    /// The shipped table.
    ///
    /// # Errors
    /// Never for what is shipped; a test reads it.
    pub fn shipped() -> Result<Self, String> {
        Table::read(SHIPPED)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// A sentence that names what is wrong.
    pub fn read(text: &str) -> Result<Self, String> {
        let table: Table = toml::from_str(text).map_err(|e| e.to_string())?;
        if table.version != 1 {
            return Err(format!("version {} is not known; this program reads version 1", table.version));
        }
        let mut ids: Vec<&str> = table.tiers.iter().map(|t| t.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() != table.tiers.len() {
            return Err("every tier needs an id of its own".to_owned());
        }
        if let Some(tier) = table.tiers.iter().find(|t| RealName::of(&t.real_name).is_none()) {
            return Err(format!("tier {:?}: real_name is none, phone, id or enterprise", tier.id));
        }
        if minute(&table.minors.night_from).is_none() || minute(&table.minors.night_to).is_none() {
            return Err("minors: night_from and night_to are times such as 22:00".to_owned());
        }
        if table.diligence.most_days == 0 || table.diligence.most_days > 3_660 {
            return Err("diligence: most_days from 1 to 3660".to_owned());
        }
        Ok(table)
    }

    /// The tier of this id.
    pub fn tier(&self, id: &str) -> Option<&Tier> {
        self.tiers.iter().find(|t| t.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_can_be_read_and_what_makes_no_sense_is_named() {
        assert!(Table::shipped().unwrap().tier("enterprise").unwrap().due_diligence);
        for (from, to, said) in [
            ("version = 1", "version = 3", "version 3"),
            ("real_name = \"phone\"", "real_name = \"face\"", "\"registered\""),
            ("id = \"registered\"", "id = \"guest\"", "an id of its own"),
            ("night_from = \"22:00\"", "night_from = \"25:00\"", "night_from"),
            ("apis = [\"chat\"", "apis = [\"c?at\"", "c?at"),
            ("most_days = 365", "most_days = 0", "most_days"),
        ] {
            let text = SHIPPED.replacen(from, to, 1);
            assert_ne!(text, SHIPPED, "{from}");
            assert!(Table::read(&text).unwrap_err().contains(said), "{to}");
        }
    }

    #[test]
    fn the_night_goes_over_midnight() {
        let minors = Table::shipped().unwrap().minors;
        let at = |hour: u32, minute: u32| minors.night_left(hour * 60 + minute);
        assert_eq!((at(21, 59), at(22, 0), at(0, 0), at(5, 59), at(6, 0)), (None, Some(480), Some(360), Some(1), None));
        let none = Minors { night_to: "22:00".into(), ..minors };
        assert_eq!(none.night_left(1_320), None);
    }

    #[test]
    fn regions_are_matched_by_their_beginnings_and_models_by_patterns() {
        let tier = Tier {
            regions: vec!["CN".into()],
            models: ["qwen*", "exact", "*-lite", "a*z"].iter().map(|m| Glob::new(m).unwrap()).collect(),
            ..Table::shipped().unwrap().tier("guest").unwrap().clone()
        };
        assert!(tier.serves("CN") && tier.serves("CN-31") && !tier.serves("CNX") && !tier.serves("US"));
        assert!(tier.allows_model("qwen3") && tier.allows_model("exact") && !tier.allows_model("exactly"));
        assert!(tier.allows_model("glm-lite") && !tier.allows_model("glm-lite-2"));
        assert!(tier.allows_model("abcz") && !tier.allows_model("abcy"));
        // A name is a stranger's text: many stars and a long name must not take long.
        let many = Tier { models: vec![Glob::new("*a*b*c*d*e").unwrap()], ..tier.clone() };
        assert!(!many.allows_model(&"abcd".repeat(250_000)));
        assert!(tier.allows_api("chat") && !tier.allows_api("images"));
    }
}
