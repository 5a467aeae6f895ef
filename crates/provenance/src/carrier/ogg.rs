//! Ogg: the field `AIGC` in the comment packet of Vorbis and Opus streams (TC260-PG-202510A), also of FLAC, Speex and
//! Theora in Ogg.
//!
//! The first sound stream carries the label; every other logical stream, also those that follow in a chain, loses its
//! labels and keeps everything else. Pages are only written anew where a comment packet stands, and renumbered behind it
//! when their count changed.
//!
//! Sources: RFC 3533 (Ogg), *Vorbis I specification* §4.2 and appendix A, RFC 7845 §5 (Opus), RFC 9639 §10.1 (FLAC in Ogg),
//! *Theora specification* §6.

use std::io::Write;

use super::media::{KEY, MOST_LABELS, Source, array, checked, few, le32};
use super::{Carrier, Found, Input, vorbis};
use crate::Error;

/// Ogg files.
pub const OGG: Carrier =
    Carrier { id: "ogg", kind: "audio", endings: &["ogg", "oga", "opus", "ogv", "spx", "ogx"], sniff, read, write };

const FORMAT: &str = "Ogg";
/// The longest headers of a stream that are read: covers are in them.
const LONGEST: usize = 12 << 20;
/// The most pages that headers stand on.
const MOST_PAGES: usize = 1 << 16;
/// The most logical streams of a file, chains included.
const MOST_STREAMS: usize = 4096;
/// The most streams whose headers are under way at once.
const MOST_OPEN: usize = 8;

fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"OggS\0")
}

/// A page: header with the table of segments, and where it stands.
struct Page {
    at: u64,
    header: Vec<u8>,
    body: u64,
}

impl Page {
    fn first(&self) -> bool {
        self.header.get(5).is_some_and(|flags| flags & 2 != 0)
    }

    fn granule(&self) -> u64 {
        array(&self.header, 6).map_or(0, u64::from_le_bytes)
    }

    fn serial(&self) -> u32 {
        le32(&self.header, 14).unwrap_or(0)
    }

    fn number(&self) -> u32 {
        le32(&self.header, 18).unwrap_or(0)
    }

    fn segments(&self) -> &[u8] {
        self.header.get(27..).unwrap_or_default()
    }

    fn end(&self) -> u64 {
        self.at + self.header.len() as u64 + self.body
    }
}

fn page(source: &mut Source<'_>, at: u64) -> Result<Page, Error> {
    let fixed: [u8; 27] = source.array(at)?;
    if !fixed.starts_with(b"OggS\0") {
        return Err(source.damaged(at, "no page of Ogg begins here"));
    }
    let count = usize::from(fixed[26]);
    let header = source.bytes(at, 27 + count)?.to_vec();
    let body = header.get(27..).unwrap_or_default().iter().map(|segment| u64::from(*segment)).sum();
    let page = Page { at, header, body };
    if page.end() > source.len() {
        return Err(source.damaged(at, "the last page is cut off"));
    }
    Ok(page)
}

/// What a stream holds, by its first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    Vorbis,
    Opus,
    Flac,
    Speex,
    Theora,
}

impl Codec {
    fn of(packet: &[u8]) -> Option<Self> {
        let all = [
            (b"\x01vorbis".as_slice(), Self::Vorbis),
            (b"OpusHead", Self::Opus),
            (b"\x7FFLAC", Self::Flac),
            (b"Speex   ", Self::Speex),
            (b"\x80theora", Self::Theora),
        ];
        all.into_iter().find(|(magic, _)| packet.starts_with(magic)).map(|(_, codec)| codec)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Vorbis => "vorbis",
            Self::Opus => "opus",
            Self::Flac => "flac",
            Self::Speex => "speex",
            Self::Theora => "theora",
        }
    }

    /// What stands before the list of fields in the second packet.
    fn magic(self) -> &'static [u8] {
        match self {
            Self::Vorbis => b"\x03vorbis",
            Self::Opus => b"OpusTags",
            Self::Theora => b"\x81theora",
            Self::Flac | Self::Speex => b"",
        }
    }

    /// The list of fields of a comment packet, and how long what stands before it is.
    fn list(self, packet: &[u8]) -> Option<(&[u8], usize)> {
        let before = match self {
            // A metadata block of FLAC with its header (RFC 9639 §10.1).
            Self::Flac if packet.first().is_some_and(|kind| kind & 0x7F == 4) => 4,
            Self::Flac => return None,
            _ => self.magic().len(),
        };
        packet.strip_prefix(self.magic()).map(|_| ())?;
        Some((packet.get(before..)?, before))
    }
}

