"""Registry hives made of nested dicts, and the transaction logs that turn one into another.

Format: M. Suhanov, "Windows registry file format specification". libregf, python-registry and
dissect.regf read what is made here (``tests/agent/formats/test_made_hives.py``).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from agent.formats.hive_logs import checksum
from agent.formats.marvin32 import marvin32

from .filetime import ticks

WRITTEN = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
"""Of every key, unless told otherwise."""
PAGE = 4096
SEGMENT = 16_344
NOWHERE = 0xFFFFFFFF
SZ, EXPAND_SZ, BINARY, DWORD, MULTI_SZ = 1, 2, 3, 4, 7


@dataclass(frozen=True)
class Typed:
    """A value of a type and bytes of one's own."""

    type: int
    data: bytes


@dataclass(frozen=True)
class Gone:
    """A value or key that was deleted: its cells are free, no list in use names it."""

    was: Content


Content = str | int | bytes | Sequence[str] | Typed | Gone | Mapping[str, "Content"]
"""A value (REG_SZ, REG_DWORD, REG_BINARY, REG_MULTI_SZ, any), or a key by what is in it; a key that
has a value's name is written with a backslash behind it."""
Tree = Mapping[str, Content]


def expand(text: str) -> Typed:
    """REG_EXPAND_SZ."""
    return Typed(EXPAND_SZ, _wide(text))


def hive(
    tree: Tree,
    *,
    lists: str = "lh",
    leaf: int = 1000,
    minor: int = 5,
    number: int = 1,
    written: Mapping[str, datetime] | None = None,
) -> bytes:
    """A clean hive.

    ``lists``: the kind of lists of subkeys, of at most ``leaf`` keys each (more: an ``ri`` above
    them). ``written``: times of keys by path, "" for the root. ``number``: both sequence numbers.
    """
    maker = _Maker(lists, leaf, minor, written or {})
    root = maker.key("ROOT", tree, "", 0, gone=False)
    return maker.whole(root, number)


