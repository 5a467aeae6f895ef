use proptest::prelude::*;

use super::*;

const VALUE: &str = r#"{"Label":"1","ContentProducer":"001191110102MACQD9K64010000","ProduceID":"p-1"}"#;

fn packet(description: &str, tail: &str) -> String {
    format!(
        "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n \
         <rdf:RDF xmlns:rdf=\"{RDF}\">\n{description}\n </rdf:RDF>\n</x:xmpmeta>{tail}"
    )
}

fn written(old: &str) -> String {
    let new = with(Some(old.as_bytes()), VALUE).unwrap();
    assert_eq!(values(&new), [VALUE], "{old}");
    assert!(labels(&new)[0].by_the_book);
    assert_eq!(with(Some(&new), VALUE).unwrap(), new, "writing again changes nothing");
    String::from_utf8(new).unwrap()
}

#[test]
fn a_new_packet_holds_the_property_of_the_guides() {
    let new = String::from_utf8(with(None, VALUE).unwrap()).unwrap();
    assert_eq!(values(new.as_bytes()), [VALUE]);
    assert!(new.contains(&format!("<TC260:AIGC>{VALUE}</TC260:AIGC>")), "{new}");
    assert!(new.contains("xmlns:TC260=\"http://www.tc260.org.cn/ns/AIGC/1.0/\""));
    assert_eq!(written(&new), new);
}

#[test]
fn variants_are_read() {
    let escaped = VALUE.replace('"', "&quot;");
    let cases = [
        format!("<rdf:Description xmlns:TC260=\"{URI}\" TC260:AIGC=\"{escaped}\"/>"),
        format!("<rdf:Description xmlns:TC260=\"{URI}\" TC260:AIGC='{VALUE}'/>"),
        format!("<rdf:Description xmlns:tc=\"{URI}\"><tc:AIGC>{escaped}</tc:AIGC></rdf:Description>"),
        format!("<rdf:Description xmlns:tc=\"{URI}\"><tc:AIGC><![CDATA[{VALUE}]]></tc:AIGC></rdf:Description>"),
        format!("<rdf:Description xmlns:a=\"{URI}\"><a:AIGC>\n {VALUE}\n</a:AIGC></rdf:Description>"),
        format!("<rdf:Description><AIGC xmlns=\"{URI}\">{VALUE}</AIGC></rdf:Description>"),
        format!(
            "<rdf:Description xmlns:a=\"{URI}\"><a:AIGC><rdf:Alt><rdf:li xml:lang=\"x-default\">{VALUE}</rdf:li></rdf:Alt></a:AIGC></rdf:Description>"
        ),
        format!("<rdf:Description xmlns:TC260=\"urn:other\"><TC260:AIGC>{escaped}</TC260:AIGC></rdf:Description>"),
        format!("<rdf:Description xmlns:d=\"urn:d\"><d:note>{{\"AIGC\":{VALUE}}}</d:note></rdf:Description>"),
    ];
    for case in cases {
        let old = packet(&case, "\n<?xpacket end=\"w\"?>");
        let found = values(old.as_bytes());
        assert_eq!(found.len(), 1, "{case}");
        assert!(found[0] == VALUE || found[0] == format!("{{\"AIGC\":{VALUE}}}"), "{case}: {found:?}");
        written(&old);
        written(&old.replace("ContentProducer", "Producer"));
    }
}

#[test]
fn everything_else_stays() {
    let other = "  <rdf:Description rdf:about='uuid:7' xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n   <dc:format>image/jpeg</dc:format><!-- AIGC --></rdf:Description>";
    let old = packet(other, "\n<?xpacket end=\"r\"?>");
    let new = written(&old);
    let (head, rest) = new.split_once("<rdf:Description rdf:about='uuid:7' xmlns:TC260").unwrap();
    let (_, tail) = rest.split_once("</rdf:Description>").unwrap();
    assert_eq!(format!("{head}{tail}"), old);
}

