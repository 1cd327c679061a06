"""The running system of this machine: psutil everywhere, and the bindings in ``agent/windows``.

psutil is asked first; what it refuses (under Wine the image's path, on real hosts whatever is
protected)
is asked of Windows in the way that needs the fewest rights, and what nobody tells is an
``Unreadable``.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TypeVar

import psutil

from ...formats import FormatError
from ...formats.pe import original_file_name, read_pe
from ...model.objects import Hash, Pe
from ...reading.hashing import Algorithm, hash_file
from ...reading.opening import is_gone, open_quietly, read_up_to, reason_of, status_of
from ...windows import devices as windows_devices
from ...windows import dns_cache, dns_wmi, process_memory
from ...windows import files as windows_files
from ...windows import pipes as windows_pipes
from ...windows import processes as windows_processes
from .system import (
    ConnectionInfo,
    Denied,
    DnsRecord,
    NotHere,
    Processes,
    ProcessInfo,
    ProcessMemory,
    Region,
    Unreadable,
    Vanished,
)

_T = TypeVar("_T")
_WINDOWS = sys.platform == "win32"
_DNS_TYPES = {"A": 1, "CNAME": 5, "AAAA": 28, "HTTPS": 65}
_DNS_NAMES = {number: name for name, number in _DNS_TYPES.items()}


def _told(error: OSError) -> Unreadable:
    if isinstance(error, ProcessLookupError) or is_gone(error):
        return Vanished()
    if isinstance(error, PermissionError):
        return Denied(reason_of(error))
    return Unreadable(reason_of(error))


def _asked(ask: Callable[[], _T]) -> _T:
    """The answer, or the reason why there is none as one of ours."""
    try:
        return ask()
    except psutil.NoSuchProcess as error:
        raise Vanished from error
    except psutil.AccessDenied as error:
        raise Denied from error
    except psutil.Error as error:
        raise Unreadable(str(error)) from error
    except OSError as error:
        raise _told(error) from error


def _only_windows() -> None:
    if not _WINDOWS:
        raise NotHere


class RunningSystem:
    """This machine, now."""

    def __init__(self) -> None:
        self._drives: dict[str, bool] | None = None

    def processes(self) -> Processes:
        """All processes that were still there when they were described."""
        found: list[ProcessInfo] = []
        vanished = 0
        for pid in _asked(psutil.pids):
            try:
                found.append(_describe(pid))
            except Vanished:
                vanished += 1
        return Processes(tuple(found), vanished)

    def modules(self, pid: int) -> list[str]:
        """On Linux, where no loader keeps a list for others, the mapped files."""
        if _WINDOWS:
            return self._long(_asked(lambda: windows_processes.modules(pid)))
        return self.mapped_images(pid)

    def mapped_images(self, pid: int) -> list[str]:
        """Kernel's view: an image whose file is gone is still there."""
        if _WINDOWS:
            return self._long(_asked(lambda: process_memory.mapped_images(pid)))
        maps = _asked(lambda: psutil.Process(pid).memory_maps(grouped=True))
        return [m.path for m in maps if m.path.startswith("/")]

    def _long(self, paths: list[str]) -> list[str]:
        """Without 8.3 names, which only the file system itself can write out."""
        return [
            _long(path) if "~" in path and not self.why_not_opened(path) else path for path in paths
        ]

    def is_protected(self, pid: int) -> bool:
        """Windows only; elsewhere nothing is."""
        return _WINDOWS and _asked(lambda: windows_processes.is_protected(pid))

    @contextmanager
    def memory(self, pid: int) -> Iterator[ProcessMemory]:
        """Windows only."""
        _only_windows()
        opened = _asked(lambda: process_memory.ProcessMemory(pid).__enter__())
        try:
            yield _Memory(opened)
        finally:
            opened.__exit__(None, None, None)

    def connections(self) -> list[ConnectionInfo]:
        """Connections and listeners of IP, with the process where the system tells it."""
        return [
            ConnectionInfo(
                protocol="tcp" if c.type == socket.SOCK_STREAM else "udp",
                local=(c.laddr.ip, c.laddr.port) if c.laddr else None,
                remote=(c.raddr.ip, c.raddr.port) if c.raddr else None,
                state="" if c.status == psutil.CONN_NONE else c.status.lower(),
                pid=c.pid or None,
            )
            for c in _asked(lambda: psutil.net_connections("inet"))
        ]

    def pipes(self) -> list[str]:
        """Windows only."""
        _only_windows()
        return _asked(windows_pipes.list_pipes)

    def has_pipe(self, name: str) -> bool:
        """Windows only."""
        _only_windows()
        return _asked(lambda: windows_pipes.is_there(name))

    def dns_table(self) -> list[DnsRecord]:
        """Windows only: the resolver's own table."""
        _only_windows()
        return [DnsRecord(n, _DNS_NAMES.get(t, str(t))) for n, t in _asked(dns_cache.table)]

    def dns_table_by_wmi(self) -> list[DnsRecord]:
        """Windows only: the class MSFT_DNSClientCache."""
        _only_windows()
        return list(_named(_asked(dns_wmi.wmi_table)))

    def dns_answers(self, name: str, type_: str) -> list[str] | None:
        """Windows only; never asks the network."""
        _only_windows()
        return _asked(lambda: dns_cache.cached_answers(name, _DNS_TYPES[type_]))

    def system_folders(self) -> tuple[str, ...]:
        """Where the system's own modules lie."""
        if not _WINDOWS:
            return ("/usr/lib", "/lib", "/lib64", "/usr/bin")
        root = os.environ.get("SystemRoot", r"C:\Windows")  # noqa: SIM112 - Windows writes it so
        return tuple(rf"{root}\{name}" for name in ("System32", "SysWOW64", "WinSxS"))

    def why_not_opened(self, path: str) -> str:
        """Windows only; elsewhere a module's path is the kernel's word."""
        if not _WINDOWS:
            return ""
        if self._drives is None:
            self._drives = _asked(windows_devices.drives)
        return windows_files.why_not_opened(path, self._drives)

    def file_size(self, path: str) -> int:
        """Without opening it."""
        return _asked(lambda: status_of(path).st_size)

    def read_start(self, path: str, limit: int) -> bytes:
        """Quietly: no recall, no access time."""
        return _asked(lambda: _start(path, limit))

    def hash_file(self, path: str, algorithms: frozenset[str]) -> Hash:
        """In one pass."""
        wanted: list[Algorithm] = [a for a in ("md5", "sha1", "sha256") if a in algorithms]
        return _asked(lambda: hash_file(path, wanted))

    def pe(self, path: str) -> Pe | None:
        """None for what does not begin as a PE file. A damaged or unusual one is unreadable."""
        return _parsed(lambda: _pe(path), path, None)

    def original_file_name(self, path: str) -> str:
        """Empty for what has none. Of a damaged or unusual PE file it is unreadable."""
        return _parsed(lambda: original_file_name(path), path, "")


