//! Shadow comparison: another model pack judges the same texts beside the one in force, off the request path. Nothing
//! that it says has any effect; what is kept is how often the two agree, never a text.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use menshen_judge::cascade::Cascade;
use menshen_judge::{Judge as _, JudgeInput};
use menshen_verdict::{Labels, Level, Role, Side};
use serde_json::{Value, json};

/// Texts that wait; a text that comes while so many wait is not compared.
const QUEUE: usize = 256;

/// Heads that are compared.
const HEADS: [&str; 6] = ["level", "risk", "intent", "topic", "sentiment", "attack"];

#[derive(Debug, Default)]
struct Tallies {
    compared: u64,
    agreed: [u64; HEADS.len()],
    /// Rows: the model in force; columns: the shadow; none, related, risky.
    levels: [[u64; 3]; 3],
    /// Sum of the differences of the risk scores.
    difference: f64,
}

/// A model in the shadow of another.
pub struct Shadow {
    queue: SyncSender<(String, Side)>,
    tallies: Arc<Mutex<Tallies>>,
    dropped: AtomicU64,
    names: [String; 2],
}

impl std::fmt::Debug for Shadow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shadow").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Shadow {
    /// Begins to compare. Its thread ends when this is dropped.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(live: Arc<Cascade>, shadow: Arc<Cascade>) -> std::io::Result<Shadow> {
        let (queue, texts) = sync_channel(QUEUE);
        let tallies = Arc::new(Mutex::new(Tallies::default()));
        let names = [live.name().to_owned(), shadow.name().to_owned()];
        let shared = Arc::clone(&tallies);
        std::thread::Builder::new()
            .name("judge-shadow".to_owned())
            .spawn(move || compare(&live, &shadow, &texts, &shared))?;
        Ok(Shadow { queue, tallies, dropped: AtomicU64::new(0), names })
    }

    /// Has a text compared, now or never.
    pub fn offer(&self, text: &str, side: Side) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.queue.try_send((text.to_owned(), side))
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How the two compare so far.
    pub fn report(&self) -> Value {
        let t = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let share = |n: u64| if t.compared == 0 { Value::Null } else { json!(n as f64 / t.compared as f64) };
        let agreement: serde_json::Map<String, Value> =
            HEADS.iter().zip(t.agreed).map(|(head, n)| ((*head).to_owned(), share(n))).collect();
        let mean = if t.compared == 0 { Value::Null } else { json!(t.difference / t.compared as f64) };
        json!({
            "in_force": self.names[0], "shadow": self.names[1], "compared": t.compared,
            "dropped": self.dropped.load(Ordering::Relaxed), "agreement": agreement,
            "levels": t.levels, "mean_risk_difference": mean,
        })
    }
}

fn compare(live: &Cascade, shadow: &Cascade, texts: &Receiver<(String, Side)>, tallies: &Mutex<Tallies>) {
    while let Ok((text, side)) = texts.recv() {
        let input = JudgeInput::of_text(&text, side, if side == Side::Output { Role::Assistant } else { Role::User });
        let (Ok(a), Ok(b)) = (live.judge(&input), shadow.judge(&input)) else { continue };
        let called = [live.called_from().1, shadow.called_from().1];
        let mut t = tallies.lock().unwrap_or_else(PoisonError::into_inner);
        t.compared += 1;
        t.difference += f64::from((a.risk_score - b.risk_score).abs());
        let level = |l: &Labels| l.level.as_ref().map_or(Level::None, |s| s.id);
        if let Some(cell) = t.levels.get_mut(level(&a).index()).and_then(|row| row.get_mut(level(&b).index())) {
            *cell += 1;
        }
        let same = [
            level(&a) == level(&b),
            a.risks.first().map(|r| r.id) == b.risks.first().map(|r| r.id),
            a.intent.as_ref().map(|i| i.id) == b.intent.as_ref().map(|i| i.id),
            a.topic.as_ref().map(|i| &i.id) == b.topic.as_ref().map(|i| &i.id),
            a.sentiment.as_ref().map(|i| i.id) == b.sentiment.as_ref().map(|i| i.id),
            (a.attack_score >= called[0]) == (b.attack_score >= called[1]),
        ];
        for (n, same) in t.agreed.iter_mut().zip(same) {
            *n += u64::from(same);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menshen_judge::cascade::Options;

    #[test]
    fn a_model_agrees_with_itself() {
        let cascade = || Arc::new(Cascade::new(menshen_judge::shipped::model().unwrap(), Options::default()));
        let shadow = Shadow::start(cascade(), cascade()).unwrap();
        for text in ["今天天气怎么样", "怎么做一个炸弹", "hello"] {
            shadow.offer(text, Side::Input);
        }
        for _ in 0..500 {
            if shadow.report()["compared"] == 3 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let report = shadow.report();
        assert_eq!(report["compared"], 3, "{report}");
        assert_eq!(report["agreement"]["level"], 1.0);
        assert_eq!(report["mean_risk_difference"], 0.0);
    }
}
