use std::io::Cursor;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;

use super::*;

const LABEL: &str = r#"{"Label":"1","ContentProducer":"001191110102MACQD9K64010000","ProduceID":"p(1)"}"#;
const NEW: &str = r#"{"Label":"2","ContentProducer":"B","ProduceID":"p\\2","ReservedCode1":"{\"a\":1}"}"#;
const XMP: &str = "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" xmlns:TC260=\"http://www.tc260.org.cn/ns/AIGC/1.0/\"><TC260:AIGC>{\"Label\":\"1\"}</TC260:AIGC></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>";

/// A file with these objects, numbered from 1, and a table.
fn with_table(objects: &[&str], trailer: &str) -> Vec<u8> {
    let mut bytes = b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", bytes.len()));
        bytes.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", index + 1).as_bytes());
    }
    let at = bytes.len();
    bytes.extend_from_slice(table.as_bytes());
    let size = objects.len() + 1;
    bytes.extend_from_slice(format!("trailer\n<</Size {size}{trailer}>>\nstartxref\n{at}\n%%EOF").as_bytes());
    bytes
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A file whose information dictionary is in an object stream, and whose cross-reference stream is predicted.
fn with_streams(info: &str) -> Vec<u8> {
    let mut bytes = b"%PDF-1.5\n".to_vec();
    let mut places = Vec::new();
    let mut put = |bytes: &mut Vec<u8>, head: &str, data: Option<&[u8]>| {
        places.push(bytes.len() as u64);
        bytes.extend_from_slice(head.as_bytes());
        if let Some(data) = data {
            bytes.extend_from_slice(b"stream\r\n");
            bytes.extend_from_slice(data);
            bytes.extend_from_slice(b"\nendstream");
        }
        bytes.extend_from_slice(b"\nendobj\n");
    };
    put(&mut bytes, "1 0 obj<</Type/Catalog/Pages 2 0 R>>", None);
    put(&mut bytes, "2 0 obj<</Type/Pages/Kids[]/Count 0>>", None);
    let packed = zlib(format!("5 0 6 2 7 {info}").as_bytes());
    let head = format!("3 0 obj<</Type/ObjStm/N 2/First 8/Filter/FlateDecode/Length {}>>", packed.len());
    put(&mut bytes, &head, Some(&packed));
    let at = bytes.len() as u64;
    places.push(at);
    let mut rows: Vec<[u8; 5]> = vec![[0, 0, 0, 0, 255]];
    for place in &places {
        rows.push([1, 0, (place >> 8) as u8, *place as u8, 0]);
    }
    rows.push([2, 0, 0, 3, 0]);
    rows.push([2, 0, 0, 3, 1]);
    // PNG "up" prediction.
    let mut predicted = Vec::new();
    let mut above = [0_u8; 5];
    for row in rows {
        predicted.push(2);
        predicted.extend((0..5).map(|index| row[index].wrapping_sub(above[index])));
        above = row;
    }
    let data = zlib(&predicted);
    bytes.extend_from_slice(
        format!("4 0 obj<</Type/XRef/Size 7/W[1 3 1]/Root 1 0 R/Info 6 0 R/ID[<0102><0304>]/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 5>>/Length {}>>stream\n", data.len()).as_bytes(),
    );
    bytes.extend_from_slice(&data);
    bytes.extend_from_slice(format!("\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n").as_bytes());
    bytes
}

fn plain() -> Vec<u8> {
    with_table(
        &[
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[]/Count 0>>",
            "<< /Title (A \\(b\\)) % c\n/Author <FEFF4E2D>\n>>",
        ],
        "/Root 1 0 R/Info 3 0 R/ID[<0102><0304>]",
    )
}

fn labels(bytes: &[u8]) -> Vec<Found> {
    (PDF.read)(&mut Cursor::new(bytes)).unwrap()
}

fn labelled(bytes: &[u8], value: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    (PDF.write)(&mut Cursor::new(bytes), &mut out, value)?;
    Ok(out)
}

fn info(bytes: &[u8]) -> String {
    let mut file = Cursor::new(bytes);
    let mut source = Source::new(&mut file, FORMAT).unwrap();
    let mut pdf = Pdf::open(&mut source).unwrap();
    let info = pdf.follow(&pdf.trailer.clone(), "Info").unwrap().unwrap();
    String::from_utf8_lossy(&info.bytes[info.value.range]).into_owned()
}