/// Pages of a stream from the second on, until its comment packet is complete and a page ends with a packet.
struct Headers {
    serial: u32,
    codec: Codec,
    /// Whether the label is written here.
    chosen: bool,
    pages: Vec<Page>,
    data: Vec<u8>,
    /// Lengths of the packets that are complete.
    packets: Vec<usize>,
    /// Bytes of the one that is not.
    open: usize,
}

impl Headers {
    fn take(&mut self, source: &mut Source<'_>, page: Page) -> Result<bool, Error> {
        let start = page.at + page.header.len() as u64;
        let body = source.vec(start, page.body, LONGEST as u64)?;
        if checksum(&page.header, &body) != le32(&page.header, 22).unwrap_or(0) {
            return Err(source.damaged(page.at, "the checksum of a page with headers is wrong"));
        }
        // Pages may be empty: they hold nothing, and are held all the same.
        if self.data.len() + body.len() > LONGEST || self.pages.len() == MOST_PAGES {
            return Err(source.too_much(format!("headers of more than {LONGEST} bytes or {MOST_PAGES} pages")));
        }
        for segment in page.segments() {
            self.open += usize::from(*segment);
            if *segment < 255 {
                self.packets.push(self.open);
                self.open = 0;
            }
        }
        self.data.extend(body);
        let ends = page.segments().last().is_none_or(|last| *last < 255);
        self.pages.push(page);
        Ok(!self.packets.is_empty() && ends)
    }

    fn comment(&self) -> &[u8] {
        self.packets.first().and_then(|length| self.data.get(..*length)).unwrap_or_default()
    }

    /// The pages with the comments anew.
    fn rewritten(&self, source: &Source<'_>, value: &str) -> Result<Vec<Vec<u8>>, Error> {
        let at = self.pages.first().map_or(0, |page| page.at);
        let cut = || source.damaged(at, format!("the comments of a {} stream are cut off", self.codec.name()));
        let packet = self.comment();
        let (list, before) = self.codec.list(packet).ok_or_else(cut)?;
        let fresh = vorbis::rewritten(list, self.chosen.then_some(value)).ok_or_else(cut)?;
        let mut head = packet.get(..before).unwrap_or_default().to_vec();
        if self.codec == Codec::Flac {
            let size = u32::try_from(fresh.len()).unwrap_or(u32::MAX).to_be_bytes();
            head.splice(1..4, size.get(1..).unwrap_or_default().iter().copied());
        }
        // Sound in the pages of headers would get other times: RFC 7845 §3 and Vorbis A.2 forbid it.
        if self.pages.iter().any(|page| !matches!(page.granule(), 0 | u64::MAX)) {
            return Err(source.unsupported("sound and headers share a page, against the specification"));
        }
        let mut data = [head, fresh].concat();
        let mut packets = vec![data.len()];
        packets.extend(self.packets.iter().skip(1));
        data.extend_from_slice(self.data.get(packet.len()..).unwrap_or_default());
        Ok(self.paged(&data, &packets))
    }

