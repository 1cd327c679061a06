"""What the live sources need of a running system, and nothing else.

A source never asks psutil, Windows or the disk itself: it is handed a :class:`LiveSystem`, so that
a
test can hand it one that is denied everything. The one of this machine is
``agent/targets/live/this_machine.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from ...model.objects import Hash, Pe

MAX_PARENTS = 32
"""Ancestors followed; a longer chain is a loop or an attack on the reader."""

NOT_THIS_PLATFORM = "not this platform"
NO_RUNNING_SYSTEM = "no running system"


class Unreadable(Exception):
    """Something could not be read; ``reason`` is worded for the coverage."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Denied(Unreadable):
    """The system refused: rights, protection, or a lock."""

    def __init__(self, reason: str = "access denied") -> None:
        super().__init__(reason)


class Vanished(Unreadable):
    """It was there a moment ago, and there is nothing left to read."""

    def __init__(self, reason: str = "gone") -> None:
        super().__init__(reason)


class NotHere(Unreadable):
    """This system cannot answer that at all."""

    def __init__(self, reason: str = NOT_THIS_PLATFORM) -> None:
        super().__init__(reason)


class ProcessInfo(Struct, frozen=True):
    """One process as the system describes it; what it refused to tell is in ``unread``."""

    pid: int
    ppid: int | None = None
    name: str = ""
    executable: str = ""
    """Whole path of the image."""
    command_line: str = ""
    start: datetime | None = None
    """UTC."""
    user: str = ""
    user_id: str = ""
    kernel: bool = False
    """Made by the kernel and without an image: it has no command line, no modules, no memory of
    its own.
    """
    ended: bool = False
    """A zombie: it waits for its parent to ask how it ended, and has neither image nor memory."""
    unread: tuple[tuple[str, str], ...] = ()
    """(field, reason) for each field that could not be had."""

    @property
    def place(self) -> str:
        """``rundll32.exe[4312]``"""
        return f"{self.name or 'process'}[{self.pid}]"


class Processes(Struct, frozen=True):
    """All processes at one moment."""

    found: tuple[ProcessInfo, ...]
    vanished: int = 0
    """Processes that ended while they were being described."""


class ProcessTable:
    """Processes by id, and who started whom."""

    def __init__(self, processes: Iterable[ProcessInfo]) -> None:
        self._by_pid = {process.pid: process for process in processes}

    def __iter__(self) -> Iterator[ProcessInfo]:
        return iter(self._by_pid.values())

    def __len__(self) -> int:
        return len(self._by_pid)

    def get(self, pid: int | None) -> ProcessInfo | None:
        return None if pid is None else self._by_pid.get(pid)

    def parent(self, child: ProcessInfo) -> ProcessInfo | None:
        """The process that started this one, if it is still running.

        Windows keeps a dead parent's id in the child and gives the id to somebody new: a process
        that
        started after its supposed child, or whose start nobody knows, is not its parent.
        """
        parent = self.get(child.ppid)
        if parent is None or parent.pid == child.pid:
            return None
        if parent.start is None or child.start is None or parent.start > child.start:
            return None
        return parent

    def ancestors(self, child: ProcessInfo) -> list[ProcessInfo]:
        """Nearest first, at most ``MAX_PARENTS``, each once."""
        chain: list[ProcessInfo] = []
        seen = {child.pid}
        step = self.parent(child)
        while step is not None and step.pid not in seen and len(chain) < MAX_PARENTS:
            chain.append(step)
            seen.add(step.pid)
            step = self.parent(step)
        return chain


class ConnectionInfo(Struct, frozen=True):
    """One socket of the host."""

    protocol: Literal["tcp", "udp"]
    local: tuple[str, int] | None
    remote: tuple[str, int] | None
    state: str = ""
    """``established``, ``listen``, ``time_wait`` …, lower case; empty for UDP."""
    pid: int | None = None
    """None when the system does not say: no rights, or the process is gone."""


class Region(Struct, frozen=True):
    """One stretch of a process's memory with the same protection."""

    base: int
    size: int
    kind: Literal["private", "image", "mapped"]
    readable: bool = True
    """Committed, neither guarded nor barred."""
    executable: bool = False
    backed: bool = False
    """Mapped, and a file lies behind it; shared memory has none."""


class ProcessMemory(Protocol):
    """The memory of one process, open for reading."""

    def regions(self) -> Iterator[Region]:
        """All regions, by address. Raises ``Unreadable``."""

    def read(self, address: int, size: int) -> bytes:
        """These bytes, all of them. Raises ``Unreadable``."""


class DnsRecord(Struct, frozen=True):
    """One entry of the resolver's cache."""

    name: str
    type: str
    """``A``, ``AAAA``, ``CNAME``, … or the number."""


class LiveSystem(Protocol):
    """A running system. Every method may raise ``Unreadable`` or one of its kinds, and nothing
    else.
    """

    def processes(self) -> Processes: ...

    def modules(self, pid: int) -> list[str]:
        """Paths of the modules that the process's own loader lists."""

    def mapped_images(self, pid: int) -> list[str]:
        """Paths of all files mapped as images, as the kernel knows them: an unlinked module too.

        An empty one stands for an image that the system does not name.
        """

    def is_protected(self, pid: int) -> bool:
        """Whether the system lets nobody into this process (Windows: protected process, light or
        full).
        """

    def memory(self, pid: int) -> AbstractContextManager[ProcessMemory]: ...

    def connections(self) -> list[ConnectionInfo]: ...

    def pipes(self) -> list[str]:
        """Names of the named pipes, without ``\\\\.\\pipe\\``."""

    def has_pipe(self, name: str) -> bool:
        """Whether there is a pipe of this name: for where they cannot be listed."""

    def dns_table(self) -> list[DnsRecord]:
        """The resolver's cache."""

    def dns_table_by_wmi(self) -> list[DnsRecord]:
        """The same, asked in another way."""

    def dns_answers(self, name: str, type_: str) -> list[str] | None:
        """What the cache answers, without asking the network: None if it does not know the name, an
        empty list if it remembers that there is no such name."""

    def system_folders(self) -> tuple[str, ...]:
        """Folders of the system's own modules."""

    def why_not_opened(self, path: str) -> str:
        """Why a path that a process names must not be opened (it leads to another machine, or to
        no file); empty if it may.
        """

    def file_size(self, path: str) -> int:
        """Bytes."""

    def read_start(self, path: str, limit: int) -> bytes:
        """At most the first ``limit`` bytes."""

    def hash_file(self, path: str, algorithms: frozenset[str]) -> Hash: ...

    def pe(self, path: str) -> Pe | None:
        """What the file says of itself; None if it does not begin as a PE file."""

    def original_file_name(self, path: str) -> str:
        """From the version resource; empty if there is none."""
