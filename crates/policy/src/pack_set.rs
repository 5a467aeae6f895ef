//! The packs that are in force: loaded, cross-checked, immutable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use crate::answers::{Answer, Index, Lexicon};
use crate::constitution::Principle;
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::document::{Fields, File};
use crate::edits::{Edits, PackText};
use crate::files::{Origin, PackFiles};
use crate::pack::{DetectSource, Manifest, Name, Pack, Pending, TopicName, labels, read_manifest, read_topics};
use crate::policy::Policy;
use crate::reply::{DECLINE_DEFAULT, Reply};
use crate::rule::Rule;
use crate::scene::Scene;
use crate::settings::{Settings, Text};

/// The packs that are enabled when nobody says otherwise.
pub const DEFAULT_PACKS: &[&str] = &["base", "cn"];

/// The similarity from which a standard answer is given, unless a pack says otherwise.
const DEFAULT_THRESHOLD: f32 = 0.80;

/// Detectors that the engine brings along without a pack file.
const ENGINE_DETECTORS: &[&str] =
    &["leak.", "judge.", "remote.", "external.", "text.", "obfuscation.", "decode.", "attack.", "grounding."];

/// The packs that are in force.
#[derive(Clone)]
pub struct PackSet(pub(crate) Arc<Loaded>);

pub(crate) struct Loaded {
    pub(crate) packs: Vec<Pack>,
    /// One per id, the latest pack's; in order of ids.
    pub(crate) principles: Vec<Principle>,
    /// One per id, the latest pack's.
    pub(crate) replies: BTreeMap<String, Reply>,
    pub(crate) labels: BTreeMap<String, Text>,
    /// In order of ids.
    pub(crate) topics: Vec<TopicName>,
    index: OnceLock<Index>,
}

/// A pack's id, version and content hash, for the audit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PackVersion {
    /// The pack's id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// BLAKE3 over its files, in hexadecimal.
    pub hash: String,
}

impl PackSet {
    /// Loads packs and checks them against each other.
    ///
    /// `enabled` names packs in order; none means [`DEFAULT_PACKS`]. What a pack requires is loaded before it. A pack
    /// of a later origin replaces the pack of the same id of an earlier one as a whole. Of replies and principles
    /// with the same id the later pack's stands; rules and scenes add up, and priority decides.
    ///
    /// Whatever can be loaded is: each [`Severity::Error`] among the diagnostics means that the policy that was loaded
    /// is not the policy that was written, and the caller decides whether to run with it.
    pub fn load(origins: &[Origin], enabled: &[String]) -> (PackSet, Vec<Diagnostic>) {
        PackSet::load_edited(origins, enabled, &Edits::new())
    }

    /// The same with edits over the files of packs. An edited file is named `pack/path` in diagnostics.
    pub fn load_edited(origins: &[Origin], enabled: &[String], edits: &Edits) -> (PackSet, Vec<Diagnostic>) {
        let mut out = Vec::new();
        let mut topics = Vec::new();
        let mut found = find(origins, &mut topics, &mut out);
        edit(&mut found, edits, &mut out);
        let defaults: Vec<String> = DEFAULT_PACKS.iter().map(|p| (*p).to_owned()).collect();
        let enabled = if enabled.is_empty() { &defaults } else { enabled };
        let mut packs = Vec::new();
        for id in order(&found, enabled, &mut out) {
            if let Some((manifest, files)) = found.remove(&id) {
                packs.push(Pack::read(manifest, files, &mut out));
            }
        }
        for pack in &packs {
            topics.extend(pack.topics.iter().cloned());
        }
        resolve(&packs, &topics, &mut out);
        // Of a topic that is named twice the latest name stands, as with replies.
        let topics: BTreeMap<String, TopicName> = topics.into_iter().map(|t| (t.id.clone(), t)).collect();
        (PackSet(Arc::new(Loaded::new(packs, topics.into_values().collect()))), out)
    }

    /// The ids of all packs that the origins hold, in order.
    pub fn discover(origins: &[Origin]) -> Vec<String> {
        find(origins, &mut Vec::new(), &mut Vec::new()).into_keys().collect()
    }

