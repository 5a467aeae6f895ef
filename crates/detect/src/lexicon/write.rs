//! Words → a keyword file as packs hold it.

use menshen_verdict::Risk;

use super::Colour;

/// What the head of a keyword file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The list's id, dotted lower-case ASCII; see [`Head::is_id`].
    pub id: String,
    /// What people call it; empty to leave out.
    pub title: String,
    /// What its words do.
    pub colour: Colour,
    /// The risk that they speak for.
    pub risk: Option<Risk>,
    /// The score, 0 to 1; by itself that of the colour.
    pub score: Option<f32>,
    /// Match by sound, too.
    pub sound: bool,
    /// Where the words come from; empty to leave out.
    pub source: String,
}

impl Default for Head {
    fn default() -> Self {
        Head {
            id: "kw.list".to_owned(),
            title: String::new(),
            // Public lists hold ordinary words.
            colour: Colour::Grey,
            risk: None,
            score: None,
            sound: false,
            source: String::new(),
        }
    }
}

impl Head {
    /// Whether `id` can be a list's id: dotted lower-case ASCII such as `kw.my.list`.
    pub fn is_id(id: &str) -> bool {
        crate::marks::is_dotted(id)
    }
}

/// The file's text. Words are one line each; they hold neither line ends nor tabs (imported ones never do).
pub fn write(head: &Head, words: &[&str]) -> String {
    let mut out = String::new();
    let mut line = |key: &str, value: &str| {
        let value: Vec<&str> = value.split_whitespace().collect();
        out.push_str(&format!("# {key}: {}\n", value.join(" ")));
    };
    line("id", &head.id);
    if !head.title.is_empty() {
        line("title", &head.title);
    }
    line("colour", head.colour.id());
    if let Some(risk) = head.risk {
        line("risk", risk.id());
    }
    if head.colour == Colour::Grey {
        // A grey word says what a text is about, not that it is risky.
        line("level", "related");
    }
    if let Some(score) = head.score {
        line("score", &score.to_string());
    }
    if head.sound {
        line("sound", "true");
    }
    if !head.source.is_empty() {
        line("source", &head.source);
    }
    for word in words {
        if word.starts_with('#') {
            out.push('\\');
        }
        out.push_str(word);
        out.push('\n');
    }
    out
}
