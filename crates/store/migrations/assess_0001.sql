-- Assessments: runs, the answers of the service, and what people decided. A file of its own, `assess.db`, so that an
-- assessment runs beside a gateway that holds the audit.
CREATE TABLE run (
    id         TEXT    NOT NULL PRIMARY KEY,
    created_us INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    document   TEXT    NOT NULL
) STRICT;

-- What a run needs and nobody looks into: the bank as it was, declarations and their evidence.
CREATE TABLE file (
    run        TEXT    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    bytes      BLOB    NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE answer (
    run        TEXT    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    at_us      INTEGER NOT NULL,
    document   TEXT    NOT NULL,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

-- What people decided, appended and chained: `hash` is over `previous` and everything else of the row.
CREATE TABLE decision (
    run        TEXT    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    seq        INTEGER NOT NULL,
    at_us      INTEGER NOT NULL,
    reviewer   TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    previous   TEXT    NOT NULL,
    hash       TEXT    NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX decision_by_key ON decision (run, key);

CREATE TRIGGER decision_is_never_changed BEFORE UPDATE ON decision BEGIN
    SELECT RAISE(ABORT, 'a decision is never changed');
END;
CREATE TRIGGER decision_is_never_removed BEFORE DELETE ON decision BEGIN
    SELECT RAISE(ABORT, 'a decision is never removed');
END;
