//! 法*轮*功: the view without separators.

use crate::folder::Folder;
use crate::view::{Gap, View};

/// Characters that end a sentence in a folded text. Full-width `！？；` are ASCII by then.
fn ends_sentence(c: char) -> bool {
    matches!(c, '。' | '!' | '?' | ';' | '\n' | '\r')
}

/// Whether the tight view keeps a character: letters, digits, ideographs and the marks that spell scripts.
fn is_kept(c: char) -> bool {
    match c {
        '\0'..='\x7F' => c.is_ascii_alphanumeric(),
        '\u{3400}'..='\u{9FFF}' => true,
        _ => c.is_alphanumeric(),
    }
}

impl Gap {
    fn with(self, c: char) -> Gap {
        let more = if ends_sentence(c) {
            Gap::Sentence
        } else if c.is_whitespace() || c == '\u{2800}' {
            Gap::Spaces
        } else {
            Gap::Soft
        };
        match (self, more) {
            (Gap::None, gap) => gap,
            (Gap::Sentence, _) | (_, Gap::Sentence) => Gap::Sentence,
            (a, b) if a == b => a,
            _ => Gap::Mixed,
        }
    }
}

impl Folder {
    /// The view without separators: spaces, punctuation, symbols and emoji removed, what stood between noted as
    /// [`View::gap_before`]. `None` when there was nothing to remove.
    ///
    /// ```
    /// use menshen_text::{Folder, Gap};
    /// let folder = Folder::shared();
    /// let tight = folder.tight(&folder.fold("坏*词，坏　词")).unwrap();
    /// assert_eq!(tight.text, "坏词坏词");
    /// assert_eq!(tight.gap_before(3), Gap::Soft);
    /// assert_eq!(tight.gap_before(9), Gap::Spaces);
    /// ```
    pub fn tight(&self, folded: &View) -> Option<View> {
        folded.text.find(|c| !is_kept(c))?;
        let mut derive = folded.derive();
        let mut kept = 0;
        let mut gap = Gap::None;
        for (at, c) in folded.text.char_indices() {
            if is_kept(c) {
                if gap != Gap::None {
                    derive.view.push_gap(gap);
                    gap = Gap::None;
                    kept = at;
                }
            } else {
                if gap == Gap::None {
                    derive.copy(kept..at);
                }
                gap = gap.with(c);
            }
        }
        if gap == Gap::None {
            derive.copy(kept..folded.text.len());
        }
        Some(derive.view)
    }
}
