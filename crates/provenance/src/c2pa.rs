//! Content Credentials (C2PA) beside the label of GB 45438-2025: found and read here, without trust.
//!
//! [`find`] reads what a manifest *says*: who made it, what was done, whether the content is generated. It checks no hash
//! and no signature, so anybody can have written it: take it as a sign ([`crate::inspect::Trace::C2pa`]), never as proof.
//! With the Cargo feature `c2pa` the module `signed` verifies and signs.
//!
//! The hash of a manifest covers the file's metadata, so the order is: the label first, the credentials after it. A label
//! that is written into a file with a manifest breaks the manifest, unless the file is signed anew:
//! [`Manifest::warning`].
//!
//! Where manifest stores stand: C2PA Technical Specification 2.2, Annex A. What is read of JPEG, PNG, GIF, WebP, TIFF,
//! HEIF/AVIF, MP4/MOV/M4A, WAV, AVI, MP3, FLAC and PDF is a store that is embedded; stores elsewhere (a link to a server, a
//! `.c2pa` file beside) are not looked for.

mod cbor;
mod jumbf;
mod locate;
#[cfg(test)]
mod samples;
#[cfg(feature = "c2pa")]
pub mod signed;
mod store;
#[cfg(test)]
mod tests;

use crate::Error;
use crate::carrier::Input;

/// The label of the assertion that repeats the label of GB 45438-2025 in a manifest: its seven members.
pub const AIGC_ASSERTION: &str = "cn.tc260.aigc";

/// What the active manifest of a file says. Not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Manifest {
    /// Its label, such as `urn:c2pa:…` (claims of version 2) or `vendor:urn:uuid:…` (version 1).
    pub label: String,
    /// What made the claim (`claim_generator_info`, in old claims also `claim_generator`).
    pub generator: Option<Generator>,
    /// The title of the content (`dc:title`).
    pub title: Option<String>,
    /// The actions of the active manifest, then those of its parents (ingredients that are `parentOf`).
    pub actions: Vec<Action>,
    /// Whether one of [`Manifest::actions`] says that the content, or a part of it, is generated: [`Action::generated`].
    pub generated: bool,
    /// The members of the assertion [`AIGC_ASSERTION`] of the active manifest, as JSON.
    pub aigc: Option<String>,
    /// How many manifests the file holds: those of ingredients are kept with it.
    pub manifests: usize,
    /// Bytes of the manifest store.
    pub size: u64,
    /// What of it could not be read, and why: compressed manifests, thousands of actions.
    pub unread: Option<String>,
}

/// A program that makes manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generator {
    /// Its name.
    pub name: String,
    /// Its version, where told.
    pub version: Option<String>,
}

/// Something that was done with the content (C2PA 2.2 §18.15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Such as `c2pa.created`, `c2pa.edited`.
    pub action: String,
    /// The IRI of IPTC's `digitalSourceType`, where told.
    pub digital_source_type: Option<String>,
    /// The program that did it, where told.
    pub software: Option<String>,
    /// When, in the words of the manifest (RFC 3339).
    pub when: Option<String>,
    /// The label of the manifest that says it.
    pub manifest: String,
}

impl Action {
    /// Whether its source type is one of generated content: IPTC's `trainedAlgorithmicMedia`,
    /// `compositeWithTrainedAlgorithmicMedia`, `compositeSynthetic`, `algorithmicMedia`, or C2PA's `trainedAlgorithmicData`.
    #[must_use]
    pub fn generated(&self) -> bool {
        let kind = self.digital_source_type.as_deref().and_then(|iri| iri.rsplit(['/', ':']).next());
        matches!(
            kind,
            Some(
                "trainedAlgorithmicMedia"
                    | "compositeWithTrainedAlgorithmicMedia"
                    | "compositeSynthetic"
                    | "algorithmicMedia"
                    | "trainedAlgorithmicData"
            )
        )
    }
}

impl Manifest {
    /// What to tell somebody who is about to write a label into this file.
    #[must_use]
    pub fn warning(&self) -> String {
        let of = self.generator.as_ref().map(|it| format!(" of {}", it.name)).unwrap_or_default();
        format!(
            "the file has Content Credentials{of}: writing a label breaks their hash, unless the file is signed anew"
        )
    }

    /// The sign of generation that it is for a platform, where it says that the content is generated.
    #[must_use]
    pub fn trace(&self) -> Option<crate::inspect::Trace> {
        let name = self.generator.as_ref().map_or(self.label.as_str(), |it| it.name.as_str());
        self.generated.then(|| crate::inspect::Trace::C2pa(name.to_owned()))
    }
}

/// The active manifest of a file, if it holds one, whatever its format. Reads the structure of the file and the manifest
/// store (at most 64 MiB), not the content.
///
/// Nothing is verified: see [the module](self).
///
/// # Errors
/// When the file is damaged on the way to the store, or the store is damaged or asks for too much.
pub fn find(input: &mut dyn Input) -> Result<Option<Manifest>, Error> {
    let stores = locate::stores(input)?;
    if stores.is_empty() {
        return Ok(None);
    }
    store::active(&stores).map(Some).map_err(Error::Credentials)
}
