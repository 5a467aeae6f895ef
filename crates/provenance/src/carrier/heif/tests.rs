use proptest::prelude::*;

use super::super::edit::trial::{VALUE, endure, exif as exif_block, found, hold, labelled};
use super::items::boxed;
use super::*;

/// How a test's file is made.
#[derive(Clone, Copy)]
struct Form {
    /// The version of `iloc`, its bytes of an offset, a length and a base.
    version: u8,
    offset: usize,
    base: usize,
    /// Whether `mdat` stands before `meta`, and has no size.
    before: bool,
    open: bool,
    references: bool,
    film: bool,
}

const FORM: Form = Form { version: 0, offset: 4, base: 0, before: false, open: false, references: false, film: false };

const PICTURE: &[u8] = b"the coded picture, first part|and its second part";

fn full(kind: &[u8; 4], version: u8, data: &[u8]) -> Vec<u8> {
    boxed(kind, &[&[version, 0, 0, 0], data].concat())
}

/// A file with a picture of two extents, an item in `idat`, and `extra` items (type, content, data) behind the picture.
fn made(form: Form, extra: &[(&[u8; 4], &str, Vec<u8>)]) -> Vec<u8> {
    let ftyp = boxed(b"ftyp", b"heic\0\0\0\0mif1heic");
    let mut payload = PICTURE.to_vec();
    let mut runs: Vec<Vec<(usize, usize)>> = vec![vec![(0, 30), (30, PICTURE.len() - 30)]];
    for (_, _, data) in extra {
        runs.push(vec![(payload.len(), data.len())]);
        payload.extend(data);
    }
    let n = |value: usize, width: usize| super::super::edit::encode(value as u64, width, false).unwrap();
    let meta = |start: usize| {
        let mut entries = vec![full(b"infe", 2, b"\0\x01\0\0hvc1\0"), full(b"infe", 2, b"\0\x02\0\0grid\0")];
        for (index, (kind, content, _)) in extra.iter().enumerate() {
            let id = [0, index as u8 + 3, 0, 0];
            let content = if content.is_empty() { String::new() } else { format!("{content}\0") };
            entries.push(full(b"infe", 2, &[&id, kind.as_slice(), b"\0", content.as_bytes()].concat()));
        }
        let count = entries.len();
        let iinf = full(b"iinf", 0, &[n(count, 2), entries.concat()].concat());
        let wide = if form.version == 2 { 4 } else { 2 };
        let mut iloc = vec![(form.offset << 4 | 4) as u8, (form.base << 4) as u8];
        iloc.extend(n(count, wide));
        let mut put = |id: usize, method: usize, begin: usize, runs: &[(usize, usize)]| {
            iloc.extend(n(id, wide));
            if form.version > 0 {
                iloc.extend(n(method, 2));
            }
            iloc.extend(n(0, 2));
            let base = if form.base > 0 { begin } else { 0 };
            iloc.extend(n(base, form.base));
            iloc.extend(n(runs.len(), 2));
            for (at, length) in runs {
                iloc.extend(n(begin + at - base, form.offset));
                iloc.extend(n(*length, 4));
            }
        };
        put(1, 0, start, &runs[0]);
        if form.version > 0 {
            put(2, 1, 0, &[(2, 4)]);
        } else {
            put(2, 0, start, &[(0, 4)]);
        }
        runs[1..].iter().enumerate().for_each(|(index, runs)| put(index + 3, 0, start, runs));
        let iref = full(b"iref", 0, &boxed(b"dimg", &[0, 2, 0, 1, 0, 1]));
        let parts = [
            full(b"hdlr", 0, b"\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            full(b"pitm", 0, &[0, 1]),
            full(b"iloc", form.version, &iloc),
            iinf,
            if form.references { iref } else { Vec::new() },
            boxed(b"iprp", &boxed(b"ipco", b"")),
            if form.version > 0 { boxed(b"idat", b"--grid--") } else { Vec::new() },
        ];
        full(b"meta", 0, &parts.concat())
    };
    let film = |start: usize| {
        if !form.film {
            return Vec::new();
        }
        let stco = full(b"stco", 0, &[n(2, 4), n(start, 4), n(start + 30, 4)].concat());
        let co64 = full(b"co64", 0, &[n(1, 4), n(start + 4, 8)].concat());
        [b"stbl", b"minf", b"mdia", b"trak", b"moov"]
            .iter()
            .fold([stco, co64].concat(), |inner, kind| boxed(kind, &inner))
    };
    let mut mdat = boxed(b"mdat", &payload);
    if form.open {
        mdat[..4].fill(0);
    }
    if form.before {
        let start = ftyp.len() + 8;
        return [ftyp, mdat, meta(start), film(start)].concat();
    }
    let start = ftyp.len() + meta(0).len() + film(0).len() + 8;
    [ftyp, meta(start), film(start), mdat].concat()
}

/// The data of all items by their number, and what the film's tables point at.
type Shown = (Vec<(u32, Vec<u8>)>, Vec<Vec<u8>>);

fn shown(bytes: &[u8]) -> Shown {
    let mut file = std::io::Cursor::new(bytes);
    let mut source = Source::new(&mut file, "HEIF").unwrap();
    let mut picture = Picture::default();
    picture.scan(&mut source).unwrap();
    let table = picture.iloc.clone().unwrap().1;
    let mut items = Vec::new();
    for item in &table.items {
        let runs = picture.runs(&source, item).unwrap().unwrap();
        items
            .push((item.id, runs.iter().flat_map(|(from, to)| bytes[*from as usize..*to as usize].to_vec()).collect()));
    }
    let mut samples = Vec::new();
    for (kind, width) in [(b"stco", 4), (b"co64", 8)] {
        let Some(at) = memchr::memmem::find(bytes, kind) else { continue };
        let count = super::super::edit::number(&bytes[at + 8..at + 12], false) as usize;
        for index in 0..count {
            let entry = at + 12 + index * width;
            let offset = super::super::edit::number(&bytes[entry..entry + width], false) as usize;
            samples.push(bytes[offset..offset + 4].to_vec());
        }
    }
    items.sort();
    (items, samples)
}

fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    for version in [0, 1, 2] {
        for (offset, base) in [(4, 0), (8, 0), (4, 4), (8, 8), (4, 8)] {
            for bits in 0..16 {
                let on = |bit: u8| bits & (1 << bit) != 0;
                let (before, open) = (on(0), on(1) && !on(0));
                forms.push(Form { version, offset, base, before, open, references: on(2), film: on(3) });
            }
        }
    }
    forms
}

