//! What no program can see: clauses that the operator concludes, each with evidence.
//!
//! Declarations are a TOML file. 符合 needs evidence (a file, which is taken in with its hash, or a link), 不适用 needs a
//! reason. Files are read when the declaration is handed in: what the conclusion rested on stays with the run.

use std::collections::BTreeMap;
use std::path::Path;

use menshen_store::Assessments;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::bank::hex;
use crate::error::{Error, Problems};
use crate::profile::Profile;
use crate::result::{Conclusion, Operator};
use crate::run;

/// The name under which declarations are kept with a run.
pub const FILE: &str = "declarations.json";
/// The folder of evidence among a run's files.
pub const EVIDENCE: &str = "evidence/";
/// The most bytes of a file of evidence.
const MOST_BYTES: u64 = 64 << 20;

/// What the operator declares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Declarations {
    /// Who is assessed; wins over what the run began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// Conclusions by clause.
    pub clause: BTreeMap<String, Declared>,
}

/// A declared conclusion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// `conforms`, `fails`, `not_applicable` or `open`.
    pub conclusion: Conclusion,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Files beside the declaration, or links.
    #[serde(default)]
    pub evidence: Vec<String>,
}

/// A declaration with its evidence, checked and not yet kept.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    declarations: Declarations,
    files: Vec<(String, Vec<u8>)>,
}

fn is_link(evidence: &str) -> bool {
    evidence.starts_with("https://") || evidence.starts_with("http://")
}

/// Reads a declaration and its evidence. Paths are relative to the declaration's folder.
///
/// # Errors
/// [`Error::Data`] that names every clause with something wrong; nothing is taken in.
pub fn prepare(path: &Path, profile: &Profile) -> Result<Prepared, Error> {
    let origin = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
    let mut declarations: Declarations =
        toml::from_str(&text).map_err(|e| Error::data(&origin, e.to_string().trim_end()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut problems = Problems::default();
    let mut files = BTreeMap::new();
    for (id, declared) in &mut declarations.clause {
        let mut say = |problem: String| problems.0.push(format!("{id}: {problem}"));
        match profile.clauses.iter().find(|c| c.id == *id) {
            None => say("the profile lists no such clause".to_owned()),
            Some(clause) if clause.by != "declared" => {
                say(format!("it is decided by {}, not declared", clause.by));
            }
            Some(_) => {}
        }
        match declared.conclusion {
            Conclusion::Conforms if declared.evidence.is_empty() => {
                say("conforms needs evidence: a file or a link".to_owned());
            }
            Conclusion::NotApplicable | Conclusion::Fails if declared.reason.trim().is_empty() => {
                say("it needs a reason".to_owned());
            }
            _ => {}
        }
        for evidence in &mut declared.evidence {
            if is_link(evidence) {
                continue;
            }
            match take(&folder.join(&*evidence)) {
                Ok((name, bytes)) => {
                    *evidence = name.clone();
                    files.insert(name, bytes);
                }
                Err(problem) => say(format!("evidence {evidence:?} {problem}")),
            }
        }
    }
    let files = files.into_iter().collect();
    problems.or(&origin, Prepared { declarations, files })
}

/// A file with its name among the run's: its hash keeps files of the same name apart.
fn take(path: &Path) -> Result<(String, Vec<u8>), String> {
    let about = std::fs::metadata(path).map_err(|e| format!("cannot be read: {e}"))?;
    if !about.is_file() {
        return Err("is no file".to_owned());
    }
    if about.len() > MOST_BYTES {
        return Err(format!("is larger than {} MiB; link to it", MOST_BYTES >> 20));
    }
    let bytes = std::fs::read(path).map_err(|e| format!("cannot be read: {e}"))?;
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("evidence");
    let safe: String =
        name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }).collect();
    let hash = hex(&Sha256::digest(&bytes));
    Ok((format!("{EVIDENCE}{}-{safe}", hash.get(..12).unwrap_or_default()), bytes))
}

impl Prepared {
    /// How many clauses are declared.
    pub fn len(&self) -> usize {
        self.declarations.clause.len()
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.declarations.clause.is_empty() && self.declarations.operator.is_none()
    }

