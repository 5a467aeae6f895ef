//! Office documents: DOCX, XLSX, PPTX and their kin (ECMA-376, ISO/IEC 29500). The label is the custom property `AIGC` of
//! `docProps/custom.xml` (TC260-PG-20258A §6.1): an `lpwstr` with the seven members and no wrapper.
//!
//! Three small parts change: the custom properties, and where they are new, the content types and the package's
//! relationships. All others are copied with their compressed bytes.

use std::collections::HashSet;
use std::io::Write;
use std::ops::Range;

use super::archive::{Archive, Change};
use super::edit::{Source, Trace};
use super::elements::{Document, Element, escape};
use super::{Carrier, Found, Input, loose};
use crate::Error;

/// DOCX, XLSX, PPTX, their templates and their variants with macros.
pub const OOXML: Carrier = Carrier {
    id: "ooxml",
    kind: "document",
    endings: &[
        "docx", "docm", "dotx", "dotm", "xlsx", "xlsm", "xltx", "xltm", "xlsb", "pptx", "pptm", "potx", "potm", "ppsx",
        "ppsm",
    ],
    sniff,
    read,
    write,
};

const FORMAT: &str = "OOXML";
/// The set of properties that users define ([MS-OLEPS] 2.21: FMTID_UserDefinedProperties).
const USER_DEFINED: &str = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}";
const TYPES: &str = "[Content_Types].xml";
const RELATIONSHIPS: &str = "_rels/.rels";
const CUSTOM: &str = "docProps/custom.xml";
const CORE: &str = "docProps/core.xml";
const CUSTOM_TYPE: &str = "application/vnd.openxmlformats-officedocument.custom-properties+xml";
const TYPES_URI: &str = "http://schemas.openxmlformats.org/package/2006/content-types";
/// The signature of compound files ([MS-CFB] 2.2).
const COMPOUND: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

/// The names of one conformance class.
struct Class {
    relationship: &'static str,
    properties: &'static str,
    types: &'static str,
}

/// ISO/IEC 29500-4 (transitional) names, which nearly all files have.
const TRANSITIONAL: Class = Class {
    relationship: "http://schemas.openxmlformats.org/officeDocument/2006/relationships/custom-properties",
    properties: "http://schemas.openxmlformats.org/officeDocument/2006/custom-properties",
    types: "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes",
};
/// ISO/IEC 29500-1 (strict) names.
const STRICT: Class = Class {
    relationship: "http://purl.oclc.org/ooxml/officeDocument/relationships/customProperties",
    properties: "http://purl.oclc.org/ooxml/officeDocument/customProperties",
    types: "http://purl.oclc.org/ooxml/officeDocument/docPropsVTypes",
};

fn sniff(head: &[u8]) -> bool {
    // A compound file is refused with the reason: it is encrypted, or of the formats before 2007.
    if head.starts_with(&COMPOUND) {
        return true;
    }
    let has = |name: &str| memchr::memmem::find(head, name.as_bytes()).is_some();
    head.starts_with(b"PK\x03\x04")
        && head.get(30..38) != Some(b"mimetype")
        && (has(TYPES) || has(RELATIONSHIPS) || has("docProps/") || has("word/") || has("xl/") || has("ppt/"))
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let mut trace = Trace::default();
    let package = Package::open(&mut source)?;
    let mut end = Ok(());
    for place in package.places(&source)? {
        match place.labels(&mut source, &package) {
            Ok(labels) => {
                for label in labels {
                    trace.note(&source, label.place, label.by_the_book, label.value, place.at)?;
                }
            }
            Err(error) => end = Err(error),
        }
    }
    trace.answer(end)
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let mut source = Source::new(input, FORMAT)?;
    let package = Package::open(&mut source)?;
    let mut changes = Vec::new();
    let target = package.custom_name();
    let mut written = false;
    for place in package.places(&source)? {
        let document = place.document(&mut source, &package)?;
        let mut edits = Vec::new();
        let mut kept = false;
        for label in place.labels_of(&document) {
            // The first property of the right kind keeps its place and its pid.
            match label.content.filter(|_| label.by_the_book && !kept && place.name.eq_ignore_ascii_case(&target)) {
                Some(content) => {
                    edits.push((content, escape(value)));
                    kept = true;
                }
                None => edits.push((label.range, label.remainder)),
            }
        }
        if place.name.eq_ignore_ascii_case(&target) {
            written = true;
            if !kept {
                edits.push(new_property(&source, &document, place.at, value)?);
            }
        }
        if !edits.is_empty() {
            changes.push(Change::Replace(place.index, document.with(edits)));
        }
    }
    if !written {
        changes.push(Change::Add(target.clone(), new_part(package.class(), value).into_bytes()));
    }
    changes.extend(package.entries(&source, &target)?);
    package.archive.rewrite(&mut source, &changes, out)
}

