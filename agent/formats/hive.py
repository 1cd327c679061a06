"""A registry hive: its keys and values by path.

Everything is read by ourselves from the cells (``hive_cells.py``): libregf gives wrong bytes for
values of one to three bytes and ends a list of strings at its first empty one. A hive in use lacks
what stands in its transaction logs: lay them over it first (``hive_logs.replayed``). What a
position of a byte hit belongs to is told by ``hive_places.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..spelling import fold
from . import FormatError
from .filetime import utc_of
from .hive_cells import NOWHERE, Cells, KeyCell, ValueCell, wide
from .paged import Bytes

MAX_DEPTH = 512
"""Levels of keys; the registry's own limit ("Registry element size limits", Windows SDK)."""
LIST_ELEMENT = 4
"""Bytes that the mention of a key takes at least: no honest hive has more of them than room."""
MAX_PROBLEMS = 20
SHORT = 64
"""Elements of a list that is read whoever names it."""

TYPES = (
    "REG_NONE",
    "REG_SZ",
    "REG_EXPAND_SZ",
    "REG_BINARY",
    "REG_DWORD",
    "REG_DWORD_BIG_ENDIAN",
    "REG_LINK",
    "REG_MULTI_SZ",
    "REG_RESOURCE_LIST",
    "REG_FULL_RESOURCE_DESCRIPTOR",
    "REG_RESOURCE_REQUIREMENTS_LIST",
    "REG_QWORD",
)
_STRINGS = frozenset({"REG_SZ", "REG_EXPAND_SZ", "REG_LINK", "REG_MULTI_SZ"})


class Value:
    """A value of a key. ``name`` is "" for the default value; ``offset`` is that of its cell."""

    def __init__(
        self, hive: Hive, offset: int, cell: ValueCell, *, is_deleted: bool = False
    ) -> None:
        self.offset = offset
        self.name = cell.name
        self.type = TYPES[cell.type] if cell.type < len(TYPES) else f"0x{cell.type:x}"
        """As Windows names it, or a number in hexadecimal (drivers and SAM have their own)."""
        self.size = cell.size
        """Of the data in bytes, as the value says."""
        self.is_deleted = is_deleted
        """Then its data are what is left of them."""
        self._hive = hive
        self._cell = cell

    @property
    def data(self) -> bytes:
        """The bytes, whole: pieces are joined. Fewer than ``size`` where a cell is too short.

        Raises:
            FormatError: they lie in a cell that is none, or is free.
        """
        cells = self._hive.cells
        return cells.left_of(self._cell) if self.is_deleted else cells.data_of(self._cell)

    @property
    def strings(self) -> list[str]:
        """The text of a string or of a list of strings; [] for other types.

        A list keeps its empty strings but for those at its end. What stands behind the end of a
        single string, where no program but a forensic one looks, are further elements. Lone
        surrogates stay; a missing NUL or an odd byte loses nothing.

        Raises:
            FormatError: as ``data``.
        """
        if self.type not in _STRINGS:
            return []
        text = wide(self.data).rstrip("\0")
        return text.split("\0") if text else []

    @property
    def text(self) -> str:
        """What a program reads from a string value: up to its first NUL.

        Raises:
            FormatError: as ``data``.
        """
        return next(iter(self.strings), "")


class Key:
    """A key of a hive; ``offset`` is that of its cell."""

    def __init__(self, hive: Hive, offset: int, cell: KeyCell, path: str) -> None:
        self.offset = offset
        self.name = cell.name
        self.path = path
        """From below the root of the hive, "" for the root itself."""
        self.written: datetime | None = utc_of(cell.written)
        """Last write to the key or one of its values, UTC; None if unset."""
        self.hive = hive
        self._cell = cell
        self._by_name: dict[str, Value] | None = None

    def subkeys(self) -> Iterator[Key]:
        """Those that can be read, in the order of the hive; the others are among its problems."""
        for offset in self.hive.children(self.offset, self._cell):
            cell = self.hive.read_key(offset)
            if cell is not None:
                yield self._below(offset, cell)

    def _below(self, offset: int, cell: KeyCell) -> Key:
        path = f"{self.path}\\{cell.name}" if self.path else cell.name
        return Key(self.hive, offset, cell, path)

    def values(self) -> Iterator[Value]:
        """Those that can be read, in the order of the hive; the others are among its problems."""
        for offset in self.hive.value_offsets(self.offset, self._cell):
            value = self.hive.read_value(offset)
            if value is not None:
                yield Value(self.hive, offset, value)

    def subkey(self, name: str) -> Key | None:
        """By name, without regard to case, as Windows finds it."""
        folded = fold(name)
        for offset in self.hive.children_named(self.offset, self._cell, name):
            cell = self.hive.read_key(offset)
            if cell is not None and fold(cell.name) == folded:
                return self._below(offset, cell)
        return None

    def value(self, name: str) -> Value | None:
        """By name, without regard to case; "" for the default value. All are read once."""
        if self._by_name is None:
            self._by_name = {}
            for value in self.values():
                self._by_name.setdefault(fold(value.name), value)
        return self._by_name.get(fold(name))


