//! What a bank holds, and when it is due for an update.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;

use super::Bank;
use super::lint::parse_date;
use crate::question::{BankKind, Form, Group, Modality, Question};

#[cfg(test)]
mod tests;

/// Figures of the banks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// The three banks, in order; empty ones too.
    pub banks: Vec<BankStats>,
}

/// Figures of a bank. All but `retired`, the months and `last_update` count current questions only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BankStats {
    /// The bank.
    pub bank: BankKind,
    /// Current questions.
    pub current: u64,
    /// Retired ones.
    pub retired: u64,
    /// Every group that the bank may have, in order.
    pub groups: Vec<GroupStats>,
    /// By language.
    pub langs: BTreeMap<String, u64>,
    /// By form.
    pub forms: BTreeMap<Form, u64>,
    /// By what the model is asked to make.
    pub modalities: BTreeMap<Modality, u64>,
    /// Added by month (`YYYY-MM`), retired ones too.
    pub added: BTreeMap<String, u64>,
    /// Retired by month.
    pub retired_by_month: BTreeMap<String, u64>,
    /// The last date on which a question was added or retired.
    pub last_update: Option<String>,
    /// Lengths in characters.
    pub length: Lengths,
}

/// Figures of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupStats {
    /// Such as `A1a` or `system`.
    pub group: &'static str,
    /// Its Chinese name.
    pub zh: &'static str,
    /// Its English name.
    pub en: &'static str,
    /// Current questions.
    pub current: u64,
    /// Retired ones.
    pub retired: u64,
    /// Current ones by language.
    pub langs: BTreeMap<String, u64>,
    /// Current ones by form.
    pub forms: BTreeMap<Form, u64>,
    /// Current ones by what the model is asked to make.
    pub modalities: BTreeMap<Modality, u64>,
}

/// Quantiles of lengths in characters: values that occur, none in between. All 0 when there are no questions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Lengths {
    /// The shortest.
    pub min: u64,
    /// A tenth is this long at most.
    pub p10: u64,
    /// Half is.
    pub p50: u64,
    /// Nine tenths are.
    pub p90: u64,
    /// The longest.
    pub max: u64,
}

impl Lengths {
    fn of(mut lengths: Vec<u64>) -> Lengths {
        lengths.sort_unstable();
        // The nearest rank.
        let at = |percent: usize| {
            let rank = (lengths.len() * percent).div_ceil(100).max(1);
            lengths.get(rank - 1).copied().unwrap_or_default()
        };
        Lengths { min: at(0), p10: at(10), p50: at(50), p90: at(90), max: at(100) }
    }
}

/// Counts what a bank holds.
pub fn stats(bank: &Bank) -> Stats {
    Stats { banks: BankKind::ALL.into_iter().map(|kind| of_bank(bank, kind)).collect() }
}

fn of_bank(bank: &Bank, kind: BankKind) -> BankStats {
    let all: Vec<&Question> = bank.questions().iter().filter(|q| q.bank == kind).collect();
    let current: Vec<&Question> = all.iter().copied().filter(|q| q.is_current()).collect();
    BankStats {
        bank: kind,
        current: size(&current),
        retired: size(&all) - size(&current),
        groups: Group::of_bank(kind).into_iter().map(|group| of_group(&all, group)).collect(),
        langs: count(&current, |q| q.lang.clone()),
        forms: count(&current, |q| q.form),
        modalities: count(&current, |q| q.modality),
        added: months(all.iter().map(|q| q.added.as_str())),
        retired_by_month: months(all.iter().filter_map(|q| q.retired.as_deref())),
        last_update: dates(&all).max().map(|d| d.to_string()),
        length: Lengths::of(current.iter().map(|q| q.text.chars().count() as u64).collect()),
    }
}

fn of_group(all: &[&Question], group: Group) -> GroupStats {
    let all: Vec<&Question> = all.iter().copied().filter(|q| q.group == group).collect();
    let current: Vec<&Question> = all.iter().copied().filter(|q| q.is_current()).collect();
    GroupStats {
        group: group.id(),
        zh: group.zh(),
        en: group.en(),
        current: size(&current),
        retired: size(&all) - size(&current),
        langs: count(&current, |q| q.lang.clone()),
        forms: count(&current, |q| q.form),
        modalities: count(&current, |q| q.modality),
    }
}

const fn size(questions: &[&Question]) -> u64 {
    questions.len() as u64
}

fn count<K: Ord>(questions: &[&Question], by: impl Fn(&Question) -> K) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    for question in questions {
        *counts.entry(by(question)).or_default() += 1;
    }
    counts
}

fn months<'a>(dates: impl Iterator<Item = &'a str>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for date in dates.filter_map(parse_date) {
        *counts.entry(format!("{:04}-{:02}", date.year(), date.month())).or_default() += 1;
    }
    counts
}

fn dates(questions: &[&Question]) -> impl Iterator<Item = Date> {
    questions.iter().flat_map(|q| [Some(q.added.as_str()), q.retired.as_deref()]).flatten().filter_map(parse_date)
}

