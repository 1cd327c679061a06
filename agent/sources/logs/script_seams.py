"""Scripts that PowerShell logged in parts: what stands across the end of one and the next.

Event 4104 holds at most some 18,000 characters; a longer script is several records, often each in
a chunk of its own (about_Logging: MessageNumber, MessageTotal, ScriptBlockId). What is cut in two
there is in the bytes of neither, and of base64 that goes on in another part, or is decoded there,
the bytes show nothing. Only where a record of a PowerShell log is as large as such a part are its
values looked at, and none is parsed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from ...formats import FormatError
from ...formats.binary_xml import Value, values_at
from ...formats.event_values import BINARY_XML, STRING, text_of
from ...formats.evtx import EventRecord, RecordHeader, records_in
from ...formats.filetime import utc_of
from ...matching.hidden_commands import base64_around, base64_in

SIDE = 1024
"""Characters of either side."""
MAX_PARTS = 16_384
"""Parts of scripts of one log that are kept."""
MAX_ENCODED = 64 << 20
"""Characters of base64 of one log that are kept."""
MAX_PENDING = 64
"""Scripts whose last part is waited for at one time."""
_LARGE = 18_000
"""Bytes; a part that is not the last one has at least 10,000 characters."""
_HEADER = 24
_SID = 0x13
_INT32 = frozenset({0x07, 0x08})
_PARTS_OF_4104 = 4


class Seam(NamedTuple):
    """Where two parts of a script meet."""

    text: str
    cut: int
    """Characters of the text that are the end of the first part."""
    record: EventRecord
    """The one of the first part, as far as it was looked at."""
    next: int
    """The record id of the other one."""


class Encoded(NamedTuple):
    """Base64 of a script, which may go over several parts."""

    text: str
    record: EventRecord
    """The one in which it begins, as far as it was looked at."""
    begin: str
    """Of the text of that part."""


class _Pieces(NamedTuple):
    """Of one part, what may be base64."""

    first: str
    """Which the part begins with."""
    inner: tuple[str, ...]
    """What the record itself does not show to be some."""
    last: str
    """Which it ends with; the same as ``first`` where the whole part is base64."""
    is_whole: bool

    @property
    def size(self) -> int:
        return len(self.first) + len(self.last) + sum(map(len, self.inner))


class _Part(NamedTuple):
    number: int
    total: int
    begin: str
    end: str
    header: RecordHeader
    names: tuple[bytes, ...]
    """The texts of its System element as they stand there: provider, channel."""
    sid: bytes
    encoded: _Pieces


class ScriptSeams:
    """Of one log; chunks come in any order."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int], _Part] = {}
        self._pending: dict[str, bytes] = {}
        """Scripts of which the last part was not seen yet, and their ids as they stand there."""
        self._kept = 0
        self.left_out = 0
        """Parts beyond :data:`MAX_PARTS` and :data:`MAX_ENCODED`."""

    def add(self, chunk: bytes) -> None:
        """Keep the ends of the parts in this chunk."""
        for header in records_in(chunk):
            if header.sound and (header.size >= _LARGE or self._is_awaited(chunk, header)):
                self._keep(chunk, header)

    def _is_awaited(self, chunk: bytes, header: RecordHeader) -> bool:
        """Whether it may be the last part of a script that has begun: that may be small."""
        end = header.offset + header.size
        return any(chunk.find(script, header.offset, end) >= 0 for script in self._pending.values())

    def seams(self) -> Iterator[Seam]:
        """Of all neighbours that were seen."""
        for (script, number), part in self._parts.items():
            other = self._parts.get((script, number + 1))
            if other is not None:
                whole = part.end + other.begin
                yield Seam(whole, len(part.end), _record(part), other.header.id)

    def encoded(self) -> Iterator[Encoded]:
        """All base64 of these scripts that no record shows by itself."""
        run: list[str] = []
        begun: _Part | None = None
        """The part in which the run begins."""
        last: tuple[str, int] | None = None
        for script, number in sorted(self._parts):
            part = self._parts[script, number]
            if begun is not None and last != (script, number - 1):
                yield _encoded("".join(run), begun)
                run, begun = [], None
            begun = begun or part
            run.append(part.encoded.first)
            if not part.encoded.is_whole:
                yield _encoded("".join(run), begun)
                yield from (_encoded(piece, part) for piece in part.encoded.inner)
                run, begun = [part.encoded.last], part
            last = script, number
        if begun is not None:
            yield _encoded("".join(run), begun)

    def _keep(self, chunk: bytes, header: RecordHeader) -> None:
        try:
            script, part = _read(chunk, header)
        except FormatError:
            return  # another event; its bytes were searched like all others
        if part.total < 2:
            return
        self._kept += part.encoded.size
        if len(self._parts) >= MAX_PARTS or self._kept > MAX_ENCODED:
            self.left_out += 1
            return
        if part.number == part.total:
            self._pending.pop(script, None)
        elif part.number == 1 and len(self._pending) < MAX_PENDING:
            self._pending[script] = script.encode("utf-16-le", "surrogatepass")
        self._parts[(script, part.number)] = part


