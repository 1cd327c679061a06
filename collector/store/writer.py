"""The one process that writes an SQLite database: ``python -m collector.store.writer DB FD PLAN``.

Its own process, because in the server's the event loop and the writer would fight for one
interpreter lock (measured: 5,600 reports/s together, 8,000 apart). Group commit: whatever waits is
one transaction, so the disk's flush is shared. It ends when the other end of the socket closes, and
holds a lock beside the database, so that no second writer starts on the same file.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from ..frames import FrameError, frame, take_frames
from ..records import NewReport, PutResult
from . import filling
from .backup import USUAL, BackupPlan, brought_up, copy_sqlite
from .database import StoreError, Value
from .migrations import migrations
from .putting import (
    DEMANDS,
    HOST_COLUMNS,
    HOST_CONFLICT,
    LISTED,
    REPORT_COLUMNS,
    Judged,
    host_values,
    judged,
    report_values,
    ticks,
)
from .taken_back import doubtful, otherwise_by_hosts, seen_by_hosts
from .text_index import lay_sqlite

MAX_BATCH = 512
"""Reports per transaction."""
_WHOLE_BATCH = 64
"""So few are one in any case: the disk's flush is worth it."""
LOCK_S = 5.0
"""For a killed server's writer to end: it first keeps what was on its way."""
_BY_INDEX = {"name_key": "", "short_key": " INDEXED BY expected_short"}
"""Left to itself SQLite goes through all of a list for each transaction."""
_PIECE = 120 << 10
"""Bytes read at once: for more the allocator would map and unmap memory each time."""


class Put(Struct, frozen=True, array_like=True, tag="put"):
    """Keep one report."""

    number: int
    report: NewReport


class Transact(Struct, frozen=True, array_like=True, tag="transact"):
    """Run statements in one transaction."""

    number: int
    statements: list[tuple[str, list[Any]]]
    """SQL and its values: text, bytes, whole numbers, None."""
    many: tuple[str, list[Any]] | None = None
    """First, one statement for each of these rows, which come in pieces."""


class Backup(Struct, frozen=True, array_like=True, tag="backup"):
    """Copy the whole database, as of one moment, to a file."""

    number: int
    path: str


class Done(Struct, frozen=True, array_like=True, tag="done"):
    """What became of a message."""

    number: int
    put: PutResult | None = None
    rows: list[int] | None = None
    error: str = ""


class Answers(Struct, frozen=True, array_like=True, tag="answers"):
    """What became of several messages: one frame, as most are reports of one transaction."""

    every: list[Done]


class Ready(Struct, frozen=True, array_like=True, tag="ready"):
    """The database is open; the first frame, or ``error`` says why it is not."""

    error: str = ""
    news: str = ""
    """What was done to it for that, for the operator."""


Order = Put | Transact | Backup
_ORDERS = msgspec.msgpack.Decoder(Order)
_PLANS = msgspec.json.Decoder(BackupPlan)


