use std::io::Cursor;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::samples::{boxed, flac, pdf, riff_of};
use super::*;
use crate::carrier::edit::trial::encoded;
use crate::carrier::riff;

/// A value in CBOR.
fn cbor(value: &Value) -> Vec<u8> {
    let head = |major: u8, count: usize| [&[major << 5 | 26], (count as u32).to_be_bytes().as_slice()].concat();
    match value {
        Value::String(text) => [head(3, text.len()), text.as_bytes().to_vec()].concat(),
        Value::Array(list) => [head(4, list.len()), list.iter().flat_map(cbor).collect()].concat(),
        Value::Object(map) => {
            let pairs = map.iter().flat_map(|(key, value)| [cbor(&json!(key)), cbor(value)].concat()).collect();
            [head(5, map.len()), pairs].concat()
        }
        Value::Bool(true) => vec![0xF5],
        // Byte strings stand where JSON has nothing: hashes.
        _ => [head(2, 4), vec![1, 2, 3, 4]].concat(),
    }
}

fn superbox(kind: &[u8; 4], label: &str, inner: &[Vec<u8>]) -> Vec<u8> {
    let rest = *b"\0\x11\0\x10\x80\0\0\xAA\0\x38\x9B\x71";
    let jumd = boxed(b"jumd", &[kind.as_slice(), &rest, &[3], label.as_bytes(), &[0]].concat());
    boxed(b"jumb", &[jumd, inner.concat()].concat())
}

fn content(kind: &[u8; 4], label: &str, value: &Value) -> Vec<u8> {
    superbox(kind, label, &[boxed(b"cbor", &cbor(value))])
}

/// A manifest of a claim and assertions.
fn manifest(kind: &[u8; 4], label: &str, claim: &Value, assertions: &[(&str, Value)]) -> Vec<u8> {
    let list: Vec<Vec<u8>> = assertions.iter().map(|(label, value)| content(b"cbor", label, value)).collect();
    let claim = content(b"c2cl", "c2pa.claim.v2", claim);
    superbox(kind, label, &[superbox(b"c2as", "c2pa.assertions", &list), claim])
}

fn store(manifests: &[Vec<u8>]) -> Vec<u8> {
    superbox(b"c2pa", "c2pa", manifests)
}

fn created(source: &str) -> Value {
    let agent = json!({"name": "Painter"});
    json!({"actions": [{"action": "c2pa.created", "digitalSourceType": source, "softwareAgent": agent, "hash": null}]})
}

const TRAINED: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

/// A store of one manifest, which says that the content is generated.
fn plain() -> Vec<u8> {
    let claim = json!({"dc:title": "A cat", "claim_generator_info": {"name": "Menshen", "version": "0.1"}, "alg": "x"});
    let label = json!({"Label": "1", "ProduceID": "p"});
    let assertions = [("c2pa.actions.v2", created(TRAINED)), ("cn.tc260.aigc", label), ("x.hash", json!({"h": null}))];
    store(&[manifest(b"c2ma", "urn:c2pa:1", &claim, &assertions)])
}

fn read(bytes: &[u8]) -> Result<Option<Manifest>, Error> {
    find(&mut Cursor::new(bytes))
}

/// APP11 segments of these pieces.
fn segments(number: u16, store: &[u8], piece: usize) -> Vec<u8> {
    let (header, body) = store.split_at(8);
    let mut all = Vec::new();
    for (index, part) in body.chunks(piece).enumerate() {
        let length = (2 + 8 + 8 + part.len()) as u16;
        all.extend([b"\xFF\xEB".as_slice(), &length.to_be_bytes(), b"JP", &number.to_be_bytes()].concat());
        all.extend([&(index as u32 + 1).to_be_bytes(), header, part].concat());
    }
    all
}

fn jpeg(inner: &[u8]) -> Vec<u8> {
    let plain = encoded(image::ImageFormat::Jpeg);
    [&plain[..20], inner, &plain[20..]].concat()
}

fn syncsafe(size: usize) -> [u8; 4] {
    std::array::from_fn(|at| (size >> (7 * (3 - at)) & 0x7F) as u8)
}

fn id3(major: u8, media_type: &str, store: &[u8]) -> Vec<u8> {
    let names: &[u8] = if major == 3 { b"c\x002\0\0\0p\0\0\0" } else { b"c2pa\0\0" };
    let data = [&[u8::from(major == 3)], media_type.as_bytes(), b"\0", names, store].concat();
    let size = if major == 4 { syncsafe(data.len()) } else { (data.len() as u32).to_be_bytes() };
    let title = [b"TIT2".as_slice(), &[0, 0, 0, 2, 0, 0, 0, b't']].concat();
    let body = [title, [b"GEOB".as_slice(), &size, &[0, 0], &data].concat()].concat();
    [b"ID3".as_slice(), &[major, 0, 0], &syncsafe(body.len()), &body].concat()
}

