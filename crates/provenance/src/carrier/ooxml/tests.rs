use std::io::{Cursor, Read};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::*;

const LABEL: &str = r#"{"Label":"1","ContentProducer":"001191110102MACQD9K64010000","ProduceID":"p-1"}"#;
const NEW: &str = r#"{"Label":"2","ContentProducer":"X&<Y>","ProduceID":"p-2","ReservedCode1":"{\"a\":1}"}"#;
const PLAIN_TYPES: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>";
const PLAIN_RELATIONSHIPS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"word/document.xml\"/></Relationships>";

fn document(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut put = |name: &str, text: &str| {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    };
    for (name, text) in [(TYPES, PLAIN_TYPES), (RELATIONSHIPS, PLAIN_RELATIONSHIPS)] {
        if parts.iter().all(|(other, _)| *other != name) {
            put(name, text);
        }
    }
    for (name, text) in parts {
        put(name, text);
    }
    put("word/document.xml", &"<w:document/>".repeat(500));
    writer.finish().unwrap().into_inner()
}

fn part(bytes: &[u8], name: &str) -> String {
    let mut text = String::new();
    ZipArchive::new(Cursor::new(bytes)).unwrap().by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn labels(bytes: &[u8]) -> Vec<Found> {
    (OOXML.read)(&mut Cursor::new(bytes)).unwrap()
}

fn labelled(bytes: &[u8], value: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    (OOXML.write)(&mut Cursor::new(bytes), &mut out, value)?;
    Ok(out)
}

/// Exactly one label, at the place of the guide.
fn check_one(bytes: &[u8], value: &str) {
    let found = labels(bytes);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].by_the_book, "{found:?}");
    assert_eq!(found[0].value, value);
    assert_eq!(found[0].place, "ooxml:custom property AIGC");
    assert_eq!(part(bytes, TYPES).matches(CUSTOM_TYPE).count(), 1);
    assert_eq!(part(bytes, RELATIONSHIPS).matches("ustom").count() / 2, 1);
}

#[test]
fn a_new_label_is_registered() {
    let old = document(&[]);
    assert!((OOXML.sniff)(&old) && labels(&old).is_empty());
    let new = labelled(&old, LABEL).unwrap();
    check_one(&new, LABEL);
    assert_eq!(
        part(&new, CUSTOM),
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n<Properties \
         xmlns=\"http://schemas.openxmlformats.org/officeDocument/2006/custom-properties\" \
         xmlns:vt=\"http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes\"><property \
         fmtid=\"{D5CDD505-2E9C-101B-9397-08002B2CF9AE}\" pid=\"2\" name=\"AIGC\"><vt:lpwstr>{&quot;Label&quot;:&quot;1&quot;,\
         &quot;ContentProducer&quot;:&quot;001191110102MACQD9K64010000&quot;,&quot;ProduceID&quot;:&quot;p-1&quot;}\
         </vt:lpwstr></property></Properties>"
    );
    assert!(part(&new, RELATIONSHIPS).contains("Id=\"rId2\""));
    assert_eq!(part(&new, "word/document.xml"), part(&old, "word/document.xml"));
    // Writing again changes the value and nothing else.
    let again = labelled(&new, NEW).unwrap();
    check_one(&again, NEW);
    assert_eq!(part(&again, TYPES), part(&new, TYPES));
    assert_eq!(part(&again, RELATIONSHIPS), part(&new, RELATIONSHIPS));
    assert_eq!(labelled(&again, LABEL).unwrap(), new);
}

#[test]
fn other_properties_stay() {
    let custom = format!(
        "<op:Properties xmlns:op=\"{}\" xmlns:v=\"{}\"><!-- c --><op:property fmtid=\"{USER_DEFINED}\" pid=\"7\" name=\"Client\">\
         <v:lpwstr>A &amp; B</v:lpwstr></op:property><op:property fmtid=\"{USER_DEFINED}\" pid=\"8\" name=\"aigc\">\
         <v:lpwstr>{}</v:lpwstr></op:property></op:Properties>",
        TRANSITIONAL.properties,
        TRANSITIONAL.types,
        escape(LABEL)
    );
    let core = format!(
        "<c:coreProperties xmlns:c=\"x\"><c:keywords>red {}; blue</c:keywords><c:t>AIGC</c:t></c:coreProperties>",
        escape(&format!("{{\"AIGC\":{LABEL}}}"))
    );
    let old = document(&[(CUSTOM, &custom), (CORE, &core)]);
    let found: Vec<_> = labels(&old).into_iter().map(|one| (one.place, one.by_the_book)).collect();
    let expected = [("ooxml:custom property AIGC".to_owned(), false), ("ooxml:core property".to_owned(), false)];
    assert_eq!(found, expected);
    let new = labelled(&old, NEW).unwrap();
    check_one(&new, NEW);
    let text = part(&new, CUSTOM);
    assert!(text.starts_with(
        custom.split("<op:property fmtid=\"{D5CDD505-2E9C-101B-9397-08002B2CF9AE}\" pid=\"8\"").next().unwrap()
    ));
    assert!(text.contains(
        "<op:property fmtid=\"{D5CDD505-2E9C-101B-9397-08002B2CF9AE}\" pid=\"9\" name=\"AIGC\"><vt:lpwstr xmlns:vt="
    ));
    assert!(part(&new, CORE).contains("<c:keywords>red ; blue</c:keywords><c:t>AIGC</c:t>"));
}

