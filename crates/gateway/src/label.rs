//! Labels of generated content on what the model answers (GB 45438-2025; the Measures for labelling, articles 4, 5 and 9).
//!
//! Each answer of a model gets an implicit label, whose content number is the request's id, and an explicit one in words
//! that a pack holds. Answers that people wrote (standard answers, refusals) are not generated and get none.

mod files;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use menshen_policy::{Lang, Policy};
use menshen_provenance::explicit::text::has_elements;
use menshen_provenance::label::{Aigc, Kind as LabelKind, Member, ProviderCode};
use menshen_provenance::security::{self, Signer, Slot};
use menshen_provenance::watermark::text::invisible::{self, Marker, Scheme};
use menshen_store::{Agreement, Store};
use menshen_verdict::{Conversation, Kind, Role, Span};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::config::{Config, Explicit, Mark, UnlabelledFiles};
use crate::error::{Failure, GatewayError, invalid};
use crate::hold_back::Edit;

/// The header that carries the implicit label of an answer: its seven members as JSON.
pub const HEADER: HeaderName = HeaderName::from_static("x-menshen-aigc");
/// The member of an answer that carries it.
pub const MEMBER: &str = "AIGC";
/// The request's header with which a caller asks for an answer without explicit label: `none`.
pub const ASKED: &str = "x-menshen-label";
/// The reply of a pack that holds the words of the explicit label.
pub const WORDING: &str = "label.explicit";
/// Visible characters between two invisible marks.
const INTERVAL: usize = 200;

/// What the operator configured.
pub struct Labels {
    producer: String,
    signer: Option<(Signer, String)>,
    pub(crate) files: UnlabelledFiles,
}

impl Labels {
    /// Reads the configuration; `None` where no producer is named.
    ///
    /// # Errors
    /// When the producer cannot stand in a label, or the signing key cannot be read.
    pub fn new(config: &Config) -> Result<Option<Labels>, GatewayError> {
        let wrong = |what: &str, why: &dyn std::fmt::Display| {
            GatewayError::new(Failure::InvalidRequest, format!("label.{what}: {why}"))
        };
        let Some(producer) = config.label.producer.clone() else {
            let asked =
                config.label.explicit.is_some() || config.label.mark.is_some() || config.label.signing_key.is_some();
            return if asked {
                Err(wrong("producer", &"name the provider; without it nothing is labelled"))
            } else {
                Ok(None)
            };
        };
        if ProviderCode::looks_like(&producer) {
            ProviderCode::parse(&producer).map_err(|e| wrong("producer", &e))?;
        }
        Aigc::generated(&producer, "x", LabelKind::Generated).map_err(|e| wrong("producer", &e))?;
        let signer = match &config.label.signing_key {
            None => None,
            Some(path) => {
                let pem = std::fs::read_to_string(path).map_err(|e| wrong("signing_key", &e))?;
                let signer = Signer::from_pem(&pem).map_err(|e| wrong("signing_key", &e))?;
                let id = config.label.key_id.clone().unwrap_or_else(|| "1".to_owned());
                Some((signer, id))
            }
        };
        Ok(Some(Labels { producer, signer, files: config.label.unlabelled_files }))
    }

    /// The label of the content with this number.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn aigc(&self, id: Uuid) -> Result<Aigc, GatewayError> {
        let failed = |e: menshen_provenance::Error| {
            GatewayError::new(Failure::Internal, "the answer cannot be labelled as generated, so it is withheld")
                .detail(e)
        };
        self.signed(Aigc::generated(&self.producer, &id.to_string(), LabelKind::Generated).map_err(failed)?)
    }

    /// The label with the signature of the configured producer; another producer's is left as it is.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub(crate) fn signed(&self, aigc: Aigc) -> Result<Aigc, GatewayError> {
        match &self.signer {
            Some((signer, key_id)) if aigc.get(Member::ContentProducer) == self.producer => {
                security::sign(&aigc, Slot::Producer, signer, key_id).map_err(|e| {
                    GatewayError::new(Failure::Internal, "the label cannot be signed; the operator's log says why")
                        .detail(e)
                })
            }
            _ => Ok(aigc),
        }
    }
}

/// How one answer is labelled.
#[derive(Debug, Clone)]
pub struct Labelling {
    /// The implicit label, as the object of its seven members.
    pub aigc: Value,
    label: Aigc,
    explicit: Explicit,
    wording: String,
    mark: Option<Scheme>,
    id: Uuid,
    /// Whether the answer is for a program, which a label within would break.
    structured: bool,
    /// Whether an answer can have several choices, each of which is labelled.
    choices: bool,
    /// The agreement under which there is no explicit label.
    agreement: Option<Arc<Agreement>>,
    /// What becomes of files that cannot be labelled.
    pub(crate) files: UnlabelledFiles,
}

/// Who asks, and for what.
pub(crate) struct Asked<'a> {
    pub(crate) id: Uuid,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) subject: &'a menshen_policy::Subject,
    pub(crate) policy: &'a Policy,
    pub(crate) lang: Lang,
    pub(crate) structured: bool,
    pub(crate) choices: bool,
    pub(crate) now_us: i64,
}

