"""Tar archives: their members one after the other, as they come.

Headers by the standard library; not its TarFile, which reads headers of any size into memory and
keeps all members. Format: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"; GNU
tar manual, "Basic Tar Format" (long names, sparse files).
"""

from __future__ import annotations

import math
import stat
import tarfile
from collections.abc import Iterator

from . import FormatError
from .compressed import Forward
from .zip_archive import Member

BLOCK = 512
MAX_HEADER = 1 << 20
"""Bytes of a long name, or of a pax header."""
MAX_MEMBERS = 1_000_000
_MAX_SIZE = 1 << 60
"""Bytes of a member: no file is larger."""
NO_END = "ends without its end mark: members may be missing"
_LONG_NAME, _LONG_LINK = b"L", b"K"
_PAX, _PAX_OLD, _PAX_GLOBAL = b"x", b"X", b"g"
_SPARSE = b"S"
_HARD_LINK = b"1"
_TYPES = {
    b"2": stat.S_IFLNK,
    b"3": stat.S_IFCHR,
    b"4": stat.S_IFBLK,
    b"5": stat.S_IFDIR,
    b"6": stat.S_IFIFO,
}
_NO_FILES = (b"1", b"2", b"3", b"4", b"5", b"6")
"""Links, devices, folders and pipes. Whatever else there is has content: what a reader does not
know it is to take for a file (POSIX)."""
_REAL_SIZE = slice(483, 495)
"""Of a sparse file in a header of GNU's."""
SPARSE = 1
"""The method of a member of which only the pieces that are no holes are kept."""


class TarReader:
    """One archive, read once."""

    def __init__(self, source: Forward) -> None:
        self._source = source
        self._size = 0
        """Of the member at hand."""
        self._ended = False
        """Whether a blank block was met, as at the end of a whole one."""
        self.start = 0
        """Where its content begins."""
        self.link = ""
        """What it is a hard link to: a member before it. Empty: it is none."""

    def members(self) -> Iterator[Member]:
        """Each member; its content can be asked for until the next one is. What follows a blank
        block is looked at as well: some tools do, some do not.

        Raises:
            FormatError: at a header that makes no sense, or beyond the bounds.
            OSError: the archive cannot be read.
        """
        more: dict[str, str] = {}
        for number in range(MAX_MEMBERS):
            header = self._header()
            if header is None:
                if more or not self._ended:
                    raise FormatError(NO_END, "tar archive")
                return
            info, kind = _parsed(header, number), header[156:157]
            if kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_OLD, _PAX_GLOBAL):
                more.update(_told(kind, self._whole(info.size)))
                continue
            if kind == _SPARSE:
                self._pass_map(header)
                more["GNU.sparse.realsize"] = str(_of_field(header[_REAL_SIZE], number))
            yield from self._member(info, kind, more)
            more = {}
        raise FormatError(f"more than {MAX_MEMBERS:,} members", "tar archive")

    def first(self, member: Member, limit: int) -> bytes:
        """The first ``limit`` bytes of the member at hand at most.

        Raises:
            FormatError: cut short, or kept in pieces.
            OSError: the archive cannot be read.
        """
        if member.method == SPARSE:
            raise FormatError("sparse archive member", member.name)
        wanted = min(limit, self._size)
        data = self._source.peek(wanted)
        if len(data) < wanted:
            raise FormatError("archive member is cut short", member.name)
        return data

    def _header(self) -> bytes | None:
        """The next that is not blank; None at the end."""
        while True:
            header = self._source.take(BLOCK)
            if not header.strip(b"\0"):
                if len(header) < BLOCK:
                    return None
                self._ended = True
                continue
            if len(header) < BLOCK:
                raise FormatError("header is cut short", "tar archive")
            return header

    def _whole(self, size: int) -> bytes:
        if size > MAX_HEADER:
            raise FormatError("header of an impossible size", f"{size} bytes")
        return self._source.take(_padded(size))[:size]

    def _pass_map(self, header: bytes) -> None:
        """Blocks that continue the map of a sparse file."""
        extended = header[482]
        while extended:
            block = self._source.take(BLOCK)
            extended = block[504] if len(block) == BLOCK else 0

    def _member(self, info: tarfile.TarInfo, kind: bytes, more: dict[str, str]) -> Iterator[Member]:
        size = _number(more.get("size", ""), info.size) if kind not in _NO_FILES else 0
        name = more.get("path") or info.name
        sparse = kind == _SPARSE or any(key.startswith("GNU.sparse.") for key in more)
        if info.isdir():
            name = f"{name.rstrip('/')}/"
        self._size, self.start = size, self._source.at
        self.link = (more.get("linkpath") or info.linkname) if kind == _HARD_LINK else ""
        told = more.get("GNU.sparse.realsize") or more.get("GNU.sparse.size") or ""
        yield Member(
            name=more.get("GNU.sparse.name") or name,
            size=_number(told, size) if sparse else size,
            packed=size,
            method=SPARSE if sparse else 0,
            encrypted=False,
            header=0,
            modified=_seconds(more.get("mtime", ""), info.mtime),
            unix_mode=_TYPES.get(kind, stat.S_IFREG),
        )
        if size > _MAX_SIZE or not self._source.skip(size):
            raise FormatError("cut short", name)
        self._source.skip(_padded(size) - size)


def _parsed(header: bytes, number: int) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError) as error:
        raise FormatError(f"damaged header: {error}", f"header {number}") from error
    if info.size < 0:
        raise FormatError("damaged header: a size below 0", f"header {number}")
    return info


def _of_field(field: bytes, number: int) -> int:
    try:
        size: int = tarfile.nti(field)  # type: ignore[attr-defined]  # not in its stub
    except (tarfile.HeaderError, ValueError) as error:
        raise FormatError(f"damaged header: {error}", f"header {number}") from error
    return size


def _told(kind: bytes, data: bytes) -> dict[str, str]:
    """What a header of another one says of it."""
    if kind == _LONG_NAME:
        return {"path": data.rstrip(b"\0").decode("utf-8", "surrogateescape")}
    if kind == _LONG_LINK:
        return {"linkpath": data.rstrip(b"\0").decode("utf-8", "surrogateescape")}
    if kind not in (_PAX, _PAX_OLD):
        return {}
    found: dict[str, str] = {}
    while data:
        length, space, _ = data[:20].partition(b" ")
        if not space or not length.isdigit() or not len(length) < int(length) <= len(data):
            raise FormatError("damaged pax header", "tar archive")
        record = data[len(length) + 1 : int(length)].removesuffix(b"\n")
        key, _, value = record.partition(b"=")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        data = data[int(length) :]
    return found


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 20 else otherwise


def _seconds(text: str, otherwise: float) -> float | None:
    """None for what no clock shows."""
    try:
        told = float(text) if text else float(otherwise)
    except (ValueError, OverflowError):
        return None
    return told if math.isfinite(told) else None


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
