"""Registry transaction logs laid over their hive, as Windows does when it loads the hive.

A hive in use is never whole on the disk: what was changed last stands in ``.LOG1`` and ``.LOG2``
alone, for up to an hour. Format: M. Suhanov, "Windows registry file format specification": Base
block, Format of transaction log files (Old format: Windows Vista to 8; New format: since 8.1),
Dirty state of a hive, Multiple transaction log files.

Entries are taken by their sequence numbers, the log with the lower start first, the other only
where it continues the first. The hive's own number says no more than where they may begin: on a
Windows 10 in use the logs are some hundred numbers ahead of it, since what was brought into the
hive in the meantime does not count there.

The hash of an entry (``marvin32.py``) tells whether it was written to its end. One that its
successor follows was, as Windows writes the next one when that one is on the disk: a replay that
only asks whether anything is there takes it for whole, as the hash of a megabyte takes a quarter of
a second and all its bytes are searched whatever its hash says.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .marvin32 import marvin32
from .paged import Bytes, Overlay, is_zeros

BASE_BLOCK = 4096
"""Bytes before the hive bins; offsets inside a hive count from their end."""
MAX_LOG_BYTES = 128 << 20
"""Of one log. Windows writes a log anew long before; hashing 8 MB takes about a second."""
SECTOR = 512

_PRIMARY, _OLD_LOG, _OLDER_LOG, _NEW_LOG = 0, 1, 2, 6
"""File types of base blocks."""
_ENTRY_HEAD = struct.Struct("<4sIIIII8s8s")


class Page(NamedTuple):
    """``size`` bytes at ``at`` of a log, for ``offset`` of the hive bins."""

    offset: int
    size: int
    at: int


class Laid(NamedTuple):
    """The pages of one entry of a log."""

    log: Bytes
    pages: tuple[Page, ...]


Told = Callable[["bytearray | Overlay", Sequence[Page]], None]
"""Is shown the hive after an entry, and the entry's pages."""


class Replay(NamedTuple):
    """A hive with what its logs add.

    ``hive``: the same object where nothing was applied; its base block is repaired.
    ``entries``: sequence numbers of the log entries that were applied, in their order.
    ``problem``: "" or why this may not be the whole: a dirty hive whose logs are missing or end
    early. What was applied nonetheless is in ``hive``.
    ``laid``: where its pages came from, in their order.
    """

    hive: Bytes
    entries: tuple[int, ...] = ()
    problem: str = ""
    laid: tuple[Laid, ...] = ()

    @property
    def data(self) -> bytes:
        """All of the hive."""
        return self.hive[:]


class _Entry(NamedTuple):
    number: int
    bins_size: int
    flags: int | None
    pages: tuple[Page, ...]
    at: int = 0
    """In its log."""


class _Log(NamedTuple):
    data: Bytes
    entries: tuple[_Entry, ...]
    problem: str


def checksum(base_block: bytes | bytearray) -> int:
    """Of a base block: XOR of its first 127 numbers, and never 0 or 0xFFFFFFFF."""
    total = 0
    for (number,) in struct.iter_unpack("<I", base_block[:508]):
        total ^= number
    return {0: 1, 0xFFFFFFFF: 0xFFFFFFFE}.get(total, total)


def is_whole(base_block: bytes) -> bool:
    """A base block of a hive or log whose checksum is right."""
    return (
        len(base_block) >= SECTOR
        and base_block.startswith(b"regf")
        and _number(base_block, 508) == checksum(base_block)
    )


def is_dirty(hive: Bytes) -> bool:
    """Whether a write to the hive was begun and not ended, as by its base block."""
    return not is_whole(hive[:SECTOR]) or hive[4:8] != hive[8:12]


