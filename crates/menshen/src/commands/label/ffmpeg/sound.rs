//! The label of compressed sound (GB 45438-2025 5.3): the rhythm, or a recorded voice.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use menshen_provenance::explicit::audio::{Position, Rhythm};

use super::probe::{Media, Stream, recognise};
use super::process::{Feed, named, words};
use super::result::Fresh;
use super::video::same;
use super::{Input, Tools, Work, codec};

/// Samples a second at which labels are looked for.
const HEARD: u32 = 8_000;
/// So many samples of a label are looked for: one second.
const LOOKED_FOR: usize = 8_000;
/// By how many samples a codec may move it: a quarter of a second.
const MOVED: usize = 2_000;
/// The correlation from which a label counts as heard: codecs of low rates change its shape.
const ALIKE: f64 = 0.5;
/// The longest voice label, in seconds, and the shortest.
const VOICE: std::ops::RangeInclusive<f64> = 0.5..=30.0;

/// What is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voice {
    /// The rhythm short-long, short-short.
    Rhythm,
    /// A recording (WAV) of words with both elements, at the speed of normal speech.
    Recorded(PathBuf),
}

/// A label to put into sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundLabel {
    /// What is heard.
    pub what: Voice,
    /// Where.
    pub position: Position,
}

/// What was done to a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundDone {
    /// By how much it became longer, in seconds.
    pub added: f64,
    /// The codec, and the encoder that made it anew.
    pub codec: (String, String),
    /// Keys of metadata that the format's writer did not keep.
    pub lost: Vec<String>,
}

/// Copies a recording with a label before it, after it or both, in its own codec, rate and format; metadata, cover and
/// chapters are kept, and chapters move along. Output and input may be one file. An implicit label may be lost by it:
/// write that one afterwards.
///
/// # Errors
/// When the file is no recording that can be labelled, when ffmpeg fails or takes too long, or when the result has not
/// its length or the label is not heard in it: then the output is as it was before.
pub fn sound(tools: &Tools, input: &Path, output: &Path, label: &SoundLabel) -> Result<SoundDone> {
    let (carrier, demuxer, head) = recognise(input)?;
    let work = tools.work();
    let source = Input { path: input, demuxer };
    let media = work.probe(source)?;
    let place = the_sound(&media)?;
    let stream = media.streams.get(place).ok_or_else(|| anyhow!("it has no sound"))?;
    let (coder, options) = codec::sound_coder(tools, &media, stream)?;
    let rate = stream.number("sample_rate").and_then(|rate| u32::try_from(rate).ok());
    let rate = rate.ok_or_else(|| anyhow!("its rate of samples is not known"))?;
    let channels = stream.number("channels").filter(|n| (1..=64).contains(n));
    let channels = channels.ok_or_else(|| anyhow!("its channels are not known"))?;

    let rhythm = Rhythm::new(rate, 1);
    let heard = label_heard(&work, label, rate)?;
    let length = heard.len() as f64 / f64::from(HEARD);
    let pause = f64::from(rhythm.pause) / 1000.0;
    let (start, end) = match label.position {
        Position::Start => (true, false),
        Position::End => (false, true),
        Position::Both => (true, true),
    };

    // Moved times move chapters along; those of the sound itself are counted anew. ffmpeg takes the beginning of the
    // file from them, which players do not.
    let mut args = if start { words(&format!("-itsoffset {:.6}", length + pause + media.start())) } else { Vec::new() };
    args.extend(source.args());
    let kept: Vec<usize> = (0..media.streams.len())
        .filter(|at| media.streams.get(*at).is_some_and(|stream| !stream.is_chapters()))
        // A cover is a tag of Ogg, not a stream.
        .filter(|at| carrier.id != "ogg" || *at == place)
        .collect();
    for at in &kept {
        args.extend(words(&format!("-map 0:{at}")));
    }
    let to = kept.iter().position(|at| *at == place).ok_or_else(|| anyhow!("it has no sound"))?;
    args.extend(words(&format!("-map_metadata 0 -map_chapters 0 -c copy -c:{to} {coder} -filter:{to}")));
    let layout = stream.word("channel_layout");
    args.push(graph(rate, channels, layout, pause, start, end).into());
    args.extend(options);
    if carrier.id == "ogg"
        && let Some(cover) = media.streams.iter().find(|stream| stream.is_cover())
    {
        bail!("its cover ({}) would be lost: take it out and put it back afterwards", cover.codec());
    }
    args.extend(codec::writer(carrier, &head, &media));
    let fresh = Fresh::beside(output)?;
    args.extend([OsString::from("-y"), named(fresh.path())]);
    let feed = match &label.what {
        Voice::Rhythm => Feed::Bytes(wav(&rhythm.samples()?, rate)),
        Voice::Recorded(path) => Feed::File(File::open(path)?),
    };
    work.ffmpeg(args, feed).context("the recording cannot be written")?;

    let made = Input { path: fresh.path(), demuxer };
    let after = work.probe(made)?;
    same(&media, &after)?;
    let again = the_sound(&after)?;
    let result = after.streams.get(again).ok_or_else(|| anyhow!("the result has no sound"))?;
    let kept = |key: &str| result.number(key) == stream.number(key);
    if result.codec() != stream.codec() || !kept("channels") || !kept("sample_rate") {
        bail!("the result has not the codec, the channels or the rate of the original");
    }
    let (before, now) = (ends(&work, source, place)?, ends(&work, made, again)?);
    let times = f64::from(u8::from(start) + u8::from(end));
    let added = (now.samples as f64 - before.samples as f64) / f64::from(HEARD);
    if (added - times * (length + pause)).abs() > 0.15 {
        bail!("the result is longer by {added:.2} s, not by the {:.2} s of the label", times * (length + pause));
    }
    let sample = heard.get(..heard.len().min(LOOKED_FOR)).unwrap_or_default();
    // At the end the label's beginning is as far from the end as it is long.
    let tail = now.last.len().saturating_sub(heard.len() + MOVED);
    let at_end = now.last.get(tail..).unwrap_or_default();
    if (start && alike(sample, &now.first) < ALIKE) || (end && alike(sample, at_end) < ALIKE) {
        bail!("the label is not heard in the result");
    }
    fresh.put(input)?;
    Ok(SoundDone { added, codec: (stream.codec().to_owned(), coder), lost: media.lost(&after) })
}

