"""How statements and transactions go to PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from asyncpg import exceptions as pg

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

ATTEMPTS = 30
"""Of a transaction that met another; pauses double up to half a second."""
MET_ANOTHER = (pg.SerializationError, pg.DeadlockDetectedError)
_T = TypeVar("_T")


async def repeat(
    work: Callable[[], Awaitable[_T]],
    reasons: tuple[type[BaseException], ...] = MET_ANOTHER,
) -> _T:
    """A transaction that met another has taken no effect: do it again, up to ATTEMPTS times."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return await work()
        except reasons:
            await asyncio.sleep(random.uniform(0, min(0.5, 0.005 * 2**attempt)))  # noqa: S311
    return await work()


@lru_cache(1024)
def numbered(sql: str) -> str:
    """With ``$1``, ``$2`` … for each ``?``; the store's SQL has no other question marks."""
    first, *rest = sql.split("?")
    return first + "".join(f"${place}{part}" for place, part in enumerate(rest, 1))
