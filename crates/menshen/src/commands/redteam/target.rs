//! Which model is attacked, as flags of a command line.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use menshen_redteam::target::{Kind, Limits, Spec};

use super::{known, read};
use crate::exit;

/// Which model is attacked.
#[derive(Args)]
pub(crate) struct TargetFlags {
    /// Base URL of the target: an OpenAI-compatible API such as http://127.0.0.1:8787/v1
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// The model's name at the target
    #[arg(long, default_value = "default", value_name = "NAME")]
    target_model: String,
    /// How the target is spoken to
    #[arg(long, value_enum, default_value_t = Family::Openai)]
    target_kind: Family,
    /// Environment variable with the target's API key; the key itself is never written anywhere
    #[arg(long, value_name = "VAR")]
    target_key_env: Option<String>,
    /// A YAML, TOML or JSON file that describes the target (HTTP template, program, limits)
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    target_file: Option<PathBuf>,
    /// Requests under way at once
    #[arg(long, value_name = "N")]
    concurrency: Option<u16>,
    /// Requests a minute
    #[arg(long, value_name = "N")]
    rpm: Option<u32>,
    /// The most requests
    #[arg(long, value_name = "N")]
    max_requests: Option<u64>,
    /// The most tokens
    #[arg(long, value_name = "N")]
    max_tokens: Option<u64>,
    /// The most money, in the currency of the prices
    #[arg(long, value_name = "AMOUNT")]
    max_cost: Option<f64>,
}

/// How a target is spoken to.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Family {
    /// Chat completions
    Openai,
    /// Messages
    Anthropic,
}

impl TargetFlags {
    /// The target, when one is stated.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub(crate) fn spec(&self) -> Result<Option<Spec>> {
        let mut spec = match (&self.target, &self.target_file) {
            (Some(url), _) => spec_of(self.target_kind, url, &self.target_model, self.target_key_env.clone()),
            (None, Some(file)) => {
                let text = read(file)?;
                Spec::read(file, &text).map_err(known)?
            }
            (None, None) => return Ok(None),
        };
        self.limit(&mut spec.limits);
        Ok(Some(spec))
    }

    /// What the command line says of limits wins over what is written.
    pub(crate) fn limit(&self, limits: &mut Limits) {
        limits.concurrency = self.concurrency.unwrap_or(limits.concurrency);
        limits.requests_per_minute = self.rpm.or(limits.requests_per_minute);
        limits.max_requests = self.max_requests.or(limits.max_requests);
        limits.max_tokens = self.max_tokens.or(limits.max_tokens);
        limits.max_cost = self.max_cost.or(limits.max_cost);
    }

    /// The target, which must be stated.
    ///
    /// # Errors
    /// With what to write when there is none, and as [`Self::spec`].
    pub(crate) fn needed(&self) -> Result<Spec> {
        self.spec()?.ok_or_else(|| {
            exit::usage("say what is attacked: --target URL --target-model NAME, or --target-file FILE".to_owned())
        })
    }
}

/// A target that is an API at an address.
pub(super) fn spec_of(family: Family, url: &str, model: &str, key_env: Option<String>) -> Spec {
    let (url, model) = (url.to_owned(), model.to_owned());
    let kind = match family {
        Family::Openai => Kind::Openai { url, model, stream: false, extra: Default::default() },
        Family::Anthropic => Kind::Anthropic { url, model, stream: false },
    };
    Spec { key_env, ..Spec::new(kind) }
}
