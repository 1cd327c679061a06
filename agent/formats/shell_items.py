"""Shell items: how Explorer writes down a folder or file, one item for each step of its path.

Format: libyal's libfwsi, "Windows Shell Item format", and [MS-SHLLINK] 2.2. Kinds: the root of a
namespace (0x1f), volumes (0x2_), files and folders (0x3_) and network places (0x4_); each may carry
extension blocks, of which 0xbeef0004 has the long name and the times. What is of any other kind
(members of archives, delegates of other namespaces) has the long name of such a block too, or else
its longest text.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone
from typing import NamedTuple

from . import FormatError

MAX_ITEMS = 256
"""Of one list."""
_ENTRY = b"\x04\x00\xef\xbe"
"""The signature of the extension block, behind its size and version."""
_NAME_AT = ((9, 46), (8, 42), (7, 38), (3, 20))
"""Since which version of the block the long name begins where in it."""
_DRIVE, _SEARCH = b"\x10\xb7\xa6\xf5", b"\xd5\xdf\xa3\x23"
"""Signatures in the place of a GUID: a drive in another item, and what a search found."""
_WIDE = re.compile(rb"(?:[^\x00-\x1f\x7f]\x00){3,}")
_NARROW = re.compile(rb"[\x20-\x7e\x80-\xff]{3,}")
_ROOTS = {
    "20d04fe0-3aea-1069-a2d8-08002b30309d": "",  # This PC: drives follow
    "59031a47-3f72-44a7-89c5-5595fe6b30ee": "%UserProfile%",
    "f02c1a0d-be21-4350-88b0-7367fc96ef3c": "Network",
    "679f85cb-0220-4080-b29b-5540cc05aab6": "Quick access",
    "031e4825-7b94-4dc3-b131-e946b44c8dd5": "Libraries",
    "645ff040-5081-101b-9f08-00aa002f954e": "Recycle Bin",
}
_FOLDERS = {
    "374de290-123f-4565-9164-39c4925e467b": r"%UserProfile%\Downloads",
    "088e3905-0323-4b02-9826-5d99428e115f": r"%UserProfile%\Downloads",
    "b4bfcc3a-db2c-424c-b029-7fe99a87c641": r"%UserProfile%\Desktop",
    "fdd39ad0-238f-46af-adb4-6c85480369c7": r"%UserProfile%\Documents",
    "d3162b92-9365-467a-956b-92703aca08af": r"%UserProfile%\Documents",
}
"""Known folders by GUID (KNOWNFOLDERID, Windows SDK, and their delegates below This PC)."""


class Item(NamedTuple):
    """One step of a path; times UTC, to two seconds."""

    name: str
    """Empty: the top of everything, or unknown."""
    short_name: str = ""
    """Of DOS, where it differs."""
    created: datetime | None = None
    modified: datetime | None = None
    accessed: datetime | None = None


def read_item(data: bytes) -> Item:
    """One item, its size included.

    Raises:
        FormatError: too short, or its size is more than there is.
    """
    size = int.from_bytes(data[:2], "little")
    if size < 4 or size > len(data):
        raise FormatError("no shell item", "size")
    data = data[:size]
    kind = data[2]
    if kind == 0x1F and data[6:10] == _DRIVE:
        return Item(_until_nul(data[13:]).rstrip("\\"))
    if kind in (0x1F, 0x2E) and len(data) >= 20 and data[6:10] != _SEARCH:
        return Item(_named_by_guid(data[4:20]))
    if kind & 0x70 == 0x20:
        return Item(_until_nul(data[3:]).rstrip("\\"))
    block = data.find(_ENTRY)
    entry = _extended(data[block - 4 :]) if block >= 4 else Item("")
    if kind & 0x70 == 0x30 and len(data) >= 14:
        is_wide = bool(kind & 4)
        short = _wide_until_nul(data[14:]) if is_wide else _until_nul(data[14:])
        entry = entry._replace(
            name=entry.name or short,
            short_name=short if entry.name and short != entry.name else "",
            modified=_fat_time(data[8:12]),
        )
    elif kind & 0x70 == 0x40:
        entry = Item(_until_nul(data[5:]))
    return entry if entry.name else entry._replace(name=_longest_text(data[3:]))


def read_items(data: bytes) -> Iterator[Item]:
    """The items of a list, until its end. Raises FormatError for one that is cut, after those
    before it."""
    at = 0
    for _ in range(MAX_ITEMS):
        size = int.from_bytes(data[at : at + 2], "little")
        if size == 0:
            return
        yield read_item(data[at:])
        at += size


def joined(items: list[Item]) -> str:
    """The path that the items lead along."""
    path = ""
    for item in items:
        if item.name:
            path = f"{path}\\{item.name}" if path else item.name
    return path


def path_of(id_list: bytes) -> str:
    r"""``C:\folder\file``, or its last part, of what leads to a file; else "". Never raises."""
    items: list[Item] = []
    with suppress(FormatError):  # What stands before the damage leads somewhere, too.
        items += read_items(id_list)
    path = joined(items)
    return "" if path.startswith("{") else path


def _extended(block: bytes) -> Item:
    if len(block) < 20:
        return Item("")
    _, version = struct.unpack_from("<HH", block)
    at = next((at for since, at in _NAME_AT if version >= since), len(block))
    return Item(
        name=_wide_until_nul(block[at:]),
        created=_fat_time(block[8:12]),
        accessed=_fat_time(block[12:16]),
    )


def _named_by_guid(raw: bytes) -> str:
    first, second, third = struct.unpack_from("<IHH", raw)
    guid = f"{first:08x}-{second:04x}-{third:04x}-{raw[8:10].hex()}-{raw[10:16].hex()}"
    if guid in _ROOTS:
        return _ROOTS[guid]
    return _FOLDERS.get(guid, f"{{{guid}}}")


def _until_nul(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("cp1252", "replace")


def _wide_until_nul(data: bytes) -> str:
    text = data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")
    return text.partition("\0")[0]


def _longest_text(data: bytes) -> str:
    wide = [one.group().decode("utf-16-le", "replace") for one in _WIDE.finditer(data)]
    narrow = [one.group().decode("cp1252", "replace") for one in _NARROW.finditer(data)]
    return max([*wide, *narrow], key=len, default="")


def _fat_time(raw: bytes) -> datetime | None:
    """A date and a time of DOS ([MS-DOSTIME]); None for none."""
    date, time = struct.unpack("<HH", raw) if len(raw) == 4 else (0, 0)
    if not date:
        return None
    try:
        return datetime(
            1980 + (date >> 9),
            date >> 5 & 0xF,
            date & 0x1F,
            time >> 11,
            time >> 5 & 0x3F,
            2 * (time & 0x1F),
            tzinfo=timezone.utc,
        )
    except ValueError:
        return None
