"""Opening and reading files without leaving a trace on them, and saying why one could not be read.

Only regular files are opened, never through a link, never waiting (a FIFO or a lock would stop the
sweep), without changing the time of last access where the system allows it. On Windows the file is
shared with every other user of it, and content that lies in a cloud is not recalled.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

from ..windows import files as windows_files

if TYPE_CHECKING:
    from io import RawIOBase

MAX_PATH_LENGTH = 32_767
"""Of Windows, in characters; longer paths are not followed on any platform."""
_PATH_MAX = 4096
"""Of Linux, in bytes, for one system call (limits.h)."""

_QUIET = (
    getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_NO_ACCESS_TIME: int = getattr(os, "O_NOATIME", 0)

_STEP = 1 << 20
"""Bytes asked for at once where nothing is known of the length."""

CHUNK = 1 << 20
"""Bytes per read of a file that is not kept: so many are hashed without the interpreter's lock."""

Opener = Callable[[str], BinaryIO]


class NotRegularError(OSError):
    """What lies there is no regular file: a device, FIFO, socket, folder or link."""


def open_quietly(path: str) -> BinaryIO:
    """A regular file, open for reading, unbuffered.

    Raises:
        NotRegularError: anything but a regular file.
        OSError: it cannot be opened; :func:`reason_of` says why in words.
    """
    if sys.platform != "win32" and not stat.S_ISREG(status_of(path).st_mode):
        raise NotRegularError(errno.EINVAL, "not a regular file", path)
    return open_regular(path)


def open_regular(path: str) -> BinaryIO:
    """As :func:`open_quietly`, of what the system said just now to be a regular file: it is not
    asked a second time before the file is open. Raises as that."""
    if sys.platform == "win32":
        number = windows_files.open_for_reading(path)  # It asked the handle what it is.
    else:
        number = open_unnoticed(path, os.O_RDONLY)
    try:
        if sys.platform != "win32" and not stat.S_ISREG(os.fstat(number).st_mode):
            raise NotRegularError(errno.EINVAL, "not a regular file", path)
        return open(number, "rb", buffering=0)  # noqa: PTH123 - a descriptor, not a path
    except OSError:
        os.close(number)
        raise


