//! What the key decides: which frequencies are template, which carry which bit, and their phases.

use std::f64::consts::TAU;

use super::TILE;
use super::fourier::{Complex, transform};
use crate::watermark::Secret;
use crate::watermark::text::invisible::crc;

/// Payload and CRC-16.
pub(super) const BITS: usize = 80;
/// Frequencies, in periods a tile. Below, pictures have most of their own energy; above, JPEG after scaling to a half
/// leaves nothing.
pub(super) const LOWEST: f64 = 5.0;
pub(super) const HIGHEST: f64 = 24.0;
/// One in so many is template.
const TEMPLATE: usize = 4;

/// A frequency of the tile: its index in each direction, of the upper half plane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wave {
    pub(super) u: i32,
    pub(super) v: i32,
    /// Its phase.
    pub(super) phase: f64,
}

impl Wave {
    pub(super) fn at(&self) -> usize {
        let wrap = |k: i32| k.rem_euclid(TILE as i32) as usize;
        wrap(self.v) * TILE + wrap(self.u)
    }

    pub(super) fn mirrored(&self) -> usize {
        Wave { u: -self.u, v: -self.v, phase: 0.0 }.at()
    }

    pub(super) fn radius(&self) -> f64 {
        f64::from(self.u).hypot(f64::from(self.v))
    }
}

/// The plan of a key.
pub(super) struct Plan {
    pub(super) template: Vec<Wave>,
    /// For each bit the waves that carry it.
    pub(super) bits: Vec<Vec<Wave>>,
    /// Bits are flipped by these, so that no payload is special.
    pad: u128,
}

impl Plan {
    pub(super) fn new(secret: &Secret) -> Plan {
        let sip = secret.derive(b"menshen-image-1");
        let highest = HIGHEST as i32;
        let mut waves: Vec<(u64, Wave)> = Vec::new();
        for v in 0..=highest {
            for u in -highest..=highest {
                let wave = Wave { u, v, phase: 0.0 };
                if (v > 0 || u > 0) && (LOWEST..=HIGHEST).contains(&wave.radius()) {
                    let name = [u as u64, v as u64];
                    let phase = sip.unit(&[name[0], name[1], 1]) * TAU;
                    waves.push((sip.of_words(&name), Wave { phase, ..wave }));
                }
            }
        }
        // Shuffled within rings of equal radius and dealt in turn: every bit gets waves of all radii.
        waves.sort_by_key(|(order, wave)| ((wave.radius() / 3.0) as u64, *order));
        let mut template = Vec::new();
        let mut bits = vec![Vec::new(); BITS];
        let mut next = 0;
        for (i, (_, wave)) in waves.into_iter().enumerate() {
            if i % TEMPLATE == 0 {
                template.push(wave);
            } else {
                bits[next % BITS].push(wave);
                next += 1;
            }
        }
        let pad = u128::from(sip.of_words(&[2])) << 64 | u128::from(sip.of_words(&[3]));
        Plan { template, bits, pad: pad & (u128::MAX >> (128 - BITS)) }
    }

    /// The bits of a payload, as they are written.
    pub(super) fn code(&self, payload: u64) -> u128 {
        (u128::from(payload) << 16 | u128::from(crc(&payload.to_be_bytes()))) ^ self.pad
    }

    /// The payload, if the CRC is right.
    pub(super) fn payload(&self, code: u128) -> Option<u64> {
        let plain = code ^ self.pad;
        let payload = (plain >> 16) as u64;
        (crc(&payload.to_be_bytes()) == plain as u16).then_some(payload)
    }

    /// The tile in pixels, with a mean square of 1.
    pub(super) fn pattern(&self, payload: u64) -> Vec<f32> {
        let code = self.code(payload);
        let mut tile = vec![Complex::default(); TILE * TILE];
        let mut put = |wave: &Wave, sign: f64| {
            let value = Complex::turn(wave.phase).scaled(sign);
            tile[wave.at()] = value;
            tile[wave.mirrored()] = value.conj();
        };
        for wave in &self.template {
            put(wave, 1.0);
        }
        for (i, waves) in self.bits.iter().enumerate() {
            let sign = if code >> i & 1 == 1 { 1.0 } else { -1.0 };
            waves.iter().for_each(|wave| put(wave, sign));
        }
        transform(&mut tile, true);
        let square = tile.iter().map(|value| value.re * value.re).sum::<f64>() / tile.len() as f64;
        tile.iter().map(|value| (value.re / square.sqrt()) as f32).collect()
    }
}
