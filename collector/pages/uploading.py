"""A form with a file: who may send it is asked before it is read, and it is read up to a bound."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from .session import Reader
from .site import Endpoint, Refused, Site

MAX_UPLOAD = 16 << 20
"""Bytes of a file: some 100,000 hosts with columns."""
_MAX_HEAD = 4096
_MAX_PARTS = 8
_ROOM = 64 << 10
"""For the other fields and what stands between."""
_BOUNDARY = re.compile(
    r"multipart/form-data;.*?\bboundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE
)
_NAME = re.compile(rb";\s*name=\"([^\"\r\n]{1,100})\"", re.IGNORECASE)
_FILE_NAME = re.compile(rb";\s*filename=\"([^\"\r\n]{0,300})\"", re.IGNORECASE)


class Upload(NamedTuple):
    """What was sent."""

    name: str
    """Of the file, as its sender calls it; empty: none was chosen."""
    data: bytes


class Part(NamedTuple):
    """One field."""

    file_name: str
    data: bytes


Take = Callable[[Request, Reader, Upload], Awaitable[Response]]


def upload_form(site: Site, take: Take, *, role: str, field: str) -> Endpoint:
    """For POST: a session by cookie of this role or one beyond it, and its form's hidden field."""

    async def make(request: Request, reader: Reader) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "Forms of other sites are not taken.")
        boundary = _BOUNDARY.match(request.headers.get("content-type", ""))
        if boundary is None:
            raise Refused(415, "Only a form of these pages is taken.")
        if not reader.csrf:
            raise Refused(403, "This form is not from this session. Reload it.")
        if not reader.may(role):
            return await site.not_theirs(request, reader, role)
        body = await _bounded(request)
        parts = parts_of(body, (boundary[1] or boundary[2]).encode("utf-8", "replace"))
        token = parts["csrf"].data.decode("ascii", "replace") if "csrf" in parts else ""
        if not site.sessions.genuine(reader, token):
            raise Refused(403, "This form is not from this session. Reload it.")
        sent = parts.get(field, Part("", b""))
        return await take(request, reader, Upload(sent.file_name, sent.data))

    async def endpoint(request: Request) -> Response:
        if await site.sessions.reader(request) is None:
            return site.error(401, "The session has ended. Log in and try again.")
        return await site.page(make)(request)

    return site.open(endpoint)


async def _bounded(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_UPLOAD + _ROOM:
            raise Refused(413, f"A file of more than {MAX_UPLOAD >> 20} MiB is not taken here.")
    return bytes(body)


def parts_of(body: bytes, boundary: bytes) -> dict[str, Part]:
    """The fields of a form by their names (RFC 7578); the first of each. Raises Refused."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary, _MAX_PARTS + 2)
    if pieces[0].strip() or len(pieces) > _MAX_PARTS + 2 or not pieces[-1].startswith(b"--"):
        raise Refused(400, "That is no form of these pages, or it was cut off.")
    found: dict[str, Part] = {}
    for piece in pieces[1:-1]:
        head, blank, data = piece.partition(b"\r\n\r\n")
        name = _NAME.search(head) if len(head) <= _MAX_HEAD else None
        if not blank or name is None:
            raise Refused(400, "That is no form of these pages.")
        of = _FILE_NAME.search(head)
        file_name = of[1].decode("utf-8", "replace") if of else ""
        found.setdefault(name[1].decode("utf-8", "replace"), Part(file_name, data))
    return found


__all__ = ["MAX_UPLOAD", "Part", "Upload", "parts_of", "upload_form"]
