use super::super::media::check::{OTHER, VALUE, hostile, labelled, places, read, write};
use super::*;

fn list(form: &[u8; 4], inner: &[Vec<u8>]) -> Vec<u8> {
    riff::bytes(b"LIST", &[form.to_vec(), inner.concat()].concat())
}

fn riff_of(form: &[u8; 4], inner: &[Vec<u8>]) -> Vec<u8> {
    riff::bytes(b"RIFF", &[form.to_vec(), inner.concat()].concat())
}

/// An index of indexes with these places.
fn index(places: &[u64]) -> Vec<u8> {
    let mut data = vec![4, 0, 0, 0, places.len() as u8, 0, 0, 0];
    data.extend(b"00dc");
    data.extend([0; 12]);
    for place in places {
        data.extend(place.to_le_bytes());
        data.extend([0; 8]);
    }
    riff::bytes(b"indx", &data)
}

fn headers(places: &[u64]) -> Vec<u8> {
    let stream = list(b"strl", &[riff::bytes(b"strh", &[0; 56]), index(places)]);
    list(b"hdrl", &[riff::bytes(b"avih", &[0; 56]), stream])
}

fn movie() -> Vec<u8> {
    list(b"movi", &[riff::bytes(b"00dc", b"picture")])
}

fn idx1() -> Vec<u8> {
    riff::bytes(
        b"idx1",
        &[b"00dc".as_slice(), &16_u32.to_le_bytes(), &4_u32.to_le_bytes(), &7_u32.to_le_bytes()].concat(),
    )
}

fn find(file: &[u8], what: &[u8]) -> usize {
    file.windows(what.len()).position(|window| window == what).unwrap()
}

#[test]
fn junk_makes_room_and_nothing_moves() {
    let junk = riff::bytes(b"JUNK", &[0; 600]);
    let info = list(b"INFO", &[riff::bytes(b"ISFT", b"tool\0")]);
    for inner in [vec![headers(&[]), junk.clone(), movie(), idx1()], vec![headers(&[]), info, junk, movie(), idx1()]] {
        let file = riff_of(b"AVI ", &inner);
        let out = labelled(&AVI, &file);
        assert_eq!(out.len(), file.len());
        let movie = find(&file, b"movi");
        assert_eq!(out[movie..], file[movie..]);
    }
    // Every room near the smallest: it fits to the byte, or goes elsewhere.
    for room in 200..260 {
        let file = riff_of(b"AVI ", &[headers(&[]), riff::bytes(b"JUNK", &vec![0; room]), movie(), idx1()]);
        labelled(&AVI, &file);
    }
}

#[test]
fn without_room_the_label_stands_at_the_end() {
    let file = riff_of(b"AVI ", &[headers(&[]), movie(), idx1()]);
    let out = labelled(&AVI, &file);
    assert_eq!(out[8..file.len()], file[8..]);
    assert_eq!(out[4..8], (out.len() as u32 - 8).to_le_bytes());
    let out = write(&AVI, &file, "{}").unwrap();
    assert_eq!(out[file.len()..], *b"LIST\x10\0\0\0INFOAIGC\x03\0\0\0{}\0\0");
}

#[test]
fn indexes_of_opendml_move_along() {
    let build = |first: u64, second: u64| {
        let ix = |base: u64| {
            let data = [&[2, 0, 0, 1, 1, 0, 0, 0], b"00dc".as_slice(), &base.to_le_bytes(), &[0; 12]].concat();
            riff::bytes(b"ix00", &data)
        };
        let one = list(b"movi", &[riff::bytes(b"00dc", b"picture"), ix(12)]);
        let two = list(b"movi", &[ix(second), riff::bytes(b"00dc", b"another")]);
        let avi = riff_of(b"AVI ", &[headers(&[first, second]), one, idx1()]);
        let end = avi.len() as u64;
        (end, [avi, riff_of(b"AVIX", &[two])].concat())
    };
    let (_, file) = build(0, 0);
    let first = find(&file, b"ix00") as u64;
    let second = first + 1 + find(&file[first as usize + 1..], b"ix00") as u64;
    let (_, file) = build(first, second);
    let out = labelled(&AVI, &file);
    let more = (out.len() - file.len()) as u64;
    assert!(more > 0);
    let table = find(&out, b"indx") + 32;
    let place = |at: usize| u64::from_le_bytes(out[at..at + 8].try_into().unwrap());
    assert_eq!(place(table), first);
    assert_eq!(place(table + 16), second + more);
    let moved = (second + more) as usize;
    assert_eq!(out[moved..moved + 4], *b"ix00");
    assert_eq!(place(moved + 20), second + more, "the base of the index that moved");
    assert_eq!(place(first as usize + 20), 12, "and of the one that did not");
    hostile(&AVI, &file);
}

#[test]
fn variants_are_found_and_only_one_is_left() {
    let xmp = format!("<x xmlns:t=\"http://www.tc260.org.cn/ns/AIGC/1.0/\"><t:AIGC>{OTHER}</t:AIGC></x>");
    let file = riff_of(
        b"AVI ",
        &[
            headers(&[]),
            list(b"INFO", &[riff::bytes(b"ICMT", OTHER.as_bytes()), riff::bytes(b"INAM", b"name\0")]),
            riff::bytes(b"_PMX", xmp.as_bytes()),
            movie(),
            riff::bytes(b"AIGC", OTHER.as_bytes()),
            list(b"INFO", &[riff::bytes(b"AIGC", OTHER.as_bytes())]),
        ],
    );
    let found = places(&AVI, &file);
    assert_eq!(found, ["avi:LIST INFO ICMT", "avi:_PMX TC260:AIGC", "avi:AIGC", "avi:LIST INFO AIGC"], "{found:?}");
    let out = labelled(&AVI, &file);
    assert!(!String::from_utf8_lossy(&out).contains("\"other\""));
    find(&out, b"INAM\x05\0\0\0name\0\0");
    assert_eq!(find(&out, b"movi"), find(&file, b"movi"));
    hostile(&AVI, &file);
}

#[test]
fn damage_is_refused() {
    let file = riff_of(b"AVI ", &[headers(&[]), movie(), idx1()]);
    assert!(read(&AVI, &file[..file.len() - 9]).unwrap_err().to_string().contains("damaged"));
    assert!(write(&AVI, &riff_of(b"AVI ", &[headers(&[])]), VALUE).unwrap_err().to_string().contains("movi"));
    let mut open = file.clone();
    open[4..8].fill(0);
    assert!(write(&AVI, &open, VALUE).unwrap_err().to_string().contains("not finished"));
    assert!(read(&AVI, b"RIFF\x04\0\0\0WAVE").is_err());
    hostile(&AVI, &file);
}

#[test]
fn padding_that_the_size_leaves_out_is_counted_from_then_on() {
    let mut file = riff_of(b"AVI ", &[headers(&[]), movie(), riff::bytes(b"JUNK", b"odd")]);
    file.splice(4..8, (u32::try_from(file.len()).unwrap() - 9).to_le_bytes());
    let out = labelled(&AVI, &file);
    assert_eq!(8 + le32(&out, 4).unwrap() as usize, out.len());
}
