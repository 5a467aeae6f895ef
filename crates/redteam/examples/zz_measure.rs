use std::sync::Arc;
use menshen_judge::cascade::{Cascade, Options};
use menshen_redteam::score::{Scorer, measure};
#[tokio::main]
async fn main() {
    let text = std::fs::read_to_string("/work/shared/data/answers.jsonl").unwrap();
    let rows = measure::rows(&text, "answers.jsonl").unwrap();
    let judge: Arc<dyn menshen_judge::Judge> = Arc::new(Cascade::new(menshen_judge::shipped::model().unwrap(), Options { budget: std::time::Duration::from_secs(5), encoder: true }));
    let scorer = Scorer::native_only(judge.clone()).unwrap();
    let mut all = Vec::new();
    for m in [measure::Measured::Native(judge.clone()), measure::Measured::Rules, measure::Measured::Panel(&scorer)] {
        all.extend(measure::by_set(&m, &rows).await.unwrap());
    }
    println!("{}", measure::table(&all));
    for c in all.iter().filter(|c| c.set.contains(", all")) { println!("{}", c.entry("menshen redteam judges --measure --data DIR")); }
}
