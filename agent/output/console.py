"""What a person sees: the verdict, the findings strongest first, what was not covered, what to do.

Right without colour; every string from the host is shown escaped; times in UTC, paths whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from ..model.objects import (
    Destination,
    Dll,
    Dns,
    File,
    Hash,
    Objects,
    Parent,
    Part,
    Process,
    Registry,
)
from ..model.report import (
    BUILT_IN,
    DRILL,
    Coverage,
    Finding,
    Reason,
    Report,
    State,
    Strength,
    TargetKind,
    Verdict,
)
from .closing import ways
from .custody import custody_lines, is_worth_telling
from .escape import shown
from .layout import MARGIN, counted, cut, flowed, when, wrapped
from .limits import notes, reaches, reason_of
from .next_steps import steps
from .order import in_order, is_live
from .recollection import ELSEWHERE, HEAD, recollection, remembers_nothing
from .sightings import sightings, sources_of
from .story import story
from .verdict import verdict_line
from .who import who_lines

MAX_EVIDENCE = 8
MAX_WEAK = 20
MAX_OF_A_KIND = 4
MAX_DATA = 200
MAX_COMMAND_LINE = 2000
MAX_PARENTS = 4
MAX_PARENT_LINE = 300
_Part = TypeVar("_Part", bound=Part)
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def render(
    report: Report,
    *,
    report_path: str | None = None,
    delivered: bool | None = None,
    width: int = 100,
) -> str:
    """The whole answer as text of this width; paths are never cut, so a line may be longer."""
    lines = [*_head(report, width), "", verdict_line(report), ""]
    findings = in_order(report.findings)
    weak = [f for f in findings if f.strength is Strength.WEAK]
    for finding in findings:
        if finding.strength.rank >= Strength.STRONG.rank:
            lines += [*_finding(finding, width, limited=report.since is not None), ""]
    lines += [line for finding in weak[:MAX_WEAK] for line in _brief(finding)]
    if len(weak) > MAX_WEAK:
        lines.append(f"  … and {len(weak) - MAX_WEAK} more weak findings in the report")
    for finding in report.findings:
        if finding.strength is Strength.EXCLUDED:
            lines += [*_brief(finding), " " * MARGIN + f"known benign: {finding.excluded_by}"]
    if weak or any(f.strength is Strength.EXCLUDED for f in report.findings):
        lines.append("")
    if told := [*story(report)]:
        lines += [*told, ""]
    if gaps := _not_covered(report, width):
        lines += [*gaps, ""]
    lines += _remembered(report, width)
    lines += notes(report.coverage, width)
    lines += [f"  cut        {t.what}: {t.kept:,} of {t.total:,} kept" for t in report.truncated]
    if lines[-1]:
        lines.append("")
    lines += _host(report, width)
    lines += _custody(report, width)
    lines += _next(report, report_path, width, delivered=delivered)
    lines += ["", verdict_line(report)]
    return "\n".join(line.rstrip() for line in lines)


def _remembered(report: Report, width: int) -> Iterator[str]:
    """What a clean verdict is worth."""
    if rows := recollection(report.remembered):
        yield from wrapped(HEAD, width, first="Remembered   ")
        for words, told in rows:
            yield from wrapped(told, width, first=f"  {words:<10} ")
        yield ""


def _host(report: Report, width: int) -> Iterator[str]:
    """Of evidence at rest: whose it is. Whoever stands before a host knows."""
    told = who_lines(report.host) if report.target.kind is not TargetKind.LIVE else []
    if told:
        yield "Host"
        for what, words in told:
            yield from wrapped(words, width, first=f"  {what:<10} ")
        yield ""


def _custody(report: Report, width: int) -> Iterator[str]:
    """Where somebody said who sweeps, or had the bytes checked."""
    if is_worth_telling(report.custody):
        yield "Custody"
        for what, words in custody_lines(report.custody):
            yield from wrapped(words, width, first=f"  {what:<10} ")
        yield ""


def _head(report: Report, width: int) -> Iterator[str]:
    agent, host = report.agent, report.host
    named = [pack for pack in report.packs if pack.id != DRILL]
    packs = ", ".join(f"pack {shown(p.id)}, {p.indicators} indicators" for p in named)
    rights = {True: "elevated", False: "NOT elevated", None: ""}[host.elevated]
    build = f"{agent.form} build" if agent.form != "source" else "from source"
    system = shown(host.os.name) if host.os else ""
    where = ", ".join(part for part in (shown(host.name), system, rights, build) if part)
    yield f"iocsweep {agent.version}   {packs}   {where}"
    for pack in report.packs:
        if pack.origin not in ("", BUILT_IN):
            yield f"  pack {shown(pack.id)} from {shown(pack.origin)}"
    rules = report.exclusions
    if rules is not None and rules.origin != BUILT_IN:
        yield f"  exclusions from {shown(rules.origin)}, {rules.rules:,} rules"
    if report.target.paths:
        kind = "limited to" if report.target.kind is TargetKind.LIVE else report.target.kind.value
        yield f"  {kind}: " + ", ".join(shown(path) for path in report.target.paths)
    seconds = (report.finished - report.started).total_seconds()
    yield f"  {when(report.started)}, took {seconds:,.1f} s"
    seen = [_examined(coverage) for coverage in report.coverage if coverage.examined]
    yield from flowed(seen, width, first="  examined: ")
    yield from reaches(report.coverage, width)


def _examined(coverage: Coverage) -> str:
    """What was not read need not be of one kind: a log among records."""
    word = "gap" if coverage.unread == 1 else "gaps"
    gaps = f" ({coverage.unread:,} {word})" if coverage.unread else ""
    return f"{coverage.source} {coverage.examined:,}{gaps}"


def _finding(finding: Finding, width: int, *, limited: bool) -> Iterator[str]:
    yield f"  {finding.strength.value:<10} {shown(finding.title)}"
    if not finding.in_window:
        yield " " * MARGIN + "older than what the verdict is about (--since)"
    elif limited and finding.last_seen is None and not is_live(finding):
        yield " " * MARGIN + "nobody knows since when: it counts, whatever --since says"
    reasons = _reasons(finding)
    for reason in reasons:
        yield from wrapped(shown(reason), width)
    for fact in (*_facts(finding), *_span(finding)):
        yield " " * MARGIN + fact
    lines = sightings(finding, reasons)
    most = max(MAX_EVIDENCE, sources_of(finding))
    for number, line in enumerate(lines[:most]):
        first = "seen by" if number == 0 else ""
        yield from wrapped(line, width, first=" " * MARGIN + f"{first:<15}")
    if len(lines) > most:
        yield " " * MARGIN + f"… and {len(lines) - most} more in the report"


def _reasons(finding: Finding) -> list[str]:
    """Those told at the head of a finding: they are no sighting's own."""
    seen = {evidence.seen for evidence in finding.evidence}
    return [reason for reason in finding.reasons if reason not in seen][:3]