/// The parts that say what else there is.
struct Package {
    archive: Archive,
    types: (usize, Document),
    relationships: (usize, Document),
}

/// A part where labels may stand.
struct Place {
    index: usize,
    name: String,
    at: u64,
    custom: bool,
}

/// A label in a part.
struct Label {
    place: &'static str,
    by_the_book: bool,
    value: String,
    /// What to take out for it to be gone, and what to leave there.
    range: Range<usize>,
    remainder: String,
    /// The text of its element, where it can be replaced.
    content: Option<Range<usize>>,
}

impl Package {
    fn open(source: &mut Source<'_>) -> Result<Self, Error> {
        if source.at(0, 8)?.starts_with(&COMPOUND) {
            return Err(compound(source));
        }
        let archive = Archive::open(source)?;
        let part = |source: &mut Source<'_>, name: &str| match archive.find(source, name)? {
            Some(index) => {
                let bytes = archive.read(source, index)?;
                let at = archive.members.get(index).map_or(0, |member| member.at);
                Ok((index, Document::read(source, name, at, &bytes)?))
            }
            None => Err(source.damaged(0, format!("it has no part {name}, which every office document has"))),
        };
        let types = part(source, TYPES)?;
        let relationships = part(source, RELATIONSHIPS)?;
        Ok(Self { archive, types, relationships })
    }

    fn class(&self) -> &'static Class {
        let strict = |element: &Element| {
            element.attribute("Type").is_some_and(|kind| kind.starts_with("http://purl.oclc.org/ooxml/officeDocument/"))
        };
        if self.relationships.1.elements.iter().any(strict) { &STRICT } else { &TRANSITIONAL }
    }

    /// The relationship to the custom properties.
    fn relationship(&self) -> Option<&Element> {
        self.relationships.1.elements.iter().find(|element| {
            let kind = element.attribute("Type");
            element.local == "Relationship"
                && element.attribute("TargetMode") != Some("External")
                && [&TRANSITIONAL, &STRICT].iter().any(|class| kind == Some(class.relationship))
        })
    }

    /// The name of the part with the custom properties, which need not be there.
    fn custom_name(&self) -> String {
        let target = self.relationship().and_then(|element| element.attribute("Target"));
        let target = target.map(|target| target.trim_start_matches("./").trim_start_matches('/'));
        target.filter(|target| !target.is_empty() && !target.contains("..")).unwrap_or(CUSTOM).to_owned()
    }

    /// All parts where labels may stand.
    fn places(&self, source: &Source<'_>) -> Result<Vec<Place>, Error> {
        let target = self.custom_name();
        let mut places: Vec<Place> = Vec::new();
        // A part of the usual name that nothing points to is still read by simple readers.
        for (name, custom) in [(target.as_str(), true), (CUSTOM, true), (CORE, false)] {
            if let Some(index) = self.archive.find(source, name)?
                && places.iter().all(|place| place.index != index)
                && ![self.types.0, self.relationships.0].contains(&index)
            {
                let at = self.archive.members.get(index).map_or(0, |member| member.at);
                places.push(Place { index, name: name.to_owned(), at, custom });
            }
        }
        Ok(places)
    }

    /// The changes of the parts that list parts.
    fn entries(&self, source: &Source<'_>, target: &str) -> Result<Vec<Change>, Error> {
        let mut changes = Vec::new();
        let types = &self.types.1;
        let part = format!("/{target}");
        let mut edits = Vec::new();
        let mut right = false;
        for element in types.elements.iter().filter(|element| element.local == "Override") {
            if element.attribute("PartName").is_some_and(|name| name.eq_ignore_ascii_case(&part)) {
                if element.attribute("ContentType") == Some(CUSTOM_TYPE) && !right {
                    right = true;
                } else {
                    edits.push((element.range.clone(), String::new()));
                }
            }
        }
        if !right {
            let prefix = types.root().map(|root| root.prefix.clone()).unwrap_or_default();
            let root = types.root().filter(|root| root.uri == TYPES_URI);
            let text = format!("<{prefix}Override PartName=\"{}\" ContentType=\"{CUSTOM_TYPE}\"/>", escape(&part));
            match root.and_then(|_| types.append(0, &text)) {
                Some(edit) => edits.push(edit),
                None => return Err(source.damaged(0, format!("its part {TYPES} holds no content types"))),
            }
        }
        if !edits.is_empty() {
            changes.push(Change::Replace(self.types.0, types.with(edits)));
        }
        if self.relationship().is_none() {
            let relationships = &self.relationships.1;
            let prefix = relationships.root().map(|root| root.prefix.clone()).unwrap_or_default();
            let taken: HashSet<&str> = relationships.elements.iter().filter_map(|one| one.attribute("Id")).collect();
            // Of n + 1 ids one is free among n.
            let mut ids = (1..=taken.len() + 1).map(|number| format!("rId{number}"));
            let id = ids.find(|id| !taken.contains(id.as_str())).unwrap_or_default();
            let kind = self.class().relationship;
            let text = format!("<{prefix}Relationship Id=\"{id}\" Type=\"{kind}\" Target=\"{}\"/>", escape(target));
            match relationships.append(0, &text) {
                Some(edit) => changes.push(Change::Replace(self.relationships.0, relationships.with(vec![edit]))),
                None => return Err(source.damaged(0, format!("its part {RELATIONSHIPS} holds nothing"))),
            }
        }
        Ok(changes)
    }
}

