"""NTFS volumes: of records made byte by byte, where no tool makes what a test needs, and made by
mkntfs and filled through ntfs-3g."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from agent.ntfs import FileSource, Unread, Volume
from agent.spelling import fold, originals_of_copy

from .filetime import ticks

CLUSTER = 4096
MFT_CLUSTER = 4
_TOOLS = ("mkntfs", "ntfs-3g", "umount")


# Records and volumes, byte by byte.


def boot(
    *,
    sectors: int = 8192,
    mft: int = MFT_CLUSTER,
    mirror: int = 2,
    record: int = 1024,
    per_cluster: int = 8,
) -> bytes:
    """The boot sector; ``record``: bytes of one."""
    data = bytearray(512)
    data[3:11] = b"NTFS    "
    struct.pack_into("<HB", data, 0x0B, 512, per_cluster)
    struct.pack_into("<QQQ", data, 0x28, sectors, mft, mirror)
    size = -(record.bit_length() - 1) if record < CLUSTER else record // CLUSTER
    struct.pack_into("<b3xb", data, 0x40, size, 1)
    data[510:] = b"\x55\xaa"
    return bytes(data)


def resident(kind: int, value: bytes, name: str = "") -> bytes:
    """An attribute whose value is kept in its record."""
    text = name.encode("utf-16-le", "surrogatepass")
    start = 0x18 + (len(text) + 7 & ~7)
    length = start + len(value) + 7 & ~7
    head = struct.pack(
        "<IIBBHHHIHH", kind, length, 0, len(text) // 2, 0x18, 0, 0, len(value), start, 0
    )
    return (head + text).ljust(start, b"\0") + value.ljust(length - start, b"\0")


def non_resident(
    kind: int,
    size: int,
    runs: bytes,
    *,
    name: str = "",
    first: int = 0,
    last: int = 0,
    flags: int = 0,
    unit: int = 0,
) -> bytes:
    """An attribute of ``size`` bytes that lies in the clusters of ``runs``."""
    text = name.encode("utf-16-le")
    start = 0x40 + (len(text) + 7 & ~7)
    length = start + len(runs) + 7 & ~7
    allocated = (size + CLUSTER - 1) // CLUSTER * CLUSTER
    head = struct.pack(
        "<IIBBHHHQQHHIQQQ",
        kind,
        length,
        1,
        len(text) // 2,
        0x40,
        flags,
        0,
        first,
        last,
        start,
        unit,
        0,
        allocated,
        size,
        size,
    )
    return (head + text).ljust(start, b"\0") + runs.ljust(length - start, b"\0")


def standard(*times: int, bits: int = 0x20, length: int = 0x48) -> bytes:
    """The $STANDARD_INFORMATION of every record; ``times``: made, changed, record changed, read."""
    return resident(
        0x10, struct.pack("<4QI", *(times or (10**17 + 7,) * 4), bits).ljust(length, b"\0")
    )


def file_name(
    name: str, parent: int = 5, sequence: int = 5, space: int = 1, created: int = 10**17 + 7
) -> bytes:
    """A $FILE_NAME in the folder ``parent``, by default the root."""
    text = name.encode("utf-16-le", "surrogatepass")
    head = struct.pack(
        "<7QIIBB",
        parent | sequence << 48,
        created,
        created,
        created,
        created,
        0,
        0,
        0,
        0,
        len(text) // 2,
        space,
    )
    return resident(0x30, head + text)


def run(length: int, offset: int | None) -> bytes:
    """One run; ``offset`` to the one before, None: sparse."""
    size = length.to_bytes(8, "little").rstrip(b"\0") or b"\0"
    if offset is None:
        return bytes([len(size)]) + size
    place = offset.to_bytes(8, "little", signed=True)
    while len(place) > 1 and (place[-1], place[-2] >> 7) in ((0, 0), (255, 1)):
        place = place[:-1]
    return bytes([len(place) << 4 | len(size)]) + size + place


def record(
    *attributes: bytes,
    size: int = 1024,
    sequence: int = 1,
    flags: int = 1,
    links: int = 1,
    base: int = 0,
    array: int = 0x30,
    number: int = 0,
) -> bytes:
    """One record as it lies on the disk."""
    strides = size // 512
    first = array + 2 * (strides + 1) + 7 & ~7
    body = b"".join(attributes) + b"\xff\xff\xff\xff\0\0\0\0"
    assert first + len(body) <= size, first + len(body)
    head = struct.pack(
        "<4sHHQHHHHIIQHHI",
        b"FILE",
        array,
        strides + 1,
        0,
        sequence,
        links,
        first,
        flags,
        first + len(body),
        size,
        base,
        9,
        0,
        number,
    )
    data = bytearray(head.ljust(first, b"\0") + body).ljust(size, b"\0")
    data[array : array + 2] = b"\x07\x05"
    for stride in range(strides):
        last = stride * 512 + 510
        data[array + 2 + 2 * stride : array + 4 + 2 * stride] = data[last : last + 2]
        data[last : last + 2] = b"\x07\x05"
    return bytes(data)


def folders(*names: str) -> dict[int, bytes]:
    """Folders, each in the one before and the first in the root, in the records from 40 on."""
    parents = [5, *range(40, 40 + len(names))]
    return {
        number: record(standard(), file_name(name, parent, 5), sequence=5, flags=3)
        for name, parent, number in zip(names, parents, parents[1:], strict=False)
    }


# Indexes of names.


def index_entries(
    names: Sequence[tuple[str, int]], parent: int, *, sequence: int = 1, space: int = 1
) -> bytes:
    """The entries of a folder's index: names and records, and the end."""
    found = b""
    for name, number in names:
        value = file_name(name, parent, space=space)[0x18:]
        key = value[: 0x42 + len(name.encode("utf-16-le", "surrogatepass"))]
        length = 16 + len(key) + 7 & ~7
        head = struct.pack("<QHHI", number | sequence << 48, length, len(key), 0)
        found += (head + key).ljust(length, b"\0")
    return found + struct.pack("<QHHI", 0, 16, 0, 2)


