use std::io::Cursor;

use proptest::prelude::*;

use super::*;

const LABEL: &str = r#"{"Label":"1","ContentProducer":"A&<B>","ProduceID":"p"}"#;
const META: &str = "<meta name=\"AIGC\" content=\"{&quot;Label&quot;:&quot;1&quot;,&quot;ContentProducer&quot;:&quot;A&amp;&lt;B&gt;&quot;,&quot;ProduceID&quot;:&quot;p&quot;}\">";

fn labels(bytes: &[u8]) -> Vec<Found> {
    (HTML.read)(&mut Cursor::new(bytes)).unwrap()
}

fn labelled(bytes: &[u8], value: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    (HTML.write)(&mut Cursor::new(bytes), &mut out, value)?;
    Ok(out)
}

fn utf16(text: &str, little: bool) -> Vec<u8> {
    format!("\u{FEFF}{text}")
        .encode_utf16()
        .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
        .collect()
}

#[test]
fn a_label_goes_into_the_head() {
    for (before, after) in [
        ("<!DOCTYPE html><html><head><meta charset=utf-8>", "<title>x</title></head><body></body></html>"),
        ("<!DOCTYPE html><html><HEAD class='>'>", "<title><meta name=AIGC></title>"),
        ("<html lang=zh>", "<body>x"),
        ("<!-- <head> --><!doctype html>", "\n<p>x"),
        ("<!doctype html>", ""),
        ("", "text"),
        ("\u{FEFF}", "text"),
        ("<script>\"<head>\"</script x><head>", ""),
    ] {
        let old = format!("{before}{after}");
        let new = labelled(old.as_bytes(), LABEL).unwrap();
        assert_eq!(String::from_utf8_lossy(&new), format!("{before}{META}{after}"));
        let found = labels(&new);
        assert_eq!((found.len(), found[0].value.as_str()), (1, LABEL));
        assert_eq!(labelled(&new, LABEL).unwrap(), new);
        let (before, old) = (before.trim_start_matches('\u{FEFF}'), old.trim_start_matches('\u{FEFF}'));
        for little in [true, false] {
            let wide = labelled(&utf16(old, little), LABEL).unwrap();
            assert_eq!(wide, utf16(&format!("{before}{META}{after}"), little));
            assert_eq!(labels(&wide)[0].value, LABEL);
        }
    }
}

#[test]
fn other_labels_are_taken_out() {
    let old = format!(
        "<head>a{META}b<META NAME='aigc' CONTENT=x>c<meta content='{{\"AIGC\":{{\"ProduceID\":\"1\"}}}}' property=\"k\"/>d<meta name=AIGC>e"
    );
    assert_eq!(labels(old.as_bytes()).len(), 4);
    let new = labelled(old.as_bytes(), LABEL).unwrap();
    assert_eq!(String::from_utf8_lossy(&new), format!("<head>{META}abcde"));
    for text in [
        "<!-- <meta name=AIGC> -->",
        "<meta name=AIGCX>",
        "<metax name=AIGC>",
        "<a name=AIGC>",
        "<style><meta name=AIGC></style>",
        "<script>'</scripty><meta name=AIGC>'</script>",
        "<!--><p data-x='<meta name=AIGC>'>",
    ] {
        assert!(labels(text.as_bytes()).is_empty(), "{text}");
    }
}

#[test]
fn xhtml_stays_xml() {
    let old = "<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\"><head></head></html>";
    assert!((HTML.sniff)(old.as_bytes()));
    let new = String::from_utf8(labelled(old.as_bytes(), LABEL).unwrap()).unwrap();
    assert!(new.contains("p&quot;}\"/></head>"), "{new}");
}

#[test]
fn encodings_are_respected() {
    let page = encoding_rs::GB18030.encode("<head><meta charset=gbk><title>中文</title>").0.into_owned();
    let new = labelled(&page, "中").unwrap();
    assert!(new.ends_with(&page[24..]));
    assert_eq!(labels(&new)[0].value, "中");
    let raw = encoding_rs::GB18030.encode("<meta name=AIGC content='中文'>").0.into_owned();
    assert_eq!(labels(&raw)[0].value, "中文");
    assert!(labelled(b"<head><meta charset=iso-2022-jp>", LABEL).is_err());
}

#[test]
fn a_large_page_is_streamed() {
    let mut page = b"<head><img src=\"data:".to_vec();
    page.extend(std::iter::repeat_n(b'x', 5 << 20));
    page.extend_from_slice(b"\"><p>".repeat(1000).as_slice());
    page.extend_from_slice(META.as_bytes());
    let new = labelled(&page, LABEL).unwrap();
    assert_eq!(new.len(), page.len());
    assert_eq!(labels(&new).len(), 1);
}

#[test]
fn a_charset_that_goes_with_a_label_is_no_place() {
    let page = b"<head><meta charset=g\"La<meta name=\"AIGC\" content=\"x\"><title>t</title>";
    let new = labelled(page, LABEL).unwrap();
    assert_eq!(labels(&new).len(), 1);
    assert_eq!(labelled(&new, LABEL).unwrap(), new);
}

proptest! {
    #[test]
    fn any_page_is_read(text in "(<|>|meta|head|script|/| |name=AIGC|content=x|=|\"|'|!|-|!--|-->|a|\\?|title|\u{4E2D}){0,40}", wide in any::<bool>()) {
        let bytes = if wide { utf16(&text, true) } else { text.clone().into_bytes() };
        labels(&bytes);
        let new = labelled(&bytes, LABEL).unwrap();
        // A label written before an open quote or comment would be swallowed; it goes before all of these.
        let found = labels(&new);
        prop_assert!(found.iter().any(|one| one.value == LABEL), "{}", String::from_utf8_lossy(&new));
        prop_assert_eq!(found.len(), 1, "{}", String::from_utf8_lossy(&new));
    }

    #[test]
    fn any_value_comes_back(value in any::<String>()) {
        let new = labelled(b"<head>", &value).unwrap();
        prop_assert_eq!(&labels(&new)[0].value, &value);
    }

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        labels(&bytes);
    }
}
