"""Reports that no collector has acknowledged yet, one gzip file each.

``refused/`` below it holds what a collector will not have, each with the reason beside it: it is
never sent again by itself and never removed.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

from ..home import FileLock
from ..output.atomic import write_atomically
from ..output.escape import shown

MAX_BYTES = 512 << 20
MAX_BODY = 64 << 20
"""Bytes of one report as it is kept."""
REFUSED = "refused"
ENDING = ".json.gz"
_REASON = ".reason.txt"
_LOCK = "spool.lock"


class SpoolError(Exception):
    """A report cannot be kept; the message says where and why."""


class Spool:
    """A folder that only administrators and its owner can read, unless it was there."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES, private: bool = True) -> None:
        """Makes the folder; with ``private`` off, takes one that is there as it is. Raises
        SpoolError.
        """
        self.folder = folder
        self._max_bytes = max_bytes
        self._private = private
        try:
            if private:
                _make_private(folder)
        except OSError as error:
            raise SpoolError(f"{folder}: {error.strerror or error}") from error

    def put(self, report_id: str, data: bytes) -> Path:
        """Keep the report's JSON. Raises SpoolError: full spool, full disk, read-only."""
        path = self.path_of(report_id)
        body = packed(data)
        used = sum(_size(kept) for _, kept in self.pending()) + self._refused_bytes()
        if used + len(body) > self._max_bytes:
            raise SpoolError(f"{self.folder}: full, {used} of {self._max_bytes} bytes used")
        try:
            write_atomically(path, body)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
            why = "the disk is full" if full else error.strerror or str(error)
            raise SpoolError(f"{path}: {why}") from error
        return path

    def pending(self) -> list[tuple[str, Path]]:
        """Id and file of each report kept, oldest first; anything else in the folder is left
        alone.
        """
        found = []
        try:
            entries = sorted(self.folder.iterdir())
        except OSError as error:
            raise SpoolError(f"{self.folder}: {error.strerror or error}") from error
        for path in entries:
            name = path.name.removesuffix(ENDING)
            if not (path.name.endswith(ENDING) and is_report_id(name)):
                continue
            with contextlib.suppress(FileNotFoundError):  # another sender was faster
                if path.is_file() and not path.is_symlink():
                    found.append((path.stat().st_mtime_ns, name, path))
        return [(name, path) for _, name, path in sorted(found)]

    def has(self, report_id: str) -> bool:
        """Whether a report waits here, or was set aside. Raises SpoolError."""
        if self.path_of(report_id).is_file():
            return True
        try:
            aside = [path.name for path in (self.folder / REFUSED).iterdir()]
        except OSError:
            return False
        return any(name.startswith(f"{report_id}.") and name.endswith(ENDING) for name in aside)

    def read(self, report_id: str) -> bytes:
        """The gzip body as it is sent. Raises SpoolError."""
        return read_body(self.path_of(report_id))

    def done(self, report_id: str) -> None:
        """It is where it should be: let go of it. Raises OSError."""
        self.path_of(report_id).unlink(missing_ok=True)

    def refuse(self, report_id: str, reason: str) -> Path:
        """Set a report aside with the reason; gives its new path. Raises OSError, SpoolError."""
        folder = self.folder / REFUSED
        if self._private:
            _make_private(folder)
        else:
            folder.mkdir(exist_ok=True)
        path = self.path_of(report_id)
        for number in range(1000):
            aside = folder / f"{report_id}{f'.{number}' if number else ''}{ENDING}"
            if not aside.exists():
                break
        else:
            raise SpoolError(f"{folder}: 1000 reports {report_id} are in the way")
        # The reason first: a report without one would be a riddle, a reason alone does no harm.
        text = shown(reason).encode("utf-8", "backslashreplace") + b"\n"
        write_atomically(aside.with_name(aside.name.removesuffix(ENDING) + _REASON), text)
        path.rename(aside)
        return aside

    @contextlib.contextmanager
    def sending(self) -> Iterator[bool]:
        """Whether no other process sends from here, and none will until the end of the block.

        A folder that cannot be written to (a stick that is read-only) has no lock and needs none:
        its reports cannot leave it, and the collector knows each by its id.
        """
        with FileLock(self.folder / _LOCK) as lock:
            try:
                free = lock.acquire()
            except OSError:
                free = True
            yield free

    def path_of(self, report_id: str) -> Path:
        """Where a report lies that is pending. Raises SpoolError."""
        if not is_report_id(report_id):
            raise SpoolError(f"{report_id!r} is no report id")
        return self.folder / f"{report_id}{ENDING}"

    def _refused_bytes(self) -> int:
        try:
            return sum(_size(path) for path in (self.folder / REFUSED).iterdir())
        except OSError:
            return 0


def packed(data: bytes) -> bytes:
    """A report's JSON as it is kept and sent: always the same bytes for the same report."""
    return gzip.compress(data, 6, mtime=0)


def read_body(path: Path) -> bytes:
    """A whole file within the bound. Raises SpoolError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BODY + 1)
    except OSError as error:
        raise SpoolError(f"{path}: {error.strerror or error}") from error
    if len(data) > MAX_BODY:
        raise SpoolError(f"{path}: larger than {MAX_BODY} bytes")
    return data


def is_report_id(text: str) -> bool:
    """Whether this is a UUID in its usual form, and so no path."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _make_private(folder: Path) -> None:
    if sys.platform == "win32":
        from ..windows.security import make_private_folder

        make_private_folder(str(folder))
    else:
        # One that is there stays as it is: it may be another program's (/var/spool), and each
        # report in it is closed to others by itself.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
