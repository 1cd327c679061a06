-- Who is on it, of a host ('' for the finding) and of a finding on a host.
CREATE TABLE casework (
    sweep_id TEXT COLLATE "C" NOT NULL,
    host_key TEXT COLLATE "C" NOT NULL,
    finding_id TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('new', 'triaged', 'contained', 'closed')),
    owner TEXT COLLATE "C" NOT NULL,
    owner_key TEXT COLLATE "C" NOT NULL,
    tags TEXT COLLATE "C" NOT NULL,
    notes BIGINT NOT NULL,
    version BIGINT NOT NULL,
    change_id TEXT COLLATE "C" NOT NULL,
    changed BIGINT NOT NULL,
    changed_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (sweep_id, host_key, finding_id)
);
CREATE INDEX casework_state ON casework (sweep_id, state, owner_key, host_key)
    WHERE finding_id = '';
CREATE INDEX casework_owner ON casework (sweep_id, owner_key, host_key, finding_id);

CREATE TABLE case_note (
    sweep_id TEXT COLLATE "C" NOT NULL,
    host_key TEXT COLLATE "C" NOT NULL,
    finding_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (sweep_id, host_key, finding_id, number)
);

CREATE TABLE case_tag (
    sweep_id TEXT COLLATE "C" NOT NULL,
    host_key TEXT COLLATE "C" NOT NULL,
    finding_id TEXT COLLATE "C" NOT NULL,
    tag TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (sweep_id, host_key, finding_id, tag)
);
CREATE INDEX case_tag_tag ON case_tag (sweep_id, tag, host_key, finding_id);

-- Whom to call: what the list of expected hosts says beside their names.
CREATE TABLE expected_column (
    sweep_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (sweep_id, name, name_key)
);
CREATE INDEX expected_column_value ON expected_column (sweep_id, name, value, name_key);
