//! What documents say of the program and the person that made them, and the explicit label in the text of a word document.

use super::field::Finder;
use super::packet;
use crate::Error;
use crate::carrier::archive::Archive;
use crate::carrier::edit::Source;
use crate::carrier::elements::Document;
use crate::carrier::{Input, pdf as pdf_carrier};

/// Reads a part of an archive that need not be there.
fn part(source: &mut Source<'_>, archive: &Archive, name: &str) -> Result<Option<(Document, u64)>, Error> {
    let Some(index) = archive.find(source, name)? else { return Ok(None) };
    let at = archive.members.get(index).map_or(0, |member| member.at);
    let bytes = archive.read(source, index)?;
    Document::read(source, name, at, &bytes).map(|document| Some((document, at)))
}

/// The properties of DOCX, XLSX and PPTX (ECMA-376 part 1 §22.2, part 2 §11), and the paragraphs of a word document.
pub(super) fn office(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "OOXML")?;
    let archive = Archive::open(&mut source)?;
    for name in ["docProps/app.xml", "docProps/core.xml"] {
        let Some((document, at)) = part(&mut source, &archive, name)? else { continue };
        for element in document.elements.iter().filter(|element| element.parent == Some(0)) {
            finder.see(&format!("office:{}", element.local), &element.text, Some(at));
        }
    }
    // Texts beyond what a part may hold are left: properties are what is promised here.
    if let Ok(Some((document, _))) = part(&mut source, &archive, "word/document.xml") {
        finder.read(&paragraphs(&document), true);
    }
    Ok(())
}

/// The text of a word document, a line for each paragraph (`w:p`, its runs' `w:t`).
fn paragraphs(document: &Document) -> String {
    let mut text = String::new();
    for element in &document.elements {
        match element.local.as_str() {
            "p" => text.push('\n'),
            "t" => text.push_str(&element.text),
            _ => {}
        }
    }
    text
}

/// The metadata of an EPUB's packages (EPUB 3.3 §5.5).
pub(super) fn epub(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "EPUB")?;
    let archive = Archive::open(&mut source)?;
    let packages: Vec<String> = archive
        .members
        .iter()
        .map(|member| member.name.clone())
        .filter(|name| name.ends_with(".opf"))
        .take(16)
        .collect();
    for name in packages {
        let Some((document, at)) = part(&mut source, &archive, &name)? else { continue };
        for element in &document.elements {
            let metadata = element.parent.and_then(|parent| document.elements.get(parent));
            if metadata.is_none_or(|parent| parent.local != "metadata") {
                continue;
            }
            if let (Some(name), Some(content)) = (element.attribute("name"), element.attribute("content")) {
                finder.see(&format!("epub:{name}"), content, Some(at));
            }
            if element.local != "meta" {
                finder.see(&format!("epub:{}", element.local), &element.text, Some(at));
            } else if let Some(property) = element.attribute("property") {
                finder.see(&format!("epub:{property}"), &element.text, Some(at));
            }
        }
    }
    Ok(())
}

/// The document information of OFD (GB/T 33190-2016, CT_DocInfo).
pub(super) fn ofd(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "OFD")?;
    let archive = Archive::open(&mut source)?;
    let Some((document, at)) = part(&mut source, &archive, "OFD.xml")? else { return Ok(()) };
    for element in &document.elements {
        finder.see(&format!("ofd:{}", element.local), &element.text, Some(at));
    }
    Ok(())
}

/// The information dictionary and the packet of a PDF.
pub(super) fn pdf(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "PDF")?;
    let (texts, packet) = pdf_carrier::information(&mut source)?;
    for (key, value) in texts {
        finder.see(&format!("pdf:{key}"), &value, None);
    }
    if let Some(packet) = packet {
        packet::xmp(finder, &packet, None);
    }
    Ok(())
}