impl Stats {
    /// The coverage table with its heading: a row for each group and a sum for each bank; questions by language, form
    /// and modality.
    pub fn table(&self, chinese: bool) -> Vec<Vec<String>> {
        let langs: BTreeSet<&str> = self.banks.iter().flat_map(|b| b.langs.keys()).map(String::as_str).collect();
        let say = |zh: &str, en: &str| (if chinese { zh } else { en }).to_owned();
        let mut heading = vec![
            say("题库", "bank"),
            say("编号", "id"),
            say("风险或方面", "risk or aspect"),
            say("题数", "questions"),
            say("已停用", "retired"),
        ];
        heading.extend(langs.iter().map(|l| (*l).to_owned()));
        heading.extend(Form::ALL.iter().map(|f| if chinese { form_zh(*f) } else { f.id() }.to_owned()));
        heading.extend(Modality::ALL.iter().map(|m| if chinese { modality_zh(*m) } else { m.id() }.to_owned()));
        let mut table = vec![heading];
        for bank in &self.banks {
            let name = if chinese { bank.bank.zh() } else { bank.bank.en() };
            let mut row = |id: &str, what: String, numbers: [u64; 2], by: By<'_>| {
                let mut cells = vec![name.to_owned(), id.to_owned(), what];
                cells.extend(numbers.iter().map(u64::to_string));
                cells.extend(langs.iter().map(|l| by.langs.get(*l).copied().unwrap_or_default().to_string()));
                cells.extend(Form::ALL.iter().map(|f| by.forms.get(f).copied().unwrap_or_default().to_string()));
                cells.extend(
                    Modality::ALL.iter().map(|m| by.modalities.get(m).copied().unwrap_or_default().to_string()),
                );
                table.push(cells);
            };
            for group in &bank.groups {
                let by = By { langs: &group.langs, forms: &group.forms, modalities: &group.modalities };
                let what = (if chinese { group.zh } else { group.en }).to_owned();
                row(group.group, what, [group.current, group.retired], by);
            }
            let by = By { langs: &bank.langs, forms: &bank.forms, modalities: &bank.modalities };
            row("", say("合计", "total"), [bank.current, bank.retired], by);
        }
        table
    }
}

/// Counts of a row.
struct By<'a> {
    langs: &'a BTreeMap<String, u64>,
    forms: &'a BTreeMap<Form, u64>,
    modalities: &'a BTreeMap<Modality, u64>,
}

/// A form's Chinese name.
pub(super) const fn form_zh(form: Form) -> &'static str {
    match form {
        Form::Direct => "直接提问",
        Form::Induced => "诱导提问",
        Form::Scenario => "情境提问",
        Form::Task => "任务",
        Form::Roleplay => "角色扮演",
        Form::Compare => "比较选择",
        Form::Evasive => "规避表达",
    }
}

/// A modality's Chinese name.
pub(super) const fn modality_zh(modality: Modality) -> &'static str {
    match modality {
        Modality::Text => "文本",
        Modality::Image => "图片",
        Modality::Audio => "音频",
        Modality::Video => "视频",
    }
}

/// How a bank stands to its rhythm of updates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Update {
    /// The bank.
    pub bank: BankKind,
    /// The last date, not after today, on which a question was added or retired.
    pub last: Option<String>,
    /// Questions added in the last days: as many days as an update may take.
    pub added_in_last_days: u64,
    /// Questions retired in them.
    pub retired_in_last_days: u64,
    /// The date by which the next update is due; today when the bank is empty.
    pub due: String,
    /// Whether that date has passed, or the bank is empty.
    pub overdue: bool,
}

/// When each of the three banks is due for its next update. Dates in the future are not believed; when `today` is no
/// date (`YYYY-MM-DD`) every bank is overdue.
pub fn updates(bank: &Bank, today: &str, every_days: u32) -> Vec<Update> {
    let now = parse_date(today);
    // More than a calendar holds is for ever.
    let span = i64::from(every_days.min(1_000_000)).days();
    let is_recent = |date: &str| {
        let (Some(date), Some(now)) = (parse_date(date), now) else { return false };
        date <= now && now.checked_sub(span).map_or(true, |from| date > from)
    };
    let of = |kind: BankKind| {
        let all: Vec<&Question> = bank.questions().iter().filter(|q| q.bank == kind).collect();
        let last = dates(&all).filter(|date| now.is_none_or(|now| *date <= now)).max();
        let due = last.map(|last| last.checked_add(span).unwrap_or(Date::MAX));
        Update {
            bank: kind,
            last: last.map(|last| last.to_string()),
            added_in_last_days: all.iter().filter(|q| is_recent(&q.added)).count() as u64,
            retired_in_last_days: all.iter().filter(|q| q.retired.as_deref().is_some_and(is_recent)).count() as u64,
            due: due.map_or_else(|| today.to_owned(), |due| due.to_string()),
            overdue: due.is_none_or(|due| now.is_none_or(|now| due < now)),
        }
    };
    BankKind::ALL.into_iter().map(of).collect()
}
