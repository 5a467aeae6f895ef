use std::collections::HashSet;

use fastrand::Rng;
use proptest::prelude::*;

use super::selection::NAMES;
use super::words::Synonyms;
use super::*;

fn settings(selection: &str) -> Genetic {
    Genetic { selection: selection.to_owned(), enough: usize::MAX, ..Genetic::default() }
}

/// A target that does more of what is asked the more hidden words stand around the request.
struct Hidden {
    words: Vec<String>,
}

impl Hidden {
    /// Words that the seeds do not hold but changes of them may: synonyms of theirs and words of other sentences.
    fn draw(seeds: &[Seed], data: &Data, seed: u64) -> Hidden {
        let mut rng = Rng::with_seed(seed);
        let all: String = seeds.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n").to_lowercase();
        let mut words: Vec<String> = Vec::new();
        for seed in seeds {
            let synonyms: &Synonyms = &data.of(&seed.lang).synonyms;
            let found = synonyms.words_in(&seed.text).into_iter();
            words
                .extend(found.flat_map(|w| synonyms.others(&w).into_iter().map(str::to_lowercase).collect::<Vec<_>>()));
        }
        words.retain(|w| !all.contains(w.as_str()));
        words.sort();
        words.dedup();
        rng.shuffle(&mut words);
        words.truncate(60);
        Hidden { words }
    }

    fn value(&self, template: &str) -> f32 {
        let text = template.to_lowercase();
        (self.words.iter().filter(|w| text.contains(w.as_str())).count() as f32 / 12.0).min(1.0)
    }

    fn tell(&self, candidates: &[Candidate]) -> Vec<Found> {
        candidates.iter().map(|c| Found { id: c.id.clone(), value: self.value(&c.template), success: false }).collect()
    }
}

/// Mutations of seeds drawn evenly, nothing kept: the best of so many.
fn random_mutation(seeds: &[Seed], data: &Data, target: &Hidden, queries: usize, seed: u64) -> f32 {
    let mut rng = Rng::with_seed(seed);
    let nothing = Momentum::default();
    let mut best = 0.0_f32;
    let mut tried = 0;
    while tried < queries {
        let Some(seed) = operators::pick(seeds, &mut rng) else { break };
        let Some(mutation) = operators::pick(operators::MUTATIONS, &mut rng) else { break };
        let genes = operators::Genes { text: &seed.text, lang: &seed.lang, momentum: &nothing, data };
        if let Some(text) = (mutation.apply)(&genes, &mut rng) {
            best = best.max(target.value(&text));
            tried += 1;
        }
    }
    best
}

#[test]
fn every_selector_beats_random_mutation_in_the_same_budget_on_average() {
    const RUNS: u64 = 20;
    let data = Data::shipped().expect("data");
    let base = Genetic { generations: 10, ..settings("random") };
    let seeds = seeds(&base).expect("seeds");
    let targets: Vec<Hidden> = (0..RUNS).map(|run| Hidden::draw(&seeds, data, run)).collect();
    let random: f32 =
        targets.iter().zip(0..).map(|(target, run)| random_mutation(&seeds, data, target, 120, run)).sum();
    for name in NAMES {
        let mut sum = 0.0;
        for (target, run) in targets.iter().zip(0..) {
            let plan = Genetic { selection: (*name).to_owned(), ..base.clone() };
            let mut search = Search::new(&plan, 1, run).expect("a search");
            let (mut best, mut queries) = (0.0_f32, 0);
            while !search.is_over() {
                let candidates = search.ask();
                queries += candidates.len();
                best = candidates.iter().map(|c| target.value(&c.template)).fold(best, f32::max);
                search.tell(&target.tell(&candidates));
            }
            assert!(queries <= 120, "{queries}");
            sum += best;
        }
        let (mean, baseline) = (sum / RUNS as f32, random / RUNS as f32);
        println!("{name}: {mean:.3}, random mutation: {baseline:.3}");
        assert!(mean > baseline, "{name}: {mean} is not above {baseline}");
    }
}

