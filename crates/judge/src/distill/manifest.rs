//! What was done, so that a model card can cite it: models, prompts, hashes, counts and costs, and no secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ledger::Totals;

/// `manifest.json` of a work folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// The version of this format.
    pub format: u32,
    /// The version of the program that wrote it last.
    pub menshen: String,
    /// The steps by name.
    pub steps: BTreeMap<String, Step>,
}

/// One step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    /// The teacher's name at its server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Host and port of the endpoint, or `recorded`. Never credentials, never a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Whether nothing is left to ask.
    pub complete: bool,
    /// The seed of everything random.
    pub seed: u64,
    /// When the step last ran, in RFC 3339.
    pub at: String,
    /// Settings that changed the outcome.
    pub settings: BTreeMap<String, Value>,
    /// blake3 hashes of what was read, by name.
    pub inputs: BTreeMap<String, String>,
    /// blake3 hashes of what was written, by name.
    pub outputs: BTreeMap<String, String>,
    /// Numbers of texts and questions.
    pub counts: BTreeMap<String, u64>,
    /// What all runs of the step cost together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
}

impl Manifest {
    /// The version of the format that is written.
    pub const FORMAT: u32 = 1;

    /// Markdown that a model card can take in.
    pub fn cite(&self) -> String {
        let mut out = String::from("## Distillation\n");
        for (name, step) in &self.steps {
            let state = if step.complete { "" } else { ", not complete" };
            out.push_str(&format!("\n### {name} ({}{state})\n\n", step.at));
            if let Some(model) = &step.model {
                let endpoint = step.endpoint.as_deref().unwrap_or("recorded");
                out.push_str(&format!("- teacher: `{model}` at `{endpoint}`, seed {}\n", step.seed));
            }
            if let Some(t) = &step.totals {
                out.push_str(&format!(
                    "- cost: {} requests, {} answers, {} prompt tokens, {} answer tokens\n",
                    t.requests, t.answers, t.prompt_tokens, t.completion_tokens
                ));
                if t.estimated > 0 {
                    out.push_str(&format!("- the tokens of {} answers are estimates\n", t.estimated));
                }
            }
            let list = |map: &BTreeMap<String, u64>| -> String {
                map.iter().map(|(k, v)| format!("{k} {v}")).collect::<Vec<_>>().join(", ")
            };
            if !step.counts.is_empty() {
                out.push_str(&format!("- counts: {}\n", list(&step.counts)));
            }
            for (what, hashes) in [("input", &step.inputs), ("output", &step.outputs)] {
                for (name, hash) in hashes {
                    out.push_str(&format!("- {what} `{name}`: blake3 `{hash}`\n"));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_back_and_cited() {
        let step = Step {
            model: Some("m".into()),
            endpoint: Some("api.example.com".into()),
            counts: BTreeMap::from([("kept".to_owned(), 7)]),
            totals: Some(Totals { requests: 3, ..Totals::default() }),
            ..Step::default()
        };
        let manifest = Manifest { format: 1, menshen: "0".into(), steps: BTreeMap::from([("seeds".to_owned(), step)]) };
        let text = serde_json::to_string(&manifest).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), manifest);
        let cited = manifest.cite();
        assert!(
            cited.contains("`m` at `api.example.com`") && cited.contains("kept 7") && cited.contains("not complete")
        );
    }
}
