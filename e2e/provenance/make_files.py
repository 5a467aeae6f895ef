#!/usr/bin/env python3
"""Makes the zoo: real files of every format that menshen labels, by other people's programs. Usage: make_files.py OUT"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import zoo_documents  # noqa: E402
import zoo_pictures  # noqa: E402

SPARSE = 4_400_000_000


def make_sparse(out: Path) -> None:
    """A film whose `mdat` has a 64-bit size, more than 4 GiB of it a hole: ftyp, mdat, moov as cameras write them."""
    small = out / "sparse-seed.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=s=128x96:d=1:r=10", "-c:v", "mpeg4", "-metadata",
         "title=Beyond 4 GiB", str(small)], check=True)
    data = small.read_bytes()
    small.unlink()
    boxes, at = {}, 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        boxes[data[at + 4:at + 8]] = data[at:at + size]
        at += size
    media = boxes[b"mdat"][8:]
    ftyp = boxes[b"ftyp"]
    # Where the media stood in the seed, and where it stands now: behind a hole.
    old = data.index(media)
    new = len(ftyp) + 16 + SPARSE
    moov = boxes[b"moov"]
    spot = moov.index(b"stco") + 8
    count = int.from_bytes(moov[spot:spot + 4], "big")
    places = [int.from_bytes(moov[spot + 4 + 4 * i:spot + 8 + 4 * i], "big") - old + new for i in range(count)]
    stco = (8 + 8 + 4 * count).to_bytes(4, "big") + moov[spot - 8:spot + 4 + 4 * count]
    co64 = (8 + 8 + 8 * count).to_bytes(4, "big") + b"co64" + moov[spot - 4:spot + 4]
    co64 += b"".join(place.to_bytes(8, "big") for place in places)
    # Every box around the table grows by the same.
    moov = bytearray(moov.replace(stco, co64))
    at, end = 0, len(moov)
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        while moov[at + 4:at + 8] != name:
            at += int.from_bytes(moov[at:at + 4], "big")
        size = int.from_bytes(moov[at:at + 4], "big") + 4 * count
        moov[at:at + 4] = size.to_bytes(4, "big")
        at += 8
    assert end == len(moov)
    with open(out / "mp4-beyond-4gib.mp4", "wb") as file:
        file.write(ftyp)
        file.write((1).to_bytes(4, "big") + b"mdat" + (16 + SPARSE + len(media)).to_bytes(8, "big"))
        file.seek(SPARSE, os.SEEK_CUR)
        file.write(media)
        file.write(moov)


def main() -> None:
    out = Path(sys.argv[1]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    zoo_pictures.make(out)
    zoo_documents.make(out)
    for script in ("make_media.sh", "make_more_media.sh"):
        subprocess.run([str(HERE / script), str(out)], check=True)
    make_sparse(out)
    (out / ".made").write_text("")
    print(f"{sum(1 for f in out.iterdir() if f.is_file()) - 1} files in {out}")


if __name__ == "__main__":
    main()
