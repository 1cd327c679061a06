"""Whether there is a database of ours at all: one whose name is mistyped must not be made."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from .database import StoreError

MAKERS = "`serve`, `sweep create` and `token create` make one"


def require_sqlite(path: Path) -> None:
    """Raises StoreError unless the file holds our tables. What is damaged is left to be opened."""
    if not path.is_file():
        raise StoreError(f"{path}: no such database ({MAKERS})")
    # Read and written, as what a killed server committed may lie beside it; never created.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=30)
    try:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sweep'").fetchone()
    except sqlite3.Error:
        return
    finally:
        connection.close()
    if found is None:
        raise StoreError(f"{path}: no database of a collector ({MAKERS})")


async def require_postgresql(url: str) -> None:
    """Raises StoreError if the database can be reached and has no tables of ours."""
    import asyncpg

    from .upgrading import shown_place

    try:
        connection = await asyncpg.connect(url, timeout=10, command_timeout=30)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return  # whoever opens it says so
    try:
        version = await connection.fetchval(
            "SELECT MAX(version) FROM schema_version WHERE name = 'collector'"
        )
    except asyncpg.UndefinedTableError:
        version = None
    finally:
        await connection.close(timeout=10)
    if not version:
        raise StoreError(f"{shown_place(url)}: no tables of a collector ({MAKERS})")
