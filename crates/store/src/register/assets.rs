//! What applications are made of: data sets, models, plugins, endpoints.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rows::{self, RegisterChange};
use super::{MOST_NAME, MOST_TEXT, bounded, date, event, named};
use crate::error::Error;
use crate::store::Store;

/// An asset that is to be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAsset {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its version; may be empty.
    #[serde(default)]
    pub version: String,
    /// Its hash, with the name of the algorithm; may be empty.
    #[serde(default)]
    pub hash: String,
    /// Where it comes from.
    #[serde(default)]
    pub source: String,
    /// Under which licence or contract.
    #[serde(default)]
    pub licence: String,
    /// Who is responsible.
    #[serde(default)]
    pub owner: String,
    /// Its stage of life.
    pub stage: String,
    /// The applications that use it.
    #[serde(default)]
    pub entries: Vec<String>,
    /// When it is retired: `YYYY-MM-DD`.
    #[serde(default)]
    pub retires: Option<String>,
    /// In words.
    #[serde(default)]
    pub note: String,
}

/// An asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asset {
    /// Its id: `ast_` and a UUID.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// What is known of it.
    #[serde(flatten)]
    pub of: NewAsset,
    /// Whether the program found it by itself.
    pub imported: bool,
    /// When it was last changed, in microseconds since 1970 UTC; a change must name it, so that none is lost.
    pub updated_us: i64,
    /// By whom.
    pub updated_by: String,
}

impl NewAsset {
    fn check(&self) -> Result<(), Error> {
        named("kind", &self.kind)?;
        named("name", &self.name)?;
        named("stage", &self.stage)?;
        for (what, value) in
            [("version", &self.version), ("hash", &self.hash), ("licence", &self.licence), ("owner", &self.owner)]
        {
            bounded(what, value, MOST_NAME)?;
        }
        bounded("source", &self.source, MOST_TEXT)?;
        bounded("note", &self.note, MOST_TEXT)?;
        if self.entries.len() > 1000 || self.entries.iter().any(|e| e.len() > MOST_NAME) {
            return Err(Error::Invalid { what: "entries", problem: "more applications than there can be".to_owned() });
        }
        date("retires", self.retires.as_deref())
    }
}

impl Asset {
    fn detail(&self) -> serde_json::Value {
        json!({ "id": self.id, "kind": self.of.kind, "name": self.of.name, "version": self.of.version,
                "hash": self.of.hash, "stage": self.of.stage, "owner": self.of.owner, "entries": self.of.entries })
    }
}

impl Store {
    /// Keeps assets, all or none of them. With `imported`, those that are there already (same tenant, kind, name and
    /// version) are passed over. Gives what was new.
    ///
    /// # Errors
    /// [`Error::Invalid`] for members that will not do, or one that is there already; the database's failures.
    pub async fn keep_assets(
        &self,
        tenant: &str,
        new: Vec<NewAsset>,
        imported: bool,
        by: &str,
        now_us: i64,
    ) -> Result<Vec<Asset>, Error> {
        crate::keys::check_id("tenant", tenant)?;
        let there = if imported { self.assets(Some(tenant)).await? } else { Vec::new() };
        let known = |n: &NewAsset| {
            there.iter().any(|a| a.of.kind == n.kind && a.of.name == n.name && a.of.version == n.version)
        };
        let mut made = Vec::new();
        for of in new.into_iter().filter(|n| !known(n)) {
            of.check()?;
            made.push(Asset {
                id: format!("ast_{}", uuid::Uuid::now_v7().simple()),
                tenant: tenant.to_owned(),
                of,
                imported,
                updated_us: now_us,
                updated_by: by.to_owned(),
            });
        }
        if made.is_empty() {
            return Ok(made);
        }
        let told: Vec<_> = made.iter().map(Asset::detail).collect();
        let name = if imported { "register.asset.import" } else { "register.asset.add" };
        let entry = event(name, tenant, json!({ "assets": told }), by, now_us);
        self.put(RegisterChange::Assets(made.clone()), entry).await?;
        Ok(made)
    }

    /// Changes an asset. `updated_us` must be what was read.
    ///
    /// # Errors
    /// [`Error::Invalid`] for members that will not do, or when it was changed meanwhile; the database's failures.
    pub async fn change_asset(&self, changed: Asset, by: &str, now_us: i64) -> Result<Asset, Error> {
        changed.of.check()?;
        let was_us = changed.updated_us;
        let made = Asset { updated_us: now_us.max(was_us + 1), updated_by: by.to_owned(), ..changed };
        let entry = event("register.asset.change", &made.tenant, made.detail(), by, now_us);
        self.put(RegisterChange::ChangeAsset { made: made.clone(), was_us }, entry).await?;
        Ok(made)
    }

    /// The assets, by kind and name; of one tenant where it is given.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn assets(&self, tenant: Option<&str>) -> Result<Vec<Asset>, Error> {
        rows::assets(self.archive().pool(), tenant).await.map_err(|e| self.archive().failed("listing assets", e))
    }
}
