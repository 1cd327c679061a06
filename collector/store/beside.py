"""Hosts that a list does not have, or may not have: which these are is for ``whose.py`` to say.

Their names and those of the list are two sorted indexes, which the engine walks beside each other.
To look each host up costs several times that, and is done for the few names that are left. What was
found is kept: the next who asks has the hosts of the reports that came since looked up, and no
other. A host comes by a report, and whatever changes a list gives it another number.
"""

from __future__ import annotations

from typing import NamedTuple

from .database import Database, Value
from .since import HOSTS_SINCE, MAX_KEPT, Since

FEW = 500
"""Names that are asked for one by one."""


class _Question(NamedTuple):
    """Which names a list does not have."""

    host: str
    """Columns of ``host``, the name first."""
    table: str
    has: str
    """Columns of the table that are the same."""
    where: str = ""
    """Which rows of the table, beside the sweep."""


_BY_NAME = _Question("name_key", "expected", "name_key")
_BY_WHOLE_NAME = _Question("name_key, fqdn_key", "expected", "short_key, name_key")
_BY_COLUMN = _Question("name_key", "expected_column", "name_key", " AND name = ? AND value <> ''")


class _Kept(NamedTuple):
    """What was found."""

    list_as: tuple[int, int]
    upto: int
    """The last number of a report then."""
    names: frozenset[str]


class Beside(Since):
    """Asks for the names of hosts that may not be on a list: all that are not are among them."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._kept: dict[tuple[str, _Question, tuple[Value, ...]], _Kept] = {}

    async def names_beside(self, sweep_id: str) -> list[str] | None:
        """Of hosts that may not be expected. None: more than FEW."""
        # a list has short names, or it has whole ones
        for question in (_BY_NAME, _BY_WHOLE_NAME):
            names = await self._left(question, sweep_id)
            if names is not None:
                return names
        return None

    async def names_without(self, sweep_id: str, column: str) -> list[str] | None:
        """Of hosts of which the list may not say this. None: more than FEW."""
        return await self._left(_BY_COLUMN, sweep_id, column)

    async def _left(self, question: _Question, sweep_id: str, *values: Value) -> list[str] | None:
        """``values``: of the question, behind the sweep."""
        key = (sweep_id, question, values)
        kept = self._kept.pop(key, None)
        now = await self.so_far(sweep_id)
        names: frozenset[str] | None = None
        if (
            kept is not None
            and now is not None
            and kept.list_as == (now.listed, now.judged)
            and now.judged >= now.demanded  # whole names are judged, too
            and now.few_since(kept.upto)
        ):
            names = await self._with_new(question, sweep_id, values, kept)
        if names is None:
            names = await self._all_left(question, sweep_id, values)
        if names is None:
            return None
        if now is not None:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[key] = _Kept((now.listed, now.judged), now.upto, names)
        return sorted(names)

    async def _with_new(
        self, question: _Question, sweep_id: str, values: tuple[Value, ...], kept: _Kept
    ) -> frozenset[str] | None:
        same = " AND ".join(
            f"e.{has} = host.{name}"
            for has, name in zip(question.has.split(", "), question.host.split(", "), strict=True)
        )
        rows = await self.database.fetch(
            f"SELECT name_key {HOSTS_SINCE} AND NOT EXISTS (SELECT 1 FROM {question.table} e"
            f" WHERE e.sweep_id = ?{question.where} AND {same}) LIMIT ?",
            kept.upto, sweep_id, sweep_id, sweep_id, sweep_id, *values, FEW + 1,
        )  # fmt: skip
        names = kept.names.union(str(name) for (name,) in rows)
        return None if max(len(names), len(rows)) > FEW else names

    async def _all_left(
        self, question: _Question, sweep_id: str, values: tuple[Value, ...]
    ) -> frozenset[str] | None:
        rows = await self.database.fetch(
            f"SELECT {question.host} FROM host WHERE sweep_id = ? AND name_key >= ''"
            f" EXCEPT SELECT {question.has} FROM {question.table} WHERE sweep_id = ?"
            f"{question.where} ORDER BY {question.host} LIMIT ?",
            sweep_id, sweep_id, *values, FEW + 1,
        )  # fmt: skip
        return None if len(rows) > FEW else frozenset(str(row[0]) for row in rows)


__all__ = ["FEW", "Beside"]
