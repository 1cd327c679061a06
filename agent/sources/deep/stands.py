"""How far sweeps came that were ended in the middle of large files, in a folder of our own.

Kept is, for each file or volume, up to which byte all was searched and told, when, and what was
found there: so the next sweep goes on behind it, and its report has both. Another pack, another
state of the file (its size, its times; of an image its own state too) or another version of the
agent is another search.

Cannot tell: what was changed before that byte since. The coverage says when that was searched.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from ... import __version__
from ...indicators import Indicator
from ...model.observation import ByteHit
from ...reading.opening import reason_of

LEAST = 64 << 20
"""Bytes of a file that is worth going on in; smaller ones are begun anew."""
MAX_HITS = 10_000
"""Of a file; one with more is begun anew."""
MAX_BYTES = 16 << 20
"""Of what is kept of a file: more than all its hits take."""
MAX_AGE = timedelta(days=30)
_EVERY_S = 5.0
_PRIVATE = 0o600


class Stand(msgspec.Struct, kw_only=True):
    """Of one file or volume."""

    what: str
    """For people."""
    until: int = 0
    """The byte up to which all was searched."""
    when: datetime
    hits: list[tuple[ByteHit, int]] = []
    """With the number of indicators in the same page."""


_DECODER = msgspec.json.Decoder(Stand)


class Stands:
    """Those of one pack, in a folder; without a folder nothing is kept."""

    def __init__(
        self, folder: Path | None, indicators: Iterable[Indicator], now: Callable[[], datetime]
    ) -> None:
        """``now``: UTC."""
        self._folder, self._now = folder, now
        self._search = "\n".join([__version__, *sorted(map(repr, indicators))])
        self.problem = ""
        """Why nothing can be kept, in the words of the coverage."""

    def of(self, what: str, identity: Iterable[object], size: int) -> Standing | None:
        """That of a file or volume of this identity; None if it is too small."""
        if self._folder is None or size < LEAST:
            return None
        key = "\n".join([self._search, *map(str, identity), str(size)])
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        path = self._folder / f"{name}.json"
        return Standing(self, path, self._read(path) or Stand(what=what, when=self._now()))

    def _read(self, path: Path) -> Stand | None:
        """None: there is none, or none that can be used."""
        try:
            with path.open("rb") as file:
                stand = _DECODER.decode(file.read(MAX_BYTES))
            if stand.when.tzinfo is None or not timedelta() <= self._now() - stand.when <= MAX_AGE:
                return None
        except (OSError, msgspec.MsgspecError):
            return None
        return stand

    def write(self, path: Path, stand: Stand) -> None:
        """Replace what is there; why it cannot be is kept."""
        stand.when = self._now()
        other = path.with_suffix(".new")
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            other.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            with os.fdopen(os.open(other, flags, _PRIVATE), "wb") as file:
                file.write(msgspec.json.encode(stand))
            other.replace(path)
        except OSError as error:
            self.problem = reason_of(error)

    def forget(self, path: Path) -> None:
        """It was searched whole, or cannot be gone on with."""
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self.problem = reason_of(error)


class Standing:
    """One file's, while it is searched."""

    def __init__(self, stands: Stands, path: Path, stand: Stand) -> None:
        self._stands, self._path = stands, path
        self.begun = stand
        """By an earlier sweep."""
        self._stand = msgspec.structs.replace(stand, hits=list(stand.hits))
        self._written = time.monotonic()

    def reached(self, until: int, hits: Iterable[tuple[ByteHit, int]]) -> None:
        """All up to this byte is searched and told; kept every few seconds."""
        self._stand.until = until
        self._stand.hits += hits
        if time.monotonic() - self._written >= _EVERY_S:
            self.keep()

    def keep(self) -> None:
        """Now."""
        self._written = time.monotonic()
        if len(self._stand.hits) > MAX_HITS:
            self._stands.forget(self._path)
        else:
            self._stands.write(self._path, self._stand)

    def done(self) -> None:
        """All of it was searched."""
        self._stands.forget(self._path)
