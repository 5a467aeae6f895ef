"""Real pictures: every variant of the formats that phones, editors and browsers leave behind."""

import io
import subprocess
from pathlib import Path

import numpy
import piexif
import pillow_heif
import tifffile
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

pillow_heif.register_heif_opener()

XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmp:CreatorTool="Zoo" xmp:Rating="4"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">门神 &amp; Menshen</rdf:li>'
    '</rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>'
    + (" " * 60 + "\n") * 20 + '<?xpacket end="w"?>'
).encode()


def picture(size=(160, 120), mode="RGB", shift=0) -> Image.Image:
    """A gradient with shapes and letters: something that a codec has to work on."""
    x = numpy.linspace(0, 255, size[0])[None, :]
    y = numpy.linspace(0, 255, size[1])[:, None]
    rgb = numpy.stack([(x + shift * 20) % 256 + 0 * y, y + 0 * x, (x + y) / 2], axis=2).astype("uint8")
    image = Image.fromarray(rgb, "RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((20 + shift * 5, 20, 80 + shift * 5, 80), outline="white", width=3)
    draw.text((30, 90), f"zoo {shift}", fill="black")
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.linear_gradient("L").resize(size))
    return image.convert(mode)


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(thumbnail=True, comment=True) -> bytes:
    """EXIF as a phone writes it: maker, times, exposure, position, a thumbnail."""
    small = io.BytesIO()
    picture((64, 48)).save(small, "JPEG")
    data = {
        "0th": {piexif.ImageIFD.Make: b"Menshen", piexif.ImageIFD.Model: b"Door 8", piexif.ImageIFD.Orientation: 1,
                piexif.ImageIFD.XResolution: (72, 1), piexif.ImageIFD.YResolution: (72, 1),
                piexif.ImageIFD.ResolutionUnit: 2, piexif.ImageIFD.YCbCrPositioning: 1,
                piexif.ImageIFD.DateTime: b"2026:01:02 03:04:05"},
        "Exif": {piexif.ExifIFD.ExifVersion: b"0230", piexif.ExifIFD.DateTimeOriginal: b"2026:01:02 03:04:05",
                 piexif.ExifIFD.ExposureTime: (1, 120), piexif.ExifIFD.FNumber: (18, 10),
                 piexif.ExifIFD.ISOSpeedRatings: 100, piexif.ExifIFD.ColorSpace: 1,
                 piexif.ExifIFD.ComponentsConfiguration: b"\x01\x02\x03\x00", piexif.ExifIFD.FlashpixVersion: b"0100",
                 piexif.ExifIFD.MakerNote: b"Menshen\0" + bytes(range(256))},
        "GPS": {piexif.GPSIFD.GPSVersionID: (2, 3, 0, 0), piexif.GPSIFD.GPSLatitudeRef: b"N",
                piexif.GPSIFD.GPSLatitude: ((39, 1), (54, 1), (2663, 100)), piexif.GPSIFD.GPSLongitudeRef: b"E",
                piexif.GPSIFD.GPSLongitude: ((116, 1), (23, 1), (2940, 100))},
    }
    if comment:
        data["Exif"][piexif.ExifIFD.UserComment] = b"ASCII\0\0\0an ordinary comment"
    if thumbnail:
        data["1st"] = {piexif.ImageIFD.Compression: 6, piexif.ImageIFD.XResolution: (72, 1),
                       piexif.ImageIFD.YResolution: (72, 1), piexif.ImageIFD.ResolutionUnit: 2}
        data["thumbnail"] = small.getvalue()
    return piexif.dump(data)


def run(*command) -> None:
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)


