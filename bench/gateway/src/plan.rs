//! How to answer: written into the model's name, because that travels through any gateway untouched.
//!
//! `mock-MODE[;name=value]…`, for instance `mock-fixed;chunks=40;gap_ms=5` or `mock-cut;after=3`.

use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The last user text, or the last tool result.
    Echo,
    /// The same text every time, `--bytes` long.
    Fixed,
    /// A text handed in earlier through `POST /_script`.
    Script,
    /// A call of the first tool offered; once a tool has answered, its answer.
    Tools,
    /// An error of the upstream's own, with status `code`.
    Status,
    /// No answer at all; of a stream, `after` chunks and then nothing more.
    Hang,
    /// The connection closes in the middle of the body, after `after` chunks of a stream.
    Cut,
    /// A content-length larger than the body.
    LieLong,
    /// A content-length smaller than the body.
    LieShort,
    /// Server-sent events that break the format and the JSON in them, and never end properly.
    BrokenSse,
    /// Status 200 and a page of HTML.
    Html,
}

const MODES: [(&str, Mode); 11] = [
    ("echo", Mode::Echo),
    ("fixed", Mode::Fixed),
    ("script", Mode::Script),
    ("tools", Mode::Tools),
    ("status", Mode::Status),
    ("hang", Mode::Hang),
    ("cut", Mode::Cut),
    ("lie-long", Mode::LieLong),
    ("lie-short", Mode::LieShort),
    ("broken-sse", Mode::BrokenSse),
    ("html", Mode::Html),
];

#[derive(Clone, Debug)]
pub struct Plan {
    pub mode: Mode,
    /// Pieces a streamed text is cut into; 0 means pieces of three characters.
    pub chunks: usize,
    /// Pieces sent before the misbehavior of a stream.
    pub after: usize,
    /// Wait before the first byte.
    pub first: Duration,
    /// Wait before every further piece of a stream.
    pub gap: Duration,
    /// Status of [`Mode::Status`].
    pub code: u16,
}

impl Plan {
    pub fn parse(model: &str, chunks: usize) -> Result<Self, String> {
        let mut parts = model.split(';');
        let name = parts.next().unwrap_or_default();
        let mode = name
            .strip_prefix("mock-")
            .and_then(|m| MODES.iter().find(|(known, _)| *known == m || m.strip_prefix(known).is_some_and(is_suffix)))
            .map(|(_, mode)| *mode)
            .ok_or_else(|| format!("no such model: {name}"))?;
        let fixed = matches!(mode, Mode::Fixed | Mode::Cut | Mode::Hang | Mode::LieLong | Mode::LieShort);
        let mut plan = Self {
            mode,
            chunks: if fixed { chunks } else { 0 },
            after: 2,
            first: Duration::ZERO,
            gap: Duration::ZERO,
            code: 500,
        };
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| format!("{part:?} is not name=value"))?;
            let number: u64 = value.parse().map_err(|_| format!("{part:?} is not a number"))?;
            let wait = Duration::from_millis(number.min(60_000));
            match key {
                "chunks" => plan.chunks = number.min(100_000) as usize,
                "after" => plan.after = number.min(100_000) as usize,
                "first_ms" => plan.first = wait,
                "gap_ms" => plan.gap = wait,
                "code" if (400..600).contains(&number) => plan.code = number as u16,
                _ => return Err(format!("unknown setting {part:?}")),
            }
        }
        Ok(plan)
    }
}

/// `mock-script.greeting` is script `greeting`'s model: a dot separates the mode from a name.
fn is_suffix(rest: &str) -> bool {
    rest.starts_with('.')
}

/// Cuts at character boundaries into `chunks` pieces of about the same length, or of three characters each.
pub fn pieces(text: &str, chunks: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let size = if chunks == 0 { 3 } else { chars.len().div_ceil(chunks).max(1) };
    chars.chunks(size).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_has_a_name() {
        for (name, mode) in MODES {
            assert_eq!(Plan::parse(&format!("mock-{name}"), 10).unwrap().mode, mode);
        }
        assert_eq!(Plan::parse("mock-script.greeting;chunks=2", 10).unwrap().mode, Mode::Script);
    }

    #[test]
    fn nonsense_is_named() {
        for bad in ["gpt-4", "mock-", "mock-nope", "mock-echo;x", "mock-echo;gap_ms=a", "mock-status;code=200"] {
            assert!(Plan::parse(bad, 10).is_err(), "{bad}");
        }
    }

    #[test]
    fn pieces_join_to_the_text() {
        for chunks in [0, 1, 2, 7, 1000] {
            assert_eq!(pieces("春天的茶山 and more", chunks).concat(), "春天的茶山 and more");
        }
        assert!(pieces("", 5).is_empty());
        assert_eq!(pieces("abcdef", 3), ["ab", "cd", "ef"]);
    }
}
