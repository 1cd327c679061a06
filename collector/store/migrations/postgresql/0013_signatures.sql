-- What is known of a report's signature since it came, as collector/signatures.py writes it; empty:
-- it came to a collector that did not ask.
ALTER TABLE report ADD COLUMN signature TEXT COLLATE "C" NOT NULL DEFAULT '';
-- The public halves of the keys that were issued to a sweep.
CREATE TABLE sweep_key (
    sweep_id TEXT COLLATE "C" NOT NULL REFERENCES sweep (sweep_id),
    public_key BYTEA NOT NULL,
    created BIGINT NOT NULL,
    revoked BIGINT,
    PRIMARY KEY (sweep_id, public_key)
);
