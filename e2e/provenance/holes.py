"""What is known not to hold, and why. Everything else that fails is a failure; an entry that no longer applies is one too."""

# File pattern: words of the reason with which it must be refused.
REFUSED = {
    "refused-odt*": "format of the file is not known",
    "refused-doc-1997*": "before 2007",
    "refused-ofd-signed*": "sealed or signed",
    "refused-pdf-certified*": "certified against any change",
    "refused-pdf-encrypted*": "encrypted",
    "refused-txt*": "plain text has no place for metadata",
}

# (File pattern, check, words of what was found): why it does not hold. The footnotes of the table.
HOLES = {
    ("*.*[4pv]*", "opens", "Duplicate tag 'meta'"):
        "The file has iTunes tags: `moov/udta/meta` with the handler `mdir`. The guide wants `moov/udta/meta` with the handler `mdta`, so there are "
        "two boxes of this name, and exiftool -validate warns of it. exiftool, ffprobe and mediainfo read the tags of both.",
    ("gif-*.gif", "metadata", "GIFVersion: was ['87a'], is ['89a']"):
        "GIF87a has no extensions, so a GIF with metadata is GIF89a. Everything else is as it was.",
    ("*.webp", "metadata", "File:FileType: was ['WEBP'], is ['Extended WEBP']"):
        "A WebP of one chunk has no place for metadata: it gets the header `VP8X` (RFC 9649), and exiftool calls it extended from then on.",
    ("tiff-*.tif", "opens", "Non-standard format (undef) for IFD0 0x02bc"):
        "The guide (TC260-PG-20259A) gives tag 700 the type 7 (UNDEFINED); exiftool -validate would have type 1 (BYTE).",
}
