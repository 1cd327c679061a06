"""What holds for any bytes that look like an archive or a disk, or like what Windows remembers: they
end in members, partitions or facts, or in a typed error, within the bounds."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress

from agent.formats import FormatError
from agent.formats.cab_archive import CabReader
from agent.formats.compressed import Forward, Unpacked
from agent.formats.ese import Database, time_of
from agent.formats.kinds import Holds, kind_of
from agent.formats.partitions import partitions
from agent.formats.plain_text import text_of
from agent.formats.recent_file_cache import read_recent_files
from agent.formats.recycler import read_recycler
from agent.formats.shell_items import joined, read_items
from agent.formats.shim_database import read_shims
from agent.formats.shimcache import read_shimcache
from agent.formats.simple_xml import elements
from agent.formats.tar_archive import TarReader
from agent.formats.task_cache import read_actions
from agent.formats.task_file import read_task
from agent.formats.thumbnails import read_thumbs_db
from agent.formats.user_assist import read_use
from agent.formats.zip_archive import find_directory, members, true_sizes
from agent.formats.zip_unpacking import unpack
from agent.reading.opening import read_at

LIMIT = 1 << 16


def archive(data: bytes) -> None:
    file = io.BytesIO(data)

    def read(offset: int, length: int) -> bytes:
        return read_at(file, offset, length)

    kind = kind_of(data[:4096], len(data), "", read, given=True)
    if kind is None:
        return
    with suppress(FormatError):
        if kind.holds is Holds.ZIP:
            _zip(file, len(data))
        elif kind.holds is Holds.TAR:
            _tar(Forward(file.read))
        elif kind.holds is Holds.CAB:
            _cabinet(CabReader(file, LIMIT))
        elif kind.holds is Holds.STREAM:
            _tar(Forward(Unpacked(file, kind, LIMIT).read))
        elif kind.holds is Holds.DISK:
            assert all(one.size > 0 for one in partitions(read))


def _zip(file: io.BytesIO, size: int) -> None:
    for member in members(file, find_directory(file, size)):
        with suppress(FormatError):
            assert len(unpack(file, true_sizes(file, size, member), LIMIT)) <= LIMIT


def _tar(source: Forward) -> None:
    tar = TarReader(source)
    for member in tar.members():
        with suppress(FormatError):
            assert len(tar.first(member, LIMIT)) <= LIMIT


def _cabinet(cabinet: CabReader) -> None:
    for member in cabinet.members():
        with suppress(FormatError):
            assert len(cabinet.first(member, LIMIT)) <= LIMIT


def _rows(data: bytes) -> None:
    database = Database(data)
    for table in database.tables.values():
        for row in database.rows(table):
            for value in row.values.values():
                time_of(value)


REMEMBERED: tuple[Callable[[bytes], object], ...] = (
    lambda data: list(read_shimcache(data)),
    read_use,
    lambda data: joined(list(read_items(data))),
    lambda data: list(read_actions(data)),
    read_task,
    lambda data: list(elements(text_of(data))),
    lambda data: list(read_recent_files(data)),
    _rows,
    lambda data: list(read_recycler(data)),
    lambda data: list(read_thumbs_db(data)),
    lambda data: list(read_shims(data)),
)
"""What reads values of hives, and files in which Windows remembers programs."""


def remembered(which: int, data: bytes) -> None:
    """Facts, or a typed error."""
    with suppress(FormatError):
        REMEMBERED[which % len(REMEMBERED)](data)
