"""The members of a ZIP archive, those that its directory does not tell of too.

What an archive says of itself is not believed: what its directory does not account for is searched
for members all the same. What a damaged archive still spells out is searched as raw bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from msgspec import Struct

from ...coverage import Ledger
from ...formats import FormatError
from ...formats.zip_archive import (
    Directory,
    Member,
    find_directory,
    hidden_members,
    looks_like_zip,
    members,
    true_sizes,
    unlisted,
)
from ...matching.matcher import Matcher, ScanFailed
from ...model.objects import File
from ...model.observation import Claim, Observation, Place
from ...reading.opening import is_gone, read_at, reason_of
from .open_archive import Look, OpenArchive

BATCH = 4096


class ZipMembers(Struct):
    """Finds the members, and looks through what belongs to none."""

    source: str
    matcher: Matcher
    ledger: Ledger
    limit: int
    """Bytes beside the members that are searched."""
    progress: Callable[[str], None]
    look: Look

    def observe(self, archive: OpenArchive) -> Iterator[Observation]:
        """All that may match in an archive.

        Raises OSError: it cannot be read.
        """
        directory, listed = None, list[tuple[int, int]]()
        rest: list[tuple[int, int]] = []
        try:
            directory = find_directory(archive.file, archive.size)
            entries = members(archive.file, directory)
            while batch := list(islice(entries, BATCH)):
                batch = [self._true(archive, member) for member in batch]
                listed.extend((member.header, member.packed) for member in batch)
                yield from self.look(archive, batch)
        except FormatError as error:
            rest = self._damaged(archive, directory, error)
        if directory is not None:
            rest.extend(unlisted(archive.file, archive.size, directory, listed))
        yield from self._unlisted(archive, rest)

    def _true(self, archive: OpenArchive, member: Member) -> Member:
        if member.size or member.packed:
            return member
        true = true_sizes(archive.file, archive.size, member)
        if true != member:
            self.ledger.note(
                "archive member that its directory calls empty, by its own header", archive.shown
            )
        return true

    def _damaged(
        self, archive: OpenArchive, directory: Directory | None, error: FormatError
    ) -> list[tuple[int, int]]:
        """The part of which the directory does not tell: names stand unpacked in the headers, so
        that a search of the raw bytes still sees them."""
        head = read_at(archive.file, 0, 4)
        if directory is None and not looks_like_zip(head):
            self.ledger.note("no ZIP archive in spite of its name", archive.shown)
            return [(0, archive.size)]
        self.ledger.unread(f"archive: {error.what}", archive.shown)
        start = directory.offset if directory is not None else 0
        return [(start, min(archive.size, start + self.limit))]

    def _unlisted(
        self, archive: OpenArchive, stretches: Iterable[tuple[int, int]]
    ) -> Iterator[Observation]:
        """What lies outside of the directory and its members: another archive before it, a program
        that unpacks it, a comment."""
        raw: list[bytes] = []
        left = self.limit
        for start, end in stretches:
            self.progress(archive.shown)
            try:
                data = read_at(archive.file, start, min(end - start, left))
            except OSError as failure:
                if not is_gone(failure):
                    self.ledger.unread(f"archive: {reason_of(failure)}", archive.shown)
                return
            left -= len(data)
            self.ledger.bytes += len(data)
            if len(data) < end - start:
                self.ledger.unread(
                    "archive: more beside its directory than can be searched", archive.shown
                )
            if not data.strip(b"\0"):
                continue
            raw.append(data)
            hidden = hidden_members(data, start)
            while batch := list(islice(hidden, BATCH)):
                self.ledger.note(
                    "archive with members that its directory does not tell of", archive.shown
                )
                yield from self.look(archive, batch)
        if raw:
            yield from self._raw(archive, b"\n".join(raw))

    def _raw(self, archive: OpenArchive, data: bytes) -> Iterator[Observation]:
        try:
            found = self.matcher.scan_content(data, archive.shown)
        except ScanFailed as failed:
            self.ledger.unread(f"scan of the bytes: {failed}", archive.shown)
            return
        for reason in found.gaps:
            self.ledger.unread(reason, archive.shown)
        if found.hits:
            yield Observation(
                source=self.source,
                seen="content",
                claim=Claim.MENTIONED,
                place=Place(text=archive.shown),
                file=File(path=archive.shown, size=archive.size),
                hits=tuple(found.hits),
            )
