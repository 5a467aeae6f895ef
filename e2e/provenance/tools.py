"""Other people's tools: running them, their versions, and what each reads of a label."""

import base64
import json
import re
import subprocess
import warnings
import zipfile
from html.parser import HTMLParser
from importlib import metadata
from pathlib import Path

import ebooklib.epub
import lxml.etree
import lxml.html
import mutagen
import openpyxl
import pikepdf
import pillow_heif
import pypdf
import yaml
from mutagen._riff import RiffFile
from PIL import Image

URI = "http://www.tc260.org.cn/ns/AIGC/1.0/"
FMTID = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"
warnings.filterwarnings("ignore")
pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None


def out(*command, timeout=180, check=False, errors="replace", both=False) -> str:
    """What a command prints."""
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL)
    if check and done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.decode(errors=errors)[-300:]}")
    return (done.stdout + (done.stderr if both else b"")).decode(errors=errors)


def exiftool(path: Path, *more) -> dict:
    """Tags by `group:name`, those that occur twice numbered."""
    text = out("exiftool", "-j", "-G1:4", "-a", "-U", "-b", "-api", "LargeFileSupport=1", *more, path)
    return json.loads(text)[0] if text.strip() else {}


def ffprobe(path: Path) -> dict:
    return json.loads(out("ffprobe", "-v", "error", "-show_format", "-show_streams", "-show_chapters", "-of", "json", path) or "{}")


_VERSIONS = {}


def version(tool: str) -> str:
    """Name and version of a tool, as a table says it."""
    if tool not in _VERSIONS:
        commands = {
            "exiftool": (["exiftool", "-ver"], r"([\d.]+)"), "ffprobe": (["ffprobe", "-version"], r"version (\d[\d.]*)"),
            "ffmpeg": (["ffmpeg", "-version"], r"version (\d[\d.]*)"), "exempi": (["exempi", "-h"], r"version ([\d.]+)"),
            "mediainfo": (["mediainfo", "--Version"], r"v([\d.]+)"), "pdfinfo": (["pdfinfo", "-v"], r"version ([\d.]+)"),
            "qpdf": (["qpdf", "--version"], r"version ([\d.]+)"), "mkvextract": (["mkvextract", "--version"], r"v([\d.]+)"),
            "mkvpropedit": (["mkvpropedit", "--version"], r"v([\d.]+)"),
            "webpmux": (["webpmux", "-version"], r"([\d.]+)"), "LibreOffice": (["soffice", "--version"], r"LibreOffice ([\d.]+)"),
            "ImageMagick": (["identify", "-version"], r"ImageMagick (\S+)"), "pngcheck": (["pngcheck", "-h"], r"version ([\d.]+)"),
            "pdfsig": (["pdfsig", "-v"], r"version ([\d.]+)"), "tiffinfo": (["tiffinfo", "-h"], r"LIBTIFF, Version ([\d.]+)"),
        }
        packages = {"Pillow": "pillow", "html.parser": None, "PyYAML": "pyyaml"}
        if tool in commands:
            command, pattern = commands[tool]
            found = re.search(pattern, out(*command, both=True))
            _VERSIONS[tool] = f"{tool} {found.group(1) if found else '?'}"
        elif tool in packages and packages[tool] is None:
            import platform
            _VERSIONS[tool] = f"{tool} (Python {platform.python_version()})"
        else:
            _VERSIONS[tool] = f"{tool} {metadata.version(packages.get(tool, tool))}"
    return _VERSIONS[tool]


def of_xmp(packet) -> list:
    """The labels of a packet of XMP."""
    if packet is None:
        return []
    packet = packet if isinstance(packet, bytes) else packet.encode()
    tree = lxml.etree.fromstring(packet.strip(b"\0 \r\n\t\xef\xbb\xbf"))
    found = [node.text for node in tree.iter(f"{{{URI}}}AIGC")]
    return found + [node.get(f"{{{URI}}}AIGC") for node in tree.iter() if node.get(f"{{{URI}}}AIGC")]