def replayed(
    hive: Bytes, logs: Sequence[Bytes], *, quick: bool = False, told: Told | None = None
) -> Replay:
    """A hive as it stands with its transaction logs, given in any order; empty ones count for none.
    Of a hive that is paged, the logs are an overlay.

    ``quick``: an entry that its successor follows is taken for whole, and the logs are an overlay
    of any hive. ``told``: is shown what each entry did.

    Logs beside a hive that is not dirty are out of date and not applied. Never raises: any bytes
    end in a :class:`Replay`.
    """
    if not is_dirty(hive):
        return Replay(hive)
    whole = [log for log in logs if is_whole(log[:SECTOR])]
    damaged = sum(1 for log in logs if not is_zeros(log)) - len(whole)
    if not whole:
        return Replay(hive, (), "dirty, and its logs are " + ("damaged" if damaged else "missing"))
    starts = _number(hive, 8) if is_whole(hive[:SECTOR]) else None
    if any(_number(log, 28) == _NEW_LOG for log in whole):
        found = _newer(whole, starts, quick=quick)
    else:
        found = _older(whole, hive)
    if damaged:
        last = found[-1] if found else _Log(b"", (), "")
        found = [*found[:-1], last._replace(problem="dirty, and a log is damaged")]
    return _applied(hive, found, quick=quick, told=told)


class Logged(NamedTuple):
    """An entry of a log as it lies there: applied or not, damaged or of an earlier round."""

    number: int
    pages: tuple[Page, ...]


def logged(log: Bytes) -> Iterator[Logged]:
    """All entries of a log, their hashes unchecked, as far as their pages lie in it. Never raises.

    A log of the old format counts for one entry.
    """
    if log[SECTOR : SECTOR + 4] == b"DIRT":
        yield from (Logged(entry.number, entry.pages) for entry in _vector(log).entries)
        return
    at = SECTOR
    while at + _ENTRY_HEAD.size <= min(len(log), MAX_LOG_BYTES):
        kind, size, _, number, _, count, _, _ = _ENTRY_HEAD.unpack(log[at : at + _ENTRY_HEAD.size])
        end, position = at + size, at + _ENTRY_HEAD.size + 8 * count
        at += SECTOR
        if kind != b"HvLE" or position > end or end > len(log):
            continue
        pages: list[Page] = []
        for offset, length in struct.iter_unpack("<II", log[position - 8 * count : position]):
            if position + length <= end:
                pages.append(Page(offset, length, position))
                position += length
        yield Logged(number, tuple(pages))
        at = max(at, end & ~(SECTOR - 1))


def with_entry(hive: Bytes, log: Bytes, entry: Logged) -> Bytes:
    """A hive with the pages of one entry laid over it, as far as it reaches."""
    data = _over(hive)
    for page in entry.pages:
        start = BASE_BLOCK + page.offset
        if start + page.size <= len(data):
            data[start : start + page.size] = log[page.at : page.at + page.size]
    return _as_bytes(data)


def _over(hive: Bytes, *, quick: bool = False) -> bytearray | Overlay:
    """To lay pages over it: a copy of what is held, an overlay of what is not."""
    return bytearray(hive) if isinstance(hive, bytes) and not quick else Overlay(hive)


def _as_bytes(data: bytearray | Overlay) -> Bytes:
    return bytes(data) if isinstance(data, bytearray) else data


def _grow(data: bytearray | Overlay, size: int) -> None:
    if isinstance(data, Overlay):
        data.grow(size)
    elif len(data) < size:
        data.extend(bytes(size - len(data)))


