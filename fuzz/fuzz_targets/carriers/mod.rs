//! What every carrier is held to, whatever the bytes. The first byte of an input chooses the carrier, so each is reached.

use std::io::{Cursor, Read, Result, Seek, SeekFrom};

use menshen_provenance::Error;
use menshen_provenance::carrier::{ALL, Carrier, Found};

/// The label that is written.
pub const VALUE: &str = r#"{"Label":"1","ContentProducer":"001191110102MACQD9K64010000","ProduceID":"abc-1"}"#;
/// A longer one over it, with what containers escape.
pub const OTHER: &str = r#"{"Label":"2","ContentProducer":"001191330106MA2CFLDG4R10001","ProduceID":"0123456789<&>'(x)\\","ReservedCode1":"{\"a\":\"中\"}","ContentPropagator":"","PropagateID":"","ReservedCode2":""}"#;
/// Reading may go over a file several times, and not once for each of its parts.
const MOST_READ: u64 = 64;
/// What is read ahead of small files.
const AHEAD: u64 = 16 << 20;

/// A file that counts what is read of it.
struct Counted<'a> {
    file: Cursor<&'a [u8]>,
    read: u64,
}

impl<'a> Counted<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { file: Cursor::new(bytes), read: 0 }
    }

    fn check(&self, carrier: &Carrier) {
        let length = self.file.get_ref().len() as u64;
        assert!(self.read <= MOST_READ * length + AHEAD, "{}: {} bytes read of {length}", carrier.id, self.read);
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        let count = self.file.read(to)?;
        self.read += count as u64;
        Ok(count)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.file.seek(to)
    }
}

/// The carrier of one of these kinds that an input's first byte chooses, and the file behind that byte.
pub fn chosen<'a>(input: &'a [u8], kinds: &[&str]) -> Option<(&'static Carrier, &'a [u8])> {
    let (which, file) = input.split_first()?;
    let count = ALL.iter().filter(|carrier| kinds.contains(&carrier.kind)).count();
    let carrier = ALL.iter().filter(|carrier| kinds.contains(&carrier.kind)).nth(usize::from(*which) % count.max(1));
    carrier.map(|carrier| (carrier, file))
}

fn read(carrier: &Carrier, file: &[u8]) -> std::result::Result<Vec<Found>, Error> {
    let mut file = Counted::new(file);
    let found = (carrier.read)(&mut file);
    file.check(carrier);
    found
}

fn write(carrier: &Carrier, file: &[u8], value: &str) -> std::result::Result<Vec<u8>, Error> {
    let mut file = Counted::new(file);
    let mut out = Vec::new();
    let end = (carrier.write)(&mut file, &mut out, value);
    file.check(carrier);
    match end {
        Ok(()) => Ok(out),
        Err(error) => {
            assert!(out.is_empty(), "{}: {} bytes of a file that is refused: {error}", carrier.id, out.len());
            Err(error)
        }
    }
}

/// The file holds this label and no other.
fn one(carrier: &Carrier, file: &[u8], value: &str) -> Found {
    let mut found = read(carrier, file).unwrap_or_else(|error| panic!("{}: written, not read: {error}", carrier.id));
    assert!(found.len() == 1 && found[0].value == value, "{}: {found:?}", carrier.id);
    found.remove(0)
}

/// Reads and labels a file: it is refused, or has exactly the label that was written, again and over another.
pub fn hold(carrier: &'static Carrier, file: &[u8]) {
    let head = |bytes: &[u8]| (carrier.sniff)(&bytes[..bytes.len().min(4096)]);
    let known = head(file);
    let before = read(carrier, file);
    if let Ok(found) = &before {
        for one in found {
            assert!(!one.place.is_empty(), "{}: {one:?}", carrier.id);
            assert!(one.offset.is_none_or(|at| at <= file.len() as u64), "{}: {one:?}", carrier.id);
        }
    }
    let new = match write(carrier, file, VALUE) {
        Ok(new) => new,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(before.is_ok(), "{}: written, and not read before: {before:?}", carrier.id);
    // Texts are known by their endings as well: a page may begin with a tag that never ends.
    assert!(!known || carrier.kind == "text" || head(&new), "{}: no longer known", carrier.id);
    assert!(new.len() <= file.len() + (64 << 10), "{}: {} of {} bytes", carrier.id, new.len(), file.len());
    let first = one(carrier, &new, VALUE);
    // Of these containers the guides are public: what is written there is by the book.
    if !matches!(carrier.id, "epub" | "ofd" | "html") {
        assert!(first.by_the_book, "{}: {first:?}", carrier.id);
    }
    let again = write(carrier, &new, VALUE).unwrap_or_else(|error| panic!("{}: again: {error}", carrier.id));
    // PDF is only ever added to, so that signatures keep what they cover; in a page of broken tags the head may begin
    // elsewhere once an old label is gone; in a damaged film the old tags may not be where they can be written over.
    assert!(matches!(carrier.id, "pdf" | "html" | "matroska") || again == new, "{}: written again, it changes", carrier.id);
    one(carrier, &again, VALUE);
    // A longer label may have no room; a file that takes it takes the shorter one again.
    if let Ok(other) = write(carrier, &new, OTHER) {
        one(carrier, &other, OTHER);
        let back = write(carrier, &other, VALUE).unwrap_or_else(|error| panic!("{}: back: {error}", carrier.id));
        one(carrier, &back, VALUE);
    }
}
