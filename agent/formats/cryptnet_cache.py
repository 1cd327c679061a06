"""What CryptoAPI notes of a file that it fetched: a list of revoked certificates, a certificate,
and whatever ``certutil -urlcache`` was told to fetch.

Format: not published; A. Alfaifi, "Certutil Artifacts Analysis" (u0041.co, 2020), whose parser says
the same: at 12 the bytes of the address, at 16 the FILETIME of the last download, at 88 that of the
server's Last-Modified, at 100 the bytes of the ETag, at 112 the size; at 116 the address and the
ETag, each in UTF-16 with its NUL.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import NamedTuple

from . import FormatError
from .filetime import utc_of

_HEADER = struct.Struct("<12xIQ64xQ4xI8xI")


class Fetched(NamedTuple):
    """One file."""

    url: str
    when: datetime | None
    """It was fetched last, UTC."""
    written: datetime | None
    """As the server said."""
    size: int
    etag: str


def read_fetched(data: bytes) -> Fetched:
    """Raises FormatError: no such note, or one whose address is not all there."""
    if len(data) < _HEADER.size:
        raise FormatError("too short for a note of what was fetched")
    url, when, written, etag, size = _HEADER.unpack_from(data)
    end = _HEADER.size + url
    if not url or url % 2 or end > len(data):
        raise FormatError("no note of what was fetched", "address")
    return Fetched(
        _text(data[_HEADER.size : end]),
        utc_of(when),
        utc_of(written),
        size,
        _text(data[end : end + etag]),
    )


def _text(data: bytes) -> str:
    return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass").partition("\0")[0]
