//! The page: one file, nothing fetched, one script of ours that is named by its hash.

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::view::{self, decisive, notes, outcome, outcome_id};
use super::{Group, Report, harm_name, risk_of, svg, text};
use crate::attempt::{Attempt, Outcome};
use crate::turn::Speaker;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Transcripts of each outcome that the page shows; the JSON has all.
const MOST_SUCCESSES: usize = 400;
const MOST_OTHERS: usize = 150;
/// Characters of a turn that the page shows.
const MOST_TURN: usize = 6_000;
/// Steps of genetic search that the page shows.
const MOST_LINEAGE: usize = 60;

/// The page of a report.
pub(super) fn page(report: &Report, chinese: bool) -> String {
    render(report, chinese).unwrap_or_else(|error| {
        let problem = text::html(&format!("{error:#}"));
        format!("<!DOCTYPE html><meta charset=\"utf-8\"><title>menshen</title><p>{problem}</p>")
    })
}

fn render(report: &Report, chinese: bool) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    // Our own escaping for every value, so that what cannot be seen is spelt out, too.
    environment.set_formatter(|out, _, value| {
        let written = match value.as_str() {
            Some(text) if !value.is_safe() => out.write_str(&text::html(text)),
            _ if value.is_none() || value.is_undefined() => Ok(()),
            _ if value.is_safe() || value.is_number() => out.write_str(&value.to_string()),
            _ => out.write_str(&text::html(&value.to_string())),
        };
        written.map_err(minijinja::Error::from)
    });
    environment.add_template("page.html", PAGE)?;
    let template = environment.get_template("page.html")?;
    template.render(context(report, chinese))
}

/// Sources of scripts that the page may run: the one that stands in it.
fn policy() -> String {
    let hash = data_encoding::BASE64.encode(&Sha256::digest(SCRIPT.as_bytes()));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    )
}

fn context(report: &Report, chinese: bool) -> Value {
    let say = |zh: &str, en: &str| Json::from(if chinese { zh } else { en });
    let risk_plot =
        svg::bars(&report.risks, if chinese { "各风险的攻击成功率" } else { "attack success by risk" }, chinese);
    let attack_plot = svg::bars(
        &report.attacks,
        if chinese { "各攻击子类的攻击成功率" } else { "attack success by sub-class" },
        chinese,
    );
    let heat = svg::heat(
        &report.cells,
        &report.techniques,
        &report.risks,
        if chinese { "手法 × 风险" } else { "technique by risk" },
    );
    let search = svg::search(&report.generations, if chinese { "遗传搜索各代" } else { "generations" });
    let (cases, left_out) = cases(report, chinese);
    let words = words(&say);
    let facts = facts(report, chinese);
    let generations: Vec<Json> = report
        .generations
        .iter()
        .map(|g| {
            let operators: Vec<String> = g.operators.iter().map(|(name, n)| format!("{name} ×{n}")).collect();
            json!({"generation": g.generation, "attempts": g.attempts, "successes": g.successes,
                   "best": format!("{:.2}", g.best), "mean": format!("{:.2}", g.mean), "operators": operators.join(", ")})
        })
        .collect();
    Value::from_serialize(json!({
        "lang": if chinese { "zh-CN" } else { "en" },
        "policy": policy(), "style": STYLE, "script": SCRIPT, "w": words,
        "title": format!("{} · {}", if chinese { "红队测评报告" } else { "Red team report" }, report.name),
        "need": report.need, "facts": facts, "notes": notes(report, chinese),
        "headline": headline(report, chinese),
        "judges": judges(report, chinese),
        "risk_plot": risk_plot, "attack_plot": attack_plot, "heat": heat, "search": search,
        "tables": [
            table("risks", &report.risks, &say("按风险", "By risk"), chinese),
            table("owasp", &report.owasp, &say("按 OWASP 编号（2025 → 2026）", "By OWASP id (2025 → 2026)"), chinese),
            table("techniques", &report.techniques, &say("按手法", "By technique"), chinese),
            table("attacks", &report.attacks, &say("按攻击子类", "By sub-class of attack"), chinese),
            table("languages", &report.languages, &say("按语言", "By language"), chinese),
        ],
        "top": top(report, chinese), "generations": generations, "lineage": lineage(report),
        "cases": cases, "left_out": left_out,
    }))
}

