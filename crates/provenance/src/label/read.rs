//! Reads labels as they are met in the wild.

mod json;

use super::{Aigc, Fault, Kind, Member, ProviderCode, UNKNOWN, barred};
use crate::Error;
use json::{Node, Pairs};

/// Values longer than this are not read: no label is.
const LONGEST_VALUE: usize = 1 << 20;
/// How often a JSON string may hold JSON.
const LAYERS: usize = 4;

/// How a label was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `{"AIGC":{…}}`.
    Wrapped,
    /// The seven members alone.
    Bare,
    /// `AIGC{…}`, glued.
    Glued,
    /// Lines `Label: '1'`, as in front matter.
    Lines,
    /// `ServiceProvider`, `ContentId`, … (Tencent Cloud).
    ServiceProvider,
}

/// A label as it was read: what stands in it, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    members: [Option<String>; 7],
    /// How it was written.
    pub form: Form,
    /// Deviations, breaches ([`Fault::is_breach`]) and others.
    pub faults: Vec<Fault>,
}

impl Reading {
    /// A member; none when it is not there.
    #[must_use]
    pub fn get(&self, member: Member) -> Option<&str> {
        self.members.get(member as usize).and_then(Option::as_deref)
    }

    /// What it says of the content. `Label` of `AIGC` (older writers) is taken for generated; other values say nothing.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        let value = self.get(Member::Label);
        match value {
            Some(value) if value.eq_ignore_ascii_case("AIGC") => Some(Kind::Generated),
            Some(value) => Kind::of(value.trim()),
            // The Tencent variant has no Label: its scheme marks generated content and nothing else.
            None if self.form == Form::ServiceProvider => Some(Kind::Generated),
            None => None,
        }
    }

    /// The label, if it can be written again as it is.
    ///
    /// # Errors
    /// When a member is missing or breaks the character set.
    pub fn aigc(&self) -> Result<Aigc, Error> {
        let kind = self.get(Member::Label).and_then(Kind::of);
        let kind = kind.ok_or_else(|| Error::Label("Label is none of 1, 2, 3".to_owned()))?;
        let mut members = self.members.clone().map(Option::unwrap_or_default);
        let [_, producer, id, _, propagator, propagate_id, _] = &mut members;
        // Readers take labels without propagation members; on first write they are those of production.
        if propagator.is_empty() && propagate_id.is_empty() {
            propagator.clone_from(producer);
            propagate_id.clone_from(id);
        }
        Aigc::of(kind, members)
    }

    /// The label, mended so that it can be written with `kind`: what is missing is `unknown`, barred characters are
    /// percent-encoded as UTF-8 (`%E8%B1%86`, RFC 3986), and what is too long is cut. Reserved members that cannot stand are
    /// emptied, and so is the producer's when what it signed had to be changed.
    ///
    /// # Errors
    /// Never for what [`read`] gives; the members are checked once more.
    pub fn mended(&self, kind: Kind) -> Result<Aigc, Error> {
        if let Ok(aigc) = self.aigc()
            && aigc.kind() == kind
        {
            return Ok(aigc);
        }
        let mut members = Member::ALL.map(|member| {
            let value = self.get(member).unwrap_or_default();
            if !member.is_reserved() {
                let value = encoded(member, value);
                if value.is_empty() { UNKNOWN.to_owned() } else { value }
            } else if value.len() > super::LONGEST || barred(member, value).is_some() {
                String::new()
            } else {
                value.to_owned()
            }
        });
        kind.value().clone_into(&mut members[0]);
        let signed = [Member::Label, Member::ContentProducer, Member::ProduceID];
        if signed.iter().any(|member| self.get(*member) != members.get(*member as usize).map(String::as_str)) {
            members[Member::ReservedCode1 as usize].clear();
        }
        Aigc::of(kind, members)
    }
}

fn encoded(member: Member, value: &str) -> String {
    let mut out = String::new();
    for c in value.trim().chars() {
        if out.len() > 512 {
            break;
        }
        if barred(member, c.encode_utf8(&mut [0; 4])).is_some() {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Reads the value of a label in any form met in the wild.
///
/// None when there is no label in it: at least one member name of the standard (or of the Tencent variant) must stand
/// there, so that other JSON is not mistaken for a label.
#[must_use]
pub fn read(value: &str) -> Option<Reading> {
    if value.len() > LONGEST_VALUE || !mentions_member(value) {
        return None;
    }
    let mut faults = Vec::new();
    let mut text = value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\0' | '\u{feff}')).to_owned();
    for _ in 0..LAYERS {
        if !text.starts_with('"') {
            break;
        }
        let inner = serde_json::from_str::<String>(&text).ok()?;
        note(&mut faults, Fault::Encoded);
        inner.trim().clone_into(&mut text);
    }
    let (mut form, pairs) = object(&text, &mut faults)?;
    let (wrapped, pairs) = unwrapped(pairs, &mut faults, LAYERS);
    if wrapped && form == Form::Bare {
        form = Form::Wrapped;
    }
    members(&pairs, form, faults)
}

/// Whether a member's name, in any spelling, stands in the text. Cheap, and first: most values are no labels.
fn mentions_member(text: &str) -> bool {
    let folded: String =
        text.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).take(LONGEST_VALUE).collect();
    let names = ["contentproducer", "produceid", "reservedcode", "contentpropagator", "propagateid", "serviceprovider"];
    names.iter().any(|name| folded.contains(name)) || (folded.contains("label") && folded.contains("aigc")) || {
        // The label cut down to its first member.
        let tight: String = folded.chars().filter(|c| !c.is_whitespace()).take(64).collect();
        ["{\"label\":\"1\"", "{\"label\":\"2\"", "{\"label\":\"3\""].iter().any(|head| tight.starts_with(head))
    }
}

/// The object in the text: JSON from the first brace, JSON with single quotes, or lines.
fn object(text: &str, faults: &mut Vec<Fault>) -> Option<(Form, Pairs)> {
    let Some(start) = text.find('{') else {
        return json::lines(text).map(|pairs| {
            note(faults, Fault::Form("lines of text"));
            (Form::Lines, pairs)
        });
    };
    let (before, rest) = text.split_at(start);
    let Some((pairs, length)) = json::first(rest) else {
        if let Some((pairs, _)) = json::first(&json::requoted(rest)?) {
            note(faults, Fault::Form("quotes that JSON does not have"));
            return Some((Form::Bare, pairs));
        }
        return None;
    };
    let after = rest.get(length..).unwrap_or_default();
    let name = before.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '=' | '"' | '\0'));
    if name.ends_with("AIGC") {
        note(faults, Fault::Form("glued to the name AIGC"));
        return Some((Form::Glued, pairs));
    }
    if !before.trim().is_empty() || !after.trim_matches(|c: char| c.is_whitespace() || c == '\0').is_empty() {
        note(faults, Fault::Form("other text around it"));
    }
    Some((Form::Bare, pairs))
}

