"""What became of what: counts and samples for the console, every row for a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from ...output.escape import shown
from .collected import Row

_SAMPLES = 3
_MOST_SHOWN = 60
_COLUMNS = (
    "file", "where", "kind", "written", "type", "value", "strength", "id", "told", "left_out",
)  # fmt: skip


def summary(rows: Iterable[Row]) -> str:
    """Counts by what it was and became, by what was changed, and by why it was left out."""
    became: dict[tuple[str, str, str], list[Row]] = {}
    told: dict[str, list[Row]] = {}
    left: dict[str, list[Row]] = {}
    for row in rows:
        if row.why:
            left.setdefault(row.why, []).append(row)
            continue
        became.setdefault((row.kind, row.type, row.strength), []).append(row)
        for one in row.told:
            told.setdefault(one, []).append(row)
    lines = ["what became what"]
    for (kind, type_, strength), some in sorted(became.items(), key=_by_count):
        lines += _lines(some, f"{kind} -> {type_}, {strength}")
    if told:
        lines.append("what to know of it")
        for why, some in sorted(told.items(), key=_by_count):
            lines += _lines(some, why)
    if left:
        lines.append("left out")
        for why, some in sorted(left.items(), key=_by_count):
            lines += _lines(some, why)
    return "\n".join(lines)


def _by_count(item: tuple[object, list[Row]]) -> tuple[int, str]:
    return -len(item[1]), str(item[0])


def _lines(rows: list[Row], title: str) -> Iterator[str]:
    yield f"  {len(rows):7,}  {shown(title)}"
    for row in rows[:_SAMPLES]:
        value = f" -> {_short(row.value)}" if row.value not in ("", row.written) else ""
        yield f"           {_short(row.file)}, {_short(row.where)}: {_short(row.written)}{value}"
    if len(rows) > _SAMPLES:
        yield f"           and {len(rows) - _SAMPLES:,} more"


def _short(text: str) -> str:
    safe = shown(text)
    return safe if len(safe) <= _MOST_SHOWN else f"{safe[: _MOST_SHOWN - 1]}…"


def is_csv(data: bytes) -> bool:
    """Whether these bytes begin as the table does."""
    return data.removeprefix(b"\xef\xbb\xbf").startswith(",".join(_COLUMNS).encode("ascii"))


def as_csv(rows: Iterable[Row]) -> bytes:
    """Every row; UTF-8 with a mark, as spreadsheets want it. A cell that one would compute has an
    apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in rows:
        cells = (
            row.file, row.where, row.kind, row.written, row.type, row.value, row.strength, row.id,
            "; ".join(row.told), row.why,
        )  # fmt: skip
        writer.writerow([_inert(cell) for cell in cells])
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "backslashreplace")


def _inert(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else shown(cell)
