//! From a need in plain words to a plan.
//!
//! Without a model, [`by_rules`] looks for sectors and worries in the words and reads the rest from
//! `packs/redteam/planner.toml`: it works air-gapped and always gives the same plan for the same words. With one,
//! [`by_model`] asks three agents in turn, for risks, for techniques and for data; each may choose only among what
//! exists, and where one fails or refuses the rules do its part. Nothing here speaks to the target.

use menshen_verdict::Risk;

use crate::Error;
use crate::instruction::Bank;
use crate::plan::Plan;
use crate::target::{Spec, Target};

mod agents;
mod ask;
mod book;
mod fit;
mod prompts;
mod rules;
mod show;
#[cfg(test)]
mod tests;

pub use show::show;

use book::Book;
use fit::Fit;

/// The longest need that is read, in bytes.
const MOST_NEED: usize = 16 << 10;

/// A plan by keywords and the pack, without a model. The same words always give the same plan. It uses no technique
/// that needs a model in the attacker's place; why an item is there stands in its `why`.
///
/// # Errors
/// [`Error::Data`] when the planner's file cannot be read, [`Error::Plan`] when the need is empty or too long, or no
/// instruction is there for it.
pub fn by_rules(need: &str, target: Spec, bank: &Bank) -> Result<Plan, Error> {
    let book = Book::shipped()?;
    check(need)?;
    let reading = rules::read(need, book);
    let fit = Fit::of(&target, false);
    let (plan, notes) = rules::plan(need, target, &reading, fit, bank, book)?;
    for note in notes {
        tracing::info!("{note}");
    }
    Ok(plan)
}

/// A plan by a model, in three steps of which each is checked: risks with reasons, techniques from a catalogue, and
/// further data. The notes say what the model chose that does not exist, and where the rules took over.
///
/// A planner that refuses, answers nonsense or cannot be reached costs its part of the plan, never the plan.
///
/// # Errors
/// As [`by_rules`].
pub async fn by_model(
    need: &str,
    planner: &Target,
    target: Spec,
    attacker: Option<Spec>,
    bank: &Bank,
) -> Result<(Plan, Vec<String>), Error> {
    check(need)?;
    agents::plan(need, planner, target, attacker, bank).await
}

fn check(need: &str) -> Result<(), Error> {
    let bad = |problem: String| Err(Error::Plan { origin: "need".to_owned(), problem });
    if need.trim().is_empty() {
        return bad("it is empty; say what is launched, for whom, and what worries you".to_owned());
    }
    if need.len() > MOST_NEED {
        return bad(format!("it has {} bytes; say it in at most {MOST_NEED}", need.len()));
    }
    Ok(())
}

/// The name of a risk or an OWASP id of the 2025 edition, for people.
pub(crate) fn title(risk: Option<Risk>, owasp: Option<&str>, chinese: bool) -> String {
    if let Some(risk) = risk {
        return format!("{} {}", risk.id(), if chinese { risk.zh() } else { risk.en() });
    }
    match owasp {
        Some(id) => format!("{id} {}", owasp_name(id, chinese)),
        None => String::new(),
    }
}

/// The name of an OWASP id of the 2025 edition (OWASP Top 10 for LLM Applications 2025).
pub(crate) fn owasp_name(id: &str, chinese: bool) -> &'static str {
    let (zh, en) = match id {
        "LLM01" => ("提示注入", "Prompt Injection"),
        "LLM02" => ("敏感信息泄露", "Sensitive Information Disclosure"),
        "LLM03" => ("供应链", "Supply Chain"),
        "LLM04" => ("数据与模型投毒", "Data and Model Poisoning"),
        "LLM05" => ("不当的输出处理", "Improper Output Handling"),
        "LLM06" => ("过度代理", "Excessive Agency"),
        "LLM07" => ("系统提示词泄露", "System Prompt Leakage"),
        "LLM08" => ("向量与嵌入弱点", "Vector and Embedding Weaknesses"),
        "LLM09" => ("错误信息", "Misinformation"),
        "LLM10" => ("无界消耗", "Unbounded Consumption"),
        _ => ("", ""),
    };
    if chinese { zh } else { en }
}
