r"""What Windows remembers of a program's runs, to start it faster the next time: ``*.pf``.

Format: libyal, "Windows Prefetch File (PF) format": 3 MAM (the compressed form, since Windows 10),
4 the header and file information of versions 17 (XP), 23 (Vista, 7), 26 (8), 30 (10, and 11) and
31 (11); compressed blocks: [MS-XCA] 2.2. The structure is libscca's to read. From the bytes come
the texts, since a name with half a surrogate pair is an error there, and what it does not give: the
folders, and the executable's own path of Windows 10 1903 and newer.
"""

from __future__ import annotations

import io
import re
import struct
from datetime import datetime, timedelta, timezone

import pyscca
from msgspec import Struct

from ..spelling import base_name, fold
from . import FormatError
from .xpress import decompress_huffman

MAX_PLAIN_BYTES = 8 << 20
"""Seventy times what a browser leaves; a header may claim 4 GiB."""
MAX_VOLUMES = 256
MAX_DIRECTORIES = 1 << 16
"""Of all volumes; a browser has two dozen."""
MAX_EXECUTABLE = 29
"""Characters after which the executable's name ends."""

_COMPRESSED = b"MAM\x04"
"""The signature and the algorithm, XPRESS with Huffman codes."""
_SIGNATURE = b"SCCA"
_HEADER = 84
_PATH_VARIANT = 296
"""Where the metrics begin in the one form of the file information that has the path."""
_PATH = 128
"""Offset and size of the path in the file information, in bytes."""
_VOLUME_SIZES = {17: 40, 23: 104, 26: 104, 30: 96, 31: 96}
_SLOTS = {17: 1, 23: 1, 26: 8, 30: 8, 31: 8}
_EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)
_DEVICE = re.compile(r"\\(?:DEVICE\\[^\\]+|VOLUME\{[^\\]*\})(?=\\)")
"""How a path begins: with the device, or with its volume's creation time and serial number."""


class Volume(Struct, frozen=True):
    """A volume from which files were loaded."""

    device: str
    r"""What its files' paths begin with: ``\VOLUME{…}``, or ``\DEVICE\HARDDISKVOLUME1``."""
    serial: str
    """``8C9F-49EC``"""
    created: datetime | None
    """When it was formatted, UTC."""
    directories: tuple[str, ...] = ()
    """Folders of the files, as paths of that device."""


class Prefetch(Struct, frozen=True):
    """What one prefetch file says. Paths are in upper case, as Windows writes them."""

    version: int
    executable: str
    """The program's name, of which only the first 29 characters are kept."""
    hash: str
    """``2CC598BD``, as in the file's own name: of the path, and of the command line of a program
    that hosts others (rundll32, svchost)."""
    run_count: int
    runs: tuple[datetime, ...]
    """The last runs, at most eight (one before Windows 8), UTC, newest first."""
    files: tuple[str, ...]
    """What it read in the first ten seconds, the program itself among them."""
    volumes: tuple[Volume, ...]
    path: str = ""
    """The program's own path; empty where neither the file nor its list of files tells."""


def plain(data: bytes) -> bytes:
    """The bytes of a prefetch file in which its texts stand as UTF-16; not compressed: as they are.

    Raises:
        FormatError: compressed, and not to be decompressed within 8 MiB.
    """
    if not data.startswith(_COMPRESSED[:3]):
        return data
    if not data.startswith(_COMPRESSED) or len(data) < 8:
        raise FormatError("compressed in a way that is not known", "header")
    size = int.from_bytes(data[4:8], "little")
    if size > MAX_PLAIN_BYTES:
        raise FormatError(f"compressed, {size} bytes", "header")
    return decompress_huffman(data[8:], size)


def read_prefetch(data: bytes) -> Prefetch:
    """The facts of a prefetch file, compressed or not.

    Raises:
        FormatError: no prefetch file, of another version, or malformed.
    """
    data = plain(data)
    if data[4:8] != _SIGNATURE:
        raise FormatError("not a prefetch file", "header")
    read = pyscca.file()
    try:
        read.open_file_object(io.BytesIO(data))
        try:
            return _facts(read, data)
        finally:
            read.close()
    except (OSError, ValueError, OverflowError, MemoryError, struct.error) as error:
        raise FormatError(f"malformed prefetch file: {_first_words(error)}", "structure") from error


