//! `menshen label add`: the implicit label, and an explicit one where it is wanted.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_provenance::c2pa;
use menshen_provenance::label::{Aigc, Kind, ProviderCode};
use menshen_provenance::security::{self, Signer, Slot};

use super::explicit::Explicit;
use super::file::{cannot, named, open, put};
use super::print;
use crate::exit;

/// Write labels.
#[derive(Args)]
pub struct Add {
    /// The provider's 27-character code (TC260-PG-20252A), or a name without spaces and Chinese characters
    #[arg(long, value_name = "CODE")]
    producer: String,
    /// The producer's unique number of the content; of several files each gets it with -1, -2 …
    #[arg(long, value_name = "ID")]
    produce_id: String,
    /// 1 is generated, 2 possibly, 3 suspected
    #[arg(long, default_value = "1", value_name = "1|2|3")]
    label: String,
    /// Sign the label with this SM2 private key (PEM), SM3withSM2 after TC260-PG-202511A
    #[arg(long, value_name = "PEM")]
    sign_key: Option<PathBuf>,
    /// Under which number verifiers know the public key
    #[arg(long, value_name = "ID", default_value = "1", requires = "sign_key")]
    key_id: String,
    #[command(flatten)]
    explicit: Explicit,
    /// Where to write, for one file; without it files are replaced, each in one step
    #[arg(short, long, value_name = "OUT")]
    out: Option<PathBuf>,
    /// The files
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Labels files: 0 when all were, 2 when some could not be.
pub(super) fn run(args: &Add) -> Result<ExitCode> {
    if args.out.is_some() && args.files.len() > 1 {
        return Err(exit::usage("-o names one file; label several in place, or one by one"));
    }
    if ProviderCode::looks_like(&args.producer) {
        ProviderCode::parse(&args.producer).map_err(|e| exit::usage(e.to_string()))?;
    }
    let kind = Kind::of(&args.label).ok_or_else(|| exit::usage(format!("--label {}: write 1, 2 or 3", args.label)))?;
    let signer = args.sign_key.as_deref().map(signer).transpose()?;
    let mut failed = false;
    for (i, path) in args.files.iter().enumerate() {
        // Every content has a number of its own.
        let id = if args.files.len() > 1 { format!("{}-{}", args.produce_id, i + 1) } else { args.produce_id.clone() };
        let aigc = Aigc::generated(&args.producer, &id, kind).and_then(|aigc| match &signer {
            Some(signer) => security::sign(&aigc, Slot::Producer, signer, &args.key_id),
            None => Ok(aigc),
        });
        let aigc = aigc.map_err(|e| exit::usage(e.to_string()))?;
        match one(args, path, &aigc) {
            Ok((format, done)) => print(&format!("{}: {format} label {id}{done}", named(path)))?,
            Err(error) => {
                failed = true;
                let _ = writeln!(std::io::stderr(), "menshen: {error:#}");
            }
        }
    }
    Ok(if failed { ExitCode::from(exit::USAGE) } else { ExitCode::SUCCESS })
}

fn signer(path: &Path) -> Result<Signer> {
    let pem = std::fs::read_to_string(path).map_err(|e| cannot(path, e))?;
    Signer::from_pem(&pem).map_err(|e| cannot(path, e))
}

/// Labels one file. The explicit label goes into a copy, the implicit one into what takes the file's place, so that at any
/// moment the file is the old one or the labelled one.
fn one(args: &Add, path: &Path, aigc: &Aigc) -> Result<(&'static str, String)> {
    let (mut file, carrier) = open(path)?;
    // A damaged manifest is nobody's statement; the label is written all the same.
    if let Ok(Some(_)) = c2pa::find(&mut file) {
        let warning =
            "its C2PA manifest no longer fits once a label is written; sign it anew (menshen label c2pa sign)";
        let _ = writeln!(std::io::stderr(), "menshen: {}: {warning}", named(path));
    }
    drop(file);
    if !args.explicit.wanted() {
        put(path, args.out.as_deref(), carrier, aigc)?;
        return Ok((carrier.id, String::new()));
    }
    let place = args.out.as_deref().unwrap_or(path);
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let staged = tempfile::Builder::new()
        .prefix(".menshen-")
        .suffix(&path.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default())
        .tempfile_in(folder)
        .map_err(|e| cannot(folder, e))?;
    let done = args.explicit.write(path, staged.path())?;
    let about = std::fs::metadata(path).map_err(|e| cannot(path, e))?;
    std::fs::set_permissions(staged.path(), about.permissions()).map_err(|e| cannot(staged.path(), e))?;
    let out = std::fs::canonicalize(place).unwrap_or_else(|_| place.to_path_buf());
    put(staged.path(), Some(&out), carrier, aigc)?;
    Ok((carrier.id, format!("; {done}")))
}
