-- Who may call, who is suspended, what waits for a human, and what was used.
CREATE TABLE tenants (
    id         TEXT NOT NULL PRIMARY KEY,
    title      TEXT NOT NULL,
    created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE apps (
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    id         TEXT NOT NULL,
    title      TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;

CREATE TABLE api_keys (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    app        TEXT NOT NULL,
    hash       BLOB NOT NULL,
    scopes     TEXT NOT NULL,
    tier       TEXT,
    scene      TEXT,
    rpm        INTEGER,
    tpm        INTEGER,
    created_us INTEGER NOT NULL,
    expires_us INTEGER,
    revoked_us INTEGER,
    FOREIGN KEY (tenant, app) REFERENCES apps (tenant, id)
) STRICT;

CREATE TABLE tallies (
    tenant      TEXT NOT NULL,
    user        TEXT NOT NULL,
    consecutive INTEGER NOT NULL,
    day         INTEGER NOT NULL,
    today       INTEGER NOT NULL,
    updated_us  INTEGER NOT NULL,
    PRIMARY KEY (tenant, user)
) STRICT;

CREATE TABLE suspensions (
    tenant   TEXT NOT NULL,
    user     TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    until_us INTEGER,
    reason   TEXT NOT NULL,
    rule     TEXT,
    by       TEXT NOT NULL,
    PRIMARY KEY (tenant, user)
) STRICT;

CREATE TABLE reviews (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id  TEXT NOT NULL,
    tenant      TEXT,
    app         TEXT,
    user        TEXT,
    reason      TEXT NOT NULL,
    rule        TEXT,
    created_us  INTEGER NOT NULL,
    input       BLOB NOT NULL,
    output      BLOB NOT NULL,
    decision    TEXT,
    note        TEXT,
    decided_by  TEXT,
    decided_us  INTEGER
) STRICT;

CREATE INDEX reviews_open ON reviews (decision, id);

CREATE TABLE usage (
    key_id        TEXT NOT NULL,
    day           INTEGER NOT NULL,
    requests      INTEGER NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    PRIMARY KEY (key_id, day)
) STRICT;
