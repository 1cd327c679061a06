"""The one line that deployment tools keep: JSON, ASCII, at most 1,500 bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..model.report import Report, State

MAX_BYTES = 1500
_TITLE = 160
_TITLES = 5


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
        "top": [finding.title[:_TITLE] for finding in report.findings[:_TITLES]],
        "gaps": gaps,
        "host": report.host.name[:64],
        "report": report.report_id[:36],
        "path": report_path,
        "delivered": delivered,
        "via": via,
        "sec": round((report.finished - report.started).total_seconds(), 1),
        "agent": report.agent.version[:32],
    }
    if recovered:
        line["recovered"] = [_recovered(one) for one in recovered]
    return _fitted(line)


def _recovered(report: Report) -> dict[str, str]:
    told = {"verdict": report.verdict.value, "report": report.report_id[:36]}
    if report.findings:
        told["top"] = report.findings[0].title[:_TITLE]
    return told


def _fitted(line: dict[str, Any]) -> str:
    cut = 0
    text = _text(line)
    for room in ("top", "gaps", "path", "recovered", "host"):
        while len(text) > MAX_BYTES and line.get(room):
            value = line[room]
            if isinstance(value, list):
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
