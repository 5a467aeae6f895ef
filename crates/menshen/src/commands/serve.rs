//! `menshen serve`: the gateway.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use clap::Args;
use menshen_gateway::auth::ADMIN;
use menshen_gateway::config::{Durability, KeepText};
use menshen_gateway::{Config, Gateway};
use menshen_store::{
    Filter, Key, KeySource, NewKey, Options, RetentionClock, RetentionDays, SessionTimes, Store, StrikeLimits,
    TextRetention,
};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::print;
use crate::exit;

/// Where the store's key is.
///
/// # Errors
/// When `MENSHEN_AUDIT_KEY` is not a key, or the command that should print it fails.
pub fn audit_key(config: &Config) -> Result<KeySource> {
    match std::env::var("MENSHEN_AUDIT_KEY").ok().filter(|k| !k.is_empty()) {
        Some(hex) => Ok(KeySource::Given(
            Key::from_hex(&hex).map_err(|e| exit::usage(format!("MENSHEN_AUDIT_KEY is wrong: {e}")))?,
        )),
        None if !config.protection.key_command.is_empty() => {
            let protection = &config.protection;
            super::key_command::read(&protection.key_command, protection.key_command_ms).map(KeySource::Given)
        }
        None => Ok(config.audit.key_file.clone().map_or(KeySource::Folder, KeySource::File)),
    }
}

/// How the store is opened for a configuration.
///
/// # Errors
/// When the key is wrong.
pub fn store_options(config: &Config) -> Result<Options> {
    Ok(Options {
        key: audit_key(config)?,
        durability: match config.audit.durability {
            Durability::Strict => menshen_store::Durability::Strict,
            Durability::Windowed => menshen_store::Durability::Windowed { ms: config.audit.window_ms },
        },
        text: match config.audit.text {
            KeepText::Encrypted => TextRetention::Encrypted,
            KeepText::Redacted => TextRetention::Redacted,
            KeepText::Omitted => TextRetention::Omitted,
        },
        retention_days: config.audit.retention_days,
        retention_kinds: RetentionDays {
            reviews: config.protection.reviews_days,
            feedback: config.protection.feedback_days,
            usage: config.protection.usage_days,
        },
        strikes: StrikeLimits {
            consecutive: config.limits.strikes_in_a_row,
            per_day: config.limits.strikes_per_day,
            suspend_s: config.limits.suspend_s,
        },
        sessions: SessionTimes { idle_s: config.console.session_idle_s, most_s: config.console.session_most_s },
        ..Options::default()
    })
}

/// Arguments of `menshen serve`.
#[derive(Args)]
pub struct Serve {
    /// Open an audit that does not fit its head file (restored from a backup, say): the break is recorded
    #[arg(long)]
    accept_break: bool,
    /// Run on the packs of the program and the folders, without what the console's workbench published over them
    #[arg(long)]
    ignore_published: bool,
}