def _facts(finding: Finding) -> Iterator[str]:
    if finding.process is not None:
        yield from _process_facts(finding.process, is_script=_is_script(finding))
    if finding.file is not None:
        yield from _file_facts(finding.file)
    if finding.dll is not None:
        gone = "   no longer on disk" if finding.dll.on_disk is False else ""
        yield f"module         {shown(finding.dll.path)}{_bytes(finding.dll)}{gone}"
        if finding.file is None or finding.file.hash != finding.dll.hash:
            yield from _hashes(finding.dll.hash)
    for label, told in (
        ("talks to", _each(finding, lambda one: one.destination, _end)),
        ("DNS", _each(finding, lambda one: one.dns, _answered)),
        ("URL", _each(finding, lambda one: one.url, lambda url: shown(url.full))),
        ("registry", _each(finding, lambda one: one.registry, _value)),
    ):
        for number, text in enumerate(told):
            yield f"{label if not number else '':<15}{text}"
    if finding.event is not None:
        event = finding.event
        yield f"event          {shown(event.channel)}   id {event.id}   record {event.record}"


def _each(
    finding: Finding, part: Callable[[Objects], _Part | None], text: Callable[[_Part], str]
) -> list[str]:
    """Of one kind, the finding's and those of its sightings."""
    parts = (part(one) for one in (finding, *finding.evidence))
    told = list(dict.fromkeys(line for one in parts if one is not None and (line := text(one))))
    more = len(told) - MAX_OF_A_KIND
    return told[:MAX_OF_A_KIND] + ([f"… and {more:,} more in the report"] if more > 0 else [])


