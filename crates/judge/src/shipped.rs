//! The model that is built into the program, so that nothing needs to be downloaded.

use crate::pack::{ModelPack, PackError};

/// Loads the shipped model.
///
/// # Errors
/// When the files that the program was built with are damaged.
pub fn model() -> Result<ModelPack, PackError> {
    ModelPack::parse(
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/judge/model.json")),
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/judge/model.safetensors")),
    )
}
