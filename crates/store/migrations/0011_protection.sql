-- Keys of texts: one or more for each end user, each wrapped by the root key. Whoever destroys the keys of a user has
-- destroyed the user's texts, wherever their sealed bytes still lie; the chain of the audit covers only those bytes.
CREATE TABLE text_keys (
    id         BLOB    NOT NULL PRIMARY KEY,
    tenant     TEXT,
    user       TEXT,
    wrapped    BLOB    NOT NULL,
    created_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX text_keys_by_user ON text_keys (user, tenant) WHERE user IS NOT NULL;
CREATE INDEX text_keys_by_age ON text_keys (created_us);

-- Root keys over time. Each but the one in force is wrapped by it; records from `from_seq` on are sealed with it.
CREATE TABLE key_eras (
    id       TEXT    NOT NULL PRIMARY KEY,
    from_seq INTEGER NOT NULL UNIQUE,
    since_us INTEGER NOT NULL,
    by       TEXT    NOT NULL,
    wrapped  BLOB    NOT NULL
) STRICT;

-- What people asked about themselves: a copy, or that it be destroyed.
CREATE TABLE subject_requests (
    id       TEXT    NOT NULL PRIMARY KEY,
    tenant   TEXT    NOT NULL,
    user     TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    note     BLOB,
    asked_us INTEGER NOT NULL,
    asked_by TEXT    NOT NULL,
    due_us   INTEGER NOT NULL,
    state    TEXT    NOT NULL,
    ended_us INTEGER,
    ended_by TEXT,
    outcome  TEXT
) STRICT;
CREATE INDEX subject_requests_by_state ON subject_requests (state, due_us);

-- What retention did, each time.
CREATE TABLE retention_runs (
    at_us   INTEGER NOT NULL PRIMARY KEY,
    took_us INTEGER NOT NULL,
    removed TEXT    NOT NULL,
    problem TEXT
) STRICT;

-- What is said of an end user beside their requests: suspensions, notices, decisions.
CREATE INDEX audit_events_by_user ON audit (user) WHERE user IS NOT NULL AND kind <> 'request';
