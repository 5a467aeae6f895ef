//! Hostile files, carrier by carrier: cut off, with lengths that lie, of a million parts, nested without end, and such as
//! unpack to far more than they are. Each is refused or labelled; nothing panics, and the work stays in proportion.
//!
//! Work is counted and not timed: what is read of a file, and how often. Where a hostile file costs no reads but memory
//! or steps, it is made so large that more than a few passes over it would not end.

#[path = "hostile/bombs.rs"]
mod bombs;
mod samples;

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use menshen_provenance::Error;
use menshen_provenance::carrier::{ALL, Carrier, Found};
use samples::{boxed, chunk, element, infe, page, png_chunk, tag};

const VALUE: &str = r#"{"Label":"1","ContentProducer":"001191110102MACQD9K64010000","ProduceID":"p-1"}"#;
/// What may be read of a small file beyond a few passes over it.
const AHEAD: u64 = 4 << 20;

/// A file that counts what is read of it.
struct Counted<'a> {
    file: Cursor<&'a [u8]>,
    read: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(to)?;
        self.read += count as u64;
        Ok(count)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// An output that counts what is written, and keeps it.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(self.bytes.len() + bytes.len() <= self.most, "more is written than a file and its label");
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The carrier of this name; the first where there is none, which then refuses the file.
fn carrier(id: &str) -> &'static Carrier {
    let found = ALL.iter().find(|carrier| carrier.id == id);
    assert!(found.is_some(), "no carrier {id}");
    found.unwrap_or(&ALL[0])
}

/// Reads a file, in a few passes over it.
fn read(carrier: &Carrier, file: &[u8]) -> Result<Vec<Found>, Error> {
    let mut counted = Counted { file: Cursor::new(file), read: 0 };
    let found = (carrier.read)(&mut counted);
    let most = 8 * file.len() as u64 + AHEAD;
    assert!(counted.read <= most, "{}: {} bytes read of {}", carrier.id, counted.read, file.len());
    found
}

/// Labels a file, in a few passes over it; what is refused is not written in part.
fn write(carrier: &Carrier, file: &[u8]) -> Result<Vec<u8>, Error> {
    let mut counted = Counted { file: Cursor::new(file), read: 0 };
    let mut out = Kept { bytes: Vec::new(), most: file.len() + (64 << 10) };
    let end = (carrier.write)(&mut counted, &mut out, VALUE);
    let most = 16 * file.len() as u64 + AHEAD;
    assert!(counted.read <= most, "{}: {} bytes read of {}", carrier.id, counted.read, file.len());
    end.map(|()| out.bytes)
}

