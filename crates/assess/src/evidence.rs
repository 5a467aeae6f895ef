//! The evidence bundle: everything that a result rests on, sealed, and its verification by anybody.
//!
//! A bundle is a ZIP file. `manifest.json` lists every file with its length and SHA-256 and is signed with Ed25519
//! (RFC 8032); `manifest.sig` holds key and signature. Verifying does not take the result's word for anything: it draws
//! the sample again from the bank in the bundle, walks the chain of decisions, and computes the result again from the
//! recorded answers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;

use menshen_store::{Assessments, DecisionRow};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;

use crate::answer::Answer;
use crate::bank::{Bank, hex};
use crate::conclude::{Record, conclude};
use crate::declare::{self, Declarations};
use crate::error::Error;
use crate::result::{Assessment, GuidedRow};
use crate::run::Info;
use crate::sample;

/// The file in the data folder that holds the signing key.
pub const KEY_FILE: &str = "assess.key";
/// The most bytes of all files of a bundle together, unpacked.
const MOST_BYTES: u64 = 1 << 30;
/// The most files of a bundle.
const MOST_FILES: usize = 20_000;

/// The key that bundles are signed with.
#[derive(Debug)]
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The key in the data folder; made, for its owner's eyes only, when there is none.
    ///
    /// # Errors
    /// When it cannot be read, made or written.
    pub fn open(dir: &Path) -> Result<SigningKey, Error> {
        let path = dir.join(KEY_FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let made = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new())
                    .map_err(|_| Error::Unusable("no randomness for a signing key".to_owned()))?;
                std::fs::create_dir_all(dir).map_err(|e| Error::file(dir, e))?;
                write_private(&path, made.as_ref()).map_err(|e| Error::file(&path, e))?;
                made.as_ref().to_vec()
            }
            Err(e) => return Err(Error::file(&path, e)),
        };
        let pair = Ed25519KeyPair::from_pkcs8(&bytes).map_err(|_| {
            Error::Unusable(format!("{} holds no signing key; move it away to make a new one", path.display()))
        })?;
        Ok(SigningKey(pair))
    }

    /// The public key in hexadecimal digits.
    pub fn public(&self) -> String {
        hex(self.0.public_key().as_ref())
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    path: String,
    bytes: u64,
    sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    version: u32,
    run: String,
    made_by: String,
    files: Vec<Listed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    algorithm: String,
    public_key: String,
    signature: String,
}

/// Makes the bundle of a run. `reports` are files that stand beside the evidence (`report/…`, `attachments/…`).
///
/// # Errors
/// When the record cannot be read.
pub async fn bundle(
    store: &Assessments,
    record: &Record,
    assessment: &Assessment,
    reports: Vec<(String, Vec<u8>)>,
    key: &SigningKey,
) -> Result<Vec<u8>, Error> {
    let mut files: BTreeMap<String, Vec<u8>> = reports.into_iter().collect();
    files.insert("assessment.json".into(), pretty(assessment));
    files.insert("info.json".into(), pretty(&record.info));
    files.insert("sample.json".into(), record.info.manifest.to_bytes());
    files.insert("answers.jsonl".into(), lines(record.answers.iter().map(|(key, (at, answer))| (key, at, answer))));
    files.insert("decisions.jsonl".into(), lines(record.decisions.iter()));
    files.insert("declarations.json".into(), pretty(&record.declarations));
    files.insert("keywords.json".into(), pretty(&record.info.keywords));
    files.insert("guided.json".into(), pretty(&record.guided));
    files.insert("reliability.json".into(), pretty(&record.sets));
    for (path, text) in record.bank.files() {
        files.insert(format!("bank/{path}"), text.into_bytes());
    }
    for name in store.files(&record.info.id).await? {
        if name.starts_with(declare::EVIDENCE)
            && let Some(bytes) = store.file(&record.info.id, &name).await?
        {
            files.insert(name, bytes);
        }
    }
    let size: u64 = files.values().map(|bytes| bytes.len() as u64).sum();
    if size > MOST_BYTES {
        return Err(Error::Unusable(format!(
            "the evidence is larger than {} MiB; link to large files in the declaration",
            MOST_BYTES >> 20
        )));
    }
    let list = List {
        version: 1,
        run: record.info.id.clone(),
        made_by: assessment.version.clone(),
        files: files
            .iter()
            .map(|(path, bytes)| Listed {
                path: path.clone(),
                bytes: bytes.len() as u64,
                sha256: hex(&Sha256::digest(bytes)),
            })
            .collect(),
    };
    let list = pretty(&list);
    let seal = Seal {
        algorithm: "Ed25519 over manifest.json".to_owned(),
        public_key: key.public(),
        signature: hex(key.0.sign(&list).as_ref()),
    };
    files.insert("manifest.json".into(), list);
    files.insert("manifest.sig".into(), pretty(&seal));
    packed(&files).map_err(|e| Error::Unusable(format!("the bundle cannot be packed: {e}")))
}

