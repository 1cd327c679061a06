r"""Who a host at rest was, from its hives SOFTWARE and SYSTEM.

Keys: ``Microsoft\Windows NT\CurrentVersion`` (``SystemRoot``, ``ProductName``, ``InstallDate`` …)
and its ``ProfileList``, ``Microsoft\Cryptography`` (``MachineGuid``); ``Select``,
``Control\ComputerName\ComputerName`` and ``Services\Tcpip\Parameters`` of the control set in use.
Transaction logs are not laid over them: what is asked here was written when Windows was installed,
and a profile that is not listed yet has its folder.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import BinaryIO

import pyregf

from ...formats import FormatError
from ...windows.host import product_name
from ..installation import MAX_PROFILES, Listed

_CURRENT = "Microsoft\\Windows NT\\CurrentVersion"
_PROFILES = f"{_CURRENT}\\ProfileList"
_CRYPTOGRAPHY = "Microsoft\\Cryptography"
_NAME = "Control\\ComputerName\\ComputerName"
_TCPIP = "Services\\Tcpip\\Parameters"
_MAX_TEXT = 65_536
"""Bytes of a value."""
_DWORD, _QWORD = 4, 11
_TEXTS = (1, 2)
_ERRORS = (OSError, ValueError, OverflowError, MemoryError)
"""What libregf raises for what it cannot read."""


@dataclass(frozen=True)
class Software:
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


@dataclass(frozen=True)
class Computer:
    """What SYSTEM tells."""

    name: str = ""
    host_name: str = ""
    domain: str = ""
    data_base: str = ""
    """``DataBasePath``, as it is written there."""


def read_software(file: BinaryIO) -> Software:
    """Raises FormatError: not a hive, or damaged where it was asked."""
    with _Hive(file) as hive:
        current = hive.values(_CURRENT)
        install = current.get("INSTALLDATE")
        return Software(
            system_root=_text(current, "SYSTEMROOT"),
            machine_guid=_text(hive.values(_CRYPTOGRAPHY), "MACHINEGUID"),
            product=_product(current),
            version=_version(current),
            installed=datetime.fromtimestamp(install, timezone.utc)
            if isinstance(install, int) and 0 < install < 1 << 32
            else None,
            listed=_listed(hive),
        )


def read_computer(file: BinaryIO) -> Computer:
    """Raises FormatError: not a hive, or damaged where it was asked."""
    with _Hive(file) as hive:
        number = hive.values("Select").get("CURRENT")
        chosen = f"ControlSet{number if isinstance(number, int) else 1:03d}"
        network = hive.values(f"{chosen}\\{_TCPIP}")
        return Computer(
            name=_text(hive.values(f"{chosen}\\{_NAME}"), "COMPUTERNAME"),
            host_name=_text(network, "NV HOSTNAME") or _text(network, "HOSTNAME"),
            domain=_text(network, "NV DOMAIN") or _text(network, "DOMAIN"),
            data_base=_text(network, "DATABASEPATH"),
        )


def _listed(hive: _Hive) -> Listed:
    top = hive.values(_PROFILES)
    profiles = [
        (sid, _text(hive.values(f"{_PROFILES}\\{sid}"), "PROFILEIMAGEPATH"))
        for sid in hive.keys(_PROFILES)
    ]
    return Listed(
        profiles=tuple((sid, path) for sid, path in profiles if path),
        directory=_text(top, "PROFILESDIRECTORY"),
        program_data=_text(top, "PROGRAMDATA"),
    )


def _product(current: dict[str, str | int]) -> str:
    name = _text(current, "PRODUCTNAME")
    build = _text(current, "CURRENTBUILD")
    release = _text(current, "DISPLAYVERSION") or _text(current, "RELEASEID")
    return product_name(name, release, int(build) if build.isdecimal() else 0) if name else ""


def _version(current: dict[str, str | int]) -> str:
    major, minor = (
        current.get("CURRENTMAJORVERSIONNUMBER"),
        current.get("CURRENTMINORVERSIONNUMBER"),
    )
    start = f"{major}.{minor}" if major is not None else _text(current, "CURRENTVERSION")
    parts = (start, _text(current, "CURRENTBUILD"), _text(current, "UBR"))
    return ".".join(part for part in parts if part)


def _text(values: dict[str, str | int], name: str) -> str:
    value = values.get(name, "")
    return str(value)


class _Hive:
    """The little that is asked of a hive; read by libregf."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = pyregf.file()
        try:
            self._file.open_file_object(file)
        except _ERRORS as error:
            raise FormatError("not a hive that can be read", "header") from error

    def __enter__(self) -> _Hive:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def values(self, path: str) -> dict[str, str | int]:
        """Texts and numbers by their names in capitals; none if there is no such key."""
        found: dict[str, str | int] = {}
        try:
            key = self._file.get_key_by_path(f"\\{path}")
            for value in key.values if key is not None else ():
                if value.data_size <= _MAX_TEXT and value.type in (*_TEXTS, _DWORD, _QWORD):
                    found[(value.name or "").upper()] = _value(value.type, value.data or b"")
        except _ERRORS as error:
            raise FormatError("hive damaged", path) from error
        return found

    def keys(self, path: str) -> list[str]:
        """Names of the keys in a key; at most so many as profiles are listed."""
        try:
            key = self._file.get_key_by_path(f"\\{path}")
            if key is None:
                return []
            count = min(key.number_of_sub_keys, MAX_PROFILES)
            return [key.get_sub_key(index).name or "" for index in range(count)]
        except _ERRORS as error:
            raise FormatError("hive damaged", path) from error


def _value(kind: int, data: bytes) -> str | int:
    if kind in _TEXTS:
        text = data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")
        return text.partition("\0")[0]
    return int.from_bytes(data[:8], "little")
