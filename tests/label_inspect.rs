//! What a platform is told of files that are uploaded to it (the Measures for Labelling, article 6), batch by batch.

use std::path::PathBuf;

use menshen_testkit::Ran;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::menshen;

const PLATFORM: &str = "001191440300708461136T2XGW3";

/// A moment of silence, with the name of the program that made it where there is one.
fn wav(program: Option<&str>) -> Vec<u8> {
    let mut out = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data".to_vec();
    out.extend(64_u32.to_le_bytes());
    out.extend([0; 64]);
    if let Some(program) = program {
        let mut text = format!("{program}\0").into_bytes();
        text.resize(text.len() + text.len() % 2, 0);
        out.extend(b"LIST");
        out.extend((12 + text.len() as u32).to_le_bytes());
        out.extend(b"INFOISFT");
        out.extend((text.len() as u32).to_le_bytes());
        out.extend(text);
    }
    let size = out.len() as u32 - 8;
    out[4..8].copy_from_slice(&size.to_le_bytes());
    out
}

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Desk(TempDir::new().unwrap())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn run(&self, args: &[&str]) -> Ran {
        menshen().run_in(self.0.path(), &[&["label"], args].concat(), b"")
    }

    /// Inspects, with the lines on standard output.
    fn inspect(&self, args: &[&str]) -> (Ran, Vec<Value>) {
        let ran = self.run(&[&["inspect", "--jsonl", "-", "--jobs", "1"], args].concat());
        let lines = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (ran, lines)
    }
}

fn decisions(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["decision"].as_str().unwrap()).collect()
}

