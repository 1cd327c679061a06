"""What is to be delivered: a report, wherever it lies."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Protocol

from ..model.codec import MAX_BYTES, ReportError, decode
from .spool import MAX_BODY, Spool, SpoolError, is_report_id, packed, read_body


class Parcel(Protocol):
    """One report on its way."""

    @property
    def report_id(self) -> str: ...

    def body(self) -> bytes:
        """The gzip body. Raises SpoolError."""

    def delivered(self) -> None:
        """It arrived. Raises OSError."""

    def refused(self, reason: str) -> str:
        """It will never be taken; says where it now lies. Raises OSError, SpoolError."""


class Spooled:
    """A report in a spool: leaves it when it has arrived."""

    def __init__(self, spool: Spool, report_id: str) -> None:
        self.report_id = report_id
        self._spool = spool
        self._aside: Path | None = None

    def body(self) -> bytes:
        return self._spool.read(self.report_id) if self._aside is None else read_body(self._aside)

    def delivered(self) -> None:
        if self._aside is None:
            self._spool.done(self.report_id)

    def refused(self, reason: str) -> str:
        self._aside = self._spool.refuse(self.report_id, reason)
        return str(self._aside)


class Held:
    """A report that lies where it stays: in memory, as no spool would have it, or in a file of the
    operator's.
    """

    def __init__(self, report_id: str, body: bytes, place: str) -> None:
        self.report_id = report_id
        self._body = body
        self._place = place

    def body(self) -> bytes:
        return self._body

    def delivered(self) -> None:
        """It stays."""

    def refused(self, reason: str) -> str:  # noqa: ARG002
        return self._place


def unpacked(body: bytes, limit: int = MAX_BYTES) -> bytes:
    """The JSON in a gzip body. Raises ReportError; never holds more than ``limit`` bytes."""
    unpacker = zlib.decompressobj(31)
    try:
        data = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise ReportError(f"broken gzip: {error}") from error
    if len(data) > limit:
        raise ReportError(f"more than {limit:,} bytes of JSON")
    if not unpacker.eof:
        raise ReportError("broken gzip: it ends too early")
    if unpacker.unused_data:
        raise ReportError("broken gzip: something follows it")
    return data


def parcels_at(path: Path) -> tuple[list[Parcel], list[str]]:
    """The reports at a path, checked, oldest first, and why others are none.

    In a folder that is every ``ID.json.gz``, which leaves it once it has arrived, and every
    ``*.json``, which stays. Raises SpoolError if there is nothing to look at.
    """
    if path.is_dir():
        return _in_folder(path)
    if not path.exists():
        raise SpoolError(f"{path}: not found")
    try:
        return [_file(path)], []
    except (ReportError, SpoolError) as error:
        return [], [f"{path}: {error}"]


def _in_folder(folder: Path) -> tuple[list[Parcel], list[str]]:
    spool = Spool(folder, private=False)
    parcels: list[Parcel] = []
    problems = []
    for report_id, path in spool.pending():
        try:
            found = decode(unpacked(read_body(path))).report_id
            if found != report_id:
                raise ReportError(f"holds the report {found}")
        except (ReportError, SpoolError) as error:
            problems.append(f"{path}: {error}")
        else:
            parcels.append(Spooled(spool, report_id))
    known = {parcel.report_id for parcel in parcels}
    for path in sorted(folder.glob("*.json")):
        try:
            parcel = _file(path)
        except (ReportError, SpoolError) as error:
            problems.append(f"{path}: {error}")
            continue
        if parcel.report_id not in known:
            parcels.append(parcel)
    return parcels, problems


def _file(path: Path) -> Held:
    data = read_body(path)
    compressed = data[:2] == b"\x1f\x8b"
    json = unpacked(data) if compressed else data
    report = decode(json)
    if not is_report_id(report.report_id):
        raise ReportError(f"its id {report.report_id[:64]!r} is no UUID")
    body = data if compressed else packed(json)
    if len(body) > MAX_BODY:
        raise ReportError(f"larger than {MAX_BODY} bytes")
    return Held(report.report_id, body, str(path))
