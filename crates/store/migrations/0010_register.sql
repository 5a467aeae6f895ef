-- Which applications there are, how they are graded, what is ticked, reviewed and filed for them, and what they use.
CREATE TABLE register_apps (
    id         TEXT NOT NULL PRIMARY KEY,
    tenant     TEXT NOT NULL,
    name       TEXT NOT NULL,
    app        TEXT,
    owner      TEXT NOT NULL,
    facts      TEXT NOT NULL,
    profile    TEXT NOT NULL,
    grading    TEXT NOT NULL,
    level      TEXT NOT NULL,
    launch     TEXT,
    created_us INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_us INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    retired_us INTEGER,
    UNIQUE (tenant, name)
) STRICT;

-- What people say of a control, with evidence. Appended only: the last row of a control counts.
CREATE TABLE register_ticks (
    seq        INTEGER PRIMARY KEY,
    entry      TEXT NOT NULL REFERENCES register_apps (id),
    control    TEXT NOT NULL,
    met        INTEGER NOT NULL,
    evidence   TEXT NOT NULL,
    hash       TEXT,
    by         TEXT NOT NULL,
    at_us      INTEGER NOT NULL,
    expires_us INTEGER
) STRICT;
CREATE INDEX register_ticks_by_entry ON register_ticks (entry, control, seq);

-- A review: of what, on which terms, by whom. What comes out follows from the votes and is nowhere written down.
CREATE TABLE register_reviews (
    id           TEXT NOT NULL PRIMARY KEY,
    entry        TEXT NOT NULL REFERENCES register_apps (id),
    tenant       TEXT NOT NULL,
    path         TEXT NOT NULL,
    level        TEXT NOT NULL,
    profile      TEXT NOT NULL,
    terms        TEXT NOT NULL,
    members      TEXT NOT NULL,
    note         TEXT NOT NULL,
    opened_us    INTEGER NOT NULL,
    opened_by    TEXT NOT NULL,
    due_us       INTEGER NOT NULL,
    withdrawn_us INTEGER,
    withdrawn_by TEXT
) STRICT;
CREATE INDEX register_reviews_by_entry ON register_reviews (entry, opened_us);
CREATE INDEX register_reviews_by_tenant ON register_reviews (tenant, opened_us);

CREATE TABLE register_votes (
    review     TEXT NOT NULL REFERENCES register_reviews (id),
    member     TEXT NOT NULL,
    vote       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    conditions TEXT NOT NULL,
    at_us      INTEGER NOT NULL,
    PRIMARY KEY (review, member)
) STRICT, WITHOUT ROWID;

-- The database itself refuses to change what was ticked or voted.
CREATE TRIGGER register_votes_stay BEFORE UPDATE ON register_votes BEGIN
    SELECT RAISE(ABORT, 'votes are appended only');
END;
CREATE TRIGGER register_votes_remain BEFORE DELETE ON register_votes BEGIN
    SELECT RAISE(ABORT, 'votes are appended only');
END;
CREATE TRIGGER register_ticks_stay BEFORE UPDATE ON register_ticks BEGIN
    SELECT RAISE(ABORT, 'ticks are appended only');
END;
CREATE TRIGGER register_ticks_remain BEFORE DELETE ON register_ticks BEGIN
    SELECT RAISE(ABORT, 'ticks are appended only');
END;

-- Material to be filed; who changed it and when stands in the audit.
CREATE TABLE register_filing (
    entry       TEXT NOT NULL REFERENCES register_apps (id),
    duty        TEXT NOT NULL,
    item        TEXT NOT NULL,
    state       TEXT NOT NULL,
    responsible TEXT NOT NULL,
    due         TEXT,
    note        TEXT NOT NULL,
    file_name   TEXT,
    file_hash   TEXT,
    by          TEXT NOT NULL,
    at_us       INTEGER NOT NULL,
    PRIMARY KEY (entry, duty, item)
) STRICT, WITHOUT ROWID;

-- Data sets, models, plugins, endpoints.
CREATE TABLE register_assets (
    id         TEXT NOT NULL PRIMARY KEY,
    tenant     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    TEXT NOT NULL,
    hash       TEXT NOT NULL,
    source     TEXT NOT NULL,
    licence    TEXT NOT NULL,
    owner      TEXT NOT NULL,
    stage      TEXT NOT NULL,
    entries    TEXT NOT NULL,
    retires    TEXT,
    note       TEXT NOT NULL,
    imported   INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    UNIQUE (tenant, kind, name, version)
) STRICT;
