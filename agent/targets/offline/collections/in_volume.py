"""A collection on a volume of its own: what KAPE writes into a VHDX.

Its folders stand for drives as those of a folder do (:mod:`.drives`). Only where no volume has a
Windows itself: a copy of another one on a disk of data is nobody's C:.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import BinaryIO

from msgspec import Struct, structs

from ....reading.opening import read_up_to
from ....spelling import fold
from ...tree import Entry, Facts, How, Kind, Tell, Tree, child
from ..windows_at_rest import Volume
from .drives import Copied, Within, copied_as, decoded, volumes_of
from .sparse import MAX_INDEX_BYTES, SUFFIX, put_together

_OF_NTFS = frozenset({"SYSTEM VOLUME INFORMATION", "$RECYCLE.BIN", "RECYCLER"})
"""What Windows makes on any volume; they tell nothing of what was copied there."""


def with_copies(volumes: Sequence[Volume]) -> list[Volume]:
    """The volumes, without what was copied to them, and those that were copied."""
    rest: list[Volume] = []
    found: list[Volume] = []
    for volume in volumes:
        copies = _copies_on(volume.tree)
        if any(one.within == ((),) for one in copies):
            return [*volumes]
        taken = frozenset(fold(within[0]) for one in copies for within in one.within)
        top = _Rest("", volume.tree.top, taken)
        tree = structs.replace(volume.tree, top=top) if taken else volume.tree
        rest.append(structs.replace(volume, tree=tree, is_copy=bool(taken)))
        found += [_copied(volume, one) for one in copies]
    return [*rest, *found]


def _copies_on(tree: Tree) -> list[Copied]:
    """By names alone; none where they cannot be listed: whoever looks through it tells of it."""

    def listed(within: Within) -> list[str]:
        try:
            folder = tree.find(*within)
            if folder is None or folder.kind() is not Kind.FOLDER:
                return []
            names = [one.name for one in folder.entries(lambda _: True, lambda _: None)]
        except OSError:
            return []
        own = within == ()
        return sorted(
            name for name in names
            if not (own and (name.startswith("$") or name.upper() in _OF_NTFS))
        )  # fmt: skip

    try:
        with tree.opened():
            return volumes_of(listed)
    except OSError:
        return []


def _copied(volume: Volume, copied: Copied) -> Volume:
    tree = volume.tree
    named = decoded if copied.is_encoded else copied_as
    tops = tuple(top for within in copied.within if (top := tree.find(*within)) is not None)
    shown = tuple("\\".join((volume.name, *within)) for within in copied.within)
    top = CopiedEntry("", tops, named)
    made = Tree(
        copied.drive,
        top,
        copied.view,
        tree.opened,
        shown,
        named=lambda name: named(name)[0],
    )
    return Volume(made, shown[0], is_copy=True)


class _Rest(Struct, eq=False):
    """The top of a volume, without some of its folders."""

    name: str
    inner: Entry
    without: frozenset[str]

    @property
    def how(self) -> How:
        return self.inner.how

    def kind(self) -> Kind:
        return self.inner.kind()

    def identity(self) -> Hashable:
        return self.inner.identity()

    def entries(self, keep: Callable[[str], bool], tell: Tell) -> Iterator[Entry]:
        return self.inner.entries(lambda name: fold(name) not in self.without and keep(name), tell)

    def facts(self, stream: str = "") -> Facts:
        return self.inner.facts(stream)

    def streams(self) -> list[str]:
        return self.inner.streams()

    def open(self, stream: str = "") -> tuple[BinaryIO, How]:
        return self.inner.open(stream)


class CopiedEntry(Struct, eq=False):
    """A file of a copy, or a folder, of which there may be several."""

    name: str
    inner: tuple[Entry, ...]
    """As they lie on the volume."""
    named: Callable[[str], tuple[str, str]]
    """From a name in the copy to the name that the host knew, and the stream of it."""
    stream: str = ""
    """The alternate stream that this is a copy of; empty: it is the file."""
    folder: Entry | None = None
    """In which a file lies."""
    how: How = "by path"
    """Of the copy: of its volume's own files none is one of the host's."""

    def kind(self) -> Kind:
        if self.stream:
            return Kind.STREAM
        return self.inner[0].kind() if self.inner else Kind.FOLDER

    def identity(self) -> Hashable:
        return tuple(one.identity() for one in self.inner)

    def entries(self, keep: Callable[[str], bool], tell: Tell) -> Iterator[Entry]:
        folders: dict[str, list[Entry]] = {}
        for folder in self.inner:
            for one in folder.entries(lambda name: keep(self.named(name)[0]), tell):
                name, stream = self.named(one.name)
                if not stream and one.kind() is Kind.FOLDER:
                    folders.setdefault(fold(name), []).append(one)
                else:
                    yield CopiedEntry(name, (one,), self.named, stream, folder)
        for several in folders.values():
            yield CopiedEntry(self.named(several[0].name)[0], tuple(several), self.named)

    def facts(self, stream: str = "") -> Facts:
        return self.inner[0].facts("" if stream == self.stream else stream)

    def streams(self) -> list[str]:
        return [self.stream] if self.stream else self.inner[0].streams()

    def open(self, stream: str = "") -> tuple[BinaryIO, How]:
        within = "" if stream == self.stream else stream
        index = None if within or self.named is not decoded else self._index()
        file, _ = self.inner[0].open(within)
        return (file if index is None else put_together(file, index)), self.how

    def _index(self) -> bytes | None:
        """Raises OSError."""
        beside = None if self.folder is None else child(self.folder, self.inner[0].name + SUFFIX)
        if beside is None:
            return None
        with beside.open()[0] as file:
            return read_up_to(file, MAX_INDEX_BYTES + 1)


__all__ = ["CopiedEntry", "with_copies"]
