"""Files of a tree that no file system of this machine shows, such as a collection in an archive:
looked at as a walk looks at a folder's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO

from msgspec import Struct

from ...model.objects import File
from ...model.observation import Observation
from ...reading.opening import MAX_PATH_LENGTH, reason_of
from ...reading.openings import Selection
from ...reading.walk import DEVICE, LINK, Folder, note_names
from ...spelling import extension_of
from ...targets.offline.archives.member_tree import is_refused
from ...targets.tree import Entry, Kind, Tree
from .file_inspection import FileLook
from .hash_cache import FileState
from .item import Opened
from .users_reach import least_program_in

_NAME_KINDS = ("file_name", "file_path")


class _Member(Struct):
    """An entry that is looked at."""

    entry: Entry
    shown: str
    name: str
    named: bool
    seen: str = "file"
    remarks: tuple[str, ...] = ()
    state: FileState | None = None
    given: bool = False

    @property
    def known_place(self) -> str:
        return self.shown

    def about(self) -> File:
        facts = self.entry.facts()
        times = facts.times()
        return File(
            path=self.shown,
            name=self.name,
            size=facts.size if self.entry.kind() is Kind.FILE else None,
            created=times.created,
            mtime=times.modified,
            accessed=times.accessed,
        )

    def open(self) -> Opened:
        file = self._content()
        try:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
        except OSError:
            file.close()
            raise
        return Opened(file, size, self.about)

    def again(self) -> Callable[[], BinaryIO]:
        return self._content

    def _content(self) -> BinaryIO:
        return self.entry.open()[0]

    def streams(self) -> list[tuple[str, int | None]]:
        """None: copies in archives have them as files of their own."""
        return []

    def open_stream(self, name: str) -> BinaryIO:
        raise OSError(f"no such stream: {name}")


def in_tree(tree: Tree, look: FileLook, selection: Selection) -> Iterator[Observation]:
    """All that may match in a tree, each folder once."""
    least_in = least_program_in if look.reader.programs else None
    waiting = [(tree.top, tree.drive)]
    with look.reading():
        while waiting:
            folder, path = waiting.pop()
            if len(path) > MAX_PATH_LENGTH:
                look.ledger.unread("path longer than 32,767 characters", path)
                continue
            look.progress(path)
            least = selection.least_size
            if least_in is not None:
                least = min(least, least_in(path))
            listed = _Listed(Folder(path, is_listed=True), look, selection, least)
            inner = listed.fill(folder)
            yield from listed.observe()
            waiting += [(one, listed.folder.child(one.name)) for one in reversed(inner)]
        yield from look.drain()


class _Listed(Struct):
    """One folder."""

    folder: Folder
    look: FileLook
    selection: Selection
    least: int
    _entries: list[Entry] = []
    _selected: list[tuple[Entry, int]] = []

    def fill(self, folder: Entry) -> list[Entry]:
        """Fill in what it holds; gives the folders to enter."""
        ledger, path = self.look.ledger, self.folder.path
        inner: list[Entry] = []
        try:
            self._entries = list(
                folder.entries(lambda _: True, lambda why: ledger.unread(why, path))
            )
        except OSError as error:
            ledger.unread(f"folder: {reason_of(error)}", path)
        for entry in self._entries:
            self.folder.names.append(entry.name)
            kind = entry.kind()
            if kind is Kind.FOLDER:
                inner.append(entry)
            elif kind is Kind.FILE:
                size = entry.facts().size
                if self._is_selected(entry.name, size) and not is_refused(entry):
                    self._selected.append((entry, size))
            else:
                ledger.note(LINK if kind is Kind.LINK else DEVICE, self.folder.child(entry.name))
        note_names(self.folder, ledger)
        return inner

    def _is_selected(self, name: str, size: int) -> bool:
        if size >= self.least or size in self.selection.exact_sizes:
            return True
        extension = extension_of(name)
        known = extension in self.selection.extensions
        return known and bool(self.selection.heads(extension, size))

    def observe(self) -> Iterator[Observation]:
        """All that may match in it."""
        look, names = self.look, self.folder.names
        wanted = set(look.matcher.selector.matching_names(names))
        look.ledger.examined += len(names)
        for kind in _NAME_KINDS:
            look.matcher.accounts.compared(kind, count=len(names) - len(wanted))
        for entry in self._entries:
            if entry.name in wanted:
                yield from self._wanted(self._item(entry, named=True))
        for entry, size in self._selected:
            if entry.name not in wanted:
                yield from look.selected(self._item(entry, named=False), size)

    def _item(self, entry: Entry, *, named: bool) -> _Member:
        return _Member(entry, self.folder.child(entry.name), entry.name, named)

    def _wanted(self, item: _Member) -> Iterator[Observation]:
        look, kind = self.look, item.entry.kind()
        if look.is_own(item.shown):
            return
        if kind is Kind.FOLDER:
            yield look.name_only(item, "directory")
        elif kind is Kind.FILE and not is_refused(item.entry):
            size = item.entry.facts().size
            indicators = look.matcher.selector.file_indicators(item.name, size, named=True)
            yield from look.file(item, indicators, size)
        else:
            yield look.name_only(item)


__all__ = ["in_tree"]
