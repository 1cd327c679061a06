"""The timeline of a report: one row per moment of a thing, in the order in which they happened.

It is made from the moments of the sightings and stored nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from ...model.objects import Destination, File, Objects, Part, Process
from ...model.observation import Claim, MomentOf, Place
from ...model.report import Evidence, Finding, Report, Strength
from ...model.shared_objects import MAIN, OTHERS, seen_objects
from ...spelling import base_name
from .document import utc


class Row(Struct, frozen=True, kw_only=True):
    """One moment of one thing."""

    time: datetime
    """UTC."""
    of: MomentOf
    claim: str
    """``exists``, ``ran`` …; empty in reports of version 1."""
    thing: str
    """A path, a command line, a name, an address."""
    by: str
    """The program that did it; empty: the thing did, or nobody knows."""
    user: str
    source: str
    seen: str
    strength: Strength
    place: Place
    detail: str
    indicators: tuple[str, ...]
    finding: Finding
    is_module: bool = False
    """Whether the thing is what a program loaded."""

    @property
    def words(self) -> str:
        """``created``, ``ran`` …: what the time is of, and else what the sighting says."""
        if self.of is MomentOf.HAPPENED or (self.of is MomentOf.LOGGED and self.claim):
            return self.claim or str(self.of.value)
        if self.of is MomentOf.RAN and (self.is_module or self.claim == Claim.LOADED.value):
            return Claim.LOADED.value
        return str(self.of.value)

    @property
    def message(self) -> str:
        """One line for a person, not escaped."""
        who = f" ({self.user})" if self.user else ""
        by = f" by {self.by}" if self.by else ""
        return f"{self.thing} {self.words}{by}{who}: {self.seen}"


def rows(report: Report) -> list[Row]:
    """Sorted by time; what several indicators matched at one moment is one row."""
    found: dict[tuple[object, ...], Row] = {}
    names = names_of_users(report)
    for finding in report.findings:
        for evidence in finding.evidence:
            for row in _rows_of(finding, evidence, names):
                key = (row.time, row.of, finding.id, row.source, row.claim, row.thing, row.by)
                known = found.setdefault(key, row)
                both = tuple(dict.fromkeys((*known.indicators, *row.indicators)))
                found[key] = msgspec.structs.replace(known, indicators=both)
    return sorted(found.values(), key=lambda row: (row.time, row.source, row.thing))


def names_of_users(report: Report) -> dict[str, str]:
    """By SID, where one sighting tells both: an event of PowerShell or of the DNS client has the
    number alone. A name with its domain before one without."""
    names: dict[str, str] = {}
    for finding in report.findings:
        for holder in (finding, *finding.evidence):
            for user in (holder.user, holder.process.user if holder.process else None):
                if user is not None and user.id and user.name:
                    known = names.setdefault(user.id, user.name)
                    names[user.id] = known if "\\" in known else user.name
    return names


def _rows_of(finding: Finding, evidence: Evidence, names: Mapping[str, str]) -> Iterable[Row]:
    seen = seen_objects(finding, evidence)
    user = user_of(evidence, seen)
    thing, by = thing_of(evidence, seen)
    for moment in evidence.moments:
        yield Row(
            time=utc(moment.time),
            of=moment.of,
            claim=evidence.claim.value if evidence.claim else "",
            thing=thing or finding.title,
            by=by,
            user=names.get(user, user),
            source=evidence.source,
            seen=evidence.seen,
            strength=Strength.EXCLUDED if finding.excluded_by else finding.strength,
            place=evidence.place,
            detail=evidence.detail,
            indicators=(evidence.indicator,),
            finding=finding,
            is_module=seen.dll is not None and thing == text_of(seen.dll),
        )


def thing_of(evidence: Evidence, seen: Objects) -> tuple[str, str]:
    """What the sighting is of, and the program that did it."""
    names = (*MAIN.get(evidence.claim, ()), *OTHERS)
    name = next((one for one in names if getattr(seen, one) is not None), "")
    if not name:
        return evidence.place.text, ""
    process = seen.process
    by = "" if process is None or name == "process" else _named(process)
    return text_of(getattr(seen, name)) or evidence.place.text, by


def _named(process: Process) -> str:
    return process.name or base_name(process.executable)


def text_of(part: Part) -> str:
    """An object as one text: a path, a command line, a name."""
    if isinstance(part, File):
        stream = f":{part.stream}" if part.stream else ""
        return f"{part.member_of}\\{part.path}" if part.member_of else part.path + stream
    if isinstance(part, Process):
        return part.command_line or part.executable or part.name
    if isinstance(part, Destination):
        port = f":{part.port}" if part.port else ""
        return f"{part.ip}{port}" if part.ip else part.domain
    for name in ("path", "question", "full", "name"):
        if text := getattr(part, name, ""):
            value = getattr(part, "value", "")
            return f"{text}\\{value}" if value else str(text)
    return ""


def user_of(evidence: Evidence, seen: Objects) -> str:
    """Who did it, or in whose profile it lies; empty: nobody knows."""
    users = (seen.process.user if seen.process else None, seen.user)
    told = next((one.name or one.id for one in users if one is not None), "")
    return told or evidence.place.owner
