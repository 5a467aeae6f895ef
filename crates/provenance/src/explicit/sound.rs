//! A label heard in a WAV file (GB 45438-2025 5.3): the rhythm of [`super::audio`], or a spoken prompt that the caller
//! brings, at the start, in the middle, at the end.
//!
//! The file is copied as a stream; of its samples none changes, the label's are put between them. What other chunks say of
//! places in the sound (`cue `, `smpl`, `fact`, `PEAK`) moves along; all else is copied as it stands, labels in metadata
//! too. `bext`'s time of the first sample stays, so it is that of the label where this comes first; the lengths of regions
//! (`LIST adtl`) stay as well.
//!
//! PCM of 8, 16, 24 and 32 bits and float of 32 bits, in RIFF, RF64 and BW64.

mod chunks;
mod pcm;
mod quiet;
mod voice;

use std::io::Write;

pub use voice::Voice;

use super::audio::Rhythm;
use crate::Error;
use crate::carrier::Input;
use crate::carrier::media::{Edit, Source, rewrite};
use crate::carrier::riff::{self, Chunk, Riff};
use crate::carrier::wav;
use pcm::Pcm;

const NAME: &str = "WAV";

/// What is heard.
#[derive(Debug, Clone, PartialEq)]
pub enum Prompt {
    /// Short-long, short-short. Rate and channels are those of the file, whatever the value says.
    Rhythm(Rhythm),
    /// Speech. That it has both elements (人工智能 or AI, 生成 or 合成), at a normal speed, is the caller's word.
    Voice(Voice),
}

impl Default for Prompt {
    fn default() -> Prompt {
        Prompt::Rhythm(Rhythm::new(48_000, 1))
    }
}

/// Where it is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Before the content.
    Start,
    /// At the quiet place nearest to half time: within a tenth of the content, and 10 seconds, to both sides.
    Middle,
    /// Behind the content.
    End,
}

/// A label that was laid in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Laid {
    /// Where.
    pub place: Place,
    /// Before which sample of the original, counted in frames (one sample of each channel).
    pub frame: u64,
    /// How many frames were laid in, pauses included.
    pub frames: u64,
    /// In the middle: how loud the content is there (root mean square over 100 ms, of 1). Where nothing quiet is near, this
    /// is the quietest place all the same.
    pub loudness: Option<f64>,
}

/// Copies a WAV file with a label at places. Equal places count once. Memory is that of the labels, not of the file.
///
/// # Errors
/// When no place is given, the prompt is wrong, the file is damaged, is of a coding that is not known, or would grow
/// beyond what its sizes can say; then nothing of use was written.
pub fn label(
    input: &mut dyn Input,
    out: &mut dyn Write,
    prompt: &Prompt,
    places: &[Place],
) -> Result<Vec<Laid>, Error> {
    let mut places = places.to_vec();
    places.sort_unstable();
    places.dedup();
    if places.is_empty() {
        return Err(Error::Label(
            "say where the label is to be heard: at the start, in the middle or at the end".into(),
        ));
    }
    let mut source = Source::new(input, NAME)?;
    let file = File::open(&mut source)?;
    let spoken = file.pcm.encode(&prompt_samples(prompt, file.pcm)?);
    let pause = file.pcm.silence(match prompt {
        Prompt::Rhythm(rhythm) => rhythm.pause,
        Prompt::Voice(voice) => voice.pause(),
    })?;
    let mut laid = Vec::new();
    let mut insertions: Vec<(u64, Vec<u8>)> = Vec::new();
    for place in places {
        let (frame, loudness, bytes) = match place {
            Place::Start => (0, None, [spoken.as_slice(), &pause].concat()),
            Place::End => (file.frames, None, [pause.as_slice(), &spoken].concat()),
            Place::Middle => {
                let (frame, loudness) = quiet::place(&mut source, file.pcm, file.data.at + 8, file.frames)?;
                (frame, Some(loudness), [pause.as_slice(), &spoken, &pause].concat())
            }
        };
        laid.push(Laid { place, frame, frames: bytes.len() as u64 / file.pcm.frame(), loudness });
        insertions.push((frame, bytes));
    }
    let edits = file.edits(&mut source, insertions)?;
    rewrite(&mut source, out, edits)?;
    out.flush()?;
    Ok(laid)
}

/// The prompt in the file's rate and channels.
fn prompt_samples(prompt: &Prompt, pcm: Pcm) -> Result<Vec<f32>, Error> {
    match prompt {
        Prompt::Rhythm(rhythm) => Rhythm { rate: pcm.rate, channels: pcm.channels, ..*rhythm }.samples(),
        Prompt::Voice(voice) => voice.samples(pcm.rate, pcm.channels),
    }
}

/// A WAV file's structure.
struct File {
    riff: Riff,
    data: Chunk,
    pcm: Pcm,
    /// Whole frames of content.
    frames: u64,
}

impl File {
    fn open(source: &mut Source<'_>) -> Result<File, Error> {
        let head = source.head(0, 12)?;
        let wave = matches!(head.get(..4), Some(b"RIFF" | b"RF64" | b"BW64")) && head.get(8..12) == Some(b"WAVE");
        if !wave {
            return Err(source.damaged(0, "it does not begin with RIFF and WAVE"));
        }
        let riff = riff::riff(source, 0)?;
        let mut all = riff.chunks.iter().filter(|chunk| &chunk.id == b"data");
        let (Some(data), None) = (all.next().copied(), all.next()) else {
            return Err(source.damaged(12, "it does not have one data chunk"));
        };
        let Some(format) = riff.chunks.iter().find(|chunk| &chunk.id == b"fmt ").copied() else {
            return Err(source.damaged(12, "it has no fmt chunk"));
        };
        let format = source.vec(format.at + 8, format.size, 1 << 16)?;
        let pcm = Pcm::of(&format)?;
        Ok(File { frames: data.size / pcm.frame(), riff, data, pcm })
    }

    /// The edits that lay bytes in before frames.
    fn edits(&self, source: &mut Source<'_>, insertions: Vec<(u64, Vec<u8>)>) -> Result<Vec<Edit>, Error> {
        let begin = self.data.at + 8;
        let more: u64 = insertions.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let moves: Vec<(u64, u64)> =
            insertions.iter().map(|(frame, bytes)| (*frame, bytes.len() as u64 / self.pcm.frame())).collect();
        let mut edits = Vec::new();
        for (frame, new) in insertions {
            let at = begin + frame * self.pcm.frame();
            match edits.last_mut() {
                // Several at one place, in a file without content.
                Some(Edit { at: before, new: all, .. }) if *before == at => all.extend(new),
                _ => edits.push(Edit { at, old: 0, new }),
            }
        }
        // The byte of padding behind an odd number of bytes.
        let end = begin + self.data.size;
        let padded = u64::from(self.data.size % 2 == 1 && end < source.len() && !self.riff.open);
        let wanted = usize::from((self.data.size + more) % 2 == 1);
        if !self.riff.open && padded != wanted as u64 {
            match edits.last_mut() {
                Some(Edit { at, old, new }) if *at == end => {
                    *old = padded;
                    new.resize(new.len() + wanted, 0);
                }
                _ => edits.push(Edit { at: end, old: padded, new: vec![0; wanted] }),
            }
        }
        edits.extend(chunks::sizes(source, &self.riff, self.data, more)?);
        edits.extend(chunks::places(source, &self.riff, &moves)?);
        if !self.riff.open {
            edits.push(wav::new_size(source, &self.riff, &edits)?);
        }
        Ok(edits)
    }
}

#[cfg(test)]
mod tests;
