//! Edits over the files of packs: what people publish without touching a folder.
//!
//! An edit names a file as `pack/path` (`cn/answers/law.toml`) and holds its whole new text, or takes the file away.
//! Edits are applied when packs are loaded, after the later origin's pack has replaced the earlier one's, so they hold
//! over built-in packs and over folders alike.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::files::{PackFile, PackFiles};

/// The longest name of a file, in bytes.
const LONGEST_NAME: usize = 200;
/// How many parts a name has at most, the pack's id included.
const MOST_PARTS: usize = 5;

/// The name of a pack's file: `pack/path`, with `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

/// Why a name is none, as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadName(&'static str);

impl FileName {
    /// Reads a name. It has no part that would lead out of its pack.
    ///
    /// # Errors
    /// [`BadName`] says what to write instead.
    pub fn parse(name: &str) -> Result<Self, BadName> {
        if name.len() > LONGEST_NAME {
            return Err(BadName("a file's name has at most 200 bytes"));
        }
        let parts: Vec<&str> = name.split('/').collect();
        let (Some(pack), Some(file), 2..=MOST_PARTS) = (parts.first(), parts.last(), parts.len()) else {
            return Err(BadName("name a file as pack/folder/file, such as cn/answers/law.toml"));
        };
        if pack.is_empty() || !pack.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
            return Err(BadName("the part before the first / is a pack's id: a–z, 0–9 and -"));
        }
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        if parts.iter().any(|p| p.is_empty() || p.starts_with('.') || !p.chars().all(plain)) {
            return Err(BadName("names of folders and files have letters, digits, `.`, `-`, `_`, and no dot in front"));
        }
        if !(file.ends_with(".toml") || file.ends_with(".txt")) {
            return Err(BadName("a pack's file ends in .toml or .txt"));
        }
        Ok(FileName(name.to_owned()))
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pack's id.
    pub fn pack(&self) -> &str {
        self.0.split_once('/').map_or("", |(pack, _)| pack)
    }

    /// The path within the pack.
    pub fn relative(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, rest)| rest)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Edits by file: a new text, or nothing where the file is taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    files: BTreeMap<FileName, Option<Arc<str>>>,
    /// Packs whose files are exactly the edits': nothing of any origin shows through.
    whole: Vec<String>,
}

impl Edits {
    /// No edits.
    pub fn new() -> Self {
        Edits::default()
    }

    /// Edits that are the whole of their packs: nothing that lies in a folder or in the binary shows through.
    pub fn whole(files: impl IntoIterator<Item = (FileName, Arc<str>)>) -> Self {
        let files: BTreeMap<_, _> = files.into_iter().map(|(name, text)| (name, Some(text))).collect();
        let mut whole: Vec<String> = files.keys().map(|f| f.pack().to_owned()).collect();
        whole.dedup();
        Edits { files, whole }
    }

    /// Sets a file's text; `None` takes it away.
    pub fn set(&mut self, name: FileName, text: Option<Arc<str>>) {
        self.files.insert(name, text);
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&FileName, Option<&Arc<str>>)> {
        self.files.iter().map(|(name, text)| (name, text.as_ref()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// These and then those of `later`, which go first where both name a file.
    #[must_use]
    pub fn then(&self, later: &Edits) -> Edits {
        let mut both = self.clone();
        both.files.extend(later.files.iter().map(|(name, text)| (name.clone(), text.clone())));
        both
    }

    /// The packs that are named.
    pub(crate) fn packs(&self) -> Vec<&str> {
        let mut packs: Vec<&str> = self.files.keys().map(FileName::pack).collect();
        packs.dedup();
        packs
    }

    /// Applies what names `pack` to its files. Gives back whether its manifest may have changed.
    pub(crate) fn apply(&self, pack: &str, files: &mut PackFiles, out: &mut Vec<Diagnostic>) -> bool {
        if self.whole.iter().any(|p| p == pack) {
            files.files.clear();
        }
        let mut manifest = files.files.is_empty();
        for (name, text) in self.files.iter().filter(|(name, _)| name.pack() == pack) {
            manifest |= name.relative() == "pack.toml";
            let had = files.files.len();
            files.files.retain(|f| f.relative != name.relative());
            match text {
                Some(text) => files.files.push(PackFile {
                    relative: name.relative().to_owned(),
                    shown: name.as_str().to_owned(),
                    body: text.strip_prefix('\u{FEFF}').unwrap_or(text).to_owned(),
                    edited: true,
                }),
                None if had == files.files.len() => {
                    let message = "the file that is to be removed is not there";
                    let mut d = Diagnostic::of_file(name.as_str(), message, "drop this edit");
                    d.severity = crate::diagnostic::Severity::Warning;
                    out.push(d);
                }
                None => {}
            }
        }
        files.files.sort_by(|a, b| a.relative.cmp(&b.relative));
        manifest
    }
}

/// The text of a pack's file as it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackText {
    /// `pack/path`.
    pub name: String,
    /// The path that diagnostics name.
    pub shown: String,
    /// The text.
    pub body: Arc<str>,
    /// Whether it is an edit's, and not a folder's or the binary's.
    pub edited: bool,
}

impl PackText {
    /// BLAKE3 of the text, in hexadecimal.
    pub fn hash(&self) -> String {
        text_hash(&self.body)
    }
}

/// BLAKE3 of a text, in hexadecimal.
pub fn text_hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Origin, PackSet, embedded};

