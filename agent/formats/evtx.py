"""Windows event logs (``.evtx``): how far they reach, and the records that were asked for.

Format: libyal, "Windows XML Event Log (EVTX)": sections 2 (file header), 3 (chunk header) and 4
(event record). A log is a header of 4,096 bytes and chunks of 65,536, each of which can be read
alone. The headers are a picture of the log when it was last put in order: a log that is in use, or
was cut off, holds records that its chunks do not count. So records are found by their own magic,
the chunk's header or not, in the space behind the last one too.

A record's content is read by :mod:`.binary_xml`, within bounds; no library is asked for it, since a
record of some hundred bytes can make one allocate all memory and end the process.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple
from zlib import crc32

from msgspec import Struct

from . import FormatError
from .binary_xml import MAX_CHARACTERS, MAX_TOKENS, Budget, Element, read_binary_xml
from .filetime import utc_of

FILE_HEADER = 4096
CHUNK = 65536
RECORDS = 512
"""Where a chunk's records begin."""
MAX_CHUNK_TOKENS = 200_000
MAX_CHUNK_CHARACTERS = 16 << 20
"""What the records of one chunk may expand to; real chunks have up to some ten thousand tokens."""

_LOG_MAGIC = b"ElfFile\0"
_CHUNK_MAGIC = b"ElfChnk\0"
RECORD_MAGIC = b"**\0\0"
_LOG = struct.Struct("<8sQQQIHHHH")
_CHECKSUM = _SIZE = struct.Struct("<I")
_CHUNK = struct.Struct("<8sQQQQIII")
RECORD_HEADER = struct.Struct("<4sIQQ")
_CHECKED = 120
"""How many bytes of a header its checksum covers."""
SMALLEST_RECORD = RECORD_HEADER.size + 4
_LAST_RECORD = CHUNK - SMALLEST_RECORD
"""Where one may begin."""
_DIRTY, _FULL, _NO_CHECKSUMS = 1, 2, 4
_NEVER = 0xFFFF_FFFF_FFFF_FFFF
"""The last record's number in a chunk that has none yet."""
_UNUSED = bytes(CHUNK)
_NO_RECORDS = "a chunk without the records that it counts"
_NOT_DATA = frozenset({"System", "RenderingInfo"})


class LogHeader(NamedTuple):
    """What a log says of itself."""

    chunks: int
    """As of when it was last closed: a dirty log has more."""
    next_record: int
    """The id that the next record would have had."""
    dirty: bool
    """In use when it was read, or not closed."""
    full: bool
    """At its greatest size, with older records kept."""
    problem: str = ""


class RecordHeader(NamedTuple):
    """A record as it lies in a chunk."""

    offset: int
    size: int
    id: int
    ticks: int
    """When it was written: 100 ns since 1601, UTC."""
    sound: bool = True
    """Whether its two sizes agree; if not, ``size`` ends at the next record."""


class ChunkReach(NamedTuple):
    """What a chunk's records cover: their ids, and when the first and the last were written."""

    first: int = 0
    last: int = 0
    records: int = 0
    """0: none yet."""
    oldest: int = 0
    """100 ns since 1601, UTC; 0: not known."""
    newest: int = 0
    problem: str = ""
    set_back: bool = False
    """Whether its last record is older than its first."""


_NOTHING = ChunkReach()


class EventRecord(Struct, frozen=True, kw_only=True):
    """One record, read whole; what is not in it is empty."""

    offset: int
    """In its chunk, bytes."""
    size: int
    id: int
    time: datetime | None = None
    """TimeCreated (of a forwarded event: on the other host), else when it was written."""
    provider: str = ""
    channel: str = ""
    event: int = 0
    """The event id."""
    computer: str = ""
    sid: str = ""
    """The account that logged it (System/Security)."""
    process: int | None = None
    """The process that logged it."""
    data: tuple[tuple[str, str], ...] = ()
    """Names and values of EventData, UserData or ProcessingErrorData in their order; a name may be
    there twice, or empty."""
    counted: bool = True
    """Whether the chunk's header counts it; if not, it is newer than the header, or left over from
    an older use of the chunk."""
    problem: str = ""
    """Why the content could not be read to its end."""

    def value(self, name: str) -> str:
        """The first value of that name; "" if there is none."""
        return next((value for key, value in self.data if key == name), "")

    def values(self, name: str) -> tuple[str, ...]:
        """All values of that name."""
        return tuple(value for key, value in self.data if key == name)


