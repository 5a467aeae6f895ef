//! Files as generators and others write them, built here.

mod files;

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::carrier;
use crate::inspect::{Decision, Evidence, inspect};
use crate::watermark::text::invisible::{Marker as Invisible, Scheme};
use files::*;

fn of(bytes: &[u8], ending: &str) -> Vec<Trace> {
    let carrier = carrier::of(&bytes[..bytes.len().min(carrier::HEAD)], ending).unwrap();
    traces(&mut Cursor::new(bytes), carrier).unwrap()
}

/// That a file has a trace whose words hold all of these.
#[track_caller]
fn shows(bytes: &[u8], ending: &str, words: &[&str]) {
    let found = of(bytes, ending);
    let shown = |trace: &Trace| match trace {
        Trace::Metadata(text) | Trace::ExplicitLabel(text) | Trace::Watermark(text) | Trace::C2pa(text) => text.clone(),
    };
    let all = |trace: &Trace| words.iter().all(|word| shown(trace).contains(word));
    assert!(found.iter().any(all), "{words:?} in {found:?}");
}

#[track_caller]
fn shows_nothing(bytes: &[u8], ending: &str) {
    assert_eq!(of(bytes, ending), [], "{ending}");
}

const SETTINGS: &str = "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512";
const GRAPH: &str = r#"{"3":{"inputs":{"seed":1,"steps":20},"class_type":"KSampler"}}"#;
const WORKFLOW: &str = r#"{"last_node_id":9,"last_link_id":9,"nodes":[{"id":3}],"links":[],"version":0.4}"#;
const NOVEL: &str = r#"{"prompt": "1girl", "steps": 28, "sampler": "k_euler", "seed": 1, "uc": "lowres"}"#;

#[test]
fn png_texts_of_generators() {
    let text =
        |keyword: &str, value: &str| png(&[chunk(b"tEXt", &[keyword.as_bytes(), b"\0", value.as_bytes()].concat())]);
    shows(&text("parameters", SETTINGS), "png", &["png:parameters at byte", "Stable Diffusion web UI", "a cat"]);
    shows(&text("prompt", GRAPH), "png", &["png:prompt", "ComfyUI prompt"]);
    shows(&text("workflow", WORKFLOW), "png", &["ComfyUI workflow"]);
    shows(&text("Comment", NOVEL), "png", &["NovelAI settings"]);
    shows(&text("Software", "NovelAI"), "png", &["png:Software"]);
    shows(&text("Source", "NovelAI Diffusion V4 4F49EC75"), "png", &["NovelAI source"]);
    for keyword in ["invokeai_metadata", "sd-metadata", "Dream"] {
        shows(&text(keyword, "{}"), "png", &["InvokeAI"]);
    }
    shows(&text("fooocus_scheme", "fooocus"), "png", &["Fooocus"]);
    shows(&text("Description", "a cat --v 6 Job ID: 0b1c"), "png", &["Midjourney job"]);
    shows(&text("Description", "本图片由AI生成"), "png", &["Explicit label in a description"]);
    let tencent = r#"{"ServiceProvider":"t","ServiceUser":"u","Time":"1","ContentId":"2"}"#;
    shows(&text("Comment", tencent), "png", &["Tencent"]);
    let packed = [b"parameters\0\0".as_slice(), &deflated(SETTINGS.as_bytes())].concat();
    shows(&png(&[chunk(b"zTXt", &packed)]), "png", &["Stable Diffusion web UI"]);
    let international = [b"parameters\0\x01\0\0\0".as_slice(), &deflated(SETTINGS.as_bytes())].concat();
    shows(&png(&[chunk(b"iTXt", &international)]), "png", &["Stable Diffusion web UI"]);
    let exif = exif(&[(0x0131, 2, b"Adobe Firefly\0")]);
    shows(&png(&[chunk(b"eXIf", &exif)]), "png", &["png exif:Software", "Generator of pictures"]);
    let digits: String = [b"Exif\0\0".as_slice(), &exif].concat().iter().map(|byte| format!("{byte:02x}")).collect();
    shows(&text("Raw profile type exif", &format!("\nexif\n  99\n{digits}\n")), "png", &["exif:Software"]);
    for (keyword, value) in [
        ("Software", "Adobe ImageReady"),
        ("Comment", "Created with GIMP"),
        ("Description", "A cat on a sofa"),
        ("parameters", "width=3"),
        ("Title", "AI"),
    ] {
        shows_nothing(&text(keyword, value), "png");
    }
}

