"""The list of expected hosts, given by an administrator on a page."""

from __future__ import annotations

import asyncio
import re

from starlette.requests import Request
from starlette.responses import Response

from agent.output.escape import shown

from ..expected_list import Unkept, expected_in, same_words
from ..records import ROLES
from .session import Reader
from .site import Refused, Site
from .uploading import MAX_UPLOAD, Upload

ADDS = ROLES[-1]
"""Who may."""


class ExpectPages:
    """``/sweeps/{sweep_id}/expect``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def page(self, request: Request, reader: Reader) -> Response:
        """The form."""
        return await self._page(request, reader, [])

    async def take(self, request: Request, reader: Reader, sent: Upload) -> Response:
        """A list, read as `sweep expect add` reads it; all of it, or nothing."""
        sweep = await self._site.sweep(request, reader)
        if not sent.data.strip():
            raise Refused(400, "No list was chosen, or it is empty. Nothing was changed.")
        if len(sent.data) > MAX_UPLOAD:
            raise Refused(413, f"A list of more than {MAX_UPLOAD >> 20} MiB is not taken here.")
        name = shown(re.split(r"[/\\]", sent.name)[-1])[:100] or "the list"
        unkept = Unkept()
        try:
            hosts = await asyncio.to_thread(lambda: [*expected_in(sent.data, name, unkept)])
            listed = await self._site.store.expect(sweep.sweep_id, hosts, who=reader.who)
        except ValueError as error:
            raise Refused(400, f"{error}. Nothing was changed.") from error
        self._site.counters.forget(sweep.sweep_id)
        told = [
            f"{listed.new:,} new expected hosts, of {len(hosts):,} lines with a name.",
            *filter(None, (same_words(listed), unkept.words())),
        ]
        return await self._page(request, reader, told)

    async def _page(self, request: Request, reader: Reader, told: list[str]) -> Response:
        sweep = await self._site.sweep(request, reader)
        if not reader.may(ADDS):
            return await self._site.not_theirs(request, reader, ADDS)
        return self._site.html(
            "expect.html",
            reader=reader,
            sweep=sweep,
            counts=await self._site.counters.counts(sweep.sweep_id),
            told=told,
            most=MAX_UPLOAD >> 20,
        )


__all__ = ["ADDS", "ExpectPages"]
