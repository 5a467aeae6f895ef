"""Reads every carrier back with the usual Python libraries, which share no code with the program.

    MENSHEN_CARRIERS=$PWD/out cargo test -p menshen-redteam --lib -- --ignored carriers_are_written
    pip install pypdf python-docx openpyxl opencv-python-headless pillow
    python bench/redteam/carriers.py out

Prints a line for each carrier and ends with 1 if one does not hold its text.
"""

import csv
import email
import email.policy
import html.parser
import re
import sys
import wave
import xml.etree.ElementTree
import zipfile
from pathlib import Path

import cv2
import docx
import numpy
import openpyxl
import pypdf
from PIL import Image


def squeezed(text):
    """Without white space: lines are broken anew in many carriers."""
    return re.sub(r"\s", "", text)


def codes(path, text):
    """All QR codes of a picture, joined by their printed order: row by row."""
    picture = cv2.imread(str(path))
    found, texts, corners, _ = cv2.QRCodeDetectorAruco().detectAndDecodeMulti(picture)
    if not found:
        return ""
    # Codes of one row differ by less than half a code.
    height = max(c[:, 1].max() - c[:, 1].min() for c in corners)
    order = sorted(range(len(texts)), key=lambda n: (round(corners[n][:, 1].min() / height), corners[n][:, 0].min()))
    return "".join(texts[n] for n in order)


def qr_svg(path, text):
    """Drawn by hand: every module is `Mx yh1v1h-1z`."""
    svg = path.read_text()
    side = int(re.search(r'viewBox="0 0 (\d+)', svg)[1])
    picture = numpy.full((side, side), 255, numpy.uint8)
    for x, y in re.findall(r"M(\d+) (\d+)h", svg):
        picture[int(y), int(x)] = 0
    picture = cv2.resize(picture, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    return cv2.QRCodeDetector().detectAndDecode(picture)[0]


def lsb(path, text):
    bits = (numpy.asarray(Image.open(path)).reshape(-1) & 1).astype(numpy.uint8)
    data = numpy.packbits(bits).tobytes()
    return data[4 : 4 + int.from_bytes(data[:4], "big")].decode()


def ink(path, text):
    """A picture: it opens and has more than one colour."""
    picture = Image.open(path)
    picture.load()
    return text if len(set(numpy.asarray(picture).reshape(-1, len(picture.getbands()))[:, :].sum(axis=1).tolist())) > 1 else ""


def gif(path, text):
    picture = Image.open(path)
    for n in range(picture.n_frames):
        picture.seek(n)
        picture.load()
    return text if picture.n_frames > 1 else ""


def pdf(path, text):
    return "".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


def runs(path, text):
    return "\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)


def hidden_runs(path, text):
    return "\n".join(run.text for p in docx.Document(str(path)).paragraphs for run in p.runs if run.font.hidden)


def comments(path, text):
    return "\n".join(comment.text for comment in docx.Document(str(path)).comments)


def cell(sheet, state):
    def read(path, text):
        sheets = openpyxl.load_workbook(path).worksheets
        return sheets[sheet]["A1"].value if sheets[sheet].sheet_state == state else ""

    return read


class Hidden(html.parser.HTMLParser):
    """Collects the text of the element that is not displayed."""

    text, inside = "", False

    def handle_starttag(self, tag, attributes):
        self.inside = self.inside or "display:none" in (dict(attributes).get("style") or "")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "div"

    def handle_data(self, data):
        self.text += data if self.inside else ""


def web_page(path, text):
    parser = Hidden()
    parser.feed(path.read_text())
    return parser.text


def svg(tag):
    def read(path, text):
        root = xml.etree.ElementTree.parse(path).getroot()
        return "".join(element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}" + tag))

    return read


def calendar(path, text):
    lines = path.read_bytes().decode().replace("\r\n ", "").split("\r\n")
    value = next(line for line in lines if line.startswith("DESCRIPTION:"))[12:]
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], value)


def halves(path, text):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return "".join(archive.read(name).decode() for name in ("part1.txt", "part2.txt"))


def sound(path, text):
    with wave.open(str(path)) as file:
        samples = numpy.frombuffer(file.readframes(file.getnframes()), numpy.int16)
        seconds = len(samples) / file.getframerate()
    return text if seconds > 1 and abs(samples.astype(int)).max() > 100 else ""


READERS = {
    "qr_png": lambda path, text: cv2.QRCodeDetector().detectAndDecode(cv2.imread(str(path)))[0],
    "qr_svg": qr_svg,
    "qr_many": codes,
    "png_text_chunk": lambda path, text: Image.open(path).text["Description"],
    "jpeg_comment": lambda path, text: ink_or_flat(path) and Image.open(path).info["comment"].decode(),
    "image_lsb": lsb,
    "svg_text": svg("text"),
    "svg_hidden": svg("text"),
    "svg_description": svg("desc"),
    "gif_frames": gif,
    "pdf_text": pdf,
    "pdf_hidden": pdf,
    "pdf_metadata": lambda path, text: pypdf.PdfReader(path).metadata.subject,
    "docx_text": runs,
    "docx_hidden": hidden_runs,
    "docx_comment": comments,
    "xlsx_cell": cell(0, "visible"),
    "xlsx_hidden": cell(1, "veryHidden"),
    "csv_cell": lambda path, text: list(csv.reader(path.open(newline="")))[2][1],
    "html_hidden": web_page,
    "markdown_comment": lambda path, text: re.search(r"<!--\n(.*)\n-->", path.read_text(), re.S)[1],
    "mail": lambda path, text: email.message_from_bytes(path.read_bytes(), policy=email.policy.default).get_content(),
    "calendar": calendar,
    "zip_halves": halves,
}


def ink_or_flat(path):
    """The JPEG is of one grey; it must decode all the same."""
    Image.open(path).load()
    return True


def main(folder):
    bad = 0
    for language in sorted(p for p in folder.iterdir() if p.is_dir()):
        text = (language / "text.txt").read_text()
        for path in sorted(language.glob("*--*")):
            kind = path.name.split("--")[0]
            reader = READERS.get(kind) or (sound if kind.startswith("audio_") else ink)
            try:
                read = reader(path, text) or ""
            except Exception as error:  # any failure of any library is a finding here
                read = f"{type(error).__name__}: {error}"
            good = squeezed(text) in squeezed(read)
            bad += not good
            print("ok " if good else "BAD", language.name, kind, "" if good else read[:200])
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
