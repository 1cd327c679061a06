-- What a suppression covers, what of a finding that goes by, and what a reader's token may do.
ALTER TABLE finding ADD COLUMN object_path TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN object_hash TEXT NOT NULL DEFAULT '';
CREATE INDEX finding_suppressed
    ON finding (sweep_id, host_key, finding_id, strength, suppression_id)
    WHERE suppression_id IS NOT NULL AND strength <> 'excluded';

ALTER TABLE suppression ADD COLUMN finding_id TEXT;
ALTER TABLE suppression ADD COLUMN path TEXT NOT NULL DEFAULT '';
ALTER TABLE suppression ADD COLUMN hash TEXT NOT NULL DEFAULT '';
ALTER TABLE suppression ADD COLUMN until INTEGER;
ALTER TABLE suppression ADD COLUMN confirmed_until INTEGER;
ALTER TABLE suppression ADD COLUMN strongest INTEGER NOT NULL DEFAULT 2;
-- Those of earlier collectors cover what they did, but for confirmed findings of reports to come.
UPDATE suppression SET confirmed_until = (SELECT COALESCE(MAX(r.received), 0) FROM report r
    WHERE r.sweep_id = suppression.sweep_id);

-- Whoever read could suppress.
ALTER TABLE token ADD COLUMN role TEXT NOT NULL DEFAULT '';
UPDATE token SET role = 'analyst' WHERE kind = 'reader';
