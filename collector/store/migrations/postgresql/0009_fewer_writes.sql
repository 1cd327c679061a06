-- An index less for each report to write: that of names has the senders as well, and is read as a
-- whole for them.
DROP INDEX host_sources;
DROP INDEX host_name;
CREATE INDEX host_name ON host (sweep_id, name_key, fqdn_key, sources);
-- Kept of hits alone, which it is about.
UPDATE host SET hit_limits = '' WHERE hit = 0 AND hit_limits <> '';
