//! Model packs: a folder with `model.json` (what the model is and how its scores are read), `model.safetensors` (its
//! numbers) and `CARD.md` (what it was made from, what it is worth, where it fails).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use menshen_verdict::Topic;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::calibrate::Calibration;
use crate::encoder::{self, Encoder, Member};
use crate::evaluate::Thresholds;
use crate::fast::{self, Fast, Vocabulary};
use crate::heads::FIXED;

/// The format that this build reads and writes.
pub const FORMAT: &str = "menshen-judge/1";
/// Larger files are refused before they are read.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// What a pack says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: String,
    /// The model's name.
    pub name: String,
    /// A number of the weights: equal versions are equal models.
    pub version: String,
    /// The general topics, by place.
    pub topics: Vec<Topic>,
    /// The first stage.
    pub fast: fast::Shape,
    /// The second stage.
    pub encoder: Option<encoder::Shape>,
    /// How the first stage's scores are made probabilities.
    pub calibration: Calibration,
    /// The same for both stages together.
    pub calibration_both: Calibration,
    /// From where on decisions are made.
    pub thresholds: Thresholds,
    /// When the second stage is asked.
    pub cascade: Cascading,
    /// What the model was made from.
    pub made: Made,
}

/// When the first stage is certain enough.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cascading {
    /// Below this score for risk and for attack a text is harmless without asking the second stage.
    pub harmless_below: f32,
    /// From this score on it is not asked either.
    pub certain_from: f32,
    /// How much the second stage's logits count beside the first's, 0..=1.
    pub share: f32,
}

impl Default for Cascading {
    fn default() -> Self {
        Cascading { harmless_below: 0.02, certain_from: 0.995, share: 0.6 }
    }
}

/// What a model was made from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// Hash of the recipe.
    pub recipe: String,
    /// Hash of all texts, labels and splits.
    pub data: String,
    /// The seed.
    pub seed: u64,
    /// Version of the program.
    pub program: String,
    /// Texts by source and split, such as `jade train`.
    pub texts: BTreeMap<String, usize>,
    /// Licence by source.
    pub licences: BTreeMap<String, String>,
    /// Sources of the recipe that were not there.
    pub absent: Vec<String>,
    /// Training texts after growing.
    pub grown: usize,
}

/// Why a pack cannot be loaded or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A file cannot be read or written.
    #[error("{path}: {reason}; check the path and its permissions", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The manifest is not one.
    #[error("model.json cannot be used: {0}; the pack is damaged or from another version, train or export it again")]
    Manifest(String),
    /// The numbers are not what the manifest says.
    #[error("model.safetensors cannot be used: {0}; the pack is damaged, fetch or export it again")]
    Weights(String),
}

/// One tensor on its way into a file.
struct Part {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

/// A loaded pack.
#[derive(Debug, Clone)]
pub struct ModelPack {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The first stage.
    pub fast: Fast,
    /// The second stage.
    pub encoder: Option<Encoder>,
}

impl Manifest {
    /// A hash of how the scores are read: calibration, thresholds, cascade. Packs with equal weights and equal settings
    /// give equal verdicts.
    pub fn settings(&self) -> String {
        let read = (&self.calibration, &self.calibration_both, &self.thresholds, &self.cascade);
        let json = serde_json::to_vec(&read).unwrap_or_default();
        blake3::hash(&json).to_hex().chars().take(8).collect()
    }
}

impl ModelPack {
    /// Loads a pack from its folder.
    ///
    /// # Errors
    /// When a file is missing, too large or damaged.
    pub fn load(folder: &Path) -> Result<ModelPack, PackError> {
        let read = |name: &str| {
            let path = folder.join(name);
            let file = |reason| PackError::File { path: path.clone(), reason };
            let size = std::fs::metadata(&path).map_err(file)?.len();
            if size > MAX_BYTES {
                return Err(file(std::io::Error::other(format!("{size} bytes are more than {MAX_BYTES}"))));
            }
            std::fs::read(&path).map_err(file)
        };
        ModelPack::parse(&read("model.json")?, &read("model.safetensors")?)
    }

