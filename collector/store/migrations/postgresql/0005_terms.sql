-- Equal in meaning to sqlite/0005_terms.sql.
CREATE TABLE IF NOT EXISTS term (
    term_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest TEXT COLLATE "C" NOT NULL UNIQUE,
    kind TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    folded TEXT COLLATE "C" NOT NULL
);
CREATE INDEX IF NOT EXISTS term_head ON term (kind, substr(folded, 1, 200));

-- report_id is empty for what a report says of its host
CREATE TABLE IF NOT EXISTS occurrence (
    term_id BIGINT NOT NULL,
    sweep_id TEXT COLLATE "C" NOT NULL,
    host_key TEXT COLLATE "C" NOT NULL,
    report_id TEXT COLLATE "C" NOT NULL,
    strength BIGINT NOT NULL,
    findings BIGINT NOT NULL,
    finding_ids TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (term_id, sweep_id, host_key, report_id)
);

-- On how many hosts of a sweep a value is, and by how strong a finding at most
CREATE TABLE IF NOT EXISTS spread (
    term_id BIGINT NOT NULL,
    sweep_id TEXT COLLATE "C" NOT NULL,
    hosts BIGINT NOT NULL,
    strength BIGINT NOT NULL,
    PRIMARY KEY (term_id, sweep_id)
);

-- Reports with more values than are kept
CREATE TABLE IF NOT EXISTS unsearchable (
    report_id TEXT COLLATE "C" PRIMARY KEY,
    sweep_id TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL
);

-- reports: up to which number they can be searched
-- leftovers: up to which term those were removed that nothing has any more
CREATE TABLE IF NOT EXISTS searching (
    name TEXT COLLATE "C" PRIMARY KEY,
    place BIGINT NOT NULL
);
INSERT INTO searching (name, place) VALUES ('reports', 0), ('leftovers', -1)
    ON CONFLICT (name) DO NOTHING;
