-- In the order in which reports come: a report's findings go to the ends of few ranges, and not to
-- as many places as there are hosts. Those of a host are found by its reports.
DROP INDEX finding_indicator;
DROP INDEX finding_host;
CREATE INDEX finding_indicator
    ON finding (sweep_id, indicator_id, report_id, host_key, strength, suppression_id, time);
