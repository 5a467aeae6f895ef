use image::codecs::gif::{GifDecoder, GifEncoder, Repeat};
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, Delay, Frame};

use super::*;

/// Frames and their delays.
type Film = Vec<(RgbaImage, (u32, u32))>;

fn film(bytes: &[u8]) -> Film {
    let bytes = Cursor::new(bytes.to_vec());
    let frames = match Format::of(bytes.get_ref()).unwrap() {
        Format::Gif => GifDecoder::new(bytes).unwrap().into_frames(),
        Format::Png => PngDecoder::new(bytes).unwrap().apng().unwrap().into_frames(),
        _ => WebPDecoder::new(bytes).unwrap().into_frames(),
    };
    frames.map(Result::unwrap).map(|frame| (frame.buffer().clone(), frame.delay().numer_denom_ms())).collect()
}

/// Labels a film, and compares every frame.
fn holds(bytes: &[u8], frames: usize) -> Vec<u8> {
    let (new, drawn) = done(bytes, &Label::default()).unwrap();
    let (before, after) = (film(bytes), film(&new));
    assert_eq!((before.len(), after.len()), (frames, frames));
    for (index, ((old, delay), (new, same))) in before.iter().zip(&after).enumerate() {
        assert_eq!(delay, same, "{index}");
        let (worst, _) = outside(&clean(old), &clean(new), &drawn);
        assert_eq!(worst, 0, "frame {index}");
        let mut pixels = old.clone().into_raw();
        draw(&mut pixels, old.width() as usize, old.height() as usize, &Label::default()).unwrap();
        let wanted = RgbaImage::from_raw(old.width(), old.height(), pixels).unwrap();
        let other = clean(&wanted).pixels().zip(clean(new).pixels()).filter(|(a, b)| a != b).count();
        assert!(other * 50 <= drawn.width * drawn.height, "frame {index}: {other} of the label");
    }
    new
}

/// Colours of what is not seen do not count.
fn clean(picture: &RgbaImage) -> RgbaImage {
    let mut clean = picture.clone();
    clean.pixels_mut().filter(|pixel| pixel.0[3] == 0).for_each(|pixel| pixel.0 = [0; 4]);
    clean
}

fn gif(frames: Vec<Frame>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.set_repeat(Repeat::Finite(3)).unwrap();
    encoder.encode_frames(frames).unwrap();
    drop(encoder);
    bytes
}

fn few(width: u32, height: u32, shift: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let step = ((x + shift) / 10 + y / 10) % 12;
        Rgba([(step * 20) as u8, (255 - step * 15) as u8, 90, 255])
    })
}

#[test]
fn gif_films_keep_time_loop_and_extensions() {
    let delay = |frame: u32| Delay::from_numer_denom_ms(70 + frame * 10, 1);
    let frames = (0..4).map(|i| Frame::from_parts(few(120, 80, i * 3), 0, 0, delay(i))).collect();
    let mut bytes = gif(frames);
    let comment = b"\x21\xFE\x07a note.\0";
    let at = memchr::memmem::find(&bytes, b"\x21\xFF\x0BNETSCAPE2.0").unwrap();
    bytes.splice(at..at, comment.iter().copied());
    bytes.extend(b"behind the end");
    let new = holds(&bytes, 4);
    assert!(memchr::memmem::find(&new, comment).is_some());
    assert!(memchr::memmem::find(&new, b"\x21\xFF\x0BNETSCAPE2.0\x03\x01\x03\0\0").is_some());
    assert!(new.ends_with(b"behind the end"));
}

/// A part of a film: its place, its disposal, and the index that is nothing.
type Laid = ((u16, u16, u16, u16), gif::DisposalMethod, Option<u8>);

