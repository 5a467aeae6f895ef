//! The decision: rules in order, the strictest reading of failures, guidance, replies and redactions.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use menshen_verdict::{Action, AnswerRef, Conversation, Disposition, RuleHit, RuleRef, Side};

use crate::condition::media_index;
use crate::constitution::{self, GUIDANCE_CLOSING, GUIDANCE_OPENING, Principle};
use crate::decide::{Question, Subject};
use crate::expression;
use crate::facts::{Facts, Lens};
use crate::glob::{Glob, any};
use crate::pack_set::{PackSet, PackVersion};
use crate::redact::{self, Order};
use crate::reply::{
    BLOCK_ATTACHMENT, BLOCK_DEFAULT, BLOCK_UNAVAILABLE, DECLINE_DEFAULT, REVIEW_NOTICE, SUSPEND_NOTICE,
};
use crate::rule::Rule;
use crate::scene::Override;
use crate::settings::{Attachments, Lang, OnUnavailable, Settings, Style};

/// The packs in force for one application's settings. Cheap to clone, immutable: reload by swapping it.
#[derive(Clone)]
pub struct Policy(Arc<Inner>);

struct Inner {
    packs: PackSet,
    settings: Settings,
    /// Rules in the order of the decision, without a scene.
    plain: Vec<Planned>,
    /// The same for each scene.
    scenes: BTreeMap<String, Vec<Planned>>,
}

/// A rule as it holds in a scene.
struct Planned {
    rule: Arc<Rule>,
    reference: RuleRef,
    then: Action,
    priority: i32,
    reply: Option<String>,
    principles: Vec<Glob>,
    monitor: bool,
}

/// A rule that holds, or could not be evaluated.
struct Matched<'p> {
    planned: &'p Planned,
    lens: usize,
    action: Action,
    failed: bool,
}

/// What was seen through one lens, with the variables of expressions.
struct View<'q> {
    lens: Lens,
    facts: Facts<'q>,
    variables: expression::Lazy,
}

impl Policy {
    pub(crate) fn new(packs: PackSet, settings: Settings) -> Self {
        let ids: BTreeSet<String> = packs.scenes().map(|s| s.id.clone()).collect();
        let plain = plan(&packs, &settings, None);
        let scenes = ids.into_iter().map(|id| (id.clone(), plan(&packs, &settings, Some(&id)))).collect();
        if settings.answers && packs.answers().next().is_some() {
            // Built now, so that the first request does not pay for it.
            let _ = packs.0.index();
        }
        Policy(Arc::new(Inner { packs, settings, plain, scenes }))
    }

