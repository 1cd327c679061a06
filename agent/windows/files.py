r"""Opening files so that nothing is changed, recalled or mistaken.

Windows notes the time of the last access only where ``NtfsDisableLastAccessUpdate`` lets it; since
Windows 10 1803 the default leaves it to the system (on for small system volumes). Keeping it from
being noted would need the right to write attributes, which the agent does not ask for.
"""

from __future__ import annotations

import ctypes
import errno
import ntpath
import os
import re
import sys
from collections.abc import Mapping

from . import dlls, handles, text

if sys.platform == "win32":
    import msvcrt

FILE_ATTRIBUTE_DIRECTORY = 0x10
FILE_ATTRIBUTE_REPARSE_POINT = 0x400
FILE_ATTRIBUTE_OFFLINE = 0x1000
FILE_ATTRIBUTE_RECALL_ON_OPEN = 0x40000
FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS = 0x400000

_SECURITY_SQOS_PRESENT, _SECURITY_ANONYMOUS = 0x00100000, 0x00000000
_FLAGS = (
    0x00100000  # FILE_FLAG_OPEN_NO_RECALL
    # Of the same value and meant too: a pipe's server must not act as us.
    | _SECURITY_SQOS_PRESENT
    | _SECURITY_ANONYMOUS
    | 0x08000000  # FILE_FLAG_SEQUENTIAL_SCAN
    | 0x02000000  # FILE_FLAG_BACKUP_SEMANTICS: SeBackupPrivilege counts, if enabled
)
_FILE_TYPE_DISK = 1
_INVALID_ATTRIBUTES = 0xFFFFFFFF
_USUAL_MAX_PATH = 248
"""Paths up to here work without the prefix, folders included ([MS-FSCC] names, MAX_PATH less
12).
"""


class CloudPlaceholder(OSError):
    """The file's content is not here, and reading would fetch it."""


def is_cloud_placeholder(attributes: int) -> bool:
    """Whether reading would recall the content from the cloud or from tape."""
    return bool(
        attributes
        & (
            FILE_ATTRIBUTE_OFFLINE
            | FILE_ATTRIBUTE_RECALL_ON_OPEN
            | FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS
        )
    )


def is_reparse(attributes: int) -> bool:
    """Whether it is a reparse point: a link, a mount point, or a file kept elsewhere."""
    return bool(attributes & FILE_ATTRIBUTE_REPARSE_POINT)


def extended(path: str) -> str:
    r"""The path with ``\\?\``: as long as it likes, and taken literally (``con``, ``name.``)."""
    path = path.replace("/", "\\")
    if path.startswith(("\\\\?\\", "\\\\.\\")):
        return path
    if path.startswith("\\??\\"):
        return "\\\\?\\" + path[4:]
    if not (path.startswith("\\\\") or path[1:3] == ":\\"):
        path = ntpath.join(os.getcwd(), path)
    path = ntpath.normpath(path)
    if path.startswith("\\\\"):
        return "\\\\?\\UNC\\" + path[2:]
    return "\\\\?\\" + path


ON_THE_NETWORK = "on the network, not opened"
NO_FILE_PATH = "not a file path, not opened"
NO_SUCH_DRIVE = "on a drive that this session does not have, not opened"
_VOLUME = re.compile(
    r"(?i)(?:volume\{[0-9a-f-]{36}\}|globalroot\\device\\harddiskvolume(?:shadowcopy)?[0-9]+)\\"
)
_NETWORK = re.compile(
    r"(?i)(?:globalroot\\device\\(?:mup|lanmanredirector|webdavredirector)|unc)\\"
)


def why_not_opened(path: str, drives: Mapping[str, bool]) -> str:
    r"""Why a path that somebody else chose must not be opened; empty if it may.

    A process writes its list of modules itself: ``\\server\share\x.dll`` in it would make us log on
    to that server, and ``\\.\pipe\x`` connect to somebody's pipe. Only disks of this machine are
    opened. ``drives``: each drive letter (``C:``), and whether it is local.
    """
    path = path.replace("/", "\\")
    if path.startswith(("\\\\?\\", "\\??\\")):
        rest = path[4:]
        if _VOLUME.match(rest):
            return ""
    elif path.startswith("\\\\.\\"):
        rest = path[4:]
        return ON_THE_NETWORK if _NETWORK.match(rest) else NO_FILE_PATH
    elif path.startswith("\\\\"):
        return ON_THE_NETWORK
    else:
        rest = path
    if _NETWORK.match(rest):
        return ON_THE_NETWORK
    drive = rest[:2].upper()
    if rest[1:3] != ":\\":
        return NO_FILE_PATH
    if drive not in drives:
        return NO_SUCH_DRIVE
    return "" if drives[drive] else ON_THE_NETWORK


def shown(path: str) -> str:
    r"""The path as a person knows it: without ``\\?\`` where it can do without."""
    if path[:8].casefold() == "\\\\?\\unc\\":
        return "\\\\" + path[8:]
    if path.startswith("\\\\?\\") and path[5:6] == ":":
        return path[4:]
    return path


def attributes(path: str) -> int:
    """The file's attributes, of a link itself and not of what it points to."""
    ask = dlls.function("kernel32", "GetFileAttributesW", ctypes.c_uint32, text.Pointer)
    found: int = ask(text.wide(extended(path)))
    if found == _INVALID_ATTRIBUTES:
        raise dlls.failure(path)
    return found


def handle_for_reading(path: str) -> int:
    """A handle to a regular file; see :func:`open_for_reading`. The caller closes it."""
    handle = handles.open_existing(extended(path), handles.GENERIC_READ, _FLAGS)
    try:
        _regular(handle, path)
    except OSError:
        dlls.close(handle)
        raise
    return handle


def _regular(handle: int, path: str) -> None:
    """Refuse what is not a file on a disk with its content here; asked of the handle: no race."""
    kind = dlls.function("kernel32", "GetFileType", ctypes.c_uint32, ctypes.c_void_p)
    if kind(handle) != _FILE_TYPE_DISK:
        raise OSError(errno.EINVAL, "a device or a pipe, not a file", path)
    try:
        bits = handles.attribute_tag(handle, path).attributes
    except OSError:
        # File systems may lack this question; then the name is asked.
        bits = attributes(path)
    if bits & FILE_ATTRIBUTE_DIRECTORY:
        raise IsADirectoryError(errno.EISDIR, "a folder", path)
    if is_cloud_placeholder(bits):
        raise CloudPlaceholder(errno.ENODATA, "its content is not on this machine", path)


def open_for_reading(path: str) -> int:
    """A file descriptor for reading, sharing everything, never recalling from the cloud.

    Links are followed. Raises CloudPlaceholder, IsADirectoryError, or OSError with ``winerror``
    (32: locked by another process).
    """
    handle = handle_for_reading(path)
    if sys.platform == "win32":
        return msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)
    dlls.close(handle)
    raise OSError(errno.ENOSYS, "only on Windows", path)


def long_path(path: str) -> str:
    """The path with every 8.3 name written out; the file must exist."""
    convert = dlls.function(
        "kernel32",
        "GetLongPathNameW",
        ctypes.c_uint32,
        text.Pointer,
        text.Pointer,
        ctypes.c_uint32,
    )
    answer = text.space(text.MAX_PATH_UNITS)
    # The prefix only where it is needed: Wine does not look behind it for the other form.
    asked = path if len(path) < _USUAL_MAX_PATH else extended(path)
    length = convert(text.wide(asked), answer, len(answer))
    if not 0 < length < len(answer):
        raise dlls.failure(path)
    return shown(text.narrow(answer, length))
