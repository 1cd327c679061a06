-- What is known of the signature of the report that a host is counted by, and of that its hit is
-- from, as collector/signatures.py writes it.
ALTER TABLE host ADD COLUMN signature TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE host ADD COLUMN hit_signature TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE host SET signature = COALESCE((SELECT MAX(r.signature) FROM report r
    WHERE r.sweep_id = host.sweep_id AND r.host_key = host.host_key
    AND r.finished = host.finished AND r.limits = host.limits), '');
UPDATE host SET hit_signature = COALESCE((SELECT r.signature FROM report r
    WHERE r.report_id = host.report_id), '') WHERE hit = 1;
-- One that is not as it was signed answers nothing, and one that is counts before those that nobody
-- signed: the server holds what is asked for against all reports of such sweeps again.
UPDATE sweep SET demanded = demanded + 1
    WHERE sweep_id IN (SELECT sweep_id FROM report WHERE signature LIKE 'wrong%'
        OR signature LIKE 'signed %');
