-- Equal in meaning to sqlite/0010_names.sql.
-- The first part of a whole name stands for it where it is the only one of the list that begins so.
-- Of several, those that were taken for a host of that short name have not answered.
UPDATE expected SET short_key = chr(10) || short_key, seen = 0
    WHERE name_key <> short_key AND substr(short_key, 1, 1) <> chr(10)
    -- as values: by an index, where the whole list would be joined with itself
    AND ((SELECT 1 FROM expected o WHERE o.sweep_id = expected.sweep_id
            AND o.name_key <> expected.name_key AND o.name_key <> o.short_key
            AND o.short_key = expected.short_key LIMIT 1) IS NOT NULL
        OR (SELECT 1 FROM expected o WHERE o.sweep_id = expected.sweep_id
            AND o.name_key <> expected.name_key AND o.name_key <> o.short_key
            AND o.short_key = chr(10) || expected.short_key LIMIT 1) IS NOT NULL);
UPDATE expected SET seen = 1 WHERE substr(short_key, 1, 1) = chr(10)
    AND ((sweep_id, name_key) IN (SELECT sweep_id, name_key FROM host WHERE limited = 0)
        OR (sweep_id, name_key) IN (SELECT sweep_id, fqdn_key FROM host WHERE limited = 0));
UPDATE expected SET seen = 2 WHERE substr(short_key, 1, 1) = chr(10) AND seen = 0
    AND ((sweep_id, name_key) IN (SELECT sweep_id, name_key FROM host WHERE limited > 0)
        OR (sweep_id, name_key) IN (SELECT sweep_id, fqdn_key FROM host WHERE limited > 0));
