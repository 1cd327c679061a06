"""Where a folder lay whose record was used again: the change journal told it when it was made.

Explorer's own folder for an archive is gone within the hour, and its record is the next file's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from ...ntfs import NtfsError, Reference, Unread, UsnRecord, UsnScan, Volume, Wanted
from ...ntfs.paths import UNKNOWN

MAX_FOLDERS = 32
"""That are looked for in the journal."""
MAX_DEPTH = 8
"""Folders in one another of which no record is left; the journal is read for each once more."""
TOLD_BY_THE_JOURNAL = "its folder is gone; where that lay, the change journal tells"
_FOLDER = 0x10
""": [MS-FSCC] 2.6, FILE_ATTRIBUTE_DIRECTORY."""


class LostFolders:
    """Of one volume."""

    def __init__(self, volume: Volume, told: Iterable[UsnRecord]) -> None:
        """``told``: records that are known already."""
        self._volume = volume
        self._records = {one.file: one for one in told if one.attributes & _FOLDER}

    def look_for(self, folders: Iterable[Reference], progress: Callable[[], None]) -> None:
        """Read the journal for those of which nothing is known, and for what they lay in. What
        cannot be read is no gap of its own: the journal was read for the names before."""
        lost = {one for one in folders if not self._lies(one)}
        for _ in range(MAX_DEPTH):
            lost = {one for one in map(self._first_unknown, lost) if one is not None}
            if not lost:
                return
            found: dict[Reference, UsnRecord] = {}
            with suppress(NtfsError):
                journal = self._volume.change_journal()
                scan = UsnScan(journal, Wanted(list), Unread(), progress)
                found = scan.of_files(sorted(lost)[:MAX_FOLDERS])
            if not found:
                return
            self._records.update(found)
            lost = set(found)

    def path(self, folder: Reference) -> str:
        """Within the volume; from the first folder on that is known, behind a ``?``; empty if there
        is none."""
        names: list[str] = []
        passed: set[Reference] = set()
        while len(names) <= MAX_DEPTH and folder not in passed:
            if names and self._lies(folder):
                return "\\".join([self._volume.path_in(folder, "").text.rstrip("\\"), *names])
            record = self._records.get(folder)
            if record is None:
                return "\\".join([UNKNOWN, *names]) if names else ""
            names.insert(0, record.name)
            passed.add(folder)
            folder = record.parent
        return ""

    def _lies(self, folder: Reference) -> bool:
        return self._volume.path_in(folder, "").known

    def _first_unknown(self, folder: Reference) -> Reference | None:
        """On the way up; None if there is none."""
        for _ in range(MAX_DEPTH):
            record = self._records.get(folder)
            if record is None:
                return None if self._lies(folder) else folder
            folder = record.parent
        return None