fn tiff(store: &[u8]) -> Vec<u8> {
    let field = [0xCD41_u16.to_le_bytes(), 7_u16.to_le_bytes()].concat();
    let place = [(store.len() as u32).to_le_bytes(), 26_u32.to_le_bytes()].concat();
    [b"II*\0\x08\0\0\0\x01\0".as_slice(), &field, &place, &[0; 4], store].concat()
}

fn c2pa_box(purpose: &str, store: &[u8]) -> Vec<u8> {
    let user = b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81";
    boxed(b"uuid", &[user.as_slice(), &[0; 4], purpose.as_bytes(), &[0; 9], store].concat())
}

fn film(boxes: &[Vec<u8>]) -> Vec<u8> {
    [boxed(b"ftyp", b"isom\0\0\x02\0isom"), boxes.concat(), boxed(b"mdat", &[7; 400])].concat()
}

fn gif(store: &[u8]) -> Vec<u8> {
    let plain = encoded(image::ImageFormat::Gif);
    let table = if plain[10] & 0x80 == 0 { 0 } else { 3 << ((plain[10] & 7) + 1) };
    let blocks: Vec<u8> = store.chunks(255).flat_map(|part| [&[part.len() as u8], part].concat()).collect();
    let extension = [b"\x21\xFE\x02hi\0\x21\xFF\x0BC2PA_GIF\x01\0\0".as_slice(), &blocks, &[0]].concat();
    [&plain[..13 + table], &extension, &plain[13 + table..]].concat()
}

fn attached(relationship: &str, store: &[u8]) -> Vec<u8> {
    let stream = [format!("<</Length {}>>\nstream\n", store.len()).as_bytes(), store, b"\nendstream"].concat();
    let file = format!("<</Type/Filespec/AFRelationship/{relationship}/F(c.c2pa)/EF<</F 3 0 R>>>>");
    pdf(&[b"<</Type/Catalog/AF[2 0 R]>>".to_vec(), file.into_bytes(), stream])
}

/// The store in a file of every format.
fn everywhere(store: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let png = encoded(image::ImageFormat::Png);
    let chunk = [&(store.len() as u32).to_be_bytes(), b"caBX".as_slice(), store, &[0; 4]].concat();
    let data = riff::bytes(b"data", &[5; 99]);
    let deprecated = "application/x-c2pa-manifest-store";
    vec![
        ("jpeg", jpeg(&segments(1, store, 60_000))),
        ("jpeg in pieces", jpeg(&segments(7, store, 100))),
        ("png", [&png[..33], &chunk, &png[33..]].concat()),
        ("gif", gif(store)),
        ("webp", riff_of(b"WEBP", &[riff::bytes(b"VP8 ", &[1; 30]), riff::bytes(b"C2PA", store)])),
        ("wav", riff_of(b"WAVE", &[riff::bytes(b"C2PA", store), data])),
        ("tiff", tiff(store)),
        ("mp3 2.4", [id3(4, "application/c2pa", store), b"\xFF\xFB\x90\0".to_vec()].concat()),
        ("mp3 2.3", [id3(3, deprecated, store), b"\xFF\xFB\x90\0".to_vec()].concat()),
        ("flac", [id3(4, deprecated, store), flac()].concat()),
        ("mp4", film(&[c2pa_box("manifest", store)])),
        ("pdf", attached("C2PA_Manifest", store)),
    ]
}

