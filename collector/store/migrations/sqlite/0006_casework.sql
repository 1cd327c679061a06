-- Who is on it, of a host ('' for the finding) and of a finding on a host.
CREATE TABLE casework (
    sweep_id TEXT NOT NULL,
    host_key TEXT NOT NULL,
    finding_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('new', 'triaged', 'contained', 'closed')),
    owner TEXT NOT NULL,
    owner_key TEXT NOT NULL,
    tags TEXT NOT NULL,
    notes INTEGER NOT NULL,
    version INTEGER NOT NULL,
    change_id TEXT NOT NULL,
    changed INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (sweep_id, host_key, finding_id)
) WITHOUT ROWID;
CREATE INDEX casework_state ON casework (sweep_id, state, owner_key, host_key)
    WHERE finding_id = '';
CREATE INDEX casework_owner ON casework (sweep_id, owner_key, host_key, finding_id);

CREATE TABLE case_note (
    sweep_id TEXT NOT NULL,
    host_key TEXT NOT NULL,
    finding_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (sweep_id, host_key, finding_id, number)
) WITHOUT ROWID;

CREATE TABLE case_tag (
    sweep_id TEXT NOT NULL,
    host_key TEXT NOT NULL,
    finding_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (sweep_id, host_key, finding_id, tag)
) WITHOUT ROWID;
CREATE INDEX case_tag_tag ON case_tag (sweep_id, tag, host_key, finding_id);

-- Whom to call: what the list of expected hosts says beside their names.
CREATE TABLE expected_column (
    sweep_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    place INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (sweep_id, name, name_key)
) WITHOUT ROWID;
CREATE INDEX expected_column_value ON expected_column (sweep_id, name, value, name_key);
