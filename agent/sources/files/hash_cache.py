"""What earlier sweeps read (``--cache``): a file in the same state is not read again.

A file's state is its record's number and sequence, its size, the last entry that the volume's
change journal has for it, and the time when its record was last changed; the volume is known by its
serial number and its journal's own number, an image by its own state too: another one of the same
volume may show what this one could not read. Kept is only that a file was read whole and nothing
was found in it, with the hashes that were made: so a later sweep that looks for other hashes
compares them too, and one that looks for anything else in the contents reads the file again.

Cannot tell: content that was changed below the file system, or by a program that may write to this
cache, which are the administrators; what a program that keeps a file open writes into it after its
first change, which alone is in the journal until the file is closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...model.objects import Hash
from ...output.plain import plain

if TYPE_CHECKING:
    import sqlite3

MAX_BYTES = 1 << 30
"""A larger cache is begun anew."""
_BATCH = 5000
"""Rows written at once."""
_VERSION = 1
_SCHEMA = """
CREATE TABLE file (
    volume BLOB NOT NULL, record INTEGER NOT NULL, state BLOB NOT NULL, looked_for BLOB NOT NULL,
    md5 BLOB, sha1 BLOB, sha256 BLOB, PRIMARY KEY (volume, record)
) WITHOUT ROWID
"""


class FileState(NamedTuple):
    """A file as it stood when its record was read."""

    volume: str
    record: int
    sequence: int
    size: int
    """In bytes."""
    usn: int
    """Of its last change, in the volume's change journal."""
    changed: int
    """100 ns ticks since 1601: when the record was changed."""

    @property
    def packed(self) -> bytes:
        """All but the place."""
        return b"%d/%d/%d/%d" % (self.sequence, self.size, self.usn, self.changed)


class HashCacheError(Exception):
    """The cache cannot be used; the message says why. The sweep goes on without it."""


class HashCache:
    """One sweep's use of the cache. For one thread."""

    def __init__(self, path: Path, looks_for: str) -> None:
        """``looks_for``: tells one set of contents, limits and build of the agent from another.

        Raises:
            HashCacheError: it cannot be opened or made.
        """
        self.path = path
        self._looks_for = hashlib.sha256(looks_for.encode()).digest()[:16]
        self._waiting: dict[tuple[str, int], tuple[bytes | str | int | None, ...]] = {}
        with self._errors():
            self._db = self._opened()

    def _opened(self) -> sqlite3.Connection:
        import sqlite3  # Only a sweep with a cache pays for it.

        if self.path.exists() and self.path.stat().st_size > MAX_BYTES:
            self.path.unlink()
        db = sqlite3.connect(self.path, isolation_level=None)
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version != _VERSION:
                db.execute("DROP TABLE IF EXISTS file")
                db.execute(_SCHEMA)
                db.execute(f"PRAGMA user_version = {_VERSION}")
        except BaseException:
            db.close()
            raise
        return db

    def known(self, state: FileState) -> Hash | None:
        """The hashes of a file that was read in just this state, with nothing found; None if it was
        not.

        Raises:
            HashCacheError: the cache cannot be read.
        """
        with self._errors():
            row = self._db.execute(
                "SELECT md5, sha1, sha256 FROM file"
                " WHERE volume = ? AND record = ? AND state = ? AND looked_for = ?",
                (state.volume, state.record, state.packed, self._looks_for),
            ).fetchone()
        if row is None or not all(isinstance(value, (bytes, type(None))) for value in row):
            return None
        md5, sha1, sha256 = (None if value is None else value.hex() for value in row)
        return Hash(md5=md5, sha1=sha1, sha256=sha256)

    def keep(self, state: FileState, hashes: Hash | None) -> None:
        """Remember that a file was read whole and that nothing was found in it.

        Raises:
            HashCacheError: the cache cannot be written.
        """
        of = hashes or Hash()
        values = (None if v is None else bytes.fromhex(v) for v in (of.md5, of.sha1, of.sha256))
        self._waiting[state.volume, state.record] = (
            state.volume, state.record, state.packed, self._looks_for, *values,
        )  # fmt: skip
        if len(self._waiting) >= _BATCH:
            self._write()

    def close(self) -> None:
        """Write what waits. Raises HashCacheError."""
        try:
            self._write()
        finally:
            self._db.close()

    def _write(self) -> None:
        rows, self._waiting = list(self._waiting.values()), {}
        with self._errors():
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            self._db.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import sqlite3

        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise HashCacheError(f"{self.path}: {plain(error)}") from error
