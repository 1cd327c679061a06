-- What can be searched for: every value once, and which hosts' reports have it.
-- The reports already kept are gone through by the server, from the first on.
CREATE TABLE term (
    term_id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    folded TEXT NOT NULL
);
CREATE INDEX term_head ON term (kind, substr(folded, 1, 200));

-- report_id is empty for what a report says of its host
CREATE TABLE occurrence (
    term_id INTEGER NOT NULL,
    sweep_id TEXT NOT NULL,
    host_key TEXT NOT NULL,
    report_id TEXT NOT NULL,
    strength INTEGER NOT NULL,
    findings INTEGER NOT NULL,
    finding_ids TEXT NOT NULL,
    PRIMARY KEY (term_id, sweep_id, host_key, report_id)
) WITHOUT ROWID;

-- On how many hosts of a sweep a value is, and by how strong a finding at most
CREATE TABLE spread (
    term_id INTEGER NOT NULL,
    sweep_id TEXT NOT NULL,
    hosts INTEGER NOT NULL,
    strength INTEGER NOT NULL,
    PRIMARY KEY (term_id, sweep_id)
) WITHOUT ROWID;

-- Reports with more values than are kept
CREATE TABLE unsearchable (
    report_id TEXT PRIMARY KEY,
    sweep_id TEXT NOT NULL,
    reason TEXT NOT NULL
) WITHOUT ROWID;

-- reports: up to which number they can be searched
-- leftovers: up to which term those were removed that nothing has any more
CREATE TABLE searching (
    name TEXT PRIMARY KEY,
    place INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO searching (name, place) VALUES ('reports', 0), ('leftovers', -1);
