use std::io::Cursor;

use super::super::media::check::{OTHER, VALUE, hostile, labelled, places, read, write};
use super::meta::boxed;
use super::*;

const MARK: &[u8] = b"the first sample";

fn full(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    boxed(kind, &[[0; 4].as_slice(), data].concat())
}

/// A track with a table of places.
fn track(table: &[u8; 4], places: &[u64]) -> Vec<u8> {
    let mut data = (places.len() as u32).to_be_bytes().to_vec();
    for place in places {
        let bytes = place.to_be_bytes();
        data.extend(if table == b"co64" { &bytes[..] } else { &bytes[4..] });
    }
    let stbl = boxed(b"stbl", &[full(b"stsd", &[0; 4]), full(table, &data)].concat());
    let minf = boxed(b"minf", &[full(b"vmhd", &[0; 8]), stbl].concat());
    boxed(b"trak", &[full(b"tkhd", &[0; 80]), boxed(b"mdia", &[full(b"mdhd", &[0; 20]), minf].concat())].concat())
}

fn movie(inner: &[Vec<u8>]) -> Vec<u8> {
    boxed(b"moov", &[full(b"mvhd", &[0; 96]), inner.concat()].concat())
}

fn ftyp() -> Vec<u8> {
    boxed(b"ftyp", b"isom\0\0\x02\0isommp42")
}

fn media() -> Vec<u8> {
    boxed(b"mdat", &[b"....".as_slice(), MARK, &[7; 400]].concat())
}

fn find(file: &[u8], what: &[u8]) -> usize {
    file.windows(what.len()).position(|window| window == what).unwrap()
}

/// A file whose table points at the mark.
fn pointed(table: &[u8; 4], build: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let draft = build(track(table, &[0]));
    build(track(table, &[find(&draft, MARK) as u64]))
}

/// The place in the table, and what stands there.
fn points_at_mark(file: &[u8]) {
    let (at, wide) = match file.windows(4).position(|window| window == b"stco") {
        Some(at) => (at, false),
        None => (find(file, b"co64"), true),
    };
    let place = match wide {
        true => u64::from_be_bytes(array8(file, at + 12)),
        false => be32(file, at + 12).unwrap().into(),
    };
    assert_eq!(file[place as usize..][..MARK.len()], *MARK);
}

fn array8(file: &[u8], at: usize) -> [u8; 8] {
    file[at..at + 8].try_into().unwrap()
}

fn items(handler: &[u8; 4], inner: &[Vec<u8>]) -> Vec<u8> {
    let hdlr = full(b"hdlr", &[[0; 4].as_slice(), handler, &[0; 13]].concat());
    full(b"meta", &[hdlr, inner.concat()].concat())
}

fn value(kind: &[u8; 4], value: &str) -> Vec<u8> {
    boxed(kind, &boxed(b"data", &[&[0, 0, 0, 1, 0, 0, 0, 0], value.as_bytes()].concat()))
}

/// Metadata with keys, as cameras write it.
fn keyed(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut keys = (pairs.len() as u32).to_be_bytes().to_vec();
    let mut list = Vec::new();
    for (at, (key, text)) in pairs.iter().enumerate() {
        keys.extend(boxed(b"mdta", key.as_bytes()));
        list.extend(value(&(at as u32 + 1).to_be_bytes(), text));
    }
    items(b"mdta", &[full(b"keys", &keys), boxed(b"ilst", &list)])
}

#[test]
fn places_follow_the_media_wherever_the_movie_stands() {
    let large =
        |data: &[u8]| [&[0, 0, 0, 1], b"mdat".as_slice(), &(data.len() as u64 + 8).to_be_bytes(), &data[8..]].concat();
    let open = |data: &[u8]| [&[0, 0, 0, 0], &data[4..]].concat();
    for table in [b"stco", b"co64"] {
        type Build<'a> = Box<dyn Fn(Vec<u8>) -> Vec<u8> + 'a>;
        let builds: Vec<Build<'_>> = vec![
            Box::new(|track| [ftyp(), movie(&[track]), media()].concat()),
            Box::new(|track| [ftyp(), media(), movie(&[track])].concat()),
            Box::new(|track| [ftyp(), movie(&[track]), boxed(b"free", &[0; 20]), media()].concat()),
            Box::new(|track| [ftyp(), movie(&[track]), boxed(b"free", &[0; 2000]), media()].concat()),
            Box::new(|track| [ftyp(), movie(&[track]), large(&media())].concat()),
            Box::new(|track| [ftyp(), large(&media()), movie(&[track])].concat()),
            Box::new(|track| [ftyp(), movie(&[track]), open(&media())].concat()),
            Box::new(|track| [movie(&[track, boxed(b"udta", &[0; 4])]), media(), b"\0\0\0".to_vec()].concat()),
        ];
        for build in builds {
            let file = pointed(table, build);
            points_at_mark(&file);
            let out = labelled(&MP4, &file);
            points_at_mark(&out);
            assert_eq!(places(&MP4, &out), ["mp4:moov/udta/meta/keys AIGC"]);
        }
    }
    let file = pointed(b"stco", |track| [ftyp(), movie(&[track]), boxed(b"free", &[0; 2000]), media()].concat());
    assert_eq!(labelled(&MP4, &file).len(), file.len());
    hostile(&MP4, &file);
}

