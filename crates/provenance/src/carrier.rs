//! Where a label stands in a file: one module a family of formats, one table of them all.
//!
//! A carrier knows bytes and nothing of what a label means: it finds what is written as `AIGC`, wherever writers put it,
//! and writes one value where the practice guides want it (TC260-PG-20257A … 202510A), keeping every other byte of
//! metadata and of content as it was.

use std::io::{BufReader, BufWriter, Read, Seek, Write};

use crate::{Error, label};

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

pub(crate) mod archive;
mod avi;
pub(crate) mod edit;
pub(crate) mod elements;
mod epub;
pub(crate) mod exif;
mod flac;
mod flv;
mod gif;
mod heif;
pub(crate) mod html;
pub(crate) mod id3;
mod jpeg;
mod loose;
pub(crate) mod markdown;
mod matroska;
pub(crate) mod media;
mod media_xmp;
mod mp3;
pub mod mp4;
mod ofd;
mod ogg;
mod ooxml;
pub(crate) mod pdf;
mod png;
pub(crate) mod riff;
mod text;
mod tiff;
mod vorbis;
pub(crate) mod wav;
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

/// Reads, writes and seeks: what a labelled copy is written to and read back from.
pub trait Output: Read + Write + Seek {}
impl<T: Read + Write + Seek> Output for T {}

/// How much is read and written at a time: little enough that the allocator keeps it, as fresh pages cost more than the copying.
const BUFFER: usize = 64 << 10;

/// The carrier of a file, which is left at its beginning. Texts are told apart by `ending` (without a dot).
///
/// # Errors
/// [`Error::UnknownFormat`], and when the file cannot be read.
pub fn sniff(mut input: &mut dyn Input, ending: &str) -> Result<&'static Carrier, Error> {
    let mut head = Vec::new();
    input.rewind()?;
    (&mut input).take(HEAD as u64).read_to_end(&mut head)?;
    input.rewind()?;
    of(&head, ending).ok_or(Error::UnknownFormat)
}

/// Copies a file with exactly one label into an empty output and reads it back: a label that cannot be read is none. The
/// format follows from the file's beginning and, for texts, from `ending` (without a dot).
///
/// # Errors
/// When the format is not known, and as [`Carrier::write`]; [`Error::Lost`] when the label cannot be read back. What the
/// output holds is then of no use.
pub fn put(
    input: &mut dyn Input,
    mut output: &mut dyn Output,
    ending: &str,
    value: &str,
) -> Result<&'static Carrier, Error> {
    let carrier = sniff(input, ending)?;
    let mut copy = BufWriter::with_capacity(BUFFER, &mut output);
    (carrier.write)(&mut BufReader::with_capacity(BUFFER, input), &mut copy, value)?;
    copy.flush()?;
    drop(copy);
    output.rewind()?;
    read_back(carrier, &mut BufReader::new(output))?;
    Ok(carrier)
}

/// Whether a file carries exactly one label that can be read.
///
/// # Errors
/// [`Error::Lost`] where it does not, and as [`Carrier::read`].
pub fn read_back(carrier: &Carrier, file: &mut dyn Input) -> Result<(), Error> {
    let found = (carrier.read)(file)?;
    let one = if let [one] = found.as_slice() { label::read(&one.value).is_some() } else { false };
    if one { Ok(()) } else { Err(Error::Lost { format: carrier.id, found: found.len() }) }
}

/// The carrier of a file with this beginning and this ending: what the bytes say wins over the name, and the name chooses
/// between formats that begin alike.
pub fn of(head: &[u8], ending: &str) -> Option<&'static Carrier> {
    let ending = ending.to_ascii_lowercase();
    let named = |c: &&Carrier| c.endings.contains(&ending.as_str());
    let alike: Vec<&'static Carrier> = ALL.iter().filter(|c| (c.sniff)(head)).collect();
    // Texts have no signature: only their name says what they are.
    alike.iter().find(|c| named(c)).or(alike.first()).copied().or_else(|| {
        // UTF-16 is full of zeroes, and says with its first two bytes that it is text.
        let utf16 = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
        let binary = head.contains(&0) && !utf16;
        ALL.iter().find(|c| c.kind == "text" && named(c)).filter(|_| !binary)
    })
}
