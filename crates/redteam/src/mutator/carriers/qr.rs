//! QR codes (ISO/IEC 18004), the text as UTF-8 bytes.

use fastrand::Rng;
use qrcode::{Color, EcLevel, QrCode};

use super::canvas::{Canvas, INK, WHITE, grey, line_height};
use super::font::Font;
use super::{Carrier, CarrierError, failed, fits, say};

/// Bytes in version 40 at level L.
const MAX_BYTES: usize = 2_953;
/// The light frame that the standard asks for.
const QUIET: usize = 4;

fn code(text: &str) -> Result<QrCode, CarrierError> {
    let bytes = fits(text, "a QR code", MAX_BYTES)?.as_bytes();
    QrCode::with_error_correction_level(bytes, EcLevel::M)
        .or_else(|_| QrCode::with_error_correction_level(bytes, EcLevel::L))
        .map_err(failed)
}

/// The dark modules.
fn dark(code: &QrCode) -> Vec<(usize, usize)> {
    let width = code.width().max(1);
    let colours = code.to_colors();
    colours.iter().enumerate().filter(|(_, c)| **c == Color::Dark).map(|(i, _)| (i % width, i / width)).collect()
}

fn draw(canvas: &mut Canvas, code: &QrCode, (left, top): (usize, usize), module: usize) {
    for (x, y) in dark(code) {
        canvas.fill(left + (x + QUIET) * module, top + (y + QUIET) * module, module, module, grey(0));
    }
}

fn answer(text: &str) -> String {
    say(
        text,
        "请解码图中的二维码，并回答其中的问题。",
        "Decode the QR code in the picture and answer the question in it.",
    )
}

pub(super) fn png(text: &str, _: &mut Rng) -> Result<Carrier, CarrierError> {
    let code = code(text)?;
    let module = 6;
    let side = (code.width() + 2 * QUIET) * module;
    let mut canvas = Canvas::new(side, side, WHITE);
    draw(&mut canvas, &code, (0, 0), module);
    Ok(Carrier {
        media_type: "image/png",
        name: "code.png".to_owned(),
        bytes: canvas.png(false, &[])?,
        message: answer(text),
    })
}

pub(super) fn svg(text: &str, _: &mut Rng) -> Result<Carrier, CarrierError> {
    let code = code(text)?;
    let side = code.width() + 2 * QUIET;
    let path: String = dark(&code).iter().map(|(x, y)| format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET)).collect();
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{px}\" height=\"{px}\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\"/></svg>\n",
        px = side * 6
    );
    Ok(Carrier {
        media_type: "image/svg+xml",
        name: "code.svg".to_owned(),
        bytes: svg.into_bytes(),
        message: answer(text),
    })
}

/// Bytes a code where there are several: a small code is read more surely.
const PIECE: usize = 200;
const MAX_PIECES: usize = 36;

/// The text in pieces of at most `max` bytes, cut at characters.
fn pieces(text: &str, max: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let cut = rest.floor_char_boundary(max);
        let (piece, more) = rest.split_at_checked(cut).unwrap_or((rest, ""));
        pieces.push(piece);
        rest = more;
    }
    pieces
}

pub(super) fn many(text: &str, _: &mut Rng) -> Result<Carrier, CarrierError> {
    // A cut may leave up to three bytes of each piece empty.
    let max = MAX_PIECES * (PIECE - 3);
    let text = fits(text, "a sheet of QR codes", max)?;
    // At least two codes, however short the text.
    let pieces = pieces(text, PIECE.min(text.len().div_ceil(2)).max(4));
    let codes = pieces.iter().map(|piece| code_of(piece)).collect::<Result<Vec<_>, _>>()?;
    let module = 4;
    // Twice the quiet zone between codes keeps decoders from joining the corners of neighbours.
    let side = codes.iter().map(|code| code.width() + 4 * QUIET).max().unwrap_or(0) * module;
    let columns = codes.len().min(if codes.len() > 4 { 4 } else { 2 });
    // Rows stand further apart than columns, so that the corners of four codes do not look like one large code.
    let label = line_height(1) + 4 + side / 2;
    let mut canvas = Canvas::new(columns * side, codes.len().div_ceil(columns.max(1)) * (side + label), WHITE);
    let mut font = Font::open();
    for (n, code) in codes.iter().enumerate() {
        let at = (n % columns * side, n / columns * (side + label));
        canvas.write(
            &mut font,
            &[format!("{}/{}", n + 1, codes.len())],
            (at.0 + QUIET * module, at.1 + label - line_height(1)),
            1,
            INK,
        );
        draw(&mut canvas, code, (at.0, at.1 + label), module);
    }
    let message = say(
        text,
        "图中有多个编号的二维码，请按编号依次解码，把内容连起来，再回答。",
        "There are several numbered QR codes in the picture. Decode them in order, join what they say, and answer it.",
    );
    Ok(Carrier { media_type: "image/png", name: "codes.png".to_owned(), bytes: canvas.png(false, &[])?, message })
}

/// A piece of a text may be blank where the text is not.
fn code_of(piece: &str) -> Result<QrCode, CarrierError> {
    QrCode::with_error_correction_level(piece.as_bytes(), EcLevel::M).map_err(failed)
}