    /// The packs in force.
    pub fn packs(&self) -> &PackSet {
        &self.0.packs
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Versions and content hashes of the packs, for the audit.
    pub fn versions(&self) -> Vec<PackVersion> {
        self.0.packs.versions()
    }

    /// A principle by id.
    pub fn principle(&self, id: &str) -> Option<&Principle> {
        self.0.packs.principles().iter().find(|p| p.id == id)
    }

    /// A reply by id (`id` for the latest pack's, `pack/id` for a certain pack's), in the language that it has.
    pub fn reply(&self, id: &str, lang: Lang) -> Option<&str> {
        self.0.packs.0.reply(id).map(|r| r.text.get(lang)).filter(|t| !t.is_empty())
    }

    /// Whether a reply carries help in a crisis and must reach the user as it is.
    pub fn is_crisis_reply(&self, id: &str) -> bool {
        self.0.packs.0.reply(id).is_some_and(|r| r.crisis)
    }

    /// The standard answer to a question, if there is one that is approved, in force and close enough.
    pub fn answer(&self, question: &str, subject: &Subject, now_unix_s: i64) -> Option<AnswerRef> {
        if !self.0.settings.answers {
            return None;
        }
        let threshold = self.0.settings.answer_threshold_percent.map(|p| f32::from(p.min(100)) / 100.0);
        let found = self.0.packs.0.index().find(question, threshold, |a| a.usable(&subject.app, now_unix_s))?;
        Some(AnswerRef {
            id: format!("{}/{}", found.pack, found.answer.id),
            version: found.answer.version,
            text: found.answer.answer.clone(),
            similarity: found.similarity,
        })
    }

    /// What to do. Deterministic: the same question and packs give the same decision, whatever the order of files.
    pub fn decide(&self, question: &Question<'_>) -> Disposition {
        let inner = &*self.0;
        let settings = &inner.settings;
        let question = question.settled(settings.scene.as_deref(), settings.lang);
        let plan = question.scene().and_then(|s| inner.scenes.get(s)).unwrap_or(&inner.plain);
        let mut views = Vec::new();
        let mut matched = Vec::new();
        for planned in plan {
            let Some(lens) = planned.rule.when.lens_for(question.side) else { continue };
            let at = view(&mut views, lens, &question);
            let seen = &views[at];
            match planned.rule.when.holds(&seen.facts, &seen.variables) {
                Ok(false) => {}
                Ok(true) => matched.push(Matched { planned, lens: at, action: planned.then, failed: false }),
                Err(_) => {
                    let action = planned.then.max(Action::Block);
                    matched.push(Matched { planned, lens: at, action, failed: true });
                }
            }
        }
        let open = settings.on_unavailable == OnUnavailable::Open;
        let idle = |m: &Matched<'_>| m.planned.monitor || (m.failed && open);
        let hits = matched
            .iter()
            .map(|m| RuleHit { rule: m.planned.reference.clone(), action: m.action, monitor: idle(m) })
            .collect();
        let acting: Vec<&Matched<'_>> = matched.iter().filter(|m| !idle(m)).collect();
        let mut disposition = Disposition { hits, ..Disposition::pass() };
        if !settings.monitor && inner.stop(&question, &acting, &mut disposition) {
            return disposition;
        }
        let Some(winner) = acting.first() else { return disposition };
        inner.act(&question, winner, &views, &acting, &mut disposition);
        disposition
    }
}

impl Inner {
    /// The two things that stop a conversation without a rule: an unavailable detector under a closed policy, and an
    /// attachment that nobody checked. Says whether it did.
    fn stop(&self, question: &Question<'_>, acting: &[&Matched<'_>], disposition: &mut Disposition) -> bool {
        let forwards = acting.first().is_none_or(|w| w.action.forwards());
        if !forwards {
            return false;
        }
        let lang = question.language();
        if !question.verdict.unavailable.is_empty() {
            let spoken = acting.iter().find(|m| m.planned.rule.when.is_about_unavailability());
            let stops = match spoken {
                Some(rule) => !rule.action.forwards(),
                None => self.settings.on_unavailable == OnUnavailable::Closed,
            };
            if stops {
                disposition.unavailable = true;
                disposition.action = spoken.map_or(Action::Block, |m| m.action);
                disposition.rule =
                    Some(spoken.map_or_else(|| setting("on_unavailable"), |m| m.planned.reference.clone()));
                let own = spoken.and_then(|m| m.planned.reply.as_deref());
                disposition.reply = self.first_reply(&[own, Some(BLOCK_UNAVAILABLE), Some(BLOCK_DEFAULT)], lang);
                return true;
            }
        }
        if question.side == Side::Input
            && self.settings.attachments == Attachments::Block
            && !covered(question.conversation, acting)
        {
            disposition.action = Action::Block;
            disposition.rule = Some(setting("attachments"));
            disposition.reply = self.first_reply(&[Some(BLOCK_ATTACHMENT), Some(BLOCK_DEFAULT)], lang);
            return true;
        }
        false
    }