    /// The texts of all files, pack by pack in the order of loading.
    pub fn texts(&self) -> impl Iterator<Item = &PackText> {
        self.0.packs.iter().flat_map(|p| &p.texts)
    }

    /// The keyword lists and pattern files, for the engine that detects.
    pub fn detect_sources(&self) -> Vec<DetectSource> {
        self.0.packs.iter().flat_map(|p| p.sources.iter().cloned()).collect()
    }

    /// What to do, for one application's settings.
    pub fn policy(&self, settings: &Settings) -> Policy {
        Policy::new(self.clone(), settings.clone())
    }

    /// What is wrong with settings, given these packs.
    pub fn check_settings(&self, settings: &Settings) -> Vec<Diagnostic> {
        let mut out = Vec::new();
        let mut warn = |message: String, remedy: String| {
            let mut d = Diagnostic::of_file("settings", message, remedy);
            d.severity = Severity::Warning;
            out.push(d);
        };
        let scenes: BTreeSet<&str> = self.scenes().map(|s| s.id.as_str()).collect();
        if let Some(scene) = &settings.scene
            && !scenes.contains(scene.as_str())
        {
            let known = scenes.iter().copied().collect::<Vec<_>>().join(", ");
            warn(format!("no pack has a scene {scene:?}"), format!("known scenes: {known}"));
        }
        for disabled in &settings.disabled_rules {
            let matched = match crate::Glob::new(disabled) {
                Ok(glob) => self.rules().any(|(pack, rule)| glob.matches(&format!("{pack}/{}", rule.id))),
                Err(_) => false,
            };
            if !matched {
                warn(format!("no rule matches {disabled:?} in disabled_rules"), "write `pack/rule`".to_owned());
            }
        }
        out
    }

    /// Manifests, in the order of loading.
    pub fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.0.packs.iter().map(|p| &p.manifest)
    }

    /// The general topics that the taxonomy and the packs name, in order of ids.
    pub fn topics(&self) -> &[TopicName] {
        &self.0.topics
    }

    /// What redaction's placeholders are called, in every language: `手机号`, `phone`.
    pub fn placeholder_names(&self) -> impl Iterator<Item = &str> {
        self.0.labels.values().flat_map(|text| [text.zh.as_deref(), text.en.as_deref()]).flatten()
    }

    /// Versions and content hashes, for the audit.
    pub fn versions(&self) -> Vec<PackVersion> {
        let version = |p: &Pack| PackVersion {
            id: p.manifest.id.clone(),
            version: p.manifest.version.clone(),
            hash: p.hash.clone(),
        };
        self.0.packs.iter().map(version).collect()
    }

    /// All rules with their packs' ids, those of scenes included.
    pub fn rules(&self) -> impl Iterator<Item = (&str, &Rule)> {
        self.0.packs.iter().flat_map(|p| {
            let of_scenes = p.scenes.iter().flat_map(|s| s.rules.iter());
            p.rules.iter().chain(of_scenes).map(|r| (p.manifest.id.as_str(), r.as_ref()))
        })
    }

    /// The principles in force, in order of ids.
    pub fn principles(&self) -> &[Principle] {
        &self.0.principles
    }

    /// The replies in force, in order of ids.
    pub fn replies(&self) -> impl Iterator<Item = &Reply> {
        self.0.replies.values()
    }

    /// All scenes.
    pub fn scenes(&self) -> impl Iterator<Item = &Scene> {
        self.0.packs.iter().flat_map(|p| &p.scenes)
    }

    /// All standard answers with their packs' ids, whatever their status.
    pub fn answers(&self) -> impl Iterator<Item = (&str, &Answer)> {
        self.0.packs.iter().flat_map(|p| p.answers.iter().map(|a| (p.manifest.id.as_str(), a)))
    }
}

