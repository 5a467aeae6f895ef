//! The load: a fixed number of connections, in a closed loop or at a fixed rate, and what came of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};

use crate::args::Args;
use crate::process;
use crate::serial::Serial;

/// Bytes of an answer that are looked at.
const KEPT: usize = 1 << 18;

pub struct Settings {
    uri: Uri,
    authority: String,
    body: Serial,
    key: String,
    connections: usize,
    rate: Option<f64>,
    seconds: Duration,
    warmup: Duration,
    requests: usize,
    min_bytes: usize,
    pid: Option<u32>,
    /// No answer within this is an error, and the connection is given up.
    timeout: Duration,
}

impl Settings {
    pub fn from(mut args: Args) -> Result<Self, String> {
        let uri: Uri = args.take("url")?.ok_or(format!("--url is missing\n{}", crate::USAGE))?;
        let authority = uri.authority().ok_or("--url has no host")?;
        crate::args::loopback(authority.host())?;
        let authority = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
        let file: String = args.take("body")?.ok_or(format!("--body is missing\n{}", crate::USAGE))?;
        let body = std::fs::read(&file).map_err(|e| format!("{file}: {e}"))?;
        let seconds = |value: Option<f64>, default: f64| {
            Duration::try_from_secs_f64(value.unwrap_or(default).min(600.0)).map_err(|e| e.to_string())
        };
        let settings = Self {
            uri,
            authority,
            body: Serial::new(body.into()),
            key: args.take("key")?.unwrap_or_else(|| "sk-bench".into()),
            connections: args.take("connections")?.unwrap_or(16).clamp(1, 1024),
            rate: args.take("rate")?.filter(|r: &f64| *r > 0.0),
            seconds: seconds(args.take("seconds")?, 10.0)?,
            warmup: seconds(args.take("warmup")?, 2.0)?,
            requests: args.take("requests")?.unwrap_or(10_000_000).min(10_000_000),
            min_bytes: args.take("min-bytes")?.unwrap_or(0),
            pid: args.take("pid")?,
            timeout: seconds(args.take("timeout")?, 60.0)?,
        };
        args.finish()?;
        Ok(settings)
    }
}

/// What one request took, in microseconds.
struct Sample {
    whole: u32,
    first: u32,
}

#[derive(Default)]
struct Tally {
    samples: Vec<Sample>,
    errors: usize,
    first_error: Option<String>,
    bytes: u64,
}

impl Tally {
    fn fail(&mut self, message: String) {
        self.errors += 1;
        self.first_error.get_or_insert(message);
    }
}

/// When the next request is due.
enum Pace {
    /// At once, until the time is up or the number is sent.
    Closed { end: Instant, left: Cell<usize> },
    /// As the clock thread says.
    Open(Mutex<mpsc::UnboundedReceiver<Instant>>),
}

impl Pace {
    fn new(settings: &Settings, length: Duration, requests: usize) -> Self {
        let start = Instant::now();
        match settings.rate {
            None => Self::Closed { end: start + length, left: Cell::new(requests) },
            Some(rate) => {
                let (tick, ticks) = mpsc::unbounded_channel();
                // A thread of its own: the runtime's timers round up to whole milliseconds, which would be most
                // of the latency measured here.
                std::thread::spawn(move || {
                    for due in schedule(start, length, rate).take(requests) {
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        if tick.send(due).is_err() {
                            return;
                        }
                    }
                });
                Self::Open(Mutex::new(ticks))
            }
        }
    }

    async fn next(&self) -> Option<Instant> {
        match self {
            Self::Closed { end, left } => {
                let now = Instant::now();
                let more = left.get() > 0 && now < *end;
                left.set(left.get().saturating_sub(1));
                more.then_some(now)
            }
            Self::Open(ticks) => ticks.lock().await.recv().await,
        }
    }
}

/// Evenly spaced times from `start`, for `length`.
fn schedule(start: Instant, length: Duration, rate: f64) -> impl Iterator<Item = Instant> {
    (0u32..)
        .map(move |n| Duration::from_secs_f64(f64::from(n) / rate))
        .take_while(move |after| *after < length)
        .map(move |after| start + after)
}

pub async fn run(settings: Settings) -> Result<(), String> {
    let settings = Rc::new(settings);
    let local = tokio::task::LocalSet::new();
    let report = local.run_until(measure(Rc::clone(&settings))).await?;
    println!("{report}");
    Ok(())
}

