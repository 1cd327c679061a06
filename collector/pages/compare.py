"""``/reports/{report_id}/against/{other_id}``: two reports of one host, whichever was first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from .comparing import Comparison, comparison_of
from .opening import UNREADABLE, Opened, Opening, found, told
from .session import Reader
from .site import Refused, Site, path_id


class ComparePages:
    """As a page and as JSON."""

    def __init__(self, site: Site, opening: Opening) -> None:
        self._site = site
        self._opening = opening

    async def page(self, request: Request, reader: Reader) -> Response:
        """What is new, gone and changed; coverage that differs."""
        earlier, later = await self._both(request, reader)

        def work() -> str:
            view, error = None, ""
            try:
                view = _compared(earlier, later)
            except UNREADABLE as problem:
                error = told(problem)
            return self._site.text(
                "compare.html", reader=reader, sweep=later.sweep, earlier=earlier.row,
                later=later.row, view=view, error=error,
            )  # fmt: skip

        return self._site.respond(await self._opening.turn(work))

    async def data(self, request: Request, reader: Reader) -> Comparison:
        """The same for programs."""
        earlier, later = await self._both(request, reader)
        try:
            return await self._opening.turn(lambda: _compared(earlier, later))
        except UNREADABLE as problem:
            raise Refused(422, told(problem)) from problem

    async def _both(self, request: Request, reader: Reader) -> tuple[Opened, Opened]:
        """In the order in which the host was swept."""
        ids = path_id(request, "report_id"), path_id(request, "other_id")
        if ids[0] == ids[1]:
            raise Refused(400, "That is one report, not two.")
        one, other = [await self._opening.kept(report_id, reader) for report_id in ids]
        if one.row.host_key != other.row.host_key:
            raise Refused(400, "These are reports of two hosts.")
        earlier, later = sorted((one, other), key=lambda o: (o.row.finished, o.row.report_id))
        return earlier, later


def _compared(earlier: Opened, later: Opened) -> Comparison:
    was, now = found(earlier), found(later)
    return comparison_of(was.report, now.report, (was.signature.words, now.signature.words))


__all__ = ["ComparePages"]
