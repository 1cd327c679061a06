"""The names of one volume by its $MFT and by a walk, compared (``--verify-walk``).

A name that one view alone shows is a note, not a proof: what a driver hides, what the walk was
denied, a damaged index, or a change between the two looks. Memory: about 100 bytes for each name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

from msgspec import Struct, field

from ...coverage import Ledger
from ...ntfs import Hit, MftEntry, MftScan, Volume, Wanted
from ...ntfs.reference import ROOT
from ...ntfs.singled_out import is_system
from ...reading.opening import reason_of
from ...reading.walk import Folder
from ...spelling import fold
from ...targets import RawNtfs, Root
from ...windows import files as windows_files

ONLY_RECORDS = "name in the $MFT, not in the walk"
ONLY_WALK = "name in the walk, not in the $MFT"
_SAMPLES = 5
_STEP = 1024
"""Records between two words about the progress."""


class CrossView(Struct):
    """One volume, first by its records, then by a walk."""

    root: Root
    raw: RawNtfs
    ledger: Ledger
    progress: Callable[[str], None]
    """Is told where the listing stands, and may raise to end it."""
    _records: dict[int, int] = field(default_factory=dict)
    """By the hash of a folded path, the record that it is of; walked ones are taken out."""
    _failed: bool = False

    def list_records(self) -> None:
        """All live names of the $MFT."""
        try:
            with closing(self.raw.open()) as source:
                volume = Volume(source)
                scan = MftScan(volume, Wanted(list, pieces=("",)))
                for count, hit in enumerate(scan.hits()):
                    if count % _STEP == 0:
                        self.progress(self.root.path)
                    if isinstance(hit, Hit) and hit.entry.live:
                        for path in _paths(volume, hit.entry):
                            self._records[_key(path)] = hit.number
        except OSError as error:
            self._failed = True
            self.ledger.unread(f"views not compared: {reason_of(error)}", self.root.path)

    def walked(self, folder: Folder) -> None:
        """What the walk lists in one folder."""
        if self._failed:
            return
        inside = windows_files.shown(folder.path)[len(self.root.path.rstrip("\\/")) :]
        start = inside.replace("/", "\\").rstrip("\\")
        for name in folder.names:
            path = f"{start}\\{name}"
            if self._records.pop(_key(path), None) is None:
                self.ledger.note(ONLY_WALK, f"{self.raw.prefix}{path}")

    def tell(self) -> None:
        """Note what only the records show."""
        if self._failed:
            return
        self.ledger.note("$MFT and walk compared", self.root.path)
        for number, count in self._left():
            self.ledger.note(ONLY_RECORDS, self._sample(number), count)

    def _left(self) -> Iterator[tuple[int, int]]:
        """Records, each with how many names it is told for: a few alone, the rest with the last."""
        left = list(self._records.values())
        for at, number in enumerate(left[:_SAMPLES], start=1):
            yield number, 1 if at < _SAMPLES else len(left) - _SAMPLES + 1

    def _sample(self, number: int) -> str:
        try:
            with closing(self.raw.open()) as source:
                volume = Volume(source)
                paths = [
                    p for p in _paths(volume, volume.entry(number)) if _key(p) in self._records
                ]
        except OSError:
            paths = []
        return f"{self.raw.prefix}{paths[0]}" if paths else f"record {number}"


def _paths(volume: Volume, entry: MftEntry) -> list[str]:
    """Those that a walk lists."""
    if entry.number == ROOT or is_system(entry):
        return []
    return [path.text for path in volume.paths(entry)]


def _key(path: str) -> int:
    return hash(fold(path))
