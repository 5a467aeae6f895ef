-- Who people are at an outside provider. An account is that of an issuer's subject and of nothing else.
CREATE TABLE sign_on (
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    person     TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT;

CREATE INDEX sign_on_by_person ON sign_on (person);
