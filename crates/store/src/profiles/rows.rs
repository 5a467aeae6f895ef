//! The tables of profiles.

use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};

use super::presence::Presence;
use super::{Diligence, Profile, RealName, Who};
use crate::changes::Setback;
use crate::error::Error;
use crate::store::Store;

#[derive(Debug, Clone)]
pub(crate) enum ProfileChange {
    Put(Profile),
    Remove(Who),
    Review { who: Who, diligence: Diligence, note: Option<Vec<u8>> },
    Present { who: Who, presence: Presence },
}

/// Which profiles to list.
#[derive(Debug, Clone, Default)]
pub struct ProfileFilter {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of this application.
    pub app: Option<String>,
    /// Of this tier.
    pub tier: Option<String>,
    /// Minors, or those who are none.
    pub minor: Option<bool>,
    /// Whose name holds this.
    pub holds: Option<String>,
    /// After this one, in the order of tenant, application and user.
    pub after: Option<(String, String, String)>,
}

const PUT: &str =
    "INSERT INTO profiles (tenant, app, user, tier, real_name, minor, region, purpose, created_us, updated_us, by)
    VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11) ON CONFLICT (tenant, app, user)
    DO UPDATE SET tier = ?4, real_name = ?5, minor = ?6, region = ?7, purpose = ?8, updated_us = ?10, by = ?11";
const REVIEW: &str = "INSERT INTO diligence (id, tenant, app, user, passed, checks, note, by, at_us, until_us)
    VALUES (?,?,?,?,?,?,?,?,?,?)";
const PRESENT: &str = "INSERT INTO presence (tenant, app, user, day, minutes, minute) VALUES (?1,?2,?3,?4,?5,?6)
    ON CONFLICT (tenant, app, user) DO UPDATE SET day = ?4, minutes = ?5, minute = ?6";

pub(crate) async fn apply(conn: &mut SqliteConnection, change: &ProfileChange) -> Result<u64, Setback> {
    let done = match change {
        ProfileChange::Put(p) => {
            sqlx::query(PUT)
                .bind(&p.tenant)
                .bind(&p.app)
                .bind(&p.user)
                .bind(&p.tier)
                .bind(p.real_name.id())
                .bind(p.minor)
                .bind(&p.region)
                .bind(&p.purpose)
                .bind(p.created_us)
                .bind(p.updated_us)
                .bind(&p.by)
                .execute(conn)
                .await?
        }
        ProfileChange::Remove((tenant, app, user)) => {
            for sql in [
                "DELETE FROM diligence WHERE tenant = ?1 AND app = ?2 AND user = ?3",
                "DELETE FROM presence WHERE tenant = ?1 AND app = ?2 AND user = ?3",
            ] {
                sqlx::query(sql).bind(tenant).bind(app).bind(user).execute(&mut *conn).await?;
            }
            let sql = "DELETE FROM profiles WHERE tenant = ?1 AND app = ?2 AND user = ?3";
            sqlx::query(sql).bind(tenant).bind(app).bind(user).execute(conn).await?
        }
        ProfileChange::Review { who: (tenant, app, user), diligence: d, note } => {
            sqlx::query(REVIEW)
                .bind(&d.id)
                .bind(tenant)
                .bind(app)
                .bind(user)
                .bind(d.passed)
                .bind(json!(d.checks).to_string())
                .bind(note)
                .bind(&d.by)
                .bind(d.at_us)
                .bind(d.until_us)
                .execute(conn)
                .await?
        }
        ProfileChange::Present { who: (tenant, app, user), presence: p } => {
            let query = sqlx::query(PRESENT).bind(tenant).bind(app).bind(user);
            query.bind(p.day).bind(p.minutes).bind(p.minute).execute(conn).await?
        }
    };
    Ok(done.rows_affected())
}

pub(super) async fn count(conn: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM profiles").fetch_one(conn).await
}

/// Where a note belongs: it opens nowhere else.
pub(super) fn place(id: &str) -> String {
    format!("diligence/{id}/note")
}

/// A profile with its last review, without the note.
fn read(row: &SqliteRow) -> Result<Profile, sqlx::Error> {
    let real_name: &str = row.try_get(4)?;
    let unknown = || sqlx::Error::Protocol(format!("{real_name:?} is no real-name level"));
    let id: Option<String> = row.try_get(11)?;
    let diligence = id.map(|id| reviewed(row, id)).transpose()?;
    Ok(Profile {
        tenant: row.try_get(0)?,
        app: row.try_get(1)?,
        user: row.try_get(2)?,
        tier: row.try_get(3)?,
        real_name: RealName::of(real_name).ok_or_else(unknown)?,
        minor: row.try_get(5)?,
        region: row.try_get(6)?,
        purpose: row.try_get(7)?,
        created_us: row.try_get(8)?,
        updated_us: row.try_get(9)?,
        by: row.try_get(10)?,
        diligence,
    })
}

fn reviewed(row: &SqliteRow, id: String) -> Result<Diligence, sqlx::Error> {
    let checks: &str = row.try_get(13)?;
    Ok(Diligence {
        id,
        passed: row.try_get(12)?,
        checks: serde_json::from_str(checks).unwrap_or_default(),
        note: None,
        by: row.try_get(14)?,
        at_us: row.try_get(15)?,
        until_us: row.try_get(16)?,
    })
}

