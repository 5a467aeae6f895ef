//! The plots of the page as inline SVG. Colors are classes, so that the style sheet decides them.

use std::fmt::Write as _;

use super::text::{clip, html, width};
use super::{Cell, Generation, Group};

/// A row of pixels for each bar.
const ROW: f64 = 26.0;
const LABEL: f64 = 280.0;
const PLOT: f64 = 420.0;
const VALUE: f64 = 190.0;

/// Bars of attack success with their 95 % intervals; a diamond where the corrected rate lies.
pub(super) fn bars(groups: &[Group], name: &str, chinese: bool) -> String {
    let groups: Vec<&Group> = groups.iter().filter(|g| g.tally.attempts > 0).collect();
    if groups.is_empty() {
        return String::new();
    }
    let high = groups.len() as f64 * ROW + 24.0;
    let mut out = open(LABEL + PLOT + VALUE, high, name);
    for tick in 0..=4 {
        let x = LABEL + PLOT * f64::from(tick) / 4.0;
        let _ = write!(
            out,
            "<line x1=\"{x:.1}\" y1=\"0\" x2=\"{x:.1}\" y2=\"{:.1}\" class=\"rule\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" class=\"m muted\">{} %</text>",
            high - 20.0,
            high - 6.0,
            tick * 25
        );
    }
    for (at, group) in groups.iter().enumerate() {
        let y = at as f64 * ROW;
        let label = fit(&format!("{} {}", group.id, group.name(chinese)), 42);
        let rate = &group.tally.rate;
        let middle = y + ROW / 2.0;
        let _ =
            write!(out, "<text x=\"{:.1}\" y=\"{:.1}\" class=\"e\">{}</text>", LABEL - 8.0, middle + 4.0, html(&label));
        if rate.of > 0 {
            let (low, high) = (LABEL + PLOT * rate.low, LABEL + PLOT * rate.high);
            let _ = write!(
                out,
                "<rect x=\"{LABEL:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" class=\"bar\"/>\
                 <path d=\"M{low:.1} {middle:.1}H{high:.1}M{low:.1} {:.1}v8M{high:.1} {:.1}v8\" class=\"whisker\"/>",
                y + 6.0,
                PLOT * rate.rate,
                ROW - 12.0,
                middle - 4.0,
                middle - 4.0
            );
        }
        if let Some(corrected) = &group.tally.corrected {
            let x = LABEL + PLOT * corrected.rate;
            let _ = write!(out, "<path d=\"M{x:.1} {:.1}l5 5l-5 5l-5 -5z\" class=\"fixed\"/>", middle - 5.0);
        }
        let value = if rate.of == 0 {
            "–".to_owned()
        } else {
            format!("{:.1} % ({}/{})", rate.rate * 100.0, rate.hits, rate.of)
        };
        let unknown = group.tally.unscored + group.tally.failed;
        let more = if unknown > 0 { format!(" +{unknown}?") } else { String::new() };
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LABEL + PLOT + 12.0,
            middle + 4.0,
            html(&format!("{value}{more}"))
        );
    }
    out.push_str("</svg>");
    out
}

/// Technique by risk: the darker, the more attacks succeed. A question mark where nothing was scored.
pub(super) fn heat(cells: &[Cell], techniques: &[Group], risks: &[Group], name: &str) -> String {
    const SIDE: f64 = 44.0;
    const HEAD: f64 = 24.0;
    if cells.is_empty() {
        return String::new();
    }
    let wide = 230.0 + risks.len() as f64 * SIDE;
    let mut out = open(wide, HEAD + techniques.len() as f64 * 24.0 + 4.0, name);
    for (column, risk) in risks.iter().enumerate() {
        let x = 230.0 + (column as f64 + 0.5) * SIDE;
        let _ = write!(out, "<text x=\"{x:.1}\" y=\"16\" class=\"m\">{}</text>", html(&fit(&risk.id, 7)));
    }
    for (row, technique) in techniques.iter().enumerate() {
        let y = HEAD + row as f64 * 24.0;
        let _ =
            write!(out, "<text x=\"222\" y=\"{:.1}\" class=\"e\">{}</text>", y + 16.0, html(&fit(&technique.id, 32)));
        for (column, risk) in risks.iter().enumerate() {
            let Some(cell) = cells.iter().find(|c| c.risk == risk.id && c.technique == technique.id) else { continue };
            let x = 230.0 + column as f64 * SIDE;
            let rate = &cell.tally.rate;
            let title = format!(
                "{} · {}: {}/{}, {} unscored, {} failed",
                technique.id, risk.id, rate.hits, rate.of, cell.tally.unscored, cell.tally.failed
            );
            let (opacity, says) = if rate.of == 0 {
                (0.0, "?".to_owned())
            } else {
                // Never so full that the number on it cannot be read, on light paper or on dark.
                (rate.rate * 0.6, format!("{:.0}", rate.rate * 100.0))
            };
            let _ = write!(
                out,
                "<g><title>{}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{SIDE}\" height=\"24\" class=\"cell\"/>\
                 <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{SIDE}\" height=\"24\" class=\"heat\" fill-opacity=\"{opacity:.2}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" class=\"m\">{says}</text></g>",
                html(&title),
                x + SIDE / 2.0,
                y + 16.0
            );
        }
    }
    out.push_str("</svg>");
    out
}

/// Best and mean value of the judges, generation by generation.
pub(super) fn search(generations: &[Generation], name: &str) -> String {
    const HIGH: f64 = 140.0;
    const WIDE: f64 = 420.0;
    if generations.len() < 2 {
        return String::new();
    }
    let mut out = open(WIDE + 60.0, HIGH + 30.0, name);
    for tick in 0..=4 {
        let y = 6.0 + HIGH * (1.0 - f64::from(tick) / 4.0);
        let _ = write!(
            out,
            "<line x1=\"40\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" class=\"rule\"/><text x=\"34\" y=\"{:.1}\" class=\"e muted\">{:.2}</text>",
            WIDE + 40.0,
            y + 4.0,
            f64::from(tick) / 4.0
        );
    }
    let last = (generations.len() - 1).max(1) as f64;
    let points = |of: fn(&Generation) -> f32| {
        let mut line = String::new();
        for (at, generation) in generations.iter().enumerate() {
            let value = f64::from(of(generation)).clamp(0.0, 1.0);
            let _ = write!(line, "{:.1},{:.1} ", 40.0 + WIDE * at as f64 / last, 6.0 + HIGH * (1.0 - value));
        }
        line
    };
    let _ = write!(out, "<polyline points=\"{}\" class=\"curve best\"/>", points(|g| g.best));
    let _ = write!(out, "<polyline points=\"{}\" class=\"curve mean\"/>", points(|g| g.mean));
    for (at, generation) in generations.iter().enumerate() {
        let x = 40.0 + WIDE * at as f64 / last;
        let _ = write!(
            out,
            "<text x=\"{x:.1}\" y=\"{:.1}\" class=\"m muted\">{}</text>",
            HIGH + 22.0,
            generation.generation
        );
    }
    out.push_str("</svg>");
    out
}

fn open(wide: f64, high: f64, name: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {wide:.0} {high:.0}\" width=\"{wide:.0}\" height=\"{high:.0}\" role=\"img\" aria-label=\"{}\">",
        html(name)
    )
}

/// A text cut to so many columns.
fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut most = columns;
    while most > 0 && width(&text.chars().take(most).collect::<String>()) >= columns {
        most -= 1;
    }
    let cut = clip(text, most);
    format!("{}…", cut.split('…').next().unwrap_or_default())
}
