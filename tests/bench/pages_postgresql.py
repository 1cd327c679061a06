"""What :mod:`tests.bench.pages` made, in a PostgreSQL of its own."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from collector.store.postgresql import PostgresqlDatabase
from tests.collector.postgres_server import PostgresServer, run_postgres

_AT_ONCE = 5000
_TICKS = os.sysconf("SC_CLK_TCK")
_OWN = {"numbering", "setting"}
"""Tables that are not the same in both stores."""
Opened = tuple[PostgresqlDatabase, Callable[[], float]]


@asynccontextmanager
async def in_postgresql(path: Path) -> AsyncIterator[Opened]:
    """The database of this SQLite file, and how much processor time (seconds, in hundredths) its
    server has taken so far."""
    with contextmanager(run_postgres)() as server:
        url = server.create_database()
        database = await PostgresqlDatabase.open(url)
        await _copy(path, url)
        yield database, lambda: _spent(server)
        await database.close()


async def _copy(path: Path, url: str) -> None:
    connection = await asyncpg.connect(url)
    tables = await connection.fetch(
        "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position)"
        " FROM information_schema.columns WHERE table_schema = 'public' GROUP BY table_name"
    )
    told = {str(name): [*columns] for name, columns in tables if name not in _OWN}
    with sqlite3.connect(path) as source:
        there = {name for (name,) in source.execute("SELECT name FROM sqlite_master")}
        for table in ("sweep", *sorted(told.keys() & there - {"sweep"})):
            columns = told[table]
            await connection.execute(f"TRUNCATE {table} CASCADE")
            for rows in _pieces(source.execute(f"SELECT {', '.join(columns)} FROM {table}")):
                await connection.copy_records_to_table(table, records=rows, columns=columns)
    await connection.execute("UPDATE numbering SET seq = (SELECT MAX(seq) FROM report)")
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _pieces(cursor: sqlite3.Cursor) -> Iterator[list[tuple[object, ...]]]:
    while rows := cursor.fetchmany(_AT_ONCE):
        yield rows


def _spent(server: PostgresServer) -> float:
    """By all processes of the server."""
    postmaster = (server.data / "postmaster.pid").read_text().splitlines()[0]
    ticks = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(") ")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if fields[1] == postmaster:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS
