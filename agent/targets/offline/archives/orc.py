r"""A collection of DFIR-ORC: archives in an archive, in each the samples that were copied and
``GetThis.csv``, which says what each of them was.

Read as a collection by drives: a sample lies where the host had it, below ``C`` if its volume is
the one with Windows, else below the volume's serial number; what else an inner archive holds
(``NTFSInfo`` and other lists) lies below the archive's name. Columns by the tool's documentation,
"GetThis": ``VolumeID``, ``FullName``, ``SampleName``, ``ContentType``, ``LastModificationDate``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import partial
from typing import BinaryIO, NamedTuple

from ....formats import FormatError
from ....formats.live_response import as_utf8
from ....reading.opening import read_up_to, reason_of
from ....spelling import fold
from . import Archive, Folders, Node, Problem
from .seven_zip import SevenZipListing, is_readable

TABLE = "GETTHIS.CSV"
MAX_TABLE = 256 << 20
"""Bytes."""
UNREADABLE = "archive in the archive that cannot be read: {}"
NOT_THERE = "sample of GetThis.csv that is not in its archive"
_OF_CONTENT = frozenset({"", "DATA"})
"""Of a sample that is the file's own bytes."""
_SYSTEM = "\\WINDOWS\\SYSTEM32\\"


class _Sample(NamedTuple):
    volume: str
    path: str
    archive: Archive
    node: Node


class OrcCollection:
    """The merged members of all inner archives."""

    def __init__(self, outer: Archive) -> None:
        """``outer``: with one table at least, or archives that have one (:func:`is_of_orc`)."""
        self._owners: dict[int, Archive] = {}
        """Of each node, the archive that holds its bytes."""
        self._folders = Folders("/\\")
        self.problems: list[Problem] = list(outer.problems)
        samples: list[_Sample] = []
        for name, node in outer.top.files:
            if not (_is_archive(name) and is_readable()):
                self._add(name, node, outer)
                continue
            try:
                inner = SevenZipListing(partial(outer.open, node))
            except FormatError as error:
                self._folders.problem(UNREADABLE.format(error.what), name)
            except OSError as error:
                self._folders.problem(UNREADABLE.format(reason_of(error)), name)
            else:
                self.problems += inner.problems
                samples += self._samples(inner, name)
        if _table(outer) is not None:
            samples += self._samples(outer, "")
        system = {one.volume for one in samples if fold(one.path).startswith(_SYSTEM)}
        for one in samples:
            drive = "C" if one.volume in system else one.volume or "volume"
            self._add(f"{drive}{one.path}", one.node, one.archive)
        self.problems += self._folders.done()
        self.top = self._folders.top

    def open(self, node: Node) -> BinaryIO:
        """As :class:`Archive`."""
        return self._owners[id(node)].open(node)

    def _add(self, path: str, node: Node, archive: Archive) -> None:
        self._folders.add(path, node)
        self._owners[id(node)] = archive

    def _samples(self, archive: Archive, called: str) -> Iterator[_Sample]:
        """Those that its table tells of; all else lies below the name that it is called by."""
        left = {fold(path): (path, node) for path, node in _members(archive.top)}
        table = _table(archive)
        rows: list[dict[str, str]] = []
        if table is not None:
            try:
                rows = [*_rows(archive, table)]
            except (OSError, csv.Error) as error:
                self._folders.problem(f"GetThis.csv: {error}", called)
        for row in rows:
            stored = fold(row.get("SAMPLENAME", "").replace("\\", "/").lstrip("/"))
            path, kind = row.get("FULLNAME", ""), fold(row.get("CONTENTTYPE", ""))
            if stored not in left:
                if stored:
                    self._folders.problem(NOT_THERE, f"{called}/{stored}".lstrip("/"))
            elif kind in _OF_CONTENT and path.startswith("\\"):
                _, node = left.pop(stored)
                yield _Sample(row.get("VOLUMEID", ""), path, archive, _timed(node, row))
        for within, node in left.values() if called else ():
            if node is not table:
                self._add(f"{called}/{within}", node, archive)


def is_of_orc(archive: Archive) -> bool:
    """Whether a table is there, or in the first archive in it that can be read."""
    if _table(archive) is not None:
        return True
    for name, node in archive.top.files:
        if _is_archive(name) and is_readable():
            try:
                return _table(SevenZipListing(partial(archive.open, node))) is not None
            except (FormatError, OSError):
                continue
    return False


def _is_archive(name: str) -> bool:
    return fold(name).endswith(".7Z")


def _table(archive: Archive) -> Node | None:
    return next((node for name, node in archive.top.files if fold(name) == TABLE), None)


def _members(top: Node) -> Iterator[tuple[str, Node]]:
    """Files by their paths."""
    waiting = [("", top)]
    while waiting:
        path, folder = waiting.pop()
        yield from ((f"{path}{name}", node) for name, node in folder.files)
        waiting += [(f"{path}{name}/", inner) for name, inner in folder.folders.items()]


def _rows(archive: Archive, table: Node) -> Iterator[dict[str, str]]:
    """With folded names of columns. Raises OSError, csv.Error."""
    with archive.open(table) as file:
        text = as_utf8(read_up_to(file, MAX_TABLE)).decode("utf-8", "replace")
    rows = csv.reader(io.StringIO(text, newline=""))
    names = [fold(name.strip()) for name in next(rows, [])]
    for row in rows:
        yield dict(zip(names, row, strict=False))


def _timed(node: Node, row: dict[str, str]) -> Node:
    """With the time at which the host's file was written last."""
    try:
        written = datetime.fromisoformat(row.get("LASTMODIFICATIONDATE", ""))
    except ValueError:
        return node
    if node.member is not None:
        seconds = written.replace(tzinfo=timezone.utc).timestamp()
        node.member = node.member._replace(modified=seconds)
    return node


__all__ = ["OrcCollection", "is_of_orc"]