#[test]
fn uploads_are_told_apart_and_the_public_gets_its_words() {
    let desk = Desk::new();
    desk.put("up/1-labelled.wav", &wav(None));
    assert_eq!(desk.run(&["add", "--producer", "maker", "--produce-id", "7", "up/1-labelled.wav"]).code, 0);
    desk.put("up/2-signed.wav", &wav(Some("ElevenLabs")));
    desk.put("up/3-text.txt", "第一段。\n\n第二段。\n\n本文由AI生成".as_bytes());
    desk.put("up/4-plain.wav", &wav(Some("Lavf60.16.100")));
    desk.put("up/.5-hidden.wav", &wav(None));
    let before = std::fs::read(desk.0.path().join("up/2-signed.wav")).unwrap();
    let (ran, lines) = desk.inspect(&["--platform", PLATFORM, "--id-prefix", "p", "up"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(decisions(&lines), ["confirmed", "suspected", "suspected", "none"]);
    assert_eq!(lines[0]["label"]["ContentProducer"], "maker");
    assert_eq!((&lines[1]["label"]["Label"], &lines[1]["label"]["ContentPropagator"]), (&"3".into(), &PLATFORM.into()));
    for line in &lines[..3] {
        assert!(line["notice"]["zh"].as_str().unwrap().contains("人工智能生成合成"), "{line}");
        assert!(
            line["clause"].as_str().unwrap().contains('6') && !line["grounds"].as_array().unwrap().is_empty(),
            "{line}"
        );
    }
    assert!(lines[3]["label"].is_null() && lines[3]["notice"].is_null());
    assert_eq!(
        std::fs::read(desk.0.path().join("up/2-signed.wav")).unwrap(),
        before,
        "nothing was asked to be written"
    );
    let (_, lines) = desk.inspect(&["--declared", "up/4-plain.wav"]);
    assert_eq!(decisions(&lines), ["possible"]);
    let english = desk.run(&["inspect", "--lang", "en", "up"]);
    assert!(
        english.out.contains("suspected to be AI-generated") && english.out.contains("confirmed"),
        "{}",
        english.out
    );
    assert!(desk.run(&["inspect", "up"]).out.contains("疑似"));
}

#[test]
fn the_label_is_written_with_the_platform_in_it_and_once() {
    let desk = Desk::new();
    let signed = desk.put("up/a.wav", &wav(Some("ElevenLabs")));
    let plain = desk.put("up/b.wav", &wav(None));
    let args = ["--platform", PLATFORM, "--write", "up"];
    let (ran, lines) = desk.inspect(&args);
    assert_eq!(
        (ran.code, &lines[0]["written"], &lines[1]["written"]),
        (0, &true.into(), &false.into()),
        "{}{}",
        ran.out,
        ran.err
    );
    assert_eq!(desk.run(&["verify", "up/a.wav"]).code, 0);
    assert_eq!(std::fs::read(&plain).unwrap(), wav(None), "what is not generated is not labelled");
    let once = std::fs::read(&signed).unwrap();
    let (_, lines) = desk.inspect(&args);
    assert_eq!((&lines[0]["written"], std::fs::read(&signed).unwrap()), (&false.into(), once));
    desk.put("more/a.wav", &wav(Some("ElevenLabs")));
    assert_eq!(desk.inspect(&["--platform", PLATFORM, "-o", "copies", "more"]).0.code, 0);
    assert_eq!(desk.run(&["verify", "copies/a.wav"]).code, 0);
    assert_eq!(std::fs::read(desk.0.path().join("more/a.wav")).unwrap(), wav(Some("ElevenLabs")));
}

#[test]
fn what_cannot_be_inspected_is_named_and_wrong_calls_are_refused() {
    let desk = Desk::new();
    desk.put("up/a.wav", &wav(None));
    desk.put("up/cut.wav", &wav(None)[..40]);
    desk.put("up/odd.bin", b"nothing that is known");
    let (ran, lines) = desk.inspect(&["up"]);
    assert_eq!((ran.code, lines.len()), (1, 3), "{}{}", ran.out, ran.err);
    assert!(lines[1]["error"].is_string() && lines[2]["error"].as_str().unwrap().contains("format"), "{}", ran.out);
    assert!(ran.err.contains("odd.bin"), "{}", ran.err);
    desk.put("list.csv", b"path,declared\nup/a.wav,perhaps\n");
    for wrong in [
        &["--platform", "某某平台", "--write", "up"][..],
        &["--platform", "001191440300708461136U2XGW3", "--write", "up"],
        &["--declarations", "list.csv", "up"],
        &["--ocr", "/nowhere/tesseract", "up"],
        &["missing"],
    ] {
        let ran = desk.run(&[&["inspect"][..], wrong].concat());
        assert!(ran.code == 10 && ran.err.len() > 20, "{wrong:?}: {} {}{}", ran.code, ran.out, ran.err);
    }
}

#[test]
fn a_batch_goes_on_where_it_ended() {
    let desk = Desk::new();
    for number in 0..50 {
        desk.put(&format!("up/{number:02}.wav"), &wav(None));
    }
    let args = ["inspect", "--jsonl", "lines.jsonl", "--resume", "up"];
    assert_eq!(desk.run(&args).code, 0);
    let lines = desk.0.path().join("lines.jsonl");
    let text = std::fs::read_to_string(&lines).unwrap();
    assert_eq!(text.lines().count(), 50);
    std::fs::write(&lines, &text[..text.len() - 10]).unwrap();
    desk.put("up/07.wav", &wav(Some("ElevenLabs")));
    let ran = desk.run(&args);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let text = std::fs::read_to_string(&lines).unwrap();
    assert_eq!(text.lines().count(), 51, "one was cut off, one has changed");
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert!(text.lines().skip(49).any(|line| line.contains("07.wav") && line.contains("suspected")), "{text}");
    assert_eq!(desk.run(&["inspect", "--jsonl", "lines.jsonl", "up"]).code, 10, "it is not written over");
}

#[cfg(unix)]
#[test]
fn a_reader_of_pictures_is_run_without_a_shell_and_its_words_are_a_trace() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let program = desk.put(
        "tesseract",
        b"#!/bin/sh\nif [ \"$1\" = --list-langs ]; then echo chi_sim; echo eng; else echo 'Al \xE7\x94\x9F \xE6\x88\x90'; fi\n",
    );
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    // A GIF of one pixel, in a name that a shell would take for orders.
    desk.put("up/$(touch owned).gif", b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;");
    let (ran, lines) = desk.inspect(&["--ocr", program.to_str().unwrap(), "up"]);
    assert_eq!(
        (ran.code, &lines[0]["ocr"], decisions(&lines)),
        (0, &"read".into(), vec!["suspected"]),
        "{}{}",
        ran.out,
        ran.err
    );
    assert_eq!(lines[0]["grounds"][0]["value"], "AI生成");
    assert!(!desk.0.path().join("owned").exists());
    let (_, lines) = desk.inspect(&["--ocr", "never", "up"]);
    assert_eq!((&lines[0]["ocr"], decisions(&lines)), (&"never".into(), vec!["none"]));
}