#[test]
fn one_label_stays_of_several() {
    let custom = format!(
        "<Properties xmlns=\"{}\" xmlns:vt=\"{}\">{}</Properties>",
        TRANSITIONAL.properties,
        TRANSITIONAL.types,
        (2..5)
            .map(|pid| format!(
                "<property fmtid=\"{USER_DEFINED}\" pid=\"{pid}\" name=\"AIGC\"><vt:lpwstr>{}</vt:lpwstr></property>",
                escape(LABEL)
            ))
            .collect::<String>()
    );
    let old = document(&[(CUSTOM, &custom)]);
    assert_eq!(labels(&old).len(), 3);
    let new = labelled(&old, NEW).unwrap();
    check_one(&new, NEW);
    assert!(part(&new, CUSTOM).contains("pid=\"2\"") && !part(&new, CUSTOM).contains("pid=\"3\""));
}

#[test]
fn strict_documents_get_strict_names() {
    let strict = PLAIN_RELATIONSHIPS
        .replace("http://schemas.openxmlformats.org/officeDocument/2006", "http://purl.oclc.org/ooxml/officeDocument");
    let new = labelled(&document(&[(RELATIONSHIPS, &strict)]), LABEL).unwrap();
    assert!(part(&new, CUSTOM).contains(STRICT.properties) && part(&new, RELATIONSHIPS).contains(STRICT.relationship));
    assert_eq!(labels(&new).len(), 1);
}

#[test]
fn another_part_is_followed() {
    let relationships = PLAIN_RELATIONSHIPS.replace(
        "</Relationships>",
        &format!(
            "<Relationship Id=\"rId9\" Type=\"{}\" Target=\"/props/mine.xml\"/></Relationships>",
            TRANSITIONAL.relationship
        ),
    );
    let empty = format!("<Properties xmlns=\"{}\"/>", TRANSITIONAL.properties);
    let stray = format!(
        "<Properties xmlns=\"{}\" xmlns:vt=\"{}\"><property fmtid=\"{USER_DEFINED}\" pid=\"2\" name=\"AIGC\"><vt:lpwstr>{}</vt:lpwstr></property></Properties>",
        TRANSITIONAL.properties,
        TRANSITIONAL.types,
        escape(LABEL)
    );
    let old = document(&[(RELATIONSHIPS, &relationships), ("props/mine.xml", &empty), (CUSTOM, &stray)]);
    assert_eq!(labels(&old).len(), 1);
    let new = labelled(&old, NEW).unwrap();
    assert_eq!(labels(&new).iter().map(|one| one.value.as_str()).collect::<Vec<_>>(), [NEW]);
    assert!(part(&new, "props/mine.xml").contains("AIGC") && !part(&new, CUSTOM).contains("AIGC"));
    assert!(part(&new, TYPES).contains("/props/mine.xml"));
}

#[test]
fn what_cannot_be_labelled_is_refused_with_the_reason() {
    let mut encrypted = COMPOUND.to_vec();
    encrypted.resize(2048, 0);
    assert!((OOXML.sniff)(&encrypted));
    let reason = |bytes: &[u8]| labelled(bytes, LABEL).unwrap_err().to_string();
    assert!(reason(&encrypted).contains("before 2007"));
    encrypted.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    assert!(reason(&encrypted).contains("password"));
    assert!((OOXML.read)(&mut Cursor::new(encrypted)).is_err());
    assert!(reason(&document(&[(CUSTOM, "<Properties xmlns=\"other\"/>")])).contains("namespace"));
    assert!(reason(&document(&[(CUSTOM, "<Properties")])).contains("sound XML"));
    assert!(reason(&document(&[(TYPES, "<Types/>")])).contains("content types"));
    let sound = document(&[]);
    assert!(reason(&sound[..sound.len() / 2]).contains("cut off"));
    assert!(reason(b"").contains("cut off"));
}

#[test]
fn a_bomb_does_not_go_off() {
    // 40 MB of spaces in 40 kB.
    let bomb = " ".repeat(40 << 20);
    let custom = format!("<Properties xmlns=\"{}\">{bomb}</Properties>", TRANSITIONAL.properties);
    let bytes = document(&[(CUSTOM, &custom)]);
    assert!(bytes.len() < 100_000);
    assert!(matches!(labelled(&bytes, LABEL), Err(Error::TooMuch { .. })));
}

proptest! {
    #[test]
    fn any_value_comes_back(value in "[ -~\u{4E00}-\u{4E20}\n\t]{1,200}") {
        prop_assume!(!value.trim().is_empty());
        let new = labelled(&document(&[]), value.trim()).unwrap();
        prop_assert_eq!(&labels(&new)[0].value, value.trim());
    }

    #[test]
    fn damaged_documents_are_refused_or_read(
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        labelled_before in any::<bool>(),
    ) {
        let mut bytes = document(&[]);
        if labelled_before {
            bytes = labelled(&bytes, LABEL).unwrap();
        }
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = (OOXML.read)(&mut Cursor::new(bytes.as_slice()));
        if let Ok(new) = labelled(&bytes, NEW) {
            prop_assert_eq!(labels(&new).len(), 1);
        }
    }
}
