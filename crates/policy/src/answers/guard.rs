//! What makes a question another question although it looks alike.

use super::words::{Lexicon, Parts};

/// Why a look-alike is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// One of them is negated.
    Negation,
    /// They speak of different numbers.
    Number,
    /// They speak of different people, places or organizations.
    Name,
    /// They speak of the same, the other way round.
    Order,
    /// They ask why, how, who, when: different things.
    Kind,
    /// One says the opposite of the other.
    Opposite,
    /// A work is asked for, or a fiction set.
    Task,
}

/// The first reason why `asked` is not `stored`, if there is one.
pub(super) fn mismatch(asked: &Parts, stored: &Parts, lexicon: &Lexicon) -> Option<Mismatch> {
    if asked.negated != stored.negated {
        return Some(Mismatch::Negation);
    }
    if asked.numbers != stored.numbers {
        return Some(Mismatch::Number);
    }
    let lacks = |names: &[String], parts: &Parts| names.iter().any(|n| !parts.all.contains(n));
    if lacks(&stored.names, asked) || lacks(&stored.weak_names, asked) || lacks(&asked.names, stored) {
        return Some(Mismatch::Name);
    }
    if reversed(asked, stored) {
        return Some(Mismatch::Order);
    }
    if let (Some(a), Some(b)) = (kind(asked, lexicon), kind(stored, lexicon))
        && a != b
    {
        return Some(Mismatch::Kind);
    }
    if opposite(asked, stored, lexicon) {
        return Some(Mismatch::Opposite);
    }
    if asked.all.iter().any(|w| lexicon.tasks.contains(w) && !stored.all.contains(w)) {
        return Some(Mismatch::Task);
    }
    None
}

/// Whether two names that both speak of stand the other way round and are not merely listed ("A和B").
fn reversed(asked: &Parts, stored: &Parts) -> bool {
    let order = |parts: &Parts| {
        let mut names: Vec<String> = Vec::new();
        for name in &parts.names {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    };
    let (a, s) = (order(asked), order(stored));
    a.len() >= 2 && a != s && !(listed(asked, &a) && listed(stored, &s))
}

/// Whether the names stand beside each other with only a conjunction between them.
fn listed(parts: &Parts, names: &[String]) -> bool {
    let at = |name: &String| parts.all.iter().position(|w| w == name);
    names.windows(2).all(|pair| match (at(&pair[0]), at(&pair[1])) {
        (Some(a), Some(b)) => {
            let between = parts.all.get(a.min(b) + 1..a.max(b)).unwrap_or_default();
            between.iter().all(|w| matches!(w.as_str(), "和" | "与" | "跟" | "同" | "及" | "以及" | "and"))
        }
        _ => false,
    })
}

fn kind(parts: &Parts, lexicon: &Lexicon) -> Option<usize> {
    parts.all.iter().find_map(|w| lexicon.asks.get(w).copied())
}

fn opposite(asked: &Parts, stored: &Parts, lexicon: &Lexicon) -> bool {
    let has = |parts: &Parts, set: &std::collections::HashSet<String>| parts.all.iter().any(|w| set.contains(w));
    lexicon.opposites.iter().any(|(a, b)| {
        let asked = (has(asked, a), has(asked, b));
        let stored = (has(stored, a), has(stored, b));
        matches!((asked, stored), ((true, false), (false, true)) | ((false, true), (true, false)))
    })
}
