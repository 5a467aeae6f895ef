//! Explicit labels in pictures, read by Tesseract where it is installed: a program of its own, run without a shell.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use menshen_provenance::carrier::Carrier;
use menshen_provenance::explicit::text;

mod size;

/// How long a picture may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Larger pictures are not read: 50 megapixels.
const MOST_PIXELS: u64 = 50_000_000;
/// Most text that is looked at.
const MOST_TEXT: u64 = 1 << 20;
/// Longest line that is taken for a label by its two elements alone, in characters.
const LONGEST_LINE: usize = 24;
/// Formats that Tesseract's library reads.
const FORMATS: [&str; 5] = ["jpeg", "png", "webp", "gif", "tiff"];

/// Reads pictures, or says why it does not.
#[derive(Debug)]
pub(super) enum Reader {
    /// With this program and these languages.
    Tesseract(PathBuf, String),
    /// It is not installed, or not with a language of use.
    Absent,
    /// It is not wanted.
    Never,
}

/// What came of a picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Looked {
    /// `read`, `absent`, `never`, `no_picture`, `too_large`, `unknown_size`, `timeout`, `failed`.
    pub state: &'static str,
    /// The label that stands in it.
    pub label: Option<String>,
}

impl Reader {
    /// By `auto`, `never` or the path of the program.
    ///
    /// # Errors
    /// When a program that was named cannot be run.
    pub(super) fn find(wanted: &str) -> Result<Self> {
        let program = match wanted {
            "never" => return Ok(Self::Never),
            "auto" => {
                let folders = std::env::var_os("PATH").unwrap_or_default();
                let name = format!("tesseract{}", std::env::consts::EXE_SUFFIX);
                match std::env::split_paths(&folders).map(|folder| folder.join(&name)).find(|path| path.is_file()) {
                    Some(program) => program,
                    None => return Ok(Self::Absent),
                }
            }
            path => PathBuf::from(path),
        };
        let listed = Command::new(&program).arg("--list-langs").stdin(Stdio::null()).output();
        let languages = match listed {
            Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
            _ if wanted == "auto" => return Ok(Self::Absent),
            Ok(output) => bail!("--ocr {wanted}: it ends with {} when it is asked for its languages", output.status),
            Err(error) => bail!("--ocr {wanted}: {error}; write auto, never or the path of tesseract"),
        };
        let known: Vec<&str> = ["chi_sim", "chi_tra", "eng"]
            .into_iter()
            .filter(|name| languages.lines().any(|line| line.trim() == *name))
            .collect();
        match known.as_slice() {
            [] if wanted == "auto" => Ok(Self::Absent),
            [] => bail!("--ocr {wanted}: it has neither chi_sim nor eng; install its language data"),
            // Both Chinese scripts at once make it slow; simplified is that of the labels.
            ["chi_sim", .., "eng"] => Ok(Self::Tesseract(program, "chi_sim+eng".to_owned())),
            [first, ..] => Ok(Self::Tesseract(program, (*first).to_owned())),
        }
    }

    /// Reads a picture.
    pub(super) fn read(&self, path: &Path, carrier: &Carrier, own: &[&str]) -> Looked {
        let state = |state| Looked { state, label: None };
        let (program, languages) = match self {
            _ if !FORMATS.contains(&carrier.id) => return state("no_picture"),
            Self::Never => return state("never"),
            Self::Absent => return state("absent"),
            Self::Tesseract(program, languages) => (program, languages),
        };
        match size::of(path, carrier.id) {
            None => return state("unknown_size"),
            Some((width, height)) if width.saturating_mul(height) > MOST_PIXELS => return state("too_large"),
            Some(_) => {}
        }
        match run(program, languages, path) {
            Ok(Some(text)) => Looked { state: "read", label: label(&text, own) },
            Ok(None) => state("timeout"),
            Err(_) => state("failed"),
        }
    }
}

