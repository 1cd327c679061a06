-- Kept of hits alone, which it is about.
UPDATE host SET hit_limits = '' WHERE hit = 0 AND hit_limits <> '';
