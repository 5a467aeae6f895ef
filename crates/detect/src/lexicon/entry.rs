//! The words of loaded lists, each with its place.

use menshen_text::Folder;
use menshen_verdict::Risk;

use super::Colour;
use crate::keyword_file;
use crate::source::{Diagnostic, Source, SourceKind};

impl Colour {
    /// The id in keyword files.
    pub const fn id(self) -> &'static str {
        match self {
            Colour::Black => "black",
            Colour::Grey => "grey",
            Colour::White => "white",
        }
    }
}

impl std::str::FromStr for Colour {
    type Err = &'static str;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        match id {
            "black" => Ok(Colour::Black),
            "grey" | "gray" => Ok(Colour::Grey),
            "white" => Ok(Colour::White),
            _ => Err("use black, grey or white"),
        }
    }
}

/// One word of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// As it is written.
    pub word: String,
    /// As it is matched.
    pub folded: String,
    /// The id of its list.
    pub list: String,
    /// What it does.
    pub colour: Colour,
    /// The risk that it speaks for.
    pub risk: Option<Risk>,
    /// Its pack.
    pub pack: String,
    /// Its file.
    pub path: String,
    /// Its line there, from 1.
    pub line: usize,
}

/// The words of all keyword lists among the sources, as the engine reads them; words that fold to nothing are none.
pub fn entries(sources: &[Source]) -> (Vec<Entry>, Vec<Diagnostic>) {
    let mut out = Vec::new();
    let (entries, _) = with_profiles(sources, &mut out);
    (entries.into_iter().map(|(e, _)| e).collect(), out)
}

/// Entries, each with the index of its profile among all profiles.
pub(super) fn with_profiles(
    sources: &[Source],
    out: &mut Vec<Diagnostic>,
) -> (Vec<(Entry, usize)>, Vec<keyword_file::Profile>) {
    let folder = Folder::shared();
    let mut entries = Vec::new();
    let mut profiles = Vec::new();
    for source in sources.iter().filter(|s| s.kind == SourceKind::Keywords) {
        let list = keyword_file::read(source, out);
        let base = profiles.len();
        // Words come in the order of the file, so that lines are counted once.
        let (mut line, mut counted) = (1, 0);
        for (word, index, at) in &list.words {
            let between = source.body.get(counted..*at).unwrap_or_default();
            line += between.matches('\n').count();
            counted = *at;
            let Some(profile) = list.profiles.get(*index) else { continue };
            let folded = folder.fold_word(word).trim().to_owned();
            if folded.is_empty() {
                continue;
            }
            let entry = Entry {
                word: (*word).to_owned(),
                folded,
                list: profile.detector.clone(),
                colour: profile.colour,
                risk: profile.marks.risk,
                pack: source.pack.clone(),
                path: source.path.clone(),
                line,
            };
            entries.push((entry, base + index));
        }
        profiles.extend(list.profiles);
    }
    (entries, profiles)
}
