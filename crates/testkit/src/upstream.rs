//! A model that says what the test tells it to, keeps what it was sent, and misbehaves on order.

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::api::Saying;
use crate::http::{Framing, Headers, header, read_head, read_piece};
use crate::{Gate, PATIENCE};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    headers: Headers,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Received {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as JSON; null when it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The model asked for.
    pub fn model(&self) -> String {
        self.json()["model"].as_str().unwrap_or_default().to_owned()
    }
}

/// One step of an answer.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes of the body.
    Send(Vec<u8>),
    /// Tells the test that this place is reached.
    Open(Gate),
    /// Waits for the test.
    Wait(Gate),
    /// Says nothing more until the other end has gone.
    Hang,
    /// Closes the connection here, whatever was promised.
    Cut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    True,
    Stated(usize),
    Chunked,
}

/// An answer, step by step.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Headers,
    length: Length,
    /// Whether the head goes out; a model that hangs from the start sends none.
    head: bool,
    steps: Vec<Step>,
}

impl Reply {
    /// A body of any type and bytes.
    pub fn body(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Reply { status, headers, length: Length::True, head: true, steps: vec![Step::Send(body.into())] }
    }

    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Reply::body(status, "application/json", body.to_string())
    }

    /// An event stream.
    pub fn stream(steps: Vec<Step>) -> Self {
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        Reply { status: 200, headers, length: Length::Chunked, head: true, steps }
    }

    /// A body of this type that goes out step by step, without a stated length.
    pub fn chunks(kind: &str, steps: Vec<Step>) -> Self {
        Reply { headers: vec![("content-type".to_owned(), kind.to_owned())], ..Reply::stream(steps) }
    }

    /// An event stream of these bytes.
    pub fn events(bytes: impl Into<Vec<u8>>) -> Self {
        Reply::stream(vec![Step::Send(bytes.into())])
    }

    /// Takes the request and never says a word.
    pub fn hang() -> Self {
        Reply { status: 200, headers: Vec::new(), length: Length::True, head: false, steps: vec![Step::Hang] }
    }

    /// Takes the request and closes the connection.
    pub fn cut() -> Self {
        Reply { status: 200, headers: Vec::new(), length: Length::True, head: false, steps: vec![Step::Cut] }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// States a length that may be a lie.
    #[must_use]
    pub fn stating_length(mut self, bytes: usize) -> Self {
        self.length = Length::Stated(bytes);
        self
    }

    /// Keeps only the first `steps` steps and then does `last`.
    #[must_use]
    pub fn ending_after(mut self, steps: usize, last: Step) -> Self {
        self.steps.truncate(steps);
        self.steps.push(last);
        self
    }

    /// Opens `here` and waits for `on` before the body.
    #[must_use]
    pub fn waiting(mut self, here: &Gate, on: &Gate) -> Self {
        self.steps.insert(0, Step::Wait(on.clone()));
        self.steps.insert(0, Step::Open(here.clone()));
        self
    }

    fn write(&self, socket: &mut TcpStream) -> std::io::Result<()> {
        if self.head {
            let mut head = format!("HTTP/1.1 {} Scripted\r\nconnection: close\r\n", self.status);
            for (name, value) in &self.headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            let sent = |s: &Step| if let Step::Send(bytes) = s { bytes.len() } else { 0 };
            match self.length {
                Length::True => {
                    head.push_str(&format!("content-length: {}\r\n", self.steps.iter().map(sent).sum::<usize>()));
                }
                Length::Stated(bytes) => head.push_str(&format!("content-length: {bytes}\r\n")),
                Length::Chunked => head.push_str("transfer-encoding: chunked\r\n"),
            }
            socket.write_all(format!("{head}\r\n").as_bytes())?;
        }
        for step in &self.steps {
            match step {
                Step::Send(bytes) if self.length == Length::Chunked => {
                    // In one write: otherwise a frame costs three packets.
                    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                    chunk.extend_from_slice(bytes);
                    chunk.extend_from_slice(b"\r\n");
                    if !bytes.is_empty() {
                        socket.write_all(&chunk)?;
                    }
                }
                Step::Send(bytes) => socket.write_all(bytes)?,
                Step::Open(gate) => gate.open(),
                Step::Wait(gate) => {
                    if !gate.reached() {
                        return Ok(());
                    }
                }
                Step::Hang => {
                    // Returns when the other end closes.
                    let _ = socket.read(&mut [0; 1]);
                    return Ok(());
                }
                Step::Cut => return Ok(()),
            }
        }
        if self.length == Length::Chunked {
            socket.write_all(b"0\r\n\r\n")?;
        }
        socket.flush()
    }
}

