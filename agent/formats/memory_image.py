"""Images of a machine's memory, and dumps: in which bytes of the file which address lies.

Forms: LiME (LiME documentation, ``doc/README``, "LiME format", version 1: a header of 32 bytes
before each range), crash dumps of Windows (``DUMP_HEADER64`` and ``DUMP_HEADER32`` of ntddk.h's
time, ``PHYSICAL_MEMORY_DESCRIPTOR``; their bitmaps as Rekall's ``crashdump.py`` tells them),
minidumps (Microsoft Learn, minidumpapiset.h: ``MINIDUMP_MEMORY64_LIST``, ``MINIDUMP_MEMORY_LIST``),
ELF cores of QEMU (System V ABI, program headers). A raw image tells nothing of itself.

Nothing is interpreted but the headers: no processes, no page tables.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

from msgspec import Struct

from . import FormatError
from .kinds import Read

PAGE = 4096
RAW = "raw memory image"
LIME, AVML = "LiME memory image", "AVML memory image"
CRASH, MINIDUMP = "Windows crash dump", "minidump of a process"
CORE, HIBERNATION = "ELF core", "hibernation file"
MAX_RANGES = 100_000
MAX_BITMAP = 64 << 20
"""Bytes: of two tebibytes of memory."""
_BLOCK = 4096
_HIBERNATED = (b"hibr", b"HIBR", b"wake", b"WAKE", b"RSTR")
"""``PO_MEMORY_IMAGE.Signature``; a blank header is of one that was resumed from."""


class Stretch(NamedTuple):
    """Bytes of the file, and the address of their first one."""

    at: int
    size: int
    address: int


class Addresses(Protocol):
    """Tells addresses."""

    def of(self, at: int) -> int | None:
        """Of a byte of the file; None: it is no memory, or it is not known."""


class Stretches(Struct, frozen=True):
    """Those in the order of the file."""

    stretches: Sequence[Stretch] = ()

    def of(self, at: int) -> int | None:
        """As :class:`Addresses`."""
        found = bisect_right(self.stretches, at, key=lambda one: one.at) - 1
        if found < 0:
            return None
        start, size, address = self.stretches[found]
        return address + at - start if at - start < size else None


class PagesOfBitmap(Struct, frozen=True):
    """Pages that lie one behind the other, each for a bit that is set."""

    first: int
    """Byte of the first page."""
    bitmap: bytes
    counts: Sequence[int]
    """Bits that are set before each block of the bitmap, and in all of them."""

    @classmethod
    def read(cls, first: int, bitmap: bytes) -> PagesOfBitmap:
        """The pages of a bitmap, whose lowest bit comes first in each byte."""
        blocks = (bitmap[at : at + _BLOCK] for at in range(0, len(bitmap), _BLOCK))
        set_in = (int.from_bytes(block, "little").bit_count() for block in blocks)
        return cls(first, bitmap, list(accumulate(set_in, initial=0)))

    @property
    def present(self) -> int:
        """Pages."""
        return self.counts[-1]

    def of(self, at: int) -> int | None:
        """As :class:`Addresses`."""
        if at < self.first:
            return None
        number, within = divmod(at - self.first, PAGE)
        if number >= self.present:
            return None
        block = bisect_right(self.counts, number) - 1
        left = number - self.counts[block]
        for place in range(block * _BLOCK, len(self.bitmap)):
            byte = self.bitmap[place]
            if left < byte.bit_count():
                bits = [bit for bit in range(8) if byte >> bit & 1]
                return (place * 8 + bits[left]) * PAGE + within
            left -= byte.bit_count()
        return None


class MemoryForm(Struct, frozen=True, kw_only=True):
    """What is known of a memory image from its headers."""

    kind: str
    addresses: Addresses = Stretches()
    space: str = "physical"
    """Of the addresses: ``virtual`` in a dump of a process."""
    lacking: tuple[str, ...] = ()
    """What it should hold and does not, or hides, in the words of the coverage."""
    notes: tuple[str, ...] = ()
    is_windows: bool = True
    """As far as its form tells: LiME and AVML run on Linux."""


def memory_form(read: Read, size: int, name: str = "") -> MemoryForm:
    """Of a file of this size and name that is taken for memory. Raises OSError."""
    head = read(0, 64)
    try:
        if head.startswith(b"EMiL"):
            return _lime(read, size)
        if head.startswith((b"PAGEDU64", b"PAGEDUMP")):
            return _crash(read, size, wide=head.startswith(b"PAGEDU64"))
        if head.startswith(b"MDMP"):
            return _minidump(read, size)
        if head.startswith(b"\x7fELF"):
            return _core(read, size)
    except FormatError as error:
        return MemoryForm(kind=error.what.partition(":")[0], lacking=(error.what,))
    if head.startswith(b"AVML"):
        told = f"{AVML}: compressed (Snappy), searched only as it stands"
        return MemoryForm(kind=AVML, lacking=(told,), is_windows=False)
    if head.startswith(_HIBERNATED) or name.casefold() == "hiberfil.sys":
        told = f"{HIBERNATION}: compressed memory (XPRESS), searched only as it stands"
        return MemoryForm(kind=HIBERNATION, lacking=(told,))
    return MemoryForm(kind=RAW, notes=(f"{RAW}: it does not tell addresses, only bytes",))


def is_core(head: bytes) -> bool:
    """Whether a file begins as an ELF core of 64 bits: of a machine, or of a process of Linux."""
    return head.startswith(b"\x7fELF\x02\x01") and head[16:18] == b"\x04\0"


def _lime(read: Read, size: int) -> MemoryForm:
    """Ranges, each behind its header: magic, version, first and last address, 8 bytes of room."""
    stretches: list[Stretch] = []
    lacking: list[str] = []
    at = holes = 0
    while at < size:
        header = read(at, 32)
        magic, version, first, last = (
            struct.unpack("<4sIQQ", header[:24]) if len(header) == 32 else (b"", 0, 0, 0)
        )
        if magic != b"EMiL" or version != 1 or last < first or len(stretches) >= MAX_RANGES:
            lacking.append(f"{LIME}: header damaged; addresses are not told from there on")
            break
        length = last - first + 1
        if stretches:
            holes += max(0, first - (stretches[-1].address + stretches[-1].size))
        stretches.append(Stretch(at + 32, min(length, max(0, size - at - 32)), first))
        at += 32 + length
    if at > size:
        lacking.append(_missing(LIME, at - size))
    told = f"{LIME}: {holes:,} bytes of addresses between its ranges are not in it"
    return MemoryForm(
        kind=LIME,
        addresses=Stretches(stretches),
        lacking=tuple(lacking),
        notes=(told,) if holes else (),
        is_windows=False,
    )


class _Layout(NamedTuple):
    """Of a crash dump's header: where its fields are."""

    header: int
    descriptor: int
    run: str
    runs: int
    """Where the first run is, from the descriptor on."""
    dump_type: int


