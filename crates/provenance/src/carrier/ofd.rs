//! OFD, the fixed-layout format of GB/T 33190-2016. The label is written as custom metadata of the document: `OFD.xml`,
//! `OFD/DocBody/DocInfo/CustomDatas/CustomData` with `Name="AIGC"` (GB/T 33190-2016 §7.4).
//!
//! Not verified: TC260-PG-20258A covers OFD, and its exact place could not be read (standards facts §2.6). Custom metadata
//! are the one place that the format has for entries of others, so labels here are found as not by the book.

use std::io::Write;
use std::ops::Range;

use super::archive::{Archive, Change};
use super::edit::{Source, Trace};
use super::elements::{Document, escape};
use super::{Carrier, Found, Input, loose};
use crate::Error;

/// OFD; the place is not verified.
pub const OFD: Carrier = Carrier { id: "ofd", kind: "document", endings: &["ofd"], sniff, read, write };

const FORMAT: &str = "OFD";
/// No guide that could be read names the place.
const BY_THE_BOOK: bool = false;
const MAIN: &str = "OFD.xml";

fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") && memchr::memmem::find(head, MAIN.as_bytes()).is_some()
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let main = Main::open(&mut source)?;
    let mut trace = Trace::default();
    for label in main.labels() {
        trace.note(&source, label.place, BY_THE_BOOK, label.value, main.at)?;
    }
    trace.answer(Ok(()))
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let mut source = Source::new(input, FORMAT)?;
    let main = Main::open(&mut source)?;
    if main.document.elements.iter().any(|element| element.local == "Signatures") {
        // Seals cover the bytes of the package's files (GB/T 33190-2016 §18), as a rule OFD.xml too.
        return Err(source.unsupported("it is sealed or signed; label it before it is sealed"));
    }
    let mut edits: Vec<(Range<usize>, String)> =
        main.labels().into_iter().map(|label| (label.range, String::new())).collect();
    let find = |local: &str, parent: Option<usize>| {
        let mut all = main.document.elements.iter().enumerate();
        all.find(|(_, element)| element.local == local && element.parent == parent).map(|(index, _)| index)
    };
    let info = find("DocBody", Some(0)).and_then(|body| find("DocInfo", Some(body)));
    let Some((info, element)) = info.and_then(|info| Some((info, main.document.elements.get(info)?))) else {
        return Err(source.damaged(main.at, "its OFD.xml has no document information"));
    };
    let prefix = &element.prefix;
    let data = format!("<{prefix}CustomData Name=\"AIGC\">{}</{prefix}CustomData>", escape(value));
    let edit = match find("CustomDatas", Some(info)) {
        Some(datas) => main.document.append(datas, &data),
        // The last element of the information (GB/T 33190-2016, CT_DocInfo).
        None => main.document.append(info, &format!("<{prefix}CustomDatas>{data}</{prefix}CustomDatas>")),
    };
    edits.extend(edit);
    let change = Change::Replace(main.index, main.document.with(edits));
    main.archive.rewrite(&mut source, &[change], out)
}

/// The package's main file.
struct Main {
    archive: Archive,
    index: usize,
    at: u64,
    document: Document,
}

/// A label of the custom metadata.
struct Label {
    place: &'static str,
    value: String,
    range: Range<usize>,
}

impl Main {
    fn open(source: &mut Source<'_>) -> Result<Self, Error> {
        let archive = Archive::open(source)?;
        let Some(index) = archive.find(source, MAIN)? else {
            return Err(source.damaged(0, "it has no OFD.xml, which every OFD file has"));
        };
        let at = archive.members.get(index).map_or(0, |member| member.at);
        let bytes = archive.read(source, index)?;
        let document = Document::read(source, MAIN, at, &bytes)?;
        Ok(Self { archive, index, at, document })
    }

    fn labels(&self) -> Vec<Label> {
        let mut labels = Vec::new();
        for (index, element) in self.document.elements.iter().enumerate() {
            // A label inside a label goes with it; to read it too would read its text again for each around it.
            let inside = labels.last().is_some_and(|last: &Label| element.range.start < last.range.end);
            if element.local != "CustomData" || inside {
                continue;
            }
            let value = self.document.whole_text(index).trim().to_owned();
            let named = element.attribute("Name").is_some_and(|name| name.trim().eq_ignore_ascii_case("AIGC"));
            if named || !loose::find_in_field(value.as_bytes()).is_empty() {
                let place = if named { "ofd:CustomData AIGC" } else { "ofd:CustomData" };
                labels.push(Label { place, value, range: element.range.clone() });
            }
        }
        labels
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::archive::trial::{packed, part};
    use super::*;

    const LABEL: &str = r#"{"Label":"1","ContentProducer":"A","ProduceID":"p"}"#;
    const NEW: &str = r#"{"Label":"2","ContentProducer":"B","ProduceID":"q"}"#;

    fn file(info: &str, more: &str) -> Vec<u8> {
        let main = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ofd:OFD xmlns:ofd=\"http://www.ofdspec.org/2016\" Version=\"1.0\" \
             DocType=\"OFD\"><ofd:DocBody>{info}<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>{more}</ofd:DocBody></ofd:OFD>"
        );
        packed(&[("OFD.xml", &main), ("Doc_0/Document.xml", "<ofd:Document/>")])
    }

    fn labelled(bytes: &[u8], value: &str) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        (OFD.write)(&mut Cursor::new(bytes), &mut out, value)?;
        Ok(out)
    }

    #[test]
    fn a_label_is_custom_metadata() {
        for info in [
            "<ofd:DocInfo/>".to_owned(),
            "<ofd:DocInfo><ofd:Title>x</ofd:Title></ofd:DocInfo>".to_owned(),
            "<ofd:DocInfo><ofd:CustomDatas><ofd:CustomData Name=\"a\">b</ofd:CustomData></ofd:CustomDatas></ofd:DocInfo>".to_owned(),
            format!("<ofd:DocInfo><ofd:CustomDatas><ofd:CustomData Name=\"x\">{}</ofd:CustomData></ofd:CustomDatas></ofd:DocInfo>", escape(LABEL)),
        ] {
            let old = file(&info, "");
            assert!((OFD.sniff)(&old));
            let first = labelled(&old, LABEL).unwrap();
            let second = labelled(&first, NEW).unwrap();
            for (bytes, value) in [(&first, LABEL), (&second, NEW)] {
                let found = (OFD.read)(&mut Cursor::new(bytes.as_slice())).unwrap();
                assert_eq!(found.len(), 1);
                assert_eq!((found[0].value.as_str(), found[0].by_the_book), (value, BY_THE_BOOK));
                assert_eq!(part(bytes, "Doc_0/Document.xml"), "<ofd:Document/>");
            }
            let text = part(&first, "OFD.xml");
            assert!(text.contains("<ofd:CustomData Name=\"AIGC\">{&quot;Label&quot;"), "{text}");
        }
    }

    #[test]
    fn sealed_and_broken_files_are_refused() {
        let sealed = file("<ofd:DocInfo/>", "<ofd:Signatures>Doc_0/Signs/Signatures.xml</ofd:Signatures>");
        assert!(labelled(&sealed, LABEL).unwrap_err().to_string().contains("sealed"));
        assert!(labelled(&file("", ""), LABEL).unwrap_err().to_string().contains("no document information"));
        assert!(labelled(&packed(&[("x", "y")]), LABEL).unwrap_err().to_string().contains("no OFD.xml"));
    }
}
