//! One pack: its manifest and everything in its folders, read and checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::answers::{self, Answer, Lexicon};
use crate::constitution::{self, Principle};
use crate::diagnostic::Diagnostic;
use crate::document::{Fields, File};
use crate::edits::PackText;
use crate::files::{PackFile, PackFiles};
use crate::glob::Glob;
use crate::reply::{self, Reply};
use crate::rule::{self, Place, Reference, Rule, is_id, text_table, two_languages};
use crate::scene::{self, Scene};
use crate::settings::Text;

/// What a pack says about itself in `pack.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The id, `[a-z0-9-]+`.
    pub id: String,
    /// The version, free text such as `2026.11.1`.
    pub version: String,
    /// What people call it.
    pub title: Text,
    /// The licence of its texts.
    pub licence: String,
    /// Packs that it builds on.
    pub requires: Vec<String>,
    /// Whether all of its rules are only watched.
    pub monitor: bool,
}

/// A keyword list or pattern file, for the engine that detects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectSource {
    /// The pack's id.
    pub pack: String,
    /// The file, for diagnostics.
    pub path: String,
    /// The text.
    pub body: String,
    /// A keyword list when true, a pattern file when false.
    pub keywords: bool,
}

/// A name to be resolved once all packs are read, and where it stands.
pub(crate) struct Pending {
    pub(crate) name: Name,
    pub(crate) place: Place,
}

pub(crate) enum Name {
    Reply(String),
    Principles(Glob),
    Answer(String),
    Topic(Glob),
    Detector(Glob),
    Scene(Glob),
    Rule(String),
    Pack(String),
}

/// A pack that was read.
#[derive(Default)]
pub(crate) struct Pack {
    pub(crate) manifest: Manifest,
    pub(crate) hash: String,
    pub(crate) rules: Vec<Arc<Rule>>,
    pub(crate) principles: Vec<Principle>,
    pub(crate) replies: Vec<Reply>,
    pub(crate) scenes: Vec<Scene>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) threshold: Option<f32>,
    pub(crate) lexicon: Lexicon,
    pub(crate) labels: BTreeMap<String, Text>,
    pub(crate) topics: Vec<TopicName>,
    pub(crate) detectors: Vec<String>,
    pub(crate) sources: Vec<DetectSource>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) texts: Vec<PackText>,
}

/// Reads `pack.toml`; `None` when the pack cannot be used.
pub(crate) fn read_manifest(files: &PackFiles, out: &mut Vec<Diagnostic>) -> Option<Manifest> {
    let source = files.files.iter().find(|f| f.relative == "pack.toml")?;
    let file = File::new(&source.shown, &source.body);
    let parsed = file.parse();
    let mut fields = Fields::new(&file, parsed.get_ref(), 0);
    let id = fields.required("id");
    if let Some(id) = &id
        && !(is_id(&id.value) && id.value.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')))
    {
        file.error(id.at, format!("{:?} is not a pack id", id.value), "use a–z, 0–9 and `-`");
    }
    let version = fields.required("version");
    let title = text_table(&mut fields, "title");
    let licence = fields.string("licence").or_else(|| fields.string("license"));
    let requires = fields.strings("requires").into_iter().map(|r| r.value).collect();
    let monitor = fields.boolean("monitor").unwrap_or(false);
    let _description = text_table(&mut fields, "description");
    fields.finish();
    let usable = file.errors() == 0;
    out.extend(file.into_diagnostics());
    let (id, version) = (id?, version?);
    usable.then(|| Manifest {
        id: id.value,
        version: version.value,
        title,
        licence: licence.map(|l| l.value).unwrap_or_default(),
        requires,
        monitor,
    })
}

/// A general topic and what people call it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TopicName {
    /// The stable id, such as `health.medicine`.
    pub id: String,
    /// The Chinese name; the id where the file has none.
    pub zh: String,
    /// The English name; the id where the file has none.
    pub en: String,
}

impl AsRef<str> for TopicName {
    fn as_ref(&self) -> &str {
        &self.id
    }
}

/// Topics of a taxonomy file (`[[topic]] id = …, zh = …, en = …`). Other keys are the taxonomy's own business.
pub(crate) fn read_topics(source: &PackFile, out: &mut Vec<Diagnostic>) -> Vec<TopicName> {
    let file = File::new(&source.shown, &source.body);
    let parsed = file.parse();
    let mut fields = Fields::new(&file, parsed.get_ref(), 0);
    let topic = |mut t: Fields<'_, '_>| {
        let id = t.required("id")?.value;
        let mut name = |key| t.string(key).map_or_else(|| id.clone(), |name| name.value);
        let (zh, en) = (name("zh"), name("en"));
        Some(TopicName { id, zh, en })
    };
    let topics = fields.tables("topic").into_iter().filter_map(topic).collect();
    out.extend(file.into_diagnostics());
    topics
}

