-- What the page of a sweep says of its hosts: who is hit, since when, and what a clean is worth.
ALTER TABLE host ADD COLUMN first_hit INTEGER;
ALTER TABLE host ADD COLUMN users TEXT NOT NULL DEFAULT '';
ALTER TABLE host ADD COLUMN elevated INTEGER;
ALTER TABLE host ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE host ADD COLUMN worth TEXT NOT NULL DEFAULT '';
-- Of its listed findings that are neither suppressed nor excluded.
ALTER TABLE host ADD COLUMN strongest INTEGER NOT NULL DEFAULT 0;
ALTER TABLE host ADD COLUMN best TEXT NOT NULL DEFAULT '';
ALTER TABLE host ADD COLUMN first_trace INTEGER;
ALTER TABLE host ADD COLUMN last_trace INTEGER;
ALTER TABLE host ADD COLUMN first_any INTEGER;
ALTER TABLE host ADD COLUMN last_any INTEGER;
UPDATE host SET first_hit = (SELECT MIN(r.received) FROM report r WHERE r.sweep_id = host.sweep_id
    AND r.host_key = host.host_key AND r.state = 'hit') WHERE hit = 1;
-- All of them of a part of the hosts: a clean one without a trace is in none. What the condition
-- is about is a column too: else SQLite looks every host up for it.
CREATE INDEX host_hit ON host (sweep_id, strongest, name_key, host_key) WHERE state = 'hit';
CREATE INDEX host_hit_since ON host (sweep_id, first_hit, state) WHERE state = 'hit';
CREATE INDEX host_traced ON host (sweep_id, first_trace, host_key, last_trace, strongest)
    WHERE strongest > 1;
CREATE INDEX host_traced_any ON host (sweep_id, first_any, host_key, last_any, strongest)
    WHERE strongest > 0;
CREATE INDEX host_weak ON host (sweep_id, state, name_key) WHERE strongest = 1;
CREATE INDEX host_gaps ON host (sweep_id, reasons, state, elevated, kind)
    WHERE state IN ('incomplete', 'failed');
-- With all that the list of indicators counts.
DROP INDEX finding_indicator;
CREATE INDEX finding_indicator
    ON finding (sweep_id, indicator_id, host_key, strength, suppression_id, time);
