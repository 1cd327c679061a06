"""What holds for any bytes that look like an archive or a disk: they end in members or partitions, or
in a typed error, within the bounds."""

from __future__ import annotations

import io
from contextlib import suppress

from agent.formats import FormatError
from agent.formats.cab_archive import CabReader
from agent.formats.compressed import Forward, Unpacked
from agent.formats.kinds import Holds, kind_of
from agent.formats.partitions import partitions
from agent.formats.tar_archive import TarReader
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
