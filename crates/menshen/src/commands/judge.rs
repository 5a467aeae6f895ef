//! `menshen judge`: train, evaluate and ship the models that label every request.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use menshen_gateway::Config;
use menshen_judge::card::card;
use menshen_judge::cascade::{Cascade, Options};
use menshen_judge::dataset::{Dataset, Split};
use menshen_judge::evaluate::{Evaluation, evaluate};
use menshen_judge::pack::ModelPack;
use menshen_judge::recipe::Recipe;
use menshen_judge::report;
use menshen_judge::seeds::Seeds;
use menshen_judge::seeds::lint::{Minimums, count, lint};
use menshen_judge::train::{self, Example};

use super::print;

mod distill;

/// The recipe of the shipped model.
const RECIPE: &str = "models/judge/recipe.toml";

/// What can be done with judges.
#[derive(Subcommand)]
pub enum Judge {
    /// Ask a teacher model for seeds and labels, then train
    Distill(distill::Distill),
    /// Check seeds: format, duplicates, balance, leakage into the evaluation split
    Lint(Lint),
    /// Print the texts of a recipe with their labels and splits, one JSON object a line
    Texts(Texts),
    /// Train a model by a recipe and write its pack
    Train(Train),
    /// Measure a model pack on texts that it has not learnt from
    Eval(Eval),
    /// Fit a pack's calibration and thresholds anew
    Calibrate(Calibrate),
    /// Copy a pack, with or without its second stage
    Export(Export),
    /// Write a pack's card
    Card(Card),
}

/// Which texts.
#[derive(Args)]
pub struct Data {
    /// The recipe
    #[arg(long, default_value = RECIPE)]
    recipe: PathBuf,
    /// The folder of further data; sources whose file is not there are left out
    #[arg(long)]
    data: Option<PathBuf>,
}

impl Data {
    fn load(&self) -> Result<(Recipe, Dataset)> {
        let recipe = Recipe::load(&self.recipe)?;
        let dataset = Dataset::load(&recipe, self.data.as_deref())?;
        if !dataset.absent.is_empty() {
            tracing::warn!(sources = dataset.absent.join(", "), "sources without their file are left out");
        }
        Ok((recipe, dataset))
    }
}

