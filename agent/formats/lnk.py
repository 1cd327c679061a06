"""What a shell link says of itself and of the machine that made it; read by liblnk.

Format: [MS-SHLLINK]: 2.1 ShellLinkHeader, 2.3 LinkInfo (drive serial number), 2.4 StringData
(arguments), 2.5.10 TrackerDataBlock (machine id and droids). A droid's file identifier is a UUID of
version 1 (RFC 4122, 4.1): the time and the network card of the machine on which the target was
first tracked.
"""

from __future__ import annotations

import io
import struct
from datetime import datetime, timedelta, timezone
from typing import BinaryIO, NamedTuple
from uuid import UUID

import pylnk

from ..model.objects import Lnk
from ..reading.opening import read_up_to
from . import FormatError
from .filetime import utc_of
from .shell_items import path_of

MAX_LNK_BYTES = 1 << 20
"""Room for every structure of a link; what an attacker appends lies behind and is not parsed."""
HEADER = bytes.fromhex("4c0000000114020000000000c000000000000046")
"""HeaderSize and LinkCLSID ([MS-SHLLINK] 2.1)."""

_HEADER_SIZE = 76

_GREGORIAN = datetime(1582, 10, 15, tzinfo=timezone.utc)
"""Where the time of a UUID begins, in ticks of 100 ns."""


def read_lnk(source: bytes | BinaryIO) -> Lnk:
    """The facts of a shell link, given as bytes or as a file open at its beginning.

    Raises:
        FormatError: not a shell link, or malformed.
    """
    data = (
        source[:MAX_LNK_BYTES] if isinstance(source, bytes) else read_up_to(source, MAX_LNK_BYTES)
    )
    if not data.startswith(HEADER):
        raise FormatError("not a shell link", "header")
    link = pylnk.file()
    try:
        link.open_file_object(io.BytesIO(data))
    except (OSError, ValueError, OverflowError, MemoryError) as error:
        raise FormatError(f"malformed shell link: {_first_words(error)}", "structure") from error
    try:
        return _facts(link)
    finally:
        link.close()


class Target(NamedTuple):
    """What a shell link tells of the file that it leads to."""

    link: Lnk
    path: str
    """Of its item ID list where nothing else tells it; "": it leads to no file."""
    size: int
    """Bytes, the lower 32 bits."""
    created: datetime | None
    accessed: datetime | None
    modified: datetime | None


def read_target(data: bytes) -> Target:
    """Raises FormatError: as :func:`read_lnk`."""
    link = read_lnk(data)
    if len(data) < _HEADER_SIZE:
        raise FormatError("not a shell link", "header")
    flags, _, *ticks, size = struct.unpack_from("<II3QI", data, 20)
    path = link.target
    if not _is_whole(path) and flags & 1 and len(data) >= _HEADER_SIZE + 2:
        (length,) = struct.unpack_from("<H", data, _HEADER_SIZE)
        begin = _HEADER_SIZE + 2
        path = path_of(data[begin : begin + length]) or path
    return Target(link, path, size, *map(utc_of, ticks))


def _is_whole(path: str) -> bool:
    return path[1:3] == ":\\" or path.startswith(("\\\\", "%"))


def _facts(link: pylnk.file) -> Lnk:
    droid = _origin(_text(link, "droid_file_identifier")) or _origin(
        _text(link, "birth_droid_file_identifier")
    )
    serial = _value(link, "drive_serial_number")
    return Lnk(
        arguments=_text(link, "command_line_arguments"),
        target=_text(link, "local_path")
        or _text(link, "network_path")
        or _text(link, "environment_variables_location")
        or _text(link, "relative_path"),
        machine_id=_text(link, "machine_identifier"),
        mac=droid.mac if droid else "",
        volume_serial=f"{serial >> 16 & 0xFFFF:04X}-{serial & 0xFFFF:04X}"
        if isinstance(serial, int) and serial
        else "",
        droid_time=droid.time if droid else None,
        droid_sequence=droid.sequence if droid else None,
    )


def _value(link: pylnk.file, field: str) -> object:
    try:
        return getattr(link, field)
    except (OSError, ValueError, OverflowError, MemoryError) as error:
        if "missing data" in str(error):
            return None  # liblnk's answer for a string that is there and empty
        raise FormatError(f"malformed shell link: {_first_words(error)}", field) from error


def _text(link: pylnk.file, field: str) -> str:
    value = _value(link, field)
    return value if isinstance(value, str) else ""


class _Origin(NamedTuple):
    """Where and when a droid's UUID was made."""

    mac: str
    time: datetime
    sequence: int


def _origin(identifier: str) -> _Origin | None:
    """None for what is no UUID of version 1."""
    try:
        uuid = UUID(identifier)
    except ValueError:
        return None
    if uuid.version != 1:
        return None
    try:
        when = _GREGORIAN + timedelta(microseconds=uuid.time // 10)
    except OverflowError:
        return None
    mac = ":".join(f"{byte:02x}" for byte in uuid.node.to_bytes(6, "big"))
    return _Origin(mac, when, uuid.clock_seq)


def _first_words(error: BaseException) -> str:
    """liblnk's message without its call stack."""
    return str(error).split(". ")[1 if ". " in str(error) else 0][:200]
