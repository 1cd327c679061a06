"""PostgreSQL brought up to date: one collector does it, in one transaction, after a backup."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from asyncpg import exceptions as pg

from . import filling
from .backup import BackupPlan, brought_up, dump_postgresql
from .database import StoreError
from .migrations import migrations
from .repeating import MET_ANOTHER, numbered, repeat
from .text_index import PG_INDEXES, PG_THERE

if TYPE_CHECKING:
    from .repeating import Connection

_LOG = logging.getLogger("collector.store")
_MADE_MEANWHILE = (pg.UniqueViolationError, pg.DuplicateTableError, pg.DuplicateObjectError)


async def bring_up(connection: Connection, url: str, plan: BackupPlan) -> str:
    """Lay the tables, or migrate them; gives what was done for an older database, for people.

    Raises StoreError, the driver's errors; the database is as it was then.
    """

    async def lay_table() -> None:
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (name TEXT PRIMARY KEY, version BIGINT NOT NULL)"
        )
        await connection.execute(
            "INSERT INTO schema_version (name, version) VALUES ('collector', 0)"
            " ON CONFLICT (name) DO NOTHING"
        )

    # IF NOT EXISTS is no lock: of two that create a table at once, one fails in the catalogue.
    await repeat(lay_table, (*MET_ANOTHER, *_MADE_MEANWHILE))
    news = await repeat(lambda: _migrate(connection, url, plan))
    await _index_parts(connection)
    return news


async def _migrate(connection: Connection, url: str, plan: BackupPlan) -> str:
    known, place = migrations("postgresql"), shown_place(url)
    newest, news = known[-1][0], ""
    async with connection.transaction(isolation="read_committed"):
        # The row's lock: of fronts that start together one migrates, the others wait.
        version = await connection.fetchval(
            "UPDATE schema_version SET version = version WHERE name = 'collector' RETURNING version"
        )
        if version > newest:
            raise StoreError(f"{place}: made by a newer collector (schema {version})")
        if 0 < version < newest:
            # Nothing comes in between the backup and the commit, neither from an older collector
            # that still runs; pg_dump only reads, which this lets it.
            await connection.execute("LOCK TABLE finding, report, host IN EXCLUSIVE MODE")
            dump = await dump_postgresql(url, place, version, plan) if plan.wanted else None
            news = brought_up(place, version, newest, dump)
        for number, _, statements in known:
            if number > version:
                for statement in statements:
                    await connection.execute(statement)
                if number in filling.FILLINGS and version:
                    await _fill(connection, filling.FILLINGS[number])
        await connection.execute(
            "UPDATE schema_version SET version = $1 WHERE name = 'collector'", newest
        )
    return news


async def _index_parts(connection: Connection) -> None:
    """Where the extension is there, or may be made by this user; else parts are not found."""
    try:
        there = {row[0] for row in await connection.fetch(PG_THERE)}
        if there < PG_INDEXES.keys():
            async with connection.transaction():
                await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
                for sql in PG_INDEXES.values():
                    await connection.execute(sql)
    except pg.PostgresError as error:
        _LOG.warning("a search finds beginnings of values, not parts: %s", error)


async def _fill(connection: Connection, columns: filling.Filling) -> None:
    last = ""
    while rows := await connection.fetch(numbered(columns.older), last):
        for sql, values in filling.filled(columns, [tuple(row) for row in rows]):
            await connection.executemany(numbered(sql), values)
        last = str(rows[-1][0])
    for statement in columns.last:
        await connection.execute(statement)


def shown_place(url: str) -> str:
    """Host and database of a URL, for people: what may be a secret is left out."""
    whole = re.fullmatch(
        r"postgres(?:ql)?://(?:[^/?#]*@)?([^/?#@]*)(?:/([^?#@]*))?(?:\?(.*))?", url
    )
    if whole is None:
        return "PostgreSQL"
    options = parse_qs(whole[3] or "")
    host = whole[1] or ",".join(options.get("host", [])) or "the default host"
    database = whole[2] or ",".join(options.get("dbname", [])) or "the default database"
    return f"PostgreSQL at {host}, database {database}"