def _end(end: Destination) -> str:
    port = f":{end.port}" if end.port else ""
    return f"{shown(end.ip)}{port}   {shown(end.state)}" if end.ip else ""


def _answered(dns: Dns) -> str:
    return f"{shown(dns.question)}   {', '.join(map(shown, dns.answers))}"


def _value(key: Registry) -> str:
    return f"{shown(key.path)}   {shown(key.value)}   {shown(cut(key.data, MAX_DATA))}"


def _is_script(finding: Finding) -> bool:
    """Whether what its process is told with is a script: a script's record names no program."""
    events = (one.event for one in (finding, *finding.evidence))
    unnamed = finding.process is not None and not finding.process.executable
    return unnamed and any(event.is_script for event in events if event is not None)


def _span(finding: Finding) -> Iterator[str]:
    if finding.first_seen is None or finding.last_seen is None:
        return
    first, last = when(finding.first_seen), when(finding.last_seen)
    yield f"first seen     {first}" + (f"   last seen {last}" if last != first else "")


def _process_facts(process: Process, *, is_script: bool) -> Iterator[str]:
    if process.command_line:
        start = f", started {when(process.start)}" if process.start else ""
        cut = len(process.command_line) - MAX_COMMAND_LINE
        more = f" … and {cut:,} more characters in the report" if cut > 0 else ""
        line = shown(process.command_line[:MAX_COMMAND_LINE])
        yield f"{'script' if is_script else 'command line':<15}{line}{more}{start}"
    if process.executable:
        user = f"   as {shown(process.user.name)}" if process.user and process.user.name else ""
        yield f"program        {shown(process.executable)}{user}"
    yield from _hashes(process.hash)
    if process.parent:
        parents = process.parent[:MAX_PARENTS]
        yield f"parents        {' < '.join(map(_named, parents))}"
        for parent in parents:
            if parent.command_line:
                cut = len(parent.command_line) - MAX_PARENT_LINE
                more = f" … and {cut:,} more characters in the report" if cut > 0 else ""
                line = shown(parent.command_line[:MAX_PARENT_LINE])
                yield f"               {_named(parent)}: {line}{more}"


def _named(parent: Parent) -> str:
    return shown(parent.name) + ("" if parent.pid is None else f" {parent.pid}")


def _file_facts(file: File) -> Iterator[str]:
    within = f"   in {shown(file.member_of)}" if file.member_of else ""
    stream = f":{shown(file.stream)}" if file.stream else ""
    yield f"file           {shown(file.path)}{stream}{within}{_bytes(file)}"
    yield from _hashes(file.hash)
    times = [
        f"{word} {when(time)}"
        for word, time in (("created", file.created), ("modified", file.mtime))
        if time is not None
    ]
    if times:
        yield f"times          {', '.join(times)}"
    for url in file.zone_url[:2]:
        yield f"came from      {shown(url)}"


def _bytes(file: File | Dll) -> str:
    return f"   {_size(file.size)}" if file.size is not None else ""


def _hashes(digest: Hash | None) -> Iterator[str]:
    """SHA-1 first: hunting queries are written by it."""
    if digest is not None:
        for name, value in (
            ("SHA-1", digest.sha1),
            ("SHA-256", digest.sha256),
            ("MD5", digest.md5),
        ):
            if value:
                yield f"{name:<15}{value}"


def _brief(finding: Finding) -> Iterator[str]:
    yield f"  {finding.strength.value:<10} {shown(finding.title)}"
    top = finding.evidence[0] if finding.evidence else None
    if top is not None:
        detail = f"   {shown(cut(top.detail, 160))}" if top.detail != top.place.text else ""
        where = "" if top.place.text in finding.title else f"   {shown(top.place.text)}"
        yield " " * MARGIN + f"{top.source}: {shown(top.seen)}{detail}{where}"


