//! Every reading of any text maps back to character boundaries of that text, and folding is a homomorphism.
#![no_main]

use libfuzzer_sys::fuzz_target;
use menshen_text::{Folder, View};

fn check(view: &View, text: &str) {
    let mut last = 0;
    for (at, c) in view.text.char_indices() {
        let span = view.origin(at..at + c.len_utf8());
        assert!(span.start < span.end && span.end <= text.len());
        assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
        assert!(last <= span.start, "readings keep the order of the text");
        last = span.start;
        view.gap_before(at);
    }
}

fuzz_target!(|text: &str| {
    let folder = Folder::shared();
    let folded = folder.fold(text);
    check(&folded, text);
    assert_eq!(folder.fold_word(&folded.text), folded.text, "folding twice is folding once");

    let half = text.floor_char_boundary(text.len() / 2);
    let (head, tail) = text.split_at(half);
    let mut grown = folder.fold(head);
    folder.extend(&mut grown, tail);
    assert_eq!(grown, folded);

    let tight = folder.tight(&folded);
    let base = tight.as_ref().unwrap_or(&folded);
    let composed = folder.composed(base);
    let sound = folder.sound(composed.as_ref().unwrap_or(base));
    for view in [&tight, &composed, &sound, &folder.sound(&folded)].into_iter().flatten() {
        check(view, text);
    }
    let seen = folder.obfuscation(text);
    for span in seen.invisible.iter().chain(&seen.bidi).chain(&seen.tags).chain(&seen.homoglyphs).chain(&seen.zalgo) {
        assert!(!span.of(text).is_empty());
    }
});
