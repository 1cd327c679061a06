"""Bytes at offsets as the file object that libraries of libyal read from."""

from __future__ import annotations

from ...ntfs import ByteSource

_WINDOW = 256 << 10


class LibyalFile:
    """What such a library reads from, sector by sector: in larger pieces from the source."""

    def __init__(self, source: ByteSource, size: int | None = None) -> None:
        """``size``: bytes that there should be, where an image may end early."""
        self._source = source
        self._size = source.size if size is None else size
        self._at = 0
        self._start, self._window = 0, b""
        self.failed: OSError | None = None
        """Why the last reading failed, which the library's own words would hide."""

    def get_size(self) -> int:
        return self._size

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, size: int) -> bytes:
        begin = self._at - self._start
        if not 0 <= begin <= begin + size <= len(self._window):
            self._start, self._window, begin = self._at, self._read(size), 0
        data = self._window[begin : begin + size]
        self._at += len(data)
        return data

    def _read(self, size: int) -> bytes:
        try:
            return self._source.read_at(self._at, max(size, _WINDOW))
        except OSError:
            pass  # Perhaps of a neighbour alone.
        try:
            return self._source.read_at(self._at, size)
        except OSError as error:
            self.failed = error
            raise


__all__ = ["LibyalFile"]