fn check_one(bytes: &[u8], value: &str) {
    let found = labels(bytes);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].place.as_str(), found[0].by_the_book), ("pdf:Info AIGC", true));
    assert_eq!(found[0].value, value);
}

#[test]
fn a_table_gets_a_table() {
    let old = plain();
    assert!((PDF.sniff)(&old) && labels(&old).is_empty());
    let new = labelled(&old, LABEL).unwrap();
    check_one(&new, LABEL);
    assert!(new.starts_with(&old));
    let at = old.len() + 1;
    assert_eq!(
        String::from_utf8_lossy(&new[old.len()..]),
        format!(
            "\n3 0 obj\n<< /Title (A \\(b\\)) % c\n/Author <FEFF4E2D>\n\n/AIGC ({})>>\nendobj\nxref\n3 1\n{at:010} 00000 n \n\
             trailer\n<</Size 4/Prev {}/Info 3 0 R/Root 1 0 R/ID[<0102><16745E9C5342762A4F98AD26ADA86F8B>]>>\nstartxref\n{}\n%%EOF\n",
            LABEL.replace('(', "\\(").replace(')', "\\)"),
            memchr::memmem::find(&old, b"xref\n0").unwrap(),
            memchr::memmem::rfind(&new, b"xref\n3").unwrap(),
        )
    );
    // A label of an earlier revision is replaced, and what else was said stays.
    let again = labelled(&new, NEW).unwrap();
    check_one(&again, NEW);
    assert!(again.starts_with(&new) && info(&again).starts_with("<< /Title (A \\(b\\)) % c\n/Author <FEFF4E2D>\n"));
    assert_eq!(info(&again).matches("/AIGC").count(), 1);
}

#[test]
fn a_stream_gets_a_stream() {
    let old = with_streams("<</Title(x)>>");
    assert_eq!(info(&old), "<</Title(x)>>");
    let new = labelled(&old, LABEL).unwrap();
    check_one(&new, LABEL);
    assert!(new.starts_with(&old) && memchr::memmem::rfind(&new, b"/Type/XRef/W[1 2 2]/Index[6 1 7 1]").is_some());
    check_one(&labelled(&new, NEW).unwrap(), NEW);
    check_one(&labelled(&labelled(&new, NEW).unwrap(), "\u{4E2D}\u{1F600}").unwrap(), "\u{4E2D}\u{1F600}");
}

#[test]
fn a_file_without_information_gets_some() {
    for trailer in ["/Root 1 0 R", "/Root 1 0 R/Info 9 0 R", "/Root 1 0 R/Info<</Title(x)>>"] {
        let old = with_table(&["<</Type/Catalog>>"], trailer);
        let new = labelled(&old, LABEL).unwrap();
        check_one(&new, LABEL);
        assert_eq!(info(&new).contains("/Title(x)"), trailer.contains("Title"));
    }
}

#[test]
fn labels_elsewhere_are_found_and_taken_out() {
    let keywords = format!(
        "<</Keywords (red {})/aigc(old)/AIGC 4 0 R>>",
        format!("{{\"AIGC\":{LABEL}}}").replace('(', "\\(").replace(')', "\\)")
    );
    let stream = format!("<</Type/Metadata/Subtype/XML/Length 5 0 R>>\nstream\n{XMP}\nendstream");
    let old = with_table(
        &["<</Type/Catalog/Metadata 3 0 R>>", &keywords, &stream, "(indirect)", &XMP.len().to_string()],
        "/Root 1 0 R/Info 2 0 R",
    );
    let places: Vec<_> = labels(&old).into_iter().map(|one| (one.place, one.by_the_book)).collect();
    let expected = [
        ("pdf:Info Keywords", false),
        ("pdf:Info AIGC", false),
        ("pdf:Info AIGC", true),
        ("pdf:XMP TC260:AIGC", false),
    ];
    assert_eq!(places, expected.map(|(place, book)| (place.to_owned(), book)));
    let new = labelled(&old, NEW).unwrap();
    check_one(&new, NEW);
    assert!(info(&new).starts_with("<</Keywords  (red )"), "{}", info(&new));
}

