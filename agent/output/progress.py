r"""How the sweep goes, on stderr: what is looked at, how much was, how long, and what was found.

On a terminal one line is written over again and again, by ``\r`` and blanks alone: the old Windows
console knows no more. Where stderr is a pipe or a file, a line comes now and then.
"""

from __future__ import annotations

import os
import sys
import time
import unicodedata
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from ..model.report import Coverage
from .escape import shown
from .say import lead_nowhere

TERMINAL_S = 0.2
PIPE_S = 30.0
MOST_FOUND = 5
"""First words on what was found; the report has the rest."""


class Progress:
    """Knows itself whether it writes to a terminal."""

    def __init__(
        self,
        *,
        enabled: bool | None = None,
        stream: TextIO | None = None,
        columns: Callable[[], int] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``enabled``: off makes it silent, on writes as to a terminal. ``stream``: instead of
        stderr; ``columns``: of its terminal; ``now`` in seconds."""
        self._stream = sys.stderr if stream is None else stream
        self._enabled = enabled is not False
        self._terminal = self._stream.isatty() if enabled is None else enabled
        self._columns = columns or (lambda: _columns(self._stream))
        self._now = now
        self._start = self._told = now()
        self._source = ""
        self._on_line = 0
        """Cells that the line has taken."""
        self._found: dict[str, None] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()

    def source(self, name: str) -> None:
        """This source is being read."""
        self._source = name
        if self._terminal:
            self._line("", 0)

    def at(self, place: str, examined: int) -> None:
        """This is looked at; so much was, by this source."""
        if self._now() - self._told >= (TERMINAL_S if self._terminal else PIPE_S):
            self._line(place, examined)

    def found(self, what: str) -> None:
        """A first word on a hit; at the end it may turn out to be known and harmless."""
        if what in self._found or len(self._found) > MOST_FOUND:
            return
        self._found[what] = None
        more = len(self._found) > MOST_FOUND
        self._print(
            "  found so far: more, see the end" if more else f"  found so far: {shown(what)}"
        )

    def done(self, coverage: Coverage) -> None:
        """This source was read."""
        if self._terminal:
            self._print(
                f"  {coverage.source:<15} {coverage.examined:>10,}   {coverage.state.value}"
                f"   {coverage.elapsed_ms / 1000:.1f} s"
            )

    def _line(self, place: str, examined: int) -> None:
        if not self._enabled:
            return
        self._told = self._now()
        gone = int(self._told - self._start)
        seen = f"   {examined:,} seen" if examined else ""
        line = f"  {gone // 60}:{gone % 60:02}   {self._source}{seen}   {shown(place)}".rstrip()
        if not self._terminal:
            self._write(line + "\n")
            return
        line, cells = _fitted(line, self._columns() - 1)
        self._write(f"\r{line}{' ' * (self._on_line - cells)}\r")
        self._on_line = cells

    def _clear(self) -> None:
        if self._on_line:
            self._write(f"\r{' ' * self._on_line}\r")
            self._on_line = 0

    def _print(self, line: str) -> None:
        if self._enabled:
            self._clear()
            self._write(line + "\n")

    def _write(self, text: str) -> None:
        """Whoever read it may have gone: that takes nothing from the sweep."""
        encoding = getattr(self._stream, "encoding", None) or "ascii"
        try:
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError):
            self._enabled = False
            lead_nowhere(self._stream)


def _fitted(line: str, cells: int) -> tuple[str, int]:
    """As much of it as fits, cut before the end of the place: its name says most; and its width."""
    if _width(line) <= cells:
        return line, _width(line)
    head, gap = line[: cells // 2], "..."
    room = cells - _width(head) - len(gap)
    tail = ""
    for char in reversed(line):
        if room < _width(char):
            break
        tail, room = char + tail, room - _width(char)
    made = f"{head}{gap}{tail}" if room >= 0 else line[: max(cells // 2, 0)]
    return made, _width(made)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
