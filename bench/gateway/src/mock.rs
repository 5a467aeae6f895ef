//! The mock model: three chat APIs, embeddings and a model list, each answer as the model's name orders.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::args::Args;
use crate::plan::{Mode, Plan};
use crate::serial::{MARK, Serial};
use crate::shapes::{self, Api, Saying};

/// How long a hanging answer hangs: longer than any client should wait, shorter than forever.
const HANG: Duration = Duration::from_secs(120);

/// Wait before a cut: what went before is to reach the client, or it is an empty answer and no cut.
const CUT: Duration = Duration::from_millis(20);

/// Requests kept for `GET /_requests`.
const RECORDED: usize = 256;

pub struct Settings {
    listen: String,
    bytes: usize,
    chunks: usize,
    record: bool,
}

impl Settings {
    pub fn from(mut args: Args) -> Result<Self, String> {
        let settings = Self {
            listen: args.take("listen")?.unwrap_or_else(|| "127.0.0.1:8791".into()),
            bytes: args.take("bytes")?.unwrap_or(10_240).min(1 << 24),
            chunks: args.take("chunks")?.unwrap_or(100).clamp(1, 100_000),
            record: args.take::<String>("record")?.is_some_and(|v| v == "yes"),
        };
        args.finish()?;
        let host = settings.listen.rsplit_once(':').map_or("", |(host, _)| host);
        crate::args::loopback(host)?;
        Ok(settings)
    }
}

/// The connection ends here, on purpose.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut on purpose")
    }
}

impl std::error::Error for Cut {}

type Body = UnsyncBoxBody<Bytes, Cut>;

struct Mock {
    settings: Settings,
    /// What [`Mode::Fixed`] says.
    text: String,
    scripts: RefCell<HashMap<String, Saying>>,
    seen: RefCell<VecDeque<Value>>,
    /// Frames of fixed answers, so that the mock's own cost stays out of the figures.
    ready: RefCell<HashMap<String, Rc<[Serial]>>>,
}

