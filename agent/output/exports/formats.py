"""The formats by their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...model.report import Report
from . import ecs, misp, ocsf, stix
from .account import oldest_first
from .timesketch import is_timeline, timesketch


class Format(NamedTuple):
    """How a file of it is made, and known."""

    make: Callable[[Sequence[Report]], bytes]
    """Of one report or more."""
    is_one: Callable[[bytes], bool]


def _timelines(reports: Sequence[Report]) -> bytes:
    return b"".join(map(timesketch, oldest_first(reports)))


BY_NAME = {
    "ocsf": Format(ocsf.lines, ocsf.is_lines),
    "ecs": Format(ecs.lines, ecs.is_lines),
    "timesketch": Format(_timelines, is_timeline),
    "stix": Format(stix.bundle, stix.is_bundle),
    "misp": Format(misp.event, misp.is_event),
    "misp-sightings": Format(misp.sightings, misp.are_sightings),
}
