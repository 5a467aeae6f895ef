//! One standard answer.

use std::str::FromStr;

use jiff::civil::Date;

use crate::document::{At, Fields};
use crate::rule::is_id;
use crate::settings::Lang;

/// The longest question, in characters. What is longer is not a question but a text.
pub(crate) const MAX_QUESTION_CHARS: usize = 200;
/// The longest answer, in characters.
const MAX_ANSWER_CHARS: usize = 20_000;
/// How many ways to ask one answer may list.
const MAX_QUESTIONS: usize = 200;
/// How many ways to ask an answer should list: fewer and paraphrases are missed.
const WANTED_QUESTIONS: usize = 3;
/// Days of `valid_from` and `valid_to` begin at midnight of UTC+8.
const DAY_OFFSET_S: i64 = 8 * 3_600;

/// Where an answer stands in its review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Status {
    /// Being written.
    #[default]
    Draft,
    /// Waiting for approval.
    Review,
    /// Approved: the only status that is ever given.
    Approved,
    /// No longer given; kept for the audit.
    Retired,
}

impl Status {
    /// All, in the order of a pair's life.
    pub const ALL: &'static [Status] = &[Status::Draft, Status::Review, Status::Approved, Status::Retired];

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::Review => "review",
            Status::Approved => "approved",
            Status::Retired => "retired",
        }
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        Status::ALL.iter().copied().find(|v| v.id() == s).ok_or_else(|| format!("{s:?} is not a status"))
    }
}

/// A question and answer pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The id within its pack.
    pub id: String,
    /// The version, raised whenever the text changes; the audit names it.
    pub version: u32,
    /// Ways to ask.
    pub questions: Vec<String>,
    /// The answer, given verbatim.
    pub answer: String,
    /// The language of the answer.
    pub lang: Lang,
    /// A topic id, for statistics.
    pub topic: Option<String>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When it was approved.
    pub approved_at: Option<Date>,
    /// The first day on which it is given, midnight UTC+8.
    pub valid_from: Option<Date>,
    /// The last day on which it is given.
    pub valid_to: Option<Date>,
    /// The applications it is given in; empty for all.
    pub apps: Vec<String>,
    /// Where it stands in its review.
    pub status: Status,
}

/// What is wrong with a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field (and column) it is about.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Whether the pair is loaded all the same.
    pub warning: bool,
}

impl Answer {
    /// Whether it may be given to an application at a moment (seconds since 1970, UTC).
    pub fn usable(&self, app: &str, now_unix_s: i64) -> bool {
        let day = day_number(now_unix_s);
        self.status == Status::Approved
            && (self.apps.is_empty() || self.apps.iter().any(|a| a == app))
            && self.valid_from.is_none_or(|d| day >= days_since_1970(d))
            && self.valid_to.is_none_or(|d| day <= days_since_1970(d))
    }

    /// What is wrong with it, whichever file it came from.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |field, message: String, remedy: &str, warning| {
            problems.push(Problem { field, message, remedy: remedy.to_owned(), warning });
        };
        if !is_id(&self.id) {
            add("id", format!("{:?} is not an id", self.id), "use ASCII letters, digits, `.`, `-` and `_`", false);
        }
        if self.answer.trim().is_empty() {
            add("answer", "the answer is blank".to_owned(), "write the answer", false);
        }
        if self.answer.chars().count() > MAX_ANSWER_CHARS {
            add("answer", format!("the answer is longer than {MAX_ANSWER_CHARS} characters"), "shorten it", false);
        }
        if self.questions.is_empty() {
            add("questions", "there is no question".to_owned(), "write at least three ways to ask", false);
        } else if self.questions.len() < WANTED_QUESTIONS {
            let message = format!("only {} way(s) to ask", self.questions.len());
            add("questions", message, "write at least three, or paraphrases will be missed", true);
        }
        if self.questions.len() > MAX_QUESTIONS {
            add("questions", format!("more than {MAX_QUESTIONS} ways to ask"), "split the pair", false);
        }
        for question in &self.questions {
            if question.chars().count() > MAX_QUESTION_CHARS {
                let message = format!("a question is longer than {MAX_QUESTION_CHARS} characters");
                add("questions", message, "shorten it: long texts are not matched", false);
            }
            if !question.chars().any(char::is_alphanumeric) {
                add("questions", format!("{question:?} holds no word"), "write a question", false);
            }
        }
        if let (Some(from), Some(to)) = (self.valid_from, self.valid_to)
            && from > to
        {
            add("valid_to", format!("it ends on {to}, before it starts on {from}"), "swap the dates", false);
        }
        if self.status == Status::Approved {
            if self.approved_by.as_deref().is_none_or(|s| s.trim().is_empty()) {
                add("approved_by", "an approved answer must say who approved it".to_owned(), "name them", false);
            }
            if self.approved_at.is_none() {
                add("approved_at", "an approved answer must say when it was approved".to_owned(), "add the day", false);
            }
        }
        problems
    }
}

/// The day of a moment, counted from 1970-01-01 in UTC+8.
const fn day_number(now_unix_s: i64) -> i64 {
    now_unix_s.saturating_add(DAY_OFFSET_S).div_euclid(86_400)
}

