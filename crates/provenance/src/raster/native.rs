//! Samples as the file has them, and the RGBA of 8 bits that is worked on.

/// Samples of a picture: 1 (grey), 2 (and alpha), 3 (RGB) or 4 (and alpha) a pixel.
pub(super) struct Native {
    pub(super) channels: usize,
    pub(super) values: Values,
}

/// 8 or 16 bits each.
pub(super) enum Values {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

impl Native {
    /// How many pixels there are.
    fn pixels(&self) -> usize {
        let count = match &self.values {
            Values::Eight(all) => all.len(),
            Values::Sixteen(all) => all.len(),
        };
        count / self.channels.max(1)
    }

    /// The same in RGBA, 8 bits.
    pub(super) fn rgba(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.pixels() * 4);
        let mut put = |pixel: &[u8]| {
            out.extend_from_slice(&match *pixel {
                [g] => [g, g, g, 255],
                [g, a] => [g, g, g, a],
                [r, g, b] => [r, g, b, 255],
                [r, g, b, a, ..] => [r, g, b, a],
                [] => [0; 4],
            });
        };
        match &self.values {
            Values::Eight(all) => all.chunks_exact(self.channels).for_each(put),
            Values::Sixteen(all) => {
                for pixel in all.chunks_exact(self.channels) {
                    let mut eight = [0; 4];
                    eight.iter_mut().zip(pixel).for_each(|(to, from)| *to = (from >> 8) as u8);
                    put(eight.get(..self.channels).unwrap_or(&eight));
                }
            }
        }
        out
    }

    /// Takes over what changed between `before` ([`Native::rgba`]) and `after`. Samples of 16 bits move by the change, so
    /// that what is not changed keeps all its bits.
    pub(super) fn take(&mut self, before: &[u8], after: &[u8]) {
        let channels = self.channels;
        let from = |channel: usize| if channels == 2 && channel == 1 { 3 } else { channel };
        let changed = before.as_chunks::<4>().0.iter().zip(after.as_chunks::<4>().0).enumerate();
        for (index, (before, after)) in changed.filter(|(_, (before, after))| before != after) {
            for channel in 0..channels {
                let at = index * channels + channel;
                let (old, new) = (before.get(from(channel)), after.get(from(channel)));
                let (Some(&old), Some(&new)) = (old, new) else { continue };
                match &mut self.values {
                    Values::Eight(all) => all.get_mut(at).into_iter().for_each(|value| *value = new),
                    Values::Sixteen(all) => {
                        let delta = (i32::from(new) - i32::from(old)) * 257;
                        let moved = |value: u16| (i32::from(value) + delta).clamp(0, 65_535) as u16;
                        all.get_mut(at).into_iter().for_each(|value| *value = moved(*value));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_keeps_its_bits() {
        let mut native = Native { channels: 2, values: Values::Sixteen(vec![0x1234, 0xFFFF, 0x8001, 0x7FFF]) };
        let before = native.rgba();
        assert_eq!(before, [0x12, 0x12, 0x12, 0xFF, 0x80, 0x80, 0x80, 0x7F]);
        let mut after = before.clone();
        after[4..].copy_from_slice(&[255; 4]);
        native.take(&before, &after);
        let Values::Sixteen(values) = native.values else { return };
        assert_eq!(values[..2], [0x1234, 0xFFFF]);
        assert!(values[2..].iter().all(|value| *value >= 0xFF00));
    }
}