    /// Reads a pack from the bytes of its two files.
    ///
    /// # Errors
    /// When they are damaged or do not belong together.
    pub fn parse(manifest: &[u8], weights: &[u8]) -> Result<ModelPack, PackError> {
        let manifest: Manifest = serde_json::from_slice(manifest).map_err(|e| PackError::Manifest(e.to_string()))?;
        let bad = |why: &str| Err(PackError::Manifest(why.to_owned()));
        if manifest.format != FORMAT {
            return bad(&format!("its format is {:?}, this build reads {FORMAT:?}", manifest.format));
        }
        let outputs = FIXED + manifest.topics.len();
        let shape = manifest.fast;
        if shape.outputs != outputs || manifest.encoder.is_some_and(|e| e.outputs != outputs) {
            return bad("the outputs are not the heads and the topics");
        }
        let sizes = [shape.width, shape.hidden, shape.outputs];
        if shape.rows > 1 << 24 || sizes.iter().any(|s| *s == 0 || *s > 1 << 16) {
            return bad("the first stage's shape is out of bounds");
        }
        if let Some(problem) = manifest.encoder.and_then(|e| e.problem()) {
            return bad(problem);
        }
        let t = &manifest.thresholds;
        if t.risks.len() != crate::heads::RISK.len() || t.attacks.len() != crate::heads::ATTACKS.len() {
            return bad("there is not one threshold for each risk and attack");
        }
        if version(weights) != manifest.version {
            return Err(PackError::Weights("its hash is not the one that model.json names".to_owned()));
        }
        let tensors = SafeTensors::deserialize(weights).map_err(|e| PackError::Weights(e.to_string()))?;
        let floats = |name: &str, len: usize| floats(&tensors, name, len);
        let (w, h, o) = (shape.width, shape.hidden, shape.outputs);
        let keys = words(&tensors, "fast.keys", shape.rows)?;
        let fast = Fast {
            shape,
            vocabulary: Vocabulary::new(keys),
            table: bytes(&tensors, "fast.table", shape.rows * w)?,
            scales: floats("fast.scales", shape.rows)?,
            hidden: floats("fast.hidden", w * h)?,
            hidden_bias: floats("fast.hidden_bias", h)?,
            output: floats("fast.output", h * o)?,
            output_bias: floats("fast.output_bias", o)?,
        };
        let encoder = match manifest.encoder {
            None => None,
            Some(shape) => {
                let rows = encoder::SINGLES + shape.rows;
                let member = |at: usize| {
                    Ok(Member {
                        table: bytes(&tensors, &tensor(at, "table"), rows * shape.width)?,
                        scales: floats(&tensor(at, "scales"), rows)?,
                        dense: floats(&tensor(at, "dense"), shape.dense())?,
                    })
                };
                Some(Encoder { shape, members: (0..shape.members).map(member).collect::<Result<_, PackError>>()? })
            }
        };
        Ok(ModelPack { manifest, fast, encoder })
    }

    /// The bytes of the two files, `model.json` and `model.safetensors`. The version is set from the weights.
    ///
    /// # Errors
    /// When the numbers cannot be written, which shapes exclude.
    pub fn to_bytes(&self) -> Result<(Vec<u8>, Vec<u8>), PackError> {
        let f = &self.fast;
        let mut parts: Vec<Part> = Vec::new();
        let mut add = |name: &str, dtype: Dtype, shape: Vec<usize>, data: Vec<u8>| {
            parts.push(Part { name: name.to_owned(), dtype, shape, data });
        };
        let le = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let signed = |values: &[i8]| values.iter().map(|v| v.cast_unsigned()).collect::<Vec<u8>>();
        let keys = f.vocabulary.keys().iter().flat_map(|k| k.to_le_bytes()).collect();
        let s = f.shape;
        add("fast.keys", Dtype::U32, vec![s.rows], keys);
        add("fast.table", Dtype::I8, vec![s.rows, s.width], signed(&f.table));
        add("fast.scales", Dtype::F32, vec![s.rows], le(&f.scales));
        add("fast.hidden", Dtype::F32, vec![s.width, s.hidden], le(&f.hidden));
        add("fast.hidden_bias", Dtype::F32, vec![s.hidden], le(&f.hidden_bias));
        add("fast.output", Dtype::F32, vec![s.hidden, s.outputs], le(&f.output));
        add("fast.output_bias", Dtype::F32, vec![s.outputs], le(&f.output_bias));
        if let Some(e) = &self.encoder {
            let rows = encoder::SINGLES + e.shape.rows;
            for (at, m) in e.members.iter().enumerate() {
                add(&tensor(at, "table"), Dtype::I8, vec![rows, e.shape.width], signed(&m.table));
                add(&tensor(at, "scales"), Dtype::F32, vec![rows], le(&m.scales));
                add(&tensor(at, "dense"), Dtype::F32, vec![m.dense.len()], le(&m.dense));
            }
        }
        let views: Vec<(&str, TensorView<'_>)> = parts
            .iter()
            .map(|p| Ok((p.name.as_str(), TensorView::new(p.dtype, p.shape.clone(), &p.data)?)))
            .collect::<Result<_, safetensors::SafeTensorError>>()
            .map_err(|e| PackError::Weights(e.to_string()))?;
        let weights = safetensors::serialize(views, None).map_err(|e| PackError::Weights(e.to_string()))?;
        let manifest = Manifest { version: version(&weights), ..self.manifest.clone() };
        let mut json = serde_json::to_vec_pretty(&manifest).map_err(|e| PackError::Manifest(e.to_string()))?;
        json.push(b'\n');
        Ok((json, weights))
    }

    /// Writes the pack into a folder: the weights first, so that a manifest never names weights that are not there.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), PackError> {
        let (manifest, weights) = self.to_bytes()?;
        let file = |path: &Path, reason| PackError::File { path: path.to_path_buf(), reason };
        std::fs::create_dir_all(folder).map_err(|e| file(folder, e))?;
        for (name, body) in [("model.safetensors", weights), ("model.json", manifest)] {
            let path = folder.join(name);
            let part = folder.join(format!("{name}.part"));
            std::fs::write(&part, body).map_err(|e| file(&part, e))?;
            std::fs::rename(&part, &path).map_err(|e| file(&path, e))?;
        }
        Ok(())
    }
}

/// The version of weights: the first 16 hex digits of their BLAKE3 hash.
fn version(weights: &[u8]) -> String {
    blake3::hash(weights).to_hex().chars().take(16).collect()
}

/// The name of a tensor of the second stage's member `at`. Packs with a single member carry no number.
fn tensor(at: usize, part: &str) -> String {
    if at == 0 { format!("encoder.{part}") } else { format!("encoder.{at}.{part}") }
}

fn view<'a>(tensors: &SafeTensors<'a>, name: &str, dtype: Dtype, len: usize) -> Result<&'a [u8], PackError> {
    let view = tensors.tensor(name).map_err(|e| PackError::Weights(format!("{name}: {e}")))?;
    if view.dtype() != dtype || view.shape().iter().product::<usize>() != len {
        return Err(PackError::Weights(format!("{name} is not {len} numbers of {dtype:?}")));
    }
    Ok(view.data())
}

