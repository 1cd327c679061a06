"""Members of archives: by name always, by content where their nature or extension call for it.

What an archive says of itself is not believed: how large a member is, is seen by unpacking it as
far as the answer needs; what its directory does not account for is searched for members all the
same. Bounded by what is unpacked from one archive. An archive in an archive is opened, to a depth
that no mail has; one beyond is counted as unread. What a damaged archive still spells out is
searched as raw bytes.

Cannot tell: what an encrypted member is, unless by its name and the size that it claims.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

from msgspec import Struct, field

from ...coverage import Ledger
from ...formats import FormatError
from ...formats.kinds import ZIP, Holds, Kind, kind_by_name, kind_of, may_hold
from ...formats.zip_archive import Member, find_directory
from ...formats.zip_unpacking import is_stored, is_unpackable
from ...indicators import FileIndicator, Gate
from ...matching.gates import magic_of, size_holds
from ...matching.matcher import Matcher
from ...matching.own_traces import Own
from ...matching.selection import gate_of
from ...model.objects import ARROW, File
from ...model.observation import ByteHit, Claim, Observation, Place
from ...spelling import extension_of
from .containers import ARCHIVES, Containers, kind_in, kinds_of_evidence
from .facts import TOO_LARGE, Facts, FileReader
from .item import Item
from .member_programs import MAGIC, MemberBytes, is_wanted
from .open_archive import Budget, OpenArchive
from .own_mentions import without_own
from .stream_members import StreamMembers
from .users_reach import LEAST_PROGRAM
from .zip_members import ZipMembers

MAX_UNPACKED = 4
"""From one archive this many times the limit for one file is unpacked and kept."""
MAX_PROBED = 32
"""From one archive this many times the limit is unpacked to see what members are."""
MAX_DEPTH = 3
"""Archives that an archive which is opened may lie in."""
EMPTY_ARCHIVE = "given file: an archive with nothing in it"
_PEEK = 1152
"""Bytes unpacked to see a member's magic, and its kind."""
_DEEP = 128 << 10
"""Bytes behind which no kind has its magic, but at its end."""
_LEAST_PACKED = 128
"""Bytes that a program takes when it is packed; of the least, most are zeros."""
_ZIP = ".zip"