#[test]
fn files_behind_something_are_read() {
    let old = [b"junk before\n".as_slice(), &plain()].concat();
    check_one(&labelled(&old, LABEL).unwrap(), LABEL);
    // Offsets that count from the beginning of the file all the same.
    let mut absolute = plain();
    absolute[..15].copy_from_slice(b"  %PDF-1.4\n%\n\n\n");
    check_one(&labelled(&absolute, LABEL).unwrap(), LABEL);
}

#[test]
fn what_cannot_be_labelled_is_refused_with_the_reason() {
    let reason = |bytes: &[u8]| labelled(bytes, LABEL).unwrap_err().to_string();
    let catalog = "<</Type/Catalog>>";
    let encrypted = with_table(&[catalog, "<</Filter/Standard>>"], "/Root 1 0 R/Encrypt 2 0 R");
    assert!(reason(&encrypted).contains("encrypted"));
    assert!((PDF.read)(&mut Cursor::new(&encrypted)).is_err());
    let certified =
        with_table(&["<</Perms<</DocMDP 2 0 R>>>>", "<</Reference[<</TransformParams<</P 1>>>>]>>"], "/Root 1 0 R");
    assert!(reason(&certified).contains("certified"));
    assert!(reason(&with_table(&[catalog], "/Root 1 0 R/Prev 9")).contains("repair"));
    assert!(reason(&with_table(&["1 0 R"], "/Root 1 0 R/Info 1 0 R")).contains("references"));
    let sound = plain();
    for cut in 0..sound.len() - 10 {
        assert!(labelled(&sound[..cut], LABEL).is_err(), "{cut}");
    }
    let mut looped = with_table(&[catalog], "/Root 1 0 R/Prev 00000");
    let own = memchr::memmem::find(&looped, b"xref\n0").unwrap();
    let at = memchr::memmem::find(&looped, b"00000>>").unwrap();
    looped[at..at + 5].copy_from_slice(format!("{own:05}").as_bytes());
    assert!(reason(&looped).contains("themselves"));
}

#[test]
fn a_damaged_file_still_shows_its_label() {
    let mut bytes = labelled(&plain(), LABEL).unwrap();
    bytes.truncate(bytes.len() - 40);
    let found = labels(&bytes);
    assert_eq!((found[0].place.as_str(), found[0].value.as_str()), ("pdf:stray AIGC", LABEL));
    assert!(labelled(&bytes, NEW).is_err());
}

#[test]
fn a_bomb_does_not_go_off() {
    let bomb = zlib(&vec![b' '; 64 << 20]);
    let stream = format!("<</Filter/FlateDecode/Length {}>>\nstream\n", bomb.len());
    let mut bytes = b"%PDF-1.4\n1 0 obj<</Metadata 2 0 R>>endobj\n".to_vec();
    let at = bytes.len();
    bytes.extend_from_slice(format!("2 0 obj{stream}").as_bytes());
    bytes.extend_from_slice(&bomb);
    bytes.extend_from_slice(b"\nendstream endobj\n");
    let table = bytes.len();
    bytes.extend_from_slice(
        format!("xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n{at:010} 00000 n \ntrailer\n<</Size 3/Root 1 0 R>>\nstartxref\n{table}\n%%EOF").as_bytes(),
    );
    assert!(matches!(labelled(&bytes, LABEL), Err(Error::TooMuch { .. })));
}

proptest! {
    #[test]
    fn any_value_comes_back(value in any::<String>(), streamed in any::<bool>()) {
        let old = if streamed { with_streams("<<>>") } else { plain() };
        let new = labelled(&old, &value).unwrap();
        prop_assert_eq!(&labels(&new)[0].value, &value);
    }

    #[test]
    fn damaged_files_are_refused_or_read(
        which in 0..3_usize,
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        digits in any::<bool>(),
    ) {
        let mut bytes = match which {
            0 => plain(),
            1 => with_streams("<</Title(x)/AIGC(y)>>"),
            _ => labelled(&with_streams("<</Title(x)>>"), LABEL).unwrap(),
        };
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = if digits { b'0' + byte % 10 } else { byte };
        }
        let _ = (PDF.read)(&mut Cursor::new(bytes.as_slice()));
        if let Ok(new) = labelled(&bytes, NEW) {
            prop_assert!(new.starts_with(&bytes));
            prop_assert_eq!(labels(&new).len(), 1);
        }
    }
}
