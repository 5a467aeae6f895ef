//! Holding a stream back until what it says has been checked.
//!
//! Frames wait in the order in which they came. Each text in them belongs to a channel (one choice's content, its
//! reasoning, a tool call's arguments …), and each channel is scanned as it grows. A frame leaves when every byte of
//! its texts is *cleared*: no finding that is still to come can begin before it. Frames that end the answer wait for the
//! last check of every channel. So no byte leaves before the verdict that covers it (house, invariant 4), for bounded
//! rules without an overlap window that a long match could slip through.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use menshen_detect::{Engine, Extra, Stream};
use menshen_policy::redact::{self, Restorer, Vault};
use menshen_provenance::watermark::text::invisible::Marker;
use menshen_verdict::{Conversation, Finding, Kind, Role, Segment, Side, Span, Verdict};
use serde_json::Value;

use crate::error::{Failure, GatewayError};
use crate::family::{Channel, Frame, Step, Wire};
use crate::label::Labelling;
use crate::sse::Event;

/// A part of a text to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where, in bytes of the text.
    pub span: Span,
    /// What stands there instead.
    pub text: String,
}

impl From<redact::Edit> for Edit {
    fn from(edit: redact::Edit) -> Self {
        Edit { span: edit.span, text: edit.original }
    }
}

/// Where a text of a frame lies in its channel.
#[derive(Debug, Clone, Copy)]
struct Place {
    channel: usize,
    start: usize,
    end: usize,
    /// Whether the text repeats its channel instead of continuing it.
    whole: bool,
}

struct Held {
    frame: Frame,
    places: Vec<Place>,
}

struct ChannelState {
    channel: Channel,
    stream: Stream,
    restorer: Option<Restorer>,
    /// Replacements to make, sorted, disjoint, in bytes of the channel's text.
    edits: Vec<Edit>,
    cleared: usize,
    /// Where an unfinished placeholder may begin.
    safe: usize,
    released: usize,
    verdict: Option<Verdict>,
    seen: Vec<Finding>,
    /// Whether the text is JSON carried as a string, so that what is put into it must be escaped.
    json: bool,
    /// Puts invisible marks into prose.
    marker: Option<Marker>,
    /// Whether this may be the text that the explicit label ends: its last piece waits until that is known.
    last: bool,
}

/// Findings that a step brought to light, with the channel they lie in.
#[derive(Debug, Default)]
pub struct News {
    /// (channel, findings with spans in that channel's text).
    pub findings: Vec<(usize, Vec<Finding>)>,
}

/// The frames of one answer that have not left yet.
pub struct HoldBack {
    engine: Arc<Engine>,
    extra: Extra,
    vault: Option<Arc<Vault>>,
    queue: VecDeque<Held>,
    channels: Vec<ChannelState>,
    index: HashMap<String, usize>,
    bytes: usize,
    max_bytes: usize,
    finished: bool,
    /// False when the guard is off: frames pass as they come, and only their text is kept for the record.
    inspects: bool,
    passed: String,
    label: Option<Arc<Labelling>>,
    /// The implicit label, until the first frame has taken it.
    implicit: Option<Value>,
}

impl HoldBack {
    /// A hold-back for one answer of at most `max_bytes` of text over all channels.
    pub fn new(engine: Arc<Engine>, extra: Extra, vault: Option<Arc<Vault>>, max_bytes: usize) -> Self {
        HoldBack {
            engine,
            extra,
            vault,
            queue: VecDeque::new(),
            channels: Vec::new(),
            index: HashMap::new(),
            bytes: 0,
            max_bytes,
            finished: false,
            inspects: true,
            passed: String::new(),
            label: None,
            implicit: None,
        }
    }

    /// Labels what leaves as generated.
    pub fn label(&mut self, label: Arc<Labelling>) {
        self.implicit = Some(label.aigc.clone());
        self.label = Some(label);
    }

    /// Lets everything pass unchecked: the guard is off.
    pub fn pass_all(&mut self) {
        self.inspects = false;
    }

