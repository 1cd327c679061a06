"""What belongs to the agent itself, and must never be one of its findings.

The process, the image, the packs and rules in use, the reports and the spool: of this run and of
earlier ones. What is left out is counted in the coverage (``own``), never hidden. Only mentions are
ever taken for the agent's own: a file that matches by hash, export or place is reported wherever
it lies.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec

_REPORT_MARKS = (
    b'"iocsweep.report/1"',
    b'"iocsweep.pack/1"',
    b"iocsweep.pack/1",
    b"iocsweep.exclusions/1",
)
_PROGRAM = "iocsweep"


def _same(path: str) -> str:
    return os.path.normcase(os.path.abspath(path))


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """What to leave out. Paths are compared absolute, folders with all that they hold."""

    pids: frozenset[int] = frozenset()
    files: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, *, pids: Iterable[int] = (), files: Iterable[str] = (), folders: Iterable[str] = ()
    ) -> Own:
        """From paths as given, relative ones included."""
        return cls(
            pids=frozenset(pids),
            files=frozenset(_same(path) for path in files),
            folders=tuple(_same(path).rstrip(os.sep) + os.sep for path in folders),
        )

    def has_pid(self, pid: int) -> bool:
        """Whether this is the agent's process, or the boot loader or shell command that started
        it.
        """
        return pid in self.pids

    def has_path(self, path: str) -> bool:
        """Whether this file is the agent's image, pack, rules, report, journal or lies in its
        spool.
        """
        same = _same(path)
        return same in self.files or same.startswith(self.folders)

    @staticmethod
    def has_text(line: str) -> bool:
        """Whether a line of a history or log is about running the agent."""
        return _PROGRAM in line.casefold()

    @staticmethod
    def has_document(head: bytes) -> bool:
        """Whether a file that begins with these bytes is a report, journal or pack of any run.

        Used for mentions only, as anyone can write these words.
        """
        return any(mark in head[:4096] for mark in _REPORT_MARKS)
