use std::io::Cursor;

use super::super::audio::Position;
use super::*;
use crate::carrier::media::check::{VALUE, labelled, places};

const RATE: u32 = 8_000;

fn format(tag: u16, channels: u16, bits: u16) -> Vec<u8> {
    let block = channels * bits / 8;
    let rate = RATE.to_le_bytes();
    let bytes = (RATE * u32::from(block)).to_le_bytes();
    let all =
        [&tag.to_le_bytes()[..], &channels.to_le_bytes(), &rate, &bytes, &block.to_le_bytes(), &bits.to_le_bytes()];
    riff::bytes(b"fmt ", &all.concat())
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [b"WAVE".to_vec(), chunks.concat()].concat();
    [b"RIFF".as_slice(), &(body.len() as u32).to_le_bytes(), &body].concat()
}

/// Two seconds of a tone with a pause of 200 ms from 1.1 s on.
fn tune() -> Vec<f32> {
    let quiet = 8_800..10_400;
    (0..16_000).map(|i| if quiet.contains(&i) { 0.0 } else { (i as f32 * 0.3).sin() * 0.5 }).collect()
}

fn laid_in(bytes: &[u8], prompt: &Prompt, places: &[Place]) -> Result<(Vec<u8>, Vec<Laid>), Error> {
    let mut out = Vec::new();
    let laid = label(&mut Cursor::new(bytes), &mut out, prompt, places)?;
    Ok((out, laid))
}

/// The chunk of a name, and that the file's own size is right.
fn chunk(bytes: &[u8], id: &[u8; 4]) -> Vec<u8> {
    let mut cursor = Cursor::new(bytes);
    let mut source = Source::new(&mut cursor, NAME).unwrap();
    let riff = riff::riff(&mut source, 0).unwrap();
    assert_eq!(riff.end, bytes.len() as u64);
    let found = riff.chunks.iter().find(|chunk| &chunk.id == id).unwrap();
    source.vec(found.at + 8, found.size, 1 << 30).unwrap()
}

#[test]
fn every_coding_keeps_its_samples_and_gets_the_label_at_every_place() {
    for (tag, channels, bits) in [(1, 1, 8), (1, 3, 8), (1, 2, 16), (1, 1, 24), (1, 2, 32), (3, 2, 32)] {
        let pcm = Pcm::of(&format(tag, channels, bits)[8..]).unwrap();
        let samples: Vec<f32> =
            tune().into_iter().flat_map(|value| std::iter::repeat_n(value, usize::from(channels))).collect();
        let data = pcm.encode(&samples);
        let bytes = file(&[format(tag, channels, bits), riff::bytes(b"data", &data), riff::bytes(b"note", b"odd")]);
        let (out, laid) = laid_in(&bytes, &Prompt::default(), &[Place::End, Place::Middle, Place::Start]).unwrap();
        let mut rest = chunk(&out, b"data");
        let rhythm = Rhythm::new(RATE, channels);
        let spoken = pcm.encode(&rhythm.samples().unwrap());
        let pause = pcm.silence(300).unwrap();
        // Taken out again, the label leaves the original.
        for one in laid.iter().rev() {
            let at = (one.frame * pcm.frame()) as usize;
            // Those before it stand in its way.
            let before: u64 = laid.iter().filter(|other| other.place < one.place).map(|other| other.frames).sum();
            let from = at + (before * pcm.frame()) as usize;
            let cut: Vec<u8> = rest.drain(from..from + (one.frames * pcm.frame()) as usize).collect();
            let wanted = match one.place {
                Place::Start => [&spoken[..], &pause].concat(),
                Place::Middle => [&pause[..], &spoken, &pause].concat(),
                Place::End => [&pause[..], &spoken].concat(),
            };
            assert!(cut == wanted, "{tag} {bits} {:?}", one.place);
        }
        assert!(rest == data, "{tag} {channels} {bits}");
        assert_eq!(chunk(&out, b"note"), b"odd");
        assert_eq!(laid.iter().map(|one| one.frame).collect::<Vec<_>>()[0], 0);
        let middle = laid[1];
        assert!((8_800..=10_400).contains(&middle.frame), "{middle:?}");
        assert!(middle.loudness.unwrap() <= 0.05, "{middle:?}");
        assert_eq!(laid[2].frame, 16_000);
    }
}

#[test]
fn it_is_the_same_as_in_memory() {
    let pcm = Pcm::of(&format(1, 1, 16)[8..]).unwrap();
    let bytes = file(&[format(1, 1, 16), riff::bytes(b"data", &pcm.encode(&tune()))]);
    let (out, _) = laid_in(&bytes, &Prompt::default(), &[Place::Start, Place::End]).unwrap();
    let content: Vec<i16> = pcm.encode(&tune()).as_chunks().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    let wanted = Rhythm::new(RATE, 1).around_i16(&content, Position::Both).unwrap();
    let found: Vec<i16> = chunk(&out, b"data").as_chunks().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    assert_eq!(found, wanted);
}

