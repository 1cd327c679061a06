"""What the content of one open file says that an indicator could be about.

The same for a file, an alternate data stream and a member of an archive. It is read once: hashes,
as many as needed, the scan for contents and the parsers all work on the same bytes, which are kept
in memory up to the size limit; of a larger file only what can be had in passing is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from . import hashing
from .formats import FormatError
from .formats.certificate import (
    MAX_CERTIFICATE_BYTES,
    certificate_hashes,
    looks_like_certificate,
)
from .formats.lnk import HEADER as LNK_HEADER
from .formats.lnk import read_lnk
from .formats.pe import machine_of, read_pe
from .hashing import Algorithm, TooLargeError, algorithm_of, hash_stream
from .indicators import (
    Certificate,
    Content,
    FileHash,
    FileIndicator,
    Gate,
    Layout,
    LnkTrait,
    PeTrait,
)
from .matching import Matcher, ScanFailed
from .model import ByteHit, Hash, Lnk, Pe
from .reading import first_chunk, read_at

HEAD = 4096
"""Bytes read before anything is decided; a gate's magic is no longer."""
MAX_NAMED_HASH = 1 << 30
"""A file with a wanted name is hashed up to this size, if the limit for content is less."""
TOO_LARGE = "larger than --max-file-size"
FAILED = "looking at it failed"
"""By a defect of ours or of a parser, not of the file's."""
_GREW = "grew beyond --max-file-size while it was read"


@dataclass(frozen=True)
class Limits:
    """How much of a file is read into memory and scanned, in bytes."""

    max_file_size: int


@dataclass
class Facts:
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

    @property
    def says_something(self) -> bool:
        """Whether there is anything about the file itself to compare."""
        return bool(self.hash or self.pe or self.lnk or self.proofs)


@dataclass
class FileReader:
    """Looks at open files for one sweep."""

    matcher: Matcher
    limits: Limits

    def look(
        self, file: BinaryIO, size: int, indicators: tuple[FileIndicator, ...], *, named: bool
    ) -> Facts:
        """The facts of a file of this size, open at any place.

        ``indicators``: those that apply by its name and size; ``named``: its name was wanted, so
        that everything it says of itself is evidence, whatever the gates.

        Raises:
            OSError: it cannot be read.
        """
        facts = Facts()
        try:
            self._look(file, size, indicators, facts, named=named)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - one file must not end the sweep; it is told
            facts.unread.append(f"{FAILED}: {type(error).__name__}")
        return facts

    def _look(
        self,
        file: BinaryIO,
        size: int,
        indicators: tuple[FileIndicator, ...],
        facts: Facts,
        *,
        named: bool,
    ) -> None:
        first: bytes | memoryview
        if self._scans_all and size <= self.limits.max_file_size:
            first = self._whole(file, size)
        elif named or self._reads_all or any(map(_is_hashed_surely, indicators)):
            first = first_chunk(file, size)
        else:
            first = read_at(file, 0, HEAD, size)
        facts.head, facts.bytes_read = bytes(first[:HEAD]), len(first)
        machine = _machine(file, facts.head) if any(map(_asks_machine, indicators)) else None
        facts.opened_for = tuple(
            indicator
            for indicator in indicators
            if gate_holds(_gate(indicator), size, facts.head, machine, named=named)
            and (not isinstance(indicator, Certificate) or _may_be_certificate(size, facts.head))
        )
        if facts.opened_for or named or self._reads_all:
            self._read(file, size, first, facts, named=named)

    @property
    def _reads_all(self) -> bool:
        return self.matcher.thorough or self.matcher.has_user_rules

    @property
    def _scans_all(self) -> bool:
        return self._reads_all and self.matcher.has_patterns

    def _whole(self, file: BinaryIO, size: int) -> bytes:
        """A file that is not too large; a byte more than allowed tells one that grew meanwhile."""
        return read_at(file, 0, self.limits.max_file_size + 1, size)

    def _read(
        self,
        file: BinaryIO,
        size: int,
        first: bytes | memoryview,
        facts: Facts,
        *,
        named: bool,
    ) -> None:
        """``first``: what was read of it until now; a view is not kept."""
        algorithms = _algorithms(facts.opened_for, named=named)
        scans = self._scans_all or any(isinstance(i, Content) for i in facts.opened_for)
        is_pe = facts.head.startswith(b"MZ") and (
            named or any(isinstance(i, PeTrait) for i in facts.opened_for)
        )
        is_lnk = facts.head.startswith(LNK_HEADER) and (
            named or any(isinstance(i, LnkTrait) for i in facts.opened_for)
        )
        if size <= self.limits.max_file_size:
            if scans or is_pe or is_lnk:
                # One read serves all.
                if len(first) < size:
                    first = self._whole(file, size)
                    facts.bytes_read += len(first)
                facts.data = bytes(first)
            if len(first) > self.limits.max_file_size:
                facts.unread.append(_GREW)
            elif algorithms:
                self._hash(file, self.limits.max_file_size, algorithms, facts, first, size)
        else:
            self._read_large(file, size, algorithms, facts, named=named, scans=scans)
        if scans and size <= self.limits.max_file_size:
            self._scan(facts)
        # The parsers come last: what they fail at has been hashed and scanned.
        self._parse(file, facts, is_pe=is_pe, is_lnk=is_lnk)
        self._find_layouts(file, facts)
        self._find_certificates(file, facts)

    def _read_large(
        self,
        file: BinaryIO,
        size: int,
        algorithms: frozenset[Algorithm],
        facts: Facts,
        *,
        named: bool,
        scans: bool,
    ) -> None:
        """A file above the limit: its hash where the size says that it may match, no content."""
        exact = any(isinstance(i, FileHash) and i.gate.size == size for i in facts.opened_for)
        if algorithms and (exact or (named and size <= MAX_NAMED_HASH)):
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
            facts.hash, count = hash_stream(
                file, algorithms, limit=limit, start=start, expected=size
            )
        except TooLargeError:
            facts.unread.append(_GREW)
        else:
            facts.bytes_read += count - len(start)

    def _parse(self, file: BinaryIO, facts: Facts, *, is_pe: bool, is_lnk: bool) -> None:
        try:
            if is_pe:
                file.seek(0)
                facts.pe = read_pe(facts.data or file)
            elif is_lnk:
                file.seek(0)
                facts.lnk = read_lnk(facts.data or file)
        except FormatError as error:
            # A shell link or PE file too damaged for its parser is scanned as bytes all the same.
            facts.unread.append(error.what)

    def _find_layouts(self, file: BinaryIO, facts: Facts) -> None:
        for indicator in facts.opened_for:
            if not isinstance(indicator, Layout):
                continue
            parts = layout_parts(indicator)
            if all(read_at(file, at, len(part)) == part for at, part in parts):
                facts.proofs.append(ByteHit(indicator.id, parts[0][0], indicator.value[:256]))
            else:
                facts.compared.append(indicator.id)

    def _find_certificates(self, file: BinaryIO, facts: Facts) -> None:
        wanted = [i for i in facts.opened_for if isinstance(i, Certificate)]
        if not wanted:
            return
        data = facts.data or read_at(file, 0, MAX_CERTIFICATE_BYTES)
        found = {value: offset for offset, value in reversed(certificate_hashes(data))}
        for indicator in wanted:
            offset = found.get(indicator.value.lower())
            if offset is None:
                facts.compared.append(indicator.id)
            else:
                facts.proofs.append(ByteHit(indicator.id, offset, "certificate"))

    def _scan(self, facts: Facts) -> None:
        try:
            facts.contents = self.matcher.scan(facts.data)
        except ScanFailed as error:
            facts.unread.append(f"scan of the bytes: {error}")