/// The fixed words of the page.
fn words(say: &dyn Fn(&str, &str) -> Json) -> Json {
    json!({
        "judges": say("判定者", "Judges"), "judge": say("判定者", "Judge"), "decided": say("作出判定", "decided"),
        "sensitivity": say("灵敏度", "Sensitivity"), "specificity": say("特异度", "Specificity"),
        "measured": say("测量依据", "Measured on"), "plots": say("图", "Plots"),
        "risk": say("风险", "Risk"), "attack": say("攻击子类", "Sub-class"), "heat": say("手法 × 风险（%）", "Technique × risk (%)"),
        "legend": say("横条为原始攻击成功率，横线为 95 % 区间，菱形为修正后的成功率；“+n?”为未判定或无回答，不算安全",
                      "Bars are the attack success rate as seen, whiskers its 95 % interval, diamonds the corrected rate; “+n?” has no score or answer and is not safe"),
        "id": say("编号", "Id"), "name": say("名称", "Name"), "rate": say("成功率（95 % 区间）", "Success (95 % interval)"),
        "corrected": say("修正后", "Corrected"), "attempts": say("尝试", "Attempts"), "unscored": say("未判定", "Unscored"),
        "failed": say("无回答", "No answer"), "stopped": say("被拦截", "Stopped"), "at_most": say("至多", "At most"),
        "top": say("最要紧的成功攻击", "The successes that matter most"), "search": say("遗传搜索", "Genetic search"),
        "generation": say("代", "Generation"), "best": say("最好", "Best"), "mean": say("平均", "Mean"), "operators": say("算子", "Operators"),
        "successes": say("成功", "Successes"), "lineage": say("来历", "Where prompts came from"), "parents": say("由来", "Parents"),
        "cases": say("全部记录", "Attempts"), "filter": say("筛选", "Filter"), "all": say("全部", "all"), "find": say("查找…", "find…"),
        "goal": say("目的", "Aim"), "technique": say("手法", "Technique"), "harm": say("危害", "Harm"), "reason": say("理由", "Reason"),
        "problem": say("问题", "Problem"), "shown": say("显示", "shown"),
        "hostile": say("以下对话内容来自攻击者与被测模型，可能有害，仅供修复之用。看不见的字符以 ‹U+…› 写出。",
                       "What follows was written by attackers and by the model under test. It may be harmful and serves to mend it. Characters that cannot be seen are spelt ‹U+…›."),
    })
}

fn facts(report: &Report, chinese: bool) -> Vec<Json> {
    let spend = &report.spend;
    let fact = |zh: &str, en: &str, text: String| json!([if chinese { zh } else { en }, text]);
    let mut facts = vec![
        fact("目标", "Target", report.target.clone()),
        fact("状态", "State", report.state.clone()),
        fact("开始", "Began", view::time(report.created_us)),
        fact("活动编号", "Campaign", report.id.clone()),
        fact("指令集 / 计划", "Instructions / plan", format!("{} / {}", short(&report.bank), short(&report.plan))),
        fact("请求", "Requests", spend.requests.to_string()),
        fact(
            "词元（发 / 收）",
            "Tokens (sent / received)",
            format!("{} / {}", spend.usage.prompt, spend.usage.completion),
        ),
        fact("费用", "Cost", view::money(report)),
        fact("累计用时", "Time, summed", format!("{:.1} s", spend.took_ms as f64 / 1_000.0)),
    ];
    if let Some(attacker) = &spend.attacker {
        facts.push(fact("攻击模型请求", "Requests to the attacker's model", attacker.requests.to_string()));
    }
    facts
}

fn short(hash: &str) -> &str {
    hash.get(..hash.floor_char_boundary(12)).unwrap_or(hash)
}

fn headline(report: &Report, chinese: bool) -> Vec<Json> {
    let total = &report.total;
    let card = |zh: &str, en: &str, text: String, class: &str| json!({"name": if chinese { zh } else { en }, "text": text, "class": class});
    let corrected = total.corrected.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
    vec![
        card("攻击成功率", "Attack success", total.rate.to_string(), "success"),
        card("修正后", "Corrected", corrected, ""),
        card("成功 / 抵住", "Success / resisted", format!("{} / {}", total.successes, total.resisted), ""),
        card("未判定 / 无回答", "Unscored / no answer", format!("{} / {}", total.unscored, total.failed), "unscored"),
        card("护栏拦截", "Stopped by a guard", total.stopped.to_string(), "resisted"),
    ]
}

fn judges(report: &Report, chinese: bool) -> Vec<Json> {
    let lines = report.judges.iter().map(|line| {
        let unknown = if chinese { "未测量" } else { "not measured" };
        let (sensitivity, specificity, measured) = match (&line.standing, line.exact) {
            (Some(s), _) => (s.sensitivity_rate().to_string(), s.specificity_rate().to_string(), s.measured_on.clone()),
            (None, true) => ("–".to_owned(), "–".to_owned(), (if chinese { "精确检查，不含判断" } else { "exact, no opinion in it" }).to_owned()),
            (None, false) => (unknown.to_owned(), unknown.to_owned(), "–".to_owned()),
        };
        json!({"judge": line.judge, "decided": line.decided, "sensitivity": sensitivity, "specificity": specificity, "measured": measured})
    });
    lines.collect()
}

