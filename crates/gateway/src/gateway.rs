//! The gateway's parts, wired once at start, and the routes that lead to them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::serve::ListenerExt;
use http::{HeaderMap, StatusCode};
use menshen_store::{Entry, EntryKind, Store};
use moka::sync::Cache;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api;
use crate::auth::{Door, of_annex};
use crate::behaviour::Conduct;
use crate::cases::{Book, Strangers};
use crate::config::Config;
use crate::error::{Failure, GatewayError};
use crate::exchange;
use crate::family::Family;
use crate::family::chat::Chat;
use crate::family::embeddings::Embeddings;
use crate::family::images::Images;
use crate::family::messages::Messages;
use crate::family::responses::Responses;
use crate::family::speech::Speech;
use crate::guard::{Guard, Published, Snapshot};
use crate::label::Labels;
use crate::limits::Limiter;
use crate::metrics::Metrics;
use crate::sign_on::SignOn;
use crate::tiers::Tiers;
use crate::upstream::Upstreams;
use crate::witness::{Testimony, Witness};
use crate::workbench::Workbench;

/// How applications are graded, with what is wrong with the files that say so.
pub struct Governed {
    /// What stands in spite of it.
    pub data: menshen_policy::governance::Governance,
    /// A line each.
    pub diagnostics: Vec<String>,
    /// How many of them are errors.
    pub errors: usize,
}

impl Governed {
    /// Reads the built-in data, and the operator's in place of them.
    pub fn load(config: &Config) -> Self {
        let (data, said) = menshen_policy::governance::governance(config.register.folder.as_deref());
        let errors = said.iter().filter(|d| d.is_error()).count();
        Governed { data, diagnostics: said.iter().map(ToString::to_string).collect(), errors }
    }
}

/// Everything that serves requests.
pub struct Gateway {
    /// The configuration as started.
    pub config: Config,
    /// Detection and policy.
    pub guard: Guard,
    /// Models behind us.
    pub upstreams: Upstreams,
    /// The record, keys, users and reviews.
    pub store: Store,
    pub(crate) door: Door,
    /// The provider that people sign on at, where one is configured.
    pub(crate) sign_on: Option<SignOn>,
    /// Labels on what models generate, where a producer is named.
    pub(crate) labels: Option<Labels>,
    pub(crate) limiter: Limiter,
    /// Unusual behaviour, and what is done about it.
    pub(crate) conduct: Conduct,
    /// Tiers of end users.
    pub(crate) tiers: Tiers,
    pub(crate) metrics: Metrics,
    /// Ids of answers whose text passed here: later requests may refer to them.
    pub(crate) history: Cache<String, ()>,
    pub(crate) tasks: TaskTracker,
    pub(crate) spans: crate::traces::Traces,
    /// What follows from what for incidents.
    pub incident_rules: crate::incidents::Rules,
    /// The way to people outside.
    pub notifier: crate::notify::Notifier,
    pub(crate) workbench: Workbench,
    slots: Arc<Semaphore>,
    draining: AtomicBool,
    /// Cancelled when the drain time is over: what is still under way ends, and is recorded.
    pub(crate) stopping: CancellationToken,
    /// Kinds, time limits and words of cases.
    pub(crate) cases: ArcSwap<Book>,
    pub(crate) strangers: Strangers,
    annex: OnceLock<Annex>,
    /// How applications are graded, as it is in force.
    governed: arc_swap::ArcSwap<Governed>,
    /// Somebody who knows the rooms beside us.
    witness: OnceLock<Arc<dyn Witness>>,
}

