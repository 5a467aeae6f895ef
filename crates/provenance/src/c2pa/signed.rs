//! Content Credentials verified and signed, with the crate `c2pa` (Cargo feature `c2pa`).
//!
//! Offline: nothing is fetched — no manifest on a server, no revocation status, no time stamp. Without a time stamp a
//! signature counts as long as its certificate does; sign anew before it ends.
//!
//! The crate `c2pa` holds files of some formats (GIF, TIFF, WAV, AVI, WebP) in memory; give it what fits. PDF it reads and
//! cannot sign.

use std::fmt;
use std::io::{Read, Seek, Write};

use c2pa::{Builder, BuilderIntent, Context, DigitalSourceType, Reader, Settings, ValidationState};
use serde_json::{Value, json};

use super::{AIGC_ASSERTION, Generator, store};
use crate::Error;

#[cfg(test)]
mod tests;

/// IPTC's source type of content that a trained model made: what credentials of generated content say.
pub const GENERATED: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

/// What verifying comes to (C2PA 2.2 §14.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The content was changed, or the manifest or its signature is wrong: [`Validation::codes`] say what.
    Invalid,
    /// Content, manifest and signature belong together. Who signed is not known: the certificate leads to no given anchor.
    Valid,
    /// Valid, and the certificate leads to one of the given trust anchors.
    Trusted,
}

impl State {
    /// `invalid`, `valid`, `trusted`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            State::Invalid => "invalid",
            State::Valid => "valid",
            State::Trusted => "trusted",
        }
    }
}

/// A finding of the verifier (C2PA 2.2 §15.2, status codes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Such as `assertion.dataHash.mismatch`, `signingCredential.untrusted`.
    pub code: String,
    /// Whether it is a failure; the others are successes and notes.
    pub failure: bool,
    /// What it is about, in the verifier's words.
    pub explanation: Option<String>,
}

/// What is known of a file's Content Credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validation {
    /// The outcome.
    pub state: State,
    /// All findings about the active manifest, and failures of its ingredients.
    pub codes: Vec<Code>,
    /// The label of the active manifest.
    pub label: String,
    /// What made the claim.
    pub generator: Option<Generator>,
    /// Whether an action says that content is generated ([`super::Action::generated`]).
    pub generated: bool,
    /// The members of the assertion [`AIGC_ASSERTION`], as JSON.
    pub aigc: Option<String>,
    /// The organisation in the signer's certificate.
    pub issuer: Option<String>,
    /// The common name in the signer's certificate.
    pub common_name: Option<String>,
}

impl Validation {
    /// The codes of all failures.
    pub fn failures(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().filter(|one| one.failure).map(|one| one.code.as_str())
    }
}

/// How credentials are signed (C2PA 2.2 §13.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// Ed25519.
    Ed25519,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 7] =
        [Self::Es256, Self::Es384, Self::Es512, Self::Ps256, Self::Ps384, Self::Ps512, Self::Ed25519];

    /// `es256`, `es384`, `es512`, `ps256`, `ps384`, `ps512`, `ed25519`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Es256 => "es256",
            Self::Es384 => "es384",
            Self::Es512 => "es512",
            Self::Ps256 => "ps256",
            Self::Ps384 => "ps384",
            Self::Ps512 => "ps512",
            Self::Ed25519 => "ed25519",
        }
    }

    /// The algorithm of an [`Algorithm::id`].
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.id() == id)
    }

    fn signing(self) -> c2pa::SigningAlg {
        match self {
            Self::Es256 => c2pa::SigningAlg::Es256,
            Self::Es384 => c2pa::SigningAlg::Es384,
            Self::Es512 => c2pa::SigningAlg::Es512,
            Self::Ps256 => c2pa::SigningAlg::Ps256,
            Self::Ps384 => c2pa::SigningAlg::Ps384,
            Self::Ps512 => c2pa::SigningAlg::Ps512,
            Self::Ed25519 => c2pa::SigningAlg::Ed25519,
        }
    }
}

/// What signs.
#[derive(Clone)]
pub struct Credentials {
    /// The signer's certificate, then those that lead to the authority, as PEM. C2PA wants a certificate of its profile
    /// (C2PA 2.2 §14.5.1): not self-signed, with `digitalSignature` and an extended key usage.
    pub cert_chain_pem: String,
    /// The private key of the first certificate: PKCS #8 as PEM (`BEGIN PRIVATE KEY`), not encrypted.
    pub key_pem: String,
    /// An algorithm that fits the key.
    pub algorithm: Algorithm,
}