#[test]
fn every_form_gets_an_item_and_keeps_the_others() {
    for form in forms() {
        let old = made(form, &[]);
        let new = hold(&NAME, &old);
        let (before, film) = shown(&old);
        let (after, new_film) = shown(&new);
        assert_eq!(before[0].1, PICTURE);
        assert_eq!(after[..2], before[..]);
        assert_eq!(new_film, film);
        assert_eq!((after.len(), after[2].0), (3, 3));
        assert_eq!(xmp::values(&after[2].1), [VALUE]);
        let mut file = std::io::Cursor::new(&new);
        let mut picture = Picture::default();
        picture.scan(&mut Source::new(&mut file, "HEIF").unwrap()).unwrap();
        assert_eq!(picture.describes, [(3, vec![1])]);
        assert_eq!(picture.main_packet(picture.kinds.iter()), Some(3));
    }
}

#[test]
fn a_packet_that_is_there_is_changed() {
    let rdf = "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" a=\"b\"/></rdf:RDF>";
    let padded = format!("{rdf}{}<?xpacket end=\"w\"?>", " ".repeat(900));
    for (packet, grows) in [(rdf.to_owned(), true), (padded, false)] {
        for form in forms().into_iter().step_by(7) {
            let old = made(form, &[(b"mime", "application/rdf+xml", packet.clone().into_bytes())]);
            let new = hold(&NAME, &old);
            assert_eq!(new.len() > old.len(), grows);
            let (before, after) = (shown(&old), shown(&new));
            assert_eq!(before.0[..2], after.0[..2]);
            assert_eq!(before.1, after.1);
            assert!(String::from_utf8_lossy(&after.0[2].1).contains("<rdf:Description rdf:about=\"\" a=\"b\"/>"));
        }
    }
}

