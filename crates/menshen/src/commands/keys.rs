//! `menshen keys`: API keys, on a data folder that no gateway holds. A running gateway has `/admin/keys`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use menshen_gateway::Config;
use menshen_gateway::auth::{ADMIN, INFER};
use menshen_store::{NewKey, Store};

use super::{print, table};
use crate::exit;

/// What can be done with keys.
#[derive(Subcommand)]
pub enum Keys {
    /// Make a key; its secret is shown once
    Create {
        /// What it is for
        name: String,
        /// The application it speaks for
        #[arg(long, default_value = "default")]
        app: String,
        /// The tenant
        #[arg(long, default_value = "default")]
        tenant: String,
        /// May administer
        #[arg(long)]
        admin: bool,
        /// Scene that its requests are bound to
        #[arg(long)]
        scene: Option<String>,
        /// Tier of its users
        #[arg(long)]
        tier: Option<String>,
        /// Requests a minute
        #[arg(long)]
        rpm: Option<u32>,
        /// Tokens a minute
        #[arg(long)]
        tpm: Option<u32>,
        /// Days it is valid
        #[arg(long)]
        days: Option<u32>,
    },
    /// List keys, without their secrets
    List {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key
    Revoke {
        /// Its id
        id: String,
    },
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be opened (a gateway may hold it) or the key does not exist.
pub async fn run(config: Config, keys: Keys) -> Result<ExitCode> {
    let store = Store::open(&config.data_dir, super::serve::store_options(&config)?)
        .await
        .map_err(|e| exit::environment(format!("cannot open the store in {}: {e}", config.data_dir.display())))?;
    let now = jiff::Timestamp::now().as_microsecond();
    let done = match keys {
        Keys::Create { name, app, tenant, admin, scene, tier, rpm, tpm, days } => {
            let scope = if admin { ADMIN } else { INFER };
            let expires_us = days.map(|d| now + i64::from(d) * 86_400_000_000);
            let new = NewKey { name, tenant, app, scopes: vec![scope.to_owned()], tier, scene, rpm, tpm, expires_us };
            match store.create_key(new, "cli", now).await {
                Ok(created) => print(&format!("{}\nShown this once; keep it.", created.presented.as_str())),
                Err(e) => Err(exit::usage(e.to_string())),
            }
        }
        Keys::List { json } => {
            let list = store.keys();
            if json {
                let keys: Vec<_> = list
                    .iter()
                    .map(|k| {
                        serde_json::json!({"id": k.id, "name": k.name, "tenant": k.tenant, "app": k.app,
                        "scopes": k.scopes, "expires_us": k.expires_us, "revoked_us": k.revoked_us})
                    })
                    .collect();
                print(&serde_json::to_string_pretty(&keys)?)
            } else {
                let mut table = table(&["id", "name", "tenant", "app", "scopes", "state"]);
                for key in &list {
                    let state = match (key.revoked_us, key.expires_us) {
                        (Some(_), _) => "revoked",
                        (None, Some(end)) if end <= now => "expired",
                        _ => "valid",
                    };
                    table.add_row([&key.id, &key.name, &key.tenant, &key.app, &key.scopes.join(","), state]);
                }
                print(&table.to_string())
            }
        }
        Keys::Revoke { id } => match store.revoke_key(&id, "cli", now).await {
            Ok(()) => print(&format!("revoked {id}")),
            Err(e) => Err(exit::usage(e.to_string())),
        },
    };
    store.close().await.map_err(|e| exit::environment(e.to_string()))?;
    done.map(|()| ExitCode::SUCCESS)
}
