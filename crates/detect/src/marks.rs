//! The labels a rule may carry, and the sides it looks at: shared by both rule formats.

use std::str::FromStr;

use menshen_verdict::{Attack, Finding, Intent, Level, Risk, Side, Topic};

/// What a finding of the rule speaks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Marks {
    pub(crate) risk: Option<Risk>,
    pub(crate) attack: Option<Attack>,
    pub(crate) level: Option<Level>,
    pub(crate) intent: Option<Intent>,
    pub(crate) topic: Option<Topic>,
}

impl Marks {
    /// Sets the mark `key`; `None` when there is no such mark, `Err(remedy)` when the value is not one of its labels.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Option<Result<(), String>> {
        Some(match key {
            "risk" => label(value, "a risk id, A1a to A5b").map(|v| self.risk = Some(v)),
            "attack" => label(value, "an attack id: S1 to S6, E1 to E7, H1 to H6").map(|v| self.attack = Some(v)),
            "level" => label(value, "none, related or risky").map(|v| self.level = Some(v)),
            "intent" => {
                label(value, "knowledge, professional, help, other or malicious").map(|v| self.intent = Some(v))
            }
            "topic" if is_dotted(value) => {
                self.topic = Some(Topic::new(value.to_owned()));
                Ok(())
            }
            "topic" => Err("use a dotted lower-case id such as health.medicine".to_owned()),
            _ => return None,
        })
    }

    pub(crate) fn stamp(&self, finding: &mut Finding) {
        finding.risk = self.risk;
        finding.attack = self.attack;
        finding.level = self.level;
        finding.intent = self.intent;
        finding.topic.clone_from(&self.topic);
    }
}

fn label<T: FromStr>(value: &str, expected: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("use {expected}"))
}

/// Whether `id` is dotted lower-case ASCII, as rule, list and topic ids are.
pub(crate) fn is_dotted(id: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
    };
    id.split('.').all(part)
}

/// A score in 0..=1 from its text.
pub(crate) fn score(value: &str) -> Option<f32> {
    value.parse::<f32>().ok().filter(|s| (0.0..=1.0).contains(s))
}

/// A set of [`Side`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sides(u8);

impl Sides {
    pub(crate) const ALL: Sides = Sides(7);
    pub(crate) const EMPTY: Sides = Sides(0);

    const fn bit(side: Side) -> u8 {
        match side {
            Side::Input => 1,
            Side::Output => 2,
            Side::Tool => 4,
        }
    }

    pub(crate) const fn has(self, side: Side) -> bool {
        self.0 & Sides::bit(side) != 0
    }

    /// Adds a side by its id; false when there is no such side.
    pub(crate) fn add(&mut self, id: &str) -> bool {
        let side = [Side::Input, Side::Output, Side::Tool].into_iter().find(|s| s.id() == id);
        self.0 |= side.map_or(0, Sides::bit);
        side.is_some()
    }

    /// The first side of the set, in the order input, output, tool.
    pub(crate) fn first(self) -> Side {
        [Side::Input, Side::Output, Side::Tool].into_iter().find(|s| self.has(*s)).unwrap_or(Side::Input)
    }
}
