"""One raw NTFS volume for many files: opened when it is asked, closed when nobody reads from it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeVar, cast

from ..ntfs import ByteSource, NtfsError, Volume

_T = TypeVar("_T")


class SharedVolume:
    """May be asked from any thread."""

    def __init__(self, source: Callable[[], ByteSource], *, at_rest: bool = False) -> None:
        """``source``: opens its bytes; raises OSError. ``at_rest``: nobody writes to it, so that
        what was read once need not be asked again."""
        self.at_rest = at_rest
        self._open_source = source
        self._source: ByteSource | None = None
        self._volume: Volume | None = None
        self._users = 0
        self._closed = False
        self._lock = threading.RLock()

    def ask(self, question: Callable[[Volume], _T]) -> _T:
        """The answer of the volume. Raises OSError."""
        with self._lock:
            volume = self._acquire()
            try:
                return question(volume)
            finally:
                self._release()

    def open(self, find: Callable[[Volume], BinaryIO]) -> BinaryIO:
        """A file of the volume, which stays open for it. Raises OSError."""
        with self._lock:
            volume = self._acquire()
            try:
                file = find(volume)
            except OSError:
                self._release()
                raise
            return cast("BinaryIO", _HeldFile(file, self._release))

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Open for as long as this lasts. Raises OSError."""
        with self._lock:
            self._acquire()
        try:
            yield
        finally:
            self._release()

    def close(self) -> None:
        """For good: files that are still open cannot be read on."""
        with self._lock:
            self._closed = True
            self._shut()

    def _acquire(self) -> Volume:
        if self._closed:
            raise NtfsError("closed")
        if self._volume is None:
            source = self._open_source()
            try:
                self._volume = Volume(source)
            except OSError:
                source.close()
                raise
            self._source = source
        self._users += 1
        return self._volume

    def _release(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._shut()

    def _shut(self) -> None:
        if self._source is not None:
            self._source.close()
        self._source = self._volume = None


class _HeldFile(io.RawIOBase):
    """A file that lets go of its volume when it is closed."""

    def __init__(self, file: BinaryIO, release: Callable[[], None]) -> None:
        super().__init__()
        self._file = cast("Any", file)
        self._let_go = release

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        return int(self._file.readinto(buffer) or 0)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()
            self._let_go()
