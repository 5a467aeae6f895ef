//! The three agents of a model that plans: risks, techniques, data. Each chooses among what exists; the rules stand by.

use std::collections::BTreeSet;

use menshen_verdict::Risk;
use serde_json::Value;

use super::ask::{Model, Read, ask};
use super::book::Book;
use super::fit::Fit;
use super::prompts::{Prompts, fill};
use super::rules::{self, Draft, Pick, Reading};
use super::{owasp_name, title};
use crate::Error;
use crate::instruction::{Bank, owasp_2026};
use crate::mutator;
use crate::plan::{Item, Plan};
use crate::target::Spec;
use crate::technique::DIALOGUES;

/// The most items, samples of an item, and instructions of an item that a model may choose or write.
const MOST_ITEMS: usize = 31;
const MOST_SAMPLES: u64 = 50;
const MOST_USED: usize = 20;
const MOST_WRITTEN: usize = 3;
/// The longest aim that a model may write, in characters: a sentence.
const MOST_AIM: usize = 160;
/// Instructions of an item that the data agent is shown.
const SHOWN: usize = 6;

/// Plans with a model; see [`super::by_model`].
pub(super) async fn plan(
    need: &str,
    model: &impl Model,
    target: Spec,
    attacker: Option<Spec>,
    bank: &Bank,
) -> Result<(Plan, Vec<String>), Error> {
    let book = Book::shipped()?;
    let by_rules = rules::read(need, book);
    let chinese = by_rules.chinese;
    let prompts = Prompts::shipped(chinese)?;
    let fit = Fit::of(&target, attacker.is_some());
    let mut notes = Vec::new();

    let chosen = risks(need, model, prompts, &by_rules, book, &mut notes).await;
    let (mut plan, more) = match chosen.map(|r| rules::plan(need, target.clone(), &r, fit, bank, book)) {
        Some(Ok(made)) => made,
        // Nothing that the model chose has an instruction: what the rules chose may have.
        Some(Err(_)) | None => rules::plan(need, target, &by_rules, fit, bank, book)?,
    };
    notes.extend(more);
    plan.attacker = attacker;
    let most = by_rules.size.techniques;
    tools(need, model, prompts, &mut plan, (fit, most, book, chinese), &mut notes).await;
    data(need, model, prompts, &mut plan, (bank, chinese), &mut notes).await;
    plan.check()?;
    Ok((plan, notes))
}

