"""Bad input through the command line: refused at once with a reason, the original as it was, nothing left in the folder."""

import hashlib
import os
import shutil
import stat
import subprocess
import time
import zipfile
from pathlib import Path

# A file that holds the same label elsewhere, each cut at these parts of its length.
CUTS = (0.0, 0.02, 0.3, 0.6, 0.95)
ONE_EACH = ["jpeg-phone-exif-gps-icc-xmp-mpf.jpg", "png-text-iccp-exif.png", "webp-animated-exif-xmp.webp", "gif-animated-xmp.gif",
            "tiff-multi-page.tif", "heic-exif-xmp-icc.heic", "avif-exif-xmp-icc.avif", "docx-python-docx.docx",
            "xlsx-openpyxl-custom-properties.xlsx", "pptx-python-pptx.pptx", "epub3-ebooklib.epub", "ofd-custom-data.ofd",
            "pdf-1.4-classic.pdf", "pdf-1.7-object-streams-xmp.pdf", "*.mp4", "*.mov", "*.m4a", "*.mkv", "*.webm", "*.avi", "*.flv",
            "*.mp3", "*.wav", "*.flac", "*.ogg", "*.opus"]
# Sounds play as far as they go, and a phone's first picture may be whole where the second behind it is cut.
STREAMS = {".mp3", ".flac", ".jpg"}


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Folder:
    """A folder with files in it, and whether they are as they were."""

    def __init__(self, path: Path):
        self.path = path
        path.mkdir(parents=True)
        self.before = {}

    def close(self):
        self.before = {one.name: sha(one) for one in self.path.iterdir() if one.is_file()}

    def changed(self) -> list:
        now = {one.name: sha(one) for one in self.path.iterdir() if one.is_file()}
        return sorted(name for name in set(now) | set(self.before) if now.get(name) != self.before.get(name))


def bomb(path: Path, zoo: Path) -> None:
    """A document with a part that unpacks to a gigabyte, and with properties that do."""
    with zipfile.ZipFile(zoo / "docx-python-docx.docx") as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            if part.filename != "[Content_Types].xml":
                new.writestr(part, old.read(part))
        with new.open("[Content_Types].xml", "w", force_zip64=True) as member:
            for _ in range(1024):
                member.write(b" " * (1 << 20))