def index_root(entries: bytes, block: int = 4096) -> bytes:
    """The value of an $INDEX_ROOT; ``block``: bytes of one beside it."""
    length = 16 + len(entries)
    return struct.pack("<IIIB3xIIIB3x", 0x30, 1, block, 1, 16, length, length, 0) + entries


def index_block(entries: bytes, number: int = 0, size: int = 4096) -> bytes:
    """One block of an $INDEX_ALLOCATION, as it lies on the disk."""
    strides = size // 512
    first = 0x28 + 2 * (strides + 1) + 7 & ~7
    head = struct.pack("<4sHHQQ", b"INDX", 0x28, strides + 1, 0, number)
    used = first - 0x18 + len(entries)
    head += struct.pack("<IIIB3x", first - 0x18, used, size - 0x18, 0)
    data = bytearray((head.ljust(first, b"\0") + entries).ljust(size, b"\0"))
    data[0x28:0x2A] = b"\x07\x05"
    for stride in range(strides):
        last = stride * 512 + 510
        data[0x2A + 2 * stride : 0x2C + 2 * stride] = data[last : last + 2]
        data[last : last + 2] = b"\x07\x05"
    return bytes(data)


def encrypted(name: str, folder: int) -> bytes:
    """The record of a file of which EFS keeps the content; the folder has the sequence 5."""
    content = non_resident(0x80, 4096, run(1, 100), flags=0x4000)
    return record(standard(), file_name(name, folder, 5), content)