/// The planning agent: the need to risks, with reasons.
async fn risks<'a>(
    need: &str,
    model: &impl Model,
    prompts: &Prompts,
    by_rules: &Reading<'a>,
    book: &'a Book,
    notes: &mut Vec<String>,
) -> Option<Reading<'a>> {
    let chinese = by_rules.chinese;
    let risks: Vec<String> = Risk::ALL.iter().map(|r| title(Some(*r), None, chinese)).collect();
    let owasp: Vec<String> =
        (1..=10).map(|n| format!("LLM{n:02}")).map(|id| format!("{id} {}", owasp_name(&id, chinese))).collect();
    let values = [("need", need), ("risks", &risks.join("\n")), ("owasp", &owasp.join("\n"))];
    let prompt = fill(&prompts.plan, &values);
    let (answer, problems) = match ask(model, &prompt, &prompts.again, |v| read_risks(v, by_rules)).await {
        Ok(read) => read,
        Err(why) => {
            notes.push(took_over(chinese, ("规划", "planning"), &why));
            return None;
        }
    };
    notes.extend(problems.iter().map(|p| dropped(chinese, ("规划", "planning"), p)));
    let mut reading = by_rules.clone();
    reading.notes.clear();
    reading.drafts = answer.drafts;
    if let Some(size) = answer.size.and_then(|id| book.sizes.iter().find(|s| s.id == id)) {
        reading.size = size;
    }
    match answer.languages {
        Languages::Unsaid => {}
        Languages::Both => reading.lang = None,
        Languages::One(lang) => reading.lang = Some(lang),
    }
    Some(reading)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Languages {
    Unsaid,
    One(&'static str),
    Both,
}

#[derive(Debug, Clone)]
struct Chosen {
    size: Option<String>,
    languages: Languages,
    drafts: Vec<Draft>,
}

fn read_risks(answer: &Value, by_rules: &Reading<'_>) -> Read<Chosen> {
    let (mut problems, mut drafts) = (Vec::new(), Vec::<Draft>::new());
    for entry in items(answer, &mut problems).iter().take(MOST_ITEMS) {
        let id = word(entry, "id");
        let Some(pick) = Pick::of(id) else {
            problems.push(format!("{id:?} is no risk and no OWASP id"));
            continue;
        };
        if drafts.iter().any(|d| d.pick == pick) {
            continue;
        }
        let samples = entry.get("samples").and_then(Value::as_u64).filter(|n| *n > 0).unwrap_or(5).min(MOST_SAMPLES);
        // The rules know which techniques suit a topic; a risk that they did not see has the usual ones.
        let sets = by_rules
            .drafts
            .iter()
            .find(|d| d.pick == pick)
            .map_or_else(|| vec!["standard".to_owned()], |d| d.sets.clone());
        let why = sentence(word(entry, "why"));
        drafts.push(Draft {
            pick,
            samples: samples as usize,
            sets,
            why: if why.is_empty() { Vec::new() } else { vec![why] },
        });
    }
    let said: BTreeSet<&str> =
        answer.get("languages").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let languages = match (said.contains("zh"), said.contains("en")) {
        (true, true) => Languages::Both,
        (true, false) => Languages::One("zh"),
        (false, true) => Languages::One("en"),
        (false, false) => Languages::Unsaid,
    };
    if drafts.is_empty() && problems.is_empty() {
        problems.push("items is empty; choose at least one risk".to_owned());
    }
    let size = Some(word(answer, "size").to_owned()).filter(|s| !s.is_empty());
    let kept = (!drafts.is_empty()).then_some(Chosen { size, languages, drafts });
    Read { kept, problems }
}

/// The tool agent: techniques out of the catalogue.
async fn tools(
    need: &str,
    model: &impl Model,
    prompts: &Prompts,
    plan: &mut Plan,
    (fit, most, book, chinese): (Fit, usize, &Book, bool),
    notes: &mut Vec<String>,
) {
    let ids: Vec<String> = plan.items.iter().map(item_id).collect();
    let listed: Vec<String> = plan
        .items
        .iter()
        .map(|i| format!("{} — {}", title(i.risk, i.owasp.as_deref(), chinese), i.why.as_deref().unwrap_or("")))
        .collect();
    let catalogue = catalogue(fit, book, chinese);
    let most_text = most.to_string();
    let values = [
        ("need", need),
        ("items", &listed.join("\n")),
        ("catalogue", catalogue.as_str()),
        ("most", most_text.as_str()),
    ];
    let prompt = fill(&prompts.tools, &values);
    let read = |answer: &Value| {
        let (mut problems, mut kept) = (Vec::new(), Vec::<(String, Vec<String>)>::new());
        for entry in items(answer, &mut problems) {
            let id = word(entry, "id").trim();
            if !ids.iter().any(|i| i == id) {
                problems.push(format!("{id:?} is none of the items"));
                continue;
            }
            let mut chosen: Vec<String> = Vec::new();
            for technique in strings(entry, "techniques") {
                match fit.check(technique) {
                    Ok(known) => {
                        let known = known.to_string();
                        if known != "plain" && !chosen.contains(&known) {
                            chosen.push(known);
                        }
                    }
                    Err(why) => problems.push(why),
                }
            }
            chosen.truncate(most);
            if !chosen.is_empty() {
                // What the target does without any attack is what every rate is compared with.
                chosen.insert(0, "plain".to_owned());
                kept.push((id.to_owned(), chosen));
            }
        }
        if kept.is_empty() && problems.is_empty() {
            problems.push("it chose no technique".to_owned());
        }
        Read { kept: (!kept.is_empty()).then_some(kept), problems }
    };
    match ask(model, &prompt, &prompts.again, read).await {
        Ok((chosen, problems)) => {
            notes.extend(problems.iter().map(|p| dropped(chinese, ("工具", "tool"), p)));
            for (id, techniques) in chosen {
                if let Some(item) = plan.items.iter_mut().find(|i| item_id(i) == id) {
                    item.techniques = techniques;
                }
            }
        }
        Err(why) => notes.push(took_over(chinese, ("工具", "tool"), &why)),
    }
}

/// What the data agent chose and wrote for an item.
#[derive(Debug, Clone, Default)]
struct Data {
    id: String,
    used: Vec<String>,
    written: Vec<String>,
}

/// The data agent: instructions that fit the setting, chosen or written. Aims only.
async fn data(
    need: &str,
    model: &impl Model,
    prompts: &Prompts,
    plan: &mut Plan,
    (bank, chinese): (&Bank, bool),
    notes: &mut Vec<String>,
) {
    let ids: Vec<String> = plan.items.iter().map(item_id).collect();
    let listed: Vec<String> = plan
        .items
        .iter()
        .map(|i| {
            let mut lines = vec![title(i.risk, i.owasp.as_deref(), chinese)];
            let there = bank.select(i.risk, i.owasp.as_deref(), i.lang.as_deref());
            lines.extend(there.iter().take(SHOWN).map(|i| format!("  {} {}", i.id, i.text)));
            lines.join("\n")
        })
        .collect();
    let prompt = fill(&prompts.data, &[("need", need), ("items", &listed.join("\n"))]);
    let read = |answer: &Value| {
        let (mut problems, mut kept) = (Vec::new(), Vec::<Data>::new());
        for entry in items(answer, &mut problems) {
            let id = word(entry, "id").trim();
            if !ids.iter().any(|i| i == id) {
                problems.push(format!("{id:?} is none of the items"));
                continue;
            }
            let mut data = Data { id: id.to_owned(), ..Data::default() };
            for used in strings(entry, "use") {
                match bank.by_id(used.trim()) {
                    Some(known) if !data.used.contains(&known.id) => data.used.push(known.id.clone()),
                    Some(_) => {}
                    None => problems.push(format!("there is no instruction {used:?}")),
                }
            }
            data.used.truncate(MOST_USED);
            for text in strings(entry, "write") {
                match aim(text) {
                    Ok(aim) if !data.written.contains(&aim) => data.written.push(aim),
                    Ok(_) => {}
                    Err(why) => problems.push(why),
                }
            }
            data.written.truncate(MOST_WRITTEN);
            kept.push(data);
        }
        Read { kept: Some(kept).filter(|k| !k.is_empty() || problems.is_empty()), problems }
    };
    match ask(model, &prompt, &prompts.again, read).await {
        Ok((chosen, problems)) => {
            notes.extend(problems.iter().map(|p| dropped(chinese, ("数据", "data"), p)));
            for data in chosen {
                put(plan, data, chinese);
            }
        }
        Err(why) => notes.push(took_over(chinese, ("数据", "data"), &why)),
    }
}

/// Puts chosen and written instructions into the plan. Chosen ones stand in an item of their own, because an item with
/// a risk draws from all of its instructions.
fn put(plan: &mut Plan, data: Data, chinese: bool) {
    let Some(at) = plan.items.iter().position(|i| item_id(i) == data.id) else { return };
    let Some(item) = plan.items.get_mut(at) else { return };
    item.texts.extend(data.written);
    if data.used.is_empty() {
        return;
    }
    let why = if chinese {
        "规划模型按场景选用的指令"
    } else {
        "instructions that the planner chose for the setting"
    };
    let chosen = Item {
        risk: None,
        owasp: None,
        instructions: data.used,
        texts: Vec::new(),
        lang: None,
        why: Some(format!("{}: {why}", data.id)),
        ..item.clone()
    };
    item.samples = item.samples.saturating_sub(chosen.instructions.len()).max(1);
    plan.items.insert(at + 1, chosen);
}

/// One sentence that names an aim; whatever could be working detail is no aim.
fn aim(text: &str) -> Result<String, String> {
    let text = text.trim();
    let bad = |why: &str| {
        Err(format!("{:?} {why}; write one sentence that names the aim", text.chars().take(40).collect::<String>()))
    };
    let long = text.chars().count();
    if long < 4 {
        return bad("is too short");
    }
    if long > MOST_AIM {
        return bad("is too long");
    }
    if text.chars().any(|c| c.is_control() || matches!(c, '`' | '{' | '}' | '<' | '>' | '\u{2028}' | '\u{2029}')) {
        return bad("holds code or several lines");
    }
    if text.contains("://") || text.matches(['。', '；', ';', '！', '!']).count() > 1 {
        return bad("is more than one sentence");
    }
    Ok(text.to_owned())
}

/// What the tool agent may choose from: what the pack recommends with a line each, the rest by id.
fn catalogue(fit: Fit, book: &Book, chinese: bool) -> String {
    let mut lines = Vec::new();
    let plain = if chinese { "原样提问，作为对照" } else { "the request as it is, to compare with" };
    lines.push(format!("plain — – — {plain}"));
    for (id, attack, zh, en) in DIALOGUES.iter().filter(|(id, ..)| fit.check(id).is_ok()) {
        lines.push(format!("{id} — {attack} {} — {}", name(*attack, chinese), if chinese { zh } else { en }));
    }
    let genetic = if chinese { "在模板上做遗传搜索" } else { "genetic search over templates" };
    lines.push(format!("genetic — H5 — {genetic}"));
    let known: BTreeSet<&str> = book.sets.iter().flat_map(|s| &s.techniques).flat_map(|t| t.split('+')).collect();
    let mut others = Vec::new();
    for m in mutator::all().filter(|m| fit.check(m.id).is_ok()) {
        if known.contains(m.id) {
            let what = if chinese { m.zh } else { m.en };
            lines.push(format!("{} — {} {} — {what}", m.id, m.attack, name(m.attack, chinese)));
        } else {
            others.push(m.id);
        }
    }
    if !others.is_empty() {
        lines.push(format!("{}{}", if chinese { "还有：" } else { "and: " }, others.join(" ")));
    }
    lines.join("\n")
}

const fn name(attack: menshen_verdict::Attack, chinese: bool) -> &'static str {
    if chinese { attack.zh() } else { attack.en() }
}

