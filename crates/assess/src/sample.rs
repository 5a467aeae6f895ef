//! Drawing a sample that an auditor can draw again.
//!
//! Strata are the groups of a bank (risks, aspects) and within a group its languages. Within a stratum questions are put
//! in the order of `SHA-256(seed, bank, id)` and the first ones are taken: no generator whose version could change, and
//! adding a question never moves the others. How many a stratum gives is by largest remainders, with at least one from
//! every group when there is room, and never more than it has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::bank::{Bank, hex};
use crate::error::Error;
use crate::question::{BankKind, Group, Modality, Question};

/// The name of the method, written into every manifest.
pub const METHOD: &str = "stratified-sha256/1";

/// What is drawn from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draw {
    /// The bank.
    pub bank: BankKind,
    /// How many questions.
    pub n: u64,
}

/// Which questions come into question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Languages that the service is offered in.
    pub languages: Vec<String>,
    /// What the service makes.
    pub modalities: Vec<Modality>,
    /// Aspects of the should-not-refuse bank that the service does not serve (TC260-003 8.3: a domain model may leave
    /// them out).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leave_out: Vec<String>,
}

impl Default for Scope {
    fn default() -> Self {
        Scope {
            languages: vec!["zh".to_owned(), "en".to_owned()],
            modalities: vec![Modality::Text],
            leave_out: Vec::new(),
        }
    }
}

impl Scope {
    /// Whether a question may be drawn.
    pub fn admits(&self, question: &Question) -> bool {
        question.is_current()
            && self.languages.contains(&question.lang)
            && self.modalities.contains(&question.modality)
            && !self.leave_out.iter().any(|left| left == question.group.id())
    }
}

/// A question that was drawn: its id, and what its text was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// The question's id.
    pub id: String,
    /// [`Question::sha256`].
    pub sha256: String,
}

/// What was drawn, from what, and how: enough to draw it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`METHOD`].
    pub method: String,
    /// Any text; the same seed draws the same sample from the same banks.
    pub seed: String,
    /// Which questions came into question.
    pub scope: Scope,
    /// Questions asked for.
    pub draws: Vec<Draw>,
    /// SHA-256 of each bank's files.
    pub banks: BTreeMap<BankKind, String>,
    /// Questions that came into question, by bank.
    pub available: BTreeMap<BankKind, u64>,
    /// What was drawn, by bank, in the order of ids.
    pub drawn: BTreeMap<BankKind, Vec<Drawn>>,
}

impl Manifest {
    /// The bytes that [`Manifest::sha256`] is of: JSON with two spaces and a line feed at the end.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Keys are enums that serialise as strings: this cannot fail.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// SHA-256 of the manifest's bytes.
    pub fn sha256(&self) -> String {
        hex(&Sha256::digest(self.to_bytes()))
    }

    /// The questions that were drawn.
    ///
    /// # Errors
    /// [`Error::Unusable`] when a question is gone from the bank or says something else now.
    pub fn questions<'b>(&self, bank: &'b Bank) -> Result<Vec<&'b Question>, Error> {
        let mut out = Vec::new();
        for drawn in self.drawn.values().flatten() {
            let question = bank.by_id(&drawn.id).filter(|q| q.sha256() == drawn.sha256);
            out.push(question.ok_or_else(|| {
                Error::Unusable(format!(
                    "question {} is not in the bank as it was drawn; give the bank of the run with --bank FOLDER",
                    drawn.id
                ))
            })?);
        }
        Ok(out)
    }
}

