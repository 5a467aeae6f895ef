//! What a label costs: pictures of 1 MB labelled and read back in memory, on one core. The aim is 500 files a second.

use std::hint::black_box;
use std::io::Cursor;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use image::{ImageFormat, RgbImage};
use menshen_provenance::carrier;
use menshen_provenance::label::{Aigc, Kind};

/// A picture of noise: about 1 MB when coded.
fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(7);
    let picture = RgbImage::from_fn(width, height, |_, _| image::Rgb([rng.u8(..), rng.u8(..), rng.u8(..)]));
    let mut file = Cursor::new(Vec::new());
    let made = picture.write_to(&mut file, format);
    assert!(made.is_ok(), "the picture cannot be coded");
    file.into_inner()
}

fn labels(c: &mut Criterion) {
    let Ok(aigc) = Aigc::generated("001191110102MACQD9K64010000", "c-1", Kind::Generated) else { return };
    let value = aigc.to_value();
    let mut group = c.benchmark_group("label");
    for (name, file) in
        [("jpeg", picture(ImageFormat::Jpeg, 1_120, 1_000)), ("png", picture(ImageFormat::Png, 640, 546))]
    {
        group.throughput(Throughput::Bytes(file.len() as u64));
        group.bench_function(format!("{name}, {} kB, written and read back", file.len() / 1_000), |b| {
            let mut out = Cursor::new(Vec::with_capacity(2 << 20));
            b.iter(|| {
                out.get_mut().clear();
                out.set_position(0);
                let done = carrier::put(&mut Cursor::new(&file), &mut out, name, &value);
                black_box(done.is_ok())
            });
        });
        group.bench_function(format!("{name}, read"), |b| {
            b.iter(|| {
                let mut input = Cursor::new(&file);
                let found = carrier::sniff(&mut input, name).and_then(|carrier| (carrier.read)(&mut input));
                black_box(found.is_ok())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, labels);
criterion_main!(benches);
