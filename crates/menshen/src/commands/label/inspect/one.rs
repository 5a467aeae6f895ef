//! One file: what is known of it, what it is taken for, and the label that is written.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use menshen_provenance::carrier::{Carrier, Found};
use menshen_provenance::inspect::{Decision, Evidence, Ground, Inspection, Trace, gather, inspect};
use menshen_provenance::label::{self, Aigc, Member, State, UNKNOWN};
use menshen_provenance::raster::Limits;
use menshen_provenance::watermark::image::Search;
use menshen_provenance::watermark::{Secret, picture};
use serde_json::{Value, json};

use super::super::file::{open, put};
use super::declared::Declarations;
use super::lines::{Line, modified};
use super::ocr;
use super::walk::Place;

/// The largest picture that is looked into for a watermark.
const LARGEST_PICTURE: u64 = 64 << 20;

/// What files are inspected with.
pub(super) struct Desk {
    /// The platform's code or name.
    pub platform: Option<String>,
    /// What its numbers begin with.
    pub prefix: String,
    pub declarations: Declarations,
    pub own: Vec<String>,
    pub ocr: ocr::Reader,
    pub secret: Option<Secret>,
    pub write: bool,
    pub out: Option<PathBuf>,
    /// The copies that were begun, as numbers: two files of one name must not become one copy.
    pub begun: Mutex<HashSet<u64>>,
}

/// What the look for a watermark came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Watermark {
    /// There is one.
    Found(String),
    /// There is none, or not enough is left of it.
    Absent,
    /// The marks of texts need no key and are among the traces.
    WithTraces,
    /// Marks of this format are not looked for.
    NotLookedFor,
}

/// The watermark of a file: the one place where readers of watermarks that need a key are plugged in.
pub(super) fn watermark_in(path: &Path, carrier: &Carrier, key: &Secret) -> Watermark {
    match carrier.kind {
        "text" => Watermark::WithTraces,
        "image" => {
            let marked = std::fs::metadata(path)
                .ok()
                .filter(|about| about.len() <= LARGEST_PICTURE)
                .and_then(|_| std::fs::read(path).ok())
                .and_then(|file| picture::read_file(&file, key, Search::Usual, &Limits::default()).ok());
            match marked {
                Some(Some(mark)) => Watermark::Found(format!("{:016x}", mark.payload)),
                Some(None) => Watermark::Absent,
                // Formats that are not decoded, and pictures that are too large or damaged.
                None => Watermark::NotLookedFor,
            }
        }
        _ => Watermark::NotLookedFor,
    }
}

/// What was learnt of a file.
#[derive(Default)]
struct Known {
    evidence: Evidence,
    found: Vec<Found>,
    ocr: Option<&'static str>,
    watermark: Option<&'static str>,
    problem: Option<String>,
}

impl Desk {
    /// Inspects a file, and writes its label where that is wanted.
    pub(super) fn inspect(&self, place: &Place) -> Line {
        let path = &place.path;
        let mut line = Line::of(path);
        let (declared, user) = self.declarations.of(path);
        line.set("declared", json!(declared));
        line.set("declared_by", json!(user));
        // What the user declares counts, whether the file can be read or not.
        let (carrier, known) = match open(path) {
            Ok((file, carrier)) => (Some(carrier), self.learn(path, file, carrier)),
            Err(error) => (None, Known { problem: Some(reason(path, &error)), ..Known::default() }),
        };
        line.set("format", json!(carrier.map(|carrier| carrier.id)));
        line.set("kind", json!(carrier.map(|carrier| carrier.kind)));
        let evidence = Evidence { declared, ..known.evidence };
        let id = format!("{}-{}", self.prefix, place.number);
        let decided = inspect(&evidence, self.platform.as_deref().unwrap_or(UNKNOWN), &id);
        let mut problem = known.problem;
        match decided {
            Ok(inspection) => {
                line.decision = Some(inspection.decision);
                self.tell(&mut line, &inspection, &evidence, &known.found);
                if let (Some(carrier), None) = (carrier, &problem) {
                    self.put(&mut line, place, carrier, inspection, &evidence, &known.found);
                }
            }
            Err(error) => problem = problem.or(Some(error.to_string())),
        }
        if carrier.is_some_and(|carrier| carrier.kind == "image") {
            line.set("ocr", json!(known.ocr));
            let looked = if self.secret.is_some() { known.watermark } else { Some("no_key") };
            line.set("watermark", json!(looked));
        }
        if let Some(problem) = problem {
            if line.decision == Some(Decision::None) {
                // Nothing was found in what could not be read: that is no finding.
                line.set("decision", Value::Null);
            }
            line.fail(problem);
        }
        line
    }

