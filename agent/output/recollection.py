"""What a clean verdict is worth, in sentences for people: made of ``remembered``, never stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ..model.observation import utc
from ..model.remembered import Behaviour, MemoryGap, Recorded, Remembered
from ..model.report import COLLECTED, Report
from .escape import shown
from .layout import when

HEAD = "where a deed would have left a trace, and since when; before that, none is sure"
WORDS = {
    Behaviour.RAN: "run",
    Behaviour.LOADED: "loaded DLL",
    Behaviour.ON_DISK: "gone file",
    Behaviour.DOWNLOADED: "download",
    Behaviour.RESOLVED: "look-up",
    Behaviour.CONNECTED: "connection",
}
ELSEWHERE = "what is over is told, if at all, by the logs of mail, proxy, DNS and other hosts"
_ALL = "all of it"
_MOST = 3
"""Memories of one deed that the sentence names."""


def remembers_nothing(report: Report) -> bool:
    """Whether all that is there of a host was asked and is sure to remember no deed of any kind: a
    copy of a part of one, a collection, or a host whose logs are off."""
    known = any(one.state is Recorded.RECORDED for one in report.remembered)
    asked = report.scope.whole_host or report.scope.limited_to == [COLLECTED]
    return bool(report.remembered) and asked and not known


def recollection(told: Sequence[Remembered]) -> list[tuple[str, str]]:
    """What was done, and where it would be; one line for all, where nothing is known of any."""
    if told and all(one.state is Recorded.UNKNOWN for one in told):
        whys = dict.fromkeys(one.why for one in told)
        return [(_ALL, f"not known ({shown('; '.join(whys))})")]
    by_behaviour = {
        words: [one for one in told if one.behaviour is behaviour]
        for behaviour, words in WORDS.items()
    }
    return [(words, where(some)) for words, some in by_behaviour.items() if some]


def where(told: Sequence[Remembered]) -> str:
    """Of one behaviour: ``in Prefetch since 2026-09-02 and in Security 4688 since 2026-11-20``."""
    known = [one for one in told if one.state is Recorded.RECORDED and not one.only]
    partly = [one for one in told if one.state is Recorded.RECORDED and one.only]
    unsure = [one for one in told if one.state is Recorded.UNKNOWN and not one.only]
    parts: list[str] = []
    if known:
        parts.append(_listed(map(_place, known), "and"))
    elif not unsure:
        no = [one for one in told if one.state is Recorded.NOT_RECORDED and not one.only]
        parts.append(f"nowhere for sure ({'; '.join(dict.fromkeys(map(_why_not, no)))})")
    also = " also" if known else ":"
    parts += [f"{shown(one.only)}{also} {_place(one)}" for one in partly]
    if unsure:
        parts.append(_not_known(unsure, is_all=not parts))
    return "; ".join(parts)


def _not_known(unsure: Sequence[Remembered], *, is_all: bool) -> str:
    """``whether also in Sysmon 3 (none among 4 records) is not known``."""
    names: dict[str, list[str]] = {}
    for one in unsure:
        names.setdefault(one.why, []).append(shown(one.part))
    told = [f"in {_listed(parts, 'or')} ({shown(why)})" for why, parts in names.items()]
    listed = _listed(told, "or")
    return f"not known whether {listed}" if is_all else f"not known whether also {listed}"


def _listed(parts: Iterable[str], word: str) -> str:
    """``a, b and c``; of more than :data:`_MOST` the first."""
    some = list(parts)
    if len(some) > _MOST:
        some = [*some[: _MOST - 1], f"{len(some) - _MOST + 1} more"]
    return f" {word} ".join([", ".join(some[:-1]), some[-1]] if some[1:] else some)


def _place(one: Remembered) -> str:
    """``in Security 4688 since 2026-11-20 (the log was cleared on 2026-11-20)``."""
    said = [one.why, *_broken(one)]
    brackets = "; ".join(shown(text) for text in said if text)
    return f"in {shown(one.part)}{_times(one)}{f' ({brackets})' if brackets else ''}"


def _times(one: Remembered) -> str:
    """`` since 2026-09-02``, or from when to when it went on."""
    if one.since is None:
        return ""
    ends = [gap.start for gap in one.gaps if gap.start is not None and gap.end is None]
    if not ends:
        return f" since {_day(one.since)}"
    return f" from {_day(one.since)} to {_day(min(ends, key=utc))}"


def _broken(one: Remembered) -> list[str]:
    """Its gaps in few words, those of one kind together; of many, how many."""
    if len(one.gaps) > _MOST:
        last = one.gaps[-1]
        return [f"{len(one.gaps)} gaps, the last: {last.why}{_when(last)}"]
    kinds: dict[str, list[str]] = {}
    for gap in one.gaps:
        kinds.setdefault(gap.why, []).append(_when(gap))
    return [why + " and".join(filter(None, times)) for why, times in kinds.items()]


def _when(gap: MemoryGap) -> str:
    """`` on 2026-11-20``; of one that goes on nothing, since that stands before."""
    if gap.end is None:
        return ""
    if gap.start is None or _day(gap.start) == _day(gap.end):
        return f" on {_day(gap.end)}"
    return f" between {_day(gap.start)} and {_day(gap.end)}"


def _why_not(one: Remembered) -> str:
    """With its name, unless its reason names it already."""
    part, why = shown(one.part), shown(one.why)
    return why if part.split()[0].casefold() in why.casefold() else f"{part}: {why}"


def _day(time: datetime) -> str:
    return when(time)[:10]


def line_of(one: Remembered) -> str:
    """One memory with its gaps: ``Security 4688: since 2026-11-20 09:00:00 UTC; gap …``."""
    state = {
        Recorded.RECORDED: f"since {when(one.since)}" if one.since is not None else "recorded",
        Recorded.NOT_RECORDED: "not recorded",
        Recorded.UNKNOWN: "not known",
    }[one.state]
    only = f", {shown(one.only)}" if one.only else ""
    why = f" ({shown(one.why)})" if one.why else ""
    gaps = "".join(f"; gap {_span(gap)}: {shown(gap.why)}" for gap in one.gaps)
    part = f"{shown(one.part)}{only}"
    return f"{part}{'' if part.endswith(':') else ':'} {state}{why}{gaps}"


def _span(gap: MemoryGap) -> str:
    start = f"from {when(gap.start)}" if gap.start is not None else ""
    end = f"to {when(gap.end)}" if gap.end is not None else "to the sweep"
    return f"{start} {end}".strip()
