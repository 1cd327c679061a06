"""Listing trees of folders: every name, and those files that their size or extension singles out.

One loop runs for every file on the host, so it does nothing but look at the name, ask for the size
(free on Windows, one system call elsewhere) and compare. Folders are entered without recursion,
never through a link or reparse point that stands for another place, never twice, and not beyond the
given boundaries. On a share a folder may lead to one above it without a sign of it (a server that
follows links); it is known by its identity. Reparse points: [MS-FSCC] 2.1.2.1, a tag with bit 29
is a name surrogate.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct, field

from ..coverage import Ledger
from ..windows import devices
from ..windows import files as windows_files
from .opening import MAX_PATH_LENGTH, is_gone, open_unnoticed, reason_of
from .openings import Selection

_NAME_SURROGATE = 0x2000_0000
_MOUNT_POINT = 0xA000_0003
_VOLUME = re.compile(r"(?i)\\\\[?.]\\Volume\{[0-9a-f-]+\}\\?")
_VANISHED = "vanished during the sweep"
LINK = "link not followed, its name was compared"
DEVICE = "device, pipe or socket, its name was compared"
SECOND_WAY = "folder reached by a second way, walked once"
_UNSUPPORTED = re.compile(r"unsupported reparse tag 0x([0-9a-f]{8})", re.IGNORECASE)
"""Where a link leads, says ntfs-3g, whose file it cannot show."""
_NO_CONTENT = frozenset({0x8000_001B, 0x8000_0023, 0x8000_0024, 0x8000_0025, 0x8000_0026})
"""Tags of files that hold none ([MS-FSCC] 2.1.2.1): execution aliases, sockets, FIFOs, devices."""
Identity = tuple[int, int]
"""Of a file system, and of a folder on it."""


class Folder(Struct):
    """What one folder holds."""

    path: str
    names: list[str] = field(default_factory=list)
    """Of everything in it, folders and links included."""
    selected: list[tuple[str, int]] = field(default_factory=list)
    """Name and size of the regular files singled out."""
    device: int = 0
    """Number of its file system (POSIX); the parent's if it cannot be entered."""
    is_one_file: bool = False
    """Whether it stands for a file that was given, and holds that alone."""
    is_listed: bool = False
    """Whether all that it holds was seen now: not if it cannot be, nor by a second way."""
    separator: str = os.sep

    def child(self, name: str) -> str:
        """The path of one of its entries."""
        return join(self.path, name, self.separator)


def join(folder: str, name: str, separator: str = os.sep) -> str:
    """The path of an entry of a folder, whatever characters the name consists of."""
    return f"{folder}{name}" if folder.endswith(separator) else f"{folder}{separator}{name}"


