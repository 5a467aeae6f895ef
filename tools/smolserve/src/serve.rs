//! HTTP around the engine: a bounded queue in front of a few generations at once.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::api::{self, Answer, Refusal, Request};
use crate::model::{Ending, Engine};

/// Requests that may wait for a free core before the rest are told to come back.
const QUEUE: usize = 64;

/// Largest body read. The context is 4,096 tokens: what does not fit this cannot fit that.
const MAX_BODY_BYTES: usize = 1 << 20;

struct Server {
    engine: Engine,
    /// One permit a running generation.
    running: Arc<Semaphore>,
    /// One permit an admitted request, waiting or running.
    admitted: Arc<Semaphore>,
    ids: AtomicU64,
}

pub async fn run(engine: Engine, listen: &str, parallel: usize) -> std::io::Result<()> {
    let server = Arc::new(Server {
        engine,
        running: Arc::new(Semaphore::new(parallel)),
        admitted: Arc::new(Semaphore::new(parallel + QUEUE)),
        ids: AtomicU64::new(1),
    });
    let mut app = Router::new();
    if server.engine.mark().is_some() {
        app = app.route("/tokenize", post(tokenize)).route("/watermark/detect", post(detect));
    }
    let app = app
        .route("/v1/chat/completions", post(chat))
        .route("/v1/models", get(models))
        .route("/healthz", get(|| async { Json(json!({"status": "ok"})) }))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(server);
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("smolserve: {} on http://{}/v1", api::MODEL, listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            // Without a signal handler there is nothing to wait for but the end of the process.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.body())).into_response()
    }
}

async fn not_found(uri: axum::http::Uri) -> Refusal {
    Refusal { status: 404, message: format!("no such path: {}", uri.path()), param: None, code: Some("unknown_url") }
}

async fn models() -> Json<Value> {
    Json(json!({
        "object": "list",
        "data": [{"id": api::MODEL, "object": "model", "created": 1_730_419_200, "owned_by": "HuggingFaceTB"}],
    }))
}

async fn tokenize(State(server): State<Arc<Server>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let (text, _) = api::parse_text(&body)?;
    Ok(Json(json!({"tokens": tokens(server, text).await?})))
}

async fn detect(State(server): State<Arc<Server>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let (text, false_alarms) = api::parse_text(&body)?;
    let tokens = tokens(Arc::clone(&server), text).await?;
    match server.engine.mark() {
        Some(mark) => Ok(Json(mark.detect(&tokens, false_alarms))),
        None => Err(internal("answers are not marked here")),
    }
}

/// On a thread of its own: a megabyte of text would hold up every stream.
async fn tokens(server: Arc<Server>, text: String) -> Result<Vec<u32>, Refusal> {
    tokio::task::spawn_blocking(move || server.engine.tokens(&text)).await.map_err(internal)?.map_err(internal)
}

fn internal(e: impl ToString) -> Refusal {
    Refusal { status: 500, message: e.to_string(), param: None, code: None }
}

async fn chat(State(server): State<Arc<Server>>, body: Bytes) -> Result<Response, Refusal> {
    let request = api::parse(&body)?;
    let prompt = server.engine.prompt(&request.turns).map_err(internal)?;
    if prompt.len() >= server.engine.context() {
        return Err(Refusal {
            status: 400,
            message: format!(
                "the prompt is {} tokens long; this model's context is {} tokens",
                prompt.len(),
                server.engine.context()
            ),
            param: Some("messages"),
            code: Some("context_length_exceeded"),
        });
    }
    let admitted = Arc::clone(&server.admitted).try_acquire_owned().map_err(|_| Refusal {
        status: 429,
        message: format!("{QUEUE} requests are waiting already; try again later"),
        param: None,
        code: Some("queue_full"),
    })?;
    let answer = Answer {
        id: format!("chatcmpl-{}", server.ids.fetch_add(1, Ordering::Relaxed)),
        created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        prompt_tokens: prompt.len(),
    };
    let (stream, include_usage, logprobs) = (request.stream, request.include_usage, request.sampling.logprobs);
    let pieces = generate(server, prompt, request, admitted);
    if stream { Ok(stream_out(answer, pieces, include_usage)) } else { collect(answer, pieces, logprobs).await }
}

enum Piece {
    Text(String),
    End(Ending),
    Failed(String),
}

/// Starts a generation on its own thread once a core is free. Dropping the receiver ends it.
fn generate(
    server: Arc<Server>,
    prompt: Vec<u32>,
    request: Request,
    admitted: OwnedSemaphorePermit,
) -> mpsc::Receiver<Piece> {
    let (out, pieces) = mpsc::channel(16);
    tokio::spawn(async move {
        let running = tokio::select! {
            permit = Arc::clone(&server.running).acquire_owned() => permit,
            () = out.closed() => return,
        };
        tokio::task::spawn_blocking(move || {
            let _permits = (running, admitted);
            let emit = |text: String| {
                if text.is_empty() { !out.is_closed() } else { out.blocking_send(Piece::Text(text)).is_ok() }
            };
            let last = match server.engine.generate(&prompt, &request.sampling, emit) {
                Ok(ending) => Piece::End(ending),
                Err(e) => Piece::Failed(e.to_string()),
            };
            // The client may be gone; there is nobody else to tell.
            let _ = out.blocking_send(last);
        });
    });
    pieces
}

async fn collect(answer: Answer, mut pieces: mpsc::Receiver<Piece>, logprobs: bool) -> Result<Response, Refusal> {
    let mut text = String::new();
    while let Some(piece) = pieces.recv().await {
        match piece {
            Piece::Text(t) => text.push_str(&t),
            Piece::End(ending) => return Ok(Json(answer.whole(&text, &ending, logprobs)).into_response()),
            Piece::Failed(message) => return Err(internal(message)),
        }
    }
    Err(internal("the generation died"))
}

fn stream_out(answer: Answer, pieces: mpsc::Receiver<Piece>, include_usage: bool) -> Response {
    let first = vec![answer.chunk(&json!({"role": "assistant", "content": ""}), None).to_string()];
    let frames = futures_util::stream::unfold(
        (answer, pieces, first.into_iter(), false),
        move |(answer, mut pieces, mut ready, mut done)| async move {
            loop {
                if let Some(data) = ready.next() {
                    let event = Ok::<_, Infallible>(Event::default().data(data));
                    return Some((event, (answer, pieces, ready, done)));
                }
                if done {
                    return None;
                }
                ready = match pieces.recv().await {
                    Some(Piece::Text(t)) => vec![answer.chunk(&json!({"content": t}), None).to_string()],
                    Some(Piece::End(Ending { finish, generated, .. })) => {
                        done = true;
                        let mut last = vec![answer.chunk(&json!({}), Some(finish)).to_string()];
                        if include_usage {
                            last.push(answer.usage_chunk(generated).to_string());
                        }
                        last.push("[DONE]".into());
                        last
                    }
                    failed => {
                        done = true;
                        let message = match failed {
                            Some(Piece::Failed(message)) => message,
                            _ => "the generation died".into(),
                        };
                        vec![internal(message).body().to_string()]
                    }
                }
                .into_iter();
            }
        },
    );
    Sse::new(frames).into_response()
}
