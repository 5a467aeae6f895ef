#!/usr/bin/env bash
# Films and sounds whose containers are laid out in less usual ways. Usage: make_more_media.sh OUT
set -euo pipefail
out=$1
mkdir -p "$out"
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
ff() { ffmpeg -nostdin -v error -y "$@"; }
picture=(-f lavfi -i testsrc=s=128x96:d=2:r=10)
sound=(-f lavfi -i "sine=f=440:d=2")
words=(-metadata title=门神 -metadata artist=Zoo -metadata comment="an ordinary comment")
cat >"$here/chapters.txt" <<'C'
;FFMETADATA1
title=门神
artist=Zoo
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1000
title=One
[CHAPTER]
TIMEBASE=1/1000
START=1000
END=2000
title=Two
C
printf '1\n00:00:00,000 --> 00:00:01,000\n门神\n' >"$here/words.srt"
ff -f lavfi -i testsrc=s=64x64:d=0.1:r=10 -frames:v 1 "$here/cover.png"
film=("${picture[@]}" "${sound[@]}" -i "$here/words.srt" -i "$here/chapters.txt" -map 0:v -map 1:a -map_metadata 3 -map_chapters 3)
plain=("${picture[@]}" "${sound[@]}" -shortest "${words[@]}")

ff "${film[@]}" -map 2:s -c:v libx264 -c:a aac -c:s mov_text "$out/mp4-moov-last-chapters-subtitles.mp4"
ff "${film[@]}" -c:v libx264 -c:a aac -movflags +faststart "$out/mp4-moov-first.mp4"
ff "${plain[@]}" -c:v libx264 -c:a aac -movflags +frag_keyframe+empty_moov "$out/mp4-fragmented.mp4"
ff "${plain[@]}" -c:v libx264 -c:a aac -movflags +frag_keyframe+empty_moov+default_base_moof+global_sidx "$out/mp4-fragmented-sidx.mp4"
ff "${plain[@]}" -c:v libx264 -c:a aac -movflags +use_metadata_tags -metadata vendor=door "$out/mp4-keys.mp4"
ff "${film[@]}" -c:v mpeg4 -c:a aac "$out/mov-chapters.mov"
ff "${plain[@]}" -c:v mpeg4 -c:a aac -movflags +faststart "$out/mov-moov-first.mov"
ff "${plain[@]}" -c:v h263 -s 128x96 -c:a aac -ar 8000 -ac 1 "$out/3gp.3gp"
ff "${sound[@]}" -i "$here/cover.png" -map 0 -map 1 -c:a aac -c:v copy -disposition:v attached_pic "${words[@]}" "$out/m4a-cover.m4a"
ff "${film[@]}" -map 2:s -c:v libx264 -c:a aac -c:s srt -attach "$here/cover.png" -metadata:s:t mimetype=image/png "$out/mkv-chapters-attachment.mkv"
ff "${plain[@]}" -c:v libx264 -c:a aac -cues_to_front 1 "$out/mkv-cues-first.mkv"
ff "${plain[@]}" -c:v libx264 -c:a aac -live 1 -f matroska - >"$out/mkv-live-unknown-sizes.mkv"
ff "${plain[@]}" -c:v libvpx -c:a libvorbis "$out/webm-vp8-vorbis.webm"
ff "${sound[@]}" -c:a libopus "${words[@]}" "$out/mka-opus.mka"
ff "${plain[@]}" -c:v mpeg4 -c:a mp3 "$out/avi-mpeg4-mp3.avi"
ff "${plain[@]}" -c:v mjpeg -c:a pcm_s16le "$out/avi-mjpeg-pcm.avi"
ff "${plain[@]}" -c:v flv -c:a mp3 -ar 44100 "$out/flv.flv"
ff "${plain[@]}" -c:v libx264 -c:a aac -flvflags add_keyframe_index "$out/flv-keyframe-index.flv"
ff "${sound[@]}" -i "$here/cover.png" -map 0 -map 1 -c:a mp3 -c:v copy "${words[@]}" -id3v2_version 3 -write_id3v1 1 "$out/mp3-id3v2.3-cover-id3v1.mp3"
ff "${sound[@]}" -i "$here/chapters.txt" -map_metadata 1 -map_chapters 1 -c:a mp3 -id3v2_version 4 "$out/mp3-id3v2.4-chapters.mp3"
ff "${sound[@]}" -c:a mp3 -id3v2_version 0 -write_xing 0 -map_metadata -1 "$out/mp3-no-tags.mp3"
ff "${sound[@]}" -c:a pcm_s16le "${words[@]}" "$out/wav-pcm16.wav"
ff "${sound[@]}" -c:a pcm_f32le -write_bext 1 -metadata originator=Zoo "$out/wav-float-bext.wav"
ff "${sound[@]}" -c:a pcm_s16le -rf64 always "${words[@]}" "$out/wav-rf64.wav"
ff "${sound[@]}" -i "$here/cover.png" -map 0 -map 1 -c:a flac -c:v copy -disposition:v attached_pic "${words[@]}" "$out/flac-cover.flac"
ff "${sound[@]}" -c:a flac -map_metadata -1 -fflags +bitexact "$out/flac-bare.flac"
ff "${sound[@]}" -c:a libvorbis "${words[@]}" "$out/ogg-vorbis.ogg"
ff "${sound[@]}" -c:a libopus "${words[@]}" "$out/ogg-opus.opus"
ff "${sound[@]}" -c:a flac -f ogg "${words[@]}" "$out/ogg-flac.oga"
ff "${plain[@]}" -c:v libtheora -c:a libvorbis "$out/ogg-theora-vorbis.ogv"
ff "${sound[@]}" -c:a libspeex -ar 16000 "${words[@]}" "$out/ogg-speex.spx"
cat "$out/ogg-vorbis.ogg" "$out/ogg-opus.opus" >"$out/ogg-chained.ogg"