impl Place {
    fn document(&self, source: &mut Source<'_>, package: &Package) -> Result<Document, Error> {
        let bytes = package.archive.read(source, self.index)?;
        Document::read(source, &self.name, self.at, &bytes)
    }

    fn labels(&self, source: &mut Source<'_>, package: &Package) -> Result<Vec<Label>, Error> {
        Ok(self.labels_of(&self.document(source, package)?))
    }

    fn labels_of(&self, document: &Document) -> Vec<Label> {
        let mut labels = Vec::new();
        for (index, element) in document.elements.iter().enumerate() {
            // A label inside a label goes with it; to read it too would read its text again for each around it.
            if labels.last().is_some_and(|last: &Label| element.range.start < last.range.end) {
                continue;
            }
            if self.custom && element.local == "property" {
                labels.extend(property(document, index, element));
            } else if !self.custom && element.parent == Some(0) {
                // Keywords, description: fields that some writers use for want of a better place.
                labels.extend(field(document, element));
            }
        }
        labels
    }
}

/// The label of a custom property.
fn property(document: &Document, index: usize, element: &Element) -> Option<Label> {
    let value = document.whole_text(index).trim().to_owned();
    let name = element.attribute("name").unwrap_or_default();
    let named = name.trim().eq_ignore_ascii_case("AIGC");
    if !named && loose::find_in_field(value.as_bytes()).is_empty() {
        return None;
    }
    let child = document.children(index).next().map(|(_, child)| child);
    let of_users = element.attribute("fmtid").is_some_and(|id| id.eq_ignore_ascii_case(USER_DEFINED));
    let text = child.filter(|child| child.local == "lpwstr" && document.children(index).count() == 1);
    let by_the_book = name == "AIGC" && of_users && text.is_some();
    let content = text.filter(|_| by_the_book).and_then(|child| child.inner.clone());
    let place = if named { "ooxml:custom property AIGC" } else { "ooxml:custom property" };
    Some(Label { place, by_the_book, value, range: element.range.clone(), remainder: String::new(), content })
}