fn floats(tensors: &SafeTensors<'_>, name: &str, len: usize) -> Result<Vec<f32>, PackError> {
    let data = view(tensors, name, Dtype::F32, len)?;
    let values: Vec<f32> = data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    if values.iter().any(|v| !v.is_finite()) {
        return Err(PackError::Weights(format!("{name} holds a number that is not finite")));
    }
    Ok(values)
}

fn words(tensors: &SafeTensors<'_>, name: &str, len: usize) -> Result<Vec<u32>, PackError> {
    let data = view(tensors, name, Dtype::U32, len)?;
    Ok(data.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect())
}

fn bytes(tensors: &SafeTensors<'_>, name: &str, len: usize) -> Result<Vec<i8>, PackError> {
    Ok(view(tensors, name, Dtype::I8, len)?.iter().map(|b| b.cast_signed()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::Calibration;

    /// A model without training: shapes are what is tested here.
    fn tiny() -> ModelPack {
        let shape = fast::Shape { rows: 3, width: 2, hidden: 2, outputs: FIXED + 1 };
        let encoder_shape = encoder::Shape {
            rows: 4,
            width: 2,
            heads: 1,
            layers: 1,
            inner: 2,
            hidden: 2,
            outputs: FIXED + 1,
            members: 2,
        };
        let rows = encoder::SINGLES + encoder_shape.rows;
        ModelPack {
            manifest: Manifest {
                format: FORMAT.to_owned(),
                name: "tiny".to_owned(),
                version: String::new(),
                topics: vec![Topic::new("chat")],
                fast: shape,
                encoder: Some(encoder_shape),
                calibration: Calibration::default(),
                calibration_both: Calibration::default(),
                thresholds: Thresholds::default(),
                cascade: Cascading::default(),
                made: Made::default(),
            },
            fast: Fast {
                shape,
                vocabulary: Vocabulary::new(vec![7, 8, 9]),
                table: vec![1; 6],
                scales: vec![0.5; 3],
                hidden: vec![0.1; 4],
                hidden_bias: vec![0.0; 2],
                output: vec![0.2; 2 * (FIXED + 1)],
                output_bias: vec![0.0; FIXED + 1],
            },
            encoder: Some(Encoder {
                shape: encoder_shape,
                members: vec![
                    Member {
                        table: vec![0; rows * 2],
                        scales: vec![1.0; rows],
                        dense: vec![0.25; encoder_shape.dense()],
                    };
                    2
                ],
            }),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (manifest, weights) = tiny().to_bytes().unwrap();
        let read = ModelPack::parse(&manifest, &weights).unwrap();
        assert_eq!(read.to_bytes().unwrap(), (manifest, weights));
    }

    #[test]
    fn damage_is_an_error_that_says_what_to_do_and_never_a_panic() {
        let (manifest, weights) = tiny().to_bytes().unwrap();
        let mut rng = fastrand::Rng::with_seed(4);
        for _ in 0..400 {
            let mut bad = weights.clone();
            let at = rng.usize(..bad.len());
            bad[at] ^= 1 << rng.u8(..8);
            let error = ModelPack::parse(&manifest, &bad).unwrap_err();
            assert!(error.to_string().contains("export it again"), "{error}");
            assert!(ModelPack::parse(&manifest, &weights[..at]).is_err());
        }
        for _ in 0..400 {
            let mut bad = manifest.clone();
            let at = rng.usize(..bad.len());
            bad[at] = rng.u8(b' '..b'~');
            // A changed number may still be a model; a changed shape never is.
            let _ = ModelPack::parse(&bad, &weights);
            assert!(ModelPack::parse(&manifest[..at], &weights).is_err());
        }
    }

    #[test]
    fn another_format_is_named() {
        let (manifest, weights) = tiny().to_bytes().unwrap();
        let other = String::from_utf8(manifest).unwrap().replace(FORMAT, "menshen-judge/9");
        let error = ModelPack::parse(other.as_bytes(), &weights).unwrap_err().to_string();
        assert!(error.contains("menshen-judge/9") && error.contains("another version"), "{error}");
    }
}
