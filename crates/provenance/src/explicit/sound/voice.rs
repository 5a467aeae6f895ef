//! A spoken prompt, brought to the rate and the channels of the file it goes into.

use std::f64::consts::PI;

use super::{File, NAME};
use crate::Error;
use crate::carrier::Input;
use crate::carrier::media::Source;

/// Longest prompt, in seconds, and most samples in memory.
const LONGEST: u64 = 30;
const MOST: u64 = 1 << 24;
/// Zero crossings of the kernel to each side.
const LOBES: f64 = 12.0;
/// Silence between the prompt and the content, in milliseconds.
const PAUSE: u32 = 300;

/// Speech, as the caller recorded or synthesised it.
#[derive(Debug, Clone, PartialEq)]
pub struct Voice {
    rate: u32,
    channels: u16,
    /// Interleaved, −1 to 1.
    samples: Vec<f32>,
}

impl Voice {
    /// Reads a WAV file of up to 30 seconds, of the same codings that can be labelled.
    ///
    /// # Errors
    /// When it is damaged, of another coding, silent or too long.
    pub fn read(input: &mut dyn Input) -> Result<Voice, Error> {
        let mut source = Source::new(input, NAME)?;
        let file = File::open(&mut source)?;
        let pcm = file.pcm;
        let seconds = file.frames / u64::from(pcm.rate);
        if seconds > LONGEST || file.frames * u64::from(pcm.channels) > MOST {
            return Err(Error::Label(format!("a spoken label has at most {LONGEST} seconds; this has {seconds}")));
        }
        let bytes = source.vec(file.data.at + 8, file.frames * pcm.frame(), MOST * 4)?;
        let samples: Vec<f32> = pcm.decode(&bytes).collect();
        if samples.iter().all(|value| value.abs() < 0.01) {
            return Err(Error::Label("the spoken label is silent, or hardly to be heard".to_owned()));
        }
        Ok(Voice { rate: pcm.rate, channels: pcm.channels, samples })
    }

    /// Silence around it, in milliseconds.
    pub(super) fn pause(&self) -> u32 {
        PAUSE
    }

    /// The speech at a rate and in channels, interleaved.
    pub(super) fn samples(&self, rate: u32, channels: u16) -> Result<Vec<f32>, Error> {
        let frames = self.samples.len() as u64 / u64::from(self.channels);
        let length = frames * u64::from(rate) / u64::from(self.rate);
        if length * u64::from(channels) > MOST {
            return Err(Error::Label(format!("the spoken label would take more than {MOST} samples; shorten it")));
        }
        let lanes = self.lanes(channels);
        let resampled: Vec<Option<Vec<f32>>> = if let Some(Some(first)) = lanes.first()
            && lanes.iter().all(|lane| lane.as_ref() == Some(first))
        {
            vec![Some(resampled(first, self.rate, rate)); lanes.len()]
        } else {
            lanes.into_iter().map(|lane| lane.map(|lane| resampled(&lane, self.rate, rate))).collect()
        };
        let mut out = Vec::with_capacity((length * u64::from(channels)) as usize);
        for frame in 0..length as usize {
            let sample =
                |lane: &Option<Vec<f32>>| lane.as_ref().and_then(|lane| lane.get(frame)).copied().unwrap_or(0.0);
            out.extend(resampled.iter().map(sample));
        }
        Ok(out)
    }

    /// What each channel of the file is to hold: one voice on all; a pair on the first two; more than fit mixed on all.
    fn lanes(&self, channels: u16) -> Vec<Option<Vec<f32>>> {
        let own = usize::from(self.channels);
        let lane = |which: usize| self.samples.iter().skip(which).step_by(own).copied().collect::<Vec<f32>>();
        let wanted = usize::from(channels);
        if own == 1 {
            return vec![Some(lane(0)); wanted];
        }
        if own > wanted {
            let mixed = self.samples.chunks_exact(own).map(|frame| frame.iter().sum::<f32>() / own as f32).collect();
            return vec![Some(mixed); wanted];
        }
        (0..wanted).map(|which| (which < own).then(|| lane(which))).collect()
    }
}

/// Brought from a rate to another by a windowed sinc (Lanczos), with what the new rate cannot hold filtered out.
fn resampled(lane: &[f32], from: u32, to: u32) -> Vec<f32> {
    if from == to {
        return lane.to_vec();
    }
    let step = f64::from(from) / f64::from(to);
    let cut = (1.0 / step).min(1.0);
    let reach = LOBES / cut;
    let length = lane.len() as u64 * u64::from(to) / u64::from(from);
    let sinc = |x: f64| if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) };
    (0..length)
        .map(|index| {
            let centre = index as f64 * step;
            let first = (centre - reach).ceil().max(0.0) as usize;
            let last = ((centre + reach).floor() as usize).min(lane.len().saturating_sub(1));
            let (mut sum, mut weights) = (0.0, 0.0);
            for (at, value) in lane.iter().enumerate().take(last + 1).skip(first) {
                let x = at as f64 - centre;
                let weight = sinc(x * cut) * sinc(x / reach);
                sum += f64::from(*value) * weight;
                weights += weight;
            }
            // At the ends part of the kernel is missing.
            if weights.abs() > 1e-6 { (sum / weights) as f32 } else { 0.0 }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_keeps_its_pitch_and_loudness_at_other_rates() {
        let tone = |rate: u32| -> Vec<f32> {
            (0..rate / 4).map(|i| (f64::from(i) * 440.0 * 2.0 * PI / f64::from(rate)).sin() as f32 * 0.5).collect()
        };
        for (from, to) in [(16_000, 48_000), (48_000, 16_000), (44_100, 48_000), (22_050, 8_000), (8_000, 8_000)] {
            let found = resampled(&tone(from), from, to);
            let wanted = tone(to);
            assert!(found.len().abs_diff(wanted.len()) <= 1);
            let inner = 200..found.len().min(wanted.len()) - 200;
            let worst = inner.map(|i| (found[i] - wanted[i]).abs()).fold(0.0, f32::max);
            assert!(worst < 0.005, "{from} {to}: {worst}");
        }
        // 6 kHz is gone where 8000 samples a second cannot hold it.
        let high: Vec<f32> = (0..12_000).map(|i| (f64::from(i) * 6_000.0 * 2.0 * PI / 48_000.0).sin() as f32).collect();
        assert!(resampled(&high, 48_000, 8_000)[100..1900].iter().all(|value| value.abs() < 0.02));
    }

    #[test]
    fn channels_are_mapped() {
        let stereo = Voice { rate: 8_000, channels: 2, samples: vec![0.5, -0.5, 0.25, 0.75] };
        assert_eq!(stereo.samples(8_000, 1).unwrap(), [0.0, 0.5]);
        assert_eq!(stereo.samples(8_000, 2).unwrap(), stereo.samples);
        assert_eq!(stereo.samples(8_000, 3).unwrap(), [0.5, -0.5, 0.0, 0.25, 0.75, 0.0]);
        let mono = Voice { rate: 8_000, channels: 1, samples: vec![0.5, 0.25] };
        assert_eq!(mono.samples(8_000, 3).unwrap(), [0.5, 0.5, 0.5, 0.25, 0.25, 0.25]);
    }
}
