r"""A disk or a volume by the name of its device: ``/dev/sdb``, ``\\.\PhysicalDrive1``, ``\\.\E:``.

Names of Windows: "Naming Files, Paths, and Namespaces", "CreateFileW" (Microsoft Learn). Those of
anything but disks and volumes (serial ports, pipes, consoles) are never opened: that alone may do
something.
"""

from __future__ import annotations

import io
import os
import re
import stat
import sys
from typing import BinaryIO, Final, cast

from ..windows.raw_volume import RawVolume

_NAMED: Final = re.compile(
    r"\\\\\.\\(?:PhysicalDrive\d+|CdRom\d+|[A-Z]:|Harddisk\d+Partition\d+|HarddiskVolume\d+"
    r"|HarddiskVolumeShadowCopy\d+)"
    r"|\\\\\?\\(?:Volume\{[^\\]+\}|GLOBALROOT\\Device\\[^\\]+(?:\\(?:Partition|DR)\d+)?)",
    re.IGNORECASE,
)


def is_device(path: str) -> bool:
    """Whether it is one; False for what cannot be asked."""
    if sys.platform == "win32":
        return is_windows_device(path)
    try:
        return stat.S_ISBLK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def is_windows_device(path: str) -> bool:
    r"""By its name alone. ``\\.\E:\`` is a folder."""
    return _NAMED.fullmatch(path) is not None


def real_path(path: str) -> str:
    """As ``realpath``; a device of Windows has no other name than the one that was given."""
    if sys.platform == "win32" and is_windows_device(path):
        return path
    return os.path.realpath(path)


def name_of(path: str) -> str:
    r"""The last part of a path: ``PhysicalDrive1``, ``disk.img``. Of a drive without its colon."""
    if is_windows_device(path):
        return path.rpartition("\\")[2].rstrip(":")
    return os.path.basename(path)


def open_device(path: str) -> BinaryIO:
    """For reading, and for nothing else. ``path``: of which :func:`is_device` holds. Raises
    OSError."""
    if sys.platform == "win32":
        return cast("BinaryIO", _Device(RawVolume(path)))
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb", buffering=0)


class _Device(io.RawIOBase):
    """A device of Windows, of which only whole sectors can be read, as a file."""

    def __init__(self, raw: RawVolume) -> None:
        super().__init__()
        self._raw = raw
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._raw.size}[whence]
        self._at = max(0, begin + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        with memoryview(buffer) as view, view.cast("B") as plain:
            count = self._raw.read_into(self._at, plain)
        self._at += count
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


__all__ = ["is_device", "is_windows_device", "name_of", "open_device", "real_path"]
