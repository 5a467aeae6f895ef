//! Which template is changed next.

use fastrand::Rng;

use super::operators::roulette;

/// UCB's constant (GPTFuzz).
const UCB_C: f64 = 1.0;
/// EXP3's share of even exploration and its learning rate (GPTFuzz).
const EXP3_GAMMA: f64 = 0.05;
const EXP3_ALPHA: f64 = 25.0;
/// MCTS-explore: weight of exploration, probability of an early stop, floor of the reward, penalty a level (GPTFuzz).
const MCTS_RATIO: f64 = 0.5;
const MCTS_ALPHA: f64 = 0.1;
const MCTS_BETA: f64 = 0.2;
const MCTS_PENALTY: f64 = 0.1;
/// Softmax of scores between 0 and 1 is nearly even; divided by this, a tenth makes a factor of e.
const TEMPERATURE: f64 = 0.1;

/// The names, as a plan writes them.
pub(super) const NAMES: &[&str] = &["roulette", "round_robin", "random", "ucb", "exp3", "mcts"];

/// What a selector sees of a template of the pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arm {
    /// The template that it was made from.
    pub(super) parent: Option<usize>,
    /// Mean fitness; `None` when it was not tried.
    pub(super) fitness: Option<f64>,
}

/// A choice: the template is the last of the path, those before it are what it descends from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draw {
    pub(super) path: Vec<usize>,
    /// How probable the choice was (EXP3 weighs by it).
    probability: f64,
}

impl Draw {
    /// A choice that nothing else could have been.
    pub(super) fn sure(arm: usize) -> Draw {
        Draw { path: vec![arm], probability: 1.0 }
    }

    /// The template chosen.
    pub(super) fn arm(&self) -> usize {
        self.path.last().copied().unwrap_or_default()
    }
}

/// How a choice is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Roulette,
    RoundRobin,
    Random,
    Ucb,
    Exp3,
    Mcts,
}

/// Chooses templates and learns from what came of them.
#[derive(Debug)]
pub(super) struct Selector {
    rule: Rule,
    steps: u32,
    tallies: Vec<Tally>,
}

/// What is known of a template as a parent.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    visits: u32,
    reward: f64,
    /// Logarithm of EXP3's weight: the weights themselves underflow after a few losses.
    weight: f64,
}

impl Selector {
    /// The one with this name.
    pub(super) fn named(name: &str) -> Option<Selector> {
        let rule = match name {
            "roulette" => Rule::Roulette,
            "round_robin" => Rule::RoundRobin,
            "random" => Rule::Random,
            "ucb" => Rule::Ucb,
            "exp3" => Rule::Exp3,
            "mcts" => Rule::Mcts,
            _ => return None,
        };
        Some(Selector { rule, steps: 0, tallies: Vec::new() })
    }

    /// Chooses one of the pool. `None` when the pool is empty.
    pub(super) fn choose(&mut self, pool: &[Arm], rng: &mut Rng) -> Option<Draw> {
        if pool.is_empty() {
            return None;
        }
        // Who comes into the pool begins with no visits and with EXP3's first weight, 1.
        self.tallies.resize(pool.len(), Tally::default());
        let turn = self.steps as usize % pool.len();
        self.steps = self.steps.saturating_add(1);
        let draw = match self.rule {
            Rule::RoundRobin => Draw::sure(turn),
            Rule::Random => Draw::sure(rng.usize(0..pool.len())),
            Rule::Roulette => Draw::sure(by_fitness(pool, |_| true, rng)),
            Rule::Ucb => Draw::sure(self.best(0..pool.len(), |tally, steps| {
                let visits = f64::from(tally.visits) + 1.0;
                tally.reward / visits + UCB_C * (2.0 * steps.ln() / visits).sqrt()
            })),
            Rule::Exp3 => self.exp3(rng),
            Rule::Mcts => self.descend(pool, rng),
        };
        for at in &draw.path {
            if let Some(tally) = self.tallies.get_mut(*at) {
                tally.visits = tally.visits.saturating_add(1);
            }
        }
        Some(draw)
    }

