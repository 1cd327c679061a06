-- Another number with each change of the list of expected hosts, so that what was found by the list
-- as it was is not taken for what would be found now. Apart from the sweep, which reports that are
-- being kept hold as it is.
CREATE TABLE list_change (
    sweep_id TEXT COLLATE "C" PRIMARY KEY,
    number BIGINT NOT NULL
);
