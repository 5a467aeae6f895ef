//! Server-sent events: a parser for hostile upstreams and the encoder for our clients.
//!
//! After WHATWG HTML §9.2 "Server-sent events". Comments, ids and retry hints of the upstream are dropped: they could
//! carry text past the guard. What is kept (event name and data) is forwarded byte for byte when nothing changes it.

use bytes::{BufMut, Bytes, BytesMut};

/// One event: an optional name and its data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// The `event:` field, when present.
    pub name: Option<String>,
    /// The `data:` lines joined by a line feed.
    pub data: String,
}

impl Event {
    /// An event without a name.
    pub fn data(data: impl Into<String>) -> Self {
        Event { name: None, data: data.into() }
    }

    /// An event with a name.
    pub fn named(name: impl Into<String>, data: impl Into<String>) -> Self {
        Event { name: Some(name.into()), data: data.into() }
    }

    /// Writes the event as it goes over the wire.
    pub fn encode(&self, out: &mut BytesMut) {
        if let Some(name) = &self.name {
            out.put_slice(b"event: ");
            out.put_slice(name.as_bytes());
            out.put_u8(b'\n');
        }
        for line in self.data.split('\n') {
            out.put_slice(b"data: ");
            out.put_slice(line.as_bytes());
            out.put_u8(b'\n');
        }
        out.put_u8(b'\n');
    }

    /// The event's bytes on the wire.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.data.len() + 16);
        self.encode(&mut out);
        out.freeze()
    }
}

/// Why a stream of events cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SseError {
    /// A line or event is longer than the limit.
    #[error("an event is longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The bytes are not UTF-8.
    #[error("an event is not valid UTF-8")]
    NotUtf8,
}

/// An incremental parser. Feed it bytes as they come; take events as they are complete.
#[derive(Debug)]
pub struct Parser {
    line: Vec<u8>,
    name: Option<String>,
    data: Option<String>,
    size: usize,
    after_cr: bool,
    at_start: bool,
    max_event_bytes: usize,
}

impl Parser {
    /// A parser that refuses events longer than `max_event_bytes`.
    pub fn new(max_event_bytes: usize) -> Self {
        Parser { line: Vec::new(), name: None, data: None, size: 0, after_cr: false, at_start: true, max_event_bytes }
    }

    /// Takes in bytes and appends the events that they complete to `events`.
    ///
    /// # Errors
    /// When an event is too long or not UTF-8; the stream cannot be read on after that.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), SseError> {
        for &byte in bytes {
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                continue;
            }
            match byte {
                b'\n' => self.end_line(events)?,
                b'\r' => {
                    self.after_cr = true;
                    self.end_line(events)?;
                }
                _ => {
                    self.size += 1;
                    if self.size > self.max_event_bytes {
                        return Err(SseError::TooLong { limit: self.max_event_bytes });
                    }
                    self.line.push(byte);
                }
            }
        }
        Ok(())
    }

    /// Ends the stream. A last event that lacks its blank line is still delivered: several servers send
    /// `data: [DONE]` and close.
    ///
    /// # Errors
    /// When the unfinished event is not UTF-8.
    pub fn finish(&mut self, events: &mut Vec<Event>) -> Result<(), SseError> {
        if !self.line.is_empty() {
            self.end_line(events)?;
        }
        self.dispatch(events);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) -> Result<(), SseError> {
        let taken = std::mem::take(&mut self.line);
        let mut line = std::str::from_utf8(&taken).map_err(|_| SseError::NotUtf8)?;
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch(events);
        } else {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => self.name = Some(value.to_owned()),
                "data" => match &mut self.data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => self.data = Some(value.to_owned()),
                },
                _ => {}
            }
        }
        // The buffer is handed back so that a long stream does not allocate once a line.
        self.line = taken;
        self.line.clear();
        Ok(())
    }

    fn dispatch(&mut self, events: &mut Vec<Event>) {
        let name = self.name.take();
        if let Some(data) = self.data.take() {
            events.push(Event { name, data });
        }
        self.size = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(pieces: &[&[u8]]) -> Result<Vec<Event>, SseError> {
        let mut parser = Parser::new(1 << 16);
        let mut events = Vec::new();
        for piece in pieces {
            parser.push(piece, &mut events)?;
        }
        parser.finish(&mut events)?;
        Ok(events)
    }

    #[test]
    fn reads_all_three_line_ends_and_drops_comments() {
        let events =
            parse(&[b"\xef\xbb\xbf: hi\r\nevent: a\r\ndata: 1\rdata:2\r\n\r\nid: 7\nretry: 9\ndata: [DONE]"]).unwrap();
        assert_eq!(events, [Event::named("a", "1\n2"), Event::data("[DONE]")]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut parser = Parser::new(100);
        let error = parser.push(&[b'x'; 200], &mut Vec::new()).unwrap_err();
        assert_eq!(error, SseError::TooLong { limit: 100 });
    }

    #[test]
    fn bytes_that_are_not_text_are_refused() {
        assert_eq!(parse(&[b"data: \xff\n\n"]), Err(SseError::NotUtf8));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_however_it_is_cut(
            datas in prop::collection::vec("[^\r]{0,40}", 1..5), cut in 1usize..7
        ) {
            let events: Vec<Event> = datas.iter().map(Event::data).collect();
            let mut wire = BytesMut::new();
            for event in &events {
                event.encode(&mut wire);
            }
            let pieces: Vec<&[u8]> = wire.chunks(cut).collect();
            prop_assert_eq!(parse(&pieces).unwrap(), events);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&[&bytes]);
        }
    }
}
