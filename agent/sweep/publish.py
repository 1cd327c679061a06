"""A report put where it belongs, so that no other file is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..model.codec import MAX_BYTES, ReportError, decode, encode
from ..model.report import Report
from ..output.atomic import write_atomically, write_new


def report_at(path: Path) -> Report | None:
    """The report that this file is; None if it is anything else, or cannot be read."""
    try:
        with path.open("rb") as file:
            return decode(file.read(MAX_BYTES + 1))
    except (OSError, ReportError):
        return None


def publish(
    report: Report,
    final: Path,
    *,
    replaces: bool = False,
    spare: bool = False,
    keeps: Callable[[Report], bool] | None = None,
) -> Path:
    """Write the report to ``final``, and give the path that it has.

    Where another file is, the report gets its own id into its name; so it does where ``final`` is
    to be left to somebody else (``spare``). ``replaces``: another report there is replaced, but
    nothing that is no report. ``keeps``: tells whether another one is as good, and then that is the
    one. Raises OSError, ReportError; then nothing has changed.
    """
    data = encode(report)
    beside = final.with_name(f"{final.stem}.{report.report_id}{final.suffix}")
    for path in (beside,) if spare else (final, beside):
        try:
            write_new(path, data)
        except FileExistsError:
            there = report_at(path)
            if there is None or not (replaces or there.report_id == report.report_id):
                continue
            if keeps is not None and keeps(there):
                return path
            write_atomically(path, data)
        return path
    raise FileExistsError(f"{final} and {beside.name} are other files")
