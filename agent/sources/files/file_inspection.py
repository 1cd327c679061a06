"""Looking at files, however they were found and are read: the walk opens one by its path, the NTFS
engine by its record.

What a file is by name, content, streams and members becomes observations; what cannot be read
becomes coverage. Several are read at once (``reading_ahead.py``); what they say is told in the
order in which they were found, by one thread alone.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from msgspec import Struct, field, structs

from ...coverage import Ledger
from ...formats.kinds import ZIP, Kind, may_hold
from ...formats.zone_identifier import MAX_ZONE_BYTES, STREAM, owner_of, read_zone
from ...indicators import FileIndicator
from ...matching.matcher import Matcher
from ...model.objects import File
from ...model.observation import Observation
from ...reading.opening import is_gone, read_up_to, reason_of
from ...targets import Target
from .archive_members import ArchiveMembers
from .containers import ARCHIVES, Containers, is_odd, kind_in
from .facts import HEAD, Facts, FileReader, Limits
from .hash_cache import HashCache
from .item import (
    SOURCE,
    Item,
    close_quietly,
    is_in_use,
    mention_of,
    observation_of,
    zone_observations,
)
from .memory import Memory
from .own_mentions import without_own
from .reading_ahead import ReadAhead, readers_here

ARCHIVE = ".zip"
_SEEN_APART = "alternate data stream"
_NOT_OPENED = "archive not opened: the reading was ended early"
EMPTY = "given file: empty"
ZONE = ".identifier"
"""The extension of a zone identifier that a copy made a file of its own."""


class _Read(Struct):
    """What one file said, before it is told."""

    item: Item
    archive: bool = False
    """Whether its members are to be looked at; it is opened again for that, in its turn."""
    kind: Kind | None = None
    odd: bool = False
    """Whether it is of no kind, and nothing else that is known."""
    size: int = 0
    about: Callable[[], File] | None = None
    facts: Facts | None = None
    streams: list[tuple[str, int | None]] = field(default_factory=list)
    urls: tuple[str, ...] = ()
    error: OSError | None = None
    """Why it could not be read; without its frames, which hold this: they would keep each other."""
    stream_error: OSError | None = None
    zone_error: OSError | None = None


class FileLook(Struct, dict=True):
    """One sweep's looking at files."""

    target: Target
    matcher: Matcher
    ledger: Ledger
    limits: Limits
    progress: Callable[[str], None]
    everything: bool
    """Whether every file is read."""
    cache: HashCache | None = None
    _ahead: ReadAhead[_Read] | None = None
    _pending: list[_Read] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory = Memory(self.cache, self.matcher, self.ledger)
        self.reader = FileReader(self.matcher, self.limits)
        self.containers = Containers(self.target, self.matcher, self.ledger)
        self.archives = ArchiveMembers(
            source=SOURCE,
            matcher=self.matcher,
            ledger=self.ledger,
            reader=self.reader,
            containers=self.containers,
            own=self.target.own,
            everything=self.everything,
            progress=self.progress,
        )

    @contextmanager
    def reading(self, readers: int | None = None) -> Iterator[None]:
        """While files are read by so many at once. Results wait for :meth:`drain`; when this ends,
        no more is read, and those that are left wait for :meth:`pending`."""
        # One way to the process of the operator's rules serves many files.
        finish = self._finish if self.matcher.own_rules is not None else None
        ahead = self._ahead = ReadAhead(readers or readers_here(shared=finish is not None), finish)
        try:
            yield
        except OSError:
            raise  # of this volume: others are looked at, and rules asked about them
        except BaseException:
            if self.matcher.own_rules is not None:
                self.matcher.own_rules.end()  # or their answers would be waited for
            raise
        finally:
            self._ahead = None
            left = ahead.forget()
            self._finish(left)
            for read in left:
                if read.archive:
                    self.ledger.unread(_NOT_OPENED, read.item.shown)
                    read.archive = False
                self._pending.append(read)

    def drain(self) -> Iterator[Observation]:
        """The results still waiting of the files that were looked at."""
        if self._ahead is not None:
            yield from self._emit(self._ahead.drain())

    def pending(self) -> Iterator[Observation]:
        """What was read, and not told, when the reading was ended early."""
        pending, self._pending = self._pending, []
        yield from self._emit(pending)

    def is_own(self, shown: str) -> bool:
        """Whether this is the agent's own file; then it is counted and left out."""
        own = self.target.own.has_file(shown)
        self.ledger.own += own
        return own

    def selected(self, item: Item, size: int, head: bytes | None = None) -> Iterator[Observation]:
        """A file singled out by size or extension; ``head``: its first bytes, if known."""
        if not size and item.given:
            self.ledger.unread(EMPTY, item.shown)
        if not size and not self.everything:
            return
        indicators = self.reader.opened_for(item.name, lambda: item.shown, size, head)
        calls = indicators or self.everything or item.given or may_hold(item.name, size)
        if not (calls or item.name.lower().endswith(ZONE)):
            return
        if self.target.own.has_file_named(item.name) and self.is_own(item.shown):
            return
        if owner := owner_of(item.name):
            yield from self._zone_file(item, owner)
        elif not self.memory.knows(item, self.progress):
            yield from self.file(item, indicators, size)

    def name_only(self, item: Item, seen: str = "file name") -> Observation:
        """What there is to say of something that is not opened."""
        return observation_of(item, item.shown, seen, item.about())

    def _zone_file(self, item: Item, owner: str) -> Iterator[Observation]:
        """A zone identifier that a copy made a file of its own, beside its owner."""
        try:
            with item.open().file as file:
                urls = read_zone(read_up_to(file, MAX_ZONE_BYTES)).urls
        except OSError as error:
            self.missed(error, item.shown)
            return
        told = item.shown[: len(item.shown) - len(item.name)] + owner
        yield from zone_observations(item, File(path=told, name=owner), urls, item.shown)

    def file(
        self, item: Item, indicators: tuple[FileIndicator, ...], size: int
    ) -> Iterator[Observation]:
        """A file that is opened, with its streams and members; gives what others said meanwhile.
        A file with a wanted name is told at once: the sweep may be stopped. ``indicators``: those
        that apply by its name and size.
        """
        self.progress(item.known_place)
        job = functools.partial(self._read, item, indicators)
        if self._ahead is None:
            read = job()
            self._finish([read])
            yield from self._emit([read])
        else:
            reads = indicators or self.everything or item.given  # or only whether it holds others
            held = min(size, self.limits.max_file_size if reads else HEAD)
            yield from self._emit(self._ahead.put(job, held))
            if item.named:
                yield from self.drain()

    def _read(self, item: Item, indicators: tuple[FileIndicator, ...]) -> _Read:
        """By any thread: nothing here may touch the ledger."""
        read = _Read(item)
        try:
            file, size, read.about = item.open()
            try:
                read.size = size
                facts = self._facts_of(read, file, indicators)
            finally:
                close_quietly(file)
        except OSError as error:
            read.error = error.with_traceback(None)
            return read
        read.facts, read.archive = facts, self._is_archive(read, facts)
        read.odd = is_odd(item, read.kind, facts.head)
        facts.head = b""
        if not (facts.contents or facts.asked):
            facts.data = b""
        if item.named or self.everything or facts.opened_for or read.archive:
            self._read_streams(read)
        return read

    def _facts_of(
        self, read: _Read, file: BinaryIO, indicators: tuple[FileIndicator, ...]
    ) -> Facts:
        """Of a given file its content too, unless it is looked into for what it holds."""
        item, size = read.item, read.size
        if item.given:
            read.kind = kind_in(file, size, item.name, given=True)
        given = item.given and read.kind is None
        if given:
            indicators = self.matcher.selector.file_indicators(item.name, size, named=True)
        facts = self.reader.look(
            file,
            size,
            indicators,
            named=item.named,
            path="" if self.matcher.own_rules is None else item.shown,
            later=True,
            given=given,
        )
        read.kind = read.kind or kind_in(file, size, item.name, facts.head)
        return facts

    def _finish(self, reads: Sequence[_Read]) -> None:
        """Ask the operator's rules about what was read. By any thread, as :meth:`_read`."""
        waiting = [read.facts for read in reads if read.facts is not None and read.facts.asked]
        self.reader.ask_own_rules(waiting)
        for facts in waiting:
            if not facts.contents:
                facts.data = b""

    def _read_streams(self, read: _Read) -> None:
        item = read.item
        try:
            read.streams = item.streams()
        except OSError as error:
            read.stream_error = error.with_traceback(None)
            read.streams = getattr(error, "kept", [])
        if any(name.casefold() == STREAM.casefold() for name, _ in read.streams):
            try:
                with item.open_stream(STREAM) as stream:
                    read.urls = read_zone(read_up_to(stream, MAX_ZONE_BYTES)).urls
            except OSError as error:
                read.zone_error = error.with_traceback(None)

    def _is_archive(self, read: _Read, facts: Facts) -> bool:
        if read.kind is not None:
            return read.kind.holds in ARCHIVES
        return read.item.name[-4:].lower() == ARCHIVE and bool(facts.head)

    def _emit(self, reads: Iterable[_Read]) -> Iterator[Observation]:
        for read in reads:
            error = read.error
            yield from self._one(read) if error is None else self._unread(read, error)

    def _one(self, read: _Read) -> Iterator[Observation]:
        item, facts = read.item, read.facts
        try:
            assert facts is not None
            yield from self._facts(read, facts)
            self.containers.met(item, read.kind, read.size, odd=read.odd)
            if read.archive:
                file, size, _ = item.open()
                try:
                    kind = read.kind or ZIP
                    for found in self.archives.given(item, file, size, kind):
                        more = (*found.remarks, *item.remarks)
                        yield structs.replace(found, remarks=more) if more else found
                finally:
                    close_quietly(file)
        except OSError as problem:
            yield from self._unread(read, problem)

    def _unread(self, read: _Read, error: OSError) -> Iterator[Observation]:
        item = read.item
        self.missed(error, item.shown)
        if item.named:
            yield observation_of(item, item.shown, "file name", (read.about or item.about)())

    def _facts(self, read: _Read, facts: Facts) -> Iterator[Observation]:
        item = read.item
        self._account(item, facts)
        if not (read.streams or read.stream_error or read.archive or read.kind):
            self.memory.keep(item, facts)
        if read.stream_error is not None:
            self._streams_missed(read.stream_error, item.shown)
        if read.zone_error is not None:
            self.missed(read.zone_error, f"{item.shown}:{STREAM}")
        says_something = item.named or self._says_something(facts)
        if not (says_something or facts.contents or read.streams):
            return
        assert read.about is not None
        file = read.about()
        file.hash, file.pe, file.lnk = facts.hash, facts.pe, facts.lnk
        file.zone_url = list(read.urls)
        if says_something:
            yield observation_of(item, item.shown, item.seen, file, hits=tuple(facts.proofs))
        yield from zone_observations(item, file, read.urls, item.shown)
        yield from self._mentions(item, item.shown, file, facts)
        for stream, size in read.streams:
            yield from self.stream(item, stream, size)

    def _says_something(self, facts: Facts) -> bool:
        """Whether there is anything about a file without a wanted name to compare.

        If all there is are hashes, they are compared here: it is so for most files that are read.
        """
        if facts.pe or facts.lnk or facts.proofs:
            return True
        if facts.hash is None:
            return False
        if self.matcher.is_wanted_hash(facts.hash):
            return True
        self.matcher.accounts.compared_hashes(facts.hash)
        return False

    def _account(self, item: Item, facts: Facts, stream: str = "") -> None:
        self.ledger.bytes += facts.bytes_read
        for reason in facts.unread:
            self.ledger.unread(reason, f"{item.shown}{stream}")
        for indicator in facts.compared:
            self.matcher.accounts.tested(indicator)

    def _mentions(self, item: Item, place: str, file: File, facts: Facts) -> Iterator[Observation]:
        if not facts.contents:
            return
        hits = without_own(
            facts.contents,
            facts.data,
            name=file.stream or file.name,
            whole=not facts.unread,
            in_own_folder=self.target.own.has_folder_of(file.path),
            matcher=self.matcher,
        )
        if len(hits) < len(facts.contents):
            self.ledger.own += 1
        if not hits:
            return
        yield mention_of(item, place, file, hits, self.reader.texts.of(facts.data, hits))

    # Streams.

    def streams(self, item: Item) -> list[tuple[str, int | None]]:
        """Its alternate streams; what cannot be listed is counted."""
        try:
            return item.streams()
        except OSError as error:
            self._streams_missed(error, item.shown)
            kept: list[tuple[str, int | None]] = getattr(error, "kept", [])
            return kept

    def _streams_missed(self, error: OSError, shown: str) -> None:
        if is_gone(error):
            self.ledger.note("vanished during the sweep", shown)
        else:
            self.ledger.unread(f"alternate data streams: {reason_of(error)}", shown)

    def stream(self, item: Item, name: str, size: int | None) -> Iterator[Observation]:
        """One stream of a file or folder, by its name and, if that calls for it, by its content."""
        if name.casefold() == STREAM.casefold():
            return
        place = f"{item.shown}:{name}"
        self.ledger.examined += 1
        named = bool(self.matcher.selector.matching_names([name]))
        file = File(path=item.shown, name=name, size=size, stream=name, inode=item.about().inode)
        indicators = self.reader.opened_for(name, lambda: item.shown, size, None, named=named)
        if not (named or indicators or self.everything or may_hold(name, size or 0)):
            return
        try:
            with item.open_stream(name) as content:
                length = content.seek(0, os.SEEK_END)
                facts = self.reader.look(content, length, indicators, named=named, path=place)
                kind = kind_in(content, length, name, facts.head)
                if kind is not None and kind.holds in ARCHIVES:
                    yield from self.archives.observe(content, length, place, kind)
        except OSError as error:
            self.missed(error, place)
            if named:
                yield observation_of(item, place, _SEEN_APART, file)
            return
        self._account(item, facts, f":{name}")
        self.containers.in_stream(kind, place, length)
        file.size, file.hash, file.pe, file.lnk = length, facts.hash, facts.pe, facts.lnk
        if named or facts.says_something:
            yield observation_of(item, place, _SEEN_APART, file, hits=tuple(facts.proofs))
        yield from self._mentions(item, place, file, facts)

    def missed(self, error: OSError, shown: str) -> None:
        """Count what could not be read, unless nothing is missing without it."""
        if is_gone(error):
            self.ledger.note("vanished during the sweep", shown)
        elif is_in_use(error) and not self.everything and self.target.held.has(shown):
            self.ledger.note("kept open by Windows itself: name and size were compared", shown)
        else:
            self.ledger.unread(reason_of(error), shown)
