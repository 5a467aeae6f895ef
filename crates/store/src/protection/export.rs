//! The copy of everything that is about an end user: one JSON document, written piece by piece, its manifest at the end.

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::AssertSqlSafe;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::holdings::HOLDINGS;
use super::subject::{SubjectAsks, SubjectRequest};
use crate::error::Error;
use crate::store::Store;
use crate::time;

/// Rows that are read at once.
const PAGE: i64 = 200;

/// What a copy holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubjectManifest {
    /// Each part of the document, in order.
    pub sections: Vec<SectionSum>,
    /// The last record of the audit when the copy was begun.
    pub audit_seq: u64,
}

/// A part of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SectionSum {
    /// Its name: `records`, `events`, or a table.
    pub name: String,
    /// How many rows.
    pub rows: u64,
    /// SHA-256 over its rows, each as it stands in the document, without the comma, with a line feed behind it.
    pub sha256: String,
}

struct Sink<'a, W: ?Sized> {
    out: &'a mut W,
    hash: Sha256,
    rows: u64,
}

impl<W: AsyncWrite + Unpin + Send + ?Sized> Sink<'_, W> {
    async fn write(&mut self, text: &str) -> Result<(), Error> {
        let sunk = |e| Error::file("writing the copy to", std::path::Path::new("its sink"), e);
        self.out.write_all(text.as_bytes()).await.map_err(sunk)
    }

    async fn row(&mut self, row: &Value) -> Result<(), Error> {
        let line = row.to_string();
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        let comma = if self.rows > 0 { ",\n" } else { "\n" };
        self.rows += 1;
        self.write(comma).await?;
        self.write(&line).await
    }

    fn end(&mut self, name: &str) -> SectionSum {
        let hash = std::mem::take(&mut self.hash).finalize();
        SectionSum { name: name.to_owned(), rows: std::mem::take(&mut self.rows), sha256: crate::hex::encode(&hash) }
    }
}

impl Store {
    /// Writes the copy that a request asks for, then ends the request; a record of the audit tells of it. The memory that
    /// it takes does not grow with the copy.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such request; [`Error::Invalid`] when it is no open request for a copy;
    /// [`Error::Busy`] while older records are still being listed; the sink's and the database's failures: then the request stays open.
    pub async fn export_subject<W>(
        &self,
        id: &str,
        tenant: Option<&str>,
        by: &str,
        now_us: i64,
        out: &mut W,
    ) -> Result<SubjectManifest, Error>
    where
        W: AsyncWrite + Unpin + Send + ?Sized,
    {
        let request = self.exportable(id, tenant).await?;
        let manifest = self.write_subject(&request, now_us, out).await?;
        self.end_subject(&request, "done", &json!({ "manifest": manifest }), by, now_us).await?;
        Ok(manifest)
    }

    /// The request, when its copy can be written now: so that a refusal is known before the first byte.
    ///
    /// # Errors
    /// The first three of [`Store::export_subject`].
    pub async fn exportable(&self, id: &str, tenant: Option<&str>) -> Result<SubjectRequest, Error> {
        const UNCOUNTED: &str = "SELECT COALESCE(MAX(gap_to - gap_from + 1), 0) FROM observed";
        let request = self.subject_request(id, tenant).await?;
        if request.kind != SubjectAsks::Export || request.state != "open" {
            let problem = "it is not an open request for a copy; record a new one".to_owned();
            return Err(Error::Invalid { what: "subject request", problem });
        }
        let failed = |e| self.archive().failed("reading the list of records", e);
        let uncounted: i64 = sqlx::query_scalar(UNCOUNTED).fetch_one(self.archive().pool()).await.map_err(failed)?;
        if uncounted > 0 {
            return Err(Error::Busy { what: "listing of older records" });
        }
        Ok(request)
    }

