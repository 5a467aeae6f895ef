//! What a file holds, as ffprobe says it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use menshen_provenance::carrier::{self, Carrier};
use serde_json::Value;

use super::process::{Feed, words};
use super::{Input, Work};

/// Tags that a writer makes itself.
const OWN: [&str; 12] = [
    "encoder",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "duration",
    "handler_name",
    "vendor_id",
    "language",
    "creation_time",
    "aigc",
    "metadatacreator",
    "hascuepoints",
];

/// A file, its streams and what is said of them.
pub(super) struct Media {
    pub(super) streams: Vec<Stream>,
    format: Value,
    pub(super) chapters: usize,
}

/// One stream.
pub(super) struct Stream(Value);

/// When the packets of a stream begin and end.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Span {
    /// Seconds.
    pub(super) first: f64,
    /// Seconds, that of the last packet included.
    pub(super) end: f64,
    pub(super) packets: u64,
}

impl Span {
    pub(super) fn seconds(&self) -> f64 {
        (self.end - self.first).max(0.0)
    }

    /// The mean length of a packet.
    pub(super) fn step(&self) -> f64 {
        self.seconds() / self.packets.max(1) as f64
    }
}

/// The format of a file, by its bytes.
///
/// # Errors
/// When it is none that ffmpeg is asked to label.
pub(super) fn recognise(path: &Path) -> Result<(&'static Carrier, &'static str, Vec<u8>)> {
    if !std::fs::metadata(path)?.is_file() {
        bail!("it is no plain file");
    }
    let mut head = Vec::new();
    File::open(path)?.take(carrier::HEAD as u64).read_to_end(&mut head)?;
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let carrier = carrier::of(&head, ending).ok_or(menshen_provenance::Error::UnknownFormat)?;
    let demuxer = match carrier.id {
        "mp4" | "m4a" => "mov",
        "matroska" | "mkv" => "matroska",
        "avi" => "avi",
        "flv" => "flv",
        "mp3" => "mp3",
        "flac" => "flac",
        "ogg" => "ogg",
        other => bail!("it is {other}, not film or compressed sound"),
    };
    Ok((carrier, demuxer, head))
}

impl Work<'_> {
    pub(super) fn probe(&self, input: Input<'_>) -> Result<Media> {
        let mut args = words("-v error -show_streams -show_format -show_chapters -of json");
        args.extend(input.args());
        let mut said: Value = serde_json::from_slice(&self.ask(&self.tools.ffprobe, args)?)
            .with_context(|| "ffprobe's answer is no JSON".to_owned())?;
        let Some(Value::Array(streams)) = said.get_mut("streams").map(Value::take) else {
            bail!("ffprobe names no streams");
        };
        Ok(Media {
            streams: streams.into_iter().map(Stream).collect(),
            chapters: said.get("chapters").and_then(Value::as_array).map_or(0, Vec::len),
            format: said.get_mut("format").map(Value::take).unwrap_or_default(),
        })
    }

    /// The first frame of a stream: what only the coded pictures say of themselves.
    pub(super) fn first_frame(&self, input: Input<'_>, stream: usize) -> Result<Stream> {
        let mut args = words("-v error -show_frames -read_intervals %+#1 -of json -select_streams");
        args.push(OsString::from(stream.to_string()));
        args.extend(input.args());
        let mut said: Value = serde_json::from_slice(&self.ask(&self.tools.ffprobe, args)?)?;
        let frame = said.pointer_mut("/frames/0").map(Value::take);
        frame.map(Stream).ok_or_else(|| anyhow!("its first picture cannot be decoded"))
    }

    /// Reads the times of all packets of a stream.
    pub(super) fn span(&self, input: Input<'_>, stream: usize) -> Result<Span> {
        let mut args = words("-v error -show_entries packet=pts_time,duration_time -of csv=p=0 -select_streams");
        args.push(OsString::from(stream.to_string()));
        args.extend(input.args());
        let span = self.read(&self.tools.ffprobe, args, Feed::Nothing, |output| {
            let mut span: Option<Span> = None;
            let mut lines = BufReader::new(output.take(1 << 32));
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line)? > 0 {
                let text = String::from_utf8_lossy(&line);
                let mut fields = text.trim().split(',').map(|f| f.parse::<f64>().ok().filter(|v| v.is_finite()));
                if let Some(Some(at)) = fields.next() {
                    let end = at + fields.next().flatten().unwrap_or(0.0);
                    let span = span.get_or_insert(Span { first: at, end, packets: 0 });
                    *span = Span { first: span.first.min(at), end: span.end.max(end), packets: span.packets + 1 };
                }
                line.clear();
            }
            Ok(span)
        })?;
        span.ok_or_else(|| anyhow!("stream {stream} has no times"))
    }
}

impl Media {
    /// The value of a tag of the whole file.
    pub(super) fn tag(&self, key: &str) -> Option<&str> {
        tags(&self.format).find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    }