def _named(rows: Iterable[dns_wmi.CachedRecord]) -> Iterator[DnsRecord]:
    """What was asked for, and what the answer is about where that is another name.

    A remembered "no such name" has no name of its own, only what was asked for.
    """
    for row in rows:
        type_ = _DNS_NAMES.get(row.type, str(row.type))
        for name in dict.fromkeys((row.entry, row.name)):
            if name:
                yield DnsRecord(name, type_)


def _long(path: str) -> str:
    """So that a file has one path; as it is if the file is gone."""
    try:
        return windows_files.long_path(path)
    except OSError:
        return path


def _start(path: str, limit: int) -> bytes:
    with open_quietly(path) as file:
        return read_up_to(file, limit)


def _parsed(read: Callable[[], _T], path: str, otherwise: _T) -> _T:
    """What a PE file says; ``otherwise`` for what does not even begin as one."""
    try:
        return _asked(read)
    except FormatError as error:
        if _asked(lambda: _start(path, 2)) == b"MZ":
            raise Unreadable(error.what) from error
        return otherwise


def _pe(path: str) -> Pe:
    with open_quietly(path) as file:
        return read_pe(file)


class _Memory:
    """A process's memory in our words."""

    def __init__(self, opened: process_memory.ProcessMemory) -> None:
        self._opened = opened

    def regions(self) -> Iterator[Region]:
        regions = iter(self._opened.regions())
        backed: dict[int, bool] = {}
        while True:
            region = _asked(lambda: next(regions, None))
            if region is None:
                return
            if region.mapped and region.readable and region.allocation not in backed:
                # What cannot be told is taken for memory without a file, and read.
                backed[region.allocation] = bool(self._opened.mapped_file(region.allocation)[0])
            yield Region(
                region.base,
                region.size,
                "private" if region.private else "image" if region.image else "mapped",
                region.readable,
                executable=region.executable,
                backed=region.mapped and backed.get(region.allocation, False),
            )

    def read(self, address: int, size: int) -> bytes:
        data = _asked(lambda: self._opened.read(address, size))
        if len(data) < size:
            raise Unreadable("only partly readable")
        return data


def _describe(pid: int) -> ProcessInfo:
    """Raises Vanished."""
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess as error:
        raise Vanished from error
    unread: list[tuple[str, str]] = []

    def of(what: str, ask: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return _asked(ask)
        except Vanished:
            if not psutil.pid_exists(pid):
                raise
            if _WINDOWS or not _is_zombie(process):
                unread.append((what, "gone"))
        except Unreadable as error:
            unread.append((what, error.reason))
        return otherwise

    ended = not _WINDOWS and _is_zombie(process)
    kernel = _is_minimal(pid) if _WINDOWS else _is_kernel_thread(pid)
    no_line: list[str] = []
    bare = kernel or ended
    line = no_line if bare else of("command_line", process.cmdline, no_line)
    executable = "" if bare else of("executable", lambda: _image(process), "")
    name = executable.replace("\\", "/").rpartition("/")[2] if _WINDOWS else ""
    name = name or of("name", process.name, "")
    created = of("start", process.create_time, 0.0)
    return ProcessInfo(
        pid=pid,
        ppid=of("ppid", process.ppid, None),
        name=name,
        executable=executable,
        command_line=_joined(line),
        start=datetime.fromtimestamp(created, timezone.utc) if created else None,
        user=of("user", process.username, "") if not kernel else "",
        kernel=kernel,
        ended=ended,
        unread=tuple(unread),
    )


def _is_zombie(process: psutil.Process) -> bool:
    """Linux: ended, as far as nobody has asked how. One whose first thread alone has ended looks
    the same, and runs on."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.Error:
        return False


def _image(process: psutil.Process) -> str:
    if _WINDOWS:
        return windows_processes.image_path(process.pid)
    return process.exe()


def _is_minimal(pid: int) -> bool:
    """Windows: Idle, System, and those without a loader (Registry, Memory Compression, …)."""
    if pid in (0, 4):
        return True
    try:
        return _asked(lambda: windows_processes.is_minimal(pid))
    except Unreadable:
        # Not known to be one: what it refuses stays a gap.
        return False


def _is_kernel_thread(pid: int) -> bool:
    """Linux: kthreadd and its children, which have neither image nor command line."""
    try:
        return pid == 2 or psutil.Process(pid).ppid() == 2
    except psutil.Error:
        return False


def _joined(arguments: list[str]) -> str:
    """As one line; arguments with spaces in quotes."""
    return " ".join(f'"{a}"' if " " in a and '"' not in a else a for a in arguments)