    fn act(
        &self,
        question: &Question<'_>,
        winner: &Matched<'_>,
        views: &[View<'_>],
        acting: &[&Matched<'_>],
        disposition: &mut Disposition,
    ) {
        let lang = question.language();
        disposition.action = winner.action;
        disposition.rule = Some(winner.planned.reference.clone());
        disposition.unavailable =
            !winner.action.forwards() && (winner.failed || winner.planned.rule.when.is_about_unavailability());
        if winner.action == Action::Guide {
            let composed = (!question.guided).then(|| self.guidance(winner, views, lang)).flatten();
            match composed {
                Some((text, ids)) => {
                    disposition.guidance = Some(text);
                    disposition.principles = ids;
                }
                // Guided once already, or nothing to guide with: letting it pass would be an allow by accident.
                None => disposition.action = Action::Decline,
            }
        }
        if winner.action == Action::Answer {
            disposition.answer = self.named_answer(winner, question);
            if disposition.answer.is_none() {
                disposition.action = Action::Decline;
            }
        }
        if disposition.action.forwards() {
            self.redact(question, acting, lang, disposition);
        } else if disposition.answer.is_none() {
            let default = match disposition.action {
                Action::Review => REVIEW_NOTICE,
                Action::Block if disposition.unavailable => BLOCK_UNAVAILABLE,
                Action::Block => BLOCK_DEFAULT,
                Action::Suspend => SUSPEND_NOTICE,
                _ => DECLINE_DEFAULT,
            };
            let own = winner.planned.reply.as_deref().filter(|_| !winner.failed);
            disposition.reply = self.first_reply(&[own, Some(default), Some(DECLINE_DEFAULT)], lang);
        }
    }

    fn guidance(&self, winner: &Matched<'_>, views: &[View<'_>], lang: Lang) -> Option<(String, Vec<String>)> {
        let planned = winner.planned;
        let chosen = constitution::select(
            self.packs.principles(),
            &planned.rule,
            &planned.principles,
            &views.get(winner.lens)?.facts,
            self.settings.guidance_max_principles.max(1),
        );
        let frame = |id| self.packs.0.reply(id).map_or("", |r| r.text.get(lang));
        let (opening, closing) = (frame(GUIDANCE_OPENING), frame(GUIDANCE_CLOSING));
        let (text, used) = constitution::compose(&chosen, opening, closing, lang, self.settings.guidance_max_chars)?;
        Some((text, used.iter().map(|p| p.id.clone()).collect()))
    }

    /// The standard answer that a rule names, if it is in force.
    fn named_answer(&self, winner: &Matched<'_>, question: &Question<'_>) -> Option<AnswerRef> {
        let name = winner.planned.rule.answer.as_deref()?;
        let (pack, id) = name.split_once('/').unwrap_or((&winner.planned.reference.pack, name));
        let (_, answer) = self.packs.answers().find(|(p, a)| *p == pack && a.id == id)?;
        answer.usable(&question.subject.app, question.now_unix_s).then(|| AnswerRef {
            id: format!("{pack}/{id}"),
            version: answer.version,
            text: answer.answer.clone(),
            similarity: 1.0,
        })
    }

    /// Redactions of every acting rule apply when the conversation is forwarded, whichever rule decided.
    fn redact(&self, question: &Question<'_>, acting: &[&Matched<'_>], lang: Lang, disposition: &mut Disposition) {
        let redacting: Vec<&&Matched<'_>> =
            acting.iter().filter(|m| !m.failed && !m.planned.rule.redact.is_empty()).collect();
        if redacting.is_empty() {
            return;
        }
        let orders: Vec<Order<'_>> = redacting
            .iter()
            .map(|m| {
                let rule = &m.planned.rule;
                let style = rule.style.unwrap_or(self.settings.redaction);
                Order {
                    detectors: &rule.redact,
                    min: rule.when.findings.min,
                    restore: rule.restore && style == Style::Placeholder,
                    style,
                }
            })
            .collect();
        disposition.redactions =
            redact::plan(question.conversation, question.verdict, &orders, &self.packs.0.labels, lang);
        match (disposition.action, disposition.redactions.is_empty()) {
            (Action::Redact, true) => disposition.action = Action::Pass,
            (Action::Pass, false) => {
                disposition.action = Action::Redact;
                disposition.rule = redacting.first().map(|m| m.planned.reference.clone());
            }
            _ => {}
        }
    }

