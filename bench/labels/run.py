"""How fast files are labelled: pictures of 1 MB a second, and a film of 2 GB beside one copy of it.

    python bench/labels/run.py --menshen target/release/menshen [--work DIR]

Needs Pillow and ffmpeg (e2e/provenance/set_up.sh has both). The folder should be on a disk that is quiet; with --work
/dev/shm/labels the disk is left out. Prints a Markdown table. One core: the program uses one.
"""

import argparse
import os
import pathlib
import random
import resource
import shutil
import subprocess
import tempfile
import time

from PIL import Image

CODE = "001191110102MACQD9K64010000"


def label(menshen, *files, out=None):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    command = [menshen, "label", "add", "--producer", CODE, "--produce-id", "bench"]
    subprocess.run([*command, *(["-o", out] if out else []), *files], check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def pictures(menshen, work, ending, size, count):
    noise = random.Random(7)
    first = work / f"picture.{ending}"
    Image.frombytes("RGB", size, noise.randbytes(size[0] * size[1] * 3)).save(first, quality=95)
    files = [work / f"{i}.{ending}" for i in range(count)]
    for file in files:
        shutil.copyfile(first, file)
    os.sync()
    wall, cpu = label(menshen, *files)
    row = f"{count} {ending.upper()} of {first.stat().st_size / 1e6:.2f} MB, replaced in place"
    print(f"| {row} | {count / wall:.0f} files/s | {count / cpu:.0f} files/s of CPU |", flush=True)
    for file in files:
        file.unlink()


def film(menshen, work, name, flags):
    path = work / name
    frames = 2_000_000_000 // (1920 * 1080 * 3 // 2)
    raw = ["-f", "rawvideo", "-s", "1920x1080", "-pix_fmt", "yuv420p", "-r", "25", "-i", "/dev/zero"]
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "fatal", *raw, "-frames:v", str(frames), "-c:v", "rawvideo", *flags, "-y", path], check=True)
    out, copy = work / f"out-{name}", work / f"copy-{name}"
    best, copied = float("inf"), float("inf")
    for _ in range(3):
        os.sync()
        started = time.perf_counter()
        with path.open("rb") as source, copy.open("wb") as target:
            while piece := source.read(1 << 20):
                target.write(piece)
            target.flush()
            os.fsync(target.fileno())
        copied = min(copied, time.perf_counter() - started)
        copy.unlink()
        best = min(best, label(menshen, path, out=out)[0])
        out.unlink()
    size = path.stat().st_size / 1e9
    print(f"| {size:.2f} GB {name}, into a new file | {best:.2f} s | one sequential copy: {copied:.2f} s |", flush=True)
    path.unlink()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--menshen", required=True)
    arguments.add_argument("--work")
    arguments.add_argument("--count", type=int, default=500)
    given = arguments.parse_args()
    menshen = str(pathlib.Path(given.menshen).resolve())
    with tempfile.TemporaryDirectory(dir=given.work and str(pathlib.Path(given.work))) as work:
        work = pathlib.Path(work)
        print("| what | took | beside it |\n|---|--:|--:|", flush=True)
        pictures(menshen, work, "jpg", (1000, 900), given.count)
        pictures(menshen, work, "png", (640, 546), given.count)
        film(menshen, work, "index-last.mov", [])
        film(menshen, work, "index-first.mov", ["-movflags", "+faststart"])


if __name__ == "__main__":
    main()