#[test]
fn places_in_other_chunks_move_along() {
    let numbers = |all: &[u32]| all.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let cue = [numbers(&[2]), numbers(&[1, 100, 0, 0, 0, 100]), numbers(&[2, 15_000, 0, 0, 0, 15_000])].concat();
    let smpl = [numbers(&[0; 9]), numbers(&[1, 0, 50, 15_999, 0, 0])].concat();
    let fact = numbers(&[16_000]);
    let peak = [numbers(&[1, 2]), 0.5_f32.to_le_bytes().to_vec(), numbers(&[15_000])].concat();
    let pcm = Pcm::of(&format(3, 1, 32)[8..]).unwrap();
    let bytes = file(&[
        format(3, 1, 32),
        riff::bytes(b"fact", &fact),
        riff::bytes(b"PEAK", &peak),
        riff::bytes(b"bext", &[7; 603]),
        riff::bytes(b"data", &pcm.encode(&tune())),
        riff::bytes(b"cue ", &cue),
        riff::bytes(b"smpl", &smpl),
        riff::bytes(b"LIST", b"INFOINAM\x04\0\0\0name"),
    ]);
    let bytes = labelled(&crate::carrier::wav::WAV, &bytes);
    let before = places(&crate::carrier::wav::WAV, &bytes);
    let (out, laid) = laid_in(&bytes, &Prompt::default(), &[Place::Middle]).unwrap();
    let by = laid[0].frames as u32;
    assert_eq!(chunk(&out, b"fact"), numbers(&[16_000 + by]));
    assert_eq!(chunk(&out, b"PEAK")[12..], numbers(&[15_000 + by]));
    let later = 15_000 + by;
    assert_eq!(
        chunk(&out, b"cue "),
        [numbers(&[2]), numbers(&[1, 100, 0, 0, 0, 100]), numbers(&[2, later, 0, 0, 0, later])].concat()
    );
    assert_eq!(chunk(&out, b"smpl")[36..], numbers(&[1, 0, 50, 15_999 + by, 0, 0]));
    assert_eq!(chunk(&out, b"bext"), [7; 603]);
    assert_eq!(chunk(&out, b"LIST"), b"INFOINAM\x04\0\0\0name");
    // The label in metadata is there as it was.
    assert_eq!(places(&crate::carrier::wav::WAV, &out), before);
    assert_eq!(String::from_utf8(chunk(&out, b"AIGC")).unwrap(), VALUE);
}

#[test]
fn rf64_and_streams_without_sizes() {
    let pcm = Pcm::of(&format(1, 1, 8)[8..]).unwrap();
    let data = pcm.encode(&tune());
    for id in [b"RF64", b"BW64"] {
        let sizes = [[0_u8; 16].as_slice(), &16_000_u64.to_le_bytes(), &[0; 4]].concat();
        let body = [b"WAVE".to_vec(), riff::bytes(b"ds64", &sizes), format(1, 1, 8), riff::bytes(b"data", &data)];
        let mut bytes = [id.as_slice(), &[0xFF; 4], &body.concat()].concat();
        let length = bytes.len() as u64;
        bytes[20..28].copy_from_slice(&(length - 8).to_le_bytes());
        bytes[28..36].copy_from_slice(&16_000_u64.to_le_bytes());
        let at = bytes.len() - 16_004;
        bytes[at..at + 4].copy_from_slice(&[0xFF; 4]);
        let (out, laid) = laid_in(&bytes, &Prompt::default(), &[Place::Start]).unwrap();
        let all = 16_000 + laid[0].frames;
        assert_eq!(chunk(&out, b"data").len() as u64, all);
        assert_eq!(out[28..36], all.to_le_bytes());
        assert_eq!(out[36..44], all.to_le_bytes());
        assert!(out.ends_with(&data));
    }
    let mut open = file(&[format(1, 1, 8), riff::bytes(b"data", &data)]);
    let at = open.len() - 16_004;
    open[4..8].fill(0xFF);
    open[at..at + 4].fill(0xFF);
    let (out, _) = laid_in(&open, &Prompt::default(), &[Place::Start]).unwrap();
    assert!(out.ends_with(&data) && out[..48].starts_with(&open[..44]));
}

#[test]
fn odd_lengths_are_padded() {
    for (frames, places) in [(999, vec![Place::End]), (1000, vec![Place::Start]), (999, vec![Place::Start, Place::End])]
    {
        let bytes = file(&[format(1, 1, 8), riff::bytes(b"data", &vec![99; frames]), riff::bytes(b"tail", b"1234")]);
        // 11 units of 5.125 ms are an odd number of samples at this rate.
        for unit in [100, 41] {
            let prompt = Prompt::Rhythm(Rhythm { unit, pause: 0, ..Rhythm::new(1, 1) });
            let (out, laid) = laid_in(&bytes, &prompt, &places).unwrap();
            let more: u64 = laid.iter().map(|one| one.frames).sum();
            assert_eq!(chunk(&out, b"data").len() as u64, frames as u64 + more);
            assert_eq!(chunk(&out, b"tail"), b"1234");
        }
    }
}