impl Loaded {
    fn new(packs: Vec<Pack>, topics: Vec<TopicName>) -> Self {
        let mut principles = BTreeMap::new();
        let mut replies = BTreeMap::new();
        let mut labels = built_in_labels();
        for pack in &packs {
            principles.extend(pack.principles.iter().map(|p| (p.id.clone(), p.clone())));
            replies.extend(pack.replies.iter().map(|r| (r.id.clone(), r.clone())));
            labels.extend(pack.labels.clone());
        }
        Loaded {
            packs,
            principles: principles.into_values().collect(),
            replies,
            labels,
            topics,
            index: OnceLock::new(),
        }
    }

    /// The standard answers' index, built when first asked for.
    pub(crate) fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let mut lexicon = Lexicon::built_in();
            for pack in &self.packs {
                lexicon.absorb(&pack.lexicon);
            }
            let entries = self.packs.iter().flat_map(|p| {
                let threshold = p.threshold.unwrap_or(DEFAULT_THRESHOLD);
                p.answers.iter().map(move |a| (p.manifest.id.clone(), threshold, a.clone()))
            });
            Index::new(entries, lexicon)
        })
    }

    /// A reply by id (`id` for the latest pack's, `pack/id` for a certain pack's).
    pub(crate) fn reply(&self, id: &str) -> Option<&Reply> {
        match id.split_once('/') {
            Some((pack, id)) => self.packs.iter().find(|p| p.manifest.id == pack)?.replies.iter().find(|r| r.id == id),
            None => self.replies.get(id),
        }
    }
}

fn built_in_labels() -> BTreeMap<String, Text> {
    let file = File::new("data/labels.toml", include_str!("../data/labels.toml"));
    let parsed = file.parse();
    labels(&mut Fields::new(&file, parsed.get_ref(), 0))
}

type Found = BTreeMap<String, (Manifest, PackFiles)>;

fn find(origins: &[Origin], topics: &mut Vec<TopicName>, out: &mut Vec<Diagnostic>) -> Found {
    let mut found = Found::new();
    for origin in origins {
        let gathered = origin.gather(out);
        for file in &gathered.taxonomy {
            if file.relative.ends_with("topics.toml") {
                topics.extend(read_topics(file, out));
            }
        }
        let mut of_origin: BTreeMap<String, String> = BTreeMap::new();
        for files in gathered.packs {
            let Some(manifest) = read_manifest(&files, out) else { continue };
            if let Some(first) = of_origin.get(&manifest.id) {
                let message = format!("duplicate pack id {:?}", manifest.id);
                out.push(Diagnostic::of_file(files.shown, message, format!("the first one is {first}")));
                continue;
            }
            of_origin.insert(manifest.id.clone(), files.shown.clone());
            found.insert(manifest.id.clone(), (manifest, files));
        }
    }
    found
}

/// Applies edits to the packs that were found. A pack without a usable manifest is not there.
fn edit(found: &mut Found, edits: &Edits, out: &mut Vec<Diagnostic>) {
    for pack in edits.packs() {
        let (manifest, mut files) = match found.remove(pack) {
            Some((manifest, files)) => (Some(manifest), files),
            None => (None, PackFiles { shown: pack.to_owned(), files: Vec::new() }),
        };
        let changed = edits.apply(pack, &mut files, out);
        let manifest = if changed { read_manifest(&files, out) } else { manifest };
        let shown = format!("{pack}/pack.toml");
        match manifest {
            Some(manifest) if manifest.id == pack => drop(found.insert(pack.to_owned(), (manifest, files))),
            Some(manifest) => {
                let message = format!("the pack calls itself {:?}", manifest.id);
                out.push(Diagnostic::of_file(shown, message, format!("write `id = \"{pack}\"`")));
            }
            None if files.files.iter().any(|f| f.relative == "pack.toml") => {}
            None => {
                let message = "the pack has no pack.toml: it is not loaded";
                out.push(Diagnostic::of_file(shown, message, "write pack.toml with `id` and `version`"));
            }
        }
    }
}

