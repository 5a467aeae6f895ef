use std::path::Path;

use clap::Parser;
use serde_json::Value;
use tempfile::TempDir;

use super::*;

const PLATFORM: &str = "001191440300708461136T2XGW3";

#[derive(Parser)]
struct Called {
    #[command(flatten)]
    args: Inspect,
}

/// A second of silence.
fn wav() -> Vec<u8> {
    let data = [0_u8; 64];
    let mut out = b"RIFF".to_vec();
    out.extend((36 + data.len() as u32).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out
}

/// The same with the name of a program.
fn signed(program: &str) -> Vec<u8> {
    let mut info = b"INFOISFT".to_vec();
    let even = format!("{program:\0<width$}", width = program.len() + 2 - program.len() % 2);
    info.extend((even.len() as u32).to_le_bytes());
    info.extend(even.as_bytes());
    let mut out = wav();
    out.extend(b"LIST");
    out.extend((info.len() as u32).to_le_bytes());
    out.extend(info);
    let size = out.len() as u32 - 8;
    out[4..8].copy_from_slice(&size.to_le_bytes());
    out
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Folder(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Runs the command on `in`, with the lines in `lines.jsonl`, and gives the lines added.
    fn inspect(&self, options: &[&str]) -> (ExitCode, Vec<Value>) {
        let lines = self.path("lines.jsonl");
        let before = std::fs::read_to_string(&lines).unwrap_or_default().lines().count();
        let jsonl = ["--jsonl", lines.to_str().unwrap(), "--ocr", "never", "--jobs", "1"].map(str::to_owned);
        let place = self.path("in").to_str().unwrap().to_owned();
        let own = options.iter().map(|option| option.replace("{}", self.0.path().to_str().unwrap()));
        let words = ["inspect".to_owned()].into_iter().chain(jsonl).chain(own).chain([place]);
        let code = run(&Called::try_parse_from(words).unwrap().args).unwrap();
        let text = std::fs::read_to_string(&lines).unwrap_or_default();
        (code, text.lines().skip(before).map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}

#[track_caller]
fn line<'a>(lines: &'a [Value], name: &str) -> &'a Value {
    let named = |line: &&Value| line["file"].as_str().is_some_and(|file| file.ends_with(name));
    lines.iter().find(named).unwrap_or_else(|| panic!("{name} in {lines:?}"))
}

fn is(code: ExitCode, wanted: u8) -> bool {
    code == ExitCode::from(wanted)
}

#[test]
fn the_four_outcomes_each_with_its_grounds_and_the_label() {
    let folder = Folder::new();
    folder.put("in/b/plain.wav", &wav());
    folder.put("in/a.wav", &signed("ElevenLabs"));
    folder.put("in/c.txt", "一。\n\n二。\n\n本文由AI生成".as_bytes());
    folder.put("in/d.wav", &wav());
    folder.put("in/.hidden.wav", &wav());
    let aigc = Aigc::generated("producer", "42", Kind::Generated).unwrap();
    let (_, carrier) = super::super::file::open(&folder.path("in/d.wav")).unwrap();
    super::super::file::put(&folder.path("in/d.wav"), None, carrier, &aigc).unwrap();
    let (code, lines) = folder.inspect(&["--platform", PLATFORM, "--id-prefix", "p"]);
    assert!(is(code, 0));
    let names: Vec<&str> =
        lines.iter().map(|line| line["file"].as_str().unwrap().rsplit("/in/").next().unwrap()).collect();
    assert_eq!(names, ["a.wav", "b/plain.wav", "c.txt", "d.wav"], "sorted, hidden ones left out");
    let decisions: Vec<&str> = lines.iter().map(|line| line["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["suspected", "none", "suspected", "confirmed"]);
    assert_eq!(line(&lines, "a.wav")["grounds"][0]["ground"], "metadata");
    assert_eq!(line(&lines, "c.txt")["grounds"][0]["value"], "本文由AI生成");
    let known = line(&lines, "d.wav");
    assert_eq!(
        known["grounds"][0],
        serde_json::json!({"ground": "label", "value": "1", "place": "wav:AIGC"}),
        "{known}"
    );
    let label = &known["label"];
    assert_eq!(
        (&label["ContentProducer"], &label["ContentPropagator"], &label["PropagateID"]),
        (&"producer".into(), &PLATFORM.into(), &"p-4".into())
    );
    assert_eq!(label.as_object().unwrap().len(), 7);
    assert!(known["notice"]["zh"].as_str().unwrap().contains("人工智能") && known["notice"]["en"].is_string());
    assert_eq!(known["written"], false);
    assert!(line(&lines, "plain.wav")["label"].is_null() && line(&lines, "plain.wav")["notice"].is_null());
    assert_eq!(
        std::fs::read(folder.path("in/a.wav")).unwrap(),
        signed("ElevenLabs"),
        "nothing was asked to be written"
    );
}

#[test]
fn what_the_user_declares_is_possible_and_files_differ() {
    let folder = Folder::new();
    for name in ["a.wav", "b.wav", "c.wav", "odd.bin"] {
        folder.put(&format!("in/{name}"), &wav()[..if name == "odd.bin" { 3 } else { 108 }]);
    }
    let (code, lines) = folder.inspect(&["--declared"]);
    assert!(is(code, 1), "one is of no known format");
    assert!(lines.iter().all(|line| line["decision"] == "possible"), "{lines:?}");
    assert!(line(&lines, "odd.bin")["error"].as_str().unwrap().contains("format"));
    assert!(lines.iter().all(|line| line["label"].is_null()), "no platform, no label");
    std::fs::remove_file(folder.path("lines.jsonl")).unwrap();
    folder.put("list.csv", "user,path,declared\nu1,in/a.wav,yes\nu2,in/b.wav,no\n".as_bytes());
    let (_, lines) = folder.inspect(&["--declarations", "{}/list.csv"]);
    assert_eq!(
        (&line(&lines, "a.wav")["decision"], &line(&lines, "a.wav")["declared_by"]),
        (&"possible".into(), &"u1".into())
    );
    assert_eq!(
        (&line(&lines, "b.wav")["decision"], &line(&lines, "c.wav")["decision"]),
        (&"none".into(), &"none".into())
    );
    assert!(line(&lines, "odd.bin")["error"].is_string() && line(&lines, "odd.bin")["decision"].is_null());
    std::fs::remove_file(folder.path("lines.jsonl")).unwrap();
    folder.put("list.jsonl", "{\"path\":\"in/c.wav\",\"declared\":true,\"user\":\"u3\"}\n".as_bytes());
    let (_, lines) = folder.inspect(&["--declarations", "{}/list.jsonl"]);
    assert_eq!(line(&lines, "c.wav")["decision"], "possible");
    for wrong in ["path,declared\nin/a.wav,perhaps\n", "file,said\na,yes\n", "path,declared\n,yes\n"] {
        folder.put("list.csv", wrong.as_bytes());
        std::fs::remove_file(folder.path("lines.jsonl")).unwrap_or_default();
        assert!(is(folder.inspect(&["--declarations", "{}/list.csv"]).0, 10), "{wrong}");
    }
}

#[test]
fn labels_are_written_once_and_a_plain_file_never() {
    let folder = Folder::new();
    folder.put("in/a.wav", &signed("ElevenLabs"));
    folder.put("in/b.wav", &wav());
    let options = ["--platform", PLATFORM, "--id-prefix", "p", "--write"];
    let (code, lines) = folder.inspect(&options);
    assert!(is(code, 0));
    assert_eq!((&line(&lines, "a.wav")["written"], &line(&lines, "b.wav")["written"]), (&true.into(), &false.into()));
    assert_eq!(std::fs::read(folder.path("in/b.wav")).unwrap(), wav());
    let written = std::fs::read(folder.path("in/a.wav")).unwrap();
    let (_, carrier) = super::super::file::open(&folder.path("in/a.wav")).unwrap();
    let found = (carrier.read)(&mut std::io::Cursor::new(&written)).unwrap();
    let verdict = label::verify(&found);
    assert_eq!(verdict.state, label::State::Compliant);
    assert!(found[0].value.contains("\"Label\":\"3\"") && found[0].value.contains(PLATFORM), "{}", found[0].value);
    // Again: the label is this platform's already.
    std::fs::remove_file(folder.path("lines.jsonl")).unwrap();
    let (_, lines) = folder.inspect(&options);
    assert_eq!(line(&lines, "a.wav")["written"], false);
    assert!(line(&lines, "a.wav")["why"].as_str().unwrap().contains("already"));
    assert_eq!(line(&lines, "a.wav")["label"]["PropagateID"], "p-1");
    assert_eq!(std::fs::read(folder.path("in/a.wav")).unwrap(), written);
    // A text has no place for metadata: that is said.
    folder.put("in/c.txt", "本文由AI生成".as_bytes());
    std::fs::remove_file(folder.path("lines.jsonl")).unwrap();
    let (code, lines) = folder.inspect(&options);
    assert!(is(code, 1) && line(&lines, "c.txt")["write_error"].as_str().unwrap().contains("explicit prompt"));
}

#[test]
fn copies_go_into_a_folder_and_nothing_is_written_over() {
    let folder = Folder::new();
    folder.put("in/x/a.wav", &signed("ElevenLabs"));
    folder.put("in/b.wav", &wav());
    let options = ["--platform", PLATFORM, "-o", "{}/in/out"];
    let (code, lines) = folder.inspect(&options);
    assert!(is(code, 0), "{lines:?}");
    assert!(folder.path("in/out/x/a.wav").exists() && !folder.path("in/out/b.wav").exists());
    assert_eq!(std::fs::read(folder.path("in/x/a.wav")).unwrap(), signed("ElevenLabs"));
    assert_eq!(line(&lines, "in/out")["skipped"], "the folder of the copies");
    let copy = std::fs::read(folder.path("in/out/x/a.wav")).unwrap();
    std::fs::remove_file(folder.path("lines.jsonl")).unwrap();
    let (code, lines) = folder.inspect(&options);
    assert!(is(code, 1) && line(&lines, "x/a.wav")["write_error"].as_str().unwrap().contains("there already"));
    assert_eq!(std::fs::read(folder.path("in/out/x/a.wav")).unwrap(), copy);
}

#[test]
fn a_run_goes_on_where_it_ended() {
    let folder = Folder::new();
    for name in ["a.wav", "b.wav", "c.wav"] {
        folder.put(&format!("in/{name}"), &signed("ElevenLabs"));
    }
    folder.put("in/odd.bin", b"nothing");
    let options = ["--platform", PLATFORM, "--write", "--resume"];
    let (code, lines) = folder.inspect(&options);
    assert!(is(code, 1) && lines.len() == 4);
    // The end of the last line is lost, and one file has changed.
    let text = std::fs::read_to_string(folder.path("lines.jsonl")).unwrap();
    std::fs::write(folder.path("lines.jsonl"), &text[..text.len() - 5]).unwrap();
    folder.put("in/b.wav", &wav());
    let (_, all) = folder.inspect(&options);
    let text = std::fs::read_to_string(folder.path("lines.jsonl")).unwrap();
    let files: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(files.len(), 5, "{text}");
    assert_eq!(
        (line(&files[3..], "b.wav")["decision"].as_str(), line(&files[3..], "odd.bin")["error"].is_string()),
        (Some("none"), true),
        "{all:?}"
    );
    // Without --resume a file that is there is not touched.
    assert!(is(folder.inspect(&["--platform", PLATFORM]).0, 10));
    folder.put("other", b"not lines\n");
    let other = folder.path("other");
    assert!(Lines::open(Some(&other), true, Lang::En).is_err());
    assert_eq!(std::fs::read(other).unwrap(), b"not lines\n");
}

#[test]
fn wrong_calls_are_refused_before_a_file_is_touched() {
    let folder = Folder::new();
    folder.put("in/a.wav", &signed("ElevenLabs"));
    folder.put("short", b"short");
    for wrong in [
        &["--platform", "001191440300708461136U2XGW3", "--write"][..],
        &["--platform", "平台", "--write"],
        &["--platform", "p", "--id-prefix", "a b", "--write"],
        &["--ocr", "/nowhere/tesseract"],
        &["--watermark-key", "{}/short"],
        &["--watermark-key", "{}/none"],
        &["--own-wording", "a"],
        &["--declarations", "{}/none.csv"],
    ] {
        let words: Vec<&str> = wrong.to_vec();
        let mut call = vec!["inspect".to_owned()];
        call.extend(words.iter().map(|word| word.replace("{}", folder.0.path().to_str().unwrap())));
        call.push(folder.path("in").to_str().unwrap().to_owned());
        let code = run(&Called::try_parse_from(call).unwrap().args).unwrap();
        assert!(is(code, 10), "{wrong:?}");
    }
    assert!(Called::try_parse_from(["inspect", "--write", "x"]).is_err(), "no platform");
    assert!(Called::try_parse_from(["inspect"]).is_err(), "no path");
    assert_eq!(std::fs::read(folder.path("in/a.wav")).unwrap(), signed("ElevenLabs"));
}

#[cfg(unix)]
#[test]
fn links_and_what_is_no_file_are_told_and_not_followed() {
    use std::os::unix::net::UnixListener;
    let folder = Folder::new();
    folder.put("in/a.wav", &wav());
    folder.put("in/.b/c.wav", &wav());
    std::os::unix::fs::symlink(folder.path("in"), folder.path("in/loop")).unwrap();
    let _socket = UnixListener::bind(folder.path("in/socket")).unwrap();
    let (code, lines) = folder.inspect(&[]);
    assert!(is(code, 0));
    assert_eq!(line(&lines, "loop")["skipped"], "a symbolic link");
    assert!(line(&lines, "socket")["skipped"].as_str().unwrap().contains("socket"));
    assert_eq!(lines.len(), 3);
    std::fs::remove_file(folder.path("lines.jsonl")).unwrap();
    assert_eq!(folder.inspect(&["--all"]).1.len(), 4);
    // A link that is named is meant.
    let mut walk = Walk::new(&[folder.path("in/loop")], false, None);
    assert!(walk.any(|item| matches!(item, Item::File(place) if place.below == Path::new("a.wav"))));
}

#[test]
fn many_workers_inspect_every_file_once() {
    let folder = Folder::new();
    for number in 0..300 {
        folder.put(&format!("in/{}/{number}.wav", number % 7), &wav());
    }
    let lines = folder.path("all.jsonl");
    let (place, jsonl) = (folder.path("in"), lines.to_str().unwrap().to_owned());
    let call = ["inspect", "--ocr", "never", "--jobs", "8", "--jsonl", &jsonl, place.to_str().unwrap()];
    assert!(is(run(&Called::try_parse_from(call).unwrap().args).unwrap(), 0));
    let text = std::fs::read_to_string(lines).unwrap();
    let mut files: Vec<String> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["file"].to_string()).collect();
    files.sort();
    files.dedup();
    assert_eq!(files.len(), 300);
}
