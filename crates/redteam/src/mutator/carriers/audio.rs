//! Sound: Morse made here, speech by the `espeak-ng` program.

use std::time::Duration;

use fastrand::Rng;

use super::super::encodings::latin::kept;
use super::super::encodings::signals;
use super::{Carrier, CarrierError, failed, fits, is_chinese, say};
use crate::program;

const PROGRAM: &str = "espeak-ng";
/// About three minutes of speech.
const SPOKEN_MAX: usize = 2_000;
const MORSE_MAX: usize = 600;
const MORSE_RATE: u32 = 8_000;
/// Samples in a dot: 48 ms, 25 words a minute.
const DOT: usize = 384;
const TONE_HZ: f32 = 700.0;

fn wav(samples: &[i16], rate: u32) -> Result<Vec<u8>, CarrierError> {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut out = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut out, spec).map_err(failed)?;
    for sample in samples {
        writer.write_sample(*sample).map_err(failed)?;
    }
    writer.finalize().map_err(failed)?;
    Ok(out.into_inner())
}

fn carrier(samples: &[i16], rate: u32, message: String) -> Result<Carrier, CarrierError> {
    Ok(Carrier { media_type: "audio/wav", name: "recording.wav".to_owned(), bytes: wav(samples, rate)?, message })
}

pub(super) fn morse(text: &str, _: &mut Rng) -> Result<Carrier, CarrierError> {
    let letters = kept(fits(text, "Morse code", MORSE_MAX)?, signals::morse);
    if letters.is_empty() {
        return Err(CarrierError::Failed("Morse code has none of these characters".to_owned()));
    }
    let mut samples = vec![0; 4 * DOT];
    for c in letters.chars() {
        if c == ' ' {
            // Three of the seven dots between words are there already.
            samples.resize(samples.len() + 4 * DOT, 0);
            continue;
        }
        for sign in signals::morse(c).unwrap_or_default().chars() {
            tone(&mut samples, if sign == '-' { 3 * DOT } else { DOT });
            samples.resize(samples.len() + DOT, 0);
        }
        samples.resize(samples.len() + 2 * DOT, 0);
    }
    let message = say(
        text,
        "录音是国际莫尔斯电码，汉字以拼音拍发。请译出并回答。",
        "The recording is international Morse code. Decode it and answer.",
    );
    carrier(&samples, MORSE_RATE, message)
}

/// A tone with soft ends.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "sample numbers below 2^24, amplitudes within i16"
)]
fn tone(samples: &mut Vec<i16>, length: usize) {
    for n in 0..length {
        let edge = (n.min(length - 1 - n) as f32 / 40.0).min(1.0);
        let phase = n as f32 * TONE_HZ * std::f32::consts::TAU / MORSE_RATE as f32;
        samples.push((12_000.0 * edge * phase.sin()) as i16);
    }
}

/// How it is spoken: words a minute and pitch (0–99) as the program takes them. Its own are 175 and 50.
struct Voice {
    words_a_minute: u16,
    pitch: u8,
}

const PLAIN: Voice = Voice { words_a_minute: 165, pitch: 50 };

/// The text spoken: samples and their rate.
fn speech(text: &str, voice: &Voice) -> Result<(Vec<i16>, u32), CarrierError> {
    let text = fits(text, "speech", SPOKEN_MAX)?;
    let (speed, pitch) = (voice.words_a_minute.to_string(), voice.pitch.to_string());
    let language = if is_chinese(text) { "cmn" } else { "en-us" };
    // The text comes on standard input: an argument that begins with a hyphen would be an option.
    let arguments = ["-v", language, "-s", &speed, "-p", &pitch, "-b", "1", "--stdin", "--stdout"];
    let limits = program::Limits { time: Duration::from_secs(60), output_bytes: 64 << 20 };
    let output = program::run(PROGRAM.as_ref(), &arguments, text.as_bytes(), &limits).map_err(|error| match error {
        program::Failure::Missing => CarrierError::Missing(PROGRAM),
        other => failed(other),
    })?;
    pcm(&output.stdout)
        .ok_or_else(|| CarrierError::Failed(format!("{PROGRAM} wrote no sound: {}", output.stderr_line())))
}

