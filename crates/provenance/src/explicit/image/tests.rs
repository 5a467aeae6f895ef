use super::*;

fn picture(width: usize, height: usize, colour: impl Fn(usize, usize) -> [u8; 4]) -> Vec<u8> {
    (0..width * height).flat_map(|i| colour(i % width, i / width)).collect()
}

/// The rows of ink that differ from a flat background, measured on the pixels.
fn ink_rows(rgba: &[u8], width: usize, background: [u8; 4], columns: std::ops::Range<usize>) -> usize {
    let rows: Vec<usize> = rgba
        .chunks(width * 4)
        .enumerate()
        .filter(|(_, row)| row.chunks(4).enumerate().any(|(x, pixel)| columns.contains(&x) && pixel != background))
        .map(|(y, _)| y)
        .collect();
    rows.last().map_or(0, |last| last - rows[0] + 1)
}

#[test]
fn the_text_is_a_twentieth_of_the_shortest_side_at_least_as_measured_on_pixels() {
    for (width, height) in [(200, 200), (640, 480), (1024, 1024), (1080, 1920), (1920, 1080), (333, 777), (4000, 3000)]
    {
        let grey = [200, 200, 200, 255];
        let mut rgba = picture(width, height, |_, _| grey);
        let drawn = draw(&mut rgba, width, height, &Label::default()).unwrap();
        // The lowest letters of the label: A and I, its first two cells.
        let scale = drawn.text_height / 10;
        let start = drawn.x + 2 * scale;
        let measured = ink_rows(&rgba, width, grey, start..start + 16 * scale);
        assert_eq!(measured, drawn.text_height);
        assert!(measured as f64 >= 0.05 * width.min(height) as f64, "{width}x{height}: {measured}");
        // Not much higher than wanted: less than one step of the scale.
        assert!((measured as f64) < 0.05 * width.min(height) as f64 + 11.0, "{width}x{height}: {measured}");
        assert!(drawn.contrast >= 4.5 && drawn.plate == 0.0);
        assert_eq!((drawn.x + drawn.width, drawn.y + drawn.height), (width, height));
    }
}

#[test]
fn nothing_outside_of_the_label_changes() {
    let colour = |x: usize, y: usize| [(x * 7) as u8, (y * 5) as u8, (x * y) as u8, 255];
    let before = picture(400, 300, colour);
    for place in [Place::TopLeft, Place::TopRight, Place::BottomLeft, Place::BottomRight, Place::Top, Place::Bottom] {
        let mut rgba = before.clone();
        let label = Label { text: "人工智能生成".to_owned(), place, share: 0.06 };
        let drawn = draw(&mut rgba, 400, 300, &label).unwrap();
        assert!(drawn.text_height >= 18, "{drawn:?}");
        for (i, (old, new)) in before.chunks(4).zip(rgba.chunks(4)).enumerate() {
            let (x, y) = (i % 400, i / 400);
            let inside =
                (drawn.x..drawn.x + drawn.width).contains(&x) && (drawn.y..drawn.y + drawn.height).contains(&y);
            assert!(inside || old == new, "{place:?} {x} {y}");
        }
        assert!(drawn.x == 0 || drawn.y == 0 || drawn.x + drawn.width == 400 || drawn.y + drawn.height == 300);
    }
}

#[test]
fn the_ink_can_be_read_on_any_background() {
    type Colour = fn(usize, usize) -> [u8; 4];
    let backgrounds: [(&str, Colour); 7] = [
        ("white", |_, _| [255; 4]),
        ("black", |_, _| [0, 0, 0, 255]),
        ("mid grey", |_, _| [118, 118, 118, 255]),
        ("red", |_, _| [255, 0, 0, 255]),
        ("chequered", |x, y| if (x / 3 + y / 3) % 2 == 0 { [255; 4] } else { [0, 0, 0, 255] }),
        ("noise", |x, y| [(x * 7919 + y * 104_729) as u8, (x * 31 + y * 17) as u8, (x ^ y) as u8, 255]),
        ("clear", |_, _| [0; 4]),
    ];
    for (name, colour) in backgrounds {
        let mut rgba = picture(300, 300, colour);
        let drawn = draw(&mut rgba, 300, 300, &Label::default()).unwrap();
        println!("{name}: contrast {:.1}, plate {}", drawn.contrast, drawn.plate);
        assert!(drawn.contrast >= 4.5, "{name}: {drawn:?}");
        if name == "clear" {
            let last = rgba.chunks(4).last().unwrap();
            assert_eq!(last[3], 255);
        }
    }
}

#[test]
fn the_letters_are_those_of_the_font() {
    let mut rgba = picture(200, 200, |_, _| [255; 4]);
    let drawn = draw(&mut rgba, 200, 200, &Label { place: Place::TopLeft, ..Label::default() }).unwrap();
    let scale = drawn.text_height / 10;
    let shown: String = (0..drawn.height / scale)
        .map(|row| {
            let line: String = (0..drawn.width / scale)
                .map(|column| if rgba[(row * scale * 200 + column * scale) * 4] == 0 { '#' } else { '.' })
                .collect();
            line + "\n"
        })
        .collect();
    println!("{shown}");
    // The foot of A, I and 生.
    assert!(shown.contains("#....#"), "{shown}");
}

#[test]
fn wrong_labels_and_sizes_are_refused() {
    let mut rgba = picture(100, 100, |_, _| [255; 4]);
    let label = |text: &str, share: f64| Label { text: text.to_owned(), place: Place::Top, share };
    for (wrong, reason) in [
        (label("生成", 0.05), "lacks an element"),
        (label("AI", 0.05), "lacks an element"),
        (label("AI生成", 0.04), "share"),
        (label("AI生成", f64::NAN), "share"),
        (label("本内容由人工智能生成合成请注意甄别", 0.05), "shorten"),
        (label("AI\n生成", 0.05), "one line"),
    ] {
        let error = draw(&mut rgba, 100, 100, &wrong).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert!(draw(&mut rgba, 100, 99, &Label::default()).is_err());
    assert!(draw(&mut [], 0, 0, &Label::default()).is_err());
    assert!(draw(&mut [], usize::MAX, usize::MAX, &Label::default()).is_err());
    assert!(rgba.iter().all(|byte| *byte == 255), "nothing is drawn");
}
