"""A folder, mostly on a file server, that takes reports when the collector does not.

Written under another name, flushed and renamed, so that whoever collects from it never reads half a
report. The account needs no more than to create files there and rename its own.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from ..output.atomic import rename_to_new, sync_folder, write_all
from .bounded import TooLong, within
from .spool import ENDING, SpoolError, is_report_id, read_body

DEADLINE_S = 60.0
"""A file server that is gone can hold a caller for minutes."""


class ShareError(Exception):
    """A report could not be put there; the message says why."""


class Share:
    """The folder, which must exist."""

    def __init__(self, folder: Path, *, deadline: float = DEADLINE_S) -> None:
        self.folder = folder
        self.lost = False
        """It did not answer in time; nothing more is tried."""
        self._deadline = deadline

    def put(self, report_id: str, body: bytes) -> None:
        """Raises ShareError. One that is there already, byte for byte, is taken as written."""
        if not is_report_id(report_id):
            raise ShareError(f"{report_id!r} is no report id")
        if self.lost:
            raise ShareError(f"{self.folder}: does not answer")
        try:
            within(self._deadline, lambda: _put(self.folder / f"{report_id}{ENDING}", body))
        except TooLong as error:
            self.lost = True
            raise ShareError(f"{self.folder}: no answer within {self._deadline:g} s") from error
        except OSError as error:
            raise ShareError(f"{self.folder}: {error.strerror or error}") from error


def _put(path: Path, body: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, _NEW, 0o600)
    try:
        try:
            write_all(descriptor, body)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            rename_to_new(temporary, path)
        except FileExistsError:
            if not _is_same(path, body):
                raise ShareError(f"{path}: another report is there under this id") from None
            temporary.unlink()
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


_NEW = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
)


def _is_same(path: Path, body: bytes) -> bool:
    try:
        return read_body(path) == body
    except SpoolError:
        return False
