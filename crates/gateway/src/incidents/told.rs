//! What people outside are told: few words, and never a text of a prompt or an answer.

use menshen_store::{Incident, IncidentTimer, NewMessage, TimerStage};

use super::draft::{Lang, moment};
use super::rules::Rules;
use crate::gateway::Gateway;

/// An incident's step for every channel that takes it.
pub(crate) fn step(gateway: &Gateway, rules: &Rules, incident: &Incident, event: &str) -> Vec<NewMessage> {
    let topic = if event == "proposed" { "proposal" } else { "incident" };
    if !incident.announce {
        return Vec::new();
    }
    let message = |lang: Lang| {
        let what = match event {
            "proposed" => lang.pick("待确认的事件", "To be confirmed"),
            "opened" => lang.pick("事件已立案", "Incident opened"),
            "contained" => lang.pick("事件已受控", "Incident contained"),
            "closed" => lang.pick("事件已关闭", "Incident closed"),
            _ => event,
        };
        (format!("{what}: {}", head(incident, lang)), body(rules, incident, lang))
    };
    // A number is given when it is written, so the key holds the id.
    let key = format!("{}/{event}", incident.id);
    gateway.notifier.messages(topic, &key, incident.tenant.as_deref(), message)
}

/// A stage of a timer for every channel that takes it.
pub(crate) fn timer(
    gateway: &Gateway,
    rules: &Rules,
    incident: &Incident,
    timer: &IncidentTimer,
    stage: TimerStage,
) -> Vec<NewMessage> {
    if !incident.announce {
        return Vec::new();
    }
    let message = |lang: Lang| {
        let what = match stage {
            TimerStage::Soon => lang.pick("即将到期", "Due soon"),
            TimerStage::Overdue => lang.pick("已逾期", "Overdue"),
        };
        let title = format!("{what}: {}", lang.pick(&timer.zh, &timer.en));
        let due = lang.pick("截止", "Due");
        (title, format!("{due}: {}\n{}\n{}", moment(timer.due_us), head(incident, lang), body(rules, incident, lang)))
    };
    let key = format!("{}/{}/{}/{}", incident.id, timer.id, stage.id(), timer.due_us);
    gateway.notifier.messages("timer", &key, incident.tenant.as_deref(), message)
}

fn head(incident: &Incident, lang: Lang) -> String {
    let drill = if incident.drill { lang.pick("【演练】", "[DRILL] ") } else { "" };
    match incident.number {
        0 => format!("{drill}{}", incident.title),
        number => format!("{drill}#{number} {}", incident.title),
    }
}

fn body(rules: &Rules, incident: &Incident, lang: Lang) -> String {
    let class = rules.class(&incident.class).map_or(incident.class.as_str(), |c| lang.pick(&c.zh, &c.en));
    let grade = rules.grade_of(&incident.grade).map_or(incident.grade.as_str(), |g| lang.pick(&g.zh, &g.en));
    let (c, g, a) = match lang {
        Lang::Zh => ("类型", "级别", "获知"),
        Lang::En => ("Class", "Grade", "Aware"),
    };
    format!("{c}: {class}\n{g}: {grade}\n{a}: {}\n/console/#/incidents/{}", moment(incident.aware_us), incident.id)
}
