//! Files that a PDF is associated with (ISO 32000-2 §14.13), by what they are to it.

use super::super::Input;
use super::super::edit::Source;
use super::structure::Pdf;
use super::syntax::{Kind, Value};
use super::{FORMAT, readable};
use crate::Error;

/// Most associated files that are looked at.
const MOST_FILES: usize = 4_096;

/// The contents of the files in the catalogue's `/AF` whose `/AFRelationship` is `relationship`, each at most 16 MiB.
/// Encrypted files have none that can be read.
pub(crate) fn attached(input: &mut dyn Input, relationship: &str) -> Result<Vec<Vec<u8>>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let mut pdf = Pdf::open(&mut source)?;
    let trailer = pdf.trailer.clone();
    let Some(catalogue) = pdf.follow(&trailer, "Root")? else { return Ok(Vec::new()) };
    let Some(list) = pdf.follow(&catalogue, "AF")? else { return Ok(Vec::new()) };
    // One file may stand without a list.
    let files: Vec<Value> = match &list.value.kind {
        Kind::Array(files) => files.iter().take(MOST_FILES).cloned().collect(),
        _ => vec![list.value.clone()],
    };
    let mut found = Vec::new();
    for file in files {
        let Some(file) = pdf.resolved(&file, &list.bytes)? else { continue };
        let Some(kind) = pdf.follow(&file, "AFRelationship")? else { continue };
        if !kind.value.is_name(relationship) {
            continue;
        }
        let Some(embedded) = pdf.follow(&file, "EF")? else { continue };
        let stream = match pdf.follow(&embedded, "F")? {
            Some(stream) => Some(stream),
            None => pdf.follow(&embedded, "UF")?,
        };
        if let Some(stream) = stream {
            readable(&pdf)?;
            let stream = pdf.stream(&stream)?;
            found.push(pdf.content(&stream)?);
        }
    }
    Ok(found)
}
