//! A client that sends what it is told to and keeps everything that came back, with the time at which it came.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{Framing, Headers, header, read_head, read_piece};
use crate::{Api, Gate, PATIENCE};

/// A request in the making.
#[derive(Debug, Clone)]
pub struct Call {
    address: SocketAddr,
    method: String,
    path: String,
    headers: Headers,
    body: Vec<u8>,
    stated: Option<usize>,
    chunked: bool,
    hold: Option<(usize, Gate)>,
}

impl Call {
    fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        let headers = vec![("host".to_owned(), address.to_string()), ("connection".to_owned(), "close".to_owned())];
        Call { address, method, path, headers, body: Vec::new(), stated: None, chunked: false, hold: None }
    }

    /// A `GET`.
    pub fn get(address: SocketAddr, path: &str) -> Self {
        Call::new(address, "GET", path)
    }

    /// A `POST` without a body so far.
    pub fn post(address: SocketAddr, path: &str) -> Self {
        Call::new(address, "POST", path)
    }

    /// Any method.
    pub fn method(address: SocketAddr, method: &str, path: &str) -> Self {
        Call::new(address, method, path)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Presents an API key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.bytes(body.to_string())
    }

    /// A body of any bytes, called JSON.
    #[must_use]
    pub fn bytes(self, body: impl Into<Vec<u8>>) -> Self {
        self.typed("application/json", body)
    }

    /// A body of any bytes and any type.
    #[must_use]
    pub fn typed(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", kind)
    }

    /// States a length that may be a lie.
    #[must_use]
    pub fn stating_length(mut self, bytes: usize) -> Self {
        self.stated = Some(bytes);
        self
    }

    /// Sends the body in chunks, without saying how long it is.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// Sends only the first `bytes` of the body until `gate` opens.
    #[must_use]
    pub fn holding(mut self, bytes: usize, gate: &Gate) -> Self {
        self.hold = Some((bytes, gate.clone()));
        self
    }

    /// Sends it and reads the answer's head.
    ///
    /// # Panics
    /// When nothing listens or no answer comes.
    pub fn open(self) -> Incoming {
        self.try_open().expect("no answer")
    }

    /// Sends it and reads the answer's head.
    ///
    /// # Errors
    /// When nothing listens, or the connection breaks before the answer's head is there.
    pub fn try_open(self) -> std::io::Result<Incoming> {
        let begun = Instant::now();
        let socket = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let writer = socket.try_clone()?;
        // A server may answer before it has read everything, and must be heard when it does.
        let sending = std::thread::spawn(move || drop(self.write(writer)));
        let mut reader = BufReader::new(socket);
        let head = read_head(&mut reader)?;
        let (first, headers) = head.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::UnexpectedEof))?;
        let status = first.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let framing = Framing::of(&headers, Framing::UntilClose);
        drop(sending);
        Ok(Incoming { begun, status, headers, reader, framing, bytes: Vec::new(), unread: Vec::new(), ended: None })
    }

    fn write(self, mut socket: TcpStream) -> std::io::Result<()> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.chunked {
            head.push_str("transfer-encoding: chunked\r\n\r\n");
        } else {
            head.push_str(&format!("content-length: {}\r\n\r\n", self.stated.unwrap_or(self.body.len())));
        }
        socket.write_all(head.as_bytes())?;
        let (now, later) = match &self.hold {
            Some((bytes, _)) => self.body.split_at((*bytes).min(self.body.len())),
            None => (self.body.as_slice(), &[][..]),
        };
        self.write_part(&mut socket, now)?;
        if let Some((_, gate)) = &self.hold {
            if !gate.reached() {
                return Ok(());
            }
            self.write_part(&mut socket, later)?;
        }
        if self.chunked {
            socket.write_all(b"0\r\n\r\n")?;
        }
        socket.flush()
    }

    fn write_part(&self, socket: &mut TcpStream, part: &[u8]) -> std::io::Result<()> {
        if !self.chunked {
            return socket.write_all(part);
        }
        for piece in part.chunks(64 << 10) {
            socket.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
            socket.write_all(piece)?;
            socket.write_all(b"\r\n")?;
        }
        Ok(())
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Panics
    /// When nothing listens or no answer comes.
    pub fn send(self) -> Answer {
        self.open().rest()
    }
}

/// One event of a stream, and when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Since the call began.
    pub at: Duration,
    /// The `event:` field.
    pub name: Option<String>,
    /// The `data:` lines.
    pub data: String,
}

impl Frame {
    /// The data as JSON; null when it is not.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }
}

/// An answer whose body is still coming.
#[derive(Debug)]
pub struct Incoming {
    begun: Instant,
    /// The status.
    pub status: u16,
    headers: Headers,
    reader: BufReader<TcpStream>,
    framing: Framing,
    bytes: Vec<u8>,
    unread: Vec<u8>,
    ended: Option<bool>,
}

impl Incoming {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    fn more(&mut self) -> bool {
        if self.ended.is_some() {
            return false;
        }
        match read_piece(&mut self.reader, &mut self.framing) {
            Ok(Some(piece)) => {
                self.bytes.extend_from_slice(&piece);
                self.unread.extend_from_slice(&piece);
                true
            }
            Ok(None) => {
                self.ended = Some(true);
                false
            }
            Err(_) => {
                self.ended = Some(false);
                false
            }
        }
    }

    /// Waits for the next event of the stream; `None` at its end.
    pub fn frame(&mut self) -> Option<Frame> {
        loop {
            while let Some(end) = self.unread.windows(2).position(|w| w == b"\n\n") {
                let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                if let Some(frame) = parse(&block, self.begun.elapsed()) {
                    return Some(frame);
                }
            }
            if !self.more() {
                return None;
            }
        }
    }

    /// Reads to the end.
    pub fn rest(mut self) -> Answer {
        let mut frames = Vec::new();
        if self.header("content-type").is_some_and(|t| t.starts_with("text/event-stream")) {
            while let Some(frame) = self.frame() {
                frames.push(frame);
            }
        }
        while self.more() {}
        Answer {
            status: self.status,
            headers: self.headers,
            body: self.bytes,
            frames,
            whole: self.ended == Some(true),
            took: self.begun.elapsed(),
        }
    }
}

fn parse(block: &[u8], at: Duration) -> Option<Frame> {
    let text = String::from_utf8_lossy(block);
    let mut name = None;
    let mut data: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(value) = line.strip_prefix("data:") {
            data.push(value.strip_prefix(' ').unwrap_or(value));
        } else if let Some(value) = line.strip_prefix("event:") {
            name = Some(value.trim().to_owned());
        }
    }
    (!data.is_empty()).then(|| Frame { at, name, data: data.join("\n") })
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    headers: Headers,
    /// The body as it came, without its framing.
    pub body: Vec<u8>,
    /// The events, where it was a stream and was read by [`Call::send`].
    pub frames: Vec<Frame>,
    /// False when the body broke off.
    pub whole: bool,
    /// From the call to the last byte.
    pub took: Duration,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The request's id.
    ///
    /// # Panics
    /// When the gateway gave none.
    pub fn id(&self) -> &str {
        self.header("x-menshen-request-id").expect("no x-menshen-request-id")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text()))
    }

    /// Everything the model or the gateway says in it, over all choices, reasoning and tool calls.
    pub fn said(&self, api: Api) -> String {
        if self.frames.is_empty() { api.texts(&self.json()).concat() } else { api.streamed(&self.frames) }
    }

    /// The error's code, wherever the API puts it.
    pub fn code(&self) -> String {
        self.json().pointer("/error/code").and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}
