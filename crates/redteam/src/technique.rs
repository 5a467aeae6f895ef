//! How an instruction is tried: plain, through mutators, over several turns, or by genetic search.

use std::fmt;
use std::str::FromStr;

use menshen_verdict::Attack;

use crate::Error;
use crate::mutator::{self, Mutator};

/// How an instruction is tried.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Technique {
    /// As it is.
    Plain,
    /// Rewritten by mutators, first to last: `template+base64`.
    Mutated(Vec<String>),
    /// Over several turns.
    Dialogue(String),
    /// By genetic search over templates.
    Genetic,
}

/// Attacks of several turns and the sub-classes they belong to.
pub const DIALOGUES: &[(&str, Attack, &str, &str)] = &[
    ("scripted", Attack::S6, "按脚本逐步升级", "a script that escalates step by step"),
    ("crescendo", Attack::S6, "由浅入深，被拒则退一步", "small steps, one back on refusal (arXiv 2404.01833)"),
    ("pair", Attack::H5, "攻击模型逐轮改写", "an attacker model refines one prompt (arXiv 2310.08419)"),
    ("tap", Attack::H5, "带剪枝的树搜索", "a pruned tree of refinements (arXiv 2312.02119)"),
    ("goat", Attack::S6, "观察-思考-策略-回应", "observe, think, strategy, reply (arXiv 2410.01606)"),
    ("actor", Attack::S6, "由相关人物线索逐步引出", "a net of related actors (arXiv 2410.10700)"),
];

impl FromStr for Technique {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text == "plain" {
            return Ok(Technique::Plain);
        }
        if text == "genetic" {
            return Ok(Technique::Genetic);
        }
        if DIALOGUES.iter().any(|(id, ..)| *id == text) {
            return Ok(Technique::Dialogue(text.to_owned()));
        }
        let chain: Vec<String> = text.split('+').map(|id| id.trim().to_owned()).collect();
        for (at, id) in chain.iter().enumerate() {
            let mutator = mutator::by_id(id).ok_or_else(|| Error::Unknown {
                what: "technique",
                name: id.clone(),
                remedy: "`menshen redteam mutators` lists them, besides plain, genetic, scripted, crescendo, pair, \
                         tap, goat and actor"
                    .to_owned(),
            })?;
            if matches!(mutator.apply, mutator::Apply::Carrier(_)) && at + 1 < chain.len() {
                return Err(Error::Mismatch(format!("{id} makes a file, so it must stand last in {text:?}")));
            }
        }
        Ok(Technique::Mutated(chain))
    }
}

impl fmt::Display for Technique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Technique::Plain => f.write_str("plain"),
            Technique::Mutated(chain) => f.write_str(&chain.join("+")),
            Technique::Dialogue(id) => f.write_str(id),
            Technique::Genetic => f.write_str("genetic"),
        }
    }
}

impl Technique {
    /// The mutators of a chain.
    pub fn mutators(&self) -> Vec<&'static Mutator> {
        match self {
            Technique::Mutated(chain) => chain.iter().filter_map(|id| mutator::by_id(id)).collect(),
            _ => Vec::new(),
        }
    }

    /// The sub-classes it belongs to.
    pub fn attacks(&self) -> Vec<Attack> {
        let mut attacks: Vec<Attack> = match self {
            Technique::Plain => Vec::new(),
            Technique::Mutated(_) => self.mutators().iter().map(|m| m.attack).collect(),
            Technique::Dialogue(id) => DIALOGUES.iter().filter(|(d, ..)| d == id).map(|(_, a, ..)| *a).collect(),
            Technique::Genetic => vec![Attack::H5],
        };
        attacks.sort();
        attacks.dedup();
        attacks
    }

    /// Whether a model in the attacker's place is needed.
    pub fn needs_attacker(&self) -> bool {
        match self {
            Technique::Mutated(_) => self.mutators().iter().any(|m| matches!(m.apply, mutator::Apply::Model(_))),
            // Dialogues are better led by a model, and run from the pack's scripts and ladders without one.
            Technique::Plain | Technique::Dialogue(_) | Technique::Genetic => false,
        }
    }
}
