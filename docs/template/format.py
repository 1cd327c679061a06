"""The log of an example: a line for each program that it started.

Format: made up for docs/write-a-source.md: ``2026-11-24T14:02:00Z|jo|program.exe -and arguments``,
in UTF-8. A real one names its specification here, and the section.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from . import FormatError

MAX_LINES = 1_000_000
"""Of one log; what lies behind is refused, and so a gap."""


class Started(NamedTuple):
    """One line."""

    number: int
    time: datetime
    """UTC."""
    user: str
    command_line: str
    offset: int
    """Of the line's first byte in the log."""
    end: int
    """Of what comes behind the line."""


def read_example_log(data: bytes) -> Iterator[Started]:
    """Every line. Raises FormatError for those that are none, when all others were given."""
    refused: FormatError | None = None
    end = 0
    for number, raw in enumerate(io.BytesIO(data), start=1):
        offset, end = end, end + len(raw)
        if number > MAX_LINES:
            raise FormatError("more lines than a log has", f"line {number}")
        time, _, rest = raw.rstrip(b"\r\n").decode("utf-8", "replace").partition("|")
        user, separator, command_line = rest.partition("|")
        if not separator:
            refused = FormatError("not a line of an example log", f"line {number}")
            continue
        try:
            yield Started(number, datetime.fromisoformat(time), user, command_line, offset, end)
        except ValueError:
            refused = FormatError("no time", f"line {number}")
    if refused is not None:
        raise refused
