"""What must hold of a labelled file beside its unlabelled self: metadata, content, soundness."""

import contextlib
import hashlib
import io
import re
import subprocess
import tempfile
import zipfile
from pathlib import Path

import ebooklib.epub
import lxml.etree
import tifffile
from PIL import Image, ImageSequence

from tools import Metas, exiftool, ffprobe, out, words

MEDIA = {"mp3", "wav", "flac", "ogg", "m4a", "mp4", "matroska", "avi", "flv"}
PICTURES = {"jpeg", "png", "webp", "gif", "tiff", "heif"}
PACKAGES = {"ooxml", "epub", "ofd"}
# Parts of a package that carry the label or name the part that does.
PARTS = {"docProps/custom.xml", "[Content_Types].xml", "_rels/.rels", "OFD.xml"}
# What exiftool says of the file and not of its metadata: names, times, sizes and offsets.
ABOUT_FILE = re.compile(
    r"SourceFile|ExifTool:|System:|File:FileSize|:(ZipCRC|ZipCompressedSize|ZipUncompressedSize|ZipModifyDate)$"
    # Where pictures and media stand, and how long what carries the label is.
    r"|:(ThumbnailOffset|MPImageStart|StripOffsets|TileOffsets|ChunkOffset(?:64)?|MediaDataOffset|MediaDataSize|PreviewImageStart|MovieDataOffset)$"
    r"|:(MetaImageSize|FreeSize|JUNK|Unknown_JUNK|Junk|MetadataBlockSize|AvgBitrate|Filesize|FileSizeBytes|ID3Size)$|:Padding$|SeekPosition|:WebP_Flags$"
    # exiftool reckons it from the size of the file; ffprobe counts, and is compared.
    r"|Composite:Duration$"
    r"|:(SeekID|CRC-32|KeyFramePositions|LastKeyFrameLocation|Unknown_(mfra|tfra|tfhd|saio|sidx))$"
    r"|:(MediaData|Skip|Free|Wide)$|:HandlerType|:HandlerVendorID|:HandlerClass|Linearized", re.I)


def label_of(name: str, value) -> bool:
    return "aigc" in name.lower() or str(value).startswith("(AIGC) ")


def tags(path: Path) -> dict:
    """exiftool's tags without the label and without what is about the file: all values of each name, in any order."""
    held = {}
    for name, value in exiftool(path).items():
        # Guessed from the size of the file.
        if ABOUT_FILE.search(name) or label_of(name, value) or str(value).endswith("(approx)"):
            continue
        held.setdefault(re.sub(r":?Copy\d+", "", name), set()).add(str(value))
    return {name: sorted(values) for name, values in held.items()}


def probed(path: Path) -> dict:
    """ffprobe's streams, chapters and tags without the label, sizes and places."""
    def clean(node):
        if isinstance(node, dict):
            return {k: clean(v) for k, v in node.items() if k.lower() != "aigc" and k not in
                    ("filename", "size", "bit_rate", "probe_score", "lastkeyframelocation", "filesize")}
        return [clean(one) for one in node] if isinstance(node, list) else node

    tree = clean(ffprobe(path))
    for place in [tree.get("format", {})] + tree.get("streams", []):
        if place.get("tags") == {}:
            del place["tags"]
    return tree


def core(path: Path) -> dict:
    """The parts of a package, hashed, except those that the label touches; those with the label taken out."""
    with zipfile.ZipFile(path) as parts:
        assert parts.testzip() is None
        held = {one.filename: hashlib.sha256(parts.read(one)).hexdigest() for one in parts.infolist()
                if one.filename not in PARTS and not one.filename.endswith(".opf")}
        for name in parts.namelist():
            if name in ("docProps/custom.xml", "OFD.xml") or name.endswith(".opf"):
                tree = lxml.etree.fromstring(parts.read(name))
                for one in list(tree.iter()):
                    if one.get("name") == "AIGC" or one.get("Name") == "AIGC":
                        one.getparent().remove(one)
                # A list that the label alone stood in, and white space that indents, are no metadata.
                for one in list(tree.iter("{http://www.ofdspec.org/2016}CustomDatas")):
                    if len(one) == 0:
                        one.getparent().remove(one)
                for one in tree.iter():
                    one.text, one.tail = (one.text or "").strip(), (one.tail or "").strip()
                if name != "docProps/custom.xml" or len(tree):
                    held[name] = lxml.etree.tostring(tree, method="c14n").decode()
    return held


