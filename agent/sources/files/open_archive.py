"""An archive while its members are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from msgspec import Struct

from ...formats.kinds import Kind
from ...formats.zip_archive import Member
from ...formats.zip_unpacking import unpack
from ...model.observation import Observation


class Budget(Struct):
    """Bytes that may still be unpacked, of an archive and of all that it holds."""

    kept: int
    probed: int


class OpenArchive(Struct):
    """One archive while it is looked at."""

    file: BinaryIO
    size: int
    shown: str
    budget: Budget
    kind: Kind
    depth: int = 0
    unpacks: Callable[[Member, int], bytes] | None = None
    """Where members come one after the other: the first bytes of the one at hand, at most so
    many. Raises OSError, FormatError."""

    def first(self, member: Member, limit: int) -> bytes:
        """At most so many bytes of a member, from its beginning on. Raises OSError, FormatError."""
        if self.unpacks is not None:
            return self.unpacks(member, limit)
        return unpack(self.file, member, limit)


Look = Callable[[OpenArchive, list[Member]], Iterator[Observation]]
"""Looks at some members of an archive."""
