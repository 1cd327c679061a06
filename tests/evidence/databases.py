"""SQLite databases as programs leave them, written by SQLite itself."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

Statement = tuple[str, Sequence[object]]


class Left(NamedTuple):
    """What a program that is still running has on disk."""

    database: bytes
    wal: bytes


def database(*statements: str | Statement, page_size: int = 4096) -> bytes:
    """After these statements, closed."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"PRAGMA page_size={page_size}")
        _run(connection, statements)
        return bytes(connection.serialize())
    finally:
        connection.close()


def in_wal_mode(
    before: Iterable[str | Statement], after: Iterable[str | Statement], *, page_size: int = 4096
) -> Left:
    """``before``: what is in the database; ``after``: what is in its WAL alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db"
        connection = sqlite3.connect(path)
        try:
            connection.execute(f"PRAGMA page_size={page_size}")
            _run(connection, before)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            _run(connection, after)
            return Left(path.read_bytes(), (Path(folder) / "db-wal").read_bytes())
        finally:
            connection.close()


def _run(connection: sqlite3.Connection, statements: Iterable[str | Statement]) -> None:
    for one in statements:
        text, values = (one, ()) if isinstance(one, str) else one
        connection.execute(text, values)
    connection.commit()


# Chromium's tables, as of Chrome 120, and Firefox's, as of 115: the columns that matter here.

HISTORY = (
    (
        "CREATE TABLE urls(id INTEGER PRIMARY KEY AUTOINCREMENT, url LONGVARCHAR, title LONGVARCHAR,"
        " visit_count INTEGER DEFAULT 0 NOT NULL, typed_count INTEGER DEFAULT 0 NOT NULL,"
        " last_visit_time INTEGER NOT NULL, hidden INTEGER DEFAULT 0 NOT NULL)"
    ),
    (
        "CREATE TABLE visits(id INTEGER PRIMARY KEY AUTOINCREMENT, url INTEGER NOT NULL,"
        " visit_time INTEGER NOT NULL, from_visit INTEGER)"
    ),
    (
        "CREATE TABLE keyword_search_terms (keyword_id INTEGER NOT NULL, url_id INTEGER NOT NULL,"
        " term LONGVARCHAR NOT NULL, normalized_term LONGVARCHAR NOT NULL)"
    ),
    (
        "CREATE TABLE downloads (id INTEGER PRIMARY KEY, guid VARCHAR NOT NULL,"
        " current_path LONGVARCHAR NOT NULL, target_path LONGVARCHAR NOT NULL,"
        " start_time INTEGER NOT NULL, received_bytes INTEGER NOT NULL,"
        " total_bytes INTEGER NOT NULL, state INTEGER NOT NULL, end_time INTEGER NOT NULL,"
        " referrer VARCHAR NOT NULL, tab_url VARCHAR NOT NULL)"
    ),
    (
        "CREATE TABLE downloads_url_chains (id INTEGER NOT NULL, chain_index INTEGER NOT NULL,"
        " url LONGVARCHAR NOT NULL, PRIMARY KEY (id, chain_index))"
    ),
)
PLACES = (
    (
        "CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url LONGVARCHAR, title LONGVARCHAR,"
        " rev_host LONGVARCHAR, visit_count INTEGER DEFAULT 0, last_visit_date INTEGER)"
    ),
    (
        "CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, from_visit INTEGER,"
        " place_id INTEGER, visit_date INTEGER, visit_type INTEGER)"
    ),
    (
        "CREATE TABLE moz_annos (id INTEGER PRIMARY KEY, place_id INTEGER NOT NULL,"
        " anno_attribute_id INTEGER, content LONGVARCHAR, dateAdded INTEGER DEFAULT 0)"
    ),
)


def chromium_page(number: int, url: str | bytes, *visits: int, title: str = "") -> list[Statement]:
    """A page with its visits; microseconds since 1601."""
    values = (number, url, title, len(visits), max(visits, default=0))
    return [
        (
            "INSERT INTO urls(id, url, title, visit_count, last_visit_time) VALUES (?, ?, ?, ?, ?)",
            values,
        ),
        *(("INSERT INTO visits(url, visit_time) VALUES (?, ?)", (number, one)) for one in visits),
    ]


def chromium_download(
    number: int, target: str, *chain: str, start: int, end: int, size: int = 0, tab: str = ""
) -> list[Statement]:
    """A download that came to its end; microseconds since 1601."""
    return [
        (
            "INSERT INTO downloads VALUES (?, 'g', ?, ?, ?, ?, ?, 1, ?, '', ?)",
            (number, target, target, start, size, size, end, tab),
        ),
        *(
            ("INSERT INTO downloads_url_chains VALUES (?, ?, ?)", (number, place, url))
            for place, url in enumerate(chain)
        ),
    ]


def firefox_page(number: int, url: str, *visits: int, title: str = "") -> list[Statement]:
    """A page with its visits; microseconds since 1970."""
    values = (number, url, title, len(visits), max(visits, default=None))
    return [
        ("INSERT INTO moz_places VALUES (?, ?, ?, '', ?, ?)", values),
        *(
            (
                "INSERT INTO moz_historyvisits(place_id, visit_date, visit_type) VALUES (?, ?, 1)",
                (number, one),
            )
            for one in visits
        ),
    ]


def firefox_download(page: int, link: str, added: int) -> Statement:
    """A note that a page's file was saved there."""
    return (
        (
            "INSERT INTO moz_annos(place_id, anno_attribute_id, content, dateAdded)"
            " VALUES (?, 1, ?, ?)"
        ),
        (page, link, added),
    )
