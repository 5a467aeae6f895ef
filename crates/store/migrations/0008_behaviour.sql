-- What was unusual about a subject (a key, or an end user of an application), what was done, and what people said of it.
-- `reasons` holds signals, values and points as JSON: nothing that users or models wrote. Notes are encrypted.
CREATE TABLE alarms (
    id         TEXT    NOT NULL PRIMARY KEY,
    tenant     TEXT    NOT NULL,
    app        TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    at_us      INTEGER NOT NULL,
    grade      TEXT    NOT NULL,
    score      INTEGER NOT NULL,
    reasons    TEXT    NOT NULL,
    request_id TEXT,
    human      INTEGER NOT NULL,
    decision   TEXT,
    note       BLOB,
    decided_by TEXT,
    decided_us INTEGER
) STRICT;
CREATE INDEX alarms_by_time ON alarms (at_us);
CREATE INDEX alarms_by_subject ON alarms (tenant, app, kind, subject, at_us);
CREATE INDEX alarms_open ON alarms (at_us) WHERE decision IS NULL;

-- What holds for a subject for a time. A row stays when it has ended: it is the evidence of what was done.
CREATE TABLE measures (
    id       TEXT    NOT NULL PRIMARY KEY,
    tenant   TEXT    NOT NULL,
    app      TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    level    TEXT    NOT NULL,
    percent  INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    alarm    TEXT,
    by       TEXT    NOT NULL,
    ended_us INTEGER,
    ended_by TEXT
) STRICT;
CREATE INDEX measures_standing ON measures (until_us) WHERE ended_us IS NULL;
CREATE INDEX measures_by_subject ON measures (tenant, app, kind, subject, since_us);

-- Signals that count less because people called them false alarms: of one subject, or of a whole application ('').
CREATE TABLE dampings (
    id       TEXT    NOT NULL PRIMARY KEY,
    tenant   TEXT    NOT NULL,
    app      TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    signal   TEXT    NOT NULL,
    percent  INTEGER NOT NULL,
    marks    INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    by       TEXT    NOT NULL,
    UNIQUE (tenant, app, kind, subject, signal)
) STRICT;

-- End users as their application, or staff, vouch for them. No names, no numbers of papers: only how far a person is known.
CREATE TABLE profiles (
    tenant     TEXT    NOT NULL,
    app        TEXT    NOT NULL,
    user       TEXT    NOT NULL,
    tier       TEXT,
    real_name  TEXT    NOT NULL,
    minor      INTEGER NOT NULL,
    region     TEXT,
    purpose    TEXT,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    by         TEXT    NOT NULL,
    PRIMARY KEY (tenant, app, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX profiles_by_tier ON profiles (tier) WHERE tier IS NOT NULL;

-- Due diligence: who looked into a user, what came of it, and until when that holds. Rows are never changed.
CREATE TABLE diligence (
    id       TEXT    NOT NULL PRIMARY KEY,
    tenant   TEXT    NOT NULL,
    app      TEXT    NOT NULL,
    user     TEXT    NOT NULL,
    passed   INTEGER NOT NULL,
    checks   TEXT    NOT NULL,
    note     BLOB,
    by       TEXT    NOT NULL,
    at_us    INTEGER NOT NULL,
    until_us INTEGER NOT NULL
) STRICT;
CREATE INDEX diligence_by_holder ON diligence (tenant, app, user, at_us);

-- Minutes that a minor used the service on the latest day they did.
CREATE TABLE presence (
    tenant  TEXT    NOT NULL,
    app     TEXT    NOT NULL,
    user    TEXT    NOT NULL,
    day     INTEGER NOT NULL,
    minutes INTEGER NOT NULL,
    minute  INTEGER NOT NULL,
    PRIMARY KEY (tenant, app, user)
) STRICT, WITHOUT ROWID;