    /// Counts a trial of a template as it is as one choice of it: what it earned itself is the first that is known.
    pub(super) fn tried(&mut self, arm: usize, reward: f64) {
        if self.tallies.len() <= arm {
            self.tallies.resize(arm + 1, Tally::default());
        }
        if let Some(tally) = self.tallies.get_mut(arm) {
            tally.visits = tally.visits.saturating_add(1);
            tally.reward += reward;
        }
    }

    /// Learns what came of a choice: 0 to 1.
    pub(super) fn learn(&mut self, draw: &Draw, reward: f64) {
        let arms = self.tallies.len().max(1) as f64;
        match self.rule {
            Rule::Exp3 => {
                if let Some(tally) = self.tallies.get_mut(draw.arm()) {
                    // The loss, weighed by how improbable the choice was, so that rare choices are not underrated.
                    tally.weight -= EXP3_ALPHA * (1.0 - reward) / draw.probability.max(f64::EPSILON) / arms;
                }
            }
            Rule::Mcts => {
                let level = draw.path.len().saturating_sub(1) as f64;
                let reward = reward * MCTS_BETA.max(1.0 - MCTS_PENALTY * level);
                for at in &draw.path {
                    if let Some(tally) = self.tallies.get_mut(*at) {
                        tally.reward += reward;
                    }
                }
            }
            _ => {
                if let Some(tally) = self.tallies.get_mut(draw.arm()) {
                    tally.reward += reward;
                }
            }
        }
    }

    /// A choice of which nothing became known: as if it had not been made.
    pub(super) fn forget(&mut self, draw: &Draw) {
        for at in &draw.path {
            if let Some(tally) = self.tallies.get_mut(*at) {
                tally.visits = tally.visits.saturating_sub(1);
            }
        }
    }

    /// The first of the best.
    fn best(&self, among: impl Iterator<Item = usize>, worth: impl Fn(&Tally, f64) -> f64) -> usize {
        let steps = f64::from(self.steps.max(1));
        let mut best = (0, f64::NEG_INFINITY);
        for at in among {
            let value = worth(&self.tallies.get(at).copied().unwrap_or_default(), steps);
            if value > best.1 {
                best = (at, value);
            }
        }
        best.0
    }

    fn exp3(&self, rng: &mut Rng) -> Draw {
        let arms = self.tallies.len().max(1) as f64;
        let top = self.tallies.iter().map(|t| t.weight).fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = self.tallies.iter().map(|t| (t.weight - top).exp()).collect();
        let total: f64 = weights.iter().sum();
        let chances = weights.iter().map(|w| (1.0 - EXP3_GAMMA) * w / total + EXP3_GAMMA / arms);
        let arm = roulette(chances.clone(), rng);
        let probability = chances.clone().nth(arm).unwrap_or(1.0);
        Draw { path: vec![arm], probability }
    }

    /// From the seeds down: at each level the best child, but for a stop on the way now and then.
    fn descend(&self, pool: &[Arm], rng: &mut Rng) -> Draw {
        let worth = |tally: &Tally, steps: f64| {
            let visits = f64::from(tally.visits);
            // The two corrections of GPTFuzz: one visit for the mean, a hundredth for the exploration.
            tally.reward / (visits + 1.0) + MCTS_RATIO * (2.0 * steps.ln() / (visits + 0.01)).sqrt()
        };
        let children = |of: Option<usize>| {
            let of_parent = move |(at, arm): (usize, &Arm)| (arm.parent == of).then_some(at);
            pool.iter().enumerate().filter_map(of_parent).collect::<Vec<_>>()
        };
        let mut path = vec![self.best(children(None).into_iter(), worth)];
        loop {
            let next = children(path.last().copied());
            if next.is_empty() || rng.f64() < MCTS_ALPHA {
                break;
            }
            path.push(self.best(next.into_iter(), worth));
        }
        Draw { path, probability: 1.0 }
    }
}

