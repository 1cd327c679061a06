"""uvicorn's HTTP, with bounds of time and size on whatever a connection sends: slowloris.

uvicorn bounds how long a connection idles after an answer, and nothing else. Here every part of a
request has its time, whichever address it is for, and what is no body has its size.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .crowd import TOLD_S, Crowd, Place, Seat, busy

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

WHOLE = "collector.whole_answer"
"""ASGI extension: a function that sends status, headers and body at once, as ``send`` would by two
messages that go to the network one by one. It says whether it did."""
MAX_FRAMING = 1 << 20
"""Bytes that a body's chunks may cost beside what they hold, trailers included."""
_BETWEEN = len(b": \r\n")
_FAREWELL_S = 1.0
"""For the other end of TLS to say goodbye when the server stops; an idle agent does not."""
_LOG = logging.getLogger("collector.protocol")
_STATUS_LINE = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in HTTPStatus}
_CLOSE = (b"connection", b"close")
_OF_A_CYCLE = (
    "body", "default_headers", "disconnected", "flow", "keep_alive", "message_event", "more_body",
    "on_response", "response_complete", "response_started", "transport", "waiting_for_100_continue",
)  # fmt: skip
_KNOWN: dict[type, bool] = {}
"""By the class of uvicorn's cycle of request and answer."""
COME = "collector.come_body"
"""ASGI extension: a function that gives the body where all of it has come already, as it has of
most reports, and None where it has to be received."""


class _Part(Enum):
    BETWEEN = 0
    HEAD = 1
    BODY = 2


class TooLarge(ValueError):
    """The head of a request, or its trailers; the parser makes a 400 of it."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    head_s = 15.0
    """For a head to arrive: from the connection, or from the first byte of a later one."""
    body_s = 60.0
    """For a body to arrive."""
    max_head = 64 << 10
    """Bytes of a head."""

    _crowd: Crowd | None = None
    _place: Place | None = None
    _late: asyncio.TimerHandle | None = None
    _part = _Part.BETWEEN
    _size = 0
    """Bytes of this request so far, without those that came in one piece with its first."""
    _body = _fields = 0
    """Of them, what is body, and what is address, headers and trailers."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._place is not None and self._place.seat is Seat.TOLD:
            self.app = busy
            self.head_s = min(self.head_s, TOLD_S)
        self._wait()

    def take(self, place: Place, crowd: Crowd) -> None:
        """The place that this connection has; it is given back at its end."""
        self._place, self._crowd = place, crowd

    def leave_unless_made(self) -> None:
        """For a connection that never came to be."""
        if self.transport is None:
            self._leave()

    def _leave(self) -> None:
        if self._place is not None and self._crowd is not None:
            self._crowd.leave(self._place)
            self._place = None

    def data_received(self, data: bytes) -> None:
        self._size += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        rest = self._size - self._body
        if rest > (self.max_head if self._part is _Part.HEAD else self.max_head + MAX_FRAMING):
            self._end("a request's head or framing is too large")
        elif self._late is None and self._awaited():  # what came whole takes no timer
            self._wait()

    def _awaited(self) -> bool:
        """Whether it is the client's turn, and no other timer knows."""
        if self._part is not _Part.BETWEEN:
            return True
        answered = self.cycle is None or self.cycle.response_complete
        return answered and self.timeout_keep_alive_task is None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._part = _Part.HEAD
        self._size = self._body = self._fields = 0

    def on_url(self, url: bytes) -> None:
        self._fields += len(url)
        if self._fields > self.max_head:
            raise TooLarge
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += len(name) + len(value) + _BETWEEN
        if self._fields > self.max_head:
            raise TooLarge
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._part = _Part.BODY
        super().on_headers_complete()
        cycle = self.cycle
        # its task has not begun yet
        if cycle is not None and cycle.scope is self.scope and is_known(cycle):
            extensions: dict[str, Any] = {
                WHOLE: partial(answered_whole, cycle),
                COME: partial(come_body, cycle),
            }
            cycle.scope["extensions"] = extensions

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop_waiting()
        self._part = _Part.BETWEEN
        self._size = self._body = 0
        super().on_message_complete()

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            asyncio.get_running_loop().call_later(_FAREWELL_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._leave()
        super().connection_lost(exc)

    def _wait(self) -> None:
        # A body that the application waits for gets its answer from there, and first.
        seconds = self.body_s * 1.5 if self._part is _Part.BODY else self.head_s
        self._late = asyncio.get_running_loop().call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        self._late = None
        if self.pipeline:  # reading is paused: it is we who do not read
            self._wait()
        else:
            self._end("a request did not arrive in time")

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self, why: str) -> None:
        source = self.client[0] if self.client else ""
        _LOG.warning("connection ended", extra={"why": why, "source": source})
        self.transport.abort()


def is_known(cycle: object) -> bool:
    """Whether this version of uvicorn keeps a request as the two functions below take it: else
    they are not offered, and all goes the way that any ASGI server has."""
    kind = type(cycle)
    if kind not in _KNOWN:
        _KNOWN[kind] = all(hasattr(cycle, name) for name in _OF_A_CYCLE)
    return _KNOWN[kind]


def answered_whole(
    cycle: RequestResponseCycle,
    status: int,
    headers: Sequence[tuple[bytes, bytes]],
    body: bytes,
) -> bool:
    """See WHOLE. ``headers``: ours to the letter, the length of the body among them."""
    if cycle.disconnected or cycle.response_started or cycle.flow.write_paused:
        return False
    cycle.response_started, cycle.waiting_for_100_continue = True, False
    closed = _CLOSE in headers
    if not (closed or cycle.keep_alive):
        headers = [*headers, _CLOSE]
    lines = [b"%b: %b\r\n" % one for one in (*cycle.default_headers, *headers)]
    cycle.transport.write(b"%b%b\r\n%b" % (_STATUS_LINE[status], b"".join(lines), body))
    cycle.keep_alive = cycle.keep_alive and not closed
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def come_body(cycle: RequestResponseCycle) -> bytes | None:
    """See COME."""
    if (
        cycle.more_body
        or cycle.disconnected
        or cycle.response_complete
        or cycle.waiting_for_100_continue
    ):
        return None
    cycle.flow.resume_reading()
    cycle.message_event.clear()
    body, cycle.body = bytes(cycle.body), bytearray()
    return body


def bounded(*, head_s: float, body_s: float, max_head: int) -> type[BoundedProtocol]:
    """A protocol for uvicorn with these bounds."""
    bounds = {"head_s": head_s, "body_s": body_s, "max_head": max_head}
    return type("Bounded", (BoundedProtocol,), bounds)


__all__ = [
    "COME",
    "WHOLE",
    "BoundedProtocol",
    "TooLarge",
    "answered_whole",
    "bounded",
    "come_body",
    "is_known",
]