    /// Packets in pages. As few as can be, but as many as before where the packets allow, so that no number changes.
    fn paged(&self, data: &[u8], packets: &[usize]) -> Vec<Vec<u8>> {
        let mut segments = Vec::new();
        for packet in packets {
            segments.extend(std::iter::repeat_n(255_u8, packet / 255));
            segments.push((packet % 255) as u8);
        }
        let least = segments.len().div_ceil(255);
        let count = self.pages.len().clamp(least, segments.len().max(1));
        let each = segments.len().div_ceil(count).clamp(1, 255);
        let mut pages = Vec::new();
        let mut rest = data;
        let mut number = self.pages.first().map_or(1, Page::number);
        let mut whole = true;
        for (at, part) in segments.chunks(each).enumerate() {
            let (body, behind) =
                rest.split_at(part.iter().map(|segment| usize::from(*segment)).sum::<usize>().min(rest.len()));
            rest = behind;
            let ends = part.iter().any(|segment| *segment < 255);
            let last = self.pages.last().filter(|_| (at + 1) * each >= segments.len());
            let end_of_stream = last.and_then(|page| page.header.get(5)).map_or(0, |flags| flags & 4);
            let mut page = b"OggS\0".to_vec();
            page.push(u8::from(!whole) | end_of_stream);
            page.extend(if ends { 0 } else { u64::MAX }.to_le_bytes());
            page.extend(self.serial.to_le_bytes());
            page.extend(number.to_le_bytes());
            page.extend([0; 4]);
            page.push(part.len() as u8);
            page.extend_from_slice(part);
            let sum = checksum(&page, body);
            page.splice(22..26, sum.to_le_bytes());
            page.extend_from_slice(body);
            pages.push(page);
            number = number.wrapping_add(1);
            whole = part.last().is_some_and(|segment| *segment < 255);
        }
        pages
    }
}

/// The checksum of a page, its own four bytes taken as zero (RFC 3533 §6: polynomial 0x04C11DB7, not reflected).
fn checksum(header: &[u8], body: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut value = (byte as u32) << 24;
            let mut bit = 0;
            while bit < 8 {
                value = if value >> 31 == 1 { 0x04C1_1DB7 ^ (value << 1) } else { value << 1 };
                bit += 1;
            }
            table[byte] = value;
            byte += 1;
        }
        table
    };
    let step = |sum: u32, byte: &u8| TABLE[usize::from((sum >> 24) as u8 ^ byte)] ^ (sum << 8);
    let sum = header.get(..22).unwrap_or_default().iter().fold(0, step);
    let sum = [0; 4].iter().fold(sum, step);
    let sum = header.get(26..).unwrap_or_default().iter().fold(sum, step);
    body.iter().fold(sum, step)
}

/// What is known of the streams on the way through a file.
#[derive(Default)]
struct Walk {
    open: Vec<Headers>,
    begun: usize,
    /// By how much the numbers of a stream's pages change.
    shifts: Vec<(u32, u32)>,
}

impl Walk {
    /// The first page of a stream. `chosen` says which stream of the file carries the label.
    fn begin(&mut self, source: &mut Source<'_>, page: &Page, chosen: Option<usize>) -> Result<(), Error> {
        let start = page.at + page.header.len() as u64;
        let length = usize::try_from(page.body).unwrap_or(0).min(16);
        let codec = Codec::of(source.bytes(start, length)?);
        if self.begun == MOST_STREAMS {
            return Err(source.too_much(format!("more than {MOST_STREAMS} streams")));
        }
        self.shifts.retain(|(serial, _)| *serial != page.serial());
        self.open.retain(|headers| headers.serial != page.serial());
        if let Some(codec) = codec {
            if self.open.len() == MOST_OPEN {
                return Err(source.too_much(format!("more than {MOST_OPEN} streams at once")));
            }
            let chosen = chosen == Some(self.begun);
            let (pages, data, packets) = (Vec::new(), Vec::new(), Vec::new());
            self.open.push(Headers { serial: page.serial(), codec, chosen, pages, data, packets, open: 0 });
        }
        self.begun += 1;
        Ok(())
    }