    /// Reads labels and traces.
    fn learn(&self, path: &Path, file: std::fs::File, carrier: &Carrier) -> Known {
        let own: Vec<&str> = self.own.iter().map(String::as_str).collect();
        let gathered = gather(&mut BufReader::with_capacity(64 << 10, file), carrier, &own);
        let mut known = Known {
            evidence: gathered.evidence,
            found: gathered.found,
            problem: gathered.problem.map(|error| error.to_string()),
            ..Known::default()
        };
        if let Some(secret) = &self.secret {
            known.watermark = Some(match watermark_in(path, carrier, secret) {
                Watermark::Found(mark) => {
                    known.evidence.traces.push(Trace::Watermark(mark));
                    "found"
                }
                Watermark::Absent => "absent",
                Watermark::WithTraces => "with_traces",
                Watermark::NotLookedFor => "not_looked_for",
            });
        }
        if carrier.kind == "image" {
            let looked = self.ocr.read(path, carrier, &own);
            known.ocr = Some(looked.state);
            known.evidence.traces.extend(looked.label.map(Trace::ExplicitLabel));
        }
        known
    }

    /// The decision, its grounds, what to show, and the label.
    fn tell(&self, line: &mut Line, inspection: &Inspection, evidence: &Evidence, found: &[Found]) {
        line.set("decision", json!(inspection.decision.id()));
        line.set("clause", json!(inspection.decision.clause()));
        let mut places = found.iter().filter(|found| label::read(&found.value).is_some()).map(|found| &found.place);
        let grounds = inspection.grounds.iter().map(|ground| {
            let mut document = ground.to_json();
            if matches!(ground, Ground::Label(_) | Ground::Unclear(_)) {
                document["place"] = json!(places.next());
            }
            document
        });
        line.set("grounds", Value::Array(grounds.collect()));
        line.set("notice", json!(inspection.notice.map(|notice| json!({"zh": notice.zh, "en": notice.en}))));
        line.notice = inspection.notice;
        let planned = self
            .platform
            .as_ref()
            .and(self.planned(inspection, evidence, found).or(inspection.label.as_ref().map(Aigc::to_value)));
        line.set("label", planned.and_then(|label| serde_json::from_str(&label).ok()).unwrap_or_default());
    }

    /// Whether a copy is the first of its name.
    fn begin(&self, out: &Path) -> bool {
        let mut hasher = DefaultHasher::new();
        out.hash(&mut hasher);
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(hasher.finish())
    }

    /// The label that the file has, when it is just what would be written but for the number: it is this platform's
    /// already, and a new number would part it from the content.
    fn planned(&self, inspection: &Inspection, evidence: &Evidence, found: &[Found]) -> Option<String> {
        let [reading] = evidence.labels.as_slice() else { return None };
        let ours = reading.get(Member::ContentPropagator) == self.platform.as_deref()
            && reading.kind() == inspection.decision.kind()
            && reading.get(Member::ContentProducer) != reading.get(Member::ContentPropagator)
            && label::verify(found).state == State::Compliant;
        if ours { reading.aigc().ok().map(|aigc| aigc.to_value()) } else { None }
    }

    /// Writes the label, where that is wanted and there is one to write.
    fn put(
        &self,
        line: &mut Line,
        place: &Place,
        carrier: &Carrier,
        inspection: Inspection,
        evidence: &Evidence,
        found: &[Found],
    ) {
        let Some(aigc) = inspection.label.as_ref().filter(|_| self.write || self.out.is_some()) else {
            let why = if inspection.decision == Decision::None { "no ground to label it" } else { "not asked for" };
            line.set("written", json!(false));
            line.set("why", json!(why));
            return;
        };
        if self.write && self.planned(&inspection, evidence, found).is_some() {
            line.set("written", json!(false));
            line.set("why", json!("it carries this platform's label already"));
            return;
        }
        let out = self.out.as_ref().map(|out| out.join(&place.below));
        let done = match &out {
            Some(out) if out.exists() || !self.begin(out) => {
                Err(anyhow::anyhow!("{} is there already and is not written over", out.display()))
            }
            Some(out) => out
                .parent()
                .map_or(Ok(()), std::fs::create_dir_all)
                .map_err(anyhow::Error::from)
                .and_then(|()| put(&place.path, Some(out), carrier, aigc)),
            None => put(&place.path, None, carrier, aigc),
        };
        line.set("written", json!(done.is_ok()));
        match done {
            Ok(()) => {
                line.written = true;
                line.set("out", json!(out.map(|out| out.display().to_string())));
                // The file is another now: a run that goes on knows it by these.
                line.stamp(&place.path);
            }
            Err(error) => line.unwritten(reason(&place.path, &error)),
        }
    }
}

/// A trace as JSON.
/// The sentence of an error without the file's name, which stands in the line already.
fn reason(path: &Path, error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    text.strip_prefix(&format!("{}: ", path.display())).map_or(text.clone(), str::to_owned)
}

/// Size and time of a file, for runs that go on.
pub(super) fn stamp(path: &Path) -> Option<(u64, String)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.len(), modified(&about)))
}