    /// When the first packet of any stream begins, in seconds.
    pub(super) fn start(&self) -> f64 {
        let start = self.format.get("start_time").and_then(Value::as_str).and_then(|start| start.parse::<f64>().ok());
        start.filter(|start| (0.0..60.0).contains(start)).unwrap_or(0.0)
    }

    pub(super) fn bit_rate(&self) -> Option<u64> {
        self.format.get("bit_rate")?.as_str()?.parse().ok()
    }

    /// Tags of the file and of its streams, but for those that every writer makes itself.
    pub(super) fn tags(&self) -> BTreeMap<String, String> {
        let all = tags(&self.format).chain(self.streams.iter().flat_map(|stream| tags(&stream.0)));
        all.map(|(key, value)| (key.to_ascii_lowercase(), value.to_owned()))
            .filter(|(key, _)| {
                let statistics = ["bps", "number_of_", "_statistics", "duration-", "bps-"];
                !OWN.contains(&key.as_str()) && !statistics.iter().any(|start| key.starts_with(start))
            })
            .collect()
    }

    /// The keys of tags that another file lacks, or has with another value.
    pub(super) fn lost(&self, after: &Media) -> Vec<String> {
        let after = after.tags();
        self.tags().into_iter().filter(|(key, value)| after.get(key) != Some(value)).map(|(key, _)| key).collect()
    }

    /// How many streams there are of each kind, but for those that hold the titles of chapters.
    pub(super) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for stream in self.streams.iter().filter(|stream| !stream.is_chapters()) {
            *counts.entry(stream.kind().to_owned()).or_insert(0) += 1;
        }
        counts
    }
}

fn tags(of: &Value) -> impl Iterator<Item = (&str, &str)> {
    let tags = of.get("tags").and_then(Value::as_object);
    tags.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

impl Stream {
    /// A value that is a word; empty where it is not known.
    pub(super) fn word(&self, key: &str) -> &str {
        match self.0.get(key).and_then(Value::as_str).unwrap_or_default() {
            "unknown" | "unspecified" | "N/A" => "",
            word => word,
        }
    }

    /// A whole number, whether it is written as one or as a word.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        let value = self.0.get(key)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    /// A ratio such as `30000/1001` or `4:3`; none when a part is zero.
    pub(super) fn ratio(&self, key: &str) -> Option<(u64, u64)> {
        let (n, d) = self.word(key).split_once(['/', ':'])?;
        let ratio = (n.parse().ok()?, d.parse().ok()?);
        (ratio.0 > 0 && ratio.1 > 0).then_some(ratio)
    }

    pub(super) fn kind(&self) -> &str {
        self.word("codec_type")
    }

    pub(super) fn codec(&self) -> &str {
        self.word("codec_name")
    }

    pub(super) fn tag(&self, key: &str) -> Option<&str> {
        tags(&self.0).find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    }

    /// Whether it is a still picture, such as that of an album's cover.
    pub(super) fn is_cover(&self) -> bool {
        self.kind() == "video"
            && self.0.pointer("/disposition/attached_pic").and_then(Value::as_u64).is_some_and(|is| is == 1)
    }

    /// Whether it holds the titles of chapters, or a clock: writers make these from chapters and tags.
    pub(super) fn is_chapters(&self) -> bool {
        self.kind() == "data" && matches!(self.word("codec_tag_string"), "text" | "tmcd")
    }

    /// Side data of a kind.
    pub(super) fn side(&self, kind: &str) -> Option<&Value> {
        let all = self.0.get("side_data_list")?.as_array()?;
        all.iter().find(|one| one.get("side_data_type").and_then(Value::as_str).is_some_and(|k| k.starts_with(kind)))
    }

    /// How the picture is turned to be shown: the upper left of the display matrix (ISO/IEC 14496-12, 8.3.2), as signs.
    ///
    /// # Errors
    /// When it is not turned by quarters.
    pub(super) fn turn(&self) -> Result<[i8; 4]> {
        let Some(side) = self.side("Display Matrix") else { return Ok([1, 0, 0, 1]) };
        let text = side.get("displaymatrix").and_then(Value::as_str).unwrap_or_default();
        let numbers: Vec<i64> = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .flat_map(|(_, row)| row.split_whitespace().filter_map(|n| n.parse().ok()).collect::<Vec<i64>>())
            .collect();
        let sign = |at: usize| numbers.get(at).map_or(0, |n| n.signum() as i8);
        let turn = [sign(0), sign(1), sign(3), sign(4)];
        let quarter = turn.iter().filter(|n| **n == 0).count() == 2 && (turn[0] == 0) == (turn[3] == 0);
        if numbers.len() != 9 || !quarter {
            bail!("its picture is shown turned, and not by quarters; turn it first");
        }
        Ok(turn)
    }
}