    fn channel(&mut self, channel: &Channel, pointer: &str) -> usize {
        if let Some(known) = self.index.get(&channel.key) {
            return *known;
        }
        let prose = matches!(channel.kind, Kind::Text | Kind::Reasoning | Kind::Refusal);
        let extra = if prose { self.extra.clone() } else { self.extra.rules_only() };
        let stream = self.engine.stream_with(Side::Output, Role::Assistant, &extra);
        let labelled = self.label.clone().filter(|_| channel.kind == Kind::Text);
        let mut edits = Vec::new();
        let mut last = false;
        if let Some(label) = &labelled {
            let others = self.channels.iter_mut().filter(|c| c.channel.kind == Kind::Text);
            let mut others = others.filter(|c| label.same_answer(&c.channel.key, &channel.key)).peekable();
            if let Some(start) = label.start().filter(|_| others.peek().is_none()) {
                edits.push(Edit { span: Span::new(0, 0), text: start });
            }
            others.for_each(|c| c.last = false);
            last = label.end().is_some();
        }
        self.channels.push(ChannelState {
            channel: channel.clone(),
            stream,
            restorer: self.vault.as_ref().filter(|v| !v.is_empty()).map(|v| Restorer::new(Arc::clone(v))),
            edits,
            cleared: 0,
            safe: usize::MAX,
            released: 0,
            verdict: None,
            seen: Vec::new(),
            json: channel.kind == Kind::ToolCall && carries_json(pointer),
            marker: labelled.and_then(|label| label.marker()),
            last,
        });
        let index = self.channels.len() - 1;
        self.index.insert(channel.key.clone(), index);
        index
    }

    /// Takes in a frame, scans what it adds, and says what was found.
    ///
    /// # Errors
    /// When the answer grows past the limit.
    pub fn push(&mut self, frame: Frame) -> Result<News, GatewayError> {
        let mut news = News::default();
        let mut places = Vec::with_capacity(frame.pieces.len());
        for piece in &frame.pieces {
            let Some(text) = frame.json.as_ref().and_then(|j| j.pointer(&piece.pointer)).and_then(Value::as_str) else {
                continue;
            };
            if text.is_empty() {
                continue;
            }
            if !self.inspects {
                if !piece.whole && piece.channel.kind == Kind::Text {
                    self.passed.push_str(text);
                }
                continue;
            }
            if piece.whole {
                let index = self.whole(&piece.channel, &piece.pointer, text, &mut news)?;
                places.push(Place { channel: index, start: 0, end: text.len(), whole: true });
            } else {
                let index = self.channel(&piece.channel, &piece.pointer);
                let start = self.channels.get(index).map_or(0, |c| c.stream.text().len());
                self.grow(index, text, &mut news)?;
                places.push(Place { channel: index, start, end: start + text.len(), whole: false });
            }
        }
        self.queue.push_back(Held { frame, places });
        Ok(news)
    }

    fn grow(&mut self, index: usize, text: &str, news: &mut News) -> Result<(), GatewayError> {
        self.bytes += text.len();
        if self.bytes > self.max_bytes {
            return Err(GatewayError::new(
                Failure::UpstreamTooLarge,
                "the model's answer is longer than this gateway inspects",
            ));
        }
        let Some(state) = self.channels.get_mut(index) else { return Ok(()) };
        if state.verdict.take().is_some() {
            // The upstream went on after it had said that this text was complete.
            state.cleared = state.cleared.min(state.released);
        }
        if let Some(marker) = &mut state.marker {
            let start = state.stream.text().len();
            let places = marker.places(text);
            for place in places.into_iter().map(|place| Span::new(start + place, start + place)) {
                insert(&mut state.edits, Edit { span: place, text: marker.run().to_owned() });
            }
        }
        let progress = state.stream.push(text);
        if let Some(restorer) = &mut state.restorer {
            let restored = restorer.push(text);
            state.safe = restored.safe;
            for edit in restored.edits {
                let edit = state.written(edit.into());
                insert(&mut state.edits, edit);
            }
        }
        state.advance(progress.cleared);
        state.report(index, progress.new_findings, news);
        Ok(())
    }

    /// Scans what was put by until a stride was full: for when the upstream pauses, so that nobody waits for text that
    /// is long here.
    pub fn settle(&mut self) -> News {
        let mut news = News::default();
        if !self.inspects {
            return news;
        }
        for (index, state) in self.channels.iter_mut().enumerate().filter(|(_, c)| c.verdict.is_none()) {
            let progress = state.stream.scan();
            state.advance(progress.cleared);
            state.report(index, progress.new_findings, &mut news);
        }
        news
    }

