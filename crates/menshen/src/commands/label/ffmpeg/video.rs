//! The label of a film (GB 45438-2025 5.4).

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use menshen_provenance::explicit::image::{Label, Place};

use super::overlay::{Overlay, Shape};
use super::probe::{Media, Span, Stream, recognise};
use super::process::{Feed, named, words};
use super::result::Fresh;
use super::{Input, Tools, Work, codec};

/// How long the label stays at least, in seconds.
pub const LEAST_SECONDS: f64 = 2.0;

/// A label to put into a film.
#[derive(Debug, Clone, PartialEq)]
pub struct FilmLabel {
    /// Its words: both elements, in one line.
    pub text: String,
    /// Where, in the picture as it is shown.
    pub place: Place,
    /// The height of the text as a share of the shortest side: at least 0.05.
    pub share: f64,
    /// How long it stays: at least [`LEAST_SECONDS`].
    pub seconds: f64,
    /// Whether it stands at the end too, as long.
    pub also_end: bool,
    /// Whether it stays all the time.
    pub whole: bool,
}

impl Default for FilmLabel {
    fn default() -> FilmLabel {
        let Label { text, place, share } = Label::default();
        FilmLabel { text, place, share, seconds: 3.0, also_end: false, whole: false }
    }
}

/// What was done to a film.
#[derive(Debug, Clone, PartialEq)]
pub struct FilmDone {
    /// How long the label is seen at the beginning, in seconds.
    pub seconds: f64,
    /// Whether these are the two seconds of the standard. Shorter films are labelled from their first picture to their
    /// last.
    pub long_enough: bool,
    /// The height of the text in pixels of the picture as it is shown.
    pub text_height: usize,
    /// The size of the picture as it is shown.
    pub shown: (usize, usize),
    /// The codec of the pictures, and the encoder that made them anew.
    pub codec: (String, String),
    /// Keys of metadata that the format's writer did not keep.
    pub lost: Vec<String>,
}

/// Copies a film with a label in its pictures. Sound, subtitles, chapters, attachments and metadata are copied as they
/// are; the pictures are coded anew in the same codec, with the same pixels, colours and times. Output and input may be
/// one file. An implicit label may be lost by it: write that one afterwards.
///
/// # Errors
/// When the file is no film that can be labelled, when ffmpeg fails or takes too long, or when the result is not as the
/// original or shows no label: then the output is as it was before.
pub fn film(tools: &Tools, input: &Path, output: &Path, label: &FilmLabel) -> Result<FilmDone> {
    if !(LEAST_SECONDS..=86_400.0).contains(&label.seconds) {
        bail!("a label stays for {LEAST_SECONDS} seconds or more (GB 45438-2025 5.4), not {}", label.seconds);
    }
    let (carrier, demuxer, head) = recognise(input)?;
    let work = tools.work();
    let source = Input { path: input, demuxer };
    let media = work.probe(source)?;
    let place = the_film(&media)?;
    let stream = media.streams.get(place).ok_or_else(|| anyhow!("it has no pictures"))?;
    let span = work.span(source, place)?;
    let frame = work.first_frame(source, place)?;
    // Streams stay in their order. Those with chapters' titles are made by the writer.
    let kept: Vec<usize> = (0..media.streams.len())
        .filter(|at| media.streams.get(*at).is_some_and(|stream| !stream.is_chapters()))
        .collect();
    let to = kept.iter().position(|at| *at == place).ok_or_else(|| anyhow!("it has no pictures"))?;
    let coder = codec::coder(tools, carrier, stream, &frame, to)?;
    let shape = shape(stream)?;
    let overlay = shape.overlay(&Label { text: label.text.clone(), place: label.place, share: label.share })?;

    let mut args = words("-noautorotate");
    args.extend(source.args());
    for at in &kept {
        args.extend(words(&format!("-map 0:{at}")));
    }
    args.extend(words("-map_metadata 0 -map_chapters 0 -c copy"));
    args.extend(words(&format!("-c:{to} {}", coder.name)));
    args.push(format!("-filter:{to}").into());
    args.push(graph(&overlay, coder.overlay, label, &span).into());
    args.extend(words(if tools.old { "-vsync passthrough" } else { "-fps_mode passthrough" }));
    // Options of the pictures are theirs alone: a cover is copied and takes none.
    args.extend(coder.options);
    args.extend(codec::writer(carrier, &head, &media));
    let fresh = Fresh::beside(output)?;
    args.extend([OsString::from("-y"), named(fresh.path())]);
    work.ffmpeg(args, Feed::Bytes(overlay.pam())).context("the film cannot be written")?;

    let made = Input { path: fresh.path(), demuxer };
    let after = work.probe(made)?;
    same(&media, &after)?;
    let again = the_film(&after)?;
    let result = after.streams.get(again).ok_or_else(|| anyhow!("the result has no pictures"))?;
    if self::shape(result)? != shape || result.codec() != stream.codec() {
        bail!("the result is not shown as the original was");
    }
    check_span(&span, &work.span(made, again)?)?;
    if !overlay.stands_in(&part(&work, made, again, &overlay)?)? {
        bail!("no label is seen in the first picture of the result");
    }
    fresh.put(input)?;

    let seconds = if label.whole { span.seconds() } else { label.seconds.min(span.seconds()) };
    Ok(FilmDone {
        seconds,
        // The last picture's length is not always known.
        long_enough: seconds + span.step() / 2.0 >= LEAST_SECONDS,
        text_height: overlay.text_height,
        shown: shape.shown()?,
        codec: (stream.codec().to_owned(), coder.name.to_owned()),
        lost: media.lost(&after),
    })
}

