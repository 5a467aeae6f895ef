"""Real documents: Word, Excel, PowerPoint, EPUB, PDF, OFD, HTML, Markdown, plain text."""

import datetime
import io
import subprocess
import zipfile
from pathlib import Path

import docx
import openpyxl
import pikepdf
import pptx
import xlsxwriter
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from ebooklib import epub
from openpyxl.packaging.custom import IntProperty, StringProperty
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from reportlab.lib.pagesizes import A5
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen import canvas

from zoo_pictures import XMP, picture

HTML = """<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"><title>门神</title><meta name="author" content="Zoo">
<style>p { color: #333 }</style><script>if (1 < 2) document.title += "<head>";</script></head>
<body><h1>门神 &amp; Menshen</h1><p>Two doors.<br>两扇门。</p><!-- <meta name="AIGC"> in a comment --></body></html>
"""


def run(*command) -> None:
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def office(source: Path, to: str, name: Path) -> None:
    """Converts with LibreOffice."""
    run("soffice", "--headless", f"-env:UserInstallation=file://{source.parent}/.office", "--convert-to", to, "--outdir",
        source.parent / ".converted", source)
    made = source.parent / ".converted" / f"{source.stem}.{to.split(':')[0]}"
    made.rename(name)


def png() -> io.BytesIO:
    held = io.BytesIO()
    picture().save(held, "PNG")
    held.seek(0)
    return held


def offices(out: Path) -> None:
    word = docx.Document()
    word.core_properties.title, word.core_properties.author = "门神", "Zoo"
    word.core_properties.keywords = "door, god"
    word.add_heading("门神 & Menshen", 1)
    word.add_paragraph("Two doors. 两扇门。" * 20)
    word.add_picture(png())
    word.add_table(2, 3).cell(0, 0).text = "cell"
    word.save(out / "docx-python-docx.docx")
    book = openpyxl.Workbook()
    book.properties.title, book.properties.creator = "门神", "Zoo"
    book.custom_doc_props.append(StringProperty(name="Client", value="Door & Co"))
    book.custom_doc_props.append(IntProperty(name="Number", value=7))
    sheet = book.active
    for row in range(50):
        sheet.append([row, row * 1.5, f"门 {row}", "=A1+B1"])
    book.save(out / "xlsx-openpyxl-custom-properties.xlsx")
    written = xlsxwriter.Workbook(out / "xlsx-xlsxwriter.xlsx")
    written.add_worksheet().write("A1", "门神")
    written.close()
    show = pptx.Presentation()
    show.core_properties.title, show.core_properties.author = "门神", "Zoo"
    for number in range(3):
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = f"Door {number}"
        slide.placeholders[1].text = "两扇门"
        slide.shapes.add_picture(png(), 0, 0)
    show.save(out / "pptx-python-pptx.pptx")
    page = out / "page.html"
    page.write_text(HTML)
    office(page, "odt:writer8", out / "refused-odt.odt")
    text = out / "refused-odt.odt"
    office(text, "docx:MS Word 2007 XML", out / "docx-libreoffice.docx")
    office(text, "pdf:writer_pdf_Export", out / "pdf-1.6-libreoffice-tagged.pdf")
    office(text, 'pdf:writer_pdf_Export:{"SelectPdfVersion":{"type":"long","value":"2"}}', out / "pdf-a2b-libreoffice.pdf")
    office(text, "doc:MS Word 97", out / "refused-doc-1997.doc")
    office(out / "xlsx-openpyxl-custom-properties.xlsx", "xlsx:Calc MS Excel 2007 XML", out / "xlsx-libreoffice.xlsx")
    page.unlink()
    # A macro-enabled template is a document whose main part has another content type.
    with zipfile.ZipFile(out / "docx-python-docx.docx") as old, zipfile.ZipFile(out / "dotm-template.dotm", "w") as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename == "[Content_Types].xml":
                data = data.replace(b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
                                    b"application/vnd.ms-word.template.macroEnabledTemplate.main+xml")
            new.writestr(part, data, compress_type=zipfile.ZIP_DEFLATED)


def books(out: Path) -> None:
    book = epub.EpubBook()
    book.set_identifier("urn:uuid:7b1f1f0e-0000-4000-8000-000000000001")
    book.set_title("门神")
    book.set_language("zh")
    book.add_author("Zoo")
    book.add_metadata("DC", "description", "Two doors & more")
    book.set_cover("cover.png", png().getvalue())
    chapter = epub.EpubHtml(title="One", file_name="one.xhtml", lang="zh", content="<h1>门神</h1><p>Two doors.</p>")
    book.add_item(chapter)
    book.toc, book.spine = (chapter,), ["nav", chapter]
    book.add_item(epub.EpubNcx())
    book.add_item(epub.EpubNav())
    epub.write_epub(str(out / "epub3-ebooklib.epub"), book)
    # Version 2 as old shops sell it: no nav, the cover named by a meta element.
    opf = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="2.0" unique-identifier="id">
 <metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">
  <dc:title>Doors</dc:title><dc:language>en</dc:language><dc:identifier id="id" opf:scheme="UUID">doors-2</dc:identifier>
  <meta name="cover" content="none"/>
 </metadata>
 <manifest><item id="one" href="one.xhtml" media-type="application/xhtml+xml"/>
  <item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>
 <spine toc="ncx"><itemref idref="one"/></spine>
