//! Words that may stand for each other, and how well each has done.

use std::collections::{BTreeMap, HashMap};

use super::prose::PAYLOAD;

/// The most words that are kept: AutoDAN's dictionary (arXiv 2310.04451, algorithm 3).
const MOST_WORDS: usize = 30;

/// Groups of words and where each stands.
#[derive(Debug)]
pub(super) struct Synonyms {
    groups: Vec<Vec<String>>,
    group_of: HashMap<String, usize>,
    /// Characters of the longest word that begins with this character: most places of a text begin none.
    longest: HashMap<char, usize>,
}

/// A word of the table in a text.
#[derive(Debug, PartialEq, Eq)]
struct Hit<'t> {
    start: usize,
    word: &'t str,
    group: usize,
}

impl Synonyms {
    pub(super) fn new(groups: Vec<Vec<String>>) -> Self {
        let group_of: HashMap<String, usize> = groups
            .iter()
            .enumerate()
            .flat_map(|(at, group)| group.iter().map(move |word| (word.to_lowercase(), at)))
            .collect();
        let mut longest: HashMap<char, usize> = HashMap::new();
        for word in group_of.keys() {
            if let Some(first) = word.chars().next() {
                let most = longest.entry(first).or_default();
                *most = (*most).max(word.chars().count());
            }
        }
        Synonyms { groups, group_of, longest }
    }

    #[cfg(test)]
    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The words of the table that stand in a text, in lower case, in order; the request's place aside.
    pub(super) fn words_in(&self, text: &str) -> Vec<String> {
        self.find(text).into_iter().map(|hit| hit.word.to_lowercase()).collect()
    }

    /// The words that a word may be replaced by, itself aside.
    pub(super) fn others(&self, word: &str) -> Vec<&str> {
        let group = self.group_of.get(&word.to_lowercase()).and_then(|g| self.groups.get(*g));
        group.into_iter().flatten().map(String::as_str).filter(|w| !w.eq_ignore_ascii_case(word)).collect()
    }

    /// Replaces the words for which `choose` gives another; `None` when nothing changed. Capitals are kept, and so is
    /// the choice of "a" or "an" before an English word.
    pub(super) fn replace(&self, text: &str, mut choose: impl FnMut(&str) -> Option<String>) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        let mut changed = false;
        for hit in self.find(text) {
            let Some(new) = choose(hit.word) else { continue };
            out.push_str(text.get(copied..hit.start).unwrap_or_default());
            if new.starts_with(|c: char| c.is_ascii_alphabetic()) {
                fit_article(&mut out, &new);
            }
            out.push_str(&in_case_of(hit.word, &new));
            copied = hit.start + hit.word.len();
            changed = true;
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        (changed && out != text).then_some(out)
    }

    /// From left to right the longest word at each place. Words in Latin letters are whole words.
    fn find<'t>(&self, text: &'t str) -> Vec<Hit<'t>> {
        let mut hits = Vec::new();
        let mut start = 0;
        let mut before = ' ';
        while let Some(rest) = text.get(start..)
            && let Some(first) = rest.chars().next()
        {
            let mut step = first.len_utf8();
            if rest.starts_with(PAYLOAD) {
                step = PAYLOAD.len();
            } else if !(in_word(before) && in_word(first))
                && let Some((word, group)) = self.longest_at(rest)
            {
                hits.push(Hit { start, word, group });
                step = word.len();
            }
            before = rest.get(..step).and_then(|s| s.chars().last()).unwrap_or(' ');
            start += step;
        }
        hits
    }

    fn longest_at<'t>(&self, rest: &'t str) -> Option<(&'t str, usize)> {
        let first = rest.chars().next()?;
        let most = *self.longest.get(&first.to_lowercase().next().unwrap_or(first))?;
        let ends: Vec<usize> = rest.char_indices().take(most).map(|(at, c)| at + c.len_utf8()).collect();
        ends.into_iter().rev().find_map(|end| {
            let (word, after) = rest.split_at_checked(end)?;
            let cut = word.chars().last().is_some_and(in_word) && after.chars().next().is_some_and(in_word);
            if cut {
                return None;
            }
            self.group_of.get(&word.to_lowercase()).map(|group| (word, *group))
        })
    }
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '\'' || c == '_'
}

/// The new word with the capitals of the old one.
fn in_case_of(old: &str, new: &str) -> String {
    let letters = old.chars().filter(char::is_ascii_alphabetic).count();
    if letters > 1 && !old.contains(|c: char| c.is_ascii_lowercase()) {
        return new.to_uppercase();
    }
    let mut chars = new.chars();
    match chars.next() {
        Some(first) if old.starts_with(|c: char| c.is_ascii_uppercase()) => first.to_uppercase().chain(chars).collect(),
        _ => new.to_owned(),
    }
}