_64 = _Layout(0x2000, 0x88, "<QQ", 16, 0xF98)
_32 = _Layout(0x1000, 0x64, "<II", 8, 0xF88)
_DESCRIPTOR = 700
_FULL, _BITMAPS = 1, (2, 5, 6, 7)
_LITTLE = {3: "header alone", 4: "small memory dump"}
_OF_KERNEL, _OF_ALL = b"SDMPDUMP", b"FDMPDUMP"


def _crash(read: Read, size: int, *, wide: bool) -> MemoryForm:
    layout = _64 if wide else _32
    head = read(0, layout.header)
    if len(head) < layout.header:
        raise FormatError(f"{CRASH}: cut short within its header")
    (dump_type,) = struct.unpack_from("<I", head, layout.dump_type)
    if dump_type == _FULL:
        return _whole_dump(head, size, layout)
    summary = read(layout.header, 0x38)
    if dump_type in _BITMAPS and summary.startswith((_OF_KERNEL, _OF_ALL)):
        return _bitmap_dump(read, size, layout, summary)
    told = _LITTLE.get(dump_type, f"of type {dump_type}")
    why = f"{CRASH}: {told}; what of memory it holds is searched, and no address told"
    return MemoryForm(kind=CRASH, lacking=(why,))


def _whole_dump(head: bytes, size: int, layout: _Layout) -> MemoryForm:
    (count,) = struct.unpack_from("<I", head, layout.descriptor)
    each = struct.calcsize(layout.run)
    if not 0 < count <= (_DESCRIPTOR - layout.runs) // each:
        raise FormatError(f"{CRASH}: runs of pages damaged; addresses are not told")
    stretches, at = list[Stretch](), layout.header
    for number in range(count):
        place = layout.descriptor + layout.runs + number * each
        first, pages = struct.unpack_from(layout.run, head, place)
        stretches.append(Stretch(at, pages * PAGE, first * PAGE))
        at += pages * PAGE
    lacking = (_missing(CRASH, at - size),) if at > size else ()
    return MemoryForm(kind=CRASH, addresses=Stretches(stretches), lacking=lacking)


