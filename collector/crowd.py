"""How many connections there may be, in all and of one address, and who is told what beyond.

Each takes an open file, and a server that has none left can neither answer nor log. So the limit of
files is raised at the start as far as it goes, what it allows is divided, and whoever comes when
all places are taken is told so (503) in one of a few places kept for that. Beyond those, it is
closed without a word: there is no file left to say one with.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

import msgspec
from msgspec import Struct

CONNECTIONS = 2000
"""Served at once, where the limit of files allows it."""
TOLD = 256
"""Beside them, being told that all places are taken."""
BACKLOG = 4096
"""That wait to be accepted; they take no file."""
RESERVE = 64
"""Files for the database, the outputs and the rest."""
TOLD_S = 5.0
"""For one of those to send its request; then it goes without an answer."""
SAID_EVERY_S = 10.0
_LOG = logging.getLogger("collector.crowd")


class Room(Struct, frozen=True, kw_only=True):
    """Places for connections."""

    served: int
    told: int
    per_address: int
    """Served at once of one address, which may be that of a whole office."""


def room_in(files: int, *, served: int = CONNECTIONS, per_address: int = 0) -> Room:
    """What so many open files allow; ``per_address``: 0 for a quarter of all."""
    free = max(files - RESERVE, 16)
    told = TOLD if served + TOLD <= free else max(free // 16, 2)
    served = max(min(served, free - told), 4)
    return Room(
        served=served, told=told, per_address=min(per_address or max(served // 4, 1), served)
    )


def raise_limit(wanted: int) -> tuple[int, int]:
    """The limit of open files as it was and as it is now: as high as wanted, if that may be."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        now = wanted if soft == resource.RLIM_INFINITY else soft
        return now, now
    new = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (new, hard))
    return soft, new


class Seat(Enum):
    """What a connection gets."""

    SERVED = "served"
    TOLD = "told that all places are taken"
    NONE = "closed"


class Place(Struct, frozen=True):
    """A connection's, until it is given back by :meth:`Crowd.leave`."""

    address: str
    seat: Seat
    why: str = ""


class Crowd:
    """The connections of one server."""

    def __init__(
        self,
        room: Room,
        *,
        exempt: Iterable[str] = (),
        count: Callable[[str], object] = str,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """``exempt``: addresses and networks (proxies) of which there may be any number.

        ``count`` is told the kind of each refusal.
        """
        self.room = room
        self._networks, self._everybody = _networks(exempt)
        self._count = count
        self._timer = timer
        self._served: Counter[str] = Counter()
        self._told: Counter[str] = Counter()
        self._all_served = self._all_told = 0
        self._said = float("-inf")
        self._unsaid = 0

    def enter(self, address: str) -> Place:
        """A place for a connection from there."""
        key = _key(address)
        why = ""
        if self._all_served >= self.room.served:
            why = "connections"
        elif self._served[key] >= self.room.per_address and not self._is_exempt(address):
            why = "connections of one address"
        if not why:
            self._all_served += 1
            self._served[key] += 1
            return Place(key, Seat.SERVED)
        self._refused(why, address)
        # Half of these places for one address: the others are told, too.
        if self._all_told < self.room.told and self._told[key] < max(self.room.told // 2, 1):
            self._all_told += 1
            self._told[key] += 1
            return Place(key, Seat.TOLD, why)
        return Place(key, Seat.NONE, why)

    def leave(self, place: Place) -> None:
        """The connection has ended."""
        if place.seat is Seat.SERVED:
            self._all_served -= 1
            _less(self._served, place.address)
        elif place.seat is Seat.TOLD:
            self._all_told -= 1
            _less(self._told, place.address)

    def refused(self, kind: str) -> None:
        """Something else is counted: a handshake that did not come."""
        self._count(kind)

    def _is_exempt(self, address: str) -> bool:
        if self._everybody:
            return True
        try:
            one = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(one in network for network in self._networks)

    def _refused(self, why: str, address: str) -> None:
        """Counted each, and said now and then: a flood must not fill the log."""
        self._count(why)
        self._unsaid += 1
        now = self._timer()
        if now - self._said >= SAID_EVERY_S:
            self._say(why, address)
            self._said = now

    def _say(self, why: str, address: str) -> None:
        _LOG.warning(
            "too many %s: %s refused since the last such line; %s served",
            why, f"{self._unsaid:,}", f"{self._all_served:,}", extra={"source": address},
        )  # fmt: skip
        self._unsaid = 0


def _less(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


def _key(address: str) -> str:
    """Of IPv6 the network of 64 bits, as each host has that many addresses to choose from."""
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(one, ipaddress.IPv6Address):
        if one.ipv4_mapped is not None:
            return str(one.ipv4_mapped)
        return str(ipaddress.ip_network((one, 64), strict=False))
    return address


def _networks(
    texts: Iterable[str],
) -> tuple[list[ipaddress.IPv4Network | ipaddress.IPv6Network], bool]:
    found, everybody = [], False
    for text in texts:
        if text == "*":
            everybody = True
            continue
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            continue  # a name: uvicorn compares it as text, an address it never is
    return found, everybody


async def busy(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application for those in the places where one is told.

    The body is read and dropped first: to close with bytes unread resets the connection, and who
    still sends would never see the answer.
    """
    if not any(name == b"expect" for name, _ in scope["headers"]):
        with contextlib.suppress(asyncio.TimeoutError):  # told all the same
            await asyncio.wait_for(_drained(receive), TOLD_S)
    body = msgspec.json.encode({"result": "refused", "why": "busy: too many connections"})
    later = random.randint(5, 30)  # noqa: S311 - apart, so that they do not come back together
    await send(
        {
            "type": "http.response.start",
            "status": 503,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"retry-after", str(later).encode()),
                (b"connection", b"close"),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def _drained(receive: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