def _read(chunk: bytes, header: RecordHeader) -> tuple[str, _Part]:
    """Raises FormatError: not an event 4104."""
    system = values_at(chunk, header.offset + _HEADER, header.offset + header.size - 4)
    if not system or system[-1].kind != BINARY_XML:
        raise FormatError("no event data")
    data = values_at(chunk, system[-1].at, system[-1].at + system[-1].size)
    kinds = [value.kind for value in data[:3]]
    if len(data) < _PARTS_OF_4104 or not _INT32.issuperset(kinds[:2]) or kinds[2] != STRING:
        raise FormatError("not a script block")
    number, total = (_integer(chunk, value) for value in data[:2])
    text = data[2]
    side = min(2 * SIDE, text.size & ~1)
    begin = Value(STRING, text.at, side)
    end = Value(STRING, text.at + (text.size & ~1) - side, side)
    names = tuple(_bytes(chunk, value) for value in system if value.kind == STRING)
    sid = next((_bytes(chunk, value) for value in system if value.kind == _SID), b"")
    encoded = _pieces_of(_text(chunk, text)) if total > 1 else _NO_PIECES
    part = _Part(number, total, _text(chunk, begin), _text(chunk, end), header, names, sid, encoded)
    return _text(chunk, data[3]), part


_NO_PIECES = _Pieces("", (), "", is_whole=False)


def _pieces_of(text: str) -> _Pieces:
    begin, end = base64_around(text)
    if not end:
        return _Pieces(text, (), text, is_whole=True)
    inner = text[begin:end]
    shown = "frombase64" in inner.casefold()
    return _Pieces(
        text[:begin], () if shown else tuple(base64_in(inner)), text[end:], is_whole=False
    )


def _encoded(text: str, part: _Part) -> Encoded:
    return Encoded(text, _record(part), part.begin)


def _record(part: _Part) -> EventRecord:
    names = [text_of(STRING, name) for name in part.names[:2]]
    return EventRecord(
        offset=part.header.offset,
        size=part.header.size,
        id=part.header.id,
        time=utc_of(part.header.ticks),
        provider=names[0] if names else "",
        channel=names[1] if len(names) > 1 else "",
        event=4104,
        sid=_sid(part.sid),
    )


def _sid(data: bytes) -> str:
    try:
        return text_of(_SID, data) if data else ""
    except FormatError:
        return ""


def _bytes(chunk: bytes, value: Value) -> bytes:
    return chunk[value.at : value.at + value.size]


def _text(chunk: bytes, value: Value) -> str:
    return text_of(value.kind, _bytes(chunk, value))


def _integer(chunk: bytes, value: Value) -> int:
    if value.size != struct.calcsize("<I"):
        raise FormatError("not a script block")
    number: int = struct.unpack_from("<I", chunk, value.at)[0]
    return number
