//! `menshen label c2pa`: Content Credentials beside the label. Reading needs nothing; verifying and signing need a build
//! with the feature `c2pa`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use menshen_provenance::c2pa::{self, Generator, Manifest};
use serde_json::{Value, json};

use super::super::{print, table};
use super::file::{cannot, named, open, plain};
use crate::exit;

/// What is done with Content Credentials.
#[derive(Subcommand)]
pub enum C2paOf {
    /// Say what the manifests of files say; verified where this build can (feature c2pa)
    Read(Read),
    /// Sign a file: the label first, credentials after it (needs a build with the feature c2pa)
    Sign(Sign),
}

/// Read credentials.
#[derive(Args)]
pub struct Read {
    /// One JSON document
    #[arg(long)]
    json: bool,
    /// Certificates of authorities that are trusted (PEM); without them nothing is more than valid
    #[arg(long, value_name = "PEM")]
    anchors: Option<PathBuf>,
    /// The files
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Sign a file.
#[derive(Args)]
pub struct Sign {
    /// The signer's certificate, then those that lead to the authority (PEM)
    #[arg(long, value_name = "CHAIN.pem")]
    cert: PathBuf,
    /// Its private key (PKCS #8, PEM)
    #[arg(long, value_name = "KEY.pem")]
    key: PathBuf,
    /// es256, es384, es512, ps256, ps384, ps512 or ed25519
    #[arg(long, value_name = "ALG")]
    alg: String,
    /// Where to write
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// The file
    file: PathBuf,
}

/// Runs a command on credentials.
pub(super) fn run(of: &C2paOf) -> Result<ExitCode> {
    match of {
        C2paOf::Read(args) => read(args),
        C2paOf::Sign(args) => sign(args),
    }
}

fn read(args: &Read) -> Result<ExitCode> {
    if args.anchors.is_some() && !cfg!(feature = "c2pa") {
        return Err(without());
    }
    let anchors = match &args.anchors {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|e| cannot(path, e))?),
        None => None,
    };
    let mut documents = Vec::new();
    let mut lines = table(&["file", "generator", "generated", "actions", "verified"]);
    let mut all = true;
    for path in &args.files {
        let one = open(path).and_then(|(mut file, _)| {
            let found = c2pa::find(&mut file).map_err(|e| cannot(path, e))?;
            let verified = match &found {
                Some(_) => verified(path, anchors.as_deref())?,
                None => Value::Null,
            };
            Ok((found, verified))
        });
        let (found, verified) = match one {
            Ok(read) => read,
            Err(error) => {
                all = false;
                let _ = writeln!(std::io::stderr(), "menshen: {error:#}");
                continue;
            }
        };
        if let Some(manifest) = &found {
            let actions: Vec<&str> = manifest.actions.iter().map(|a| a.action.as_str()).collect();
            let generated = if manifest.generated { "yes" } else { "no" };
            let state = verified["state"].as_str().unwrap_or("not verified");
            let name = manifest.generator.as_ref().map_or("", |g| g.name.as_str());
            lines.add_row([
                named(path),
                plain(name),
                generated.to_owned(),
                plain(&actions.join(" ")),
                state.to_owned(),
            ]);
        }
        documents.push(json!({"file": path.display().to_string(), "manifest": found.as_ref().map(shown),
            "validation": verified}));
    }
    print(&if args.json { serde_json::to_string(&documents)? } else { lines.to_string() })?;
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(exit::USAGE) })
}

fn generator(of: Option<&Generator>) -> Value {
    of.map_or(Value::Null, |g| json!({"name": g.name, "version": g.version}))
}

fn label(of: Option<&String>) -> Value {
    of.and_then(|label| serde_json::from_str(label).ok()).unwrap_or_default()
}

fn shown(manifest: &Manifest) -> Value {
    let action =
        |a: &c2pa::Action| json!({"action": a.action, "source": a.digital_source_type, "software": a.software});
    json!({
        "label": manifest.label, "generator": generator(manifest.generator.as_ref()), "title": manifest.title,
        "generated": manifest.generated, "aigc": label(manifest.aigc.as_ref()),
        "actions": manifest.actions.iter().map(action).collect::<Vec<_>>(), "manifests": manifest.manifests,
        "unread": manifest.unread,
    })
}

#[cfg(not(feature = "c2pa"))]
fn verified(_path: &Path, _anchors: Option<&str>) -> Result<Value> {
    Ok(Value::Null)
}

#[cfg(not(feature = "c2pa"))]
fn sign(args: &Sign) -> Result<ExitCode> {
    let Sign { cert: _, key: _, alg: _, out: _, file: _ } = args;
    Err(without())
}

fn without() -> anyhow::Error {
    exit::usage("this build does not verify or sign Content Credentials; build it with --features c2pa")
}

#[cfg(feature = "c2pa")]
fn ending(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase()
}

#[cfg(feature = "c2pa")]
fn validation(of: &c2pa::signed::Validation) -> Value {
    json!({
        "state": of.state.id(), "failures": of.failures().collect::<Vec<_>>(), "label": of.label,
        "generator": generator(of.generator.as_ref()), "generated": of.generated, "aigc": label(of.aigc.as_ref()),
        "issuer": of.issuer, "common_name": of.common_name,
    })
}

#[cfg(feature = "c2pa")]
fn verified(path: &Path, anchors: Option<&str>) -> Result<Value> {
    let (mut file, _) = open(path)?;
    let found = c2pa::signed::verify(&mut file, &ending(path), anchors).map_err(|e| cannot(path, e))?;
    Ok(found.as_ref().map_or(Value::Null, validation))
}

#[cfg(feature = "c2pa")]
fn sign(args: &Sign) -> Result<ExitCode> {
    use menshen_provenance::c2pa::signed::{self, Algorithm, Claim, Credentials};
    let path = &args.file;
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|e| cannot(path, e));
    let algorithm = Algorithm::from_id(&args.alg).ok_or_else(|| {
        exit::usage(format!("--alg {}: write es256, es384, es512, ps256, ps384, ps512 or ed25519", args.alg))
    })?;
    let credentials = Credentials { cert_chain_pem: read(&args.cert)?, key_pem: read(&args.key)?, algorithm };
    let (mut file, carrier) = open(path)?;
    let labels = (carrier.read)(&mut file).map_err(|e| cannot(path, e))?;
    let claim = Claim {
        title: path.file_name().map(|name| name.to_string_lossy().into_owned()),
        generator: Generator { name: "Menshen".into(), version: Some(env!("CARGO_PKG_VERSION").into()) },
        digital_source_type: signed::GENERATED.into(),
        aigc: labels.into_iter().next().map(|label| label.value),
    };
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(folder).map_err(|e| cannot(folder, e))?;
    let made = signed::sign(&mut file, fresh.as_file_mut(), &ending(path), &credentials, &claim)
        .map_err(|e| cannot(path, e))?;
    let about = std::fs::metadata(path).map_err(|e| cannot(path, e))?;
    fresh.as_file().set_permissions(about.permissions()).map_err(|e| cannot(&args.out, e))?;
    fresh.persist(&args.out).map_err(|e| cannot(&args.out, e.error))?;
    print(&serde_json::to_string(&json!({"file": args.out.display().to_string(), "validation": validation(&made)}))?)?;
    Ok(ExitCode::SUCCESS)
}
