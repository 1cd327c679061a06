"""PostgreSQL, and what speaks its protocol: any number of collectors on one database.

Reports are committed in groups: what waits while one transaction is on its way to the disk is the
next one. Two kinds of isolation: reports go in with READ COMMITTED, whose every statement is right
by itself (an upsert of one host); everything else is SERIALIZABLE and repeated when it met another,
so that what is read to decide (is there a hit that is not suppressed?) still holds at the commit,
as with SQLite's one writer.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import asyncpg
from asyncpg import exceptions as pg
from msgspec import Struct

from ..records import NewReport, PutResult
from .backup import USUAL, BackupPlan
from .batches import Together, commit_batch
from .database import Busy, Form, Insert, Row, Statement, StoreError, Unstorable, Value, storable
from .putting import report_fields
from .repeating import numbered, repeat
from .upgrading import bring_up, shown_place

if TYPE_CHECKING:
    from .repeating import Connection

    Pool = asyncpg.Pool[asyncpg.Record]

MAX_WAITING = 4096
"""Reports on their way to the disk; beyond, agents are told to come back."""
MAX_WAITING_BYTES = 256 << 20
MAX_BATCH = 512
"""Reports per transaction."""
MAX_BATCH_BYTES = 16 << 20
_LOG = logging.getLogger("collector.store")
PIECE = 1000
"""Rows that a stream hands over at once."""
READERS = 8
STREAMS = 4
"""Readers that exports may hold; the others are for pages."""
WRITERS = 3
"""One for reports, the others for changes by people and by the indexer."""
CONNECT_S, READ_S, WRITE_S, LONG_S = 10, 30, 60, 600
_T = TypeVar("_T")

_FAILURES = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_GONE = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.InterfaceError,  # "connection is closed"
    asyncpg.InternalClientError,  # used between the server's last word and its hanging up
    pg.PostgresConnectionError,
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.CannotConnectNowError,
    pg.TooManyConnectionsError,
    pg.ReadOnlySQLTransactionError,  # after a failover: this one is a standby now
)
_ITS_FAULT = (pg.DataError, pg.ProgramLimitExceededError, pg.IntegrityConstraintViolationError)
"""What one report can bring upon its whole transaction (a name too long for an index)."""

_PLAINLY = (
    "SELECT set_config(name, CASE name WHEN 'jit' THEN 'off' WHEN 'random_page_cost'"
    " THEN CAST(LEAST(CAST(setting AS DOUBLE PRECISION), 1.5) AS TEXT) ELSE '0' END, false)"
    " FROM pg_settings"
    " WHERE name IN ('jit', 'max_parallel_workers_per_gather', 'random_page_cost')"
)
"""To compile a question takes a second, and none here runs as long. To go through 100,000 hosts
takes two more processes, which are started for it, longer than one, and three times its processor
time. And it takes longer than to look 2,000 hosts up, which a server that expects a turning disk
does not do. Not asked for when the session starts: not every engine of this protocol knows of
these."""
_WRITABLE = "UPDATE schema_version SET version = version WHERE name = ''"


class _Waiting(Struct, frozen=True):
    report: NewReport
    result: asyncio.Future[PutResult]


class PostgresqlDatabase:
    """See :class:`~collector.store.database.Database`; made by :meth:`open`."""

    at_once = 1
    form: Form = "copy"

    _readers: Pool
    _writers: Pool

    def __init__(self, url: str, plan: BackupPlan) -> None:
        self._plan = plan
        self.place = shown_place(url)
        """Host and database, for people; never the password."""
        self._url = url
        self._streams = asyncio.Semaphore(STREAMS)
        self._queue: deque[_Waiting] = deque()
        self._queued_bytes = 0
        self._in_flight = 0
        self._wake = asyncio.Event()
        self._alive = False
        self._closing = False
        self._rate = 1000.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writer: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str, plan: BackupPlan = USUAL) -> PostgresqlDatabase:
        """Connect and bring the schema up to date, after a backup. Raises StoreError.

        ``url``: ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=…``,
        several hosts and ``target_session_attrs=primary`` included; what it leaves out comes from
        libpq's environment (``PGPASSWORD``, ``PGPASSFILE``).
        """
        made = cls(url, plan)
        try:
            await made._start()
        except ValueError:  # its words may quote the URL
            raise StoreError(f"{made.place}: not a usable URL of a PostgreSQL database") from None
        except _FAILURES as error:
            raise made._error(error) from error
        return made

    async def _start(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=CONNECT_S, command_timeout=LONG_S)
        try:
            await self._check_settings(connection)
            news = await bring_up(connection, self._url, self._plan)
            if news:
                _LOG.warning("%s", news)
            durable = await connection.fetchval("SHOW synchronous_commit") != "off"
        finally:
            await connection.close(timeout=CONNECT_S)
        self._readers = await self._pool(
            READERS,
            READ_S + 5,
            {"statement_timeout": str(READ_S * 1000), "default_transaction_read_only": "on",
             "idle_in_transaction_session_timeout": str(LONG_S * 1000)},
        )  # fmt: skip
        self._writers = await self._pool(
            WRITERS, WRITE_S, {} if durable else {"synchronous_commit": "on"}, self._watch
        )
        await self._probe()
        self._alive = True
        self._start_writer()

    async def _check_settings(self, connection: Connection) -> None:
        encoding = await connection.fetchval("SHOW server_encoding")
        if encoding.upper().replace("-", "") != "UTF8":
            raise StoreError(f"{self.place}: its encoding is {encoding}; UTF8 is needed")

    async def _pool(
        self,
        size: int,
        timeout: int,
        settings: dict[str, str],
        init: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> Pool:
        async def reset(_: Connection) -> None:
            """Nothing here changes a session: saves a round trip per question."""

        return await asyncpg.create_pool(
            self._url,
            min_size=0,  # else a pool tries by itself, and complains to the loop
            max_size=size,
            timeout=CONNECT_S,
            command_timeout=timeout,
            max_inactive_connection_lifetime=0,
            server_settings={"application_name": "iocsweep-collector", **settings},
            init=partial(_prepare, also=init),
            reset=reset,
        )

    # ---- Reports

    @property
    def waiting(self) -> int:
        return len(self._queue) + self._in_flight

    @property
    def alive(self) -> bool:
        return self._alive

    async def put(self, report: NewReport) -> PutResult:
        storable(report_fields(report))
        if not self._alive:
            raise StoreError(f"{self.place}: cannot be reached")
        if self.waiting >= MAX_WAITING or self._queued_bytes >= MAX_WAITING_BYTES:
            raise Busy(math.ceil(max(self.waiting, 1) / self._rate))
        waiter = _Waiting(report, asyncio.get_running_loop().create_future())
        self._queue.append(waiter)
        self._queued_bytes += len(report.body)
        self._wake.set()
        return await waiter.result

    def _start_writer(self) -> None:
        self._writer = asyncio.get_running_loop().create_task(self._write())
        self._writer.add_done_callback(self._writer_ended)

    def _writer_ended(self, task: asyncio.Task[None]) -> None:
        """A defect ends the task with its traceback, but never the keeping of reports."""
        if not task.cancelled() and task.exception() is not None and not self._closing:
            self._start_writer()
            task.get_loop().call_exception_handler(
                {"message": "the writer ended", "exception": task.exception(), "task": task}
            )

    async def _write(self) -> None:
        while True:
            batch = self._take()
            if batch:
                try:
                    await self._keep(batch)
                finally:  # none waits for ever, whatever went wrong
                    self._in_flight = 0
                    _fail(batch, StoreError(f"{self.place}: not kept"))
            elif self._closing:
                return
            else:
                self._wake.clear()
                await self._wake.wait()

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._queue and len(batch) < MAX_BATCH and size < MAX_BATCH_BYTES:
            batch.append(self._queue.popleft())
            size += len(batch[-1].report.body)
        self._queued_bytes -= size
        self._in_flight = len(batch)
        return batch

    async def _keep(self, batch: list[_Waiting]) -> None:
        reports = [one.report for one in batch]
        started = time.monotonic()
        try:
            results = await repeat(lambda: self._commit(reports))
        except _GONE as error:
            _fail(batch, self._error(error))
            self._lost(error)
        except _ITS_FAULT as error:
            if len(batch) == 1:
                _fail(batch, Unstorable(str(self._error(error))))
            else:  # find it; the others are kept
                half = len(batch) // 2
                await self._keep(batch[:half])
                await self._keep(batch[half:])
        except asyncpg.PostgresError as error:
            _fail(batch, self._error(error))
        else:
            for one, result in zip(batch, results, strict=True):
                if not one.result.done():
                    one.result.set_result(result)
            if len(batch) > 64:  # worth a measurement
                rate = len(batch) / max(time.monotonic() - started, 1e-3)
                self._rate += (rate - self._rate) / 8

    async def _commit(self, reports: Sequence[NewReport]) -> list[PutResult]:
        async with self._writers.acquire(timeout=CONNECT_S) as connection:
            return await commit_batch(connection, reports)

    # ---- Questions

    async def fetch(self, sql: str, *parameters: Value) -> list[Row]:
        storable(parameters)
        for last in (False, True):
            try:
                async with self._readers.acquire(timeout=READ_S) as connection:
                    rows = await connection.fetch(numbered(sql), *parameters)
                    return cast(list[Row], rows)
            except _GONE as error:  # once more, on a new connection
                if last or isinstance(error, asyncio.TimeoutError):
                    raise self._error(error) from error
                await self._readers.expire_connections()
            except asyncpg.PostgresError as error:
                raise self._error(error) from error
        raise AssertionError

    async def stream(self, sql: str, *parameters: Value) -> AsyncIterator[list[Row]]:
        storable(parameters)
        try:
            async with (
                self._streams,
                self._readers.acquire(timeout=READ_S) as connection,
                connection.transaction(readonly=True),
            ):
                cursor = await connection.cursor(numbered(sql), *parameters)
                while rows := await cursor.fetch(PIECE):
                    yield cast(list[Row], rows)
        except _FAILURES as error:
            raise self._error(error) from error

    # ---- Changes

    async def transact(
        self, statements: Sequence[Statement], insert: Insert | None = None
    ) -> list[int]:
        for _, values in statements:
            storable(values)
        together = Together(statements, insert, LONG_S)

        async def work() -> list[int]:
            async with (
                self._writers.acquire(timeout=READ_S) as connection,
                connection.transaction(isolation="serializable"),
            ):
                return await together.run(connection)

        return await self._change(work)

    async def number(self, limit: int) -> None:
        if not await self.fetch("SELECT 1 FROM report WHERE seq IS NULL LIMIT 1"):
            return

        async def work() -> None:
            async with (
                self._writers.acquire(timeout=READ_S) as connection,
                connection.transaction(isolation="read_committed"),
            ):
                # The row's lock, until the commit: one numbering at a time, so numbers become
                # visible in their order, whatever order the reports were committed in.
                last = await connection.fetchval(
                    "UPDATE numbering SET seq = seq WHERE name = 'report' RETURNING seq"
                )
                rows = await connection.fetch(
                    "SELECT report_id FROM report WHERE seq IS NULL ORDER BY received, report_id"
                    " LIMIT $1",
                    limit,
                )
                await connection.executemany(
                    "UPDATE report SET seq = $1 WHERE report_id = $2",
                    [(last + place, row[0]) for place, row in enumerate(rows, 1)],
                )
                await connection.execute(
                    "UPDATE numbering SET seq = $1 WHERE name = 'report'", last + len(rows)
                )

        await self._change(work)

    async def _change(self, work: Callable[[], Awaitable[_T]]) -> _T:
        try:
            return await repeat(work)
        except _FAILURES as error:
            raise self._error(error) from error

    # ---- Losing the server, and finding it again

    async def _watch(self, connection: Connection) -> None:
        connection.add_termination_listener(self._ended)

    def _ended(self, _: object) -> None:
        if self._alive and not self._closing:
            self._spawn(self._look())

    async def _look(self) -> None:
        """After a connection ended: was that the server?"""
        try:
            await self._probe()
        except _FAILURES as error:
            self._lost(error)

    async def _probe(self) -> None:
        async with self._writers.acquire(timeout=CONNECT_S) as connection:
            await connection.execute(_WRITABLE)

    def _lost(self, error: BaseException) -> None:
        """Nothing was acknowledged that was not committed; the agents will come again."""
        if not self._alive:
            return
        self._alive = False
        waiting, self._queued_bytes = list(self._queue), 0
        self._queue.clear()
        _fail(waiting, self._error(error))
        if not self._closing:
            print(f"iocsweep-collector: {self._error(error)}", file=sys.stderr)  # noqa: T201
            self._spawn(self._find_again())

    async def _find_again(self) -> None:
        pause = 0.1
        while not self._alive:
            await asyncio.sleep(pause)
            pause = min(2 * pause, 5)
            try:
                await self._writers.expire_connections()
                await self._probe()
            except _FAILURES:  # said when it was lost; alive tells that it still is
                continue
            self._alive = True

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _error(self, error: BaseException) -> StoreError:
        return StoreError(f"{self.place}: {type(error).__name__}: {error}")

    async def close(self) -> None:
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=WRITE_S)
            self._writer.cancel()
        for task in list(self._tasks):
            task.cancel()
        self._alive = False
        for pool in (self._readers, self._writers):
            try:
                await asyncio.wait_for(pool.close(), CONNECT_S)
            except _FAILURES:
                pool.terminate()


async def _prepare(
    connection: Connection, also: Callable[[Connection], Awaitable[None]] | None
) -> None:
    await connection.set_type_codec(
        "numeric", schema="pg_catalog", encoder=str, decoder=_number, format="text"
    )  # sums of BIGINT
    await connection.execute(_PLAINLY)
    if also is not None:
        await also(connection)


def _fail(waiting: Sequence[_Waiting], error: StoreError) -> None:
    for one in waiting:
        if not one.result.done():
            one.result.set_exception(error)


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)
