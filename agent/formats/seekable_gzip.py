"""gzip streams read at any place: the decoder's state is kept every few MiB, and what is asked for
is unpacked from the nearest one on (the idea: M. Adler, ``zran.c`` of zlib). Format: RFC 1952; of
several streams one behind the other, all."""

from __future__ import annotations

import bisect
import threading
import zlib
from typing import BinaryIO, NamedTuple

from ..reading.opening import read_at
from . import FormatError
from .compressed import TOO_LARGE

MAX_RATIO = 200
LEAST_LIMIT = 1 << 30
"""Bytes that a stream may unpack to in any case; more if it is less than :data:`MAX_RATIO` times of
what it takes."""
SPACING = 4 << 20
MAX_POINTS = 512
"""States that are kept, of some 40 KiB each; then every second one goes, and they lie further
apart."""
_MAGIC = b"\x1f\x8b"
_INPUT = 64 << 10
_STEP = 256 << 10


class _Point(NamedTuple):
    """Where a decoder stood."""

    made: int
    """Bytes unpacked before it."""
    taken: int
    """Bytes of the file that went in."""
    decoder: zlib._Decompress | None
    """None: between two streams."""


class SeekableGzip:
    """One file; may be asked from any thread."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        """``size``: of the file in bytes, which is closed with this."""
        self._file = file
        self._limit = max(LEAST_LIMIT, MAX_RATIO * size)
        self._spacing = SPACING
        self._points = [_Point(0, 0, None)]
        self._made = self._taken = 0
        self._decoder: zlib._Decompress | None = None
        self._lock = threading.Lock()

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes there, fewer at the end.

        Raises:
            FormatError: damaged, cut short, or more than the bound.
            OSError: the file cannot be read.
        """
        with self._lock:
            if not self._made <= offset < self._made + self._spacing:
                self._go_back_to(offset)
            parts: list[bytes] = []
            while self._made < offset + length:
                start = self._made
                data = self._next(min(_STEP, offset + length - start))
                if not data:
                    break
                if self._made > offset:
                    parts.append(data[max(0, offset - start) :])
            return b"".join(parts)

    def close(self) -> None:
        """Nothing can be read then."""
        self._file.close()

    def _go_back_to(self, offset: int) -> None:
        """To the nearest state before, unless the decoder is nearer."""
        at = bisect.bisect_right(self._points, offset, key=lambda point: point.made) - 1
        point = self._points[at]
        if self._made <= offset and point.made <= self._made:
            return
        self._made, self._taken = point.made, point.taken
        self._decoder = None if point.decoder is None else point.decoder.copy()

    def _next(self, most: int) -> bytes:
        """Some of the next bytes; none at the end."""
        while True:
            if self._decoder is None and not self._begins():
                return b""
            assert self._decoder is not None
            data = read_at(self._file, self._taken, _INPUT)
            try:
                found = self._decoder.decompress(data, most)
            except zlib.error as error:
                self._made = self._taken = 0
                self._decoder = None
                raise FormatError(f"damaged compressed stream: {error}", "stream") from error
            left = self._decoder.unconsumed_tail or self._decoder.unused_data
            self._taken += len(data) - len(left)
            if self._decoder.eof:
                self._decoder = None
            elif not data and not found:
                raise FormatError("compressed stream is cut short", "end of file")
            if found:
                self._made += len(found)
                if self._made > self._limit:
                    raise FormatError(TOO_LARGE, "stream")
                self._keep()
                return found

    def _begins(self) -> bool:
        """Whether another stream follows; zeros before it are padding."""
        while data := read_at(self._file, self._taken, _INPUT):
            rest = data.lstrip(b"\0")
            self._taken += len(data) - len(rest)
            if rest:
                if len(rest) < len(_MAGIC):
                    rest = read_at(self._file, self._taken, len(_MAGIC))
                if not rest.startswith(_MAGIC):
                    return False  # The tools pass over what follows, too.
                self._decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
                return True
        return False

    def _keep(self) -> None:
        if self._made < self._points[-1].made + self._spacing:
            return
        if len(self._points) >= MAX_POINTS:
            self._points = self._points[::2]
            self._spacing *= 2
            if self._made < self._points[-1].made + self._spacing:
                return
        decoder = None if self._decoder is None else self._decoder.copy()
        self._points.append(_Point(self._made, self._taken, decoder))