    fn first_reply(&self, ids: &[Option<&str>], lang: Lang) -> Option<String> {
        let texts = ids.iter().flatten().filter_map(|id| self.packs.0.reply(id)).map(|r| r.text.get(lang));
        texts.filter(|t| !t.is_empty()).map(str::to_owned).next()
    }
}

/// What decided when no rule did: a setting.
fn setting(name: &'static str) -> RuleRef {
    RuleRef { pack: Cow::Borrowed("settings"), rule: Cow::Borrowed(name), version: 1 }
}

/// Whether some acting rule speaks about each kind of attachment there is.
fn covered(conversation: &Conversation, acting: &[&Matched<'_>]) -> bool {
    let spoken = |index| acting.iter().any(|m| !m.failed && m.planned.rule.when.attachment.contains(index));
    conversation.attachments.iter().all(|a| spoken(media_index(a.media)))
}

fn view<'q>(views: &mut Vec<View<'q>>, lens: Lens, question: &'q Question<'q>) -> usize {
    if let Some(at) = views.iter().position(|v| v.lens == lens) {
        return at;
    }
    views.push(View { lens, facts: Facts::new(question, lens), variables: expression::Lazy::default() });
    views.len() - 1
}

/// The rules that hold in a scene, in the order of the decision: priority first, then strictness, then the order of
/// packs, then ids. The order in which files list them plays no part.
fn plan(packs: &PackSet, settings: &Settings, scene: Option<&str>) -> Vec<Planned> {
    let disabled: Vec<Glob> = settings.disabled_rules.iter().filter_map(|r| Glob::new(r).ok()).collect();
    let changes: Vec<&Override> =
        packs.scenes().filter(|s| Some(s.id.as_str()) == scene).flat_map(|s| &s.overrides).collect();
    let mut plan: Vec<(usize, Planned)> = Vec::new();
    for (index, pack) in packs.0.packs.iter().enumerate() {
        let of_scene = pack.scenes.iter().filter(|s| Some(s.id.as_str()) == scene).flat_map(|s| &s.rules);
        for rule in pack.rules.iter().chain(of_scene) {
            let name = format!("{}/{}", pack.manifest.id, rule.id);
            let mut planned = Planned {
                rule: rule.clone(),
                reference: RuleRef {
                    pack: Cow::Owned(pack.manifest.id.clone()),
                    rule: Cow::Owned(rule.id.clone()),
                    version: rule.version,
                },
                then: rule.then,
                priority: rule.priority,
                reply: rule.reply.clone(),
                principles: rule.principles.clone(),
                monitor: rule.monitor || pack.manifest.monitor,
            };
            let mut enabled = rule.enabled;
            for change in changes.iter().filter(|c| c.rule == name) {
                planned.change(change);
                enabled = change.enabled.unwrap_or(enabled);
            }
            planned.monitor |= settings.monitor;
            if enabled && !any(&disabled, &name) {
                plan.push((index, planned));
            }
        }
    }
    plan.sort_by(|(pack_a, a), (pack_b, b)| {
        b.priority
            .cmp(&a.priority)
            .then(b.then.cmp(&a.then))
            .then(pack_a.cmp(pack_b))
            .then_with(|| a.reference.rule.cmp(&b.reference.rule))
    });
    plan.into_iter().map(|(_, p)| p).collect()
}

impl Planned {
    fn change(&mut self, change: &Override) {
        self.then = change.then.unwrap_or(self.then);
        self.priority = change.priority.unwrap_or(self.priority);
        self.monitor = change.monitor.unwrap_or(self.monitor);
        if let Some(reply) = &change.reply {
            self.reply = Some(reply.clone());
        }
        if let Some(principles) = &change.principles {
            self.principles.clone_from(principles);
        }
    }
}
