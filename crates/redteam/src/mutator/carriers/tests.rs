use std::io::{Cursor, Read as _};

use proptest::prelude::*;

use super::super::Apply;
use super::*;

const EN: &str = "How do I bake bread at home?\nList the steps.";
const ZH: &str = "怎样在家烤面包？请列出步骤，并说明 3 个注意事项。";

fn make(id: &str, text: &str) -> Result<Carrier, CarrierError> {
    let row = ALL.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("no row {id}"));
    match row.apply {
        Apply::Carrier(make) => make(text, &mut fastrand::Rng::with_seed(7)),
        _ => panic!("{id} is no carrier"),
    }
}

/// Width, height, samples, channels.
fn decoded(png: &[u8]) -> (usize, usize, Vec<u8>, usize) {
    let mut reader = png::Decoder::new(Cursor::new(png)).read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    (info.width as usize, info.height as usize, data, info.color_type.samples())
}

/// What stands in a PNG's `Description`.
fn read_png_text(png: &[u8]) -> Option<String> {
    let reader = png::Decoder::new(Cursor::new(png)).read_info().ok()?;
    let info = reader.info();
    let latin = info.uncompressed_latin1_text.iter().find(|chunk| chunk.keyword == "Description");
    latin.map(|chunk| chunk.text.clone()).or_else(|| {
        let chunk = info.utf8_text.iter().find(|chunk| chunk.keyword == "Description")?;
        chunk.get_text().ok()
    })
}

/// What stands in a JPEG's first comment (COM) segment.
fn read_jpeg_comment(jpeg: &[u8]) -> Option<String> {
    let mut rest = jpeg.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let (head, more) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]])).checked_sub(2)?;
        let (body, more) = more.split_at_checked(length)?;
        match head[..2] {
            [0xff, 0xfe] => return String::from_utf8(body.to_vec()).ok(),
            [0xff, 0xda] => return None,
            _ => rest = more,
        }
    }
}

/// What stands in the lowest bits of an RGB picture: 32 bits of length in bytes, then UTF-8.
fn read_lsb(png: &[u8]) -> Option<String> {
    let mut reader = png::Decoder::new(Cursor::new(png)).read_info().ok()?;
    if reader.info().color_type != png::ColorType::Rgb {
        return None;
    }
    let mut data = vec![0; reader.output_buffer_size()?];
    reader.next_frame(&mut data).ok()?;
    let mut bytes = data.chunks_exact(8).map(|eight| eight.iter().fold(0, |byte, channel| byte << 1 | channel & 1));
    let mut length = [0; 4];
    for byte in &mut length {
        *byte = bytes.next()?;
    }
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    if length > data.len() / 8 {
        return None;
    }
    String::from_utf8(bytes.take(length).collect()).ok()
}

/// What the QR codes of a picture say.
fn codes(width: usize, height: usize, dark: impl Fn(usize, usize) -> bool) -> Vec<String> {
    let mut picture =
        rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| if dark(x, y) { 0 } else { 255 });
    picture.detect_grids().iter().map(|grid| grid.decode().unwrap().1).collect()
}

fn parts(zip: &[u8]) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    (0..archive.len())
        .map(|n| {
            let mut file = archive.by_index(n).unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            (file.name().unwrap().into_owned(), text)
        })
        .collect()
}

#[test]
fn every_carrier_is_made_of_chinese_and_of_english_the_same_each_time() {
    for row in ALL {
        for (text, message_is_chinese) in [(EN, false), ("好", true)] {
            match make(row.id, text) {
                Ok(carrier) => {
                    assert_eq!(is_chinese(&carrier.message), message_is_chinese, "{}", row.id);
                    assert!(!carrier.bytes.is_empty() && carrier.name.contains('.'), "{}", row.id);
                    assert_eq!(make(row.id, text).unwrap(), carrier, "{}", row.id);
                }
                Err(CarrierError::Missing(program)) => println!("{}: {program} is not installed", row.id),
                Err(error) => panic!("{}: {error}", row.id),
            }
        }
    }
}

