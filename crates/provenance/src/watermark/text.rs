//! Marks in text.
//!
//! [`invisible`] adds characters that are not seen to text that passes through: a tamper-evident label at best, which whoever
//! removes characters of category Cf (zero-width) or variation selectors, or types the text anew, removes. [`greenlist`]
//! shifts the choice of tokens while text is generated: it stays in the words, and needs the sampler.

pub mod greenlist;
pub mod invisible;
