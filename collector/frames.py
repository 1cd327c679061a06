"""Messages between the server and processes of its own, over a socket: four bytes of length, little
endian, then MessagePack.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar, cast

import msgspec
from msgspec import Struct

MAX_FRAME = 256 << 20
TOGETHER = 16
"""Orders that go out in one piece, at most: the other end has work while more are made."""
_LENGTH = struct.Struct("<I")
_ENCODER = msgspec.msgpack.Encoder()
_Answer = TypeVar("_Answer")


class FrameError(Exception):
    """What came is no frame."""


def frame(message: Struct) -> bytes:
    """One message as it goes over the socket."""
    body = _ENCODER.encode(message)
    return _LENGTH.pack(len(body)) + body


def take_frames(buffer: bytearray) -> Iterator[bytes]:
    """The whole frames at the start of the buffer, removed from it. Raises FrameError."""
    place = 0
    while len(buffer) - place >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(buffer, place)
        if length > MAX_FRAME:
            raise FrameError(f"a frame of {length} bytes")
        end = place + _LENGTH.size + length
        if len(buffer) < end:
            break
        yield bytes(buffer[place + _LENGTH.size : end])
        place = end
    del buffer[:place]


class Channel(asyncio.Protocol, Generic[_Answer]):
    """The server's end: numbered orders go out, and each gets its answer."""

    def __init__(self, lost: Callable[[], None]) -> None:
        """``lost``: called once the other end is gone."""
        self.waiting: dict[int, asyncio.Future[_Answer]] = {}
        self._lost = lost
        self._buffer = bytearray()
        self._frames: list[bytes] = []
        """Of this turn of the loop: together on their way, for one system call and one reading."""
        self._flushing = False
        self._transport: asyncio.Transport | None = None

    def came(self, body: bytes) -> None:
        """A message of the other end."""
        raise NotImplementedError

    def never(self, number: int) -> _Answer:
        """What an order is told that will have no answer: the other end is gone."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is of no such class

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        for body in take_frames(self._buffer):
            self.came(body)

    def answered(self, number: int, answer: _Answer) -> None:
        """Tell who waits for it."""
        waiter = self.waiting.pop(number)
        if not waiter.done():
            waiter.set_result(answer)

    def connection_lost(self, _: Exception | None) -> None:
        for number in [*self.waiting]:
            self.answered(number, self.never(number))
        self._transport = None
        self._lost()

    def give(self, number: int, order: Struct) -> asyncio.Future[_Answer]:
        """Send an order of this number; its answer is to come."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[_Answer] = loop.create_future()
        if self._transport is None:  # lost already: nothing would come to answer it
            waiter.set_result(self.never(number))
            return waiter
        self.waiting[number] = waiter
        if not self._flushing:
            self._flushing = True
            loop.call_soon(self._turn_ends)
        self._frames.append(frame(order))
        if len(self._frames) == TOGETHER:
            self._flush()
        return waiter

    def _turn_ends(self) -> None:
        self._flushing = False
        self._flush()

    def _flush(self) -> None:
        frames, self._frames = self._frames, []
        if frames and self._transport is not None:  # else whoever waits was told
            self._transport.write(b"".join(frames))

    async def drained(self) -> None:
        """Until everything sent is answered."""
        pending = [waiter for waiter in self.waiting.values() if not waiter.done()]
        if pending:
            await asyncio.wait(pending)

    def close(self) -> None:
        """The other process ends after it has carried out what was sent."""
        if self._transport is not None:
            self._transport.close()


__all__ = ["MAX_FRAME", "Channel", "FrameError", "frame", "take_frames"]
