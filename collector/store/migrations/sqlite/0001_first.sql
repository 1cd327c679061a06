CREATE TABLE sweep (
    sweep_id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    pack TEXT NOT NULL,
    created INTEGER NOT NULL,
    deadline INTEGER
) WITHOUT ROWID;

CREATE TABLE token (
    digest BLOB PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('sweep', 'reader')),
    sweep_id TEXT REFERENCES sweep (sweep_id),
    label TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER
) WITHOUT ROWID;

CREATE TABLE expected (
    sweep_id TEXT NOT NULL REFERENCES sweep (sweep_id),
    name_key TEXT NOT NULL,
    short_key TEXT NOT NULL,
    name TEXT NOT NULL,
    seen INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sweep_id, name_key)
) WITHOUT ROWID;
CREATE INDEX expected_missing ON expected (sweep_id, seen, name_key);
CREATE INDEX expected_short ON expected (sweep_id, short_key);

CREATE TABLE report (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    report_id TEXT NOT NULL UNIQUE,
    sweep_id TEXT NOT NULL,
    host_key TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    strong INTEGER NOT NULL,
    weak INTEGER NOT NULL,
    excluded INTEGER NOT NULL,
    started INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    received INTEGER NOT NULL,
    source TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    indexed INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX report_host ON report (sweep_id, host_key);
CREATE INDEX report_arrival ON report (sweep_id, received);
CREATE INDEX report_unindexed ON report (indexed) WHERE indexed = 0;

CREATE TABLE host (
    sweep_id TEXT NOT NULL,
    host_key TEXT NOT NULL,
    host_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    fqdn TEXT NOT NULL,
    fqdn_key TEXT NOT NULL,
    domain TEXT NOT NULL,
    os TEXT NOT NULL,
    ip TEXT NOT NULL,
    agent TEXT NOT NULL,
    state TEXT NOT NULL,
    base TEXT NOT NULL,
    hit INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    reasons TEXT NOT NULL,
    strong INTEGER NOT NULL,
    weak INTEGER NOT NULL,
    reports INTEGER NOT NULL,
    report_id TEXT NOT NULL,
    first_received INTEGER NOT NULL,
    last_received INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    sources TEXT NOT NULL,
    flagged INTEGER NOT NULL,
    PRIMARY KEY (sweep_id, host_key)
) WITHOUT ROWID;
CREATE INDEX host_state ON host (sweep_id, state, name_key);
CREATE INDEX host_name ON host (sweep_id, name_key, fqdn_key);
CREATE INDEX host_flagged ON host (sweep_id, name_key) WHERE flagged = 1;
CREATE INDEX host_suppressed ON host (sweep_id, name_key) WHERE suppressed = 1;
CREATE INDEX host_id ON host (sweep_id, host_id);

CREATE TABLE finding (
    report_id TEXT NOT NULL,
    finding_id TEXT NOT NULL,
    sweep_id TEXT NOT NULL,
    host_key TEXT NOT NULL,
    name TEXT NOT NULL,
    indicator_id TEXT NOT NULL,
    indicator_type TEXT NOT NULL,
    indicator_value TEXT NOT NULL,
    pack TEXT NOT NULL,
    strength TEXT NOT NULL,
    score INTEGER NOT NULL,
    title TEXT NOT NULL,
    time INTEGER NOT NULL,
    suppression_id TEXT,
    PRIMARY KEY (report_id, finding_id)
) WITHOUT ROWID;
CREATE INDEX finding_indicator ON finding (sweep_id, indicator_id, host_key);
CREATE INDEX finding_host ON finding (sweep_id, host_key);

CREATE TABLE suppression (
    suppression_id TEXT PRIMARY KEY,
    sweep_id TEXT NOT NULL,
    indicator_id TEXT NOT NULL,
    host_key TEXT,
    reason TEXT NOT NULL,
    who TEXT NOT NULL,
    created INTEGER NOT NULL,
    lifted INTEGER
) WITHOUT ROWID;
CREATE INDEX suppression_sweep ON suppression (sweep_id);

CREATE TABLE audit (
    audit_id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX audit_at ON audit (at);

CREATE TABLE sink (
    name TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    error TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
