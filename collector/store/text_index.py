"""The index of parts: over the distinct values, by every three characters that follow each other.

SQLite's is FTS5 with the trigram tokenizer, PostgreSQL's is pg_trgm. Neither is a condition: a
database that cannot have it is searched by beginnings alone, and the page says so.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import Literal

from msgspec import Struct

from ..terms import KINDS, MIN_PART, Kind
from .database import Value

Parts = Literal["fts5", "trgm", ""]
"""By what parts are found; empty: not at all."""
CANDIDATES = 20_000
"""Values of a kind that are looked at for one part."""
_MARK = "\ue000"
"""Before the first two letters of the kind, so that one kind's values are found alone: every page
shows such a character as an escape, so no value has it."""
_TEXT = f"folded || '{_MARK}' || substr(kind, 1, 2)"
_TRIGGERS = {
    "term_text_added": (
        "CREATE TRIGGER term_text_added AFTER INSERT ON term BEGIN"
        " INSERT INTO term_text (rowid, text) VALUES (new.term_id,"
        f" {_TEXT.replace('folded', 'new.folded').replace('kind', 'new.kind')}); END"
    ),
    "term_text_removed": (
        "CREATE TRIGGER term_text_removed AFTER DELETE ON term BEGIN"
        " INSERT INTO term_text (term_text, rowid, text) VALUES ('delete', old.term_id,"
        f" {_TEXT.replace('folded', 'old.folded').replace('kind', 'old.kind')}); END"
    ),
}
_TABLE = (
    "CREATE VIRTUAL TABLE term_text USING fts5(text, content='', columnsize=0, detail=none,"
    " tokenize='trigram case_sensitive 1')"
)
"""Without a copy of the values, and without where in them three characters are: what is found is
compared with the value anyway."""
_OF_KIND = "CASE WHEN {0}kind = '{1}' THEN {0}folded END"
"""An expression, as PostgreSQL keeps statistics of it: how many values have a part in them is
another number for each kind, and decides how it asks."""
PG_INDEXES = {
    f"term_trigrams_{kind}": (
        f"CREATE INDEX IF NOT EXISTS term_trigrams_{kind} ON term USING gin"
        f" (({_OF_KIND.format('', kind)}) gin_trgm_ops) WHERE kind = '{kind}'"
    )
    for kind in KINDS
}
PG_THERE = (
    "SELECT indexname FROM pg_indexes WHERE tablename = 'term'"
    " AND indexname LIKE 'term_trigrams_%' AND schemaname = ANY (current_schemas(false))"
)
_WORDS = re.compile(r"[^\W_]+")
_MAX_GRAMS = 12
"""Asked of a long part: each costs a list, and these leave little else."""


def lay_sqlite(connection: sqlite3.Connection) -> bool:
    """Make the index, or leave it behind where this SQLite has no trigrams (before 3.34, or without
    FTS5): then values are kept all the same, and it is made when one comes that has them. Whether
    parts can be found. Raises sqlite3.Error.
    """
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not _has_trigrams():
        for name in _TRIGGERS.keys() & there:
            connection.execute(f"DROP TRIGGER {name}")
        return False
    if there >= _TRIGGERS.keys() | {"term_text"}:
        return True
    connection.execute("BEGIN IMMEDIATE")
    try:
        for name in _TRIGGERS.keys() & there:
            connection.execute(f"DROP TRIGGER {name}")
        if "term_text" in there:
            connection.execute("DROP TABLE term_text")
        connection.execute(_TABLE)
        connection.execute(
            f"INSERT INTO term_text (rowid, text) SELECT term_id, {_TEXT} FROM term"
            " ORDER BY term_id"
        )
        for sql in _TRIGGERS.values():
            connection.execute(sql)
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return True


def _has_trigrams() -> bool:
    with closing(sqlite3.connect(":memory:")) as trial:
        try:
            trial.execute(_TABLE)
        except sqlite3.OperationalError:
            return False
    return True


def has_part(parts: Parts, text: str) -> bool:
    """Whether values that have it in them are found. pg_trgm has threes of letters and figures, two
    blanks before each word and one behind it included."""
    if len(text) < MIN_PART or not parts:
        return False
    return parts == "fts5" or any(
        found.start() or len(found[0]) >= (MIN_PART if found.end() == len(text) else MIN_PART - 1)
        for found in _WORDS.finditer(text)
    )


class Candidates(Struct, frozen=True):
    """A question for terms ``t``, at most so many. If there is ``looked_at``, that asks for the
    numbers ``c.found`` of those that may be what is asked for, at most CANDIDATES, and ``sql`` goes
    on from these, without a bound."""

    sql: str
    values: list[Value]
    looked_at: str = ""


def by_part(parts: Parts, columns: str, kind: Kind, text: str, most: int) -> Candidates:
    """For terms of a kind that have this in them; the index must know such parts."""
    if parts == "fts5":
        return Candidates(
            f"SELECT {columns} FROM c CROSS JOIN term t WHERE t.term_id = c.found"
            " AND t.kind = ? AND instr(t.folded, ?) > 0",
            [matching(kind, text), kind, text],
            f"SELECT rowid AS found FROM term_text WHERE term_text MATCH ? LIMIT {CANDIDATES}",
        )
    like = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return Candidates(
        f"SELECT {columns} FROM term t WHERE t.kind = '{kind}'"
        f" AND {_OF_KIND.format('t.', kind)} LIKE ? LIMIT ?",
        [f"%{like}%", most],
    )


def matching(kind: Kind, text: str) -> str:
    """For FTS5: three characters each, in quotation marks, so that none of them is an operator."""
    grams = [text[start : start + 3] for start in range(0, len(text) - 2, 3)]
    if len(grams) > _MAX_GRAMS - 1:
        step = len(grams) / (_MAX_GRAMS - 1)
        grams = [grams[int(place * step)] for place in range(_MAX_GRAMS - 1)]
    grams = [*grams, text[-3:], _MARK + kind[:2]]
    return " AND ".join('"' + one.replace('"', '""') + '"' for one in dict.fromkeys(grams))


__all__ = [
    "CANDIDATES", "PG_INDEXES", "PG_THERE", "Candidates", "Parts", "by_part", "has_part",
    "lay_sqlite", "matching",
]  # fmt: skip
