//! Samples as a WAV file has them (Microsoft/IBM, *Multimedia Programming Interface and Data Specifications 1.0*;
//! `WAVEFORMATEXTENSIBLE`).

use crate::Error;
use crate::carrier::media::array;

use super::NAME;

/// Most frames of silence in a pause: 10 seconds at 768 kHz.
const LONGEST_PAUSE: u64 = 7_680_000;

/// A coding of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pcm {
    pub(super) rate: u32,
    pub(super) channels: u16,
    /// Bytes of a sample: 1 to 4.
    bytes: u16,
    /// Bits of a sample that count; the lower ones are zero.
    valid: u16,
    float: bool,
}

impl Pcm {
    /// Of a `fmt ` chunk.
    pub(super) fn of(format: &[u8]) -> Result<Pcm, Error> {
        let wrong = |problem: String| Err(Error::Unsupported { format: NAME, problem });
        let two = |at: usize| array(format, at).map_or(0, u16::from_le_bytes);
        let rate = array(format, 4).map_or(0, u32::from_le_bytes);
        let (mut tag, channels, block, bits) = (two(0), two(2), two(12), two(14));
        let mut valid = bits;
        if tag == 0xFFFE {
            // Extensible: what it is stands in the first two bytes of an identifier.
            tag = two(24);
            if (1..=bits).contains(&two(18)) {
                valid = two(18);
            }
        }
        if format.len() < 16 {
            return Err(Error::Damaged { format: NAME, at: 12, problem: "its fmt chunk is too short".into() });
        }
        if !matches!((tag, bits), (1, 8 | 16 | 24 | 32) | (3, 32)) {
            return wrong(format!(
                "its samples are of coding {tag} with {bits} bits, not PCM of 8, 16, 24, 32 bits or float of 32; convert it"
            ));
        }
        if !(1..=64).contains(&channels) || !(4_000..=768_000).contains(&rate) {
            return wrong(format!("it has {channels} channels of {rate} samples a second; convert it"));
        }
        let bytes = bits / 8;
        if u32::from(block) != u32::from(channels) * u32::from(bytes) {
            return wrong(format!("{channels} samples of {bits} bits do not take {block} bytes"));
        }
        Ok(Pcm { rate, channels, bytes, valid, float: tag == 3 })
    }

    /// Bytes of a frame: one sample of each channel.
    pub(super) fn frame(self) -> u64 {
        u64::from(self.channels) * u64::from(self.bytes)
    }

    /// Samples of −1 to 1 as bytes.
    pub(super) fn encode(self, samples: &[f32]) -> Vec<u8> {
        let mut out = Vec::with_capacity(samples.len() * usize::from(self.bytes));
        for value in samples {
            let value = value.clamp(-1.0, 1.0);
            if self.float {
                out.extend_from_slice(&value.to_le_bytes());
                continue;
            }
            // In the highest bits of 32, the others zero.
            let top = f64::from(1_u32 << (self.valid - 1)) - 1.0;
            let whole = (f64::from(value) * top).round() as i64 as i32;
            let wide = whole << (32 - u32::from(self.valid));
            if self.bytes == 1 {
                // 8 bits have no sign.
                out.push((wide >> 24) as u8 ^ 0x80);
            } else {
                out.extend(wide.to_le_bytes().iter().skip(4 - usize::from(self.bytes)));
            }
        }
        out
    }

    /// Bytes as samples of −1 to 1.
    pub(super) fn decode(self, bytes: &[u8]) -> impl Iterator<Item = f32> {
        bytes.chunks_exact(usize::from(self.bytes)).map(move |sample| {
            let mut four = [0; 4];
            four.iter_mut().skip(4 - sample.len()).zip(sample).for_each(|(to, from)| *to = *from);
            if self.float {
                let value = f32::from_le_bytes(four);
                return if value.is_finite() { value } else { 0.0 };
            }
            let flip = if sample.len() == 1 { 0x80 << 24 } else { 0 };
            (i32::from_le_bytes(four) ^ flip) as f32 / 2_147_483_648.0
        })
    }

    /// Silence of some milliseconds.
    pub(super) fn silence(self, milliseconds: u32) -> Result<Vec<u8>, Error> {
        let frames = u64::from(self.rate) * u64::from(milliseconds) / 1000;
        if frames > LONGEST_PAUSE {
            return Err(Error::Label(format!("a pause of {milliseconds} ms is too long")));
        }
        let byte = if self.bytes == 1 && !self.float { 0x80 } else { 0 };
        Ok(vec![byte; (frames * self.frame()) as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_go_there_and_back() {
        let values = [0.0, 0.5, -0.5, 1.0, -1.0, 0.25];
        for (tag, bits) in [(1_u16, 8_u16), (1, 16), (1, 24), (1, 32), (3, 32)] {
            let block = 2 * bits / 8;
            let format = [tag, 2, 48_000, 0, 0, 0, block, bits].map(u16::to_le_bytes).concat();
            let pcm = Pcm::of(&format).unwrap();
            let bytes = pcm.encode(&values);
            assert_eq!(bytes.len(), values.len() * usize::from(bits / 8));
            for (before, after) in values.iter().zip(pcm.decode(&bytes)) {
                assert!(
                    (before - after).abs() < 2.1 / 2_f32.powi(i32::from(bits.min(24)) - 1),
                    "{bits} {before} {after}"
                );
            }
            assert!(pcm.decode(&pcm.silence(10).unwrap()).all(|value| value == 0.0));
        }
        // 20 bits in 24: the lowest four are zero.
        let mut format = [0xFFFE, 1, 48_000, 0, 0, 0, 3, 24, 22, 20, 4, 0, 1].map(u16::to_le_bytes).concat();
        format.extend([0; 14]);
        let pcm = Pcm::of(&format).unwrap();
        assert!(pcm.encode(&values).chunks(3).all(|sample| sample[0] & 15 == 0));
        for wrong in [[2_u16, 1, 48_000, 0, 0, 0, 1, 4], [1, 0, 48_000, 0, 0, 0, 0, 16], [1, 2, 48_000, 0, 0, 0, 3, 16]]
        {
            assert!(Pcm::of(&wrong.map(u16::to_le_bytes).concat()).is_err());
        }
        assert!(Pcm::of(&[1, 0]).is_err());
    }
}
