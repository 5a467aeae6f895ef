//! Prometheus metrics. Labels are bounded: APIs, outcomes, actions, families and stages come from closed sets; nothing
//! that a caller names (models, users, applications) becomes a label.

use std::sync::atomic::AtomicU64;

use menshen_verdict::{Action, Outcome, Verdict};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Requests {
    api: &'static str,
    outcome: &'static str,
    action: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Api {
    api: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Code {
    code: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Found {
    family: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StageName {
    stage: String,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    requests: Family<Requests, Counter>,
    seconds: Family<Api, Histogram>,
    first_text_seconds: Family<Api, Histogram>,
    failures: Family<Code, Counter>,
    findings: Family<Found, Counter>,
    stage_seconds: Family<StageName, Histogram>,
    /// Requests under way.
    pub in_flight: Gauge,
    /// Tokens that upstreams say they used.
    pub tokens: Counter,
    /// Microseconds spent inspecting and deciding, summed.
    pub inspect_us: Counter<u64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("menshen");
        let latency = || Histogram::new(exponential_buckets(0.0005, 2.0, 18));
        let fine = || Histogram::new(exponential_buckets(0.000_005, 2.0, 18));
        let requests = Family::<Requests, Counter>::default();
        let seconds = Family::<Api, Histogram>::new_with_constructor(latency);
        let first_text_seconds = Family::<Api, Histogram>::new_with_constructor(latency);
        let failures = Family::<Code, Counter>::default();
        let findings = Family::<Found, Counter>::default();
        let stage_seconds = Family::<StageName, Histogram>::new_with_constructor(fine);
        let in_flight = Gauge::default();
        let tokens = Counter::default();
        let inspect_us = Counter::<u64, AtomicU64>::default();
        registry.register("requests", "Requests by API, outcome and action", requests.clone());
        registry.register_with_unit("request", "Time to the end of the answer", Unit::Seconds, seconds.clone());
        registry.register_with_unit(
            "first_text",
            "Time until the client is sent the first checked byte of a stream",
            Unit::Seconds,
            first_text_seconds.clone(),
        );
        registry.register("failures", "Requests that ended in a failure, by code", failures.clone());
        registry.register("findings", "Findings by family", findings.clone());
        registry.register_with_unit("stage", "Time of one step of the guard", Unit::Seconds, stage_seconds.clone());
        registry.register("in_flight", "Requests under way", in_flight.clone());
        registry.register("tokens", "Tokens that upstreams say they used", tokens.clone());
        registry.register("inspect_microseconds", "Time spent inspecting and deciding", inspect_us.clone());
        Metrics {
            registry,
            requests,
            seconds,
            first_text_seconds,
            failures,
            findings,
            stage_seconds,
            in_flight,
            tokens,
            inspect_us,
        }
    }
}

impl Metrics {
    /// Counts a request that has ended.
    pub fn ended(&self, api: &'static str, outcome: Outcome, action: Option<Action>, seconds: f64) {
        let action = action.map_or("none", Action::id);
        self.requests.get_or_create(&Requests { api, outcome: outcome.id(), action }).inc();
        self.seconds.get_or_create(&Api { api }).observe(seconds);
    }

    /// Counts a failure.
    pub fn failed(&self, code: &'static str) {
        self.failures.get_or_create(&Code { code }).inc();
    }

    /// Notes when the first checked byte of a stream left.
    pub fn first_text(&self, api: &'static str, seconds: f64) {
        self.first_text_seconds.get_or_create(&Api { api }).observe(seconds);
    }

    /// Counts what a verdict holds and what it took.
    pub fn judged(&self, verdict: &Verdict) {
        for finding in &verdict.findings {
            self.findings.get_or_create(&Found { family: finding.family.id() }).inc();
        }
        for stage in &verdict.stages {
            let seconds = stage.us as f64 / 1e6;
            self.stage_seconds.get_or_create(&StageName { stage: stage.name.clone().into_owned() }).observe(seconds);
        }
        self.inspect_us.inc_by(verdict.took_us());
    }

    /// The exposition text (OpenMetrics 1.0).
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut out, &self.registry);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::default();
        metrics.ended("chat", Outcome::Intervened, Some(Action::Decline), 0.002);
        metrics.failed("no_upstream");
        let text = metrics.text();
        assert!(
            text.contains(r#"menshen_requests_total{api="chat",outcome="intervened",action="decline"} 1"#),
            "{text}"
        );
        assert!(text.contains(r#"menshen_failures_total{code="no_upstream"} 1"#));
    }
}