def image(
    records: dict[int, bytes],
    *,
    count: int = 64,
    size: int = 1024,
    clusters: int = 256,
    contents: dict[int, bytes] | None = None,
) -> bytes:
    """A volume whose $MFT lies in one piece. ``contents``: bytes by cluster.

    Its folders are not listed by their indexes: what is made of it is found by its records.
    """
    mft_clusters = -(-count * size // CLUSTER)
    own = record(
        standard(), file_name("$MFT"),
        non_resident(0x80, count * size, run(mft_clusters, MFT_CLUSTER), last=mft_clusters - 1),
        size=size,
    )  # fmt: skip
    no_names = resident(0x90, index_root(index_entries([], 5)), "$I30")
    root = record(standard(), file_name(".", 5), no_names, size=size, sequence=5, flags=3)
    data = bytearray(clusters * CLUSTER)
    data[:512] = boot(sectors=clusters * 8, record=size)
    for number, content in {0: own, 5: root, **records}.items():
        at = MFT_CLUSTER * CLUSTER + number * size
        data[at : at + size] = content
    data[2 * CLUSTER : 2 * CLUSTER + size] = own
    for cluster, content in (contents or {}).items():
        data[cluster * CLUSTER : cluster * CLUSTER + len(content)] = content
    return bytes(data) + bytes(512)


def opened(data: bytes, account: Unread | None = None) -> Volume:
    """The volume of these bytes, as the reader under test has it."""
    return Volume(FileSource(io.BytesIO(data)), account)


class BadSectors:
    """An image of which some bytes cannot be read."""

    def __init__(self, data: bytes, bad: range) -> None:
        self.data, self.bad = data, bad

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, size: int) -> bytes:
        if offset < self.bad.stop and self.bad.start < offset + size:
            raise OSError(5, "Input/output error")
        return self.data[offset : offset + size]

    def read_into(self, offset: int, view: memoryview) -> int:
        data = self.read_at(offset, len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None: ...


def wants(*names: str) -> Callable[[Sequence[str]], list[str]]:
    """Which of some names are wanted: these, in any case, and copies of them."""
    folded = {fold(name) for name in names}

    def of(seen: Sequence[str]) -> list[str]:
        return [name for name in seen if not folded.isdisjoint(originals_of_copy(fold(name)))]

    return of


# Volumes that ntfs-3g writes.


def require_tools(*more: str) -> None:
    """Skip, saying why, where a volume cannot be made or looked at."""
    missing = [tool for tool in (*_TOOLS, *more) if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and FUSE to mount with ntfs-3g")


def make(image: Path, megabytes: int, *options: str) -> Path:
    """An empty volume, by mkntfs."""
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkntfs", "-qFQ", *options, str(image)], check=True, capture_output=True)
    return image


@contextmanager
def mounted(image: Path, *options: str) -> Iterator[Path]:
    """The volume's root, writable; skips where mounting is not allowed."""
    place = image.parent / f"{image.name}.mounted"
    place.mkdir(exist_ok=True)
    shown = ",".join(("streams_interface=windows", "compression", "noatime", *options))
    done = subprocess.run(
        ["ntfs-3g", "-o", shown, str(image), str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"ntfs-3g does not mount here: {done.stderr.decode()[:200]}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def laid_down(
    top: Path, files: Mapping[str, bytes], times: Mapping[str, datetime] | None = None
) -> None:
    r"""Files on a mounted volume by their paths on ``C:``, an alternate stream behind a colon.
    ``times``: when they were made, changed and read last, by ntfs-3g's own attribute."""
    for path, content in files.items():
        place = spelled_as_there(top, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    for path, when in (times or {}).items():
        four = struct.pack("<4Q", *[ticks(when)] * 4)
        os.setxattr(spelled_as_there(top, path), "system.ntfs_times", four)


def spelled_as_there(root: Path, path: str) -> Path:
    """Where it lies on Linux, which keeps ``Windows`` and ``windows`` apart."""
    place = root
    for name in path.split("\\")[1:]:
        there = os.listdir(place) if place.is_dir() else []
        place /= next((one for one in there if one.casefold() == name.casefold()), name)
    return place


def volume(image: Path, account: Unread | None = None) -> Volume:
    """The volume, read by us; an unbuffered file."""
    return Volume(FileSource(image.open("rb", buffering=0)), account)


def fls(image: Path, *options: str) -> list[str]:
    """What the Sleuth Kit lists of a volume."""
    done = subprocess.run(
        ["fls", "-f", "ntfs", *options, str(image)], capture_output=True, check=True
    )
    return done.stdout.decode("utf-8", "replace").splitlines()


def icat(image: Path, address: str) -> bytes:
    """What the Sleuth Kit reads of a stream."""
    return subprocess.run(
        ["icat", "-f", "ntfs", str(image), address], capture_output=True, check=True
    ).stdout
