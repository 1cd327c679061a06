"""What the content of one open file says that an indicator could be about.

The same for a file, an alternate data stream and a member of an archive. It is read once: hashes,
as many as needed, the scan for contents and the parsers all work on the same bytes, which are kept
in memory up to the size limit; of a larger file only what can be had in passing is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct, field, structs

from ...formats import FormatError
from ...formats.certificate import MAX_CERTIFICATE_BYTES, certificate_hashes
from ...formats.lnk import HEADER as LNK_HEADER
from ...formats.lnk import read_lnk
from ...formats.pe import holds_export, machine_of, read_pe
from ...indicators import FileIndicator, Layout, PeTrait
from ...matching.gates import Gates, Needs
from ...matching.matcher import Matcher, ScanFailed
from ...model.objects import Hash, Lnk, Pe
from ...model.observation import ByteHit
from ...reading.hashing import ALL, Algorithm, Hashing, TooLargeError, hash_stream
from ...reading.opening import first_chunk, read_at, windows
from .texts import Texts
from .users_reach import ProgramsInReach, Shown

if TYPE_CHECKING:
    from ...engine.guard import Content

HEAD = 4096
"""Bytes read before anything is decided; a gate's magic is no longer."""
MAX_NAMED_HASH = 1 << 30
"""A file with a wanted name is hashed up to this size, if the limit for content is less."""
TOO_LARGE = "larger than --max-file-size"
SCAN = "scan of the bytes"
FAILED = "looking at it failed"
"""By a defect of ours or of a parser, not of the file's."""
WINDOW = 256 << 10
"""Bytes of a larger file that are scanned and hashed at once, while they are in the processor's
cache. The windows overlap, so that nothing is cut in two."""
MAX_SCRIPT = 1 << 20
"""Bytes of a text of which what it hides is looked at too; what starts a thing is no longer."""
_GREW = "grew beyond --max-file-size while it was read"


class Limits(Struct, frozen=True):
    """How much of a file is read into memory and scanned, in bytes."""

    max_file_size: int


class Facts(Struct):
    """What was found out."""

    head: bytes = b""
    compared: list[str] = field(default_factory=list)
    """Indicators by layout or certificate that were looked for and did not occur."""
    opened_for: tuple[FileIndicator, ...] = ()
    """The indicators whose gates hold."""
    hash: Hash | None = None
    pe: Pe | None = None
    lnk: Lnk | None = None
    proofs: list[ByteHit] = field(default_factory=list)
    """Layouts and certificates: they are this file, not a mention."""
    contents: list[ByteHit] = field(default_factory=list)
    """What the scan of the bytes found."""
    data: bytes = b""
    """The bytes that were scanned."""
    unread: list[str] = field(default_factory=list)
    """Why some of it could not be looked at."""
    bytes_read: int = 0
    own_rules_wait: bool = False
    """Whether the operator's rules are to be asked about ``data``."""
    asked: Content | None = None
    """What they have still to be asked."""

    @property
    def says_something(self) -> bool:
        """Whether there is anything about the file itself to compare."""
        return bool(self.hash or self.pe or self.lnk or self.proofs)


