"""Parsers of foreign file formats: bytes in, facts of ``agent/model/`` out.

Every parser is bounded in memory and time, and any input ends in facts or in a
:class:`FormatError`.
"""

from __future__ import annotations


class FormatError(Exception):
    """These bytes are not what they claim to be, or go beyond a bound.

    ``where`` names the structure, or the byte offset in hexadecimal, at which reading ended.
    """

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(f"{what} ({where})" if where else what)
        self.what = what
        self.where = where
