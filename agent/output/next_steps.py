"""What to do about a hit: what to dump, to collect, whom to ask, what to search for elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from ..model.objects import File, Objects, Process, User
from ..model.observation import Claim, utc
from ..model.report import Evidence, Finding, Report, State, Strength, TargetKind
from ..spelling import url_parts
from .escape import shown
from .layout import when
from .mapping.timeline import names_of_users
from .order import in_order, is_live

RECENT = timedelta(days=30)
"""Before the sweep: what left a trace since then may go on."""
MOST = 8
"""Of one kind that are named."""
_LABEL = 17
USERS = "users"
_THERE = frozenset({Claim.EXISTS, Claim.LOADED, Claim.RUNNING, Claim.MENTIONED, Claim.DOWNLOADED})


class Advice(Struct, frozen=True, kw_only=True):
    """``collect``, and up to :data:`MOST` paths, not escaped. Without a label: a sentence."""

    label: str
    things: list[str]
    more: int = 0


def steps(report: Report) -> Iterator[str]:
    """Lines for a hit, without a margin."""
    for advice in advised(report):
        for number, thing in enumerate(advice.things):
            label = f"{advice.label if not number else '':<{_LABEL}}" if advice.label else ""
            yield f"{label}{shown(thing)}"
        if advice.more:
            yield f"{'':<{_LABEL}}… and {advice.more:,} more in the report"


def advised(report: Report) -> Iterator[Advice]:
    """The same, as it is told on a page."""
    live = report.target.kind is TargetKind.LIVE
    findings = [f for f in in_order(report.findings) if f.strength.rank >= Strength.STRONG.rank]
    for sentence in _first(report, findings) if live else _at_rest(report, findings):
        yield Advice(label="", things=[sentence])
    pids = (_pid(f.process) for f in findings if live and is_live(f) and f.process)
    yield from _listed("dump memory of", pids)
    yield from _listed("collect", (path for f in findings for path in _files(f)))
    yield from _listed(USERS, users_of(report, findings))
    yield from _listed("search logs for", (name for f in findings for name in _names(f)))


def users_of(report: Report, findings: Iterable[Finding]) -> Iterator[str]:
    """Whoever has to do with them, by name where the report tells one."""
    names = names_of_users(report)
    return (names.get(name, name) for finding in findings for name in _users(finding))


def _first(report: Report, findings: Sequence[Finding]) -> Iterator[str]:
    """What a host needs that is running: by whether what was found does, or did lately."""
    last = _last_trace(report, findings)
    if last is None:
        yield "isolate the host; keep its disks and memory as they are"
        return
    yield f"nothing found was seen to run now, and its last trace is of {when(last)}"
    if any(path for finding in findings for path in _files(finding)):
        yield "keep the host's disks and memory as they are"
        yield "isolate it before what is still there can start again"
    else:
        yield "keep the host's disks and memory as they are; isolate it if you find later traces"


def _at_rest(report: Report, findings: Sequence[Finding]) -> Iterator[str]:
    """What a host needs whose evidence was brought here."""
    yield "keep this evidence as it is"
    if _last_trace(report, findings) is None:
        yield "isolate the host that it is of, if that still runs"


def _last_trace(report: Report, findings: Sequence[Finding]) -> datetime | None:
    """None: it is recent, something found runs, or nobody can say."""
    seen = [utc(one.last_seen) for one in findings if one.last_seen is not None]
    not_asked = any(
        one.required and one.state in (State.SKIPPED, State.UNAVAILABLE) for one in report.coverage
    )
    of_now = any(_may_be_of_now(one) for finding in findings for one in finding.evidence)
    if of_now or any(map(is_live, findings)) or len(seen) < len(findings) or not_asked:
        return None
    if not seen or not report.scope.whole_host or max(seen) > utc(report.finished) - RECENT:
        return None
    return max(seen)


def _may_be_of_now(seen: Evidence) -> bool:
    """Whether nothing says that it is of earlier: a name in the cache, a pipe, memory."""
    place = seen.place
    return not (seen.moments or place.path or place.record or place.view)


def _listed(label: str, things: Iterable[str]) -> Iterator[Advice]:
    if distinct := once_each(things):
        more = max(len(distinct) - MOST, 0)
        yield Advice(label=label, things=distinct[:MOST], more=more)


def once_each(things: Iterable[str]) -> list[str]:
    """Prefetch has paths in upper case: the same, as a rule, as one that is known better."""
    all_things = dict.fromkeys(filter(None, things))
    spelled = {thing.casefold() for thing in all_things if thing != thing.upper()}
    return [
        thing for thing in all_things if thing != thing.upper() or thing.casefold() not in spelled
    ]


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
    led = any(_is_page(url) for seen in _sightings(finding) for url in _origins(seen))
    for seen in _sightings(finding):
        if seen.dns is not None:
            yield seen.dns.question
        if seen.destination is not None:
            yield seen.destination.domain
            yield seen.destination.ip
        if seen.url is not None and (seen is finding or seen.file is None or _is_by_url(seen)):
            yield seen.url.full
        yield from (url for url in _origins(seen) if not led or _is_page(url))


def _origins(seen: Objects) -> list[str]:
    """Whence a file came, and what led there."""
    urls = [seen.url.full] if seen.url is not None and seen.file is not None else []
    return urls + (seen.file.zone_url if seen.file is not None else [])


def _is_by_url(seen: Objects) -> bool:
    return isinstance(seen, Evidence) and "URL" in seen.seen


def _is_page(url: str) -> bool:
    """Not a whole site, such as that of the mail that led to it, which everybody visits."""
    return bool(url_parts(url).rest.strip("/"))
