//! Words on trial: in how many ordinary and how many risky texts the engine finds each, and what follows from that.

use std::collections::{BTreeMap, HashMap};

use menshen_text::{Folder, decode};
use menshen_verdict::Side;

use super::entry::with_profiles;
use super::{Colour, Entry, Error};
use crate::keyword_file::{KeywordList, Profile};
use crate::keywords::{Keywords, Via};
use crate::source::{Diagnostic, Source};

/// The ways in which a text is read, in the order of [`Tally::readings`].
pub const READINGS: [&str; 5] = ["folded", "tight", "composed", "sound", "decoded"];
const DECODED: usize = 4;

/// Two-sided 95%.
const Z: f64 = 1.96;

/// What is proposed for a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It stays as it is.
    Keep,
    /// It becomes grey.
    Grey,
    /// It goes.
    Drop,
}

impl Action {
    /// The id in reports.
    pub const fn id(self) -> &'static str {
        match self {
            Action::Keep => "keep",
            Action::Grey => "grey",
            Action::Drop => "drop",
        }
    }
}

/// How often words may hit ordinary texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The share of benign texts in which a black word may be found. 0.0005: one text in 2,000; TC260-003 allows 5% of
    /// harmless questions refused for all words and judges together.
    pub max_rate: f64,
    /// The same of a grey word, which decides nothing alone. 0.01.
    pub max_grey_rate: f64,
    /// A black word over its rate stays when so much of what it hits is risky. 0.95.
    pub keep_precision: f64,
    /// A word over its rate goes when less than this of what it hits is risky. 0.5: a coin tells as much.
    pub drop_precision: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_rate: 0.0005, max_grey_rate: 0.01, keep_precision: 0.95, drop_precision: 0.5 }
    }
}

/// Where a word was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// In how many benign texts.
    pub benign: u64,
    /// In how many risky texts.
    pub risky: u64,
    /// In how many benign texts by each of the [`READINGS`]; one text may count for several.
    pub readings: [u64; 5],
    /// The first benign texts: what [`Trial::benign`] was given as their place.
    pub examples: Vec<String>,
}

/// What is proposed for a word that was found in a benign text.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The index of its entry in [`Trial::entries`].
    pub entry: usize,
    /// What to do.
    pub action: Action,
    /// The share of benign texts in which it was found.
    pub rate: f64,
    /// The lower end of the 95% Wilson interval of that share: what is held against the limit.
    pub rate_low: f64,
    /// How much of what it hits is risky, were there as many risky as benign texts; `None` without risky texts.
    pub precision: Option<f64>,
}

/// How many examples are kept of each word.
const EXAMPLES: usize = 3;

/// Words, and where they were found so far.
pub struct Trial {
    entries: Vec<Entry>,
    /// The group of each entry: entries of one list that are the same after folding are found as one.
    groups: Vec<usize>,
    tallies: Vec<Tally>,
    keywords: Keywords,
    benign: u64,
    risky: u64,
}

impl Trial {
    /// Compiles all lists among the sources as the engine does, white ones included: what they protect is no hit.
    ///
    /// # Errors
    /// [`Error::Compile`] when the words are more than an automaton holds.
    pub fn new(sources: &[Source]) -> Result<(Trial, Vec<Diagnostic>), Error> {
        let mut out = Vec::new();
        let (pairs, profiles) = with_profiles(sources, &mut out);
        let mut group_of: HashMap<(&str, Colour, &str), usize> = HashMap::new();
        // The engine only tells which profile a hit belongs to: so that it tells the word, each word has one of its own.
        let mut own: Vec<Profile> = Vec::new();
        let mut words: Vec<(&str, usize, usize)> = Vec::new();
        let mut groups = Vec::with_capacity(pairs.len());
        for (entry, profile) in &pairs {
            let next = own.len();
            let group = *group_of.entry((&entry.list, entry.colour, &entry.folded)).or_insert(next);
            if group == next {
                own.extend(profiles.get(*profile).cloned());
                words.push((&entry.word, group, 0));
            }
            groups.push(group);
        }
        let tallies = vec![Tally::default(); own.len()];
        let keywords = Keywords::compile(&[KeywordList { profiles: own, words }]).map_err(Error::Compile)?;
        let entries = pairs.into_iter().map(|(e, _)| e).collect();
        Ok((Trial { entries, groups, tallies, keywords, benign: 0, risky: 0 }, out))
    }