/// The one stream of sound of a file without pictures.
fn the_sound(media: &Media) -> Result<usize> {
    let moving = |stream: &Stream| stream.kind() == "video" && !stream.is_cover();
    if media.streams.iter().any(moving) {
        bail!("it has moving pictures: a film has its label in these");
    }
    let mut all = media.streams.iter().enumerate().filter(|(_, stream)| stream.kind() == "audio").map(|(at, _)| at);
    match (all.next(), all.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => bail!("it has no sound"),
        _ => bail!("it has several streams of sound; take them apart and label each"),
    }
}

/// The filters: the label comes from the standard input, and is joined to the sound with a pause between.
fn graph(rate: u32, channels: u64, layout: &str, pause: f64, start: bool, end: bool) -> String {
    let known = !layout.is_empty() && layout.chars().all(|c| c.is_ascii_alphanumeric() || "().".contains(c));
    let (layout, pan) = if known {
        (format!(":channel_layouts={layout}"), layout.to_owned())
    } else {
        (String::new(), format!("{channels}c"))
    };
    // Each channel has the whole label.
    let each: String = (0..channels).map(|channel| format!("|c{channel}=c0")).collect();
    let form = format!("aformat=sample_rates={rate}{layout}");
    let label = format!(
        "amovie=filename='pipe\\:0':f=wav,aformat=channel_layouts=mono,aresample={rate},pan={pan}{each},{form}"
    );
    let before = format!("apad=pad_dur={pause}");
    let after = format!("adelay=delays={}:all=1", (pause * 1000.0).round());
    let content = format!("[in]asetpts=N/SR/TB,{form}[c]");
    match (start, end) {
        (true, true) => {
            format!("{label},asplit[a][b];[a]{before}[l];[b]{after}[r];{content};[l][c][r]concat=n=3:v=0:a=1[out]")
        }
        (true, false) => format!("{label},{before}[l];{content};[l][c]concat=n=2:v=0:a=1[out]"),
        _ => format!("{label},{after}[r];{content};[c][r]concat=n=2:v=0:a=1[out]"),
    }
}