class ArchiveMembers(Struct):
    """Looks into archives for the files source, keeping its ledger."""

    source: str
    matcher: Matcher
    ledger: Ledger
    reader: FileReader
    containers: Containers
    own: Own
    everything: bool
    progress: Callable[[str], None]
    """Is told each member's place, and may raise to end the sweep."""
    _gates: dict[str | None, list[tuple[Gate, bytes]]] = field(default_factory=dict)
    _evidence: set[str] = field(default_factory=set)
    """Kinds of a host's evidence in the archive at hand."""

    def observe(self, file: BinaryIO, size: int, shown: str, kind: Kind) -> Iterator[Observation]:
        """The members that may match, of an open archive of this size, place and kind.

        Raises:
            OSError: the archive cannot be read.
        """
        budget = Budget(MAX_UNPACKED * self._limit, MAX_PROBED * self._limit)
        yield from self._archive(OpenArchive(file, size, shown, budget, kind))

    def given(self, item: Item, file: BinaryIO, size: int, kind: Kind) -> Iterator[Observation]:
        """The same of a file; one that was given and has no members is a gap."""
        known = self.ledger.examined
        yield from self.observe(file, size, item.shown, kind)
        if item.given and self.ledger.examined == known:
            self.ledger.unread(EMPTY_ARCHIVE, item.shown)

    def _archive(self, archive: OpenArchive) -> Iterator[Observation]:
        around, self._evidence = self._evidence, set()
        if archive.kind.holds is Holds.ZIP:
            zip_archive = ZipMembers(
                self.source, self.matcher, self.ledger, self._limit, self.progress, self._members
            )
            yield from zip_archive.observe(archive)
        else:
            yield from StreamMembers(self.ledger, self.progress, self._members).observe(archive)
        self.containers.holds(self._evidence, archive.shown)
        self._evidence = around

    @property
    def _limit(self) -> int:
        return self.reader.limits.max_file_size

    # Members.

    def _members(self, archive: OpenArchive, batch: list[Member]) -> Iterator[Observation]:
        names = [name for member in batch for name in _names(member)]
        wanted = set(self.matcher.selector.matching_names(names))
        self.ledger.examined += len(batch)
        self._evidence.update(kinds_of_evidence(member.base_name for member in batch))
        for kind in ("file_name", "file_path"):
            self.matcher.accounts.compared(kind, count=len(names) - len(wanted))
        for one in batch:
            member = self._by_one_name(one, wanted)
            name = member.base_name or member.folder_name
            yield from self._member(archive, member, name, named=name in wanted)

    def _by_one_name(self, member: Member, wanted: set[str]) -> Member:
        """Of one with two names, the one that is wanted; else the one that calls for more."""
        if not member.second:
            return member
        second = member._replace(name=member.second)
        for one in (second, member):
            if (one.base_name or one.folder_name) in wanted:
                return one
        return max((second, member), key=lambda one: len(self._gates_by_name(one.base_name)))

    def _member(
        self, archive: OpenArchive, member: Member, name: str, *, named: bool
    ) -> Iterator[Observation]:
        place = f"{archive.shown}{ARROW}{member.name}"
        self.progress(place)
        data = None
        certain = named or self.everything or _is_zip(member)
        if member.base_name and (member.size or member.packed):
            data = self._content(archive, member, place, certain=certain)
        if data is None:
            if named:
                file = File(path=member.path, name=name, size=member.size, member_of=archive.shown)
                yield self._observation(archive, place, file)
            return
        stream = io.BytesIO(data)
        path = _path(archive, member)
        indicators = self.reader.opened_for(name, lambda: path, len(data), data, named=named)
        facts = self.reader.look(stream, len(data), indicators, named=named, path=place)
        yield from self._facts(archive, member, place, facts, size=len(data), named=named)
        kind = kind_in(stream, len(data), name, facts.head)
        if certain:
            likely = kind or self.containers.by_name(name, facts.head)
            self.containers.in_stream(likely, place, len(data))
        if kind is None and _is_zip(member):
            kind = ZIP
        if kind is not None and kind.holds in ARCHIVES:
            yield from self._nested(archive, stream, place, kind)

    def _content(
        self, archive: OpenArchive, member: Member, place: str, *, certain: bool
    ) -> bytes | None:
        """A member's bytes; None if it is not worth them, or cannot be had, which is counted.
        ``certain``: it is worth them whatever they are."""
        try:
            if not (certain or self._is_worth_it(archive, member, place)):
                return None
            return self._unpack(archive, member, place)
        except FormatError as error:
            claims = self.matcher.selector.file_indicators(
                member.base_name, member.size, named=False
            )
            if certain or claims or is_unpackable(member):
                self.ledger.unread(f"archive: {error.what}", place)
            else:
                self.ledger.note("archive member that cannot be opened, and claims nothing", place)
            return None

    def _is_worth_it(self, archive: OpenArchive, member: Member, place: str) -> bool:
        """Whether a member passes a gate, by its extension, first bytes and size, as they are, or
        is an archive, or a program that may be wanted."""
        gates = self._gates_by_name(member.base_name)
        size = max(member.size, member.packed)
        unknown = archive.kind.holds is Holds.STREAM
        wanted = gates or unknown or _may_be_program(member) or may_hold(member.base_name, size)
        if not wanted:
            return False
        limit = _PEEK
        head = self._probe(archive, member, place, limit)
        if head is None:
            return False
        content = MemberBytes(archive, member, self._limit, lambda: self.progress(place))
        if head.startswith(MAGIC):
            kind, programs = None, self._programs(archive, member)
            if is_wanted(content, programs):
                return True
            for program in programs:
                self.matcher.accounts.tested(program.id)
        else:
            kind = self._kind(member, head, size, content)
        if kind is not None and kind.holds in ARCHIVES:
            return True
        likely = kind or self.containers.by_name(member.base_name, head)
        if likely is not None and size < likely.least:
            size = len(self._probe(archive, member, place, likely.least) or b"")
        self.containers.in_stream(likely, place, size)
        gates = [(gate, magic) for gate, magic in gates if head.startswith(magic)]
        if gates and all(_sized(gate) for gate, _ in gates):
            limit = min(max(_sized(gate) for gate, _ in gates), self._limit) + 1
            head = self._probe(archive, member, place, limit)
            if head is None:
                return False
            whole = len(head) if len(head) <= self._limit else max(len(head), member.size)
            gates = [(gate, magic) for gate, magic in gates if size_holds(gate, whole)]
        if not gates:
            self._compare(member, place, len(head), limit)
        return bool(gates)

    def _programs(self, archive: OpenArchive, member: Member) -> tuple[FileIndicator, ...]:
        """What a program is looked at for, whatever its name and size."""
        return self.reader.programs.added((), lambda: _path(archive, member), LEAST_PROGRAM, None)

    def _kind(self, member: Member, head: bytes, size: int, content: MemberBytes) -> Kind | None:
        """By what lies behind its first bytes too, and by its end if it is called an image: all
        before it has to be unpacked for that."""
        size = max(size, len(head) if len(head) < _PEEK else _DEEP)
        most = size if kind_by_name(member.base_name) else _DEEP

        def read(offset: int, length: int) -> bytes:
            return content.at(offset, length) if offset <= most else b""

        return kind_of(head, size, member.base_name, read)

    def _gates_by_name(self, name: str) -> list[tuple[Gate, bytes]]:
        """Those that a file of this name passes if its size is right, with their magic."""
        extension = extension_of(name)
        key = extension if extension in self.matcher.selector.extensions else None
        gates = self._gates.get(key)
        if gates is None:
            indicators = self.matcher.selector.file_indicators(name, None, named=False)
            gates = [(gate, magic_of(gate)) for gate in map(gate_of, indicators)]
            self._gates[key] = gates
        return gates

    def _probe(self, archive: OpenArchive, member: Member, place: str, limit: int) -> bytes | None:
        if archive.budget.probed <= 0:
            self.ledger.unread("archive too large when unpacked", place)
            return None
        data = archive.first(member, limit)
        archive.budget.probed -= len(data)
        return data

    def _unpack(self, archive: OpenArchive, member: Member, place: str) -> bytes | None:
        limit = self._limit
        if member.size > limit:
            self.ledger.unread(f"archive member {TOO_LARGE}", place)
            return None
        if archive.budget.kept <= 0:
            self.ledger.unread("archive too large when unpacked", place)
            return None
        data = archive.first(member, limit + 1)
        archive.budget.kept -= len(data)
        self.ledger.bytes += len(data)
        if len(data) > limit:
            self.ledger.unread(f"archive member {TOO_LARGE}", place)
            return None
        self._compare(member, place, len(data), limit + 1)
        return data

    def _compare(self, member: Member, place: str, size: int, limit: int) -> None:
        """A member that unpacks to another size than is told was made to mislead, or is damaged."""
        whole = size < limit
        differs = size != member.size if whole else member.size < limit
        if is_stored(member):
            differs = differs or member.packed != member.size
        if member.listed and differs:
            self.ledger.unread("archive member of another size than its directory says", place)

    def _facts(
        self,
        archive: OpenArchive,
        member: Member,
        place: str,
        facts: Facts,
        *,
        size: int,
        named: bool,
    ) -> Iterator[Observation]:
        for reason in facts.unread:
            self.ledger.unread(f"archive member: {reason}", place)
        for indicator in facts.compared:
            self.matcher.accounts.tested(indicator)
        file = File(
            path=member.path,
            name=member.base_name,
            size=size,
            member_of=archive.shown,
            hash=facts.hash,
            pe=facts.pe,
            lnk=facts.lnk,
        )
        if named or facts.says_something:
            yield self._observation(archive, place, file, hits=tuple(facts.proofs))
        hits = self._contents(archive, member, facts)
        if hits:
            yield self._observation(
                archive,
                place,
                File(path=member.path, name=member.base_name, member_of=archive.shown),
                hits=hits,
                mention=True,
                text=self.reader.texts.of(facts.data, hits),
            )

    def _contents(self, archive: OpenArchive, member: Member, facts: Facts) -> tuple[ByteHit, ...]:
        hits = without_own(
            facts.contents,
            facts.data,
            name=member.base_name,
            whole=not facts.unread,
            in_own_folder=self.own.has_folder_of(archive.shown),
            matcher=self.matcher,
        )
        if len(hits) < len(facts.contents):
            self.ledger.own += 1
        return tuple(hits)

    def _observation(
        self,
        archive: OpenArchive,
        place: str,
        file: File,
        *,
        hits: tuple[ByteHit, ...] = (),
        mention: bool = False,
        text: str = "",
    ) -> Observation:
        return Observation(
            source=self.source,
            seen="content" if mention else "archive member",
            claim=Claim.MENTIONED if mention else Claim.EXISTS,
            place=Place(text=place, path=archive.shown.partition(ARROW)[0]),
            file=file,
            hits=hits,
            text=text,
        )

    def _nested(
        self, archive: OpenArchive, stream: BinaryIO, place: str, kind: Kind
    ) -> Iterator[Observation]:
        size = stream.seek(0, io.SEEK_END)
        if archive.depth >= MAX_DEPTH:
            if not _is_empty(stream, size):
                self.ledger.unread("archive too deep in archives, not opened", place)
            return
        yield from self._archive(
            OpenArchive(stream, size, place, archive.budget, kind, archive.depth + 1)
        )


def _names(member: Member) -> list[str]:
    first = member.base_name or member.folder_name
    second = member._replace(name=member.second) if member.second else member
    return list(dict.fromkeys((first, second.base_name or second.folder_name)))


def _may_be_program(member: Member) -> bool:
    """Whether it is large enough, by what it claims or takes: its size may be told wrong."""
    return member.size >= LEAST_PROGRAM or member.packed >= _LEAST_PACKED


def _path(archive: OpenArchive, member: Member) -> str:
    """Of both, to tell whether users can write there: an archive may be of a host's files."""
    return f"{archive.shown}/{member.name}"


def _is_zip(member: Member) -> bool:
    return member.base_name[-len(_ZIP) :].lower() == _ZIP


def _is_empty(file: BinaryIO, size: int) -> bool:
    try:
        directory = find_directory(file, size)
    except FormatError:
        return False
    return directory.offset == 0 and directory.length == 0


def _sized(gate: Gate) -> int:
    """How much of a file tells whether its size passes a gate; 0 if any does."""
    return gate.size or gate.min_size or 0
