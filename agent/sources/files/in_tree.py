"""Files of a tree that no file system of this machine shows, such as a collection in an archive:
looked at as a walk looks at a folder's."""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import BinaryIO

from msgspec import Struct

from ...model.objects import File
from ...model.observation import Observation
from ...reading.opening import MAX_PATH_LENGTH, reason_of
from ...reading.openings import Selection
from ...reading.walk import DEVICE, LINK, SECOND_WAY, Folder, note_names
from ...spelling import extension_of
from ...targets.offline.archives.member_tree import is_refused
from ...targets.tree import Entry, Kind, Tree
from .file_inspection import FileLook
from .hash_cache import FileState
from .item import DELETED, Opened
from .users_reach import least_program_in

LOCAL_TIMES = "its times are of the host's own clock, in a zone that is written nowhere"
FIRST_LETTER = "the first letter of its name is lost: it may be another file's"
_LOST, _LETTERS = "?", string.ascii_lowercase + string.digits + "_"
_NAME_KINDS = ("file_name", "file_path")


class _Member(Struct):
    """An entry that is looked at."""

    entry: Entry
    shown: str
    name: str
    named: bool
    seen: str = "file"
    state: FileState | None = None
    given: bool = False

    @property
    def remarks(self) -> tuple[str, ...]:
        said = (LOCAL_TIMES,) if self.entry.facts().times().is_local else ()
        return said if self.entry.name == self.name else (*said, FIRST_LETTER)

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
        """Copies in archives have them as files of their own."""
        return [(name, self.entry.facts(name).size) for name in self.entry.streams()]

    def open_stream(self, name: str) -> BinaryIO:
        return self.entry.open(name)[0]


def in_tree(tree: Tree, look: FileLook, selection: Selection) -> Iterator[Observation]:
    """All that may match in a tree, each folder once."""
    least_in = least_program_in if look.reader.programs else None
    waiting = [(tree.top, tree.drive or next(iter(tree.shown), ""))]
    entered = set[Hashable]()
    with look.reading():
        while waiting:
            folder, path = waiting.pop()
            if len(path) > MAX_PATH_LENGTH:
                look.ledger.unread("path longer than 32,767 characters", path)
                continue
            if (identity := folder.identity()) is not None and identity in entered:
                look.ledger.note(SECOND_WAY, path)
                continue
            entered.add(identity)
            look.progress(path)
            least = selection.least_size
            if least_in is not None:
                least = min(least, least_in(path))
            made = Folder(path, is_listed=True, separator=tree.separator)
            listed = _Listed(made, look, selection, least)
            inner = listed.fill(folder)
            yield from listed.observe()
            if tree.left_in is not None:
                yield from listed.deleted(tree.left_in(folder))
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

    def deleted(self, entries: Iterable[Entry]) -> Iterator[Observation]:
        """What is left of names in it."""
        look, by_name = self.look, dict[str, list[Entry]]()
        for entry in entries:
            look.ledger.examined += 1
            for name in _names_of(entry):
                by_name.setdefault(name, []).append(entry)
        for name in look.matcher.selector.matching_names(list(by_name)):
            for entry in by_name[name]:
                item = _Member(entry, self.folder.child(name), name, named=True, seen=DELETED)
                yield look.name_only(item, DELETED)

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


def _names_of(entry: Entry) -> list[str]:
    """Those that a deleted file may have had: FAT overwrites the first letter of a short one."""
    if not entry.name.startswith(_LOST):
        return [entry.name]
    return [letter + entry.name[1:] for letter in _LETTERS]


__all__ = ["FIRST_LETTER", "LOCAL_TIMES", "in_tree"]