/// Softmax roulette over mean fitness (AutoDAN); what was not tried counts as the mean of what was.
pub(super) fn by_fitness(pool: &[Arm], allowed: impl Fn(usize) -> bool + Clone, rng: &mut Rng) -> usize {
    let known: Vec<f64> = pool.iter().filter_map(|a| a.fitness).collect();
    let mean = if known.is_empty() { 0.0 } else { known.iter().sum::<f64>() / known.len() as f64 };
    let weights = pool.iter().enumerate().map(|(at, arm)| {
        let fitness = arm.fitness.unwrap_or(mean);
        if allowed(at) { (fitness / TEMPERATURE).exp() } else { 0.0 }
    });
    roulette(weights, rng)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(n: usize) -> Vec<Arm> {
        vec![Arm { parent: None, fitness: None }; n]
    }

    /// How often each of five arms is chosen when the third pays best.
    fn chosen(name: &str, rounds: u32) -> Vec<u32> {
        let mut selector = Selector::named(name).expect("a name");
        let mut rng = Rng::with_seed(5);
        let mut count = vec![0; 5];
        let mut arms = pool(5);
        if let Some(arm) = arms.get_mut(2) {
            arm.fitness = Some(0.9);
        }
        for arm in &mut arms {
            arm.fitness = arm.fitness.or(Some(0.1));
        }
        for _ in 0..rounds {
            let draw = selector.choose(&arms, &mut rng).expect("a pool");
            if let Some(n) = count.get_mut(draw.arm()) {
                *n += 1;
            }
            selector.learn(&draw, if draw.arm() == 2 { 0.9 } else { 0.1 });
        }
        count
    }

    #[test]
    fn what_learns_prefers_what_pays_and_what_does_not_is_even() {
        for name in ["roulette", "ucb", "exp3", "mcts"] {
            let count = chosen(name, 500);
            let best = count.get(2).copied().unwrap_or_default();
            assert!(count.iter().enumerate().all(|(at, n)| at == 2 || *n < best), "{name}: {count:?}");
        }
        assert_eq!(chosen("round_robin", 500), [100; 5]);
        assert!(chosen("random", 500).iter().all(|n| (60..150).contains(n)));
        assert!(Selector::named("best").is_none());
        assert!(NAMES.iter().all(|n| Selector::named(n).is_some()));
    }

    #[test]
    fn ucb_tries_each_arm_before_any_twice_as_long_as_none_pays() {
        let mut selector = Selector::named("ucb").expect("ucb");
        let mut rng = Rng::with_seed(0);
        let mut seen: Vec<usize> = Vec::new();
        for _ in 0..6 {
            let draw = selector.choose(&pool(6), &mut rng).expect("a pool");
            selector.learn(&draw, 0.0);
            seen.push(draw.arm());
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn mcts_goes_down_the_tree_and_pays_deep_levels_less() {
        let mut selector = Selector::named("mcts").expect("mcts");
        let tree: Vec<Arm> = (0..4_usize).map(|at| Arm { parent: at.checked_sub(1), fitness: None }).collect();
        let mut rng = Rng::with_seed(2);
        let draw = (0..50)
            .filter_map(|_| selector.choose(&tree, &mut rng))
            .find(|d| d.path.len() == 4)
            .expect("the bottom is reached");
        assert_eq!(draw.path, [0, 1, 2, 3]);
        selector.learn(&draw, 1.0);
        let root = selector.tallies.first().copied().unwrap_or_default();
        assert!((root.reward - 0.7).abs() < 1e-9, "1 − 0.1 × level 3");
        let deep = Draw { path: vec![0; 12], probability: 1.0 };
        let mut fresh = Selector { rule: Rule::Mcts, steps: 0, tallies: vec![Tally::default(); 1] };
        fresh.learn(&deep, 1.0);
        let floor = fresh.tallies.first().copied().unwrap_or_default();
        assert!((floor.reward - 12.0 * MCTS_BETA).abs() < 1e-9, "never below the floor");
    }

    #[test]
    fn a_choice_that_taught_nothing_leaves_no_trace() {
        let mut selector = Selector::named("mcts").expect("mcts");
        let draw = selector.choose(&pool(3), &mut Rng::with_seed(1)).expect("a pool");
        selector.forget(&draw);
        assert!(selector.tallies.iter().all(|t| t.visits == 0 && t.reward == 0.0));
    }
}
