"""The one line that deployment tools keep: JSON, ASCII, at most 1,500 bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..model.report import Report, State
from .order import in_order
from .plain import MAX_LINE

MAX_BYTES = MAX_LINE
_TITLE = 160
_TITLES = 5
_LEAST = 40
_GAP = "..."


def summary_line(
    report: Report,
    *,
    report_path: str | None = None,
    delivered: bool | None = None,
    via: str | None = None,
    recovered: Sequence[Report] = (),
) -> str:
    """Always whole JSON; what had no room is counted under ``cut``.

    ``recovered``: reports of killed sweeps that this run has finished, hits first.
    """
    strengths: dict[str, int] = {}
    for finding in report.findings:
        strengths[finding.strength.value] = strengths.get(finding.strength.value, 0) + 1
    gaps = {
        coverage.source[:32]: coverage.state.value
        for coverage in report.coverage
        if coverage.required and coverage.state is not State.COMPLETE
    }
    line: dict[str, Any] = {
        "v": 1,
        "verdict": report.verdict.value,
        "findings": strengths,
        "top": [shortened(finding.title) for finding in in_order(report.findings)[:_TITLES]],
        "gaps": gaps,
        "host": report.host.name[:64],
        "report": report.report_id[:36],
        "path": report_path,
        "delivered": delivered,
        "via": via,
        "sec": round((report.finished - report.started).total_seconds(), 1),
        "agent": report.agent.version[:32],
    }
    if report.since is not None:
        line["since"] = report.since.isoformat(timespec="seconds")
        line["older"] = len(report.older)
    if recovered:
        line["recovered"] = [_recovered(one) for one in recovered]
    return _fitted(line)


def shortened(title: str, most: int = _TITLE) -> str:
    """At most so many characters: what is left out is the middle of its folders, so that the name
    of the file is there."""
    if len(title) <= most:
        return title
    name = max(title.rfind("\\"), title.rfind("/"))
    tail = max(min(len(title) - max(name, 0), most * 3 // 4), most // 2)
    head = most - tail - len(_GAP)
    return title[:head] + _GAP + title[-tail:]


def _recovered(report: Report) -> dict[str, str]:
    told = {"verdict": report.verdict.value, "report": report.report_id[:36]}
    if report.findings:
        told["top"] = shortened(in_order(report.findings)[0].title)
    return told


def _fitted(line: dict[str, Any]) -> str:
    cut = 0
    text = _text(line)
    for room in ("top", "gaps", "path", "recovered", "host"):
        while len(text) > MAX_BYTES and line.get(room):
            value = line[room]
            if (
                isinstance(value, list)
                and room == "top"
                and len(value) == 1
                and len(value[0]) > _LEAST
            ):
                value[0] = shortened(value[0], len(value[0]) * 3 // 4)
            elif isinstance(value, list):
                value.pop()
            elif isinstance(value, dict):
                value.popitem()
            else:
                line[room] = None
            cut += 1
            line["cut"] = cut
            text = _text(line)
    return text


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=True, separators=(",", ":"))
