"""Labels that others write, and whether menshen sees them: their members, in how many places, and how it judges them."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import lxml.etree
import lxml.html
import mutagen
import mutagen.apev2
import mutagen.id3
import mutagen.mp4
import openpyxl
import piexif
import pikepdf
import pypdf
import tifffile
import yaml
from ebooklib import epub
from openpyxl.packaging.custom import StringProperty
from PIL import Image, PngImagePlugin

from tools import FMTID, URI, members, out, version

LABEL = {"Label": "1", "ContentProducer": "001191110102MACQD9K64010000", "ProduceID": "o-1", "ReservedCode1": "",
         "ContentPropagator": "001191110102MACQD9K64010000", "PropagateID": "o-1", "ReservedCode2": ""}
INNER = json.dumps(LABEL, separators=(",", ":"))
WRAPPED = json.dumps({"AIGC": LABEL}, separators=(",", ":"))
PACKET = (f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
          'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
          f'xmlns:TC260="{URI}"><TC260:AIGC>{INNER}</TC260:AIGC></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>')
CONFIG = """%Image::ExifTool::UserDefined = ('Image::ExifTool::XMP::Main' => {
    TC260 => { SubDirectory => { TagTable => 'Image::ExifTool::UserDefined::TC260' } } });
%Image::ExifTool::UserDefined::TC260 = (GROUPS => { 0 => 'XMP', 1 => 'XMP-TC260', 2 => 'Image' },
    NAMESPACE => { 'TC260' => 'http://www.tc260.org.cn/ns/AIGC/1.0/' }, WRITABLE => 'string', AIGC => { });