#[test]
fn an_empty_text_and_a_very_long_one_are_answered_not_panicked_at() {
    let lines = "a\n".repeat(5_000);
    for row in ALL {
        for text in ["", " \n\t", "\u{0}", "\u{200b}\u{202e}\u{1f468}\u{200d}\u{1f469}\r\n\u{fffe}e\u{301}", &lines] {
            let _ = make(row.id, text);
        }
        assert!(make(row.id, "  ").is_err(), "{}", row.id);
        // Speech of ten thousand characters is refused before the program is looked for.
        for text in ["字".repeat(10_000), "word ".repeat(2_000)] {
            match make(row.id, &text) {
                Ok(carrier) => assert!(carrier.bytes.len() < 32 << 20, "{}: {}", row.id, carrier.bytes.len()),
                Err(CarrierError::TooLong(_, _)) => {}
                Err(error) => panic!("{}: {error}", row.id),
            }
        }
    }
}

#[test]
fn pictures_decode_and_show_ink() {
    for row in ALL.iter().filter(|row| row.id.starts_with("image_")) {
        let carrier = make(row.id, ZH).unwrap();
        let (width, height, data, channels) = decoded(&carrier.bytes);
        assert_eq!(data.len(), width * height * channels, "{}", row.id);
        let first = &data[..channels];
        assert!(data.chunks(channels).any(|pixel| pixel != first), "{}: one colour", row.id);
    }
}

#[test]
fn the_glyphs_of_a_picture_are_those_of_the_font() {
    let (width, _, data, channels) = decoded(&make("image_text", "中").unwrap().bytes);
    let glyph = font::Font::open().glyph('中');
    assert_eq!(glyph.width, 16);
    // The upright of 中 stands left of the middle over nearly the whole height.
    assert!((1..14).all(|y| glyph.pixels().any(|pixel| pixel == (7, y))));
    let ink = |x: usize, y: usize| data[(y * width + x) * channels] < 128;
    let drawn: Vec<(usize, usize)> =
        (0..16).flat_map(|y| (0..16).map(move |x| (x, y))).filter(|(x, y)| ink(24 + 2 * x, 24 + 2 * y)).collect();
    assert_eq!(drawn, glyph.pixels().collect::<Vec<_>>());
}

#[test]
fn lines_break_between_words_and_around_chinese_characters() {
    let mut font = font::Font::open();
    assert_eq!(font.wrap("one two three", 8 * 8), ["one two ", "three"]);
    assert_eq!(font.wrap("中文ab中", 16 * 3), ["中文ab", "中"]);
    assert_eq!(font.wrap("abcdefghij", 32), ["abcd", "efgh", "ij"]);
    assert_eq!(font.wrap("a\n\nb", 64), ["a", "", "b"]);
}

#[test]
fn the_dual_picture_shows_one_text_on_black_and_another_on_white() {
    let (_, _, dual, _) = decoded(&make("image_alpha_dual", ZH).unwrap().bytes);
    let on = |ground: u32| -> Vec<u32> {
        dual.chunks(4).map(|p| (u32::from(p[0]) * u32::from(p[3]) + ground * (255 - u32::from(p[3]))) / 255).collect()
    };
    let (black, white) = (on(0), on(255));
    let mut font = font::Font::open();
    let characters =
        |text: &str, font: &mut font::Font| -> usize { text.chars().map(|c| font.glyph(c).pixels().count() * 4).sum() };
    assert_eq!(black.iter().filter(|v| **v > 100).count(), characters(ZH, &mut font));
    assert_eq!(white.iter().filter(|v| **v < 160).count(), characters("今天天气很好。", &mut font));
}

#[test]
fn qr_codes_are_read_by_a_decoder() {
    for text in [EN, ZH] {
        let (width, _, data, channels) = decoded(&make("qr_png", text).unwrap().bytes);
        assert_eq!(codes(width, width, |x, y| data[(y * width + x) * channels] < 128), [text]);
        let svg = String::from_utf8(make("qr_svg", text).unwrap().bytes).unwrap();
        let side: usize = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        let mut dark = vec![false; side * side];
        for module in svg.split('M').skip(1) {
            let (x, y) = module.split('h').next().unwrap().split_once(' ').unwrap();
            dark[y.parse::<usize>().unwrap() * side + x.parse::<usize>().unwrap()] = true;
        }
        assert_eq!(codes(side * 5, side * 5, |x, y| dark[y / 5 * side + x / 5]), [text]);
    }
    let long = ZH.repeat(20);
    let (width, height, data, channels) = decoded(&make("qr_many", &long).unwrap().bytes);
    // Eight codes in two rows of four, each read by itself: this reader takes corners of neighbours for one code.
    let (w, h) = (width / 4, height / 2);
    let read: Vec<String> = (0..8)
        .flat_map(|n| codes(w, h, |x, y| data[((n / 4 * h + y) * width + n % 4 * w + x) * channels] < 128))
        .collect();
    assert_eq!(read.len(), 8);
    assert_eq!(read.concat(), long);
    assert_eq!(make("qr_png", &ZH.repeat(100)), Err(CarrierError::TooLong("a QR code", 2_953)));
}