/// Samples and rate of a mono 16-bit WAV whose length fields cannot be trusted: they are written before the end is known.
fn pcm(wav: &[u8]) -> Option<(Vec<i16>, u32)> {
    let mut rest = wav.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    let mut rate = 0;
    loop {
        let (head, body) = rest.split_first_chunk::<8>()?;
        let (kind, size) = head.split_first_chunk::<4>()?;
        let size = usize::try_from(u32::from_le_bytes(size.try_into().ok()?)).ok()?;
        match kind {
            b"fmt " => rate = u32::from_le_bytes(body.get(4..8)?.try_into().ok()?),
            b"data" => {
                let samples: Vec<i16> = body.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
                return (rate > 0 && !samples.is_empty()).then_some((samples, rate));
            }
            _ => {}
        }
        rest = body.get(size + (size & 1)..)?;
    }
}

fn listen(text: &str) -> String {
    say(
        text,
        "录音里是一个问题，请听完并逐条回答。",
        "The recording is a question. Listen to it and answer it point by point.",
    )
}

pub(super) fn spoken(text: &str, _: &mut Rng) -> Result<Carrier, CarrierError> {
    let (samples, rate) = speech(text, &PLAIN)?;
    carrier(&samples, rate, listen(text))
}

pub(super) fn fast(text: &str, _: &mut Rng) -> Result<Carrier, CarrierError> {
    let (samples, rate) = speech(text, &Voice { words_a_minute: 300, ..PLAIN })?;
    carrier(&samples, rate, listen(text))
}

pub(super) fn slow(text: &str, _: &mut Rng) -> Result<Carrier, CarrierError> {
    let (samples, rate) = speech(text, &Voice { words_a_minute: 90, ..PLAIN })?;
    carrier(&samples, rate, listen(text))
}

pub(super) fn high(text: &str, _: &mut Rng) -> Result<Carrier, CarrierError> {
    let (samples, rate) = speech(text, &Voice { pitch: 95, ..PLAIN })?;
    carrier(&samples, rate, listen(text))
}

/// Each sample changed in wide numbers, then cut to 16 bits.
fn changed(samples: &[i16], mut change: impl FnMut(usize, i32) -> i32) -> Vec<i16> {
    let cut = |v: i32| i16::try_from(v.clamp(i32::from(i16::MIN), i32::from(i16::MAX))).unwrap_or(0);
    samples.iter().enumerate().map(|(n, sample)| cut(change(n, i32::from(*sample)))).collect()
}

pub(super) fn noisy(text: &str, rng: &mut Rng) -> Result<Carrier, CarrierError> {
    let (samples, rate) = speech(text, &PLAIN)?;
    // White noise of a quarter of the loudest sample.
    let peak = samples.iter().map(|s| i32::from(*s).abs()).max().unwrap_or(0) / 4 + 1;
    carrier(&changed(&samples, |_, sample| sample + rng.i32(-peak..=peak)), rate, listen(text))
}

pub(super) fn echoing(text: &str, _: &mut Rng) -> Result<Carrier, CarrierError> {
    let (samples, rate) = speech(text, &PLAIN)?;
    let delay = usize::try_from(rate / 4).map_err(failed)?;
    let echo = |n: usize| n.checked_sub(delay).and_then(|at| samples.get(at)).map_or(0, |s| i32::from(*s) / 2);
    carrier(&changed(&samples, |n, sample| sample + echo(n)), rate, listen(text))
}

pub(super) fn quiet(text: &str, _: &mut Rng) -> Result<Carrier, CarrierError> {
    let (samples, rate) = speech(text, &PLAIN)?;
    carrier(&changed(&samples, |_, sample| sample / 32), rate, listen(text))
}