class FileReader(Struct, dict=True):
    """Looks at open files for one sweep; several threads may do so at once."""

    matcher: Matcher
    limits: Limits
    _gates: dict[int, tuple[tuple[FileIndicator, ...], Gates]] = field(default_factory=dict)
    """By the identity of the indicators, which are kept with them."""

    def __post_init__(self) -> None:
        self.texts = Texts(self.matcher)
        self.programs = ProgramsInReach(() if self._reads_all else self.matcher.selector.programs)

    def opened_for(
        self, name: str, path: Shown, size: int | None, head: bytes | None, *, named: bool = False
    ) -> tuple[FileIndicator, ...]:
        """What a file is opened for; as :meth:`ProgramsInReach.added`."""
        indicators = self.matcher.selector.file_indicators(name, size, named=named)
        return self.programs.added(indicators, path, size, head)

    def look(
        self,
        file: BinaryIO,
        size: int,
        indicators: tuple[FileIndicator, ...],
        *,
        named: bool,
        path: str = "",
        later: bool = False,
        given: bool = False,
    ) -> Facts:
        """The facts of a file of this size, open at any place.

        ``indicators``: those that apply by its name and size; ``named``: its name was wanted, so
        that everything it says of itself is evidence, whatever the gates; ``path``: for the
        operator's rules; ``later``: they are asked with :meth:`ask_own_rules`, of several files at
        once; ``given``: its content is scanned, whatever the gates.

        Raises:
            OSError: it cannot be read.
        """
        facts = Facts()
        try:
            self._look(file, size, indicators, facts, named=named, given=given)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - one file must not end the sweep; it is told
            facts.unread.append(f"{FAILED}: {type(error).__name__}")
        if facts.own_rules_wait and self.matcher.own_rules is not None:
            facts.asked = self.matcher.own_rules.content(facts.data, path)
        if not later:
            self.ask_own_rules([facts])
        return facts

    def ask_own_rules(self, files: Iterable[Facts]) -> None:
        """The operator's rules about files that wait for it."""
        waiting = [facts for facts in files if facts.asked is not None]
        if not waiting or self.matcher.own_rules is None:
            return
        asked = [facts.asked for facts in waiting if facts.asked is not None]
        for facts, answer in zip(waiting, self.matcher.own_rules.scan_many(asked), strict=True):
            facts.asked = None
            facts.contents += answer.hits
            facts.unread += answer.gaps

    def _look(
        self,
        file: BinaryIO,
        size: int,
        indicators: tuple[FileIndicator, ...],
        facts: Facts,
        *,
        named: bool,
        given: bool,
    ) -> None:
        gates = self._gates_of(indicators)
        first = self._first(file, size, named=named or self._reads_all or gates.hashes_surely)
        head = facts.head = bytes(first[:HEAD])
        facts.bytes_read = len(first)
        needs = gates.passed(size, head, lambda: _machine(file, head), named=named)
        facts.opened_for = needs.indicators
        if given and self.matcher.has_patterns:
            needs = structs.replace(needs, contents=True)
        if needs.indicators or needs.contents or named or self._reads_all:
            self._read(file, size, first, needs, facts)

    def _gates_of(self, indicators: tuple[FileIndicator, ...]) -> Gates:
        known = self._gates.get(id(indicators))
        if known is None:
            known = self._gates[id(indicators)] = (indicators, Gates(indicators))
        return known[1]

    @property
    def _reads_all(self) -> bool:
        return self.matcher.thorough or self.matcher.has_user_rules

    @property
    def _scans_all(self) -> bool:
        return self._reads_all and self.matcher.has_patterns

    def _first(self, file: BinaryIO, size: int, *, named: bool) -> bytes | memoryview:
        """The first bytes; a view is gone with the next read. ``named``: more than its head is
        needed for certain."""
        if self._scans_all and size <= self.limits.max_file_size:
            most = WINDOW if size <= WINDOW or self._in_windows(size) else HEAD
            return read_at(file, 0, most, min(size, most))
        return first_chunk(file, size) if named else read_at(file, 0, HEAD, size)

    def _read(
        self,
        file: BinaryIO,
        size: int,
        first: bytes | memoryview,
        needs: Needs,
        facts: Facts,
    ) -> None:
        """``first``: what was read of it until now; a view is not kept."""
        scans = self._scans_all or needs.contents
        limit = self.limits.max_file_size
        if size > limit:
            self._read_large(file, size, needs, facts, scans=scans)
        elif scans and self._in_windows(size):
            self._scan_windows(file, size, bytes(first), needs.algorithms, facts)
        elif scans:
            self._scan_whole(file, size, first, needs.algorithms, facts)
        elif needs.algorithms:
            if len(first) == size:
                facts.data = bytes(first) if needs.pe or needs.lnk else b""
            self._hash(file, limit, needs.algorithms, facts, first, size)
        if scans and size <= MAX_SCRIPT and _is_text(facts.head):
            self._scan_hidden(file, size, facts)
        # The parsers come last: what they fail at has been hashed and scanned.
        self._parse(file, facts, needs)
        if needs.exports and facts.pe is None and facts.head.startswith(b"MZ"):
            self._find_exports(file, size, needs, facts)
        self._find_layouts(file, needs, facts)
        self._find_certificates(file, needs, facts)

    def _in_windows(self, size: int) -> bool:
        return size > WINDOW and self.matcher.own_rules is None and self.matcher.overlap is not None

    def _scan_whole(
        self,
        file: BinaryIO,
        size: int,
        first: bytes | memoryview,
        algorithms: frozenset[Algorithm],
        facts: Facts,
    ) -> None:
        """A small file, and one that the operator's rules want to see in one piece."""
        limit = self.limits.max_file_size
        if len(first) != size:
            # Again from its beginning: to put two pieces together costs more. A byte more than
            # allowed tells one that grew meanwhile.
            first = read_at(file, 0, limit + 1, size)
            facts.bytes_read = len(first)
        facts.data = data = bytes(first)
        if len(data) > limit:
            facts.unread.append(_GREW)
        elif algorithms:
            self._hash(file, limit, algorithms, facts, data, size)
        try:
            facts.contents = self.matcher.scan(data)
        except ScanFailed as error:
            facts.unread.append(f"{SCAN}: {error}")
        facts.own_rules_wait = self.matcher.own_rules is not None

    def _scan_windows(
        self,
        file: BinaryIO,
        size: int,
        first: bytes,
        algorithms: frozenset[Algorithm],
        facts: Facts,
    ) -> None:
        """Scan and hash in one pass; what hits is read again, whole, to tell what it is."""
        scan, failed = self.matcher.windows(), False
        hashing, total = Hashing(algorithms), 0
        overlap = self.matcher.overlap or 0
        for data, new in windows(file, first, size, WINDOW, overlap):
            fresh = len(data) - new
            if total + fresh > self.limits.max_file_size:
                facts.unread.append(_GREW)
                break
            if not failed:
                try:
                    scan.window(data, total - new)
                except ScanFailed as error:
                    facts.unread.append(f"{SCAN}: {error}")
                    failed = True
            if algorithms:
                hashing.update(memoryview(data)[new:])
            total += fresh
        else:
            facts.hash = hashing.result() if algorithms else None
        facts.bytes_read = total
        facts.contents = scan.hits()
        if facts.contents:
            facts.data = read_at(file, 0, self.limits.max_file_size + 1, size)

    def _scan_hidden(self, file: BinaryIO, size: int, facts: Facts) -> None:
        """What the words of a script are when nothing breaks them, and what it has in base64."""
        data = facts.data or read_at(file, 0, MAX_SCRIPT, size)
        known = {hit.indicator for hit in facts.contents}
        try:
            hidden = [hit for hit in self.matcher.scan_hidden(data) if hit.indicator not in known]
        except ScanFailed as error:
            facts.unread.append(f"{SCAN}: {error}")
            return
        if hidden:
            facts.contents = [*facts.contents, *hidden]
            facts.data = data

    def _read_large(
        self, file: BinaryIO, size: int, needs: Needs, facts: Facts, *, scans: bool
    ) -> None:
        """A file above the limit: its hash where the size says that it may match, no content."""
        algorithms = needs.algorithms
        named = needs.named and size <= MAX_NAMED_HASH
        if algorithms and (size in needs.sizes or named):
            self._hash(file, max(size, MAX_NAMED_HASH), algorithms, facts)
            algorithms = frozenset()
        if algorithms or scans:
            facts.unread.append(TOO_LARGE)

    def _hash(
        self,
        file: BinaryIO,
        limit: int,
        algorithms: frozenset[Algorithm],
        facts: Facts,
        start: bytes | memoryview = b"",
        size: int | None = None,
    ) -> None:
        """``start``: what was read of it until now."""
        if len(start) != size:
            file.seek(len(start))
        try:
            found, count = hash_stream(file, algorithms, limit=limit, start=start, expected=size)
        except TooLargeError:
            facts.unread.append(_GREW)
        else:
            # Of no bytes it is that of every empty file: nobody should search for it, or block it.
            facts.hash = found if count else None
            facts.bytes_read += count - len(start)

    def _parse(self, file: BinaryIO, facts: Facts, needs: Needs) -> None:
        # A shell link or PE file too damaged for its parser is scanned as bytes all the same.
        if needs.pe and facts.head.startswith(b"MZ"):
            self._parse_pe(file, facts)
        elif needs.lnk and facts.head.startswith(LNK_HEADER):
            file.seek(0)
            try:
                facts.lnk = read_lnk(facts.data or file)
            except FormatError as error:
                facts.unread.append(error.what)

    def _parse_pe(self, file: BinaryIO, facts: Facts) -> None:
        file.seek(0)
        try:
            facts.pe = read_pe(facts.data or file)
        except FormatError as error:
            facts.unread.append(error.what)

    def _find_exports(self, file: BinaryIO, size: int, needs: Needs, facts: Facts) -> None:
        """A PE file of any size: parsed, and hashed, if it has one of the exports."""
        if needs.pe:
            return  # It could not be parsed.

        def at(offset: int, length: int) -> bytes:
            return _bytes_at(file, facts.head, offset, length)

        if not holds_export(at, needs.exports):
            traits = (i for i in needs.indicators if isinstance(i, PeTrait) and i.any_size)
            facts.compared += [trait.id for trait in traits]
            return
        self._parse_pe(file, facts)
        if facts.hash is None and size <= MAX_NAMED_HASH:
            self._hash(file, MAX_NAMED_HASH, ALL, facts)

    def _find_layouts(self, file: BinaryIO, needs: Needs, facts: Facts) -> None:
        for indicator in needs.layouts:
            parts = layout_parts(indicator)
            if all(_bytes_at(file, facts.head, at, len(part)) == part for at, part in parts):
                facts.proofs.append(ByteHit(indicator.id, parts[0][0], indicator.value[:256]))
            else:
                facts.compared.append(indicator.id)

    def _find_certificates(self, file: BinaryIO, needs: Needs, facts: Facts) -> None:
        if not needs.certificates:
            return
        data = facts.data or read_at(file, 0, MAX_CERTIFICATE_BYTES)
        found = {value: offset for offset, value in reversed(certificate_hashes(data))}
        for indicator in needs.certificates:
            offset = found.get(indicator.value.lower())
            if offset is None:
                facts.compared.append(indicator.id)
            else:
                facts.proofs.append(ByteHit(indicator.id, offset, "certificate"))


def _is_text(head: bytes) -> bool:
    """Whether what begins so may be a script, in UTF-8 or UTF-16."""
    return (
        head.startswith((b"\xff\xfe", b"\xfe\xff"))
        or b"\0" not in head[1::2]
        or b"\0" not in head[::2]
    )


def _machine(file: BinaryIO, head: bytes) -> str | None:
    """The PE machine, also where the header lies far behind the first bytes."""
    if not head.startswith(b"MZ"):
        return None
    return machine_of(lambda offset, length: _bytes_at(file, head, offset, length))


def _bytes_at(file: BinaryIO, data: bytes, offset: int, length: int) -> bytes:
    """From the bytes that were read, where they reach so far."""
    end = offset + length
    return data[offset:end] if end <= len(data) else read_at(file, offset, length)


def layout_parts(layout: Layout) -> list[tuple[int, bytes]]:
    """Offset and bytes of each part, by offset."""
    return sorted((int(at, 0), bytes.fromhex(part)) for at, part in layout.parts.items())
