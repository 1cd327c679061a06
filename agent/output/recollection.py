"""What a clean verdict is worth, in sentences for people: made of ``remembered``, never stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..model.remembered import Behaviour, MemoryGap, Recorded, Remembered
from .escape import shown
from .layout import when

WORDS = {
    Behaviour.RAN: "a run",
    Behaviour.LOADED: "a loaded DLL",
    Behaviour.ON_DISK: "a file that came and went",
    Behaviour.DOWNLOADED: "a download",
    Behaviour.RESOLVED: "a name look-up",
    Behaviour.CONNECTED: "a connection",
}
_MOST = 3
"""Memories of one deed that the sentence names."""


def recollection(told: Sequence[Remembered]) -> str:
    """One sentence on all behaviours; "" where nothing is told."""
    unsure = dict.fromkeys(one.why for one in told if one.state is Recorded.UNKNOWN)
    if unsure and not any(one.state is Recorded.RECORDED for one in told):
        return f"What this host would remember is not known: {shown('; '.join(unsure))}."
    parts = [
        f"{WORDS[behaviour]} {_where([one for one in told if one.behaviour is behaviour])}"
        for behaviour in Behaviour
        if any(one.behaviour is behaviour for one in told)
    ]
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _where(told: list[Remembered]) -> str:
    """``would be in Prefetch since 2026-09-02 and in Security 4688 since 2026-11-20``."""
    known = [one for one in told if one.state is Recorded.RECORDED]
    unsure = [one for one in told if one.state is Recorded.UNKNOWN]
    if known:
        places = [f"in {shown(one.part)}{_since(one)}" for one in known[:_MOST]]
        if len(known) > _MOST:
            places.append(f"in {len(known) - _MOST} more")
        only = "only " if len(known) == 1 else ""
        doubt = " (and more, not known)" if unsure else " (before: not recorded)"
        return f"would be {only}{' and '.join(places)}{doubt}"
    if unsure:
        names = ", ".join(shown(one.part) for one in unsure[:_MOST])
        return f"may be in {names}, which is not known ({shown(unsure[0].why)})"
    return f"would be nowhere ({'; '.join(dict.fromkeys(_why(one) for one in told))})"


def _since(one: Remembered) -> str:
    return f" since {_day(one.since)}" if one.since is not None else ""


def _why(one: Remembered) -> str:
    return f"{shown(one.part)}: {shown(one.why)}"


def _day(time: datetime) -> str:
    return when(time)[:10]


def line_of(one: Remembered) -> str:
    """One memory with its gaps: ``Security 4688: since 2026-11-20 09:00:00 UTC; gap …``."""
    state = {
        Recorded.RECORDED: f"since {when(one.since)}" if one.since is not None else "recorded",
        Recorded.NOT_RECORDED: "not recorded",
        Recorded.UNKNOWN: "not known",
    }[one.state]
    why = f" ({shown(one.why)})" if one.why else ""
    gaps = "".join(f"; gap {_span(gap)}: {shown(gap.why)}" for gap in one.gaps)
    part = shown(one.part)
    return f"{part}{'' if part.endswith(':') else ':'} {state}{why}{gaps}"


def _span(gap: MemoryGap) -> str:
    start = f"from {when(gap.start)}" if gap.start is not None else ""
    end = f"to {when(gap.end)}" if gap.end is not None else "to the sweep"
    return f"{start} {end}".strip()
