-- Guards against accidents, set up again at every opening. Whoever writes to the file on purpose can take them away;
-- the chain then tells.
CREATE TRIGGER IF NOT EXISTS audit_append_only BEFORE INSERT ON audit
WHEN NEW.seq <> COALESCE((SELECT MAX(seq) FROM audit), (SELECT through FROM audit_anchor), -1) + 1
BEGIN SELECT RAISE(ABORT, 'audit rows are appended in sequence'); END;

CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;

CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit
WHEN OLD.seq > COALESCE((SELECT through FROM audit_anchor), -1)
BEGIN SELECT RAISE(ABORT, 'audit rows are removed only by retention'); END;

CREATE TRIGGER IF NOT EXISTS audit_anchor_forward BEFORE UPDATE ON audit_anchor
WHEN NEW.through < OLD.through
BEGIN SELECT RAISE(ABORT, 'the retention anchor only moves forward'); END;

CREATE TRIGGER IF NOT EXISTS audit_anchor_stays BEFORE DELETE ON audit_anchor
BEGIN SELECT RAISE(ABORT, 'the retention anchor is never removed'); END;

-- What was done in a case stands; it goes with its case, when retention has ended.
CREATE TRIGGER IF NOT EXISTS case_events_append_only BEFORE INSERT ON case_events
WHEN NEW.n <> COALESCE((SELECT MAX(n) FROM case_events WHERE case_id = NEW.case_id), 0) + 1
BEGIN SELECT RAISE(ABORT, 'steps of a case are appended in sequence'); END;

CREATE TRIGGER IF NOT EXISTS case_events_no_update BEFORE UPDATE ON case_events
BEGIN SELECT RAISE(ABORT, 'steps of a case are never changed'); END;

CREATE TRIGGER IF NOT EXISTS case_events_no_delete BEFORE DELETE ON case_events
WHEN EXISTS (SELECT 1 FROM cases WHERE id = OLD.case_id)
BEGIN SELECT RAISE(ABORT, 'steps of a case go only with their case'); END;

CREATE TRIGGER IF NOT EXISTS cases_stay_what_they_are BEFORE UPDATE OF id, number, tenant, app, family, source, created_us
ON cases BEGIN SELECT RAISE(ABORT, 'a case stays what it was opened as'); END;

CREATE TRIGGER IF NOT EXISTS cases_no_delete BEFORE DELETE ON cases
WHEN OLD.closed_us IS NULL
BEGIN SELECT RAISE(ABORT, 'an open case is never removed'); END;
