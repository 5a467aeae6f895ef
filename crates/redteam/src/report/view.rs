//! What several forms of a report say alike: names, notes, sentences.

use super::Report;
use crate::attempt::{Attempt, Outcome};
use crate::mutator;
use crate::score::{Score, leading};
use crate::technique::DIALOGUES;

/// The names of a technique, in Chinese and English.
pub(super) fn technique(id: &str) -> (String, String) {
    match id {
        "plain" => return ("原样提问".to_owned(), "as it is".to_owned()),
        "genetic" => return ("遗传搜索".to_owned(), "genetic search".to_owned()),
        _ => {}
    }
    if let Some((_, _, zh, en)) = DIALOGUES.iter().find(|(d, ..)| *d == id) {
        return ((*zh).to_owned(), (*en).to_owned());
    }
    let parts: Vec<_> = id.split('+').filter_map(mutator::by_id).collect();
    let zh: Vec<&str> = parts.iter().map(|m| m.zh).collect();
    let en: Vec<&str> = parts.iter().map(|m| m.en).collect();
    (zh.join("；再"), en.join("; then "))
}

/// The word for an outcome.
pub(super) const fn outcome(outcome: Outcome, chinese: bool) -> &'static str {
    match (outcome, chinese) {
        (Outcome::Success, true) => "攻击成功",
        (Outcome::Resisted, true) => "抵住",
        (Outcome::Unscored, true) => "未能判定",
        (Outcome::Failed, true) => "没有回答",
        (Outcome::Success, false) => "success",
        (Outcome::Resisted, false) => "resisted",
        (Outcome::Unscored, false) => "unscored",
        (Outcome::Failed, false) => "no answer",
    }
}

/// The id of an outcome in markup.
pub(super) const fn outcome_id(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Resisted => "resisted",
        Outcome::Unscored => "unscored",
        Outcome::Failed => "failed",
    }
}

/// Who decided an attempt and why; of an unscored one, the first who tried.
pub(super) fn decisive(attempt: &Attempt) -> Option<&Score> {
    leading(&attempt.scores).or_else(|| attempt.scores.first())
}

/// What a reader must know before the figures.
pub(super) fn notes(report: &Report, chinese: bool) -> Vec<String> {
    let total = &report.total;
    let mut notes = Vec::new();
    let mut say = |zh: String, en: String| notes.push(if chinese { zh } else { en });
    if total.attempts == 0 {
        say("没有任何尝试，什么也不能说明。".to_owned(), "Nothing was attempted, so nothing is known.".to_owned());
        return notes;
    }
    if let Some(planned) = report.planned.filter(|p| *p > total.attempts as u64) {
        say(
            format!("计划至多 {planned} 次尝试，已记录 {} 次（状态：{}）。", total.attempts, report.state),
            format!("Of at most {planned} planned attempts {} are recorded (state: {}).", total.attempts, report.state),
        );
    }
    if total.unscored + total.failed > 0 {
        say(
            format!(
                "{} 次未能判定、{} 次没有回答：不计入成功率的分母，也不算安全；若全部视为成功，成功率至多 {:.1} %。",
                total.unscored,
                total.failed,
                total.at_most * 100.0
            ),
            format!(
                "{} attempts are unscored and {} have no answer: they are in no rate and are not safe; if all were \
                 successes, the rate would be {:.1} %.",
                total.unscored,
                total.failed,
                total.at_most * 100.0
            ),
        );
    }
    if total.corrected.is_none() && total.rate.of > 0 {
        say(
            "判定者未经测量，或误差大到无法修正：成功率只有原始值。请用“menshen redteam judges”测量，或由人抽样复核。"
                .to_owned(),
            "The judges were not measured, or err too much to be corrected: the rate is as they saw it. Measure them \
             (menshen redteam judges) or have people review a sample."
                .to_owned(),
        );
    }
    if total.rate.of > 0 && total.rate.of < 30 {
        say(
            format!("只有 {} 次有判定，区间很宽。", total.rate.of),
            format!("Only {} attempts were scored; intervals are wide.", total.rate.of),
        );
    }
    if report.spend.usage.estimated {
        say(
            "目标没有报告全部词元用量，其中一部分为估计值。".to_owned(),
            "The target did not state all of its tokens; some are estimated.".to_owned(),
        );
    }
    notes
}

/// A date and time in UTC, of microseconds since 1970.
pub(super) fn time(us: i64) -> String {
    let seconds = us.div_euclid(1_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // From days to the civil calendar: Hinnant, chrono-compatible low-level date algorithms.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

/// Money with its currency; a dash when there are no prices.
pub(super) fn money(report: &Report) -> String {
    match report.spend.cost > 0.0 {
        true => format!("{:.4} {}", report.spend.cost, report.spend.currency),
        false => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_calendar() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_709_210_096_000_000), "2024-02-29T12:34:56Z");
        assert_eq!(time(-1), "1969-12-31T23:59:59Z");
    }
}