    async fn write_subject<W>(
        &self,
        request: &SubjectRequest,
        now_us: i64,
        out: &mut W,
    ) -> Result<SubjectManifest, Error>
    where
        W: AsyncWrite + Unpin + Send + ?Sized,
    {
        // What was recorded before this moment is listed.
        self.flush().await?;
        self.bring_up_to_date().await;
        let audit_seq = self.health().last_seq;
        let head = json!({"format": "menshen-subject-copy/1", "tenant": request.tenant, "user": request.user,
            "made_at": time::rfc3339(now_us), "request": request.id});
        let mut sink = Sink { out, hash: Sha256::new(), rows: 0 };
        let head = head.to_string();
        sink.write(head.trim_end_matches('}')).await?;
        sink.write(",\n\"sections\":{").await?;
        let mut sections = vec![self.write_audit(request, Part::Requests, &mut sink).await?];
        sink.write(",").await?;
        sections.push(self.write_audit(request, Part::Events, &mut sink).await?);
        for holding in HOLDINGS {
            sink.write(&format!(",\n{}:[", json!(holding.table))).await?;
            let sql = holding.select();
            let mut from = 0;
            loop {
                let rows = sqlx::query(AssertSqlSafe(sql.as_str()))
                    .bind(&request.tenant)
                    .bind(&request.user)
                    .bind(PAGE)
                    .bind(from)
                    .fetch_all(self.archive().pool())
                    .await
                    .map_err(|e| self.archive().failed("copying what is about a user", e))?;
                for row in &rows {
                    let row = holding.json(row, &self.inner.ring);
                    let row = row.map_err(|e| self.archive().failed("copying what is about a user", e))?;
                    sink.row(&row).await?;
                }
                from += PAGE;
                if (rows.len() as i64) < PAGE {
                    break;
                }
            }
            sink.write("\n]").await?;
            sections.push(sink.end(holding.table));
        }
        let manifest = SubjectManifest { sections, audit_seq };
        sink.write(&format!("}},\n\"manifest\":{}}}\n", json!(manifest))).await?;
        let sunk = |e| Error::file("writing the copy to", std::path::Path::new("its sink"), e);
        sink.out.flush().await.map_err(sunk)?;
        Ok(manifest)
    }

    async fn write_audit<W>(
        &self,
        request: &SubjectRequest,
        part: Part,
        sink: &mut Sink<'_, W>,
    ) -> Result<SectionSum, Error>
    where
        W: AsyncWrite + Unpin + Send + ?Sized,
    {
        sink.write(&format!("\n{}:[", json!(part.name()))).await?;
        let mut after = -1;
        loop {
            let places: Vec<i64> = sqlx::query_scalar(part.sql())
                .bind(&request.tenant)
                .bind(&request.user)
                .bind(after)
                .bind(PAGE)
                .fetch_all(self.archive().pool())
                .await
                .map_err(|e| self.archive().failed("copying what is about a user", e))?;
            for place in &places {
                // A text that does not open is said to be sealed; the rest of the copy stands.
                let record = match self.archive().record_at(*place, true).await {
                    Err(Error::Sealed { .. }) => self.archive().record_at(*place, false).await?,
                    read => read?,
                };
                if let Some(record) = record {
                    sink.row(&json!(record)).await?;
                }
                after = *place;
            }
            if (places.len() as i64) < PAGE {
                sink.write("\n]").await?;
                return Ok(sink.end(part.name()));
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Part {
    Requests,
    Events,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Part::Requests => "records",
            Part::Events => "events",
        }
    }

    const fn sql(self) -> &'static str {
        match self {
            Part::Requests => {
                "SELECT seq FROM seen INDEXED BY seen_by_user WHERE user = ?2 AND tenant = ?1 AND seq > ?3 ORDER BY seq LIMIT ?4"
            }
            Part::Events => {
                "SELECT seq FROM audit INDEXED BY audit_events_by_user WHERE user = ?2 AND tenant = ?1 AND kind <> 'request' \
                 AND seq > ?3 ORDER BY seq LIMIT ?4"
            }
        }
    }
}