#[test]
fn lineage_leads_from_every_candidate_back_to_seeds() {
    let mut search = Search::new(&Genetic { generations: 6, ..settings("mcts") }, 3, 11).expect("a search");
    let seeds: HashSet<String> = search.pool.iter().map(|i| i.id.clone()).collect();
    let mut known: std::collections::HashMap<String, u32> = seeds.iter().map(|id| (id.clone(), 0)).collect();
    let mut rng = Rng::with_seed(4);
    let (mut operators, mut elites) = (HashSet::new(), 0);
    while !search.is_over() {
        let candidates = search.ask();
        let ids: HashSet<&String> = candidates.iter().map(|c| &c.id).collect();
        assert_eq!(ids.len(), candidates.len(), "ids are unique");
        for c in &candidates {
            assert_eq!(c.lineage.template.as_ref(), Some(&c.template));
            assert_eq!(c.template.matches(PAYLOAD).count(), 1);
            assert!(!c.write("REQUEST").contains(PAYLOAD) && c.write("REQUEST").contains("REQUEST"));
            assert!(!c.lineage.parents.is_empty() && !c.lineage.operator.is_empty());
            let steps = c.lineage.parents.iter().map(|p| known.get(p).copied().expect("a known parent")).max();
            let unchanged = matches!(c.lineage.operator.as_str(), "seed" | "elite");
            elites += u32::from(c.lineage.operator == "elite");
            assert_eq!(c.lineage.generation, steps.unwrap_or(0) + u32::from(!unchanged));
            assert!(c.goal < 3);
            operators.extend(c.lineage.operator.split('+').map(str::to_owned));
            assert!(c.rewrite.is_none(), "by rule unless asked otherwise");
        }
        known.extend(candidates.iter().map(|c| (c.id.clone(), c.lineage.generation)));
        let found: Vec<Found> =
            candidates.iter().map(|c| Found { id: c.id.clone(), value: rng.f32(), success: false }).collect();
        search.tell(&found);
    }
    assert!(operators.len() >= 10 && elites > 0, "{operators:?}");
}

#[test]
fn a_mutant_enters_the_pool_when_it_succeeds_or_beats_its_parent() {
    let mut search = Search::new(&Genetic { elites: 0.0, ..settings("random") }, 1, 1).expect("a search");
    let first = search.ask();
    assert!(first.iter().all(|c| c.lineage.operator == "seed"));
    search.tell(&first.iter().map(|c| Found { id: c.id.clone(), value: 0.5, success: false }).collect::<Vec<_>>());
    let seeds = search.pool.len();
    let second = search.ask();
    let values = [(0.5, false), (0.4, false), (0.6, false), (0.1, true), (f32::NAN, false)];
    let found: Vec<Found> =
        second.iter().zip(values).map(|(c, (value, success))| Found { id: c.id.clone(), value, success }).collect();
    search.tell(&found);
    let entered: Vec<&str> = search.pool.iter().skip(seeds).map(|i| i.id.as_str()).collect();
    assert_eq!(entered, ["2-03", "2-04"]);
}

#[test]
fn the_search_stops_for_each_of_its_reasons() {
    let run = |plan: &Genetic, options: Options, success: bool| {
        let mut search = Search::with(plan, 2, 9, options).expect("a search");
        let mut asked = Vec::new();
        while !search.is_over() {
            let candidates = search.ask();
            asked.push(candidates.len());
            let found = candidates.iter().map(|c| Found { id: c.id.clone(), value: 0.2, success });
            search.tell(&found.collect::<Vec<_>>());
        }
        assert!(search.ask().is_empty(), "over is over");
        asked
    };
    let plan = settings("ucb");
    assert_eq!(run(&plan, Options::default(), false), [12, 12, 12, 12], "generations");
    assert_eq!(run(&Genetic { enough: 5, ..plan.clone() }, Options::default(), true), [12], "successes");
    assert_eq!(run(&plan, Options { max_queries: Some(17), ..Options::default() }, false), [12, 5], "queries");
    assert_eq!(run(&plan, Options { max_rejects: Some(20), ..Options::default() }, false), [12, 12], "rejects");
    assert_eq!(run(&plan, Options { max_rejects: Some(20), ..Options::default() }, true).len(), 4);
}