</package>"""
    ncx = """<?xml version="1.0"?><ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1"><head>
<meta name="dtb:uid" content="doors-2"/></head><docTitle><text>Doors</text></docTitle><navMap><navPoint id="a" playOrder="1">
<navLabel><text>One</text></navLabel><content src="one.xhtml"/></navPoint></navMap></ncx>"""
    container = """<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
    one = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>One</title></head><body><p>Two doors.</p></body></html>'
    with zipfile.ZipFile(out / "epub2.epub", "w") as new:
        new.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, data in (("META-INF/container.xml", container), ("OPS/book.opf", opf), ("OPS/toc.ncx", ncx), ("OPS/one.xhtml", one)):
            new.writestr(name, data, zipfile.ZIP_DEFLATED)


def ofds(out: Path) -> None:
    name = 'xmlns:ofd="http://www.ofdspec.org/2016"'
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    box = "<ofd:PhysicalBox>0 0 100 60</ofd:PhysicalBox>"

    def parts(custom: str) -> dict:
        return {
            "OFD.xml": f'{head}<ofd:OFD {name} DocType="OFD" Version="1.0"><ofd:DocBody><ofd:DocInfo>'
                       "<ofd:DocID>0123456789abcdef0123456789abcdef</ofd:DocID><ofd:Title>门神</ofd:Title>"
                       f"<ofd:Author>Zoo</ofd:Author><ofd:CreationDate>2026-01-02</ofd:CreationDate>{custom}</ofd:DocInfo>"
                       "<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>",
            "Doc_0/Document.xml": f"{head}<ofd:Document {name}><ofd:CommonData><ofd:MaxUnitID>6</ofd:MaxUnitID>"
                                  f"<ofd:PageArea>{box}</ofd:PageArea><ofd:PublicRes>PublicRes.xml</ofd:PublicRes>"
                                  '</ofd:CommonData><ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/>'
                                  "</ofd:Pages></ofd:Document>",
            "Doc_0/PublicRes.xml": f'{head}<ofd:Res {name} BaseLoc="Res"><ofd:Fonts><ofd:Font ID="2" FontName="宋体" '
                                   'FamilyName="宋体"/></ofd:Fonts></ofd:Res>',
            "Doc_0/Pages/Page_0/Content.xml":
                f"{head}<ofd:Page {name}><ofd:Area>{box}</ofd:Area><ofd:Content><ofd:Layer ID=\"3\"><ofd:TextObject ID=\"4\" "
                'Boundary="10 10 80 10" Font="2" Size="8"><ofd:FillColor Value="0 0 0"/><ofd:TextCode X="0" Y="8" '
                'DeltaX="8 8 8">门神两扇</ofd:TextCode></ofd:TextObject></ofd:Layer></ofd:Content></ofd:Page>',
        }

    custom = ('<ofd:CustomDatas><ofd:CustomData Name="Client">Door &amp; Co</ofd:CustomData></ofd:CustomDatas>')
    for file, body in (("ofd-plain.ofd", ""), ("ofd-custom-data.ofd", custom)):
        with zipfile.ZipFile(out / file, "w", zipfile.ZIP_DEFLATED) as new:
            for path, data in parts(body).items():
                new.writestr(path, data)
    # A sealed one names its signatures; a change would break them.
    with zipfile.ZipFile(out / "refused-ofd-signed.ofd", "w", zipfile.ZIP_DEFLATED) as new:
        for path, data in parts("").items():
            new.writestr(path, data.replace("</ofd:DocRoot>", "</ofd:DocRoot><ofd:Signatures>Doc_0/Signs/Signatures.xml"
                                                               "</ofd:Signatures>") if path == "OFD.xml" else data)
        new.writestr("Doc_0/Signs/Signatures.xml", f"{head}<ofd:Signatures {name}><ofd:MaxSignId>1</ofd:MaxSignId>"
                     '<ofd:Signature ID="1" Type="Seal" BaseLoc="Sign_0/Signature.xml"/></ofd:Signatures>')


def signer(folder: Path) -> signers.SimpleSigner:
    """A signer with a key and a certificate of its own."""
    key = rsa.generate_private_key(65537, 2048)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Zoo Signer")])
    now = datetime.datetime(2026, 1, 1)
    made = (x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key()).serial_number(7)
            .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=9000))
            .add_extension(x509.KeyUsage(True, True, False, False, False, False, False, False, False), critical=True)
            .sign(key, hashes.SHA256()))
    key_file, cert_file = folder / "key.pem", folder / "cert.pem"
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    loaded = signers.SimpleSigner.load(str(key_file), str(cert_file))
    key_file.unlink()
    cert_file.unlink()
    return loaded