def run(menshen, zoo: Path, work: Path) -> list:
    results = []

    def case(name: str, expected: str, prepare, words=None, limit=10, before=None):
        """`prepare(folder)` makes the file and gives its path. Expected: words of the reason, or `labelled`."""
        folder = Folder(work / str(len(results)))
        try:
            path = prepare(folder.path)
            if path.parent.is_dir() and path.parent != Path("/dev"):
                folder.path = path.parent
            folder.close()
            started = time.monotonic()
            command = [menshen.program, "label", "add", "--producer", "001191110102MACQD9K64010000", "--produce-id", "b-1", *(words or []), str(path)]
            done = subprocess.run((before or []) + command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
            took = time.monotonic() - started
            changed, said = folder.changed(), done.stderr.strip()
            if expected == "labelled":
                good = done.returncode == 0 and changed == [os.path.basename(os.path.realpath(path))]
            else:
                good = done.returncode == 2 and expected in said and said and not changed
            # Reading must end soundly as well.
            read = subprocess.run([menshen.program, "label", "read", "--json", str(path)], capture_output=True, text=True, timeout=60)
            good = good and took < limit and read.returncode in (0, 1, 2, 3, 10) and "panicked" not in said + read.stderr
            got = f"exit {done.returncode} in {took:.1f} s: {said.replace(str(folder.path) + '/', '')[:160]}" + (f" CHANGED {changed}" if changed else "")
        except subprocess.TimeoutExpired:
            good, got = False, "hangs"
        except Exception as error:
            good, got = False, f"{type(error).__name__}: {error}"
        results.append({"name": name, "expected": expected, "got": got, "good": bool(good)})
        return folder

    def copied(source: str, name=None):
        def prepare(folder):
            return Path(shutil.copy(zoo / source, folder / (name or source)))
        return prepare

    # Cut files of every kind: refused, or (a stream that plays up to the cut) labelled and read back.
    for pattern in ONE_EACH:
        source = next(iter(sorted(one for one in zoo.glob(pattern) if one.stat().st_size < 1 << 30)))
        outcome, good, problems = [], True, []
        data = source.read_bytes()
        for cut in CUTS:
            folder = Folder(work / f"cut-{source.name}-{cut}")
            path = folder.path / source.name
            path.write_bytes(data[:int(len(data) * cut)])
            folder.close()
            try:
                code, _, error, kib, seconds = menshen.add(path, "b-1")
            except subprocess.TimeoutExpired:
                good = False
                outcome.append(f"{cut:.0%} hangs")
                continue
            changed = folder.changed()
            if code == 0:
                read = menshen.read(path)
                fine = source.suffix in STREAMS and len(read["labels"]) == 1 and changed == [path.name]
                outcome.append(f"{cut:.0%} labelled")
            else:
                fine = code == 2 and error.startswith("menshen: ") and not changed and "panicked" not in error
                outcome.append(f"{cut:.0%} refused")
                problems.append(error.split(source.name + ": ")[-1])
            fine = fine and seconds < 10 and kib <= 64 << 10
            if not fine:
                outcome[-1] += f" WRONGLY ({kib} KiB, {seconds} s, {error}, changed {changed})"
            good = good and fine
        results.append({"name": f"{source.name}, cut", "good": good,
                        "expected": "refused, or labelled as far as it goes" if source.suffix in STREAMS else "refused",
                        "got": ", ".join(outcome) + ("; " + problems[-1] if problems else "")})

    for name, source, wrong in (("PNG called .jpg", "png-rgba-8.png", "a.jpg"), ("JPEG without an ending", "jpeg-bare.jpg", "picture"),
                                ("MP4 called .mkv", "*.mp4", "a.mkv"), ("DOCX called .zip", "docx-python-docx.docx", "a.zip"),
                                ("PDF called .md", "pdf-1.4-classic.pdf", "a.md")):
        real = min((one for one in zoo.glob(source) if one.stat().st_size < 1 << 30), key=lambda one: one.name).name
        case(f"{name}: the bytes win", "labelled", copied(real, wrong))
    case("a program called .png", "format of the file is not known", lambda f: Path(shutil.copy("/bin/true", f / "a.png")))
    case("noise called .mp4", "format of the file is not known", lambda f: written(f / "a.mp4", os.urandom(9000)))
    case("an encrypted PDF", "encrypted", copied("refused-pdf-encrypted-aes.pdf"))
    case("a file of 0 bytes", "", lambda f: written(f / "a.png", b""))
    case("a folder", "it is ", lambda f: made(f / "a.png", os.mkdir))
    case("a FIFO", "no plain file", lambda f: made(f / "a.png", os.mkfifo), limit=2)
    case("a device", "", lambda f: Path("/dev/zero"), limit=2)
    case("a file that is missing", "No such file", lambda f: f / "missing.png")

    def docx_bomb(folder):
        bomb(folder / "bomb.docx", zoo)
        return folder / "bomb.docx"
    case("a DOCX whose part unpacks to 1 GiB", "asks for too much", docx_bomb, limit=5)

    def link(folder):
        shutil.copy(zoo / "png-rgba-8.png", folder / "real.png")
        (folder / "link.png").symlink_to("real.png")
        return folder / "link.png"
    folder = case("a link: what it leads to is labelled", "labelled", link)
    # The link's own name changes as well as its target, both being the same bytes.
    stays = (folder.path / "link.png").is_symlink()
    results[-1]["good"] = stays and results[-1]["got"].startswith("exit 0") and sorted(folder.changed()) == ["link.png", "real.png"]
    results[-1]["got"] = results[-1]["got"].split(" CHANGED")[0] + (" the link is a link" if stays else " THE LINK IS GONE")
    case("a link that leads nowhere", "No such file", lambda f: made(f / "a.png", lambda p: os.symlink("nowhere", p)))

    def hard(folder):
        shutil.copy(zoo / "png-rgba-8.png", folder / "a.png")
        return folder / "a.png"

    folder = case("mode 640 is kept", "labelled", lambda f: moded(hard(f), 0o640))
    mode = stat.S_IMODE((folder.path / "a.png").stat().st_mode)
    results[-1]["good"] = results[-1]["good"] and mode == 0o640
    # Rights do not bind root, so these two run as nobody.
    if os.geteuid() == 0:
        shared = Path("/tmp") / f"provenance-{os.getpid()}"
        shared.mkdir(mode=0o755)
        shutil.copy(menshen.program, shared / "menshen")
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "-i"]
        program, menshen.program = menshen.program, str(shared / "menshen")

        def open_to_all(folder, file_mode, folder_mode):
            place = shared / str(len(results))
            place.mkdir()
            path = Path(shutil.copy(zoo / "png-rgba-8.png", place / "a.png"))
            os.chown(path, 65534, 65534)
            os.chown(place, 65534, 65534)
            path.chmod(file_mode)
            place.chmod(folder_mode)
            return path

        case("a folder that is read-only", "Permission denied", lambda f: open_to_all(f, 0o644, 0o555), before=nobody)
        case("a file that is read-only", "", lambda f: open_to_all(f, 0o444, 0o755), before=nobody)
        case("a file that may not be read", "Permission denied", lambda f: open_to_all(f, 0o000, 0o755), before=nobody)
        menshen.program = program
        shutil.rmtree(shared)
        # A full disk: a tiny file system where mounting is allowed.
        disk = work / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", disk], capture_output=True).returncode == 0:
            try:
                path = Path(shutil.copy(zoo / "jpeg-extended-xmp.jpg", disk / "a.jpg"))
                (disk / "fill").write_bytes(b"x" * 120_000)
                old = sha(path)
                code, _, error, _, _ = menshen.add(path, "b-1")
                left = sorted(one.name for one in disk.iterdir())
                good = code == 2 and "No space left" in error and sha(path) == old and left == ["a.jpg", "fill"]
                results.append({"name": "a full disk (tmpfs)", "expected": "No space left", "good": good,
                                "got": f"exit {code}: {error.split('a.jpg')[-1][:120]}; in the folder: {left}"})
            finally:
                subprocess.run(["umount", disk], check=True)
    # The shell's limit on the size of files: writing fails with EFBIG where SIGXFSZ is ignored.
    case("a limit on the size of files (ulimit -f)", "File too large", copied("tiff-ii-lzw-icc.tif"),
         before=["bash", "-c", "trap '' XFSZ; ulimit -f 20; exec \"$0\" \"$@\""])
    case("-o of a file that is there: it is replaced, the source stays", "labelled", lambda f: [shutil.copy(zoo / "png-rgba-8.png", f / "old.png"), hard(f)][1],
         words=["-o", str(work / str(len(results)) / "old.png")])
    results[-1]["good"] = "CHANGED ['old.png']" in results[-1]["got"]
    results[-1]["got"] = results[-1]["got"].replace("CHANGED", "changed")
    return results


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def made(path: Path, how) -> Path:
    how(path)
    return path


def moded(path: Path, mode: int) -> Path:
    path.chmod(mode)
    return path
