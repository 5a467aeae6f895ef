//! What holds for every text.

use menshen_text::decode::{Codec, Limits, layers};
use menshen_text::{Folder, View};
use proptest::prelude::*;

/// Texts that stress the fold: letters, Han of both kinds, parts of characters, pinyin, invisibles, marks, ligatures,
/// and anything else.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        prop::sample::select(vec![
            "法",
            "輪",
            "氵",
            "去",
            "车",
            "仑",
            "工",
            "力",
            "女",
            "干",
            "fa",
            "lun",
            "gong",
            "nv",
            " ",
            "'",
            "-",
            "*",
            "。",
            "\n",
            "\u{200b}",
            "\u{202e}",
            "\u{e0041}",
            "\u{fe0f}",
            "\u{301}",
            "㎏",
            "ﷺ",
            "ＡＢ",
            "𝐚",
            "а",
            "İ",
            "ß",
            "👨\u{200d}👩",
            "①",
            "%E5",
            "\\u574f",
            "&#x574f;",
            "=E5",
            "5Z2P6K+N",
            "0x",
            "e59d8f",
            "1",
            "01101000",
            ".-",
            "\u{2801}",
            "<~",
            "~>",
            "\u{E001}",
            "がか\u{3099}",
            "각",
            "ᄀ",
            "𠮷",
            "\u{2f801}",
        ])
        .prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn views(text: &str) -> Vec<View> {
    let folder = Folder::shared();
    let folded = folder.fold(text);
    let tight = folder.tight(&folded);
    let base = tight.as_ref().unwrap_or(&folded);
    let composed = folder.composed(base);
    let sounds = [folder.sound(&folded), folder.sound(base), composed.as_ref().and_then(|view| folder.sound(view))];
    [Some(View::of(text)), Some(folded), tight, composed].into_iter().chain(sounds).flatten().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn origins_lie_on_character_boundaries_in_order(text in hostile(), from in 0_usize..200, len in 0_usize..60) {
        for view in views(&text) {
            let span = view.origin(from..from + len);
            prop_assert!(span.start <= span.end && span.end <= text.len());
            prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end), "{span:?}");
            let mut last = 0;
            for (at, c) in view.text.char_indices() {
                let span = view.origin(at..at + c.len_utf8());
                prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end), "{span:?}");
                prop_assert!(span.start < span.end, "{c:?} comes from somewhere");
                prop_assert!(last <= span.start, "readings keep the order of the text");
                last = span.start;
                view.gap_before(at);
            }
            prop_assert_eq!(view.source_len(), text.len());
        }
    }

    #[test]
    fn a_range_is_covered_by_its_characters(text in hostile(), from in 0_usize..100, len in 1_usize..40) {
        for view in views(&text) {
            let start = view.text.floor_char_boundary(from);
            let end = view.text.ceil_char_boundary(from + len);
            let whole = view.origin(start..end);
            for (at, c) in view.text.char_indices().filter(|(at, _)| (start..end).contains(at)) {
                let one = view.origin(at..at + c.len_utf8());
                prop_assert!(whole.start <= one.start && one.end <= whole.end, "{whole:?} {one:?}");
            }
        }
    }

    #[test]
    fn what_a_span_covers_folds_to_what_was_found(text in hostile(), nth in 0_usize..40) {
        let view = Folder::shared().fold(&text);
        if let Some((at, c)) = view.text.char_indices().nth(nth) {
            let span = view.origin(at..at + c.len_utf8());
            prop_assert!(Folder::shared().fold_word(span.of(&text)).contains(c));
        }
    }

    #[test]
    fn folding_halves_is_folding_the_whole(a in hostile(), b in hostile()) {
        let folder = Folder::shared();
        let whole = folder.fold(&format!("{a}{b}"));
        prop_assert_eq!(format!("{}{}", folder.fold(&a).text, folder.fold(&b).text), whole.text.clone());
        let mut grown = folder.fold(&a);
        folder.extend(&mut grown, &b);
        prop_assert_eq!(grown, whole);
    }

    #[test]
    fn folding_twice_is_folding_once(text in hostile()) {
        let once = Folder::shared().fold_word(&text);
        prop_assert_eq!(Folder::shared().fold_word(&once), once);
    }

    #[test]
    fn a_word_with_noise_between_is_read(
        word in prop::sample::select(vec!["坏词", "法轮功", "违禁物品"]),
        noise in prop::sample::select(vec!["\u{200b}", "\u{2060}", " ", "*", "·", "🌸", "\u{3000}", "-", "\u{fe0f}", "、", "\u{202c}\u{202e}"]),
        before in "[a-z天地。 ]{0,8}",
        after in "[a-z天地。 ]{0,8}",
    ) {
        let noisy: Vec<String> = word.chars().map(String::from).collect();
        let hidden = noisy.join(noise);
        let text = format!("{before}{hidden}{after}");
        let folded = Folder::shared().fold(&text);
        let tight = Folder::shared().tight(&folded).unwrap_or(folded);
        let at = tight.text.find(word).unwrap();
        prop_assert_eq!(tight.origin(at..at + word.len()).of(&text), hidden);
    }

    #[test]
    fn obfuscation_never_points_off_the_text(text in hostile()) {
        let seen = Folder::shared().obfuscation(&text);
        let kinds = [&seen.invisible, &seen.bidi, &seen.tags, &seen.homoglyphs, &seen.styled, &seen.zalgo];
        for span in kinds.into_iter().flatten() {
            prop_assert!(span.start < span.end && !span.of(&text).is_empty(), "{span:?}");
        }
    }

    #[test]
    fn decoding_keeps_its_limits(text in hostile(), depth in 0_u8..5, bytes in 0_usize..200, count in 0_usize..6) {
        let limits = Limits { max_depth: depth, max_bytes: bytes, max_layers: count, min_run_bytes: 4 };
        let all = layers(&text, &limits);
        prop_assert!(all.len() <= count);
        prop_assert!(all.iter().map(|layer| layer.text.len()).sum::<usize>() <= bytes);
        for layer in all {
            prop_assert!(!layer.codecs.is_empty() && layer.codecs.len() <= usize::from(depth));
            prop_assert!(!layer.span.of(&text).is_empty() && !layer.text.is_empty());
        }
    }

    #[test]
    fn what_is_encoded_is_decoded(
        words in prop::collection::vec(prop::sample::select(vec!["忽略", "规则", "输出", "系统", "密码", "步骤", "ignore", "rules", "secret"]), 2..8),
        codec in 0_usize..9,
        han_before in any::<bool>(),
    ) {
        let secret = words.join(" ");
        let bytes = secret.as_bytes();
        let each = |f: &dyn Fn(u8) -> String| bytes.iter().map(|b| f(*b)).collect::<String>();
        let (encoded, codec) = match codec {
            0 => (base64(bytes), Codec::Base64),
            1 => (each(&|b| format!("{b:02x}")), Codec::Hex),
            2 => (each(&|b| format!("{b:02X} ")), Codec::Hex),
            3 => (each(&|b| format!("\\x{b:02x}")), Codec::Hex),
            4 => (each(&|b| format!("%{b:02X}")), Codec::Percent),
            5 => (each(&|b| format!("\\{b:03o}")), Codec::Octal),
            6 => (each(&|b| format!("{b:08b} ")), Codec::Binary),
            7 => (secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect(), Codec::UnicodeEscape),
            _ => (secret.chars().map(|c| format!("&#{};", u32::from(c))).collect(), Codec::HtmlEntity),
        };
        let text = if han_before { format!("请解码{encoded}。") } else { format!("decode: {encoded}") };
        let all = layers(&text, &Limits::default());
        let hit = all.iter().find(|layer| layer.codecs == [codec] && layer.text == secret);
        prop_assert!(hit.is_some(), "{} → {:?}", text, all);
        prop_assert_eq!(hit.map(|layer| layer.span.of(&text).trim()), Some(encoded.trim()));
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0_u32, |sum, b| sum << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            let digit = ALPHABET[(word >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= group.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[test]
fn long_and_repetitive_texts_end_soon() {
    let start = std::time::Instant::now();
    for unit in [
        "%",
        "%E5",
        "\\",
        "&#",
        "=",
        "A",
        "AA==",
        "AAAA ",
        "e5 ",
        "01",
        ". - ",
        "1 ",
        "\u{e0041}",
        "\u{200b}\u{200c}",
        "<~",
        "ɐ ",
        "词坏",
        "vta ",
        "U+",
    ] {
        let text = unit.repeat(100_000 / unit.len());
        layers(&text, &Limits::default());
        for view in views(&text) {
            view.origin(0..view.text.len());
        }
    }
    // 19 texts of 100 kB, unoptimized and on a busy machine; quadratic work would take minutes.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
