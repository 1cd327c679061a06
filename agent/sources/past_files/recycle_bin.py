r"""The recycle bin: what was deleted, when, by whom, and where it was.

Evidence: ``$I…`` in ``$Recycle.Bin\SID`` of each drive, one for each thing that was deleted; its
content lies beside it as ``$R…``, where the files source finds it: both are one finding. Before
Windows Vista one list of all, ``INFO2`` (Windows 95 and NT 4: ``INFO``) in ``RECYCLER\SID`` or, on
FAT, ``RECYCLED``, with the content as ``Dc1.zip``; the list also has what is no longer in the bin.
Since: Windows 95.
Cannot tell: what was deleted past the bin (by a program, by a command, held Shift), nor what was in
a bin that was emptied. Who may write there can change it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...formats import FormatError
from ...formats.recycled import MAX_BYTES, Recycled, read_recycled
from ...formats.recycler import InBin, read_recycler
from ...model.objects import File
from ...model.observation import Claim, Observation, moments
from ...spelling import base_name
from .. import whereabouts
from ..artefact import Artefact, Found, Reader, is_blank
from ..places import owner_of, place_in

if TYPE_CHECKING:
    from ...coverage import Part
    from ...matching.record_rules import RecordRules
    from ...targets.evidence import EvidenceFile


class RecycleBin(Artefact):
    """One observation for each thing that was deleted."""

    name = "recycle_bin"
    kind = "recycle bin's record"
    where = whereabouts.RECYCLE_BIN
    max_bytes = 64 << 20
    markers = ()

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        if base_name(file.path).startswith("$"):
            return _RecycledReader(file, part)
        return _RecyclerReader(file, part)


@dataclass
class _RecycledReader(Reader):
    """One record. It is told whatever occurs in its bytes: what is looked for may be another
    spelling of the name in it (``ds7002 (1).zip``)."""

    _data: bytes = field(default=b"", init=False)
    _refused: bool = field(default=False, init=False)
    """Whether it was a gap when something occurred in it."""

    def passes(self, window: bytes, at: int, offset: int) -> None:  # noqa: ARG002 - the whole file
        self._data = window
        self.part.examined()

    def plain(self, data: bytes) -> bytes:
        """As much of it as a record can have."""
        if len(data) > MAX_BYTES and not is_blank(data):
            most = f"read up to {MAX_BYTES >> 10} KiB only"
            self.part.unread(f"{RecycleBin.kind}: {most}", self.file.path)
        return data[:MAX_BYTES]

    def records(self, found: Found) -> Iterator[Observation]:
        """Nothing but whether it can be read: it is told at the end."""
        self._refused = True
        read_recycled(found.data)
        self._refused = False
        return iter(())

    def end(self, rules: RecordRules) -> Iterator[Observation]:
        try:
            recycled = read_recycled(self._data)
        except FormatError as error:
            if not (self._refused or is_blank(self._data)):  # they are gaps already
                self.part.unread(f"{RecycleBin.kind}: {error.what}", self.file.path)
            return
        if recycled.deleted is not None:
            self.part.reaches(recycled.deleted)
        yield self._observation(recycled, rules)

    def _observation(self, recycled: Recycled, rules: RecordRules) -> Observation:
        file = self.file
        content = _content_of(file.path)
        return Observation(
            source=RecycleBin.name,
            seen="deleted file",
            claim=Claim.WAS_THERE,
            place=place_in(file, text=f"{recycled.path} in {file.path}"),
            moments=moments(deleted=recycled.deleted),
            file=File(
                path=recycled.path,
                name=base_name(recycled.path),
                size=recycled.size,
                recycled=content,
            ),
            user=owner_of(file),
            hits=tuple(rules.mentions(self._data)) if rules.occurs(self._data) else (),
            remarks=(f"deleted from {recycled.path}; what is left of it is {content}",),
        )


@dataclass
class _RecyclerReader(Reader):
    """One list; each entry is told as a record of its own is."""

    _data: bytes = field(default=b"", init=False)
    _refused: bool = field(default=False, init=False)
    """Whether it was a gap when something occurred in it."""

    def passes(self, window: bytes, at: int, offset: int) -> None:  # noqa: ARG002 - the whole file
        self._data = window
        self.part.examined()

    def records(self, found: Found) -> Iterator[Observation]:
        """Nothing but whether all of it can be read: it is told at the end."""
        self._refused = True
        deque(read_recycler(found.data), maxlen=0)
        self._refused = False
        return iter(())

    def end(self, rules: RecordRules) -> Iterator[Observation]:
        try:
            for entry in read_recycler(self._data):
                if entry.deleted is not None:
                    self.part.reaches(entry.deleted)
                yield self._observation(entry, rules)
        except FormatError as error:
            if not (self._refused or is_blank(self._data)):  # they are gaps already
                self.part.unread(f"{RecycleBin.kind}: {error.what}", self.file.path)

    def _observation(self, entry: InBin, rules: RecordRules) -> Observation:
        file = self.file
        folder, raw = file.path.rpartition("\\")[0], entry.raw
        content = "" if entry.is_gone else f"{folder}\\{entry.content}"
        left = f"what is left of it is {content}" if content else "it is no longer in the bin"
        return Observation(
            source=RecycleBin.name,
            seen="deleted file",
            claim=Claim.WAS_THERE,
            place=place_in(file, f"byte {entry.offset}", f"{entry.path} in {file.path}"),
            moments=moments(deleted=entry.deleted),
            file=File(path=entry.path, name=base_name(entry.path), recycled=content),
            user=owner_of(file),
            hits=tuple(rules.mentions(raw)) if rules.occurs(raw) else (),
            remarks=(f"deleted from {entry.path}; {left}",),
        )


def _content_of(path: str) -> str:
    """Where the content lies that belongs to a record."""
    folder, _, name = path.rpartition("\\")
    return f"{folder}\\$R{name[2:]}"
