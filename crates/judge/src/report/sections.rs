//! What the tables of a report say: evaluations in, one [`Grid`] a subject out.

use std::collections::{BTreeMap, BTreeSet};

use menshen_verdict::Level;

use super::grid::{Grid, Label};
use crate::evaluate::{Confusion, Detection, Evaluation, Figure, PerLabel};
use crate::metrics::Rate;

/// What is printed where nothing was measured.
const NOTHING: &str = "–";

/// A title and a note in both languages, over columns for these evaluations.
fn grid(evaluations: &[Evaluation], title: (&str, &str), note: (&str, &str)) -> Grid {
    Grid {
        title: Label::new(title.0, title.1),
        note: Label::new(note.0, note.1),
        head: evaluations.iter().map(|e| e.model.clone()).collect(),
        rows: Vec::new(),
    }
}

fn cells(evaluations: &[Evaluation], cell: impl Fn(&Evaluation) -> Option<String>) -> Vec<String> {
    evaluations.iter().map(|e| cell(e).unwrap_or_else(|| NOTHING.to_owned())).collect()
}

/// The keys that any of the evaluations has.
pub(super) fn keys<'a, T: 'a>(
    evaluations: &'a [Evaluation],
    of: impl Fn(&'a Evaluation) -> &'a BTreeMap<String, T>,
) -> BTreeSet<&'a str> {
    evaluations.iter().flat_map(|e| of(e).keys().map(String::as_str)).collect()
}

/// A share in percent with its interval, without decimals: "80 (70–87, n=50)".
pub(super) fn brief(rate: &Rate) -> String {
    if rate.of == 0 {
        return NOTHING.to_owned();
    }
    let [r, l, h] = [rate.rate, rate.low, rate.high].map(|v| v * 100.0);
    format!("{r:.0} ({l:.0}–{h:.0}, n={})", rate.of)
}

/// A figure with its interval: "0.62 (0.58–0.66, n=577)".
pub(super) fn figure(figure: &Figure) -> String {
    if figure.n == 0 {
        return NOTHING.to_owned();
    }
    format!("{:.3} ({:.3}–{:.3}, n={})", figure.value, figure.low, figure.high, figure.n)
}

