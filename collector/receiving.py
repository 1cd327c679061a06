"""Large reports are read in processes of their own: ``python -m collector.receiving FD``.

In the server's they would hold the one interpreter lock that all connections wait for, and what a
hostile one makes of the memory, or of a parser, is no longer the server's end. One that ends is
started again by the next large report; whoever waited is told to come back.

There are as many as there are processors beside the server's, up to MOST. Each ends when the other
end of its socket closes.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from .frames import Channel, frame, take_frames
from .indexing import received
from .intake import MAX_JSON, Arrival, Refused
from .records import NewReport
from .store.database import Busy, Form, Packed, Unstorable

MOST = 4
_AHEAD = 2
"""Reports that one is given at once: the next is on its way while it reads the first."""
_RETRY_S = 5
_PIECE = 120 << 10
_ROOT = Path(__file__).parents[1]
_LOG = logging.getLogger("collector.receiving")


class Order(Struct, frozen=True, array_like=True):
    """Read one report."""

    number: int
    arrival: Arrival
    form: Form
    max_json: int


class Received(Struct, frozen=True, array_like=True):
    """What an order gave: a report with its findings, or why it is refused."""

    number: int
    report: NewReport | None = None
    """Without its body, if that is kept as it came."""
    rows: Packed | None = None
    status: int = 0
    why: str = ""


_ORDERS = msgspec.msgpack.Decoder(Order)
_RECEIVED = msgspec.msgpack.Decoder(Received)


class _Reader(Channel[Received]):
    """The server's end of one process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(self._ended)
        self.process = process
        self.ended = False

    def came(self, body: bytes) -> None:
        answer = _RECEIVED.decode(body)
        self.answered(answer.number, answer)

    def never(self, number: int) -> Received:
        return Received(number)

    def _ended(self) -> None:
        self.ended = True


class Receiving:
    """Gives reports to those processes; to be used from one event loop."""

    def __init__(self, form: Form, *, max_json: int = MAX_JSON, readers: int = 0) -> None:
        """``readers``: 0 for what the processors allow."""
        self._form: Form = form
        self._max_json = max_json
        self._most = readers or max(1, min(MOST, (os.cpu_count() or 1) - 1))
        self._room = asyncio.Semaphore(_AHEAD * self._most)
        self._readers: list[_Reader] = []
        self._number = 0
        self._starting = asyncio.Lock()

    async def read(self, arrival: Arrival) -> tuple[NewReport, Packed]:
        """As :func:`~collector.indexing.received`. Raises Refused, Busy."""
        async with self._room:
            try:
                reader = await self._reader()
            except OSError as error:
                _LOG.error("no process to read reports can be started: %s", error)
                raise Busy(_RETRY_S) from error
            self._number += 1
            answer = await reader.give(
                self._number, Order(self._number, arrival, self._form, self._max_json)
            )
        if answer.status:
            raise Refused(answer.status, answer.why)
        if answer.report is None or answer.rows is None:
            _LOG.error("a process that reads reports ended", extra={"report": arrival.report_id})
            raise Busy(_RETRY_S)
        report = answer.report
        if not report.body:
            report = structs.replace(report, body=arrival.body)
        return report, answer.rows

    async def _reader(self) -> _Reader:
        """The one with the least to do."""
        async with self._starting:
            self._readers = [one for one in self._readers if not one.ended]
            idle = min(self._readers, key=lambda one: len(one.waiting), default=None)
            if idle is not None and (not idle.waiting or len(self._readers) >= self._most):
                return idle
            self._readers.append(await _start())
            return self._readers[-1]

    async def close(self) -> None:
        """After the last report."""
        for reader in self._readers:
            reader.close()
            await asyncio.to_thread(reader.process.wait)


async def _start() -> _Reader:
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
            )
        except OSError:
            ours.close()
            raise
    loop = asyncio.get_running_loop()
    _, reader = await loop.create_connection(lambda: _Reader(process), sock=ours)
    return reader


def _answer(order: Order) -> Received:
    try:
        report, rows = received(order.arrival, order.form, max_json=order.max_json)
    except Refused as error:
        return Received(order.number, status=error.status, why=str(error))
    except Unstorable as error:
        return Received(order.number, status=422, why=str(error))
    if report.body == order.arrival.body:
        report = structs.replace(report, body=b"")
    return Received(order.number, report, rows)


def _serve(channel: socket.socket) -> None:
    """Until the other end closes."""
    buffer = bytearray()
    with suppress(ConnectionError):  # it does not wait for what it asked for
        while data := channel.recv(_PIECE):
            buffer += data
            for body in take_frames(buffer):
                channel.sendall(frame(_answer(_ORDERS.decode(body))))


def main() -> None:
    """Run by :class:`Receiving`."""
    # It ends with its socket: what the server still waits for comes first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # as the server
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        _serve(channel)


if __name__ == "__main__":
    main()
