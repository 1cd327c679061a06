-- What is known of a report's signature since it came, as collector/signatures.py writes it; empty:
-- it came to a collector that did not ask.
ALTER TABLE report ADD COLUMN signature TEXT NOT NULL DEFAULT '';
-- The public halves of the keys that were issued to a sweep.
CREATE TABLE sweep_key (
    sweep_id TEXT NOT NULL REFERENCES sweep (sweep_id),
    public_key BLOB NOT NULL,
    created INTEGER NOT NULL,
    revoked INTEGER,
    PRIMARY KEY (sweep_id, public_key)
) WITHOUT ROWID;
