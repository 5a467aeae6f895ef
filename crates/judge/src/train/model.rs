//! From a recipe to a model pack: grow, train both stages, calibrate, choose thresholds.

use std::collections::BTreeMap;

use super::{Example, Progress};
use crate::calibrate::Calibration;
use crate::cascade::{Cascade, Options};
use crate::dataset::{Dataset, Split};
use crate::evaluate::{Judged, Thresholds, choose_thresholds, judge_all};
use crate::fast;
use crate::heads::{FIXED, activate};
use crate::pack::{Cascading, FORMAT, Made, Manifest, ModelPack};
use crate::reading::Reading;
use crate::recipe::{Recipe, RecipeError};
use crate::seeds::grow::grow;

/// Trains a model by a recipe.
///
/// # Errors
/// When there is nothing to train or to calibrate on.
pub fn train(recipe: &Recipe, dataset: &Dataset, progress: &mut dyn FnMut(Progress)) -> Result<ModelPack, RecipeError> {
    let of = |template: bool| -> Vec<Example> {
        dataset.of(Split::Train).filter(|r| r.template == template).map(|r| r.example.clone()).collect()
    };
    let (plain, templates) = (of(false), of(true));
    if plain.is_empty() {
        return Err(RecipeError::Empty("training"));
    }
    if dataset.of(Split::Dev).next().is_none() {
        return Err(RecipeError::Empty("development"));
    }
    let grown = grow(&plain, &templates, &recipe.growth, recipe.seed);
    let outputs = FIXED + dataset.topics.len();
    let fast = super::fast::train(&grown, outputs, &recipe.fast, recipe.seed, progress);
    let encoder = recipe
        .encoder
        .as_ref()
        .map(|settings| super::encoder::train(&grown, &[], Some(&fast), outputs, settings, recipe.seed, progress));
    let mut texts: BTreeMap<String, usize> = BTreeMap::new();
    for ((source, split), n) in dataset.counts() {
        texts.insert(format!("{source} {}", format!("{split:?}").to_lowercase()), n);
    }
    let mut pack = ModelPack {
        manifest: Manifest {
            format: FORMAT.to_owned(),
            name: recipe.name.clone(),
            version: String::new(),
            topics: dataset.topics.clone(),
            fast: fast.shape,
            encoder: encoder.as_ref().map(|e| e.shape),
            calibration: Calibration::default(),
            calibration_both: Calibration::default(),
            thresholds: Thresholds::default(),
            cascade: Cascading::default(),
            made: Made {
                recipe: recipe.hash(),
                data: dataset.hash.clone(),
                seed: recipe.seed,
                program: env!("CARGO_PKG_VERSION").to_owned(),
                texts,
                licences: recipe.sources.iter().map(|s| (s.name.clone(), s.licence.clone())).collect(),
                absent: dataset.absent.clone(),
                grown: grown.len(),
            },
        },
        fast,
        encoder,
    };
    calibrate(&mut pack, dataset, recipe);
    Ok(pack)
}

/// Fits the calibration of both stages on the development split and chooses the thresholds of the cascade, as the recipe
/// says.
pub fn calibrate(pack: &mut ModelPack, dataset: &Dataset, recipe: &Recipe) {
    let fast = |example: &Example| {
        let reading = Reading::of(&example.text, example.side);
        pack.fast.logits(&reading, 0, reading.tokens.len().min(fast::MAX_TOKENS), &mut Vec::new())
    };
    let records = || dataset.of(Split::Dev).filter(|r| !r.template);
    let first: Vec<Vec<f32>> = records().map(|r| fast(&r.example)).collect();
    let finish = |mut logits: Vec<f32>| {
        activate(&mut logits);
        logits
    };
    let judged = |logits: Vec<Vec<f32>>| -> Vec<Judged<'_>> {
        records().zip(logits).map(|(record, l)| Judged { record, p: finish(l) }).collect()
    };
    let calibration = Calibration::fit(&judged(first.clone()), recipe.evidence);
    let both = pack.encoder.as_ref().map(|encoder| {
        let share = pack.manifest.cascade.share;
        let mixed = records().zip(first).map(|(record, mut logits)| {
            let reading = Reading::of(&record.example.text, record.example.side);
            let windows = crate::encoder::windows(reading.tokens.len());
            let n = windows.len() as f32;
            let second: Vec<Vec<f32>> = windows.iter().map(|(from, to)| encoder.logits(&reading, *from, *to)).collect();
            for (place, value) in logits.iter_mut().enumerate() {
                let mean = second.iter().filter_map(|l| l.get(place)).sum::<f32>() / n;
                *value = *value * (1.0 - share) + mean * share;
            }
            logits
        });
        Calibration::fit(&judged(mixed.collect()), recipe.evidence)
    });
    pack.manifest.calibration = calibration;
    pack.manifest.calibration_both = both.unwrap_or(calibration);
    // The cascade's own scores decide where its thresholds lie; a budget would make them depend on the machine.
    let cascade = Cascade::new(pack.clone(), Options { budget: std::time::Duration::MAX, encoder: true });
    let predict = |example: &Example| cascade.opinion(&example.text, example.side).p;
    pack.manifest.thresholds = choose_thresholds(&judge_all(dataset.of(Split::Dev), &predict), &recipe.thresholds);
}