/// The four detections: names in both languages, the key of its curve, and where it is.
pub(super) type Seen = (&'static str, &'static str, &'static str, fn(&Evaluation) -> Option<&Detection>);

/// In the order of the report.
pub(super) const DETECTIONS: [Seen; 4] = [
    ("风险·中文", "risky, Chinese", "risky zh", |e| Some(&e.risky_zh)),
    ("风险·英文", "risky, English", "risky en", |e| Some(&e.risky_en)),
    ("攻击·中文", "attack, Chinese", "attack zh", |e| e.attack.get("zh")),
    ("攻击·英文", "attack, English", "attack en", |e| e.attack.get("en")),
];

/// "1 %", as the first evaluation has it: evaluations of one report share their recipe.
pub(super) fn stated_rate(evaluations: &[Evaluation], of: impl Fn(&Evaluation) -> Option<&Detection>) -> String {
    let rate = evaluations.iter().find_map(of).map_or(0.0, |d| f64::from(d.false_positive_rate));
    // A rate is given in a recipe with few digits; the detour over f32 must not add any.
    let text = format!("{:.2}", rate * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The passed share of what was flagged so often.
fn passed(flagged: &Rate) -> Rate {
    Rate::new(flagged.of.saturating_sub(flagged.hits), flagged.of)
}

/// Every table of the report, in its order.
pub(super) fn all(evaluations: &[Evaluation]) -> Vec<Grid> {
    let mut grids = vec![targets(evaluations), risks(evaluations), levels(evaluations)];
    grids.extend(sources(evaluations));
    grids.extend(flagged(evaluations));
    grids.push(attacks(evaluations));
    grids.extend(answers(evaluations));
    grids.extend([robustness(evaluations), texts(evaluations)]);
    grids
}

/// The figures that the model is made for.
pub(super) fn targets(evaluations: &[Evaluation]) -> Grid {
    let note = ("括号内为95 %置信区间与样本数", "In brackets: the 95 % interval and the number of texts.");
    let mut grid = grid(evaluations, ("目标", "Targets"), note);
    let mut row = |zh: String, en: String, cell: &dyn Fn(&Evaluation) -> Option<String>| {
        grid.rows.push((Label::new(zh, en), cells(evaluations, cell)));
    };
    for (zh, en, _, of) in DETECTIONS {
        let rate = stated_rate(evaluations, of);
        row(format!("{zh}：误报率{rate}时的召回率"), format!("{en}: recall at {rate} FPR"), &|e| {
            Some(of(e)?.recall_at.to_string())
        });
        row(format!("{zh}：所选阈值的召回率"), format!("{en}: recall at the threshold"), &|e| {
            Some(of(e)?.recall.to_string())
        });
        row(format!("{zh}：所选阈值的误报率"), format!("{en}: harmless flagged there"), &|e| {
            Some(of(e)?.false_positives.to_string())
        });
        row(format!("{zh}：AUC"), format!("{en}: AUC"), &|e| Some(format!("{:.3}", of(e)?.auc?)));
    }
    for (lang, zh, en) in [("zh", "中文", "Chinese"), ("en", "英文", "English")] {
        row(format!("敏感但无害·{zh}：误报率"), format!("sensitive, {en}: flagged"), &|e| {
            Some(e.flagged.get(&format!("sensitive {lang}"))?.to_string())
        });
        row(format!("近似样本·{zh}：放行率"), format!("near miss, {en}: passed"), &|e| {
            Some(passed(e.flagged.get(&format!("near_miss {lang}"))?).to_string())
        });
    }
    row("风险类别：宏平均F1".into(), "risk macro-F1".into(), &|e| Some(figure(&e.risk_macro_f1)));
    row("攻击子类：宏平均F1".into(), "attack macro-F1".into(), &|e| Some(figure(&e.attack_macro_f1)));
    row("等级：准确率".into(), "level accuracy".into(), &|e| Some(e.level.to_string()));
    row("意图：准确率".into(), "intent accuracy".into(), &|e| Some(e.intent.to_string()));
    row("主题：准确率".into(), "topic accuracy".into(), &|e| Some(e.topic.to_string()));
    row("主题：前三命中率".into(), "topic in the top three".into(), &|e| Some(e.topic_top3.to_string()));
    for source in keys(evaluations, |e| &e.sentiment) {
        row(format!("情感·{source}：准确率"), format!("sentiment accuracy, {source}"), &|e| {
            Some(e.sentiment.get(source)?.to_string())
        });
    }
    for head in keys(evaluations, |e| &e.calibration) {
        row(format!("校准误差 ECE·{}", head_zh(head)), format!("ECE, {head}"), &|e| {
            Some(format!("{:.3}", e.calibration.get(head)?))
        });
    }
    grid
}

/// The Chinese name of a head of the calibration.
pub(super) fn head_zh(head: &str) -> &str {
    match head {
        "risky" => "风险",
        "attack" => "攻击",
        "risk topics" => "风险类别",
        "intent" => "意图",
        "sentiment" => "情感",
        "topic" => "主题",
        "unsafe answer" => "不安全回答",
        "refusal" => "拒答",
        other => other,
    }
}

/// "F1 75 · P 80 (70–87, n=50) · R 71 (60–80, n=56)"; nothing where no text has the label or was said to.
fn per_label(label: &PerLabel) -> Option<String> {
    let hits = (label.recall * label.support as f64).round() as usize;
    let precision = brief(&Rate::new(hits, label.found));
    match (label.support, label.found) {
        (0, 0) => None,
        (0, _) => Some(format!("F1 {NOTHING} · P {precision} · R {NOTHING}")),
        (n, _) => Some(format!("F1 {:.0} · P {precision} · R {}", label.f1 * 100.0, brief(&Rate::new(hits, n)))),
    }
}

fn labels(evaluations: &[Evaluation], mut grid: Grid, of: fn(&Evaluation) -> &[PerLabel]) -> Grid {
    let mut absent = Vec::new();
    for id in label_ids(evaluations, of) {
        let row = cells(evaluations, |e| of(e).iter().find(|l| l.id == id).and_then(per_label));
        if row.iter().all(|c| c == NOTHING) {
            absent.push(id);
        } else {
            grid.rows.push((Label::of_class(id), row));
        }
    }
    if !absent.is_empty() {
        // A label without texts is not a label that works: it is named, not left out in silence.
        let absent = absent.join(" ");
        grid.note.zh.push_str(&format!("；无样本：{absent}"));
        grid.note.en.push_str(&format!(" No texts: {absent}."));
    }
    grid
}

/// The ids of labels in their order.
pub(super) fn label_ids(evaluations: &[Evaluation], of: fn(&Evaluation) -> &[PerLabel]) -> Vec<&'static str> {
    let mut ids = Vec::new();
    for label in evaluations.iter().flat_map(of) {
        if !ids.contains(&label.id) {
            ids.push(label.id);
        }
    }
    ids
}

const PER_LABEL: (&str, &str) = (
    "百分数；P 精确率，R 召回率，括号内为95 %置信区间与样本数",
    "In percent: F1, precision P, recall R; in brackets the 95 % interval and the number of texts.",
);

/// Each risk.
pub(super) fn risks(evaluations: &[Evaluation]) -> Grid {
    labels(evaluations, grid(evaluations, ("各类风险", "By risk"), PER_LABEL), |e| &e.risks)
}

/// Each sub-class of attack.
pub(super) fn attacks(evaluations: &[Evaluation]) -> Grid {
    labels(evaluations, grid(evaluations, ("各类攻击", "Attacks by sub-class"), PER_LABEL), |e| &e.attacks)
}

/// What became of each level.
pub(super) fn levels(evaluations: &[Evaluation]) -> Grid {
    let note = ("判为 无风险 / 仅相关 / 有风险", "Texts called none / related / risky.");
    let mut grid = grid(evaluations, ("等级混淆", "Level: what is, and what was said"), note);
    for level in Level::ALL {
        let row = cells(evaluations, |e| {
            let row = e.level_table.get(level.index())?;
            (row.iter().sum::<usize>() > 0).then(|| row.map(|n| n.to_string()).join(" / "))
        });
        if row.iter().any(|c| c != NOTHING) {
            let label = Label { id: level.id().to_owned(), zh: level.zh().to_owned(), en: String::new() };
            grid.rows.push((label, row));
        }
    }
    grid
}

/// Recall of risky texts and of attacks by where they come from.
pub(super) fn sources(evaluations: &[Evaluation]) -> [Grid; 2] {
    type Recalls = BTreeMap<String, (Rate, Rate)>;
    let make = |title, of: fn(&Evaluation) -> &Recalls, rate: String| {
        let mut grid = grid(evaluations, title, ("", ""));
        grid.note = Label::new(
            format!("每个来源两行：所选阈值、误报率{rate}"),
            format!("Recall, two rows a source: at the chosen threshold, and at {rate} false positives."),
        );
        for source in keys(evaluations, of) {
            let chosen = cells(evaluations, |e| Some(of(e).get(source)?.0.to_string()));
            let exact = cells(evaluations, |e| Some(of(e).get(source)?.1.to_string()));
            grid.rows.push((Label::of_id(source), chosen));
            grid.rows.push((Label::of_id(format!("{source} @ {rate}")), exact));
        }
        grid
    };
    let [risky, _, attack, _] = DETECTIONS.map(|(.., of)| stated_rate(evaluations, of));
    [
        make(("各来源的风险文本", "Risky texts by source"), |e| &e.risky_by_source, risky),
        make(("各来源的攻击", "Attacks by source"), |e| &e.attack_by_source, attack),
    ]
}

/// Harmless texts that were flagged.
pub(super) fn flagged(evaluations: &[Evaluation]) -> [Grid; 2] {
    let make = |title, of: fn(&Evaluation) -> &BTreeMap<String, Rate>| {
        let note = ("按种类、语言与来源，所选阈值", "By kind, language and source, at the chosen threshold.");
        let mut grid = grid(evaluations, title, note);
        for key in keys(evaluations, of) {
            let row = cells(evaluations, |e| Some(of(e).get(key)?.to_string()));
            grid.rows.push((Label { id: key.to_owned(), zh: kind_zh(key), en: String::new() }, row));
        }
        grid
    };
    [
        make(("无害文本被判为风险", "Harmless texts called risky"), |e| &e.flagged),
        make(("无害文本被判为攻击", "Harmless texts called attacks"), |e| &e.attack_flagged),
    ]
}

/// The Chinese name of a kind of harmless text: "ordinary zh chatterbot" is "普通·中文".
fn kind_zh(key: &str) -> String {
    let mut words = key.split(' ');
    let kind = match words.next() {
        Some("ordinary") => "普通",
        Some("sensitive") => "敏感",
        Some("near_miss") => "近似",
        Some("context") => "语境",
        _ => return String::new(),
    };
    match words.next() {
        Some("zh") => format!("{kind}·中文"),
        Some("en") => format!("{kind}·英文"),
        _ => kind.to_owned(),
    }
}

/// "91.0 % (83.8–95.2, n=100) · TP 45 FN 5 FP 4 TN 46".
fn confusion(c: &Confusion) -> Option<String> {
    let accuracy = c.accuracy();
    (accuracy.of > 0).then(|| {
        let [tp, missed, fp, tn] = [c.true_positives, c.false_negatives, c.false_positives, c.true_negatives];
        format!("{accuracy} · TP {tp} FN {missed} FP {fp} TN {tn}")
    })
}

/// Answers: unsafe or not, refusal or not.
pub(super) fn answers(evaluations: &[Evaluation]) -> [Grid; 3] {
    let make = |title, of: fn(&Evaluation) -> &BTreeMap<String, Confusion>| {
        let note = (
            "准确率；TP 是且判是，FN 是而判否，FP 否而判是，TN 否且判否",
            "Accuracy, then the counts: TP is and said, FN is but not said, FP said but is not, TN neither.",
        );
        let mut grid = grid(evaluations, title, note);
        for set in keys(evaluations, of) {
            grid.rows.push((Label::of_id(set), cells(evaluations, |e| confusion(of(e).get(set)?))));
        }
        grid
    };
    [
        make(("回答：不安全（网关阈值）", "Answers: unsafe, at the guard's threshold"), |e| {
            &e.unsafe_answers
        }),
        make(("回答：不安全（均衡阈值）", "Answers: unsafe, at the balanced threshold"), |e| {
            &e.unsafe_balanced
        }),
        make(("回答：拒答", "Answers: refusals"), |e| &e.refusals),
    ]
}

/// The names of the ways of writing, in their order, each with its sub-class of attack.
pub(super) fn evasions(evaluations: &[Evaluation]) -> Vec<(&'static str, Label)> {
    let mut found: Vec<(&'static str, Label)> = Vec::new();
    for r in evaluations.iter().flat_map(|e| &e.robustness) {
        if !found.iter().any(|f| f.0 == r.name) {
            let label = Label {
                id: format!("{} {}", r.name, r.attack.id()),
                zh: r.attack.zh().to_owned(),
                en: r.attack.en().to_owned(),
            };
            found.push((r.name, label));
        }
    }
    found
}

/// What came of each way of writing.
pub(super) fn robustness(evaluations: &[Evaluation]) -> Grid {
    let note = (
        "百分数：改写后仍被拦截的风险文本 / 改写后被误报的无害文本",
        "In percent: risky texts that are still caught once rewritten / harmless texts flagged once rewritten.",
    );
    let mut grid = grid(evaluations, ("抗规避能力", "Robustness by evasion"), note);
    for (name, label) in evasions(evaluations) {
        let row = cells(evaluations, |e| {
            let r = e.robustness.iter().find(|r| r.name == name)?;
            Some(format!("{} / {}", brief(&r.kept), brief(&r.flagged)))
        });
        grid.rows.push((label, row));
    }
    grid
}

/// What was read.
pub(super) fn texts(evaluations: &[Evaluation]) -> Grid {
    let mut grid = grid(evaluations, ("文本数", "Texts"), ("按来源", "By source."));
    for source in keys(evaluations, |e| &e.texts) {
        grid.rows.push((Label::of_id(source), cells(evaluations, |e| Some(e.texts.get(source)?.to_string()))));
    }
    grid
}

/// Whether the evaluations rest on the same texts; figures of others may not be set side by side.
pub(super) fn same_texts(evaluations: &[Evaluation]) -> bool {
    evaluations.windows(2).all(|w| matches!(w, [a, b] if a.data == b.data && a.texts == b.texts))
}
