//! A reading of a text that still knows where every character came from.

use std::ops::Range;

use menshen_verdict::Span;

/// What stood between two characters that a tight view has side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gap {
    /// Nothing: the two were neighbors already.
    None,
    /// White space only, all on one line.
    Spaces,
    /// Punctuation, symbols or emoji, and no white space.
    Soft,
    /// Punctuation or symbols together with white space.
    Mixed,
    /// The end of a sentence or line (`。！？!?;；` or a line break), whatever else stood there.
    Sentence,
}

/// A stretch of the view and the stretch of the original that it stands for. A run ends where the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    /// First byte in the view.
    at: usize,
    /// First byte in the original.
    start: usize,
    /// One past the last byte in the original.
    end: usize,
    /// True when characters map one to one with the same number of bytes each, so that offsets can be added.
    /// False when the run stands for `start..end` as a whole.
    linear: bool,
}

/// A folded, tightened, composed or sounded reading of a text, with a map back to the original bytes.
///
/// The map is kept as runs, not per byte: plain Chinese text is a handful of runs however long it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The reading itself.
    pub text: String,
    runs: Vec<Run>,
    gaps: Vec<(usize, Gap)>,
    source_len: usize,
}

impl View {
    /// The identity reading of a text.
    pub fn of(text: &str) -> Self {
        let mut view = View::default();
        view.push_linear(text, 0);
        view.source_len = text.len();
        view
    }

    /// The bytes of the **original** text that a range of bytes of this view stands for: from the start of the first
    /// character's origin to the end of the last one's.
    ///
    /// A range that cuts characters is widened to whole ones and one that leaves the view is cut to it, so the
    /// answer always lies on character boundaries of the original. An empty range yields an empty span.
    ///
    /// ```
    /// use menshen_text::Folder;
    /// let view = Folder::shared().fold("這是ＢＡＤ\u{200b}！");
    /// assert_eq!(view.text, "这是bad!");
    /// assert_eq!(view.origin(6..9).of("這是ＢＡＤ\u{200b}！"), "ＢＡＤ");
    /// ```
    pub fn origin(&self, range: Range<usize>) -> Span {
        let start = self.text.floor_char_boundary(range.start);
        let end = self.text.ceil_char_boundary(range.end).max(start);
        let (Some(first), Some(last)) = (self.run_at(start), self.run_at(end.saturating_sub(1))) else {
            return Span::new(self.source_len, self.source_len);
        };
        let from = if first.linear { first.start + (start - first.at) } else { first.start };
        if start == end {
            let at = if start == self.text.len() { self.end_of_runs() } else { from };
            return Span::new(at, at);
        }
        let to = if last.linear { last.start + (end - last.at) } else { last.end };
        // Views keep the order of the original, so `to` is never before `from`.
        Span::new(from, to)
    }

    /// What was removed right before the character at byte `at` of a tight view. [`Gap::None`] for other views.
    pub fn gap_before(&self, at: usize) -> Gap {
        match self.gaps.binary_search_by_key(&at, |(place, _)| *place) {
            Ok(index) => self.gaps.get(index).map_or(Gap::None, |(_, gap)| *gap),
            Err(_) => Gap::None,
        }
    }

    /// The number of bytes of the original text that have been read into this view.
    pub fn source_len(&self) -> usize {
        self.source_len
    }

    fn end_of_runs(&self) -> usize {
        self.runs.last().map_or(self.source_len, |run| run.end)
    }

    fn run_index(&self, at: usize) -> Option<usize> {
        self.runs.partition_point(|run| run.at <= at).checked_sub(1)
    }

    fn run_at(&self, at: usize) -> Option<Run> {
        self.run_index(at).and_then(|index| self.runs.get(index)).copied()
    }

    fn run_end(&self, index: usize) -> usize {
        self.runs.get(index + 1).map_or(self.text.len(), |next| next.at)
    }