#[test]
fn goals_take_turns_and_those_not_reached_go_first() {
    let mut search = Search::new(&settings("random"), 3, 1).expect("a search");
    let first = search.ask();
    for goal in 0..3 {
        assert_eq!(first.iter().filter(|c| c.goal == goal).count(), 4);
    }
    let found = first.iter().map(|c| Found { id: c.id.clone(), value: 0.3, success: c.goal == 1 });
    search.tell(&found.collect::<Vec<_>>());
    assert!(search.ask().iter().filter(|c| c.lineage.operator != "elite").all(|c| c.goal != 1));

    let langs = vec!["zh".to_owned(), "en".to_owned()];
    let options = Options { langs, ..Options::default() };
    let mut search = Search::with(&settings("random"), 2, 1, options).expect("a search");
    for c in search.ask() {
        assert_eq!(c.lineage.parents.iter().all(|p| p.ends_with(".zh")), c.goal == 0, "{:?}", c.lineage.parents);
    }
}

#[test]
fn a_model_may_rewrite_a_mutant_and_a_useless_answer_changes_nothing() {
    let options = Options { rewrites: true, ..Options::default() };
    let mut search = Search::with(&settings("mcts"), 1, 5, options).expect("a search");
    let first = search.ask();
    assert!(first.iter().all(|c| c.rewrite.is_none()), "seeds stay as they are");
    search.tell(&first.iter().map(|c| Found { id: c.id.clone(), value: 0.1, success: false }).collect::<Vec<_>>());
    let second = search.ask();
    let mutant = second.iter().find(|c| c.rewrite.is_some()).expect("a mutant with a prompt");
    assert_eq!(search.rewritten(&mutant.id, "I cannot help with that."), None);
    assert_eq!(search.rewritten("9-99", "Do {payload}."), None);
    let made = search.rewritten(&mutant.id, "<template>Kindly do {payload}.</template>").expect("a template");
    assert_eq!(made.template, "Kindly do {payload}.");
    assert!(made.lineage.operator.contains("+model:"), "{}", made.lineage.operator);
    search.tell(&[Found { id: made.id.clone(), value: 0.9, success: true }]);
    assert!(search.pool.iter().any(|i| i.text == made.template));
}

#[test]
fn settings_that_make_no_sense_are_named_with_what_to_write_instead() {
    assert!(check(&Genetic::default()).is_ok());
    let wrong = |change: fn(&mut Genetic)| {
        let mut plan = Genetic::default();
        change(&mut plan);
        check(&plan).expect_err("wrong settings").to_string()
    };
    assert!(wrong(|p| p.population = 1).contains("write 2 to 1000"));
    assert!(wrong(|p| p.generations = 0).contains("write 1 to 1000"));
    assert!(wrong(|p| p.elites = 1.0).contains("below 1"));
    assert!(wrong(|p| p.crossover = f32::NAN).contains("crossover is NaN; write a probability"));
    assert!(wrong(|p| p.mutation = 1.5).contains("mutation is 1.5"));
    assert!(wrong(|p| p.selection = "best".to_owned()).contains("roulette, round_robin, random, ucb, exp3, mcts"));
    assert!(wrong(|p| p.enough = 0).contains("how many successes"));
    assert!(wrong(|p| p.seeds = vec!["none_such".to_owned()]).contains("packs/redteam/templates"));
    assert!(Search::new(&Genetic::default(), 0, 1).is_err(), "no goal");
}

/// Runs a search with scores that depend on the text alone, told in an order of its own.
fn run(selection: &str, seed: u64, order: u64, missing: usize) -> Vec<Candidate> {
    let mut search = Search::new(&settings(selection), 2, seed).expect("a search");
    let mut order = Rng::with_seed(order);
    let mut all = Vec::new();
    while !search.is_over() {
        let candidates = search.ask();
        let mut found: Vec<Found> = candidates
            .iter()
            .enumerate()
            .filter(|(at, _)| missing == 0 || at % (missing + 1) != 0)
            .map(|(_, c)| {
                let mut score = Rng::with_seed(c.template.bytes().fold(7, |n, b| n * 31 % 65_521 + u64::from(b)));
                Found { id: c.id.clone(), value: score.f32(), success: score.f32() < 0.05 }
            })
            .collect();
        order.shuffle(&mut found);
        search.tell(&found);
        all.extend(candidates);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_same_seed_and_scores_give_the_same_candidates(
        at in 0_usize..6, seed in any::<u64>(), one in any::<u64>(), other in any::<u64>(), missing in 0_usize..3,
    ) {
        let selection = NAMES.get(at).copied().unwrap_or("mcts");
        prop_assert_eq!(run(selection, seed, one, missing), run(selection, seed, other, missing));
    }
}