    /// A string that claims to repeat a channel's whole text. When it does not, it is a text of its own.
    fn whole(&mut self, channel: &Channel, pointer: &str, text: &str, news: &mut News) -> Result<usize, GatewayError> {
        let mut index = self.channel(channel, pointer);
        let known = self.channels.get(index).is_some_and(|c| c.stream.text() == text);
        if !known {
            let key = format!("{}#{}", channel.key, self.channels.len());
            let own = if self.channels.get(index).is_some_and(|c| c.stream.text().is_empty()) {
                channel.clone()
            } else {
                // The same differing text comes again in later frames: it is scanned once.
                match self.channels.iter().position(|c| c.stream.text() == text && c.channel.kind == channel.kind) {
                    Some(same) => {
                        self.finish_channel(same, news);
                        return Ok(same);
                    }
                    None => Channel { key, kind: channel.kind },
                }
            };
            index = self.channel(&own, pointer);
            self.grow(index, text, news)?;
        }
        self.finish_channel(index, news);
        Ok(index)
    }

    fn finish_channel(&mut self, index: usize, news: &mut News) {
        let Some(state) = self.channels.get_mut(index) else { return };
        if state.verdict.is_some() {
            return;
        }
        let verdict = state.stream.finish();
        if let Some(restorer) = &mut state.restorer {
            for edit in restorer.finish().edits {
                let edit = state.written(edit.into());
                insert(&mut state.edits, edit);
            }
        }
        let fresh = verdict.findings.iter().filter(|f| !state.seen.contains(f)).cloned().collect();
        state.cleared = state.stream.text().len();
        state.verdict = Some(verdict);
        state.report(index, fresh, news);
    }

    /// The last check: every channel is scanned as a whole. Returns what that brought to light.
    pub fn finish(&mut self) -> News {
        let mut news = News::default();
        for index in 0..self.channels.len() {
            self.finish_channel(index, &mut news);
        }
        if !std::mem::replace(&mut self.finished, true)
            && let Some(end) = self.label.as_ref().and_then(|label| label.end())
        {
            for state in self.channels.iter_mut().filter(|c| c.last) {
                let text = state.stream.text();
                if !text.trim().is_empty() && !text.trim_end().ends_with(end.trim()) {
                    let at = Span::new(text.len(), text.len());
                    insert(&mut state.edits, Edit { span: at, text: end.clone() });
                }
            }
        }
        news
    }

    /// Replaces parts of a channel's text when it leaves.
    ///
    /// # Errors
    /// When the part has left already; the answer must then be stopped.
    pub fn edit(&mut self, channel: usize, edits: Vec<Edit>) -> Result<(), GatewayError> {
        let Some(state) = self.channels.get_mut(channel) else { return Ok(()) };
        for edit in edits {
            if edit.span.start < state.released {
                return Err(GatewayError::new(Failure::ContentPolicy, "the answer was stopped by the content policy")
                    .detail("a replacement was asked for in text that had been released"));
            }
            let edit = state.written(edit);
            insert(&mut state.edits, edit);
        }
        Ok(())
    }

    /// Takes the frames that may leave, rewritten where they must be, and tells `wire` of them.
    pub fn release(&mut self, wire: &mut dyn Wire, out: &mut Vec<Event>) {
        while let Some(held) = self.queue.front() {
            let ending = matches!(held.frame.step, Step::Ending | Step::End | Step::Failed);
            let may_leave = |p: &Place| {
                let Some(channel) = self.channels.get(p.channel) else { return false };
                let waits_for_label = channel.last && !p.whole && p.end == channel.stream.text().len();
                self.finished || (p.end <= channel.cleared && !waits_for_label)
            };
            let clear = held.places.iter().all(may_leave);
            if !clear || (ending && !self.finished) {
                return;
            }
            let Some(mut held) = self.queue.pop_front() else { return };
            self.rewrite(&mut held, wire);
            wire.released(&held.frame);
            out.push(held.frame.event);
        }
    }

