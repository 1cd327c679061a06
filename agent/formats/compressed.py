"""Compressed streams, unpacked as far as somebody asks, and never further than a bound.

gzip (RFC 1952), bzip2 and xz by the standard library; of several streams one behind the other, all.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from . import FormatError
from .kinds import BZIP2, GZIP, XZ, Kind

MAX_XZ_MEMORY = 128 << 20
"""Bytes that a decoder of xz may take; its highest level takes 65 MiB."""
MAX_NAME = 4096
_CHUNK = 256 << 10
TOO_LARGE = "archive too large when unpacked"


class Forward:
    """Bytes that come once; the next ones can be asked for again until they are passed over."""

    def __init__(
        self, read: Callable[[int], bytes], jump: Callable[[int], object] | None = None
    ) -> None:
        """``read``: at most so many bytes, none at the end; ``jump``: passes over many at once."""
        self._read = read
        self._jump = jump
        self._next = bytearray()
        self.at = 0
        """Bytes that were passed over."""

    def peek(self, size: int) -> bytes:
        """The next bytes, fewer at the end. Raises OSError, FormatError."""
        while len(self._next) < size:
            data = self._read(min(size - len(self._next), _CHUNK))
            if not data:
                break
            self._next += data
        return bytes(self._next[:size])

    def take(self, size: int) -> bytes:
        """The next bytes, which are passed over then."""
        data = self.peek(size)
        del self._next[:size]
        self.at += len(data)
        return data

    def skip(self, size: int) -> bool:
        """Pass over so many; whether there were as many."""
        left = size - len(self._next)
        self.at += size
        del self._next[:size]
        if left > 1 and self._jump is not None:
            self._jump(left - 1)
            left = 1
        while left > 0 and (data := self._read(min(left, _CHUNK))):
            left -= len(data)
        return left <= 0


class Decoder(Protocol):
    """What unpacks a stream, piece by piece, as the standard library's do."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


DAMAGED = (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError)
"""What decoders raise at what is no such data."""


class Inflater:
    """zlib's decoder with the manners of the other two."""

    def __init__(self, window: int = 16 + zlib.MAX_WBITS) -> None:
        """``window``: as zlib names it; gzip if none is given."""
        self._decoder = zlib.decompressobj(window)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        found = self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)
        self.needs_input = not self._decoder.unconsumed_tail and len(found) < max_length
        return found


_DECODERS: dict[Kind, tuple[bytes, Callable[[], Decoder]]] = {
    GZIP: (b"\x1f\x8b", Inflater),
    BZIP2: (b"BZh", bz2.BZ2Decompressor),
    XZ: (b"\xfd7zXZ", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, MAX_XZ_MEMORY)),
}


class Unpacked:
    """What a file of one of these kinds unpacks to, from its beginning on."""

    def __init__(self, file: BinaryIO, kind: Kind, limit: int) -> None:
        """``limit``: bytes that are unpacked at most. The file stays open."""
        file.seek(0)
        self._file = file
        self._start, self._decoder_of = _DECODERS[kind]
        self._decoder: Decoder | None = None
        self._packed = b""
        self.left = limit

    def read(self, size: int) -> bytes:
        """The next bytes, at least one but at the end.

        Raises:
            FormatError: damaged, cut short, or more than the bound.
            OSError: the file cannot be read.
        """
        while True:
            if self._decoder is None and not self._begins():
                return b""
            assert self._decoder is not None
            found = self._decode(self._decoder, size)
            if self._decoder.eof:
                self._packed, self._decoder = self._decoder.unused_data, None
            if found:
                self.left -= len(found)
                if self.left < 0:
                    raise FormatError(TOO_LARGE, "stream")
                return found

    def _begins(self) -> bool:
        """Whether another stream follows; zeros before it are padding."""
        self._packed = self._packed.lstrip(b"\0")
        while len(self._packed) < len(self._start):
            data = self._file.read(_CHUNK)
            if not data:
                break
            self._packed = (self._packed + data).lstrip(b"\0")
        if not self._packed.startswith(self._start):
            return False  # The tools pass over what follows, too.
        self._decoder = self._decoder_of()
        return True

    def _decode(self, decoder: Decoder, size: int) -> bytes:
        data, self._packed = self._packed, b""
        if not data and decoder.needs_input:
            data = self._file.read(_CHUNK)
            if not data:
                raise FormatError("compressed stream is cut short", "end of file")
        try:
            return decoder.decompress(data, size)
        except DAMAGED as error:
            raise FormatError(f"damaged compressed stream: {error}", "stream") from error


def name_in_gzip(head: bytes) -> str:
    """The name that the file had, empty if it is not told (RFC 1952, 2.3)."""
    if len(head) < 10 or not head[3] & 0x8:
        return ""
    at = 10
    if head[3] & 0x4:
        at += 2 + int.from_bytes(head[10:12], "little")
    name, end, _ = head[at : at + MAX_NAME].partition(b"\0")
    return name.decode("latin-1") if end else ""
