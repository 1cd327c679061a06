-- What version 2 of the report tells: how far the question went, and of findings when and where.
ALTER TABLE report ADD COLUMN schema TEXT COLLATE "C" NOT NULL DEFAULT 'iocsweep.report/1';
-- NULL: kept before, and cannot be read again
ALTER TABLE report ADD COLUMN whole_host BIGINT;

ALTER TABLE host ADD COLUMN limited BIGINT NOT NULL DEFAULT 0;
CREATE INDEX host_limited ON host (sweep_id, state, name_key) WHERE limited = 1;

ALTER TABLE finding ADD COLUMN first_seen BIGINT;
ALTER TABLE finding ADD COLUMN last_seen BIGINT;
ALTER TABLE finding ADD COLUMN claims TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN place TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN path TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN record TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN view TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN owner TEXT COLLATE "C" NOT NULL DEFAULT '';