#[test]
fn the_padding_is_used_up() {
    let tail = format!("{}<?xpacket end=\"w\"?>", format!("{}\n", " ".repeat(99)).repeat(20));
    let old = packet("<rdf:Description rdf:about=\"\"/>", &tail);
    assert_eq!(written(&old).len(), old.len());
    let long = "x".repeat(5_000);
    assert!(with(Some(old.as_bytes()), &long).unwrap().len() > old.len());
    let new = with(Some(written(&old).as_bytes()), "{}").unwrap();
    assert_eq!(new.len(), old.len());
    assert!(without_padding(&new).len() < old.len() - 1_500);
}

#[test]
fn the_first_by_the_book_is_kept_where_it_stands_and_others_go() {
    let old = packet(
        &format!(
            "<rdf:Description xmlns:TC260=\"{URI}\" TC260:AIGC=\"old\" b=\"1\"><TC260:AIGC>two</TC260:AIGC></rdf:Description>"
        ),
        "",
    );
    let new = written(&old);
    let escaped = VALUE.replace('"', "&quot;");
    assert!(new.contains(&format!("TC260:AIGC=\"{escaped}\" b=\"1\"></rdf:Description>")), "{new}");
}

#[test]
fn empty_elements_are_opened() {
    let text = packet("", "").replace('\n', "");
    let old = format!("<r:RDF xmlns:r=\"{RDF}\" />");
    assert!(written(&old).starts_with(&format!("<r:RDF xmlns:r=\"{RDF}\" ><r:Description r:about=\"\"")));
    written(&text);
    written(&packet(&format!("<rdf:Description xmlns:TC260=\"{URI}\"><TC260:AIGC/></rdf:Description>"), ""));
}

#[test]
fn damaged_packets_are_read_and_not_written() {
    let whole = String::from_utf8(with(None, VALUE).unwrap()).unwrap();
    let cut = whole.split("</rdf:RDF>").next().unwrap();
    assert_eq!(values(cut.as_bytes()), [VALUE]);
    for bad in
        [cut, "<a>", "<a></b>", "<a b></a>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "plain", "<a/>", "<a b='></a>"]
    {
        let error = with(Some(bad.as_bytes()), VALUE).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{bad}");
    }
    assert!(with(Some("<a>".repeat(100_000).as_bytes()), VALUE).is_err());
    let utf16: Vec<u8> = format!("\u{FEFF}{whole}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(values(&utf16), [VALUE]);
    assert!(matches!(with(Some(&utf16), VALUE), Err(Error::Unsupported { .. })));
}

#[test]
fn without_blanks_in_place() {
    let old = with(None, VALUE).unwrap();
    let new = without(&old).unwrap();
    assert_eq!((new.len(), values(&new).len()), (old.len(), 0));
    assert_eq!(values(&with(Some(&new), VALUE).unwrap()), [VALUE]);
}

proptest! {
    #[test]
    fn any_value_comes_back(value in "[ -~\u{4e00}-\u{4e20}]{1,80}") {
        let value = value.trim();
        prop_assume!(!value.is_empty());
        let new = with(None, value).unwrap();
        prop_assert_eq!(values(&new), [value]);
        let attribute = packet(&format!("<rdf:Description xmlns:TC260=\"{URI}\" TC260:AIGC='x'/>"), "");
        prop_assert_eq!(values(&with(Some(attribute.as_bytes()), value).unwrap()), [value]);
    }

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        values(&bytes);
        let _ = with(Some(&bytes), VALUE);
        let _ = without(&bytes);
    }

    #[test]
    fn damage_never_leaves_two(cut in 0_usize..400, byte: u8) {
        let mut bytes = with(None, VALUE).unwrap();
        let at = cut % bytes.len();
        bytes[at] = byte;
        if let Ok(new) = with(Some(&bytes), VALUE) {
            prop_assert_eq!(values(&new), [VALUE]);
        }
    }
}
