r"""A live volume's raw bytes, ``\\.\C:``, for the NTFS engine. Needs an elevated process.

Opened like any file and shared with all; offsets and sizes of reads must be multiples of the
device's sector ("CreateFileW, Physical Disks and Volumes", Microsoft Learn). An unlocked BitLocker
volume is read in the clear.
"""

from __future__ import annotations

import ctypes
import errno
from contextlib import suppress

from . import dlls, handles

GRANULE = 4096
"""Bytes; reads are widened to multiples of it, which are multiples of every sector size."""
MAX_READ = 8 << 20
_IOCTL_DISK_GET_LENGTH_INFO = 0x0007405C
_SECTOR = 512
_TOTAL_SECTORS, _SECTOR_SIZE = slice(0x28, 0x30), slice(0x0B, 0x0D)
"""In an NTFS boot sector."""


class _Overlapped(ctypes.Structure):
    _fields_ = (
        ("internal", ctypes.c_size_t),
        ("internal_high", ctypes.c_size_t),
        ("offset", ctypes.c_uint32),
        ("offset_high", ctypes.c_uint32),
        ("event", ctypes.c_void_p),
    )


def device_path(root: str) -> str:
    r"""The device behind a volume: ``\\.\C:`` for ``C:\``, ``\\?\Volume{…}`` for its GUID path.

    Raises:
        OSError: it is neither (a folder in which a volume is mounted: ask by its GUID).
    """
    bare = root.rstrip("\\")
    if len(bare) == 2 and bare[1] == ":" and bare[0].isalpha():
        return f"\\\\.\\{bare}"
    if bare.startswith(("\\\\?\\Volume{", "\\\\.\\")):
        return bare
    if bare.upper().startswith("\\\\?\\GLOBALROOT\\DEVICE\\"):
        return bare
    raise OSError(errno.EINVAL, "no volume by letter or GUID", root)


def open_device(path: str) -> int:
    """A handle to a volume, for reading; the caller closes it. ``path``: as :func:`device_path`
    gives it. Raises OSError, with ``winerror`` 5 where the rights do not suffice.
    """
    return handles.open_existing(path, handles.GENERIC_READ, 0)


class RawVolume:
    """The bytes of a volume; a byte source of :mod:`agent.ntfs`. Reads may come from any thread."""

    def __init__(self, root: str) -> None:
        r"""``root``: as :func:`device_path`.

        Raises:
            OSError: with ``winerror`` 5 where the rights do not suffice.
        """
        self.path = device_path(root)
        self._handle: int | None = open_device(self.path)
        try:
            self._size = self._length()
        except OSError:
            self.close()
            raise

    @property
    def size(self) -> int:
        return self._size

    def read_at(self, offset: int, size: int) -> bytes:
        size = min(size, self._size - offset)
        if size <= 0 or offset < 0:
            return b""
        first = offset // GRANULE * GRANULE
        parts: list[bytes] = []
        at, end = first, offset + size
        while at < end:
            wanted = min(MAX_READ, -(-(end - at) // GRANULE) * GRANULE)
            piece = self._read(at, wanted)
            parts.append(piece)
            at += len(piece)
            if len(piece) < wanted:
                break
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        return data[offset - first : offset - first + size]

    def read_into(self, offset: int, view: memoryview) -> int:
        aligned = not (offset % GRANULE or len(view) % GRANULE)
        if aligned and 0 <= offset <= self._size - len(view):
            done = 0
            while done < len(view):
                wanted = min(MAX_READ, len(view) - done)
                count = self._read_into(offset + done, view[done : done + wanted])
                done += count
                if count < wanted:
                    break
            return done
        data = self.read_at(offset, len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if self._handle is not None:
            dlls.close(self._handle)
            self._handle = None

    def _read(self, offset: int, size: int) -> bytes:
        # Near the end no whole granule may be left: then by sectors.
        size = min(size, -(-(self._size - offset) // _SECTOR) * _SECTOR)
        space = bytearray(size)
        with memoryview(space) as view:
            count = self._read_into(offset, view)
        return bytes(space[:count])

    def _read_into(self, offset: int, view: memoryview) -> int:
        if self._handle is None:
            raise OSError(errno.EBADF, "closed", self.path)
        read = dlls.function(
            "kernel32",
            "ReadFile",
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_uint32),
            ctypes.c_void_p,
        )
        space = (ctypes.c_char * len(view)).from_buffer(view)
        where = _Overlapped(offset=offset & 0xFFFF_FFFF, offset_high=offset >> 32)
        count = ctypes.c_uint32()
        done = read(
            self._handle,
            ctypes.addressof(space),
            len(view),
            ctypes.byref(count),
            ctypes.addressof(where),
        )
        if not done:
            error = dlls.failure(self.path)
            if dlls.code_of(error) != dlls.ERROR_HANDLE_EOF:
                raise error
        return count.value

    def _length(self) -> int:
        """In bytes: as the device says, else as the boot sector does."""
        assert self._handle is not None
        with suppress(OSError):
            told = handles.control(self._handle, _IOCTL_DISK_GET_LENGTH_INFO, b"", 8, self.path)
            length = int.from_bytes(told, "little", signed=True)
            if len(told) == 8 and length > 0:
                return length
        self._size = GRANULE
        boot = self._read(0, GRANULE)
        sectors = int.from_bytes(boot[_TOTAL_SECTORS], "little")
        size = int.from_bytes(boot[_SECTOR_SIZE], "little")
        if boot[3:7] != b"NTFS" or not 0 < sectors < 1 << 52:
            raise OSError(errno.EINVAL, "size of the volume not known", self.path)
        # The copy of the boot sector lies in the sector behind the volume.
        return (sectors + 1) * size
