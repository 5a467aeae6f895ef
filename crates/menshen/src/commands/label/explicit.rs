//! Explicit labels: those that people see and hear (GB 45438-2025 chapter 5).

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use menshen_provenance::carrier::Carrier;
use menshen_provenance::explicit::{audio, image, picture, sound, text};
use menshen_provenance::raster::Limits;

use super::ffmpeg::{self, Tools};
use super::file::{cannot, open};
use crate::exit;

/// What a text is told.
const WORDS_OF_TEXT: &str = "（本内容由人工智能生成）";
/// What stands on pictures and films.
const WORDS_OF_PICTURE: &str = "AI生成";
/// The largest text that gets a label within.
const LONGEST_TEXT: u64 = 64 << 20;
/// The largest picture file.
const LARGEST_PICTURE: u64 = 256 << 20;

/// Put an explicit label into the content too.
#[derive(Args)]
pub struct Explicit {
    /// Put an explicit label into the content too: text and sound at start, middle or end; pictures and films at a corner
    /// (top-left, top-right, bottom-left, bottom-right) or edge (top, bottom). Without a place: text end, sound start,
    /// pictures and films bottom-right
    #[arg(long, value_name = "PLACE", num_args = 0..=1, require_equals = true, default_missing_value = "usual")]
    explicit: Option<String>,
    /// Its words: 人工智能 or AI, and 生成, 合成 or generated
    #[arg(long, value_name = "TEXT", requires = "explicit")]
    words: Option<String>,
    /// In a text: a corner mark behind its first or last line in place of a line of its own
    #[arg(long, requires = "explicit")]
    corner_mark: bool,
    /// How high the letters are on pictures and films, in percent of the shortest side
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, requires = "explicit")]
    height: f64,
    /// How long the label stays on a film, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = ffmpeg::LEAST_SECONDS, requires = "explicit")]
    seconds: f64,
    /// A spoken label (WAV) that says both elements, in place of the rhythm 短长 短短
    #[arg(long, value_name = "WAV", requires = "explicit")]
    voice: Option<PathBuf>,
    /// The program ffmpeg, for films and compressed sound; without it the one in PATH
    #[arg(long, value_name = "PATH")]
    ffmpeg: Option<PathBuf>,
    /// How long ffmpeg may take for one file, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    ffmpeg_limit_s: u64,
}

impl Explicit {
    /// Whether one is wanted.
    pub(super) fn wanted(&self) -> bool {
        self.explicit.is_some()
    }

    /// Makes a copy of the file with the label in its content, and says what was done.
    ///
    /// # Errors
    /// When the format takes none, a setting is wrong, or a program that is needed is not there.
    pub(super) fn write(&self, path: &Path, out: &Path) -> Result<String> {
        let (_, carrier) = open(path)?;
        match (carrier.kind, carrier.id) {
            (_, "text" | "markdown") => self.text(path, out, carrier),
            ("image", _) => self.picture(path, out),
            ("audio", "wav") => self.wav(path, out),
            ("audio", _) => self.sound(path, out),
            ("video", _) => self.film(path, out),
            _ => Err(cannot(
                path,
                "explicit labels are not put into this format; write it into the text before it is exported",
            )),
        }
    }

    fn place(&self) -> Option<&str> {
        self.explicit.as_deref().filter(|place| *place != "usual")
    }

    fn words(&self, usual: &str) -> Result<String> {
        let words = self.words.as_deref().unwrap_or(usual).trim();
        if text::has_elements(words) || (self.corner_mark && !words.is_empty()) {
            return Ok(words.to_owned());
        }
        Err(exit::usage(
            "--words needs an AI element (人工智能 or AI) and a generation element (生成, 合成, generated)",
        ))
    }

    fn text(&self, path: &Path, out: &Path, carrier: &Carrier) -> Result<String> {
        let position = match self.place() {
            Some("start") => text::Position::Start,
            Some("middle") => text::Position::Middle,
            None | Some("end") => text::Position::End,
            Some(other) => {
                return Err(exit::usage(format!("--explicit={other}: a {} has start, middle and end", carrier.kind)));
            }
        };
        let content = String::from_utf8(whole(path, LONGEST_TEXT)?)
            .map_err(|_| cannot(path, "it is not UTF-8; convert it first, so that its label can be read"))?;
        let labelled = if self.corner_mark {
            text::with_corner_mark(&content, &self.words("AI")?, position)
        } else {
            text::with_prompt(&content, &self.words(WORDS_OF_TEXT)?, position)
        };
        write(out, labelled.map_err(|e| cannot(path, e))?.as_bytes())?;
        Ok("explicit label in the text".to_owned())
    }

