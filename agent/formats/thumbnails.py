r"""Explorer's caches of pictures and icons, as far as they name files.

- ``thumbcache_*.db`` and ``iconcache_*.db`` (Windows Vista and newer): entries, each with an
  identifier, which is a number in most of them and a name in some. Format: libyal's libwtcdb,
  "Windows Explorer Thumbnail Cache database file format", "Cache entry".
- ``Thumbs.db`` (Windows 95 to XP): a compound file, whose stream ``Catalog`` lists the pictures of
  its folder: a header of so many bytes as its first number says, then entries of size, number,
  FILETIME of the file's last write, and name (M. Roukine, Vinetto).
- Whatever is in neither form stands there as text between zeros.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from . import FormatError
from .compound import read_streams
from .filetime import utc_of

CATALOG = "Catalog"
MAX_PICTURES = 65_536
MAX_TEXT = 1_024
"""Characters of a text around a place, before and behind it."""
_MAGIC = b"CMMM"
_ENTRY = struct.Struct("<I")
_VISTA, _SEVEN = 20, 21
_LAYOUTS = {_VISTA: (24, 56), _SEVEN: (16, 48)}
"""By the version of the file, where in an entry the identifier's size stands, and it itself."""
_LATER = 16, 56
_NO_NAME = re.compile(r"[\x00-\x1f\"*<>|\x7f\ufffe\uffff]")
"""Characters that no path has; ``?`` begins some."""
_BEGIN = re.compile(r"[A-Za-z]:\\|\\\\|%[A-Za-z]+%\\")


class Text(NamedTuple):
    """A text and where it stands, from its first byte to behind its last."""

    text: str
    begin: int
    end: int


class Picture(NamedTuple):
    """One entry of a catalog."""

    name: str
    """Before Windows XP with the path."""
    written: datetime | None
    """When the file was written last, UTC."""


def version_of(data: bytes) -> int:
    """Of a cache, by its first bytes; 0: it is none."""
    return int.from_bytes(data[4:8], "little") if data.startswith(_MAGIC) else 0


def identifier_at(data: bytes, offset: int, version: int) -> Text | None:
    """The identifier of the entry in which a place lies; None: it lies in none, as far as these
    bytes of a cache of this version go."""
    size_at, name_at = _LAYOUTS.get(version, _LATER)
    entry = data.rfind(_MAGIC, 0, offset)
    if entry < 0 or entry + name_at > len(data):
        return None
    (size,) = _ENTRY.unpack_from(data, entry + size_at)
    begin, end = entry + name_at, entry + name_at + size
    if not begin <= offset < end or end > len(data) or size > 2 * MAX_TEXT:
        return None
    return Text(data[begin:end].decode("utf-16-le", "replace").rstrip("\0"), begin, end)


def text_at(data: bytes, offset: int, *, wide: bool) -> Text:
    """The text around a place, of one byte or two a character, as far as a path may reach; from the
    last beginning of a path in front of the place on, if there is one."""
    step, codec = (2, "utf-16-le") if wide else (1, "cp1252")
    first = max(offset - step * MAX_TEXT, offset % step)
    before = data[first:offset].decode(codec, "replace")
    behind = data[offset : offset + step * MAX_TEXT].decode(codec, "replace")
    stop = _NO_NAME.search(behind)
    behind = behind[: stop.start()] if stop is not None else behind
    last = max((found.end() for found in _NO_NAME.finditer(before)), default=0)
    whole = before[last:] + behind
    at = max((found.start() for found in _BEGIN.finditer(before, last)), default=last)
    text = whole[at - last :]
    end = offset + step * len(behind)
    return Text(text, end - step * len(text), end)


def read_thumbs_db(data: bytes) -> Iterator[Picture]:
    """The pictures that the catalog names. Raises FormatError: no compound file, or a catalog that
    is cut, after those before."""
    catalog = read_streams(data).by_name.get(CATALOG, b"")
    at = int.from_bytes(catalog[:2], "little")
    for _ in range(MAX_PICTURES):
        if at >= len(catalog):
            return
        size = int.from_bytes(catalog[at : at + 4], "little")
        entry = catalog[at : at + size]
        if size < 20 or len(entry) < size:
            raise FormatError("the catalog of Thumbs.db is cut", f"0x{at:x}")
        name = entry[16 : size & ~1].decode("utf-16-le", "surrogatepass").partition("\0")[0]
        yield Picture(name, utc_of(int.from_bytes(entry[8:16], "little")))
        at += size
