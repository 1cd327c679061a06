"""An archive while its members are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ...formats.zip_archive import Member
from ...model.observation import Observation


@dataclass
class Budget:
    """Bytes that may still be unpacked, of an archive and of all that it holds."""

    kept: int
    probed: int


@dataclass
class OpenArchive:
    """One archive while it is looked at."""

    file: BinaryIO
    size: int
    shown: str
    budget: Budget
    depth: int = 0


Look = Callable[[OpenArchive, list[Member]], Iterator[Observation]]
"""Looks at some members of an archive."""
