use std::path::Path;
use std::time::Duration;

use super::super::{FilmLabel, Input, Tools, film, is_old};
use super::{FILM, bench, make, names};

#[test]
fn a_missing_ffmpeg_is_named() {
    let error = Tools::find(Some(Path::new("/nowhere/ffmpeg")), Duration::from_secs(1)).unwrap_err();
    assert!(error.to_string().contains("--ffmpeg"), "{error}");
    assert!(is_old("ffmpeg version 4.4.2-0ubuntu0") && is_old("ffmpeg version n5.0 x"));
    assert!(
        !is_old("ffmpeg version 5.1.9-0+deb12u1")
            && !is_old("ffmpeg version N-1-gabc")
            && !is_old("ffmpeg version 8.0")
    );
}

#[test]
fn playlists_in_disguise_read_no_other_file() {
    let Some((tools, folder)) = bench() else { return };
    let secret = make(folder.path(), "secret.mp4", &format!("{FILM} -c:v mpeg4"));
    let Some(secret) = secret else { return };
    let secret = secret.display();
    let playlist = format!("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2.6,\nfile:{secret}\n#EXT-X-ENDLIST\n");
    let concat = format!("ffconcat version 1.0\nfile 'file:{secret}'\n");
    // Something that we take for a film and that ffmpeg, left to itself, may take for a playlist.
    let film_first = [b"\0\0\0\x14ftypisom\0\0\0\0isom".as_slice(), playlist.as_bytes()].concat();
    let list_first = [playlist.as_bytes(), b"\0\0\0\x14ftypisom\0\0\0\0isom"].concat();
    let avi = [b"RIFF\x10\0\0\0AVI \n".as_slice(), playlist.as_bytes()].concat();
    let all = [playlist.clone().into_bytes(), concat.into_bytes(), film_first, list_first, avi];
    for (n, bytes) in all.iter().enumerate() {
        for ending in ["mp4", "m3u8"] {
            let path = folder.path().join(format!("hostile-{n}.{ending}"));
            std::fs::write(&path, bytes).unwrap();
            let out = folder.path().join(format!("out-{n}.{ending}"));
            let done = film(&tools, &path, &out, &FilmLabel::default());
            assert!(done.is_err() && !out.exists(), "{n}.{ending}");
            // Past our own look at the bytes, the demuxer that is forced refuses it too.
            let work = tools.work();
            for demuxer in ["mov", "matroska", "avi", "flv", "mp3", "flac", "ogg"] {
                let opened = work.probe(Input { path: &path, demuxer });
                assert!(
                    opened.is_err()
                        || opened.is_ok_and(|media| media.streams.iter().all(|s| s.number("width").is_none()))
                );
            }
        }
    }
    // Even where a playlist were let in, no address may be asked: only files.
    let nets = folder.path().join("net.m3u8");
    std::fs::write(&nets, "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n").unwrap();
    let error = tools.work().probe(Input { path: &nets, demuxer: "hls" }).map(|media| media.streams.len());
    let error = error.map_or_else(|error| format!("{error:#}"), |streams| format!("{streams} streams"));
    assert!(error.contains("whitelist") || error == "0 streams" || error.contains("failed"), "{error}");
}

#[test]
fn strange_names_are_names() {
    let Some((tools, folder)) = bench() else { return };
    let Some(plain) = make(folder.path(), "plain.mp4", &format!("{FILM} -c:v mpeg4")) else { return };
    let mut all = vec!["-i.mp4", "a:b.mp4", "http:%03d.mp4", "pipe:0", "门神 'q' [x];$(id).mp4"];
    if cfg!(unix) {
        all.push("line\nbreak.mp4");
    }
    for name in all {
        let path = folder.path().join(name);
        std::fs::copy(&plain, &path).unwrap();
        let done = film(&tools, &path, &path, &FilmLabel::default());
        assert!(done.is_ok(), "{name:?}: {done:?}");
    }
}

#[test]
fn failures_leave_nothing_behind() {
    let Some((tools, folder)) = bench() else { return };
    let Some(path) = make(folder.path(), "a.mp4", &format!("{FILM} -c:v mpeg4")) else { return };
    let before = std::fs::read(&path).unwrap();
    let late = Tools { limit: Duration::from_millis(1), ..tools.clone() };
    let error = film(&late, &path, &path, &FilmLabel::default()).unwrap_err();
    assert!(format!("{error:#}").contains("was not done in"), "{error:#}");
    for bad in [
        FilmLabel { seconds: 1.9, ..FilmLabel::default() },
        FilmLabel { share: 0.04, ..FilmLabel::default() },
        FilmLabel { text: "made".to_owned(), ..FilmLabel::default() },
        FilmLabel { text: "AI生成".repeat(9), ..FilmLabel::default() },
    ] {
        assert!(film(&tools, &path, &path, &bad).is_err());
    }
    let unmade = Tools { encoders: vec!["libx264".to_owned()], ..tools.clone() };
    let error = film(&unmade, &path, &path, &FilmLabel::default()).unwrap_err();
    assert!(format!("{error:#}").contains("no encoder of mpeg4"), "{error:#}");
    // Cut off in the middle: whatever ffmpeg says of it, the file stays.
    let cut = folder.path().join("cut.mp4");
    std::fs::write(&cut, &before[..before.len() / 2]).unwrap();
    assert!(film(&tools, &cut, &cut, &FilmLabel::default()).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read(&cut).unwrap(), &before[..before.len() / 2]);
    assert_eq!(names(folder.path()), ["a.mp4", "cut.mp4"]);
}
