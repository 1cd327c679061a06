r"""Who a host at rest was, from its hives SOFTWARE and SYSTEM.

Keys: ``Microsoft\Windows NT\CurrentVersion`` (``SystemRoot``, ``ProductName``, ``InstallDate`` …)
and its ``ProfileList``, ``Microsoft\Cryptography`` (``MachineGuid``); ``Select``,
``Control\ComputerName\ComputerName`` and ``Services\Tcpip\Parameters`` of the control set in use;
``MountedDevices``: drive letters (winreg-kb, "Mounted devices").
A hive that was in use lacks what stands in its transaction logs: they are laid over it first.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from msgspec import Struct, field

from ...formats import FormatError
from ...formats.hive import Hive, Key, Value
from ...formats.hive_logs import replayed
from ...formats.paged import Bytes
from ...windows.host import product_name
from ..installation import MAX_PROFILES, Listed
from ..log_places import FILE, LOG_SERVICE, MAX_LOGS, keys_in_software

_CURRENT = "Microsoft\\Windows NT\\CurrentVersion"
_PROFILES = f"{_CURRENT}\\ProfileList"
_CRYPTOGRAPHY = "Microsoft\\Cryptography"
_NAME = "Control\\ComputerName\\ComputerName"
_TCPIP = "Services\\Tcpip\\Parameters"
_MOUNTED = "MountedDevices"
_LETTER = re.compile(r"(?i)\\DosDevices\\([A-Z]:)")
_MAX_MOUNTED = 10_000
_MAX_DEVICE = 24
"""Bytes by which a partition is known; what is longer is the name of another device."""
_PREFETCH = "Control\\Session Manager\\Memory Management\\PrefetchParameters"
_OPTIONS = "Control\\ProductOptions"
_PROGRAMS = 1
"""The bit of EnablePrefetcher that stands for programs (Microsoft Learn, "Disable Prefetch")."""
_WORKSTATION = "WinNT"
_MAX_TEXT = 65_536
"""Bytes of a value."""
_TEXTS = ("REG_SZ", "REG_EXPAND_SZ")
_NUMBERS = ("REG_DWORD", "REG_QWORD")

Values = dict[str, str | int]
"""Texts and numbers of a key by their names in capitals."""


class Software(Struct, frozen=True):
    """What SOFTWARE tells."""

    system_root: str = ""
    machine_guid: str = ""
    product: str = ""
    """``Windows 10 Pro 22H2``"""
    version: str = ""
    """``10.0.19045.3803``"""
    installed: datetime | None = None
    """UTC."""
    listed: Listed = field(default_factory=Listed)
    problem: str = ""
    """Why something of it may be missing."""


class Computer(Struct, frozen=True):
    """What SYSTEM tells."""

    name: str = ""
    host_name: str = ""
    domain: str = ""
    data_base: str = ""
    """``DataBasePath``, as it is written there."""
    event_logs: tuple[str, ...] = ()
    """Files of classic event logs, as they are written there."""
    letters: tuple[tuple[bytes, str], ...] = ()
    """Drive letters, ``D:``, by what the mount manager knows a partition by
    (:attr:`agent.formats.partitions.Partition.device`)."""
    prefetches: bool = True
    """False: prefetch files of programs are switched off, or it is a server, where they are off
    unless somebody switched them on."""

    @property
    def names(self) -> list[str]:
        """By which people may call it."""
        whole = f"{self.host_name}.{self.domain}" if self.host_name and self.domain else ""
        return [name for name in (self.name, self.host_name, whole) if name]


def read_software(data: Bytes, logs: Sequence[Bytes] = ()) -> Software:
    """Raises FormatError: not a hive."""
    replay = replayed(data, logs, quick=True)
    hive = Hive(replay.hive)
    current = _values(hive, _CURRENT)
    install = current.get("INSTALLDATE")
    return Software(
        system_root=_text(current, "SYSTEMROOT"),
        machine_guid=_text(_values(hive, _CRYPTOGRAPHY), "MACHINEGUID"),
        product=_product(current),
        version=_version(current),
        installed=datetime.fromtimestamp(install, timezone.utc)
        if isinstance(install, int) and 0 < install < 1 << 32
        else None,
        listed=_listed(hive),
        problem=next(iter(hive.problems), replay.problem),
    )


def read_computer(data: Bytes, logs: Sequence[Bytes] = ()) -> Computer:
    """Raises FormatError: not a hive."""
    hive = Hive(replayed(data, logs, quick=True).hive)
    number = _values(hive, "Select").get("CURRENT")
    chosen = f"ControlSet{number if isinstance(number, int) else 1:03d}"
    network = _values(hive, f"{chosen}\\{_TCPIP}")
    return Computer(
        name=_text(_values(hive, f"{chosen}\\{_NAME}"), "COMPUTERNAME"),
        host_name=_text(network, "NV HOSTNAME") or _text(network, "HOSTNAME"),
        domain=_text(network, "NV DOMAIN") or _text(network, "DOMAIN"),
        data_base=_text(network, "DATABASEPATH"),
        event_logs=_classic_logs(hive, chosen),
        letters=_letters(hive),
        prefetches=_prefetches(hive, chosen),
    )


def _listed(hive: Hive) -> Listed:
    key = hive.key(_PROFILES)
    keys = () if key is None else itertools.islice(key.subkeys(), MAX_PROFILES)
    profiles = [(one.name, _text(_of(hive, one), "PROFILEIMAGEPATH")) for one in keys]
    top = _values(hive, _PROFILES)
    return Listed(
        profiles=tuple((sid, path) for sid, path in profiles if path),
        directory=_text(top, "PROFILESDIRECTORY"),
        program_data=_text(top, "PROGRAMDATA"),
        event_logs=_files(_values(hive, key) for key in keys_in_software()),
    )


def _classic_logs(hive: Hive, control_set: str) -> tuple[str, ...]:
    service = hive.key(f"{control_set}\\{LOG_SERVICE}")
    logs = () if service is None else itertools.islice(service.subkeys(), MAX_LOGS)
    return _files(_of(hive, log) for log in logs)


def _letters(hive: Hive) -> tuple[tuple[bytes, str], ...]:
    key = hive.key(_MOUNTED)
    values = () if key is None else itertools.islice(key.values(), _MAX_MOUNTED)
    found = {}
    for value in values:
        letter = _LETTER.fullmatch(value.name)
        if letter is not None and value.size <= _MAX_DEVICE:
            try:
                found[value.data] = letter[1].upper()
            except FormatError as error:
                hive.note(error)
    return tuple(found.items())


def _prefetches(hive: Hive, control_set: str) -> bool:
    mode = _values(hive, f"{control_set}\\{_PREFETCH}").get("ENABLEPREFETCHER")
    if isinstance(mode, int):
        return bool(mode & _PROGRAMS)
    product = _text(_values(hive, f"{control_set}\\{_OPTIONS}"), "PRODUCTTYPE")
    return product in ("", _WORKSTATION)


def _files(keys: Iterable[Values]) -> tuple[str, ...]:
    files = (_text(values, FILE.upper()) for values in keys)
    return tuple(dict.fromkeys(file for file in files if file))


def _values(hive: Hive, path: str) -> Values:
    """Empty if there is no such key; what cannot be read is among the hive's problems."""
    key = hive.key(path)
    return {} if key is None else _of(hive, key)


def _of(hive: Hive, key: Key) -> Values:
    found: Values = {}
    for value in key.values():
        if value.size <= _MAX_TEXT and value.type in (*_TEXTS, *_NUMBERS):
            try:
                found[value.name.upper()] = _content(value)
            except FormatError as error:
                hive.note(error)
    return found


def _content(value: Value) -> str | int:
    return value.text if value.type in _TEXTS else int.from_bytes(value.data[:8], "little")


def _product(current: Values) -> str:
    name = _text(current, "PRODUCTNAME")
    build = _text(current, "CURRENTBUILD")
    release = _text(current, "DISPLAYVERSION") or _text(current, "RELEASEID")
    return product_name(name, release, int(build) if build.isdecimal() else 0) if name else ""


def _version(current: Values) -> str:
    major, minor = (
        current.get("CURRENTMAJORVERSIONNUMBER"),
        current.get("CURRENTMINORVERSIONNUMBER"),
    )
    start = f"{major}.{minor}" if major is not None else _text(current, "CURRENTVERSION")
    parts = (start, _text(current, "CURRENTBUILD"), _text(current, "UBR"))
    return ".".join(part for part in parts if part)


def _text(values: Values, name: str) -> str:
    value = values.get(name, "")
    return str(value)
