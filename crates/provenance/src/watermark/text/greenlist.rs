//! The green-list watermark (KGW: Kirchenbauer et al. 2023, “A Watermark for Large Language Models”).
//!
//! While text is generated, a keyed function of the last tokens splits the vocabulary: the green part gets `delta` added to
//! its logits. Who holds the key counts green tokens: text written without it has a share of `gamma`, more than that by
//! chance with a probability that is computed exactly.
//!
//! Membership is drawn for each token on its own (green with probability `gamma`) where the paper permutes the vocabulary
//! to a share of exactly `gamma`: a detector then needs one evaluation a token and not one a vocabulary, and the count of
//! green tokens in unmarked text is binomial. It needs the sampler, so it is for models that the provider runs itself;
//! [`GreenList`] is what a sampler's plug-in is configured with, [`GreenList::bias`] what it does. Rewording and
//! translation remove it; texts of low entropy (code, quotations) hardly take it.
//!
//! The functions, for other implementations: `seed` = first 16 bytes of HMAC-SM3(secret, `"menshen-greenlist-1"` ‖ the
//! last `context` tokens as 4 bytes each, little-endian, oldest first); a token is green when the upper 53 bits of
//! SipHash-2-4(seed, token as 8 bytes, little-endian), as a fraction, are below `gamma`. `docs/watermark.md` holds them to
//! test vectors.
//!
//! Counting takes each n-gram (context and token) once. A green pair that stands in a text ten times is one piece of
//! evidence, not ten: counted ten times it makes repetitive text that nobody marked look marked (Kirchenbauer et al. 2023,
//! “On the Reliability of Watermarks for Large Language Models”; Fernandez et al. 2023, “Three Bricks to Consolidate
//! Watermarks for Large Language Models”, who score distinct tuples of context and token).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::watermark::prf::{Secret, Sip};

const SCHEME: &str = "kgw-sm3-siphash-1";
const PURPOSE: &[u8] = b"menshen-greenlist-1";
/// The longest context: a longer one makes the mark fragile to no end.
const LONGEST_CONTEXT: usize = 8;
/// Fewer scored tokens than this say nothing either way.
pub const MINIMUM: usize = 40;

/// What the processor of logits is configured with; in JSON the same names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GreenList {
    /// `kgw-sm3-siphash-1`.
    pub scheme: String,
    /// The share of the vocabulary that is green, such as 0.25.
    pub gamma: f64,
    /// What is added to the logits of green tokens, such as 2.0. More marks stronger and writes worse.
    pub delta: f64,
    /// How many tokens before the one at hand choose the list: 1 to 8. More hide the list better, and suffer more from
    /// edits.
    pub context: usize,
    /// Which secret is meant. The secret itself is never in the specification.
    pub key_id: String,
    /// The tokenizer that the ids are of: marks are found with the same one only.
    pub tokenizer: String,
}

/// What a count of green tokens says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Tokens that were counted: each n-gram (context and token) once, as repeated text repeats its colours.
    pub scored: usize,
    /// How many of them are green.
    pub green: usize,
    /// (green − γ·scored) / √(scored·γ·(1−γ)).
    pub z: f64,
    /// The probability that unmarked text has so many green tokens or more: the exact binomial tail.
    pub p: f64,
    /// Whether enough tokens were counted to say anything.
    pub enough: bool,
}

impl Detection {
    /// Whether the text is marked, at a rate of false alarms.
    #[must_use]
    pub fn is_marked(&self, false_alarms: f64) -> bool {
        self.enough && self.p <= false_alarms
    }
}

impl GreenList {
    /// A specification with values of the paper: γ 0.25, δ 2, one token of context.
    #[must_use]
    pub fn new(key_id: &str, tokenizer: &str) -> GreenList {
        GreenList {
            scheme: SCHEME.to_owned(),
            gamma: 0.25,
            delta: 2.0,
            context: 1,
            key_id: key_id.to_owned(),
            tokenizer: tokenizer.to_owned(),
        }
    }

    /// Checks the values.
    ///
    /// # Errors
    /// When one is out of bounds; the sentence says which.
    pub fn check(&self) -> Result<(), Error> {
        let problem = if self.scheme != SCHEME {
            format!("the scheme {:?} is not known; known is {SCHEME}", self.scheme)
        } else if !(0.01..=0.99).contains(&self.gamma) {
            format!("gamma is {}, not between 0.01 and 0.99", self.gamma)
        } else if !(0.0..=50.0).contains(&self.delta) || self.delta == 0.0 {
            format!("delta is {}, not above 0 and up to 50", self.delta)
        } else if !(1..=LONGEST_CONTEXT).contains(&self.context) {
            format!("the context is {} tokens, not 1 to {LONGEST_CONTEXT}", self.context)
        } else {
            return Ok(());
        };
        Err(Error::Label(format!("the green-list watermark is specified wrongly: {problem}")))
    }

