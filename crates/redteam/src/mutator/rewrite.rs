//! Rows at work: rewriting, and reading back.

use fastrand::Rng;

use super::{Apply, Mutator, Reverse, model};

impl Mutator {
    /// Rewrites a text. `None`: there is nothing in it to rewrite so, or the row needs a model or makes a file.
    pub fn rewrite(&self, text: &str, rng: &mut Rng) -> Option<String> {
        match self.apply {
            Apply::Text(apply) => apply(text, rng),
            Apply::Template(template) => template.fill(text),
            Apply::Carrier(_) | Apply::Model(_) => None,
        }
    }

    /// Reads back what the row wrote. `None`: it cannot be read back, or this row did not write it.
    pub fn read_back(&self, text: &str) -> Option<String> {
        match self.reverse {
            Reverse::No => None,
            Reverse::Exact(read) | Reverse::Folded { read, .. } => read(text),
        }
    }
}

/// What a model is asked to rewrite a text by the prompt with this id. `None`: there is no such prompt.
pub fn rewriting(prompt: &str, text: &str) -> Option<String> {
    model::prompts().iter().find(|p| p.id == prompt).map(|p| p.fill(text, None))
}