def jpegs(out: Path) -> None:
    icc = profile()
    picture((320, 240)).save(out / "jpeg-phone-exif-gps-icc-xmp-mpf.jpg", "MPO", save_all=True, exif=exif(), icc_profile=icc,
                             xmp=XMP, append_images=[picture((160, 120), shift=3)], quality=90)
    picture().save(out / "jpeg-bare.jpg")
    picture((320, 240)).save(out / "jpeg-progressive.jpg", progressive=True, optimize=True, comment="an ordinary comment")
    picture(mode="CMYK").save(out / "jpeg-cmyk.jpg", quality=92)
    picture(mode="L").save(out / "jpeg-grey.jpg", exif=exif(False), restart_marker_rows=1)
    picture().save(out / "jpeg-iptc-photoshop.jpg", exif=exif())
    run("exiftool", "-q", "-overwrite_original", "-IPTC:By-line=Zoo", "-IPTC:Keywords=door", "-IPTC:CodedCharacterSet=UTF8",
        "-XMP-photoshop:City=Beijing", out / "jpeg-iptc-photoshop.jpg")
    # Beyond 64 KiB XMP goes on in further segments.
    long = out / "jpeg-extended-xmp.jpg"
    picture().save(long, exif=exif())
    note = out / "long.txt"
    note.write_text("a long note " * 12_000)
    run("exiftool", "-q", "-overwrite_original", "-XMP-dc:Title=Extended", f"-XMP-dc:Description<={note}", long)
    note.unlink()
    # A moving picture: a film behind the still one, told of in XMP.
    still, film = io.BytesIO(), out / "motion.mp4"
    run("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=s=64x48:d=1:r=5", "-c:v", "mpeg4", film)
    motion = XMP.replace(b'xmlns:xmp=', b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MicroVideo="1"'
                         b' GCamera:MicroVideoOffset="%d" xmlns:xmp=' % film.stat().st_size)
    picture((320, 240)).save(still, "JPEG", exif=exif(), xmp=motion)
    (out / "jpeg-motion-photo.jpg").write_bytes(still.getvalue() + film.read_bytes())
    film.unlink()


def pngs(out: Path) -> None:
    picture(mode="RGBA").save(out / "png-rgba-8.png")
    deep = numpy.asarray(picture()).astype("uint16") * 257
    ppm = b"P6\n160 120\n65535\n" + deep.astype(">u2").tobytes()
    subprocess.run(["convert", "ppm:-", f"png48:{out}/png-rgb-16.png"], input=ppm, check=True)
    palette = picture().quantize(32)
    palette.save(out / "png-palette-transparent.png", transparency=3)
    picture(mode="RGB").save(out / "plain.png")
    run("convert", out / "plain.png", "-interlace", "PNG", out / "png-interlaced.png")
    (out / "plain.png").unlink()
    picture(mode="L").convert("1").save(out / "png-grey-1.png")
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "门神")
    text.add_itxt("Description", "A zoo picture", lang="en", tkey="Description")
    text.add_text("Comment", "compressed words " * 40, zip=True)
    text.add_text("parameters", "a door, steps: 20, seed: 7")
    picture(mode="RGBA").save(out / "png-text-iccp-exif.png", pnginfo=text, icc_profile=profile(), exif=exif(), dpi=(144, 144))
    packet = PngImagePlugin.PngInfo()
    packet.add_itxt("XML:com.adobe.xmp", XMP.decode())
    picture().save(out / "png-xmp.png", pnginfo=packet, icc_profile=profile())
    packet = PngImagePlugin.PngInfo()
    packet.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    picture().save(out / "png-xmp-compressed.png", pnginfo=packet)
    frames = [picture(shift=i, mode="RGBA") for i in range(5)]
    frames[0].save(out / "apng-animated.png", save_all=True, append_images=frames[1:], duration=[80, 90, 100, 110, 120], loop=3)


def webps(out: Path) -> None:
    picture().save(out / "webp-lossy-simple.webp", quality=80)
    picture().save(out / "webp-lossless-simple.webp", lossless=True)
    picture(mode="RGBA").save(out / "webp-lossless-alpha-simple.webp", lossless=True)
    picture(mode="RGBA").save(out / "webp-lossy-alpha-icc-exif-xmp.webp", icc_profile=profile(), exif=exif(), xmp=XMP)
    picture((161, 121)).save(out / "webp-lossy-exif-odd.webp", exif=exif(False))
    frames = [picture(shift=i, mode="RGBA") for i in range(5)]
    frames[0].save(out / "webp-animated-exif-xmp.webp", save_all=True, append_images=frames[1:], duration=90, loop=2, exif=exif(),
                   xmp=XMP, icc_profile=profile())
    frames[0].save(out / "webp-animated-bare.webp", save_all=True, append_images=frames[1:], duration=90, lossless=True)


