"""Rows with Defender's advanced-hunting columns, appended to a file.

Durable before the cursor moves (``fsync``). A write that fails half-way is taken back, and a last
line that a crash tore is cut off when the file is opened. The end of the file, and of the one that
was rotated last, is read then: findings that are in it whole are not written again after a restart.
Older ones could only double if the store's cursor were set back.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

import msgspec

from agent.model.report import Strength
from agent.output.mapping import defender

from .dead_letter import DeadLetters
from .output import Item, Output, TryAgain

MAX_BYTES = 256 * 1024 * 1024
"""Of a file before the next one is begun."""
_REMEMBERED = 100_000
TAIL_BYTES = 16 * 1024 * 1024
"""Looked through for what is there already."""


class NdjsonFile(Output):
    """See :class:`~.output.Output`."""

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        max_bytes: int = MAX_BYTES,
        keep: int | None = None,
        weakest: Strength = Strength.WEAK,
    ) -> None:
        super().__init__(name, DeadLetters(None, name), weakest)
        self.path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._file: BinaryIO | None = None
        self._there: Counter[str] = Counter()

    async def send(self, items: Sequence[Item]) -> None:
        try:
            await asyncio.to_thread(self._append, items)
        except OSError as error:
            raise TryAgain(f"{self.path}: {error.strerror or error}", items) from error

    async def close(self) -> None:
        self._let_go()

    def _append(self, items: Sequence[Item]) -> None:
        file = self._opened()
        new: list[tuple[str, int, bytes]] = []
        for item in items:
            data = defender.lines(
                item.report, item.finding, limited=item.limits, signed=item.signed
            )
            identity = item.id
            if self._there[identity] < data.count(b"\n"):
                new.append((identity, data.count(b"\n"), data))
        size = file.seek(0, os.SEEK_END)
        if size and size + sum(len(data) for _, _, data in new) > self._max_bytes:
            file = self._rotated()
            size = 0
        try:
            _write_all(file, b"".join(data for _, _, data in new))
            os.fsync(file.fileno())
        except OSError:
            self._take_back(size)
            raise
        for identity, rows, _ in new:
            self._there[identity] = rows
        if len(self._there) > 2 * _REMEMBERED:
            self._there = Counter(dict(list(self._there.items())[-_REMEMBERED:]))

    def _take_back(self, size: int) -> None:
        """Nothing of a failed batch stays; opening again repairs what cannot be taken back now."""
        self._let_go()
        os.truncate(self.path, size)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            file = os.fdopen(handle, "r+b", buffering=0)
            _cut_torn_line(file)
            self._there = Counter()
            for path in self._rotated_files()[-1:]:
                with path.open("rb") as older:
                    self._there.update(_identities(older))
            self._there.update(_identities(file))
            _sync_folder(self.path.parent)
            self._file = file
        return self._file

    def _rotated(self) -> BinaryIO:
        there = self._there
        self._let_go()
        stamp = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%f}Z"
        self.path.rename(self.path.with_name(f"{self.path.name}.{stamp}"))
        if self._keep is not None:
            files = self._rotated_files()
            for path in files[: max(len(files) - self._keep, 0)]:
                path.unlink()
        file = self._opened()
        self._there = there
        return file

    def _rotated_files(self) -> list[Path]:
        """Oldest first."""
        return sorted(self.path.parent.glob(f"{self.path.name}.*Z"))

    def _let_go(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _write_all(file: BinaryIO, data: bytes) -> None:
    """An unbuffered write may take less than it is given."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _cut_torn_line(file: BinaryIO) -> None:
    end = size = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 65_536)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        file.truncate(end)


def _identities(file: BinaryIO) -> Counter[str]:
    """How many rows of each finding the end of the file holds."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL_BYTES))
    lines = file.read(TAIL_BYTES).split(b"\n")
    found: Counter[str] = Counter()
    for line in lines[1:] if size > TAIL_BYTES else lines:
        if line:
            try:
                found[_ROW.decode(line).AdditionalFields.DocumentId] += 1
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # somebody else's line
    return found


class _Identity(msgspec.Struct):
    DocumentId: str


class _Row(msgspec.Struct):
    AdditionalFields: _Identity


_ROW = msgspec.json.Decoder(_Row)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
