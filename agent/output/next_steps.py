"""What to do about a hit: what to dump, to collect, whom to ask, what to search for elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..model.objects import File, Objects, Process, User
from ..model.observation import Claim
from ..model.report import Evidence, Finding, Report, Strength, TargetKind
from .escape import shown
from .order import in_order, is_live

MOST = 8
"""Of one kind that are named."""
_LABEL = 17
_THERE = frozenset({Claim.EXISTS, Claim.LOADED, Claim.RUNNING, Claim.MENTIONED, Claim.DOWNLOADED})


def steps(report: Report) -> Iterator[str]:
    """Lines for a hit, without a margin."""
    live = report.target.kind is TargetKind.LIVE
    yield (
        "isolate the host; keep its disks and memory as they are"
        if live
        else "keep this evidence as it is"
    )
    findings = [f for f in in_order(report.findings) if f.strength.rank >= Strength.STRONG.rank]
    pids = (_pid(f.process) for f in findings if live and is_live(f) and f.process)
    yield from _listed("dump memory of", pids)
    yield from _listed("collect", (path for f in findings for path in _files(f)))
    yield from _listed("users", (name for f in findings for name in _users(f)))
    yield from _listed("search logs for", (name for f in findings for name in _names(f)))


def _listed(label: str, things: Iterable[str]) -> Iterator[str]:
    distinct = [shown(thing) for thing in dict.fromkeys(things) if thing]
    for number, thing in enumerate(distinct[:MOST]):
        yield f"{label if not number else '':<{_LABEL}}{thing}"
    if len(distinct) > MOST:
        yield f"{'':<{_LABEL}}… and {len(distinct) - MOST:,} more in the report"


def _pid(process: Process) -> str:
    return "" if process.pid is None else f"{process.name or 'process'} {process.pid}"


def _sightings(finding: Finding) -> list[Objects]:
    """The finding, and those of its sightings that show another thing."""
    return [finding, *finding.evidence]


def _files(finding: Finding) -> Iterator[str]:
    """Those that should be there still."""
    for seen in _sightings(finding):
        if seen.file is not None and _is_there(seen, finding):
            yield _place_of(seen.file)
        if seen.dll is not None and seen.dll.on_disk is not False:
            yield seen.dll.path


def _is_there(seen: Objects, finding: Finding) -> bool:
    evidence = [seen] if isinstance(seen, Evidence) else finding.evidence
    return any(one.claim in _THERE and one.place.view != "deleted" for one in evidence)


def _place_of(file: File) -> str:
    if file.member_of:
        return file.member_of
    return f"{file.path}:{file.stream}" if file.stream else file.path


def _users(finding: Finding) -> Iterator[str]:
    for seen in _sightings(finding):
        yield _name(seen.process.user if seen.process else None)
        yield _name(seen.user)
    for evidence in finding.evidence:
        yield evidence.place.owner


def _name(user: User | None) -> str:
    return (user.name or user.id) if user else ""


def _names(finding: Finding) -> Iterator[str]:
    """Domains, addresses and URLs, as proxies, firewalls and resolvers log them."""
    for seen in _sightings(finding):
        if seen.dns is not None:
            yield seen.dns.question
        if seen.destination is not None:
            yield seen.destination.domain
            yield seen.destination.ip
        if seen.url is not None:
            yield seen.url.full
        if seen.file is not None:
            yield from seen.file.zone_url
