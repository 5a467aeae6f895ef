//! Plain text. It has no place for metadata, and no guide that could be read names one (standards facts §2.6): the label of
//! a text file is the explicit one, a prompt at its start or its end (GB 45438-2025 clause 5.1).
//!
//! Reading looks for that prompt at both ends, however long the file is, and for a front matter such as Markdown has.
//! Writing is refused: `explicit::text` puts prompts.

use std::io::Write;

use super::edit::{Source, Trace};
use super::{Carrier, Found, Input, markdown};
use crate::Error;
use crate::explicit::text::{Form, Position, find};

/// Plain text, chosen by its ending.
pub const TEXT: Carrier = Carrier { id: "text", kind: "text", endings: &["txt", "text", "log"], sniff, read, write };

const FORMAT: &str = "text";
/// How much is read at each end.
const WINDOW: u64 = 32 << 10;

/// Plain text has no signature.
fn sniff(_: &[u8]) -> bool {
    false
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let front = (markdown::MARKDOWN.read)(input).unwrap_or_default();
    let mut source = Source::new(input, FORMAT)?;
    let mut trace = Trace::default();
    let length = source.len();
    let head = source.part(0, length.min(WINDOW), "the beginning of the file")?;
    let encoding = encoding(&head);
    for label in front {
        trace.note(&source, "text:front matter AIGC", false, label.value, label.offset.unwrap_or_default())?;
    }
    // One window holds a short file; of a long one the other end is read too, from the second line on.
    let text = decoded(encoding, &head, false);
    for mark in find(&text, &[]) {
        let here = length <= WINDOW || mark.position == Position::Start;
        if here && mark.position != Position::Middle {
            let value = text.get(mark.range).unwrap_or_default().to_owned();
            trace.note(&source, place(mark.position, mark.form), false, value, 0)?;
        }
    }
    if length > WINDOW {
        let tail = source.part(length - WINDOW, WINDOW, "the end of the file")?;
        let text = decoded(encoding, &tail, (length - WINDOW) % 2 == 1);
        let text = text.split_once('\n').map_or("", |(_, rest)| rest);
        for mark in find(text, &[]).into_iter().filter(|mark| mark.position == Position::End) {
            let value = text.get(mark.range).unwrap_or_default().to_owned();
            trace.note(&source, place(Position::End, mark.form), false, value, length - WINDOW)?;
        }
    }
    trace.answer(Ok(()))
}

fn write(input: &mut dyn Input, _: &mut dyn Write, _: &str) -> Result<(), Error> {
    let source = Source::new(input, FORMAT)?;
    Err(source.unsupported("plain text has no place for metadata; give it an explicit prompt, or save it as Markdown"))
}

fn place(position: Position, form: Form) -> &'static str {
    match (position, form) {
        (Position::Start, Form::Prompt) => "text:explicit prompt start",
        (Position::Start, Form::CornerMark) => "text:explicit corner mark start",
        (_, Form::Prompt) => "text:explicit prompt end",
        (_, Form::CornerMark) => "text:explicit corner mark end",
    }
}

/// The encoding: by a mark, else UTF-8 where it is sound (it may be cut in a character), else GB 18030.
fn encoding(head: &[u8]) -> &'static encoding_rs::Encoding {
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(head) {
        return encoding;
    }
    match std::str::from_utf8(head) {
        Err(error) if error.error_len().is_some() => encoding_rs::GB18030,
        _ => encoding_rs::UTF_8,
    }
}

fn decoded(encoding: &'static encoding_rs::Encoding, bytes: &[u8], odd: bool) -> String {
    let wide = encoding == encoding_rs::UTF_16LE || encoding == encoding_rs::UTF_16BE;
    let from = usize::from(wide && odd);
    encoding.decode_with_bom_removal(bytes.get(from..).unwrap_or_default()).0.into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn read_all(bytes: &[u8]) -> Vec<(String, String)> {
        let found = (TEXT.read)(&mut Cursor::new(bytes)).unwrap();
        assert!(found.iter().all(|one| !one.by_the_book));
        found.into_iter().map(|one| (one.place, one.value)).collect()
    }

    fn expected(place: &str, value: &str) -> Vec<(String, String)> {
        vec![(place.to_owned(), value.to_owned())]
    }

    #[test]
    fn prompts_are_found_at_both_ends_in_all_encodings() {
        let long = "这是一行普通的文字。\n".repeat(10_000);
        let (start, end) = (format!("本文由AI生成\n\n{long}"), format!("{long}本文由AI生成\n"));
        for (text, place) in [(start, "text:explicit prompt start"), (end, "text:explicit prompt end")] {
            let wide: Vec<u8> = format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
            let odd: Vec<u8> = encoding_rs::GB18030.encode(&text).0.into_owned();
            for bytes in [text.clone().into_bytes(), format!("\u{FEFF}{text}").into_bytes(), wide, odd] {
                assert_eq!(read_all(&bytes), expected(place, "本文由AI生成"));
            }
        }
        assert_eq!(
            read_all("x\u{1D2C}\u{1D35}".as_bytes()),
            expected("text:explicit corner mark start", "\u{1D2C}\u{1D35}")
        );
        assert_eq!(read_all(b"---\nAIGC: {Label: 1}\n---\nx"), expected("text:front matter AIGC", r#"{"Label":"1"}"#));
        assert!(read_all(format!("{long}本文由AI生成\n{long}").as_bytes()).is_empty());
    }

    #[test]
    fn writing_is_refused_with_the_way_out() {
        let error = (TEXT.write)(&mut Cursor::new(b"x"), &mut Vec::new(), "{}").unwrap_err();
        assert!(error.to_string().contains("explicit prompt"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            read_all(&bytes);
        }
    }
}
