"""Names on a list that are one host, and such as are several.

A list may have a host by its short name and by its whole one: it is one host, and is expected once.
The short name stays on the list as another name of it (:data:`ANOTHER_NAME`), stands for nothing,
and is a host of its own again when the whole name is taken off, or another that begins so comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from ..host_names import short_of
from .database import Database, Statement
from .whose import has_reported, has_reported_anywhere

MARK = "\n"
"""Before the first part of whole names that several have, and before what is another name of a
host: no host is called so."""
ANOTHER_NAME = 3
"""``seen`` of one, beside those of :class:`~collector.store.putting.Seen`."""
COUNTED = f"seen < {ANOTHER_NAME}"
"""SQL on ``expected``: names that stand for a host each."""
_ASKED_AT_ONCE = 500
_AT_ONCE = 200
"""Names whose columns are written in one transaction."""
_WHOLE = "w.name_key <> w.short_key"


def _in(alias: str) -> str:
    return f"SELECT 1 FROM expected w WHERE w.sweep_id = {alias}.sweep_id AND {_WHOLE}"


_HAS_WHOLE = f"EXISTS ({_in('expected')} AND w.short_key = expected.name_key)"
_HAD_WHOLE = f"EXISTS ({_in('expected')} AND w.short_key = substr(expected.name_key, 2))"
_TOGETHER = f"name_key = short_key AND {COUNTED} AND {_HAS_WHOLE}"
_APART = f"seen = {ANOTHER_NAME} AND NOT {_HAD_WHOLE}"


def _alike(which: str) -> list[str]:
    """Mark the first parts that several whole names have, and those no more that one alone has.
    Whoever was seen by such a part is seen no more, until it is asked again."""
    others = (
        "(SELECT 1 FROM expected o WHERE o.sweep_id = expected.sweep_id"
        " AND o.name_key <> expected.name_key AND o.name_key <> o.short_key AND o.short_key ="
    )
    marked = f"name_key <> short_key AND substr(short_key, 1, 1) = '{MARK}'"
    return [
        f"UPDATE expected SET short_key = '{MARK}' || short_key, seen = 0 WHERE {which}"
        f" AND name_key <> short_key AND substr(short_key, 1, 1) <> '{MARK}'"
        # as values: by an index, where PostgreSQL would join the whole list with itself
        f" AND ({others} expected.short_key LIMIT 1) IS NOT NULL"
        f" OR {others} '{MARK}' || expected.short_key LIMIT 1) IS NOT NULL)",
        f"UPDATE expected SET short_key = substr(short_key, 2) WHERE {which} AND {marked}"
        f" AND {others} expected.short_key LIMIT 1) IS NULL",
    ]


def _apart(which: str) -> list[str]:
    """What is another name of no host any more is a host of its own."""
    own = (
        "EXISTS (SELECT 1 FROM expected o WHERE o.sweep_id = expected.sweep_id"
        " AND o.name_key = substr(expected.name_key, 2))"
    )
    return [
        # lists that came at once may bring one of its own meanwhile
        f"DELETE FROM expected WHERE {which} AND {_APART} AND {own}",
        f"DELETE FROM expected_column WHERE {which} AND (sweep_id, name_key) IN"
        f" (SELECT sweep_id, substr(name_key, 2) FROM expected WHERE {which} AND {_APART})",
        f"UPDATE expected_column SET name_key = substr(name_key, 2) WHERE {which}"
        f" AND substr(name_key, 1, 1) = '{MARK}' AND (sweep_id, name_key) IN"
        f" (SELECT sweep_id, name_key FROM expected WHERE {which} AND {_APART})",
        "UPDATE expected SET name_key = substr(name_key, 2), short_key = substr(short_key, 2),"
        f" seen = 0 WHERE {which} AND {_APART}",
    ]


def _of_nobody(which: str) -> str:
    """What was said of names that another took off meanwhile."""
    return (
        f"DELETE FROM expected_column WHERE {which} AND NOT EXISTS (SELECT 1 FROM expected o"
        " WHERE o.sweep_id = expected_column.sweep_id AND o.name_key = expected_column.name_key)"
    )


def apart(sweep_id: str) -> list[Statement]:
    """For the transaction that takes names off: a host whose whole name goes is expected still."""
    return [(sql, [sweep_id] * sql.count("?")) for sql in _apart(_SWEEP)]


def short_to_be(key: str) -> str:
    """``short_key`` of a name that comes: its first part stands for it once it was told apart, so
    that a list that was broken off halfway has nobody taken for another."""
    short = short_of(key)
    return short if short == key else MARK + short


def _together(which: str) -> list[str]:
    """Short names of hosts that are listed by their whole ones. What is said of the one fills what
    is not said of the other."""
    short = f"(SELECT sweep_id, name_key FROM expected WHERE {which} AND {_TOGETHER})"
    twice = f"(SELECT sweep_id, '{MARK}' || name_key FROM expected WHERE {which} AND {_TOGETHER})"
    return [
        # lists that came at once may bring what has become another name meanwhile
        f"DELETE FROM expected_column WHERE {which} AND (sweep_id, name_key) IN {twice}",
        f"DELETE FROM expected WHERE {which} AND (sweep_id, name_key) IN {twice}",
        "INSERT INTO expected_column (sweep_id, name, name_key, place, value)"
        " SELECT c.sweep_id, c.name, w.name_key, c.place, c.value FROM expected_column c"
        # in this order: what is said is found by its name alone in no index
        f" CROSS JOIN expected w WHERE w.sweep_id = c.sweep_id AND w.short_key = c.name_key"
        f" AND {_WHOLE} AND (c.sweep_id, c.name_key) IN {short}"
        " ON CONFLICT (sweep_id, name, name_key) DO NOTHING",
        f"UPDATE expected_column SET name_key = '{MARK}' || name_key WHERE {which}"
        f" AND (sweep_id, name_key) IN {short}",
        f"UPDATE expected SET name_key = '{MARK}' || name_key, short_key = '{MARK}' || short_key,"
        f" seen = {ANOTHER_NAME} WHERE {which} AND {_TOGETHER}",
    ]


def _seen(answered: str, owing: str, which: str) -> list[str]:
    return [
        f"UPDATE expected SET seen = 1 WHERE {which} AND seen <> 1 AND {answered}",
        f"UPDATE expected SET seen = 2 WHERE {which} AND seen <> 2 AND NOT {answered} AND {owing}",
        f"UPDATE expected SET seen = 0 WHERE {which} AND seen IN (1, 2) AND NOT {answered}"
        f" AND NOT {owing}",
    ]


_SWEEP = "sweep_id = ?"
_ANSWERED, _OWING = "limited = 0", "limited > 0"


def seen_again(sweep_id: str) -> list[Statement]:
    """Which expected hosts have answered, by the hosts as they are now."""
    return [(sql, [sweep_id] * sql.count("?")) for sql in seen_of(_SWEEP)]


def seen_of(which: str) -> list[str]:
    """SQL: the same of some, by the sweep's first; then three times the sweep's id for each."""
    return _seen(has_reported(_ANSWERED), has_reported(_OWING), which)


def told_apart(sweep_id: str) -> list[Statement]:
    """After names came or went: who is who, and who has answered."""
    statements = [*_alike(_SWEEP), *_apart(_SWEEP), _of_nobody(_SWEEP), *_together(_SWEEP)]
    made: list[Statement] = [(sql, [sweep_id] * sql.count("?")) for sql in statements]
    return [*made, *seen_again(sweep_id)]


def all_told_apart() -> list[str]:
    """The same of all sweeps."""
    every = "1 = 1"
    seen = _seen(has_reported_anywhere(_ANSWERED), has_reported_anywhere(_OWING), every)
    return [*_alike(every), *_apart(every), _of_nobody(every), *_together(every), *seen]


def columns_of_other_names(
    sweep_id: str, keys: Sequence[str], known: Sequence[str]
) -> Iterator[Statement]:
    """What was said just now of short names is said of the hosts that are listed by their whole
    ones. ``known``: the names of all columns."""
    for start in range(0, len(keys), _AT_ONCE):
        piece = [MARK + key for key in keys[start : start + _AT_ONCE]]
        yield (
            "INSERT INTO expected_column (sweep_id, name, name_key, place, value)"
            " SELECT c.sweep_id, c.name, w.name_key, c.place, c.value FROM expected_column c"
            " JOIN expected w ON w.sweep_id = c.sweep_id AND w.short_key = substr(c.name_key, 2)"
            f" AND {_WHOLE} WHERE c.sweep_id = ? AND c.name IN ({', '.join('?' * len(known))})"
            f" AND c.name_key IN ({', '.join('?' * len(piece))})"
            " ON CONFLICT (sweep_id, name, name_key) DO UPDATE SET place = excluded.place,"
            " value = excluded.value",
            [sweep_id, *known, *piece],
        )


async def other_names(
    database: Database, sweep_id: str, keys: Iterable[str]
) -> dict[str, tuple[str, str, str]]:
    """Of these keys of short names those that are other names of hosts: the name, and key and name
    of the host."""
    every = sorted(set(keys))
    found: dict[str, tuple[str, str, str]] = {}
    for start in range(0, len(every), _ASKED_AT_ONCE):
        piece = every[start : start + _ASKED_AT_ONCE]
        names = await database.fetch(
            "SELECT name_key, name FROM expected WHERE sweep_id = ?"
            f" AND name_key IN ({', '.join('?' * len(piece))})",
            sweep_id, *(MARK + key for key in piece),
        )  # fmt: skip
        short = {str(key)[1:]: str(name) for key, name in names}
        if not short:
            continue
        whole = await database.fetch(
            f"SELECT w.short_key, w.name_key, w.name FROM expected w WHERE w.sweep_id = ?"
            f" AND w.short_key IN ({', '.join('?' * len(short))}) AND {_WHOLE}",
            sweep_id, *short,
        )  # fmt: skip
        found |= {
            str(key): (short[str(key)], str(host), str(name))
            for key, host, name in sorted(whole, key=lambda one: str(one[0]))
        }
    return found


class SameHost(Struct, frozen=True):
    """A name of a list, and the one that its host is counted by."""

    name: str
    host: str


WITHOUT_HOST = f"SELECT COUNT(*) FROM expected WHERE {_APART}"

__all__ = [
    "ANOTHER_NAME", "COUNTED", "MARK", "WITHOUT_HOST", "SameHost", "all_told_apart", "apart",
    "columns_of_other_names", "other_names", "seen_again", "seen_of", "short_to_be", "told_apart",
]  # fmt: skip