/// The one stream of moving pictures.
pub(super) fn the_film(media: &Media) -> Result<usize> {
    let moving = |stream: &Stream| stream.kind() == "video" && !stream.is_cover();
    let mut all = media.streams.iter().enumerate().filter(|(_, stream)| moving(stream)).map(|(at, _)| at);
    match (all.next(), all.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => bail!("it has no moving pictures"),
        _ => bail!("it has several streams of moving pictures; take them apart and label each"),
    }
}

fn shape(stream: &Stream) -> Result<Shape> {
    let size = stream.number("width").zip(stream.number("height")).filter(|(w, h)| *w > 0 && *h > 0);
    let (width, height) = size.ok_or_else(|| anyhow!("its pictures have no size"))?;
    // Paper white of HDR: 203 cd/m² are 58% of PQ and 75% of HLG (ITU-R BT.2408).
    let white = match stream.word("color_transfer") {
        "smpte2084" => 148,
        "arib-std-b67" => 191,
        _ => 255,
    };
    let pixel = stream.ratio("sample_aspect_ratio").unwrap_or((1, 1));
    Ok(Shape { width, height, pixel, turn: stream.turn()?, white })
}

/// The filters: the label comes from the standard input, and lies over the pictures while it is wanted.
fn graph(overlay: &Overlay, pixels: &str, label: &FilmLabel, span: &Span) -> String {
    let Overlay { x, y, .. } = overlay;
    // Times count from the first picture that comes, which is not always at 0.
    let mut enable = String::new();
    if !label.whole && label.seconds < span.seconds() {
        let end = (span.seconds() - label.seconds - span.step() / 2.0).max(0.0);
        let also = if label.also_end { format!("+gte(t-ld(0),{end:.6})") } else { String::new() };
        enable = format!(":enable='st(0,if(ld(1),ld(0),t));st(1,1);lte(t-ld(0),{:.6}){also}'", label.seconds);
    }
    format!("movie=filename='pipe\\:0':f=pam_pipe[l];[in][l]overlay=x={x}:y={y}:format={pixels}{enable}[out]")
}

/// The label's part of the first picture, in grey.
pub(super) fn part(work: &Work<'_>, input: Input<'_>, stream: usize, overlay: &Overlay) -> Result<Vec<u8>> {
    let Overlay { x, y, width, height, .. } = overlay;
    let mut args = words("-noautorotate");
    args.extend(input.args());
    args.extend(words(&format!("-map 0:{stream} -frames:v 1 -vf crop={width}:{height}:{x}:{y}:exact=1,format=gray")));
    args.extend(words("-f rawvideo pipe:1"));
    work.ffmpeg(args, Feed::Nothing).context("the first picture cannot be read")
}

/// Whether nothing is missing from the result.
pub(super) fn same(before: &Media, after: &Media) -> Result<()> {
    if before.counts() != after.counts() {
        bail!("the result has other streams than the original: {:?}, not {:?}", after.counts(), before.counts());
    }
    if before.chapters != after.chapters {
        bail!("the result has {} chapters, not {}", after.chapters, before.chapters);
    }
    Ok(())
}

fn check_span(before: &Span, after: &Span) -> Result<()> {
    let off = (before.seconds() - after.seconds()).abs();
    // Clocks of a thousandth round.
    if off > before.step() + 0.002 {
        bail!("the result lasts {:.3} s and the original {:.3} s", after.seconds(), before.seconds());
    }
    Ok(())
}
