-- What version 2 of the report tells: how far the question went, and of findings when and where.
ALTER TABLE report ADD COLUMN schema TEXT NOT NULL DEFAULT 'iocsweep.report/1';
-- NULL: kept before, and cannot be read again
ALTER TABLE report ADD COLUMN whole_host INTEGER;

ALTER TABLE host ADD COLUMN limited INTEGER NOT NULL DEFAULT 0;
CREATE INDEX host_limited ON host (sweep_id, state, name_key) WHERE limited = 1;

ALTER TABLE finding ADD COLUMN first_seen INTEGER;
ALTER TABLE finding ADD COLUMN last_seen INTEGER;
ALTER TABLE finding ADD COLUMN claims TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN path TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN record TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN view TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN owner TEXT NOT NULL DEFAULT '';