    /// A later page. Gives the headers of its stream when they are complete, and the page back when it is none of them.
    fn next(&mut self, source: &mut Source<'_>, page: Page) -> Result<(Option<Headers>, Option<Page>), Error> {
        let Some(at) = self.open.iter().position(|headers| headers.serial == page.serial()) else {
            return Ok((None, Some(page)));
        };
        let all: usize = self.open.iter().map(|headers| headers.data.len()).sum();
        if all > LONGEST {
            return Err(source.too_much(format!("headers of more than {LONGEST} bytes")));
        }
        let complete = self.open.get_mut(at).map_or(Ok(false), |headers| headers.take(source, page))?;
        Ok((complete.then(|| self.open.swap_remove(at)), None))
    }
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let mut walk = Walk::default();
    let mut found = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let page = page(&mut source, at)?;
        at = page.end();
        if page.first() {
            walk.begin(&mut source, &page, None)?;
            continue;
        }
        let Some(headers) = walk.next(&mut source, page)?.0 else { continue };
        let codec = headers.codec;
        let offset = headers.pages.first().map(|page| page.at);
        let Some((list, _)) = codec.list(headers.comment()) else { continue };
        let cut = || source.damaged(offset.unwrap_or(0), "the comments are cut off");
        found.extend(vorbis::labels(list).ok_or_else(cut)?.0.into_iter().map(|label| Found {
            place: format!("ogg:{} {}", codec.name(), label.field),
            by_the_book: label.field.eq_ignore_ascii_case(KEY),
            value: label.value,
            offset,
        }));
        few(&source, &found)?;
    }
    if at == 0 {
        return Err(source.damaged(0, "the file is empty"));
    }
    Ok(found)
}

/// Which stream of the file carries the label: the first of sound among those that begin it, or the first of all.
fn choose(source: &mut Source<'_>) -> Result<usize, Error> {
    let mut at = 0;
    let mut fallback = None;
    for number in 0..MOST_OPEN {
        if at >= source.len() {
            break;
        }
        let page = page(source, at)?;
        if !page.first() {
            break;
        }
        let start = at + page.header.len() as u64;
        match Codec::of(source.bytes(start, usize::try_from(page.body).unwrap_or(0).min(16))?) {
            Some(Codec::Theora) => fallback = fallback.or(Some(number)),
            Some(_) => return Ok(number),
            None => {}
        }
        at = page.end();
    }
    fallback.ok_or_else(|| source.unsupported("it holds no Vorbis, Opus, FLAC, Speex or Theora"))
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let value = checked(value)?;
    let mut source = Source::new(input, FORMAT)?;
    // Pages are written as they are read, and damage may show on the last: so all are read once before.
    copy(&mut source, &mut std::io::sink(), value)?;
    copy(&mut source, out, value)
}

/// Copies the file with its label.
fn copy(source: &mut Source<'_>, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let chosen = choose(source)?;
    let mut walk = Walk::default();
    let mut at = 0;
    let mut from = 0;
    let mut written = false;
    let mut labels = 0;
    while at < source.len() {
        let page = page(source, at)?;
        let end = page.end();
        let serial = page.serial();
        if page.first() {
            walk.begin(source, &page, Some(chosen))?;
        } else if walk.open.iter().any(|headers| headers.serial == serial) {
            source.copy(from, at - from, out)?;
            from = end;
            if let (Some(headers), _) = walk.next(source, page)? {
                if let Some((list, _)) = headers.codec.list(headers.comment()) {
                    labels += vorbis::labels(list).map_or(0, |(labels, _)| labels.len());
                }
                if labels > MOST_LABELS {
                    return Err(source.too_much(format!("more than {MOST_LABELS} labels, and one is allowed")));
                }
                let pages = match headers.rewritten(source, value) {
                    // Comments that are none, in streams that need no label: kept as they are.
                    Err(_) if !headers.chosen => headers.paged(&headers.data, &headers.packets),
                    pages => pages?,
                };
                let shift = (pages.len() as u32).wrapping_sub(headers.pages.len() as u32);
                if shift != 0 {
                    walk.shifts.push((serial, shift));
                }
                written |= headers.chosen;
                pages.iter().try_for_each(|page| out.write_all(page))?;
            }
        } else if let Some((_, shift)) = walk.shifts.iter().find(|(known, _)| *known == serial) {
            source.copy(from, at - from, out)?;
            from = end;
            let body = source.vec(at + page.header.len() as u64, page.body, LONGEST as u64)?;
            let mut header = page.header.clone();
            header.splice(18..22, page.number().wrapping_add(*shift).to_le_bytes());
            let sum = checksum(&header, &body);
            header.splice(22..26, sum.to_le_bytes());
            out.write_all(&header)?;
            out.write_all(&body)?;
        }
        at = end;
    }
    if !written || !walk.open.is_empty() {
        return Err(source.damaged(at, "the file ends within the headers of a stream"));
    }
    source.copy(from, at - from, out)
}

#[cfg(test)]
mod tests;