fn packed(files: &BTreeMap<String, Vec<u8>>) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    // The default time is fixed: the same files make the same bundle.
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (path, bytes) in files {
        zip.start_file(path.as_str(), options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn pretty<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn lines<T: Serialize>(rows: impl Iterator<Item = T>) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        out.extend(serde_json::to_vec(&row).unwrap_or_default());
        out.push(b'\n');
    }
    out
}

/// What verifying found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The run.
    pub run: String,
    /// The key that signed, in hexadecimal digits.
    pub public_key: String,
    /// Files that were checked.
    pub files: usize,
    /// What was proved, one sentence each.
    pub proved: Vec<String>,
    /// What is wrong, one sentence each.
    pub broken: Vec<String>,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.broken.is_empty()
    }
}

/// Verifies a bundle. With `trusted` (a public key in hexadecimal digits) the signer must be that one.
///
/// # Errors
/// [`Error::Unusable`] when it is no bundle at all.
pub fn verify(bytes: &[u8], trusted: Option<&str>) -> Result<Verified, Error> {
    let mut found = Verified::default();
    let files = unpacked(bytes)?;
    let list_bytes = files.get("manifest.json").ok_or_else(|| not_a_bundle("it has no manifest.json"))?;
    let list: List = serde_json::from_slice(list_bytes).map_err(|e| not_a_bundle(&format!("manifest.json: {e}")))?;
    found.run.clone_from(&list.run);
    sealed(&files, list_bytes, trusted, &mut found);
    listed(&files, &list, &mut found);
    recomputed(&files, &mut found);
    Ok(found)
}

fn not_a_bundle(why: &str) -> Error {
    Error::Unusable(format!("this is no evidence bundle: {why}"))
}

fn unpacked(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| not_a_bundle(&e.to_string()))?;
    if zip.len() > MOST_FILES {
        return Err(not_a_bundle(&format!("it holds more than {MOST_FILES} files")));
    }
    let mut left = MOST_BYTES;
    let mut files = BTreeMap::new();
    for i in 0..zip.len() {
        let file = zip.by_index(i).map_err(|e| not_a_bundle(&e.to_string()))?;
        let name = file.name().map_err(|e| not_a_bundle(&e.to_string()))?.into_owned();
        let mut content = Vec::new();
        // One byte more than there may be tells that there is more: stated lengths can lie.
        let read = file.take(left + 1).read_to_end(&mut content).map_err(|e| not_a_bundle(&format!("{name}: {e}")))?;
        left = left
            .checked_sub(read as u64)
            .ok_or_else(|| not_a_bundle(&format!("it unpacks to more than {} MiB", MOST_BYTES >> 20)))?;
        if files.insert(name.clone(), content).is_some() {
            return Err(not_a_bundle(&format!("{name} is there twice")));
        }
    }
    Ok(files)
}

fn sealed(files: &BTreeMap<String, Vec<u8>>, list: &[u8], trusted: Option<&str>, found: &mut Verified) {
    let seal: Option<Seal> = files.get("manifest.sig").and_then(|bytes| serde_json::from_slice(bytes).ok());
    let Some(seal) = seal else {
        found.broken.push("manifest.sig is missing or cannot be read: nobody signed this".to_owned());
        return;
    };
    found.public_key.clone_from(&seal.public_key);
    let decode = |text: &str| data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let holds = decode(&seal.public_key)
        .zip(decode(&seal.signature))
        .is_some_and(|(key, signature)| UnparsedPublicKey::new(&ED25519, key).verify(list, &signature).is_ok());
    if !holds {
        found.broken.push("the signature does not fit manifest.json: it was changed after signing".to_owned());
        return;
    }
    match trusted {
        Some(key) if !key.trim().eq_ignore_ascii_case(&seal.public_key) => {
            found.broken.push(format!("it is signed with the key {}, not with the one you trust", seal.public_key));
        }
        Some(_) => found.proved.push("signed with the key you trust".to_owned()),
        None => found.proved.push(format!(
            "signed with the key {}; compare it with the one the operator published (--key)",
            seal.public_key
        )),
    }
}