fn item_id(item: &Item) -> String {
    let owasp = || item.owasp.clone().filter(|id| owasp_2026(id).is_some());
    item.risk.map(|r| r.id().to_owned()).or_else(owasp).unwrap_or_default()
}

fn items<'a>(answer: &'a Value, problems: &mut Vec<String>) -> &'a [Value] {
    match answer.get("items").and_then(Value::as_array) {
        Some(items) => items,
        None => {
            problems.push("it has no list named items".to_owned());
            &[]
        }
    }
}

fn word<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn strings<'a>(entry: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    entry.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The first line of what a model gives as a reason, not too long.
fn sentence(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect::<String>()
        .trim()
        .to_owned()
}

fn took_over(chinese: bool, (zh, en): (&str, &str), why: &str) -> String {
    let why = sentence(why);
    match chinese {
        true => format!("{zh}智能体没有给出可用的回答（{why}），这一部分由规则完成"),
        false => format!("the {en} agent gave nothing that can be used ({why}); the rules did its part"),
    }
}

fn dropped(chinese: bool, (zh, en): (&str, &str), problem: &str) -> String {
    let problem = sentence(problem);
    match chinese {
        true => format!("{zh}智能体的这一项略去：{problem}"),
        false => format!("left out of what the {en} agent chose: {problem}"),
    }
}

#[cfg(test)]
pub(super) fn is_aim(text: &str) -> bool {
    aim(text).is_ok()
}