/// What the program reads in a picture. None: it took too long, and was ended.
fn run(program: &Path, languages: &str, path: &Path) -> std::io::Result<Option<String>> {
    // A whole path: a name such as `stdin` or `-` would mean something else.
    let path = std::fs::canonicalize(path)?;
    let mut child = Command::new(program)
        .arg(path)
        .args(["-", "-l", languages, "--psm", "11"])
        // Files are read side by side already.
        .env("OMP_THREAD_LIMIT", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = child.stdout.take();
    let reading = std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut output) = output {
            let _ = (&mut output).take(MOST_TEXT).read_to_end(&mut text);
            // What is more is read too, so that the program does not wait for a reader.
            let _ = std::io::copy(&mut output, &mut std::io::sink());
        }
        text
    });
    let begin = Instant::now();
    let ended = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if begin.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let text = reading.join().unwrap_or_default();
    match ended {
        Some(status) if status.success() => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
        Some(status) => Err(std::io::Error::other(status.to_string())),
        None => Ok(None),
    }
}

/// The explicit label among the lines that were read. Spaces between Chinese characters are the program's.
pub(super) fn label(read: &str, own: &[&str]) -> Option<String> {
    for line in read.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let tight: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        let mended = mended(&tight);
        for text in [mended.as_str(), &tight, line] {
            let short = text.chars().count() <= LONGEST_LINE && text::has_elements(text);
            let owned = own.iter().any(|wording| {
                let wording: String = wording.chars().filter(|c| !c.is_whitespace()).collect();
                !wording.is_empty() && tight.contains(&wording)
            });
            if owned || short || !text::find(text, own).is_empty() {
                return Some(text.to_owned());
            }
        }
    }
    None
}

/// A line with the two elements as they are when they are misread, as measured on labels of a pixel font and of common
/// ones: the I of AI as l, 1 or |, its A as h, T or nT, 人 as 从, 大 or 入. Letters count only where the line begins, or
/// behind 由: there are other programs that something is 生成 by.
fn mended(line: &str) -> String {
    const LETTERS: [&str; 9] = ["Al", "A1", "A|", "AⅠ", "hI", "hl", "nTI", "TI", "TL"];
    let whole = ["从工智能", "大工智能", "入工智能"]
        .iter()
        .fold(line.to_owned(), |text, wrong| text.replace(wrong, "人工智能"));
    let (head, rest) = match whole.split_once('由') {
        Some((head, rest)) if head.chars().count() <= 6 => (format!("{head}由"), rest),
        _ => (String::new(), whole.as_str()),
    };
    let behind = LETTERS.iter().find_map(|wrong| {
        rest.strip_prefix(wrong).filter(|rest| ["生成", "合成", "辅助生成"].iter().any(|word| rest.starts_with(word)))
    });
    behind.map_or(whole.clone(), |behind| format!("{head}AI{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_tesseract_reads_them() {
        for (read, found) in [
            ("\n\nAI 生 成\n", "AI生成"),
            ("Al生成", "AI生成"),
            ("hI生成", "AI生成"),
            ("内容由TI生成", "内容由AI生成"),
            ("从 工 智 能 生 成", "人工智能生成"),
            ("Hello\n人 工 智 能 合 成\n", "人工智能合成"),
            ("AI generated", "AI generated"),
        ] {
            assert_eq!(label(read, &[]).as_deref(), Some(found), "{read}");
        }
        for read in
            ["", "AI", "生成", "Aluminium 合金", "SALE 50%", "人工智能大会", "PDF生成", "UI生成工具", "由系统生成"]
        {
            assert_eq!(label(read, &[]), None, "{read}");
        }
        assert_eq!(label("机 器 之 作", &["机器之作"]).as_deref(), Some("机器之作"));
    }

    #[test]
    fn the_program_is_found_or_said_to_be_absent() {
        assert!(matches!(Reader::find("never").unwrap(), Reader::Never));
        assert!(Reader::find("/nowhere/tesseract").is_err());
        let png = menshen_provenance::carrier::ALL.iter().find(|carrier| carrier.id == "png").unwrap();
        let looked = Reader::Absent.read(Path::new("x.png"), png, &[]);
        assert_eq!((looked.state, looked.label), ("absent", None));
    }
}
