//! The plots. Each is a pure function from numbers to SVG, 400 units wide so that its text stays legible on a phone.

use super::escape;
use super::grid::Label;
use super::svg::Drawing;
use crate::metrics::{Bin, Rate};

/// Width of a plot; the page shows it at this size or smaller.
const WIDTH: f64 = 400.0;
/// Colors of the style sheet; further models begin again.
pub(super) const COLORS: usize = 6;
/// Where bars end and figures begin.
const SCALE: f64 = 262.0;
/// Left end of the scale: room for half of the "0".
const LEFT: f64 = 8.0;

/// One value of one model.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// Which model, for the color.
    pub model: usize,
    /// 0..=1.
    pub value: f64,
    /// Its 95 % interval, where there is one.
    pub interval: Option<(f64, f64)>,
    /// A second value, drawn as a ring.
    pub ring: Option<f64>,
    /// What is printed beside it.
    pub text: String,
}

impl Mark {
    /// A rate with its interval; nothing when it rests on nothing.
    pub fn of_rate(model: usize, rate: &Rate, text: String) -> Option<Mark> {
        (rate.of > 0).then_some(Mark {
            model,
            value: rate.rate,
            interval: Some((rate.low, rate.high)),
            ring: None,
            text,
        })
    }
}

/// How a mark is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// From 0 to the value.
    Bars,
    /// At the value.
    Dots,
}

fn color(model: usize) -> usize {
    model % COLORS
}

/// Where a share lies on the scale.
fn x(share: f64) -> f64 {
    LEFT + share.clamp(0.0, 1.0) * (SCALE - LEFT)
}

/// A long label in two lines, the English below; what is still too long is cut, for the table has it in full.
fn lines(label: &Label) -> Vec<String> {
    const COLUMNS: usize = 64;
    let full = label.full();
    if escape::width(&full) <= COLUMNS || label.en.is_empty() {
        return vec![escape::clip(&full, COLUMNS)];
    }
    let first = Label { en: String::new(), ..label.clone() };
    vec![escape::clip(&first.full(), COLUMNS), escape::clip(&label.en, COLUMNS)]
}

/// Marks on a scale from 0 to 100 %, one group a label, one lane a model; nothing when there is no mark.
pub(super) fn lanes(name: &str, groups: &[(Label, Vec<Mark>)], style: Style) -> String {
    const LANE: f64 = 12.0;
    const LINE: f64 = 13.0;
    const GAP: f64 = 8.0;
    let groups: Vec<_> = groups.iter().filter(|g| !g.1.is_empty()).map(|(l, marks)| (lines(l), marks)).collect();
    if groups.is_empty() {
        return String::new();
    }
    let tall = |lines: &[String], marks: &[Mark]| lines.len() as f64 * LINE + marks.len() as f64 * LANE + GAP;
    let bottom: f64 = groups.iter().map(|(lines, marks)| tall(lines, marks)).sum();
    let mut drawing = Drawing::new(WIDTH, bottom + 16.0, name);
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        drawing.line([x(share), 0.0, x(share), bottom], "rule");
        drawing.text((x(share), bottom + 12.0), "m small", &format!("{:.0}", share * 100.0));
    }
    drawing.text((x(1.0) + 12.0, bottom + 12.0), "small", "%");
    let mut y = 0.0;
    for (lines, marks) in groups {
        for line in &lines {
            y += LINE;
            drawing.text((0.0, y - 3.0), "halo", line);
        }
        for mark in marks {
            let (middle, c) = (y + LANE / 2.0, color(mark.model));
            if style == Style::Bars {
                drawing.rect([x(0.0), y + 1.5, x(mark.value) - x(0.0), LANE - 3.0], &format!("c{c}"));
            }
            if let Some((low, high)) = mark.interval {
                drawing.line([x(low), middle, x(high), middle], if style == Style::Bars { "whisker" } else { "span" });
            }
            if let Some(ring) = mark.ring {
                drawing.circle((x(ring), middle), 3.2, &format!("ring s{c}"));
            }
            if style == Style::Dots {
                drawing.circle((x(mark.value), middle), 3.6, &format!("c{c}"));
            }
            drawing.text((WIDTH, middle + 3.2), "e small", &mark.text);
            y += LANE;
        }
        y += GAP;
    }
    drawing.finish()
}

