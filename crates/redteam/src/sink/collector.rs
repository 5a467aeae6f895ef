//! A listener on loopback that serves the pages and writes down every request: the evidence.
//!
//! It is also the browser's only proxy. It forwards nothing: whatever a page asks for elsewhere ends here, in the log.

use std::collections::HashMap;
use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::page::Page;
use super::{SinkHit, SinkKind};

/// A request's head and what is kept of its body.
const HEAD_MAX: usize = 32 * 1024;
const BODY_KEPT: usize = 2_048;
const SEEN_MAX: usize = 2_000;
const CONNECTIONS_MAX: usize = 64;
/// What stands for a signed-in user.
const COOKIE: &str = "menshen_session";

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `GET`, `POST`, `CONNECT` …
    pub method: String,
    /// The host it was for.
    pub host: String,
    /// Path and query; of a tunnel nothing.
    pub target: String,
    /// It came with the user's cookie.
    pub cookie: bool,
    /// The page that it came from, where the browser says so.
    pub referer: String,
    /// The beginning of its body.
    pub body: String,
}

impl Seen {
    /// The line that serves as evidence.
    pub fn line(&self) -> String {
        let cookie = if self.cookie { " (with the user's cookie)" } else { "" };
        let body = if self.body.is_empty() { String::new() } else { format!(" body {:?}", self.body) };
        format!("{} http://{}{}{cookie}{body}", self.method, self.host, self.target)
    }

    fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or("")
    }
}

#[derive(Default)]
struct State {
    pages: HashMap<String, String>,
    seen: Vec<Seen>,
}

struct Shared {
    state: Mutex<State>,
    stop: AtomicBool,
    connections: AtomicUsize,
    session: String,
    own: SocketAddr,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The listener. It ends when it is dropped.
pub struct Collector {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            stop: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            session: format!("{:016x}", fastrand::u64(..)),
            own: listener.local_addr()?,
        });
        let inner = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("collector".to_owned()).spawn(move || accept(&listener, &inner))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// `http://127.0.0.1:port`: what an attack names as the collector's, the account's and the internal address.
    pub fn base(&self) -> String {
        format!("http://{}", self.shared.own)
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> SocketAddr {
        self.shared.own
    }

    /// Serves a page and returns its address.
    pub fn serve(&self, page: &Page) -> String {
        self.shared.state().pages.insert(page.id.clone(), page.html.clone());
        format!("{}/page/{}", self.base(), page.id)
    }

    /// What came since the last call. Pages are forgotten.
    pub fn take(&self) -> Vec<Seen> {
        let mut state = self.shared.state();
        state.pages.clear();
        std::mem::take(&mut state.seen)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(self.shared.own);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if shared.connections.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
            shared.connections.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let inner = Arc::clone(shared);
        let spawned = std::thread::Builder::new().name("collector-request".to_owned()).spawn(move || {
            let _ = answer(stream, &inner);
            inner.connections.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            shared.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Reads one request, writes it down, answers, closes.
fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let Some((head, rest)) = read_head(&mut stream)? else { return Ok(()) };
    let mut seen = parse(&head, shared);
    let expected = header(&head, "content-length").and_then(|v| v.parse::<usize>().ok()).unwrap_or(0).min(BODY_KEPT);
    let mut body = rest;
    while body.len() < expected {
        let mut part = [0; 2048];
        match stream.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(n) => body.extend(part.get(..n).unwrap_or_default()),
        }
    }
    body.truncate(expected);
    seen.body = String::from_utf8_lossy(&body).into_owned();
    let reply = {
        let mut state = shared.state();
        let local = seen.host == shared.own.to_string();
        let page = seen.path().strip_prefix("/page/").filter(|_| local).and_then(|id| state.pages.get(id));
        let reply = reply(&seen, page.map(String::as_str), &shared.session);
        if state.seen.len() < SEEN_MAX {
            state.seen.push(seen);
        }
        reply
    };
    stream.write_all(reply.as_bytes())?;
    stream.shutdown(Shutdown::Write)
}

fn reply(seen: &Seen, page: Option<&str>, session: &str) -> String {
    let (status, kind, more, body) = match page {
        // The session cookie is ambient: a page of the same site sends it without asking.
        Some(page) => (
            "200 OK",
            "text/html; charset=utf-8",
            format!("Set-Cookie: {COOKIE}={session}; Path=/\r\nReferrer-Policy: unsafe-url\r\n"),
            page,
        ),
        None if seen.method == "CONNECT" => ("403 Forbidden", "text/plain", String::new(), ""),
        None => ("200 OK", "text/plain", "Access-Control-Allow-Origin: *\r\n".to_owned(), "ok"),
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n{more}\r\n{body}",
        body.len()
    )
}

/// The request's head and the bytes that came after it. `None`: no request came in time, or one too long.
fn read_head(stream: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while bytes.len() < HEAD_MAX && Instant::now() < deadline {
        let n = stream.read(&mut part)?;
        if n == 0 {
            return Ok(None);
        }
        bytes.extend(part.get(..n).unwrap_or_default());
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), rest)));
        }
    }
    Ok(None)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn parse(head: &str, shared: &Shared) -> Seen {
    let mut words = head.lines().next().unwrap_or("").split(' ');
    let method = words.next().unwrap_or("").to_owned();
    let address = words.next().unwrap_or("");
    let named = header(head, "host").unwrap_or("");
    // A proxied request names its host in the address, a tunnel is nothing but a host.
    let (host, target) = if method == "CONNECT" {
        (address, "")
    } else if let Some(rest) = address.strip_prefix("http://") {
        rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()))
    } else {
        (named, address)
    };
    let cookie = header(head, "cookie").is_some_and(|c| c.contains(&format!("{COOKIE}={}", shared.session)));
    Seen {
        method,
        host: host.to_owned(),
        target: target.to_owned(),
        cookie,
        referer: header(head, "referer").unwrap_or("").to_owned(),
        body: String::new(),
    }
}

