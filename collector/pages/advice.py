"""What to do about an answer, with commands that can be copied as they stand.

A command never holds anything that the report says: it is pasted into an administrator's prompt,
and a report is written by whoever holds the host.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from agent.model.report import INTERRUPTED, Coverage, Reason, Report, State
from agent.output.chain import cut
from agent.output.closing import AS_ADMINISTRATOR, way_of
from agent.output.closing import ways_of as closing
from agent.output.next_steps import USERS, advised

from ..records import HostState
from ..store.standing import GapGroup

MAX_WHYS = 8
"""Gaps that are named with one way to close them."""
_NUMBER = re.compile(r"(?<=[(])[\d,]+ |(?<=, )[\d,]+ |(?<=: )[\d,]+ ")
AGAIN = "sweep the host again: its next run also sends what a sweep that was cut off had found"
ALL_SOURCES = "ask again without leaving anything out"
NOBODY_KNOWS = "read the reason: no way to close it is known"
COMMANDS: Final = {
    AS_ADMINISTRATOR: "iocsweep.exe",
    AGAIN: "iocsweep.exe",
    ALL_SOURCES: "iocsweep.exe",
    "ask again with a longer --max-runtime": "iocsweep.exe --max-runtime 4h",
    "unlock the volume": "manage-bde -status",
    "give what opens the volume in --keys FILE": (
        r"iocsweep.exe offline E:\images\C.dd --keys E:\keys.txt"
    ),
    "give the private key of what is encrypted in --keys FILE": (
        r"iocsweep.exe offline E:\HOST.tar.enc --keys E:\key.pem"
    ),
    "read larger files with --max-file-size": "iocsweep.exe --max-file-size 2G",
    'give an image of the disk to "iocsweep offline"': r"iocsweep.exe offline E:\images\C.dd",
    "unpack or mount what is named and give it by its path": (r"iocsweep.exe offline E:\unpacked"),
    "mend or leave out the rules that are named": ("iocsweep.exe --rules mine.yar --strict-rules"),
    "sweep the drives or folders that are named, too": (
        r"iocsweep.exe offline E:\case\C E:\case\D"
    ),
}
"""By what is to be done; of the rest nothing can be typed."""


class Way(Struct, frozen=True, kw_only=True):
    """How gaps are closed: ``ask again with a longer --max-runtime``."""

    what: str
    command: str
    """Ready to copy; empty where there is none."""
    because: list[str]
    """``files: access denied``, at most MAX_WHYS."""
    more: int


class NextStep(Struct, frozen=True, kw_only=True):
    """What a hit asks for: ``collect``, and which files. Without a label: a sentence."""

    label: str
    things: list[str]
    more: int


def tasks_of(report: Report) -> list[NextStep]:
    """What the findings ask for; nothing where none of them makes a hit."""
    if not any(one.strength.rank >= 2 for one in report.findings):
        return []
    return [
        NextStep(label=one.label, things=[cut(thing) for thing in one.things], more=one.more)
        for one in advised(report)
        if one.label != USERS  # they stand with the host
    ]


def ways_of(report: Report, state: HostState) -> list[Way]:
    """What closes the gaps that the verdict hangs on, each gap once, under the way that does."""
    whys: dict[str, list[str]] = {}
    if report.host.elevated is False:
        whys[AS_ADMINISTRATOR] = ["the sweep had no administrator rights"]
    elif state == "failed":
        whys[AGAIN] = ["the sweep was cut off"]
    for coverage in report.coverage:
        if coverage.is_gap:
            for what, why in _of_gap(coverage, report):
                whys.setdefault(what, []).append(why)
    return [
        Way(
            what=what,
            command=COMMANDS.get(what, ""),
            because=because[:MAX_WHYS],
            more=max(len(because) - MAX_WHYS, 0),
        )
        for what, because in whys.items()
    ]


class FleetWay(Struct, frozen=True, kw_only=True):
    """How gaps of many hosts are closed."""

    what: str
    command: str
    """Ready to copy; empty where there is none."""
    hosts: int
    """With such a gap, each once."""
    because: list[tuple[str, int]]
    """Gaps with their hosts, those of most first, at most MAX_WHYS."""
    more: int


def ways_of_fleet(groups: Iterable[GapGroup]) -> list[FleetWay]:
    """What closes the gaps of a sweep's hosts, that of most hosts first."""
    hosts: Counter[str] = Counter()
    whys: dict[str, Counter[str]] = {}
    for group in groups:
        found: dict[str, set[str]] = {}
        for what, why in _of_group(group):
            found.setdefault(what, set()).add(why)
        for what, because in found.items():
            hosts[what] += group.hosts
            whys.setdefault(what, Counter()).update(dict.fromkeys(because, group.hosts))
    return [
        FleetWay(
            what=what,
            command=COMMANDS.get(what, ""),
            hosts=count,
            because=_most_first(whys[what])[:MAX_WHYS],
            more=max(len(whys[what]) - MAX_WHYS, 0),
        )
        for what, count in _most_first(hosts)
    ]


def _most_first(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _of_group(group: GapGroup) -> Iterator[tuple[str, str]]:
    if group.elevated is False:
        yield AS_ADMINISTRATOR, "the sweep had no administrator rights"
    elif group.state == "failed":
        yield AGAIN, "the sweep was cut off"
    for gap in gaps_in(group.reasons):
        if not gap:
            yield NOBODY_KNOWS, "no reason given"
        elif re.fullmatch(r"\S+ skipped( \(.*)?", gap):
            yield ALL_SOURCES, gap
        elif INTERRUPTED in gap:
            yield AGAIN, gap
        else:
            known = closing(gap, live=group.kind in ("live", ""), elevated=group.elevated)
            rights = group.elevated is False
            for what in known or [AS_ADMINISTRATOR if rights else NOBODY_KNOWS]:
                yield what, gap


def gaps_in(reasons: str) -> set[str]:
    """The gaps that a host's text names, without the numbers, which are its own."""
    return {_NUMBER.sub("", gap) for gap in reasons.split("; ")}


def _of_gap(coverage: Coverage, report: Report) -> Iterator[tuple[str, str]]:
    if coverage.state is State.SKIPPED:
        yield ALL_SOURCES, f"{cut(coverage.source)} was left out"
        return
    for reason in coverage.reasons or [Reason(reason=f"is {coverage.state.value}")]:
        yield _way(reason, report), cut(f"{coverage.source}: {_told(reason)}")


def _way(reason: Reason, report: Report) -> str:
    if reason.reason == INTERRUPTED:
        return AGAIN
    known = way_of(reason.reason, report)
    if not known and report.host.elevated is False:
        return AS_ADMINISTRATOR
    return known or NOBODY_KNOWS


def _told(reason: Reason) -> str:
    return f"{reason.count:,} {reason.reason}" if reason.count > 1 else reason.reason


__all__ = [
    "FleetWay", "NextStep", "Way", "gaps_in", "tasks_of", "ways_of", "ways_of_fleet",
]  # fmt: skip