def _gate(indicator: FileIndicator) -> Gate | None:
    return None if isinstance(indicator, Certificate) else indicator.gate


def _is_hashed_surely(indicator: FileIndicator) -> bool:
    """Whether nothing in a file can keep it from being hashed."""
    return isinstance(indicator, FileHash) and not (indicator.gate.magic or indicator.gate.machine)


def _asks_machine(indicator: FileIndicator) -> bool:
    gate = _gate(indicator)
    return gate is not None and gate.machine is not None


def _may_be_certificate(size: int, head: bytes) -> bool:
    return size <= MAX_CERTIFICATE_BYTES and looks_like_certificate(head)


def _machine(file: BinaryIO, head: bytes) -> str | None:
    """The PE machine, also where the header lies far behind the first bytes."""
    if not head.startswith(b"MZ"):
        return None
    return machine_of(lambda offset, length: read_at(file, offset, length))


def gate_holds(
    gate: Gate | None, size: int, head: bytes, machine: str | None, *, named: bool = False
) -> bool:
    """Whether an open file passes a gate; of a file with a wanted name the size does not matter.

    Extensions are the matcher's affair: it knew the name.
    """
    if gate is None:
        return True
    if not named and not size_holds(gate, size):
        return False
    if gate.magic is not None and not head.startswith(bytes.fromhex(gate.magic)):
        return False
    return gate.machine is None or gate.machine == machine


def size_holds(gate: Gate, size: int) -> bool:
    """Whether a file of this size may pass a gate."""
    return (
        (gate.size is None or size == gate.size)
        and (gate.min_size is None or size >= gate.min_size)
        and (gate.max_size is None or size <= gate.max_size)
    )


def layout_parts(layout: Layout) -> list[tuple[int, bytes]]:
    """Offset and bytes of each part, by offset."""
    return sorted((int(at, 0), bytes.fromhex(part)) for at, part in layout.parts.items())


def _algorithms(indicators: Iterable[FileIndicator], *, named: bool) -> frozenset[Algorithm]:
    return hashing.ALL if named else frozenset(_needed(indicators))


def _needed(indicators: Iterable[FileIndicator]) -> Iterator[Algorithm]:
    for indicator in indicators:
        if isinstance(indicator, FileHash):
            yield algorithm_of(indicator.value)
