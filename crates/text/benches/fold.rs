//! What each reading costs per 1,000 Chinese characters. Goal: fold in 30 µs or less.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use menshen_text::decode::{Limits, layers};
use menshen_text::{Folder, is_han};

const SIMPLIFIED: &str = "周末早上，我们沿着河边慢慢走，阳光落在水面上，一群孩子在草地上放风筝。卖早点的摊子冒着热气，\
老人们坐在长椅上聊天，说起年轻时候的故事。吃过饭以后，大家决定去新开的图书馆看看，听说那里有很多有意思的展览，还可以免费借书。";

const TRADITIONAL: &str = "週末早上，我們沿著河邊慢慢走，陽光落在水面上，一群孩子在草地上放風箏。賣早點的攤子冒著熱氣，\
老人們坐在長椅上聊天，說起年輕時候的故事。吃過飯以後，大家決定去新開的圖書館看看，聽說那裡有很多有意思的展覽，還可以免費借書。";

const ENGLISH: &str = "On Saturday morning we walked slowly along the river, the sun lay on the water, and children were \
flying kites on the grass. After breakfast everybody went to see the new library, which has an exhibition this month. ";

/// A thousand characters of a text over and over.
fn thousand(text: &str) -> String {
    text.chars().cycle().take(1_000).collect()
}

#[expect(clippy::print_stdout, reason = "a bench speaks to whoever runs it")]
fn readings(c: &mut Criterion) {
    let start = std::time::Instant::now();
    let folder = Folder::shared();
    println!("tables built in {:?}", start.elapsed());
    for (name, text) in
        [("zh-hans", thousand(SIMPLIFIED)), ("zh-hant", thousand(TRADITIONAL)), ("en", thousand(ENGLISH))]
    {
        let folded = folder.fold(&text);
        assert!(name == "en" || text.chars().filter(|c| is_han(*c)).count() > 850);
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("fold", |b| b.iter(|| folder.fold(black_box(&text))));
        group.bench_function("tight", |b| b.iter(|| folder.tight(black_box(&folded))));
        group.bench_function("composed", |b| b.iter(|| folder.composed(black_box(&folded))));
        group.bench_function("sound", |b| b.iter(|| folder.sound(black_box(&folded))));
        group.bench_function("obfuscation", |b| b.iter(|| folder.obfuscation(black_box(&text))));
        group.bench_function("layers", |b| b.iter(|| layers(black_box(&text), &Limits::default())));
        group.finish();
    }
}

criterion_group!(benches, readings);
criterion_main!(benches);
