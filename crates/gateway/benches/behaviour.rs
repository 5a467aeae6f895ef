//! What one event costs, and what a subject's figures weigh: `cargo bench -p menshen-gateway --bench behaviour`.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use menshen_gateway::behaviour::{Asked, Rules, Watch, What, Who};
use menshen_store::SubjectKind;

const NOW: i64 = 1_735_689_600_000_000;

fn observe(criterion: &mut Criterion) {
    let Ok(rules) = Rules::shipped() else { return };
    let watch = Watch::new(rules, 50_000, 3_600);
    println!("one subject's figures: {} bytes", watch.bytes_each());
    let names: Vec<String> = (0..100_000).map(|n| format!("user-{n}")).collect();
    let who = |subject| Who { tenant: "acme", app: "shop", kind: SubjectKind::User, subject, vouched: true };
    let mut at = NOW;
    let mut next = 0;
    let asked = |risky, n: usize| {
        What::Asked(Asked { risky, network: Some(watch.hash(n)), agent: Some(n as u64 % 7), ..Asked::default() })
    };
    criterion.bench_function("behaviour/harmless, known user", |b| {
        b.iter(|| {
            (at, next) = (at + 100, (next + 1) % 10_000);
            black_box(watch.observe(&who(&names[next]), &asked(false, next), at))
        });
    });
    criterion.bench_function("behaviour/harmless, new user in a full table", |b| {
        b.iter(|| {
            (at, next) = (at + 100, (next + 1) % names.len());
            black_box(watch.observe(&who(&names[next]), &asked(false, next), at))
        });
    });
    criterion.bench_function("behaviour/risky, the same user", |b| {
        b.iter(|| {
            at += 100;
            black_box(watch.observe(&who("the-risky-one"), &asked(true, 1), at))
        });
    });
}

criterion_group!(benches, observe);
criterion_main!(benches);
