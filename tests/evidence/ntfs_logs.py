"""``$LogFile``s, made record by record (their layout: :mod:`agent.ntfs.log_file`)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .images import CLUSTER, file_name, image, index_entries, non_resident, record, run, standard
from .journals import FOLDERS

PAGE, DATA = 4096, 0x40
NUMBER = b"\x07\x05"
"""Of the update sequence."""
CREATE, ADD, REMOVE, WRITE = 0x02, 0x0E, 0x0F, 0x08
"""Operations."""
AT = 100
"""The cluster where the log of an image begins."""


class Logged(NamedTuple):
    """One record of the log."""

    redo: int
    undo: int = 0
    redo_data: bytes = b""
    undo_data: bytes = b""


def created(name: str, number: int = 50, parent: int = 43, *, sequence: int = 1) -> Logged:
    """The record of a new file, as it was written."""
    data = bytearray(
        record(standard(), file_name(name, parent, 5), sequence=sequence, number=number)
    )
    for last in (510, 1022):
        data[last : last + 2] = bytes(2)
    return Logged(CREATE, redo_data=bytes(data[:0x200]))


def added(name: str, number: int = 50, parent: int = 43, *, sequence: int = 1) -> Logged:
    """A name is put into a folder's index."""
    return Logged(ADD, REMOVE, redo_data=entry(name, number, parent, sequence=sequence))


def removed(name: str, number: int = 50, parent: int = 43, *, sequence: int = 1) -> Logged:
    """A name is taken out of a folder's index."""
    return Logged(REMOVE, ADD, undo_data=entry(name, number, parent, sequence=sequence))


def entry(name: str, number: int = 50, parent: int = 43, *, sequence: int = 1) -> bytes:
    """The entry of an index, in a folder of the sequence 5."""
    value = file_name(name, parent, 5)[0x18:]
    data = index_entries([(name, number)], parent, sequence=sequence)[:-16]
    return data[:0x10] + value[:8] + data[0x18:]


def log(
    records: Sequence[Logged],
    *,
    pages: int = 16,
    before: int = 0,
    version: int = 1,
    stale: bytes = b"",
) -> bytes:
    """A log of so many pages. ``before``: bytes of another record that the first one follows;
    ``stale``: what an older round left behind the last one."""
    first = {1: 4, 2: 34}[version]
    size = pages * PAGE
    offset_bits = (size - 1).bit_length() - 3
    stream, starts = bytearray(before), []
    for one in records:
        if (PAGE - DATA) - len(stream) % (PAGE - DATA) < 0x30:
            stream += bytes(-len(stream) % (PAGE - DATA))
        starts.append(len(stream))
        place = _place(len(stream), first)
        stream += _record(one, 3 << offset_bits | place // 8)
    stream += stale
    data = bytearray(_restart(size, 64 - offset_bits, version) * 2)
    data += b"\xff" * (size - len(data))
    room = (pages - first) * (PAGE - DATA)
    assert len(stream) <= room, (len(stream), room)
    for number in range(0, len(stream), PAGE - DATA):
        at = _place(number, first) // PAGE * PAGE
        data[at : at + PAGE] = _page(bytes(stream[number : number + PAGE - DATA]))
    return bytes(data)


def with_log(data: bytes, more: Mapping[int, bytes] | None = None) -> bytes:
    """An image of ``FOLDERS`` and ``more`` records, and its log."""
    clusters = -(-len(data) // CLUSTER)
    own = record(
        standard(), file_name("$LogFile"),
        non_resident(0x80, len(data), run(clusters, AT), last=clusters - 1),
    )  # fmt: skip
    return image({**FOLDERS, **(more or {}), 2: own}, contents={AT: data})


def _place(at: int, first: int) -> int:
    page, within = divmod(at, PAGE - DATA)
    return (first + page) * PAGE + DATA + within


def _record(one: Logged, lsn: int) -> bytes:
    redo = one.redo_data + bytes(-len(one.redo_data) % 8)
    undo = one.undo_data + bytes(-len(one.undo_data) % 8)
    operation = struct.pack(
        "<HHHHHHHHHHHHQQ",
        one.redo, one.undo, 0x28, len(one.redo_data), 0x28 + len(redo), len(one.undo_data),
        0x18, 1, 0, 0, 0, 0, 0, 0,
    )  # fmt: skip
    body = operation + redo + undo
    return struct.pack("<QQQIIIIH6x", lsn, 0, 0, len(body), 0, 1, 0, 0) + body


def _restart(size: int, bits: int, version: int) -> bytes:
    head = struct.pack("<4sHHQIIHHH", b"RSTR", 0x1E, 9, 0, PAGE, PAGE, 0x30, 1, version)
    area = struct.pack(
        "<QHHHHIHHQIHHI", 3 << 20, 1, 0xFFFF, 0, 2, bits, 0xE0, 0x40, size, 0, 0x30, DATA, 0
    )
    return (head.ljust(0x30, b"\0") + area).ljust(PAGE, b"\0")


def _page(body: bytes) -> bytes:
    head = struct.pack("<4sHHQIHHHHIQ", b"RCRD", 0x28, 9, 1, 1, 1, 1, 0, 0, 0, 1)
    data = bytearray(head.ljust(DATA, b"\0") + body).ljust(PAGE, b"\0")
    data[0x28:0x2A] = NUMBER
    for stride in range(8):
        last = stride * 512 + 510
        data[0x2A + 2 * stride : 0x2C + 2 * stride] = data[last : last + 2]
        data[last : last + 2] = NUMBER
    return bytes(data)