def read_log_header(data: bytes) -> LogHeader:
    """The first 128 bytes of a log (libyal, 2).

    Raises:
        FormatError: no event log.
    """
    if len(data) < 128 or not data.startswith(_LOG_MAGIC):
        raise FormatError("not an event log", "header")
    _, _, _, following, _, _, major, _, chunks = _LOG.unpack_from(data)
    flags, checksum = struct.unpack_from("<II", data, _CHECKED)
    problem = "" if major == 3 else f"version {major} of the event log format"
    if not flags & _NO_CHECKSUMS and checksum != crc32(data[:_CHECKED]):
        problem = problem or "the log's header does not fit its checksum"
    return LogHeader(chunks, following, bool(flags & _DIRTY), bool(flags & _FULL), problem)


def is_chunk(data: bytes, base: int = 0) -> bool:
    """Whether a chunk's header begins there, whatever is behind it."""
    return data.startswith(_CHUNK_MAGIC, base)


def chunk_reach(data: bytes, base: int = 0) -> ChunkReach:
    """What the chunk that begins there covers (libyal, 3 and 4): by its header, its first and its
    last record.

    Records are walked only where header and records disagree: a chunk that is being written, or a
    damaged one.
    """
    if not data.startswith(_CHUNK_MAGIC, base) or len(data) - base < CHUNK:
        return _reach_without_header(data[base : base + CHUNK])
    _, number, last_number, first, last, _, last_at, free = _CHUNK.unpack_from(data, base)
    if last_number == _NEVER:
        # What lies in it is memory of the log service: records of other channels, never this one's.
        return _NOTHING
    begin, oldest = _id_at(data, base, RECORDS)
    end, newest = (begin, oldest) if last_at == RECORDS else _id_at(data, base, last_at)
    if begin != first or end != last:
        walked = _walked(data[base : base + CHUNK])
        wrong = "a chunk's header does not fit its records" if walked.records else _NO_RECORDS
        return walked._replace(problem=wrong)
    if data.startswith(RECORD_MAGIC, base + free) and _id_at(data, base, free)[0] == last + 1:
        return _walked(data[base : base + CHUNK])  # written to since its header was
    given: int = _CHECKSUM.unpack_from(data, base + 124)[0]
    checked = crc32(data[base + 128 : base + RECORDS], crc32(data[base : base + _CHECKED]))
    fits = given in (checked, 0)  # 0: a log without checksums
    set_back = newest < oldest
    if set_back:
        oldest, newest = newest, oldest
    records = last_number - number + 1
    wrong = "" if fits else "a chunk's header does not fit its checksum"
    return ChunkReach(first, last, records, oldest, newest, wrong, set_back)


def records_in(chunk: bytes) -> Iterator[RecordHeader]:
    """Every record that lies in the bytes of a chunk, in their order, counted or not."""
    at = RECORDS
    while (at := _next_magic(chunk, at)) >= 0:
        found = _header_at(chunk, at)
        if found is None:
            following = _next_magic(chunk, at + 4)
            end = following if following >= 0 else len(chunk)
            if end - at >= SMALLEST_RECORD:
                _, _, record, ticks = RECORD_HEADER.unpack_from(chunk, at)
                yield RecordHeader(at, end - at, record, ticks, sound=False)
            at = end
        else:
            yield found
            at += found.size


def _next_magic(chunk: bytes, at: int) -> int:
    """Where the magic of a record stands next; -1: nowhere."""
    # The search for one byte is a hundred times faster over zeros than that for all four.
    while (at := chunk.find(RECORD_MAGIC[:1], at)) >= 0:
        if chunk.startswith(RECORD_MAGIC, at):
            return at
        at += 1
    return at


def records_of(chunk: bytes, at: Iterable[int] | None = None) -> Iterator[EventRecord]:
    """The records of a chunk, read whole; with ``at`` only those that hold one of these offsets.

    A record whose content cannot be read has what its header and the part before the error say,
    and a ``problem``. Any bytes end in records.
    """
    headers = list(records_in(chunk))
    if at is not None:
        starts = [header.offset for header in headers]
        holders = {offset: bisect_right(starts, offset) - 1 for offset in at}
        chosen = {
            number
            for offset, number in holders.items()
            if number >= 0 and offset < headers[number].offset + headers[number].size
        }
        headers = [headers[number] for number in sorted(chosen)]
    counted = _free_space(chunk)
    tokens, characters = MAX_CHUNK_TOKENS, MAX_CHUNK_CHARACTERS
    for header in headers:
        given = Budget(min(tokens, MAX_TOKENS), min(characters, MAX_CHARACTERS))
        left = Budget(given.tokens, given.characters)
        yield _read(chunk, header, left, counted=header.offset < counted)
        tokens -= given.tokens - left.tokens
        characters -= given.characters - left.characters


