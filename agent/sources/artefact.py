"""A kind of evidence that lies in files, and what a record of them means.

An :class:`Artefact` says where its files lie, and its :class:`Reader` what is in one of them; the
driver (``artefact_source.py``, ``artefact_sweep.py``) does the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ..formats.paged import PagedFile, is_zeros
from ..matching.hidden_commands import HIDES_TEXT, HIDES_TEXT_IN_UTF_8
from ..model.observation import Observation
from .in_pages import FoundInPages, occurs_in

if TYPE_CHECKING:
    from ..coverage import Part
    from ..engine.patterns import BytePattern
    from ..formats.paged import Bytes
    from ..matching.record_rules import RecordRules
    from ..model.observation import ByteHit
    from ..targets import Target
    from ..targets.evidence import EvidenceFile

BLANK = "blank, nothing of it is there"
CUT = "cut short"
_LOOK = 4096


def is_blank(data: Bytes) -> bool:
    """Whether there is nothing but zeros, as a copy of a locked file or a crash leaves it; an empty
    file is none."""
    if data[:1] != b"\0":
        return False
    return not data[:_LOOK].strip(b"\0") and is_zeros(data)


class Found(NamedTuple):
    """Bytes in which something occurs."""

    data: bytes
    """A piece, or the whole file in the clear (:meth:`Reader.plain`)."""
    offset: int
    """Of the data, in its file."""
    rules: RecordRules
    """To tell which of its records hold what."""


@dataclass
class Reader:
    """One file of an artefact, while it is looked at."""

    file: EvidenceFile
    part: Part
    """Its account."""

    @property
    def size(self) -> int:
        """In bytes, with what lies beside it."""
        return self.file.size

    def plain(self, data: bytes) -> bytes:
        """The bytes to scan of a file that is read whole: in the clear, and with what lies beside
        it. Raises FormatError, after which its bytes are scanned as they are."""
        return data

    def passes(self, window: bytes, at: int, offset: int) -> None:  # noqa: ARG002 - counts alone
        """Is shown every piece of the file, in order, whether anything occurs in it or not: for the
        reach, and for what is missing. The piece begins in the window ``at`` this place, in the
        file at this ``offset``; the header is shown first. Pieces at a window's end that were never
        written (zeros) are left out.

        Does as little as it can. Of a file of pieces it is called by any thread, one at a time:
        what it learns is told to the part's account in :meth:`end`."""
        self.part.examined()

    def hidden(self, piece: bytes, offset: int) -> bytes:  # noqa: ARG002 - none does
        """What a piece hides (compressed, cut in parts) in the clear, to be scanned beside it; is
        asked where the artefact ``hides``, by any thread, by several at once."""
        return b""

    def records(self, found: Found) -> Iterator[Observation]:
        """What the records say in which something occurs. Raises FormatError, after which the
        bytes are mentioned raw."""
        raise NotImplementedError

    def pages(self, data: PagedFile) -> Bytes:
        """As :meth:`plain` and :meth:`passes`, of a file that is too large to be held. Raises
        FormatError."""
        self.part.examined()
        return data

    def closer(self, found: FoundInPages) -> FoundInPages | None:
        """What of such a file is worth a closer look; None: nothing occurs. Raises ScanFailed."""
        return found if occurs_in(found.data, found.rules) else None

    def records_in_pages(self, found: FoundInPages) -> Iterator[Observation]:
        """As :meth:`records`, of such a file. Raises FormatError."""
        raise NotImplementedError

    def end(self, rules: RecordRules) -> Iterator[Observation]:  # noqa: ARG002 - nothing is left
        """What is known when the whole file was seen. Raises ScanFailed."""
        return iter(())


class Artefact:
    """A kind of evidence that lies in files."""

    name: str
    """Of the source."""
    kind: str
    """Of one file, in a few words: ``event log``."""
    where: Sequence[str] = ()
    """Where its files lie, in the host's language (``targets/path_patterns.py``)."""
    max_bytes: int = 64 << 20
    """Of a file that is read whole; what is beyond is a gap. 0: it is read in pieces."""
    by_pages: bool = False
    """Whether its reader takes a file that is too large to be held (``in_pages.py``)."""
    never_held: bool = False
    """Whether it takes every file so."""
    header: int = 0
    piece: int = 0
    """Bytes before the first piece, and of each piece; 0: the file is one."""
    hides: bool = False
    """Whether its pieces hide text (:meth:`Reader.hidden`)."""
    markers: Sequence[BytePattern] = (*HIDES_TEXT, *HIDES_TEXT_IN_UTF_8)
    """What makes a record worth parsing though no indicator occurs in it: it hides text."""
    turned: bool = False
    """Whether names may stand in it in ROT13 (``RecordRules.turned``)."""

    def patterns(self, target: Target) -> Sequence[str]:  # noqa: ARG002 - the same everywhere
        """``where``, unless that depends on the target."""
        return self.where

    def required(self, target: Target) -> bool:
        """As of a source: wherever there is a Windows to ask."""
        return target.platform == "windows"

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        """For one file; ``part``: its account."""
        raise NotImplementedError


class WholeFile(Artefact):
    """What most artefacts are: files that are read whole, and say it all by themselves."""

    def plain(self, data: bytes) -> bytes:
        """The bytes in which no text is hidden: these. Raises FormatError."""
        return data

    def reach(self, data: bytes) -> datetime | None:  # noqa: ARG002 - most do not tell
        """The time up to which a file tells what was; ``data``: in the clear, or as it was read."""
        return None

    def records(
        self, file: EvidenceFile, data: bytes, hits: Sequence[ByteHit]
    ) -> Iterator[Observation]:
        """What the file says, in which these indicators are mentioned. Raises FormatError."""
        raise NotImplementedError

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        """Asks :meth:`records`, and nothing of a file in which nothing occurs."""
        return _WholeReader(file, part, self)


@dataclass
class _WholeReader(Reader):
    artefact: WholeFile

    def plain(self, data: bytes) -> bytes:
        return self.artefact.plain(data)

    def passes(self, window: bytes, at: int, offset: int) -> None:
        super().passes(window, at, offset)
        if (when := self.artefact.reach(window)) is not None:
            self.part.reaches(when)

    def records(self, found: Found) -> Iterator[Observation]:
        hits = found.rules.mentions(found.data)
        yield from self.artefact.records(self.file, found.data, hits)
