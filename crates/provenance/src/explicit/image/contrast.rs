//! Ink that can be read: black or white, and a plate behind it where the picture would swallow both.

/// The contrast that is wanted of text (WCAG 2.2, 1.4.3).
pub(super) const WANTED: f64 = 4.5;

/// Ink, and how much of the picture is covered by the opposite colour.
pub(super) struct Choice {
    pub(super) ink: [u8; 4],
    plate_colour: f64,
    pub(super) plate: f64,
    pub(super) contrast: f64,
}

impl Choice {
    /// What becomes of a pixel behind the text.
    pub(super) fn behind(&self, pixel: [u8; 4]) -> [u8; 4] {
        if self.plate <= 0.0 {
            return pixel;
        }
        let [r, g, b, a] = pixel;
        let mix = |value: u8| (f64::from(value) * (1.0 - self.plate) + self.plate_colour * self.plate).round() as u8;
        [mix(r), mix(g), mix(b), if self.plate >= 1.0 { 255 } else { a }]
    }
}

/// The weakest plate with which black or white ink reaches the wanted contrast.
pub(super) fn choose(behind: &[[u8; 4]]) -> Choice {
    // What shines through a transparent picture is not known: it is covered.
    let opaque = behind.iter().all(|pixel| pixel[3] >= 250);
    let plates: &[f64] = if opaque { &[0.0, 0.25, 0.5, 0.65, 0.8, 1.0] } else { &[1.0] };
    let mut best: Option<Choice> = None;
    for &plate in plates {
        for (ink, plate_colour) in [(255_u8, 0.0), (0, 255.0)] {
            let choice = Choice { ink: [ink, ink, ink, 255], plate_colour, plate, contrast: 0.0 };
            let mut seen: Vec<f64> =
                behind.iter().map(|pixel| ratio(luminance(choice.ink), luminance(choice.behind(*pixel)))).collect();
            seen.sort_by(f64::total_cmp);
            let contrast = seen.get(seen.len() / 20).copied().unwrap_or(1.0);
            if best.as_ref().is_none_or(|before| contrast > before.contrast) {
                best = Some(Choice { contrast, ..choice });
            }
        }
        if best.as_ref().is_some_and(|best| best.contrast >= WANTED) {
            break;
        }
    }
    best.unwrap_or(Choice { ink: [255; 4], plate_colour: 0.0, plate: 1.0, contrast: 21.0 })
}

/// Relative luminance of sRGB (WCAG 2).
fn luminance([r, g, b, _]: [u8; 4]) -> f64 {
    let linear = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// The contrast ratio (WCAG 2): 1 to 21.
fn ratio(a: f64, b: f64) -> f64 {
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
