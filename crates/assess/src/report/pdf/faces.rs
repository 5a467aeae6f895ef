//! The faces that text is set in: a subset of the font that was given, and the built-in bitmaps for what it lacks.

use std::collections::BTreeMap;

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref, Str};
use subsetter::GlyphRemapper;
use ttf_parser::{Face, RawFace, Tag};

use super::super::Error;
use super::bitmap::{Bitmaps, EM};

/// Glyphs of one Type 3 font.
const PER_FONT: usize = 255;
/// The name of the embedded font in resources.
const EMBEDDED: &str = "E";

/// The font that was given.
struct Embedded<'a> {
    data: &'a [u8],
    /// Which face of a collection.
    index: u32,
    face: Face<'a>,
    remapper: GlyphRemapper,
    /// New glyph: the character that it stands for and its width in thousandths of an em.
    used: BTreeMap<u16, (char, f32)>,
}

/// Which font and which code draw a character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    Embedded(u16),
    Bitmap(usize, u8),
}

/// All faces of a document.
pub(super) struct Faces<'a> {
    embedded: Option<Embedded<'a>>,
    bitmaps: Bitmaps,
    /// Characters drawn from bitmaps in the order of their codes, and where each is.
    drawn: Vec<(char, bool)>,
    places: BTreeMap<(char, bool), usize>,
}

/// Text with its size and weight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Set {
    /// Points.
    pub size: f32,
    /// Bold.
    pub bold: bool,
}

impl<'a> Faces<'a> {
    pub(super) fn open(font: Option<&'a [u8]>) -> Result<Faces<'a>, Error> {
        let embedded = match font {
            Some(data) => {
                let index = simplified(data);
                let face = Face::parse(data, index).map_err(|e| Error::Font(e.to_string()))?;
                Some(Embedded { data, index, face, remapper: GlyphRemapper::new(), used: BTreeMap::new() })
            }
            None => None,
        };
        Ok(Faces { embedded, bitmaps: Bitmaps::open(), drawn: Vec::new(), places: BTreeMap::new() })
    }

    /// The width of a character in ems.
    pub(super) fn advance(&mut self, c: char) -> f32 {
        if let Some(e) = &self.embedded
            && let Some(glyph) = e.face.glyph_index(c).filter(|g| g.0 != 0)
            && let Some(advance) = e.face.glyph_hor_advance(glyph)
        {
            return f32::from(advance) / f32::from(e.face.units_per_em());
        }
        self.bitmaps.width(c) / EM
    }

    /// The width of a text in points.
    pub(super) fn width(&mut self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.advance(c)).sum::<f32>() * size
    }

    fn code(&mut self, c: char, bold: bool) -> Code {
        if let Some(e) = &mut self.embedded
            && let Some(glyph) = e.face.glyph_index(c).filter(|g| g.0 != 0)
        {
            let advance = e.face.glyph_hor_advance(glyph).unwrap_or(0);
            let new = e.remapper.remap(glyph.0);
            let width = f32::from(advance) * 1000.0 / f32::from(e.face.units_per_em());
            e.used.entry(new).or_insert((c, width));
            return Code::Embedded(new);
        }
        let key = (c, bold);
        let place = *self.places.entry(key).or_insert_with(|| {
            self.drawn.push(key);
            self.drawn.len() - 1
        });
        Code::Bitmap(place / PER_FONT, u8::try_from(place % PER_FONT + 1).unwrap_or(1))
    }

