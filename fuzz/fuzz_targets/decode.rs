//! Decoding any text stays within its limits and points into the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use menshen_text::decode::{Limits, layers};

fuzz_target!(|input: (u8, u16, u8, &str)| {
    let (depth, bytes, count, text) = input;
    let limits = Limits {
        max_depth: depth % 6,
        max_bytes: usize::from(bytes),
        max_layers: usize::from(count % 64),
        min_run_bytes: 4,
    };
    let all = layers(text, &limits);
    assert!(all.len() <= limits.max_layers);
    assert!(all.iter().map(|layer| layer.text.len()).sum::<usize>() <= limits.max_bytes);
    for layer in all {
        assert!(!layer.codecs.is_empty() && layer.codecs.len() <= usize::from(limits.max_depth));
        assert!(!layer.span.of(text).is_empty() && !layer.text.is_empty());
    }
});
