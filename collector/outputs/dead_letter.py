"""Findings that a destination refused for good: counted, logged, kept until they are sent again.

One NDJSON file per output, a letter a line. The finding itself stays in the store, and is taken
from there when it is sent again; what was sent of it is in the letter for a person to look at, as
long as the file has room for it. Nothing is thrown away for want of room: a file that is
:attr:`DeadLetters.full` makes its output wait.

The server adds letters while a command may take them: both hold the lock beside the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, structs

from .output import Item

log = logging.getLogger(__name__)
MAX_BYTES = 64 * 1024 * 1024
MAX_DOCUMENT = 32_768
"""Bytes of what was sent that are kept with a letter; a longer one is in the store alone."""
_REASON = 2000


class Letter(Struct, kw_only=True):
    """One of them."""

    time: datetime
    output: str
    seq: int
    """The number of its report in the store."""
    report_id: str = ""
    """Empty in letters of earlier versions."""
    document_id: str
    """Of the finding; of the first of a report's, where all of them went together."""
    reason: str
    document: Any = None
    """What was refused; absent when there was no room for it."""


class Unkept(Exception):
    """A letter cannot be written down; its finding must not be passed over then."""


class DeadLetters:
    """Of one output. ``path`` None: counted and logged only."""

    def __init__(self, path: Path | None, name: str, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.count = 0
        """Since the start."""
        self._name = name
        self._max_bytes = max_bytes
        self._known: tuple[tuple[int, int], ...] = ()
        self._waiting = 0
        self._unsynced = False

    @property
    def full(self) -> bool:
        """Whether the output has to wait until somebody looks after those that are there."""
        return sum(size for _, size in self._state()) >= self._max_bytes

    def waiting(self) -> int:
        """Letters in the file."""
        if self.path is None:
            return self.count
        state = self._state()
        if state != self._known:
            self._known, self._waiting = state, sum(map(_lines, self._files()))
        return self._waiting

    def bury(self, item: Item, reason: str, document: object) -> None:
        """Pass one finding over. Raises Unkept."""
        log.error(
            "output %s: finding %s of report %s refused: %s",
            self._name, item.id, item.report.report_id, reason,
        )  # fmt: skip
        self.keep(
            Letter(
                time=datetime.now(timezone.utc), output=self._name, seq=item.seq,
                report_id=item.report.report_id, document_id=item.id, reason=reason[:_REASON],
                document=document,
            )
        )  # fmt: skip

    def keep(self, letter: Letter) -> None:
        """Write one down and count it; see :meth:`sync`. Raises Unkept."""
        if self.path is not None:
            line = msgspec.json.encode(letter)
            if len(line) > MAX_DOCUMENT or self.full:
                line = msgspec.json.encode(structs.replace(letter, document=None))
            try:
                with self._locked():
                    self._append(line + b"\n")
            except OSError as error:
                raise Unkept(f"dead letters: {self.path}: {error.strerror or error}") from error
            self._unsynced = True
        self.count += 1

    def sync(self) -> None:
        """On the disk: to be called before a cursor moves. Raises Unkept."""
        if not self._unsynced or self.path is None:
            return
        try:
            for path in (self.path, self.path.parent):
                handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
        except FileNotFoundError:
            pass  # taken meanwhile, to be sent again
        except OSError as error:
            raise Unkept(f"dead letters: {self.path}: {error.strerror or error}") from error
        self._unsynced = False

    def letters(self) -> Iterator[Letter]:
        """Oldest first; a line that is none (torn by a crash) is passed over."""
        for path in self._files():
            yield from letters_in(path)

    def files(self) -> int:
        """How many :meth:`take` can give."""
        return sum(path.exists() for path in self._files())

    def take(self) -> Path | None:
        """Put those of one file aside, to be worked off; None if there are none.

        Whoever was killed while they were worked off left them there: those come first.
        """
        if self.path is None:
            return None
        aside = self.path.with_name(self.path.name + ".resending")
        with self._locked():
            for path in self._files():
                if path.exists():
                    return path.replace(aside)
        return None

    def _files(self) -> list[Path]:
        """Oldest first. An earlier version set the older half aside as ``.old``."""
        if self.path is None:
            return []
        return [self.path.with_name(self.path.name + end) for end in (".resending", ".old", "")]

    def _state(self) -> tuple[tuple[int, int], ...]:
        """Inode and size of each file that is there."""
        found = []
        for path in self._files():
            with contextlib.suppress(OSError):
                told = path.stat()
                found.append((told.st_ino, told.st_size))
        return tuple(found)

    def _append(self, line: bytes) -> None:
        assert self.path is not None
        with self._opened(self.path) as file:
            file.write(line)

    def _opened(self, path: Path) -> Any:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return os.fdopen(handle, "ab")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        assert self.path is not None
        with self._opened(self.path.with_name(self.path.name + ".lock")) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


_DECODER = msgspec.json.Decoder(Letter)


def letters_in(path: Path, *, whole: bool = True) -> Iterator[Letter]:
    """Of one file; none if it is not there. ``whole``: with what was sent."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        for line in file:
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                letter = _DECODER.decode(line)
                yield letter if whole else structs.replace(letter, document=None)


def _lines(path: Path) -> int:
    """Without decoding any: this is asked for again and again."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
    return 0


def rest_of(path: Path, letters: Sequence[Letter]) -> None:
    """What of a file that was put aside is still to be worked off; none: it goes."""
    if not letters:
        path.unlink()
        return
    made = path.with_name(path.name + ".new")
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.writelines(msgspec.json.encode(letter) + b"\n" for letter in letters)
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)
