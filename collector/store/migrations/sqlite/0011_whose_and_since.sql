-- Since when a host is a hit: since the first that came after all before were suppressed.
UPDATE host SET first_hit = NULL WHERE suppressed = 1;
UPDATE host SET first_hit = COALESCE((SELECT MIN(r.received) FROM report r
    WHERE r.sweep_id = host.sweep_id AND r.host_key = host.host_key AND r.strong > 0
    AND (EXISTS (SELECT 1 FROM finding f WHERE f.report_id = r.report_id
            AND f.strength IN ('strong', 'confirmed') AND f.suppression_id IS NULL)
        OR r.strong > (SELECT COUNT(*) FROM finding f WHERE f.report_id = r.report_id
            AND f.strength IN ('strong', 'confirmed')))), first_hit)
    WHERE hit = 1 AND suppressed = 0 AND sweep_id IN (SELECT sweep_id FROM suppression);

-- The number of the last report that was there when the case was closed.
ALTER TABLE casework ADD COLUMN closed_after INTEGER NOT NULL DEFAULT 0;
UPDATE casework SET closed_after = COALESCE((SELECT MIN(r.seq) - 1 FROM report r
    WHERE r.sweep_id = casework.sweep_id AND r.host_key = casework.host_key
    AND r.received > casework.changed), (SELECT MAX(seq) FROM report), 0) WHERE state = 'closed';

-- Names whose keys may be others now are marked: store/filling.py takes them up in the same
-- transaction.
UPDATE host SET name_key = char(10) || name_key WHERE name_key GLOB '*[^ -~]*' OR fqdn_key GLOB '*[^ -~]*'
    OR name_key LIKE '%.' OR fqdn_key LIKE '%.';
UPDATE expected SET name_key = char(10) || name_key WHERE name_key GLOB '*[^ -~]*';
