-- Who may use the console: accounts, their second factor, and the sessions that are open.
CREATE TABLE people (
    id           TEXT NOT NULL PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    display      TEXT NOT NULL,
    roles        TEXT NOT NULL,
    tenant       TEXT,
    password     TEXT NOT NULL,
    totp         BLOB,
    totp_pending BLOB,
    totp_step    INTEGER NOT NULL DEFAULT 0,
    disabled     INTEGER NOT NULL DEFAULT 0,
    failures     INTEGER NOT NULL DEFAULT 0,
    failed_us    INTEGER NOT NULL DEFAULT 0,
    created_us   INTEGER NOT NULL,
    seen_us      INTEGER
) STRICT;

-- Only the hash of a session's token is kept. The owner is a person or an administrator's API key.
CREATE TABLE sessions (
    id         TEXT NOT NULL PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE,
    person     TEXT REFERENCES people (id) ON DELETE CASCADE,
    key_id     TEXT,
    agent      TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    used_us    INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    CHECK ((person IS NULL) <> (key_id IS NULL))
) STRICT;

CREATE INDEX sessions_by_person ON sessions (person);
