"""The sightings of a finding as lines: all that one source saw in one place at one time is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from msgspec import Struct

from ..model.observation import Moment, MomentOf, telling
from ..model.report import Evidence, Finding
from .escape import shown
from .layout import cut, when

MAX_DETAIL = 60
_MENTIONED = ": only mentioned"
_MINUTE = timedelta(minutes=1)


class _Line(Struct, kw_only=True):
    source: str
    place: str
    at: Moment | None
    words: dict[str, str] = {}
    """By what was seen."""


def sightings(finding: Finding, reasons: Iterable[str]) -> list[str]:
    """First one line of each source, then the others; ``reasons``: are told already. So many as
    there are first ones must be shown: see :func:`sources_of`."""
    told = [finding.title, finding.process.command_line if finding.process else ""]
    lines: list[_Line] = []
    for evidence in _without_mentions(finding.evidence):
        line = _line_for(evidence, lines)
        text = evidence.detail
        for reason in reasons:
            text = text.replace(f"; {reason}", "")
        known = any(text.strip("…") in known for known in (*told, evidence.place.text))
        detail = "" if known else f" ({shown(cut(text, MAX_DETAIL))})"
        line.words.setdefault(evidence.seen, shown(evidence.seen) + detail)
    first = {line.source: line for line in reversed(lines)}.values()
    ordered = sorted(lines, key=lambda line: not any(line is one for one in first))
    return [_text(line, finding) for line in ordered]


def sources_of(finding: Finding) -> int:
    """How many saw it."""
    return len({evidence.source for evidence in finding.evidence})


def _without_mentions(evidence: list[Evidence]) -> Iterator[Evidence]:
    """Without those that only mention what was seen in the same place."""
    whole = {(one.source, one.place.text, one.seen) for one in evidence}
    for one in evidence:
        mentioned = one.seen.removesuffix(_MENTIONED)
        if mentioned == one.seen or (one.source, one.place.text, mentioned) not in whole:
            yield one


def _line_for(evidence: Evidence, lines: list[_Line]) -> _Line:
    """One that there is already, or a new one: two views of one file have times that differ by
    less than what they are rounded to."""
    at = _told_moment(evidence)
    for line in lines:
        same = (line.source, line.place) == (evidence.source, evidence.place.text)
        if same and _is_same(line.at, at):
            return line
    lines.append(_Line(source=evidence.source, place=evidence.place.text, at=at))
    return lines[-1]


def _told_moment(evidence: Evidence) -> Moment | None:
    """The earliest of those that tell."""
    times = telling(evidence.moments)
    told = (one for one in evidence.moments if one.of is not MomentOf.ACCESSED)
    return next((one for one in told if times and telling([one]) == times[:1]), None)


def _is_same(one: Moment | None, other: Moment | None) -> bool:
    if one is None or other is None:
        return one is other
    (first,), (second,) = telling([one]), telling([other])
    return one.of is other.of and abs(first - second) < _MINUTE


def _text(line: _Line, finding: Finding) -> str:
    place = "" if line.place in finding.title else f"   {shown(line.place)}"
    time = ""
    if line.at is not None:
        of = "" if line.at.of is MomentOf.HAPPENED else f"{line.at.of.value} "
        time = f"{of}{when(line.at.time)}   "
    return f"{line.source:<12} {time}{', '.join(line.words.values())}{place}"