class _Maker:
    def __init__(self, lists: str, leaf: int, minor: int, written: Mapping[str, datetime]) -> None:
        self.lists = lists.encode()
        self.leaf = leaf
        self.minor = minor
        self.written = {path.upper(): when for path, when in written.items()}
        self.bins = bytearray()
        self.bin_start = 0
        self.free = 0
        self.security = self._security()

    def cell(self, size: int, *, gone: bool = False) -> int:
        """Room for so many bytes of content; its offset."""
        whole = size + 4 + 7 & ~7
        if self.free + whole > len(self.bins):
            self._close()
            self.bin_start = len(self.bins)
            length = -(-(whole + 32) // PAGE) * PAGE
            self.bins += struct.pack("<4sII20x", b"hbin", self.bin_start, length).ljust(
                length, b"\0"
            )
            if not self.bin_start:
                struct.pack_into("<Q", self.bins, 20, ticks(WRITTEN))
            self.free = self.bin_start + 32
        offset = self.free
        struct.pack_into("<i", self.bins, offset, whole if gone else -whole)
        self.free += whole
        return offset

    def put(self, content: bytes, *, gone: bool = False) -> int:
        offset = self.cell(len(content), gone=gone)
        self.fill(offset, content)
        return offset

    def fill(self, offset: int, content: bytes) -> None:
        self.bins[offset + 4 : offset + 4 + len(content)] = content

    def _close(self) -> None:
        if self.free < len(self.bins):
            struct.pack_into("<i", self.bins, self.free, len(self.bins) - self.free)
            self.free = len(self.bins)

    def _security(self) -> int:
        descriptor = struct.pack("<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0)
        offset = self.cell(20 + len(descriptor))
        head = struct.pack("<2sHIIII", b"sk", 0, offset, offset, 1, len(descriptor))
        self.fill(offset, head + descriptor)
        return offset

    def key(self, name: str, tree: Tree, path: str, parent: int, *, gone: bool) -> int:
        stored, flags = _stored(name, 0x20)
        if not path:
            flags |= 0x0C
        offset = self.cell(76 + len(stored), gone=gone)
        keys: list[tuple[str, int]] = []
        values: list[int] = []
        deleted: list[int] = []
        for child, content in tree.items():
            lost = gone or isinstance(content, Gone)
            inner = content.was if isinstance(content, Gone) else content
            if isinstance(inner, Mapping):
                name = child.rstrip("\\")
                below = self.key(name, inner, f"{path}\\{name}".strip("\\"), offset, gone=lost)
                if not lost or gone:
                    keys.append((name, below))
            else:
                value = self.value(child, inner, gone=lost)
                (values if not lost or gone else deleted).append(value)
        value_list = NOWHERE
        if values:
            value_list = self.put(
                struct.pack(f"<{len(values) + len(deleted)}I", *values, *deleted), gone=gone
            )
        key_list = self.subkeys(keys, gone=gone) if keys else NOWHERE
        when = self.written.get(path.upper(), WRITTEN)
        longest = max((len(child) * 2 for child in tree), default=0)
        head = struct.pack(
            "<2sHQIIIIIIIIIIIIIIIHH",
            *(b"nk", flags, ticks(when), 0, parent, len(keys), 0, key_list, NOWHERE),
            *(len(values), value_list, self.security, NOWHERE),
            *(longest, 0, longest, 0, 0, len(stored), 0),
        )
        self.fill(offset, head + stored)
        return offset

    def subkeys(self, keys: list[tuple[str, int]], *, gone: bool) -> int:
        keys = sorted(keys, key=lambda key: key[0].upper())
        leaves = [
            self.put(self._list(keys[at : at + self.leaf]), gone=gone)
            for at in range(0, len(keys), self.leaf)
        ]
        if len(leaves) == 1:
            return leaves[0]
        index = struct.pack(f"<2sH{len(leaves)}I", b"ri", len(leaves), *leaves)
        return self.put(index, gone=gone)

    def _list(self, keys: list[tuple[str, int]]) -> bytes:
        made = struct.pack("<2sH", self.lists, len(keys))
        for name, offset in keys:
            made += struct.pack("<I", offset)
            if self.lists == b"lf":
                made += name[:4].encode("latin-1", "replace").ljust(4, b"\0")
            elif self.lists == b"lh":
                made += struct.pack("<I", _hash(name))
        return made

    def value(self, name: str, content: Content, *, gone: bool) -> int:
        kind, data = _bytes(content)
        stored, flags = _stored(name, 1)
        if len(data) <= 4:
            size, where = len(data) | 1 << 31, int.from_bytes(data.ljust(4, b"\0"), "little")
        else:
            size, where = len(data), self._data(data, gone=gone)
        head = struct.pack("<2sHIIIHH", b"vk", len(stored), size, where, kind, flags, 0)
        return self.put(head + stored, gone=gone)

    def _data(self, data: bytes, *, gone: bool) -> int:
        if len(data) <= SEGMENT or self.minor < 4:
            return self.put(data, gone=gone)
        pieces = [
            self.put(data[at : at + SEGMENT], gone=gone) for at in range(0, len(data), SEGMENT)
        ]
        listed = self.put(struct.pack(f"<{len(pieces)}I", *pieces), gone=gone)
        return self.put(struct.pack("<2sHII", b"db", len(pieces), listed, 0), gone=gone)

    def whole(self, root: int, number: int) -> bytes:
        self._close()
        block = bytearray(PAGE)
        struct.pack_into(
            "<4sIIQIIIIIII",
            block,
            0,
            *(b"regf", number, number, ticks(WRITTEN), 1, self.minor, 0, 1),
            *(root, len(self.bins), 1),
        )
        return with_checksum(bytes(block) + bytes(self.bins))


def with_checksum(data: bytes) -> bytes:
    """The base block at the beginning made whole."""
    return data[:508] + struct.pack("<I", checksum(data[:512])) + data[512:]


def dirty(data: bytes, number: int) -> bytes:
    """A hive in use, whose next change is that number."""
    return with_checksum(data[:4] + struct.pack("<II", number + 1, number) + data[12:])


def log(before: bytes, after: bytes, number: int) -> bytes:
    """A log of one entry that turns one hive into another."""
    return new_log(number, [entry_between(before, after, number)], after)


def new_log(number: int, entries: Sequence[bytes], base: bytes) -> bytes:
    """A log of the format since Windows 8.1."""
    return _log_head(base, 6, number) + b"".join(entries)


def entry_between(before: bytes, after: bytes, number: int) -> bytes:
    """The pages in which two hives differ, as an entry."""
    bins = after[PAGE:]
    pages = [
        (at, bins[at : at + PAGE])
        for at in range(0, len(bins), PAGE)
        if bins[at : at + PAGE] != before[PAGE + at : 2 * PAGE + at]
    ]
    return entry(number, pages, len(bins))


def entry(number: int, pages: Sequence[tuple[int, bytes]], bins_size: int, flags: int = 0) -> bytes:
    """An entry with right hashes. ``pages``: offsets in the hive bins and bytes."""
    body = b"".join(struct.pack("<II", offset, len(data)) for offset, data in pages)
    body += b"".join(data for _, data in pages)
    size = -(-(40 + len(body)) // 512) * 512
    body = body.ljust(size - 40, b"\0")
    head = struct.pack("<4sIIIII", b"HvLE", size, flags, number, bins_size, len(pages))
    head += marvin32(body)
    return head + marvin32(head) + body


def old_log(before: bytes, after: bytes, number: int) -> bytes:
    """A log of the format before Windows 8.1."""
    bins = after[PAGE:]
    differ = [
        bins[at : at + 512] != before[PAGE + at : PAGE + at + 512]
        for at in range(0, len(bins), 512)
    ]
    vector = bytearray(len(differ) // 8)
    for at, bit in enumerate(differ):
        vector[at // 8] |= bit << at % 8
    table = b"DIRT" + bytes(vector)
    pages = [bins[at * 512 : at * 512 + 512] for at, bit in enumerate(differ) if bit]
    return (
        _log_head(after, 1, number) + table.ljust(-(-len(table) // 512) * 512, b"\0")
    ) + b"".join(pages)


def _log_head(base: bytes, file_type: int, number: int) -> bytes:
    head = bytearray(base[:512])
    struct.pack_into("<II", head, 4, number, number)
    struct.pack_into("<I", head, 28, file_type)
    return with_checksum(bytes(head))


def _bytes(content: Content) -> tuple[int, bytes]:
    if isinstance(content, Typed):
        return content.type, content.data
    if isinstance(content, str):
        return SZ, _wide(content)
    if isinstance(content, int):
        return DWORD, struct.pack("<I", content)
    if isinstance(content, bytes):
        return BINARY, content
    assert isinstance(content, Sequence)
    return MULTI_SZ, b"".join(_wide(str(text)) for text in content) + b"\0\0"


def _wide(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le", "surrogatepass")


def _stored(name: str, one_byte: int) -> tuple[bytes, int]:
    try:
        return name.encode("latin-1"), one_byte
    except UnicodeEncodeError:
        return name.encode("utf-16-le", "surrogatepass"), 0


def _hash(name: str) -> int:
    total = 0
    for character in name.upper():
        total = total * 37 + ord(character) & 0xFFFFFFFF
    return total
