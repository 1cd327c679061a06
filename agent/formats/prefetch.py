r"""What Windows remembers of a program's runs, to start it faster the next time: ``*.pf``.

Format: libyal, "Windows Prefetch File (PF) format": 3 MAM (the compressed form, since Windows 10),
4 the header and file information of versions 17 (XP), 23 (Vista, 7), 26 (8), 30 (10, and 11) and
31 (11); compressed blocks: [MS-XCA] 2.2. The structure is libscca's to read. From the bytes come
the texts, with the entries that point to them (a name with half a surrogate pair is an error of
libscca's there), and what it does not give: the folders, the executable's own path of Windows 10
1903 and newer, and whether a file was mapped as an image. For the last, one byte of a trace chain's
entry (libyal, 4.5: "unknown") has the bit 2 in all pages of programs and libraries and the bit 4 in
those of data: measured on Windows XP to 11.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import pyscca
from msgspec import Struct

from ..spelling import base_name, fold
from . import FormatError
from .filetime import utc_of
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
_PATHS = {304: 136, 296: 128}
"""Where the file information of version 30 and newer has the offset and size of the path, by where
it ends itself (libyal: variants 1 and 2)."""
_RUNS_OF_XP, _RUNS = 120, 128
"""Where the times of the last runs stand."""
_IMAGE, _DATA = 2, 4
"""How a page was mapped."""
_DEVICE = re.compile(r"\\(?:DEVICE\\[^\\]+|VOLUME\{[^\\]*\})(?=\\)")
"""How a path begins: with the device, or with its volume's creation time and serial number."""


class _Layout(NamedTuple):
    """What differs between versions: sizes of the structures, and where their parts lie."""

    runs: int
    file: int
    text: int
    page: int
    flags: int
    volume: int


_V23 = _Layout(runs=1, file=32, text=12, page=12, flags=8, volume=104)
_V26 = _V23._replace(runs=8)
_V30 = _Layout(runs=8, file=32, text=12, page=8, flags=4, volume=96)
_LAYOUTS = {
    17: _Layout(runs=1, file=20, text=8, page=12, flags=8, volume=40),
    23: _V23,
    26: _V26,
    30: _V30,
    31: _V30,
}


class MappedFile(Struct, frozen=True):
    """A file of which pages were read."""

    path: str
    as_image: bool | None = None
    """True: mapped as a program or library; False: as data alone; None: no page tells."""


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
    files: tuple[MappedFile, ...]
    """What it read in the first ten seconds of its runs, itself among them."""
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


def stated_size(data: bytes) -> int:
    """Bytes of a plain prefetch file, as it says itself (libyal, 4.1); 0: it is none."""
    return int.from_bytes(data[12:16], "little") if data[4:8] == _SIGNATURE else 0


def last_run(data: bytes) -> datetime | None:
    """When the program of a plain prefetch file ran last, UTC (libyal, 4.2: the slots of the file
    information, which are not in order); None: it does not tell."""
    version = int.from_bytes(data[:4], "little")
    layout = _LAYOUTS.get(version)
    if layout is None or data[4:8] != _SIGNATURE:
        return None
    at = _RUNS_OF_XP if version == 17 else _RUNS
    slots = data[at : at + 8 * layout.runs]
    ticks = [int.from_bytes(slots[n : n + 8], "little") for n in range(0, len(slots), 8)]
    return utc_of(max(ticks, default=0))


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
    layout = _LAYOUTS.get(version)
    if layout is None:
        raise FormatError(f"a prefetch file of version {version}", "header")
    files = _files(data, layout)
    executable = read.executable_filename or ""
    ticks = [read.get_last_run_time_as_integer(slot) for slot in range(layout.runs)]
    return Prefetch(
        version=version,
        executable=executable,
        hash=f"{read.prefetch_hash:08X}",
        run_count=read.run_count,
        runs=tuple(sorted(filter(None, map(utc_of, ticks)), reverse=True)),
        files=files,
        volumes=_volumes(read, data, layout.volume),
        path=_own_path(_stated_path(data, version), [file.path for file in files], executable),
    )


def _files(data: bytes, layout: _Layout) -> tuple[MappedFile, ...]:
    """Every text of the list, in its order, whether or not an entry points to it."""
    at, size = struct.unpack_from("<II", data, _HEADER + 16)
    texts = _text(data[at : at + size]).split("\0")
    mapped = _mapped_as(data, layout)
    found, offset = [], 0
    for text in texts:
        if text:
            found.append(MappedFile(text, mapped.get(offset)))
        offset += len(text.encode("utf-16-le", "surrogatepass")) + 2
    return tuple(found)


def _mapped_as(data: bytes, layout: _Layout) -> dict[int, bool]:
    """For the offsets of texts: whether a page was mapped as an image; without pages, no entry."""
    files_at, files, pages_at, all_pages = struct.unpack_from("<4I", data, _HEADER)
    room = min(all_pages, len(data) // layout.page)
    found: dict[int, bool] = {}
    for entry in range(files_at, files_at + files * layout.file, layout.file):
        first, pages = struct.unpack_from("<II", data, entry)
        room -= pages  # each page belongs to one file: what claims more is not followed
        if room < 0:
            break
        start = pages_at + first * layout.page + layout.flags
        flags = set(data[start : start + pages * layout.page : layout.page])
        if any(flag & (_IMAGE | _DATA) for flag in flags):
            (text_at,) = struct.unpack_from("<I", data, entry + layout.text)
            found[text_at] = any(flag & _IMAGE for flag in flags)
    return found


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
                created=utc_of(created),
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
    place = _PATHS.get(int.from_bytes(data[_HEADER : _HEADER + 4], "little"))
    if version < 30 or place is None:
        return ""
    at, size = struct.unpack_from("<II", data, _HEADER + place)
    return _text(data[at : at + size]).partition("\0")[0]


def _own_path(stated: str, files: Sequence[str], executable: str) -> str:
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


def _text(data: bytes) -> str:
    return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")


def _first_words(error: BaseException) -> str:
    """libscca's message without its call stack."""
    return str(error).split(". ")[1 if ". " in str(error) else 0][:200]