1;
"""


def command(*words) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError((done.stderr or done.stdout)[-200:])


def ffmpeg(path: Path, *more) -> None:
    fresh = path.with_name(f"new-{path.name}")
    command("ffmpeg", "-v", "error", "-y", "-i", path, "-map", "0", "-c", "copy", "-metadata", f"AIGC={INNER}", *more, fresh)
    fresh.rename(path)


def cntc260(path: Path) -> None:
    """As its own instructions have it; it puts a hash of its own into ReservedCode1."""
    from cntc260.tc260 import GBxmp
    with contextlib.redirect_stdout(io.StringIO()):
        writer = GBxmp(str(path))
        writer.setAIGC(dict(LABEL))
        done, why = writer.writeXmp()
    if not done:
        raise RuntimeError(str(why))
    # Exempi says yes to containers that it then leaves alone: what it wrote is what another reader of it finds.
    if b"tc260.org.cn" not in path.read_bytes():
        raise RuntimeError("wrote nothing")


def exiftool_xmp(path: Path) -> None:
    config = path.with_name("config")
    config.write_text(CONFIG)
    command("exiftool", "-config", config, "-q", "-overwrite_original", f"-XMP-TC260:AIGC={INNER}", path)
    config.unlink()


def exiftool_comment(path: Path) -> None:
    command("exiftool", "-q", "-overwrite_original", f"-UserComment={WRAPPED}", path)


def piexif_comment(path: Path) -> None:
    held = piexif.load(str(path))
    held["Exif"][piexif.ExifIFD.UserComment] = b"ASCII\0\0\0" + WRAPPED.encode()
    piexif.insert(piexif.dump(held), str(path))


def pillow_png(kind):
    def write(path: Path) -> None:
        with Image.open(path) as image:
            info = PngImagePlugin.PngInfo()
            {"tEXt": lambda: info.add_text("AIGC", INNER), "zTXt": lambda: info.add_text("AIGC", INNER, zip=True),
             "iTXt": lambda: info.add_itxt("AIGC", INNER), "Description": lambda: info.add_text("Description", WRAPPED)}[kind]()
            image.save(path, pnginfo=info)
    return write


def pillow_xmp(path: Path) -> None:
    with Image.open(path) as image:
        image.load()
        image.save(path, xmp=PACKET.encode())


def magick(path: Path) -> None:
    command("convert", path, "-set", "AIGC", INNER, f"{path.suffix[1:]}:{path}.new")
    Path(f"{path}.new").rename(path)


def tifffile_xmp(path: Path) -> None:
    pixels = tifffile.imread(path)
    packet = PACKET.encode()
    tifffile.imwrite(path, pixels, extratags=[(700, 7, len(packet), packet, True)])


def webpmux(path: Path) -> None:
    packet = path.with_name("packet.xmp")
    packet.write_text(PACKET)
    command("webpmux", "-set", "xmp", packet, path, "-o", path)
    packet.unlink()


def id3(number):
    def write(path: Path) -> None:
        try:
            tag = mutagen.id3.ID3(path)
        except mutagen.id3.ID3NoHeaderError:
            tag = mutagen.id3.ID3()
        tag.add(mutagen.id3.TXXX(encoding=3 if number == 4 else 1, desc="AIGC", text=[WRAPPED]))
        tag.save(path, v2_version=number)
    return write


def vorbis(path: Path) -> None:
    file = mutagen.File(path)
    file["AIGC"] = WRAPPED
    file.save()


def ape(path: Path) -> None:
    tag = mutagen.apev2.APEv2()
    tag["AIGC"] = WRAPPED
    tag.save(path)


def freeform(path: Path) -> None:
    file = mutagen.mp4.MP4(path)
    file["----:com.apple.iTunes:AIGC"] = mutagen.mp4.MP4FreeForm(WRAPPED.encode())
    file.save()


def wave_id3(path: Path) -> None:
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    file.tags.add(mutagen.id3.TXXX(encoding=3, desc="AIGC", text=[WRAPPED]))
    file.save()


def mkvpropedit(path: Path) -> None:
    tags = path.with_name("tags.xml")
    tags.write_text("<Tags><Tag><Targets/><Simple><Name>AIGC</Name><String>" + WRAPPED.replace('"', "&quot;") + "</String></Simple></Tag></Tags>")
    command("mkvpropedit", path, "--tags", f"global:{tags}")
    tags.unlink()


def custom_xml(path: Path) -> None:
    """The custom property by hand, as a script with lxml writes it."""
    space = "http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"
    types = "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"
    root = lxml.etree.Element(f"{{{space}}}Properties", nsmap={None: space, "vt": types})
    one = lxml.etree.SubElement(root, f"{{{space}}}property", fmtid=FMTID, pid="2", name="AIGC")
    lxml.etree.SubElement(one, f"{{{types}}}lpwstr").text = INNER
    fresh = path.with_name(f"new-{path.name}")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename == "[Content_Types].xml":
                data = data.replace(b"</Types>", b'<Override PartName="/docProps/custom.xml" ContentType="application/'
                                    b'vnd.openxmlformats-officedocument.custom-properties+xml"/></Types>')
            if part.filename == "_rels/.rels":
                data = data.replace(b"</Relationships>", b'<Relationship Id="rAigc" Type="http://schemas.openxmlformats.org/'
                                    b'officeDocument/2006/relationships/custom-properties" Target="docProps/custom.xml"/></Relationships>')
            new.writestr(part, data)
        new.writestr("docProps/custom.xml", lxml.etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))
    fresh.rename(path)


def openpyxl_property(path: Path) -> None:
    book = openpyxl.load_workbook(path)
    book.custom_doc_props.append(StringProperty(name="AIGC", value=INNER))
    book.save(path)


def pypdf_info(path: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=str(path))
    writer.add_metadata({"/AIGC": INNER})
    writer.write(str(path))


def pikepdf_info(path: Path) -> None:
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.docinfo["/AIGC"] = INNER
        pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def pikepdf_encrypted(path: Path) -> None:
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.docinfo["/AIGC"] = INNER
        pdf.save(path, encryption=pikepdf.Encryption(owner="owner", user="", R=6))


def ebooklib_meta(path: Path) -> None:
    book = epub.read_epub(str(path))
    for number, link in enumerate(book.toc):
        link.uid = link.uid or f"toc-{number}"  # It cannot write what it read without.
    book.add_metadata("OPF", "meta", "", {"name": "AIGC", "content": INNER})
    epub.write_epub(str(path), book)


def lxml_meta(path: Path) -> None:
    page = lxml.html.fromstring(path.read_bytes())
    page.head.append(lxml.html.Element("meta", name="AIGC", content=WRAPPED))
    path.write_bytes(lxml.html.tostring(page, doctype="<!DOCTYPE html>", encoding="utf-8"))


def front_matter(path: Path) -> None:
    path.write_text("---\n" + yaml.safe_dump({"title": "门神", "AIGC": LABEL}, allow_unicode=True, sort_keys=False) + "---\n# 门神\n")


def libreoffice(path: Path) -> None:
    """A labelled document saved again: LibreOffice keeps custom properties."""
    custom_xml(path)
    command("soffice", "--headless", f"-env:UserInstallation=file://{path.parent}/office", "--convert-to", "docx:MS Word 2007 XML",
            "--outdir", path.parent / "again", path)
    (path.parent / "again" / path.name).rename(path)


# Found, and judged as standing where no guide puts it.
ELSEWHERE = "noncompliant: not the guide's place"
BROKEN = "inconclusive: exempi 2.6 leaves a WebP that webpinfo calls broken"
# Where the XMP of a format is not the guide's place.
MEDIA = (".mp4", ".mov", ".m4a", ".mp3", ".wav", ".avi", ".pdf")
# (writer, its package or program, how, file of the zoo, what it puts where, expected). Expected: `compliant`,
# `noncompliant: why`, or `none: why` where the writer drops the label without a word.
CASES = [
    *[("cntc260", "cntc260", cntc260, name, "XMP", BROKEN if name.endswith("webp") else ELSEWHERE if name.endswith(MEDIA) else "compliant") for name in
      ("jpeg-phone-exif-gps-icc-xmp-mpf.jpg", "png-text-iccp-exif.png", "webp-lossy-simple.webp", "gif-animated-comment.gif",
       "tiff-ii-lzw-icc.tif", "mp4-moov-last-chapters-subtitles.mp4", "mov-chapters.mov", "mp3-id3v2.3-cover-id3v1.mp3",
       "wav-pcm16.wav", "avi-mpeg4-mp3.avi")],
    *[("exiftool (user configuration)", "exiftool", exiftool_xmp, name, "XMP", ELSEWHERE if name.endswith(MEDIA) else "compliant") for name in
      ("jpeg-iptc-photoshop.jpg", "png-rgba-8.png", "webp-lossy-exif-odd.webp", "gif-still.gif", "tiff-mm.tif", "heic-exif-xmp-icc.heic", "avif-bare.avif", "mp4-moov-first.mp4", "mov-moov-first.mov", "m4a-cover.m4a", "pdf-1.4-classic.pdf")],
    ("exiftool", "exiftool", exiftool_comment, "jpeg-bare.jpg", "EXIF UserComment", "compliant"),
    ("exiftool", "exiftool", exiftool_comment, "png-rgba-8.png", "eXIf UserComment", ELSEWHERE),
    ("piexif", "piexif", piexif_comment, "jpeg-grey.jpg", "EXIF UserComment", "compliant"),
    *[("Pillow", "Pillow", pillow_png(kind), "png-rgba-8.png", f"PNG {kind}", "compliant" if kind == "tEXt" else ELSEWHERE) for kind in
      ("tEXt", "zTXt", "iTXt", "Description")],
    *[("Pillow", "Pillow", pillow_xmp, name, "XMP", "compliant") for name in
      ("jpeg-bare.jpg", "webp-lossless-simple.webp", "heic-bare.heic", "avif-bare.avif")],
    ("ImageMagick", "ImageMagick", magick, "png-rgba-8.png", "PNG zTXt", ELSEWHERE),
    ("tifffile", "tifffile", tifffile_xmp, "tiff-mm.tif", "tag 700", "compliant"),
    ("webpmux", "webpmux", webpmux, "webp-animated-bare.webp", "XMP", "compliant"),
    *[("mutagen", "mutagen", id3(number), "mp3-no-tags.mp3", f"ID3v2.{number} TXXX", "compliant") for number in (3, 4)],
    *[("mutagen", "mutagen", vorbis, name, "Vorbis comment", "compliant") for name in
      ("flac-bare.flac", "ogg-vorbis.ogg", "ogg-opus.opus", "ogg-flac.oga", "ogg-speex.spx")],
    ("mutagen", "mutagen", ape, "mp3-no-tags.mp3", "APEv2", ELSEWHERE),
    ("mutagen", "mutagen", freeform, "m4a-cover.m4a", "iTunes freeform", ELSEWHERE),
    ("mutagen", "mutagen", wave_id3, "wav-pcm16.wav", "ID3 in WAV", ELSEWHERE),
    *[("ffmpeg -movflags use_metadata_tags", "ffmpeg", lambda p: ffmpeg(p, "-movflags", "use_metadata_tags"), name, "keys", "compliant")
      for name in ("mp4-moov-last-chapters-subtitles.mp4", "mov-moov-first.mov", "m4a-cover.m4a")],
    *[("ffmpeg", "ffmpeg", ffmpeg, name, place, "compliant") for name, place in
      (("mkv-cues-first.mkv", "SimpleTag"), ("webm-vp8-vorbis.webm", "SimpleTag"), ("mp3-no-tags.mp3", "TXXX"),
       ("flac-bare.flac", "Vorbis comment"), ("ogg-vorbis.ogg", "Vorbis comment"), ("ogg-opus.opus", "Vorbis comment"),
       ("flv.flv", "onMetaData"))],
    ("ffmpeg", "ffmpeg", ffmpeg, "mp4-moov-first.mp4", "–", "none: it drops unknown keys without the flag"),
    ("ffmpeg", "ffmpeg", ffmpeg, "avi-mpeg4-mp3.avi", "–", "none: it drops unknown names in AVI"),
    ("ffmpeg", "ffmpeg", ffmpeg, "wav-pcm16.wav", "–", "none: it drops unknown names in WAV"),
    ("mkvpropedit", "mkvpropedit", mkvpropedit, "mkv-chapters-attachment.mkv", "SimpleTag", "compliant"),
    ("zipfile + lxml", "lxml", custom_xml, "docx-python-docx.docx", "custom property", "compliant"),
    ("zipfile + lxml", "lxml", custom_xml, "pptx-python-pptx.pptx", "custom property", "compliant"),
    ("openpyxl", "openpyxl", openpyxl_property, "xlsx-openpyxl-custom-properties.xlsx", "custom property", "compliant"),
    ("LibreOffice, saved again", "LibreOffice", libreoffice, "docx-python-docx.docx", "custom property", "compliant"),
    ("pypdf", "pypdf", pypdf_info, "pdf-1.4-classic.pdf", "Info", "compliant"),
    ("pikepdf", "pikepdf", pikepdf_info, "pdf-1.7-object-streams-xmp.pdf", "Info", "compliant"),
    ("pikepdf, encrypted", "pikepdf", pikepdf_encrypted, "pdf-1.4-classic.pdf", "Info", "inconclusive: what is encrypted is not read"),
    ("ebooklib", "ebooklib", ebooklib_meta, "epub3-ebooklib.epub", "OPF meta", "compliant"),
    ("lxml.html", "lxml", lxml_meta, "html-utf8.html", "meta", "compliant"),
    ("PyYAML", "PyYAML", front_matter, "md-plain.md", "front matter", "compliant"),
]


def run(menshen, zoo: Path, work: Path) -> list:
    """Every case: written, read, judged, and replaced by our label: exactly one then."""
    results = []
    for number, (writer, tool, write, name, place, expected) in enumerate(CASES):
        folder = work / str(number)
        folder.mkdir(parents=True)
        path = folder / name
        result = {"name": f"{writer}: {place} of {name}", "writer": version(tool) if writer != "zipfile + lxml" else version("lxml"),
                  "by": writer, "into": place, "file": name, "expected": expected, "good": False}
        results.append(result)
        try:
            shutil.copy(zoo / name, path)
            write(path)
        except Exception as error:
            result["got"] = f"the writer failed: {type(error).__name__}: {error}"[:300]
            continue
        read = menshen.read(path)
        code, said, _, _, _ = menshen.run("verify", "--json", path)
        state = json.loads(said)[0]["state"] if said.strip() else str(code)
        values = [members(one["value"]) for one in read["labels"]]
        # cntc260 makes ReservedCode1 a number or text of its own.
        told = [{k: v for k, v in (one or {}).items() if k != "ReservedCode1"} for one in values]
        want = [{k: v for k, v in LABEL.items() if k != "ReservedCode1"}]
        result["places"] = [one["place"] for one in read["labels"]]
        result["faults"] = [one["en"] for one in read.get("faults") or []]
        result["got"] = f"{state} {result['places']}"
        if expected.startswith("none"):
            result["good"] = state == "not_found" and not values
            continue
        if expected.startswith("inconclusive"):
            result["good"] = state == "inconclusive"
            result["got"] += f" {read.get('problem')}"
            continue
        good = told == want and state == expected.split(":")[0]
        code, _, error, _, _ = menshen.add(path, "ours-1")
        after = menshen.read(path)
        ids = [(members(one["value"]) or {}).get("ProduceID") for one in after["labels"]]
        bytes_left = path.read_bytes().count(b'"o-1"') if path.suffix not in (".pdf",) else 0
        result["replaced"] = code == 0 and ids == ["ours-1"] and bytes_left == 0
        result["good"] = good and result["replaced"]
        if not result["good"]:
            result["got"] += f" {told if told != want else ''} replaced: {result['replaced']} {error} {ids} stale bytes: {bytes_left}"
    return results