/// Runs until told to stop.
///
/// # Errors
/// When the address is taken, the store cannot be opened, or a setting is wrong.
pub async fn run(config: Config, serve: Serve) -> Result<ExitCode> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|e| exit::usage(format!("log filter {:?} is wrong: {e}", config.log)))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    let options = Options { accept_break: serve.accept_break, ..store_options(&config)? };
    let store = Store::open(&config.data_dir, options).await.map_err(|e| {
        let hint = match e {
            menshen_store::Error::Tampered { .. } => {
                "; after looking into it, --accept-break records the break and goes on"
            }
            _ => "",
        };
        exit::environment(format!("cannot open the store in {}: {e}{hint}", config.data_dir.display()))
    })?;
    let snapshot = menshen_gateway::in_force(&config, &store, serve.ignore_published)
        .await
        .map_err(|e| exit::environment(format!("cannot read what was published: {e}")))?;
    for line in &snapshot.diagnostics {
        tracing::warn!("{line}");
    }
    if snapshot.errors > 0 {
        let hint = match snapshot.published.revision {
            0 => "",
            _ => "; --ignore-published starts without what was published over them",
        };
        return Err(exit::usage(format!(
            "the packs have {} errors (above); correct them, or check them with `menshen packs check`{hint}",
            snapshot.errors
        )));
    }
    // Before anything is recorded at a time that may be wrong.
    let newest = store.records(&Filter::default(), None, 1).await.ok().and_then(|page| page.into_iter().next());
    let newest_us = newest.and_then(|r| r.at.parse::<jiff::Timestamp>().ok()).map(jiff::Timestamp::as_microsecond);
    let clock = RetentionClock::begin(jiff::Timestamp::now().as_microsecond(), newest_us);
    let set_key = std::env::var("MENSHEN_ADMIN_KEY").ok().filter(|k| !k.is_empty());
    let made_key = first_admin_key(&store, set_key.as_deref()).await?;
    let listener = TcpListener::bind(config.listen).await.map_err(|e| {
        exit::environment(format!("cannot listen on {}: {e}; choose another with MENSHEN_LISTEN", config.listen))
    })?;
    let address = listener.local_addr()?;
    let gateway = Gateway::new(config, snapshot, store.clone(), set_key.as_deref())
        .map_err(|e| exit::usage(e.message.into_owned()))?;
    gateway.attach(super::redteam::annex(&gateway.config, &store).await?);
    for line in &gateway.governed().diagnostics {
        tracing::warn!("{line}");
    }
    gateway.ask(super::witness::open(&gateway.config).await?);
    let setup = store.setup_token().map_err(|e| exit::environment(format!("cannot make the set-up's token: {e}")))?;
    greet(&gateway, address, made_key.as_deref(), setup.as_deref().map(String::as_str))?;

    let housekeeping = tokio::spawn(keep_house(Arc::clone(&gateway), clock));
    let watching = tokio::spawn(menshen_gateway::incidents::watch::watch(Arc::clone(&gateway)));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let served = gateway.serve(listener, stop).await;
    housekeeping.abort();
    watching.abort();
    store.close().await.context("closing the store")?;
    served.map_err(|e| exit::environment(format!("the listener failed: {e}")))?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the admin key of a fresh store, unless the operator set one.
async fn first_admin_key(store: &Store, set: Option<&str>) -> Result<Option<String>> {
    let exists = store.keys().iter().any(|k| k.revoked_us.is_none() && k.has_scope(ADMIN));
    if set.is_some() || exists {
        return Ok(None);
    }
    let new = NewKey {
        name: "first administrator".to_owned(),
        tenant: "default".to_owned(),
        app: "default".to_owned(),
        scopes: vec![ADMIN.to_owned()],
        tier: None,
        scene: None,
        rpm: None,
        tpm: None,
        expires_us: None,
    };
    let created = store
        .create_key(new, "setup", jiff::Timestamp::now().as_microsecond())
        .await
        .map_err(|e| exit::environment(format!("cannot make the admin key: {e}")))?;
    Ok(Some(created.presented.as_str().to_owned()))
}

