//! Which encoder makes what a file had, and which writer its format.

use std::ffi::OsString;

use anyhow::{Result, anyhow, bail};
use menshen_provenance::carrier::Carrier;

use super::Tools;
use super::probe::{Media, Stream};
use super::process::words;

/// Keys that the lists of iTunes and QuickTime have places for. Others are kept only by the list of free keys.
const PLACED: [&str; 31] = [
    "title",
    "artist",
    "album_artist",
    "composer",
    "album",
    "date",
    "comment",
    "genre",
    "copyright",
    "grouping",
    "lyrics",
    "description",
    "synopsis",
    "show",
    "episode_id",
    "network",
    "keywords",
    "episode_sort",
    "season_number",
    "media_type",
    "hd_video",
    "gapless_playback",
    "compilation",
    "track",
    "disc",
    "tmpo",
    "timecode",
    "sort_name",
    "sort_artist",
    "sort_album",
    "encoded_by",
];

/// Rates of MPEG-1 and of MPEG-2 layer III, in thousands of bits a second.
const MP3_RATES: [u64; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const MP3_LOW_RATES: [u64; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// The options that write a file of the same format: `-f` and what belongs to it.
pub(super) fn writer(carrier: &Carrier, head: &[u8], media: &Media) -> Vec<OsString> {
    match carrier.id {
        "mp4" | "m4a" => {
            let brand = media.tag("major_brand").unwrap_or_default().trim().to_ascii_lowercase();
            let kind = match brand.as_str() {
                "qt" => "mov",
                "m4a" | "m4b" | "m4v" => "ipod",
                "3g2a" | "3g2b" | "3g2c" => "3g2",
                brand if brand.starts_with("3g") => "3gp",
                _ if head.get(4..8) != Some(b"ftyp") => "mov",
                _ => "mp4",
            };
            // The writer has either the list of iTunes, with the cover, or that of free keys.
            let free = media.tags().keys().any(|key| !PLACED.contains(&key.as_str()) && !key.contains('-'));
            let cover = media.streams.iter().any(Stream::is_cover);
            let flags = if free && !cover { "+faststart+use_metadata_tags" } else { "+faststart" };
            words(&format!("-movflags {flags} -f {kind}"))
        }
        "matroska" | "mkv" => {
            let webm = head.windows(8).take(128).any(|at| at == b"\x42\x82\x84webm");
            words(if webm { "-f webm" } else { "-default_mode passthrough -f matroska" })
        }
        "mp3" => words(if head.get(3) == Some(&4) { "-id3v2_version 4 -f mp3" } else { "-id3v2_version 3 -f mp3" }),
        "avi" => words("-f avi"),
        "flv" => words("-f flv"),
        "flac" => words("-f flac"),
        _ => words("-f ogg"),
    }
}

/// The encoder of a film's pictures and its options, without those of a place among the streams.
pub(super) struct Coder {
    pub(super) name: &'static str,
    pub(super) options: Vec<OsString>,
    /// The form of pixels that the label is laid over.
    pub(super) overlay: &'static str,
}

/// Chooses the encoder of the codec of a film's pictures. `frame` is its first picture, `to` its place in the result.
///
/// # Errors
/// When there is none here, or when something of the pictures would be lost.
pub(super) fn coder(tools: &Tools, carrier: &Carrier, stream: &Stream, frame: &Stream, to: usize) -> Result<Coder> {
    let codec = stream.codec();
    let wide = pixels(stream.word("pix_fmt"))?;
    // Near the quality where no difference is seen; the file may become larger.
    let choices: &[(&'static str, &str)] = match codec {
        "h264" => &[("libx264", "-preset medium -crf 16")],
        "hevc" => &[("libx265", "-preset medium -crf 16")],
        "av1" if matches!(wide.1, "yuv420" | "yuv420p10") => {
            &[("libsvtav1", "-preset 7 -crf 18"), ("libaom-av1", "-crf 14 -b:v 0 -cpu-used 6 -row-mt 1")]
        }
        "av1" => &[("libaom-av1", "-crf 14 -b:v 0 -cpu-used 6 -row-mt 1")],
        "vp8" => &[("libvpx", "-crf 4 -qmin 0 -qmax 24 -b:v 40M -deadline good -cpu-used 3")],
        "vp9" => &[("libvpx-vp9", "-crf 14 -b:v 0 -deadline good -cpu-used 3 -row-mt 1")],
        "mpeg4" => &[("mpeg4", "-q:v 2")],
        "msmpeg4v3" => &[("msmpeg4", "-q:v 2")],
        "msmpeg4v2" => &[("msmpeg4v2", "-q:v 2")],
        "mpeg1video" => &[("mpeg1video", "-q:v 2")],
        "mpeg2video" => &[("mpeg2video", "-q:v 2")],
        "flv1" => &[("flv", "-q:v 2")],
        "h263" => &[("h263", "-q:v 2")],
        "mjpeg" => &[("mjpeg", "-q:v 2")],
        "theora" => &[("libtheora", "-q:v 10")],
        "prores" => &[("prores_ks", "")],
        "ffv1" => &[("ffv1", "-level 3")],
        "huffyuv" => &[("huffyuv", "")],
        "ffvhuff" => &[("ffvhuff", "")],
        "utvideo" => &[("utvideo", "")],
        "rawvideo" => &[("rawvideo", "")],
        _ => &[],
    };
    let (name, quality) = choices.iter().find(|(name, _)| tools.has_encoder(name)).ok_or_else(|| {
        anyhow!("this ffmpeg has no encoder of {codec}: take a fuller build, or convert the film first")
    })?;
    if stream.side("DOVI").is_some() || frame.side("Dolby Vision").is_some() || frame.side("HDR Dynamic").is_some() {
        bail!("its brightness is described picture by picture (Dolby Vision, HDR10+), which would be lost");
    }
    if stream.tag("alpha_mode") == Some("1") {
        bail!("its pictures are partly transparent, which would be lost");
    }
    let mut options = words(quality);
    if *name == "libx265" {
        options.extend(words("-x265-params"));
        options.push(format!("log-level=error{}", brightness(stream, frame)).into());
    }
    if *name == "prores_ks" {
        let profile = ["apco", "apcs", "apcn", "apch", "ap4h", "ap4x"];
        let tag = stream.word("codec_tag_string");
        let profile = profile.iter().position(|p| *p == tag).unwrap_or(3);
        options.extend(words(&format!("-profile:v {profile}")));
    }
    if carrier.id == "avi" && matches!(*name, "libx264" | "libx265") {
        options.extend(words("-bf 0"));
    }
    options.extend(words("-pix_fmt"));
    options.push(wide.0.into());
    let range = if stream.word("pix_fmt").starts_with("yuvj") { "pc" } else { stream.word("color_range") };
    let tags = [
        ("-color_range", range),
        ("-colorspace", stream.word("color_space")),
        ("-color_trc", stream.word("color_transfer")),
        ("-color_primaries", stream.word("color_primaries")),
        ("-chroma_sample_location", stream.word("chroma_location")),
    ];
    for (option, value) in tags.into_iter().filter(|(_, value)| !value.is_empty() && *value != "gbr") {
        options.extend([option.into(), value.into()]);
    }
    if frame.number("interlaced_frame") == Some(1) || matches!(stream.word("field_order"), "tt" | "bb" | "tb" | "bt") {
        if !matches!(codec, "h264" | "mpeg2video" | "mpeg4" | "prores") {
            bail!("its pictures are interlaced, which cannot be kept in {codec} here; deinterlace it first");
        }
        options.extend(words("-flags +ilme+ildct"));
    }
    // The same clock as before, so that every picture keeps its time; these codecs can have any.
    let clock = stream.ratio("time_base").filter(|(_, d)| codec != "mpeg4" || *d <= 65_535);
    let free = matches!(codec, "h264" | "hevc" | "vp8" | "vp9" | "av1" | "mpeg4" | "ffv1" | "prores");
    if let Some((n, d)) = clock.filter(|_| free) {
        options.extend(words(&format!("-enc_time_base {n}/{d}")));
        if matches!(carrier.id, "mp4") && n == 1 {
            options.extend(words(&format!("-video_track_timescale {d}")));
        }
    }
    let tag = stream.word("codec_tag_string");
    if matches!(tag, "hvc1" | "hev1" | "XVID" | "DIVX" | "DX50" | "FMP4" | "xvid" | "divx") {
        options.extend([format!("-tag:{to}").into(), tag.into()]);
    }
    Ok(Coder { name, options, overlay: wide.1 })
}

/// The pixels to code, and those to lay the label over, so that no other pixel changes on the way.
fn pixels(format: &str) -> Result<(&str, &'static str)> {
    let plain = match format {
        "yuvj420p" => "yuv420p",
        "yuvj422p" => "yuv422p",
        "yuvj444p" => "yuv444p",
        other => other,
    };
    let over = match plain {
        "yuv420p" | "nv12" | "gray" => "yuv420",
        "yuv420p10le" | "gray10le" => "yuv420p10",
        "yuv422p" | "yuyv422" | "uyvy422" => "yuv422",
        "yuv422p10le" => "yuv422p10",
        "yuv444p" => "yuv444",
        "gbrp" => "gbrp",
        "rgb24" | "bgr24" | "bgr0" | "rgb0" => "rgb",
        "" => bail!("the form of its pixels is not known"),
        other => bail!("its pixels are {other}, and a label cannot be laid over these without loss; convert it first"),
    };
    Ok((plain, over))
}

/// The description of an HDR film's brightness, as parameters of x265 (SMPTE ST 2086, CTA-861.3).
fn brightness(stream: &Stream, frame: &Stream) -> String {
    let mut out = String::new();
    let either = |kind: &str| stream.side(kind).or_else(|| frame.side(kind));
    if let Some(master) = either("Mastering display") {
        // Chromaticities are counted in 1/50000, luminances in 1/10000.
        let count = |key: &str, unit: f64| {
            let (n, d) = master.get(key)?.as_str()?.split_once('/')?;
            let value = n.parse::<f64>().ok()? / d.parse::<f64>().ok()? * unit;
            value.is_finite().then(|| value.round().max(0.0) as u64)
        };
        let pair = |x: &str, y: &str, unit| Some(format!("({},{})", count(x, unit)?, count(y, unit)?));
        let all = [
            ("G", pair("green_x", "green_y", 50_000.0)),
            ("B", pair("blue_x", "blue_y", 50_000.0)),
            ("R", pair("red_x", "red_y", 50_000.0)),
            ("WP", pair("white_point_x", "white_point_y", 50_000.0)),
            ("L", pair("max_luminance", "min_luminance", 10_000.0)),
        ];
        if all.iter().all(|(_, value)| value.is_some()) {
            let display: String =
                all.into_iter().map(|(key, value)| format!("{key}{}", value.unwrap_or_default())).collect();
            out += &format!(":hdr10=1:master-display={display}");
        }
    }
    if let Some(light) = either("Content light level") {
        let level = |key: &str| light.get(key).and_then(serde_json::Value::as_u64).unwrap_or(0);
        out += &format!(":max-cll={},{}", level("max_content"), level("max_average"));
    }
    out
}

/// The encoder of a recording's sound, and its options.
///
/// # Errors
/// When there is none here.
pub(super) fn sound_coder(tools: &Tools, media: &Media, stream: &Stream) -> Result<(String, Vec<OsString>)> {
    let codec = stream.codec();
    let names: &[&str] = match codec {
        "mp3" => &["libmp3lame"],
        "vorbis" => &["libvorbis"],
        "opus" => &["libopus"],
        "mp2" => &["mp2"],
        "aac" | "alac" | "flac" | "ac3" | "eac3" => &[codec],
        pcm if pcm.starts_with("pcm_") => &[pcm],
        _ => &[],
    };
    let name = names.iter().find(|name| tools.has_encoder(name)).ok_or_else(|| {
        anyhow!("this ffmpeg has no encoder of {codec}: take a fuller build, or convert the recording first")
    })?;
    let bits = stream.number("bits_per_raw_sample").filter(|bits| *bits > 0);
    let options = match codec {
        "flac" | "alac" => {
            let deep = bits.is_some_and(|bits| bits > 16);
            let format = match (codec, deep) {
                ("flac", false) => "s16",
                ("flac", true) => "s32",
                (_, false) => "s16p",
                (_, true) => "s32p",
            };
            let raw = bits.filter(|_| deep).map(|bits| format!(" -bits_per_raw_sample {bits}")).unwrap_or_default();
            words(&format!("-sample_fmt {format}{raw}"))
        }
        pcm if pcm.starts_with("pcm_") => Vec::new(),
        _ => {
            let rate = stream.number("bit_rate").or(media.bit_rate()).unwrap_or(128_000).clamp(6_000, 1_536_000);
            let rate = match codec {
                // Variable rates have a mean that no table has; the next one above keeps the quality.
                "mp3" => {
                    let low = stream.number("sample_rate").is_some_and(|r| r < 32_000);
                    let rates = if low { MP3_LOW_RATES } else { MP3_RATES };
                    rates.iter().find(|r| **r * 1000 + 500 >= rate).or(rates.last()).copied().unwrap_or(128) * 1000
                }
                "opus" => rate.min(256_000 * stream.number("channels").unwrap_or(1).max(1)).min(510_000),
                _ => rate,
            };
            words(&format!("-b:a {rate}"))
        }
    };
    Ok(((*name).to_owned(), options))
}