def open_database(
    path: Path, plan: BackupPlan = USUAL, tell: Callable[[str], object] = str
) -> sqlite3.Connection:
    """Open for writing and bring it up to date, after a backup if it holds anything.

    ``tell`` is told what was done for that. Raises StoreError, sqlite3.Error: it is as it was then.
    """
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
    # 16 MiB of cache and no more: when the pages of a split change places, SQLite takes one of them
    # for page 262,145 on the way, and the next commit walks the cache's whole table for the like
    # (measured with 64 MiB: a quarter of this process's time).
    for pragma in (
        "journal_mode = WAL", "synchronous = FULL", "busy_timeout = 30000", "cache_size = -16384",
        "wal_autocheckpoint = 4000", "temp_store = MEMORY", "foreign_keys = ON",
    ):  # fmt: skip
        connection.execute(f"PRAGMA {pragma}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    known = migrations("sqlite")
    newest = known[-1][0]
    if version > newest:
        raise StoreError(f"made by a newer collector (schema {version})")
    copy = copy_sqlite(connection, path, plan) if plan.wanted and 0 < version < newest else None
    for number, _, statements in known:
        if number > version:
            with _transaction(connection):
                for statement in statements:
                    connection.execute(statement)
                if number in filling.FILLINGS and version:
                    _fill(connection, filling.FILLINGS[number])
                connection.execute(f"PRAGMA user_version = {number}")
    lay_sqlite(connection)
    if 0 < version < newest:
        tell(brought_up(str(path), version, newest, copy))
    return connection


def _fill(connection: sqlite3.Connection, columns: filling.Filling) -> None:
    last = ""
    while rows := connection.execute(columns.older, (last,)).fetchall():
        for sql, values in filling.filled(columns, rows):
            connection.executemany(sql, values)
        last = rows[-1][0]
    for statement in columns.last:
        connection.execute(statement)


class _transaction:  # noqa: N801 - reads as a statement
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> Literal[False]:
        if kind is None:
            self._connection.execute("COMMIT")
        elif self._connection.in_transaction:  # a full disk has ended it already
            self._connection.execute("ROLLBACK")
        return False


class Writer:
    """Carries out orders on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def carry_out(self, orders: Sequence[Order]) -> Iterator[list[Done]]:
        """In their order, each transaction's together; neighbouring reports share one."""
        for is_put, group in groupby(orders, key=lambda order: isinstance(order, Put)):
            if is_put:
                puts = [order for order in group if isinstance(order, Put)]
                size = batch_size(len(puts))
                for start in range(0, len(puts), size):
                    yield self._put(puts[start : start + size])
            else:
                for order in group:
                    yield [self._other(order)]

    def _put(self, puts: Sequence[Put]) -> list[Done]:
        try:
            with _transaction(self._connection):
                results = self._keep([order.report for order in puts])
        except sqlite3.Error as error:
            return [Done(order.number, error=_words(error)) for order in puts]
        return [Done(order.number, put=result) for order, result in zip(puts, results, strict=True)]

    def _keep(self, reports: Sequence[NewReport]) -> list[PutResult]:
        digests = self._known([report.report_id for report in reports])
        fresh: list[NewReport] = []
        results: list[PutResult] = []
        for report in reports:
            known = digests.get(report.report_id)
            if known is None:
                digests[report.report_id] = report.digest
                fresh.append(report)
                results.append("new")
            else:
                results.append("known" if known == report.digest else "conflict")
        judged = self._judged(fresh)
        self._insert("report", REPORT_COLUMNS, [report_values(one) for one in judged])
        self._insert("host", HOST_COLUMNS, [host_values(one) for one in judged], HOST_CONFLICT)
        self._expect(judged)
        return results

    def _judged(self, reports: Sequence[NewReport]) -> list[Judged]:
        """By what their sweeps ask for as of this transaction."""
        sweeps = sorted({report.sweep_id for report in reports})
        return judged(reports, dict(self._rows(DEMANDS, sweeps)))

    def _known(self, ids: Sequence[str]) -> dict[str, bytes]:
        return dict(self._rows("SELECT report_id, digest FROM report WHERE report_id IN ({})", ids))

    def _rows(self, sql: str, keys: Sequence[str]) -> list[Any]:
        given = padded(keys)
        return self._connection.execute(sql.format(marks(len(given))), given).fetchall()

    def _insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]], end: str = ""
    ) -> None:
        # One by one: of several in one statement SQLite keeps each page as it was before, to be
        # able to undo that statement alone (measured: a third more for a row).
        self._connection.executemany(
            f"INSERT INTO {table} ({','.join(columns)}) VALUES ({marks(len(columns))}) {end}", rows
        )

    def _expect(self, reports: Sequence[Judged]) -> None:
        """Tick off the expected hosts that these reports are from."""
        if not self._rows(LISTED, sorted({one.report.sweep_id for one in reports})):
            return
        for sweep, column, seen, names in ticks(reports):
            keys = padded(names)
            self._connection.execute(
                f"UPDATE expected{_BY_INDEX[column]} SET seen = {int(seen)} WHERE sweep_id = ?"
                f" AND {seen.before} AND {column} IN ({marks(len(keys))})",
                [sweep, *keys],
            )
        for sweep, doubted in doubtful(reports):
            keys = padded(doubted)
            sql = otherwise_by_hosts(marks(len(keys)), name_index=True)
            if found := self._connection.execute(sql, [sweep, *keys]).fetchall():
                for sql, values in seen_by_hosts(sweep, [name for (name,) in found]):
                    self._connection.execute(sql, values)

    def _other(self, order: Order) -> Done:
        try:
            if isinstance(order, Backup):
                with sqlite3.connect(order.path) as copy:
                    self._connection.backup(copy)
                copy.close()
                return Done(order.number)
            assert isinstance(order, Transact)
            with _transaction(self._connection):
                if order.many is not None:
                    sql, pieces = order.many
                    self._connection.executemany(sql, chain.from_iterable(pieces))
                rows = [self._connection.execute(*one).rowcount for one in order.statements]
            return Done(order.number, rows=rows)
        except sqlite3.Error as error:
            return Done(order.number, error=_words(error))


