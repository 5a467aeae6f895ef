//! What each placeholder stands for, within one request.

use std::collections::HashMap;
use std::fmt;

use menshen_text::placeholder::fold_name;
use menshen_verdict::{Conversation, Redaction};

/// Placeholder → original, for the placeholders that may be turned back. Lives as long as one request, is never
/// stored; `Debug` shows only how many there are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Vault {
    originals: HashMap<(String, u32), String>,
}

impl Vault {
    /// Remembers the originals of the redactions that are to be restored.
    pub fn new(conversation: &Conversation, redactions: &[Redaction]) -> Self {
        let mut vault = Vault::default();
        for redaction in redactions.iter().filter(|r| r.restore) {
            if let Some(segment) = conversation.segments.get(redaction.segment)
                && let Some((name, number)) = parts(&redaction.replacement)
            {
                vault.originals.insert((name, number), redaction.span.of(&segment.text).to_owned());
            }
        }
        vault
    }

    /// Whether there is nothing to restore.
    pub fn is_empty(&self) -> bool {
        self.originals.is_empty()
    }

    /// How many placeholders it knows.
    pub fn len(&self) -> usize {
        self.originals.len()
    }

    /// What a placeholder such as `[手机号#1]` stands for.
    pub fn original(&self, placeholder: &str) -> Option<&str> {
        let (name, number) = parts(placeholder)?;
        self.lookup(&name, number)
    }

    pub(crate) fn lookup(&self, folded: &str, number: u32) -> Option<&str> {
        self.originals.get(&(folded.to_owned(), number)).map(String::as_str)
    }

    /// Whether a folded name could become that of a placeholder.
    pub(crate) fn may_become(&self, folded: &str) -> bool {
        self.originals.keys().any(|(name, _)| name.starts_with(folded))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} placeholders)", self.originals.len())
    }
}

/// The folded name and the number of a placeholder as we write it.
fn parts(placeholder: &str) -> Option<(String, u32)> {
    let inner = placeholder.strip_prefix('[')?.strip_suffix(']')?;
    let (name, number) = inner.rsplit_once('#')?;
    Some((fold_name(name), number.parse().ok()?))
}