#[test]
fn xmp_source_types_and_programs() {
    let in_jpeg = |packet: &str| jpeg(&[(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()].concat())]);
    let kinds = "http://cv.iptc.org/newscodes/digitalsourcetype/";
    for term in
        ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia", "compositeSynthetic"]
    {
        let attribute = packet(&format!("Iptc4xmpExt:DigitalSourceType=\"{kinds}{term}\""), "");
        let element =
            packet("", &format!("<Iptc4xmpExt:DigitalSourceType>{kinds}{term}</Iptc4xmpExt:DigitalSourceType>"));
        let resource = packet("", &format!("<Iptc4xmpExt:DigitalSourceType rdf:resource=\"{kinds}{term}\"/>"));
        for text in [attribute, element, resource] {
            let words = ["jpeg Iptc4xmpExt:DigitalSourceType", term];
            shows(&in_jpeg(&text), "jpg", &words);
        }
    }
    shows(&in_jpeg(&packet("xmp:CreatorTool=\"Adobe Firefly\"", "")), "jpg", &["xmp:CreatorTool", "Adobe Firefly"]);
    shows(&in_jpeg(&packet("photoshop:Credit=\"Made with Google AI\"", "")), "jpg", &["photoshop:Credit"]);
    let system = "<Iptc4xmpExt:AISystemUsed>x</Iptc4xmpExt:AISystemUsed>";
    shows(&in_jpeg(&packet("", system)), "jpg", &["AI system used"]);
    let credits = "<dc:creator><rdf:Seq><rdf:li>Midjourney</rdf:li></rdf:Seq></dc:creator>";
    shows(&in_jpeg(&packet("", credits)), "jpg", &["dc:creator", "Midjourney"]);
    let history = "<xmpMM:History><rdf:Seq><rdf:li stEvt:softwareAgent=\"Adobe Firefly\"/></rdf:Seq></xmpMM:History>";
    shows(&in_jpeg(&packet("", history)), "jpg", &["stEvt:softwareAgent"]);
    // Another prefix for the same namespace.
    let other = packet("", "").replace("<rdf:Description", "<rdf:Description xmlns:e=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" e:DigitalSourceType=\"trainedAlgorithmicMedia\"");
    shows(&in_jpeg(&other), "jpg", &["Iptc4xmpExt:DigitalSourceType"]);
    shows(
        &png(&[chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0".as_slice(), other.as_bytes()].concat())]),
        "png",
        &["png Iptc4xmpExt"],
    );
    shows(&webp(&[(b"XMP ", other.as_bytes())]), "webp", &["webp Iptc4xmpExt"]);
    let gif =
        [gif_head(), b"\x21\xFF\x0BXMP DataXMP".to_vec(), other.clone().into_bytes(), gif_trailer(), b"\0;".to_vec()]
            .concat();
    shows(&gif, "gif", &["gif Iptc4xmpExt"]);
    shows(&[heif_head(), other.into_bytes()].concat(), "heic", &["heif Iptc4xmpExt"]);
    // A plain Photoshop file, with its history.
    let history = "<xmpMM:History><rdf:Seq><rdf:li stEvt:softwareAgent=\"Adobe Photoshop 25.1 (Windows)\"/></rdf:Seq></xmpMM:History>";
    let plain = packet("xmp:CreatorTool=\"Adobe Photoshop 25.1 (Windows)\" photoshop:Credit=\"Reuters\"", history);
    shows_nothing(&in_jpeg(&plain), "jpg");
    let capture = packet(&format!("Iptc4xmpExt:DigitalSourceType=\"{kinds}digitalCapture\""), "");
    shows_nothing(&in_jpeg(&capture), "jpg");
}

#[test]
fn exif_and_iptc_of_jpeg_and_webp() {
    let in_jpeg = |fields: &[(u16, u16, &[u8])]| jpeg(&[(0xE1, &[b"Exif\0\0", exif(fields).as_slice()].concat())]);
    let ascii = [b"ASCII\0\0\0".as_slice(), SETTINGS.as_bytes()].concat();
    shows(&in_jpeg(&[(0x9286, 7, &ascii)]), "jpg", &["jpeg exif:UserComment", "Stable Diffusion web UI"]);
    for big in [false, true] {
        let text: Vec<u8> =
            SETTINGS.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
        let unicode = [b"UNICODE\0".as_slice(), &text].concat();
        shows(&in_jpeg(&[(0x9286, 7, &unicode)]), "jpg", &["Stable Diffusion web UI"]);
    }
    let comfy = format!("prompt:{GRAPH}");
    let bytes = exif(&[(0x0110, 2, comfy.as_bytes())]);
    shows(&webp(&[(b"EXIF", &bytes)]), "webp", &["webp exif:Model", "ComfyUI prompt"]);
    let tencent = br#"{"ServiceProvider":"t","ServiceUser":"u","Time":"1","ContentId":"2"}"#;
    shows(&in_jpeg(&[(0x010E, 2, tencent)]), "jpg", &["exif:ImageDescription", "Tencent"]);
    shows(&jpeg(&[(0xFE, "AI生成".as_bytes())]), "jpg", &["jpeg:comment", "Explicit label"]);
    let iptc = [b"\x1C\x02\x41\0\x0AMidjourney".as_slice(), b"\x1C\x02\x50\0\x01x"].concat();
    let mut resource = b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0".to_vec();
    resource.push(u8::try_from(iptc.len()).unwrap());
    resource.extend(&iptc);
    shows(&jpeg(&[(0xED, &resource)]), "jpg", &["jpeg iptc:2:65", "Midjourney"]);
    shows(&exif(&[(0x0131, 2, b"Stable Diffusion\0")]), "tif", &["tiff exif:Software"]);
    // An ordinary camera.
    let camera: [(u16, u16, &[u8]); 5] = [
        (0x010F, 2, b"Canon\0"),
        (0x0110, 2, b"Canon EOS R5\0"),
        (0x0131, 2, b"Adobe Lightroom 7.1\0"),
        (0x013B, 2, b"Claude Monet\0"),
        (0x9286, 7, b"ASCII\0\0\0on the beach"),
    ];
    shows_nothing(&in_jpeg(&camera), "jpg");
}

#[test]
fn tags_of_sound_and_film() {
    let id3 = id3(&[(b"TSSE", b"\x03Suno AI"), (b"TPE1", b"\x03x")]);
    shows(&[id3, vec![0xFF, 0xFB, 0x90, 0x64], vec![0; 500]].concat(), "mp3", &["mp3 id3:TSSE", "Generator of sound"]);
    let comment = files::id3(&[(b"COMM", b"\x03engd\0made with suno; created=2025")]);
    shows(&[comment, vec![0xFF, 0xFB, 0x90, 0x64], vec![0; 500]].concat(), "mp3", &["id3:COMM", "Suno"]);
    shows(&wav("ISFT", "ElevenLabs"), "wav", &["wav riff:ISFT"]);
    shows(&flac("comment=本音频由AI生成"), "flac", &["flac vorbis:COMMENT", "Explicit label"]);
    shows(&flac("ENCODER=Stable Audio 2"), "flac", &["vorbis:ENCODER"]);
    shows(&ogg("encoder=ElevenLabs"), "ogg", &["ogg vorbis:ENCODER"]);
    shows(&mp4(b"\xA9too", "KlingAI"), "mp4", &["mp4:©too", "Generator of video"]);
    shows(&mp4(b"\xA9cmt", "本视频由AI生成"), "mp4", &["mp4:©cmt"]);
    shows(&matroska("ENCODER", "Runway Gen-3"), "mkv", &["matroska:ENCODER"]);
    for bytes in [wav("ISFT", "Lavf60.16.100"), wav("IART", "The Suno Band")] {
        shows_nothing(&bytes, "wav");
    }
    shows_nothing(&flac("ENCODER=Lavc60.31.102 flac"), "flac");
    shows_nothing(&ogg("ENCODER=libVorbis"), "ogg");
    shows_nothing(&mp4(b"\xA9too", "Lavf60.16.100"), "mp4");
    shows_nothing(&matroska("ENCODER", "Lavf60.16.100"), "mkv");
}

#[test]
fn documents_say_who_made_them() {
    let bytes = docx("ChatGPT", "Microsoft Office Word", "A line.").unwrap();
    shows(&bytes, "docx", &["ooxml office:creator", "Generator of texts"]);
    let bytes = docx("x", "讯飞智文", "A line.").unwrap();
    shows(&bytes, "docx", &["office:Application"]);
    let bytes = docx("x", "y", "本文由AI生成").unwrap();
    assert_eq!(of(&bytes, "docx"), [Trace::ExplicitLabel("本文由AI生成".to_owned())]);
    shows_nothing(&docx("Kimi Räikkönen", "Microsoft Office Word", "人工智能生成内容的研究").unwrap(), "docx");
    shows(&pdf("/Producer (ChatGPT)"), "pdf", &["pdf:Producer"]);
    shows(&pdf("/Creator <FEFF8C465305>"), "pdf", &["pdf:Creator"]);
    shows_nothing(&pdf("/Producer (Skia/PDF m120) /Creator (Chromium)"), "pdf");
}

#[test]
fn pages_and_texts() {
    let page = |head: &str, body: &str| format!("<!doctype html><html><head>{head}</head><body>{body}</body></html>");
    let named = page("<meta name=\"generator\" content=\"Gamma AI\">", "");
    shows(named.as_bytes(), "html", &["html:generator"]);
    let inline = page("", "<p>One.</p><p>Two.</p><p><b>本文</b>由<span>AI</span>生成</p>");
    assert_eq!(of(inline.as_bytes(), "html"), [Trace::ExplicitLabel("本文由AI生成".to_owned())]);
    let hidden = page(
        "<meta name=\"generator\" content=\"WordPress 6\">",
        "<!-- 本文由AI生成 --><script>'\n本文由AI生成\n'</script><p>Hi &amp; bye</p>",
    );
    shows_nothing(hidden.as_bytes(), "html");
    for ending in ["txt", "md"] {
        assert_eq!(
            of("一。\n\n二。\n\n本内容由AI生成".as_bytes(), ending),
            [Trace::ExplicitLabel("本内容由AI生成".to_owned())]
        );
        shows_nothing("近年来，人工智能生成内容的监管日益严格。".as_bytes(), ending);
        shows_nothing(b"", ending);
    }
    for scheme in [Scheme::ZeroWidth, Scheme::VariationSelector] {
        let mut marker = Invisible::new(b"abc", scheme, 40).unwrap();
        let text = marker.push(&"今天天气很好，我们去公园散步，然后回家吃饭。".repeat(10));
        shows(text.as_bytes(), "txt", &["invisible", "616263"]);
        shows(page("", &text).as_bytes(), "html", &["616263"]);
    }
    // Joiners of emoji are no marks.
    shows_nothing("👨\u{200D}👩\u{200D}👧 家人\u{200B}".as_bytes(), "txt");
}

#[test]
fn long_texts_are_read_in_pieces() {
    let line = "这是一行普通的文字，没有别的意思。\n";
    let long = line.repeat(25_000);
    shows_nothing(long.as_bytes(), "txt");
    for (at, label) in [(0, "本文由AI生成\n"), (line.len() * 12_000, "本文由AI生成\n"), (long.len(), "本文由AI生成\n")]
    {
        let mut text = long.clone();
        text.insert_str(at, label);
        shows(text.as_bytes(), "txt", &["本文由AI生成"]);
    }
    let gb = encoding_rs::GB18030.encode("第一段。\n\n本文由AI生成").0.into_owned();
    shows(&gb, "txt", &["本文由AI生成"]);
}

#[test]
fn own_marks_and_wordings_count_and_lead_to_suspicion() {
    let list = "[[marker]]\nname = \"Ours\"\nwhere = [\"png:Software\"]\nmatch = \"exact\"\nvalues = [\"Our Painter\"]\nkind = \"software\"\nabout = \"our own program\"";
    let markers = Markers::parse(list).unwrap();
    let bytes = png(&[chunk(b"tEXt", b"Software\0our painter")]);
    let carrier = carrier::of(&bytes, "png").unwrap();
    let traces = traces_by(&mut Cursor::new(&bytes), carrier, &markers, &[]).unwrap();
    assert_eq!(traces.len(), 1);
    shows_nothing(&bytes, "png");
    let evidence = Evidence { traces, ..Evidence::default() };
    assert_eq!(inspect(&evidence, "platform", "1").unwrap().decision, Decision::Suspected);
    let text = "一。\n\n二。\n\n机器之作";
    let own = traces_by(&mut Cursor::new(text), carrier::of(b"x", "txt").unwrap(), &markers, &["机器之作"]).unwrap();
    assert_eq!(own, [Trace::ExplicitLabel("机器之作".to_owned())]);
}

#[test]
fn what_is_damaged_is_read_as_far_as_it_goes() {
    let bytes = png(&[chunk(b"tEXt", b"Software\0NovelAI")]);
    for end in 0..bytes.len() {
        let read = traces(&mut Cursor::new(&bytes[..end]), &carrier::ALL[1]);
        // The text is complete with its checksum at byte 8 + 25 + 28.
        assert_eq!(read.is_ok_and(|found| !found.is_empty()), end >= 61, "{end}");
    }
}

/// One file of each kind, with the ending that it goes by.
fn samples() -> Vec<(Vec<u8>, &'static str)> {
    let xmp =
        packet("xmp:CreatorTool=\"Adobe Firefly\"", "<dc:creator><rdf:Seq><rdf:li>x</rdf:li></rdf:Seq></dc:creator>");
    let exif = exif(&[(0x0131, 2, b"Adobe Firefly\0"), (0x9286, 7, b"UNICODE\0A\0I\0u\x75\x10b")]);
    vec![
        (jpeg(&[(0xE1, &[b"Exif\0\0", exif.as_slice()].concat()), (0xED, b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\x06\x1C\x02A\0\x01x"), (0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", xmp.as_bytes()].concat())]), "jpg"),
        (png(&[chunk(b"tEXt", b"Software\0NovelAI"), chunk(b"eXIf", &exif), chunk(b"zTXt", &[b"parameters\0\0".as_slice(), &deflated(SETTINGS.as_bytes())].concat())]), "png"),
        (webp(&[(b"EXIF", &exif), (b"XMP ", xmp.as_bytes())]), "webp"),
        (exif, "tif"),
        ([gif_head(), b"\x21\xFE\x08AI\xE7\x94\x9F\xE6\x88\x90\0\x21\xFF\x0BXMP DataXMP".to_vec(), xmp.clone().into_bytes(), gif_trailer(), b"\0;".to_vec()].concat(), "gif"),
        ([heif_head(), xmp.into_bytes()].concat(), "heic"),
        (id3(&[(b"TSSE", b"\x03Suno"), (b"COMM", b"\x01eng\xFF\xFEa\0\0\0\xFF\xFEb\0")]), "mp3"),
        (wav("ISFT", "ElevenLabs"), "wav"),
        (flac("ENCODER=Suno"), "flac"),
        (ogg("ENCODER=Suno"), "ogg"),
        (mp4(b"\xA9too", "KlingAI"), "mp4"),
        (matroska("ENCODER", "Runway Gen-3"), "mkv"),
        (docx("ChatGPT", "x", "AI生成").unwrap_or_default(), "docx"),
        (pdf("/Producer (ChatGPT)"), "pdf"),
        (b"<html><head><meta name=generator content='Gamma AI'></head><p>AI&#29983;&#25104;<!-- x --><script>1</script>".to_vec(), "html"),
        ("\u{FEFF}本文由AI生成\n二\u{200b}\u{200c}\u{200d}\u{2060}\u{200b}".as_bytes().to_vec(), "txt"),
    ]
}

#[test]
fn every_sample_is_a_trace() {
    for (bytes, ending) in samples() {
        assert!(!of(&bytes, ending).is_empty(), "{ending}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn mutated_files_are_read_without_panic(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        for (bytes, ending) in samples() {
            let Some(carrier) = carrier::of(&bytes, ending) else { continue };
            let mut bytes = bytes;
            for (at, byte) in &edits {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            if !whole {
                bytes.truncate(cut.index(bytes.len()));
            }
            let _ = traces(&mut Cursor::new(&bytes), carrier);
        }
    }

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for carrier in carrier::ALL {
            let _ = traces(&mut Cursor::new(&bytes), carrier);
        }
    }
}
