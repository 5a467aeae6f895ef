//! The rhythm label of sound (GB 45438-2025 5.3): short-long, short-short, which is A I in Morse code.
//!
//! The standard says which rhythm; pitch, speed and loudness are not known to be fixed, and are those of [`Rhythm`]. A
//! spoken label is the other way to do it; it is not made here.

use std::f64::consts::TAU;

use crate::Error;

/// The rhythm: tones in units, and the pause after each (ITU-R M.1677-1: a long tone is three short ones, the pause within
/// a letter one, between letters three).
const TONES: [(usize, usize); 4] = [(1, 1), (3, 3), (1, 1), (1, 0)];
/// The most samples that are made for a label.
const MOST: usize = 1 << 24;

/// Where the label stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Before the content.
    Start,
    /// After it.
    End,
    /// Both.
    Both,
}

/// How the label sounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rhythm {
    /// Samples a second.
    pub rate: u32,
    /// Channels, interleaved; each gets the label.
    pub channels: u16,
    /// A short tone, in milliseconds: 40 to 400.
    pub unit: u32,
    /// The tone, in hertz.
    pub pitch: f64,
    /// Its amplitude, of 1.
    pub level: f64,
    /// Silence between the label and the content, in milliseconds.
    pub pause: u32,
}

impl Rhythm {
    /// Tones of 100 ms at 800 Hz: a label of 1.1 seconds.
    #[must_use]
    pub fn new(rate: u32, channels: u16) -> Rhythm {
        Rhythm { rate, channels, unit: 100, pitch: 800.0, level: 0.4, pause: 300 }
    }

    /// The label alone: interleaved samples of −1 to 1. Tones swell and fade over a tenth of a unit, so that they do not
    /// click.
    ///
    /// # Errors
    /// When a value is out of bounds.
    pub fn samples(&self) -> Result<Vec<f32>, Error> {
        let nyquist = f64::from(self.rate) / 2.0;
        let problem = if !(4_000..=768_000).contains(&self.rate) {
            format!("{} samples a second", self.rate)
        } else if !(1..=64).contains(&self.channels) {
            format!("{} channels", self.channels)
        } else if !(40..=400).contains(&self.unit) {
            format!("a short tone of {} ms, not 40 to 400", self.unit)
        } else if !(100.0..nyquist * 0.9).contains(&self.pitch) {
            format!("a pitch of {} Hz at {} samples a second", self.pitch, self.rate)
        } else if !(0.01..=1.0).contains(&self.level) {
            format!("a level of {}, not 0.01 to 1", self.level)
        } else if self.pause > 5_000 {
            format!("a pause of {} ms", self.pause)
        } else {
            String::new()
        };
        let unit = self.frames(self.unit);
        let channels = usize::from(self.channels);
        let units: usize = TONES.iter().map(|(tone, pause)| tone + pause).sum();
        if !problem.is_empty() {
            return Err(Error::Label(format!("the rhythm label cannot be made: {problem}")));
        }
        if (units * unit + self.frames(self.pause)) * channels > MOST {
            return Err(Error::Label(format!("the rhythm label would take more than {MOST} samples")));
        }
        let mut out = Vec::with_capacity(units * unit * channels);
        let ramp = (unit / 10).max(1);
        for (tone, pause) in TONES {
            let length = tone * unit;
            for i in 0..length {
                let edge = i.min(length - 1 - i).min(ramp) as f64 / ramp as f64;
                let swell = 0.5 - 0.5 * (edge * TAU / 2.0).cos();
                let value = (i as f64 * self.pitch * TAU / f64::from(self.rate)).sin() * self.level * swell;
                out.extend(std::iter::repeat_n(value as f32, channels));
            }
            out.extend(std::iter::repeat_n(0.0, pause * unit * channels));
        }
        Ok(out)
    }

    /// The content with the label before it, after it or both; the content's samples stay as they are.
    ///
    /// # Errors
    /// As [`Rhythm::samples`], or when the content does not end with a whole frame of all channels.
    pub fn around(&self, content: &[f32], position: Position) -> Result<Vec<f32>, Error> {
        self.join(content, position, self.samples()?)
    }

    /// The same of 16-bit samples.
    ///
    /// # Errors
    /// As [`Rhythm::around`].
    pub fn around_i16(&self, content: &[i16], position: Position) -> Result<Vec<i16>, Error> {
        let label = self.samples()?.into_iter().map(|value| (value * f32::from(i16::MAX)).round() as i16).collect();
        self.join(content, position, label)
    }

    fn join<T: Copy + Default>(&self, content: &[T], position: Position, label: Vec<T>) -> Result<Vec<T>, Error> {
        let channels = usize::from(self.channels);
        if !content.len().is_multiple_of(channels) {
            return Err(Error::Label(format!("{} samples are no whole frames of {channels} channels", content.len())));
        }
        let pause = vec![T::default(); self.frames(self.pause) * channels];
        let mut out = Vec::with_capacity(content.len() + 2 * (label.len() + pause.len()));
        if matches!(position, Position::Start | Position::Both) {
            out.extend_from_slice(&label);
            out.extend_from_slice(&pause);
        }
        out.extend_from_slice(content);
        if matches!(position, Position::End | Position::Both) {
            out.extend_from_slice(&pause);
            out.extend_from_slice(&label);
        }
        Ok(out)
    }

    /// Adds the label onto the beginning, the end or both of content that may not become longer. Where both are loud they
    /// are clipped to −1 … 1, so the content is turned down to `under` (0 to 1) of its loudness meanwhile.
    ///
    /// # Errors
    /// As [`Rhythm::around`], or when the content is shorter than the labels.
    pub fn over(&self, content: &[f32], position: Position, under: f32) -> Result<Vec<f32>, Error> {
        let label = self.samples()?;
        let times = if position == Position::Both { 2 } else { 1 };
        if content.len() < label.len() * times || !content.len().is_multiple_of(usize::from(self.channels)) {
            return Err(Error::Label("the content is shorter than the label, or ends within a frame".to_owned()));
        }
        let mut out = content.to_vec();
        let end = out.len() - label.len();
        let under = if under.is_finite() { under.clamp(0.0, 1.0) } else { 0.0 };
        let mut mix = |from: usize| {
            for (slot, value) in out.iter_mut().skip(from).zip(&label) {
                *slot = (*slot * under + value).clamp(-1.0, 1.0);
            }
        };
        if matches!(position, Position::Start | Position::Both) {
            mix(0);
        }
        if matches!(position, Position::End | Position::Both) {
            mix(end);
        }
        Ok(out)
    }

    fn frames(&self, milliseconds: u32) -> usize {
        (u64::from(self.rate) * u64::from(milliseconds) / 1000) as usize
    }
}

#[cfg(test)]
mod tests;
