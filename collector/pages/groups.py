"""Whom to call: hosts by what the list of expected hosts says of them."""

from __future__ import annotations

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ..records import Sweep
from ..store.expecting import MAX_VALUE, ColumnFilter
from ..store.grouping import MAX_GROUPS, Group
from .session import Reader
from .site import Refused, Site, asked

_USUAL = ("site", "location", "ou", "organizational unit", "owner")
"""Columns that people go by, the likeliest first."""


class GroupList(Struct, frozen=True, kw_only=True):
    """``/sweeps/{sweep_id}/groups.json``."""

    by: str
    """The column; empty: the lists have none."""
    columns: list[str]
    """All that the lists have."""
    groups: list[Group]
    more: bool
    """Whether there are more than these."""


def column_filter(request: Request) -> ColumnFilter:
    """What the query asks for."""
    return ColumnFilter(
        name=asked(request, "column", MAX_VALUE), value=asked(request, "value", MAX_VALUE)
    )


def column_query(chosen: ColumnFilter) -> dict[str, str]:
    """The same as parameters of an address."""
    return {"column": chosen.name, "value": chosen.value}


def column_words(chosen: ColumnFilter) -> list[str]:
    """``with Site “Berlin”``"""
    if not chosen.name:
        return []
    return [f"with {chosen.name} “{chosen.value}”" if chosen.value else f"without {chosen.name}"]


class GroupPages:
    """``/sweeps/{sweep_id}/groups``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def page(self, request: Request, reader: Reader) -> Response:
        """A table of six counters a line."""
        sweep = await self._site.sweep(request, reader)
        found = await self._groups(request, sweep)
        return self._site.html("groups.html", reader=reader, sweep=sweep, found=found)

    async def data(self, request: Request, reader: Reader) -> GroupList:
        """For programs. Raises Refused: there is no such column."""
        found = await self._groups(request, await self._site.sweep(request, reader))
        wanted = asked(request, "by", MAX_VALUE)
        if wanted and wanted != found.by:
            raise Refused(400, f"There is no such column. There are: {', '.join(found.columns)}.")
        return found

    async def _groups(self, request: Request, sweep: Sweep) -> GroupList:
        columns = await self._site.store.columns(sweep.sweep_id)
        wanted = asked(request, "by", MAX_VALUE)
        by = wanted if wanted in columns else _usual(columns)
        groups = await self._site.store.groups(sweep.sweep_id, by) if by else []
        return GroupList(
            by=by, columns=columns, groups=groups[:MAX_GROUPS], more=len(groups) > MAX_GROUPS
        )


def _usual(columns: list[str]) -> str:
    named = {one.casefold(): one for one in reversed(columns)}
    return next((named[one] for one in _USUAL if one in named), columns[0] if columns else "")


__all__ = ["GroupList", "GroupPages", "column_filter", "column_query", "column_words"]
