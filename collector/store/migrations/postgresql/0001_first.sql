-- Equal in meaning to sqlite/0001_first.sql. COLLATE "C": keys are compared as bytes, as SQLite does.
-- Every primary key can be a distribution key (Citus: report by report_id, host, finding and expected
-- by their sweep or host, sweep as a reference table). IF NOT EXISTS: some engines of this protocol
-- commit each CREATE by itself, and must be able to begin again.
CREATE TABLE IF NOT EXISTS sweep (
    sweep_id TEXT COLLATE "C" PRIMARY KEY,
    title TEXT COLLATE "C" NOT NULL,
    pack TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    deadline BIGINT
);

CREATE TABLE IF NOT EXISTS token (
    digest BYTEA PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('sweep', 'reader')),
    sweep_id TEXT COLLATE "C" REFERENCES sweep (sweep_id),
    label TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    revoked BIGINT
);

CREATE TABLE IF NOT EXISTS expected (
    sweep_id TEXT COLLATE "C" NOT NULL REFERENCES sweep (sweep_id),
    name_key TEXT COLLATE "C" NOT NULL,
    short_key TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    seen BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (sweep_id, name_key)
);
CREATE INDEX IF NOT EXISTS expected_missing ON expected (sweep_id, seen, name_key);
CREATE INDEX IF NOT EXISTS expected_short ON expected (sweep_id, short_key);

CREATE TABLE IF NOT EXISTS report (
    report_id TEXT COLLATE "C" PRIMARY KEY,
    seq BIGINT,
    sweep_id TEXT COLLATE "C" NOT NULL,
    host_key TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    strong BIGINT NOT NULL,
    weak BIGINT NOT NULL,
    excluded BIGINT NOT NULL,
    started BIGINT NOT NULL,
    finished BIGINT NOT NULL,
    received BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    size BIGINT NOT NULL,
    indexed BIGINT NOT NULL,
    body BYTEA NOT NULL
);
CREATE INDEX IF NOT EXISTS report_host ON report (sweep_id, host_key);
CREATE INDEX IF NOT EXISTS report_arrival ON report (sweep_id, received);
CREATE INDEX IF NOT EXISTS report_seq ON report (seq);
CREATE INDEX IF NOT EXISTS report_unnumbered ON report (received, report_id) WHERE seq IS NULL;
CREATE INDEX IF NOT EXISTS report_unindexed ON report (report_id) WHERE indexed = 0;

CREATE TABLE IF NOT EXISTS host (
    sweep_id TEXT COLLATE "C" NOT NULL,
    host_key TEXT COLLATE "C" NOT NULL,
    host_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    fqdn TEXT COLLATE "C" NOT NULL,
    fqdn_key TEXT COLLATE "C" NOT NULL,
    domain TEXT COLLATE "C" NOT NULL,
    os TEXT COLLATE "C" NOT NULL,
    ip TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    base TEXT COLLATE "C" NOT NULL,
    hit BIGINT NOT NULL,
    suppressed BIGINT NOT NULL,
    reasons TEXT COLLATE "C" NOT NULL,
    strong BIGINT NOT NULL,
    weak BIGINT NOT NULL,
    reports BIGINT NOT NULL,
    report_id TEXT COLLATE "C" NOT NULL,
    first_received BIGINT NOT NULL,
    last_received BIGINT NOT NULL,
    finished BIGINT NOT NULL,
    sources TEXT COLLATE "C" NOT NULL,
    flagged BIGINT NOT NULL,
    PRIMARY KEY (sweep_id, host_key)
);
CREATE INDEX IF NOT EXISTS host_state ON host (sweep_id, state, name_key);
CREATE INDEX IF NOT EXISTS host_name ON host (sweep_id, name_key, fqdn_key);
CREATE INDEX IF NOT EXISTS host_flagged ON host (sweep_id, name_key) WHERE flagged = 1;
CREATE INDEX IF NOT EXISTS host_suppressed ON host (sweep_id, name_key) WHERE suppressed = 1;
CREATE INDEX IF NOT EXISTS host_id ON host (sweep_id, host_id);

CREATE TABLE IF NOT EXISTS finding (
    report_id TEXT COLLATE "C" NOT NULL,
    finding_id TEXT COLLATE "C" NOT NULL,
    sweep_id TEXT COLLATE "C" NOT NULL,
    host_key TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    indicator_id TEXT COLLATE "C" NOT NULL,
    indicator_type TEXT COLLATE "C" NOT NULL,
    indicator_value TEXT COLLATE "C" NOT NULL,
    pack TEXT COLLATE "C" NOT NULL,
    strength TEXT COLLATE "C" NOT NULL,
    score BIGINT NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    time BIGINT NOT NULL,
    suppression_id TEXT COLLATE "C",
    PRIMARY KEY (report_id, finding_id)
);
CREATE INDEX IF NOT EXISTS finding_indicator ON finding (sweep_id, indicator_id, host_key);
CREATE INDEX IF NOT EXISTS finding_host ON finding (sweep_id, host_key);

CREATE TABLE IF NOT EXISTS suppression (
    suppression_id TEXT COLLATE "C" PRIMARY KEY,
    sweep_id TEXT COLLATE "C" NOT NULL,
    indicator_id TEXT COLLATE "C" NOT NULL,
    host_key TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    lifted BIGINT
);
CREATE INDEX IF NOT EXISTS suppression_sweep ON suppression (sweep_id);

CREATE TABLE IF NOT EXISTS audit (
    audit_id TEXT COLLATE "C" PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL
);
CREATE INDEX IF NOT EXISTS audit_at ON audit (at);

CREATE TABLE IF NOT EXISTS sink (
    name TEXT COLLATE "C" PRIMARY KEY,
    seq BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    error TEXT COLLATE "C" NOT NULL
);

CREATE TABLE IF NOT EXISTS setting (
    name TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL
);

-- One row, locked while reports are numbered: report.seq is NULL until then.
CREATE TABLE IF NOT EXISTS numbering (
    name TEXT COLLATE "C" PRIMARY KEY,
    seq BIGINT NOT NULL
);
INSERT INTO numbering (name, seq) VALUES ('report', 0) ON CONFLICT (name) DO NOTHING;