pub(super) async fn profile(pool: &SqlitePool, who: &Who) -> Result<Option<Profile>, sqlx::Error> {
    const ONE: &str = "SELECT p.tenant, p.app, p.user, p.tier, p.real_name, p.minor, p.region, p.purpose, p.created_us,
        p.updated_us, p.by, d.id, d.passed, d.checks, d.by, d.at_us, d.until_us
        FROM profiles p LEFT JOIN diligence d ON d.id = (SELECT id FROM diligence
            WHERE tenant = p.tenant AND app = p.app AND user = p.user ORDER BY at_us DESC, id DESC LIMIT 1)
        WHERE p.tenant = ?1 AND p.app = ?2 AND p.user = ?3";
    let query = sqlx::query(ONE).bind(&who.0).bind(&who.1).bind(&who.2);
    query.fetch_optional(pool).await?.as_ref().map(read).transpose()
}

pub(super) async fn profiles(
    pool: &SqlitePool,
    filter: &ProfileFilter,
    limit: u32,
) -> Result<Vec<Profile>, sqlx::Error> {
    const LIST: &str =
        "SELECT p.tenant, p.app, p.user, p.tier, p.real_name, p.minor, p.region, p.purpose, p.created_us,
        p.updated_us, p.by, d.id, d.passed, d.checks, d.by, d.at_us, d.until_us
        FROM profiles p LEFT JOIN diligence d ON d.id = (SELECT id FROM diligence
            WHERE tenant = p.tenant AND app = p.app AND user = p.user ORDER BY at_us DESC, id DESC LIMIT 1)
        WHERE (?1 IS NULL OR p.tenant = ?1) AND (?2 IS NULL OR p.app = ?2) AND (?3 IS NULL OR p.tier = ?3)
        AND (?4 IS NULL OR p.minor = ?4) AND (?5 IS NULL OR instr(p.user, ?5) > 0)
        AND (?6 IS NULL OR (p.tenant, p.app, p.user) > (?6, ?7, ?8))
        ORDER BY p.tenant, p.app, p.user LIMIT ?9";
    let after = filter.after.as_ref();
    let rows = sqlx::query(LIST)
        .bind(&filter.tenant)
        .bind(&filter.app)
        .bind(&filter.tier)
        .bind(filter.minor)
        .bind(&filter.holds)
        .bind(after.map(|a| a.0.as_str()))
        .bind(after.map(|a| a.1.as_str()))
        .bind(after.map(|a| a.2.as_str()))
        .bind(limit)
        .fetch_all(pool)
        .await?;
    rows.iter().map(read).collect()
}

pub(super) async fn diligence(store: &Store, who: &Who, limit: u32) -> Result<Vec<Diligence>, Error> {
    const LIST: &str = "SELECT id, passed, checks, note, by, at_us, until_us FROM diligence
        WHERE tenant = ?1 AND app = ?2 AND user = ?3 ORDER BY at_us DESC, id DESC LIMIT ?4";
    let failed = |e| store.archive().failed("listing reviews of a user", e);
    let query = sqlx::query(LIST).bind(&who.0).bind(&who.1).bind(&who.2).bind(limit);
    let rows = query.fetch_all(store.archive().pool()).await.map_err(failed)?;
    let plain = |row: &SqliteRow| -> Result<(Diligence, Option<Vec<u8>>), sqlx::Error> {
        let checks: &str = row.try_get(2)?;
        let diligence = Diligence {
            id: row.try_get(0)?,
            passed: row.try_get(1)?,
            checks: serde_json::from_str(checks).unwrap_or_default(),
            note: None,
            by: row.try_get(4)?,
            at_us: row.try_get(5)?,
            until_us: row.try_get(6)?,
        };
        Ok((diligence, row.try_get(3)?))
    };
    let mut list = Vec::new();
    for row in &rows {
        let (mut diligence, note) = plain(row).map_err(failed)?;
        if let Some(sealed) = note {
            let text = store.inner.ring().decrypt("note", &place(&diligence.id), &sealed)?;
            diligence.note = Some(String::from_utf8_lossy(&text).into_owned());
        }
        list.push(diligence);
    }
    Ok(list)
}

pub(super) async fn presence(pool: &SqlitePool, who: &Who) -> Result<Option<Presence>, sqlx::Error> {
    const ONE: &str = "SELECT day, minutes, minute FROM presence WHERE tenant = ?1 AND app = ?2 AND user = ?3";
    let query = sqlx::query(ONE).bind(&who.0).bind(&who.1).bind(&who.2);
    let read = |row: SqliteRow| {
        Ok(Presence { day: row.try_get(0)?, minutes: row.try_get(1)?, minute: row.try_get(2)?, other: None })
    };
    query.fetch_optional(pool).await?.map(read).transpose()
}

/// Minutes of days that are long gone.
pub(crate) async fn prune(conn: &mut SqliteConnection, before_us: i64) -> Result<(), sqlx::Error> {
    let sql = "DELETE FROM presence WHERE day < ?1";
    sqlx::query(sql).bind(before_us.div_euclid(86_400_000_000)).execute(&mut *conn).await?;
    Ok(())
}