impl Gateway {
    /// Wires the parts.
    ///
    /// # Errors
    /// When an upstream or judge is configured wrongly.
    pub fn new(
        config: Config,
        snapshot: Snapshot,
        store: Store,
        admin_key: Option<&str>,
    ) -> Result<Arc<Self>, GatewayError> {
        crate::install_crypto();
        let door = Door::new(&config, store.clone(), admin_key);
        let upstreams = Upstreams::new(&config, door.open())?;
        let guard = Guard::new(&config, snapshot, upstreams.client().clone())?;
        let labels = Labels::new(&config)?;
        let sign_on = SignOn::new(&config, upstreams.client().clone())?;
        let spans = crate::traces::Traces::new(&config.traces, upstreams.client().clone());
        let incident_rules = crate::incidents::Rules::load(&config.pack_folders)
            .map_err(|e| GatewayError::new(Failure::Internal, e.to_string()))?;
        let notifier = crate::notify::Notifier::new(&config.notifications)?;
        Ok(Arc::new(Gateway {
            guard,
            upstreams,
            door,
            sign_on,
            labels,
            limiter: Limiter::new(store.clone()),
            conduct: Conduct::new(&config, store.clone())?,
            tiers: Tiers::new(&config, store.clone())?,
            metrics: Metrics::default(),
            history: Cache::builder().max_capacity(1_000_000).time_to_live(Duration::from_secs(30 * 86_400)).build(),
            tasks: TaskTracker::new(),
            spans,
            incident_rules,
            notifier,
            workbench: Workbench::default(),
            slots: Arc::new(Semaphore::new(config.limits.max_concurrent)),
            draining: AtomicBool::new(false),
            stopping: CancellationToken::new(),
            cases: ArcSwap::from_pointee(Book::load(&config.cases)?),
            strangers: Strangers::new(&config.cases),
            annex: OnceLock::new(),
            governed: arc_swap::ArcSwap::from_pointee(Governed::load(&config)),
            witness: OnceLock::new(),
            store,
            config,
        }))
    }

    /// Opens the door to a room beside the gateway; the first one stays.
    pub fn attach(&self, annex: Annex) {
        let _ = self.annex.set(annex);
    }

    /// Names somebody who can show what rooms beside the gateway know; the first one stays.
    pub fn ask(&self, witness: Arc<dyn Witness>) {
        let _ = self.witness.set(witness);
    }

    /// What rooms beside the gateway can show for controls.
    pub(crate) async fn testimony(&self) -> Vec<Testimony> {
        match self.witness.get() {
            Some(witness) => witness.testify().await,
            None => Vec::new(),
        }
    }

    /// How applications are graded, and what is wrong with the files that say so.
    pub fn governed(&self) -> Arc<Governed> {
        self.governed.load_full()
    }

    /// The OpenAPI document, with what is attached.
    pub fn openapi(&self) -> Value {
        api::openapi::with(self.annex.get().map(|a| &a.paths))
    }

    /// Sends the traces that wait.
    pub async fn flush_traces(&self) {
        self.spans.flush().await;
    }

    /// Whether the program is shutting down.
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Loads the packs again and puts them in force, unless they have errors: then what was in force stays.
    ///
    /// # Errors
    /// When a pack has errors; the message holds the first of them, the log all.
    pub async fn reload(self: &Arc<Self>, by: &str) -> Result<(), GatewayError> {
        // What is put in force meanwhile must not be taken back by this.
        let _putting = self.workbench.putting().await;
        let (config, live) = (self.config.clone(), self.guard.snapshot());
        let published = Arc::clone(&live.published);
        // Edits that stood by themselves get another chance over what lies beneath them now.
        let again = Arc::new(Published { whole: None, ..(*published).clone() });
        let loaded = tokio::task::spawn_blocking(move || {
            let book = Book::load(&config.cases);
            let loaded = Snapshot::load_published(&config, again);
            match published.whole.is_some() && loaded.errors > 0 {
                true => (Snapshot::load_published(&config, published), book),
                false => (loaded, book),
            }
        })
        .await;
        let (snapshot, book) =
            loaded.map_err(|e| GatewayError::new(Failure::Internal, "the packs could not be loaded").detail(e))?;
        let book = book?;
        for line in &snapshot.diagnostics {
            tracing::warn!("{line}");
        }
        if snapshot.errors > 0 {
            let first = snapshot.diagnostics.first().cloned().unwrap_or_default();
            return Err(GatewayError::new(
                Failure::InvalidRequest,
                format!("the packs have {} errors and were not put in force; the first: {first}", snapshot.errors),
            ));
        }
        let mut entry = Entry::event(
            EntryKind::Admin,
            "packs.reload",
            jiff::Timestamp::now().as_microsecond(),
            snapshot.versions.clone(),
        );
        entry.key_id = Some(by.to_owned());
        self.store.record(entry).await.map_err(|e| {
            GatewayError::new(Failure::AuditUnavailable, "the reload cannot be recorded, so it was not done").detail(e)
        })?;
        self.guard.swap(snapshot);
        let governed = Governed::load(&self.config);
        for line in &governed.diagnostics {
            tracing::warn!("{line}");
        }
        if governed.errors > 0 {
            tracing::error!(
                first = governed.diagnostics.first(),
                "the register's data have errors; those in force stay"
            );
        } else {
            self.governed.store(Arc::new(governed));
        }
        self.cases.store(Arc::new(book));
        Ok(())
    }