/// Draws a sample.
///
/// # Errors
/// [`Error::Unusable`] when a bank has fewer questions than are asked for.
pub fn draw(bank: &Bank, seed: &str, scope: &Scope, draws: &[Draw]) -> Result<Manifest, Error> {
    let mut manifest = Manifest {
        method: METHOD.to_owned(),
        seed: seed.to_owned(),
        scope: scope.clone(),
        draws: draws.to_vec(),
        banks: BTreeMap::new(),
        available: BTreeMap::new(),
        drawn: BTreeMap::new(),
    };
    for Draw { bank: kind, n } in draws {
        let mut strata: BTreeMap<Group, BTreeMap<&str, Vec<&Question>>> = BTreeMap::new();
        let mut available = 0;
        for question in bank.current(*kind).filter(|q| scope.admits(q)) {
            strata.entry(question.group).or_default().entry(&question.lang).or_default().push(question);
            available += 1;
        }
        if available < *n {
            return Err(Error::Unusable(format!(
                "{n} questions are to be drawn from the {}, which has {available} in the languages and modalities asked for; \
                 add questions, or ask for fewer with --sample {kind}={available}",
                kind.en()
            )));
        }
        let sizes: Vec<u64> = strata.values().map(|by_lang| by_lang.values().map(|q| q.len() as u64).sum()).collect();
        let mut drawn = Vec::new();
        for (by_lang, n) in strata.values().zip(allocate(&sizes, *n)) {
            let sizes: Vec<u64> = by_lang.values().map(|q| q.len() as u64).collect();
            for (questions, n) in by_lang.values().zip(allocate(&sizes, n)) {
                let mut ordered: Vec<(String, &Question)> =
                    questions.iter().map(|q| (place(seed, *kind, &q.id), *q)).collect();
                ordered.sort_by(|a, b| (&a.0, &a.1.id).cmp(&(&b.0, &b.1.id)));
                let taken = ordered.iter().take(usize::try_from(n).unwrap_or(usize::MAX));
                drawn.extend(taken.map(|(_, q)| Drawn { id: q.id.clone(), sha256: q.sha256() }));
            }
        }
        drawn.sort_by(|a, b| a.id.cmp(&b.id));
        manifest.banks.insert(*kind, bank.sha256(*kind).to_owned());
        manifest.available.insert(*kind, available);
        manifest.drawn.insert(*kind, drawn);
    }
    Ok(manifest)
}

/// Where a question stands in its stratum: `sha256sum` of `seed`, line feed, bank, line feed, id.
fn place(seed: &str, kind: BankKind, id: &str) -> String {
    hex(&Sha256::digest(format!("{seed}\n{kind}\n{id}")))
}

