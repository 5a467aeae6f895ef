-- Campaigns, their attempts, and what people submit to the range. A file of its own, `redteam.db`, so that a campaign
-- runs beside a gateway that holds the audit.
CREATE TABLE campaign (
    id         TEXT    NOT NULL PRIMARY KEY,
    created_us INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    plan       TEXT    NOT NULL,
    summary    TEXT    NOT NULL DEFAULT '{}'
) STRICT;

CREATE TABLE attempt (
    campaign   TEXT    NOT NULL REFERENCES campaign (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    ended_us   INTEGER NOT NULL,
    outcome    TEXT    NOT NULL,
    instruction TEXT   NOT NULL,
    technique  TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    PRIMARY KEY (campaign, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_by_time ON attempt (campaign, ended_us);

CREATE TABLE submission (
    id         TEXT    NOT NULL PRIMARY KEY,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    range      TEXT    NOT NULL,
    reporter   TEXT    NOT NULL,
    fingerprint TEXT   NOT NULL,
    score      INTEGER,
    document   TEXT    NOT NULL
) STRICT;
CREATE INDEX submission_by_fingerprint ON submission (fingerprint, created_us);
CREATE INDEX submission_by_state ON submission (state, created_us);

CREATE TABLE submission_event (
    submission TEXT    NOT NULL REFERENCES submission (id) ON DELETE CASCADE,
    seq        INTEGER NOT NULL,
    at_us      INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    event      TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    PRIMARY KEY (submission, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    id         TEXT    NOT NULL PRIMARY KEY,
    updated_us INTEGER NOT NULL,
    range      TEXT    NOT NULL,
    player     TEXT    NOT NULL,
    document   TEXT    NOT NULL
) STRICT;