def _applied(hive: Bytes, logs: Sequence[_Log], *, quick: bool, told: Told | None) -> Replay:
    """The pages of these logs, in this order, laid over the hive."""
    problem = next((log.problem for log in logs if log.problem), "")
    entries = [(log, entry) for log in logs for entry in log.entries]
    if not entries:
        return Replay(hive, (), problem or "dirty, and its logs hold nothing for it")
    room = len(hive) + sum(len(log.data) for log in logs)
    done: list[int] = []
    laid: list[Laid] = []
    data = _over(hive, quick=quick)
    _grow(data, BASE_BLOCK)
    head = bytes(data[:SECTOR])
    if not is_whole(head):
        head = logs[-1].data[:SECTOR]
    flags, size = _number(head, 144), _number(head, 40)
    for log, entry in entries:
        end = BASE_BLOCK + entry.bins_size
        if end > room:  # all that a hive grows by is dirty, thus in its logs
            problem = problem or f"dirty, and entry {entry.number} of its log asks for {end} bytes"
            break
        _grow(data, end)
        for page in entry.pages:
            start = BASE_BLOCK + page.offset
            data[start : start + page.size] = log.data[page.at : page.at + page.size]
        if told is not None:
            told(data, entry.pages)
        laid.append(Laid(log.data, entry.pages))
        size = entry.bins_size
        flags = flags if entry.flags is None else flags & ~1 | entry.flags & 1
        done.append(entry.number)
    if not done:
        return Replay(hive, (), problem)
    data[:SECTOR] = _repaired(head, number=done[-1], size=size, flags=flags)
    return Replay(_as_bytes(data), tuple(done), problem, tuple(laid))


def _repaired(head: bytes, *, number: int, size: int, flags: int) -> bytes:
    block = bytearray(head)
    struct.pack_into("<II", block, 4, number, number)
    struct.pack_into("<I", block, 28, _PRIMARY)
    struct.pack_into("<I", block, 40, size)
    struct.pack_into("<I", block, 144, flags)
    struct.pack_into("<I", block, 508, checksum(block))
    return bytes(block)


def _newer(logs: Sequence[Bytes], starts: int | None, *, quick: bool) -> list[_Log]:
    """The logs of the new format that apply, in their order.

    ``starts``: the lowest number that the hive lacks; None where its base block is damaged: then
    Windows takes the last log alone, which was begun when the hive had been written.
    """
    found = [_chain(log, starts, quick=quick) for log in logs if _number(log, 28) == _NEW_LOG]
    found = [log for log in found if log.entries or log.problem]
    with_entries = [log for log in found if log.entries]
    if len(with_entries) > 1 and _is_before(with_entries[1], with_entries[0]):
        with_entries.reverse()
    if starts is None:
        with_entries = with_entries[-1:]
    for before, after in itertools.pairwise(with_entries):
        expected = before.entries[-1].number + 1 & 0xFFFFFFFF
        if after.entries[0].number != expected:
            problem = f"dirty, and its logs do not follow each other: entry {expected} is missing"
            return [_whole(before, quick=quick, otherwise=problem)]
        if before.problem:
            return [_whole(before, quick=quick)]
    last = [_whole(log, quick=quick) for log in with_entries[-1:]]
    return [*with_entries[:-1], *last, *(log for log in found if not log.entries)]


def _whole(log: _Log, *, quick: bool, otherwise: str = "") -> _Log:
    """Without its last entry if that is none: of a quick chain it was not hashed yet."""
    if quick and not _is_whole_entry(log.data, log.entries[-1].at):
        problem = f"dirty, and entry {log.entries[-1].number} of its log is damaged"
        return log._replace(entries=log.entries[:-1], problem=problem)
    return log._replace(problem=log.problem or otherwise)


def _is_before(one: _Log, other: _Log) -> bool:
    """By the numbers of their first entries, which start again behind 0xFFFFFFFF."""
    return 0 < (other.entries[0].number - one.entries[0].number) & 0xFFFFFFFF < 1 << 31


def _chain(log: Bytes, starts: int | None, *, quick: bool) -> _Log:
    """The entries of a log that follow each other, from its beginning; what is behind is older."""
    entries: list[_Entry] = []
    problem = ""
    number: int | None = None
    at = SECTOR
    while log[at : at + 4] == b"HvLE" and at < MAX_LOG_BYTES:
        size, _, this = struct.unpack_from("<III", log[at : at + 16].ljust(16, b"\0"), 4)
        if number is not None and this != number + 1 & 0xFFFFFFFF:
            if (this - number) & 0xFFFFFFFF < 1 << 31 and this != number:
                problem = f"dirty, and entry {number + 1 & 0xFFFFFFFF} of its log is missing"
            break  # of an earlier round
        number = this
        if starts is not None and (this - starts) & 0xFFFFFFFF >= 1 << 31:
            at += max(size & ~(SECTOR - 1), SECTOR)  # written to the hive long ago
            continue
        entry = _entry(log, at)
        if entry is None or not (quick or _is_whole_entry(log, at)):
            problem = f"dirty, and entry {this} of its log is damaged"
            break
        entries.append(entry)
        at += size
    return _Log(log, tuple(entries), problem)