/// Check seeds.
#[derive(Args)]
pub struct Lint {
    /// The recipe that names the seeds and the evaluation split
    #[arg(long, default_value = RECIPE)]
    recipe: PathBuf,
    /// Do not ask for the numbers of texts that the shipped seeds are held to
    #[arg(long)]
    no_minimums: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Print texts.
#[derive(Args)]
pub struct Texts {
    #[command(flatten)]
    data: Data,
    /// Only this split
    #[arg(long, value_parser = ["train", "dev", "test"])]
    split: Option<String>,
}

/// Train a model.
#[derive(Args)]
pub struct Train {
    #[command(flatten)]
    data: Data,
    /// The folder of the pack
    #[arg(long)]
    out: PathBuf,
    /// Leave the second stage out
    #[arg(long)]
    fast_only: bool,
    /// Another seed than the recipe's; the encoders of [[encoder.member]] keep theirs
    #[arg(long)]
    seed: Option<u64>,
}

/// Measure a model pack.
#[derive(Args)]
pub struct Eval {
    #[command(flatten)]
    data: Data,
    /// The folder of the pack; without it the shipped one
    #[arg(long)]
    pack: Option<PathBuf>,
    /// The split: `test`, or `dev` while a recipe is being tuned
    #[arg(long, default_value = "test", value_parser = ["test", "dev"])]
    split: String,
    /// Only both stages together, not the first alone beside it
    #[arg(long)]
    cascade_only: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
    /// Write a page with plots here
    #[arg(long)]
    html: Option<PathBuf>,
}

/// Fit calibration and thresholds anew.
#[derive(Args)]
pub struct Calibrate {
    #[command(flatten)]
    data: Data,
    /// The folder of the pack, which is changed
    #[arg(long)]
    pack: PathBuf,
    /// Share of ordinary texts that may be called risky
    #[arg(long)]
    risky_rate: Option<f32>,
    /// Share of ordinary texts that may be called attacks
    #[arg(long)]
    attack_rate: Option<f32>,
}

/// Copy a pack.
#[derive(Args)]
pub struct Export {
    /// The folder of the pack; without it the shipped one
    #[arg(long)]
    pack: Option<PathBuf>,
    /// Where to
    #[arg(long)]
    out: PathBuf,
    /// Leave the second stage out
    #[arg(long)]
    fast_only: bool,
}

/// Write a card.
#[derive(Args)]
pub struct Card {
    #[command(flatten)]
    data: Data,
    /// The folder of the pack
    #[arg(long)]
    pack: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// With the sentence and exit code of what went wrong.
pub fn run(_config: &Config, judge: Judge) -> Result<ExitCode> {
    match judge {
        Judge::Distill(command) => distill::run(command),
        Judge::Lint(command) => run_lint(&command),
        Judge::Texts(command) => run_texts(&command),
        Judge::Train(command) => run_train(&command),
        Judge::Eval(command) => run_eval(&command),
        Judge::Calibrate(command) => run_calibrate(&command),
        Judge::Export(command) => run_export(&command),
        Judge::Card(command) => run_card(&command),
    }
}

fn run_lint(command: &Lint) -> Result<ExitCode> {
    let recipe = Recipe::load(&command.recipe)?;
    let topics = recipe.topics()?;
    let read = |path: &Path| Seeds::load(path, &topics).with_context(|| format!("{} cannot be read", path.display()));
    let evaluation = read(&recipe.evaluation)?;
    let mut seeds = read(&recipe.seeds)?;
    if let Ok(inside) = recipe.evaluation.strip_prefix(&recipe.seeds) {
        seeds.leave_out(&format!("{}/", inside.to_string_lossy()));
    }
    let none = Minimums { texts: 0, risky: 0, related: 0, attack: 0, topic: 0 };
    let minimums = if command.no_minimums { none } else { Minimums::SHIPPED };
    let problems = lint(&seeds, &evaluation, topics.len(), &minimums);
    let counts = count(&seeds);
    if command.json {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let document = serde_json::json!({ "counts": counts, "evaluation": count(&evaluation), "problems": lines });
        print(&serde_json::to_string_pretty(&document)?)?;
    } else {
        for problem in &problems {
            print(&problem.to_string())?;
        }
        let held = evaluation.seeds.len();
        print(&format!("{} texts in {} families, {held} kept for evaluation", counts.texts, counts.families))?;
        for (what, map) in [
            ("level", &counts.level),
            ("intent", &counts.intent),
            ("lang", &counts.lang),
            ("attack", &counts.attack),
            ("risk", &counts.risk),
        ] {
            let parts: Vec<String> = map.iter().map(|(k, n)| format!("{k} {n}")).collect();
            print(&format!("{what}: {}", parts.join(", ")))?;
        }
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn run_texts(command: &Texts) -> Result<ExitCode> {
    let (_, dataset) = command.data.load()?;
    for record in dataset.records.iter().filter(|r| !r.template) {
        let split = format!("{:?}", record.split).to_lowercase();
        if command.split.as_ref().is_some_and(|wanted| *wanted != split) {
            continue;
        }
        let t = &record.example.targets;
        let ids = |known: Option<u32>, list: Vec<&'static str>| known.map(|_| list);
        let line = serde_json::json!({
            "text": record.example.text, "side": record.example.side, "lang": record.lang, "source": record.source,
            "split": split, "family": record.family, "harmless": record.harmless,
            "level": t.level, "intent": t.intent, "sentiment": t.sentiment, "attack": t.attack,
            "topic": t.topic.and_then(|i| dataset.topics.get(usize::from(i))),
            "risks": ids(t.risks, t.risk_list().map(|r| r.id()).collect()),
            "attacks": ids(t.attacks, t.attack_list().map(|a| a.id()).collect()),
            "unsafe": t.unsafe_answer, "refusal": t.refusal,
        });
        print(&line.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn run_train(command: &Train) -> Result<ExitCode> {
    let (mut recipe, dataset) = command.data.load()?;
    if command.fast_only {
        recipe.encoder = None;
    }
    if let Some(seed) = command.seed {
        recipe.seed = seed;
    }
    let pack = train::model::train(&recipe, &dataset, &mut |p| {
        // Progress is for whoever waits, not for the log; that it cannot be shown is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{} {}/{} loss {:.4}", p.stage, p.epoch, p.epochs, p.loss);
    })?;
    pack.save(&command.out)?;
    // What is on disk is what is loaded and carded: the version is only known once the weights are written.
    let pack = ModelPack::load(&command.out)?;
    write_card(&pack, &dataset, &recipe, &command.out)?;
    print(&format!("{} {} is in {}", pack.manifest.name, pack.manifest.version, command.out.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Both stages together; and the first alone, if wanted and if there is a second.
fn evaluations(pack: &ModelPack, dataset: &Dataset, recipe: &Recipe, split: Split, first: bool) -> Vec<Evaluation> {
    let run = |name: &str, encoder: bool| {
        let cascade = Cascade::new(pack.clone(), Options { budget: Duration::MAX, encoder });
        let predict = |example: &Example| cascade.opinion(&example.text, example.side).p;
        evaluate(name, dataset, split, &predict, &pack.manifest.thresholds, &recipe.thresholds)
    };
    let mut found = Vec::new();
    if first && pack.encoder.is_some() {
        found.push(run("first stage", false));
    }
    found.push(run(if pack.encoder.is_some() { "cascade" } else { "first stage" }, true));
    found
}

fn run_eval(command: &Eval) -> Result<ExitCode> {
    let (recipe, dataset) = command.data.load()?;
    let pack = match &command.pack {
        Some(folder) => ModelPack::load(folder)?,
        None => menshen_judge::shipped::model()?,
    };
    let split = if command.split == "dev" { Split::Dev } else { Split::Test };
    let found = evaluations(&pack, &dataset, &recipe, split, !command.cascade_only);
    if let Some(path) = &command.html {
        let title = format!("{} {}", pack.manifest.name, pack.manifest.version);
        std::fs::write(path, report::html(&found, &title))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if command.json {
        print(&serde_json::to_string_pretty(&found)?)?;
    } else {
        print(&report::table(&found))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn run_calibrate(command: &Calibrate) -> Result<ExitCode> {
    let (mut recipe, dataset) = command.data.load()?;
    let mut pack = ModelPack::load(&command.pack)?;
    if pack.manifest.topics != dataset.topics {
        anyhow::bail!("the pack and the recipe list different topics; use the recipe that the pack was made with");
    }
    recipe.thresholds.risky = command.risky_rate.unwrap_or(recipe.thresholds.risky);
    recipe.thresholds.attack = command.attack_rate.unwrap_or(recipe.thresholds.attack);
    for rate in [recipe.thresholds.risky, recipe.thresholds.attack] {
        if !(0.0..1.0).contains(&rate) {
            anyhow::bail!("a false-positive rate lies in 0..1, such as 0.01; {rate} does not");
        }
    }
    train::model::calibrate(&mut pack, &dataset, &recipe);
    pack.save(&command.pack)?;
    let t = &pack.manifest.thresholds;
    print(&format!("risky from {:.4}, related from {:.2}, attack from {:.4}", t.risky, t.related, t.attack))?;
    Ok(ExitCode::SUCCESS)
}

fn run_export(command: &Export) -> Result<ExitCode> {
    let mut pack = match &command.pack {
        Some(folder) => ModelPack::load(folder)?,
        None => menshen_judge::shipped::model()?,
    };
    if command.fast_only {
        pack.encoder = None;
        pack.manifest.encoder = None;
    }
    pack.save(&command.out)?;
    let pack = ModelPack::load(&command.out)?;
    print(&format!("{} {} is in {}", pack.manifest.name, pack.manifest.version, command.out.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn run_card(command: &Card) -> Result<ExitCode> {
    let (recipe, dataset) = command.data.load()?;
    let pack = ModelPack::load(&command.pack)?;
    write_card(&pack, &dataset, &recipe, &command.pack)?;
    Ok(ExitCode::SUCCESS)
}

fn write_card(pack: &ModelPack, dataset: &Dataset, recipe: &Recipe, folder: &Path) -> Result<()> {
    let found = evaluations(pack, dataset, recipe, Split::Test, true);
    let path = folder.join("CARD.md");
    std::fs::write(&path, card(pack, &found)).with_context(|| format!("{} cannot be written", path.display()))
}