fn table(id: &str, groups: &[Group], title: &Json, chinese: bool) -> Json {
    let rows = groups.iter().map(|group| {
        let tally = &group.tally;
        let label = match &group.owasp_2026 {
            Some(other) => format!("{} → {other}", group.id),
            None => group.id.clone(),
        };
        json!({
            "id": label, "name": group.name(chinese), "rate": tally.rate.to_string(),
            "corrected": tally.corrected.as_ref().map(ToString::to_string),
            "attempts": tally.attempts, "unscored": tally.unscored, "failed": tally.failed, "stopped": tally.stopped,
            "at_most": format!("{:.1} %", tally.at_most * 100.0),
        })
    });
    json!({"id": id, "title": title, "rows": rows.collect::<Vec<_>>()})
}

fn top(report: &Report, chinese: bool) -> Vec<Json> {
    let found = report.top.iter().filter_map(|key| report.attempt(key));
    found.map(|a| case(a, chinese)).collect()
}

/// The attempts that the page shows, and a sentence on those that it does not.
fn cases(report: &Report, chinese: bool) -> (Vec<Json>, Option<String>) {
    let mut shown = Vec::new();
    for of in [Outcome::Success, Outcome::Unscored, Outcome::Failed, Outcome::Resisted] {
        let most = if of == Outcome::Success { MOST_SUCCESSES } else { MOST_OTHERS };
        shown.extend(report.attempts.iter().filter(|a| a.outcome == of).take(most).map(|a| case(a, chinese)));
    }
    let left = report.attempts.len() - shown.len();
    let sentence = (left > 0).then(|| match chinese {
        true => format!("另有 {left} 条记录未列出，见 JSON 报告。"),
        false => format!("{left} more attempts are in the JSON report."),
    });
    (shown, sentence)
}

fn case(attempt: &Attempt, chinese: bool) -> Json {
    let turns: Vec<Json> = attempt
        .transcript
        .iter()
        .map(|turn| {
            let (class, who) = match (turn.speaker, chinese) {
                (Speaker::System, true) => ("system", "系统"),
                (Speaker::User, true) => ("user", "攻击者"),
                (Speaker::Assistant, true) => ("assistant", "目标"),
                (Speaker::System, false) => ("system", "system"),
                (Speaker::User, false) => ("user", "attacker"),
                (Speaker::Assistant, false) => ("assistant", "target"),
            };
            // Files are named, never shown: they are as hostile as the words.
            let files: Vec<String> = turn
                .files
                .iter()
                .map(|f| format!("{} ({}, {} B)", f.name, f.media_type, f.base64.len() / 4 * 3))
                .collect();
            json!({"class": class, "who": who, "text": text::clip(&turn.text, MOST_TURN), "files": files})
        })
        .collect();
    let decided = decisive(attempt);
    json!({
        "key": attempt.key, "outcome": outcome_id(attempt.outcome), "says": outcome(attempt.outcome, chinese),
        "risk": risk_of(attempt), "technique": attempt.technique, "harm": harm_name(attempt.harm, chinese),
        "instruction": attempt.instruction, "goal": text::clip(&attempt.goal, 400), "lang": attempt.lang,
        "attacks": attempt.attacks.iter().map(|a| a.id()).collect::<Vec<_>>().join(" "),
        "owasp": attempt.owasp.join(" "),
        "judge": decided.map(|s| s.judge.clone()), "reason": decided.map(|s| text::clip(&s.reason, 400)),
        "value": decided.map(|s| format!("{:.2}", s.value)),
        "stopped": attempt.stopped, "problem": attempt.problem, "turns": turns,
    })
}

fn lineage(report: &Report) -> Vec<Json> {
    let mut found: Vec<&Attempt> = report.attempts.iter().filter(|a| a.lineage.is_some()).collect();
    found.sort_by_key(|a| (a.outcome, a.lineage.as_ref().map(|l| l.generation)));
    let steps = found.into_iter().take(MOST_LINEAGE).filter_map(|a| {
        let lineage = a.lineage.as_ref()?;
        let parents: Vec<String> = lineage.parents.iter().map(|p| text::clip(p, 24)).collect();
        Some(json!({
            "key": a.key, "outcome": outcome_id(a.outcome), "generation": lineage.generation, "operator": lineage.operator,
            "parents": parents.join(", "), "template": lineage.template.as_ref().map(|t| text::clip(t, 600)),
        }))
    });
    steps.collect()
}
