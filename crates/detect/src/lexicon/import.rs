//! Lists of any layout → clean, distinct words, with an account of everything that was left out.

use std::collections::{BTreeMap, HashSet};

use super::clean::{Reason, clean};
use super::layout::{Column, Format, split};
use super::{Encoding, Error, encoding};

/// How lists are read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The layout.
    pub format: Format,
    /// Where in a row the word stands; by itself the first column, or the one that is called like a word.
    pub column: Option<Column>,
    /// The encoding.
    pub encoding: Encoding,
    /// Keep web and e-mail addresses.
    pub keep_links: bool,
}

/// A word that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As it is written to the list.
    pub text: String,
    /// As it is matched.
    pub folded: String,
    /// Which of the files it comes from, from 0.
    pub file: usize,
    /// Its line there, from 1; 0 where the layout has no lines.
    pub line: usize,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// Its name.
    pub name: String,
    /// The encoding that it was read in.
    pub encoding: &'static str,
    /// The layout that it was read as.
    pub layout: &'static str,
    /// How many entries it holds.
    pub read: usize,
    /// How many were taken.
    pub taken: usize,
    /// How many were not, by reason.
    pub dropped: BTreeMap<Reason, usize>,
}

/// What was imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The words, in the order of the files.
    pub words: Vec<Word>,
    /// What became of each file.
    pub files: Vec<FileReport>,
    /// For each reason, the first few entries that were dropped for it.
    pub samples: BTreeMap<Reason, Vec<String>>,
}

impl Imported {
    /// How many entries were dropped for each reason, over all files.
    pub fn dropped(&self) -> BTreeMap<Reason, usize> {
        let mut sums = BTreeMap::new();
        for (reason, count) in self.files.iter().flat_map(|f| &f.dropped) {
            *sums.entry(*reason).or_default() += count;
        }
        sums
    }
}

/// How many dropped entries are shown for each reason, and how much of each.
const SAMPLES: usize = 5;
const SAMPLE_CHARS: usize = 40;

/// Reads lists (name and bytes each) into distinct words.
///
/// # Errors
/// When one is not text, or not of the layout that was asked for.
pub fn import(files: &[(&str, &[u8])], options: &Options) -> Result<Imported, Error> {
    let mut imported = Imported::default();
    let mut known: HashSet<String> = HashSet::new();
    for (index, (name, bytes)) in files.iter().enumerate() {
        let (text, encoding) = encoding::decode(name, bytes, options.encoding)?;
        let (raw, layout) = split(name, &text, options.format, options.column.as_ref())?;
        let mut report = FileReport {
            name: (*name).to_owned(),
            encoding,
            layout,
            read: raw.len(),
            taken: 0,
            dropped: BTreeMap::new(),
        };
        for (line, entry) in raw {
            let taken = clean(&entry, options.keep_links).and_then(|(text, folded)| {
                let new = known.insert(folded.clone());
                if new { Ok(Word { text, folded, file: index, line }) } else { Err(Reason::Duplicate) }
            });
            match taken {
                Ok(word) => {
                    report.taken += 1;
                    imported.words.push(word);
                }
                Err(reason) => {
                    *report.dropped.entry(reason).or_default() += 1;
                    let samples = imported.samples.entry(reason).or_default();
                    if samples.len() < SAMPLES {
                        samples.push(entry.chars().take(SAMPLE_CHARS).collect());
                    }
                }
            }
        }
        imported.files.push(report);
    }
    Ok(imported)
}

#[cfg(test)]
mod tests {
    use super::super::{Colour, Head, write};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn duplicates_are_found_after_folding_and_over_files() {
        let files: [(&str, &[u8]); 2] = [("a", "壞詞\nＡＶ片\n".as_bytes()), ("b", "坏词\nav片\n新词\n7\n".as_bytes())];
        let imported = import(&files, &Options::default()).unwrap();
        let words: Vec<_> = imported.words.iter().map(|w| (w.text.as_str(), w.file, w.line)).collect();
        assert_eq!(words, [("壞詞", 0, 1), ("ＡＶ片", 0, 2), ("新词", 1, 3)]);
        assert_eq!(imported.dropped(), BTreeMap::from([(Reason::Duplicate, 2), (Reason::OneCharacter, 1)]));
        assert_eq!(imported.files[1].read, 4);
        assert_eq!(imported.samples[&Reason::Duplicate], ["坏词", "av片"]);
    }

    fn words_of(bytes: &[u8], format: Format) -> Option<Vec<String>> {
        let options = Options { format, ..Options::default() };
        let imported = import(&[("f", bytes)], &options).ok()?;
        Some(imported.words.into_iter().map(|w| w.text).collect())
    }

    /// Bytes that look like lists more often than chance would have it.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let pieces = "[词坏\\\\#\"“”,，、|;=\t \r\n*+.{}\\[\\]:a-zA-Z0-9/\u{200b}\u{feff}]{0,60}";
        prop_oneof![
            pieces.prop_map(String::into_bytes),
            any::<String>().prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..200),
            pieces.prop_map(|s| encoding_rs::GB18030.encode(&s).0.into_owned()),
        ]
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange_and_what_is_exported_comes_back(bytes in bytes()) {
            for format in [Format::Auto, Format::Lines, Format::Base64, Format::Csv, Format::Json] {
                let Some(words) = words_of(&bytes, format) else { continue };
                let list: Vec<&str> = words.iter().map(String::as_str).collect();
                let head = Head { id: "kw.x".into(), title: "题".into(), colour: Colour::Grey, ..Head::default() };
                let file = write(&head, &list);
                prop_assert_eq!(words_of(file.as_bytes(), Format::Auto).unwrap(), words.clone());
                // And the engine reads the same words.
                let source = crate::Source {
                    pack: "t".into(),
                    path: "t.txt".into(),
                    body: file,
                    kind: crate::SourceKind::Keywords,
                };
                let (entries, diagnostics) = super::super::entries(&[source]);
                prop_assert_eq!(entries.iter().map(|e| e.word.clone()).collect::<Vec<_>>(), words.clone());
                prop_assert!(words.is_empty() || diagnostics.is_empty(), "{:?}", diagnostics);
            }
        }
    }
}
