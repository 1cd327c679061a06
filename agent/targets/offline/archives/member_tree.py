"""The members of an archive as folders and files of a host, as those of a folder are."""

from __future__ import annotations

import stat
from collections.abc import Callable, Hashable, Iterator
from datetime import datetime, timedelta, timezone
from typing import BinaryIO, NamedTuple

from msgspec import Struct

from ....reading.opening import read_up_to
from ....spelling import fold
from ...tree import Entry, Facts, How, Kind, Tell, Times, Tree
from ..collections.drives import Within
from ..collections.sparse import MAX_INDEX_BYTES, SUFFIX, put_together
from . import Archive, Node

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _as_it_is(name: str) -> tuple[str, str]:
    return name, ""


class Place(NamedTuple):
    """A folder in an archive, and its name there."""

    node: Node
    name: str


class MemberTrees(Struct, frozen=True):
    """Makes the trees of one archive."""

    archive: Archive
    decoded: Callable[[str], tuple[str, str]] = _as_it_is
    """From a name in a copy to the name that the host knew, and the stream of it if it is one."""
    is_sparse: bool = False
    """Whether files may be kept as pieces, with an index beside them."""

    def tree(
        self, drive: str, *within: Within, view: str = "", shown: tuple[str, ...] = ()
    ) -> Tree:
        """The tree of a volume whose top is one folder, or lies in several; ``shown``: as
        :class:`Tree`."""
        tops = [node for place in within if (node := self.archive.top.below(place)) is not None]
        top = MemberEntry("", tuple(tops), self)
        return Tree(drive, top, view, shown=shown, named=lambda name: self.decoded(name)[0])


class MemberEntry(Struct, eq=False):
    """A file, or a folder, of which an archive may have several whose names NTFS takes for one."""

    name: str
    nodes: tuple[Node, ...]
    of: MemberTrees
    stream: str = ""
    """The alternate stream that this is a copy of; empty: it is the file."""
    how: How = "by path"
    within: Place | None = None
    """Of a file: its folder, and its name there."""

    def kind(self) -> Kind:
        if self.stream:
            return Kind.STREAM
        if not self.nodes or self.nodes[0].member is None:
            return Kind.FOLDER
        told = self.nodes[0].type
        if told == stat.S_IFLNK:
            return Kind.LINK
        return Kind.FILE if told == stat.S_IFREG else Kind.OTHER

    def identity(self) -> Hashable:
        """No way in an archive leads back."""
        return None

    def entries(self, keep: Callable[[str], bool], tell: Tell) -> Iterator[Entry]:  # noqa: ARG002 - the protocol's
        decoded = self.of.decoded
        folders: dict[str, tuple[str, list[Node]]] = {}
        for node in self.nodes:
            for stored, file in node.files:
                name, stream = decoded(stored)
                if keep(name):
                    yield MemberEntry(name, (file,), self.of, stream, within=Place(node, stored))
            for stored, folder in node.folders.items():
                name, _ = decoded(stored)
                if keep(name):
                    folders.setdefault(fold(name), (name, []))[1].append(folder)
        for name, nodes in folders.values():
            yield MemberEntry(name, tuple(nodes), self.of)

    def facts(self, stream: str = "") -> Facts:  # noqa: ARG002 - the protocol's
        member = self.nodes[0].member if self.nodes else None
        if member is None:
            return Facts(0)
        return Facts(member.size, lambda: Times(modified=_time(member.modified)))

    def streams(self) -> list[str]:
        return [self.stream] if self.stream else []

    def open(self, stream: str = "") -> tuple[BinaryIO, How]:
        if stream not in ("", self.stream) or not self.nodes or self.nodes[0].member is None:
            raise OSError("not a file of the archive")
        index = self._index()
        file = self.of.archive.open(self.nodes[0])
        return (file if index is None else put_together(file, index)), self.how

    def _index(self) -> bytes | None:
        """Raises OSError."""
        if not self.of.is_sparse or self.within is None:
            return None
        beside = self.within.node.file(self.within.name + SUFFIX)
        if beside is None:
            return None
        with self.of.archive.open(beside) as file:
            return read_up_to(file, MAX_INDEX_BYTES + 1)


def is_refused(entry: Entry) -> bool:
    """Whether it is known not to be opened, and told among the archive's problems."""
    return isinstance(entry, MemberEntry) and any(node.refused for node in entry.nodes)


def _time(seconds: float | None) -> datetime | None:
    """UTC; None for a time that no calendar holds."""
    if seconds is None:
        return None
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None