def by_exiftool(path):
    tags = exiftool(path)
    values = [value for name, value in tags.items() if name.split(":")[-1].lower() in ("aigc", "unknown_aigc")]
    values += [value[7:] for name, value in tags.items() if "UserDefinedText" in name and str(value).startswith("(AIGC) ")]
    values = [json.dumps(value) if isinstance(value, dict) else str(value) for value in values]
    values = [base64.b64decode(value[7:]).decode() if value.startswith("base64:") else value for value in values]
    # Chunks of RIFF end their texts with a zero.
    return [value.rstrip("\0") for value in values]


def by_ffprobe(path):
    probe = ffprobe(path)
    places = [probe.get("format", {})] + probe.get("streams", [])
    return [value for place in places for name, value in place.get("tags", {}).items() if name.lower() == "aigc"]


def by_exempi(path):
    value = out("exempi", "-n", URI, "TC260", "-g", "TC260:AIGC", path).strip()
    return [value] if value.startswith("{") else []


def by_mediainfo(path):
    tree = json.loads(out("mediainfo", "--Output=JSON", path) or "{}")
    found = []

    def walk(node):
        if isinstance(node, dict):
            found.extend(value for name, value in node.items() if name.lower() == "aigc" and isinstance(value, str))
            node = list(node.values())
        for inner in node if isinstance(node, list) else []:
            walk(inner)

    walk(tree)
    return found


def by_pillow(path):
    with Image.open(path) as image:
        found = of_xmp(image.info.get("xmp") or image.info.get("XML:com.adobe.xmp"))
        if not found and hasattr(image, "tag_v2"):
            found = of_xmp(image.tag_v2.get(700))
        return found + ([image.info["AIGC"]] if "AIGC" in image.info else [])


def by_webpmux(path):
    return of_xmp(out("webpmux", "-get", "xmp", path, "-o", "-").encode() or None)


def by_mutagen(path):
    file = mutagen.File(path)
    if file is None or file.tags is None:
        return []
    if hasattr(file.tags, "getall"):
        return [frame.text[0] for frame in file.tags.getall("TXXX") if frame.desc == "AIGC"]
    return list(file.tags.get("AIGC", []))


def by_mutagen_riff(path):
    with open(path, "rb") as file:
        return [chunk.read().rstrip(b"\0").decode() for chunk in RiffFile(file).root.subchunks() if chunk.id.strip() == "AIGC"]


def by_mkvextract(path):
    tree = lxml.etree.fromstring(out("mkvextract", path, "tags").encode())
    return [tag.findtext("String") for tag in tree.iter("Simple") if tag.findtext("Name") == "AIGC"]


def by_lxml_zip(path):
    with zipfile.ZipFile(path) as parts:
        if "OFD.xml" in parts.namelist():
            tree = lxml.etree.fromstring(parts.read("OFD.xml"))
            return [n.text for n in tree.iter("{http://www.ofdspec.org/2016}CustomData") if n.get("Name") == "AIGC"]
        tree = lxml.etree.fromstring(parts.read("docProps/custom.xml"))
        return [one[0].text for one in tree if one.get("name") == "AIGC" and one.get("fmtid") == FMTID]


def by_openpyxl(path):
    return [one.value for one in openpyxl.load_workbook(path).custom_doc_props.props if one.name == "AIGC"]


def by_pypdf(path):
    value = (pypdf.PdfReader(path).metadata or {}).get("/AIGC")
    return [] if value is None else [str(value)]


def by_pikepdf(path):
    with pikepdf.open(path) as pdf:
        return [str(pdf.docinfo["/AIGC"])] if "/AIGC" in pdf.docinfo else []


def by_pdfinfo(path):
    return re.findall(r"^AIGC:\s+(.*)$", out("pdfinfo", "-custom", path), re.M)


