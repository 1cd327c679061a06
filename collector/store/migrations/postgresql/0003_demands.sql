-- What a sweep asks for, and what of each report is less.
-- Empty: of an earlier collector, which asked for nothing but the whole host.
ALTER TABLE sweep ADD COLUMN demand TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE sweep ADD COLUMN demanded BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sweep ADD COLUMN judged BIGINT NOT NULL DEFAULT 0;

ALTER TABLE report ADD COLUMN limits TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE report SET limits = '[["scope","a part","the whole host"]]' WHERE whole_host = 0;

ALTER TABLE host ADD COLUMN limits TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE host ADD COLUMN hit_limits TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE host ADD COLUMN trouble BIGINT;
ALTER TABLE host ADD COLUMN cleared BIGINT;
-- 1: not what was asked for, 2: about a part of the host
UPDATE host SET limited = 2 WHERE limited = 1;
UPDATE host SET state = 'limited' WHERE state = 'clean' AND limited > 0;
DROP INDEX host_limited;
CREATE INDEX host_limited ON host (sweep_id, state, name_key) WHERE limited > 0;
UPDATE host SET trouble = (SELECT MIN(r.finished) FROM report r WHERE r.sweep_id = host.sweep_id
    AND r.host_key = host.host_key AND r.state <> 'clean'),
    cleared = (SELECT MAX(r.finished) FROM report r WHERE r.sweep_id = host.sweep_id
    AND r.host_key = host.host_key AND r.state = 'clean');
CREATE INDEX host_turned ON host (sweep_id, name_key) WHERE cleared > trouble;
CREATE INDEX host_sources ON host (sweep_id, sources);

-- 2: by reports alone that are less than what was asked for
UPDATE expected SET seen = 2 WHERE seen = 1
    AND (sweep_id, name_key) NOT IN (SELECT sweep_id, name_key FROM host WHERE limited = 0)
    AND (sweep_id, name_key) NOT IN (SELECT sweep_id, fqdn_key FROM host WHERE limited = 0)
    AND (sweep_id, short_key) NOT IN
        (SELECT sweep_id, name_key FROM host WHERE limited = 0 AND fqdn_key = '')
    AND ((sweep_id, name_key) IN (SELECT sweep_id, name_key FROM host WHERE limited > 0)
        OR (sweep_id, name_key) IN (SELECT sweep_id, fqdn_key FROM host WHERE limited > 0)
        OR (sweep_id, short_key) IN
            (SELECT sweep_id, name_key FROM host WHERE limited > 0 AND fqdn_key = ''));