/// The labels in a field of the core properties.
fn field(document: &Document, element: &Element) -> Option<Label> {
    let found = loose::find_in_field(element.text.as_bytes());
    let first = found.first()?;
    let remainder = loose::without(element.text.as_bytes(), &found);
    let remainder = String::from_utf8_lossy(&remainder);
    let range = element.inner.clone().filter(|inner| document.text.get(inner.clone()).is_some())?;
    let value = first.value.clone();
    Some(Label {
        place: "ooxml:core property",
        by_the_book: false,
        value,
        range,
        remainder: escape(&remainder),
        content: None,
    })
}

fn new_part(class: &Class, value: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n\
         <Properties xmlns=\"{}\" xmlns:vt=\"{}\">\
         <property fmtid=\"{USER_DEFINED}\" pid=\"2\" name=\"AIGC\"><vt:lpwstr>{}</vt:lpwstr></property></Properties>",
        class.properties,
        class.types,
        escape(value)
    )
}

/// The edit that adds the property to a part with others.
fn new_property(
    source: &Source<'_>,
    document: &Document,
    at: u64,
    value: &str,
) -> Result<(Range<usize>, String), Error> {
    let root = document.root().filter(|root| root.local == "Properties");
    let class =
        [&TRANSITIONAL, &STRICT].into_iter().find(|class| root.is_some_and(|root| root.uri == class.properties));
    let (Some(root), Some(class)) = (root, class) else {
        return Err(source.damaged(at, "its custom properties are of no known namespace"));
    };
    // Pids begin with 2 ([MS-OLEPS] 2.18: 0 and 1 are reserved).
    let pids = document.elements.iter().filter_map(|element| element.attribute("pid")?.trim().parse::<u32>().ok());
    let pid = pids.max().unwrap_or(1).max(1).checked_add(1).filter(|pid| i32::try_from(*pid).is_ok());
    let Some(pid) = pid else { return Err(source.unsupported("its custom properties have no number left")) };
    let (prefix, types, text) = (&root.prefix, class.types, escape(value));
    let property = format!(
        "<{prefix}property fmtid=\"{USER_DEFINED}\" pid=\"{pid}\" name=\"AIGC\">\
         <vt:lpwstr xmlns:vt=\"{types}\">{text}</vt:lpwstr></{prefix}property>"
    );
    document.append(0, &property).ok_or_else(|| source.damaged(at, "its custom properties are no sound XML"))
}

/// Why a compound file is refused.
fn compound(source: &mut Source<'_>) -> Error {
    // Names in the directory are UTF-16; where it stands differs, and it is mostly near one of the ends.
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = source.len();
    let window = length.min(1 << 20);
    let encrypted = [0, length - window].into_iter().any(|at| {
        let part = source.part(at, window, "a compound file").unwrap_or_default();
        memchr::memmem::find(&part, &name).is_some()
    });
    source.unsupported(if encrypted {
        "it is encrypted with a password; take the password off, label it, and encrypt it again"
    } else {
        "it is of the binary formats before 2007 (DOC, XLS, PPT); save it as DOCX, XLSX or PPTX first"
    })
}

#[cfg(test)]
mod tests;
