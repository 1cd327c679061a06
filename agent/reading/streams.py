"""Alternate data streams of files and folders: listed, and opened for reading.

On Windows by the system's own enumeration. On Linux as far as ntfs-3g shows them (its manual,
``streams_interface``): with ``windows`` the attribute ``ntfs.streams.list`` names them and
``file:stream`` is their content, with ``xattr``, the default, both are extended attributes
``user.stream``. Other drivers and file systems show none.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from typing import BinaryIO, Literal

from msgspec import Struct, field

from ..windows import streams as windows_streams
from .opening import open_quietly

_LIST = "ntfs.streams.list"
_IS_NTFS = "system.ntfs_attrib"
_USER = "user."
_NO_SUCH = (errno.ENODATA, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL)


class Streams(Struct):
    """Looks at the streams of files; remembers what each file system shows."""

    _shown_as: dict[int, Literal["files", "attributes", "nothing"]] = field(default_factory=dict)

    def names(self, path: str, device: int) -> list[tuple[str, int | None]]:
        """Name and, where known, size of each named stream, none for a file without.

        ``device``: the number of its file system (POSIX).

        Raises:
            OSError: they cannot be listed, or there are more than 10,000 of them.
        """
        if sys.platform == "win32":
            try:
                return list(windows_streams.streams(path))
            except windows_streams.StreamsUnsupported:
                return []
        if device not in self._shown_as:
            self._shown_as[device] = _interface(path)
        interface = self._shown_as[device]
        if interface == "files":
            names = _attribute(path, _LIST) or b""
            return [(os.fsdecode(name), _size(path, name)) for name in names.split(b"\0") if name]
        if interface == "attributes":
            return [
                (name.removeprefix(_USER), _attribute_size(path, name))
                for name in os.listxattr(path, follow_symlinks=False)
                if name.startswith(_USER)
            ]
        return []


def _interface(path: str) -> Literal["files", "attributes", "nothing"]:
    if not hasattr(os, "getxattr"):
        return "nothing"
    if _attribute(path, _LIST) is not None:
        return "files"
    return "nothing" if _attribute(path, _IS_NTFS) is None else "attributes"


def _attribute(path: str, name: str) -> bytes | None:
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NO_SUCH:
            return None
        raise


def _attribute_size(path: str, name: str) -> int | None:
    """None for one of more than 64 KiB, which no system call gives (xattr(7))."""
    try:
        return len(_attribute(path, name) or b"")
    except OSError as error:
        if error.errno in (errno.E2BIG, errno.ERANGE):
            return None
        raise


def _size(path: str, name: bytes) -> int | None:
    status = os.stat(os.fsencode(path) + b":" + name, follow_symlinks=False)
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def open_stream(path: str, name: str) -> BinaryIO:
    """One stream's content, open for reading.

    Raises:
        OSError: it cannot be opened.
    """
    try:
        return open_quietly(f"{path}:{name}")
    except FileNotFoundError:
        if sys.platform == "win32":
            raise
        return io.BytesIO(os.getxattr(path, _USER + name, follow_symlinks=False))
