use super::super::media::check::{OTHER, VALUE, hostile, labelled, places, read, write};
use super::*;

fn tag(kind: u8, data: &[u8]) -> Vec<u8> {
    framed([kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], data).unwrap()
}

fn head() -> Vec<u8> {
    b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec()
}

fn name(name: &str) -> Vec<u8> {
    [&(name.len() as u16).to_be_bytes(), name.as_bytes()].concat()
}

fn text(key: &str, value: &str) -> Vec<u8> {
    [name(key), vec![2], name(value)].concat()
}

fn number(value: f64) -> Vec<u8> {
    [[0].as_slice(), &value.to_be_bytes()].concat()
}

fn object(kind: u8, properties: &[Vec<u8>]) -> Vec<u8> {
    let count = if kind == 8 { (properties.len() as u32).to_be_bytes().to_vec() } else { Vec::new() };
    [vec![kind], count, properties.concat(), vec![0, 0, 9]].concat()
}

fn script(value: &[u8]) -> Vec<u8> {
    tag(SCRIPT, &[vec![2], name("onMetaData"), value.to_vec()].concat())
}

fn frames() -> Vec<u8> {
    [tag(9, &[0x17, 0, 1, 2]), tag(8, &[0xAF, 1, 9]), tag(9, &[0x17, 1, 7, 7, 7])].concat()
}

#[test]
fn the_property_comes_first_and_others_stay() {
    for kind in [3, 8] {
        let metadata = script(&object(kind, &[text("encoder", "e"), [name("width"), number(640.0)].concat()]));
        let file = [head(), metadata, frames()].concat();
        let out = labelled(&FLV, &file);
        assert!(out.ends_with(&frames()));
        let kept = [text("encoder", "e"), name("width"), number(640.0)].concat();
        assert!(out.windows(kept.len()).any(|window| window == kept));
        hostile(&FLV, &file);
    }
    let file = [head(), script(&object(8, &[text("AIGC", OTHER), text("encoder", "e")])), frames()].concat();
    let out = labelled(&FLV, &file);
    assert_eq!(out[13 + 11 + 14..][..4], [0, 0, 0, 2], "the number of properties");
}

#[test]
fn without_metadata_a_tag_is_made() {
    let file = [head(), frames()].concat();
    let out = labelled(&FLV, &file);
    assert!(out.ends_with(&frames()));
    let out = write(&FLV, &file, "{}").unwrap();
    let golden =
        b"\x12\0\0\x20\0\0\0\0\0\0\0\x02\0\x0AonMetaData\x08\0\0\0\x01\0\x04AIGC\x02\0\x02{}\0\0\x09\0\0\0\x2B";
    assert_eq!(out[13..13 + golden.len()], *golden);
}

#[test]
fn places_in_the_file_move_along() {
    let build = |places: [f64; 2], size: f64| {
        let list = |values: &[f64]| {
            let count = (values.len() as u32).to_be_bytes();
            [[10].as_slice(), &count, &values.iter().flat_map(|value| number(*value)).collect::<Vec<u8>>()].concat()
        };
        let inner = [[name("filepositions"), list(&places)].concat(), [name("times"), list(&[0.0, 1.0])].concat()];
        let keyframes = [name("keyframes"), object(3, &inner)].concat();
        let metadata = script(&object(8, &[[name("filesize"), number(size)].concat(), keyframes]));
        // A second one, with a label, in the middle.
        let second = script(&object(8, &[text("AIGC", OTHER)]));
        [head(), metadata, tag(9, &[0x17, 0, 1]), second, tag(9, &[0x17, 1, 2])].concat()
    };
    let keyframes = |file: &[u8]| -> Vec<f64> {
        file.windows(3)
            .enumerate()
            .filter(|(_, window)| *window == [9, 0, 0])
            .map(|(at, _)| at as f64)
            .collect::<Vec<_>>()
    };
    let draft = build([0.0; 2], 0.0);
    let at = |file: &[u8]| {
        let all = keyframes(file);
        [all[all.len() - 2], all[all.len() - 1]]
    };
    let file = build(at(&draft), draft.len() as f64);
    assert_eq!(places(&FLV, &file), ["flv:onMetaData AIGC"]);
    let out = labelled(&FLV, &file);
    let script = amf::read(&out[24..]).unwrap();
    let numbers: Vec<f64> =
        script.places.iter().map(|at| f64::from_be_bytes(out[24 + at..32 + at].try_into().unwrap())).collect();
    assert_eq!(numbers[0], out.len() as f64);
    assert_eq!(numbers[1..], at(&out));
    hostile(&FLV, &file);
}

#[test]
fn variants_are_found_and_only_one_is_left() {
    let xmp = format!("<x xmlns:t=\"http://www.tc260.org.cn/ns/AIGC/1.0/\"><t:AIGC>{OTHER}</t:AIGC></x>");
    let live = tag(SCRIPT, &[vec![2], name("onXMPData"), object(8, &[text("liveXML", &xmp)])].concat());
    let inner = [name("custom"), object(3, &[text("AIGC", OTHER), text("keep", "kept")])].concat();
    let file = [head(), script(&object(8, &[text("comment", OTHER), inner])), live, frames()].concat();
    let found = places(&FLV, &file);
    assert_eq!(found, ["flv:onMetaData comment", "flv:onMetaData AIGC", "flv:onXMPData liveXML TC260:AIGC"]);
    assert!(read(&FLV, &file).unwrap().iter().all(|found| !found.by_the_book));
    let out = labelled(&FLV, &file);
    let words = String::from_utf8_lossy(&out);
    assert!(words.contains("kept") && words.contains("liveXML") && !words.contains("\"other\""));
    hostile(&FLV, &file);
}

#[test]
fn damage_and_excess_are_refused() {
    let file = [head(), script(&object(8, &[text("encoder", "e")])), frames()].concat();
    assert!(read(&FLV, &file[..file.len() - 6]).unwrap_err().to_string().contains("cut off"));
    let many = [head(), tag(SCRIPT, b"x").repeat(5000)].concat();
    assert!(matches!(write(&FLV, &many, VALUE), Err(Error::TooMuch { .. })));
    let deep = (0..5000).fold(text("a", "b"), |inner, _| [name("x"), object(3, &[inner])].concat());
    labelled(&FLV, &[head(), script(&object(8, &[deep])), frames()].concat());
    assert!(read(&FLV, &[head(), vec![0xC8; 20]].concat()).is_err());
    // A long label has a length of 32 bits.
    let long = format!("{{\"ProduceID\":\"{}\"}}", "x".repeat(65_530));
    if let Ok(out) = write(&FLV, &file, &long) {
        assert_eq!(read(&FLV, &out).unwrap()[0].value, long);
    }
}