    /// All routes.
    pub fn router(self: &Arc<Self>) -> Router {
        let converse = |family: &'static dyn Family| {
            axum::routing::post(
                move |State(gateway): State<Arc<Gateway>>, peer: api::session::Peer, headers: HeaderMap, body: Body| {
                    exchange::handle(gateway, family, api::session::address(&peer), headers, body)
                },
            )
        };
        let annex = self.annex.get().map_or_else(Router::new, |a| a.router.clone());
        let annex = annex.layer(middleware::from_fn_with_state(Arc::clone(self), administrators));
        Router::new()
            .route("/v1/chat/completions", converse(&Chat))
            .route("/v1/responses", converse(&Responses))
            .route("/v1/messages", converse(&Messages))
            .route("/v1/embeddings", converse(&Embeddings))
            .route("/v1/images/generations", converse(&Images))
            .route("/v1/audio/speech", converse(&Speech))
            .merge(api::routes(self))
            .fallback(api::not_found)
            .method_not_allowed_fallback(api::method_not_allowed)
            .with_state(Arc::clone(self))
            .merge(annex)
            .merge(self.annex.get().map_or_else(Router::new, |a| a.pages.clone()))
            .layer(middleware::from_fn_with_state(Arc::clone(self), admit))
            .layer(tower_http::catch_panic::CatchPanicLayer::custom(api::panicked))
    }

    /// Serves until `stop` resolves, then lets requests under way finish within `limits.drain_ms`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self: &Arc<Self>,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let router = self.router();
        let counting = Arc::clone(self);
        self.tasks.spawn(async move {
            let now_us = jiff::Timestamp::now().as_microsecond();
            let counted = crate::behaviour::rebuild(&counting, now_us).await;
            tracing::debug!(counted, "behaviour was counted again from the record");
        });
        let gateway = Arc::clone(self);
        let (drained, wait) = tokio::sync::oneshot::channel::<()>();
        let drain = Duration::from_millis(self.config.limits.drain_ms);
        // Frames of a stream are small: without this each may wait 40 ms for the client's delayed acknowledgement.
        let listener = listener.tap_io(|socket| {
            if let Err(e) = socket.set_nodelay(true) {
                tracing::debug!(error = %e, "TCP_NODELAY could not be set");
            }
        });
        let server = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(async move {
                stop.await;
                gateway.draining.store(true, Ordering::Relaxed);
                tracing::info!("draining: no new requests, {} under way", gateway.metrics.in_flight.get());
                let _ = drained.send(());
            });
        tokio::select! {
            ended = server => ended?,
            () = async {
                let _ = wait.await;
                tokio::time::sleep(drain).await;
            } => tracing::warn!("the drain time is over; closing with {} requests under way", self.metrics.in_flight.get()),
        }
        self.stopping.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(5), self.tasks.wait()).await;
        self.spans.flush().await;
        Ok(())
    }
}