def _bitmap_dump(read: Read, size: int, layout: _Layout, summary: bytes) -> MemoryForm:
    """A header of its own: at 32 the byte of the first page, at 40 how many there are, at 48 the
    number of bits, from 56 on the bitmap."""
    first, present, bits = struct.unpack_from("<QQQ", summary, 0x20)
    length = (bits + 7) // 8
    bitmap = read(layout.header + 0x38, length) if length <= MAX_BITMAP else b""
    pages = PagesOfBitmap.read(first, bitmap)
    lacking: list[str] = []
    if len(bitmap) < length or pages.present != present or not first:
        lacking.append(f"{CRASH}: bitmap of its pages damaged; addresses may be wrong")
    elif present < bits:
        of = "of the kernel" if summary.startswith(_OF_KERNEL) else "of pages in use"
        lacking.append(f"{CRASH} {of}: {bits - present:,} of {bits:,} pages are not in it")
    if (end := first + present * PAGE) > size:
        lacking.append(_missing(CRASH, end - size))
    return MemoryForm(kind=CRASH, addresses=pages, lacking=tuple(lacking))


_MEMORY_LIST, _MEMORY_64 = 5, 9


def _minidump(read: Read, size: int) -> MemoryForm:
    _, _, count, directory = struct.unpack("<4sIII", _exactly(read, 0, 16, MINIDUMP))
    streams = _exactly(read, directory, min(count, 1000) * 12, MINIDUMP)
    stretches, lacking = list[Stretch](), list[str]()
    whole = False
    for kind, length, at in struct.iter_unpack("<III", streams):
        if kind in (_MEMORY_LIST, _MEMORY_64) and length <= 16 * (MAX_RANGES + 1):
            whole = whole or kind == _MEMORY_64
            stretches += _ranges(_exactly(read, at, length, MINIDUMP), wide=kind == _MEMORY_64)
    stretches.sort()
    end = max((one.at + one.size for one in stretches), default=0)
    if end > size:
        lacking.append(_missing(MINIDUMP, end - size))
    if not whole:
        lacking.append(f"{MINIDUMP}: holds little more of its memory than its stacks")
    return MemoryForm(
        kind=MINIDUMP,
        addresses=Stretches(stretches),
        space="virtual",
        lacking=tuple(lacking),
        notes=(f"{MINIDUMP}: memory of one process, not of the machine",),
    )


def _ranges(data: bytes, *, wide: bool) -> Iterator[Stretch]:
    """Of one of the two lists."""
    if wide and len(data) >= 16:
        _, at = struct.unpack_from("<QQ", data)
        for address, length in struct.iter_unpack("<QQ", data[16 : len(data) // 16 * 16]):
            yield Stretch(at, length, address)
            at += length
    elif not wide and len(data) >= 4:
        for address, length, at in struct.iter_unpack(
            "<QII", data[4 : 4 + (len(data) - 4) // 16 * 16]
        ):
            yield Stretch(at, length, address)


def _core(read: Read, size: int) -> MemoryForm:
    """Segments of type PT_LOAD, with the physical address that QEMU writes for each."""
    head = _exactly(read, 0, 64, CORE)
    if not is_core(head):
        raise FormatError(f"{CORE}: none of 64 bits")
    (table,) = struct.unpack_from("<Q", head, 32)
    each, count = struct.unpack_from("<HH", head, 54)
    if each < 56:
        raise FormatError(f"{CORE}: table of segments damaged; addresses are not told")
    headers = _exactly(read, table, each * count, CORE)
    stretches = []
    for at in range(0, len(headers), each):
        kind, _, offset, _, physical, length = struct.unpack_from("<IIQQQQ", headers, at)
        if kind == 1 and length:
            stretches.append(Stretch(offset, length, physical))
    stretches.sort()
    end = max((one.at + one.size for one in stretches), default=0)
    lacking = (_missing(CORE, end - size),) if end > size else ()
    return MemoryForm(kind=CORE, addresses=Stretches(stretches), lacking=lacking)


def _exactly(read: Read, at: int, length: int, kind: str) -> bytes:
    """Raises FormatError where there is not so much."""
    data = read(at, length)
    if len(data) < length:
        raise FormatError(f"{kind}: cut short within its header")
    return data


def _missing(kind: str, size: int) -> str:
    return f"{kind}: cut short, {size:,} bytes are missing"


__all__ = [
    "AVML", "CORE", "CRASH", "HIBERNATION", "LIME", "MINIDUMP", "RAW", "MemoryForm",
    "PagesOfBitmap", "Stretch", "Stretches", "is_core", "memory_form",
]  # fmt: skip
