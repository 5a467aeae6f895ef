use std::path::Path;

use menshen_provenance::explicit::image::{Label, Place};

use super::super::overlay::Shape;
use super::super::process::{Feed, words};
use super::super::video::{part, the_film};
use super::super::{FilmLabel, Input, Tools, film};
use super::{FILM, TONE, bench, labels, make, names};

const VALUE: &str = r#"{"Label":"1","ContentProducer":"p","ProduceID":"1"}"#;

/// Labels a film in a file beside it, and says of each picture whether the label is in it.
fn label(tools: &Tools, path: &Path, with: &FilmLabel) -> anyhow::Result<(super::super::video::FilmDone, Vec<bool>)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let out = path.with_file_name(format!("labelled-{name}"));
    let done = film(tools, path, &out, with)?;
    assert!(names(path.parent().unwrap_or(path)).iter().all(|name| !name.starts_with('.')));
    let (_, demuxer, _) = super::super::probe::recognise(&out)?;
    let work = tools.work();
    let made = Input { path: &out, demuxer };
    let media = work.probe(made)?;
    let at = the_film(&media)?;
    let stream = &media.streams[at];
    let shape = Shape {
        width: stream.number("width").unwrap_or(0),
        height: stream.number("height").unwrap_or(0),
        pixel: stream.ratio("sample_aspect_ratio").unwrap_or((1, 1)),
        turn: stream.turn()?,
        white: 255,
    };
    let overlay = shape.overlay(&Label { text: with.text.clone(), place: with.place, share: with.share })?;
    assert_eq!(part(&work, made, at, &overlay)?.len(), overlay.width * overlay.height);
    let mut args = words("-noautorotate");
    args.extend(made.args());
    let (w, h, x, y) = (overlay.width, overlay.height, overlay.x, overlay.y);
    args.extend(words(&format!(
        "-map 0:{at} -vsync 0 -vf crop={w}:{h}:{x}:{y}:exact=1,format=gray -f rawvideo pipe:1"
    )));
    let all = work.ffmpeg(args, Feed::Nothing)?;
    let seen = all.chunks(w * h).map(|grey| overlay.stands_in(grey)).collect::<anyhow::Result<Vec<bool>>>()?;
    Ok((done, seen))
}

fn two_seconds() -> FilmLabel {
    FilmLabel { seconds: 2.0, ..FilmLabel::default() }
}