fn days_since_1970(date: Date) -> i64 {
    let epoch = Date::constant(1970, 1, 1);
    date.since((jiff::Unit::Day, epoch)).map_or(0, |span| i64::from(span.get_days()))
}

/// A day such as `2026-01-31`, alone or at the start of a date-time.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let text = text.trim();
    let day = match text.get(..10) {
        Some(day) if matches!(text.as_bytes().get(10), None | Some(b'T' | b't' | b' ')) => day,
        _ => return None,
    };
    (day.as_bytes()[4] == b'-' && day.as_bytes()[7] == b'-').then(|| day.parse().ok())?
}

/// Reads a pair; `None` when it has errors, which are reported.
pub(crate) fn read(mut fields: Fields<'_, '_>) -> Option<(Answer, At<String>)> {
    let file = fields.file();
    let before = file.errors();
    let id = fields.required("id");
    let version = crate::rule::version(&mut fields);
    let questions = fields.strings("questions").into_iter().map(|q| q.value.trim().to_owned()).collect();
    let answer = fields.required("answer");
    let lang = match fields.string("lang") {
        None => None,
        Some(l) if l.value == "zh" => Some(Lang::Zh),
        Some(l) if l.value == "en" => Some(Lang::En),
        Some(l) => {
            file.error(l.at, format!("{:?} is not a language", l.value), "one of zh, en");
            None
        }
    };
    let topic = fields.string("topic").map(|t| t.value);
    let approved_by = fields.string("approved_by").map(|t| t.value);
    let mut day = |key| {
        let date = fields.date(key)?;
        let parsed = parse_date(&date.value);
        if parsed.is_none() {
            file.error(date.at, format!("{:?} is not a date", date.value), "write it as \"2026-01-31\"");
        }
        parsed
    };
    let (approved_at, valid_from, valid_to) = (day("approved_at"), day("valid_from"), day("valid_to"));
    let apps = fields.strings("apps").into_iter().map(|a| a.value).collect();
    let status = match fields.string("status") {
        None => Status::Draft,
        Some(s) => s.value.parse().unwrap_or_else(|why: String| {
            file.error(s.at, why, "one of draft, review, approved, retired");
            Status::Draft
        }),
    };
    let (id, answer) = (id?, answer?);
    let text = answer.value.trim().to_owned();
    let lang = lang.unwrap_or_else(|| Lang::of(&text));
    let pair = Answer {
        id: id.value.clone(),
        version,
        questions,
        answer: text,
        lang,
        topic,
        approved_by,
        approved_at,
        valid_from,
        valid_to,
        apps,
        status,
    };
    if file.errors() == before {
        for problem in pair.check() {
            let at = fields.key_at(problem.field);
            if problem.warning {
                file.warning(at, problem.message, problem.remedy);
            } else {
                file.error(at, problem.message, problem.remedy);
            }
        }
    }
    fields.finish();
    (file.errors() == before).then_some((pair, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> Answer {
        Answer {
            id: "a".to_owned(),
            version: 1,
            questions: vec!["一".to_owned(), "二".to_owned(), "三".to_owned()],
            answer: "答".to_owned(),
            lang: Lang::Zh,
            topic: None,
            approved_by: Some("me".to_owned()),
            approved_at: parse_date("2026-01-01"),
            valid_from: parse_date("2026-01-02"),
            valid_to: parse_date("2026-01-03"),
            apps: vec![],
            status: Status::Approved,
        }
    }

    #[test]
    fn validity_counts_whole_days_in_utc_plus_8() {
        let pair = pair();
        // 2026-01-02T00:00:00+08:00 is 2026-01-01T16:00:00Z.
        let start = 1_767_283_200;
        assert!(!pair.usable("", start - 1));
        assert!(pair.usable("", start));
        assert!(pair.usable("", start + 2 * 86_400 - 1));
        assert!(!pair.usable("", start + 2 * 86_400));
    }

    #[test]
    fn only_approved_pairs_of_the_application_are_usable() {
        let now = 1_767_283_200;
        let mut pair = pair();
        for status in [Status::Draft, Status::Review, Status::Retired] {
            pair.status = status;
            assert!(!pair.usable("", now));
        }
        pair.status = Status::Approved;
        pair.apps = vec!["bank".to_owned()];
        assert!(pair.usable("bank", now) && !pair.usable("school", now));
    }

    #[test]
    fn dates_are_days() {
        assert!(parse_date("2026-02-28").is_some() && parse_date("2026-02-28T08:00:00Z").is_some());
        for bad in ["2026-02-30", "2026/02/28", "28-02-2026", "2026-02-28x", "", "二〇二六年一月一日"] {
            assert!(parse_date(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_approval_names_its_author_and_day() {
        let mut pair = pair();
        assert!(pair.check().is_empty());
        (pair.approved_by, pair.approved_at) = (None, None);
        let fields: Vec<_> = pair.check().iter().map(|p| p.field).collect();
        assert_eq!(fields, ["approved_by", "approved_at"]);
    }
}
