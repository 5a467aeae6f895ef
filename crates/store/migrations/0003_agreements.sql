-- Who agreed to be given generated content without an explicit label, and under which terms (Measures for labelling,
-- article 9). A row stays when the agreement ends: it is the evidence of what was agreed.
CREATE TABLE agreements (
    id           TEXT NOT NULL PRIMARY KEY,
    tenant       TEXT NOT NULL,
    app          TEXT NOT NULL,
    user         TEXT,
    terms        TEXT NOT NULL,
    since_us     INTEGER NOT NULL,
    until_us     INTEGER,
    by           TEXT NOT NULL,
    withdrawn_us INTEGER,
    withdrawn_by TEXT
) STRICT;

CREATE INDEX agreements_by_holder ON agreements (tenant, app, user);