/// A room beside the gateway that is reached through its door: by those who may ([`crate::auth::Permission`]), and every
/// change is recorded.
pub struct Annex {
    /// Its routes. They read who calls from the header [`ACTOR`], which the door sets.
    pub router: Router,
    /// Routes that anybody may reach: pages without data, which ask for the session themselves.
    pub pages: Router,
    /// Its part of the OpenAPI document: paths to operations.
    pub paths: Value,
}

/// The header in which an annex finds who calls: the id of an administrator's key, or `person:` and a name.
pub const ACTOR: &str = "x-menshen-actor";

/// Lets those through to the annex who may, and records what they changed.
async fn administrators(State(gateway): State<Arc<Gateway>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    // The path as it was declared: what a client writes into its parameters decides nothing.
    let declared = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned()).unwrap_or_default();
    let permission = of_annex(&declared, request.method().is_safe());
    let caller = match gateway.door.permitted(request.method(), request.headers(), permission) {
        Ok(caller) => caller,
        Err(error) => {
            gateway.metrics.failed(error.failure.code());
            return api::error_for(&path, &error);
        }
    };
    let actor = caller.key_id.clone().unwrap_or_else(|| "admin".to_owned());
    request.headers_mut().remove(ACTOR);
    if let Ok(value) = http::HeaderValue::from_str(&actor) {
        request.headers_mut().insert(ACTOR, value);
    }
    // What is of one tenant is kept apart there, too.
    request.extensions_mut().insert(caller.person.clone());
    let method = request.method().clone();
    let response = next.run(request).await;
    if !method.is_safe() {
        let detail =
            serde_json::json!({ "method": method.as_str(), "path": path, "status": response.status().as_u16() });
        let now_us = jiff::Timestamp::now().as_microsecond();
        let mut entry = Entry::event(EntryKind::Admin, "annex.change", now_us, detail);
        entry.key_id = Some(actor);
        entry.status = Some(response.status().as_u16());
        if let Err(e) = gateway.store.record(entry).await {
            tracing::error!(error = %e, "a record could not be written");
        }
    }
    api::unstored(response)
}

/// Counts requests in, and refuses what is too much.
async fn admit(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if matches!(path, "/healthz" | "/readyz" | "/metrics" | "/health") {
        return next.run(request).await;
    }
    let refusal = if gateway.draining() {
        Some(GatewayError::new(Failure::Draining, "the gateway is shutting down; try again").retry_after(5))
    } else if percent_encoding::percent_decode_str(path).decode_utf8().is_err() {
        // Refused here and not by whichever handler takes the path apart: each would answer in its own way.
        Some(crate::error::invalid("", "the address is not UTF-8"))
    } else {
        None
    };
    let slot = Arc::clone(&gateway.slots).try_acquire_owned();
    let (Ok(slot), None) = (slot, refusal.clone()) else {
        let error = refusal.unwrap_or_else(|| {
            GatewayError::new(Failure::Overloaded, "too many requests are under way; try again shortly").retry_after(1)
        });
        gateway.metrics.failed(error.failure.code());
        return api::error_for(path, &error);
    };
    gateway.metrics.in_flight.inc();
    let method = request.method().clone();
    let span = gateway.spans.start(request.headers(), &method, path);
    let response = next.run(request).await;
    // A stream keeps its slot until its body has been sent.
    let (parts, body) = response.into_parts();
    let held = Held { gateway: Arc::clone(&gateway), _slot: slot, span, status: parts.status };
    let body = Body::new(http_body_util::combinators::UnsyncBoxBody::new(Guarded { body, _held: held }));
    Response::from_parts(parts, body)
}

struct Held {
    gateway: Arc<Gateway>,
    _slot: tokio::sync::OwnedSemaphorePermit,
    span: Option<crate::traces::Span>,
    status: StatusCode,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gateway.metrics.in_flight.dec();
        if let Some(span) = self.span.take() {
            self.gateway.spans.end(span, self.status);
        }
    }
}

/// A body that gives its slot back when it has been sent or dropped.
struct Guarded {
    body: Body,
    _held: Held,
}

impl http_body::Body for Guarded {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
