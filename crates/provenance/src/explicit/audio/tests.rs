use super::*;

/// The tones heard in samples: how many units each tone and each pause takes, from the loudness of tenths of a unit.
fn heard(samples: &[f32], rhythm: &Rhythm) -> Vec<(bool, usize)> {
    let step = rhythm.frames(rhythm.unit) * usize::from(rhythm.channels) / 10;
    let loud: Vec<bool> = samples
        .chunks(step)
        .map(|chunk| (chunk.iter().map(|v| v * v).sum::<f32>() / chunk.len() as f32).sqrt() > 0.05)
        .collect();
    let mut runs: Vec<(bool, usize)> = Vec::new();
    for value in loud {
        match runs.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => runs.push((value, 1)),
        }
    }
    runs.into_iter().map(|(tone, count)| (tone, (count + 5) / 10)).collect()
}

const AI: [(bool, usize); 7] = [(true, 1), (false, 1), (true, 3), (false, 3), (true, 1), (false, 1), (true, 1)];

#[test]
fn the_rhythm_is_short_long_short_short() {
    for (rate, channels) in [(8_000, 1), (16_000, 1), (44_100, 2), (48_000, 6)] {
        let rhythm = Rhythm::new(rate, channels);
        let samples = rhythm.samples().unwrap();
        assert_eq!(heard(&samples, &rhythm), AI, "{rate} {channels}");
        assert_eq!(samples.len(), rhythm.frames(100) * 11 * usize::from(channels));
        assert!(samples.iter().all(|value| value.abs() <= 0.4));
        let frames = samples.chunks(usize::from(channels));
        assert!(frames.clone().all(|frame| frame.iter().all(|value| *value == frame[0])));
        // No clicks: two samples next to each other never differ by more than the tone's own slope.
        let slope = (0.4 * TAU * 800.0 / f64::from(rate)) as f32 * 1.05;
        let first: Vec<f32> = frames.map(|frame| frame[0]).collect();
        assert!(first.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= slope));
    }
}

#[test]
fn the_content_is_untouched_between_labels() {
    let rhythm = Rhythm::new(16_000, 2);
    let content: Vec<i16> = (0..20_000).map(|i| (i * 37 % 2000) as i16).collect();
    let label = rhythm.samples().unwrap().len() + rhythm.frames(300) * 2;
    for (position, before, after) in
        [(Position::Start, label, 0), (Position::End, 0, label), (Position::Both, label, label)]
    {
        let out = rhythm.around_i16(&content, position).unwrap();
        assert_eq!(out.len(), before + content.len() + after);
        assert_eq!(&out[before..before + content.len()], content);
        let floats: Vec<f32> = out.iter().map(|v| f32::from(*v) / 32767.0).collect();
        let alone = rhythm.samples().unwrap().len();
        if before > 0 {
            assert_eq!(heard(&floats[..alone], &rhythm), AI);
        }
        if after > 0 {
            assert_eq!(heard(&floats[floats.len() - alone..], &rhythm), AI);
        }
    }
}

#[test]
fn content_of_a_fixed_length_takes_the_label_on_top() {
    let rhythm = Rhythm::new(16_000, 1);
    let content = vec![0.9_f32; 40_000];
    let out = rhythm.over(&content, Position::Both, 0.0).unwrap();
    let label = rhythm.samples().unwrap().len();
    assert_eq!(out.len(), content.len());
    assert_eq!(heard(&out[..label], &rhythm), AI);
    assert_eq!(heard(&out[out.len() - label..], &rhythm), AI);
    assert_eq!(&out[label..out.len() - label], &content[label..content.len() - label]);
    assert!(rhythm.over(&content, Position::Start, 1.0).unwrap().iter().all(|value| value.abs() <= 1.0));
    assert!(rhythm.over(&content[..1000], Position::Start, 1.0).is_err());
}

#[test]
fn wrong_values_are_refused() {
    let good = Rhythm::new(16_000, 2);
    for wrong in [
        Rhythm { rate: 0, ..good },
        Rhythm { channels: 0, ..good },
        Rhythm { unit: 0, ..good },
        Rhythm { unit: u32::MAX, ..good },
        Rhythm { pitch: f64::NAN, ..good },
        Rhythm { pitch: 9_000.0, ..good },
        Rhythm { level: 2.0, ..good },
        Rhythm { pause: u32::MAX, ..good },
        Rhythm { rate: 768_000, channels: 64, pause: 5_000, ..good },
    ] {
        assert!(wrong.around(&[], Position::Start).is_err(), "{wrong:?}");
    }
    assert!(good.around(&[0.0; 3], Position::Start).is_err(), "half a frame");
}