/// Makes the article at the end of what is written fit the word that comes next.
fn fit_article(out: &mut String, next: &str) {
    let words = out.trim_end_matches(' ');
    let spaces = out.len() - words.len();
    let article = words.rsplit(|c: char| !in_word(c)).next().unwrap_or_default();
    if spaces == 0 || !(article.eq_ignore_ascii_case("a") || article.eq_ignore_ascii_case("an")) {
        return;
    }
    // "a user", "a unit", "a one-off": written with a vowel, spoken without.
    let spoken = ["use", "util", "uni", "one"].iter().any(|p| next.starts_with(p));
    let vowel = next.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']) && !spoken;
    let fitting = match (article.starts_with('A'), vowel) {
        (true, true) => "An",
        (true, false) => "A",
        (false, true) => "an",
        (false, false) => "a",
    };
    let kept = words.len() - article.len();
    out.truncate(kept);
    out.push_str(fitting);
    out.extend(std::iter::repeat_n(' ', spaces));
}

/// AutoDAN's momentum word dictionary: a word's score is the mean fitness of the texts in which it stood, averaged with
/// the score that it had before; the best [`MOST_WORDS`] are kept.
#[derive(Debug, Default)]
pub(super) struct Momentum {
    scores: BTreeMap<String, f64>,
}

impl Momentum {
    /// A word's score, 0 when it is not kept.
    pub(super) fn score(&self, word: &str) -> f64 {
        self.scores.get(&word.to_lowercase()).copied().unwrap_or_default()
    }

    /// Learns from the words of a generation, each with the fitness of its text.
    pub(super) fn learn(&mut self, seen: impl IntoIterator<Item = (String, f64)>) {
        let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for (word, fitness) in seen {
            let (sum, count) = sums.entry(word).or_default();
            *sum += fitness;
            *count += 1.0;
        }
        for (word, (sum, count)) in sums {
            let new = sum / count;
            self.scores.entry(word).and_modify(|old| *old = (*old + new) / 2.0).or_insert(new);
        }
        let mut ranked: Vec<(String, f64)> = std::mem::take(&mut self.scores).into_iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        ranked.truncate(MOST_WORDS);
        self.scores = ranked.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table() -> Synonyms {
        let group = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        Synonyms::new(vec![group(&["回答", "答复"]), group(&["expert", "authority"]), group(&["at once", "quickly"])])
    }

    #[test]
    fn words_are_found_whole_and_replaced_in_their_case() {
        let table = table();
        assert_eq!(table.words_in("请回答：expertise is no EXPERT, at once"), ["回答", "expert", "at once"]);
        let other = |word: &str| table.others(word).first().map(|w| (*w).to_owned());
        assert_eq!(
            table.replace("An authority must reply. An Authority. AN AUTHORITY.", other).as_deref(),
            Some("An expert must reply. An Expert. An EXPERT.")
        );
        assert_eq!(table.replace("a expert", other).as_deref(), Some("an authority"));
        assert_eq!(table.replace("nothing of it", other), None);
        assert_eq!(table.replace("{payload} 请回答", other).as_deref(), Some("{payload} 请答复"));
    }

    #[test]
    fn momentum_is_the_mean_of_old_and_new_and_keeps_the_best() {
        let mut momentum = Momentum::default();
        momentum.learn([("a".to_owned(), 0.2), ("a".to_owned(), 0.6)]);
        assert!((momentum.score("A") - 0.4).abs() < 1e-9);
        momentum.learn([("a".to_owned(), 1.0)]);
        assert!((momentum.score("a") - 0.7).abs() < 1e-9);
        momentum.learn((0..40).map(|n| (format!("w{n}"), 0.8)));
        assert_eq!(momentum.scores.len(), MOST_WORDS);
        assert!(momentum.score("a") == 0.0, "the weakest goes");
    }

    proptest! {
        #[test]
        fn the_place_of_the_request_is_never_touched(before in "\\PC{0,20}", after in "\\PC{0,20}") {
            let table = Synonyms::new(vec![vec!["payload".to_owned(), "burden".to_owned()]]);
            let text = format!("{before}{PAYLOAD}{after}");
            let out = table.replace(&text, |_| Some("burden".to_owned())).unwrap_or(text);
            prop_assert!(out.contains(PAYLOAD));
        }
    }
}
