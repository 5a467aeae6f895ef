//! A plan as a person reads it before anything is sent.

use std::fmt::Write as _;

use super::book::{Book, Estimate};
use super::fit::{Load, load};
use super::title;
use crate::instruction::Bank;
use crate::plan::{Item, Plan};
use crate::target::Kind;
use crate::turn::Usage;

/// The plan in words: what is attacked, what is tried with how many samples and why, and how many requests, tokens and
/// how much money that takes, at least and at most.
pub fn show(plan: &Plan, bank: &Bank, chinese: bool) -> String {
    let mut out = String::new();
    let say = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
    let line = |out: &mut String, name: &str, text: &str| {
        let _ = writeln!(out, "{name}{}{text}", say("：", ": "));
    };
    let Ok(book) = Book::shipped() else { return plan.name.clone() };
    line(&mut out, say("计划", "Plan"), &plan.name);
    if let Some(need) = &plan.need {
        line(&mut out, say("需求", "Need"), &clip(need, 200));
    }
    line(&mut out, say("目标", "Target"), &target(plan));
    let attacker = plan.attacker.as_ref().map_or_else(|| say("无", "none").to_owned(), |a| spoken(&a.kind));
    line(&mut out, say("攻击模型", "Attacker's model"), &attacker);
    out.push('\n');

    let mut all = Load::default();
    for (at, item) in plan.items.iter().enumerate() {
        let instructions = instructions(item, bank);
        let load = load(plan, item, instructions, book);
        all += load;
        let name = match title(item.risk, item.owasp.as_deref(), chinese) {
            name if name.is_empty() => say("指定的指令", "instructions that are named").to_owned(),
            name => name,
        };
        let lang = match item.lang.as_deref() {
            Some("zh") => say("中文", "Chinese"),
            Some("en") => say("英文", "English"),
            _ => say("中英文", "Chinese and English"),
        };
        let samples = match chinese {
            true => format!("{instructions} 条 × {} 种手法", item.techniques().len()),
            false => format!("{instructions} samples × {} techniques", item.techniques().len()),
        };
        let repeats = if item.repeats > 1 { format!(" × {}", item.repeats) } else { String::new() };
        let _ = writeln!(out, "{:>2}. {name} · {lang} · {samples}{repeats} = {}", at + 1, span(load.least, load.most));
        let _ = writeln!(out, "    {}", item.techniques().join(", "));
        if let Some(why) = item.why.as_deref().filter(|w| !w.is_empty()) {
            let _ = writeln!(out, "    {}{}", say("理由：", "why: "), clip(why, 200));
        }
    }
    out.push('\n');
    totals(&mut out, plan, all, book.estimate, chinese);
    out
}

/// How many instructions an item draws, names and writes.
fn instructions(item: &Item, bank: &Bank) -> usize {
    let drawn = if item.risk.is_some() || item.owasp.is_some() {
        bank.select(item.risk, item.owasp.as_deref(), item.lang.as_deref()).len().min(item.samples)
    } else {
        0
    };
    drawn + item.instructions.len() + item.texts.len()
}

fn totals(out: &mut String, plan: &Plan, all: Load, estimate: Estimate, chinese: bool) {
    let limits = &plan.target.limits;
    let _ = match chinese {
        true => writeln!(out, "合计：{} 个用例，{} 次请求（不含重试）", all.cases, span(all.least, all.most)),
        false => {
            writeln!(out, "In all: {} cases, {} requests, retries not counted", all.cases, span(all.least, all.most))
        }
    };
    let usage = |requests: u64, share: u64| Usage {
        prompt: requests.saturating_mul(estimate.prompt_tokens),
        completion: requests.saturating_mul(u64::from(plan.target.max_tokens)) / share,
        estimated: true,
    };
    // An answer seldom uses all tokens that it may; a third is the lower guess.
    let (least, most) = (usage(all.least, 3), usage(all.most, 1));
    let _ = match chinese {
        true => writeln!(out, "估计词元：{}", span(least.total(), most.total())),
        false => writeln!(out, "Tokens, estimated: {}", span(least.total(), most.total())),
    };
    if limits.price_prompt > 0.0 || limits.price_completion > 0.0 {
        let (low, high) = (limits.cost(least), limits.cost(most));
        let currency = &limits.currency;
        let _ = match chinese {
            true => writeln!(out, "估计费用：{low:.2}–{high:.2} {currency}"),
            false => writeln!(out, "Cost, estimated: {low:.2}–{high:.2} {currency}"),
        };
    } else {
        let _ = match chinese {
            true => writeln!(out, "估计费用：目标没有写价格（limits.price_prompt、price_completion）"),
            false => writeln!(out, "Cost: the target states no prices (limits.price_prompt, price_completion)"),
        };
    }
    if all.attacker > 0 {
        let _ = match chinese {
            true => writeln!(out, "攻击模型：最多 {} 次请求", all.attacker),
            false => writeln!(out, "Attacker's model: at most {} requests", all.attacker),
        };
    }
    let mut budget = Vec::new();
    budget.extend(
        limits
            .max_requests
            .map(|n| (n < all.most, if chinese { format!("{n} 次请求") } else { format!("{n} requests") })),
    );
    budget.extend(
        limits
            .max_tokens
            .map(|n| (n < most.total(), if chinese { format!("{n} 词元") } else { format!("{n} tokens") })),
    );
    budget.extend(limits.max_cost.map(|n| (n < limits.cost(most), format!("{n:.2} {}", limits.currency))));
    if !budget.is_empty() {
        let listed: Vec<&str> = budget.iter().map(|(_, text)| text.as_str()).collect();
        let short = budget.iter().any(|(short, _)| *short);
        let warning = match (short, chinese) {
            (false, _) => "",
            (true, true) => "（可能不够：花完即停，不会超出）",
            (true, false) => " (may not suffice: the run ends when it is spent, never above)",
        };
        let _ = writeln!(
            out,
            "{}{}{warning}",
            if chinese { "预算：" } else { "Budget: " },
            listed.join(if chinese { "，" } else { ", " })
        );
    }
}

fn target(plan: &Plan) -> String {
    let files = if plan.target.multimodal { " +files" } else { "" };
    format!("{}{files}", spoken(&plan.target.kind))
}

fn spoken(kind: &Kind) -> String {
    match kind {
        Kind::Openai { url, model, .. } | Kind::Anthropic { url, model, .. } => format!("{model} @ {url}"),
        Kind::Http { url, method, .. } => format!("{method} {url}"),
        Kind::Command { argv } => argv.join(" "),
        Kind::Keeper(_) => "keeper".to_owned(),
    }
}

fn span(least: u64, most: u64) -> String {
    if least == most { least.to_string() } else { format!("{least}–{most}") }
}

fn clip(text: &str, most: usize) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= most { flat } else { flat.chars().take(most).chain(['…']).collect() }
}
