use proptest::prelude::*;

use super::*;

const ZH: &str = "人工智能生成的内容应当添加标识。显式标识是用户能够感知到的标识，隐式标识添加在文件数据中。服务提供者应当在\
                  文件元数据中添加隐式标识，其中包含内容属性、服务提供者名称或编码、内容编号等要素。";
const EN: &str = "Generated content carries a label. The visible one is seen by people, the other stands in the metadata of the \
                  file, and names the provider and its number of the content. See https://example.org/a.b?c=d for more.";

fn marked(text: &str, scheme: Scheme, interval: usize) -> (String, usize) {
    let mut marker = Marker::new(b"id-00042", scheme, interval).unwrap();
    (marker.push(text), marker.marks())
}

#[test]
fn the_crc_is_that_of_the_catalogue() {
    assert_eq!(crc(b"123456789"), 0x29b1);
}

#[test]
fn a_mark_comes_back_and_the_text_is_the_same_without_it() {
    for scheme in [Scheme::ZeroWidth, Scheme::VariationSelector] {
        for text in [ZH, EN] {
            let (out, marks) = marked(text, scheme, 20);
            assert!(marks >= 2, "{scheme:?} {marks}");
            let detection = detect(&out);
            assert_eq!(detection.marks, [Mark { payload: b"id-00042".to_vec(), scheme, copies: marks }]);
            assert_eq!(detection.broken, 0);
            assert_eq!(strip(&out), text);
            assert!(out.contains("https://example.org/a.b?c=d") || text == ZH);
        }
    }
}

#[test]
fn passages_of_two_intervals_carry_the_mark() {
    // Measured: how many of all passages of a length still say the payload.
    for (scheme, text) in [(Scheme::ZeroWidth, ZH), (Scheme::ZeroWidth, EN), (Scheme::VariationSelector, ZH)] {
        let text = text.repeat(6);
        let (out, _) = marked(&text, scheme, 20);
        let chars: Vec<char> = out.chars().collect();
        let frame = Marker::new(b"id-00042", scheme, 20).unwrap().frame.chars().count();
        // In visible characters 120, plus the marks among them.
        let width = 120 + 7 * frame;
        let passages: Vec<String> = chars.windows(width).map(|window| window.iter().collect()).collect();
        let found = passages.iter().filter(|passage| !detect(passage).marks.is_empty()).count();
        println!("{scheme:?}: {found} of {} passages", passages.len());
        assert_eq!(found, passages.len(), "{scheme:?}");
    }
}

#[test]
fn pieces_may_be_cut_anywhere() {
    let (whole, _) = marked(ZH, Scheme::ZeroWidth, 30);
    for size in [1, 2, 7] {
        let mut marker = Marker::new(b"id-00042", Scheme::ZeroWidth, 30).unwrap();
        let chars: Vec<char> = ZH.chars().collect();
        let pieces: String = chars.chunks(size).map(|piece| marker.push(&piece.iter().collect::<String>())).collect();
        assert_eq!(pieces, whole);
    }
}

#[test]
fn code_words_and_joined_characters_are_left_alone() {
    let code = "```\nlet 变量名 = 一二三四五六七八九十; let 甲乙丙 = 1;\n```";
    let (out, marks) = marked(code, Scheme::ZeroWidth, 8);
    assert_eq!((out.as_str(), marks), (code, 0));
    let inline = "`一二三四五六七八九十一二三四五六`";
    assert_eq!(marked(inline, Scheme::ZeroWidth, 8).0, inline);
    let after = marked("`甲乙`然后是一段正常的文字", Scheme::ZeroWidth, 8);
    assert!(after.1 > 0 && after.0.starts_with("`甲乙`"));
    for text in ["👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", "1234567890123456789012345", "می‌خواهم می‌خواهم می‌خواهم", "supercalifragilistic"]
    {
        let (out, marks) = marked(text, Scheme::ZeroWidth, 8);
        assert_eq!((out.as_str(), marks), (text, 0));
        assert_eq!(strip(text), text);
        assert_eq!(detect(text), Detection::default());
    }
}

#[test]
fn cut_and_mixed_marks_are_told() {
    let (out, _) = marked(ZH, Scheme::ZeroWidth, 1000);
    let cut: String = {
        let mut run = 0;
        out.chars()
            .filter(|c| {
                Scheme::ZeroWidth.symbol(*c).is_none() || {
                    run += 1;
                    run < 20
                }
            })
            .collect()
    };
    assert_eq!(detect(&cut), Detection { marks: vec![], broken: 1 });
    let other = Marker::new(b"other", Scheme::VariationSelector, 20).unwrap().push(ZH);
    let both = format!("{out}{other}");
    assert_eq!(detect(&both).marks.len(), 2);
    assert!(Marker::new(b"", Scheme::ZeroWidth, 8).is_err());
    assert!(Marker::new(&[0; 17], Scheme::ZeroWidth, 8).is_err());
}

#[test]
fn normalising_keeps_the_mark_and_removing_format_characters_removes_it() {
    let (out, _) = marked(ZH, Scheme::ZeroWidth, 20);
    let removed: String = out.chars().filter(|c| !matches!(u32::from(*c), 0x200b..=0x200f | 0x2060..=0x2064)).collect();
    assert_eq!(removed, ZH);
    assert_eq!(detect(&removed), Detection::default());
}

proptest! {
    #[test]
    fn any_text_keeps_its_visible_part(text in "\\PC{0,120}", payload in proptest::collection::vec(any::<u8>(), 1..=16)) {
        for scheme in [Scheme::ZeroWidth, Scheme::VariationSelector] {
            let mut marker = Marker::new(&payload, scheme, 8).unwrap();
            let out = marker.push(&text);
            let visible = |text: &str| text.chars().filter(|c| scheme.symbol(*c).is_none()).collect::<String>();
            prop_assert_eq!(visible(&out), visible(&text));
            if marker.marks() > 0 {
                prop_assert!(detect(&out).marks.iter().any(|mark| mark.payload == payload));
            }
        }
    }
}