pub async fn run(settings: Settings) -> Result<(), String> {
    let listener = TcpListener::bind(&settings.listen).await.map_err(|e| format!("{}: {e}", settings.listen))?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    println!("gatebench: mock model on http://{address}/v1");
    let mock = Rc::new(Mock {
        text: passage(settings.bytes),
        settings,
        scripts: RefCell::default(),
        seen: RefCell::default(),
        ready: RefCell::default(),
    });
    tokio::task::LocalSet::new()
        .run_until(async move {
            loop {
                let Ok((socket, _)) = listener.accept().await else { continue };
                // Answers are small writes: without this the kernel may sit on them for 40 ms.
                let _ = socket.set_nodelay(true);
                let mock = Rc::clone(&mock);
                tokio::task::spawn_local(async move {
                    let service = service_fn(move |request| {
                        let mock = Rc::clone(&mock);
                        async move { Ok::<_, Infallible>(mock.answer(request).await) }
                    });
                    // A client that goes away is its own affair, and a cut connection is an error by intent.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
        })
        .await
}

/// Plain Chinese prose of `bytes` bytes: a number that varies, whole sentences and a short tail.
fn passage(bytes: usize) -> String {
    const SENTENCES: [&str; 5] = [
        "春天的茶山清晨有薄雾，采茶的人背着竹篓慢慢走上坡。",
        "新芽只取一心两叶，放进篮里要轻，回到院子就摊开晾着。",
        "午后铁锅烧热，师傅用手翻炒，香气从屋檐下一直飘到河边。",
        "傍晚大家坐在门口喝第一泡茶，说今年的雨水比去年更匀。",
        "孩子们把茶叶夹进书里，第二天带到学校给同学们看。",
    ];
    let mut text = String::with_capacity(bytes + 100);
    text.push_str(MARK);
    text.push('：');
    for sentence in SENTENCES.iter().cycle() {
        if text.len() + sentence.len() > bytes {
            break;
        }
        text.push_str(sentence);
    }
    while text.len() < bytes {
        text.push('.');
    }
    text
}

fn answer(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let full = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    with_head(status, kind, None, full)
}

fn with_head(status: u16, kind: &'static str, length: Option<usize>, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

fn refuse(status: u16, message: &str) -> Response<Body> {
    let kind = if status < 500 { "invalid_request_error" } else { "server_error" };
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": "mock"}});
    answer(status, JSON, body.to_string())
}

const JSON: &str = "application/json";
const SSE: &str = "text/event-stream; charset=utf-8";

impl Mock {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else { return refuse(400, "the request body broke off") };
        let body = body.to_bytes();
        match (head.method, head.uri.path()) {
            (Method::GET, "/healthz") => answer(200, JSON, "{}"),
            (Method::GET, "/v1/models") => answer(
                200,
                JSON,
                json!({"object": "list", "data": [
                    {"id": "mock-echo", "object": "model", "created": 1_700_000_000, "owned_by": "gatebench"},
                    {"id": "mock-fixed", "object": "model", "created": 1_700_000_000, "owned_by": "gatebench"}]})
                .to_string(),
            ),
            (Method::GET, "/_requests") => {
                let seen: Vec<Value> = self.seen.borrow_mut().drain(..).collect();
                answer(200, JSON, Value::Array(seen).to_string())
            }
            (Method::POST, path) => {
                let Ok(json) = serde_json::from_slice::<Value>(&body) else { return refuse(400, "not JSON") };
                if self.settings.record && path.starts_with("/v1/") {
                    let mut seen = self.seen.borrow_mut();
                    if seen.len() == RECORDED {
                        seen.pop_front();
                    }
                    seen.push_back(json!({"path": path, "body": json}));
                }
                match path {
                    "/v1/chat/completions" => self.speak(Api::Chat, &json).await,
                    "/v1/responses" => self.speak(Api::Responses, &json).await,
                    "/v1/messages" => self.speak(Api::Messages, &json).await,
                    "/v1/embeddings" => answer(200, JSON, shapes::embeddings(name_of(&json), &json).to_string()),
                    "/_script" => self.script(&json),
                    _ => refuse(404, "no such path"),
                }
            }
            _ => refuse(404, "no such path"),
        }
    }

    /// `{"name": …, "text": …}` or `{"name": …, "call": {"name": …, "arguments": …}}`.
    fn script(&self, json: &Value) -> Response<Body> {
        let saying = match (json["text"].as_str(), json["call"]["name"].as_str()) {
            (Some(text), None) => Saying::Text(text.to_owned()),
            (None, Some(name)) => {
                Saying::Call { name: name.to_owned(), arguments: json["call"]["arguments"].to_string() }
            }
            _ => return refuse(400, "a script has a text or a call"),
        };
        let Some(name) = json["name"].as_str() else { return refuse(400, "a script has a name") };
        self.scripts.borrow_mut().insert(name.to_owned(), saying);
        answer(200, JSON, "{}")
    }

    async fn speak(&self, api: Api, request: &Value) -> Response<Body> {
        let model = name_of(request);
        let plan = match Plan::parse(model, self.settings.chunks) {
            Ok(plan) => plan,
            Err(message) => return refuse(404, &message),
        };
        if !plan.first.is_zero() {
            tokio::time::sleep(plan.first).await;
        }
        let streamed = request["stream"] == true;
        let frames = match self.frames(api, model, request, streamed, &plan) {
            Ok(frames) => frames,
            Err(message) => return refuse(404, &message),
        };
        match plan.mode {
            Mode::Hang if !streamed => {
                tokio::time::sleep(HANG).await;
                refuse(500, "hung long enough")
            }
            Mode::Html => answer(200, "text/html", "<!doctype html><title>502</title><h1>Bad gateway</h1>"),
            Mode::Status => {
                let mut refusal = refuse(plan.code, "the mock was told to fail");
                if plan.code == 429 {
                    refusal.headers_mut().insert("retry-after", HeaderValue::from_static("7"));
                }
                refusal
            }
            _ if streamed => stream_out(&plan, frames),
            _ => whole_out(&plan, frames),
        }
    }

    fn fixed(&self, api: Api, model: &str, streamed: bool, plan: &Plan, usage: bool) -> Vec<Bytes> {
        let key = format!("{} {streamed} {usage} {model}", api as u8);
        let known = self.ready.borrow().get(&key).map(Rc::clone);
        let templates = known.unwrap_or_else(|| {
            let saying = Saying::Text(self.text.clone());
            let kind = if api == Api::Chat { Serial::new } else { Serial::constant };
            let templates: Rc<[Serial]> =
                render(api, model, &saying, streamed, plan, usage).into_iter().map(kind).collect();
            let mut ready = self.ready.borrow_mut();
            // Clients choose the names: keep a hostile one from filling the memory.
            if ready.len() < 64 {
                ready.insert(key, Rc::clone(&templates));
            }
            templates
        });
        templates.iter().map(Serial::next).collect()
    }

    fn frames(
        &self,
        api: Api,
        model: &str,
        request: &Value,
        streamed: bool,
        plan: &Plan,
    ) -> Result<Vec<Bytes>, String> {
        let usage = request["stream_options"]["include_usage"] == true;
        let saying = match plan.mode {
            Mode::Echo => Saying::Text(last_text(request)),
            Mode::Tools => tool_turn(request),
            Mode::Script => {
                let name = model.split(';').next().and_then(|m| m.strip_prefix("mock-script.")).unwrap_or_default();
                return match self.scripts.borrow().get(name) {
                    Some(saying) => Ok(render(api, model, saying, streamed, plan, usage)),
                    None => Err(format!("no script named {name:?}")),
                };
            }
            _ => return Ok(self.fixed(api, model, streamed, plan, usage)),
        };
        Ok(render(api, model, &saying, streamed, plan, usage))
    }
}

fn render(api: Api, model: &str, saying: &Saying, streamed: bool, plan: &Plan, usage: bool) -> Vec<Bytes> {
    if streamed {
        shapes::events(api, model, saying, plan.chunks, usage).into_iter().map(Bytes::from).collect()
    } else {
        vec![Bytes::from(shapes::whole(api, model, saying).to_string())]
    }
}

fn whole_out(plan: &Plan, frames: Vec<Bytes>) -> Response<Body> {
    let body = frames.first().cloned().unwrap_or_default();
    let half = body.slice(..body.len() / 2);
    match plan.mode {
        Mode::Cut => with_head(200, JSON, Some(body.len()), broken_off(half)),
        Mode::LieLong => with_head(200, JSON, Some(body.len() + 1000), broken_off(body)),
        Mode::LieShort => {
            let whole = stream::iter([Ok(Frame::data(body))]);
            with_head(200, JSON, Some(half.len()), StreamBody::new(whole).boxed_unsync())
        }
        _ => answer(200, JSON, body),
    }
}

/// A body that ends with its connection, once what there is of it has reached the client.
fn broken_off(part: Bytes) -> Body {
    let parts = stream::unfold(Some(part), |part| async {
        match part {
            Some(part) if !part.is_empty() => Some((Ok(Frame::data(part)), Some(Bytes::new()))),
            Some(_) => {
                tokio::time::sleep(CUT).await;
                Some((Err(Cut), None))
            }
            None => None,
        }
    });
    StreamBody::new(parts).boxed_unsync()
}

fn stream_out(plan: &Plan, frames: Vec<Bytes>) -> Response<Body> {
    if plan.mode == Mode::BrokenSse {
        let broken = concat!(
            "\u{feff}: a comment\r\n\r\ndata: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",",
            "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"半\"}}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\n\nnonsense without a colon\nevent:\n",
            "data\n\n\0\0data: }{\n\ndata: {\"choices\":\"not a list\"}\n\ndata: [DONE"
        );
        return answer(200, SSE, broken);
    }
    let length = match plan.mode {
        Mode::LieLong => Some(frames.iter().map(Bytes::len).sum::<usize>() + 1000),
        Mode::LieShort => Some(frames.iter().map(Bytes::len).sum::<usize>() / 2),
        _ => None,
    };
    let (gap, mode) = (plan.gap, plan.mode);
    let stop = if matches!(mode, Mode::Cut | Mode::Hang) { plan.after.min(frames.len()) } else { frames.len() };
    if gap.is_zero() && stop == frames.len() {
        let body = StreamBody::new(stream::iter(frames.into_iter().map(|b| Ok(Frame::data(b))))).boxed_unsync();
        return with_head(200, SSE, length, body);
    }
    let body = stream::unfold((0, frames), move |(at, frames)| async move {
        if at > 0 && at < stop && !gap.is_zero() {
            tokio::time::sleep(gap).await;
        }
        if at < stop {
            let frame = frames.get(at).cloned().unwrap_or_default();
            return Some((Ok(Frame::data(frame)), (at + 1, frames)));
        }
        match mode {
            Mode::Hang => {
                tokio::time::sleep(HANG).await;
                None
            }
            Mode::Cut if at == stop => {
                tokio::time::sleep(CUT).await;
                Some((Err(Cut), (at + 1, frames)))
            }
            _ => None,
        }
    });
    with_head(200, SSE, length, StreamBody::new(body).boxed_unsync())
}

fn name_of(request: &Value) -> &str {
    request["model"].as_str().unwrap_or_default()
}

/// All text of a content: a string, or the `text` of its parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|p| p["text"].as_str()).collect(),
        _ => String::new(),
    }
}

fn turns(request: &Value) -> &[Value] {
    match (&request["messages"], &request["input"]) {
        (Value::Array(turns), _) | (_, Value::Array(turns)) => turns,
        _ => &[],
    }
}

fn last_text(request: &Value) -> String {
    if let Value::String(text) = &request["input"] {
        return text.clone();
    }
    turns(request).iter().rev().find(|t| t["role"] == "user").map(|t| text_of(&t["content"])).unwrap_or_default()
}

fn tool_turn(request: &Value) -> Saying {
    if let Some(result) = turns(request).iter().rev().find_map(tool_result) {
        return Saying::Text(format!("工具的回答是：{result}"));
    }
    let tool = &request["tools"][0];
    match tool["function"]["name"].as_str().or(tool["name"].as_str()) {
        Some(name) => Saying::Call { name: name.to_owned(), arguments: r#"{"city":"杭州","days":2}"#.into() },
        None => Saying::Text("没有可用的工具。".into()),
    }
}

fn tool_result(turn: &Value) -> Option<String> {
    if turn["role"] == "tool" {
        return Some(text_of(&turn["content"]));
    }
    if turn["type"] == "function_call_output" {
        return Some(text_of(&turn["output"]));
    }
    let parts = turn["content"].as_array()?;
    parts.iter().find(|p| p["type"] == "tool_result").map(|p| text_of(&p["content"]))
}
