"""What belongs to the agent itself, and must never be one of its findings.

The process, the image, the packs and rules in use, the reports and the spool: of this run and of
earlier ones. What is left out is counted in the coverage (``own``), never hidden. Only mentions are
ever taken for the agent's own (``sources/files/own_mentions.py``): a file that matches by hash,
export or place is reported wherever it lies, but for the very files that the agent was told of.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec

_PROGRAM = "iocsweep"
_END = 8
"""Characters."""


def _same(path: str) -> str:
    return os.path.normcase(os.path.abspath(path))


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """What to leave out. Paths are compared absolute, folders with all that they hold."""

    pids: frozenset[int] = frozenset()
    process: int = 0
    """This very process: what it starts, to run the operator's rules, is the agent's too."""
    files: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        pids: Iterable[int] = (),
        process: int = 0,
        files: Iterable[str] = (),
        folders: Iterable[str] = (),
    ) -> Own:
        """From paths as given, relative ones included."""
        return cls(
            pids=frozenset(pids),
            process=process,
            files=frozenset(_same(path) for path in files),
            folders=tuple(_same(path).rstrip(os.sep) + os.sep for path in folders),
        )

    def has_pid(self, pid: int) -> bool:
        """Whether this is the agent's process, or the boot loader or shell command that started
        it.
        """
        return pid in self.pids

    def has_file(self, path: str) -> bool:
        """Whether the agent was told that this very file is its own: its image, pack or rules."""
        # Asked of every file: most are told apart by how they end.
        return self.has_file_named(path) and _same(path) in self.files

    def has_file_named(self, name: str) -> bool:
        """Whether the path of such a file may end so: the paths of most need not be known."""
        end = os.path.normcase(name[-_END:])
        return any(file.endswith(end) for file in self.files)

    def has_folder_of(self, path: str) -> bool:
        """Whether this file lies among the agent's reports, in its spool or in its program
        folder; what it mentions there is its own, what it is there counts as anywhere."""
        return _same(path).startswith(self.folders)

    @staticmethod
    def has_text(line: str) -> bool:
        """Whether a line of a history or log is about running the agent. Anyone can write such a
        line: it excuses no more than a mention."""
        return _PROGRAM in line.casefold()
