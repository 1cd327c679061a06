"""Databases of shims (``.sdb``): what Windows does to a program when it starts it.

Format: G. Chappell, "Shim Database (SDB) Files", and Microsoft Learn, "Shim Database Types": a
header of 12 bytes that ends in ``sdbf``, then tags of 16 bits, whose upper 4 say how the data that
follow are stored: lists of tags, numbers, texts, and references to texts in the table of strings
(from the beginning of its tag on). Each tag begins at an even offset.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from . import FormatError

MAGIC = b"sdbf"
HEADER = 12
MAX_TAGS = 4_000_000
MAX_DEPTH = 16
_REFERENCE, _LIST, _TEXT, _BINARY = 0x6, 0x7, 0x8, 0x9
_SIZES = {0x1: 0, 0x2: 1, 0x3: 2, 0x4: 4, 0x5: 8, _REFERENCE: 4}
"""Bytes of data by the upper 4 bits; the others have theirs in front."""
_STRINGS = 0x7801
_DATABASE, _EXE, _SHIM_REFERENCE, _LAYER = 0x7001, 0x7007, 0x7009, 0x700B
_NAME, _COMMAND_LINE, _APPLICATION = 0x6001, 0x6008, 0x6006


class Shim(NamedTuple):
    """One shim of a program; one without any has an empty name."""

    offset: int
    """Of its tag."""
    program: str
    """Name of the program's file; empty: of a layer, which any may have."""
    application: str
    """What the database calls it."""
    name: str
    """``InjectDll``, ``RedirectEXE`` …"""
    command_line: str
    """What it is given: of these a path."""
    texts: tuple[str, ...]
    """These; of a program without a shim everything that its entry says."""


class _Tag(NamedTuple):
    number: int
    offset: int
    begin: int
    end: int


def is_shim_database(data: bytes) -> bool:
    """By its header."""
    return data[8:HEADER] == MAGIC


def is_cut(data: bytes) -> bool:
    """Whether it ends within a tag, as far as its outermost tags tell."""
    try:
        deque(_Shims(data).top(), maxlen=0)
    except FormatError:
        return True
    return False


def read_shims(data: bytes) -> Iterator[Shim]:
    """Every shim of every program and layer. Raises FormatError: no such database, and where it is
    cut, after those before."""
    if not is_shim_database(data):
        raise FormatError("no shim database", "header")
    yield from _Shims(data).all()


class _Shims:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MAX_TAGS
        self._strings = 0
        self._whole = _Tag(0, 0, HEADER, len(data))

    def top(self) -> Iterator[_Tag]:
        """The outermost tags. Raises FormatError."""
        return self._tags(self._whole)

    def all(self) -> Iterator[Shim]:
        entries: list[_Tag] = []
        problem = self._find(self._whole, entries)
        for entry in entries:
            yield from self._of(entry)
        if problem is not None:
            raise problem

    def _find(self, of: _Tag, entries: list[_Tag]) -> FormatError | None:
        """Add the programs and layers; why there may be more. The table of strings comes last, and
        is looked for behind what is damaged."""
        problem: FormatError | None = None
        try:
            for tag in self._tags(of):
                if tag.number == _STRINGS:
                    self._strings = tag.offset
                elif tag.number in (_EXE, _LAYER):
                    entries.append(tag)
                elif tag.number == _DATABASE and of.number != _DATABASE:
                    problem = self._find(tag, entries) or problem
        except FormatError as error:
            return error
        return problem

    def _tags(self, of: _Tag) -> Iterator[_Tag]:
        """What lies in a list. Raises FormatError."""
        at = of.begin
        while at + 2 <= of.end:
            self._left -= 1
            if self._left < 0:
                raise FormatError(f"more than {MAX_TAGS:,} tags in a shim database")
            (number,) = struct.unpack_from("<H", self._data, at)
            size, begin = _SIZES.get(number >> 12), at + 2
            if size is None:
                size = int.from_bytes(self._data[begin : begin + 4], "little")
                begin += 4
            end = begin + size
            if end > of.end or number >> 12 not in (*_SIZES, _LIST, _TEXT, _BINARY):
                raise FormatError("a shim database is cut or damaged", f"0x{at:x}")
            yield _Tag(number, at, begin, end)
            at = end + (end & 1)

    def _of(self, entry: _Tag) -> Iterator[Shim]:
        named = {one.number: one for one in self._tags(entry)}
        program = self._text(named.get(_NAME)) if entry.number == _EXE else ""
        application = self._text(named.get(_APPLICATION if entry.number == _EXE else _NAME))
        found = False
        for tag in self._tags(entry):
            if tag.number == _SHIM_REFERENCE:
                found = True
                given = {one.number: one for one in self._tags(tag)}
                name, line = (self._text(given.get(one)) for one in (_NAME, _COMMAND_LINE))
                told = (program, application, name, line)
                yield Shim(tag.offset, *told, told)
        if not found:
            texts = tuple(dict.fromkeys(self._texts(entry, 0)))
            yield Shim(entry.offset, program, application, "", "", texts)

    def _texts(self, of: _Tag, depth: int) -> Iterator[str]:
        for tag in self._tags(of):
            kind = tag.number >> 12
            if kind in (_REFERENCE, _TEXT) and (text := self._text(tag)):
                yield text
            elif kind == _LIST and depth < MAX_DEPTH:
                yield from self._texts(tag, depth + 1)

    def _text(self, tag: _Tag | None) -> str:
        """Of a text, or of a reference to one; "" for one to nowhere."""
        if tag is None:
            return ""
        raw = self._data[tag.begin : tag.end]
        if tag.number >> 12 == _REFERENCE:
            at = self._strings + int.from_bytes(raw, "little")
            number, size = struct.unpack_from("<HI", self._data[at : at + 6].ljust(6, b"\0"))
            raw = self._data[at + 6 : at + 6 + size] if number >> 12 == _TEXT else b""
        return raw[: len(raw) & ~1].decode("utf-16-le", "surrogatepass").partition("\0")[0]
