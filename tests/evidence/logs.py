"""Event logs made up byte by byte, as the event log service writes them.

Format: libyal, "Windows XML Event Log (EVTX)", sections 2 (file header), 3 (chunk), 4 (event record)
and 5 (binary XML). Each record brings its own two templates, as the first record of a kind does in
a real log: one for the system's part, whose last value is binary XML, one for the event's own.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from .filetime import ticks

FILE_HEADER = 4096
CHUNK = 65536
RECORDS = 512
"""Where a chunk's records begin."""

SECURITY = ("Microsoft-Windows-Security-Auditing", "Security")
EVENTLOG = ("Microsoft-Windows-Eventlog", "Security")
EVENTLOG_SYSTEM = ("Microsoft-Windows-Eventlog", "System")
SYSMON = ("Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational")
POWERSHELL = ("Microsoft-Windows-PowerShell", "Microsoft-Windows-PowerShell/Operational")
CLASSIC_POWERSHELL = ("PowerShell", "Windows PowerShell")
DNS_CLIENT = ("Microsoft-Windows-DNS-Client", "Microsoft-Windows-DNS-Client/Operational")
DNS_CLIENT_SYSTEM = ("Microsoft-Windows-DNS-Client", "System")
"""Provider and channel, as Windows names them."""

WHEN = datetime(2018, 11, 14, 18, 3, 49, 123456, tzinfo=timezone.utc)
JO = "S-1-5-21-1004336348-1177238915-682003330-1104"

_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
_STRING, _UINT16, _UINT32, _UINT64 = 0x01, 0x06, 0x08, 0x0A
_FILETIME, _SID, _XML = 0x11, 0x13, 0x21


@dataclass(frozen=True, kw_only=True)
class LoggedEvent:
    """What one record says; ``data`` in its order, a name of "" for a Data without one."""

    source: tuple[str, str]
    """Provider and channel."""
    id: int
    data: Sequence[tuple[str, str | int]] = ()
    """A number is stored as one of 32 bits."""
    record: int | None = None
    """The record's id; None: the one after the record before it."""
    time: datetime = WHEN
    sid: str = ""
    process: int = 4
    computer: str = "WS-0421.corp.example"
    uses: int = 1
    """How often the template uses each value of the data; once in every honest log."""
    user_data: str = ""
    """The element that holds the values under UserData; "": they are EventData."""
    shape: str = "number"
    """Of EventID: a ``number``, ``qualified`` by an attribute, or a ``text``, as in events that
    were forwarded."""


def event_log(events: Iterable[LoggedEvent], *, dirty: bool = False) -> bytes:
    """A whole log with these records, in as many chunks as they need."""
    chunks = event_chunks(events)
    first_free = struct.unpack_from("<Q", chunks[-1], 32)[0] + 1 if chunks else 1
    return file_header(len(chunks), first_free, dirty=dirty) + b"".join(chunks)


def file_header(chunks: int, next_record: int = 1, *, dirty: bool = False) -> bytes:
    """The 4,096 bytes before the chunks (libyal, 2)."""
    head = struct.pack(
        "<8sQQQIHHHH", b"ElfFile\0", 0, max(chunks - 1, 0), next_record, 128, 1, 3, 4096, chunks
    ).ljust(120, b"\0")
    return (head + struct.pack("<II", int(dirty), zlib.crc32(head))).ljust(FILE_HEADER, b"\0")


def event_chunks(events: Iterable[LoggedEvent]) -> list[bytes]:
    """The chunks of 65,536 bytes that hold these records (libyal, 3)."""
    chunks: list[bytes] = []
    body, ids, last = b"", list[int](), 0
    number = 1
    for event in events:
        record_id = event.record if event.record is not None else (ids[-1] + 1 if ids else number)
        record = _record(event, record_id, RECORDS + len(body))
        if RECORDS + len(body) + len(record) > CHUNK:
            chunks.append(_chunk(body, number, ids, last))
            number += len(ids)
            body, ids = b"", []
            record = _record(event, record_id, RECORDS)
            if RECORDS + len(record) > CHUNK:
                raise ValueError("one record does not fit into a chunk")
        last = RECORDS + len(body)
        body += record
        ids.append(record_id)
    if ids:
        chunks.append(_chunk(body, number, ids, last))
    return chunks


