"""What programs change: JSON by POST, with a reader's token as bearer and never by a cookie."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ..store.database import StoreError
from .asking import Query, checked_query
from .data import Problem, answered
from .session import Reader
from .site import MAX_ID, Endpoint, Refused, Site

MAX_BODY = 64 << 10
_T = TypeVar("_T", bound=Struct)
Take = Callable[[Request, Reader, _T], Awaitable[tuple[Struct, int]]]


def taking(
    site: Site, read: Endpoint, kind: type[_T], take: Take[_T], *, role: str, query: Query
) -> Endpoint:
    """GET as it is, and POST of something of this kind by who has this role or one beyond it.
    ``query``: what may be asked.

    A cookie is not taken: what a browser sends by itself must not change anything.
    """
    decoder = msgspec.json.Decoder(kind)

    async def changed(request: Request) -> Response:
        reader = await site.sessions.bearer(request)
        if reader is None:
            challenge = {"www-authenticate": 'Bearer realm="iocsweep-collector"'}
            return answered(Problem(error="a reader token is needed"), 401, challenge)
        if not reader.may(role):
            words = f"this needs the role {role}: nothing was changed"
            subject = str(request.path_params.get("sweep_id", ""))[:MAX_ID].replace("\0", "")
            await site.store.refused_by_role(
                subject, f"{request.url.path.rpartition('/')[2]} needs the role {role},"
                f" theirs is {reader.token.role}", who=reader.who,
            )  # fmt: skip
            return answered(Problem(error=words), 403)
        checked_query(request, query)
        return answered(*await take(request, reader, await _sent(request, decoder)))

    async def endpoint(request: Request) -> Response:
        if request.method != "POST":
            return await read(request)
        try:
            return await changed(request)
        except Refused as refused:
            return answered(Problem(error=refused.words), refused.status)
        except StoreError:
            return answered(Problem(error="the database cannot be used now"), 503)

    return endpoint


async def _sent(request: Request, decoder: msgspec.json.Decoder[_T]) -> _T:
    """Raises Refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "Only application/json is taken.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise Refused(413, f"A change is at most {MAX_BODY:,} bytes.")
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, f"That is not as described: {error}.") from error


__all__ = ["taking"]
