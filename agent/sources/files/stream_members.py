"""The members of tar archives and cabinets, and what compressed streams unpack to, as they come.

A stream is unpacked once, as far as its members call for, within the bounds of its archive.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator

from msgspec import Struct

from ...coverage import Ledger
from ...formats import FormatError
from ...formats.cab_archive import CabReader
from ...formats.compressed import Forward, Unpacked, name_in_gzip
from ...formats.kinds import GZIP, Holds, kind_of
from ...formats.tar_archive import TarReader
from ...formats.zip_archive import Member
from ...model.objects import ARROW
from ...model.observation import Observation
from ...reading.opening import read_at
from .open_archive import Look, OpenArchive

_HEAD = 512
_MAX_HEADER = 8192


class StreamMembers(Struct):
    """Hands on each member while it can be read."""

    ledger: Ledger
    progress: Callable[[str], None]
    """Is told the archive while it is unpacked, and may raise to end the sweep."""
    look: Look

    def observe(self, archive: OpenArchive) -> Iterator[Observation]:
        """All that may match in an archive.

        Raises OSError: it cannot be read.
        """
        try:
            if archive.kind.holds is Holds.TAR:
                archive.file.seek(0)
                jump = lambda count: archive.file.seek(count, os.SEEK_CUR)  # noqa: E731
                yield from self._tar(archive, Forward(archive.file.read, jump))
            elif archive.kind.holds is Holds.CAB:
                yield from self._cabinet(archive)
            else:
                yield from self._stream(archive)
        except FormatError as error:
            self.ledger.unread(f"archive: {error.what}", archive.shown)

    def _stream(self, archive: OpenArchive) -> Iterator[Observation]:
        unpacked = Unpacked(archive.file, archive.kind, archive.budget.probed)

        def read(size: int) -> bytes:
            self.progress(archive.shown)
            return unpacked.read(size)

        source = Forward(read)
        try:
            inner = kind_of(source.peek(_HEAD), archive.size, "", lambda *_: b"")
            if inner is not None and inner.holds is Holds.TAR:
                yield from self._tar(archive, source)
            else:
                archive.unpacks = lambda _, limit: source.peek(limit)
                yield from self.look(archive, [_only_member(archive)])
        finally:
            archive.budget.probed = min(archive.budget.probed, unpacked.left)

    def _cabinet(self, archive: OpenArchive) -> Iterator[Observation]:
        at_block = functools.partial(self.progress, archive.shown)
        cabinet = CabReader(archive.file, archive.budget.probed, at_block)
        archive.unpacks = cabinet.first
        try:
            for member in cabinet.members():
                yield from self.look(archive, [member])
        finally:
            archive.budget.probed = min(archive.budget.probed, cabinet.left)

    def _tar(self, archive: OpenArchive, source: Forward) -> Iterator[Observation]:
        tar = TarReader(source)
        archive.unpacks = tar.first
        for member in tar.members():
            yield from self.look(archive, [member])


def _only_member(archive: OpenArchive) -> Member:
    """What a stream unpacks to: named as the stream is, without its extension; gzip may tell
    another name. Its size is not known."""
    name = archive.shown.rpartition(ARROW)[2]
    name = name[max(name.rfind("/"), name.rfind("\\"), name.rfind(":")) + 1 :]
    base = name.rpartition(".")[0] or name
    told = ""
    if archive.kind == GZIP:
        told = name_in_gzip(read_at(archive.file, 0, _MAX_HEADER))
    return Member(
        name=base,
        size=0,
        packed=archive.size,
        method=0,
        encrypted=False,
        header=0,
        listed=False,
        second=told,
    )
