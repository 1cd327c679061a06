"""One volume of a host, or what was copied of it, as folders and files: whoever reads it."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from enum import Enum
from typing import BinaryIO, Literal, NamedTuple, Protocol

from msgspec import Struct

from ..spelling import fold

How = Literal["by path", "by record"]
"""By its path, as any program reads a file; or from the raw volume, where the path was refused or
there is none."""

Tell = Callable[[str], None]
"""Is told why names may be missing in a folder."""


class Kind(Enum):
    """What an entry of a folder is."""

    FOLDER = "folder"
    FILE = "file"
    LINK = "link"
    """Symbolic link, junction or mount point."""
    CLOUD = "cloud"
    """File or folder that is kept elsewhere."""
    OTHER = "other"
    """Device, pipe, socket."""
    STREAM = "stream"
    """An alternate stream that was copied without its file."""


class Times(NamedTuple):
    """Of a file, in UTC."""

    created: datetime | None = None
    modified: datetime | None = None
    accessed: datetime | None = None
    is_local: bool = False
    """Whether their zone is not known: then they are given as if they were UTC."""


class Facts(NamedTuple):
    """Of a file, or of one of its streams."""

    size: int
    """Bytes."""
    times: Callable[[], Times] = Times
    """As they were when the size was asked for: of most files nobody wants them."""


class Entry(Protocol):
    """One entry of a folder. Every method may raise OSError."""

    @property
    def name(self) -> str:
        """As the host knew it."""

    @property
    def how(self) -> How:
        """How it is read, unless its path is refused."""

    def kind(self) -> Kind: ...

    def identity(self) -> Hashable:
        """The same for the same folder, however it is reached; None where that is not known."""

    def entries(self, keep: Callable[[str], bool], tell: Tell) -> Iterator[Entry]:
        """Of a folder, those whose names are to be kept."""

    def facts(self, stream: str = "") -> Facts: ...

    def streams(self) -> list[str]:
        """Names of the alternate streams."""

    def open(self, stream: str = "") -> tuple[BinaryIO, How]:
        """Seekable, unbuffered. The caller closes it."""


class Tree(Struct, frozen=True):
    """One volume."""

    drive: str
    r"""What stands before ``\\Windows`` in the paths that the host knew: ``C:``."""
    top: Entry
    view: str = ""
    """Empty: as it is now; else what it is a view of, such as the date of a shadow copy."""
    opened: Callable[[], AbstractContextManager[object]] = nullcontext
    """Keeps the volume open while it is looked through."""
    shown: tuple[str, ...] = ()
    """How whoever reads it writes its top: ``/mnt/c``, ``disk.img:``."""
    named: Callable[[str], str] = str
    """From a name as it is read to the host's."""
    separator: str = os.sep
    """Between the names of a path, as whoever reads it writes it."""
    left_in: Callable[[Entry], Iterable[Entry]] | None = None
    """What is left of deleted names in a folder whose entries were asked for; None: not known."""

    def known_as(self, path: str) -> str | None:
        r"""From a path as whoever reads it writes it to the host's, ``C:\Users\jo``; None: it is
        not of this volume."""
        if len(self.drive) != len("C:"):
            return None  # No letter is known: it is written as it was.
        for top in self.shown:
            rest = path[len(top) :]
            if path.startswith(top) and rest[:1] in ("", "/", "\\"):
                names = [self.named(name) for name in rest.split(rest[:1] or None) if name]
                return "\\".join([self.drive, *names])
        return None

    def find(self, *names: str) -> Entry | None:
        """What lies at these names from the top on, links not followed; None for nothing there.

        Raises OSError: a folder on the way cannot be listed.
        """
        found = self.top
        for name in names:
            following = child(found, name)
            if following is None:
                return None
            found = following
        return found


def child(folder: Entry, name: str) -> Entry | None:
    """The entry of this name in a folder; None if there is none.

    Raises OSError: the folder cannot be listed, or names may be missing where this one is not seen.
    """
    folded, problems = fold(name), list[str]()
    found = next(iter(folder.entries(lambda other: fold(other) == folded, problems.append)), None)
    if found is None and problems:
        raise OSError(problems[0])
    return found
