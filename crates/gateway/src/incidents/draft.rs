//! Drafts of reports: what is known, in the order that is asked for, and what is missing, marked.

use menshen_store::{IncidentFolder, IncidentTimer};
use serde_json::Value;

use super::rules::{Part, Report, Rules};

/// What a part of a report can be made of, beside `fact:<id>`.
pub(crate) const VALUES: &[&str] = &[
    "title", "class", "grade", "reasons", "moments", "roles", "tasks", "timers", "timeline", "evidence", "lessons",
    "measures", "drill",
];

/// The language of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The language of an id; Chinese unless it is `en`.
    pub fn of(id: &str) -> Self {
        if id == "en" { Lang::En } else { Lang::Zh }
    }

    pub(crate) fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }
}

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its title.
    pub title: String,
    /// Its parts: heading, text, whether it is missing although it is needed.
    pub parts: Vec<(String, String, bool)>,
    lang: Lang,
    note: String,
}

/// RFC 3339 to the second, in UTC.
pub(crate) fn moment(at_us: i64) -> String {
    jiff::Timestamp::from_second(at_us.div_euclid(1_000_000)).map_or_else(|_| at_us.to_string(), |t| t.to_string())
}

fn minutes(from_us: i64, to_us: i64) -> i64 {
    (to_us - from_us).div_euclid(60_000_000)
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default().trim()
}

/// Writes a draft of a report.
pub fn draft(rules: &Rules, report: &Report, folder: &IncidentFolder, lang: Lang, now_us: i64) -> Draft {
    let part = |part: &Part| {
        let value = match part.value.strip_prefix("fact:") {
            Some(id) => text(folder.incident.facts.get(id)).to_owned(),
            None => known(rules, folder, &part.value, lang),
        };
        let missing = value.is_empty() && part.needed;
        (lang.pick(&part.zh, &part.en).to_owned(), value, missing)
    };
    let heading = lang.pick(&report.zh, &report.en);
    let drill = lang.pick("【演练】", "[DRILL] ");
    let made = lang.pick("生成于", "made");
    Draft {
        title: if folder.incident.drill { format!("{drill}{heading}") } else { heading.to_owned() },
        parts: report.parts.iter().map(part).collect(),
        lang,
        note: format!("{} · {made} {}", report.clause, moment(now_us)),
    }
}

