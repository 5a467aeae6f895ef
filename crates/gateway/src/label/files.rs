//! Labels on the files that a model answers with: pictures and sounds that stand as Base64 in its JSON, or are the whole
//! answer.

use std::io::Cursor;

use data_encoding::BASE64;
use menshen_provenance::{Error, carrier};
use serde_json::{Value, json};

use super::Labelling;
use crate::config::UnlabelledFiles;
use crate::error::{Failure, GatewayError};

/// The file with exactly one label, which was read back.
///
/// # Errors
/// When its format has no place for a label, or the file is damaged.
pub(crate) fn label_bytes(file: &[u8], ending: &str, value: &str) -> Result<Vec<u8>, Error> {
    let mut labelled = Cursor::new(Vec::with_capacity(file.len() + 4_096));
    carrier::put(&mut Cursor::new(file), &mut labelled, ending, value)?;
    Ok(labelled.into_inner())
}

impl Labelling {
    /// Labels every file in an answer; what could not be labelled and passes, as operators wish, is returned for the record.
    ///
    /// # Errors
    /// When a file cannot be labelled and is not to pass.
    pub(crate) fn label_files(&self, answer: &mut Value) -> Result<Files, GatewayError> {
        let mut files = Files::default();
        self.walk(answer, "", &mut files)?;
        Ok(files)
    }

    /// The file with its label, or `None` where it may pass without.
    ///
    /// # Errors
    /// When it cannot be labelled and is not to pass.
    pub(crate) fn label_file(&self, file: &[u8], ending: &str) -> Result<Option<Vec<u8>>, GatewayError> {
        match label_bytes(file, ending, &self.label.to_value()) {
            Ok(labelled) => Ok(Some(labelled)),
            Err(_) if self.files == UnlabelledFiles::Pass => Ok(None),
            Err(e) => Err(cannot("the model answered with a file that cannot carry a label").detail(e)),
        }
    }

    fn walk(&self, value: &mut Value, path: &str, files: &mut Files) -> Result<(), GatewayError> {
        match value {
            Value::Array(items) => {
                for (i, item) in items.iter_mut().enumerate() {
                    self.walk(item, &format!("{path}/{i}"), files)?;
                }
            }
            Value::Object(members) => {
                let generated = members.get("type").and_then(Value::as_str) == Some("image_generation_call");
                for (name, member) in members.iter_mut() {
                    let at = format!("{path}/{name}");
                    let carries = match name.as_str() {
                        "b64_json" | "partial_image_b64" => true,
                        "result" => generated,
                        "data" => path.ends_with("/audio"),
                        "url" => path.contains("/images/") || path.ends_with("image_url") || path.starts_with("/data/"),
                        _ => false,
                    };
                    match member {
                        Value::String(text) if carries => self.string(text, &at, files)?,
                        Value::Array(_) | Value::Object(_) => self.walk(member, &at, files)?,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn string(&self, text: &mut String, path: &str, files: &mut Files) -> Result<(), GatewayError> {
        let (prefix, encoded) = match text.split_once(";base64,") {
            Some((prefix, encoded)) if prefix.starts_with("data:") => (format!("{prefix};base64,"), encoded),
            _ => (String::new(), text.as_str()),
        };
        let passes = self.files == UnlabelledFiles::Pass;
        let labelled = match BASE64.decode(encoded.as_bytes()) {
            Ok(file) => self.label_file(&file, "")?,
            // An address: the file lies elsewhere.
            Err(_) if passes => None,
            Err(_) => {
                return Err(cannot(
                    "the model answered with the address of a file, which cannot be labelled here; ask for the file itself \
                     (response_format b64_json)",
                ));
            }
        };
        match labelled {
            Some(file) => {
                *text = prefix + &BASE64.encode(&file);
                files.labelled += 1;
            }
            None => files.unlabelled.push(json!({"path": path, "label": "none"})),
        }
        Ok(())
    }
}

/// What became of an answer's files.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// How many carry a label now.
    pub(crate) labelled: usize,
    /// Those that pass without.
    pub(crate) unlabelled: Vec<Value>,
}

fn cannot(message: &'static str) -> GatewayError {
    GatewayError::new(Failure::CannotLabel, message)
}
