"""A ZIP archive of a collection."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, cast

from ....formats import FormatError, zip_aes
from ....formats.zip_archive import (
    Directory,
    Member,
    content_of,
    find_directory,
    looks_like_zip,
    members,
    unlisted,
)
from ....formats.zip_recovery import recovered_members
from ....formats.zip_unpacking import is_stored, is_unpackable, pieces
from ....reading.opening import read_at
from ..collections.sparse import Piece, SparseFile
from . import Folders, Node, Problem
from .unpacking import Unpacked

MAX_RATIO = 400
"""Times that a member may unpack to what it takes: no evidence does from 64 MiB on, of deflate's
1,032."""
_LEAST_BOMB = 64 << 20
_LOCAL_HEADER = 30
_PEEK = 1 << 20
ENCRYPTED = "encrypted archive member"
METHOD = "archive member packed by a method that is not read"
BOMB = "archive member that unpacks to hundreds of times of what it takes, refused"
OVERLAPS = "archive member that lies over another one, refused"
BESIDE = "archive with more in it than its directory tells of, not looked at there"
CUT_SHORT = "archive member is cut short"


class ZipListing:
    """Members by their paths; either separator counts, as some tools write the one of Windows."""

    def __init__(self, open_it: Callable[[], BinaryIO], passwords: Sequence[str] = ()) -> None:
        """``open_it``: opens the archive; raises OSError. ``passwords``: of members that are
        encrypted by AES. Raises FormatError: no ZIP archive. OSError."""
        self._open = open_it
        self._passwords = passwords if zip_aes.is_readable() else ()
        folders = Folders("/\\")
        with open_it() as file:
            self._size = file.seek(0, os.SEEK_END)
            directory, entries = self._entries(file, folders)
            nodes: list[Node] = []
            try:
                for member in entries:
                    node = Node(member, refused=_refused(member, openable=bool(self._passwords)))
                    nodes.append(node)
                    folders.add(member.name, node, is_folder=not member.base_name)
            except FormatError as error:
                folders.problem(f"archive: {error.what}")
            if directory is not None:
                self._look_beside(file, directory, nodes, folders)
        _refuse_overlaps(nodes)
        for node in nodes:
            if node.refused and node.member is not None:
                folders.problem(node.refused, node.member.name)
        self.problems: list[Problem] = folders.done()
        self.top = folders.top

    def _entries(
        self, file: BinaryIO, folders: Folders
    ) -> tuple[Directory | None, Iterator[Member]]:
        """By the directory; where there is none, by the members' own headers. Raises OSError,
        FormatError."""
        try:
            directory = find_directory(file, self._size)
        except FormatError as error:
            if not looks_like_zip(read_at(file, 0, 4)):
                raise
            folders.problem(f"archive: {error.what}")
            return None, recovered_members(file, self._size)
        return directory, members(file, directory)

    def _look_beside(
        self, file: BinaryIO, directory: Directory, nodes: list[Node], folders: Folders
    ) -> None:
        listed = [(node.member.header, node.member.packed) for node in nodes if node.member]
        for start, end in unlisted(file, self._size, directory, listed):
            if read_at(file, start, min(end - start, _PEEK)).strip(b"\0"):
                folders.problem(BESIDE)
                return

    def open(self, node: Node) -> BinaryIO:
        """As :class:`Archive`."""
        assert node.member is not None
        if node.refused:
            raise OSError(node.refused)
        file = self._open()
        try:
            if is_stored(node.member):
                return self._stored(file, node.member)
            return _unpacked(file, node.member, self._passwords)
        except FormatError as error:
            file.close()
            raise OSError(f"archive: {error.what}") from error
        except OSError:
            file.close()
            raise

    def _stored(self, file: BinaryIO, member: Member) -> BinaryIO:
        start, _ = content_of(file, member)
        if member.packed != member.size or start + member.size > self._size:
            raise OSError(CUT_SHORT)
        if member.size <= _PEEK:
            return _unpacked(file, member)
        whole = [Piece(0, member.size, start)]
        return cast("BinaryIO", SparseFile(file, whole, member.size))


def _unpacked(file: BinaryIO, member: Member, passwords: Sequence[str] = ()) -> BinaryIO:
    made = pieces(file, member, member.size + 1, passwords)
    return cast("BinaryIO", Unpacked(made, member.size, member.crc, held=file))


def _refused(member: Member, *, openable: bool) -> str:
    if member.encrypted and not (openable and member.sealed):
        return ENCRYPTED
    if not is_unpackable(member._replace(encrypted=False)):
        return METHOD
    if member.size > _LEAST_BOMB and member.size > MAX_RATIO * member.packed:
        return BOMB
    return ""


def _refuse_overlaps(nodes: list[Node]) -> None:
    """Members that share their packed bytes (D. Fifield, "A better zip bomb", 2019): the one that
    goes on into the next. Of one that is listed twice, the first is kept."""
    placed = [(node.member, node) for node in nodes if node.member is not None]
    placed.sort(key=lambda pair: pair[0].header)
    for (before, kept), (member, node) in itertools.pairwise(placed):
        if member.header == before.header:
            node.refused = node.refused or OVERLAPS
        elif member.header < before.header + _LOCAL_HEADER + before.packed:
            kept.refused = kept.refused or OVERLAPS


__all__ = ["ZipListing"]