#[test]
fn the_label_in_bytes() {
    let file = [ftyp(), media(), movie(&[])].concat();
    let out = write(&MP4, &file, "{}").unwrap();
    let udta = b"\0\0\0\x8Audta\0\0\0\x82meta\0\0\0\0\
        \0\0\0\x21hdlr\0\0\0\0\0\0\0\0mdta\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\x1Ckeys\0\0\0\0\0\0\0\x01\0\0\0\x0CmdtaAIGC\
        \0\0\0\x22ilst\0\0\0\x1A\0\0\0\x01\0\0\0\x12data\0\0\0\x01\0\0\0\0{}";
    let sized = [&((udta.len() as u32 - 1).to_be_bytes()[..0]), udta].concat();
    assert_eq!(out[out.len() - 107..][4..], sized[sized.len() - 103..]);
    let end = &out[find(&out, b"udta") - 4..];
    assert_eq!(be32(end, 0).unwrap() as usize, end.len());
    assert_eq!(be32(end, 8).unwrap() as usize, end.len() - 8);
}

#[test]
fn other_metadata_stays() {
    let itunes = items(b"mdir", &[boxed(b"ilst", &value(b"\xA9nam", "A name")), boxed(b"free", &[0; 40])]);
    let camera = keyed(&[("com.x.make", "Maker"), ("AIGC", OTHER), ("com.x.model", "Model")]);
    let chapters = full(b"chpl", &[3; 30]);
    for metas in [vec![itunes.clone()], vec![itunes.clone(), camera.clone()], vec![camera.clone(), chapters.clone()]] {
        let file =
            pointed(b"stco", |track| [ftyp(), movie(&[track, boxed(b"udta", &metas.concat())]), media()].concat());
        let out = labelled(&MP4, &file);
        points_at_mark(&out);
        for kept in ["A name", "Maker", "Model", "chpl"] {
            let kept = kept.as_bytes();
            let count = |bytes: &[u8]| bytes.windows(kept.len()).filter(|window| *window == kept).count();
            assert_eq!(count(&out), count(&file));
        }
    }
    // The keys still name their values.
    let out = write(&MP4, &[ftyp(), movie(&[boxed(b"udta", &camera)]), media()].concat(), "{}").unwrap();
    let start = find(&out, b"meta") + 4;
    let meta = meta::Meta::read(&out[start..find(&out, b"mdat") - 4]).unwrap();
    assert!(meta.keyed() && meta.labels()[0].value == "{}");
    let keys: Vec<usize> = ["com.x.make", "com.x.model", "AIGC"].map(|key| find(&out, key.as_bytes())).to_vec();
    assert!(keys.is_sorted());
    let list = find(&out, b"ilst");
    let at = |text: &str| be32(&out, list + find(&out[list..], text.as_bytes()) - 20).unwrap();
    assert_eq!((at("Maker"), at("Model")), (1, 2));
}