    #[test]
    fn names_stay_within_their_pack() {
        for good in ["cn/pack.toml", "my-pack2/answers/法律.toml", "a/keywords/b.c_d-e.txt"] {
            assert_eq!(FileName::parse(good).unwrap().as_str(), good);
        }
        let bad = [
            "",
            "cn",
            "/etc/passwd",
            "cn/",
            "cn//a.toml",
            "../cn/a.toml",
            "cn/../a.toml",
            "cn/a",
            "cn/a.exe",
            "CN/a.toml",
            "cn/.hidden.toml",
            "cn/a b.toml",
            "cn\\a.toml",
            "cn/a\0.toml",
            "cn/a/b/c/d/e.toml",
            "cn/\u{202e}.toml",
        ];
        for bad in bad {
            assert!(FileName::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_none(text in "\\PC{0,40}", tail in "(/[a-z.]{0,6}){0,6}(.toml|.txt)?") {
            for text in [text.clone(), format!("{text}{tail}"), format!("cn{tail}")] {
                if let Ok(name) = FileName::parse(&text) {
                    prop_assert_eq!(format!("{}/{}", name.pack(), name.relative()), text);
                    prop_assert!(name.relative().split('/').all(|p| !p.is_empty() && !p.starts_with('.')));
                }
            }
        }
    }

    fn edits(of: &[(&str, Option<&str>)]) -> Edits {
        let mut edits = Edits::new();
        for (name, text) in of {
            edits.set(FileName::parse(name).unwrap(), text.map(Arc::from));
        }
        edits
    }

    fn load(edits: &Edits, enabled: &[&str]) -> (PackSet, Vec<String>) {
        let enabled: Vec<String> = enabled.iter().map(|p| (*p).to_owned()).collect();
        let (packs, diagnostics) = PackSet::load_edited(&[embedded()], &enabled, edits);
        (packs, diagnostics.iter().filter(|d| d.is_error()).map(ToString::to_string).collect())
    }

    #[test]
    fn an_edit_replaces_adds_and_removes_over_what_the_binary_carries() {
        let (plain, errors) = load(&Edits::new(), &[]);
        assert!(errors.is_empty() && plain.texts().all(|t| !t.edited));
        let answer = "[[answer]]\nid = \"x\"\nquestions = [\"一\", \"二\", \"三\"]\nanswer = \"答\"\n";
        let (edited, errors) =
            load(&edits(&[("cn/answers/new.toml", Some(answer)), ("cn/answers/ai.toml", None)]), &[]);
        assert!(errors.is_empty(), "{errors:?}");
        assert!(edited.answers().any(|(pack, a)| pack == "cn" && a.id == "x"));
        assert!(!edited.texts().any(|t| t.name == "cn/answers/ai.toml"));
        assert!(edited.texts().any(|t| t.name == "cn/answers/new.toml" && t.edited));
        let hash = |set: &PackSet| set.versions().into_iter().find(|v| v.id == "cn").unwrap().hash;
        assert_ne!(hash(&plain), hash(&edited));
    }

    #[test]
    fn a_mistake_in_an_edit_is_named_with_its_place() {
        let (_, errors) =
            load(&edits(&[("cn/answers/new.toml", Some("[[answer]]\nid = \"x\"\nquestions = 3\n"))]), &[]);
        assert!(errors.iter().any(|e| e.starts_with("cn/answers/new.toml:3:")), "{errors:?}");
        let (_, errors) = load(&edits(&[("cn/pack.toml", Some("id = \"dn\"\nversion = \"1\"\n"))]), &[]);
        assert!(errors.iter().any(|e| e.contains("cn/pack.toml")), "{errors:?}");
        let (_, errors) = load(&edits(&[("cn/pack.toml", None)]), &[]);
        assert!(errors.iter().any(|e| e.contains("pack.toml")), "{errors:?}");
    }

    #[test]
    fn a_pack_can_be_made_of_edits_alone_and_a_whole_one_hides_its_folder() {
        let new = edits(&[("mine/pack.toml", Some("id = \"mine\"\nversion = \"1\"\nrequires = [\"base\"]\n"))]);
        let (packs, errors) = load(&new, &["mine"]);
        assert!(errors.is_empty() && packs.manifests().any(|m| m.id == "mine"), "{errors:?}");

        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pack.toml"), "id = \"mine\"\nversion = \"2\"\nbroken = 1\n").unwrap();
        let origins = [embedded(), Origin::Folder(folder.path().to_owned())];
        let whole = Edits::whole(new.iter().filter_map(|(name, text)| Some((name.clone(), Arc::clone(text?)))));
        let (packs, _) = PackSet::load_edited(&origins, &["mine".to_owned()], &whole);
        assert!(packs.manifests().any(|m| m.id == "mine" && m.version == "1"));
    }
}
