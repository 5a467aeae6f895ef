-- Appeals, complaints and reports of published content: one queue of cases. What people outside wrote is encrypted: the
-- column `body` of a case and `detail` of its events.
CREATE TABLE cases (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    number      TEXT NOT NULL UNIQUE,
    tenant      TEXT NOT NULL,
    app         TEXT NOT NULL,
    user        TEXT,
    family      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    category    TEXT,
    source      TEXT NOT NULL,
    lang        TEXT NOT NULL,
    once        TEXT,
    once_hash   BLOB,
    request_id  TEXT,
    review      INTEGER,
    state       TEXT NOT NULL,
    assignee    TEXT,
    decision    TEXT,
    pending     INTEGER NOT NULL DEFAULT 0,
    decided_by  TEXT,
    approved_by TEXT,
    former_by   TEXT,
    reopened    INTEGER NOT NULL DEFAULT 0,
    created_us  INTEGER NOT NULL,
    ack_due_us  INTEGER NOT NULL,
    ack_us      INTEGER,
    soon_us     INTEGER NOT NULL,
    due_us      INTEGER NOT NULL,
    answered_us INTEGER,
    closed_us   INTEGER,
    updated_us  INTEGER NOT NULL,
    body        BLOB NOT NULL
) STRICT;

-- An application that sends the same complaint again gets the same case.
CREATE UNIQUE INDEX cases_once ON cases (tenant, app, once) WHERE once IS NOT NULL;
CREATE INDEX cases_queue ON cases (state, due_us, seq);
CREATE INDEX cases_by_tenant ON cases (tenant, state, due_us, seq);
CREATE INDEX cases_by_time ON cases (created_us);

-- Every step of a case, appended and chained: `hash` covers the hash before it, the step, and `sha256` of its detail.
CREATE TABLE case_events (
    id      TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    n       INTEGER NOT NULL,
    at_us   INTEGER NOT NULL,
    by      TEXT NOT NULL,
    step    TEXT NOT NULL,
    before  TEXT NOT NULL,
    after   TEXT NOT NULL,
    detail  BLOB NOT NULL,
    sha256  BLOB NOT NULL,
    hash    BLOB NOT NULL,
    UNIQUE (case_id, n)
) STRICT;
