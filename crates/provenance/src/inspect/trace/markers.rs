//! What to look for: the marks of generators, as data (`data/traces.toml`, whose head says what its members mean).

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde::Deserialize;

use crate::Error;
use crate::explicit::text;

const SHIPPED: &str = include_str!("../../../data/traces.toml");
/// Most markers, and most values of one.
const MOST: usize = 10_000;
/// The containers and namespaces that fields are of.
const SPACES: [&str; 25] = [
    "png",
    "exif",
    "iptc",
    "jpeg",
    "gif",
    "id3",
    "vorbis",
    "mp4",
    "riff",
    "matroska",
    "office",
    "pdf",
    "html",
    "epub",
    "ofd",
    "xmp",
    "xmpmm",
    "xmprights",
    "tiff",
    "stevt",
    "photoshop",
    "dc",
    "iptc4xmpext",
    "iptc4xmpcore",
    "plus",
];

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// It is the value.
    Exact,
    /// It begins with the value, and a word ends there.
    Prefix,
    /// The value stands in it as a whole word.
    Word,
    /// What follows its last `/`, `:` or `#` is the value.
    Term,
    /// Every value stands in it.
    All,
    /// A line of it is an explicit label (GB 45438-2025 clause 5.1).
    Label,
    /// It is there.
    Any,
}

/// What a marker shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The program.
    Software,
    /// The request or the settings.
    Prompt,
    /// A declared source type.
    Source,
    /// Words.
    Statement,
}

/// A mark.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// What is reported.
    pub name: String,
    /// The fields, in lower case.
    #[serde(rename = "where")]
    pub fields: Vec<String>,
    /// How they are compared.
    #[serde(rename = "match")]
    pub by: Match,
    /// With what, in lower case.
    #[serde(default)]
    pub values: Vec<String>,
    /// What it shows.
    pub kind: Kind,
    /// What it is.
    pub about: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    fields: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    group: Vec<Group>,
    #[serde(default)]
    marker: Vec<Marker>,
}

/// A list of marks.
#[derive(Debug, Clone, Default)]
pub struct Markers {
    list: Vec<Marker>,
    /// The marks of a field.
    by_field: HashMap<String, Vec<usize>>,
}

