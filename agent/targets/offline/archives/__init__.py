"""Collections that lie in an archive, read where they are: nothing is unpacked to the disk.

An archive is listed once (:mod:`.zip_listing`, :mod:`.tar_listing`), what is left of a broken one
too; its members make folders and
files (:class:`Node`) of which :mod:`.member_tree` makes the same trees that a folder has. A member
is unpacked as far as somebody reads it (:mod:`.unpacking`).

What an archive says is not believed: members outside of it (``..``), absolute ones among others,
and such as claim to unpack to far more than they take are refused, and counted as gaps; so are
those that are broken or encrypted. Links are not followed.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

from msgspec import Struct, field

from ....formats.zip_archive import Member
from ....reading.opening import MAX_PATH_LENGTH

MAX_NODES = 2_000_000
"""Folders and files of one archive."""
MAX_DEPTH = 256
OUTSIDE = "archive member outside of the archive, refused"
ABSOLUTE = "archive member with an absolute path among others, refused"
IMPOSSIBLE = "archive member whose name cannot be, refused"
TOO_MANY = "more archive members than are kept"
DEVICE = "archive member named as a device of Windows"
_DEVICE = re.compile(r"(?i)(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:[. ].*)?")


class Node(Struct, eq=False):
    """A file or a folder in an archive."""

    member: Member | None = None
    """None: a folder."""
    folders: dict[str, Node] = field(default_factory=dict)
    files: list[tuple[str, Node]] = field(default_factory=list)
    """Of one name there may be several."""
    start: int = 0
    """Of a tar's member: where its bytes lie."""
    refused: str = ""
    """Why it is not opened; in the words of the coverage."""

    def file(self, name: str) -> Node | None:
        """The first of this name."""
        return next((node for other, node in self.files if other == name), None)

    def names(self) -> list[str]:
        """Of all that it holds."""
        return [*self.folders, *(name for name, _ in self.files)]

    def below(self, names: Iterable[str]) -> Node | None:
        """The folder to which these names lead; None if there is none."""
        found: Node | None = self
        for name in names:
            found = None if found is None else found.folders.get(name)
        return found

    @property
    def type(self) -> int:
        """As ``stat`` has it; of what does not tell, a regular file."""
        return stat.S_IFMT(0 if self.member is None else self.member.unix_mode) or stat.S_IFREG


class Problem(Struct):
    """Members that are missing for one reason."""

    reason: str
    place: str
    """The first one's path in the archive; empty: the archive itself."""
    count: int = 1


class Archive(Protocol):
    """One that was listed."""

    top: Node
    problems: list[Problem]

    def open(self, node: Node) -> BinaryIO:
        """A file's bytes: seekable, unbuffered, from any thread. Raises OSError, when it is read
        too."""


class Folders(Struct):
    """Makes folders of paths."""

    separators: str = "/"
    top: Node = field(default_factory=Node)
    _count: int = 0
    _problems: dict[str, Problem] = field(default_factory=dict)
    _absolute: list[tuple[list[str], Node]] = field(default_factory=list)

    def add(self, name: str, node: Node, *, is_folder: bool = False) -> None:
        """A member by its whole path; what is refused is told by :attr:`problems`."""
        if self.separators != "/":
            name = name.replace("\\", "/")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if not parts:
            return
        if ".." in parts:
            self.problem(OUTSIDE, name)
        elif "\0" in name or len(parts) > MAX_DEPTH or len(name) > MAX_PATH_LENGTH:
            self.problem(IMPOSSIBLE, name[:MAX_PATH_LENGTH])
        elif name.startswith("/"):
            self._absolute.append((parts, Node() if is_folder else node))
        else:
            self._put(parts, node, is_folder=is_folder)

    def find(self, name: str) -> Node | None:
        """The file at a path, as it is written in the archive."""
        *folders, last = [part for part in name.split("/") if part not in ("", ".")] or [""]
        folder = self.top.below(folders)
        return None if folder is None else folder.file(last)

    def problem(self, reason: str, place: str = "") -> None:
        """Counted by its reason."""
        known = self._problems.get(reason)
        if known is None:
            self._problems[reason] = Problem(reason, place)
        else:
            known.count += 1

    def done(self) -> list[Problem]:
        """The problems. Absolute members are taken for relative ones, as ``tar`` does, where all
        are absolute."""
        alone = not (self.top.folders or self.top.files)
        for parts, node in self._absolute:
            if alone:
                self._put(parts, node, is_folder=node.member is None)
            else:
                self.problem(ABSOLUTE, "/" + "/".join(parts))
        self._absolute = []
        return list(self._problems.values())

    def _put(self, parts: list[str], node: Node, *, is_folder: bool) -> None:
        if self._count >= MAX_NODES:
            self.problem(TOO_MANY, "/".join(parts))
            return
        folder = self.top
        names = parts if is_folder else parts[:-1]
        for name in names:
            inner = folder.folders.get(name)
            if inner is None:
                inner = folder.folders[name] = Node()
                self._count += 1
            folder = inner
        if not is_folder:
            folder.files.append((parts[-1], node))
            self._count += 1


def device_names(top: Node, place: str = "") -> Iterator[str]:
    """Paths of what is named as Windows names devices: no host has such files. They are looked at
    all the same, as nothing here is opened by its name."""
    waiting: list[tuple[Node, str]] = [(top, place)]
    while waiting:
        folder, path = waiting.pop()
        yield from (f"{path}{name}" for name in folder.names() if _DEVICE.fullmatch(name))
        waiting += [(inner, f"{path}{name}/") for name, inner in folder.folders.items()]
