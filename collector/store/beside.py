"""Hosts that a list does not have, or may not have: which these are is for ``whose.py`` to say.

Their names and those of the list are two sorted indexes, which the engine walks beside each other
once. To look each host up costs several times that, and is done for the few names that are left.
"""

from __future__ import annotations

from .database import Value
from .rows import Rows

FEW = 500
"""Names that are asked for one by one."""
_HOSTS = "FROM host WHERE sweep_id = ? AND name_key >= ''"
_BY_NAME = (
    f"SELECT name_key {_HOSTS} EXCEPT SELECT name_key FROM expected WHERE sweep_id = ?"
    " ORDER BY name_key LIMIT ?"
)
_BY_WHOLE_NAME = (
    f"SELECT name_key, fqdn_key {_HOSTS} EXCEPT"
    " SELECT short_key, name_key FROM expected WHERE sweep_id = ?"
    " ORDER BY name_key, fqdn_key LIMIT ?"
)
_BY_COLUMN = (
    f"SELECT name_key {_HOSTS} EXCEPT SELECT name_key FROM expected_column WHERE sweep_id = ?"
    " AND name = ? AND value <> '' ORDER BY name_key LIMIT ?"
)


class Beside(Rows):
    """Asks for the names of hosts that may not be on a list: all that are not are among them."""

    async def names_beside(self, sweep_id: str) -> list[str] | None:
        """Of hosts that may not be expected. None: more than FEW."""
        # a list has short names, or it has whole ones
        for sql in (_BY_NAME, _BY_WHOLE_NAME):
            names = await self._left(sql, sweep_id, sweep_id)
            if names is not None:
                return names
        return None

    async def names_without(self, sweep_id: str, column: str) -> list[str] | None:
        """Of hosts of which the list may not say this. None: more than FEW."""
        return await self._left(_BY_COLUMN, sweep_id, sweep_id, column)

    async def _left(self, sql: str, *values: Value) -> list[str] | None:
        rows = await self.database.fetch(sql, *values, FEW + 1)
        return None if len(rows) > FEW else list(dict.fromkeys(str(row[0]) for row in rows))


__all__ = ["FEW", "Beside"]
