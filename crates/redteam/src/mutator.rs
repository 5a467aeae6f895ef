//! Ways to rewrite a text for an attack: one row each, typed, seeded, reversible where the writing can be read back.
//!
//! A row says what it does, which sub-class of attack it belongs to, where it is defined, and which peers have the same.
//! `docs/mutators.md` is generated from these rows.

use fastrand::Rng;
use menshen_verdict::Attack;

mod carriers;
mod chinese;
mod ciphers;
mod encodings;
mod framing;
mod invisible;
mod model;
mod rewrite;
mod scripts;
mod splits;
pub mod table;
#[cfg(test)]
mod trial;
mod words;

pub use carriers::{Carrier, CarrierError};
pub use framing::{Escape, PAYLOAD, Template, templates};
pub use model::{Prompt, prompt, prompts, rewritten};
pub use rewrite::rewriting;

/// What kind of rewriting it is; the chapters of the generated table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Base-N, hex, Morse and other standard encodings.
    Encoding,
    /// Caesar, Vigenère, bijections and other ciphers.
    Cipher,
    /// Zero width, tags, selectors, bidi: what is not seen.
    Invisible,
    /// Letters of other alphabets and styles that look alike or can be read.
    Script,
    /// What only Chinese writing offers.
    Chinese,
    /// Spelling, case, order and noise of words.
    Word,
    /// Cut up, hidden in puzzles, put together again.
    Split,
    /// Code, maths, data formats and tasks around the request.
    Formal,
    /// Roles, stories, persuasion, policies around the request.
    Framing,
    /// Forged history, many shots, injected instructions, prefixes.
    Context,
    /// Rewritten by a model.
    Model,
    /// Pictures, documents and sound.
    Carrier,
}

/// How it rewrites.
#[derive(Clone, Copy)]
pub enum Apply {
    /// Text to text. `None`: there is nothing in this text to rewrite so.
    Text(fn(&str, &mut Rng) -> Option<String>),
    /// Text to text by a wrapper of `packs/redteam/templates`.
    Template(&'static Template),
    /// Text to a file that a multimodal target is given.
    Carrier(fn(&str, &mut Rng) -> Result<Carrier, CarrierError>),
    /// The id of a prompt in `packs/redteam/prompts` with which a model rewrites the text.
    Model(&'static str),
}

/// How what was written can be read back.
#[derive(Clone, Copy)]
pub enum Reverse {
    /// It cannot, or not by rule.
    No,
    /// `reverse(apply(text)) == text` for every text that `apply` accepts.
    Exact(fn(&str) -> Option<String>),
    /// The same but for what the writing cannot carry (case, spaces, punctuation): equal after `fold`.
    Folded {
        /// Reads back.
        read: fn(&str) -> Option<String>,
        /// What is left of a text in this writing.
        fold: fn(&str) -> String,
    },
}

/// One way of rewriting.
#[derive(Clone, Copy)]
pub struct Mutator {
    /// Stable, `snake_case`.
    pub id: &'static str,
    /// The chapter.
    pub group: Group,
    /// The sub-class of attack.
    pub attack: Attack,
    /// What it does, in Chinese.
    pub zh: &'static str,
    /// What it does, in English.
    pub en: &'static str,
    /// Where it is defined: a standard, a paper, common use.
    pub source: &'static str,
    /// The same in peers: `pyrit:Base64`, `garak:encoding.InjectBase64`, `promptfoo:base64`, `aig:base_encoding`, `deepteam:…`.
    pub peers: &'static [&'static str],
    /// How it rewrites.
    pub apply: Apply,
    /// How it reads back.
    pub reverse: Reverse,
}

impl std::fmt::Debug for Mutator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// What a row is before anything is said of it.
const ROW: Mutator = Mutator {
    id: "",
    group: Group::Encoding,
    attack: Attack::E1,
    zh: "",
    en: "",
    source: "",
    peers: &[],
    apply: Apply::Text(|_, _| None),
    reverse: Reverse::No,
};

/// Two lists of rows as one.
const fn joined<const N: usize>(first: &[Mutator], second: &[Mutator]) -> [Mutator; N] {
    let mut all = [ROW; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < first.len() { first[at] } else { second[at - first.len()] };
        at += 1;
    }
    all
}

/// All of them, chapter by chapter.
pub fn all() -> impl Iterator<Item = &'static Mutator> {
    [
        encodings::ALL,
        ciphers::ALL,
        invisible::ALL,
        scripts::ALL,
        chinese::ALL,
        words::ALL,
        splits::ALL,
        framing::all(),
        model::ALL,
        carriers::ALL,
    ]
    .into_iter()
    .flatten()
}

/// The one with this id.
pub fn by_id(id: &str) -> Option<&'static Mutator> {
    all().find(|m| m.id == id)
}