def _facts(read: pyscca.file, data: bytes) -> Prefetch:
    version = read.format_version
    if version not in _SLOTS:
        raise FormatError(f"a prefetch file of version {version}", "header")
    texts_at, texts_size = struct.unpack_from("<II", data, _HEADER + 16)
    files = _texts(data[texts_at : texts_at + texts_size])
    executable = read.executable_filename or ""
    ticks = [read.get_last_run_time_as_integer(slot) for slot in range(_SLOTS[version])]
    return Prefetch(
        version=version,
        executable=executable,
        hash=f"{read.prefetch_hash:08X}",
        run_count=read.run_count,
        runs=tuple(sorted(filter(None, map(_utc, ticks)), reverse=True)),
        files=files,
        volumes=_volumes(read, data, _VOLUME_SIZES[version]),
        path=_own_path(_stated_path(data, version), files, executable),
    )


def _volumes(read: pyscca.file, data: bytes, entry_size: int) -> tuple[Volume, ...]:
    at = int.from_bytes(data[_HEADER + 24 : _HEADER + 28], "little")
    if read.number_of_volumes > MAX_VOLUMES:
        raise FormatError(f"{read.number_of_volumes} volumes", "file information")
    volumes: list[Volume] = []
    room = MAX_DIRECTORIES
    for number in range(read.number_of_volumes):
        entry = at + number * entry_size
        device_at, characters, created, serial = struct.unpack_from("<IIQI", data, entry)
        directories_at, count = struct.unpack_from("<II", data, entry + 28)
        room -= count
        if room < 0:
            raise FormatError(f"more than {MAX_DIRECTORIES} folders", f"0x{entry:x}")
        device = data[at + device_at : at + device_at + 2 * characters]
        volumes.append(
            Volume(
                device=_text(device),
                serial=f"{serial >> 16:04X}-{serial & 0xFFFF:04X}",
                created=_utc(created),
                directories=_directories(data, at + directories_at, count),
            )
        )
    return tuple(volumes)


def _directories(data: bytes, at: int, count: int) -> tuple[str, ...]:
    """``count`` texts, each behind its number of characters and before a NUL."""
    found = []
    for _ in range(count):
        (characters,) = struct.unpack_from("<H", data, at)
        found.append(_text(data[at + 2 : at + 2 + 2 * characters]))
        at += 2 * characters + 4
    return tuple(found)


def _stated_path(data: bytes, version: int) -> str:
    """The text of which the hash is made (libyal: "hash string"); empty where there is none."""
    if version < 30 or int.from_bytes(data[_HEADER : _HEADER + 4], "little") != _PATH_VARIANT:
        return ""
    at, size = struct.unpack_from("<II", data, _HEADER + _PATH)
    return next(iter(_texts(data[at : at + size])), "")


def _own_path(stated: str, files: tuple[str, ...], executable: str) -> str:
    """The program's entry in the list of files if it has one: its device is one of the volumes,
    that of the stated path need not be."""
    named = [path for path in (stated, *files) if _is_name_of(path, executable)]
    if stated and stated in named:
        return next((p for p in files if _in_volume(p) == _in_volume(stated)), stated)
    return named[0] if named else ""


def _is_name_of(path: str, executable: str) -> bool:
    name = fold(base_name(path))
    whole = len(executable) < MAX_EXECUTABLE
    return bool(executable) and (
        name == fold(executable) if whole else name.startswith(fold(executable[:MAX_EXECUTABLE]))
    )


def _in_volume(path: str) -> str:
    """A path without its device."""
    return fold(_DEVICE.sub("", path, count=1))


def _texts(data: bytes) -> tuple[str, ...]:
    """Texts, each with a NUL behind it."""
    return tuple(filter(None, _text(data).split("\0")))


def _text(data: bytes) -> str:
    return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")


def _utc(ticks: int) -> datetime | None:
    """None for an empty slot, and for what is no time."""
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
    except OverflowError:
        return None


def _first_words(error: BaseException) -> str:
    """libscca's message without its call stack."""
    return str(error).split(". ")[1 if ". " in str(error) else 0][:200]
