"""Single members of ZIP archives, unpacked within bounds: by deflate, bzip2 or LZMA, or stored.

Format: APPNOTE.TXT (PKWARE), 4.4.5 compression method, 5.8 LZMA. Decoders by the standard library,
of bounded memory: deflate 32 KiB, bzip2 4 MiB, LZMA its dictionary.
"""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from ..reading.opening import read_at
from . import FormatError, zip_aes
from .compressed import DAMAGED, Decoder, Inflater
from .zip_archive import Member, content_of

MAX_DICTIONARY = 128 << 20
"""Bytes that LZMA may look back; its highest level does by 64 MiB."""
_STORED, _DEFLATED, _BZIP2, _LZMA = 0, 8, 12, 14
_ENDS_ITSELF = 0x2
"""Of a member packed by LZMA: a marker tells its end (APPNOTE 4.4.4, bit 1)."""
_LZMA_HEADER = 9
"""Bytes before the packed ones: version, size of what follows, and properties (5.8.8)."""
_LEAST_DICTIONARY = 4096
_HELD_BACK = 16
"""Packed bytes at the end that a decoder without a marker may make something of that is not
there."""
_CHUNK = 256 << 10
NONE_FITS = "encrypted archive member, and no password that was given fits"
_LEAST_CHUNK = 1 << 10
_PIECE = 1 << 20


def is_stored(member: Member) -> bool:
    """Whether a member's bytes lie in the archive as they are."""
    return member.method == _STORED and not member.encrypted


def is_unpackable(member: Member) -> bool:
    """Whether ``unpack`` knows the member's method, and needs no password."""
    return not member.encrypted and member.method in (_STORED, _DEFLATED, _BZIP2, _LZMA)


def unpack(file: BinaryIO, member: Member, limit: int) -> bytes:
    """The first ``limit`` bytes of a member at most, whatever size it claims.

    Raises:
        OSError: the archive cannot be read.
        FormatError: encrypted, packed by another method, damaged, or beyond what LZMA may look
        back.
    """
    return b"".join(pieces(file, member, limit))


def pieces(
    file: BinaryIO, member: Member, limit: int = sys.maxsize, passwords: Sequence[str] = ()
) -> Iterator[bytes]:
    """The same in pieces of 1 MiB at most, the archive being read in between. ``passwords``: of a
    member that is encrypted by AES.

    Raises:
        OSError, FormatError: as :func:`unpack`.
    """
    start, flags = content_of(file, member)
    packed = _Packed(file, start, member.packed)
    if member.encrypted:
        packed = _deciphered(file, start, member, passwords)
    made = 0
    for part in _unpacked(packed, member, flags, limit):
        made += len(part)
        yield part
    if made < limit:
        packed.end()


def _unpacked(packed: _Packed, member: Member, flags: int, limit: int) -> Iterator[bytes]:
    if member.method == _STORED:
        yield from _stored(packed, limit)
        return
    decoder: Decoder
    ends_itself = True
    if member.method == _DEFLATED:
        decoder = Inflater(-zlib.MAX_WBITS)
    elif member.method == _BZIP2:
        decoder = bz2.BZ2Decompressor()
    elif member.method == _LZMA:
        decoder = _lzma(packed.next(_LZMA_HEADER), member, limit)
        ends_itself = bool(flags & _ENDS_ITSELF)
    else:
        raise FormatError(f"archive member packed by method {member.method}", member.name)
    size = None if ends_itself else member.size
    yield from _decoded(packed, decoder, member.name, size, limit)


def _stored(packed: _Packed, left: int) -> Iterator[bytes]:
    while left > 0 and (data := packed.next(min(left, _PIECE))):
        left -= len(data)
        yield data


class _Packed:
    """The packed bytes of a member."""

    def __init__(self, file: BinaryIO, start: int, left: int) -> None:
        self._file = file
        self._start = start
        self.left = left

    def next(self, most: int) -> bytes:
        """At most so many; none at the end."""
        data = read_at(self._file, self._start, min(most, _CHUNK, self.left))
        self._start += len(data)
        self.left -= len(data)
        return data

    def end(self) -> None:
        """No more is asked for."""


class _Deciphered(_Packed):
    """Those of one that is encrypted, in the clear."""

    def __init__(self, file: BinaryIO, start: int, left: int, opener: zip_aes.Opener) -> None:
        super().__init__(file, start, left)
        self._opener = opener

    def next(self, most: int) -> bytes:
        return self._opener.open(super().next(most))

    def end(self) -> None:
        """Raises FormatError if the bytes are others than those that were encrypted: all are asked
        for that, also behind the end of what was packed."""
        while self.next(_CHUNK):
            pass
        if not self.left:
            self._opener.end(read_at(self._file, self._start, zip_aes.TRAILER))


def _deciphered(file: BinaryIO, start: int, member: Member, passwords: Sequence[str]) -> _Packed:
    """Raises FormatError: by another method, or none of the passwords is right."""
    if member.sealed is None or not passwords:
        raise FormatError("encrypted archive member", member.name)
    head = read_at(file, start, member.sealed.head)
    left = member.packed - member.sealed.head - zip_aes.TRAILER
    if len(head) < member.sealed.head or left < 0:
        raise FormatError("archive member is cut short", member.name)
    for password in passwords:
        try:
            opener = zip_aes.Opener(member.sealed, head, password)
        except ValueError:
            continue
        return _Deciphered(file, start + len(head), left, opener)
    raise FormatError(NONE_FITS, member.name)


def _decoded(
    packed: _Packed, decoder: Decoder, name: str, size: int | None, limit: int
) -> Iterator[bytes]:
    """``size``: in bytes, of what does not tell its end. More than that is told where the packed
    bytes go on, and not where the decoder makes it of its last ones."""
    made, end = 0, limit
    while made < end and not decoder.eof:
        data = b""
        if decoder.needs_input:
            most = max(limit - made, _LEAST_CHUNK)
            if size is not None and packed.left > _HELD_BACK:
                most = min(most, packed.left - _HELD_BACK)
            elif size is not None:
                end = min(limit, max(size, made))
                if made == end:
                    return
            data = packed.next(most)
            if not data:
                raise FormatError("archive member is cut short", name)
        try:
            part = decoder.decompress(data, min(end - made, _PIECE))
        except DAMAGED as error:
            raise FormatError(f"damaged archive member: {error}", name) from error
        made += len(part)
        if part:
            yield part


def _lzma(header: bytes, member: Member, limit: int) -> Decoder:
    """Raises FormatError. A dictionary larger than what is asked for is never used."""
    if len(header) < _LZMA_HEADER or int.from_bytes(header[2:4], "little") != 5:
        raise FormatError("damaged archive member: no properties of LZMA", member.name)
    dictionary = min(int.from_bytes(header[5:9], "little"), max(limit, _LEAST_DICTIONARY))
    if dictionary > MAX_DICTIONARY:
        raise FormatError("archive member packed by LZMA with too large a dictionary", member.name)
    rest, lc = divmod(header[4], 9)
    pb, lp = divmod(rest, 5)
    filters = {
        "id": lzma.FILTER_LZMA1,
        "dict_size": max(dictionary, _LEAST_DICTIONARY),
        "lc": lc,
        "lp": lp,
        "pb": pb,
    }
    try:
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[filters])
    except DAMAGED as error:
        raise FormatError(f"damaged archive member: {error}", member.name) from error