def _not_covered(report: Report, width: int) -> list[str]:
    """What several sources lack alike is one line."""
    elsewhere = []
    lacking: dict[tuple[str, str], list[str]] = {}
    left_out: dict[str, list[str]] = {}
    for coverage in sorted(report.coverage, key=lambda c: not c.required):
        if coverage.state is State.COMPLETE:
            continue
        if not coverage.required and coverage.state is State.UNAVAILABLE:
            elsewhere.append(coverage)
            continue
        reasons = coverage.reasons or [Reason(reason="no reason recorded")]
        if coverage.state is State.SKIPPED:
            left_out.setdefault(reason_of(coverage, reasons[0]), []).append(coverage.source)
            continue
        for reason in reasons:
            sample = f"   e.g. {shown(reason.samples[0])}" if reason.samples else ""
            why = counted(reason_of(coverage, reason), reason.count)
            words = f"{coverage.state.value}: {why}"
            lacking.setdefault((words, sample), []).append(coverage.source)
    lines: list[str] = []
    last: list[str] = []
    for (words, sample), names in lacking.items():
        if len(names) > 1:
            several = f"  {len(names)} sources".ljust(15)
            lines += wrapped(f"{words}{sample}   in {', '.join(names)}", width, first=several)
        else:
            lines.append(f"  {'' if names == last else names[0]:<12} {words}{sample}")
        last = names
    lines += [f"  skipped      {', '.join(n)}: {shown(why)}" for why, n in left_out.items()]
    made = ["Not covered", *lines] if lines else []
    if elsewhere:
        told = ", ".join(coverage.source for coverage in elsewhere)
        made.append(f"  {'not needed here:':<16} {told} ({_first_reason(elsewhere)})")
    return made


def _first_reason(coverages: list[Coverage]) -> str:
    return next((shown(reason_of(c, r)) for c in coverages for r in c.reasons), "unavailable")


def _next(report: Report, path: str | None, width: int, *, delivered: bool | None) -> Iterator[str]:
    where = f"the report is {shown(path)}" if path else "NO REPORT WAS WRITTEN, see above"
    if delivered is False:
        where += "; it was NOT delivered and stays in the spool"
    if report.verdict is Verdict.HIT:
        first = "Next   "
        for step in steps(report):
            yield first + step
            first = " " * len(first)
        yield from wrapped(where, width, first)
        return
    what = "judge the older traces above, which the verdict leaves out" * bool(report.older)
    if report.verdict is Verdict.CLEAN and remembers_nothing(report):
        what = "; ".join(filter(None, (what, ELSEWHERE)))
    what = what or "nothing"
    if report.verdict is Verdict.INCOMPLETE:
        what = ": ".join(filter(None, ("close the gaps above", ", ".join(ways(report)))))
    if weak := _about_weak(report):
        what = weak if what == "nothing" else f"{what}; {weak}"
    yield from wrapped(f"{what}; {where}", width, first="Next   ")


def _about_weak(report: Report) -> str:
    """What tells whether the weak findings are more; empty if there are none."""
    weak = report.weak_traces
    ways = [
        way
        for part, way in (
            ("process", "ask who started the process"),
            ("file", "see what the file is and who put it there"),
            ("dns", "ask the proxy's and the DNS server's logs for the name"),
            ("destination", "see which program talked to the address"),
        )
        if any(getattr(finding, part) is not None for finding in weak)
    ]
    if not weak:
        return ""
    told = (
        "look at the weak finding" if len(weak) == 1 else f"look at the {len(weak)} weak findings"
    )
    return f"{told}: {', '.join(ways) or 'see where it stands, and why'}"


def _size(size: int) -> str:
    exact = f"{size:,} bytes"
    amount, unit = float(size), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return exact if unit < 2 else f"{exact} ({amount:.1f} {_UNITS[unit]})"
