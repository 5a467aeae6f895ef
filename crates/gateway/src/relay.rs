//! Relaying a stream: read, hold back, check, release.

use std::future::Future;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use menshen_verdict::Disposition;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::config::Release;
use crate::error::{self, Failure, GatewayError};
use crate::exchange::{Exchange, unavailable};
use crate::family::translate::StreamTranslator;
use crate::family::{Frame, Step, Wire, carries_attachment, chat};
use crate::guard::Ruling;
use crate::hold_back::{Edit, HoldBack, News};
use crate::sse::{Event, Parser};
use crate::upstream::Reply;

/// How many released pieces may wait for a slow client before the upstream is no longer read.
const WAITING: usize = 32;

/// The two ends of a response body.
pub fn channel() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, receiver) = mpsc::channel::<Bytes>(WAITING);
    let frames = stream::unfold(receiver, |mut receiver| async {
        let bytes = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), receiver))
    });
    (sender, Body::from_stream(frames))
}

/// Why a relay ended.
enum End {
    /// Everything was released.
    Complete,
    /// Policy stopped it.
    Stopped(Box<Ruling>),
    /// It failed.
    Failed(GatewayError),
    /// The client went away.
    Gone,
}

struct Relay {
    exchange: Exchange,
    hold: HoldBack,
    wire: Box<dyn Wire>,
    /// The upstream's own wire where the stream is translated.
    translation: Option<(Box<dyn Wire>, StreamTranslator)>,
    sender: mpsc::Sender<Bytes>,
    sent_any: bool,
    ending: bool,
    ended: bool,
    saw_attachment: bool,
    buffer: BytesMut,
}

/// Relays one stream to its end and records it.
pub async fn run(exchange: Exchange, reply: Reply, sender: mpsc::Sender<Bytes>) {
    let id = exchange.id.simple().to_string();
    let wire = exchange.family.wire(&exchange.request, &id);
    let translation = reply.translated.then(|| {
        let chat: Box<dyn Wire> = crate::family::Family::wire(&chat::Chat, &exchange.request, &id);
        (chat, StreamTranslator::new(exchange.family.api(), &id, &exchange.request.model))
    });
    let mut hold = HoldBack::new(
        Arc::clone(&exchange.snapshot.engine),
        exchange.extra.clone(),
        exchange.vault.clone(),
        exchange.gateway.config.limits.max_answer_bytes,
    );
    if !exchange.gateway.guard.enabled() {
        hold.pass_all();
    }
    if let Some(label) = &exchange.label {
        hold.label(Arc::clone(label));
    }
    let mut relay = Relay {
        exchange,
        hold,
        wire,
        translation,
        sender,
        sent_any: false,
        ending: false,
        ended: false,
        saw_attachment: false,
        buffer: BytesMut::new(),
    };
    let end = relay.pump(reply).await;
    relay.close(end).await;
}

impl Relay {
    async fn pump(&mut self, mut reply: Reply) -> End {
        let limits = self.exchange.gateway.config.limits.clone();
        let keep_alive = Duration::from_millis(self.exchange.gateway.config.stream.keep_alive_ms.max(100));
        let stopping = self.exchange.gateway.stopping.clone();
        let mut parser = Parser::new(limits.max_event_bytes);
        let deadline = Instant::now() + Duration::from_millis(limits.total_ms);
        loop {
            if Instant::now() >= deadline {
                return End::Failed(GatewayError::new(
                    Failure::UpstreamTimeout,
                    "the model did not finish its answer in time",
                ));
            }
            let next = reply.chunk(limits.idle_ms);
            tokio::pin!(next);
            // When more is here already, scanning waits until a stride is full; when the upstream pauses, what is here
            // is scanned and leaves at once.
            let mut here = std::future::poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await;
            if here.is_pending() {
                let news = self.hold.settle();
                if let Some(end) = self.weigh(news) {
                    return end;
                }
                if let Err(end) = self.flush().await {
                    return end;
                }
            }
            let chunk = loop {
                if let Poll::Ready(chunk) = std::mem::replace(&mut here, Poll::Pending) {
                    break chunk;
                }
                tokio::select! {
                    chunk = &mut next => break chunk,
                    () = self.sender.closed() => return End::Gone,
                    () = stopping.cancelled() => return End::Failed(error::stopping()),
                    () = tokio::time::sleep_until(deadline) => {
                        break Err(GatewayError::new(Failure::UpstreamTimeout, "the model did not finish its answer in time"));
                    }
                    () = tokio::time::sleep(keep_alive) => {
                        if self.sender.send(Bytes::from_static(b": keep-alive\n\n")).await.is_err() {
                            return End::Gone;
                        }
                    }
                }
            };
            let mut events = Vec::new();
            let over = match chunk {
                Err(error) => return End::Failed(error),
                Ok(Some(bytes)) => {
                    if let Err(e) = parser.push(&bytes, &mut events) {
                        return End::Failed(broken(&e));
                    }
                    false
                }
                Ok(None) => {
                    if let Err(e) = parser.finish(&mut events) {
                        return End::Failed(broken(&e));
                    }
                    true
                }
            };
            for event in events {
                if let Some(end) = self.take(event).await {
                    return end;
                }
                if self.ended {
                    return self.last_check().await;
                }
            }
            if over {
                let mut rest = Vec::new();
                if let Some((_, translator)) = &mut self.translation {
                    translator.end(&mut rest);
                }
                for event in rest {
                    if let Some(end) = self.take_own(event).await {
                        return end;
                    }
                }
                if self.ending || self.ended {
                    return self.last_check().await;
                }
                return End::Failed(GatewayError::new(Failure::UpstreamCut, "the model's answer broke off"));
            }
            if let Err(end) = self.flush().await {
                return end;
            }
        }
    }