def status_of(path: str) -> os.stat_result:
    """What the system says about a thing itself, not about what it may link to.

    Raises:
        OSError: as ``lstat``, but not for the length of the path.
    """
    if os.name == "nt" or _is_short(path):
        return os.lstat(path)
    parent, _, name = path.rpartition("/")
    folder = open_unnoticed(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return os.lstat(name, dir_fd=folder)
    finally:
        os.close(folder)


def _is_short(path: str) -> bool:
    """Whether the kernel takes it at once; a character has at most four bytes."""
    return 4 * len(path) < _PATH_MAX or len(os.fsencode(path)) < _PATH_MAX


def open_unnoticed(path: str, flags: int) -> int:
    """A descriptor without following a link, waiting, or touching the access time (POSIX).

    Paths longer than the kernel takes at once are walked in pieces.
    """
    if _is_short(path):
        return _open_at(path, flags, None)
    folder: int | None = None
    pieces = _pieces(path)
    for index, piece in enumerate(pieces):
        last = index == len(pieces) - 1
        try:
            number = _open_at(piece, flags if last else os.O_RDONLY | os.O_DIRECTORY, folder)
        finally:
            if folder is not None:
                os.close(folder)
        folder = number
    assert folder is not None
    return folder


def _open_at(path: str, flags: int, folder: int | None) -> int:
    try:
        return os.open(path, flags | _QUIET | _NO_ACCESS_TIME, dir_fd=folder)
    except PermissionError as error:
        # Keeping the access time is for the owner and root alone (open(2), O_NOATIME: EPERM).
        if error.errno != errno.EPERM or not _NO_ACCESS_TIME:
            raise
    return os.open(path, flags | _QUIET, dir_fd=folder)


def _pieces(path: str) -> list[str]:
    """An absolute path cut at separators into pieces that one system call takes each."""
    pieces: list[str] = []
    piece = "/" if path.startswith("/") else ""
    for part in path.split("/"):
        if len(os.fsencode(piece)) + len(os.fsencode(part)) + 1 >= _PATH_MAX:
            pieces.append(piece)
            piece = ""
        piece = f"{piece}{part}/" if part else piece
    pieces.append(piece.rstrip("/") or "/")
    return pieces


def read_up_to(file: BinaryIO, limit: int, expected: int | None = None) -> bytes:
    """The bytes from where the file stands, at most ``limit``, however short its single reads
    are.

    ``expected``: how many there should be; they are asked for at once, and if just so many come,
    the end is believed.
    """
    parts: list[bytes] = []
    step = _STEP if expected is None else max(1, expected)
    total = 0
    while total < limit and (part := file.read(min(limit - total, step))):
        parts.append(part)
        total += len(part)
        if total == expected:
            break
        step = _STEP
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_whole(file: BinaryIO, limit: int, likely: int) -> bytes:
    """As :func:`read_up_to`, to the file's end whatever its folder says; ``likely``: the bytes that
    it does, which come in one piece: of pieces that are joined all is in memory twice."""
    most = min(limit, likely + 1)  # One byte more tells the end.
    data = read_up_to(file, most, most)
    if len(data) < most or most == limit:
        return data
    return data + read_up_to(file, limit - most)


def read_at(file: BinaryIO, offset: int, length: int, size: int | None = None) -> bytes:
    """At most ``length`` bytes at an offset; fewer at the end of the file, of which ``size`` bytes
    are expected."""
    file.seek(offset)
    return read_up_to(file, length, None if size is None else max(0, size - offset))


class _Space(threading.local):
    """Of each thread, for one read after the other: new memory costs more than reading."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(CHUNK))


_SPACE = _Space()


def next_chunk(file: BinaryIO, most: int = CHUNK) -> memoryview:
    """What one read gives, at most ``CHUNK`` bytes; empty at the end. Gone when this thread asks
    for the next."""
    count = cast("RawIOBase", file).readinto(_SPACE.view[:most])
    return _SPACE.view[: count or 0]


def first_chunk(file: BinaryIO, size: int) -> memoryview:
    """The first bytes of a file, as many as fit in one chunk; as :func:`next_chunk`.

    ``size``: how many there should be; if just so many come, the end is believed.
    """
    file.seek(0)
    raw, total, most = cast("RawIOBase", file), 0, min(size, CHUNK) or CHUNK
    while total < most and (count := raw.readinto(_SPACE.view[total:most])):
        total += count
    return _SPACE.view[:total]


def windows(
    file: BinaryIO, first: bytes, size: int, step: int, overlap: int
) -> Iterator[tuple[bytes, int]]:
    """A file from its beginning in pieces of about ``step`` bytes, and how many bytes of each were
    in the piece before: ``overlap``, so that nothing shorter is cut in two.

    ``first``: its first bytes, already read; the first piece. ``size``: how many bytes there should
    be; if just so many come, the end is believed.

    Raises OSError.
    """
    yield first, 0
    at = len(first)
    while at != size:
        back = min(overlap, at)
        file.seek(at - back)
        data = read_up_to(file, back + step, back + min(step, max(1, size - at)))
        if len(data) <= back:
            return
        yield data, back
        at += len(data) - back


def is_gone(error: OSError) -> bool:
    """Whether the thing vanished between being listed and being opened: nothing was missed then."""
    return error.errno in (errno.ENOENT, errno.ESTALE) or getattr(error, "winerror", None) in (2, 3)


_WINDOWS_REASONS = {
    -2144272384: "locked by BitLocker",
    1: "not offered by the system",
    2: "not found",
    3: "not found",
    5: "access denied",
    19: "write protected",
    21: "device not ready",
    23: "read error on the disk",
    32: "in use by another program (sharing violation)",
    33: "locked by another program",
    50: "not supported by the system",
    53: "network path not found",
    64: "network name no longer there",
    66: "no such kind of thing on this system",
    87: "refused by the system (invalid parameter)",
    121: "no answer in time",
    123: "name not allowed by the system",
    206: "name too long",
    225: "withheld by antivirus",
    362: "cloud provider not running",
    1117: "read error on the disk",
    1314: "a right that this account does not have",
    1392: "damaged file or folder",
    1450: "not enough system resources",
    1920: "cannot be opened by the system",
    1921: "link that cannot be resolved",
}
_POSIX_REASONS = {
    errno.EACCES: "access denied",
    errno.EPERM: "access denied",
    errno.ENOENT: "vanished during the sweep",
    errno.ESTALE: "vanished during the sweep",
    errno.ENAMETOOLONG: "name too long",
    errno.ELOOP: "link put there during the sweep",
    errno.ENOTDIR: "no longer a folder",
    errno.EIO: "read error on the disk",
    errno.EAGAIN: "locked by another program",
    errno.E2BIG: "stream too large to be shown by this mount",
    errno.EBUSY: "in use by another program",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
    errno.ENOTCONN: "file system not connected",
}


def reason_of(error: OSError) -> str:
    """Why something could not be opened or read, in the words of the coverage."""
    if isinstance(error, NotRegularError):
        return "not a regular file"
    if isinstance(error, windows_files.CloudPlaceholder):
        return "cloud placeholder, not recalled"
    code = getattr(error, "winerror", None)
    if code:
        number = str(code) if code >= 0 else f"0x{code & 0xFFFF_FFFF:08X}"
        return _WINDOWS_REASONS.get(code, f"Windows error {number}")
    if error.errno in _POSIX_REASONS:
        return _POSIX_REASONS[error.errno]
    return f"error {error.errno}: {os.strerror(error.errno)}" if error.errno else str(error)[:100]
