//! Any bytes are a seed file, a model pack, a teacher's answer or a text to read: none of them panics, and what a judge
//! says of a text are probabilities.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use menshen_judge::cascade::{Cascade, Options};
use menshen_judge::pack::ModelPack;
use menshen_judge::seeds::{Seeds, expand};
use menshen_judge::{Reading, distill, shipped};
use menshen_verdict::Side;

fn shipped() -> &'static Cascade {
    static MODEL: OnceLock<Cascade> = OnceLock::new();
    MODEL.get_or_init(|| Cascade::new(shipped::model().expect("the shipped model"), Options::default()))
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, body)) = data.split_first() else { return };
    let cut = body.len() * usize::from(*kind) / 256;
    let (head, tail) = body.split_at(cut);
    let _ = ModelPack::parse(head, tail);

    let text = String::from_utf8_lossy(body);
    let mut seeds = Seeds::default();
    seeds.read("f", &text, &[]);
    for seed in &seeds.seeds {
        assert!(seeds.section(seed).is_some());
        assert!(!expand(&seed.text, 8).is_empty());
    }
    let _ = distill::answer::texts(&text, &[]);

    for side in [Side::Input, Side::Output] {
        let reading = Reading::of(&text, side);
        assert!(reading.tokens.windows(2).all(|t| t[0].end <= t[1].start));
        let opinion = shipped().opinion(&text, side);
        assert!(opinion.p.iter().all(|p| (0.0..=1.0).contains(p)), "{:?}", opinion.p);
    }
});
