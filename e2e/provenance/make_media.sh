#!/bin/sh
# Makes small real films and recordings of every format that labels are written into (2 seconds, 128x96, 440 Hz), with
# metadata that has to survive: title, artist, a comment in Chinese, cover, chapters, subtitles. The same ffmpeg makes
# the same bytes each time.
#
#   make_media.sh OUT
#
# What this ffmpeg cannot make is named and left out; the exit code is 0 as long as anything was made.
set -eu
[ $# -eq 1 ] || { echo "usage: make_media.sh OUT" >&2; exit 2; }
command -v ffmpeg >/dev/null || { echo "make_media.sh: ffmpeg is missing" >&2; exit 3; }
mkdir -p "$1"
cd "$1"
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT INT TERM

FF="ffmpeg -nostdin -hide_banner -v error -y"
SAME="-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -threads 1"
FILM="-f lavfi -i testsrc2=size=128x96:rate=25:duration=2"
TONE="-f lavfi -i sine=frequency=440:sample_rate=44100:duration=2"

cat > "$parts/tags" <<'TAGS'
;FFMETADATA1
title=Menshen test 门神
artist=Nobody
album=Test media
comment=existing comment 原有注释
date=2025
genre=Test

[CHAPTER]
TIMEBASE=1/1000
START=0
END=1000
title=First 第一章

[CHAPTER]
TIMEBASE=1/1000
START=1000
END=2000
title=Second 第二章
TAGS
printf '1\n00:00:00,200 --> 00:00:01,200\nA subtitle 字幕\n' > "$parts/words.srt"
printf 'an attachment\n' > "$parts/note.txt"
$FF -f lavfi -i color=c=orange:size=64x64 -frames:v 1 $SAME "$parts/cover.png"
$FF -f lavfi -i color=c=teal:size=64x64 -frames:v 1 $SAME "$parts/cover.jpg"

made=0
# make NAME ARGUMENTS...
make() {
    name=$1
    shift
    if $FF "$@" $SAME "$name" 2>"$parts/complaint"; then
        made=$((made + 1))
    else
        rm -f "$name"
        echo "make_media.sh: $name was not made: $(head -1 "$parts/complaint")" >&2
    fi
}
TAGS="-i $parts/tags"
PLAIN="-map_chapters -1"

# Sound.
make pcm16.wav $TONE $TAGS $PLAIN -map_metadata 1 -map 0:a -c:a pcm_s16le
make pcm24.wav $TONE $TAGS $PLAIN -map_metadata 1 -map 0:a -c:a pcm_s24le
make float.wav $TONE $TAGS $PLAIN -map_metadata 1 -map 0:a -c:a pcm_f32le
make stereo.wav $TONE $TAGS $PLAIN -map_metadata 1 -map 0:a -ac 2 -c:a pcm_s16le
make rf64.wav $TONE $TAGS $PLAIN -map_metadata 1 -map 0:a -c:a pcm_s16le -rf64 always
make id3v24.mp3 $TONE $TAGS -i "$parts/cover.jpg" -map_metadata 1 -map 0:a -map 2:v \
    -c:a libmp3lame -b:a 96k -c:v copy \
    -disposition:v attached_pic -id3v2_version 4
make id3v23.mp3 $TONE $TAGS -i "$parts/cover.jpg" -map_metadata 1 -map 0:a -map 2:v \
    -c:a libmp3lame -b:a 96k -c:v copy \
    -disposition:v attached_pic -id3v2_version 3 -write_id3v1 1
make bare.mp3 $TONE $PLAIN -map_metadata -1 -c:a libmp3lame -b:a 96k -id3v2_version 0
make cover.flac $TONE $TAGS -i "$parts/cover.png" $PLAIN -map_metadata 1 -map 0:a -map 2:v \
    -c:a flac -c:v copy -disposition:v attached_pic
make deep.flac $TONE $TAGS $PLAIN -map_metadata 1 -map 0:a -c:a flac -sample_fmt s32
make vorbis.ogg $TONE $TAGS $PLAIN -map_metadata 1 -map 0:a -c:a libvorbis -b:a 80k
make sound.opus $TONE $TAGS $PLAIN -map_metadata 1 -map 0:a -c:a libopus -b:a 64k
make aac.m4a $TONE $TAGS -i "$parts/cover.jpg" -map_metadata 1 -map 0:a -map 2:v \
    -c:a aac -b:a 96k -c:v copy -disposition:v attached_pic \
    -f ipod
make alac.m4a $TONE $TAGS -map_metadata 1 -map 0:a -c:a alac -f ipod

# Films.
H264="-c:v libx264 -preset veryfast -crf 23 -pix_fmt yuv420p"
BOTH="$FILM $TONE -i $parts/tags"
make faststart.mp4 $BOTH -map_metadata 2 -map 0:v -map 1:a $H264 -c:a aac -b:a 96k -movflags +faststart
make moov_last.mp4 $BOTH -map_metadata 2 -map 0:v -map 1:a $H264 -c:a aac -b:a 96k
make free_keys.mp4 $BOTH -map_metadata 2 -map 0:v -map 1:a $H264 \
    -c:a aac -b:a 96k -metadata my_key=mine -movflags +use_metadata_tags
make cover.mp4 $BOTH -i "$parts/cover.jpg" -map_metadata 2 -map 0:v -map 1:a -map 3:v $H264 \
    -c:a aac -b:a 96k -c:v:1 copy \
    -disposition:v:1 attached_pic
make fragmented.mp4 $BOTH -map_metadata 2 -map 0:v -map 1:a $H264 \
    -c:a aac -b:a 96k -g 10 -movflags +frag_keyframe+empty_moov
make subtitled.mp4 $BOTH -i "$parts/words.srt" -map_metadata 2 -map 0:v -map 1:a -map 3:s $H264 \
    -c:a aac -b:a 96k -c:s mov_text
make hevc.mp4 $BOTH -map_metadata 2 -map 0:v -map 1:a -c:v libx265 -preset ultrafast \
    -x265-params log-level=error -tag:v hvc1 \
    -pix_fmt yuv420p -c:a aac -b:a 96k
make av1.mp4 $BOTH -map_metadata 2 -map 0:v -map 1:a -c:v libaom-av1 -cpu-used 8 -crf 30 -b:v 0 -c:a aac -b:a 96k
make film.mov $BOTH -map_metadata 2 -map 0:v -map 1:a $H264 -c:a pcm_s16le
make film.3gp $BOTH -map_metadata 2 -map 0:v -map 1:a $H264 -c:a aac -b:a 64k
make film.mkv $BOTH -i "$parts/words.srt" -map_metadata 2 -map 0:v -map 1:a -map 3:s $H264 \
    -c:a aac -b:a 96k -c:s srt \
    -attach "$parts/note.txt" -metadata:s:t mimetype=text/plain -metadata:s:t filename=note.txt
make film.webm $BOTH -map_metadata 2 -map 0:v -map 1:a -c:v libvpx-vp9 -cpu-used 8 \
    -deadline realtime -b:v 200k -c:a libopus -b:a 64k
make vp8.webm $BOTH -map_metadata 2 -map 0:v -map 1:a -c:v libvpx -cpu-used 8 -deadline realtime \
    -b:v 200k -c:a libvorbis
make film.avi $BOTH $PLAIN -map_metadata 2 -map 0:v -map 1:a -c:v mpeg4 -q:v 4 -c:a libmp3lame -b:a 96k
make film.flv $BOTH $PLAIN -map_metadata 2 -map 0:v -map 1:a $H264 -c:a aac -b:a 96k
make sorenson.flv $BOTH $PLAIN -map_metadata 2 -map 0:v -map 1:a -c:v flv -q:v 4 -c:a libmp3lame -b:a 96k

# A film that is shown turned, as telephones make them.
if [ -f moov_last.mp4 ]; then
    make turned.mp4 -i moov_last.mp4 -map 0:v -map 0:a -c copy -metadata:s:v:0 rotate=90
fi
[ "$made" -gt 0 ]
echo "$made files"
