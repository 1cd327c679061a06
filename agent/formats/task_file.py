r"""Scheduled tasks as files: XML since Windows Vista, ``.job`` before.

Format: [MS-TSCH] 2.5, "XML Task Definition Language" (``Task/Actions/Exec``, ``ComHandler``,
``RegistrationInfo``, ``Principals``), and 2.4, ".JOB File Format": a fixed part of 68 bytes, then
counted strings of UTF-16.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from . import FormatError
from .plain_text import text_of
from .simple_xml import elements
from .task_cache import Action

MAX_ACTIONS = 64
_END = "</Task>"
_FIXED = 68
_APPLICATION_AT, _LAST_RUN_AT = 20, 52


class TaskFile(NamedTuple):
    """What a file of a task says."""

    uri: str
    """Its name, empty where the file does not say it."""
    actions: tuple[Action, ...]
    author: str = ""
    user: str = ""
    """The account, or its SID, that it runs as."""
    registered: str = ""
    """As the file has it: a local time, which its author chose."""
    last_run: datetime | None = None
    """In local time, without a zone; ``.job`` alone has it."""


def read_task(data: bytes) -> TaskFile:
    """A task, of either kind.

    Raises:
        FormatError: neither, or torn.
    """
    text = text_of(data)
    return _of_xml(text) if text.lstrip("\r\n\t ").startswith("<") else _of_job(data)


def _of_xml(text: str) -> TaskFile:
    told: dict[str, str] = {}
    actions: list[Action] = []
    exec_: dict[str, str] = {}
    for element in elements(text.partition(_END)[0] + _END):
        *above, name = element.path
        if above[:2] == ["Task", "Actions"] and len(above) == 3:
            exec_[name] = element.text
        elif above == ["Task", "Actions"]:
            if len(actions) < MAX_ACTIONS:
                actions.append(_action(exec_))
            exec_ = {}
        elif above[:1] == ["Task"] and above[1:2] in (["RegistrationInfo"], ["Principals"]):
            told.setdefault(name, element.text)
    return TaskFile(
        uri=told.get("URI", ""),
        actions=tuple(actions),
        author=told.get("Author", ""),
        user=told.get("UserId") or told.get("GroupId", ""),
        registered=told.get("Date", ""),
    )


def _action(told: dict[str, str]) -> Action:
    if "ClassId" in told:
        return Action(told["ClassId"], told.get("Data", ""))
    return Action(
        told.get("Command", ""), told.get("Arguments", ""), told.get("WorkingDirectory", "")
    )


def _of_job(data: bytes) -> TaskFile:
    if len(data) < _FIXED + 2:
        raise FormatError("no scheduled task", f"{len(data)} bytes")
    (at,) = struct.unpack_from("<H", data, _APPLICATION_AT)
    texts = list(islice(_texts(data, at), 4))
    if len(texts) < 4:
        raise FormatError("a scheduled task that is cut", f"0x{at:x}")
    application, parameters, folder, author = texts
    return TaskFile(
        uri="",
        actions=(Action(application, parameters, folder),),
        author=author,
        last_run=_system_time(data[_LAST_RUN_AT : _LAST_RUN_AT + 16]),
    )


def _texts(data: bytes, at: int) -> Iterator[str]:
    while _FIXED <= at + 2 <= len(data):
        size = 2 * int.from_bytes(data[at : at + 2], "little")
        text = data[at + 2 : at + 2 + size]
        if len(text) < size:
            return
        yield text.decode("utf-16-le", "surrogatepass").rstrip("\0")
        at += 2 + size


def _system_time(raw: bytes) -> datetime | None:
    """[MS-DTYP] 2.3.13 SYSTEMTIME; None for one that is not set."""
    year, month, _, day, hour, minute, second, millisecond = struct.unpack("<8H", raw)
    try:
        return datetime(year, month, day, hour, minute, second, 1000 * millisecond)  # noqa: DTZ001
    except ValueError:
        return None