def metadata(path: Path, form: str) -> dict:
    """All metadata but the label, by several tools."""
    if form in MEDIA:
        return {"exiftool": tags(path), "ffprobe": probed(path)}
    if form in PICTURES:
        return {"exiftool": tags(path)}
    if form == "pdf":
        info = {line for line in out("pdfinfo", "-custom", path).splitlines()
                if not re.match(r"AIGC|File size|Custom Metadata|Optimized", line)}
        return {"exiftool": tags(path), "pdfinfo": sorted(info), "pdfinfo -meta": out("pdfinfo", "-meta", path)}
    if form in PACKAGES:
        return {"parts": core(path)}
    text = words(path)
    if form == "html":
        return {"html.parser": Metas(text).words}
    import yaml
    text = text.replace("\r\n", "\n")
    front = {}
    if text.startswith("---\n") and "\n---\n" in text[3:]:
        front = yaml.safe_load(text[4:text.index("\n---\n", 3) + 1])
        front = {k: v for k, v in front.items() if k != "AIGC"} if isinstance(front, dict) else {}
    return {"yaml": front}


def frames(path: Path) -> list:
    """Every frame: mode, size, pixels, time, profile."""
    held = []
    try:
        with Image.open(path) as image:
            for frame in ImageSequence.Iterator(image):
                frame.load()
                about = [frame.mode, frame.size, frame.info.get("duration"), frame.info.get("loop"), frame.info.get("transparency")]
                held.append([*about, hashlib.sha256(frame.tobytes()).hexdigest(),
                             hashlib.sha256(frame.info.get("icc_profile") or b"").hexdigest()])
    except Image.UnidentifiedImageError:
        held = []
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            held += [hashlib.sha256(page.asarray().tobytes()).hexdigest() for page in file.pages]
    return held


def streams(path: Path) -> dict:
    """Packets and decoded frames of every stream, with their times."""
    copied = out("ffmpeg", "-v", "quiet", "-i", path, "-map", "0", "-c", "copy", "-f", "streamhash", "-hash", "md5", "-")
    decoded = out("ffmpeg", "-v", "quiet", "-i", path, "-map", "0:v?", "-map", "0:a?", "-f", "framemd5", "-")
    return {"packets": copied, "frames": hashlib.sha256(decoded.encode()).hexdigest(), "lines": decoded.count("\n")}


def pages(path: Path) -> list:
    """Each page of a PDF as pdftoppm draws it, and its words."""
    with tempfile.TemporaryDirectory() as folder:
        out("pdftoppm", "-r", "60", path, f"{folder}/p")
        drawn = [hashlib.sha256(one.read_bytes()).hexdigest() for one in sorted(Path(folder).iterdir())]
    return drawn + [out("pdftotext", "-layout", path, "-")]


def printed(path: Path, profile: Path) -> list:
    """A document as LibreOffice prints it."""
    with tempfile.TemporaryDirectory() as folder:
        out("soffice", "--headless", f"-env:UserInstallation=file://{profile}", "--convert-to", "pdf", "--outdir", folder, path, timeout=300)
        made = Path(folder) / f"{path.stem}.pdf"
        return pages(made) if made.exists() else []


def content(path: Path, form: str, office: Path) -> object:
    """The content, decoded. Empty when nothing decodes it."""
    if form in PICTURES:
        return [frames(path), out("identify", "-quiet", "-format", "%# ", path)]
    if form in MEDIA:
        return streams(path)
    if form == "pdf":
        return pages(path)
    if form == "ooxml":
        return printed(path, office) if path.suffix != ".pptx" else core(path)
    if form == "epub":
        return [item.get_content() for item in ebooklib.epub.read_epub(path).get_items()]
    if form == "ofd":
        return drawn_ofd(path)
    text = words(path)
    if form == "html":
        return Metas(text).words
    text = text.replace("\r\n", "\n")
    if text.startswith("---\n") and "\n---\n" in text[3:]:
        text = text[text.index("\n---\n", 3) + 5:]
    # The empty line between a front matter and the text is no part of either.
    return text.removeprefix("\n")


def drawn_ofd(path: Path) -> list:
    """The text objects that easyofd's parser gives, page by page."""
    from loguru import logger
    logger.remove()
    with contextlib.redirect_stdout(io.StringIO()):
        from easyofd.ofd import OFD
        ofd = OFD()
        ofd.read(str(path), fmt="path")
    return [repr(one.get("page_info")) for one in ofd.data]