    fn rewrite(&mut self, held: &mut Held, wire: &dyn Wire) {
        let (mut changed, mut replaced) = (false, false);
        let pieces = held.frame.pieces.iter().filter(|p| {
            let text = held.frame.json.as_ref().and_then(|j| j.pointer(&p.pointer)).and_then(Value::as_str);
            text.is_some_and(|t| !t.is_empty())
        });
        let mut texts = Vec::new();
        for (piece, place) in pieces.zip(&held.places) {
            let Some(state) = self.channels.get_mut(place.channel) else { continue };
            state.released = state.released.max(place.end);
            if let Some(text) = rewritten(state.stream.text(), &state.edits, place.start, place.end) {
                let range = Span::new(place.start, place.end);
                replaced |= state.edits.iter().any(|e| e.span.start < e.span.end && e.span.overlaps(range));
                texts.push((piece.pointer.clone(), text));
            }
        }
        if let Some(json) = &mut held.frame.json {
            for (pointer, text) in texts {
                if let Some(slot) = json.pointer_mut(&pointer) {
                    *slot = Value::from(text);
                    changed = true;
                }
            }
            if replaced {
                wire.drop_echoes(json);
            }
            if json.is_object()
                && let Some(implicit) = self.implicit.take()
            {
                json[crate::label::MEMBER] = implicit;
                changed = true;
            }
            if changed {
                held.frame.event.data = json.to_string();
            }
        }
    }

    /// How many bytes of a channel's text have left.
    pub fn released(&self, channel: usize) -> usize {
        self.channels.get(channel).map_or(0, |c| c.released)
    }

    /// Throws away what has not left.
    pub fn drop_held(&mut self) {
        self.queue.clear();
    }

    /// Bytes of frames that wait.
    pub fn held_bytes(&self) -> usize {
        self.queue.iter().map(|h| h.frame.event.data.len()).sum()
    }

    /// The answer so far as a conversation, one segment a channel, in the order in which channels began.
    pub fn conversation(&self) -> Conversation {
        let segments = self
            .channels
            .iter()
            .enumerate()
            .map(|(i, c)| Segment {
                path: c.channel.key.clone(),
                message: i,
                role: Role::Assistant,
                side: Side::Output,
                kind: c.channel.kind,
                text: c.stream.text().to_owned(),
            })
            .collect();
        Conversation { segments, attachments: Vec::new() }
    }

    /// One channel's text as a conversation of its own.
    pub fn channel_conversation(&self, channel: usize) -> Conversation {
        let mut whole = Conversation::of_text(Role::Assistant, "");
        if let (Some(state), Some(segment)) = (self.channels.get(channel), whole.segments.first_mut()) {
            state.stream.text().clone_into(&mut segment.text);
            segment.kind = state.channel.kind;
            segment.path.clone_from(&state.channel.key);
        }
        whole
    }

    /// The verdict over all channels that have had their last check; segments count as in [`Self::conversation`].
    pub fn verdict(&self) -> Verdict {
        let mut all = Verdict::default();
        for (i, state) in self.channels.iter().enumerate() {
            if let Some(verdict) = &state.verdict {
                let mut verdict = verdict.clone();
                for finding in &mut verdict.findings {
                    finding.segment = i;
                }
                all.absorb(verdict);
            }
        }
        all
    }

    /// The text of all content channels, for the record.
    pub fn text(&self) -> String {
        if !self.inspects {
            return self.passed.clone();
        }
        let contents = self.channels.iter().filter(|c| c.channel.kind == Kind::Text).map(|c| c.stream.text());
        contents.collect::<Vec<_>>().join("\n")
    }
}

impl ChannelState {
    fn advance(&mut self, cleared: usize) {
        self.cleared = self.cleared.max(cleared.min(self.safe));
    }

    fn written(&self, edit: Edit) -> Edit {
        if self.json { within_json(edit) } else { edit }
    }

    fn report(&mut self, index: usize, findings: Vec<Finding>, news: &mut News) {
        if findings.is_empty() {
            return;
        }
        self.seen.extend(findings.iter().cloned());
        news.findings.push((index, findings));
    }
}

/// A replacement as it stands within JSON that is itself carried as a string, such as a tool call's arguments.
pub(crate) fn within_json(edit: Edit) -> Edit {
    let quoted = serde_json::Value::from(edit.text.as_str()).to_string();
    let text = quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned();
    Edit { text, ..edit }
}

