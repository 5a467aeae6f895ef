//! What the shipped judge costs, step by step, on one core: reading a text, the first stage, the second stage, and the
//! whole cascade as a request meets it.
//!
//! `second_stage` is every window of the encoder over the text; the cascade asks it only about texts that the first
//! stage is not certain of, so `cascade` is the cheaper the plainer a text is. `both_stages` is reading and both stages
//! together: what a text costs that the first stage leaves open.
//!
//! Each bench runs on one thread. On a machine that does other work, pin it and take the fastest samples.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use menshen_judge::cascade::{Cascade, Options};
use menshen_judge::{Reading, encoder, fast, shipped};
use menshen_verdict::Side;

/// 256 characters of everyday prose, written for these benches; `bench/judge/texts.py` has the same.
const CHINESE: &str = "清晨的菜市场总是最先醒来的地方。卖豆腐的老人推着小车从巷口进来，车轮压过青石板，发出细碎的声响。\
隔壁的早点铺已经冒起热气，油条在锅里慢慢鼓起来，豆浆的香味飘得很远。上班的人站在门口，一手拿着包，一手接过刚出锅的煎饼，\
匆匆说一声谢谢，就往地铁站走去。孩子们背着书包，三三两两地走在路上，有的还在背昨晚没记熟的课文。学校门口的保安认得每一个学生，\
看到熟悉的面孔就点点头。操场上的梧桐树换了新叶，阳光从叶子的缝隙里落下来，地上满是晃动的光斑。第一节课是语文，老师在黑板上写下\
一首短诗，让大家先读三遍，再说说自己看到了什么。";

/// A question of 20 characters.
const QUESTION: &str = "我想学做红烧肉，五花肉要先焯水再炒糖色吗";

/// 1 KiB of English and more.
const ENGLISH: &str = "The market at the corner of our street wakes up before anybody else does. An old man who sells tofu \
pushes his cart in from the lane, and the wheels rattle softly over the stones. Next door the breakfast shop is \
already steaming; dough sticks swell slowly in the pan, and the smell of soy milk travels far. People on their way to \
work stop at the door, a bag in one hand, a hot pancake in the other, say a quick thank you and hurry on to the \
station. Children walk past in twos and threes, and some of them are still learning the poem that they did not finish \
last night. The guard at the school gate knows every one of them and nods when he sees a familiar face. The trees in \
the yard have new leaves, and the light that falls through them dances on the ground. The first lesson is reading: \
the teacher writes a short verse on the board, asks everyone to read it three times, and then to say what they saw. \
One saw a river, another saw the moon, and a third saw nothing at all and only thought that it was quiet. The teacher \
smiled and said that feeling quiet is a way of seeing, too. At noon the canteen is loud, and the longest queue is \
always the one for tomatoes with eggs.";

fn judge(c: &mut Criterion) {
    let mut notes = std::io::stderr();
    let pack = match shipped::model() {
        Ok(pack) => pack,
        Err(error) => {
            let _ = writeln!(notes, "judge: nothing to measure: {error}");
            return;
        }
    };
    let _ = writeln!(notes, "judge: {} {}", pack.manifest.name, pack.manifest.version);
    if pack.encoder.is_none() {
        let _ = writeln!(notes, "judge: this model has no second stage; `second_stage` and `both_stages` are left out");
    }
    let chinese: String = CHINESE.chars().take(256).collect();
    let english = &ENGLISH[..ENGLISH.floor_char_boundary(1_024)];
    let texts = [("zh_256_chars", chinese.as_str()), ("zh_20_chars", QUESTION), ("en_1_kib", english)];
    let cascade = Cascade::new(pack.clone(), Options { budget: Duration::MAX, encoder: true });
    let mut group = c.benchmark_group("judge");
    for (name, text) in texts {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::new("reading", name), text, |b, text| {
            b.iter(|| Reading::of(black_box(text), Side::Input));
        });
        let reading = Reading::of(text, Side::Input);
        // All three fit into one window of the first stage.
        let first = |reading: &Reading, scratch: &mut Vec<u32>| {
            pack.fast.logits(reading, 0, reading.tokens.len().min(fast::MAX_TOKENS), scratch)
        };
        group.bench_with_input(BenchmarkId::new("first_stage", name), &reading, |b, reading| {
            let mut scratch = Vec::new();
            b.iter(|| first(black_box(reading), &mut scratch));
        });
        if let Some(model) = &pack.encoder {
            let second = |reading: &Reading| -> Vec<Vec<f32>> {
                let windows = encoder::windows(reading.tokens.len());
                windows.into_iter().map(|(from, to)| model.logits(reading, from, to)).collect()
            };
            group.bench_with_input(BenchmarkId::new("second_stage", name), &reading, |b, reading| {
                b.iter(|| second(black_box(reading)));
            });
            group.bench_with_input(BenchmarkId::new("both_stages", name), text, |b, text| {
                let mut scratch = Vec::new();
                b.iter(|| {
                    let reading = Reading::of(black_box(text), Side::Input);
                    (first(&reading, &mut scratch), second(&reading))
                });
            });
        }
        group.bench_with_input(BenchmarkId::new("cascade", name), text, |b, text| {
            b.iter(|| cascade.opinion(black_box(text), Side::Input));
        });
    }
    group.finish();
}

criterion_group!(benches, judge);
criterion_main!(benches);