def by_ebooklib(path):
    book = ebooklib.epub.read_epub(path)
    spaces = list(book.metadata.values())
    found = [attributes for space in spaces for entries in space.values() for _, attributes in entries]
    return [a["content"] for a in found if a and a.get("name") == "AIGC"]


class Metas(HTMLParser):
    """`<meta name="AIGC">`, and the text of the page."""

    def __init__(self, text: str):
        super().__init__()
        self.labels, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "meta" and attributes.get("name") == "AIGC":
            self.labels.append(attributes.get("content"))
        else:
            self.words.append((tag, sorted(attributes.items(), key=str)))

    handle_startendtag = handle_starttag

    def handle_data(self, data):
        self.words.append(data)

    def handle_comment(self, data):
        self.words.append(("comment", data))


def words(path) -> str:
    """A text file, in its encoding."""
    data = Path(path).read_bytes()
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError(f"{path}: no encoding")


def by_html_parser(path):
    return Metas(words(path)).labels


def by_lxml_html(path):
    return [one.get("content") for one in lxml.html.fromstring(Path(path).read_bytes()).iter("meta") if one.get("name") == "AIGC"]


def by_pyyaml(path):
    text = words(path).replace("\r\n", "\n")
    if not text.startswith("---\n"):
        return []
    front = yaml.safe_load(text[4:text.index("\n---\n", 3) + 1])
    return [json.dumps(front["AIGC"])] if isinstance(front, dict) and "AIGC" in front else []


PICTURE = [("exiftool", by_exiftool), ("exempi", by_exempi), ("Pillow", by_pillow)]
MEDIA = [("exiftool", by_exiftool), ("ffprobe", by_ffprobe), ("mediainfo", by_mediainfo)]
MUTAGEN = MEDIA + [("mutagen", by_mutagen)]
# Who reads the label of which format.
READERS = {
    "jpeg": PICTURE, "png": PICTURE, "gif": PICTURE, "tiff": PICTURE, "webp": PICTURE + [("webpmux", by_webpmux)],
    "heif": [("exiftool", by_exiftool), ("Pillow", by_pillow)],
    "mp3": MUTAGEN, "flac": MUTAGEN, "ogg": MUTAGEN, "m4a": MEDIA, "mp4": MEDIA, "flv": MEDIA, "avi": MEDIA,
    "matroska": MEDIA + [("mkvextract", by_mkvextract)], "wav": MEDIA + [("mutagen", by_mutagen_riff)],
    "ooxml": [("lxml", by_lxml_zip), ("openpyxl", by_openpyxl)], "epub": [("ebooklib", by_ebooklib)], "ofd": [("lxml", by_lxml_zip)],
    "pdf": [("exiftool", by_exiftool), ("pypdf", by_pypdf), ("pikepdf", by_pikepdf), ("pdfinfo", by_pdfinfo)],
    "html": [("html.parser", by_html_parser), ("lxml", by_lxml_html), ("exiftool", by_exiftool)], "markdown": [("PyYAML", by_pyyaml)],
}


def members(value: str):
    """The members of a label as a third party read it: parsed, the wrapper off."""
    try:
        label = json.loads(value)
    except (TypeError, ValueError):
        return None
    return label.get("AIGC", label) if isinstance(label, dict) else None


def third_parties(path: Path, form: str, expected: dict):
    """(tools that read exactly the label, [(tool, what it read instead)])."""
    read, missed = [], []
    for tool, reader in READERS[form]:
        if tool == "openpyxl" and path.suffix not in (".xlsx", ".xlsm"):
            continue
        try:
            values = reader(path)
        except Exception as error:  # A tool that fails is a finding, not the end.
            missed.append((tool, f"{type(error).__name__}: {error}"[:200]))
            continue
        if [members(value) for value in values] == [expected]:
            read.append(tool)
        else:
            missed.append((tool, f"read {values}"[:200]))
    return read, missed