def _reach_without_header(chunk: bytes) -> ChunkReach:
    if chunk == _UNUSED[: len(chunk)]:
        return _NOTHING
    walked = _walked(chunk)
    if walked.records:
        short = chunk.startswith(_CHUNK_MAGIC)
        return walked._replace(
            problem="a chunk is cut off" if short else "records in a chunk without its header"
        )
    return walked._replace(problem="bytes that are no chunk")


def _walked(chunk: bytes) -> ChunkReach:
    """By its records, each asked."""
    records = [record for record in records_in(chunk) if record.sound]
    if not records:
        return _NOTHING
    ids = {record.id for record in records}
    ticks = [record.ticks for record in records]
    return ChunkReach(min(ids), max(ids), len(ids), min(ticks), max(ticks))


def _free_space(chunk: bytes) -> int:
    """Where the counted records end."""
    if not chunk.startswith(_CHUNK_MAGIC) or len(chunk) < RECORDS:
        return 0
    free: int = _CHUNK.unpack_from(chunk)[-1]
    return free


def _id_at(data: bytes, base: int, at: int) -> tuple[int, int]:
    """Id and time of the record that begins there in a whole chunk; -1: there is none."""
    if RECORDS <= at <= _LAST_RECORD:
        place = base + at
        magic, size, record, ticks = RECORD_HEADER.unpack_from(data, place)
        if magic == RECORD_MAGIC and SMALLEST_RECORD <= size <= CHUNK - at:
            behind: int = _SIZE.unpack_from(data, place + size - 4)[0]
            if behind == size:
                return record, ticks
    return -1, 0


def _header_at(chunk: bytes, at: int) -> RecordHeader | None:
    """The record that begins there; None unless its two sizes agree (libyal, 4)."""
    if at < RECORDS or at + SMALLEST_RECORD > len(chunk):
        return None
    magic, size, record, ticks = RECORD_HEADER.unpack_from(chunk, at)
    if magic != RECORD_MAGIC or size < SMALLEST_RECORD or at + size > len(chunk):
        return None
    if chunk[at + size - 4 : at + size] != chunk[at + 4 : at + 8]:
        return None
    return RecordHeader(at, size, record, ticks)


def _read(chunk: bytes, header: RecordHeader, budget: Budget, *, counted: bool) -> EventRecord:
    top = Element("")
    problem = "" if header.sound else "the record's size is damaged"
    try:
        start, end = header.offset + RECORD_HEADER.size, header.offset + header.size - 4
        read_binary_xml(chunk, start, end, top, budget)
    except FormatError as error:
        problem = problem or str(error)
    event = top.find("Event") or Element("")
    system = event.find("System") or Element("")
    if not problem and not system.content:
        problem = "no System element"
    execution = system.find("Execution") or Element("")
    number, process = _text(system, "EventID"), execution.attributes.get("ProcessID", "")
    return EventRecord(
        offset=header.offset,
        size=header.size,
        id=header.id,
        time=_time(_attribute(system, "TimeCreated", "SystemTime")) or utc_of(header.ticks),
        provider=_attribute(system, "Provider", "Name"),
        channel=_text(system, "Channel"),
        event=int(number) if _is_number(number) else 0,
        computer=_text(system, "Computer"),
        sid=_attribute(system, "Security", "UserID"),
        process=int(process) if _is_number(process) else None,
        data=tuple(
            pair
            for part in event.elements
            if part.name not in _NOT_DATA
            for child in part.elements
            for pair in _leaves(child)
        ),
        counted=counted,
        problem=problem,
    )


def _leaves(element: Element) -> Iterator[tuple[str, str]]:
    """Names and values, of an element and all within; its depth is bounded by the reader."""
    name = element.attributes.get("Name", "" if element.name == "Data" else element.name)
    inner = element.elements
    own = "".join(part for part in element.content if isinstance(part, str))
    if own.strip() or not inner:
        yield name, own
    for child in inner:
        yield from _leaves(child)


def _text(element: Element, name: str) -> str:
    found = element.find(name)
    return found.text if found else ""


def _attribute(element: Element, name: str, attribute: str) -> str:
    found = element.find(name)
    return found.attributes.get(attribute, "") if found else ""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 11


def _time(text: str) -> datetime | None:
    """``2016-07-08T18:12:51.6816408Z``: seven digits, which no parser of ISO 8601 takes."""
    if not text.endswith("Z"):
        return None
    try:
        return datetime.fromisoformat(text[:-1][:26] + "+00:00")
    except ValueError:
        return None
