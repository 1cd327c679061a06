"""Findings and their timeline as one table in CSV (RFC 4180), for spreadsheets.

UTF-8 with a byte order mark, by which Excel knows it. No cell is taken for a formula: one that
begins with ``=``, ``+``, ``-``, ``@``, a tab or a line end gets an apostrophe before it (OWASP,
"CSV Injection"); what is invisible is written out.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator

from ...model.report import Finding, Report
from ..escape import shown
from .document import hashes_of, stamp
from .timeline import Row, rows

MAX_CELL = 32_000
"""Characters, as they are written; Excel has room for 32,767, and puts what is beyond into a row of
its own, where it may be a formula."""
COLUMNS = (
    "row", "time_utc", "time_of", "strength", "score", "in_window", "finding", "claim", "thing",
    "by", "user", "source", "seen", "place", "path", "record", "view", "detail", "indicators",
    "reasons", "hashes", "first_seen", "last_seen", "excluded_by", "host", "finding_id",
    "report_id",
)  # fmt: skip
"""``row`` is ``finding`` or ``moment``."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_FULL_WIDTH = ("\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Are folded to the plain signs by some spreadsheets."""


def cell(value: object) -> object:
    """A cell of a CSV file that no spreadsheet takes for a formula, visible and cut to its room."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return value
    risky = value.startswith(_FORMULA) or value.startswith(_FULL_WIDTH)
    return ("'" if risky else "") + shown(value[:MAX_CELL])[:MAX_CELL]


def csv_lines(lines: Iterable[Iterable[object]]) -> str:
    """Rows as RFC 4180 has them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([cell(v) for v in row] for row in lines)
    return text.getvalue()


def table(report: Report) -> bytes:
    """All findings, strongest first, then all moments in their order."""
    return codecs.BOM_UTF8 + csv_lines([COLUMNS, *_lines(report)]).encode("utf-8")


def is_table(data: bytes) -> bool:
    """Whether these bytes are such a table and nothing else."""
    try:
        text = data.decode("utf-8-sig")
        lines = [*csv.reader(io.StringIO(text, newline=""), strict=True)]
    except (UnicodeDecodeError, csv.Error):
        return False
    return lines[:1] == [[*COLUMNS]] and all(len(line) == len(COLUMNS) for line in lines)


def _lines(report: Report) -> Iterator[list[object]]:
    for finding in report.findings:
        yield _line(report, finding, None)
    for row in rows(report):
        yield _line(report, row.finding, row)


def _line(report: Report, finding: Finding, row: Row | None) -> list[object]:
    told: dict[str, object] = {
        "row": "finding",
        "time_utc": stamp(finding.first_seen),
        "time_of": "first seen" if finding.first_seen is not None else "",
        "strength": finding.strength.value,
        "score": finding.score,
        "in_window": finding.in_window,
        "finding": finding.title,
        "indicators": finding.indicator.id,
        "reasons": "; ".join(finding.reasons),
        "hashes": " ".join(hashes_of(finding)),
        "first_seen": stamp(finding.first_seen),
        "last_seen": stamp(finding.last_seen),
        "excluded_by": finding.excluded_by,
        "host": report.host.name,
        "finding_id": finding.id,
        "report_id": report.report_id,
    }
    if row is not None:
        place = row.place
        told |= {
            "row": "moment", "time_utc": stamp(row.time), "time_of": row.of.value,
            "claim": row.claim, "thing": row.thing, "by": row.by, "user": row.user,
            "source": row.source, "seen": row.seen, "place": place.text, "path": place.path,
            "record": place.record, "view": place.view, "detail": row.detail,
            "indicators": " ".join(row.indicators), "reasons": "", "hashes": "",
        }  # fmt: skip
    return [told.get(name, "") for name in COLUMNS]
