"""What short files say in which something of the campaign occurs, for known-benign rules."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ...matching.hidden_commands import as_text
from ...matching.matcher import Matcher
from ...model.observation import ByteHit

MAX_TEXT = 256 << 10
"""Bytes of one file; of a longer one nothing is kept, and no rule holds."""
MAX_KEPT = 16 << 20
"""Bytes of all files of one sweep."""


class Texts(Struct):
    """Keeps them for one sweep, within bounds."""

    matcher: Matcher
    left: int = MAX_KEPT

    def of(self, data: bytes, hits: Iterable[ByteHit]) -> str:
        """The text of a file; empty where it is too long, or where all hits are mere mentions."""
        kept = len(data) <= min(MAX_TEXT, self.left) and any(map(self._may_be_more, hits))
        if not kept:
            return ""
        self.left -= len(data)
        return as_text(data)

    def _may_be_more(self, hit: ByteHit) -> bool:
        return not (self.matcher.is_mention(hit) or self.matcher.is_user_rule(hit))
