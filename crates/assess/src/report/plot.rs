//! Where the parts of a chart stand. The origin is the top left corner; units are points of a page 470 wide.

use serde::Serialize;

use super::clean::percent;
use super::document::{Chart, Tone};

/// The width of a chart.
pub(super) const WIDTH: f64 = 470.0;
/// The size of its text.
pub(super) const TEXT: f64 = 8.0;
const LABELS: f64 = 168.0;
const VALUES: f64 = 38.0;
const PITCH: f64 = 14.0;
const TOP: f64 = 14.0;
const FOOT: f64 = 16.0;

/// A chart with its places.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Plot {
    pub width: f64,
    pub height: f64,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    pub rows: Vec<Row>,
    pub ticks: Vec<Tick>,
    pub limit: Option<Tick>,
}

/// A bar with its label, value and interval.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    /// The middle of the bar.
    pub y: f64,
    pub bar_top: f64,
    pub bar_height: f64,
    /// As long as there is room for it.
    pub label: String,
    pub full: String,
    pub text: String,
    /// The length of the bar and the ends of its interval, none where nothing was measured.
    pub bar: Option<[f64; 3]>,
    pub tone: Tone,
}

/// A line across with its text.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Tick {
    pub x: f64,
    pub text: String,
}

/// The end of the axis: as short as shows all bars and the threshold.
pub(super) fn reach(chart: &Chart) -> f64 {
    let far = chart.bars.iter().filter(|b| b.value.is_some()).map(|b| b.high).fold(0.0, f64::max);
    let far = chart.limit.as_ref().map_or(far, |(limit, _)| far.max(limit * 1.5));
    [0.1, 0.2, 0.5].into_iter().find(|end| far <= *end).unwrap_or(1.0)
}

/// The places of a chart's parts.
pub(super) fn plot(chart: &Chart) -> Plot {
    let (left, right) = (LABELS + 6.0, WIDTH - VALUES);
    let end = reach(chart);
    let round = |v: f64| (v * 100.0).round() / 100.0;
    let at = |value: f64| round(left + (value / end).clamp(0.0, 1.0) * (right - left));
    let mut y = TOP;
    let mut rows = Vec::with_capacity(chart.bars.len());
    for bar in &chart.bars {
        rows.push(Row {
            y: y + PITCH / 2.0,
            bar_top: y + 3.0,
            bar_height: PITCH - 6.0,
            label: short(&bar.label),
            full: bar.label.clone(),
            text: bar.text.clone(),
            bar: bar.value.map(|value| [round(at(value) - left), at(bar.low), at(bar.high)]),
            tone: bar.tone,
        });
        y += PITCH;
    }
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|part| Tick {
        x: at(part * end),
        text: percent(part * end, usize::from(end < 0.2 && part * 4.0 % 2.0 > 0.5)),
    });
    let limit = chart.limit.as_ref().map(|(limit, text)| Tick { x: at(*limit), text: text.clone() });
    Plot { width: WIDTH, height: y + FOOT, left, right, top: TOP, bottom: y, rows, ticks: ticks.into(), limit }
}

/// About how wide a character is, in its size: exact enough for labels in fonts that we do not know.
fn em(c: char) -> f64 {
    if u32::from(c) >= 0x1100 {
        1.0
    } else if c.is_uppercase() {
        0.72
    } else {
        0.54
    }
}

/// A label in the room of labels.
pub(super) fn short(label: &str) -> String {
    fit(label, LABELS / TEXT)
}

/// The text in so many ems.
fn fit(text: &str, room: f64) -> String {
    if text.chars().map(em).sum::<f64>() <= room {
        return text.to_owned();
    }
    let mut used = 1.0;
    let mut out: String = text
        .chars()
        .take_while(|c| {
            used += em(*c);
            used <= room
        })
        .collect();
    out.push('…');
    out
}
