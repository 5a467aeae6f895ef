//! What an inspection costs: word lists of 10,000 and 100,000 words, a few hundred patterns, benign Chinese text.
//!
//! The words are drawn from common characters by a fixed generator and look like words to the automaton; the patterns
//! are those of the packs in this repository, or as many of them as there are.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use menshen_detect::{Engine, Options, Source, SourceKind};
use menshen_verdict::{Role, Side, Verdict};

/// 1,000 characters and more of everyday prose, written for this benchmark.
const PROSE: &str = "清晨的菜市场总是最先醒来的地方。卖豆腐的老人推着小车从巷口进来，车轮压过青石板，发出细碎的声响。\
隔壁的早点铺已经冒起热气，油条在锅里慢慢鼓起来，豆浆的香味飘得很远。上班的人站在门口，一手拿着包，一手接过刚出锅的煎饼，\
匆匆说一声谢谢，就往地铁站走去。孩子们背着书包，三三两两地走在路上，有的还在背昨晚没记熟的课文。学校门口的保安认得每一个学生，\
看到熟悉的面孔就点点头。操场上的梧桐树换了新叶，阳光从叶子的缝隙里落下来，地上满是晃动的光斑。第一节课是语文，老师在黑板上写下\
一首短诗，让大家先读三遍，再说说自己看到了什么。有人说看到了河，有人说看到了月亮，也有人说什么都没有看到，只是觉得安静。老师笑了，\
说觉得安静也是一种看见。中午的食堂很热闹，番茄炒蛋永远排着最长的队。下午的课比较轻松，音乐教室里传出断断续续的琴声，弹错了就重来，\
重来了又弹错，可是没有人着急。放学以后，住在附近的孩子会去图书馆写作业，那里的窗户很大，可以看见远处的山。管理员阿姨养了两盆绿萝，\
叶子垂到书架的第二层。傍晚下了一点小雨，路面变得湿润，路灯一盏一盏亮起来。公交车靠站的时候，司机会多等几秒，因为他知道总有人从\
拐角处跑过来。回到家里，厨房的灯亮着，汤在炉子上轻轻地响。晚饭以后，一家人坐在阳台上，说说这一天遇见的事情：修好的自行车，开花的\
石榴树，忘在教室里的雨伞，还有明天要去看望的外婆。夜里起了风，窗帘轻轻动着，远处传来火车经过的声音。第二天又是晴天，菜市场照旧最先\
醒来，卖豆腐的老人照旧推着小车从巷口进来。周末的时候，城里的人喜欢到河边走走。河水不深，清得能看见底下的石头，几个孩子卷起裤腿去摸\
小鱼，大人坐在岸边聊天，说起最近的房价、新开的超市和下个月的运动会。有人带了风筝，线放得很长，风筝变成一个小小的黑点。天色渐晚，\
大家收拾东西慢慢往回走，路边的小店飘出烤红薯的香味，买一个捧在手里，从手心一直暖到心里。";

/// Common characters, so that words share beginnings with each other and with the prose.
const COMMON: &str = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白教速花带安场身车例真务具万每目至达走积示议声报斗完类八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且究观越织装影算低持音众书布复容儿须际商非验连断深难近矿千周委素技备半办青省列习响约支般史感劳便团往酸历市克何除消构府称太准精值号率族维划选标写存候毛亲快效斯院查江型眼王按格养易置派层片始却专状育厂京识适属圆包火住调满县局照参红细引听该铁价严龙飞";

fn words(count: usize) -> Source {
    let chars: Vec<char> = COMMON.chars().collect();
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap_or(0)
    };
    let mut body = String::from("# id: kw.bench\n# risk: A1h\n# sound: true\n");
    for _ in 0..count {
        // Real lists are mostly of three and four characters.
        let length = [3, 3, 4, 4, 4, 5, 6][next(7)];
        for _ in 0..length {
            body.push(chars[next(chars.len())]);
        }
        body.push('\n');
    }
    Source { pack: "bench".into(), path: "bench.txt".into(), body, kind: SourceKind::Keywords }
}

fn patterns() -> Vec<Source> {
    let mut sources = Vec::new();
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
    for pack in fs::read_dir(packs).into_iter().flatten().flatten() {
        for file in fs::read_dir(pack.path().join("patterns")).into_iter().flatten().flatten() {
            let body = fs::read_to_string(file.path()).unwrap_or_default();
            let path = file.path().display().to_string();
            sources.push(Source { pack: "bench".into(), path, body, kind: SourceKind::Patterns });
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn engine(sources: &[Source]) -> Engine {
    Engine::compile(sources, &Options::default()).0
}

fn inspect(c: &mut Criterion) {
    let thousand: String = PROSE.chars().cycle().take(1_000).collect();
    let kibibyte = &PROSE[..PROSE.floor_char_boundary(1_024)];
    let patterns = patterns();
    let mut group = c.benchmark_group("inspect");
    group.throughput(Throughput::Bytes(thousand.len() as u64));
    for count in [10_000, 100_000] {
        let engine = engine(&[words(count)]);
        group.bench_with_input(BenchmarkId::new("keywords_1000_chars", count), &engine, |b, engine| {
            b.iter(|| engine.inspect(black_box(&thousand), Side::Input, Role::User));
        });
        // Folding and the four readings of the word lists alone: what the steps themselves say they took.
        group.bench_with_input(BenchmarkId::new("fold_and_keywords_1000_chars", count), &engine, |b, engine| {
            b.iter_custom(|rounds| {
                let steps = |verdict: Verdict| -> u64 {
                    let own = verdict.stages.iter().filter(|s| s.name == "normalise" || s.name == "keywords");
                    own.map(|s| s.us).sum()
                };
                let us =
                    (0..rounds).map(|_| steps(engine.inspect(black_box(&thousand), Side::Input, Role::User))).sum();
                Duration::from_micros(us)
            });
        });
    }
    group.throughput(Throughput::Bytes(kibibyte.len() as u64));
    let mut all = patterns.clone();
    all.push(words(10_000));
    let full = Arc::new(engine(&all));
    let mut name = String::new();
    let _ = write!(name, "full_1_kib_{}_patterns", full.sizes().1);
    group.bench_function(name, |b| b.iter(|| full.inspect(black_box(kibibyte), Side::Input, Role::User)));
    group.bench_function("stream_1_kib", |b| {
        b.iter(|| {
            let mut stream = full.stream(Side::Output, Role::Assistant);
            for (at, c) in kibibyte.char_indices() {
                stream.push(black_box(&kibibyte[at..at + c.len_utf8()]));
            }
            stream.finish()
        });
    });
    group.finish();
    let mut compile = c.benchmark_group("compile");
    compile.sample_size(10);
    let list = [words(100_000)];
    compile.bench_function("100000_words", |b| b.iter(|| engine(black_box(&list))));
    compile.bench_function("patterns", |b| b.iter(|| engine(black_box(&patterns))));
    compile.finish();
}

criterion_group!(benches, inspect);
criterion_main!(benches);
