//! A template as sentences in lines, so that they can be dropped, moved and exchanged; `{payload}` is never cut.

/// The place of the request in a template.
pub(super) const PAYLOAD: &str = "{payload}";

/// A sentence with its spaces, and whether its line ends after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) text: String,
    pub(super) ends: bool,
}

impl Unit {
    /// Whether the request stands in it.
    pub(super) fn holds(&self) -> bool {
        self.text.contains(PAYLOAD)
    }

    /// Whether there is nothing in it but space.
    pub(super) fn blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// Sentences in lines. `Prose::parse(t).to_string() == t` for every text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prose {
    pub(super) units: Vec<Unit>,
}

impl Prose {
    pub(super) fn parse(text: &str) -> Prose {
        let mut units: Vec<Unit> = Vec::new();
        for line in text.split('\n') {
            if let Some(last) = units.last_mut() {
                last.ends = true;
            }
            units.extend(sentences(line).into_iter().map(|text| Unit { text, ends: false }));
        }
        Prose { units }
    }

    /// Lines, each as its sentences.
    pub(super) fn lines(&self) -> Vec<Vec<Unit>> {
        let mut lines = vec![Vec::new()];
        for unit in &self.units {
            if let Some(line) = lines.last_mut() {
                line.push(unit.clone());
            }
            if unit.ends {
                lines.push(Vec::new());
            }
        }
        lines.retain(|l| !l.is_empty());
        lines
    }

    /// From lines; each but the last ends.
    pub(super) fn from_lines(lines: Vec<Vec<Unit>>) -> Prose {
        let mut units: Vec<Unit> = Vec::new();
        for line in lines.into_iter().filter(|l| !l.is_empty()) {
            if let Some(last) = units.last_mut() {
                last.ends = true;
            }
            units.extend(line.into_iter().map(|u| Unit { ends: false, ..u }));
        }
        Prose { units }
    }

    /// Takes a sentence out; the end of its line stays.
    pub(super) fn remove(&mut self, at: usize) {
        if at >= self.units.len() {
            return;
        }
        let gone = self.units.remove(at);
        if gone.ends
            && let Some(before) = at.checked_sub(1).and_then(|i| self.units.get_mut(i))
        {
            before.ends = true;
        }
    }

    /// Leaves the request in one sentence: of several the first keeps it, and when there is none the sentence of `from`
    /// that holds it comes in at its place. `None` when `from` holds none either.
    pub(super) fn settled(mut self, from: &Prose) -> Option<Prose> {
        let Some(first) = self.units.iter().position(Unit::holds) else {
            let at = from.units.iter().position(Unit::holds)?;
            let unit = from.units.get(at)?.clone();
            self.units.insert(at.min(self.units.len()), unit);
            return Some(self);
        };
        for at in (first + 1..self.units.len()).rev() {
            if self.units.get(at).is_some_and(Unit::holds) {
                self.remove(at);
            }
        }
        Some(self)
    }
}

impl std::fmt::Display for Prose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut before: Option<char> = None;
        for unit in &self.units {
            // A sentence that came from the end of another line has no space after it.
            let seam = before.is_some_and(|c| c.is_ascii() && !c.is_whitespace())
                && unit.text.chars().next().is_some_and(|c| c.is_ascii() && !c.is_whitespace());
            if seam {
                f.write_str(" ")?;
            }
            f.write_str(&unit.text)?;
            before = unit.text.chars().last().or(before);
            if unit.ends {
                f.write_str("\n")?;
                before = None;
            }
        }
        Ok(())
    }
}

/// The sentences of a line, with their spaces; one empty sentence for an empty line.
fn sentences(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut now = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        now.push(c);
        if !is_end(c) {
            continue;
        }
        while let Some(&next) = chars.peek()
            && (is_end(next) || matches!(next, '”' | '’' | '」' | '』' | '）' | '】' | '》' | ')' | ']'))
        {
            now.push(next);
            chars.next();
        }
        let space = chars.peek().is_some_and(|c| c.is_whitespace());
        // "3.5", "e.g.x": a full stop in a word ends nothing.
        if !space && now.chars().last().is_some_and(|c| c.is_ascii()) {
            continue;
        }
        while let Some(&next) = chars.peek()
            && next.is_whitespace()
        {
            now.push(next);
            chars.next();
        }
        out.push(std::mem::take(&mut now));
    }
    if !now.is_empty() || out.is_empty() {
        out.push(now);
    }
    out
}

fn is_end(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '；' | '…' | '.' | '!' | '?')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sentences_of_both_languages_are_told_apart() {
        let texts = |t: &str| Prose::parse(t).units.into_iter().map(|u| u.text).collect::<Vec<_>>();
        assert_eq!(texts("你好。他说：“走！”再见"), ["你好。", "他说：“走！”", "再见"]);
        assert_eq!(texts("Pay 3.5 now. Go! {payload}"), ["Pay 3.5 now. ", "Go! ", "{payload}"]);
        assert_eq!(texts("a\n\nb"), ["a", "", "b"]);
    }

    #[test]
    fn a_settled_text_holds_the_request_once() {
        let from = Prose::parse("One. Do {payload}. Three.");
        let twice = Prose::parse("Do {payload}. And {payload} again.\nEnd.");
        assert_eq!(twice.settled(&from).map(|p| p.to_string()).as_deref(), Some("Do {payload}. \nEnd."));
        let none = Prose::parse("Nothing here. At all.");
        assert_eq!(none.settled(&from).map(|p| p.to_string()).as_deref(), Some("Nothing here. Do {payload}. At all."));
        assert_eq!(Prose::parse("a").settled(&Prose::parse("b")), None);
    }

    proptest! {
        #[test]
        fn a_text_that_is_taken_apart_is_put_together_again(text in "([a-z.!? ]|[你好。！？，”]|\n|\\PC){0,80}") {
            let prose = Prose::parse(&text);
            prop_assert_eq!(prose.to_string(), text.clone());
            prop_assert_eq!(Prose::from_lines(prose.lines()).to_string(), text);
        }
    }
}
