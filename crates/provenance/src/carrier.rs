//! Where a label stands in a file: one module a family of formats, one table of them all.
//!
//! A carrier knows bytes and nothing of what a label means: it finds what is written as `AIGC`, wherever writers put it,
//! and writes one value where the practice guides want it (TC260-PG-20257A … 202510A), keeping every other byte of
//! metadata and of content as it was.

use std::io::{Read, Seek, Write};

use crate::Error;

/// Reads and seeks.
pub trait Input: Read + Seek {}
impl<T: Read + Seek> Input for T {}

/// Something in a file that may be a label, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where: such as `png:iTXt XML:com.adobe.xmp TC260:AIGC`, `jpeg:exif UserComment`. Stable words; they are documented.
    pub place: String,
    /// Whether the guides name this place for this format.
    pub by_the_book: bool,
    /// The value with the container's escapes undone: mostly the JSON of the label.
    pub value: String,
    /// Bytes from the beginning of the file, where known.
    pub offset: Option<u64>,
}

/// A family of formats.
#[derive(Debug, Clone, Copy)]
pub struct Carrier {
    /// Such as `jpeg`, `png`, `mp4`.
    pub id: &'static str,
    /// `image`, `audio`, `video`, `document`, `text`.
    pub kind: &'static str,
    /// Endings that files of it have.
    pub endings: &'static [&'static str],
    /// Whether a file with this beginning (up to 4 KiB) is one. Formats without a signature (text) answer false and are
    /// chosen by their ending.
    pub sniff: fn(&[u8]) -> bool,
    /// Everything in the file that may be a label. Reads what it needs, never the whole of a large file.
    ///
    /// # Errors
    /// When the file is damaged where the format's structure stands.
    pub read: fn(&mut dyn Input) -> Result<Vec<Found>, Error>,
    /// Copies the file with exactly one label: `value` at the place of the guides, every other label of ours or others
    /// (all that [`Carrier::read`] finds) taken out. Everything else stays byte for byte, where the format lets it. Memory
    /// is constant: content is streamed.
    ///
    /// # Errors
    /// When the file is damaged, encrypted or of a variant that cannot be rewritten safely; then nothing of use was
    /// written.
    pub write: fn(&mut dyn Input, &mut dyn Write, &str) -> Result<(), Error>,
}

mod archive;
mod avi;
mod edit;
mod elements;
mod epub;
mod exif;
mod flac;
mod flv;
mod gif;
mod heif;
mod html;
mod id3;
mod jpeg;
mod loose;
pub(crate) mod markdown;
mod matroska;
mod media;
mod media_xmp;
mod mp3;
pub mod mp4;
mod ofd;
mod ogg;
mod ooxml;
mod pdf;
mod png;
mod riff;
mod text;
mod tiff;
mod vorbis;
mod wav;
mod webp;
mod xmp;

/// So many bytes of a file's beginning tell its format.
pub const HEAD: usize = 4_096;

/// Every carrier.
pub const ALL: &[Carrier] = &[
    jpeg::NAME,
    png::NAME,
    webp::NAME,
    gif::NAME,
    tiff::NAME,
    heif::NAME,
    mp3::MP3,
    wav::WAV,
    flac::FLAC,
    ogg::OGG,
    mp4::M4A,
    mp4::MP4,
    matroska::MATROSKA,
    avi::AVI,
    flv::FLV,
    ooxml::OOXML,
    epub::EPUB,
    ofd::OFD,
    pdf::PDF,
    markdown::MARKDOWN,
    html::HTML,
    text::TEXT,
];

/// The carrier of a file with this beginning and this ending: what the bytes say wins over the name, and the name chooses
/// between formats that begin alike.
pub fn of(head: &[u8], ending: &str) -> Option<&'static Carrier> {
    let ending = ending.to_ascii_lowercase();
    let named = |c: &&Carrier| c.endings.contains(&ending.as_str());
    let alike: Vec<&'static Carrier> = ALL.iter().filter(|c| (c.sniff)(head)).collect();
    // Texts have no signature: only their name says what they are.
    alike.iter().find(|c| named(c)).or(alike.first()).copied().or_else(|| {
        let binary = head.contains(&0);
        ALL.iter().find(|c| c.kind == "text" && named(c)).filter(|_| !binary)
    })
}