#[test]
fn variants_are_found_and_only_one_is_left() {
    let xmp = format!("<x xmlns:t=\"http://www.tc260.org.cn/ns/AIGC/1.0/\"><t:AIGC>{OTHER}</t:AIGC></x>");
    let uuid = boxed(b"uuid", &[boxes::XMP.as_slice(), xmp.as_bytes()].concat());
    let freeform =
        [full(b"mean", b"com.x"), full(b"name", b"AIGC"), boxed(b"data", &[&[0; 8], OTHER.as_bytes()].concat())];
    let itunes =
        items(b"mdir", &[boxed(b"ilst", &[boxed(b"----", &freeform.concat()), value(b"\xA9cmt", OTHER)].concat())]);
    // QuickTime's box of metadata has no version.
    let plain = boxed(b"meta", &keyed(&[("AIGC", OTHER)])[12..]);
    let text = boxed(b"\xA9des", &[&[0, 50, 0, 0], OTHER.as_bytes()].concat());
    let own = boxed(b"AIGC", OTHER.as_bytes());
    let user =
        boxed(b"udta", &[itunes.clone(), text, own.clone(), boxed(b"XMP_", xmp.as_bytes()), vec![0; 4]].concat());
    let file = pointed(b"stco", |track| {
        let track = [track, Vec::new()].concat();
        let movie = movie(&[track, plain.clone(), user.clone(), uuid.clone()]);
        [ftyp(), uuid.clone(), movie, media(), own.clone(), uuid.clone(), itunes.clone(), OTHER.as_bytes().to_vec()]
            .concat()
    });
    let found = places(&MP4, &file);
    let all = [
        "mp4:uuid TC260:AIGC",
        "mp4:moov/meta/keys AIGC",
        "mp4:moov/udta/meta/ilst ---- AIGC",
        "mp4:moov/udta/meta/ilst \u{a9}cmt",
        "mp4:moov/udta/\u{fffd}des",
        "mp4:moov/udta/AIGC",
        "mp4:moov/udta/XMP_ TC260:AIGC",
        "mp4:moov/uuid TC260:AIGC",
        "mp4:AIGC",
        "mp4:uuid TC260:AIGC",
        "mp4:meta/ilst ---- AIGC",
        "mp4:meta/ilst \u{a9}cmt",
        "mp4:behind the last box",
    ];
    assert_eq!(found, all, "{found:#?}");
    let out = labelled(&MP4, &file);
    points_at_mark(&out);
    assert!(!String::from_utf8_lossy(&out).contains("\"other\""));
    hostile(&MP4, &file);
}

#[test]
fn an_item_without_a_key_does_not_get_that_of_the_label() {
    let list = boxed(b"ilst", &[value(&1_u32.to_be_bytes(), "words"), value(&7_u32.to_be_bytes(), "more")].concat());
    let udta = boxed(b"udta", &items(b"mdta", &[list]));
    let out = labelled(&MP4, &[ftyp(), movie(&[udta]), media()].concat());
    find(&out, b"words");
    find(&out, b"more");
}

#[test]
fn fragments_move_along() {
    let build = |base: u64, fragment: u64| {
        let header = boxed(b"tfhd", &[[0, 0, 0, 1, 0, 0, 0, 1].as_slice(), &base.to_be_bytes()].concat());
        let moof = boxed(b"moof", &[full(b"mfhd", &[0; 4]), boxed(b"traf", &header)].concat());
        let entry = [&[0; 8], fragment.to_be_bytes().as_slice(), &[1, 1, 1]].concat();
        let mut table = [&[1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], entry.as_slice()].concat();
        let mfra = boxed(b"mfra", &boxed(b"tfra", &table));
        table.clear();
        [ftyp(), movie(&[track(b"stco", &[]), boxed(b"mvex", &[])]), moof, media(), mfra].concat()
    };
    let draft = build(0, 0);
    let moof = |file: &[u8]| find(file, b"moof") as u64 - 4;
    let file = build(moof(&draft), moof(&draft));
    let out = labelled(&MP4, &file);
    assert!(out.len() > file.len());
    assert_eq!(u64::from_be_bytes(array8(&out, find(&out, b"tfhd") + 12)), moof(&out));
    assert_eq!(u64::from_be_bytes(array8(&out, find(&out, b"tfra") + 28)), moof(&out));
    hostile(&MP4, &file);
    // A fragment that is damaged within shows before anything is written.
    let mut damaged = file.clone();
    let inner = find(&file, b"traf") - 4;
    damaged[inner..inner + 4].copy_from_slice(&[0xFF; 4]);
    let mut out = Vec::new();
    assert!((MP4.write)(&mut Cursor::new(&damaged), &mut out, VALUE).is_err());
    assert!(out.is_empty());
}

