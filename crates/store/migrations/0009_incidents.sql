-- Incidents: what is handled, by whom, what is due when, and what happened, in the order in which it happened.
CREATE TABLE incidents (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    tenant       TEXT,
    drill        INTEGER NOT NULL,
    announce     INTEGER NOT NULL,
    state        TEXT NOT NULL,
    title        TEXT NOT NULL,
    class        TEXT NOT NULL,
    grade        TEXT NOT NULL,
    -- JSON: the answers of the questionnaire, what follows from them, what the reports need, who is responsible, what was learnt.
    answers      TEXT NOT NULL,
    reasons      TEXT NOT NULL,
    facts        TEXT NOT NULL,
    roles        TEXT NOT NULL,
    lessons      TEXT NOT NULL,
    -- The signal that proposed it; none where a person opened it.
    signal       TEXT,
    occurred_us  INTEGER,
    aware_us     INTEGER NOT NULL,
    contained_us INTEGER,
    closed_us    INTEGER,
    close_by     TEXT,
    close_us     INTEGER,
    created_us   INTEGER NOT NULL,
    by           TEXT NOT NULL
) STRICT;
CREATE INDEX incidents_by_signal ON incidents (signal) WHERE signal IS NOT NULL;

-- What is to be done, as the pack had it when the incident was graded.
CREATE TABLE incident_tasks (
    incident TEXT NOT NULL REFERENCES incidents (id),
    id       TEXT NOT NULL,
    place    INTEGER NOT NULL,
    zh       TEXT NOT NULL,
    en       TEXT NOT NULL,
    clause   TEXT NOT NULL,
    role     TEXT NOT NULL,
    due_us   INTEGER,
    done_us  INTEGER,
    done_by  TEXT,
    note     TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (incident, id)
) STRICT, WITHOUT ROWID;

-- What is due when. `told` holds the stages that somebody was told of: a stage is told once, whatever the clock does.
CREATE TABLE incident_timers (
    incident TEXT NOT NULL REFERENCES incidents (id),
    id       TEXT NOT NULL,
    zh       TEXT NOT NULL,
    en       TEXT NOT NULL,
    clause   TEXT NOT NULL,
    due_us   INTEGER NOT NULL,
    soon_us  INTEGER NOT NULL,
    told     INTEGER NOT NULL DEFAULT 0,
    met_us   INTEGER,
    met_by   TEXT,
    PRIMARY KEY (incident, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_timers_open ON incident_timers (soon_us) WHERE met_us IS NULL;

CREATE TABLE incident_events (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL REFERENCES incidents (id),
    at_us    INTEGER NOT NULL,
    by       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    detail   TEXT NOT NULL
) STRICT;
CREATE INDEX incident_events_by_incident ON incident_events (incident, seq);
CREATE TRIGGER incident_events_no_update BEFORE UPDATE ON incident_events
BEGIN SELECT RAISE(ABORT, 'the timeline of an incident is never changed'); END;
CREATE TRIGGER incident_events_no_delete BEFORE DELETE ON incident_events
BEGIN SELECT RAISE(ABORT, 'the timeline of an incident is never changed'); END;

-- Evidence snapshots: sealed archives.
CREATE TABLE incident_files (
    id         TEXT NOT NULL PRIMARY KEY,
    incident   TEXT NOT NULL REFERENCES incidents (id),
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    size       INTEGER NOT NULL,
    records    INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    by         TEXT NOT NULL,
    bytes      BLOB NOT NULL
) STRICT;
CREATE INDEX incident_files_by_incident ON incident_files (incident, created_us);

-- Messages to people outside, until they are sent or given up. `key` says what a message is about: one message a key.
CREATE TABLE outbox (
    id         TEXT NOT NULL PRIMARY KEY,
    key        TEXT NOT NULL UNIQUE,
    tenant     TEXT,
    topic      TEXT NOT NULL,
    channel    TEXT NOT NULL,
    title      TEXT NOT NULL,
    text       TEXT NOT NULL,
    state      TEXT NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    created_us INTEGER NOT NULL,
    tried_us   INTEGER,
    next_us    INTEGER NOT NULL,
    problem    TEXT,
    by         TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_waiting ON outbox (next_us) WHERE state = 'waiting';
CREATE INDEX outbox_by_time ON outbox (created_us);
