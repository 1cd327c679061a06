-- With the state, for all that is asked of every host by its name.
DROP INDEX host_name;
CREATE INDEX host_name ON host (sweep_id, name_key, fqdn_key, state);
