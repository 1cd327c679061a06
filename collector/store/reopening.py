"""Closed cases of hosts that were hit again, and how many were opened for it."""

from __future__ import annotations

from ..casework import REOPENED, CaseKey
from .rows import Rows
from .suppressing import tells_open_hit

AT_ONCE = 100
_HIT_SINCE = (
    # listed, so that it is known what of it is suppressed; by the order of the commits, as one may
    # have been received long before (of the host, and not by the numbers of all reports)
    "EXISTS (SELECT 1 FROM report r WHERE r.sweep_id = h.sweep_id AND r.host_key = h.host_key"
    " AND r.state = 'hit' AND r.indexed = 1"
    f" AND COALESCE(r.seq, {(1 << 63) - 1}) > c.closed_after"
    f" AND {tells_open_hit('r')})"
)


class Reopening(Rows):
    """By the closed cases, of which there are few."""

    async def to_reopen(self) -> list[CaseKey]:
        """Some of those whose host got an open hit after they were closed."""
        rows = await self.database.fetch(
            "SELECT c.sweep_id, c.host_key FROM sweep s CROSS JOIN casework c CROSS JOIN host h"
            " WHERE c.sweep_id = s.sweep_id AND c.state = 'closed' AND c.finding_id = ''"
            " AND h.sweep_id = c.sweep_id AND h.host_key = c.host_key AND h.state = 'hit'"
            f" AND {_HIT_SINCE} LIMIT ?",
            AT_ONCE,
        )
        return [CaseKey(str(sweep_id), str(host_key)) for sweep_id, host_key in rows]

    async def reopened(self, sweep_id: str) -> int:
        """Hosts whose case was opened so, and is not closed again."""
        ((count,),) = await self.database.fetch(
            "SELECT COUNT(*) FROM case_tag t JOIN casework c ON c.sweep_id = t.sweep_id"
            " AND c.host_key = t.host_key AND c.finding_id = t.finding_id WHERE t.sweep_id = ?"
            " AND t.tag = ? AND t.finding_id = '' AND c.state <> 'closed'",
            sweep_id, REOPENED,
        )  # fmt: skip
        return int(count)


__all__ = ["Reopening"]
