use std::io::{Seek, SeekFrom};

use super::super::media::check::{OTHER, VALUE, hostile, labelled, places, read, write};
use super::super::media::le32;
use super::*;

fn fmt() -> Vec<u8> {
    riff::bytes(b"fmt ", &[1, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x80, 0x3E, 0, 0, 2, 0, 16, 0])
}

fn samples() -> Vec<u8> {
    (0..=250).collect()
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [b"WAVE".to_vec(), chunks.concat()].concat();
    [b"RIFF".as_slice(), &(body.len() as u32).to_le_bytes(), &body].concat()
}

fn plain() -> Vec<u8> {
    file(&[fmt(), riff::bytes(b"data", &samples())])
}

#[test]
fn the_chunk_stands_behind_the_others() {
    let out = labelled(&WAV, &plain());
    assert_eq!(out[8..plain().len()], plain()[8..]);
    let golden = write(&WAV, &plain(), "{1}").unwrap();
    assert_eq!(golden[plain().len()..], *b"AIGC\x03\0\0\0{1}\0");
    assert_eq!(golden[4..8], (golden.len() as u32 - 8).to_le_bytes());
    // The last byte of padding left out.
    let mut odd = plain();
    odd.pop();
    odd[4..8].copy_from_slice(&(plain().len() as u32 - 9).to_le_bytes());
    assert_eq!(labelled(&WAV, &odd)[8..], out[8..]);
}

#[test]
fn rf64_and_unfinished_sizes() {
    let data = samples();
    let body = [b"WAVE".to_vec(), riff::bytes(b"ds64", &[0; 28]), fmt(), riff::bytes(b"data", &data)].concat();
    for id in [b"RF64", b"BW64"] {
        let mut file = [id.as_slice(), &[0xFF; 4], &body].concat();
        let length = file.len() as u64;
        file[20..28].copy_from_slice(&(length - 8).to_le_bytes());
        file[28..36].copy_from_slice(&251_u64.to_le_bytes());
        let at = file.len() - 256;
        file[at..at + 4].copy_from_slice(&[0xFF; 4]);
        let out = labelled(&WAV, &file);
        assert_eq!(out[20..28], (out.len() as u64 - 8).to_le_bytes());
        assert_eq!(out[28..file.len()], file[28..]);
        hostile(&WAV, &file);
    }
    for unknown in [0_u32, u32::MAX] {
        let mut file = plain();
        file[4..8].copy_from_slice(&unknown.to_le_bytes());
        let at = file.len() - 256;
        file[at..at + 4].copy_from_slice(&unknown.to_le_bytes());
        let out = labelled(&WAV, &file);
        assert!(out.ends_with(&file[at - 4..]), "the label stands before the open data");
    }
}

#[test]
fn variants_are_found_and_only_one_is_left() {
    let info = [b"INFO".to_vec(), riff::bytes(b"INAM", b"name\0"), riff::bytes(b"AIGC", OTHER.as_bytes())].concat();
    let id3 = super::super::id3::fresh(OTHER).unwrap();
    let xmp = format!("<x xmlns:t=\"http://www.tc260.org.cn/ns/AIGC/1.0/\"><t:AIGC>{OTHER}</t:AIGC></x>");
    let file = file(&[
        fmt(),
        riff::bytes(b"LIST", &info),
        riff::bytes(b"data", &samples()),
        riff::bytes(b"id3 ", &id3),
        riff::bytes(b"_PMX", xmp.as_bytes()),
        riff::bytes(b"AIGC", OTHER.as_bytes()),
        riff::bytes(b"AIGC", OTHER.as_bytes()),
        riff::bytes(b"cue ", &[0; 4]),
    ]);
    let found = places(&WAV, &file);
    assert_eq!(
        found,
        ["wav:LIST INFO AIGC", "wav:id3 TXXX AIGC", "wav:_PMX TC260:AIGC", "wav:AIGC", "wav:AIGC"],
        "{found:?}"
    );
    let out = labelled(&WAV, &file);
    let mut kept = Cursor(out.clone());
    let riff = parse(&mut Source::new(&mut kept.open(), FORMAT).unwrap()).unwrap();
    let ids: Vec<_> = riff.chunks.iter().map(|chunk| chunk.id).collect();
    assert_eq!(ids, [*b"fmt ", *b"LIST", *b"data", *b"id3 ", *b"_PMX", *b"AIGC", *b"cue "]);
    assert!(out.windows(14).any(|window| window == b"INAM\x05\0\0\0name\0\0"));
    assert!(!String::from_utf8_lossy(&out).contains("\"other\""));
    hostile(&WAV, &file);
}

struct Cursor(Vec<u8>);

impl Cursor {
    fn open(&mut self) -> std::io::Cursor<&[u8]> {
        std::io::Cursor::new(&self.0)
    }
}

#[test]
fn damage_and_excess_are_refused() {
    assert!(read(&WAV, &plain()[..200]).unwrap_err().to_string().contains("ends at 200"));
    let mut lying = plain();
    lying[40..44].copy_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
    assert!(read(&WAV, &lying).unwrap_err().to_string().contains("data"));
    assert!(write(&WAV, &file(&[fmt()]), VALUE).unwrap_err().to_string().contains("data chunk"));
    let many = file(&[fmt(), riff::bytes(b"junk", &[]).repeat(1_000_000)]);
    assert!(matches!(read(&WAV, &many), Err(Error::TooMuch { .. })));
    let many = file(&[fmt(), riff::bytes(b"AIGC", b"{}").repeat(5000)]);
    assert!(matches!(read(&WAV, &many), Err(Error::TooMuch { .. })));
    hostile(&WAV, &plain());
}

#[test]
fn four_gibibytes_are_the_end_of_riff() {
    let mut file = tempfile::tempfile().unwrap();
    let mut head = plain();
    let length = u64::from(u32::MAX) - 3;
    head[4..8].copy_from_slice(&(u32::MAX - 11).to_le_bytes());
    let data = u32::MAX - 3 - 44;
    head[40..44].copy_from_slice(&data.to_le_bytes());
    file.write_all(&head).unwrap();
    file.set_len(length).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut out = Vec::new();
    let problem = (WAV.write)(&mut file, &mut out, VALUE).unwrap_err().to_string();
    assert!(problem.contains("RF64"), "{problem}");
    assert!(out.is_empty());
}

#[test]
fn padding_that_the_size_leaves_out_is_counted_from_then_on() {
    // The RIFF says that it ends before the padding of its last chunk, which is there, and so may be more.
    for behind in [0, 1, 120] {
        let mut plain = plain();
        plain.splice(4..8, (u32::try_from(plain.len()).unwrap() - 9).to_le_bytes());
        plain.extend(vec![7; behind]);
        for value in [VALUE, &VALUE.replace("abc", "ab")] {
            let out = write(&WAV, &plain, value).unwrap();
            assert_eq!(read(&WAV, &out).unwrap()[0].value, value);
            let end = 8 + le32(&out, 4).unwrap() as usize;
            assert_eq!(end, out.len() - behind, "{value}");
        }
    }
}
