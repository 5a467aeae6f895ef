//! Weights, tokenizer and the generation loop. No HTTP here.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;

use candle_core::quantized::gguf_file::{self, Content};
use candle_core::quantized::tokenizer::TokenizerFromGguf;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use candle_transformers::generation::LogitsProcessor;
use candle_transformers::models::quantized_llama::{MAX_SEQ_LEN, ModelWeights};
use tokenizers::Tokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;

use crate::watermark::Watermark;

pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Prompt tokens evaluated in one step: bounds the attention matrix of a long prompt, and how long a
/// disconnected client keeps the core busy.
const PREFILL: usize = 256;

/// One message, already reduced to text.
pub struct Turn {
    pub role: &'static str,
    pub content: String,
}

/// How to sample; `temperature` 0 is greedy.
pub struct Sampling {
    pub temperature: f64,
    pub top_p: Option<f64>,
    pub seed: u64,
    pub max_tokens: usize,
    pub stop: Vec<String>,
    pub logprobs: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    Stop,
    Length,
}

/// How a generation ended.
pub struct Ending {
    pub finish: Finish,
    /// Tokens generated, the one that ended the answer among them.
    pub generated: usize,
    /// When asked for: each token's text and its log-probability by the model as it is, before temperature and
    /// watermark. The token that ended the answer is not among them.
    pub logprobs: Vec<(String, f64)>,
}

/// The loaded model. Weights are shared; every generation works on its own key-value cache.
pub struct Engine {
    weights: ModelWeights,
    tokenizer: Tokenizer,
    im_start: u32,
    im_end: u32,
    eos: u32,
    context: usize,
    mark: Option<Watermark>,
}

