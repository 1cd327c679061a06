"""The six counters alone, which every list of hosts has above it.

Each is the length of one stretch of an index. What else is counted (:meth:`Answers.counts`) costs
several times that, and no list shows it.
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from ..records import STATES, Counts
from .putting import Seen
from .rows import Rows
from .same_host import COUNTED

_IN_STATE = "(SELECT COUNT(*) FROM host WHERE sweep_id = ? AND state = '{}')"
_SEEN = "(SELECT COUNT(*) FROM expected WHERE sweep_id = ? AND seen = {})"
_SQL = (
    f"SELECT {', '.join(_IN_STATE.format(state) for state in STATES)},"
    f" {_SEEN.format(int(Seen.NOTHING))}, {_SEEN.format(int(Seen.LIMITED))},"
    f" (SELECT COUNT(*) FROM expected WHERE sweep_id = ? AND {COUNTED})"
)
_FIELDS = (*STATES, "not_reported", "owing", "expected")


class StateCounts(Struct, frozen=True, kw_only=True):
    """How many hosts said what, as in :class:`~collector.records.Counts`."""

    clean: int
    hit: int
    incomplete: int
    failed: int
    limited: int
    not_reported: int
    """Expected hosts without a report."""
    owing: int
    """Expected hosts with limited reports only."""
    expected: int

    @property
    def reported(self) -> int:
        """Hosts that answered."""
        return self.clean + self.hit + self.incomplete + self.failed + self.limited


def states_of(counts: Counts) -> StateCounts:
    """The part that lists show."""
    return StateCounts(**{name: cast("int", getattr(counts, name)) for name in _FIELDS})


class StateCounting(Rows):
    """Counts hosts by state."""

    async def state_counts(self, sweep_id: str) -> StateCounts:
        """The six counters, and whose answer is due."""
        (row,) = await self.database.fetch(_SQL, *[sweep_id] * len(_FIELDS))
        return StateCounts(**{name: int(count) for name, count in zip(_FIELDS, row, strict=True)})


__all__ = ["StateCounting", "StateCounts", "states_of"]