def gifs(out: Path) -> None:
    picture().quantize(64).save(out / "gif-still.gif")
    # GIF87a has no extensions at all.
    run("convert", out / "gif-still.gif", f"gif87:{out}/gif-87a.gif")
    frames = [picture(shift=i).quantize(64) for i in range(6)]
    frames[0].save(out / "gif-animated-comment.gif", save_all=True, append_images=frames[1:], duration=70, loop=0,
                   comment=b"an ordinary comment", disposal=2)
    frames[0].save(out / "gif-animated-xmp.gif", save_all=True, append_images=frames[1:], duration=70, loop=0)
    run("exiftool", "-q", "-overwrite_original", "-XMP-dc:Title=Zoo", "-XMP-xmp:Rating=3", out / "gif-animated-xmp.gif")


def tiffs(out: Path) -> None:
    rgb = numpy.asarray(picture((256, 192)))
    picture().save(out / "tiff-ii-lzw-icc.tif", compression="tiff_lzw", icc_profile=profile(), dpi=(300, 300))
    tifffile.imwrite(out / "tiff-mm.tif", rgb, byteorder=">", photometric="rgb", description="motorola order")
    pages = [picture(shift=i) for i in range(4)]
    pages[0].save(out / "tiff-multi-page.tif", save_all=True, append_images=pages[1:], compression="tiff_adobe_deflate")
    tifffile.imwrite(out / "tiff-tiled.tif", rgb, tile=(64, 64), photometric="rgb", compression="zlib")
    tifffile.imwrite(out / "tiff-bigtiff.tif", rgb, bigtiff=True, photometric="rgb")
    tifffile.imwrite(out / "tiff-bigtiff-mm-pages.tif", numpy.stack([rgb, rgb[::-1]]), bigtiff=True, byteorder=">",
                     photometric="rgb", metadata={"axes": "QYXS"})
    tifffile.imwrite(out / "tiff-float32.tif", rgb[..., 0].astype("float32") / 255)
    picture(mode="CMYK").save(out / "tiff-cmyk-exif-gps-iptc-xmp.tif")
    run("exiftool", "-q", "-overwrite_original", "-EXIF:Artist=Zoo", "-EXIF:DateTimeOriginal=2026:01:02 03:04:05",
        "-GPSLatitude=39.9", "-GPSLatitudeRef=N", "-IPTC:Keywords=door", "-XMP-dc:Title=Zoo",
        out / "tiff-cmyk-exif-gps-iptc-xmp.tif")


def heifs(out: Path) -> None:
    picture().save(out / "heic-exif-xmp-icc.heic", exif=exif(), xmp=XMP, icc_profile=profile())
    picture().save(out / "heic-bare.heic")
    file = pillow_heif.from_pillow(picture())
    file.add_from_pillow(picture(shift=2))
    file.save(out / "heic-two-pictures.heic", primary_index=1, save_all=True)
    picture((512, 384)).save(out / "source.png")
    run("heif-enc", "-q", "60", "-t", "64", "-o", out / "heic-thumbnail.heic", out / "source.png")
    picture((200, 150), mode="RGBA").save(out / "alpha.png")
    run("heif-enc", "-A", "-q", "60", "-o", out / "avif-alpha.avif", out / "alpha.png")
    (out / "source.png").unlink()
    (out / "alpha.png").unlink()
    picture().save(out / "avif-exif-xmp-icc.avif", exif=exif(), xmp=XMP, icc_profile=profile())
    picture().save(out / "avif-bare.avif")
    frames = [picture(shift=i) for i in range(4)]
    frames[0].save(out / "avif-animated.avif", save_all=True, append_images=frames[1:], duration=100)


def make(out: Path) -> None:
    """Makes all pictures in the folder `out`."""
    for family in (jpegs, pngs, webps, gifs, tiffs, heifs):
        family(out)