impl Engine {
    pub fn load(path: &Path, mark: Option<Watermark>) -> Result<Self, Error> {
        let mut file = BufReader::new(File::open(path)?);
        let content = Content::read(&mut file)?;
        let architecture = content.metadata.get("general.architecture").map(|v| v.to_string());
        if !matches!(architecture, Some(Ok(a)) if a == "llama") {
            return Err(format!("not a GGUF of architecture llama but {architecture:?}").into());
        }
        let trained = match content.metadata.get("llama.context_length") {
            Some(v) => v.to_u32()? as usize,
            None => MAX_SEQ_LEN,
        };

        let mut tokenizer = Tokenizer::from_gguf(&content)?;
        // candle does not know the pre-tokenizer named "smollm" and falls back to GPT-2's with a leading space:
        // digits must be split one by one, and no space may be added.
        tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![
            Digits::new(true).into(),
            ByteLevel::new(false, true, true).into(),
        ])));
        let special = |name: &str| tokenizer.token_to_id(name).ok_or(format!("the vocabulary lacks {name}"));
        let (im_start, im_end, eos) = (special("<|im_start|>")?, special("<|im_end|>")?, special("<|endoftext|>")?);
        // From here on `<|im_end|>` inside a message is text: nobody closes a turn by writing its marker.
        tokenizer.set_encode_special_tokens(true);

        let (content, mut file) = widen(content, &mut file)?;
        let weights = ModelWeights::from_gguf(content, &mut file, &Device::Cpu)?;
        Ok(Self { weights, tokenizer, im_start, im_end, eos, context: trained.min(MAX_SEQ_LEN), mark })
    }

    /// Longest prompt and answer together, in tokens.
    pub fn context(&self) -> usize {
        self.context
    }

    /// The watermark, if answers are marked.
    pub fn mark(&self) -> Option<&Watermark> {
        self.mark.as_ref()
    }

    /// Token ids of a text that is no part of a conversation; markers in it are plain text.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, Error> {
        Ok(self.tokenizer.encode_fast(text, false)?.get_ids().to_vec())
    }

    /// The conversation in ChatML, as token ids, ending where the assistant is to speak.
    ///
    /// The template in the GGUF adds "You are a helpful AI assistant named SmolLM…" where no system message is
    /// given. That is left out: with it, at this size and quantization, the capital of France becomes "L'Étoile"
    /// (in llama.cpp too); without it, Paris.
    pub fn prompt(&self, turns: &[Turn]) -> Result<Vec<u32>, Error> {
        let mut ids = Vec::new();
        for turn in turns {
            self.push_turn(&mut ids, turn.role, &turn.content)?;
        }
        ids.push(self.im_start);
        ids.extend(self.tokenizer.encode("assistant\n", false)?.get_ids());
        Ok(ids)
    }

    fn push_turn(&self, ids: &mut Vec<u32>, role: &str, content: &str) -> Result<(), Error> {
        ids.push(self.im_start);
        ids.extend(self.tokenizer.encode(format!("{role}\n{content}"), false)?.get_ids());
        ids.push(self.im_end);
        ids.extend(self.tokenizer.encode("\n", false)?.get_ids());
        Ok(())
    }

    /// Generates after `prompt`, handing pieces of text to `emit` until the model, a stop string, the limit or
    /// `emit` (by returning false) ends it.
    pub fn generate(
        &self,
        prompt: &[u32],
        sampling: &Sampling,
        mut emit: impl FnMut(String) -> bool,
    ) -> Result<Ending, Error> {
        let mut weights = self.weights.clone();
        let mut sampler = LogitsProcessor::new(
            sampling.seed,
            (sampling.temperature > 0.0).then_some(sampling.temperature),
            sampling.top_p,
        );
        let mut text = self.tokenizer.decode_stream(true);
        let mut stops = StopStrings::new(&sampling.stop);
        let limit = sampling.max_tokens.min(self.context.saturating_sub(prompt.len()));

        let mut position = 0;
        let mut logits = None;
        for chunk in prompt.chunks(PREFILL) {
            logits = Some(forward(&mut weights, chunk, position)?);
            position += chunk.len();
            // An empty piece asks whether anybody still listens.
            if !emit(String::new()) {
                return Ok(Ending { finish: Finish::Stop, generated: 0, logprobs: Vec::new() });
            }
        }
        let mut answer = Vec::new();
        let mut logprobs = Vec::new();
        let mut finish = Finish::Length;
        while answer.len() < limit {
            let Some(scores) = logits.take() else { break };
            let id = match &self.mark {
                Some(mark) => sampler.sample(&mark.shift(&answer, &[self.im_end, self.eos], &scores)?)?,
                None => sampler.sample(&scores)?,
            };
            answer.push(id);
            if id == self.im_end || id == self.eos {
                finish = Finish::Stop;
                break;
            }
            if sampling.logprobs {
                logprobs.push((self.tokenizer.decode(&[id], false)?, log_probability(&scores, id)?));
            }
            if let Some(piece) = text.step(id)? {
                let (free, stopped) = stops.push(&piece);
                if !free.is_empty() && !emit(free) || stopped {
                    return Ok(Ending { finish: Finish::Stop, generated: answer.len(), logprobs });
                }
            }
            logits = Some(forward(&mut weights, &[id], position)?);
            position += 1;
        }
        let rest = stops.finish();
        if !rest.is_empty() {
            emit(rest);
        }
        Ok(Ending { finish, generated: answer.len(), logprobs })
    }
}

/// The logarithm of a token's share in the softmax of the scores.
fn log_probability(scores: &Tensor, id: u32) -> Result<f64, Error> {
    let scores = scores.to_dtype(DType::F32)?.to_vec1::<f32>()?;
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scores.iter().map(|score| f64::from(score - highest).exp()).sum();
    let own = scores.get(id as usize).ok_or("a token outside the vocabulary")?;
    Ok(f64::from(own - highest) - sum.ln())
}

fn forward(weights: &mut ModelWeights, ids: &[u32], position: usize) -> candle_core::Result<Tensor> {
    weights.forward(&Tensor::new(ids, &Device::Cpu)?.unsqueeze(0)?, position)?.squeeze(0)
}

