r"""What Windows starts by itself because a hive says so: Run keys, services and drivers.

Run keys: ``…\Microsoft\Windows\CurrentVersion\Run`` and its like, of the machine and of each user,
of 64 and of 32 bits (Microsoft Learn, "Run and RunOnce Registry Keys"; RunServices is of Windows 95
to Me and still written by malware). Services: ``ControlSet…\Services\NAME`` with ImagePath and
FailureCommand, and ``Parameters\ServiceDll`` of those that svchost hosts (Windows drivers
documentation, "HKLM\SYSTEM\CurrentControlSet\Services Registry Tree").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ...formats import FormatError
from ...formats.hive import Hive, Key, Value
from ...model.objects import Dll, Process, Service
from ...spelling import base_name, fold
from .hive_names import Kind

MAX_TEXT = 32_767
"""Characters of a command line; Windows takes no longer one."""
MAX_SERVICES = 20_000
"""Of one control set; a server has some hundreds."""

_VERSION = r"MICROSOFT\WINDOWS\CURRENTVERSION"
_RUN_KEYS = (
    "RUN",
    "RUNONCE",
    "RUNONCEEX",
    "RUNSERVICES",
    "RUNSERVICESONCE",
    r"POLICIES\EXPLORER\RUN",
)
_SECTIONED = "RUNONCEEX"
"""The values are in keys below it."""
_PLACES = ("", "WOW6432NODE\\")
_RUN = re.compile(
    r"(?:SOFTWARE\\)?(?:WOW6432NODE\\)?MICROSOFT\\WINDOWS\\CURRENTVERSION\\"
    r"(?:RUN|RUNONCE|RUNONCEEX(?:\\[^\\]+)?|RUNSERVICES|RUNSERVICESONCE|POLICIES\\EXPLORER\\RUN)"
)
_SERVICE = re.compile(r"CONTROLSET\d{3}\\SERVICES\\[^\\]+(\\PARAMETERS)?")
_CONTROL_SET = re.compile(r"CONTROLSET\d{3}")
_COMMANDS = {"IMAGEPATH": "service", "FAILURECOMMAND": "failure command of a service"}
_DLL = "SERVICEDLL"
_OF_SERVICES = frozenset({*_COMMANDS, _DLL})
_DRIVERS = frozenset({1, 2, 8})
"""Types of services that run in the kernel: driver, file system, recognizer."""
_PROGRAM = re.compile(r"(?i)(?:\"([^\"]+)\"|(.+?\.(?:exe|com|bat|cmd|scr|pif|ps1))(?=\s|$)|(\S+))")


class Autostart(NamedTuple):
    """One value by which something is started; ``process`` or ``dll`` is what.

    ``seen``: in a few words. ``text``: of the value, whole up to 32,767 characters.
    """

    key: Key
    value: Value
    seen: str
    text: str
    process: Process | None = None
    dll: Dll | None = None
    service: Service | None = None
    remarks: tuple[str, ...] = ()


def autostarts(hive: Hive, kind: Kind) -> Iterator[Autostart]:
    """All that a hive starts, as far as it can be read."""
    for key, service in _keys(hive, kind):
        for value in key.values():
            found = autostart(kind, key, value, service)
            if found is not None:
                yield found


def autostart(kind: Kind, key: Key, value: Value, service: Key | None = None) -> Autostart | None:
    """What a value of a key starts, deleted ones too; None: nothing.

    ``service``: the key of the service that the key belongs to, where it is at hand.
    """
    if kind is Kind.SYSTEM and fold(value.name) not in _OF_SERVICES:
        return None  # Most of what stands there.
    path = fold(key.path)
    if kind in (Kind.SOFTWARE, Kind.USER) and _RUN.fullmatch(path):
        text, remarks = _text(value)
        return (
            Autostart(key, value, "Run key", text, process_of(text), remarks=remarks)
            if text
            else None
        )
    if kind is Kind.SYSTEM and (found := _SERVICE.fullmatch(path)):
        return _of_service(key, value, service, in_parameters=found[1] is not None)
    return None


def _keys(hive: Hive, kind: Kind) -> Iterator[tuple[Key, Key | None]]:
    """Those that start something; and the service that one belongs to."""
    if kind is Kind.SYSTEM:
        for control_set in hive.root.subkeys():
            if _CONTROL_SET.fullmatch(fold(control_set.name)):
                yield from _service_keys(control_set)
    elif kind in (Kind.SOFTWARE, Kind.USER):
        top = "" if kind is Kind.SOFTWARE else "SOFTWARE\\"
        for place in _PLACES:
            for name in _RUN_KEYS:
                key = hive.key(f"{top}{place}{_VERSION}\\{name}")
                if key is not None:
                    yield key, None
                    yield from ((below, None) for below in key.subkeys() if name == _SECTIONED)


def _service_keys(control_set: Key) -> Iterator[tuple[Key, Key | None]]:
    services = control_set.subkey("Services")
    for number, service in enumerate(services.subkeys() if services is not None else ()):
        if number >= MAX_SERVICES:
            return
        yield service, service
        parameters = service.subkey("Parameters")
        if parameters is not None:
            yield parameters, service


def _of_service(
    key: Key, value: Value, own: Key | None, *, in_parameters: bool
) -> Autostart | None:
    name = fold(value.name)
    command = _COMMANDS.get(name) if not in_parameters else None
    if command is None and name != _DLL:
        return None
    text, remarks = _text(value)
    if not text:
        return None
    if own is None:
        own = key.hive.key(key.path.rpartition("\\")[0]) if in_parameters else key
    service = Service(
        name=key.path.split("\\")[2],
        display_name=_of(own, "DisplayName"),
        executable=_of(own, "ImagePath") or text,
    )
    if name == _DLL:
        dll = Dll(path=text, name=base_name(text))
        return Autostart(key, value, "service DLL", text, None, dll, service, remarks)
    if name == "IMAGEPATH" and _type_of(own) in _DRIVERS:
        dll = Dll(path=text, name=base_name(text))
        return Autostart(key, value, "driver", text, None, dll, service, remarks)
    return Autostart(key, value, command or "", text, process_of(text), None, service, remarks)


def _text(value: Value) -> tuple[str, tuple[str, ...]]:
    """What Windows takes for the command, and what is to be said of the rest."""
    try:
        strings = value.strings
    except FormatError:
        return "", ()
    if not strings:
        return "", ()
    hidden = [string for string in strings[1:] if string.strip()]
    remarks = ("further text behind the end of the value",) if hidden else ()
    if value.is_deleted:
        remarks = (*remarks, "what is left of a deleted value")
    return strings[0][:MAX_TEXT], remarks


def _of(service: Key | None, name: str) -> str:
    value = service.value(name) if service is not None else None
    return _text(value)[0] if value is not None else ""


def _type_of(service: Key | None) -> int | None:
    value = service.value("Type") if service is not None else None
    if value is None or value.type != "REG_DWORD":
        return None
    try:
        return int.from_bytes(value.data, "little")
    except FormatError:
        return None


def process_of(command: str) -> Process:
    """Of a command line that was seen at rest: no pid, no start."""
    found = _PROGRAM.match(command.lstrip())
    program = next((group for group in found.groups() if group), "") if found else ""
    return Process(
        name=base_name(program),
        executable=program if "\\" in program else "",
        command_line=command,
    )