impl Pack {
    /// Reads everything below the manifest.
    pub(crate) fn read(manifest: Manifest, files: PackFiles, out: &mut Vec<Diagnostic>) -> Pack {
        let mut pack = Pack { hash: hash(&files), manifest, ..Pack::default() };
        let mut seen = Seen::default();
        for source in files.files {
            pack.texts.push(PackText {
                name: format!("{}/{}", pack.manifest.id, source.relative),
                shown: source.shown.clone(),
                body: Arc::from(source.body.as_str()),
                edited: source.edited,
            });
            pack.read_file(source, &mut seen, out);
        }
        pack
    }

    fn read_file(&mut self, source: PackFile, seen: &mut Seen, out: &mut Vec<Diagnostic>) {
        let (folder, name) = source.relative.split_once('/').unwrap_or(("", source.relative.as_str()));
        let toml = name.ends_with(".toml");
        match (folder, toml) {
            ("", true) if name == "pack.toml" => {}
            ("", true) if name == "topics.toml" => self.topics.extend(read_topics(&source, out)),
            ("", true) if name == "labels.toml" => self.read_toml(&source, seen, out, Self::read_labels),
            ("rules", true) => self.read_toml(&source, seen, out, Self::read_rules),
            ("principles", true) => self.read_toml(&source, seen, out, Self::read_principles),
            ("replies", true) => self.read_toml(&source, seen, out, Self::read_replies),
            ("scenes", true) => self.read_toml(&source, seen, out, Self::read_scenes),
            ("answers", true) if name == "settings.toml" => {
                self.read_toml(&source, seen, out, Self::read_answer_settings);
            }
            ("answers", true) => self.read_toml(&source, seen, out, Self::read_answers),
            ("patterns", true) | ("keywords", false) => {
                let keywords = folder == "keywords";
                self.detectors.extend(detector_ids(&source.body, keywords));
                let pack = self.manifest.id.clone();
                self.sources.push(DetectSource { pack, path: source.shown, body: source.body, keywords });
            }
            // Banks and taxonomies belong to other rooms; notes belong to people.
            ("banks" | "assess" | "taxonomy", _) | ("", false) => {}
            _ => {
                let mut d = Diagnostic::of_file(
                    source.shown,
                    "nothing reads this file",
                    "use rules/, principles/, replies/, scenes/, answers/, patterns/ (.toml) or keywords/ (.txt)",
                );
                d.severity = crate::diagnostic::Severity::Warning;
                out.push(d);
            }
        }
    }

    fn read_toml(
        &mut self,
        source: &PackFile,
        seen: &mut Seen,
        out: &mut Vec<Diagnostic>,
        read: fn(&mut Self, &mut Fields<'_, '_>, &mut Seen),
    ) {
        let file = File::new(&source.shown, &source.body);
        let parsed = file.parse();
        let mut fields = Fields::new(&file, parsed.get_ref(), 0);
        read(self, &mut fields, seen);
        fields.finish();
        out.extend(file.into_diagnostics());
    }

    fn read_rules(&mut self, fields: &mut Fields<'_, '_>, seen: &mut Seen) {
        for entry in fields.tables("rule") {
            let (file, at) = (entry.file(), entry.at());
            if let Some((rule, references)) = rule::read(entry)
                && seen.is_new("rule", &rule.id, file, at)
            {
                self.pend(file, references);
                self.rules.push(Arc::new(rule));
            }
        }
    }

    fn read_principles(&mut self, fields: &mut Fields<'_, '_>, seen: &mut Seen) {
        for entry in fields.tables("principle") {
            let (file, at) = (entry.file(), entry.at());
            if let Some((principle, references)) = constitution::read(entry, &self.manifest.id)
                && seen.is_new("principle", &principle.id, file, at)
            {
                self.pend(file, references);
                self.principles.push(principle);
            }
        }
    }

    fn read_replies(&mut self, fields: &mut Fields<'_, '_>, seen: &mut Seen) {
        for entry in fields.tables("reply") {
            let (file, at) = (entry.file(), entry.at());
            if let Some(reply) = reply::read(entry, &self.manifest.id)
                && seen.is_new("reply", &reply.id, file, at)
            {
                self.replies.push(reply);
            }
        }
    }

