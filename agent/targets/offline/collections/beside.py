"""What lies in a collection beside the volumes that were copied: what its collector wrote."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import BinaryIO

from msgspec import Struct, structs

from ...tree import Entry, Facts, How, Kind, Tell, Tree
from .drives import Within


def beside(tree: Tree, volumes: Iterable[Within]) -> Tree | None:
    """The tree without these folders of it; None if the whole tree is one."""
    taken = frozenset(volumes)
    return None if () in taken else structs.replace(tree, top=_Beside(tree.top, (), taken))


class _Beside(Struct, eq=False):
    """A folder on the way to those that are left out."""

    entry: Entry
    within: Within
    taken: frozenset[Within]

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def how(self) -> How:
        return self.entry.how

    def kind(self) -> Kind:
        return self.entry.kind()

    def identity(self) -> Hashable:
        return self.entry.identity()

    def entries(self, keep: Callable[[str], bool], tell: Tell) -> Iterator[Entry]:
        depth = len(self.within) + 1
        for inner in self.entry.entries(keep, tell):
            within = (*self.within, inner.name)
            if within not in self.taken:
                on_the_way = any(one[:depth] == within for one in self.taken)
                yield _Beside(inner, within, self.taken) if on_the_way else inner

    def facts(self, stream: str = "") -> Facts:
        return self.entry.facts(stream)

    def streams(self) -> list[str]:
        return self.entry.streams()

    def open(self, stream: str = "") -> tuple[BinaryIO, How]:
        return self.entry.open(stream)


__all__ = ["beside"]
