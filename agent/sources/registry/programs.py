r"""What a hive remembers of programs: that they ran, or were there to run.

- Shimcache (SYSTEM, ``AppCompatCache``): files that Windows looked at before it would start them,
  with the time they were written. Kept in memory and written at shutdown. No proof that they ran.
- BAM and DAM (SYSTEM, since Windows 10 1709): each user's programs with their last run; some days.
- UserAssist (NTUSER.DAT): what a user started from Explorer, how often and when last.
- MUICache (UsrClass.dat, before Windows Vista NTUSER.DAT): programs whose name Explorer has read.
- Compatibility Assistant ``Store`` (NTUSER.DAT, since Windows 8) and FeatureUsage (since 1903).
- Layers and InstalledSDB (SOFTWARE, NTUSER.DAT): programs that are to start in some other way, and
  the databases of shims that were installed, with the time.
- TrayNotify (UsrClass.dat; NotifyIconSettings of NTUSER.DAT since Windows 11): programs that had an
  icon beside the clock.
- Amcache.hve: programs and drivers with their SHA-1, of a file's first 31,457,280 bytes.
- TaskCache (SOFTWARE): what each scheduled task starts.

libyal's winreg-kb describes each; Amcache: B. Lagny, "Analysis of the AmCache" (ANSSI, 2019).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from ...formats import FormatError
from ...formats.filetime import utc_of
from ...formats.hive import Key, Value
from ...formats.shimcache import read_shimcache
from ...formats.task_cache import Action, read_actions, read_times
from ...formats.user_assist import path_of, read_use, turned
from ...model.objects import File, Hash, Process, Task, User
from ...model.observation import Claim, moments
from ...spelling import base_name
from ..remembered import Remembered
from .spot import Spot

MAX_HASHED = 31_457_280
"""Bytes of a file of which Amcache takes the SHA-1; of a larger one it is of no whole file."""
_SHA_1 = re.compile(r"0000([0-9a-fA-F]{40})")
_NOT_RUN = "it shows that the file was there, not that it ran"
_NO_PATHS = frozenset({"Version", "SequenceNumber"})
_TRAY = re.compile(r"(?:[A-Za-z]:|\{[0-9A-Fa-f-]{36}\}|\\)\\[^\0]+")
_MUI = (".FriendlyAppName", ".ApplicationCompany")
_MAX_TEXT = 32_767


def shimcache(spot: Spot) -> Iterator[Remembered]:
    """Every entry of a cache. Raises FormatError, after those before it."""
    if spot.value is None:
        return
    for cached in read_shimcache(spot.value.data):
        remark = "Windows' flag says that it was started" if cached.was_started else _NOT_RUN
        yield Remembered(
            seen="Shimcache",
            claim=Claim.WAS_THERE,
            texts=(cached.path,),
            moments=moments(modified=cached.modified, happened=cached.updated),
            file=File(path=cached.path, name=base_name(cached.path), size=cached.size),
            record=f"entry {cached.number}",
            remarks=(remark,),
        )


def activity_moderator(spot: Spot) -> Iterator[Remembered]:
    """BAM or DAM: the name of a value is a program's path, that of its key the user's SID."""
    if spot.value is None or spot.value.name in _NO_PATHS:
        return
    user = User(id=base_name(spot.key.path))
    yield Remembered(
        seen="BAM" if "\\bam\\" in spot.key.path.lower() else "DAM",
        claim=Claim.RAN,
        texts=(spot.value.name,),
        moments=moments(ran=_time_in(spot.value, 0)),
        process=_program(spot.value.name, user),
    )


def _often(times: int) -> str:
    return "started once" if times == 1 else f"started {times:,} times"


def user_assist(spot: Spot) -> Iterator[Remembered]:
    """A program ran; of a shortcut, what it leads to was started."""
    if spot.value is None:
        return
    name = turned(spot.value.name)
    path = path_of(name, spot.profile)
    try:
        use = read_use(spot.value.data)
    except FormatError:
        use = None
    often = (_often(use.times),) if use is not None and use.times else ()
    yield Remembered(
        seen="UserAssist",
        claim=Claim.RAN,
        texts=(name, path),
        moments=moments(ran=use.ran if use is not None else None),
        process=_program(path),
        remarks=often,
    )


def mui_cache(spot: Spot) -> Iterator[Remembered]:
    """The name of a value is a path and what of it is kept."""
    if spot.value is None or "\\" not in spot.value.name:
        return
    path = spot.value.name
    for kept in _MUI:
        path = path.removesuffix(kept)
    yield Remembered(
        seen="MUICache",
        claim=Claim.WAS_THERE,
        texts=(spot.value.name, _text_of(spot.value)),
        file=File(path=path, name=base_name(path)),
        remarks=("Explorer has read its name, as it does when it starts a program",),
    )


def compatibility_assistant(spot: Spot) -> Iterator[Remembered]:
    """The name of a value is the path of a program that ran."""
    if spot.value is None or "\\" not in spot.value.name:
        return
    yield Remembered(
        seen="Compatibility Assistant",
        claim=Claim.RAN,
        texts=(spot.value.name,),
        process=_program(spot.value.name),
        remarks=("it keeps no time of it",),
    )


def compatibility_layer(spot: Spot) -> Iterator[Remembered]:
    """The name of a value is the path of a program that was told to start in some other way."""
    if spot.value is None or "\\" not in spot.value.name:
        return
    yield Remembered(
        seen="compatibility layer",
        claim=Claim.WAS_THERE,
        texts=(spot.value.name, _text_of(spot.value)),
        file=File(path=spot.value.name, name=base_name(spot.value.name)),
        remarks=(f"it is to start with {_text_of(spot.value)}",),
    )


def shim_database(spot: Spot) -> Iterator[Remembered]:
    r"""An installed database of shims: ``InstalledSDB\{GUID}``."""
    values = _values(spot.key)
    if path := values.get("DatabasePath", ""):
        yield Remembered(
            seen="installed shim database",
            claim=Claim.WAS_THERE,
            texts=tuple(values.values()),
            moments=moments(happened=_time_of(spot.key, "DatabaseInstallTimeStamp")),
            file=File(path=path, name=base_name(path)),
            remarks=(f"it calls itself {values.get('DatabaseDescription', '')}",),
        )


def feature_usage(spot: Spot) -> Iterator[Remembered]:
    """The name of a value is a program (a path, known folders as GUID) that had a window."""
    if spot.value is None or "\\" not in spot.value.name:
        return
    path = path_of(spot.value.name, spot.profile)
    yield Remembered(
        seen="FeatureUsage",
        claim=Claim.RAN,
        texts=(spot.value.name, path),
        process=_program(path),
        remarks=("it keeps no time of it",),
    )


def tray_icons(spot: Spot) -> Iterator[Remembered]:
    """Programs that had an icon beside the clock: their paths stand in one value, turned."""
    if spot.value is None or spot.value.type != "REG_BINARY":
        return
    raw = spot.value.data
    text = turned(raw[: len(raw) & ~1].decode("utf-16-le", "replace"))
    for name in dict.fromkeys(_TRAY.findall(text)):
        yield _in_the_tray(name, path_of(name, spot.profile))


def tray_settings(spot: Spot) -> Iterator[Remembered]:
    """The same of Windows 11: a key each."""
    if name := _values(spot.key).get("ExecutablePath", ""):
        yield _in_the_tray(name, path_of(name, spot.profile))


def _in_the_tray(name: str, path: str) -> Remembered:
    return Remembered(
        seen="icon beside the clock",
        claim=Claim.RAN,
        texts=(name, path),
        process=_program(path),
        remarks=("it keeps no time of it",),
    )


# ---- Amcache


def inventory(spot: Spot) -> Iterator[Remembered]:
    """A program or driver of Amcache, since Windows 10 1709 a key each."""
    values = _values(spot.key)
    path = values.get("LowerCaseLongPath") or values.get("DriverName") or values.get("Name", "")
    identifier = values.get("FileId") or values.get("DriverId") or base_name(spot.key.path)
    size = _number(values.get("Size") or values.get("ImageSize", ""))
    if path:
        yield _in_amcache(spot.key, path, values, identifier, size)


def old_inventory(spot: Spot) -> Iterator[Remembered]:
    r"""A file of Amcache before that: ``File\{volume}\{record}``, values named by numbers."""
    values = _values(spot.key)
    if path := values.get("15", ""):
        yield _in_amcache(
            spot.key,
            path,
            values,
            values.get("101", ""),
            _number(values.get("6", "")),
            modified=_time_of(spot.key, "11"),
            created=_time_of(spot.key, "12"),
        )


def _number(text: str) -> int | None:
    """In decimal, or in hexadecimal behind ``0x``."""
    try:
        return abs(int(text, 0))
    except ValueError:
        return None


def _in_amcache(
    key: Key,
    path: str,
    values: dict[str, str],
    identifier: str,
    size: int | None,
    *,
    modified: datetime | None = None,
    created: datetime | None = None,
) -> Remembered:
    digest = _SHA_1.fullmatch(identifier)
    whole = size is None or size <= MAX_HASHED
    remarks: tuple[str, ...] = (_NOT_RUN,)
    if digest is not None and not whole:
        remarks += (f"SHA-1 {digest[1].lower()} is of its first {MAX_HASHED:,} bytes",)
    return Remembered(
        seen="Amcache",
        claim=Claim.WAS_THERE,
        # Behind the zeros that stand before it a hash is no word of its own.
        texts=(*values.values(), base_name(key.path), digest[1] if digest is not None else ""),
        moments=moments(created=created, modified=modified, happened=key.written),
        file=File(
            path=path,
            name=base_name(path),
            size=size,
            hash=Hash(sha1=digest[1].lower()) if digest is not None and whole else None,
            created=created,
            mtime=modified,
        ),
        remarks=remarks,
    )


# ---- Scheduled tasks


def task_cache(spot: Spot) -> Iterator[Remembered]:
    r"""What a task starts: ``TaskCache\Tasks\{GUID}``. Raises FormatError, after the actions before
    what cannot be read."""
    values = _values(spot.key)
    name = values.get("Path") or values.get("URI") or base_name(spot.key.path)
    texts = tuple(values.values())
    dynamic, actions = spot.key.value("DynamicInfo"), spot.key.value("Actions")
    told = moments()
    with suppress(FormatError):
        if dynamic is not None:
            times = read_times(dynamic.data)
            told = moments(created=times.created, ran=times.ran)
    for action in read_actions(actions.data) if actions is not None else ():
        line = _command_of(action)
        yield Remembered(
            seen="scheduled task in the registry",
            claim=Claim.RAN,
            texts=(*texts, line),
            moments=told,
            process=Process(
                name=base_name(action.command.strip('"')),
                executable=action.command if "\\" in action.command else "",
                command_line=line,
            ),
            task=Task(name=name, command=line),
        )


def _command_of(action: Action) -> str:
    return f"{action.command} {action.arguments}".strip()[:_MAX_TEXT]


# ---- Values


def _program(path: str, user: User | None = None) -> Process:
    return Process(name=base_name(path), executable=path, user=user)


def _values(key: Key) -> dict[str, str]:
    """By name, as text: strings and numbers."""
    return {value.name: _text_of(value) for value in key.values()}


def _text_of(value: Value) -> str:
    try:
        if value.type in ("REG_DWORD", "REG_QWORD"):
            return str(int.from_bytes(value.data, "little"))
        return "\n".join(value.strings)[:_MAX_TEXT]
    except FormatError:
        return ""


def _time_of(key: Key, name: str) -> datetime | None:
    value = key.value(name)
    return _time_in(value, 0) if value is not None else None


def _time_in(value: Value, at: int) -> datetime | None:
    try:
        return utc_of(int.from_bytes(value.data[at : at + 8], "little"))
    except FormatError:
        return None