    /// Keeps it with a run. Clauses that were declared before and are not in it stay as they are.
    ///
    /// # Errors
    /// When it cannot be written: then nothing was.
    pub async fn keep(self, store: &Assessments, run: &str) -> Result<Declarations, Error> {
        let mut all = declarations(store, run).await?;
        for (id, declared) in self.declarations.clause {
            // A line of the form that nobody filled in takes nothing back.
            let blank = declared.conclusion == Conclusion::Open && declared.reason.trim().is_empty();
            if !(blank && all.clause.contains_key(&id)) {
                all.clause.insert(id, declared);
            }
        }
        if let Some(operator) = self.declarations.operator {
            let before = all.operator.take().unwrap_or(run::info(store, run).await?.operator);
            all.operator = Some(filled(operator, before));
        }
        let mut files = self.files;
        files.push((FILE.to_owned(), serde_json::to_vec_pretty(&all).unwrap_or_default()));
        store.keep(run, &files).await?;
        Ok(all)
    }
}

/// The fields of `new`; what is blank there, as it was before.
fn filled(new: Operator, before: Operator) -> Operator {
    let or = |new: String, before: String| if new.trim().is_empty() { before } else { new };
    Operator {
        company: or(new.company, before.company),
        uscc: or(new.uscc, before.uscc),
        service: or(new.service, before.service),
        model: or(new.model, before.model),
        model_version: or(new.model_version, before.model_version),
        base_model: or(new.base_model, before.base_model),
        audience: or(new.audience, before.audience),
        purpose: or(new.purpose, before.purpose),
        access: or(new.access, before.access),
        legal_representative: or(new.legal_representative, before.legal_representative),
        assessment_lead: or(new.assessment_lead, before.assessment_lead),
        legality_lead: or(new.legality_lead, before.legality_lead),
        assessors: if new.assessors.is_empty() { before.assessors } else { new.assessors },
        complaints: or(new.complaints, before.complaints),
    }
}

/// What was declared for a run.
///
/// # Errors
/// When it cannot be read.
pub async fn declarations(store: &Assessments, run: &str) -> Result<Declarations, Error> {
    let info = run::info(store, run).await?;
    match store.file(&info.id, FILE).await? {
        None => Ok(Declarations::default()),
        Some(bytes) => serde_json::from_slice(&bytes)
            .map_err(|e| Error::Unusable(format!("the declarations of the run {} are damaged: {e}", info.id))),
    }
}

/// A declaration to fill in: every clause of the profile that is declared, with what to attach.
pub fn template(profile: &Profile, chinese: bool) -> String {
    let say = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
    let mut out = String::new();
    out.push_str(say(
        "# 声明：由服务提供者逐条填写。conclusion 取 conforms（符合）、fails（不符合）、not_applicable（不适用）或 open（待定）。\n\
         # 「符合」须有 evidence（与本文件同目录的文件，或链接），「不适用」「不符合」须有 reason。\n",
        "# Declarations, filled in by the operator. conclusion is conforms, fails, not_applicable or open.\n\
         # conforms needs evidence (files beside this one, or links), not_applicable and fails need a reason.\n",
    ));
    out.push_str("\n[operator]\n");
    for (key, zh, en) in [
        ("company", "服务提供者", "the company"),
        ("uscc", "统一社会信用代码", "unified social credit code"),
        ("service", "服务名称", "the service"),
        ("model", "模型名称", "the model"),
        ("model_version", "模型版本", "its version"),
        ("base_model", "第三方基础模型及备案号；没有则写“无”", "third-party base model and its filing number; or none"),
        ("audience", "服务对象", "audience"),
        ("purpose", "适用场合与用途", "occasion and purpose"),
        ("access", "访问方式", "access: web, app, API"),
        ("legal_representative", "法定代表人", "legal representative"),
        ("assessment_lead", "安全评估工作整体负责人", "in overall charge of the assessment"),
        ("legality_lead", "合法性评估负责人", "in charge of the legality assessment"),
        ("complaints", "投诉举报渠道", "complaint channel"),
    ] {
        out.push_str(&format!("{key} = \"\"  # {}\n", say(zh, en)));
    }
    out.push_str("assessors = []\n");
    for clause in profile.clauses.iter().filter(|c| c.by == "declared") {
        let number = clause.numbers.get(&profile.id).map_or("", String::as_str);
        out.push_str(&format!("\n# {number} {}\n", clause.title.get(chinese)));
        if !clause.evidence.get(chinese).is_empty() {
            out.push_str(&format!("# {}\n", clause.evidence.get(chinese)));
        }
        out.push_str(&format!("[clause.\"{}\"]\nconclusion = \"open\"\nreason = \"\"\nevidence = []\n", clause.id));
    }
    out
}
