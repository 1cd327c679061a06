"""Opening a mounted volume's files by their paths, and those that are refused by their records.

What is read by its record is what the disk holds, so it is taken only for a file whose record is
the one that the path leads to, has this name and this size: otherwise the refusal stands.

The other way about, a path that was made from records may lead to another file: names that differ
in case alone, ``..`` as a name, a folder that was renamed since.
"""

from __future__ import annotations

import ntpath
import os
import stat
import threading
from typing import BinaryIO

from msgspec import Struct, field

from ..ntfs import NtfsError, Reference, Volume, list_folder
from ..ntfs.reference import ROOT
from ..reading.opening import Opener, is_gone, status_of
from ..windows import files as windows_files
from . import RawNtfs
from .shared_volume import SharedVolume
from .tree import How

ELSEWHERE = "its path leads to another file"
BY_RECORD = "refused by its path, read by its record: what was written last may be missing"
NOT_YET = "its record is not on the disk yet"
_NUMBER = 0xFFFF_FFFF_FFFF_FFFF
"""What NTFS uses of a file's number, which has 128 bits since Python 3.12."""


class VerifiedByRecord(Struct, frozen=True):
    """Opens files by the paths that their records tell: none but the one that is meant."""

    by_path: Opener
    told: bool
    """Whether the system numbers files by their records."""

    @classmethod
    def of(cls, by_path: Opener, root: str) -> VerifiedByRecord:
        """``root``: of the volume, whose own record is known."""
        try:
            number = os.stat(root).st_ino & _NUMBER
        except OSError:
            return cls(by_path, told=False)
        return cls(by_path, Reference.of(number).number == ROOT)

    def __call__(self, path: str, reference: Reference) -> BinaryIO:
        """Raises OSError, if the path leads to another file too."""
        file = self.by_path(path)
        try:
            if self.told and not _is(reference, os.fstat(file.fileno())):
                raise NtfsError(ELSEWHERE, path)
        except OSError:
            file.close()
            raise
        return file


def _is(reference: Reference, status: os.stat_result) -> bool:
    """Whether the system speaks of the file with this record; not all drivers tell sequences."""
    own = Reference.of(status.st_ino & _NUMBER)
    return own.number == reference.number and own.sequence in (0, reference.sequence)


class RawFallbackOpener(Struct):
    """An opener. May be called from any thread; closed, it opens by paths alone."""

    by_path: Opener
    raw: RawNtfs | None
    """None: the volume is not read by its records."""
    refused: int = 0
    """How many files were read by their records."""
    first: str = ""
    """The path of one of them."""
    volume: SharedVolume | None = None
    """The same volume, if it is opened elsewhere too."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.raw is not None and self.volume is None:
            self.volume = SharedVolume(self.raw.open)

    def __call__(self, path: str) -> BinaryIO:
        """Raises OSError, of the attempt by the path."""
        return self.open(path)[0]

    def open(self, path: str, by_path: Opener | None = None) -> tuple[BinaryIO, How]:
        """The file, and how it is read; ``by_path``: in place of the usual one. Raises OSError, of
        the attempt by the path."""
        try:
            return (by_path or self.by_path)(path), "by path"
        except windows_files.CloudPlaceholder:
            raise
        except OSError as error:
            if self.volume is None or is_gone(error):
                raise
            try:
                status = status_of(path)
                file = self.volume.open(lambda volume: _by_record(volume, path, status))
            except OSError:
                raise error from None
        with self._lock:
            self.first = self.first or windows_files.shown(path)
            self.refused += 1
        return file, "by record"

    def close(self) -> None:
        """Of the raw volume; files opened by their records cannot be read on."""
        if self.volume is not None:
            self.volume.close()


def _by_record(volume: Volume, path: str, status: os.stat_result) -> BinaryIO:
    told = status.st_ino & _NUMBER
    entry = volume.entry(Reference.of(told).number if told else _listed(volume, path).number)
    if not (
        entry.live
        and stat.S_ISREG(status.st_mode)
        and not entry.reparse_tag
        and not windows_files.is_cloud_placeholder(entry.attributes)
        and (not told or _is(entry.reference, status))
        and entry.size == status.st_size
        and _base(path) in [name.text for name in entry.names]
    ):
        raise NtfsError(NOT_YET, path)
    return volume.open_stream(entry)


def _listed(volume: Volume, path: str) -> Reference:
    r"""As the folders of the volume list it: of a paging file the system tells no number.

    Raises NtfsError, also for a volume that is mounted in a folder of another one.
    """
    reference = Reference(ROOT, 0)
    for name in ntpath.splitdrive(windows_files.shown(path))[1].strip("\\").split("\\"):
        found = list(list_folder(volume, reference.number, name.__eq__, []))
        if len(found) != 1:
            raise NtfsError(NOT_YET, path)
        reference = found[0].reference
    entry = volume.entry(reference.number)
    if entry.reference.sequence != reference.sequence:
        raise NtfsError(NOT_YET, path)
    return reference


def _base(path: str) -> str:
    return ntpath.basename(path) if os.name == "nt" else os.path.basename(path)
