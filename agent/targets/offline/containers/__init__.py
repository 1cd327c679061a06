"""What the bytes of a disk or of a volume come in: EnCase images, disks of virtual machines …

Each kind is a module with one function, ``open_it(path, file) -> Medium``; :mod:`.opening` tells
which by the first bytes. What a medium does not hold (a file of the set that is missing, a damaged
chunk) is no zeros: reading there fails, so that whatever lies there is a gap by its own name, and
:attr:`Medium.lacking` says which ranges it is.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from msgspec import Struct

from ....ntfs import ByteSource, NtfsError
from ....reading.opening import open_quietly

MAX_FILES = 10_000
"""Of one medium."""
MAX_DEPTH = 32
"""Disks that rest on one another."""


class MediumError(NtfsError):
    """A file is none of its kind, or of a sort that is not read: ``what``, in the words of the
    coverage."""


class Lacking(NamedTuple):
    """Bytes that a medium should have and has not; reading them raises MediumError."""

    start: int
    size: int
    why: str
    """In the words of the coverage, equal for equal failures: ``EnCase image: chunk damaged``."""

    @property
    def end(self) -> int:
        """Behind the last of them."""
        return self.start + self.size


class Medium(Struct, frozen=True):
    """An open container."""

    kind: str
    """As :mod:`agent.formats.kinds` names it."""
    source: ByteSource
    """May be asked from several threads. Raises MediumError where bytes are lacking."""
    files: tuple[str, ...]
    """All that it lies in, by their whole paths: parts, parents, descriptions."""
    lacking: tuple[Lacking, ...] = ()
    """What is known of it from the start; at most a thousand ranges, neighbours joined."""
    problems: tuple[tuple[str, str], ...] = ()
    """What else is wrong with it, and where: gaps."""
    hashes: tuple[tuple[str, str], ...] = ()
    """Algorithm and hexadecimal hash of all its bytes, as whoever made it wrote them down."""


def beside(path: str, name: str) -> str:
    """The whole path of a file that another one names, which must lie in the same folder: what is
    named elsewhere is nobody's evidence. Raises MediumError."""
    base = name.replace("\\", "/").rpartition("/")[2]
    if base in ("", ".", ".."):
        raise MediumError("names a file that cannot be", name)
    found = os.path.join(os.path.dirname(path), base)
    if not os.path.isfile(found):
        raise MediumError("needs a file that is not beside it", base)
    return found


__all__ = ["MAX_DEPTH", "MAX_FILES", "Lacking", "Medium", "MediumError", "beside", "open_quietly"]
