-- The policy workbench: changes to packs on their way into force, what was in force when, and the cases that changes are
-- tried on.

-- A change: edits of pack files that become policy once somebody else approved them.
CREATE TABLE policy_changes (
    id           TEXT    NOT NULL PRIMARY KEY,
    title        TEXT    NOT NULL,
    note         TEXT    NOT NULL,
    author       TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    created_us   INTEGER NOT NULL,
    updated_us   INTEGER NOT NULL,
    scheduled_us INTEGER,
    approved_by  TEXT,
    revision     INTEGER,
    cases        TEXT,
    shadow       TEXT
) STRICT;
CREATE INDEX policy_changes_by_time ON policy_changes (updated_us);
CREATE INDEX policy_changes_due ON policy_changes (scheduled_us) WHERE state = 'scheduled';

-- Its edits: the whole text of a file, or nothing where the file is removed. `base` is the hash of the text that was in
-- force when the file was edited first, nothing where there was no such file.
CREATE TABLE policy_change_files (
    change TEXT NOT NULL REFERENCES policy_changes (id),
    path   TEXT NOT NULL,
    body   TEXT,
    base   TEXT,
    PRIMARY KEY (change, path)
) STRICT, WITHOUT ROWID;

-- Everybody who wrote in it. Whoever stands here never approves it.
CREATE TABLE policy_change_authors (
    change TEXT NOT NULL REFERENCES policy_changes (id),
    by     TEXT NOT NULL,
    PRIMARY KEY (change, by)
) STRICT, WITHOUT ROWID;

-- Who did what to it, in order.
CREATE TABLE policy_change_events (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    change TEXT    NOT NULL REFERENCES policy_changes (id),
    at_us  INTEGER NOT NULL,
    by     TEXT    NOT NULL,
    what   TEXT    NOT NULL,
    note   TEXT
) STRICT;
CREATE INDEX policy_change_events_by_change ON policy_change_events (change, id);

-- Texts of revisions, once each.
CREATE TABLE policy_texts (
    hash TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What was put in force, from 1 on. Rows are only ever added: a rollback is a revision of its own.
CREATE TABLE policy_revisions (
    number   INTEGER PRIMARY KEY,
    at_us    INTEGER NOT NULL,
    by       TEXT    NOT NULL,
    title    TEXT    NOT NULL,
    change   TEXT REFERENCES policy_changes (id),
    restores INTEGER,
    packs    TEXT    NOT NULL
) STRICT;

-- A revision's files. `edit`: 1 where it is laid over the folders' and the binary's (a hash of nothing removes the file),
-- 0 where it only records what stood beside, so that the whole set can be put in force again without them.
CREATE TABLE policy_revision_files (
    revision INTEGER NOT NULL REFERENCES policy_revisions (number),
    path     TEXT    NOT NULL,
    edit     INTEGER NOT NULL,
    hash     TEXT REFERENCES policy_texts (hash),
    PRIMARY KEY (revision, path)
) STRICT, WITHOUT ROWID;

-- Cases: a text and what policy shall make of it. The text is encrypted: it may be somebody's question.
CREATE TABLE policy_cases (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    text       BLOB    NOT NULL,
    side       TEXT    NOT NULL,
    app        TEXT,
    scene      TEXT,
    action     TEXT,
    rule       TEXT,
    label      TEXT,
    by         TEXT    NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT;