    /// Sets a line with its baseline at the place. The color is that of the content.
    pub(super) fn show(&mut self, content: &mut Content, at: (f32, f32), text: &str, set: Set) {
        if text.is_empty() {
            return;
        }
        content.begin_text();
        if set.bold && self.embedded.is_some() {
            content.set_text_rendering_mode(pdf_writer::types::TextRenderingMode::FillStroke);
            content.set_line_width(set.size * 0.022);
        }
        content.set_text_matrix([1.0, 0.0, 0.0, 1.0, at.0, at.1]);
        let mut run: Vec<u8> = Vec::new();
        let mut current: Option<Option<usize>> = None;
        for c in text.chars() {
            let code = self.code(c, set.bold);
            let font = match code {
                Code::Embedded(_) => None,
                Code::Bitmap(n, _) => Some(n),
            };
            if current != Some(font) {
                if !run.is_empty() {
                    content.show(Str(&run));
                    run.clear();
                }
                content.set_font(Name(font.map_or_else(|| EMBEDDED.to_owned(), name).as_bytes()), set.size);
                current = Some(font);
            }
            match code {
                Code::Embedded(glyph) => run.extend(glyph.to_be_bytes()),
                Code::Bitmap(_, code) => run.push(code),
            }
        }
        if !run.is_empty() {
            content.show(Str(&run));
        }
        if set.bold && self.embedded.is_some() {
            content.set_text_rendering_mode(pdf_writer::types::TextRenderingMode::Fill);
        }
        content.end_text();
    }

    /// Writes the fonts; the resources' names with their references.
    pub(super) fn write(mut self, pdf: &mut Pdf, next: &mut dyn FnMut() -> Ref) -> Result<Vec<(String, Ref)>, Error> {
        let mut fonts = Vec::new();
        if let Some(embedded) = self.embedded.take()
            && !embedded.used.is_empty()
        {
            fonts.push((EMBEDDED.to_owned(), embedded.write(pdf, next)?));
        }
        let drawn = std::mem::take(&mut self.drawn);
        for (n, group) in drawn.chunks(PER_FONT).enumerate() {
            fonts.push((name(n), self.bitmap_font(pdf, next, group)));
        }
        Ok(fonts)
    }

    fn bitmap_font(&mut self, pdf: &mut Pdf, next: &mut dyn FnMut() -> Ref, group: &[(char, bool)]) -> Ref {
        let (reference, map) = (next(), next());
        let info = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"UCS"), supplement: 0 };
        let mut cmap = UnicodeCmap::<u8>::new(Name(b"Custom"), info);
        let mut widths = Vec::with_capacity(group.len());
        let mut outlines = Vec::with_capacity(group.len());
        for ((c, bold), code) in group.iter().zip(1_u8..=u8::MAX) {
            cmap.pair(code, *c);
            widths.push(self.bitmaps.width(*c));
            let stream = next();
            let bytes = super::packed(&self.bitmaps.outline(*c, *bold));
            pdf.stream(stream, &bytes).filter(Filter::FlateDecode);
            outlines.push((format!("g{code}"), stream));
        }
        let bytes = super::packed(&cmap.finish());
        pdf.cmap(map, &bytes).filter(Filter::FlateDecode);
        let mut font = pdf.type3_font(reference);
        font.bbox(Rect::new(0.0, -2.0, EM, EM - 2.0));
        font.matrix([1.0 / EM, 0.0, 0.0, 1.0 / EM, 0.0, 0.0]);
        font.first_char(1).last_char(u8::try_from(group.len()).unwrap_or(u8::MAX)).widths(widths).to_unicode(map);
        font.resources().finish();
        let mut procedures = font.char_procs();
        for (name, stream) in &outlines {
            procedures.pair(Name(name.as_bytes()), *stream);
        }
        procedures.finish();
        let mut encoding = font.encoding_custom();
        encoding.differences().consecutive(1, outlines.iter().map(|(name, _)| Name(name.as_bytes())));
        encoding.finish();
        font.finish();
        reference
    }
}

fn name(n: usize) -> String {
    format!("F{n}")
}

