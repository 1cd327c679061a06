"""The log of an example: a line for each program that it started.

Format: made up for docs/write-a-source.md: ``2026-11-24T14:02:00Z|jo|program.exe -and arguments``,
in UTF-8. A real one names its specification here, and the section.
"""

from __future__ import annotations

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


def read_example_log(data: bytes) -> Iterator[Started]:
    """Every line. Raises FormatError for one that is none."""
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        time, _, rest = line.partition("|")
        user, separator, command_line = rest.partition("|")
        if not separator or number > MAX_LINES:
            raise FormatError("not a line of an example log", f"line {number}")
        try:
            yield Started(number, datetime.fromisoformat(time), user, command_line)
        except ValueError as error:
            raise FormatError("no time", f"line {number}") from error