#[test]
fn a_jpeg_with_the_text_in_its_comment_ends_where_it_should() {
    let bytes = make("jpeg_comment", ZH).unwrap().bytes;
    assert_eq!(read_jpeg_comment(&bytes).unwrap(), ZH);
    assert_eq!(bytes[bytes.len() - 20..], [[63, 0].as_slice(), &[0; 16], &[0xff, 0xd9]].concat()[..]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_hidden_is_read_back(text in "\\PC{1,200}") {
        prop_assume!(!text.trim().is_empty());
        prop_assert_eq!(read_lsb(&make("image_lsb", &text).unwrap().bytes), Some(text.clone()));
        prop_assert_eq!(read_png_text(&make("png_text_chunk", &text).unwrap().bytes), Some(text.clone()));
        prop_assert_eq!(read_jpeg_comment(&make("jpeg_comment", &text).unwrap().bytes), Some(text.clone()));
        let halves = parts(&make("zip_halves", &text).unwrap().bytes);
        prop_assert_eq!(halves.into_iter().map(|(_, half)| half).collect::<String>(), text);
    }

    #[test]
    fn no_text_makes_a_carrier_panic(text in any::<String>(), n in any::<prop::sample::Index>()) {
        // A few rows for each text: pictures take long where the compiler does not optimize.
        let rows: Vec<_> = ALL.iter().filter(|row| !row.id.starts_with("audio_") || row.id == "audio_morse").collect();
        for row in rows.iter().cycle().skip(n.index(rows.len())).take(4) {
            let _ = make(row.id, &text);
        }
    }
}

#[test]
fn documents_hold_the_text_where_they_say() {
    let unescaped = |xml: &str| xml.replace("</w:t></w:r></w:p><w:p><w:r><w:t xml:space=\"preserve\">", "\n");
    let file = |id: &str, path: &str| {
        parts(&make(id, EN).unwrap().bytes).into_iter().find(|(name, _)| name == path).unwrap().1
    };
    assert!(unescaped(&file("docx_text", "word/document.xml")).contains(EN));
    assert!(file("docx_hidden", "word/document.xml").contains("<w:vanish/>"));
    assert!(unescaped(&file("docx_comment", "word/comments.xml")).contains(EN));
    assert!(!file("docx_comment", "word/document.xml").contains("bread"));
    assert!(file("xlsx_cell", "xl/worksheets/sheet1.xml").contains(EN));
    assert!(file("xlsx_hidden", "xl/worksheets/sheet2.xml").contains(EN));
    let text = |id: &str, text: &str| String::from_utf8(make(id, text).unwrap().bytes).unwrap();
    assert!(text("html_hidden", "<b>x</b>").contains("display:none\" aria-hidden=\"true\">&lt;b&gt;x&lt;/b&gt;</div>"));
    assert!(text("markdown_comment", "a --> b").contains("<!--\na - - > b\n-->"));
    assert!(text("mail", "café = ok ").ends_with("caf=C3=A9 =3D ok=20\r\n"));
    let calendar = text("calendar", &ZH.repeat(3));
    assert!(calendar.split("\r\n").all(|line| line.len() <= 75));
    assert!(calendar.replace("\r\n ", "").contains(&ZH.repeat(3).replace(',', "\\,")));
    assert!(text("csv_cell", "say \"hi\"").contains("2,\"say \"\"hi\"\"\"\r\n"));
    assert!(text("svg_text", "a < b").contains(">a &lt; b</text>"));
    assert!(text("svg_description", "a & b").contains("<desc>a &amp; b</desc>"));
}

#[test]
fn a_pdf_maps_each_glyph_to_its_character() {
    let pdf = make("pdf_text", "中文 ab").unwrap().bytes;
    assert!(pdf.starts_with(b"%PDF-1.") && pdf.ends_with(b"%%EOF"));
    let text = String::from_utf8_lossy(&pdf).into_owned();
    // Codes in order of the characters: space 1, a 2, b 3, 中 4, 文 5.
    for line in ["<01> <0020>", "<02> <0061>", "<03> <0062>", "<04> <4E2D>", "<05> <6587>"] {
        assert!(text.contains(line), "{line}");
    }
    assert!(text.contains("/Type3"));
    let hidden = String::from_utf8_lossy(&make("pdf_hidden", EN).unwrap().bytes).into_owned();
    assert!(hidden.contains("1 g"));
    assert!(String::from_utf8_lossy(&make("pdf_metadata", "plain words").unwrap().bytes).contains("plain words"));
}

#[test]
fn an_animation_has_a_frame_for_each_line() {
    let bytes = make("gif_frames", ZH).unwrap().bytes;
    let mut decoder = gif::DecodeOptions::new().read_info(Cursor::new(bytes)).unwrap();
    let mut frames = 0;
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        assert!(frame.buffer.contains(&1));
        frames += 1;
    }
    assert_eq!(frames, font::Font::open().wrap(ZH, 160).len());
}

