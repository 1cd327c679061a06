-- An index less for each report to write: that of names has the senders as well, and the
-- state, for what is asked of every host.
DROP INDEX host_sources;
DROP INDEX host_name;
CREATE INDEX host_name ON host (sweep_id, name_key, fqdn_key, state, sources);
-- Kept of hits alone, which it is about.
UPDATE host SET hit_limits = '' WHERE hit = 0 AND hit_limits <> '';
