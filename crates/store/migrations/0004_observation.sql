-- What the console looks at: a narrow copy of the requests with its indexes, and counts by time. All of it follows from
-- the audit and can be made anew from it; the audit itself stays the evidence.

-- How far the audit is counted: every row up to `folded`, but for those from `gap_from` to `gap_to`, which stood there
-- when the counting began and are counted piece by piece, newest first. One row.
CREATE TABLE observed (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    folded   INTEGER NOT NULL,
    gap_from INTEGER,
    gap_to   INTEGER
) STRICT;

-- Requests as the list of records shows them. Every index ends in the row's place, so a page is read in order.
CREATE TABLE seen (
    seq        INTEGER PRIMARY KEY,
    at_us      INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    tenant     TEXT,
    app        TEXT,
    user       TEXT,
    api        TEXT,
    model      TEXT,
    outcome    TEXT,
    action     TEXT,
    rule       TEXT,
    version    TEXT,
    risk       TEXT,
    status     INTEGER,
    total_us   INTEGER
) STRICT;
CREATE INDEX seen_by_tenant ON seen (tenant);
CREATE INDEX seen_by_app ON seen (app);
CREATE INDEX seen_by_user ON seen (user) WHERE user IS NOT NULL;
CREATE INDEX seen_by_rule ON seen (rule) WHERE rule IS NOT NULL;
-- What most requests share needs no index: it is found on the way.
CREATE INDEX seen_by_action ON seen (action) WHERE action <> 'pass';
CREATE INDEX seen_by_outcome ON seen (outcome) WHERE outcome <> 'allowed';

-- Every risk topic of a request; `seen.risk` holds the first of them only.
CREATE TABLE seen_risk (
    risk TEXT    NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (risk, seq)
) STRICT, WITHOUT ROWID;

-- Where in the chain a minute lies: requests end out of order, so both ends are kept.
CREATE TABLE seen_minute (
    minute    INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL
) STRICT;

-- Whom counts are kept for: everybody, a tenant, an application of a tenant. `scope` is a JSON array of the names.
CREATE TABLE rollup_scope (
    scope  TEXT NOT NULL PRIMARY KEY,
    tenant TEXT,
    app    TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX rollup_scope_by_app ON rollup_scope (app) WHERE app IS NOT NULL;

-- Counts by minute (60), hour (3600) and day (86400 seconds). `bucket` is when it begins, in seconds since 1970 UTC.
CREATE TABLE rollup (
    scope  TEXT    NOT NULL,
    span   INTEGER NOT NULL,
    dim    INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    item   TEXT    NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (scope, span, dim, bucket, item)
) STRICT, WITHOUT ROWID;

-- What people say of a decision. One row a record and person; what it said before stands in the audit.
CREATE TABLE feedback (
    request_id TEXT    NOT NULL,
    by         TEXT    NOT NULL,
    tenant     TEXT,
    app        TEXT,
    rule       TEXT,
    verdict    TEXT    NOT NULL,
    note       TEXT,
    at_us      INTEGER NOT NULL,
    record_us  INTEGER NOT NULL,
    PRIMARY KEY (request_id, by)
) STRICT, WITHOUT ROWID;
CREATE INDEX feedback_by_time ON feedback (at_us);
CREATE INDEX feedback_by_record ON feedback (record_us);