/// The enabled packs, each after what it requires.
fn order(found: &Found, enabled: &[String], out: &mut Vec<Diagnostic>) -> Vec<String> {
    fn visit(
        id: &str,
        from: &str,
        found: &Found,
        open: &mut Vec<String>,
        order: &mut Vec<String>,
        out: &mut Vec<Diagnostic>,
    ) {
        if order.iter().any(|o| o == id) {
            return;
        }
        let Some((manifest, files)) = found.get(id) else {
            let known: Vec<&str> = found.keys().map(String::as_str).collect();
            let remedy = match nearest(id, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known packs: {}", known.join(", ")),
            };
            out.push(Diagnostic::of_file(from, format!("unknown pack {id:?}"), remedy));
            return;
        };
        let shown = format!("{}/pack.toml", files.shown);
        if open.iter().any(|o| o == id) {
            let message = format!("packs require each other: {} → {id}", open.join(" → "));
            out.push(Diagnostic::of_file(shown, message, "break the circle"));
            return;
        }
        open.push(id.to_owned());
        for required in &manifest.requires {
            visit(required, &shown, found, open, order, out);
        }
        open.pop();
        order.push(id.to_owned());
    }
    let mut ordered = Vec::new();
    for id in enabled {
        visit(id, "enabled packs", found, &mut Vec::new(), &mut ordered, out);
    }
    ordered
}

/// What a pack may refer to: itself and what it requires, directly or not.
fn reach<'p>(packs: &'p [Pack], pack: &'p Pack) -> Vec<&'p Pack> {
    let mut reached = vec![pack];
    let mut at = 0;
    while let Some(current) = reached.get(at) {
        for required in &current.manifest.requires {
            if let Some(next) = packs.iter().find(|p| p.manifest.id == *required)
                && !reached.iter().any(|r| r.manifest.id == next.manifest.id)
            {
                reached.push(next);
            }
        }
        at += 1;
    }
    reached
}

fn resolve(packs: &[Pack], topics: &[TopicName], out: &mut Vec<Diagnostic>) {
    let detectors: Vec<&str> = packs.iter().flat_map(|p| p.detectors.iter().map(String::as_str)).collect();
    let scenes: Vec<&str> = packs.iter().flat_map(|p| p.scenes.iter().map(|s| s.id.as_str())).collect();
    for pack in packs {
        let reached = reach(packs, pack);
        for pending in &pack.pending {
            let complaint = match &pending.name {
                Name::Reply(id) => reply_missing(packs, &reached, id).map(|r| (Severity::Error, r)),
                Name::Principles(glob) => principle_missing(&reached, glob).map(|r| (Severity::Error, r)),
                Name::Answer(id) => answer_missing(packs, pack, id).map(|r| (Severity::Error, r)),
                Name::Rule(id) => rule_missing(packs, id),
                Name::Pack(id) => packs
                    .iter()
                    .all(|p| p.manifest.id != *id)
                    .then(|| (Severity::Error, (format!("unknown pack {id:?}"), "enable it or remove it".to_owned()))),
                Name::Topic(glob) => missing(topics, glob, "topic").map(|r| (Severity::Warning, r)),
                Name::Scene(glob) => missing(&scenes, glob, "scene").map(|r| (Severity::Warning, r)),
                Name::Detector(glob) if ENGINE_DETECTORS.iter().any(|d| glob.as_str().starts_with(d)) => None,
                Name::Detector(glob) => missing(&detectors, glob, "detector").map(|r| (Severity::Warning, r)),
            };
            if let Some((severity, (message, remedy))) = complaint {
                out.push(complain(pending, severity, message, remedy));
            }
        }
        check_overrides(packs, pack, out);
    }
    if !packs.is_empty() && packs.iter().all(|p| p.replies.iter().all(|r| r.id != DECLINE_DEFAULT)) {
        let mut d = Diagnostic::of_file(
            "enabled packs",
            format!("no pack has a reply {DECLINE_DEFAULT:?}"),
            "declined requests get the gateway's bare notice",
        );
        d.severity = Severity::Warning;
        out.push(d);
    }
}

fn complain(pending: &Pending, severity: Severity, message: String, remedy: String) -> Diagnostic {
    let place = &pending.place;
    Diagnostic { severity, path: place.path.clone(), line: place.line, column: place.column, message, remedy }
}

type Complaint = (String, String);