impl Labelling {
    /// The labelling of one answer.
    ///
    /// # Errors
    /// When the caller asks for an unlabelled answer without a recorded agreement, or asks for something unknown.
    pub(crate) fn new(
        labels: &Labels,
        config: &Config,
        store: &Store,
        asked: &Asked<'_>,
    ) -> Result<Self, GatewayError> {
        let app = config.apps.get(&asked.subject.app).or_else(|| config.apps.get("default"));
        let explicit = app.and_then(|a| a.label.explicit).or(config.label.explicit).unwrap_or(Explicit::End);
        let mark = app.and_then(|a| a.label.mark).or(config.label.mark).unwrap_or(Mark::None);
        let agreement = match asked.headers.get(ASKED).map(|v| v.to_str().unwrap_or_default()) {
            None => None,
            Some("none") => {
                let subject = asked.subject;
                let user = subject.user.as_deref();
                let held = store.agreement(&subject.tenant, &subject.app, user, asked.now_us);
                Some(held.ok_or_else(|| {
                    GatewayError::new(
                        Failure::LabelAgreement,
                        "an answer without explicit label needs the user's recorded agreement; an operator records it \
                         with POST /admin/agreements",
                    )
                })?)
            }
            Some(_) => return Err(invalid(ASKED, format!("'{ASKED}' can only be none"))),
        };
        let label = labels.aigc(asked.id)?;
        let fallback = match asked.lang {
            Lang::Zh => "（本内容由人工智能生成）",
            Lang::En => "(This content is AI-generated.)",
        };
        let wording = asked.policy.reply(WORDING, asked.lang).filter(|w| has_elements(w)).unwrap_or(fallback);
        Ok(Labelling {
            aigc: serde_json::from_str(&label.to_value()).unwrap_or_default(),
            label,
            explicit: if agreement.is_some() { Explicit::None } else { explicit },
            wording: wording.trim().to_owned(),
            mark: mark.scheme(),
            id: asked.id,
            structured: asked.structured,
            choices: asked.choices,
            agreement,
            files: labels.files,
        })
    }

    /// What is put before an answer.
    pub fn start(&self) -> Option<String> {
        let wanted = matches!(self.explicit, Explicit::Start | Explicit::Both) && !self.structured;
        wanted.then(|| format!("{}\n\n", self.wording))
    }

    /// What is put behind an answer.
    pub fn end(&self) -> Option<String> {
        let wanted = matches!(self.explicit, Explicit::End | Explicit::Both) && !self.structured;
        wanted.then(|| format!("\n\n{}", self.wording))
    }

    /// What puts invisible marks into an answer; their payload is the request's id.
    pub fn marker(&self) -> Option<Marker> {
        let scheme = self.mark.filter(|_| !self.structured)?;
        Marker::new(self.id.as_bytes(), scheme, INTERVAL).ok()
    }

    /// Whether two channels of a stream belong to the same choice.
    pub fn same_answer(&self, a: &str, b: &str) -> bool {
        let choice = |key: &str| key.split('/').next().unwrap_or_default().to_owned();
        !self.choices || choice(a) == choice(b)
    }

    /// What is put into a whole answer: by segment, the places and what stands there.
    pub(crate) fn put_in(&self, conversation: &Conversation) -> Vec<(usize, Edit)> {
        let mut edits = Vec::new();
        let texts = conversation.segments.iter().enumerate();
        let texts: Vec<_> = texts.filter(|(_, s)| s.kind == Kind::Text && !s.text.trim().is_empty()).collect();
        for (at, (index, segment)) in texts.iter().enumerate() {
            let same = |other: Option<&(usize, &menshen_verdict::Segment)>| {
                other.is_some_and(|(_, s)| !self.choices || s.message == segment.message)
            };
            let first = at.checked_sub(1).is_none_or(|before| !same(texts.get(before)));
            let last = !same(texts.get(at + 1));
            let text = segment.text.as_str();
            let put = |at: usize, text: String| (*index, Edit { span: Span::new(at, at), text });
            if let Some(start) = self.start().filter(|s| first && !text.trim_start().starts_with(s.trim())) {
                edits.push(put(0, start));
            }
            if let Some(mut marker) = self.marker() {
                let places = marker.places(text);
                edits.extend(places.into_iter().map(|place| put(place, marker.run().to_owned())));
            }
            if let Some(end) = self.end().filter(|e| last && !text.trim_end().ends_with(e.trim())) {
                edits.push(put(text.len(), end));
            }
        }
        edits
    }

    /// What the record keeps.
    pub(crate) fn summary(&self) -> Value {
        json!({
            "produce_id": self.id.to_string(),
            "explicit": if self.structured { "structured" } else { self.explicit.id() },
            "mark": self.mark.is_some() && !self.structured,
            "agreement": self.agreement.as_ref().map(|a| &a.id),
        })
    }

    /// The implicit label as a header.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.label.to_value()).ok()
    }
}

/// Takes our own invisible marks out of what the model wrote earlier, in the body and in what is inspected: they are for
/// readers of the answer, and would only confuse the model and the checks.
pub(crate) fn without_marks(body: &mut Value, conversation: &mut Conversation) {
    for segment in conversation.segments.iter_mut().filter(|s| s.role == Role::Assistant && s.kind == Kind::Text) {
        if segment.text.is_ascii() || invisible::detect(&segment.text).marks.is_empty() {
            continue;
        }
        let plain = invisible::strip(&segment.text);
        if let Some(slot) = body.pointer_mut(&segment.path).filter(|slot| slot.is_string()) {
            *slot = Value::from(plain.as_str());
            segment.text = plain;
        }
    }
}
