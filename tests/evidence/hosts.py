"""Live hosts and volumes in use, made up: every answer of the system is the test's."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO

from msgspec import structs

from agent.matching.own_traces import Own
from agent.model.objects import Hash, Pe
from agent.ntfs import ByteSource
from agent.reading.opening import open_quietly
from agent.targets import RawNtfs, Root, SkippedVolume
from agent.targets.installation import Listed
from agent.targets.live.host import LiveHost
from agent.targets.live.mounts import Layout
from agent.targets.live.system import (
    ConnectionInfo,
    Denied,
    DnsRecord,
    Processes,
    ProcessInfo,
    Region,
)
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from agent.windows.files import why_not_opened

START = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
PATH = r"C:\Users\jo\AppData\Local\cyzfc.dat"
RUNDLL32 = ProcessInfo(
    pid=4312,
    ppid=4120,
    name="rundll32.exe",
    executable=r"C:\Windows\System32\rundll32.exe",
    command_line=f"rundll32.exe {PATH},PointFunctionCall",
    start=START,
    user="CORP\\jo",
)
POWERSHELL = ProcessInfo(
    pid=4120, name="powershell.exe", executable=r"C:\ps\powershell.exe", start=START - timedelta(1)
)


@dataclass
class FakeMemory:
    """The memory of one process: a region with this content, and one that cannot be read."""

    content: bytes
    denied: bool = False
    region: Region = field(default_factory=lambda: Region(0x1000, 0, "private"))
    """The one that holds the content."""

    def regions(self) -> Iterator[Region]:
        yield structs.replace(self.region, size=len(self.content))
        yield Region(0x9000, 4096, "private", readable=False)

    def read(self, address: int, size: int) -> bytes:
        if self.denied:
            raise Denied
        return self.content[address - 0x1000 :][:size]


@dataclass
class FakeSystem:
    """Answers what the test says; an answer that is an exception is raised."""

    answers: dict[str, Any] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    """Paths that anything but their name was asked of."""

    def _answer(self, what: str, otherwise: Any) -> Any:
        answer = self.answers.get(what, otherwise)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def processes(self) -> Processes:
        return Processes(tuple(self._answer("processes", (POWERSHELL, RUNDLL32))), vanished=1)

    def modules(self, pid: int) -> list[str]:
        return list(self._answer(f"modules {pid}", []))

    def mapped_images(self, pid: int) -> list[str]:
        return list(self._answer(f"images {pid}", []))

    def is_protected(self, pid: int) -> bool:
        return bool(self._answer(f"protected {pid}", False))

    @contextmanager
    def memory(self, pid: int) -> Iterator[FakeMemory]:
        yield self._answer(f"memory {pid}", FakeMemory(b""))

    def connections(self) -> list[ConnectionInfo]:
        return list(self._answer("connections", []))

    def drive(self) -> str | None:
        """The folder that is its ``C:``."""
        folder: str | None = self._answer("drive", None)
        return folder

    def pipes(self) -> list[str]:
        return list(self._answer("pipes", []))

    def has_pipe(self, name: str) -> bool:
        return name in self._answer("named pipes", [])

    def dns_table(self) -> list[DnsRecord]:
        return list(self._answer("table", []))

    def dns_table_by_wmi(self) -> list[DnsRecord]:
        return list(self._answer("wmi", []))

    def dns_answers(self, name: str, type_: str) -> list[str] | None:
        answers = self._answer("answers", {})
        return answers.get((name.rstrip(".").lower(), type_)) if answers else None

    def system_folders(self) -> tuple[str, ...]:
        return (r"C:\Windows\System32",)

    def why_not_opened(self, path: str) -> str:
        reason = self._answer(f"closed {path}", None)
        return why_not_opened(path, {"C:": True, "Z:": False}) if reason is None else reason

    def file_size(self, path: str) -> int:
        self.opened.append(path)
        return int(self._answer(f"size {path}", 1))

    def read_start(self, path: str, limit: int) -> bytes:
        self.opened.append(path)
        real = Path(path)
        data: bytes = real.read_bytes() if real.is_file() else self._answer(f"start {path}", b"MZ")
        return data[:limit]

    def hash_file(self, path: str, algorithms: frozenset[str]) -> Hash:
        self.opened.append(path)
        found: Hash = self._answer(f"hash {path}", Hash())
        return found

    def pe(self, path: str) -> Pe | None:
        self.opened.append(path)
        found: Pe | None = self._answer(f"pe {path}", None)
        return found

    def original_file_name(self, path: str) -> str:
        self.opened.append(path)
        return str(self._answer(f"original {path}", ""))


class WindowsHost(LiveHost):
    """A host that says it is Windows, so that no source holds back."""

    @property
    def platform(self) -> str:
        return "windows"

    @property
    def boundaries(self) -> frozenset[str]:
        return frozenset()

    def _volumes(self) -> Layout:
        """Given the system's answer ``drive``, its ``C:`` is that folder, and all that it has."""
        folder = self._system.drive() if isinstance(self._system, FakeSystem) else None
        if folder is None:
            return super()._volumes()
        return Layout([Root(folder, "C: NTFS", RawNtfs(_closed, "C:"))], [])


def _closed() -> ByteSource:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def installed() -> tuple[str, Listed]:
    """Of a made-up Windows."""
    return "C:\\Windows", Listed()


def host(own: Own | None = None, *, paths: Sequence[str] = (), **answers: Any) -> WindowsHost:
    """A Windows host whose system answers so; ``paths``: what of it is swept, as Windows writes it."""
    made = WindowsHost(own or Own(), system=FakeSystem(answers), installed=installed)
    made._paths = tuple(paths)
    return made


# Volumes.


class Volumes(FolderTarget):
    """A target of these roots, and of volumes that are left out."""

    def __init__(self, *roots: Root, skipped: Sequence[SkippedVolume] = ()) -> None:
        super().__init__(".", own=Own())
        self.made, self.left_out = roots, skipped

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        return self.made, self.left_out


class Mounted(FolderTarget):
    """A volume that can be read by its records and be walked; its paths are shown as ``D:\\…``.
    Of its files those named ds7002.lnk are denied."""

    def __init__(self, root: Path, source: Callable[[], ByteSource]) -> None:
        super().__init__(str(root), own=Own())
        self.root, self.source = root, source

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        return [Root(str(self.root), raw=RawNtfs(self.source, "D:"))], []

    def open_file(self, path: str) -> BinaryIO:
        if path.endswith("ds7002.lnk"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        inside = path.removeprefix("\\\\?\\").removeprefix("D:\\").replace("\\", "/")
        return open_quietly(path if path.startswith("/") else f"{self.root}/{inside}")


def disk(folder: Path, data: bytes) -> ImageTarget:
    """An image of these bytes, ``disk.img`` in a folder."""
    path = folder / "disk.img"
    path.write_bytes(data)
    return ImageTarget(str(path), own=Own())
