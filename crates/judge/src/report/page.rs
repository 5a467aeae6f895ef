//! The page: plots and tables by subject, then the texts that went wrong. One file, nothing fetched, no script.

use menshen_verdict::{AttackClass, Level, Risk, RiskGroup};

use super::escape;
use super::grid::{Grid, Label};
use super::plots::{self, COLORS, Mark, Style};
use super::sections::{self, DETECTIONS, head_zh, keys};
use crate::evaluate::{Confusion, Evaluation, Failure, PerLabel};

const STYLE: &str = include_str!("page.css");
/// Nothing may be fetched and nothing run, whatever a text in the page tries.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// A subject of the page.
struct Section {
    id: &'static str,
    title: Label,
    /// What to look for in the plots.
    note: Label,
    figures: Vec<String>,
    /// Whether the figures are narrow.
    small: bool,
    /// Tables and what else follows the figures.
    rest: String,
}

/// The whole page.
pub(super) fn page(evaluations: &[Evaluation], title: &str) -> String {
    let title = escape::html(title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<header>\n<h1>{title}</h1>\n{}</header>\n",
        about(evaluations)
    );
    let sections = sections(evaluations);
    let sections: Vec<&Section> = sections.iter().filter(|s| !s.figures.is_empty() || !s.rest.is_empty()).collect();
    out.push_str("<nav aria-label=\"目录 Contents\">\n");
    out.extend(sections.iter().map(|s| format!("<a href=\"#{}\">{}</a>\n", s.id, s.title.html())));
    out.push_str("</nav>\n<main>\n");
    let legend = legend(evaluations);
    for section in sections {
        out.push_str(&format!("<section id=\"{}\">\n<h2>{}</h2>\n", section.id, section.title.html()));
        if !section.figures.is_empty() {
            if section.note != Label::default() {
                out.push_str(&format!("<p class=\"note\">{}</p>\n", section.note.html()));
            }
            out.push_str(&legend);
            let class = if section.small { "figures small-figures" } else { "figures" };
            out.push_str(&format!("<div class=\"{class}\">\n{}</div>\n", section.figures.concat()));
        }
        out.push_str(&section.rest);
        out.push_str("</section>\n");
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// What was evaluated, on what.
fn about(evaluations: &[Evaluation]) -> String {
    let Some(first) = evaluations.first() else {
        return format!("<p class=\"warn\">{}</p>\n", Label::new("没有评测结果。", "No evaluations.").html());
    };
    let mut out = String::new();
    if sections::same_texts(evaluations) {
        let texts = first.texts.values().sum::<usize>();
        let line = Label::new(format!("{texts} 条文本，数据"), format!("{texts} texts, data"));
        out.push_str(&format!("<p class=\"meta\">{} <code>{}</code></p>\n", line.html(), escape::html(&first.data)));
    } else {
        let warning =
            Label::new("各模型所用文本不同，数字不可直接比较。", "The models read different texts: compare with care.");
        out.push_str(&format!("<p class=\"warn\">{}</p>\n", warning.html()));
    }
    out
}

/// Which color is which model.
fn legend(evaluations: &[Evaluation]) -> String {
    let entries = evaluations.iter().enumerate().map(|(i, e)| {
        let c = i % COLORS;
        let side = "width=\"11\" height=\"11\"";
        let swatch = format!("<svg {side} aria-hidden=\"true\"><rect {side} class=\"c{c}\"/></svg>");
        format!("<li>{swatch}{}</li>\n", escape::html(&e.model))
    });
    format!("<ul class=\"legend\">\n{}</ul>\n", entries.collect::<String>())
}

/// A plot with its caption; nothing without a plot.
fn figure(caption: &Label, sub: &str, plot: &str) -> Option<String> {
    let sub = if sub.is_empty() { String::new() } else { format!(" <span class=\"sub\">{}</span>", escape::html(sub)) };
    (!plot.is_empty()).then(|| format!("<figure>\n<figcaption>{}{sub}</figcaption>\n{plot}</figure>\n", caption.html()))
}

fn tables(grids: &[Grid]) -> String {
    grids.iter().map(Grid::html).collect()
}

fn sections(e: &[Evaluation]) -> Vec<Section> {
    let section = |id, zh: &str, en: &str, note: (&str, &str), figures, grids: &[Grid]| Section {
        id,
        title: Label::new(zh, en),
        note: Label::new(note.0, note.1),
        figures,
        small: false,
        rest: tables(grids),
    };
    let bars = (
        "横条为 F1，右侧为百分数与样本数",
        "Bars are F1; at the right in percent, with the texts that have the label.",
    );
    let curves = (
        "横线为95 %置信区间，虚线为所述误报率",
        "Whiskers are 95 % intervals; the dashed line is the stated false-positive rate.",
    );
    let honest = (
        "对角线为完全校准，点的大小为样本数",
        "On the diagonal, of the texts scored 0.8 eight in ten hold; a larger dot rests on more texts.",
    );
    let evaded = (
        "实心：改写后仍被拦截，横线为95 %置信区间；空心：无害文本改写后被误报",
        "Filled: risky texts still caught once rewritten, with the 95 % interval; ring: harmless texts flagged.",
    );
    vec![
        section("targets", "目标", "Targets", curves, detections(e), &[sections::targets(e)]),
        section("risks", "风险类别", "Risks", bars, risk_bars(e), &[sections::risks(e)]),
        Section { small: true, ..section("level", "等级", "Level", ("", ""), levels(e), &[sections::levels(e)]) },
        section("calibration", "校准", "Calibration", honest, calibration(e), &[]),
        section("sources", "来源", "Sources", ("", ""), Vec::new(), &sections::sources(e)),
        section("flagged", "误报", "Harmless texts flagged", ("", ""), Vec::new(), &sections::flagged(e)),
        section("attacks", "攻击子类", "Attacks", bars, attack_bars(e), &[sections::attacks(e)]),
        Section { small: true, ..section("answers", "回答", "Answers", ("", ""), answers(e), &sections::answers(e)) },
        section("robustness", "抗规避", "Robustness", evaded, robustness(e), &[sections::robustness(e)]),
        section("texts", "文本", "Texts", ("", ""), Vec::new(), &[sections::texts(e)]),
        Section { rest: failures(e), ..section("failures", "错例", "Failures", ("", ""), Vec::new(), &[]) },
    ]
}

fn detections(e: &[Evaluation]) -> Vec<String> {
    let groups: Vec<(Label, Vec<Mark>)> = DETECTIONS
        .iter()
        .map(|(zh, en, _, of)| {
            let marks = e.iter().enumerate().filter_map(|(i, e)| {
                let rate = &of(e)?.recall_at;
                Mark::of_rate(i, rate, sections::brief(rate))
            });
            (Label::new(*zh, *en), marks.collect())
        })
        .collect();
    let rate = sections::stated_rate(e, |e| Some(&e.risky_zh));
    let caption = Label::new(format!("误报率{rate}时的召回率"), format!("Recall at {rate} false positives"));
    let recall = figure(&caption, "", &plots::lanes(&caption.full(), &groups, Style::Bars));
    let curves = DETECTIONS.iter().filter_map(|(zh, en, key, of)| {
        let lines: Vec<(usize, &[(f32, f32)])> =
            e.iter().enumerate().filter_map(|(i, e)| Some((i, e.curves.get(*key)?.as_slice()))).collect();
        let stated = e.iter().find_map(of).map_or(0.01, |d| d.false_positive_rate);
        let caption = Label::new(format!("ROC：{zh}"), format!("ROC: {en}"));
        figure(&caption, "", &plots::roc(&caption.full(), &lines, stated))
    });
    recall.into_iter().chain(curves).collect()
}

/// F1 of the labels with these ids.
fn label_bars(
    e: &[Evaluation],
    of: fn(&Evaluation) -> &[PerLabel],
    caption: &Label,
    mine: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let group = |id: &str| {
        let marks = e.iter().enumerate().filter_map(|(model, e)| {
            let label = of(e).iter().find(|l| l.id == id && l.support > 0)?;
            let text = format!("{:.0} n={}", label.f1 * 100.0, label.support);
            Some(Mark { model, value: label.f1, interval: None, ring: None, text })
        });
        (Label::of_class(id), marks.collect())
    };
    let groups: Vec<_> = sections::label_ids(e, of).into_iter().filter(|id| mine(id)).map(group).collect();
    figure(caption, "", &plots::lanes(&caption.full(), &groups, Style::Bars))
}

fn risk_bars(e: &[Evaluation]) -> Vec<String> {
    let groups = RiskGroup::ALL.iter().filter_map(|group| {
        let caption = Label { id: group.id().to_owned(), ..Label::new(group.zh(), group.en()) };
        label_bars(e, |e| &e.risks, &caption, &|id| id.parse::<Risk>().is_ok_and(|r| r.group() == *group))
    });
    groups.collect()
}

fn attack_bars(e: &[Evaluation]) -> Vec<String> {
    let classes = AttackClass::ALL.iter().filter_map(|class| {
        let mine = |id: &str| id.parse::<menshen_verdict::Attack>().is_ok_and(|a| a.class() == *class);
        label_bars(e, |e| &e.attacks, &Label::new(class.zh(), class.en()), &mine)
    });
    classes.collect()
}

fn levels(e: &[Evaluation]) -> Vec<String> {
    let classes: Vec<(&str, &str)> = Level::ALL.iter().map(|l| (l.zh(), l.en())).collect();
    let figures = e.iter().filter_map(|e| {
        let counts: Vec<Vec<usize>> = e.level_table.iter().map(|row| row.to_vec()).collect();
        let plot = plots::matrix(&format!("{}: level", e.model), &classes, &counts);
        figure(&Label::of_id(&e.model), &e.level.to_string(), &plot)
    });
    figures.collect()
}

fn calibration(e: &[Evaluation]) -> Vec<String> {
    let heads = keys(e, |e| &e.reliability).into_iter().filter_map(|head| {
        let lines: Vec<_> = e
            .iter()
            .enumerate()
            .filter_map(|(i, e)| {
                let error = e.calibration.get(head).map_or_else(String::new, |error| format!(" ECE {error:.3}"));
                Some((i, e.reliability.get(head)?.as_slice(), format!("{}{error}", e.model)))
            })
            .collect();
        let caption = Label::new(head_zh(head), head);
        figure(&caption, "", &plots::reliability(&format!("reliability: {head}"), &lines))
    });
    heads.collect()
}

fn answers(e: &[Evaluation]) -> Vec<String> {
    let unsafe_classes = [("不安全", "unsafe"), ("安全", "safe")];
    let refusal_classes = [("拒答", "refusal"), ("未拒答", "answer")];
    let matrix = |model: &str, set: &str, classes: &[(&str, &str)], c: &Confusion| {
        let counts = [vec![c.true_positives, c.false_negatives], vec![c.false_positives, c.true_negatives]];
        let plot = plots::matrix(&format!("{model}, {set}"), classes, &counts);
        figure(&Label::of_id(format!("{set}: {model}")), &c.accuracy().to_string(), &plot)
    };
    let mut figures = Vec::new();
    for set in keys(e, |e| &e.unsafe_answers) {
        let of = |e: &Evaluation| matrix(&e.model, set, &unsafe_classes, e.unsafe_answers.get(set)?);
        figures.extend(e.iter().filter_map(of));
    }
    for set in keys(e, |e| &e.unsafe_balanced) {
        let of = |e: &Evaluation| matrix(&format!("{}, ≈", e.model), set, &unsafe_classes, e.unsafe_balanced.get(set)?);
        figures.extend(e.iter().filter_map(of));
    }
    for set in keys(e, |e| &e.refusals) {
        let of = |e: &Evaluation| matrix(&e.model, set, &refusal_classes, e.refusals.get(set)?);
        figures.extend(e.iter().filter_map(of));
    }
    figures
}

fn robustness(e: &[Evaluation]) -> Vec<String> {
    let evasions = sections::evasions(e).into_iter().map(|(name, label)| {
        let marks = e.iter().enumerate().filter_map(|(i, e)| {
            let r = e.robustness.iter().find(|r| r.name == name)?;
            let text = format!("{} | {:.0}", sections::brief(&r.kept), r.flagged.rate * 100.0);
            let mark = Mark::of_rate(i, &r.kept, text)?;
            Some(Mark { ring: (r.flagged.of > 0).then_some(r.flagged.rate), ..mark })
        });
        (label, marks.collect())
    });
    let evasions: Vec<(Label, Vec<Mark>)> = evasions.collect();
    // Two figures stand side by side on a wide screen.
    let half = evasions.len().div_ceil(2).max(1);
    let caption = Label::new("拦截 | 误报", "kept | flagged, %");
    evasions
        .chunks(half)
        .filter_map(|part| figure(&caption, "", &plots::lanes("robustness", part, Style::Dots)))
        .collect()
}

fn failures(e: &[Evaluation]) -> String {
    let names = [("文本", "text"), ("实为", "is"), ("判为", "said")].map(|(zh, en)| Label::new(zh, en).html());
    let head: String = names.iter().map(|n| format!("<th scope=\"col\">{n}</th>")).collect();
    let mut out = String::new();
    for e in e.iter().filter(|e| !e.failures.is_empty()) {
        out.push_str(&format!(
            "<h3>{}</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\">",
            escape::html(&e.model)
        ));
        out.push_str(&format!("<table class=\"failures\">\n<thead><tr>{head}</tr></thead>\n<tbody>\n"));
        out.extend(e.failures.iter().map(failure));
        out.push_str("</tbody></table></div>\n");
    }
    out
}

fn failure(failure: &Failure) -> String {
    let [text, truth, said] = [escape::html(&failure.text), level_names(&failure.truth), level_names(&failure.said)];
    // `bdi`: a text that is written from right to left stays in its cell.
    format!("<tr><td><bdi>{text}</bdi></td><td>{truth}</td><td>{said}</td></tr>\n")
}

/// "risky 0.93" with the level's names; what does not begin with a level stays as it is.
fn level_names(said: &str) -> String {
    let (id, score) = said.split_once(' ').unwrap_or((said, ""));
    match id.parse::<Level>() {
        Ok(level) => {
            format!("{} {}", Label::new(level.zh(), level.en()).html(), escape::html(score)).trim_end().to_owned()
        }
        Err(_) => escape::html(said),
    }
}
