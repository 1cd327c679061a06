-- Another number with each change of the list of expected hosts, so that what was found by the list
-- as it was is not taken for what would be found now.
ALTER TABLE sweep ADD COLUMN listed BIGINT NOT NULL DEFAULT 0;
