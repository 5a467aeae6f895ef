//! Evidence snapshots: what the audit holds of an incident, sealed so that anybody can check it.
//!
//! A snapshot is a ZIP file. `records.jsonl` holds the records that fit the filter, each with its place and hash in the
//! chain and without any text; `chain.json` the head and what a proof of the whole chain said; `state.json` the packs, the
//! engine and the hash of the settings; `incident.json` the incident with its timeline. `manifest.json` lists every file with
//! its length and SHA-256, and `manifest.sig` holds an Ed25519 signature (RFC 8032) over it and the public key: as the
//! evidence bundles of assessments are sealed.

use std::io::{Cursor, Write as _};
use std::path::Path;

use menshen_store::{Filter, IncidentFolder, NewFile, Record};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;

use crate::api::admin::stored;
use crate::error::{Failure, GatewayError};
use crate::gateway::Gateway;

/// The file in the data folder that holds the signing key.
const KEY_FILE: &str = "evidence.key";
/// The most records of one snapshot.
pub const MOST_RECORDS: usize = 50_000;
const PAGE: u32 = 1000;

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn failed(what: &str, problem: impl std::fmt::Display) -> GatewayError {
    GatewayError::new(Failure::Internal, "the snapshot cannot be made; the log says why")
        .detail(format!("{what}: {problem}"))
}

/// The signing key in the data folder; made, for its owner's eyes only, when there is none.
fn key(dir: &Path) -> Result<Ed25519KeyPair, GatewayError> {
    let path = dir.join(KEY_FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let made = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new());
            let made = made.map_err(|_| failed("the signing key", "no randomness"))?;
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            {
                use std::os::unix::fs::OpenOptionsExt as _;
                options.mode(0o600);
            }
            let written = options.open(&path).and_then(|mut f| f.write_all(made.as_ref()).and_then(|()| f.sync_all()));
            written.map_err(|e| failed("writing the signing key", e))?;
            made.as_ref().to_vec()
        }
        Err(e) => return Err(failed("reading the signing key", e)),
    };
    Ed25519KeyPair::from_pkcs8(&bytes)
        .map_err(|_| failed("the signing key", "evidence.key holds none; move it away to make a new one"))
}

/// The incident as a snapshot keeps it.
fn incident(folder: &IncidentFolder) -> Value {
    let i = &folder.incident;
    json!({
        "id": i.id, "number": i.number, "title": i.title, "drill": i.drill, "class": i.class, "grade": i.grade,
        "answers": i.answers, "reasons": i.reasons, "aware_us": i.aware_us, "occurred_us": i.occurred_us,
        "timeline": folder.events.iter().map(|e| json!({
            "seq": e.seq, "at_us": e.at_us, "by": e.by, "kind": e.kind, "detail": e.detail,
        })).collect::<Vec<_>>(),
    })
}

/// Makes a snapshot of the records that fit.
///
/// # Errors
/// When more than [`MOST_RECORDS`] fit, when the audit cannot be read, or the signing key cannot be made.
pub async fn snapshot(
    gateway: &Gateway,
    folder: &IncidentFolder,
    filter: &Filter,
    now_us: i64,
) -> Result<NewFile, GatewayError> {
    // Proved first: what the snapshot holds is then within what was proved, or newer.
    let report = stored(gateway.store.verify().await)?;
    let head = stored(gateway.store.archive().head())?;
    let mut records: Vec<Record> = Vec::new();
    let mut before = None;
    loop {
        let page = stored(gateway.store.records(filter, before, PAGE).await)?;
        let Some(last) = page.last() else { break };
        before = Some(last.seq);
        records.extend(page);
        if records.len() > MOST_RECORDS {
            return Err(GatewayError::new(
                Failure::InvalidRequest,
                format!("more than {MOST_RECORDS} records fit; narrow the time or the filter"),
            ));
        }
    }
    records.reverse();
    let config = serde_json::to_vec(&gateway.config).map_err(|e| failed("the settings", e))?;
    let snapshot = gateway.guard.snapshot();
    let state = json!({
        "program": env!("CARGO_PKG_VERSION"), "packs": snapshot.versions, "engine": snapshot.engine.id(),
        "settings_sha256": hex(&Sha256::digest(&config)), "made": super::draft::moment(now_us),
    });
    let chain = json!({
        "whole": report.is_whole(), "rows": report.rows, "first": report.first, "last": report.last, "sealed": report.sealed,
        "broken": report.broken.as_ref().map(ToString::to_string),
        "head": head.map(|h| json!({"seq": h.seq, "hash": hex(&h.hash)})),
        "filter": {"from_us": filter.from_us, "to_us": filter.to_us, "tenant": filter.tenant, "app": filter.app,
            "user": filter.user, "outcome": filter.outcome, "action": filter.action, "kind": filter.kind},
        "records": records.len(),
    });
    let mut lines = Vec::new();
    for record in &records {
        serde_json::to_writer(&mut lines, record).map_err(|e| failed("a record", e))?;
        lines.push(b'\n');
    }
    let files = vec![
        ("chain.json", pretty(&chain)),
        ("incident.json", pretty(&incident(folder))),
        ("records.jsonl", lines),
        ("state.json", pretty(&state)),
    ];
    let key = key(&gateway.config.data_dir)?;
    let bytes = sealed(&folder.incident.id, &files, &key).map_err(|e| failed("the archive", e))?;
    Ok(NewFile {
        name: format!(
            "incident-{}-{}.zip",
            folder.incident.number,
            super::draft::moment(now_us).replace([':', '-'], "")
        ),
        sha256: hex(&Sha256::digest(&bytes)),
        records: i64::try_from(records.len()).unwrap_or(i64::MAX),
        bytes,
    })
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut text = format!("{value:#}").into_bytes();
    text.push(b'\n');
    text
}

