"""Which reports somebody is to be called for."""

from __future__ import annotations

from .rows import Rows
from .suppressing import tells_open_hit

_HITS_BEFORE = (
    "FROM report r JOIN report e ON e.sweep_id = r.sweep_id AND e.host_key = r.host_key"
    " AND e.seq < r.seq AND e.strong > 0 WHERE r.report_id = ?"
)


class Calling(Rows):
    """By the reports of a host, in the order of their commits."""

    async def is_first_hit(self, report_id: str) -> bool | None:
        """Whether it is the first report of its host and sweep that has a strong finding, or the
        first with an open one after all before were suppressed. None: what of them is suppressed is
        not known until they are listed."""
        ((earlier, forced, waits),) = await self.database.fetch(
            f"SELECT (SELECT COUNT(*) {_HITS_BEFORE}), (SELECT COUNT(*) FROM suppression s"
            " WHERE s.sweep_id = (SELECT sweep_id FROM report WHERE report_id = ?)"
            f" AND s.lifted IS NULL), (SELECT COUNT(*) {_HITS_BEFORE} AND e.indexed = 0)"
            " + (SELECT COUNT(*) FROM report WHERE report_id = ? AND indexed = 0)",
            *[report_id] * 4,
        )
        if not earlier or not forced:
            return not earlier
        if waits:
            return None
        ((here, before),) = await self.database.fetch(
            "SELECT (SELECT COUNT(*) FROM report r WHERE r.report_id = ?"
            f" AND {tells_open_hit('r')}),"
            f" (SELECT COUNT(*) {_HITS_BEFORE} AND {tells_open_hit('e')})",
            report_id, report_id,
        )  # fmt: skip
        return bool(here and not before)


__all__ = ["Calling"]
