//! From events to figures, and from figures to a score that explains itself.

use serde::Serialize;

use super::rules::{Counted, Signal};
use super::window::{Baseline, Distinct, Journey, Run, Share, Window};
use super::{Asked, What};

/// The hours whose highest scores are kept.
pub(super) const HOURS: usize = 24;
const HOUR_US: i64 = 3_600_000_000;

/// The figures of one signal.
#[derive(Debug, Clone, Copy)]
enum Cell {
    Run(Run),
    Count(Window),
    Share(Share),
    Distinct(Distinct),
    Journey(Journey),
    Usual(Baseline),
}

impl Cell {
    fn new(signal: &Signal) -> Self {
        match signal.measure {
            Counted::RiskyRun => Cell::Run(Run::default()),
            Counted::Risky | Counted::Attacks | Counted::Requests => Cell::Count(Window::default()),
            Counted::RiskyShare => Cell::Share(Share::default()),
            Counted::AttackKinds | Counted::Networks | Counted::Agents | Counted::Regions => {
                Cell::Distinct(Distinct::default())
            }
            Counted::Travel => Cell::Journey(Journey::default()),
            Counted::Burst | Counted::Cost => Cell::Usual(Baseline::default()),
        }
    }

    fn take(&mut self, measure: Counted, what: &What, at_us: i64, window_us: i64) {
        match (self, what) {
            (Cell::Usual(usual), What::Spent { tokens }) if measure == Counted::Cost => {
                usual.add(*tokens as f32, at_us, window_us);
            }
            (cell, What::Asked(asked)) => cell.asked(measure, asked, at_us, window_us),
            _ => {}
        }
    }

    fn asked(&mut self, measure: Counted, asked: &Asked, at_us: i64, window_us: i64) {
        use Counted::{Agents, Networks, Regions, Travel};
        if asked.on_behalf && !matches!(measure, Networks | Agents | Regions | Travel) {
            return;
        }
        match self {
            Cell::Run(run) => run.add(asked.risky, at_us, window_us),
            Cell::Count(counts) => {
                let counted = match measure {
                    Counted::Risky => asked.risky,
                    Counted::Attacks => asked.attacks != 0,
                    _ => true,
                };
                if counted {
                    counts.add(at_us, window_us);
                }
            }
            Cell::Share(share) => share.add(asked.risky, at_us, window_us),
            Cell::Distinct(distinct) => match measure {
                Counted::AttackKinds => {
                    let mut rest = asked.attacks;
                    while rest != 0 {
                        distinct.add(u64::from(rest.trailing_zeros()), at_us, window_us);
                        rest &= rest - 1;
                    }
                }
                Counted::Networks => asked.network.into_iter().for_each(|n| distinct.add(n, at_us, window_us)),
                Counted::Agents => asked.agent.into_iter().for_each(|n| distinct.add(n, at_us, window_us)),
                _ => asked.region.into_iter().for_each(|n| distinct.add(n, at_us, window_us)),
            },
            Cell::Journey(journey) => asked.place.into_iter().for_each(|p| journey.add(p, at_us, window_us)),
            Cell::Usual(usual) if measure == Counted::Burst => usual.add(1.0, at_us, window_us),
            Cell::Usual(_) => {}
        }
    }

    fn value(&self, signal: &Signal, now_us: i64, window_us: i64) -> f64 {
        match self {
            Cell::Run(run) => f64::from(run.length(now_us, window_us)),
            Cell::Count(counts) => f64::from(counts.count(now_us, window_us)),
            Cell::Share(share) => share.percent(now_us, window_us, signal.floor),
            Cell::Distinct(distinct) => distinct.count(now_us, window_us),
            Cell::Journey(journey) => journey.speed(now_us, window_us),
            Cell::Usual(usual) => usual.times_usual(now_us, window_us, signal.floor, signal.warm_up),
        }
    }
}

/// What one signal adds to a score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// The signal.
    pub signal: String,
    /// Its value, rounded to a tenth.
    pub value: f64,
    /// The value from which on it speaks.
    pub at_least: f64,
    /// Within how many seconds.
    pub window_s: u32,
    /// Its points.
    pub points: u32,
    /// How many percent of its points are left after marks of false alarms.
    pub percent: u8,
    /// In words, in Chinese.
    pub zh: String,
    /// In words, in English.
    pub en: String,
}

fn window_of(seconds: u32) -> [String; 2] {
    match seconds {
        s if s % 86_400 == 0 => [format!("{} 天", s / 86_400), format!("{} d", s / 86_400)],
        s if s % 3_600 == 0 => [format!("{} 小时", s / 3_600), format!("{} h", s / 3_600)],
        s if s % 60 == 0 => [format!("{} 分钟", s / 60), format!("{} min", s / 60)],
        s => [format!("{s} 秒"), format!("{s} s")],
    }
}

/// Points of a value: as many as the signal has where it begins to speak, growing with the value to twice as many.
fn points(signal: &Signal, value: f64, percent: u8) -> u32 {
    if value < signal.at_least {
        return 0;
    }
    let times = (value / signal.at_least).min(2.0);
    // Points are at most 1000, so twice of them fit.
    (f64::from(signal.points) * times * f64::from(percent) / 100.0).round() as u32
}

