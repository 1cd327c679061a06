"""How the gaps of an answer are closed: a way for each kind of gap that a report has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..model.report import Report, State, TargetKind

AS_ADMINISTRATOR = "run as administrator"


class _Way(NamedTuple):
    """What to do where a reason says so; ``live``: only for a host that runs, or that does not."""

    reason: re.Pattern[str]
    what: str
    live: bool | None = None


def _way(reason: str, what: str, *, live: bool | None = None) -> _Way:
    return _Way(re.compile(reason, re.IGNORECASE), what, live)


_WAYS = (
    _way("max-runtime was over", "ask again with a longer --max-runtime"),
    _way("locked by bitlocker", "unlock the volume", live=True),
    _way("locked by bitlocker", "give what opens the volume in --keys FILE", live=False),
    _way(
        "encrypted by x509|encrypted by acquire to ",
        "give the private key of what is encrypted in --keys FILE",
        live=False,
    ),
    _way("not here, and every windows has it", "collect what is named, too", live=False),
    _way("larger than --max-file-size", "read larger files with --max-file-size"),
    _way(
        r"access denied|in use by another|locked by another",
        'give an image of the disk to "iocsweep offline"',
        live=True,
    ),
    _way("access denied", "read the evidence with the rights of its owner", live=False),
    _way(
        "cache could not be asked|cache was asked",
        "ask the DNS server's logs for the packs' names",
        live=True,
    ),
    _way("withheld by antivirus", "except the agent in the antivirus"),
    _way("cloud placeholder|content kept elsewhere", "ask where the content is kept"),
    _way("given file: of a kind that no source", 'say "--as memory" if it is memory', live=False),
    _way(
        "not looked into|of a kind that no source|encrypted|of unknown content",
        "unpack or mount what is named and give it by its path",
    ),
    _way("transaction log|dirty, and", "collect the hives with their .LOG1 and .LOG2"),
    _way("blank, nothing of it is there", "collect the files that are named again"),
    _way(r"own rule|--rules|\brules:", "mend or leave out the rules that are named"),
    _way(
        "empty|no volume|nothing to (examine|walk)",
        "see that the evidence is there, and mounted",
    ),
    _way(
        "damaged|malformed|checksum|ends early|cut (off|short)|is cut|torn|read error|unreadable"
        "|(is|are) not there|written in part|enciphered",
        "read what is damaged from another copy",
    ),
    _way("was not copied with its", "collect the files that are named"),
    _way("place that is not here", "sweep the drives or folders that are named, too"),
)


def ways(report: Report) -> Iterator[str]:
    """What to do, each once; nothing for a gap of which nobody knows how to close it."""
    if report.host.elevated is False:
        yield AS_ADMINISTRATOR
    lacking = [one for one in report.coverage if one.required and one.state is not State.COMPLETE]
    if skipped := [one.source for one in lacking if one.state is State.SKIPPED]:
        yield f"do not leave out {', '.join(skipped)}"
    reasons = {
        reason.reason for one in lacking if one.state is not State.SKIPPED for reason in one.reasons
    }
    for way in _of_this(report):
        if any(map(way.reason.search, reasons)):
            yield way.what


def way_of(reason: str, report: Report) -> str:
    """What closes the gap that a source of the report gives this reason for; empty: nobody knows,
    or it is a consequence of lacking rights."""
    return next((way.what for way in _of_this(report) if way.reason.search(reason)), "")


def ways_of(reasons: str, *, live: bool, elevated: bool | None) -> list[str]:
    """The same of several reasons in one text, without their report: all that close one of them."""
    return [
        way.what for way in _of_such(live=live, elevated=elevated) if way.reason.search(reasons)
    ]


def _of_this(report: Report) -> Iterator[_Way]:
    live = report.target.kind is TargetKind.LIVE
    return _of_such(live=live, elevated=report.host.elevated)


def _of_such(*, live: bool, elevated: bool | None) -> Iterator[_Way]:
    for way in _WAYS:
        # Without rights, refusals are their consequence.
        if way.live in (None, live) and not (way.live is True and elevated is False):
            yield way


WAYS = tuple(way.what for way in _WAYS)
"""All that may be said of a reason."""
