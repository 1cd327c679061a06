"""Opening a mounted volume's files by their paths, and those that are refused by their records.

What is read by its record is what the disk holds, so it is taken only for a file whose record is
the one that the path leads to, has this name and this size: otherwise the refusal stands.
"""

from __future__ import annotations

import ntpath
import os
import stat
import threading
from dataclasses import dataclass, field
from typing import BinaryIO

from ..ntfs import ByteSource, NtfsError, Reference, Volume
from ..reading import Opener, is_gone, status_of
from ..targets import RawNtfs
from ..windows import files as windows_files

BY_RECORD = "refused by its path, read by its record: what was written last may be missing"


@dataclass
class PathOrRecord:
    """An opener. May be called from any thread; closed, it opens by paths alone."""

    by_path: Opener
    raw: RawNtfs | None
    """None: the volume is not read by its records."""
    refused: int = 0
    """How many files were read by their records."""
    first: str = ""
    """The path of one of them."""
    _source: ByteSource | None = None
    _volume: Volume | None = None
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, path: str) -> BinaryIO:
        """Raises OSError, of the attempt by the path."""
        try:
            return self.by_path(path)
        except windows_files.CloudPlaceholder:
            raise
        except OSError as error:
            if self.raw is None or is_gone(error):
                raise
            try:
                with self._lock:
                    return self._by_record(path)
            except OSError:
                raise error from None

    def close(self) -> None:
        """Of the raw volume; files opened by their records cannot be read on."""
        with self._lock:
            self._closed = True
            if self._source is not None:
                self._source.close()
            self._source = self._volume = None

    def _by_record(self, path: str) -> BinaryIO:
        volume = self._opened()
        status = status_of(path)
        # 128 bits since Python 3.12, of which NTFS uses 64.
        reference = Reference.of(status.st_ino & 0xFFFF_FFFF_FFFF_FFFF)
        entry = volume.entry(reference.number)
        if not (
            entry.live
            and stat.S_ISREG(status.st_mode)
            and not entry.reparse_tag
            and not windows_files.is_cloud_placeholder(entry.attributes)
            and reference.sequence in (0, entry.reference.sequence)
            and entry.size == status.st_size
            and _base(path) in [name.text for name in entry.names]
        ):
            raise NtfsError("its record is not on the disk yet", path)
        file = volume.open_stream(entry)
        self.first = self.first or windows_files.shown(path)
        self.refused += 1
        return file

    def _opened(self) -> Volume:
        if self._volume is None:
            if self.raw is None or self._closed:
                raise NtfsError("closed")
            self._source = self.raw.open()
            self._volume = Volume(self._source)
        return self._volume


def _base(path: str) -> str:
    return ntpath.basename(path) if os.name == "nt" else os.path.basename(path)