class Walk(Struct):
    """Walks trees for one source, keeping its ledger."""

    selection: Selection
    ledger: Ledger
    boundaries: frozenset[str] = frozenset()
    """Folders not to enter from above, as whole paths."""
    enters: bool = True
    """Whether the folders in a folder are looked for."""
    least_size_in: Callable[[str], int] | None = None
    """Given, every file of at least this size is selected too, by the folder's path."""
    _entered: set[tuple[int, int]] = field(default_factory=set)

    def folders(self, roots: Iterable[str]) -> Iterator[Folder]:
        """Each folder of these trees once, after all its entries were listed; a root may be a
        file."""
        for root in roots:
            yield from self._tree(windows_files.extended(root) if os.name == "nt" else root)

    def alone(self, path: str) -> Folder:
        """One folder, listed as a walk lists it; what cannot be is counted. Best with ``enters``
        off. ``path``: for the system, with ``\\\\?\\`` on Windows."""
        folder = Folder(path)
        self._list(folder, is_root=False)
        return folder

    def _tree(self, root: str) -> Iterator[Folder]:
        try:
            status = os.stat(root)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            why = "not found" if missing else reason_of(error)
            self.ledger.unread(f"cannot be walked: {why}", windows_files.shown(root))
            return
        if not stat.S_ISDIR(status.st_mode):
            parent, _, name = root.rpartition(os.sep)
            one = [(name, status.st_size)]
            yield Folder(parent or os.sep, [name], one, status.st_dev, is_one_file=True)
            return
        may_loop = _may_loop(root)
        waiting: list[tuple[str, int, frozenset[Identity]]] = [(root, status.st_dev, frozenset())]
        while waiting:
            path, device, above = waiting.pop()
            if may_loop and (identity := _identity(path)) is not None:
                if identity in above:
                    self.ledger.note(SECOND_WAY, path)
                    continue
                above |= {identity}
            if len(path) > MAX_PATH_LENGTH:
                self.ledger.unread("path longer than 32,767 characters", path)
                continue
            folder = Folder(path, device=device)
            inner = self._list(folder, is_root=path is root)
            yield folder
            for name in reversed(inner):
                child = folder.child(name)
                if self._is_boundary(child):
                    self.ledger.note("mount point walked on its own or left out", child)
                else:
                    waiting.append((child, folder.device, above))

    def _is_boundary(self, path: str) -> bool:
        if os.name != "nt":
            return path in self.boundaries
        shown = windows_files.shown(path).casefold()
        return any(shown == boundary.rstrip("\\").casefold() for boundary in self.boundaries)

    def _list(self, folder: Folder, *, is_root: bool) -> list[str]:
        """Fill in the folder; gives the names of the folders to enter."""
        inner: list[str] = []
        try:
            if os.name == "nt":
                with os.scandir(folder.path) as entries:
                    self._look(folder, entries, inner)
                folder.is_listed = True
            else:
                self._list_quietly(folder, inner, is_root=is_root)
        except OSError as error:
            if is_gone(error) and not is_root:
                self.ledger.note(_VANISHED, folder.path)
            else:
                self.ledger.unread(f"folder: {reason_of(error)}", folder.path)
        note_names(folder, self.ledger)
        return inner

    def _list_quietly(self, folder: Folder, inner: list[str], *, is_root: bool) -> None:
        """By descriptor: the access time stays, no link is followed, and the folder knows
        itself."""
        if is_root:
            number = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY)
        else:
            number = open_unnoticed(folder.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            status = os.fstat(number)
            identity = (status.st_dev, status.st_ino)
            if identity in self._entered:
                self.ledger.note(SECOND_WAY, folder.path)
                return
            self._entered.add(identity)
            folder.device = status.st_dev
            with os.scandir(number) as entries:
                self._look(folder, entries, inner)
            folder.is_listed = True
        finally:
            os.close(number)

    def _look(self, folder: Folder, entries: Iterable[os.DirEntry[str]], inner: list[str]) -> None:
        exact, least = self.selection.exact_sizes, self.selection.least_size
        extensions, heads = self.selection.extensions, self.selection.heads
        if self.least_size_in is not None:
            least = min(least, self.least_size_in(folder.path))
        add_name, select = folder.names.append, folder.selected.append
        for entry in entries:
            name = entry.name
            add_name(name)
            try:
                if entry.is_file(follow_symlinks=False):
                    size = entry.stat(follow_symlinks=False).st_size
                    if size >= least or size in exact:
                        select((name, size))
                    else:
                        dot = name.rfind(".")
                        extension = name[dot:].lower() if dot >= 0 else ""
                        if extension in extensions and heads(extension, size):
                            select((name, size))
                elif entry.is_dir(follow_symlinks=False):
                    if self.enters and (os.name != "nt" or self._enters(entry, folder)):
                        inner.append(name)
                else:
                    self._other(entry, folder)
            except OSError as error:
                if is_gone(error):
                    self.ledger.note(_VANISHED, folder.child(name))
                else:
                    self.ledger.unread(reason_of(error), folder.child(name))

    def _enters(self, entry: os.DirEntry[str], folder: Folder) -> bool:
        """Whether a folder on Windows is one, and not a link, a mount point or one kept in a
        cloud."""
        status = entry.stat(follow_symlinks=False)
        attributes: int = getattr(status, "st_file_attributes", 0)
        tag: int = getattr(status, "st_reparse_tag", 0)
        if windows_files.is_reparse(attributes) and tag & _NAME_SURROGATE:
            child = folder.child(entry.name)
            if tag == _MOUNT_POINT and is_volume(_target(child)) and not self._is_boundary(child):
                self.ledger.unread("volume mounted there, not walked", child)
            else:
                self.ledger.note(LINK, child)
            return False
        if attributes & windows_files.FILE_ATTRIBUTE_RECALL_ON_OPEN:
            self.ledger.unread("cloud folder, not recalled", folder.child(entry.name))
            return False
        return True

    def _other(self, entry: os.DirEntry[str], folder: Folder) -> None:
        if entry.is_symlink():
            self._link(folder.child(entry.name))
        else:
            self.ledger.note(DEVICE, folder.child(entry.name))

    def _link(self, path: str) -> None:
        try:
            unsupported = _UNSUPPORTED.fullmatch(os.readlink(path))
        except OSError as error:
            if not is_gone(error):
                self.ledger.unread(f"link that cannot be read: {reason_of(error)}", path)
                return
            unsupported = None
        tag = int(unsupported[1], 16) if unsupported else _NAME_SURROGATE
        if tag & _NAME_SURROGATE or tag in _NO_CONTENT:
            self.ledger.note(LINK, path)
        else:
            self.ledger.unread(f"content kept elsewhere (tag 0x{tag:08X})", path)


def note_names(folder: Folder, ledger: Ledger) -> None:
    """Names that are no Unicode: their stray bytes are kept as lone surrogates, and compared so."""
    joined = "".join(folder.names)
    if joined.isascii() or _is_unicode(joined):
        return
    for name in folder.names:
        if not _is_unicode(name):
            ledger.note("name is not valid Unicode, compared as it is", folder.child(name))


def _may_loop(root: str) -> bool:
    """Whether a folder below may lead to one above it, and cannot be told by its descriptor."""
    if os.name != "nt":
        return False
    shown = windows_files.shown(root)
    return shown.startswith("\\\\") or not devices.drives().get(shown[:2].upper(), False)


def _identity(path: str) -> Identity | None:
    """None: the file system does not tell."""
    try:
        status = os.stat(path)
    except OSError:
        return None  # It cannot be listed either, which is told.
    return (status.st_dev, status.st_ino) if status.st_ino else None


def is_volume(target: str) -> bool:
    r"""Whether a mount point leads to a volume of its own, ``\\?\Volume{…}\``, and not to a
    folder."""
    return _VOLUME.fullmatch(target) is not None


def _target(path: str) -> str:
    """Empty where it cannot be told."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
