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