fn suggestion<'a>(given: &str, known: impl Iterator<Item = &'a str>, otherwise: &str) -> String {
    nearest(given, known).map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{near}`?"))
}

fn reply_missing(packs: &[Pack], reached: &[&Pack], id: &str) -> Option<Complaint> {
    let found = match id.split_once('/') {
        Some((pack, id)) => packs.iter().any(|p| p.manifest.id == pack && p.replies.iter().any(|r| r.id == id)),
        None => reached.iter().any(|p| p.replies.iter().any(|r| r.id == id)),
    };
    let known = reached.iter().flat_map(|p| p.replies.iter().map(|r| r.id.as_str()));
    (!found).then(|| (format!("unknown reply {id:?}"), suggestion(id, known, "write it in replies/")))
}

fn principle_missing(reached: &[&Pack], glob: &crate::Glob) -> Option<Complaint> {
    let ids = || reached.iter().flat_map(|p| p.principles.iter().map(|r| r.id.as_str()));
    (!ids().any(|id| glob.matches(id))).then(|| {
        let remedy = suggestion(glob.as_str(), ids(), "write it in principles/");
        (format!("no principle matches {:?}", glob.as_str()), remedy)
    })
}

fn answer_missing(packs: &[Pack], own: &Pack, id: &str) -> Option<Complaint> {
    let (pack, answer) = id.split_once('/').unwrap_or((&own.manifest.id, id));
    let pack = packs.iter().find(|p| p.manifest.id == pack);
    let found = pack.is_some_and(|p| p.answers.iter().any(|a| a.id == answer));
    (!found).then(|| {
        let known = pack.into_iter().flat_map(|p| p.answers.iter().map(|a| a.id.as_str()));
        (format!("unknown standard answer {id:?}"), suggestion(answer, known, "write it in answers/"))
    })
}

fn rule_missing(packs: &[Pack], id: &str) -> Option<(Severity, Complaint)> {
    let (pack, rule) = id.split_once('/')?;
    let Some(pack) = packs.iter().find(|p| p.manifest.id == pack) else {
        let complaint = (format!("the pack of rule {id:?} is not enabled"), "the change has no effect".to_owned());
        return Some((Severity::Warning, complaint));
    };
    let known = || pack.rules.iter().map(|r| r.id.as_str());
    (!known().any(|r| r == rule)).then(|| {
        (Severity::Error, (format!("unknown rule {id:?}"), suggestion(rule, known(), "name a rule as `pack/rule`")))
    })
}

fn missing(known: &[impl AsRef<str>], glob: &crate::Glob, what: &str) -> Option<Complaint> {
    if known.is_empty() || known.iter().any(|k| glob.matches(k.as_ref())) {
        return None;
    }
    let remedy = suggestion(glob.as_str(), known.iter().map(AsRef::as_ref), "check the spelling");
    Some((format!("no {what} matches {:?}", glob.as_str()), remedy))
}

/// A change of action must leave the rule with what the action needs.
fn check_overrides(packs: &[Pack], pack: &Pack, out: &mut Vec<Diagnostic>) {
    use menshen_verdict::Action;
    for (scene, change) in pack.scenes.iter().flat_map(|s| s.overrides.iter().map(move |o| (s, o))) {
        let Some((owner, id)) = change.rule.split_once('/') else { continue };
        let owner = packs.iter().find(|p| p.manifest.id == owner);
        let Some(rule) = owner.and_then(|p| p.rules.iter().find(|r| r.id == id)) else { continue };
        let lacking = match change.then {
            Some(Action::Guide) if !rule.auto && rule.principles.is_empty() && change.principles.is_none() => {
                "principles"
            }
            Some(Action::Answer) if rule.answer.is_none() => "answer",
            Some(Action::Redact) if rule.redact.is_empty() => "redact",
            _ => continue,
        };
        let then = change.then.map_or("", Action::id);
        let message =
            format!("scene {:?} turns {:?} into `{then}`, but the rule has no `{lacking}`", scene.id, change.rule);
        let place = &change.place;
        out.push(Diagnostic {
            severity: Severity::Error,
            path: place.path.clone(),
            line: place.line,
            column: place.column,
            message,
            remedy: "write a rule of the scene instead".to_owned(),
        });
    }
}
