"""Which reports came since something was asked: their numbers never change, nor does their order.

Some databases number reports a while after they are committed; those without a number count as new.
"""

from __future__ import annotations

from typing import NamedTuple

from .rows import Rows

NEW = 5000
"""Reports whose hosts are looked up; if more came since, all are gone through."""
MAX_KEPT = 100
"""Answers that are kept of a kind."""
_SO_FAR = (
    "SELECT COALESCE((SELECT l.number FROM list_change l WHERE l.sweep_id = sweep.sweep_id), 0),"
    " judged, demanded, (SELECT COALESCE(MAX(seq), 0) FROM report),"
    " (SELECT COUNT(*) FROM (SELECT 1 FROM report WHERE seq IS NULL LIMIT ?) AS unnumbered)"
    " FROM sweep WHERE sweep_id = ?"
)
# the sweep by no index: the number leads to the few reports
_CAME = "SELECT host_key FROM report WHERE {} AND COALESCE(sweep_id, '') = ?"
HOSTS_SINCE = (
    f"FROM ({_CAME.format('seq > ?')} UNION {_CAME.format('seq IS NULL')}) AS came"
    " CROSS JOIN host WHERE host.sweep_id = ? AND host.host_key = came.host_key"
)
"""SQL: the hosts of a sweep that reported since. A number, and the sweep three times."""


class SoFar(NamedTuple):
    """How far a sweep is."""

    listed: int
    """Another with each change of its list."""
    judged: int
    demanded: int
    upto: int
    """The last number of a report, of whichever sweep."""
    unnumbered: int

    def few_since(self, upto: int) -> bool:
        """Whether those that came since are few."""
        return self.upto - upto + self.unnumbered <= NEW


class Since(Rows):
    """Asks how far a sweep is."""

    async def so_far(self, sweep_id: str) -> SoFar | None:
        """To be asked before what is then kept: what comes between is looked at once more. None:
        there is no such sweep."""
        rows = await self.database.fetch(_SO_FAR, NEW + 1, sweep_id)
        return SoFar(*map(int, rows[0])) if rows else None


__all__ = ["HOSTS_SINCE", "MAX_KEPT", "Since", "SoFar"]
