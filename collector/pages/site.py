"""What all pages share: who may see them, how they are written, and their headers."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from agent.output.escape import shown

from ..records import ROLES, Sweep
from ..store.database import StoreError
from ..store.store import Store
from . import describe
from .counters import Counters
from .elsewhere import kind_of
from .session import Reader, Sessions
from .signed import mark_of

MAX_FORM = 64 * 1024
MAX_ID = 2000
"""Characters of an id in an address; longer ones are not looked up."""
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_HERE = Path(__file__).parent
_STATIC = {
    "style.css": "text/css; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "pages.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

Fields = Mapping[str, str]
Page = Callable[[Request, Reader], Awaitable[Response]]
Form = Callable[[Request, Reader, Fields], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Refused(Exception):
    """The request is answered with an error page that says this."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


def not_found(what: str = "page") -> Refused:
    """The same for what is not there, what is not theirs, and what cannot be an id."""
    return Refused(404, f"There is no such {what}.")


def link(*parts: str, **query: str | int | None) -> str:
    """An address on this site; each part is one segment whatever it holds."""
    path = "/" + "/".join(quote(part, safe="", errors="replace") for part in parts)
    so = asked_for(**query)
    return f"{path}?{so}" if so else path


def asked_for(**query: str | int | None) -> str:
    """What an address asks for, without what is empty."""
    named = {name: value for name, value in query.items() if value not in (None, "")}
    return urlencode(named, errors="replace")


def _lines(text: str) -> Markup:
    """For a text of several lines, as it was written: only what ends a line stays of what cannot be
    seen."""
    return Markup("\n").join(shown(one) for one in text.splitlines())


def _finalize(value: Any) -> Any:
    """Every string that a template puts out: control and bidi characters become visible."""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