impl fmt::Debug for Credentials {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// What is claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The title of the content, mostly its file name.
    pub title: Option<String>,
    /// The program that claims: a name and its version.
    pub generator: Generator,
    /// The IRI of the content's source type; [`GENERATED`] for generated content.
    pub digital_source_type: String,
    /// The label of GB 45438-2025 that stands in the file: a JSON object with its members, or `{"AIGC": {…}}`.
    pub aigc: Option<String>,
}

/// Verifies the credentials of a file. `mime` is its media type or ending; what its bytes say wins. `anchors_pem` are the
/// certificates of authorities that are trusted; without them nothing is more than [`State::Valid`].
///
/// # Errors
/// When the file or its manifest store is damaged, or `anchors_pem` is no PEM. `None`: there is no manifest in it.
pub fn verify<R: Read + Seek + Send>(
    input: &mut R,
    mime: &str,
    anchors_pem: Option<&str>,
) -> Result<Option<Validation>, Error> {
    let Some(reader) = reader(input, mime, anchors_pem)? else { return Ok(None) };
    let Some(manifest) = reader.active_manifest() else { return Ok(None) };
    let info = manifest.claim_generator_info.as_ref().and_then(|all| all.first());
    let mut said = super::Manifest {
        label: reader.active_label().unwrap_or_default().to_owned(),
        generator: info.map(|info| Generator { name: info.name.clone(), version: info.version.clone() }),
        title: None,
        actions: Vec::new(),
        generated: false,
        aigc: None,
        manifests: 0,
        size: 0,
        unread: None,
    };
    if said.generator.is_none() {
        said.generator = manifest.claim_generator().map(store::from_agent);
    }
    // The parents' actions, where they can be read without the crate.
    let parents = super::find(input).ok().flatten().is_some_and(|found| found.generated);
    for assertion in manifest.assertions() {
        let Ok(value) = assertion.value() else { continue };
        match assertion.label() {
            "c2pa.actions" | "c2pa.actions.v2" => store::actions(value, "", &mut said),
            AIGC_ASSERTION => said.aigc = Some(value.to_string()),
            _ => {}
        }
    }
    Ok(Some(Validation {
        state: match reader.validation_state() {
            ValidationState::Invalid => State::Invalid,
            ValidationState::Valid => State::Valid,
            ValidationState::Trusted => State::Trusted,
        },
        codes: codes(&reader),
        generated: parents || said.actions.iter().any(super::Action::generated),
        label: said.label,
        generator: said.generator,
        aigc: said.aigc,
        issuer: manifest.issuer(),
        common_name: manifest.common_name(),
    }))
}

/// Copies a file to `output` with signed credentials. The label is written before ([`crate::carrier`]), as the hash covers
/// it. What the claim says of the content becomes the action `c2pa.created`, the label the assertion [`AIGC_ASSERTION`].
///
/// A manifest that the file has stays, as the parent of the new one; the content was not created by the claimant then, so
/// the actions are `c2pa.opened` and, with the source type, `c2pa.edited.metadata`.
///
/// What was written is verified before this answers.
///
/// # Errors
/// When the file is damaged, of a format that cannot be signed, or already holds a store that cannot be read; when
/// certificate, key and algorithm do not fit together or do not keep to the profile; when what was signed does not verify.
/// Then `output` is of no use.
pub fn sign<R, W>(
    input: &mut R,
    output: &mut W,
    mime: &str,
    credentials: &Credentials,
    claim: &Claim,
) -> Result<Validation, Error>
where
    R: Read + Seek + Send,
    W: Read + Write + Seek + Send,
{
    let refused = |error: c2pa::Error| Error::Signing(error.to_string());
    let (chain, key) = (credentials.cert_chain_pem.as_bytes(), credentials.key_pem.as_bytes());
    if !credentials.key_pem.contains("-----BEGIN PRIVATE KEY-----") {
        return Err(Error::Signing("the key is no PKCS #8 in PEM; convert it: openssl pkcs8 -topk8 -nocrypt".into()));
    }
    let signer = c2pa::create_signer::from_keys(chain, key, credentials.algorithm.signing(), None);
    let signer = signer.map_err(|error| Error::Signing(format!("certificate or key cannot be used: {error}")))?;
    let parent = reader(input, mime, None)?.is_some();
    let builder = Builder::from_context(context(None)?).with_definition(definition(claim, parent)?);
    let mut builder = builder.map_err(refused)?;
    let source: DigitalSourceType = serde_json::from_value(json!(claim.digital_source_type))
        .map_err(|error| Error::Signing(format!("the digital source type is none: {error}")))?;
    builder.set_intent(if parent { BuilderIntent::Edit } else { BuilderIntent::Create(source) });
    input.rewind()?;
    builder.sign(signer.as_ref(), mime, input, output).map_err(refused)?;
    output.flush()?;
    output.rewind()?;
    let made = verify(output, mime, None)?.ok_or_else(|| Error::Signing("no manifest came to stand in it".into()))?;
    let failures: Vec<&str> = made.failures().filter(|code| *code != "signingCredential.untrusted").collect();
    if made.state == State::Invalid || !failures.is_empty() {
        return Err(Error::Signing(format!("what was signed does not verify: {}", failures.join(", "))));
    }
    if made.aigc.is_some() != claim.aigc.is_some() || made.generator.as_ref() != Some(&claim.generator) {
        return Err(Error::Signing("what was signed does not say what was to be said".into()));
    }
    Ok(made)
}

