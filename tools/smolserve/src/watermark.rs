//! The green-list watermark between the model's scores and the sampler. The model itself is not touched.

use std::path::Path;

use candle_core::{DType, Tensor};
use menshen_provenance::watermark::Secret;
use menshen_provenance::watermark::text::greenlist::GreenList;
use serde_json::{Value, json};

use crate::model::Error;

/// What a specification must name as its tokenizer: ids of another one would be coloured at random.
pub const TOKENIZER: &str = "smollm2";

/// Texts without the mark that may be called marked, when the question names no rate.
pub const FALSE_ALARMS: f64 = 1e-5;

/// A specification and its secret.
pub struct Watermark {
    list: GreenList,
    secret: Secret,
}

impl Watermark {
    /// Reads a specification (JSON) and a key file (hexadecimal).
    pub fn load(specification: &Path, key: &Path) -> Result<Self, Error> {
        let read =
            |path: &Path| std::fs::read_to_string(path).map_err(|e| Error::from(format!("{}: {e}", path.display())));
        let list = GreenList::from_json(&read(specification)?)?;
        if list.tokenizer != TOKENIZER {
            return Err(format!(
                "the watermark is for the tokenizer {:?}; this model's is {TOKENIZER:?}",
                list.tokenizer
            )
            .into());
        }
        Ok(Self { list, secret: Secret::from_hex(&read(key)?)? })
    }

    /// The scores with the bias of the next token, from the tokens of the answer so far. The prompt is no context: who
    /// checks an answer does not have it. The tokens that end an answer keep their scores: they never stand in the text,
    /// and raised they end it early (7 of 26 answers, where 1 of 26 unmarked ones ended before the limit).
    pub fn shift(&self, answer: &[u32], ends: &[u32], scores: &Tensor) -> candle_core::Result<Tensor> {
        let mut logits = scores.to_dtype(DType::F32)?.to_vec1::<f32>()?;
        let kept: Vec<_> = ends.iter().filter_map(|id| Some((*id as usize, *logits.get(*id as usize)?))).collect();
        self.list.bias(&self.secret, answer, &mut logits);
        for (id, score) in kept {
            logits[id] = score;
        }
        let length = logits.len();
        Tensor::from_vec(logits, length, scores.device())
    }

    /// What the tokens of a text say.
    pub fn detect(&self, tokens: &[u32], false_alarms: f64) -> Value {
        let found = self.list.detect(&self.secret, tokens);
        json!({
            "scored": found.scored, "green": found.green, "z": found.z, "p": found.p, "enough": found.enough,
            "marked": found.is_marked(false_alarms),
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use candle_transformers::generation::LogitsProcessor;

    use super::*;

    fn mark() -> Watermark {
        let list = GreenList::new("k1", TOKENIZER);
        Watermark { list, secret: Secret::new(b"0123456789abcdef").unwrap() }
    }

    /// Samples from a model that finds 500 tokens equally good.
    fn sample(mark: Option<&Watermark>, seed: u64) -> Vec<u32> {
        let mut sampler = LogitsProcessor::new(seed, Some(0.8), None);
        let flat = Tensor::zeros(500, DType::F32, &Device::Cpu).unwrap();
        let mut answer = Vec::new();
        while answer.len() < 120 {
            let scores = mark.map_or_else(|| flat.clone(), |mark| mark.shift(&answer, &[], &flat).unwrap());
            answer.push(sampler.sample(&scores).unwrap());
        }
        answer
    }

    #[test]
    fn marked_answers_are_found_and_repeat_by_seed() {
        let mark = mark();
        let answer = sample(Some(&mark), 1);
        assert_eq!(answer, sample(Some(&mark), 1), "the same seed gives the same answer");
        assert_ne!(answer, sample(Some(&mark), 2));
        assert_eq!(mark.detect(&answer, FALSE_ALARMS)["marked"], true);
        assert_eq!(mark.detect(&sample(None, 1), FALSE_ALARMS)["marked"], false);
        assert_eq!(mark.detect(&answer[..20], FALSE_ALARMS)["enough"], false);
    }

    #[test]
    fn tokens_that_end_an_answer_keep_their_scores() {
        let flat = Tensor::zeros(500, DType::F32, &Device::Cpu).unwrap();
        let shifted = |ends: &[u32]| mark().shift(&[7], ends, &flat).unwrap().to_vec1::<f32>().unwrap();
        let green: Vec<u32> = (0..500).filter(|id| shifted(&[])[*id as usize] > 0.0).collect();
        let kept = shifted(&green[..2]);
        assert_eq!((kept[green[0] as usize], kept[green[1] as usize], kept[green[2] as usize]), (0.0, 0.0, 2.0));
        assert_eq!(shifted(&[9_999]), shifted(&[]), "an id outside the vocabulary");
    }

    #[test]
    fn files_that_do_not_fit_are_refused() {
        let folder = std::env::temp_dir().join(format!("smolserve-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (spec, key) = (folder.join("spec.json"), folder.join("key"));
        let json = |tokenizer: &str| {
            format!(
                r#"{{"scheme":"kgw-sm3-siphash-1","gamma":0.25,"delta":2.0,"context":1,"key_id":"k","tokenizer":"{tokenizer}"}}"#
            )
        };
        let load = |specification: &str, secret: &str| {
            std::fs::write(&spec, specification).unwrap();
            std::fs::write(&key, secret).unwrap();
            Watermark::load(&spec, &key).map(|_| ()).map_err(|e| e.to_string())
        };
        assert_eq!(load(&json(TOKENIZER), &"0a".repeat(32)), Ok(()));
        assert!(load(&json("qwen3"), &"0a".repeat(32)).unwrap_err().contains("qwen3"));
        assert!(load(&json(TOKENIZER), "0a").is_err());
        assert!(load("{}", &"0a".repeat(32)).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(Watermark::load(&spec, &key).is_err());
    }
}