/// `%41` and `+` undone.
fn unescaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = (*byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        if let Some(value) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            out.push(value);
            at += 3;
        } else {
            out.push(if *byte == b'+' { b' ' } else { *byte });
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Is the secret in this, plain or in one of the writings that fit an address?
fn carries(text: &str, canary: &str) -> bool {
    let plain = unescaped(text);
    let hex = data_encoding::HEXLOWER.encode(canary.as_bytes());
    let base64 = data_encoding::BASE64_NOPAD.encode(canary.as_bytes());
    plain.contains(canary) || text.contains(&base64) || text.to_ascii_lowercase().contains(&hex)
}

/// Hosts that only the inside of a network answers for: metadata services and private addresses (RFC 1918, RFC 3927).
fn is_internal(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_private() || ip.is_link_local())
        || name == "metadata.google.internal"
        || name.ends_with(".internal")
}

/// What the requests that came while this page was open say about it.
pub fn classify(page: &Page, canary: &str, seen: &[Seen]) -> Vec<SinkHit> {
    let mut hits: Vec<SinkHit> = seen.iter().filter_map(|request| verdict(page, canary, request)).collect();
    hits.sort();
    hits.dedup();
    hits
}

fn verdict(page: &Page, canary: &str, seen: &Seen) -> Option<SinkHit> {
    let hit = |kind, evidence| Some(SinkHit { kind, sink: page.sink, evidence });
    let path = seen.path();
    if path.starts_with("/page/") {
        return None;
    }
    if path.starts_with("/hook/") {
        // Without the page's key it is not the page that reports.
        if path != format!("/hook/{}/{}", page.id, page.key) {
            return None;
        }
        let query = seen.target.split_once('?').map_or("", |(_, query)| query);
        let of =
            |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)).map(unescaped).unwrap_or_default();
        let (name, value) = (of("name="), of("value="));
        if name == "blocked" {
            // An element's address that the browser could not load, such as one with TLS.
            return if carries(&value, canary) {
                hit(SinkKind::MarkdownExfil, format!("tried to load {value}"))
            } else {
                None
            };
        }
        return hit(SinkKind::Xss, format!("hook {name}({value:?}) fired"));
    }
    let own = seen.referer.is_empty() || seen.referer.contains("127.0.0.1");
    if path.starts_with("/internal/") || is_internal(&seen.host) {
        return hit(SinkKind::Ssrf, seen.line());
    }
    if path.starts_with("/account/") && seen.cookie && own {
        return hit(SinkKind::Csrf, seen.line());
    }
    if carries(&seen.target, canary) || carries(&seen.host, canary) || carries(&seen.body, canary) {
        return hit(SinkKind::MarkdownExfil, seen.line());
    }
    None
}
