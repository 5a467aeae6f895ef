//! Where personal data lies, as tables: what is sealed, and what is about an end user. Whoever adds a table with either
//! adds a row here; a test compares the rows with the database's layout.

use serde_json::{Map, Value};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Column as _, Row as _, TypeInfo as _, ValueRef as _};

use crate::cipher::Ring;
use crate::error::Error;

/// A column outside of the audit that is sealed with the root key.
pub(super) struct Sealed {
    table: &'static str,
    column: &'static str,
    /// What it is sealed for, with `{}` for the value of the column `of`.
    place: &'static str,
    of: &'static str,
}

/// All of them. The tables must have a rowid.
pub(super) const SEALED: &[Sealed] = &[
    Sealed { table: "reviews", column: "input", place: "review/{}/input", of: "request_id" },
    Sealed { table: "reviews", column: "output", place: "review/{}/output", of: "request_id" },
    Sealed { table: "people", column: "totp", place: "person/{}/totp", of: "id" },
    Sealed { table: "people", column: "totp_pending", place: "person/{}/totp", of: "id" },
    Sealed { table: "subject_requests", column: "note", place: "subject/{}/note", of: "id" },
    // What was said in the steps of a case stays under the key of its time: the steps are never changed.
    Sealed { table: "cases", column: "body", place: "case/{}/body", of: "id" },
    Sealed { table: "alarms", column: "note", place: "alarm/{}/note", of: "id" },
    Sealed { table: "diligence", column: "note", place: "diligence/{}/note", of: "id" },
    Sealed { table: "policy_cases", column: "text", place: "policy case {}", of: "id" },
];

/// What happens to rows about a user when the user's data are destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Erasure {
    /// What is sealed in them is replaced by an empty text.
    Blank,
    /// They go.
    Delete,
    /// They stay, for this reason.
    Keep(&'static str),
}

/// A table with rows about end users.
pub(super) struct Holding {
    pub(super) table: &'static str,
    /// Which rows are about the user: `?1` is the tenant, `?2` the user.
    pub(super) condition: &'static str,
    pub(super) erasure: Erasure,
}

const OWN: &str = "tenant = ?1 AND user = ?2";
const AS_SUBJECT: &str = "tenant = ?1 AND kind = 'user' AND subject = ?2";
const MISUSE: &str =
    "evidence of unusual use and of what was done against it; no text of the user, and it ends with retention";

/// All of them but the audit itself, its list, and the keys of texts.
pub(super) const HOLDINGS: &[Holding] = &[
    Holding { table: "reviews", condition: OWN, erasure: Erasure::Blank },
    Holding {
        table: "tallies",
        condition: OWN,
        erasure: Erasure::Keep("counts of risky inputs (TC260-003 §7 g); they hold no text and end with retention"),
    },
    Holding { table: "suspensions", condition: OWN, erasure: Erasure::Keep("in force until it ends or is lifted") },
    Holding {
        table: "agreements",
        condition: OWN,
        erasure: Erasure::Keep(
            "evidence that content without explicit label was asked for (Measures for labelling, article 9)",
        ),
    },
    Holding { table: "subject_requests", condition: OWN, erasure: Erasure::Keep("proof of what was asked and done") },
    Holding {
        table: "feedback",
        condition: "request_id IN (SELECT request_id FROM seen INDEXED BY seen_by_user WHERE user = ?2 AND tenant = ?1)",
        erasure: Erasure::Keep("what staff said of decisions; it holds no text of the user"),
    },
    Holding {
        table: "cases",
        condition: OWN,
        erasure: Erasure::Keep(
            "what the user asked us to look into, and our answer: a claim of theirs; it ends with retention",
        ),
    },
    Holding { table: "alarms", condition: AS_SUBJECT, erasure: Erasure::Keep(MISUSE) },
    Holding { table: "measures", condition: AS_SUBJECT, erasure: Erasure::Keep(MISUSE) },
    Holding { table: "dampings", condition: AS_SUBJECT, erasure: Erasure::Keep("in the user's favour, until it ends") },
    Holding { table: "profiles", condition: OWN, erasure: Erasure::Delete },
    Holding { table: "presence", condition: OWN, erasure: Erasure::Delete },
    Holding {
        table: "diligence",
        condition: OWN,
        erasure: Erasure::Keep("proof that the user was looked into before a tier was given; it ends with retention"),
    },
];

