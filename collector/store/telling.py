"""What the lists tell: a finding as the worst that any report of its host says, and up to when."""

from __future__ import annotations

from ..records import RANKS, FindingRow, IndicatorRow
from .rows import FINDING, Rows


def order(of: str) -> list[str]:
    """SQL: what is greater is shown, of findings that are so called in the statement: what counts
    before what is set aside or excluded, then the stronger and the later. A later report never
    hides what an earlier one found, as it never does in the state of the host."""
    counts = f"{of}.suppression_id IS NULL AND {of}.strength <> 'excluded'"
    ranks = " ".join(f"WHEN '{name}' THEN {rank}" for name, rank in RANKS.items())
    return [
        f"CASE WHEN {counts} THEN 1 ELSE 0 END", f"CASE {of}.strength {ranks} ELSE 0 END",
        f"{of}.time", f"{of}.report_id",
    ]  # fmt: skip


_FALLING = ", ".join(f"{one} DESC" for one in order("f"))


class Telling(Rows):
    """Asks all reports of a host."""

    async def worst_told(self, sweep_id: str, host_key: str, finding_id: str) -> FindingRow | None:
        """In the order of :func:`order`; None: no report tells of it."""
        rows = await self._all(
            FindingRow,
            f"SELECT {', '.join(f'f.{one}' for one in FINDING.split(', '))} FROM report r"
            " JOIN finding f ON f.report_id = r.report_id AND f.finding_id = ?"
            f" WHERE r.sweep_id = ? AND r.host_key = ? ORDER BY {_FALLING} LIMIT 1",
            finding_id, sweep_id, host_key,
        )  # fmt: skip
        return rows[0] if rows else None

    async def indicator(self, sweep_id: str, indicator_id: str) -> IndicatorRow | None:
        """As in the list of a sweep's indicators, which ends somewhere."""
        ((rank, *told),) = await self.database.fetch(
            f"SELECT MAX({order('finding')[1]}), COUNT(DISTINCT host_key), COUNT(*),"
            " COUNT(suppression_id), MIN(time), MAX(time) FROM finding WHERE sweep_id = ?"
            " AND indicator_id = ?",
            sweep_id, indicator_id,
        )  # fmt: skip
        rows = await self.database.fetch(
            "SELECT indicator_type, indicator_value, pack FROM finding WHERE sweep_id = ?"
            " AND indicator_id = ? ORDER BY report_id, finding_id LIMIT 1",
            sweep_id, indicator_id,
        )  # fmt: skip
        if rank is None or not rows:
            return None
        hosts, findings, suppressed, first, last = map(int, told)
        strengths = {value: name for name, value in RANKS.items()}
        return IndicatorRow(
            indicator_id=indicator_id, indicator_type=str(rows[0][0]),
            indicator_value=str(rows[0][1]), pack=str(rows[0][2]), strength=strengths[int(rank)],
            hosts=hosts, findings=findings, suppressed=suppressed, first_time=first, last_time=last,
        )  # fmt: skip

    async def listed_until(self, sweep_id: str, now: int) -> int:
        """Up to when the findings of all reports that came are listed; at most the last one's time.

        Milliseconds UTC.
        """
        ((last, waiting),) = await self.database.fetch(
            # The waiting ones by their own index, which has few: by the times of the sweep's
            # reports all of them would be looked at.
            "SELECT (SELECT MAX(received) FROM report WHERE sweep_id = ?), (SELECT MIN(received)"
            " FROM report WHERE indexed = 0 AND sweep_id || '' = ?)",
            sweep_id, sweep_id,
        )  # fmt: skip
        until = now if last is None else min(now, int(last))
        return until if waiting is None else min(until, int(waiting) - 1)


__all__ = ["Telling", "order"]
