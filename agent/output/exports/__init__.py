"""Whole reports in the words of other systems: pure functions from reports to the bytes of a file.

One module per standard, loaded when it is asked for. Each but ``misp-sightings``, whose bodies have
no place for it, tells the verdict and what was not covered, too: a file without findings says
whether that is a clean answer. A second export of the
same reports is the same bytes; every id is made of what it names.
"""

FORMATS = ("ocsf", "ecs", "timesketch", "stix", "misp", "misp-sightings")
"""Their names; what they are: ``formats.py``."""