/// The manifest of a file, if there is one in it.
fn reader<R: Read + Seek + Send>(
    input: &mut R,
    mime: &str,
    anchors_pem: Option<&str>,
) -> Result<Option<Reader>, Error> {
    input.rewind()?;
    match Reader::from_context(context(anchors_pem)?).with_stream(mime, &mut *input) {
        Ok(reader) => Ok(Some(reader)),
        Err(c2pa::Error::JumbfNotFound | c2pa::Error::RemoteManifestUrl(_)) => Ok(None),
        Err(c2pa::Error::UnsupportedType) => Err(Error::UnknownFormat),
        Err(error) => Err(Error::Credentials(error.to_string())),
    }
}

/// Verifies what is read, fetches nothing, adds nothing that was not asked for.
fn context(anchors_pem: Option<&str>) -> Result<Context, Error> {
    let settings = json!({
        "core": { "allowed_network_hosts": [] },
        "verify": { "verify_after_reading": true, "remote_manifest_fetch": false, "ocsp_fetch": false },
        "builder": {
            "thumbnail": { "enabled": false },
            "actions": {
                "auto_created_action": { "enabled": false },
                "auto_opened_action": { "enabled": true },
                "auto_placed_action": { "enabled": false },
            },
        },
    });
    let wrong = |error: c2pa::Error| Error::Credentials(format!("the trust anchors are no certificates: {error}"));
    let mut settings = Settings::new().with_json(&settings.to_string()).map_err(wrong)?;
    if let Some(anchors) = anchors_pem {
        settings = settings.with_value("trust.trust_anchors", anchors.to_owned()).map_err(wrong)?;
    }
    Context::new().with_settings(settings).map_err(wrong)
}

/// The manifest to be made.
fn definition(claim: &Claim, parent: bool) -> Result<Value, Error> {
    let mut info = json!({ "name": claim.generator.name });
    if let (Some(version), Some(info)) = (&claim.generator.version, info.as_object_mut()) {
        info.insert("version".into(), version.as_str().into());
    }
    let (action, description) = if parent {
        ("c2pa.edited.metadata", "A label of generated content was written into the metadata.")
    } else {
        ("c2pa.created", "The content was generated.")
    };
    let mut action = json!({
        "action": action,
        "digitalSourceType": claim.digital_source_type,
        "softwareAgent": info,
    });
    if let (true, Some(action)) = (parent || claim.digital_source_type == GENERATED, action.as_object_mut()) {
        action.insert("description".into(), description.into());
    }
    // What the signer itself says stands among the created assertions.
    let mut assertions = vec![json!({ "label": "c2pa.actions.v2", "created": true, "data": { "actions": [action] } })];
    if let Some(label) = &claim.aigc {
        let label: Value =
            serde_json::from_str(label).map_err(|error| Error::Label(format!("it is no JSON: {error}")))?;
        let label = label.get("AIGC").unwrap_or(&label).clone();
        if label.as_object().is_none_or(serde_json::Map::is_empty) {
            return Err(Error::Label("it is no JSON object with members".into()));
        }
        // As CBOR, so that nobody who searches files for the label's JSON finds a second one.
        assertions.push(json!({ "label": AIGC_ASSERTION, "created": true, "data": label }));
    }
    Ok(json!({
        "claim_generator_info": [info],
        "title": claim.title,
        "assertions": assertions,
    }))
}

fn codes(reader: &Reader) -> Vec<Code> {
    let Some(results) = reader.validation_results() else { return Vec::new() };
    let code = |failure: bool| {
        move |status: &c2pa::validation_status::ValidationStatus| Code {
            code: status.code().to_owned(),
            failure,
            explanation: status.explanation().map(str::to_owned),
        }
    };
    let mut all = Vec::new();
    if let Some(active) = results.active_manifest() {
        all.extend(active.failure().iter().map(code(true)));
        all.extend(active.success().iter().map(code(false)));
        all.extend(active.informational().iter().map(code(false)));
    }
    for delta in results.ingredient_deltas().into_iter().flatten() {
        all.extend(delta.validation_deltas().failure().iter().map(code(true)));
    }
    all
}
