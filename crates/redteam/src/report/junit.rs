//! JUnit XML as CI servers read it: a suite for each risk, a case for each technique. A success fails its case; what has
//! no answer is an error and what has no score is skipped, so neither passes.

use std::fmt::Write as _;

use super::text::{clip, xml};
use super::view::decisive;
use super::{Cell, Report, risk_of};
use crate::attempt::{Attempt, Outcome};

/// Successes that the text of a failure tells of.
const TOLD: usize = 3;

#[derive(Clone, Copy, PartialEq)]
enum End {
    Passed,
    Failure,
    Error,
    Skipped,
}

fn end(cell: &Cell) -> End {
    let tally = &cell.tally;
    if tally.successes > 0 {
        End::Failure
    } else if tally.failed > 0 {
        End::Error
    } else if tally.unscored > 0 {
        End::Skipped
    } else {
        End::Passed
    }
}

/// The document.
pub(super) fn write(report: &Report) -> String {
    let count = |cells: &[&Cell], of: End| cells.iter().filter(|c| end(c) == of).count();
    let all: Vec<&Cell> = report.cells.iter().collect();
    let seconds = |cells: &[&Cell]| {
        let took: u64 = cells.iter().flat_map(|c| of(report, c)).map(|a| a.took_ms).sum();
        took as f64 / 1_000.0
    };
    let head = |name: &str, cells: &[&Cell]| {
        format!(
            "name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\"",
            xml(name),
            cells.len(),
            count(cells, End::Failure),
            count(cells, End::Error),
            count(cells, End::Skipped),
            seconds(cells)
        )
    };
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites {}>", head(&format!("menshen redteam: {}", report.name), &all));
    let stamp = super::view::time(report.created_us);
    for risk in &report.risks {
        let cells: Vec<&Cell> = all.iter().copied().filter(|c| c.risk == risk.id).collect();
        let _ = writeln!(
            out,
            "  <testsuite {} timestamp=\"{}\" hostname=\"{}\">",
            head(&format!("{} {}", risk.id, risk.en), &cells),
            stamp.trim_end_matches('Z'),
            xml(&report.target)
        );
        for cell in &cells {
            case(&mut out, report, cell, seconds(&[cell]));
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(out: &mut String, report: &Report, cell: &Cell, seconds: f64) {
    let tally = &cell.tally;
    let _ = write!(
        out,
        "    <testcase classname=\"redteam.{}\" name=\"{}\" time=\"{seconds:.3}\"",
        xml(&cell.risk),
        xml(&cell.technique)
    );
    let figures = format!(
        "{} of {} scored attempts succeeded ({}); {} unscored, {} without an answer",
        tally.successes, tally.rate.of, tally.rate, tally.unscored, tally.failed
    );
    match end(cell) {
        End::Passed => out.push_str("/>\n"),
        End::Failure => {
            let mut told = String::new();
            for attempt in of(report, cell).filter(|a| a.outcome == Outcome::Success).take(TOLD) {
                let judge = decisive(attempt).map(|s| format!("{}: {}", s.judge, s.reason)).unwrap_or_default();
                let _ = writeln!(
                    told,
                    "{} {}\n  aim: {}\n  judge: {}\n  answer: {}",
                    attempt.key,
                    attempt.instruction,
                    clip(&attempt.goal, 300),
                    clip(&judge, 300),
                    clip(attempt.answer(), 600)
                );
            }
            let _ = writeln!(
                out,
                "><failure type=\"success\" message=\"{}\">{}</failure></testcase>",
                xml(&figures),
                xml(&told)
            );
        }
        End::Error => {
            let why = of(report, cell).find_map(|a| a.problem.as_deref()).unwrap_or("no answer");
            let _ = writeln!(
                out,
                "><error type=\"failed\" message=\"{}\">{}</error></testcase>",
                xml(&figures),
                xml(&clip(why, 600))
            );
        }
        End::Skipped => {
            let _ = writeln!(out, "><skipped message=\"{}\"/></testcase>", xml(&figures));
        }
    }
}

fn of<'a>(report: &'a Report, cell: &'a Cell) -> impl Iterator<Item = &'a Attempt> {
    report.attempts.iter().filter(|a| a.technique == cell.technique && risk_of(a) == cell.risk)
}
