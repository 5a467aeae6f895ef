//! Finding placeholders in an answer, as models write them, in a stream cut anywhere.

use std::sync::Arc;

use menshen_text::placeholder::{Read, find, read};
use menshen_verdict::Span;

use super::vault::Vault;

/// A placeholder to be turned back.
#[derive(Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where the placeholder stands, in bytes of everything that was pushed.
    pub span: Span,
    /// What to put there. Inside a JSON string the caller escapes it.
    pub original: String,
}

impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Edit({:?}, {} bytes redacted)", self.span, self.original.len())
    }
}

/// What one push settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// New edits, in order.
    pub edits: Vec<Edit>,
    /// Bytes of everything pushed so far that no later edit can touch.
    pub safe: usize,
}

/// Finds placeholders in a text that arrives in pieces.
///
/// Models do not always copy a placeholder to the letter: full-width brackets, spaces around `#`, another case and
/// Markdown's backslashes are forgiven. Text is held back only while it may still become a placeholder of the vault.
///
/// ```
/// use std::sync::Arc;
/// use menshen_policy::redact::{Restorer, Vault};
/// use menshen_verdict::{Conversation, Redaction, Role, Span};
/// let conversation = Conversation::of_text(Role::User, "电话13800138000");
/// let redaction = Redaction {
///     segment: 0,
///     span: Span::new(6, 17),
///     label: "mobile".into(),
///     replacement: "[手机号#1]".to_owned(),
///     restore: true,
/// };
/// let mut restorer = Restorer::new(Arc::new(Vault::new(&conversation, &[redaction])));
/// let mut answer = restorer.write("已登记[手机");
/// assert_eq!(answer, "已登记");
/// answer += &restorer.write("号#1]。");
/// answer += &restorer.end();
/// assert_eq!(answer, "已登记13800138000。");
/// ```
#[derive(Debug, Clone)]
pub struct Restorer {
    vault: Arc<Vault>,
    /// Text that is not settled, and where it starts.
    tail: String,
    base: usize,
}

enum Seen<'v> {
    Placeholder { end: usize, original: &'v str },
    Unfinished,
    Other,
}

impl Restorer {
    /// A restorer for one text (one choice, one channel) of an answer.
    pub fn new(vault: Arc<Vault>) -> Self {
        Restorer { vault, tail: String::new(), base: 0 }
    }

    /// Takes in the next piece.
    pub fn push(&mut self, chunk: &str) -> Progress {
        self.tail.push_str(chunk);
        let (edits, settled) = self.scan(false);
        self.tail.drain(..settled);
        self.base += settled;
        Progress { edits, safe: self.base }
    }

    /// The end of the text: what was held back is settled.
    pub fn finish(&mut self) -> Progress {
        let (edits, settled) = self.scan(true);
        self.tail.drain(..settled);
        self.base += settled;
        Progress { edits, safe: self.base }
    }

    /// Takes in the next piece and returns the restored text that is settled by it.
    pub fn write(&mut self, chunk: &str) -> String {
        self.tail.push_str(chunk);
        self.rewrite(false)
    }

    /// The restored rest of the text.
    pub fn end(&mut self) -> String {
        self.rewrite(true)
    }

    fn rewrite(&mut self, last: bool) -> String {
        let (edits, settled) = self.scan(last);
        let mut text = String::with_capacity(settled);
        let mut at = 0;
        for edit in edits {
            text.push_str(&self.tail[at..edit.span.start - self.base]);
            text.push_str(&edit.original);
            at = edit.span.end - self.base;
        }
        text.push_str(&self.tail[at..settled]);
        self.tail.drain(..settled);
        self.base += settled;
        text
    }

    /// The edits in the tail, and how much of it is settled.
    fn scan(&self, last: bool) -> (Vec<Edit>, usize) {
        let mut edits = Vec::new();
        if self.vault.is_empty() {
            return (edits, self.tail.len());
        }
        let mut at = 0;
        while let Some(found) = self.tail[at..].find(['[', '［', '【', '\\']) {
            let start = at + found;
            match placeholder(&self.tail[start..], last, &self.vault) {
                Seen::Placeholder { end, original } => {
                    let span = Span::new(self.base + start, self.base + start + end);
                    edits.push(Edit { span, original: original.to_owned() });
                    at = start + end;
                }
                Seen::Unfinished => return (edits, start),
                Seen::Other => at = start + self.tail[start..].chars().next().map_or(1, char::len_utf8),
            }
        }
        (edits, self.tail.len())
    }
}

/// Reads a placeholder at the start of `text`.
fn placeholder<'v>(text: &str, last: bool, vault: &'v Vault) -> Seen<'v> {
    match read(text, |name| vault.may_become(name)) {
        Read::Whole { end, name, number } => match vault.lookup(&name, number) {
            Some(original) => Seen::Placeholder { end, original },
            None => Seen::Other,
        },
        Read::Cut if !last => Seen::Unfinished,
        _ => Seen::Other,
    }
}

/// Every placeholder that a text already holds, however it is written: a new one must not be mistaken for it.
pub(crate) fn existing(text: &str) -> Vec<(String, u32)> {
    find(text, |_| true).map(|p| (p.name, p.number)).collect()
}
