//! Watermarks in the pixels of pictures.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_provenance::raster::Limits;
use menshen_provenance::watermark::image::{Search, USUAL_STRENGTH};
use menshen_provenance::watermark::{Secret, picture};
use serde_json::json;

use crate::commands::label::file::{cannot, named, open, replace};
use crate::commands::{print, table};
use crate::exit;

/// The largest picture file.
const LARGEST: u64 = 256 << 20;

/// Put 64 bits into the pixels of a picture.
#[derive(Args)]
pub struct Embed {
    /// The secret (hexadecimal)
    #[arg(long, value_name = "FILE")]
    pub(super) key: PathBuf,
    /// What the mark says: 16 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    payload: String,
    /// How strong, about 1 to 6: stronger marks survive more and are seen sooner
    #[arg(long, default_value_t = USUAL_STRENGTH)]
    strength: f32,
    /// Where to write
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// The picture: JPEG, PNG, WebP or TIFF, 256 pixels or more a side
    file: PathBuf,
}

/// Look for the mark of a picture.
#[derive(Args)]
pub struct Read {
    /// The secret (hexadecimal)
    #[arg(long, value_name = "FILE")]
    pub(super) key: PathBuf,
    /// Look at every scale from 0.4 to 2, which takes seconds a picture
    #[arg(long)]
    wide: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
    /// The pictures
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

fn whole(path: &std::path::Path) -> Result<Vec<u8>> {
    let (file, _) = open(path)?;
    if file.metadata().map_err(|e| cannot(path, e))?.len() > LARGEST {
        return Err(cannot(path, format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    std::fs::read(path).map_err(|e| cannot(path, e))
}

pub(super) fn embed(args: &Embed, secret: &Secret) -> Result<ExitCode> {
    let payload = Some(args.payload.as_str()).filter(|digits| digits.len() == 16);
    let payload = payload
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| exit::usage("--payload is 16 hexadecimal digits"))?;
    let file = whole(&args.file)?;
    let limits = Limits::default();
    let marked =
        picture::embed_file(&file, payload, secret, args.strength, &limits).map_err(|e| cannot(&args.file, e))?;
    // A mark that is not found again is none.
    let found = picture::read_file(&marked, secret, Search::Scale(1.0), &limits).map_err(|e| cannot(&args.file, e))?;
    if found.is_none_or(|mark| mark.payload != payload) {
        let problem = "the mark cannot be read back: the picture is too plain or too small; try a higher --strength";
        return Err(cannot(&args.file, problem));
    }
    replace(&args.file, Some(&args.out), |_, out| Ok(out.write_all(&marked)?), |_| Ok(()))?;
    print(&format!("{}: {payload:016x}", args.out.display()))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn read(args: &Read, secret: &Secret) -> Result<ExitCode> {
    let search = if args.wide { Search::Wide } else { Search::Usual };
    let mut documents = Vec::new();
    let mut lines = table(&["file", "payload", "scale", "corrected bits"]);
    let mut bare = false;
    for path in &args.files {
        let found =
            picture::read_file(&whole(path)?, secret, search, &Limits::default()).map_err(|e| cannot(path, e))?;
        let file = path.display().to_string();
        bare |= found.is_none();
        match &found {
            Some(mark) => {
                let (scale, corrected) = (format!("{:.3}", mark.scale), mark.corrected.to_string());
                lines.add_row([named(path).as_str(), &format!("{:016x}", mark.payload), &scale, &corrected]);
            }
            None => drop(lines.add_row([named(path).as_str(), "none", "", ""])),
        }
        documents
            .push(json!({"file": file, "mark": found.map(|mark| json!({"payload": format!("{:016x}", mark.payload),
            "scale": mark.scale, "clarity": mark.clarity, "corrected": mark.corrected}))}));
    }
    print(&if args.json { serde_json::to_string(&documents)? } else { lines.to_string() })?;
    Ok(if bare { ExitCode::from(exit::FOUND) } else { ExitCode::SUCCESS })
}