def batch_size(waiting: int) -> int:
    """Reports of a transaction. Of many not all: the server answers some and takes others while the
    rest is written, where each would wait for the other."""
    return min(MAX_BATCH, waiting if waiting <= _WHOLE_BATCH else (waiting + 1) // 2)


def padded(values: Sequence[str]) -> list[str]:
    """With the last again, up to a power of two: else there were a statement for each number, and
    SQLite would prepare most of them anew each time."""
    more = (1 << (len(values) - 1).bit_length()) - len(values) if values else 0
    return [*values, *[values[-1] for _ in range(more)]]


@lru_cache(None)
def marks(count: int) -> str:
    """SQL: so many parameters."""
    return ",".join("?" * count)


def _words(error: sqlite3.Error) -> str:
    return f"{type(error).__name__}: {error}"


class _Client:
    """One end that sends orders: the server, or a command of an administrator."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.buffer = bytearray()

    def take(self) -> bool:
        """All that is there now; False when the other end is gone."""
        while True:
            data = self.channel.recv(_PIECE)
            if not data:
                return False
            self.buffer += data
            if len(self.buffer) > 32 << 20 or not select.select([self.channel], [], [], 0)[0]:
                return True

    def orders(self) -> list[Any]:
        """The whole ones among what was taken. Raises FrameError, msgspec.MsgspecError."""
        return [_ORDERS.decode(body) for body in take_frames(self.buffer)]

    def answer(self, done: Iterator[list[Done]]) -> None:
        """Send what became of the orders, after each transaction."""
        for some in done:
            self.channel.sendall(frame(Answers(some)))


def control_socket(path: Path) -> Path:
    """Where commands reach the writer of a database; only its owner can."""
    return path.with_name(f"{path.name}.socket")


def serve(path: Path, channel: socket.socket, plan: BackupPlan) -> None:
    """Until the other end of the channel closes."""
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(lock)
        news: list[str] = []
        connection = open_database(path, plan, news.append)
    except BlockingIOError:
        channel.sendall(frame(Ready(f"{path}: another collector writes to it")))
        return
    except (sqlite3.Error, StoreError) as error:
        channel.sendall(frame(Ready(f"{path}: {error}")))
        return
    with _listener(path) as listener:
        channel.sendall(frame(Ready(news="".join(news))))
        _serve(Writer(connection), _Client(channel), listener)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _take(lock: int) -> None:
    """Raises BlockingIOError when another process keeps it."""
    deadline = time.monotonic() + LOCK_S
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _serve(writer: Writer, server: _Client, listener: socket.socket) -> None:
    clients = {server.channel: server}
    more = True
    while more:
        for ready in select.select([*clients, listener], [], [])[0]:
            if ready is listener:
                accepted, _ = listener.accept()
                clients[accepted] = _Client(accepted)
                continue
            client = clients[ready]
            try:
                there = client.take()
                done = writer.carry_out(client.orders())
                client.answer(done)
            except (OSError, FrameError, msgspec.MsgspecError):
                there = False  # nothing that was acknowledged is lost by letting go of it
            if client is server:
                more = there
            elif not there:
                clients.pop(ready).channel.close()


def _listener(path: Path) -> socket.socket:
    """Bound under a relative name, as an address holds a hundred characters."""
    place = control_socket(path)
    place.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    back, mask = Path.cwd(), os.umask(0o177)
    try:
        os.chdir(place.parent)
        listener.bind(place.name)
        listener.listen(8)
    finally:
        os.umask(mask)
        os.chdir(back)
    return listener


def main() -> None:
    """Run by :mod:`collector.store.sqlite`."""
    import gc
    import signal

    gc.freeze()  # as the server does: a batch is thousands of objects without a cycle
    gc.set_threshold(10_000)
    # The server ends this process by closing the socket, after its last report; a Ctrl-C or a
    # service manager's signal to the whole group must not come before that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[2])) as channel:
        serve(Path(sys.argv[1]), channel, _PLANS.decode(sys.argv[3]))


if __name__ == "__main__":
    main()