    /// Takes in an event of the upstream.
    async fn take(&mut self, event: Event) -> Option<End> {
        let Some((chat, translator)) = &mut self.translation else { return self.take_own(event).await };
        let frame = match chat.read(event) {
            Ok(frame) => frame,
            Err(error) => return Some(End::Failed(error)),
        };
        let mut events = Vec::new();
        translator.push(&frame, &mut events);
        for event in events {
            if let Some(end) = self.take_own(event).await {
                return Some(end);
            }
        }
        None
    }

    /// Takes in an event in the client's API.
    async fn take_own(&mut self, event: Event) -> Option<End> {
        let mut frame = match self.wire.read(event) {
            Ok(frame) => frame,
            Err(error) => return Some(End::Failed(error)),
        };
        if let Some(tokens) = frame.tokens {
            self.exchange.tokens = self.exchange.tokens.max(tokens);
        }
        match frame.step {
            Step::Failed => return Some(End::Failed(reported(&frame))),
            Step::Ending => self.ending = true,
            Step::End => self.ended = true,
            Step::More => {}
        }
        if !self.saw_attachment && frame.json.as_ref().is_some_and(carries_attachment) {
            self.saw_attachment = true;
            if let Some(refused) = self.exchange.answer_attachment_refused() {
                return Some(End::Failed(refused));
            }
            self.exchange.note_unchecked_answer(json!({"side": "output", "media": "streamed"}));
        }
        if self.saw_attachment
            && let Err(error) = self.label_files(&mut frame)
        {
            return Some(End::Failed(error));
        }
        let news = match self.hold.push(frame) {
            Ok(news) => news,
            Err(error) => return Some(End::Failed(error)),
        };
        self.weigh(news)
    }

    /// Labels the pictures and sounds of a frame as generated.
    fn label_files(&mut self, frame: &mut Frame) -> Result<(), GatewayError> {
        let (Some(label), Some(json)) = (self.exchange.label.clone(), frame.json.as_mut()) else { return Ok(()) };
        let files = label.label_files(json)?;
        if files.labelled > 0 {
            frame.event.data = json.to_string();
        }
        files.unlabelled.into_iter().for_each(|what| self.exchange.note_unchecked_answer(what));
        Ok(())
    }

    /// Decides on findings of a growing answer.
    fn weigh(&mut self, news: News) -> Option<End> {
        if !self.exchange.gateway.guard.enabled() {
            return None;
        }
        let subject = self.exchange.subject();
        for (channel, findings) in news.findings {
            let conversation = self.hold.channel_conversation(channel);
            let ruling = self.exchange.gateway.guard.rule_growing(
                &self.exchange.snapshot,
                &conversation,
                findings,
                self.exchange.of_answer(&subject),
            );
            if ruling.disposition.unavailable || !ruling.disposition.action.forwards() {
                return Some(End::Stopped(Box::new(ruling)));
            }
            let edits = redactions(&ruling.disposition, 0);
            if let Err(error) = self.hold.edit(channel, edits) {
                return Some(End::Failed(error));
            }
        }
        None
    }

    /// Releases what is cleared, unless the whole answer is to be judged first.
    async fn flush(&mut self) -> Result<(), End> {
        if self.exchange.gateway.config.stream.release == Release::Whole
            && self.exchange.gateway.guard.enabled()
            && !self.ended
        {
            return Ok(());
        }
        let mut events = Vec::new();
        self.hold.release(self.wire.as_mut(), &mut events);
        self.send(events).await
    }

