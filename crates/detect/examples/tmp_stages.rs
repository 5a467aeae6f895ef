#![allow(clippy::all, clippy::print_stdout, clippy::unwrap_used, missing_docs)]
use menshen_detect::*;
use menshen_verdict::{Role, Side};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
include!("../benches/parts.in");
fn main() {
    let thousand: String = PROSE.chars().cycle().take(1_000).collect();
    let kib = &PROSE[..PROSE.floor_char_boundary(1_024)];
    for (name, sources, text) in [
        ("kw10k", vec![words(10_000)], thousand.as_str()),
        ("kw100k", vec![words(100_000)], thousand.as_str()),
        (
            "full",
            {
                let mut p = patterns();
                p.push(words(10_000));
                p
            },
            kib,
        ),
    ] {
        let t = Instant::now();
        let (engine, d) = Engine::compile(&sources, &Options::default());
        println!(
            "{name}: compile {:?} {} diags sizes {:?} hold {}",
            t.elapsed(),
            d.len(),
            engine.sizes(),
            engine.hold_bytes()
        );
        let mut best: BTreeMap<String, u128> = BTreeMap::new();
        let mut total = u128::MAX;
        for _ in 0..3000 {
            let t = Instant::now();
            let v = engine.inspect(text, Side::Input, Role::User);
            total = total.min(t.elapsed().as_nanos());
            for s in v.stages {
                let e = best.entry(s.name.to_string()).or_insert(u128::MAX);
                *e = (*e).min(s.us as u128);
            }
        }
        println!(
            "  total {} us; stages {best:?}; findings {:?}",
            total as f64 / 1000.0,
            engine
                .inspect(text, Side::Input, Role::User)
                .findings
                .iter()
                .map(|f| f.detector.to_string())
                .collect::<Vec<_>>()
        );
        let engine = Arc::new(engine);
        let t = Instant::now();
        let _ = engine.stream(Side::Output, Role::Assistant);
        println!("  first stream {:?}", t.elapsed());
        let mut best = u128::MAX;
        for _ in 0..200 {
            let t = Instant::now();
            let mut s = engine.stream(Side::Output, Role::Assistant);
            for (at, c) in text.char_indices() {
                s.push(&text[at..at + c.len_utf8()]);
            }
            best = best.min(t.elapsed().as_nanos());
        }
        println!("  stream push {} us", best as f64 / 1000.0);
    }
}
