"""Connections taken one by one, each with its place, and TLS with its time.

uvicorn lets the event loop accept. That takes all that wait at once, gives a handshake a minute,
knows of no connection before its handshake is over, and says nothing when there is no file left to
accept one with. So they are accepted here.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from .crowd import Crowd, Place, Seat

if TYPE_CHECKING:
    from .protocol import BoundedProtocol

AT_ONCE = 64
"""Accepted before others have their turn."""
PAUSE_S = 1.0
"""When there is no file left; said once a time."""
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
_LOG = logging.getLogger("collector.crowd")


async def bind(address: str, port: int, backlog: int) -> list[socket.socket]:
    """Listening sockets for an address, or for all of a name's that there are. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(
        address or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    made: list[socket.socket] = []
    missing: OSError | None = None
    for family, kind, protocol, _, place in dict.fromkeys(found):
        try:
            made.append(_listening(family, kind, protocol, place, backlog))
        except OSError as error:
            if error.errno not in _NOT_HERE:
                for one in made:
                    one.close()
                raise
            missing = error  # localhost has an address of IPv6 where there is no IPv6
    if not made:
        raise missing or OSError(f"{address}: has no address")
    return made


def _listening(family: int, kind: int, protocol: int, place: Any, backlog: int) -> socket.socket:
    one = socket.socket(family, kind, protocol)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is accepted has it too
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(place)
        one.listen(backlog)
        one.setblocking(False)  # noqa: FBT003 - its only way
    except OSError:
        one.close()
        raise
    return one


def _shown(place: tuple[Any, ...]) -> str:
    host, port = place[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Accepting(uvicorn.Server):
    """uvicorn's server behind an accept of our own; run by ``serve(sockets=…)``."""

    def __init__(self, config: uvicorn.Config, crowd: Crowd, handshake_s: float) -> None:
        super().__init__(config)
        self._crowd = crowd
        self._handshake_s = handshake_s
        self._begun: set[asyncio.Task[None]] = set()
        """Connections whose protocol is not made yet."""
        self._listeners: list[socket.socket] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        self._listeners = list(sockets or [])
        self._listen(self._listeners)
        scheme = "https" if self.config.is_ssl else "http"
        for listener in self._listeners:
            # uvicorn's words, which those who start it may wait for
            _LOG.info("Uvicorn running on %s://%s", scheme, _shown(listener.getsockname()))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            loop.remove_reader(listener)
        self._listeners = []
        for task in self._begun:
            task.cancel()
        await super().shutdown(sockets=sockets)

    def _listen(self, listeners: Sequence[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        for listener in listeners:
            if listener in self._listeners:  # else it has ended meanwhile
                loop.add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                accepted, place = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no file left: those that wait go on waiting
                _LOG.error("no connection can be accepted for %g s: %s", PAUSE_S, error)
                loop = asyncio.get_running_loop()
                loop.remove_reader(listener)
                loop.call_later(PAUSE_S, self._listen, [listener])
                return
            self._admit(accepted, str(place[0]))

    def _admit(self, accepted: socket.socket, address: str) -> None:
        place = self._crowd.enter(address)
        if place.seat is Seat.NONE:
            accepted.close()
            return
        accepted.setblocking(False)  # noqa: FBT003 - its only way
        task = asyncio.get_running_loop().create_task(self._begin(accepted, place, address))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def _begin(self, accepted: socket.socket, place: Place, address: str) -> None:
        protocol = self._protocol()
        protocol.take(place, self._crowd)
        context = self.config.ssl
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol, accepted, ssl=context,
                ssl_handshake_timeout=None if context is None else self._handshake_s,
            )  # fmt: skip
        except OSError as error:  # ssl.SSLError is one
            self._crowd.refused("handshake")
            # Without a word of OpenSSL's or of the other end's: our own timer.
            if isinstance(error, ConnectionAbortedError) and not isinstance(error, ssl.SSLError):
                why = "a TLS handshake did not arrive in time"
                _LOG.warning("connection ended", extra={"why": why, "source": address})
        finally:
            protocol.leave_unless_made()

    def _protocol(self) -> BoundedProtocol:
        make = cast("type[BoundedProtocol]", self.config.http_protocol_class)
        return make(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            _loop=asyncio.get_running_loop(),
        )
