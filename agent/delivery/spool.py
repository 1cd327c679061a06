"""Reports that no collector has acknowledged yet, one gzip file each."""

from __future__ import annotations

import errno
import gzip
import os
import sys
import uuid
from pathlib import Path

from ..output.atomic import write_atomically

MAX_BYTES = 512 << 20
_ENDING = ".json.gz"


class SpoolError(Exception):
    """A report cannot be kept; the message says where and why."""


class Spool:
    """A folder that only administrators and its owner can read."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        """Makes the folder. Raises SpoolError."""
        self.folder = folder
        self._max_bytes = max_bytes
        try:
            _make_private(folder)
        except OSError as error:
            raise SpoolError(f"{folder}: {error.strerror or error}") from error

    def put(self, report_id: str, data: bytes) -> Path:
        """Keep the report's JSON. Raises SpoolError: full spool, full disk, read-only."""
        path = self._path(report_id)
        body = gzip.compress(data, 6, mtime=0)
        used = sum(kept.stat().st_size for _, kept in self.pending())
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
            name = path.name.removesuffix(_ENDING)
            if path.name.endswith(_ENDING) and _is_id(name) and path.is_file():
                found.append((path.stat().st_mtime_ns, name, path))
        return [(name, path) for _, name, path in sorted(found)]

    def read(self, report_id: str) -> bytes:
        """The gzip body as it is sent. Raises SpoolError."""
        path = self._path(report_id)
        try:
            return path.read_bytes()
        except OSError as error:
            raise SpoolError(f"{path}: {error.strerror or error}") from error

    def done(self, report_id: str) -> None:
        """The collector has it: let go of it."""
        self._path(report_id).unlink(missing_ok=True)

    def _path(self, report_id: str) -> Path:
        if not _is_id(report_id):
            raise SpoolError(f"{report_id!r} is no report id")
        return self.folder / f"{report_id}{_ENDING}"


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _make_private(folder: Path) -> None:
    if sys.platform == "win32":
        from ..windows.security import make_private_folder

        make_private_folder(str(folder))
    else:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(folder, 0o700)
