"""Orders in which most hosts are alike, and that of the last report: their pages by an index.

A trace or a hit is told of few hosts, which an index has in their order; all others are alike and
follow by their keys. Who reported last is found by the reports that came last. What cannot be found
so is left to one reading of all hosts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .database import Row, Value
from .rows import Rows

NEVER = 1 << 60
"""Stands for a time that is not known: after all others."""
FEW_KEYS = 5000
"""Hosts that are sorted rather than looked for in each state."""
IN_STATE = "NOT (state <> ?)"
"""SQL: by no index of SQLite. PostgreSQL knows how many are so."""
_LAST_REPORTS = 2000
"""That are looked at for hosts of which they are the last."""


class _Told(NamedTuple):
    """What is told of few hosts."""

    column: str
    has: str
    """SQL: hosts of which it is told; the condition of an index in this order, and that it is."""
    of_others: int
    """Stands for it."""
    falling: bool


_TOLD = {
    "trace": _Told(
        "first_trace", "strongest > 1 AND first_trace IS NOT NULL", NEVER, falling=False
    ),
    "hit": _Told("first_hit", "state = 'hit' AND first_hit IS NOT NULL", 0, falling=True),
}


class FewTold(Rows):
    """Asks for the keys of a page's hosts."""

    async def few_in(self, sweep_id: str, state: str) -> bool:
        """Whether not many hosts are in a state."""
        return await self._few_so(sweep_id, "state = ?", state)

    async def keys_in_order(
        self,
        sweep_id: str,
        order: str,
        state: str | None,
        after: tuple[int, str],
        most: int,
        *,
        back: bool,
    ) -> list[str] | None:
        """Of all hosts, or of those in a state; ``after``: value and key of the last one before, no
        key: from the start. None: this is no way to find them."""
        if order == "last":
            return await self._by_last_report(sweep_id, state, after, most, back=back)
        told = _TOLD.get(order)
        if told is None:
            return None
        if state not in (None, "hit") and not await self._few_so(sweep_id, told.has):
            return None  # none of many may be in that state
        keys: list[str] = []
        for of_others in (True, False) if back else (False, True):
            if len(keys) < most:
                some = most - len(keys)
                page = self._of_others if of_others else self._of_these
                keys += await page(sweep_id, told, state, after, some, back=back)
        return keys

    async def _few_so(self, sweep_id: str, so: str, *values: Value) -> bool:
        ((count,),) = await self.database.fetch(
            f"SELECT COUNT(*) FROM (SELECT 1 FROM host WHERE sweep_id = ? AND {so} LIMIT ?) AS so",
            sweep_id, *values, FEW_KEYS + 1,
        )  # fmt: skip
        return int(count) <= FEW_KEYS

    async def _of_these(
        self, sweep_id: str, told: _Told, state: str | None, after: tuple[int, str], most: int,
        *, back: bool,
    ) -> list[str]:  # fmt: skip
        """Of which it is told."""
        falling = told.falling ^ back
        where, values = _in_state(sweep_id, state)
        where += f" AND {told.has}"
        if after[1]:
            sign = "<" if falling else ">"
            where += f" AND {told.column} {sign}= ? AND ({told.column} {sign} ? OR host_key > ?)"
            values += [after[0], *after]
        return _keys(
            await self.database.fetch(
                f"SELECT host_key FROM host WHERE {where}"
                f" ORDER BY {told.column}{' DESC' if falling else ''}, host_key LIMIT ?",
                *values, most,
            )
        )  # fmt: skip

    async def _of_others(
        self, sweep_id: str, told: _Told, state: str | None, after: tuple[int, str], most: int,
        *, back: bool,
    ) -> list[str]:  # fmt: skip
        falling = told.falling ^ back
        where, values = _in_state(sweep_id, state)
        where += f" AND NOT ({told.has})"
        if after[1] and told.of_others == after[0]:
            where, values = f"{where} AND host_key > ?", [*values, after[1]]
        elif after[1] and (told.of_others > after[0]) == falling:
            return []  # passed
        return _keys(
            await self.database.fetch(
                f"SELECT host_key FROM host WHERE {where} ORDER BY host_key LIMIT ?", *values, most
            )
        )

    async def _by_last_report(
        self, sweep_id: str, state: str | None, after: tuple[int, str], most: int, *, back: bool
    ) -> list[str] | None:
        beyond, by = ("<", "received") if back else (">", "received DESC")
        came, asked = "sweep_id = ?", list[Value]([sweep_id])
        if after[1]:
            came, asked = f"{came} AND received {'>=' if back else '<='} ?", [*asked, after[0]]
        edge = await self.database.fetch(
            f"SELECT received FROM report WHERE {came} ORDER BY {by} LIMIT 1 OFFSET ?",
            *asked, _LAST_REPORTS,
        )  # fmt: skip
        if edge:  # of what comes at that very time not all may be among them
            came, asked = f"{came} AND received {beyond} ?", [*asked, int(edge[0][0])]
        where, values = _in_state(sweep_id, state)
        if after[1]:
            where += f" AND (last_received {'>' if back else '<'} ? OR host.host_key > ?)"
            values += after
        rows = await self.database.fetch(
            "SELECT host.host_key FROM (SELECT DISTINCT host_key, received FROM report"
            f" WHERE {came}) AS came CROSS JOIN host WHERE {where}"
            " AND host.host_key = came.host_key AND last_received = came.received"
            f" ORDER BY last_received{'' if back else ' DESC'}, host.host_key LIMIT ?",
            *asked, *values, most,
        )  # fmt: skip
        return _keys(rows) if len(rows) == most else None


def _in_state(sweep_id: str, state: str | None) -> tuple[str, list[Value]]:
    if state is None:
        return "sweep_id = ?", [sweep_id]
    return f"sweep_id = ? AND {IN_STATE}", [sweep_id, state]


def _keys(rows: Sequence[Row]) -> list[str]:
    return [str(key) for (key,) in rows]


__all__ = ["FEW_KEYS", "IN_STATE", "NEVER", "FewTold"]
