r"""Explorer's caches of pictures and icons: which files it has shown.

Evidence: of each user ``AppData\Local\Microsoft\Windows\Explorer\thumbcache_*.db`` and
``iconcache_*.db``, ``…\Windows\Caches\*.db``, ``AppData\Local\IconCache.db`` (programs and links
whose icons were shown, removable drives too); ``Thumbs.db`` in folders of pictures, with names and
times. They outlive the files. Since: Windows 95; by user since Vista, where most entries are known
by a number alone.
Cannot tell: when a file was shown, nor, of an entry with a number, which file it is. ``Thumbs.db``
further down than two folders below a user's own is not looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...formats import FormatError
from ...formats.compound import MAGIC, read_streams
from ...formats.thumbnails import Text, identifier_at, read_thumbs_db, text_at, version_of
from ...model.objects import File
from ...model.observation import ByteHit, Claim, Observation, moments
from ...spelling import base_name
from .. import whereabouts
from ..artefact import BLANK, CUT, Artefact, Found, Reader, is_blank
from ..places import byte_in, owner_of, place_in
from ..registry.every_hit import copies_in, doubtful_in, hits_in
from ..remembered import Memories, Remembered

if TYPE_CHECKING:
    from ...coverage import Part
    from ...matching.record_rules import RecordRules
    from ...targets.evidence import EvidenceFile

PIECE = 64 << 10
SEAM = 1 << 10
"""Bytes on both sides of where two pieces meet, in which a text across it stands."""
MAX_SEAMS = 16 << 20
"""Bytes of them; of what is beyond, texts that lie in two pieces are a gap."""
MAX_LOOKED = 20_000
"""Places of one file around which a text is looked for; of more, a mention of each indicator."""
MAX_TOLD = 1_024
"""Names of one file; of more, those in which another indicator is mentioned."""
_SHOWN = "Explorer has shown it, or a link to it; when, is not kept"
_ICON = re.compile(r",\s*-?\d+$")
"""Which of a file's icons."""


class ThumbnailCaches(Artefact):
    """One observation for each name in which something occurs."""

    name = "thumbnails"
    kind = "cache of pictures or icons"
    where = whereabouts.THUMBNAILS
    max_bytes = 0
    piece = PIECE
    markers = ()

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        return _CacheReader(file, part)