impl Sealed {
    fn place(&self, of: &str) -> String {
        self.place.replace("{}", of)
    }

    /// Seals every cell anew. A cell that does not open is left as it is: it would not open afterwards either.
    pub(super) async fn reseal(
        &self,
        conn: &mut SqliteConnection,
        old: &Ring,
        new: &Ring,
    ) -> Result<Result<u64, Error>, sqlx::Error> {
        let Sealed { table, column, of, .. } = self;
        let some = format!(
            "SELECT rowid, {of}, {column} FROM {table} WHERE {column} IS NOT NULL AND rowid > ?1 ORDER BY rowid LIMIT 200"
        );
        let put = format!("UPDATE {table} SET {column} = ?2 WHERE rowid = ?1");
        let (mut last, mut count) = (i64::MIN, 0);
        loop {
            let rows = sqlx::query(AssertSqlSafe(some.as_str())).bind(last).fetch_all(&mut *conn).await?;
            if rows.is_empty() {
                return Ok(Ok(count));
            }
            for row in &rows {
                last = row.try_get(0)?;
                let place = self.place(row.try_get(1)?);
                let Ok(plain) = old.decrypt(column, &place, row.try_get(2)?).map(zeroize::Zeroizing::new) else {
                    continue;
                };
                let anew = match new.encrypt(&place, &plain) {
                    Ok(anew) => anew,
                    Err(e) => return Ok(Err(e)),
                };
                sqlx::query(AssertSqlSafe(put.as_str())).bind(last).bind(anew).execute(&mut *conn).await?;
                count += 1;
            }
        }
    }
}

impl Holding {
    /// Does to the rows about a user what the table says; gives how many that were.
    pub(super) async fn erase(
        &self,
        conn: &mut SqliteConnection,
        ring: &Ring,
        tenant: &str,
        user: &str,
    ) -> Result<Result<u64, Error>, sqlx::Error> {
        let Holding { table, condition, erasure } = self;
        match erasure {
            Erasure::Keep(_) => {
                let count = format!("SELECT COUNT(*) FROM {table} WHERE {condition}");
                let n: i64 = sqlx::query_scalar(AssertSqlSafe(count)).bind(tenant).bind(user).fetch_one(conn).await?;
                Ok(Ok(n.max(0) as u64))
            }
            Erasure::Delete => {
                let delete = format!("DELETE FROM {table} WHERE {condition}");
                let done = sqlx::query(AssertSqlSafe(delete)).bind(tenant).bind(user).execute(conn).await?;
                Ok(Ok(done.rows_affected()))
            }
            Erasure::Blank => {
                let mut rows = 0;
                for sealed in SEALED.iter().filter(|sealed| sealed.table == *table) {
                    let Sealed { column, of, .. } = sealed;
                    let some = format!("SELECT rowid, {of} FROM {table} WHERE {condition} AND {column} IS NOT NULL");
                    let put = format!("UPDATE {table} SET {column} = ?2 WHERE rowid = ?1");
                    let found = sqlx::query(AssertSqlSafe(some)).bind(tenant).bind(user).fetch_all(&mut *conn).await?;
                    for row in &found {
                        let empty = match ring.encrypt(&sealed.place(row.try_get(1)?), b"") {
                            Ok(empty) => empty,
                            Err(e) => return Ok(Err(e)),
                        };
                        sqlx::query(AssertSqlSafe(put.as_str()))
                            .bind(row.try_get::<i64, _>(0)?)
                            .bind(empty)
                            .execute(&mut *conn)
                            .await?;
                    }
                    rows = rows.max(found.len() as u64);
                }
                Ok(Ok(rows))
            }
        }
    }