def _entry(log: Bytes, at: int) -> _Entry | None:
    """None for one that Windows would refuse: the hash of its head, a size or a page is wrong."""
    if len(log) < at + _ENTRY_HEAD.size:
        return None
    _, size, flags, number, bins_size, count, _, head_hash = _ENTRY_HEAD.unpack(
        log[at : at + _ENTRY_HEAD.size]
    )
    end, body = at + size, at + _ENTRY_HEAD.size
    if (
        size % SECTOR
        or not _ENTRY_HEAD.size + 8 * count <= size <= len(log) - at
        or bins_size % 4096
        or marvin32(log[at : at + 32]) != head_hash
    ):
        return None
    pages: list[Page] = []
    position = body + 8 * count
    for offset, length in struct.iter_unpack("<II", log[body:position]):
        if offset + length > bins_size or position + length > end:
            return None
        pages.append(Page(offset, length, position))
        position += length
    return _Entry(number, bins_size, flags, tuple(pages), at)


def _is_whole_entry(log: Bytes, at: int) -> bool:
    """Whether the hash of all behind its head is right."""
    body = log[at + _ENTRY_HEAD.size : at + _number(log, at + 4)]
    return marvin32(body) == log[at + 24 : at + 32]


def _older(logs: Sequence[Bytes], hive: Bytes) -> list[_Log]:
    """The log of the old format that applies: one that was ended and is not older than the hive."""
    written = struct.unpack_from("<Q", hive[:20].ljust(20, b"\0"), 12)[0]
    if not is_whole(hive[:SECTOR]):
        written = struct.unpack_from("<Q", hive[4096:4124].ljust(28, b"\0"), 20)[0]
    problem = "dirty, and its log is older than the hive"
    for log in sorted(logs, key=lambda log: _number(log, 4), reverse=True):
        if _number(log, 28) not in {_OLD_LOG, _OLDER_LOG} or log[4:8] != log[8:12]:
            problem = "dirty, and its log was not written to the end"
        elif struct.unpack("<Q", log[12:20])[0] >= written:
            return [_vector(log)]
    return [_Log(b"", (), problem)]


def _vector(log: Bytes) -> _Log:
    """The dirty pages of the old format: a bit for each 512 bytes of the hive bins."""
    size = _number(log, 40)
    vector = log[SECTOR + 4 : SECTOR + 4 + size // SECTOR // 8]
    if log[SECTOR : SECTOR + 4] != b"DIRT" or len(vector) < size // SECTOR // 8 or size % 4096:
        return _Log(log, (), "dirty, and the page table of its log is damaged")
    at = SECTOR + (4 + len(vector) + SECTOR - 1) // SECTOR * SECTOR
    pages: list[Page] = []
    for bit in _bits(vector):
        if at + SECTOR > len(log):
            return _Log(log, (), "dirty, and its log ends early")
        pages.append(Page(bit * SECTOR, SECTOR, at))
        at += SECTOR
    return _Log(log, (_Entry(_number(log, 4), size, None, tuple(pages)),), "")


def _bits(vector: bytes) -> Iterator[int]:
    for number, byte in enumerate(vector):
        if byte:
            yield from (number * 8 + bit for bit in range(8) if byte >> bit & 1)


def _number(data: Bytes, offset: int) -> int:
    """32 bits; what is not there is 0."""
    return int.from_bytes(data[offset : offset + 4], "little")
