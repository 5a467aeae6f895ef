//! XMP packets (ISO 16684-1) and IPTC blocks (IPTC-IIM 4.2; Adobe's image resources), field by field.

use std::collections::HashMap;
use std::io::Cursor;

use super::field::Finder;
use crate::Error;
use crate::carrier::edit::Source;
use crate::carrier::elements::Document;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
/// Longest packet that is read.
pub(super) const LONGEST: u64 = 4 << 20;
/// The names that the list of marks has for namespaces.
const SPACES: [(&str, &str); 11] = [
    ("http://ns.adobe.com/xap/1.0/", "xmp"),
    ("http://ns.adobe.com/xap/1.0/mm/", "xmpMM"),
    ("http://ns.adobe.com/xap/1.0/rights/", "xmpRights"),
    ("http://ns.adobe.com/xap/1.0/sType/ResourceEvent#", "stEvt"),
    ("http://ns.adobe.com/tiff/1.0/", "tiff"),
    ("http://ns.adobe.com/exif/1.0/", "exif"),
    ("http://ns.adobe.com/photoshop/1.0/", "photoshop"),
    ("http://ns.adobe.com/pdf/1.3/", "pdf"),
    ("http://purl.org/dc/elements/1.1/", "dc"),
    ("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "Iptc4xmpExt"),
    ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "Iptc4xmpCore"),
];

/// The properties of a packet, those in structures too. What is no sound packet says nothing.
pub(super) fn xmp(finder: &mut Finder<'_>, packet: &[u8], at: Option<u64>) {
    let packet = packet.trim_ascii();
    let end = packet.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut nothing = Cursor::new([]);
    let Ok(source) = Source::new(&mut nothing, "XMP") else { return };
    let Ok(document) = Document::read(&source, "XMP", 0, packet.get(..end).unwrap_or_default()) else { return };
    // Prefixes are bound once in the packets of all writers; where one is bound twice the last counts.
    let declared = document.elements.iter().flat_map(|element| &element.attributes);
    let prefixes: HashMap<&str, &str> =
        declared.filter_map(|(name, uri)| Some((name.strip_prefix("xmlns:")?, uri.as_str()))).collect();
    for (index, element) in document.elements.iter().enumerate() {
        // A value in a list or a description belongs to the property around it.
        let mut owner = Some(index);
        while let Some(found) = owner.and_then(|index| document.elements.get(index)).filter(|e| e.uri == RDF) {
            owner = found.parent;
        }
        let property = owner
            .and_then(|index| document.elements.get(index))
            .map(|owner| name(&owner.uri, &owner.local, &owner.prefix));
        if let Some(property) = &property {
            finder.see(property, &element.text, at);
        }
        for (key, value) in &element.attributes {
            let Some((prefix, local)) = key.split_once(':') else { continue };
            let uri = prefixes.get(prefix).copied().unwrap_or_default();
            match (uri, &property) {
                (RDF, Some(property)) if local == "resource" || local == "value" => finder.see(property, value, at),
                (RDF, _) => {}
                _ if prefix == "xmlns" || prefix == "xml" => {}
                _ => finder.see(&name(uri, local, prefix), value, at),
            }
        }
    }
}

fn name(uri: &str, local: &str, prefix: &str) -> String {
    let known = SPACES.iter().find(|(known, _)| *known == uri).map(|(_, name)| *name);
    format!("{}:{local}", known.unwrap_or(prefix.trim_end_matches(':')))
}

/// Adobe's image resources: `8BIM`, of which 0404 holds IPTC.
pub(super) fn resources(finder: &mut Finder<'_>, mut bytes: &[u8], at: Option<u64>) {
    while let Some(rest) = bytes.strip_prefix(b"8BIM") {
        let step = || -> Option<(u16, &[u8], &[u8])> {
            let id = u16::from_be_bytes(*rest.first_chunk::<2>()?);
            // The name is a Pascal string, made even.
            let named = 2 + (usize::from(*rest.get(2)?) + 2) / 2 * 2;
            let length = usize::try_from(u32::from_be_bytes(*rest.get(named..)?.first_chunk::<4>()?)).ok()?;
            let data = rest.get(named + 4..)?;
            let next = data.get(length.checked_add(length & 1)?..).unwrap_or_default();
            Some((id, data.get(..length)?, next))
        };
        let Some((id, data, next)) = step() else { return };
        if id == 0x0404 {
            iptc(finder, data, at);
        }
        bytes = next;
    }
}

/// Data sets of IPTC: `iptc:2:65` is the originating program.
pub(super) fn iptc(finder: &mut Finder<'_>, mut bytes: &[u8], at: Option<u64>) {
    while let [0x1C, record, set, high, low, rest @ ..] = bytes {
        // Lengths with the highest bit are of sets too long for texts.
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((value, next)) = rest.split_at_checked(length) else { return };
        finder.see_bytes(&format!("iptc:{record}:{set:02}"), value, at);
        bytes = next;
    }
}

/// Packets wherever they stand in a file: XMP is written so that it can be found by a search (XMP specification part 3,
/// packet scanning). `more` is called with what else is searched for, where it was found.
pub(super) fn scan(
    source: &mut Source<'_>,
    finder: &mut Finder<'_>,
    other: Option<&[u8]>,
    mut more: impl FnMut(&mut Source<'_>, &mut Finder<'_>, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    const BEGIN: &[u8] = b"<x:xmpmeta";
    const END: &[u8] = b"</x:xmpmeta>";
    /// How far is searched, and how many are read.
    const FAR: u64 = 256 << 20;
    const MOST: usize = 64;
    let mut at = 0;
    let mut read = 0;
    while at < source.len().min(FAR) && read < MOST {
        let window = source.at(at, usize::MAX)?;
        let packet = memchr::memmem::find(window, BEGIN);
        let hit = other.and_then(|other| memchr::memmem::find(window, other));
        let length = window.len();
        match (packet, hit) {
            (None, None) => at += length.saturating_sub(BEGIN.len()).max(1) as u64,
            (packet, Some(hit)) if packet.is_none_or(|packet| hit < packet) => {
                read += 1;
                at += hit as u64;
                more(source, finder, at)?;
                at += 1;
            }
            (packet, _) => {
                read += 1;
                at += packet.unwrap_or(0) as u64;
                let room = (source.len() - at).min(LONGEST);
                let bytes = source.part(at, room, "a packet")?;
                let end = memchr::memmem::find(&bytes, END).map(|end| end + END.len());
                xmp(finder, bytes.get(..end.unwrap_or(0)).unwrap_or_default(), Some(at));
                at += end.unwrap_or(BEGIN.len()) as u64;
            }
        }
    }
    Ok(())
}
