//! Labels of generated content as a publisher meets them: written once, read back, judged, and never at a file's cost.

use std::path::PathBuf;

use menshen_testkit::Ran;
use tempfile::TempDir;

use crate::support::menshen;

const CODE: &str = "001191110102MACQD9K64010000";

/// A second of silence.
pub fn wav() -> Vec<u8> {
    let data = vec![0_u8; 16_000];
    let mut out = b"RIFF".to_vec();
    out.extend((36 + data.len() as u32).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out
}

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Desk(TempDir::new().unwrap())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn run(&self, args: &[&str]) -> Ran {
        menshen().run_in(self.0.path(), &[&["label"], args].concat(), b"")
    }

    fn add(&self, files: &[&str]) -> Ran {
        self.run(&[&["add", "--producer", CODE, "--produce-id", "c-1"], files].concat())
    }
}

#[test]
fn a_file_carries_exactly_one_label_and_its_sound_is_untouched() {
    let desk = Desk::new();
    let path = desk.put("a.wav", &wav());
    assert_eq!(desk.run(&["verify", "a.wav"]).code, 2, "not found");
    let ran = desk.add(&["a.wav"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let once = std::fs::read(&path).unwrap();
    assert_eq!(desk.run(&["verify", "a.wav"]).code, 0, "{}", desk.run(&["verify", "a.wav"]).out);
    let read = desk.run(&["read", "--json", "a.wav"]).json();
    assert_eq!((&read[0]["format"], &read[0]["state"]), (&"wav".into(), &"compliant".into()), "{read}");
    assert!(read[0]["labels"][0]["value"].as_str().unwrap().contains(CODE), "{read}");
    assert!(once.windows(16_000).any(|w| w.iter().all(|b| *b == 0)), "the samples are there");
    // Again: the same file, not a second label.
    assert_eq!(desk.add(&["a.wav"]).code, 0);
    assert_eq!(std::fs::read(&path).unwrap(), once);
    let names = std::fs::read_dir(desk.0.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.ends_with(".label")).count(), 0, "nothing is left beside it");
}

#[test]
fn what_cannot_be_labelled_is_refused_with_the_reason_and_left_as_it_was() {
    let desk = Desk::new();
    let whole = wav();
    let cut = desk.put("cut.wav", &whole[..40]);
    let odd = desk.put("odd.bin", b"nothing that is known");
    let before = (std::fs::read(&cut).unwrap(), std::fs::read(&odd).unwrap());
    let ran = desk.add(&["odd.bin"]);
    assert!(ran.code == 2 && ran.err.contains("odd.bin") && ran.err.contains("format"), "{}{}", ran.out, ran.err);
    desk.add(&["cut.wav"]);
    assert_eq!(std::fs::read(&odd).unwrap(), before.1);
    assert_eq!(desk.run(&["verify", "odd.bin"]).code, 10);
    desk.put("a.wav", &whole);
    for (what, args) in [
        ("a wrong check digit", ["--producer", "001191110102MACQD9K65010000", "--produce-id", "c-1"]),
        ("a space in the number", ["--producer", CODE, "--produce-id", "c 1"]),
        ("Chinese as the producer", ["--producer", "某某公司", "--produce-id", "c-1"]),
    ] {
        let ran = desk.run(&[&["add"][..], &args, &["a.wav"]].concat());
        assert_eq!(ran.code, 2, "{what}: {}{}", ran.out, ran.err);
    }
    assert_eq!(std::fs::read(desk.0.path().join("a.wav")).unwrap(), whole);
    assert_eq!(desk.add(&["missing.wav"]).code, 2);
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_a_read_only_folder_is_no_loss() {
    let desk = Desk::new();
    desk.put("a.wav", &wav());
    std::os::unix::fs::symlink("a.wav", desk.0.path().join("b.wav")).unwrap();
    assert_eq!(desk.add(&["b.wav"]).code, 0);
    assert!(std::fs::symlink_metadata(desk.0.path().join("b.wav")).unwrap().is_symlink());
    assert_eq!(desk.run(&["verify", "a.wav"]).code, 0);
    let out = desk.run(&["add", "--producer", CODE, "--produce-id", "c-2", "-o", "c.wav", "a.wav"]);
    assert_eq!(out.code, 0, "{}{}", out.out, out.err);
    assert!(desk.run(&["read", "c.wav"]).out.contains("c-2"));
    assert!(desk.run(&["read", "a.wav"]).out.contains("c-1"));
}

/// Somebody's pipe, a document that unpacks to a thousand times its size and half a picture: refused at once, each with its reason.
#[cfg(unix)]
#[test]
fn hostile_files_are_refused_at_once_and_left_as_they_were() {
    let desk = Desk::new();
    assert!(std::process::Command::new("mkfifo").arg(desk.0.path().join("pipe.png")).status().unwrap().success());
    let bomb = desk.put("bomb.docx", &bomb());
    let before = std::fs::read(&bomb).unwrap();
    let png = desk.put("half.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0");
    let half = std::fs::read(&png).unwrap();
    for (file, says) in [("pipe.png", "no plain file"), ("bomb.docx", "bomb.docx"), ("half.png", "half.png")] {
        let ran = desk.add(&[file]);
        assert!(ran.code == 2 && ran.err.contains(says), "{file}: {} {}{}", ran.code, ran.out, ran.err);
        let ran = desk.run(&["verify", file]);
        assert!([3, 10].contains(&ran.code), "{file}: {} {}{}", ran.code, ran.out, ran.err);
    }
    assert_eq!((std::fs::read(&bomb).unwrap(), std::fs::read(&png).unwrap()), (before, half));
    let names = std::fs::read_dir(desk.0.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, ["bomb.docx", "half.png", "menshen.toml", "pipe.png"], "nothing is left beside them");
}

/// A document whose properties unpack to 64 MiB of blanks.
fn bomb() -> Vec<u8> {
    use std::io::Write as _;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let packed = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    zip.start_file("[Content_Types].xml", packed).unwrap();
    zip.write_all(b"<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>").unwrap();
    zip.start_file("word/document.xml", packed).unwrap();
    zip.write_all(b"<w:document/>").unwrap();
    zip.start_file("docProps/custom.xml", packed.large_file(true)).unwrap();
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..64 {
        zip.write_all(&blanks).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_not_replaced() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let path = desk.put("a.wav", &wav());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let ran = desk.add(&["a.wav"]);
    assert!(ran.code == 2 && ran.err.contains("read-only"), "{}{}", ran.out, ran.err);
    assert_eq!(std::fs::read(&path).unwrap(), wav());
    let ran = desk.add(&["-o", "b.wav", "a.wav"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(desk.run(&["verify", "b.wav"]).code, 0);
}

#[test]
fn what_is_damaged_or_missing_is_said_and_the_others_go_on() {
    let desk = Desk::new();
    desk.put("a.wav", &wav());
    desk.put("cut.wav", &wav()[..40]);
    desk.add(&["a.wav"]);
    let ran = desk.run(&["read", "cut.wav"]);
    assert!(ran.code == 3 && ran.err.contains("cut.wav"), "{} {}{}", ran.code, ran.out, ran.err);
    let ran = desk.run(&["read", "--json", "missing.png", "a.wav"]);
    assert_eq!((ran.code, ran.json()[1]["state"].as_str()), (2, Some("compliant")), "{}{}", ran.out, ran.err);
    assert!(ran.json()[0]["problem"].as_str().unwrap().contains("missing.png"), "{}", ran.out);
    assert!(ran.err.contains("missing.png"));
    assert_eq!(desk.run(&["verify", "missing.png", "a.wav"]).code, 10);
    let html: Vec<u8> =
        "\u{feff}<html><head></head><body>x</body></html>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    desk.put("a.html", &html);
    let ran = desk.add(&["a.html"]);
    assert_eq!(ran.code, 0, "UTF-16 is text: {}{}", ran.out, ran.err);
    assert_eq!(desk.run(&["verify", "a.html"]).code, 0);
}

/// A second of a tone, loud enough that a quiet place is not everywhere.
fn tone() -> Vec<u8> {
    let mut file = wav();
    let start = file.len() - 16_000;
    for (i, sample) in file[start..].chunks_exact_mut(2).enumerate() {
        let value = ((i as f64 / 8.0).sin() * 8_000.0) as i16;
        sample.copy_from_slice(&value.to_le_bytes());
    }
    file
}

#[test]
fn explicit_labels_are_put_into_texts_and_sounds_beside_the_implicit_one() {
    let desk = Desk::new();
    desk.put("a.md", "# 标题\n\n正文。\n".as_bytes());
    let ran = desk.add(&["--explicit", "a.md"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let text = std::fs::read_to_string(desk.0.path().join("a.md")).unwrap();
    assert!(text.contains("正文。\n\n（本内容由人工智能生成）") && text.starts_with("---\n"), "{text}");
    let ran = desk.add(&["--explicit=start", "--words", "AI-generated", "-o", "b.md", "a.md"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    desk.put("a.wav", &tone());
    let ran = desk.add(&["--explicit", "a.wav"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let heard = std::fs::read(desk.0.path().join("a.wav")).unwrap();
    assert!(heard.len() > tone().len() + 8_000, "the rhythm was put before it: {}", heard.len());
    assert!(heard.windows(16_000).any(|w| *w == tone()[tone().len() - 16_000..]), "the content is untouched");
    assert_eq!(desk.run(&["verify", "a.wav"]).code, 0);
    for (file, args) in [
        ("a.md", ["--explicit=top-left"].as_slice()),
        ("a.md", &["--explicit", "--words", "nothing of the kind"]),
        ("a.wav", &["--explicit=corner"]),
    ] {
        let before = std::fs::read(desk.0.path().join(file)).unwrap();
        let ran = desk.add(&[args, &[file]].concat());
        assert_eq!(ran.code, 2, "{args:?}: {}{}", ran.out, ran.err);
        assert_eq!(std::fs::read(desk.0.path().join(file)).unwrap(), before);
    }
    let names = std::fs::read_dir(desk.0.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with('.')).collect::<Vec<_>>(), Vec::<String>::new());
}

/// The table of real files names every carrier, and no hole is left without its reason.
#[test]
fn the_table_of_real_files_has_every_carrier_and_explains_every_hole() {
    let table = std::fs::read_to_string(crate::support::root().join("docs/provenance.md")).unwrap();
    for carrier in menshen_provenance::carrier::ALL {
        let row =
            table.lines().any(|line| line.starts_with("| `") && line.contains(&format!("| {} | ✓ | ✓ |", carrier.id)));
        let refused = table.contains(&format!("this {} file cannot be labelled: ", carrier.id));
        assert!(row || refused, "no file of {} was labelled and read back, or refused with the reason", carrier.id);
    }
    assert!(!table.contains("Unexplained"), "a hole has no reason yet: see e2e/provenance/holes.py");
    for line in table.lines().filter(|line| line.starts_with('|')) {
        for hole in line.split('✗').skip(1) {
            let note = hole.split_once(']').map(|(note, _)| note).unwrap_or_default();
            assert!(note.starts_with("[^"), "a hole without a footnote: {line}");
            assert!(table.contains(&format!("\n{note}]: ")), "no footnote {note}]: {line}");
        }
    }
}
