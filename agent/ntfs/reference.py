"""How records name each other."""

from __future__ import annotations

from typing import NamedTuple

LOG_RECORD = 2
"""The record of ``$LogFile`` ([layout.h] NTFS_SYSTEM_FILES)."""
ROOT = 5
"""The record of the volume's root folder."""
EXTEND = 11
"""The record of ``$Extend``."""
FIRST_USER_RECORD = 24
"""Records below hold the file system itself, or nothing ([layout.h], NTFS_SYSTEM_FILES)."""


class Reference(NamedTuple):
    """A record's number, and how often it had been used when it was named.

    Sequence 0: not told.
    """

    number: int
    sequence: int

    @classmethod
    def of(cls, value: int) -> Reference:
        """From its eight bytes: 48 bits of number, 16 of sequence."""
        return tuple.__new__(cls, (value & 0xFFFF_FFFF_FFFF, value >> 48))