fn known(rules: &Rules, folder: &IncidentFolder, value: &str, lang: Lang) -> String {
    let incident = &folder.incident;
    let lines = |lines: Vec<String>| lines.join("\n");
    let name = |list: &[super::Bilingual], id: &str| {
        list.iter().find(|c| c.id == id).map_or_else(|| id.to_owned(), |c| lang.pick(&c.zh, &c.en).to_owned())
    };
    let grade = || {
        let grade = rules.grade_of(&incident.grade);
        grade.map_or_else(|| incident.grade.clone(), |g| lang.pick(&g.zh, &g.en).to_owned())
    };
    match value {
        "title" => format!("#{} {}", incident.number, incident.title),
        "class" => name(&rules.classes, &incident.class),
        "grade" => grade(),
        "reasons" => {
            let mut told = vec![grade()];
            for reason in incident.reasons.as_array().into_iter().flatten() {
                let what = text(reason.get(lang.pick("zh", "en")));
                let mark = match text(reason.get("basis")) {
                    "draft" => lang.pick("（征求意见稿数值，待核）", " (figure of the draft, to be checked)"),
                    "analogy" => lang.pick("（参照适用）", " (by analogy)"),
                    _ => "",
                };
                told.push(format!("- {what} [{}]{mark}", text(reason.get("clause"))));
            }
            lines(told)
        }
        "moments" => {
            let named = [
                (lang.pick("发生", "happened"), incident.occurred_us),
                (lang.pick("获知", "aware"), Some(incident.aware_us)),
                (lang.pick("受控", "contained"), incident.contained_us),
                (lang.pick("关闭", "closed"), incident.closed_us),
            ];
            let sep = lang.pick("：", ": ");
            lines(named.iter().filter_map(|(n, at)| at.map(|at| format!("{n}{sep}{}", moment(at)))).collect())
        }
        "roles" => {
            let one = |role: &super::Bilingual| {
                let who = text(incident.roles.get(&role.id));
                (!who.is_empty()).then(|| format!("{}: {who}", lang.pick(&role.zh, &role.en)))
            };
            lines(rules.roles.iter().filter_map(one).collect())
        }
        "tasks" => {
            let one = |t: &menshen_store::IncidentTask| {
                let what = lang.pick(&t.zh, &t.en);
                match (t.done_us, &t.done_by) {
                    (Some(at), Some(by)) => {
                        format!("[x] {what} — {by}, {} {}", moment(at), t.note).trim_end().to_owned()
                    }
                    _ => format!("[ ] {what}"),
                }
            };
            lines(folder.tasks.iter().map(one).collect())
        }
        "timers" => {
            let one = |t: &IncidentTimer| {
                let what = lang.pick(&t.zh, &t.en);
                let due = lang.pick("截止", "due");
                match t.met_us {
                    Some(at) if at <= t.due_us => {
                        format!("{what}: {} ({due} {})", moment(at), moment(t.due_us))
                    }
                    Some(at) => {
                        let late = lang.pick("逾期", "late");
                        format!(
                            "{what}: {} ({due} {}, {late} {} min)",
                            moment(at),
                            moment(t.due_us),
                            minutes(t.due_us, at)
                        )
                    }
                    None => format!("{what}: {} ({due} {})", lang.pick("未完成", "not met"), moment(t.due_us)),
                }
            };
            lines(folder.timers.iter().map(one).collect())
        }
        "timeline" => {
            let one = |e: &menshen_store::IncidentEvent| {
                let detail = ["text", "reason", lang.pick("zh", "en"), "note", "name"];
                let said: Vec<&str> = detail.iter().map(|k| text(e.detail.get(*k))).filter(|t| !t.is_empty()).collect();
                format!("{} {} {} {}", moment(e.at_us), e.by, e.kind, said.join(" · ")).trim_end().to_owned()
            };
            lines(folder.events.iter().map(one).collect())
        }
        "evidence" => {
            let one = |f: &menshen_store::IncidentFile| {
                format!(
                    "{} · {} · SHA-256 {} · {} {}",
                    f.name,
                    moment(f.created_us),
                    f.sha256,
                    f.records,
                    lang.pick("条记录", "records")
                )
            };
            lines(folder.files.iter().map(one).collect())
        }
        "lessons" => {
            let one = |l: &super::Bilingual| {
                let said = text(incident.lessons.get(&l.id));
                (!said.is_empty()).then(|| format!("{}: {said}", lang.pick(&l.zh, &l.en)))
            };
            lines(rules.lessons.iter().filter_map(one).collect())
        }
        "measures" => {
            let one = |m: &Value| {
                let done = if m.get("done").and_then(Value::as_bool) == Some(true) { "[x]" } else { "[ ]" };
                format!("{done} {} — {} {}", text(m.get("text")), text(m.get("owner")), text(m.get("due")))
                    .trim_end()
                    .to_owned()
            };
            lines(incident.lessons.get("measures").and_then(Value::as_array).into_iter().flatten().map(one).collect())
        }
        "drill" => {
            let after = |at: i64| format!("{} min", minutes(incident.aware_us, at));
            let mut told = Vec::new();
            if let Some(first) = folder.tasks.iter().filter_map(|t| t.done_us).min() {
                told.push(format!("{}: {}", lang.pick("首项任务完成", "first task done"), after(first)));
            }
            if let Some(at) = incident.contained_us {
                told.push(format!("{}: {}", lang.pick("受控", "contained"), after(at)));
            }
            for timer in &folder.timers {
                if let Some(at) = timer.met_us {
                    told.push(format!("{}: {}", lang.pick(&timer.zh, &timer.en), after(at)));
                }
            }
            lines(told)
        }
        _ => String::new(),
    }
}

impl Draft {
    /// How many parts are missing although they are needed.
    pub fn missing(&self) -> usize {
        self.parts.iter().filter(|(_, _, missing)| *missing).count()
    }

    fn gap(&self) -> &'static str {
        self.lang.pick("【待补充】", "[to be filled in]")
    }

    /// As plain text.
    pub fn text(&self) -> String {
        let mut out = format!("{}\n{}\n", self.title, self.note);
        for (heading, value, missing) in &self.parts {
            let value = if *missing {
                self.gap()
            } else if value.is_empty() {
                "—"
            } else {
                value
            };
            out.push_str(&format!("\n## {heading}\n{value}\n"));
        }
        out
    }

    /// As a page of its own: no script, nothing from elsewhere.
    pub fn html(&self) -> String {
        let lang = self.lang.pick("zh-CN", "en");
        let mut out = format!(
            "<!doctype html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\"><title>{0}</title><style>body{{max-width:48rem;\
             margin:2rem auto;padding:0 1rem;font:16px/1.6 system-ui,sans-serif;color:#1a2221}}h1{{font-size:1.5rem}}h2{{font-size:\
             1.1rem;margin:1.5rem 0 .3rem}}p{{white-space:pre-wrap;margin:0;overflow-wrap:anywhere}}.note{{color:#56605c}}.gap{{\
             background:#fbecd0;color:#6d4100;padding:.2rem .5rem}}</style></head><body>\n<h1>{0}</h1>\n<p class=\"note\">{1}</p>\n",
            escaped(&self.title),
            escaped(&self.note),
        );
        for (heading, value, missing) in &self.parts {
            let (class, value) = match (missing, value.is_empty()) {
                (true, _) => (" class=\"gap\"", self.gap().to_owned()),
                (false, true) => ("", "—".to_owned()),
                (false, false) => ("", escaped(value)),
            };
            out.push_str(&format!("<h2>{}</h2>\n<p{class}>{value}</p>\n", escaped(heading)));
        }
        out.push_str("</body></html>\n");
        out
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