    /// The rows about a user: all columns, `?3` and `?4` bound how many and from which on.
    pub(super) fn select(&self) -> String {
        let Holding { table, condition, .. } = self;
        format!("SELECT * FROM {table} WHERE {condition} LIMIT ?3 OFFSET ?4")
    }

    /// A row as JSON. Sealed columns are opened; times end in `_us` and are microseconds since 1970 UTC.
    pub(super) fn json(&self, row: &SqliteRow, ring: &Ring) -> Result<Value, sqlx::Error> {
        let mut object = Map::new();
        for (at, column) in row.columns().iter().enumerate() {
            let name = column.name();
            let kind = row.try_get_raw(at)?.type_info().name().to_owned();
            let value = match kind.as_str() {
                "TEXT" => Value::from(row.try_get::<String, _>(at)?),
                "INTEGER" | "INT4" | "INT8" => Value::from(row.try_get::<i64, _>(at)?),
                "REAL" => Value::from(row.try_get::<f64, _>(at)?),
                "BLOB" => self.opened(row, name, row.try_get(at)?, ring)?,
                _ => Value::Null,
            };
            object.insert(name.to_owned(), value);
        }
        Ok(Value::Object(object))
    }

    fn opened(&self, row: &SqliteRow, name: &str, bytes: &[u8], ring: &Ring) -> Result<Value, sqlx::Error> {
        let Some(sealed) = SEALED.iter().find(|s| s.table == self.table && s.column == name) else {
            return Ok(Value::from(crate::hex::encode(bytes)));
        };
        let place = sealed.place(row.try_get(sealed.of)?);
        Ok(ring
            .decrypt("text", &place, bytes)
            .ok()
            .and_then(|b| String::from_utf8(b).ok())
            .map_or(Value::Null, Value::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    /// Covered by hand: the audit and its list stay, the keys go.
    const ELSEWHERE: &[&str] = &["audit", "seen", "text_keys"];

    async fn columns(conn: &mut SqliteConnection) -> Vec<(String, String, String)> {
        const ALL: &str = "SELECT t.name, c.name, c.type FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c
            WHERE t.type = 'table'";
        let rows = sqlx::query(ALL).fetch_all(conn).await.unwrap();
        rows.iter().map(|r| (r.get(0), r.get(1), r.get(2))).collect()
    }

    /// A table that names end users, or seals something, and that nobody listed would be left out of copies and erasures.
    #[tokio::test]
    async fn no_table_about_people_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = schema::database_path(dir.path());
        crate::files::make_private(&path).unwrap();
        let mut conn = schema::open_writer(&path, None).await.unwrap();
        let columns = columns(&mut conn).await;
        for (table, column, _) in &columns {
            if column == "user" && !ELSEWHERE.contains(&table.as_str()) {
                assert!(HOLDINGS.iter().any(|h| h.table == table), "{table} names users and is in no row of HOLDINGS");
            }
        }
        for sealed in SEALED {
            let there = |name: &str| columns.iter().any(|(t, c, _)| t == sealed.table && c == name);
            assert!(there(sealed.column) && there(sealed.of), "{}.{}", sealed.table, sealed.column);
            let rowid = format!("SELECT rowid FROM {}", sealed.table);
            sqlx::query(AssertSqlSafe(rowid)).fetch_optional(&mut conn).await.unwrap();
        }
        for holding in HOLDINGS {
            let blanks = SEALED.iter().any(|s| s.table == holding.table);
            assert!(holding.erasure != Erasure::Blank || blanks, "{} has nothing to blank", holding.table);
            sqlx::query(AssertSqlSafe(holding.select()))
                .bind("t")
                .bind("u")
                .bind(1)
                .bind(0)
                .fetch_all(&mut conn)
                .await
                .unwrap();
        }
    }
}