def pdfs(out: Path) -> None:
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    plain = out / "pdf-1.4-classic.pdf"
    page = canvas.Canvas(str(plain), pagesize=A5, pdfVersion=(1, 4))
    page.setTitle("门神 (door)")
    page.setAuthor("Zoo")
    page.setKeywords(["door", "god"])
    for number in range(3):
        page.setFont("STSong-Light", 20)
        page.drawString(60, 400, f"门神 Menshen {number}")
        page.circle(200, 200, 60 + 10 * number, fill=number % 2)
        page.showPage()
    page.save()
    with pikepdf.open(plain) as pdf:
        pdf.docinfo["/Client"] = "Door & Co"
        with pdf.open_metadata() as xmp:
            xmp["dc:title"] = "门神"
        pdf.save(out / "pdf-1.7-object-streams-xmp.pdf", min_version="1.7", object_stream_mode=pikepdf.ObjectStreamMode.generate)
        del pdf.trailer["/Info"]
        pdf.save(out / "pdf-no-info.pdf")
    run("qpdf", "--linearize", plain, out / "pdf-linearised.pdf")
    run("qpdf", "--linearize", "--object-streams=generate", plain, out / "pdf-linearised-object-streams.pdf")
    run("qpdf", "--encrypt", "", "owner", "256", "--", plain, out / "refused-pdf-encrypted-aes.pdf")
    run("qpdf", "--allow-weak-crypto", "--encrypt", "user", "owner", "128", "--", plain, out / "refused-pdf-encrypted-rc4.pdf")
    # Saved twice: an incremental update of a reader.
    with open(plain, "rb") as old:
        update = IncrementalPdfFileWriter(old)
        update.update_root()
        with open(out / "pdf-incremental-update.pdf", "wb") as new:
            update.write(new)
    hand = signer(out)
    for file, source, certify in (("pdf-signed.pdf", plain, None), ("pdf-signed-object-streams.pdf",
                                  out / "pdf-1.7-object-streams-xmp.pdf", None),
                                  ("refused-pdf-certified.pdf", plain, fields.MDPPerm.NO_CHANGES)):
        with open(source, "rb") as old, open(out / file, "wb") as new:
            about = signers.PdfSignatureMetadata(field_name="Seal", certify=certify is not None,
                                                 **({"docmdp_permissions": certify} if certify else {}))
            signers.sign_pdf(IncrementalPdfFileWriter(old), about, signer=hand, output=new)
    # Bytes before the header and behind the end, as mail programs leave them.
    (out / "pdf-junk-around.pdf").write_bytes(plain.read_bytes() + b"\r\n\r\n")


def texts(out: Path) -> None:
    (out / "html-utf8.html").write_text(HTML)
    (out / "html-gb18030.html").write_bytes(HTML.replace("utf-8", "gb18030").encode("gb18030"))
    (out / "html-no-head.html").write_text("<p>A bare piece.\n<p>两扇门。\n")
    (out / "html-bom-crlf.htm").write_bytes(b"\xef\xbb\xbf" + HTML.replace("\n", "\r\n").encode())
    (out / "xhtml.xhtml").write_text('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"'
                                     ' "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n<html xmlns="http://www.w3.org/1999/xhtml">'
                                     "<head><title>门神</title></head><body><p>Two doors.<br/></p></body></html>\n")
    (out / "html-utf16.html").write_bytes(HTML.replace("utf-8", "utf-16").encode("utf-16"))
    front = "---\ntitle: 门神\ntags: [door, god]\n# a comment\nauthor:\n  name: Zoo\n---\n"
    body = "# 门神\n\nTwo doors.\n\n---\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    (out / "md-front-matter.md").write_text(front + body)
    (out / "md-plain.md").write_text(body)
    (out / "md-rule-first.md").write_text("---\n\nNot a front matter: a rule.\n")
    (out / "md-bom-crlf-front-matter.md").write_bytes(b"\xef\xbb\xbf" + (front + body).replace("\n", "\r\n").encode())
    (out / "md-gb18030.md").write_bytes(body.encode("gb18030"))
    (out / "refused-txt-utf8.txt").write_text("门神\nTwo doors.\n")
    (out / "refused-txt-gb18030.txt").write_bytes("门神\r\n两扇门。\r\n".encode("gb18030"))


def make(out: Path) -> None:
    """Makes all documents in the folder `out`."""
    for family in (offices, books, ofds, pdfs, texts):
        family(out)
    for folder in (".office", ".converted"):
        subprocess.run(["rm", "-rf", str(out / folder)], check=True)
