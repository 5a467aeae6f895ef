use menshen_provenance::explicit::audio::Position;

use super::super::process::{Feed, words};
use super::super::{Input, SoundLabel, Voice, sound};
use super::{TONE, bench, make, names};

#[test]
fn every_codec_begins_and_ends_with_the_rhythm() {
    let Some((tools, folder)) = bench() else { return };
    let all = [
        ("a.mp3", "-c:a libmp3lame -b:a 96k"),
        ("b.m4a", "-c:a aac -b:a 96k -ac 2"),
        ("c.ogg", "-c:a libvorbis -b:a 80k"),
        ("d.opus", "-c:a libopus -b:a 48k -ac 2"),
        ("e.flac", "-c:a flac -sample_fmt s32"),
        ("f.m4a", "-c:a alac -ac 2"),
        ("g.flac", "-c:a flac -ac 6"),
    ];
    for (name, options) in all {
        let tags = "-metadata title=门神 -metadata artist=A";
        let Some(path) = make(folder.path(), name, &format!("{TONE} {options} {tags}")) else { continue };
        let alone = [(Position::Start, 1.0), (Position::End, 1.0)];
        let positions = [(Position::Both, 2.0)].into_iter().chain(alone.into_iter().filter(|_| name == "a.mp3"));
        for (position, times) in positions {
            let out = folder.path().join(format!("out-{name}"));
            let done = sound(&tools, &path, &out, &SoundLabel { what: Voice::Rhythm, position });
            let done = done.map_err(|error| format!("{name} {position:?}: {error:#}")).unwrap();
            assert!((done.added - 1.4 * times).abs() < 0.15 && done.lost.is_empty(), "{name}: {done:?}");
        }
    }
    assert!(names(folder.path()).iter().all(|name| !name.starts_with('.')));
}

#[test]
fn samples_of_lossless_sound_stay_as_they_are() {
    let Some((tools, folder)) = bench() else { return };
    let Some(path) = make(folder.path(), "a.flac", &format!("{TONE} -c:a flac -sample_fmt s32 -ac 2")) else { return };
    let out = folder.path().join("b.flac");
    sound(&tools, &path, &out, &SoundLabel { what: Voice::Rhythm, position: Position::Start }).unwrap();
    let samples = |path: &std::path::Path| {
        let mut args = Input { path, demuxer: "flac" }.args();
        args.extend(words("-f s32le pipe:1"));
        tools.work().ffmpeg(args, Feed::Nothing).unwrap()
    };
    let (before, after) = (samples(&path), samples(&out));
    // 1.1 s of label and 0.3 s of pause, 2 channels of 4 bytes.
    assert_eq!(after.len() - before.len(), 61_740 * 8);
    assert!(after.ends_with(&before));
}

#[test]
fn covers_stay_and_chapters_move() {
    let Some((tools, folder)) = bench() else { return };
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("m"), ";FFMETADATA1\ntitle=T\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=b\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2600\ntitle=c\n")
        .unwrap();
    let Some(cover) = make(folder.path(), "c.jpg", "-f lavfi -i color=size=32x32 -frames:v 1") else { return };
    for (name, codec) in [("a.mp3", "libmp3lame"), ("b.m4a", "aac"), ("c.flac", "flac")] {
        let picture = "-c:v copy -disposition:v attached_pic";
        let inputs = format!("{TONE} -i {} -i {} -map 0 -map 1 -map_metadata 2", cover.display(), at("m"));
        let Some(path) = make(folder.path(), name, &format!("{inputs} -c:a {codec} {picture}")) else { continue };
        let done = sound(&tools, &path, &path, &SoundLabel { what: Voice::Rhythm, position: Position::Start });
        let done = done.map_err(|error| format!("{name}: {error:#}")).unwrap();
        assert!(done.lost.is_empty(), "{name}: {done:?}");
        if name != "c.flac" {
            let mut args = words("-v error -show_entries chapter=start_time -of csv=p=0");
            args.push(path.into());
            let said = String::from_utf8(tools.work().ask(&tools.ffprobe, args).unwrap()).unwrap();
            let near = |line: &str| line.trim_matches(',').parse::<f64>().is_ok_and(|at| (at - 2.4).abs() < 0.005);
            assert!(said.lines().any(near), "{name}: {said}");
        }
    }
}

#[test]
fn a_recorded_voice_is_heard_and_silence_is_refused() {
    let Some((tools, folder)) = bench() else { return };
    let Some(path) = make(folder.path(), "a.mp3", &format!("{TONE} -c:a libmp3lame")) else { return };
    let noise = "-f lavfi -i anoisesrc=color=pink:seed=7:duration=1.2:sample_rate=22050:amplitude=0.5,lowpass=f=3000";
    let voice = make(folder.path(), "voice.wav", noise).unwrap();
    let label = |voice| SoundLabel { what: Voice::Recorded(voice), position: Position::Both };
    let done = sound(&tools, &path, &folder.path().join("b.mp3"), &label(voice)).unwrap();
    assert!((done.added - 3.0).abs() < 0.15, "{done:?}");
    let silent = make(folder.path(), "silent.wav", "-f lavfi -i anullsrc=r=8000:cl=mono -t 1").unwrap();
    let error = sound(&tools, &path, &folder.path().join("c.mp3"), &label(silent)).unwrap_err();
    assert!(format!("{error:#}").contains("cannot be heard"), "{error:#}");
    assert!(!folder.path().join("c.mp3").exists());
}
