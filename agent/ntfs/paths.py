"""From a record to the path of its file: folder by folder up to the root, remembered."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

from . import attributes as kinds
from .entry import Name, read_name
from .errors import NtfsError
from .record import Record
from .reference import ROOT, Reference

MAX_DEPTH = 4096
MAX_REMEMBERED = 100_000
"""Folders; then the memory starts anew."""
SEPARATOR = "\\"
UNKNOWN = "?"
"""Stands at the start of a path for folders that cannot be known."""


class ResolvedPath(Struct, frozen=True):
    r"""A path within the volume: ``\Users\jo\x.dat``; ``?\x.dat`` if its folder is not known."""

    text: str
    note: str = ""
    """Why the path may not be true, or that a folder in it is deleted."""

    @property
    def known(self) -> bool:
        """Whether it reaches to the root."""
        return not self.text.startswith(UNKNOWN)


_ROOT = ResolvedPath("")


class Paths(Struct):
    """Resolves the folders of one volume."""

    read_record: Callable[[int], Record]
    _known: dict[Reference, ResolvedPath] = field(default_factory=dict)

    def of(self, name: Name) -> ResolvedPath:
        """The path that this name has, or last had."""
        folder = self.folder(name.parent)
        return ResolvedPath(f"{folder.text}{SEPARATOR}{name.text}", folder.note)

    def folder(self, reference: Reference) -> ResolvedPath:
        """The path of a folder; empty for the root."""
        chain: list[tuple[Reference, str, str]] = []
        seen: set[int] = set()
        at, end = reference, _ROOT
        while at.number != ROOT:
            known = self._known.get(at)
            if known is not None:
                end = known
                break
            if at.number in seen or len(chain) >= MAX_DEPTH:
                end = ResolvedPath(UNKNOWN, "folders that contain each other")
                break
            seen.add(at.number)
            try:
                name, note = self._name(at)
            except OSError as error:
                end = ResolvedPath(UNKNOWN, str(error))
                break
            chain.append((at, name.text, note))
            at = name.parent
        if len(self._known) + len(chain) > MAX_REMEMBERED:
            self._known.clear()
        if not chain and at.number != ROOT:
            self._known[at] = end
        for folder, text, note in reversed(chain):
            end = ResolvedPath(f"{end.text}{SEPARATOR}{text}", end.note or note)
            self._known[folder] = end
        return end

    def _name(self, reference: Reference) -> tuple[Name, str]:
        """A folder's own name, and what is to be said of it. Raises NtfsError, OSError."""
        record = self.read_record(reference.number)
        if not record.signed:
            raise NtfsError("record of the folder cannot be read")
        later = (record.sequence - reference.sequence) % 0xFFFF if reference.sequence else 0
        if record.extends or later > 1 or (later and record.in_use) or not record.is_folder:
            raise NtfsError("the folder's record was used again: where it lay is not known")
        note = "" if record.in_use else "in a deleted folder"
        return self._name_in(record), note

    def _name_in(self, record: Record) -> Name:
        names: list[Name] = []
        found, _ = record.sound_attributes()
        for attribute in found:
            if attribute.type == kinds.FILE_NAME:
                name = read_name(attribute.content(record.data))
                if not name.is_short:
                    return name
                names.append(name)
        if not names:
            raise NtfsError("the folder's record holds no name")
        return names[0]
