"""SQLite: the embedded default. One writer process, any number of readers of the same file."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..frames import Channel
from ..records import NewReport, PutResult
from .backup import USUAL, BackupPlan
from .database import Busy, Form, Insert, Row, Statement, StoreError, Value, storable
from .putting import report_fields
from .writer import Answers, Backup, Done, Put, Ready, Transact, control_socket

MAX_WAITING = 4096
"""Reports on their way to the disk; beyond, agents are told to come back."""
MAX_WAITING_BYTES = 256 << 20
"""Of their bodies."""
PIECE = 1000
"""Rows that a stream hands over at once."""
_LOG = logging.getLogger("collector.store")
_ROOT = Path(__file__).parents[2]
"""`python -m` looks for modules where it stands: here, and not where somebody else may write."""
_T = TypeVar("_T")
_ANSWERS = msgspec.msgpack.Decoder(Answers | Ready)


class SqliteDatabase:
    """See :class:`~collector.store.database.Database`; made by :meth:`open`."""

    at_once = 2
    form: Form = "messagepack"

    def __init__(self, path: Path, plan: BackupPlan) -> None:
        self.path = path
        self._plan = plan
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="reader")
        self._local = threading.local()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: _Channel | None = None
        self._closing = False
        self._number_of_message = 0
        self._rate = 1000.0
        self._bytes = 0

    @classmethod
    async def join(cls, path: Path, plan: BackupPlan = USUAL) -> SqliteDatabase:
        """The same beside a server that has it open; :meth:`open` if there is none."""
        ours = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        place, back = control_socket(path.absolute()), Path.cwd()
        try:
            os.chdir(place.parent)  # an address holds a hundred characters
            ours.connect(place.name)
        except OSError:
            ours.close()
        finally:
            os.chdir(back)
        if ours.fileno() < 0:
            return await cls.open(path, plan)
        made = cls(path, plan)
        made._closing = True  # the writer is the server's: nothing to start again
        loop = asyncio.get_running_loop()
        _, made._channel = await loop.create_connection(lambda: _Channel(made._lost), sock=ours)
        return made

    @classmethod
    async def open(cls, path: Path, plan: BackupPlan = USUAL) -> SqliteDatabase:
        """Make or open the file, and bring an older one up to date after a backup.

        Raises StoreError: in use, damaged, newer, not writable, or no backup could be made.
        """
        made = cls(path, plan)
        await made._start()
        return made

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __package__ + ".writer", str(self.path.absolute()),
                 str(theirs.fileno()), msgspec.json.encode(self._plan).decode()],
                pass_fds=[theirs.fileno()],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_connection(lambda: _Channel(self._lost), sock=ours)
        ready = await channel.ready
        if ready.error:
            channel.close()
            await asyncio.to_thread(self._process.wait)
            raise StoreError(ready.error)
        if ready.news:
            _LOG.warning("%s", ready.news)
        self._channel = channel

    def _lost(self) -> None:
        """The writer died: nothing was acknowledged that it had not committed. Start another."""
        if self._channel is None:
            return  # it never got ready; whoever waits for that is told
        self._channel = None
        if not self._closing:
            asyncio.get_running_loop().create_task(self._restart())

    async def _restart(self) -> None:
        while not self._closing:
            await asyncio.sleep(0.5)
            try:
                await self._start()
            except StoreError as error:
                print(f"iocsweep-collector: {error}", file=sys.stderr)  # noqa: T201
            else:
                return

    @property
    def waiting(self) -> int:
        return len(self._channel.waiting) if self._channel else 0

    @property
    def alive(self) -> bool:
        return self._channel is not None

    def _send(self, make: Callable[[int], Put | Transact | Backup]) -> Awaitable[Done]:
        if self._channel is None:
            raise StoreError(f"{self.path}: the writer is not running")
        self._number_of_message += 1
        return self._channel.send(make(self._number_of_message))

    async def put(self, report: NewReport) -> PutResult:
        storable(report_fields(report))
        size = len(report.body)
        if self.waiting >= MAX_WAITING or self._bytes + size > MAX_WAITING_BYTES:
            raise Busy(math.ceil(self.waiting / self._rate))
        started, ahead = time.monotonic(), self.waiting
        self._bytes += size
        try:
            done = await self._send(lambda number: Put(number, report))
        finally:
            self._bytes -= size
        if done.error or done.put is None:
            raise StoreError(f"{self.path}: {done.error}")
        if ahead > 64:  # worth a measurement
            rate = ahead / max(time.monotonic() - started, 1e-3)
            self._rate += (rate - self._rate) / 8
        return done.put

    async def transact(
        self, statements: Sequence[Statement], insert: Insert | None = None
    ) -> list[int]:
        plain = [(sql, list(values)) for sql, values in statements]
        for _, values in plain:
            storable(values)
        many: tuple[str, list[Any]] | None = None
        if insert is not None:
            marks = ", ".join("?" * len(insert.columns))
            pieces = [msgspec.Raw(rows.data) for rows in insert.pieces]
            many = (f"{insert.into} VALUES ({marks}) {insert.end}", pieces)
        done = await self._send(lambda number: Transact(number, plain, many))
        if done.error or done.rows is None:
            raise StoreError(f"{self.path}: {done.error}")
        return done.rows

    async def backup(self, path: Path) -> None:
        """A whole copy as of one moment, while everything goes on. Raises StoreError."""
        done = await self._send(lambda number: Backup(number, str(path)))
        if done.error:
            raise StoreError(f"{path}: {done.error}")

    async def number(self, limit: int) -> None:
        """Rows are numbered on insert, in the order of their commit."""

    async def fetch(self, sql: str, *parameters: Value) -> list[Row]:
        storable(parameters)
        return await self._read(lambda db: db.execute(sql, parameters).fetchall())

    async def stream(self, sql: str, *parameters: Value) -> AsyncIterator[list[Row]]:
        storable(parameters)

        def begin() -> sqlite3.Cursor:
            connection = _open_reader(self.path)  # its own: a pool's thread must stay free
            return connection.execute(sql, parameters)

        def end(cursor: sqlite3.Cursor) -> None:
            cursor.connection.close()

        cursor = await self._guard(asyncio.to_thread(begin))
        try:
            while rows := await self._guard(asyncio.to_thread(cursor.fetchmany, PIECE)):
                yield rows
        finally:
            await asyncio.shield(asyncio.to_thread(end, cursor))

    async def _read(self, ask: Callable[[sqlite3.Connection], _T]) -> _T:
        def work() -> _T:
            if not hasattr(self._local, "connection"):
                self._local.connection = _open_reader(self.path)
            return ask(self._local.connection)

        loop = asyncio.get_running_loop()
        return await self._guard(loop.run_in_executor(self._readers, work))

    async def _guard(self, work: Awaitable[_T]) -> _T:
        try:
            return await work
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error

    async def close(self) -> None:
        self._closing = True
        if self._channel is not None:
            await self._channel.drained()
            self._channel.close()
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)
        self._readers.shutdown()


def _open_reader(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=30
    )
    connection.execute("PRAGMA cache_size = -16384")
    connection.execute("PRAGMA query_only = ON")
    return connection


class _Channel(Channel[Done]):
    """The server's end of the socket to the writer."""

    def __init__(self, lost: Callable[[], None]) -> None:
        super().__init__(lost)
        self.ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()

    def came(self, body: bytes) -> None:
        answer = _ANSWERS.decode(body)
        if isinstance(answer, Ready):
            self.ready.set_result(answer)
        else:
            for done in answer.every:
                self.answered(done.number, done)

    def never(self, number: int) -> Done:
        return Done(number, error="the writer ended")

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_result(Ready("the writer ended before it was ready"))
        super().connection_lost(error)

    def send(self, order: Put | Transact | Backup) -> asyncio.Future[Done]:
        return self.give(order.number, order)
