"""Files that a sweep writes beside its report: the timeline, the table, rows for hunting, the page.

As the report that ``--out`` names, none of them ever takes the place of another file, and with
``--force`` only of one of its own kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..exit_codes import UsageError
from ..model.codec import ReportError
from ..model.report import Report
from ..options import Options
from ..output.exports.timesketch import is_timeline, timesketch
from ..output.mapping.hunting import hunting_lines, is_hunting
from ..output.mapping.table import is_table, table
from ..output.plain import plain
from ..output.say import say
from .replacing import is_replaceable, write_or_replace


class Export(NamedTuple):
    """One of them."""

    option: str
    path: Path
    make: Callable[[Report], bytes]
    is_one: Callable[[bytes], bool]
    replaces: bool


def exports_of(options: Options) -> list[Export]:
    """Those that were asked for; their folders are there then. Raises UsageError, also if a file
    would be lost."""
    kinds = (
        ("--timeline", options.timeline, timesketch, is_timeline),
        ("--csv", options.csv, table, is_table),
        ("--defender", options.defender, hunting_lines, is_hunting),
        ("--html", options.html, _page, _is_page),
    )
    asked = [
        Export(name, path, make, is_one, options.force)
        for name, path, make, is_one in kinds
        if path is not None
    ]
    taken = {} if options.out is None else {_same(options.out): "--out"}
    for export in asked:
        other = taken.setdefault(_same(export.path), export.option)
        if other != export.option:
            raise UsageError(f"{export.option} and {other}: both are {export.path}")
        refuse_to_lose(export)
    return asked


def _page(report: Report) -> bytes:
    """Loaded when it is asked for. Raises ReportError."""
    from ..output.page import page

    return page(report)


def _is_page(data: bytes) -> bool:
    from ..output.page import is_page

    return is_page(data)


def _same(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def refuse_to_lose(export: Export) -> None:
    """Raises UsageError if its file would be lost, or cannot be; its folder is there then."""
    path = export.path
    if path.is_dir():
        raise UsageError(f"{export.option} {path}: is a folder; name a file")
    if os.path.lexists(path):
        if not is_replaceable(path, export.is_one):
            raise UsageError(f"{path}: is there already, and not from {export.option}")
        if not export.replaces:
            raise UsageError(f"{path}: is there already; --force replaces it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path.parent}: cannot be written: {plain(error)}") from error


def write_exports(report: Report, exports: Sequence[Export]) -> bool:
    """Whether all could be written; what could not is said."""
    written = [_write(report, export) for export in exports]
    return all(written)


def _write(report: Report, export: Export) -> bool:
    try:
        data = export.make(report)
        write_or_replace(export.path, data, export.is_one, replaces=export.replaces)
    except (OSError, ReportError) as error:
        say(f"{export.option} {export.path}: could not be written: {plain(error)}")
        return False
    return True
