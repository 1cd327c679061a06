"""Jump lists: what a program opened last, each with a shell link.

Format: libyal, "Jump lists format": 2 ``automaticDestinations``, a compound file with a link for
each entry and, in ``DestList``, their order, times and paths; 3 ``customDestinations``, links one
behind the other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from . import FormatError
from .compound import MAGIC, read_streams
from .filetime import utc_of
from .lnk import HEADER

LIST = "DestList"
MAX_LINKS = 4_096
_HEADER = 32
_FIXED = {1: 114, 2: 130, 3: 130, 4: 130}
"""Bytes of an entry in front of its path, by the list's version; from 2 on four stand behind it."""


class Opened(NamedTuple):
    """One entry."""

    name: str
    """Of its stream; where there are none, its place in the file."""
    link: bytes
    """Empty: the list alone knows it."""
    path: str = ""
    """As the list tells it."""
    host: str = ""
    """Name of the machine on which it was."""
    opened: datetime | None = None
    """The last time, UTC."""


def read_jump_list(data: bytes) -> Iterator[Opened]:
    """Every entry, of either kind.

    Raises FormatError: an automatic one that cannot be read, when there is none to tell.
    """
    if data.startswith(MAGIC):
        yield from _automatic(read_streams(data).by_name)
    else:
        yield from _custom(data)


def _automatic(streams: dict[str, bytes]) -> Iterator[Opened]:
    listed = {entry.name: entry for entry in _listed(streams.get(LIST, b""))}
    for name, link in streams.items():
        if name != LIST:
            known = listed.pop(name.lower().partition(" ")[0], Opened(name, b""))
            yield known._replace(link=link)
    yield from listed.values()


def _listed(data: bytes) -> Iterator[Opened]:
    if len(data) < _HEADER:
        return
    (version,) = struct.unpack_from("<I", data)
    fixed = _FIXED.get(version)
    if fixed is None:
        raise FormatError("jump list of an unknown version", f"version {version}")
    at = _HEADER
    for _ in range(MAX_LINKS):
        if at + fixed > len(data):
            return
        (number,) = struct.unpack_from("<I", data, at + 88)
        (ticks,) = struct.unpack_from("<Q", data, at + 100)
        (length,) = struct.unpack_from("<H", data, at + fixed - 2)
        host = data[at + 72 : at + 88].partition(b"\0")[0].decode("latin-1")
        text = data[at + fixed : at + fixed + 2 * length]
        path = text[: len(text) & ~1].decode("utf-16-le", "surrogatepass")
        yield Opened(f"{number:x}", b"", path, host, utc_of(ticks))
        at += fixed + 2 * length + (4 if version > 1 else 0)


def _custom(data: bytes) -> Iterator[Opened]:
    at = data.find(HEADER)
    for _ in range(MAX_LINKS):
        if at < 0:
            return
        following = data.find(HEADER, at + len(HEADER))
        yield Opened(f"byte {at}", data[at:] if following < 0 else data[at:following])
        at = following
