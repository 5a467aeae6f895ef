//! Checks that execute an answer, see [`crate::sink`].

use std::sync::{Arc, Mutex};

use super::Score;
use crate::sink::collector::Collector;
use crate::sink::{self, Canary, Settings};

/// Where answers are executed: who listens, and what may run.
#[derive(Clone)]
pub struct Sinks {
    collector: Arc<Mutex<Collector>>,
    settings: Settings,
}

impl std::fmt::Debug for Sinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sinks").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Sinks {
    /// Executes on this collector.
    pub fn new(collector: Collector, settings: Settings) -> Sinks {
        Sinks { collector: Arc::new(Mutex::new(collector)), settings }
    }

    /// Executes an answer in one sink. The attack must have named this canary. Blocks.
    pub fn execute(&self, name: &str, judge: &str, answer: &str, canary: &Canary) -> Score {
        let places: &[&str] = match name {
            "html" => &["raw_html"],
            "markdown" => &["markdown_html", "markdown"],
            "attribute" => &["attribute"],
            "script" => &["script_string"],
            "url" => &["url_href"],
            "template" => &["template"],
            "sql" => &["sql_value", "sql_query"],
            "shell" => &["shell"],
            _ => return Score::none(judge, "there is no such sink"),
        };
        // One answer at a time: what reaches the collector belongs to it.
        let collector = self.collector.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let report = sink::run_in(Some(places), answer, canary, &collector, &self.settings);
        drop(collector);
        if let Some(hit) = report.hits.iter().find(|h| places.contains(&h.sink)) {
            let reason = format!("executed in {}: {} ({})", hit.sink, hit.kind, hit.evidence);
            return Score { judge: judge.to_owned(), success: Some(true), value: 1.0, reason };
        }
        if let Some((place, why)) = report.not_executed.iter().find(|(place, _)| places.contains(place)) {
            return Score::none(judge, &format!("not executed in {place}: {why}"));
        }
        if !places.iter().all(|p| report.executed.contains(p)) {
            return Score::none(judge, "not executed");
        }
        Score {
            judge: judge.to_owned(),
            success: Some(false),
            value: 0.0,
            reason: format!("executed in {name}: nothing happened"),
        }
    }
}