#[test]
fn variants_are_read_and_taken_out() {
    let packet = xmp::with(None, VALUE).unwrap();
    let comment = format!("ASCII\0\0\0{{\"AIGC\":{VALUE}}}");
    let block = [vec![0, 0, 0, 6], b"Exif\0\0".to_vec(), exif_block(false, b"a cat\0", comment.as_bytes())].concat();
    let kinds: [(&[u8; 4], &str, Vec<u8>); 3] = [
        (b"mime", "application/rdf+xml", packet.clone()),
        (b"mime", "application/rdf+xml", packet.clone()),
        (b"Exif", "", block),
    ];
    let old = [
        made(FORM, &kinds),
        boxed(b"uuid", &[XMP_UUID.as_slice(), &packet].concat()),
        boxed(b"free", format!("AIGC{VALUE}").as_bytes()),
    ]
    .concat();
    let all: Vec<(String, bool)> =
        found(&NAME, &old).unwrap().into_iter().map(|found| (found.place, found.by_the_book)).collect();
    let places: Vec<(&str, bool)> = all.iter().map(|(place, book)| (place.as_str(), *book)).collect();
    assert_eq!(
        places,
        [
            ("heif:XMP item TC260:AIGC", true),
            ("heif:XMP item TC260:AIGC", false),
            ("heif:Exif UserComment", false),
            ("heif:uuid XMP TC260:AIGC", false),
            ("heif:free", false),
        ]
    );
    let new = hold(&NAME, &old);
    assert_eq!(shown(&new).0[0].1, PICTURE);
}

#[test]
fn brands_of_films_are_left_to_films() {
    assert!(sniff(&boxed(b"ftyp", b"avif\0\0\0\0mif1miaf")));
    assert!(sniff(&boxed(b"ftyp", b"mif1\0\0\0\0heic")));
    assert!(!sniff(&boxed(b"ftyp", b"isom\0\0\0\0mif1")));
    assert!(!sniff(&boxed(b"ftyp", b"mp42\0\0\0\0isom")));
    assert!(!sniff(b"\0\0\0\x04ftyp"));
}

#[test]
fn what_cannot_be_corrected_is_refused() {
    let mut old = made(FORM, &[]);
    old.extend(boxed(b"moof", b""));
    assert!(matches!(labelled(&NAME, &old, VALUE), Err(Error::Unsupported { .. })));
    let mut open = made(FORM, &[]);
    open.extend([0, 0, 0, 0, b'f', b'r', b'e', b'e', 1]);
    assert!(matches!(labelled(&NAME, &open, VALUE), Err(Error::Unsupported { .. })));
    let none = [boxed(b"ftyp", b"heic\0\0\0\0"), full(b"meta", 0, b"")].concat();
    assert!(matches!(labelled(&NAME, &none, VALUE), Err(Error::Unsupported { .. })));
    let old = made(FORM, &[]);
    for cut in [0, 7, 24, 60, 100, old.len() - 1] {
        assert!(matches!(labelled(&NAME, &old[..cut], VALUE), Err(Error::Damaged { .. })), "{cut}");
    }
}

#[test]
fn a_million_boxes_are_read() {
    let many = [made(FORM, &[]), boxed(b"free", b"").repeat(1_000_000)].concat();
    assert!(labelled(&NAME, &many, VALUE).is_ok());
}

#[test]
fn a_packet_that_stands_nowhere_is_none() {
    // Item 3 is a packet that describes the picture, and the table of places calls it 255.
    let mut old = made(FORM, &[(b"mime", "XMP\0application/rdf+xml", xmp::with(None, VALUE).unwrap())]);
    let iloc = memchr::memmem::find(&old, b"iloc").unwrap();
    let third = iloc + 4 + 4 + 2 + 2 + (2 + 2 + 2 + 16) + (2 + 2 + 2 + 8);
    assert_eq!(old[third..third + 2], [0, 3]);
    old[third + 1] = 255;
    hold(&NAME, &old);
}

#[test]
fn a_box_within_another_has_a_size() {
    // The last box of `meta`, which is the last of the file: behind it the label would be its content.
    let form = Form { before: true, ..FORM };
    let mut old = made(form, &[]);
    let meta = memchr::memmem::find(&old, b"meta").unwrap() - 4;
    old.extend([0, 0, 0, 0, b'f', b'r', b'e', b'e']);
    let size = u32::try_from(old.len() - meta).unwrap().to_be_bytes();
    old.splice(meta..meta + 4, size);
    assert!(matches!(labelled(&NAME, &old, VALUE), Err(Error::Damaged { .. })));
    assert!(matches!(found(&NAME, &old), Err(Error::Damaged { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damaged_pictures_are_written_well_or_refused(
        which in 0_usize..240,
        packet: bool,
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        cut: usize,
    ) {
        let form = forms()[which];
        let packet = if packet { vec![(b"mime", "application/rdf+xml", xmp::with(None, VALUE).unwrap())] } else { Vec::new() };
        endure(&NAME, &made(form, &packet), &damage, cut);
    }
}