fn reason(signal: &Signal, value: f64, percent: u8) -> Option<Reason> {
    let points = points(signal, value, percent);
    if points == 0 {
        return None;
    }
    let shown = (value * 10.0).round() / 10.0;
    let [zh_window, en_window] = window_of(signal.window_s);
    let fill = |text: &str, window: &str| text.replace("{value}", &shown.to_string()).replace("{window}", window);
    Some(Reason {
        signal: signal.id.clone(),
        value: shown,
        at_least: signal.at_least,
        window_s: signal.window_s,
        points,
        percent,
        zh: fill(&signal.zh, &zh_window),
        en: fill(&signal.en, &en_window),
    })
}

/// All figures of a subject. Its size follows from the number of signals and nothing else.
pub(super) struct State {
    cells: Box<[Cell]>,
    hours: [u8; HOURS],
    hour: i64,
    /// The grade of the last alarm, one more than its place; 0 for none.
    alarmed: u8,
    alarmed_us: i64,
}

impl State {
    pub(super) fn new<'a>(signals: impl Iterator<Item = &'a Signal>) -> Self {
        State { cells: signals.map(Cell::new).collect(), hours: [0; HOURS], hour: 0, alarmed: 0, alarmed_us: 0 }
    }

    /// Whether there is cause to remember them.
    pub(super) fn pointed(&self) -> bool {
        self.hours.iter().any(|h| *h > 0)
    }

    pub(super) fn take<'a>(&mut self, signals: impl Iterator<Item = &'a Signal>, what: &What, at_us: i64) {
        for (cell, signal) in self.cells.iter_mut().zip(signals) {
            cell.take(signal.measure, what, at_us, i64::from(signal.window_s) * 1_000_000);
        }
    }

    /// The score alone: what every request costs.
    pub(super) fn score<'a>(
        &self,
        signals: impl Iterator<Item = &'a Signal>,
        app: &str,
        percent: impl Fn(&Signal) -> u8,
        now_us: i64,
    ) -> u32 {
        self.values(signals, app, now_us).map(|(signal, value)| points(signal, value, percent(signal))).sum()
    }

    /// The score's parts, heaviest first: what an alarm and its page cost.
    pub(super) fn reasons<'a>(
        &self,
        signals: impl Iterator<Item = &'a Signal>,
        app: &str,
        percent: impl Fn(&Signal) -> u8,
        now_us: i64,
    ) -> Vec<Reason> {
        let spoken = self.values(signals, app, now_us);
        let mut reasons: Vec<Reason> =
            spoken.filter_map(|(signal, value)| reason(signal, value, percent(signal))).collect();
        reasons.sort_by(|a, b| b.points.cmp(&a.points).then_with(|| a.signal.cmp(&b.signal)));
        reasons
    }

    fn values<'a>(
        &self,
        signals: impl Iterator<Item = &'a Signal>,
        app: &str,
        now_us: i64,
    ) -> impl Iterator<Item = (&'a Signal, f64)> {
        self.cells
            .iter()
            .zip(signals)
            .filter(move |(_, s)| s.except_apps.is_empty() || !s.except_apps.iter().any(|a| a == app))
            .map(move |(cell, s)| (s, cell.value(s, now_us, i64::from(s.window_s) * 1_000_000)))
            .filter(|(s, value)| *value >= s.at_least)
    }

    pub(super) fn note(&mut self, score: u32, now_us: i64) {
        let hour = now_us.div_euclid(HOUR_US);
        let ahead = hour.saturating_sub(self.hour);
        for n in 1..=ahead.clamp(0, HOURS as i64) {
            // The remainder lies within 0..24.
            self.hours[usize::try_from((hour - n + 1).rem_euclid(HOURS as i64)).unwrap_or(0)] = 0;
        }
        if ahead > 0 {
            self.hour = hour;
        }
        if self.hour - hour < HOURS as i64 {
            let slot = &mut self.hours[usize::try_from(hour.rem_euclid(HOURS as i64)).unwrap_or(0)];
            *slot = (*slot).max(u8::try_from(score).unwrap_or(u8::MAX));
        }
    }

    /// The highest score of each of the last hours, oldest first: when the hour begins, in microseconds, and the score, which
    /// is given as 255 where it was higher.
    pub(super) fn hours(&self, now_us: i64) -> Vec<(i64, u8)> {
        let now = now_us.div_euclid(HOUR_US);
        let score = |hour: i64| {
            let known = hour <= self.hour && self.hour - hour < HOURS as i64;
            if known { self.hours[usize::try_from(hour.rem_euclid(HOURS as i64)).unwrap_or(0)] } else { 0 }
        };
        (0..HOURS as i64).rev().map(|back| ((now - back) * HOUR_US, score(now - back))).collect()
    }

    /// Whether a grade is news: higher than the last, or the last was so long ago.
    pub(super) fn news(&mut self, place: usize, again_us: i64, now_us: i64) -> bool {
        let grade = u8::try_from(place + 1).unwrap_or(u8::MAX);
        let stale = now_us.saturating_sub(self.alarmed_us) >= again_us;
        if grade <= self.alarmed && !stale {
            return false;
        }
        (self.alarmed, self.alarmed_us) = (grade, now_us);
        true
    }

    /// Forgets that there was an alarm, and what raised it: somebody said that it was false, or settled.
    pub(super) fn forgive<'a>(&mut self, signals: impl Iterator<Item = &'a Signal>) {
        self.alarmed = 0;
        for (cell, signal) in self.cells.iter_mut().zip(signals) {
            // What is usual stays known.
            if !matches!(cell, Cell::Usual(_)) {
                *cell = Cell::new(signal);
            }
        }
    }

    /// Bytes of the figures of one subject.
    pub(super) fn bytes(signals: usize) -> usize {
        size_of::<State>() + signals * size_of::<Cell>()
    }
}
