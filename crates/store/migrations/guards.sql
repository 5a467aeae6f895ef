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
