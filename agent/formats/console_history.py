r"""PowerShell's history of typed commands, as PSReadLine keeps it.

Format: PSReadLine, PSReadLine/History.cs. ``WriteHistoryRange`` appends each command as a line of
UTF-8 without a mark, with a backtick put before each line end that the command has within;
``UpdateHistoryFromFile`` joins lines that end in a backtick with the next one. Lines end as for
.NET's ``File.ReadAllLines``: CR, LF or both, and at nothing else.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

from . import FormatError

MAX_LINES = 1_000_000
"""Of one history; what lies behind is refused, and so a gap."""
MAX_COMMAND = 1 << 20
"""Bytes of one command, all its lines together: whole scripts are pasted."""

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


class Command(NamedTuple):
    """What was entered at once."""

    line: int
    """The first of its lines in the file, from 1."""
    offset: int
    """Of its first byte in the file."""
    end: int
    """Of what comes behind it."""
    text: str
    """Its lines with LF between; without the backticks that join them in the file."""


def read_console_history(data: bytes) -> Iterator[Command]:
    """Every command, in the order of the file; empty lines are none.

    Bytes that are no UTF-8 become U+FFFD. Raises FormatError once the file is beyond ``MAX_LINES``,
    and at the end, when all others were given, for commands with zero bytes in them (UTF-16, or
    clusters that were never written) and for those longer than ``MAX_COMMAND``.
    """
    refused: FormatError | None = None
    for line, offset, end, text in _commands(data):
        if end - offset > MAX_COMMAND:
            refused = FormatError(f"command longer than {MAX_COMMAND >> 20} MiB", f"line {line}")
        elif b"\0" in text:
            refused = FormatError("not text in UTF-8", f"line {line}")
        elif text:
            yield Command(line, offset, end, text.decode("utf-8", "replace"))
    if refused is not None:
        raise refused


def _commands(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """As Command, the bytes of one that is too long cut short."""
    line, offset = 0, len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    parts: list[bytes] = []
    goes_on = False
    for number, found in enumerate(_LINE.finditer(data, offset), start=1):
        if number > MAX_LINES:
            raise FormatError(f"more than {MAX_LINES:,} lines", f"{found.start():#x}")
        if not goes_on:
            line, offset, parts = number, found.start(), []
        text = found[0].rstrip(b"\r\n")
        goes_on = text.endswith(b"`")
        if found.end() - offset <= MAX_COMMAND:
            parts.append(text.removesuffix(b"`"))
        if not goes_on:
            yield line, offset, found.end(), b"\n".join(parts)
    if goes_on:
        yield line, offset, len(data), b"\n".join(parts)
