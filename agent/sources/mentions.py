"""Evidence that is searched as bytes and tells no more than that something is mentioned in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..model.observation import Claim, Observation, Place, moments
from .artefact import BLANK, Artefact, Found, Reader, is_blank
from .in_pages import mentions_in

if TYPE_CHECKING:
    from ..coverage import Part
    from ..formats.paged import Bytes, PagedFile
    from ..matching.record_rules import RecordRules
    from ..model.observation import ByteHit
    from ..targets.evidence import EvidenceFile
    from .in_pages import FoundInPages

NOT_ONE = "enciphered, or damaged where it begins; its bytes were searched"
MAX_TOLD = 64
"""Pieces of one file that are told; of more, those that mention something else."""


class Mentions(Artefact):
    """An artefact of which the bytes say it all; ``piece``: where it is too large to be read whole,
    what its pages lie in."""

    markers = ()

    def plain(self, data: bytes) -> bytes:
        """The bytes in which no text is hidden: these. Raises FormatError."""
        return data

    def plain_pages(self, data: PagedFile) -> Bytes:
        """As :meth:`plain`, of a file that is too large to be held: these. Raises FormatError."""
        return data

    def is_one(self, head: bytes) -> bool:  # noqa: ARG002 - any bytes are
        """Whether a file of pieces that begins so is of the form that it should have: what has
        another one may be enciphered."""
        return True

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        return _MentionsReader(file, part, self)


class _MentionsReader(Reader):
    def __init__(self, file: EvidenceFile, part: Part, artefact: Mentions) -> None:
        super().__init__(file, part)
        self._artefact = artefact
        self._told: set[str] = set()
        self._pieces = 0
        self._written = self._is_one = False

    def passes(self, window: bytes, at: int, offset: int) -> None:
        """A file is one, however many pieces it has."""
        size = self._artefact.piece
        self._written = self._written or not size or not is_blank(window[at : at + size])
        if not offset:
            self.part.examined()
            self._is_one = self._artefact.is_one(window[at : at + size])

    def end(self, rules: RecordRules) -> Iterator[Observation]:  # noqa: ARG002 - nothing is left
        """Of a file of pieces, whether it is blank, or another thing than it should be: pieces of
        zeros need not have been shown."""
        if self._artefact.piece and self.file.size and not (self._written and self._is_one):
            why = NOT_ONE if self._written else BLANK
            self.part.unread(f"{self._artefact.kind}: {why}", self.file.path)
        return iter(())

    def plain(self, data: bytes) -> bytes:
        return self._artefact.plain(data)

    def pages(self, data: PagedFile) -> Bytes:
        super().pages(data)
        return self._artefact.plain_pages(data)

    def records(self, found: Found) -> Iterator[Observation]:
        # In the pages of a database values lie side by side.
        hits = found.rules.mentions(found.data, whole_words=not self._artefact.piece)
        yield from self._mentioned(hits, found.offset)

    def records_in_pages(self, found: FoundInPages) -> Iterator[Observation]:
        for hits in mentions_in(found.data, found.rules):
            yield from self._mentioned(hits, 0)

    def _mentioned(self, hits: Sequence[ByteHit], offset: int) -> Iterator[Observation]:
        fresh = [hit for hit in hits if hit.indicator not in self._told]
        self._pieces += bool(hits)
        if not (fresh if self._pieces > MAX_TOLD else hits):
            return
        self._told.update(hit.indicator for hit in fresh)
        at = offset + hits[0].offset
        yield Observation(
            source=self._artefact.name,
            seen=self._artefact.kind,
            claim=Claim.LOGGED,
            place=Place(
                text=f"{self.file.path} (byte {at:,})",
                path=self.file.path,
                record=f"byte {at}",
                view=self.file.view,
                owner=self.file.owner,
            ),
            moments=moments(modified=self.file.modified),
            hits=tuple(hits),
            remarks=("told by its bytes alone; the time is that of the file",),
        )
