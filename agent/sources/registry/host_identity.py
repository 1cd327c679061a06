r"""Who the host is, beyond its name, from its hives: the same of one that runs and one at rest.

Keys: ``ProfileList`` (``ProfileImagePath``; ``LocalProfileLoadTimeHigh`` and ``-Low``, a FILETIME);
``MountedDevices`` (libyal's winreg-kb, "Mounted devices": a disk's signature and a byte,
``DMIO:ID:`` and the GUID of a partition, or a device's path); ``Control\TimeZoneInformation``
(Microsoft Learn, TIME_ZONE_INFORMATION: UTC is the local time and the bias, in minutes);
``Services\Tcpip\Parameters\Interfaces`` (Microsoft Learn, "TCP/IP and NBT configuration
parameters": leases in seconds since 1970) and, with the names of connections,
``Control\Network\{4D36E972-…}``.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from datetime import datetime, timezone
from uuid import UUID

from ...formats import FormatError
from ...formats.filetime import utc_of
from ...formats.hive import Hive, Key
from ...model.host_facts import HostFacts
from ...model.host_parts import Account, Drive, NetworkCard
from ...model.observation import EARLIEST
from ...spelling import base_name, fold
from .hive_names import Kind
from .recording import control_set_of

MOST = 1000
"""Keys or values of a kind that are asked."""
_PROFILES = r"Microsoft\Windows NT\CurrentVersion\ProfileList"
_DEVICES = "MountedDevices"
_LETTER = "\\DOSDEVICES\\"
_PARTITION = b"DMIO:ID:"
_CARDS = r"Services\Tcpip\Parameters\Interfaces"
_NETWORK = r"Control\Network\{4D36E972-E325-11CE-BFC1-08002BE10318}"
_ZONE = r"Control\TimeZoneInformation"
_NOWHERE = frozenset({"", "0.0.0.0", "255.255.255.255"})  # noqa: S104 - what no card has


def note_host(hive: Hive, kind: Kind, facts: HostFacts) -> None:
    """What a hive of the host tells; what cannot be read is among its problems."""
    if kind is Kind.SOFTWARE:
        facts.accounts = [*_accounts(hive)]
    elif kind is Kind.SYSTEM:
        chosen = control_set_of(hive)
        facts.drives = sorted(_drives(hive), key=lambda one: one.letter)
        facts.cards = [*_cards(hive, chosen)]
        zone = hive.key(f"{chosen}\\{_ZONE}")
        if zone is not None:
            facts.time_zone = _text(zone, "TimeZoneKeyName") or _text(zone, "StandardName")
            facts.utc_offset_minutes = _offset(_number(zone, "ActiveTimeBias"))


def _offset(bias: int | None) -> int | None:
    """Minutes ahead of UTC; None for what is none."""
    if bias is None:
        return None
    signed = bias - (1 << 32) if bias >> 31 else bias
    return -signed if abs(signed) <= 24 * 60 else None


def _accounts(hive: Hive) -> Iterator[Account]:
    for key in _subkeys(hive, _PROFILES):
        path = _text(key, "ProfileImagePath")
        if path:
            high, low = (_number(key, f"LocalProfileLoadTime{half}") for half in ("High", "Low"))
            loaded = utc_of((high << 32) + low) if high is not None and low is not None else None
            yield Account(id=key.name, name=base_name(path), profile=path, last_loaded=loaded)


def _drives(hive: Hive) -> Iterator[Drive]:
    key = hive.key(_DEVICES)
    for value in () if key is None else itertools.islice(key.values(), MOST):
        if fold(value.name).startswith(_LETTER):
            try:
                yield Drive(letter=value.name[len(_LETTER) :], device=_device(value.data))
            except FormatError as error:
                hive.note(error)


def _device(data: bytes) -> str:
    if len(data) == 12:
        signature, start = struct.unpack("<IQ", data)
        return f"disk {signature:08x}, byte {start}"
    if data.startswith(_PARTITION) and len(data) == 24:
        return f"GPT partition {{{UUID(bytes_le=data[8:])}}}"
    return data.decode("utf-16-le", "replace")[:512]


def _cards(hive: Hive, control_set: str) -> Iterator[NetworkCard]:
    for key in _subkeys(hive, f"{control_set}\\{_CARDS}"):
        named = hive.key(f"{control_set}\\{_NETWORK}\\{key.name}\\Connection")
        dhcp = _number(key, "EnableDHCP")
        addresses = _addresses(key, "DhcpIPAddress" if dhcp else "IPAddress")
        card = NetworkCard(
            id=key.name,
            name="" if named is None else _text(named, "Name"),
            ip=addresses,
            dhcp=None if dhcp is None else bool(dhcp),
            domain=_text(key, "Domain") or _text(key, "DhcpDomain"),
            dhcp_server=_text(key, "DhcpServer") if dhcp else "",
            leased=_time(_number(key, "LeaseObtainedTime")) if dhcp else None,
            lease_expires=_time(_number(key, "LeaseTerminatesTime")) if dhcp else None,
        )
        if card.ip or card.name or card.domain:
            yield card


def _addresses(key: Key, name: str) -> list[str]:
    value = key.value(name)
    try:
        told = [] if value is None else value.strings
    except FormatError as error:
        key.hive.note(error)
        return []
    return [one[:64] for one in told[:MOST] if one not in _NOWHERE][:16]


def _subkeys(hive: Hive, path: str) -> Iterator[Key]:
    key = hive.key(path)
    yield from () if key is None else itertools.islice(key.subkeys(), MOST)


def _text(key: Key, name: str) -> str:
    value = key.value(name)
    try:
        return "" if value is None else value.text[:512]
    except FormatError as error:
        key.hive.note(error)
        return ""


def _number(key: Key, name: str) -> int | None:
    value = key.value(name)
    if value is None or value.type != "REG_DWORD":
        return None
    try:
        return int.from_bytes(value.data[:4], "little")
    except FormatError as error:
        key.hive.note(error)
        return None


def _time(seconds: int | None) -> datetime | None:
    """None: never, or by a clock that was not set."""
    when = datetime.fromtimestamp(seconds or 0, timezone.utc)
    return when if when >= EARLIEST else None