fn listed(files: &BTreeMap<String, Vec<u8>>, list: &List, found: &mut Verified) {
    let mut names: BTreeSet<&str> = files.keys().map(String::as_str).collect();
    names.remove("manifest.json");
    names.remove("manifest.sig");
    let before = found.broken.len();
    for entry in &list.files {
        names.remove(entry.path.as_str());
        match files.get(&entry.path) {
            None => found.broken.push(format!("{} is missing", entry.path)),
            Some(bytes) if hex(&Sha256::digest(bytes)) != entry.sha256 || bytes.len() as u64 != entry.bytes => {
                found.broken.push(format!("{} was changed: its SHA-256 is another", entry.path));
            }
            Some(_) => found.files += 1,
        }
    }
    for name in names {
        found.broken.push(format!("{name} was added: the manifest does not list it"));
    }
    if found.broken.len() == before {
        found.proved.push(format!("all {} files are as they were signed", found.files));
    }
}

fn recomputed(files: &BTreeMap<String, Vec<u8>>, found: &mut Verified) {
    match record(files).and_then(|record| check(&record, files, found)) {
        Ok(()) => {}
        Err(error) => found.broken.push(format!("the result cannot be computed again: {error}")),
    }
}

fn check(record: &Record, files: &BTreeMap<String, Vec<u8>>, found: &mut Verified) -> Result<(), Error> {
    let manifest = &record.info.manifest;
    if files.get("sample.json").is_some_and(|bytes| *bytes != manifest.to_bytes()) {
        found.broken.push("sample.json is not the sample of info.json".to_owned());
    }
    let mut again = sample::draw(&record.bank, &manifest.seed, &manifest.scope, &manifest.draws)?;
    // The hash is over the files as they were laid out; here they are laid out anew.
    again.banks.clone_from(&manifest.banks);
    match again == *manifest {
        true => found.proved.push(format!(
            "the sample was drawn again from the bank with the seed {:?}: the same questions",
            manifest.seed
        )),
        false => found.broken.push("drawing again with the same seed gives another sample".to_owned()),
    }
    let result = conclude(record)?;
    if !record.decisions.is_empty() {
        found.proved.push(format!("the chain of {} decisions is whole", record.decisions.len()));
    }
    let stated: Assessment = json(files, "assessment.json")?;
    match serde_json::to_value(&result).ok() == serde_json::to_value(&stated).ok() {
        true => found.proved.push(format!(
            "the result was computed again from {} answers and {} decisions: the same figures",
            record.answers.len(),
            record.decisions.len()
        )),
        false => found.broken.push(format!(
            "assessment.json is not what follows from the answers and decisions (it was made by version {})",
            stated.version
        )),
    }
    Ok(())
}

fn record(files: &BTreeMap<String, Vec<u8>>) -> Result<Record, Error> {
    let info: Info = json(files, "info.json")?;
    let declarations: Declarations = json(files, "declarations.json")?;
    let guided: Vec<GuidedRow> = json(files, "guided.json")?;
    let answers: Vec<(String, i64, Answer)> = rows(files, "answers.jsonl")?;
    let decisions: Vec<DecisionRow> = rows(files, "decisions.jsonl")?;
    let bank = files.iter().filter_map(|(name, bytes)| Some((name.strip_prefix("bank/")?.into(), bytes.clone())));
    Ok(Record {
        answers: answers.into_iter().map(|(key, at, answer)| (key, (at, answer))).collect(),
        decisions,
        declarations,
        bank: Bank::of_files("bank/", bank.collect())?,
        sets: json(files, "reliability.json")?,
        guided,
        info,
    })
}

fn json<T: DeserializeOwned>(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Result<T, Error> {
    let bytes = files.get(name).ok_or_else(|| not_a_bundle(&format!("it has no {name}")))?;
    serde_json::from_slice(bytes).map_err(|e| Error::data(name, e.to_string()))
}

fn rows<T: DeserializeOwned>(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Result<Vec<T>, Error> {
    let bytes = files.get(name).ok_or_else(|| not_a_bundle(&format!("it has no {name}")))?;
    let text = std::str::from_utf8(bytes).map_err(|e| Error::data(name, e.to_string()))?;
    let row = |(i, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| Error::data(name, format!("line {}: {e}", i + 1)))
    };
    text.lines().enumerate().map(row).collect()
}