/// Six capital letters that name a subset: always the same for the same glyphs (FNV-1a).
fn tag(glyphs: impl Iterator<Item = u16>) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for glyph in glyphs {
        hash = (hash ^ u64::from(glyph)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let mut out = String::new();
    for _ in 0..6 {
        out.push(char::from(b'A' + u8::try_from(hash % 26).unwrap_or(0)));
        hash /= 26;
    }
    out
}

fn post_script(face: &Face<'_>) -> String {
    let names = face.names();
    let found = (0..names.len())
        .filter_map(|n| names.get(n))
        .filter(|n| n.name_id == ttf_parser::name_id::POST_SCRIPT_NAME && n.is_unicode())
        .find_map(|n| n.to_string());
    found.unwrap_or_default()
}

/// The face of a collection that draws characters as mainland China writes them, by its name; otherwise the first.
fn simplified(data: &[u8]) -> u32 {
    let faces = ttf_parser::fonts_in_collection(data).unwrap_or(1);
    let is_simplified = |index: &u32| {
        Face::parse(data, *index).is_ok_and(|face| {
            let name = post_script(&face);
            ["SC", "CJKsc", "CN"].iter().any(|mark| name.contains(mark)) && !name.contains("Mono")
        })
    };
    (0..faces.min(64)).find(is_simplified).unwrap_or(0)
}

impl Embedded<'_> {
    /// The font's own name, as far as a PDF may hold it.
    fn own_name(&self) -> String {
        let name: String = post_script(&self.face).chars().filter(char::is_ascii_alphanumeric).take(40).collect();
        if name.is_empty() { "Font".to_owned() } else { name }
    }

    fn write(self, pdf: &mut Pdf, next: &mut dyn FnMut() -> Ref) -> Result<Ref, Error> {
        let broken = |e: subsetter::Error| Error::Font(e.to_string());
        let subset = subsetter::subset(self.data, self.index, &self.remapper).map_err(broken)?;
        let cff = RawFace::parse(&subset, 0).ok().and_then(|raw| raw.table(Tag::from_bytes(b"CFF ")));
        let base = format!("{}+{}", tag(self.remapper.remapped_gids()), self.own_name());
        let [font, cid, descriptor, map, file] = [next(), next(), next(), next(), next()];
        let info = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
        let mut composite = pdf.type0_font(font);
        composite.base_font(Name(base.as_bytes())).encoding_predefined(Name(b"Identity-H"));
        composite.descendant_font(cid).to_unicode(map);
        composite.finish();
        let mut descendant = pdf.cid_font(cid);
        descendant.subtype(if cff.is_some() { CidFontType::Type0 } else { CidFontType::Type2 });
        descendant.base_font(Name(base.as_bytes())).system_info(info).font_descriptor(descriptor).default_width(1000.0);
        if cff.is_none() {
            descendant.cid_to_gid_map_predefined(Name(b"Identity"));
        }
        let mut widths = descendant.widths();
        for (glyph, (_, width)) in &self.used {
            widths.consecutive(*glyph, [*width]);
        }
        widths.finish();
        descendant.finish();
        let per = |v: i16| f32::from(v) * 1000.0 / f32::from(self.face.units_per_em());
        let b = self.face.global_bounding_box();
        let mut d = pdf.font_descriptor(descriptor);
        d.name(Name(base.as_bytes())).flags(FontFlags::SYMBOLIC).italic_angle(0.0).stem_v(80.0);
        d.bbox(Rect::new(per(b.x_min), per(b.y_min), per(b.x_max), per(b.y_max)));
        d.ascent(per(self.face.ascender())).descent(per(self.face.descender()));
        d.cap_height(per(self.face.capital_height().unwrap_or(self.face.ascender())));
        if cff.is_some() {
            d.font_file3(file);
        } else {
            d.font_file2(file);
        }
        d.finish();
        let bytes = super::packed(cff.unwrap_or(&subset));
        let mut stream = pdf.stream(file, &bytes);
        stream.filter(Filter::FlateDecode);
        if cff.is_some() {
            stream.pair(Name(b"Subtype"), Name(b"CIDFontType0C"));
        }
        stream.finish();
        let info = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"UCS"), supplement: 0 };
        let mut cmap = UnicodeCmap::<u16>::new(Name(b"Custom"), info);
        for (glyph, (c, _)) in &self.used {
            cmap.pair(*glyph, *c);
        }
        let bytes = super::packed(&cmap.finish());
        pdf.cmap(map, &bytes).filter(Filter::FlateDecode);
        Ok(font)
    }
}
