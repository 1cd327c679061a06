r"""What a row of Windows' timeline or of its notifications tells.

``Activity`` and its like of ``ActivitiesCache.db``: ``AppId`` lists the program by several names,
``Payload`` of types 5 (a program or file was opened) and 6 (it was in use) names the file, both in
JSON, in which a backslash is two. ``Notification`` of ``wpndatabase.db``: a toast of an
application, with the time of its arrival as a FILETIME. K. Cosmatos (kacos2000), "Windows
Timeline" and "Windows Notifications".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from ...formats.filetime import utc_of
from ...formats.user_assist import path_of
from ...model.objects import File, Process
from ...model.observation import Claim, moments
from ...spelling import base_name
from ..remembered import Remembered

if TYPE_CHECKING:
    from ...formats.sqlite import Database, Row

_OPENED, _IN_USE = 5, 6
"""Types of activities."""
_PROGRAMS = frozenset({"x_exe_path", "windows_win32"})
"""Platforms whose application is a path."""
_FILE = "file:"
_HANDLERS = "NotificationHandler"


class _Application(msgspec.Struct):
    application: str = ""
    platform: str = ""


class _Payload(msgspec.Struct):
    description: str = ""
    content: str = msgspec.field(default="", name="contentUri")


_APPLICATIONS = msgspec.json.Decoder(list[_Application])
_PAYLOAD = msgspec.json.Decoder(_Payload)


def of_activity(row: Row, profile: str) -> Iterator[Remembered]:
    """The program that ran, and the file that it opened; nothing for a row that tells neither.
    ``profile``: of the user whose database it is."""
    if row.integer("activitytype") not in (_OPENED, _IN_USE):
        return
    started, ended = (_time_of(row.integer(name)) for name in ("starttime", "endtime"))
    program = _program(row.text("appid"), profile)
    path = _opened(row.text("payload"))
    if path:
        yield Remembered(
            seen="opened file of the timeline",
            claim=Claim.WAS_THERE,
            texts=(path,),
            moments=moments(happened=started),
            file=File(path=path, name=base_name(path)),
            remarks=(f"opened with {program}",) if program else (),
        )
    if program:
        yield Remembered(
            seen="program of the timeline",
            claim=Claim.RAN,
            texts=(program,),
            moments=moments(ran=started),
            process=Process(name=base_name(program), executable=program),
            remarks=(f"in use until {ended:%Y-%m-%d %H:%M:%S} UTC",) if ended else (),
        )


def time_of(row: Row) -> datetime | None:
    """When it happened; None: the row does not say."""
    return _time_of(row.integer("starttime")) or utc_of(row.integer("arrivaltime"))


def sender_of(row: Row, database: Database) -> str:
    """The application whose notification it is; "" for any other row. Raises FormatError."""
    number = row.integer("handlerid")
    if not number or not database.has(_HANDLERS):
        return ""
    found = database.rows(_HANDLERS, "RecordId = ? LIMIT 1", number)
    return next((handler.text("primaryid") for handler in found), "")


def _program(text: str, profile: str) -> str:
    try:
        listed = _APPLICATIONS.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return ""
    names = (one.application for one in listed if one.platform in _PROGRAMS)
    return next((path_of(name, profile) for name in names if "\\" in name), "")


def _opened(text: str) -> str:
    try:
        payload = _PAYLOAD.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return ""
    uri = payload.content.partition("?")[0]
    if not uri.lower().startswith(_FILE):
        return payload.description if "\\" in payload.description else ""
    path = unquote(uri[len(_FILE) :]).replace("/", "\\")
    return path.removeprefix("\\\\\\") if path.startswith("\\\\\\") else path


def _time_of(seconds: int) -> datetime | None:
    """Since 1970."""
    if not 0 < seconds < 1 << 33:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc)