/// Whether a text is JSON that is carried as a string.
pub(crate) fn carries_json(pointer: &str) -> bool {
    ["/arguments", "/partial_json", "/delta"].iter().any(|end| pointer.ends_with(end))
}

/// Keeps edits sorted and disjoint; where two overlap, the wider one stands.
pub(crate) fn insert(edits: &mut Vec<Edit>, edit: Edit) {
    let width = |s: Span| s.end.saturating_sub(s.start);
    if edits.iter().any(|e| e.span.overlaps(edit.span) && width(e.span) >= width(edit.span)) {
        return;
    }
    edits.retain(|e| !e.span.overlaps(edit.span));
    // What is put in at a place stands before what is replaced from there on.
    let at = edits.partition_point(|e| (e.span.start, e.span.end) <= (edit.span.start, edit.span.end));
    edits.insert(at, edit);
}

/// The text of `start..end` with the edits made; `None` when none touches it. A replacement stands where its part
/// begins, so a part that is cut over several frames is replaced once. What is put in between two pieces goes with the later
/// one, and at the end of the text with the last.
pub(crate) fn rewritten(text: &str, edits: &[Edit], start: usize, end: usize) -> Option<String> {
    let range = Span::new(start, end);
    let put_in = |at: usize| start < end && ((start <= at && at < end) || (at == end && end == text.len()));
    let touches = |e: &&Edit| if e.span.start == e.span.end { put_in(e.span.start) } else { e.span.overlaps(range) };
    let mut touching = edits.iter().filter(touches).peekable();
    touching.peek()?;
    let mut out = String::with_capacity(end - start);
    let mut at = start;
    for edit in touching {
        out.push_str(text.get(at..edit.span.start.max(at)).unwrap_or_default());
        if edit.span.start >= start {
            out.push_str(&edit.text);
        }
        at = edit.span.end.min(end).max(at);
    }
    out.push_str(text.get(at..end).unwrap_or_default());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(start: usize, end: usize, text: &str) -> Edit {
        Edit { span: Span::new(start, end), text: text.to_owned() }
    }

    #[test]
    fn an_edit_over_several_slices_is_made_once() {
        let text = "call 13800138000 now";
        let edits = [edit(5, 16, "***")];
        let slices = [(0, 4), (4, 7), (7, 12), (12, 20)];
        let parts: Vec<String> = slices
            .iter()
            .map(|(s, e)| rewritten(text, &edits, *s, *e).unwrap_or_else(|| text[*s..*e].to_owned()))
            .collect();
        assert_eq!(parts, ["call", " ***", "", " now"]);
    }

    #[test]
    fn what_is_put_in_stands_once_however_the_text_is_cut() {
        let text = "call 13800138000 now";
        let mut edits = vec![edit(5, 16, "***")];
        for put in [edit(0, 0, "<"), edit(20, 20, ">"), edit(5, 5, "|"), edit(8, 8, "^")] {
            insert(&mut edits, put);
        }
        for cut in [vec![(0, 20)], vec![(0, 5), (5, 20)], vec![(0, 4), (4, 7), (7, 12), (12, 20)]] {
            let cut =
                cut.iter().map(|(s, e)| rewritten(text, &edits, *s, *e).unwrap_or_else(|| text[*s..*e].to_owned()));
            assert_eq!(
                cut.collect::<String>(),
                "<call |*** now>",
                "what was to stand within a replaced part is gone with it"
            );
        }
        assert_eq!(rewritten("", &[edit(0, 0, "<")], 0, 0), None, "nothing is put into no text");
    }

    #[test]
    fn what_is_put_into_carried_json_is_escaped() {
        let edit = within_json(edit(0, 1, "a\"b\n"));
        assert_eq!(edit.text, "a\\\"b\\n");
        assert!(carries_json("/choices/0/message/tool_calls/0/function/arguments"));
        assert!(!carries_json("/choices/0/message/content"));
    }

    #[test]
    fn the_wider_of_two_overlapping_edits_stands() {
        let mut edits = Vec::new();
        insert(&mut edits, edit(5, 9, "a"));
        insert(&mut edits, edit(4, 12, "b"));
        insert(&mut edits, edit(6, 8, "c"));
        insert(&mut edits, edit(0, 2, "d"));
        assert_eq!(edits, [edit(0, 2, "d"), edit(4, 12, "b")]);
    }
}
