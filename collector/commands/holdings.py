"""What a sweep holds, told before it goes, and whether it may go."""

from __future__ import annotations

from ..store.keeping import OldSweep
from .command import day

RECEIVING_MS = 86_400_000
"""A sweep whose last report is no older is receiving, whatever it is asked for."""


def receiving(one: OldSweep, since: int) -> bool:
    """Whether it got a report at this time (ms UTC) or later."""
    return one.last_received is not None and one.last_received >= since


def holdings_words(one: OldSweep) -> str:
    """One line."""
    last = f", the last {day(one.last_received)}" if one.last_received is not None else ""
    cases = f", {one.cases:,} cases with {one.notes:,} notes" if one.cases else ""
    return (
        f"{one.sweep_id}   {one.title}   made {day(one.created)},"
        f" {one.reports:,} reports of {one.hosts:,} hosts{last}{cases}"
    )