    /// From JSON, checked.
    ///
    /// # Errors
    /// When it is not such a specification.
    pub fn from_json(text: &str) -> Result<GreenList, Error> {
        let list: GreenList = serde_json::from_str(text)
            .map_err(|error| Error::Label(format!("the green-list watermark is specified wrongly: {error}")))?;
        list.check()?;
        Ok(list)
    }

    /// Adds δ to the logits of green tokens; `previous` ends with the token before the one to choose. The first tokens,
    /// before which there are fewer than `context`, are left alone. Give the tokens of the answer and not those of the
    /// prompt: who checks an answer does not have the prompt, so a bias that hangs on it is paid for and never seen. Put
    /// the logits of the tokens that end an answer back afterwards: they never stand in a text, and raised they end it
    /// early.
    pub fn bias(&self, secret: &Secret, previous: &[u32], logits: &mut [f32]) {
        let Some(context) = self.context_of(previous) else { return };
        let list = seed(secret, context);
        for (token, logit) in logits.iter_mut().enumerate() {
            if self.is_green(list, token as u64) {
                *logit += self.delta as f32;
            }
        }
    }

    /// Counts green tokens.
    #[must_use]
    pub fn detect(&self, secret: &Secret, tokens: &[u32]) -> Detection {
        let mut seen = HashSet::new();
        let mut green = 0;
        let width = self.context.clamp(1, LONGEST_CONTEXT);
        for window in tokens.windows(width + 1) {
            let Some((token, context)) = window.split_last() else { continue };
            if seen.insert(window) && self.is_green(seed(secret, context), u64::from(*token)) {
                green += 1;
            }
        }
        let scored = seen.len();
        let expected = self.gamma * scored as f64;
        let spread = (expected * (1.0 - self.gamma)).sqrt();
        let z = if scored == 0 { 0.0 } else { (green as f64 - expected) / spread };
        Detection { scored, green, z, p: tail(scored, green, self.gamma), enough: scored >= MINIMUM }
    }

    fn context_of<'a>(&self, previous: &'a [u32]) -> Option<&'a [u32]> {
        previous.len().checked_sub(self.context.clamp(1, LONGEST_CONTEXT)).and_then(|from| previous.get(from..))
    }

    fn is_green(&self, list: Sip, token: u64) -> bool {
        list.unit(&[token]) < self.gamma
    }
}

fn seed(secret: &Secret, context: &[u32]) -> Sip {
    let mut purpose = PURPOSE.to_vec();
    purpose.extend(context.iter().flat_map(|token| token.to_le_bytes()));
    secret.derive(&purpose)
}

/// P(X ≥ `least`) of X ~ Bin(`n`, `p`).
fn tail(n: usize, least: usize, p: f64) -> f64 {
    if least == 0 {
        return 1.0;
    }
    // Of the two tails the one that does not hold the mean is summed: its terms shrink from the first on.
    let mean = n as f64 * p;
    let term = |k: usize| {
        let (n, k) = (n as f64, k as f64);
        (ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k) + k * p.ln() + (n - k) * (1.0 - p).ln()).exp()
    };
    let odds = p / (1.0 - p);
    let mut sum = 0.0;
    if least as f64 > mean {
        let mut value = term(least);
        for k in least..=n {
            sum += value;
            value *= (n - k) as f64 / (k + 1) as f64 * odds;
            if value < sum * 1e-17 {
                break;
            }
        }
        return sum.min(1.0);
    }
    let mut value = term(least - 1);
    for k in (0..least).rev() {
        sum += value;
        value *= k as f64 / (n - k + 1) as f64 / odds;
        if value < sum * 1e-17 {
            break;
        }
    }
    (1.0 - sum).max(0.0)
}

/// ln n!, by Stirling's series from 16 on (error below 1e-12).
fn ln_factorial(n: f64) -> f64 {
    if n < 16.0 {
        return (2..=n as u32).map(|k| f64::from(k).ln()).sum();
    }
    let x = n + 1.0;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3))
        + 1.0 / (1260.0 * x.powi(5))
}

#[cfg(test)]
mod tests;