/// The same model with its 4-bit-with-offset weights (Q4_1) held in 8 bits: candle has vector code for Q8_0 but
/// not for Q4_1, and the wider type adds no error that matters.
fn widen(content: Content, file: &mut BufReader<File>) -> Result<(Content, Cursor<Vec<u8>>), Error> {
    let mut tensors = Vec::with_capacity(content.tensor_infos.len());
    for name in content.tensor_infos.keys() {
        let mut tensor = content.tensor(file, name, &Device::Cpu)?;
        if tensor.dtype() == GgmlDType::Q4_1 {
            tensor = QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, GgmlDType::Q8_0)?;
        }
        tensors.push((name.as_str(), tensor));
    }
    // The tokenizer was read already, and its word lists are most of the metadata.
    let metadata: Vec<_> =
        content.metadata.iter().filter(|(k, _)| !k.starts_with("tokenizer.")).map(|(k, v)| (k.as_str(), v)).collect();
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
    let mut wide = Cursor::new(Vec::new());
    gguf_file::write(&mut wide, &metadata, &tensors)?;
    wide.set_position(0);
    Ok((Content::read(&mut wide)?, wide))
}

/// Finds stop strings in text that arrives in pieces, holding back no more than could still become one.
struct StopStrings<'a> {
    stops: &'a [String],
    held: String,
}

impl<'a> StopStrings<'a> {
    fn new(stops: &'a [String]) -> Self {
        Self { stops, held: String::new() }
    }

    /// Adds a piece; returns what may go out, and whether a stop string was met (it and all after it are dropped).
    fn push(&mut self, piece: &str) -> (String, bool) {
        self.held.push_str(piece);
        if let Some(at) = self.stops.iter().filter_map(|s| self.held.find(s.as_str())).min() {
            self.held.truncate(at);
            return (std::mem::take(&mut self.held), true);
        }
        let keep = self.stops.iter().map(|s| partial_tail(&self.held, s)).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - keep);
        (std::mem::replace(&mut self.held, rest), false)
    }

    fn finish(self) -> String {
        self.held
    }
}

/// Length of the longest end of `text` that begins `stop`.
fn partial_tail(text: &str, stop: &str) -> usize {
    stop.char_indices().map(|(i, _)| i).rev().find(|&n| text.ends_with(&stop[..n])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (String, bool) {
        let stops: Vec<String> = stops.iter().map(|s| (*s).to_owned()).collect();
        let mut finder = StopStrings::new(&stops);
        let mut out = String::new();
        for piece in pieces {
            let (free, stopped) = finder.push(piece);
            out.push_str(&free);
            if stopped {
                return (out, true);
            }
        }
        out.push_str(&finder.finish());
        (out, false)
    }

    #[test]
    fn a_stop_string_is_met_however_it_is_cut() {
        for cut in 0..="ab终止cd".len() {
            if "ab终止cd".is_char_boundary(cut) {
                let (a, b) = "ab终止cd".split_at(cut);
                assert_eq!(run(&["终止"], &[a, b]), ("ab".into(), true), "cut at {cut}");
            }
        }
    }

    #[test]
    fn text_that_only_began_like_a_stop_string_goes_out() {
        assert_eq!(run(&["###"], &["a##", "b#"]), ("a##b#".into(), false));
    }

    #[test]
    fn the_earliest_of_several_stop_strings_wins() {
        assert_eq!(run(&["\n\n", "x"], &["one\n", "\ntwo x"]), ("one".into(), true));
    }

    #[test]
    fn log_probabilities_are_those_of_the_softmax() {
        let scores = Tensor::new(&[1.0_f32.ln(), 2.0_f32.ln(), 5.0_f32.ln()], &Device::Cpu).unwrap();
        for (id, share) in [(0, 0.125_f64), (1, 0.25), (2, 0.625)] {
            assert!((log_probability(&scores, id).unwrap() - share.ln()).abs() < 1e-6);
        }
        assert!(log_probability(&scores, 3).is_err());
    }

    #[test]
    fn no_stop_strings_hold_nothing_back() {
        let mut finder = StopStrings::new(&[]);
        assert_eq!(finder.push("abc"), ("abc".into(), false));
    }
}