    fn read_scenes(&mut self, fields: &mut Fields<'_, '_>, seen: &mut Seen) {
        for entry in fields.tables("scene") {
            let (file, at) = (entry.file(), entry.at());
            let Some(mut read) = scene::read(entry, &self.manifest.id) else { continue };
            if !seen.is_new("scene", &read.scene.id, file, at) {
                continue;
            }
            let mut places = read.rule_places.into_iter();
            read.scene.rules.retain(|r| seen.is_new("rule", &r.id, file, places.next().unwrap_or(at)));
            self.pend(file, read.references);
            for name in read.rule_references {
                self.pending.push(Pending { place: place(file, name.at), name: Name::Rule(name.value) });
            }
            for name in read.pack_references {
                self.pending.push(Pending { place: place(file, name.at), name: Name::Pack(name.value) });
            }
            self.scenes.push(read.scene);
        }
    }

    fn read_answers(&mut self, fields: &mut Fields<'_, '_>, seen: &mut Seen) {
        for entry in fields.tables("answer") {
            let file = entry.file();
            if let Some((answer, id)) = answers::read(entry)
                && seen.is_new("answer", &answer.id, file, id.at)
            {
                self.answers.push(answer);
            }
        }
    }

    fn read_answer_settings(&mut self, fields: &mut Fields<'_, '_>, _seen: &mut Seen) {
        self.threshold = fields.share("threshold");
        self.lexicon.read(fields);
    }

    fn read_labels(&mut self, fields: &mut Fields<'_, '_>, _seen: &mut Seen) {
        self.labels.extend(labels(fields));
    }

    fn pend(&mut self, file: &File<'_>, references: Vec<Reference>) {
        for reference in references {
            let (name, at) = match reference {
                Reference::Reply(r) => (Name::Reply(r.value), r.at),
                Reference::Principles(r) => (Name::Principles(r.value), r.at),
                Reference::Answer(r) => (Name::Answer(r.value), r.at),
                Reference::Topic(r) => (Name::Topic(r.value), r.at),
                Reference::Detector(r) => (Name::Detector(r.value), r.at),
                Reference::Scene(r) => (Name::Scene(r.value), r.at),
            };
            self.pending.push(Pending { name, place: place(file, at) });
        }
    }
}

/// `[label.mobile] zh = "手机号" en = "MOBILE"`: what placeholders call a finding's label.
pub(crate) fn labels(fields: &mut Fields<'_, '_>) -> BTreeMap<String, Text> {
    let mut labels = BTreeMap::new();
    for (name, mut entry) in fields.entries("label") {
        let text = two_languages(&mut entry);
        for name in [&text.zh, &text.en].into_iter().flatten() {
            if name.chars().count() > 24 || name.chars().any(|c| !(c.is_alphanumeric() || matches!(c, ' ' | '_' | '-')))
            {
                entry.file().error(
                    entry.at(),
                    format!("{name:?} cannot stand in a placeholder"),
                    "use at most 24 letters, digits, spaces, `_` and `-`",
                );
            }
        }
        entry.finish();
        labels.insert(name.value, text);
    }
    labels
}

fn place(file: &File<'_>, at: usize) -> Place {
    let (line, column) = file.place(at);
    Place { path: file.path().to_owned(), line, column }
}

/// The ids that a pattern or keyword file says it detects: enough to tell a reference from a misspelling. The engine
/// that detects is the one that validates these files.
fn detector_ids(body: &str, keywords: bool) -> Vec<String> {
    let mut ids = Vec::new();
    for line in body.lines() {
        if keywords {
            let Some(header) = line.strip_prefix('#') else { break };
            ids.extend(header.trim().strip_prefix("id:").map(|id| id.trim().to_owned()));
        } else if let Some(rest) = line.trim_start().strip_prefix("id")
            && let Some(value) = rest.trim_start().strip_prefix('=')
        {
            ids.extend(value.split(['"', '\'']).nth(1).map(str::to_owned));
        }
    }
    ids
}

/// A content id over all files: path, length, body.
fn hash(files: &PackFiles) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in &files.files {
        hasher.update(file.relative.as_bytes());
        hasher.update(&[0]);
        hasher.update(&u64::try_from(file.body.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(file.body.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Ids seen so far in a pack, with where they stand.
#[derive(Default)]
struct Seen(BTreeMap<(&'static str, String), String>);

impl Seen {
    /// Whether the id is new; a duplicate is reported.
    fn is_new(&mut self, kind: &'static str, id: &str, file: &File<'_>, at: usize) -> bool {
        let (line, _) = file.place(at);
        let here = format!("{}:{line}", file.path());
        match self.0.entry((kind, id.to_owned())) {
            std::collections::btree_map::Entry::Occupied(first) => {
                file.error(at, format!("duplicate {kind} id {id:?}"), format!("the first one is at {}", first.get()));
                false
            }
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(here);
                true
            }
        }
    }
}