class Hive:
    """The tree of a hive, read as it is asked for.

    ``problems``: what could not be read so far, at most 20 of them.

    Raises:
        FormatError: no hive, or one without a root.
    """

    def __init__(self, data: Bytes) -> None:
        self.cells = Cells(data)
        self.problems: list[str] = []
        self._room = 2 * self.cells.room_for(LIST_ELEMENT)
        """Elements that long lists may still have: no honest keys share one, but for deleted ones
        that have the list of what became of them."""
        self._known: set[tuple[int, int]] = set()
        """Whose lists, and which, count as read: they are read again for nothing."""
        self.root = Key(self, self.cells.root, self.cells.key(self.cells.root), "")
        self._found: dict[str, Key | None] = {"": self.root}
        """What was asked for, by the folded path: many paths begin alike."""

    def key(self, path: str) -> Key | None:
        r"""By its path below the root (``Microsoft\Windows``), without regard to case."""
        return self._key_at(fold(path.strip("\\")))

    def _key_at(self, path: str) -> Key | None:
        if path not in self._found:
            above, _, name = path.rpartition("\\")
            holder = self._key_at(above)
            if len(self._found) >= MAX_DEPTH:
                self._found = {"": self.root}
            self._found[path] = holder.subkey(name) if holder is not None else None
        return self._found[path]

    def walk(self) -> Iterator[tuple[int, KeyCell, int]]:
        """Each key below the root and the root, once: its offset, itself, the offset of its parent.

        A key that leads back to one above it, or lies too deep, is among the problems.
        """
        seen: set[int] = set()
        lists: set[int] = set()
        listed = 0
        waiting = [(self.root.offset, NOWHERE, 0)]
        while waiting:
            offset, parent, depth = waiting.pop()
            if offset in seen or depth > MAX_DEPTH:
                self.note(FormatError("keys in a circle, or too deep", f"0x{offset:x}"))
                continue
            seen.add(offset)
            cell = self.read_key(offset)
            if cell is None:
                continue
            yield offset, cell, parent
            below = self.children(offset, cell, lists)
            listed += len(below)
            if listed > self.cells.room_for(LIST_ELEMENT):
                self.note(FormatError("more keys than the hive has room for", f"0x{offset:x}"))
                return
            waiting += [(child, offset, depth + 1) for child in below]

    def children(self, owner: int, key: KeyCell, lists: set[int] | None = None) -> list[int]:
        """Offsets of the subkeys of a key at ``owner``, as far as their lists can be read.

        ``lists``: offsets of those that were read before and are left out, as no two keys share
        one; those read now are added.
        """
        found: list[int] = []
        if key.subkeys and key.subkey_list != NOWHERE and self._may_read(owner, key.subkey_list):
            try:
                for keys in self.cells.subkeys(key, set() if lists is None else lists):
                    found += keys
                    if len(found) > self.cells.room_for(LIST_ELEMENT):
                        raise FormatError("overlapping lists of keys", f"0x{key.subkey_list:x}")
            except FormatError as error:
                self.note(error)
            self._count(owner, key.subkey_list, len(found))
        return found

    def children_named(self, owner: int, key: KeyCell, name: str) -> Iterator[int]:
        """Of :meth:`children`, those that may have a name, list by list."""
        if not key.subkeys or key.subkey_list == NOWHERE:
            return
        if not self._may_read(owner, key.subkey_list):
            return
        listed = 0
        try:
            for found in self.cells.subkeys_named(key, name):
                listed += found.listed
                if listed > self.cells.room_for(LIST_ELEMENT):
                    raise FormatError("overlapping lists of keys", f"0x{key.subkey_list:x}")
                yield from found.offsets
        except FormatError as error:
            self.note(error)
        finally:
            self._count(owner, key.subkey_list, listed)

    def value_offsets(self, owner: int, key: KeyCell) -> tuple[int, ...]:
        """Offsets of the values of a key at ``owner``; () where their list cannot be read."""
        if key.values > SHORT and not self._may_read(owner, key.value_list):
            return ()
        try:
            found = self.cells.values(key)
        except FormatError as error:
            self.note(error)
            return ()
        self._count(owner, key.value_list, len(found))
        return found

    def _may_read(self, owner: int, listed: int) -> bool:
        """Whether there is room for one more list, or it is known."""
        if self._room >= 0 or (owner, listed) in self._known:
            return True
        self.note(FormatError("overlapping lists", f"0x{owner:x}"))
        return False

    def _count(self, owner: int, listed: int, elements: int) -> None:
        if elements > SHORT and (owner, listed) not in self._known:
            self._known.add((owner, listed))
            self._room -= elements

    def read_key(self, offset: int) -> KeyCell | None:
        """The key in a cell; None, and a problem more, for none."""
        try:
            return self.cells.key(offset)
        except FormatError as error:
            self.note(error)
            return None

    def read_value(self, offset: int) -> ValueCell | None:
        """The value in a cell; None, and a problem more, for none."""
        try:
            return self.cells.value(offset)
        except FormatError as error:
            self.note(error)
            return None

    def note(self, error: FormatError) -> None:
        """Keep why something could not be read."""
        if len(self.problems) < MAX_PROBLEMS and str(error) not in self.problems:
            self.problems.append(str(error))
