"""Files of an NTFS volume by a copy of its $MFT, as collections have one: all names that were
there, those of deleted files too, with sizes, times and what their records keep of their contents.

A wanted name is a finding, whether the collection holds the file or not. A file of a wanted size
that it does not hold is a gap: nobody looked at its content.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...coverage import Ledger
from ...model.observation import Observation
from ...ntfs import CopiedVolume, Unread
from ...reading.opening import reason_of
from ...reading.openings import Selection
from ...spelling import fold
from ...targets import Target
from ...targets.evidence import EvidenceFile
from ...targets.path_patterns import MAX_STEPS
from ..copied_volumes import MFT, copies, volume_of
from .by_records import NtfsFiles
from .file_inspection import FileLook
from .item import SOURCE

OF_A_VIEW = "$MFT of a shadow copy, copied without its volume: not read"
NOT_HELD = "file of a wanted size that was not copied with its $MFT"
MAX_LACKING = 10_000
"""Files that are looked for in the collection."""
_NO_NAME = frozenset("*?:")
"""What would mean more than one file, or a stream of one."""


def by_copied_records(
    target: Target, look: FileLook, selection: Selection
) -> Iterator[Observation]:
    """All that hits in the copies of the target's $MFTs."""
    # What cannot be listed is told by the walk.
    for file in copies(target, MFT, Ledger(SOURCE, required=False)):
        look.progress(file.path)
        if file.view:
            look.ledger.unread(OF_A_VIEW, file.path)
        else:
            yield from _Copy(target, look, selection, file).observe()


class _Copy:
    """One."""

    def __init__(
        self, target: Target, look: FileLook, selection: Selection, file: EvidenceFile
    ) -> None:
        self._target = target
        self._look = look
        self._selection = selection
        self._file = file

    def observe(self) -> Iterator[Observation]:
        account, ledger, place = Unread(), self._look.ledger, self._file.path
        lacking: list[str] = []
        try:
            with self._file.open() as mft, self._look.reading():
                volume = CopiedVolume(mft, account=account)
                files = NtfsFiles(
                    self._look, volume, volume_of(self._file), self._selection, lacking=lacking
                )
                yield from files.observe()
                yield from self._look.drain()
        except OSError as error:
            account.unread(f"$MFT: {reason_of(error).removeprefix('$MFT: ')}", place)
        for reason, count in account.gaps.items():
            ledger.unread(reason, account.samples[reason] or place, count)
        for reason, count in account.notes.items():
            ledger.note(reason, account.samples[reason] or place, count)
        ledger.note("a copy of its $MFT was read", place)
        self._tell(lacking)

    def _tell(self, lacking: list[str]) -> None:
        """Those that the collection does not hold."""
        drive = volume_of(self._file).prefix
        top = drive if len(drive) == len("C:") else "%Volume%"
        patterns = [
            f"{top}{within}"
            for path in lacking[:MAX_LACKING]
            if (within := path[len(drive) :]).startswith("\\")
            and within.count("\\") <= MAX_STEPS
            and not _NO_NAME.intersection(within)
        ]
        # What cannot be listed is told by the walk.
        there = self._target.evidence(patterns, Ledger(SOURCE, required=False))
        held = {fold(file.path) for file in there}
        for path in lacking:
            if fold(path) not in held:
                self._look.ledger.unread(NOT_HELD, path)
