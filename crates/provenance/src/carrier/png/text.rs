//! The chunks of text of PNG (§11.3.3): `tEXt`, `zTXt`, `iTXt`.

use std::io::{Read, Write};

use super::super::edit::MOST_METADATA;

/// The keyword of an XMP packet.
pub(super) const KEYWORD_XMP: &[u8] = b"XML:com.adobe.xmp";
/// Keywords under which ImageMagick keeps whole blocks, written in hexadecimal.
const PROFILES: [&[u8]; 4] =
    [b"Raw profile type xmp", b"Raw profile type exif", b"Raw profile type APP1", b"Raw profile type iptc"];

/// A text unpacks to more than metadata should be.
pub(super) struct TooLong;

/// A chunk of text.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) kind: [u8; 4],
    pub(super) keyword: Vec<u8>,
    /// What stands between the keyword and the text.
    between: Vec<u8>,
    /// Whether the text is compressed.
    pub(super) packed: bool,
    /// The text, unpacked.
    pub(super) text: Vec<u8>,
}

impl Text {
    /// Reads a chunk; nothing when it is none of sense.
    ///
    /// `unpacked` grows by what was unpacked, whether that made sense or not.
    pub(super) fn read(kind: [u8; 4], data: &[u8], unpacked: &mut u64) -> Option<Result<Self, TooLong>> {
        let end = memchr::memchr(0, data.get(..data.len().min(200))?)?;
        let keyword = data.get(..end)?.to_vec();
        let rest = data.get(end + 1..)?;
        let (between, packed) = match &kind {
            b"tEXt" => (0, false),
            b"zTXt" => (1, true),
            _ => {
                let language = 2 + memchr::memchr(0, rest.get(2..)?)?;
                let translated = language + 1 + memchr::memchr(0, rest.get(language + 1..)?)?;
                (translated + 1, rest.first() == Some(&1))
            }
        };
        let (between, text) = rest.split_at_checked(between)?;
        let between = between.to_vec();
        let text = if packed {
            let mut plain = Vec::new();
            let read = flate2::read::ZlibDecoder::new(text).take(MOST_METADATA + 1).read_to_end(&mut plain);
            *unpacked = unpacked.saturating_add(plain.len() as u64);
            if plain.len() as u64 > MOST_METADATA {
                return Some(Err(TooLong));
            }
            // A text that does not unpack says nothing to anyone.
            read.ok()?;
            plain
        } else {
            text.to_vec()
        };
        Some(Ok(Self { kind, keyword, between, packed, text }))
    }

    /// The chunk's data with another text.
    pub(super) fn encode(&self, text: &[u8]) -> Vec<u8> {
        let mut data = [self.keyword.as_slice(), &[0], &self.between].concat();
        if self.packed {
            let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            // Writing to memory does not fail.
            let packed = packer.write_all(text).and_then(|()| packer.finish());
            data.extend(packed.unwrap_or_default());
        } else {
            data.extend_from_slice(text);
        }
        data
    }

    pub(super) fn is_xmp(&self) -> bool {
        self.keyword == KEYWORD_XMP
    }

    /// The keyword as a place is named.
    pub(super) fn shown_keyword(&self) -> String {
        // Latin-1.
        self.keyword.iter().map(|byte| char::from(*byte)).filter(|c| !c.is_control()).collect()
    }

    /// The bytes of a profile: a name, a length, then hexadecimal digits in lines.
    pub(super) fn profile(&self) -> Option<Vec<u8>> {
        if !PROFILES.contains(&self.keyword.as_slice()) {
            return None;
        }
        let digits = self.text.get(self.digits_at()?..)?;
        let digits: Vec<u8> = digits
            .iter()
            .filter_map(|digit| char::from(*digit).to_digit(16))
            .filter_map(|n| u8::try_from(n).ok())
            .collect();
        Some(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect())
    }

    /// The text of a profile with other bytes, as many as before.
    pub(super) fn profile_of(&self, bytes: &[u8]) -> Vec<u8> {
        let mut text = self.text.clone();
        let mut digits = bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes());
        let from = self.digits_at().unwrap_or(text.len());
        for place in text.iter_mut().skip(from).filter(|byte| byte.is_ascii_hexdigit()) {
            if let Some(digit) = digits.next() {
                *place = digit;
            }
        }
        text
    }

    /// Behind the third end of a line: one before the name, one behind it, one behind the length.
    fn digits_at(&self) -> Option<usize> {
        memchr::memchr_iter(b'\n', &self.text).nth(2).map(|at| at + 1)
    }
}