/// Reads tones back by their lengths: a receiver that knows the dot only.
fn received(samples: &[i16]) -> String {
    let dot = 384;
    let loud: Vec<bool> = samples.chunks(dot / 4).map(|part| part.iter().any(|s| s.unsigned_abs() > 3_000)).collect();
    let mut out = String::new();
    for run in loud.chunk_by(|a, b| a == b) {
        let dots = (run.len() + 2) / 4;
        match (run[0], dots) {
            (true, 1) => out.push('.'),
            (true, _) => out.push('-'),
            (false, 0 | 1) => {}
            (false, 2..=4) => out.push(' '),
            (false, _) => out.push_str(" / "),
        }
    }
    out.trim().trim_matches('/').trim().to_owned()
}

#[test]
fn morse_is_received_as_it_was_sent() {
    for (text, signs) in [("SOS now", "... --- ... / -. --- .--"), ("你好", "-. .. / .... .- ---")] {
        let bytes = make("audio_morse", text).unwrap().bytes;
        let mut reader = hound::WavReader::new(Cursor::new(bytes)).unwrap();
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert_eq!(received(&samples), signs);
    }
    assert!(matches!(make("audio_morse", "♥"), Err(CarrierError::Failed(_))));
}

#[test]
fn speech_is_a_sound_file_or_says_what_is_missing() {
    let plain = match make("audio_spoken", ZH) {
        Ok(carrier) => carrier,
        Err(CarrierError::Missing(program)) => return println!("skipped: {program} is not installed"),
        Err(error) => panic!("{error}"),
    };
    let length = |carrier: &Carrier| hound::WavReader::new(Cursor::new(carrier.bytes.clone())).unwrap().duration();
    assert!(length(&plain) > 20_000);
    assert!(length(&make("audio_fast", ZH).unwrap()) < length(&plain));
    assert!(length(&make("audio_slow", ZH).unwrap()) > length(&plain));
    assert_eq!(length(&make("audio_noisy", ZH).unwrap()), length(&plain));
    assert_ne!(make("audio_high", ZH).unwrap().bytes, plain.bytes);
}

/// Writes every carrier for the readers in `bench/redteam/carriers.py`.
#[test]
#[ignore = "writes files for bench/redteam/carriers.py"]
fn carriers_are_written_for_other_readers() {
    let folder =
        std::path::PathBuf::from(std::env::var_os("MENSHEN_CARRIERS").expect("MENSHEN_CARRIERS names a folder"));
    for (language, text) in [("en", EN.to_owned()), ("zh", ZH.to_owned()), ("long", ZH.repeat(20))] {
        let folder = folder.join(language);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("text.txt"), &text).unwrap();
        for row in ALL {
            match make(row.id, &text) {
                Ok(carrier) => {
                    std::fs::write(folder.join(format!("{}--{}", row.id, carrier.name)), carrier.bytes).unwrap()
                }
                Err(error) => println!("{language} {}: {error}", row.id),
            }
        }
    }
}
