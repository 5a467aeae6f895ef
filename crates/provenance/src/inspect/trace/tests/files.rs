//! The smallest files that hold what the tests are about.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub(super) fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes(), kind.as_slice(), data, &crc.sum().to_be_bytes()].concat()
}

pub(super) fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1A\n".to_vec();
    bytes.extend(chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\0\0\0\0"));
    bytes.extend(chunks.concat());
    bytes.extend(chunk(b"IDAT", &deflated(&[0, 0])));
    bytes.extend(chunk(b"IEND", b""));
    bytes
}

pub(super) fn deflated(data: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(data).and_then(|()| packer.finish()).unwrap_or_default()
}

pub(super) fn jpeg(segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8];
    for (marker, data) in segments {
        bytes.extend([0xFF, *marker]);
        bytes.extend((data.len() as u16 + 2).to_be_bytes());
        bytes.extend_from_slice(data);
    }
    bytes.extend(b"\xFF\xDA\0\x02\0\0\xFF\xD9");
    bytes
}

/// A block of EXIF, which is a TIFF: one directory.
pub(super) fn exif(fields: &[(u16, u16, &[u8])]) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend((fields.len() as u16).to_le_bytes());
    let mut place = 8 + 2 + fields.len() * 12 + 4;
    let mut values = Vec::new();
    for (tag, kind, value) in fields {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
        if value.len() <= 4 {
            bytes.extend_from_slice(value);
            bytes.resize(bytes.len() + 4 - value.len(), 0);
        } else {
            bytes.extend((place as u32).to_le_bytes());
            place += value.len();
            values.extend_from_slice(value);
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(values);
    bytes
}

pub(super) fn packet(attributes: &str, elements: &str) -> String {
    format!(
        "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" \
         xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:xmpMM=\"http://ns.adobe.com/xap/1.0/mm/\" xmlns:photoshop=\"http://ns.adobe.com/photoshop/1.0/\" \
         xmlns:stEvt=\"http://ns.adobe.com/xap/1.0/sType/ResourceEvent#\" \
         xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" {attributes}>{elements}</rdf:Description>\
         </rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>"
    )
}

fn riff(form: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    [b"RIFF".as_slice(), &(body.len() as u32 + 4).to_le_bytes(), form, &body].concat()
}

fn part(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = [name.as_slice(), &(data.len() as u32).to_le_bytes(), data].concat();
    if data.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

pub(super) fn webp(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut all = vec![part(b"VP8X", b"\x0C\0\0\0\0\0\0\0\0\0"), part(b"VP8L", b"\x2F\0\0\0\0")];
    all.extend(chunks.iter().map(|(name, data)| part(name, data)));
    riff(b"WEBP", &all)
}

pub(super) fn wav(name: &str, value: &str) -> Vec<u8> {
    let name: [u8; 4] = name.as_bytes().try_into().unwrap_or_default();
    let info = [b"INFO".to_vec(), part(&name, format!("{value}\0").as_bytes())].concat();
    let format = part(b"fmt ", b"\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0");
    riff(b"WAVE", &[format, part(b"LIST", &info), part(b"data", &[0; 4])])
}

pub(super) fn gif_head() -> Vec<u8> {
    b"GIF89a\x01\0\x01\0\0\0\0".to_vec()
}

/// What leads a reader out of a packet.
pub(super) fn gif_trailer() -> Vec<u8> {
    std::iter::once(1).chain((0..=255).rev()).collect()
}

pub(super) fn heif_head() -> Vec<u8> {
    let mut bytes = b"\0\0\0\x18ftypheic\0\0\0\0heicmif1".to_vec();
    bytes.extend(b"\0\0\0\0mdat");
    bytes
}

pub(super) fn id3(frames: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let body: Vec<u8> = frames
        .iter()
        .flat_map(|(name, data)| [name.as_slice(), &(data.len() as u32).to_be_bytes(), &[0, 0], data].concat())
        .collect();
    [b"ID3\x03\0\0\0\0".as_slice(), &[(body.len() >> 7) as u8, (body.len() & 0x7F) as u8], &body].concat()
}

fn comments(field: &str) -> Vec<u8> {
    let length = (field.len() as u32).to_le_bytes();
    [b"\x01\0\0\0v\x01\0\0\0".as_slice(), &length, field.as_bytes()].concat()
}

pub(super) fn flac(field: &str) -> Vec<u8> {
    let list = comments(field);
    let length = &(list.len() as u32).to_be_bytes()[1..];
    [b"fLaC\0\0\0\x22".as_slice(), &[0; 34], &[0x84], length, &list].concat()
}

pub(super) fn ogg(field: &str) -> Vec<u8> {
    let page = |flags: u8, number: u8, packet: &[u8]| {
        let table = [vec![255; packet.len() / 255], vec![(packet.len() % 255) as u8]].concat();
        let mut header = b"OggS\0".to_vec();
        header.push(flags);
        header.extend([0; 8]);
        header.extend([7, 0, 0, 0, number, 0, 0, 0, 0, 0, 0, 0, table.len() as u8]);
        [header, table, packet.to_vec()].concat()
    };
    let head = [b"\x01vorbis".as_slice(), &[0; 23]].concat();
    let second = [b"\x03vorbis".as_slice(), &comments(field), &[1]].concat();
    [page(2, 0, &head), page(0, 1, &second)].concat()
}

fn boxed(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&(data.len() as u32 + 8).to_be_bytes(), kind.as_slice(), data].concat()
}

pub(super) fn mp4(name: &[u8; 4], value: &str) -> Vec<u8> {
    let data = boxed(b"data", &[b"\0\0\0\x01\0\0\0\0".as_slice(), value.as_bytes()].concat());
    let handler = boxed(b"hdlr", b"\0\0\0\0\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0");
    let meta = boxed(b"meta", &[b"\0\0\0\0".as_slice(), &handler, &boxed(b"ilst", &boxed(name, &data))].concat());
    [boxed(b"ftyp", b"isom\0\0\0\0isom"), boxed(b"moov", &boxed(b"udta", &meta)), boxed(b"mdat", &[0; 8])].concat()
}

fn element(id: &[u8], data: &[u8]) -> Vec<u8> {
    [id, &[0x40 | (data.len() >> 8) as u8, data.len() as u8], data].concat()
}

pub(super) fn matroska(name: &str, value: &str) -> Vec<u8> {
    let simple = [element(b"\x45\xA3", name.as_bytes()), element(b"\x44\x87", value.as_bytes())].concat();
    let tags = element(b"\x12\x54\xC3\x67", &element(b"\x73\x73", &element(b"\x67\xC8", &simple)));
    let information = element(b"\x15\x49\xA9\x66", &element(b"\x57\x41", b"mkvmerge"));
    let head = element(b"\x1A\x45\xDF\xA3", &element(b"\x42\x82", b"matroska"));
    [head, element(b"\x18\x53\x80\x67", &[information, tags].concat())].concat()
}

pub(super) fn docx(creator: &str, application: &str, text: &str) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let core = format!(
        "<cp:coreProperties xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:creator>{creator}</dc:creator></cp:coreProperties>"
    );
    let app = format!(
        "<Properties xmlns=\"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties\">\
         <Application>{application}</Application></Properties>"
    );
    let runs: String = text.chars().map(|c| format!("<w:r><w:t>{c}</w:t></w:r>")).collect();
    let body = format!(
        "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>\
         <w:p><w:r><w:t>First.</w:t></w:r></w:p><w:p>{runs}</w:p></w:body></w:document>"
    );
    let types = "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>".to_owned();
    for (name, content) in [
        ("[Content_Types].xml", types),
        ("docProps/core.xml", core),
        ("docProps/app.xml", app),
        ("word/document.xml", body),
    ] {
        writer.start_file(name, SimpleFileOptions::default())?;
        writer.write_all(content.as_bytes())?;
    }
    Ok(writer.finish()?.into_inner())
}

pub(super) fn pdf(info: &str) -> Vec<u8> {
    let mut text = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (number, body) in
        ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>", &format!("<<{info}>>")].iter().enumerate()
    {
        places.push(text.len());
        text.push_str(&format!("{} 0 obj\n{body}\nendobj\n", number + 1));
    }
    let table = text.len();
    text.push_str("xref\n0 4\n0000000000 65535 f \n");
    for place in places {
        text.push_str(&format!("{place:010} 00000 n \n"));
    }
    text.push_str(&format!("trailer\n<</Size 4/Root 1 0 R/Info 3 0 R>>\nstartxref\n{table}\n%%EOF\n"));
    text.into_bytes()
}