/// Shares `n` among strata of these sizes: one for each that has any while there are enough, the rest in proportion by
/// largest remainders (Hamilton), never more than a stratum has. Ties go to the earlier stratum.
pub fn allocate(sizes: &[u64], n: u64) -> Vec<u64> {
    let total: u64 = sizes.iter().sum();
    let n = n.min(total);
    let filled = sizes.iter().filter(|s| **s > 0).count() as u64;
    let floor = u64::from(n >= filled);
    let mut out: Vec<u64> = sizes.iter().map(|s| floor.min(*s)).collect();
    let mut left = n - out.iter().sum::<u64>();
    // What a stratum cannot give goes to the others: at most as many rounds as there are strata.
    while left > 0 {
        let open: Vec<usize> = (0..sizes.len()).filter(|i| out[*i] < sizes[*i]).collect();
        let weight: u128 = open.iter().map(|i| u128::from(sizes[*i])).sum();
        if weight == 0 {
            break;
        }
        let round = left;
        let mut remainders = Vec::with_capacity(open.len());
        for i in &open {
            let exact = u128::from(round) * u128::from(sizes[*i]);
            let whole = u64::try_from(exact / weight).unwrap_or(u64::MAX).min(sizes[*i] - out[*i]).min(left);
            out[*i] += whole;
            left -= whole;
            remainders.push((exact % weight, *i));
        }
        remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, i) in remainders {
            if left > 0 && out[i] < sizes[i] {
                out[i] += 1;
                left -= 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;

    fn bank(sizes: &[(&str, &str, usize)]) -> Bank {
        let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
        for (file, lang, n) in sizes {
            let text = files.entry(PathBuf::from(file)).or_default();
            let stem = file.rsplit('/').next().unwrap().trim_end_matches(".jsonl");
            for i in 0..*n {
                let id = format!("G-{stem}-{lang}{i:03}");
                *text += &format!(
                    "{{\"id\":\"{id}\",\"text\":\"{stem} {lang} {i}\",\"lang\":\"{lang}\",\"added\":\"2026-11-22\"}}\n"
                );
            }
        }
        Bank::of_files("test", files.into_iter().map(|(p, t)| (p, t.into_bytes())).collect()).unwrap()
    }

    fn draws(n: u64) -> [Draw; 1] {
        [Draw { bank: BankKind::Generated, n }]
    }

    #[test]
    fn the_same_seed_draws_the_same_and_can_be_redrawn_by_hand() {
        let bank = bank(&[
            ("generated/A1a.jsonl", "zh", 40),
            ("generated/A1b.jsonl", "zh", 20),
            ("generated/A1b.jsonl", "en", 10),
        ]);
        let scope = Scope::default();
        let one = draw(&bank, "seed-1", &scope, &draws(14)).unwrap();
        assert_eq!(one, draw(&bank, "seed-1", &scope, &draws(14)).unwrap());
        assert_ne!(one.drawn, draw(&bank, "seed-2", &scope, &draws(14)).unwrap().drawn);
        let ids: Vec<&str> = one.drawn[&BankKind::Generated].iter().map(|d| d.id.as_str()).collect();
        let of = |part: &str| ids.iter().filter(|id| id.contains(part)).count();
        assert_eq!((of("A1a-zh"), of("A1b-zh"), of("A1b-en")), (8, 4, 2));
        // printf 'seed-1\ngenerated\nG-A1a-001' | sha256sum
        assert_eq!(
            place("seed-1", BankKind::Generated, "G-A1a-001"),
            "6b17c57785cc4f62c017d6ce0a7a598cbf39a77b125dece263f6ffb61d6c14a4"
        );
        let read: Manifest = serde_json::from_slice(&one.to_bytes()).unwrap();
        assert_eq!(read.sha256(), one.sha256());
        assert_eq!(one.questions(&bank).unwrap().len(), 14);
        // A question that says something else now is no longer what was drawn.
        let changed = Bank::of_files("other", vec![("generated/A1a.jsonl".into(), Vec::new())]).unwrap();
        assert!(one.questions(&changed).is_err());
        assert!(draw(&bank, "x", &scope, &draws(71)).unwrap_err().to_string().contains("which has 70"));
    }

    #[test]
    fn retired_and_foreign_questions_are_not_drawn() {
        let line = |id: &str, more: &str| {
            format!("{{\"id\":\"{id}\",\"text\":\"t {id}\",\"lang\":\"zh\",\"added\":\"2026-11-22\"{more}}}\n")
        };
        let text = line("G-A1a-001", "")
            + &line("G-A1a-002", ",\"retired\":\"2026-11-23\"")
            + &line("G-A1a-003", ",\"modality\":\"image\"");
        let bank = Bank::of_files("t", vec![("generated/A1a.jsonl".into(), text.into_bytes())]).unwrap();
        let drawn = draw(&bank, "s", &Scope::default(), &draws(1)).unwrap();
        assert_eq!(drawn.available[&BankKind::Generated], 1);
        let both = Scope { modalities: vec![Modality::Text, Modality::Image], ..Scope::default() };
        assert_eq!(draw(&bank, "s", &both, &draws(2)).unwrap().available[&BankKind::Generated], 2);
    }

    proptest! {
        #[test]
        fn allocation_gives_what_is_asked_for_and_never_more_than_there_is(
            sizes in proptest::collection::vec(0_u64..300, 1..40), n in 0_u64..4_000,
        ) {
            let out = allocate(&sizes, n);
            let total: u64 = sizes.iter().sum();
            prop_assert_eq!(out.iter().sum::<u64>(), n.min(total));
            prop_assert!(out.iter().zip(&sizes).all(|(o, s)| o <= s));
            let filled = sizes.iter().filter(|s| **s > 0).count() as u64;
            if n.min(total) >= filled {
                prop_assert!(out.iter().zip(&sizes).all(|(o, s)| *s == 0 || *o >= 1));
            }
            // In proportion, but for rounding and the one that each group is given.
            for (o, s) in out.iter().zip(&sizes) {
                let exact = n.min(total) as f64 * *s as f64 / (total.max(1) as f64);
                prop_assert!((*o as f64 - exact).abs() <= filled as f64 + 1.0);
            }
        }

        #[test]
        fn a_larger_sample_of_a_stratum_holds_the_smaller(n in 1_u64..40, seed in "[a-z]{1,8}") {
            let bank = bank(&[("generated/A1a.jsonl", "zh", 40)]);
            let ids = |n| draw(&bank, &seed, &Scope::default(), &draws(n)).unwrap().drawn[&BankKind::Generated].clone();
            let (small, large) = (ids(n), ids(40.min(n + 5)));
            prop_assert!(small.iter().all(|d| large.contains(d)));
        }
    }
}
