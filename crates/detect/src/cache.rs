//! Verdicts on texts that have been seen: a conversation's history comes again with every turn.

use std::sync::Arc;
use std::time::Instant;

use menshen_verdict::{Conversation, Role, Side, Stage, Verdict};

use crate::engine::Engine;
use crate::leak::Extra;

/// What a verdict costs beside its findings.
const ENTRY_BYTES: usize = 512;

/// A bounded cache of verdicts, keyed by engine, side, role and the text's hash; no text is kept but the evidence of
/// findings. Cheap to clone.
#[derive(Clone)]
pub struct Cache(moka::sync::Cache<[u8; 32], Arc<Verdict>>);

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("entries", &self.0.entry_count()).finish()
    }
}

impl Cache {
    /// A cache that keeps about `max_bytes`.
    pub fn new(max_bytes: u64) -> Self {
        let weigh = |_: &[u8; 32], verdict: &Arc<Verdict>| {
            let findings: usize =
                verdict.findings.iter().map(|f| size_of_val(f) + f.detector.len() + f.evidence.reveal().len()).sum();
            u32::try_from(ENTRY_BYTES + findings).unwrap_or(u32::MAX)
        };
        Cache(moka::sync::Cache::builder().max_capacity(max_bytes).weigher(weigh).build())
    }

    fn key(engine: &Engine, text: &str, side: Side, role: Role, extra: &Extra) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let judges = if extra.asks_judges() { "judged" } else { "rules" };
        for part in [engine.id(), side.id(), role.id(), judges, text] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

impl Engine {
    /// Inspects one text, or takes its verdict from the cache: then it has the one stage `cache`. Verdicts with an
    /// unavailable judge are not kept.
    pub fn inspect_cached(&self, text: &str, side: Side, role: Role, cache: &Cache) -> Verdict {
        self.inspect_cached_with(text, side, role, cache, &Extra::default())
    }

    /// The same by the rules alone, for text that no judge can read: arguments of tools, declarations, names.
    pub fn inspect_cached_by_rules(&self, text: &str, side: Side, role: Role, cache: &Cache) -> Verdict {
        self.inspect_cached_with(text, side, role, cache, &Extra::default().rules_only())
    }

    fn inspect_cached_with(&self, text: &str, side: Side, role: Role, cache: &Cache, extra: &Extra) -> Verdict {
        let started = Instant::now();
        let key = Cache::key(self, text, side, role, extra);
        if let Some(known) = cache.0.get(&key) {
            let us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            return Verdict { stages: vec![Stage { name: "cache".into(), us }], ..Verdict::clone(&known) };
        }
        let verdict = self.inspect_with(text, side, role, extra);
        if verdict.unavailable.is_empty() {
            cache.0.insert(key, Arc::new(verdict.clone()));
        }
        verdict
    }

    /// Inspects every segment of a conversation, through the cache when there is one.
    pub fn inspect_conversation(&self, conversation: &Conversation, cache: Option<&Cache>) -> Verdict {
        let mut whole = Verdict::default();
        for (index, segment) in conversation.segments.iter().enumerate() {
            let mut verdict = match cache {
                Some(cache) => self.inspect_cached(&segment.text, segment.side, segment.role, cache),
                None => self.inspect(&segment.text, segment.side, segment.role),
            };
            for finding in &mut verdict.findings {
                finding.segment = index;
            }
            whole.absorb(verdict);
        }
        whole
    }
}
