"""Members of ZIP archives: by name always, by content where name or size call for it.

Bounded by what is unpacked from one archive, whatever its members claim to be; an archive in an
archive is opened, one in that is not. What a damaged archive still spells out is searched as raw
bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from ..chains import file_key
from ..coverage import Ledger
from ..file_facts import TOO_LARGE, Facts, FileReader, gate_holds
from ..formats import FormatError
from ..formats.zip_archive import (
    Directory,
    Member,
    find_directory,
    looks_like_zip,
    members,
    unpack,
)
from ..indicators import Certificate, FileIndicator
from ..matching import Matcher, ScanFailed
from ..model import ByteHit, File, Observation
from ..reading import is_gone, read_at, read_up_to, reason_of
from ..walk import Selection

MAX_UNPACKED = 4
"""From one archive this many times the limit for one file is unpacked."""
ARROW = " → "
"""Between an archive and its member, in a place."""
_PEEK = 512
"""Bytes unpacked to see whether a member's magic is worth the rest."""
_BATCH = 4096


@dataclass
class _Archive:
    """One archive while it is looked at."""

    file: BinaryIO
    size: int
    shown: str
    keys: tuple[str, ...]
    left: int
    """Bytes that may still be unpacked."""
    nested: bool = False


@dataclass
class ArchiveMembers:
    """Looks into archives for the files source, keeping its ledger."""

    source: str
    matcher: Matcher
    ledger: Ledger
    reader: FileReader
    selection: Selection
    everything: bool

    def observe(self, file: BinaryIO, size: int, shown: str) -> Iterator[Observation]:
        """The members that may match, of an open archive of this size and place.

        Raises:
            OSError: the archive cannot be read.
        """
        left = MAX_UNPACKED * self.reader.limits.max_file_size
        yield from self._archive(_Archive(file, size, shown, (file_key(shown),), left))

    def _archive(self, archive: _Archive) -> Iterator[Observation]:
        directory = None
        try:
            directory = find_directory(archive.file, archive.size)
            entries = members(archive.file, directory)
            while batch := list(islice(entries, _BATCH)):
                yield from self._members(archive, batch)
        except FormatError as error:
            yield from self._damaged(archive, directory, error)

    def _members(self, archive: _Archive, batch: list[Member]) -> Iterator[Observation]:
        names = [member.base_name or member.folder_name for member in batch]
        wanted = set(self.matcher.wanted_names(names))
        self.ledger.examined += len(names)
        for kind in ("file_name", "file_path"):
            self.matcher.compared(kind, len(names) - len(wanted))
        exact, least = self.selection.exact_sizes, self.selection.least_size
        for member, name in zip(batch, names, strict=True):
            if name in wanted:
                yield from self._member(archive, member, name, named=True)
            elif (
                member.size >= least
                or member.size in exact
                or self.everything
                or name[-4:].lower() == ".zip"
            ):
                yield from self._member(archive, member, name, named=False)

    def _member(
        self, archive: _Archive, member: Member, name: str, *, named: bool
    ) -> Iterator[Observation]:
        place = f"{archive.shown}{ARROW}{member.name}"
        data = None
        if member.base_name and member.size:
            indicators = self.matcher.file_indicators(name, member.size, named=named)
            try:
                if self._deserves(archive, member, indicators, named=named):
                    data = self._unpack(archive, member, place)
            except FormatError as error:
                self.ledger.unread(f"archive: {error.what}", place)
        if data is None:
            if named:
                file = File(path=member.name, name=name, size=member.size, member_of=archive.shown)
                yield self._observation(archive, place, file)
            return
        stream = io.BytesIO(data)
        facts = self.reader.look(stream, len(data), indicators, named=named)
        yield from self._facts(archive, member, place, facts, named=named)
        if looks_like_zip(facts.head):
            yield from self._nested(archive, stream, place)

    def _deserves(
        self,
        archive: _Archive,
        member: Member,
        indicators: tuple[FileIndicator, ...],
        *,
        named: bool,
    ) -> bool:
        """Whether a member is worth unpacking: by its name, its nature, or its first bytes."""
        if named or self.everything or member.base_name[-4:].lower() == ".zip":
            return True
        gates = [i.gate for i in indicators if not isinstance(i, Certificate)]
        by_size = [gate for gate in gates if gate.size is not None or gate.min_size is not None]
        if not by_size:
            return False
        if all(gate.magic is None for gate in by_size):
            return True
        head = unpack(archive.file, member, _PEEK)
        # The machine is asked of the whole member, later.
        return any(gate_holds(gate, member.size, head, gate.machine) for gate in by_size)

    def _unpack(self, archive: _Archive, member: Member, place: str) -> bytes | None:
        limit = self.reader.limits.max_file_size
        if member.size > limit:
            self.ledger.unread(f"archive member {TOO_LARGE}", place)
            return None
        if archive.left <= 0:
            self.ledger.unread("archive too large when unpacked", place)
            return None
        data = unpack(archive.file, member, limit + 1)
        archive.left -= len(data)
        self.ledger.bytes += len(data)
        if len(data) > limit:
            self.ledger.unread(f"archive member {TOO_LARGE}", place)
            return None
        return data

    def _facts(
        self, archive: _Archive, member: Member, place: str, facts: Facts, *, named: bool
    ) -> Iterator[Observation]:
        for reason in facts.unread:
            self.ledger.unread(f"archive member: {reason}", place)
        for indicator in facts.compared:
            self.matcher.tested(indicator)
        file = File(
            path=member.name,
            name=member.base_name,
            size=member.size,
            member_of=archive.shown,
            hash=facts.hash,
            pe=facts.pe,
            lnk=facts.lnk,
        )
        if named or facts.says_something:
            yield self._observation(archive, place, file, hits=tuple(facts.proofs))
        if facts.contents:
            yield self._observation(
                archive,
                place,
                File(path=member.name, name=member.base_name, member_of=archive.shown),
                hits=tuple(facts.contents),
                mention=True,
            )

    def _observation(
        self,
        archive: _Archive,
        place: str,
        file: File,
        *,
        hits: tuple[ByteHit, ...] = (),
        mention: bool = False,
    ) -> Observation:
        return Observation(
            source=self.source,
            seen="content" if mention else "archive member",
            place=place,
            keys=(file_key(place), *archive.keys),
            file=file,
            hits=hits,
            mention=mention,
        )

    def _nested(self, archive: _Archive, stream: BinaryIO, place: str) -> Iterator[Observation]:
        if archive.nested:
            self.ledger.note("archive in an archive in an archive, not opened", place)
            return
        size = stream.seek(0, io.SEEK_END)
        inner = _Archive(
            stream, size, place, (file_key(place), *archive.keys), archive.left, nested=True
        )
        yield from self._archive(inner)
        archive.left = inner.left

    def _damaged(
        self, archive: _Archive, directory: Directory | None, error: FormatError
    ) -> Iterator[Observation]:
        """Names stand unpacked in the headers, so that a search of the raw bytes still sees
        them."""
        head = read_at(archive.file, 0, 4)
        if directory is None and not looks_like_zip(head):
            self.ledger.note("no ZIP archive in spite of its name", archive.shown)
            return
        self.ledger.unread(f"archive: {error.what}", archive.shown)
        start = directory.offset if directory is not None else 0
        try:
            archive.file.seek(start)
            data = read_up_to(archive.file, self.reader.limits.max_file_size)
        except OSError as failure:
            if not is_gone(failure):
                self.ledger.unread(f"archive: {reason_of(failure)}", archive.shown)
            return
        self.ledger.bytes += len(data)
        try:
            hits = self.matcher.scan(data)
        except ScanFailed as failed:
            self.ledger.unread(f"scan of the bytes: {failed}", archive.shown)
            return
        if hits:
            yield Observation(
                source=self.source,
                seen="content",
                place=archive.shown,
                keys=archive.keys,
                file=File(path=archive.shown, size=archive.size),
                hits=tuple(hits),
                mention=True,
            )
