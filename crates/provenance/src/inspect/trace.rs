//! Signs of generation in a file other than the label of GB 45438-2025: metadata of generators, declared source types,
//! explicit labels in texts, invisible marks (the Measures for Labelling, article 6 (3): "other traces").
//!
//! What counts is data ([`Markers`]). Files are read where metadata stands and, for texts, through a window; what is
//! damaged is read as far as it goes. C2PA manifests ([`crate::c2pa`]) count where they say that the content is generated; nothing of
//! them is verified.

mod document;
mod field;
mod markers;
mod movie;
mod packet;
mod picture;
mod sound;
mod words;

#[cfg(test)]
mod tests;

pub use markers::{Kind, Marker, Markers, Match};

use super::Trace;
use crate::carrier::{Carrier, Input};
use crate::{Error, c2pa};
use field::Finder;

/// The traces of a file by the shipped list ([`Markers::shipped`]). Each says where it stands and what it is.
///
/// # Errors
/// When the file is damaged before anything was found.
pub fn traces(input: &mut dyn Input, carrier: &Carrier) -> Result<Vec<Trace>, Error> {
    traces_by(input, carrier, Markers::shipped(), &[])
}

/// The traces of a file by a list of the caller. `own` are wordings of explicit labels that the caller knows besides
/// those with the elements of clause 5.1.
///
/// # Errors
/// As [`traces`].
pub fn traces_by(
    input: &mut dyn Input,
    carrier: &Carrier,
    markers: &Markers,
    own: &[&str],
) -> Result<Vec<Trace>, Error> {
    let mut finder = Finder::new(carrier.id, markers, own);
    let end = match carrier.id {
        "jpeg" => picture::jpeg(input, &mut finder),
        "png" => picture::png(input, &mut finder),
        "webp" => picture::webp(input, &mut finder),
        "tiff" => picture::tiff(input, &mut finder),
        "gif" => picture::gif(input, &mut finder),
        "heif" => picture::heif(input, &mut finder),
        "mp3" => sound::mp3(input, &mut finder),
        "wav" | "avi" => sound::riff(input, &mut finder),
        "flac" => sound::flac(input, &mut finder),
        "ogg" => sound::ogg(input, &mut finder),
        "mp4" | "m4a" => movie::mp4(input, &mut finder),
        "matroska" => movie::matroska(input, &mut finder),
        "ooxml" => document::office(input, &mut finder),
        "epub" => document::epub(input, &mut finder),
        "ofd" => document::ofd(input, &mut finder),
        "pdf" => document::pdf(input, &mut finder),
        "html" => words::html(input, &mut finder),
        "markdown" | "text" => words::text(input, &mut finder),
        // FLV holds nothing that is listed.
        _ => Ok(()),
    };
    let mut traces = finder.answer(end)?;
    // A manifest that cannot be read says nothing.
    if let Ok(Some(manifest)) = c2pa::find(input) {
        traces.extend(manifest.trace());
    }
    Ok(traces)
}
