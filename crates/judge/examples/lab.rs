use menshen_judge::*;
use std::path::Path;
fn main() {
    let recipe = recipe::Recipe::load(Path::new("models/judge/recipe.toml")).unwrap();
    let t = std::time::Instant::now();
    let data = dataset::Dataset::load(&recipe, Some(Path::new("../shared/data"))).unwrap();
    eprintln!("load {:?} {} records absent {:?}", t.elapsed(), data.records.len(), data.absent);
    for (k, v) in data.counts() {
        eprint!("{}/{:?}={v} ", k.0, k.1);
    }
    eprintln!();
    let skip = std::env::var("SKIP").unwrap_or_default();
    let train: Vec<_> = data.of(dataset::Split::Train).filter(|r| !skip.split(',').any(|s| s == r.source)).collect();
    let plain: Vec<_> = train.iter().filter(|r| !r.template).map(|r| r.example.clone()).collect();
    let templates: Vec<_> = train.iter().filter(|r| r.template).map(|r| r.example.clone()).collect();
    let grown = seeds::grow::grow(&plain, &templates, &recipe.growth, recipe.seed);
    eprintln!("train {} templates {} grown {}", plain.len(), templates.len(), grown.len());
    let t = std::time::Instant::now();
    let model = train::fast::train(&grown, heads::FIXED + data.topics.len(), &recipe.fast, recipe.seed, &mut |p| {
        eprintln!("{p:?}")
    });
    eprintln!("trained {:?}", t.elapsed());
    let predict = |e: &train::Example| {
        let r = Reading::of(&e.text, e.side);
        let mut s = vec![];
        let mut l = model.logits(&r, 0, r.tokens.len().min(512), &mut s);
        heads::activate(&mut l);
        l
    };
    let dev = evaluate::judge_all(data.of(dataset::Split::Dev), &predict);
    let th = evaluate::choose_thresholds(&dev, &recipe.thresholds);
    eprintln!("{th:?}");
    let split = if std::env::var("DEV").is_ok() { dataset::Split::Dev } else { dataset::Split::Test };
    let e = evaluate::evaluate("fast", &data, split, &predict, &th, &recipe.thresholds);
    println!("{}", serde_json::to_string_pretty(&e).unwrap());
}
