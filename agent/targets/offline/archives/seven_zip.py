"""A 7z archive of a collection, by py7zr: members that were packed together are unpacked together,
when the first of them is asked for, into a temporary file without a name.

py7zr knows no BCJ2 and no ARM64 filter, and no password is asked for: what was packed so is a gap,
as is all that lies behind a broken member.
"""

from __future__ import annotations

import importlib.util
import io
import shutil
import stat
import tempfile
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from msgspec import Struct, field

from ....formats.filetime import utc_of
from ....formats.zip_archive import Member
from ....ntfs import FileSource
from ....reading.opening import reason_of
from ..collections.sparse import Piece, SparseFile
from . import Folders, Node, Problem
from .unpacking import BROKEN, LEAST_FREE, NO_ROOM, SharedReading
from .zip_listing import ENCRYPTED

NO_LIBRARY = "7z archive, and py7zr is not installed (extra: offline)"
MAX_BLOCK = 64 << 30
"""Bytes of the members that were packed together."""
TOO_LARGE = "archive members packed together that are more than is unpacked"
TWICE = "archive member whose name another one has, too"
_AES = b"\x06\xf1\x07\x01"
""": 7-Zip, ``DOC/Methods.txt``."""


def is_readable() -> bool:
    """Whether py7zr is there."""
    return importlib.util.find_spec("py7zr") is not None


class Block(Struct, eq=False):
    """Members that were packed together, in their order."""

    members: list[tuple[Node, str]] = field(default_factory=list)
    size: int = 0
    """Bytes of all of them, as the archive tells it."""
    store: FileSource | None = None
    places: dict[int, int] = field(default_factory=dict)
    """Where in the store those lie that could be unpacked, by the ids of their nodes."""
    why: str = ""
    """Why others could not."""


class SevenZipListing:
    """Members by their paths."""

    def __init__(self, open_it: Callable[[], BinaryIO]) -> None:
        """``open_it``: opens the archive; raises OSError. Raises FormatError: no 7z archive, or one
        whose list is encrypted. OSError."""
        self._open = open_it
        self._lock = threading.Lock()
        self._blocks: dict[int, Block] = {}
        """By the ids of their members' nodes."""
        folders = Folders("/\\")
        from .seven_zip_unpacking import opened

        with open_it() as file, opened(file) as archive:
            by_folder: dict[int, Block] = {}
            names = Counter(one.filename for one in archive.files)
            for one in archive.files:
                node, name = _node(one), one.filename
                if node.member is not None and not one.emptystream:
                    block = by_folder.setdefault(id(one.folder), Block())
                    block.size += node.member.size
                    self._blocks[id(node)] = block
                    if any(coder["method"] == _AES for coder in one.folder.coders):
                        node.refused = ENCRYPTED
                    elif names[name] > 1:
                        node.refused = TWICE
                    elif ".." not in name.split("/"):  # For py7zr that would be the end of all.
                        block.members.append((node, name))
                folders.add(name, node, is_folder=node.member is None)
                if node.refused:
                    folders.problem(node.refused, name)
        self.problems: list[Problem] = folders.done()
        self.top = folders.top

    def open(self, node: Node) -> BinaryIO:
        """As :class:`Archive`."""
        if node.refused:
            raise OSError(node.refused)
        assert node.member is not None
        block = self._blocks.get(id(node))
        if block is None:
            return io.BytesIO()
        with self._lock:
            if block.store is None and not block.why:
                self._unpack(block)
        place = block.places.get(id(node))
        if place is None or block.store is None:
            raise OSError(block.why or BROKEN)
        size, stored = node.member.size, cast("BinaryIO", SharedReading(block.store))
        return cast("BinaryIO", SparseFile(stored, [Piece(0, size, place)], size))

    def _unpack(self, block: Block) -> None:
        """Fills in where its members lie, or why they do not."""
        if block.size > MAX_BLOCK:
            block.why = TOO_LARGE
        elif shutil.disk_usage(tempfile.gettempdir()).free < block.size + LEAST_FREE:
            block.why = NO_ROOM
        else:
            from .seven_zip_unpacking import unpack

            store = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with this object
            weakref.finalize(self, store.close)
            try:
                with self._open() as file:
                    unpack(file, block, cast("BinaryIO", store))
            except OSError as error:
                block.why = reason_of(error)
            block.store = FileSource(store)


def _node(one: Any) -> Node:
    if one.is_directory:
        return Node()
    written = utc_of(int(one.lastwritetime or 0))
    member = Member(
        name=one.filename,
        size=one.uncompressed or 0,
        packed=0,
        method=0,
        encrypted=False,
        header=0,
        modified=None if written is None else written.timestamp(),
        unix_mode=stat.S_IFLNK if one.is_symlink or one.is_junction else stat.S_IFREG,
    )
    return Node(member)


__all__ = ["NO_LIBRARY", "Block", "SevenZipListing", "is_readable"]
