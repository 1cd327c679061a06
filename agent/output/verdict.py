"""The verdict in one line, with what limits it: scope, window, a host that keeps nothing."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.report import Finding, Report, State, Strength, Verdict
from .escape import shown
from .layout import when
from .recollection import remembers_nothing


def verdict_line(report: Report) -> str:
    """``HIT   1 confirmed``, ``INCOMPLETE, no trace found in what could be seen`` …, escaped."""
    if report.verdict is Verdict.CLEAN:
        short = [c.source for c in report.coverage if c.state is State.PARTIAL]
        seen = "nothing left unlooked at"
        if short:
            seen = f"all that is required was seen; not whole: {', '.join(short)}"
        if not report.scope.whole_host:
            seen = f"as far as asked ({shown('; '.join(report.scope.limited_to))}): {seen}"
        told = f"CLEAN{_window(report)}, {seen}"
        if remembers_nothing(report):
            told += "; but nothing here is sure to remember a deed"
    elif report.verdict is Verdict.INCOMPLETE:
        strong = "strong " if report.weak_traces else ""
        trace = f"no {strong}trace{_window(report)} found in what could be seen"
        told = f"INCOMPLETE, {trace}"
    else:
        told = f"HIT{_window(report)}"
    if older := _older(report):
        told = f"{told}; {older}"
    return told + (f"   {_counts(report.findings)}" if report.findings else "")


def _window(report: Report) -> str:
    return f" since {when(report.since)[:10]}" if report.since is not None else ""


def _older(report: Report) -> str:
    """What the verdict does not count and nobody must overlook."""
    count = len(report.older)
    return f"{count:,} STRONG {'TRACE IS' if count == 1 else 'TRACES ARE'} OLDER" if count else ""


def _counts(findings: Iterable[Finding]) -> str:
    strengths = [finding.strength for finding in findings]
    counted = [(strengths.count(strength), strength.value) for strength in Strength]
    return ", ".join(f"{count} {word}" for count, word in counted if count)
