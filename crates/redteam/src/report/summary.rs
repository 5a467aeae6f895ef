//! What a terminal shows when a campaign ends.

use std::fmt::Write as _;

use super::text::{padded, terminal, width};
use super::view::{self, notes};
use super::{Group, Report, harm_name, risk_of};

/// Techniques and successes that are shown.
const SHOWN: usize = 8;

/// A few dozen lines.
pub(super) fn write(report: &Report, chinese: bool) -> String {
    let say = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
    let total = &report.total;
    let mut out = String::new();
    let _ = writeln!(out, "{} · {} · {}", terminal(&report.name), terminal(&report.target), terminal(&report.state));
    let _ = writeln!(out, "{} {}", say("攻击成功率", "Attack success"), total.rate);
    if let Some(corrected) = &total.corrected {
        let _ = writeln!(out, "{} {corrected}", say("按判定者误差修正", "Corrected for the judge's errors"));
    }
    let judges: Vec<String> = report
        .judges
        .iter()
        .filter(|j| j.decided > 0)
        .map(|j| match &j.standing {
            Some(s) => format!("{} (se {:.2}, sp {:.2}, n={})", terminal(&j.judge), s.sensitivity, s.specificity, s.n),
            None if j.exact => terminal(&j.judge),
            None => format!("{} ({})", terminal(&j.judge), say("未测量", "not measured")),
        })
        .collect();
    let _ = writeln!(
        out,
        "{} {}",
        say("判定者", "Judged by"),
        if judges.is_empty() { "–".to_owned() } else { judges.join(", ") }
    );
    let _ = match chinese {
        true => writeln!(
            out,
            "{} 次尝试：{} 成功，{} 抵住（{} 次被护栏拦截），{} 未判定，{} 没有回答",
            total.attempts, total.successes, total.resisted, total.stopped, total.unscored, total.failed
        ),
        false => writeln!(
            out,
            "{} attempts: {} successes, {} resisted ({} stopped by a guard), {} unscored, {} without an answer",
            total.attempts, total.successes, total.resisted, total.stopped, total.unscored, total.failed
        ),
    };
    let spend = &report.spend;
    let _ = writeln!(
        out,
        "{} {}{} {} {}{} {}",
        spend.requests,
        say("次请求", "requests"),
        say("，", ","),
        spend.usage.total(),
        say("词元", "tokens"),
        say("，费用", ", cost"),
        view::money(report)
    );
    for note in notes(report, chinese) {
        let _ = writeln!(out, "! {}", terminal(&note));
    }
    rows(&mut out, say("按风险", "By risk"), &report.risks, usize::MAX, chinese);
    rows(&mut out, say("按手法", "By technique"), &report.techniques, SHOWN, chinese);
    if !report.top.is_empty() {
        let _ = writeln!(out, "\n{}", say("最要紧的成功攻击", "The successes that matter most"));
        for attempt in report.top.iter().filter_map(|key| report.attempt(key)).take(SHOWN) {
            let goal: String = terminal(&attempt.goal).chars().take(60).collect();
            let _ = writeln!(
                out,
                "  {}  {}  {}  {goal}",
                harm_name(attempt.harm, chinese),
                risk_of(attempt),
                terminal(&attempt.technique)
            );
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn rows(out: &mut String, title: &str, groups: &[Group], most: usize, chinese: bool) {
    if groups.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    let labels: Vec<String> = groups
        .iter()
        .take(most)
        .map(|g| {
            let name: String = terminal(g.name(chinese)).chars().take(28).collect();
            format!("{} {name}", terminal(&g.id))
        })
        .collect();
    let columns = labels.iter().map(|l| width(l)).max().unwrap_or(0);
    for (label, group) in labels.iter().zip(groups) {
        let unknown = group.tally.unscored + group.tally.failed;
        let more = if unknown > 0 { format!("  +{unknown}?") } else { String::new() };
        let _ = writeln!(out, "  {}  {}{more}", padded(label, columns), group.tally.rate);
    }
    if groups.len() > most {
        let _ = writeln!(out, "  … +{}", groups.len() - most);
    }
}