#[test]
fn every_container_keeps_its_codec_and_shows_the_label_for_two_seconds() {
    let Some((tools, folder)) = bench() else { return };
    let all = [
        ("a.mp4", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -metadata title=门神"),
        ("b.mov", "-c:v libx264 -preset ultrafast -pix_fmt yuv422p10le -c:a pcm_s16le -metadata title=t"),
        ("c.webm", "-c:v libvpx-vp9 -cpu-used 8 -deadline realtime -c:a libopus -metadata title=t"),
        ("d.avi", "-c:v mpeg4 -q:v 4 -c:a libmp3lame -metadata title=t"),
        ("e.flv", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -metadata title=t"),
        ("f.mkv", "-c:v libx265 -preset ultrafast -x265-params log-level=error -c:a flac -metadata title=t"),
        ("g.webm", "-c:v libvpx -cpu-used 8 -deadline realtime -c:a libvorbis -metadata title=t"),
        ("h.mp4", "-movflags +frag_keyframe+empty_moov -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac"),
        (
            "i.mp4",
            "-c:v libx264 -preset ultrafast -pix_fmt yuvj420p -color_range pc -c:a aac -metadata my_key=mine -movflags use_metadata_tags",
        ),
    ];
    for (name, options) in all {
        let Some(path) = make(folder.path(), name, &format!("{FILM} {TONE} {options}")) else { continue };
        let (done, seen) = label(&tools, &path, &two_seconds()).unwrap();
        assert!(done.long_enough && done.lost.is_empty(), "{name}: {done:?}");
        // At 25 a second the 51st picture begins at 2.00 s.
        assert_eq!(seen.len(), 65, "{name}");
        assert!((50..=51).contains(&seen.iter().filter(|is| **is).count()), "{name}: {seen:?}");
        assert!(seen.iter().take(50).all(|is| *is), "{name}");
        assert!(done.text_height * 20 >= 96, "{name}");
    }
}

#[test]
fn turned_and_oblong_pictures_are_labelled_as_they_are_shown() {
    let Some((tools, folder)) = bench() else { return };
    let options = "-c:v libx264 -preset ultrafast -crf 10 -pix_fmt yuv420p";
    let film = "-f lavfi -i color=c=gray:size=128x192:rate=10:duration=1,setsar=2";
    let Some(plain) = make(folder.path(), "plain.mp4", &format!("{film} {options}")) else { return };
    for turn in [90, 180, 270] {
        let name = format!("turned-{turn}.mp4");
        let path = format!("-i {} -c copy -metadata:s:v:0 rotate={turn}", plain.display());
        let Some(path) = make(folder.path(), &name, &path) else { continue };
        let with = FilmLabel { place: Place::TopLeft, ..two_seconds() };
        let (done, seen) = label(&tools, &path, &with).unwrap();
        assert_eq!(done.shown, if turn == 180 { (256, 192) } else { (192, 256) });
        assert!(!done.long_enough && seen.iter().all(|is| *is));
        // Shown by ffmpeg itself, turned and with square pixels, the label is as if it had been drawn there.
        let (wide, high) = done.shown;
        let labelled = path.with_file_name(format!("labelled-{name}"));
        let mut args = words("-i");
        args.push(labelled.into());
        args.extend(words(&format!(
            "-frames:v 1 -vf scale={wide}:{high}:flags=neighbor,format=gray -f rawvideo pipe:1"
        )));
        let grey = tools.work().ffmpeg(args, Feed::Nothing).unwrap();
        let flat = Shape { width: wide as u64, height: high as u64, pixel: (1, 1), turn: [1, 0, 0, 1], white: 255 };
        let upright = flat.overlay(&Label { place: Place::TopLeft, ..Label::default() }).unwrap();
        let cut: Vec<u8> =
            grey.chunks(wide).take(upright.height).flat_map(|row| row.iter().take(upright.width).copied()).collect();
        assert!(upright.stands_in(&cut).unwrap(), "turned by {turn}");
    }
}

#[test]
fn times_of_pictures_subtitles_chapters_attachments_and_covers_stay() {
    let Some((tools, folder)) = bench() else { return };
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("s.srt"), "1\n00:00:00,200 --> 00:00:01,000\n字幕\n").unwrap();
    std::fs::write(at("note.txt"), "note").unwrap();
    let chapter = |from: u32, to: u32| format!("[CHAPTER]\nTIMEBASE=1/1000\nSTART={from}\nEND={to}\ntitle=c{from}\n");
    std::fs::write(at("m.txt"), format!(";FFMETADATA1\ntitle=T\n{}{}", chapter(0, 1000), chapter(1000, 2600))).unwrap();
    let inputs = format!("{FILM} {TONE} -i {} -i {}", at("s.srt"), at("m.txt"));
    // Every third picture is missing: times are not even.
    let codec = "-map 0:v -map 1:a -map 2:s -map_metadata 3 -vf select='mod(n,3)' -vsync 0 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac";
    let attach = format!("-attach {} -metadata:s:t mimetype=text/plain", at("note.txt"));
    for (name, more) in [("v.mkv", format!("-c:s srt {attach}")), ("v.mp4", "-c:s mov_text".to_owned())] {
        let Some(path) = make(folder.path(), name, &format!("{inputs} {codec} {more}")) else { continue };
        let (done, seen) = label(&tools, &path, &two_seconds()).unwrap();
        assert!(done.lost.is_empty() && done.long_enough, "{done:?}");
        assert!(
            seen.first() == Some(&true) && seen.last() == Some(&false) && seen.iter().filter(|s| **s).count() >= 33
        );
        let times = |file: &Path| {
            let demuxer = if name == "v.mkv" { "matroska" } else { "mov" };
            let mut args = words("-v error -select_streams v -show_entries frame=pts_time -of csv=p=0");
            args.extend(Input { path: file, demuxer }.args());
            String::from_utf8(tools.work().ask(&tools.ffprobe, args).unwrap()).unwrap()
        };
        assert_eq!(times(&path), times(&path.with_file_name(format!("labelled-{name}"))), "{name}");
    }
    let cover = make(folder.path(), "cover.jpg", "-f lavfi -i color=size=32x32 -frames:v 1").unwrap();
    let options = format!(
        "{FILM} -i {} -map 0 -map 1 -c:v:0 libx264 -preset ultrafast -pix_fmt yuv420p -c:v:1 copy -disposition:v:1 attached_pic -metadata artist=A",
        cover.display()
    );
    if let Some(path) = make(folder.path(), "w.mp4", &options) {
        assert!(label(&tools, &path, &two_seconds()).unwrap().0.lost.is_empty());
    }
}

#[test]
fn odd_sizes_ends_and_whole_films() {
    let Some((tools, folder)) = bench() else { return };
    let film = "-f lavfi -i testsrc2=size=129x97:rate=10:duration=6 -c:v libvpx-vp9 -cpu-used 8 -deadline realtime";
    let Some(path) = make(folder.path(), "odd.webm", film) else { return };
    let (_, seen) = label(&tools, &path, &FilmLabel { also_end: true, place: Place::Top, ..two_seconds() }).unwrap();
    let middle: Vec<bool> = seen.iter().skip(21).take(18).copied().collect();
    assert!(middle.iter().all(|is| !is) && seen.iter().filter(|is| **is).count() >= 40, "{seen:?}");
    assert!(seen.iter().rev().take(20).all(|is| *is));
    let (done, seen) = label(&tools, &path, &FilmLabel { whole: true, ..two_seconds() }).unwrap();
    assert!(seen.iter().all(|is| *is) && done.seconds > 5.8);
    let short = film.replace("duration=6", "duration=1");
    let path = make(folder.path(), "short.webm", &short).unwrap();
    let (done, seen) = label(&tools, &path, &two_seconds()).unwrap();
    assert!(!done.long_enough && seen.len() == 10 && seen.iter().all(|is| *is));
}

#[test]
fn an_implicit_label_is_there_once_or_not_and_can_be_written_afresh() {
    let Some((tools, folder)) = bench() else { return };
    for (name, expected) in [("p.mp4", 0), ("p.mkv", 1), ("p.flv", 1), ("p.avi", 0)] {
        let codec = if name == "p.avi" { "mpeg4" } else { "libx264 -preset ultrafast -pix_fmt yuv420p" };
        let Some(path) = make(folder.path(), &format!("plain-{name}"), &format!("{FILM} -c:v {codec}")) else {
            continue;
        };
        let labelled = folder.path().join(name);
        let write = |from: &Path, to: &Path| {
            let (carrier, _, _) = super::super::probe::recognise(from).unwrap();
            let mut input = std::fs::File::open(from).unwrap();
            (carrier.write)(&mut input, &mut std::fs::File::create(to).unwrap(), VALUE).unwrap();
        };
        write(&path, &labelled);
        assert_eq!(labels(&labelled), [VALUE], "{name}");
        // In place.
        film(&tools, &labelled, &labelled, &two_seconds()).unwrap();
        let found = labels(&labelled);
        assert!(found.iter().all(|value| value == VALUE), "{found:?}");
        println!("{name}: {} labels after the film was made anew", found.len());
        assert_eq!(found.len(), expected, "{name}");
        let again = folder.path().join(format!("again-{name}"));
        write(&labelled, &again);
        assert_eq!(labels(&again), [VALUE], "{name}");
    }
}

#[test]
fn bright_films_keep_their_description() {
    let Some((tools, folder)) = bench() else { return };
    let film = "-f lavfi -i testsrc2=size=128x96:rate=10:duration=1 -pix_fmt yuv420p10le -c:v libx265 -preset ultrafast -tag:v hvc1 \
        -color_range tv -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -x265-params log-level=error:hdr10=1:\
        master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400";
    let Some(path) = make(folder.path(), "hdr.mp4", &film.replace(":        ", ":")) else { return };
    let out = folder.path().join("out.mp4");
    film_ok(&tools, &path, &out);
    let about = |path: &Path| {
        let work = tools.work();
        let input = Input { path, demuxer: "mov" };
        let (media, frame) = (work.probe(input).unwrap(), work.first_frame(input, 0).unwrap());
        let stream = &media.streams[0];
        let words = ["pix_fmt", "color_range", "color_space", "color_transfer", "color_primaries", "codec_tag_string"];
        let mut said: Vec<String> = words.iter().map(|key| stream.word(key).to_owned()).collect();
        said.extend(["Mastering", "Content light"].map(|kind| format!("{:?}", frame.side(kind))));
        said
    };
    let before = about(&path);
    assert!(before.iter().any(|word| word.contains("max_luminance")), "{before:?}");
    assert_eq!(before, about(&out));
}

fn film_ok(tools: &Tools, path: &Path, out: &Path) {
    let done = film(tools, path, out, &two_seconds());
    assert!(done.is_ok(), "{done:?}");
}