/// The square of a plot with two axes: left, top, side lengths.
const PLOT: [f64; 4] = [40.0, 8.0, 350.0, 240.0];

fn frame(drawing: &mut Drawing, below: &str, beside: &str) {
    let [left, top, w, h] = PLOT;
    for i in 0..=4 {
        let share = f64::from(i) / 4.0;
        let y = top + h * (1.0 - share);
        drawing.line([left, y, left + w, y], "rule");
        drawing.text((left - 4.0, y + 3.5), "e small", &format!("{:.0} %", share * 100.0));
    }
    drawing.text((left + w, top + h + 26.0), "e small", below);
    drawing.text((left + 4.0, top + 10.0), "small", beside);
}

/// ROC curves over a logarithmic false-positive rate, and the rate at which recall is reported.
pub(super) fn roc(name: &str, curves: &[(usize, &[(f32, f32)])], stated: f32) -> String {
    if curves.iter().all(|c| c.1.is_empty()) {
        return String::new();
    }
    let [left, top, w, h] = PLOT;
    // Three decades: below 0.1 % no set here has enough texts to tell.
    let across = |rate: f32| left + w * (f64::from(rate.max(1e-3).log10()) / 3.0 + 1.0).clamp(0.0, 1.0);
    let up = |recall: f32| top + h * (1.0 - f64::from(recall).clamp(0.0, 1.0));
    let mut drawing = Drawing::new(WIDTH, top + h + 34.0, name);
    frame(&mut drawing, "误报率 false-positive rate", "");
    for (rate, text) in [(1e-3, "≤0.1 %"), (1e-2, "1 %"), (1e-1, "10 %"), (1.0, "100 %")] {
        drawing.line([across(rate), top, across(rate), top + h], "rule");
        drawing.text((across(rate), top + h + 13.0), if rate < 1.0 { "m small" } else { "e small" }, text);
    }
    drawing.line([across(stated), top, across(stated), top + h], "mark");
    for (model, curve) in curves {
        let points: Vec<(f64, f64)> = curve.iter().map(|(alarms, recall)| (across(*alarms), up(*recall))).collect();
        let c = color(*model);
        drawing.path(&points, &format!("curve s{c} d{c}"));
    }
    drawing.text((left, top + h + 26.0), "small", "↑ 召回率 recall");
    drawing.finish()
}

/// Reliability: what was scored against what held; the diagonal is honesty, a larger dot rests on more texts.
pub(super) fn reliability(name: &str, heads: &[(usize, &[Bin], String)]) -> String {
    let most = heads.iter().flat_map(|h| h.1).map(|b| b.n).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let [left, top, w, h] = PLOT;
    let place = |score: f64, truth: f64| (left + w * score.clamp(0.0, 1.0), top + h * (1.0 - truth.clamp(0.0, 1.0)));
    let mut drawing = Drawing::new(WIDTH, top + h + 34.0, name);
    frame(&mut drawing, "模型给分 mean score", "");
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (x, _) = place(share, 0.0);
        drawing.text((x, top + h + 13.0), if share < 1.0 { "m small" } else { "e small" }, &format!("{share}"));
    }
    drawing.line([left, top + h, left + w, top], "mark");
    for (row, (model, bins, text)) in heads.iter().enumerate() {
        let c = color(*model);
        let filled: Vec<&Bin> = bins.iter().filter(|b| b.n > 0).collect();
        let points: Vec<(f64, f64)> = filled.iter().map(|b| place(b.score, b.truth)).collect();
        drawing.path(&points, &format!("curve s{c} d{c}"));
        for (bin, point) in filled.iter().zip(&points) {
            drawing.circle(*point, 1.5 + 6.0 * (bin.n as f64 / most as f64).sqrt(), &format!("c{c} thin"));
        }
        let y = top + 14.0 + 13.0 * row as f64;
        drawing.rect([left + 6.0, y - 8.0, 9.0, 9.0], &format!("c{c}"));
        drawing.text((left + 19.0, y), "small halo", &escape::clip(text, 44));
    }
    drawing.text((left, top + h + 26.0), "small", "↑ 实际占比 share that holds");
    drawing.finish()
}