#[test]
fn a_store_is_found_in_every_format() {
    let store = plain();
    for (format, file) in everywhere(&store) {
        let found = read(&file).unwrap_or_else(|error| panic!("{format}: {error}"));
        let found = found.unwrap_or_else(|| panic!("{format}: not found"));
        assert_eq!(found.label, "urn:c2pa:1", "{format}");
        let generator = Generator { name: "Menshen".into(), version: Some("0.1".into()) };
        assert_eq!(found.generator, Some(generator), "{format}");
        assert_eq!(found.title.as_deref(), Some("A cat"));
        assert!(found.generated);
        assert_eq!(found.actions.len(), 1);
        let Action { action, digital_source_type, software, when, manifest } = &found.actions[0];
        assert_eq!((action.as_str(), digital_source_type.as_deref()), ("c2pa.created", Some(TRAINED)));
        assert_eq!((software.as_deref(), when, manifest.as_str()), (Some("Painter"), &None, "urn:c2pa:1"));
        assert_eq!(found.aigc.as_deref(), Some(r#"{"Label":"1","ProduceID":"p"}"#));
        assert_eq!((found.manifests, found.size, &found.unread), (1, store.len() as u64, &None));
        assert!(found.warning().contains("of Menshen"));
        assert_eq!(found.trace(), Some(crate::inspect::Trace::C2pa("Menshen".into())));
    }
}

#[test]
fn files_without_a_store_have_none() {
    for (ending, _, file) in super::samples::all() {
        assert_eq!(read(&file).unwrap(), None, "{ending}");
    }
    for file in [b"".as_slice(), b"words", b"\x89PNG\r\n\x1A\n", b"ID3"] {
        assert_eq!(read(file).unwrap(), None);
    }
    // Another file that a PDF is associated with, other JUMBF, another box, another object.
    let other = superbox(b"xxxx", "360", &[]);
    for file in [
        attached("Source", &plain()),
        jpeg(&segments(1, &other, 60_000)),
        film(&[c2pa_box("merkle", &plain())]),
        [id3(4, "image/png", &plain()), b"\xFF\xFB\x90\0".to_vec()].concat(),
    ] {
        assert_eq!(read(&file).unwrap(), None);
    }
}

#[test]
fn other_jumbf_may_stand_beside() {
    let file = jpeg(&[segments(1, &superbox(b"xxxx", "360", &[]), 20), segments(2, &plain(), 300)].concat());
    assert_eq!(read(&file).unwrap().unwrap().label, "urn:c2pa:1");
}

#[test]
fn claims_of_version_one_are_read() {
    let list = json!({"claim_generator": "x/1", "claim_generator_info": [{"name": "Photo Tool", "version": "2"}]});
    let agent = json!({"claim_generator": "Adobe_Photoshop/22.5 c2pa-rs/0.7"});
    let words = json!({"claim_generator": "Photo Tool"});
    let expected = [("Photo Tool", Some("2")), ("Adobe_Photoshop", Some("22.5")), ("Photo Tool", None)];
    for (claim, (name, version)) in [list, agent, words].iter().zip(expected) {
        let actions = json!({"actions": [{"action": "c2pa.edited", "softwareAgent": "Tool 1", "when": "2024"}]});
        let one = manifest(b"c2ma", "v:urn:uuid:1", claim, &[("c2pa.actions__1", actions)]);
        let found = read(&film(&[c2pa_box("manifest", &store(&[one]))])).unwrap().unwrap();
        let generator = found.generator.unwrap();
        assert_eq!((generator.name.as_str(), generator.version.as_deref()), (name, version));
        assert_eq!(
            (found.actions[0].software.as_deref(), found.actions[0].when.as_deref()),
            (Some("Tool 1"), Some("2024"))
        );
        assert!(!found.generated);
    }
}

#[test]
fn source_types_of_generated_content() {
    let is = |source: &str| {
        let one = manifest(b"c2ma", "m", &json!({}), &[("c2pa.actions", created(source))]);
        read(&film(&[c2pa_box("manifest", &store(&[one]))])).unwrap().unwrap().generated
    };
    for kind in ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia"] {
        assert!(is(&format!("http://cv.iptc.org/newscodes/digitalsourcetype/{kind}")));
    }
    assert!(is("http://c2pa.org/digitalsourcetype/trainedAlgorithmicData"));
    for kind in ["digitalCapture", "algorithmicallyEnhanced", "xtrainedAlgorithmicMedia", ""] {
        assert!(!is(&format!("http://cv.iptc.org/newscodes/digitalsourcetype/{kind}")));
    }
}

#[test]
fn parents_say_what_the_active_manifest_leaves_out() {
    let first = manifest(b"c2ma", "urn:c2pa:1", &json!({}), &[("c2pa.actions", created(TRAINED))]);
    let link = |key: &str, relationship: &str| {
        let url = "self#jumbf=/c2pa/urn:c2pa:1";
        json!({"relationship": relationship, key: {"url": url, "hash": null}})
    };
    let opened = json!({"actions": [{"action": "c2pa.opened"}]});
    let cases = [
        ("c2pa.ingredient.v3", link("activeManifest", "parentOf"), true),
        ("c2pa.ingredient__2", link("c2pa_manifest", "parentOf"), true),
        ("c2pa.ingredient.v3", link("activeManifest", "componentOf"), false),
        ("c2pa.ingredient.v3", json!({"relationship": "parentOf"}), false),
    ];
    for (label, ingredient, generated) in cases {
        for kind in [b"c2ma", b"c2um"] {
            let assertions = [("c2pa.actions", opened.clone()), (label, ingredient.clone())];
            let second = manifest(kind, "urn:c2pa:2", &json!({}), &assertions);
            let boxes = [
                c2pa_box("update", &store(std::slice::from_ref(&second))),
                c2pa_box("original", &store(std::slice::from_ref(&first))),
            ];
            for file in [film(&[c2pa_box("manifest", &store(&[first.clone(), second.clone()]))]), film(&boxes)] {
                let found = read(&file).unwrap().unwrap();
                assert_eq!((found.label.as_str(), found.manifests), ("urn:c2pa:2", 2));
                assert_eq!(found.generated, generated, "{label} {ingredient}");
                assert_eq!(found.actions[0].action, "c2pa.opened");
                assert_eq!(found.actions.len(), 1 + usize::from(generated));
            }
        }
    }
    // A manifest that is its own parent.
    let own = manifest(b"c2ma", "urn:c2pa:1", &json!({}), &[("c2pa.ingredient", link("c2pa_manifest", "parentOf"))]);
    assert!(!read(&film(&[c2pa_box("manifest", &store(&[own]))])).unwrap().unwrap().generated);
}

#[test]
fn compressed_manifests_are_named() {
    let packed = superbox(b"c2cm", "urn:c2pa:9", &[boxed(b"brob", b"...")]);
    let found = read(&film(&[c2pa_box("manifest", &store(&[packed]))])).unwrap().unwrap();
    assert_eq!(found.label, "urn:c2pa:9");
    assert!(found.unread.unwrap().contains("compressed"));
}

#[test]
fn damaged_stores_are_refused_with_a_reason() {
    let whole = plain();
    let none = store(&[]);
    let claimless = store(&[superbox(b"c2ma", "m", &[])]);
    let other = superbox(b"c2ma", "m", &[]);
    let deep = (0..9).fold(boxed(b"cbor", &[0x81; 99]), |inner, _| superbox(b"c2ma", "m", &[inner]));
    let mut long = whole.clone();
    long[0..4].copy_from_slice(&u32::MAX.to_be_bytes());
    for bad in [&whole[..whole.len() - 1], &whole[..30], b"", &none, &claimless, &other, &deep, &long] {
        let error = read(&film(&[c2pa_box("manifest", bad)])).unwrap_err();
        assert!(matches!(error, Error::Credentials(_)), "{error}");
        assert!(error.to_string().contains("cannot be read"));
    }
    // A length that is not there asks for no memory.
    let png = [b"\x89PNG\r\n\x1A\n".as_slice(), b"\xFF\xFF\xFF\xFFcaBX"].concat();
    assert!(matches!(read(&png), Err(Error::Damaged { .. })));
    assert!(read(&tiff(&whole)[..200]).is_err());
    assert!(matches!(read(&film(&[b"\0\0\0\x04uuid".to_vec()])), Err(Error::Damaged { .. })));
}

#[test]
fn a_store_beyond_the_limit_is_refused() {
    // A file that says it has 65 MiB, and has them as a hole.
    let mut file = tempfile::tempfile().unwrap();
    let size = 65_u32 << 20;
    std::io::Write::write_all(&mut file, &[b"\x89PNG\r\n\x1A\n".as_slice(), &size.to_be_bytes(), b"caBX"].concat())
        .unwrap();
    file.set_len(u64::from(size) + 100).unwrap();
    assert!(matches!(find(&mut file), Err(Error::TooMuch { .. })));
}

#[test]
fn only_the_way_to_the_store_is_read() {
    struct Counting(Cursor<Vec<u8>>, u64);
    impl std::io::Read for Counting {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.read(buffer)?;
            self.1 += count as u64;
            Ok(count)
        }
    }
    impl std::io::Seek for Counting {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            self.0.seek(to)
        }
    }
    let store = plain();
    let large = [film(&[c2pa_box("manifest", &store)]), boxed(b"mdat", &vec![0; 8 << 20])].concat();
    let mut input = Counting(Cursor::new(large), 0);
    assert!(find(&mut input).unwrap().is_some());
    assert!(input.1 < 40_000 + store.len() as u64, "{}", input.1);
}

proptest! {
    #[test]
    fn damaged_files_are_read_or_refused(
        which in 0_usize..12,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        static FILES: LazyLock<Vec<(&'static str, Vec<u8>)>> = LazyLock::new(|| everywhere(&plain()));
        let mut file = FILES[which].1.clone();
        for (at, byte) in damage {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let cut = cut.index(file.len());
        for bytes in [&file[..], &file[..cut]] {
            match read(bytes) {
                Ok(Some(found)) => prop_assert!(found.manifests > 0),
                Ok(None) => {}
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn damaged_stores_are_read_or_refused(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = plain();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(found) = super::store::active(&[bytes]) {
            prop_assert!(found.manifests > 0);
        }
    }
}