/// One channel of samples as a WAV file of 32-bit floating point (RIFF; format tag 3).
fn wav(samples: &[f32], rate: u32) -> Vec<u8> {
    let length = u32::try_from(samples.len() * 4).unwrap_or(u32::MAX);
    let mut wav = b"RIFF".to_vec();
    wav.extend((length.saturating_add(36)).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x03\0\x01\0");
    wav.extend(rate.to_le_bytes());
    wav.extend((rate * 4).to_le_bytes());
    wav.extend(b"\x04\0\x20\0data");
    wav.extend(length.to_le_bytes());
    wav.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    wav
}

/// The label as it is looked for.
fn label_heard(work: &Work<'_>, label: &SoundLabel, rate: u32) -> Result<Vec<f32>> {
    let (input, feed) = match &label.what {
        Voice::Rhythm => {
            let samples = Rhythm::new(rate, 1).samples()?;
            (words("-f wav -i pipe:0"), Feed::Bytes(wav(&samples, rate)))
        }
        Voice::Recorded(path) => (Input { path, demuxer: "wav" }.args(), Feed::Nothing),
    };
    let mut args = input;
    args.extend(words(&format!("-ac 1 -ar {HEARD} -t {} -f f32le pipe:1", VOICE.end() + 1.0)));
    let bytes = work.ffmpeg(args, feed).context("the recorded label cannot be read; it is a WAV file")?;
    let samples: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|sample| f32::from_le_bytes(*sample)).collect();
    let seconds = samples.len() as f64 / f64::from(HEARD);
    if !VOICE.contains(&seconds) {
        bail!("the recorded label lasts {seconds:.1} s, not {} to {}", VOICE.start(), VOICE.end());
    }
    let loudest = samples.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    if loudest < 0.05 {
        bail!("the recorded label cannot be heard: its loudest sample is {loudest:.3} of 1");
    }
    Ok(samples)
}

/// The beginning and the end of a recording, as it is heard, and its length.
struct Ends {
    first: Vec<f32>,
    last: Vec<f32>,
    samples: u64,
}

/// Decodes a recording and keeps its ends.
fn ends(work: &Work<'_>, input: Input<'_>, stream: usize) -> Result<Ends> {
    let mut args = input.args();
    args.extend(words(&format!("-map 0:{stream} -ac 1 -ar {HEARD} -f f32le pipe:1")));
    work.stream(args, |output| {
        let most = HEARD as usize * (*VOICE.end() as usize + 1) + MOVED;
        let mut ends = Ends { first: Vec::new(), last: Vec::new(), samples: 0 };
        let mut block = vec![0_u8; 1 << 16];
        let mut left: Vec<u8> = Vec::new();
        loop {
            let read = output.read(&mut block)?;
            if read == 0 {
                return Ok(ends);
            }
            left.extend_from_slice(block.get(..read).unwrap_or_default());
            let (whole, rest) = left.as_chunks::<4>();
            let fresh: Vec<f32> = whole.iter().map(|sample| f32::from_le_bytes(*sample)).collect();
            left = rest.to_vec();
            ends.samples += fresh.len() as u64;
            ends.first.extend(fresh.iter().take((LOOKED_FOR + MOVED).saturating_sub(ends.first.len())));
            ends.last.extend(fresh);
            if ends.last.len() > 2 * most {
                ends.last.drain(..ends.last.len() - most);
            }
        }
    })
}

/// The best normalised correlation of a label with what begins within [`MOVED`] twice.
fn alike(label: &[f32], heard: &[f32]) -> f64 {
    let energy = |samples: &[f32]| samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let of_label = energy(label);
    let at = |from: usize| {
        let part = heard.get(from..)?;
        let part = part.get(..label.len().min(part.len()))?;
        let product: f64 = label.iter().zip(part).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let both = (of_label * energy(part)).sqrt();
        Some(if both > 0.0 { product.abs() / both } else { 0.0 })
    };
    (0..=2 * MOVED).filter_map(at).fold(0.0, f64::max)
}
