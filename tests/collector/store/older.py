"""Databases as the first collector made them (schema 1, commit 965b161), with what it told of them.

``tests/data/collector-1``: eight reports of its own agents sent to it over HTTP, a list of expected
hosts, a suppression and an output's place; the exports are its own, of the same moment.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from tests.collector.postgres_server import PostgresServer

DATA = Path(__file__).parents[2] / "data" / "collector-1"
SWEEP = "first"
READERS = {
    "sqlite": "caso9UMNtOuX-sJMd1Ue9ucUFzBdBUA1oa8CO4oj-R8",
    "postgresql": "NArmIAUz2zQ9eC-nJq6gWp940V6jFzpCfHzu2i8dIZk",
}
"""Secrets of their readers."""
REPORTS = [f"0193a100-0000-7000-8000-{n:012}" for n in range(1, 9)]
LIMITED = REPORTS[5]
"""Asked about ``C:\\t`` alone."""


def lay_sqlite(path: Path) -> None:
    made = sqlite3.connect(path)
    made.executescript((DATA / "sqlite.sql").read_text(encoding="utf-8"))
    made.execute("PRAGMA journal_mode = WAL")
    made.close()


def lay_postgresql(server: PostgresServer, url: str) -> None:
    server.load(DATA / "postgresql.sql", url.rpartition("/")[2])


def told(engine: str, what: str) -> list[dict[str, Any]]:
    """Its own export of ``hosts`` or ``findings``."""
    text = (DATA / f"{engine}-{what}.ndjson").read_text(encoding="ascii")
    return [json.loads(line) for line in text.splitlines()]


def rows_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of an SQLite file, and its schema's number."""
    read = sqlite3.connect(path)
    names = read.execute(
        # that of parts is an index, whose rows are of no table that can be read through
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'term_text' ORDER BY name"
    )
    found = {
        str(name): sorted(read.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
        for (name,) in names.fetchall()
    }
    found["user_version"] = read.execute("PRAGMA user_version").fetchall()
    read.close()
    return found