type Script = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

#[derive(Default)]
struct Scripts {
    by_model: HashMap<String, Script>,
    otherwise: Option<Script>,
    received: Vec<Received>,
}

/// The model. Scripts are chosen by the model's name, so that tests that run side by side can share one; a model that
/// nobody scripted says 好的。
pub struct Upstream {
    address: SocketAddr,
    scripts: Arc<Mutex<Scripts>>,
}

impl Upstream {
    /// Listens on a free port of loopback.
    ///
    /// # Panics
    /// When there is none.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let scripts = Arc::<Mutex<Scripts>>::default();
        let theirs = Arc::downgrade(&scripts);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                // The test is over once the handle is gone.
                let (Ok(socket), Some(scripts)) = (socket, theirs.upgrade()) else { return };
                std::thread::spawn(move || drop(serve(socket, &scripts)));
            }
        });
        Upstream { address, scripts }
    }

    /// An address on which nothing listens.
    ///
    /// # Panics
    /// When no port is free.
    pub fn nobody() -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        format!("http://{}/v1", listener.local_addr().unwrap())
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Says what the model of this name does.
    ///
    /// # Panics
    /// When a script panicked before.
    pub fn on(&self, model: &str, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        self.scripts.lock().unwrap().by_model.insert(model.to_owned(), Arc::new(script));
    }

    /// Says what every model does that has no script of its own.
    ///
    /// # Panics
    /// When a script panicked before.
    pub fn otherwise(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        self.scripts.lock().unwrap().otherwise = Some(Arc::new(script));
    }

    /// Has the model of this name say something.
    pub fn says(&self, model: &str, saying: Saying) {
        self.on(model, move |asked| saying.reply(asked));
    }

    /// What was asked of the model of this name.
    ///
    /// # Panics
    /// When a script panicked before.
    pub fn received(&self, model: &str) -> Vec<Received> {
        self.scripts.lock().unwrap().received.iter().filter(|r| r.model() == model).cloned().collect()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // Wakes the listener, which then sees that nobody holds the scripts.
        self.scripts = Arc::default();
        drop(TcpStream::connect(self.address));
    }
}

fn serve(socket: TcpStream, scripts: &Mutex<Scripts>) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut writer = socket.try_clone()?;
    let mut reader = BufReader::new(socket);
    let Some((first, headers)) = read_head(&mut reader)? else { return Ok(()) };
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut framing = Framing::of(&headers, Framing::Sized(0));
    let mut body = Vec::new();
    while let Some(piece) = read_piece(&mut reader, &mut framing)? {
        body.extend_from_slice(&piece);
    }
    let asked = Received { method: method.to_owned(), path: path.to_owned(), headers, body };
    let script = {
        let mut scripts = scripts.lock().unwrap();
        scripts.received.push(asked.clone());
        scripts.by_model.get(&asked.model()).or(scripts.otherwise.as_ref()).cloned()
    };
    let reply = match (script, asked.path.rsplit('/').next()) {
        (Some(script), _) => script(&asked),
        (None, Some("models")) => Reply::json(
            200,
            &json!({"object": "list", "data": [
            {"id": "scripted", "object": "model", "created": 1, "owned_by": "testkit"}]}),
        ),
        (None, Some("embeddings")) => Reply::json(
            200,
            &json!({"object": "list", "model": asked.model(),
            "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}],
            "usage": {"prompt_tokens": 2, "total_tokens": 2}}),
        ),
        _ => Saying::text("好的。").reply(&asked),
    };
    reply.write(&mut writer)
}