async fn measure(settings: Rc<Settings>) -> Result<Value, String> {
    if !settings.warmup.is_zero() {
        phase(&settings, settings.warmup, usize::MAX).await;
    }
    let before = settings.pid.map(|pid| process::usage(pid).ok_or(format!("no process {pid}"))).transpose()?;
    let started = Instant::now();
    let mut tally = phase(&settings, settings.seconds, settings.requests).await;
    let elapsed = started.elapsed().as_secs_f64();
    let after = settings.pid.and_then(process::usage);

    let done = tally.samples.len();
    if done == 0 {
        return Err(format!("no request succeeded: {}", tally.first_error.unwrap_or_else(|| "none was sent".into())));
    }
    let mut column = |pick: fn(&Sample) -> u32| {
        tally.samples.sort_unstable_by_key(pick);
        let at = |q: f64| {
            let index = ((done as f64 * q).ceil() as usize).clamp(1, done) - 1;
            tally.samples.get(index).map_or(0.0, |s| f64::from(pick(s)) / 1000.0)
        };
        json!({"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": at(1.0)})
    };
    let (whole, first) = (column(|s| s.whole), column(|s| s.first));
    let cpu = before.zip(after).map(|(b, a)| (a.cpu_us - b.cpu_us) as f64 / (done + tally.errors) as f64);
    Ok(json!({
        "requests": done, "errors": tally.errors, "first_error": tally.first_error, "seconds": elapsed,
        "requests_per_s": done as f64 / elapsed, "answer_bytes": tally.bytes / done as u64,
        "latency_ms": whole, "first_byte_ms": first,
        "cpu_us_per_request": cpu, "rss_mib": after.map(|a| a.rss_kib as f64 / 1024.0),
        "connections": settings.connections, "rate": settings.rate, "varied": settings.body.varies(),
    }))
}

async fn phase(settings: &Rc<Settings>, length: Duration, requests: usize) -> Tally {
    let pace = Rc::new(Pace::new(settings, length, requests));
    let tally = Rc::new(RefCell::new(Tally::default()));
    let workers: Vec<_> = (0..settings.connections)
        .map(|_| tokio::task::spawn_local(worker(Rc::clone(settings), Rc::clone(&pace), Rc::clone(&tally))))
        .collect();
    for worker in workers {
        // A worker does not panic; if one did, its missing samples show in the counts.
        let _ = worker.await;
    }
    tally.take()
}

async fn worker(settings: Rc<Settings>, pace: Rc<Pace>, tally: Rc<RefCell<Tally>>) {
    let mut connection = None;
    while let Some(due) = pace.next().await {
        let outcome = tokio::time::timeout(settings.timeout, one(&settings, &mut connection, due)).await;
        match outcome {
            Ok(Ok((sample, bytes))) => {
                let mut tally = tally.borrow_mut();
                tally.samples.push(sample);
                tally.bytes += bytes as u64;
            }
            failed => {
                connection = None;
                tally.borrow_mut().fail(match failed {
                    Ok(Err(message)) => message,
                    _ => format!("no answer in {:?}", settings.timeout),
                });
                // A server that refuses at once must not turn a closed loop into a busy loop.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

type Connection = Option<SendRequest<Full<Bytes>>>;

async fn one(settings: &Settings, connection: &mut Connection, due: Instant) -> Result<(Sample, usize), String> {
    let mut sender = match connection.take() {
        Some(sender) if !sender.is_closed() => sender,
        _ => connect(&settings.authority).await?,
    };
    sender.ready().await.map_err(|e| e.to_string())?;
    let request = Request::post(settings.uri.path())
        .header(HOST, &settings.authority)
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, format!("Bearer {}", settings.key))
        .body(Full::new(settings.body.next()))
        .map_err(|e| e.to_string())?;
    let response = sender.send_request(request).await.map_err(|e| e.to_string())?;
    let status = response.status();
    let mut body = response.into_body();
    let mut first = None;
    let mut bytes = 0;
    let mut text: Vec<u8> = Vec::with_capacity(2 * settings.min_bytes);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| e.to_string())?;
        let Some(data) = frame.data_ref() else { continue };
        first.get_or_insert_with(|| due.elapsed());
        bytes += data.len();
        if text.len() < KEPT {
            text.extend_from_slice(data);
        }
    }
    let whole = due.elapsed();
    let text = String::from_utf8_lossy(&text);
    let end = || text.chars().skip(text.chars().count().saturating_sub(300)).collect::<String>();
    if !status.is_success() {
        return Err(format!("status {status}: {}", end()));
    }
    if bytes < settings.min_bytes {
        return Err(format!("{bytes} bytes where {} were due: {}", settings.min_bytes, end()));
    }
    // Whole answers and streams that came through say this; a refusal, a block or a broken answer does not.
    if !(text.contains(r#""finish_reason":"stop""#) || text.contains(r#""finish_reason": "stop""#)) {
        return Err(format!("not a complete answer: {}", end()));
    }
    *connection = Some(sender);
    let micros = |d: Duration| u32::try_from(d.as_micros()).unwrap_or(u32::MAX);
    Ok((Sample { whole: micros(whole), first: micros(first.unwrap_or(whole)) }, bytes))
}

async fn connect(authority: &str) -> Result<SendRequest<Full<Bytes>>, String> {
    let socket = TcpStream::connect(authority).await.map_err(|e| format!("{authority}: {e}"))?;
    socket.set_nodelay(true).map_err(|e| e.to_string())?;
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(|e| e.to_string())?;
    tokio::task::spawn_local(async move {
        // Its error reaches the request that was waiting on it.
        let _ = connection.await;
    });
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_schedule_is_even_and_ends() {
        let due: Vec<_> = schedule(Instant::now(), Duration::from_millis(100), 100.0).collect();
        assert_eq!(due.len(), 10);
        assert!(due.windows(2).all(|w| w[1] - w[0] == Duration::from_millis(10)));
    }
}