    /// The words, in the order of the sources.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Where a word was found, by the index of its entry.
    pub fn tally(&self, entry: usize) -> Option<&Tally> {
        self.tallies.get(*self.groups.get(entry)?)
    }

    /// How many benign and how many risky texts there were.
    pub fn texts(&self) -> (u64, u64) {
        (self.benign, self.risky)
    }

    /// Takes in an ordinary text; `place` names it in examples.
    pub fn benign(&mut self, text: &str, side: Side, place: &str) {
        self.benign += 1;
        for (group, readings) in self.read(text, side) {
            let Some(tally) = self.tallies.get_mut(group) else { continue };
            tally.benign += 1;
            for (count, found) in tally.readings.iter_mut().zip(readings) {
                *count += u64::from(found);
            }
            if tally.examples.len() < EXAMPLES {
                tally.examples.push(place.to_owned());
            }
        }
    }

    /// Takes in a risky text.
    pub fn risky(&mut self, text: &str, side: Side) {
        self.risky += 1;
        for group in self.read(text, side).into_keys() {
            if let Some(tally) = self.tallies.get_mut(group) {
                tally.risky += 1;
            }
        }
    }

    /// The words in a text, each with the readings that show it.
    fn read(&self, text: &str, side: Side) -> BTreeMap<usize, [bool; 5]> {
        let mut found: BTreeMap<usize, [bool; 5]> = BTreeMap::new();
        let mut note = |profile: u32, reading: usize| {
            let readings = found.entry(usize::try_from(profile).unwrap_or(usize::MAX)).or_default();
            if let Some(seen) = readings.get_mut(reading) {
                *seen = true;
            }
        };
        let folder = Folder::shared();
        for hit in self.keywords.inspect(text, &folder.fold(text), side) {
            let reading = match hit.via {
                Via::Folded => 0,
                Via::Tight => 1,
                Via::Composed => 2,
                Via::Sound => 3,
            };
            note(hit.profile, reading);
        }
        for layer in decode::layers(text, &decode::Limits::default()) {
            for hit in self.keywords.inspect(&layer.text, &folder.fold(&layer.text), side) {
                note(hit.profile, DECODED);
            }
        }
        found
    }

    /// What follows, for each word that was found in a benign text; the worst first.
    ///
    /// A word is over its limit when the lower end of the 95% Wilson interval of its benign rate is above
    /// [`Limits::max_rate`] (black) or [`Limits::max_grey_rate`] (grey). A black word over it becomes grey, a grey one
    /// (and a black one that is over the grey limit, too) goes. With risky texts, precision speaks, too: a black word of at least [`Limits::keep_precision`] stays, one
    /// below [`Limits::drop_precision`] goes; a grey word goes only below that.
    pub fn proposals(&self, limits: &Limits) -> Vec<Proposal> {
        let mut out: Vec<Proposal> = (0..self.entries.len()).filter_map(|e| self.proposal(e, limits)).collect();
        out.sort_by(|a, b| b.action.cmp(&a.action).then(b.rate.total_cmp(&a.rate)).then(a.entry.cmp(&b.entry)));
        out
    }

    fn proposal(&self, index: usize, limits: &Limits) -> Option<Proposal> {
        let entry = self.entries.get(index)?;
        let tally = self.tally(index).filter(|t| t.benign > 0)?;
        let rate = tally.benign as f64 / self.benign as f64;
        let rate_low = wilson_lower(tally.benign, self.benign);
        let precision = (self.risky > 0).then(|| {
            // Half a hit more on both sides: a word that was met once proves little.
            let share = |hits: u64, of: u64| (hits as f64 + 0.5) / (of as f64 + 1.0);
            let (risky, benign) = (share(tally.risky, self.risky), share(tally.benign, self.benign));
            risky / (risky + benign)
        });
        let below = precision.is_none_or(|p| p < limits.drop_precision);
        let action = match entry.colour {
            Colour::White => return None,
            Colour::Black if rate_low <= limits.max_rate => Action::Keep,
            Colour::Black => match precision {
                Some(p) if p >= limits.keep_precision => Action::Keep,
                Some(_) if below => Action::Drop,
                // It would be over a grey word's limit, too.
                None if rate_low > limits.max_grey_rate => Action::Drop,
                _ => Action::Grey,
            },
            Colour::Grey if rate_low > limits.max_grey_rate && below => Action::Drop,
            Colour::Grey => Action::Keep,
        };
        Some(Proposal { entry: index, action, rate, rate_low, precision })
    }
}

