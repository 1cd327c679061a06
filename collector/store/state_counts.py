"""The six counters alone, which every list of hosts has above it.

Each is the length of one stretch of an index, but for that of all who are expected: it changes with
the list alone, and is kept as long as the list is the same. What else is counted
(:meth:`Answers.counts`) costs several times that, and no list shows it.
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from ..records import STATES, Counts
from .database import Database
from .putting import Seen
from .rows import Rows
from .same_host import COUNTED

_IN_STATE = "(SELECT COUNT(*) FROM host WHERE sweep_id = ? AND state = '{}')"
_SEEN = "(SELECT COUNT(*) FROM expected WHERE sweep_id = ? AND seen = {})"
_SQL = (
    f"SELECT {', '.join(_IN_STATE.format(state) for state in STATES)},"
    f" {_SEEN.format(int(Seen.NOTHING))}, {_SEEN.format(int(Seen.LIMITED))}"
)
_ASKED = (*STATES, "not_reported", "owing")
_FIELDS = (*_ASKED, "expected")
_LIST = (
    "SELECT created, COALESCE((SELECT l.number FROM list_change l"
    " WHERE l.sweep_id = sweep.sweep_id), 0) FROM sweep WHERE sweep_id = ?"
)
_MAX_KEPT = 500


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

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._expected: dict[str, tuple[tuple[int, ...], int]] = {}
        """By sweep: of which list, and how many."""

    async def state_counts(self, sweep_id: str) -> StateCounts:
        """The six counters, and whose answer is due."""
        expected = await self._all_expected(sweep_id)
        (row,) = await self.database.fetch(_SQL, *[sweep_id] * len(_ASKED))
        return StateCounts(
            **{name: int(count) for name, count in zip(_FIELDS, (*row, expected), strict=True)}
        )

    async def _all_expected(self, sweep_id: str) -> int:
        # before what is then kept: a change that comes between is counted once more
        version = await self.database.fetch(_LIST, sweep_id)
        now = tuple(map(int, version[0])) if version else ()
        kept, count = self._expected.get(sweep_id, ((), 0))
        if now and kept == now:
            return count
        ((count,),) = await self.database.fetch(
            f"SELECT COUNT(*) FROM expected WHERE sweep_id = ? AND {COUNTED}", sweep_id
        )
        if len(self._expected) >= _MAX_KEPT:
            self._expected.clear()
        self._expected[sweep_id] = now, int(count)
        return int(count)


__all__ = ["StateCounting", "StateCounts", "states_of"]