def complaints(path: Path, form: str) -> dict:
    """What strict tools say against a file. The label must add nothing to it."""
    held = {}
    if form in PICTURES | MEDIA | {"pdf"}:
        said = out("exiftool", "-validate", "-warning", "-error", "-a", "-s", "-api", "LargeFileSupport=1", path)
        held["exiftool -validate"] = sorted(set(re.sub(r"  +", "", line) for line in said.splitlines() if not line.startswith("Validate")))
    if form == "png":
        held["pngcheck"] = re.findall(r"(?:error|warning|invalid).*", out("pngcheck", "-q", path, both=True), re.I)
    if form == "tiff":
        held["tiffinfo"] = [re.sub(r"\S*/", "", line) for line in stderr("tiffinfo", path)]
    if form == "webp":
        held["webpinfo"] = re.findall(r"(?:error|warning|no error).*", out("webpinfo", path, both=True), re.I)
    if form == "heif":
        held["heif-info"] = stderr("heif-info", path)
    if form == "pdf":
        done = subprocess.run(["qpdf", "--check", path], capture_output=True, text=True, errors="replace")
        said = (done.stdout + done.stderr).replace(str(path), "FILE").splitlines()
        said = [line for line in said if re.search("warning|error", line, re.I)]
        held["qpdf --check"] = [str(done.returncode)] + [line for line in said if "No syntax or stream" not in line]
        held["pdfinfo"] = stderr("pdfinfo", path)
        if b"/ByteRange" in path.read_bytes():
            held["pdfsig"] = re.findall(r"Signature Validation: .*", out("pdfsig", "-nocert", path, both=True))
    if form in MEDIA:
        held["ffmpeg"] = [re.sub("0x[0-9a-f]+", "", line) for line in stderr("ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:v?",
                                                                               "-map", "0:a?", "-f", "null", "-")]
    if form == "matroska":
        done = subprocess.run(["mkvinfo", path], capture_output=True, text=True, errors="replace")
        held["mkvinfo"] = [str(done.returncode)] + re.findall(r".*(?:error|warning|unknown element).*", done.stdout + done.stderr, re.I)
    if form in PACKAGES:
        with zipfile.ZipFile(path) as parts:
            held["zipfile"] = [str(parts.testzip())]
            held["names twice"] = [str(len(parts.namelist()) - len(set(parts.namelist())))]
            for name in parts.namelist():
                if name.endswith((".xml", ".rels", ".opf")):
                    lxml.etree.fromstring(parts.read(name))
    if path.suffix == ".docx":
        import docx
        held["python-docx"] = [docx.Document(path).core_properties.title]
    if path.suffix == ".pptx":
        import pptx
        held["python-pptx"] = [pptx.Presentation(path).core_properties.title, str(len(pptx.Presentation(path).slides))]
    if path.suffix in (".xhtml",):
        lxml.etree.fromstring(path.read_bytes())
    return held


def stderr(*command) -> list:
    done = subprocess.run([str(w) for w in command], capture_output=True, stdin=subprocess.DEVNULL, timeout=180)
    lines = done.stderr.decode(errors="replace").replace(str(command[-1]), "FILE").splitlines()
    return [re.sub(r"\S*/(\S+)", r"\1", line) for line in lines]


def added_bytes(old: Path, new: Path) -> dict:
    """How the files differ as bytes: what stands in the middle when equal beginnings and ends are taken off."""
    a, b = old.read_bytes(), new.read_bytes()
    limit = min(len(a), len(b))
    lo, hi = 0, limit
    while lo < hi:  # The longest common beginning, by halving.
        mid = (lo + hi + 1) // 2
        lo, hi = (mid, hi) if a[:mid] == b[:mid] else (lo, mid - 1)
    front = lo
    lo, hi = 0, limit - front
    while lo < hi:
        mid = (lo + hi + 1) // 2
        lo, hi = (mid, hi) if a[len(a) - mid:] == b[len(b) - mid:] else (lo, mid - 1)
    return {"grown": len(b) - len(a), "old_bytes_between": len(a) - front - lo, "inserted_only": front + lo == len(a)}


def new_complaints(before: dict, after: dict) -> list:
    """What the tools say of the second file and not of the first."""
    return [f"{tool}: {line}" for tool, said in after.items() for line in said
            if re.sub(r"\d+", "N", line) not in {re.sub(r"\d+", "N", one) for one in before.get(tool, [])}]


def differences(before, after, path="") -> list:
    """Where two trees differ, in words."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = []
        for name in sorted(set(before) | set(after), key=str):
            if name not in before:
                found.append(f"{path}{name}: new, {str(after[name])[:60]}")
            elif name not in after:
                found.append(f"{path}{name}: gone, was {str(before[name])[:60]}")
            else:
                found += differences(before[name], after[name], f"{path}{name}: ")
        return found
    return [] if before == after else [f"{path}was {str(before)[:90]}, is {str(after)[:90]}"]
