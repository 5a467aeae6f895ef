-- The audit: rows are appended and chained. Only retention removes rows, and only behind an anchor.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY,
    at_us      INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    request_id TEXT NOT NULL,
    event      TEXT,
    tenant     TEXT,
    app        TEXT,
    key_id     TEXT,
    user       TEXT,
    api        TEXT,
    model      TEXT,
    side       TEXT,
    outcome    TEXT,
    action     TEXT,
    rule       TEXT,
    answer_ref TEXT,
    status     INTEGER,
    packs      TEXT,
    verdict    TEXT,
    attempts   TEXT,
    timings    TEXT,
    error      TEXT,
    text_mode  INTEGER NOT NULL,
    input      BLOB,
    output     BLOB,
    hash       BLOB NOT NULL,
    seal       BLOB NOT NULL
) STRICT;

CREATE INDEX audit_request_id ON audit (request_id);

-- What retention left behind: the last row that was removed. One row at most.
CREATE TABLE audit_anchor (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    through   INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    pruned    INTEGER NOT NULL,
    pruned_us INTEGER NOT NULL,
    seal      BLOB NOT NULL
) STRICT;