    /// Appends characters that map one to one, byte for byte, from `start` of the original.
    pub(crate) fn push_linear(&mut self, piece: &str, start: usize) {
        if piece.is_empty() {
            return;
        }
        match self.runs.last_mut() {
            Some(last) if last.linear && last.end == start => last.end += piece.len(),
            _ => self.runs.push(Run { at: self.text.len(), start, end: start + piece.len(), linear: true }),
        }
        self.text.push_str(piece);
    }

    /// Appends characters that as a whole stand for `span` of the original.
    pub(crate) fn push_whole(&mut self, piece: &str, span: Span) {
        if piece.is_empty() {
            return;
        }
        self.runs.push(Run { at: self.text.len(), start: span.start, end: span.end, linear: false });
        self.text.push_str(piece);
    }

    /// Appends one character that stands for `span` of the original.
    pub(crate) fn push_char(&mut self, c: char, span: Span) {
        let mut buffer = [0; 4];
        let piece: &str = c.encode_utf8(&mut buffer);
        self.push_whole(piece, span);
    }

    /// Appends one character that replaces one of as many bytes at `start` of the original.
    pub(crate) fn push_char_linear(&mut self, c: char, start: usize) {
        let mut buffer = [0; 4];
        let piece: &str = c.encode_utf8(&mut buffer);
        self.push_linear(piece, start);
    }

    /// Notes how much of the original has been read.
    pub(crate) fn set_source_len(&mut self, len: usize) {
        self.source_len = len;
    }

    /// Notes what was removed right before the end of the view as it stands.
    pub(crate) fn push_gap(&mut self, gap: Gap) {
        self.gaps.push((self.text.len(), gap));
    }

    /// A reader of this view that derives another from it, front to back.
    pub(crate) fn derive(&self) -> Derive<'_> {
        let text = String::with_capacity(self.text.len());
        let view = View { text, runs: Vec::new(), gaps: Vec::new(), source_len: self.source_len };
        Derive { base: self, index: 0, view }
    }
}

/// Builds a view of a view, keeping the map to the original. Ranges must be asked for in rising order.
pub(crate) struct Derive<'v> {
    base: &'v View,
    index: usize,
    pub(crate) view: View,
}

impl Derive<'_> {
    fn seek(&mut self, at: usize) {
        while self.base.run_end(self.index) <= at && self.index + 1 < self.base.runs.len() {
            self.index += 1;
        }
    }

    /// Copies a range of the base as it stands.
    pub(crate) fn copy(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            self.seek(at);
            let Some(run) = self.base.runs.get(self.index) else { return };
            let stop = self.base.run_end(self.index).min(range.end);
            let Some(piece) = self.base.text.get(at..stop) else { return };
            if run.linear {
                self.view.push_linear(piece, run.start + (at - run.at));
            } else {
                self.view.push_whole(piece, Span::new(run.start, run.end));
            }
            at = stop;
        }
    }

    /// Puts one character for a range of the base.
    pub(crate) fn put(&mut self, c: char, range: Range<usize>) {
        self.seek(range.start);
        let run = self.base.runs.get(self.index);
        match run {
            Some(run)
                if run.linear
                    && c.len_utf8() == range.len()
                    && range.end <= self.base.run_end(self.index)
                    && self.base.text.get(range.clone()).is_some_and(|piece| piece.chars().nth(1).is_none()) =>
            {
                self.view.push_char_linear(c, run.start + (range.start - run.at));
            }
            _ => {
                let span = self.base.origin(range);
                self.view.push_char(c, span);
            }
        }
    }

    /// Copies a range of the base, with the gaps inside it.
    pub(crate) fn copy_with_gaps(&mut self, range: Range<usize>) {
        let first = self.base.gaps.partition_point(|(at, _)| *at < range.start);
        let mut from = range.start;
        for (at, gap) in self.base.gaps.iter().skip(first).take_while(|(at, _)| *at < range.end) {
            self.copy(from..*at);
            self.view.push_gap(*gap);
            from = *at;
        }
        self.copy(from..range.end);
    }

    /// Carries over what the base had removed before its byte `at`.
    pub(crate) fn carry_gap(&mut self, at: usize) {
        match self.base.gap_before(at) {
            Gap::None => {}
            gap => self.view.push_gap(gap),
        }
    }
}