impl Markers {
    /// The list that comes with the crate.
    #[must_use]
    pub fn shipped() -> &'static Markers {
        // That it can be read is proved by the tests of this module.
        static LIST: LazyLock<Markers> = LazyLock::new(|| Markers::parse(SHIPPED).unwrap_or_default());
        &LIST
    }

    /// Reads a list in the form of `data/traces.toml`.
    ///
    /// # Errors
    /// When it is no TOML of this form, names a group or a container that is not known, or holds a mark that would hit
    /// everything or nothing.
    pub fn parse(toml: &str) -> Result<Markers, Error> {
        let document: Document = toml::from_str(toml).map_err(|error| Error::Markers(error.to_string()))?;
        let wrong = |problem: String| Err(Error::Markers(problem));
        let mut groups: HashMap<String, Vec<String>> = HashMap::new();
        for group in document.group {
            if group.name.contains(':') || group.fields.is_empty() {
                return wrong(format!("the group {:?} has a colon in its name, or no fields", group.name));
            }
            let fields = group.fields.iter().map(|name| field(name)).collect::<Result<_, _>>()?;
            if groups.insert(group.name.clone(), fields).is_some() {
                return wrong(format!("the group {:?} stands there twice", group.name));
            }
        }
        if document.marker.len() > MOST {
            return wrong(format!("it has more than {MOST} marks"));
        }
        let mut markers = Markers::default();
        for mut marker in document.marker {
            let name = marker.name.clone();
            if name.trim().is_empty() || marker.about.trim().is_empty() {
                return wrong(format!("the mark {name:?} lacks a name, or what it is about"));
            }
            let mut fields: HashSet<String> = HashSet::new();
            for place in &marker.fields {
                match groups.get(place) {
                    Some(group) => fields.extend(group.iter().cloned()),
                    None if !place.contains(':') => return wrong(format!("{name:?}: there is no group {place:?}")),
                    None => drop(fields.insert(field(place)?)),
                }
            }
            let bare = matches!(marker.by, Match::Any | Match::Label);
            if fields.is_empty() || bare != marker.values.is_empty() || marker.values.len() > MOST {
                return wrong(format!("{name:?} needs fields, and values unless it matches by any or label"));
            }
            if let Some(value) = marker.values.iter().find(|value| value.trim().chars().count() < 2) {
                return wrong(format!("{name:?}: the value {value:?} would hit almost anything"));
            }
            marker.values.iter_mut().for_each(|value| *value = value.to_lowercase());
            marker.fields = fields.into_iter().collect();
            marker.fields.sort_unstable();
            for field in &marker.fields {
                markers.by_field.entry(field.clone()).or_default().push(markers.list.len());
            }
            markers.list.push(marker);
        }
        Ok(markers)
    }

    /// All marks.
    #[must_use]
    pub fn list(&self) -> &[Marker] {
        &self.list
    }

    /// The marks that a field with this value bears. `own` are wordings of explicit labels of the caller.
    pub(super) fn of(&self, field: &str, value: &str, own: &[&str]) -> impl Iterator<Item = &Marker> {
        let indices = self.by_field.get(&field.to_lowercase());
        let value = value.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        let low = if indices.is_some() { value.to_lowercase() } else { String::new() };
        let hit = move |marker: &&Marker| !value.is_empty() && marker.hits(value, &low, own);
        indices
            .into_iter()
            .flatten()
            .filter_map(|index| self.list.get(*index))
            .filter(hit)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

impl Marker {
    fn hits(&self, value: &str, low: &str, own: &[&str]) -> bool {
        let begins = |rest: &str, wanted: &str| {
            rest.strip_prefix(wanted).is_some_and(|behind| ends_word(wanted, behind.chars().next()))
        };
        let any = |compare: &dyn Fn(&str) -> bool| self.values.iter().any(|wanted| compare(wanted));
        match self.by {
            Match::Exact => any(&|wanted| low == wanted),
            Match::Prefix => any(&|wanted| begins(low, wanted)),
            Match::Word => any(&|wanted| {
                low.match_indices(wanted).any(|(at, _)| {
                    let before = low.get(..at).and_then(|head| head.chars().next_back());
                    let starts = !before.is_some_and(|c| c.is_ascii_alphanumeric())
                        || !wanted.starts_with(|c: char| c.is_ascii_alphanumeric());
                    starts && begins(low.get(at..).unwrap_or_default(), wanted)
                })
            }),
            Match::Term => {
                let term = low.rsplit(['/', ':', '#']).next().unwrap_or_default();
                any(&|wanted| term == wanted)
            }
            Match::All => self.values.iter().all(|wanted| low.contains(wanted)),
            Match::Label => value.len() <= 2_000 && !text::find(value, own).is_empty(),
            Match::Any => true,
        }
    }
}

/// Whether a word that ends like this ends before that character: letters of the Latin script and digits go on.
fn ends_word(word: &str, next: Option<char>) -> bool {
    let latin = |c: char| c.is_ascii_alphanumeric();
    !(word.ends_with(latin) && next.is_some_and(latin))
}

/// A field's name, checked.
fn field(name: &str) -> Result<String, Error> {
    let low = name.to_lowercase();
    let known = low.split_once(':').is_some_and(|(space, rest)| SPACES.contains(&space) && !rest.trim().is_empty());
    if known {
        Ok(low)
    } else {
        Err(Error::Markers(format!("{name:?} is no field: write container:name, with one of {}", SPACES.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hit(field: &str, value: &str) -> bool {
        Markers::shipped().of(field, value, &[]).next().is_some()
    }

    #[test]
    fn the_shipped_list_is_sound() {
        let markers = Markers::parse(SHIPPED).unwrap();
        assert!(markers.list().len() > 15, "{}", markers.list().len());
        assert_eq!(markers.list().len(), Markers::shipped().list().len());
    }

    #[test]
    fn programs_are_told_from_their_likes() {
        for (field, value) in [
            ("exif:Software", "Adobe Firefly"),
            ("EXIF:software", "adobe firefly 2.0"),
            ("png:Software", "NovelAI"),
            ("mp4:©too", "KlingAI 1.6"),
            ("xmp:CreatorTool", "即梦AI"),
            ("exif:UserComment", "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"),
            ("Iptc4xmpExt:DigitalSourceType", "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"),
            ("Iptc4xmpExt:AISystemUsed", "x"),
            ("pdf:Subject", "本文由AI生成"),
            ("office:creator", "ChatGPT"),
        ] {
            assert!(hit(field, value), "{field} {value}");
        }
        for (field, value) in [
            ("exif:Software", "Adobe Photoshop 25.1 (Windows)"),
            ("xmp:CreatorTool", "Adobe Photoshop 25.1 (Windows)"),
            ("exif:Software", "OpenAIR Studio"),
            ("exif:Software", "GIMP 2.10"),
            ("exif:Make", "NIKON CORPORATION"),
            ("exif:Model", "Canon EOS R5"),
            ("mp4:©too", "Lavf60.16.100"),
            ("office:creator", "Claude Monet"),
            ("office:creator", "Kimi Räikkönen"),
            ("office:Application", "Microsoft Office Word"),
            ("pdf:Producer", "Skia/PDF m120"),
            ("html:generator", "WordPress 6.4"),
            ("Iptc4xmpExt:DigitalSourceType", "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"),
            ("exif:UserComment", "Steps: climb the stairs"),
            ("dc:description", "人工智能生成内容的监管研究"),
            ("png:parameters", ""),
            ("unknown:field", "NovelAI"),
        ] {
            assert!(!hit(field, value), "{field} {value}");
        }
    }

    #[test]
    fn own_lists_and_wordings_are_read_and_wrong_ones_refused() {
        let list = |body: &str| {
            Markers::parse(&format!("[[marker]]\nname = \"n\"\nkind = \"software\"\nabout = \"a\"\n{body}"))
        };
        let markers = list("where = [\"png:x\"]\nmatch = \"word\"\nvalues = [\"our tool\"]").unwrap();
        assert!(markers.of("png:x", "by Our Tool 3", &[]).next().is_some());
        assert!(markers.of("png:x", "by four tools", &[]).next().is_none());
        let labels = list("where = [\"png:x\"]\nmatch = \"label\"").unwrap();
        assert!(labels.of("png:x", "机器所作", &["机器所作"]).next().is_some());
        assert!(labels.of("png:x", "机器所作", &[]).next().is_none());
        for wrong in [
            "where = [\"png:x\"]\nmatch = \"word\"",
            "where = [\"png:x\"]\nmatch = \"any\"\nvalues = [\"ab\"]",
            "where = [\"nowhere\"]\nmatch = \"any\"",
            "where = [\"zip:x\"]\nmatch = \"any\"",
            "where = [\"png:\"]\nmatch = \"any\"",
            "where = []\nmatch = \"any\"",
            "where = [\"png:x\"]\nmatch = \"like\"\nvalues = [\"ab\"]",
            "where = [\"png:x\"]\nmatch = \"prefix\"\nvalues = [\"a\"]",
            "where = [\"png:x\"]\nmatch = \"any\"\nmore = 1",
        ] {
            let error = list(wrong).unwrap_err();
            assert!(matches!(error, Error::Markers(_)), "{wrong}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_compared(value in "\\PC{0,60}", field in "(exif|png|dc|office|iptc):[A-Za-z:0-9]{1,12}", list in "\\PC{0,60}") {
            let _ = Markers::shipped().of(&field, &value, &[&value]).count();
            let _ = Markers::shipped().of("exif:UserComment", &value, &[]).count();
            let _ = Markers::shipped().of("xmp:CreatorTool", &value, &[]).count();
            let _ = Markers::parse(&list);
        }
    }
}
