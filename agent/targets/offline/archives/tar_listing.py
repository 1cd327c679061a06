"""A tar archive of a collection, as it is or compressed: by gzip it is read at any place, by
another method it is unpacked once into a temporary file without a name."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, cast

from ....formats import FormatError
from ....formats.compressed import Forward
from ....formats.compressed import Unpacked as Stream
from ....formats.kinds import GZIP, Holds, Kind, kind_of
from ....formats.seekable_gzip import SeekableGzip
from ....formats.tar_archive import SPARSE, TarReader
from ....formats.zip_archive import Member
from ....ntfs import FileSource
from ..collections.sparse import Piece, SparseFile
from . import Folders, Node, Problem
from .unpacking import LEAST_FREE, NO_ROOM, Unpacked
from .zip_listing import CUT_SHORT

MAX_SPOOLED = 16 << 30
"""Bytes of a stream that is unpacked once."""
LINK = "archive member that is a link to one that is not there"
SPARSE_MEMBER = "sparse archive member"
_HEAD = 512
_PIECE = 4 << 20
_STEP = 1 << 20


class _Bytes(Protocol):
    """May be asked from any thread."""

    def read_at(self, offset: int, length: int, /) -> bytes: ...
    def close(self) -> None: ...


class TarListing:
    """Members by their paths."""

    def __init__(self, open_it: Callable[[], BinaryIO], kind: Kind) -> None:
        """``open_it``: opens the archive; raises OSError. Raises FormatError: no tar archive.
        OSError."""
        self._open = open_it
        self._source: _Bytes | None = None
        self._size = 0
        """Of an archive that is not compressed."""
        if kind.holds is not Holds.TAR:
            self._source = _unpacked(open_it(), kind)
            weakref.finalize(self, self._source.close)
        folders = Folders()
        links: list[tuple[str, str, Member]] = []
        try:
            self._list(folders, links)
        except FormatError as error:
            folders.problem(f"archive: {error.what}")
        for name, to, member in links:
            found = folders.find(to)
            if found is None:
                folders.problem(LINK, name)
            else:
                folders.add(
                    name, Node(_linked(found, member), start=found.start, refused=found.refused)
                )
        self.problems: list[Problem] = folders.done()
        self.top = folders.top

    def _list(self, folders: Folders, links: list[tuple[str, str, Member]]) -> None:
        with self._open() as file:
            self._size = file.seek(0, os.SEEK_END)
            file.seek(0)
            if self._source is None:
                source = Forward(file.read, lambda count: file.seek(count, os.SEEK_CUR))
            else:
                source = Forward(_Sequential(self._source).read)
                _must_be_tar(source.peek(_HEAD))
            tar = TarReader(source)
            for member in tar.members():
                if tar.link:
                    links.append((member.name, tar.link, member))
                    continue
                node = Node(member, start=tar.start)
                if member.method == SPARSE:
                    node.refused = SPARSE_MEMBER
                    folders.problem(SPARSE_MEMBER, member.name)
                is_folder = stat.S_ISDIR(member.unix_mode)
                folders.add(member.name, node, is_folder=is_folder)

    def open(self, node: Node) -> BinaryIO:
        """As :class:`Archive`."""
        member = node.member
        assert member is not None
        if node.refused:
            raise OSError(node.refused)
        if self._source is not None:
            pieces = _pieces(self._source, node.start, member.size)
            return cast("BinaryIO", Unpacked(pieces, member.size))
        if node.start + member.size > self._size:
            raise OSError(CUT_SHORT)
        file = self._open()
        return cast("BinaryIO", SparseFile(file, [Piece(0, member.size, node.start)], member.size))


class _Sequential:
    """Bytes as they come."""

    def __init__(self, source: _Bytes) -> None:
        self._source = source
        self._at = 0

    def read(self, size: int) -> bytes:
        data = self._source.read_at(self._at, size)
        self._at += len(data)
        return data


def _pieces(source: _Bytes, start: int, size: int) -> Iterator[bytes]:
    end = start + size
    while start < end and (data := source.read_at(start, min(_PIECE, end - start))):
        start += len(data)
        yield data


def _linked(found: Node, member: Member) -> Member:
    """A hard link: another name of the same file."""
    assert found.member is not None
    return found.member._replace(name=member.name)


def _unpacked(file: BinaryIO, kind: Kind) -> _Bytes:
    """Raises OSError, FormatError."""
    if kind == GZIP:
        return SeekableGzip(file, file.seek(0, os.SEEK_END))
    with file:
        stream = Stream(file, kind, MAX_SPOOLED)
        head = stream.read(_HEAD)
        _must_be_tar(head)
        made = cast("BinaryIO", tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - kept open
        try:
            _spool(head, stream, made)
        except (OSError, FormatError):
            made.close()
            raise
    return FileSource(made)


def _must_be_tar(head: bytes) -> None:
    """Raises FormatError."""
    kind = kind_of(head, _HEAD, "", lambda *_: b"")
    if kind is None or kind.holds is not Holds.TAR:
        raise FormatError("no tar archive", "stream")


def _spool(head: bytes, stream: Stream, made: BinaryIO) -> None:
    made.write(head)
    while data := stream.read(_STEP):
        if shutil.disk_usage(tempfile.gettempdir()).free < LEAST_FREE:
            raise OSError(NO_ROOM)
        while data:
            data = data[made.write(data) :]


__all__ = ["TarListing"]