fn greet(gateway: &Gateway, address: std::net::SocketAddr, admin_key: Option<&str>, setup: Option<&str>) -> Result<()> {
    let config = &gateway.config;
    let snapshot = gateway.guard.snapshot();
    let (words, patterns) = snapshot.engine.sizes();
    let packs: Vec<String> = snapshot.packs.versions().iter().map(|v| format!("{} {}", v.id, v.version)).collect();
    let mut lines = vec![
        format!("Menshen 门神 {}", env!("CARGO_PKG_VERSION")),
        format!("  open       http://{address}"),
        match menshen_console::pages::built_in() {
            true => format!("  console    http://{address}/console/"),
            false => format!("  console    http://{address}/console (not built in: `make console` needs Node 20)"),
        },
        match config.upstream.as_slice() {
            [] => "  upstream   none yet: set MENSHEN_UPSTREAM=http://host/v1 (or menshen.toml) and restart; the checking \
                   APIs work without"
                .to_owned(),
            upstreams => {
                let urls: Vec<&str> = upstreams.iter().map(|u| u.url.as_str()).collect();
                format!("  upstream   {}", urls.join(", "))
            }
        },
        format!(
            "  packs      {} ({words} words, {patterns} patterns, {} rules, {} principles, {} standard answers)",
            packs.join(", "),
            snapshot.packs.rules().count(),
            snapshot.packs.principles().len(),
            snapshot.packs.answers().count(),
        ),
        format!("  store      {}", config.data_dir.display()),
    ];
    if !config.guard.enabled {
        lines.push("  guard      OFF: requests are forwarded unchecked (MENSHEN_GUARD=off)".to_owned());
    } else if config.guard.monitor {
        lines.push("  guard      monitor: everything is recorded, nothing is acted on".to_owned());
    }
    if let Some(key) = admin_key {
        lines.push(format!("  admin key  {key}"));
        lines.push("             shown this once; keep it. It opens /admin/… and makes further keys.".to_owned());
    }
    if let Some(token) = setup {
        // Behind the #: browsers keep that to themselves, so that the token stands in no log.
        if menshen_console::pages::built_in() {
            lines.push(format!("  set up     http://{address}/console/#/setup?token={token}"));
            lines.push("             open it to make the first account (or: menshen people add); good until then, a new one at each start.".to_owned());
        } else {
            lines.push(format!("  set up     {token}"));
            lines.push("             makes the first account at /console (or: menshen people add); a new one at each start until then.".to_owned());
        }
    }
    lines.push(format!(
        "  try        curl -s http://{address}/v1/guard -H 'content-type: application/json' -d \
         '{{\"text\":\"我的手机号是13800138000\"}}'"
    ));
    if config.upstream.is_empty() {
        lines.push("  next       menshen init   # writes a commented menshen.toml".to_owned());
    } else {
        lines.push(format!("  next       point your client's base URL at http://{address}/v1"));
    }
    print(&lines.join("\n"))
}

/// What has to be done now and then: traces out, retention, packs that changed on disk.
async fn keep_house(gateway: Arc<Gateway>, clock: RetentionClock) {
    let mut tick = tokio::time::interval(Duration::from_secs(2));
    let mut hangup = signal(SignalKind::hangup()).ok();
    let mut seen = newest(gateway.guard.folders());
    let mut ticks: u64 = 0;
    loop {
        let asked = tokio::select! {
            _ = tick.tick() => false,
            () = async {
                match &mut hangup {
                    Some(hangup) => drop(hangup.recv().await),
                    None => std::future::pending().await,
                }
            } => true,
        };
        ticks += 1;
        gateway.flush_traces().await;
        gateway.publish_due().await;
        let now = newest(gateway.guard.folders());
        if asked || now != seen {
            seen = now;
            match gateway.reload("files").await {
                Ok(()) => tracing::info!("packs loaded again"),
                Err(e) => tracing::error!("the packs in force stay: {}", e.message),
            }
        }
        // Once after a minute, then once a day.
        if ticks % 43_200 == 30 {
            match gateway.store.run_retention(clock.now_us(jiff::Timestamp::now().as_microsecond())).await {
                Ok(pruned) if pruned.rows > 0 => {
                    tracing::info!(rows = pruned.rows, "records past their retention were removed")
                }
                Ok(_) => {}
                Err(e) => tracing::error!(error = %e, "retention could not be carried out"),
            }
        }
    }
}

/// The newest change and the number of files below the folders.
fn newest(folders: &[PathBuf]) -> (Option<SystemTime>, usize) {
    fn visit(folder: &Path, depth: usize, seen: &mut (Option<SystemTime>, usize)) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() && depth < 5 {
                visit(&entry.path(), depth + 1, seen);
            } else if let Ok(time) = meta.modified() {
                seen.0 = seen.0.max(Some(time));
                seen.1 += 1;
            }
        }
    }
    let mut seen = (None, 0);
    for folder in folders {
        visit(folder, 0, &mut seen);
    }
    seen
}