#[test]
fn places_beyond_four_gibibytes_get_wider() {
    // A file of 4 GiB without a byte on the disk: the movie in front, and a sample at the very end.
    let mut file = tempfile::tempfile().unwrap();
    let last = u64::from(u32::MAX) - 40;
    let head = [ftyp(), movie(&[track(b"stco", &[1000, last]), track(b"stco", &[1000])])].concat();
    let media = [&[0, 0, 0, 1], b"mdat".as_slice(), &(last + 100 - head.len() as u64).to_be_bytes()].concat();
    file.write_all(&[head.clone(), media].concat()).unwrap();
    file.set_len(last + 100).unwrap();
    let mut source = Source::new(&mut file, FORMAT).unwrap();
    let plan = plan(&mut source, VALUE).unwrap();
    let mut out = Vec::new();
    plan.movie.emit(&mut source, &mut out, plan.shift).unwrap();
    let more = (out.len() - (head.len() - ftyp().len())) as u64;
    assert_eq!(plan.shift.by as u64, more);
    let at = find(&out, b"co64");
    assert_eq!(u64::from_be_bytes(array8(&out, at + 12)), 1000 + more);
    assert_eq!(u64::from_be_bytes(array8(&out, at + 20)), last + more);
    assert_eq!(be32(&out, find(&out, b"stco") + 12), Some(1000 + more as u32), "the other table stays narrow");
}

#[test]
fn in_place_where_nothing_has_to_move() {
    let first = |free: usize| {
        pointed(b"stco", |track| [ftyp(), movie(&[track]), boxed(b"free", &vec![0; free]), media()].concat())
    };
    let behind = pointed(b"stco", |track| [ftyp(), media(), movie(&[track])].concat());
    for (file, fits) in [(first(2000), true), (first(100), false), (behind.clone(), true), (first(6), false)] {
        let mut own = Cursor::new(file.clone());
        assert_eq!(in_place(&mut own, VALUE).unwrap(), fits);
        let own = own.into_inner();
        if fits {
            assert_eq!(own, write(&MP4, &file, VALUE).unwrap());
            points_at_mark(&own);
            let mut again = Cursor::new(own.clone());
            assert!(in_place(&mut again, OTHER).unwrap());
            assert_eq!(read(&MP4, again.get_ref()).unwrap()[0].value, OTHER);
            points_at_mark(again.get_ref());
        } else {
            assert_eq!(own, file);
        }
    }
}

#[test]
fn damage_and_excess_are_refused() {
    let file = pointed(b"stco", |track| [ftyp(), movie(&[track]), media()].concat());
    for cut in [10, 60, 200, file.len() - 1] {
        assert!(write(&MP4, &file[..cut], VALUE).is_err(), "{cut}");
    }
    assert!(read(&MP4, &file[..file.len() - 1]).unwrap_err().to_string().contains("within the box mdat"));
    let two = [ftyp(), movie(&[]), movie(&[])].concat();
    assert!(write(&MP4, &two, VALUE).unwrap_err().to_string().contains("two movie boxes"));
    let none = write(&MP4, &[ftyp(), media()].concat(), VALUE).unwrap_err().to_string();
    assert!(none.contains("no movie box"), "{none}");
    let packed = [ftyp(), movie(&[boxed(b"cmov", &[0; 9])]), media()].concat();
    assert!(write(&MP4, &packed, VALUE).unwrap_err().to_string().contains("compressed"));
    let lying = pointed(b"stco", |track| [ftyp(), movie(&[track]), media()].concat());
    let at = find(&lying, b"stco") + 8;
    let lying = [&lying[..at], &[0x7F; 4], &lying[at + 4..]].concat();
    assert!(write(&MP4, &lying, VALUE).unwrap_err().to_string().contains("says it has"));
    let many = [ftyp(), boxed(b"free", &[]).repeat(1_000_000)].concat();
    assert!(matches!(read(&MP4, &many), Err(Error::TooMuch { .. })));
    // Boxes in boxes, ten thousand deep: nothing goes down there.
    let deep = (0..10_000).fold(Vec::new(), |inner: Vec<u8>, _| boxed(b"udta", &inner));
    drop(read(&MP4, &[ftyp(), boxed(b"moov", &deep), media()].concat()));
    let image = boxed(b"ftyp", b"heic\0\0\0\0mif1heic");
    assert!(!sniff(&image) && sniff(&boxed(b"ftyp", b"M4A \0\0\0\0")));
    assert!((M4A.sniff)(&boxed(b"ftyp", b"M4A \0\0\0\0")) && !(MP4.sniff)(&boxed(b"ftyp", b"M4A \0\0\0\0")));
}