/// What holds for any bytes: refused with a word, or labelled once. Says whether it was labelled.
fn hold(carrier: &Carrier, file: &[u8]) -> bool {
    (carrier.sniff)(file.get(..4096).unwrap_or(file));
    let before = read(carrier, file);
    if let Err(error) = &before {
        assert!(!error.to_string().is_empty());
    }
    match write(carrier, file) {
        Ok(new) => {
            assert!(before.is_ok(), "{}: written, and not read: {before:?}", carrier.id);
            let found = read(carrier, &new);
            let one = found.as_ref().is_ok_and(|found| matches!(found.as_slice(), [one] if one.value == VALUE));
            assert!(one, "{}: {found:?}", carrier.id);
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

#[test]
fn every_carrier_has_a_sample_that_is_labelled() {
    for (carrier, file) in samples::all().unwrap() {
        assert!(read(carrier, &file).is_ok(), "{}", carrier.id);
        // Plain text has no place for metadata.
        assert_eq!(hold(carrier, &file), carrier.id != "text", "{}", carrier.id);
        if carrier.id != "text" {
            let new = write(carrier, &file).unwrap();
            assert!(hold(carrier, &new), "{}", carrier.id);
            // PDF is only ever added to, so that signatures keep what they cover.
            let same = carrier.id == "pdf" || write(carrier, &new).unwrap() == new;
            assert!(same, "{}: written again, it changes", carrier.id);
        }
    }
}

#[test]
fn files_cut_off_anywhere_are_refused_or_labelled() {
    for (carrier, file) in samples::all().unwrap() {
        let labelled = write(carrier, &file).unwrap_or_else(|_| file.clone());
        for whole in [&file, &labelled] {
            for part in 0..40 {
                hold(carrier, &whole[..whole.len() * part / 40]);
            }
        }
    }
}

#[test]
fn lengths_that_lie_are_refused_or_survived() {
    for (carrier, file) in samples::all().unwrap() {
        let file = write(carrier, &file).unwrap_or(file);
        let step = (file.len() / 120).max(1);
        for at in (0..file.len()).step_by(step) {
            for lie in [[0; 4], [0, 0, 0, 1], [1, 0, 0, 0], [0xFF; 4], [0x7F, 0xFF, 0xFF, 0xFF]] {
                let mut bytes = file.clone();
                let end = (at + 4).min(bytes.len());
                bytes[at..end].copy_from_slice(&lie[..end - at]);
                hold(carrier, &bytes);
            }
        }
    }
}

/// A file of very many of the smallest parts that its format has.
fn many(id: &str, count: usize) -> samples::Made {
    let insert = |at: usize, parts: Vec<u8>| -> samples::Made {
        let mut file = samples::of(id)?;
        file.splice(at..at, parts);
        Ok(file)
    };
    let free = || boxed(b"free", b"").repeat(count);
    Ok(match id {
        "jpeg" => insert(2, b"\xFF\xFE\0\x02".repeat(count))?,
        "png" => samples::png(&png_chunk(b"abCd", b"").repeat(count))?,
        "webp" => {
            let mut file = insert(12, chunk(b"abcd", b"").repeat(count))?;
            let size = u32::try_from(file.len() - 8)?.to_le_bytes();
            file.splice(4..8, size);
            file
        }
        "gif" => insert(samples::of(id)?.len() - 1, b"\x21\xFE\0".repeat(count))?,
        "tiff" => {
            let mut file = b"II*\0\x08\0\0\0".to_vec();
            for _ in 0..count {
                let next = u32::try_from(file.len() + 18)?.to_le_bytes();
                file.extend([b"\x01\0\0\x01\x04\0\x01\0\0\0\x09\0\0\0".as_slice(), &next].concat());
            }
            file
        }
        "heif" => samples::heif(&[infe(1, b"hvc1", b"")], &[[1, 0, 8]], &free()),
        "m4a" => samples::movie(b"M4A ", b"", &free()),
        "mp4" => samples::movie(b"isom", &free(), b""),
        "mp3" => {
            let frames = b"TIT2\0\0\0\x01\0\0\0".repeat(count);
            let size = frames.len();
            let size: Vec<u8> = (0..4).map(|at| (size >> (7 * (3 - at)) & 0x7F) as u8).collect();
            [b"ID3\x03\0\0".as_slice(), &size, &frames, &samples::of(id)?].concat()
        }
        "wav" => samples::wav(&chunk(b"abcd", b"").repeat(count)),
        "avi" => samples::avi(&chunk(b"abcd", b"").repeat(count)),
        "flac" => samples::flac(&b"\x02\0\0\0".repeat(count)),
        "ogg" => samples::ogg(&page(9, 0, 0, None).repeat(count)),
        "matroska" => samples::matroska(&b"\xEC\x80".repeat(count)),
        "flv" => samples::flv(&tag(9, b"").repeat(count)),
        "ooxml" | "epub" | "ofd" => {
            let mut parts: Vec<(String, &str)> = (0..count / 10).map(|number| (format!("{number}"), "")).collect();
            parts.extend(samples::OFFICE.map(|(name, text)| (name.to_owned(), text)));
            parts.push(("OFD.xml".to_owned(), "<OFD><DocBody><DocInfo/></DocBody></OFD>"));
            parts.push(("META-INF/container.xml".to_owned(), "<c><rootfile full-path=\"c.opf\"/></c>"));
            parts.push(("c.opf".to_owned(), "<package><metadata/></package>"));
            samples::zip(&parts)
        }
        "pdf" => {
            samples::pdf(&["<</Type/Catalog>>", &format!("<<{}>>", "/A 1".repeat(count))], "/Root 1 0 R/Info 2 0 R")
        }
        "markdown" => format!("---\n{}---\n", "a:\n".repeat(count)).into_bytes(),
        "html" => ["<html><head>".as_bytes(), &b"<b>".repeat(count)].concat(),
        "text" => "。\n".repeat(count).into_bytes(),
        other => return Err(format!("a new carrier: {other}; say what it has many of").into()),
    })
}

#[test]
fn a_million_parts_take_a_few_passes() {
    for carrier in ALL {
        // Archives of a hundred thousand members have a test of their own.
        if !["ooxml", "epub", "ofd"].contains(&carrier.id) {
            let _ = read(carrier, &many(carrier.id, 1_000_000).unwrap());
            hold(carrier, &many(carrier.id, 50_000).unwrap());
        }
    }
}

#[test]
fn a_hundred_thousand_members_of_an_archive_are_labelled() {
    for id in ["ooxml", "epub", "ofd"] {
        assert!(hold(carrier(id), &many(id, 1_000_000).unwrap()), "{id}");
    }
}

/// Ever deeper: `open`, `count` times, and what closes them.
fn nested(open: &str, inner: &str, close: &str, count: usize) -> String {
    [open.repeat(count), inner.to_owned(), close.repeat(count)].concat()
}

#[test]
fn nesting_without_end_is_refused_or_passed_over() {
    const DEEP: usize = 100_000;
    let office = |name: &str, text: &str| {
        let mut parts = samples::OFFICE.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
        parts.push((name.to_owned(), text.to_owned()));
        samples::zip(&parts)
    };
    let xmp = |packet: &str| {
        let text = [b"XML:com.adobe.xmp\0\0\0\0\0".as_slice(), packet.as_bytes()].concat();
        samples::png(&png_chunk(b"iTXt", &text)).unwrap()
    };
    let wrapped = |outer: &dyn Fn(&[u8]) -> Vec<u8>| {
        let mut inner = Vec::new();
        // A few hundred levels: the outer ones hold all the inner ones, so each level is copied anew.
        (0..500).for_each(|_| inner = outer(&inner));
        inner
    };
    let objects = format!("<</A {}>>", nested("[", "", "]", DEEP));
    let amf = [b"\x02\0\x0AonMetaData".to_vec(), b"\x03\0\x01a".repeat(DEEP)].concat();
    let simple = wrapped(&|inner| element(&[0x67, 0xC8], inner));
    let tags = element(&[0x12, 0x54, 0xC3, 0x67], &element(&[0x73, 0x73], &simple));
    let files: [(&str, Vec<u8>); 14] = [
        ("ooxml", office("docProps/custom.xml", &nested("<a>", "", "</a>", DEEP))),
        ("ofd", samples::zip(&[("OFD.xml", nested("<CustomData Name=\"AIGC\">", "", "</CustomData>", DEEP))])),
        ("epub", samples::epub(&nested("<a>", "", "</a>", DEEP), &[])),
        ("png", xmp(&nested("<a>", "", "</a>", DEEP))),
        ("png", xmp(&nested("AIGC{", "", "}", DEEP))),
        ("pdf", samples::pdf(&["<</Type/Catalog>>", &objects], "/Root 1 0 R/Info 2 0 R")),
        ("markdown", format!("---\nAIGC: {}\n---\n", nested("[", "", "]", DEEP)).into_bytes()),
        ("html", format!("<html><head>{}", nested("<div>", "", "</div>", DEEP)).into_bytes()),
        ("mp4", samples::movie(b"isom", &wrapped(&|inner| boxed(b"udta", inner)), b"")),
        ("heif", samples::heif(&[], &[], &wrapped(&|inner| boxed(b"moov", inner)))),
        ("matroska", samples::matroska(&tags)),
        ("wav", samples::wav(&wrapped(&|inner| chunk(b"LIST", &[b"INFO".as_slice(), inner].concat())))),
        ("flv", samples::flv(&tag(18, &amf))),
        ("jpeg", [&b"\xFF\xD8\xFF\xFE\xFF\xFF"[..], nested("{\"AIGC\":", "", "}", DEEP).as_bytes()].concat()),
    ];
    for (id, file) in &files {
        hold(carrier(id), file);
    }
    for text in [nested("[", "", "]", DEEP), nested("{\"AIGC\":", "{\"Label\":\"1\"}", "}", DEEP)] {
        let _ = menshen_provenance::label::read(&text);
    }
}

#[test]
fn what_is_encrypted_is_refused_with_what_to_do() {
    let catalog = "<</Type/Catalog>>";
    let encrypted = samples::pdf(&[catalog, "<</Filter/Standard/V 2/R 3>>"], "/Root 1 0 R/Encrypt 2 0 R");
    let mut locked = samples::zip(&samples::OFFICE);
    for sign in [b"PK\x03\x04\x14\0".as_slice(), b"PK\x01\x02\x14\0\x14\0"] {
        let places: Vec<usize> = (0..locked.len()).filter(|at| locked[*at..].starts_with(sign)).collect();
        places.into_iter().for_each(|at| locked[at + sign.len()] |= 1);
    }
    for (id, file) in [("pdf", encrypted), ("ooxml", locked)] {
        for end in [read(carrier(id), &file).map(|_| ()), write(carrier(id), &file).map(|_| ())] {
            let Err(Error::Unsupported { problem, .. }) = end else { panic!("{id}: {end:?}") };
            assert!(problem.contains("encrypt"), "{problem}");
        }
    }
}
