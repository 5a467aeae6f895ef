-- How people prove who they are beside a password: who they are at an outside provider, their security keys, and the codes
-- for when a device is lost. Only hashes of the codes are kept; a security key's public key is no secret.
CREATE TABLE sign_on (
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    person     TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT;

CREATE INDEX sign_on_by_person ON sign_on (person);

CREATE TABLE security_keys (
    id         TEXT NOT NULL PRIMARY KEY,
    person     TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    credential BLOB NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    algorithm  INTEGER NOT NULL,
    public_key BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    used_us    INTEGER
) STRICT;

CREATE INDEX security_keys_by_person ON security_keys (person);

CREATE TABLE recovery_codes (
    person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    hash   BLOB NOT NULL,
    PRIMARY KEY (person, hash)
) STRICT;
