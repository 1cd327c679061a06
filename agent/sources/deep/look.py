"""One look at raw bytes: every place of a text is told as a mention, and how far it came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from ...coverage import Ledger, Part
from ...matching.matcher import Matcher
from ...model.observation import ByteHit, Claim, Observation, Place
from ...targets import Target
from .carving import LONGEST, Carve, no_more
from .raw_search import Piece, searched
from .stands import Standing

RAW = (
    "nobody knows who wrote it, nor when; the memory of what searches for it, this program's too,"
    " leaves the same"
)
LIST = "stands among other indicators, as in a list of them or in what searches for them"
MANY = 5
"""Indicators in one page that look like a list of them."""
GOES_ON = "searched up to there by an earlier sweep, which was ended; not read again"


class Named(Struct, frozen=True):
    """How a mention is told."""

    source: str
    seen: str
    """In a few words: ``raw bytes``."""
    place: Place
    """Of all of it."""
    remarks: tuple[str, ...] = (RAW,)
    address: Callable[[int], str] = lambda _: ""
    """Of a byte, where there is one beside it: ``physical 0x1000``."""
    carve: Carve = no_more
    """The whole text around a hit, where there is more of it than an excerpt."""
    line: Callable[[str], bool] = lambda _: False
    """Whether a text is a command line; then ``seen`` says so."""

    def at(self, byte: int) -> str:
        """For people."""
        address = self.address(byte)
        return f"{self.place.text} (byte {byte:,}{f', {address}' if address else ''})"

    def mention(self, hits: tuple[ByteHit, ...], together: int) -> Observation:
        """One, at the first of these; ``together``: indicators in the same page."""
        hit, place = hits[0], self.place
        return Observation(
            source=self.source,
            seen=f"command line in {self.seen}" if self.line(hit.excerpt) else self.seen,
            claim=Claim.MENTIONED,
            place=Place(
                text=self.at(hit.offset),
                path=place.path,
                record=f"byte {hit.offset}",
                view=place.view,
                owner=place.owner,
            ),
            hits=hits,
            is_ownerless=True,
            remarks=(*self.remarks, LIST) if together >= MANY else self.remarks,
        )


class RawLook(Struct):
    """Searches pieces."""

    target: Target
    matcher: Matcher
    ledger: Ledger

    def searched(
        self, pieces: Iterator[Piece], part: Part, named: Named, standing: Standing | None
    ) -> Iterator[Observation]:
        """What pieces hold, and what an earlier sweep found before them; if it is ended early, how
        far it came is a gap."""
        end, whole, gaps = until(standing), False, part.gaps
        self.matcher.accounts.scanned()
        try:
            if standing is not None and end:
                when = f"{standing.begun.when:%Y-%m-%d %H:%M} UTC"
                part.note(GOES_ON, f"{named.at(end)}, {when}")
                yield from self._told(standing.begun.hits, named)
            for one in searched(self._counted(pieces), self.matcher.records(), named.carve):
                if one.failed:
                    part.unread(f"scan of the bytes: {one.failed}", named.at(one.offset))
                yield from self._told(one.hits, named)
                end = one.end
                if standing is not None and part.gaps == gaps:
                    # What is missed now is missed by the next sweep too, or read after all.
                    standing.reached(end, one.hits)
            whole = True
        finally:
            if not whole:
                part.unread("ended before all of it was searched", named.at(end))
            if standing is not None:
                (standing.done if whole else standing.keep)()

    def _told(self, hits: Iterable[tuple[ByteHit, int]], named: Named) -> Iterator[Observation]:
        mine: list[tuple[ByteHit, int]] = []
        for hit, together in hits:
            if self.target.own.has_text(hit.excerpt):
                self.ledger.own += 1
            else:
                mine.append((hit, together))
        for group in _by_lines(mine, named):
            yield named.mention(
                tuple(hit for hit, _ in group), max(together for _, together in group)
            )

    def _counted(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        for piece in pieces:
            self.ledger.bytes += len(piece[1])
            yield piece


def _by_lines(hits: Iterable[tuple[ByteHit, int]], named: Named) -> list[list[tuple[ByteHit, int]]]:
    """Those of one command line together, each other one by itself."""
    groups: list[list[tuple[ByteHit, int]]] = []
    for one in sorted(hits, key=lambda one: one[0].offset):
        first = groups[-1][0][0] if groups else None
        if (
            first is not None
            and first.excerpt == one[0].excerpt
            and one[0].offset - first.offset < LONGEST
            and named.line(first.excerpt)
        ):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def until(standing: Standing | None) -> int:
    """Up to which byte an earlier sweep came."""
    return 0 if standing is None else standing.begun.until


__all__ = ["GOES_ON", "LIST", "MANY", "RAW", "Named", "RawLook", "until"]
