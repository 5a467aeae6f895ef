//! EPUB 2 and 3. The label is a `<meta name="AIGC" content="…"/>` of the package document's metadata (OPF 2.0.1 §2.2;
//! EPUB 3.3 §5.5.8 lets such elements stand in packages of version 3, where readers pass over them).
//!
//! Not verified: no guide that could be read names a place for EPUB. The element is the one that both versions allow
//! without declaring a vocabulary, so labels here are found as not by the book.

use std::collections::HashSet;
use std::io::Write;
use std::ops::Range;

use super::archive::{Archive, Change};
use super::edit::{Source, Trace};
use super::elements::{Document, Element, escape};
use super::{Carrier, Found, Input, loose};
use crate::Error;

/// EPUB; the place is not verified.
pub const EPUB: Carrier = Carrier { id: "epub", kind: "document", endings: &["epub"], sniff, read, write };

const FORMAT: &str = "EPUB";
/// No guide that could be read names the place.
const BY_THE_BOOK: bool = false;
const CONTAINER: &str = "META-INF/container.xml";
/// Most renditions of one publication that are looked at.
const MOST_PACKAGES: usize = 64;
/// Most bytes of all their package documents: they are held at once, with their elements.
const MOST_PACKED: usize = 16 << 20;

/// The media type stands in the first member, which is not compressed (EPUB OCF 3.3 §4.2.1).
fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
        && memchr::memmem::find(head, b"mimetypeapplication/epub+zip").is_some_and(|at| at < 256)
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let (_, packages) = packages(&mut source)?;
    let mut trace = Trace::default();
    for package in &packages {
        for label in package.labels() {
            trace.note(&source, label.place, BY_THE_BOOK, label.value, package.at)?;
        }
    }
    trace.answer(Ok(()))
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let mut source = Source::new(input, FORMAT)?;
    let (archive, packages) = packages(&mut source)?;
    if archive.find(&source, "META-INF/signatures.xml")?.is_some() {
        return Err(source.unsupported("it is signed; label it before it is signed"));
    }
    let mut changes = Vec::new();
    for (index, package) in packages.iter().enumerate() {
        let mut edits: Vec<(Range<usize>, String)> =
            package.labels().into_iter().map(|label| (label.range, String::new())).collect();
        // The first rendition is the default one.
        if index == 0 {
            edits.push(package.new_label(&source, value)?);
        }
        if !edits.is_empty() {
            changes.push(Change::Replace(package.index, package.document.with(edits)));
        }
    }
    archive.rewrite(&mut source, &changes, out)
}

/// A package document.
struct Package {
    index: usize,
    at: u64,
    document: Document,
}

/// A label of the metadata.
struct Label {
    place: &'static str,
    value: String,
    range: Range<usize>,
}

/// The package documents that the container names.
fn packages(source: &mut Source<'_>) -> Result<(Archive, Vec<Package>), Error> {
    let archive = Archive::open(source)?;
    let place = |source: &Source<'_>, name: &str| match archive.find(source, name)? {
        Some(index) => Ok(index),
        None => Err(source.damaged(0, format!("it has no part {name}"))),
    };
    let open = |source: &mut Source<'_>, name: &str| -> Result<Package, Error> {
        let index = place(source, name)?;
        let at = archive.members.get(index).map_or(0, |member| member.at);
        let bytes = archive.read(source, index)?;
        Ok(Package { index, at, document: Document::read(source, name, at, &bytes)? })
    };
    let container = open(source, CONTAINER)?.document;
    let mut packages: Vec<Package> = Vec::new();
    let mut known = HashSet::new();
    let mut held = 0;
    for rootfile in container.elements.iter().filter(|element| element.local == "rootfile") {
        let Some(path) = rootfile.attribute("full-path") else { continue };
        if rootfile.attribute("media-type").is_some_and(|kind| kind != "application/oebps-package+xml") {
            continue;
        }
        // A container may name one package thousands of times, and each unpacks to megabytes.
        if !known.insert(path) {
            continue;
        }
        if known.len() > MOST_PACKAGES {
            return Err(source.too_much(format!("it has more than {MOST_PACKAGES} renditions")));
        }
        let index = place(source, path)?;
        if packages.iter().any(|other| other.index == index) {
            continue;
        }
        let package = open(source, path)?;
        held += package.document.text.len();
        if held > MOST_PACKED {
            return Err(source.too_much(format!("its package documents have more than {MOST_PACKED} bytes")));
        }
        packages.push(package);
    }
    if packages.is_empty() {
        return Err(source.damaged(0, "its container names no package document"));
    }
    Ok((archive, packages))
}

