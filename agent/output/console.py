"""What a person sees: the verdict, the findings strongest first, what was not covered, what to do.

Right without colour; every string from the host is shown escaped; times in UTC, paths whole.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from ..model import Coverage, Finding, Report, State, Strength, TargetKind, Verdict
from .escape import shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

MAX_EVIDENCE = 8
MAX_WEAK = 20
_MARGIN = 13
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def render(
    report: Report,
    *,
    report_path: str | None = None,
    delivered: bool | None = None,
    width: int = 100,
) -> str:
    """The whole answer as text of this width; paths are never cut, so a line may be longer."""
    lines = [*_head(report), "", _verdict(report), ""]
    weak = [f for f in report.findings if f.strength is Strength.WEAK]
    for finding in report.findings:
        if finding.strength.rank >= Strength.STRONG.rank:
            lines += [*_finding(finding, width), ""]
    lines += [line for finding in weak[:MAX_WEAK] for line in _brief(finding)]
    if len(weak) > MAX_WEAK:
        lines.append(f"  … and {len(weak) - MAX_WEAK} more weak findings in the report")
    for finding in report.findings:
        if finding.strength is Strength.EXCLUDED:
            lines += [*_brief(finding), " " * _MARGIN + f"known benign: {finding.excluded_by}"]
    if weak or any(f.strength is Strength.EXCLUDED for f in report.findings):
        lines.append("")
    lines += _not_covered(report)
    lines += [f"  cut        {t.what}: {t.kept:,} of {t.total:,} kept" for t in report.truncated]
    lines += _next(report, report_path, width, delivered=delivered)
    return "\n".join(line.rstrip() for line in lines)


def _head(report: Report) -> Iterator[str]:
    agent, host = report.agent, report.host
    packs = ", ".join(f"pack {shown(p.id)}, {p.indicators} indicators" for p in report.packs)
    rights = {True: "elevated", False: "NOT elevated", None: ""}[host.elevated]
    build = f"{agent.form} build" if agent.form != "source" else "from source"
    system = shown(host.os.name) if host.os else ""
    where = ", ".join(part for part in (shown(host.name), system, rights, build) if part)
    yield f"iocsweep {agent.version}   {packs}   {where}"
    if report.target.paths:
        kind = "limited to" if report.target.kind is TargetKind.LIVE else report.target.kind.value
        yield f"  {kind}: " + ", ".join(shown(path) for path in report.target.paths)
    seen = [f"{c.source} {c.examined:,}" for c in report.coverage if c.examined]
    if seen:
        yield "  examined: " + "   ".join(seen)


def _verdict(report: Report) -> str:
    if report.verdict is Verdict.CLEAN:
        return "CLEAN, nothing left unlooked at"
    if report.verdict is Verdict.INCOMPLETE:
        return "INCOMPLETE, no trace found in what could be seen" + (
            f"   {_counts(report.findings)}" if report.findings else ""
        )
    return f"HIT   {_counts(report.findings)}"


def _counts(findings: Iterable[Finding]) -> str:
    strengths = [finding.strength for finding in findings]
    counted = [(strengths.count(strength), strength.value) for strength in Strength]
    return ", ".join(f"{count} {word}" for count, word in counted if count)


def _finding(finding: Finding, width: int) -> Iterator[str]:
    yield f"  {finding.strength.value:<10} {shown(finding.title)}"
    for reason in finding.reasons[:3]:
        yield from _wrapped(shown(reason), width)
    for fact in _facts(finding):
        yield " " * _MARGIN + fact
    lines = []
    for evidence in finding.evidence:
        detail = f"   {shown(evidence.detail[:200])}" if evidence.detail != evidence.place else ""
        when = f"{evidence.time:%Y-%m-%d %H:%M UTC}   " if evidence.time else ""
        place = "" if evidence.place in finding.title else f"   {shown(evidence.place)}"
        line = f"{when}{evidence.source}: {shown(evidence.seen)}{place}{detail}"
        if line not in lines:
            lines.append(line)
    for line in lines[:MAX_EVIDENCE]:
        yield " " * _MARGIN + line
    if len(lines) > MAX_EVIDENCE:
        yield " " * _MARGIN + f"… and {len(lines) - MAX_EVIDENCE} more in the report"


def _facts(finding: Finding) -> Iterator[str]:
    process, file = finding.process, finding.file
    if process is not None:
        start = f", since {process.start:%Y-%m-%d %H:%M UTC}" if process.start else ""
        if process.command_line:
            yield f"command line   {shown(process.command_line)}{start}"
        if process.parent:
            parents = " < ".join(f"{shown(p.name)} {p.pid}" for p in process.parent[:4])
            yield f"parents        {parents}"
    if file is not None:
        digest = file.hash
        value = digest and (digest.sha256 or digest.sha1 or digest.md5)
        size = f"   {_size(file.size)}" if file.size is not None else ""
        yield f"file           {shown(file.path)}{size}" + (f"   {value}" if value else "")
    if finding.destination is not None and finding.destination.ip:
        end = finding.destination
        port = f":{end.port}" if end.port else ""
        yield f"talks to       {shown(end.ip)}{port}   {shown(end.state)}"
    if finding.dns is not None:
        answers = ", ".join(shown(answer) for answer in finding.dns.answers)
        yield f"DNS            {shown(finding.dns.question)}   {answers}"


def _brief(finding: Finding) -> Iterator[str]:
    yield f"  {finding.strength.value:<10} {shown(finding.title)}"
    top = finding.evidence[0] if finding.evidence else None
    if top is not None:
        detail = f"   {shown(top.detail[:160])}" if top.detail != top.place else ""
        yield " " * _MARGIN + f"{top.source}: {shown(top.seen)}{detail}"


def _not_covered(report: Report) -> list[str]:
    lines, elsewhere = [], []
    for coverage in sorted(report.coverage, key=lambda c: not c.required):
        if coverage.state is State.COMPLETE:
            continue
        if not coverage.required and coverage.state is State.UNAVAILABLE:
            elsewhere.append(coverage)
            continue
        for number, reason in enumerate(coverage.reasons):
            name = coverage.source if number == 0 else ""
            count = f"{reason.count:,} " if reason.count > 1 else ""
            sample = f"   e.g. {shown(reason.samples[0])}" if reason.samples else ""
            lines.append(
                f"  {name:<12} {coverage.state.value}: {count}{shown(reason.reason)}{sample}"
            )
    if elsewhere:
        names = ", ".join(coverage.source for coverage in elsewhere)
        lines.append(f"  {'':<12} not needed here: {names} ({_first_reason(elsewhere)})")
    return ["Not covered", *lines] if lines else []


def _first_reason(coverages: list[Coverage]) -> str:
    return next((shown(r.reason) for c in coverages for r in c.reasons), "unavailable")


def _next(report: Report, path: str | None, width: int, *, delivered: bool | None) -> Iterator[str]:
    where = f"the report is {shown(path)}" if path else "NO REPORT WAS WRITTEN, see above"
    if delivered is False:
        where += "; it was NOT delivered and stays in the spool"
    if report.verdict is Verdict.HIT:
        live = report.target.kind is TargetKind.LIVE
        what = (
            "isolate the host; keep its disks and memory as they are"
            if live
            else "keep this evidence as it is"
        )
    elif report.verdict is Verdict.INCOMPLETE:
        what = "close the gaps above"
        if report.host.elevated is False:
            what += ": run as administrator"
    else:
        what = "nothing"
    yield from _wrapped(f"{what}; {where}", width, first="Next   ")


def _wrapped(text: str, width: int, first: str = "") -> Iterator[str]:
    margin = first or " " * _MARGIN
    yield from textwrap.wrap(
        text,
        max(width, 60),
        initial_indent=margin,
        subsequent_indent=" " * len(margin),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [margin]


def _size(size: int) -> str:
    exact = f"{size:,} bytes"
    amount, unit = float(size), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return exact if unit < 2 else f"{exact} ({amount:.1f} {_UNITS[unit]})"


class Progress:
    """A spinner on stderr that names what is being read; silent where stderr is no terminal."""

    def __init__(self, *, enabled: bool | None = None) -> None:
        self._enabled = sys.stderr.isatty() if enabled is None else enabled
        self._console: Console | None = None
        self._status: Status | None = None

    def __enter__(self) -> Progress:
        if self._enabled:
            from rich.console import Console

            self._console = Console(stderr=True, highlight=False)
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def source(self, name: str) -> None:
        """This source is being read."""
        if self._status is not None:
            self._status.update(f"reading {name} …")

    def done(self, coverage: Coverage) -> None:
        """This source was read."""
        if self._console is not None:
            self._console.print(
                f"  {coverage.source:<12} {coverage.examined:>10,}   {coverage.state.value}"
                f"   {coverage.elapsed_ms / 1000:.1f} s",
                markup=False,
            )


__all__ = ["Progress", "render"]