/// A GIF by hand: frames with a place, a disposal and an index that is nothing.
fn parts(frames: &[Laid]) -> Vec<u8> {
    let palette: Vec<u8> = (0..16_u8).flat_map(|i| [i * 16, 255 - i * 12, i * 3]).collect();
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, 120, 80, &palette).unwrap();
    for (index, ((left, top, width, height), dispose, transparent)) in frames.iter().enumerate() {
        let buffer: Vec<u8> =
            (0..u32::from(*width) * u32::from(*height)).map(|i| ((i / 7 + index as u32) % 16) as u8).collect();
        let frame = gif::Frame {
            left: *left,
            top: *top,
            width: *width,
            height: *height,
            dispose: *dispose,
            transparent: *transparent,
            delay: 5,
            buffer: buffer.into(),
            ..gif::Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    bytes
}

#[test]
fn gif_films_of_parts_are_laid_over_each_other_as_before() {
    use gif::DisposalMethod::{Any, Background, Keep, Previous};
    let whole = (0, 0, 120, 80);
    holds(&parts(&[(whole, Keep, None), ((10, 10, 30, 20), Keep, None), ((90, 60, 30, 20), Any, Some(3))]), 3);
    holds(&parts(&[(whole, Keep, None), ((10, 10, 30, 20), Previous, Some(1)), ((50, 30, 30, 20), Keep, None)]), 3);
    holds(
        &parts(&[
            ((20, 10, 90, 60), Background, None),
            ((10, 10, 30, 20), Background, Some(2)),
            (whole, Keep, Some(4)),
        ]),
        3,
    );
    // Nothing changes in the second frame.
    holds(&parts(&[(whole, Keep, None), ((0, 0, 1, 1), Keep, Some(1)), ((0, 0, 2, 2), Keep, None)]), 3);
}

#[test]
fn a_gif_of_all_colours_stays_near() {
    let bytes = encoded(DynamicImage::from(photo(120, 80)), ImageFormat::Gif);
    let (new, drawn) = done(&bytes, &Label::default()).unwrap();
    let (before, after) = (shown(&bytes).into_rgba8(), shown(&new).into_rgba8());
    let (_, psnr) = outside(&before, &after, &drawn);
    assert!(psnr > 38.0, "{psnr}");
    stands(&before, &after, &Label::default(), &drawn, 40);
}

fn apng(separate: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 120, 80);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_animated(3, 5).unwrap();
    encoder.set_sep_def_img(separate).unwrap();
    let mut writer = encoder.write_header().unwrap();
    if separate {
        writer.write_image_data(&few(120, 80, 50)).unwrap();
    }
    writer.set_frame_delay(1, 10).unwrap();
    writer.write_image_data(&few(120, 80, 0)).unwrap();
    for (shift, place, blend, dispose) in [
        (2, (10, 20), png::BlendOp::Over, png::DisposeOp::Background),
        (4, (80, 50), png::BlendOp::Source, png::DisposeOp::Previous),
    ] {
        writer.set_frame_delay(shift, 20).unwrap();
        writer.set_frame_dimension(40, 30).unwrap();
        writer.set_frame_position(place.0, place.1).unwrap();
        writer.set_blend_op(blend).unwrap();
        writer.set_dispose_op(dispose).unwrap();
        let mut part = few(40, 30, u32::from(shift));
        // All or nothing: how half of it is blended, decoders round their own way.
        part.enumerate_pixels_mut().for_each(|(x, y, pixel)| pixel.0[3] = if (x + y) % 3 == 0 { 0 } else { 255 });
        writer.write_image_data(&part).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

#[test]
fn apng_keeps_its_frames() {
    let new = holds(&apng(false), 3);
    let control = memchr::memmem::find(&new, b"acTL").unwrap();
    assert_eq!(new[control + 4..control + 12], [0, 0, 0, 3, 0, 0, 0, 5]);
    // The picture for readers that know no films has the label, too.
    let bytes = apng(true);
    let new = holds(&bytes, 3);
    let drawn = done(&bytes, &Label::default()).unwrap().1;
    let (before, after) = (shown(&bytes).into_rgba8(), shown(&new).into_rgba8());
    assert_ne!(before, after);
    assert_eq!(outside(&before, &after, &drawn).0, 0);
}

#[test]
fn webp_films_keep_their_frames() {
    let three = |value: u32| value.to_le_bytes()[..3].to_vec();
    let part = |width: u32, height: u32, shift: u32, place: (u32, u32), flags: u8| {
        let mut file = Vec::new();
        image_webp::WebPEncoder::new(&mut file)
            .encode(&few(width, height, shift), width, height, image_webp::ColorType::Rgba8)
            .unwrap();
        let head = [three(place.0 / 2), three(place.1 / 2), three(width - 1), three(height - 1), three(40 + shift)];
        let data = [head.concat(), vec![flags], file[12..].to_vec()].concat();
        [b"ANMF".as_slice(), &(data.len() as u32).to_le_bytes(), &data].concat()
    };
    let extended = [vec![0b0001_0010, 0, 0, 0], three(119), three(79)].concat();
    let body = [
        b"WEBPVP8X\x0A\0\0\0".to_vec(),
        extended,
        b"ANIM\x06\0\0\0\0\0\0\0\x04\0".to_vec(),
        part(120, 80, 0, (0, 0), 0),
        part(40, 30, 3, (10, 20), 1),
        part(30, 30, 6, (80, 40), 2),
        b"XMP \x05\0\0\0<xmp>\0".to_vec(),
    ]
    .concat();
    let bytes = [b"RIFF".as_slice(), &(body.len() as u32).to_le_bytes(), &body].concat();
    let new = holds(&bytes, 3);
    assert!(memchr::memmem::find(&new, b"ANIM\x06\0\0\0\0\0\0\0\x04\0").is_some());
    assert!(new.ends_with(b"XMP \x05\0\0\0<xmp>\0"));
}
