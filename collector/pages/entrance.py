"""The way in and the way out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .session import Reader, address_of
from .site import HEADERS, Fields, Site, asked


class Entrance:
    """``/login`` and ``/logout``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def form(self, request: Request) -> Response:
        """The form that asks for a reader token."""
        there = _local(asked(request, "next"))
        # The cookie is not sent when a link on another site leads here, so that someone who has a
        # session may still be asked; from this page on it is.
        again = request.headers.get("sec-fetch-site") == "cross-site"
        return self._site.html("login.html", reader=None, there=there, again=again, failed=False)

    async def log_in(self, request: Request) -> Response:
        """A session for a reader token; the same answer to everything else."""
        fields = await self._site.fields(request)
        there = _local(fields.get("next", ""))
        token = await self._site.sessions.log_in(fields.get("token", ""), address_of(request))
        if token is None:
            return self._site.html(
                "login.html", status=401, reader=None, there=there, again=False, failed=True
            )
        response = RedirectResponse(there, 303, HEADERS)
        self._site.sessions.begin(response, token)
        return response

    async def log_out(self, request: Request, reader: Reader, _: Fields) -> Response:
        """End the session."""
        await self._site.sessions.note(reader.who, "log out", address_of(request))
        response = RedirectResponse("/login", 303, HEADERS)
        self._site.sessions.end(request, response)
        return response


def _local(there: str) -> str:
    """Where to go after the log-in: a page of this site, or the first."""
    plain = there.isascii() and there.isprintable() and "\\" not in there
    if not plain or not there.startswith("/") or there.startswith(("//", "/login", "/logout")):
        return "/"
    return there