    fn label(&self, carrier: &str) -> Result<image::Label> {
        let place = match self.place() {
            None | Some("bottom-right") => image::Place::BottomRight,
            Some("bottom-left") => image::Place::BottomLeft,
            Some("top-right") => image::Place::TopRight,
            Some("top-left") => image::Place::TopLeft,
            Some("top") => image::Place::Top,
            Some("bottom") => image::Place::Bottom,
            Some(other) => {
                return Err(exit::usage(format!(
                    "--explicit={other} is no place on a {carrier}; name a corner or edge"
                )));
            }
        };
        if self.height.is_nan() || self.height < image::LEAST_SHARE * 100.0 {
            return Err(exit::usage("--height must be 5 or more (GB 45438-2025 5.2)"));
        }
        Ok(image::Label { text: self.words(WORDS_OF_PICTURE)?, place, share: self.height / 100.0 })
    }

    fn picture(&self, path: &Path, out: &Path) -> Result<String> {
        let file = whole(path, LARGEST_PICTURE)?;
        let (labelled, drawn) =
            picture::label(&file, &self.label("picture")?, &Limits::default()).map_err(|e| cannot(path, e))?;
        write(out, &labelled)?;
        Ok(format!("letters {} px high, contrast {:.1}", drawn.text_height, drawn.contrast))
    }

    fn wav(&self, path: &Path, out: &Path) -> Result<String> {
        let place = match self.place() {
            None | Some("start") => sound::Place::Start,
            Some("middle") => sound::Place::Middle,
            Some("end") => sound::Place::End,
            Some(other) => return Err(exit::usage(format!("--explicit={other}: a sound has start, middle and end"))),
        };
        let prompt = match &self.voice {
            None => sound::Prompt::default(),
            Some(voice) => {
                let file = File::open(voice).map_err(|e| cannot(voice, e))?;
                sound::Prompt::Voice(sound::Voice::read(&mut BufReader::new(file)).map_err(|e| cannot(voice, e))?)
            }
        };
        let input = File::open(path).map_err(|e| cannot(path, e))?;
        let mut copy = std::io::BufWriter::new(File::create(out).map_err(|e| cannot(out, e))?);
        let laid =
            sound::label(&mut BufReader::new(input), &mut copy, &prompt, &[place]).map_err(|e| cannot(path, e))?;
        copy.into_inner().map_err(|e| cannot(out, e.error()))?;
        Ok(format!("explicit label heard {} times", laid.len()))
    }

    fn tools(&self) -> Result<Tools> {
        Tools::find(self.ffmpeg.as_deref(), Duration::from_secs(self.ffmpeg_limit_s))
            .map_err(|e| exit::usage(e.to_string()))
    }

    fn sound(&self, path: &Path, out: &Path) -> Result<String> {
        let position = match self.place() {
            None | Some("start") => audio::Position::Start,
            Some("end") => audio::Position::End,
            Some(other) => {
                return Err(exit::usage(format!("--explicit={other}: compressed sound is labelled at start or end")));
            }
        };
        let what = self.voice.clone().map_or(ffmpeg::Voice::Rhythm, ffmpeg::Voice::Recorded);
        let label = ffmpeg::SoundLabel { what, position };
        let done = ffmpeg::sound(&self.tools()?, path, out, &label).map_err(|e| cannot(path, format!("{e:#}")))?;
        Ok(format!("explicit label heard, {:.1} s longer{}", done.added, lost(&done.lost)))
    }

    fn film(&self, path: &Path, out: &Path) -> Result<String> {
        let image::Label { text, place, share } = self.label("film")?;
        let label = ffmpeg::FilmLabel { text, place, share, seconds: self.seconds, also_end: false, whole: false };
        let done = ffmpeg::film(&self.tools()?, path, out, &label).map_err(|e| cannot(path, format!("{e:#}")))?;
        let short = if done.long_enough { "" } else { " (the film is shorter than 2 s)" };
        Ok(format!("letters {} px high for {:.1} s{short}{}", done.text_height, done.seconds, lost(&done.lost)))
    }
}

fn lost(keys: &[String]) -> String {
    if keys.is_empty() { String::new() } else { format!("; metadata that ffmpeg did not keep: {}", keys.join(", ")) }
}

/// A file as a whole, when it is not larger than that.
fn whole(path: &Path, most: u64) -> Result<Vec<u8>> {
    let (file, _) = open(path)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|e| cannot(path, e))?;
    if bytes.len() as u64 > most {
        return Err(cannot(path, format!("it is larger than {} MiB, the most that is changed in memory", most >> 20)));
    }
    Ok(bytes)
}

fn write(out: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(out, bytes).map_err(|e| cannot(out, e))
}