impl Package {
    fn labels(&self) -> Vec<Label> {
        let mut labels = Vec::new();
        for (index, element) in self.document.elements.iter().enumerate() {
            if element.parent.is_none() || element.parent == Some(0) {
                continue;
            }
            let value = match element.attribute("content") {
                Some(content) => content.to_owned(),
                None => element.text.trim().to_owned(),
            };
            let named = element.local == "meta" && is_named(element);
            if named || self.in_metadata(index) && !loose::find_in_field(value.as_bytes()).is_empty() {
                let place = if named { "epub:OPF meta AIGC" } else { "epub:OPF metadata" };
                labels.push(Label { place, value, range: element.range.clone() });
            }
        }
        labels
    }

    fn in_metadata(&self, index: usize) -> bool {
        let parent = self.document.elements.get(index).and_then(|element| element.parent);
        parent.and_then(|parent| self.document.elements.get(parent)).is_some_and(|parent| parent.local == "metadata")
    }

    fn new_label(&self, source: &Source<'_>, value: &str) -> Result<(Range<usize>, String), Error> {
        let metadata = self.document.children(0).find(|(_, element)| element.local == "metadata");
        let Some((mut index, mut element)) = metadata else {
            return Err(source.damaged(self.at, "its package document has no metadata"));
        };
        // Packages of OEBPS 1.2 and some of version 2 keep other metadata in an element of their own.
        if let Some(inner) = self.document.children(index).find(|(_, element)| element.local == "x-metadata") {
            (index, element) = inner;
        }
        let text = format!("<{}meta name=\"AIGC\" content=\"{}\"/>", element.prefix, escape(value));
        let edit = self.document.append(index, &text);
        edit.ok_or_else(|| source.damaged(self.at, "its package document is no sound XML"))
    }
}

fn is_named(element: &Element) -> bool {
    let names = ["name", "property"].into_iter().filter_map(|key| element.attribute(key));
    names.map(|name| name.trim().rsplit(':').next().unwrap_or_default()).any(|name| name.eq_ignore_ascii_case("AIGC"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::archive::trial::{packed, part};
    use super::*;

    const LABEL: &str = r#"{"Label":"1","ContentProducer":"A","ProduceID":"p"}"#;
    const NEW: &str = r#"{"Label":"2","ContentProducer":"B","ProduceID":"q"}"#;
    const BOX: &str = "<container xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\"><rootfiles><rootfile full-path=\"O/c.opf\" media-type=\"application/oebps-package+xml\"/></rootfiles></container>";

    fn file(metadata: &str) -> Vec<u8> {
        let package =
            format!("<package xmlns=\"http://www.idpf.org/2007/opf\" version=\"3.0\">{metadata}<manifest/></package>");
        packed(&[("mimetype", "application/epub+zip"), (CONTAINER, BOX), ("O/c.opf", &package)])
    }

    fn labelled(bytes: &[u8], value: &str) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        (EPUB.write)(&mut Cursor::new(bytes), &mut out, value)?;
        Ok(out)
    }

    #[test]
    fn a_label_is_a_meta_of_the_package() {
        let old_label = format!("<metadata><meta property=\"TC260:AIGC\">{}</meta></metadata>", escape(LABEL));
        for metadata in ["<metadata/>", "<metadata><title>x</title></metadata>", &old_label] {
            let old = file(metadata);
            let first = labelled(&old, LABEL).unwrap();
            let second = labelled(&first, NEW).unwrap();
            for (bytes, value) in [(&first, LABEL), (&second, NEW)] {
                let found = (EPUB.read)(&mut Cursor::new(bytes.as_slice())).unwrap();
                assert_eq!(found.len(), 1, "{found:?}");
                assert_eq!((found[0].value.as_str(), found[0].by_the_book), (value, BY_THE_BOOK));
                assert!((EPUB.sniff)(bytes) && part(bytes, "O/c.opf").contains("<meta name=\"AIGC\" content=\"{"));
            }
        }
    }

    #[test]
    fn signed_and_broken_files_are_refused() {
        let signed = packed(&[
            (CONTAINER, BOX),
            ("O/c.opf", "<package><metadata/></package>"),
            ("META-INF/signatures.xml", "<x/>"),
        ]);
        assert!(labelled(&signed, LABEL).unwrap_err().to_string().contains("signed"));
        assert!(labelled(&file(""), LABEL).unwrap_err().to_string().contains("no metadata"));
        assert!(labelled(&packed(&[(CONTAINER, "<container/>")]), LABEL).unwrap_err().to_string().contains("names no"));
    }
}