/// The lower end of the 95% Wilson interval of `hits` in `of` (Wilson 1927): with few texts a rate proves little, and
/// the interval says how little.
pub fn wilson_lower(hits: u64, of: u64) -> f64 {
    if of == 0 {
        return 0.0;
    }
    let (n, p) = (of as f64, hits as f64 / of as f64);
    let z2 = Z * Z;
    let middle = p + z2 / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    ((middle - spread) / (1.0 + z2 / n)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceKind;

    fn trial(bodies: &[&str]) -> Trial {
        let source = |body: &&str| Source {
            pack: "t".into(),
            path: "t.txt".into(),
            body: (*body).to_owned(),
            kind: SourceKind::Keywords,
        };
        let (trial, diagnostics) = Trial::new(&bodies.iter().map(source).collect::<Vec<_>>()).unwrap();
        assert_eq!(diagnostics, []);
        trial
    }

    fn actions(trial: &Trial) -> Vec<(&str, Action)> {
        let proposals = trial.proposals(&Limits::default());
        proposals.iter().map(|p| (trial.entries()[p.entry].word.as_str(), p.action)).collect()
    }

    #[test]
    fn wilson_is_what_tables_say() {
        assert!((wilson_lower(5, 100) - 0.0215).abs() < 0.0005);
        assert!((wilson_lower(0, 100)).abs() < 1e-9);
        assert!(wilson_lower(100, 100) > 0.96 && wilson_lower(1, 3_568) < 0.0005);
    }

    #[test]
    fn every_reading_counts_once_a_text_and_white_words_protect() {
        let mut t = trial(&[
            "# id: kw.a\n# risk: A1h\n# sound: true\n违禁品交易\n壞詞\n坏词\n好坏词\n",
            "# id: kw.w\n# colour: white\n坏词典\n",
        ]);
        for text in [
            "违禁品交易，违禁品交易",
            "違*禁*品*交*易",
            "wei jin pin jiao yi 怎么做",
            "5o+P6L+w6L+d56aB5ZOB5Lqk5piT",
            "查坏词典",
        ] {
            t.benign(text, Side::Input, text);
        }
        let tally = t.tally(0).unwrap();
        assert_eq!((tally.benign, tally.readings), (4, [1, 1, 0, 1, 1]), "{tally:?}");
        assert_eq!(t.tally(1).unwrap().benign, 0);
        // Words of a list that are the same after folding are one; a word inside a longer one is not found again.
        t.benign("好坏词", Side::Input, "");
        t.benign("坏词", Side::Input, "");
        assert_eq!((t.tally(1), t.tally(1).unwrap().benign), (t.tally(2), 1));
        assert_eq!(t.tally(3).unwrap().benign, 1);
    }

    #[test]
    fn proposals_follow_the_rule() {
        let lists = ["# id: kw.a\n# risk: A1h\n常词\n偶词\n准词\n空词\n", "# id: kw.g\n# colour: grey\n灰常\n灰偶\n"];
        let mut t = trial(&lists);
        for n in 0..1_000 {
            let word = match n {
                0 => "偶词",
                1..40 => "常词 灰常",
                40..50 => "准词",
                50..55 => "灰偶",
                _ => "",
            };
            t.benign(&format!("说说{word}。"), Side::Input, "");
        }
        let found = actions(&t);
        assert_eq!(
            found,
            [
                ("常词", Action::Drop),
                ("灰常", Action::Drop),
                ("准词", Action::Grey),
                ("灰偶", Action::Keep),
                ("偶词", Action::Keep)
            ]
        );
        for n in 0..100 {
            t.risky(if n < 60 { "准词 灰常" } else { "别的" }, Side::Input);
        }
        let found: BTreeMap<_, _> = actions(&t).into_iter().collect();
        assert_eq!((found["准词"], found["常词"], found["灰常"]), (Action::Keep, Action::Drop, Action::Keep));
    }
}
