r"""What the registry keeps of scheduled tasks: what they start, and when they were made and ran.

Format: values below ``Schedule\TaskCache\Tasks\{GUID}`` as libyal's winreg-kb, "Task Scheduler",
and N. Cymerman's notes on ``Actions`` describe them. ``Actions``: a version, since version 2 a
context, then each action by its magic. ``DynamicInfo``: made at 4, last run at 12, since Windows 10
last run that worked at 28.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from . import FormatError
from .filetime import utc_of

MAX_ACTIONS = 64
"""Of one task; Windows takes 32."""
_EXECUTE, _COM = 0x6666, 0x7777
_FLAGS_SINCE = 3


class Action(NamedTuple):
    """What a task does: a program, or a class of COM by its GUID."""

    command: str
    arguments: str = ""
    folder: str = ""


class Times(NamedTuple):
    """UTC; None: never, or not kept."""

    created: datetime | None
    ran: datetime | None


def read_actions(data: bytes) -> Iterator[Action]:
    """The actions in their order. Raises FormatError at one that is unknown or cut, after those
    before it."""
    cursor = _Cursor(data)
    version = cursor.number(2)
    if version > 1:
        cursor.text()
    for _ in range(MAX_ACTIONS):
        if cursor.at >= len(data):
            return
        magic = cursor.number(2)
        cursor.text()
        if magic == _EXECUTE:
            action = Action(cursor.text(), cursor.text(), cursor.text())
            if version >= _FLAGS_SINCE:
                cursor.number(2)
            yield action
        elif magic == _COM:
            yield Action(f"{{{cursor.bytes(16).hex()}}}", cursor.text())
        else:
            raise FormatError("an action of a task of an unknown kind", f"0x{magic:x}")


def read_times(data: bytes) -> Times:
    """Of a ``DynamicInfo``. Raises FormatError."""
    if len(data) < 20:
        raise FormatError("no times of a task", f"{len(data)} bytes")
    created, ran = (int.from_bytes(data[at : at + 8], "little") for at in (4, 12))
    return Times(utc_of(created), utc_of(ran))


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def bytes(self, size: int) -> bytes:
        taken = self.data[self.at : self.at + size]
        if len(taken) < size:
            raise FormatError("the actions of a task are cut", f"0x{self.at:x}")
        self.at += size
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.bytes(size), "little")

    def text(self) -> str:
        raw = self.bytes(self.number(4))
        return raw[: len(raw) & ~1].decode("utf-16-le", "surrogatepass").rstrip("\0")