/// Counts in cells, shaded by their share of the row; rows are what is, columns what was said.
pub(super) fn matrix(name: &str, classes: &[(&str, &str)], counts: &[Vec<usize>]) -> String {
    const HEAD: f64 = 44.0;
    const SIDE: f64 = 84.0;
    const TALL: f64 = 42.0;
    if counts.iter().flatten().all(|n| *n == 0) {
        return String::new();
    }
    // Two classes leave room for longer names than three do.
    let wide = if classes.len() > 2 { 88.0 } else { 96.0 };
    let (w, h) = (SIDE + wide * classes.len() as f64, HEAD + TALL * counts.len() as f64);
    let mut drawing = Drawing::new(w + 2.0, h + 2.0, name);
    drawing.text((SIDE, 10.0), "small muted", "判为 said →");
    drawing.text((SIDE - 6.0, 26.0), "e small muted", "实为 is ↓");
    for (i, (zh, en)) in classes.iter().enumerate() {
        let (across, down) = (SIDE + wide * (i as f64 + 0.5), HEAD + TALL * (i as f64 + 0.5));
        drawing.text((across, 24.0), "m small", zh);
        drawing.text((across, 37.0), "m small", en);
        drawing.text((SIDE - 6.0, down - 2.0), "e small", zh);
        drawing.text((SIDE - 6.0, down + 11.0), "e small", en);
    }
    for (i, row) in counts.iter().enumerate() {
        let of = row.iter().sum::<usize>().max(1) as f64;
        for (j, n) in row.iter().enumerate() {
            let (left, top) = (SIDE + wide * j as f64, HEAD + TALL * i as f64);
            let share = *n as f64 / of;
            drawing.shade([left, top, wide, TALL], share);
            drawing.rect([left, top, wide, TALL], "cell");
            drawing.text((left + wide / 2.0, top + 19.0), "m", &n.to_string());
            drawing.text((left + wide / 2.0, top + 33.0), "m small", &format!("{:.0} %", share * 100.0));
        }
    }
    drawing.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(value: f64) -> Mark {
        Mark { model: 7, value, interval: Some((value - 0.1, value + 0.1)), ring: Some(0.02), text: "x<y".to_owned() }
    }

    #[test]
    fn lanes_draw_a_bar_an_interval_a_ring_and_an_escaped_figure() {
        let svg = lanes("n", &[(Label::of_class("A2f"), vec![mark(0.5)])], Style::Bars);
        assert!(svg.contains("<rect x=\"8\" y=\"14.5\" width=\"127\" height=\"9\" class=\"c1\"/>"), "{svg}");
        assert!(svg.contains("class=\"whisker\"") && svg.contains("class=\"ring s1\"") && svg.contains("x&lt;y"));
        assert!(svg.contains("A2f 年龄歧视 age discrimination"));
    }

    #[test]
    fn a_long_label_takes_two_lines() {
        let label = Label::of_class("A3d");
        assert_eq!(lines(&label).len(), 2);
        assert_eq!(lines(&Label::of_class("A2f")).len(), 1);
    }

    #[test]
    fn nothing_to_draw_draws_nothing() {
        assert_eq!(lanes("", &[(Label::of_id("a"), vec![])], Style::Dots), "");
        assert_eq!(roc("", &[(0, &[])], 0.01), "");
        assert_eq!(reliability("", &[(0, &[Bin::default(); 10], String::new())]), "");
        assert_eq!(matrix("", &[("是", "yes")], &[vec![0]]), "");
        assert_eq!(Mark::of_rate(0, &Rate::new(0, 0), String::new()).map(|m| m.value), None);
    }

    #[test]
    fn a_curve_lies_on_the_logarithmic_scale() {
        let svg = roc("n", &[(0, &[(0.0, 0.0), (0.01, 0.5), (1.0, 1.0)])], 0.01);
        // 1 % is one decade of three above the left end.
        assert!(svg.contains("points=\"40,248 156.7,128 390,8\""), "{svg}");
    }

    #[test]
    fn a_matrix_prints_counts_and_row_shares() {
        let svg = matrix("n", &[("是", "yes"), ("否", "no")], &[vec![3, 1], vec![0, 0]]);
        assert!(svg.contains(">3</text>") && svg.contains(">75 %</text>") && svg.contains("fill-opacity=\"0.45\""));
    }
}