def sealed(chunk: bytes) -> bytes:
    """A chunk with its two checksums made right (libyal, 3.1)."""
    data = bytearray(chunk)
    free = struct.unpack_from("<I", data, 48)[0]
    struct.pack_into("<I", data, 52, zlib.crc32(data[RECORDS:free]))
    struct.pack_into("<I", data, 124, zlib.crc32(data[128:RECORDS], zlib.crc32(data[:120])))
    return bytes(data)


def record_offsets(chunk: bytes) -> list[int]:
    """Where the records of a chunk of ours begin."""
    free = struct.unpack_from("<I", chunk, 48)[0]
    at, found = RECORDS, []
    while at < free:
        found.append(at)
        at += struct.unpack_from("<I", chunk, at + 4)[0]
    return found


def _chunk(body: bytes, number: int, ids: Sequence[int], last: int) -> bytes:
    free = RECORDS + len(body)
    span = (number, number + len(ids) - 1, ids[0], ids[-1])
    head = struct.pack("<8sQQQQIII", b"ElfChnk\0", *span, 128, last, free).ljust(120, b"\0")
    return sealed(
        (head + struct.pack("<I", 1)).ljust(RECORDS, b"\0") + body.ljust(CHUNK - 512, b"\0")
    )


def _record(event: LoggedEvent, record_id: int, at: int) -> bytes:
    """One event record that lies at ``at`` in its chunk (libyal, 4)."""
    content = b"\x0f\x01\x01\0" + _System(at + 28, event, record_id).instance() + b"\0"
    size = (24 + len(content) + 4 + 7) // 8 * 8
    head = struct.pack("<4sIQQ", b"**\0\0", size, record_id, ticks(event.time))
    return (head + content).ljust(size - 4, b"\0") + struct.pack("<I", size)


def sid_bytes(sid: str) -> bytes:
    """A SID as binary XML holds it ([MS-DTYP] 2.4.2.2)."""
    _, revision, authority, *parts = sid.split("-")
    return (
        struct.pack("<BB", int(revision), len(parts))
        + int(authority).to_bytes(6, "big")
        + b"".join(struct.pack("<I", int(part)) for part in parts)
    )


