-- Security keys and passkeys as a second factor (Web Authentication). Nothing here is secret: public keys, and what names them.
CREATE TABLE security_keys (
    id              TEXT NOT NULL PRIMARY KEY,
    person          TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    -- The authenticator's id of it: nobody else's key may have the same.
    credential      BLOB NOT NULL UNIQUE,
    name            TEXT NOT NULL,
    -- The host that the key is bound to: it answers to no other.
    host            TEXT NOT NULL,
    -- COSE, as the authenticator wrote it.
    public_key      BLOB NOT NULL,
    algorithm       INTEGER NOT NULL,
    counter         INTEGER NOT NULL,
    transports      TEXT NOT NULL,
    backup_eligible INTEGER NOT NULL,
    backed_up       INTEGER NOT NULL,
    created_us      INTEGER NOT NULL,
    used_us         INTEGER
) STRICT;

CREATE INDEX security_keys_by_person ON security_keys (person);

-- Codes for whoever lost the second factor: hashes only, each good once.
CREATE TABLE recovery_codes (
    person     TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL,
    created_us INTEGER NOT NULL,
    used_us    INTEGER,
    PRIMARY KEY (person, hash)
) STRICT;
