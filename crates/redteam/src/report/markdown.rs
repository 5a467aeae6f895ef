//! The report as Markdown.

use std::fmt::Write as _;

use super::text::{clip, markdown as escape};
use super::view::{self, decisive, notes};
use super::{Group, Report, harm_name, risk_of};
use crate::turn::Speaker;

/// Successes with their transcripts.
const TOLD: usize = 10;

/// The document.
pub(super) fn report(report: &Report, chinese: bool) -> String {
    let say = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
    let mut out = format!("# {} · {}\n\n", say("红队测评报告", "Red team report"), escape(&report.name));
    if let Some(need) = &report.need {
        let _ = writeln!(out, "> {}\n", escape(need));
    }
    let total = &report.total;
    let facts = [
        (say("目标", "Target"), escape(&report.target)),
        (say("状态", "State"), escape(&report.state)),
        (say("开始", "Began"), view::time(report.created_us)),
        (say("尝试", "Attempts"), total.attempts.to_string()),
        (say("攻击成功率", "Attack success"), total.rate.to_string()),
        (say("修正后", "Corrected"), total.corrected.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string)),
        (
            say("成功 / 抵住（其中被护栏拦截）", "Success / resisted (stopped by a guard)"),
            format!("{} / {} ({})", total.successes, total.resisted, total.stopped),
        ),
        (say("未判定 / 无回答", "Unscored / no answer"), format!("{} / {}", total.unscored, total.failed)),
        (
            say("请求 / 词元 / 费用", "Requests / tokens / cost"),
            format!("{} / {} / {}", report.spend.requests, report.spend.usage.total(), view::money(report)),
        ),
    ];
    for (name, text) in facts {
        let _ = writeln!(out, "- **{name}**{}{text}", say("：", ": "));
    }
    out.push('\n');
    for note in notes(report, chinese) {
        let _ = writeln!(out, "> {}\n", escape(&note));
    }
    let _ = writeln!(
        out,
        "## {}\n\n| {} | {} | {} | {} | {} |\n|---|---:|---|---|---|",
        say("判定者", "Judges"),
        say("判定者", "Judge"),
        say("作出判定", "Decided"),
        say("灵敏度", "Sensitivity"),
        say("特异度", "Specificity"),
        say("测量依据", "Measured on")
    );
    for line in &report.judges {
        let (sensitivity, specificity, on) = match &line.standing {
            Some(s) => (s.sensitivity_rate().to_string(), s.specificity_rate().to_string(), escape(&s.measured_on)),
            None if line.exact => ("–".to_owned(), "–".to_owned(), say("精确检查", "exact").to_owned()),
            None => {
                (say("未测量", "not measured").to_owned(), say("未测量", "not measured").to_owned(), "–".to_owned())
            }
        };
        let _ = writeln!(out, "| {} | {} | {sensitivity} | {specificity} | {on} |", escape(&line.judge), line.decided);
    }
    out.push('\n');
    let tables = [
        (say("按风险", "By risk"), &report.risks),
        (say("按 OWASP 编号（2025 → 2026）", "By OWASP id (2025 → 2026)"), &report.owasp),
        (say("按手法", "By technique"), &report.techniques),
        (say("按攻击子类", "By sub-class of attack"), &report.attacks),
        (say("按语言", "By language"), &report.languages),
    ];
    for (title, groups) in tables {
        table(&mut out, title, groups, chinese);
    }
    top(&mut out, report, chinese);
    out
}

fn table(out: &mut String, title: &str, groups: &[Group], chinese: bool) {
    if groups.is_empty() {
        return;
    }
    let say = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
    let _ = writeln!(
        out,
        "## {title}\n\n| | {} | {} | {} | {} | {} |\n|---|---|---|---:|---:|---:|",
        say("成功率（95 % 区间）", "Success (95 % interval)"),
        say("修正后", "Corrected"),
        say("尝试", "Attempts"),
        say("未判定", "Unscored"),
        say("无回答", "No answer")
    );
    for group in groups {
        let id = match &group.owasp_2026 {
            Some(other) => format!("{} → {other}", group.id),
            None => group.id.clone(),
        };
        let tally = &group.tally;
        let _ = writeln!(
            out,
            "| {} {} | {} | {} | {} | {} | {} |",
            escape(&id),
            escape(group.name(chinese)),
            tally.rate,
            tally.corrected.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string),
            tally.attempts,
            tally.unscored,
            tally.failed
        );
    }
    out.push('\n');
}

fn top(out: &mut String, report: &Report, chinese: bool) {
    let say = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
    let _ = writeln!(out, "## {}\n", say("最要紧的成功攻击", "The successes that matter most"));
    if report.top.is_empty() {
        let _ = writeln!(out, "–");
        return;
    }
    for attempt in report.top.iter().filter_map(|key| report.attempt(key)).take(TOLD) {
        let _ = writeln!(
            out,
            "### {} · {} · {}\n\n- {}{}{}",
            escape(&risk_of(attempt)),
            escape(&attempt.technique),
            harm_name(attempt.harm, chinese),
            say("目的", "Aim"),
            say("：", ": "),
            escape(&clip(&attempt.goal, 300))
        );
        if let Some(score) = decisive(attempt) {
            let _ = writeln!(
                out,
                "- {} {:.2}{}{}",
                escape(&score.judge),
                score.value,
                say("：", ": "),
                escape(&clip(&score.reason, 300))
            );
        }
        for turn in &attempt.transcript {
            let who = match turn.speaker {
                Speaker::System => say("系统", "system"),
                Speaker::User => say("攻击者", "attacker"),
                Speaker::Assistant => say("目标", "target"),
            };
            let _ = writeln!(out, "- **{who}** {}", escape(&clip(&turn.text, 600)));
        }
        out.push('\n');
    }
}