@dataclass
class _CacheReader(Reader):
    """One cache."""

    _version: int = field(default=0, init=False)
    _written: bool = field(default=False, init=False)
    """Whether it has anything but zeros."""
    _seams: list[tuple[int, bytes]] = field(default_factory=list, init=False)
    """Where two pieces meet, and the bytes around it."""
    _tail: bytes = field(default=b"", init=False)
    _told: set[str] = field(default_factory=set, init=False)
    _looked: int = field(default=0, init=False)
    """Places around which a text was looked for."""
    _at_ends: list[Text] = field(default_factory=list, init=False)
    """Texts that reach the end of their piece: perhaps parts of what lies in two."""
    _known: set[str] = field(default_factory=set, init=False)
    """Indicators that were told."""

    def passes(self, window: bytes, at: int, offset: int) -> None:
        """A file is one, however many pieces it has."""
        if not offset:
            self.part.examined()
            self._version = version_of(window[:8])
        self._written = self._written or not is_blank(window[at : at + PIECE])
        if self._tail:
            if SEAM * 2 * len(self._seams) < MAX_SEAMS:
                self._seams.append((offset, self._tail + window[at : at + SEAM]))
            else:
                self.part.unread("ends of pieces that were not joined", self.file.path)
        end = min(at + PIECE, len(window))
        self._tail = window[max(at, end - SEAM) : end]

    def records(self, found: Found) -> Iterator[Observation]:
        if self._looked > MAX_LOOKED:
            yield from self._rest(found.rules.mentions(found.data), found.offset)
            return
        hits = hits_in(found, self.part)
        rest: list[ByteHit] = []
        unsure = doubtful_in(found, self.part, hits) + copies_in(found, self.part)
        for hit in (*hits, *unsure):
            self._looked += 1
            text = None
            if self._looked <= MAX_LOOKED:
                text = self._text(found.data, hit.offset, found.rules)
            elif self._looked == MAX_LOOKED + 1:
                many = f"more than {MAX_LOOKED:,} places of names"
                self.part.unread(f"{ThumbnailCaches.kind}: {many}", self.file.path)
            if text is None:
                rest.append(hit)
            elif text.begin < 2 or text.end > len(found.data) - 2:
                self._at_ends.append(text)
            else:
                yield from self._named(text, found.rules)
        known = set(hits)
        yield from self._rest([hit for hit in rest if hit in known], found.offset)

    def _rest(self, hits: list[ByteHit], offset: int) -> Iterator[Observation]:
        """What is in no text, each indicator once."""
        fresh = [hit for hit in hits if hit.indicator not in self._known]
        if fresh:
            self._known.update(hit.indicator for hit in fresh)
            yield self._mentioned(fresh, offset)

    def end(self, rules: RecordRules) -> Iterator[Observation]:
        """What lies in two pieces, and what is left at their ends; a blank file is a gap."""
        if self.file.size and not self._written:
            self.part.unread(f"{ThumbnailCaches.kind}: {BLANK}", self.file.path)
        if rules.occurs(b"".join(seam for _, seam in self._seams)):
            yield from self._across(rules)
        for text in self._at_ends:
            if not any(text.text in told for told in self._told):
                yield from self._named(text, rules)

    def _across(self, rules: RecordRules) -> Iterator[Observation]:
        for offset, seam in self._seams:
            occurs = rules.occurs(seam)
            for hit in (*rules.candidates(seam), *rules.copies(seam)) if occurs else ():
                text = self._text(seam, hit.offset, rules)
                if text is not None and text.begin < SEAM < text.end:
                    yield from self._named(text, rules)
            yield from self._rest(rules.mentions(seam), offset - SEAM)

    def _text(self, data: bytes, offset: int, rules: RecordRules) -> Text | None:
        """The identifier, or the path, that a place lies in; None: it lies in none."""
        told = identifier_at(data, offset, self._version) if self._version else None
        if told is not None:
            return told
        for wide in (True, False):
            text = text_at(data, offset, wide=wide)
            if "\\" in text.text and rules.occurs(_wide(text.text)):
                return text
        return None

    def _named(self, text: Text, rules: RecordRules) -> Iterator[Observation]:
        if text.text in self._told:
            return
        hits = rules.mentions(_wide(text.text))
        if len(self._told) >= MAX_TOLD and self._known.issuperset(hit.indicator for hit in hits):
            return
        self._told.add(text.text)
        self._known.update(hit.indicator for hit in hits)
        path = _ICON.sub("", text.text)
        yield Observation(
            source=ThumbnailCaches.name,
            seen="cached icon or picture",
            claim=Claim.WAS_THERE,
            place=place_in(self.file, path, f"{path} in {self.file.path}"),
            file=File(path=path, name=base_name(path)),
            user=owner_of(self.file),
            hits=tuple(hits),
            remarks=(_SHOWN,),
        )

    def _mentioned(self, hits: list[ByteHit], offset: int) -> Observation:
        return Observation(
            source=ThumbnailCaches.name,
            seen=ThumbnailCaches.kind,
            claim=Claim.MENTIONED,
            place=byte_in(self.file, offset + hits[0].offset),
            user=owner_of(self.file),
            hits=tuple(hits),
        )


class ThumbsDb(Memories):
    """One thing for each picture."""

    name = "thumbs_db"
    kind = "Thumbs.db"
    where = whereabouts.THUMBS_DB
    markers = ()

    def plain(self, data: bytes) -> bytes:
        """With its streams: they lie in pieces in it. Raises FormatError."""
        if not data.startswith(MAGIC):
            return data
        return data + b"\0\0".join(read_streams(data).by_name.values())

    def missing(self, data: bytes) -> str:
        """Of a compound file that lacks what it counts."""
        try:
            return CUT if data.startswith(MAGIC) and read_streams(data).is_cut else ""
        except FormatError:
            return ""  # said where it is read

    def things(self, file: EvidenceFile, data: bytes) -> Iterator[Remembered]:
        """The pictures of its folder. Raises FormatError."""
        folder = file.path.rpartition("\\")[0]
        for picture in read_thumbs_db(data):
            path = picture.name if "\\" in picture.name else f"{folder}\\{picture.name}"
            yield Remembered(
                seen="Thumbs.db",
                claim=Claim.WAS_THERE,
                texts=(picture.name,),
                moments=moments(modified=picture.written),
                file=File(path=path, name=base_name(path), mtime=picture.written),
                record=picture.name,
                remarks=(_SHOWN,),
            )


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")
