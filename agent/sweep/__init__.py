"""From a plan to a report, kept as it grows."""