class Site:
    """Makes endpoints out of pages and forms."""

    def __init__(
        self,
        store: Store,
        sessions: Sessions,
        *,
        clock: Callable[[], int],
        notice: Callable[[], str] = str,
    ) -> None:
        self.store = store
        self.sessions = sessions
        self.clock = clock
        self.counters = Counters(store, clock)
        self.static = {name: (_HERE / "static" / name).read_bytes() for name in _STATIC}
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            auto_reload=False,
            finalize=_finalize,
            lstrip_blocks=True,
            trim_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.globals.update(
            {
                "link": link,
                "asked_for": asked_for,
                "static": self._static_link,
                "lines": _lines,
                "notice": notice,
                "kind_of": kind_of,
                "mark_of": mark_of,
                **{name: getattr(describe, name) for name in describe.__all__},
            }
        )

    def text(self, template: str, **values: Any) -> str:
        """A template filled in."""
        return self._templates.get_template(template).render(values)

    def html(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """The same as a response."""
        return self.respond(self.text(template, **values), status)

    def respond(self, text: str, status: int = 200) -> HTMLResponse:
        """A page that was written elsewhere."""
        return HTMLResponse(text, status, HEADERS)

    def page(self, make: Page) -> Endpoint:
        """For GET: a reader, by cookie or bearer."""

        async def endpoint(request: Request) -> Response:
            async def answer() -> Response:
                reader = await self.sessions.reader(request)
                if reader is None:
                    return self._log_in_first(request)
                try:
                    return await make(request, reader)
                except Refused as refused:
                    return self.error(refused.status, refused.words, reader)

            return await self._answered(answer)

        return endpoint

    def form(self, take: Form, *, role: str = ROLES[0]) -> Endpoint:
        """For POST: a session by cookie of this role or one beyond it, and its form's hidden field.

        Who is refused for the role is written down.
        """

        async def endpoint(request: Request) -> Response:
            async def answer() -> Response:
                fields = await self.fields(request)
                reader = await self.sessions.reader(request)
                if reader is None:
                    return self.error(401, "The session has ended. Log in and try again.")
                if not self.sessions.genuine(reader, fields.get("csrf", "")):
                    return self.error(403, "This form is not from this session. Reload it.")
                if not reader.may(role):
                    return await self.not_theirs(request, reader, role)
                try:
                    return await take(request, reader, fields)
                except Refused as refused:
                    return self.error(refused.status, refused.words, reader)

            return await self._answered(answer)

        return endpoint

    async def not_theirs(self, request: Request, reader: Reader, role: str) -> Response:
        """Refuse what needs another role, and write the try down."""
        path = request.url.path
        subject = str(request.path_params.get("sweep_id", ""))[:MAX_ID].replace("\0", "")
        what = f"{path.rpartition('/')[2]} needs the role {role}, theirs is {reader.token.role}"
        await self.store.refused_by_role(subject, what, who=reader.who)
        return self.error(
            403,
            f"Your token has the role {reader.token.role or 'none'}, this needs the role {role}:"
            " nothing was changed.",
            reader,
        )

    def open(self, take: Endpoint) -> Endpoint:
        """For everyone: the way in, and the way out."""

        async def endpoint(request: Request) -> Response:
            return await self._answered(lambda: take(request))

        return endpoint

    async def _answered(self, answer: Callable[[], Awaitable[Response]]) -> Response:
        try:
            return await answer()
        except Refused as refused:
            return self.error(refused.status, refused.words)
        except StoreError:
            return self.error(503, "The database cannot be used now. Try again in a minute.")

    async def fields(self, request: Request) -> Fields:
        """A posted form, bounded. Raises Refused."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "Forms of other sites are not taken.")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise Refused(415, "Only a form of these pages is taken.")
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_FORM:
                raise Refused(413, "That is more than a form of these pages holds.")
        try:
            pairs = parse_qsl(
                body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=32
            )
        except ValueError as error:
            raise Refused(400, "That is no form of these pages.") from error
        if any("\0" in text for pair in pairs for text in pair):
            raise Refused(400, "A form has no NUL in it.")
        return dict(pairs)

    def error(self, status: int, words: str, reader: Reader | None = None) -> Response:
        """An error as a page."""
        return self.html("error.html", status=status, code=status, words=words, reader=reader)

    def _log_in_first(self, request: Request) -> Response:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        there = link("login", next=here if len(here) <= MAX_ID else "/")
        if request.headers.get("hx-request"):  # a page that refreshes itself goes there as a whole
            return PlainTextResponse("log in\n", 401, {**HEADERS, "hx-redirect": link("login")})
        html = "text/html" in request.headers.get("accept", "")
        if html and "authorization" not in request.headers:
            return RedirectResponse(there, 303, HEADERS)
        return PlainTextResponse(
            "a reader token is needed: Authorization: Bearer TOKEN\n",
            401,
            {**HEADERS, "www-authenticate": 'Bearer realm="iocsweep-collector"'},
        )

    async def sweep(self, request: Request, reader: Reader) -> Sweep:
        """The sweep that the address names. Raises Refused."""
        sweep_id = path_id(request, "sweep_id")
        sweep = await self.store.sweep(sweep_id) if reader.may_read(sweep_id) else None
        if sweep is None:
            raise not_found("sweep")
        return sweep

    async def send_static(self, request: Request) -> Response:
        """A file of the pages themselves; its address changes when it does."""
        name = request.path_params["name"]
        if name not in self.static:
            return self.error(404, "There is no such page.")
        headers = {**HEADERS, "cache-control": "public, max-age=31536000, immutable"}
        return Response(self.static[name], headers=headers, media_type=_STATIC[name])

    def _static_link(self, name: str) -> str:
        return link("static", name, v=hashlib.sha256(self.static[name]).hexdigest()[:12])


def path_id(request: Request, name: str) -> str:
    """An id in the address; none of ours is empty, endless or has a NUL. Raises Refused."""
    value = str(request.path_params[name])
    if not value or len(value) > MAX_ID or "\0" in value:
        raise not_found()
    return value


def asked(request: Request, name: str, longest: int = MAX_ID) -> str:
    """A parameter of the query, cut to its bound, without NUL; empty if it is not there."""
    return request.query_params.get(name, "")[:longest].replace("\0", "")


__all__ = [
    "Fields", "Refused", "Site", "asked", "link", "not_found", "path_id",
]  # fmt: skip