/// Takes off the outer object, and JSON within strings.
fn unwrapped(pairs: Pairs, faults: &mut Vec<Fault>, layers: usize) -> (bool, Pairs) {
    let outer = pairs.iter().find(|(name, value)| {
        folded(name) == "aigc"
            && match value {
                Node::Object(_) => true,
                Node::Text(text) => text.contains('{'),
                _ => false,
            }
    });
    let (Some((name, inner)), true) = (outer, layers > 0) else { return (false, pairs) };
    let inner = match inner {
        Node::Object(inner) => inner.clone(),
        Node::Text(text) => match json::first(text.trim()) {
            Some((inner, _)) => {
                note(faults, Fault::Encoded);
                inner
            }
            None => return (false, pairs),
        },
        _ => return (false, pairs),
    };
    if name != "AIGC" {
        note(faults, Fault::Form("the outer member is not spelled AIGC"));
    }
    (true, unwrapped(inner, faults, layers - 1).1)
}

fn members(pairs: &Pairs, form: Form, mut faults: Vec<Fault>) -> Option<Reading> {
    let mut members: [Option<String>; 7] = Default::default();
    let mut order = Vec::new();
    let mut unknown = Vec::new();
    for (name, value) in pairs {
        let Some(member) = Member::ALL.into_iter().find(|member| folded(member.name()) == folded(name)) else {
            unknown.push((name, value));
            continue;
        };
        if name != member.name() {
            note(&mut faults, Fault::Spelling(member, name.clone()));
        }
        let text = match value {
            Node::Text(text) => text.clone(),
            Node::Null => String::new(),
            other => other.to_string(),
        };
        if !matches!(value, Node::Text(_)) {
            note(&mut faults, Fault::NotText(member));
        }
        let slot = members.get_mut(member as usize)?;
        if slot.is_some() {
            note(&mut faults, Fault::Twice(member));
        } else {
            *slot = Some(text);
            order.push(member);
        }
    }
    let mut form = form;
    if order.iter().all(|member| *member == Member::Label) {
        let text = |wanted: &str| {
            let found = unknown.iter().find(|(name, _)| folded(name) == wanted);
            found.and_then(|(_, value)| if let Node::Text(text) = value { Some(text.clone()) } else { None })
        };
        let (provider, id) = (text("serviceprovider"), text("contentid"));
        if provider.is_some() && id.is_some() {
            form = Form::ServiceProvider;
            note(&mut faults, Fault::Scheme("ServiceProvider, ContentId (Tencent Cloud)"));
            let [_, producer, produce_id, ..] = &mut members;
            *producer = provider;
            *produce_id = id;
            unknown.clear();
        } else if order.is_empty() {
            return None;
        }
    }
    faults.extend(unknown.into_iter().take(16).map(|(name, _)| Fault::Unknown(name.clone())));
    if !order.is_sorted() {
        faults.push(Fault::Order);
    }
    check(&members, form, &mut faults);
    Some(Reading { members, form, faults })
}

fn check(members: &[Option<String>; 7], form: Form, faults: &mut Vec<Fault>) {
    for (member, value) in Member::ALL.into_iter().zip(members) {
        let Some(value) = value else {
            match member {
                Member::Label | Member::ContentProducer | Member::ProduceID => faults.push(Fault::Missing(member)),
                // One fault says it: the scheme.
                _ if form == Form::ServiceProvider => {}
                _ => faults.push(Fault::Absent(member)),
            }
            continue;
        };
        if value.is_empty() {
            match member {
                Member::Label | Member::ContentProducer | Member::ProduceID => faults.push(Fault::Missing(member)),
                Member::ContentPropagator | Member::PropagateID => faults.push(Fault::Absent(member)),
                Member::ReservedCode1 | Member::ReservedCode2 => {}
            }
            continue;
        }
        if let Some(c) = barred(member, value) {
            faults.push(Fault::Character(member, c));
        }
        match member {
            Member::Label if Kind::of(value).is_none() => faults.push(Fault::Kind(value.clone())),
            Member::ContentProducer | Member::ContentPropagator => {
                if !ProviderCode::looks_like(value) {
                    faults.push(Fault::Name(member, value.clone()));
                } else if let Err(Error::Label(problem)) = ProviderCode::parse(value) {
                    faults.push(Fault::Code(member, problem));
                }
            }
            _ => {}
        }
    }
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect()
}

fn note(faults: &mut Vec<Fault>, fault: Fault) {
    if !faults.contains(&fault) {
        faults.push(fault);
    }
}