fn sealed(incident: &str, files: &[(&str, Vec<u8>)], key: &Ed25519KeyPair) -> Result<Vec<u8>, zip::result::ZipError> {
    let listed: Vec<Value> = files
        .iter()
        .map(|(path, bytes)| json!({"path": path, "bytes": bytes.len(), "sha256": hex(&Sha256::digest(bytes))}))
        .collect();
    let made_by = format!("menshen {}", env!("CARGO_PKG_VERSION"));
    let manifest = pretty(&json!({"version": 1, "incident": incident, "made_by": made_by, "files": listed}));
    let seal = pretty(&json!({
        "algorithm": "Ed25519", "public_key": hex(key.public_key().as_ref()), "signature": hex(key.sign(&manifest).as_ref()),
    }));
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let all = files.iter().map(|(path, bytes)| (*path, bytes.as_slice()));
    for (path, bytes) in all.chain([("manifest.json", manifest.as_slice()), ("manifest.sig", seal.as_slice())]) {
        zip.start_file(path, options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Checks the seal of a snapshot and every file in it; gives the public key, which the reader compares with the one they know.
///
/// # Errors
/// A sentence that says what does not fit.
pub fn verify(bytes: &[u8]) -> Result<String, String> {
    use std::io::Read as _;
    /// The most bytes of one file, unpacked: an archive must not fill the memory.
    const MOST: u64 = 256 << 20;
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| format!("this is no snapshot: {e}"))?;
    let mut read = |path: &str| -> Result<Vec<u8>, String> {
        let file = zip.by_name(path).map_err(|e| format!("{path}: {e}"))?;
        let mut bytes = Vec::new();
        file.take(MOST + 1).read_to_end(&mut bytes).map_err(|e| format!("{path}: {e}"))?;
        if bytes.len() as u64 > MOST { Err(format!("{path} is too large")) } else { Ok(bytes) }
    };
    let manifest = read("manifest.json")?;
    let seal: Value = serde_json::from_slice(&read("manifest.sig")?).map_err(|e| format!("manifest.sig: {e}"))?;
    let part = |name: &str| {
        let text = seal.get(name).and_then(Value::as_str).unwrap_or_default();
        data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| format!("manifest.sig: {name} is not hexadecimal"))
    };
    let public = part("public_key")?;
    let signed = UnparsedPublicKey::new(&ED25519, &public).verify(&manifest, &part("signature")?);
    signed.map_err(|_| "the signature does not fit the manifest: it was altered".to_owned())?;
    let manifest: Value = serde_json::from_slice(&manifest).map_err(|e| format!("manifest.json: {e}"))?;
    let listed = manifest.get("files").and_then(Value::as_array).ok_or("manifest.json lists no files")?;
    for file in listed {
        let path = file.get("path").and_then(Value::as_str).unwrap_or_default();
        if Some(hex(&Sha256::digest(read(path)?)).as_str()) != file.get("sha256").and_then(Value::as_str) {
            return Err(format!("{path} was altered"));
        }
    }
    if zip.len() != listed.len() + 2 {
        return Err("the archive holds files that the manifest does not list".to_owned());
    }
    Ok(hex(&public))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_verifies_and_what_was_altered_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let made = key(dir.path()).unwrap();
        let files = |text: &str| vec![("records.jsonl", text.as_bytes().to_vec()), ("chain.json", b"{}".to_vec())];
        let bytes = sealed("inc_1", &files("one\n"), &made).unwrap();
        let public = verify(&bytes).unwrap();
        // The key stays the same.
        assert_eq!(public, hex(key(dir.path()).unwrap().public_key().as_ref()));
        // The manifest of one and the files of another.
        let mut zip = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
        let mut forged = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for at in 0..zip.len() {
            use std::io::Read as _;
            let mut file = zip.by_index(at).unwrap();
            let (name, mut content) = (file.name().unwrap().into_owned(), Vec::new());
            file.read_to_end(&mut content).unwrap();
            if name == "records.jsonl" {
                content = b"two\n".to_vec();
            }
            forged.start_file(name, SimpleFileOptions::default()).unwrap();
            forged.write_all(&content).unwrap();
        }
        let refused = verify(&forged.finish().unwrap().into_inner()).unwrap_err();
        assert!(refused.contains("records.jsonl"), "{refused}");
        assert!(verify(b"no archive").is_err());
    }
}
