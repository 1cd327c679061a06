"""Findings set aside by a person, and what that does to the states of hosts."""

from __future__ import annotations

import uuid

from ..records import AuditRow, Suppression
from .database import Statement, Value
from .putting import worth
from .rows import SUPPRESSION, Rows, audit, now_ms

COVERED_BY = (
    "SELECT MIN(s.suppression_id) FROM suppression s WHERE s.sweep_id = finding.sweep_id"
    " AND s.indicator_id = finding.indicator_id AND s.lifted IS NULL"
    " AND (s.host_key IS NULL OR s.host_key = finding.host_key)"
)
_OPEN_HIT = (
    "SELECT 1 FROM finding f WHERE f.sweep_id = host.sweep_id AND f.host_key = host.host_key"
    " AND f.strength IN ('strong', 'confirmed') AND f.suppression_id IS NULL"
)
_UNINDEXED = (
    "SELECT 1 FROM report r WHERE r.sweep_id = host.sweep_id AND r.host_key = host.host_key"
    " AND r.indexed = 0 AND r.strong > 0"
)
_WORTH = worth("base", "limited")


def states_again(
    sweep_id: str, indicator_id: str | None = None, *, host_key: str | None = None
) -> list[Statement]:
    """Hosts whose hits are all suppressed, and those that have an open one (again)."""
    which: str = "sweep_id = ? AND hit = 1"
    values: list[Value] = [sweep_id]
    if host_key is not None:
        which, values = f"{which} AND host_key = ?", [*values, host_key]
    if indicator_id is not None:
        which += " AND host_key IN (SELECT host_key FROM finding WHERE sweep_id = ?"
        which += " AND indicator_id = ?)"
        values += [sweep_id, indicator_id]
    return [
        (
            f"UPDATE host SET suppressed = 1, state = {_WORTH} WHERE {which} AND suppressed = 0"
            f" AND NOT EXISTS ({_OPEN_HIT}) AND NOT EXISTS ({_UNINDEXED})",
            values,
        ),
        (
            f"UPDATE host SET suppressed = 0, state = 'hit' WHERE {which} AND suppressed = 1"
            f" AND EXISTS ({_OPEN_HIT})",
            values,
        ),
    ]


class Suppressing(Rows):
    """What people change."""

    async def suppress(
        self, sweep_id: str, indicator_id: str, host_key: str | None, *, reason: str, who: str
    ) -> str:
        """Set findings aside, on one host or on all, those to come included. Gives the id."""
        made = str(uuid.uuid4())
        which, values = "sweep_id = ? AND indicator_id = ?", [sweep_id, indicator_id]
        if host_key is not None:
            which, values = f"{which} AND host_key = ?", [*values, host_key]
        await self.database.transact(
            [
                (
                    f"INSERT INTO suppression ({SUPPRESSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (made, sweep_id, indicator_id, host_key, reason, who, now_ms(), None),
                ),
                (
                    f"UPDATE finding SET suppression_id = ? WHERE {which}"
                    " AND suppression_id IS NULL",
                    (made, *values),
                ),
                *states_again(sweep_id, indicator_id),
                audit(who, "suppress", f"{sweep_id} {indicator_id} {host_key or '*'}", reason),
            ]
        )
        return made

    async def lift(self, suppression_id: str, *, who: str) -> bool:
        """Undo a suppression; whether there was one."""
        rows = await self.database.fetch(
            "SELECT sweep_id, indicator_id, host_key FROM suppression WHERE suppression_id = ?"
            " AND lifted IS NULL",
            suppression_id,
        )
        if not rows:
            return False
        sweep_id, indicator_id = map(str, rows[0][:2])
        await self.database.transact(
            [
                (
                    "UPDATE suppression SET lifted = ? WHERE suppression_id = ?",
                    (now_ms(), suppression_id),
                ),
                (
                    # another suppression may cover them still
                    f"UPDATE finding SET suppression_id = ({COVERED_BY}) WHERE sweep_id = ?"
                    " AND indicator_id = ? AND suppression_id = ?",
                    (sweep_id, indicator_id, suppression_id),
                ),
                *states_again(sweep_id, indicator_id),
                audit(
                    who,
                    "lift suppression",
                    f"{sweep_id} {indicator_id} {rows[0][2] or '*'}",
                    suppression_id,
                ),
            ]
        )
        return True

    async def suppressions(self, sweep_id: str) -> list[Suppression]:
        """Latest first, lifted ones included."""
        return await self._all(
            Suppression,
            f"SELECT {SUPPRESSION} FROM suppression WHERE sweep_id = ? ORDER BY created DESC"
            " LIMIT 1000",
            sweep_id,
        )

    async def audit_log(self, limit: int = 500, *, sweep_id: str | None = None) -> list[AuditRow]:
        """Latest first; of one sweep if given."""
        where, values = "", list[Value]()
        if sweep_id is not None:
            where = "WHERE subject = ? OR substr(subject, 1, ?) = ?"
            values = [sweep_id, len(sweep_id) + 1, sweep_id + " "]
        return await self._all(
            AuditRow,
            f"SELECT at, who, action, subject, detail FROM audit {where} ORDER BY at DESC LIMIT ?",
            *values, limit,
        )  # fmt: skip
