"""The memory of one process, region by region."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from errno import EIO
from types import TracebackType

from msgspec import Struct

from . import devices, dlls, text
from .processes import READ_RIGHTS, exited, failure, open_process, place_of

MAX_REGIONS = 4_000_000

MAX_READ = 64 * 1024 * 1024

PAGE = 4096

_COMMITTED = 0x1000

_PAGE_NOACCESS = 0x01

_PAGE_GUARD = 0x100

_PAGE_EXECUTE_ANY = 0xF0
_PRIVATE, _MAPPED, _IMAGE = 0x20000, 0x40000, 0x1000000


class _MemoryBasicInformation(ctypes.Structure):
    _fields_ = (
        ("base", ctypes.c_void_p),
        ("allocation_base", ctypes.c_void_p),
        ("allocation_protect", ctypes.c_uint32),
        ("partition", ctypes.c_uint16),
        ("size", ctypes.c_size_t),
        ("state", ctypes.c_uint32),
        ("protect", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
    )


class Region(Struct, frozen=True):
    """A run of pages alike, as VirtualQueryEx tells them; numbers as in
    MEMORY_BASIC_INFORMATION.
    """

    base: int
    size: int
    state: int
    protect: int
    type: int
    allocation: int = 0
    """Where the allocation begins that these pages belong to."""

    @property
    def readable(self) -> bool:
        """Committed, and neither a guard page (reading would disarm it) nor without access."""
        return (
            self.state == _COMMITTED
            and not self.protect & _PAGE_GUARD
            and self.protect & 0xFF not in (0, _PAGE_NOACCESS)
        )

    @property
    def executable(self) -> bool:
        """Its pages may be run."""
        return bool(self.protect & _PAGE_EXECUTE_ANY)

    @property
    def private(self) -> bool:
        """Belongs to no file: heap, stack, injected code."""
        return self.type == _PRIVATE

    @property
    def mapped(self) -> bool:
        """A view of a file or of shared memory, mapped as data."""
        return self.type == _MAPPED

    @property
    def image(self) -> bool:
        """A view of an executable file, mapped as code."""
        return self.type == _IMAGE


class MappedFile(Struct, frozen=True):
    """A file mapped into a process."""

    base: int
    path: str
    """As a usual path; empty if Windows does not tell it, with ``error`` saying why."""
    image: bool
    """Mapped as code by the loader, not as data."""
    error: str = ""


def mapped_files(pid: int) -> list[MappedFile]:
    """Every file that the kernel has mapped into a process, in order of address.

    Shared memory that no file backs is left out; an image whose file cannot be named is not.
    """
    names = devices.dos_devices()
    files: list[MappedFile] = []
    last = None
    with ProcessMemory(pid) as memory:
        for region in memory.regions():
            if not (region.image or region.mapped) or region.allocation == last:
                continue
            last = region.allocation
            path, code = memory.mapped_file(last)
            if path:
                files.append(MappedFile(last, devices.drive_path(path, names), region.image))
            elif region.image or code != dlls.ERROR_FILE_INVALID:
                error = dlls.failure(place_of(pid), code)
                files.append(MappedFile(last, "", region.image, error.strerror or str(code)))
    return files


def mapped_images(pid: int) -> list[str]:
    """The paths of the executable files mapped into a process, each once.

    Sees images unlinked from the loader's list and images whose file was deleted. ``""`` stands for
    one that Windows does not name, which is a gap; :func:`mapped_files` tells its address and why.
    """
    return list(dict.fromkeys(file.path for file in mapped_files(pid) if file.image))


class ProcessMemory:
    """The memory of a process, opened for reading; a context manager."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = 0
        self._buffer = ctypes.create_string_buffer(0)

    def __enter__(self) -> ProcessMemory:
        self._handle = open_process(self.pid, READ_RIGHTS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        handle, self._handle = self._handle, 0
        if handle:
            dlls.close(handle)

    @property
    def handle(self) -> int:
        """The process handle while open."""
        if not self._handle:
            raise ValueError(f"the memory of process {self.pid} is not open")
        return self._handle

    def regions(self) -> Iterator[Region]:
        """All regions of the address space that are not free, in order.

        Raises ProcessLookupError if the process ends meanwhile: its memory is gone by then, and an
        empty answer would look like a clean one.
        """
        query = dlls.function(
            "kernel32",
            "VirtualQueryEx",
            ctypes.c_size_t,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(_MemoryBasicInformation),
            ctypes.c_size_t,
        )
        info = _MemoryBasicInformation()
        address = 0
        for _ in range(MAX_REGIONS):
            if not query(self.handle, address, ctypes.byref(info), ctypes.sizeof(info)):
                code = dlls.last_error()
                # Beyond the last address the answer is "invalid parameter": the usual end.
                if code != dlls.ERROR_INVALID_PARAMETER or not address or exited(self.handle):
                    raise failure(self.handle, self.pid, code)
                return
            base = info.base or 0
            if base + info.size <= address:
                raise OSError(EIO, f"regions do not advance at {address:#x}", place_of(self.pid))
            if info.type:
                yield Region(
                    base, info.size, info.state, info.protect, info.type, info.allocation_base or 0
                )
            address = base + info.size
            if address >= 1 << 64:
                return
        raise OSError(EIO, f"more than {MAX_REGIONS:,} regions", place_of(self.pid))

    def mapped_file(self, base: int) -> tuple[str, int]:
        """The native path of the file mapped at an address, or ``""`` and the error.

        ERROR_FILE_INVALID: no file is behind it, the pages are shared memory.
        """
        file_name = dlls.function(
            "kernel32",
            "K32GetMappedFileNameW",
            ctypes.c_uint32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            text.Pointer,
            ctypes.c_uint32,
        )
        answer = text.space(text.MAX_PATH_UNITS)
        length = file_name(self.handle, base, answer, len(answer))
        if not length:
            return "", dlls.last_error()
        return text.narrow(answer, min(length, len(answer))), 0

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes, at most 64 MiB; fewer if the memory ends or cannot be read before.

        A short answer ends exactly at the first page that cannot be read. Raises OSError if not
        even the first page can, ProcessLookupError if the process has ended.
        """
        if not 0 < size <= MAX_READ:
            raise ValueError(f"size {size} not between 1 and {MAX_READ}")
        if len(self._buffer) < size:
            self._buffer = ctypes.create_string_buffer(size)
        if self._copy(address, 0, size) == size:
            return ctypes.string_at(self._buffer, size)
        code = dlls.last_error()
        done = 0
        while done < size:
            step = min(PAGE - (address + done) % PAGE, size - done)
            if self._copy(address, done, step) < step:
                break
            done += step
        if not done:
            raise failure(self.handle, self.pid, code)
        return ctypes.string_at(self._buffer, done)

    def _copy(self, address: int, offset: int, size: int) -> int:
        """Copy into the buffer at the same offset; how many bytes, 0 if the call failed."""
        read = dlls.function(
            "kernel32",
            "ReadProcessMemory",
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_size_t),
        )
        done = ctypes.c_size_t()
        target = ctypes.addressof(self._buffer) + offset
        ok = read(self.handle, address + offset, target, size, ctypes.byref(done))
        return min(done.value, size) if ok else 0