class _Template:
    """A template instance of binary XML, with its definition (libyal, 5)."""

    def __init__(self, at: int, event: LoggedEvent, identifier: int) -> None:
        self._at = at
        self._event = event
        self._id = identifier
        self._uses = 1
        self._values: list[tuple[int, bytes]] = []
        self._out = b""

    def instance(self) -> bytes:
        """The definition, where the instance is, and the values behind."""
        identifier = (self._id + self._OF) & 0xFFFF_FFFF
        self._out = struct.pack("<BBII", 0x0C, 1, identifier, self._at + 10)
        self._out += struct.pack("<II", 0, identifier) + bytes(12)
        size_at = len(self._out)
        self._out += bytes(4) + b"\x0f\x01\x01\0"
        self._elements()
        self._out += b"\0"
        self._fill(size_at)
        self._last_value()
        self._out += struct.pack("<I", len(self._values))
        self._out += b"".join(
            struct.pack("<HBB", len(data), kind, 0) for kind, data in self._values
        )
        return self._out + b"".join(data for _, data in self._values)

    _OF = 0

    def _elements(self) -> None:
        raise NotImplementedError

    def _last_value(self) -> None:
        """A value that has to know where it lies."""

    def _element(
        self,
        name: str,
        *,
        value: str | tuple[int, bytes] = "",
        **attributes: str | tuple[int, bytes],
    ) -> None:
        end = self._open(name, **attributes)
        self._value(value)
        self._close(end)

    def _open(self, name: str, **attributes: str | tuple[int, bytes]) -> int:
        """Where the element's size has to be filled in."""
        self._out += struct.pack("<BH", 0x41 if attributes else 0x01, 0xFFFF)
        size_at = len(self._out)
        self._out += bytes(4)
        self._name(name)
        if attributes:
            list_at = len(self._out)
            self._out += bytes(4)
            for number, (key, value) in enumerate(attributes.items(), 1):
                self._out += b"\x46" if number < len(attributes) else b"\x06"
                self._name(key)
                self._value(value)
            self._fill(list_at)
        self._out += b"\x02"
        return size_at

    def _close(self, size_at: int) -> None:
        self._out += b"\x04"
        self._fill(size_at)

    def _fill(self, size_at: int) -> None:
        size = struct.pack("<I", len(self._out) - size_at - 4)
        self._out = self._out[:size_at] + size + self._out[size_at + 4 :]

    def _name(self, name: str) -> None:
        """A name that stands where it is used (libyal, 5.4)."""
        checksum = 0
        for letter in name:
            checksum = (checksum * 65599 + ord(letter)) & 0xFFFF_FFFF
        inline = self._at + len(self._out) + 4
        self._out += struct.pack("<IIHH", inline, 0, checksum & 0xFFFF, len(name))
        self._out += name.encode("utf-16-le") + b"\0\0"

    def _value(self, value: str | tuple[int, bytes]) -> None:
        if isinstance(value, str):
            if value:
                self._out += struct.pack("<BBH", 0x05, _STRING, len(value))
                self._out += value.encode("utf-16-le")
            return
        kind, data = value
        self._out += struct.pack("<BHB", 0x0D, len(self._values), kind) * self._uses
        self._values.append((kind, data))


class _System(_Template):
    def _elements(self) -> None:
        event = self._event
        provider, channel = event.source
        end = self._open("Event", xmlns=_NAMESPACE)
        system = self._open("System")
        self._element("Provider", Name=_text(provider))
        number = (_UINT16, struct.pack("<H", event.id))
        if event.shape == "text":
            self._element("EventID", value=str(event.id))
        elif event.shape == "qualified":
            self._element("EventID", value=number, Qualifiers=(_UINT16, b"\0\x40"))
        else:
            self._element("EventID", value=number)
        when = struct.pack("<Q", ticks(event.time))
        self._element("TimeCreated", SystemTime=(_FILETIME, when))
        self._element("EventRecordID", value=(_UINT64, struct.pack("<Q", self._id)))
        process = (_UINT32, struct.pack("<I", event.process))
        self._element("Execution", ProcessID=process, ThreadID=process)
        self._element("Channel", value=_text(channel))
        self._element("Computer", value=event.computer)
        self._element("Security", **({"UserID": (_SID, sid_bytes(event.sid))} if event.sid else {}))
        self._close(system)
        self._out += struct.pack("<BHB", 0x0D, len(self._values), _XML)
        self._close(end)

    def _last_value(self) -> None:
        count = len(self._values) + 1
        at = self._at + len(self._out) + 4 + 4 * count + sum(len(data) for _, data in self._values)
        self._values.append((_XML, _Data(at, self._event, self._id).instance() + b"\0"))


class _Data(_Template):
    _OF = 0x8000_0000
    """Its template has another identifier than that of the system's part."""

    def _elements(self) -> None:
        event = self._event
        self._uses = event.uses
        if event.user_data:
            outer, inner = self._open("UserData"), self._open(event.user_data)
            for name, value in event.data:
                self._element(name, value=_text(value))
            self._close(inner)
            self._close(outer)
            return
        outer = self._open("EventData")
        for name, value in event.data:
            self._element("Data", value=_text(value), **({"Name": name} if name else {}))
        self._close(outer)


def _text(value: str | int) -> tuple[int, bytes]:
    if isinstance(value, int):
        return (_UINT32, struct.pack("<I", value))
    return (_STRING, value.encode("utf-16-le", "surrogatepass"))
