"""Evidence that is searched as bytes and tells no more than that something is mentioned in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..model.observation import Claim, Observation, moments
from .artefact import Artefact, Found, Reader
from .in_pages import mentions_in
from .places import byte_in

if TYPE_CHECKING:
    from ..coverage import Part
    from ..formats.paged import Bytes, PagedFile
    from ..model.observation import ByteHit
    from ..targets.evidence import EvidenceFile
    from .in_pages import FoundInPages

MAX_TOLD = 64
"""Pieces of one file that are told; of more, those that mention something else."""


class Mentions(Artefact):
    """An artefact of which the bytes say it all."""

    markers = ()

    def plain(self, data: bytes) -> bytes:
        """The bytes in which no text is hidden: these. Raises FormatError."""
        return data

    def plain_pages(self, data: PagedFile) -> Bytes:
        """As :meth:`plain`, of a file that is too large to be held: these. Raises FormatError."""
        return data

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        return _MentionsReader(file, part, self)


class _MentionsReader(Reader):
    def __init__(self, file: EvidenceFile, part: Part, artefact: Mentions) -> None:
        super().__init__(file, part)
        self._artefact = artefact
        self._told: set[str] = set()
        self._pieces = 0

    def plain(self, data: bytes) -> bytes:
        return self._artefact.plain(data)

    def pages(self, data: PagedFile) -> Bytes:
        super().pages(data)
        return self._artefact.plain_pages(data)

    def records(self, found: Found) -> Iterator[Observation]:
        yield from self._mentioned(found.rules.mentions(found.data))

    def records_in_pages(self, found: FoundInPages) -> Iterator[Observation]:
        for hits in mentions_in(found.data, found.rules):
            yield from self._mentioned(hits)

    def _mentioned(self, hits: Sequence[ByteHit]) -> Iterator[Observation]:
        fresh = [hit for hit in hits if hit.indicator not in self._told]
        self._pieces += bool(hits)
        if not (fresh if self._pieces > MAX_TOLD else hits):
            return
        self._told.update(hit.indicator for hit in fresh)
        yield Observation(
            source=self._artefact.name,
            seen=self._artefact.kind,
            claim=Claim.LOGGED,
            place=byte_in(self.file, hits[0].offset),
            moments=moments(modified=self.file.modified),
            hits=tuple(hits),
            remarks=("told by its bytes alone; the time is that of the file",),
        )
