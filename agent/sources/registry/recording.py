r"""What the hives say of how the host records things.

Keys: ``Control\Session Manager\Memory Management\PrefetchParameters`` (EnablePrefetcher: 1 for
programs, 2 for the start of Windows, 3 for both), ``Control\ProductOptions`` (ProductType: WinNT,
ServerNT, LanmanNT), ``Services\EventLog`` (Start); ``Microsoft\Windows NT\CurrentVersion``
(InstallDate, seconds since 1970), ``…\Policies\System\Audit``
(ProcessCreationIncludeCmdLine_Enabled; Microsoft Learn, "Command line process auditing") and
``Policies\…\ScriptBlockLogging`` (Microsoft Learn, "about_Logging_Windows"; without it PowerShell 5
logs scripts that look suspicious alone). ``HKLM\SECURITY\Policy\PolAdtEv``: the default value
(kazamiya.net, "PolAdtEv"): at 4 the number of categories, at 8 where their numbers of
subcategories stand, from 12 on two bytes for each subcategory in turn.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from ...formats import FormatError
from ...formats.hive import Hive
from ...spelling import fold
from ...targets.log_places import FILE, LOG_SERVICE, keys_in_software
from .hive_names import Kind

PREFETCHER, PRODUCT = "EnablePrefetcher", "ProductType"
COMMAND_LINES, INSTALLED = "ProcessCreationIncludeCmdLine_Enabled", "InstallDate"
SCRIPT_BLOCKS = "EnableScriptBlockLogging"
EVENT_LOG = "start of the event log service"
DISABLED = 4
"""As a service's start (Microsoft Learn, "CreateServiceW", dwStartType)."""
AUDIT_PROCESSES, AUDIT_CONNECTIONS = "Process Creation", "Filtering Platform Connection"
TELL_OF_RECORDING = (Kind.SYSTEM, Kind.SOFTWARE, Kind.SECURITY)
SYSTEM_READ, SOFTWARE_READ = "SYSTEM", "SOFTWARE"
"""Whether that hive was asked and could be read: what is not set in it has its default then."""
_PREFETCH = r"Control\Session Manager\Memory Management\PrefetchParameters"
_OPTIONS = r"Control\ProductOptions"
_CURRENT = r"Microsoft\Windows NT\CurrentVersion"
_SCRIPT_BLOCKS = r"Policies\Microsoft\Windows\PowerShell\ScriptBlockLogging"
_POLICY = r"Policy\PolAdtEv"
_POLICY_HEADER = 12
_MAX_CATEGORIES = 64
_MAX_POLICY = 4096
_SUBCATEGORIES = {AUDIT_PROCESSES: (4, 0), AUDIT_CONNECTIONS: (2, 10)}
"""Category and number in it, the same since Windows 7 (later ones were added behind)."""
_TELLING_LOGS = ("Application", "Security", "System", "Windows PowerShell")
_AUDIT = r"Microsoft\Windows\CurrentVersion\Policies\System\Audit"


def recording_in(hive: Hive, kind: Kind) -> dict[str, Any]:
    """The settings of a hive, by their names here; what cannot be read is among its problems."""
    if kind is Kind.SYSTEM:
        chosen = control_set_of(hive)
        return _known(
            {
                PREFETCHER: _number(hive, f"{chosen}\\{_PREFETCH}", PREFETCHER),
                PRODUCT: _text(hive, f"{chosen}\\{_OPTIONS}", PRODUCT),
                EVENT_LOG: _number(hive, f"{chosen}\\{LOG_SERVICE}", "Start"),
                SYSTEM_READ: None if hive.problems else True,
            }
        )
    if kind is Kind.SOFTWARE:
        seconds = _number(hive, _CURRENT, INSTALLED)
        return _known(
            {
                COMMAND_LINES: _number(hive, _AUDIT, COMMAND_LINES),
                SCRIPT_BLOCKS: _number(hive, _SCRIPT_BLOCKS, SCRIPT_BLOCKS),
                INSTALLED: datetime.fromtimestamp(seconds, timezone.utc) if seconds else None,
                SOFTWARE_READ: None if hive.problems else True,
            }
        )
    return audit_policy(_bytes(hive, _POLICY, "")) if kind is Kind.SECURITY else {}


def logs_not_searched(hive: Hive, kind: Kind) -> Iterator[str]:
    """The files of logs that tell most, where the registry (``targets/log_places.py``) gives them
    another name than is searched: Windows XP's are of another form."""
    keys: list[str] = []
    if kind is Kind.SYSTEM:
        service = f"{control_set_of(hive)}\\{LOG_SERVICE}"
        keys = [f"{service}\\{name}" for name in _TELLING_LOGS]
    elif kind is Kind.SOFTWARE:
        keys = keys_in_software()
    for key in keys:
        path = _text(hive, key, FILE) or ""
        if path and not fold(path).endswith(".EVTX"):
            yield path


def control_set_of(hive: Hive) -> str:
    """The control set of SYSTEM that is in use."""
    return f"ControlSet{_number(hive, 'Select', 'Current') or 1:03d}"


def audit_policy(data: bytes) -> dict[str, Any]:
    """What is audited, by the value of ``PolAdtEv``: bit 1 success, bit 2 failure. Two
    subcategories are told; nothing of a value that is none."""
    if len(data) < _POLICY_HEADER:
        return {}
    categories, end = struct.unpack_from("<II", data, 4)
    if not 5 <= categories <= _MAX_CATEGORIES or end + 2 * categories > len(data):
        return {}
    counts = struct.unpack_from(f"<{categories}H", data, end)
    if _POLICY_HEADER + 2 * sum(counts) > end:
        return {}
    told = {}
    for name, (category, number) in _SUBCATEGORIES.items():
        if number < counts[category]:
            at = _POLICY_HEADER + 2 * (sum(counts[:category]) + number)
            told[name] = int.from_bytes(data[at : at + 2], "little")
    return told


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _number(hive: Hive, path: str, name: str) -> int | None:
    key = hive.key(path)
    value = key.value(name) if key is not None else None
    if value is None or value.type != "REG_DWORD":
        return None
    try:
        return int.from_bytes(value.data[:4], "little")
    except FormatError as error:
        hive.note(error)
        return None


def _bytes(hive: Hive, path: str, name: str) -> bytes:
    key = hive.key(path)
    value = key.value(name) if key is not None else None
    if value is None or value.size > _MAX_POLICY:
        return b""
    try:
        return value.data
    except FormatError as error:
        hive.note(error)
        return b""


def _text(hive: Hive, path: str, name: str) -> str | None:
    key = hive.key(path)
    value = key.value(name) if key is not None else None
    if value is None:
        return None
    try:
        return value.text
    except FormatError as error:
        hive.note(error)
        return None