#[test]
fn a_voice_is_heard_in_the_files_own_rate_and_channels() {
    // A second of 500 Hz at 16 kHz, for speech.
    let tone: Vec<i16> = (0..16_000).map(|i| ((f64::from(i) * 0.196_349_5).sin() * 12_000.0) as i16).collect();
    let mut other = format(1, 1, 16);
    other[12..16].copy_from_slice(&16_000_u32.to_le_bytes());
    let voice = file(&[other, riff::bytes(b"data", &tone.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())]);
    let voice = Voice::read(&mut Cursor::new(&voice)).unwrap();
    let content = file(&[format(1, 2, 16), riff::bytes(b"data", &[5; 4_000])]);
    let (out, laid) = laid_in(&content, &Prompt::Voice(voice), &[Place::Start]).unwrap();
    assert_eq!(laid[0].frames, 8_000 + 2_400);
    let found: Vec<i16> = chunk(&out, b"data").as_chunks().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    assert!(found[..16_000].as_chunks::<2>().0.iter().all(|[left, right]| left == right));
    let rises = found[..16_000].chunks(2).map(|pair| pair[0] >= 0).collect::<Vec<_>>();
    let crossings = rises.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    assert!((498..=502).contains(&crossings), "{crossings}");
    assert!(found[16_000..20_800].iter().all(|value| *value == 0));
    let silent = file(&[format(1, 1, 16), riff::bytes(b"data", &[0; 400])]);
    assert!(Voice::read(&mut Cursor::new(&silent)).is_err());
}

#[test]
fn without_a_quiet_place_the_quietest_is_taken() {
    let pcm = Pcm::of(&format(1, 1, 16)[8..]).unwrap();
    let loud: Vec<f32> = (0..16_000).map(|i| (i as f32 * 0.3).sin() * 0.5).collect();
    let bytes = file(&[format(1, 1, 16), riff::bytes(b"data", &pcm.encode(&loud))]);
    let (_, laid) = laid_in(&bytes, &Prompt::default(), &[Place::Middle]).unwrap();
    assert!((6_400..=9_600).contains(&laid[0].frame), "{laid:?}");
    assert!(laid[0].loudness.unwrap() > 0.3);
    // Nothing to search in.
    let bytes = file(&[format(1, 1, 16), riff::bytes(b"data", &[])]);
    let (out, laid) = laid_in(&bytes, &Prompt::default(), &[Place::Start, Place::Middle, Place::End]).unwrap();
    assert!(laid.iter().all(|one| one.frame == 0));
    let all: u64 = laid.iter().map(|one| one.frames * 2).sum();
    assert_eq!(chunk(&out, b"data").len() as u64, all);
}

#[test]
fn what_cannot_be_labelled_is_refused() {
    let good = file(&[format(1, 1, 16), riff::bytes(b"data", &[1; 400])]);
    let refused = |bytes: &[u8], reason: &str| {
        let error = laid_in(bytes, &Prompt::default(), &[Place::Start]).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    };
    refused(b"RIFF", "does not begin");
    refused(&file(&[riff::bytes(b"data", &[1; 400])]), "fmt");
    refused(&file(&[format(1, 1, 16)]), "data");
    refused(&file(&[format(2, 1, 4), riff::bytes(b"data", &[1; 400])]), "coding");
    refused(&good[..100], "ends at");
    let mut long = good.clone();
    long[40..44].copy_from_slice(&0xFFFF_FF00_u32.to_le_bytes());
    refused(&long, "are not there");
    assert!(laid_in(&good, &Prompt::default(), &[]).is_err());
    let wrong = Prompt::Rhythm(Rhythm { unit: 0, ..Rhythm::new(1, 1) });
    assert!(laid_in(&good, &wrong, &[Place::Start]).is_err());
    for cut in 0..good.len() {
        let _ = laid_in(&good[..cut], &Prompt::default(), &[Place::Middle]);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_files_never_panic(at in 0_usize..700, byte: u8, cut in 0_usize..800) {
        let cue = [1_u32, 1, 0, 0, 0, 0, 9].iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let mut bytes = file(&[format(1, 1, 16), riff::bytes(b"cue ", &cue), riff::bytes(b"data", &[1; 600])]);
        let place = at % bytes.len();
        bytes[place] = byte;
        bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(700)));
        let _ = laid_in(&bytes, &Prompt::default(), &[Place::Start, Place::Middle, Place::End]);
    }
}
