//! Whether the parts fit together: every id that is named is there, and the matrix is whole.

use std::collections::BTreeSet;

use super::load::Source;
use super::{Governance, When};
use crate::diagnostic::{Diagnostic, nearest};

/// What the program can look at by itself.
pub(crate) const CHECKS: &[&str] = &[
    "guard.enforcing",
    "guard.judge",
    "guard.closed",
    "labels.on",
    "audit.whole",
    "audit.retention",
    "keys.required",
    "users.limited",
    "owner.named",
    "assessment.passed",
    "redteam.recent",
    "review.approved",
];

/// Members of an asset that a stage can ask for.
const ASSET_MEMBERS: &[&str] = &["version", "hash", "source", "licence", "owner", "retires"];

fn unknown(source: &Source, id: &str, what: &str, known: &[&str]) -> Diagnostic {
    let remedy = match nearest(id, known.iter().copied()) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => format!("use one of {}", known.join(", ")),
    };
    source.at(id, format!("there is no {what} '{id}'"), remedy)
}

fn unique<'a>(source: &Source, what: &str, ids: impl IntoIterator<Item = &'a str>, out: &mut Vec<Diagnostic>) {
    let mut seen = BTreeSet::new();
    for id in ids {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '-');
        if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
            out.push(source.at(id, format!("'{id}' cannot be the id of a {what}"), "1 to 64 of a-z 0-9 _ . -"));
        }
        if !seen.insert(id) {
            out.push(source.at(id, format!("the {what} '{id}' is there twice"), "give each an id of its own"));
        }
    }
}

fn conditions(all: &Governance, source: &Source, when: &When, out: &mut Vec<Diagnostic>) {
    for (factor, options) in when {
        let Some(known) = all.factors.iter().find(|f| f.id == *factor) else {
            let ids: Vec<&str> = all.factors.iter().map(|f| f.id.as_str()).collect();
            out.push(unknown(source, factor, "factor", &ids));
            continue;
        };
        let ids: Vec<&str> = known.option.iter().map(|o| o.id.as_str()).collect();
        for option in options.iter().filter(|o| !ids.contains(&o.as_str())) {
            out.push(unknown(source, option, &format!("option of '{factor}'"), &ids));
        }
    }
}

/// Complains about what does not fit together. A matrix that is not whole is taken away: nothing is graded by it.
pub(crate) fn check(all: &mut Governance, sources: [&Source; 5], out: &mut Vec<Diagnostic>) {
    let [matrix, controls, reviews, filing, lifecycle] = sources;
    let levels: Vec<&str> = all.levels.iter().map(|l| l.id.as_str()).collect();
    let paths: Vec<&str> = all.paths.iter().map(|p| p.id.as_str()).collect();
    let axes: Vec<&str> = all.axes.iter().map(|a| a.id.as_str()).collect();
    unique(matrix, "axis", axes.iter().copied(), out);
    unique(matrix, "factor", all.factors.iter().map(|f| f.id.as_str()), out);
    unique(matrix, "level", levels.iter().copied(), out);
    unique(matrix, "rule", all.rules.iter().map(|r| r.id.as_str()), out);
    unique(controls, "control", all.controls.iter().map(|c| c.id.as_str()), out);
    unique(reviews, "path", paths.iter().copied(), out);
    unique(filing, "duty", all.duties.iter().map(|d| d.id.as_str()), out);
    unique(filing, "state", all.filing_states.iter().map(|s| s.id.as_str()), out);
    unique(lifecycle, "kind", all.kinds.iter().map(|k| k.id.as_str()), out);
    unique(lifecycle, "stage", all.stages.iter().map(|s| s.id.as_str()), out);

    let grades = |axis: &str| all.axes.iter().find(|a| a.id == axis).map_or(0, |a| a.grades.len());
    let mut whole = true;
    for factor in &all.factors {
        unique(matrix, &format!("option of '{}'", factor.id), factor.option.iter().map(|o| o.id.as_str()), out);
        if !axes.contains(&factor.axis.as_str()) {
            out.push(unknown(matrix, &factor.axis, "axis", &axes));
            whole = false;
        }
        let most = grades(&factor.axis);
        for option in factor.option.iter().filter(|o| o.grade == 0 || o.grade > most) {
            let message = format!("grade {} of '{}' is not on the axis '{}'", option.grade, option.id, factor.axis);
            out.push(matrix.at(&option.id, message, format!("use 1 to {most}")));
            whole = false;
        }
    }
    match &all.matrix {
        None => out.push(Diagnostic::of_file(&matrix.shown, "there is no [matrix]", "without it nothing is graded")),
        Some(table) => {
            let (rows, columns) = (grades(&table.rows), grades(&table.columns));
            let axis = |id: &str| axes.contains(&id);
            if !axis(&table.rows) || !axis(&table.columns) || table.rows == table.columns {
                out.push(matrix.at("rows", "rows and columns must name the two axes".into(), "see [[axis]]"));
                whole = false;
            }
            if table.cells.len() != rows || table.cells.iter().any(|r| r.len() != columns) {
                let message = format!("the cells must be {rows} lists of {columns} levels");
                out.push(matrix.at("cells", message, "one list a grade of the rows"));
                whole = false;
            }
            for id in table.cells.iter().flatten().filter(|id| !levels.contains(&id.as_str())) {
                out.push(unknown(matrix, id, "level", &levels));
                whole = false;
            }
        }
    }
    for level in all.levels.iter().filter(|l| !paths.contains(&l.path.as_str())) {
        out.push(unknown(matrix, &level.path, "path of review", &paths));
        whole = false;
    }
    for rule in &all.rules {
        conditions(all, matrix, &rule.when, out);
        if !levels.contains(&rule.at_least.as_str()) {
            out.push(unknown(matrix, &rule.at_least, "level", &levels));
        }
    }
    for control in &all.controls {
        conditions(all, controls, &control.when, out);
        if !levels.contains(&control.from.as_str()) {
            out.push(unknown(controls, &control.from, "level", &levels));
        }
        if let Some(name) = control.check.as_deref().filter(|c| !CHECKS.contains(c)) {
            out.push(unknown(controls, name, "check of the program's", CHECKS));
        }
    }
    for path in &all.paths {
        if path.quorum == 0 || path.quorum > path.members || !(1..=100).contains(&path.approve_percent) {
            let remedy = "1 ≤ quorum ≤ members, 1 ≤ approve_percent ≤ 100";
            out.push(reviews.at(
                &path.id,
                format!("the path '{}' can never decide, or without votes", path.id),
                remedy,
            ));
            whole = false;
        }
    }
    for duty in &all.duties {
        conditions(all, filing, &duty.when, out);
        unique(filing, &format!("item of '{}'", duty.id), duty.item.iter().map(|i| i.id.as_str()), out);
    }
    for need in all.stages.iter().flat_map(|s| &s.needs).filter(|n| !ASSET_MEMBERS.contains(&n.as_str())) {
        out.push(unknown(lifecycle, need, "member of assets", ASSET_MEMBERS));
    }
    if !whole {
        all.matrix = None;
    }
}
