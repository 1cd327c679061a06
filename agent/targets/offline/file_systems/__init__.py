"""File systems other than NTFS, and what else is a tree of files in one medium: each kind is a
module with one function, ``read(source, number) -> FileSystem``; :mod:`.opening` tells which.

A reader gives the entries of a folder and the bytes of a file, and raises where it cannot:
:mod:`.volume_tree` makes of that the tree that every target is looked through as, and of what is
raised a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from ...tree import Kind, Tell, Times


class Item(Struct, frozen=True):
    """An entry of a folder."""

    name: str
    kind: Kind
    place: Any = None
    """Where its reader finds it again."""
    size: int = 0
    """Bytes of a file."""
    times: Callable[[], Times] = Times
    identity: Hashable = None
    """Of a folder: the same for the same one, however it is reached."""
    streams: tuple[tuple[str, int, Any], ...] = ()
    """Alternate streams: name, bytes and place of each."""
    deleted: bool = False
    """Then its name and what its entry says is all that there is."""


class Content(NamedTuple):
    """The bytes of a file."""

    read: Callable[[int, int], bytes]
    """Offset and length to bytes, fewer only behind :attr:`written`. Raises OSError,
    FormatError. Not for several threads at once."""
    size: int
    written: int
    """Bytes; those behind them, up to the size, are zeros."""


class FileSystem(Protocol):
    """One that was opened. May be asked from any thread."""

    @property
    def identity(self) -> str:
        """The same for the same volume, whatever it lies in: ``fat:1A2B3C4D``."""

    @property
    def top(self) -> Item: ...

    @property
    def gaps(self) -> Mapping[str, int]:
        """What of it is not read, in the words of the coverage, and how many of such there
        are."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing of it, and leaves no gap."""

    def entries(self, folder: Item, tell: Tell) -> Iterator[Item]:
        """Deleted ones too, as far as their names are left. ``tell`` is told why some may be
        missing. Raises OSError, FormatError."""

    def content(self, place: Any) -> Content:
        """By the place of a file or stream. Raises OSError, FormatError."""


__all__ = ["Content", "FileSystem", "Item"]