    async fn send(&mut self, events: Vec<Event>) -> Result<(), End> {
        if events.is_empty() {
            return Ok(());
        }
        for event in events {
            event.encode(&mut self.buffer);
        }
        if !std::mem::replace(&mut self.sent_any, true) {
            let seconds = self.exchange.started.elapsed().as_secs_f64();
            self.exchange.gateway.metrics.first_text(self.exchange.family.api(), seconds);
        }
        let bytes = self.buffer.split().freeze();
        self.sender.send(bytes).await.map_err(|_| End::Gone)
    }

    /// The last check of every channel, then the verdict on the whole.
    async fn last_check(&mut self) -> End {
        let news = self.hold.finish();
        if let Some(end) = self.weigh(news) {
            return end;
        }
        if !self.exchange.gateway.guard.enabled() {
            return End::Complete;
        }
        let conversation = self.hold.conversation();
        let verdict = self.hold.verdict();
        let guard = &self.exchange.gateway.guard;
        let subject = self.exchange.subject();
        let inquiry = self.exchange.of_answer(&subject);
        let ruling = guard.rule_scanned(&self.exchange.snapshot, &conversation, verdict, inquiry).await;
        self.exchange.gateway.metrics.judged(&ruling.verdict);
        if ruling.disposition.unavailable || !ruling.disposition.action.forwards() {
            return End::Stopped(Box::new(ruling));
        }
        for channel in 0..conversation.segments.len() {
            // Replacements of text that has left were made when it was found; only what is still held can change.
            let held = redactions(&ruling.disposition, channel);
            let held = held.into_iter().filter(|e| e.span.start >= self.hold.released(channel)).collect();
            if let Err(error) = self.hold.edit(channel, held) {
                return End::Failed(error);
            }
        }
        self.exchange.output = Some(ruling);
        End::Complete
    }

    async fn close(mut self, end: End) {
        self.exchange.answer_text = self.hold.text();
        match end {
            End::Complete => {
                if let Some(id) = self.wire.history_id() {
                    self.exchange.remember(&id);
                }
                if let Err(error) = self.exchange.record(Some(http::StatusCode::OK)).await {
                    self.hold.drop_held();
                    let events = self.wire.fail(&error);
                    let _ = self.send(events).await;
                    return;
                }
                let mut events = Vec::new();
                self.hold.release(self.wire.as_mut(), &mut events);
                if !self.ended {
                    events.extend(self.wire.end_mark());
                }
                let _ = self.send(events).await;
            }
            End::Stopped(ruling) => {
                self.hold.drop_held();
                let was_unavailable = ruling.disposition.unavailable;
                let mut text = self.exchange.stopped_text(&ruling.disposition);
                // What has left was generated, and its label was to come at the end.
                if let Some(end) = self.exchange.label.as_ref().and_then(|l| l.end()).filter(|_| self.sent_any) {
                    text.push_str(&end);
                }
                self.exchange.output = Some(*ruling);
                let recorded = self.exchange.record(Some(http::StatusCode::OK)).await;
                let events = match recorded {
                    Err(error) => self.wire.fail(&error),
                    Ok(()) if was_unavailable => self.wire.fail(&unavailable()),
                    Ok(()) => self.wire.stop(Some(&text)),
                };
                let _ = self.send(events).await;
            }
            End::Failed(error) => {
                tracing::warn!(request = %self.exchange.id, code = error.failure.code(), detail = error.detail, "a stream failed");
                let mut events = Vec::new();
                // What was checked may leave; what was not, does not.
                let news = self.hold.finish();
                let held_is_clean = self.weigh(news).is_none();
                if held_is_clean && error.failure == Failure::UpstreamCut {
                    self.hold.release(self.wire.as_mut(), &mut events);
                }
                self.hold.drop_held();
                let error = self.exchange.record_cut(&error).await.err().unwrap_or(error);
                events.extend(self.wire.fail(&error));
                let _ = self.send(events).await;
            }
            End::Gone => {
                self.exchange.error = Some("client_closed".to_owned());
                let _ = self.exchange.record(None).await;
            }
        }
    }
}

fn redactions(disposition: &Disposition, segment: usize) -> Vec<Edit> {
    let here = disposition.redactions.iter().filter(|r| r.segment == segment);
    here.map(|r| Edit { span: r.span, text: r.replacement.clone() }).collect()
}

fn broken(error: &crate::sse::SseError) -> GatewayError {
    GatewayError::new(Failure::UpstreamInvalid, "the model's stream cannot be read").detail(error)
}

/// What the upstream says of a failure within a stream is for operators; the client gets our words.
fn reported(frame: &Frame) -> GatewayError {
    let detail = frame.json.as_ref().map(|j| j.get("error").or_else(|| j.get("response")).unwrap_or(j).to_string());
    let error = GatewayError::new(Failure::UpstreamError, "the model reported an error in the middle of its answer");
    match detail {
        Some(detail) => error.detail(detail.chars().take(500).collect::<String>()),
        None => error,
    }
}
